/* Findings that rest on the server's own counters: for each rule data that fires it, and data that must not. */
#include "findings.h"

#include "report/report.h"

/* ---- what the server says ---- */

static void base(const char *fields)
{
    buf_addf(&file, "{\"type\":\"counters\",\"t\":600000000,\"since\":500000000%s}\n", fields);
}

/* One look at the server, second `at` of the run. */
static void look(int at, double running, double waiting, double kv, const char *counted)
{
    buf_addf(&file, "{\"type\":\"sample\",\"t\":%d600000000,\"state\":\"load\",\"phase\":0,\"in_flight\":2,\"live_tokens\":0,\"server_at\":%d500000000,"
                    "\"server_running\":%.0f,\"server_waiting\":%.0f,\"server_kv_used\":%.3f,\"server_counted\":{%s}}\n", at, at, running, waiting, kv,
             counted);
}

/* A header, one phase, and ten requests of 33 tokens each, 200 ms to the first. */
static void ten_requests(const char *prompt)
{
    buf_release(&file);
    buf_init(&file, 16 << 20);
    seq = 0;
    buf_addf(&file, "{\"type\":\"header\",\"format\":1,\"tokgauge\":\"0\",\"model\":\"m\",\"prompt\":\"%s\"}\n", prompt);
    base("");
    phase(0, 2, 1024, false);
    requests(10, 0, 1024, -1, 200, 10);
}

static void test_agreement(void **state)
{
    (void)state;
    ten_requests("unique");
    look(1, 0, 0, 0.1, "\"finished\":0,\"generated_tokens\":0,\"preemptions\":0,\"ttft\":{\"n\":0,\"sum_s\":0}");
    look(30, 0, 0, 0.1, "\"finished\":10,\"generated_tokens\":330,\"ttft\":{\"n\":10,\"sum_s\":1.95}");
    static const char *const rules[] = {"server_changed", "other_clients", "two_counts", "queue_time", "server_ttft", "sequence_limit",
                                        "prefix_unexpected", "preemptions", "kv_full", "drafts"};
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        silent(rules[i]);
}

static void test_two_counts(void **state)
{
    (void)state;
    ten_requests("unique");
    look(30, 0, 0, 0.1, "\"finished\":10,\"generated_tokens\":400");
    says("two_counts", "400 by its counter, 330 by its answers to 10 requests");
    silent("other_clients");
    ten_requests("unique");
    look(30, 0, 0, 0.1, "\"finished\":10,\"generated_tokens\":300");
    says("two_counts", "fewer output tokens than its answers claim");
    ten_requests("unique");
    look(30, 0, 0, 0.1, "\"finished\":10,\"generated_tokens\":340"); /* a token a request may be counted differently */
    silent("two_counts");
    ten_requests("unique");
    request(&(struct ask){0, 1024, -1, 200, 10, "reset", "", 5, 0}); /* nobody knows how far the server had come with it */
    look(30, 0, 0, 0.1, "\"finished\":11,\"generated_tokens\":360");
    silent("two_counts");
    silent("other_clients");
    ten_requests("unique");
    look(5, 0, 0, 0.1, "\"finished\":10,\"generated_tokens\":100"); /* its last look was in the middle of the load */
    silent("two_counts");
}

static void test_late_base(void **state)
{
    (void)state;
    ten_requests("unique");
    struct run_file *f = made();
    assert_near(f->counted_since, 0.5, 1e-9);
    run_file_free(f);
    begin();
    buf_adds(&file, "{\"type\":\"counters\",\"t\":6000000000,\"since\":5000000000}\n"); /* it was silent until then */
    phase(0, 2, 1024, false);
    requests(10, 0, 1024, -1, 200, 10);
    look(30, 0, 0, 0.1, "\"finished\":50,\"generated_tokens\":9999");
    silent("two_counts");
    silent("other_clients");
}

static void test_other_clients(void **state)
{
    (void)state;
    ten_requests("unique");
    look(30, 0, 0, 0.1, "\"finished\":25,\"generated_tokens\":1000");
    says("other_clients", "the server ended 25 requests, 10 of them came from here");
    says("other_clients", "1 000 output tokens, 330 of them for us");
    silent("two_counts");
    ten_requests("unique");
    look(30, 0, 0, 0.1, "\"finished\":11,\"generated_tokens\":340"); /* one at the edge */
    silent("other_clients");
    ten_requests("unique");
    buf_adds(&file, "{\"type\":\"request\",\"seq\":90,\"stream\":1,\"part\":\"warmup\",\"phase\":0,\"outcome\":\"ok\",\"tokens_from\":\"usage\","
                    "\"output_tokens\":33,\"sent\":600000000,\"end\":700000000}\n"
                    "{\"type\":\"request\",\"seq\":91,\"stream\":1,\"part\":\"warmup\",\"phase\":0,\"outcome\":\"ok\",\"tokens_from\":\"usage\","
                    "\"output_tokens\":33,\"sent\":600000000,\"end\":700000000}\n");
    look(30, 0, 0, 0.1, "\"finished\":12,\"generated_tokens\":396"); /* the warm-up is ours */
    silent("other_clients");
    silent("two_counts");
}

static void test_times(void **state)
{
    (void)state;
    ten_requests("unique");
    look(30, 0, 0, 0.1, "\"finished\":10,\"generated_tokens\":330,\"ttft\":{\"n\":10,\"sum_s\":1.0}");
    says("server_ttft", "100 ms of the time to the first token pass outside");
    ten_requests("unique");
    look(30, 0, 0, 0.1, "\"finished\":100,\"generated_tokens\":330,\"ttft\":{\"n\":100,\"sum_s\":1.0}"); /* others' as well */
    silent("server_ttft");
    ten_requests("unique");
    look(30, 0, 0, 0.1, "\"ttft\":{\"n\":10,\"sum_s\":1.9},\"queue_time\":{\"n\":10,\"sum_s\":1.2}");
    says("queue_time", "63 % of the time to their first token");
    ten_requests("unique");
    look(30, 0, 0, 0.1, "\"ttft\":{\"n\":10,\"sum_s\":1.9},\"queue_time\":{\"n\":10,\"sum_s\":0.2}");
    silent("queue_time");
}

static void test_memory(void **state)
{
    (void)state;
    ten_requests("unique");
    base(",\"kv_tokens\":8192");
    look(30, 4, 2, 0.98, "\"finished\":10,\"generated_tokens\":330,\"preemptions\":3");
    says("preemptions", "put sequences back 3 times");
    says("preemptions", "8 192");
    silent("kv_full");
    ten_requests("unique");
    look(30, 4, 2, 0.98, "\"preemptions\":0");
    says("kv_full", "in use at most 98 %");
    ten_requests("unique");
    look(30, 4, 2, 0.9, "\"preemptions\":0");
    silent("kv_full");
}

static void test_prefix(void **state)
{
    (void)state;
    ten_requests("unique");
    look(30, 0, 0, 0.1, "\"prefix_queries\":10240,\"prefix_hits\":9000");
    says("prefix_unexpected", "9 000 of 10 240");
    ten_requests("shared"); /* then that is what was wanted */
    look(30, 0, 0, 0.1, "\"prefix_queries\":10240,\"prefix_hits\":9000");
    silent("prefix_unexpected");
    ten_requests("unique");
    look(30, 0, 0, 0.1, "\"prefix_queries\":640,\"prefix_hits\":320"); /* short prompts in one template */
    silent("prefix_unexpected");
}

static void plateau(double told)
{
    ten_requests("unique");
    if (told > 0)
        buf_addf(&file, "{\"type\":\"server\",\"server_process\":{\"max_num_seqs\":%.0f}}\n", told);
    for (int i = 1; i <= 10; i++)
        look(i, i < 3 ? 1 : 4, i < 3 ? 0 : 2, 0.1, "\"finished\":1");
}

static void test_limit(void **state)
{
    (void)state;
    plateau(0);
    says("sequence_limit", "seems to run 4 sequences at once at the most (inferred");
    says("sequence_limit", "in 8 of 8 looks");
    plateau(4);
    silent("sequence_limit"); /* it was told */
}

/* Of several servers in turn nothing shows. */
static void test_limit_of_several(void **state)
{
    (void)state;
    plateau(0);
    buf_adds(&file, "{\"type\":\"server_change\",\"t\":5000000000,\"what\":\"jumps\",\"model\":null}\n");
    silent("sequence_limit");
}

static void test_drafts(void **state)
{
    (void)state;
    ten_requests("unique");
    look(30, 0, 0, 0.1, "\"drafts\":200,\"draft_tokens\":600,\"accepted_tokens\":426");
    says("drafts", "71 % of the drafted tokens were accepted");
    says("drafts", "2.13 of each draft");
    ten_requests("unique");
    look(30, 0, 0, 0.1, "\"drafts\":200,\"draft_tokens\":600,\"accepted_tokens\":60");
    says("drafts", "so few hardly pay");
    ten_requests("unique");
    look(30, 0, 0, 0.1, "\"drafts\":0,\"draft_tokens\":0,\"accepted_tokens\":0");
    silent("drafts");
}

static void change(const char *what, const char *model)
{
    buf_addf(&file, "{\"type\":\"server_change\",\"t\":65000000000,\"what\":\"%s\",\"model\":%s}\n", what, model);
}

static void test_changes(void **state)
{
    (void)state;
    ten_requests("unique");
    change("restart", "null");
    look(30, 0, 0, 0.1, "\"finished\":3,\"generated_tokens\":99");
    says("server_changed", "restarted in the middle");
    says("server_changed", "00:01:05");
    silent("two_counts"); /* what was counted before the end of the first is lost */
    change("model", "\"b\\u001b[1m\"");
    says("server_changed", "figures are of two models");
    for (size_t i = 0; i < ARRAY_LEN(found); i++)
        assert_null(strchr(found[i].evidence, '\033'));
    ten_requests("unique");
    look(20, 0, 0, 0.1, "\"finished\":900,\"generated_tokens\":99000");
    change("jumps", "null");
    says("server_changed", "Several servers answer");
    silent("other_clients"); /* what they counted is nothing */
    ten_requests("unique");
    change("something later", "null"); /* a later version's */
    silent("server_changed");
}

/* The table of a report: both sides, and nothing where nothing is known. */
static void test_report(void **state)
{
    (void)state;
    ten_requests("unique");
    base(",\"kv_tokens\":8192,\"page_lines\":200,\"page_bad_lines\":3");
    look(30, 4, 0, 0.25, "\"finished\":10,\"generated_tokens\":330,\"ttft\":{\"n\":10,\"sum_s\":1.5,\"bounds_s\":[0.1,0.2],\"buckets\":[[1,10]]}");
    struct run_file *f = made();
    struct buf out;
    struct report_options o = {0};
    buf_init(&out, 1 << 20);
    report_markdown(f, &o, &out);
    static const char *const wanted[] = {"| TTFT, mean | 150 ms | 200 ms |", "| TTFT, p50 | ≈150 ms | 200 ms |", "| Output tokens | 330 | 330 |",
                                         "| Requests that ended | 10 | 10 |", "KV cache: 8 192 tokens", "could not be read: 3 (200 could)"};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (strstr(out.data, wanted[i]) == NULL)
            fail_msg("'%s' is not in:\n%s", wanted[i], out.data);
    buf_release(&out);
    run_file_free(f);
    begin(); /* of a version that had no counters */
    phase(0, 2, 1024, false);
    requests(10, 0, 1024, -1, 200, 10);
    f = made();
    buf_init(&out, 1 << 20);
    report_markdown(f, &o, &out);
    assert_null(strstr(out.data, "Server counters"));
    buf_release(&out);
    run_file_free(f);
}

static void expect_rows(const char *const *wanted, size_t n)
{
    struct run_file *f = made();
    struct buf out;
    buf_init(&out, 1 << 20);
    report_markdown(f, &(struct report_options){0}, &out);
    for (size_t i = 0; i < n; i++)
        if (strstr(out.data, wanted[i]) == NULL)
            fail_msg("'%s' is not in:\n%s", wanted[i], strstr(out.data, "## Server counters"));
    buf_release(&out);
    run_file_free(f);
}

/* Of a server that tells no tokens requests are counted all the same; of one that was never looked at nothing is known. */
static void test_unsure(void **state)
{
    (void)state;
    static const char told[] = "\"first_event_tokens\":1,\"events\":33,\"tokens_from\":\"usage\"";
    static const char not_told[] = "\"events\":33,                   \"tokens_from\":\"events≈\"";
    assert_int_equal(sizeof told, sizeof not_told);
    ten_requests("unique");
    request(&(struct ask){0, 1024, -1, 200, 10, "reset", "", 0, 0});
    for (char *p = file.data; (p = strstr(p, told)) != NULL;)
        memcpy(p, not_told, strlen(not_told));
    buf_adds(&file, "{\"type\":\"request\",\"part\":\"warmup\",\"phase\":0,\"outcome\":\"ok\",\"tokens_from\":\"events≈\","
                    "\"sent\":600000000,\"output_tokens\":3,\"end\":700000000}\n");
    look(30, 4, 0, 0.25, "\"finished\":11,\"generated_tokens\":363");
    expect_rows((const char *const[]){"| Requests that ended | 11 | 11 |", "| Output tokens | 363 |  |"}, 2);
    silent("other_clients");
    silent("two_counts");
    look(31, 4, 0, 0.25, "\"finished\":20");
    says("other_clients", "the server ended 31 requests, 12 of them came from here at the most");
    ten_requests("unique");
    static const char known[] = "\"output_tokens\":33", unknown[] = "\"output_tokens\":-1";
    for (char *p = file.data; (p = strstr(p, known)) != NULL;)
        memcpy(p, unknown, sizeof unknown - 1);
    look(30, 4, 0, 0.25, "\"finished\":11,\"generated_tokens\":363");
    expect_rows((const char *const[]){"| Requests that ended | 11 | 10 |", "| Output tokens | 363 |  |"}, 2);
    ten_requests("unique");
    buf_adds(&file, "{\"type\":\"sample\",\"t\":30600000000,\"state\":\"load\","
                    "\"server_counted\":{\"finished\":11,\"generated_tokens\":363}}\n");
    expect_rows((const char *const[]){"| Requests that ended | 11 |  |", "| Output tokens | 363 |  |"}, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agreement), cmocka_unit_test(test_two_counts), cmocka_unit_test(test_late_base),
        cmocka_unit_test(test_other_clients), cmocka_unit_test(test_times), cmocka_unit_test(test_memory),
        cmocka_unit_test(test_prefix),    cmocka_unit_test(test_limit),      cmocka_unit_test(test_limit_of_several), cmocka_unit_test(test_drafts),
        cmocka_unit_test(test_changes),   cmocka_unit_test(test_report), cmocka_unit_test(test_unsure),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_release(&file);
    return failed;
}
