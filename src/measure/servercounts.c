#include "measure/servercounts.h"

#include <math.h>
#include <string.h>

#define WINDOW_S 9.5 /* ten looks, less what one of them may be early */
#define STALE_S 6.0

static double share(double part, double of)
{
    return of > 0 && part <= of ? part / of : (double)NAN;
}

static struct server_time time_of(const struct buckets *b)
{
    return (struct server_time){b->count > 0 ? b->count : 0, 1e3 * buckets_mean(b), 1e3 * buckets_quantile(b, 0.5),
                                1e3 * buckets_quantile(b, 0.95)};
}

void counts_of(const struct counted *c, struct server_counts *out)
{
    const double *n = c->counter;
    out->finished = n[CNT_FINISHED];
    out->preemptions = n[CNT_PREEMPTIONS];
    out->prompt_tokens = n[CNT_PROMPT];
    out->generated_tokens = n[CNT_GENERATED];
    out->prefix_hits = share(n[CNT_PREFIX_HITS], n[CNT_PREFIX_QUERIES]);
    out->accepted = share(n[CNT_ACCEPTED], n[CNT_DRAFT_TOKENS]);
    out->accepted_a_draft = n[CNT_DRAFTS] > 0 ? n[CNT_ACCEPTED] / n[CNT_DRAFTS] : (double)NAN;
    out->ttft = time_of(&c->time[TIME_TTFT]);
    out->queue = time_of(&c->time[TIME_QUEUE]);
    out->itl = time_of(&c->time[TIME_ITL]);
}

static void drop_first(double v[RECENT_LOOKS])
{
    memmove(v, v + 1, (RECENT_LOOKS - 1) * sizeof v[0]);
}

static double while_it_runs(const struct counted *sum, unsigned at_end, enum server_counter i)
{
    return at_end & 1U << i ? (double)NAN : sum->counter[i];
}

void recent_add(struct recent *r, double at_s, const struct counted *sum, unsigned at_end, double ours)
{
    while (r->n > 0 && (r->n == RECENT_LOOKS || (r->n > 1 && at_s - r->at[1] >= WINDOW_S) || at_s - r->at[0] > 3 * WINDOW_S)) {
        drop_first(r->at);
        drop_first(r->generated);
        drop_first(r->prompt);
        drop_first(r->queries);
        drop_first(r->hits);
        drop_first(r->ours);
        r->n--;
    }
    int i = r->n++;
    r->at[i] = at_s;
    r->generated[i] = while_it_runs(sum, at_end, CNT_GENERATED);
    r->prompt[i] = while_it_runs(sum, at_end, CNT_PROMPT);
    r->queries[i] = sum->counter[CNT_PREFIX_QUERIES];
    r->hits[i] = sum->counter[CNT_PREFIX_HITS];
    r->ours[i] = ours;
}

static double grown(const double v[RECENT_LOOKS], int n)
{
    return v[n - 1] - v[0];
}

void recent_fill(const struct recent *r, double now_s, struct server_view *v)
{
    v->generated_rate = v->prompt_rate = v->our_rate = v->prefix_hits = (double)NAN;
    int n = r->n;
    if (n < 2 || now_s - r->at[n - 1] > STALE_S || !(r->at[n - 1] > r->at[0]))
        return;
    double seconds = r->at[n - 1] - r->at[0];
    v->generated_rate = grown(r->generated, n) / seconds;
    v->prompt_rate = grown(r->prompt, n) / seconds;
    v->our_rate = grown(r->ours, n) / seconds;
    v->prefix_hits = share(grown(r->hits, n), grown(r->queries, n));
}
