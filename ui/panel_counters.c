/* What the server counts: curves of its gauges, and its own figures beside those that were measured here. */
#include "ui/panels.h"

#include "fmt.h"
#include "util.h"

#include <math.h>
#include <stdio.h>

#define LABEL_W 16
#define VALUE_W 9
#define CURVES 4
#define CURVE_MOST 8

/* ---- curves ---- */

static void counter(struct canvas *c, struct rect r, const char *name, const char *value, struct curve of, double top,
                    enum role role)
{
    double lo = 0, hi = top;
    canvas_text(c, r.x, r.y, LABEL_W, name, ROLE_TEXT_DIM);
    canvas_text_right(c, r.x, r.y, LABEL_W + 8, value, ROLE_TEXT_BRIGHT);
    int x = r.x + LABEL_W + 10, w = r.w - LABEL_W - 10;
    if (w < 8)
        return;
    if (!(hi > 0)) {
        plot_bounds(of, 1, &lo, &hi);
        lo = 0;
    }
    if (r.h >= 2)
        plot_history(c, (struct rect){x, r.y, w, r.h}, of, lo, hi, role);
    else
        plot_spark(c, x, r.y, w, of, lo, hi, role);
}

/* Returns the row below the last one. */
static int draw_curves(struct canvas *c, struct rect in, int high, const struct snapshot *s, enum plot_zoom zoom)
{
    const struct server_view *v = &s->server;
    char n[CURVES][FMT_SIZE];
    const struct {
        const char *name, *value;
        const struct series *of;
        double known, top;
        enum role role;
    } rows[CURVES] = {
        {"running", fmt_count(n[0], v->running), &s->series.run, v->running, (double)NAN, ROLE_SERIES_1},
        {"waiting", fmt_count(n[1], v->waiting), &s->series.wait, v->waiting, (double)NAN, ROLE_SERIES_2},
        {"KV cache", fmt_percent(n[2], v->kv_used), &s->series.kv, v->kv_used, 1, ROLE_SERIES_3},
        {"output tok/s", fmt_rate(n[3], v->generated_rate), &s->series.gen,
         v->tokens_at_end ? (double)NAN : v->counts.generated_tokens, (double)NAN, ROLE_SERIES_4},
    };
    int y = in.y;
    for (int i = 0; i < CURVES; i++) {
        if (y >= in.y + in.h || (i == CURVES - 1 && !isfinite(rows[i].known)))
            continue;
        counter(c, (struct rect){in.x, y, in.w, MIN_OF(high, in.y + in.h - y)}, rows[i].name, rows[i].value,
                (struct curve){rows[i].of, zoom}, rows[i].top, rows[i].role);
        y += high;
    }
    return y;
}

/* ---- figures ---- */

#define FIGURES_MOST 12

struct figure {
    const char *name;
    char server[FMT_SIZE], here[FMT_SIZE]; /* empty: there is no such figure */
    char note[64];
};

struct figures {
    int n;
    struct figure at[FIGURES_MOST];
};

static struct figure *add(struct figures *l, const char *name, const char *server)
{
    struct figure *f = &l->at[l->n < FIGURES_MOST ? l->n++ : FIGURES_MOST - 1];
    *f = (struct figure){.name = name};
    str_copy(f->server, sizeof f->server, server);
    return f;
}

/* approx: out of the server's buckets, which are wide. */
static void add_time(struct figures *l, const char *name, double server, double here, bool approx)
{
    char n[FMT_SIZE], text[FMT_SIZE + 4];
    if (!isfinite(server))
        return;
    snprintf(text, sizeof text, "%s%s", approx ? "≈" : "", fmt_ms(n, server));
    struct figure *f = add(l, name, text);
    if (isfinite(here))
        fmt_ms(f->here, here);
}

/* approx: ours are events, not tokens. */
static void add_tokens(struct figures *l, const struct server_view *v, bool approx)
{
    char n[FMT_SIZE];
    if (isfinite(v->generated_rate) || v->tokens_at_end) {
        struct figure *f = add(l, "output tok/s", fmt_rate(n, v->generated_rate));
        if (isfinite(v->our_rate))
            snprintf(f->here, sizeof f->here, "%s%.12s", approx ? "≈" : "", fmt_rate(n, v->our_rate));
        str_copy(f->note, sizeof f->note, v->tokens_at_end ? "counted as requests end" : "last 10 s");
    }
    if (isfinite(v->prompt_rate))
        str_copy(add(l, "prompt tok/s", fmt_rate(n, v->prompt_rate))->note, sizeof l->at[0].note, "last 10 s");
}

static void add_rest(struct figures *l, const struct server_view *v)
{
    char n[FMT_SIZE], m[FMT_SIZE];
    const struct server_counts *k = &v->counts;
    if (isfinite(k->preemptions))
        str_copy(add(l, "preemptions", fmt_count(n, k->preemptions))->note, sizeof l->at[0].note,
                 k->preemptions > 0 ? "put back for want of KV cache" : "");
    if (isfinite(k->accepted)) {
        struct figure *f = add(l, "drafts accepted", fmt_percent(n, k->accepted));
        snprintf(f->note, sizeof f->note, "%s tokens of each draft", fmt_rate(m, k->accepted_a_draft));
    }
    if (isfinite(v->lines)) {
        struct figure *f = add(l, "its page", fmt_count(n, v->lines));
        snprintf(f->note, sizeof f->note, "lines%s%s; / searches them", v->bad_lines > 0 ? ", unreadable: " : "",
                 v->bad_lines > 0 ? fmt_count(m, v->bad_lines) : "");
    }
}

/* What matters most stands first: the last ones make room. */
static void collect(struct figures *l, const struct snapshot *s)
{
    const struct server_view *v = &s->server;
    const struct server_counts *k = &v->counts;
    char n[FMT_SIZE];
    /* The server's are since before the run: after a reset, and in a later load, ours are not of the same requests. */
    bool same_span = !isfinite(s->since_s);
    double ttft = same_span ? s->ttft.mean : (double)NAN, p95 = same_span ? s->ttft.p95 : (double)NAN;
    l->n = 0;
    str_copy(add(l, "prefix hits", fmt_percent(n, v->prefix_hits))->note, sizeof l->at[0].note, "of prompt tokens, last 10 s");
    add_time(l, "TTFT mean", k->ttft.mean, ttft, false);
    add_time(l, "TTFT p95", k->ttft.p95, p95, true);
    add_time(l, "queue mean", k->queue.mean, (double)NAN, false);
    add_time(l, "ITL mean", k->itl.mean, same_span ? s->itl.mean : (double)NAN, false);
    add_tokens(l, v, s->output_approx);
    add_rest(l, v);
}

static bool has_pair(const struct figures *l)
{
    bool pair = false;
    for (int i = 0; i < l->n; i++)
        pair = pair || l->at[i].here[0] != '\0';
    return pair;
}

/* pairs: what was measured here stands beside it. */
static void draw_figure(struct canvas *c, int x, int y, int w, const struct figure *f, bool pairs)
{
    canvas_text(c, x, y, LABEL_W, f->name, ROLE_TEXT_DIM);
    canvas_text_right(c, x + LABEL_W - 1, y, VALUE_W, f->server, ROLE_TEXT_BRIGHT);
    int used = LABEL_W + VALUE_W + 1;
    if (pairs && f->here[0] != '\0') {
        canvas_text_right(c, x + used, y, VALUE_W, f->here, ROLE_TEXT_BRIGHT);
        used += VALUE_W + 2;
    }
    canvas_text_fit(c, x + used, y, MAX_OF(w - used, 0), f->note, ROLE_TEXT_DIM);
}

static void draw_figures(struct canvas *c, struct rect r, const struct figures *l)
{
    int y = r.y, end = r.y + r.h;
    bool pairs = has_pair(l) && r.h >= 3; /* two numbers without a head would say nothing */
    if (pairs) {
        canvas_text_right(c, r.x + LABEL_W - 1, y, VALUE_W, "server", ROLE_TEXT_DIM);
        canvas_text_right(c, r.x + LABEL_W + VALUE_W + 1, y, VALUE_W, "here", ROLE_TEXT_DIM);
        y++;
    }
    for (int i = 0; i < l->n && y < end; i++, y++)
        draw_figure(c, r.x, y, r.w, &l->at[i], pairs);
}

/* ---- the panel ---- */

/* What we keep in flight against what the server says it runs: the rest waits, there or on the way. */
static void agreement(struct items *l, const struct snapshot *s)
{
    char text[FMT_SIZE];
    items_add(l, "we keep", fmt_count(text, s->in_flight), ROLE_TEXT);
    items_add(l, "TTFT p50", fmt_ms(text, s->ttft.p50), ROLE_TEXT);
    if (s->server.waiting > 0)
        items_add(l, "", "requests queue", ROLE_STATUS_WARN);
}

static const char *why_none(const struct snapshot *s)
{
    if (s->server.counters_note[0] != '\0')
        return s->server.counters_note;
    return s->state == RUN_PREFLIGHT || s->server.address[0] == '\0' ? "not asked yet" : "it tells none at /metrics";
}

void draw_counters(struct canvas *c, struct rect r, const struct snapshot *s, enum plot_zoom zoom)
{
    const struct server_view *v = &s->server;
    struct items foot = {.n = 0};
    struct figures figures;
    agreement(&foot, s);
    struct rect in = panel_draw(c, r, "its own counters", NULL, &foot);
    if (!isfinite(v->running) && !isfinite(v->kv_used) && !isfinite(v->counts.generated_tokens)) {
        canvas_text_fit(c, in.x, in.y, in.w, why_none(s), ROLE_TEXT_DIM);
        return;
    }
    collect(&figures, s);
    int high = MAX_OF(MIN_OF((in.h - figures.n - 1) / CURVES, CURVE_MOST), 1);
    int y = draw_curves(c, in, high, s, zoom);
    draw_figures(c, (struct rect){in.x, y, in.w, in.y + in.h - y}, &figures);
}
