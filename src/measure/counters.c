#include "measure/counters.h"

#include <math.h>
#include <string.h>

const char *const counter_keys[CNT_COUNT_] = {
    [CNT_FINISHED] = "finished",
    [CNT_PREEMPTIONS] = "preemptions",
    [CNT_PROMPT] = "prompt_tokens",
    [CNT_GENERATED] = "generated_tokens",
    [CNT_PREFIX_QUERIES] = "prefix_queries",
    [CNT_PREFIX_HITS] = "prefix_hits",
    [CNT_DRAFTS] = "drafts",
    [CNT_DRAFT_TOKENS] = "draft_tokens",
    [CNT_ACCEPTED] = "accepted_tokens",
};
const char *const counted_time_keys[TIME_COUNT_] = {
    [TIME_TTFT] = "ttft", [TIME_QUEUE] = "queue_time", [TIME_ITL] = "itl"};

/* ---- buckets ---- */

void buckets_clear(struct buckets *b)
{
    memset(b, 0, sizeof *b);
    b->sum = b->count = (double)NAN;
}

bool buckets_add(struct buckets *b, double bound, double count)
{
    size_t i = b->n;
    while (i > 0 && b->bound[i - 1] >= bound)
        i--;
    if (i < b->n && b->bound[i] == bound) {
        b->below[i] += count;
        return true;
    }
    if (b->n == BUCKETS_MAX || isnan(bound))
        return false;
    memmove(b->bound + i + 1, b->bound + i, (b->n - i) * sizeof b->bound[0]);
    memmove(b->below + i + 1, b->below + i, (b->n - i) * sizeof b->below[0]);
    b->bound[i] = bound;
    b->below[i] = count;
    b->n++;
    return true;
}

bool buckets_close(struct buckets *b)
{
    if (b->n == 0)
        return true;
    bool ok = true;
    if (isfinite(b->bound[b->n - 1])) {
        double all = isfinite(b->count) ? b->count : b->below[b->n - 1];
        ok = buckets_add(b, (double)INFINITY, all);
    }
    for (size_t i = 0; i + 1 < b->n; i++)
        ok = ok && b->below[i] <= b->below[i + 1];
    if (!ok)
        b->n = 0;
    else if (isnan(b->count))
        b->count = b->below[b->n - 1];
    return ok;
}

double buckets_mean(const struct buckets *b)
{
    return b->count > 0 ? b->sum / b->count : (double)NAN;
}

double buckets_quantile(const struct buckets *b, double q)
{
    double all = b->n > 0 ? b->below[b->n - 1] : 0, rank = q * all;
    if (!(all > 0))
        return (double)NAN;
    size_t i = 0;
    while (i + 1 < b->n && b->below[i] < rank)
        i++;
    if (!isfinite(b->bound[i]))
        return (double)NAN;
    double low = i > 0 ? b->bound[i - 1] : 0, before = i > 0 ? b->below[i - 1] : 0, inside = b->below[i] - before;
    return inside > 0 ? low + (b->bound[i] - low) * (rank - before) / inside : b->bound[i];
}

/* NAN stays until there is something to add to it. */
static void add_growth(double *sum, double from, double to)
{
    if (isnan(to))
        return;
    double more = to - (isnan(from) ? 0 : from);
    *sum = (isnan(*sum) ? 0 : *sum) + (more > 0 ? more : 0);
}

static bool same_bounds(const struct buckets *a, const struct buckets *b)
{
    return a->n == b->n && memcmp(a->bound, b->bound, a->n * sizeof a->bound[0]) == 0;
}

void buckets_grow(struct buckets *sum, const struct buckets *from, const struct buckets *to)
{
    add_growth(&sum->sum, from->sum, to->sum);
    add_growth(&sum->count, from->count, to->count);
    if (to->n == 0 || (from->n > 0 && !same_bounds(from, to)))
        return;
    if (sum->n == 0) {
        sum->n = to->n;
        memcpy(sum->bound, to->bound, sizeof sum->bound);
        memset(sum->below, 0, sizeof sum->below);
    } else if (!same_bounds(sum, to)) { /* another version of the server: quantiles over both cannot be told */
        return;
    }
    double least = 0; /* cumulative: what is added must not shrink from bucket to bucket */
    for (size_t i = 0; i < to->n; i++) {
        double more = to->below[i] - (from->n > 0 ? from->below[i] : 0);
        least = more > least ? more : least;
        sum->below[i] += least;
    }
}

/* ---- all of a page ---- */

void counted_clear(struct counted *c)
{
    for (int i = 0; i < CNT_COUNT_; i++)
        c->counter[i] = (double)NAN;
    for (int i = 0; i < TIME_COUNT_; i++)
        buckets_clear(&c->time[i]);
}

void counted_grow(struct counted *sum, const struct counted *from, const struct counted *to)
{
    for (int i = 0; i < CNT_COUNT_; i++)
        add_growth(&sum->counter[i], from->counter[i], to->counter[i]);
    for (int i = 0; i < TIME_COUNT_; i++)
        buckets_grow(&sum->time[i], &from->time[i], &to->time[i]);
}

/* ---- page after page ---- */

#define JUMPS_WITHIN_S 30.0 /* no server is started three times in so short a time */

void counter_track_init(struct counter_track *t)
{
    *t = (struct counter_track){.started = (double)NAN, .fell_at = {-HUGE_VAL, -HUGE_VAL}};
    counted_clear(&t->last);
    counted_clear(&t->sum);
}

static bool fell(double from, double to)
{
    return to < from - 1e-9 * fabs(from); /* false for NAN */
}

static bool any_fell(const struct counted *from, const struct counted *to)
{
    bool yes = false;
    for (int i = 0; i < CNT_COUNT_; i++)
        yes = yes || fell(from->counter[i], to->counter[i]);
    for (int i = 0; i < TIME_COUNT_; i++)
        yes = yes || fell(from->time[i].count, to->time[i].count);
    return yes;
}

/* What this page does not tell keeps the value that it had: one that is left out once is no server's restart. */
static void keep_known(struct counted *last, const struct counted *page)
{
    for (int i = 0; i < CNT_COUNT_; i++)
        if (!isnan(page->counter[i]))
            last->counter[i] = page->counter[i];
    for (int i = 0; i < TIME_COUNT_; i++)
        if (!isnan(page->time[i].count))
            last->time[i] = page->time[i];
}

static enum track_news begin_anew(struct counter_track *t, double at_s)
{
    bool often = at_s - t->fell_at[0] < JUMPS_WITHIN_S;
    t->fell_at[0] = t->fell_at[1];
    t->fell_at[1] = at_s;
    t->restarts++;
    counted_clear(&t->last);
    if (!often)
        return TRACK_RESTART;
    t->jumps = true;
    counted_clear(&t->sum);
    return TRACK_JUMPS;
}

enum track_news counter_track_add(struct counter_track *t, const struct counted *page, double started, double at_s)
{
    enum track_news news = TRACK_NOTHING;
    if (t->jumps)
        return news;
    if (t->any && (fabs(started - t->started) > 1 || any_fell(&t->last, page)))
        news = begin_anew(t, at_s);
    if (!isnan(started))
        t->started = started;
    if (news == TRACK_JUMPS)
        return news;
    if (t->any)
        counted_grow(&t->sum, &t->last, page);
    else
        counted_grow(&t->sum, page, page); /* known, and nothing yet */
    keep_known(&t->last, page);
    t->any = true;
    return news;
}

/* ---- the limit that shows ---- */

#define KV_FULL 0.9
#define LOOKS_LEAST 5
#define SHARE_LEAST 0.8 /* of the looks: a request may wait for the next step of the server's work without any limit */

void plateau_add(struct plateau *p, double running, double waiting, double kv_used)
{
    if (!(running >= 0) || isinf(running))
        return;
    if (running > p->most) {
        p->most = running;
        p->at_most = 0;
    }
    if (!(waiting >= 1) || kv_used > KV_FULL)
        return;
    p->n++;
    p->at_most += running == p->most;
}

double plateau_limit(const struct plateau *p)
{
    bool shows = p->most >= 1 && p->at_most >= LOOKS_LEAST && p->at_most >= SHARE_LEAST * p->n;
    return shows ? p->most : (double)NAN;
}
