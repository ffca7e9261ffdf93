/* batches: how well is a steady rate known?  A rate is looked at once a second; neighbours are put together into ever longer
 * batches until their means no longer depend on each other, and the interval comes from those means (the method of batch means:
 * Law, Simulation Modeling and Analysis, ch. 9.5.3; rates of neighbouring seconds are anything but independent).  Pure. */
#ifndef TG_BATCHES_H
#define TG_BATCHES_H

#include <stdbool.h>
#include <stddef.h>

#define BATCHES_MOST 64
#define BATCHES_LEAST 10

struct batches {
    double mean[BATCHES_MOST];
    int n, per;     /* per: looks in each */
    double open;    /* sum of those that do not make a batch yet */
    int open_n;
};

void batches_clear(struct batches *b);
void batches_add(struct batches *b, double value);

struct batch_interval {
    double mean, margin; /* the mean ± margin is its 95 % interval; margin NAN: not known yet */
    int batches;         /* that it is made from */
};
/* Not known with fewer than BATCHES_LEAST batches whose means are free of each other. */
struct batch_interval batches_interval(const struct batches *b);

#endif
