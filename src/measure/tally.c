#include "measure/tally.h"
#include "util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void tally_init(struct tally *t)
{
    memset(t, 0, sizeof *t);
}

void tally_release(struct tally *t)
{
    for (size_t i = 0; i < M_LATENCY_COUNT_; i++)
        free(t->hist[i]);
    for (size_t i = 0; i < M_REQUEST_COUNT_; i++)
        free(t->kept[i]);
    memset(t, 0, sizeof *t);
}

void tally_clear(struct tally *t)
{
    struct hist *kept[M_LATENCY_COUNT_];
    for (size_t i = 0; i < M_REQUEST_COUNT_; i++)
        free(t->kept[i]);
    memcpy(kept, t->hist, sizeof kept);
    memset(t, 0, sizeof *t);
    memcpy(t->hist, kept, sizeof kept);
    for (size_t i = 0; i < M_LATENCY_COUNT_; i++)
        if (kept[i] != NULL)
            hist_reset(kept[i]);
}

static void keep_value(struct tally *t, enum metric_id m, double v)
{
    if (t->kept_n[m] >= TALLY_KEPT)
        return;
    size_t n = t->kept_n[m]++;
    if ((n & (n - 1)) == 0) /* 0, 1, 2, 4, …: double */
        t->kept[m] = xrealloc(t->kept[m], (n == 0 ? 1 : 2 * n) * sizeof(double));
    t->kept[m][n] = v;
}

static void add_value(struct tally *t, enum metric_id m, double v, uint64_t times)
{
    if (!isfinite(v))
        return;
    if (t->hist[m] == NULL)
        t->hist[m] = xcalloc(1, sizeof *t->hist[m]);
    double scaled = v * metrics[m].scale;
    hist_add(t->hist[m], scaled > 0 ? (uint64_t)llround(scaled) : 0, times);
    if (m < M_REQUEST_COUNT_)
        keep_value(t, m, v);
}

/* Tokens of one event of a finished request: counted, or 1 each where there were as many events as tokens (every output
 * event carries one at least), else unknown. */
static uint32_t event_tokens(const struct timeline *tl, size_t i)
{
    if (tl->source == TOK_CONTINUOUS)
        return tl->gaps[i].tokens;
    bool one_each = tl->source == TOK_USAGE && (uint64_t)tl->output_tokens == tl->events;
    return one_each ? 1 : 0;
}

static void add_gaps(struct tally *t, const struct timeline *tl)
{
    for (size_t i = 1; i < tl->gaps_n; i++) {
        double ms = (double)tl->gaps[i].gap_ns / 1e6;
        add_value(t, M_CHUNK_GAP, ms, 1);
        uint32_t k = event_tokens(tl, i);
        if (k > 0)
            add_value(t, M_ITL, ms / k, k);
    }
}

static void add_tokens(struct tally *t, const struct timeline *tl)
{
    t->source[tl->source]++;
    if (tl->output_tokens > 0)
        t->output_tokens += (double)tl->output_tokens;
    if (tl->prompt_tokens >= 0) {
        t->prompt_min = t->prompt_n == 0 ? tl->prompt_tokens : MIN_OF(t->prompt_min, tl->prompt_tokens);
        t->prompt_max = t->prompt_n == 0 ? tl->prompt_tokens : MAX_OF(t->prompt_max, tl->prompt_tokens);
        t->prompt_n++;
        t->prompt_tokens += (double)tl->prompt_tokens;
    }
    if (tl->cached_tokens >= 0) {
        t->cached_n++;
        t->cached_tokens += (double)tl->cached_tokens;
    }
}

void tally_add(struct tally *t, const struct row *r)
{
    const struct timeline *tl = &r->tl;
    t->requests++;
    t->outcome[tl->outcome]++;
    t->retried += tl->retried;
    t->good += r->good;
    t->unjudged += r->unjudged;
    t->late += tl->outcome == OUT_CANCELLED && r->missed != 0;
    for (size_t i = 0; i < ARRAY_LEN(t->missed); i++)
        t->missed[i] += r->missed >> i & 1;
    add_tokens(t, tl);
    if (tl->outcome != OUT_OK || tl->slept)
        return;
    t->short_output += r->fixed_length && tl->source != TOK_EVENTS && tl->output_tokens < r->max_tokens;
    double v[M_REQUEST_COUNT_];
    timeline_numbers(tl, v);
    for (int i = 0; i < M_REQUEST_COUNT_; i++)
        add_value(t, (enum metric_id)i, v[i], 1);
    add_gaps(t, tl);
}

void tally_one(struct tally *t, const struct row *r)
{
    tally_clear(t);
    tally_add(t, r);
}

static void merge_prompts(struct tally *into, const struct tally *from)
{
    if (from->prompt_n > 0) {
        into->prompt_min = into->prompt_n == 0 ? from->prompt_min : MIN_OF(into->prompt_min, from->prompt_min);
        into->prompt_max = into->prompt_n == 0 ? from->prompt_max : MAX_OF(into->prompt_max, from->prompt_max);
    }
    into->prompt_n += from->prompt_n;
    into->prompt_tokens += from->prompt_tokens;
    into->cached_n += from->cached_n;
    into->cached_tokens += from->cached_tokens;
}

void tally_merge(struct tally *into, const struct tally *from)
{
    into->requests += from->requests;
    for (int o = 0; o < OUT_COUNT; o++)
        into->outcome[o] += from->outcome[o];
    for (int s = 0; s <= TOK_EVENTS; s++)
        into->source[s] += from->source[s];
    into->short_output += from->short_output;
    into->good += from->good;
    into->unjudged += from->unjudged;
    into->late += from->late;
    for (size_t i = 0; i < ARRAY_LEN(into->missed); i++)
        into->missed[i] += from->missed[i];
    into->retried += from->retried;
    into->output_tokens += from->output_tokens;
    merge_prompts(into, from);
    for (int m = 0; m < M_LATENCY_COUNT_; m++) {
        if (from->hist[m] == NULL || from->hist[m]->count == 0)
            continue;
        if (into->hist[m] == NULL)
            into->hist[m] = xcalloc(1, sizeof *into->hist[m]);
        hist_merge(into->hist[m], from->hist[m]);
        for (size_t i = 0; m < M_REQUEST_COUNT_ && i < from->kept_n[m]; i++)
            keep_value(into, (enum metric_id)m, from->kept[m][i]);
    }
}

void tally_dist(const struct tally *t, enum metric_id m, struct dist *d)
{
    const struct hist *h = t->hist[m];
    static const struct hist none;
    dist_of_hist(d, h != NULL ? h : &none, metrics[m].scale);
    if (m >= M_REQUEST_COUNT_ || h == NULL || h->count == 0 || t->kept_n[m] != h->count)
        return;
    double *v = xmalloc(t->kept_n[m] * sizeof *v);
    memcpy(v, t->kept[m], t->kept_n[m] * sizeof *v);
    dist_of_values(d, v, t->kept_n[m]);
    free(v);
}

double tally_goodput(const struct tally *t, double good, double seconds)
{
    return seconds > 0 && !(t->unjudged > 0 && tally_judged(t) == 0) ? good / seconds : (double)NAN;
}

uint64_t tally_judged(const struct tally *t)
{
    return t->requests - (t->outcome[OUT_CANCELLED] - t->late) - t->unjudged;
}

double tally_good_share(const struct tally *t)
{
    uint64_t n = tally_judged(t);
    return n > 0 ? (double)t->good / (double)n : (double)NAN;
}

uint64_t tally_failed(const struct tally *t)
{
    return t->requests - t->outcome[OUT_OK] - t->outcome[OUT_CANCELLED];
}

static bool inside(const struct window *w, int64_t t)
{
    return t != 0 && t >= w->from && (w->to == 0 || t < w->to);
}

void window_add(struct window *w, const struct row *r)
{
    const struct timeline *tl = &r->tl;
    if (w->from == 0)
        return;
    /* Requests by the clock are one flow, of which what warmed up ends in the window too; that of streams is a wave of its own. */
    bool ended = (!r->warmup || tl->free_at != 0) && inside(w, tl->end);
    w->ok += tl->outcome == OUT_OK && ended;
    w->good += r->good && ended;
    if (tl->prompt_tokens > 0 && inside(w, tl->first_token))
        w->prompt_tokens += (double)tl->prompt_tokens;
    if (tl->gaps_n == 0)
        return;
    double each = (double)tl->output_tokens / (double)tl->gaps_n, t = (double)tl->sent, sum = 0;
    double rest = (double)tl->output_tokens;
    for (size_t i = 0; i < tl->gaps_n; i++) {
        t += (double)tl->gaps[i].gap_ns;
        double n = i + 1 == tl->gaps_n ? rest /* an end token that was counted but not sent goes to the last event */
                   : tl->source == TOK_CONTINUOUS ? (double)tl->gaps[i].tokens
                                                  : each;
        rest -= n;
        if (inside(w, (int64_t)t))
            sum += n;
    }
    w->tokens += sum;
    if (tl->source == TOK_EVENTS)
        w->approx_tokens += sum;
}

double window_seconds(const struct window *w, int64_t now)
{
    if (w->from == 0)
        return (double)NAN;
    int64_t to = w->to != 0 ? MIN_OF(w->to, now) : now;
    return (double)MAX_OF(to - w->from, INT64_C(0)) / 1e9;
}
