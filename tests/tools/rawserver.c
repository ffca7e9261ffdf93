/* rawserver: answers with exactly the bytes that a scenario names, for faults that no HTTP library can
 * produce, and plays recorded answers again.
 *
 *   rawserver SCENARIO …          rawserver --list
 *   rawserver --file F [--rechunk]      F holds headers and body; --rechunk: the body was stored de-chunked
 *   rawserver --transcript N --file F   the Nth answer of a file of timed reads ("[ 3.2 ms] recv #1 9 bytes
 * b'…'")
 *
 *   … [--gzip] [--endless] [--late MS] --page PATH=FILE   what it answers at PATH (rawpages.h); several times
 *   … --without FIELD   answers 400 to a request that has this field
 *   … --loading N   lists its model, and answers 503 to all else until /health was asked for N times
 *
 * One process a connection, blocking writes: a scenario reads from top to bottom.  GET /v1/models and /health
 * are answered properly unless the scenario (or --all) says otherwise.  It ends by itself after 60 s. */
#include "buf.h"
#include "tools/rawpages.h"
#include "tools/rawscenarios.h"
#include "util.h"

#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LIFETIME_S 60
#define MAX_REQUEST (4u << 20)
#define MAX_FILE (64u << 20)

static struct {
    const struct scenario *scenario;
    int port;
    long good, bad,
        every; /* the first good POSTs are served well; then bad ones not (−1: all); of these each every-th */
    long split;  /* writes of 1 … split random bytes; 0: whole pieces */
    long gap_ms; /* pause between pieces */
    long loading;
    uint64_t seed;
    bool all, rechunk, close, once, dead;
    long transcript;
    const char *file, *log, *without;
} opt = {.bad = -1, .every = 1, .gap_ms = 5, .seed = 1};

/* Shared by the processes of all connections. */
static struct shared {
    atomic_long posts, conns, looks;
} * shared;

static struct buf replay; /* the bytes of --file */
static uint64_t rng;

static void pause_ns(long ns)
{
    nanosleep(&(struct timespec){ns / 1000000000, ns % 1000000000}, NULL);
}

/* False where the client has gone. */
static bool send_all(int fd, const char *data, size_t n)
{
    while (n > 0) {
        size_t want = opt.split > 0 ? 1 + (size_t)(rng_next(&rng) % (uint64_t)opt.split) : n;
        want = MIN_OF(want, n);
        ssize_t took = send(fd, data, want, MSG_NOSIGNAL);
        if (took < 0)
            return false;
        data += took;
        n -= (size_t)took;
        if (opt.split > 0)
            pause_ns(20000); /* so that the reader sees the cut */
    }
    return true;
}

static bool send_str(int fd, const char *s)
{
    return send_all(fd, s, strlen(s));
}

static bool send_chunk(int fd, const char *data, size_t n)
{
    char *head = xasprintf("%zx\r\n", n);
    struct buf b;
    buf_init(&b, MAX_FILE);
    bool ok =
        buf_adds(&b, head) && buf_add(&b, data, n) && buf_adds(&b, "\r\n") && send_all(fd, b.data, b.len);
    buf_release(&b);
    free(head);
    return ok;
}

/* Waits until the client leaves. */
static void hold(int fd)
{
    char byte[512];
    while (recv(fd, byte, sizeof byte, 0) > 0)
        continue;
}

/* ---- a scenario ---- */

/* The text of a body, still with its cuts: line ends as the scenario wants them.  Returns its length without
 * cuts. */
static size_t body_text(struct buf *out, const struct scenario *s)
{
    size_t cuts = 0;
    for (const char *p = s->body; *p != '\0'; p++) {
        if (*p == '\n' && s->eol != NULL)
            buf_adds(out, s->eol);
        else
            buf_add(out, p, 1);
        cuts += *p == CUT[0];
    }
    return out->len - cuts;
}

static bool send_head(int fd, const struct scenario *s, size_t body_len)
{
    char framing[64] = "";
    if (s->framing == FRAMING_CHUNKED || s->framing == FRAMING_BAD_CHUNK)
        str_copy(framing, sizeof framing, "Transfer-Encoding: chunked\r\n");
    else if (s->framing == FRAMING_LENGTH)
        snprintf(framing, sizeof framing, "Content-Length: %lld\r\n", (long long)body_len + s->length_off);
    char *head = xasprintf("%s%s\r\n", s->head != NULL ? s->head : HEAD_SSE, framing);
    bool ok = send_str(fd, head);
    free(head);
    return ok;
}

static bool send_piece(int fd, const struct scenario *s, const char *data, size_t n)
{
    return s->framing == FRAMING_CHUNKED ? send_chunk(fd, data, n) : send_all(fd, data, n);
}

/* The pieces of the body, one write (and one HTTP chunk) each. */
static bool send_body(int fd, const struct scenario *s, const struct buf *text)
{
    const char *at = text->data, *end = text->data + text->len;
    while (at != NULL && at < end) {
        const char *cut = memchr(at, CUT[0], (size_t)(end - at));
        size_t n = (size_t)((cut != NULL ? cut : end) - at);
        if (n > 0 && !send_piece(fd, s, at, n))
            return false;
        pause_ns(opt.gap_ms * 1000000);
        at += n + 1;
    }
    return true;
}

static bool send_endless(int fd, const struct scenario *s)
{
    size_t n = strlen(s->endless), block_len = MAX_OF(65536 / n, 1) * n;
    char *block = xmalloc(block_len);
    for (size_t i = 0; i < block_len; i++)
        block[i] = s->endless[i % n];
    bool ok = true;
    for (size_t sent = 0; ok && sent < ((size_t)1 << 30); sent += block_len)
        ok = send_piece(fd, s, block, block_len);
    free(block);
    return ok;
}

/* True where the connection can take another request. */
static bool play(int fd, const struct scenario *s)
{
    struct buf text;
    buf_init(&text, MAX_FILE);
    size_t len = body_text(&text, s);
    bool ok = (s->flags & NO_HEAD) || send_head(fd, s, len);
    ok = ok && send_body(fd, s, &text);
    buf_release(&text);
    if (ok && s->endless != NULL)
        ok = send_endless(fd, s);
    if (s->end == END_HOLD)
        hold(fd);
    if (ok && s->framing == FRAMING_CHUNKED && s->end == END_KEEP)
        ok = send_str(fd, "0\r\n\r\n");
    return ok && s->end == END_KEEP && s->framing != FRAMING_NONE && !opt.close;
}

/* ---- recorded answers ---- */

static bool play_file(int fd)
{
    const char *blank = memmem(replay.data, replay.len, "\r\n\r\n", 4);
    if (blank == NULL)
        return false;
    const char *at = blank + 4, *end = replay.data + replay.len;
    if (!opt.rechunk)
        return send_all(fd, replay.data, replay.len) && !opt.close;
    bool ok = send_all(fd, replay.data, (size_t)(at - replay.data));
    while (ok && at < end) { /* one event, one chunk */
        const char *event_end = memmem(at, (size_t)(end - at), "\n\n", 2);
        size_t n = (size_t)((event_end != NULL ? event_end + 2 : end) - at);
        ok = send_chunk(fd, at, n);
        at += n;
        pause_ns(opt.gap_ms * 1000000);
    }
    return ok && send_str(fd, "0\r\n\r\n") && !opt.close;
}

/* Decodes what stands between the quotes of b'…' into out; returns where it ends. */
static const char *decode_bytes(struct buf *out, const char *s, char quote)
{
    for (; *s != '\0' && *s != quote; s++) {
        char c = *s;
        if (c == '\\') {
            c = *++s;
            if (c == 'x') {
                char hex[3] = {s[1], s[1] != '\0' ? s[2] : '\0', '\0'};
                c = (char)strtol(hex, NULL, 16);
                s += 2;
            } else {
                c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
            }
        }
        buf_add(out, &c, 1);
    }
    return s;
}

/* Plays the reads of the Nth answer, at their recorded times; llama.cpp then closes. */
static bool play_transcript(int fd)
{
    const char *line = replay.data;
    for (long n = 0; n < opt.transcript && line != NULL; n++)
        line = strstr(n > 0 ? line + 3 : line, ">>>");
    if (line == NULL)
        return false;
    const char *end = strstr(line + 3, ">>>");
    double before = -1;
    bool ok = true;
    while (ok && (line = strstr(line, "\n[")) != NULL && (end == NULL || line < end)) {
        char *after;
        double ms = strtod(line + 2, &after);
        const char *bytes = strstr(after, " bytes b");
        const char *eol = strchr(after, '\n');
        line = after;
        if (bytes == NULL || (eol != NULL && bytes > eol))
            continue;
        struct buf b;
        buf_init(&b, MAX_FILE);
        line = decode_bytes(&b, bytes + 9, bytes[8]);
        if (before >= 0)
            pause_ns((long)((ms - before) * 1e6));
        before = ms;
        ok = send_all(fd, b.data, b.len);
        buf_release(&b);
    }
    return false;
}

/* ---- connections ---- */

static bool reply_json(int fd, const char *status, const char *body)
{
    char *text = xasprintf("HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                           status, strlen(body), body);
    bool ok = send_str(fd, text);
    free(text);
    return ok;
}

static void log_request(const char *head, long post)
{
    if (opt.log == NULL)
        return;
    FILE *f = fopen(opt.log, "ae");
    if (f == NULL)
        return;
    const char *auth = strcasestr(head, "\r\nauthorization:");
    fprintf(f, "{\"request\":\"%.*s\",\"pid\":%d,\"post\":%ld,\"authorization\":%s}\n",
            (int)strcspn(head, "\r\n"), head, (int)getpid(), post, auth != NULL ? "true" : "false");
    fclose(f);
}

static bool play_page(int fd, const struct rawpage *page)
{
    struct buf b;
    rawpage_read(page->file, &b);
    pause_ns(page->late_ms * 1000000);
    char length[48] = "Transfer-Encoding: chunked";
    if (!page->endless)
        snprintf(length, sizeof length, "Content-Length: %zu", b.len);
    char *head = xasprintf("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n%s%s\r\n\r\n",
                           page->gzip ? "Content-Encoding: gzip\r\n" : "", length);
    bool ok = send_str(fd, head);
    free(head);
    if (ok && !page->endless)
        ok = send_all(fd, b.data, b.len);
    for (size_t sent = 0; ok && page->endless && b.len > 0 && sent < ((size_t)1 << 30); sent += b.len)
        ok = send_chunk(fd, b.data, b.len);
    buf_release(&b);
    return ok && !page->endless;
}

static bool is_faulty(long post)
{
    long nth = post - opt.good; /* 1 for the first that may be bad */
    return nth >= 1 && (opt.bad < 0 || nth <= opt.bad) && nth % opt.every == 0;
}

/* As a llama.cpp whose model is not read yet. */
static bool still_loads(const char *head)
{
    long looks = str_starts(head, "GET /health") ? atomic_fetch_add(&shared->looks, 1) : atomic_load(&shared->looks);
    return looks < opt.loading && !str_starts(head, "GET /v1/models");
}

static bool answer(int fd, const char *head)
{
    bool post = str_starts(head, "POST /v1/");
    long n = post ? atomic_fetch_add(&shared->posts, 1) + 1 : atomic_load(&shared->posts) + 1;
    log_request(head, post ? n : 0);
    if (still_loads(head))
        return reply_json(fd, "503 Service Unavailable", "{\"error\":{\"message\":\"Loading model\",\"code\":503}}");
    if (post && opt.without != NULL && strstr(head, opt.without) != NULL) {
        char *why = xasprintf("{\"error\":{\"message\":\"Unsupported parameter: %s\",\"code\":400}}", opt.without);
        bool ok = reply_json(fd, "400 Bad Request", why);
        free(why);
        return ok;
    }
    const struct rawpage *page = rawpage_find(head);
    if (page != NULL)
        return play_page(fd, page);
    bool everywhere = opt.all || (opt.scenario != NULL && (opt.scenario->flags & ALL_PATHS));
    if (post && is_faulty(n) && opt.file != NULL)
        return opt.transcript > 0 ? play_transcript(fd) : play_file(fd);
    if (opt.scenario != NULL && is_faulty(n) && (post || everywhere))
        return play(fd, opt.scenario);
    if (post)
        return play(fd, scenario_find("ok"));
    if (str_starts(head, "GET /v1/models"))
        return reply_json(fd, "200 OK",
                          "{\"object\":\"list\",\"data\":[{\"id\":\"raw\",\"object\":\"model\"}]}");
    if (str_starts(head, "GET /health"))
        return reply_json(fd, "200 OK", "{\"status\":\"ok\"}");
    return reply_json(fd, "404 Not Found", "{\"error\":{\"message\":\"Not Found\",\"code\":404}}");
}

/* Reads one whole request; false where the client has gone. */
static bool read_request(int fd, struct buf *in)
{
    char bytes[16384];
    for (;;) {
        const char *blank = in->len > 0 ? strstr(in->data, "\r\n\r\n") : NULL;
        if (blank != NULL) {
            const char *cl = strcasestr(in->data, "\r\ncontent-length:");
            size_t body = cl != NULL && cl < blank ? strtoul(cl + 17, NULL, 10) : 0;
            if (in->len >= (size_t)(blank - in->data) + 4 + body)
                return true;
        }
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        if (n <= 0 || !buf_add(in, bytes, (size_t)n))
            return false;
    }
}

static void serve(int fd, long conn)
{
    struct buf in;
    buf_init(&in, MAX_REQUEST);
    rng = opt.seed + (uint64_t)conn;
    bool refuse = opt.scenario != NULL && (opt.scenario->flags & REFUSE) && conn > opt.good;
    for (bool first = true; !refuse && read_request(fd, &in); first = false) {
        if (opt.once && !first) { /* the connection was dead, and nobody had said so */
            if (opt.dead)
                setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
            break;
        }
        bool again = answer(fd, in.data);
        buf_clear(&in);
        if (!again)
            break;
    }
    buf_release(&in);
    close(fd);
}

static int open_listener(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)opt.port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) < 0 || listen(fd, 4096) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) < 0) {
        perror("rawserver: cannot listen");
        exit(1);
    }
    printf("listening on http://127.0.0.1:%d\n", ntohs(a.sin_port));
    fflush(stdout);
    return fd;
}

/* ---- start ---- */

static void usage(void)
{
    fputs("usage: rawserver SCENARIO|--file F [--rechunk|--transcript N] [--port N] [--split BYTES] [--seed "
          "N]\n"
          "       [--gzip] [--endless] [--late MS] [--page PATH=FILE]…\n"
          "       [--gap MS] [--good N] [--bad N] [--every N] [--all] [--close] [--once|--dead] [--loading N] [--without FIELD]\n"
          "       [--log F]\n"
          "       rawserver --list\n",
          stderr);
    exit(2);
}

static void read_file(const char *path)
{
    char bytes[65536];
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        perror(path);
        exit(1);
    }
    buf_init(&replay, MAX_FILE);
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, f)) > 0;)
        buf_add(&replay, bytes, n);
    fclose(f);
    if (replay.len == 0)
        usage();
}

static void set_option(int o)
{
    switch (o) {
    case 'p':
        opt.port = (int)strtol(optarg, NULL, 10);
        break;
    case 'f':
        opt.file = optarg;
        break;
    case 'r':
        opt.rechunk = true;
        break;
    case 't':
        opt.transcript = strtol(optarg, NULL, 10);
        break;
    case 's':
        opt.split = strtol(optarg, NULL, 10);
        break;
    case 'S':
        opt.seed = strtoull(optarg, NULL, 10);
        break;
    case 'g':
        opt.gap_ms = strtol(optarg, NULL, 10);
        break;
    case 'G':
        opt.good = strtol(optarg, NULL, 10);
        break;
    case 'B':
        opt.bad = strtol(optarg, NULL, 10);
        break;
    case 'e':
        opt.every = MAX_OF(strtol(optarg, NULL, 10), 1);
        break;
    case 'a':
        opt.all = true;
        break;
    case 'o':
        opt.once = true;
        break;
    case 'D':
        opt.once = opt.dead = true; /* reset, not closed */
        break;
    case 'c':
        opt.close = true;
        break;
    case 'n':
        opt.loading = strtol(optarg, NULL, 10);
        break;
    case 'w':
        opt.without = optarg;
        break;
    case 'L':
        opt.log = optarg;
        break;
    case 'P':
        if (!rawpage_add(optarg))
            usage();
        break;
    case 'z':
        rawpages.next.gzip = true;
        break;
    case 'E':
        rawpages.next.endless = true;
        break;
    case 'm':
        rawpages.next.late_ms = strtol(optarg, NULL, 10);
        break;
    case 'l':
        scenario_list();
        exit(0);
    default:
        usage();
    }
}

static void parse_options(int argc, char **argv)
{
    static const struct option table[] = {
        {"port", required_argument, NULL, 'p'},
        {"file", required_argument, NULL, 'f'},
        {"rechunk", no_argument, NULL, 'r'},
        {"transcript", required_argument, NULL, 't'},
        {"split", required_argument, NULL, 's'},
        {"seed", required_argument, NULL, 'S'},
        {"gap", required_argument, NULL, 'g'},
        {"good", required_argument, NULL, 'G'},
        {"bad", required_argument, NULL, 'B'},
        {"every", required_argument, NULL, 'e'},
        {"all", no_argument, NULL, 'a'},
        {"close", no_argument, NULL, 'c'},
        {"once", no_argument, NULL, 'o'},
        {"dead", no_argument, NULL, 'D'},
        {"loading", required_argument, NULL, 'n'},
        {"without", required_argument, NULL, 'w'},
        {"log", required_argument, NULL, 'L'},
        {"page", required_argument, NULL, 'P'},
        {"gzip", no_argument, NULL, 'z'},
        {"endless", no_argument, NULL, 'E'},
        {"late", required_argument, NULL, 'm'},
        {"list", no_argument, NULL, 'l'},
        {NULL, 0, NULL, 0},
    };
    for (int o; (o = getopt_long(argc, argv, "", table, NULL)) != -1;)
        set_option(o);
    if (optind < argc)
        opt.scenario = scenario_find(argv[optind]);
    if ((opt.file == NULL) == (opt.scenario == NULL))
        usage();
    if (opt.file != NULL)
        read_file(opt.file);
    if (opt.bad < 0 && opt.scenario != NULL && opt.scenario->bad > 0)
        opt.bad = opt.scenario->bad;
}

int main(int argc, char **argv)
{
    parse_options(argc, argv);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        die("mmap: %s", strerror(errno));
    signal(SIGCHLD, SIG_IGN); /* no zombies */
    alarm(LIFETIME_S);
    int listener = open_listener();
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        long conn = atomic_fetch_add(&shared->conns, 1) + 1;
        pid_t child = fork();
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            alarm(LIFETIME_S);
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
            close(listener);
            serve(fd, conn);
            _exit(0);
        }
        close(fd);
    }
}
