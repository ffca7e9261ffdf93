/* The Matrix view's cells: what each load of this run came to, and those that are still to come. */
#include "engine/inside.h"
#include "grid.h"

#include <math.h>
#include <string.h>

#define MATRIX_NS INT64_C(500000000)

/* Everything that was measured under one load: it may have been gone back to. */
struct gathered {
    struct hist decode, ttft;
    double tokens, good, seconds;
    uint64_t ok, failed, met, judged;
};

static void merge(struct hist *into, const struct hist *from)
{
    if (from != NULL)
        hist_merge(into, from);
}

static void gather(struct gathered *a, const struct phase *p, int64_t settled)
{
    struct window w;
    double s = 0;
    phase_headline(p, settled, &w, &s);
    if (s > 0) {
        a->tokens += w.tokens;
        a->good += (double)w.good;
        a->seconds += s;
    }
    merge(&a->decode, p->tally.hist[M_DECODE_RATE]);
    merge(&a->ttft, p->tally.hist[M_TTFT]);
    a->ok += p->tally.outcome[OUT_OK];
    a->failed += tally_failed(&p->tally);
    a->met += p->tally.good;
    a->judged += tally_judged(&p->tally);
}

/* Tokens are placed in windows when their requests have ended; until then the live count says what has come. */
static double running_rate(struct engine *g, const struct phase *p, int64_t now)
{
    struct matrix_live *l = &g->matrix_live;
    if (l->phase != p->id || l->at == 0)
        *l = (struct matrix_live){.phase = p->id, .at = now, .tokens = g->live.total};
    double s = (double)(now - l->at) / 1e9;
    return s >= 1 ? (g->live.total - l->tokens) / s : (double)NAN;
}

static bool one_load(const struct phase *a, const struct phase *b)
{
    return a->streams == b->streams && a->context == b->context && a->max_tokens == b->max_tokens && a->rate == b->rate && a->repeated == b->repeated;
}

/* What a search said of that load; NULL: none has. */
static const struct capacity_try *tried(const struct capacity *c, const struct phase *p)
{
    double load = c->by_rate ? p->rate : p->streams;
    for (size_t i = 0; i < c->n; i++)
        if (c->tries[i].load == load)
            return &c->tries[i];
    return NULL;
}

static void put(struct engine *g, const struct phase *p, const struct gathered *a, int64_t now, bool running)
{
    struct matrix_cell *c = matrix_put(&g->view.matrix, p->streams, (double)p->context, (double)p->max_tokens, p->rate);
    bool slo = g->cfg->slo.n > 0;
    c->running = running;
    c->waiting = c->left_out = false;
    c->output_rate = running ? running_rate(g, p, now) : a->seconds > 0 ? a->tokens / a->seconds : (double)NAN;
    c->decode_rate = hist_mean(&a->decode) / metrics[M_DECODE_RATE].scale;
    c->ttft_p50 = hist_quantile(&a->ttft, 0.5) / metrics[M_TTFT].scale;
    c->ttft_p95 = hist_quantile(&a->ttft, 0.95) / metrics[M_TTFT].scale;
    c->goodput = slo && a->seconds > 0 && (a->judged > 0 || a->ok == 0) ? a->good / a->seconds : (double)NAN;
    c->good_share = slo && a->judged > 0 ? (double)a->met / (double)a->judged : (double)NAN;
    const struct capacity_try *t = running ? NULL : tried(&g->capacity, p);
    if (t != NULL) /* it has those that were broken off when they had missed an objective already */
        c->good_share = t->judged > 0 ? (double)t->good / (double)t->judged : (double)NAN;
    c->ok = a->ok;
    c->failed = a->failed;
}

static bool has_later(const struct phases *all, int i)
{
    for (int k = i + 1; k < all->n; k++)
        if (one_load(all->list[i], all->list[k]))
            return true;
    return false;
}

static void put_planned(struct engine *g)
{
    for (size_t i = 0; i < g->steps_n; i++) {
        const struct load_step *s = &g->steps[i];
        if (s->part == NULL || strcmp(s->part, PART_MATRIX) != 0 || (i <= g->step && !g->left_out[i]))
            continue;
        struct matrix_cell *c = matrix_put(&g->view.matrix, (int)s->streams, (double)s->context, (double)s->max_tokens, s->arrival.rate);
        c->left_out = g->left_out[i] || !engine_fits(g, s);
        c->waiting = !c->left_out;
    }
}

void engine_fill_matrix(struct engine *g, int64_t now)
{
    const struct phases *all = &g->result.phases;
    const struct phase *current = phases_current(&g->result.phases);
    if (now < g->matrix_due)
        return;
    g->matrix_due = now + MATRIX_NS;
    put_planned(g);
    for (int i = 0; i < all->n; i++) {
        const struct phase *p = all->list[i];
        bool running = p == current && engine_loading(g) && g->state != RUN_PAUSED;
        if (p->repeated || has_later(all, i)) /* what a cache makes of one prompt is another question */
            continue;
        struct gathered a = {.seconds = 0};
        for (int k = 0; k <= i; k++)
            if (one_load(all->list[k], p))
                gather(&a, all->list[k], engine_settled(g, now));
        const struct matrix_cell *shown = matrix_find(&g->view.matrix, p->streams, (double)p->context, (double)p->max_tokens, p->rate);
        if (running || a.ok + a.failed > 0 || (shown != NULL && shown->running)) /* it may have ended with nothing measured */
            put(g, p, &a, now, running);
    }
}
