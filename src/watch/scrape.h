/* scrape: reads the server's own counters once a second, on a thread of its own, so that a slow answer delays nothing.
 * A scrape that fails is no error of the run: the values are unknown until the next one. */
#ifndef TG_SCRAPE_H
#define TG_SCRAPE_H

#include "load/server.h"
#include "measure/serverjson.h"

struct server_sample { /* NAN: unknown */
    int64_t at;        /* monotonic ns, 0: never */
    bool page;         /* a page of counters was read: what it does not have, the server does not tell */
    double running, waiting, kv_used;
    double hit_rate;         /* of the prefix cache, as the server averages it: where it has no counters of it */
    struct counted counted;  /* since the server's start */
    unsigned at_end;         /* 1 << CNT_…: those that a request is counted by when it ends */
    double started;          /* when its process began, s since the epoch */
    struct server_facts facts;
    char model[128];         /* that the page names, sanitised; empty: none */
    size_t lines, bad_lines; /* of the page: samples, and lines that are none */
    char note[128];          /* why there is no page; empty: there is one */
    double gtt_total, gtt_used, ram_total, ram_used; /* bytes, of a simulated machine */
};

/* Nothing known. */
void server_sample_clear(struct server_sample *s);
/* server_page.c.  Pure: picks the values of that kind of server out of a page. */
void scrape_read(const struct server_kind *k, const char *page, size_t n, struct server_sample *out);
/* The samples of a page, a line each, sanitised, without comments; as many whole lines as there is room for.  Returns how many
 * there are in all. */
size_t page_text(const char *page, size_t n, char *out, size_t size);

struct scraper;
/* server and http must outlive it. */
struct scraper *scraper_start(const struct server_info *server, const struct http_settings *http);
/* Waits for the first look, up to so long; ends early when *stop becomes true. */
void scraper_wait(struct scraper *s, int64_t ns, const atomic_bool *stop);
void scraper_get(struct scraper *s, struct server_sample *out);
/* The server was perhaps started anew: what it is asked once is asked again, which models it has, and what it did not have. */
void scraper_ask_again(struct scraper *s);
/* What came of that: true once, where `wanted` is no longer there; other is what is there in its place, empty: nothing. */
bool scraper_lost_model(struct scraper *s, char *other, size_t size);
/* Wanted: the text of pages (page_text) is kept from the next look on. */
void scraper_want_text(struct scraper *s, bool wanted);
/* The newest one into out[size] where it is newer than *seq, which is then set; false: nothing new.  *lines: of the whole page. */
bool scraper_text(struct scraper *s, uint64_t *seq, char *out, size_t size, size_t *lines);
/* One last look, on the caller's thread, up to so long; the thread has ended then.  scraper_get goes on giving it. */
void scraper_finish(struct scraper *s, int64_t ns);
void scraper_stop(struct scraper *s); /* ends within a tenth of a second and frees */

#endif
