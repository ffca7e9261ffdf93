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
        free(p->list[i]);
    }
    for (size_t i = 0; i < p->settling_n; i++)
        timeline_release(&p->settling[i].tl);
    free(p->settling);
    tally_release(&p->total);
    tally_release(&p->warmup);
}

struct phase *phases_current(struct phases *p)
{
    struct phase *last = p->n > 0 ? p->list[p->n - 1] : NULL;
    return last != NULL && last->whole.to == 0 ? last : NULL;
}

void phases_close(struct phases *p, int64_t at)
{
    struct phase *c = phases_current(p);
    if (c == NULL)
        return;
    c->whole.to = at;
    if (c->steady.from != 0)
        c->steady.to = at;
}

#define SHORTEST_NS INT64_C(2000000000)

/* A key held down opens phases that nothing ends in: such a one gives its place to the next. */
static bool passed_by(const struct phase *c, int64_t now)
{
    return c->tally.requests == 0 && c->steady.from == 0 && (c->whole.from == 0 || now - c->whole.from < SHORTEST_NS);
}

void phases_open(struct phases *p, int id, int streams, int64_t context, int64_t max_tokens, int64_t now)
{
    phases_close(p, now);
    struct phase *c;
    if (p->n > 0 && passed_by(p->list[p->n - 1], now)) {
        c = p->list[p->n - 1];
    } else if (p->n < PHASES_MAX) {
        c = p->list[p->n++] = xcalloc(1, sizeof *c);
    } else { /* no room: the last phase goes on with mixed targets, and says so */
        c = p->list[p->n - 1];
        p->merged++;
        c->whole.to = c->steady.to = 0;
        return;
    }
    *c = (struct phase){.id = id, .streams = streams, .context = context, .max_tokens = max_tokens};
    c->whole.from = now;
}

void phases_begin(struct phases *p, int64_t at)
{
    struct phase *c = phases_current(p);
    if (c != NULL && c->whole.from == 0)
        c->whole.from = at;
}

void phases_steady(struct phases *p, int64_t at)
{
    struct phase *c = phases_current(p);
    if (c != NULL && c->steady.from == 0)
        c->steady.from = MAX_OF(at, c->whole.from);
}

static struct phase *find(struct phases *p, int id)
{
    for (int i = 0; i < p->n; i++) /* a phase that was passed by: its requests ran in the one that followed */
        if (p->list[i]->id >= id)
            return p->list[i];
    return p->n > 0 ? p->list[p->n - 1] : NULL;
}

void phases_row(struct phases *p, struct row *r)
{
    if (r->warmup) {
        tally_add(&p->warmup, r);
    } else {
        tally_add(&p->total, r);
        struct phase *c = find(p, r->phase);
        if (c != NULL) {
            tally_add(&c->tally, r);
            tally_add(&c->delta, r);
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
    for (int i = 0; i < p->n; i++) {
        struct phase *c = p->list[i];
        bool overlaps = c->whole.from != 0 && r->tl.end >= c->whole.from && (c->whole.to == 0 || r->tl.started < c->whole.to);
        if (!overlaps)
            continue;
        window_add(&c->whole, r);
        window_add(&c->steady, r);
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
            tally_release(&p->list[i]->delta);
}

void phases_windows(const struct phases *p, int64_t now, bool steady, struct window *sum, double *seconds)
{
    *sum = (struct window){0};
    *seconds = 0;
    for (int i = 0; i < p->n; i++) {
        const struct window *w = steady ? &p->list[i]->steady : &p->list[i]->whole;
        if (w->from == 0)
            continue;
        sum->tokens += w->tokens;
        sum->approx_tokens += w->approx_tokens;
        sum->prompt_tokens += w->prompt_tokens;
        sum->ok += w->ok;
        *seconds += window_seconds(w, now);
    }
}

#define STEADY_LEAST 0.2

bool steady_counts(double steady_s, double whole_s)
{
    return steady_s > 0 && steady_s >= STEADY_LEAST * whole_s;
}

bool phases_headline(const struct phases *p, int64_t now, struct window *w, double *seconds)
{
    struct window whole;
    double whole_s;
    phases_windows(p, now, true, w, seconds);
    phases_windows(p, now, false, &whole, &whole_s);
    if (steady_counts(*seconds, whole_s))
        return true;
    *w = whole;
    *seconds = whole_s;
    return false;
}

bool phase_headline(const struct phase *p, int64_t now, const struct window **w, double *seconds)
{
    double steady = window_seconds(&p->steady, now), whole = window_seconds(&p->whole, now);
    bool counts = steady_counts(steady, whole);
    *w = counts ? &p->steady : &p->whole;
    *seconds = counts ? steady : whole;
    return counts;
}
