#include "report/counted_json.h"
#include "jsonr.h"
#include "util.h"

#include <math.h>
#include <string.h>

#define SECONDS_DECIMALS 6
#define MOST 1e15

/* ---- what has grown ---- */

static double growth(double from, double to)
{
    return isnan(from) ? to : to - from;
}

static bool news(double from, double to)
{
    return !isnan(to) && (isnan(from) || to > from);
}

static bool same_bounds(const struct buckets *a, const struct buckets *b)
{
    return a->n == b->n && memcmp(a->bound, b->bound, a->n * sizeof a->bound[0]) == 0;
}

/* [[bucket, count], …], not cumulative; the bounds stand before them where they are other ones than before. */
static void buckets_json(const struct buckets *sum, const struct buckets *written, struct jsonw *j)
{
    bool fresh = !same_bounds(sum, written);
    if (fresh) {
        jw_open(j, "bounds_s", '['); /* the last one is infinite and not named */
        for (size_t i = 0; i + 1 < sum->n; i++)
            jw_num(j, NULL, sum->bound[i], 9);
        jw_close(j, ']');
    }
    double before = 0;
    jw_open(j, "buckets", '[');
    for (size_t i = 0; i < sum->n; i++) {
        double up_to = sum->below[i] - (fresh ? 0 : written->below[i]), here = up_to - before;
        before = up_to;
        if (!(here > 0))
            continue;
        jw_open(j, NULL, '[');
        jw_int(j, NULL, (int64_t)i);
        jw_num(j, NULL, here, 0);
        jw_close(j, ']');
    }
    jw_close(j, ']');
}

static void time_json(const char *key, const struct buckets *sum, const struct buckets *written, struct jsonw *j)
{
    if (!news(written->count, sum->count) && !news(written->sum, sum->sum))
        return;
    jw_open(j, key, '{');
    jw_num(j, "n", growth(written->count, sum->count), 0);
    jw_num(j, "sum_s", growth(written->sum, sum->sum), SECONDS_DECIMALS);
    if (sum->n > 0)
        buckets_json(sum, written, j);
    jw_close(j, '}');
}

static bool any_news(const struct counted *sum, const struct counted *written)
{
    bool any = false;
    for (int i = 0; i < CNT_COUNT_; i++)
        any = any || news(written->counter[i], sum->counter[i]);
    for (int i = 0; i < TIME_COUNT_; i++)
        any = any || news(written->time[i].count, sum->time[i].count) || news(written->time[i].sum, sum->time[i].sum);
    return any;
}

void counted_json(const struct counted *sum, struct counted *written, struct jsonw *j)
{
    if (!any_news(sum, written))
        return;
    jw_open(j, "server_counted", '{');
    for (int i = 0; i < CNT_COUNT_; i++)
        if (news(written->counter[i], sum->counter[i]))
            jw_num(j, counter_keys[i], growth(written->counter[i], sum->counter[i]), 0);
    for (int i = 0; i < TIME_COUNT_; i++)
        time_json(counted_time_keys[i], &sum->time[i], &written->time[i], j);
    jw_close(j, '}');
    *written = *sum;
}

static void grow(double *sum, double v)
{
    if (v >= 0 && v < MOST)
        *sum = (isnan(*sum) ? 0 : *sum) + v;
}

/* Other bounds than before: another server, whose times cannot be added. */
static void bounds_read(const cJSON *list, struct buckets *b)
{
    const cJSON *v;
    b->n = 0;
    cJSON_ArrayForEach(v, list)
    {
        if (cJSON_IsNumber(v) && isfinite(v->valuedouble) && b->n + 1 < BUCKETS_MAX)
            buckets_add(b, v->valuedouble, 0);
    }
    buckets_add(b, (double)INFINITY, 0);
    memset(b->below, 0, sizeof b->below);
}

static void buckets_read(const cJSON *list, struct buckets *b)
{
    const cJSON *pair;
    cJSON_ArrayForEach(pair, list)
    {
        const cJSON *at = cJSON_GetArrayItem(pair, 0), *count = cJSON_GetArrayItem(pair, 1);
        if (!cJSON_IsNumber(at) || !cJSON_IsNumber(count) || !(at->valuedouble >= 0 && at->valuedouble < (double)b->n) ||
            !(count->valuedouble >= 1 && count->valuedouble < MOST))
            continue;
        for (size_t i = (size_t)at->valuedouble; i < b->n; i++)
            b->below[i] += count->valuedouble;
    }
}

bool counted_read(const cJSON *sample, struct counted *sum)
{
    const cJSON *o = json_get(sample, "server_counted");
    if (!cJSON_IsObject(o))
        return false;
    for (int i = 0; i < CNT_COUNT_; i++)
        grow(&sum->counter[i], json_number(o, counter_keys[i]));
    for (int i = 0; i < TIME_COUNT_; i++) {
        const cJSON *t = json_get(o, counted_time_keys[i]), *bounds = json_get(t, "bounds_s");
        struct buckets *b = &sum->time[i];
        grow(&b->count, json_number(t, "n"));
        grow(&b->sum, json_number(t, "sum_s"));
        if (cJSON_IsArray(bounds))
            bounds_read(bounds, b);
        buckets_read(json_get(t, "buckets"), b);
    }
    return true;
}

/* ---- what it tells of itself ---- */

static const struct {
    const char *key;
    size_t at;
} facts[] = {
    {"max_num_seqs", offsetof(struct server_view, max_num_seqs)},
    {"slot_context", offsetof(struct server_view, slot_context)},
    {"kv_tokens", offsetof(struct server_view, kv_tokens)},
    {"kv_blocks", offsetof(struct server_view, kv_blocks)},
    {"kv_block_tokens", offsetof(struct server_view, kv_block_tokens)},
    {"loaded_bytes", offsetof(struct server_view, loaded)},
    {"loaded_vram_bytes", offsetof(struct server_view, loaded_vram)},
    {"loaded_context", offsetof(struct server_view, loaded_context)},
    {"page_lines", offsetof(struct server_view, lines)},
    {"page_bad_lines", offsetof(struct server_view, bad_lines)},
};

void server_facts_json(const struct server_view *v, struct jsonw *j)
{
    for (size_t i = 0; i < ARRAY_LEN(facts); i++) {
        double x;
        memcpy(&x, (const char *)v + facts[i].at, sizeof x);
        if (isfinite(x))
            jw_num(j, facts[i].key, x, 0);
    }
    if (v->tokens_at_end)
        jw_bool(j, "tokens_at_end", true);
    if (v->counters_note[0] != '\0')
        jw_str(j, "note", v->counters_note);
}

void server_facts_read(const cJSON *o, struct server_view *v)
{
    for (size_t i = 0; i < ARRAY_LEN(facts); i++) {
        double x = json_number(o, facts[i].key);
        memcpy((char *)v + facts[i].at, &x, sizeof x);
    }
    v->tokens_at_end = json_true(o, "tokens_at_end");
    json_words(o, "note", v->counters_note, sizeof v->counters_note);
}

static void server_time_json(const char *key, const struct server_time *t, struct jsonw *j)
{
    if (!(t->n > 0)) {
        jw_str(j, key, NULL);
        return;
    }
    jw_open(j, key, '{');
    jw_num(j, "n", t->n, 0);
    jw_num(j, "mean", t->mean, 3);
    jw_num(j, "p50", t->p50, 3);
    jw_num(j, "p95", t->p95, 3);
    jw_close(j, '}');
}

void server_counts_json(const char *key, const struct server_counts *c, struct jsonw *j)
{
    jw_open(j, key, '{');
    jw_num(j, "finished", c->finished, 0);
    jw_num(j, "preemptions", c->preemptions, 0);
    jw_num(j, "prompt_tokens", c->prompt_tokens, 0);
    jw_num(j, "generated_tokens", c->generated_tokens, 0);
    jw_num(j, "prefix_hits", c->prefix_hits, 4);
    jw_num(j, "draft_accepted", c->accepted, 4);
    jw_num(j, "accepted_a_draft", c->accepted_a_draft, 3);
    server_time_json("ttft_ms", &c->ttft, j);
    server_time_json("queue_time_ms", &c->queue, j);
    server_time_json("itl_ms", &c->itl, j);
    jw_int(j, "restarts", c->restarts);
    jw_bool(j, "jumps", c->jumps);
    jw_close(j, '}');
}
