/* A day of load in virtual time: events fed in process, without a socket, through everything that keeps something: the hand-over
 * of rows, tallies, phases, what the screen shows, series, the run file.  Memory stands still after the first hour, the file
 * keeps within what was said at the start, and what comes out of it is what went in. */
#include "check.h"
#include "clock.h"
#include "engine/inside.h"
#include "report/drift.h"

#include <malloc.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOW true
#else
#define SLOW false
#endif
static int hours = 24;
#define FAILURES ((hours * 3600 + 5000 - 4322) / 5000) /* seconds in which both requests fail */
#define TOKENS 64
#define STEP_MS 30.0

static char path[64];

/* Without the run file's queue, which is as long as the disk is slow. */
static size_t in_use(struct engine *g)
{
    struct runlog_state s;
    for (runlog_look(g->runlog, &s); s.queued > 0; runlog_look(g->runlog, &s))
        sched_yield();
    struct mallinfo2 m = mallinfo2(); /* all 0 under a sanitizer that has its own */
    size_t all = m.uordblks + m.hblkhd;
    return all > s.memory ? all - s.memory : 0;
}

static void settle_file(struct engine *g)
{
    struct runlog_state s;
    for (runlog_look(g->runlog, &s); s.queued > (8u << 20) || s.waiting > 0; runlog_look(g->runlog, &s))
        sched_yield(); /* a day goes by faster than a disk may write: the queue is not to be what is tested */
}

/* One request of stream `stream` that ended at `end`. */
static struct row request(uint64_t seq, int stream, int64_t end, double ttft_ms, double step_ms, bool fails)
{
    struct row r = {.seq = seq, .stream = stream, .fixed_length = true, .context = 1024, .max_tokens = TOKENS};
    struct timeline *t = &r.tl;
    int64_t answer = (int64_t)(step_ms * 1e6) * (TOKENS - 1), ttft = (int64_t)(ttft_ms * 1e6);
    timeline_init(t, end - answer - ttft);
    t->started = t->sent = t->due;
    t->end = end;
    t->connect_ns = t->tls_ns = 0;
    if (fails) {
        t->outcome = OUT_RESET;
        str_copy(r.error, sizeof r.error, "connection reset by peer");
        return r;
    }
    t->first_byte = t->first_event = t->first_token = t->first_answer = t->sent + ttft;
    t->last_token = end;
    t->http_status = 200;
    t->prompt_tokens = 1024;
    t->cached_tokens = 0;
    t->output_tokens = (int64_t)(t->events = TOKENS);
    t->first_tokens = 1;
    t->source = TOK_USAGE;
    t->gaps = xcalloc(TOKENS, sizeof *t->gaps);
    t->gaps_n = t->gaps_cap = TOKENS;
    for (int i = 0; i < TOKENS; i++)
        t->gaps[i] = (struct token_event){(float)(i == 0 ? (double)ttft : step_ms * 1e6), 1};
    return r;
}

static struct engine *begin_day(struct run_config *c, int64_t now)
{
    struct err e;
    struct engine *g = xcalloc(1, sizeof *g);
    *c = (struct run_config){.url = "http://sim", .prompt = "unique", .max_num_seqs = 4, .context = 1024, .max_tokens = TOKENS,
                             .duration_ns = hours * 3600 * NS_PER_SEC, .drain_ns = 30 * NS_PER_SEC, .rows = ROWS_NONE};
    g->cfg = g->shared.cfg = c;
    g->result.cfg = c;
    g->result.start_ns = now;
    str_copy(g->result.pre.server.model, sizeof g->result.pre.server.model, "m");
    phases_init(&g->result.phases);
    shown_init(&g->shown);
    snapshot_clear(&g->view);
    g->shared.target.streams = (int)c->max_num_seqs;
    live_init(&g->live, now);
    engine_plan_steps(g);
    g->streams = xcalloc(SNAP_STREAMS, sizeof *g->streams);
    g->runlog = runlog_open(path, "day", &e);
    assert_non_null(g->runlog);
    const struct sampler_config none = {.roots = {"/nonexistent", "/nonexistent", "/nonexistent"}, .memory_ns = 3600 * NS_PER_SEC};
    g->sampler = sampler_start(&none, &e);
    assert_non_null(g->sampler);
    pthread_mutex_init(&g->lock, NULL);
    g->tick_at = now;
    rows_header(g);
    engine_tell_file(g);
    phases_open(&g->result.phases, &(struct phase_target){0, 4, 1024, TOKENS, 0}, now);
    phases_begin(&g->result.phases, now);
    rows_phase(g, phases_current(&g->result.phases), now);
    g->result.load_start = now;
    g->state = RUN_LOAD;
    g->workers_n = 1; /* there is none, but the screen shows a load */
    g->views[0].active = 4;
    return g;
}

/* A second of it: two requests, tokens, the machine, a sample. */
static void second(struct engine *g, struct mailbox *m, struct record_set **own, int s, uint64_t *seed)
{
    int64_t now = g->result.start_ns + (s + 1) * NS_PER_SEC;
    double hour = s / 3600.0;
    g->tick_at = now;
    for (int i = 0; i < 2; i++) {
        struct row *r = record_set_add_row(*own);
        *r = request(2 * (uint64_t)s + (uint64_t)i, 1 + i, now - (int64_t)(rng_unit(seed) * 9e8), 100 + 1 * hour + 20 * rng_unit(seed),
                     STEP_MS * (1 + 0.004 * hour) + rng_unit(seed), s % 5000 == 4321);
        g->result.sent++;
    }
    *own = mailbox_put(m, *own);
    struct record_set *full = mailbox_take(m);
    for (size_t i = 0; i < full->rows_n; i++)
        engine_take_row(g, &full->rows[i]);
    record_set_clear(full);
    mailbox_return(m, full);
    live_add(&g->live, now, &(struct live_more){.tokens = 2 * TOKENS * (1 - 0.004 * hour)});
    phases_settle(&g->result.phases, now - NS_PER_SEC);
    g->view.memory.gtt_used.value = 40e9 + 50e6 * hour;
    g->view.memory.ram_used.value = 50e9;
    for (int half = 0; half < 2; half++)
        engine_fill_view(g, now + half * NS_PER_SEC / 2);
    rows_sample(g, now);
}

static void end_day(struct engine *g)
{
    int64_t now = g->result.start_ns + (hours * 3600 + 1) * NS_PER_SEC;
    phases_end(&g->result.phases, now);
    phases_settle(&g->result.phases, INT64_MAX);
    g->result.load_end = g->result.end_ns = now;
    g->result.end = END_DURATION;
    g->state = RUN_DONE;
    g->workers_n = 0;
    g->tick_at = now;
    rows_sample(g, now);
    rows_summary(g);
    char why[128];
    assert_int_equal(runlog_close(g->runlog, why, sizeof why), 0);
    sampler_stop(g->sampler);
    shown_release(&g->shown);
    tally_release(&g->one);
    phases_release(&g->result.phases);
    pthread_mutex_destroy(&g->lock);
    free(g->streams);
    free(g->repeated);
    free(g->left_out);
}

static void check_series(const struct series *s)
{
    const struct series_level *l = &s->level[SERIES_WHOLE];
    assert_true(l->n <= SERIES_POINTS && l->n * 2 + 2 >= SERIES_POINTS); /* as fine as its room allows */
    double from = (double)(l->last - (int64_t)l->n + 1) * l->step_s;
    assert_true(from <= 1 && (double)(l->last + 1) * l->step_s >= hours * 3600.0 - 1);
}

static void check_file(double most)
{
    struct stat st;
    struct err e;
    assert_int_equal(stat(path, &st), 0);
    print_message("run file: %.1f MiB of at most %.1f MiB\n", (double)st.st_size / 1048576, most / 1048576);
    assert_true((double)st.st_size <= most);
    struct run_file *f = run_file_load(path, &e);
    assert_non_null(f);
    assert_int_equal(f->bad_lines, 0);
    assert_false(f->rows_whole);
    assert_int_equal(f->rows_n, 0);
    assert_int_equal(f->total.requests, 2 * hours * 3600);
    assert_int_equal(tally_failed(&f->total), 2 * FAILURES);
    assert_int_equal(f->total.hist[M_TTFT]->count, f->total.outcome[OUT_OK]);
    struct drift d[WINDOW_VALUES];
    drift_find(f, d);
    assert_near(d[WINDOW_TTFT].slope, 1, hours == 24 ? 0.02 : 1);
    assert_near(d[WINDOW_GTT].slope, 50e6, 0.5e6);
    assert_true(d[WINDOW_GTT].even);
    if (hours == 24)
        assert_true(d[WINDOW_TTFT].even && d[WINDOW_DECODE].even);
    assert_false(d[WINDOW_RAM].even);
    run_file_free(f);
}

static void test_day(void **state)
{
    (void)state;
    struct run_config c;
    struct mailbox m;
    uint64_t seed = 11;
    size_t after_an_hour = 0;
    struct engine *g = begin_day(&c, clock_ns());
    struct record_set *own = xcalloc(1, sizeof *own);
    mailbox_init(&m);
    for (int s = 0; s < hours * 3600; s++) {
        second(g, &m, &own, s, &seed);
        if (s % 600 == 0)
            settle_file(g);
        if (s == 3600)
            after_an_hour = in_use(g);
    }
    size_t at_the_end = in_use(g);
    print_message("in use after an hour: %zu KiB, at the end: %zu KiB\n", after_an_hour / 1024, at_the_end / 1024);
    assert_true(at_the_end < after_an_hour + (1u << 20));
    assert_int_equal(g->view.ok, 2 * hours * 3600 - 2 * FAILURES);
    check_series(&g->view.series.gtt);
    double most = rows_bytes_most(&c);
    end_day(g);
    check_file(most);
    record_set_release(own);
    free(own);
    mailbox_release(&m);
    free(g);
    unlink(path);
}

/* The longest line that a request can have keeps within what the bound counts with. */
static void test_longest_line(void **state)
{
    (void)state;
    struct run_config c;
    struct engine *g = begin_day(&c, clock_ns());
    c.rows = ROWS_ALL;
    int64_t far = g->result.start_ns + INT64_C(31536000) * 100 * NS_PER_SEC; /* a century */
    struct row r = request(UINT64_C(9999999999), 100000, far, 9e8, 9e6, false);
    r.tl.due = r.tl.sent = r.tl.started = far - 1;
    r.tl.retried = r.tl.slept = true;
    r.tl.outcome = OUT_ERROR_EVENT;
    r.tl.connect_ns = r.tl.tls_ns = far;
    r.tl.prompt_tokens = r.tl.cached_tokens = r.tl.output_tokens = r.context = r.max_tokens = TOKENS_MAX;
    r.tl.source = TOK_CONTINUOUS;
    memset(r.error, '"', sizeof r.error - 1);
    struct runlog_state before, after;
    settle_file(g);
    for (runlog_look(g->runlog, &before); before.queued > 0; runlog_look(g->runlog, &before))
        sched_yield();
    rows_request(g, &r);
    do
        runlog_look(g->runlog, &after);
    while (after.queued > 0 || after.bytes == before.bytes);
    print_message("the longest line has %llu bytes\n", (unsigned long long)(after.bytes - before.bytes));
    assert_true(after.bytes - before.bytes <= ROWS_LINE_MOST);
    timeline_release(&r.tl);
    end_day(g);
    free(g);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_day), cmocka_unit_test(test_longest_line)};
    snprintf(path, sizeof path, "/tmp/tokgauge-day-%d.ndjson", (int)getpid());
    const char *wrap = getenv("WRAP"); /* run.sh: a tool that looks at every access */
    if (SLOW || (wrap != NULL && wrap[0] != '\0'))
        hours = 3;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
