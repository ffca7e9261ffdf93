/* The Matrix view's cells: what each load of this run came to. */
#include "engine/inside.h"

#include <math.h>

#define MATRIX_NS INT64_C(500000000)

static double scaled(const struct tally *t, enum metric_id m, double quantile)
{
    const struct hist *h = t->hist[m];
    if (h == NULL || h->count == 0)
        return (double)NAN;
    return (quantile < 0 ? hist_mean(h) : hist_quantile(h, quantile)) / metrics[m].scale;
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

static void put(struct engine *g, const struct phase *p, int64_t now, bool running)
{
    struct matrix_cell *c = matrix_put(&g->view.matrix, p->streams, (double)p->context, (double)p->max_tokens);
    struct window w;
    double s = 0;
    phase_headline(p, now, &w, &s);
    c->running = running;
    c->output_rate = running ? running_rate(g, p, now) : s > 0 ? w.tokens / s : (double)NAN;
    c->decode_rate = scaled(&p->tally, M_DECODE_RATE, -1);
    c->ttft_p50 = scaled(&p->tally, M_TTFT, 0.5);
    c->ttft_p95 = scaled(&p->tally, M_TTFT, 0.95);
    c->ok = p->tally.outcome[OUT_OK];
    c->failed = tally_failed(&p->tally);
}

void engine_fill_matrix(struct engine *g, int64_t now)
{
    const struct phases *all = &g->result.phases;
    const struct phase *current = phases_current(&g->result.phases);
    if (now < g->matrix_due)
        return;
    g->matrix_due = now + MATRIX_NS;
    for (int i = 0; i < all->n; i++) { /* of two with one load the later one */
        const struct phase *p = all->list[i];
        bool running = p == current && engine_loading(g) && g->state != RUN_PAUSED;
        if (!p->repeated && (running || p->tally.requests > 0)) /* what a cache makes of one prompt is another question */
            put(g, p, now, running);
    }
}
