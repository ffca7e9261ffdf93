/* keys: the one table of keys.  Dispatch, footer, help and the man page are made from it.  And what a mouse reports. */
#ifndef TG_UI_KEYS_H
#define TG_UI_KEYS_H

#include <stddef.h>
#include <stdio.h>

/* Codes of keys that are not characters; the terminal's own codes end in screen.c. */
enum key_code {
    KEYCODE_NONE = 0,
    KEYCODE_CTRL_C = 3,
    KEYCODE_TAB = 9,
    KEYCODE_CTRL_L = 12,
    KEYCODE_ENTER = 13,
    KEYCODE_ESC = 27,
    KEYCODE_FIRST = 0x110000, /* above every character */
    KEYCODE_UP = KEYCODE_FIRST,
    KEYCODE_DOWN,
    KEYCODE_LEFT,
    KEYCODE_RIGHT,
    KEYCODE_PAGE_UP,
    KEYCODE_PAGE_DOWN,
    KEYCODE_HOME,
    KEYCODE_END,
    KEYCODE_BACKTAB,
    KEYCODE_BACKSPACE,
    KEYCODE_F1,
    KEYCODE_F5,
    KEYCODE_F10,
    KEYCODE_MOUSE /* no key: a struct mouse says more */
};

enum mouse_kind { MOUSE_CLICK, MOUSE_WHEEL_UP, MOUSE_WHEEL_DOWN };

struct mouse {
    enum mouse_kind kind;
    int x, y; /* the cell, from 0 */
};

enum action {
    ACT_NONE,
    ACT_STREAMS_LESS,
    ACT_STREAMS_MORE,
    ACT_STREAMS_HALF,
    ACT_STREAMS_DOUBLE,
    ACT_CONTEXT_HALF,
    ACT_CONTEXT_DOUBLE,
    ACT_OUTPUT_HALF,
    ACT_OUTPUT_DOUBLE,
    ACT_RATE_LESS,
    ACT_RATE_MORE,
    ACT_PAUSE,
    ACT_MARK,
    ACT_NOTE,
    ACT_RESTART,
    ACT_RESET,
    ACT_ZOOM,
    ACT_VALUE,
    ACT_SEEK_BACK,
    ACT_SEEK_ON,
    ACT_SLOWER,
    ACT_FASTER,
    ACT_VIEW_NEXT,
    ACT_VIEW_BACK,
    ACT_UP,
    ACT_DOWN,
    ACT_PAGE_UP,
    ACT_PAGE_DOWN,
    ACT_HOME,
    ACT_END,
    ACT_SAVE,
    ACT_THEMES,
    ACT_SORT,
    ACT_ENTER,
    ACT_SEARCH,
    ACT_HELP,
    ACT_CLOSE,
    ACT_REDRAW,
    ACT_QUIT,
    ACT_INTERRUPT,
    ACT_COUNT
};

struct key {
    int codes[4]; /* 0 after the last */
    const char *name;
    enum action action;
    const char *help;
    const char *group;  /* heading in the help */
    const char *footer; /* its word in the footer line, or NULL; neighbours with the same word share it */
    int rank;           /* in the footer: low ones go last when it is narrow */
};

extern const struct key key_table[];
extern const size_t key_table_n;

/* What the mouse does, for the help and the man page alone: mouse.c knows what stands where. */
struct mouse_hint {
    const char *name, *help;
};
extern const struct mouse_hint mouse_table[];
extern const size_t mouse_table_n;

enum action keys_action(int code);
/* The action of the row that the footer writes at column x of the entry which begins at row i: that of the key there, or of
 * the last one before it. */
enum action keys_footer_action(size_t i, int x);
/* The keys of the entry that starts at row i of the table as the footer writes them ("-/+"); *next is the row
 * after. Returns NULL where the row is not in the footer. */
const char *keys_footer(size_t i, char *out, size_t size, size_t *next);
/* The KEYS section of the man page, in man(7). */
void keys_print_man(FILE *f);

#endif
