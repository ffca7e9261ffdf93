/* timeline: the moments of one request → its numbers and its outcome.  Pure: every time is an argument, in monotonic
 * ns, 0 = has not happened.  The definitions are those of the metric table (metrics.h). */
#ifndef TG_TIMELINE_H
#define TG_TIMELINE_H

#include "measure/chat.h"
#include "metrics.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum outcome {
    OUT_OK,
    OUT_DNS,
    OUT_CONNECT,
    OUT_TLS,
    OUT_HTTP_3XX,
    OUT_HTTP_4XX,
    OUT_HTTP_429,
    OUT_HTTP_5XX,
    OUT_TIMEOUT,     /* no first byte within --timeout */
    OUT_STALLED,     /* no whole line for --stall after the first byte */
    OUT_RESET,
    OUT_TRUNCATED,   /* closed before the end was announced */
    OUT_ERROR_EVENT, /* an error in the stream, HTTP 200 */
    OUT_MALFORMED,
    OUT_TOO_LARGE,
    OUT_EMPTY,       /* ended properly, no output */
    OUT_CLIENT,      /* not sent, for want of something on this machine */
    OUT_CANCELLED,   /* by us */
    OUT_COUNT
};
const char *outcome_name(enum outcome o);    /* "http_429" */
const char *outcome_meaning(enum outcome o); /* for the manual */
const char *outcome_advice(enum outcome o);  /* a sentence; empty where nothing is wrong */

/* Where a request's output token count comes from, best first. */
enum token_source { TOK_NONE, TOK_CONTINUOUS, TOK_USAGE, TOK_TOKENIZE, TOK_EVENTS };
const char *token_source_name(enum token_source s); /* "usage", "events≈" … */

/* How the transfer ended, in this module's words; the HTTP library's are translated by the caller. */
enum transport { TR_COMPLETE, TR_CLIENT, TR_DNS, TR_CONNECT, TR_TLS, TR_RESET, TR_CLOSED_EARLY, TR_TIMEOUT, TR_STALLED, TR_CANCELLED,
                 TR_TOO_LARGE, TR_LEFT_OPEN /* by the server, after [DONE] */, TR_PROTOCOL /* not HTTP as it should be */ };

/* One output event: the gap since the one before (since `sent` for the first), and the tokens it carried (0 unknown).
 * A float holds a gap to 6·10⁻⁸ of itself: 60 ns in a second. */
struct token_event {
    float gap_ns;
    uint32_t tokens;
};

struct timeline {
    /* What every event touches, together. */
    int64_t sent, first_byte, first_event, first_token, first_answer, last_token;
    uint64_t events;     /* output events */
    uint64_t counted;    /* … of which the token count is known from cumulative usage */
    int64_t usage_seen;  /* cumulative completion tokens so far, 0: none seen */
    int64_t usage_given; /* … of which this many are attributed to output events (a parser may swallow tokens) */
    int64_t prompt_tokens, cached_tokens; /* −1 unknown */
    int64_t output_most, prompt_most; /* more than that is not believed; timeline_expect */
    int64_t asked;       /* output tokens asked for, 0 unknown */
    struct token_event *gaps; /* owned; NULL when handed over */
    size_t gaps_n, gaps_cap;
    bool done, finish, error, malformed;
    bool cut;            /* the stream ended inside an event */
    bool usage_fell;     /* cumulative usage went down */
    bool thought;        /* an output event was one of reasoning */
    bool endless;        /* more output events came than belong to any answer to what was asked for */

    bool slept;          /* this machine slept meanwhile: our clock stood still, so it has no numbers */
    bool retried;        /* the library sent the request again on a fresh connection */
    int http_status;
    int64_t due, started, end;
    int64_t free_at;            /* open loop: when it was due and a stream was free for it; 0: closed loop */
    int64_t connect_ns, tls_ns; /* −1 unknown */
    int64_t lookup_ns;          /* … of its name, before connect; not in the run file */
    int64_t first_tokens;       /* tokens up to and with the first output event, 0 unknown; −1: and perhaps many, so that TPOT is too */
    int64_t reasoning_tokens;   /* of the output, as the server tells in the end; 0: none, or not told */
    int64_t output_tokens;      /* −1 unknown */
    enum token_source source;
    enum outcome outcome;
};

#define TIMELINE_SLACK 16384
#define TIMELINE_MAX_EVENTS (4u << 20) /* gaps kept of one stream; later events are counted without their gap */

void timeline_init(struct timeline *t, int64_t due);
void timeline_release(struct timeline *t);

/* What was asked for: a number of output tokens (0: unknown) by a body of so many bytes.  It bounds what is believed of
 * the answer: not every server keeps to the number, and some count tokens that they do not send, but an answer may have
 * twice as many and TIMELINE_SLACK at the most; a prompt has no more tokens than bytes, but for what the server puts
 * before it. */
void timeline_expect(struct timeline *t, int64_t output, size_t body_bytes);

/* An event of the stream came at time `now`.  Where it is one output event too many, `endless` is set: the caller breaks
 * the stream off, and what was asked for is all that the request counts for.  Returns the tokens to add to a live count: those it is known to carry, or
 * 1 for an output event whose count is not known (then *approx is set). */
int64_t timeline_event(struct timeline *t, int64_t now, const struct chat_event *e, bool *approx);

/* The transfer is over: sets end, outcome, token source and counts. */
void timeline_finish(struct timeline *t, int64_t now, enum transport how, int http_status);

/* The server's tokenizer has counted the output of a request without usage; tokens < 0: it could not. */
void timeline_counted(struct timeline *t, int64_t tokens);

/* Open loop: by how many ns this program sent it late, once there was a stream for it; −1: not known.  To look a name up and to
 * connect takes as long as it takes. */
int64_t timeline_late(const struct timeline *t);

/* The numbers of a request, by metric_id (those below M_REQUEST_COUNT_); NAN where undefined. */
void timeline_numbers(const struct timeline *t, double v[M_REQUEST_COUNT_]);

#endif
