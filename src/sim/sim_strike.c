#include "sim/sim_strike.h"

#include "clock.h"

#include <event2/buffer.h>
#include <string.h>

#define GIB (UINT64_C(1) << 30)
#define BLOCK 65536
#define PAGE                                                                                                 \
    "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>"                                     \
    "<body><h1>502 Bad Gateway</h1><hr>nginx</body></html>\n"
#define JSON_TYPE "application/json"
#define ERROR(code, type, text)                                                                              \
    "{\"error\":{\"message\":\"" text "\",\"type\":\"" type "\",\"param\":null,\"code\":" code "}}"
#define HTML_TYPE "text/html; charset=utf-8"
#define HEAD                                                                                                 \
    "HTTP/1.1 200 OK\r\nServer: uvicorn\r\nX-Tokgauge-Sim: 1\r\n"                                              \
    "Content-Type: text/event-stream; charset=utf-8\r\n"

/* ---- instead of an answer ---- */

static const struct reply {
    enum sim_fault fault;
    int status;
    const char *type, *header, *value, *body;
} replies[] = {
    {SIM_FAULT_429, 429, JSON_TYPE, "Retry-After", "1",
     ERROR("429", "RateLimitError", "simulated: too many requests")},
    {SIM_FAULT_500, 500, JSON_TYPE, NULL, NULL,
     ERROR("500", "InternalServerError", "simulated failure of the engine")},
    {SIM_FAULT_502, 502, HTML_TYPE, NULL, NULL, PAGE},
    {SIM_FAULT_503, 503, JSON_TYPE, NULL, NULL,
     ERROR("503", "unavailable_error", "Loading model")},
    {SIM_FAULT_REDIRECT, 307, HTML_TYPE, "Location", "/elsewhere", ""},
    {SIM_FAULT_HTML, 200, HTML_TYPE, NULL, NULL, PAGE},
};

static const struct reply *find_reply(enum sim_fault f)
{
    for (size_t i = 0; i < ARRAY_LEN(replies); i++)
        if (replies[i].fault == f)
            return &replies[i];
    return NULL;
}

static void send_reply(struct evhttp_request *req, const struct reply *p)
{
    struct evbuffer *body = evbuffer_new();
    sim_http_headers(req, p->type);
    if (p->header != NULL)
        evhttp_add_header(evhttp_request_get_output_headers(req), p->header, p->value);
    evbuffer_add(body, p->body, strlen(p->body));
    evhttp_send_reply(req, p->status, NULL, body);
    evbuffer_free(body);
}

static int status_of(enum sim_fault f)
{
    return f == SIM_FAULT_SILENT || f == SIM_FAULT_SLOW_HEADERS || f == SIM_FAULT_RESET_EARLY ? 0 : 200;
}

static void on_over(void *user)
{
    struct sim_stream *r = user;
    sim_wire_cut(&r->wire);
    sim_stream_retire(r, status_of(r->fault), "fault", SIM_FINISH_ABORT);
}

/* The bytes of `unit` again and again, whole ones only. */
static void fill_block(struct buf *out, const char *unit, size_t n)
{
    do
        buf_add(out, unit, n);
    while (out->len + n <= BLOCK);
}

static void flood(struct sim_stream *r, const char *unit, size_t n, uint64_t total)
{
    struct buf block;
    buf_init(&block, BLOCK + n);
    fill_block(&block, unit, n);
    sim_wire_flood(&r->wire, block.data, block.len, total);
    buf_release(&block);
}

struct bits {
    unsigned char byte[64];
    size_t n;
};

static void put_bits(struct bits *b, const char *bits)
{
    for (; *bits != '\0'; bits++, b->n++)
        b->byte[b->n / 8] |= (unsigned char)((*bits == '1') << b->n % 8);
}

/* Deflate with its fixed codes (RFC 1951): one zero byte as a literal, then "258 bytes again, from one byte before" for
 * ever: code 285 and distance 0, 13 bits, so that eight of them are 13 bytes. */
static void flood_gzip(struct sim_stream *r)
{
    static const char head[] = HEAD "Content-Encoding: gzip\r\nConnection: close\r\n\r\n";
    static const char gzip[] = {'\x1f', '\x8b', 8, 0, 0, 0, 0, 0, 0, 3};
    struct bits b = {0};
    put_bits(&b, "110"); /* the last block, with fixed codes (01, lowest bit first) */
    put_bits(&b, "00110000"); /* the literal 0 */
    while (b.n < 2 * 8 + 13 * 8)
        put_bits(&b, "1100010100000");
    sim_wire_send(&r->wire, head, sizeof head - 1);
    sim_wire_send(&r->wire, gzip, sizeof gzip);
    sim_wire_send(&r->wire, (const char *)b.byte, 2); /* up to a whole byte, then what repeats */
    flood(r, (const char *)b.byte + 2, 13, GIB / 2064 * 13);
}

/* A client that waits for what never comes, or is sent what no HTTP library would. */
static void hold(struct sim_stream *r)
{
    static const char plain[] = HEAD "\r\n", chunked[] = HEAD "Transfer-Encoding: chunked\r\n\r\n",
                      comment[] = ": nothing to see here, and a lot of it\n\n";
    sim_wire_own(&r->wire, on_over, r);
    if (r->fault == SIM_FAULT_RESET_HEADERS)
        sim_wire_send(&r->wire, chunked, sizeof chunked - 1);
    switch (r->fault) {
    case SIM_FAULT_BIG_BODY:
        sim_wire_send(&r->wire, plain, sizeof plain - 1);
        flood(r, comment, sizeof comment - 1, GIB);
        break;
    case SIM_FAULT_GZIP_BOMB: flood_gzip(r); break;
    case SIM_FAULT_SLOW_HEADERS: sim_wire_drip(&r->wire, chunked, sizeof chunked - 1); break;
    case SIM_FAULT_RESET_HEADERS:
    case SIM_FAULT_RESET_EARLY:
        sim_wire_reset(&r->wire);
        sim_stream_retire(r, status_of(r->fault), "fault", SIM_FINISH_ABORT);
        break;
    default: break; /* silent */
    }
}

void sim_strike_at_once(struct sim_server *s, struct evhttp_request *req, enum sim_fault f, uint64_t id, bool chat,
                        int64_t arrived)
{
    const struct reply *p = find_reply(f);
    if (p == NULL) {
        hold(sim_stream_hold(s, req, f, id, chat, arrived));
        return;
    }
    send_reply(req, p);
    sim_stream_refused(s, id, chat, p->status, f, arrived);
}

/* ---- in the middle ---- */

void sim_strike_headers(struct sim_stream *r, struct evhttp_request *req)
{
    struct evkeyvalq *h = evhttp_request_get_output_headers(req);
    if (r->fault == SIM_FAULT_LENGTH_LONG)
        evhttp_add_header(h, "Content-Length", "100000000");
    else if (r->fault == SIM_FAULT_LENGTH_SHORT)
        evhttp_add_header(h, "Content-Length", "500"); /* two events are more */
}

static void say_instead(struct sim_stream *r, const char *text, size_t n)
{
    buf_clear(&r->pending);
    buf_add(&r->pending, text, n);
}

void sim_strike_text(struct sim_stream *r)
{
    static const char utf8[] = "\377\376\303 \355\240\200", nul[] = " \0x",
                      escapes[] = "\033[2J\033]0;owned\007\\u001b[31m\\u009b1m\\u202e";
    if (r->fault == SIM_FAULT_BAD_UTF8)
        say_instead(r, utf8, sizeof utf8 - 1);
    else if (r->fault == SIM_FAULT_ESCAPES)
        say_instead(r, escapes, sizeof escapes - 1);
    else if (r->fault == SIM_FAULT_NUL)
        say_instead(r, nul, sizeof nul); /* two of them */
}

static void flood_stream(struct sim_stream *r)
{
    struct buf event, framed;
    bool line = r->fault == SIM_FAULT_ENDLESS_LINE;
    buf_init(&event, BLOCK);
    buf_init(&framed, BLOCK);
    if (line) {
        static const char begin[] = "data: {\"id\":\"";
        sim_wire_frame(&r->wire, &framed, begin, sizeof begin - 1);
        sim_wire_send(&r->wire, framed.data, framed.len);
        buf_clear(&framed);
        for (int i = 0; i < 4096; i++)
            buf_add(&event, "x", 1);
    } else {
        sim_event_text(&event, &r->voice, " on", 3, NULL, NULL, &(struct sim_extra){0});
    }
    sim_wire_frame(&r->wire, &framed, event.data, event.len);
    sim_wire_own(&r->wire, on_over, r);
    flood(r, framed.data, framed.len, GIB);
    buf_release(&event);
    buf_release(&framed);
}

static void drip_event(struct sim_stream *r)
{
    struct buf event;
    buf_init(&event, BLOCK);
    sim_event_text(&event, &r->voice, " slow", 5, NULL, NULL, &(struct sim_extra){0});
    sim_wire_own(&r->wire, on_over, r);
    sim_wire_drip(&r->wire, event.data, event.len);
    buf_release(&event);
}

bool sim_strike_stream(struct sim_stream *r)
{
    static const char bad_chunk[] = "zz\r\n{}\r\n";
    switch (r->fault) {
    case SIM_FAULT_MALFORMED:
    case SIM_FAULT_NESTED: sim_answer_malformed_event(r, r->fault == SIM_FAULT_NESTED); return true;
    case SIM_FAULT_NUL:
    case SIM_FAULT_BAD_UTF8:
    case SIM_FAULT_ESCAPES:
    case SIM_FAULT_CRUMBS: return true;
    default: break;
    }
    sim_stream_leave_model(r);
    switch (r->fault) {
    case SIM_FAULT_STALL: return false; /* until the client leaves */
    case SIM_FAULT_BAD_CHUNK: sim_wire_send(&r->wire, bad_chunk, sizeof bad_chunk - 1); return false;
    case SIM_FAULT_SLOW_BODY: drip_event(r); return false;
    case SIM_FAULT_ENDLESS_LINE:
    case SIM_FAULT_ENDLESS_STREAM: flood_stream(r); return false;
    case SIM_FAULT_RESET: sim_wire_reset(&r->wire); break;
    case SIM_FAULT_TRUNCATED: sim_wire_cut(&r->wire); break;
    default: sim_answer_error_event(r); break;
    }
    sim_stream_retire(r, 200, "fault", SIM_FINISH_ABORT);
    return false;
}

void sim_strike_whole(struct sim_stream *r)
{
    int status = 200;
    sim_stream_leave_model(r);
    if (r->fault == SIM_FAULT_MALFORMED) {
        sim_answer_malformed(r);
    } else if (r->fault == SIM_FAULT_ERROR_EVENT) {
        sim_answer_error(r);
        status = 500;
    } else {
        sim_answer_half(r);
        if (r->fault == SIM_FAULT_STALL)
            return;
        if (r->fault == SIM_FAULT_RESET)
            sim_wire_reset(&r->wire);
        else
            sim_wire_cut(&r->wire);
    }
    sim_stream_retire(r, status, "fault", SIM_FINISH_ABORT);
}

/* ---- at the end ---- */

bool sim_strike_end(struct sim_stream *r)
{
    switch (r->fault) {
    case SIM_FAULT_HANG_DONE: r->struck = true; return false; /* until the client leaves */
    case SIM_FAULT_RESET_LATE:
    case SIM_FAULT_RESET_DONE: sim_wire_reset(&r->wire); break;
    case SIM_FAULT_NO_END: sim_wire_cut(&r->wire); break;
    case SIM_FAULT_CLOSE:
    case SIM_FAULT_LENGTH_LONG:
    case SIM_FAULT_LENGTH_SHORT: sim_wire_close(&r->wire); break;
    default:
        if (r->server->c.close_after)
            sim_wire_close(&r->wire);
        else
            sim_wire_end(&r->wire);
    }
    return true;
}
