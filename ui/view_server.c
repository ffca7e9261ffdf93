/* Server: who it is, how it was started, what it tells of itself, and how that goes with what was measured. */
#include "ui/layout.h"
#include "ui/panels.h"
#include "ui/search.h"
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

static int limit(struct canvas *c, struct rect in, int row, const char *label, char *(*fmt)(char *out, double v), double api, double told)
{
    char text[FMT_SIZE + 32], n[FMT_SIZE];
    if (!isfinite(api) && !isfinite(told))
        return row;
    snprintf(text, sizeof text, "%s%s", fmt(n, isfinite(api) ? api : told), isfinite(api) ? "" : " by its command line");
    return fact(c, in, row, label, text, ROLE_TEXT_BRIGHT);
}

/* How many at once: as it tells, or as it shows. */
static int sequences(struct canvas *c, struct rect in, int row, const struct server_view *v)
{
    if (isfinite(v->max_num_seqs) || isfinite(v->told_max_num_seqs) || !isfinite(v->seems_max_num_seqs))
        return limit(c, in, row, "max-num-seqs", fmt_count, v->max_num_seqs, v->told_max_num_seqs);
    char text[FMT_SIZE + 64], n[FMT_SIZE];
    snprintf(text, sizeof text, "%s, it seems: no more ran while others waited", fmt_count(n, v->seems_max_num_seqs));
    return fact(c, in, row, "max-num-seqs", text, ROLE_TEXT);
}

static int capacity(struct canvas *c, struct rect in, int row, const struct server_view *v)
{
    char text[160], a[FMT_SIZE], b[FMT_SIZE], d[FMT_SIZE];
    if (v->kv_blocks * v->kv_block_tokens == v->kv_tokens) { /* not so where layers have caches of several kinds */
        snprintf(text, sizeof text, "%s tokens, %s blocks of %s", fmt_tokens(a, v->kv_tokens), fmt_count(b, v->kv_blocks),
                 fmt_count(d, v->kv_block_tokens));
        row = fact(c, in, row, "KV cache", text, ROLE_TEXT);
    } else if (isfinite(v->kv_tokens)) {
        snprintf(text, sizeof text, "%s tokens", fmt_tokens(a, v->kv_tokens));
        row = fact(c, in, row, "KV cache", text, ROLE_TEXT);
    }
    if (isfinite(v->slot_context)) {
        snprintf(text, sizeof text, "of %s tokens", fmt_tokens(a, v->slot_context));
        row = fact(c, in, row, "slots", text, ROLE_TEXT);
    }
    if (isfinite(v->loaded)) {
        snprintf(text, sizeof text, "%s GiB, %s of them in VRAM, context %s", fmt_gib(a, v->loaded), fmt_gib(b, v->loaded_vram),
                 fmt_tokens(d, v->loaded_context));
        row = fact(c, in, row, "loaded", text, ROLE_TEXT);
    }
    return row;
}

/* What keeps its numbers from being what they seem. */
static int doubts(struct canvas *c, struct rect in, int row, const struct server_view *v)
{
    char text[96], n[FMT_SIZE];
    row = fact(c, in, row, "note", v->process_note, ROLE_STATUS_WARN);
    if (isfinite(v->running)) /* else the other panel has room to say it */
        row = fact(c, in, row, "counters", v->counters_note, ROLE_STATUS_WARN);
    if (v->counts.jumps)
        return fact(c, in, row, "counters", "of several servers in turn: left out", ROLE_STATUS_WARN);
    if (v->counts.restarts <= 0)
        return row;
    snprintf(text, sizeof text, "%s; its counters are added up", fmt_count(n, v->counts.restarts));
    return fact(c, in, row, "restarts", text, ROLE_STATUS_WARN);
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
    row = limit(c, in, row, "max-model-len", fmt_tokens, v->max_model_len, v->told_max_model_len);
    row = sequences(c, in, row, v);
    row = capacity(c, in, row, v);
    if (isfinite(v->told_memory_share))
        row = fact(c, in, row, "GPU memory", fmt_percent(text, v->told_memory_share), ROLE_TEXT);
    row = doubts(c, in, row, v);
    if (v->pid != 0) {
        snprintf(text, sizeof text, "%d", v->pid);
        row = fact(c, in, row, "process", text, ROLE_TEXT);
        fact(c, in, row, "command", v->command, ROLE_TEXT);
    }
}

static void draw(struct canvas *c, struct rect body, const struct snapshot *s, const struct ui_state *st)
{
    struct rect at[SERVER_COUNT];
    if (st->search.on) {
        search_draw(c, body, s, st);
        return;
    }
    layout_server(body, at);
    draw_facts(c, at[SERVER_FACTS], s);
    draw_counters(c, at[SERVER_COUNTERS], s, st->zoom);
}

static void update(struct ui_state *st, const struct snapshot *s, struct rect body, enum glyph_set glyphs)
{
    (void)glyphs;
    if (st->search.on)
        search_update(st, s, body);
}

static bool act(struct ui_state *st, const struct snapshot *s, enum action a, struct rect body)
{
    return st->search.on && search_act(st, s, a, body);
}

const struct view view_server = {
    .name = "server",
    .key = '5',
    .help = "who it is, how it was started, its counters",
    .update = update,
    .draw = draw,
    .act = act,
};
