/* drain: the cheapest client that libcurl's multi interface and epoll allow: the yardstick that our figures
 * are set beside, in the same minute on the same machine.
 *
 * It speaks to `blaster`.  --discard counts bytes and nothing else (what CPU must cost); --stamps finds the
 * server's stamps in what arrives, with one reading of the clock a write callback (what delay must cost). One
 * thread. */
#include "buf.h"
#include "clock.h"
#include "fmt.h"
#include "hist.h"
#include "util.h"

#include <curl/curl.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define STARTS_PER_PASS 2 /* a burst of connects would be measured as the server's delay */
#define CARRY 96          /* longer than a stamp and what belongs to it */

struct options {
    char *url;
    int streams;
    int64_t requests; /* of one stream; with a duration: no limit */
    int64_t duration_ns, tokens, context;
    bool stamps;
    long buffer;
};

struct stream {
    CURL *easy;
    int64_t left; /* requests still to send */
    int64_t sent; /* when the request was about to be written */
    bool first;   /* the first token has come */
    size_t carried;
    char carry[CARRY]; /* the end of a callback's bytes, where a stamp may have been cut */
};

static struct options opt = {.requests = 1, .context = 32, .buffer = 4096, .stamps = true};
static CURLM *multi;
static int epoll_fd, running;
static long timeout_ms = -1;
static uint64_t bytes, stamps, done, errors;
static struct hist lag, ttft, ttft_error;

static void check(CURLcode rc, const char *what)
{
    if (rc != CURLE_OK)
        die("%s: %s", what, curl_easy_strerror(rc));
}

/* ---- what arrives ---- */

static void on_stamp(struct stream *s, const char *number, int64_t now)
{
    char *end;
    int64_t stamp = strtoll(number, &end, 10);
    stamps++;
    hist_add(&lag, (uint64_t)MAX_OF(now - stamp, 0), 1);
    if (s->first)
        return;
    s->first = true;
    hist_add(&ttft, (uint64_t)(now - s->sent), 1);
    static const char key[] = ",\"ttft_ns\":";
    if (strncmp(end, key, sizeof key - 1) != 0)
        return;
    int64_t truth = strtoll(end + sizeof key - 1, NULL, 10);
    hist_add(&ttft_error, (uint64_t)llabs(now - s->sent - truth), 1);
}

/* Every stamp that is whole in p[0..n), which ends in NUL.  Returns where the first unfinished one may begin.
 */
static size_t find_stamps(struct stream *s, const char *p, size_t n, int64_t now)
{
    static const char key[] = "\"stamp_ns\":";
    const char *at = p, *end = p + n;
    for (const char *hit; (hit = memmem(at, (size_t)(end - at), key, sizeof key - 1)) != NULL;) {
        const char *close = memchr(hit, '}', (size_t)(end - hit));
        if (close == NULL)
            return (size_t)(hit - p);
        on_stamp(s, hit + sizeof key - 1, now);
        at = close;
    }
    return (size_t)(at - p);
}

static size_t on_bytes(char *data, size_t size, size_t count, void *user)
{
    size_t n = size * count;
    bytes += n;
    if (!opt.stamps)
        return n;
    struct stream *s = user;
    int64_t now = clock_ns();
    char joined[CARRY + CURL_MAX_WRITE_SIZE + 1];
    memcpy(joined, s->carry, s->carried);
    memcpy(joined + s->carried, data, n);
    size_t len = s->carried + n;
    joined[len] = '\0';
    size_t used = find_stamps(s, joined, len, now);
    used = MAX_OF(used, len - MIN_OF(len, (size_t)CARRY));
    s->carried = len - used;
    memcpy(s->carry, joined + used, s->carried);
    return n;
}

static int on_sent(void *user, char *ip, char *local_ip, int port, int local_port)
{
    (void)ip, (void)local_ip, (void)port, (void)local_port;
    struct stream *s = user;
    s->sent = clock_ns();
    return CURL_PREREQFUNC_OK;
}

/* ---- libcurl on epoll ---- */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known)
{
    (void)easy, (void)user;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    struct epoll_event e = {.data.fd = fd};
    e.events = ((what & CURL_POLL_IN) ? EPOLLIN : 0u) | ((what & CURL_POLL_OUT) ? EPOLLOUT : 0u);
    if (epoll_ctl(epoll_fd, known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e) < 0)
        die("epoll_ctl: %s", strerror(errno));
    curl_multi_assign(multi, fd, &epoll_fd); /* any pointer: it says that the socket is known */
    return 0;
}

static int on_timer(CURLM *m, long ms, void *user)
{
    (void)m, (void)user;
    timeout_ms = ms;
    return 0;
}

static char *request_body(void)
{
    struct buf b;
    buf_init(&b, 1u << 24);
    buf_adds(&b, "{\"model\":\"blaster\",\"messages\":[{\"role\":\"user\",\"content\":\"");
    for (int64_t i = 0; i < opt.context; i++)
        buf_adds(&b, "words ");
    buf_addf(&b,
             "\"}],\"max_tokens\":%lld,\"min_tokens\":%lld,\"ignore_eos\":true,\"temperature\":0,"
             "\"stream\":true,\"stream_options\":{\"include_usage\":true}}",
             (long long)opt.tokens, (long long)opt.tokens);
    return b.data;
}

static void stream_init(struct stream *s, const char *body, struct curl_slist *headers)
{
    *s = (struct stream){.easy = curl_easy_init(), .left = opt.requests};
    CURL *e = s->easy;
    curl_easy_setopt(e, CURLOPT_URL, opt.url);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, opt.buffer);
    curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(e, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, s);
    curl_easy_setopt(e, CURLOPT_PREREQDATA, s);
    curl_easy_setopt(e, CURLOPT_PRIVATE, s);
    check(curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_bytes), "write callback");
    check(curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_sent), "pre-request callback");
}

static void stream_start(struct stream *s)
{
    s->left--;
    s->first = false;
    s->carried = 0;
    running++;
    curl_multi_add_handle(multi, s->easy);
}

static void collect(int64_t stop_at)
{
    int queued;
    for (CURLMsg *m; (m = curl_multi_info_read(multi, &queued)) != NULL;) {
        CURL *easy = m->easy_handle;
        CURLcode rc = m->data.result;
        struct stream *s;
        long status = 0;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &s);
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        bool ok = rc == CURLE_OK && status == 200;
        done += ok;
        errors += !ok;
        curl_multi_remove_handle(multi, easy);
        running--;
        if (stop_at > 0 ? ok && clock_ns() < stop_at : s->left > 0)
            stream_start(s);
    }
}

static void run(struct stream *streams, int64_t stop_at)
{
    static struct epoll_event ev[1024];
    int started = 0, still;
    while (started < opt.streams || running > 0) {
        for (int i = 0; i < STARTS_PER_PASS && started < opt.streams; i++)
            stream_start(&streams[started++]);
        long wait = timeout_ms < 0 ? 1000 : timeout_ms;
        if (started < opt.streams)
            wait = MIN_OF(wait, 1);
        int n = epoll_wait(epoll_fd, ev, (int)ARRAY_LEN(ev), (int)wait);
        if (n <= 0 || timeout_ms == 0) {
            timeout_ms = -1;
            curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &still);
        }
        for (int i = 0; i < n; i++) {
            int what = ((ev[i].events & EPOLLIN) ? CURL_CSELECT_IN : 0) |
                       ((ev[i].events & EPOLLOUT) ? CURL_CSELECT_OUT : 0) |
                       ((ev[i].events & (EPOLLERR | EPOLLHUP)) ? CURL_CSELECT_ERR : 0);
            curl_multi_socket_action(multi, ev[i].data.fd, what, &still);
        }
        collect(stop_at);
    }
}

/* ---- report ---- */

static void print_hist(const char *name, const struct hist *h, double unit)
{
    char p50[FMT_SIZE], p99[FMT_SIZE], max[FMT_SIZE];
    printf(",\"%s\":{\"p50\":%s,\"p99\":%s,\"max\":%s,\"n\":%llu}", name,
           fmt_json(p50, hist_quantile(h, 0.5) / unit, 3), fmt_json(p99, hist_quantile(h, 0.99) / unit, 3),
           fmt_json(max, h->count > 0 ? (double)h->max / unit : (double)NAN, 3),
           (unsigned long long)h->count);
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void report(int64_t wall_ns)
{
    struct rusage ru;
    getrusage(RUSAGE_SELF, &ru);
    double cpu = seconds(ru.ru_utime) + seconds(ru.ru_stime);
    uint64_t chunks =
        done * (uint64_t)opt.tokens; /* counted without looking at one: discarding must cost nothing */
    char per_chunk[FMT_SIZE];
    printf("{\"streams\":%d,\"requests\":%llu,\"errors\":%llu,\"chunks\":%llu,\"bytes\":%llu,\"cpu_s\":%.3f,"
           "\"wall_s\":%.3f,\"cpu_us_per_chunk\":%s,\"rss_kb\":%ld",
           opt.streams, (unsigned long long)done, (unsigned long long)errors, (unsigned long long)chunks,
           (unsigned long long)bytes, cpu, (double)wall_ns / 1e9,
           fmt_json(per_chunk, chunks > 0 ? 1e6 * cpu / (double)chunks : (double)NAN, 3), ru.ru_maxrss);
    if (opt.stamps) {
        printf(",\"stamps_missed\":%lld", (long long)(chunks - stamps));
        print_hist("arrival_lag_us", &lag, 1e3);
        print_hist("ttft_ms", &ttft, 1e6);
        print_hist("ttft_error_us", &ttft_error, 1e3);
    }
    puts("}");
}

static void usage(void)
{
    fputs("usage: drain URL STREAMS REQUESTS_PER_STREAM TOKENS [--discard|--stamps] [--context "
          "WORDS]\n"
          "             [--buffer BYTES]\n"
          "       drain URL STREAMS --duration S TOKENS …\n",
          stderr);
    exit(2);
}

static void parse_options(int argc, char **argv)
{
    static const struct option table[] = {
        {"duration", required_argument, NULL, 'd'},
        {"discard", no_argument, NULL, 'n'},
        {"stamps", no_argument, NULL, 's'},
        {"context", required_argument, NULL, 'c'},
        {"buffer", required_argument, NULL, 'b'},
        {NULL, 0, NULL, 0},
    };
    for (int o; (o = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        switch (o) {
        case 'd':
            opt.duration_ns = (int64_t)(strtod(optarg, NULL) * 1e9);
            break;
        case 'n':
            opt.stamps = false;
            break;
        case 's':
            opt.stamps = true;
            break;
        case 'c':
            opt.context = strtoll(optarg, NULL, 10);
            break;
        case 'b':
            opt.buffer = strtol(optarg, NULL, 10);
            break;
        default:
            usage();
        }
    }
    int left = argc - optind;
    if (left != (opt.duration_ns > 0 ? 3 : 4))
        usage();
    opt.url = xasprintf("%s/v1/chat/completions", argv[optind]);
    opt.streams = (int)strtol(argv[optind + 1], NULL, 10);
    if (opt.duration_ns == 0)
        opt.requests = strtoll(argv[optind + 2], NULL, 10);
    opt.tokens = strtoll(argv[argc - 1], NULL, 10);
    if (opt.streams < 1 || opt.requests < 1 || opt.tokens < 1 || opt.context < 1)
        usage();
}

int main(int argc, char **argv)
{
    parse_options(argc, argv);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);

    check(curl_global_init(CURL_GLOBAL_DEFAULT), "curl");
    multi = curl_multi_init();
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)opt.streams);

    char *body = request_body();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Expect:");
    struct stream *streams = xcalloc((size_t)opt.streams, sizeof *streams);
    for (int i = 0; i < opt.streams; i++)
        stream_init(&streams[i], body, headers);

    int64_t begin = clock_ns();
    run(streams, opt.duration_ns > 0 ? begin + opt.duration_ns : 0);
    report(clock_ns() - begin);

    for (int i = 0; i < opt.streams; i++)
        curl_easy_cleanup(streams[i].easy);
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
    curl_global_cleanup();
    free(streams);
    free(body);
    free(opt.url);
    return errors > 0 || (opt.stamps && stamps == 0); /* not every request needs any */
}
