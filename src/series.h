/* series: one number over time at three resolutions, in bounded memory.  Points are cut at fixed moments of the run, so that
 * what is drawn of them moves but never changes as it moves.  Plain data; pure. */
#ifndef TG_SERIES_H
#define TG_SERIES_H

#include <stddef.h>
#include <stdint.h>

#define SERIES_STEP_S 0.5 /* seconds between two values */
#define SERIES_MIDDLE_S 3 /* … and between two points of the middle level */
#define SERIES_POINTS 600 /* of a level */

enum series_depth {
    SERIES_FINE,   /* every value: the last 5 minutes */
    SERIES_MIDDLE, /* 3 s a point: the last 30 minutes */
    SERIES_WHOLE,  /* all of the run: two points become one whenever there is no more room */
    SERIES_DEPTHS
};

/* What the known values of a stretch came to; count 0: none was known, a gap. */
struct series_point {
    float mean, low, high;
    uint32_t count;
};

/* Point number i covers the seconds from i · step_s on, step_s long; there are n, up to the last, which may still be filling.  It
 * stays where it is as time goes on (series_at), so that a copy needs but what is new. */
struct series_level {
    double step_s;
    int64_t last;
    size_t n;
    struct series_point at[SERIES_POINTS];
};

/* All zero: empty. */
struct series {
    double start_s, end_s; /* of the first and of the newest value, in seconds since the start of the run */
    struct series_level level[SERIES_DEPTHS];
};

/* The value of the moment t_s, which is later than the one before by SERIES_STEP_S or more (what is left out is a gap); NAN:
 * not known. */
void series_push(struct series *s, double t_s, double v);
/* Adds one point to another: as if all values of both were in one. */
void series_merge(struct series_point *into, const struct series_point *from);
/* Of a level: last − n < number ≤ last. */
const struct series_point *series_at(const struct series_level *l, int64_t number);
/* to: empty, or an earlier copy of the same series; only what is new is copied. */
void series_copy(struct series *to, const struct series *from);
/* What is known of the seconds [from_s, to_s), by the finest level that reaches back so far: the points that begin there; where
 * none does, the one that covers from_s.  Before the run there is nothing. */
struct series_point series_between(const struct series *s, double from_s, double to_s);

#endif
