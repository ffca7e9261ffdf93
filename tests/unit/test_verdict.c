/* Verdicts on seeded synthetic runs: noise is not taken for progress, and progress is seen. */
#include "check.h"

#include "util.h"
#include "verdict.h"

#include <stdbool.h>

#define PI 3.14159265358979323846
#define MOST 16384

static double one[MOST], two[MOST];

/* Standard normal, by Box and Muller. */
static double normal(uint64_t *rng)
{
    double u = 1 - rng_unit(rng), v = rng_unit(rng);
    return sqrt(-2 * log(u)) * cos(2 * PI * v);
}

/* Correlation phi^k at distance k. */
static void series(double *v, size_t n, double mean, double sd, double phi, uint64_t *rng)
{
    double x = normal(rng);
    for (size_t i = 0; i < n; i++) {
        v[i] = mean + sd * x;
        x = phi * x + sqrt(1 - phi * phi) * normal(rng);
    }
}

static void normals(double *v, size_t n, double mean, double sd, uint64_t *rng)
{
    for (size_t i = 0; i < n; i++)
        v[i] = mean + sd * normal(rng);
}

/* Skewed, as latencies are. */
static void lognormals(double *v, size_t n, double median, double sigma, uint64_t *rng)
{
    for (size_t i = 0; i < n; i++)
        v[i] = median * exp(sigma * normal(rng));
}

static bool decided(const struct comparison *c)
{
    return c->verdict == VERDICT_WIN || c->verdict == VERDICT_LOSE;
}

/* The largest number of false winners in so many trials that 5 % explains, within two standard deviations. */
static int bound(int trials)
{
    return (int)(0.05 * trials + 2 * sqrt(0.05 * 0.95 * trials));
}

static const struct compare_rule higher = {1, COMPARE_EFFECT, (double)NAN};
static const struct compare_rule lower = {-1, COMPARE_EFFECT, (double)NAN};
/* Any difference counts: nothing but the interval stands between noise and a winner. */
static const struct compare_rule any = {1, 0, 0};

/* From 30 digits of the incomplete beta function; the round ones are in every printed table. */
static void test_student(void **state)
{
    (void)state;
    static const struct {
        double p, df, t;
    } golden[] = {
        {0.975, 1, 12.70620474},   {0.975, 1.5, 6.016663104}, {0.975, 2, 4.30265273},    {0.975, 3.7, 2.867520711},
        {0.975, 10, 2.228138852},  {0.975, 17.3, 2.10703200}, {0.975, 30, 2.042272456},  {0.975, 120, 1.979930405},
        {0.975, 1000, 1.96233908}, {0.9, 2, 1.885618083},     {0.9, 30, 1.310415025},    {0.995, 1, 63.65674116},
        {0.995, 10, 3.169272673},  {0.9995, 1, 636.6192488},  {0.9995, 120, 3.37345377},
    };
    for (size_t i = 0; i < ARRAY_LEN(golden); i++) {
        assert_near(student_quantile(golden[i].p, golden[i].df), golden[i].t, 1e-8 * golden[i].t);
        assert_near(student_quantile(1 - golden[i].p, golden[i].df), -golden[i].t, 1e-8 * golden[i].t);
    }
    /* t(df) = z + (z³ + z) / 4df + …, and z itself in the limit */
    assert_near(student_quantile(0.975, 1e5), 1.959963985 + 2.3722712 / 1e5, 1e-8);
    assert_near(student_quantile(0.975, 1e12), 1.959963985, 1e-6);
    assert_near(student_quantile(0.5, 3), 0, 0);
    assert_unknown(student_quantile(0, 3));
    assert_unknown(student_quantile(1, 3));
    assert_unknown(student_quantile(0.975, 0));
    assert_unknown(student_quantile((double)NAN, 3));
}

/* a = 1, 2 … 12: mean 6.5, variance 13.  b = 10, 12 … 36: mean 23, variance 70.  The variance of the difference is
 * 13/12 + 70/14 = 6.08333, df = 6.08333² / ((13/12)²/11 + 5²/13) = 18.23210, t = 2.099007, so 16.5 ± 5.177077. */
static void test_welch(void **state)
{
    (void)state;
    struct comparison c;
    for (int i = 0; i < 12; i++)
        one[i] = i + 1;
    for (int i = 0; i < 14; i++)
        two[i] = 10 + 2 * i;
    compare_means(one, 12, two, 14, &higher, &c);
    assert_near(c.a, 6.5, 1e-12);
    assert_near(c.b, 23, 1e-12);
    assert_near(c.diff, 16.5, 1e-12);
    assert_near(c.ratio, 23 / 6.5, 1e-12);
    assert_near(c.lo, 16.5 - 5.177076848, 1e-7);
    assert_near(c.hi, 16.5 + 5.177076848, 1e-7);
    assert_near(c.effect, 0.13, 1e-12);
    assert_int_equal(c.n_a, 12);
    assert_int_equal(c.n_b, 14);
    assert_int_equal(c.verdict, VERDICT_WIN);
}

static void test_direction(void **state)
{
    (void)state;
    struct comparison c;
    struct compare_rule neither = {0, 0.02, 0};
    uint64_t rng = 1;
    normals(one, 100, 100, 5, &rng);
    normals(two, 100, 120, 5, &rng);
    compare_means(one, 100, two, 100, &higher, &c);
    assert_int_equal(c.verdict, VERDICT_WIN);
    compare_means(two, 100, one, 100, &higher, &c);
    assert_int_equal(c.verdict, VERDICT_LOSE);
    compare_means(one, 100, two, 100, &lower, &c);
    assert_int_equal(c.verdict, VERDICT_LOSE);
    compare_means(two, 100, one, 100, &lower, &c);
    assert_int_equal(c.verdict, VERDICT_WIN);
    compare_quantile(one, 100, two, 100, 0.5, 1, &lower, &c);
    assert_int_equal(c.verdict, VERDICT_LOSE);
    compare_series_means(one, 100, two, 100, 10, 1, &higher, &c);
    assert_int_equal(c.verdict, VERDICT_WIN);
    compare_means(one, 100, two, 100, &neither, &c);
    assert_int_equal(c.verdict, VERDICT_UNSURE); /* plainly different, and no better for it */
    assert_int_equal(c.more, 0);
}

/* The interval leaves zero out, but the difference is too small to count, or smaller than repeats differ. */
static void test_effect(void **state)
{
    (void)state;
    struct comparison c;
    struct compare_rule r = {1, (double)NAN, 0};
    uint64_t rng = 2;
    normals(one, 4000, 100, 5, &rng);
    normals(two, 4000, 101, 5, &rng);
    compare_means(one, 4000, two, 4000, &r, &c);
    assert_near(c.effect, COMPARE_EFFECT * c.a, 1e-12); /* no opinion: the default */
    assert_true(c.lo > 0 && c.hi < c.effect);
    assert_int_equal(c.verdict, VERDICT_SAME);
    r.min_effect = 0.005;
    compare_means(one, 4000, two, 4000, &r, &c);
    assert_int_equal(c.verdict, VERDICT_WIN);
    r.spread = 3;
    compare_means(one, 4000, two, 4000, &r, &c);
    assert_near(c.effect, 3, 0);
    assert_int_equal(c.verdict, VERDICT_SAME);
    r.spread = c.diff; /* the interval reaches past it */
    r.better = 0;
    compare_means(one, 4000, two, 4000, &r, &c);
    assert_int_equal(c.verdict, VERDICT_UNSURE);
    r.better = 1;
    compare_means(one, 4000, two, 4000, &r, &c);
    assert_int_equal(c.verdict, VERDICT_WIN);
    r.spread = c.diff * 1.01;
    compare_means(one, 4000, two, 4000, &r, &c);
    assert_int_equal(c.verdict, VERDICT_UNSURE); /* surely more than nothing, not surely enough to count or not */
    assert_true(c.lo > 0 && c.hi > c.effect);
    assert_true(c.more > 0);
}

static void compare_each(int which, const double *a, size_t na, const double *b, size_t nb, struct comparison *c)
{
    if (which == 0)
        compare_means(a, na, b, nb, &any, c);
    else if (which == 1)
        compare_quantile(a, na, b, nb, 0.5, 5, &any, c);
    else
        compare_series_means(a, na, b, nb, 4, 5, &any, c);
}

static void test_odd_input(void **state)
{
    (void)state;
    const double nan = (double)NAN, holes[] = {nan, 4, (double)INFINITY, 6, nan}, whole[] = {4, 6};
    struct comparison c;
    for (int which = 0; which < 3; which++) {
        compare_each(which, NULL, 0, whole, 2, &c);
        assert_int_equal(c.verdict, VERDICT_NONE);
        assert_unknown(c.a);
        assert_unknown(c.diff);
        assert_unknown(c.ratio);
        assert_unknown(c.effect);
        assert_near(c.b, 5, 1e-12);
        compare_each(which, &nan, 1, &nan, 1, &c);
        assert_int_equal(c.verdict, VERDICT_NONE);
        compare_each(which, holes, 5, whole, 2, &c);
        assert_int_equal(c.n_a, 2);
        assert_int_equal(c.verdict, VERDICT_SAME);

        for (int i = 0; i < 40; i++) {
            one[i] = 0.1;
            two[i] = 0.3;
        }
        compare_each(which, one, 40, two, 40, &c); /* no variance at all, and different */
        assert_int_equal(c.verdict, VERDICT_WIN);
        assert_near(c.lo, 0.2, 1e-12);
        assert_near(c.hi, 0.2, 1e-12);
        compare_each(which, one, 40, one, 3, &c); /* one and the same value */
        assert_int_equal(c.verdict, VERDICT_SAME);
        assert_near(c.diff, 0, 0);
        memset(one, 0, 40 * sizeof *one);
        compare_each(which, one, 40, two, 40, &c);
        assert_unknown(c.ratio);
        assert_near(c.effect, 0, 0);
        assert_int_equal(c.verdict, VERDICT_WIN);
        two[7] = 0.5; /* variance on one side only */
        compare_each(which, one, 40, two, 40, &c);
        assert_int_equal(c.verdict, VERDICT_WIN);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    struct comparison c;
    compare_numbers(10, 12, &higher, &c);
    assert_int_equal(c.verdict, VERDICT_UNSURE);
    assert_near(c.diff, 2, 1e-12);
    assert_near(c.ratio, 1.2, 1e-12);
    assert_near(c.effect, 0.2, 1e-12);
    assert_unknown(c.lo);
    assert_unknown(c.hi);
    assert_int_equal(c.more, 0);
    compare_numbers(7, 7, &higher, &c);
    assert_int_equal(c.verdict, VERDICT_SAME);
    compare_numbers(7, (double)NAN, &higher, &c);
    assert_int_equal(c.verdict, VERDICT_NONE);
    assert_unknown(c.diff);
    compare_numbers(0, 5, &higher, &c);
    assert_unknown(c.ratio);
}

/* However wide the interval: one sample cannot differ from itself. */
static void test_itself(void **state)
{
    (void)state;
    struct comparison c;
    uint64_t rng = 3;
    series(one, 200, 100, 60, 0.8, &rng);
    memcpy(two, one, 200 * sizeof *one);
    for (size_t n = 1; n <= 200; n += 13)
        for (int which = 0; which < 3; which++) {
            compare_each(which, one, n, one, n, &c);
            assert_int_equal(c.verdict, VERDICT_SAME);
            assert_near(c.lo, 0, 0);
            assert_near(c.hi, 0, 0);
        }
    compare_quantile(one, 200, one, 200, 0.99, 1, &higher, &c);
    assert_int_equal(c.verdict, VERDICT_SAME);
    assert_memory_equal(one, two, 200 * sizeof *one); /* left as they were */
}

static void test_too_few(void **state)
{
    (void)state;
    struct comparison c;
    uint64_t rng = 4;
    for (int trial = 0; trial < 500; trial++) {
        size_t n = trial < 250 ? 3 : 1 + (size_t)trial % 11;
        double apart = trial % 2 == 0 ? 0 : 1000;
        normals(one, n, 100, 1, &rng);
        normals(two, 50, 100 + apart, 1, &rng);
        for (int which = 0; which < 3; which++) {
            compare_each(which, one, n, two, which == 1 ? 50 : n, &c);
            assert_int_equal(c.verdict, VERDICT_UNSURE);
            assert_true(c.more >= COMPARE_MIN - n);
        }
    }
    /* two blocks and nine values, however plain the difference */
    normals(one, 100, 100, 1, &rng);
    normals(two, 100, 200, 1, &rng);
    compare_series_means(one, 29, two, 100, 10, 1, &higher, &c);
    assert_int_equal(c.verdict, VERDICT_UNSURE);
    assert_unknown(c.lo);
    assert_int_equal(c.more, 1);
    compare_series_means(one, 30, two, 100, 0, 1, &higher, &c);
    assert_int_equal(c.verdict, VERDICT_WIN);
    /* a ramp has no mean that a longer look would not move */
    for (int i = 0; i < 60; i++)
        one[i] = 100 + i;
    compare_series_means(one, 60, two, 60, 10, 1, &higher, &c);
    assert_int_equal(c.verdict, VERDICT_UNSURE);
    assert_true(c.more > 0);
}

/* A hundred values say nothing of the worst hundredth. */
static void test_high_quantiles(void **state)
{
    (void)state;
    struct comparison c;
    uint64_t rng = 5;
    assert_int_equal(compare_quantile_min(0.5), COMPARE_MIN);
    assert_int_equal(compare_quantile_min(0.95), 72); /* 0.95^72 < 0.025 */
    assert_int_equal(compare_quantile_min(0.05), 72);
    assert_int_equal(compare_quantile_min(0.99), 368);
    assert_int_equal(compare_quantile_min(1), COMPARE_MORE);
    lognormals(one, 2048, 100, 0.2, &rng);
    lognormals(two, 2048, 200, 0.2, &rng);
    compare_quantile(one, 100, two, 2048, 0.99, 1, &lower, &c);
    assert_int_equal(c.verdict, VERDICT_UNSURE);
    assert_unknown(c.lo);
    assert_int_equal(c.more, 268);
    compare_quantile(one, 368, two, 2048, 0.99, 1, &lower, &c);
    assert_int_equal(c.verdict, VERDICT_LOSE);
    assert_true(c.lo < c.diff && c.diff < c.hi);
}

static void test_seed(void **state)
{
    (void)state;
    struct comparison c, d;
    uint64_t rng = 6;
    normals(one, 60, 100, 5, &rng);
    normals(two, 60, 101, 5, &rng);
    compare_quantile(one, 60, two, 60, 0.5, 9, &higher, &c);
    compare_quantile(one, 60, two, 60, 0.5, 9, &higher, &d);
    assert_true(c.lo >= d.lo && c.lo <= d.lo && c.hi >= d.hi && c.hi <= d.hi);
    compare_quantile(one, 60, two, 60, 0.5, 10, &higher, &d);
    assert_true(c.lo < d.lo || c.lo > d.lo);
    assert_near(c.lo, d.lo, 0.1 * (c.hi - c.lo));
}

/* The resampled interval of a median against the normal theory: ± 1.96 √2 · 1.2533 sd/√n. */
static void test_median_interval(void **state)
{
    (void)state;
    struct comparison c;
    uint64_t rng = 7;
    double half = 0;
    for (int i = 0; i < 20; i++) {
        normals(one, 401, 100, 5, &rng);
        normals(two, 401, 100, 5, &rng);
        compare_quantile(one, 401, two, 401, 0.5, 1, &higher, &c);
        half += (c.hi - c.lo) / 2 / 20;
    }
    double theory = 1.96 * sqrt(2) * 1.2533 * 5 / sqrt(401);
    assert_near(half, theory, 0.1 * theory);
}

static void test_false_means(void **state)
{
    (void)state;
    struct comparison c;
    uint64_t rng = 8;
    int counts = 0, strict = 0, found = 0;
    for (int i = 0; i < 1000; i++) {
        normals(one, 100, 100, 5, &rng);
        normals(two, 100, 100, 5, &rng);
        compare_means(one, 100, two, 100, &any, &c);
        strict += decided(&c);
        compare_means(one, 100, two, 100, &higher, &c);
        counts += decided(&c);
        normals(two, 100, 110, 5, &rng);
        compare_means(one, 100, two, 100, &higher, &c);
        found += c.verdict == VERDICT_WIN;
    }
    print_message("means: false %d (any difference) and %d (2 %%) of 1000, 10 %% found %d\n", strict, counts, found);
    assert_in_range(strict, 20, bound(1000)); /* nor much below 5 %: the interval is not wider than it need be */
    assert_true(counts <= strict);
    assert_true(found > 990);
}

static void test_false_quantiles(void **state)
{
    (void)state;
    static const struct {
        double q;
        size_t n;
    } cases[] = {{0.5, 12}, {0.5, 100}, {0.95, 72}, {0.95, 200}};
    struct comparison c;
    uint64_t rng = 9;
    for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
        int wrong = 0, found = 0;
        for (int i = 0; i < 120; i++) {
            lognormals(one, cases[k].n, 100, 0.1, &rng);
            lognormals(two, cases[k].n, 100, 0.1, &rng);
            compare_quantile(one, cases[k].n, two, cases[k].n, cases[k].q, (uint64_t)i, &any, &c);
            wrong += decided(&c);
            if (i >= 40)
                continue;
            lognormals(two, cases[k].n, 150, 0.1, &rng);
            compare_quantile(one, cases[k].n, two, cases[k].n, cases[k].q, (uint64_t)i, &lower, &c);
            found += c.verdict == VERDICT_LOSE;
        }
        print_message("quantile %g of %zu: false %d of 120, 50 %% found %d of 40\n", cases[k].q, cases[k].n, wrong,
                      found);
        assert_true(wrong <= bound(120));
        assert_true(found >= 39);
    }
}

/* Neighbours that depend on each other, at lengths from barely enough to ten minutes. */
static void test_false_rates(void **state)
{
    (void)state;
    static const double phis[] = {0, 0.5, 0.8};
    static const size_t lengths[] = {30, 60, 120, 600};
    struct comparison c;
    uint64_t rng = 10;
    for (size_t p = 0; p < ARRAY_LEN(phis); p++)
        for (size_t l = 0; l < ARRAY_LEN(lengths); l++) {
            size_t n = lengths[l];
            int wrong = 0, found = 0;
            for (int i = 0; i < 250; i++) {
                series(one, n, 100, 5, phis[p], &rng);
                series(two, n, 100, 5, phis[p], &rng);
                compare_series_means(one, n, two, n, 10, (uint64_t)i, &any, &c);
                wrong += decided(&c);
                for (size_t j = 0; j < n; j++)
                    two[j] *= 1.1;
                compare_series_means(one, n, two, n, 10, (uint64_t)i, &higher, &c);
                found += c.verdict == VERDICT_WIN;
            }
            print_message("rates, phi %g, %zu values: false %d of 250, 10 %% found %d\n", phis[p], n, wrong, found);
            assert_true(wrong <= bound(250));
            assert_true(n < 600 || found > 240);
        }
}

/* What requests wait in a queue of one server (Lindley 1952), each served for a time of its own, by a share `busy` of the
 * rate that it could take; `scale` stretches all of it. */
static void waits(double *v, size_t n, double busy, double scale, uint64_t *rng)
{
    double wait = 0;
    for (size_t i = 0; i < 1000 + n; i++) { /* the first thousand: until it is as it will be */
        double served = -log(1 - rng_unit(rng)), between = -log(1 - rng_unit(rng)) / busy;
        if (i >= 1000)
            v[i - 1000] = scale * (1 + wait + served);
        wait = fmax(wait + served - between, 0);
    }
}

static void compare_waits(double q, size_t n, uint64_t seed, struct comparison *c)
{
    if (q > 0)
        compare_series_quantile(one, n, two, n, q, 10, seed, &lower, c);
    else
        compare_series_means(one, n, two, n, 10, seed, &lower, c);
}

/* Requests that wait for each other: two runs of one server are as far apart as chance has it, and neither is the better. */
static void test_queues(void **state)
{
    (void)state;
    static const double busy[] = {0.3, 0.7, 0.9}, quantiles[] = {0, 0.5, 0.95};
    static const size_t lengths[] = {100, 1000};
    struct comparison c;
    uint64_t rng = 12;
    for (size_t p = 0; p < ARRAY_LEN(busy); p++)
        for (size_t l = 0; l < ARRAY_LEN(lengths); l++) {
            size_t n = lengths[l];
            int wrong[3] = {0}, found[3] = {0};
            for (int i = 0; i < 100; i++) {
                waits(one, n, busy[p], 1, &rng);
                waits(two, n, busy[p], 1, &rng);
                for (int k = 0; k < 3; k++) {
                    compare_waits(quantiles[k], n, (uint64_t)i, &c);
                    wrong[k] += decided(&c);
                }
                for (size_t j = 0; j < n; j++)
                    two[j] *= 1.5;
                for (int k = 0; k < 3; k++) {
                    compare_waits(quantiles[k], n, (uint64_t)i, &c);
                    found[k] += c.verdict == VERDICT_LOSE;
                }
            }
            print_message("queue, %g busy, %zu waits: false %d %d %d of 100 (mean, p50, p95), half more found %d %d %d\n", busy[p],
                          n, wrong[0], wrong[1], wrong[2], found[0], found[1], found[2]);
            for (int k = 0; k < 3; k++) { /* hundreds of waits in a row are one where hardly a moment is idle: twice as many */
                assert_true(wrong[k] <= (busy[p] > 0.8 ? 2 : 1) * bound(100));
                assert_true(busy[p] > 0.5 || n < 1000 || found[k] >= 95);
            }
        }
    /* What it asks for is more than independent values would need. */
    waits(one, 100, 0.7, 1, &rng);
    waits(two, 100, 0.7, 1, &rng);
    compare_waits(0.95, 100, 1, &c);
    assert_int_equal(c.verdict, VERDICT_UNSURE);
    assert_true(isnan(c.lo) && c.more > 20);
}

/* Of 200 comparisons of n values: how many are unsure, and how many of those are settled once `more` are added. */
static void plan(size_t n, double true_b, int *unsure, int *settled, uint64_t *rng)
{
    struct comparison c;
    *unsure = *settled = 0;
    for (int i = 0; i < 200; i++) {
        normals(one, n, 100, 10, rng);
        normals(two, n, true_b, 10, rng);
        compare_means(one, n, two, n, &higher, &c);
        if (c.verdict != VERDICT_UNSURE)
            continue;
        assert_true(c.more > 0);
        ++*unsure;
        size_t more = MIN_OF(c.more, MOST - n);
        normals(one + n, more, 100, 10, rng);
        normals(two + n, more, true_b, 10, rng);
        compare_means(one, n + more, two, n + more, &higher, &c);
        *settled += c.verdict != VERDICT_UNSURE;
    }
}

static void test_more(void **state)
{
    (void)state;
    uint64_t rng = 11;
    static const double truths[] = {100, 104, 110};
    for (size_t k = 0; k < ARRAY_LEN(truths); k++)
        for (size_t n = 8; n <= 200; n *= 5) {
            int unsure, settled;
            plan(n, truths[k], &unsure, &settled, &rng);
            print_message("b %g, %zu values: %d of 200 unsure, %d settled by more\n", truths[k], n, unsure, settled);
            assert_true(2 * settled >= unsure);
        }
}

/* n values of mean 100 and 100 + d, both with deviations ± sd. */
static void waver(size_t n, double sd, double d, struct comparison *c)
{
    for (size_t i = 0; i < n; i++) {
        one[i] = 100 + (i % 2 == 0 ? sd : -sd);
        two[i] = one[i] + d;
    }
    compare_means(one, n, two, n, &higher, c);
    assert_int_equal(c->verdict, VERDICT_UNSURE);
}

/* Without chance: what is asked for is what the formula says, shrinks with values and grows with noise. */
static void test_more_exact(void **state)
{
    (void)state;
    static const double diffs[] = {8, 1.6, 0.1};
    static const double widths[] = {8, 1, 2}; /* the difference; half the effect; the effect, 0.1 being drowned */
    struct comparison c;
    for (size_t k = 0; k < ARRAY_LEN(diffs); k++) {
        size_t last = SIZE_MAX;
        for (size_t n = 44; n <= 88; n += 22) {
            waver(n, k == 1 ? 5 : 30, diffs[k], &c);
            double h = (c.hi - c.lo) / 2, w = widths[k] * 1.959964 / (1.959964 + 1.281552);
            double wanted = (double)n * (h / w) * (h / w) - (double)n;
            assert_true((double)c.more >= wanted - 1e-6 && (double)c.more <= wanted * 1.1 + 1);
            assert_true(c.more < last);
            last = c.more;
        }
        waver(88, k == 1 ? 6 : 40, diffs[k], &c);
        assert_true(c.more > last);
    }
    waver(64, 1e6, 0.1, &c);
    assert_int_equal(c.more, COMPARE_MORE);
    waver(10, 0.01, 50, &c); /* plain but few */
    assert_int_equal(c.more, 2);

    /* Sides of unequal length: 1/(20+k) + 1/(2000+k) is to be what the formula says. */
    for (int i = 0; i < 2000; i++) {
        one[i] = 100 + (i % 2 == 0 ? 30 : -30);
        two[i] = one[i] + 13;
    }
    compare_means(one, 20, two, 2000, &higher, &c);
    double h = (c.hi - c.lo) / 2, w = 13 * 1.959964 / (1.959964 + 1.281552);
    double then = h * sqrt((1.0 / (20 + (double)c.more) + 1.0 / (2000 + (double)c.more)) / (1.0 / 20 + 1.0 / 2000));
    assert_int_equal(c.verdict, VERDICT_UNSURE);
    assert_near(then, w, 0.02 * w);
}

/* Against the paper's own table (Newcombe 1998, table II, method 10): 56 of 70 and 48 of 80; 0 of 10 and 0 of 20. */
static void test_shares(void **state)
{
    (void)state;
    struct comparison c;
    const struct compare_rule fewer = {-1, 0.02, (double)NAN};
    compare_shares(48, 80, 56, 70, &fewer, &c);
    assert_near(c.lo, 0.0524, 5e-5);
    assert_near(c.hi, 0.3339, 5e-5);
    assert_int_equal(c.verdict, VERDICT_LOSE);
    compare_shares(56, 70, 48, 80, &fewer, &c);
    assert_int_equal(c.verdict, VERDICT_WIN);
    compare_shares(0, 100, 50, 100, &fewer, &c);
    assert_int_equal(c.verdict, VERDICT_LOSE);
    compare_shares(0, 20, 1, 20, &fewer, &c); /* chance */
    assert_int_equal(c.verdict, VERDICT_UNSURE);
    compare_shares(0, 5, 5, 5, &fewer, &c); /* too few to name a winner */
    assert_int_equal(c.verdict, VERDICT_UNSURE);
    compare_shares(0, 500, 0, 3, &fewer, &c);
    assert_int_equal(c.verdict, VERDICT_SAME);
    compare_shares(0, 0, 5, 5, &fewer, &c);
    assert_int_equal(c.verdict, VERDICT_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_student),         cmocka_unit_test(test_welch),
        cmocka_unit_test(test_direction),       cmocka_unit_test(test_effect),
        cmocka_unit_test(test_odd_input),       cmocka_unit_test(test_numbers), cmocka_unit_test(test_shares),
        cmocka_unit_test(test_itself),          cmocka_unit_test(test_too_few),
        cmocka_unit_test(test_high_quantiles),  cmocka_unit_test(test_seed),
        cmocka_unit_test(test_median_interval), cmocka_unit_test(test_false_means),
        cmocka_unit_test(test_false_quantiles), cmocka_unit_test(test_false_rates),
        cmocka_unit_test(test_queues),
        cmocka_unit_test(test_more),            cmocka_unit_test(test_more_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
