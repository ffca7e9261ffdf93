/* theme_find: which themes there are, and where.  A name is looked for in $XDG_CONFIG_HOME/tokgauge/themes,
 * $XDG_DATA_HOME/tokgauge/themes, tokgauge/themes of each folder of $XDG_DATA_DIRS, `themes` beside the program (as it was
 * built), share/tokgauge/themes of where it was installed, and among the built-in ones; the first that is found holds.
 * Reads files, and asks no terminal. */
#ifndef TG_UI_THEME_FIND_H
#define TG_UI_THEME_FIND_H

#include "ui/theme_file.h"

#include "util.h"

struct theme_entry {
    char name[THEME_NAME]; /* as --theme takes it: the file's, without .theme */
    char *path;            /* owned; NULL: built in */
    struct theme_found found;
    struct theme theme;
};

struct theme_list {
    struct theme_entry *at; /* the default first, then by name */
    size_t n;
};

/* A name, or a path (it has a '/' or ends in ".theme"); NULL: the default, which never fails.  r may be NULL.  False
 * where there is no such theme, or its file cannot be read: e says so. */
bool theme_open(const char *name, struct theme_entry *out, const struct theme_report *r, struct err *e);
void theme_entry_release(struct theme_entry *t);

/* All that can be found by name. */
void theme_list_make(struct theme_list *l);
void theme_list_release(struct theme_list *l);
/* Where this theme stands in the list; one that is not found there by its name, as a file that was named by its path,
 * becomes the first. */
size_t theme_list_place(struct theme_list *l, const struct theme_entry *t);

#endif
