/* What `vllm bench serve --save-result` writes, read back; and our own runs in that form beside themselves. */
#include "check.h"

#include "report/compare.h"
#include "report/report.h"

#define FIXTURE "fixtures/vllm-detailed.json"

static struct vllm_file *read_text(const char *text, size_t n, struct err *e)
{
    FILE *in = fmemopen((char *)(uintptr_t)text, n, "r");
    assert_non_null(in);
    e->msg[0] = '\0';
    struct vllm_file *f = vllm_file_read(in, "folder/result.json", e);
    fclose(in);
    return f;
}

static struct vllm_file *read_json(const char *text)
{
    struct err e;
    struct vllm_file *f = read_text(text, strlen(text), &e);
    if (f == NULL) {
        fail_msg("%s: %s", text, e.msg);
        abort(); /* for those who do not know that it does not come back */
    }
    return f;
}

/* Seconds there, ms here; the failed request is in no figure; e2e is TTFT and all gaps. */
static void test_requests(void **state)
{
    (void)state;
    static const struct vllm_request wanted[] = {
        {50, 90, 40.0 / 3}, /* 4 tokens */
        {60, 100, 10},      /* 5 tokens in 3 chunks: per token, not per chunk */
        {70, 70, (double)NAN},      /* one token */
    };
    size_t n;
    char *text = read_whole(FIXTURE, &n);
    struct err e;
    struct vllm_file *f = read_text(text, n, &e);
    assert_non_null(f);
    assert_string_equal(f->name, "result"); /* without a label, the file's */
    assert_int_equal(f->requests_n, ARRAY_LEN(wanted));
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        assert_near(f->requests[i].ttft, wanted[i].ttft, 1e-9);
        assert_near(f->requests[i].e2e, wanted[i].e2e, 1e-9);
        if (isnan(wanted[i].tpot))
            assert_unknown(f->requests[i].tpot);
        else
            assert_near(f->requests[i].tpot, wanted[i].tpot, 1e-9);
    }
    assert_near(vllm_request_number(&f->requests[1], M_DECODE_RATE), 100, 1e-9);
    assert_unknown(vllm_request_number(&f->requests[2], M_DECODE_RATE));
    assert_near(f->totals.completed, 3, 0);
    assert_near(f->totals.failed, 1, 0);
    vllm_file_free(f);
    free(text);
}

static void test_summary(void **state)
{
    (void)state;
    struct vllm_file *f = read_json("{\"label\":\"x\\u001b\",\"duration\":1,\"completed\":2,\"total_output_tokens\":9,"
                                    "\"output_throughput\":9,\"mean_ttft_ms\":1,\"median_ttft_ms\":2,\"p95_e2el_ms\":3,"
                                    "\"p99.9_tpot_ms\":4}\n");
    assert_null(strchr(f->name, '\x1b'));
    assert_int_equal(f->requests_n, 0);
    assert_near(vllm_file_figure(f, M_OUTPUT_RATE, 0), 9, 0);
    assert_near(vllm_file_figure(f, M_TTFT, 0), 1, 0);
    assert_near(vllm_file_figure(f, M_TTFT, 0.5), 2, 0);
    assert_near(vllm_file_figure(f, M_E2E, 0.95), 3, 0);
    assert_near(vllm_file_figure(f, M_TPOT, 0.999), 4, 0);
    assert_unknown(vllm_file_figure(f, M_TTFT, 0.95)); /* only what --metric-percentiles asked for */
    assert_unknown(vllm_file_figure(f, M_DECODE_RATE, 0));
    vllm_file_free(f);
}

#define GOOD "\"duration\":1,\"completed\":2,\"total_output_tokens\":9"

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"{}", "'folder/result.json' is neither a run file nor what 'vllm bench serve --save-result' writes"},
        {"[1]", "is neither a run file nor"},
        {"{\"duration\":1,\"completed\":\"2\",\"total_output_tokens\":9}", "is neither a run file nor"},
        {"{" GOOD, "is neither a run file nor"},
        {"{" GOOD "} x", "is neither a run file nor"},
        {"{" GOOD "}\n{" GOOD "}\n", "holds several results (--append-result): each needs its own file"},
        {"{" GOOD ",\"ttfts\":[1,2],\"itls\":[[1]]}", "do not fit together: 2 ttfts, 1 itls"},
        {"{" GOOD ",\"ttfts\":[1,2],\"errors\":[]}", "do not fit together: 2 ttfts, 0 errors"},
        {"{\"duration\":1,\"completed\":6.6e99,\"total_output_tokens\":9}", "'completed' in 'folder/result.json' is 6.6e+99: no number"},
        {"{" GOOD ",\"failed\":-1}", "'failed' in 'folder/result.json' is -1: no number of requests"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e;
        assert_null(read_text(cases[i].text, strlen(cases[i].text), &e));
        if (strstr(e.msg, cases[i].says) == NULL)
            fail_msg("%s\n says: %s", cases[i].text, e.msg);
    }
}

/* Strange values are unknown, never a crash or a zero. */
static void test_strange_values(void **state)
{
    (void)state;
    struct vllm_file *f = read_json("{" GOOD ",\"ttfts\":[null,-1,1e300,\"x\",0.5,0.5],\"itls\":[[0.1],[],[0.1],[],null,[null]],"
                                    "\"output_lens\":[2,2,2,2,null,2],\"label\":7,\"max_concurrency\":null}");
    assert_int_equal(f->requests_n, 5); /* a TTFT of 0 or less is vLLM's mark of a failed one */
    for (size_t i = 0; i < f->requests_n; i++) {
        assert_unknown(f->requests[i].tpot);
        assert_unknown(f->requests[i].e2e);
    }
    assert_unknown(f->requests[0].ttft);
    assert_unknown(f->requests[1].ttft);
    assert_near(f->requests[3].ttft, 500, 1e-9);
    vllm_file_free(f);
}

static void test_cut_at_every_byte(void **state)
{
    (void)state;
    size_t n;
    char *text = read_whole(FIXTURE, &n);
    while (n > 1 && text[n - 1] == '\n')
        n--;
    for (size_t cut = 1; cut <= n; cut++) {
        struct err e;
        struct vllm_file *f = read_text(text, cut, &e);
        if ((f != NULL) != (cut == n))
            fail_msg("cut at %zu of %zu: %s", cut, n, e.msg);
        vllm_file_free(f);
    }
    free(text);
}

static void test_probe(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool vllm;
    } cases[] = {
        {"{" GOOD "}", true},
        {" \n{\n" GOOD "\n}\n", true}, /* as jq prints it */
        {"{}", true},                  /* the reader will tell what it lacks */
        {"{\"type\":\"header\",\"format\":1}\n{\"type\":\"phase\"}\n", false},
        {"{\"format\":1,\"type\":\"header\"}", false},
        {"hello", false},
        {"\n", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        FILE *in = fmemopen((char *)(uintptr_t)cases[i].text, strlen(cases[i].text), "r");
        if (vllm_file_probe(in) != cases[i].vllm)
            fail_msg("%s", cases[i].text);
        assert_int_equal(fgetc(in), cases[i].text[0]); /* nothing of it is lost */
        fclose(in);
    }
}

/* Our own run, in vLLM's form. */
static struct compare_run in_their_form(const struct run_file *f, bool detailed)
{
    struct buf out;
    struct err e;
    buf_init(&out, 1 << 20);
    report_vllm(f, detailed, &out);
    struct vllm_file *theirs = read_text(out.data, out.len, &e);
    buf_release(&out);
    assert_non_null(theirs);
    return (struct compare_run){NULL, theirs};
}

/* Both ways about: every figure is known and the same, and it is said that the definitions are not. */
static void test_round_trip(void **state)
{
    (void)state;
    struct err e;
    struct compare_run own, theirs;
    assert_true(compare_run_load(&own, tests_path("fixtures/run-small.ndjson"), &e));
    theirs = in_their_form(own.own, true);
    for (int turn = 0; turn < 2; turn++) {
        struct compared c;
        compare_runs(turn == 0 ? &own : &theirs, turn == 0 ? &theirs : &own, 0.02, &c);
        assert_true(c.by_vllm);
        assert_int_equal(c.objections_n, 1);
        assert_non_null(strstr(c.objections[0], "different definitions"));
        for (size_t i = 0; i < FIGURES_N; i++) {
            if (c.figures[i].verdict != VERDICT_SAME)
                fail_msg("%s: verdict %d, %.9g and %.9g", figures[i].id, c.figures[i].verdict, c.figures[i].a, c.figures[i].b);
            assert_true(c.figures[i].a > 0);
        }
    }
    compare_run_release(&own);
    compare_run_release(&theirs);
}

/* Requests that this machine slept through: they ended, with so many tokens, and nobody knows how fast. */
static void test_slept(void **state)
{
    (void)state;
    struct err e = {""};
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_adds(&b, "{\"type\":\"header\",\"format\":1,\"chunks\":true}\n"
                 "{\"type\":\"phase\",\"t\":0,\"phase\":0,\"max_num_seqs\":1}\n");
    for (int i = 0; i < 3; i++) {
        long long sent = i * 1000000000LL + 5, first = sent + (i == 1 ? 900 : 100) * 1000000LL, last = first + 40000000;
        buf_addf(&b, "{\"type\":\"request\",\"seq\":%d,\"part\":\"load\",\"phase\":0,\"outcome\":\"ok\",\"due\":%lld,"
                     "\"started\":%lld,\"sent\":%lld,\"first_token\":%lld,\"last_token\":%lld,\"end\":%lld,"
                     "\"prompt_tokens\":64,\"output_tokens\":5,\"tokens_from\":\"usage\",\"gaps\":[10,20],\"slept\":%s}\n",
                 i, i == 1 ? 1 : sent, sent, sent, first, last, last, i == 1 ? "true" : "false");
    }
    FILE *in = fmemopen(b.data, b.len, "r");
    struct compare_run own = {run_file_read(in, "slept", &e), NULL};
    fclose(in);
    buf_clear(&b);
    assert_non_null(own.own);
    report_vllm(own.own, true, &b);
    static const char *const wanted[] = {
        "\"mean_ttft_ms\":100,", "\"mean_tpot_ms\":10,", "\"mean_e2el_ms\":140,", "\"mean_client_queue_time_ms\":0,",
        "\"completed\":3,", "\"total_output_tokens\":15,", "\"ttfts\":[0.1,null,0.1]", "\"e2els\":[0.14,null,0.14]",
        "\"itls\":[[0.00000001,0.00000002],null,["};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (strstr(b.data, wanted[i]) == NULL)
            fail_msg("no %s in %s", wanted[i], b.data);
    buf_release(&b);
    struct compare_run theirs = in_their_form(own.own, true); /* null is read back as what is not known */
    struct compared c;
    for (int turn = 0; turn < 2; turn++) {
        compare_runs(turn == 0 ? &own : &theirs, turn == 0 ? &theirs : &own, 0.02, &c);
        assert_near(c.figures[1].a, 100, 1e-6); /* TTFT mean */
        assert_near(c.figures[1].b, 100, 1e-6);
        assert_int_equal(c.figures[1].n_a, 2);
        assert_int_equal(c.figures[1].n_b, 2);
    }
    compare_run_release(&own);
    compare_run_release(&theirs);
}

/* Without the lists there are numbers, and nothing to tell a difference from noise by. */
static void test_numbers_alone(void **state)
{
    (void)state;
    struct err e;
    struct compare_run detailed, a, b;
    assert_true(compare_run_load(&detailed, tests_path(FIXTURE), &e));
    a = (struct compare_run){NULL, read_json("{" GOOD ",\"mean_ttft_ms\":10,\"median_ttft_ms\":9,\"max_concurrency\":2}")};
    b = (struct compare_run){NULL, read_json("{" GOOD ",\"mean_ttft_ms\":30,\"median_ttft_ms\":9,\"max_concurrency\":8}")};
    struct compared c;
    compare_runs(&a, &b, 0.02, &c);
    assert_near(c.figures[1].ratio, 3, 1e-9); /* TTFT mean */
    assert_int_equal(c.figures[1].verdict, VERDICT_NONE);
    assert_int_equal(c.figures[2].verdict, VERDICT_SAME); /* p50: the very same number */
    assert_int_equal(c.figures[3].verdict, VERDICT_NONE);
    assert_int_equal(c.objections_n, 1);
    assert_string_equal(c.objections[0], "different loads: 2 streams against 8");
    compare_runs(&detailed, &b, 0.02, &c); /* values on one side only */
    assert_near(c.figures[1].a, 60, 1e-9);
    assert_near(c.figures[1].b, 30, 1e-9);
    assert_int_equal(c.figures[1].verdict, VERDICT_NONE);
    compare_run_release(&detailed);
    compare_run_release(&a);
    compare_run_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),       cmocka_unit_test(test_summary),
        cmocka_unit_test(test_refusals),       cmocka_unit_test(test_strange_values),
        cmocka_unit_test(test_cut_at_every_byte), cmocka_unit_test(test_probe),
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_slept),     cmocka_unit_test(test_numbers_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
