/* What of finished requests the screen shows: counted once, begun anew, and without what was cancelled. */
#include "check.h"
#include "measure/shown.h"
#include "util.h"

#include <stdlib.h>

#define MS INT64_C(1000000)

static struct row request(int64_t ttft_ms, enum outcome o)
{
    struct row r = {.stream = 1, .context = 100, .max_tokens = 11};
    timeline_init(&r.tl, 1);
    r.tl.started = r.tl.sent = 1;
    r.tl.first_byte = r.tl.first_event = r.tl.first_token = r.tl.first_answer = 1 + ttft_ms * MS;
    r.tl.last_token = r.tl.end = 1 + (ttft_ms + 100) * MS;
    r.tl.outcome = o;
    r.tl.prompt_tokens = 100;
    r.tl.cached_tokens = ttft_ms < 50 ? 90 : 0;
    r.tl.output_tokens = 11;
    r.tl.first_tokens = 1;
    r.tl.events = 11;
    r.tl.source = TOK_USAGE;
    return r;
}

static void see(struct shown *d, struct snapshot *v, int64_t ttft_ms, enum outcome o, const char *error)
{
    struct row r = request(ttft_ms, o);
    str_copy(r.error, sizeof r.error, error);
    shown_failure(d, v, &r);
    struct tally one;
    tally_init(&one);
    tally_one(&one, &r);
    shown_request(d, v, &r, &one, 1);
    tally_release(&one);
}

static struct snapshot *begin(struct shown *d)
{
    struct snapshot *v = xcalloc(1, sizeof *v);
    snapshot_clear(v);
    v->state = RUN_LOAD;
    shown_init(d);
    return v;
}

static void test_requests(void **state)
{
    (void)state;
    static struct shown d;
    struct snapshot *v = begin(&d);
    shown_fill(&d, v);
    assert_unknown(v->ttft.p50);
    see(&d, v, 100, OUT_OK, "");
    see(&d, v, 20, OUT_OK, ""); /* most of its prompt was cached */
    see(&d, v, 900, OUT_HTTP_429, "slow down");
    see(&d, v, 900, OUT_HTTP_429, "slow down");
    see(&d, v, 900, OUT_CANCELLED, "");
    shown_fill(&d, v);
    assert_int_equal(v->ttft.n, 2);
    assert_int_equal(v->e2e.n, 2);
    assert_int_equal(v->ttft_new.n, 1);
    assert_int_equal(v->ttft_cached.n, 1);
    assert_near(v->tpot.p50, 10, 0.1);
    assert_string_equal(v->last_error, "http_429 ×2: slow down");
    uint64_t before = v->hists.seq;
    shown_reset(&d, v, 7);
    shown_fill(&d, v);
    assert_int_equal(v->ttft.n, 0);
    assert_unknown(v->e2e.p50);
    assert_int_equal(v->hists.e2e.count, 0);
    assert_near(v->since_s, 7, 0);
    assert_true(v->hists.seq != before); /* whoever has a copy must see it */
    see(&d, v, 300, OUT_OK, "");
    shown_fill(&d, v);
    assert_int_equal(v->ttft.n, 1);
    shown_release(&d);
    free(v);
}

/* A first token counts before its request ends, once; warm-up and what was cancelled at the end do not. */
static void test_in_flight(void **state)
{
    (void)state;
    static struct shown d;
    struct snapshot *v = begin(&d);
    see(&d, v, 100, OUT_OK, "");
    v->streams_n = 3;
    for (int i = 0; i < 3; i++)
        v->streams[i] = (struct stream_row){.id = i + 1, .measured = i != 1, .state = i < 2 ? STREAM_DECODE : STREAM_QUEUED, .ttft_ms = 400};
    for (int again = 0; again < 3; again++) {
        shown_fill(&d, v);
        assert_int_equal(v->ttft.n, 2);
    }
    v->state = RUN_DONE;
    shown_fill(&d, v);
    assert_int_equal(v->ttft.n, 1); /* as the summary has it */
    shown_release(&d);
    free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_requests), cmocka_unit_test(test_in_flight)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
