/* Windows and drift: of made-up samples whose tokens, requests and slopes are known. */
#include "check.h"
#include "report/drift.h"
#include "report/insight.h"
#include "util.h"

#include <stdlib.h>

/* One load of so many seconds, a sample a second; the caller fills in. */
static struct run_file *made(size_t seconds)
{
    struct run_file *f = xcalloc(1, sizeof *f);
    f->header = cJSON_CreateObject();
    f->path = xstrdup("made-up");
    f->rows_whole = true;
    f->phases_n = 1;
    f->phases = xcalloc(1, sizeof *f->phases);
    f->phases[0] = (struct run_phase){.streams = 4, .context = 1024, .max_tokens = 128};
    f->samples_n = seconds + 1;
    f->samples = xcalloc(f->samples_n, sizeof *f->samples);
    for (size_t i = 0; i < f->samples_n; i++) {
        struct run_sample *s = &f->samples[i];
        double nan = (double)NAN;
        *s = (struct run_sample){.t = 10 + (double)i, .loading = true, .in_flight = 4, .gtt_used = nan, .vram_used = nan, .ram_used = nan};
    }
    return f;
}

static double normal(uint64_t *seed)
{
    double sum = 0;
    for (int i = 0; i < 12; i++)
        sum += rng_unit(seed);
    return sum - 6;
}

static void test_windows(void **state)
{
    (void)state;
    struct run_file *f = made(600);
    double tokens = 0;
    for (size_t i = 0; i < f->samples_n; i++) {
        struct run_sample *s = &f->samples[i];
        s->live_tokens = tokens;
        tokens += i < 300 ? 100 : 50;
        s->ended_ok = 2;
        s->ttft_n = 2;
        s->ttft_sum = i < 300 ? 200 : 400;
        s->ended_failed = i == 250;
        s->gtt_used = 1e9 + (double)i;
    }
    assert_near(windows_step(f, 60), 10, 0);
    assert_near(windows_step(f, 59), 60, 0);
    struct run_window *w;
    size_t n = windows_cut(f, 0, 120, &w);
    assert_int_equal(n, 5);
    const double rates[] = {100, 100, 75, 50, 50};
    double ok = 0, failed = 0;
    for (size_t i = 0; i < n; i++) {
        assert_near(w[i].value[WINDOW_RATE], rates[i], 1e-6);
        assert_near(w[i].load_s, 120, 1e-6);
        assert_unknown(w[i].value[WINDOW_RAM]);
        ok += w[i].ok;
        failed += w[i].failed;
    }
    assert_near(w[0].value[WINDOW_TTFT], 100, 1e-9);
    assert_near(w[4].value[WINDOW_TTFT], 200, 1e-9);
    assert_near(w[1].value[WINDOW_GTT], 1e9 + 179.5, 1e-3);
    assert_near(ok, 2 * 601, 0); /* none is lost */
    assert_near(failed, 1, 0);
    assert_near(w[2].failed, 1, 0);
    free(w);
    /* An interval across a bound is shared, and a pause is no load. */
    for (size_t i = 100; i < 200; i++)
        f->samples[i].loading = false;
    n = windows_cut(f, 0, 0.4, &w);
    double sum = 0, seconds = 0;
    for (size_t i = 0; i < n; i++)
        if (w[i].load_s > 0) {
            sum += w[i].value[WINDOW_RATE] * w[i].load_s;
            seconds += w[i].load_s;
        }
    assert_near(seconds, 600 - 101, 1e-6);
    assert_near(sum, 100 * 199.0 + 50 * 300, 1e-3);
    free(w);
    run_file_free(f);
}

/* The line through windows is what was put in. */
static void test_slope(void **state)
{
    (void)state;
    struct run_file *f = made(24 * 3600);
    uint64_t seed = 7;
    double tokens = 0;
    for (size_t i = 0; i < f->samples_n; i++) {
        struct run_sample *s = &f->samples[i];
        double hours = (double)i / 3600;
        s->live_tokens = tokens;
        tokens += 130 - 0.5 * hours + 10 * normal(&seed);
        s->ttft_n = s->decode_n = 1;
        s->ttft_sum = 100 + 2 * hours + 20 * normal(&seed);
        s->decode_sum = 33 + normal(&seed);
        s->ram_used = 40e9;
    }
    struct drift d[WINDOW_VALUES];
    drift_find(f, d);
    assert_int_equal(d[WINDOW_RATE].n, DRIFT_WINDOWS);
    assert_near(d[WINDOW_RATE].slope, -0.5, d[WINDOW_RATE].margin);
    assert_near(d[WINDOW_RATE].margin, 0, 0.02);
    assert_near(d[WINDOW_RATE].total, -0.5 * 24, 0.5);
    assert_true(d[WINDOW_RATE].even && d[WINDOW_RATE].certain);
    assert_near(d[WINDOW_TTFT].slope, 2, d[WINDOW_TTFT].margin + 0.02);
    assert_true(d[WINDOW_TTFT].even);
    assert_true(fabs(d[WINDOW_DECODE].total) < 0.1);
    assert_near(d[WINDOW_RAM].slope, 0, 1); /* it never moved */
    assert_false(d[WINDOW_RAM].even);
    assert_unknown(d[WINDOW_GTT].slope);
    struct insight found[INSIGHT_RULES];
    size_t n = insight_find(f, found), at = n;
    for (size_t i = 0; i < n; i++)
        if (strcmp(found[i].rule, "drift") == 0)
            at = i;
    assert_true(at < n);
    assert_non_null(strstr(found[at].sentence, "The time to first token rose by 2")); /* 48 of 124 ms; the output fell by less */
    assert_non_null(strstr(found[at].evidence, "20 windows of"));
    /* One step is no drift. */
    for (size_t i = 0; i < f->samples_n; i++)
        f->samples[i].ttft_sum = (i < f->samples_n / 2 ? 100 : 150) + normal(&seed);
    drift_find(f, d);
    assert_false(d[WINDOW_TTFT].even);
    run_file_free(f);
}

/* Noise that remembers for minutes, and drifts nowhere: 95 of 100 intervals hold 0. */
static void test_coverage(void **state)
{
    (void)state;
    int runs = 0, wrong = 0, naive = 0;
    for (uint64_t k = 1; k <= 400; k++, runs++) {
        uint64_t seed = k * 7919;
        double x[20], y[20], at = normal(&seed);
        for (int i = 0; i < 20; i++) {
            at = 0.4 * at + sqrt(1 - 0.16) * normal(&seed); /* neighbours resemble each other */
            x[i] = i / 10.0;
            y[i] = 50 + at;
        }
        struct drift d;
        drift_of(x, y, 20, &d);
        wrong += d.certain;
        struct stats_line l = stats_line(x, y, 20);
        naive += fabs(l.slope) > l.margin;
    }
    print_message("drift seen where there is none: %d of %d; without regard to memory %d\n", wrong, runs, naive);
    assert_true(naive > 2 * runs / 20); /* the test has teeth: a plain interval is wrong twice as often as it says, and more */
    assert_true(wrong <= runs / 10);
}

static void test_too_little(void **state)
{
    (void)state;
    struct drift d[WINDOW_VALUES];
    struct run_file *f = made(500); /* less than ten minutes */
    drift_find(f, d);
    for (int v = 0; v < WINDOW_VALUES; v++)
        assert_unknown(d[v].slope);
    run_file_free(f);
    f = made(0);
    struct run_window *w;
    assert_int_equal(windows_cut(f, 0, 60, &w), 0);
    free(w);
    run_file_free(f);
    f = made(3600);
    f->phases_n = 2; /* another load: its change is no drift */
    f->phases = xrealloc(f->phases, 2 * sizeof *f->phases);
    f->phases[1] = (struct run_phase){.id = 1, .streams = 8, .context = 1024, .max_tokens = 128};
    drift_find(f, d);
    assert_unknown(d[WINDOW_RATE].slope);
    run_file_free(f);
    /* A window in which the machine slept is left out. */
    f = made(3600);
    f->events_n = 1;
    f->events = xcalloc(1, sizeof *f->events);
    f->events[0].t = 1000;
    str_copy(f->events[0].text, sizeof f->events[0].text, "this machine slept for 1 h");
    drift_find(f, d);
    assert_int_equal(d[WINDOW_RATE].n, DRIFT_WINDOWS - 1);
    run_file_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_windows), cmocka_unit_test(test_slope), cmocka_unit_test(test_coverage),
                                       cmocka_unit_test(test_too_little)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
