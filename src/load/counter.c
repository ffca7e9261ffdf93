#include "load/counter.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct counter {
    pthread_t thread;
    const struct server_info *server;
    const struct http_settings *http;
    atomic_bool stop;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct row *rows; /* under lock: the first `done` are counted */
    size_t n, cap, done;
};

static void *run(void *ctx)
{
    struct counter *c = ctx;
    pthread_mutex_lock(&c->lock);
    while (!atomic_load(&c->stop)) {
        if (c->done == c->n) {
            pthread_cond_wait(&c->wake, &c->lock);
            continue;
        }
        char *text = c->rows[c->done].text;
        c->rows[c->done].text = NULL;
        pthread_mutex_unlock(&c->lock);
        int64_t tokens = text != NULL ? server_count_output(c->server, c->http, text, &c->stop) : -1;
        free(text);
        pthread_mutex_lock(&c->lock);
        timeline_counted(&c->rows[c->done].tl, tokens);
        c->done++;
    }
    c->done = c->n;
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

struct counter *counter_start(const struct server_info *server, const struct http_settings *http)
{
    struct counter *c = xcalloc(1, sizeof *c);
    c->server = server;
    c->http = http;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->wake, NULL);
    if (pthread_create(&c->thread, NULL, run, c) != 0)
        die("cannot start the counting thread");
    return c;
}

void counter_put(struct counter *c, const struct row *r)
{
    pthread_mutex_lock(&c->lock);
    if (c->n == c->cap) {
        c->cap = c->cap > 0 ? c->cap * 2 : 16;
        c->rows = xrealloc(c->rows, c->cap * sizeof *c->rows);
    }
    c->rows[c->n++] = *r;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
}

bool counter_take(struct counter *c, struct row *r)
{
    pthread_mutex_lock(&c->lock);
    bool some = c->done > 0;
    if (some) { /* the thread reads rows[done] only by index and under the lock: moving them down is safe */
        *r = c->rows[0];
        memmove(c->rows, c->rows + 1, (c->n - 1) * sizeof *c->rows);
        c->n--;
        c->done--;
    }
    pthread_mutex_unlock(&c->lock);
    return some;
}

size_t counter_pending(struct counter *c)
{
    pthread_mutex_lock(&c->lock);
    size_t n = c->n;
    pthread_mutex_unlock(&c->lock);
    return n;
}

void counter_stop(struct counter *c)
{
    pthread_mutex_lock(&c->lock);
    atomic_store(&c->stop, true);
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
}

void counter_free(struct counter *c)
{
    for (size_t i = 0; i < c->n; i++) {
        timeline_release(&c->rows[i].tl);
        free(c->rows[i].text);
    }
    free(c->rows);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->wake);
    free(c);
}
