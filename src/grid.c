#include "grid.h"

#include "fmt.h"
#include "load/prompt.h"
#include "util.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define SECOND INT64_C(1000000000)
#define PRESET_CI 0.03
#define PRESET_MOST (60 * SECOND)
#define OPEN_WARMUP_S 2

static size_t one_at_least(size_t n)
{
    return n > 0 ? n : 1;
}

size_t grid_cells(const struct load_options *l)
{
    return one_at_least(l->streams.n) * one_at_least(l->context.n) * one_at_least(l->max_tokens.n) * one_at_least(l->rate.n);
}

/* When it stops, and what goes before. */
static void set_rules(struct load_step *s, const struct load_options *l, const struct run_config *c)
{
    bool ruled = c->requests > 0 || c->duration_ns > 0;
    s->requests = c->requests;
    s->until_ci = l->until_ci > 0 ? l->until_ci : ruled ? 0 : PRESET_CI;
    s->duration_ns = c->duration_ns > 0 ? c->duration_ns : s->until_ci > 0 ? PRESET_MOST : 0;
    s->warmup = l->warmup != WARMUP_PRESET ? l->warmup : s->arrival.rate > 0 ? (int64_t)ceil(s->arrival.rate * OPEN_WARMUP_S) : s->streams;
}

static void name(char out[64], const struct load_step *s)
{
    char a[FMT_SIZE], b[FMT_SIZE];
    if (s->arrival.rate > 0)
        snprintf(out, 64, "%g requests/s, %s + %s", s->arrival.rate, fmt_context(a, (double)s->context), fmt_tokens(b, (double)s->max_tokens));
    else
        snprintf(out, 64, "%" PRId64 " stream%s, %s + %s", s->streams, s->streams == 1 ? "" : "s", fmt_context(a, (double)s->context),
                 fmt_tokens(b, (double)s->max_tokens));
}

static void add(struct grid *g, const struct load_options *l, const struct run_config *c, const size_t at[4])
{
    struct load_step s = {.part = PART_MATRIX, .streams = c->max_num_seqs, .context = c->context, .max_tokens = c->max_tokens,
                          .context_of = c->context_of, .output_of = c->output_of, .arrival = c->arrival};
    if (l->streams.n > 0)
        s.streams = l->streams.v[at[0]];
    if (l->context.n > 0)
        s.context_of = l->context.v[at[1]];
    if (l->max_tokens.n > 0)
        s.output_of = l->max_tokens.v[at[2]];
    if (l->rate.n > 0)
        s.arrival.rate = l->rate.v[at[3]];
    s.context = prompt_is_file(c->prompt) ? 0 : lengths_mean(&s.context_of);
    s.max_tokens = lengths_mean(&s.output_of);
    set_rules(&s, l, c);
    g->steps[g->n++] = s;
}

static void shuffle(struct grid *g, uint64_t seed) /* Fisher and Yates */
{
    for (size_t i = g->n; i > 1; i--) {
        size_t k = (size_t)(rng_unit(&seed) * (double)i);
        struct load_step t = g->steps[i - 1];
        g->steps[i - 1] = g->steps[k];
        g->steps[k] = t;
    }
}

void grid_build(struct grid *g, const struct load_options *l, const struct run_config *c)
{
    size_t at[4];
    g->n = 0;
    for (at[1] = 0; at[1] < one_at_least(l->context.n); at[1]++)
        for (at[2] = 0; at[2] < one_at_least(l->max_tokens.n); at[2]++)
            for (at[3] = 0; at[3] < one_at_least(l->rate.n); at[3]++)
                for (at[0] = 0; at[0] < one_at_least(l->streams.n) && g->n < GRID_MOST; at[0]++)
                    add(g, l, c, at);
    if (l->order == 0)
        shuffle(g, (uint64_t)c->seed);
    for (size_t i = 0; i < g->n; i++) {
        name(g->what[i], &g->steps[i]);
        g->steps[i].what = g->what[i];
    }
}
