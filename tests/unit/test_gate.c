/* Conditions on a comparison: how they are read, and what breaks them. */
#include "check.h"

#include "report/gate.h"
#include "report/threshold.h"

static const struct figure *figure(const char *id)
{
    for (size_t i = 0; i < FIGURES_N; i++)
        if (strcmp(figures[i].id, id) == 0)
            return &figures[i];
    fail_msg("there is no figure %s", id);
    return NULL;
}

static void test_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *id; /* NULL: any */
        bool worse, above, equal;
        double limit;
    } good[] = {
        {"ttft_p95 worse", "ttft_p95", true, false, false, 0},
        {"  any   worse ", NULL, true, false, false, 0},
        {"output_tok_s worse", "output_tok_s", true, false, false, 0},
        {"output_rate < -5%", "output_tok_s", false, false, false, -0.05},
        {"ttft_p95>+10%", "ttft_p95", false, true, false, 0.1},
        {"ttft_ms_p95 >= 10 %", "ttft_p95", false, true, true, 0.1},
        {"tpot_mean > 0%", "tpot_mean", false, true, false, 0},
        {"decode_rate_mean <= -2.5%", "decode_rate_mean", false, false, true, -0.025},
    };
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "is no condition"},
        {"ttft_p95", "is no condition"},
        {"worse", "is no condition"},
        {"ttft_p95 better", "is no condition"},
        {"ttft_p95 worse than before", "is no condition"},
        {"speed worse", "'speed' is not compared: it takes any, output_tok_s, ttft_mean, ttft_p50, ttft_p95, "},
        {"ttft_p99 worse", "'ttft_p99' is not compared"},
        {"ttft worse", "'ttft' is not compared"},
        {"any > 5%", "only 'any worse'"},
        {"ttft_p95 > ", "has no change in per cent behind >"},
        {"ttft_p95 > 10", "has no change in per cent"},
        {"ttft_p95 > 10ms", "has no change in per cent"},
        {"ttft_p95 > nan%", "has no change in per cent"},
        {"ttft_p95 > 10%%", "has no change in per cent"},
        {"output_tok_s < 5%", "is so where nothing changes"},
        {"output_tok_s <= 0%", "is so where nothing changes"},
        {"ttft_p95 > -5%", "is so where nothing changes"},
    };
    struct gate g;
    struct err e;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        if (!gate_parse(good[i].text, &g, &e))
            fail_msg("%s: %s", good[i].text, e.msg);
        assert_ptr_equal(g.figure, good[i].id != NULL ? figure(good[i].id) : NULL);
        assert_int_equal(g.worse, good[i].worse);
        assert_int_equal(g.above, good[i].above);
        assert_int_equal(g.equal, good[i].equal);
        assert_near(g.limit, good[i].limit, 1e-12);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (gate_parse(bad[i].text, &g, &e))
            fail_msg("'%s' was taken", bad[i].text);
        if (strstr(e.msg, bad[i].says) == NULL)
            fail_msg("%s\n says: %s\n wanted: %s", bad[i].text, e.msg, bad[i].says);
    }
}

/* Every figure of the table can be judged under its own name, and `run` knows that name too. */
static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < FIGURES_N; i++) {
        char text[64];
        struct gate g;
        struct threshold t;
        snprintf(text, sizeof text, "%s worse", figures[i].id);
        assert_true(gate_parse(text, &g, NULL));
        assert_ptr_equal(g.figure, &figures[i]);
        snprintf(text, sizeof text, "%s > 1", figures[i].id);
        assert_true(threshold_parse(text, &t, NULL));
        assert_int_equal(t.metric, figures[i].metric);
    }
}

/* A comparison in which nothing changed, but for one figure. */
static void compared(struct comparison *c, const char *id, double ratio, enum verdict verdict)
{
    for (size_t i = 0; i < FIGURES_N; i++)
        c[i] = (struct comparison){.a = 100, .b = 100, .ratio = 1, .verdict = VERDICT_SAME};
    struct comparison *one = &c[figure(id) - figures];
    *one = (struct comparison){.a = 100, .b = 100 * ratio, .diff = 100 * ratio - 100, .ratio = ratio,
                               .verdict = verdict};
}

static const struct comparison none = {.verdict = VERDICT_SAME};

static void test_judged(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double ratio;
        enum verdict verdict; /* of ttft_p95 */
        bool passes;
    } cases[] = {
        {"ttft_p95 worse", 1.03, VERDICT_LOSE, false},  {"ttft_p95 worse", 0.9, VERDICT_WIN, true},
        {"ttft_p95 worse", 1.5, VERDICT_UNSURE, true},  {"ttft_p95 worse", 1.01, VERDICT_SAME, true},
        {"ttft_p95 worse", 1, VERDICT_NONE, false},     {"any worse", 1.03, VERDICT_LOSE, false},
        {"any worse", 1.5, VERDICT_UNSURE, true},       {"any worse", 1, VERDICT_NONE, true},
        {"any worse", 0.5, VERDICT_WIN, true},          {"tpot_mean worse", 1.5, VERDICT_LOSE, true},
        {"ttft_p95 > +10%", 1.2, VERDICT_LOSE, false},  {"ttft_p95 > +10%", 1.05, VERDICT_LOSE, true},
        {"ttft_p95 > +10%", 1.9, VERDICT_UNSURE, true}, /* noise fails no build, whatever it looks like */
        {"ttft_p95 > +0%", 1.01, VERDICT_SAME, true},   {"ttft_p95 > +10%", 1, VERDICT_NONE, false},
        {"ttft_p95 < -10%", 0.8, VERDICT_WIN, false},   {"ttft_p95 >= +50%", 1.5, VERDICT_LOSE, false},
        {"ttft_p95 > +50%", 1.5, VERDICT_LOSE, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct comparison c[FIGURES_N];
        struct gate g;
        struct err e = {""};
        compared(c, "ttft_p95", cases[i].ratio, cases[i].verdict);
        assert_true(gate_parse(cases[i].text, &g, &e));
        if (gate_passes(&g, "new", c, &none, &e) != cases[i].passes)
            fail_msg("'%s' at %g, verdict %d: %s", cases[i].text, cases[i].ratio, cases[i].verdict, e.msg);
        if (!cases[i].passes && (strstr(e.msg, cases[i].text) == NULL || strstr(e.msg, "'new'") == NULL))
            fail_msg("'%s': %s", cases[i].text, e.msg);
    }
}

static void test_lines(void **state)
{
    (void)state;
    struct comparison c[FIGURES_N];
    struct gate g;
    struct err e;
    compared(c, "ttft_p95", 1.5, VERDICT_LOSE);
    assert_true(gate_parse("ttft_p95 > +10%", &g, &e));
    assert_false(gate_passes(&g, "new", c, &none, &e));
    assert_string_equal(e.msg, "threshold broken: 'ttft_p95 > +10%' is so of 'new' (150 against 100 ms, +50.0 %)");
    assert_true(gate_parse("any worse", &g, &e));
    c[0].verdict = VERDICT_LOSE;
    c[0].ratio = 0.5;
    assert_false(gate_passes(&g, "new", c, &none, &e));
    assert_string_equal(e.msg, "threshold broken: 'any worse' is so of 'new' (output_tok_s -50.0 %, ttft_p95 +50.0 %)");
    compared(c, "ttft_p95", 0.5, VERDICT_WIN); /* fast, because half of them are refused */
    const struct comparison failed = {.a = 0, .b = 0.5, .verdict = VERDICT_LOSE};
    assert_false(gate_passes(&g, "new", c, &failed, &e));
    assert_string_equal(e.msg, "threshold broken: 'any worse' is so of 'new' (50.00 % of the requests failed against 0.00 %)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_judged),
        cmocka_unit_test(test_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
