/* pools: what a run file tells of memory: how much of each pool was in use, before, under and after the load, and how it
 * grew.  Pure.  Bytes; NAN: not known. */
#ifndef TG_POOLS_H
#define TG_POOLS_H

#include "report/runfile.h"

enum pool_kind { POOL_RAM, POOL_GTT, POOL_VRAM, POOL_KINDS };
extern const char *const pool_names[POOL_KINDS];

double pool_used(const struct run_sample *s, enum pool_kind k);
double pool_total(const struct run_sample *s, enum pool_kind k);

struct pool_facts {
    double idle;  /* as the load began */
    double load;  /* mean under it */
    double peak;  /* the most under it */
    double after; /* the last that was seen */
    double total;
};
/* phase: load and peak are those of this one; NULL: of the whole load. */
void pool_facts(const struct run_file *f, enum pool_kind k, const struct run_phase *phase, struct pool_facts *out);

/* A slope with half of its 95 % interval. */
struct pool_slope {
    double slope, margin;
    double over; /* seconds, or tokens, that it was seen over */
    bool even;   /* both halves go the same way, for certain: no single step, no pool that has filled */
    bool moves;  /* it does not stay the same; whether there is a rate to it is another matter */
};
/* Bytes an hour, under one and the same load of ten minutes or more, of which the first two are left out. */
struct pool_slope pool_growth(const struct run_file *f, enum pool_kind k);
/* Bytes for each token in flight (streams that ran × what each holds), by the means of three phases or more of which the
 * largest held twice the tokens of the smallest; unknown where the pool goes on growing within the phases. */
struct pool_slope pool_per_token(const struct run_file *f, enum pool_kind k);

#endif
