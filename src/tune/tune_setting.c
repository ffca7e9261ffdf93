#include "tune/tune_inside.h"

#include "clock.h"
#include "fmt.h"
#include "load/server.h"
#include "tune/tune_print.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LOOK_NS (200 * NS_PER_MS)
#define BACK_NS (60 * NS_PER_SEC) /* for memory to come back after a server has ended */
#define BACK_BYTES (512.0 * 1024 * 1024)
#define FREE_NS (5 * NS_PER_SEC)  /* for the port of one that has ended */

/* ---- what is told ---- */

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
        tune_add_note(t, at[i], 0, text);
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
        tune_note(t, 1, "memory has not come back after a minute: %s GiB more are in use than before this setting", fmt_gib(n, over));
}

/* ---- one setting ---- */

static void fail(struct tune *t, struct tune_result *r, enum tune_state state, const char *why)
{
    set_status(t, state, why);
    str_copy(r->why, sizeof r->why, why);
    if (t->server != NULL)
        launch_last(t->server, TUNE_LINES, r->lines, sizeof r->lines);
    tune_note(t, 2, "%s: %s", r->name, why);
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
    r->capacity = run->capacity;
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
        tune_note(t, 0, "%s: done", r->name);
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

bool tune_somebody_answers(const struct tune *t)
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
    for (int64_t until = clock_ns() + FREE_NS; tune_somebody_answers(t);) {
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

void tune_run_setting(struct tune *t)
{
    size_t i = t->at;
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
    tune_note(t, 0, "setting %zu of %zu: %s", i + 1, t->n, r->name);
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
        tune_note(t, 0, "%s: answers after %.1f s", r->name, r->start_s);
        load(t, r, url);
    }
    pthread_mutex_lock(&t->lock);
    snprintf(t->status, sizeof t->status, "stopping the server: %s", r->name);
    t->seq++;
    pthread_mutex_unlock(&t->lock);
    if (!launch_stop(t->server, t->c->stop_ns))
        tune_note(t, 2, "%s: the server has not ended, though it was killed: a process that hangs in the kernel?", r->name);
    t->server = NULL;
    wait_for_memory(t, &before);
}
