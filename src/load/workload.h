/* workload: which request comes next.  Pure: the number of the request and the time are arguments.
 * The first workload is the closed loop: a slot sends its next request when its last one has ended. */
#ifndef TG_WORKLOAD_H
#define TG_WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>

struct workload {
    uint64_t first;    /* number of its first request */
    uint64_t warmup;   /* the first so many requests are not measured */
    uint64_t requests; /* measured requests in all, 0: no limit */
};

struct workload_item {
    uint64_t seq;
    int64_t due;
    bool warmup;
};

/* Takes the next request for a slot that became free at `free_at`.  False where there are no more. */
static inline bool workload_next(const struct workload *w, uint64_t seq, int64_t free_at, struct workload_item *out)
{
    if (w->requests > 0 && seq >= w->first + w->warmup + w->requests)
        return false;
    *out = (struct workload_item){.seq = seq, .due = free_at, .warmup = seq < w->first + w->warmup};
    return true;
}

#endif
