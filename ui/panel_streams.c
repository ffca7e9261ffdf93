/* The streams in flight: a row each, with the end of what it is saying. */
#include "ui/panels.h"

#include "fmt.h"
#include "util.h"

#include <math.h>
#include <string.h>

#define TEXT_LEAST 10 /* columns below which a stream's text is not worth showing */

#define TRAIL_LEAST 96 /* columns below which the text needs all the room */
#define LINES_MOST 3 /* of text for one stream, where there is room */

/* Columns of the list; 0: left out.  Numbers are right-aligned in theirs, with a blank before them. */
struct columns {
    int id, context, output, ttft, rate, trail, text;
};

static struct columns columns_for(int w, const struct snapshot *s, bool view)
{
    struct columns k = {.id = s->streams_total >= 1000 ? 5 : s->streams_total >= 100 ? 4 : 3};
    k.output = 6;
    k.ttft = 8;
    k.rate = view ? 7 : 6; /* its head may have a mark */
    int used = k.id + 2 + k.output + k.ttft + k.rate;
    if (w - used >= 8) {
        k.context = 8;
        used += k.context;
    }
    if (view && w >= TRAIL_LEAST) {
        k.trail = TRAIL_POINTS + 2;
        used += k.trail;
    }
    if (w - used - 2 >= TEXT_LEAST)
        k.text = w - used - 2;
    return k;
}

static void label(struct canvas *c, int x, int y, int w, const char *text, bool sorted)
{
    char marked[32];
    snprintf(marked, sizeof marked, "%s%s", text, sorted ? "▾" : "");
    canvas_text_right(c, x, y, w, marked, sorted ? ROLE_TEXT_BRIGHT : ROLE_TEXT_DIM);
}

void stream_head(struct canvas *c, int x, int y, int w, const struct snapshot *s, const struct ui_state *st)
{
    struct columns k = columns_for(w, s, st != NULL);
    enum stream_sort by = st != NULL ? st->streams.by : SORT_COUNT;
    if (s->replay.on && s->streams_n == 0 && s->streams_total > 0)
        canvas_text_fit(c, x, y + 1, w, "a file tells of a request when it has ended", ROLE_TEXT_DIM);
    label(c, x, y, k.id, "#", by == SORT_NUMBER);
    label(c, x + k.id, y, 2, "", by == SORT_STATE); /* above the state's glyph */
    x += k.id + 2;
    canvas_text_right(c, x, y, k.context, "context", ROLE_TEXT_DIM);
    x += k.context;
    label(c, x, y, k.output, "out", by == SORT_OUTPUT);
    x += k.output;
    label(c, x, y, k.ttft, by == SORT_WAIT ? "wait" : "TTFT", by == SORT_TTFT || by == SORT_WAIT);
    x += k.ttft;
    label(c, x, y, k.rate, "tok/s", by == SORT_RATE);
    x += k.rate + 2;
    if (k.trail > 0)
        canvas_text(c, x, y, k.trail, "last 16 s", ROLE_TEXT_DIM);
    if (k.text > 0)
        canvas_text(c, x + k.trail, y, k.text, "text", ROLE_TEXT_DIM);
}

enum role stream_doing(char *out, size_t size, const struct stream_row *row)
{
    char t[FMT_SIZE];
    switch (row->state) {
    case STREAM_CONNECT:
        snprintf(out, size, "connecting");
        return ROLE_TEXT_DIM;
    case STREAM_QUEUED:
        snprintf(out, size, "queued %s", short_ms(t, row->wait_s * 1000));
        return ROLE_SERIES_2;
    case STREAM_BACKOFF:
        snprintf(out, size, "retry in %s", short_ms(t, row->backoff_s * 1000));
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

void stream_output(const struct canvas *c, char *out, size_t size, const struct stream_row *row)
{
    const char *mark = row->output_approx ? "≈" : "";
    snprintf(out, size, "%s%d", mark, row->output);
    if (canvas_width(c, out) > 5)
        snprintf(out, size, "%s%.0fk", mark, row->output / 1024.0);
    if (canvas_width(c, out) > 5)
        snprintf(out, size, "%s%.1fM", mark, row->output / 0x1p20);
}

static void numbers(struct canvas *c, int x, int y, const struct columns *k, const struct stream_row *row)
{
    char text[FMT_SIZE + 8];
    stream_output(c, text, sizeof text, row);
    canvas_text_right(c, x + 1, y, k->output - 1, text, ROLE_TEXT);
    x += k->output;
    canvas_text_right(c, x + 1, y, k->ttft - 1, short_ms(text, row->ttft_ms), ROLE_TEXT);
    x += k->ttft;
    canvas_text_right(c, x + 1, y, k->rate - 1, fmt_rate(text, row->rate), ROLE_TEXT_BRIGHT);
}

/* The end of a text in a block of w columns and some lines; "…" in front where it has more. */
static void text_block(struct canvas *c, int x, int y, int w, int lines, const char *s)
{
    int total = canvas_width(c, s), room = lines * (w - 1); /* a wide character may leave a column free */
    if (lines == 1 || total <= w) {
        canvas_text_tail(c, x, y, w, s, ROLE_TEXT_DIM);
        return;
    }
    bool cut = total > room;
    for (uint32_t ch; total > room - cut && *s != '\0';) {
        size_t n = utf8_decode(s, strnlen(s, 4), &ch);
        total -= n > 0 ? canvas_char_width(c, ch) : 1;
        s += n > 0 ? n : 1;
    }
    for (int line = 0; line < lines && *s != '\0'; line++) {
        int used = cut && line == 0 ? canvas_text(c, x, y, 1, "…", ROLE_TEXT_DIM) : 0;
        while (*s != '\0') {
            uint32_t ch = 0xfffd;
            size_t n = utf8_decode(s, strnlen(s, 4), &ch);
            int cw = canvas_char_width(c, ch);
            if (used + cw > w)
                break;
            canvas_put(c, x + used, y + line, ch, ROLE_TEXT_DIM);
            used += cw;
            s += n > 0 ? n : 1;
        }
    }
}

void stream_trail(struct canvas *c, int x, int y, const struct trails *t, size_t row)
{
    float rate[TRAIL_POINTS];
    double most = trails_most(t);
    trails_of(t, row, rate);
    for (int i = 0; i < TRAIL_POINTS; i++)
        if (rate[i] >= 0) { /* all on one scale: a stream that is slower than the others is lower */
            int level = isfinite(most) ? (int)ceil((double)rate[i] / most * 8) : 0;
            canvas_put(c, x + i, y, 0x2580u + (uint32_t)MAX_OF(MIN_OF(level, 8), 1), ROLE_SERIES_1);
        }
}

void stream_line(struct canvas *c, int x, int y, int w, int lines, const struct snapshot *s, size_t i,
                 const struct ui_state *st)
{
    const struct stream_row *row = &s->streams[i];
    struct columns k = columns_for(w, s, st != NULL);
    char text[FMT_SIZE + 16], n[FMT_SIZE];
    if (row->id < 1) /* its worker has not said anything yet */
        return;
    snprintf(text, sizeof text, "%d", row->id);
    canvas_text_right(c, x, y, k.id, text, ROLE_TEXT_DIM);
    state_glyph(c, x + k.id + 1, y, row->state);
    x += k.id + 2;
    canvas_text_right(c, x, y, k.context,
                      row->context <= 0 ? FMT_UNKNOWN : row->context < 1000000 ? fmt_count(n, row->context) : fmt_tokens(n, row->context),
                      ROLE_TEXT_DIM);
    x += k.context;
    if (row->state == STREAM_DECODE) {
        numbers(c, x, y, &k, row);
    } else {
        enum role role = stream_doing(text, sizeof text, row);
        canvas_text_right(c, x, y, k.output + k.ttft + k.rate, text, role);
    }
    x += k.output + k.ttft + k.rate + 2;
    if (k.trail > 0)
        stream_trail(c, x, y, &st->trails, i);
    if (k.text > 0)
        text_block(c, x + k.trail, y, k.text, lines, row->tail);
}

void stream_counts(struct items *l, const struct snapshot *s, int target)
{
    char text[FMT_SIZE * 2], n[FMT_SIZE], m[FMT_SIZE];
    snprintf(text, sizeof text, "%s of %s", fmt_count(n, s->in_flight), fmt_count(m, target));
    items_add(l, "", text, ROLE_TEXT_BRIGHT);
    if (s->overdue > 0)
        items_add_unit(l, fmt_count(n, s->overdue), "wait for a stream", ROLE_STATUS_WARN);
    if (s->backing_off > 0)
        items_add_unit(l, fmt_count(n, s->backing_off), "retrying", ROLE_STATUS_ERROR);
    if (s->queued > 0)
        items_add_unit(l, fmt_count(n, s->queued), "queued", ROLE_SERIES_2);
    if (s->decoding > 0)
        items_add_unit(l, fmt_count(n, s->decoding), "decoding", ROLE_SERIES_1);
    if (s->open_loop && isfinite(s->sent_rate))
        items_add_unit(l, fmt_requests(n, s->sent_rate), "sent/s", ROLE_TEXT);
}

void draw_streams(struct canvas *c, struct rect r, const struct snapshot *s, const struct ui_state *st)
{
    struct items head = {.n = 0}, foot = {.n = 0};
    stream_counts(&head, s, state_target(st, s, TARGET_STREAMS));
    int rows = r.h - 3, shown = MIN_OF((int)s->streams_n, rows), left = s->streams_total - shown;
    if (left > 0 && shown > 0) {
        char n[FMT_SIZE];
        items_add_unit(&foot, fmt_count(n, left), "more: press 3", ROLE_TEXT);
    }
    struct rect in = panel_draw(c, r, "streams", &head, &foot);
    stream_head(c, in.x, in.y, in.w, s, NULL);
    bool text = columns_for(in.w, s, false).text > 0;
    int lines = text && shown > 0 ? MAX_OF(MIN_OF(rows / shown, LINES_MOST), 1) : 1;
    for (int i = 0; i < shown; i++)
        stream_line(c, in.x, in.y + 1 + i * lines, in.w, lines, s, (size_t)i, NULL);
}
