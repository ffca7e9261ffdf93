/* cohort: the requests of one load in the order in which they were sent, to be judged without favour.  Those that have ended are
 * the fast ones; and that one is late is known long before the good ones beside it have ended.  So only those count that were sent
 * before the oldest one of which nobody knows yet.  Pure. */
#ifndef TG_COHORT_H
#define TG_COHORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COHORT_GOALS 8 /* SLO_MAX */

enum fate {
    FATE_OPEN, /* nobody knows yet */
    FATE_GOOD, /* it met all objectives */
    FATE_BAD,  /* it has missed one already, or failed */
    FATE_NONE  /* it was cancelled, or cannot be judged */
};

struct cohort_one {
    uint64_t seq;
    int64_t sent; /* ns */
    enum fate fate;
    bool ended;
    bool failed;
    unsigned missed; /* objectives, a bit each */
};

struct cohort {
    struct cohort_one *list; /* owned; by seq */
    size_t n, cap;
};

struct cohort_count {
    uint64_t good, bad;
    uint64_t failed;               /* of the bad ones */
    uint64_t missed[COHORT_GOALS]; /* … by objective */
};

void cohort_clear(struct cohort *c); /* keeps the memory */
void cohort_release(struct cohort *c);
/* Takes the place of what was known of that request; of one that has ended only an end says more. */
void cohort_put(struct cohort *c, const struct cohort_one *one);
void cohort_count(const struct cohort *c, struct cohort_count *out);

#endif
