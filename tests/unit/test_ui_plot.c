/* Plots: small cases by eye, and what must hold for all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/live.h"
#include "ui/plot.h"
#include "util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void expect(const struct canvas *c, const char *wanted)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    canvas_dump_text(c, f);
    fclose(f);
    assert_string_equal(text, wanted);
    free(text);
}

static void test_scale(void **state)
{
    (void)state;
    struct plot_scale s = {0, 0};
    plot_scale_fit(&s, (double)NAN);
    assert_true(s.top > 0);
    plot_scale_fit(&s, 131.8);
    assert_float_equal(s.top, 150, 1e-9);
    assert_float_equal(s.step, 50, 1e-9);
    plot_scale_fit(&s, 149); /* still fits */
    assert_float_equal(s.top, 150, 1e-9);
    plot_scale_fit(&s, 80); /* not yet worth a jump */
    assert_float_equal(s.top, 150, 1e-9);
    plot_scale_fit(&s, 151); /* must grow at once */
    assert_float_equal(s.top, 200, 1e-9);
    plot_scale_fit(&s, 30);
    assert_float_equal(s.top, 40, 1e-9);
    uint64_t seed = 1;
    for (int i = 0; i < 1000; i++) { /* always holds the data, in a few round steps */
        double max = pow(10, rng_unit(&seed) * 9 - 3);
        plot_scale_fit(&s, max);
        double lead = s.step / pow(10, floor(log10(s.step) + 1e-9));
        assert_true(s.top >= max && s.top / s.step < 6.5);
        assert_true(fabs(lead - 1) < 1e-6 || fabs(lead - 2) < 1e-6 || fabs(lead - 5) < 1e-6);
    }
}

/* n values from 0 to 100, with a gap from number `gap` on. */
static struct series *ramp(int n, int gap, int gap_n)
{
    struct series *s = xcalloc(1, sizeof *s);
    for (int i = 0; i < n; i++)
        series_push(s, (i + 1) * SERIES_STEP_S, i >= gap && i < gap + gap_n ? (double)NAN : (double)i / (n - 1) * 100);
    return s;
}

static void test_area(void **state)
{
    (void)state;
    struct series *s = ramp(200, 100, 20); /* a gap is a gap */
    struct plot_scale scale = {100, 50};
    struct mark mark = {.at_s = 80};
    struct plot_area p = {{s, ZOOM_1_MIN}, &scale, &mark, 1};
    struct canvas c;
    canvas_init(&c, 24, 6, GLYPHS_BRAILLE);
    plot_area(&c, canvas_rect(&c), &p);
    expect(&c, "100┤┄┄┄┄┄┄┄┄┄┄┄┄⢀⣀⣠⣤⣤⣶⣶⣿\n   │      ⢠⣤⣴⣶⣾⣿⣿⣿⣿⣿⣿⣿⣿⣿\n 50┤⣶⣶⣾⡇┄┄⢸⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿\n"
               "   │⣿⣿⣿⡇  ⢸⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿\n  0└─────────┴──▲───────\n           -30 s     now\n");
    canvas_release(&c);
    free(s);
}

static void test_area_fallbacks(void **state)
{
    (void)state;
    struct series *s = ramp(200, 0, 0);
    struct plot_scale scale = {100, 50};
    struct plot_area p = {{s, ZOOM_1_MIN}, &scale, NULL, 0};
    struct canvas c;
    canvas_init(&c, 14, 4, GLYPHS_ASCII);
    plot_area(&c, canvas_rect(&c), &p);
    expect(&c, "100+      ..##\n   |...#######\n   |##########\n  0+----------\n");
    canvas_release(&c);
    canvas_init(&c, 14, 4, GLYPHS_BLOCK);
    plot_area(&c, canvas_rect(&c), &p);
    expect(&c, "100┤······▄▄██\n   │▄▄▄███████\n   │██████████\n  0└──────────\n");
    canvas_release(&c);
    free(s);
}

/* As time goes on a shape moves left, and nothing else about it changes, whatever the zoom. */
static void test_area_steady(void **state)
{
    (void)state;
    const double column_s[] = {1, 4, 24}; /* of 80 columns of dots that show 1, 5 and 30 minutes */
    for (int zoom = ZOOM_1_MIN; zoom < ZOOM_WHOLE; zoom++) {
        struct canvas at[2];
        for (int run = 0; run < 2; run++) {
            struct series *s = xcalloc(1, sizeof *s);
            double end = 4800 + run * 5 * 2 * column_s[zoom]; /* 2 dots a cell: 5 cells later */
            for (int i = 0; i * SERIES_STEP_S <= end; i++) {
                uint64_t own = (uint64_t)i;
                series_push(s, i * SERIES_STEP_S, rng_unit(&own) * 100);
            }
            canvas_init(&at[run], 40, 3, GLYPHS_BRAILLE);
            plot_history(&at[run], canvas_rect(&at[run]), (struct curve){s, zoom}, 30, 70, ROLE_TEXT);
            free(s);
        }
        for (int y = 0; y < 3; y++)
            for (int x = 10; x < 39; x++) /* the last cell is still filling, and the first are seen less sharply */
                assert_int_equal(canvas_at(&at[0], x, y)->ch, canvas_at(&at[1], x - 5, y)->ch);
        canvas_release(&at[0]);
        canvas_release(&at[1]);
    }
}

/* Zoomed out: the mean as an area, the highest values as a line over it, and hours on the axis. */
static void test_area_zoomed(void **state)
{
    (void)state;
    struct series *s = xcalloc(1, sizeof *s);
    for (int i = 1; i * SERIES_STEP_S <= 6 * 3600; i++)
        series_push(s, i * SERIES_STEP_S, i % 600 == 0 ? 90 : 40);
    struct plot_scale scale = {100, 50};
    struct plot_area p = {{s, ZOOM_WHOLE}, &scale, NULL, 0};
    struct canvas c;
    canvas_init(&c, 34, 6, GLYPHS_BRAILLE);
    plot_area(&c, canvas_rect(&c), &p);
    expect(&c, "100┤┄⠠⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤\n   │\n 50┤┄⢠⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤\n"
               "   │ ⢸⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿\n  0└─┴────────┴─────────┴─────────\n   -6 h     -4 h      -2 h     now\n");
    canvas_release(&c);
    assert_float_equal(plot_visible_max(p.of, 30, GLYPHS_BRAILLE), 90, 1e-3);
    p.of.zoom = ZOOM_1_MIN;
    assert_float_equal(plot_visible_max(p.of, 30, GLYPHS_BRAILLE), 90, 1e-3); /* the last value */
    free(s);
}

static void test_spark_and_gauge(void **state)
{
    (void)state;
    struct series *s = ramp(200, 0, 0);
    struct canvas c;
    canvas_init(&c, 10, 5, GLYPHS_BRAILLE);
    plot_spark(&c, 0, 0, 10, (struct curve){s, ZOOM_1_MIN}, 0, 100, ROLE_TEXT);
    plot_gauge(&c, 0, 1, 10, 0.75, ROLE_TEXT);
    plot_gauge(&c, 0, 2, 10, 0.003, ROLE_TEXT); /* little is not nothing */
    plot_gauge(&c, 0, 3, 10, (double)NAN, ROLE_TEXT);
    plot_gauge(&c, 0, 4, 10, 7, ROLE_TEXT);
    expect(&c, "▄▄▅▅▅▆▆▇▇█\n███████▌\n▏\n\n██████████\n");
    canvas_release(&c);
    free(s);
}

static void test_hist_small(void **state)
{
    (void)state;
    struct hist *warm = xcalloc(2, sizeof *warm), *cold = warm + 1;
    hist_add(warm, 90 * 1000000, 8);
    hist_add(warm, 150 * 1000000, 4);
    hist_add(cold, UINT64_C(1232) * 1000000, 1);
    struct hist_row rows[PLOT_ROWS];
    int n = plot_hist_rows(warm, cold, 6, rows);
    assert_int_equal(n, 5);
    struct plot_marker marks[] = {{"p50", 90, ROLE_HIST_MARK}, {"cold", 1232, ROLE_HIST_COLD}};
    struct canvas c;
    canvas_init(&c, 32, 6, GLYPHS_BRAILLE);
    plot_hist(&c, canvas_rect(&c), rows, n, marks, 2);
    expect(&c, " 50–100 ms ████████████ ◂ p50  8\n100–200 ms ██████              4\n200–500 ms               "
               "      0\n"
               "   0.5–1 s                     0\n     1–2 s █▌ ◂ cold           1\n\n");
    canvas_release(&c);
    free(warm);
}

/* Whatever the data and the room: no row too many, bounds that meet, and every value counted once. */
static void test_hist_property(void **state)
{
    (void)state;
    struct hist *warm = xcalloc(2, sizeof *warm), *cold = warm + 1;
    uint64_t seed = 11;
    for (int round = 0; round < 300; round++) {
        struct hist_row rows[PLOT_ROWS];
        hist_reset(warm);
        hist_reset(cold);
        int values = (int)(rng_next(&seed) % 50), most = 1 + (int)(rng_next(&seed) % 24);
        for (int i = 0; i < values; i++)
            hist_add(rng_unit(&seed) < 0.9 ? warm : cold, (uint64_t)pow(10, rng_unit(&seed) * 11), 1);
        int n = plot_hist_rows(warm, cold, most, rows);
        uint64_t w = 0, k = 0;
        assert_in_range(n, values > 0 ? 1 : 0, most);
        for (int i = 0; i < n; i++) {
            w += rows[i].warm;
            k += rows[i].cold;
            assert_true(rows[i].lo < rows[i].hi);
            assert_true(i == 0 || fabs(rows[i].lo / rows[i - 1].hi - 1) < 1e-9);
        }
        assert_int_equal(w, warm->count);
        assert_int_equal(k, cold->count);
    }
    free(warm);
}

/* The heat map keeps every value, however long the run. */
static void test_heat(void **state)
{
    (void)state;
    static struct heat_view h;
    const double bad[] = {-1, (double)NAN};
    for (size_t i = 0; i < 2; i++) {
        heat_add(&h, bad[i], 5);
        heat_add(&h, 5, bad[i]);
    }
    assert_int_equal(h.columns, 0);
    for (int t = 0; t < 3000; t++)
        heat_add(&h, t, t % 3 == 0 ? 0 : t % 3 == 1 ? 100 : 1e9);
    assert_true(h.columns <= HEAT_COLUMNS);
    assert_int_equal((int)h.step_s, 16);
    assert_int_equal(h.columns, 3000 / 16 + 1);
    uint64_t rows[HEAT_ROWS] = {0};
    for (size_t i = 0; i < HEAT_COLUMNS; i++)
        for (size_t r = 0; r < HEAT_ROWS; r++)
            rows[r] += h.count[i][r];
    assert_int_equal(rows[0], 1000);
    assert_int_equal(rows[8], 1000); /* 100 ms: two decades above 1 ms */
    assert_int_equal(rows[HEAT_ROWS - 1], 1000);
    for (int i = 0; i < 100000; i++) /* a cell does not turn over */
        heat_add(&h, 1, 100);
    assert_int_equal(h.count[0][8], UINT16_MAX);
    struct canvas c;
    canvas_init(&c, 60, 12, GLYPHS_ASCII);
    for (int w = 0; w < 60; w++) /* at any size: clipped, never outside */
        for (int k = 0; k < 12; k++)
            plot_heat(&c, (struct rect){0, 0, w, k}, &h, 3000);
    canvas_release(&c);
    canvas_init(&c, 60, 12, GLYPHS_ASCII);
    struct heat_view *old = xcalloc(1, sizeof *old);
    heat_add(old, 10, 100);
    plot_heat(&c, (struct rect){0, 0, 60, 12}, old, 49.5); /* the axis ends now, not with the last that came: 39 columns ago */
    for (int x = 8; x < 60; x++) {
        const struct cell *cell = canvas_at(&c, x, 10);
        assert_int_equal(cell != NULL && cell->ch == '#', x == 59 - 39);
    }
    free(old);
    canvas_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heat), cmocka_unit_test(test_scale),           cmocka_unit_test(test_area),
        cmocka_unit_test(test_area_fallbacks),  cmocka_unit_test(test_area_steady), cmocka_unit_test(test_area_zoomed),
        cmocka_unit_test(test_spark_and_gauge), cmocka_unit_test(test_hist_small),
        cmocka_unit_test(test_hist_property),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
