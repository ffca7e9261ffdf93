/* The only file that sees both the engine and the screen. */
#include "clock.h"
#include "demo.h"
#include "engine/engine.h"
#include "grid.h"
#include "main_files.h"
#include "main_tune.h"
#include "mask.h"
#include "options.h"
#include "outfile.h"
#include "replay/player.h"
#include "report/bench.h"
#include "report/report.h"
#include "report/summary.h"
#include "report/watch_print.h"
#include "fmt.h"
#include "say.h"
#include "tune/tune_print.h"
#include "ui/ui.h"
#include "version.h"

#include <curl/curl.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NEWS_MS 100 /* without a dashboard; there is news as often, and a signal ends the wait too */
#define SIGNAL_NS (20 * NS_PER_MS) /* between two looks at a file that has no header yet */
#define HEADER_NS (10 * NS_PER_SEC) /* for the first line of a file that is followed */
#define WATCH_SLACK_NS (60UL * NS_PER_MS) /* a look of the quarter-seconds may be so late */

static volatile sig_atomic_t stop_signal;

static void on_signal(int sig)
{
    stop_signal = sig;
}

static void catch_signals(void)
{
    struct sigaction a = {.sa_handler = on_signal};
    sigemptyset(&a.sa_mask);
    const int stops[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < ARRAY_LEN(stops); i++)
        sigaction(stops[i], &a, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a write beyond the limit fails and is reported, as on a full disk */
}

/* The engine's threads inherit this: signals are for the main thread, which alone knows the state of the terminal. */
static void block_signals(sigset_t *before)
{
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    sigset_t mask;
    sigfillset(&mask);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        sigdelset(&mask, own[i]);
    pthread_sigmask(SIG_BLOCK, &mask, before);
}

static struct engine *start_engine(const struct options *o, const char *command_line, bool *usage, struct err *e)
{
    sigset_t before;
    block_signals(&before);
    struct engine *g = engine_start(&o->run, command_line, usage, e);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return g;
}

/* The dashboard needs a terminal to draw on and to read keys from. */
static bool on_terminal(const struct options *o)
{
    return !o->plain && !o->json && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO);
}

static bool wants_dashboard(const struct options *o)
{
    const char *term = getenv("TERM");
    return on_terminal(o) && term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
}

/* Before anything is sent: a terminal that the dashboard cannot use.  One that says that it can do nothing gets plain
 * lines, and is told why; an unknown one is more likely a mistake. */
static bool check_terminal(const struct options *o, struct err *e)
{
    if (wants_dashboard(o))
        return ui_check(e);
    if (on_terminal(o))
        fputs("tokgauge: TERM is not set, or dumb: plain lines in place of the dashboard\n", stderr);
    return true;
}

/* ---- the picture ---- */

static char first_view(const struct options *o)
{
    static const char keys[] = {0, '1', '2', '3', '4', '5', '6', '7'}; /* as the words of --view */
    return o->view > 0 ? keys[o->view] : o->command == COMMAND_WATCH ? '4' : 0;
}

static bool write_picture(const struct options *o, const struct snapshot *s, const char *format, const char *name, struct err *e)
{
    const struct ui_picture p = {.width = (int)o->svg_width, .height = (int)o->svg_height, .format = format, .theme = o->theme,
                                 .view = first_view(o)};
    FILE *f = outfile_open(name);
    bool ok = f != NULL && ui_render(s, &p, f);
    if (f != NULL && fclose(f) != 0)
        ok = false;
    return ok || err_set(e, "cannot write picture '%s': %s", name, outfile_why(errno));
}

static struct ui_config screen_config(const struct options *o)
{
    return (struct ui_config){.glyphs = (enum ui_glyphs)o->glyphs, .color = (enum ui_color)o->color, .theme = o->theme,
                              .no_mouse = o->no_mouse, .view = first_view(o), .stop = &stop_signal};
}

/* ---- the two ways to watch a run ---- */

static void wait_news(const struct snapshot_source *s)
{
    poll(&(struct pollfd){.fd = s->news_fd, .events = POLLIN}, 1, NEWS_MS);
}

static void stop_run(struct engine *g)
{
    engine_send(g, &(struct command){.kind = CMD_STOP});
}

/* Once a second a line to stderr (--json) or stdout (--plain), until the end or a signal. */
static void watch_plain(struct engine *g, const struct options *o, struct snapshot *s)
{
    struct snapshot_source source = engine_source(g);
    int64_t next = clock_ns() + NS_PER_SEC; /* what fails at once has one line: the reason */
    bool stopped = false;
    double told = -1; /* notes up to this moment */
    struct snapshot *now = xcalloc(1, sizeof *now);
    while (!engine_over(g)) {
        wait_news(&source);
        if (stop_signal && !stopped) {
            stop_run(g);
            stopped = true;
        }
        if (source.read(source.ctx, now, now->seq) && (now->state == RUN_LOAD || s->seq == 0))
            memcpy(s, now, sizeof *s);
        if (clock_ns() < next || now->state == RUN_FAILED)
            continue;
        next += NS_PER_SEC;
        struct buf line;
        buf_init(&line, 32768);
        told = summary_notes(now, told, say_utf8(), &line);
        summary_progress(now, say_utf8(), &line);
        say_buf(&line, o->json ? stderr : stdout);
        buf_release(&line);
    }
    if (source.read(source.ctx, now, 0) && now->state != RUN_FAILED) {
        struct buf rest;
        buf_init(&rest, 32768);
        summary_notes(now, told, say_utf8(), &rest);
        say_buf(&rest, o->json ? stderr : stdout);
        buf_release(&rest);
    }
    free(now);
}

static enum ui_end watch_dashboard(struct engine *g, const struct options *o, struct snapshot *s, struct err *e)
{
    struct ui_config c = screen_config(o);
    struct snapshot_source source = engine_source(g);
    enum ui_end end = (enum ui_end)ui_run(&c, &source, e);
    source.read(source.ctx, s, 0);
    if (end != UI_FINISHED)
        stop_run(g);
    return end;
}

/* ---- the run ---- */

/* Below 2^53, so that JSON's readers have it exactly. */
static int64_t draw_seed(void)
{
    uint64_t drawn = 0;
    if (getrandom(&drawn, sizeof drawn, 0) != (ssize_t)sizeof drawn)
        drawn = (uint64_t)clock_ns();
    return (int64_t)(drawn >> 22);
}

static bool file_failed(const struct run_result *r)
{
    return r->load_start != 0 && (r->run_file[0] == '\0' || r->lost_lines > 0);
}

static int exit_status(const struct run_result *r, enum ui_end end, bool dashboard)
{
    if (r->end == END_FAILED)
        return EXIT_FAILED;
    const struct tally *t = &r->phases.total;
    const struct capacity *c = &r->capacity;
    bool gone = c->n > 0 && c->tries[c->n - 1].gone;
    if ((t->outcome[OUT_OK] == 0 && tally_failed(t) > 0) || file_failed(r) || gone)
        return EXIT_FAILED;
    if (stop_signal == SIGINT || (dashboard && end == UI_INTERRUPT && !stop_signal))
        return 128 + SIGINT;
    if (stop_signal)
        return 128 + stop_signal;
    return dashboard && end == UI_LOST ? 128 + SIGHUP : EXIT_DONE;
}

static bool print_bench(const struct run_result *r, const struct options *o)
{
    struct err e;
    struct buf b;
    buf_init(&b, 64u << 20);
    bool ok = bench_report(r->run_file, o->json, o->notes, o->notes_n, &b, &e);
    if (!o->json && !say_utf8())
        summary_to_ascii(&b);
    if (!say_buf(&b, stdout) && errno != EPIPE)
        ok = err_set(&e, "cannot write the report: %s", strerror(errno));
    if (!ok)
        complain(&e, EXIT_FAILED);
    buf_release(&b);
    return ok;
}

static bool print_result(const struct run_result *r, const struct options *o)
{
    if (o->command == COMMAND_BENCH && r->run_file[0] != '\0')
        return print_bench(r, o);
    struct buf b;
    buf_init(&b, 64u << 20);
    if (o->json) {
        struct jsonw j = {.out = &b};
        jw_open(&j, NULL, '{');
        summary_json(r, &j);
        jw_close(&j, '}');
        buf_adds(&b, "\n");
    } else {
        if (o->plain || !isatty(STDOUT_FILENO))
            buf_adds(&b, "\n");
        summary_text(r, say_utf8(), &b);
    }
    bool ok = say_buf(&b, stdout) || errno == EPIPE;
    int why = errno;
    buf_release(&b);
    if (!ok)
        fprintf(stderr, "tokgauge: cannot write the summary: %s\n", strerror(why));
    return ok;
}

/* One line for each that is broken. */
static bool thresholds_hold(const struct run_result *r, const struct options *o)
{
    bool hold = true;
    char n[FMT_SIZE];
    for (size_t i = 0; i < o->fail_if_n; i++) {
        const struct threshold *t = &o->fail_if[i];
        double v = threshold_value(t, r);
        if (!threshold_broken(t, v))
            continue;
        hold = false;
        if (isnan(v))
            fprintf(stderr, "tokgauge: threshold '%s' cannot be judged: that figure is not known\n", t->text);
        else
            fprintf(stderr, "tokgauge: threshold broken: '%s' is so (%s %s)\n", t->text, fmt_number(n, v), metrics[t->metric].unit);
    }
    return hold;
}

static int report(const struct run_result *r, const struct options *o, enum ui_end end, bool dashboard)
{
    if (r->end == END_FAILED)
        return complain(&r->error, EXIT_FAILED);
    bool told = true;
    if (r->pre.server.kind != NULL && (r->load_end != 0 || (o->command == COMMAND_BENCH && r->run_file[0] != '\0')))
        told = print_result(r, o);
    else
        fputs("tokgauge: stopped before the load began\n", stderr);
    const struct tally *t = &r->phases.total;
    if (t->outcome[OUT_OK] == 0 && tally_failed(t) > 0)
        fputs("tokgauge: no request succeeded\n", stderr);
    if (file_failed(r))
        fprintf(stderr, "tokgauge: the run file is not whole: %s\n", r->lost_why);
    if (r->end == END_GUARD)
        fprintf(stderr, "tokgauge: stopped by the memory guard: %s\n", r->guard_why);
    int status = exit_status(r, end, dashboard);
    if (!told && status == EXIT_DONE) /* where a signal or a lost terminal ended it, that is the reason */
        status = EXIT_FAILED;
    bool broken = r->load_start != 0 && !thresholds_hold(r, o);
    return r->end == END_GUARD ? EXIT_GUARD : broken ? EXIT_THRESHOLD : status;
}

/* One run; *again: the user wants another one, and *last shows how far this one had come. */
static int run_once(const struct options *o, const char *command_line, struct snapshot *last, bool *again)
{
    struct err e;
    bool usage, dashboard = wants_dashboard(o);
    *again = false;
    struct engine *g = start_engine(o, command_line, &usage, &e);
    if (g == NULL)
        return complain(&e, usage ? EXIT_USAGE : EXIT_FAILED);
    enum ui_end end = UI_FINISHED;
    struct err ui_error = {""};
    if (dashboard)
        end = watch_dashboard(g, o, last, &ui_error);
    else
        watch_plain(g, o, last);
    const struct run_result *r = engine_finish(g);
    ui_finish();
    int status = end == UI_ERROR ? complain(&ui_error, EXIT_FAILED) : report(r, o, end, dashboard);
    if (o->svg != NULL && r->load_start != 0 && !write_picture(o, last, "svg", o->svg, &e))
        status = complain(&e, EXIT_FAILED);
    *again = end == UI_RESTART && r->end != END_FAILED;
    engine_free(g);
    return status;
}

/* "run.ndjson" → "run-2.ndjson": a run never overwrites the one before. */
static char *next_file(const char *first, int n)
{
    const char *slash = strrchr(first, '/'), *dot = strrchr(first, '.');
    size_t stem = dot != NULL && (slash == NULL || dot > slash + 1) ? (size_t)(dot - first) : strlen(first);
    return xasprintf("%.*s-%d%s", (int)stem, first, n, first + stem);
}

/* Runs one after the other, as often as the key for it is pressed: each with its report and its file, and with what the keys
 * have made of the load. */
static int run_engine(const struct options *o, const char *command_line)
{
    struct options now = *o;
    char *file = NULL;
    bool again;
    int status;
    for (int n = 2;; n++) {
        struct snapshot *last = xcalloc(1, sizeof *last);
        status = run_once(&now, command_line, last, &again);
        if (again && now.run.steps_n == 0 && !now.run.find_capacity) {
            now.run.max_num_seqs = last->target_streams;
            now.run.context = last->target_context > 0 ? last->target_context : now.run.context;
            now.run.max_tokens = last->target_max_tokens;
            lengths_scale(&now.run.context_of, now.run.context);
            lengths_scale(&now.run.output_of, now.run.max_tokens);
            if (now.run.arrival.ramp_ns == 0 && isfinite(last->target_rate))
                now.run.arrival.rate = last->target_rate;
        }
        free(last);
        free(file);
        file = again && o->run.out != NULL ? next_file(o->run.out, n) : NULL;
        if (!again)
            return status;
        now.run.out = file;
        if (o->seed_drawn)
            now.run.seed = draw_seed(); /* else a prefix cache would know the prompts */
        putchar('\n');
    }
}

/* ---- watch ---- */

static bool print_look(const struct snapshot *s, const struct options *o)
{
    struct buf b;
    buf_init(&b, 1u << 20);
    char time[32];
    clock_wall(time, sizeof time);
    if (o->json)
        watch_print_json(s, time, &b);
    else if (o->once)
        watch_print_page(s, say_utf8(), &b);
    else
        watch_print_line(s, say_utf8(), &b);
    bool ok = say_buf(&b, stdout);
    int why = errno;
    buf_release(&b);
    errno = why;
    return ok;
}

/* Has one look seen all that there is to see?  A server's counters come a moment after the server. */
static bool seen_all(const struct snapshot *s)
{
    bool server = s->server.address[0] != '\0' ? isfinite(s->server.running) || s->clock_s > 2 : s->status[0] != '\0';
    if (s->server.simulated && !isfinite(s->memory.gtt_used.value))
        return false;
    return server && s->memory.procs_known == (s->memory.gpu_name[0] != '\0');
}

/* False where nothing can be written any more; a reader that has had enough is no failure. */
static bool watch_lines(struct engine *g, const struct options *o, struct snapshot *s, struct err *e)
{
    bool ok = true;
    struct snapshot_source source = engine_source(g);
    int64_t every = NS_PER_SEC, next = clock_ns() + (o->once ? 0 : every);
    bool stopped = false;
    while (!engine_over(g)) {
        wait_news(&source);
        source.read(source.ctx, s, s->seq);
        if (stop_signal && !stopped)
            stop_run(g);
        stopped = stopped || stop_signal;
        if (stopped || s->seq == 0 || clock_ns() < next || (o->once && !seen_all(s) && s->clock_s < 5))
            continue;
        next += every;
        bool told = print_look(s, o);
        if (!told && errno != EPIPE)
            ok = err_set(e, "cannot write to standard output: %s", strerror(errno));
        if (!told || o->once) {
            stop_run(g);
            stopped = true;
        }
    }
    return ok;
}

static int run_watch(const struct options *o, const char *command_line)
{
    struct err e, ui_error = {""};
    bool usage, dashboard = wants_dashboard(o) && !o->once;
    if (o->run.probe_ns == 0) /* nothing is timed: its threads, which inherit this, may wake together */
        prctl(PR_SET_TIMERSLACK, WATCH_SLACK_NS);
    struct engine *g = start_engine(o, command_line, &usage, &e);
    if (g == NULL)
        return complain(&e, usage ? EXIT_USAGE : EXIT_FAILED);
    struct snapshot *last = xcalloc(1, sizeof *last);
    enum ui_end end = UI_FINISHED;
    if (dashboard)
        end = watch_dashboard(g, o, last, &ui_error);
    else if (!watch_lines(g, o, last, &ui_error))
        end = UI_ERROR;
    const struct run_result *r = engine_finish(g);
    ui_finish();
    int status = end == UI_ERROR ? complain(&ui_error, EXIT_FAILED)
                 : stop_signal  ? 128 + stop_signal
                 : dashboard && end == UI_INTERRUPT ? 128 + SIGINT
                 : dashboard && end == UI_LOST      ? 128 + SIGHUP
                                                    : EXIT_DONE;
    if (o->run.out != NULL && (r->run_file[0] == '\0' || r->lost_lines > 0)) {
        fprintf(stderr, "tokgauge: the run file is not whole: %s\n", r->lost_why);
        status = status == EXIT_DONE ? EXIT_FAILED : status;
    }
    free(last);
    engine_free(g);
    return status;
}

/* The same as a run of many steps; then its report, made from its file as `report` would. */
static int run_bench(struct options *o, const char *command_line)
{
    struct suite suite;
    o->suite.agent = o->run.agent.url != NULL;
    suite_build(&suite, &o->suite);
    o->run.steps = suite.steps;
    o->run.steps_n = suite.n;
    o->run.context = o->run.max_tokens = o->run.max_num_seqs = 1;
    for (size_t i = 0; i < suite.n; i++) {
        o->run.context = MAX_OF(o->run.context, suite.steps[i].context);
        o->run.max_num_seqs = MAX_OF(o->run.max_num_seqs, suite.steps[i].streams);
    }
    o->run.max_tokens = 64;
    o->run.drain_ns = o->run.timeout_ns; /* a step ends when its last answer has */
    int status = run_engine(o, command_line);
    o->run.steps = NULL;
    o->run.steps_n = 0;
    return status;
}

/* Lists of loads: a run of many steps too. */
static int run_matrix(struct options *o, const char *command_line)
{
    struct grid *grid = xcalloc(1, sizeof *grid);
    grid_build(grid, &o->load, &o->run);
    o->run.steps = grid->steps;
    o->run.steps_n = grid->n;
    for (size_t i = 0; i < grid->n; i++) {
        o->run.context = MAX_OF(o->run.context, grid->steps[i].context);
        o->run.max_num_seqs = MAX_OF(o->run.max_num_seqs, grid->steps[i].streams);
    }
    int status = run_engine(o, command_line);
    o->run.steps = NULL;
    o->run.steps_n = 0;
    free(grid);
    return status;
}

static int run_load(struct options *o, const char *command_line)
{
    return grid_cells(&o->load) > 1 ? run_matrix(o, command_line) : run_engine(o, command_line);
}

/* ---- tune ---- */

static int run_tune(struct options *o, const char *command_line)
{
    struct err e, ui_error = {""};
    bool usage, dashboard = wants_dashboard(o);
    enum tune_objective by;
    enum ui_end end = UI_FINISHED;
    size_t n;
    tune_settle(&o->run);
    sigset_t before;
    block_signals(&before);
    struct tune *t = tune_start(&o->tune, &o->run, command_line, &usage, &e);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (t == NULL)
        return complain(&e, usage ? EXIT_USAGE : EXIT_FAILED);
    if (dashboard) {
        struct ui_config c = screen_config(o);
        c.no_restart = true; /* it begins its own, one for each setting */
        struct snapshot_source source = tune_source(t);
        end = (enum ui_end)ui_run(&c, &source, &ui_error);
        if (end != UI_FINISHED)
            tune_stop(t);
    } else {
        tune_watch(t, o, &stop_signal);
    }
    const struct tune_result *r = tune_results(t, &n, &by);
    ui_finish();
    bool told = tune_tell(r, n, by, o), some = n > 0 && isfinite(tune_figure(&r[0], by));
    int status = end == UI_ERROR                      ? complain(&ui_error, EXIT_FAILED)
                 : stop_signal                        ? 128 + stop_signal
                 : dashboard && end == UI_INTERRUPT   ? 128 + SIGINT
                 : dashboard && end == UI_LOST        ? 128 + SIGHUP
                 : dashboard && end == UI_QUIT && told ? EXIT_DONE
                 : !some || !told                     ? EXIT_FAILED
                                                      : EXIT_DONE;
    tune_free(t);
    return status;
}

static void fill_defaults(struct options *o)
{
    o->run.watched = wants_dashboard(o) || o->svg != NULL;
    o->seed_drawn = o->run.seed < 0;
    if (o->seed_drawn)
        o->run.seed = draw_seed();
    if ((o->command & (COMMAND_RUN | COMMAND_DEMO)) && !wants_dashboard(o) && o->run.duration_ns == 0)
        o->run.duration_ns = load_preset_ns(o);
}

static int run_demo(struct options *o, const char *command_line)
{
    struct err e;
    struct demo d;
    if (!demo_start(&d, o->sim_args, o->sim_args_n, &e))
        return complain(&e, EXIT_FAILED);
    o->run.url = d.url;
    int status = run_load(o, command_line);
    demo_stop(&d);
    o->run.url = NULL;
    return status;
}

/* ---- replay ---- */

static int play(const struct options *o, struct replay *r, struct err *e)
{
    struct ui_config c = screen_config(o);
    struct player *p = player_new(r, (double)o->at_ns / 1e9, o->speed);
    if (o->follow)
        player_follow(p);
    struct snapshot_source source = player_source(p);
    int end = ui_run(&c, &source, e);
    ui_finish();
    player_free(p);
    return end == UI_ERROR       ? complain(e, EXIT_FAILED)
           : stop_signal         ? 128 + stop_signal
           : end == UI_INTERRUPT ? 128 + SIGINT
           : end == UI_LOST      ? 128 + SIGHUP
                                 : EXIT_DONE;
}

/* A run that has just begun has no header for a moment. */
static struct replay *open_growing(const char *path, struct err *e)
{
    struct stat st;
    int64_t until = clock_ns() + HEADER_NS;
    while (stat(path, &st) == 0 && st.st_size == 0 && clock_ns() < until && !stop_signal)
        nanosleep(&(struct timespec){.tv_nsec = SIGNAL_NS}, NULL);
    return replay_open_growing(path, e);
}

/* A frame without a terminal, or the run on the screen. */
static int run_replay(const struct options *o)
{
    struct err e;
    bool pictures = o->svg != NULL || o->txt != NULL;
    if (!pictures && !wants_dashboard(o)) {
        err_set(&e, "'replay' needs a terminal that it can draw on; --svg FILE and --txt FILE write a frame without one");
        return complain(&e, EXIT_USAGE);
    }
    struct replay *r = o->follow ? open_growing(o->files[0], &e) : replay_open(o->files[0], &e);
    if (r == NULL)
        return complain(&e, EXIT_FAILED);
    int status = EXIT_DONE;
    if (pictures) {
        const struct snapshot *s = replay_at(r, o->at_ns >= 0 ? (double)o->at_ns / 1e9 : replay_end(r));
        bool ok = (o->svg == NULL || write_picture(o, s, "svg", o->svg, &e)) && (o->txt == NULL || write_picture(o, s, "txt", o->txt, &e));
        status = ok ? EXIT_DONE : complain(&e, EXIT_FAILED);
    } else {
        status = play(o, r, &e);
    }
    replay_close(r);
    return status;
}

static int run_sim(const struct options *o)
{
    struct err e;
    for (int f = SIM_FAULT_NONE + 1; o->list_faults && f < SIM_FAULT_COUNT; f++) {
        const struct sim_fault_row *r = sim_fault_row((enum sim_fault)f);
        printf("%-15s %-12s %s\n", r->name, r->outcome, r->help);
    }
    if (o->list_faults)
        return EXIT_DONE;
    int status = sim_run(&o->sim, &e);
    return status != 0 ? complain(&e, status) : 0;
}

/* ---- settings ---- */

static void warn(const char *line)
{
    fprintf(stderr, "tokgauge: %s\n", line);
}

/* The words of the command line first: they may name the file of settings, and where one is wrong that is all that matters.
 * What goes together is judged with the file. */
static bool read_options(struct options *o, int argc, char **argv, struct err *e)
{
    char path[1024];
    if (!options_words(o, argc, argv, e))
        return false;
    const char *name = o->config;
    if (name == NULL && options_config_path(path, sizeof path))
        name = path;
    FILE *in = name != NULL ? fopen(name, "re") : NULL;
    if (in == NULL && o->config != NULL)
        return err_set(e, "cannot read the settings '%s': %s", name, strerror(errno));
    if (in == NULL && name != NULL && errno != ENOENT && errno != ENOTDIR)
        fprintf(stderr, "tokgauge: the settings '%s' cannot be read and are left out: %s\n", name, strerror(errno));
    options_release(o);
    const struct options_config config = {in, name, warn};
    bool ok = options_parse_with(o, argc, argv, in != NULL ? &config : NULL, e);
    if (in != NULL)
        fclose(in);
    return ok;
}

/* What needs no server. */
static int show_themes(const struct options *o)
{
    struct err e;
    if (o->list_themes)
        ui_list_themes(stdout);
    int n = o->check_theme != NULL ? ui_check_theme_file(o->check_theme, stdout, &e) : 0;
    return n < 0 ? complain(&e, EXIT_USAGE) : n > 0 ? EXIT_FAILED : EXIT_DONE;
}

/* The words of the command line, apart from those that everybody on this machine can read, in which secrets are overwritten. */
static char **own_words(int argc, char **argv)
{
    char **own = xcalloc((size_t)argc + 1, sizeof *own);
    for (int i = 0; i < argc; i++)
        own[i] = xstrdup(argv[i]);
    mask_arguments(own, argv, (size_t)argc);
    return own;
}

static void free_words(char **own)
{
    for (size_t i = 0; own[i] != NULL; i++)
        free(own[i]);
    free(own);
}

int main(int argc, char **shared_argv)
{
    char **argv = own_words(argc, shared_argv);
    setlocale(LC_CTYPE, ""); /* not LC_NUMERIC: a decimal comma would get into JSON */
    struct options o;
    struct err e;
    bool ok = read_options(&o, argc, argv, &e), themes_only = ok && (o.list_themes || o.check_theme != NULL);
    if (!ok || (!themes_only && !ui_check_theme(o.theme, &e))) {
        options_release(&o);
        free_words(argv);
        return complain(&e, EXIT_USAGE);
    }
    int status = EXIT_DONE;
    char command_line[1024];
    options_command_line(argc, argv, command_line, sizeof command_line);
    if (o.version) {
        puts("tokgauge " TOKGAUGE_VERSION);
    } else if (o.help) {
        options_help(stdout, argc > 2 ? o.command : 0);
    } else if (o.completions > 0) {
        options_completions(stdout, o.completions);
    } else if (o.print_config) {
        options_print_config(stdout, &o);
    } else if (themes_only) {
        status = show_themes(&o);
    } else if (o.command == COMMAND_REPORT) {
        signal(SIGPIPE, SIG_IGN);
        status = files_report(&o);
    } else if (o.command == COMMAND_COMPARE) {
        signal(SIGPIPE, SIG_IGN);
        status = files_compare(&o);
    } else if (o.command == COMMAND_REPLAY) {
        catch_signals();
        status = run_replay(&o);
    } else if (o.command == COMMAND_SIM) {
        status = run_sim(&o);
    } else {
        catch_signals();
        curl_global_init(CURL_GLOBAL_DEFAULT);
        fill_defaults(&o);
        status = !check_terminal(&o, &e)          ? complain(&e, EXIT_USAGE)
                 : o.command == COMMAND_DEMO ? run_demo(&o, command_line)
                 : o.command == COMMAND_WATCH ? run_watch(&o, command_line)
                 : o.command == COMMAND_TUNE ? run_tune(&o, command_line)
                 : o.command == COMMAND_BENCH ? run_bench(&o, command_line)
                                                  : run_load(&o, command_line);
        curl_global_cleanup();
    }
    options_release(&o);
    free_words(argv);
    return status;
}
