/* What a run file tells of memory. */
#include "made_run.h"
#include "report/pools.h"

#define GIB (1024.0 * 1024 * 1024)

static void at(double t, const char *state, int phase_id, double gtt)
{
    buf_addf(&file, "{\"type\":\"sample\",\"t\":%.0f,\"state\":\"%s\",\"phase\":%d,\"server_running\":1,\"gtt_used\":%.0f,\"gtt_total\":%.0f}\n",
             t * 1e9, state, phase_id, gtt * GIB, 53 * GIB);
}

static void test_facts(void **state)
{
    (void)state;
    struct pool_facts p;
    begin();
    phase(0, 1, 512, false);
    at(0.5, "preflight", 0, 30);
    at(2, "load", 0, 32);
    at(3, "load", 0, 36);
    at(4, "load", 0, 34);
    at(5, "drain", 0, 38); /* the requests in flight go on */
    at(6, "done", 0, 31);
    struct run_file *f = made();
    pool_facts(f, POOL_GTT, NULL, &p);
    assert_near(p.idle / GIB, 30, 1e-9);
    assert_near(p.load / GIB, 34, 1e-9);
    assert_near(p.peak / GIB, 38, 1e-9);
    assert_near(p.after / GIB, 31, 1e-9);
    assert_near(p.total / GIB, 53, 1e-9);
    pool_facts(f, POOL_GTT, &f->phases[0], &p);
    assert_near(p.peak / GIB, 36, 1e-9);
    pool_facts(f, POOL_VRAM, NULL, &p);
    assert_true(isnan(p.idle) && isnan(p.load) && isnan(p.peak) && isnan(p.after));
    assert_unknown(pool_growth(f, POOL_GTT).slope); /* seconds tell nothing of an hour */
    run_file_free(f);
    begin();
    at(1, "done", 0, 30); /* no load at all */
    f = made();
    pool_facts(f, POOL_GTT, NULL, &p);
    assert_near(p.after / GIB, 30, 1e-9);
    assert_unknown(p.load);
    assert_unknown(p.peak);
    run_file_free(f);
}

/* Twenty runs of noise that remembers for so many seconds (as memory does) and does not grow: hardly any may be called growing. */
static void check_noise(double seconds)
{
    int called = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t s = seed * 977;
        double wander = 0;
        begin();
        phase(0, 1, 512, false);
        for (int i = 0; i < 1800; i++) {
            wander += (rng_unit(&s) - 0.5 - wander) / seconds;
            at(2 + i, "load", 0, 30 + wander);
        }
        struct run_file *f = made();
        struct pool_slope g = pool_growth(f, POOL_GTT);
        assert_true(isfinite(g.slope));
        called += fabs(g.slope) > g.margin;
        run_file_free(f);
    }
    print_message("%d of 20 runs without growth are called growing or shrinking at 95 %%\n", called);
    assert_true(called <= 4); /* 1 is expected; 5 or more would come by chance in 3 of 1,000 */
}

static void test_growth_of_noise(void **state)
{
    (void)state;
    check_noise(10);
    check_noise(90);
}

/* One step is no growth; nor is growth in time the KV cache's. */
static void test_step(void **state)
{
    (void)state;
    begin();
    phase(0, 1, 512, false);
    for (int i = 0; i < 1800; i++)
        at(2 + i, "load", 0, i < 600 ? 30 : 31);
    struct run_file *f = made();
    struct pool_slope g = pool_growth(f, POOL_GTT);
    assert_true(g.moves && !g.even);
    run_file_free(f);
    begin();
    phase(0, 1, 512, false);
    for (int i = 0; i < 1800; i++)
        at(2 + i, "load", 0, 30 + i / 1800.0);
    f = made();
    assert_true(pool_growth(f, POOL_GTT).even);
    run_file_free(f);
    begin();
    for (int p = 0; p < 4; p++) {
        phase(p, 1 << p, 4096, false);
        for (int i = 1; i < 60; i++)
            buf_addf(&file, "{\"type\":\"sample\",\"t\":%d000000000,\"state\":\"load\",\"phase\":%d,\"server_running\":%d,\"gtt_used\":%.0f}\n",
                     1 + p * 100 + i, p, 1 << p, (30 + (p * 60 + i) * 0.005) * GIB);
    }
    f = made();
    assert_unknown(pool_per_token(f, POOL_GTT).slope);
    run_file_free(f);
}

/* Where times are so large that 30 s are nothing beside them, each sample would be a block of its own. */
static void test_no_room(void **state)
{
    (void)state;
    begin();
    phase(0, 1, 512, false);
    for (int i = 0; i < 20000; i++)
        at(2 + i, "load", 0, 30);
    struct run_file *f = made();
    for (size_t i = 0; i < f->samples_n; i++)
        f->samples[i].t = i == 0 ? 1e18 : 1e18 + 1024; /* no file can say so */
    assert_true(pool_growth(f, POOL_GTT).over < 1024); /* and no more is written than there is room for */
    run_file_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_facts), cmocka_unit_test(test_growth_of_noise),
                                       cmocka_unit_test(test_step), cmocka_unit_test(test_no_room)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
