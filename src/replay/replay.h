/* replay: what the screen showed at any moment of a run, from its file.  Time is an argument; one owner at a time. */
#ifndef TG_REPLAY_H
#define TG_REPLAY_H

#include "snapshot.h"
#include "util.h"

struct replay;
/* NULL with one line in e: cannot be read, not a run file, or nothing in it that could be shown. */
struct replay *replay_open(const char *path, struct err *e);
/* A run that may still go on: its file may have no samples yet, and grows. */
struct replay *replay_open_growing(const char *path, struct err *e);
enum replay_growth {
    REPLAY_SAME,
    REPLAY_GREW,
    REPLAY_OVER,  /* its summary has been read: there is no more */
    REPLAY_BROKEN /* gone, another file, or shorter than it was: one line in e; what was read stays */
};
/* Takes in what the file has got since. */
enum replay_growth replay_grow(struct replay *r, struct err *e);
void replay_close(struct replay *r);
/* Seconds from the start of the run to the last thing that the file tells of. */
double replay_end(const struct replay *r);
/* Brings the snapshot to that moment.  Going on costs what lies between; going back begins at the start of the file again.
 * What the file does not have is unknown: texts without --save-text, what a request came to between two of its moments (its
 * tokens are spread evenly, and marked as such). */
const struct snapshot *replay_at(struct replay *r, double t);
/* Percentiles and distributions count from the present moment on, until the replay goes back behind it. */
void replay_reset(struct replay *r);
/* The snapshot has the text of this stream (from 1; 0: of none), from the next moment on. */
void replay_text(struct replay *r, int stream);

#endif
