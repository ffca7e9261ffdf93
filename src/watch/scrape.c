#include "watch/scrape.h"
#include "clock.h"
#include "watch/ticker.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_NS NS_PER_SEC
#define GIVE_UP_NS (5 * NS_PER_SEC)
#define REST_NS (10 * NS_PER_SEC) /* when what was there is not: whoever stands in for a server while it starts may say so */
#define TELLS_MOST 6              /* bits of server_kind.tells */
#define TEXT_MAX SNAP_PAGE /* of a page, kept for the screen: what has room there, in whole lines */

struct scraper {
    struct ticker *ticker;
    const struct server_info *server;
    const struct http_settings *http;
    unsigned tells;            /* the thread's: what is worth asking still */
    unsigned told;             /* the thread's: what has ever been answered */
    int64_t not_before[TELLS_MOST]; /* the thread's: of what was there, and is not at the moment */
    struct server_facts facts; /* the thread's: of what is asked once */
    pthread_mutex_t lock;
    pthread_cond_t looked;
    struct server_sample last; /* under lock, as all that follows */
    bool ask_once, ask_models, ask_anew;
    bool lost_model;
    char other_model[128];
    bool text_wanted;
    char *text;
    size_t text_lines;
    uint64_t text_seq; /* 0: none yet */
};

/* ---- one answer ---- */

static bool get(const struct scraper *s, const char *path, int64_t ns, const atomic_bool *stop, struct http_reply *r)
{
    char url[600];
    snprintf(url, sizeof url, "%s%s", s->server->base, path);
    return http_call(s->http, url, NULL, ns, stop, r, NULL);
}

static const char *text_of(const struct http_reply *r)
{
    return r->body.data != NULL ? r->body.data : "";
}

/* This server has no such thing. */
static bool has_none(const struct http_reply *r)
{
    return r->status == 404 || r->status == 405 || r->status == 501;
}

static bool worth_asking(const struct scraper *s, unsigned bit)
{
    return (s->tells & bit) && clock_ns() >= s->not_before[__builtin_ctz(bit)];
}

/* What was never there will not be: asking again is noise in the server's log, until it is started anew. */
static void learn(struct scraper *s, unsigned bit, bool answered, const struct http_reply *r)
{
    if (answered && r->status == 200)
        s->told |= bit;
    if (!answered || !has_none(r))
        return;
    if (s->told & bit)
        s->not_before[__builtin_ctz(bit)] = clock_ns() + REST_NS;
    else
        s->tells &= ~bit;
}

static void explain(const struct scraper *s, bool answered, const struct http_reply *r, int64_t ns, struct server_sample *out)
{
    const char *advice = s->server->kind->page_advice;
    if (answered)
        snprintf(out->note, sizeof out->note, "no counters: /metrics answers HTTP %ld%s%s", r->status,
                 has_none(r) && advice != NULL ? ": " : "", has_none(r) && advice != NULL ? advice : "");
    else if (r->code == CURLE_WRITE_ERROR)
        snprintf(out->note, sizeof out->note, "no counters: its /metrics is longer than %d MiB", HTTP_BODY_MAX >> 20);
    else if (r->code == CURLE_OPERATION_TIMEDOUT)
        snprintf(out->note, sizeof out->note, "no counters: /metrics did not answer within %.0f s", (double)ns / 1e9);
    else
        snprintf(out->note, sizeof out->note, "no counters: /metrics cannot be read");
}

static void keep_text(struct scraper *s, const struct http_reply *r)
{
    pthread_mutex_lock(&s->lock);
    bool wanted = s->text_wanted;
    pthread_mutex_unlock(&s->lock);
    if (!wanted)
        return;
    char *text = xmalloc(TEXT_MAX);
    size_t lines = page_text(text_of(r), r->body.len, text, TEXT_MAX);
    pthread_mutex_lock(&s->lock);
    free(s->text);
    s->text = text;
    s->text_lines = lines;
    s->text_seq++;
    pthread_mutex_unlock(&s->lock);
}

static void look_at_page(struct scraper *s, int64_t ns, const atomic_bool *stop, struct server_sample *out)
{
    struct http_reply r;
    bool answered = get(s, "/metrics", ns, stop, &r);
    if (answered && r.status == 200) {
        scrape_read(s->server->kind, text_of(&r), r.body.len, out);
        keep_text(s, &r);
    } else {
        explain(s, answered, &r, ns, out);
    }
    learn(s, TELLS_METRICS, answered, &r);
    http_reply_release(&r);
}

typedef bool json_fn(const char *json, size_t n, struct server_facts *f);

/* Asks one of the kinds of JSON, and takes what it tells into f. */
static void look_at(struct scraper *s, unsigned bit, const char *path, json_fn *read, int64_t ns, const atomic_bool *stop,
                    struct server_facts *f)
{
    struct http_reply r;
    if (!worth_asking(s, bit))
        return;
    bool answered = get(s, path, ns, stop, &r);
    if (answered && r.status == 200)
        read(text_of(&r), r.body.len, f);
    learn(s, bit, answered, &r);
    http_reply_release(&r);
}

static void look_at_ollama(struct scraper *s, int64_t ns, const atomic_bool *stop, struct server_facts *f)
{
    struct http_reply r;
    bool answered = get(s, "/api/ps", ns, stop, &r);
    if (answered && r.status == 200)
        ollama_ps_read(text_of(&r), r.body.len, s->server->model, f);
    learn(s, TELLS_PS, answered, &r);
    http_reply_release(&r);
}

/* What does not change while a server runs. */
static void look_once(struct scraper *s, int64_t ns, const atomic_bool *stop)
{
    pthread_mutex_lock(&s->lock);
    bool wanted = s->ask_once;
    s->ask_once = false;
    pthread_mutex_unlock(&s->lock);
    if (!wanted)
        return;
    server_facts_clear(&s->facts);
    look_at(s, TELLS_PROPS, "/props", props_read, ns, stop, &s->facts);
    if (isnan(s->facts.max_num_seqs))
        look_at(s, TELLS_SLOTS, "/slots", slots_read, ns, stop, &s->facts);
    s->facts.busy = (double)NAN; /* was of that moment */
    look_at(s, TELLS_SGLANG, "/get_server_info", sglang_info_read, ns, stop, &s->facts);
    look_at(s, TELLS_TGI, "/info", tgi_info_read, ns, stop, &s->facts);
}

static void look_at_models(struct scraper *s, int64_t ns, const atomic_bool *stop)
{
    pthread_mutex_lock(&s->lock);
    bool wanted = s->ask_models;
    pthread_mutex_unlock(&s->lock);
    struct http_reply r;
    if (!wanted)
        return;
    char other[128];
    bool there;
    bool ok = get(s, "/v1/models", ns, stop, &r) && r.status == 200 &&
              models_read(text_of(&r), r.body.len, s->server->model, &there, other, sizeof other);
    http_reply_release(&r);
    if (!ok)
        return; /* it may still be loading: the next time */
    pthread_mutex_lock(&s->lock);
    s->ask_models = false;
    s->lost_model = !there;
    str_copy(s->other_model, sizeof s->other_model, other);
    pthread_mutex_unlock(&s->lock);
}

/* ---- one look ---- */

/* Started anew it may tell what it did not before: a llama.cpp with --metrics now. */
static void see_anew(struct scraper *s)
{
    pthread_mutex_lock(&s->lock);
    bool anew = s->ask_anew;
    s->ask_anew = false;
    pthread_mutex_unlock(&s->lock);
    if (!anew)
        return;
    s->tells = s->server->kind->tells;
    s->told = 0;
    memset(s->not_before, 0, sizeof s->not_before);
}

/* Is there anything to ask at all? */
static bool has_questions(struct scraper *s)
{
    pthread_mutex_lock(&s->lock);
    bool some = s->ask_anew || s->ask_once || s->ask_models;
    pthread_mutex_unlock(&s->lock);
    return some || (s->tells & (TELLS_METRICS | TELLS_SLOTS | TELLS_PS)) != 0;
}

static void look(struct scraper *s, int64_t ns, const atomic_bool *stop)
{
    struct server_sample sample;
    server_sample_clear(&sample);
    see_anew(s);
    bool page = worth_asking(s, TELLS_METRICS);
    if (page)
        look_at_page(s, ns, stop, &sample);
    sample.at = clock_ns();
    look_once(s, ns, stop);
    struct server_facts now = s->facts;
    if (!page || !(s->tells & TELLS_METRICS)) /* what the page would tell for one answer of a small pool of threads */
        look_at(s, TELLS_SLOTS, "/slots", slots_read, ns, stop, &now);
    if (worth_asking(s, TELLS_PS))
        look_at_ollama(s, ns, stop, &now);
    server_facts_merge(&sample.facts, &now);
    if (isnan(sample.running))
        sample.running = sample.facts.busy;
    look_at_models(s, ns, stop);
    pthread_mutex_lock(&s->lock);
    if (sample.note[0] == '\0' && !sample.page) /* why there is none was said when it was asked last */
        str_copy(sample.note, sizeof sample.note, s->last.note);
    s->last = sample;
    pthread_cond_broadcast(&s->looked);
    pthread_mutex_unlock(&s->lock);
}

static bool tick(void *ctx, const atomic_bool *stop)
{
    struct scraper *s = ctx;
    if (has_questions(s))
        look(s, GIVE_UP_NS, stop);
    return true;
}

/* ---- the outside ---- */

struct scraper *scraper_start(const struct server_info *server, const struct http_settings *http)
{
    struct scraper *s = xcalloc(1, sizeof *s);
    s->server = server;
    s->http = http;
    s->tells = server->kind->tells;
    s->ask_once = true;
    server_sample_clear(&s->last);
    server_facts_clear(&s->facts);
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->looked, &attr);
    pthread_condattr_destroy(&attr);
    s->ticker = ticker_start("scraper", EVERY_NS, tick, s);
    return s;
}

void scraper_wait(struct scraper *s, int64_t ns, const atomic_bool *stop)
{
    int64_t until = clock_ns() + ns;
    pthread_mutex_lock(&s->lock);
    while (s->last.at == 0 && clock_ns() < until && !atomic_load(stop)) {
        int64_t next = MIN_OF(until, clock_ns() + 50 * NS_PER_MS);
        struct timespec at = {next / NS_PER_SEC, next % NS_PER_SEC};
        pthread_cond_timedwait(&s->looked, &s->lock, &at);
    }
    pthread_mutex_unlock(&s->lock);
}

void scraper_get(struct scraper *s, struct server_sample *out)
{
    pthread_mutex_lock(&s->lock);
    *out = s->last;
    pthread_mutex_unlock(&s->lock);
}

void scraper_ask_again(struct scraper *s)
{
    pthread_mutex_lock(&s->lock);
    s->ask_once = s->ask_models = s->ask_anew = true;
    pthread_mutex_unlock(&s->lock);
}

bool scraper_lost_model(struct scraper *s, char *other, size_t size)
{
    pthread_mutex_lock(&s->lock);
    bool lost = s->lost_model;
    s->lost_model = false;
    str_copy(other, size, s->other_model);
    pthread_mutex_unlock(&s->lock);
    return lost;
}

void scraper_want_text(struct scraper *s, bool wanted)
{
    pthread_mutex_lock(&s->lock);
    s->text_wanted = wanted;
    pthread_mutex_unlock(&s->lock);
}

bool scraper_text(struct scraper *s, uint64_t *seq, char *out, size_t size, size_t *lines)
{
    pthread_mutex_lock(&s->lock);
    bool news = s->text_seq > *seq;
    if (news) {
        *seq = s->text_seq;
        *lines = s->text_lines;
        str_copy(out, size, s->text);
    }
    pthread_mutex_unlock(&s->lock);
    return news;
}

void scraper_finish(struct scraper *s, int64_t ns)
{
    if (s->ticker == NULL)
        return;
    ticker_stop(s->ticker);
    s->ticker = NULL;
    if (s->tells & TELLS_METRICS)
        look(s, ns, NULL);
}

void scraper_stop(struct scraper *s)
{
    if (s->ticker != NULL)
        ticker_stop(s->ticker);
    pthread_cond_destroy(&s->looked);
    pthread_mutex_destroy(&s->lock);
    free(s->text);
    free(s);
}
