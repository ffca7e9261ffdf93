#include "ui/note.h"

#include "util.h"

#include <string.h>

void note_open(struct ui_state *st, double now)
{
    st->note = (struct note){.on = true, .since = now};
}

static void rub_out(struct note *n)
{
    size_t len = strlen(n->text);
    while (len > 0 && ((unsigned char)n->text[--len] & 0xc0) == 0x80)
        ;
    n->text[len] = '\0';
}

/* What does not fit any more is left out. */
static void type_char(struct note *n, uint32_t ch)
{
    size_t len = strlen(n->text);
    char bytes[4];
    size_t more = utf8_encode(ch, bytes);
    if (len + more >= sizeof n->text)
        return;
    memcpy(n->text + len, bytes, more);
    n->text[len + more] = '\0';
}

enum note_event note_key(struct ui_state *st, int code)
{
    struct note *n = &st->note;
    if (code == KEYCODE_ENTER || code == KEYCODE_ESC || code == KEYCODE_CTRL_C) {
        n->on = false;
        return code == KEYCODE_ENTER ? NOTE_KEPT : NOTE_DROPPED;
    }
    if (code == KEYCODE_BACKSPACE || code == 8 || code == 127)
        rub_out(n);
    else if (code >= ' ' && code < KEYCODE_FIRST && (code < 0x7f || code >= 0xa0))
        type_char(n, (uint32_t)code);
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
