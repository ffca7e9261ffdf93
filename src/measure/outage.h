/* outage: was the server away, and for how long?  Told by requests alone, so it holds for any server.  Pure. */
#ifndef TG_OUTAGE_H
#define TG_OUTAGE_H

#include "measure/recorder.h"

#define OUTAGE_FAILURES 2 /* one request that fails is no outage */
#define OUTAGE_LEAST_NS 1000000000 /* nor are some that break at the same time, while others succeed; a refused connection is plainer */

struct outage { /* zeroed: the server is there */
    int64_t since;     /* when the first of the failures ended; 0: none since the last success */
    uint64_t failures; /* since then */
    uint64_t refused;  /* of these, those that found nobody to connect to */
    bool away;         /* OUTAGE_FAILURES and more, refused or over OUTAGE_LEAST_NS, and it has been told */
};

enum outage_news { OUTAGE_NOTHING, OUTAGE_AWAY, OUTAGE_BACK };

/* It is not slow or broken under its load: nobody is there. */
bool outage_gone(const struct outage *o);

/* In the order in which requests ended, roughly.  Failures that an absent server makes: no connection, a broken or silent
 * one, HTTP 5xx; others, and cancelled requests, tell nothing.  BACK: *away_ns is the time from the first failure to the
 * first byte that came after it, *failures how many failed meanwhile. */
enum outage_news outage_row(struct outage *o, const struct row *r, int64_t *away_ns, uint64_t *failures);

#endif
