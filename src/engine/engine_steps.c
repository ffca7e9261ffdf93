/* What is sent, one step after the other: a plain run has one, a suite many.  Between two steps all streams are idle. */
#include "engine/inside.h"
#include "clock.h"
#include "fmt.h"
#include "grid.h"
#include "suite.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A plain run is a suite of one. */
void engine_plan_steps(struct engine *g)
{
    const struct run_config *c = g->cfg;
    bool suite = c->steps_n > 0;
    if (!suite)
        g->only = (struct load_step){.streams = c->max_num_seqs, .context = prompt_context(c), .max_tokens = c->max_tokens,
                                     .context_of = c->context_of, .output_of = c->output_of, .arrival = c->arrival,
                                     .requests = c->requests, .duration_ns = c->duration_ns, .until_ci = c->until_ci, .warmup = c->warmup};
    g->steps = suite ? c->steps : &g->only;
    g->steps_n = suite ? c->steps_n : 1;
    if (c->find_capacity)
        engine_plan_capacity(g);
    size_t most = MAX_OF(g->steps_n, c->find_capacity ? (size_t)CAPACITY_TRIES : 1);
    g->left_out = xcalloc(most, sizeof *g->left_out);
    g->repeated = xcalloc(most, sizeof *g->repeated);
    for (size_t i = 0; i < most; i++)
        g->repeated[i] = (struct prompt_set){.kind = PROMPT_SHARED, .seed = (uint64_t)c->seed + 1 + i};
}

/* ---- how long it will take ---- */

#define GUESS_PREFILL 1000.0 /* tok/s, before anything is known */
#define GUESS_TPOT 30.0      /* ms */

static double mean_of(const struct tally *t, enum metric_id m)
{
    return t->hist[m] != NULL ? hist_mean(t->hist[m]) / metrics[m].scale : (double)NAN;
}

static void learn_speed(const struct engine *g, struct suite_speed *v)
{
    const struct phases *p = &g->result.phases;
    double first[M_REQUEST_COUNT_];
    timeline_numbers(&g->result.pre.first.tl, first);
    double tpot = mean_of(&p->total, M_TPOT), prefill = mean_of(&p->total, M_PREFILL_RATE);
    v->tpot_ms = isfinite(tpot) ? tpot : isfinite(first[M_TPOT]) ? first[M_TPOT] : GUESS_TPOT;
    v->prefill_tok_s = isfinite(prefill) && prefill > 1 ? prefill : GUESS_PREFILL;
}

/* Streams × tokens of each: what a load asks of the server's memory.  Of an open loop the streams are a bound, and the rate counts. */
static double tokens_of(const struct load_step *s)
{
    return (double)s->streams * (s->arrival.rate > 0 ? s->arrival.rate : 1) * (double)(s->context + s->max_tokens);
}

static bool too_long(const struct engine *g, const struct load_step *s)
{
    int64_t limit = g->result.pre.server.max_model_len;
    return s->part != NULL && limit > 0 && s->context + s->max_tokens > limit;
}

/* The guard has stopped one that asked for no more. */
static bool too_much(const struct engine *g, const struct load_step *s)
{
    return g->guarded_tokens > 0 && tokens_of(s) >= g->guarded_tokens;
}

bool engine_fits(const struct engine *g, const struct load_step *s)
{
    return !too_long(g, s) && !too_much(g, s);
}

static bool same_part(const struct load_step *a, const struct load_step *b)
{
    return a->part != NULL && b->part != NULL && strcmp(a->part, b->part) == 0;
}

static double seconds_of(const struct engine *g, size_t from, bool part_only)
{
    struct suite_speed v;
    double sum = 0;
    learn_speed(g, &v);
    for (size_t i = from; i < g->steps_n && (!part_only || same_part(&g->steps[i], &g->steps[from])); i++)
        if (engine_fits(g, &g->steps[i]))
            sum += suite_estimate(&g->steps[i], &v);
    return sum;
}

static bool is_grid(const struct load_step *s)
{
    return s->part != NULL && strcmp(s->part, PART_MATRIX) == 0;
}

/* One of several loads that are looked at one by one. */
static bool is_one_of_many(const struct load_step *s)
{
    return s->part != NULL && (is_grid(s) || strcmp(s->part, PART_CAPACITY) == 0);
}

static void announce_many(struct engine *g)
{
    char left[FMT_SIZE], goals[160];
    if (engine_searches(g)) {
        slo_text(&g->cfg->slo, goals, sizeof goals);
        engine_note(g, 0, "capacity: the most %s at which 95 %% of the requests meet %s; within %s",
                    g->capacity.by_rate ? "requests a second" : "streams", goals, fmt_about(left, (double)g->cfg->budget_ns / 1e9));
        return;
    }
    size_t n = 0;
    for (size_t i = 0; i < g->steps_n; i++)
        n += engine_fits(g, &g->steps[i]);
    engine_note(g, 0, "matrix: %zu loads, one after the other, about %s", n, fmt_about(left, seconds_of(g, 0, false)));
}

/* "stability: 18 requests of 1k, 2k, 4k + 48 tokens, 1 at a time, about 40 s" */
static void announce(struct engine *g, size_t from)
{
    const struct load_step *s = &g->steps[from];
    if (engine_searches(g) || is_grid(s)) {
        announce_many(g);
        return;
    }
    int64_t requests = 0, least = s->max_tokens, most = least, streams = 1;
    char lengths[96], output[48], a[FMT_SIZE], b[FMT_SIZE];
    lengths[0] = '\0';
    for (size_t i = from, last = 0; i < g->steps_n && same_part(s, &g->steps[i]); i++) {
        const struct load_step *k = &g->steps[i];
        requests += engine_fits(g, k) ? k->requests : 0;
        streams = MAX_OF(streams, k->streams);
        least = MIN_OF(least, k->max_tokens);
        most = MAX_OF(most, k->max_tokens);
        size_t n = strlen(lengths);
        if (i == from || k->context != (int64_t)last)
            snprintf(lengths + n, sizeof lengths - n, "%s%s", n > 0 ? ", " : "", fmt_tokens(a, (double)k->context));
        last = (size_t)k->context;
    }
    if (least == most)
        snprintf(output, sizeof output, "%s", fmt_tokens(a, (double)most));
    else
        snprintf(output, sizeof output, "%s to %s", fmt_tokens(a, (double)least), fmt_tokens(b, (double)most));
    engine_note(g, 0, "%s: %" PRId64 " requests of %s + %s tokens, %s%" PRId64 " at a time, about %s", s->part, requests, lengths,
                output, streams > 1 ? "up to " : "", streams, fmt_about(a, seconds_of(g, from, true)));
}

/* ---- one step after the other ---- */

static void begin_agent(struct engine *g)
{
    const struct run_config *c = g->cfg;
    struct load_target t = g->shared.target;
    struct err e;
    g->state = RUN_LOAD;
    t.streams = 0;
    t.draining = true;
    t.step = (int)g->step;
    g->agent = agent_start(c, &g->http, &g->result.pre.server, g->result.pre.fields, &g->stop, &e);
    if (g->agent == NULL)
        engine_note(g, 2, "agent: %s", e.msg);
    else
        engine_note(g, 0, "agent: 3 scenarios, each %" PRId64 " times by the agent and %" PRId64 " times without it", c->agent.runs,
                    c->agent.runs);
    engine_set_target(g, &t);
}

static void note_answer(struct engine *g, const struct agent_row *r)
{
    if (r->tl.outcome != OUT_OK && r->tl.outcome != OUT_CANCELLED)
        engine_note(g, 2, "agent, %s%s: %s%s%s", r->scenario, r->direct ? ", without the agent" : "", outcome_name(r->tl.outcome),
                    r->error[0] != '\0' ? ": " : "", r->error);
}

void engine_take_agent(struct engine *g, int64_t now)
{
    struct agent_row r;
    if (!g->steps[g->step].agent)
        return;
    while (g->agent != NULL && agent_take(g->agent, &r)) {
        rows_agent(g, &r);
        note_answer(g, &r);
    }
    if (g->agent != NULL && !agent_over(g->agent))
        return;
    if (g->agent != NULL)
        agent_free(g->agent);
    g->agent = NULL;
    if (g->state == RUN_LOAD)
        engine_begin_drain(g, now, END_REQUESTS);
}

static bool opens(const struct engine *g, const struct load_step *s)
{
    return s->arrival.rate > 0 || g->trace.n > 0;
}

#define AWAKE_NS (10 * NS_PER_MS) /* until then the workers know of it: the first request is no later than the others */

static void begin_schedule(struct engine *g, const struct load_step *s, const struct load_target *t, int64_t now)
{
    schedule_begin(&g->shared.schedule, &s->arrival, g->trace.n > 0 ? &g->trace : NULL, (uint64_t)g->cfg->seed + (uint64_t)t->step, t->workload,
                   now + AWAKE_NS);
}

static void begin_step(struct engine *g, size_t step, int64_t now)
{
    const struct load_step *s = &g->steps[step];
    struct load_target t = g->shared.target;
    g->step = step;
    g->step_begun = false;
    g->deadline = 0;
    g->result.load_end = 0;
    g->result.end = END_NONE;
    if (is_one_of_many(s)) /* percentiles over several loads would say nothing */
        shown_reset(&g->shown, &g->view, engine_seconds(g, now));
    batches_clear(&g->rates);
    g->rates_at = 0;
    g->step_at = now;
    if (s->agent) {
        begin_agent(g);
        return;
    }
    g->state = s->warmup > 0 || opens(g, s) ? RUN_WARMUP : RUN_LOAD; /* the first arrival may be long in coming */
    t.streams = (int)s->streams;
    t.context = s->context;
    t.max_tokens = s->max_tokens;
    t.context_of = s->context_of.a > 0 ? s->context_of : (struct lengths){.a = (double)s->context};
    t.output_of = s->output_of.a > 0 ? s->output_of : (struct lengths){.a = (double)s->max_tokens};
    t.workload = (struct workload){atomic_load(&g->shared.next_seq), (uint64_t)s->warmup, (uint64_t)s->requests};
    t.open = opens(g, s);
    t.rate = t.open ? arrivals_rate(&s->arrival, 0) : 0;
    t.prompts = s->repeated ? &g->repeated[step] : &g->prompts;
    t.draining = t.cancel = t.paused = false; /* the guard may have ended the last one in a pause */
    t.step = (int)step;
    t.phase = g->result.phases.n == 0 ? 0 : t.phase + 1;
    t.stretch++;
    if (s->part != NULL && (step == 0 || !same_part(s, &g->steps[step - 1])))
        announce(g, step);
    engine_open_phase(g, &t, now);
    if (t.open)
        begin_schedule(g, s, &t, now);
    engine_set_target(g, &t);
}

static void leave_out(struct engine *g, size_t at)
{
    const struct load_step *s = &g->steps[at];
    char why[96];
    if (too_long(g, s))
        snprintf(why, sizeof why, "%" PRId64 " + %" PRId64 " tokens exceed the %" PRId64 " that the server can hold", s->context, s->max_tokens,
                 g->result.pre.server.max_model_len);
    else
        snprintf(why, sizeof why, "the guard has stopped a load that was no larger");
    g->left_out[at] = true;
    engine_note(g, 1, "%s, %s: left out: %s", s->part, s->what, why);
    rows_left_out(g, s, why);
}

/* Begins the first step from `at` on that the server can hold; the others are named. */
static bool begin_from(struct engine *g, size_t at, int64_t now)
{
    for (; at < g->steps_n; at++) {
        const struct load_step *s = &g->steps[at];
        if (engine_fits(g, s)) {
            begin_step(g, at, now);
            return true;
        }
        leave_out(g, at);
    }
    return false;
}

bool engine_can_begin(struct engine *g)
{
    for (size_t i = 0; i < g->steps_n; i++)
        if (engine_fits(g, &g->steps[i]))
            return true;
    return err_set(&g->result.error, "none of the loads fits into the %" PRId64 " tokens that '%s' can hold",
                   g->result.pre.server.max_model_len, g->result.pre.server.address);
}

void engine_first_step(struct engine *g, int64_t now)
{
    begin_from(g, 0, now);
}

static bool any_later(const struct engine *g)
{
    for (size_t i = g->step + 1; i < g->steps_n; i++)
        if (engine_fits(g, &g->steps[i]))
            return true;
    return false;
}

bool engine_next_step(struct engine *g, int64_t now)
{
    if (!engine_next_try(g))
        return false;
    if (g->stop_asked && any_later(g) && g->result.end != END_GUARD) /* how the load before ended is not how the run did */
        g->result.end = END_STOPPED;
    if (g->guard.done != GUARD_NOTHING && g->guarded_tokens > 0) { /* memory is back */
        double ram = g->guard.ram_line, gtt = g->guard.gtt_line;
        guard_off(&g->guard);
        g->guard.ram_line = ram;
        g->guard.gtt_line = gtt;
    }
    return !g->cancelled && g->guard.done == GUARD_NOTHING && begin_from(g, g->step + 1, now);
}

/* ---- a matrix and the guard ---- */

bool engine_goes_on(const struct engine *g)
{
    if (engine_searches(g))
        return g->guarded_tokens > 0 && !g->capacity.over;
    return g->guarded_tokens > 0 && any_later(g);
}

void engine_note_guarded(struct engine *g)
{
    const struct load_step *s = &g->steps[g->step];
    if (is_one_of_many(s))
        g->guarded_tokens = g->guarded_tokens > 0 ? fmin(g->guarded_tokens, tokens_of(s)) : tokens_of(s);
}

#define COMES_BACK_NS (30 * NS_PER_SEC)

bool engine_must_wait(struct engine *g, int64_t now)
{
    g->waits = false;
    if (g->guard.done == GUARD_NOTHING || g->cancelled || !engine_goes_on(g))
        return false;
    const struct memory_view *m = &g->view.memory;
    bool low = m->ram_available.value < g->guard.ram_line || engine_gtt_headroom(g) < g->guard.gtt_line;
    if (low && now - g->drain_start > COMES_BACK_NS) {
        engine_note(g, 2, "guard: memory has not come back within 30 s: this is the end");
        engine_cancel_all(g, now);
        return false;
    }
    g->waits = low;
    return low;
}

/* ---- a rate that is known well enough ---- */

#define CI_LEAST_S 10

void engine_see_rate(struct engine *g, int64_t now)
{
    double share = g->steps[g->step].until_ci;
    const struct phase *p = phases_current(&g->result.phases);
    if (!(share > 0) || p == NULL || p->stretch[p->stretches - 1].steady.from == 0)
        return;
    if (g->rates_at == 0) {
        g->rates_at = now;
        g->rates_tokens = g->live.total;
    }
    double s = (double)(now - g->rates_at) / 1e9;
    if (s < 1)
        return;
    batches_add(&g->rates, (g->live.total - g->rates_tokens) / s);
    g->rates_at = now;
    g->rates_tokens = g->live.total;
    struct batch_interval i = batches_interval(&g->rates);
    if (!(i.margin <= share * i.mean) || g->rates.n * g->rates.per < CI_LEAST_S)
        return;
    char a[FMT_SIZE], b[FMT_SIZE];
    engine_note(g, 0, "output rate %s ± %s tok/s (95 %%, %d batches): known well enough", fmt_rate(a, i.mean), fmt_rate(b, i.margin), i.batches);
    engine_begin_drain(g, now, END_PRECISION);
}

/* ---- the checklist ---- */

static enum part_state state_of(const struct engine *g, size_t from)
{
    const struct load_step *s = &g->steps[from];
    bool any = false, later = false, now = false;
    for (size_t i = from; i < g->steps_n && same_part(s, &g->steps[i]); i++) {
        any |= engine_fits(g, &g->steps[i]);
        later |= i > g->step && engine_fits(g, &g->steps[i]);
        now |= i == g->step;
    }
    if (!any)
        return PART_LEFT_OUT;
    if (now)
        return g->state == RUN_DONE ? PART_DONE : PART_RUNNING;
    return later ? PART_WAITING : PART_DONE;
}

void engine_fill_suite(struct engine *g)
{
    struct suite_view *v = &g->view.suite;
    const struct load_step *s = &g->steps[g->step];
    v->parts_n = 0;
    if (s->part == NULL)
        return;
    for (size_t i = 0; i < g->steps_n && v->parts_n < SNAP_PARTS; i++) {
        if (i > 0 && same_part(&g->steps[i], &g->steps[i - 1]))
            continue;
        str_copy(v->part[v->parts_n].name, sizeof v->part[0].name, g->steps[i].part);
        v->part[v->parts_n++].state = state_of(g, i);
    }
    if (g->agent != NULL)
        agent_place(g->agent, v->step, sizeof v->step, &v->done, &v->planned);
    v->left_s = (double)NAN;
    if (s->agent)
        return;
    str_copy(v->step, sizeof v->step, s->what);
    struct phases *p = &g->result.phases;
    v->done = p->n > 0 ? p->list[p->n - 1]->tally.requests : 0;
    v->planned = (uint64_t)s->requests;
    if (is_one_of_many(s)) {
        v->done = g->step + 1;
        v->planned = g->steps_n;
    }
    struct suite_speed speed;
    learn_speed(g, &speed);
    double share = s->requests > 0 && !is_grid(s) ? MIN_OF(1.0, (double)v->done / (double)s->requests) : 0;
    double here = suite_estimate(s, &speed), spent = is_grid(s) && g->step_at != 0 ? (double)(g->tick_at - g->step_at) / 1e9 : 0;
    if (engine_searches(g)) {
        v->left_s = g->result.load_start != 0 ? fmax((double)(g->result.load_start + g->cfg->budget_ns - g->tick_at) / 1e9, 0) : (double)g->cfg->budget_ns / 1e9;
        return;
    }
    v->left_s = fmax(here * (1 - share) - spent, 0) + (g->step + 1 < g->steps_n ? seconds_of(g, g->step + 1, false) : 0);
}
