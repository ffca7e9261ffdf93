/* compare_values: what a run has of a figure, of all of it or load by load.  Shared by the files of a comparison alone. */
#ifndef TG_COMPARE_VALUES_H
#define TG_COMPARE_VALUES_H

#include "report/compare.h"

/* Requests that are sent when they are due wait for each other where the server is busy: then a value tells of its
 * neighbours.  Where a stream sends its next request when the last has ended, they hardly do. */
enum order {
    ORDER_NONE, /* they do not depend on each other */
    ORDER_TIME, /* they do, and stand in the order of time */
    ORDER_LOST  /* they do, and nobody knows their order any more */
};

struct values {
    double *v; /* owned */
    size_t n, cap;
    enum order order;
    double alone; /* where there are no values: the figure itself; NAN unknown */
};

/* Into how many parts a run goes, and which of them each of its phases belongs to. */
struct split {
    size_t n;  /* parts, at least 1 */
    int *part; /* of each phase, in the order of the file; −1: of none.  NULL: all is one part */
    double *repeats; /* of each phase FIGURES_N figures, 0 where its part has no other; NULL: no part has.  compare.c's */
    size_t at; /* where the phase was that was looked up last: what follows is mostly of the same */
};

/* The part of a phase by its id; −1: none. */
int split_part(const struct run_file *f, struct split *s, int phase);

/* s->n of them, in the figure's unit.  A vLLM file, and a file by vLLM's definitions, have one part.  values_free. */
struct values *values_of(const struct compare_run *r, const struct figure *g, bool by_vllm, struct split *s);
void values_free(struct values *x, size_t n);

#endif
