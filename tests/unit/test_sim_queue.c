/* Queueing theory as the judge of the simulator's scheduler, in virtual time: the mean time that a request waits for its
 * admission, by 400,000 Poisson arrivals, against what is known exactly.
 *
 * One sequence at once and requests of one size are an M/D/1 queue, with nothing between: a step begins where the one before
 * ended, or at once when a request comes to an idle engine.
 *
 *     Wq = ρ·D / (2·(1 − ρ))     Pollaczek 1930 and Khinchine 1932; Kleinrock, Queueing Systems I (1975), 5.6
 *
 * c sequences at once whose lengths are drawn geometrically are nearly M/M/c, but not quite: time is cut into steps.  A length
 * has no memory, as an exponential time has none, but it ends with a step, and whoever comes during a step waits for its end
 * even where a slot is free.  That queue has an exact solution too (slotted_wait, below), by which the scheduler is judged;
 * and as steps become short against lengths the solution goes to Erlang's, by which the solution is judged.
 *
 *     Wq = C(c, a)·S / (c·(1 − ρ)),  a = c·ρ     Erlang 1917; Kleinrock, 3.5 */
#include "check.h"
#include "sim/sim_model.h"
#include "util.h"

#include <math.h>
#include <stdlib.h>

#define CUSTOMERS 400000
#define BATCHES 20
#define WITHIN 0.03
#define WITHIN_ONE 0.1 /* of one run */

static int runs = 8;

/* ---- the formulas ---- */

static double pollaczek_khinchine(double rho, double service)
{
    return rho * service / (2 * (1 - rho));
}

/* The share of customers that wait, by Erlang B's recursion. */
static double erlang_c(int c, double a)
{
    double b = 1;
    for (int k = 1; k <= c; k++)
        b = a * b / (k + a * b);
    double rho = a / c;
    return b / (1 - rho * (1 - b));
}

static double erlang_wait(int c, double rho, double service)
{
    return erlang_c(c, c * rho) * service / (c * (1 - rho));
}

#define STATES 240 /* 0.8^240 is nothing */
static double chain[STATES + 1][STATES + 1];

static double choose(int n, int k)
{
    double v = 1;
    for (int i = 1; i <= k; i++)
        v = v * (n - k + i) / i;
    return v;
}

/* From x in the system as a step begins to y as the next one does: those at work leave with probability p each, Poisson many
 * come.  An engine that is left empty waits for the next one, and begins with it at once. */
static void fill_chain(int c, double p, double mean_come)
{
    memset(chain, 0, sizeof chain);
    for (int x = 1; x <= STATES; x++) {
        int busy = MIN_OF(x, c);
        for (int gone = 0; gone <= busy; gone++) {
            double leave = choose(busy, gone) * pow(p, gone) * pow(1 - p, busy - gone), come = exp(-mean_come);
            for (int k = 0; k < 40; k++) {
                int y = MAX_OF(x - gone + k, 1);
                chain[x][MIN_OF(y, STATES)] += leave * come;
                come *= mean_come / (k + 1);
            }
        }
    }
}

/* Stationary distribution of the chain, by elimination without subtraction (Grassmann, Taksar and Heyman 1985). */
static void stationary(double pi[STATES + 1])
{
    for (int n = STATES; n > 1; n--) {
        double out = 0;
        for (int j = 1; j < n; j++)
            out += chain[n][j];
        for (int i = 1; i < n; i++)
            chain[i][n] /= out;
        for (int i = 1; i < n; i++)
            for (int j = 1; j < n; j++)
                chain[i][j] += chain[i][n] * chain[n][j];
    }
    double sum = pi[1] = 1;
    for (int n = 2; n <= STATES; n++) {
        pi[n] = 0;
        for (int i = 1; i < n; i++)
            pi[n] += pi[i] * chain[i][n];
        sum += pi[n];
    }
    for (int n = 1; n <= STATES; n++)
        pi[n] /= sum;
}

/* Mean wait in steps, where a service takes 1/p steps on average.  In a step that begins with x in the system, x − c wait all
 * through it, and those that come wait for its end, half of it on average; then Little's law (1961). */
static double slotted_wait(int c, double rho, double p)
{
    double rate = c * rho * p, pi[STATES + 1], waiting = 0, empty = 0; /* a step is the unit of time */
    fill_chain(c, p, rate);
    stationary(pi);
    for (int x = 1; x <= STATES; x++) {
        waiting += pi[x] * (MAX_OF(x - c, 0) + rate / 2);
        if (x <= c)
            empty += pi[x] * pow(p, x) * exp(-rate);
    }
    return waiting / (1 + empty / rate) / rate;
}

/* ---- the scheduler ---- */

struct drive {
    struct sim_model *m;
    uint64_t seed;
    double sum, batch[BATCHES]; /* of waits, ns */
    uint64_t n;
};

static double exponential(struct drive *d, double mean)
{
    return -log(1 - rng_unit(&d->seed)) * mean;
}

static int geometric(struct drive *d, double p)
{
    return 1 + (int)floor(log(1 - rng_unit(&d->seed)) / log(1 - p));
}

static void go_on(struct drive *d, int64_t until)
{
    struct sim_tick t;
    while (sim_model_step(d->m, until, &t))
        for (size_t i = 0; i < t.n; i++) {
            if (t.token[i].index != 0)
                continue;
            double wait = (double)(t.token[i].admitted - t.token[i].ready);
            d->sum += wait;
            d->batch[d->n++ * BATCHES / CUSTOMERS] += wait;
        }
}

/* One run. */
static double mean_of_run(const struct sim_model_config *c, double between_ns, int length, double p, uint64_t seed, double *margin)
{
    struct drive d = {.m = sim_model_new(c), .seed = seed};
    static const uint64_t prompt[] = {1};
    double at = 0;
    for (int i = 0; i < CUSTOMERS; i++) {
        at += exponential(&d, between_ns);
        go_on(&d, (int64_t)at);
        struct sim_job job = {.prompt = prompt, .prompt_tokens = 1, .output_tokens = p > 0 ? geometric(&d, p) : length};
        assert_non_null(sim_model_submit(d.m, (int64_t)at, &job));
    }
    go_on(&d, SIM_NEVER - 1);
    assert_int_equal(d.n, CUSTOMERS);
    struct sim_model_stats s;
    sim_model_stats(d.m, &s);
    assert_int_equal(s.preemptions, 0);
    sim_model_free(d.m);
    double mean = d.sum / CUSTOMERS, rest = 0;
    for (int b = 0; b < BATCHES; b++)
        rest += pow(d.batch[b] / ((double)CUSTOMERS / BATCHES) - mean, 2);
    *margin = 2.093 * sqrt(rest / (BATCHES - 1) / BATCHES); /* Student, 19 degrees: 95 % */
    return mean;
}

/* Mean wait in ns; p = 0: all have `length` tokens, else it is drawn.  Several runs, each with a seed of its own: waits of
 * neighbours resemble each other, and 400,000 of them at 0.8 tell the mean to no more than 5 %. */
static double mean_wait(const struct sim_model_config *c, double between_ns, int length, double p, uint64_t seed, double *margin)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < runs; i++) {
        double one;
        sum += mean_of_run(c, between_ns, length, p, seed * 100 + (uint64_t)i, &one);
        squares += one * one;
    }
    *margin = sqrt(squares) / runs;
    return sum / runs;
}

static void judge(const char *what, double rho, double got, double margin, double wanted)
{
    print_message("%s at %.1f: waits %.4f ± %.4f ms, by the formula %.4f ms (%+.2f %%)\n", what, rho, got / 1e6, margin / 1e6, wanted / 1e6,
                  (got / wanted - 1) * 100);
    assert_near(got / wanted, 1, runs > 1 ? WITHIN : WITHIN_ONE);
}

static struct sim_model_config engine(int c, double step_ms, double step_seq_ms, double prefill_rate)
{
    return (struct sim_model_config){.max_num_seqs = c, .prefill_chunk = 512, .prefill_rate = prefill_rate, .step_ms = step_ms,
                                     .step_seq_ms = step_seq_ms, .seed = 1, .kv_tokens = 1 << 22};
}

static void deterministic_service(void **state)
{
    (void)state;
    static const double loads[] = {0.5, 0.8};
    struct sim_model_config c = engine(1, 3, 1, 500);
    double service = ((3 + 2) + 2 * (3 + 1)) * 1e6; /* a step with the prompt, 2 ms for it; two that decode */
    for (size_t i = 0; i < ARRAY_LEN(loads); i++) {
        double margin, got = mean_wait(&c, service / loads[i], 3, 0, 20 + i, &margin);
        judge("M/D/1", loads[i], got, margin, pollaczek_khinchine(loads[i], service));
    }
}

static void drawn_service(void **state)
{
    (void)state;
    static const double loads[] = {0.5, 0.8};
    enum { C = 4, LENGTH = 12 };
    struct sim_model_config c = engine(C, 1, 0, 1e12); /* a step takes 1 ms, whoever is in it */
    for (size_t i = 0; i < ARRAY_LEN(loads); i++) {
        double margin, p = 1.0 / LENGTH, got = mean_wait(&c, LENGTH * 1e6 / (C * loads[i]), 0, p, 40 + i, &margin);
        judge("M/M/4 in steps", loads[i], got, margin, slotted_wait(C, loads[i], p) * 1e6);
    }
}

/* Short steps: the steps' own solution is Erlang's, and the scheduler itself is within reach of it where waits are long against
 * a step. */
static void erlang_is_the_limit(void **state)
{
    (void)state;
    static const double loads[] = {0.5, 0.8};
    for (int c = 1; c <= 16; c *= 2)
        for (size_t i = 0; i < ARRAY_LEN(loads); i++) {
            double exact = erlang_wait(c, loads[i], 1);
            double fine = slotted_wait(c, loads[i], 1e-5) * 1e-5;
            assert_near(fine / exact, 1, exact > 0.01 ? 0.001 : 0.01);
            }
    enum { C = 4, LENGTH = 50 };
    struct sim_model_config c = engine(C, 1, 0, 1e12);
    runs = MAX_OF(runs / 2, 1); /* many steps */
    double margin, got = mean_wait(&c, LENGTH * 1e6 / (C * 0.8), 0, 1.0 / LENGTH, 62, &margin);
    judge("M/M/4", 0.8, got, margin, erlang_wait(C, 0.8, LENGTH * 1e6));
}

/* Figures of the tables. */
static void formulas(void **state)
{
    (void)state;
    assert_near(erlang_c(1, 0.8), 0.8, 1e-12); /* M/M/1: ρ */
    assert_near(erlang_c(2, 1), 1.0 / 3, 1e-12);
    assert_near(erlang_c(4, 2), 4.0 / 23, 1e-12);
    assert_near(erlang_wait(1, 0.8, 1), 4, 1e-12); /* ρ/(1 − ρ) */
    assert_near(pollaczek_khinchine(0.8, 1), 2, 1e-12); /* half of it */
    /* One server and steps are M/G/1, where whoever comes waits for an end of service anyway: λ·E[S²] / (2·(1 − ρ)), by the
     * second moment of geometric lengths; lengths of one step (p = 1) are M/D/1 again. */
    const double p[] = {1, 0.3, 0.02};
    for (size_t i = 0; i < ARRAY_LEN(p); i++) {
        assert_near(slotted_wait(1, 0.5, p[i]) * p[i], 0.5 * (2 - p[i]) / (2 * 0.5), 1e-9);
        assert_near(slotted_wait(1, 0.8, p[i]) * p[i], 0.8 * (2 - p[i]) / (2 * 0.2), 1e-9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(formulas), cmocka_unit_test(deterministic_service), cmocka_unit_test(drawn_service),
                                       cmocka_unit_test(erlang_is_the_limit)};
    const char *wrap = getenv("WRAP"); /* run.sh: a tool that looks at every access */
    if (wrap != NULL && wrap[0] != '\0')
        runs = 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
