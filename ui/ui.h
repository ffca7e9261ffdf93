/* ui: the dashboard.  Runs in the main thread; knows the engine only through struct snapshot_source. */
#ifndef TG_UI_H
#define TG_UI_H

#include "snapshot.h"
#include "util.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

/* What the terminal can draw; AUTO asks the locale and TERM. */
enum ui_glyphs { UI_GLYPHS_AUTO, UI_GLYPHS_BRAILLE, UI_GLYPHS_BLOCK, UI_GLYPHS_ASCII };

enum ui_color {
    UI_COLOR_AUTO, /* as many as the terminal has; none where NO_COLOR is set */
    UI_COLOR_NEVER
};

struct ui_config {
    enum ui_glyphs glyphs;
    enum ui_color color;
    bool no_mouse;               /* leave the mouse to the terminal */
    bool no_restart;             /* there is no new run to begin: the key for it says so */
    char view;                   /* key of the one to begin with; 0: the first */
    const char *theme;           /* name or file; NULL: the default */
    volatile sig_atomic_t *stop; /* may be NULL; set by a signal handler: end with UI_INTERRUPT */
};

enum ui_end {
    UI_ERROR = -1, /* the screen could not be opened: see the struct err */
    UI_QUIT,       /* q */
    UI_INTERRUPT,  /* ^C, or *stop was set */
    UI_RESTART,    /* R: this run is to end, and a new one to begin */
    UI_FINISHED,   /* the run ended by itself (RUN_DONE or RUN_FAILED) */
    UI_LOST        /* the terminal is gone */
};

/* Can the terminal type that TERM names be used?  False with the reason in e.  Prints and changes nothing. */
bool ui_check(struct err *e);

/* Is there such a theme (NULL: the default)?  False with a line in e that names those there are.  What is wrong with its
 * file is told on stderr. */
bool ui_check_theme(const char *name, struct err *e);
/* One line for each theme: its name, its variant, its file or "built in". */
void ui_list_themes(FILE *f);
/* Prints what is wrong with a theme's file (--theme's names are taken, too): FILE:LINE: and each warning, and each contrast
 * that is too low.  Returns how many that are, or −1 where it cannot be read. */
int ui_check_theme_file(const char *name, FILE *f, struct err *e);

/* Draws until the run or the user ends it; returns an enum ui_end.  The terminal is as it was before on every
 * return, and after die() and fatal signals too.  setlocale(LC_CTYPE, "") must have been called. */
int ui_run(const struct ui_config *config, const struct snapshot_source *source, struct err *e);
/* After ui_run, before anything is printed: waits for a terminal that did not read until it has been put back.  (ui_run
 * itself does not wait, so that the run can be ended meanwhile.) */
void ui_finish(void);

/* One frame without a terminal. */
struct ui_picture {
    int width, height;  /* characters, up to 1000 each */
    const char *format; /* "svg" or "txt" */
    const char *theme;  /* as in ui_config */
    char view;          /* … too */
};
/* False where the format or theme is not known or writing failed. */
bool ui_render(const struct snapshot *s, const struct ui_picture *p, FILE *f);

#endif
