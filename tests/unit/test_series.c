/* Series: every level against what the values themselves say. */
#include "check.h"
#include "series.h"
#include "util.h"

#include <stdlib.h>

#define VALUES 40000

/* The point that covers [from, from + seconds), from all values. */
static struct series_point true_point(const float *v, const double *t, int n, double from, double seconds)
{
    struct series_point p = {0};
    double sum = 0;
    for (int i = (int)(from / SERIES_STEP_S) > 8 ? (int)(from / SERIES_STEP_S) - 8 : 0; i < n && t[i] < from + seconds; i++) {
        if (t[i] < from || !isfinite(v[i]))
            continue;
        p.low = p.count == 0 ? v[i] : MIN_OF(p.low, v[i]);
        p.high = p.count == 0 ? v[i] : MAX_OF(p.high, v[i]);
        sum += (double)v[i];
        p.count++;
    }
    p.mean = p.count > 0 ? (float)(sum / p.count) : 0;
    return p;
}

static void check_level(const struct series_level *l, const float *v, const double *t, int n)
{
    assert_in_range(l->n, 1, SERIES_POINTS);
    for (int64_t i = l->last - (int64_t)l->n + 1; i <= l->last; i++) {
        struct series_point want = true_point(v, t, n, (double)i * l->step_s, l->step_s);
        const struct series_point *p = series_at(l, i);
        assert_int_equal(p->count, want.count);
        if (want.count == 0)
            continue;
        assert_true(p->low == want.low && p->high == want.high);
        assert_near((double)p->mean, (double)want.mean, 1e-3);
    }
}

static void check_same(const struct series *a, const struct series *b)
{
    assert_true(a->start_s == b->start_s && a->end_s == b->end_s);
    for (int d = 0; d < SERIES_DEPTHS; d++) {
        const struct series_level *l = &a->level[d], *k = &b->level[d];
        assert_true(l->n == k->n && l->last == k->last && l->step_s == k->step_s);
        for (int64_t i = l->last - (int64_t)l->n + 1; i <= l->last; i++)
            assert_memory_equal(series_at(l, i), series_at(k, i), sizeof(struct series_point));
    }
}

static uint64_t counted(const struct series_level *l)
{
    uint64_t n = 0;
    for (int64_t i = l->last - (int64_t)l->n + 1; i <= l->last; i++)
        n += series_at(l, i)->count;
    return n;
}

static void test_levels(void **state)
{
    (void)state;
    struct series *s = xcalloc(1, sizeof *s), *copy = xcalloc(1, sizeof *s);
    float *v = xcalloc(VALUES, sizeof *v);
    double *t = xcalloc(VALUES, sizeof *t);
    uint64_t seed = 5, known = 0;
    int check = 1;
    for (int i = 0; i < VALUES; i++) {
        t[i] = (i + 1) * SERIES_STEP_S;
        bool gap = i % 1000 > 900 || rng_unit(&seed) < 0.05;
        v[i] = gap ? NAN : (float)(rng_unit(&seed) * 100);
        known += !gap;
        series_push(s, t[i], gap ? (double)NAN : (double)v[i]);
        if (rng_unit(&seed) < (i < 2000 ? 0.3 : 0.002)) { /* now close together, now more than a level apart */
            series_copy(copy, s);
            check_same(copy, s);
        }
        if (i + 1 != check)
            continue;
        check = check < 2000 ? check * 3 / 2 + 1 : check + 7919;
        for (int d = 0; d < SERIES_DEPTHS; d++)
            check_level(&s->level[d], v, t, i + 1);
        assert_int_equal(counted(&s->level[SERIES_WHOLE]), known); /* nothing of the run is lost */
    }
    assert_near(s->level[SERIES_WHOLE].step_s, 64, 0); /* 20,000 s in at most 600 points */
    free(s);
    free(copy);
    free(v);
    free(t);
}

/* A copy of what was: of the same run at an earlier moment, and of another run with the same numbers. */
static void test_copy_of_others(void **state)
{
    (void)state;
    struct series *a = xcalloc(1, sizeof *a), *b = xcalloc(1, sizeof *b), *copy = xcalloc(1, sizeof *copy);
    for (int i = 1; i <= 5000; i++)
        series_push(a, i * SERIES_STEP_S, i);
    for (int i = 1; i <= 700; i++)
        series_push(b, i * SERIES_STEP_S, i);
    series_copy(copy, a);
    series_copy(copy, b);
    check_same(copy, b);
    series_copy(copy, a);
    check_same(copy, a);
    *b = (struct series){.start_s = 0};
    for (int i = 2; i <= 5001; i++)
        series_push(b, i * SERIES_STEP_S, -i);
    series_copy(copy, b);
    check_same(copy, b);
    free(a);
    free(b);
    free(copy);
}

static void test_between(void **state)
{
    (void)state;
    struct series *s = xcalloc(1, sizeof *s), *copy = xcalloc(1, sizeof *s);
    assert_int_equal(series_between(s, 0, 100).count, 0);
    for (int i = 1; i <= 9000; i++) /* 4,500 s; the value is its time */
        series_push(s, i * SERIES_STEP_S, i * SERIES_STEP_S);
    struct series_point p = series_between(s, 4490, 4492);
    assert_int_equal(p.count, 4);
    assert_near((double)p.low, 4490, 0);
    assert_near((double)p.mean, 4490.75, 1e-3);
    assert_near((double)p.high, 4491.5, 0);
    p = series_between(s, 4500, 4600); /* the newest alone */
    assert_int_equal(p.count, 1);
    assert_int_equal(series_between(s, 4501, 4600).count, 0);
    p = series_between(s, 3000, 3006); /* 3 s a point so far back */
    assert_int_equal(p.count, 12);
    assert_near((double)p.low, 3000, 0);
    assert_near((double)p.high, 3005.5, 0);
    p = series_between(s, 3001, 3002); /* none begins there: the one that covers it */
    assert_int_equal(p.count, 6);
    assert_near((double)p.low, 3000, 0);
    uint64_t n = 0;
    for (int i = 0; i < 100; i++) /* cut anyhow, each value is in one piece */
        n += series_between(s, 3000 + i * 10.3, 3000 + (i + 1) * 10.3).count;
    assert_in_range(n, 2060, 2060 + 6); /* but for a point, where a finer level begins */
    assert_int_equal(series_between(s, -50, 0).count, 0);
    series_copy(copy, s);
    check_same(copy, s);
    free(s);
    free(copy);
}

/* A machine that slept, and what is no time at all. */
static void test_gaps(void **state)
{
    (void)state;
    struct series *s = xcalloc(1, sizeof *s);
    const double bad[] = {-1, (double)NAN, HUGE_VAL, 1e300};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        series_push(s, bad[i], 1);
    assert_int_equal(s->level[SERIES_FINE].n, 0);
    series_push(s, 1, 10);
    series_push(s, 4, 20);
    assert_int_equal(s->level[SERIES_FINE].n, 7);
    assert_int_equal(series_at(&s->level[SERIES_FINE], 5)->count, 0);
    series_push(s, 1e6, 30); /* eleven days */
    assert_true(s->level[SERIES_FINE].n <= SERIES_POINTS);
    assert_near((double)series_at(&s->level[SERIES_FINE], s->level[SERIES_FINE].last)->mean, 30, 0);
    assert_int_equal(counted(&s->level[SERIES_FINE]), 1);
    assert_int_equal(counted(&s->level[SERIES_WHOLE]), 3);
    series_push(s, 1e6 + 0.1, 40); /* of the same half second */
    assert_int_equal(counted(&s->level[SERIES_FINE]), 2);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_levels), cmocka_unit_test(test_copy_of_others),
                                       cmocka_unit_test(test_between), cmocka_unit_test(test_gaps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
