/* One stream: what it is at, the time line of its present request, and its last text over the rest of the panel. */
#include "ui/panels.h"
#include "ui/wrap.h"

#include "fmt.h"
#include "util.h"

#include <math.h>
#include <stdio.h>

enum phase { PHASE_WAIT, PHASE_DECODE, PHASE_COUNT };

static const struct {
    const char *name;
    enum role role;
} looks[PHASE_COUNT] = {{"queue and prefill", ROLE_SERIES_2}, {"decode", ROLE_SERIES_1}};

/* Seconds that the request in flight has been in each phase; NAN: not in it yet.  False where nothing has been sent. */
static bool phases_of(const struct stream_row *r, double span[PHASE_COUNT])
{
    if ((r->state != STREAM_QUEUED && r->state != STREAM_DECODE) || !isfinite(r->wait_s))
        return false;
    bool decoding = r->state == STREAM_DECODE && isfinite(r->ttft_ms);
    span[PHASE_WAIT] = decoding ? r->ttft_ms / 1000 : r->wait_s;
    span[PHASE_DECODE] = decoding ? fmax(r->wait_s - span[PHASE_WAIT], 0) : (double)NAN;
    return true;
}

static void facts(struct canvas *c, struct rect r, const struct stream_row *row)
{
    struct items l = {.n = 0};
    char text[FMT_SIZE + 8];
    items_add(&l, "context", row->context > 0 ? fmt_count(text, row->context) : FMT_UNKNOWN, ROLE_TEXT);
    if (row->state == STREAM_DECODE) {
        stream_output(c, text, sizeof text, row);
        items_add(&l, "output", text, ROLE_TEXT);
        items_add(&l, "TTFT", short_ms(text, row->ttft_ms), ROLE_TEXT);
        items_add_unit(&l, fmt_rate(text, row->rate), "tok/s", ROLE_TEXT_BRIGHT);
    }
    if (!row->measured && row->state != STREAM_IDLE)
        items_add(&l, "", "warm-up", ROLE_TEXT_DIM);
    items_draw(c, r.x, r.y, r.w, &l);
}

static void recent(struct canvas *c, struct rect r, const struct ui_state *st, size_t row)
{
    float rate[TRAIL_POINTS];
    char n[FMT_SIZE];
    trails_of(&st->trails, row, rate);
    int used = canvas_text(c, r.x, r.y, r.w, "last 16 s", ROLE_TEXT_DIM) + 2;
    stream_trail(c, r.x + used, r.y, &st->trails, row);
    used += TRAIL_POINTS + 2;
    if (!isfinite(rate[TRAIL_POINTS - 1]))
        return;
    used += canvas_text(c, r.x + used, r.y, r.w - used, fmt_rate(n, (double)rate[TRAIL_POINTS - 1]), ROLE_TEXT) + 1;
    canvas_text(c, r.x + used, r.y, r.w - used, "tok/s now", ROLE_TEXT_DIM);
}

/* "sent −2.72 s", "first token −2.49 s" below its place if that has room, "now". */
static void moments(struct canvas *c, struct rect r, const double span[PHASE_COUNT], int boundary)
{
    char text[FMT_SIZE + 32], t[FMT_SIZE];
    bool decoding = isfinite(span[PHASE_DECODE]);
    snprintf(text, sizeof text, "sent −%s", short_ms(t, (span[PHASE_WAIT] + (decoding ? span[PHASE_DECODE] : 0)) * 1000));
    int left = canvas_text(c, r.x, r.y, r.w, text, ROLE_TEXT) + 2, right = r.w - 5;
    canvas_text_right(c, r.x, r.y, r.w, "now", ROLE_TEXT);
    if (!decoding)
        return;
    snprintf(text, sizeof text, "first token −%s", short_ms(t, span[PHASE_DECODE] * 1000));
    int w = canvas_width(c, text), at = MAX_OF(MIN_OF(boundary, right - w), left);
    if (at + w <= right)
        canvas_text(c, r.x + at, r.y, w, text, ROLE_TEXT);
}

static void legend(struct canvas *c, struct rect r, const double span[PHASE_COUNT])
{
    int x = 0;
    for (int i = 0; i < PHASE_COUNT; i++) {
        char text[FMT_SIZE + 32], t[FMT_SIZE];
        if (!isfinite(span[i]))
            continue;
        snprintf(text, sizeof text, "%s %s", looks[i].name, short_ms(t, span[i] * 1000));
        canvas_put(c, r.x + x, r.y, plot_stack_glyph(c, i), looks[i].role);
        x += 2 + canvas_text(c, r.x + x + 2, r.y, r.w - x - 2, text, ROLE_TEXT) + 3;
    }
}

/* Three lines: the phases in proportion, how long they took, and when they began. */
static void time_line(struct canvas *c, struct rect r, const struct stream_row *row)
{
    double span[PHASE_COUNT];
    if (!phases_of(row, span)) {
        canvas_text_fit(c, r.x, r.y, r.w, "no request is in flight", ROLE_TEXT_DIM);
        return;
    }
    struct plot_part parts[PHASE_COUNT];
    double whole = 0;
    for (int i = 0; i < PHASE_COUNT; i++) {
        parts[i] = (struct plot_part){span[i], looks[i].role};
        whole += isfinite(span[i]) ? span[i] : 0;
    }
    plot_stack(c, r.x, r.y, r.w, parts, PHASE_COUNT, whole);
    legend(c, (struct rect){r.x, r.y + 1, r.w, 1}, span);
    moments(c, (struct rect){r.x, r.y + 2, r.w, 1}, span, whole > 0 ? (int)(r.w * span[PHASE_WAIT] / whole) : 0);
}

void draw_stream(struct canvas *c, struct rect r, const struct snapshot *s, const struct ui_state *st)
{
    const struct stream_list *l = &st->streams;
    const struct stream_row *row = &s->streams[l->row];
    struct items head = {.n = 0}, foot = {.n = 0};
    char title[32], text[FMT_SIZE * 2 + 32], a[FMT_SIZE], b[FMT_SIZE];
    snprintf(title, sizeof title, "stream %d", l->row + 1);
    enum role role = ROLE_SERIES_1;
    if (row->state == STREAM_DECODE)
        snprintf(text, sizeof text, "● decoding");
    else
        role = stream_doing(text, sizeof text, row);
    items_add(&head, "", row->id > 0 ? text : "not known yet", role);
    items_add(&foot, "Esc", "back", ROLE_TEXT);
    snprintf(text, sizeof text, "%s of %s by %s", fmt_count(a, l->at + 1), fmt_count(b, l->n), stream_sort_names[l->by]);
    items_add(&foot, "↑↓", text, ROLE_TEXT);
    struct rect in = panel_draw(c, r, title, &head, &foot);
    if (row->id < 1)
        return;
    facts(c, in, row);
    recent(c, (struct rect){in.x, in.y + 1, in.w, 1}, st, (size_t)l->row);
    time_line(c, (struct rect){in.x, in.y + 3, in.w, 3}, row);
    bool more = s->text_stream == l->row + 1 && s->text[0] != '\0';
    wrap_text(c, (struct rect){in.x, in.y + 7, in.w, in.h - 7}, more ? s->text : row->tail, ROLE_TEXT);
}
