#include "load/probe.h"
#include "clock.h"
#include "load/transfer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOK_AGAIN_NS (5 * NS_PER_SEC)
#define KEEP_MAX 64

struct probe {
    pthread_t thread;
    const struct run_config *c;
    const struct http_settings *http;
    const struct prompt_set *prompts;
    uint64_t seq;         /* of the prompts; the thread's */
    struct preflight pre; /* the thread's until `found` */
    atomic_bool stop;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool found, told, again; /* under lock, as all that follows */
    char status[200];
    struct row rows[KEEP_MAX];
    size_t head, n;
};

static void say(void *ctx, const char *what)
{
    struct probe *p = ctx;
    pthread_mutex_lock(&p->lock);
    str_copy(p->status, sizeof p->status, what);
    pthread_mutex_unlock(&p->lock);
}

static void sleep_until(struct probe *p, int64_t until)
{
    struct timespec at = {until / NS_PER_SEC, until % NS_PER_SEC};
    pthread_mutex_lock(&p->lock);
    while (!atomic_load(&p->stop) && !p->again && clock_ns() < until)
        pthread_cond_timedwait(&p->wake, &p->lock, &at);
    pthread_mutex_unlock(&p->lock);
}

static bool look(struct probe *p)
{
    struct err e;
    timeline_release(&p->pre.first.tl); /* where nobody has taken it */
    bool ok = p->c->probe_ns > 0 ? preflight_run(p->c, p->http, p->prompts, &p->stop, say, p, &p->pre, &e)
                                 : server_find(&p->pre.server, p->http, p->c->url, p->c->model, &p->stop, &e);
    say(p, ok ? "" : e.msg);
    pthread_mutex_lock(&p->lock);
    p->found = ok;
    pthread_mutex_unlock(&p->lock);
    return ok;
}

static void send_one(struct probe *p, struct transfer *t, uint64_t seq)
{
    const struct run_config *c = p->c;
    buf_clear(&t->body);
    prompt_body(p->prompts, &(struct body_spec){.model = p->pre.server.model, .endpoint = c->endpoint, .fields = p->pre.fields,
                                                .max_tokens = c->max_tokens, .seq = seq,
                                                .words = prompt_words(&p->pre.scale, c->context), .extra = c->extra_body},
                &t->body);
    transfer_start(t, c->max_tokens, clock_ns(), clock_ns());
    transfer_perform(t, &p->stop, transfer_overdue_now, c);
    struct row row = {.tl = t->tl, .seq = seq, .stream = 1, .context = prompt_context(c), .max_tokens = c->max_tokens,
                      .fixed_length = (p->pre.fields & (BODY_IGNORE_EOS | BODY_MIN_TOKENS)) != 0};
    str_copy(row.error, sizeof row.error, t->error);
    t->tl.gaps = NULL;
    t->tl.gaps_n = t->tl.gaps_cap = 0;
    pthread_mutex_lock(&p->lock);
    if (p->n < KEEP_MAX)
        p->rows[(p->head + p->n++) % KEEP_MAX] = row;
    else
        timeline_release(&row.tl);
    pthread_mutex_unlock(&p->lock);
}

static bool wants_again(struct probe *p)
{
    pthread_mutex_lock(&p->lock);
    bool again = p->again;
    pthread_mutex_unlock(&p->lock);
    return again;
}

static void probe_on(struct probe *p)
{
    char url[600];
    struct token_sink *sink = xcalloc(1, sizeof *sink); /* too large for the stack */
    struct transfer t;
    snprintf(url, sizeof url, "%s/v1/%s", p->pre.server.base,
             p->c->endpoint == ENDPOINT_CHAT ? "chat/completions" : "completions");
    transfer_init(&t, p->http, url, sink);
    int64_t due = clock_ns();
    for (; !atomic_load(&p->stop) && !wants_again(p); p->seq++) {
        send_one(p, &t, p->seq);
        due = MAX_OF(due + p->c->probe_ns, clock_ns());
        sleep_until(p, due);
    }
    transfer_release(&t);
    free(sink);
}

static void *run(void *ctx)
{
    struct probe *p = ctx;
    while (!atomic_load(&p->stop)) {
        pthread_mutex_lock(&p->lock);
        p->again = p->found = p->told = false;
        pthread_mutex_unlock(&p->lock);
        if (!look(p))
            sleep_until(p, clock_ns() + LOOK_AGAIN_NS);
        else if (p->c->probe_ns > 0)
            probe_on(p);
        else
            sleep_until(p, INT64_MAX);
    }
    return NULL;
}

struct probe *probe_start(const struct run_config *c, const struct http_settings *http, const struct prompt_set *prompts)
{
    struct probe *p = xcalloc(1, sizeof *p);
    p->c = c;
    p->http = http;
    p->prompts = prompts;
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->wake, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&p->thread, NULL, run, p) != 0)
        die("cannot start the probing thread");
    return p;
}

void probe_again(struct probe *p)
{
    pthread_mutex_lock(&p->lock);
    p->again = true;
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
}

bool probe_found(struct probe *p, struct preflight *out)
{
    pthread_mutex_lock(&p->lock);
    bool news = p->found && !p->told;
    p->told |= news;
    if (news) {
        *out = p->pre;
        p->pre.first.tl.gaps = NULL; /* the caller's now */
    }
    pthread_mutex_unlock(&p->lock);
    return news;
}

void probe_status(struct probe *p, char *out, size_t size)
{
    pthread_mutex_lock(&p->lock);
    str_copy(out, size, p->status);
    pthread_mutex_unlock(&p->lock);
}

bool probe_take(struct probe *p, struct row *out)
{
    pthread_mutex_lock(&p->lock);
    bool some = p->n > 0;
    if (some) {
        *out = p->rows[p->head];
        p->head = (p->head + 1) % KEEP_MAX;
        p->n--;
    }
    pthread_mutex_unlock(&p->lock);
    return some;
}

void probe_stop(struct probe *p)
{
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->stop, true);
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
}

void probe_free(struct probe *p)
{
    struct row row;
    while (probe_take(p, &row))
        timeline_release(&row.tl);
    timeline_release(&p->pre.first.tl);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->wake);
    free(p);
}
