/* The simulator's scheduler in virtual time: every figure is computed by hand from the header's formula. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/sim_kv.h"
#include "sim/sim_model.h"
#include "util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MS INT64_C(1000000)
#define JOBS_MAX 64

/* 10 ms a step, 1 ms for each decoding request, 1 ms a prompt token; nothing random. */
static struct sim_model_config plain(void)
{
    return (struct sim_model_config){
        .max_num_seqs = 4,
        .prefill_chunk = 512,
        .prefill_rate = 1000,
        .step_ms = 10,
        .step_seq_ms = 1,
        .seed = 7,
        .prefix_cache = true,
        .kv_tokens = 65536,
    };
}

/* What came of one request. */
struct seen {
    int tokens, cached;
    bool last;
    int64_t first, end, admitted;
};

static uint64_t *prompt_of(uint64_t seed, int n)
{
    uint64_t *p = xmalloc((size_t)n * sizeof *p);
    for (int i = 0; i < n; i++)
        p[i] = rng_next(&seed);
    return p;
}

static struct sim_seq *submit(struct sim_model *m, int64_t now, uint64_t seed, int prompt, int output,
                              struct seen *s)
{
    uint64_t *p = prompt_of(seed, prompt);
    *s = (struct seen){0};
    struct sim_job job = {.prompt = p, .prompt_tokens = prompt, .output_tokens = output, .user = s};
    struct sim_seq *q = sim_model_submit(m, now, &job);
    free(p);
    return q;
}

static void note(const struct sim_tick *t)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct sim_token *k = &t->token[i];
        struct seen *s = k->user;
        assert_int_equal(k->index, s->tokens);
        assert_false(s->last);
        if (k->index == 0) {
            s->first = t->at;
            s->cached = k->cached;
            s->admitted = k->admitted;
        }
        s->tokens++;
        s->last = k->last;
        s->end = t->at;
    }
}

static void run_until(struct sim_model *m, int64_t now)
{
    struct sim_tick t;
    while (sim_model_step(m, now, &t))
        note(&t);
}

static void run_out(struct sim_model *m)
{
    run_until(m, SIM_NEVER - 1);
    assert_true(sim_model_due(m) == SIM_NEVER);
}

static void one_request_follows_the_formula(void **state)
{
    (void)state;
    struct sim_model_config c = plain();
    c.overhead_ms = 5;
    struct sim_model *m = sim_model_new(&c);
    struct seen a;
    submit(m, 100 * MS, 1, 20, 3, &a);
    assert_int_equal(sim_model_due(m), 105 * MS);
    run_out(m);
    assert_int_equal(a.tokens, 3);
    assert_true(a.last);
    assert_int_equal(a.admitted, 105 * MS);
    assert_int_equal(a.first, (105 + 10 + 20) * MS);
    assert_int_equal(a.end, a.first + 2 * 11 * MS);
    sim_model_free(m);
}

static void a_batch_shares_its_steps(void **state)
{
    (void)state;
    struct sim_model_config c = plain();
    struct sim_model *m = sim_model_new(&c);
    struct seen s[4];
    for (int i = 0; i < 4; i++)
        submit(m, 0, (uint64_t)i, 5, 11, &s[i]);
    run_out(m);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(s[i].first, (10 + 4 * 5) * MS);
        assert_int_equal(s[i].end, s[i].first + 10 * 14 * MS);
    }
    sim_model_free(m);
}

static void no_more_run_than_may(void **state)
{
    (void)state;
    struct sim_model_config c = plain();
    c.max_num_seqs = 2;
    struct sim_model *m = sim_model_new(&c);
    struct seen s[5];
    struct sim_model_stats st;
    for (int i = 0; i < 5; i++)
        submit(m, i, (uint64_t)i, 1, 4, &s[i]);
    run_until(m, 60 * MS);
    sim_model_stats(m, &st);
    assert_int_equal(st.running, 2);
    int gone = 0;
    for (int i = 0; i < 5; i++)
        gone += s[i].last;
    assert_int_equal(gone, 2);
    assert_int_equal(st.waiting, 5 - gone - st.running);
    run_out(m);
    for (int i = 1; i < 5; i++)
        assert_true(s[i].admitted >= s[i - 1].admitted);
    assert_true(s[2].admitted >= s[0].end);
    assert_true(s[4].admitted >= s[2].end);
    sim_model_stats(m, &st);
    assert_int_equal(st.running + st.waiting, 0);
    assert_int_equal(st.kv_blocks_used, 0);
    sim_model_free(m);
}

static void long_prompts_come_in_chunks(void **state)
{
    (void)state;
    struct sim_model_config c = plain();
    c.prefill_chunk = 100;
    struct sim_model *m = sim_model_new(&c);
    struct seen a, b;
    submit(m, 0, 1, 1, 20, &a);
    run_until(m, 11 * MS);
    assert_int_equal(a.tokens, 1);
    submit(m, 11 * MS, 2, 250, 1, &b);
    run_out(m);
    /* One step was in progress; then three of 100, 100 and 50 prompt tokens, and the neighbour gets a token
     * in each. */
    assert_int_equal(b.first, 22 * MS + (3 * 11 + 250) * MS);
    assert_int_equal(a.tokens, 20);
    assert_int_equal(a.end, b.first + 15 * 11 * MS);
    sim_model_free(m);
}

static void the_first_step_is_cold(void **state)
{
    (void)state;
    struct sim_model_config c = plain();
    c.cold_ms = 1000;
    struct sim_model *m = sim_model_new(&c);
    struct seen a, b;
    submit(m, 0, 1, 10, 1, &a);
    run_out(m);
    assert_int_equal(a.first, 1020 * MS);
    submit(m, 2000 * MS, 2, 10, 1, &b);
    run_out(m);
    assert_int_equal(b.first, 2020 * MS);
    sim_model_free(m);
}

static void prefixes_hit_by_whole_blocks(void **state)
{
    (void)state;
    struct sim_model_config c = plain();
    struct sim_model *m = sim_model_new(&c);
    struct seen a, same, longer, other;
    struct sim_model_stats st;
    submit(m, 0, 1, 64, 1, &a);
    run_out(m);
    assert_int_equal(a.cached, 0);
    submit(m, 1000 * MS, 1, 64, 1, &same);
    run_out(m);
    assert_int_equal(same.cached, 48); /* the block with the last token is computed again */
    assert_int_equal(same.first, (1000 + 10 + 16) * MS);
    submit(m, 2000 * MS, 1, 100, 1, &longer);
    submit(m, 2000 * MS, 2, 64, 1, &other);
    run_out(m);
    assert_int_equal(longer.cached, 64);
    assert_int_equal(other.cached, 0);
    sim_model_stats(m, &st);
    assert_int_equal(st.prefix_queries, 64 + 64 + 100 + 64);
    assert_int_equal(st.prefix_hits, 48 + 64);
    sim_model_free(m);
}

static void the_cache_can_be_off(void **state)
{
    (void)state;
    struct sim_model_config c = plain();
    c.prefix_cache = false;
    struct sim_model *m = sim_model_new(&c);
    struct seen s;
    for (int i = 0; i < 2; i++) {
        submit(m, i * 1000 * MS, 1, 64, 1, &s);
        run_out(m);
        assert_int_equal(s.cached, 0);
    }
    sim_model_free(m);
}

static uint64_t answer(void *user, int i)
{
    (void)user;
    uint64_t seed = 99 + (uint64_t)i;
    return rng_next(&seed);
}

static void answers_are_found_in_the_next_turn(void **state)
{
    (void)state;
    struct sim_model_config c = plain();
    struct sim_model *m = sim_model_new(&c);
    struct seen s = {0};
    uint64_t turn[80];
    uint64_t seed = 1;
    for (int i = 0; i < 20; i++)
        turn[i] = rng_next(&seed);
    struct sim_job job = {
        .prompt = turn, .prompt_tokens = 20, .output_tokens = 30, .output = answer, .user = &s};
    sim_model_submit(m, 0, &job);
    run_out(m);
    for (int i = 0; i < 60; i++)
        turn[20 + i] = answer(NULL, i);
    s = (struct seen){0};
    job = (struct sim_job){.prompt = turn, .prompt_tokens = 80, .output_tokens = 1, .user = &s};
    sim_model_submit(m, 5000 * MS, &job);
    run_out(m);
    assert_int_equal(s.cached, 48); /* 20 + 29 computed tokens have three full blocks */
    sim_model_free(m);
}

static void the_oldest_blocks_are_evicted(void **state)
{
    (void)state;
    struct sim_model_config c = plain();
    c.kv_tokens = 160; /* ten blocks: two prompts of 64 tokens and an answer fit, three do not */
    struct sim_model *m = sim_model_new(&c);
    struct seen s;
    const struct {
        uint64_t seed;
        int cached;
    } step[] = {{1, 0}, {2, 0},  {1, 48},
                {3, 0}, {1, 48}, {2, 16}}; /* a prompt's end is evicted before its beginning */
    for (size_t i = 0; i < ARRAY_LEN(step); i++) {
        submit(m, (int64_t)i * 1000 * MS, step[i].seed, 64, 1, &s);
        run_out(m);
        assert_int_equal(s.cached, step[i].cached);
    }
    sim_model_free(m);
}

static void a_full_pool_sends_the_last_one_back(void **state)
{
    (void)state;
    struct sim_model_config c = plain();
    c.kv_tokens = 96; /* six blocks for two requests that grow to four each */
    c.prefix_cache = false;
    struct sim_model *m = sim_model_new(&c);
    struct seen a, b;
    struct sim_model_stats st;
    submit(m, 0, 1, 32, 30, &a);
    submit(m, 0, 2, 32, 30, &b);
    run_out(m);
    sim_model_stats(m, &st);
    assert_true(st.preemptions >= 1);
    assert_int_equal(a.tokens, 30);
    assert_int_equal(b.tokens, 30);
    assert_true(a.end < b.end);
    assert_int_equal(st.kv_blocks_used, 0);
    assert_null(submit(m, SIM_NEVER / 2, 3, 90, 7, &a));
    sim_model_free(m);
}

static void leaving_frees_the_slot(void **state)
{
    (void)state;
    struct sim_model_config c = plain();
    c.max_num_seqs = 1;
    struct sim_model *m = sim_model_new(&c);
    struct seen a, b, d;
    struct sim_model_stats st;
    struct sim_seq *running = submit(m, 0, 1, 1, 1000, &a);
    struct sim_seq *queued = submit(m, 0, 2, 1, 1000, &b);
    submit(m, 0, 3, 1, 2, &d);
    run_until(m, 50 * MS);
    sim_model_stats(m, &st);
    assert_int_equal(st.waiting, 2);
    sim_model_abort(m, queued);
    sim_model_abort(m, running);
    run_out(m);
    assert_int_equal(b.tokens, 0);
    assert_int_equal(d.tokens, 2);
    assert_true(d.admitted <= 61 * MS);
    sim_model_stats(m, &st);
    assert_int_equal(st.kv_blocks_used, 0);
    sim_model_free(m);
}

/* Runs a fixed load and folds every moment into one number. */
static uint64_t fingerprint(uint64_t seed, int64_t chunk_ns)
{
    struct sim_model_config c = plain();
    c.jitter = 0.1;
    c.seed = seed;
    struct sim_model *m = sim_model_new(&c);
    struct seen s[JOBS_MAX];
    uint64_t sum = 0, rng = 5;
    int64_t now = 0;
    for (int i = 0; i < JOBS_MAX; i++) {
        int64_t then = now + (int64_t)(rng_next(&rng) % 100) * MS;
        for (; chunk_ns > 0 && now < then; now += MIN_OF(chunk_ns, then - now))
            run_until(m, now);
        now = then;
        run_until(m, now);
        submit(m, now, rng_next(&rng) % 8, 40, 1 + (int)(rng_next(&rng) % 30), &s[i]);
    }
    run_out(m);
    for (int i = 0; i < JOBS_MAX; i++)
        sum = sum * 31 + (uint64_t)s[i].first * 7 + (uint64_t)s[i].end;
    sim_model_free(m);
    return sum;
}

static void a_seed_decides_everything(void **state)
{
    (void)state;
    assert_true(fingerprint(1, 0) == fingerprint(1, 0));
    assert_true(fingerprint(1, 0) == fingerprint(1, 777)); /* however often it is asked */
    assert_true(fingerprint(1, 0) != fingerprint(2, 0));
}

/* --- queueing theory as the judge --- */

struct customer {
    double wait;
    bool done;
};

static double exponential(uint64_t *rng, double mean)
{
    return -mean * log(1 - rng_unit(rng));
}

/* Mean wait in the queue, in steps.  Service takes `steps` on average, exactly or exponentially. */
static double mean_wait(int servers, double load, double steps, bool fixed, int customers)
{
    struct sim_model_config c = {.max_num_seqs = servers,
                                 .prefill_chunk = 1 << 20,
                                 .prefill_rate = 1e15,
                                 .step_ms = 1,
                                 .kv_tokens = 1 << 24};
    struct sim_model *m = sim_model_new(&c);
    uint64_t rng = 11, token = 1;
    double t = 0, sum = 0;
    struct sim_tick tick;
    for (int i = 0; i < customers; i++) {
        t += exponential(&rng, steps / servers / load) * 1e6;
        while (sim_model_step(m, (int64_t)t, &tick))
            for (size_t k = 0; k < tick.n; k++)
                if (tick.token[k].index == 0)
                    sum += (double)(tick.token[k].admitted - tick.token[k].ready);
        int n = fixed ? (int)steps : (int)ceil(exponential(&rng, steps));
        struct sim_job job = {.prompt = &token, .prompt_tokens = 1, .output_tokens = MAX_OF(1, n)};
        sim_model_submit(m, (int64_t)t, &job);
    }
    while (sim_model_step(m, SIM_NEVER - 1, &tick))
        for (size_t k = 0; k < tick.n; k++)
            if (tick.token[k].index == 0)
                sum += (double)(tick.token[k].admitted - tick.token[k].ready);
    sim_model_free(m);
    return sum / customers / 1e6;
}

static void one_server_waits_as_m_d_1(void **state)
{
    (void)state;
    const double load[] = {0.5, 0.8};
    for (size_t i = 0; i < ARRAY_LEN(load); i++) {
        double want = load[i] / (2 * (1 - load[i])), got = mean_wait(1, load[i], 1, true, 400000);
        if (fabs(got / want - 1) > 0.03)
            fail_msg("M/D/1 at load %.1f: mean wait %.4f, by the formula %.4f", load[i], got, want);
    }
}

static double erlang_c(int servers, double load)
{
    double a = servers * load, term = 1, sum = 0;
    for (int k = 0; k < servers; k++) {
        sum += term;
        term *= a / (k + 1);
    }
    double queued = term / (1 - load);
    return queued / (sum + queued);
}

static void several_servers_wait_as_m_m_c(void **state)
{
    (void)state;
    enum { SERVERS = 4 };
    const double steps = 100, load[] = {0.5, 0.8};
    for (size_t i = 0; i < ARRAY_LEN(load); i++) {
        double mean = steps + 0.5; /* of whole steps */
        double rho = load[i] * mean / steps;
        double want = erlang_c(SERVERS, rho) * mean / (SERVERS * (1 - rho));
        /* Who finds others running but a slot free still waits for the end of their step. */
        double got = mean_wait(SERVERS, load[i], steps, false, 400000);
        double slack = 0.03 * want + 0.5;
        if (fabs(got - want) > slack)
            fail_msg("M/M/%d at load %.1f: mean wait %.3f, by the formula %.3f", SERVERS, load[i], got, want);
    }
}

static void the_pool_finds_and_forgets(void **state)
{
    (void)state;
    struct sim_kv *kv = sim_kv_new(2, true);
    int32_t a = sim_kv_take(kv), b = sim_kv_take(kv);
    assert_int_equal(sim_kv_take(kv), -1);
    sim_kv_name(kv, a, 10);
    sim_kv_name(kv, b, 10); /* the name is taken */
    sim_kv_drop(kv, b);
    sim_kv_drop(kv, a);
    assert_int_equal(sim_kv_used(kv), 0);
    assert_int_equal(sim_kv_find(kv, 10), a);
    assert_int_equal(sim_kv_find(kv, 10), a);
    sim_kv_drop(kv, a);
    assert_int_equal(sim_kv_used(kv), 1);
    assert_int_equal(sim_kv_take(kv), b);
    sim_kv_drop(kv, a);
    assert_int_equal(sim_kv_take(kv), a);
    assert_int_equal(sim_kv_find(kv, 10), -1);
    sim_kv_free(kv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_pool_finds_and_forgets),
        cmocka_unit_test(one_request_follows_the_formula),
        cmocka_unit_test(a_batch_shares_its_steps),
        cmocka_unit_test(no_more_run_than_may),
        cmocka_unit_test(long_prompts_come_in_chunks),
        cmocka_unit_test(the_first_step_is_cold),
        cmocka_unit_test(prefixes_hit_by_whole_blocks),
        cmocka_unit_test(the_cache_can_be_off),
        cmocka_unit_test(answers_are_found_in_the_next_turn),
        cmocka_unit_test(the_oldest_blocks_are_evicted),
        cmocka_unit_test(a_full_pool_sends_the_last_one_back),
        cmocka_unit_test(leaving_frees_the_slot),
        cmocka_unit_test(a_seed_decides_everything),
        cmocka_unit_test(one_server_waits_as_m_d_1),
        cmocka_unit_test(several_servers_wait_as_m_m_c),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
