/* The suite: what it sends, and what its report makes of given answers: those of the report that it is made after. */
#include "check.h"
#include "made_run.h"

#include "report/report.h"
#include "suite.h"

#include <math.h>

static struct suite suite;

static size_t of_part(enum suite_part part)
{
    size_t n = 0;
    for (size_t i = 0; i < suite.n; i++)
        n += strcmp(suite.steps[i].part, suite_parts[part].name) == 0;
    return n;
}

static void test_build(void **state)
{
    (void)state;
    suite_build(&suite, &(struct suite_options){0});
    assert_int_equal(suite.n, 3 + 1 + 6 + 4);
    assert_int_equal(suite.steps[2].max_tokens, 512);
    assert_int_equal(suite.steps[2].requests, 3);
    for (size_t i = 0; i < suite.n; i++) {
        const struct load_step *s = &suite.steps[i];
        assert_true(s->requests >= s->streams && s->streams >= 1 && s->context >= 64 && s->max_tokens >= 32);
        assert_true(s->what[0] != '\0');
        assert_false(s->repeated && s->streams > 1);
    }
    suite_build(&suite, &(struct suite_options){.agent = true});
    assert_int_equal(of_part(SUITE_AGENT), 1);
    suite_build(&suite, &(struct suite_options){.parts = 1u << SUITE_STABILITY, .contexts = {{8192}, 1}, .runs = 7});
    assert_int_equal(suite.n, 2);
    assert_int_equal(suite.steps[1].context, 8192);
    assert_int_equal(suite.steps[1].requests, 7);
    assert_true(suite.steps[1].repeated && !suite.steps[0].repeated);
    suite_build(&suite, &(struct suite_options){.parts = 1u << SUITE_CONCURRENCY, .quick = true, .runs = 5});
    assert_true(suite.n == 4 && suite.steps[3].streams == 8 && suite.steps[3].requests == 40);
    suite_build(&suite, &(struct suite_options){.parts = 1u << SUITE_CONCURRENCY, .quick = true});
    assert_true(suite.steps[3].requests == 16);
    struct suite_options most = {.contexts = {{0}, SUITE_LIST_MAX}, .streams = {{0}, SUITE_LIST_MAX}};
    for (size_t i = 0; i < SUITE_LIST_MAX; i++)
        most.contexts.v[i] = most.streams.v[i] = 64 << i;
    suite_build(&suite, &most);
    assert_int_equal(suite.n, 3 + 1 + 2 * SUITE_LIST_MAX + SUITE_LIST_MAX); /* none fell off the end */
}

/* At 30 tok/s and 2 000 tok/s of prefill the quick suite takes about a minute. */
static void test_quick(void **state)
{
    (void)state;
    const struct suite_speed speed = {2000, 1000.0 / 30};
    double quick = 0, all = 0;
    suite_build(&suite, &(struct suite_options){.quick = true});
    for (size_t i = 0; i < suite.n; i++)
        quick += suite_estimate(&suite.steps[i], &speed);
    suite_build(&suite, &(struct suite_options){0});
    for (size_t i = 0; i < suite.n; i++)
        all += suite_estimate(&suite.steps[i], &speed);
    assert_true(quick > 40 && quick < 75);
    assert_true(all > 2 * quick);
}

static void test_names(void **state)
{
    (void)state;
    assert_int_equal(suite_part_find("a", 1), SUITE_INTERACTIVE);
    assert_int_equal(suite_part_find("concurrency,x", 11), SUITE_CONCURRENCY);
    assert_int_equal(suite_part_find("f", 1), SUITE_PARTS);
    assert_int_equal(suite_part_find("", 0), SUITE_PARTS);
    assert_int_equal(suite_part_find("mem", 3), SUITE_PARTS);
}

/* ---- the report ---- */

static struct buf text;

static void make_report(void)
{
    struct run_file *f = made();
    struct buf md;
    buf_init(&md, 1 << 20);
    report_write(f, &(struct report_options){.format = REPORT_MD}, &md);
    run_file_free(f);
    buf_release(&text);
    buf_init(&text, 1 << 20);
    report_plain(md.data, &text);
    buf_release(&md);
}

static void has(const char *words)
{
    if (strstr(text.data, words) == NULL)
        fail_msg("'%s' is not in:\n%s", words, text.data);
}

/* Interactive: one token each in the short runs. */
static void test_interactive(void **state)
{
    (void)state;
    static const double ttft[3][3] = {{1232, 228, 110}, {227, 93, 116}, {514, 70, 70}};
    static const int tokens[3][3] = {{1, 1, 1}, {128, 117, 127}, {512, 512, 512}};
    static const char *const what[] = {"32 tokens", "128 tokens", "512 tokens"};
    begin();
    for (int i = 0; i < 3; i++) {
        part_phase(i, "interactive", what[i], 1, 64, 512, false);
        for (int k = 0; k < 3; k++)
            request(&(struct ask){.phase = i, .context = 64, .ttft_ms = ttft[i][k], .tpot_ms = 1000 / 34.0, .tokens = tokens[i][k]});
    }
    make_report();
    has("32 tokens   mean of 3   523 ms             –       1"); /* a rate over one token is none */
    has("128 tokens  mean of 3   145 ms          34.0     124");
    has("512 tokens  mean of 3   218 ms          34.0     512");
    has("One stream: 34.0 tok/s");
    assert_null(strstr(text.data, "40.0"));
}

/* The mean of those that ended well has no token of the others. */
static void test_interactive_failed(void **state)
{
    (void)state;
    static const char *const outcomes[] = {"ok", "timeout", "cancelled", "ok"};
    static const int tokens[] = {128, 7, 60, 124};
    begin();
    part_phase(0, "interactive", "128 tokens", 1, 64, 128, false);
    for (int k = 0; k < 4; k++)
        request(&(struct ask){.context = 64, .ttft_ms = 100, .tpot_ms = 25, .outcome = outcomes[k], .tokens = tokens[k]});
    make_report();
    has("mean of 2     100 ms          40.0     126");
}

static void group(int id, int context, const int *tokens, const double *rate)
{
    char what[32];
    snprintf(what, sizeof what, "%dk, repeated", context / 1024);
    part_phase(id, "stability", what, 1, context, 70, true);
    for (int k = 0; k < 3; k++)
        request(&(struct ask){.phase = id, .context = context, .cached = k > 0 ? context - 20 : 0, .ttft_ms = k > 0 ? 80 : 500,
                              .tpot_ms = 20, .tokens = tokens[k], .e2e_ms = 1000 * tokens[k] / rate[k]});
}

static void test_stability(void **state)
{
    (void)state;
    begin();
    group(0, 1024, (const int[]){43, 42, 68}, (const double[]){20.3, 31.2, 32.0});
    group(1, 2048, (const int[]){39, 48, 48}, (const double[]){22.2, 29.5, 29.5});
    group(2, 4096, (const int[]){40, 40, 41}, (const double[]){13.5, 31.0, 31.0});
    make_report();
    has("2.12 s · 1.35 s · 2.12 s  1.86 s   448 ms  24 %   27.8  STABLE");
    has("1.67 s  74.8 ms   4 %   27.1  STABLE");
    has("957 ms  51 %   25.2  SOME VARIANCE  the first was new to the prefix cache, the later ones were in it");
    has("Stability: 2 of 3 groups");
}

static void test_memory(void **state)
{
    (void)state;
    begin();
    part_phase(0, "memory", "under load", 2, 1024, 512, false);
    for (int i = 0; i < 5; i++)
        sample(0, i, &(struct look){i * 10, 0, 2, 0.02, i == 0 ? 39.7 : i == 3 ? 50.1 : 40.7});
    make_report();
    has("GTT     39.7        42.4         2.7  50.1"); /* the mean of all five */
    has("RAM        –           –           –     –");
    has("VRAM       –           –           –     –");
}

static void test_agent(void **state)
{
    (void)state;
    static const char *const scenarios[] = {"simple", "reasoning", "multi-step"};
    begin();
    buf_adds(&file, "{\"type\":\"agent\",\"scenario\":\"simple\",\"to\":\"agent\",\"warmup\":true,\"outcome\":\"ok\",\"sent\":1,"
                    "\"first_answer\":2,\"end\":9000000001,\"answer_bytes\":2}\n");
    for (int s = 0; s < 3; s++)
        for (int direct = 0; direct < 2; direct++)
            for (int k = 0; k < 2; k++) {
                bool failed = s == 2 && !direct && k == 1;
                long long ms = direct ? 1000 + k * 100 : 4400 - s * 200;
                buf_addf(&file, "{\"type\":\"agent\",\"scenario\":\"%s\",\"to\":\"%s\",\"warmup\":false,\"outcome\":\"%s\",\"sent\":1,"
                                "\"first_answer\":%lld,\"end\":%lld,\"output_tokens\":%s,\"answer_bytes\":10,\"model_calls\":%s}\n",
                         scenarios[s], direct ? "server" : "agent", failed ? "empty" : "ok", ms * 500000 + 1, ms * 1000000 + 1,
                         direct ? "20" : "null", direct ? "null" : "2");
            }
    make_report();
    has("kept apart: 9.00 s");
    has("simple      agent        2/2  4.40 s  4.40 s  4.40 s  4.40 s      2.20 s       –     10         2.00");
    has("multi-step  agent        1/2  4.00 s");
    has("simple, agent cost (agent − model alone, means): 3.35 s");
    has("“Reply with exactly: OK”");
}

/* ---- Markdown for a terminal ---- */

/* One load has a mean, and a line at its height; loads one after the other have none that says anything. */
static void test_level(void **state)
{
    (void)state;
    static const char *const parts[] = {"", "interactive", "matrix", "capacity"};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        begin();
        for (int p = 0; p < 2; p++) {
            part_phase(p, parts[i], "", 1, 64, 32, false);
            for (int s = 0; s < 5; s++)
                sample(p, s, &(struct look){p * 1000 + s * 30, 0, 1, 0.1, 0});
        }
        buf_adds(&file, "{\"type\":\"summary\",\"window\":\"steady\",\"output_tok_s\":31.5}\n");
        struct run_file *f = made();
        struct buf html;
        buf_init(&html, 1 << 20);
        report_write(f, &(struct report_options){.format = REPORT_HTML}, &html);
        assert_non_null(strstr(html.data, "Output over time"));
        assert_int_equal(strstr(html.data, "steady window: 31.5") != NULL, i == 0);
        assert_int_equal(strstr(html.data, "<line class=\"level\"") != NULL, i == 0);
        buf_release(&html);
        run_file_free(f);
    }
}

static void test_plain(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1 << 16);
    report_plain("# A \\*title\\*\n\n| a | `b` |\n|---|--:|\n| é\\|x | 1 |\n| **long one** | 22 |\n\n* one two\n", &out);
    assert_string_equal(out.data, "A *title*\n\n  a          b\n  é|x        1\n  long one  22\n\n* one two\n");
    buf_clear(&out);
    struct buf in;
    buf_init(&in, 1 << 16);
    buf_adds(&in, "*");
    for (int i = 0; i < 60; i++)
        buf_adds(&in, " \\_word");
    report_plain(in.data, &out);
    assert_memory_equal(out.data, "* _word _word", 13);
    const char *second = strchr(out.data, '\n') + 1;
    assert_memory_equal(second, "  _word", 7);
    for (const char *line = out.data; *line != '\0'; line = strchr(line, '\n') + 1)
        assert_true(strcspn(line, "\n") <= 100);
    /* Cut anywhere it is taken for what it is. */
    const char *whole = "| a | b |\n|---|--:|\n| c\\| **d** | `e` |\n";
    for (size_t n = 0; n <= strlen(whole); n++) {
        char *part = strndup(whole, n);
        buf_clear(&out);
        report_plain(part, &out);
        free(part);
    }
    buf_release(&in);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_build),       cmocka_unit_test(test_quick),  cmocka_unit_test(test_names),
        cmocka_unit_test(test_interactive), cmocka_unit_test(test_interactive_failed),
        cmocka_unit_test(test_stability),   cmocka_unit_test(test_memory),
        cmocka_unit_test(test_agent),       cmocka_unit_test(test_level), cmocka_unit_test(test_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
