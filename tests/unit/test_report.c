/* Run files read back, whole and cut at every byte, and what reports make of them. */
#include "check.h"

#include "fmt.h"
#include "report/report.h"
#include "report/threshold.h"

#include <math.h>
#include <unistd.h>

static void write_file(const char *path, const char *data, size_t n)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void test_whole(void **state)
{
    (void)state;
    struct err e;
    struct run_file *f = run_file_load(tests_path("fixtures/run-small.ndjson"), &e);
    assert_non_null(f);
    assert_string_equal(f->name, "small");
    assert_non_null(f->summary);
    assert_int_equal(f->rows_n, 4);
    assert_int_equal(f->bad_lines, 0);
    assert_int_equal(f->phases_n, 1);
    assert_true(f->first.tl.sent != 0);
    /* The rows give the figures of the summary again. */
    const cJSON *ttft = cJSON_GetObjectItem(f->summary, "ttft_ms"), *itl = cJSON_GetObjectItem(f->summary, "itl_ms");
    struct dist d;
    tally_dist(&f->total, M_TTFT, &d);
    assert_int_equal(d.n, cJSON_GetObjectItem(ttft, "n")->valueint);
    assert_true(fabs(d.mean - cJSON_GetObjectItem(ttft, "mean")->valuedouble) < 1e-3);
    assert_true(fabs(d.p95 - cJSON_GetObjectItem(ttft, "p95")->valuedouble) < 1e-3);
    tally_dist(&f->total, M_ITL, &d); /* from the samples' histograms: within the bound of their buckets */
    assert_int_equal(d.n, cJSON_GetObjectItem(itl, "n")->valueint);
    assert_true(fabs(d.mean / cJSON_GetObjectItem(itl, "mean")->valuedouble - 1) < 0.01);
    assert_int_equal(f->total.outcome[OUT_OK] + tally_failed(&f->total), 4);
    run_file_free(f);
}

/* A report that is longer than its buffer is none. */
static void test_no_room(void **state)
{
    (void)state;
    static const enum report_format formats[] = {REPORT_MD, REPORT_HTML, REPORT_CSV, REPORT_JSON, REPORT_VLLM};
    struct err e;
    struct run_file *f = run_file_load(tests_path("fixtures/run-small.ndjson"), &e);
    assert_non_null(f);
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        struct buf all, less;
        buf_init(&all, 1 << 20);
        assert_true(report_write(f, &(struct report_options){.format = formats[i]}, &all));
        buf_init(&less, all.len - 1);
        assert_false(report_write(f, &(struct report_options){.format = formats[i]}, &less));
        buf_release(&less);
        buf_release(&all);
    }
    run_file_free(f);
}

/* Fails where a tag of the page is not closed, or closed by another. */
static void expect_balanced(const char *html)
{
    const char *open[64];
    size_t depth = 0;
    for (const char *p = html; (p = strchr(p, '<')) != NULL;) {
        const char *name = ++p, *end = strchr(p, '>');
        assert_non_null(end);
        p = end;
        size_t n = strcspn(name + (*name == '/'), " >\n");
        if (*name == '!' || end[-1] == '/' || strncmp(name, "meta", 4) == 0 || strncmp(name, "br>", 3) == 0)
            continue;
        if (*name != '/') {
            assert_true(depth < ARRAY_LEN(open));
            open[depth++] = name;
        } else if (depth == 0 || strncmp(open[--depth], name + 1, n) != 0) {
            fail_msg("</%.*s> closes what is not open, before: %.200s", (int)n, name + 1, end);
        }
    }
    assert_int_equal(depth, 0);
}

/* Whatever is cut off: what is there is reported, and nothing else happens. */
static void test_cut_at_every_byte(void **state)
{
    (void)state;
    size_t n;
    char *data = read_whole("fixtures/run-small.ndjson", &n);
    size_t header = (size_t)(strchr(data, '\n') - data);
    static const enum report_format formats[] = {REPORT_MD, REPORT_HTML, REPORT_CSV, REPORT_JSON, REPORT_VLLM};
    for (size_t cut = 1; cut <= n; cut++) {
        struct err e = {""};
        FILE *in = fmemopen(data, cut, "r");
        struct run_file *f = run_file_read(in, "cut", &e);
        fclose(in);
        if ((f != NULL) != (cut >= header))
            fail_msg("cut at %zu of %zu: %s", cut, n, e.msg);
        if (f == NULL)
            assert_non_null(strstr(e.msg, "ends within that line: its run was killed"));
        else
            assert_int_equal(f->bad_lines, 0);
        for (size_t i = 0; f != NULL && cut % 101 == 0 && i < ARRAY_LEN(formats); i++) {
            struct buf out;
            buf_init(&out, 1 << 20);
            report_write(f, &(struct report_options){.format = formats[i], .detailed = true}, &out);
            assert_true(out.len > 0);
            assert_null(strstr(out.data, "nan"));
            if (formats[i] == REPORT_HTML) {
                assert_null(strstr(out.data, "inf"));
                expect_balanced(out.data);
            }
            buf_release(&out);
        }
        run_file_free(f);
    }
    free(data);
}

/* A killed run has no summary: its rate is that of the intervals that are load from end to end, as a comparison takes them. */
static void test_killed(void **state)
{
    (void)state;
    static const struct {
        int ms, in_flight, tokens;
        const char *state;
    } samples[] = {{0, 0, 0, "load"},     {1000, 2, 10, "load"},   {2000, 2, 30, "load"}, {3000, 2, 40, "load"},
                   {4000, 0, 60, "load"}, {9000, 2, 60, "paused"}, {9500, 2, 60, "load"}, {10000, 1, 70, "load"}};
    size_t n;
    char *data = read_whole("fixtures/run-small.ndjson", &n);
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_add(&b, data, (size_t)(strchr(data, '\n') + 1 - data));
    for (size_t i = 0; i < ARRAY_LEN(samples); i++)
        buf_addf(&b, "{\"type\":\"sample\",\"t\":%d000000,\"state\":\"%s\",\"in_flight\":%d,\"live_tokens\":%d}\n", samples[i].ms,
                 samples[i].state, samples[i].in_flight, samples[i].tokens);
    FILE *in = fmemopen(b.data, b.len, "r");
    struct err e = {""};
    struct run_file *f = run_file_read(in, "killed", &e);
    assert_non_null(f);
    fclose(in);
    const char *window;
    assert_near(run_file_output_rate(f, &window), 70 / 4.5, 1e-9);
    assert_string_equal(window, "samples");
    run_file_free(f);
    buf_release(&b);
    free(data);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "is empty: its run was killed before its first line was written"},
        {"{\"type\":\"header\",\"for", "ends within that line"},
        {"hello\n", "is not a run file"},
        {"{\"type\":\"sample\"}\n", "is not a run file"},
        {"{\"type\":\"header\",\"format\":99,\"tokgauge\":\"9.9\"}\n", "has format 99, this version reads 1"},
        {"[1,2]\n", "is not a run file"},
    };
    char path[] = "/tmp/tokgauge-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {""};
        write_file(path, cases[i].text, strlen(cases[i].text));
        assert_null(run_file_load(path, &e));
        assert_non_null(strstr(e.msg, cases[i].words));
    }
    unlink(path);
    struct err e;
    assert_null(run_file_load("/nowhere/at/all", &e));
    assert_non_null(strstr(e.msg, "cannot read run file '/nowhere/at/all'"));
}

/* Strange values are unknown, never a crash or a zero. */
static void test_strange_values(void **state)
{
    (void)state;
    static const char text[] =
        "{\"type\":\"header\",\"format\":1,\"model\":\"a|b <script>\"}\n"
        "{\"type\":\"request\",\"part\":\"load\",\"outcome\":\"ok\",\"sent\":1e300,\"first_token\":-5,\"output_tokens\":1e99}\n"
        "{\"type\":\"request\",\"part\":\"load\",\"outcome\":\"no such\"}\n"
        "{\"type\":\"request\",\"part\":7}\n"
        "{\"type\":\"sample\",\"t\":\"x\",\"state\":\"load\"}\n"
        "{\"type\":\"sample\",\"t\":1,\"state\":\"load\",\"ended\":[{\"itl\":[[-1,5],[99999999,1],[3,-2],[\"a\",1],7]}]}\n"
        "{\"type\":\"mark\",\"t\":1}\n"
        "{\"type\":\"of a later version\"}\n";
    char path[] = "/tmp/tokgauge-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_file(path, text, sizeof text - 1);
    struct err e;
    struct run_file *f = run_file_load(path, &e);
    assert_non_null(f);
    assert_int_equal(f->rows_n, 1);
    assert_int_equal(f->bad_lines, 4);
    struct dist d;
    tally_dist(&f->total, M_TTFT, &d);
    assert_int_equal(d.n, 0);
    tally_dist(&f->total, M_ITL, &d);
    assert_int_equal(d.n, 0);
    struct buf out;
    buf_init(&out, 1 << 20);
    report_write(f, &(struct report_options){.format = REPORT_MD}, &out);
    assert_null(strstr(out.data, "<script>"));
    assert_null(strstr(out.data, "nan"));
    assert_non_null(strstr(out.data, FMT_UNKNOWN));
    buf_release(&out);
    run_file_free(f);
    unlink(path);
}

/* What no run has as a time is no time: a line that claims it does not read. */
static void test_strange_times(void **state)
{
    (void)state;
    static const char *const times[] = {"1e308", "1e19", "1.1e18", "-1", "null", "\"5\""};
    static const char *const lines[] = {
        "\"sample\",\"state\":\"load\"", "\"mark\",\"text\":\"m\"", "\"event\",\"level\":\"info\",\"text\":\"e\"",
        "\"phase\",\"phase\":1", "\"server_change\",\"what\":\"restart\"", "\"process\",\"server_process\":{}",
        "\"counters\",\"since\":1,\"kv_tokens\":5",
    };
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_adds(&b, "{\"type\":\"header\",\"format\":1}\n");
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        for (size_t k = 0; k < ARRAY_LEN(times); k++)
            buf_addf(&b, "{\"type\":%s,\"t\":%s}\n", lines[i], times[k]);
    size_t bad = ARRAY_LEN(lines) * ARRAY_LEN(times);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        buf_addf(&b, "{\"type\":%s,\"t\":%s}\n", lines[i], i % 2 == 0 ? "0" : "1e18");
    FILE *in = fmemopen(b.data, b.len, "r");
    struct err e = {""};
    struct run_file *f = run_file_read(in, "times", &e);
    fclose(in);
    assert_non_null(f);
    assert_int_equal(f->bad_lines, bad);
    assert_int_equal(f->samples_n + f->marks_n + f->events_n + f->phases_n + f->changes_n + f->processes_n, 6);
    assert_near(f->marks[0].t, 1e9, 1e-9);
    run_file_free(f);
    buf_release(&b);
}

static struct run_file *read_text(struct buf *b)
{
    FILE *in = fmemopen(b->data, b->len, "r");
    struct err e = {""};
    struct run_file *f = run_file_read(in, "text", &e);
    fclose(in);
    if (f == NULL)
        assert_non_null(strstr(e.msg, "'text' is not a run file: its header has more than 256 keys"));
    buf_release(b);
    return f;
}

/* ,"A0":1,"A1":1 … */
static void keys(struct buf *b, int letter, int n)
{
    for (int i = 0; i < n; i++)
        buf_addf(b, ",\"%c%d\":1", letter, i);
}

/* What a report does for each phase, and for each key of the header, is done so often as a run can have them. */
static void test_too_many(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_adds(&b, "{\"type\":\"header\",\"format\":1,\"model\":\"m\"}\n");
    for (int i = 0; i < RUN_PHASES + 76; i++)
        buf_addf(&b, "{\"type\":\"phase\",\"t\":%d,\"phase\":%d,\"max_num_seqs\":1}\n", i, i);
    struct run_file *f = read_text(&b);
    assert_int_equal(f->phases_n, RUN_PHASES);
    assert_int_equal(f->bad_lines, 76);
    run_file_free(f);
    buf_adds(&b, "{\"type\":\"header\",\"format\":1,\"model\":\"m\"}\n");
    for (int c = 'A'; c <= 'Z'; c++) {
        buf_addf(&b, "{\"type\":\"server\",\"model\":\"%c\"", c);
        keys(&b, c, c == 'B' ? 1000 : 100); /* that of B is none */
        buf_adds(&b, "}\n");
    }
    f = read_text(&b);
    assert_string_equal(run_file_text(f, "model"), "D"); /* with this one the header has more than any run's */
    assert_int_equal(cJSON_GetArraySize(f->header), 3 + 3 * 100);
    assert_int_equal(f->servers, 3);
    assert_int_equal(f->bad_lines, 23);
    run_file_free(f);
    buf_adds(&b, "{\"type\":\"header\",\"format\":1");
    keys(&b, 'x', 1000);
    buf_adds(&b, "}\n");
    assert_null(read_text(&b));
}

/* Numbers that no run has reach no chart. */
static void test_strange_charts(void **state)
{
    (void)state;
    struct buf b, out;
    buf_init(&b, 1 << 20);
    buf_adds(&b, "{\"type\":\"header\",\"format\":1,\"model\":\"<script>\\\" onload=\\\"x\",\"label\":\"<img src=x>\"}\n");
    for (int i = 0; i < 3; i++)
        buf_addf(&b, "{\"type\":\"phase\",\"t\":%d000000000,\"phase\":%d,\"max_num_seqs\":%d}\n", i, i, i);
    static const char *const values[] = {"1e308", "-1e308", "1e-308", "0", "5", "6", "null", "1e15", "7"};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        buf_addf(&b, "{\"type\":\"sample\",\"state\":\"load\",\"in_flight\":1,\"t\":%zu000000000,\"live_tokens\":%s,\"ram_used\":%s,"
                     "\"gtt_used\":%s,\"ended\":[{\"itl\":[[%zu,1e14],[2751,9]]}]}\n", i, values[i], values[i], values[i], i);
        buf_addf(&b, "{\"type\":\"request\",\"part\":\"load\",\"outcome\":\"ok\",\"phase\":%zu,\"sent\":%zu,\"first_token\":%s,"
                     "\"end\":9e15,\"output_tokens\":%s}\n", i % 3, i, values[i], values[i]);
        buf_addf(&b, "{\"type\":\"mark\",\"t\":%s,\"text\":\"</svg><script>\"}\n", values[i]);
    }
    FILE *in = fmemopen(b.data, b.len, "r");
    struct err e = {""};
    struct run_file *f = run_file_read(in, "strange", &e);
    fclose(in);
    assert_non_null(f);
    buf_init(&out, 1 << 20);
    report_write(f, &(struct report_options){.format = REPORT_HTML}, &out);
    assert_non_null(strstr(out.data, "<svg"));
    expect_balanced(out.data);
    static const char *const never[] = {"nan", "inf", "<script", "<img", "\" onload", "null"};
    for (size_t i = 0; i < ARRAY_LEN(never); i++)
        if (strstr(out.data, never[i]) != NULL)
            fail_msg("'%s' in the page: %.300s", never[i], strstr(out.data, never[i]) - 100);
    buf_release(&out);
    buf_release(&b);
    run_file_free(f);
}

/* The verdicts of the user's own runs. */
static void test_stability(void **state)
{
    (void)state;
    static const struct {
        double e2e[3], mean, sd;
        const char *verdict;
    } cases[] = {
        {{43 / 20.3, 42 / 31.2, 68 / 32.0}, 1.9, 0.45, "STABLE"},
        {{39 / 22.2, 48 / 29.5, 48 / 29.5}, 1.7, 0.08, "STABLE"},
        {{40 / 13.5, 40 / 31.0, 41 / 31.0}, 1.9, 0.96, "SOME VARIANCE"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        double v[3];
        struct dist d;
        memcpy(v, cases[i].e2e, sizeof v);
        dist_of_values(&d, v, 3);
        assert_true(fabs(d.mean - cases[i].mean) < 0.05);
        assert_true(fabs(d.stddev - cases[i].sd) < 0.006);
        assert_string_equal(report_stability(d.stddev / d.mean), cases[i].verdict);
    }
    assert_string_equal(report_stability(0.6), "UNSTABLE");
    assert_null(report_stability((double)NAN));
}

static void test_thresholds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum metric_id metric;
        enum statistic stat;
        double limit, broken_by, held_by;
    } good[] = {
        {"ttft_p95 > 500ms", M_TTFT, STAT_P95, 500, 500.1, 500},
        {"ttft_ms_p95>0.5s", M_TTFT, STAT_P95, 500, 501, 499},
        {"output_tok_s < 30", M_OUTPUT_RATE, STAT_VALUE, 30, 29.9, 30},
        {"output_rate <= 30 tok/s", M_OUTPUT_RATE, STAT_VALUE, 30, 30, 30.1},
        {" errors >= 1", M_ERRORS, STAT_VALUE, 1, 1, 0},
        {"tpot_mean > 40 ms", M_TPOT, STAT_MEAN, 40, 41, 40},
        {"itl_p999>100000us", M_ITL, STAT_P999, 100, 101, 99},
        {"lag_p99 > 5", M_LAG, STAT_P99, 5, 6, 5},
        {"e2e_max > 2m", M_E2E, STAT_MAX, 120000, 120001, 120000},
        {"e2e_max > 1.5 s", M_E2E, STAT_MAX, 1500, 1501, 1500},
        {"e2e_max>1e3", M_E2E, STAT_MAX, 1000, 1001, 1},
    };
    static const char *const bad[] = {"", "ttft_p95", "ttft > 5", "> 5", "foo > 5", "ttft_p42 > 5", "errors_p95 > 1",
                                      "ttft_p95 > ", "ttft_p95 > x", "ttft_p95 > 5 apples", "output_tok_s < 3ms", "ttft_p95 > nan",
                                      "_p95 > 3"};
    struct threshold t;
    struct err e;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        if (!threshold_parse(good[i].text, &t, &e))
            fail_msg("%s: %s", good[i].text, e.msg);
        assert_int_equal(t.metric, good[i].metric);
        assert_int_equal(t.stat, good[i].stat);
        assert_true(fabs(t.limit - good[i].limit) < 1e-9);
        assert_true(threshold_broken(&t, good[i].broken_by));
        assert_false(threshold_broken(&t, good[i].held_by));
        assert_true(threshold_broken(&t, (double)NAN)); /* what was not measured was not met */
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (threshold_parse(bad[i], &t, &e))
            fail_msg("'%s' was taken", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),          cmocka_unit_test(test_cut_at_every_byte), cmocka_unit_test(test_killed),
        cmocka_unit_test(test_refusals),       cmocka_unit_test(test_strange_values),    cmocka_unit_test(test_strange_times),
        cmocka_unit_test(test_too_many),       cmocka_unit_test(test_strange_charts),    cmocka_unit_test(test_stability),
        cmocka_unit_test(test_thresholds),     cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
