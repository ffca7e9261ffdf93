#include "ui/note.h"
#include "ui/textline.h"

void note_open(struct ui_state *st, double now)
{
    st->note = (struct note){.on = true, .since = now};
}

enum note_event note_key(struct ui_state *st, int code)
{
    struct note *n = &st->note;
    if (code == KEYCODE_ENTER || code == KEYCODE_ESC || code == KEYCODE_CTRL_C) {
        n->on = false;
        return code == KEYCODE_ENTER ? NOTE_KEPT : NOTE_DROPPED;
    }
    textline_key(n->text, sizeof n->text, code);
    return NOTE_TYPED;
}

void note_draw(struct canvas *c, struct rect r, const struct ui_state *st)
{
    static const char hint[] = "Enter keeps it  Esc drops it";
    int x = r.x + 1, w = r.w - 2 - canvas_width(c, hint) - 2;
    x += canvas_text(c, x, r.y, w, "▲ mark: ", ROLE_HIST_MARK);
    x += canvas_text_tail(c, x, r.y, r.x + w - x, st->note.text, ROLE_TEXT_BRIGHT);
    canvas_put(c, x, r.y, '_', ROLE_KEY_HINT);
    canvas_text_right(c, r.x, r.y, r.w - 1, hint, ROLE_KEY_LABEL);
}
