#include "engine/live.h"
#include "util.h"

#include <math.h>
#include <string.h>

void live_init(struct live *l, int64_t start)
{
    *l = (struct live){.start = start, .point_at = start};
}

static void drop_oldest(struct live *l)
{
    double *const rings[] = {l->tokens, l->approx, l->later, l->decode_s};
    for (size_t i = 0; i < ARRAY_LEN(rings); i++)
        memmove(rings[i], rings[i] + 1, (LIVE_RING - 1) * sizeof rings[i][0]);
    memmove(l->at, l->at + 1, (LIVE_RING - 1) * sizeof l->at[0]);
    l->ring_n--;
}

void live_add(struct live *l, int64_t at, const struct live_more *more)
{
    l->total += more->tokens;
    l->total_approx += more->approx;
    l->total_later += more->tokens - more->first;
    l->total_decode_s += more->decode_s;
    if (l->ring_n == LIVE_RING)
        drop_oldest(l);
    l->at[l->ring_n] = at;
    l->tokens[l->ring_n] = l->total;
    l->approx[l->ring_n] = l->total_approx;
    l->later[l->ring_n] = l->total_later;
    l->decode_s[l->ring_n] = l->total_decode_s;
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

#define DECODE_LEAST_S 0.05

double live_stream_rate(const struct live *l)
{
    int first, last;
    if (!last_second(l, &first, &last))
        return (double)NAN;
    double s = l->decode_s[last] - l->decode_s[first];
    return s >= DECODE_LEAST_S ? (l->later[last] - l->later[first]) / s : (double)NAN;
}
