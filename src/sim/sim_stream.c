/* sim_stream: the life of one generation: submitted to the model, told token by token as the model yields
 * them, struck by its fault if it has one, logged when it is over. */
#include "sim/sim_stream.h"

#include "clock.h"
#include "sim/sim_strike.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A process that did not run for this long (stopped, suspended machine) goes on where it was, instead of
 * catching up. */
#define LAG_MAX NS_PER_SEC
#define HOSTILE_MAX 64 /* bytes of a fault that stand in place of a token */

static int64_t virtual_now(const struct sim_server *s)
{
    return clock_ns() - s->skew;
}

/* Before anything that tells the model a time, so that its time never goes back. */
static void forgive_lag(struct sim_server *s)
{
    int64_t lag = virtual_now(s) - sim_model_due(s->model);
    if (lag > LAG_MAX)
        s->skew += lag;
}

static void arm(struct sim_server *s)
{
    int64_t due = sim_model_due(s->model);
    if (due == SIM_NEVER) {
        event_del(s->timer);
        return;
    }
    /* Rounded up to what a timer can say: a timer that is early finds nothing to do. */
    int64_t wait = MAX_OF(0, due - virtual_now(s) + 999);
    struct timeval tv = {.tv_sec = wait / NS_PER_SEC, .tv_usec = wait % NS_PER_SEC / 1000};
    event_add(s->timer, &tv);
}

/* ---- the log ---- */

/* ready, admitted and served (its last token is made) are in the model's time, which is the clock's unless the process was
 * stopped; all others are when it really happened here. */
static void log_row(struct sim_server *s, const struct sim_stream *r, int status, const char *outcome)
{
    if (s->log == NULL)
        return;
    const char *fault = sim_fault_row(r->fault)->name, *quote = fault != NULL ? "\"" : "";
    bool whole = r->ask.output_tokens > 0 && r->sent == r->ask.output_tokens;
    const char *finish = whole ? r->ask.finish : NULL, *finish_quote = finish != NULL ? "\"" : "";
    fprintf(
        s->log,
        "{\"id\":%" PRIu64 ",\"path\":\"%s\",\"stream\":%s,\"status\":%d,\"fault\":%s%s%s,\"outcome\":\"%s\","
        "\"prompt_tokens\":%d,\"cached_tokens\":%d,\"output_tokens\":%d,\"events\":%d,\"arrived_ns\":%" PRId64
        ",\"first_token_ns\":%" PRId64 ",\"last_token_ns\":%" PRId64 ",\"ended_ns\":%" PRId64
        ",\"ready_ns\":%" PRId64 ",\"admitted_ns\":%" PRId64 ",\"served_ns\":%" PRId64 ",\"finish\":%s%s%s}\n",
        r->id, r->ask.chat ? "/v1/chat/completions" : "/v1/completions", r->ask.stream ? "true" : "false",
        status, quote, fault != NULL ? fault : "null", quote, outcome, r->ask.prompt_tokens, r->cached,
        r->sent, r->events, r->arrived, r->first_ns, r->last_ns, clock_ns(), r->ready_at, r->admitted_at, r->last_at,
        finish_quote, finish != NULL ? finish : "null", finish_quote);
}

void sim_stream_refused(struct sim_server *s, uint64_t id, bool chat, int status, enum sim_fault fault, int64_t arrived)
{
    struct sim_stream r = {.id = id, .fault = fault, .arrived = arrived, .ask.chat = chat};
    log_row(s, &r, status, fault != SIM_FAULT_NONE ? "fault" : "refused");
}

/* ---- end ---- */

void sim_stream_retire(struct sim_stream *r, int status, const char *outcome, enum sim_finish finish)
{
    struct sim_server *s = r->server;
    if (r->ask.output_tokens > 0) /* else the model has never heard of it */
        sim_metrics_finished(s->metrics, finish);
    log_row(s, r, status, outcome);
    if (r->seq != NULL)
        sim_model_abort(s->model, r->seq);
    if (r->prev != NULL)
        r->prev->next = r->next;
    else
        s->streams = r->next;
    if (r->next != NULL)
        r->next->prev = r->prev;
    sim_ask_release(&r->ask);
    sim_voice_release(&r->voice);
    buf_release(&r->pending);
    free(r);
}

static void on_gone(struct evhttp_connection *con, void *user)
{
    (void)con;
    struct sim_stream *r = user;
    struct sim_server *s = r->server;
    sim_wire_forget(&r->wire);
    sim_stream_retire(r, 200, r->struck ? "fault" : "client_left", SIM_FINISH_ABORT);
    arm(s);
}

void sim_stream_end_all(struct sim_server *s)
{
    struct sim_stream *next;
    for (struct sim_stream *r = s->streams; r != NULL; r = next) {
        next = r->next;
        sim_wire_cut(&r->wire);
        sim_stream_retire(r, 200, "server_stopped", SIM_FINISH_ABORT);
    }
}

static void observe_end(const struct sim_stream *r)
{
    struct sim_metrics *x = r->server->metrics;
    int out = r->ask.output_tokens;
    double decode = (double)(r->last_at - r->first_at) / 1e9;
    sim_metrics_observe(x, SIM_H_E2E, (double)(r->last_at - r->arrived_at) / 1e9);
    sim_metrics_observe(x, SIM_H_INFERENCE, (double)(r->last_at - r->admitted_at) / 1e9);
    sim_metrics_observe(x, SIM_H_DECODE, decode);
    sim_metrics_observe(x, SIM_H_PROMPT_TOKENS, r->ask.prompt_tokens);
    sim_metrics_observe(x, SIM_H_GENERATION_TOKENS, out);
    if (out > 1)
        sim_metrics_observe(x, SIM_H_TPOT, decode / (out - 1));
}

static enum sim_finish finish_of(const struct sim_stream *r)
{
    return strcmp(r->ask.finish, "stop") == 0 ? SIM_FINISH_STOP : SIM_FINISH_LENGTH;
}

static const char *outcome_of(const struct sim_stream *r)
{
    return r->fault == SIM_FAULT_NONE ? "ok" : "fault";
}

static void finish_stream(struct sim_stream *r)
{
    if (sim_strike_end(r))
        sim_stream_retire(r, 200, outcome_of(r), finish_of(r));
}

void sim_stream_leave_model(struct sim_stream *r)
{
    if (r->seq != NULL)
        sim_model_abort(r->server->model, r->seq);
    r->seq = NULL;
}

/* ---- tokens from the model ---- */

static void note_first(struct sim_stream *r, const struct sim_token *t, int64_t at)
{
    struct sim_metrics *x = r->server->metrics;
    r->cached = t->cached;
    r->ready_at = t->ready;
    r->admitted_at = t->admitted;
    r->first_at = r->last_at = at;
    if (!r->ask.stream)
        r->first_ns = clock_ns();
    sim_metrics_prompt(x, r->ask.prompt_tokens);
    sim_metrics_observe(x, SIM_H_TTFT, (double)(at - r->arrived_at) / 1e9);
    sim_metrics_observe(x, SIM_H_QUEUE, (double)(t->admitted - t->ready) / 1e9);
    sim_metrics_observe(x, SIM_H_PREFILL, (double)(at - t->admitted) / 1e9);
}

/* Whether what is pending has to leave now: the first token at once, then every tokens_per_event. */
static bool event_due(struct sim_stream *r)
{
    if (r->made < ceil(r->next_send))
        return false;
    r->next_send += r->server->c.tokens_per_event;
    return true;
}

static void note_token(struct sim_stream *r, const struct sim_token *t, int64_t at)
{
    if (t->last)
        r->seq = NULL;
    if (t->index == 0)
        note_first(r, t, at);
    else
        sim_metrics_observe(r->server->metrics, SIM_H_ITL, (double)(at - r->last_at) / 1e9);
    r->last_at = at;
    r->made = t->index + 1;
}

static void token_of_stream(struct sim_stream *r, const struct sim_token *t)
{
    bool struck = r->fault_at == r->made;
    sim_answer_say(r, t->index);
    if (struck) {
        r->struck = true;
        sim_strike_text(r);
        sim_answer_output(r, false);
        if (!sim_strike_stream(r))
            return;
    }
    if (t->last || (!struck && event_due(r)))
        sim_answer_output(r, t->last);
    if (t->last) {
        observe_end(r);
        finish_stream(r);
    }
}

static void token_of_whole(struct sim_stream *r, const struct sim_token *t)
{
    if (r->fault_at == r->made) {
        r->struck = true;
        sim_strike_whole(r);
    } else if (t->last) {
        observe_end(r);
        sim_answer_whole(r);
        sim_stream_retire(r, 200, outcome_of(r), finish_of(r));
    }
}

static void take_token(struct sim_stream *r, const struct sim_token *t, int64_t at)
{
    note_token(r, t, at);
    if (r->ask.stream)
        token_of_stream(r, t);
    else
        token_of_whole(r, t);
}

void sim_stream_tick(evutil_socket_t fd, short what, void *server)
{
    (void)fd;
    (void)what;
    struct sim_server *s = server;
    struct sim_tick tick;
    forgive_lag(s);
    /* One step a turn, so that a server that is late still hears its clients. */
    if (sim_model_step(s->model, virtual_now(s), &tick)) {
        sim_metrics_observe(s->metrics, SIM_H_ITERATION_TOKENS, (double)tick.n);
        sim_metrics_generated(s->metrics, (int)tick.n);
        for (size_t i = 0; i < tick.n; i++)
            take_token(tick.token[i].user, &tick.token[i], tick.at);
    }
    arm(s);
}

/* ---- begin ---- */

static uint64_t output_hash(void *user, int i)
{
    const struct sim_stream *r = user;
    return sim_ask_output_hash(&r->ask, i);
}

static bool asks_for_stamps(struct evhttp_request *req)
{
    const char *v = evhttp_find_header(evhttp_request_get_input_headers(req), "X-Tokgauge-Stamp");
    return v != NULL && strcmp(v, "1") == 0;
}

static void give_voice(struct sim_stream *r)
{
    snprintf(r->name, sizeof r->name, "%s-%016" PRIx64, r->ask.chat ? "chatcmpl" : "cmpl", r->id);
    sim_voice_init(&r->voice, r->ask.chat, r->name, r->server->created, r->server->c.model);
}

static void submit(struct sim_stream *r)
{
    struct sim_server *s = r->server;
    struct sim_job job = {.prompt = r->ask.prompt,
                          .prompt_tokens = r->ask.prompt_tokens,
                          .output_tokens = r->ask.output_tokens,
                          .output = output_hash,
                          .user = r};
    r->seq = sim_model_submit(s->model, r->arrived_at, &job);
    if (r->seq == NULL)
        die("simulator: a request of %d tokens does not fit the KV pool",
            r->ask.prompt_tokens + r->ask.output_tokens);
    free(r->ask.prompt);
    r->ask.prompt = NULL;
    arm(s);
}

/* In the list of what is not finished. */
static struct sim_stream *add_stream(struct sim_server *s, enum sim_fault fault, uint64_t id, int64_t arrived)
{
    struct sim_stream *r = xcalloc(1, sizeof *r);
    r->server = s;
    r->id = id;
    r->arrived = arrived;
    r->fault = fault;
    r->next = s->streams;
    if (r->next != NULL)
        r->next->prev = r;
    s->streams = r;
    return r;
}

struct sim_stream *sim_stream_hold(struct sim_server *s, struct evhttp_request *req, enum sim_fault fault, uint64_t id,
                                   bool chat, int64_t arrived)
{
    struct sim_stream *r = add_stream(s, fault, id, arrived);
    r->ask.chat = chat;
    r->struck = true;
    sim_wire_hold(&r->wire, req, on_gone, r);
    return r;
}

void sim_stream_start(struct sim_server *s, struct evhttp_request *req, struct sim_ask *ask,
                      enum sim_fault fault, uint64_t id, int64_t arrived)
{
    forgive_lag(s);
    struct sim_stream *r = add_stream(s, fault, id, arrived);
    enum sim_fault_phase phase = sim_fault_row(fault)->phase;
    r->ask = *ask;
    r->arrived_at = arrived - s->skew;
    r->stamped = asks_for_stamps(req);
    r->next_send = 1;
    r->struck = phase == SIM_FAULT_THROUGHOUT;
    if (phase == SIM_FAULT_MIDSTREAM || (phase != SIM_FAULT_NEVER && !ask->stream))
        r->fault_at = MAX_OF(1, ask->output_tokens / 2);
    if (s->c.no_usage || fault == SIM_FAULT_MISSING_USAGE)
        r->ask.include_usage = r->ask.continuous_usage = false;
    buf_init(&r->pending, MAX_OF(ask->text_bytes, (size_t)HOSTILE_MAX) + 1);
    give_voice(r);
    sim_http_headers(req, !ask->stream                      ? "application/json"
                          : fault == SIM_FAULT_CONTENT_TYPE ? "text/html"
                                                            : "text/event-stream; charset=utf-8");
    if (ask->stream)
        sim_strike_headers(r, req);
    sim_wire_hold(&r->wire, req, on_gone, r);
    submit(r);
}
