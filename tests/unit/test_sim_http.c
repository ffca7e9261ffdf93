/* The simulated server over real sockets.  Times are compared by the server's own stamps, so that a slow
 * machine does not fail the test; bounds against the client's clock are wide. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "buf.h"
#include "clock.h"
#include "sim/sim.h"
#include "util.h"

#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHAT "/v1/chat/completions"
#define STAMP "X-Tokgauge-Stamp: 1\r\n"
#define REPLY_MAX (16 << 20)

/* --- a server of the test's own --- */

struct server {
    pid_t pid;
    int port;
};

static struct sim_config quick(void)
{
    struct sim_config c;
    sim_config_default(&c);
    c.step_ms = 1;
    c.step_seq_ms = 0;
    c.overhead_ms = 0;
    c.cold_ms = 0;
    c.jitter = 0;
    c.prefill_rate = 1e6;
    c.model = "m";
    return c;
}

static struct server start(const struct sim_config *c)
{
    int line[2];
    assert_int_equal(pipe(line), 0);
    struct server s = {.pid = fork()};
    assert_true(s.pid >= 0);
    if (s.pid == 0) {
        dup2(line[1], STDOUT_FILENO);
        close(line[0]);
        close(line[1]);
        struct err e;
        _exit(sim_run(c, true, &e));
    }
    close(line[1]);
    FILE *f = fdopen(line[0], "r");
    char text[128] = "";
    assert_non_null(fgets(text, sizeof text, f));
    assert_int_equal(sscanf(text, "listening on http://127.0.0.1:%d", &s.port), 1);
    fclose(f);
    return s;
}

static void stop(const struct server *s)
{
    int status;
    kill(s->pid, SIGTERM);
    assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* --- a client --- */

static int send_request(int port, const char *method, const char *path, const char *headers, const char *body)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    struct timeval patience = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    char *head = xasprintf("%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%sContent-Length: %zu\r\n\r\n",
                           method, path, headers, strlen(body));
    assert_int_equal(send(fd, head, strlen(head), MSG_NOSIGNAL), strlen(head));
    assert_int_equal(send(fd, body, strlen(body), MSG_NOSIGNAL), strlen(body));
    free(head);
    return fd;
}

enum ending { ENDED, RESET, SILENT };

struct reply {
    int status;
    enum ending ending;
    bool terminated; /* the last chunk was there */
    char *head;
    struct buf body;
};

static void unchunk(struct reply *r, const char *p)
{
    for (;;) {
        char *data;
        size_t n = strtoul(p, &data, 16);
        if (data == p || strncmp(data, "\r\n", 2) != 0 || strlen(data + 2) < n)
            return;
        buf_add(&r->body, data + 2, n);
        p = data + 2 + n + 2;
        r->terminated = n == 0;
    }
}

static struct reply read_reply(int fd)
{
    struct reply r = {.ending = ENDED};
    struct buf raw;
    buf_init(&raw, REPLY_MAX);
    buf_init(&r.body, REPLY_MAX);
    char part[65536];
    ssize_t n;
    while ((n = recv(fd, part, sizeof part, 0)) > 0)
        buf_add(&raw, part, (size_t)n);
    if (n < 0)
        r.ending = errno == ECONNRESET ? RESET : SILENT;
    close(fd);
    const char *body = raw.len > 0 ? strstr(raw.data, "\r\n\r\n") : NULL;
    if (body != NULL) {
        r.head = xasprintf("%.*s", (int)(body - raw.data), raw.data);
        r.status = atoi(r.head + 9);
        if (strstr(r.head, "Transfer-Encoding: chunked") != NULL)
            unchunk(&r, body + 4);
        else
            buf_adds(&r.body, body + 4);
    }
    buf_release(&raw);
    return r;
}

static void reply_release(struct reply *r)
{
    free(r->head);
    buf_release(&r->body);
}

static struct reply ask(const struct server *s, const char *method, const char *path, const char *headers,
                        const char *body)
{
    return read_reply(send_request(s->port, method, path, headers, body));
}

static cJSON *ask_json(const struct server *s, const char *path, const char *body, int status)
{
    struct reply r = ask(s, body[0] != '\0' ? "POST" : "GET", path, "", body);
    assert_int_equal(r.status, status);
    assert_non_null(strstr(r.head, "X-Tokgauge-Sim: 1"));
    cJSON *j = cJSON_Parse(r.body.data);
    assert_non_null(j);
    reply_release(&r);
    return j;
}

/* A number by a path of names and indices: "choices.0.index". */
static const cJSON *at(const cJSON *j, const char *path)
{
    char name[64];
    while (j != NULL && *path != '\0') {
        size_t n = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)n, path);
        j = cJSON_IsArray(j) ? cJSON_GetArrayItem(j, atoi(name)) : cJSON_GetObjectItemCaseSensitive(j, name);
        path += n + (path[n] == '.');
    }
    return j;
}

static int int_at(const cJSON *j, const char *path)
{
    const cJSON *v = at(j, path);
    return cJSON_IsNumber(v) ? v->valueint : -1;
}

static const char *string_at(const cJSON *j, const char *path)
{
    const cJSON *v = at(j, path);
    return cJSON_IsString(v) ? v->valuestring : "";
}

/* --- what a stream said --- */

struct stream {
    int roles, texts, usages, malformed, errors, after_done;
    bool done;
    char finish[16], text[4096];
    int prompt, completion, cached; /* of the last usage */
    int64_t first, last;            /* stamps of events with text */
};

static void take_event(struct stream *s, const cJSON *j)
{
    s->errors += at(j, "error") != NULL;
    s->roles += string_at(j, "choices.0.delta.role")[0] != '\0';
    const char *text = string_at(j, "choices.0.delta.content");
    if (text[0] == '\0')
        text = string_at(j, "choices.0.text");
    const cJSON *stamp = at(j, "stamp_ns");
    if (text[0] != '\0') {
        strncat(s->text, text, sizeof s->text - strlen(s->text) - 1);
        s->last = stamp != NULL ? (int64_t)stamp->valuedouble : 0;
        if (s->texts++ == 0)
            s->first = s->last;
    }
    if (string_at(j, "choices.0.finish_reason")[0] != '\0')
        str_copy(s->finish, sizeof s->finish, string_at(j, "choices.0.finish_reason"));
    if (at(j, "usage") != NULL) {
        s->usages++;
        s->prompt = int_at(j, "usage.prompt_tokens");
        s->completion = int_at(j, "usage.completion_tokens");
        s->cached = int_at(j, "usage.prompt_tokens_details.cached_tokens");
    }
}

static struct stream parse_stream(const struct reply *r)
{
    struct stream s = {0};
    for (char *p = r->body.data; p != NULL && (p = strstr(p, "data: ")) != NULL;) {
        p += 6;
        char *end = strstr(p, "\n\n");
        if (end == NULL)
            break;
        *end = '\0';
        s.after_done += s.done;
        if (strcmp(p, "[DONE]") == 0) {
            s.done = true;
        } else {
            cJSON *j = cJSON_Parse(p);
            if (j != NULL)
                take_event(&s, j);
            else
                s.malformed++;
            cJSON_Delete(j);
        }
        p = end + 2;
    }
    return s;
}

static char *chat_body(const char *content, int tokens)
{
    return xasprintf(
        "{\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}],\"stream\":true,\"max_tokens\":%d,"
        "\"ignore_eos\":true,\"stream_options\":{\"include_usage\":true}}",
        content, tokens);
}

static int send_chat(const struct server *s, const char *content, int tokens)
{
    char *body = chat_body(content, tokens);
    int fd = send_request(s->port, "POST", CHAT, STAMP, body);
    free(body);
    return fd;
}

static struct stream read_stream(int fd)
{
    struct reply r = read_reply(fd);
    assert_int_equal(r.status, 200);
    assert_int_equal(r.ending, ENDED);
    assert_true(r.terminated);
    struct stream s = parse_stream(&r);
    assert_true(s.done);
    assert_int_equal(s.after_done, 0);
    reply_release(&r);
    return s;
}

static struct stream chat(const struct server *s, const char *content, int tokens)
{
    return read_stream(send_chat(s, content, tokens));
}

static double rate_of(const struct stream *s)
{
    return (s->completion - 1) * 1e9 / (double)(s->last - s->first);
}

/* --- the default profile --- */

static double ttft_ms(const struct server *s, const char *content, int tokens, struct stream *out)
{
    int64_t sent = clock_ns();
    *out = chat(s, content, tokens);
    return (double)(out->first - sent) / 1e6;
}

static void the_default_is_the_users_machine(void **state)
{
    (void)state;
    struct sim_config c;
    sim_config_default(&c);
    struct server s = start(&c);
    struct stream t;
    assert_in_range(ttft_ms(&s, "Say hello to the world", 1, &t), 1150, 1350);
    assert_in_range(ttft_ms(&s, "Tell me a story about a river", 31, &t), 70, 120);
    assert_in_range(rate_of(&t) * 10, 335, 345);

    int fd[4];
    for (int i = 0; i < 4; i++) {
        char name[16];
        snprintf(name, sizeof name, "stream %d", i);
        fd[i] = send_chat(&s, name, 31);
    }
    for (int i = 0; i < 4; i++) {
        t = read_stream(fd[i]);
        assert_in_range(rate_of(&t) * 10, 320, 340);
    }

    struct buf words;
    buf_init(&words, 65536);
    for (int i = 0; i < 4096 - 13; i++)
        buf_addf(&words, i > 0 ? " w%d" : "w%d", i);
    assert_in_range(ttft_ms(&s, words.data, 1, &t), 1700, 1950);
    assert_int_equal(t.prompt, 4096);
    assert_int_equal(t.cached, 0);
    assert_in_range(ttft_ms(&s, words.data, 1, &t), 70, 150);
    assert_int_equal(t.cached, 4080);
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

/* --- clients that leave --- */

static double metric(const struct server *s, const char *name)
{
    struct reply r = ask(s, "GET", "/metrics", "", "");
    char *start_of_line = xasprintf("\n%s", name);
    const char *p = r.body.len > 0 ? strstr(r.body.data, start_of_line) : NULL;
    const char *value = p != NULL ? strpbrk(p + 1, "} ") : NULL;
    double v = value != NULL ? strtod(value + 1, NULL) : -1;
    free(start_of_line);
    reply_release(&r);
    return v;
}

/* Asks until the metric has that value; returns how long it took in ms. */
static double wait_for(const struct server *s, const char *name, double value)
{
    int64_t begin = clock_ns();
    double ms = 0;
    while (metric(s, name) != value && ms < 5000)
        ms = (double)(clock_ns() - begin) / 1e6;
    return ms;
}

static void who_leaves_frees_a_slot(void **state)
{
    (void)state;
    struct sim_config c = quick();
    c.max_num_seqs = 1;
    c.step_ms = 10;
    struct server s = start(&c);
    int running = send_chat(&s, "first", 5000);
    assert_true(wait_for(&s, "vllm:num_requests_running", 1) < 1000);
    int queued = send_chat(&s, "second", 5000), last = send_chat(&s, "third", 2);
    assert_true(wait_for(&s, "vllm:num_requests_waiting", 2) < 1000);
    close(queued);
    assert_true(wait_for(&s, "vllm:num_requests_waiting", 1) < 100);
    close(running);
    int64_t left = clock_ns();
    struct stream t = read_stream(last);
    assert_true(t.first - left < 100 * NS_PER_MS);
    assert_int_equal(t.completion, 2);
    assert_true(metric(&s, "vllm:kv_cache_usage_perc") == 0);
    assert_true(
        metric(&s, "vllm:request_success_total{engine=\"0\",model_name=\"m\",finished_reason=\"abort\"") ==
        2);
    stop(&s);
}

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

/* --- faults --- */

static struct reply faulty(const struct server *s, const char *fault)
{
    char *body = chat_body("hello", 6), *header = xasprintf("X-Tokgauge-Fault: %s\r\n", fault);
    int fd = send_request(s->port, "POST", CHAT, header, body);
    struct timeval patience = {.tv_usec = 300000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    free(body);
    free(header);
    return read_reply(fd);
}

static void each_fault_has_its_shape(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int status;
        enum ending ending;
        bool terminated, done;
        int texts, malformed, errors;
    } row[] = {
        {"none", 200, ENDED, true, true, 6, 0, 0},        {"429", 429, ENDED, false, false, 0, 0, 0},
        {"500", 500, ENDED, false, false, 0, 0, 0},       {"stall", 200, SILENT, false, false, 3, 0, 0},
        {"reset", 200, RESET, false, false, 3, 0, 0},     {"truncated", 200, ENDED, false, false, 3, 0, 0},
        {"error-event", 200, ENDED, true, true, 3, 0, 1}, {"malformed", 200, ENDED, true, true, 6, 1, 0},
    };
    struct sim_config c = quick();
    struct server s = start(&c);
    for (size_t i = 0; i < ARRAY_LEN(row); i++) {
        struct reply r = faulty(&s, row[i].name);
        struct stream t = parse_stream(&r);
        if (r.status != row[i].status || r.ending != row[i].ending || r.terminated != row[i].terminated ||
            t.done != row[i].done || t.texts != row[i].texts || t.malformed != row[i].malformed ||
            t.errors != row[i].errors)
            fail_msg("%s: status %d, ending %d, terminated %d, done %d, texts %d, malformed %d, errors %d",
                     row[i].name, r.status, r.ending, r.terminated, t.done, t.texts, t.malformed, t.errors);
        if (r.status == 429)
            assert_non_null(strstr(r.head, "Retry-After: 1"));
        reply_release(&r);
    }
    assert_true(wait_for(&s, "vllm:num_requests_running", 0) < 1000);
    stop(&s);
}

static void faults_come_by_probability_and_are_logged(void **state)
{
    (void)state;
    char log[] = "/tmp/tg-sim-log-XXXXXX";
    int log_fd = mkstemp(log);
    assert_true(log_fd >= 0);
    struct sim_config c = quick();
    c.log = log;
    c.fault[SIM_FAULT_500] = 0.3;
    c.fault[SIM_FAULT_TRUNCATED] = 0.2;
    struct server s = start(&c);
    int status[40], texts[40], faults = 0;
    for (int i = 0; i < 40; i++) {
        struct reply r = read_reply(send_chat(&s, "hello", 8));
        struct stream t = parse_stream(&r);
        status[i] = r.status;
        texts[i] = t.texts;
        faults += r.status == 500 || !t.done;
        reply_release(&r);
    }
    stop(&s);
    assert_in_range(faults, 8, 32);
    FILE *f = fdopen(log_fd, "r");
    char line[2048];
    for (int i = 0; i < 40; i++) {
        assert_non_null(fgets(line, sizeof line, f));
        cJSON *j = cJSON_Parse(line);
        assert_int_equal(int_at(j, "id"), i + 1);
        assert_int_equal(int_at(j, "status"), status[i]);
        assert_int_equal(int_at(j, "events"), texts[i]);
        assert_int_equal(int_at(j, "output_tokens"), texts[i]);
        assert_string_equal(string_at(j, "outcome"), texts[i] == 8 ? "ok" : "fault");
        assert_string_equal(string_at(j, "finish"), texts[i] == 8 ? "length" : "");
        cJSON_Delete(j);
    }
    assert_null(fgets(line, sizeof line, f));
    fclose(f);
    unlink(log);
}

/* --- life and death --- */

static void many_streams_hold(void **state)
{
    (void)state;
    enum { MANY = 300 };
    struct sim_config c = quick();
    c.max_num_seqs = MANY;
    c.step_ms = 5;
    c.prefill_chunk = 8192;
    struct server s = start(&c);
    int fd[MANY];
    for (int i = 0; i < MANY; i++) {
        char name[24];
        snprintf(name, sizeof name, "stream %d", i);
        fd[i] = send_chat(&s, name, 40);
    }
    for (int i = 0; i < MANY; i++)
        assert_int_equal(read_stream(fd[i]).texts, 40);
    stop(&s);
}

static void a_taken_port_is_said(void **state)
{
    (void)state;
    struct sim_config c = quick();
    struct server s = start(&c);
    c.port = s.port;
    struct err e = {0};
    assert_int_equal(sim_run(&c, false, &e), 1);
    assert_non_null(strstr(e.msg, "cannot listen on '127.0.0.1'"));
    c.port = 0;
    c.fault[SIM_FAULT_429] = 1.5;
    assert_int_equal(sim_run(&c, false, &e), 1);
    stop(&s);
}

static void it_dies_with_its_parent(void **state)
{
    (void)state;
    int alive[2];
    assert_int_equal(pipe(alive), 0);
    pid_t parent = fork();
    if (parent == 0) {
        close(alive[0]);
        struct sim_config c = quick();
        start(&c); /* the grandchild keeps the pipe open as long as it lives */
        _exit(0);
    }
    close(alive[1]);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    char byte;
    assert_int_equal(read(alive[0], &byte, 1), 0);
    close(alive[0]);
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
        cmocka_unit_test(who_leaves_frees_a_slot),
        cmocka_unit_test(the_page_has_the_memory),
        cmocka_unit_test(each_fault_has_its_shape),
        cmocka_unit_test(faults_come_by_probability_and_are_logged),
        cmocka_unit_test(many_streams_hold),
        cmocka_unit_test(a_taken_port_is_said),
        cmocka_unit_test(it_dies_with_its_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
