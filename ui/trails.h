/* trails: how fast each stream was lately, made from one snapshot after the other.  Pure: time is the snapshot's. */
#ifndef TG_UI_TRAILS_H
#define TG_UI_TRAILS_H

#include "snapshot.h"

#define TRAIL_POINTS 16
#define TRAIL_STEP_S 1.0

/* Zeroed: nothing seen yet. */
struct trails {
    double at_s;  /* of the newest point */
    int rows;     /* streams that have been seen */
    int head;     /* where the next point goes */
    float rate[SNAP_STREAMS][TRAIL_POINTS]; /* tok/s, a ring; NAN: unknown, or its request had no token yet */
    float most[TRAIL_POINTS];               /* … the highest of all streams */
    struct {
        int output;
        float wait_s;
    } last[SNAP_STREAMS]; /* as it was at the newest point; output −1: not decoding */
};

/* Takes a point where one is due. */
void trails_take(struct trails *t, const struct snapshot *s);
/* The points of a row of the snapshot, the oldest first; and the highest of all rows, NAN where there is none. */
void trails_of(const struct trails *t, size_t row, float out[TRAIL_POINTS]);
double trails_most(const struct trails *t);

#endif
