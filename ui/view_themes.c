/* The themes, laid over the view's right side: most of the screen stays free to judge by.  The theme under the bar is
 * the one that the whole screen has. */
#include "ui/panel.h"
#include "ui/view.h"

#include "util.h"

#include <string.h>

#define LEAST_W 44 /* its foot fits into that */
#define VARIANT_W 5

static int rows_in(const struct theme_picker *p, int h)
{
    int n = p->list != NULL ? (int)p->list->n : 0;
    return MAX_OF(MIN_OF(n, h - 6), 1);
}

void themes_update(struct ui_state *st, int h)
{
    struct theme_picker *p = &st->themes;
    int rows = rows_in(p, h), n = p->list != NULL ? (int)p->list->n : 0;
    if (p->at < p->top)
        p->top = p->at;
    if (p->at >= p->top + rows)
        p->top = p->at - rows + 1;
    p->top = MAX_OF(MIN_OF(p->top, n - rows), 0);
}

static void draw_row(struct canvas *c, struct rect in, int y, const struct theme_entry *t, bool here, bool kept)
{
    int name_w = in.w - VARIANT_W - 4;
    canvas_text(c, in.x, y, 1, here ? "▸" : kept ? "●" : " ", ROLE_KEY_HINT);
    canvas_text_fit(c, in.x + 2, y, name_w, t->name, ROLE_TEXT);
    canvas_text(c, in.x + 2 + name_w + 1, y, VARIANT_W, variant_name(t->theme.variant), ROLE_TEXT_DIM);
    if (here)
        canvas_select(c, (struct rect){in.x, y, in.w, 1});
}

/* Its whole name and where it is from; or what is wrong with it. */
static void draw_source(struct canvas *c, struct rect in, int y, const struct theme_entry *t)
{
    char text[64];
    if (t->found.warnings > 0) {
        snprintf(text, sizeof text, "! %u warnings: see --check-theme", t->found.warnings);
        canvas_text_fit(c, in.x, y, in.w, text, ROLE_STATUS_WARN);
    } else {
        int used = canvas_text_fit(c, in.x, y, in.w / 2, t->theme.name, ROLE_TEXT_DIM) + 2;
        canvas_text_tail(c, in.x + used, y, in.w - used, t->path != NULL ? t->path : "built in", ROLE_TEXT_DIM);
    }
}

static struct rect box_in(const struct theme_picker *p, int w, int h)
{
    int bw = MIN_OF(LEAST_W, w), bh = MIN_OF(rows_in(p, h) + 3, h);
    return (struct rect){MAX_OF(w - bw - 2, 0), MAX_OF((h - bh) / 2, 0), bw, bh};
}

void themes_draw(struct canvas *c, const struct ui_state *st)
{
    const struct theme_picker *p = &st->themes;
    struct items head = {.n = 0}, foot = {.n = 0};
    int rows = rows_in(p, c->h);
    char count[32];
    if (p->list == NULL || p->list->n == 0)
        return;
    snprintf(count, sizeof count, "%d of %d", p->at + 1, (int)p->list->n);
    items_add(&head, "", count, ROLE_TEXT_BRIGHT);
    items_add(&foot, "↑↓", "look", ROLE_TEXT);
    items_add(&foot, "Enter", "keep", ROLE_TEXT);
    items_add(&foot, "Esc", "back", ROLE_TEXT);
    struct rect in = panel_draw(c, box_in(p, c->w, c->h), "themes", &head, &foot);
    for (int i = 0; i < rows && i < in.h; i++) {
        int k = p->top + i;
        if (k < (int)p->list->n)
            draw_row(c, in, in.y + i, &p->list->at[k], k == p->at, k == p->kept);
    }
    if (in.h > rows)
        draw_source(c, in, in.y + rows, &p->list->at[p->at]);
}

bool themes_act(struct ui_state *st, enum action a, int h)
{
    struct theme_picker *p = &st->themes;
    int n = (int)p->list->n, at = p->at;
    switch (a) {
    case ACT_ENTER:
        p->kept = p->at;
        p->on = false;
        return true;
    case ACT_CLOSE:
        p->at = p->kept;
        p->on = false;
        return true;
    case ACT_THEMES:
        at = (at + 1) % n;
        break;
    case ACT_UP:
        at--;
        break;
    case ACT_DOWN:
        at++;
        break;
    case ACT_PAGE_UP:
        at -= rows_in(p, h);
        break;
    case ACT_PAGE_DOWN:
        at += rows_in(p, h);
        break;
    case ACT_HOME:
        at = 0;
        break;
    case ACT_END:
        at = n - 1;
        break;
    default:
        return false;
    }
    p->at = MAX_OF(MIN_OF(at, n - 1), 0);
    return true;
}

bool themes_click(struct ui_state *st, int x, int y, int w, int h)
{
    struct theme_picker *p = &st->themes;
    struct rect box = box_in(p, w, h);
    int row = y - box.y - 1, at = p->top + row;
    if (!rect_has(box, x, y))
        return false;
    if (row < 0 || row >= rows_in(p, h) || at >= (int)p->list->n)
        return true; /* its frame */
    if (at == p->at)
        return themes_act(st, ACT_ENTER, h);
    p->at = at;
    return true;
}
