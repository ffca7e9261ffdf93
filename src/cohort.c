#include "cohort.h"

#include "util.h"

#include <stdlib.h>
#include <string.h>

void cohort_clear(struct cohort *c)
{
    c->n = 0;
}

void cohort_release(struct cohort *c)
{
    free(c->list);
    *c = (struct cohort){NULL, 0, 0};
}

/* Where it is, or belongs: mostly at the end. */
static size_t place_of(const struct cohort *c, uint64_t seq)
{
    size_t lo = 0, hi = c->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (c->list[mid].seq < seq)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

void cohort_put(struct cohort *c, const struct cohort_one *one)
{
    size_t at = place_of(c, one->seq);
    if (at == c->n || c->list[at].seq != one->seq) {
        if (c->n == c->cap) {
            c->cap = c->cap > 0 ? 2 * c->cap : 256;
            c->list = xrealloc(c->list, c->cap * sizeof *c->list);
        }
        memmove(c->list + at + 1, c->list + at, (c->n - at) * sizeof *c->list);
        c->n++;
    } else if (c->list[at].ended && !one->ended) {
        return;
    }
    c->list[at] = *one;
}

void cohort_count(const struct cohort *c, struct cohort_count *out)
{
    int64_t oldest = INT64_MAX;
    *out = (struct cohort_count){0};
    for (size_t i = 0; i < c->n; i++)
        if (c->list[i].fate == FATE_OPEN)
            oldest = MIN_OF(oldest, c->list[i].sent);
    for (size_t i = 0; i < c->n; i++) {
        const struct cohort_one *one = &c->list[i];
        if (one->sent >= oldest || one->fate == FATE_NONE)
            continue;
        out->good += one->fate == FATE_GOOD;
        out->bad += one->fate == FATE_BAD;
        out->failed += one->failed;
        for (size_t k = 0; k < COHORT_GOALS; k++)
            out->missed[k] += one->missed >> k & 1;
    }
}
