/* Prompts and bodies, URLs, counters pages, /proc, the run file. */
#include "check.h"

#include "host/host.h"
#include "host/system.h"
#include "load/counter.h"
#include "load/http.h"
#include "load/prompt.h"
#include "load/server.h"
#include "load/workload.h"
#include "measure/promtext.h"
#include "report/runlog.h"
#include "watch/scrape.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char *body(const struct prompt_set *p, uint64_t seq, size_t words, unsigned fields, enum endpoint endpoint)
{
    static struct buf b;
    buf_release(&b);
    buf_init(&b, 1 << 24);
    prompt_body(p, &(struct body_spec){.model = "m\"x", .endpoint = endpoint, .fields = fields, .max_tokens = 7, .seq = seq,
                                       .words = words}, &b);
    return b.data;
}

static int count_words(const char *s)
{
    int n = *s != '\0';
    for (; *s != '\0'; s++)
        n += *s == ' ';
    return n;
}

static void test_prompt_salt(void **state)
{
    (void)state;
    struct prompt_set p;
    assert_true(prompt_load(&p, "unique", 1, 1, NULL));
    struct buf a, b;
    buf_init(&a, 1 << 20);
    buf_init(&b, 1 << 20);
    prompt_text(&p, 1, 500, &a);
    prompt_text(&p, 2, 500, &b);
    assert_int_equal(count_words(a.data), 500);
    size_t same = 0;
    while (a.data[same] == b.data[same])
        same++;
    assert_true(same < 40); /* they part within the first block of 16 tokens */
    buf_clear(&b);
    prompt_text(&p, 1, 500, &b);
    assert_string_equal(a.data, b.data); /* the same number, the same prompt */
    prompt_load(&p, "shared", 1, 1, NULL);
    buf_clear(&a);
    buf_clear(&b);
    prompt_text(&p, 1, 100, &a);
    prompt_text(&p, 2, 100, &b);
    assert_string_equal(a.data, b.data);
    buf_release(&a);
    buf_release(&b);
}

static void test_body(void **state)
{
    (void)state;
    struct prompt_set p;
    prompt_load(&p, "unique", 1, 1, NULL);
    cJSON *o = cJSON_Parse(body(&p, 3, 50, ~0u, ENDPOINT_CHAT));
    assert_non_null(o);
    assert_string_equal(cJSON_GetObjectItem(o, "model")->valuestring, "m\"x");
    const char *text = cJSON_GetObjectItem(cJSON_GetArrayItem(cJSON_GetObjectItem(o, "messages"), 0), "content")->valuestring;
    assert_int_equal(count_words(text), 50);
    assert_int_equal(cJSON_GetObjectItem(o, "max_tokens")->valueint, 7);
    assert_int_equal(cJSON_GetObjectItem(o, "min_tokens")->valueint, 7);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(o, "ignore_eos")));
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(o, "stream")));
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(cJSON_GetObjectItem(o, "stream_options"), "continuous_usage_stats")));
    cJSON_Delete(o);
    o = cJSON_Parse(body(&p, 3, 50, BODY_MAX_COMPLETION, ENDPOINT_COMPLETIONS));
    assert_int_equal(count_words(cJSON_GetObjectItem(o, "prompt")->valuestring), 50);
    assert_null(cJSON_GetObjectItem(o, "max_tokens"));
    assert_null(cJSON_GetObjectItem(o, "stream_options"));
    assert_int_equal(cJSON_GetObjectItem(o, "max_completion_tokens")->valueint, 7);
    cJSON_Delete(o);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_prompt_file(void **state)
{
    (void)state;
    char path[] = "/tmp/tokgauge-test-XXXXXX";
    close(mkstemp(path));
    struct prompt_set p;
    struct err e;
    write_file(path, "{\"prompt\":\"one \\\"two\\\"\"}\n\n{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}\n");
    assert_true(prompt_load(&p, path, 1, 1, &e));
    assert_int_equal(p.items_n, 2);
    cJSON *o = cJSON_Parse(body(&p, 2, 0, 0, ENDPOINT_CHAT)); /* 2 mod 2: the first line */
    assert_string_equal(
        cJSON_GetObjectItem(cJSON_GetArrayItem(cJSON_GetObjectItem(o, "messages"), 0), "content")->valuestring, "one \"two\"");
    cJSON_Delete(o);
    prompt_release(&p);
    static const struct {
        const char *text, *error;
    } bad[] = {
        {"{\"prompt\":\"a\"}\n{nonsense\n", ":2: not JSON"},
        {"{\"text\":\"a\"}\n", ":1: neither"},
        {"{\"messages\":[]}\n", ":1: neither"},
        {"\n\n", "no prompts"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        write_file(path, bad[i].text);
        assert_false(prompt_load(&p, path, 1, 1, &e));
        assert_non_null(strstr(e.msg, bad[i].error));
        assert_non_null(strstr(e.msg, path));
    }
    unlink(path);
    assert_false(prompt_load(&p, path, 1, 1, &e));
    assert_non_null(strstr(e.msg, "No such file"));
}

static void test_prompt_words(void **state)
{
    (void)state;
    struct prompt_scale s = {.base = 13, .per_word = 1.25};
    assert_int_equal(prompt_words(&s, 1013), 800);
    assert_int_equal(prompt_words(&s, 5), PROMPT_MIN_WORDS);
}

static void test_server_base(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } good[] = {
        {"127.0.0.1:8000", "http://127.0.0.1:8000"},
        {"http://h:8000/", "http://h:8000"},
        {"http://h:8000/v1", "http://h:8000"},
        {"https://h/v1/chat/completions", "https://h"},
        {"http://h/proxy/v1/", "http://h/proxy"},
        {"http://h/v10", "http://h/v10"},
        {"http://[::1]:8000", "http://[::1]:8000"},
    };
    char out[512];
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(server_base(good[i].in, out, sizeof out));
        assert_string_equal(out, good[i].out);
    }
    static const char *const bad[] = {"", "http://", "ftp://h", "file:///etc/passwd", "http:// h", "/v1"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(server_base(bad[i], out, sizeof out));
}

static void test_workload(void **state)
{
    (void)state;
    struct workload w = {.warmup = 3, .requests = 5};
    struct workload_item it;
    for (uint64_t seq = 0; seq < 12; seq++) {
        bool more = workload_next(&w, seq, 77, &it);
        assert_int_equal(more, seq < 8);
        if (more) {
            assert_int_equal(it.warmup, seq < 3);
            assert_int_equal(it.due, 77);
        }
    }
    w.requests = 0;
    assert_true(workload_next(&w, UINT64_C(1) << 40, 77, &it));
}

static const struct server_kind *kind(const char *name)
{
    for (const struct server_kind *k = server_kinds;; k++)
        if (k->port == 0 || strcmp(k->name, name) == 0)
            return k;
}

static void test_counters(void **state)
{
    (void)state;
    static const char *const files[] = {"fixtures/llamacpp-2026-metrics.txt", "fixtures/llamacpp-2025-metrics.txt"};
    struct server_sample s;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        size_t n;
        char *page = read_whole(files[i], &n);
        scrape_read(kind("llama.cpp"), page, n, &s);
        assert_near(s.running, 0, 0);
        assert_near(s.waiting, 0, 0);
        free(page);
    }
    static const char vllm[] = "# HELP x y\n"
                               "vllm:num_requests_running{engine=\"0\",model_name=\"a } \\\" b\"} 3.0\n"
                               "vllm:num_requests_running{engine=\"1\"} 2\n"
                               "vllm:num_requests_waiting 7 1700000000\r\n"
                               "vllm:gpu_cache_usage_perc{engine=\"0\"} 0.25\n"
                               "vllm:prefix_cache_hits_total NaN\n"
                               "broken{ 1\nalso broken\n{} 4\n"
                               "vllm:num_requests_running_other 99";
    scrape_read(kind("vLLM"), vllm, sizeof vllm - 1, &s);
    assert_near(s.running, 5, 0);
    assert_near(s.waiting, 7, 0);
    assert_near(s.kv_used, 0.25, 0); /* the old name */
    assert_unknown(s.counted.counter[CNT_PREFIX_HITS]);
    assert_int_equal(s.lines, 5);
    assert_int_equal(s.bad_lines, 4); /* the last line is not ended: its number may be cut */
    assert_unknown(s.gtt_used);
    for (size_t cut = 0; cut < sizeof vllm - 1; cut++) { /* cut anywhere: never a fault */
        char *copy = malloc(cut + 1);
        memcpy(copy, vllm, cut);
        scrape_read(kind("vLLM"), copy, cut, &s);
        free(copy);
    }
    scrape_read(kind("vLLM"), "<html>no</html>", 15, &s);
    assert_unknown(s.running);
    assert_false(s.page);
}

static void test_meminfo(void **state)
{
    (void)state;
    struct host_memory m;
    host_parse_meminfo("MemTotal:       64312345 kB\nMemFree: 1 kB\nMemAvailable:   15728640 kB\nSwapTotal: 0 kB\n", &m);
    assert_near(m.total, 64312345.0 * 1024, 0);
    assert_near(m.available, 15.0 * 1024 * 1024 * 1024, 0);
    assert_near(m.used, m.total - m.available, 0);
    assert_near(m.swap_total, 0, 0);
    assert_unknown(m.swap_free);
    host_parse_meminfo("MemTotal: lots kB\nMemAvailable: 5\nXMemTotal: 1 kB", &m);
    assert_unknown(m.total);
    assert_unknown(m.used);
    struct err e;
    assert_false(host_read_memory("/nowhere", NULL, &m, &e));
    assert_unknown(m.total);
}

static void test_runlog(void **state)
{
    (void)state;
    char folder[] = "/tmp/tokgauge-test-XXXXXX", path[64], why[128];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/run.ndjson", folder);
    struct err e;
    struct runlog *r = runlog_open(path, "x", &e);
    assert_non_null(r);
    struct buf line;
    buf_init(&line, 100);
    for (int i = 0; i < 1000; i++) {
        buf_clear(&line);
        buf_addf(&line, "{\"n\":%d}", i);
        runlog_add(r, &line);
    }
    buf_release(&line);
    assert_int_equal(runlog_close(r, why, sizeof why), 0);
    FILE *f = fopen(path, "r");
    char got[64], want[64];
    for (int i = 0; i < 1000; i++) {
        assert_non_null(fgets(got, sizeof got, f));
        snprintf(want, sizeof want, "{\"n\":%d}\n", i);
        assert_string_equal(got, want);
    }
    assert_null(fgets(got, sizeof got, f));
    fclose(f);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_null(runlog_open(path, "x", &e)); /* never written over */
    assert_false(runlog_check(path, &e));
    assert_non_null(strstr(e.msg, path));
    char link[80];
    snprintf(link, sizeof link, "%s/link", folder);
    assert_int_equal(symlink("/tmp/tokgauge-elsewhere", link), 0);
    assert_null(runlog_open(link, "x", &e));
    unlink(link);
    unlink(path);

    setenv("XDG_STATE_HOME", folder, 1);
    struct runlog *a = runlog_open(NULL, "org/mo del\x1b/../x", &e), *b = runlog_open(NULL, "org/mo del\x1b/../x", &e);
    assert_true(a != NULL && b != NULL);
    assert_string_not_equal(runlog_path(a), runlog_path(b)); /* two runs never write one file */
    assert_null(strstr(runlog_path(a) + strlen(folder), ".."));
    char rm[96];
    runlog_close(a, why, sizeof why);
    runlog_close(b, why, sizeof why);
    snprintf(rm, sizeof rm, "rm -rf %s", folder);
    assert_int_equal(system(rm), 0);
}

/* A tokenizer that takes a connection and never answers: requests are not kept back longer than the engine wants, and the
 * thread ends when it is told to. */
static void test_counter(void **state)
{
    (void)state;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    struct server_info server = {.kind = &server_kinds[0]};
    snprintf(server.base, sizeof server.base, "http://127.0.0.1:%d", ntohs(at.sin_port));
    struct http_settings http = {0};
    struct counter *c = counter_start(&server, &http);
    for (int i = 0; i < 40; i++) {
        struct row r = {.tl.end = 1000 + i, .tl.source = TOK_EVENTS, .tl.events = 3, .tl.output_tokens = 3, .seq = (uint64_t)i,
                        .text = strdup("one two three")};
        counter_put(c, &r);
    }
    int conn = accept(fd, NULL, NULL); /* it is at the first one now */
    struct row r;
    assert_false(counter_take(c, 1000, &r));
    for (int i = 0; i < 30; i++) {
        assert_true(counter_take(c, 1030, &r));
        assert_int_equal(r.seq, i);
        assert_string_equal(r.text, "one two three"); /* the caller's now */
        free(r.text);
        assert_int_equal(r.tl.source, TOK_EVENTS);
    }
    assert_false(counter_take(c, 1030, &r));
    assert_int_equal(counter_pending(c), 10);
    counter_stop(c);
    for (int i = 30; i < 40; i++) {
        assert_true(counter_take(c, 0, &r));
        assert_int_equal(r.seq, i);
        free(r.text);
    }
    assert_int_equal(counter_pending(c), 0);
    counter_free(c);
    close(conn);
    close(fd);
}

/* Lines of any length, with a bound; NULs, no end of line at the end. */
static void test_read_line(void **state)
{
    (void)state;
    FILE *f = tmpfile();
    for (int i = 0; i < 20000; i++)
        fputc('a', f);
    fwrite("\n\nb\0c\nlast", 1, 10, f);
    rewind(f);
    struct buf b;
    bool whole;
    buf_init(&b, 9000);
    assert_true(buf_read_line(f, &b, &whole));
    assert_false(whole);
    assert_true(b.len <= 9000);
    do /* the rest of it */
        assert_true(buf_read_line(f, &b, &whole));
    while (!whole);
    assert_true(buf_read_line(f, &b, &whole) && whole && b.len == 0 && b.data != NULL);
    assert_true(buf_read_line(f, &b, &whole) && whole && b.len == 3 && memcmp(b.data, "b\0c", 3) == 0);
    assert_true(buf_read_line(f, &b, &whole) && whole && strcmp(b.data, "last") == 0);
    assert_false(buf_read_line(f, &b, &whole));
    buf_release(&b);
    fclose(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prompt_salt), cmocka_unit_test(test_body),        cmocka_unit_test(test_prompt_file),
        cmocka_unit_test(test_prompt_words), cmocka_unit_test(test_server_base), cmocka_unit_test(test_workload),
        cmocka_unit_test(test_counters),    cmocka_unit_test(test_meminfo),     cmocka_unit_test(test_runlog),
        cmocka_unit_test(test_counter),     cmocka_unit_test(test_read_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
