/* baseline: run files that were kept under a name, to be compared with later: copies, readable by their owner alone, in
 * $XDG_STATE_HOME/tokgauge/baselines/NAME.ndjson. */
#ifndef TG_BASELINE_H
#define TG_BASELINE_H

#include "util.h"

#define BASELINE_PATH 1024

/* May this be one's name?  Letters, digits, ".", "_" and "-", at most 64, the first no dot.  False with the reason. */
bool baseline_name(const char *name, struct err *e);
/* The file of that name; where there is none, false with one line in e that lists those there are. */
bool baseline_find(const char *name, char path[BASELINE_PATH], struct err *e);
/* Keeps a copy of a regular file under that name, whole or not at all; one of that name is replaced, and *replaced says
 * so.  Where a link, or anything else that is no file, has the name, it is left alone.  False with the reason in e. */
bool baseline_save(const char *name, const char *file, char path[BASELINE_PATH], bool *replaced, struct err *e);

#endif
