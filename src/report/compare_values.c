/* What a run has of a figure: the values that a comparison is made of. */
#include "report/compare_values.h"

#include <math.h>
#include <stdlib.h>

int split_part(const struct run_file *f, struct split *s, int phase)
{
    if (s->part == NULL)
        return 0;
    if (s->at >= f->phases_n || f->phases[s->at].id != phase)
        for (s->at = 0; s->at < f->phases_n && f->phases[s->at].id != phase; s->at++)
            ;
    return s->at < f->phases_n ? s->part[s->at] : -1;
}

static void push(struct values *x, double v)
{
    if (x->n == x->cap) {
        x->cap = MAX_OF(2 * x->cap, (size_t)256);
        x->v = xrealloc(x->v, x->cap * sizeof *x->v);
    }
    x->v[x->n++] = v;
}

/* A file without a row for each request has the shape of their distribution: so many values of the same shape. */
#define SHAPE_VALUES 10000
static void of_shape(const struct run_file *f, enum metric_id m, const struct split *s, struct values *out)
{
    struct hist *h = xcalloc(s->n, sizeof *h);
    if (s->part == NULL && f->total.hist[m] != NULL)
        hist_merge(&h[0], f->total.hist[m]);
    for (size_t i = 0; s->part != NULL && i < f->phases_n; i++) {
        struct tally t;
        if (s->part[i] < 0)
            continue;
        run_file_phase(f, f->phases[i].id, &t);
        if (t.hist[m] != NULL)
            hist_merge(&h[s->part[i]], t.hist[m]);
        tally_release(&t);
    }
    for (size_t k = 0; k < s->n; k++) {
        size_t n = (size_t)MIN_OF(h[k].count, (uint64_t)SHAPE_VALUES);
        for (size_t i = 0; i < n; i++) /* the ranks themselves, so that their quantiles are those of the histogram */
            push(&out[k], hist_quantile(&h[k], n > 1 ? (double)i / (double)(n - 1) : 0.5) / metrics[m].scale);
        out[k].order = run_file_open_loop(f) ? ORDER_LOST : ORDER_NONE;
    }
    free(h);
}

/* Of the requests that ended well, in the order in which they ended. */
static void of_requests(const struct run_file *f, enum metric_id m, bool by_vllm, struct split *s, struct values *out)
{
    for (size_t k = 0; k < s->n; k++)
        out[k].order = run_file_open_loop(f) ? ORDER_TIME : ORDER_NONE;
    for (size_t i = 0; i < f->rows_n; i++) {
        const struct row *r = run_file_row(f, i);
        const struct timeline *t = &r->tl;
        double v[M_REQUEST_COUNT_];
        int part = split_part(f, s, r->phase);
        if (t->outcome != OUT_OK || part < 0)
            continue;
        timeline_numbers(t, v);
        struct vllm_request theirs = vllm_request(t);
        double x = by_vllm ? vllm_request_number(&theirs, m) : v[m];
        if (isfinite(x))
            push(&out[part], x);
    }
}

/* Tokens a second between samples that lie within the load. */
static void of_samples(const struct run_file *f, struct split *s, struct values *out)
{
    double seconds, tokens;
    for (size_t k = 0; k < s->n; k++)
        out[k].order = ORDER_TIME;
    for (size_t i = 0; i + 1 < f->samples_n; i++) {
        int part = split_part(f, s, f->samples[i].phase);
        if (part >= 0 && run_file_interval(f, i, &seconds, &tokens))
            push(&out[part], tokens / seconds);
    }
}

static void of_vllm(const struct vllm_file *f, const struct figure *g, struct values *out)
{
    out->order = isfinite(vllm_file_rate(f)) ? ORDER_TIME : ORDER_NONE;
    for (size_t i = 0; i < f->requests_n; i++) {
        double x = vllm_request_number(&f->requests[i], g->metric);
        if (isfinite(x))
            push(out, x);
    }
    if (out->n == 0)
        out->alone = vllm_file_figure(f, g->metric, g->quantile);
}

struct values *values_of(const struct compare_run *r, const struct figure *g, bool by_vllm, struct split *s)
{
    struct values *out = xcalloc(s->n, sizeof *out);
    for (size_t k = 0; k < s->n; k++)
        out[k].alone = (double)NAN;
    if (r->vllm != NULL) {
        of_vllm(r->vllm, g, out);
    } else if (!r->own->rows_whole && (by_vllm || g->metric != M_OUTPUT_RATE)) {
        if (!by_vllm) /* their figures need the moments of each request */
            of_shape(r->own, g->metric, s, out);
    } else if (g->metric != M_OUTPUT_RATE) {
        of_requests(r->own, g->metric, by_vllm, s, out);
    } else if (by_vllm) {
        struct vllm_totals t = vllm_totals(r->own);
        out->alone = t.output_tokens / t.seconds;
    } else {
        of_samples(r->own, s, out);
    }
    return out;
}

void values_free(struct values *x, size_t n)
{
    for (size_t k = 0; k < n; k++)
        free(x[k].v);
    free(x);
}
