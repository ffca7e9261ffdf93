#include "report/insight_inside.h"
#include "fmt.h"
#include "report/drift.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the rules look at ---- */

static void see_samples(struct group *g, const struct run_file *f)
{
    g->waiting = g->running = g->kv_used = (double)NAN;
    for (size_t i = 0; i < f->samples_n; i++) {
        const struct run_sample *s = &f->samples[i];
        if (s->phase != g->phase->id || !s->loading || s->t <= g->phase->t) /* the first may hold what was before */
            continue;
        insight_raise(&g->waiting, s->waiting);
        insight_raise(&g->running, s->running);
        insight_raise(&g->kv_used, s->kv_used);
        g->busy += s->waiting >= 1;
    }
}

static bool cached(const struct row *r) /* most of its prompt */
{
    return r->tl.prompt_tokens > 0 && 2 * r->tl.cached_tokens > r->tl.prompt_tokens;
}

static bool uncached(const struct row *r) /* surely */
{
    return r->tl.prompt_tokens > 0 && r->tl.cached_tokens >= 0 && 4 * r->tl.cached_tokens < r->tl.prompt_tokens;
}

static const struct run_phase *phase_of(const struct run_file *f, const struct row *r)
{
    for (size_t i = 0; i < f->phases_n; i++)
        if (f->phases[i].id == r->phase)
            return &f->phases[i];
    return NULL;
}

/* When the first request of each phase was sent; 0: none was. */
static int64_t *firsts_of_phases(const struct run_file *f)
{
    int64_t *first = xcalloc(f->phases_n + 1, sizeof *first);
    for (size_t i = 0; i < f->rows_n; i++) {
        const struct row *r = run_file_row(f, i);
        const struct run_phase *p = phase_of(f, r);
        if (p != NULL && r->tl.sent != 0 && (first[p - f->phases] == 0 || r->tl.sent < first[p - f->phases]))
            first[p - f->phases] = r->tl.sent;
    }
    return first;
}

bool insight_prompts_share(const struct run_file *f)
{
    return run_file_number(f, "turns") > 1 || run_file_number(f, "prefix_tokens") > 0;
}

/* vLLM tells cached tokens only where it was asked to at its start; then what was sent decides: a unique prompt is new, a
 * repeated one is new the first time. */
static enum newness newness_of(const struct run_file *f, const struct row *r, const int64_t *firsts)
{
    const struct run_phase *p = phase_of(f, r);
    const char *prompt = run_file_text(f, "prompt");
    if (r->tl.cached_tokens >= 0)
        return cached(r) ? CACHED : uncached(r) ? FRESH : NEWNESS_UNKNOWN;
    if (p != NULL && p->repeated)
        return r->tl.sent <= firsts[p - f->phases] ? FRESH : LOOKS_CACHED;
    return prompt != NULL && strcmp(prompt, "unique") == 0 && !insight_prompts_share(f) ? FRESH : NEWNESS_UNKNOWN;
}

static void gather(struct facts *d, const struct run_file *f)
{
    *d = (struct facts){.file = f, .newness = xcalloc(f->rows_n + 1, sizeof *d->newness),
                        .group = xcalloc(f->phases_n + 1, sizeof *d->group)};
    server_side(f, &d->server);
    int64_t *firsts = firsts_of_phases(f);
    for (size_t i = 0; i < f->rows_n; i++)
        d->newness[i] = newness_of(f, run_file_row(f, i), firsts);
    free(firsts);
    for (size_t i = 0; i < f->phases_n; i++) {
        struct group *g = &d->group[d->groups++];
        g->phase = &f->phases[i];
        run_file_phase(f, g->phase->id, &g->tally);
        tally_dist(&g->tally, M_TTFT, &g->ttft);
        tally_dist(&g->tally, M_DECODE_RATE, &g->decode);
        g->rate = run_file_phase_rate(f, g->phase->id);
        see_samples(g, f);
    }
}

static void release(struct facts *d)
{
    for (size_t i = 0; i < d->groups; i++)
        tally_release(&d->group[i].tally);
    free(d->group);
    free(d->newness);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts v. */
static double median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, by_value);
    return stats_quantile(v, n, 0.5);
}

static double ttft_of(const struct row *r)
{
    return r->tl.outcome == OUT_OK && r->tl.first_token != 0 && !r->tl.slept ? (double)(r->tl.first_token - r->tl.sent) / 1e6 : (double)NAN;
}

/* It ended well, and its moments say how long it took. */
static bool timed(const struct row *r)
{
    return r->tl.outcome == OUT_OK && !r->tl.slept;
}

/* ---- the rules ---- */

/* The first request has a short prompt; so the group with the shortest is what to hold it against. */
static bool cold_start(const struct facts *d, struct insight *o)
{
    const struct timeline *t = &d->file->first.tl;
    const struct group *g = NULL;
    for (size_t i = 0; i < d->groups; i++) {
        const struct group *k = &d->group[i];
        if (k->phase->streams == 1 && k->ttft.n >= 2 && (g == NULL || k->phase->context < g->phase->context))
            g = k;
    }
    if (t->first_token == 0 || t->outcome != OUT_OK || g == NULL)
        return false;
    double first = (double)(t->first_token - t->sent) / 1e6, later = g->ttft.p50;
    if (first < 3 * later || first < later + 300)
        return false;
    char a[FMT_SIZE], b[FMT_SIZE];
    SAY(sentence, "The first request of all took %s to its first token: that is the server's start, and is paid once.",
        fmt_ms(a, first));
    SAY(evidence, "first request %s; later ones %s (median of %" PRIu64 ")", fmt_ms(a, first), fmt_ms(b, later), g->ttft.n);
    SAY(advice, "Send one request after each start of the server, and keep it out of averages (it is in none here).");
    return true;
}

/* It had no other to wait for. */
static bool alone(const struct run_file *f, const struct row *r)
{
    const struct run_phase *p = phase_of(f, r);
    return p != NULL && p->streams == 1;
}

static bool prefix_cache(const struct facts *d, struct insight *o)
{
    const struct run_file *f = d->file;
    double *with = xcalloc(f->rows_n + 1, sizeof *with), *without = xcalloc(f->rows_n + 1, sizeof *without);
    bool found = false;
    for (size_t i = 0; i < d->groups && !found; i++) {
        const struct run_phase *p = d->group[i].phase;
        size_t n = 0, m = 0;
        bool told = true;
        if (p->context <= 0) /* prompts of a file: one that was cached is not as long as one that was not */
            continue;
        for (size_t k = 0; k < f->rows_n; k++) {
            const struct row *r = run_file_row(f, k);
            double ttft = ttft_of(r);
            enum newness is = d->newness[k];
            if (r->context != p->context || isnan(ttft) || p->streams != 1 || (r->phase != p->id && (is != FRESH || !alone(f, r))))
                continue;
            if (is == CACHED || is == LOOKS_CACHED)
                with[n++] = ttft;
            else if (is == FRESH)
                without[m++] = ttft;
            told &= is != LOOKS_CACHED;
        }
        if (n < 1 || m < 2)
            continue;
        double fast = median(with, n), slow = median(without, m);
        if (slow < 2 * fast || slow < fast + 50)
            continue;
        char a[FMT_SIZE], b[FMT_SIZE], c[FMT_SIZE];
        SAY(sentence, "A repeated prompt is fast because of the prefix cache%s, not because the server got faster.",
            told ? "" : " (so it seems: the server does not tell)");
        SAY(evidence, "%s of context: first token after %s where the cache had most of it (%zu request%s), %s where not (%zu)",
            fmt_context(a, (double)p->context), fmt_ms(b, fast), n, n == 1 ? "" : "s", fmt_ms(c, slow), m);
        SAY(advice, "Judge prefill by new prompts. Keep system prompts and history byte for byte the same from call to call.%s",
            told ? "" : " vLLM tells cached tokens when started with --enable-prompt-tokens-details.");
        found = true;
    }
    free(with);
    free(without);
    return found;
}

/* The same load but for the number of streams. */
static bool alike(const struct group *a, const struct group *b)
{
    return a->phase->context == b->phase->context && a->phase->max_tokens == b->phase->max_tokens &&
           a->phase->repeated == b->phase->repeated && strcmp(a->phase->part, b->phase->part) == 0 &&
           !isfinite(a->phase->rate) && !isfinite(b->phase->rate); /* of an open loop the streams are no load, but a bound */
}

static bool better_base(const struct group *g, const struct group *best, const struct group *of)
{
    return alike(g, of) && g->phase->streams < of->phase->streams && g->ttft.n >= 2 &&
           (best == NULL || g->phase->streams > best->phase->streams);
}

/* The same load with the next fewer streams; NULL: none. */
static const struct group *before(const struct facts *d, const struct group *of)
{
    const struct group *best = NULL;
    for (size_t i = 0; i < d->groups; i++)
        if (better_base(&d->group[i], best, of))
            best = &d->group[i];
    return best;
}

/* More streams that add nothing to the output, and only wait longer. */
static bool queued(const struct group *g, const struct group *fewer)
{
    return fewer != NULL && g->ttft.n >= 4 && g->ttft.p50 > 1.5 * fewer->ttft.p50 && g->rate < 1.15 * fewer->rate &&
           !(g->waiting < 1);
}

static const struct group *first_queued(const struct facts *d)
{
    const struct group *first = NULL;
    for (size_t i = 0; i < d->groups; i++) {
        const struct group *g = &d->group[i];
        if (queued(g, before(d, g)) && (first == NULL || g->phase->streams < first->phase->streams))
            first = g;
    }
    return first;
}

static bool queueing(const struct facts *d, struct insight *o)
{
    const struct group *g = first_queued(d);
    if (g == NULL)
        return false;
    const struct group *b = before(d, g);
    char t1[FMT_SIZE], t2[FMT_SIZE], r1[FMT_SIZE], r2[FMT_SIZE], limit[64] = "";
    if (isfinite(g->running) && g->running < g->phase->streams)
        snprintf(limit, sizeof limit, " (it ran %.0f at once)", g->running);
    SAY(sentence, "Above %d streams requests queue at the server%s: more streams give no more output.", b->phase->streams, limit);
    SAY(evidence, "%d → %d streams: first token after %s → %s (median), output %s → %s tok/s", b->phase->streams,
        g->phase->streams, fmt_ms(t1, b->ttft.p50), fmt_ms(t2, g->ttft.p50), fmt_rate(r1, b->rate), fmt_rate(r2, g->rate));
    const cJSON *process = run_file_process(d->file);
    const cJSON *told = cJSON_GetObjectItemCaseSensitive(process, "max_num_seqs");
    char is[48] = "vLLM: --max-num-seqs";
    if (cJSON_IsNumber(told))
        snprintf(is, sizeof is, "%.0f, by its command line", told->valuedouble);
    SAY(advice, "Raise the server's own limit (%s) if memory allows, or send %d at a time.", is, b->phase->streams);
    return true;
}

static bool decode_scaling(const struct facts *d, struct insight *o)
{
    const struct group *stop = first_queued(d), *one = NULL, *most = NULL;
    for (size_t i = 0; i < d->groups; i++) {
        const struct group *g = &d->group[i];
        if (g->phase->streams == 1 && g->decode.n >= 2 && isfinite(g->rate))
            for (size_t k = 0; k < d->groups; k++) {
                const struct group *h = &d->group[k];
                bool usable = alike(g, h) && h->phase->streams >= 2 && h->decode.n >= 4 && isfinite(h->rate) &&
                              (stop == NULL || h->phase->streams < stop->phase->streams);
                if (usable && (most == NULL || h->phase->streams > most->phase->streams)) {
                    one = g;
                    most = h;
                }
            }
    }
    if (most == NULL)
        return false;
    double n = most->phase->streams, kept = most->decode.mean / one->decode.mean, gain = most->rate / one->rate;
    char a[FMT_SIZE], b[FMT_SIZE], c[FMT_SIZE], e[FMT_SIZE];
    if (kept >= 0.7 && gain >= 0.7 * n)
        SAY(sentence, "Streams hardly slow each other down: up to %.0f of them share the work of reading the weights, as is usual "
                      "where memory bandwidth is the limit.", n);
    else if (kept * n < 1.3)
        SAY(sentence, "Streams only share what one of them had: the server is limited by computing, or works on one at a time.");
    else if (gain < 1.3)
        SAY(sentence, "Streams decode side by side, but all together give hardly more than one: most of the time goes into prefill, which they share.");
    else
        SAY(sentence, "Each stream slows the others down, but %.0f of them give %.1f times the output of one.", n, gain);
    SAY(evidence, "decode rate of a stream %s tok/s alone, %s with %.0f streams; all together %s → %s tok/s",
        fmt_rate(a, one->decode.mean), fmt_rate(b, most->decode.mean), n, fmt_rate(c, one->rate), fmt_rate(e, most->rate));
    if (kept >= 0.7 && gain >= 0.7 * n)
        SAY(advice, "Serve several users or agents at once: the output grows nearly for nothing up to there.");
    return true;
}

/* Least squares of TTFT over uncached context, one stream. */
static bool prefill_linear(const struct facts *d, struct insight *o)
{
    double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0, syy = 0, least = (double)INFINITY, most = 0;
    for (size_t i = 0; i < d->file->rows_n; i++) {
        const struct row *r = run_file_row(d->file, i);
        double y = ttft_of(r), x = (double)(r->tl.prompt_tokens - MAX_OF(r->tl.cached_tokens, 0));
        const struct run_phase *p = phase_of(d->file, r);
        if (isnan(y) || p == NULL || p->streams != 1 || d->newness[i] != FRESH || r->tl.prompt_tokens <= 0)
            continue;
        n++;
        sx += x;
        sy += y;
        sxx += x * x;
        sxy += x * y;
        syy += y * y;
        least = MIN_OF(least, x);
        most = MAX_OF(most, x);
    }
    double vx = sxx - sx * sx / n, vy = syy - sy * sy / n, c = sxy - sx * sy / n;
    if (n < 4 || most < 2 * least || most < 512 || vx <= 0 || vy <= 0 || c <= 0 || c * c / (vx * vy) < 0.9)
        return false;
    double per_token = c / vx, fixed = sy / n - per_token * sx / n;
    char a[FMT_SIZE], b[FMT_SIZE], e[FMT_SIZE], g[FMT_SIZE];
    SAY(sentence, "The time to the first token grows in proportion to the new part of the prompt: prefill runs at about %s tok/s.",
        fmt_rate(a, 1000 / per_token));
    SAY(evidence, "%.0f requests of one stream, %s to %s new tokens: %s and %s for each 1k of them (r² %.2f)", n,
        fmt_tokens(a, least), fmt_tokens(b, most), fmt_ms(e, MAX_OF(fixed, 0)), fmt_ms(g, per_token * 1024), c * c / (vx * vy));
    SAY(advice, "A new prompt of 16k would take about %s here.", fmt_ms(a, MAX_OF(fixed, 0) + per_token * 16384));
    return true;
}

static bool client_was_limit(const struct run_file *f)
{
    const cJSON *client = cJSON_GetObjectItemCaseSensitive(f->summary, "client");
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(client, "limited"));
}

/* Three requests or more of a phase that ended well, each slower to decode than the one before, the last by a tenth or more than
 * the first. */
static bool decode_fell(const struct run_file *f, const struct run_phase *p, double *from, double *to)
{
    size_t n = 0;
    for (size_t i = 0; i < f->rows_n; i++) {
        const struct row *r = run_file_row(f, i);
        if (r->phase != p->id || !timed(r))
            continue;
        double v[M_REQUEST_COUNT_];
        timeline_numbers(&r->tl, v);
        double rate = v[M_DECODE_RATE];
        if (!isfinite(rate) || (n > 0 && rate >= *to))
            return false;
        if (n++ == 0)
            *from = rate;
        *to = rate;
    }
    return p->streams == 1 && n >= 3 && *to < 0.9 * *from;
}

void insight_variance(const struct run_file *f, const struct run_phase *p, char *out, size_t size)
{
    struct row first = {0};
    size_t first_at = f->rows_n, later_cached = 0, later = 0, failed = 0;
    double rest = 0, most = 0;
    for (size_t i = 0; i < f->rows_n; i++) {
        const struct row *r = run_file_row(f, i);
        if (r->phase != p->id)
            continue;
        failed += r->tl.outcome != OUT_OK && r->tl.outcome != OUT_CANCELLED; /* the latter was our own will */
        if (!timed(r))
            continue;
        if (first_at == f->rows_n || r->tl.sent < first.tl.sent) {
            first = *r;
            first_at = i;
        }
    }
    out[0] = '\0';
    for (size_t i = 0; i < f->rows_n && first_at < f->rows_n; i++) {
        const struct row *r = run_file_row(f, i);
        if (r->phase != p->id || i == first_at || !timed(r))
            continue;
        later++;
        later_cached += cached(r);
        rest += ttft_of(r);
        most = MAX_OF(most, (double)(r->tl.end - r->tl.sent));
    }
    if (failed > 0) {
        snprintf(out, size, "%zu failed", failed);
        return;
    }
    if (later == 0)
        return;
    if (client_was_limit(f)) {
        snprintf(out, size, "this client was the limit, not the server");
        return;
    }
    bool slow_first = (double)(first.tl.end - first.tl.sent) > most && ttft_of(&first) > 1.5 * rest / (double)later;
    double from = 0, to = 0;
    char x[FMT_SIZE], y[FMT_SIZE];
    if (slow_first && uncached(&first) && later_cached == later)
        snprintf(out, size, "the first was new to the prefix cache, the later ones were in it");
    else if (decode_fell(f, p, &from, &to))
        snprintf(out, size, "each decoded slower than the one before (%s → %s tok/s), as at a power or temperature limit",
                 fmt_rate(x, from), fmt_rate(y, to));
    else if (slow_first && p->repeated && first.tl.cached_tokens < 0)
        snprintf(out, size, "the first waited longest: the later ones look cached (the server does not tell)");
    else if (slow_first)
        snprintf(out, size, "the first waited longest for its first token");
}

#define SAME_SIZE 0.10 /* standard deviation of requests' tokens, of their mean */

/* Mean and sum of squares beside it, value by value (Welford 1962): a file may have a million. */
struct spread {
    double n, mean, squares;
};

static void spread_add(struct spread *s, double v)
{
    double off = v - s->mean;
    s->n++;
    s->mean += off / s->n;
    s->squares += off * (v - s->mean);
}

static bool alike_in_size(const struct spread *s)
{
    return !(s->n > 1) || !(sqrt(s->squares / (s->n - 1)) > SAME_SIZE * s->mean);
}

bool insight_one_size(const struct run_file *f, const struct run_phase *p)
{
    struct spread in = {0}, out = {0};
    for (size_t i = 0; i < f->rows_n; i++) {
        const struct row *r = run_file_row(f, i);
        if ((p != NULL && r->phase != p->id) || r->tl.outcome != OUT_OK)
            continue;
        spread_add(&in, (double)(r->tl.prompt_tokens > 0 ? r->tl.prompt_tokens : r->context));
        if (r->tl.output_tokens > 0)
            spread_add(&out, (double)r->tl.output_tokens);
    }
    return out.n >= 2 && alike_in_size(&in) && alike_in_size(&out);
}

static bool variance(const struct facts *d, struct insight *o)
{
    const struct group *worst = NULL;
    double worst_cv = 0.30;
    for (size_t i = 0; i < d->groups; i++) {
        struct dist e2e;
        tally_dist(&d->group[i].tally, M_E2E, &e2e);
        double cv = e2e.stddev / e2e.mean;
        if (e2e.n >= 3 && cv >= worst_cv && d->group[i].phase->streams == 1 && insight_one_size(d->file, d->group[i].phase)) {
            worst = &d->group[i];
            worst_cv = cv;
        }
    }
    if (worst == NULL)
        return false;
    char why[160], n[FMT_SIZE];
    insight_variance(d->file, worst->phase, why, sizeof why);
    SAY(sentence, "Requests of the same size take very different times%s%s.", why[0] != '\0' ? ": " : "; nothing here shows why", why);
    SAY(evidence, "context %s, output %" PRId64 ": standard deviation %.0f %% of the mean end-to-end time, %" PRIu64 " requests",
        fmt_context(n, (double)worst->phase->context), worst->phase->max_tokens, worst_cv * 100, worst->ttft.n);
    if (why[0] == '\0')
        SAY(advice, "Look for other load on the machine, power or temperature limits; more runs tell chance from cause.");
    return true;
}

static bool throttling(const struct facts *d, struct insight *o)
{
    const struct run_file *f = d->file;
    bool found = false;
    if (run_file_one_load(f) && !run_file_even_load(f)) /* a ramp, or a trace */
        return false;
    double *v = xcalloc(f->samples_n + 1, sizeof *v);
    for (size_t i = 0; i < d->groups && !found; i++) {
        size_t n = 0;
        for (size_t k = 0; k + 1 < f->samples_n; k++) {
            double seconds, tokens;
            bool inside = f->samples[k].phase == d->group[i].phase->id && f->samples[k + 1].phase == d->group[i].phase->id;
            if (inside && run_file_interval(f, k, &seconds, &tokens))
                v[n++] = tokens / seconds;
        }
        if (n < 60)
            continue;
        struct dist a, b;
        size_t third = n / 3;
        double from = 0, to = 0;
        for (size_t k = 0; k < third; k++) {
            from += v[k] / (double)third;
            to += v[n - 1 - k] / (double)third;
        }
        dist_of_values(&a, v, third);
        dist_of_values(&b, v + n - third, third);
        double error = sqrt((a.stddev * a.stddev + b.stddev * b.stddev) / (double)third);
        if (!(to < 0.9 * from) || from - to < 4 * error)
            continue;
        char x[FMT_SIZE], y[FMT_SIZE];
        SAY(sentence, "The output fell while the load stayed the same: the machine may have reached a power or temperature limit.");
        SAY(evidence, "first third of %zu s: %s tok/s; last third: %s tok/s", n, fmt_rate(x, from), fmt_rate(y, to));
        SAY(advice, "Watch clocks, power and temperature; compare with a run after the machine has cooled down.");
        found = true;
    }
    free(v);
    return found;
}

/* The one that changed most of all. */
static bool drift(const struct facts *d, struct insight *o)
{
    static const struct {
        enum window_value v;
        const char *what, *unit;
        bool less_is_better;
    } of[] = {{WINDOW_RATE, "The output", "tok/s", false},
              {WINDOW_TTFT, "The time to first token", "ms", true},
              {WINDOW_DECODE, "The decode rate of a stream", "tok/s", false}};
    struct drift all[WINDOW_VALUES];
    double most = 0.03;
    size_t at = ARRAY_LEN(of);
    drift_find(d->file, all);
    for (size_t i = 0; i < ARRAY_LEN(of); i++) {
        double share = fabs(all[of[i].v].total / all[of[i].v].mean);
        if (all[of[i].v].even && share >= most) {
            most = share;
            at = i;
        }
    }
    if (at == ARRAY_LEN(of))
        return false;
    const struct drift *x = &all[of[at].v];
    char a[FMT_SIZE], b[FMT_SIZE], c[FMT_SIZE], e[FMT_SIZE], p[FMT_SIZE];
    bool worse = (x->slope > 0) == of[at].less_is_better;
    SAY(sentence, "%s %s by %s %s an hour while the load stayed the same: %s over %s.", of[at].what, x->slope > 0 ? "rose" : "fell",
        fmt_rate(a, fabs(x->slope)), of[at].unit, fmt_percent(p, most), fmt_about(b, x->over_s));
    SAY(evidence, "%s ± %s %s an hour (95 %%), by the means of %zu windows of %s", fmt_rate(a, fabs(x->slope)), fmt_rate(c, x->margin), of[at].unit,
        x->n, fmt_about(e, x->step_s));
    if (worse)
        SAY(advice, "Look what grows with time: temperature and clocks, memory, the server's caches and its log. A restart of the server in "
                    "the middle of such a run tells it from the machine.");
    return true;
}

static bool client_limited(const struct facts *d, struct insight *o)
{
    const cJSON *client = cJSON_GetObjectItemCaseSensitive(d->file->summary, "client");
    const cJSON *why = cJSON_GetObjectItemCaseSensitive(client, "reason");
    if (!client_was_limit(d->file))
        return false;
    SAY(sentence, "The machine that ran tokgauge was the limit: these figures are its, not the server's.");
    str_sanitise(o->evidence, sizeof o->evidence, cJSON_IsString(why) ? why->valuestring : "no reason in the file",
                 cJSON_IsString(why) ? strlen(why->valuestring) : 21);
    SAY(advice, "Run it on another machine, or with fewer streams.");
    return true;
}

static bool tool_parser(const struct facts *d, struct insight *o)
{
    for (size_t i = 0; i < d->file->rows_n; i++) {
        const struct row *r = run_file_row(d->file, i);
        if (strstr(r->error, "enable-auto-tool-choice") == NULL && strstr(r->error, "tool-call-parser") == NULL)
            continue;
        SAY(sentence, "The server refuses requests with tools: it was started without a parser for tool calls.");
        str_sanitise(o->evidence, sizeof o->evidence, r->error, strlen(r->error));
        SAY(advice, "Start vLLM with --enable-auto-tool-choice and the --tool-call-parser of this model. The model is not at fault.");
        return true;
    }
    return false;
}

static bool failures(const struct facts *d, struct insight *o)
{
    const struct tally *t = &d->file->total;
    uint64_t failed = tally_failed(t), ended = t->requests - t->outcome[OUT_CANCELLED]; /* that was our own will */
    int worst = OUT_OK + 1;
    if (failed == 0)
        return false;
    for (int k = OUT_OK + 1; k < OUT_CANCELLED; k++)
        if (t->outcome[k] > t->outcome[worst])
            worst = k;
    char p[FMT_SIZE];
    SAY(sentence, "%s of the requests failed; no figure of time has them in it.", fmt_percent(p, (double)failed / (double)ended));
    SAY(evidence, "%" PRIu64 " of %" PRIu64 ", most as %s: %s", failed, ended, outcome_name((enum outcome)worst),
        outcome_meaning((enum outcome)worst));
    SAY(advice, "%s", outcome_advice((enum outcome)worst));
    return true;
}

/* In the order of the manual. */
const struct insight_rule insight_rules[INSIGHT_RULES] = {
    {"client_limited", "the machine that ran tokgauge was the limit"},
    {"failures", "requests failed"},
    {"capacity", "the answer of --find-capacity"},
    {"objectives", "how many of 20 requests or more met --slo"},
    {"cut_off", "requests that were cancelled at the end had run longer than 95 % of those that ended: 2 or more, a hundredth of all"},
    {"overload", "a twentieth of the requests of an open loop waited more than a second for a free stream"},
    {"tool_parser", "the server was started without a parser for tool calls"},
    {"server_changed", "the server was restarted, changed its model, or is several in turn"},
    {"other_clients", "the server ended more requests than were sent to it from here"},
    {"two_counts", "output tokens by the server's counter and by its answers differ by more than failed requests explain"},
    {"cold_start", "the first request of all took three times as long as later ones, and 0.3 s more"},
    {"prefix_cache", "prompts that were cached got their first token in half the time of new ones"},
    {"queueing", "more streams raised TTFT by half and the output by less than 15 %"},
    {"queue_time", "by the server's clock a third of TTFT is waiting in its queue, and 50 ms"},
    {"server_ttft", "TTFT here is a fifth longer than by the server's clock, and 20 ms"},
    {"sequence_limit", "how many sequences the server runs at once, where it does not tell: the plateau while others wait"},
    {"decode_scaling", "how the decode rate of a stream falls as streams are added"},
    {"prefix_unexpected", "prompts that were meant to be new were found in the prefix cache"},
    {"prefill_linear", "TTFT grows in proportion to the new tokens of the prompt (r² above 0.9)"},
    {"context_cost", "how the decode rate of a stream falls as the context grows fourfold or more"},
    {"turns", "whether later turns of a conversation wait longer for their first token than the first"},
    {"variance", "end-to-end times of the same load differ by 30 % or more"},
    {"throttling", "the output of one load fell by a tenth in a minute or more, beyond four standard errors"},
    {"drift", "output, TTFT or decode rate changed evenly under one load of ten minutes or more, for certain (95 %), by 3 % or more in all"},
    {"gpu_limited", "power or temperature held the GPU back for a twentieth of the time, or of the looks at it"},
    {"preemptions", "the server put sequences back for want of KV cache"},
    {"kv_full", "the KV cache was full (95 %) without that"},
    {"drafts", "how much of speculative decoding was accepted, of 200 drafted tokens or more"},
    {"kv_growth", "whether memory grows with the tokens in flight, by the means of three loads or more"},
    {"memory_growth", "memory grew under one load of ten minutes or more, for certain (95 %)"},
    {"memory_headroom", "how much memory was left, and what the KV cache had to do with it"},
};
static insight_fn *const conditions[INSIGHT_RULES] = {
    client_limited, failures, insight_capacity, insight_objectives, insight_cut_off, insight_overload, tool_parser, insight_server_changed, insight_other_clients, insight_two_counts, cold_start,
    prefix_cache, queueing, insight_queue_time, insight_server_ttft, insight_sequence_limit, decode_scaling,
    insight_prefix_unexpected, prefill_linear, insight_context_cost, insight_turns, variance, throttling, drift, insight_gpu_limited, insight_preemptions, insight_kv_full,
    insight_drafts, insight_kv_growth, insight_memory_growth, insight_memory_headroom};

size_t insight_find(const struct run_file *f, struct insight *out)
{
    struct facts d;
    size_t n = 0;
    gather(&d, f);
    for (size_t i = 0; i < INSIGHT_RULES; i++) {
        out[n] = (struct insight){.rule = insight_rules[i].name};
        n += conditions[i](&d, &out[n]);
    }
    release(&d);
    return n;
}
