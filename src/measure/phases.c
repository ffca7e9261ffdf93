#include "measure/phases.h"
#include "util.h"

#include <stdlib.h>
#include <string.h>

void phases_init(struct phases *p)
{
    memset(p, 0, sizeof *p);
    tally_init(&p->total);
    tally_init(&p->warmup);
}

void phases_release(struct phases *p)
{
    for (int i = 0; i < p->n; i++) {
        tally_release(&p->list[i]->tally);
        tally_release(&p->list[i]->delta);
        free(p->list[i]->stretch);
        free(p->list[i]);
    }
    for (size_t i = 0; i < p->settling_n; i++)
        timeline_release(&p->settling[i].tl);
    free(p->settling);
    tally_release(&p->total);
    tally_release(&p->warmup);
}

static struct stretch *last_stretch(const struct phase *c)
{
    return &c->stretch[c->stretches - 1];
}

struct phase *phases_current(struct phases *p)
{
    struct phase *last = p->n > 0 ? p->list[p->n - 1] : NULL;
    return last != NULL && last_stretch(last)->whole.to == 0 ? last : NULL;
}

static void cut(struct window *w, int64_t at)
{
    if (w->from == 0)
        return;
    w->from = MIN_OF(w->from, at);
    w->to = w->to == 0 ? at : MIN_OF(w->to, at);
}

void phases_close(struct phases *p, int64_t at)
{
    struct phase *c = phases_current(p);
    if (c != NULL)
        last_stretch(c)->whole.to = at;
    for (int i = 0; i < p->n; i++)
        for (size_t k = 0; k < p->list[i]->stretches; k++) {
            cut(&p->list[i]->stretch[k].whole, at);
            cut(&p->list[i]->stretch[k].steady, at);
        }
}

void phases_end(struct phases *p, int64_t at)
{
    phases_close(p, at);
    if (p->n > 0)
        p->list[p->n - 1]->ended = true;
}

#define SHORTEST_NS INT64_C(2000000000)

/* A key held down sets targets that nothing ends under: such a phase takes the next target. */
static bool passed_by(const struct phase *c, int64_t now)
{
    return !c->ended && c->tally.requests == 0 && last_stretch(c)->steady.from == 0 &&
           (c->opened == 0 || now - c->opened < SHORTEST_NS);
}

static void add_stretch(struct phase *c, int64_t now)
{
    if (c->stretches == 0 || last_stretch(c)->whole.from != 0) /* else: one that never began */
        c->stretch = xrealloc(c->stretch, ++c->stretches * sizeof *c->stretch);
    *last_stretch(c) = (struct stretch){.whole.from = now};
}

void phases_open(struct phases *p, const struct phase_target *t, int64_t now)
{
    struct phase *c = p->n > 0 ? p->list[p->n - 1] : NULL;
    bool going_on = phases_current(p) != NULL, replace = c != NULL && passed_by(c, now);
    if (!replace && going_on)
        phases_close(p, now);
    if (!replace && c != NULL && p->n == PHASES_MAX) { /* no room: the last phase goes on with mixed targets, and says so */
        c->merged++;
        add_stretch(c, now);
        return;
    }
    if (!replace)
        c = p->list[p->n++] = xcalloc(1, sizeof *c);
    c->id = t->id;
    c->streams = t->streams;
    c->context = t->context;
    c->max_tokens = t->max_tokens;
    c->rate = t->rate;
    c->opened = now;
    if (!(replace && going_on))
        add_stretch(c, now);
}

void phases_go_on(struct phases *p, int64_t now)
{
    if (p->n > 0 && phases_current(p) == NULL)
        add_stretch(p->list[p->n - 1], now);
}

void phases_begin(struct phases *p, int64_t at)
{
    struct phase *c = phases_current(p);
    if (c != NULL && last_stretch(c)->whole.from == 0)
        c->opened = last_stretch(c)->whole.from = at;
}

void phases_steady(struct phases *p, int64_t at)
{
    struct phase *c = phases_current(p);
    if (c != NULL && last_stretch(c)->steady.from == 0)
        last_stretch(c)->steady.from = MAX_OF(at, last_stretch(c)->whole.from);
}

static struct phase *find(struct phases *p, int id)
{
    for (int i = 0; i < p->n; i++) /* a phase that was passed by: its requests ran in the one that followed */
        if (p->list[i]->id >= id)
            return p->list[i];
    return p->n > 0 ? p->list[p->n - 1] : NULL;
}

void phases_row(struct phases *p, struct row *r, const struct tally *one)
{
    if (r->warmup) {
        tally_merge(&p->warmup, one);
    } else {
        tally_merge(&p->total, one);
        struct phase *c = find(p, r->phase);
        if (c != NULL) {
            tally_merge(&c->tally, one);
            tally_merge(&c->delta, one);
        }
    }
    if (p->settling_n == p->settling_cap) {
        p->settling_cap = p->settling_cap > 0 ? p->settling_cap * 2 : 32;
        p->settling = xrealloc(p->settling, p->settling_cap * sizeof *p->settling);
    }
    p->settling[p->settling_n++] = *r;
    r->tl.gaps = NULL;
}

static void place(struct phases *p, const struct row *r)
{
    for (int i = 0; i < p->n; i++)
        for (size_t k = 0; k < p->list[i]->stretches; k++) {
            struct stretch *s = &p->list[i]->stretch[k];
            if (s->whole.from == 0 || r->tl.end < s->whole.from || (s->whole.to != 0 && r->tl.started >= s->whole.to))
                continue;
            window_add(&s->whole, r);
            window_add(&s->steady, r);
        }
}

void phases_settle(struct phases *p, int64_t before)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->settling_n; i++) {
        struct row *r = &p->settling[i];
        if (r->tl.end >= before) {
            p->settling[kept++] = *r;
            continue;
        }
        place(p, r);
        timeline_release(&r->tl);
    }
    p->settling_n = kept;
}

void phases_delta_clear(struct phases *p)
{
    for (int i = 0; i < p->n; i++)
        if (p->list[i]->delta.requests > 0)
            tally_clear(&p->list[i]->delta); /* once a second: the next one takes the same memory */
}

static void add_windows(const struct phase *p, int64_t now, bool steady, struct window *sum, double *seconds)
{
    for (size_t k = 0; k < p->stretches; k++) {
        const struct window *w = steady ? &p->stretch[k].steady : &p->stretch[k].whole;
        if (w->from == 0)
            continue;
        sum->tokens += w->tokens;
        sum->approx_tokens += w->approx_tokens;
        sum->prompt_tokens += w->prompt_tokens;
        sum->ok += w->ok;
        sum->good += w->good;
        *seconds += window_seconds(w, now);
    }
}

void phase_window(const struct phase *p, int64_t now, bool steady, struct window *sum, double *seconds)
{
    *sum = (struct window){0};
    *seconds = 0;
    add_windows(p, now, steady, sum, seconds);
}

void phases_windows(const struct phases *p, int64_t now, bool steady, struct window *sum, double *seconds)
{
    *sum = (struct window){0};
    *seconds = 0;
    for (int i = 0; i < p->n; i++)
        add_windows(p->list[i], now, steady, sum, seconds);
}

#define STEADY_LEAST 0.2

bool steady_counts(double steady_s, double whole_s)
{
    return steady_s > 0 && steady_s >= STEADY_LEAST * whole_s;
}

/* The steady window in *w stands where it counts; else the whole one. */
static bool choose(struct window *w, double *seconds, const struct window *whole, double whole_s)
{
    if (steady_counts(*seconds, whole_s))
        return true;
    *w = *whole;
    *seconds = whole_s;
    return false;
}

bool phases_headline(const struct phases *p, int64_t now, struct window *w, double *seconds)
{
    struct window whole;
    double whole_s;
    phases_windows(p, now, true, w, seconds);
    phases_windows(p, now, false, &whole, &whole_s);
    return choose(w, seconds, &whole, whole_s);
}

bool phase_headline(const struct phase *p, int64_t now, struct window *w, double *seconds)
{
    struct window whole;
    double whole_s;
    phase_window(p, now, true, w, seconds);
    phase_window(p, now, false, &whole, &whole_s);
    return choose(w, seconds, &whole, whole_s);
}
