/* screen: the terminal.  The only file that knows ncurses.
 *
 * ncurses works out the bytes, but never writes to the terminal itself: they are collected and written
 * without blocking, so that a terminal that does not read holds up nothing but its own picture.  Everything
 * is put back by screen_close(), by ^Z, by die() and by fatal signals.  In the background nothing is written and no mode is
 * set.  One screen per process, one thread. */
#ifndef TG_UI_SCREEN_H
#define TG_UI_SCREEN_H

#include "ui/canvas.h"
#include "ui/keys.h"
#include "ui/ui.h"

bool screen_check(struct err *e); /* TERM names a type that can be used */
bool screen_open(const struct ui_config *config, const struct theme *theme, struct err *e);
/* Waits only a moment for a terminal that does not read; then screen_finish has the rest to do. */
void screen_close(void);
/* Waits until the terminal has taken the bytes that put it back.  Nothing may be printed before. */
void screen_finish(void);

enum glyph_set screen_glyphs(void);
/* The size now; asks the terminal, so that no resize is missed. */
void screen_size(int *w, int *h);

/* Writes what differs from what was shown last; nothing at all where nothing does.  Does nothing, and returns
 * false, while bytes of an earlier frame still wait for the terminal or it is not ours: show again later. */
bool screen_show(const struct canvas *c);
/* The next screen_show writes every cell. */
void screen_redraw(void);
/* From the next screen_show on everything has these looks.  The theme must stay where it is. */
void screen_set_theme(const struct theme *theme);

enum screen_event {
    SCREEN_NOTHING, /* the timeout, a signal, wake_fd, or room for waiting bytes */
    SCREEN_AGAIN,   /* the process was stopped for a while: show what there is again */
    SCREEN_KEYS,    /* read them with screen_key until there is none */
    SCREEN_LOST     /* the terminal is gone */
};
/* wake_fd ≤ 0: none. */
enum screen_event screen_wait(int wake_fd, int timeout_ms);
/* The next key, as keys.h names it; KEYCODE_NONE: none waits.  KEYCODE_MOUSE: *m says what the mouse did. */
int screen_key(struct mouse *m);
unsigned long long screen_bytes(void); /* written so far */

#endif
