/* blaster: a paced SSE server on plain sockets that stamps every token just before it is written: the known
 * truth that a client's figures are compared with.
 *
 * One thread, one epoll, no library.  Every stream has its own due times in a heap and its own phase (the
 * second token comes a random part of a period after the first), so that no common tick hides or makes a
 * client's queueing.  It speaks vLLM's chat stream; two fields are its own: "stamp_ns" on each content chunk,
 * CLOCK_MONOTONIC read just before that chunk is handed to the kernel, and "ttft_ns" on the first one: the
 * time to first token as the server saw it, from the moment when the whole request had been read. */
#include "bench/ask.h"
#include "buf.h"
#include "clock.h"
#include "fmt.h"
#include "util.h"

#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNS 20000
#define MAX_FDS (MAX_CONNS + 64)
#define MAX_BODY (1u << 20)
#define MAX_HEAD 16384
#define MAX_EVENT 768    /* no event of ours is longer */
#define FLOOD_BATCH 64   /* tokens in one write of a flooded stream */
#define DUE_PER_PASS 512 /* then sockets are looked at again */
#define TEMPLATE_TOKENS 8
#define ALONE_NS (NS_PER_SEC / 5) /* so long without another stream, and the flooded one of --flood-first ends */

struct options {
    int port;
    int64_t tokens, ttft_ns;
    bool flood;
    bool plain;           /* no counts and no stamps with the tokens: what most servers send */
    int64_t answer;       /* tokens of an answer at the most, whatever was asked for; 0: no limit */
    bool flood_first;     /* the first request that asks for more than that is flooded, for as long as there are others */
    bool vary;            /* answers have a quarter to all of the tokens asked for, so that streams do not keep step */
    uint64_t stamp_after; /* so many requests, which are not stamped: all clients' first ones come at once */
    const char *log;
};

struct conn {
    int fd;
    uint32_t events; /* what epoll watches */
    int heap;        /* place in the heap, −1: not in it */
    bool streaming, flood;
    struct ask ask;
    uint64_t id;
    int64_t due, tokens, sent, sse_events, prompt_tokens;
    int64_t t_request, t_first, t_last;
    struct buf in, out; /* out: what the kernel did not take */
};

static struct options opt;
static struct conn *conns[MAX_FDS];
static struct conn *heap[MAX_FDS];
static struct conn *flooded; /* by flood_first */
static int streaming_n;
static int heap_len, epoll_fd, listen_fd;
static int64_t period_ns;
static uint64_t rng, next_id;
static FILE *log_file;
static volatile sig_atomic_t stop;

static void fail(const char *what)
{
    fprintf(stderr, "blaster: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- due times: a binary heap, the earliest on top ---- */

static void heap_put(int at, struct conn *c)
{
    heap[at] = c;
    c->heap = at;
}

static void heap_up(int at, struct conn *c)
{
    while (at > 0 && heap[(at - 1) / 2]->due > c->due) {
        heap_put(at, heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_put(at, c);
}

static void heap_down(int at, struct conn *c)
{
    for (int child; (child = 2 * at + 1) < heap_len; at = child) {
        if (child + 1 < heap_len && heap[child + 1]->due < heap[child]->due)
            child++;
        if (heap[child]->due >= c->due)
            break;
        heap_put(at, heap[child]);
    }
    heap_put(at, c);
}

static void heap_push(struct conn *c)
{
    heap_up(heap_len++, c);
}

static void heap_remove(struct conn *c)
{
    if (c->heap < 0)
        return;
    int at = c->heap;
    struct conn *last = heap[--heap_len];
    c->heap = -1;
    if (last == c)
        return;
    if (at > 0 && heap[(at - 1) / 2]->due > last->due)
        heap_up(at, last);
    else
        heap_down(at, last);
}

/* ---- text of the stream; printf would cost more than the rest of a token ---- */

struct text {
    char *at;
};

static void put(struct text *t, const char *s, size_t n)
{
    memcpy(t->at, s, n);
    t->at += n;
}

static void put_str(struct text *t, const char *s)
{
    put(t, s, strlen(s));
}

static void put_num(struct text *t, int64_t v)
{
    char digits[20];
    size_t n = sizeof digits;
    do {
        digits[--n] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    put(t, digits + n, sizeof digits - n);
}

static void put_hex(struct text *t, uint64_t v, int width)
{
    for (int shift = 4 * (width - 1); shift >= 0; shift -= 4)
        *t->at++ = "0123456789abcdef"[v >> shift & 15];
}

static void put_usage(struct text *t, const struct conn *c)
{
    put_str(t, ",\"usage\":{\"prompt_tokens\":");
    put_num(t, c->prompt_tokens);
    put_str(t, ",\"total_tokens\":");
    put_num(t, c->prompt_tokens + c->sent);
    put_str(t, ",\"completion_tokens\":");
    put_num(t, c->sent);
    put_str(t, "}");
}

static void put_head(struct text *t, const struct conn *c)
{
    put_str(t, "data: {\"id\":\"chatcmpl-");
    put_hex(t, c->id, 16);
    put_str(
        t,
        "\",\"object\":\"chat.completion.chunk\",\"created\":1771500000,\"model\":\"blaster\",\"choices\":[");
}

static void put_content(struct text *t, struct conn *c)
{
    static const char *const words[8] = {" the",  " stream", " of",  " tokens",
                                         " goes", " on",     " and", " ends."};
    put_head(t, c);
    put_str(t, "{\"index\":0,\"delta\":{\"content\":\"");
    put_str(t, words[c->sent++ & 7]);
    put_str(t, "\"},\"logprobs\":null,\"finish_reason\":null,\"token_ids\":null}]");
    c->t_last = clock_ns();
    if (c->sent == 1)
        c->t_first = c->t_last;
    if (c->id <= opt.stamp_after || opt.plain)
        return;
    put_str(t, ",\"stamp_ns\":");
    put_num(t, c->t_last);
    if (c->sent == 1) {
        put_str(t, ",\"ttft_ns\":");
        put_num(t, c->t_first - c->t_request);
    }
}

enum event { EV_ROLE, EV_CONTENT, EV_FINISH, EV_USAGE, EV_DONE };

/* One event as one HTTP chunk. */
static void put_event(struct text *out, struct conn *c, enum event what)
{
    char payload[MAX_EVENT];
    struct text t = {payload};
    if (what == EV_CONTENT) {
        put_content(&t, c);
    } else if (what == EV_DONE) {
        put_str(&t, "data: [DONE]");
    } else {
        put_head(&t, c);
        if (what == EV_ROLE)
            put_str(&t, "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,"
                        "\"finish_reason\":null}");
        if (what == EV_FINISH)
            put_str(
                &t,
                "{\"index\":0,\"delta\":{\"content\":\"\"},\"logprobs\":null,\"finish_reason\":\"length\","
                "\"stop_reason\":null}");
        put_str(&t, "]");
    }
    if (what == EV_USAGE || (c->ask.usage_each && !opt.plain && what != EV_DONE))
        put_usage(&t, c);
    put_str(&t, what == EV_DONE ? "\n\n" : "}\n\n");
    size_t n = (size_t)(t.at - payload);
    put_hex(out, n, n < 0x100 ? 2 : 3);
    put_str(out, "\r\n");
    put(out, payload, n);
    put_str(out, "\r\n");
    c->sse_events++;
}

/* ---- connections ---- */

static void watch(struct conn *c, uint32_t events)
{
    if (events == c->events)
        return;
    struct epoll_event e = {.events = events, .data.fd = c->fd};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &e) < 0)
        fail("epoll_ctl");
    c->events = events;
}

static void log_request(const struct conn *c, bool complete)
{
    if (log_file == NULL)
        return;
    fprintf(log_file,
            "{\"id\":\"chatcmpl-%016llx\",\"tokens\":%lld,\"events\":%lld,\"t_request_ns\":%lld,\"t_first_"
            "ns\":%lld,"
            "\"t_last_ns\":%lld,\"complete\":%s}\n",
            (unsigned long long)c->id, (long long)c->sent, (long long)c->sse_events, (long long)c->t_request,
            (long long)c->t_first, (long long)c->t_last, complete ? "true" : "false");
}

static void end_stream(struct conn *c, bool complete)
{
    log_request(c, complete);
    c->streaming = false;
    streaming_n--;
    if (c == flooded)
        flooded = NULL;
}

static void conn_close(struct conn *c)
{
    if (c->streaming)
        end_stream(c, false);
    heap_remove(c);
    conns[c->fd] = NULL;
    close(c->fd);
    buf_release(&c->in);
    buf_release(&c->out);
    free(c);
}

/* False where the connection is dead.  What the kernel does not take is kept. */
static bool conn_send(struct conn *c, const char *data, size_t n)
{
    ssize_t took = 0;
    if (c->out.len == 0) {
        took = send(c->fd, data, n, MSG_NOSIGNAL);
        if (took < 0 && errno != EAGAIN)
            return false;
        took = MAX_OF(took, 0);
    }
    return (size_t)took == n || buf_add(&c->out, data + took, n - (size_t)took);
}

static bool conn_flush(struct conn *c)
{
    ssize_t took = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL);
    if (took < 0)
        return errno == EAGAIN;
    buf_drop(&c->out, (size_t)took);
    return true;
}

static bool serve_input(struct conn *c);

/* After anything was sent: what does this connection wait for now? */
static bool conn_next(struct conn *c)
{
    bool blocked = c->out.len > 0;
    if (!blocked && c->streaming && c->sent == c->tokens) {
        end_stream(c, true);
        watch(c, EPOLLIN);
        return serve_input(c);
    }
    bool flooding = c->streaming && c->flood && c->sent > 0;
    watch(c, blocked || flooding ? EPOLLIN | EPOLLOUT : EPOLLIN);
    if (c->streaming && !blocked && !flooding && c->heap < 0)
        heap_push(c);
    return true;
}

/* The flood of --flood-first is over when there has been no other stream for a while. */
static bool flood_is_over(const struct conn *c)
{
    static int64_t others_at;
    if (c != flooded)
        return false;
    int64_t now = clock_ns();
    if (streaming_n > 1 || others_at == 0)
        others_at = now;
    return now - others_at > ALONE_NS;
}

/* Sends the next token, or a batch of them in a flood, with what stands around it, in one write. */
static bool send_tokens(struct conn *c)
{
    static char out[(FLOOD_BATCH + 4) * (MAX_EVENT + 8)];
    struct text t = {out};
    if (c->sent == 0)
        put_event(&t, c, EV_ROLE);
    int64_t batch = c->flood && c->sent > 0 ? FLOOD_BATCH : 1;
    for (; batch > 0 && c->sent < c->tokens; batch--)
        put_event(&t, c, EV_CONTENT);
    if (flood_is_over(c))
        c->tokens = c->sent;
    c->due += c->sent == 1 ? (int64_t)((double)period_ns * rng_unit(&rng)) : period_ns;
    if (c->sent == c->tokens) {
        put_event(&t, c, EV_FINISH);
        if (c->ask.usage)
            put_event(&t, c, EV_USAGE);
        put_event(&t, c, EV_DONE);
        put_str(&t, "0\r\n\r\n");
    }
    return conn_send(c, out, (size_t)(t.at - out)) && conn_next(c);
}

/* ---- requests ---- */

static bool start_stream(struct conn *c, const char *body, int64_t now)
{
    scan_body(body, &c->ask);
    c->flood = opt.flood;
    c->streaming = true;
    c->id = ++next_id;
    c->tokens = c->ask.max_tokens > 0 ? c->ask.max_tokens : opt.tokens;
    if (opt.answer > 0 && c->tokens > opt.answer) {
        static bool begun;
        if (opt.flood_first && !begun) {
            begun = c->flood = true;
            flooded = c;
        } else {
            c->tokens = opt.answer;
        }
    }
    streaming_n++;
    if (opt.vary && c != flooded)
        c->tokens -= (int64_t)(0.75 * rng_unit(&rng) * (double)c->tokens);
    c->prompt_tokens = c->ask.words + TEMPLATE_TOKENS;
    c->sent = c->sse_events = c->t_first = c->t_last = 0;
    c->t_request = now;
    c->due = now + opt.ttft_ns;
    static const char head[] =
        "HTTP/1.1 200 OK\r\nserver: blaster\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
        "transfer-encoding: chunked\r\n\r\n";
    return conn_send(c, head, sizeof head - 1) && conn_next(c);
}

static bool reply(struct conn *c, const char *status, const char *body)
{
    char out[1024];
    int n = snprintf(
        out, sizeof out,
        "HTTP/1.1 %s\r\nserver: blaster\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n%s",
        status, strlen(body), body);
    return conn_send(c, out, (size_t)n) && conn_next(c);
}

static bool route(struct conn *c, const char *line, const char *body, int64_t now)
{
    char text[96];
    if (str_starts(line, "POST /v1/chat/completions"))
        return start_stream(c, body, now);
    if (str_starts(line, "POST /tokenize")) {
        struct ask ask;
        scan_body(body, &ask);
        long long count = ask.words + TEMPLATE_TOKENS;
        snprintf(text, sizeof text, "{\"count\":%lld,\"max_model_len\":1073741824,\"tokens\":[]}", count);
        return reply(c, "200 OK", text);
    }
    if (str_starts(line, "GET /v1/models"))
        return reply(
            c, "200 OK",
            "{\"object\":\"list\",\"data\":[{\"id\":\"blaster\",\"object\":\"model\",\"owned_by\":\"vllm\","
            "\"max_model_len\":1073741824}]}");
    if (str_starts(line, "GET /version"))
        return reply(c, "200 OK", "{\"version\":\"0.0.0-blaster\"}");
    if (str_starts(line, "GET /health"))
        return reply(c, "200 OK", "");
    return reply(c, "404 Not Found", "{\"detail\":\"Not Found\"}");
}

static size_t content_length(const char *head, const char *end)
{
    for (const char *line = head; line < end; line = strstr(line, "\r\n") + 2)
        if (strncasecmp(line, "content-length:", 15) == 0)
            return strtoul(line + 15, NULL, 10);
    return 0;
}

/* Serves the next whole request that has been read, if there is one and nothing is being answered. */
static bool serve_input(struct conn *c)
{
    if (c->streaming || c->out.len > 0 || c->in.len == 0)
        return true;
    const char *blank = strstr(c->in.data, "\r\n\r\n");
    if (blank == NULL)
        return c->in.len < MAX_HEAD;
    const char *body = blank + 4;
    size_t head_len = (size_t)(body - c->in.data), need = content_length(c->in.data, body);
    if (need > MAX_BODY)
        return false;
    if (c->in.len < head_len + need)
        return true;
    int64_t now = clock_ns();
    struct buf request = c->in; /* taken, so that the next one can arrive while this one is answered */
    buf_init(&c->in, request.max);
    buf_add(&c->in, body + need, request.len - head_len - need);
    request.data[head_len + need] = '\0';
    bool alive = route(c, request.data, body, now);
    buf_release(&request);
    return alive;
}

static bool conn_read(struct conn *c)
{
    static char bytes[65536];
    ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    return buf_add(&c->in, bytes, (size_t)n) && serve_input(c);
}

static void conn_ready(struct conn *c, uint32_t events)
{
    bool alive = (events & (EPOLLERR | EPOLLHUP)) == 0;
    if (alive && (events & EPOLLOUT) && c->out.len > 0)
        alive = conn_flush(c) && conn_next(c);
    else if (alive && (events & EPOLLOUT) && c->streaming)
        alive = send_tokens(c);
    if (alive && (events & EPOLLIN))
        alive = conn_read(c);
    if (!alive)
        conn_close(c);
}

static void accept_all(void)
{
    for (int fd; (fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        if (fd >= MAX_FDS) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        struct conn *c = xcalloc(1, sizeof *c);
        *c = (struct conn){.fd = fd, .heap = -1, .events = EPOLLIN};
        buf_init(&c->in, MAX_HEAD + MAX_BODY);
        buf_init(&c->out, 1u << 20);
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
            fail("epoll_ctl");
        conns[fd] = c;
    }
}

static void run_due(void)
{
    int64_t now = clock_ns();
    for (int i = 0; i < DUE_PER_PASS && heap_len > 0 && heap[0]->due <= now; i++) {
        struct conn *c = heap[0];
        heap_remove(c);
        if (!send_tokens(c))
            conn_close(c);
    }
}

static void loop(const sigset_t *while_waiting)
{
    static struct epoll_event ev[1024];
    while (!stop) {
        struct timespec wait = {0, 0}, *timeout = NULL;
        if (heap_len > 0) {
            int64_t ns = heap[0]->due - clock_ns();
            ns = MAX_OF(ns, 0);
            wait = (struct timespec){ns / NS_PER_SEC, ns % NS_PER_SEC};
            timeout = &wait;
        }
        int n = epoll_pwait2(epoll_fd, ev, (int)ARRAY_LEN(ev), timeout, while_waiting);
        if (n < 0 && errno != EINTR)
            fail("epoll_pwait2");
        for (int i = 0; i < n; i++) {
            if (ev[i].data.fd == listen_fd)
                accept_all();
            else if (conns[ev[i].data.fd] != NULL)
                conn_ready(conns[ev[i].data.fd], ev[i].events);
        }
        run_due();
    }
}

/* ---- start ---- */

static void on_signal(int sig)
{
    (void)sig;
    stop = 1;
}

static void usage(void)
{
    fputs("usage: blaster [--port N] [--rate TOK_PER_S] [--tokens N] [--ttft MS] [--flood] [--log FILE] "
          "[--seed N] [--vary] [--stamp-after N] [--plain] [--answer TOKENS [--flood-first]]\n",
          stderr);
    exit(2);
}

static void parse_options(int argc, char **argv)
{
    enum { PORT, RATE, TOKENS, TTFT, SEED, STAMP_AFTER, ANSWER, NUMBERS };
    double value[NUMBERS] = {[RATE] = 30, [TOKENS] = 200, [TTFT] = 50, [SEED] = 1};
    static const struct option table[] = {
        {"port", required_argument, NULL, PORT},     {"rate", required_argument, NULL, RATE},
        {"tokens", required_argument, NULL, TOKENS}, {"ttft", required_argument, NULL, TTFT},
        {"seed", required_argument, NULL, SEED},     {"flood", no_argument, NULL, 'f'},
        {"log", required_argument, NULL, 'l'},       {"vary", no_argument, NULL, 'v'},
        {"answer", required_argument, NULL, ANSWER}, {"plain", no_argument, NULL, 'p'},
        {"flood-first", no_argument, NULL, 'F'},     {"stamp-after", required_argument, NULL, STAMP_AFTER},
        {NULL, 0, NULL, 0},
    };
    for (int o; (o = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (o == '?')
            usage();
        else if (o == 'f')
            opt.flood = true;
        else if (o == 'F')
            opt.flood_first = true;
        else if (o == 'p')
            opt.plain = true;
        else if (o == 'v')
            opt.vary = true;
        else if (o == 'l')
            opt.log = optarg;
        else if (!parse_double(optarg, &value[o]) || value[o] < 0)
            usage();
    }
    if (optind < argc || value[RATE] <= 0 || value[TOKENS] < 1)
        usage();
    opt.port = (int)value[PORT];
    opt.tokens = (int64_t)value[TOKENS];
    opt.stamp_after = (uint64_t)value[STAMP_AFTER];
    opt.answer = (int64_t)value[ANSWER];
    opt.ttft_ns = (int64_t)(value[TTFT] * 1e6);
    period_ns = (int64_t)(1e9 / value[RATE]);
    rng = (uint64_t)value[SEED];
}

static void open_listener(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)opt.port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (listen_fd < 0 || bind(listen_fd, (struct sockaddr *)&a, len) < 0 || listen(listen_fd, 8192) < 0 ||
        getsockname(listen_fd, (struct sockaddr *)&a, &len) < 0)
        fail("cannot listen");
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = listen_fd};
    if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &e) < 0)
        fail("epoll");
    printf("listening on http://127.0.0.1:%d\n", ntohs(a.sin_port));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    parse_options(argc, argv);
    if (opt.log != NULL && (log_file = fopen(opt.log, "we")) == NULL)
        fail(opt.log);

    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = MIN_OF(files.rlim_max, (rlim_t)MAX_FDS);
    setrlimit(RLIMIT_NOFILE, &files);
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* the default rounds every wait up by 50 µs */
    /* A server on another machine does not wait for the client's time slice to end (2–4 ms); where we may,
     * neither do we.  Without the right to it the figures of both clients are worse by the same. */
    sched_setscheduler(0, SCHED_RR, &(struct sched_param){.sched_priority = 1});

    /* Signals come only while epoll waits: none is missed between the test of `stop` and the wait. */
    sigset_t block, old;
    sigemptyset(&block);
    sigaddset(&block, SIGTERM);
    sigaddset(&block, SIGINT);
    sigprocmask(SIG_BLOCK, &block, &old);
    struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);

    open_listener();
    loop(&old);
    for (int fd = 0; fd < MAX_FDS; fd++)
        if (conns[fd] != NULL)
            conn_close(conns[fd]);
    if (log_file != NULL && fclose(log_file) != 0)
        fail(opt.log);
    return 0;
}
