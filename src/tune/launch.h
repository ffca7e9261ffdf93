/* launch: a server that this program starts, in a process group of its own, and what it writes. */
#ifndef TG_TUNE_LAUNCH_H
#define TG_TUNE_LAUNCH_H

#include "util.h"

#define LAUNCH_LINE 160
#define LAUNCH_KEPT 64 /* lines that are kept for the screen */

struct launch;

/* Runs the command by /bin/sh.  What it writes goes to the file (made anew, for its owner alone, 64 MiB at the most, secrets
 * as "***") and is kept line by line.  It has the environment of this process, keys too, as from a shell: it may need them.  NULL with the reason in e. */
struct launch *launch_start(const char *command, const char *file, struct err *e);
/* Does it run?  If not, `how` says how it ended: "exit status 3", "killed by signal 9"; and all that it wrote has been read (where
 * others that it started still hold its output, what came within a second). */
bool launch_running(struct launch *l, char *how, size_t size);
/* Its lines number *seen and on, as many as are kept, each sanitised, with the monotonic ns at which it came; moves *seen on.
 * Returns how many. */
size_t launch_lines(struct launch *l, uint64_t *seen, char out[LAUNCH_KEPT][LAUNCH_LINE], int64_t at[LAUNCH_KEPT]);
/* The last n lines, parted by newlines. */
void launch_last(struct launch *l, size_t n, char *out, size_t size);
/* TERM to its group, after grace_ns KILL, to that group (and to itself) only; waits for the end of all of it, and frees.  False
 * where it had not ended ten seconds after KILL: it is left behind. */
bool launch_stop(struct launch *l, int64_t grace_ns);

#endif
