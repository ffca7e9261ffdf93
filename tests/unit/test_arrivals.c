/* arrivals, lengths, trace, schedule: what an open loop sends, and when. */
#include "check.h"
#include "fmt.h"
#include "load/arrivals.h"
#include "load/lengths.h"
#include "load/schedule.h"
#include "load/trace.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SEC INT64_C(1000000000)

/* Mean and coefficient of variation of the gaps, of many arrivals. */
static void gaps_of(const struct arrival_config *c, int n, double *mean, double *cv)
{
    struct arrivals a;
    double sum = 0, squares = 0, last = 0;
    arrivals_init(&a, c, 42);
    for (int i = 0; i < n; i++) {
        double t = (double)arrivals_next(&a) / 1e9, gap = t - last;
        assert_true(gap >= 0);
        sum += gap;
        squares += gap * gap;
        last = t;
    }
    *mean = sum / n;
    *cv = sqrt(squares / n - *mean * *mean) / *mean;
}

static void test_gaps(void **state)
{
    (void)state;
    static const struct {
        const char *kind;
        double cv; /* of exponential gaps 1, of gamma gaps 1/√shape, of bursts of n √(n − 1) */
    } cases[] = {{"poisson", 1}, {"constant", 0}, {"gamma:0.25", 2}, {"gamma:4", 0.5}, {"burst:8", 2.6458}, {"burst:1", 0}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arrival_config c = {.rate = 20};
        double mean, cv;
        assert_true(arrivals_parse_kind(cases[i].kind, &c));
        gaps_of(&c, 200000, &mean, &cv);
        if (fabs(mean - 0.05) > 0.05 * 0.02 || fabs(cv - cases[i].cv) > 0.02 * cases[i].cv + 0.01)
            fail_msg("%s: mean %g, cv %g", cases[i].kind, mean, cv);
    }
}

/* Of the Poisson process: counts in equal windows have variance = mean. */
static void test_poisson_counts(void **state)
{
    (void)state;
    struct arrival_config c = {.rate = 10};
    struct arrivals a;
    arrivals_init(&a, &c, 7);
    double sum = 0, squares = 0;
    int windows = 20000, in = 0;
    for (int w = 0; w < windows;) {
        int64_t t = arrivals_next(&a);
        for (; t >= (w + 1) * SEC && w < windows; w++, in = 0) {
            sum += in;
            squares += (double)in * in;
        }
        in++;
    }
    double mean = sum / windows, var = squares / windows - mean * mean;
    assert_true(fabs(mean - 10) < 0.1);
    assert_true(fabs(var / mean - 1) < 0.05);
}

static void test_ramp(void **state)
{
    (void)state;
    struct arrival_config c = {.kind = ARRIVE_CONSTANT};
    assert_true(arrivals_parse_ramp("1:20:60s", &c));
    assert_true(arrivals_rate(&c, 0) == 1 && arrivals_rate(&c, 30 * SEC) == 10.5 && arrivals_rate(&c, 600 * SEC) == 20);
    struct arrivals a;
    arrivals_init(&a, &c, 1);
    int in_ramp = 0, in_next = 0;
    int64_t last = -1;
    for (int64_t t = arrivals_next(&a); t < 70 * SEC; t = arrivals_next(&a)) {
        assert_true(t > last);
        last = t;
        in_ramp += t < 60 * SEC;
        in_next += t >= 60 * SEC;
    }
    /* (1 + 20) / 2 × 60 = 630 and 20 × 10 = 200; the first one is due at 0 */
    assert_in_range(in_ramp, 630, 631);
    assert_in_range(in_next, 199, 201);
    struct arrival_config down = {.kind = ARRIVE_CONSTANT};
    assert_true(arrivals_parse_ramp("20:1:10s", &down));
    arrivals_init(&a, &down, 1);
    in_ramp = 0;
    while (arrivals_next(&a) < 10 * SEC)
        in_ramp++;
    assert_in_range(in_ramp, 105, 106);
}

static void test_arrival_words(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "fast", "poisson:2", "gamma", "gamma:", "gamma:0", "gamma:x", "burst:1.5", "burst:0", "burst:1e9", "Poisson"};
    static const char *const bad_ramps[] = {"", "1", "1:2", "1:2:", "0:2:3s", "1:2:0s", "1:2:-3s", "x:2:3s", "1:2:3s:4", "1:1e9:3s"};
    struct arrival_config c;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (arrivals_parse_kind(bad[i], &c))
            fail_msg("kind '%s' is taken", bad[i]);
    for (size_t i = 0; i < ARRAY_LEN(bad_ramps); i++)
        if (arrivals_parse_ramp(bad_ramps[i], &c))
            fail_msg("ramp '%s' is taken", bad_ramps[i]);
    char text[96];
    c = (struct arrival_config){.rate = 12.5};
    assert_string_equal(arrivals_text(&c, text), "12.5 requests/s (poisson)");
}

static void test_lengths(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double mean, sd, least, most;
    } cases[] = {{"2048", 2048, 0, 2048, 2048},
                 {"4k", 4096, 0, 4096, 4096},
                 {"uniform:1k-4k", 2560, 887, 1024, 4096},
                 {"normal:2048,512", 2048, 512, 1, 5000},
                 {"lognormal:2k,1k", 2048, 1024, 1, 100000}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct lengths l;
        double sum = 0, squares = 0;
        int n = 100000;
        assert_true(lengths_parse(cases[i].text, &l));
        for (int k = 0; k < n; k++) {
            double v = (double)lengths_draw(&l, 5, (uint64_t)k, 1000000);
            assert_true(v >= cases[i].least && v <= cases[i].most);
            sum += v;
            squares += v * v;
        }
        double mean = sum / n, sd = sqrt(MAX_OF(squares / n - mean * mean, 0.0));
        if (fabs(mean - cases[i].mean) > 0.01 * cases[i].mean || fabs(sd - cases[i].sd) > 0.03 * cases[i].sd + 0.1)
            fail_msg("%s: mean %g, sd %g", cases[i].text, mean, sd);
        assert_true(lengths_draw(&l, 5, 3, 100) <= 100); /* cut */
        struct lengths again;
        char text[64];
        assert_true(lengths_parse(lengths_text(&l, text), &again) && again.kind == l.kind);
        lengths_scale(&l, 1000);
        assert_in_range(lengths_mean(&l), 999, 1001);
    }
    static const char *const bad[] = {"", "normal", "normal:5", "normal:2k,0", "normal:2k,-1", "uniform:4k-1k", "uniform:0-4", "uniform:5", "zipf:1,2", "lognormal:2k", "1k,4k", "-5", "0"};
    struct lengths l;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (lengths_parse(bad[i], &l))
            fail_msg("'%s' is taken", bad[i]);
}

/* ---- trace ---- */

static bool load_text(struct trace *t, const char *text, struct err *e)
{
    char path[] = "/tmp/tokgauge-trace.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    bool ok = trace_load(t, path, e);
    unlink(path);
    return ok;
}

static void test_trace(void **state)
{
    (void)state;
    struct trace t;
    struct err e;
    assert_true(load_text(&t, "{\"time\":5.5,\"context\":100,\"output\":7}\n\n{\"time\":6}\n", &e));
    assert_int_equal(t.n, 2);
    assert_true(t.items[0].at == 0 && t.items[0].context == 100 && t.items[0].max_tokens == 7);
    assert_true(t.items[1].at == SEC / 2 && t.items[1].context == 0 && t.items[1].max_tokens == 0);
    trace_release(&t);
    assert_true(load_text(&t, "{\"timestamp\":0,\"input_length\":9,\"output_length\":3,\"hash_ids\":[1]}\n{\"timestamp\":1500,\"input_length\":9,\"output_length\":3}\n", &e));
    assert_true(t.n == 2 && t.items[1].at == 3 * SEC / 2 && t.items[1].context == 9);
    trace_release(&t);
    static const struct {
        const char *text, *why;
    } bad[] = {{"", "has no requests"},
               {"{\"time\":2}\n{\"time\":1}\n", ":2: time goes backwards: 1 s after 2 s"},
               {"{\"time\":-1}\n", ":1: a time of -1 s is out of range"},
               {"{\"time\":4e8}\n", ":1: a time of 4e+08 s is out of range"},
               {"{\"time\":1,\"context\":32.5}\n", ":1: \"context\" and \"output\" are whole numbers"},
               {"{\"time\":1} {\"time\":2}\n", ":1: not a JSON object"},
               {"{\"context\":5}\n", ":1: no \"time\""},
               {"{\"time\":1,\"context\":0}\n", ":1: \"context\" and \"output\" are whole numbers"},
               {"{\"time\":1,\"output\":\"x\"}\n", ":1: \"context\" and \"output\" are whole numbers"},
               {"{\"time\":1}\nnonsense\n", ":2: not a JSON object"},
               {"[1]\n", ":1: not a JSON object"},
               {"{\"time\":1e400}\n", ":1: no \"time\""}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(load_text(&t, bad[i].text, &e));
        if (strstr(e.msg, bad[i].why) == NULL)
            fail_msg("'%s' does not say '%s'", e.msg, bad[i].why);
    }
}

/* ---- schedule ---- */

static void test_schedule(void **state)
{
    (void)state;
    struct schedule s;
    struct scheduled a, b, c;
    struct arrival_config rate = {.kind = ARRIVE_CONSTANT, .rate = 10};
    schedule_init(&s);
    schedule_begin(&s, &rate, NULL, 1, (struct workload){0, 1, 4}, 100 * SEC);
    assert_true(schedule_take(&s, &a) && a.item.seq == 0 && a.item.warmup && a.item.due == 100 * SEC);
    assert_true(schedule_take(&s, &b) && b.item.seq == 1 && !b.item.warmup && b.item.due == 100 * SEC + SEC / 10);
    assert_false(schedule_sent(&s));
    assert_int_equal(schedule_waiting(&s, 100 * SEC + SEC / 4, 100), 1); /* number 2; number 1 is held */
    schedule_give_back(&s, &b);
    assert_int_equal(schedule_waiting(&s, 100 * SEC + SEC / 4, 100), 2);
    assert_int_equal(schedule_waiting(&s, 200 * SEC, 100), 4); /* no more than there are */
    /* a pause moves all that is to come */
    schedule_shift(&s, SEC);
    assert_true(schedule_take(&s, &b) && b.item.seq == 1 && b.item.due == 101 * SEC + SEC / 10);
    assert_true(schedule_take(&s, &c) && c.item.seq == 2 && c.item.due == 101 * SEC + SEC / 5);
    /* another rate: what is given back and was due later comes in its rhythm, what waits already keeps its time */
    schedule_give_back(&s, &c);
    schedule_give_back(&s, &b);
    rate.rate = 100;
    schedule_rate(&s, &rate, 101 * SEC + SEC / 8);
    assert_true(schedule_take(&s, &b) && b.item.seq == 1 && b.item.due == 101 * SEC + SEC / 10);
    assert_true(schedule_take(&s, &c) && c.item.seq == 2 && c.item.due == 101 * SEC + SEC / 8 + SEC / 100 * 3 / 4); /* a quarter of its gap was over */
    assert_true(schedule_take(&s, &a) && a.item.seq == 3 && a.item.due == 101 * SEC + SEC / 8 + SEC / 100 * 7 / 4);
    assert_true(schedule_rate_now(&s, 102 * SEC) == 100);
    assert_false(schedule_sent(&s)); /* one */
    assert_false(schedule_sent(&s));
    assert_false(schedule_sent(&s)); /* the last one has not been taken */
    assert_true(schedule_take(&s, &a) && a.item.seq == 4);
    assert_false(schedule_take(&s, &b));
    assert_true(schedule_sent(&s)); /* that was it */
    /* the next sequence goes on in its numbers */
    struct trace_item items[2] = {{0, 50, 5}, {SEC, 60, 0}};
    schedule_begin(&s, &(struct arrival_config){0}, &(struct trace){items, 2}, 1, (struct workload){0}, 300 * SEC);
    assert_true(schedule_take(&s, &a) && a.item.seq == 5 && a.item.due == 300 * SEC && a.context == 50 && a.max_tokens == 5);
    assert_true(schedule_take(&s, &b) && b.item.seq == 6 && b.item.due == 301 * SEC && b.context == 60 && b.max_tokens == 0);
    assert_false(schedule_take(&s, &c));
    schedule_give_back(&s, &b); /* given back at the very end: it is not lost */
    assert_false(schedule_sent(&s));
    assert_true(schedule_take(&s, &b) && b.item.seq == 6 && b.item.due == 301 * SEC);
    assert_true(schedule_sent(&s));
    schedule_release(&s);
}

/* What waits when the rate changes is sent all the same, with its due time: none of the queue is lost. */
static void test_queue_keeps(void **state)
{
    (void)state;
    struct schedule s;
    struct scheduled r;
    struct arrival_config rate = {.kind = ARRIVE_CONSTANT, .rate = 10};
    schedule_init(&s);
    schedule_begin(&s, &rate, NULL, 1, (struct workload){0}, 100 * SEC);
    assert_int_equal(schedule_waiting(&s, 105 * SEC, 1000), 51);
    rate.rate = 100;
    schedule_rate(&s, &rate, 105 * SEC);
    assert_int_equal(schedule_waiting(&s, 105 * SEC + SEC / 200, 1000), 51);
    assert_int_equal(schedule_waiting(&s, 105 * SEC + SEC / 80, 1000), 52); /* and the new rate's first one */
    rate.rate = 1;
    schedule_rate(&s, &rate, 106 * SEC);
    assert_true(schedule_rate_now(&s, 106 * SEC) == 1);
    assert_int_equal(schedule_waiting(&s, 106 * SEC + SEC / 2, 1000), 51 + 100);
    schedule_shift(&s, 50 * SEC);
    assert_int_equal(schedule_waiting(&s, 156 * SEC + SEC / 2, 1000), 51 + 100);
    int64_t before = 0;
    for (uint64_t i = 0; i < 51 + 100 + 2; i++) {
        assert_true(schedule_take(&s, &r) && r.item.seq == i && r.item.due >= before);
        before = r.item.due;
        if (i <= 50)
            assert_int_equal(r.item.due, 150 * SEC + (int64_t)i * SEC / 10);
    }
    assert_int_equal(before, 158 * SEC);
    for (int i = 0; i < 3 * SCHEDULE_CHANGES; i++) /* however often a key is pressed, and whatever waits */
        schedule_rate(&s, &rate, (200 + i) * SEC);
    assert_int_equal(schedule_waiting(&s, 600 * SEC, 1000), 600 - 158);
    schedule_release(&s);
}

/* Every kind of gap keeps its place when the rate changes: as many come as the rates say, at the moments that they would have come
 * had they been changed within one sequence; a key that is pressed often neither adds one nor puts one off. */
static void test_rate_changes(void **state)
{
    (void)state;
    static const struct arrival_config kinds[] = {
        {.kind = ARRIVE_CONSTANT, .rate = 1}, {.kind = ARRIVE_POISSON, .rate = 1}, {.kind = ARRIVE_GAMMA, .shape = 0.5, .rate = 1},
        {.kind = ARRIVE_BURST, .shape = 4, .rate = 1}, {.kind = ARRIVE_CONSTANT, .rate = 1, .rate_end = 3, .ramp_ns = 40 * SEC}};
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        struct schedule s;
        struct scheduled r;
        struct arrivals still;
        struct arrival_config c = kinds[k];
        arrivals_init(&still, &c, 7);
        schedule_init(&s);
        schedule_begin(&s, &c, NULL, 7, (struct workload){0}, 0);
        /* Up to 20 s as it was, then at 2 a second; what the ramp had come to by then is 20 + 20²/40. */
        double until = c.ramp_ns > 0 ? 30 : 20;
        int64_t at = 20 * SEC;
        schedule_take(&s, &r); /* one is held by a worker meanwhile, and given back */
        struct scheduled held = r;
        schedule_give_back(&s, &held);
        c.rate = 2;
        c.ramp_ns = 0;
        for (int i = 0; i < 50; i++) { /* the same again and again: nothing changes by it */
            schedule_rate(&s, &c, at + i * SEC / 10);
            assert_true(schedule_rate_now(&s, at + i * SEC / 10) == 2);
        }
        for (uint64_t i = 0; i < 100; i++) {
            arrivals_next(&still);
            double sum = still.sum, due;
            if (sum <= until)
                due = (double)arrivals_time(&still, sum) / 1e9;
            else
                due = 20 + (sum - until) / 2;
            assert_true(schedule_take(&s, &r) && r.item.seq == i);
            assert_near((double)r.item.due / 1e9, due, 1e-6);
            assert_false(schedule_sent(&s));
        }
        schedule_release(&s);
    }
}

/* What a worker holds keeps its place too: with one request in ten seconds and a key every second none is sent early or late. */
static void test_held(void **state)
{
    (void)state;
    struct schedule s;
    struct scheduled r;
    struct arrival_config c = {.kind = ARRIVE_CONSTANT, .rate = 0.1};
    schedule_init(&s);
    schedule_begin(&s, &c, NULL, 1, (struct workload){0}, 0);
    assert_true(schedule_take(&s, &r) && r.item.due == 0);
    assert_false(schedule_sent(&s));
    double place = 0; /* of the 10 s: the share that is over */
    for (int i = 1; i <= 8; i++) {
        assert_true(schedule_take(&s, &r) && r.item.seq == 1);
        schedule_give_back(&s, &r);
        place += c.rate;
        c.rate = i % 2 == 1 ? 0.15 : 0.1;
        schedule_rate(&s, &c, i * SEC);
    }
    assert_true(schedule_take(&s, &r) && r.item.seq == 1);
    assert_near((double)r.item.due / 1e9, 8 + (1 - place) / c.rate, 1e-6);
    schedule_release(&s);
}

/* It is held over two changes, the first of which makes it due before the second. */
static void test_held_over_two(void **state)
{
    (void)state;
    struct schedule s;
    struct scheduled r;
    struct arrival_config c = {.kind = ARRIVE_CONSTANT, .rate = 0.1};
    schedule_init(&s);
    schedule_begin(&s, &c, NULL, 1, (struct workload){0}, 0);
    schedule_take(&s, &r);
    schedule_sent(&s);
    assert_true(schedule_take(&s, &r) && r.item.seq == 1 && r.item.due == 10 * SEC);
    c.rate = 0.2;
    schedule_rate(&s, &c, 5 * SEC); /* it is due at 7.5 s now, the next one at 12.5 s */
    schedule_rate(&s, &c, 8 * SEC);
    schedule_give_back(&s, &r);
    assert_int_equal(schedule_waiting(&s, 8 * SEC + SEC / 5, 10), 1);
    assert_true(schedule_take(&s, &r) && r.item.seq == 1 && r.item.due <= 8 * SEC);
    assert_true(schedule_take(&s, &r) && r.item.seq == 2 && llabs(r.item.due - 12 * SEC - SEC / 2) < 1000);
    schedule_release(&s);
}

/* The end is set when the load has begun, and the next request may be held by then: due at the end or later, it is none of it. */
static void test_until(void **state)
{
    (void)state;
    struct schedule s;
    struct scheduled a, b;
    schedule_init(&s);
    schedule_begin(&s, &(struct arrival_config){.kind = ARRIVE_CONSTANT, .rate = 1}, NULL, 1, (struct workload){0}, 100 * SEC);
    assert_true(schedule_take(&s, &a) && schedule_may_send(&s, &a));
    assert_false(schedule_sent(&s));
    assert_true(schedule_take(&s, &b) && b.item.due == 101 * SEC);
    schedule_until(&s, 101 * SEC + 1);
    assert_true(schedule_may_send(&s, &b));
    schedule_until(&s, 101 * SEC);
    assert_false(schedule_may_send(&s, &b));
    assert_int_equal(s.held, 0);
    assert_false(schedule_take(&s, &b));
    schedule_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gaps),  cmocka_unit_test(test_poisson_counts), cmocka_unit_test(test_ramp), cmocka_unit_test(test_arrival_words),
        cmocka_unit_test(test_lengths), cmocka_unit_test(test_trace),        cmocka_unit_test(test_schedule), cmocka_unit_test(test_queue_keeps),
        cmocka_unit_test(test_rate_changes), cmocka_unit_test(test_held),
        cmocka_unit_test(test_held_over_two), cmocka_unit_test(test_until),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
