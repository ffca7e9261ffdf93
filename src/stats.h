/* stats: figures of a list of values.  Pure, layer 0. */
#ifndef TG_STATS_H
#define TG_STATS_H

#include "hist.h"

#include <stdbool.h>
#include <stddef.h>

/* A distribution as reports show it; NAN where there is nothing to tell. */
struct dist {
    uint64_t n;
    double mean, stddev, min, max; /* sample standard deviation (n−1) */
    double p50, p90, p95, p99, p999;
    bool exact; /* percentiles from the values themselves, not from a histogram */
};

/* Sorts v in place.  Percentiles by linear interpolation between closest ranks (numpy's default). */
void dist_of_values(struct dist *d, double *v, size_t n);
/* Values are divided by scale. */
void dist_of_hist(struct dist *d, const struct hist *h, double scale);
/* sorted ascending; NAN where n is 0. */
double stats_quantile(const double *sorted, size_t n, double q);

/* A straight line through points, by least squares: its slope alone (NAN as below), and with its margin. */
double stats_slope(const double *x, const double *y, size_t n);
struct stats_line {
    double slope;  /* of y, per unit of x; NAN: fewer than three points, or all at one x */
    double margin; /* half of the slope's 95 % interval (normal errors, independent points) */
};
struct stats_line stats_line(const double *x, const double *y, size_t n);

#endif
