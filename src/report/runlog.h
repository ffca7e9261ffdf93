/* runlog: the run file, one JSON object a line, written while the run goes on by a thread of its own: `write` each
 * second, `fdatasync` every five; the first line at once.  A killed run loses at most the last second, and the end of a line
 * that was being written.  A full disk does not end the run: lines wait in
 * memory (64 MiB at the most) until there is room; those that could not be kept, or went with a file that somebody removed, are counted, and a line is there whole or
 * not at all. */
#ifndef TG_RUNLOG_H
#define TG_RUNLOG_H

#include "buf.h"
#include "util.h"

#include <stdint.h>

struct runlog;

/* path: the file to make (it must not exist), or NULL for $XDG_STATE_HOME/tokgauge/runs/<time>-<name>.ndjson; `name`
 * is made safe for a file name.  Files are created with mode 0600 and no link is followed.  NULL with the reason in e. */
struct runlog *runlog_open(const char *path, const char *name, struct err *e);
/* Could runlog_open make this file?  Makes nothing.  False with the reason in e. */
bool runlog_check(const char *path, struct err *e);
/* Queues one line (without the newline).  Any thread; never blocks on the disk. */
void runlog_add(struct runlog *r, const struct buf *line);
struct runlog_state {
    uint64_t bytes;  /* written so far */
    uint64_t lost;   /* lines, for good */
    size_t waiting;  /* bytes that the last attempt could not write; 0: all is well */
    size_t queued;   /* … that have not been tried yet, or are being written */
    size_t memory;   /* bytes that both buffers take; as much as was ever needed at once */
    char why[128];   /* the last thing that went wrong; empty: nothing did */
};
void runlog_look(struct runlog *r, struct runlog_state *out);
const char *runlog_path(const struct runlog *r);
/* Writes what is left, syncs, closes, frees.  Returns how many lines were lost, and why (empty: none were). */
uint64_t runlog_close(struct runlog *r, char *why, size_t size);

#endif
