/* view: what a view is, and the little the screen remembers between frames.  A view draws (snapshot, size,
 * state) to a canvas and nothing else; it never reads a clock and never talks to the engine. */
#ifndef TG_UI_VIEW_H
#define TG_UI_VIEW_H

#include "ui/canvas.h"
#include "ui/keys.h"
#include "ui/plot.h"
#include "ui/streams.h"
#include "ui/theme_find.h"
#include "ui/trails.h"

#include "snapshot.h"

enum target { TARGET_STREAMS, TARGET_CONTEXT, TARGET_OUTPUT, TARGET_RATE /* requests in 1000 s */, TARGET_COUNT };

/* What a key asked for, shown until the engine confirms it. */
struct wish {
    bool on;
    int value;
};

/* The list of themes, laid over the view; the theme at `at` is the one that is seen. */
struct theme_picker {
    bool on;
    const struct theme_list *list; /* not owned; NULL: not made yet */
    int at, top, kept;             /* kept: what Esc goes back to */
};

/* The words of a mark, while they are typed. */
struct note {
    bool on;
    double since; /* when it was opened: the moment of the mark */
    char text[64];
};

/* The server's page of counters, laid over the Server view. */
struct page_search {
    bool on, typing;
    char text[64];
    int top, rows; /* the first line that is shown; how many there is room for */
};

struct ui_state {
    const struct view *view;
    bool help;
    int help_top;
    struct theme_picker themes;
    struct note note;
    struct page_search search;
    struct wish target[TARGET_COUNT];
    struct wish pause; /* value: 1 paused, 0 going */
    char toast[160];   /* a message in the footer's place; empty: none */
    enum role toast_role;
    enum plot_zoom zoom; /* of all plots over time */
    struct plot_scale output_scale;
    int matrix_value; /* of the Matrix view's cells; an enum of its own */
    struct stream_list streams;
    struct trails trails;
    int log_up; /* lines between the newest event and the last one shown */
};

struct view {
    const char *name;
    char key;
    const char *help;
    /* Before drawing: brings what is remembered into line with a snapshot and a size.  May be NULL. */
    void (*update)(struct ui_state *st, const struct snapshot *s, struct rect body, enum glyph_set glyphs);
    void (*draw)(struct canvas *c, struct rect body, const struct snapshot *s, const struct ui_state *st);
    /* Moves within the view; false where the action is not for it.  May be NULL. */
    bool (*act)(struct ui_state *st, const struct snapshot *s, enum action a, struct rect body);
    /* A click or the wheel inside the body; false where it is not for it: the wheel is ACT_UP or ACT_DOWN then, three times.
     * May be NULL. */
    bool (*mouse)(struct ui_state *st, const struct snapshot *s, const struct mouse *m, struct rect body);
};

extern const struct view view_overview, view_latency, view_streams, view_memory, view_server, view_matrix, view_log;
extern const struct view *const view_table[]; /* NULL after the last */

/* The value to show and to count from: the wish where there is one. */
/* What the snapshot knows of it; a rate that cannot be changed: 0. */
int known_target(const struct snapshot *s, enum target t);
/* The same, or what a key asked for until that is known. */
int state_target(const struct ui_state *st, const struct snapshot *s, enum target t);
bool state_paused(const struct ui_state *st, const struct snapshot *s);

/* frame.c: the whole screen.  frame_update first, then frame_draw, which only draws. */
void frame_init(struct ui_state *st);
void frame_update(struct ui_state *st, const struct snapshot *s, int w, int h, enum glyph_set glyphs);
void frame_draw(struct canvas *c, const struct snapshot *s, const struct ui_state *st);
/* Moves, views and help; false where the action is the caller's. */
bool frame_act(struct ui_state *st, const struct snapshot *s, enum action a, int w, int h);
/* Switches to the view of this key, if it is one. */
bool frame_view_key(struct ui_state *st, int code);

/* What stands at column x of the footer: the action of a key, or ACT_NONE and perhaps a view. */
enum action frame_footer_at(const struct canvas *c, const struct snapshot *s, const struct ui_state *st, int x,
                            const struct view **view);

/* mouse.c: what was clicked on, or scrolled.  Does itself what needs no more than the state; returns the action that is left to
 * do as if its key had been pressed, or ACT_NONE.  Of c only size and glyphs are looked at. */
enum action frame_mouse(struct ui_state *st, const struct snapshot *s, const struct mouse *m, const struct canvas *c);

/* view_help.c: the overlay. */
void help_draw(struct canvas *c, const struct ui_state *st);
int help_lines(int w);       /* rows that the whole help takes */
int help_rows(int w, int h); /* rows that are seen at once */

/* view_themes.c: the picker.  It only moves in its list: the caller shows the theme. */
void themes_update(struct ui_state *st, int h);
void themes_draw(struct canvas *c, const struct ui_state *st);
bool themes_act(struct ui_state *st, enum action a, int h);
/* A click: moves the bar, or keeps the theme that was under it; false outside the box. */
bool themes_click(struct ui_state *st, int x, int y, int w, int h);

#endif
