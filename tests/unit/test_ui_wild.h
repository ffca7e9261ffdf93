/* Snapshots filled at random: unknown, infinite and huge numbers, long and hostile texts, any number of streams, within what
 * snapshot.h promises (counts below their maxima, enumerations, texts that end).  The same for the same seed. */
#ifndef TG_TEST_UI_WILD_H
#define TG_TEST_UI_WILD_H

#include "test_ui_snapshots.h"

#include <float.h>
#include <limits.h>

struct wild {
    uint64_t seed;
    double share; /* of the values that are replaced; the others stay canned */
};

static inline int wild_below(uint64_t *seed, int n)
{
    return (int)(rng_next(seed) % (uint64_t)n);
}

static inline bool wild_one(struct wild *w)
{
    return rng_unit(&w->seed) < w->share;
}

static inline double wild_value(uint64_t *seed)
{
    static const double odd[] = {(double)NAN, (double)INFINITY, (double)-INFINITY, 0, -0.0, -1, DBL_MAX, -DBL_MAX, DBL_TRUE_MIN,
                                 0x1p53, 0x1p63, 0x1p64, 999.95, 1e15};
    int i = wild_below(seed, 2 * (int)ARRAY_LEN(odd));
    return i < (int)ARRAY_LEN(odd) ? odd[i] : exp(60 * (rng_unit(seed) - 0.3));
}

static inline void wild_number(struct wild *w, double *v)
{
    if (wild_one(w))
        *v = wild_value(&w->seed);
}

static inline void wild_int(struct wild *w, int *v)
{
    static const int odd[] = {0, 1, -1, INT_MAX, INT_MIN, 999999, 1000000, 1 << 20};
    if (wild_one(w))
        *v = odd[wild_below(&w->seed, (int)ARRAY_LEN(odd))];
}

/* As wild_int, but not negative */
static inline void wild_size(struct wild *w, int *v)
{
    wild_int(w, v);
    *v = *v == INT_MIN ? 0 : abs(*v);
}

static inline void wild_count(struct wild *w, uint64_t *v)
{
    if (wild_one(w))
        *v = rng_next(&w->seed) >> wild_below(&w->seed, 64);
}

static inline void wild_bool(struct wild *w, bool *v)
{
    if (wild_one(w))
        *v = rng_next(&w->seed) & 1;
}

/* Wide, combining, joined, right to left, unassigned, controls, escape sequences, broken UTF-8, and single bytes of any
 * kind; cut anywhere. */
static inline void wild_text(struct wild *w, char *out, size_t size)
{
    static const char *const pieces[] = {"日本語", "ａｂｃ", "e\xcc\x81\xcc\x82", "👨‍👩‍👧", "🇩🇪", "한", "عرب", "\xe2\x80\xae", "\xc2\xad",
                                         "\xef\xbf\xbf", "\xf0\x9f\xbf\xbe", "\033[99;99H", "\033]0;x\007", "\302\23331m",
                                         "\t", "\n", "\r", "\x7f", "\xe6\x97", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                         "word ", "a-very-long-word-without-a-blank", "/", "  ", "≈", "…", "%s%n", "<&\">"};
    if (!wild_one(w))
        return;
    size_t n = 0, want = wild_below(&w->seed, 3) == 0 ? size - 1 : (size_t)wild_below(&w->seed, (int)size);
    while (n < want) {
        int i = wild_below(&w->seed, (int)ARRAY_LEN(pieces) + 4);
        if (i >= (int)ARRAY_LEN(pieces)) {
            out[n++] = (char)(1 + wild_below(&w->seed, 255));
            continue;
        }
        size_t take = MIN_OF(strlen(pieces[i]), want - n);
        memcpy(out + n, pieces[i], take);
        n += take;
    }
    out[n] = '\0';
}
#define WILD_TEXT(w, field) wild_text(w, field, sizeof(field))

/* As the engine fills one: times only go on. */
static inline void wild_series(struct wild *w, struct series *v)
{
    if (!wild_one(w))
        return;
    memset(v, 0, sizeof *v);
    double t = rng_unit(&w->seed) * 1e4;
    for (int i = wild_below(&w->seed, 3000); i > 0; i--) {
        double x = rng_unit(&w->seed) * 100;
        wild_number(w, &x);
        series_push(v, t, x);
        t += wild_below(&w->seed, 200) == 0 ? rng_unit(&w->seed) * 5000 : SERIES_STEP_S;
    }
}

static inline void wild_gauge(struct wild *w, struct gauge *g)
{
    wild_number(w, &g->value);
    wild_bool(w, &g->simulated);
    WILD_TEXT(w, g->from);
    WILD_TEXT(w, g->why);
}

static inline void wild_latency(struct wild *w, struct latency_view *l)
{
    wild_count(w, &l->n);
    wild_number(w, &l->p50);
    wild_number(w, &l->p95);
    wild_number(w, &l->p99);
    wild_number(w, &l->mean);
}

static inline void wild_hist(struct wild *w, struct hist *h)
{
    if (!wild_one(w))
        return;
    memset(h, 0, sizeof *h);
    for (int i = wild_below(&w->seed, 200); i > 0; i--)
        hist_add(h, rng_next(&w->seed) >> wild_below(&w->seed, 64), rng_next(&w->seed) >> (20 + wild_below(&w->seed, 44)));
}

static inline void wild_heat(struct wild *w, struct heat_view *h)
{
    if (!wild_one(w))
        return;
    wild_number(w, &h->step_s);
    h->columns = (size_t)wild_below(&w->seed, HEAT_COLUMNS + 1);
    for (size_t i = 0; i < h->columns; i++)
        for (size_t k = 0; k < HEAT_ROWS; k++)
            h->count[i][k] = (uint16_t)(rng_next(&w->seed) >> (48 + wild_below(&w->seed, 16)));
}

static inline void wild_memory(struct wild *w, struct memory_view *m)
{
    struct gauge *const gauges[] = {&m->ram_total, &m->ram_used, &m->ram_available, &m->swap_total, &m->swap_used,
                                    &m->gtt_total, &m->gtt_used, &m->vram_total, &m->vram_used, &m->visible_total,
                                    &m->visible_used, &m->busy, &m->sclk, &m->mclk, &m->power, &m->power_gfx, &m->temperature};
    double *const numbers[] = {&m->stack.gtt, &m->stack.other, &m->stack.unaccounted, &m->stack.cache, &m->stack.free,
                               &m->ceiling, &m->full_in_s, &m->pressure_some, &m->pressure_full, &m->cpu, &m->limited,
                               &m->other_gtt, &m->other_vram, &m->guard_ram, &m->guard_gtt};
    bool *const bools[] = {&m->primary_vram, &m->gpu_asleep, &m->power_is_package, &m->limited_now, &m->procs_known, &m->not_server};
    for (size_t i = 0; i < ARRAY_LEN(gauges); i++)
        wild_gauge(w, gauges[i]);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        wild_number(w, numbers[i]);
    for (size_t i = 0; i < ARRAY_LEN(bools); i++)
        wild_bool(w, bools[i]);
    static const char *const pools[] = {"", "GTT", "VRAM", "RAM"};
    m->full_what = pools[wild_below(&w->seed, ARRAY_LEN(pools))];
    WILD_TEXT(w, m->ceiling_from);
    WILD_TEXT(w, m->container);
    WILD_TEXT(w, m->gpu_name);
    WILD_TEXT(w, m->gpu_pci);
    m->gpus = (size_t)wild_below(&w->seed, 20);
    WILD_TEXT(w, m->gpu_others);
    WILD_TEXT(w, m->gpu_note);
    WILD_TEXT(w, m->limited_by);
    m->warnings_n = (size_t)wild_below(&w->seed, SNAP_WARNINGS + 1);
    for (size_t i = 0; i < m->warnings_n; i++)
        WILD_TEXT(w, m->warnings[i]);
    m->procs_n = (size_t)wild_below(&w->seed, SNAP_PROCS + 1);
    m->procs_more = (size_t)wild_below(&w->seed, 3) * 99999;
    m->procs_hidden = (size_t)wild_below(&w->seed, 3) * 99999;
    for (size_t i = 0; i < m->procs_n; i++) {
        struct process_row *p = &m->procs[i];
        wild_int(w, &p->pid);
        WILD_TEXT(w, p->name);
        wild_number(w, &p->gtt);
        wild_number(w, &p->vram);
        wild_number(w, &p->rss);
        wild_number(w, &p->kfd);
        wild_bool(w, &p->server);
        wild_bool(w, &p->rocm);
    }
}

static inline void wild_server(struct wild *w, struct server_view *v)
{
    double *const numbers[] = {&v->max_model_len, &v->running, &v->waiting, &v->kv_used, &v->told_max_num_seqs,
                               &v->told_max_model_len, &v->told_memory_share, &v->prefix_hits,
                               &v->counts.finished, &v->counts.preemptions, &v->counts.prompt_tokens, &v->counts.generated_tokens,
                               &v->counts.prefix_hits, &v->counts.accepted, &v->counts.accepted_a_draft, &v->generated_rate,
                               &v->prompt_rate, &v->our_rate, &v->max_num_seqs, &v->seems_max_num_seqs, &v->kv_tokens,
                               &v->kv_blocks, &v->kv_block_tokens, &v->slot_context, &v->loaded, &v->loaded_vram,
                               &v->loaded_context, &v->lines, &v->bad_lines};
    struct server_time *const times[] = {&v->counts.ttft, &v->counts.queue, &v->counts.itl};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        wild_number(w, numbers[i]);
    WILD_TEXT(w, v->model);
    WILD_TEXT(w, v->kind);
    WILD_TEXT(w, v->address);
    WILD_TEXT(w, v->process_note);
    WILD_TEXT(w, v->command);
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        wild_number(w, &times[i]->n);
        wild_number(w, &times[i]->mean);
        wild_number(w, &times[i]->p50);
        wild_number(w, &times[i]->p95);
    }
    WILD_TEXT(w, v->counters_note);
    wild_int(w, &v->counts.restarts);
    wild_bool(w, &v->counts.jumps);
    wild_bool(w, &v->simulated);
    wild_bool(w, &v->unverified);
    wild_int(w, &v->pid);
}

static inline void wild_streams(struct wild *w, struct snapshot *s)
{
    static const size_t counts[] = {0, 1, 2, 5, 20, 200, SNAP_STREAMS};
    s->streams_n = counts[wild_below(&w->seed, (int)ARRAY_LEN(counts))];
    s->streams_total = (int)s->streams_n + wild_below(&w->seed, 3) * 5000;
    for (size_t i = 0; i < s->streams_n; i++) {
        struct stream_row *r = &s->streams[i];
        if (r->id == 0 && wild_below(&w->seed, 8) > 0)
            r->id = (int)i + 1;
        r->state = (enum stream_state)wild_below(&w->seed, STREAM_DECODE + 1);
        wild_bool(w, &r->measured);
        wild_bool(w, &r->output_approx);
        wild_int(w, &r->context);
        wild_int(w, &r->output);
        wild_number(w, &r->ttft_ms);
        wild_number(w, &r->wait_s);
        wild_number(w, &r->rate);
        wild_number(w, &r->backoff_s);
        WILD_TEXT(w, r->tail);
    }
}

static inline void wild_lists(struct wild *w, struct snapshot *s)
{
    s->marks_n = (size_t)wild_below(&w->seed, SNAP_MARKS + 1);
    for (size_t i = 0; i < s->marks_n; i++) {
        wild_number(w, &s->marks[i].at_s);
        WILD_TEXT(w, s->marks[i].text);
    }
    s->events_n = (size_t)wild_below(&w->seed, SNAP_EVENTS + 1);
    for (size_t i = 0; i < s->events_n; i++) {
        wild_number(w, &s->events[i].at_s);
        s->events[i].level = wild_below(&w->seed, 3);
        WILD_TEXT(w, s->events[i].text);
    }
    if (!wild_one(w))
        return;
    s->load_fixed = wild_one(w);
    s->lengths_fixed = wild_one(w);
    s->agent = wild_one(w);
    s->suite.parts_n = (size_t)wild_below(&w->seed, SNAP_PARTS + 1);
    for (size_t i = 0; i < s->suite.parts_n; i++) {
        WILD_TEXT(w, s->suite.part[i].name);
        s->suite.part[i].state = (enum part_state)wild_below(&w->seed, PART_LEFT_OUT + 1);
    }
    WILD_TEXT(w, s->suite.step);
    wild_count(w, &s->suite.done);
    wild_count(w, &s->suite.planned);
    wild_number(w, &s->suite.left_s);
}

static inline void wild_matrix(struct wild *w, struct matrix_view *m)
{
    m->n = 0;
    for (int i = wild_below(&w->seed, 90); i > 0; i--) {
        double context = 1 << wild_below(&w->seed, 20);
        int streams = 1 << wild_below(&w->seed, 14);
        wild_number(w, &context);
        wild_size(w, &streams);
        double rate = wild_below(&w->seed, 3) == 0 ? 1 << wild_below(&w->seed, 10) : 0;
        struct matrix_cell *c = matrix_put(m, streams, context, 128, rate);
        wild_number(w, &c->goodput);
        wild_number(w, &c->good_share);
        wild_number(w, &c->output_rate);
        wild_number(w, &c->decode_rate);
        wild_number(w, &c->ttft_p50);
        wild_number(w, &c->ttft_p95);
        wild_count(w, &c->ok);
        wild_count(w, &c->failed);
        wild_bool(w, &c->running);
        wild_bool(w, &c->waiting);
        wild_bool(w, &c->left_out);
    }
}

/* The caller frees it. */
static inline struct snapshot *wild_snapshot(uint64_t seed, double share)
{
    struct wild w = {seed, share};
    struct snapshot *s = canned_busy();
    canned_machine(s);
    double *const numbers[] = {&s->elapsed_s, &s->clock_s, &s->planned_s, &s->planned_requests, &s->output_rate,
                               &s->output_rate_stream, &s->output_rate_peak, &s->decode_rate, &s->lag_p99_ms,
                               &s->since_s, &s->replay.speed, &s->replay.end_s, &s->target_rate, &s->sent_rate, &s->goodput, &s->good_share};
    uint64_t *const counts[] = {&s->sent, &s->ok, &s->failed, &s->cancelled, &s->short_output, &s->output_tokens};
    int *const sizes[] = {&s->target_streams, &s->target_context, &s->target_max_tokens, &s->in_flight, &s->queued,
                         &s->decoding, &s->backing_off, &s->phase, &s->overdue};
    struct series *const series[] = {&s->series.out, &s->series.gtt,  &s->series.ram, &s->series.vram,
                                     &s->series.run, &s->series.wait, &s->series.kv, &s->series.gen};
    struct latency_view *const latencies[] = {&s->ttft, &s->tpot, &s->e2e, &s->itl, &s->ttft_new, &s->ttft_cached};
    struct hist *const hists[] = {&s->hists.ttft, &s->hists.itl, &s->hists.tpot, &s->hists.e2e, &s->hists.ttft_first};
    s->state = (enum run_state)wild_below(&w.seed, RUN_FAILED + 1);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        wild_number(&w, numbers[i]);
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        wild_count(&w, counts[i]);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        wild_size(&w, sizes[i]);
    for (size_t i = 0; i < ARRAY_LEN(series); i++)
        wild_series(&w, series[i]);
    for (size_t i = 0; i < ARRAY_LEN(latencies); i++)
        wild_latency(&w, latencies[i]);
    for (size_t i = 0; i < ARRAY_LEN(hists); i++)
        wild_hist(&w, hists[i]);
    wild_bool(&w, &s->paused);
    wild_bool(&w, &s->open_loop);
    wild_bool(&w, &s->replay.on);
    wild_bool(&w, &s->replay.paused);
    wild_bool(&w, &s->replay.live);
    wild_bool(&w, &s->output_approx);
    wild_bool(&w, &s->client_limited);
    WILD_TEXT(&w, s->slo);
    WILD_TEXT(&w, s->status);
    WILD_TEXT(&w, s->last_error);
    WILD_TEXT(&w, s->client_reason);
    WILD_TEXT(&w, s->file_trouble);
    wild_heat(&w, &s->hists.ttft_heat);
    wild_memory(&w, &s->memory);
    wild_server(&w, &s->server);
    s->page.seq = rng_next(&w.seed);
    WILD_TEXT(&w, s->page.text);
    wild_streams(&w, s);
    wild_lists(&w, s);
    wild_matrix(&w, &s->matrix);
    return s;
}

#endif
