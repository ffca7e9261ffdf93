/* Charts: ticks, columns that keep peaks, bins, and what a chart does with too little, too much and hostile data. */
#include "check.h"

#include "report/chart.h"
#include "util.h"

static void expect_ticks(const double *got, size_t n, const double *wanted, size_t wanted_n)
{
    assert_int_equal(n, wanted_n);
    for (size_t i = 0; i < wanted_n; i++)
        assert_near(got[i], wanted[i], 1e-9 * fmax(1, fabs(wanted[i])));
}

static void test_ticks(void **state)
{
    (void)state;
    static const struct {
        double low, high;
        size_t most;
        double ticks[8];
        size_t n;
    } cases[] = {
        {0, 100, 6, {0, 20, 40, 60, 80, 100}, 6},
        {0, 131.8, 6, {0, 50, 100}, 3},
        {0, 0.7, 8, {0, .1, .2, .3, .4, .5, .6, .7}, 8}, /* a bound that is a tick but for rounding */
        {0, 0.7, 7, {0, .2, .4, .6}, 4},
        {53.2, 57.9, 6, {54, 55, 56, 57}, 4},
        {-3, 9, 4, {0, 5}, 2},
        {0, 4e9, 5, {0, 1e9, 2e9, 3e9, 4e9}, 5},
    };
    double t[CHART_TICKS_MAX] = {0};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        expect_ticks(t, chart_ticks(cases[i].low, cases[i].high, cases[i].most, t), cases[i].ticks,
                     cases[i].n);
    assert_int_equal(chart_ticks(5, 5, 6, t), 0);
    assert_int_equal(chart_ticks(6, 5, 6, t), 0);
    assert_int_equal(chart_ticks(0, (double)NAN, 6, t), 0);
    assert_int_equal(chart_ticks(-1e308, 1e308, 6, t), 0);
    assert_int_equal(chart_ticks(0, 5e-324, 6, t), 0); /* a step of it would be 0 */
    assert_int_equal(chart_ticks(0, 1e-300, 6, t), 0);
}

static void assert_in_bounds(double v, double low, double high)
{
    double rounding = 1e-6 * fmax(high - low, high * 1e-9);
    if (!(v >= low - rounding && v <= high + rounding))
        fail_msg("%.12g is not in %.12g … %.12g", v, low, high);
}

/* However the bounds lie: few enough, rising, inside. */
static void test_ticks_bounds(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 20000; i++) {
        double t[CHART_TICKS_MAX] = {0}, low = rng_unit(&seed) * pow(10, (double)(i % 19) - 9);
        double high = low + rng_unit(&seed) * pow(10, (double)(i % 17) - 8);
        size_t most = 2 + (size_t)i % (CHART_TICKS_MAX - 1);
        size_t n = i % 2 == 0 ? chart_ticks(low, high, most, t) : chart_log_ticks(low, high, most, t);
        assert_true(n <= most);
        for (size_t k = 0; k < n; k++) {
            assert_in_bounds(t[k], low, high);
            assert_true(k == 0 || t[k] > t[k - 1]);
        }
    }
}

static void test_log_ticks(void **state)
{
    (void)state;
    double t[CHART_TICKS_MAX] = {0};
    expect_ticks(t, chart_log_ticks(0.9, 60, 8, t), (const double[]){1, 2, 5, 10, 20, 50}, 6);
    expect_ticks(t, chart_log_ticks(0.9, 60, 5, t), (const double[]){1, 10}, 2);
    expect_ticks(t, chart_log_ticks(1, 1e6, 4, t), (const double[]){1, 100, 1e4, 1e6}, 4);
    expect_ticks(t, chart_log_ticks(200, 900, 5, t), (const double[]){200, 400, 600, 800},
                 4); /* under a decade */
    assert_int_equal(chart_log_ticks(0, 10, 8, t), 0);
    assert_int_equal(chart_log_ticks(-1, 10, 8, t), 0);
}

static void test_gather(void **state)
{
    (void)state;
    static struct chart_point p[10000];
    struct chart_column c[100];
    for (size_t i = 0; i < ARRAY_LEN(p); i++)
        p[i] = (struct chart_point){(double)i, 10};
    p[4321].y = 900;
    p[4322].y = -5;
    for (size_t i = 7000; i < 7200; i++)
        p[i].y = (double)NAN;
    chart_gather(p, ARRAY_LEN(p), 0, 10000, c, ARRAY_LEN(c));
    assert_near(c[43].max, 900, 0);
    assert_near(c[43].min, -5, 0);
    assert_near(c[43].mean, (98 * 10 + 900 - 5) / 100.0, 1e-9);
    assert_near(c[43].x, 4350, 1e-9);
    assert_near(c[42].max, 10, 0);
    assert_unknown(c[70].mean);
    assert_unknown(c[71].max);
    assert_near(c[72].mean, 10, 0);
    chart_gather(p, ARRAY_LEN(p), 0, 9999, c, ARRAY_LEN(c)); /* the last point is in the last column */
    assert_near(c[99].mean, 10, 0);
}

static void test_bins(void **state)
{
    (void)state;
    struct chart_bins b;
    double sum = 0;
    assert_true(chart_bins_init(&b, 10, 1000, 1000));
    assert_int_equal(b.n, 20);
    chart_bins_add(&b, 10, 10, 3);
    chart_bins_add(&b, 1000, 1000, 4);
    chart_bins_add(&b, 10, 1000, 500); /* over all of them */
    chart_bins_add(&b, (double)NAN, (double)NAN, 1);
    for (size_t i = 0; i < b.n; i++) {
        assert_true(b.count[i] > 0);
        sum += b.count[i];
    }
    assert_near(sum, 507, 1e-6);
    assert_near(b.total, 507, 0);
    assert_true(b.count[0] > 3 && b.count[b.n - 1] > b.count[b.n - 2]);
    assert_false(chart_bins_init(&b, (double)NAN, (double)NAN, 0));
    assert_false(chart_bins_init(&b, 0, 5, 10));
    assert_true(chart_bins_init(&b, 5, 5, 1e9));
    assert_int_equal(b.n, CHART_BINS_MAX);
}

static void expect_none(struct buf *out, bool drawn)
{
    assert_false(drawn);
    assert_int_equal(out->len, 0);
}

static void test_too_little(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1 << 20);
    const struct chart_point p[] = {{1, 5}, {2, (double)NAN}, {3, 7}, {4, (double)INFINITY}, {5, 1e300}};
    struct chart_times t = {
        .text = {"t", "T", "tok/s", NULL}, .series = {{"s", p, ARRAY_LEN(p)}}, .series_n = 1, .level = 3};
    expect_none(&out, chart_times(&t, &out));
    t.series_n = 0;
    expect_none(&out, chart_times(&t, &out));
    struct chart_bins b;
    chart_bins_init(&b, 1, 10, 7);
    chart_bins_add(&b, 1, 10, 7);
    const struct chart_histogram h = {.text = {"h", "H", "n", "ms"}, .bins = &b};
    expect_none(&out, chart_histogram(&h, &out));
    const struct chart_dot d[] = {{1, 2, "1"}, {(double)NAN, 2, "2"}, {3, (double)INFINITY, "3"}};
    const struct chart_curve c = {{"c", "C", "ms", "x"}, "y", "l", d, ARRAY_LEN(d), true};
    expect_none(&out, chart_curve(&c, &out));
    buf_release(&out);
}

/* Values that are next to nothing have no axis; nothing but zeros have. */
static void test_next_to_nothing(void **state)
{
    (void)state;
    static const double values[] = {5e-324, 2.2e-308, 1e-300, 1e-13};
    struct buf out;
    buf_init(&out, 1 << 20);
    for (size_t i = 0; i <= ARRAY_LEN(values); i++) {
        double v = i < ARRAY_LEN(values) ? values[i] : 0;
        const struct chart_point p[] = {{1, 0}, {2, v}, {3, v / 2}, {4, v}};
        const struct chart_times t = {
            .text = {"t", "T", "tok/s", NULL}, .series = {{"s", p, ARRAY_LEN(p)}}, .series_n = 1, .level = (double)NAN};
        const struct chart_dot d[] = {{1, v, "1"}, {2, v, "2"}}, e[] = {{v, 1, "1"}, {v, 2, "2"}};
        const struct chart_curve c = {{"c", "C", "ms", "x"}, "y", "l", d, 2, true};
        const struct chart_curve k = {{"c", "C", "ms", "x"}, "y", "l", e, 2, true};
        struct chart_bins b;
        assert_true(chart_times(&t, &out) == (v <= 0));
        assert_true(chart_curve(&c, &out) == (v <= 0));
        assert_true(chart_curve(&k, &out) == (v <= 0));
        assert_false(chart_bins_init(&b, v, v, 10));
    }
    assert_null(strstr(out.data, "nan"));
    buf_clear(&out);
    const struct chart_point least[] = {{1, 0}, {2, 1e-12}, {3, 2e-12}}; /* what is seen has numbers beside it */
    assert_true(chart_times(&(struct chart_times){.text = {"t", "T", "tok/s", NULL}, .series = {{"s", least, 3}}, .series_n = 1,
                                                  .level = (double)NAN}, &out));
    assert_non_null(strstr(out.data, ">0.0000000000005</text>"));
    buf_release(&out);
}

static size_t times_in(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, part)) != NULL; p++)
        n++;
    return n;
}

/* The lowest y of a path of this class: how high it reaches; px from the top of the plot. */
static double top_of(const char *svg, const char *class)
{
    char want[64];
    snprintf(want, sizeof want, "<path class=\"%s\" d=\"", class);
    const char *p = strstr(svg, want);
    double top = 1e9, x, y;
    assert_non_null(p);
    for (p += strlen(want); *p != '"'; p++)
        if (sscanf(p, "%*1[ML]%lf %lf", &x, &y) == 2)
            top = fmin(top, y);
    return top;
}

static const char *draw_times(struct chart_point *p, size_t n, struct buf *out)
{
    static const struct chart_event events[] = {{2, "</svg><script>", true}, {3, "4 streams", false}};
    const struct chart_times t = {.text = {"t", "T & <T>", "tok/s", NULL},
                                  .series = {{"s", p, n}},
                                  .series_n = 1,
                                  .events = events,
                                  .events_n = 2,
                                  .level = 3,
                                  .level_name = "level"};
    buf_init(out, 1 << 20);
    assert_true(chart_times(&t, out));
    assert_null(strstr(out->data, "nan"));
    assert_null(strstr(out->data, "inf"));
    return out->data;
}

static void test_times(void **state)
{
    (void)state;
    struct chart_point p[] = {{0, 50},          {1, 60}, {2, (double)NAN}, {3, 100},
                              {4, (double)NAN}, {5, 10}, {6, 20}};
    struct buf out;
    const char *svg = draw_times(p, ARRAY_LEN(p), &out);
    assert_non_null(strstr(svg, "<title id=\"t-t\">T &amp; &lt;T&gt;</title>"));
    assert_non_null(strstr(svg, "<desc id=\"t-d\">s: from 10.0 to 100.0, mean 48.0 tok/s. </desc>"));
    assert_non_null(strstr(svg, "&lt;/svg&gt;&lt;script&gt;"));
    assert_null(strstr(svg, "<script"));
    assert_non_null(strstr(svg, "4 streams"));
    /* Three runs, the one in the middle a point. */
    assert_non_null(
        strstr(svg, "<path class=\"s0\" d=\"M0.0 90.0L166.7 72.0M500.0 0.0h.1M833.3 162.0L1000.0 144.0\"/>"));
    assert_non_null(strstr(svg, ">time, s</text>"));
    buf_release(&out);
}

/* Of many points none is drawn that is not needed, and the highest one is seen. */
static void test_many(void **state)
{
    (void)state;
    static struct chart_point p[50000];
    struct buf out;
    for (size_t i = 0; i < ARRAY_LEN(p); i++)
        p[i] = (struct chart_point){(double)i, 10 + (double)(i % 7)};
    p[23456].y = 100;
    const char *svg = draw_times(p, ARRAY_LEN(p), &out);
    assert_near(top_of(svg, "band s0"), 0, 1e-9);
    assert_true(top_of(svg, "s0") > 100);
    const char *paths = strstr(svg, "<path");
    size_t points = times_in(paths, "L") + times_in(paths, "M");
    assert_in_range(points, CHART_POINTS / 2, CHART_POINTS);
    assert_non_null(strstr(svg, ">time, h (line: mean of 4 min, band: range)</text>"));
    buf_release(&out);
}

static void test_histogram(void **state)
{
    (void)state;
    struct chart_bins b;
    struct buf out;
    buf_init(&out, 1 << 20);
    chart_bins_init(&b, 10, 1000, 100000);
    chart_bins_add(&b, 10, 10, 1e5);
    chart_bins_add(&b, 1000, 1000, 1);
    const struct chart_histogram h = {.text = {"h", "H", "gaps", "ms, logarithmic"},
                                      .bins = &b,
                                      .guides = {{"p50", 10}, {"p95", (double)NAN}, {"p99", 1000}}};
    assert_true(chart_histogram(&h, &out));
    assert_int_equal(times_in(out.data, "class=\"bar\""), 2);
    assert_non_null(strstr(out.data, "height=\"1.5\"")); /* one of 100 001 is seen */
    assert_non_null(strstr(out.data, "p50 10.0 ms"));
    assert_null(strstr(out.data, "p95"));
    assert_int_equal(times_in(out.data, "class=\"guide"), 2);
    assert_null(strstr(out.data, "nan"));
    buf_release(&out);
}

static void test_curve(void **state)
{
    (void)state;
    const struct chart_dot d[] = {{30, 100, "1"}, {(double)NAN, 2, "x"}, {60, 150, "<2>"}, {90, 400, "4"}};
    struct chart_curve c = {{"c", "C", "ms", "output, tok/s"}, "TTFT p95", "streams", d, ARRAY_LEN(d), true};
    struct buf out;
    buf_init(&out, 1 << 20);
    assert_true(chart_curve(&c, &out));
    assert_int_equal(times_in(out.data, "<circle"), 3);
    assert_non_null(strstr(out.data, "&lt;2&gt;"));
    assert_non_null(strstr(out.data, "TTFT p95, ms"));
    assert_non_null(strstr(out.data, "M300.0 135.0L600.0 112.5L900.0 0.0"));
    buf_clear(&out);
    c.joined = false;
    assert_true(chart_curve(&c, &out));
    assert_null(strstr(out.data, "<path"));
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ticks),  cmocka_unit_test(test_ticks_bounds), cmocka_unit_test(test_log_ticks),
        cmocka_unit_test(test_gather), cmocka_unit_test(test_bins),         cmocka_unit_test(test_too_little),
        cmocka_unit_test(test_next_to_nothing),
        cmocka_unit_test(test_times),  cmocka_unit_test(test_many),         cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_curve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
