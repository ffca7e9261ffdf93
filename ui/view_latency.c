/* Latency: every kind of it as a histogram, the percentiles in a table, and the time to first token over time. */
#include "ui/layout.h"
#include "ui/panels.h"
#include "ui/view.h"

#include "fmt.h"
#include "util.h"

#include <math.h>

#define NAME_W 16
#define CELL_W 9

static void table_row(struct canvas *c, struct rect in, int row, const char *name, const struct latency_view *v, bool approx)
{
    char text[FMT_SIZE + 4], n[FMT_SIZE];
    const double values[] = {v->p50, v->p95, v->p99, v->mean};
    int y = in.y + row, x = in.x + NAME_W;
    if (row >= in.h)
        return;
    canvas_text(c, in.x, y, NAME_W, name, ROLE_TEXT_DIM);
    for (int i = 0; i < (int)ARRAY_LEN(values); i++, x += CELL_W)
        canvas_text_right(c, x, y, CELL_W, short_ms(text, values[i]), i < 2 ? ROLE_TEXT_BRIGHT : ROLE_TEXT);
    snprintf(text, sizeof text, "%s%s", fmt_count(n, (double)v->n), approx ? " ≈" : "");
    canvas_text_right(c, x, y, in.x + in.w - x, text, ROLE_TEXT_DIM);
}

static void draw_table(struct canvas *c, struct rect r, const struct snapshot *s)
{
    static const char *const heads[] = {"p50", "p95", "p99", "mean"};
    struct items head = {.n = 0}, foot = {.n = 0};
    char text[FMT_SIZE];
    items_add(&foot, "decode tok/s", fmt_rate(text, s->decode_rate), ROLE_TEXT);
    items_add_unit(&foot, fmt_count(text, (double)s->ok), "done", ROLE_TEXT);
    if (s->failed > 0)
        items_add_unit(&foot, fmt_count(text, (double)s->failed), "failed", ROLE_STATUS_ERROR);
    if (isfinite(s->since_s))
        items_add(&head, "since", fmt_clock(text, s->since_s), ROLE_HIST_MARK);
    struct rect in = panel_draw(c, r, "percentiles", &head, &foot);
    for (int i = 0; i < (int)ARRAY_LEN(heads); i++)
        canvas_text_right(c, in.x + NAME_W + i * CELL_W, in.y, CELL_W, heads[i], ROLE_TEXT_DIM);
    int n_at = in.x + NAME_W + (int)ARRAY_LEN(heads) * CELL_W;
    canvas_text_right(c, n_at, in.y, in.x + in.w - n_at, "n", ROLE_TEXT_DIM);
    int row = 1;
    table_row(c, in, row++, "TTFT", &s->ttft, false);
    /* Where the server tells what its cache had, the two kinds of request are two distributions. */
    if (s->ttft_new.n > 0 && s->ttft_cached.n > 0 && in.h >= 8) {
        table_row(c, in, row++, "  new prompts", &s->ttft_new, false);
        table_row(c, in, row++, "  cached", &s->ttft_cached, false);
    }
    table_row(c, in, row++, "end to end", &s->e2e, false);
    table_row(c, in, row++, "per token", &s->tpot, false);
    table_row(c, in, row++, "between tokens", &s->itl, true);
}

static const char *why_empty(const struct snapshot *s)
{
    return s->failed > 0 && s->ok == 0 ? "no request has succeeded yet" : "no request has ended yet";
}

static void draw_heat(struct canvas *c, struct rect r, const struct snapshot *s)
{
    struct items head = {.n = 0};
    char text[FMT_SIZE];
    if (s->hists.ttft_heat.columns > 0)
        items_add(&head, "a column", fmt_about(text, s->hists.ttft_heat.step_s), ROLE_TEXT_DIM);
    struct rect in = panel_draw(c, r, "TTFT over time", &head, NULL);
    if (s->hists.ttft_heat.columns == 0)
        canvas_text_fit(c, in.x, in.y, in.w, why_empty(s), ROLE_TEXT_DIM);
    else
        plot_heat(c, in, &s->hists.ttft_heat, s->clock_s);
}

static void draw(struct canvas *c, struct rect body, const struct snapshot *s, const struct ui_state *st)
{
    (void)st;
    static const struct hist none;
    const struct {
        enum latency_panel panel;
        const char *title;
        const struct hist *hist, *first;
        const struct latency_view *view;
    } hists[] = {{LATENCY_TTFT, "time to first token", &s->hists.ttft, &s->hists.ttft_first, &s->ttft},
                 {LATENCY_E2E, "end to end", &s->hists.e2e, &none, &s->e2e},
                 {LATENCY_ITL, "between tokens", &s->hists.itl, &none, &s->itl},
                 {LATENCY_TPOT, "per token", &s->hists.tpot, &none, &s->tpot}};
    struct rect at[LATENCY_COUNT];
    layout_latency(body, at);
    for (size_t i = 0; i < ARRAY_LEN(hists); i++)
        if (at[hists[i].panel].w > 0)
            draw_hist(c, at[hists[i].panel], hists[i].title, hists[i].hist, hists[i].first, hists[i].view, why_empty(s));
    draw_table(c, at[LATENCY_TABLE], s);
    if (at[LATENCY_HEAT].w > 0)
        draw_heat(c, at[LATENCY_HEAT], s);
}

const struct view view_latency = {
    .name = "latency",
    .key = '2',
    .help = "histograms, percentiles, TTFT over time",
    .draw = draw,
};
