/* What the fuzz targets say of a text that is to be shown. */
#ifndef TG_FUZZ_TEXT_H
#define TG_FUZZ_TEXT_H

#include <stdlib.h>

/* Fit for a terminal: nothing in it moves a cursor. */
static inline void check_text(const char *s)
{
    for (; *s != '\0'; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            abort();
}

/* A message: it says something. */
static inline void check_line(const char *s)
{
    if (*s == '\0')
        abort();
    check_text(s);
}

#endif
