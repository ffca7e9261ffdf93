#include "load/preflight.h"
#include "clock.h"
#include "load/transfer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 5
#define SHORT_PROMPT 64 /* tokens; enough where the scale is known, and its TTFT is then nearly all start-up cost */
#define PREFLIGHT_SEQ (UINT64_MAX / 2)

struct ask { /* what all steps need */
    const struct run_config *c;
    const struct http_settings *http;
    const struct prompt_set *prompts;
    const atomic_bool *stop;
    void (*say)(void *ctx, const char *what);
    void *ctx;
    struct preflight *p;
    uint64_t seq;
};

static int64_t tokenize_words(const struct ask *a, size_t words)
{
    struct buf text;
    buf_init(&text, HTTP_BODY_MAX * 16);
    prompt_text(a->prompts, a->seq, words, &text);
    int64_t n = server_tokenize(&a->p->server, a->http, a->c->endpoint, text.data, a->stop);
    buf_release(&text);
    return n;
}

static void scale_from(struct prompt_scale *s, size_t w1, int64_t t1, size_t w2, int64_t t2)
{
    double per_word = (double)(t2 - t1) / ((double)w2 - (double)w1);
    if (per_word < 0.25 || per_word > 8) /* nonsense (a truncated prompt, a constant answer): keep the guess */
        return;
    s->per_word = per_word;
    s->base = (double)t1 - per_word * (double)w1;
}

/* Learns the scale from the server's tokenizer: a short text, the wanted length, and the corrected one. */
static void calibrate(struct ask *a)
{
    struct preflight *p = a->p;
    size_t w1 = 64, w2 = prompt_words(&p->scale, a->c->context);
    if (w2 < 2 * w1)
        w2 = 2 * w1;
    int64_t t1 = tokenize_words(a, w1);
    int64_t t2 = t1 >= 0 ? tokenize_words(a, w2) : -1;
    if (t1 < 0 || t2 < 0)
        return;
    scale_from(&p->scale, w1, t1, w2, t2);
    size_t w3 = prompt_words(&p->scale, a->c->context);
    int64_t t3 = tokenize_words(a, w3);
    if (t3 >= 0 && w3 > w1) /* exact at the length that will be sent */
        p->scale.base += (double)t3 - (p->scale.base + p->scale.per_word * (double)w3);
    p->tokenized = true;
}

static void send_one(struct ask *a, struct transfer *t, size_t words, int64_t max_tokens)
{
    prompt_body(a->prompts,
                &(struct body_spec){.model = a->p->server.model, .endpoint = a->c->endpoint, .fields = a->p->fields,
                                    .max_tokens = max_tokens, .seq = a->seq++, .words = words, .extra = a->c->extra_body},
                (buf_clear(&t->body), &t->body));
    int64_t now = clock_ns();
    transfer_start(t, max_tokens, now, now);
    transfer_perform(t, a->stop, transfer_overdue_now, a->c);
}

/* A 400 that names a field we sent as unknown: leave it out from now on. */
static bool drop_refused_field(struct preflight *p, const char *why)
{
    static const char *const refusals[] = {"nsupported", "ot supported", "nknown",      "nrecognized",
                                           "nexpected",  "not permitted", "not allowed", "xtra "};
    bool refusal = false;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
        refusal |= strstr(why, refusals[i]) != NULL;
    if (!refusal)
        return false;
    for (const struct body_field_name *f = body_field_names; f->name != NULL; f++) {
        if (!(p->fields & f->bit) || strstr(why, f->name) == NULL)
            continue;
        p->fields &= ~f->bit;
        if (f->bit == BODY_MAX_TOKENS)
            p->fields |= BODY_MAX_COMPLETION;
        if (f->bit == BODY_USAGE) /* it stands in there */
            p->fields &= ~(unsigned)BODY_CONTINUOUS;
        return true;
    }
    return false;
}

/* May it be different the next time?  An answer that is no event stream at all will not. */
static bool passing(const struct transfer *t)
{
    enum outcome o = t->tl.outcome;
    int status = t->tl.http_status;
    return o == OUT_HTTP_429 || (o == OUT_HTTP_5XX && status != 503) || o == OUT_RESET || o == OUT_TRUNCATED ||
           o == OUT_ERROR_EVENT || (o == OUT_MALFORMED && t->any_event) || o == OUT_EMPTY;
}

static bool explain(const struct ask *a, const struct transfer *t, CURLcode code, struct err *e)
{
    const struct server_info *s = &a->p->server;
    const char *path = a->c->endpoint == ENDPOINT_CHAT ? "/v1/chat/completions" : "/v1/completions";
    const char *why = t->error[0] != '\0' ? t->error : "no reason given";
    int status = t->tl.http_status;
    switch (t->tl.outcome) {
    case OUT_CANCELLED: return err_set(e, "stopped");
    case OUT_HTTP_4XX:
        if (status == 401 || status == 403)
            return err_set(e, "'%s' refuses the API key (HTTP %d: %s): name it with --api-key-env or --api-key-file",
                           s->address, status, why);
        if (status == 404)
            return err_set(e, "'%s' answers POST %s with HTTP 404 (%s): check the URL, the --model and the --endpoint",
                           s->address, path, why);
        return err_set(e, "'%s' refuses the request (HTTP %d): %s", s->address, status, why);
    case OUT_HTTP_429: return err_set(e, "'%s' is too busy (HTTP 429): %s", s->address, why);
    case OUT_HTTP_5XX:
        if (status == 503)
            return err_set(e, "'%s' is still loading its model (HTTP 503): %s", s->address, why);
        return err_set(e, "'%s' fails on the first request (HTTP %d): %s", s->address, status, why);
    case OUT_HTTP_3XX:
        return err_set(e, "'%s' redirects (HTTP %d): give the URL that it redirects to", s->address, status);
    case OUT_CLIENT:
    case OUT_DNS:
    case OUT_CONNECT:
    case OUT_TLS: {
        char url[600];
        snprintf(url, sizeof url, "%s", s->base);
        http_explain(code, t->curl_error, url, e);
        return false;
    }
    case OUT_TIMEOUT:
        return err_set(e, "no byte of the first answer from '%s' within %g s: is it still loading? (--timeout)", s->address,
                       (double)a->c->timeout_ns / 1e9);
    case OUT_STALLED:
        return err_set(e, "'%s' stopped in the middle of its first answer for %g s (--stall)", s->address,
                       (double)a->c->stall_ns / 1e9);
    case OUT_EMPTY:
        return err_set(e, "'%s' answers the first request with an empty stream: is its model behind a gateway that fails?",
                       s->address);
    default:
        return err_set(e, "the first request to '%s' failed (%s): %s", s->address, outcome_name(t->tl.outcome), why);
    }
}

static CURLcode code_of(enum outcome o)
{
    return o == OUT_DNS ? CURLE_COULDNT_RESOLVE_HOST : o == OUT_TLS ? CURLE_SSL_CONNECT_ERROR : CURLE_COULDNT_CONNECT;
}

static void pause_before_retry(const struct ask *a, int attempt)
{
    int64_t until = clock_ns() + (200 * NS_PER_MS << attempt);
    struct timespec nap = {0, 20 * NS_PER_MS};
    while (clock_ns() < until && !(a->stop != NULL && atomic_load(a->stop)))
        nanosleep(&nap, NULL);
}

/* Sends until one is answered, leaving out what the server refuses and trying again what may pass. */
static bool first_request(struct ask *a, struct transfer *t, size_t words, struct err *e)
{
    int64_t n = MIN_OF(a->c->max_tokens, PREFLIGHT_TOKENS);
    for (int attempt = 0;; attempt++) {
        send_one(a, t, words, n);
        enum outcome o = t->tl.outcome;
        if (o == OUT_OK)
            return true;
        bool again = o == OUT_HTTP_4XX && drop_refused_field(a->p, t->error);
        if (attempt >= TRIES || !(again || passing(t)))
            return explain(a, t, code_of(o), e);
        if (!again)
            pause_before_retry(a, attempt);
    }
}

static void keep_row(struct ask *a, struct transfer *t, int64_t context)
{
    a->p->first = (struct row){.tl = t->tl, .stream = 0, .phase = -1, .context = context,
                               .max_tokens = MIN_OF(a->c->max_tokens, PREFLIGHT_TOKENS)};
    t->tl.gaps = NULL;
    t->tl.gaps_n = t->tl.gaps_cap = 0;
}

/* The usage of the first answer is the truth about this server's counting; without a tokenizer a second, shorter prompt
 * gives the slope. */
static void learn_from_usage(struct ask *a, struct transfer *t, size_t words)
{
    struct preflight *p = a->p;
    int64_t told = p->first.tl.prompt_tokens;
    if (told <= 0)
        return;
    if (!p->tokenized) {
        size_t other = words >= 200 ? words / 4 : words + 200;
        send_one(a, t, other, 1);
        if (t->tl.prompt_tokens > 0)
            scale_from(&p->scale, other, t->tl.prompt_tokens, words, told);
    }
    /* With a tokenizer the scale is exact at the length that will be sent: only what it and the usage count differently
     * for one and the same prompt is corrected.  (The salts differ, their lengths do not.) */
    int64_t counted = p->tokenized ? tokenize_words(a, words) : -1;
    double guess = counted >= 0 ? (double)counted : p->scale.base + p->scale.per_word * (double)words;
    p->scale.base += (double)told - guess;
}

static bool check_length(const struct ask *a, struct err *e)
{
    const struct run_config *c = a->c;
    int64_t limit = a->p->server.max_model_len;
    if (a->prompts->kind == PROMPT_FILE || limit < 0 || c->steps_n > 0 || /* those that are too long are left out */ c->context + c->max_tokens <= limit)
        return true;
    return err_set(e, "context %" PRId64 " + output %" PRId64 " tokens exceed the %" PRId64
                      " that '%s' can hold: lower --context or --max-tokens",
                   c->context, c->max_tokens, limit, a->p->server.address);
}

static bool check_prompts(const struct ask *a, struct err *e)
{
    if (a->c->endpoint == ENDPOINT_COMPLETIONS && (a->prompts->kind == PROMPT_AGENT || a->c->turns > 1))
        return err_set(e, "%s needs messages, which --endpoint completions cannot send", a->c->turns > 1 ? "--turns" : "--prompt agent");
    for (size_t i = 0; i < a->prompts->items_n; i++)
        if (a->prompts->items[i].json[0] == '[' && a->c->endpoint == ENDPOINT_COMPLETIONS)
            return err_set(e, "'%s' has \"messages\", which --endpoint completions cannot send", a->c->prompt);
    return true;
}

static bool ask_server(struct ask *a, struct err *e)
{
    struct preflight *p = a->p;
    char what[160];
    snprintf(what, sizeof what, "found %s, calibrating the prompt length", p->server.title);
    a->say(a->ctx, what);
    if (a->prompts->kind != PROMPT_FILE && p->server.kind->tokenize != TOKENIZE_NONE)
        calibrate(a);
    char url[600];
    snprintf(url, sizeof url, "%s/v1/%s", p->server.base,
             a->c->endpoint == ENDPOINT_CHAT ? "chat/completions" : "completions");
    struct token_sink sink = {0};
    struct transfer t;
    transfer_init(&t, a->http, url, &sink);
    bool short_will_do = p->tokenized || p->server.max_model_len > 0;
    int64_t context = short_will_do ? MIN_OF(a->c->context, SHORT_PROMPT) : a->c->context;
    size_t words = prompt_words(&p->scale, context);
    a->say(a->ctx, "waiting for the first answer");
    bool ok = first_request(a, &t, words, e);
    if (ok) {
        keep_row(a, &t, a->prompts->kind == PROMPT_FILE ? 0 : context);
        if (a->prompts->kind == PROMPT_UNIQUE || a->prompts->kind == PROMPT_SHARED) /* others carry more than words */
            learn_from_usage(a, &t, words);
    }
    transfer_release(&t);
    return ok;
}

bool preflight_run(const struct run_config *c, const struct http_settings *http, const struct prompt_set *prompts,
                   const atomic_bool *stop, void (*say)(void *ctx, const char *what), void *ctx, struct preflight *p,
                   struct err *e)
{
    *p = (struct preflight){.scale = {.base = 12, .per_word = 1}};
    struct ask a = {c, http, prompts, stop, say, ctx, p, PREFLIGHT_SEQ};
    say(ctx, c->url != NULL ? "asking the server for its models" : "looking for a server on the usual local ports");
    if (!server_find(&p->server, http, c->url, c->model, stop, e))
        return false;
    if (c->reset_prefix_cache && p->server.kind->reset_path == NULL) /* before anything is sent */
        return server_reset_cache(&p->server, http, stop, e);
    p->fields = p->server.kind->fields;
    p->fields &= ~c->extra_drops;
    if (c->natural_length)
        p->fields &= ~(unsigned)(BODY_IGNORE_EOS | BODY_MIN_TOKENS);
    return check_prompts(&a, e) && check_length(&a, e) && ask_server(&a, e) &&
           (!c->reset_prefix_cache || server_reset_cache(&p->server, http, stop, e));
}
