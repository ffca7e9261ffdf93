/* drift: did a long run change while its load stayed the same?  A straight line through the means of windows, with a 95 %
 * interval that takes account of what windows remember of each other.  Pure. */
#ifndef TG_DRIFT_H
#define TG_DRIFT_H

#include "report/windows.h"

#define DRIFT_LEAST_S 600  /* a load must be so long … */
#define DRIFT_SETTLE_S 120 /* … of which so much is left out: caches fill and clocks settle */
#define DRIFT_WINDOWS 20   /* a window is this part of the rest, and a minute at the least */

struct drift {
    double mean;   /* of the windows */
    double slope;  /* an hour; NAN: too little is known */
    double margin; /* half of its 95 % interval */
    double total;  /* slope over the whole of what was seen */
    double memory; /* autocorrelation of neighbouring windows around the line, 0 at the least */
    size_t n;      /* windows */
    double step_s, over_s;
    bool certain;  /* the interval does not hold 0 */
    bool even;     /* and both halves go the same way, neither by less than a quarter of the whole: no single step */
};

/* Of a run with one load; slope NAN elsewhere. */
void drift_find(const struct run_file *f, struct drift out[WINDOW_VALUES]);
/* Through n points that are equally far apart; the fields step_s and over_s are left alone. */
void drift_of(const double *hours, const double *y, size_t n, struct drift *d);

struct drift_name {
    const char *name, *key; /* for people; in JSON, with the unit of the mean */
    double unit;            /* what one of the value's units is in the key's */
};
extern const struct drift_name drift_names[WINDOW_VALUES];

#endif
