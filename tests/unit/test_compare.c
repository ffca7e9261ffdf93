/* Runs beside a baseline: figures, objections, and how they are written. */
#include "check.h"

#include "report/compare.h"

#include <cjson/cJSON.h>

#define MS 1000000LL

/* A made-up run: n requests on `streams` streams, each `ttft` ms to the first of 11 tokens and `tpot` ms between
 * tokens, both spread by a little. */
struct made {
    const char *label;
    int n, streams;
    double ttft, tpot;
    const char *outcome; /* NULL: ok */
    double ram, gtt;     /* GiB at the most; 0: not known */
    double shift;        /* of TTFT after a pause in the middle; 0: there is none */
    int well;            /* every so many end well, whatever the outcome; 0: none */
    int output, cached;  /* tokens; output 0: 11 */
};

static struct compare_run make(const struct made *m)
{
    struct buf b;
    struct err e = {""};
    buf_init(&b, 8u << 20);
    buf_adds(&b, "{\"type\":\"header\",\"format\":1,\"endpoint\":\"chat\",\"prompt\":\"unique\",\"seed\":7,\"label\":\"");
    buf_add_json(&b, m->label != NULL ? m->label : "", m->label != NULL ? strlen(m->label) : 0);
    buf_addf(&b, "\"}\n{\"type\":\"phase\",\"t\":0,\"phase\":0,\"max_num_seqs\":%d,\"context\":64,"
                 "\"max_tokens\":11}\n", m->streams);
    if (m->shift != 0)
        buf_addf(&b, "{\"type\":\"phase\",\"t\":1,\"phase\":1,\"max_num_seqs\":%d,\"context\":64,\"max_tokens\":11}\n", m->streams);
    for (int i = 0; i < m->n; i++) {
        long long sent = i * 1000 * MS, first = sent + (long long)(((m->ttft + (i >= m->n / 2 ? m->shift : 0)) * (1 + i % 7 * 0.002)) * MS);
        long long last = first + (long long)(10 * m->tpot * (1 + i % 5 * 0.002) * MS);
        buf_addf(&b, "{\"type\":\"request\",\"seq\":%d,\"part\":\"load\",\"phase\":%d,\"outcome\":\"%s\",\"due\":%lld,",
                 i, m->shift != 0 && i >= m->n / 2, m->outcome != NULL && (m->well == 0 || i % m->well != 0) ? m->outcome : "ok", sent);
        buf_addf(&b, "\"started\":%lld,\"sent\":%lld,\"first_event\":%lld,\"first_token\":%lld,\"last_token\":%lld,",
                 sent, sent, first, first, last);
        buf_addf(&b, "\"end\":%lld,\"prompt_tokens\":64,\"output_tokens\":%d,\"first_event_tokens\":1,"
                     "\"cached_tokens\":%d,\"tokens_from\":\"usage\"}\n", last + MS, m->output > 0 ? m->output : 11, m->cached);
    }
    for (int i = 0; i < 3 && m->ram > 0; i++)
        buf_addf(&b, "{\"type\":\"sample\",\"t\":%d000000000,\"state\":\"load\",\"in_flight\":0,\"ram_used\":%.0f,\"gtt_used\":%.0f}\n", i,
                 (m->ram - (i != 1)) * 1073741824.0, (m->gtt - (i != 1)) * 1073741824.0);
    FILE *in = fmemopen(b.data, b.len, "r");
    struct run_file *f = run_file_read(in, "made.ndjson", &e);
    fclose(in);
    buf_release(&b);
    assert_non_null(f);
    return (struct compare_run){f, NULL};
}

static const struct comparison *figure_of(const struct compared *c, const char *id)
{
    for (size_t i = 0; i < FIGURES_N; i++)
        if (strcmp(figures[i].id, id) == 0)
            return &c->figures[i];
    fail_msg("there is no figure %s", id);
    return NULL;
}

#define RUNS_MAX 4

/* The whole way: runs made, compared with the first one, and written. */
static char *written(const struct made *m, size_t n, enum compare_format format)
{
    struct compare_run runs[RUNS_MAX];
    static struct compared with[RUNS_MAX];
    struct buf out;
    buf_init(&out, 1u << 20);
    for (size_t i = 0; i < n; i++)
        runs[i] = make(&m[i]);
    for (size_t i = 1; i < n; i++)
        compare_runs(&runs[0], &runs[i], 0.02, &with[i - 1]);
    compare_write(&(struct compare_report){runs, n, with, NULL, 0.02}, format, &out);
    for (size_t i = 0; i < n; i++)
        compare_run_release(&runs[i]);
    return out.data;
}

static const struct made three[] = {
    {.label = "before", .n = 120, .streams = 2, .ttft = 100, .tpot = 10},
    {.label = "same again", .n = 120, .streams = 2, .ttft = 100, .tpot = 10},
    {.label = "slower", .n = 120, .streams = 2, .ttft = 150, .tpot = 10},
};

/* What is asked of the table of figures: names once each, quantiles that are some. */
static void test_figures(void **state)
{
    (void)state;
    for (size_t i = 0; i < FIGURES_N; i++) {
        assert_true(metrics[figures[i].metric].better != BETTER_NONE);
        assert_in_range((int)(figures[i].quantile * 100), 0, 99);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(figures[i].id, figures[k].id);
    }
}

static void test_verdicts(void **state)
{
    (void)state;
    struct compare_run a = make(&three[0]), same = make(&three[1]), slower = make(&three[2]);
    struct compared c;
    compare_runs(&a, &same, 0.02, &c);
    assert_int_equal(c.objections_n, 0);
    for (size_t i = 1; i < FIGURES_N; i++)
        assert_int_equal(c.figures[i].verdict, VERDICT_SAME);
    compare_runs(&a, &slower, 0.02, &c);
    assert_int_equal(figure_of(&c, "ttft_p50")->verdict, VERDICT_LOSE);
    assert_near(figure_of(&c, "ttft_mean")->ratio, 1.5, 1e-6);
    assert_int_equal(figure_of(&c, "tpot_mean")->verdict, VERDICT_SAME);
    assert_int_equal(figure_of(&c, "e2e_mean")->verdict, VERDICT_LOSE);
    compare_runs(&slower, &a, 0.02, &c);
    assert_int_equal(figure_of(&c, "ttft_p95")->verdict, VERDICT_WIN);
    compare_runs(&a, &slower, 0.9, &c); /* a difference that was said not to count */
    assert_int_equal(figure_of(&c, "ttft_mean")->verdict, VERDICT_SAME);
    compare_run_release(&a);
    compare_run_release(&same);
    compare_run_release(&slower);
}

static void test_objections(void **state)
{
    (void)state;
    const struct made other = {.label = "other", .n = 120, .streams = 8, .ttft = 100, .tpot = 10};
    struct compare_run a = make(&three[0]), b = make(&other);
    struct compared c;
    compare_runs(&a, &b, 0.02, &c);
    assert_int_equal(c.objections_n, 1);
    assert_string_equal(c.objections[0], "different loads: 2 streams, context 64, output 11 against 8, 64, 11");
    compare_run_release(&a);
    compare_run_release(&b);
    const struct {
        struct made a, b;
        const char *says; /* NULL: nothing */
    } cases[] = {
        {{.n = 120, .streams = 2, .ttft = 100, .tpot = 10, .output = 40}, {.n = 120, .streams = 2, .ttft = 100, .tpot = 10, .output = 120},
         "different answers: 40 tokens a request against 120"},
        {{.n = 8, .streams = 2, .ttft = 100, .tpot = 10, .output = 40}, {.n = 120, .streams = 2, .ttft = 100, .tpot = 10, .output = 120}, NULL},
        {{.n = 120, .streams = 2, .ttft = 100, .tpot = 10}, {.n = 120, .streams = 2, .ttft = 10, .tpot = 10, .cached = 60},
         "the same --seed: the server had 0 % of the prompts in its cache in one run, 94 % in the other"},
        {{.n = 64, .streams = 32, .ttft = 100, .tpot = 10}, {.n = 640, .streams = 32, .ttft = 100, .tpot = 10},
         "different loads: of one run 50 % of the requests came all at once, as the first of their streams, of the other 5 %"},
        {{.n = 64, .streams = 8, .ttft = 100, .tpot = 10}, {.n = 128, .streams = 8, .ttft = 100, .tpot = 10}, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        a = make(&cases[i].a);
        b = make(&cases[i].b);
        compare_runs(&a, &b, 0.02, &c);
        assert_int_equal(c.objections_n, cases[i].says != NULL);
        if (cases[i].says != NULL)
            assert_string_equal(c.objections[0], cases[i].says);
        compare_run_release(&a);
        compare_run_release(&b);
    }
}

/* What failed is in no other figure: it is one of its own. */
static void test_failed(void **state)
{
    (void)state;
    const struct made half = {.label = "half", .n = 120, .streams = 2, .ttft = 50, .tpot = 10, .outcome = "http_429", .well = 2};
    char *text = written((const struct made[]){three[0], half}, 2, COMPARE_TEXT);
    assert_non_null(strstr(text, "failed, % of requests ↓        0.00     50.00      +50.00             lose\n"));
    free(text);
    text = written((const struct made[]){three[0], half}, 2, COMPARE_JSON);
    assert_non_null(strstr(text, "\"failed\":{\"a\":0,\"b\":0.5,"));
    free(text);
    text = written((const struct made[]){three[0], half}, 2, COMPARE_MD);
    assert_non_null(strstr(text, "| failed, % of requests ↓ | 0.00 | 50.00 | +50.00 |  | **lose** |"));
    free(text);
    text = written(three, 2, COMPARE_TEXT);
    assert_null(strstr(text, "failed"));
    free(text);
}

/* A file of anybody's: what it calls its arrivals is shown, harmless and in whole characters. */
static void test_hostile_objection(void **state)
{
    (void)state;
    static const char *const kinds[] = {"\x1b]0;owned\x07\x1b[2J\xe2\x80\xae" "even", /* a long one of letters of two bytes: */
                                        "ääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää"};
    struct compare_run runs[2];
    struct compared c;
    for (int i = 0; i < 2; i++) {
        runs[i] = make(&three[i]);
        cJSON *arrivals = cJSON_AddObjectToObject(runs[i].own->summary = cJSON_CreateObject(), "arrivals");
        cJSON_AddStringToObject(arrivals, "kind", kinds[i]);
    }
    for (int k = 0; k < 2; k++) {
        compare_runs(&runs[k], &runs[1 - k], 0.02, &c);
        assert_int_equal(c.objections_n, 1);
        const char *text = c.objections[0];
        assert_non_null(strstr(text, "\xef\xbf\xbd]0;owned\xef\xbf\xbd\xef\xbf\xbd[2Jeven"));
        assert_non_null(strstr(text, k == 0 ? " against ää" : "ää against "));
        uint32_t cp;
        for (size_t at = 0, n; text[at] != '\0'; at += n) {
            n = utf8_decode(text + at, strlen(text + at), &cp);
            assert_true(n > 0 && cp >= 0x20 && cp != 0x202e);
        }
    }
    for (int i = 0; i < 2; i++)
        compare_run_release(&runs[i]);
}

/* Each other run has a block of its own, and a line at the top. */
static void test_text(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "A  before\nB  same again\nC  slower\n\nB against A\n", "\nC against A\n", "  B is\n", "  C is\n",
        "  TTFT mean ↓                  101 ms    151 ms    +50.3 ms    +50.0 %  lose\n",
        "  TPOT mean ↓                 10.0 ms   10.0 ms        0 µs     +0.0 %  same\n",
    };
    char *text = written(three, 3, COMPARE_TEXT);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        if (strstr(text, lines[i]) == NULL)
            fail_msg("no \"%s\" in:\n%s", lines[i], text);
    free(text);
    text = written(three, 2, COMPARE_TEXT);
    assert_null(strstr(text, "against")); /* of two there is nothing to tell apart */
    free(text);
}

/* What is pasted in an issue: a table that is one, and names that do nothing there. */
static void test_markdown(void **state)
{
    (void)state;
    static const struct made hostile[] = {
        {.label = "before", .n = 120, .streams = 2, .ttft = 100, .tpot = 10}, {.label = "a|b `c` @you <b> \x1b[1m", .n = 120, .streams = 8, .ttft = 150, .tpot = 10}};
    static const char *const lines[] = {
        "* A: `before`\n* B: ``a|b `c` @you <b> \xEF\xBF\xBD[1m``\n\n", /* the fence is longer than those inside */
        "> **Not comparable**: different loads: 2 streams, context 64, output 11 against 8, 64, 11\n\n",
        "| A | B | difference | change | B is |\n|---|--:|--:|--:|--:|---|\n",
        "| TTFT mean ↓ | 101 ms | 151 ms | +50.3 ms | +50.0 % | **lose** |\n",
        "| decode rate mean, tok/s ↑ | ",
    };
    char *text = written(hostile, 2, COMPARE_MD);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        if (strstr(text, lines[i]) == NULL)
            fail_msg("no \"%s\" in:\n%s", lines[i], text);
    assert_null(strchr(text, '\x1b'));
    assert_null(strstr(text, "###"));
    free(text);
    text = written(three, 3, COMPARE_MD);
    assert_non_null(strstr(text, "\n### B against A\n\n"));
    assert_non_null(strstr(text, "\n### C against A\n\n"));
    free(text);
}

static void test_json(void **state)
{
    (void)state;
    char *text = written(three, 3, COMPARE_JSON);
    cJSON *o = cJSON_Parse(text);
    assert_non_null(o);
    const cJSON *list = cJSON_GetObjectItem(o, "comparisons"), *second = cJSON_GetArrayItem(list, 1);
    assert_int_equal(cJSON_GetArraySize(list), 2);
    assert_string_equal(cJSON_GetObjectItem(o, "baseline")->valuestring, "before");
    assert_string_equal(cJSON_GetObjectItem(second, "b")->valuestring, "slower");
    const cJSON *figure, *found = NULL;
    cJSON_ArrayForEach(figure, cJSON_GetObjectItem(second, "metrics"))
    {
        if (strcmp(cJSON_GetObjectItem(figure, "figure")->valuestring, "ttft_p95") == 0)
            found = figure;
    }
    assert_non_null(found);
    assert_string_equal(cJSON_GetObjectItem(found, "verdict")->valuestring, "lose");
    assert_near(cJSON_GetObjectItem(found, "quantile")->valuedouble, 0.95, 0);
    cJSON_Delete(o);
    free(text);
}

/* A matrix of three loads in this order, n requests each, TTFT 100 ms but of `slow` streams 200 ms.  `left`: one that it has not. */
static struct compare_run matrix(const int order[3], int n, int slow, int left)
{
    struct buf b;
    struct err e = {""};
    long long t = 0;
    buf_init(&b, 8u << 20);
    buf_adds(&b, "{\"type\":\"header\",\"format\":1,\"endpoint\":\"chat\",\"prompt\":\"unique\",\"seed\":7}\n");
    for (int k = 0; k < 3; k++) {
        if (order[k] == left)
            continue;
        buf_addf(&b, "{\"type\":\"phase\",\"t\":%lld,\"phase\":%d,\"part\":\"matrix\",\"max_num_seqs\":%d,\"context\":64,\"max_tokens\":11}\n", t, k, order[k]);
        for (int i = 0; i < n; i++, t += 1000 * MS) {
            long long first = t + (order[k] == slow ? 200 : 100) * MS + i % 7 * MS / 5, last = first + 100 * MS + i % 5 * MS / 5;
            buf_addf(&b, "{\"type\":\"request\",\"seq\":%d,\"part\":\"load\",\"phase\":%d,\"outcome\":\"%s\",\"due\":%lld,\"started\":%lld,"
                         "\"sent\":%lld,\"first_event\":%lld,\"first_token\":%lld,\"last_token\":%lld,\"end\":%lld,\"prompt_tokens\":64,"
                         "\"output_tokens\":11,\"first_event_tokens\":1,\"cached_tokens\":0,\"tokens_from\":\"usage\"}\n",
                     k * n + i, k, order[k] == slow && i % 4 == 0 ? "reset" : "ok", t, t, t, first, first, last, last + MS);
        }
    }
    FILE *in = fmemopen(b.data, b.len, "r");
    struct run_file *f = run_file_read(in, "matrix.ndjson", &e);
    fclose(in);
    buf_release(&b);
    assert_non_null(f);
    return (struct compare_run){f, NULL};
}

/* Whatever order they came in, and however many requests each had. */
static void test_load_by_load(void **state)
{
    (void)state;
    struct compare_run a = matrix((const int[]){1, 2, 4}, 40, 0, 0), b = matrix((const int[]){4, 1, 2}, 60, 2, 0), c = matrix((const int[]){2, 4, 1}, 40, 0, 4);
    struct compared whole;
    struct compared_loads l;
    struct buf out;
    compare_runs(&a, &b, 0.02, &whole);
    assert_int_equal(whole.objections_n, 1); /* other numbers of requests */
    compare_loads(&a, &b, 0.02, &l);
    assert_int_equal(l.n, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct compared_load *one = &l.list[i];
        bool slow = one->load->streams == 2;
        assert_int_equal(one->load->streams, 1 << i); /* in the order of size */
        assert_int_equal(one->figures[1].verdict, slow ? VERDICT_LOSE : VERDICT_SAME);
        assert_near(one->figures[1].ratio, slow ? 2 : 1, 0.01);
        assert_int_equal(one->figures[1].n_a, 40);
        assert_int_equal(one->figures[1].n_b, slow ? 45 : 60);
        assert_int_equal(one->figures[4].verdict, VERDICT_SAME); /* TPOT */
        assert_near(one->failed.b, slow ? 0.25 : 0, 1e-9);
        assert_int_equal(one->failed.n_b, 60);
    }
    struct compare_run runs[2] = {a, b};
    buf_init(&out, 1u << 20);
    compare_write(&(struct compare_report){runs, 2, &whole, &l, 0.02}, COMPARE_TEXT, &out);
    assert_non_null(strstr(out.data, "\n  2 streams, 64 + 11               "));
    assert_non_null(strstr(out.data, "+99.4 % lose"));
    buf_clear(&out);
    compare_write(&(struct compare_report){runs, 2, &whole, &l, 0.02}, COMPARE_MD, &out);
    assert_non_null(strstr(out.data, "+99.4 % **lose**"));
    buf_release(&out);
    compared_loads_release(&l);
    compare_loads(&a, &c, 0.02, &l); /* one was ended early */
    assert_int_equal(l.n, 2);
    assert_int_equal(l.list[1].load->streams, 2);
    compared_loads_release(&l);
    compare_run_release(&a);
    compare_run_release(&b);
    compare_run_release(&c);
    struct compare_run x = make(&three[0]), y = make(&three[1]);
    compare_loads(&x, &y, 0.02, &l); /* no loads that a matrix decided */
    assert_int_equal(l.n, 0);
    compare_run_release(&x);
    compare_run_release(&y);
}

static void test_nothing_to_compare(void **state)
{
    (void)state;
    const struct made failed = {.label = "failed", .n = 3, .streams = 2, .ttft = 1, .tpot = 1, .outcome = "http_5xx"}, none = {.label = "none", .streams = 2, .ttft = 1, .tpot = 1};
    struct err e = {""};
    struct compare_run f = make(&failed);
    assert_false(compare_run_usable(&f, &e));
    assert_string_equal(e.msg, "none of the 3 requests of 'made.ndjson' ended well: there is nothing to compare");
    compare_run_release(&f);
    f = make(&none);
    assert_false(compare_run_usable(&f, &e));
    assert_non_null(strstr(e.msg, "holds no measured request"));
    compare_run_release(&f);
    f = make(&three[0]);
    assert_true(compare_run_usable(&f, &e));
    compare_run_release(&f);
}

/* Repeats of a load, parted by a pause, lie 10 ms apart: a difference of less is none. */
static void test_repeats(void **state)
{
    (void)state;
    struct made runs[] = {{.label = "a", .n = 200, .streams = 1, .ttft = 100, .tpot = 10, .shift = 10},
                          {.label = "b", .n = 200, .streams = 1, .ttft = 108, .tpot = 10, .shift = 0.001}};
    char *text = written(runs, 2, COMPARE_TEXT);
    assert_null(strstr(text, "NOT COMPARABLE"));
    assert_null(strstr(strstr(text, "TTFT mean"), "lose\n  TTFT p50"));
    free(text);
    runs[1].ttft = 140; /* more than that is one */
    text = written(runs, 2, COMPARE_TEXT);
    assert_non_null(strstr(strstr(text, "TTFT mean"), "lose\n  TTFT p50"));
    free(text);
    runs[0].shift = 0; /* without repeats nothing is known of a spread */
    runs[1].shift = 0;
    runs[1].ttft = 104;
    text = written(runs, 2, COMPARE_TEXT);
    assert_non_null(strstr(strstr(text, "TTFT mean"), "lose\n  TTFT p50"));
    free(text);
}

/* The memory of the report that this program is made after. */
static void test_memory(void **state)
{
    (void)state;
    const struct made runs[] = {{.label = "14B", .n = 20, .streams = 1, .ttft = 89, .tpot = 78, .ram = 50.1, .gtt = 50.1},
                                {.label = "30B", .n = 20, .streams = 1, .ttft = 116, .tpot = 29, .ram = 46.4, .gtt = 39.7},
                                {.label = "no memory", .n = 20, .streams = 1, .ttft = 116, .tpot = 29}};
    char *text = written(runs, 2, COMPARE_TEXT);
    assert_non_null(strstr(text, "RAM peak, GiB                  50.1      46.4        -3.7     -7.4 %\n"));
    assert_non_null(strstr(text, "GTT peak, GiB                  50.1      39.7       -10.4    -20.8 %\n"));
    free(text);
    const struct made unknown[] = {runs[0], runs[2]};
    text = written(unknown, 2, COMPARE_TEXT);
    assert_null(strstr(text, "GiB"));
    free(text);
    text = written(unknown, 2, COMPARE_JSON);
    assert_non_null(strstr(text, "\"gtt_peak\":{\"a\":50.1,\"b\":null,\"difference\":null}"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures),  cmocka_unit_test(test_verdicts), cmocka_unit_test(test_objections), cmocka_unit_test(test_failed), cmocka_unit_test(test_hostile_objection),
        cmocka_unit_test(test_text),     cmocka_unit_test(test_markdown), cmocka_unit_test(test_json),
        cmocka_unit_test(test_load_by_load), cmocka_unit_test(test_nothing_to_compare), cmocka_unit_test(test_memory),
        cmocka_unit_test(test_repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
