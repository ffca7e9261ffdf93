/* What is sent beyond plain prompts: files of several kinds, conversations, prefixes that are shared, an agent's shape, fields
 * that the user adds. */
#include "check.h"

#include "load/prompt.h"

#include <cjson/cJSON.h>
#include <unistd.h>

static cJSON *body_of(const struct prompt_set *p, const struct body_spec *spec)
{
    struct buf b;
    buf_init(&b, 1u << 20);
    prompt_body(p, spec, &b);
    cJSON *o = cJSON_Parse(b.data);
    if (o == NULL)
        fail_msg("not JSON: %s", b.data);
    buf_release(&b);
    return o;
}

static const char *content(const cJSON *body, int message)
{
    return cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetArrayItem(cJSON_GetObjectItem(body, "messages"), message), "content"));
}

static const char *role(const cJSON *body, int message)
{
    return cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetArrayItem(cJSON_GetObjectItem(body, "messages"), message), "role"));
}

static int messages(const cJSON *body)
{
    return cJSON_GetArraySize(cJSON_GetObjectItem(body, "messages"));
}

static void load(struct prompt_set *p, const char *text, int64_t turns)
{
    char path[] = "/tmp/tokgauge-test-XXXXXX";
    struct err e;
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    if (!prompt_load(p, path, 1, turns, &e))
        fail_msg("%s", e.msg);
    unlink(path);
}

static const char shared_gpt[] = "{\"id\":\"x\",\"conversations\":[{\"from\":\"system\",\"value\":\"be brief\"},{\"from\":\"human\",\"value\":\"one \\\"1\\\"\"},"
                                 "{\"from\":\"gpt\",\"value\":\"answer\"},{\"from\":\"human\",\"value\":\"two\"}]}\n";
static const char openai[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"},{\"role\":\"user\",\"content\":\"c\"}],"
                             "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"t\"}}]}\n";

static void test_files(void **state)
{
    (void)state;
    struct prompt_set p;
    struct body_spec spec = {.model = "m", .max_tokens = 5};
    load(&p, shared_gpt, 1);
    cJSON *o = body_of(&p, &spec);
    assert_int_equal(messages(o), 2); /* the first turn, with what goes before */
    assert_string_equal(role(o, 0), "system");
    assert_string_equal(content(o, 1), "one \"1\"");
    assert_null(cJSON_GetObjectItem(o, "tools"));
    cJSON_Delete(o);
    prompt_release(&p);

    load(&p, openai, 1);
    o = body_of(&p, &spec);
    assert_int_equal(messages(o), 3); /* as it is */
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(o, "tools")), 1);
    cJSON_Delete(o);
    prompt_release(&p);
}

/* Nothing is sent that the server would refuse, nor less than the line says. */
static void test_bad_files(void **state)
{
    (void)state;
#define LINE(s) (s), sizeof(s) - 1
    static const struct {
        const char *text;
        size_t n;
        const char *why;
    } bad[] = {{LINE("{\"conversations\":[{\"from\":\"alien\",\"value\":\"x\"}]}\n"), ":1: a turn of \"conversations\""},
               {LINE("{\"messages\":[]}\n"), ":1: neither"},
               {LINE("{\"prompt\":\"a\"}\n{\"prompt\":\"b\"} and more\n"), ":2: not JSON, or not only that"},
               {LINE("{\"prompt\":\"a\"}{\"prompt\":\"b\"}\n"), ":1: not JSON, or not only that"},
               {LINE("{\"prompt\":\"a\0b\"}\n"), ":1: not JSON"},
               {LINE("{\"prompt\":\"caf\xe9\"}\n"), ":1: not JSON"},
               {LINE("nonsense\n"), ":1: not JSON"}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct prompt_set p;
        struct err e;
        char path[] = "/tmp/tokgauge-test-XXXXXX";
        int fd = mkstemp(path);
        assert_true(fd >= 0 && write(fd, bad[i].text, bad[i].n) == (ssize_t)bad[i].n);
        close(fd);
        assert_false(prompt_load(&p, path, 1, 1, &e));
        if (strstr(e.msg, bad[i].why) == NULL)
            fail_msg("'%s' does not say '%s'", e.msg, bad[i].why);
        unlink(path);
    }
    struct prompt_set p;
    load(&p, " \t{\"prompt\":\"caf\xc3\xa9\"} \r\n", 1);
    assert_int_equal(p.items_n, 1);
    prompt_release(&p);
}

static void test_turns(void **state)
{
    (void)state;
    struct prompt_set p;
    struct buf history;
    buf_init(&history, 1u << 20);
    load(&p, openai, 3);
    assert_int_equal(prompt_turns(&p, 0), 2);
    struct body_spec spec = {.model = "m", .max_tokens = 5};
    cJSON *o = body_of(&p, &spec);
    assert_int_equal(messages(o), 1); /* what the model said then is not put into its mouth now */
    assert_string_equal(content(o, 0), "a");
    cJSON_Delete(o);
    prompt_messages(&p, &spec, &history);
    buf_adds(&history, ",{\"role\":\"assistant\",\"content\":\"really\"}");
    spec.turn = 1;
    spec.history = history.data;
    o = body_of(&p, &spec);
    assert_int_equal(messages(o), 3);
    assert_string_equal(content(o, 0), "a");
    assert_string_equal(content(o, 1), "really");
    assert_string_equal(content(o, 2), "c");
    cJSON_Delete(o);
    prompt_release(&p);

    /* made-up ones: each turn another text, the same in each run */
    assert_true(prompt_load(&p, "unique", 1, 3, NULL));
    assert_int_equal(prompt_turns(&p, 0), 0);
    spec = (struct body_spec){.model = "m", .words = 40, .seq = 5};
    cJSON *first = body_of(&p, &spec);
    spec.turn = 1;
    cJSON *second = body_of(&p, &spec), *again = body_of(&p, &spec);
    assert_string_not_equal(content(first, 0), content(second, 0));
    assert_string_equal(content(second, 0), content(again, 0));
    cJSON_Delete(first);
    cJSON_Delete(second);
    cJSON_Delete(again);
    prompt_release(&p);
    buf_release(&history);
}

static size_t common(const char *a, const char *b)
{
    size_t n = 0;
    while (a[n] != '\0' && a[n] == b[n])
        n++;
    return n;
}

static void test_prefix(void **state)
{
    (void)state;
    struct prompt_set p;
    struct body_spec spec = {.model = "m", .words = 300};
    cJSON *o[4];
    assert_true(prompt_load(&p, "unique", 1, 1, NULL));
    p.prefix_words = 200;
    p.prefix_count = 2;
    for (uint64_t i = 0; i < 4; i++) {
        spec.seq = i;
        o[i] = body_of(&p, &spec);
    }
    size_t all = strlen(content(o[0], 0));
    assert_true(common(content(o[0], 0), content(o[2], 0)) > all / 2); /* one of two texts, in turn */
    assert_true(common(content(o[1], 0), content(o[3], 0)) > all / 2);
    assert_true(common(content(o[0], 0), content(o[1], 0)) < 30);
    assert_true(common(content(o[0], 0), content(o[2], 0)) < all * 3 / 4); /* then each its own */
    spec.words = 150; /* shorter than the text that is shared: all but a few words of it are */
    cJSON *a = body_of(&p, &spec);
    spec.seq = 1;
    cJSON *b = body_of(&p, &spec);
    assert_true(common(content(a, 0), content(b, 0)) > strlen(content(a, 0)) * 3 / 4);
    assert_string_not_equal(content(a, 0), content(b, 0));
    spec.turn = 1; /* it stands in the first turn already */
    cJSON *later = body_of(&p, &spec);
    assert_true(common(content(b, 0), content(later, 0)) < 30);
    for (int i = 0; i < 4; i++)
        cJSON_Delete(o[i]);
    cJSON_Delete(a);
    cJSON_Delete(b);
    cJSON_Delete(later);
    prompt_release(&p);
}

static void test_agent(void **state)
{
    (void)state;
    struct prompt_set large, small, other;
    struct body_spec spec = {.model = "m", .words = 40, .seq = 1};
    assert_true(prompt_load(&large, "agent", 1, 1, NULL) && prompt_load(&small, "agent-small", 1, 1, NULL) && prompt_load(&other, "agent", 2, 1, NULL));
    cJSON *a = body_of(&large, &spec), *b = body_of(&small, &spec), *c = body_of(&other, &spec);
    assert_int_equal(messages(a), 2);
    assert_string_equal(role(a, 0), "system");
    assert_in_range(strlen(content(a, 0)), 26300, 26500);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(a, "tools")), 23);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(b, "tools")), 3);
    char *tools = cJSON_PrintUnformatted(cJSON_GetObjectItem(a, "tools")), *tools2 = cJSON_PrintUnformatted(cJSON_GetObjectItem(c, "tools"));
    assert_in_range(strlen(tools), 24000, 33000); /* 28 011 characters in the request that it is made after */
    assert_string_equal(tools, tools2); /* the same in every run */
    assert_string_equal(content(a, 0), content(c, 0));
    assert_string_not_equal(content(a, 1), content(c, 1));
    free(tools);
    free(tools2);
    cJSON_Delete(a);
    cJSON_Delete(b);
    cJSON_Delete(c);
    prompt_release(&large);
    prompt_release(&small);
    prompt_release(&other);
}

static void test_extra(void **state)
{
    (void)state;
    struct prompt_set p;
    struct err e;
    unsigned drops;
    assert_true(prompt_load(&p, "unique", 1, 1, NULL));
    assert_true(prompt_check_extra("{\"top_k\": 20, \"temperature\": 0.7, \"a\": {\"b\": [1]}}", &drops, &e));
    assert_int_equal(drops, BODY_TEMPERATURE);
    cJSON *o = body_of(&p, &(struct body_spec){.model = "m", .words = 10, .extra = "{\"top_k\": 20, \"a\": {\"b\": [1]}}"});
    assert_int_equal(cJSON_GetObjectItem(o, "top_k")->valueint, 20);
    assert_true(cJSON_IsObject(cJSON_GetObjectItem(o, "a")));
    cJSON_Delete(o);
    o = body_of(&p, &(struct body_spec){.model = "m", .words = 10, .extra = "{}"});
    cJSON_Delete(o);
    static const char *const bad[] = {"", "[1]", "5", "{", "\"x\"", "{\"model\": \"y\"}", "{\"stream\": false}", "{\"max_tokens\": 5}"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(prompt_check_extra(bad[i], &drops, &e));
    prompt_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_files), cmocka_unit_test(test_bad_files), cmocka_unit_test(test_turns), cmocka_unit_test(test_prefix), cmocka_unit_test(test_agent),
                                       cmocka_unit_test(test_extra)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
