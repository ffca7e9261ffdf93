/* Streams: every stream as a row, with as much of its text as fits, in an order that a key chooses; or the one under the bar
 * alone.  Draws only the rows that are seen. */
#include "ui/panels.h"
#include "ui/view.h"

#include "fmt.h"
#include "util.h"

#define WHEEL_LINES 3

static int rows_in(struct rect body)
{
    return MAX_OF(body.h - 3, 1);
}

static void update(struct ui_state *st, const struct snapshot *s, struct rect body, enum glyph_set glyphs)
{
    (void)glyphs;
    streams_update(&st->streams, s, rows_in(body));
}

static bool act(struct ui_state *st, const struct snapshot *s, enum action a, struct rect body)
{
    struct stream_list *l = &st->streams;
    int page = rows_in(body);
    streams_update(l, s, page);
    int at = l->at;
    switch (a) {
    case ACT_UP:
        at--;
        break;
    case ACT_DOWN:
        at++;
        break;
    case ACT_PAGE_UP:
        at -= page;
        break;
    case ACT_PAGE_DOWN:
        at += page;
        break;
    case ACT_HOME:
        at = 0;
        break;
    case ACT_END:
        at = l->n - 1;
        break;
    case ACT_SORT:
        streams_next_sort(l, s);
        return true;
    case ACT_ENTER:
        l->open = !l->open && l->n > 0;
        return true;
    case ACT_CLOSE:
        l->open = false;
        return true;
    default:
        return false;
    }
    streams_move(l, at);
    streams_update(l, s, page);
    return true;
}

static bool mouse(struct ui_state *st, const struct snapshot *s, const struct mouse *m, struct rect body)
{
    struct stream_list *l = &st->streams;
    streams_update(l, s, rows_in(body));
    int i = m->y - body.y - 2, seen = MIN_OF(rows_in(body), l->n - l->top);
    if (l->open) {
        l->open = m->kind != MOUSE_CLICK;
    } else if (m->kind != MOUSE_CLICK) {
        streams_scroll(l, m->kind == MOUSE_WHEEL_UP ? -WHEEL_LINES : WHEEL_LINES, rows_in(body));
    } else if (i >= 0 && i < seen) {
        l->open = l->top + i == l->at;
        streams_move(l, l->top + i);
    }
    return true;
}

static void draw_list(struct canvas *c, struct rect body, const struct snapshot *s, const struct ui_state *st)
{
    const struct stream_list *l = &st->streams;
    struct items head = {.n = 0}, foot = {.n = 0};
    char text[FMT_SIZE * 3 + 16], a[FMT_SIZE], b[FMT_SIZE], n[FMT_SIZE];
    int shown = MIN_OF(rows_in(body), MIN_OF(l->n, (int)s->streams_n) - l->top);
    stream_counts(&head, s, state_target(st, s, TARGET_STREAMS));
    if (shown > 0 && shown < s->streams_total) {
        snprintf(text, sizeof text, "%s–%s of %s", fmt_count(a, l->top + 1), fmt_count(b, l->top + shown),
                 fmt_count(n, s->streams_total));
        items_add(&foot, "↑↓", text, ROLE_TEXT);
    }
    snprintf(text, sizeof text, "by %s", stream_sort_names[l->by]);
    items_add(&foot, "o", text, ROLE_TEXT);
    items_add(&foot, "Enter", "open", ROLE_TEXT);
    struct rect in = panel_draw(c, body, "streams", &head, &foot);
    stream_head(c, in.x, in.y, in.w, s, st);
    for (int i = 0; i < shown; i++) {
        int y = in.y + 1 + i;
        stream_line(c, in.x, y, in.w, 1, s, l->order[l->top + i], st);
        if (l->top + i != l->at)
            continue;
        canvas_text(c, in.x, y, 1, "▸", ROLE_SELECTION_FG); /* the column of a number is wider than any */
        canvas_select(c, (struct rect){in.x, y, in.w, 1});
    }
}

static void draw(struct canvas *c, struct rect body, const struct snapshot *s, const struct ui_state *st)
{
    if (st->streams.open && (size_t)st->streams.row < s->streams_n)
        draw_stream(c, body, s, st);
    else
        draw_list(c, body, s, st);
}

const struct view view_streams = {
    .name = "streams",
    .key = '3',
    .help = "every stream as a row, with its text",
    .update = update,
    .draw = draw,
    .act = act,
    .mouse = mouse,
};
