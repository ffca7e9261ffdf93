/* Server: who it is, how it was started, what it tells of itself, and how that goes with what was measured. */
#include "ui/layout.h"
#include "ui/panels.h"
#include "ui/view.h"

#include "fmt.h"
#include "util.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LABEL_W 16

/* ---- facts ---- */

/* A label and a text over as many lines as it needs; returns the next row. */
static int fact(struct canvas *c, struct rect in, int row, const char *label, const char *text, enum role role)
{
    int room = in.w - LABEL_W;
    if (text[0] == '\0' || row >= in.h || room < 10)
        return row;
    canvas_text(c, in.x, in.y + row, LABEL_W - 1, label, ROLE_TEXT_DIM);
    for (const char *p = text; *p != '\0' && row < in.h; row++) {
        char line[512];
        size_t n = strlen(p);
        str_copy(line, sizeof line, p);
        while (n > 0 && canvas_width(c, line) > room) { /* to the last blank that fits, or just so far */
            char *blank = strrchr(line, ' ');
            n = blank != NULL && blank > line ? (size_t)(blank - line) : n - 1;
            str_copy(line, n + 1 < sizeof line ? n + 1 : sizeof line, p);
            n = strlen(line);
        }
        if (n == 0)
            return row;
        canvas_text(c, in.x + LABEL_W, in.y + row, room, line, role);
        p += n;
        p += strspn(p, " ");
    }
    return row;
}

static int limit(struct canvas *c, struct rect in, int row, const char *label, double api, double told)
{
    char text[FMT_SIZE + 32], n[FMT_SIZE];
    if (!isfinite(api) && !isfinite(told))
        return row;
    snprintf(text, sizeof text, "%s%s", fmt_tokens(n, isfinite(api) ? api : told), isfinite(api) ? "" : " by its command line");
    return fact(c, in, row, label, text, ROLE_TEXT_BRIGHT);
}

static void draw_facts(struct canvas *c, struct rect r, const struct snapshot *s)
{
    const struct server_view *v = &s->server;
    struct items head = {.n = 0};
    char text[FMT_SIZE + 24];
    if (v->simulated)
        items_add(&head, "", "simulated", ROLE_STATUS_WARN);
    items_add(&head, "", v->kind, ROLE_TEXT_BRIGHT);
    struct rect in = panel_draw(c, r, "server", &head, NULL);
    if (v->address[0] == '\0') {
        canvas_text_fit(c, in.x, in.y, in.w, s->status[0] != '\0' ? s->status : "not known yet", ROLE_TEXT_DIM);
        return;
    }
    int row = fact(c, in, 0, "model", v->model, ROLE_TEXT_BRIGHT);
    row = fact(c, in, row, "address", v->address, ROLE_TEXT);
    row = limit(c, in, row, "max-model-len", v->max_model_len, v->told_max_model_len);
    row = limit(c, in, row, "max-num-seqs", (double)NAN, v->told_max_num_seqs);
    if (isfinite(v->told_memory_share))
        row = fact(c, in, row, "GPU memory", fmt_percent(text, v->told_memory_share), ROLE_TEXT);
    row = fact(c, in, row, "note", v->process_note, ROLE_STATUS_WARN);
    if (v->pid != 0) {
        snprintf(text, sizeof text, "%d", v->pid);
        row = fact(c, in, row, "process", text, ROLE_TEXT);
        fact(c, in, row, "command", v->command, ROLE_TEXT);
    }
}

/* ---- counters ---- */

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

/* What we keep in flight against what the server says it runs: the rest waits, there or on the way. */
static void agreement(struct items *l, const struct snapshot *s)
{
    char text[FMT_SIZE];
    items_add(l, "we keep", fmt_count(text, s->in_flight), ROLE_TEXT);
    items_add(l, "TTFT p50", fmt_ms(text, s->ttft.p50), ROLE_TEXT);
    if (s->server.waiting > 0)
        items_add(l, "", "requests queue", ROLE_STATUS_WARN);
}

static void draw_counters(struct canvas *c, struct rect r, const struct snapshot *s, enum plot_zoom zoom)
{
    const struct server_view *v = &s->server;
    struct items foot = {.n = 0};
    char n[FMT_SIZE];
    agreement(&foot, s);
    struct rect in = panel_draw(c, r, "its own counters", NULL, &foot);
    if (!isfinite(v->running) && !isfinite(v->kv_used)) {
        canvas_text_fit(c, in.x, in.y, in.w, s->state == RUN_PREFLIGHT || v->address[0] == '\0' ? "not asked yet" : "it tells none at /metrics", ROLE_TEXT_DIM);
        return;
    }
    int high = MAX_OF(MIN_OF((in.h - 1) / 3, 8), 1), y = in.y;
    counter(c, (struct rect){in.x, y, in.w, high}, "running", fmt_count(n, v->running), (struct curve){&s->series.run, zoom}, (double)NAN, ROLE_SERIES_1);
    y += high;
    counter(c, (struct rect){in.x, y, in.w, high}, "waiting", fmt_count(n, v->waiting), (struct curve){&s->series.wait, zoom}, (double)NAN, ROLE_SERIES_2);
    y += high;
    if (y < in.y + in.h)
        counter(c, (struct rect){in.x, y, in.w, high}, "KV cache", fmt_percent(n, v->kv_used), (struct curve){&s->series.kv, zoom}, 1, ROLE_SERIES_3);
    y += high;
    if (y < in.y + in.h) {
        canvas_text(c, in.x, y, LABEL_W, "prefix hits", ROLE_TEXT_DIM);
        canvas_text_right(c, in.x, y, LABEL_W + 8, fmt_percent(n, v->prefix_hits), ROLE_TEXT_BRIGHT);
        canvas_text_fit(c, in.x + LABEL_W + 10, y, in.w - LABEL_W - 10, "of prompt tokens, last 10 s", ROLE_TEXT_DIM);
    }
}

static void draw(struct canvas *c, struct rect body, const struct snapshot *s, const struct ui_state *st)
{
    struct rect at[SERVER_COUNT];
    layout_server(body, at);
    draw_facts(c, at[SERVER_FACTS], s);
    draw_counters(c, at[SERVER_COUNTERS], s, st->zoom);
}

const struct view view_server = {
    .name = "server",
    .key = '5',
    .help = "who it is, how it was started, its counters",
    .draw = draw,
};
