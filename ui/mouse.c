/* The mouse: from a cell of the screen to what stands there.  It goes through the layers as they are drawn, the topmost
 * first: help, list of themes, footer, view. */
#include "ui/layout.h"
#include "ui/view.h"

#define WHEEL_LINES 3

/* By the keys that would do it, so that whatever scrolls scrolls by the wheel too. */
static void scroll(struct ui_state *st, const struct snapshot *s, enum mouse_kind kind, const struct canvas *c)
{
    for (int i = 0; i < WHEEL_LINES; i++)
        frame_act(st, s, kind == MOUSE_WHEEL_UP ? ACT_UP : ACT_DOWN, c->w, c->h);
}

static enum action click_footer(struct ui_state *st, const struct snapshot *s, int x, const struct canvas *c)
{
    const struct view *view;
    enum action a = frame_footer_at(c, s, st, x, &view);
    if (view != NULL)
        st->view = view;
    return a;
}

enum action frame_mouse(struct ui_state *st, const struct snapshot *s, const struct mouse *m, const struct canvas *c)
{
    struct rect at[AREA_FRAME_COUNT];
    bool wheel = m->kind != MOUSE_CLICK, whole = layout_frame(c->w, c->h, at);
    if (st->help) {
        if (wheel)
            scroll(st, s, m->kind, c);
        else
            st->help = false;
        return ACT_NONE;
    }
    if (!whole)
        return ACT_NONE;
    if (!wheel && st->themes.on && themes_click(st, m->x, m->y, c->w, c->h))
        return ACT_NONE;
    if (!wheel && rect_has(at[AREA_FOOTER], m->x, m->y))
        return click_footer(st, s, m->x, c);
    if (!st->themes.on && rect_has(at[AREA_BODY], m->x, m->y) && st->view->mouse != NULL &&
        st->view->mouse(st, s, m, at[AREA_BODY]))
        return ACT_NONE;
    if (wheel)
        scroll(st, s, m->kind, c);
    return ACT_NONE;
}
