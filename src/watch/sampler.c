#include "watch/sampler.h"
#include "clock.h"
#include "watch/ticker.h"

#include <pthread.h>
#include <stdlib.h>

struct sampler {
    struct ticker *ticker;
    pthread_mutex_t lock;
    struct host_sample last; /* under lock */
};

static bool sample(void *ctx, const atomic_bool *stop)
{
    (void)stop;
    struct sampler *s = ctx;
    struct host_sample now = {0};
    struct err e = {""};
    host_read_memory("/proc", &now.memory, &e);
    str_copy(now.why, sizeof now.why, e.msg);
    now.at = clock_ns();
    pthread_mutex_lock(&s->lock);
    s->last = now;
    pthread_mutex_unlock(&s->lock);
    return true;
}

struct sampler *sampler_start(void)
{
    struct sampler *s = xcalloc(1, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    sample(s, NULL);
    s->ticker = ticker_start(NS_PER_SEC / 2, sample, s);
    return s;
}

void sampler_get(struct sampler *s, struct host_sample *out)
{
    pthread_mutex_lock(&s->lock);
    *out = s->last;
    pthread_mutex_unlock(&s->lock);
}

void sampler_stop(struct sampler *s)
{
    ticker_stop(s->ticker);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
