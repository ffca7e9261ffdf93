/* libFuzzer: what a server tells of itself: pages of counters, two of them one after the other, and JSON.  Whatever comes,
 * what is added up never shrinks, and what is shown is fit for a screen. */
#include "fuzz/text.h"
#include "measure/servercounts.h"
#include "measure/serverjson.h"
#include "util.h"
#include "watch/scrape.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_known(double v)
{
    if (!isnan(v) && !(v >= 0 && isfinite(v)))
        abort();
}

static void check_sample(const struct server_sample *s)
{
    check_known(s->running);
    check_known(s->waiting);
    if (s->kv_used > 1.001)
        abort();
    check_text(s->model);
    check_text(s->note);
    struct server_counts c;
    counts_of(&s->counted, &c);
    const double shares[] = {c.prefix_hits, c.accepted};
    for (size_t i = 0; i < ARRAY_LEN(shares); i++)
        if (!isnan(shares[i]) && !(shares[i] >= 0 && shares[i] <= 1))
            abort();
    for (int i = 0; i < TIME_COUNT_; i++) {
        const struct buckets *b = &s->counted.time[i];
        for (size_t k = 1; k < b->n; k++)
            if (!(b->bound[k - 1] < b->bound[k]) || !(b->below[k - 1] <= b->below[k]))
                abort();
    }
}

static void check_grown(const struct counted *before, const struct counted *after)
{
    for (int i = 0; i < CNT_COUNT_; i++)
        if (after->counter[i] < before->counter[i])
            abort();
    for (int i = 0; i < TIME_COUNT_; i++)
        if (after->time[i].count < before->time[i].count || after->time[i].sum < before->time[i].sum)
            abort();
}

static void play_pages(const struct server_kind *k, const char *text, size_t n)
{
    struct counter_track t;
    size_t half = n / 2;
    counter_track_init(&t);
    for (int i = 0; i < 4; i++) {
        struct server_sample s;
        struct counted before = t.sum;
        scrape_read(k, i % 2 == 0 ? text : text + half, i % 2 == 0 ? half : n - half, &s);
        check_sample(&s);
        if (s.page)
            counter_track_add(&t, &s.counted, s.started, 60 * i);
        check_grown(&before, &t.sum);
    }
}

static void play_json(const char *text, size_t n)
{
    struct server_facts f;
    char other[64];
    bool there;
    server_facts_clear(&f);
    slots_read(text, n, &f);
    props_read(text, n, &f);
    sglang_info_read(text, n, &f);
    tgi_info_read(text, n, &f);
    ollama_ps_read(text, n, "m", &f);
    models_read(text, n, "m", &there, other, sizeof other);
    check_text(other);
    const double all[] = {f.max_num_seqs, f.slot_context, f.kv_tokens, f.loaded, f.loaded_vram, f.loaded_context, f.busy};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        check_known(all[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    const char *text = (const char *)data + 1;
    n--;
    for (const struct server_kind *k = server_kinds;; k++) {
        play_pages(k, text, n);
        if (k->port == 0)
            break;
    }
    play_json(text, n);
    char page[512];
    page_text(text, n, page, sizeof page);
    for (const char *p = page; *p != '\0'; p++)
        if (((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f)
            abort();
    return 0;
}
