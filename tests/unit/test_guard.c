/* The memory guard and the trend: pure, on made-up samples. */
#include "check.h"
#include "engine/guard.h"
#include "engine/trend.h"
#include "stats.h"
#include "util.h"

#define GIB (1024.0 * 1024 * 1024)
#define UNKNOWN ((double)NAN)

static void test_arm(void **state)
{
    (void)state;
    struct guard g;
    char note[200];
    assert_near(guard_default(16 * GIB), GIB, 0);
    assert_near(guard_default(128 * GIB), 2.56 * GIB, 1);
    assert_near(guard_default(UNKNOWN), GIB, 0);
    guard_arm(&g, 2 * GIB, 10 * GIB, 13 * GIB, note, sizeof note);
    assert_near(g.ram_line, 2 * GIB, 0);
    assert_near(g.gtt_line, 2 * GIB, 0);
    assert_string_equal(note, "");
    guard_arm(&g, 2 * GIB, UNKNOWN, 13 * GIB, note, sizeof note); /* not known: not guarded */
    assert_unknown(g.ram_line);
    guard_arm(&g, 2 * GIB, 10 * GIB, 0.5 * GIB, note, sizeof note); /* vLLM has filled its pool */
    assert_near(g.gtt_line, 0.25 * GIB, 0);
    assert_near(g.ram_line, 2 * GIB, 0);
    assert_non_null(strstr(note, "GTT has only 0.5 GiB left at the start: the guard stops the load at 0.2 GiB"));
    guard_arm(&g, 2 * GIB, 1 * GIB, -5, note, sizeof note);
    assert_unknown(g.gtt_line); /* nothing that could be kept */
    assert_non_null(strstr(note, "RAM has only 1.0 GiB"));
    assert_non_null(strstr(note, "; GTT has nothing left at the start"));
    guard_off(&g);
    assert_int_equal(guard_see(&g, 1, 0, 0), GUARD_NOTHING);
}

static void test_see(void **state)
{
    (void)state;
    struct guard g;
    char note[200];
    guard_arm(&g, 2 * GIB, 10 * GIB, 13 * GIB, note, sizeof note);
    assert_int_equal(guard_see(&g, 0, 10 * GIB, 2.1 * GIB), GUARD_NOTHING);
    assert_int_equal(guard_see(&g, 0.1, UNKNOWN, UNKNOWN), GUARD_NOTHING); /* unknown is not low */
    assert_int_equal(guard_see(&g, 0.2, 10 * GIB, 1.9 * GIB), GUARD_STOP_ADDING);
    assert_string_equal(g.why, "GTT has 1.9 GiB left, less than the 2.0 GiB that --guard keeps free");
    assert_int_equal(guard_see(&g, 0.3, 10 * GIB, 1.9 * GIB), GUARD_NOTHING); /* told once; it does not fall any longer */
    assert_int_equal(guard_see(&g, 0.4, 10 * GIB, 1.95 * GIB), GUARD_NOTHING);
    assert_int_equal(guard_see(&g, 0.45, 10 * GIB, 1.9 * GIB - 4096), GUARD_NOTHING); /* unrest is no fall */
    assert_int_equal(guard_see(&g, 0.5, 10 * GIB, 1.8 * GIB), GUARD_CANCEL); /* it does */
    assert_int_equal(guard_see(&g, 0.6, 10 * GIB, 0), GUARD_NOTHING);         /* once */
    assert_non_null(strstr(g.why, "GTT has 1.9 GiB left"));                 /* the first moment is the one that is told */

    guard_arm(&g, 2 * GIB, 10 * GIB, UNKNOWN, note, sizeof note);
    assert_int_equal(guard_see(&g, 1, 1 * GIB, UNKNOWN), GUARD_STOP_ADDING);
    assert_non_null(strstr(g.why, "RAM has 1.0 GiB left"));
    assert_int_equal(guard_see(&g, 2, 3 * GIB, UNKNOWN), GUARD_NOTHING); /* recovered */
    assert_int_equal(guard_see(&g, 60, 3 * GIB, UNKNOWN), GUARD_NOTHING);
    guard_arm(&g, 2 * GIB, 10 * GIB, UNKNOWN, note, sizeof note);
    guard_see(&g, 1, 1 * GIB, UNKNOWN);
    assert_int_equal(guard_see(&g, 3.9, 1 * GIB, UNKNOWN), GUARD_NOTHING);
    assert_int_equal(guard_see(&g, 4.1, 1 * GIB, UNKNOWN), GUARD_CANCEL); /* has not recovered */
}

static void test_line(void **state)
{
    (void)state;
    double x[50], y[50];
    for (int i = 0; i < 50; i++) {
        x[i] = i;
        y[i] = 7 + 3 * i;
    }
    struct stats_line l = stats_line(x, y, 50);
    assert_near(l.slope, 3, 1e-9);
    assert_near(l.margin, 0, 1e-9);
    assert_near(stats_slope(x, y, 50), l.slope, 0);
    /* Anscombe's first set: slope 0.500, standard error 0.1179, t(9) = 2.262 */
    const double ax[] = {10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5},
                 ay[] = {8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68};
    l = stats_line(ax, ay, 11);
    assert_near(l.slope, 0.5001, 1e-4);
    assert_near(l.margin, 0.2667, 1e-3);
    assert_unknown(stats_line(ax, ay, 2).slope);
    assert_unknown(stats_slope(ax, ay, 2));
    const double same[] = {1, 1, 1, 1};
    assert_unknown(stats_line(same, ay, 4).slope);
    assert_unknown(stats_slope(same, ay, 4));
}

static double seconds_left(double start, double slope, double noise, int n, double room)
{
    struct trend r = {0};
    uint64_t seed = 5;
    for (int i = 0; i < n; i++)
        trend_add(&r, i, start + slope * i + noise * (rng_unit(&seed) - 0.5));
    return trend_seconds(&r, room, 64e6);
}

static void test_trend(void **state)
{
    (void)state;
    assert_near(seconds_left(40e9, 10e6, 0, 60, 6e9), 600, 1e-6);
    assert_near(seconds_left(40e9, 10e6, 30e6, 60, 6e9), 600, 60);
    assert_unknown(seconds_left(40e9, 10e6, 0, 9, 6e9));    /* too short to tell */
    assert_unknown(seconds_left(40e9, 0, 500e6, 60, 6e9));  /* noise alone */
    assert_unknown(seconds_left(40e9, 0.1e6, 0, 60, 6e9));  /* too little to speak of */
    assert_unknown(seconds_left(40e9, -10e6, 0, 60, 6e9));
    assert_unknown(seconds_left(40e9, 10e6, 0, 60, UNKNOWN));
    assert_unknown(seconds_left(40e9, 10e6, 0, 60, -1));
    struct trend r = {0};
    for (int i = 0; i < 1000; i++) /* ten a second: one is taken; and the last minute counts, not the first */
        trend_add(&r, i / 10.0, i < 300 ? 0 : i * 1e6);
    assert_int_equal(r.n, TREND_POINTS);
    assert_near(trend_seconds(&r, 1e9, 1), 100, 1e-6);
    struct trend step = {0}; /* a model was loaded, and nothing has grown since */
    for (int i = 0; i < 60; i++)
        trend_add(&step, i, i < 20 ? 10e9 : 50e9);
    assert_unknown(trend_seconds(&step, 40e9, 64e6));
    trend_add(&r, 1000, UNKNOWN);
    assert_near(r.t[r.n - 1], 99, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_arm), cmocka_unit_test(test_see), cmocka_unit_test(test_line),
                                       cmocka_unit_test(test_trend)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
