/* Findings about what was asked for: objectives, rates, conversations, contexts. */
#include "report/insight_inside.h"

#include "capacity.h"
#include "fmt.h"
#include "jsonr.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

bool insight_capacity(const struct facts *d, struct insight *o)
{
    const cJSON *c = json_get(d->file->summary, "capacity");
    const char *answer = json_text(c, "answer");
    if (answer == NULL)
        return false;
    str_sanitise(o->sentence, sizeof o->sentence, answer, strlen(answer));
    SAY(evidence, "%d loads were tried, each judged by a sequential test (95 %%) of its requests", cJSON_GetArraySize(json_get(c, "tries")));
    bool blind = false, full = false;
    const cJSON *one;
    cJSON_ArrayForEach(one, json_get(c, "tries"))
    {
        const char *verdict = json_text(one, "verdict");
        blind |= json_true(one, "blind");
        full |= json_true(one, "streams_full") && verdict != NULL && strcmp(verdict, "unsure") == 0;
    }
    if (blind)
        SAY(advice, "State objectives of what this server tells: ttft, tpot, e2e.");
    else if (full)
        SAY(advice, "Give the search more streams (-c): the server had no queue.");
    else if (!json_true(c, "sure"))
        SAY(advice, "A longer --budget narrows it down.");
    return true;
}

#define JUDGED_LEAST 20

bool insight_objectives(const struct facts *d, struct insight *o)
{
    const struct run_file *f = d->file;
    const struct tally *t = &f->total;
    uint64_t judged = tally_judged(t);
    size_t worst = 0;
    char goals[160], goal[64], share[FMT_SIZE], n[FMT_SIZE];
    if (f->slo.n == 0 || judged < JUDGED_LEAST || f->phases_n != 1) /* a search, or a matrix, says it load by load */
        return false;
    for (size_t i = 1; i < f->slo.n; i++)
        if (t->missed[i] > t->missed[worst])
            worst = i;
    slo_text(&f->slo, goals, sizeof goals);
    slo_goal_text(&f->slo.goal[worst], goal, sizeof goal);
    double met = tally_good_share(t);
    bool enough = met >= CAPACITY_SHARE;
    SAY(sentence, "%s of the requests met %s%s.", fmt_percent_below(share, met, CAPACITY_SHARE), goals, enough ? "" : ": too few for a promise of 95 %");
    uint64_t failed = tally_failed(t), missed = t->missed[worst];
    if (failed > missed)
        SAY(evidence, "%" PRIu64 " of %" PRIu64 "; %s failed%s", t->good, judged, fmt_count(n, (double)failed), missed > 0 ? ", more than missed any objective" : "");
    else if (missed > 0)
        SAY(evidence, "%" PRIu64 " of %" PRIu64 "; missed most: %s, by %s", t->good, judged, goal, fmt_count(n, (double)missed));
    else
        SAY(evidence, "%" PRIu64 " of %" PRIu64, t->good, judged);
    if (!enough)
        SAY(advice, "--find-capacity says which load would meet them.");
    return true;
}

#define CUT_OFF_LEAST 2
#define CUT_OFF_SHARE 0.01 /* of all: what is rarer moves no percentile that is told */

/* The slow ones are in flight when a run ends. */
bool insight_cut_off(const struct facts *d, struct insight *o)
{
    const struct run_file *f = d->file;
    struct dist e2e;
    uint64_t n = 0;
    double longest = 0;
    tally_dist(&f->total, M_E2E, &e2e);
    if (!run_file_one_load(f) || e2e.n < JUDGED_LEAST)
        return false;
    for (size_t i = 0; i < f->rows_n; i++) {
        const struct timeline *t = &run_file_row(f, i)->tl;
        double ran = (double)(t->end - t->sent) / 1e6;
        if (t->outcome != OUT_CANCELLED || t->sent == 0 || t->slept || !(ran > e2e.p95))
            continue;
        n++;
        longest = fmax(longest, ran);
    }
    if (n < CUT_OFF_LEAST || (double)n < CUT_OFF_SHARE * (double)(n + e2e.n))
        return false;
    char a[FMT_SIZE], b[FMT_SIZE];
    SAY(sentence, "%" PRIu64 " requests were cancelled at the end though they had run longer than 95 %% of those that ended: the slowest are in no percentile.", n);
    SAY(evidence, "they had run up to %s; of %" PRIu64 " that ended, 95 %% took %s at most", fmt_ms(a, longest), e2e.n, fmt_ms(b, e2e.p95));
    SAY(advice, "A longer --drain lets them end; if they never do, --stall says how long a silent one is waited for.");
    return true;
}

/* Arrivals that found no stream: what was offered was not what was served. */
bool insight_overload(const struct facts *d, struct insight *o)
{
    const struct run_file *f = d->file;
    const struct hist *wait = f->total.hist[M_STREAM_WAIT];
    const struct run_phase *p = f->phases_n == 1 ? &f->phases[0] : NULL;
    double second = metrics[M_STREAM_WAIT].scale * 1000;
    if (wait == NULL || p == NULL || wait->count < JUDGED_LEAST)
        return false;
    double share = (double)hist_between(wait, second, 1e18) / (double)wait->count;
    if (share < 0.05)
        return false;
    char a[FMT_SIZE], b[FMT_SIZE], c[FMT_SIZE];
    if (isfinite(p->rate))
        SAY(sentence, "The server did not take %s requests a second: they came faster than they were answered, and waited here.", fmt_requests(a, p->rate));
    else
        SAY(sentence, "The server did not take the requests as fast as they came: they waited here.");
    SAY(evidence, "%s of the requests waited more than a second for one of %d streams, half of all %s or more", fmt_percent(b, share), p->streams,
        fmt_ms(c, hist_quantile(wait, 0.5) / metrics[M_STREAM_WAIT].scale));
    SAY(advice, "TTFT counts from the moment of sending: what a user would have seen is in ttft_due. A lower rate, or --find-capacity with --rate, shows "
                "what the server can take.");
    return true;
}

/* Later turns carry more; with a prefix cache only the new part has to be read. */
bool insight_turns(const struct facts *d, struct insight *o)
{
    const struct run_file *f = d->file;
    struct hist first = {0}, later = {0};
    double tokens = 0, first_tokens = 0;
    for (size_t i = 0; i < f->rows_n; i++) {
        const struct row *r = run_file_row(f, i);
        if (r->turn == 0 || r->tl.outcome != OUT_OK || r->tl.first_token == 0 || r->tl.slept)
            continue;
        hist_add(r->turn == 1 ? &first : &later, (uint64_t)MAX_OF(r->tl.first_token - r->tl.sent, 0), 1);
        *(r->turn == 1 ? &first_tokens : &tokens) += (double)MAX_OF(r->tl.prompt_tokens, INT64_C(0));
    }
    if (first.count < 3 || later.count < 3)
        return false;
    double one = hist_quantile(&first, 0.5) / 1e6, more = hist_quantile(&later, 0.5) / 1e6;
    char a[FMT_SIZE], b[FMT_SIZE], n[FMT_SIZE], m[FMT_SIZE];
    if (more < 0.7 * one)
        SAY(sentence, "Conversations are cheap to go on with: later turns get their first token sooner than the first one, because the server keeps what was said.");
    else if (more > 1.3 * one)
        SAY(sentence, "Each turn of a conversation costs its whole history: later turns wait longer for their first token.");
    else
        SAY(sentence, "Later turns of a conversation wait about as long for their first token as the first one.");
    SAY(evidence, "first token after %s in first turns (%s prompt tokens on average), %s in later ones (%s), medians of %" PRIu64 " and %" PRIu64, fmt_ms(a, one),
        fmt_count(n, first_tokens / (double)first.count), fmt_ms(b, more), fmt_count(m, tokens / (double)later.count), first.count, later.count);
    if (more > 1.3 * one)
        SAY(advice, "A prefix cache helps here (vLLM: --enable-prefix-caching; llama.cpp: cache_prompt, and as many slots as conversations).");
    return true;
}

/* The same number of streams, at contexts that are four times apart or more. */
bool insight_context_cost(const struct facts *d, struct insight *o)
{
    const struct group *low = NULL, *high = NULL;
    for (size_t i = 0; i < d->groups; i++)
        for (size_t k = 0; k < d->groups; k++) {
            const struct group *a = &d->group[i], *b = &d->group[k];
            bool alike = a->phase->streams == b->phase->streams && a->phase->max_tokens == b->phase->max_tokens && a->phase->repeated == b->phase->repeated &&
                         strcmp(a->phase->part, b->phase->part) == 0 && !isfinite(a->phase->rate) && !isfinite(b->phase->rate);
            if (!alike || a->phase->context <= 0 || b->phase->context < 4 * a->phase->context || a->decode.n < 3 || b->decode.n < 3)
                continue;
            bool fewer = low == NULL || a->phase->streams < low->phase->streams;
            bool wider = low != NULL && a->phase->streams == low->phase->streams && b->phase->context * low->phase->context > high->phase->context * a->phase->context;
            if (fewer || wider) {
                low = a;
                high = b;
            }
        }
    if (low == NULL)
        return false;
    double kept = high->decode.mean / low->decode.mean;
    char a[FMT_SIZE], b[FMT_SIZE], c[FMT_SIZE], e[FMT_SIZE], p[FMT_SIZE];
    if (kept < 0.9)
        SAY(sentence, "A long context slows each stream down: from %s to %s tokens it decodes %s slower.", fmt_tokens(a, (double)low->phase->context),
            fmt_tokens(b, (double)high->phase->context), fmt_percent(p, 1 - kept));
    else
        SAY(sentence, "The context hardly matters once the answer runs: from %s to %s tokens a stream keeps its pace.", fmt_tokens(a, (double)low->phase->context),
            fmt_tokens(b, (double)high->phase->context));
    SAY(evidence, "%d stream%s: %s → %s tok/s, first token after %s → %s (median)", low->phase->streams, low->phase->streams == 1 ? "" : "s",
        fmt_rate(a, low->decode.mean), fmt_rate(b, high->decode.mean), fmt_ms(c, low->ttft.p50), fmt_ms(e, high->ttft.p50));
    return true;
}
