/* What the tests of the simulated server share: a server in a process of its own, and a client on plain
 * sockets that sees what curl would hide. */
#ifndef TG_TEST_SIM_CLIENT_H
#define TG_TEST_SIM_CLIENT_H

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
#include <math.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
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

static inline struct sim_config quick(void)
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
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        _exit(sim_run(c, &e));
    }
    close(line[1]);
    FILE *f = fdopen(line[0], "r");
    char text[128] = "";
    assert_non_null(fgets(text, sizeof text, f));
    assert_int_equal(sscanf(text, "listening on http://127.0.0.1:%d", &s.port), 1);
    fclose(f);
    return s;
}

static inline void stop(const struct server *s)
{
    int status;
    kill(s->pid, SIGTERM);
    assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* --- a client --- */

static inline int send_request(int port, const char *method, const char *path, const char *headers,
                               const char *body)
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

static inline void unchunk(struct reply *r, const char *p)
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

static inline struct reply read_reply(int fd)
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

static inline void reply_release(struct reply *r)
{
    free(r->head);
    buf_release(&r->body);
}

static inline struct reply ask(const struct server *s, const char *method, const char *path,
                               const char *headers, const char *body)
{
    return read_reply(send_request(s->port, method, path, headers, body));
}

static inline cJSON *ask_json(const struct server *s, const char *path, const char *body, int status)
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
static inline const cJSON *at(const cJSON *j, const char *path)
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

static inline int int_at(const cJSON *j, const char *path)
{
    const cJSON *v = at(j, path);
    return cJSON_IsNumber(v) ? v->valueint : -1;
}

static inline const char *string_at(const cJSON *j, const char *path)
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

static inline void take_event(struct stream *s, const cJSON *j)
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

static inline struct stream parse_stream(const struct reply *r)
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

static inline char *chat_body(const char *content, int tokens)
{
    return xasprintf(
        "{\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}],\"stream\":true,\"max_tokens\":%d,"
        "\"ignore_eos\":true,\"stream_options\":{\"include_usage\":true}}",
        content, tokens);
}

static inline int send_chat(const struct server *s, const char *content, int tokens)
{
    char *body = chat_body(content, tokens);
    int fd = send_request(s->port, "POST", CHAT, STAMP, body);
    free(body);
    return fd;
}

static inline struct stream read_stream(int fd)
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

static inline struct stream chat(const struct server *s, const char *content, int tokens)
{
    return read_stream(send_chat(s, content, tokens));
}

static inline double metric(const struct server *s, const char *name)
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
static inline double wait_for(const struct server *s, const char *name, double value)
{
    int64_t begin = clock_ns();
    double ms = 0;
    while (metric(s, name) != value && ms < 5000)
        ms = (double)(clock_ns() - begin) / 1e6;
    return ms;
}

#endif
