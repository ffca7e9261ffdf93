/* statedir: where this program keeps its own files: $XDG_STATE_HOME/tokgauge, ~/.local/state/tokgauge unless that is
 * set. */
#ifndef TG_STATEDIR_H
#define TG_STATEDIR_H

#include "util.h"

/* The path of its folder `sub`, without an end slash; makes nothing.  False with the reason in e. */
bool statedir_path(const char *sub, char *out, size_t size, struct err *e);
/* Makes the folders above a file, for their owner alone.  False with the reason in e. */
bool statedir_make(const char *file, struct err *e);

#endif
