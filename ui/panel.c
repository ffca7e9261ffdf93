#include "ui/panel.h"

#include "util.h"

#include <math.h>

#define ITEM_GAP 3

static struct item *add(struct items *l, const char *label, const char *value, enum role role)
{
    if (value[0] == '\0' || l->n >= (int)ARRAY_LEN(l->at))
        return NULL;
    struct item *i = &l->at[l->n++];
    str_copy(i->label, sizeof i->label, label);
    str_copy(i->value, sizeof i->value, value);
    i->role = role;
    i->value_first = false;
    return i;
}

void items_add(struct items *l, const char *label, const char *value, enum role role)
{
    add(l, label, value, role);
}

void items_add_unit(struct items *l, const char *value, const char *label, enum role role)
{
    struct item *i = add(l, label, value, role);
    if (i != NULL)
        i->value_first = true;
}

static int item_width(const struct canvas *c, const struct item *i)
{
    int label = canvas_width(c, i->label);
    return label + (label > 0) + canvas_width(c, i->value);
}

int items_width(const struct canvas *c, const struct items *l, int n, int gap)
{
    int w = 0;
    for (int i = 0; i < n; i++)
        w += item_width(c, &l->at[i]) + (i > 0 ? gap : 0);
    return w;
}

static void draw_item(struct canvas *c, int x, int y, const struct item *i)
{
    const char *first = i->value_first ? i->value : i->label, *second = i->value_first ? i->label : i->value;
    enum role one = i->value_first ? i->role : ROLE_TEXT_DIM, two = i->value_first ? ROLE_TEXT_DIM : i->role;
    int used = canvas_text(c, x, y, c->w, first, one);
    if (used > 0)
        used++;
    canvas_text(c, x + used, y, c->w, second, two);
}

static int draw_items(struct canvas *c, int x, int y, int w, const struct items *l, int gap, bool right)
{
    int n = l->n;
    while (n > 0 && items_width(c, l, n, gap) > w)
        n--;
    int used = items_width(c, l, n, gap), at = right ? x + w - used : x;
    for (int i = 0; i < n; i++) {
        draw_item(c, at, y, &l->at[i]);
        at += item_width(c, &l->at[i]) + gap;
    }
    return used;
}

int items_draw(struct canvas *c, int x, int y, int w, const struct items *l)
{
    return draw_items(c, x, y, w, l, ITEM_GAP, false);
}

int items_draw_right(struct canvas *c, int x, int y, int w, const struct items *l)
{
    return draw_items(c, x, y, w, l, ITEM_GAP, true);
}

/* The items in a border line, with a blank on both sides. */
static void border_items(struct canvas *c, int x, int y, int w, const struct items *l, bool right)
{
    int n = l->n, gap = 2;
    while (n > 0 && items_width(c, l, n, gap) + 2 > w)
        n--;
    if (n == 0)
        return;
    int used = items_width(c, l, n, gap) + 2, at = right ? x + w - used : x;
    canvas_fill(c, (struct rect){at, y, used, 1}, ROLE_BACKGROUND);
    struct items some = *l;
    some.n = n;
    draw_items(c, at + 1, y, used - 2, &some, gap, false);
}

struct rect panel_draw(struct canvas *c, struct rect r, const char *title, const struct items *headline,
                       const struct items *footer)
{
    canvas_fill(c, r, ROLE_BACKGROUND);
    canvas_box(c, r, ROLE_PANEL_BORDER);
    int used = 0, w = r.w - 4;
    if (title != NULL && w > 2) {
        int tw = MIN_OF(canvas_width(c, title), w - 2);
        canvas_fill(c, (struct rect){r.x + 2, r.y, tw + 2, 1}, ROLE_BACKGROUND);
        used = canvas_text_fit(c, r.x + 3, r.y, w - 2, title, ROLE_PANEL_TITLE) + 2;
    }
    if (headline != NULL)
        border_items(c, r.x + 2 + used + 1, r.y, w - used - 1, headline, true);
    if (footer != NULL)
        border_items(c, r.x + 2, r.y + r.h - 1, w, footer, false);
    return rect_inset(r, 2, 1);
}

char *short_ms(char out[FMT_SIZE], double ms)
{
    if (!isfinite(ms) || fabs(ms) < 99950)
        return fmt_ms(out, ms);
    snprintf(out, FMT_SIZE, fabs(ms) < 1e8 ? "%.0f s" : "%.2g s", ms / 1000);
    return out;
}
