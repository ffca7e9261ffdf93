/* theme_file: themes as files, and what is wrong with them.
 *
 *     name      = Gruvbox
 *     variant   = dark
 *     text.dim  = #a89984 / 246 / default+dim
 *     status.ok = #b8bb26+bold
 *
 * The variant is dark, light or any; left out, it follows from the background. * A role has up to three steps: its true colour (pictures), its index among 256 colours, its name among eight; each but
 * the first may be "default", the terminal's own, and each takes +bold, +dim, +reverse, +underline.  A step left out is
 * the nearest of the true colour, with the attributes of the step before it.  A role left out is that of the built-in
 * theme of the same variant.  Whatever is not understood is told and left out: no file is refused.  Pure. */
#ifndef TG_UI_THEME_FILE_H
#define TG_UI_THEME_FILE_H

#include "ui/theme.h"

#include <stdio.h>

struct theme_report {
    void *ctx;
    /* line 0: of the whole file.  The text is harmless, and lives only as long as the call. */
    void (*warn)(void *ctx, const char *file, int line, const char *text);
};

struct theme_found {
    unsigned roles;    /* that the file names */
    unsigned warnings; /* all of them; only the first 50 are told */
};

/* To the end of the stream.  file is for warnings; the theme's name is `name` unless the file gives one. */
struct theme_found theme_read(FILE *in, const char *file, const char *name, struct theme *t, const struct theme_report *r);

/* Tells each contrast that is too low: of text below 4.5, of marks, graphs, gauges, series and states below 3, in pictures
 * and with 256 colours.  Borders, the grid and tracks may be as faint as they like.  Returns how many. */
unsigned theme_check_contrast(const struct theme *t, const char *file, const struct theme_report *r);

#endif
