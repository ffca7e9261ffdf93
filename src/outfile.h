/* outfile: files that the user names for what this program makes of a run: reports, pictures, logs.  Layer 0. */
#ifndef TG_OUTFILE_H
#define TG_OUTFILE_H

#include <stdio.h>

/* Opens the file for writing, from its beginning; a new one is for its owner alone (0600).  One that is there is written over,
 * by way of a link, too (/dev/stdout is one), but for two kinds: a run file, and what a link that somebody else has put there
 * leads to.  NULL with errno; outfile_why has the words for it. */
FILE *outfile_open(const char *path);
const char *outfile_why(int error);

#endif
