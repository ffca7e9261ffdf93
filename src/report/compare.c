#include "report/compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED 1 /* of the bootstrap: the same files give the same verdict */

struct values {
    double *v;
    size_t n;
};

/* Of the requests that ended well, in the order in which they ended. */
static struct values of_requests(const struct run_file *f, enum metric_id m)
{
    struct values out = {xcalloc(f->rows_n + 1, sizeof(double)), 0};
    for (size_t i = 0; i < f->rows_n; i++) {
        double v[M_REQUEST_COUNT_];
        if (f->rows[i].tl.outcome != OUT_OK)
            continue;
        timeline_numbers(&f->rows[i].tl, v);
        if (isfinite(v[m]))
            out.v[out.n++] = v[m];
    }
    return out;
}

/* Tokens a second between samples that lie within the load. */
static struct values of_samples(const struct run_file *f)
{
    struct values out = {xcalloc(f->samples_n + 1, sizeof(double)), 0};
    double seconds, tokens;
    for (size_t i = 0; i + 1 < f->samples_n; i++)
        if (run_file_interval(f, i, &seconds, &tokens))
            out.v[out.n++] = tokens / seconds;
    return out;
}

static void compare_figure(const struct figure *g, const struct run_file *a, const struct run_file *b,
                           double min_effect, struct comparison *c)
{
    const struct compare_rule rule = {metrics[g->metric].better == BETTER_HIGHER ? 1 : -1, min_effect, (double)NAN};
    bool rate = g->metric == M_OUTPUT_RATE;
    struct values x = rate ? of_samples(a) : of_requests(a, g->metric);
    struct values y = rate ? of_samples(b) : of_requests(b, g->metric);
    if (rate)
        compare_rates(x.v, x.n, y.v, y.n, COMPARE_BLOCK, SEED, &rule, c);
    else if (g->quantile > 0)
        compare_quantile(x.v, x.n, y.v, y.n, g->quantile, SEED, &rule, c);
    else
        compare_means(x.v, x.n, y.v, y.n, &rule, c);
    free(x.v);
    free(y.v);
}

bool compare_usable(const struct run_file *f, struct err *e)
{
    if (f->total.outcome[OUT_OK] > 0)
        return true;
    if (f->rows_n == 0)
        return err_set(e, "'%s' holds no measured request: there is nothing to compare", f->path);
    return err_set(e, "none of the %zu requests of '%s' ended well: there is nothing to compare", f->rows_n, f->path);
}

/* ---- may they be compared at all? ---- */

static bool limited(const struct run_file *f)
{
    const cJSON *client = cJSON_GetObjectItemCaseSensitive(f->summary, "client");
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(client, "limited"));
}

static enum token_source main_source(const struct run_file *f)
{
    enum token_source best = TOK_NONE;
    for (int s = TOK_NONE; s <= TOK_EVENTS; s++)
        if (f->total.source[s] > f->total.source[best])
            best = (enum token_source)s;
    return best;
}

static bool same_text(const struct run_file *a, const struct run_file *b, const char *key)
{
    const char *x = run_file_text(a, key), *y = run_file_text(b, key);
    return (x == NULL && y == NULL) || (x != NULL && y != NULL && strcmp(x, y) == 0);
}

static void object(struct compared *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void object(struct compared *c, const char *fmt, ...)
{
    va_list ap;
    if (c->objections_n == COMPARE_OBJECTIONS)
        return;
    va_start(ap, fmt);
    vsnprintf(c->objections[c->objections_n++], sizeof c->objections[0], fmt, ap);
    va_end(ap);
}

static void object_to_loads(const struct run_file *a, const struct run_file *b, struct compared *c)
{
    if (a->phases_n != 1 || b->phases_n != 1) {
        object(c, "the load of one of them was changed while it ran");
        return;
    }
    const struct run_phase *p = &a->phases[0], *q = &b->phases[0];
    if (p->context != q->context || p->max_tokens != q->max_tokens || p->streams != q->streams)
        object(c, "different loads: %d streams, context %lld, output %lld against %d, %lld, %lld", p->streams,
               (long long)p->context, (long long)p->max_tokens, q->streams, (long long)q->context,
               (long long)q->max_tokens);
}

static void object_to(const struct run_file *a, const struct run_file *b, struct compared *c)
{
    object_to_loads(a, b, c);
    if (!same_text(a, b, "prompt") || !same_text(a, b, "endpoint"))
        object(c, "different prompts or endpoints");
    if (main_source(a) != main_source(b))
        object(c, "output tokens were counted in different ways");
    if (limited(a) || limited(b))
        object(c, "one of them was limited by its client, not by its server");
}

void compare_runs(const struct run_file *a, const struct run_file *b, double min_effect, struct compared *c)
{
    *c = (struct compared){.objections_n = 0};
    object_to(a, b, c);
    for (size_t i = 0; i < FIGURES_N; i++)
        compare_figure(&figures[i], a, b, min_effect, &c->figures[i]);
}
