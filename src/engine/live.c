#include "engine/live.h"
#include "util.h"

#include <math.h>
#include <string.h>

void live_init(struct live *l, int64_t start)
{
    *l = (struct live){.start = start, .point_at = start};
}

void live_add(struct live *l, int64_t at, double tokens, double approx)
{
    l->total += tokens;
    l->total_approx += approx;
    if (l->ring_n == LIVE_RING) {
        memmove(l->at, l->at + 1, sizeof l->at - sizeof l->at[0]);
        memmove(l->tokens, l->tokens + 1, sizeof l->tokens - sizeof l->tokens[0]);
        memmove(l->approx, l->approx + 1, sizeof l->approx - sizeof l->approx[0]);
        l->ring_n--;
    }
    l->at[l->ring_n] = at;
    l->tokens[l->ring_n] = l->total;
    l->approx[l->ring_n] = l->total_approx;
    l->ring_n++;
}

double live_rate(const struct live *l, bool *approx)
{
    *approx = false;
    int last = l->ring_n - 1, first = last;
    while (first > 0 && l->at[last] - l->at[first] < INT64_C(980000000))
        first--;
    if (last < 0 || l->at[last] - l->at[first] < INT64_C(450000000))
        return (double)NAN;
    *approx = l->approx[last] > l->approx[first];
    return (l->tokens[last] - l->tokens[first]) * 1e9 / (double)(l->at[last] - l->at[first]);
}
