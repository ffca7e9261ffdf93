#include "engine/live.h"
#include "util.h"

#include <math.h>
#include <string.h>

void live_init(struct live *l, int64_t start)
{
    *l = (struct live){.start = start, .point_at = start};
}

void live_add(struct live *l, int64_t at, double tokens, double approx, int decoding)
{
    l->total += tokens;
    l->total_approx += approx;
    if (l->ring_n == LIVE_RING) {
        memmove(l->at, l->at + 1, sizeof l->at - sizeof l->at[0]);
        memmove(l->tokens, l->tokens + 1, sizeof l->tokens - sizeof l->tokens[0]);
        memmove(l->approx, l->approx + 1, sizeof l->approx - sizeof l->approx[0]);
        memmove(l->decoding, l->decoding + 1, sizeof l->decoding - sizeof l->decoding[0]);
        l->ring_n--;
    }
    l->at[l->ring_n] = at;
    l->tokens[l->ring_n] = l->total;
    l->approx[l->ring_n] = l->total_approx;
    l->decoding[l->ring_n] = decoding;
    l->ring_n++;
}

/* The points that the last second lies between; false before there is half a second of it. */
static bool last_second(const struct live *l, int *first, int *last)
{
    *first = *last = l->ring_n - 1;
    while (*first > 0 && l->at[*last] - l->at[*first] < INT64_C(980000000))
        --*first;
    return *last >= 0 && l->at[*last] - l->at[*first] >= INT64_C(450000000);
}

double live_rate(const struct live *l, bool *approx)
{
    int first, last;
    *approx = false;
    if (!last_second(l, &first, &last))
        return (double)NAN;
    *approx = l->approx[last] > l->approx[first];
    return (l->tokens[last] - l->tokens[first]) * 1e9 / (double)(l->at[last] - l->at[first]);
}

double live_stream_rate(const struct live *l)
{
    int first, last;
    double time = 0; /* streams × ns, by the number at both ends of each interval */
    if (!last_second(l, &first, &last))
        return (double)NAN;
    for (int i = first; i < last; i++)
        time += (l->decoding[i] + l->decoding[i + 1]) / 2 * (double)(l->at[i + 1] - l->at[i]);
    return time > 0 ? (l->tokens[last] - l->tokens[first]) * 1e9 / time : (double)NAN;
}
