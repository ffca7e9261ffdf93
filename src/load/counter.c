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
    struct row *rows; /* under lock: those from `head` to n wait, the first of them up to `done` are counted */
    size_t head, n, cap, done;
    bool taken; /* the row that is being counted was taken meanwhile: its place is another's now */
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
        char *text = c->rows[c->done].text != NULL ? xstrdup(c->rows[c->done].text) : NULL;
        c->taken = false;
        pthread_mutex_unlock(&c->lock);
        int64_t tokens = text != NULL ? server_count_output(c->server, c->http, text, &c->stop) : -1;
        free(text);
        pthread_mutex_lock(&c->lock);
        if (!c->taken)
            timeline_counted(&c->rows[c->done++].tl, tokens);
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

/* Takes the place of the rows that have gone. */
static void move_up(struct counter *c)
{
    memmove(c->rows, c->rows + c->head, (c->n - c->head) * sizeof *c->rows);
    c->n -= c->head;
    c->done -= c->head;
    c->head = 0;
}

void counter_put(struct counter *c, const struct row *r)
{
    pthread_mutex_lock(&c->lock);
    if (c->n == c->cap && c->head > c->cap / 2)
        move_up(c);
    if (c->n == c->cap) {
        c->cap = c->cap > 0 ? c->cap * 2 : 16;
        c->rows = xrealloc(c->rows, c->cap * sizeof *c->rows);
    }
    c->rows[c->n++] = *r;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
}

bool counter_take(struct counter *c, int64_t before, struct row *r)
{
    pthread_mutex_lock(&c->lock);
    bool counted = c->head < c->done, some = counted || (c->head < c->n && c->rows[c->head].tl.end < before);
    if (some)
        *r = c->rows[c->head++];
    if (some && !counted) {
        c->done = c->head;
        c->taken = true;
    }
    pthread_mutex_unlock(&c->lock);
    return some;
}

size_t counter_pending(struct counter *c)
{
    pthread_mutex_lock(&c->lock);
    size_t n = c->n - c->head;
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
    for (size_t i = c->head; i < c->n; i++) {
        timeline_release(&c->rows[i].tl);
        free(c->rows[i].text);
    }
    free(c->rows);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->wake);
    free(c);
}
