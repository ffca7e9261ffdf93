/* A page of counters: one pass over its samples, each held against the names of the kind. */
#include "watch/scrape.h"

#include "measure/promtext.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MOST 1e18
#define SEEN_MAX 1024

/* What one of the kind's numbers has come to so far. */
struct found {
    int rank; /* of the name that it was found by; NAMES_MOST: not found */
    double sum, n;
};

struct reading {
    const struct page_names *names;
    struct server_sample *out;
    struct found gauge[GAUGE_COUNT_], counter[CNT_COUNT_];
    int time_rank[TIME_COUNT_];
    double starts, simulated[4];
    uint64_t seen[SEEN_MAX]; /* names with their labels, of samples that count */
    size_t seen_n, twice;
};

void server_sample_clear(struct server_sample *s)
{
    double nan = (double)NAN;
    *s = (struct server_sample){.running = nan, .waiting = nan, .kv_used = nan, .hit_rate = nan, .started = nan,
                                .gtt_total = nan, .gtt_used = nan, .ram_total = nan, .ram_used = nan};
    counted_clear(&s->counted);
    server_facts_clear(&s->facts);
}

/* FNV-1a of name and labels.  The same sample twice on one page would count double: the first one holds. */
static bool seen_before(struct reading *r, const struct prom_sample *s)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < s->name_n; i++)
        h = (h ^ (unsigned char)s->name[i]) * UINT64_C(0x100000001b3);
    h = (h ^ '{') * UINT64_C(0x100000001b3);
    for (size_t i = 0; i < s->labels_n; i++)
        h = (h ^ (unsigned char)s->labels[i]) * UINT64_C(0x100000001b3);
    for (size_t i = 0; i < r->seen_n; i++)
        if (r->seen[i] == h)
            return true;
    if (r->seen_n < SEEN_MAX)
        r->seen[r->seen_n++] = h;
    return false;
}

static bool sensible(double v)
{
    return v >= 0 && v < MOST;
}

/* The rank of the sample's name among those, NAMES_MOST where it is none. */
static int rank_of(const char *const names[NAMES_MOST], const struct prom_sample *s)
{
    int i = 0;
    while (i < NAMES_MOST && !(names[i] != NULL && prom_is(s, names[i])))
        i++;
    return i;
}

/* A newer name takes the place of an older one, whatever the order on the page. */
static void add(struct found *f, int rank, double v)
{
    if (rank > f->rank || !sensible(v))
        return;
    if (rank < f->rank)
        *f = (struct found){.rank = rank};
    f->sum += v;
    f->n++;
}

enum part { PART_NONE, PART_SUM, PART_COUNT, PART_BUCKET };

static enum part part_of(const char *name, const struct prom_sample *s)
{
    static const char *const endings[] = {[PART_SUM] = "_sum", [PART_COUNT] = "_count", [PART_BUCKET] = "_bucket"};
    size_t n = strlen(name);
    if (s->name_n <= n || memcmp(s->name, name, n) != 0)
        return PART_NONE;
    for (int p = PART_SUM; p <= PART_BUCKET; p++)
        if (strlen(endings[p]) == s->name_n - n && memcmp(s->name + n, endings[p], s->name_n - n) == 0)
            return (enum part)p;
    return PART_NONE;
}

static void add_part(struct buckets *b, enum part p, const struct prom_sample *s)
{
    double *total = p == PART_SUM ? &b->sum : &b->count;
    if (!sensible(s->value))
        return;
    if (p == PART_BUCKET)
        buckets_add(b, prom_label_number(s, "le"), s->value);
    else
        *total = (isnan(*total) ? 0 : *total) + s->value;
}

static bool take_time(struct reading *r, const struct prom_sample *s)
{
    for (int t = 0; t < TIME_COUNT_; t++)
        for (int i = 0; i < NAMES_MOST && r->names->time[t][i] != NULL; i++) {
            enum part p = part_of(r->names->time[t][i], s);
            if (p == PART_NONE)
                continue;
            if (i > r->time_rank[t])
                return false;
            if (seen_before(r, s)) {
                r->twice++;
                return true;
            }
            if (i < r->time_rank[t])
                buckets_clear(&r->out->counted.time[t]);
            r->time_rank[t] = i;
            add_part(&r->out->counted.time[t], p, s);
            return true;
        }
    return false;
}

/* A name may stand for two numbers. */
static void take_values(struct reading *r, const struct prom_sample *s)
{
    bool fresh = true, first = true;
    for (int i = 0; i < GAUGE_COUNT_ + CNT_COUNT_; i++) {
        bool gauge = i < GAUGE_COUNT_;
        int rank = rank_of(gauge ? r->names->gauge[i] : r->names->counter[i - GAUGE_COUNT_], s);
        if (rank == NAMES_MOST)
            continue;
        if (first)
            fresh = !seen_before(r, s);
        r->twice += first && !fresh;
        first = false;
        if (fresh)
            add(gauge ? &r->gauge[i] : &r->counter[i - GAUGE_COUNT_], rank, s->value);
        if (i == GAUGE_RUNNING && r->out->model[0] == '\0')
            prom_label(s, "model_name", r->out->model, sizeof r->out->model);
    }
}

static void take_more(double *sum, double v)
{
    if (sensible(v))
        *sum = (isnan(*sum) ? 0 : *sum) + v;
}

/* One sample an engine. */
static void take_config(struct reading *r, const struct prom_sample *s)
{
    struct server_facts *f = &r->out->facts;
    if (r->names->cache_config == NULL || !prom_is(s, r->names->cache_config) || seen_before(r, s))
        return;
    double block = prom_label_number(s, "block_size");
    take_more(&f->kv_blocks, prom_label_number(s, "num_gpu_blocks"));
    take_more(&f->kv_tokens, prom_label_number(s, "kv_cache_size_tokens"));
    if (sensible(block))
        f->kv_block_tokens = block;
}

static void take_other(struct reading *r, const struct prom_sample *s)
{
    static const char *const simulated[] = {"tokgauge_sim_gtt_total_bytes", "tokgauge_sim_gtt_used_bytes",
                                            "tokgauge_sim_ram_total_bytes", "tokgauge_sim_ram_used_bytes"};
    for (size_t i = 0; i < 4; i++)
        if (prom_is(s, simulated[i]) && sensible(s->value))
            r->simulated[i] = s->value;
    if (!prom_is(s, "process_start_time_seconds"))
        return;
    r->starts++;
    r->out->started = r->starts == 1 && sensible(s->value) ? s->value : (double)NAN; /* of several processes none is the server */
}

static double total(const struct found *f)
{
    return f->n > 0 ? f->sum : (double)NAN;
}

/* A share of each engine; they are of one size. */
static double mean(const struct found *f)
{
    double v = f->n > 0 ? f->sum / f->n : (double)NAN;
    return v <= 1.0001 ? v : (double)NAN;
}

static void finish(struct reading *r)
{
    struct server_sample *o = r->out;
    o->running = total(&r->gauge[GAUGE_RUNNING]);
    o->waiting = total(&r->gauge[GAUGE_WAITING]);
    o->kv_used = mean(&r->gauge[GAUGE_KV_USED]);
    o->hit_rate = mean(&r->gauge[GAUGE_HIT_RATE]);
    if (r->gauge[GAUGE_KV_TOKENS].n > 0)
        o->facts.kv_tokens = total(&r->gauge[GAUGE_KV_TOKENS]);
    for (int i = 0; i < CNT_COUNT_; i++)
        o->counted.counter[i] = total(&r->counter[i]);
    o->at_end = r->names->at_end;
    if (r->names->cached_apart)
        o->counted.counter[CNT_PREFIX_QUERIES] += o->counted.counter[CNT_PREFIX_HITS];
    for (int i = 0; i < TIME_COUNT_; i++)
        r->twice += !buckets_close(&o->counted.time[i]);
    o->gtt_total = r->simulated[0];
    o->gtt_used = r->simulated[1];
    o->ram_total = r->simulated[2];
    o->ram_used = r->simulated[3];
}

/* Of a server that nobody knows: the first dialect that its page speaks. */
static const struct page_names *dialect_of(const char *page, size_t n)
{
    struct prom_reader r = {.page = page, .n = n};
    struct prom_sample s;
    while (prom_next(&r, &s))
        for (const struct page_names *const *d = page_dialects; *d != NULL; d++)
            if (s.name_n > strlen((*d)->prefix) && memcmp(s.name, (*d)->prefix, strlen((*d)->prefix)) == 0)
                return *d;
    return NULL;
}

void scrape_read(const struct server_kind *k, const char *page, size_t n, struct server_sample *out)
{
    static const struct page_names none;
    double nan = (double)NAN;
    server_sample_clear(out);
    const struct page_names *names = k->page != NULL ? k->page : dialect_of(page, n);
    struct reading r = {.names = names != NULL ? names : &none, .out = out, .simulated = {nan, nan, nan, nan}};
    for (int i = 0; i < GAUGE_COUNT_; i++)
        r.gauge[i].rank = NAMES_MOST;
    for (int i = 0; i < CNT_COUNT_; i++)
        r.counter[i].rank = NAMES_MOST;
    for (int i = 0; i < TIME_COUNT_; i++)
        r.time_rank[i] = NAMES_MOST;
    struct prom_reader reader = {.page = page, .n = n};
    for (struct prom_sample s; prom_next(&reader, &s);) {
        if (!take_time(&r, &s))
            take_values(&r, &s);
        take_config(&r, &s);
        take_other(&r, &s);
    }
    finish(&r);
    out->lines = reader.samples;
    out->bad_lines = reader.bad + r.twice;
    out->page = reader.samples > 0 && names != NULL;
    if (reader.samples == 0)
        snprintf(out->note, sizeof out->note, "what it has at /metrics is no page of counters");
    else if (names == NULL)
        snprintf(out->note, sizeof out->note, "its /metrics has no names that are known here");
}

size_t page_text(const char *page, size_t n, char *out, size_t size)
{
    struct prom_reader r = {.page = page, .n = n};
    struct prom_sample s;
    char line[1024];
    size_t used = 0;
    bool room = true;
    out[0] = '\0';
    while (prom_next(&r, &s)) {
        const char *end = memchr(s.name, '\n', n - (size_t)(s.name - page));
        size_t raw = end != NULL ? (size_t)(end - s.name) : 0;
        str_sanitise(line, sizeof line, s.name, raw > 0 && s.name[raw - 1] == '\r' ? raw - 1 : raw);
        size_t len = strlen(line);
        while (len > 0 && line[len - 1] == ' ')
            len--;
        room = room && used + len + 2 <= size;
        if (!room)
            continue;
        memcpy(out + used, line, len);
        out[used + len] = '\n';
        used += len + 1;
        out[used] = '\0';
    }
    return r.samples;
}
