/* The simulated server over real sockets: its default profile, the shape of its answers, its refusals, its
 * counters. */
#include "unit/test_sim_client.h"

/* --- the default profile --- */

/* The model's own time says what is simulated, to the digit; the stamps say that it really happened: no
 * sooner, and later by what a busy machine adds. */
struct figures {
    double ttft_ms, rate;
    struct stream said;
};

static struct figures measure(const struct server *s, const char *content, int tokens)
{
    double first = metric(s, "vllm:time_to_first_token_seconds_sum");
    double gaps = metric(s, "vllm:inter_token_latency_seconds_sum");
    int64_t sent = clock_ns();
    struct figures f = {.said = chat(s, content, tokens)};
    f.ttft_ms = 1000 * (metric(s, "vllm:time_to_first_token_seconds_sum") - first);
    f.rate = (tokens - 1) / (metric(s, "vllm:inter_token_latency_seconds_sum") - gaps);
    double seen = (double)(f.said.first - sent) / 1e6;
    assert_true(seen > f.ttft_ms - 1);
    if (tokens > 1) {
        double took = (double)(f.said.last - sent) / 1e6;
        assert_true(took > f.ttft_ms + 1000 * (tokens - 1) / f.rate - 1);
    }
    return f;
}

static void assert_between(double v, double least, double most)
{
    if (!(v >= least && v <= most))
        fail_msg("%g is not between %g and %g", v, least, most);
}

static void four_share_the_step(const struct server *s)
{
    int fd[4];
    double gaps = metric(s, "vllm:inter_token_latency_seconds_sum");
    for (int i = 0; i < 4; i++) {
        char name[16];
        snprintf(name, sizeof name, "stream %d", i);
        fd[i] = send_chat(s, name, 61);
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(read_stream(fd[i]).texts, 61);
    assert_between(4 * 60 / (metric(s, "vllm:inter_token_latency_seconds_sum") - gaps), 32.5, 33.5);
}

static void the_default_is_the_users_machine(void **state)
{
    (void)state;
    struct sim_config c;
    sim_config_default(&c);
    struct server s = start(&c);
    assert_between(measure(&s, "Say hello to the world", 1).ttft_ms, 1150, 1260);
    struct figures f = measure(&s, "Tell me a story about a river", 31);
    assert_between(f.ttft_ms, 70, 120);
    assert_between(f.rate, 33.6, 34.4);
    four_share_the_step(&s);

    struct buf words;
    buf_init(&words, 65536);
    for (int i = 0; i < 4096 - 13; i++)
        buf_addf(&words, i > 0 ? " w%d" : "w%d", i);
    f = measure(&s, words.data, 1);
    assert_between(f.ttft_ms, 1750, 1850);
    assert_int_equal(f.said.prompt, 4096);
    assert_int_equal(f.said.cached, 0);
    f = measure(&s, words.data, 1);
    assert_between(f.ttft_ms, 70, 120);
    assert_int_equal(f.said.cached, 4080);
    buf_release(&words);

    cJSON *j = ask_json(&s, "/v1/models", "", 200);
    assert_string_equal(string_at(j, "data.0.id"), "btbtyler09/Qwen3-Coder-30B-A3B-Instruct-gptq-4bit");
    assert_string_equal(string_at(j, "data.0.owned_by"), "vllm");
    assert_int_equal(int_at(j, "data.0.max_model_len"), 16384);
    cJSON_Delete(j);
    stop(&s);
}

/* --- shape --- */

static void a_stream_has_vllms_shape(void **state)
{
    (void)state;
    struct sim_config c = quick();
    struct server s = start(&c);
    struct stream t = chat(&s, "hello", 12), again = chat(&s, "hello", 12);
    assert_int_equal(t.roles, 1);
    assert_int_equal(t.texts, 12);
    assert_int_equal(t.usages, 1);
    assert_int_equal(t.completion, 12);
    assert_string_equal(t.finish, "length");
    assert_string_equal(t.text, again.text);

    char *body = xasprintf("{\"prompt\":\"hello\",\"stream\":true,\"max_completion_tokens\":99,\"max_"
                           "tokens\":400,\"stream_options\":"
                           "{\"include_usage\":true,\"continuous_usage_stats\":true}}");
    t = read_stream(send_request(s.port, "POST", "/v1/completions", "", body));
    free(body);
    assert_int_equal(t.roles, 0);
    assert_string_equal(t.finish, "stop");
    assert_in_range(t.completion, 61, 401);
    assert_int_equal(t.texts, t.completion - 1); /* the end-of-text token says nothing */
    assert_int_equal(t.usages, t.completion + 1);
    stop(&s);
}

static void whole_answers_are_the_same_text(void **state)
{
    (void)state;
    struct sim_config c = quick();
    struct server s = start(&c);
    struct stream t = chat(&s, "hello", 30);
    cJSON *j = ask_json(
        &s, CHAT,
        "{\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}],\"max_tokens\":30,\"ignore_eos\":true}",
        200);
    assert_string_equal(string_at(j, "choices.0.message.content"), t.text);
    assert_string_equal(string_at(j, "choices.0.finish_reason"), "length");
    assert_int_equal(int_at(j, "usage.completion_tokens"), 30);
    cJSON_Delete(j);
    stop(&s);
}

static void stop_strings_end_the_text(void **state)
{
    (void)state;
    struct sim_config c = quick();
    struct server s = start(&c);
    cJSON *j =
        ask_json(&s, "/v1/completions", "{\"prompt\":\"x\",\"max_tokens\":40,\"stop\":[\"zzz\",\".\"]}", 200);
    const char *text = string_at(j, "choices.0.text");
    assert_true(strlen(text) > 20);
    assert_null(strchr(text, '.'));
    assert_string_equal(string_at(j, "choices.0.finish_reason"), "stop");
    assert_string_equal(string_at(j, "choices.0.stop_reason"), ".");
    assert_int_equal(int_at(j, "usage.completion_tokens"), 12); /* the sentence has eleven words */
    cJSON_Delete(j);
    stop(&s);
}

static void usage_says_what_tokenize_counts(void **state)
{
    (void)state;
    static const char *const content[] = {"", "hello", "Internationalisation,  of (things)",
                                          "a\\n\\n b\\tc 123456789012",
                                          "\\u00e9\\u4e2d\\u6587 \\ud83d\\ude00!"};
    struct sim_config c = quick();
    struct server s = start(&c);
    for (size_t i = 0; i < ARRAY_LEN(content); i++) {
        struct stream t = chat(&s, content[i], 1);
        char *body = xasprintf(
            "{\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}],\"add_generation_prompt\":true}",
            content[i]);
        cJSON *j = ask_json(&s, "/tokenize", body, 200);
        assert_int_equal(int_at(j, "count"), t.prompt);
        assert_int_equal(cJSON_GetArraySize(at(j, "tokens")), t.prompt);
        cJSON_Delete(j);
        free(body);

        body = xasprintf("{\"prompt\":\"%s\"}", content[i]);
        j = ask_json(&s, "/tokenize", body, 200);
        char *tokens = cJSON_PrintUnformatted(at(j, "tokens")), *back = xasprintf("{\"tokens\":%s}", tokens);
        cJSON *text = ask_json(&s, "/detokenize", back, 200), *wanted = cJSON_Parse(body);
        assert_string_equal(string_at(text, "prompt"), string_at(wanted, "prompt"));
        cJSON_Delete(text);
        cJSON_Delete(wanted);
        cJSON_Delete(j);
        cJSON_free(tokens);
        free(back);
        free(body);
    }
    struct stream t = chat(&s, "hello", 50);
    char *body = xasprintf("{\"prompt\":\"%s\"}", t.text);
    cJSON *j = ask_json(&s, "/tokenize", body, 200);
    assert_int_equal(int_at(j, "count"), 50);
    cJSON_Delete(j);
    free(body);
    stop(&s);
}

static void tokens_can_come_in_bundles_without_usage(void **state)
{
    (void)state;
    struct sim_config c = quick();
    c.tokens_per_event = 4;
    c.no_usage = true;
    c.close_after = true;
    struct server s = start(&c);
    struct reply r = read_reply(send_chat(&s, "hello", 10));
    assert_true(r.terminated);
    struct stream t = parse_stream(&r);
    assert_int_equal(t.texts, 4); /* after 1, 5, 9 and 10 tokens */
    assert_int_equal(t.usages, 0);
    assert_true(t.done);
    reply_release(&r);
    stop(&s);
}

/* --- refusals --- */

static void what_is_wrong_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"{", "JSON decode error"},
        {"[]", "JSON decode error"},
        {"{}", "Field required"},
        {"{\"messages\":[]}", "at least one"},
        {"{\"messages\":[5]}", "role"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"max_tokens\":0}", "at least 1"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"max_tokens\":20000}",
         "This model's maximum context length is 16384 tokens. However, you requested 20014 tokens (14 in "
         "the messages"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"max_tokens\":5,\"min_tokens\":6}",
         "min_tokens"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"stream_options\":{}}", "stream=True"},
    };
    struct sim_config c = quick();
    struct server s = start(&c);
    cJSON *j;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        j = ask_json(&s, CHAT, wrong[i][0], 400);
        assert_non_null(strstr(string_at(j, "error.message"), wrong[i][1]));
        assert_int_equal(int_at(j, "error.code"), 400);
        cJSON_Delete(j);
    }
    j = ask_json(&s, CHAT, "{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}", 404);
    assert_string_equal(string_at(j, "error.message"), "The model `x` does not exist.");
    cJSON_Delete(j);
    cJSON_Delete(ask_json(&s, "/nothing", "", 404));
    cJSON_Delete(ask_json(&s, CHAT, "", 405));
    stop(&s);
}

static void a_key_is_asked_for(void **state)
{
    (void)state;
    struct sim_config c = quick();
    c.api_key = "secret";
    struct server s = start(&c);
    static const struct {
        const char *header;
        int status;
    } row[] = {
        {"", 401}, {"Authorization: Bearer wrong\r\n", 401}, {"Authorization: Bearer secret\r\n", 200}};
    for (size_t i = 0; i < ARRAY_LEN(row); i++) {
        struct reply r = ask(&s, "GET", "/v1/models", row[i].header, "");
        assert_int_equal(r.status, row[i].status);
        reply_release(&r);
    }
    struct reply r = ask(&s, "GET", "/health", "", "");
    assert_int_equal(r.status, 200);
    assert_int_equal(r.body.len, 0);
    reply_release(&r);
    stop(&s);
}

/* --- the metrics page --- */

static void the_page_has_the_memory(void **state)
{
    (void)state;
    struct sim_config c = quick();
    struct server s = start(&c);
    chat(&s, "hello", 10);
    assert_true(metric(&s, "tokgauge_sim_gtt_total_bytes") == 56908316672.0);
    assert_true(metric(&s, "tokgauge_sim_ram_used_bytes") > 46e9);
    assert_true(metric(&s, "vllm:generation_tokens_total") == 10);
    assert_true(metric(&s, "vllm:prompt_tokens_total") == 14);
    assert_true(metric(&s, "vllm:time_to_first_token_seconds_count") == 1);
    stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_is_the_users_machine),
        cmocka_unit_test(a_stream_has_vllms_shape),
        cmocka_unit_test(whole_answers_are_the_same_text),
        cmocka_unit_test(stop_strings_end_the_text),
        cmocka_unit_test(usage_says_what_tokenize_counts),
        cmocka_unit_test(tokens_can_come_in_bundles_without_usage),
        cmocka_unit_test(what_is_wrong_is_refused),
        cmocka_unit_test(a_key_is_asked_for),
        cmocka_unit_test(the_page_has_the_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
