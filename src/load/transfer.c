#include "load/transfer.h"
#include "clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BAD_CHUNKS "chunk" /* in what libcurl says of framing that is none */
#define HEAD_MAX 4096
#define DONE_GRACE_NS NS_PER_SEC /* an answer that was said to be done has so long to be over */
#define BACKOFF_MIN_NS (100 * NS_PER_MS)
#define BACKOFF_MAX_NS (5 * NS_PER_SEC)
#define LIVE_MOST 2        /* times what was asked for: what comes beyond is not shown as it comes; it may have no end */
#define RECEIVE_ALL (1L << 20)
#define RECEIVE_LEAST 4096L /* a page */
#define RECEIVE_MOST 16384L /* libcurl's own, some sixty tokens of a server that is fast */
#define BYTES_A_TOKEN 2048 /* at the most, with all that stands around it */

static void add_tail(struct transfer *t, const char *text)
{
    size_t n = strlen(text);
    if (n >= TRANSFER_TAIL) {
        text += n - TRANSFER_TAIL;
        n = TRANSFER_TAIL;
    }
    if (t->tail_n + n > TRANSFER_TAIL) {
        size_t drop = t->tail_n + n - TRANSFER_TAIL;
        memmove(t->tail, t->tail + drop, t->tail_n - drop);
        t->tail_n -= drop;
    }
    memcpy(t->tail + t->tail_n, text, n);
    t->tail_n += n;
}

/* When it is full a quarter goes at once: text that is cut at each token cannot be read. */
static void add_kept(struct kept_text *k, const char *text, size_t n)
{
    if (n > KEPT_TEXT) {
        text += n - KEPT_TEXT;
        n = KEPT_TEXT;
    }
    if (k->n + n > KEPT_TEXT) {
        size_t drop = MIN_OF(MAX_OF(k->n + n - KEPT_TEXT, (size_t)KEPT_TEXT / 4), k->n);
        memmove(k->data, k->data + drop, k->n - drop);
        k->n -= drop;
    }
    memcpy(k->data + k->n, text, n);
    k->n += n;
}

void transfer_keep(struct transfer *t, struct kept_text *kept)
{
    if (t->kept == kept)
        return;
    t->kept = kept;
    if (kept == NULL)
        return;
    kept->n = 0;
    add_kept(kept, t->tail, t->tail_n);
}

struct arrival {
    struct transfer *t;
    int64_t came;
};

static void note_stamp(struct transfer *t, int64_t came, const struct chat_event *e)
{
    int64_t late = came - e->stamp_ns;
    if (late >= 0) /* a token that came before it was sent counts nowhere, and there are fewer arrivals than tokens */
        hist_add(&t->sink->stamp_arrival, (uint64_t)late, 1);
    if (e->output && t->tl.events == 1 && e->server_ttft_ns > 0) {
        int64_t error = (came - t->tl.sent) - e->server_ttft_ns;
        hist_add(&t->sink->stamp_ttft, (uint64_t)llabs(error), 1);
    }
}

static void count_live(struct transfer *t, int64_t tokens, bool approx)
{
    t->sink->tokens += (uint64_t)tokens;
    t->sink->approx += approx ? (uint64_t)tokens : 0;
    t->sink->first += t->live_tokens == 0 ? (uint64_t)tokens : 0;
    t->sink->events++;
    t->live_tokens += tokens;
    t->live_approx |= approx;
}

static void on_event(void *ctx, const struct sse_event *ev)
{
    const struct arrival *a = ctx;
    struct transfer *t = a->t;
    struct chat_event e;
    chat_decode(ev->data, ev->n, &e);
    if (ev->error_line && !e.malformed) {
        e.error = true;
        if (e.error_text[0] == '\0')
            chat_error_text(ev->data, ev->n, e.error_text, sizeof e.error_text);
    }
    t->any_event = true;
    if (ev->unended && e.malformed) { /* nobody wrote that: the rest of it is missing */
        t->tl.cut = true;
        chat_release(&e);
        return;
    }
    if ((e.done || e.finish) && !t->fresh)
        curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 0L);
    bool approx;
    int64_t tokens = timeline_event(&t->tl, a->came, &e, &approx);
    if (tokens > 0) {
        if (t->tl.asked == 0 || t->live_tokens < LIVE_MOST * t->tl.asked)
            count_live(t, tokens, approx);
        if (e.text != NULL) {
            if (t->keep_tail)
                add_tail(t, e.text);
            if (t->kept != NULL)
                add_kept(t->kept, e.text, strlen(e.text));
            if (t->keep_text)
                buf_adds(&t->text, e.text);
            if (t->keep_answer && e.answer)
                buf_adds(&t->answer, e.text);
        }
        if (e.stamp_ns > 0)
            note_stamp(t, a->came, &e);
    }
    if (e.error && t->error[0] == '\0')
        str_copy(t->error, sizeof t->error, e.error_text);
    chat_release(&e);
}

static void stop_resting(struct transfer *t)
{
    if (t->rests)
        TAILQ_REMOVE(&t->sink->resting, t, next_resting);
    t->rests = false;
}

static bool turn_is_over(struct transfer *t, size_t n)
{
    struct token_sink *sink = t->sink;
    if (t->turn_of != sink->pass_start)
        t->turn_got = 0;
    t->turn_of = sink->pass_start;
    bool over = sink->turn_most > 0 && t->turn_got >= sink->turn_most;
    if (over && !t->rests)
        TAILQ_INSERT_TAIL(&sink->resting, t, next_resting);
    t->rests |= over;
    t->turn_got += over ? 0 : n;
    return over;
}

void transfer_look(struct transfer *t, int fd)
{
    if (fd != t->socket || t->tl.sent == 0 || (t->tl.first_token != 0 && t->sink->looks <= 0))
        return;
    rxtime_look(&t->rx, fd);
    t->sink->looks -= t->tl.first_token != 0 && t->rx.fd >= 0;
}

void transfer_looked(struct transfer *t)
{
    t->rx.fd = -1;
}

/* Never before the request, which libcurl may have sent anew since the look, nor before what stood in front of it. */
static int64_t came_at(struct transfer *t, int64_t now)
{
    int64_t at = rxtime_of(&t->rx, now);
    t->last_came = at >= t->tl.sent ? MAX_OF(at, t->last_came) : now;
    return t->last_came;
}

static size_t on_data(char *p, size_t size, size_t n, void *ctx)
{
    int64_t now = clock_ns();
    struct transfer *t = ctx;
    size_t len = size * n;
    struct token_sink *sink = t->sink;
    if (sink->pass_start == 0)
        sink->pass_start = now;
    if (turn_is_over(t, len))
        return CURL_WRITEFUNC_PAUSE;
    hist_add(&sink->batch_delay, (uint64_t)(now - sink->pass_start), 1);
    sink->bytes += len;
    int64_t came = came_at(t, now);
    if (t->tl.first_byte == 0)
        t->tl.first_byte = came;
    if (t->last_line == 0)
        t->last_line = now;
    if (!t->any_event && t->head.len < HEAD_MAX)
        buf_add(&t->head, p, MIN_OF(len, HEAD_MAX - t->head.len));
    struct arrival a = {t, came};
    size_t unfinished = t->sse.line.len;
    bool was_done = t->tl.done;
    bool ok = sse_feed(&t->sse, p, len, on_event, &a);
    if (t->sse.line.len != unfinished + len && !was_done)
        t->last_line = now;
    t->got += len;
    t->sse.too_large |= t->tl.endless || t->got > (uint64_t)t->tl.output_most * BYTES_A_TOKEN;
    return ok && !t->sse.too_large ? len : CURL_WRITEFUNC_ERROR;
}

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    size_t len = size * n;
    if (len <= 2)
        t->head_ended = true;
    else if (strncasecmp(p, "HTTP/", MIN_OF(len, (size_t)5)) == 0) /* another one follows 100 Continue; trailers are none */
        t->head_ended = false;
    if (len > 12 && strncasecmp(p, "retry-after:", 12) == 0) {
        char num[16];
        str_sanitise(num, sizeof num, p + 12, len - 12);
        long s = strtol(num, NULL, 10); /* the date form gives 0: our own pacing then */
        t->retry_after_s = s > 0 ? MIN_OF(s, 3600L) : 0;
    }
    return len;
}

/* As libcurl would, which does not tell why there is none. */
static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *at)
{
    (void)purpose;
    struct transfer *t = ctx;
    int fd = socket(at->family, at->socktype | SOCK_CLOEXEC, at->protocol);
    t->no_socket = fd < 0 ? errno : 0;
    t->connecting = clock_ns();
    if (fd >= 0)
        rxtime_begin(fd);
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

/* libcurl has no words for a second failure where it had some for a first one that it mended by itself; it says them to who listens. */
static int on_words(CURL *easy, curl_infotype type, char *words, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    (void)easy;
    if (type == CURLINFO_TEXT && memmem(words, n, BAD_CHUNKS, strlen(BAD_CHUNKS)) != NULL)
        str_sanitise(t->curl_error, sizeof t->curl_error, words, n);
    return 0;
}

static void forget_words(struct transfer *t)
{
    t->curl_error[0] = '\0';
    curl_easy_setopt(t->easy, CURLOPT_DEBUGFUNCTION, on_words);
    curl_easy_setopt(t->easy, CURLOPT_DEBUGDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_VERBOSE, 1L);
}

/* Connected, and about to write the request.  Called again when libcurl itself tries anew on a fresh connection. */
static int on_prereq(void *ctx, char *a, char *b, int c, int d)
{
    (void)a, (void)b, (void)c, (void)d;
    struct transfer *t = ctx;
    if (t->tl.sent != 0) {
        t->tl.retried = true;
        forget_words(t);
    }
    t->tl.sent = clock_ns();
    t->connecting = 0;
    return CURL_PREREQFUNC_OK;
}

void transfer_init(struct transfer *t, const struct http_settings *s, const char *url, struct token_sink *sink)
{
    *t = (struct transfer){.sink = sink, .socket = -1, .rx.fd = -1};
    sse_init(&t->sse);
    buf_init(&t->body, HTTP_BODY_MAX * 16);
    buf_init(&t->head, HEAD_MAX);
    buf_init(&t->text, HTTP_BODY_MAX);
    buf_init(&t->answer, HTTP_BODY_MAX);
    timeline_init(&t->tl, 0);
    t->easy = curl_easy_init();
    if (t->easy == NULL)
        die("out of memory (curl)");
    http_setup(t->easy, s, url, t->curl_error);
    /* A name may have several addresses, and libcurl goes to the next one when half of that time is over.  Else there is but one,
     * and transfer_overdue knows the time: a timer in libcurl for each of thousands of streams is a fortieth of what a token costs. */
    if (!http_has_one_address(url))
        curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, HTTP_CONNECT_MS);
    if (http_is_address(url)) /* a timer that outlives the connect: when it rings libcurl reads what is there, and nobody has looked before */
        curl_easy_setopt(t->easy, CURLOPT_HAPPY_EYEBALLS_TIMEOUT_MS, 1L);
    curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_PREREQFUNCTION, on_prereq);
    curl_easy_setopt(t->easy, CURLOPT_PREREQDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(t->easy, CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
}

void transfer_share(struct transfer *t, int streams)
{
    curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, MIN_OF(MAX_OF(RECEIVE_ALL / MAX_OF(streams, 1), RECEIVE_LEAST), RECEIVE_MOST));
}

void transfer_release(struct transfer *t)
{
    curl_easy_cleanup(t->easy);
    sse_release(&t->sse);
    buf_release(&t->body);
    buf_release(&t->head);
    buf_release(&t->text);
    buf_release(&t->answer);
    timeline_release(&t->tl);
}

void transfer_reuse(struct transfer *t, bool reuse)
{
    t->fresh = !reuse;
    curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, reuse ? 0L : 1L);
    curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 1L);
}

bool transfer_found_dead(const struct transfer *t, CURLcode code)
{
    long connects = 0, header_bytes = 0;
    curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connects);
    curl_easy_getinfo(t->easy, CURLINFO_HEADER_SIZE, &header_bytes);
    return (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING) && !t->fresh &&
           connects == 0 && header_bytes == 0 && t->tl.first_byte == 0;
}

void transfer_again(struct transfer *t)
{
    transfer_reuse(t, false);
    t->connecting = clock_ns();
    t->tl.retried = true;
    t->error[0] = t->curl_error[0] = '\0';
}

void transfer_start(struct transfer *t, int64_t max_tokens, int64_t due, int64_t now)
{
    timeline_release(&t->tl);
    timeline_init(&t->tl, due);
    timeline_expect(&t->tl, max_tokens, t->body.len);
    t->tl.started = t->connecting = now;
    sse_reset(&t->sse);
    buf_forget(&t->head);
    buf_forget(&t->text);
    buf_forget(&t->answer);
    t->any_event = t->live_approx = t->head_ended = false;
    t->last_came = t->last_line = t->live_tokens = 0;
    t->got = 0;
    t->tail_n = 0;
    if (t->kept != NULL)
        t->kept->n = 0;
    t->retry_after_s = t->no_socket = 0;
    t->error[0] = t->curl_error[0] = '\0';
    curl_easy_setopt(t->easy, CURLOPT_VERBOSE, 0L);
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.len);
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->body.data);
}

CURLcode transfer_go_on(struct transfer *t)
{
    stop_resting(t);
    return curl_easy_pause(t->easy, CURLPAUSE_CONT);
}

enum transport transfer_overdue(const struct transfer *t, int64_t now, int64_t timeout, int64_t stall)
{
    if (t->connecting != 0 && now - t->connecting > HTTP_CONNECT_MS * NS_PER_MS)
        return TR_CONNECT;
    if (t->tl.first_byte == 0)
        return now - t->tl.started > timeout ? TR_TIMEOUT : TR_COMPLETE;
    if (t->tl.done) /* the answer is whole: nobody waits for more of it */
        return now - t->last_line > DONE_GRACE_NS ? TR_LEFT_OPEN : TR_COMPLETE;
    return now - t->last_line > stall && !t->rests ? TR_STALLED : TR_COMPLETE;
}

enum transport transfer_overdue_now(const struct transfer *t, const void *config)
{
    const struct run_config *c = config;
    return transfer_overdue(t, clock_ns(), c->timeout_ns, c->stall_ns);
}

int64_t transfer_back_off(const struct transfer *t, int failures)
{
    if (t->retry_after_s > 0)
        return t->retry_after_s * NS_PER_SEC;
    return MIN_OF(BACKOFF_MIN_NS << MIN_OF(failures, 6), BACKOFF_MAX_NS);
}

static enum transport transport_of(CURLcode code, const struct transfer *t)
{
    switch (code) {
    case CURLE_OK: return TR_COMPLETE;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return TR_DNS;
    case CURLE_COULDNT_CONNECT: return TR_CONNECT;
    case CURLE_OPERATION_TIMEDOUT: return t->tl.sent == 0 ? TR_CONNECT : TR_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER: return TR_TLS;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING: return TR_CLOSED_EARLY;
    case CURLE_WRITE_ERROR: return t->sse.too_large ? TR_TOO_LARGE : TR_PROTOCOL;
    case CURLE_UNSUPPORTED_PROTOCOL: /* no HTTP that it knows */
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_HTTP2: return TR_PROTOCOL;
    case CURLE_ABORTED_BY_CALLBACK: return TR_CANCELLED;
    default:
        /* libcurl reports bad chunked framing as a receive error too; its text tells them apart. */
        return strstr(t->curl_error, BAD_CHUNKS) != NULL ? TR_PROTOCOL : TR_RESET;
    }
}

static int64_t phase_ns(CURL *easy, CURLINFO from, CURLINFO to)
{
    curl_off_t a = 0, b = 0;
    curl_easy_getinfo(easy, from, &a);
    curl_easy_getinfo(easy, to, &b);
    return b > a ? (b - a) * 1000 : 0;
}

static void note_connection(struct transfer *t)
{
    long fresh = 0;
    curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &fresh);
    t->tl.lookup_ns = t->tl.connect_ns = t->tl.tls_ns = 0;
    if (fresh > 0) {
        curl_off_t us = 0;
        curl_easy_getinfo(t->easy, CURLINFO_NAMELOOKUP_TIME_T, &us);
        t->tl.lookup_ns = us * 1000;
        t->tl.connect_ns = phase_ns(t->easy, CURLINFO_NAMELOOKUP_TIME_T, CURLINFO_CONNECT_TIME_T);
        t->tl.tls_ns = phase_ns(t->easy, CURLINFO_CONNECT_TIME_T, CURLINFO_APPCONNECT_TIME_T);
    }
}

/* What broke off an answer that would not end. */
static void word_too_large(struct transfer *t)
{
    if (t->tl.endless)
        snprintf(t->error, sizeof t->error, "more than %" PRId64 " output events where %" PRId64 " tokens were asked for: does the server "
                 "ignore max_tokens?", t->tl.output_most, t->tl.asked);
    else if (t->got > (uint64_t)t->tl.output_most * BYTES_A_TOKEN)
        snprintf(t->error, sizeof t->error, "%" PRIu64 " MiB came, and no end", t->got >> 20);
    else
        snprintf(t->error, sizeof t->error, "a line of the stream is longer than %d MiB", SSE_MAX >> 20);
}

/* What came in place of a stream may be an error, with a status that says nothing of it. */
static void word_foreign(struct transfer *t)
{
    char said[sizeof t->error], text[sizeof said + 64];
    bool any = t->head.len > 0 && chat_error_message(t->head.data, t->head.len, said, sizeof said);
    snprintf(text, sizeof text, "the answer is not an event stream%s%s", any ? ": " : "", any ? said : "");
    str_copy(t->error, sizeof t->error, text);
}

static void word_malformed(struct transfer *t, enum transport how)
{
    if (how == TR_PROTOCOL && t->curl_error[0] != '\0')
        str_sanitise(t->error, sizeof t->error, t->curl_error, strlen(t->curl_error));
    else if (t->any_event)
        str_copy(t->error, sizeof t->error, "an event is not JSON");
    else
        word_foreign(t);
}

/* Why it was not ok: the server's own words, else the library's, else what the outcome means. */
static void word_error(struct transfer *t, long status, enum transport how)
{
    enum outcome o = t->tl.outcome;
    if (o == OUT_OK || o == OUT_CANCELLED) {
        t->error[0] = '\0';
        return;
    }
    if (t->error[0] == '\0' && t->head.len > 0 && status >= 300)
        chat_error_text(t->head.data, t->head.len, t->error, sizeof t->error);
    if (t->error[0] != '\0')
        return;
    const char *why = t->curl_error;
    if (o == OUT_TOO_LARGE)
        word_too_large(t);
    else if (o == OUT_MALFORMED)
        word_malformed(t, how);
    else if (o == OUT_CONNECT && why[0] == '\0')
        snprintf(t->error, sizeof t->error, "no connection within %ld s", HTTP_CONNECT_MS / 1000);
    else if (o == OUT_TRUNCATED || why[0] == '\0') /* the library speaks of bytes, and this is about an announced end */
        str_copy(t->error, sizeof t->error, outcome_meaning(o));
    else
        str_sanitise(t->error, sizeof t->error, why, strlen(why));
}

void transfer_finish(struct transfer *t, int64_t now, CURLcode code, enum transport how)
{
    stop_resting(t);
    int64_t came = code == CURLE_OK && how == TR_COMPLETE ? came_at(t, now) : now;
    struct arrival a = {t, came};
    sse_end(&t->sse, on_event, &a);
    t->tl.cut |= t->sse.cut;
    long status = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    bool ours = http_name_refusal(t->easy, code, t->no_socket, t->curl_error);
    if (how == TR_COMPLETE)
        how = ours ? TR_CLIENT : transport_of(code, t);
    if (how == TR_COMPLETE && !t->head_ended) /* closed among the headers, which libcurl calls well */
        how = TR_CLOSED_EARLY;
    bool foreign = status >= 200 && status < 300 && t->head.len > 0 && !t->sse.seen;
    t->tl.malformed |= foreign && how == TR_COMPLETE;
    note_connection(t);
    timeline_finish(&t->tl, how == TR_LEFT_OPEN ? t->last_line : came, how, (int)status);
    word_error(t, status, how);
}

struct patience {
    struct transfer *t;
    enum transport (*overdue)(const struct transfer *t, const void *ctx);
    const void *ctx;
    enum transport how;
};

static bool give_up(void *ctx)
{
    struct patience *p = ctx;
    p->how = p->overdue(p->t, p->ctx);
    return p->how != TR_COMPLETE;
}

static void before_reading(void *ctx)
{
    const struct patience *p = ctx;
    curl_socket_t fd = CURL_SOCKET_BAD;
    curl_easy_getinfo(p->t->easy, CURLINFO_ACTIVESOCKET, &fd);
    p->t->socket = fd;
    p->t->sink->looks = 1; /* for a single stream there always is one */
    transfer_looked(p->t);
    transfer_look(p->t, fd);
}

void transfer_perform(struct transfer *t, const atomic_bool *stop, enum transport (*overdue)(const struct transfer *t, const void *ctx),
                      const void *ctx)
{
    struct patience p = {t, overdue, ctx, TR_COMPLETE};
    CURLcode code = http_perform(t->easy, stop, &(struct http_watch){give_up, before_reading, &p});
    transfer_finish(t, clock_ns(), code, p.how);
    transfer_looked(t);
}
