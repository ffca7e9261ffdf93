/* runfile_line: one line of a run file, added to what was read before; for runfile.c. */
#ifndef TG_RUNFILE_LINE_H
#define TG_RUNFILE_LINE_H

#include "report/runfile.h"

/* The line began at that byte of the file.  What of it is kept is taken over: *line is NULL then, else the caller's still.  False
 * where a line of its kind does not read; a kind that nobody knows is no fault. */
bool run_file_line(struct run_file *f, cJSON **line, int64_t line_at);

/* Has it more than RUN_KEYS keys?  No more than these are looked at. */
bool run_file_crowded(const cJSON *o);

#endif
