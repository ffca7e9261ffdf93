/* The help, laid over the view that is shown.  Made from the key table and the view table; scrolls where it
 * must. */
#include "ui/panel.h"
#include "ui/view.h"

#include "util.h"

#include <string.h>

#define COLUMN_W 54 /* of one column of keys */
#define NAME_W 7

/* One line of the help: a heading, a key, or empty. */
struct line {
    const char *heading, *name, *text;
    char own[2]; /* a view's key */
};

#define LINES_MOST 96

static int add_mouse(struct line *l, int n)
{
    l[n++] = (struct line){.heading = "Mouse"};
    for (size_t i = 0; i < mouse_table_n; i++)
        l[n++] = (struct line){.name = mouse_table[i].name, .text = mouse_table[i].help};
    l[n++] = (struct line){0};
    return n;
}

static int add_views(struct line *l, int n)
{
    l[n++] = (struct line){.heading = "Views"};
    for (const struct view *const *v = view_table; *v != NULL && n < LINES_MOST; v++) {
        l[n] = (struct line){.text = (*v)->help};
        l[n++].own[0] = (*v)->key;
    }
    return n;
}

static int collect(struct line *l)
{
    const char *group = "";
    int n = 0;
    for (size_t i = 0; i < key_table_n && n < LINES_MOST - 24; i++) {
        const struct key *k = &key_table[i];
        if (strcmp(k->group, group) != 0) {
            if (n > 0)
                l[n++] = (struct line){0};
            group = k->group;
            l[n++] = (struct line){.heading = group};
        }
        l[n++] = (struct line){.name = k->name, .text = k->help};
    }
    l[n++] = (struct line){0};
    return add_views(l, add_mouse(l, n));
}

static int columns_in(int w)
{
    return w >= 2 * COLUMN_W + 8 ? 2 : 1;
}

int help_lines(int w)
{
    struct line l[LINES_MOST];
    int n = collect(l), columns = columns_in(w);
    return (n + columns - 1) / columns;
}

int help_rows(int w, int h)
{
    return MAX_OF(MIN_OF(help_lines(w), h - 4), 1);
}

static void draw_line(struct canvas *c, int x, int y, const struct line *l)
{
    if (l->heading != NULL) {
        canvas_text(c, x, y, COLUMN_W, l->heading, ROLE_PANEL_TITLE);
        return;
    }
    const char *name = l->name != NULL ? l->name : l->own;
    canvas_text_right(c, x, y, NAME_W, name, ROLE_KEY_HINT);
    if (l->text != NULL)
        canvas_text_fit(c, x + NAME_W + 2, y, COLUMN_W - NAME_W - 3, l->text, ROLE_TEXT);
}

void help_draw(struct canvas *c, const struct ui_state *st)
{
    struct line l[LINES_MOST];
    struct items head = {.n = 0}, foot = {.n = 0};
    int n = collect(l), columns = columns_in(c->w), lines = help_lines(c->w), rows = help_rows(c->w, c->h);
    int w = MIN_OF(columns * COLUMN_W + 4, c->w), h = MIN_OF(rows + 2, c->h);
    int top = MIN_OF(st->help_top, lines - rows);
    items_add(&head, "?", "closes", ROLE_TEXT);
    if (rows < lines)
        items_add(&foot, "↑↓", top + rows < lines ? "more" : "top", ROLE_TEXT);
    struct rect in = panel_draw(c, (struct rect){(c->w - w) / 2, (c->h - h) / 2, w, h}, "help", &head, &foot);
    for (int col = 0; col < columns; col++)
        for (int row = 0; row < rows; row++) {
            int i = col * lines + top + row;
            if (i < n && top + row < lines)
                draw_line(c, in.x + col * COLUMN_W, in.y + row, &l[i]);
        }
}
