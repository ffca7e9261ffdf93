/* The streams in flight: a row each, with the end of what it is saying. */
#include "ui/panels.h"

#include "fmt.h"
#include "util.h"

#include <math.h>
#include <string.h>

#define TEXT_LEAST 10 /* columns below which a stream's text is not worth showing */

/* Columns of the list; 0: left out.  Numbers are right-aligned in theirs. */
struct columns {
    int id, context, output, ttft, rate, text;
};

static struct columns columns_for(int w, const struct snapshot *s)
{
    struct columns k = {.id = s->streams_total >= 1000 ? 5 : s->streams_total >= 100 ? 4 : 3};
    k.output = 6;
    k.ttft = 9;
    k.rate = 7;
    int used = k.id + 2 + k.output + k.ttft + k.rate;
    if (w - used >= 8) {
        k.context = 8;
        used += k.context;
    }
    if (w - used - 2 >= TEXT_LEAST)
        k.text = w - used - 2;
    return k;
}

void stream_head(struct canvas *c, int x, int y, int w, const struct snapshot *s)
{
    struct columns k = columns_for(w, s);
    canvas_text_right(c, x, y, k.id, "#", ROLE_TEXT_DIM);
    x += k.id + 2;
    canvas_text_right(c, x, y, k.context, "context", ROLE_TEXT_DIM);
    x += k.context;
    canvas_text_right(c, x, y, k.output, "out", ROLE_TEXT_DIM);
    x += k.output;
    canvas_text_right(c, x, y, k.ttft, "TTFT", ROLE_TEXT_DIM);
    x += k.ttft;
    canvas_text_right(c, x, y, k.rate, "tok/s", ROLE_TEXT_DIM);
    if (k.text > 0)
        canvas_text(c, x + k.rate + 2, y, k.text, "text", ROLE_TEXT_DIM);
}

/* What stands in the place of the numbers while there are none. */
static enum role state_text(char *out, size_t size, const struct stream_row *row)
{
    char t[FMT_SIZE];
    switch (row->state) {
    case STREAM_CONNECT:
        snprintf(out, size, "connecting");
        return ROLE_TEXT_DIM;
    case STREAM_QUEUED:
        snprintf(out, size, "queued %s", fmt_ms(t, row->wait_s * 1000));
        return ROLE_SERIES_2;
    case STREAM_BACKOFF:
        snprintf(out, size, "retry in %s", fmt_ms(t, row->backoff_s * 1000));
        return ROLE_STATUS_ERROR;
    case STREAM_IDLE:
    case STREAM_DECODE:
        break;
    }
    snprintf(out, size, "idle");
    return ROLE_TEXT_DIM;
}

static void state_glyph(struct canvas *c, int x, int y, enum stream_state state)
{
    switch (state) {
    case STREAM_DECODE:
        canvas_put(c, x, y, 0x25cf, ROLE_SERIES_1);
        break;
    case STREAM_QUEUED:
        canvas_put(c, x, y, 0x25cb, ROLE_SERIES_2);
        break;
    case STREAM_BACKOFF:
        canvas_put(c, x, y, '!', ROLE_STATUS_ERROR);
        break;
    case STREAM_CONNECT:
    case STREAM_IDLE:
        canvas_put(c, x, y, 0xb7, ROLE_TEXT_DIM);
        break;
    }
}

static void numbers(struct canvas *c, int x, int y, const struct columns *k, const struct stream_row *row)
{
    char text[FMT_SIZE + 8], n[FMT_SIZE];
    snprintf(text, sizeof text, "%s%s", row->output_approx ? "≈" : "", fmt_count(n, row->output));
    if (canvas_width(c, text) > k->output) /* seven digits: without the blanks */
        snprintf(text, sizeof text, "%d", row->output);
    canvas_text_right(c, x, y, k->output, text, ROLE_TEXT);
    x += k->output;
    canvas_text_right(c, x, y, k->ttft, fmt_ms(n, row->ttft_ms), ROLE_TEXT);
    x += k->ttft;
    canvas_text_right(c, x, y, k->rate, fmt_rate(n, row->rate), ROLE_TEXT_BRIGHT);
}

void stream_line(struct canvas *c, int x, int y, int w, const struct snapshot *s, const struct stream_row *row)
{
    struct columns k = columns_for(w, s);
    char text[FMT_SIZE + 16], n[FMT_SIZE];
    snprintf(text, sizeof text, "%d", row->id);
    canvas_text_right(c, x, y, k.id, text, ROLE_TEXT_DIM);
    state_glyph(c, x + k.id + 1, y, row->state);
    x += k.id + 2;
    canvas_text_right(c, x, y, k.context, fmt_count(n, row->context), ROLE_TEXT_DIM);
    x += k.context;
    if (row->state == STREAM_DECODE) {
        numbers(c, x, y, &k, row);
    } else {
        enum role role = state_text(text, sizeof text, row);
        canvas_text_right(c, x, y, k.output + k.ttft + k.rate, text, role);
    }
    if (k.text > 0)
        canvas_text_tail(c, x + k.output + k.ttft + k.rate + 2, y, k.text, row->tail, ROLE_TEXT_DIM);
}

void stream_counts(struct items *l, const struct snapshot *s, int target)
{
    char text[FMT_SIZE * 2], n[FMT_SIZE], m[FMT_SIZE];
    snprintf(text, sizeof text, "%s of %s", fmt_count(n, s->in_flight), fmt_count(m, target));
    items_add(l, "", text, ROLE_TEXT_BRIGHT);
    if (s->backing_off > 0)
        items_add_unit(l, fmt_count(n, s->backing_off), "retrying", ROLE_STATUS_ERROR);
    if (s->queued > 0)
        items_add_unit(l, fmt_count(n, s->queued), "queued", ROLE_SERIES_2);
    if (s->decoding > 0)
        items_add_unit(l, fmt_count(n, s->decoding), "decoding", ROLE_SERIES_1);
}

void draw_streams(struct canvas *c, struct rect r, const struct snapshot *s, const struct ui_state *st)
{
    struct items head = {.n = 0}, foot = {.n = 0};
    stream_counts(&head, s, state_target(st, s, TARGET_STREAMS));
    int rows = r.h - 3, shown = MIN_OF((int)s->streams_n, rows), left = s->streams_total - shown;
    if (left > 0) {
        char text[FMT_SIZE];
        items_add_unit(&foot, fmt_count(text, left), "more: press 3", ROLE_TEXT);
    }
    struct rect in = panel_draw(c, r, "streams", &head, &foot);
    stream_head(c, in.x, in.y, in.w, s);
    for (int i = 0; i < shown; i++)
        stream_line(c, in.x, in.y + 1 + i, in.w, s, &s->streams[i]);
}
