/* Whole transfers over a real socket, hundreds of them on handles that are used again: random streams in random pieces, cut,
 * reset and refused at random, on connections that are kept, closed and found dead.  What comes of each must be what a parser
 * says that is as simple as can be: it has the whole body before it, and knows how it ended.
 *
 * Client and server are one thread: the next piece is written when the last one has been read. */
#include "check.h"

#include "clock.h"
#include "load/transfer.h"
#include "util.h"

#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define TRANSFERS 600
#define PIECE_MOST 40 /* bytes of a write */
#define EVENTS_MOST 30

static const char request[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"say some thirty words, of which some are in another language, and one "
                              "has a picture in it; what they are about is up to you\"}]}";

static uint64_t rng;

static int draw(int n)
{
    return (int)(rng_next(&rng) % (uint64_t)n);
}

static bool one_in(int n)
{
    return draw(n) == 0;
}

/* ---- what the server says ---- */

enum framing { CHUNKED, COUNTED, UNTIL_CLOSE };
enum ending { PROPER, CUT, RESET };

struct answer {
    int status;
    enum framing framing;
    enum ending ending;
    bool keeps;      /* the connection, after a proper end */
    struct buf body; /* as it was meant … */
    struct buf wire; /* … and as it is written, up to where it is cut */
    size_t got;      /* bytes of the body in that */
    bool status_told, head_whole; /* the first line came, the blank line after the headers */
};

static void put_line(struct buf *b, const char *text)
{
    static const char *const ends[] = {"\r", "\r\n", "\n"};
    bool after_cr = *text == '\0' && b->len > 0 && b->data[b->len - 1] == '\r'; /* an LF would only end the line before */
    assert_true(buf_adds(b, text) && buf_adds(b, ends[draw(after_cr ? 2 : 3)]));
}

static void put_event(struct buf *b, const char *json)
{
    char line[600];
    const char *comma = strstr(json, ",\"");
    if (comma != NULL && one_in(8)) { /* an event of two data lines is joined by a line break, which JSON allows here */
        snprintf(line, sizeof line, "data: %.*s", (int)(comma - json + 1), json);
        put_line(b, line);
        json = comma + 1;
    }
    snprintf(line, sizeof line, "data:%s%s", one_in(3) ? "" : " ", json);
    put_line(b, line);
    put_line(b, "");
}

static void put_random_event(struct buf *b, int i)
{
    char json[500];
    static const char *const texts[] = {"word ", "h\\u00e9 ", "\\ud83d\\ude00", "\xe4\xbd\xa0", "a\\nb", "\\\"q\\\""};
    const char *text = texts[draw(ARRAY_LEN(texts))];
    switch (draw(16)) {
    case 0: put_line(b, ": ping"); return;
    case 1: put_line(b, one_in(2) ? "event: message" : "id: 7"); return;
    case 2: put_event(b, "{\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}"); return;
    case 3: put_event(b, "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\"}}]}}]}"); return;
    case 4:
        snprintf(json, sizeof json, "{\"choices\":[{\"delta\":{\"%s\":\"%s\"}}]}", one_in(2) ? "reasoning" : "reasoning_content", text);
        break;
    case 5: snprintf(json, sizeof json, "{\"choices\":[],\"usage\":{\"prompt_tokens\":%d,\"completion_tokens\":%d}}", 1 + draw(99), draw(50)); break;
    case 6:
        snprintf(json, sizeof json, "{\"choices\":[{\"delta\":{\"content\":\"%s\"}}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":%d}}", text,
                 i + 1);
        break;
    case 7:
        if (!one_in(12))
            return;
        snprintf(json, sizeof json, "{\"choices\":[{\"delta\":"); /* is no JSON */
        break;
    case 8:
        if (!one_in(12))
            return;
        if (one_in(2)) {
            put_line(b, "error: {\"error\":{\"message\":\"old kind\"}}");
            return;
        }
        snprintf(json, sizeof json, "{\"error\":{\"message\":\"new kind\"}}");
        break;
    default: snprintf(json, sizeof json, "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"}}]}", text);
    }
    put_event(b, json);
}

static void make_body(struct answer *a)
{
    buf_clear(&a->body);
    if (a->status != 200) {
        assert_true(buf_adds(&a->body, one_in(2) ? "{\"error\":{\"message\":\"not now\"}}" : "<html><h1>Bad</h1></html>"));
        return;
    }
    if (one_in(8))
        assert_true(buf_adds(&a->body, "\xef\xbb\xbf"));
    for (int i = 0, n = draw(EVENTS_MOST); i < n; i++)
        put_random_event(&a->body, i);
    if (!one_in(6))
        put_event(&a->body, "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}");
    if (!one_in(4))
        put_event(&a->body, "[DONE]");
    if (one_in(10)) /* nothing after it counts */
        put_random_event(&a->body, 0);
    if (one_in(20)) /* some end so */
        assert_true(buf_adds(&a->body, "data: [DONE]"));
}

static void frame_body(struct answer *a)
{
    struct buf *w = &a->wire;
    buf_clear(w);
    assert_true(buf_addf(w, one_in(2) ? "HTTP/1.1 %d Words\r\n" : "HTTP/1.1 %d \r\n", a->status));
    assert_true(buf_addf(w, "Content-Type: text/event-stream\r\n%s", a->keeps ? "" : "Connection: close\r\n"));
    if (a->framing == CHUNKED)
        assert_true(buf_adds(w, "Transfer-Encoding: chunked\r\n"));
    if (a->framing == COUNTED)
        assert_true(buf_addf(w, "Content-Length: %zu\r\n", a->body.len));
    assert_true(buf_adds(w, "\r\n"));
    if (a->framing != CHUNKED) {
        assert_true(a->body.len == 0 || buf_add(w, a->body.data, a->body.len));
        return;
    }
    for (size_t at = 0; at < a->body.len;) { /* chunks know nothing of events */
        size_t most = (size_t)draw(120) + 1, n = MIN_OF(most, a->body.len - at);
        assert_true(buf_addf(w, "%zx\r\n", n) && buf_add(w, a->body.data + at, n) && buf_adds(w, "\r\n"));
        at += n;
    }
    assert_true(buf_adds(w, a->ending == PROPER && one_in(3) ? "0\r\nX-Trailer: late\r\n\r\n" : "0\r\n\r\n"));
}

/* How much of the body is in the first n bytes of the wire: by the framing, read again. */
static size_t body_within(const struct answer *a, size_t n)
{
    const char *start = memmem(a->wire.data, n, "\r\n\r\n", 4);
    if (start == NULL)
        return 0;
    size_t at = (size_t)(start - a->wire.data) + 4, got = 0;
    if (a->framing != CHUNKED)
        return n - at;
    while (at < n) {
        const char *line_end = memmem(a->wire.data + at, n - at, "\r\n", 2);
        size_t size = strtoul(a->wire.data + at, NULL, 16);
        if (line_end == NULL || size == 0)
            break;
        at = (size_t)(line_end - a->wire.data) + 2;
        got += MIN_OF(size, n - at);
        at += size + 2;
    }
    return got;
}

static void make_answer(struct answer *a)
{
    static const int statuses[] = {200, 200, 200, 200, 200, 200, 429, 500, 302, 404};
    a->status = statuses[draw(ARRAY_LEN(statuses))];
    a->framing = (enum framing)draw(3);
    a->ending = one_in(2) ? PROPER : one_in(2) ? CUT : RESET;
    a->keeps = a->framing != UNTIL_CLOSE && !one_in(4);
    make_body(a);
    frame_body(a);
    size_t n = a->wire.len;
    if (a->ending != PROPER) {
        n = (size_t)draw((int)n); /* at least the last byte is missing */
        if (a->framing == CHUNKED && n + 4 >= a->wire.len)
            n = a->wire.len - 5; /* what is left is more than the line break after the last chunk */
    }
    a->head_whole = memmem(a->wire.data, n, "\r\n\r\n", 4) != NULL;
    a->status_told = memmem(a->wire.data, n, "\r\n", 2) != NULL;
    a->got = body_within(a, n);
    a->wire.len = n;
}

/* ---- the parser that is as simple as can be ---- */

struct truth {
    bool done, finish, error, malformed, choices, cut;
    uint64_t events;
    int64_t usage, prompt;
    struct buf text;
    enum outcome outcome;
};

static const char *text_in(const cJSON *o, const char *name)
{
    const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));
    return s != NULL && *s != '\0' ? s : NULL;
}

static void judge_event(struct truth *t, const char *data, bool error_line, bool unended)
{
    if (t->done)
        return;
    if (strcmp(data, "[DONE]") == 0) {
        t->done = true;
        return;
    }
    cJSON *o = cJSON_Parse(data);
    if (unended && !cJSON_IsObject(o))
        t->cut = true;
    else
        t->malformed |= !cJSON_IsObject(o);
    t->error |= error_line || cJSON_GetObjectItemCaseSensitive(o, "error") != NULL;
    const cJSON *choice = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(o, "choices"), 0);
    const cJSON *delta = cJSON_GetObjectItemCaseSensitive(choice, "delta");
    const cJSON *usage = cJSON_GetObjectItemCaseSensitive(o, "usage");
    const char *text = text_in(delta, "content");
    text = text != NULL ? text : text_in(delta, "reasoning");
    text = text != NULL ? text : text_in(delta, "reasoning_content");
    t->choices |= choice != NULL;
    t->finish |= text_in(choice, "finish_reason") != NULL;
    t->events += text != NULL || cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(delta, "tool_calls")) > 0;
    if (text != NULL)
        assert_true(buf_adds(&t->text, text));
    int64_t tokens = (int64_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(usage, "completion_tokens"));
    if (usage != NULL && tokens > 0) {
        t->usage = tokens;
        t->prompt = (int64_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(usage, "prompt_tokens"));
    }
    cJSON_Delete(o);
}

static void judge_line(struct truth *t, struct buf *data, const char *line, bool whole)
{
    if (!whole && strcmp(line, "data: [DONE]") != 0 && strcmp(line, "data:[DONE]") != 0) {
        t->cut = true; /* all lines of these streams are lines of an event stream */
        return;
    }
    if (!whole && data->len > 0) {
        judge_event(t, data->data, false, true);
        buf_clear(data);
    }
    if (strncmp(line, "error: ", 7) == 0) {
        judge_event(t, line + 7, true, false);
    } else if (strncmp(line, "data:", 5) == 0) {
        assert_true(data->len == 0 || buf_adds(data, "\n"));
        assert_true(buf_adds(data, line + 5 + (line[5] == ' ')));
    } else if (*line == '\0' && data->len > 0) {
        judge_event(t, data->data, false, false);
        buf_clear(data);
    }
}

static void judge_body(struct truth *t, const char *body, size_t n)
{
    struct buf data;
    buf_init(&data, 1 << 20);
    size_t at = n >= 3 && memcmp(body, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (at < n) {
        char line[1024];
        size_t len = 0;
        while (at + len < n && body[at + len] != '\n' && body[at + len] != '\r')
            len++;
        snprintf(line, sizeof line, "%.*s", (int)len, body + at);
        bool whole = at + len < n;
        judge_line(t, &data, line, whole);
        at += len + 1;
        if (whole && at < n && body[at - 1] == '\r' && body[at] == '\n')
            at++;
    }
    if (data.len > 0)
        judge_event(t, data.data, false, true);
    buf_release(&data);
}

static enum outcome judge_outcome(const struct truth *t, const struct answer *a)
{
    enum outcome cut = a->ending == RESET ? OUT_RESET : OUT_TRUNCATED;
    bool is_cut = a->ending == RESET || !a->head_whole || (a->ending == CUT && a->framing != UNTIL_CLOSE);
    if (!a->status_told)
        return cut;
    if (a->status != 200)
        return a->status == 429 ? OUT_HTTP_429 : a->status >= 500 ? OUT_HTTP_5XX : a->status >= 400 ? OUT_HTTP_4XX : OUT_HTTP_3XX;
    if (t->error)
        return OUT_ERROR_EVENT;
    if (t->malformed)
        return OUT_MALFORMED;
    if (is_cut && !t->done)
        return cut;
    if (!t->done && !t->finish)
        return t->choices || t->cut ? OUT_TRUNCATED : OUT_EMPTY;
    return t->events > 0 ? OUT_OK : OUT_EMPTY;
}

/* ---- the wire ---- */

struct rig {
    int listener, server; /* server −1: no connection */
    int client;           /* libcurl's end of the newest connection */
    CURLM *multi;
    struct http_settings settings;
    struct transfer *t;
    bool ended;
    CURLcode code;
};

static int note_socket(void *ctx, curl_socket_t fd, curlsocktype type)
{
    (void)type;
    ((struct rig *)ctx)->client = fd;
    return CURL_SOCKOPT_OK;
}

/* One pass of a loop. */
static void step(struct rig *r, int wait_ms)
{
    int running, left;
    r->t->sink->pass_start = 0;
    if (r->t->rests && (r->code = transfer_go_on(r->t)) != CURLE_OK)
        r->ended = true;
    curl_multi_poll(r->multi, NULL, 0, wait_ms, NULL);
    r->t->socket = r->client;
    transfer_look(r->t, r->client);
    curl_multi_perform(r->multi, &running);
    transfer_looked(r->t);
    for (CURLMsg *m; (m = curl_multi_info_read(r->multi, &left)) != NULL;)
        if (m->msg == CURLMSG_DONE) {
            r->ended = true;
            r->code = m->data.result;
        }
}

/* Until the client has read all that was written, or is done. */
static void until_read(struct rig *r)
{
    int unsent = 1, unread = 1;
    while (!r->ended) {
        step(r, 0);
        if (r->t->rests)
            continue;
        if (ioctl(r->server, SIOCOUTQ, &unsent) != 0 || ioctl(r->client, FIONREAD, &unread) != 0 || unsent + unread == 0)
            break;
    }
    step(r, 0);
}

static bool readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

/* The request comes, over the connection that is there or a new one; false where the client gave up. */
static bool take_request(struct rig *r)
{
    struct buf seen;
    buf_init(&seen, 1 << 16);
    while (!r->ended && (seen.len < sizeof request || memcmp(seen.data + seen.len - sizeof request + 1, request, sizeof request - 1) != 0)) {
        char bytes[4096];
        step(r, 5);
        if (readable(r->listener)) {
            if (r->server >= 0)
                close(r->server);
            r->server = accept(r->listener, NULL, NULL);
            assert_true(r->server >= 0);
            setsockopt(r->server, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
            buf_clear(&seen);
        }
        ssize_t n = r->server >= 0 && readable(r->server) ? read(r->server, bytes, sizeof bytes) : 0;
        if (n > 0)
            assert_true(buf_add(&seen, bytes, (size_t)n));
    }
    buf_release(&seen);
    return !r->ended;
}

static void hang_up(struct rig *r, bool reset)
{
    if (r->server < 0)
        return;
    if (reset)
        setsockopt(r->server, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    close(r->server);
    r->server = -1;
}

static void serve(struct rig *r, const struct answer *a)
{
    for (size_t at = 0; at < a->wire.len && !r->ended;) {
        size_t most = one_in(6) ? 4096 : (size_t)(1 + draw(PIECE_MOST)), n = MIN_OF(most, a->wire.len - at);
        assert_int_equal(send(r->server, a->wire.data + at, n, MSG_NOSIGNAL), (ssize_t)n);
        at += n;
        until_read(r);
    }
    if (a->ending != PROPER || !a->keeps)
        hang_up(r, a->ending == RESET);
    while (!r->ended && !readable(r->listener)) /* libcurl itself asks again where a kept connection ends in the first line */
        step(r, 20);
}

static void open_rig(struct rig *r, struct transfer *t, struct token_sink *sink)
{
    struct run_config c = {0};
    struct err e;
    char url[128];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    *r = (struct rig){.server = -1, .client = -1, .multi = curl_multi_init(), .t = t};
    r->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(r->listener >= 0 && bind(r->listener, (struct sockaddr *)&at, sizeof at) == 0 && listen(r->listener, 8) == 0 &&
                getsockname(r->listener, (struct sockaddr *)&at, &len) == 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v1/chat/completions", ntohs(at.sin_port));
    *sink = (struct token_sink){0};
    TAILQ_INIT(&sink->resting);
    assert_true(http_settings_init(&r->settings, &c, &e));
    transfer_init(t, &r->settings, url, sink);
    curl_easy_setopt(t->easy, CURLOPT_SOCKOPTFUNCTION, note_socket);
    curl_easy_setopt(t->easy, CURLOPT_SOCKOPTDATA, r);
    assert_true(buf_adds(&t->body, request));
}

static void close_rig(struct rig *r)
{
    transfer_release(r->t);
    http_settings_release(&r->settings);
    curl_multi_cleanup(r->multi);
    hang_up(r, false);
    close(r->listener);
}

/* ---- one after the other ---- */

static void compare(const struct transfer *t, const struct answer *a, const struct truth *want, uint64_t bytes, int number)
{
    const struct timeline *tl = &t->tl;
    if (tl->outcome != want->outcome || tl->events != want->events || bytes != a->got)
        fail_msg("transfer %d (status %d, framing %d, ending %d): %s, %d events, %d bytes; wanted %s, %d, %d; it says '%s'; body:\n%.*s", number,
                 a->status, (int)a->framing, (int)a->ending, outcome_name(tl->outcome), (int)tl->events, (int)bytes,
                 outcome_name(want->outcome), (int)want->events, (int)a->got, t->error, (int)a->got,
                 a->body.data != NULL ? a->body.data : "");
    assert_string_equal(t->text.data != NULL ? t->text.data : "", want->text.data != NULL ? want->text.data : "");
    assert_int_equal(tl->output_tokens, want->usage > 0 ? want->usage : want->events > 0 ? (int64_t)want->events : -1);
    assert_int_equal(tl->prompt_tokens, want->usage > 0 ? want->prompt : -1);
    assert_int_equal(tl->gaps_n, want->events);
    bool has_words = tl->outcome == OUT_ERROR_EVENT || tl->outcome == OUT_MALFORMED || tl->outcome == OUT_RESET || (a->status != 200 && a->got == a->body.len);
    if (tl->outcome == OUT_OK ? t->error[0] != '\0' : has_words && t->error[0] == '\0')
        fail_msg("transfer %d: %s, and it says '%s'", number, outcome_name(tl->outcome), t->error);
    /* Moments in their order; what did not happen has none. */
    assert_true(tl->started != 0 && tl->started <= tl->sent && tl->sent <= tl->end);
    assert_true((tl->first_byte != 0) == (a->got > 0) && (tl->first_token != 0) == (want->events > 0));
    if (tl->first_byte != 0)
        assert_true(tl->sent <= tl->first_byte && tl->first_byte <= tl->end);
    if (tl->first_token != 0)
        assert_true(tl->first_byte <= tl->first_event && tl->first_event <= tl->first_token && tl->first_token <= tl->last_token &&
                    tl->last_token <= tl->end);
}

static void test_transfers(void **state)
{
    (void)state;
    static struct token_sink sink;
    struct rig rig;
    struct transfer t;
    struct answer a = {0};
    const char *seed = getenv("TRANSFER_SEED"), *many = getenv("TRANSFERS");
    rng = seed != NULL ? strtoull(seed, NULL, 10) : 1;
    int transfers = many != NULL ? (int)strtol(many, NULL, 10) : TRANSFERS, again = 0, outcomes[OUT_COUNT] = {0};
    open_rig(&rig, &t, &sink);
    t.keep_text = t.keep_tail = true;
    buf_init(&a.body, 1 << 20);
    buf_init(&a.wire, 1 << 20);
    for (int i = 0; i < transfers; i++) {
        make_answer(&a);
        sink.turn_most = one_in(2) ? 0 : (size_t)(1 + draw(200));
        uint64_t bytes = sink.bytes;
        if (one_in(5))
            hang_up(&rig, one_in(2)); /* a kept connection dies before it is used again: nothing is lost by that */
        transfer_reuse(&t, !one_in(6));
        transfer_start(&t, 0, clock_ns(), clock_ns());
        for (bool first = true;; first = false) {
            rig.ended = false;
            curl_multi_add_handle(rig.multi, t.easy);
            for (int asked = 0; take_request(&rig); asked++) {
                assert_true(asked < 2 && (asked == 0 || a.got == 0));
                serve(&rig, &a);
            }
            curl_multi_remove_handle(rig.multi, t.easy);
            if (!first || !transfer_found_dead(&t, rig.code))
                break;
            transfer_again(&t);
            again++;
        }
        transfer_finish(&t, clock_ns(), rig.code, TR_COMPLETE);
        struct truth want = {0};
        buf_init(&want.text, 1 << 20);
        if (a.got > 0)
            judge_body(&want, a.body.data, a.got);
        want.outcome = judge_outcome(&want, &a);
        outcomes[want.outcome]++;
        compare(&t, &a, &want, sink.bytes - bytes, i);
        buf_release(&want.text);
    }
    if (transfers >= TRANSFERS) {
        static const enum outcome kinds[] = {OUT_OK, OUT_RESET, OUT_TRUNCATED, OUT_ERROR_EVENT, OUT_MALFORMED, OUT_HTTP_3XX, OUT_HTTP_4XX, OUT_HTTP_429,
                                             OUT_HTTP_5XX};
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
            if (outcomes[kinds[i]] < 3)
                fail_msg("only %d of %s", outcomes[kinds[i]], outcome_name(kinds[i]));
        assert_true(again > 0);
    }
    buf_release(&a.body);
    buf_release(&a.wire);
    close_rig(&rig);
}

static size_t unread(const struct rig *r)
{
    int n = 0;
    assert_int_equal(ioctl(r->client, FIONREAD, &n), 0);
    return (size_t)n;
}

/* Sends it, and waits until it is there to be read: where much goes on, the kernel brings it later. */
static void send_there(struct rig *r, const char *bytes, size_t n)
{
    size_t all = unread(r) + n;
    assert_int_equal(send(r->server, bytes, n, MSG_NOSIGNAL), n);
    while (unread(r) < all)
        continue;
}

/* The token is there to be read: the moment. */
static int64_t send_token(struct rig *r, int64_t *before)
{
    static const char token[] = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word\"}}]}\n\n";
    *before = clock_ns();
    send_there(r, token, sizeof token - 1);
    return clock_ns();
}

#define LATE_NS (20 * NS_PER_MS) /* … and two clocks are not read half of that apart */

static void be_late(void)
{
    for (int64_t end = clock_ns() + LATE_NS; clock_ns() < end;)
        poll(NULL, 0, 1);
}

static void begin_stream(struct rig *r)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    r->ended = false;
    transfer_reuse(r->t, false);
    transfer_start(r->t, 0, clock_ns(), clock_ns());
    curl_multi_add_handle(r->multi, r->t->easy);
    assert_true(take_request(r));
    assert_int_equal(send(r->server, head, sizeof head - 1, MSG_NOSIGNAL), sizeof head - 1);
    until_read(r);
}

static void end_stream(struct rig *r)
{
    hang_up(r, false);
    while (!r->ended)
        step(r, 20);
    curl_multi_remove_handle(r->multi, r->t->easy);
    transfer_finish(r->t, clock_ns(), r->code, TR_COMPLETE);
}

/* The moments are those when the bytes came, however late they are read; after the first token as long as looks are left. */
static void test_read_late(void **state)
{
    (void)state;
    static struct token_sink sink;
    struct rig rig;
    struct transfer t;
    int64_t before, written = 0;
    open_rig(&rig, &t, &sink);
    for (int i = 0; i < 200; i++) { /* the kernel begins to stamp some packets after it was asked to */
        sink.looks = 0;
        begin_stream(&rig);
        written = send_token(&rig, &before);
        be_late();
        until_read(&rig);
        if (t.tl.first_token <= written + LATE_NS / 2)
            break;
        end_stream(&rig);
    }
    assert_true(t.tl.first_token >= before && t.tl.first_token <= written + LATE_NS / 2);
    send_token(&rig, &before);
    be_late();
    int64_t read_at = clock_ns();
    until_read(&rig);
    assert_true(t.tl.events == 2 && t.tl.last_token >= read_at);
    sink.looks = 1;
    written = send_token(&rig, &before);
    be_late();
    until_read(&rig);
    assert_true(t.tl.events == 3 && t.tl.last_token >= before && t.tl.last_token <= written + LATE_NS / 2 && sink.looks == 0);
    end_stream(&rig);
    assert_true(t.tl.events == 3 && t.tl.last_token <= written + LATE_NS / 2);
    close_rig(&rig);
}

/* Of what is read in two parts the first may have no time of its own, when more came meanwhile, and the second may: yet it is no
 * earlier. */
static void test_no_way_back(void **state)
{
    (void)state;
    static const char role[] = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
    static struct token_sink sink;
    struct rig rig;
    struct transfer t;
    int64_t before;
    int running;
    open_rig(&rig, &t, &sink);
    transfer_share(&t, 1000); /* 4 KiB at a time */
    begin_stream(&rig);
    sink.turn_most = 1; /* it rests after the first of them */
    for (int i = 0; i < 150; i++)
        send_there(&rig, role, sizeof role - 1);
    send_token(&rig, &before);
    be_late();
    t.socket = rig.client;
    transfer_look(&t, rig.client);
    send_token(&rig, &before);
    sink.pass_start = 0;
    curl_multi_perform(rig.multi, &running);
    transfer_looked(&t);
    int64_t first_byte = t.tl.first_byte;
    assert_true(t.tl.first_token == 0 && first_byte >= before);
    sink.turn_most = 0;
    until_read(&rig);
    end_stream(&rig);
    assert_true(t.tl.events == 2 && t.tl.first_token >= first_byte && t.tl.first_byte == first_byte);
    close_rig(&rig);
}

static void test_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        bool one, here;
    } cases[] = {{"http://127.0.0.1:8000/v1", true, true},        {"https://10.0.0.7", true, false},
                 {"http://[::1]:8000/v1/chat/completions", true, true}, {"http://localhost:8000", true, true},
                 {"http://user:pw@127.0.0.1/", true, true},       {"http://gpu-box:8000/v1", false, false},
                 {"https://api.example.com/v1", false, false},    {"http://127.0.0.1.example.com", false, false},
                 {"http://0.0.0.0:8000", true, true},             {"http://[::]:8000", true, true},
                 {"http://127.8.8.8", true, true},                {"http://localhost.example.com:8000", false, false},
                 {"http://[fe80::1]:80/v1", true, false},         {"http://", false, false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (http_has_one_address(cases[i].url) != cases[i].one || http_is_loopback(cases[i].url) != cases[i].here)
            fail_msg("%s", cases[i].url);
    assert_true(http_is_address("http://127.0.0.1:8000/v1") && http_is_address("http://[::1]:8000") && !http_is_address("http://localhost:8000") &&
                !http_is_address("http://gpu-box"));
}

/* A connection that does not come is given up in time; one that was there has other limits. */
static void test_no_connection(void **state)
{
    (void)state;
    static struct token_sink sink;
    struct rig rig;
    struct transfer t;
    int64_t minute = 60 * NS_PER_SEC, now = clock_ns(), late = HTTP_CONNECT_MS * NS_PER_MS + 1;
    open_rig(&rig, &t, &sink);
    transfer_start(&t, 1, now, now);
    assert_true(transfer_overdue(&t, now + late - 1, minute, minute) == TR_COMPLETE);
    assert_true(transfer_overdue(&t, now + late, minute, minute) == TR_CONNECT);
    assert_true(transfer_overdue(&t, now + late, late / 2, minute) == TR_CONNECT);
    assert_true(transfer_overdue(&t, now + late / 2 + 1, late / 2, minute) == TR_TIMEOUT);
    t.connecting = 0; /* it came */
    t.tl.sent = now + 1;
    assert_true(transfer_overdue(&t, now + late, minute, minute) == TR_COMPLETE);
    assert_true(transfer_overdue(&t, now + minute + 1, minute, minute) == TR_TIMEOUT);
    transfer_again(&t); /* and was dead: the fresh one has its own time */
    int64_t again = t.connecting;
    assert_true(again >= now);
    assert_true(transfer_overdue(&t, again + late - 1, 10 * minute, minute) == TR_COMPLETE);
    assert_true(transfer_overdue(&t, again + late, 10 * minute, minute) == TR_CONNECT);
    t.tl.sent = 0;
    transfer_finish(&t, now + late, CURLE_OK, TR_CONNECT);
    assert_int_equal(t.tl.outcome, OUT_CONNECT);
    assert_string_equal(t.error, "no connection within 10 s");
    close_rig(&rig);
}

#define TURN 1000
#define CURL_BUFFER 16384

/* Writes what the kernel takes of an answer that has no end; returns how much. */
static size_t pour(struct rig *r)
{
    static const char event[] = "data: {\"choices\":[{\"delta\":{\"content\":\"on and on\"}}]}\n\n";
    size_t all = 0;
    while (send(r->server, event, sizeof event - 1, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof event - 1)
        all += sizeof event - 1;
    return all;
}

/* An answer that comes as fast as it is read has no more than its turn in each pass; taken out while it rests it is forgotten. */
static void test_turns(void **state)
{
    (void)state;
    static struct token_sink sink;
    struct rig rig;
    struct transfer t;
    open_rig(&rig, &t, &sink);
    sink.turn_most = TURN;
    for (int round = 0; round < 2; round++) {
        transfer_reuse(&t, false);
        transfer_start(&t, 100000, clock_ns(), clock_ns());
        rig.ended = false;
        curl_multi_add_handle(rig.multi, t.easy);
        assert_true(take_request(&rig));
        static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
        assert_int_equal(send(rig.server, head, sizeof head - 1, MSG_NOSIGNAL), sizeof head - 1);
        assert_true(pour(&rig) > 10 * (TURN + CURL_BUFFER));
        uint64_t begin = sink.bytes;
        for (int pass = 0; pass < 10; pass++) {
            uint64_t before = sink.bytes;
            step(&rig, 1000);
            assert_true(sink.bytes - before <= TURN + CURL_BUFFER);
        }
        assert_true(transfer_overdue(&t, clock_ns() + 120 * NS_PER_SEC, NS_PER_SEC, NS_PER_SEC) == TR_COMPLETE); /* we do not read */
        assert_true(sink.bytes - begin > 5 * TURN && t.rests && !TAILQ_EMPTY(&sink.resting));
        curl_multi_remove_handle(rig.multi, t.easy);
        transfer_finish(&t, clock_ns(), CURLE_OK, TR_CANCELLED);
        assert_true(t.tl.outcome == OUT_CANCELLED && !t.rests && TAILQ_EMPTY(&sink.resting));
    }
    close_rig(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_read_late), cmocka_unit_test(test_no_way_back),
                                       cmocka_unit_test(test_transfers), cmocka_unit_test(test_turns),
                                       cmocka_unit_test(test_no_connection), cmocka_unit_test(test_addresses)};
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
