/* Outages, told from the outcomes of requests; and requests in flight while the machine slept, which have no numbers. */
#include "check.h"
#include "measure/outage.h"
#include "measure/tally.h"

static enum outage_news see(struct outage *o, enum outcome outcome, int64_t first_byte, int64_t end, int64_t *away, uint64_t *failures)
{
    enum { UNIT = 10000000 }; /* 10 ms */
    struct row r = {.tl = {.outcome = outcome, .first_byte = first_byte * UNIT, .end = end * UNIT}};
    return outage_row(o, &r, away, failures);
}

static void test_goes_and_comes(void **state)
{
    (void)state;
    struct outage o = {0};
    int64_t away = 0;
    uint64_t failures = 0;
    assert_int_equal(see(&o, OUT_OK, 5, 10, &away, &failures), OUTAGE_NOTHING);
    assert_int_equal(see(&o, OUT_RESET, 0, 100, &away, &failures), OUTAGE_NOTHING); /* one is none */
    assert_int_equal(see(&o, OUT_CONNECT, 0, 150, &away, &failures), OUTAGE_NOTHING); /* nor are two within half a second */
    assert_int_equal(see(&o, OUT_RESET, 0, 210, &away, &failures), OUTAGE_AWAY);
    assert_false(outage_gone(&o)); /* answers that broke off, and one refusal */
    assert_int_equal(see(&o, OUT_CONNECT, 0, 250, &away, &failures), OUTAGE_NOTHING); /* once */
    assert_true(outage_gone(&o));
    assert_int_equal(see(&o, OUT_CANCELLED, 0, 300, &away, &failures), OUTAGE_NOTHING);
    assert_int_equal(see(&o, OUT_HTTP_429, 0, 300, &away, &failures), OUTAGE_NOTHING); /* somebody is there */
    assert_int_equal(see(&o, OUT_OK, 20, 90, &away, &failures), OUTAGE_NOTHING);       /* it had ended before, and is told late */
    assert_int_equal(see(&o, OUT_OK, 700, 900, &away, &failures), OUTAGE_BACK);
    assert_int_equal(away, 6000000000);
    assert_int_equal(failures, 4);
    assert_false(outage_gone(&o));
    assert_int_equal(see(&o, OUT_RESET, 0, 1000, &away, &failures), OUTAGE_NOTHING);
    assert_int_equal(see(&o, OUT_OK, 950, 1100, &away, &failures), OUTAGE_NOTHING);
    assert_int_equal(see(&o, OUT_RESET, 0, 1200, &away, &failures), OUTAGE_NOTHING); /* a success lies between */
    assert_int_equal(see(&o, OUT_OK, 1210, 1250, &away, &failures), OUTAGE_NOTHING);
    assert_int_equal(away, 100000000);
    assert_int_equal(see(&o, OUT_CONNECT, 0, 1300, &away, &failures), OUTAGE_NOTHING);
    assert_int_equal(see(&o, OUT_CONNECT, 0, 1301, &away, &failures), OUTAGE_AWAY); /* nobody is there: that needs no time */
}

static void test_slept(void **state)
{
    (void)state;
    struct row r = {.tl = {.outcome = OUT_OK, .due = 1, .started = 1, .sent = 1, .first_byte = 1000001, .first_event = 1000001,
                           .first_token = 1000001, .first_answer = 1000001, .last_token = 9000001, .end = 9000001, .connect_ns = -1,
                           .tls_ns = -1, .prompt_tokens = 10, .cached_tokens = 0, .output_tokens = 9, .first_tokens = 1,
                           .source = TOK_USAGE}};
    struct tally t;
    tally_init(&t);
    tally_add(&t, &r);
    assert_int_equal(t.hist[M_TTFT]->count, 1);
    r.tl.slept = true;
    tally_add(&t, &r);
    assert_int_equal(t.outcome[OUT_OK], 2); /* it did end well */
    assert_near(t.output_tokens, 18, 0);
    for (int m = 0; m < M_LATENCY_COUNT_; m++)
        assert_true(t.hist[m] == NULL || t.hist[m]->count <= 1);
    double v[M_REQUEST_COUNT_];
    timeline_numbers(&r.tl, v);
    for (int m = 0; m < M_REQUEST_COUNT_; m++)
        assert_unknown(v[m]);
    tally_release(&t);
}

/* Of two halves: as if all rows had been in one. */
static void test_merge(void **state)
{
    (void)state;
    struct tally half[2], all;
    tally_init(&half[0]);
    tally_init(&half[1]);
    tally_init(&all);
    for (int i = 0; i < 300; i++) {
        struct row r = {.tl = {.outcome = i % 7 == 0 ? OUT_RESET : OUT_OK, .sent = 1, .first_token = 1000000 + i * 5000, .last_token = 50000000,
                               .end = 50000000 + i, .connect_ns = -1, .tls_ns = -1, .prompt_tokens = 100 + i, .cached_tokens = i % 2 ? i : -1,
                               .output_tokens = 20, .first_tokens = 1, .source = i % 3 ? TOK_USAGE : TOK_EVENTS, .retried = i % 11 == 0},
                        .fixed_length = true, .max_tokens = 20 + i % 2};
        tally_add(&half[i / 200], &r);
        tally_add(&all, &r);
    }
    struct tally sum;
    tally_init(&sum);
    tally_merge(&sum, &half[0]);
    tally_merge(&sum, &half[1]);
    assert_int_equal(sum.requests, all.requests);
    assert_memory_equal(sum.outcome, all.outcome, sizeof all.outcome);
    assert_memory_equal(sum.source, all.source, sizeof all.source);
    assert_int_equal(sum.short_output, all.short_output);
    assert_int_equal(sum.retried, all.retried);
    assert_int_equal(sum.prompt_n, all.prompt_n);
    assert_int_equal(sum.prompt_min, all.prompt_min);
    assert_int_equal(sum.prompt_max, all.prompt_max);
    assert_int_equal(sum.cached_n, all.cached_n);
    assert_near(sum.cached_tokens, all.cached_tokens, 1e-6);
    assert_near(sum.output_tokens, all.output_tokens, 1e-6);
    for (int m = 0; m < M_LATENCY_COUNT_; m++) {
        assert_int_equal(sum.hist[m] == NULL, all.hist[m] == NULL);
        if (all.hist[m] == NULL)
            continue;
        assert_memory_equal(sum.hist[m]->bucket, all.hist[m]->bucket, sizeof all.hist[m]->bucket);
        struct dist a, b;
        tally_dist(&sum, (enum metric_id)m, &a);
        tally_dist(&all, (enum metric_id)m, &b);
        assert_int_equal(a.n, b.n);
        assert_near(a.p95, b.p95, 0.01 * b.p95); /* one of a histogram, the other exact */
    }
    tally_release(&half[0]);
    tally_release(&half[1]);
    tally_release(&all);
    tally_release(&sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_goes_and_comes), cmocka_unit_test(test_slept), cmocka_unit_test(test_merge)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
