/* scrape: reads the server's own counters once a second, on a thread of its own, so that a slow answer delays nothing.
 * A scrape that fails is no error of the run: the values are unknown until the next one. */
#ifndef TG_SCRAPE_H
#define TG_SCRAPE_H

#include "load/server.h"

struct server_sample { /* NAN: unknown */
    int64_t at;        /* monotonic ns, 0: never */
    double running, waiting, kv_used;
    double prefix_hits, prefix_queries; /* tokens, since the server's start */
    double gtt_total, gtt_used, ram_total, ram_used; /* bytes, of a simulated machine */
};

/* Nothing known. */
void server_sample_clear(struct server_sample *s);
/* Pure: picks the values of that kind of server out of a page. */
void scrape_read(const struct server_kind *k, const char *page, size_t n, struct server_sample *out);

struct scraper;
/* server and http must outlive it. */
struct scraper *scraper_start(const struct server_info *server, const struct http_settings *http);
void scraper_get(struct scraper *s, struct server_sample *out);
void scraper_stop(struct scraper *s); /* ends within a tenth of a second and frees */

#endif
