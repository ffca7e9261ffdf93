#include "capacity.h"

#include "util.h"

#include <math.h>

#define GOOD_SHARE 0.98
#define BAD_SHARE 0.90
#define ERROR 0.05

enum capacity_verdict capacity_test(uint64_t good, uint64_t bad)
{
    double ratio = (double)good * log(GOOD_SHARE / BAD_SHARE) + (double)bad * log((1 - GOOD_SHARE) / (1 - BAD_SHARE));
    double bound = log((1 - ERROR) / ERROR);
    return ratio >= bound ? CAPACITY_MEETS : ratio <= -bound ? CAPACITY_FAILS : CAPACITY_OPEN;
}

#define PACE_FIRST_S 5.0
#define PACE_SHARE 0.05
#define PACE_TIMES 4

enum pace_verdict pace_see(struct pace *p, double s, double unfinished, double due, double fastest)
{
    if (s < (p->mark > 0 ? 2 * p->mark : PACE_FIRST_S))
        return p->verdict;
    /* A queue that is steady in the mean goes up and down by about its own length's root at the least. */
    double more = unfinished - p->unfinished, allowed = PACE_SHARE * (due - p->due) + 2 * sqrt(unfinished);
    if (p->mark > 0 && s >= PACE_TIMES * fastest) /* false too where none has ended */
        p->verdict = more > allowed ? PACE_BEHIND : PACE_KEPT;
    p->mark = s;
    p->unfinished = unfinished;
    p->due = due;
    return p->verdict;
}

void capacity_begin(struct capacity *c, bool by_rate, double first, double most)
{
    *c = (struct capacity){.by_rate = by_rate, .high = (double)INFINITY, .most = most, .next = MIN_OF(first, most)};
}

static bool narrow(const struct capacity *c)
{
    return c->by_rate ? c->high <= c->low * CAPACITY_RATE_STEP : c->high - c->low <= 1;
}

/* 0: there is nothing between them to try. */
static double choose(const struct capacity *c)
{
    if (c->low > 0 && isfinite(c->high))
        return narrow(c) ? 0 : c->by_rate ? sqrt(c->low * c->high) : floor((c->low + c->high) / 2);
    if (c->low > 0)
        return c->low >= c->most ? 0 : MIN_OF(c->low * 2, c->most);
    double half = c->by_rate ? c->high / 2 : floor(c->high / 2);
    return half >= (c->by_rate ? 0.001 : 1) ? half : 0;
}

void capacity_tried(struct capacity *c, const struct capacity_try *t)
{
    if (c->n < CAPACITY_TRIES)
        c->tries[c->n++] = *t;
    if (t->verdict == CAPACITY_MEETS)
        c->low = MAX_OF(c->low, t->load);
    else if (t->verdict == CAPACITY_FAILS)
        c->high = MIN_OF(c->high, t->load);
    else
        c->timed_out = true;
    c->next = c->timed_out || c->n == CAPACITY_TRIES ? 0 : choose(c);
    c->over = !(c->next > 0);
}

bool capacity_sure(const struct capacity *c)
{
    if (c->timed_out)
        return narrow(c) && c->low > 0;
    return c->over && (c->low > 0 ? narrow(c) || c->low >= c->most : isfinite(c->high));
}

const struct capacity_try *capacity_limit(const struct capacity *c)
{
    const struct capacity_try *found = NULL;
    for (size_t i = 0; i < c->n; i++)
        if (c->tries[i].verdict == CAPACITY_FAILS && (found == NULL || c->tries[i].load <= found->load))
            found = &c->tries[i];
    return found;
}
