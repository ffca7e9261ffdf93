#include "watch/ticker.h"
#include "clock.h"
#include "util.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct ticker {
    pthread_t thread;
    int64_t every_ns;
    ticker_fn *fn;
    void *ctx;
    atomic_bool stop;
    pthread_mutex_t lock;
    pthread_cond_t wake;
};

static void *run(void *ctx)
{
    struct ticker *t = ctx;
    int64_t next = clock_ns();
    while (!atomic_load(&t->stop) && t->fn(t->ctx, &t->stop)) {
        int64_t now = clock_ns();
        next = next + t->every_ns > now ? next + t->every_ns : now + t->every_ns;
        struct timespec at = {next / NS_PER_SEC, next % NS_PER_SEC};
        pthread_mutex_lock(&t->lock);
        while (!atomic_load(&t->stop) && pthread_cond_timedwait(&t->wake, &t->lock, &at) != ETIMEDOUT)
            ;
        pthread_mutex_unlock(&t->lock);
    }
    return NULL;
}

struct ticker *ticker_start(const char *name, int64_t every_ns, ticker_fn *fn, void *ctx)
{
    struct ticker *t = xcalloc(1, sizeof *t);
    t->every_ns = every_ns;
    t->fn = fn;
    t->ctx = ctx;
    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&t->wake, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&t->thread, NULL, run, t) != 0)
        die("cannot start a sampling thread");
    pthread_setname_np(t->thread, name);
    return t;
}

void ticker_stop(struct ticker *t)
{
    pthread_mutex_lock(&t->lock);
    atomic_store(&t->stop, true);
    pthread_cond_signal(&t->wake);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->thread, NULL);
    pthread_cond_destroy(&t->wake);
    pthread_mutex_destroy(&t->lock);
    free(t);
}
