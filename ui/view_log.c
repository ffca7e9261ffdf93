/* Log: what happened, newest at the bottom: changes of target, marks, errors, the server's words. */
#include "ui/panels.h"
#include "ui/view.h"

#include "fmt.h"
#include "util.h"

static int rows_in(struct rect body)
{
    return MAX_OF(body.h - 2, 1);
}

static int most_up(const struct snapshot *s, struct rect body)
{
    return MAX_OF((int)s->events_n - rows_in(body), 0);
}

static void update(struct ui_state *st, const struct snapshot *s, struct rect body, enum glyph_set glyphs)
{
    (void)glyphs;
    st->log_up = MAX_OF(MIN_OF(st->log_up, most_up(s, body)), 0);
}

static bool act(struct ui_state *st, const struct snapshot *s, enum action a, struct rect body)
{
    int up = st->log_up, page = rows_in(body);
    switch (a) {
    case ACT_UP:
        up++;
        break;
    case ACT_DOWN:
        up--;
        break;
    case ACT_PAGE_UP:
        up += page;
        break;
    case ACT_PAGE_DOWN:
        up -= page;
        break;
    case ACT_HOME:
        up = most_up(s, body);
        break;
    case ACT_END:
        up = 0;
        break;
    default:
        return false;
    }
    st->log_up = MAX_OF(MIN_OF(up, most_up(s, body)), 0);
    return true;
}

static void event(struct canvas *c, int x, int y, int w, const struct event_line *e)
{
    static const struct {
        const char *word;
        enum role role, text;
    } levels[] = {{"info ", ROLE_TEXT_DIM, ROLE_TEXT},
                  {"warn ", ROLE_STATUS_WARN, ROLE_TEXT_BRIGHT},
                  {"ERROR", ROLE_STATUS_ERROR, ROLE_TEXT_BRIGHT}};
    int level = MAX_OF(MIN_OF(e->level, 2), 0);
    char clock[FMT_SIZE];
    int used = canvas_text(c, x, y, w, fmt_clock(clock, e->at_s), ROLE_TEXT_DIM) + 2;
    used += canvas_text(c, x + used, y, w - used, levels[level].word, levels[level].role) + 2;
    canvas_text_fit(c, x + used, y, w - used, e->text, levels[level].text);
}

static void draw(struct canvas *c, struct rect body, const struct snapshot *s, const struct ui_state *st)
{
    struct items head = {.n = 0}, foot = {.n = 0};
    char text[FMT_SIZE];
    items_add_unit(&head, fmt_count(text, (double)s->events_n), s->events_n == 1 ? "event" : "events", ROLE_TEXT);
    if (st->log_up > 0)
        items_add_unit(&foot, fmt_count(text, st->log_up), "newer below: End", ROLE_TEXT);
    struct rect in = panel_draw(c, body, "log", &head, &foot);
    int end = (int)s->events_n - st->log_up, first = MAX_OF(end - in.h, 0);
    for (int i = first; i < end; i++)
        event(c, in.x, in.y + i - first, in.w, &s->events[i]);
    if (s->events_n == 0)
        canvas_text(c, in.x, in.y, in.w, "nothing has happened yet", ROLE_TEXT_DIM);
}

const struct view view_log = {
    .name = "log",
    .key = '7',
    .help = "events, errors and marks, the newest last",
    .update = update,
    .draw = draw,
    .act = act,
};
