/* sim_answer: the bytes of an answer, and when they leave.  Events are made in the server's scratch buffers
 * and sent at once; their stamp is read immediately before. */
#include "sim/sim_stream.h"

#include "clock.h"

#include <inttypes.h>

#define CRUMBS 1024
#define BROKEN_BODY "{\"choices\":[{\"index\":0,\"message\":{\"content\":\" broken"

void sim_answer_say(struct sim_stream *r, int index)
{
    if (!r->ask.stream || r->said == r->ask.text_bytes)
        return;
    char piece[SIM_PIECE_MAX];
    size_t n = sim_text_token(r->ask.text_seed, index, piece);
    n = MIN_OF(n, r->ask.text_bytes - r->said);
    buf_add(&r->pending, piece, n);
    r->said += n;
}

static struct sim_usage usage_now(const struct sim_stream *r, int completion, bool last)
{
    if (r->fault == SIM_FAULT_ZERO_USAGE)
        return (struct sim_usage){.cached = -1};
    bool told = last && (r->cached > 0 || !r->server->c.cached_hits_only);
    return (struct sim_usage){.prompt = r->ask.prompt_tokens, .completion = completion, .cached = told ? r->cached : -1};
}

static bool in_crumbs(const struct sim_stream *r)
{
    return r->fault == SIM_FAULT_CRUMBS && r->made == r->fault_at;
}

/* What stands in the scratch buffer of events, as one chunk, or as one of each byte. */
static void frame(struct sim_stream *r)
{
    struct sim_server *s = r->server;
    size_t step = in_crumbs(r) ? 1 : s->event.len;
    for (size_t at = 0; at < s->event.len; at += step)
        sim_wire_frame(&r->wire, &s->frames, s->event.data + at, step);
    buf_clear(&s->event);
}

/* An event is in the scratch buffer: usually it is one chunk. */
static void frame_event(struct sim_stream *r)
{
    if (r->fault != SIM_FAULT_JOINED)
        frame(r);
}

static void send_frames(struct sim_stream *r)
{
    struct buf *frames = &r->server->frames;
    if (r->server->event.len > 0)
        frame(r);
    sim_wire_send(&r->wire, frames->data, frames->len);
    buf_clear(frames);
}

static void frame_role(struct sim_stream *r, int64_t stamp)
{
    struct sim_usage u = usage_now(r, 0, false);
    struct sim_extra x = {.usage = r->ask.continuous_usage ? &u : NULL, .stamp_ns = stamp};
    sim_event_role(&r->server->event, &r->voice, &x);
    frame_event(r);
}

/* White space inside the JSON: so that an event in chunks of a byte has more than a thousand of them. */
static void pad_event(struct buf *event)
{
    event->len -= 2; /* its blank line */
    buf_addf(event, "%*s\n\n", CRUMBS, "");
}

static void frame_text(struct sim_stream *r, bool last, int64_t stamp)
{
    struct sim_usage u = usage_now(r, r->made, false);
    struct sim_extra x = {.usage = r->ask.continuous_usage ? &u : NULL, .stamp_ns = stamp};
    const char *text = r->pending.len > 0 ? r->pending.data : "";
    sim_event_text(&r->server->event, &r->voice, text, r->pending.len, last ? r->ask.finish : NULL,
                   last ? r->ask.stop_hit : NULL, &x);
    if (in_crumbs(r))
        pad_event(&r->server->event);
    frame_event(r);
    r->events += r->pending.len > 0;
    buf_clear(&r->pending);
}

static void frame_usage(struct sim_stream *r, int64_t stamp)
{
    struct sim_usage u = usage_now(r, r->made, true);
    struct sim_extra x = {.usage = &u, .stamp_ns = stamp};
    sim_event_usage(&r->server->event, &r->voice, &x);
    frame_event(r);
}

static void frame_end(struct sim_stream *r, int64_t stamp)
{
    if (r->fault == SIM_FAULT_RESET_LATE || r->fault == SIM_FAULT_NO_END)
        return;
    if (r->ask.include_usage && r->fault == SIM_FAULT_HUGE_NUMBERS) {
        sim_event_huge_usage(&r->server->event, &r->voice);
        frame_event(r);
    } else if (r->ask.include_usage) {
        frame_usage(r, stamp);
        if (r->fault == SIM_FAULT_DUP_USAGE)
            frame_usage(r, stamp);
    }
    sim_event_done(&r->server->event);
    frame_event(r);
    if (r->fault != SIM_FAULT_AFTER_DONE)
        return;
    sim_event_text(&r->server->event, &r->voice, " late", 5, NULL, NULL, &(struct sim_extra){0});
    frame_event(r);
    sim_event_huge_usage(&r->server->event, &r->voice);
    frame_event(r);
}

void sim_answer_output(struct sim_stream *r, bool last)
{
    bool first = !r->wire.begun, speaks = r->pending.len > 0;
    if (first)
        sim_wire_begin(&r->wire);
    int64_t stamp = clock_ns();
    if (first && r->ask.chat)
        frame_role(r, r->stamped ? stamp : 0);
    if (r->pending.len > 0 || last)
        frame_text(r, last, r->stamped ? stamp : 0);
    if (last)
        frame_end(r, r->stamped ? stamp : 0);
    send_frames(r);
    r->sent = r->made;
    if (!speaks)
        return;
    r->last_ns = stamp;
    if (r->first_ns == 0)
        r->first_ns = stamp;
}

void sim_answer_error_event(struct sim_stream *r)
{
    sim_event_error(&r->server->event, r->fault == SIM_FAULT_ERROR_LINE);
    frame_event(r);
    if (r->fault != SIM_FAULT_ERROR_END) {
        sim_event_done(&r->server->event);
        frame_event(r);
    }
    send_frames(r);
    sim_wire_end(&r->wire);
}

void sim_answer_malformed_event(struct sim_stream *r, bool nested)
{
    if (nested)
        sim_event_nested(&r->server->event, &r->voice);
    else
        sim_event_malformed(&r->server->event, &r->voice);
    frame_event(r);
    send_frames(r);
}

/* ---- in one piece ---- */

static void add_whole_text(const struct sim_stream *r, struct buf *out)
{
    char piece[SIM_PIECE_MAX];
    size_t left = r->ask.text_bytes;
    for (int i = 0; left > 0; i++) {
        size_t n = MIN_OF(sim_text_token(r->ask.text_seed, i, piece), left);
        buf_add(out, piece, n);
        left -= n;
    }
}

/* The body of an answer that is not streamed. */
static void add_whole_answer(const struct sim_stream *r, struct buf *out)
{
    bool chat = r->ask.chat;
    buf_addf(out, "{\"id\":\"%s\",\"object\":\"%s\",\"created\":%" PRId64 ",\"model\":", r->name,
             chat ? "chat.completion" : "text_completion", r->server->created);
    sim_add_string(out, r->server->c.model);
    buf_adds(out, chat ? ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\""
                       : ",\"choices\":[{\"index\":0,\"text\":\"");
    add_whole_text(r, out);
    buf_addf(out, "\"%s,\"logprobs\":null,\"finish_reason\":\"%s\",\"stop_reason\":",
             chat ? ",\"tool_calls\":[]}" : "", r->ask.finish);
    sim_add_string(out, r->ask.stop_hit);
    buf_adds(out, "}]");
    if (!r->server->c.no_usage) {
        struct sim_usage u = usage_now(r, r->made, true);
        buf_adds(out, ",");
        sim_add_usage(out, &u);
    }
    buf_adds(out, "}");
}

static void reply_body(struct sim_stream *r, int status)
{
    struct buf *body = &r->server->frames;
    sim_wire_reply(&r->wire, status, body);
    buf_clear(body);
}

void sim_answer_whole(struct sim_stream *r)
{
    add_whole_answer(r, &r->server->frames);
    r->last_ns = clock_ns();
    r->sent = r->made;
    r->events = 1;
    reply_body(r, 200);
}

void sim_answer_half(struct sim_stream *r)
{
    struct buf *body = &r->server->frames;
    char length[24];
    add_whole_answer(r, body);
    snprintf(length, sizeof length, "%zu", body->len);
    evhttp_add_header(evhttp_request_get_output_headers(r->wire.req), "Content-Length", length);
    sim_wire_begin(&r->wire);
    sim_wire_send(&r->wire, body->data, body->len / 2);
    buf_clear(body);
}

void sim_answer_error(struct sim_stream *r)
{
    struct sim_refusal error = {0};
    sim_refuse(&error, 500, NULL, "simulated failure of the engine");
    sim_add_error(&r->server->frames, &error);
    reply_body(r, 500);
}

void sim_answer_malformed(struct sim_stream *r)
{
    buf_adds(&r->server->frames, BROKEN_BODY);
    reply_body(r, 200);
}
