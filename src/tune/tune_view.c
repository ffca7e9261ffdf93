/* What the screen sees of a tune: the load that runs, in the time of the whole, and the settings as a matrix. */
#include "tune/tune_inside.h"

#include "clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Settings as a grid: the first parameter's values are the columns, those of all others together the rows. */
static void fill_matrix(const struct tune *t, struct matrix_view *m)
{
    const struct tune_plan *p = &t->c->plan;
    m->n = 0;
    matrix_name(m, p->n > 0 ? p->param[0].name : "setting");
    for (size_t i = 0; i < t->n; i++) {
        const struct tune_result *r = &t->results[i];
        size_t at[TUNE_PARAMS] = {0}, row = 0;
        tune_values(p, i, at);
        for (size_t k = 1; k < p->n; k++)
            row = row * p->param[k].n + at[k];
        struct matrix_cell *c = matrix_put(m, (int)at[0], (double)row, 0, 0);
        const char *rest = strchr(r->name, ' ');
        matrix_label(m, true, (int)at[0], p->n > 0 ? p->param[0].value[at[0]] : "as it is");
        matrix_label(m, false, (int)row, rest != NULL ? rest + 1 : "");
        c->waiting = r->state == TUNE_WAITING || r->state == TUNE_STARTING;
        c->running = r->state == TUNE_LOADING || r->state == TUNE_STOPPING;
        c->left_out = r->state >= TUNE_NOT_STARTED;
        c->output_rate = r->output_rate;
        c->ttft_p95 = r->ttft_p95;
        c->good_share = r->good_share;
        c->goodput = r->goodput;
        c->ok = r->ok;
        c->failed = r->failed;
    }
}

static void fill_suite(const struct tune *t, struct suite_view *v)
{
    *v = (struct suite_view){.parts_n = 1, .done = t->at + 1, .planned = t->n, .left_s = (double)NAN};
    str_copy(v->part[0].name, sizeof v->part[0].name, "tune");
    v->part[0].state = t->over ? PART_DONE : PART_RUNNING;
    str_copy(v->step, sizeof v->step, t->results[t->at].name);
}

static int by_time(const void *a, const void *b)
{
    const struct event_line *x = a, *y = b;
    return (x->at_s > y->at_s) - (x->at_s < y->at_s);
}

/* Ours and the engine's, as one log in the time of the whole. */
static void merge_events(const struct tune *t, struct snapshot *s, double engine_from)
{
    static __thread struct event_line all[SNAP_EVENTS + ARRAY_LEN(((struct tune *)NULL)->notes)];
    size_t n = 0;
    for (size_t i = 0; i < s->events_n; i++) {
        all[n] = s->events[i];
        all[n++].at_s += engine_from;
    }
    for (size_t i = 0; i < t->notes_n; i++)
        all[n++] = t->notes[i];
    qsort(all, n, sizeof all[0], by_time);
    size_t kept = MIN_OF(n, (size_t)SNAP_EVENTS);
    memcpy(s->events, all + n - kept, kept * sizeof all[0]);
    s->events_n = kept;
}

/* The sequence number has ours above and the engine's below. */
static bool read_snapshot(void *ctx, struct snapshot *out, uint64_t seen)
{
    struct tune *t = ctx;
    pthread_mutex_lock(&t->lock);
    double from = 0;
    uint64_t ours = t->seq << 40, theirs = 0;
    bool fresh;
    if ((seen >> 40) != t->seq) /* another engine, or none */
        snapshot_forget(out);
    if (t->engine != NULL) {
        struct snapshot_source g = engine_source(t->engine);
        uint64_t mine = out->seq;
        out->seq = 0;
        fresh = g.read(g.ctx, out, (seen >> 40) == t->seq ? seen & ((UINT64_C(1) << 40) - 1) : UINT64_MAX);
        theirs = out->seq;
        if (!fresh)
            out->seq = mine;
        from = tune_since_start(t, t->engine_at);
    } else {
        fresh = seen != ours;
        if (fresh) {
            t->own->clock_s = tune_since_start(t, clock_ns());
            snapshot_copy(out, t->own);
        }
    }
    if (fresh) {
        bool ended = out->state == RUN_DONE || out->state == RUN_FAILED;
        out->seq = ours | theirs;
        out->state = t->over ? RUN_DONE : t->engine == NULL ? RUN_PREFLIGHT : ended ? RUN_DRAIN : out->state;
        if (t->engine == NULL || ended)
            str_copy(out->status, sizeof out->status, t->status);
        merge_events(t, out, from);
        double rate = out->output_rate;
        fill_matrix(t, &out->matrix);
        for (size_t i = 0; i < out->matrix.n; i++)
            if (out->matrix.cell[i].running)
                out->matrix.cell[i].output_rate = rate;
        fill_suite(t, &out->suite);
    }
    pthread_mutex_unlock(&t->lock);
    return fresh;
}

static void send_command(void *ctx, const struct command *c)
{
    struct tune *t = ctx;
    if (c->kind == CMD_STOP) {
        tune_stop(t);
        return;
    }
    pthread_mutex_lock(&t->lock);
    if (t->engine != NULL)
        engine_send(t->engine, c);
    pthread_mutex_unlock(&t->lock);
}

struct snapshot_source tune_source(struct tune *t)
{
    return (struct snapshot_source){.ctx = t, .read = read_snapshot, .send = send_command};
}
