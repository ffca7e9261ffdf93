/* A matrix of loads: the steps that lists make, when a rate is known well enough, the grid and its knee. */
#include "check.h"

#include "grid.h"
#include "matrix.h"
#include "measure/batches.h"
#include "options.h"
#include "report/matrix_tables.h"
#include "util.h"

/* ---- steps ---- */

static struct grid *grid_of(const char *line, struct options *o)
{
    static char text[256];
    char *argv[32];
    int argc = 0;
    struct err e;
    str_copy(text, sizeof text, line);
    for (char *w = strtok(text, " "); w != NULL; w = strtok(NULL, " "))
        argv[argc++] = w;
    if (!options_parse(o, argc, argv, &e))
        fail_msg("%s: %s", line, e.msg);
    struct grid *g = xcalloc(1, sizeof *g);
    o->run.seed = MAX_OF(o->run.seed, INT64_C(1));
    grid_build(g, &o->load, &o->run);
    return g;
}

static void test_steps(void **state)
{
    (void)state;
    struct options o;
    struct grid *g = grid_of("tokgauge run --max-num-seqs 1,2,4 --context 1k,4k --max-tokens 64 --order listed", &o);
    assert_int_equal(g->n, 6);
    assert_int_equal(g->n, grid_cells(&o.load));
    static const int64_t streams[] = {1, 2, 4, 1, 2, 4}, context[] = {1024, 1024, 1024, 4096, 4096, 4096};
    for (size_t i = 0; i < g->n; i++) {
        const struct load_step *s = &g->steps[i];
        assert_true(s->streams == streams[i] && s->context == context[i] && s->max_tokens == 64);
        assert_true(s->warmup == s->streams && s->requests == 0 && s->until_ci == 0.03 && s->duration_ns == INT64_C(60000000000));
        assert_string_equal(s->part, PART_MATRIX);
    }
    assert_string_equal(g->steps[0].what, "1 stream, 1k + 64");
    free(g);
    options_release(&o);

    g = grid_of("tokgauge run --rate 0.5,2 --arrival constant -n 20 --warmup 3 --order listed", &o);
    assert_int_equal(g->n, 2);
    assert_true(g->steps[1].arrival.rate == 2 && g->steps[1].arrival.kind == ARRIVE_CONSTANT && g->steps[1].streams == 256);
    assert_true(g->steps[1].requests == 20 && g->steps[1].until_ci == 0 && g->steps[1].warmup == 3);
    assert_string_equal(g->steps[0].what, "0.5 requests/s, 1k + 128");
    free(g);
    options_release(&o);

    g = grid_of("tokgauge run -c 1,8 --warmup 0", &o);
    assert_true(g->n == 2 && g->steps[0].warmup == 0 && g->steps[1].warmup == 0);
    free(g);
    options_release(&o);

    /* at random: all of them, the same by one seed, another order by another */
    struct grid *a = grid_of("tokgauge run -c 1,2,4,8 --context 1k,2k,4k,8k --seed 5", &o);
    options_release(&o);
    struct grid *b = grid_of("tokgauge run -c 1,2,4,8 --context 1k,2k,4k,8k --seed 5", &o);
    options_release(&o);
    struct grid *c = grid_of("tokgauge run -c 1,2,4,8 --context 1k,2k,4k,8k --seed 6", &o);
    options_release(&o);
    int64_t sum = 0;
    bool same = true, other = false;
    for (size_t i = 0; i < a->n; i++) {
        sum += a->steps[i].streams * a->steps[i].context;
        same = same && a->steps[i].streams == b->steps[i].streams && a->steps[i].context == b->steps[i].context;
        other = other || a->steps[i].streams != c->steps[i].streams;
    }
    assert_int_equal(sum, (1 + 2 + 4 + 8) * (1 + 2 + 4 + 8) * 1024);
    assert_true(same && other);
    free(a);
    free(b);
    free(c);
}

/* ---- is a rate known? ---- */

static double noise(uint64_t *seed)
{
    double sum = 0;
    for (int i = 0; i < 12; i++)
        sum += rng_unit(seed);
    return sum - 6; /* nearly normal, deviation 1 */
}

/* Of many series of a known mean, the interval must hold it about 95 times in 100: also where neighbours depend on each other. */
static void test_coverage(void **state)
{
    (void)state;
    static const double depends[] = {0, 0.5, 0.8};
    for (size_t k = 0; k < ARRAY_LEN(depends); k++) {
        int held = 0, known = 0;
        uint64_t seed = 99 + k;
        for (int run = 0; run < 1000; run++) {
            struct batches b;
            double x = noise(&seed);
            batches_clear(&b);
            for (int i = 0; i < 600; i++) {
                x = depends[k] * x + sqrt(1 - depends[k] * depends[k]) * noise(&seed);
                batches_add(&b, 100 + 10 * x);
            }
            struct batch_interval in = batches_interval(&b);
            known += isfinite(in.margin);
            held += fabs(in.mean - 100) <= in.margin;
        }
        double share = (double)held / known;
        if (known < 600 || share < 0.91 || share > 0.985)
            fail_msg("autoregression %g: %d known, %.3f hold the mean", depends[k], known, share);
    }
}

static void test_batches(void **state)
{
    (void)state;
    struct batches b;
    batches_clear(&b);
    assert_unknown(batches_interval(&b).mean);
    for (int i = 0; i < BATCHES_LEAST - 1; i++)
        batches_add(&b, 50 + i % 2);
    assert_unknown(batches_interval(&b).margin); /* too few */
    batches_clear(&b);
    for (int i = 0; i < 100000; i++)
        batches_add(&b, 7);
    struct batch_interval in = batches_interval(&b);
    assert_near(in.mean, 7, 1e-9);
    assert_near(in.margin, 0, 1e-9);
    uint64_t seed = 3;
    batches_clear(&b);
    for (int i = 0; i < 60; i++) /* waves of 2.3 s: seconds differ by half, but the mean is well known */
        batches_add(&b, 100 + 40 * sin(i * 2 * acos(-1.0) / 2.3) + noise(&seed));
    in = batches_interval(&b);
    assert_true(in.margin < 4 && fabs(in.mean - 100) < 4);
    batches_clear(&b);
    for (int i = 0; i < 63; i++) /* it only ever grows: no steady rate */
        batches_add(&b, i);
    assert_unknown(batches_interval(&b).margin);
}

/* ---- grid and knee ---- */

static void put(struct matrix_view *m, int streams, double context, double output, double rate, uint64_t ok)
{
    struct matrix_cell *c = matrix_put(m, streams, context, output, 0);
    c->output_rate = rate;
    c->ok = ok;
}

static void test_grid(void **state)
{
    (void)state;
    struct matrix_view *m = xcalloc(1, sizeof *m);
    struct matrix_grid g;
    double outputs[MATRIX_SIDE];
    put(m, 4, 1024, 128, 130, 50);
    put(m, 1, 1024, 128, 34, 50);
    put(m, 8, 1024, 128, 132, 50);
    put(m, 2, 1024, 128, 67, 50);
    put(m, 1, 4096, 128, 30, 50);
    put(m, 1, 1024, 32, 33, 50);
    matrix_put(m, 8, 4096, 128, 0)->left_out = true;
    assert_int_equal(matrix_outputs(m, outputs), 2);
    assert_true(outputs[0] == 32 && outputs[1] == 128);
    matrix_grid(&g, m, 128);
    assert_true(g.rows == 2 && g.columns == 4 && !g.by_rate);
    assert_true(g.context[0] == 1024 && g.load[2] == 4 && g.at[0][2]->output_rate == 130 && g.at[1][1] == NULL);
    assert_int_equal(matrix_knee(&g, 0), 2); /* 4 streams: 130 is nine tenths of 132, 67 is not */
    assert_int_equal(matrix_knee(&g, 1), -1); /* one cell tells nothing; one that was left out is none */
    put(m, 4, 1024, 128, 130, MATRIX_FEW - 1); /* too few requests there: 8 it is, of the three that are left */
    matrix_grid(&g, m, 128);
    assert_int_equal(matrix_knee(&g, 0), 3);
    for (int i = 0; i < MATRIX_CELLS + 20; i++)
        matrix_put(m, i + 1, 2048, 64, 0);
    assert_int_equal(m->n, MATRIX_CELLS);
    matrix_grid(&g, m, 64);
    assert_int_equal(g.columns, MATRIX_COLUMNS);
    m->n = 0;
    for (int i = 0; i < 4; i++) {
        struct matrix_cell *c = matrix_put(m, 256, 1024, 128, 0.5 * (i + 1));
        c->output_rate = fmin(60.0 * (i + 1), 120);
        c->ok = 20;
    }
    matrix_grid(&g, m, (double)NAN);
    assert_true(g.by_rate && g.columns == 4 && g.load[3] == 2);
    assert_int_equal(matrix_knee(&g, 0), 1);
    free(m);
}

/* Rates go up to 100,000 a second, and each is written out. */
static void test_fast_rates(void **state)
{
    (void)state;
    struct matrix_view *m = xcalloc(1, sizeof *m);
    struct buf b;
    for (int i = 1; i <= 2; i++) {
        struct matrix_cell *c = matrix_put(m, 256, 1024, 128, 12345.6 * i);
        c->output_rate = 60.0 * i;
        c->ok = 50;
    }
    buf_init(&b, 1 << 16);
    matrix_text(m, &b);
    assert_non_null(strstr(b.data, "   12346/s   24691/s\n"));
    buf_release(&b);
    free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps), cmocka_unit_test(test_coverage), cmocka_unit_test(test_batches), cmocka_unit_test(test_grid),
        cmocka_unit_test(test_fast_rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
