#include "watch/ticker.h"
#include "clock.h"
#include "util.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define YEAR_NS (365 * 86400 * NS_PER_SEC)

struct ticker {
    pthread_t thread;
    int64_t every_ns;
    ticker_fn *fn;
    void *ctx;
    atomic_bool stop;
    pthread_mutex_t lock;
    pthread_cond_t wake, ended;
    bool done; /* under lock: fn will not be called again */
};

static struct timespec at_time(int64_t ns)
{
    return (struct timespec){ns / NS_PER_SEC, ns % NS_PER_SEC};
}

static void *run(void *ctx)
{
    struct ticker *t = ctx;
    int64_t next = clock_ns();
    while (!atomic_load(&t->stop) && t->fn(t->ctx, &t->stop)) {
        int64_t now = clock_ns();
        next = next + t->every_ns > now ? next + t->every_ns : now + t->every_ns;
        struct timespec at = at_time(next);
        pthread_mutex_lock(&t->lock);
        while (!atomic_load(&t->stop) && pthread_cond_timedwait(&t->wake, &t->lock, &at) != ETIMEDOUT)
            ;
        pthread_mutex_unlock(&t->lock);
    }
    pthread_mutex_lock(&t->lock);
    t->done = true;
    pthread_cond_signal(&t->ended);
    pthread_mutex_unlock(&t->lock);
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
    pthread_cond_init(&t->ended, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&t->thread, NULL, run, t) != 0)
        die("cannot start a sampling thread");
    pthread_setname_np(t->thread, name);
    return t;
}

bool ticker_stop_within(struct ticker *t, int64_t ns)
{
    struct timespec until = at_time(clock_ns() + ns);
    pthread_mutex_lock(&t->lock);
    atomic_store(&t->stop, true);
    pthread_cond_signal(&t->wake);
    while (!t->done && pthread_cond_timedwait(&t->ended, &t->lock, &until) != ETIMEDOUT)
        ;
    bool done = t->done;
    pthread_mutex_unlock(&t->lock);
    if (!done) {
        pthread_detach(t->thread);
        return false;
    }
    pthread_join(t->thread, NULL);
    pthread_cond_destroy(&t->wake);
    pthread_cond_destroy(&t->ended);
    pthread_mutex_destroy(&t->lock);
    free(t);
    return true;
}

void ticker_stop(struct ticker *t)
{
    ticker_stop_within(t, YEAR_NS);
}
