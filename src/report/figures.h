/* figures: what a comparison compares, in the order of its table.  Pure. */
#ifndef TG_FIGURES_H
#define TG_FIGURES_H

#include "metrics.h"

#define FIGURES_N 9

struct figure {
    const char *id; /* "ttft_p95": as thresholds name it */
    const char *name;
    enum metric_id metric;
    double quantile; /* 0: the mean, or the one number that a run has */
};
extern const struct figure figures[FIGURES_N];

#endif
