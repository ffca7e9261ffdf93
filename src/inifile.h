/* inifile: reads files of "NAME = VALUE" lines: settings and themes.  Lines are parsed by inih; what inih would do in
 * silence (split a long line, take an indented one for a continuation, leave out one without "=") is told here instead, and
 * values, which it would cut at a " ;" or not, as it was built, are taken here.
 * A "#" or ";" at the beginning makes a line a comment; in a value both are a part of it. */
#ifndef TG_INIFILE_H
#define TG_INIFILE_H

#include <stdbool.h>
#include <stdio.h>

struct inifile_use {
    void *ctx;
    /* A setting; section is "" before the first [section].  All texts live only as long as the call. */
    void (*set)(void *ctx, int line, const char *section, const char *name, const char *value);
    /* A line that is none, and why, in few words. */
    void (*bad)(void *ctx, int line, const char *why);
};

/* To the end of the stream. */
void inifile_read(FILE *in, const struct inifile_use *use);

#endif
