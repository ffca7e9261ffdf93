/* What the workers measured: taken in with every tick, and whole at the end. */
#include "engine/inside.h"
#include "clock.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNTING_NS (5 * NS_PER_SEC) /* for the server's tokenizer; a request is not kept from the screen longer */

#define SETTLE_NS NS_PER_SEC /* sets of all workers have come by then */

int64_t engine_settled(const struct engine *g, int64_t now)
{
    return g->state == RUN_DONE ? now : now - SETTLE_NS;
}

#define TURN_NS INT64_C(50000)
#define GIVEN_MOST_NS (10 * NS_PER_MS) /* of a tick: where all cores are busy each turn that is given away costs a slice of milliseconds */

void engine_give_way(struct engine *g)
{
    if (g->workers_n == 0)
        return; /* nobody waits */
    int64_t now = clock_ns();
    if (now - g->turn_at < TURN_NS || g->given > GIVEN_MOST_NS)
        return;
    sched_yield();
    g->turn_at = clock_ns();
    g->given += g->turn_at - now;
}

static void note_failure(struct engine *g, const struct row *r)
{
    uint64_t n = shown_failure(&g->shown, &g->view, r);
    if (n > 0 && (n <= 3 || (n & (n - 1)) == 0)) /* the log is for reading: 1, 2, 3, 4, 8, 16, … */
        engine_note(g, 2, "stream %d: %s", r->stream, g->view.last_error);
}

/* Its numbers are all there. */
static void settle_row(struct engine *g, struct row *r)
{
    slo_judge(&g->cfg->slo, r);
    rows_request(g, r);
    tally_one(&g->one, r);
    shown_request(&g->shown, &g->view, r, &g->one, engine_seconds(g, r->tl.first_token));
    engine_judged(g, r, true);
    free(r->text);
    r->text = NULL;
    phases_row(&g->result.phases, r, &g->one);
}

static void note_skew(struct run_result *res, const struct row *r)
{
    int64_t late = timeline_late(&r->tl);
    if (late >= 0 && !r->warmup)
        hist_add(&res->skew, (uint64_t)late, 1);
}

/* vLLM leaves the number of cached tokens out where it is 0 (its issue 44377).  Taken for unknown, what is computed from it
 * would be of the requests with a hit alone; so it is 0 where the server is known to tell.  Before its first hit it is not. */
static void settle_cached(struct engine *g, struct timeline *t)
{
    if (t->cached_tokens > 0)
        g->tells_cached = true;
    else if (t->cached_tokens < 0 && t->prompt_tokens >= 0 && t->outcome == OUT_OK && g->tells_cached)
        t->cached_tokens = 0;
}

void engine_take_row(struct engine *g, struct row *r)
{
    settle_cached(g, &r->tl);
    note_skew(&g->result, r);
    engine_soak_row(g, r);
    note_failure(g, r);
    if (g->counter != NULL && r->tl.source == TOK_EVENTS && r->text != NULL) {
        engine_judged(g, r, false);
        counter_put(g->counter, r);
    } else {
        settle_row(g, r);
    }
}

void engine_take_counted(struct engine *g)
{
    struct row r;
    while (g->counter != NULL && counter_take(g->counter, clock_ns() - COUNTING_NS, &r))
        settle_row(g, &r);
}

static void copy_streams(struct engine *g, int index, const struct record_set *set)
{
    for (size_t i = 0; i < set->streams_n; i++) {
        size_t id = (size_t)index + i * (size_t)g->workers_n;
        if (id < SNAP_STREAMS)
            g->streams[id] = set->streams[i];
    }
}

static void copy_text(struct engine *g, const struct record_set *set)
{
    if (set->text_stream == 0 || set->text_stream != atomic_load(&g->shared.text_of))
        return; /* another one is wanted by now */
    g->view.text_stream = set->text_stream;
    str_sanitise(g->view.text, sizeof g->view.text, set->text, set->text_n);
}

static void take_set(struct engine *g, int index, struct record_set *set, struct live_more *more)
{
    struct run_result *r = &g->result;
    for (size_t i = 0; i < set->rows_n; i++) {
        engine_take_row(g, &set->rows[i]);
        engine_give_way(g);
    }
    more->tokens += (double)set->tokens;
    more->approx += (double)set->approx;
    more->first += (double)set->first;
    more->decode_s += (double)set->decode_ns / 1e9;
    r->sent += set->sent;
    /* The drain says nothing about health; but a set that was begun before the load ended does, however late it comes: it is
     * the one that holds a freeze across that end. */
    if (r->load_end == 0 || g->views[index].at < r->load_end) {
        hist_merge(&r->lag, &set->lag);
        hist_merge(&r->batch_delay, &set->batch_delay);
        double cpu = set->wall_ns > 10 * NS_PER_MS ? (double)set->cpu_ns / (double)set->wall_ns : 0;
        double *share = &g->view_cpu[index];
        *share += (cpu - *share) * MIN_OF(1.0, (double)set->wall_ns / (5.0 * NS_PER_SEC)); /* over about 5 s */
        if (!(r->worker_cpu >= *share))
            r->worker_cpu = *share;
    }
    hist_merge(&r->stamp_arrival, &set->stamp_arrival);
    hist_merge(&r->stamp_ttft, &set->stamp_ttft);
    engine_give_way(g);
    g->views[index] = (struct worker_view){set->at, set->ready_at, set->load_start, set->dry_at, set->version, set->stretch, set->step,
                                           set->ready, set->active, set->queued, set->decoding, set->backing_off};
    copy_streams(g, index, set);
    engine_give_way(g);
    copy_text(g, set);
}

void engine_take_sets(struct engine *g)
{
    struct live_more more = {0};
    int64_t at = 0;
    for (int i = 0; i < g->workers_n; i++) {
        struct record_set *set = mailbox_take(worker_mailbox(g->workers[i]));
        if (set == NULL)
            continue;
        at = MAX_OF(at, set->at);
        take_set(g, i, set, &more);
        record_set_clear(set);
        mailbox_return(worker_mailbox(g->workers[i]), set);
    }
    if (at != 0)
        live_add(&g->live, at, &more);
}

void engine_join_workers(struct engine *g)
{
    struct load_target t = g->shared.target;
    t.quit = t.cancel = t.draining = true;
    engine_set_target(g, &t);
    struct live_more more = {0};
    for (int i = 0; i < g->workers_n; i++) {
        struct record_set *last = worker_join(g->workers[i]);
        struct record_set *mailed = mailbox_take(worker_mailbox(g->workers[i]));
        if (mailed != NULL) {
            take_set(g, i, mailed, &more);
            record_set_clear(mailed);
            mailbox_return(worker_mailbox(g->workers[i]), mailed);
        }
        take_set(g, i, last, &more);
        record_set_clear(last);
        worker_free(g->workers[i]);
    }
    g->workers_n = 0;
    free(g->workers);
}

void engine_judge_client(struct run_result *r)
{
    double lag = hist_quantile(&r->lag, 0.99) / 1e6, batch = hist_quantile(&r->batch_delay, 0.99) / 1e6;
    double skew = hist_quantile(&r->skew, 0.99) / 1e6;
    uint64_t not_sent = r->phases.total.outcome[OUT_CLIENT];
    r->client_limited = true;
    if (not_sent > 0)
        snprintf(r->client_reason, sizeof r->client_reason, "%" PRIu64 " requests could not be sent: no port, file or memory left", not_sent);
    else if (lag > 5)
        snprintf(r->client_reason, sizeof r->client_reason, "lag p99 %.1f ms (limit 5)", lag);
    else if (batch > 5)
        snprintf(r->client_reason, sizeof r->client_reason, "batch delay p99 %.1f ms (limit 5)", batch);
    else if (r->skew.count > 0 && skew > 5)
        snprintf(r->client_reason, sizeof r->client_reason, "requests were sent late: skew p99 %.1f ms (limit 5)", skew);
    else if (r->worker_cpu > 0.9)
        snprintf(r->client_reason, sizeof r->client_reason, "a worker thread used %.0f %% of a core (limit 90)",
                 r->worker_cpu * 100);
    else
        r->client_limited = false;
}

void engine_finish_counting(struct engine *g)
{
    if (g->counter == NULL)
        return;
    struct timespec nap = {0, 5 * NS_PER_MS};
    for (engine_take_counted(g); counter_pending(g->counter) > 0; engine_take_counted(g))
        nanosleep(&nap, NULL);
    counter_stop(g->counter);
    engine_take_counted(g);
    counter_free(g->counter);
    g->counter = NULL;
}
