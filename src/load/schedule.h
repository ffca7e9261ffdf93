/* schedule: the open loop: one sequence of requests with their due times, from which all workers take.  A worker with a free
 * stream takes the next request, holds it until it is due, and sends it; where no stream is free anywhere nobody takes it, and
 * it waits, with its due time, for the first one that is.  Every call is safe from every thread; once a request, never on the
 * token path. */
#ifndef TG_SCHEDULE_H
#define TG_SCHEDULE_H

#include "load/arrivals.h"
#include "load/trace.h"
#include "load/workload.h"

#include <pthread.h>

#define SCHEDULE_HELD 64 /* workers that may hold one */
#define SCHEDULE_CHANGES 64 /* of the rate while something waits; a further one takes the place of the last, from that one's moment on */

/* Another rate from a moment on (monotonic ns). */
struct schedule_change {
    struct arrival_config c;
    int64_t at;
};

struct scheduled {
    struct workload_item item;
    double sum;                  /* of the arrivals: its place, which no change of the rate moves */
    int64_t context, max_tokens; /* of a trace; 0: the run's */
};

struct schedule {
    pthread_mutex_t lock;
    struct workload bounds;
    const struct trace *trace; /* NULL: arrivals */
    struct arrivals arrivals;
    int64_t origin;            /* monotonic ns: the arrivals' 0 */
    struct schedule_change changes[SCHEDULE_CHANGES]; /* which the queue has not reached: the next one is due before */
    int changes_n;
    uint64_t seq;              /* of the next one that nobody has had */
    int64_t next_due;          /* … and when it is due */
    int64_t until;             /* what is due then or later is not sent; INT64_MAX */
    int held;                  /* taken, and neither sent nor given back */
    struct scheduled back[SCHEDULE_HELD]; /* given back */
    int back_n;
};

void schedule_init(struct schedule *s);
void schedule_release(struct schedule *s);
/* A new sequence from now on, of so many requests as bounds says; their numbers go on from those before (bounds.first is not
 * looked at).  trace, where there is one, must outlive it. */
void schedule_begin(struct schedule *s, const struct arrival_config *c, const struct trace *trace, uint64_t seed, struct workload bounds, int64_t now);
/* The same sequence goes on at another rate from now on (arrivals_change); what waits already keeps its due time. */
void schedule_rate(struct schedule *s, const struct arrival_config *c, int64_t now);
/* Nothing was sent for so long: all that is to come is due that much later. */
void schedule_shift(struct schedule *s, int64_t ns);

/* Nothing that is due then or later is taken any more; a shift moves that moment too. */
void schedule_until(struct schedule *s, int64_t until);

/* False: there are no more.  What was taken is either sent or given back. */
bool schedule_take(struct schedule *s, struct scheduled *out);
void schedule_give_back(struct schedule *s, const struct scheduled *r);
/* Just before it is sent: false where it is due at the end or later, which may have been set since it was taken.  It is gone
 * then, and was none of the load's. */
bool schedule_may_send(struct schedule *s, const struct scheduled *r);
/* True: this was the last one of all. */
bool schedule_sent(struct schedule *s);
/* The rate that is aimed at, requests a second; of a trace: no sense. */
double schedule_rate_now(struct schedule *s, int64_t now);
/* How many are due that nobody has taken: they wait for a free stream.  Counts up to most. */
int schedule_waiting(struct schedule *s, int64_t now, int most);

#endif
