/* Streams: every stream as a row, with as much of its text as fits.  Draws only the rows that are seen. */
#include "ui/panels.h"
#include "ui/view.h"

#include "fmt.h"
#include "util.h"

static int rows_in(struct rect body)
{
    return MAX_OF(body.h - 3, 1);
}

static int last_top(const struct snapshot *s, struct rect body)
{
    return MAX_OF((int)s->streams_n - rows_in(body), 0);
}

static void update(struct ui_state *st, const struct snapshot *s, struct rect body, enum glyph_set glyphs)
{
    (void)glyphs;
    st->streams_top = MAX_OF(MIN_OF(st->streams_top, last_top(s, body)), 0);
}

static bool act(struct ui_state *st, const struct snapshot *s, enum action a, struct rect body)
{
    int top = st->streams_top, page = rows_in(body);
    switch (a) {
    case ACT_UP:
        top--;
        break;
    case ACT_DOWN:
        top++;
        break;
    case ACT_PAGE_UP:
        top -= page;
        break;
    case ACT_PAGE_DOWN:
        top += page;
        break;
    case ACT_HOME:
        top = 0;
        break;
    case ACT_END:
        top = last_top(s, body);
        break;
    default:
        return false;
    }
    st->streams_top = MAX_OF(MIN_OF(top, last_top(s, body)), 0);
    return true;
}

static void draw(struct canvas *c, struct rect body, const struct snapshot *s, const struct ui_state *st)
{
    struct items head = {.n = 0}, foot = {.n = 0};
    char text[FMT_SIZE * 3 + 16], a[FMT_SIZE], b[FMT_SIZE], n[FMT_SIZE];
    int shown = MIN_OF(rows_in(body), (int)s->streams_n - st->streams_top);
    stream_counts(&head, s, state_target(st, s, TARGET_STREAMS));
    if (shown > 0 && shown < s->streams_total) {
        snprintf(text, sizeof text, "%s–%s of %s", fmt_count(a, st->streams_top + 1),
                 fmt_count(b, st->streams_top + shown), fmt_count(n, s->streams_total));
        items_add(&foot, "↑↓", text, ROLE_TEXT);
    }
    struct rect in = panel_draw(c, body, "streams", &head, &foot);
    stream_head(c, in.x, in.y, in.w, s);
    for (int i = 0; i < shown; i++)
        stream_line(c, in.x, in.y + 1 + i, in.w, 1, s, &s->streams[st->streams_top + i]);
}

const struct view view_streams = {
    .name = "streams",
    .key = '3',
    .help = "every stream as a row, with its text",
    .update = update,
    .draw = draw,
    .act = act,
};
