/* Time to first token, as a histogram: warm requests, and the first ones in their own colour. */
#include "ui/panels.h"

#include "fmt.h"
#include "util.h"

#include <math.h>

#define PROMISE 0.95    /* the share of requests that are to meet the objectives */
#define LONG_TITLE_FROM 50
#define BOTH_FROM 38    /* narrower: p95 goes to the bottom line */
#define TABLE_FROM_H 13 /* rows inside from which the table of latencies is shown */
#define TABLE_H 4
#define TABLE_NAME_W 10
#define TABLE_CELL_W 10
#define TABLE_W (TABLE_NAME_W + 4 * TABLE_CELL_W)

static void centred(struct canvas *c, struct rect r, const char *text)
{
    int w = canvas_width(c, text);
    if (w <= r.w)
        canvas_text(c, r.x + (r.w - w) / 2, r.y + (r.h - 1) / 2, w, text, ROLE_TEXT_DIM);
}

static const char *why_empty(const struct snapshot *s)
{
    if (s->failed > 0)
        return "no request has succeeded yet";
    return s->state == RUN_PREFLIGHT || s->state == RUN_WARMUP ? "not measured yet"
                                                               : "waiting for a first token";
}

static void headline(struct items *l, const struct snapshot *s, int w)
{
    char text[FMT_SIZE];
    items_add(l, "p50", fmt_ms(text, s->ttft.p50), ROLE_TEXT_BRIGHT);
    if (w >= BOTH_FROM)
        items_add(l, "p95", fmt_ms(text, s->ttft.p95), ROLE_TEXT_BRIGHT);
    if (w >= 70)
        items_add(l, "p99", fmt_ms(text, s->ttft.p99), ROLE_TEXT);
}

static void footer(struct items *l, const struct snapshot *s, int w)
{
    char text[FMT_SIZE];
    if (w < BOTH_FROM)
        items_add(l, "p95", fmt_ms(text, s->ttft.p95), ROLE_TEXT_BRIGHT);
    if (s->failed > 0)
        items_add_unit(l, fmt_count(text, (double)s->failed), "failed", ROLE_STATUS_ERROR);
    if (s->slo[0] != '\0') {
        items_add_unit(l, fmt_percent_below(text, s->good_share, PROMISE), "meet the slo", s->good_share < PROMISE ? ROLE_STATUS_WARN : ROLE_STATUS_OK);
        char rate[FMT_SIZE + 8];
        snprintf(rate, sizeof rate, "%s/s", fmt_requests(text, s->goodput));
        items_add(l, "goodput", rate, ROLE_TEXT_BRIGHT);
    }
    items_add(l, "decode", fmt_rate(text, s->decode_rate), ROLE_TEXT);
    items_add(l, "e2e p95", fmt_ms(text, s->e2e.p95), ROLE_TEXT);
    items_add_unit(l, fmt_count(text, (double)s->ok), "done", ROLE_TEXT);
}

/* "TTFT  90.7 ms  277 ms  …": one kind of latency on one line. */
static void latency_row(struct canvas *c, int x, int y, const char *name, const struct latency_view *v)
{
    char text[FMT_SIZE];
    const double values[] = {v->p50, v->p95, v->p99, v->mean};
    canvas_text(c, x, y, TABLE_NAME_W, name, ROLE_TEXT_DIM);
    for (int i = 0; i < (int)ARRAY_LEN(values); i++)
        canvas_text_right(c, x + TABLE_NAME_W + i * TABLE_CELL_W, y, TABLE_CELL_W, short_ms(text, values[i]),
                          i == 3 ? ROLE_TEXT_DIM : ROLE_TEXT);
}

/* Where there is room below the histogram: every latency, in the same columns. */
static void latency_table(struct canvas *c, struct rect r, const struct snapshot *s)
{
    static const char *const heads[] = {"p50", "p95", "p99", "mean"};
    int x = r.x + r.w - TABLE_W;
    for (int i = 0; i < (int)ARRAY_LEN(heads); i++)
        canvas_text_right(c, x + TABLE_NAME_W + i * TABLE_CELL_W, r.y, TABLE_CELL_W, heads[i], ROLE_TEXT_DIM);
    latency_row(c, x, r.y + 1, "TTFT", &s->ttft);
    latency_row(c, x, r.y + 2, "per token", &s->tpot);
    latency_row(c, x, r.y + 3, "whole", &s->e2e);
}

void draw_ttft(struct canvas *c, struct rect r, const struct snapshot *s)
{
    struct items head = {.n = 0}, foot = {.n = 0};
    headline(&head, s, r.w);
    footer(&foot, s, r.w);
    const char *title = r.w >= LONG_TITLE_FROM ? "time to first token" : "TTFT";
    struct rect in = panel_draw(c, r, title, &head, &foot);
    if (in.h >= TABLE_FROM_H && in.w >= TABLE_W) {
        in.h -= TABLE_H + 1;
        latency_table(c, (struct rect){in.x, in.y + in.h + 1, in.w, TABLE_H}, s);
    }
    struct hist_row rows[PLOT_ROWS];
    int n = plot_hist_rows(&s->hists.ttft, &s->hists.ttft_first, in.h, rows);
    if (n == 0) {
        centred(c, in, why_empty(s));
        return;
    }
    double cold = s->hists.ttft_first.count > 0 ? hist_quantile(&s->hists.ttft_first, 0.5) / 1e6 : (double)NAN;
    struct plot_marker markers[] = {{"p50", s->ttft.p50, ROLE_HIST_MARK},
                                    {"p95", s->ttft.p95, ROLE_HIST_MARK},
                                    {"first", cold, ROLE_HIST_COLD}};
    plot_hist(c, in, rows, n, markers, (int)ARRAY_LEN(markers));
}

void draw_hist(struct canvas *c, struct rect r, const char *title, const struct hist *h, const struct hist *first,
               const struct latency_view *v, const char *when_empty)
{
    struct items head = {.n = 0};
    char text[FMT_SIZE];
    items_add(&head, "p50", short_ms(text, v->p50), ROLE_TEXT_BRIGHT);
    items_add(&head, "p95", short_ms(text, v->p95), ROLE_TEXT_BRIGHT);
    struct rect in = panel_draw(c, r, title, &head, NULL);
    struct hist_row rows[PLOT_ROWS];
    int n = plot_hist_rows(h, first, in.h, rows);
    if (n == 0) {
        centred(c, in, when_empty);
        return;
    }
    double cold = first->count > 0 ? hist_quantile(first, 0.5) / 1e6 : (double)NAN;
    struct plot_marker markers[] = {
        {"p50", v->p50, ROLE_HIST_MARK}, {"p95", v->p95, ROLE_HIST_MARK}, {"p99", v->p99, ROLE_HIST_MARK}, {"first", cold, ROLE_HIST_COLD}};
    plot_hist(c, in, rows, n, markers, (int)ARRAY_LEN(markers));
}
