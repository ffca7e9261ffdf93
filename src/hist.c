#include "hist.h"

#include <math.h>
#include <string.h>

#define SUB_BITS 6
#define LAST_VALUE ((UINT64_C(1) << 48) - 1)

size_t hist_index(uint64_t value)
{
    if (value > LAST_VALUE)
        value = LAST_VALUE;
    if (value < HIST_SUB)
        return (size_t)value;
    unsigned octave = 63u - (unsigned)__builtin_clzll(value); /* ≥ SUB_BITS */
    unsigned shift = octave - SUB_BITS;
    return (size_t)(shift + 1) * HIST_SUB + (size_t)((value >> shift) - HIST_SUB);
}

uint64_t hist_low(size_t index)
{
    if (index < HIST_SUB)
        return index;
    size_t shift = index / HIST_SUB - 1;
    return (uint64_t)(index % HIST_SUB + HIST_SUB) << shift;
}

uint64_t hist_high(size_t index)
{
    return hist_low(index + 1);
}

void hist_reset(struct hist *h)
{
    memset(h->bucket + h->lo, 0, (h->hi - h->lo) * sizeof h->bucket[0]);
    memset(h, 0, offsetof(struct hist, bucket));
}

static void widen(struct hist *h, uint64_t min, uint64_t max, uint32_t lo, uint32_t hi)
{
    if (h->count == 0 || min < h->min)
        h->min = min;
    if (h->count == 0 || max > h->max)
        h->max = max;
    if (h->count == 0 || lo < h->lo)
        h->lo = lo;
    if (h->count == 0 || hi > h->hi)
        h->hi = hi;
}

void hist_add(struct hist *h, uint64_t value, uint64_t times)
{
    if (times == 0)
        return;
    uint32_t i = (uint32_t)hist_index(value);
    widen(h, value, value, i, i + 1);
    h->bucket[i] += times;
    h->count += times;
    if (value > LAST_VALUE)
        h->over += times;
    double v = (double)value;
    h->sum += v * (double)times;
    h->sum_sq += v * v * (double)times;
}

void hist_merge(struct hist *into, const struct hist *from)
{
    if (from->count == 0)
        return;
    widen(into, from->min, from->max, from->lo, from->hi);
    for (uint32_t i = from->lo; i < from->hi; i++)
        into->bucket[i] += from->bucket[i];
    into->count += from->count;
    into->over += from->over;
    into->sum += from->sum;
    into->sum_sq += from->sum_sq;
}

double hist_mean(const struct hist *h)
{
    return h->count > 0 ? h->sum / (double)h->count : (double)NAN;
}

double hist_stddev(const struct hist *h)
{
    if (h->count < 2)
        return (double)NAN;
    double n = (double)h->count, mean = h->sum / n;
    double var = (h->sum_sq - n * mean * mean) / (n - 1);
    return var > 0 ? sqrt(var) : 0;
}

static double middle(const struct hist *h, size_t i)
{
    double m = ((double)hist_low(i) + (double)hist_high(i) - 1) / 2;
    if (m < (double)h->min)
        return (double)h->min;
    return m > (double)h->max ? (double)h->max : m;
}

/* The value of rank r (0-based); the extreme ranks are known exactly. */
static double at_rank(const struct hist *h, uint64_t r)
{
    if (r == 0)
        return (double)h->min;
    if (r + 1 >= h->count)
        return (double)h->max;
    uint64_t seen = 0;
    for (size_t i = h->lo; i < h->hi; i++) {
        seen += h->bucket[i];
        if (seen > r)
            return middle(h, i);
    }
    return (double)h->max;
}

double hist_quantile(const struct hist *h, double q)
{
    if (h->count == 0)
        return (double)NAN;
    double pos = q * (double)(h->count - 1);
    double below = floor(pos);
    double a = at_rank(h, (uint64_t)below);
    if (pos <= below)
        return a;
    return a + (at_rank(h, (uint64_t)below + 1) - a) * (pos - below);
}

uint64_t hist_between(const struct hist *h, double from, double to)
{
    uint64_t n = 0;
    for (size_t i = h->lo; i < h->hi; i++) {
        double m = middle(h, i);
        if (m >= from && m < to)
            n += h->bucket[i];
    }
    return n;
}
