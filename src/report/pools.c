#include "report/pools.h"
#include "report/drift.h"
#include "stats.h"

#include <math.h>
#include <stdlib.h>

#define GROWTH_LEAST_S 600.0
#define SETTLE_S 120.0
#define BLOCK_S 30.0 /* neighbours in time resemble each other: means of blocks less so, and how much is reckoned with */

const char *const pool_names[POOL_KINDS] = {"RAM", "GTT", "VRAM"};

double pool_used(const struct run_sample *s, enum pool_kind k)
{
    return k == POOL_RAM ? s->ram_used : k == POOL_GTT ? s->gtt_used : s->vram_used;
}

double pool_total(const struct run_sample *s, enum pool_kind k)
{
    if (k == POOL_GTT) /* what can really be used of it */
        return s->gtt_ceiling < s->gtt_total ? s->gtt_ceiling : s->gtt_total;
    return k == POOL_RAM ? s->ram_total : s->vram_total;
}

void pool_facts(const struct run_file *f, enum pool_kind k, const struct run_phase *phase, struct pool_facts *out)
{
    double nan = (double)NAN, sum = 0, n = 0;
    bool loaded = false;
    *out = (struct pool_facts){nan, nan, nan, nan, nan};
    for (size_t i = 0; i < f->samples_n; i++) {
        const struct run_sample *s = &f->samples[i];
        double v = pool_used(s, k), total = pool_total(s, k);
        loaded = loaded || s->loading;
        if (!isfinite(v))
            continue;
        if (isnan(out->idle))
            out->idle = v; /* the file's first sample is taken as the load begins */
        out->after = v;
        if (isfinite(total))
            out->total = total;
        bool inside = phase == NULL ? loaded : s->phase == phase->id && s->loading && s->t > phase->t;
        if (!inside)
            continue;
        if (!(out->peak >= v))
            out->peak = v;
        if (phase == NULL && !s->loading)
            continue;
        sum += v;
        n++;
    }
    out->load = n > 0 ? sum / n : nan;
}

/* Means of blocks of the samples of a stretch under load; returns how many, `most` at the most. */
static size_t block_means(const struct run_file *f, enum pool_kind k, double from, double to, size_t most, double *x, double *y)
{
    size_t blocks = 0;
    double sum = 0, n = 0, begin = from;
    for (size_t i = 0; i < f->samples_n && blocks < most; i++) {
        const struct run_sample *s = &f->samples[i];
        double v = pool_used(s, k);
        if (!s->loading || s->t < from || s->t > to || !isfinite(v))
            continue;
        if (s->t >= begin + BLOCK_S) {
            if (n > 0) {
                x[blocks] = begin + BLOCK_S / 2;
                y[blocks++] = sum / n;
            }
            begin += BLOCK_S * floor((s->t - begin) / BLOCK_S);
            sum = n = 0;
        }
        sum += v;
        n++;
    }
    return blocks;
}

struct pool_slope pool_growth(const struct run_file *f, enum pool_kind k)
{
    struct pool_slope out = {(double)NAN, (double)NAN, 0, false, false};
    double from = (double)NAN, to = (double)NAN;
    for (size_t i = 0; i < f->samples_n; i++)
        if (f->samples[i].loading) {
            from = isnan(from) ? f->samples[i].t : from;
            to = f->samples[i].t;
        }
    if (!run_file_even_load(f) || !(to - from >= GROWTH_LEAST_S))
        return out;
    size_t most = (size_t)((to - from) / BLOCK_S) + 2;
    double *x = xcalloc(most, sizeof *x), *y = xcalloc(most, sizeof *y);
    size_t n = block_means(f, k, from + SETTLE_S, to, most, x, y);
    struct stats_line l = stats_line(x, y, n), early = stats_line(x, y, n / 2), late = stats_line(x + n / 2, y + n / 2, n - n / 2);
    struct drift remembers; /* the same line, with what neighbouring blocks remember of each other */
    drift_of(x, y, n, &remembers);
    double wider = remembers.margin > l.margin ? remembers.margin / l.margin : 1;
    free(x);
    free(y);
    bool up = early.slope > early.margin * wider && late.slope > late.margin * wider;
    bool down = early.slope < -early.margin * wider && late.slope < -late.margin * wider;
    if (n >= 10)
        out = (struct pool_slope){l.slope * 3600, l.margin * wider * 3600, to - from - SETTLE_S, up || down, fabs(l.slope) > l.margin};
    return out;
}

/* How much the pool still rose in the second half of a phase: more than unrest means that time, and not the load, makes it
 * grow. */
static double late_rise(const struct run_file *f, enum pool_kind k, const struct run_phase *p)
{
    double sum[4] = {0}, n[4] = {0}, to = p->t;
    for (size_t i = 0; i < f->samples_n; i++)
        if (f->samples[i].phase == p->id && f->samples[i].loading)
            to = fmax(to, f->samples[i].t);
    for (size_t i = 0; i < f->samples_n && to > p->t; i++) {
        const struct run_sample *s = &f->samples[i];
        double v = pool_used(s, k);
        if (s->phase != p->id || !s->loading || s->t <= p->t || !isfinite(v))
            continue;
        int quarter = (int)((s->t - p->t) / (to - p->t) * 4);
        sum[quarter < 3 ? quarter : 3] += v;
        n[quarter < 3 ? quarter : 3]++;
    }
    return n[2] > 0 && n[3] > 0 ? 2 * (sum[3] / n[3] - sum[2] / n[2]) : 0;
}

struct pool_slope pool_per_token(const struct run_file *f, enum pool_kind k)
{
    struct pool_slope out = {(double)NAN, (double)NAN, 0, false, false};
    double *x = xcalloc(f->phases_n + 1, sizeof *x), *y = xcalloc(f->phases_n + 1, sizeof *y);
    double least = (double)INFINITY, most = 0, low = (double)INFINITY, high = 0, risen = 0;
    size_t n = 0;
    for (size_t i = 0; i < f->phases_n; i++) {
        const struct run_phase *p = &f->phases[i];
        struct pool_facts facts;
        pool_facts(f, k, p, &facts);
        double streams = p->streams, running = (double)NAN;
        for (size_t s = 0; s < f->samples_n; s++)
            if (f->samples[s].phase == p->id && f->samples[s].loading && !(running >= f->samples[s].running))
                running = f->samples[s].running;
        double tokens = (running < streams ? running : streams) * (run_file_phase_context(f, p) + (double)p->max_tokens);
        if (!isfinite(facts.load) || !(tokens > 0))
            continue;
        x[n] = tokens;
        y[n++] = facts.load;
        least = fmin(least, tokens);
        most = fmax(most, tokens);
        low = fmin(low, facts.load);
        high = fmax(high, facts.load);
        risen += late_rise(f, k, p);
    }
    if (n >= 3 && most >= 2 * least && !(risen > 0.2 * (high - low) && high - low > 0)) {
        struct stats_line l = stats_line(x, y, n);
        out = (struct pool_slope){l.slope, l.margin, most - least, true, true};
    }
    free(x);
    free(y);
    return out;
}
