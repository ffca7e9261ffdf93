#include "report/compare.h"

#include "stats.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPEAT_MIN 3 /* requests; fewer are no repeat of a load */
#define SEED 1       /* of the bootstrap: the same files give the same verdict */
#define WRITTEN 2e-6 /* share: as exact as six decimals are where a figure is half a ms */

/* ---- runs ---- */

bool compare_run_load(struct compare_run *r, const char *path, struct err *e)
{
    *r = (struct compare_run){NULL, NULL};
    FILE *in = fopen(path, "re");
    if (in == NULL)
        return err_set(e, "cannot read run file '%s': %s", path, strerror(errno));
    if (vllm_file_probe(in))
        r->vllm = vllm_file_read(in, path, e);
    else
        r->own = run_file_read(in, path, e);
    fclose(in);
    return (r->vllm != NULL || r->own != NULL) && compare_run_usable(r, e);
}

void compare_run_release(struct compare_run *r)
{
    run_file_free(r->own);
    vllm_file_free(r->vllm);
}

bool compare_run_usable(const struct compare_run *r, struct err *e)
{
    const char *path = compare_run_path(r);
    double ok = r->vllm != NULL ? r->vllm->totals.completed : (double)r->own->total.outcome[OUT_OK];
    double all = r->vllm != NULL ? ok + r->vllm->totals.failed : (double)r->own->total.requests;
    if (ok > 0)
        return true;
    if (all > 0)
        return err_set(e, "none of the %.0f requests of '%s' ended well: there is nothing to compare", all, path);
    return err_set(e, "'%s' holds no measured request: there is nothing to compare", path);
}

char *compare_run_name(const struct compare_run *r)
{
    return r->vllm != NULL ? r->vllm->name : r->own->name;
}

const char *compare_run_path(const struct compare_run *r)
{
    return r->vllm != NULL ? r->vllm->path : r->own->path;
}

/* ---- what a run has of a figure ---- */

/* Requests that are sent when they are due wait for each other where the server is busy: then a value tells of its
 * neighbours.  Where a stream sends its next request when the last has ended, they hardly do. */
enum order {
    ORDER_NONE, /* they do not depend on each other */
    ORDER_TIME, /* they do, and stand in the order of time */
    ORDER_LOST  /* they do, and nobody knows their order any more */
};

struct values {
    double *v; /* owned */
    size_t n;
    enum order order;
    double alone; /* where there are no values: the figure itself; NAN unknown */
};

/* A file without a row for each request has the shape of their distribution: so many values of the same shape. */
#define SHAPE_VALUES 10000
static void of_shape(const struct run_file *f, enum metric_id m, struct values *out)
{
    const struct hist *h = f->total.hist[m];
    out->n = h != NULL ? (size_t)MIN_OF(h->count, (uint64_t)SHAPE_VALUES) : 0;
    out->order = run_file_open_loop(f) ? ORDER_LOST : ORDER_NONE;
    out->v = xcalloc(out->n + 1, sizeof *out->v);
    for (size_t i = 0; i < out->n; i++) /* the ranks themselves, so that their quantiles are those of the histogram */
        out->v[i] = hist_quantile(h, out->n > 1 ? (double)i / (double)(out->n - 1) : 0.5) / metrics[m].scale;
}

/* Of the requests that ended well, in the order in which they ended. */
static void of_requests(const struct run_file *f, enum metric_id m, bool by_vllm, struct values *out)
{
    out->v = xcalloc(f->rows_n + 1, sizeof *out->v);
    out->order = run_file_open_loop(f) ? ORDER_TIME : ORDER_NONE;
    for (size_t i = 0; i < f->rows_n; i++) {
        const struct timeline *t = &run_file_row(f, i)->tl;
        double v[M_REQUEST_COUNT_];
        if (t->outcome != OUT_OK)
            continue;
        timeline_numbers(t, v);
        struct vllm_request theirs = vllm_request(t);
        double x = by_vllm ? vllm_request_number(&theirs, m) : v[m];
        if (isfinite(x))
            out->v[out->n++] = x;
    }
}

/* Tokens a second between samples that lie within the load. */
static void of_samples(const struct run_file *f, struct values *out)
{
    double seconds, tokens;
    out->v = xcalloc(f->samples_n + 1, sizeof *out->v);
    out->order = ORDER_TIME;
    for (size_t i = 0; i + 1 < f->samples_n; i++)
        if (run_file_interval(f, i, &seconds, &tokens))
            out->v[out->n++] = tokens / seconds;
}

static void of_vllm(const struct vllm_file *f, const struct figure *g, struct values *out)
{
    out->v = xcalloc(f->requests_n + 1, sizeof *out->v);
    out->order = isfinite(vllm_file_rate(f)) ? ORDER_TIME : ORDER_NONE;
    for (size_t i = 0; i < f->requests_n; i++) {
        double x = vllm_request_number(&f->requests[i], g->metric);
        if (isfinite(x))
            out->v[out->n++] = x;
    }
    if (out->n == 0)
        out->alone = vllm_file_figure(f, g->metric, g->quantile);
}

/* The caller frees v. */
static struct values values_of(const struct compare_run *r, const struct figure *g, bool by_vllm)
{
    struct values out = {.alone = (double)NAN};
    if (r->vllm != NULL) {
        of_vllm(r->vllm, g, &out);
    } else if (!r->own->rows_whole && (by_vllm || g->metric != M_OUTPUT_RATE)) {
        if (!by_vllm) /* their figures need the moments of each request */
            of_shape(r->own, g->metric, &out);
    } else if (g->metric != M_OUTPUT_RATE) {
        of_requests(r->own, g->metric, by_vllm, &out);
    } else if (by_vllm) {
        struct vllm_totals t = vllm_totals(r->own);
        out.alone = t.output_tokens / t.seconds;
    } else {
        of_samples(r->own, &out);
    }
    return out;
}

/* ---- comparing ---- */

/* Sorts the values. */
static double figure_of(const struct values *x, double quantile)
{
    struct dist d;
    if (x->n == 0)
        return x->alone;
    dist_of_values(&d, x->v, x->n);
    return quantile > 0 ? stats_quantile(x->v, x->n, quantile) : d.mean;
}

/* Of one of them only a number is known, or not how its values depend on each other: numbers that are equal, as far as
 * they are written, are the same; others are not judged. */
static void compare_alone(const struct figure *g, const struct values *x, const struct values *y,
                          const struct compare_rule *rule, struct comparison *c)
{
    double a = figure_of(x, g->quantile), b = figure_of(y, g->quantile);
    compare_numbers(a, fabs(a - b) <= WRITTEN * fabs(a) ? a : b, rule, c);
    if (c->verdict == VERDICT_UNSURE)
        c->verdict = VERDICT_NONE;
}

/* How far repeats of one load lie apart within a run: a pause parts them.  NAN: it has none. */
static double spread_of_repeats(const struct run_file *f, const struct figure *g)
{
    double least = (double)NAN, most = (double)NAN;
    if (f == NULL || f->phases_n < 2 || !run_file_one_load(f))
        return (double)NAN;
    for (size_t i = 0; i < f->phases_n; i++) {
        struct tally t;
        struct dist d;
        run_file_phase(f, f->phases[i].id, &t);
        tally_dist(&t, g->metric < M_LATENCY_COUNT_ ? g->metric : M_E2E, &d);
        double q = g->quantile > 0.9 ? d.p95 : g->quantile > 0 ? d.p50 : d.mean;
        double v = g->metric == M_OUTPUT_RATE ? run_file_phase_rate(f, f->phases[i].id) : q;
        bool some = d.n >= REPEAT_MIN && isfinite(v);
        if (some && !(least <= v))
            least = v;
        if (some && !(most >= v))
            most = v;
        tally_release(&t);
    }
    return most - least;
}

static double larger(double a, double b)
{
    return isnan(a) || b > a ? b : a;
}

static void compare_figure(const struct figure *g, const struct values *x, const struct values *y, double min_effect,
                           double spread, struct comparison *c)
{
    const struct compare_rule rule = {metrics[g->metric].better == BETTER_HIGHER ? 1 : -1, min_effect, spread};
    bool series = x->order == ORDER_TIME || y->order == ORDER_TIME;
    if (isfinite(x->alone) || isfinite(y->alone) || x->order == ORDER_LOST || y->order == ORDER_LOST)
        compare_alone(g, x, y, &rule, c);
    else if (series && g->quantile > 0)
        compare_series_quantile(x->v, x->n, y->v, y->n, g->quantile, COMPARE_BLOCK, SEED, &rule, c);
    else if (series)
        compare_series_means(x->v, x->n, y->v, y->n, COMPARE_BLOCK, SEED, &rule, c);
    else if (g->quantile > 0)
        compare_quantile(x->v, x->n, y->v, y->n, g->quantile, SEED, &rule, c);
    else
        compare_means(x->v, x->n, y->v, y->n, &rule, c);
}

/* ---- memory ---- */

const char *const compare_pools[COMPARE_POOLS] = {"RAM peak", "GTT peak"};

static void peaks(const struct run_file *f, double peak[COMPARE_POOLS])
{
    for (int k = 0; k < COMPARE_POOLS; k++)
        peak[k] = (double)NAN;
    for (size_t i = 0; f != NULL && i < f->samples_n; i++) {
        const double used[COMPARE_POOLS] = {f->samples[i].ram_used, f->samples[i].gtt_used};
        for (int k = 0; k < COMPARE_POOLS && f->samples[i].loading; k++)
            if (isfinite(used[k]) && !(peak[k] >= used[k]))
                peak[k] = used[k];
    }
}

/* How many requests ended, cancelled ones left out, and how many of them failed; NAN: not known. */
static double ended(const struct compare_run *r, double *failed)
{
    if (r->vllm != NULL) {
        *failed = r->vllm->totals.failed;
        return r->vllm->totals.completed + *failed;
    }
    const struct tally *t = &r->own->total;
    *failed = (double)tally_failed(t);
    return (double)(t->requests - t->outcome[OUT_CANCELLED]);
}

static void compare_failed(const struct compare_run *a, const struct compare_run *b, double min_effect, struct comparison *c)
{
    const struct compare_rule rule = {-1, min_effect, (double)NAN};
    double failed_a, failed_b, n_a = ended(a, &failed_a), n_b = ended(b, &failed_b);
    if (isnan(failed_a) || isnan(failed_b))
        compare_numbers(failed_a / n_a, failed_b / n_b, &rule, c);
    else
        compare_shares(failed_a, (size_t)n_a, failed_b, (size_t)n_b, &rule, c);
}

void compare_runs(const struct compare_run *a, const struct compare_run *b, double min_effect, struct compared *c)
{
    *c = (struct compared){.by_vllm = a->vllm != NULL || b->vllm != NULL};
    compare_object(a, b, c);
    peaks(a->own, c->peak_a);
    peaks(b->own, c->peak_b);
    compare_failed(a, b, min_effect, &c->failed);
    for (size_t i = 0; i < FIGURES_N; i++) {
        struct values x = values_of(a, &figures[i], c->by_vllm), y = values_of(b, &figures[i], c->by_vllm);
        double spread = larger(spread_of_repeats(a->own, &figures[i]), spread_of_repeats(b->own, &figures[i]));
        compare_figure(&figures[i], &x, &y, min_effect, spread, &c->figures[i]);
        free(x.v);
        free(y.v);
    }
}
