#include "report/runfile_ended.h"

#include "jsonr.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* [[bucket, count], …] into a histogram; the values are taken for their buckets' middles. */
static void add_buckets(struct tally *t, enum metric_id m, const cJSON *list)
{
    const cJSON *pair;
    cJSON_ArrayForEach(pair, list)
    {
        const cJSON *at = cJSON_GetArrayItem(pair, 0), *count = cJSON_GetArrayItem(pair, 1);
        if (!cJSON_IsNumber(at) || !cJSON_IsNumber(count) || !(at->valuedouble >= 0 && at->valuedouble < HIST_BUCKETS) ||
            !(count->valuedouble >= 1 && count->valuedouble < 1e15))
            continue;
        if (t->hist[m] == NULL)
            t->hist[m] = xcalloc(1, sizeof *t->hist[m]);
        size_t i = (size_t)at->valuedouble;
        uint64_t middle = hist_low(i) + (hist_high(i) - 1 - hist_low(i)) / 2;
        hist_add(t->hist[m], middle, (uint64_t)count->valuedouble);
    }
}

static int phase_of(const cJSON *part)
{
    return (int)MIN_OF(json_whole(part, "phase", 0), INT64_C(1000000000));
}

void run_file_ended(const cJSON *sample, int from, enum metric_id m, struct tally *t)
{
    const cJSON *part;
    cJSON_ArrayForEach(part, json_get(sample, "ended"))
    {
        if (phase_of(part) >= from)
            add_buckets(t, m, json_get(part, metrics[m].id));
    }
}

static uint64_t count_of(const cJSON *o, const char *key)
{
    double v = json_number(o, key);
    return v >= 0 && v < 1e15 ? (uint64_t)v : 0;
}

static double sum_of(const cJSON *o, const char *key)
{
    double v = json_number(o, key);
    return v >= 0 ? v : 0;
}

/* One phase's part of a sample. */
static void add_part(struct tally *t, const cJSON *part)
{
    struct tally p = {.output_tokens = sum_of(part, "output_tokens"), .prompt_n = count_of(part, "prompts"),
                      .prompt_tokens = sum_of(part, "prompt_tokens"), .prompt_min = json_whole(part, "prompt_tokens_min", 0),
                      .prompt_max = json_whole(part, "prompt_tokens_max", 0), .cached_n = count_of(part, "cached_told"),
                      .cached_tokens = sum_of(part, "cached_tokens"), .short_output = count_of(part, "short"),
                      .retried = count_of(part, "retried")};
    const cJSON *outcomes = json_get(part, "outcomes"), *from = json_get(part, "tokens_from");
    for (int o = 0; o < OUT_COUNT; o++)
        p.requests += p.outcome[o] = count_of(outcomes, outcome_name((enum outcome)o));
    for (int s = TOK_NONE; s <= TOK_EVENTS; s++)
        p.source[s] = count_of(from, token_source_name((enum token_source)s));
    p.good = count_of(part, "met");
    p.late = MIN_OF(count_of(part, "late"), p.outcome[OUT_CANCELLED]);
    p.unjudged = count_of(part, "unjudged") + count_of(part, "slept"); /* older files name what one of its reasons was */
    const cJSON *missed = json_get(part, "missed"), *one;
    size_t i = 0;
    cJSON_ArrayForEach(one, missed)
    {
        if (i < ARRAY_LEN(p.missed) && cJSON_IsNumber(one) && one->valuedouble >= 0)
            p.missed[i++] = (uint64_t)one->valuedouble;
    }
    tally_merge(t, &p);
    for (int m = 0; m < M_LATENCY_COUNT_; m++)
        add_buckets(t, (enum metric_id)m, json_get(part, metrics[m].id));
}

void run_file_ended_all(const cJSON *sample, int from, struct tally *t)
{
    const cJSON *part;
    cJSON_ArrayForEach(part, json_get(sample, "ended"))
    {
        if (phase_of(part) >= from)
            add_part(t, part);
    }
}

static struct tally *place_of(struct run_file *f, int phase)
{
    for (size_t i = 0; i < f->ended_n; i++)
        if (f->ended[i].phase == phase)
            return &f->ended[i].tally;
    if (f->ended_n == RUN_PHASES)
        return NULL;
    f->ended = xrealloc(f->ended, (f->ended_n + 1) * sizeof *f->ended);
    struct run_ended *e = &f->ended[f->ended_n++];
    e->phase = phase;
    tally_init(&e->tally);
    return &e->tally;
}

void ended_keep(struct run_file *f, const cJSON *sample)
{
    const cJSON *part;
    cJSON_ArrayForEach(part, json_get(sample, "ended"))
    {
        struct tally *t = place_of(f, phase_of(part));
        if (t != NULL)
            add_part(t, part);
    }
}

/* The sum that the line tells; of an older file, by the histogram. */
static void add_sum(const cJSON *part, enum metric_id m, const char *key, double *sum, double *n)
{
    const cJSON *pair;
    double told = json_number(part, key), by_bucket = 0;
    cJSON_ArrayForEach(pair, json_get(part, metrics[m].id))
    {
        const cJSON *at = cJSON_GetArrayItem(pair, 0), *count = cJSON_GetArrayItem(pair, 1);
        if (!cJSON_IsNumber(at) || !cJSON_IsNumber(count) || !(at->valuedouble >= 0 && at->valuedouble < HIST_BUCKETS) ||
            !(count->valuedouble >= 1 && count->valuedouble < 1e15))
            continue;
        size_t i = (size_t)at->valuedouble;
        by_bucket += ((double)hist_low(i) + (double)hist_high(i)) / 2 / metrics[m].scale * count->valuedouble;
        *n += count->valuedouble;
    }
    *sum += told >= 0 ? told : by_bucket;
}

void ended_sums(const cJSON *sample, struct run_sample *s)
{
    const cJSON *part, *o;
    cJSON_ArrayForEach(part, json_get(sample, "ended"))
    {
        cJSON_ArrayForEach(o, json_get(part, "outcomes"))
        {
            if (o->string == NULL || !cJSON_IsNumber(o) || !(o->valuedouble >= 0 && o->valuedouble < 1e15))
                continue;
            if (strcmp(o->string, outcome_name(OUT_OK)) == 0)
                s->ended_ok += o->valuedouble;
            else if (strcmp(o->string, outcome_name(OUT_CANCELLED)) != 0)
                s->ended_failed += o->valuedouble;
        }
        add_sum(part, M_TTFT, "ttft_sum_ms", &s->ttft_sum, &s->ttft_n);
        add_sum(part, M_DECODE_RATE, "decode_sum_tok_s", &s->decode_sum, &s->decode_n);
    }
}

/* The figures of requests are in the rows, exactly; those of their gaps are not. */
static void total_of_rows(struct run_file *f)
{
    for (size_t i = 0; i < f->rows_n; i++)
        tally_add(&f->total, run_file_row(f, i));
    for (size_t i = 0; i < f->ended_n; i++)
        for (int m = M_REQUEST_COUNT_; m < M_LATENCY_COUNT_; m++) {
            const struct hist *h = f->ended[i].tally.hist[m];
            if (h == NULL)
                continue;
            if (f->total.hist[m] == NULL)
                f->total.hist[m] = xcalloc(1, sizeof *h);
            hist_merge(f->total.hist[m], h);
        }
}

void ended_settle(struct run_file *f)
{
    if (f->rows_whole) {
        total_of_rows(f);
        if (!f->growing) /* else there may be requests without a row later on */
            ended_release(f);
        return;
    }
    for (size_t i = 0; i < f->ended_n; i++)
        tally_merge(&f->total, &f->ended[i].tally);
}

const struct tally *ended_of(const struct run_file *f, int phase)
{
    for (size_t i = 0; i < f->ended_n; i++)
        if (f->ended[i].phase == phase)
            return &f->ended[i].tally;
    return NULL;
}

void ended_release(struct run_file *f)
{
    for (size_t i = 0; i < f->ended_n; i++)
        tally_release(&f->ended[i].tally);
    free(f->ended);
    f->ended = NULL;
    f->ended_n = 0;
}
