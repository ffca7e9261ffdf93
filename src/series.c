#include "series.h"
#include "util.h"

#include <math.h>
#include <string.h>

static const double steps[SERIES_DEPTHS] = {SERIES_STEP_S, SERIES_MIDDLE_S, SERIES_STEP_S};

void series_merge(struct series_point *into, const struct series_point *from)
{
    if (from->count == 0)
        return;
    if (into->count == 0) {
        *into = *from;
        return;
    }
    uint32_t all = into->count + from->count;
    into->mean += (from->mean - into->mean) * ((float)from->count / (float)all);
    into->low = MIN_OF(into->low, from->low);
    into->high = MAX_OF(into->high, from->high);
    into->count = all;
}

/* Twice as long points, half as many. */
static void pair(struct series_level *l)
{
    int64_t first = l->last - (int64_t)(l->n - 1), base = first >> 1;
    size_t n = (size_t)((l->last >> 1) - base + 1);
    for (size_t i = 0; i < l->n; i++) {
        size_t to = (size_t)(((first + (int64_t)i) >> 1) - base);
        struct series_point p = l->at[i];
        if ((first + (int64_t)i) % 2 == 0 || i == 0)
            l->at[to] = p;
        else
            series_merge(&l->at[to], &p);
    }
    l->last >>= 1;
    l->n = n;
    l->step_s *= 2;
}

/* The point of that number, which becomes the newest; whole: nothing is dropped for it. */
static struct series_point *newest(struct series_level *l, double t_s, bool whole)
{
    int64_t number = (int64_t)floor(t_s / l->step_s + 1e-6);
    if (l->n == 0)
        l->last = number - 1;
    while (whole && number - l->last + (int64_t)l->n > SERIES_POINTS && l->n > 0) {
        pair(l);
        number = (int64_t)floor(t_s / l->step_s + 1e-6);
    }
    if (number - l->last >= SERIES_POINTS) /* a gap longer than all that is kept */
        l->n = 0;
    for (l->last = MAX_OF(l->last, number - SERIES_POINTS); l->last < number; l->last++) {
        if (l->n == SERIES_POINTS)
            memmove(l->at, l->at + 1, --l->n * sizeof l->at[0]);
        l->at[l->n++] = (struct series_point){.count = 0};
    }
    return &l->at[l->n - 1];
}

void series_push(struct series *s, double t_s, double v)
{
    if (!(t_s >= 0) || t_s > 1e9)
        return;
    if (s->level[SERIES_WHOLE].n == 0)
        s->start_s = t_s;
    const struct series_point one = {(float)v, (float)v, (float)v, isfinite(v)};
    for (int d = 0; d < SERIES_DEPTHS; d++) {
        struct series_level *l = &s->level[d];
        if (l->n == 0)
            l->step_s = steps[d];
        series_merge(newest(l, t_s, d == SERIES_WHOLE), &one);
    }
    s->end_s = t_s;
}

void series_copy(struct series *to, const struct series *from)
{
    to->start_s = from->start_s;
    to->end_s = from->end_s;
    for (int d = 0; d < SERIES_DEPTHS; d++) {
        const struct series_level *l = &from->level[d];
        memcpy(&to->level[d], l, offsetof(struct series_level, at) + l->n * sizeof l->at[0]);
    }
}

static const struct series_level *level_at(const struct series *s, double from_s)
{
    for (int d = 0; d < SERIES_DEPTHS - 1; d++) {
        const struct series_level *l = &s->level[d];
        double oldest = (double)(l->last - (int64_t)l->n + 1) * l->step_s;
        if (oldest <= MAX_OF(from_s, s->start_s))
            return l;
    }
    return &s->level[SERIES_WHOLE];
}

struct series_point series_between(const struct series *s, double from_s, double to_s)
{
    const struct series_level *l = level_at(s, from_s);
    struct series_point sum = {.count = 0};
    if (l->n == 0 || to_s <= 0 || from_s < 0)
        return sum;
    int64_t from = (int64_t)ceil(from_s / l->step_s - 1e-6), to = (int64_t)ceil(to_s / l->step_s - 1e-6);
    if (from == to) {
        from--; /* it began before, and is not over */
        to = from + 1;
    }
    int64_t oldest = l->last - (int64_t)l->n + 1;
    for (int64_t i = MAX_OF(from, oldest); i < to && i <= l->last; i++)
        series_merge(&sum, &l->at[i - oldest]);
    return sum;
}
