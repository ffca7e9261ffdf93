#include "measure/timeline.h"
#include "util.h"

#include <math.h>
#include <stdlib.h>

static const struct {
    const char *name, *meaning, *advice;
} outcomes[OUT_COUNT] = {
    [OUT_OK] = {"ok", "2xx, at least one output event, and the end was announced ([DONE], or a finish_reason and a clean close)", ""},
    [OUT_DNS] = {"dns", "the host name could not be resolved",
     "Check the name in the URL, and the name server."},
    [OUT_CONNECT] = {"connect", "no connection",
     "See whether the server still runs; its log says why it went."},
    [OUT_TLS] = {"tls", "the TLS handshake or the certificate failed",
     "Name the authority with --ca-file, or skip the check with --insecure."},
    [OUT_HTTP_3XX] = {"http_3xx", "a redirect; it is not followed",
     "Give the URL that it leads to."},
    [OUT_HTTP_4XX] = {"http_4xx", "the server refused the request",
     "The error of such a request, in the log or the run file, says what the server minds."},
    [OUT_HTTP_429] = {"http_429", "the server is too busy; Retry-After is obeyed",
     "Send fewer at once, or have the limit raised."},
    [OUT_HTTP_5XX] = {"http_5xx", "the server failed",
     "Look into the server's log at these times; a proxy says 502 or 503 for a server that is gone."},
    [OUT_TIMEOUT] = {"timeout", "no first byte within --timeout",
     "Use fewer streams where requests wait in a queue, or a longer --timeout; else look into the server's log."},
    [OUT_STALLED] = {"stalled", "no whole line of the stream for --stall after its first byte",
     "Look into the server's log at these times; with a very slow model give a longer --stall."},
    [OUT_RESET] = {"reset", "the connection broke",
     "Look for a crash or a restart in the server's log, and for a time limit of a proxy."},
    [OUT_TRUNCATED] = {"truncated", "closed before the end was announced",
     "Look for a crash or a restart in the server's log, and for a time limit of a proxy."},
    [OUT_ERROR_EVENT] = {"error_event", "an error inside a stream that had begun with HTTP 200",
     "The server's message is in the log and the run file; its own log has the reason."},
    [OUT_MALFORMED] = {"malformed", "what came was not what the API promises",
     "See that the URL is the model server's own, and what stands between: something else may have answered."},
    [OUT_TOO_LARGE] = {"too_large", "a line of the stream longer than 1 MiB, or an answer far beyond the --max-tokens that were asked for; it is broken off",
     "See that the URL is the model server's own, and whether it obeys max_tokens."},
    [OUT_EMPTY] = {"empty", "ended properly without any output, as a gateway does whose provider fails",
     "See whether the model is behind a gateway that fails, and look into the gateway's log."},
    [OUT_CLIENT] = {"client", "this machine had no port, file or memory left for another connection: not the server's fault",
     "Use fewer streams, raise the limit that its message names, or send from another machine."},
    [OUT_CANCELLED] = {"cancelled", "by tokgauge itself, at the end or when streams were taken away; no failure", ""},
};

const char *outcome_name(enum outcome o)
{
    return outcomes[o].name;
}

const char *outcome_meaning(enum outcome o)
{
    return outcomes[o].meaning;
}

const char *outcome_advice(enum outcome o)
{
    return outcomes[o].advice;
}

const char *token_source_name(enum token_source s)
{
    static const char *const names[] = {"none", "continuous usage", "usage", "tokenize", "events≈"};
    return names[s];
}

void timeline_init(struct timeline *t, int64_t due)
{
    *t = (struct timeline){.due = due, .connect_ns = -1, .tls_ns = -1, .lookup_ns = -1, .prompt_tokens = -1, .cached_tokens = -1,
                           .output_tokens = -1};
    timeline_expect(t, 0, 0);
}

#define UNKNOWN_MOST 65536 /* output tokens where nobody knows how many were asked for */
#define PREAMBLE_MOST (1 << 20) /* tokens that a gateway may put before a prompt */

void timeline_expect(struct timeline *t, int64_t output, size_t body_bytes)
{
    t->asked = output;
    t->output_most = output > 0 ? 2 * output + TIMELINE_SLACK : UNKNOWN_MOST;
    t->prompt_most = (int64_t)body_bytes + PREAMBLE_MOST;
}

void timeline_release(struct timeline *t)
{
    free(t->gaps);
    t->gaps = NULL;
    t->gaps_n = t->gaps_cap = 0;
}

static void keep_gap(struct timeline *t, int64_t gap, int64_t tokens)
{
    if (t->gaps_n >= TIMELINE_MAX_EVENTS)
        return;
    if (t->gaps_n == t->gaps_cap) {
        t->gaps_cap = t->gaps_cap > 0 ? t->gaps_cap * 2 : 32;
        t->gaps = xrealloc(t->gaps, t->gaps_cap * sizeof *t->gaps);
    }
    t->gaps[t->gaps_n++] = (struct token_event){(float)gap, (uint32_t)tokens};
}

/* A count of output that can be: what it says is not certain, but what it cannot say would ruin every sum. */
static bool believed(const struct timeline *t, const struct chat_event *e)
{
    return e->usage && e->completion_tokens <= t->output_most;
}

/* Tokens that an output event carried, from cumulative usage; 0 where that cannot be known. */
static int64_t tokens_of_event(struct timeline *t, const struct chat_event *e)
{
    if (!believed(t, e) || t->counted != t->events || e->completion_tokens <= t->usage_given ||
        e->completion_tokens - t->usage_given > UINT32_MAX)
        return 0;
    return e->completion_tokens - t->usage_given;
}

static int64_t output_event(struct timeline *t, int64_t now, const struct chat_event *e, bool *approx)
{
    int64_t tokens = tokens_of_event(t, e);
    int64_t before = t->last_token != 0 ? t->last_token : t->sent;
    if (t->first_token == 0) {
        t->first_token = now;
        t->first_tokens = tokens;
    }
    if (e->answer && t->first_answer == 0)
        t->first_answer = now;
    t->thought |= e->text != NULL && !e->answer;
    t->last_token = now;
    t->events++;
    if (tokens > 0) {
        t->counted++;
        t->usage_given = e->completion_tokens;
    }
    keep_gap(t, now - before, tokens);
    *approx = tokens == 0;
    return tokens > 0 ? tokens : 1;
}

int64_t timeline_event(struct timeline *t, int64_t now, const struct chat_event *e, bool *approx)
{
    *approx = false;
    if (t->done)
        return 0; /* nothing after [DONE] counts */
    if (e->done) {
        t->done = true;
        return 0;
    }
    t->malformed |= e->malformed;
    t->error |= e->error;
    if (e->choices && t->first_event == 0)
        t->first_event = now;
    t->finish |= e->finish;
    if (e->output && t->events >= (uint64_t)t->output_most) {
        t->endless = true;
        return 0;
    }
    int64_t live = e->output ? output_event(t, now, e, approx) : 0;
    if (believed(t, e)) {
        if (e->completion_tokens < t->usage_seen) { /* what the events were said to carry is not to be believed */
            t->usage_fell = true;
            t->first_tokens = 0;
        }
        t->usage_seen = e->completion_tokens;
        if (e->prompt_tokens >= 0 && e->prompt_tokens <= t->prompt_most)
            t->prompt_tokens = e->prompt_tokens;
        if (e->cached_tokens >= 0 && e->cached_tokens <= t->prompt_tokens)
            t->cached_tokens = e->cached_tokens;
        if (e->reasoning_tokens >= 0)
            t->reasoning_tokens = e->reasoning_tokens;
    }
    return live;
}

static enum outcome classify_http(int status)
{
    if (status == 429)
        return OUT_HTTP_429;
    if (status >= 500)
        return OUT_HTTP_5XX;
    if (status < 300) /* 101: another protocol, which nobody asked for */
        return OUT_MALFORMED;
    return status >= 400 ? OUT_HTTP_4XX : OUT_HTTP_3XX;
}

static enum outcome classify(const struct timeline *t, enum transport how)
{
    bool cut = how == TR_RESET || how == TR_CLOSED_EARLY;
    switch (how) {
    case TR_CLIENT: return OUT_CLIENT;
    case TR_DNS: return OUT_DNS;
    case TR_CONNECT: return OUT_CONNECT;
    case TR_TLS: return OUT_TLS;
    case TR_CANCELLED: return OUT_CANCELLED;
    case TR_TIMEOUT: return OUT_TIMEOUT;
    case TR_STALLED: return OUT_STALLED;
    case TR_PROTOCOL: return OUT_MALFORMED;
    case TR_TOO_LARGE:
    case TR_LEFT_OPEN:
    case TR_COMPLETE:
    case TR_RESET:
    case TR_CLOSED_EARLY: break;
    }
    if (t->http_status != 0 && (t->http_status < 200 || t->http_status > 299))
        return classify_http(t->http_status);
    if (how == TR_TOO_LARGE)
        return OUT_TOO_LARGE;
    if (t->error)
        return OUT_ERROR_EVENT;
    if (t->malformed)
        return OUT_MALFORMED;
    if (cut && !t->done)
        return how == TR_RESET ? OUT_RESET : OUT_TRUNCATED;
    if (!t->done && !t->finish)
        return t->events > 0 || t->first_event != 0 || t->cut ? OUT_TRUNCATED : OUT_EMPTY;
    return t->events > 0 ? OUT_OK : OUT_EMPTY;
}

/* Nobody asked for the rest, and no figure shall have it. */
static void cut_endless(struct timeline *t)
{
    int64_t most = t->asked > 0 ? t->asked : t->output_most;
    t->output_tokens = MIN_OF(t->output_tokens, most);
    t->gaps_n = MIN_OF(t->gaps_n, (size_t)most);
}

/* A server may count what the model thought and not send it.  These tokens were there before the first one that came: in the time
 * between tokens they have no part.  Or it sends them as a part of the answer: then there are more events than the rest of it has
 * tokens.  With several tokens an event both may look alike, and nobody knows. */
static void count_hidden(struct timeline *t)
{
    int64_t shown = t->output_tokens - t->reasoning_tokens;
    if (t->first_tokens != 0 || t->thought || t->reasoning_tokens <= 0 || (int64_t)t->events > shown)
        return;
    bool one_each = (double)t->events >= 0.9 * (double)shown; /* an end token, half a character: not every token has its event */
    t->first_tokens = one_each ? t->reasoning_tokens + 1 : -1;
}

void timeline_finish(struct timeline *t, int64_t now, enum transport how, int http_status)
{
    t->end = now;
    t->http_status = http_status;
    t->outcome = classify(t, how);
    if (t->usage_seen > 0) {
        t->output_tokens = t->usage_seen;
        t->source = t->events > 1 && t->counted == t->events && !t->usage_fell ? TOK_CONTINUOUS : TOK_USAGE;
    } else if (t->events > 0) {
        t->output_tokens = (int64_t)t->events;
        t->source = TOK_EVENTS;
    }
    if (t->endless)
        cut_endless(t);
    else if (t->source == TOK_USAGE)
        count_hidden(t);
}

void timeline_counted(struct timeline *t, int64_t tokens)
{
    /* Every output event carries a token at least, and none a thousand: else this is no count of that text. */
    if (t->source != TOK_EVENTS || tokens < (int64_t)t->events || (uint64_t)tokens > 1024 * t->events)
        return;
    t->output_tokens = tokens;
    t->source = TOK_TOKENIZE;
}

static double ms_between(int64_t from, int64_t to)
{
    return from != 0 && to != 0 ? (double)(to - from) / 1e6 : (double)NAN;
}

int64_t timeline_late(const struct timeline *t)
{
    if (t->free_at == 0 || t->sent == 0)
        return -1;
    int64_t way = MAX_OF(t->lookup_ns, 0) + MAX_OF(t->connect_ns, 0) + MAX_OF(t->tls_ns, 0);
    return MAX_OF(t->sent - MAX_OF(t->due, t->free_at) - way, 0);
}

void timeline_numbers(const struct timeline *t, double v[M_REQUEST_COUNT_])
{
    for (int i = 0; i < M_REQUEST_COUNT_; i++)
        v[i] = (double)NAN;
    if (t->slept)
        return;
    v[M_TTFT] = ms_between(t->sent, t->first_token);
    v[M_TTFT_DUE] = ms_between(t->due, t->first_token);
    v[M_TTFR] = ms_between(t->sent, t->first_event);
    v[M_TTFA] = ms_between(t->sent, t->first_answer);
    v[M_E2E] = ms_between(t->sent, t->end);
    v[M_SEND_SKEW] = ms_between(t->due, t->sent);
    v[M_STREAM_WAIT] = t->free_at != 0 ? (double)MAX_OF(t->free_at - t->due, 0) / 1e6 : (double)NAN;
    if (t->connect_ns >= 0)
        v[M_CONNECT] = (double)t->connect_ns / 1e6;
    if (t->tls_ns >= 0)
        v[M_TLS] = (double)t->tls_ns / 1e6;
    int64_t later = t->output_tokens - (t->first_tokens > 0 ? t->first_tokens : 1);
    if (t->first_token != 0 && t->last_token > t->first_token && later >= 1 && t->first_tokens >= 0) {
        v[M_TPOT] = (double)(t->last_token - t->first_token) / 1e6 / (double)later;
        v[M_DECODE_RATE] = 1000 / v[M_TPOT];
    }
    /* A rate over one token is undefined: it would only say how long the connection took to close. */
    if (t->output_tokens > 1 && v[M_E2E] > 0)
        v[M_E2E_RATE] = 1000 * (double)t->output_tokens / v[M_E2E];
    if (t->prompt_tokens >= 0 && t->cached_tokens >= 0 && v[M_TTFT] > 0)
        v[M_PREFILL_RATE] = 1000 * (double)(t->prompt_tokens - t->cached_tokens) / v[M_TTFT];
}
