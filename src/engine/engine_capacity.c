/* The search for the capacity: each try is a step, and what it came to says which one is next. */
#include "engine/inside.h"
#include "clock.h"
#include "fmt.h"
#include "report/capacity_words.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

bool engine_searches(const struct engine *g)
{
    return g->cfg->find_capacity;
}

/* The next try as a step at the end of the list. */
static void add_try(struct engine *g)
{
    const struct run_config *c = g->cfg;
    struct load_step *s = &g->tries[g->steps_n++];
    *s = (struct load_step){.part = PART_CAPACITY, .what = g->try_what, .streams = c->max_num_seqs, .context = prompt_context(c), .max_tokens = c->max_tokens,
                            .context_of = c->context_of, .output_of = c->output_of, .arrival = c->arrival};
    if (g->capacity.by_rate) {
        s->arrival.rate = g->capacity.next;
        s->warmup = (int64_t)fmax((double)MAX_OF(c->warmup, INT64_C(1)), ceil(s->arrival.rate));
    } else {
        s->streams = (int64_t)g->capacity.next;
        s->warmup = MAX_OF(c->warmup, s->streams); /* they come all at once: that wave is no steady load */
    }
    capacity_load_text(g->try_what, g->capacity.by_rate, g->capacity.next);
}

void engine_plan_capacity(struct engine *g)
{
    const struct run_config *c = g->cfg;
    bool by_rate = c->arrival.rate > 0;
    capacity_begin(&g->capacity, by_rate, by_rate ? c->arrival.rate : (double)c->max_num_seqs,
                   by_rate ? RATE_MAX : (double)MIN_OF(g->streams_most, CAPACITY_STREAMS));
    g->try_running = g->try_waiting = (double)NAN;
    g->steps = g->tries;
    g->steps_n = 0;
    add_try(g);
}

/* Has it missed that objective already? */
static bool is_late(const struct stream_row *s, const struct slo_goal *goal)
{
    double waited = s->wait_s * 1000;
    bool late = waited > goal->limit;
    switch (goal->metric) {
    case M_TTFT: return isfinite(s->ttft_ms) ? s->ttft_ms > goal->limit : late;
    case M_TTFT_DUE:
    case M_TTFA: return !isfinite(s->ttft_ms) && late;
    case M_E2E: return late;
    default: return false;
    }
}

#define SILENT 4 /* times as long as the slowest one that ended well took: it is not waited for */

/* One that runs is late already, or nobody knows: it may still fail. */
static void see_running(struct engine *g, const struct phase *p, const struct stream_row *s)
{
    const struct slo *slo = &g->cfg->slo;
    const struct hist *e2e = p->tally.hist[M_E2E];
    struct cohort_one one = {.seq = s->seq, .sent = s->sent, .fate = FATE_OPEN};
    if (!s->measured || s->sent < g->step_at /* of the try before, or not sent */ || (s->state != STREAM_QUEUED && s->state != STREAM_DECODE))
        return;
    for (size_t k = 0; k < slo->n; k++)
        one.missed |= is_late(s, &slo->goal[k]) ? 1u << k : 0;
    bool silent = e2e != NULL && e2e->count > 0 && s->wait_s * 1000 > SILENT * (double)e2e->max / metrics[M_E2E].scale;
    one.failed = silent && one.missed == 0;
    if (silent || one.missed != 0)
        one.fate = FATE_BAD;
    cohort_put(&g->cohort, &one);
}

void engine_judged(struct engine *g, const struct row *r, bool known)
{
    const struct timeline *t = &r->tl;
    if (!engine_searches(g) || r->warmup)
        return;
    if (r->phase < g->cohort_phase)
        return; /* of a try that is over: its tokens were counted late */
    if (r->phase > g->cohort_phase) {
        cohort_clear(&g->cohort);
        g->cohort_phase = r->phase;
    }
    bool none = (t->outcome == OUT_CANCELLED && r->missed == 0) || r->unjudged;
    cohort_put(&g->cohort, &(struct cohort_one){.seq = r->seq, .sent = t->sent != 0 ? t->sent : t->started,
                                                .fate = !known ? FATE_OPEN : none ? FATE_NONE : r->good ? FATE_GOOD : FATE_BAD,
                                                .ended = known, .failed = known && t->outcome != OUT_OK && t->outcome != OUT_CANCELLED, .missed = r->missed});
}

static const struct phase *phase_of_step(const struct engine *g)
{
    const struct phases *p = &g->result.phases;
    return g->step_begun && p->n > 0 ? p->list[p->n - 1] : NULL;
}

/* Of the requests of that phase, those in flight too. */
static void count_cohort(struct engine *g, const struct phase *p, struct cohort_count *c)
{
    if (g->cohort_phase != p->id) {
        cohort_clear(&g->cohort);
        g->cohort_phase = p->id;
    }
    for (int i = 0; i < MIN_OF(g->shared.target.streams, SNAP_STREAMS); i++)
        see_running(g, p, &g->streams[i]);
    cohort_count(&g->cohort, c);
}

static void count(struct engine *g, struct capacity_try *t)
{
    const struct phase *p = phase_of_step(g);
    struct cohort_count c;
    t->load = g->capacity.next;
    t->running = g->try_running;
    t->waiting = g->try_waiting;
    if (p == NULL)
        return;
    count_cohort(g, p, &c);
    t->good = c.good;
    t->judged = c.good + c.bad;
    t->failed = c.failed;
    memcpy(t->missed, c.missed, sizeof t->missed);
}

static void end_try(struct engine *g, int64_t now, enum capacity_verdict verdict)
{
    static const char *const words[] = {"", "meets", "does not meet", "not decided about"};
    struct capacity_try *t = &g->tried;
    char share[FMT_SIZE];
    count(g, t);
    t->verdict = verdict;
    if (t->behind && verdict == CAPACITY_UNSURE)
        engine_note(g, 1, "%s: all %d streams are busy, and the server has no queue: a larger -c would tell", g->try_what, g->shared.target.streams);
    else if (t->behind)
        engine_note(g, 0, "%s: the server falls behind: fewer requests end than are due", g->try_what);
    else
        engine_note(g, verdict == CAPACITY_UNSURE, "%s: %s the objectives: %s of %" PRIu64 " requests met all", g->try_what, words[verdict],
                    fmt_percent_below(share, t->judged > 0 ? (double)t->good / (double)t->judged : (double)NAN, CAPACITY_SHARE), t->judged);
    engine_begin_drain(g, now, verdict == CAPACITY_UNSURE ? END_DURATION : END_PRECISION);
    engine_cancel_step(g);
}

static int in_flight(const struct engine *g)
{
    int n = 0;
    for (int i = 0; i < g->workers_n; i++)
        n += g->views[i].active;
    return n;
}

#define BUSY_NS NS_PER_SEC

/* One of them may have ended just now, and its next request not be sent yet. */
static bool all_busy(const struct engine *g, int64_t now)
{
    return g->view.overdue >= 1 && g->busy_at != 0 && now - g->busy_at < BUSY_NS;
}

/* An open loop above the capacity is found out only as its queue grows.  After a pause the count begins anew. */
static enum pace_verdict see_pace(struct engine *g, const struct phase *p, int64_t now)
{
    const struct hist *e2e = p->tally.hist[M_E2E];
    double unfinished = g->view.overdue, due = (double)g->result.sent + g->view.overdue;
    double fastest = e2e != NULL && e2e->count > 0 ? (double)e2e->min / metrics[M_E2E].scale / 1000 : (double)NAN;
    if (g->try_at == 0 || g->try_phase != p->id) {
        g->try_pace = (struct pace){PACE_OPEN, 0, 0, 0};
        g->try_phase = p->id;
        g->try_at = now;
    }
    unfinished += in_flight(g);
    return pace_see(&g->try_pace, (double)(now - g->try_at) / 1e9, unfinished, due, fastest);
}

#define RETURNS_NS (2 * NS_PER_SEC)

/* Of a server that is not there no load is too much.  Answers that broke off come before the connections that are refused: a
 * verdict waits for these. */
static bool is_away(struct engine *g, int64_t now)
{
    const struct outage *o = &g->soak.outage;
    if (outage_gone(o)) {
        g->tried.gone = true;
        end_try(g, now, CAPACITY_UNSURE);
    }
    return o->away && (g->tried.gone || now - o->since < RETURNS_NS);
}

#define BLIND_LEAST 20 /* requests that ended well and could not be judged, and not one that could */

void engine_see_capacity(struct engine *g, int64_t now)
{
    const struct phase *p = phase_of_step(g);
    if (!engine_searches(g) || (g->state != RUN_LOAD && g->state != RUN_WARMUP))
        return;
    if (g->result.load_start != 0 && now - g->result.load_start - g->paused_ns > g->cfg->budget_ns) {
        end_try(g, now, CAPACITY_UNSURE);
        return;
    }
    if (is_away(g, now) || p == NULL || g->state != RUN_LOAD)
        return;
    g->try_running = fmax(g->try_running, g->server.running);
    g->try_waiting = fmax(g->try_waiting, g->server.waiting);
    struct cohort_count c;
    count_cohort(g, p, &c);
    enum capacity_verdict v = capacity_test(c.good, c.bad);
    /* Each stream has its say: who came first finds the places free for which the others wait. */
    if (!g->capacity.by_rate && c.good + c.bad < (uint64_t)g->steps[g->step].streams)
        v = CAPACITY_OPEN;
    g->tried.blind = tally_judged(&p->tally) == 0 && p->tally.unjudged >= BLIND_LEAST;
    if (g->tried.blind)
        v = CAPACITY_UNSURE;
    enum pace_verdict pace = g->capacity.by_rate ? see_pace(g, p, now) : PACE_KEPT;
    g->tried.behind = pace == PACE_BEHIND;
    if (in_flight(g) >= g->shared.target.streams)
        g->busy_at = now;
    g->tried.full = pace == PACE_BEHIND && all_busy(g, now);
    if (g->tried.full && v != CAPACITY_FAILS && g->server.waiting < 1) /* it may carry more than our streams can ask of it */
        v = CAPACITY_UNSURE;
    else if (pace == PACE_BEHIND)
        v = CAPACITY_FAILS;
    else if (v == CAPACITY_MEETS && pace == PACE_OPEN)
        v = CAPACITY_OPEN;
    if (v != CAPACITY_OPEN)
        end_try(g, now, v);
}

bool engine_next_try(struct engine *g)
{
    if (!engine_searches(g))
        return true;
    struct capacity_try *t = &g->tried;
    if (t->verdict == CAPACITY_OPEN) { /* somebody else has ended it */
        count(g, t);
        t->guarded = g->guard.done != GUARD_NOTHING;
        t->stopped = !t->guarded && g->cancelled;
        t->verdict = t->guarded ? CAPACITY_FAILS : CAPACITY_UNSURE;
    }
    capacity_tried(&g->capacity, t);
    *t = (struct capacity_try){.verdict = CAPACITY_OPEN};
    g->try_running = g->try_waiting = (double)NAN;
    g->result.capacity = g->capacity;
    if (g->capacity.over || g->cancelled || g->steps_n == CAPACITY_TRIES) {
        if (!g->capacity.over && g->stop_asked && g->result.end != END_GUARD)
            g->result.end = END_STOPPED; /* how the last try ended is not how the search did */
        char words[400];
        capacity_words(&g->capacity, &g->cfg->slo, prompt_context(g->cfg), words, sizeof words);
        engine_note(g, 0, "%s", words);
        return false;
    }
    add_try(g);
    return true;
}
