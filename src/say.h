/* say: how a command speaks to whoever called it, and its exit statuses. */
#ifndef TG_SAY_H
#define TG_SAY_H

#include "buf.h"
#include "util.h"

#include <stdio.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_THRESHOLD = 3, EXIT_GUARD = 4 };

/* Prints "tokgauge: LINE" to stderr; returns status. */
int complain(const struct err *e, int status);
bool say_utf8(void); /* can the terminal show more than ASCII? */
/* False with errno where not all of it could be written.  A reader that has gone (`| head`, EPIPE) has what it wanted: that is
 * for the caller to tell. */
bool say_buf(const struct buf *b, FILE *f);

#endif
