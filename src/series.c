#include "series.h"
#include "util.h"

#include <math.h>
#include <stdbool.h>

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

static struct series_point *slot(struct series_level *l, int64_t number)
{
    return &l->at[number % SERIES_POINTS];
}

const struct series_point *series_at(const struct series_level *l, int64_t number)
{
    return &l->at[number % SERIES_POINTS];
}

static int64_t first_of(const struct series_level *l)
{
    return l->last - (int64_t)l->n + 1;
}

/* Twice as long points, half as many. */
static void pair(struct series_level *l)
{
    struct series_level before = *l;
    l->n = 0;
    for (int64_t i = first_of(&before); i <= before.last; i++) {
        struct series_point *to = slot(l, i >> 1);
        if (i % 2 == 0 || l->n == 0) {
            *to = (struct series_point){.count = 0};
            l->n++;
        }
        series_merge(to, series_at(&before, i));
    }
    l->last = before.last >> 1;
    l->step_s = before.step_s * 2;
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
    for (l->last = MAX_OF(l->last, number - SERIES_POINTS); l->last < number; l->n = MIN_OF(l->n + 1, (size_t)SERIES_POINTS))
        *slot(l, ++l->last) = (struct series_point){.count = 0};
    return slot(l, l->last);
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

static void copy_level(struct series_level *to, const struct series_level *from, bool earlier)
{
    int64_t first = first_of(from);
    if (earlier && to->step_s == from->step_s && to->last <= from->last && first_of(to) <= first)
        first = MAX_OF(first, to->last); /* that one was filling */
    for (int64_t i = first; i <= from->last; i++)
        *slot(to, i) = *series_at(from, i);
    to->step_s = from->step_s;
    to->last = from->last;
    to->n = from->n;
}

void series_copy(struct series *to, const struct series *from)
{
    bool earlier = to->start_s == from->start_s && to->end_s <= from->end_s;
    for (int d = 0; d < SERIES_DEPTHS; d++)
        copy_level(&to->level[d], &from->level[d], earlier);
    to->start_s = from->start_s;
    to->end_s = from->end_s;
}

static const struct series_level *level_at(const struct series *s, double from_s)
{
    for (int d = 0; d < SERIES_DEPTHS - 1; d++) {
        const struct series_level *l = &s->level[d];
        double oldest = (double)first_of(l) * l->step_s;
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
    for (int64_t i = MAX_OF(from, first_of(l)); i < to && i <= l->last; i++)
        series_merge(&sum, series_at(l, i));
    return sum;
}
