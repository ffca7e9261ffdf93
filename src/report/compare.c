/* Comparing two runs: all of them, and load by load. */
#include "report/compare_values.h"

#include "capacity.h"
#include "report/matrix_tables.h"
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

static bool in_part(const struct split *s, size_t phase, size_t part)
{
    return s->part == NULL || s->part[phase] == (int)part;
}

/* What each phase comes to by itself, where its part has others: a pause parted them, or a matrix came back to a load.  One pass over
 * the rows for each such phase. */
static void see_repeats(const struct run_file *f, struct split *s)
{
    if (f == NULL || f->phases_n < 2 || (s->part == NULL && !run_file_one_load(f)))
        return;
    size_t *phases = xcalloc(s->n, sizeof *phases);
    for (size_t k = 0; k < s->n; k++)
        for (size_t i = 0; i < f->phases_n; i++)
            phases[k] += in_part(s, i, k);
    s->repeats = xcalloc(f->phases_n * FIGURES_N, sizeof *s->repeats);
    for (size_t i = 0; i < f->phases_n; i++) {
        struct tally t;
        double *v = s->repeats + i * FIGURES_N, rate = run_file_phase_rate(f, f->phases[i].id);
        int part = s->part != NULL ? s->part[i] : 0;
        if (part < 0 || phases[part] < 2)
            continue;
        run_file_phase(f, f->phases[i].id, &t);
        for (size_t k = 0; k < FIGURES_N; k++) {
            const struct figure *g = &figures[k];
            struct dist d;
            tally_dist(&t, g->metric < M_LATENCY_COUNT_ ? g->metric : M_E2E, &d);
            double q = g->quantile > 0.9 ? d.p95 : g->quantile > 0 ? d.p50 : d.mean;
            v[k] = d.n < REPEAT_MIN ? (double)NAN : g->metric == M_OUTPUT_RATE ? rate : q;
        }
        tally_release(&t);
    }
    free(phases);
}

/* How far repeats of one load lie apart within a run; 0: it has none. */
static double spread_of_repeats(const struct run_file *f, const struct figure *g, const struct split *s, size_t part)
{
    double least = (double)NAN, most = (double)NAN;
    for (size_t i = 0; s->repeats != NULL && i < f->phases_n; i++) {
        double v = s->repeats[i * FIGURES_N + (size_t)(g - figures)];
        if (!in_part(s, i, part) || !isfinite(v))
            continue;
        least = fmin(least, v);
        most = fmax(most, v);
    }
    return isfinite(most) ? most - least : 0;
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

/* x and y have as many parts; each: so many. */
static void compare_parts(const struct compare_run *a, const struct compare_run *b, const struct figure *g, bool by_vllm, double min_effect,
                          struct split *x, struct split *y, struct comparison *each)
{
    struct values *of_a = values_of(a, g, by_vllm, x), *of_b = values_of(b, g, by_vllm, y);
    for (size_t k = 0; k < x->n; k++) {
        double spread = fmax(spread_of_repeats(a->own, g, x, k), spread_of_repeats(b->own, g, y, k));
        compare_figure(g, &of_a[k], &of_b[k], min_effect, spread, &each[k]);
    }
    values_free(of_a, x->n);
    values_free(of_b, y->n);
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

static void compare_failed(double failed_a, double n_a, double failed_b, double n_b, double min_effect, struct comparison *c)
{
    const struct compare_rule rule = {-1, min_effect, (double)NAN};
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
    double failed_a, failed_b, n_a = ended(a, &failed_a), n_b = ended(b, &failed_b);
    compare_failed(failed_a, n_a, failed_b, n_b, min_effect, &c->failed);
    struct split all_a = {.n = 1}, all_b = {.n = 1};
    see_repeats(a->own, &all_a);
    see_repeats(b->own, &all_b);
    for (size_t i = 0; i < FIGURES_N; i++)
        compare_parts(a, b, &figures[i], c->by_vllm, min_effect, &all_a, &all_b, &c->figures[i]);
    free(all_a.repeats);
    free(all_b.repeats);
}

/* ---- load by load ---- */

/* The phases of both that had one load are a part; loads that one of them alone had are none. */
static void split_by_load(const struct run_file *a, const struct run_file *b, struct split *x, struct split *y, const struct run_phase **loads)
{
    for (size_t k = 0; k < b->phases_n; k++)
        y->part[k] = -1;
    for (size_t i = 0; i < a->phases_n; i++) {
        size_t same = 0;
        x->part[i] = -1;
        while (same < x->n && !run_same_load(loads[same], &a->phases[i]))
            same++;
        if (same < x->n) {
            x->part[i] = (int)same;
            continue;
        }
        for (size_t k = 0; k < b->phases_n; k++)
            if (run_same_load(&a->phases[i], &b->phases[k]))
                x->part[i] = y->part[k] = (int)same;
        if (x->part[i] >= 0)
            loads[x->n++] = &a->phases[i];
    }
    y->n = x->n;
}

static int ascending(double x, double y)
{
    return (x > y) - (x < y); /* streams have no rate on either side: NAN, and equal */
}

/* Of a matrix, which comes to its loads in any order. */
static int by_size(const void *x, const void *y)
{
    const struct run_phase *p = ((const struct compared_load *)x)->load, *q = ((const struct compared_load *)y)->load;
    int d = ascending((double)p->context, (double)q->context);
    if (d == 0)
        d = ascending((double)p->max_tokens, (double)q->max_tokens);
    if (d == 0)
        d = ascending(p->rate, q->rate);
    return d != 0 ? d : ascending(p->streams, q->streams);
}

/* As `ended`, of each part. */
static void count_ended(const struct run_file *f, struct split *s, double *failed, double *n)
{
    for (size_t i = 0; i < f->rows_n && f->rows_whole; i++) {
        const struct row *r = run_file_row(f, i);
        int part = split_part(f, s, r->phase);
        if (part < 0 || r->tl.outcome == OUT_CANCELLED)
            continue;
        n[part]++;
        failed[part] += r->tl.outcome != OUT_OK;
    }
    for (size_t i = 0; i < f->phases_n && !f->rows_whole; i++) {
        struct tally t;
        if (s->part[i] < 0)
            continue;
        run_file_phase(f, f->phases[i].id, &t);
        n[s->part[i]] += (double)(t.requests - t.outcome[OUT_CANCELLED]);
        failed[s->part[i]] += (double)tally_failed(&t);
        tally_release(&t);
    }
}

/* A search breaks its loads off when it has seen enough: which requests have ended by then is no sample of them. */
static bool has_loads(const struct run_file *f)
{
    return run_file_has_parts(f) && strcmp(f->phases[0].part, PART_CAPACITY) != 0;
}

void compare_loads(const struct compare_run *a, const struct compare_run *b, double min_effect, struct compared_loads *out)
{
    *out = (struct compared_loads){NULL, 0};
    if (a->own == NULL || b->own == NULL || !has_loads(a->own) || !has_loads(b->own))
        return;
    struct split x = {.part = xcalloc(a->own->phases_n, sizeof(int))}, y = {.part = xcalloc(b->own->phases_n, sizeof(int))};
    const struct run_phase **loads = xcalloc(a->own->phases_n, sizeof(const struct run_phase *));
    split_by_load(a->own, b->own, &x, &y, loads);
    bool several = a->own->phases_n > 1 || b->own->phases_n > 1;
    if (several && x.n > 0) {
        double *failed = xcalloc(4 * x.n, sizeof *failed), *failed_b = failed + x.n, *n_a = failed_b + x.n, *n_b = n_a + x.n;
        *out = (struct compared_loads){xcalloc(x.n, sizeof *out->list), x.n};
        count_ended(a->own, &x, failed, n_a);
        count_ended(b->own, &y, failed_b, n_b);
        for (size_t i = 0; i < x.n; i++) {
            out->list[i].load = loads[i];
            compare_failed(failed[i], n_a[i], failed_b[i], n_b[i], min_effect, &out->list[i].failed);
        }
        struct comparison *each = xcalloc(x.n, sizeof *each);
        see_repeats(a->own, &x);
        see_repeats(b->own, &y);
        for (size_t i = 0; i < FIGURES_N; i++) {
            compare_parts(a, b, &figures[i], false, min_effect, &x, &y, each);
            for (size_t k = 0; k < x.n; k++)
                out->list[k].figures[i] = each[k];
        }
        if (report_is_matrix(a->own))
            qsort(out->list, out->n, sizeof *out->list, by_size);
        free(x.repeats);
        free(y.repeats);
        free(each);
        free(failed);
    }
    free(loads);
    free(x.part);
    free(y.part);
}

void compared_loads_release(struct compared_loads *l)
{
    free(l->list);
    *l = (struct compared_loads){NULL, 0};
}
