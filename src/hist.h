/* hist: a fixed-size log-linear histogram.
 *
 * Values are non-negative integers in any unit (ns for times, thousandths for rates).  Each octave is cut into 64 equal
 * buckets, so a bucket is at most 1/64 of its lower bound wide and a value reported as its bucket's middle is off by at
 * most 1/128 = 0.8 %.  Values below 64 are exact.  The range is 0 … 2^48−1 (3.2 days in ns); larger values are counted
 * in the last bucket and in `over`.  Sum, count, minimum and maximum are exact.  Memory is constant; merging is addition.
 * Not thread-safe: one owner at a time. */
#ifndef TG_HIST_H
#define TG_HIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HIST_SUB 64
#define HIST_BUCKETS ((48 - 6 + 1) * HIST_SUB)

struct hist {
    uint64_t count, over;
    double sum, sum_sq; /* of the values as given */
    uint64_t min, max;  /* valid where count > 0 */
    uint32_t lo, hi;    /* touched buckets are lo … hi−1 */
    uint64_t bucket[HIST_BUCKETS];
};

void hist_reset(struct hist *h); /* of a valid one; a zeroed struct is a valid empty histogram too */
void hist_add(struct hist *h, uint64_t value, uint64_t times);
void hist_merge(struct hist *into, const struct hist *from);

/* NAN where the histogram is empty; stddev is the sample's (n−1), NAN where n < 2. */
double hist_mean(const struct hist *h);
double hist_stddev(const struct hist *h);
/* q in [0, 1].  Linear interpolation between the values of neighbouring ranks, as numpy does, each rank's value being
 * its bucket's middle clamped to [min, max]. */
double hist_quantile(const struct hist *h, double q);
/* How many recorded values fell in buckets whose middle is in [from, to). */
uint64_t hist_between(const struct hist *h, double from, double to);

size_t hist_index(uint64_t value);
/* Bounds of a bucket: it holds low … high−1. */
uint64_t hist_low(size_t index);
uint64_t hist_high(size_t index);

#endif
