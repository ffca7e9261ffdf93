#include "engine/inside.h"
#include "clock.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* What is open beside a connection a stream. */
#define FILES_BESIDES 48
#define FILES_A_WORKER 8

/* ---- preflight ---- */

static void say(void *ctx, const char *what)
{
    struct engine *g = ctx;
    pthread_mutex_lock(&g->lock);
    str_copy(g->doing, sizeof g->doing, what);
    pthread_mutex_unlock(&g->lock);
}

static void *preflight_main(void *ctx)
{
    struct engine *g = ctx;
    g->preflight_ok = preflight_run(g->cfg, &g->http, &g->prompts, &g->stop, say, g, &g->result.pre, &g->result.error);
    if (g->preflight_ok)
        engine_first_look(g);
    atomic_store(&g->preflight_done, true);
    pthread_mutex_lock(&g->lock);
    pthread_cond_signal(&g->wake);
    pthread_mutex_unlock(&g->lock);
    return NULL;
}

/* ---- the schedule ---- */

/* The earliest of what the workers tell of this step: its first request, or its end for want of requests.  0: not yet. */
static int64_t earliest(const struct engine *g, bool end)
{
    int64_t first = 0;
    for (int i = 0; i < g->workers_n; i++) {
        const struct worker_view *v = &g->views[i];
        int64_t t = end ? v->dry_at : v->load_start;
        if (v->step == g->shared.target.step && t != 0 && (first == 0 || t < first))
            first = t;
    }
    return first;
}

static void see_load_begin(struct engine *g)
{
    struct run_result *r = &g->result;
    int64_t at = g->step_begun ? 0 : earliest(g, false);
    if (at == 0)
        return;
    g->step_begun = true;
    if (r->load_start == 0)
        r->load_start = at;
    phases_begin(&r->phases, at);
    if (g->shared.target.open) /* arrivals are steady from their first measured one on */
        phases_steady(&r->phases, at);
    if (g->state == RUN_WARMUP) {
        g->state = RUN_LOAD;
        g->next_sample = g->tick_at; /* what comes from here on lies between two samples of the load */
    }
    if (g->steps[g->step].duration_ns > 0)
        g->deadline = at + g->steps[g->step].duration_ns;
    if (g->deadline != 0 && g->shared.target.open)
        schedule_until(&g->shared.schedule, g->deadline);
}

static void see_steady(struct engine *g)
{
    int ready = 0;
    int64_t at = 0;
    for (int i = 0; i < g->workers_n; i++) {
        if (g->views[i].stretch != g->shared.target.stretch)
            return;
        ready += g->views[i].ready;
        at = MAX_OF(at, g->views[i].ready_at);
    }
    if (g->shared.target.open && g->step_begun)
        phases_steady(&g->result.phases, 0); /* a phase opened by a key: from its beginning */
    else if (!g->shared.target.open && ready >= g->shared.target.streams)
        phases_steady(&g->result.phases, at);
}

#define NOT_SENT_MOST 10000000

void engine_count_unsent(struct engine *g, int64_t at)
{
    /* A try of a search is broken off as soon as enough is known of it. */
    if (g->shared.target.open && g->step_begun && !engine_searches(g))
        g->result.not_sent += (uint64_t)schedule_waiting(&g->shared.schedule, at - 1, NOT_SENT_MOST); /* what is due at the end is not in it */
}

void engine_begin_drain(struct engine *g, int64_t at, enum run_end why)
{
    engine_count_unsent(g, engine_end_pause(g, at));
    g->result.end = why;
    g->result.load_end = at;
    phases_end(&g->result.phases, at);
    struct load_target t = g->shared.target;
    t.draining = true;
    g->state = RUN_DRAIN;
    g->drain_start = at;
    engine_set_target(g, &t);
}

static bool all_idle(const struct engine *g)
{
    for (int i = 0; i < g->workers_n; i++)
        if (g->views[i].version != g->shared.target.version || g->views[i].active > 0)
            return false;
    return true;
}

/* Only a stream that has sent a request tells that there are no more; a key may have taken away all that had.  The workers must
 * have been heard once more since it seemed so: one may just have begun the last request. */
static bool nothing_left(struct engine *g, int64_t now)
{
    const struct load_target *t = &g->shared.target;
    struct workload_item item;
    if (t->open || !g->step_begun || !all_idle(g) || workload_next(&t->workload, atomic_load(&g->shared.next_seq), 0, &item)) {
        g->nothing_since = 0;
        return false;
    }
    if (g->nothing_since == 0)
        g->nothing_since = now;
    for (int i = 0; i < g->workers_n; i++)
        if (g->views[i].at <= g->nothing_since)
            return false;
    return true;
}

static void see_load_end(struct engine *g, int64_t now)
{
    int64_t dry = earliest(g, true);
    if (dry != 0)
        engine_begin_drain(g, dry, END_REQUESTS);
    else if (nothing_left(g, now))
        engine_begin_drain(g, now, END_REQUESTS);
    else if (g->deadline != 0 && now >= g->deadline && g->state != RUN_PAUSED)
        engine_begin_drain(g, g->deadline, END_DURATION);
}

/* ---- beginning and end ---- */

static int workers_wanted(const struct run_config *c)
{
    if (c->workers > 0)
        return (int)c->workers;
    /* One core stays free for the rest of this program, and for the server where it is local: with as many workers as
     * cores each wakes up for fewer events, and a token costs a third more. */
    long cores = sysconf(_SC_NPROCESSORS_ONLN) - 1;
    return (int)(cores < 1 ? 1 : MIN_OF(cores, 4L));
}

static void fail(struct engine *g)
{
    if (g->early != NULL)
        scraper_stop(g->early);
    g->early = NULL;
    g->result.end = g->stop_asked ? END_STOPPED : END_FAILED;
    g->state = g->stop_asked ? RUN_DONE : RUN_FAILED;
    str_copy(g->view.status, sizeof g->view.status, g->result.error.msg);
}

static void begin_load(struct engine *g, int64_t now)
{
    struct run_result *r = &g->result;
    const struct run_config *c = g->cfg;
    g->shared.server = &r->pre.server;
    g->shared.http = &g->http;
    g->shared.fields = r->pre.fields;
    g->shared.scale = r->pre.scale;
    if (c->prefix_tokens > 0) {
        g->prompts.prefix_words = prompt_plain_words(&r->pre.scale, c->prefix_tokens);
        g->prompts.prefix_count = (uint64_t)c->prefix_count;
    }
    snprintf(g->shared.url, sizeof g->shared.url, "%s/v1/%s", r->pre.server.base,
             c->endpoint == ENDPOINT_CHAT ? "chat/completions" : "completions");
    g->server_known = true;
    engine_know_server(g);
    engine_fill_memory(g, now); /* whose it is may be another matter now */
    struct err why;
    g->runlog = runlog_open(c->out, c->label != NULL ? c->label : r->pre.server.model, &why);
    if (g->runlog == NULL) {
        engine_note(g, 2, "no run file: %s", why.msg);
        str_copy(r->lost_why, sizeof r->lost_why, why.msg);
    }
    else
        str_copy(r->run_file, sizeof r->run_file, runlog_path(g->runlog));
    rows_header(g);
    if (g->runlog != NULL)
        engine_tell_file(g);
    rows_request(g, &r->pre.first);
    g->scraper = g->early;
    engine_see_counters(g); /* as it was before the load */
    engine_want_page(g, g->counters.page_wanted);
    bool count = r->pre.first.tl.source == TOK_EVENTS && r->pre.server.kind->tokenize != TOKENIZE_NONE;
    g->shared.keep_text = count || c->save_text;
    if (count)
        g->counter = counter_start(&r->pre.server, &g->http);
    g->workers_n = workers_wanted(c);
    g->workers = xcalloc((size_t)g->workers_n, sizeof(struct worker *));
    for (int i = 0; i < g->workers_n; i++)
        g->workers[i] = worker_start(&g->shared, i, g->workers_n);
    engine_first_step(g, now);
}

static void wind_up(struct engine *g)
{
    struct run_result *r = &g->result;
    engine_take_agent(g, clock_ns());
    engine_join_workers(g);
    r->end_ns = clock_ns();
    engine_finish_counting(g);
    phases_settle(&r->phases, INT64_MAX);
    engine_judge_client(r);
    if (r->end == END_NONE)
        r->end = END_STOPPED;
    if (g->guarded_tokens > 0)
        r->end = END_GUARD;
    g->state = RUN_DONE;
    g->matrix_due = 0;
    engine_last_look(g);
    engine_fill_view(g, r->end_ns);
    r->matrix = g->view.matrix;
    rows_sample(g, r->end_ns);
    if (g->scraper != NULL)
        scraper_stop(g->scraper);
    g->scraper = NULL;
    if (g->runlog != NULL) { /* what is lost by now: the summary is the file's last word on it */
        struct runlog_state state;
        runlog_look(g->runlog, &state);
        r->lost_lines = state.lost;
    }
    rows_summary(g);
    if (g->runlog != NULL) {
        r->lost_lines = runlog_close(g->runlog, r->lost_why, sizeof r->lost_why);
        g->runlog = NULL;
    }
}

/* ---- the tick ---- */

static void load_tick(struct engine *g, int64_t now)
{
    engine_take_sets(g);
    engine_take_counted(g);
    engine_take_agent(g, now);
    see_load_begin(g);
    see_steady(g);
    engine_see_guard(g, now);
    if (g->state == RUN_LOAD || g->state == RUN_WARMUP)
        see_load_end(g, now);
    if (g->state == RUN_LOAD)
        engine_see_rate(g, now);
    engine_see_capacity(g, now);
    if (g->state == RUN_DRAIN) {
        if (all_idle(g) && g->agent == NULL && !engine_must_wait(g, now) && !engine_next_step(g, now)) {
            wind_up(g);
            return;
        }
    }
    if (g->state == RUN_DRAIN) {
        if (!g->shared.target.cancel && now - g->drain_start > g->cfg->drain_ns)
            engine_cancel_step(g);
    }
    phases_settle(&g->result.phases, engine_settled(g, now));
    engine_judge_client(&g->result);
    engine_wake_workers(g);
}

static int64_t tick_ns(const struct engine *g)
{
    return g->cfg->watch ? WATCH_TICK_NS : TICK_NS;
}

/* `watch`: the looks at memory come often enough, and a tick with each. */
static bool looks_come(const struct engine *g)
{
    return g->cfg->watch && g->cfg->machine.sample_ns <= WATCH_TICK_NS && clock_ns() - g->look_at < 2 * WATCH_TICK_NS;
}

/* By the engine thread, where nothing happens before. */
static int64_t next_tick(const struct engine *g)
{
    int64_t next = g->tick_at + (looks_come(g) ? NS_PER_SEC : tick_ns(g));
    return g->cfg->watch && g->deadline != 0 ? MIN_OF(next, g->deadline) : next;
}

/* Each second, by the tick that is nearest. */
static bool sample_due(struct engine *g, int64_t now)
{
    if (now < g->next_sample - tick_ns(g) / 2)
        return false;
    bool on_time = now - g->next_sample < NS_PER_SEC;
    g->next_sample = (on_time ? g->next_sample : now) + NS_PER_SEC;
    return true;
}

/* By a look: in the thread that has looked at memory, which neither obeys commands nor ends a run. */
static void tick(struct engine *g, bool by_look)
{
    int64_t now = g->tick_at = g->turn_at = clock_ns();
    g->given = 0;
    if (!by_look)
        engine_take_commands(g, now);
    engine_see_counters(g);
    engine_see_soak(g, now);
    engine_watch_machine(g);
    engine_fill_memory(g, now);
    if (g->state == RUN_PREFLIGHT && g->cfg->watch) {
        engine_begin_watch(g, now);
    } else if (g->state == RUN_WATCH) {
        engine_watch_tick(g, now, by_look);
    } else if (g->state == RUN_PREFLIGHT && atomic_load(&g->preflight_done)) {
        pthread_join(g->preflight_thread, NULL);
        if (!g->preflight_ok || g->stop_asked || !engine_can_begin(g))
            fail(g);
        else
            begin_load(g, now);
    } else if (engine_loading(g) || g->state == RUN_DRAIN) {
        load_tick(g, now);
    }
    engine_fill_view(g, now);
    if (g->runlog != NULL && sample_due(g, now))
        rows_sample(g, now);
    engine_publish(g);
}

/* Waits until then, or for a command, or for the end of the preflight.  False where the time is over. */
static bool wait_tick(struct engine *g, int64_t next, bool preflight)
{
    struct timespec at = {next / NS_PER_SEC, next % NS_PER_SEC};
    bool in_time = true;
    pthread_mutex_lock(&g->lock);
    while (in_time && g->commands_n == 0 && !(preflight && atomic_load(&g->preflight_done)))
        in_time = pthread_cond_timedwait(&g->wake, &g->lock, &at) != ETIMEDOUT;
    pthread_mutex_unlock(&g->lock);
    return in_time;
}

static void *engine_main(void *ctx)
{
    struct engine *g = ctx;
    bool over = false, due = true;
    while (!over) {
        pthread_mutex_lock(&g->turn);
        if (due || clock_ns() >= next_tick(g)) /* a look may have had it meanwhile */
            tick(g, false);
        over = g->state == RUN_DONE || g->state == RUN_FAILED;
        int64_t next = next_tick(g);
        bool preflight = g->state == RUN_PREFLIGHT;
        pthread_mutex_unlock(&g->turn);
        due = !over && wait_tick(g, next, preflight);
    }
    pthread_mutex_lock(&g->lock);
    g->over = true;
    pthread_cond_broadcast(&g->ended);
    pthread_mutex_unlock(&g->lock);
    engine_tell_news(g);
    return NULL;
}

/* ---- the outside ---- */

static void cond_init(pthread_cond_t *c)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
}

/* `watch` goes by the looks at memory: what has been seen is on the screen at once, and nobody but the screen is woken for it. */
static void on_look(void *ctx)
{
    struct engine *g = ctx;
    pthread_mutex_lock(&g->turn);
    if (g->state == RUN_WATCH) {
        tick(g, true);
        g->look_at = g->tick_at;
    }
    pthread_mutex_unlock(&g->turn);
}

static bool not_a_url(const char *url, struct err *e)
{
    char shown[256];
    url_hide_login(url, shown, sizeof shown);
    return err_set(e, "'%s' is not an http or https URL", shown);
}

/* A trace that tells how long prompts are cannot have it of those that are as they are. */
static bool trace_fits(const struct engine *g, struct err *e)
{
    for (size_t i = 0; i < g->trace.n && g->prompts.kind == PROMPT_FILE; i++)
        if (g->trace.items[i].context > 0)
            return err_set(e, "--trace '%s' says how long prompts are, and those of --prompt '%s' are as they are: one of the two", g->cfg->trace,
                           g->cfg->prompt);
    return true;
}

static bool prepare(struct engine *g, bool *usage, struct err *e)
{
    const struct run_config *c = g->cfg;
    char base[sizeof g->result.pre.server.base];
    *usage = true;
    if (c->url != NULL && !server_base(c->url, base, sizeof base))
        return not_a_url(c->url, e);
    uint64_t files = raise_file_limit();
    int besides = FILES_BESIDES + FILES_A_WORKER * workers_wanted(c);
    g->streams_most = files < (uint64_t)(STREAMS_MAX + besides) ? MAX_OF((int)files - besides, 1) : STREAMS_MAX;
    if (c->max_num_seqs > g->streams_most)
        return err_set(e, "--max-num-seqs %" PRId64 " needs about %" PRId64 " open files, 'ulimit -n' allows %" PRIu64,
                       c->max_num_seqs, c->max_num_seqs + besides, files);
    const struct machine_config *m = &c->machine;
    const struct sampler_config s = {.roots = {m->proc_root, m->sysfs_root, m->dev_root}, .gpu = m->gpu, .memory_ns = m->sample_ns,
                                     .looked = c->watch ? on_look : NULL, .ctx = g};
    g->sampler = sampler_start(&s, e);
    if (g->sampler == NULL || !prompt_load(&g->prompts, c->prompt, (uint64_t)c->seed, c->turns, e))
        return false;
    if (!http_settings_init(&g->http, c, e))
        return false;
    if (c->trace != NULL && (!trace_load(&g->trace, c->trace, e) || !trace_fits(g, e)))
        return false;
    if (g->trace.n > 0 && (uint64_t)c->warmup >= g->trace.n)
        return err_set(e, "--warmup %" PRId64 " leaves nothing to measure of the %zu requests of '%s'", c->warmup, g->trace.n, c->trace);
    *usage = false;
    return c->out == NULL || runlog_check(c->out, e);
}

static void init_view(struct engine *g, int64_t now)
{
    snapshot_clear(&g->view);
    engine_init_counters(g);
    live_init(&g->live, now);
    g->view.state = RUN_PREFLIGHT;
    g->view.target_streams = g->cfg->watch ? 0 : (int)g->cfg->max_num_seqs;
    g->view.target_context = (int)prompt_context(g->cfg);
    g->view.target_max_tokens = (int)g->cfg->max_tokens;
    g->streams = xcalloc(SNAP_STREAMS, sizeof *g->streams);
    g->view.seq = 1; /* what is published later has other numbers: a run that fails at once is news too */
    snapshot_copy(&g->front, &g->view);
}

/* What the sampler's call needs: there before it begins. */
static struct engine *make_base(const struct run_config *cfg)
{
    struct engine *g = xcalloc(1, sizeof *g);
    g->cfg = g->shared.cfg = cfg;
    pthread_mutex_init(&g->lock, NULL);
    pthread_mutex_init(&g->turn, NULL);
    cond_init(&g->wake);
    cond_init(&g->ended);
    g->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (g->news_fd < 0)
        die("cannot make an eventfd: %s", strerror(errno));
    return g;
}

static void free_base(struct engine *g)
{
    close(g->news_fd);
    pthread_mutex_destroy(&g->lock);
    pthread_mutex_destroy(&g->turn);
    pthread_cond_destroy(&g->wake);
    pthread_cond_destroy(&g->ended);
    free(g);
}

struct engine *engine_start(const struct run_config *cfg, const char *command_line, bool *usage, struct err *e)
{
    struct engine *g = make_base(cfg);
    if (!prepare(g, usage, e)) {
        if (g->sampler != NULL)
            sampler_stop(g->sampler);
        prompt_release(&g->prompts);
        trace_release(&g->trace);
        http_settings_release(&g->http);
        free_base(g);
        return NULL;
    }
    struct run_result *r = &g->result;
    r->cfg = cfg;
    str_copy(r->command, sizeof r->command, command_line);
    clock_wall(r->started, sizeof r->started);
    r->start_ns = clock_ns();
    double nan = (double)NAN;
    r->worker_cpu = r->ram_total = r->gtt_total = r->gtt_ceiling = r->vram_total = nan;
    r->ram = r->gtt = r->vram = (struct span){nan, nan, nan};
    phases_init(&r->phases);
    shown_init(&g->shown);
    tally_init(&g->one);
    guard_off(&g->guard);
    pthread_mutex_init(&g->shared.lock, NULL);
    schedule_init(&g->shared.schedule);
    engine_plan_steps(g);
    init_view(g, r->start_ns);
    if ((!cfg->watch && pthread_create(&g->preflight_thread, NULL, preflight_main, g) != 0) ||
        pthread_create(&g->thread, NULL, engine_main, g) != 0)
        die("cannot start the engine's threads");
    return g;
}

static bool read_snapshot(void *ctx, struct snapshot *out, uint64_t seen)
{
    struct engine *g = ctx;
    pthread_mutex_lock(&g->lock);
    bool fresh = g->front.seq != seen;
    if (fresh)
        snapshot_copy(out, &g->front);
    (void)!read(g->news_fd, &(uint64_t){0}, sizeof(uint64_t)); /* it has been seen */
    pthread_mutex_unlock(&g->lock);
    return fresh;
}

void engine_send(struct engine *g, const struct command *c)
{
    pthread_mutex_lock(&g->lock);
    if (g->commands_n < COMMANDS_MAX)
        g->commands[g->commands_n++] = *c;
    else if (c->kind == CMD_STOP) /* must not be lost */
        g->commands[COMMANDS_MAX - 1] = *c;
    pthread_cond_signal(&g->wake);
    pthread_mutex_unlock(&g->lock);
    if (c->kind == CMD_STOP)
        atomic_store(&g->stop, true);
}

static void send_command(void *ctx, const struct command *c)
{
    engine_send(ctx, c);
}

struct snapshot_source engine_source(struct engine *g)
{
    return (struct snapshot_source){g, read_snapshot, send_command, g->news_fd};
}

bool engine_over(struct engine *g)
{
    pthread_mutex_lock(&g->lock);
    bool over = g->over;
    pthread_mutex_unlock(&g->lock);
    return over;
}

void engine_wait(struct engine *g, int64_t ns)
{
    int64_t until = clock_ns() + ns;
    struct timespec at = {until / NS_PER_SEC, until % NS_PER_SEC};
    pthread_mutex_lock(&g->lock);
    while (!g->over && pthread_cond_timedwait(&g->ended, &g->lock, &at) != ETIMEDOUT)
        ;
    pthread_mutex_unlock(&g->lock);
}

const struct run_result *engine_finish(struct engine *g)
{
    pthread_join(g->thread, NULL);
    sampler_stop(g->sampler);
    g->sampler = NULL;
    return &g->result;
}

void engine_free(struct engine *g)
{
    phases_release(&g->result.phases);
    shown_release(&g->shown);
    tally_release(&g->one);
    timeline_release(&g->result.pre.first.tl);
    prompt_release(&g->prompts);
    trace_release(&g->trace);
    schedule_release(&g->shared.schedule);
    http_settings_release(&g->http);
    pthread_mutex_destroy(&g->shared.lock);
    free(g->repeated);
    free(g->left_out);
    free(g->streams);
    cohort_release(&g->cohort);
    free_base(g);
}
