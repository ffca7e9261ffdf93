/* guard: ends a load before the machine runs out of memory.  Pure: every look at memory is an argument. */
#ifndef TG_GUARD_H
#define TG_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#define GUARD_PATIENCE_S 3.0

enum guard_act {
    GUARD_NOTHING,
    GUARD_STOP_ADDING, /* send no more requests */
    GUARD_CANCEL       /* cancel those in flight */
};

struct guard {
    double ram_line, gtt_line; /* least headroom in bytes; NAN: not armed */
    enum guard_act done;       /* the most that it has asked for */
    double acted;                  /* when it first acted, s */
    double ram_then, gtt_then;     /* headroom at that moment */
    char why[160];             /* the numbers, at the moment it first acted; empty before */
};

/* What there is by default: 1 GiB, or 2 % of RAM where that is more.  Bytes. */
double guard_default(double ram_total);
/* line: bytes of headroom that must be left.  A pool that has less than that at the start (vLLM fills its pool as it
 * starts) may shrink by half; the note says so, else it is empty.  NAN: that headroom is not known, and not guarded. */
void guard_arm(struct guard *g, double line, double ram_headroom, double gtt_headroom, char *note, size_t size);
void guard_off(struct guard *g);
/* A new sample, t in seconds.  Below a line: first GUARD_STOP_ADDING; where it falls on, or has not recovered after
 * GUARD_PATIENCE_S, GUARD_CANCEL.  Each is told once. */
enum guard_act guard_see(struct guard *g, double t, double ram_headroom, double gtt_headroom);

#endif
