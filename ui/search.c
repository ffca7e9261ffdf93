#include "ui/search.h"
#include "ui/panels.h"
#include "ui/textline.h"

#include "fmt.h"
#include "util.h"

#include <string.h>
#include <strings.h>

#define LINE_MOST 1024

/* ---- the lines ---- */

static bool holds(const char *line, size_t n, const char *word, size_t len)
{
    for (size_t i = 0; i + len <= n; i++)
        if (strncasecmp(line + i, word, len) == 0)
            return true;
    return false;
}

static bool holds_all(const char *line, size_t n, const char *filter)
{
    for (const char *p = filter + strspn(filter, " "); *p != '\0'; p += strspn(p, " ")) {
        size_t len = strcspn(p, " ");
        if (!holds(line, n, p, len))
            return false;
        p += len;
    }
    return true;
}

const char *search_next(const char *text, const char *filter, size_t *at, size_t *n)
{
    while (text[*at] != '\0') {
        const char *line = text + *at;
        *n = strcspn(line, "\n");
        *at += *n + (line[*n] == '\n');
        if (*n > 0 && holds_all(line, *n, filter))
            return line;
    }
    return NULL;
}

static int found(const struct snapshot *s, const char *filter)
{
    int lines = 0;
    size_t at = 0, n;
    if (s->page.seq == 0)
        return 0;
    while (search_next(s->page.text, filter, &at, &n) != NULL)
        lines++;
    return lines;
}

/* ---- keys ---- */

static int rows_in(struct rect body)
{
    return MAX_OF(body.h - 3, 1); /* the box, and the line that is typed */
}

static bool scroll(struct page_search *p, enum action a, int page, int lines)
{
    int top = p->top;
    switch (a) {
    case ACT_UP: top--; break;
    case ACT_DOWN: top++; break;
    case ACT_PAGE_UP: top -= page; break;
    case ACT_PAGE_DOWN: top += page; break;
    case ACT_HOME: top = 0; break;
    case ACT_END: top = lines; break;
    default: return false;
    }
    p->top = MAX_OF(MIN_OF(top, lines - page), 0);
    return true;
}

void search_open(struct ui_state *st)
{
    st->view = &view_server;
    st->help = false;
    st->search.on = st->search.typing = true;
}

/* Letters that scroll elsewhere are typed here. */
static enum action moves(int code)
{
    return code >= KEYCODE_FIRST ? keys_action(code) : ACT_NONE;
}

void search_key(struct ui_state *st, const struct snapshot *s, int code)
{
    struct page_search *p = &st->search;
    if (code == KEYCODE_ENTER)
        p->typing = false;
    else if (code == KEYCODE_ESC || code == KEYCODE_CTRL_C)
        p->on = p->typing = false;
    else if (!scroll(p, moves(code), p->rows, found(s, p->text))) {
        textline_key(p->text, sizeof p->text, code);
        p->top = 0;
    }
}

bool search_act(struct ui_state *st, const struct snapshot *s, enum action a, struct rect body)
{
    struct page_search *p = &st->search;
    if (a == ACT_CLOSE) {
        p->on = false;
        return true;
    }
    return scroll(p, a, rows_in(body), found(s, p->text));
}

void search_update(struct ui_state *st, const struct snapshot *s, struct rect body)
{
    struct page_search *p = &st->search;
    p->rows = rows_in(body);
    p->top = MAX_OF(MIN_OF(p->top, found(s, p->text) - p->rows), 0);
}

/* ---- drawing ---- */

/* The value stands at the right: it is what matters, however long the labels are. */
static void draw_line(struct canvas *c, int x, int y, int w, const char *line, size_t n)
{
    char text[LINE_MOST];
    str_copy(text, MIN_OF(n + 1, sizeof text), line);
    char *end = strrchr(text, '}'), *blank = strchr(end != NULL ? end : text, ' ');
    const char *value = "";
    if (blank != NULL) {
        *blank = '\0';
        value = blank + 1 + strspn(blank + 1, " ");
    }
    int used = canvas_text_right(c, x, y, w, value, ROLE_TEXT_BRIGHT);
    canvas_text_fit(c, x, y, MAX_OF(w - used - 2, 0), text, ROLE_TEXT);
}

static const char *why_empty(const struct snapshot *s)
{
    if (s->replay.on)
        return "a run file has what the page came to, not the page itself";
    if (s->server.counters_note[0] != '\0')
        return s->server.counters_note;
    return s->page.seq == 0 ? "it comes within a second" : "no line holds that";
}

void search_draw(struct canvas *c, struct rect body, const struct snapshot *s, const struct ui_state *st)
{
    const struct page_search *p = &st->search;
    struct items head = {.n = 0}, foot = {.n = 0};
    char a[FMT_SIZE], b[FMT_SIZE], text[2 * FMT_SIZE + 16];
    int lines = found(s, p->text);
    snprintf(text, sizeof text, "%s of %s", fmt_count(a, lines), fmt_count(b, (double)s->page.lines));
    if (s->page.seq != 0)
        items_add_unit(&head, text, "lines", ROLE_TEXT);
    if (s->server.bad_lines > 0)
        items_add_unit(&head, fmt_count(a, s->server.bad_lines), "unreadable", ROLE_STATUS_WARN);
    items_add(&foot, p->typing ? "Enter" : "/", p->typing ? "done" : "search", ROLE_TEXT);
    items_add(&foot, "Esc", "close", ROLE_TEXT);
    items_add(&foot, "↑↓", "scroll", ROLE_TEXT);
    struct rect in = panel_draw(c, body, "its page of counters", &head, &foot);
    int x = in.x + canvas_text(c, in.x, in.y, in.w, "/ ", ROLE_KEY_HINT);
    x += canvas_text_tail(c, x, in.y, in.x + in.w - x - 1, p->text, ROLE_TEXT_BRIGHT);
    if (p->typing)
        canvas_put(c, x, in.y, '_', ROLE_KEY_HINT);
    if (lines == 0 && in.h > 1)
        canvas_text_fit(c, in.x, in.y + 1, in.w, why_empty(s), ROLE_TEXT_DIM);
    size_t at = 0, n;
    for (int i = 0; i < lines && i - p->top < in.h - 1; i++) {
        const char *line = search_next(s->page.text, p->text, &at, &n);
        if (line != NULL && i >= p->top)
            draw_line(c, in.x, in.y + 1 + i - p->top, in.w, line, n);
    }
}
