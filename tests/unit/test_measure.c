/* Moments to numbers, rows to tallies and windows; no clock anywhere. */
#include "check.h"

#include "clock.h"
#include "engine/live.h"
#include "measure/phases.h"
#include "measure/recorder.h"
#include "measure/slo.h"
#include "measure/timeline.h"
#include "util.h"

#define MS INT64_C(1000000)

static struct chat_event output(int64_t usage)
{
    return (struct chat_event){.choices = true, .output = true, .answer = true, .usage = usage > 0,
                               .completion_tokens = usage, .prompt_tokens = usage > 0 ? 100 : -1, .cached_tokens = -1};
}

/* A stream: `n` output events, the first at `first` ms after `sent`, then one each `step` ms; usage: none, at the end, or
 * on each event; `per_event` tokens each. */
enum usage_kind { NO_USAGE, FINAL_USAGE, EACH_USAGE };
static struct row make_row(int64_t sent, int first, int step, int n, int per_event, enum usage_kind usage)
{
    struct row r = {.stream = 1, .max_tokens = n * per_event, .fixed_length = true};
    bool approx;
    timeline_init(&r.tl, sent - MS);
    r.tl.started = sent - MS;
    r.tl.sent = sent;
    int64_t t = sent + first * MS;
    for (int i = 0; i < n; i++, t += step * MS) {
        struct chat_event e = output(usage == EACH_USAGE ? (i + 1) * per_event : 0);
        timeline_event(&r.tl, t, &e, &approx);
    }
    struct chat_event last = {.choices = true, .finish = true, .usage = usage != NO_USAGE, .completion_tokens = n * per_event,
                              .prompt_tokens = usage != NO_USAGE ? 100 : -1, .cached_tokens = usage != NO_USAGE ? 20 : -1};
    timeline_event(&r.tl, t, &last, &approx);
    timeline_event(&r.tl, t, &(struct chat_event){.done = true}, &approx);
    timeline_finish(&r.tl, t + MS, TR_COMPLETE, 200);
    return r;
}

static void test_numbers(void **state)
{
    (void)state;
    double v[M_REQUEST_COUNT_];
    struct row r = make_row(1000 * MS, 120, 30, 11, 1, FINAL_USAGE);
    timeline_numbers(&r.tl, v);
    assert_near(v[M_TTFT], 120, 1e-9);
    assert_near(v[M_TTFT_DUE], 121, 1e-9);
    assert_near(v[M_TTFR], 120, 1e-9);
    assert_near(v[M_SEND_SKEW], 1, 1e-9);
    assert_near(v[M_TPOT], 30, 1e-9);
    assert_near(v[M_DECODE_RATE], 1000.0 / 30, 1e-9);
    assert_near(v[M_E2E], 120 + 11 * 30 + 1, 1e-9);
    assert_near(v[M_E2E_RATE], 11000 / v[M_E2E], 1e-9);
    assert_near(v[M_PREFILL_RATE], 1000.0 * 80 / 120, 1e-9);
    timeline_release(&r.tl);

    /* Two tokens an event: 5 events, 10 tokens.  The first event's two are known only from usage on each event. */
    r = make_row(1000 * MS, 100, 60, 5, 2, EACH_USAGE);
    timeline_numbers(&r.tl, v);
    assert_int_equal(r.tl.source, TOK_CONTINUOUS);
    assert_near(v[M_TPOT], 240.0 / 8, 1e-9);
    timeline_release(&r.tl);
    r = make_row(1000 * MS, 100, 60, 5, 2, FINAL_USAGE);
    timeline_numbers(&r.tl, v);
    assert_int_equal(r.tl.source, TOK_USAGE);
    assert_near(v[M_TPOT], 240.0 / 9, 1e-9);
    timeline_release(&r.tl);
}

/* What the way to the server takes is not this program's lateness, nor is the wait for a stream. */
static void test_late(void **state)
{
    (void)state;
    struct timeline t;
    timeline_init(&t, 1000 * MS);
    assert_int_equal(timeline_late(&t), -1);
    t.sent = 1100 * MS;
    assert_int_equal(timeline_late(&t), -1); /* closed loop */
    t.free_at = 1010 * MS;
    assert_int_equal(timeline_late(&t), 90 * MS);
    t.lookup_ns = 40 * MS;
    t.connect_ns = 20 * MS;
    t.tls_ns = 29 * MS;
    assert_int_equal(timeline_late(&t), 1 * MS);
    t.tls_ns = 300 * MS; /* libcurl's clock is another one than ours */
    assert_int_equal(timeline_late(&t), 0);
}

/* "50.6 tok/s (1 token)" in a user's report: a rate over one token is not a number. */
static void test_one_token(void **state)
{
    (void)state;
    double v[M_REQUEST_COUNT_];
    struct row r = make_row(1000 * MS, 100, 30, 1, 1, FINAL_USAGE);
    timeline_numbers(&r.tl, v);
    assert_int_equal(r.tl.outcome, OUT_OK);
    assert_near(v[M_TTFT], 100, 1e-9);
    assert_unknown(v[M_TPOT]);
    assert_unknown(v[M_DECODE_RATE]);
    assert_unknown(v[M_E2E_RATE]);
    timeline_release(&r.tl);
}

static void test_swallowed_tokens(void **state)
{
    (void)state;
    /* A parser swallows tokens: the count moves on an event without output and belongs to the next one with some. */
    struct timeline t;
    bool approx;
    timeline_init(&t, 1);
    t.sent = 1000;
    struct chat_event a = output(1), none = output(3), b = output(4);
    none.output = none.answer = false;
    assert_int_equal(timeline_event(&t, 2000, &a, &approx), 1);
    assert_int_equal(timeline_event(&t, 3000, &none, &approx), 0);
    assert_int_equal(timeline_event(&t, 4000, &b, &approx), 3);
    assert_false(approx);
    assert_int_equal(t.gaps[1].tokens, 3);
    timeline_release(&t);
}

static void test_zeroed_usage(void **state)
{
    (void)state;
    /* Ollama's completions: usage of zero on every chunk, the real one last. */
    struct timeline t;
    bool approx;
    timeline_init(&t, 1);
    t.sent = 1000;
    struct chat_event e = output(0), last = output(9);
    for (int i = 0; i < 7; i++)
        timeline_event(&t, 2000 + i, &e, &approx);
    assert_true(approx);
    last.output = last.answer = false;
    last.finish = true;
    timeline_event(&t, 3000, &last, &approx);
    timeline_finish(&t, 3001, TR_COMPLETE, 200);
    assert_int_equal(t.outcome, OUT_OK);
    assert_int_equal(t.source, TOK_USAGE);
    assert_int_equal(t.output_tokens, 9);
    assert_int_equal(t.first_tokens, 0);
    timeline_release(&t);
}

/* TPOT in ms of an answer of 1,000 tokens, 900 of which are thoughts: `shown` events of these, then 100 of the answer, 10 ms apart. */
static double thoughtful_tpot(int shown, bool as_answer)
{
    static const char usage[] = "{\"choices\":[],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":1000,"
                                "\"completion_tokens_details\":{\"reasoning_tokens\":900}}}";
    struct timeline t;
    struct chat_event last;
    bool approx;
    double v[M_REQUEST_COUNT_];
    timeline_init(&t, 1);
    t.sent = 1;
    for (int i = 0; i < shown + 100; i++) {
        struct chat_event e = output(0);
        e.answer = as_answer || i >= shown;
        e.text = "x";
        timeline_event(&t, 9000000000 + i * INT64_C(10000000), &e, &approx);
    }
    chat_decode(usage, sizeof usage - 1, &last);
    timeline_event(&t, 12000000000, &last, &approx);
    chat_release(&last);
    last = output(0);
    last.output = last.answer = false;
    last.finish = true;
    timeline_event(&t, 12000000000, &last, &approx);
    timeline_finish(&t, 12000000001, TR_COMPLETE, 200);
    assert_int_equal(t.outcome, OUT_OK);
    assert_int_equal(t.output_tokens, 1000);
    timeline_numbers(&t, v);
    timeline_release(&t);
    return v[M_TPOT];
}

/* A model that thinks in silence: what it counts but does not send took no time between tokens. */
static void test_hidden_reasoning(void **state)
{
    (void)state;
    assert_near(thoughtful_tpot(0, false), 10, 1e-6);
    assert_near(thoughtful_tpot(900, false), 10, 1e-6);
    assert_near(thoughtful_tpot(900, true), 10, 1e-6); /* <think> as a part of the answer */
    assert_near(thoughtful_tpot(450, false), 549 * 10 / 999.0, 1e-6); /* two tokens an event */
    assert_true(isnan(thoughtful_tpot(-30, false)));     /* 70 events of 100 tokens, or of 1,000? */
    assert_near(thoughtful_tpot(-5, false), 94 * 10 / 99.0, 1e-6);
}

static void test_falling_usage(void **state)
{
    (void)state;
    /* Usage on every event that begins anew in the middle: the last word counts, and nothing is built on the others. */
    struct timeline t;
    bool approx;
    timeline_init(&t, 1);
    t.sent = 1000;
    static const int told[] = {4, 8, 12, 2, 3};
    for (size_t i = 0; i < ARRAY_LEN(told); i++) {
        struct chat_event e = output(told[i]);
        timeline_event(&t, 2000 + (int64_t)i * 1000, &e, &approx);
    }
    struct chat_event last = output(5);
    last.output = last.answer = false;
    last.finish = true;
    timeline_event(&t, 8000, &last, &approx);
    timeline_finish(&t, 8001, TR_COMPLETE, 200);
    assert_int_equal(t.source, TOK_USAGE);
    assert_int_equal(t.output_tokens, 5);
    double v[M_REQUEST_COUNT_];
    timeline_numbers(&t, v);
    assert_near(v[M_TPOT], 0.001, 1e-9); /* 4 µs for the 4 tokens after the first */
    timeline_release(&t);
}

/* Three tokens, each counted, then a count that cannot be. */
static void test_counts_that_cannot_be(void **state)
{
    (void)state;
    static const struct {
        int64_t prompt, completion, cached;          /* what the last event says */
        int64_t is_prompt, is_output, is_cached;
    } cases[] = {
        {900000000000, 900000000000, -1, 100, 3, -1}, /* neither is believed; what was said before stands */
        {100, 24 * 2 + TIMELINE_SLACK, 20, 100, 24 * 2 + TIMELINE_SLACK, 20},
        {100, 24 * 2 + TIMELINE_SLACK + 1, 20, 100, 3, -1},
        {900000000000, 3, -1, 100, 3, -1},
        {100, 3, 101, 100, 3, -1}, /* more from the cache than there was: the prefill rate would be negative */
        {100, 3, 100, 100, 3, 100},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct timeline t;
        bool approx;
        timeline_init(&t, 1);
        timeline_expect(&t, 24, 500);
        t.sent = 1000;
        for (int k = 1; k <= 3; k++) {
            struct chat_event e = output(k);
            timeline_event(&t, 2000 + k, &e, &approx);
        }
        struct chat_event last = {.choices = true, .finish = true, .usage = true, .completion_tokens = cases[i].completion,
                                  .prompt_tokens = cases[i].prompt, .cached_tokens = cases[i].cached};
        timeline_event(&t, 3000, &last, &approx);
        timeline_finish(&t, 3001, TR_COMPLETE, 200);
        if (t.prompt_tokens != cases[i].is_prompt || t.output_tokens != cases[i].is_output || t.cached_tokens != cases[i].is_cached)
            fail_msg("case %zu: %lld, %lld, %lld", i, (long long)t.prompt_tokens, (long long)t.output_tokens, (long long)t.cached_tokens);
        timeline_release(&t);
    }
}

/* Text without end counts for what was asked for, in the sums and in the windows. */
static void test_endless(void **state)
{
    (void)state;
    struct row r = {.stream = 1, .max_tokens = 5};
    bool approx;
    timeline_init(&r.tl, 1);
    timeline_expect(&r.tl, 5, 100);
    r.tl.started = r.tl.sent = 1000;
    int64_t live = 0;
    int n = 0;
    for (struct chat_event e = output(0); !r.tl.endless && n < 1 << 20; n++)
        live += timeline_event(&r.tl, 2000 + n, &e, &approx);
    assert_int_equal(n, 5 * 2 + TIMELINE_SLACK + 1);
    assert_int_equal(live, n - 1);
    timeline_finish(&r.tl, 99999, TR_TOO_LARGE, 200);
    assert_int_equal(r.tl.outcome, OUT_TOO_LARGE);
    assert_int_equal(r.tl.output_tokens, 5);
    struct window w = {.from = 1};
    window_add(&w, &r);
    assert_near(w.tokens, 5, 1e-9);
    timeline_release(&r.tl);
}

struct ending {
    bool output, finish, done, error, malformed;
    enum transport how;
    int http;
    enum outcome outcome;
};

static void test_outcomes(void **state)
{
    (void)state;
    static const struct ending cases[] = {
        {true, true, true, false, false, TR_COMPLETE, 200, OUT_OK},
        {true, false, true, false, false, TR_COMPLETE, 200, OUT_OK},       /* no finish_reason */
        {true, true, false, false, false, TR_COMPLETE, 200, OUT_OK},       /* no [DONE] */
        {true, false, true, false, false, TR_RESET, 200, OUT_OK},          /* the end was announced before */
        {true, true, false, false, false, TR_RESET, 200, OUT_RESET},       /* a finish needs a clean close */
        {true, true, false, false, false, TR_CLOSED_EARLY, 200, OUT_TRUNCATED},
        {true, false, false, false, false, TR_COMPLETE, 200, OUT_TRUNCATED},
        {true, false, false, false, false, TR_RESET, 200, OUT_RESET},
        {false, false, true, false, false, TR_COMPLETE, 200, OUT_EMPTY},
        {false, false, false, false, false, TR_COMPLETE, 200, OUT_EMPTY},
        {true, false, true, true, false, TR_COMPLETE, 200, OUT_ERROR_EVENT},
        {true, true, true, false, true, TR_COMPLETE, 200, OUT_MALFORMED},
        {false, false, false, false, false, TR_COMPLETE, 429, OUT_HTTP_429},
        {false, false, false, false, false, TR_COMPLETE, 404, OUT_HTTP_4XX},
        {false, false, false, false, true, TR_COMPLETE, 502, OUT_HTTP_5XX},
        {false, false, false, false, false, TR_COMPLETE, 302, OUT_HTTP_3XX},
        {false, false, false, false, false, TR_RESET, 500, OUT_HTTP_5XX},
        {true, true, true, false, false, TR_CANCELLED, 200, OUT_CANCELLED},
        {false, false, false, false, false, TR_CONNECT, 0, OUT_CONNECT},
        {false, false, false, false, false, TR_TIMEOUT, 0, OUT_TIMEOUT},
        {true, false, false, false, false, TR_STALLED, 200, OUT_STALLED},
        {true, false, false, false, false, TR_TOO_LARGE, 200, OUT_TOO_LARGE},
        {true, true, true, false, false, TR_LEFT_OPEN, 200, OUT_OK},
        {false, false, false, false, false, TR_TOO_LARGE, 502, OUT_HTTP_5XX}, /* a page longer than anybody reads */
        {false, false, false, false, false, TR_RESET, 0, OUT_RESET},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct ending *c = &cases[i];
        struct timeline t;
        bool approx;
        timeline_init(&t, 1);
        t.sent = 10;
        struct chat_event e = {.choices = c->output || c->finish, .output = c->output, .finish = c->finish, .error = c->error,
                               .malformed = c->malformed};
        if (c->output || c->finish || c->error || c->malformed)
            timeline_event(&t, 20, &e, &approx);
        if (c->done)
            timeline_event(&t, 30, &(struct chat_event){.done = true}, &approx);
        timeline_finish(&t, 40, c->how, c->http);
        if (t.outcome != c->outcome)
            fail_msg("case %zu: %s, wanted %s", i, outcome_name(t.outcome), outcome_name(c->outcome));
        timeline_release(&t);
    }
}

static void test_after_done(void **state)
{
    (void)state;
    struct row r = make_row(1000 * MS, 100, 30, 4, 1, NO_USAGE);
    struct chat_event late = output(99);
    bool approx;
    assert_int_equal(timeline_event(&r.tl, 9000 * MS, &late, &approx), 0);
    assert_int_equal(r.tl.events, 4);
    assert_int_equal(r.tl.usage_seen, 0);
    timeline_release(&r.tl);
}

static void phase_row(struct phases *p, struct row *r)
{
    struct tally one;
    tally_init(&one);
    tally_one(&one, r);
    phases_row(p, r, &one);
    tally_release(&one);
}

static void test_tally(void **state)
{
    (void)state;
    struct tally t;
    struct dist d;
    tally_init(&t);
    for (int i = 0; i < 10; i++) {
        struct row r = make_row(1000 * MS, 100 + 10 * i, 30, 8, 1, FINAL_USAGE);
        tally_add(&t, &r);
        timeline_release(&r.tl);
    }
    struct row bad = make_row(1000 * MS, 9000, 30, 8, 1, FINAL_USAGE);
    bad.tl.outcome = OUT_RESET;
    tally_add(&t, &bad);
    timeline_release(&bad.tl);
    tally_dist(&t, M_TTFT, &d);
    assert_int_equal(d.n, 10); /* the failed one is in no latency figure */
    assert_true(d.exact);
    assert_near(d.p50, 145, 1e-9);
    assert_near(d.max, 190, 1e-9);
    tally_dist(&t, M_ITL, &d);
    assert_int_equal(d.n, 70); /* as many tokens as events: each carried one */
    assert_near(d.p50, 30, 0.3);
    assert_int_equal(tally_failed(&t), 1);
    assert_near(t.output_tokens, 88, 0);
    assert_int_equal(t.source[TOK_USAGE], 11);
    tally_release(&t);
}

static void test_itl_needs_known_counts(void **state)
{
    (void)state;
    struct tally t;
    struct dist d;
    tally_init(&t);
    struct row r = make_row(1000 * MS, 100, 60, 5, 2, FINAL_USAGE); /* 10 tokens in 5 events: whose, is not known */
    tally_add(&t, &r);
    timeline_release(&r.tl);
    tally_dist(&t, M_ITL, &d);
    assert_int_equal(d.n, 0);
    tally_dist(&t, M_CHUNK_GAP, &d);
    assert_int_equal(d.n, 4);
    r = make_row(1000 * MS, 100, 60, 5, 2, EACH_USAGE);
    tally_add(&t, &r);
    timeline_release(&r.tl);
    tally_dist(&t, M_ITL, &d);
    assert_int_equal(d.n, 8);
    assert_near(d.mean, 30, 1e-3);
    tally_release(&t);
}

/* One request at a time and then merged, or added at once: the same figures, exact for as long as every value is kept. */
static void test_tally_merge(void **state)
{
    (void)state;
    struct tally added, merged, one;
    tally_init(&added);
    tally_init(&merged);
    tally_init(&one);
    for (int i = 0; i < TALLY_KEPT + 1; i++) {
        struct row r = make_row(1000 * MS, 100 + i * 37 % 1000, 1 + i * 7 % 50, 2 + i % 5, 1, i % 3 == 0 ? NO_USAGE : FINAL_USAGE);
        if (i % 10 == 9)
            r.tl.outcome = OUT_RESET;
        tally_add(&added, &r);
        tally_one(&one, &r);
        tally_merge(&merged, &one);
        timeline_release(&r.tl);
        if (i % 100 != 99 && i != TALLY_KEPT)
            continue;
        for (int m = 0; m < M_LATENCY_COUNT_; m++) {
            struct dist a, b;
            tally_dist(&added, (enum metric_id)m, &a);
            tally_dist(&merged, (enum metric_id)m, &b);
            assert_true(a.n == b.n && a.exact == b.exact);
            if (a.n > 0)
                assert_true(a.p50 == b.p50 && a.p99 == b.p99 && a.min == b.min && a.max == b.max && fabs(a.mean - b.mean) < 1e-9 * a.mean);
        }
    }
    assert_true(added.requests == merged.requests && added.output_tokens == merged.output_tokens && added.prompt_n == merged.prompt_n);
    assert_memory_equal(added.outcome, merged.outcome, sizeof added.outcome);
    assert_memory_equal(added.source, merged.source, sizeof added.source);
    /* One that has been emptied keeps its memory; nothing comes of it, no figure that is not there. */
    struct tally none;
    struct dist d;
    tally_init(&none);
    tally_clear(&one);
    tally_merge(&none, &one);
    for (int m = 0; m < M_LATENCY_COUNT_; m++)
        assert_null(none.hist[m]);
    tally_dist(&one, M_TTFT, &d);
    assert_int_equal(d.n, 0);
    tally_release(&none);
    tally_release(&added);
    tally_release(&merged);
    tally_release(&one);
}

static void test_tally_past_kept(void **state)
{
    (void)state;
    struct tally t;
    struct dist d;
    tally_init(&t);
    for (int i = 0; i < TALLY_KEPT + 500; i++) {
        struct row r = make_row(1000 * MS, 100 + i % 100, 30, 2, 1, FINAL_USAGE);
        tally_add(&t, &r);
        timeline_release(&r.tl);
    }
    tally_dist(&t, M_TTFT, &d);
    assert_false(d.exact);
    assert_int_equal(d.n, TALLY_KEPT + 500);
    assert_near(d.p50, 149.5, 1.6);
    tally_release(&t);
}

/* However the tokens were counted, the windows that tile a run hold exactly its tokens. */
static void test_windows_tile(void **state)
{
    (void)state;
    for (int usage = NO_USAGE; usage <= EACH_USAGE; usage++) {
        struct window w[3] = {{.from = 1, .to = 1500 * MS}, {.from = 1500 * MS, .to = 1777 * MS}, {.from = 1777 * MS}};
        double sum = 0;
        struct row r = make_row(1000 * MS, 137, 31, 40, 3, (enum usage_kind)usage);
        for (int i = 0; i < 3; i++) {
            window_add(&w[i], &r);
            sum += w[i].tokens;
            assert_true(w[i].tokens > 0);
        }
        assert_near(sum, (double)r.tl.output_tokens, 1e-6);
        assert_int_equal(w[0].ok + w[1].ok + w[2].ok, 1);
        assert_near(w[0].approx_tokens, usage == NO_USAGE ? w[0].tokens : 0, 1e-9);
        timeline_release(&r.tl);
    }
}

/* What warmed up and ends in the window: by the clock it is of one flow with the others, of streams it is the wave before them. */
static void test_window_warmup(void **state)
{
    (void)state;
    for (int open = 0; open < 2; open++) {
        struct window w = {.from = 1};
        struct row r = make_row(1000 * MS, 137, 31, 40, 3, EACH_USAGE);
        r.warmup = true;
        r.good = true;
        r.tl.free_at = open ? r.tl.sent : 0;
        window_add(&w, &r);
        assert_int_equal(w.ok, open);
        assert_int_equal(w.good, open);
        timeline_release(&r.tl);
    }
}

static void test_phases(void **state)
{
    (void)state;
    struct phases *p = calloc(1, sizeof *p);
    phases_init(p);
    phases_open(p, &(struct phase_target){0, 4, 1024, 128, 0}, 0);
    assert_int_equal(p->list[0]->stretch->whole.from, 0);
    phases_begin(p, 1000 * MS);
    phases_steady(p, 1100 * MS);
    struct row a = make_row(1000 * MS, 100, 100, 20, 1, FINAL_USAGE); /* tokens at 1100 … 3000 */
    a.phase = 0;
    phase_row(p, &a);
    phases_open(p, &(struct phase_target){1, 8, 1024, 128, 0}, 2000 * MS); /* its tokens straddle the change */
    struct row b = make_row(2000 * MS, 50, 100, 10, 1, FINAL_USAGE);
    b.phase = 1;
    phase_row(p, &b);
    phases_close(p, 2500 * MS);
    phases_settle(p, INT64_MAX);
    assert_int_equal(p->n, 2);
    assert_near(p->list[0]->stretch->whole.tokens, 9, 1e-9);   /* 1100 … 1900 */
    assert_near(p->list[0]->stretch->steady.tokens, 9, 1e-9);
    assert_near(p->list[1]->stretch->whole.tokens, 5 + 5, 1e-9); /* 2000 … 2400 of a, 2050 … 2450 of b */
    assert_near(window_seconds(&p->list[1]->stretch->whole, INT64_MAX), 0.5, 1e-9);
    assert_int_equal(p->list[0]->tally.requests, 1);
    assert_int_equal(p->list[1]->tally.requests, 1);
    assert_int_equal(p->total.requests, 2);
    phases_release(p);
    free(p);
}

static void test_many_phases(void **state)
{
    (void)state;
    struct phases *p = calloc(1, sizeof *p);
    phases_init(p);
    for (int i = 0; i < 300; i++) { /* a key held down: nothing ends in between */
        phases_open(p, &(struct phase_target){i, i + 1, 1024, 128, 0}, 1000 * MS + i * 30 * MS);
    }
    assert_true(p->n < 10);
    for (int i = 300; i < 600; i++) {
        phases_open(p, &(struct phase_target){i, i + 1, 1024, 128, 0}, (20000 + (int64_t)i * 5000) * MS);
        struct row r = make_row((20000 + (int64_t)i * 5000) * MS, 50, 10, 4, 1, FINAL_USAGE);
        r.phase = i;
        phase_row(p, &r);
    }
    phases_close(p, 5000000 * MS);
    phases_settle(p, INT64_MAX);
    assert_int_equal(p->n, PHASES_MAX);
    assert_int_equal(p->list[PHASES_MAX - 1]->merged, 300 + 1 - PHASES_MAX);
    assert_int_equal(p->total.requests, 300);
    struct window all;
    double seconds;
    phases_windows(p, INT64_MAX, false, &all, &seconds);
    assert_near(all.tokens, 1200, 1e-6);
    assert_near(seconds, 4999, 1e-6);
    /* A pause is no load, with no room for a phase either, and the tokens that come in it are not its. */
    phases_open(p, &(struct phase_target){600, 1, 1024, 128, 0}, 6000000 * MS);
    struct row r = make_row(6000000 * MS, 500, 1000, 4, 1, FINAL_USAGE); /* at 500, 1500, 2500, 3500 */
    r.phase = 600;
    phase_row(p, &r);
    phases_close(p, 6001000 * MS);
    phases_settle(p, INT64_MAX);
    phases_windows(p, INT64_MAX, false, &all, &seconds);
    assert_near(seconds, 5000, 1e-6);
    assert_near(all.tokens, 1201, 1e-6);
    assert_int_equal(p->n, PHASES_MAX);
    phases_release(p);
    free(p);
}

/* Targets that come faster than answers: the time is not lost, and a pause between them is not load. */
static void test_passed_by(void **state)
{
    (void)state;
    struct phases *p = calloc(1, sizeof *p);
    phases_init(p);
    phases_open(p, &(struct phase_target){0, 1, 1024, 128, 0}, 1000 * MS);
    phases_open(p, &(struct phase_target){1, 2, 1024, 128, 0}, 2000 * MS);
    phases_close(p, 2500 * MS);
    phases_open(p, &(struct phase_target){2, 3, 1024, 128, 0}, 3900 * MS);
    phases_steady(p, 4500 * MS);
    phases_close(p, 5000 * MS);
    struct window w;
    double s;
    assert_int_equal(p->n, 1);
    assert_int_equal(p->list[0]->streams, 3);
    phases_windows(p, INT64_MAX, false, &w, &s);
    assert_near(s, 2.6, 1e-9);
    phases_windows(p, INT64_MAX, true, &w, &s);
    assert_near(s, 0.5, 1e-9);
    phases_release(p);
    free(p);
}

/* Phases that were ended stay as they are, though nothing came of them and the next one's beginning is not known yet. */
static void test_ended(void **state)
{
    (void)state;
    struct phases *p = calloc(1, sizeof *p);
    phases_init(p);
    phases_open(p, &(struct phase_target){0, 1, 1024, 128, 0}, 1000 * MS);
    phases_end(p, 2000 * MS);
    phases_open(p, &(struct phase_target){1, 2, 1024, 128, 0}, 0);
    phases_begin(p, 2500 * MS);
    phases_end(p, 3000 * MS);
    struct window w;
    double s;
    assert_int_equal(p->n, 2);
    phase_window(p->list[0], INT64_MAX, false, &w, &s);
    assert_near(s, 1, 1e-9);
    phase_window(p->list[1], INT64_MAX, false, &w, &s);
    assert_near(s, 0.5, 1e-9);
    phases_release(p);
    free(p);
}

/* The end may be in the past: of a phase, and of one that was begun after it. */
static void test_late_end(void **state)
{
    (void)state;
    struct phases *p = calloc(1, sizeof *p);
    phases_init(p);
    phases_open(p, &(struct phase_target){0, 1, 1024, 128, 0}, 1000 * MS);
    struct row r = make_row(1000 * MS, 500, 1000, 4, 1, FINAL_USAGE); /* tokens at 1500, 2500, 3500, 4500 */
    phase_row(p, &r);
    phases_open(p, &(struct phase_target){1, 2, 1024, 128, 0}, 4000 * MS);
    phases_close(p, 3000 * MS);
    phases_settle(p, INT64_MAX);
    struct window w;
    double s;
    phases_windows(p, INT64_MAX, false, &w, &s);
    assert_near(s, 2, 1e-9);
    assert_near(w.tokens, 2, 1e-9);
    phase_window(p->list[1], INT64_MAX, false, &w, &s);
    assert_near(s, 0, 1e-9);
    assert_null(phases_current(p));
    phases_release(p);
    free(p);
}

/* Per stream: of now, not of the whole life of the requests; only the time that a stream decodes, and no first tokens. */
static void test_live_stream_rate(void **state)
{
    (void)state;
    struct live l;
    live_init(&l, 0);
    assert_unknown(live_stream_rate(&l));
    for (int i = 0; i <= 20; i++)
        live_add(&l, i * 100 * MS, &(struct live_more){.tokens = 8, .decode_s = 0.2});
    assert_near(live_stream_rate(&l), 40, 1e-9);
    for (int i = 21; i <= 31; i++) /* the server hangs */
        live_add(&l, i * 100 * MS, &(struct live_more){.decode_s = 0.2});
    assert_near(live_stream_rate(&l), 0, 1e-9);
    for (int i = 32; i <= 42; i++) /* short answers: a first token and 7 in 35 ms, and then another prompt */
        live_add(&l, i * 100 * MS, &(struct live_more){.tokens = 8, .first = 1, .decode_s = 0.035});
    assert_near(live_stream_rate(&l), 200, 1e-9);
    for (int i = 43; i <= 54; i++) /* one token each: no rate over that */
        live_add(&l, i * 100 * MS, &(struct live_more){.tokens = 16, .first = 16, .decode_s = 0});
    assert_unknown(live_stream_rate(&l));
}

static void test_live_rate(void **state)
{
    (void)state;
    struct live l;
    bool approx;
    live_init(&l, 0);
    assert_unknown(live_rate(&l, &approx));
    for (int i = 0; i <= 30; i++)
        live_add(&l, i * 100 * MS, &(struct live_more){.tokens = 13, .approx = i > 28 ? 1 : 0});
    assert_near(live_rate(&l, &approx), 130, 1e-9);
    assert_true(approx);
}

static void test_mailbox(void **state)
{
    (void)state;
    struct mailbox m;
    mailbox_init(&m);
    struct record_set *mine = calloc(1, sizeof *mine);
    mine->tokens = 5;
    struct record_set *next = mailbox_put(&m, mine);
    assert_ptr_not_equal(next, mine);
    next->tokens = 7;
    assert_ptr_equal(mailbox_put(&m, next), next); /* not yet taken: keep on filling */
    struct record_set *got = mailbox_take(&m);
    assert_ptr_equal(got, mine);
    assert_null(mailbox_take(&m));
    record_set_clear(got);
    mailbox_return(&m, got);
    next = mailbox_put(&m, next);
    assert_ptr_equal(next, mine);
    got = mailbox_take(&m);
    assert_int_equal(got->tokens, 7);
    mailbox_return(&m, got);
    mailbox_release(&m);
    record_set_release(next);
    free(next);
}

/* The tokenizer's count is taken only where it can be one. */
static void test_counted(void **state)
{
    (void)state;
    static const struct {
        int64_t tokens;
        bool taken;
    } cases[] = {{-1, false}, {0, false}, {1, false}, {15, false}, {16, true}, {40, true}, {16 * 1024, true},
                 {16 * 1024 + 1, false}, {INT64_C(999999999999), false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct timeline t;
        timeline_init(&t, 1);
        t.source = TOK_EVENTS;
        t.events = t.output_tokens = 16;
        timeline_counted(&t, cases[i].tokens);
        assert_int_equal(t.source, cases[i].taken ? TOK_TOKENIZE : TOK_EVENTS);
        assert_int_equal(t.output_tokens, cases[i].taken ? cases[i].tokens : 16);
    }
}

/* What a request does not have it does not miss; what nobody knows is not judged. */
static void test_unknown_goals(void **state)
{
    (void)state;
    static const struct {
        const char *goals;
        int64_t cached, answer;
        bool good, unjudged;
    } cases[] = {{"tpot=1ms", -1, 5, true, false},
                 {"prefill_rate=2000", -1, 5, false, true},
                 {"prefill_rate=2000", 0, 5, true, false},
                 {"prefill_rate=2000,ttft=1s", -1, 5, false, true},
                 {"prefill_rate=2000,ttft=1ms", -1, 5, false, false},
                 {"ttfa=1s", 0, 0, false, true},
                 {"ttfa=1s", 0, 100000001, true, false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slo slo;
        struct err e;
        struct tally t;
        struct row r = {.tl = {.outcome = OUT_OK, .sent = 1, .first_token = 100000001, .last_token = 100000001, .end = 100000001, .events = 1,
                               .output_tokens = 1, .prompt_tokens = 400, .cached_tokens = cases[i].cached, .first_answer = cases[i].answer}};
        assert_true(slo_parse(cases[i].goals, &slo, &e));
        slo_judge(&slo, &r);
        if (r.good != cases[i].good || r.unjudged != cases[i].unjudged)
            fail_msg("case %zu: good %d, unjudged %d", i, r.good, r.unjudged);
        tally_init(&t);
        tally_add(&t, &r);
        assert_int_equal(tally_judged(&t), r.unjudged ? 0 : 1);
        tally_release(&t);
    }
}

/* Taken back after 2 s: what it had missed by then counts, and what might have come of it does not. */
static void test_slo_cancelled(void **state)
{
    (void)state;
    static const struct {
        const char *goals;
        int64_t first_token; /* ms; 0: none came */
        unsigned missed;
    } cases[] = {{"e2e=1s", 500, 1}, {"e2e=3s", 500, 0}, {"ttft=1s", 500, 0}, {"ttft=1s", 1500, 1}, {"ttft=1s", 0, 1}, {"ttft=3s", 0, 0},
                 {"ttft_due=2.5s", 0, 1}, {"ttft_due=4s", 0, 0}, {"ttfr=1s", 0, 1}, {"ttfa=1s", 500, 0}, {"tpot=1ms", 500, 0}, {"decode_rate=1000", 500, 0},
                 {"ttft=400ms,e2e=1s", 500, 3}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slo slo;
        struct err e;
        struct tally t;
        int64_t came = cases[i].first_token * 1000000;
        struct row r = {.tl = {.outcome = OUT_CANCELLED, .due = 1, .sent = 1 + NS_PER_SEC, .end = 1 + 3 * NS_PER_SEC, .events = 10, .output_tokens = 10,
                               .prompt_tokens = -1, .cached_tokens = -1}};
        if (came != 0) {
            r.tl.first_event = r.tl.first_token = r.tl.sent + came;
            r.tl.last_token = r.tl.end;
        }
        assert_true(slo_parse(cases[i].goals, &slo, &e));
        slo_judge(&slo, &r);
        if (r.missed != cases[i].missed || r.good || r.unjudged)
            fail_msg("case %zu: missed %u", i, r.missed);
        tally_init(&t);
        tally_add(&t, &r);
        assert_int_equal(tally_judged(&t), cases[i].missed != 0);
        assert_int_equal(tally_failed(&t), 0);
        tally_release(&t);
        r.tl.slept = true; /* nobody knows how long it took */
        slo_judge(&slo, &r);
        assert_int_equal(r.missed, 0);
    }
}

static void test_slo_limits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double limit;
    } good[] = {{"ttft=500ms", 500}, {"e2e=2m", 120000}, {"e2e=1m30s", 90000}, {"tpot=0.5ms", 0.5}, {"decode_rate=30", 30}, {"decode_rate=30tok/s", 30}};
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"ttft=2", "'ttft=2' is a time without a unit: it takes ttft=2ms, or ttft=2s"},
        {"ttft=1.5,tpot=50ms", "ttft=1.5ms, or ttft=1.5s"},
        {"ttft=0x10ms", "has no limit in ms"},
        {"e2e=1e3ms", "has no limit in ms"},
        {"ttft=0ms", "has no limit in ms"},
        {"ttft=-1s", "has no limit in ms"},
        {"decode_rate=1e3", "has no limit in tok/s"},
        {"decode_rate=0x10", "has no limit in tok/s"},
        {"decode_rate=0", "has no limit in tok/s"},
        {"decode_rate=5s", "has no limit in tok/s"},
    };
    struct slo slo;
    struct err e;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(slo_parse(good[i].text, &slo, &e));
        assert_near(slo.goal[0].limit, good[i].limit, 1e-9);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(slo_parse(bad[i].text, &slo, &e));
        if (strstr(e.msg, bad[i].says) == NULL)
            fail_msg("%s\n says: %s\n wanted: %s", bad[i].text, e.msg, bad[i].says);
    }
}

/* A request that ended well while the machine slept met nothing and missed nothing. */
static void test_slept(void **state)
{
    (void)state;
    struct slo slo;
    struct err e;
    struct tally t;
    struct row r = {.tl = {.outcome = OUT_OK, .sent = 1, .first_token = 900000001, .last_token = 900000001, .end = 900000001, .events = 1}};
    assert_true(slo_parse("ttft=500ms", &slo, &e));
    tally_init(&t);
    for (int i = 0; i < 3; i++) {
        r.tl.first_token = i == 0 ? 100000001 : 900000001;
        r.tl.slept = i == 2;
        slo_judge(&slo, &r);
        tally_add(&t, &r);
    }
    assert_int_equal(t.good, 1);
    assert_int_equal(t.missed[0], 1);
    assert_int_equal(tally_judged(&t), 2);
    assert_near(tally_good_share(&t), 0.5, 1e-12);
    tally_release(&t);
}

/* After a pause a phase goes on: two stretches of one, and what lies between is in neither. */
static void test_go_on(void **state)
{
    (void)state;
    struct phases p;
    struct window w;
    double s;
    phases_init(&p);
    phases_open(&p, &(struct phase_target){0, 1, 64, 8, 0}, 1 * NS_PER_SEC);
    phases_go_on(&p, 2 * NS_PER_SEC); /* it was not paused */
    phases_close(&p, 3 * NS_PER_SEC);
    phases_go_on(&p, 10 * NS_PER_SEC);
    phases_steady(&p, 11 * NS_PER_SEC);
    phases_end(&p, 14 * NS_PER_SEC);
    assert_int_equal(p.n, 1);
    phase_window(p.list[0], 20 * NS_PER_SEC, false, &w, &s);
    assert_near(s, 2 + 4, 1e-9);
    phase_window(p.list[0], 20 * NS_PER_SEC, true, &w, &s);
    assert_near(s, 3, 1e-9);
    phases_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counted),       cmocka_unit_test(test_late),
        cmocka_unit_test(test_numbers),       cmocka_unit_test(test_one_token),
        cmocka_unit_test(test_swallowed_tokens), cmocka_unit_test(test_zeroed_usage), cmocka_unit_test(test_hidden_reasoning), cmocka_unit_test(test_falling_usage),
        cmocka_unit_test(test_counts_that_cannot_be), cmocka_unit_test(test_endless),
        cmocka_unit_test(test_outcomes),      cmocka_unit_test(test_after_done),
        cmocka_unit_test(test_tally),         cmocka_unit_test(test_itl_needs_known_counts),
        cmocka_unit_test(test_tally_merge),
        cmocka_unit_test(test_tally_past_kept), cmocka_unit_test(test_windows_tile), cmocka_unit_test(test_window_warmup),
        cmocka_unit_test(test_phases),        cmocka_unit_test(test_many_phases),
        cmocka_unit_test(test_passed_by),
        cmocka_unit_test(test_late_end),      cmocka_unit_test(test_ended),
        cmocka_unit_test(test_live_rate),     cmocka_unit_test(test_live_stream_rate),     cmocka_unit_test(test_mailbox),
        cmocka_unit_test(test_unknown_goals), cmocka_unit_test(test_slept),         cmocka_unit_test(test_go_on),
        cmocka_unit_test(test_slo_cancelled), cmocka_unit_test(test_slo_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
