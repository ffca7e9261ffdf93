#include "tune/tune.h"

#include "clock.h"
#include "fmt.h"
#include "load/server.h"
#include "mask.h"
#include "report/statedir.h"
#include "tune/launch.h"
#include "tune/tune_print.h"
#include "watch/sampler.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOOK_NS (200 * NS_PER_MS)
#define BACK_NS (60 * NS_PER_SEC) /* for memory to come back after a server has ended */
#define BACK_BYTES (512.0 * 1024 * 1024)
#define FREE_NS (5 * NS_PER_SEC)  /* for the port of one that has ended */
#define USUAL_URL "http://127.0.0.1:8000"

struct tune {
    const struct tune_config *c;
    const struct run_config *base;
    char command_line[1024];
    char folder[400], url[256];
    struct http_settings http;
    struct sampler *sampler;
    atomic_bool stop;
    pthread_t thread;
    struct tune_result *results; /* in their order until the end, then ranked */
    size_t n;
    enum tune_objective by;

    pthread_mutex_t lock;
    pthread_cond_t news;
    bool over;              /* under lock, as all that follows */
    struct engine *engine;  /* while a load runs */
    int64_t engine_at;
    struct launch *server;
    uint64_t lines_seen;
    int64_t start;
    uint64_t seq;
    size_t at;              /* the setting that it is at */
    char status[200];
    struct event_line notes[256]; /* at_s since the start */
    size_t notes_n, notes_told;
    struct snapshot *own;   /* what is shown while no load runs */
};

/* ---- what is told ---- */

static double since_start(const struct tune *t, int64_t at)
{
    return (double)(at - t->start) / 1e9;
}

static void add_note(struct tune *t, int64_t at, int level, const char *text)
{
    if (t->notes_n == ARRAY_LEN(t->notes)) {
        memmove(t->notes, t->notes + 1, (t->notes_n - 1) * sizeof t->notes[0]);
        t->notes_n--;
        t->notes_told -= t->notes_told > 0;
    }
    struct event_line *e = &t->notes[t->notes_n++];
    *e = (struct event_line){.at_s = since_start(t, at), .level = level};
    str_copy(e->text, sizeof e->text, text);
    t->seq++;
}

static void note(struct tune *t, int level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void note(struct tune *t, int level, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    pthread_mutex_lock(&t->lock);
    add_note(t, clock_ns(), level, text);
    pthread_cond_broadcast(&t->news);
    pthread_mutex_unlock(&t->lock);
}

static void set_status(struct tune *t, enum tune_state state, const char *text)
{
    pthread_mutex_lock(&t->lock);
    str_copy(t->status, sizeof t->status, text);
    t->results[t->at].state = state;
    t->seq++;
    pthread_mutex_unlock(&t->lock);
}

/* What the server writes is for the log. */
static void take_lines(struct tune *t)
{
    static __thread char lines[LAUNCH_KEPT][LAUNCH_LINE];
    int64_t at[LAUNCH_KEPT];
    size_t n = launch_lines(t->server, &t->lines_seen, lines, at);
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < n; i++) {
        char text[LAUNCH_LINE + 8];
        snprintf(text, sizeof text, "| %.150s", lines[i]);
        add_note(t, at[i], 0, text);
    }
    pthread_mutex_unlock(&t->lock);
}

static bool nap(const struct tune *t, int64_t ns)
{
    struct timespec ts = {ns / NS_PER_SEC, ns % NS_PER_SEC};
    nanosleep(&ts, NULL);
    return !atomic_load(&t->stop);
}

/* ---- memory ---- */

struct pools {
    double ram, gtt, vram; /* bytes in use; NAN unknown */
};

static struct pools pools_now(struct tune *t)
{
    static __thread struct host_sample s;
    double nan = (double)NAN;
    sampler_get(t->sampler, &s);
    return (struct pools){s.memory.used, s.has_gpu ? s.reading.v[GPU_GTT_USED].value : nan, s.has_gpu ? s.reading.v[GPU_VRAM_USED].value : nan};
}

/* The next setting must not meet what the last one has left. */
static void wait_for_memory(struct tune *t, const struct pools *before)
{
    int64_t until = clock_ns() + BACK_NS;
    double over;
    do {
        struct pools now = pools_now(t);
        over = fmax(fmax(now.ram - before->ram, now.gtt - before->gtt), now.vram - before->vram);
        if (!(over > BACK_BYTES))
            return;
    } while (clock_ns() < until && nap(t, LOOK_NS));
    char n[FMT_SIZE];
    if (!atomic_load(&t->stop))
        note(t, 1, "memory has not come back after a minute: %s GiB more are in use than before this setting", fmt_gib(n, over));
}

/* ---- one setting ---- */

static void fail(struct tune *t, struct tune_result *r, enum tune_state state, const char *why)
{
    set_status(t, state, why);
    str_copy(r->why, sizeof r->why, why);
    if (t->server != NULL)
        launch_last(t->server, TUNE_LINES, r->lines, sizeof r->lines);
    note(t, 2, "%s: %s", r->name, why);
}

/* Has it ended before it answered? */
static bool ended_early(struct tune *t, struct tune_result *r)
{
    char how[64], why[400];
    if (launch_running(t->server, how, sizeof how))
        return false;
    snprintf(why, sizeof why, "the server ended before it answered (%s)%s", how,
             strcmp(how, "exit status 0") == 0 ? ": one that goes to the background is not watched, and may still run" : "");
    fail(t, r, TUNE_NOT_STARTED, why);
    return true;
}

/* What it said last is the reason, where anything was there to say it. */
static void fail_late(struct tune *t, struct tune_result *r, const char *url, bool answered, const struct err *last)
{
    char why[sizeof last->msg + 400], shown[200];
    double limit = (double)t->c->start_ns / 1e9;
    url_hide_login(url, shown, sizeof shown);
    if (answered)
        snprintf(why, sizeof why, "not ready within %.0f s (--start-timeout): %s", limit, last->msg);
    else
        snprintf(why, sizeof why, "nothing answered at %s within %.0f s (--start-timeout): %s", shown, limit, last->msg);
    fail(t, r, TUNE_NOT_STARTED, why);
}

/* Until the server can answer a request, has ended, or its time is over. */
static bool wait_for_server(struct tune *t, struct tune_result *r, const char *url)
{
    int64_t began = clock_ns();
    struct server_info info;
    struct err e;
    while (!atomic_load(&t->stop)) {
        take_lines(t);
        if (ended_early(t, r))
            return false;
        if (server_find(&info, &t->http, url, t->base->model, &t->stop, &e) && server_ready(&info, &t->http, &t->stop, &e)) {
            r->start_s = (double)(clock_ns() - began) / 1e9;
            return true;
        }
        if (info.refuses && !atomic_load(&t->stop)) { /* waiting would not help */
            fail(t, r, TUNE_FAILED, e.msg);
            return false;
        }
        if (clock_ns() - began > t->c->start_ns) {
            fail_late(t, r, url, info.answered, &e);
            return false;
        }
        nap(t, LOOK_NS);
    }
    set_status(t, TUNE_STOPPED, "stopped");
    str_copy(r->why, sizeof r->why, "stopped by the user");
    return false;
}

static void tightest(const struct run_result *run, struct tune_result *r)
{
    const struct {
        const char *name;
        const struct span *span;
        double total;
    } pools[] = {{"RAM", &run->ram, run->ram_total}, {"GTT", &run->gtt, fmin(run->gtt_total, run->gtt_ceiling)}, {"VRAM", &run->vram, run->vram_total}};
    for (size_t i = 0; i < ARRAY_LEN(pools); i++) {
        double left = pools[i].total - pools[i].span->peak;
        bool small = strcmp(pools[i].name, "VRAM") == 0 && !(pools[i].total > 2.0 * 1024 * 1024 * 1024); /* what an APU keeps for itself */
        if (!isfinite(left) || small || r->headroom <= left)
            continue;
        r->headroom = left;
        str_copy(r->headroom_of, sizeof r->headroom_of, pools[i].name);
    }
}

static void take_result(struct tune *t, struct tune_result *r, const struct run_result *run)
{
    struct window w;
    double s = 0;
    const struct tally *all = &run->phases.total;
    struct dist ttft;
    phases_headline(&run->phases, run->end_ns, &w, &s);
    tally_dist(all, M_TTFT, &ttft);
    bool one_load = run->capacity.n == 0; /* over the loads that a search tries a mean would say nothing */
    r->output_rate = one_load && s > 0 ? w.tokens / s : (double)NAN;
    r->goodput = one_load && t->base->slo.n > 0 ? tally_goodput(all, (double)w.good, s) : (double)NAN;
    r->good_share = one_load && t->base->slo.n > 0 ? tally_good_share(all) : (double)NAN;
    r->ttft_p95 = one_load ? ttft.p95 : (double)NAN;
    r->ok = all->outcome[OUT_OK];
    r->failed = tally_failed(all);
    r->capacity = run->capacity.n > 0 ? run->capacity.low : (double)NAN;
    r->capacity_sure = run->capacity.n > 0 && capacity_sure(&run->capacity);
    tightest(run, r);
    if (run->run_file[0] != '\0')
        str_copy(r->run_file, sizeof r->run_file, run->run_file);
    if (atomic_load(&t->stop)) {
        set_status(t, TUNE_STOPPED, "stopped");
        str_copy(r->why, sizeof r->why, "stopped by the user");
    } else if (run->end == END_GUARD && run->capacity.n == 0) {
        fail(t, r, TUNE_GUARDED, run->guard_why);
    } else if (run->end == END_FAILED) {
        fail(t, r, TUNE_FAILED, run->error.msg);
    } else if (r->ok == 0) {
        fail(t, r, TUNE_FAILED, "no request succeeded");
    } else {
        set_status(t, TUNE_OK, "");
        note(t, 0, "%s: done", r->name);
    }
}

static void show_engine(struct tune *t, struct engine *g)
{
    pthread_mutex_lock(&t->lock);
    t->engine = g;
    t->engine_at = clock_ns();
    t->seq++;
    pthread_mutex_unlock(&t->lock);
}

/* Does the server still run?  A load against one that has gone would go on failing. */
static bool watch_load(struct tune *t, struct engine *g, char *how, size_t size)
{
    bool died = false, stopped = false;
    while (!engine_over(g)) {
        engine_wait(g, LOOK_NS);
        take_lines(t);
        died = died || !launch_running(t->server, how, size);
        if (!stopped && (died || atomic_load(&t->stop))) {
            engine_send(g, &(struct command){.kind = CMD_STOP});
            stopped = true;
        }
    }
    return died;
}

static void load(struct tune *t, struct tune_result *r, const char *url)
{
    struct run_config c = *t->base;
    char label[TUNE_TEXT + 128], file[512], how[64];
    struct err e;
    bool usage;
    snprintf(label, sizeof label, "%s%s%s", c.label != NULL ? c.label : "", c.label != NULL ? ": " : "", r->name);
    snprintf(file, sizeof file, "%s/%02zu.ndjson", t->folder, t->at + 1);
    c.url = url;
    c.label = label;
    c.out = file;
    c.load_fixed = true;
    struct engine *g = engine_start(&c, t->command_line, &usage, &e);
    if (g == NULL) {
        fail(t, r, TUNE_FAILED, e.msg);
        return;
    }
    set_status(t, TUNE_LOADING, r->name);
    show_engine(t, g);
    bool died = watch_load(t, g, how, sizeof how);
    const struct run_result *run = engine_finish(g);
    show_engine(t, NULL);
    if (died && !atomic_load(&t->stop)) {
        char why[128];
        snprintf(why, sizeof why, "the server ended under the load (%s)", how);
        fail(t, r, TUNE_FAILED, why);
        if (run->run_file[0] != '\0')
            str_copy(r->run_file, sizeof r->run_file, run->run_file);
    } else {
        take_result(t, r, run);
    }
    engine_free(g);
}

/* One that nobody listens on; another program might take it before the server does, which then says so. */
static int free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), port = 0;
    if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && getsockname(fd, (struct sockaddr *)&a, &n) == 0)
        port = ntohs(a.sin_port);
    if (fd >= 0)
        close(fd);
    return port;
}

/* A server that is there already would be loaded in place of ours.  (With {port} none can be.) */
static bool somebody_answers(const struct tune *t)
{
    struct http_reply reply;
    char probe[320];
    if (t->url[0] == '\0')
        return false;
    snprintf(probe, sizeof probe, "%s/v1/models", t->url);
    bool there = http_call(&t->http, probe, NULL, 2 * NS_PER_SEC, &t->stop, &reply, NULL);
    http_reply_release(&reply);
    return there;
}

/* That of the setting before may have outlived its stop, where it left its group. */
static bool wait_for_nobody(struct tune *t, struct tune_result *r)
{
    char why[400], shown[256];
    for (int64_t until = clock_ns() + FREE_NS; somebody_answers(t);) {
        if (clock_ns() >= until) {
            url_hide_login(t->url, shown, sizeof shown);
            snprintf(why, sizeof why, "something answers at '%s' before the server is started: did the last one outlive its stop?",
                     shown);
            fail(t, r, TUNE_NOT_STARTED, why);
            return false;
        }
        if (!nap(t, LOOK_NS))
            return false;
    }
    return true;
}

static void run_setting(struct tune *t, size_t i)
{
    struct tune_result *r = &t->results[i];
    struct err e;
    char url[300], status[TUNE_TEXT + 64];
    int port = tune_wants_port(t->c->launch) ? free_port() : 0;
    if (t->base->url == NULL && port > 0)
        snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
    else
        str_copy(url, sizeof url, t->url);
    if (!wait_for_nobody(t, r))
        return;
    struct pools before = pools_now(t);
    char *command = tune_command(&t->c->plan, t->c->launch, i, port);
    snprintf(r->log_file, sizeof r->log_file, "%s/%02zu.log", t->folder, i + 1);
    note(t, 0, "setting %zu of %zu: %s", i + 1, t->n, r->name);
    snprintf(status, sizeof status, "starting the server: %s", r->name);
    set_status(t, TUNE_STARTING, status);
    t->lines_seen = 0;
    t->server = launch_start(command, r->log_file, &e);
    free(command);
    if (t->server == NULL) {
        fail(t, r, TUNE_NOT_STARTED, e.msg);
        return;
    }
    if (wait_for_server(t, r, url)) {
        struct pools loaded = pools_now(t);
        r->ram_loaded = loaded.ram - before.ram;
        r->gtt_loaded = loaded.gtt - before.gtt;
        r->vram_loaded = loaded.vram - before.vram;
        note(t, 0, "%s: answers after %.1f s", r->name, r->start_s);
        load(t, r, url);
    }
    pthread_mutex_lock(&t->lock);
    snprintf(t->status, sizeof t->status, "stopping the server: %s", r->name);
    t->seq++;
    pthread_mutex_unlock(&t->lock);
    if (!launch_stop(t->server, t->c->stop_ns))
        note(t, 2, "%s: the server has not ended, though it was killed: a process that hangs in the kernel?", r->name);
    t->server = NULL;
    wait_for_memory(t, &before);
}

/* ---- all of them ---- */

static enum tune_objective ranking; /* qsort has no argument for it; set by the one thread that sorts */

static int better_first(const void *a, const void *b)
{
    const struct tune_result *x = a, *y = b;
    double fx = tune_figure(x, ranking), fy = tune_figure(y, ranking);
    if (isfinite(fx) != isfinite(fy))
        return isfinite(fx) ? -1 : 1;
    if (isfinite(fx) && fx != fy)
        return fx > fy ? -1 : 1;
    return strcmp(x->name, y->name);
}

static void *tune_main(void *ctx)
{
    struct tune *t = ctx;
    for (size_t i = 0; i < t->n && !atomic_load(&t->stop); i++) {
        pthread_mutex_lock(&t->lock);
        t->at = i;
        pthread_mutex_unlock(&t->lock);
        run_setting(t, i);
    }
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < t->n; i++)
        if (t->results[i].state == TUNE_WAITING) {
            t->results[i].state = TUNE_STOPPED;
            str_copy(t->results[i].why, sizeof t->results[i].why, "not tried: stopped by the user");
        }
    t->over = true;
    t->seq++;
    pthread_cond_broadcast(&t->news);
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

static bool make_folder(struct tune *t, struct err *e)
{
    char base[300], name[64];
    time_t now = time(NULL);
    struct tm tm;
    if (t->c->folder != NULL) {
        str_copy(t->folder, sizeof t->folder, t->c->folder);
    } else {
        if (!statedir_path("runs", base, sizeof base, e))
            return false;
        localtime_r(&now, &tm);
        strftime(name, sizeof name, "%Y%m%d-%H%M%S", &tm);
        snprintf(t->folder, sizeof t->folder, "%s/%s-tune", base, name);
    }
    if (!statedir_make(t->folder, e))
        return false;
    size_t n = strlen(t->folder);
    int made = mkdir(t->folder, 0700);
    for (int again = 1; made != 0 && errno == EEXIST && t->c->folder == NULL && again < 100; again++) { /* two in one second */
        snprintf(t->folder + n, sizeof t->folder - n, "-%d", again);
        made = mkdir(t->folder, 0700);
    }
    if (made != 0 && !(errno == EEXIST && t->c->folder != NULL))
        return err_set(e, "cannot make the folder '%s': %s", t->folder, strerror(errno));
    char first[sizeof t->folder + 16];
    snprintf(first, sizeof first, "%s/01.log", t->folder);
    int fd = open(first, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600); /* before a server has been started for nothing */
    if (fd < 0 && errno == EEXIST)
        return err_set(e, "'%s' exists already: --out must name a folder without an earlier tune", first);
    if (fd < 0)
        return err_set(e, "cannot write in the folder '%s': %s", t->folder, strerror(errno));
    close(fd);
    unlink(first);
    return true;
}

static bool check_nobody(struct tune *t, struct err *e)
{
    char shown[256];
    if (!tune_wants_port(t->c->launch) || t->base->url != NULL)
        str_copy(t->url, sizeof t->url, t->base->url != NULL ? t->base->url : USUAL_URL);
    if (!somebody_answers(t))
        return true;
    url_hide_login(t->url, shown, sizeof shown);
    return err_set(e, "something answers at '%s' already: stop it first, or let {port} stand in --launch, without a URL", shown);
}

static void init_results(struct tune *t)
{
    double nan = (double)NAN;
    t->n = tune_settings(&t->c->plan);
    t->results = xcalloc(t->n, sizeof *t->results);
    for (size_t i = 0; i < t->n; i++) {
        struct tune_result *r = &t->results[i];
        tune_name(&t->c->plan, i, r->name);
        r->start_s = r->ram_loaded = r->gtt_loaded = r->vram_loaded = r->headroom = r->output_rate = r->ttft_p95 = r->goodput = r->good_share = r->capacity = nan;
    }
    t->by = t->base->find_capacity ? TUNE_BY_CAPACITY : t->base->slo.n > 0 ? TUNE_BY_GOODPUT : TUNE_BY_RATE;
}

struct tune *tune_start(const struct tune_config *c, const struct run_config *run, const char *command_line, bool *usage, struct err *e)
{
    struct tune *t = xcalloc(1, sizeof *t);
    const struct machine_config *m = &run->machine;
    const struct sampler_config s = {.roots = {m->proc_root, m->sysfs_root, m->dev_root}, .gpu = m->gpu, .memory_ns = m->sample_ns};
    t->c = c;
    t->base = run;
    str_copy(t->command_line, sizeof t->command_line, command_line);
    *usage = true;
    if (!tune_check(&c->plan, c->launch, e) || !http_settings_init(&t->http, run, e) || (t->sampler = sampler_start(&s, e)) == NULL) {
        http_settings_release(&t->http);
        free(t);
        return NULL;
    }
    *usage = false;
    if (!check_nobody(t, e) || !make_folder(t, e)) {
        sampler_stop(t->sampler);
        http_settings_release(&t->http);
        free(t);
        return NULL;
    }
    t->start = clock_ns();
    t->seq = 1;
    t->own = xcalloc(1, sizeof *t->own);
    snapshot_clear(t->own);
    init_results(t);
    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&t->news, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&t->thread, NULL, tune_main, t) != 0)
        die("cannot start a thread");
    return t;
}

/* ---- what the screen sees ---- */

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
        from = since_start(t, t->engine_at);
    } else {
        fresh = seen != ours;
        if (fresh) {
            t->own->clock_s = since_start(t, clock_ns());
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

/* ---- the outside ---- */

void tune_stop(struct tune *t)
{
    atomic_store(&t->stop, true);
}

bool tune_over(struct tune *t)
{
    pthread_mutex_lock(&t->lock);
    bool over = t->over;
    pthread_mutex_unlock(&t->lock);
    return over;
}

void tune_wait(struct tune *t, int64_t ns)
{
    int64_t until = clock_ns() + ns;
    struct timespec at = {until / NS_PER_SEC, until % NS_PER_SEC};
    pthread_mutex_lock(&t->lock);
    if (!t->over)
        pthread_cond_timedwait(&t->news, &t->lock, &at);
    pthread_mutex_unlock(&t->lock);
}

size_t tune_notes(struct tune *t, struct event_line *out, size_t n)
{
    size_t told = 0;
    pthread_mutex_lock(&t->lock);
    for (; told < n && t->notes_told < t->notes_n; t->notes_told++)
        out[told++] = t->notes[t->notes_told];
    pthread_mutex_unlock(&t->lock);
    return told;
}

const struct tune_result *tune_results(struct tune *t, size_t *n, enum tune_objective *by)
{
    pthread_join(t->thread, NULL);
    ranking = *by = t->by;
    qsort(t->results, t->n, sizeof *t->results, better_first);
    *n = t->n;
    return t->results;
}

void tune_free(struct tune *t)
{
    sampler_stop(t->sampler);
    http_settings_release(&t->http);
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->news);
    free(t->own);
    free(t->results);
    free(t);
}
