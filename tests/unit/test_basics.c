/* Layer 0: text, buffers, numbers, histograms, figures of lists. */
#include "check.h"

#include "buf.h"
#include "fmt.h"
#include "hist.h"
#include "jsonw.h"
#include "mask.h"
#include "metrics.h"
#include "secret.h"
#include "stats.h"
#include "util.h"

static void test_sanitise(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"plain", "plain"},
        {"a\nb\tc\rd", "a b c d"},
        {"\x1b[31mred\x07", "\xef\xbf\xbd[31mred\xef\xbf\xbd"},
        {"\xc2\x9b" "31m", "\xef\xbf\xbd" "31m"}, /* CSI as one C1 character */
        {"bad \xff\xfe utf", "bad \xef\xbf\xbd\xef\xbf\xbd utf"},
        {"cut \xe4\xbd", "cut \xef\xbf\xbd\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* a surrogate */
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                 /* overlong */
        {"bidi \xe2\x80\xae" "cba", "bidi cba"},
        {"emoji \xf0\x9f\x98\x80", "emoji \xf0\x9f\x98\x80"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[64];
        str_sanitise(out, sizeof out, cases[i].in, strlen(cases[i].in));
        assert_string_equal(out, cases[i].out);
    }
    char small[4];
    struct err e; /* what a message quotes may be anybody's */
    assert_false(err_set(&e, "no file '%s'", "a\nb\033[2Jc"));
    assert_string_equal(e.msg, "no file 'a b\xef\xbf\xbd[2Jc'");
    str_sanitise(small, sizeof small, "ab\xe4\xbd\xa0", 5);
    assert_string_equal(small, "ab"); /* a character is never cut */
    char nul[8];
    str_sanitise(nul, sizeof nul, "a\0b", 3);
    assert_string_equal(nul, "a\xef\xbf\xbd" "b");
}

static void test_buf_bound(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    assert_true(buf_adds(&b, "12345"));
    assert_false(b.cut);
    assert_false(buf_adds(&b, "678901"));
    assert_string_equal(b.data, "12345");
    assert_true(b.cut);
    assert_true(buf_adds(&b, "67890"));
    assert_false(buf_add(&b, "x", 1));
    buf_drop(&b, 3);
    assert_string_equal(b.data, "4567890");
    assert_true(b.cut); /* what is there is not all that was put in, whatever comes later */
    buf_clear(&b);
    assert_false(b.cut);
    assert_false(buf_add_json(&b, "12345\n67890", 11));
    assert_true(b.cut && b.len == 0);
    buf_release(&b);
    assert_false(b.cut);
}

/* What one long answer needed is not kept for all that come after it. */
static void test_buf_forget(void **state)
{
    (void)state;
    static const char block[2000];
    struct buf b;
    buf_init(&b, 4096);
    buf_adds(&b, "short");
    char *kept = b.data;
    buf_forget(&b);
    assert_ptr_equal(b.data, kept);
    assert_int_equal(b.len, 0);
    assert_true(buf_add(&b, block, sizeof block));
    buf_forget(&b);
    assert_null(b.data);
    assert_int_equal(b.cap, 0);
    assert_true(buf_adds(&b, "again"));
    assert_string_equal(b.data, "again");
    buf_release(&b);
}

static void test_json_writer(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4096);
    struct jsonw j = {.out = &b};
    jw_open(&j, NULL, '{');
    jw_str(&j, "t", "a\"\\\n\x01\xff\xc3\xa9\xc2\x9b\x7f\xe2\x80\xae\xe2\x80\xa8");
    jw_num(&j, "nan", (double)NAN, 2);
    jw_num(&j, "x", 1.5000, 4);
    jw_num(&j, "z", -0.00001, 2);
    jw_int(&j, "big", INT64_C(1) << 60);
    jw_open(&j, "l", '[');
    jw_close(&j, ']');
    jw_bool(&j, "b", true);
    jw_close(&j, '}');
    assert_string_equal(b.data, "{\"t\":\"a\\\"\\\\\\u000a\\u0001\xef\xbf\xbd\xc3\xa9\\u009b\\u007f\\u202e\\u2028\",\"nan\":null,\"x\":1.5,\"z\":0,"
                                "\"big\":1152921504606846976,\"l\":[],\"b\":true}");
    buf_release(&b);
}

static void test_formats(void **state)
{
    (void)state;
    char o[FMT_SIZE];
    assert_string_equal(fmt_ms(o, 0.4119), "412 µs");
    assert_string_equal(fmt_ms(o, 9.994), "9.99 ms");
    assert_string_equal(fmt_ms(o, 9.996), "10.0 ms");
    assert_string_equal(fmt_ms(o, 99.96), "100 ms");
    assert_string_equal(fmt_ms(o, 999.6), "1.00 s");
    assert_string_equal(fmt_ms(o, 1232), "1.23 s");
    assert_string_equal(fmt_ms(o, 95000), "95.0 s");
    assert_string_equal(fmt_ms(o, 1e6), "16 m 40 s");
    assert_string_equal(fmt_ms(o, 99951), "1 m 40 s");
    assert_string_equal(fmt_ms(o, 119999), "2 m 00 s");
    assert_string_equal(fmt_ms(o, -90400 * 2), "-3 m 01 s");
    assert_string_equal(fmt_ms(o, (double)NAN), "–");
    assert_string_equal(fmt_rate(o, 131.84), "131.8");
    assert_string_equal(fmt_rate(o, 0), "0.00");
    assert_string_equal(fmt_requests(o, 0.003), "0.003"); /* not none */
    assert_string_equal(fmt_requests(o, 0.025), "0.025");
    assert_string_equal(fmt_requests(o, 0), "0.00");
    assert_string_equal(fmt_requests(o, 0.5), "0.50");
    assert_string_equal(fmt_requests(o, (double)NAN), "–");
    static const struct {
        double v;
        const char *text;
    } numbers[] = {{0, "0"},         {0.001, "0.001"}, {0.00108, "0.00108"}, {0.000012, "0.000012"}, {2, "2"},
                   {2.5, "2.5"},     {14.1421, "14.14"}, {999.96, "1000"},   {1189.2, "1189"},       {9999.6, "10000"},
                   {12345.6, "12346"}, {100000, "100000"}, {-1500, "-1500"}, {(double)NAN, "–"}};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        assert_string_equal(fmt_number(o, numbers[i].v), numbers[i].text);
    assert_string_equal(fmt_count(o, 1234567), "1 234 567");
    assert_string_equal(fmt_count(o, 12), "12");
    assert_string_equal(fmt_gib(o, 54272.0 * 1024 * 1024), "53.0"); /* amdgpu.gttsize=54272 */
    assert_string_equal(fmt_tokens(o, 2048), "2k");
    assert_string_equal(fmt_tokens(o, 1000), "1000");
    assert_string_equal(fmt_about(o, 0.1), "1 s");
    assert_string_equal(fmt_about(o, 9.4), "9 s");
    assert_string_equal(fmt_about(o, 37), "35 s");
    assert_string_equal(fmt_about(o, 87.4), "85 s");
    assert_string_equal(fmt_about(o, 88), "1 min");
    assert_string_equal(fmt_about(o, 3569), "59 min");
    assert_string_equal(fmt_about(o, 3580), "1 h 00 min");
    assert_string_equal(fmt_about(o, 3 * 3600 + 59), "3 h 01 min");
    assert_string_equal(fmt_about(o, (double)NAN), FMT_UNKNOWN);
    assert_string_equal(fmt_clock(o, 3599.9), "00:59:59");
    assert_string_equal(fmt_clock(o, 442800), "123:00:00");
    assert_string_equal(fmt_percent(o, 0.312), "31 %");
    assert_string_equal(fmt_json(o, 0.25, 3), "0.25");
    assert_string_equal(fmt_json(o, -0.0001, 3), "0");
}

/* 0 % is none and 100 % is all of them, and what is below a limit does not look like it. */
static void test_percent(void **state)
{
    (void)state;
    static const struct {
        double share;
        const char *text, *below, *in_short; /* below: a limit of 0.95 */
    } cases[] = {
        {0, "0 %", "0 %", "0 %"},
        {1e-7, "< 0.1 %", "< 0.1 %", "<1 %"},
        {0.0006, "0.1 %", "0.1 %", "<1 %"},
        {0.004, "0.4 %", "0.4 %", "<1 %"},
        {0.005, "0.5 %", "0.5 %", "<1 %"},
        {0.006, "1 %", "1 %", "1 %"},
        {0.94, "94 %", "94 %", "94 %"},
        {0.946, "95 %", "94.6 %", "95 %"},
        {0.94999, "95 %", "< 95 %", "95 %"},
        {950.0 / 1000, "95 %", "95 %", "95 %"},
        {0.952, "95 %", "95 %", "95 %"},
        {0.994, "99 %", "99 %", "99 %"},
        {0.995, "99.5 %", "99.5 %", ">99 %"},
        {0.999, "99.9 %", "99.9 %", ">99 %"},
        {0.9999, "> 99.9 %", "> 99.9 %", ">99 %"},
        {0.1 + 0.1 + 0.1 + 0.1 + 0.1 + 0.1 + 0.1 + 0.1 + 0.1 + 0.1, "100 %", "100 %", "100 %"},
        {1, "100 %", "100 %", "100 %"},
        {1.3, "130 %", "130 %", "130 %"},
        {(double)NAN, FMT_UNKNOWN, FMT_UNKNOWN, FMT_UNKNOWN},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char a[FMT_SIZE], b[FMT_SIZE], c[FMT_SIZE];
        fmt_percent(a, cases[i].share);
        fmt_percent_below(b, cases[i].share, 0.95);
        fmt_percent_short(c, cases[i].share);
        if (strcmp(a, cases[i].text) != 0 || strcmp(b, cases[i].below) != 0 || strcmp(c, cases[i].in_short) != 0)
            fail_msg("%g: '%s', '%s', '%s'", cases[i].share, a, b, c);
    }
}

/* However many decimals are asked for, it is a number and fits. */
static void test_json_decimals(void **state)
{
    (void)state;
    static const double values[] = {0, 5e-324, 1e-14, -1e-14, 0.1, -999999999999999.75, 1e15, -1e308};
    static const int decimals[] = {-5, 0, 14, 15, 40, 301, 2000};
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        for (size_t k = 0; k < ARRAY_LEN(decimals); k++) {
            char out[FMT_SIZE + 8], *end; /* nothing is written behind it */
            memset(out, '#', sizeof out);
            fmt_json(out, values[i], decimals[k]);
            double v = strtod(out, &end);
            assert_int_equal(*end, 0);
            assert_near(v, values[i], fabs(values[i]) * 1e-9 + (decimals[k] < 14 ? 1 : 1e-14));
            for (size_t n = FMT_SIZE; n < sizeof out; n++)
                assert_int_equal(out[n], '#');
        }
}

static void test_parsers(void **state)
{
    (void)state;
    int64_t v = -7;
    static const struct {
        const char *s;
        int64_t ns;
    } good[] = {{"30", 30000000000}, {"500ms", 500000000}, {"1h30m", 5400000000000}, {"1.5s", 1500000000}, {"0", 0}, {"200us", 200000},
              {"0.001ms", 1000}, {"10.123457ms", 10123457}};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(parse_duration(good[i].s, &v));
        assert_int_equal(v, good[i].ns);
    }
    static const int64_t times[] = {0, 1, 1000, 500000, 1000000, 1500000000, 60000000000, 10123457, 1000000001, 315360000000000000};
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        char text[FMT_SIZE];
        assert_true(parse_duration(fmt_duration(text, times[i]), &v));
        assert_int_equal(v, times[i]);
    }
    static const char *const bad[] = {"", "s", "-1s", "1h30", "5 s", "5x", "1e3s", "0x10", "inf", "nan", "1s ", "99999999999999999999d"};
    v = 42;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(parse_duration(bad[i], &v));
        assert_int_equal(v, 42);
    }
    assert_true(parse_tokens("4k", &v));
    assert_int_equal(v, 4096);
    assert_true(parse_count("4k", &v));
    assert_int_equal(v, 4000);
    assert_false(parse_tokens("1.0005k", &v));
    assert_true(parse_tokens("1.5k", &v));
    assert_int_equal(v, 1536);
    assert_true(parse_bytes("2GiB", &v));
    assert_int_equal(v, INT64_C(2) << 30);
    assert_false(parse_bytes("2GB", &v)); /* decimal or binary?  Refused rather than guessed. */
}

static void test_hist_bounds(void **state)
{
    (void)state;
    uint64_t rng = 7;
    for (int i = 0; i < 100000; i++) {
        uint64_t v = rng_next(&rng) >> (16 + rng_next(&rng) % 48);
        size_t k = hist_index(v);
        assert_true(k < HIST_BUCKETS);
        assert_true(hist_low(k) <= v && v < hist_high(k));
        double middle = ((double)hist_low(k) + (double)hist_high(k) - 1) / 2;
        assert_true(fabs(middle - (double)v) <= (double)v / 128 + 1e-9);
    }
    assert_int_equal(hist_index((UINT64_C(1) << 48) - 1), HIST_BUCKETS - 1);
    struct hist *h = calloc(1, sizeof *h);
    hist_add(h, UINT64_MAX, 3);
    assert_int_equal(h->over, 3);
    assert_true(h->max == UINT64_MAX);
    free(h);
}

/* Percentiles from the histogram lie within its stated bound of those of the values, and merging parts is the whole. */
static void test_hist_against_values(void **state)
{
    (void)state;
    enum { N = 5000 };
    struct hist *whole = calloc(1, sizeof *whole), *part = calloc(2, sizeof *part);
    double v[N];
    uint64_t rng = 3;
    for (int i = 0; i < N; i++) {
        uint64_t x = (uint64_t)(1e6 * exp(3 * rng_unit(&rng)));
        v[i] = (double)x;
        hist_add(whole, x, 1);
        hist_add(&part[i % 2], x, 1);
    }
    struct dist a, b, c;
    dist_of_values(&a, v, N);
    dist_of_hist(&b, whole, 1);
    hist_merge(&part[0], &part[1]);
    dist_of_hist(&c, &part[0], 1);
    assert_memory_equal(whole->bucket, part[0].bucket, sizeof whole->bucket);
    const double pairs[][2] = {{a.p50, b.p50}, {a.p90, b.p90}, {a.p95, b.p95}, {a.p99, b.p99}, {a.p999, b.p999}};
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        assert_near(pairs[i][1], pairs[i][0], pairs[i][0] / 100);
    assert_near(b.mean, a.mean, 1e-6 * a.mean);
    assert_near(b.stddev, a.stddev, 1e-6 * a.stddev);
    assert_true(b.min == a.min && b.max == a.max && c.p50 == b.p50);
    free(whole);
    free(part);
}

/* Golden numbers of numpy.percentile(…, method="linear") and numpy.std(ddof=1). */
static void test_dist_golden(void **state)
{
    (void)state;
    double v[] = {1232, 228, 110};
    struct dist d;
    dist_of_values(&d, v, 3);
    assert_near(d.mean, 523.3333333, 1e-6);
    assert_near(d.stddev, 616.5527821, 1e-6);
    assert_near(d.p50, 228, 1e-9);
    assert_near(d.p90, 1031.2, 1e-9);
    assert_near(d.p99, 1211.92, 1e-9);
    double one[] = {5};
    dist_of_values(&d, one, 1);
    assert_unknown(d.stddev);
    assert_near(d.p999, 5, 0);
    dist_of_values(&d, NULL, 0);
    assert_unknown(d.mean);
    assert_unknown(d.p50);
}

static void test_metric_table(void **state)
{
    (void)state;
    for (int i = 0; i < M_COUNT; i++) {
        const struct metric *m = &metrics[i];
        assert_non_null(m->id);
        assert_non_null(m->definition);
        assert_ptr_equal(metric_find(m->id), m);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(metrics[k].key, m->key);
    }
    assert_null(metric_find("nonsense"));
}

/* The last test: what is a secret stays one. */
static void test_secret(void **state)
{
    (void)state;
    char out[96], word[24];
    struct buf b;
    buf_init(&b, 4096);
    struct jsonw j = {.out = &b};
    str_sanitise(out, sizeof out, "key topsecret-1", 15);
    assert_string_equal(out, "key topsecret-1");
    secret_add("topsecret-1", 11);
    secret_add("short", 5);
    secret_add("ollama", 6); /* what people give where none is needed */
    mask_learn("HF_TOKEN=hf_abcdefgh12345 serve --port 8000 --api-key one-key-1234 -c '{\"password\": \"pass-word-9\"}'");
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"key topsecret-1, topsecret-1", "key ***, ***"}, {"topsecret-2 short of Ollama, ollama", "topsecret-2 short of Ollama, ollama"},
        {"… ecret-1 was cut", "… ecret-1 was cut"},       {"ecret-1 was cut", "*** was cut"},
        {"ret-1 says little", "ret-1 says little"},       {"it is topsecret-", "it is ***"},
        {"it is topsec", "it is ***"},                    {"it is topse", "it is topse"},
        {"hf_abcdefgh12345 one-key-1234", "*** ***"},     {"pass-word-9", "***"},
        {"serve --port 8000", "serve --port 8000"},       {"", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        str_sanitise(out, sizeof out, cases[i].in, strlen(cases[i].in));
        assert_string_equal(out, cases[i].out);
        buf_clear(&b);
        j.comma = false;
        jw_str(&j, NULL, cases[i].in);
        assert_memory_equal(b.data + 1, cases[i].out, strlen(cases[i].out));
    }
    for (size_t size = 1; size < sizeof word; size++) { /* no room: nothing of it */
        str_sanitise(word, size, "topsecret-1 and topsecret-1", 27);
        assert_null(strstr(word, "top"));
        assert_true(strlen(word) < size);
    }
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sanitise),     cmocka_unit_test(test_buf_bound),
        cmocka_unit_test(test_buf_forget),
        cmocka_unit_test(test_json_writer),  cmocka_unit_test(test_formats), cmocka_unit_test(test_percent), cmocka_unit_test(test_json_decimals),
        cmocka_unit_test(test_parsers),      cmocka_unit_test(test_hist_bounds),
        cmocka_unit_test(test_hist_against_values), cmocka_unit_test(test_dist_golden),
        cmocka_unit_test(test_metric_table), cmocka_unit_test(test_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
