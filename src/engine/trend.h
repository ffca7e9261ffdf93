/* trend: where a value is heading: the slope of its last minute.  Pure. */
#ifndef TG_TREND_H
#define TG_TREND_H

#include <stdbool.h>
#include <stddef.h>

#define TREND_POINTS 60

struct trend { /* zeroed: empty */
    double t[TREND_POINTS], v[TREND_POINTS];
    size_t n;
};

/* Points nearer than a second to the last one are left out; NAN is too.  False where it was. */
bool trend_add(struct trend *r, double t_s, double v);
/* Seconds until the value has grown by `room`, at the slope of the points that there are; NAN where it does not grow for
 * certain (95 %), over all of them and over the later half, by less than `least`, or where there are fewer than ten. */
double trend_seconds(const struct trend *r, double room, double least);

#endif
