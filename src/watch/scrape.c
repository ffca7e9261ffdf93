#include "watch/scrape.h"
#include "clock.h"
#include "measure/promtext.h"
#include "watch/ticker.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define EVERY_NS NS_PER_SEC
#define GIVE_UP_NS (5 * NS_PER_SEC)

struct scraper {
    struct ticker *ticker;
    const struct server_info *server;
    const struct http_settings *http;
    char url[600];
    pthread_mutex_t lock;
    struct server_sample last; /* under lock */
};

void server_sample_clear(struct server_sample *s)
{
    double nan = (double)NAN;
    *s = (struct server_sample){0, nan, nan, nan, nan, nan, nan, nan, nan, nan};
}

static void pick(const char *page, size_t n, const char *const name[2], double *out)
{
    for (int i = 0; i < 2; i++)
        if (name[i] != NULL && prom_sum(page, n, name[i], out))
            return;
}

void scrape_read(const struct server_kind *k, const char *page, size_t n, struct server_sample *out)
{
    server_sample_clear(out);
    pick(page, n, k->running, &out->running);
    pick(page, n, k->waiting, &out->waiting);
    pick(page, n, k->kv_used, &out->kv_used);
    if (k->prefix_hits != NULL) {
        prom_sum(page, n, k->prefix_hits, &out->prefix_hits);
        prom_sum(page, n, k->prefix_queries, &out->prefix_queries);
    }
    prom_sum(page, n, "tokgauge_sim_gtt_total_bytes", &out->gtt_total);
    prom_sum(page, n, "tokgauge_sim_gtt_used_bytes", &out->gtt_used);
    prom_sum(page, n, "tokgauge_sim_ram_total_bytes", &out->ram_total);
    prom_sum(page, n, "tokgauge_sim_ram_used_bytes", &out->ram_used);
}

static bool scrape(void *ctx, const atomic_bool *stop)
{
    struct scraper *s = ctx;
    struct http_reply r;
    bool ok = http_call(s->http, s->url, NULL, GIVE_UP_NS, stop, &r, NULL);
    struct server_sample sample;
    server_sample_clear(&sample);
    if (ok && r.status == 200 && r.body.len > 0)
        scrape_read(s->server->kind, r.body.data, r.body.len, &sample);
    sample.at = clock_ns();
    pthread_mutex_lock(&s->lock);
    s->last = sample;
    pthread_mutex_unlock(&s->lock);
    bool none = ok && r.status == 404; /* this server has no such page: asking again is noise in its log */
    http_reply_release(&r);
    return !none;
}

struct scraper *scraper_start(const struct server_info *server, const struct http_settings *http)
{
    struct scraper *s = xcalloc(1, sizeof *s);
    s->server = server;
    s->http = http;
    server_sample_clear(&s->last);
    pthread_mutex_init(&s->lock, NULL);
    snprintf(s->url, sizeof s->url, "%s/metrics", server->base);
    s->ticker = ticker_start("scraper", EVERY_NS, scrape, s);
    return s;
}

void scraper_get(struct scraper *s, struct server_sample *out)
{
    pthread_mutex_lock(&s->lock);
    *out = s->last;
    pthread_mutex_unlock(&s->lock);
}

void scraper_stop(struct scraper *s)
{
    ticker_stop(s->ticker);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
