/* The search for the capacity: its test, and which loads it tries, against servers whose limit is known. */
#include "check.h"
#include "made_run.h"

#include "capacity.h"
#include "cohort.h"
#include "report/capacity_words.h"
#include "report/matrix_tables.h"
#include "util.h"

static void test_verdicts(void **state)
{
    (void)state;
    assert_int_equal(capacity_test(0, 0), CAPACITY_OPEN);
    assert_int_equal(capacity_test(34, 0), CAPACITY_OPEN);
    assert_int_equal(capacity_test(35, 0), CAPACITY_MEETS);
    assert_int_equal(capacity_test(0, 1), CAPACITY_OPEN);
    assert_int_equal(capacity_test(0, 2), CAPACITY_FAILS);
    assert_int_equal(capacity_test(53, 1), CAPACITY_OPEN);
    assert_int_equal(capacity_test(54, 1), CAPACITY_MEETS);
}

/* How often it errs, by many requests of a known share: 5 % at the most at the bounds that it names, hardly ever beyond. */
static void test_errors(void **state)
{
    (void)state;
    static const struct {
        double share, meets_least, meets_most;
    } cases[] = {{0.99, 0.98, 1}, {0.98, 0.945, 1}, {0.95, 0.2, 0.8}, {0.90, 0, 0.055}, {0.7, 0, 0.001}};
    uint64_t seed = 17;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int meets = 0, runs = 20000;
        for (int r = 0; r < runs; r++) {
            uint64_t good = 0, bad = 0;
            while (capacity_test(good, bad) == CAPACITY_OPEN)
                rng_unit(&seed) < cases[i].share ? good++ : bad++;
            meets += capacity_test(good, bad) == CAPACITY_MEETS;
        }
        double share = (double)meets / runs;
        if (share < cases[i].meets_least || share > cases[i].meets_most)
            fail_msg("of requests of which %g meet, %g were said to", cases[i].share, share);
    }
}

/* What is known of a request of a made-up load at a moment. */
struct made_request {
    double sent, known, end; /* s: sent, its fate is known, it has ended */
    bool good;
};

/* Requests in the order of sending, looked at ten times a second as the engine does. */
static enum capacity_verdict judged(const struct made_request *r, size_t n)
{
    struct cohort c = {NULL, 0, 0};
    struct cohort_count k;
    enum capacity_verdict v = CAPACITY_OPEN;
    for (int tick = 1; v == CAPACITY_OPEN && tick < 3000; tick++) {
        double now = tick / 10.0;
        for (size_t i = 0; i < n; i++)
            if (r[i].sent <= now)
                cohort_put(&c, &(struct cohort_one){.seq = i, .sent = (int64_t)(r[i].sent * 1e9), .ended = r[i].end <= now,
                                                    .fate = r[i].known > now ? FATE_OPEN : r[i].good ? FATE_GOOD : FATE_BAD});
        cohort_count(&c, &k);
        v = capacity_test(k.good, k.bad);
    }
    cohort_release(&c);
    return v;
}

static int by_sent(const void *a, const void *b)
{
    double d = ((const struct made_request *)a)->sent - ((const struct made_request *)b)->sent;
    return (d > 0) - (d < 0);
}

#define SLOTS 128

/* Answers of 1 to 12 s, of which those of up to 10 s meet: 82 %.  The short ones end first, and of 35 of these all meet. */
static void test_short_first(void **state)
{
    (void)state;
    uint64_t seed = 5;
    for (int run = 0; run < 50; run++) {
        struct made_request r[SLOTS * 12];
        size_t n = 0;
        for (int slot = 0; slot < SLOTS; slot++) {
            double t = 1 + 11 * rng_unit(&seed); /* its first answer is warm-up */
            for (int k = 0; k < 12; k++) {
                double took = 1 + 11 * rng_unit(&seed);
                r[n++] = (struct made_request){t, t + fmin(took, 10), t + took, took <= 10};
                t += took;
            }
        }
        qsort(r, n, sizeof *r, by_sent);
        assert_int_equal(judged(r, n), CAPACITY_FAILS);
    }
}

/* 98 % get their first token in time, and answers take 25 s: the late ones are known before any has ended. */
static void test_late_first(void **state)
{
    (void)state;
    uint64_t seed = 6;
    int fails = 0;
    for (int run = 0; run < 400; run++) {
        struct made_request r[600];
        for (size_t i = 0; i < ARRAY_LEN(r); i++) {
            bool good = rng_unit(&seed) < 0.98;
            double t = 0.2 * (double)i;
            r[i] = (struct made_request){t, t + (good ? 25 : 1), t + 25, good};
        }
        fails += judged(r, ARRAY_LEN(r)) == CAPACITY_FAILS;
    }
    assert_in_range(fails, 0, 400 * 8 / 100); /* 5 % at most, and what chance adds */
}

static void test_cohort(void **state)
{
    (void)state;
    struct cohort c = {NULL, 0, 0};
    struct cohort_count k;
    cohort_put(&c, &(struct cohort_one){.seq = 7, .sent = 30, .fate = FATE_GOOD, .ended = true});
    cohort_put(&c, &(struct cohort_one){.seq = 5, .sent = 20, .fate = FATE_OPEN});
    cohort_put(&c, &(struct cohort_one){.seq = 3, .sent = 10, .fate = FATE_BAD, .missed = 2});
    cohort_count(&c, &k);
    assert_int_equal(k.good, 0);
    assert_int_equal(k.bad, 1);
    assert_int_equal(k.missed[1], 1);
    cohort_put(&c, &(struct cohort_one){.seq = 5, .sent = 20, .fate = FATE_BAD, .ended = true, .failed = true});
    cohort_put(&c, &(struct cohort_one){.seq = 5, .sent = 20, .fate = FATE_OPEN}); /* seen before, told late */
    cohort_count(&c, &k);
    assert_int_equal(k.good, 1);
    assert_int_equal(k.bad, 2);
    assert_int_equal(k.failed, 1);
    cohort_put(&c, &(struct cohort_one){.seq = 7, .sent = 30, .fate = FATE_NONE, .ended = true});
    cohort_count(&c, &k);
    assert_int_equal(k.good, 0);
    cohort_clear(&c);
    cohort_count(&c, &k);
    assert_int_equal(k.bad, 0);
    cohort_release(&c);
}

/* A server that holds so much. */
static struct capacity search(bool by_rate, double first, double most, double limit)
{
    struct capacity c;
    capacity_begin(&c, by_rate, first, most);
    while (!c.over) {
        assert_true(c.next > 0 && c.next <= most);
        capacity_tried(&c, &(struct capacity_try){.load = c.next, .verdict = c.next <= limit ? CAPACITY_MEETS : CAPACITY_FAILS});
    }
    return c;
}

static void test_search(void **state)
{
    (void)state;
    for (int limit = 0; limit <= 300; limit++)
        for (int first = 1; first <= 64; first *= 4) {
            struct capacity c = search(false, first, 1024, limit);
            if (c.low != limit || c.high != limit + 1 || !capacity_sure(&c) || c.n > 20)
                fail_msg("limit %d from %d: %g to %g after %zu", limit, first, c.low, c.high, c.n);
        }
    struct capacity c = search(false, 4, 64, 1000); /* more than is tried */
    assert_true(c.low == 64 && capacity_sure(&c) && capacity_limit(&c) == NULL);
    static const double rates[] = {0.3, 1, 7.7, 123, 9000};
    for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
        c = search(true, 2, 100000, rates[i]);
        assert_true(c.low <= rates[i] && c.high > rates[i] && c.high <= c.low * 1.1000001 && capacity_sure(&c));
    }
}

/* A server that ends `capacity` requests a second, each after a second at the least; arrivals by chance. */
static enum pace_verdict pace_of(double rate, double capacity, uint64_t seed)
{
    struct pace p = {PACE_OPEN, 0, 0, 0};
    double due = 0, ended = 0, room = 0;
    for (int tick = 1; tick <= 450; tick++) {
        for (int i = 0; i < 10; i++)
            due += rng_unit(&seed) < rate / 100;
        if (tick > 10)
            room = fmin(room + capacity / 10, due - ended);
        double n = floor(room);
        ended += n;
        room -= n;
        enum pace_verdict v = pace_see(&p, tick / 10.0, due - ended, due, ended > 0 ? 1 : (double)NAN);
        if (v == PACE_BEHIND)
            return v;
    }
    return p.verdict;
}

static void test_pace(void **state)
{
    (void)state;
    int kept = 0, behind = 0;
    for (uint64_t seed = 1; seed <= 500; seed++) {
        kept += pace_of(10, 12.5, seed) == PACE_KEPT;
        behind += pace_of(20, 12.5, seed) == PACE_BEHIND;
    }
    if (kept < 475 || behind < 500)
        fail_msg("of 500: %d keep up, %d fall behind", kept, behind);
    struct pace p = {PACE_OPEN, 0, 0, 0}; /* long answers: nothing can end before, and the number of those in flight grows */
    for (int s = 1; s <= 79; s++)
        assert_int_equal(pace_see(&p, s, MIN_OF(s, 20) * 5.0, s * 5.0, s >= 20 ? 20 : (double)NAN), PACE_OPEN);
    assert_int_equal(pace_see(&p, 80, 100, 400, 20), PACE_KEPT);
}

static void test_words(void **state)
{
    (void)state;
    struct slo slo;
    struct err e;
    char words[400];
    assert_true(slo_parse("ttft=500ms,tpot=50ms", &slo, &e));
    struct capacity c;
    capacity_begin(&c, false, 4, 1024);
    capacity_tried(&c, &(struct capacity_try){.load = 4, .verdict = CAPACITY_MEETS});
    capacity_tried(&c, &(struct capacity_try){.load = 8, .verdict = CAPACITY_FAILS, .missed = {9, 2}, .running = 4, .waiting = 4});
    capacity_tried(&c, &(struct capacity_try){.load = 6, .verdict = CAPACITY_MEETS});
    capacity_tried(&c, &(struct capacity_try){.load = 7, .verdict = CAPACITY_FAILS, .missed = {5, 1}, .running = 4, .waiting = 3});
    capacity_words(&c, &slo, 2048, words, sizeof words);
    assert_string_equal(words, "6 streams at 2k context meet ttft ≤ 500 ms, tpot ≤ 50.0 ms; limited by ttft at 7 streams: requests queue above 4 (the server runs 4 at once)");
    capacity_begin(&c, false, 4, 1024);
    capacity_tried(&c, &(struct capacity_try){.load = 4, .verdict = CAPACITY_MEETS});
    capacity_tried(&c, &(struct capacity_try){.load = 8, .verdict = CAPACITY_FAILS, .guarded = true});
    capacity_tried(&c, &(struct capacity_try){.load = 6, .verdict = CAPACITY_UNSURE});
    assert_true(c.over && !capacity_sure(&c));
    capacity_words(&c, &slo, 2048, words, sizeof words);
    assert_string_equal(words, "unsure, the time did not suffice: 4 streams at 2k context meet ttft ≤ 500 ms, tpot ≤ 50.0 ms, 8 streams need more memory than there is; limited by memory at 8 streams: the guard stopped it");
    c.tries[2].gone = true;
    capacity_words(&c, &slo, 2048, words, sizeof words);
    assert_int_equal(strncmp(words, "unsure, the server was gone: 4 streams", 38), 0);
    c.tries[2] = (struct capacity_try){.load = 6, .verdict = CAPACITY_UNSURE, .stopped = true};
    capacity_words(&c, &slo, 2048, words, sizeof words);
    assert_int_equal(strncmp(words, "unsure, the search was stopped: 4 streams", 41), 0);
    capacity_begin(&c, false, 2, 1024); /* no request of it was judged */
    capacity_tried(&c, &(struct capacity_try){.load = 2, .verdict = CAPACITY_FAILS, .guarded = true});
    capacity_tried(&c, &(struct capacity_try){.load = 1, .verdict = CAPACITY_UNSURE});
    capacity_words(&c, &slo, 2048, words, sizeof words);
    assert_non_null(strstr(words, ": 2 streams at 2k context need more memory than there is, less may meet ttft"));
    capacity_begin(&c, true, 10, 1000);
    capacity_tried(&c, &(struct capacity_try){.load = 10, .verdict = CAPACITY_MEETS});
    capacity_tried(&c, &(struct capacity_try){.load = 20, .verdict = CAPACITY_FAILS, .behind = true});
    capacity_words(&c, &slo, 2048, words, sizeof words);
    assert_non_null(strstr(words, "; limited by throughput at 20 requests/s: fewer requests end than are due"));
    capacity_begin(&c, false, 1, 1024); /* one was late, but that is not what broke it */
    capacity_tried(&c, &(struct capacity_try){.load = 1, .verdict = CAPACITY_FAILS, .good = 4, .judged = 12, .missed = {1},
                                            .failed = 7});
    capacity_words(&c, &slo, 2048, words, sizeof words);
    assert_non_null(strstr(words, "; limited by requests that failed at 1 stream"));
    c.tries[0].missed[1] = 7;
    c.tries[0].failed = 1;
    capacity_words(&c, &slo, 2048, words, sizeof words);
    assert_non_null(strstr(words, "; limited by tpot at 1 stream"));
    capacity_begin(&c, true, 1, 1000);
    capacity_tried(&c, &(struct capacity_try){.load = 1, .verdict = CAPACITY_UNSURE});
    capacity_words(&c, &slo, 2048, words, sizeof words);
    assert_string_equal(words, "unsure: the time did not suffice for one load (1 requests/s at 2k context)");
}

/* Rates go up to 100,000 a second, and each is written out. */
static void test_fast_words(void **state)
{
    (void)state;
    struct slo slo;
    struct err e;
    struct capacity c;
    char words[400];
    assert_true(slo_parse("ttft=500ms", &slo, &e));
    capacity_begin(&c, true, 1000, 100000);
    capacity_tried(&c, &(struct capacity_try){.load = 1189.2, .verdict = CAPACITY_MEETS});
    capacity_tried(&c, &(struct capacity_try){.load = 12345.6, .verdict = CAPACITY_FAILS, .behind = true});
    capacity_tried(&c, &(struct capacity_try){.load = 5000, .verdict = CAPACITY_UNSURE});
    capacity_words(&c, &slo, 0, words, sizeof words);
    assert_string_equal(words, "unsure, the time did not suffice: 1189 requests/s meet ttft ≤ 500 ms, 12346 requests/s do not; limited by throughput "
                               "at 12346 requests/s: fewer requests end than are due");
}

/* The share of the try whose load the phase had: as it is written now, and with the four decimals of older files. */
static void expect_shares(const char *capacity)
{
    begin();
    buf_addf(&file, "{\"type\":\"phase\",\"t\":1,\"phase\":0,\"max_num_seqs\":8,\"part\":\"capacity\",\"rate\":%.6f}\n",
             sqrt(200));
    buf_adds(&file, "{\"type\":\"phase\",\"t\":2,\"phase\":1,\"max_num_seqs\":8,\"part\":\"capacity\",\"rate\":0.00108}\n"
                    "{\"type\":\"phase\",\"t\":3,\"phase\":2,\"max_num_seqs\":8,\"part\":\"capacity\",\"rate\":14.15}\n");
    buf_addf(&file, "{\"type\":\"summary\",%s}\n", capacity);
    struct run_file *f = made();
    struct tally t;
    tally_init(&t);
    assert_near(matrix_good_share(f, &f->phases[0], &t), 0.5, 1e-9);
    assert_near(matrix_good_share(f, &f->phases[1], &t), 0.75, 1e-9);
    assert_unknown(matrix_good_share(f, &f->phases[2], &t));
    run_file_free(f);
}

static void test_shares(void **state)
{
    (void)state;
    struct slo none = {.n = 0};
    struct capacity c;
    struct buf b;
    struct jsonw j = {.out = &b};
    buf_init(&b, 1 << 16);
    capacity_begin(&c, true, 10, 1000);
    capacity_tried(&c, &(struct capacity_try){.load = sqrt(200), .verdict = CAPACITY_FAILS, .good = 10, .judged = 20});
    capacity_tried(&c, &(struct capacity_try){.load = 0.00108, .verdict = CAPACITY_FAILS, .good = 15, .judged = 20});
    capacity_tried(&c, &(struct capacity_try){.load = 0.001, .verdict = CAPACITY_MEETS, .good = 40, .judged = 40});
    capacity_json(&c, &none, 0, &j);
    expect_shares(b.data);
    buf_release(&b);
    expect_shares("\"capacity\":{\"by\":\"rate\",\"tries\":[{\"load\":14.1421,\"met\":10,\"judged\":20},"
                  "{\"load\":0.0011,\"met\":15,\"judged\":20},{\"load\":0.001,\"met\":40,\"judged\":40}]}");
    buf_release(&file);
    /* Ended before one of its requests could be judged: those that ended well by then are the fast ones. */
    begin();
    buf_adds(&file, "{\"type\":\"phase\",\"t\":1,\"phase\":0,\"max_num_seqs\":8,\"part\":\"capacity\"}\n"
                    "{\"type\":\"summary\",\"slo\":{\"ttft_ms\":500},\"capacity\":{\"by\":\"streams\",\"tries\":[{\"load\":8,\"met\":0,\"judged\":0}]}}\n");
    struct run_file *f = made();
    struct tally t;
    tally_init(&t);
    t.requests = t.good = t.outcome[OUT_OK] = 9;
    f->slo.n = 1;
    assert_unknown(matrix_good_share(f, &f->phases[0], &t));
    run_file_free(f);
    buf_release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_verdicts), cmocka_unit_test(test_errors), cmocka_unit_test(test_short_first),
                                       cmocka_unit_test(test_late_first), cmocka_unit_test(test_cohort), cmocka_unit_test(test_search), cmocka_unit_test(test_pace),
                                       cmocka_unit_test(test_words), cmocka_unit_test(test_fast_words), cmocka_unit_test(test_shares)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
