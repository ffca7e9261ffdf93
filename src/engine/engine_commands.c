/* What the workers are told to do, and the commands that change it. */
#include "engine/inside.h"
#include "clock.h"

#include "fmt.h"
#include "grid.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- the target ---- */

void engine_wake_workers(struct engine *g)
{
    g->woken_at = clock_ns();
    for (int i = 0; i < g->workers_n; i++)
        worker_wake(g->workers[i]);
}

void engine_set_target(struct engine *g, const struct load_target *t)
{
    pthread_mutex_lock(&g->shared.lock);
    unsigned version = g->shared.target.version + 1;
    g->shared.target = *t;
    g->shared.target.version = version;
    pthread_mutex_unlock(&g->shared.lock);
    engine_wake_workers(g);
}

void engine_open_phase(struct engine *g, const struct load_target *t, int64_t now)
{
    phases_open(&g->result.phases, &(struct phase_target){t->phase, t->streams, t->context, t->max_tokens, t->rate}, g->step_begun ? now : 0);
    struct phase *p = phases_current(&g->result.phases);
    if (p != NULL)
        p->repeated = g->steps[g->step].repeated;
    rows_phase(g, phases_current(&g->result.phases), now);
}

bool engine_loading(const struct engine *g)
{
    return g->state == RUN_WARMUP || g->state == RUN_LOAD || g->state == RUN_PAUSED;
}

static void change_target(struct engine *g, struct load_target *t, int64_t now)
{
    t->phase++;
    t->stretch++;
    batches_clear(&g->rates);
    g->rates_at = 0;
    if (g->state != RUN_PAUSED)
        engine_open_phase(g, t, now);
    engine_set_target(g, t);
}

/* A load that nobody can change is the same one after a pause; one that keys change begins anew, and so parts repeats. */
static void go_on(struct engine *g, struct load_target *t, int64_t now)
{
    if (!engine_load_fixed(g)) {
        change_target(g, t, now);
        return;
    }
    t->stretch++;
    g->pauses++;
    batches_clear(&g->rates);
    g->rates_at = 0;
    g->matrix_live.at = g->try_at = 0;
    phases_go_on(&g->result.phases, g->step_begun ? now : 0);
    engine_set_target(g, t);
}

int64_t engine_end_pause(struct engine *g, int64_t now)
{
    if (g->state != RUN_PAUSED)
        return now;
    g->paused_ns += now - g->paused_since;
    return g->paused_since;
}

static void command_pause(struct engine *g, int64_t now)
{
    struct load_target t = g->shared.target;
    if (g->steps[g->step].agent) {
        engine_note(g, 1, "the agent sends what it wants: it cannot be paused");
        return;
    }
    t.paused = !t.paused;
    if (t.paused) {
        phases_close(&g->result.phases, now);
        g->paused_since = now;
        g->state = RUN_PAUSED;
        engine_set_target(g, &t);
    } else {
        engine_end_pause(g, now);
        if (g->deadline != 0)
            g->deadline += now - g->paused_since;
        if (t.open)
            schedule_shift(&g->shared.schedule, now - g->paused_since);
        g->state = g->step_begun ? RUN_LOAD : RUN_WARMUP;
        go_on(g, &t, now);
    }
    engine_note(g, 0, "%s", t.paused ? "paused" : "resumed");
}

/* A ramp ends there.  False where there is no rate to set. */
static bool set_rate(struct engine *g, struct load_target *t, double rate, int64_t now)
{
    if (!t->open || g->cfg->trace != NULL) {
        engine_note(g, 1, t->open ? "the trace decides when requests are sent" : "there is no rate: requests are sent when a stream is free (--rate)");
        return false;
    }
    struct arrival_config c = g->steps[g->step].arrival;
    t->rate = MAX_OF(MIN_OF(rate, RATE_MAX), RATE_MIN);
    c.rate = t->rate;
    c.ramp_ns = 0;
    /* In a pause nothing is due: the new rate begins where the pause did, and its end moves all of it. */
    schedule_rate(&g->shared.schedule, &c, g->state == RUN_PAUSED ? g->paused_since : now);
    return true;
}

bool engine_load_fixed(const struct engine *g)
{
    return g->cfg->steps_n > 0 || g->cfg->load_fixed || engine_searches(g);
}

static void set_value(struct engine *g, const struct command *c, int64_t now)
{
    if (engine_load_fixed(g)) {
        const char *part = g->steps[g->step].part;
        engine_note(g, 1, "%s decides the load: space pauses it",
                    engine_searches(g) ? "the search" : part == NULL ? "tune" : strcmp(part, PART_MATRIX) == 0 ? "the " PART_MATRIX : "the suite");
        return;
    }
    if (g->trace.n > 0 && (c->kind == CMD_CONTEXT || c->kind == CMD_MAX_TOKENS)) {
        engine_note(g, 1, "the trace decides how long requests are");
        return;
    }
    if (g->prompts.kind == PROMPT_FILE && c->kind == CMD_CONTEXT) {
        engine_note(g, 1, "the file of prompts decides how long they are");
        return;
    }
    struct load_target t = g->shared.target;
    int64_t limit = g->result.pre.server.max_model_len;
    int64_t room = limit > 0 ? limit : TOKENS_MAX;
    int64_t v = MAX_OF(c->value, 1);
    if (c->kind == CMD_STREAMS && v > g->streams_most)
        engine_note(g, 1, "no more than %d streams: 'ulimit -n' allows no more open files", g->streams_most);
    if (c->kind == CMD_STREAMS)
        t.streams = (int)MIN_OF(v, g->streams_most);
    else if (c->kind == CMD_CONTEXT)
        t.context = MIN_OF(v, room - t.max_tokens);
    else if (c->kind == CMD_MAX_TOKENS)
        t.max_tokens = MIN_OF(v, room - t.context);
    else if (!set_rate(g, &t, (double)v / 1000, now))
        return;
    if (t.streams == g->shared.target.streams && t.context == g->shared.target.context &&
        t.max_tokens == g->shared.target.max_tokens && !(t.rate > g->shared.target.rate) && !(t.rate < g->shared.target.rate))
        return;
    lengths_scale(&t.context_of, t.context);
    lengths_scale(&t.output_of, t.max_tokens);
    change_target(g, &t, now);
    char rate[FMT_SIZE + 16] = "", n[FMT_SIZE];
    if (t.open)
        snprintf(rate, sizeof rate, "%s requests/s, ", fmt_requests(n, t.rate));
    char context[FMT_SIZE + 16] = "";
    if (t.context > 0)
        snprintf(context, sizeof context, "context %" PRId64 ", ", t.context);
    engine_note(g, 0, "now %s%d streams, %soutput %" PRId64, rate, t.streams, context, t.max_tokens);
}

void engine_cancel_step(struct engine *g)
{
    struct load_target t = g->shared.target;
    t.cancel = t.draining = true;
    engine_set_target(g, &t);
}

void engine_cancel_all(struct engine *g, int64_t now)
{
    if (g->cancelled)
        return;
    g->cancelled = true;
    if (engine_loading(g))
        engine_count_unsent(g, engine_end_pause(g, now));
    phases_close(&g->result.phases, now);
    if (g->result.load_end == 0)
        g->result.load_end = now;
    struct load_target t = g->shared.target;
    t.cancel = t.draining = true;
    g->state = RUN_DRAIN;
    g->drain_start = now;
    engine_set_target(g, &t);
}

void engine_mark(struct engine *g, int64_t at, const char *text)
{
    snapshot_mark(&g->view, engine_seconds(g, at), text);
    rows_mark(g, at, text);
}

static void obey(struct engine *g, const struct command *c, int64_t now)
{
    switch (c->kind) {
    case CMD_STOP:
        g->stop_asked = true;
        atomic_store(&g->stop, true);
        if (g->state == RUN_WATCH)
            engine_note(g, 0, "stopped");
        if (engine_loading(g) || g->state == RUN_DRAIN) {
            engine_note(g, 0, "stopped: what is in flight is cancelled");
            engine_cancel_all(g, now);
        }
        break;
    case CMD_PAUSE:
        if (engine_loading(g))
            command_pause(g, now);
        break;
    case CMD_MARK:
        engine_mark(g, MAX_OF(now - MAX_OF(c->value, 0) * NS_PER_MS, g->result.start_ns), c->text[0] != '\0' ? c->text : "mark");
        break;
    case CMD_RESET:
        shown_reset(&g->shown, &g->view, engine_seconds(g, now));
        engine_note(g, 0, "percentiles and histograms begin anew");
        break;
    case CMD_SEEK:
    case CMD_SPEED:
        break; /* live there is one time */
    case CMD_TEXT:
        atomic_store(&g->shared.text_of, c->value);
        g->view.text_stream = 0;
        break;
    case CMD_PAGE:
        engine_want_page(g, c->value != 0);
        break;
    case CMD_STREAMS:
    case CMD_CONTEXT:
    case CMD_MAX_TOKENS:
    case CMD_RATE:
        if (engine_loading(g))
            set_value(g, c, now);
        break;
    }
}

void engine_take_commands(struct engine *g, int64_t now)
{
    struct command todo[COMMANDS_MAX];
    pthread_mutex_lock(&g->lock);
    int n = g->commands_n;
    memcpy(todo, g->commands, (size_t)n * sizeof *todo);
    g->commands_n = 0;
    pthread_mutex_unlock(&g->lock);
    for (int i = 0; i < n; i++)
        obey(g, &todo[i], now);
}
