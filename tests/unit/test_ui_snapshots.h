/* Canned snapshots for the tests of the screen.  The same every time: seeded, no clock. */
#ifndef TG_TEST_UI_SNAPSHOTS_H
#define TG_TEST_UI_SNAPSHOTS_H

#include "engine/live.h"
#include "host/gpu.h"
#include "snapshot.h"
#include "util.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CANNED_GIB (1024.0 * 1024 * 1024)

static inline struct gauge canned_gauge(double value, bool simulated)
{
    struct gauge g = {.value = value, .simulated = simulated};
    return g;
}

/* Nothing known yet: every number NAN, as the engine starts. */
static inline struct snapshot *canned_empty(void)
{
    struct snapshot *s = xcalloc(1, sizeof *s);
    snapshot_clear(s);
    s->seq = 1;
    s->state = RUN_PREFLIGHT;
    s->planned_s = 600;
    str_copy(s->status, sizeof s->status, "asking 127.0.0.1:8000 for its models");
    str_copy(s->server.address, sizeof s->server.address, "127.0.0.1:8000");
    s->target_streams = 4;
    s->target_context = 2048;
    s->target_max_tokens = 128;
    return s;
}

static inline void canned_memory(struct snapshot *s, double t)
{
    struct memory_view *m = &s->memory;
    m->ram_total = canned_gauge(61.4 * CANNED_GIB, false);
    m->ram_used = canned_gauge(46.4 * CANNED_GIB, false);
    m->ram_available = canned_gauge(15.0 * CANNED_GIB, false);
    m->gtt_total = canned_gauge(53.0 * CANNED_GIB, true);
    m->gtt_used = canned_gauge((39.7 + 0.6 * sin(t / 40)) * CANNED_GIB, true);
    m->vram_total = canned_gauge(0.5 * CANNED_GIB, true);
    m->vram_used = canned_gauge(0.2 * CANNED_GIB, true);
    str_copy(m->gpu_name, sizeof m->gpu_name, "Radeon 8060S gfx1151");
    m->stack.gtt = m->gtt_used.value;
    m->stack.other = m->ram_used.value - m->gtt_used.value;
    m->stack.unaccounted = m->stack.cache = 0;
    m->stack.free = m->ram_available.value;
}

/* A whole Strix Halo, with a server on it. */
static inline void canned_machine(struct snapshot *s)
{
    struct memory_view *m = &s->memory;
    s->server.simulated = false;
    m->gtt_total = canned_gauge(53.0 * CANNED_GIB, false);
    m->gtt_used = canned_gauge(39.7 * CANNED_GIB, false);
    m->vram_total = canned_gauge(0.5 * CANNED_GIB, false);
    m->vram_used = canned_gauge(0.2 * CANNED_GIB, false);
    m->swap_total = canned_gauge(8 * CANNED_GIB, false);
    m->swap_used = canned_gauge(0.3 * CANNED_GIB, false);
    m->stack.gtt = 39.7 * CANNED_GIB;
    m->stack.other = 5.9 * CANNED_GIB;
    m->stack.unaccounted = 0.8 * CANNED_GIB;
    m->stack.cache = 9.8 * CANNED_GIB;
    m->stack.free = 5.2 * CANNED_GIB;
    m->ceiling = 53.0 * CANNED_GIB;
    str_copy(m->ceiling_from, sizeof m->ceiling_from, "ttm.pages_limit");
    m->guard_ram = 1.2 * CANNED_GIB;
    m->guard_gtt = 1.2 * CANNED_GIB;
    m->full_in_s = 900;
    m->full_what = "GTT";
    m->pressure_some = 0.4;
    m->pressure_full = 0.1;
    m->cpu = 0.17;
    str_copy(m->gpu_pci, sizeof m->gpu_pci, "0000:c5:00.0");
    gauge_set(&m->busy, 97, "sysfs", NULL);
    gauge_set(&m->sclk, 2800, "sysfs", NULL);
    gauge_set(&m->mclk, 1000, "sysfs", NULL);
    gauge_set(&m->power, 88.3, "metrics", NULL);
    gauge_set(&m->power_gfx, 61.5, "metrics", NULL);
    gauge_set(&m->temperature, 71, "sysfs", NULL);
    m->power_is_package = true;
    m->limited = 0.04;
    str_copy(m->limited_by, sizeof m->limited_by, "SPPT");
    m->procs_known = true;
    m->procs_n = 2;
    m->procs[0] = (struct process_row){4711, "VLLM::EngineCor", 38.1 * CANNED_GIB, 0.1 * CANNED_GIB, 3.4 * CANNED_GIB, 38 * CANNED_GIB, true, true};
    m->procs[1] = (struct process_row){1234, "gnome-shell", 0.2 * CANNED_GIB, 0.1 * CANNED_GIB, 0.4 * CANNED_GIB, (double)NAN, false, false};
    m->procs_hidden = 12;
    m->other_gtt = 1.4 * CANNED_GIB;
    m->other_vram = 0;
}

static inline void canned_points(struct snapshot *s, double t, double rate_scale)
{
    memset(&s->series, 0, sizeof s->series);
    for (int i = 1; i * SERIES_STEP_S <= t; i++) {
        double at = i * SERIES_STEP_S;
        double level = at < 60 ? 34 : at < 110 ? 68 : at < 150 ? 105 : 132;
        uint64_t own = (uint64_t)(at * 2) * 7919 + 1;
        double noise = rng_unit(&own) - 0.5;
        bool gap = at >= 84 && at < 88;
        series_push(&s->series.out, at, gap ? (double)NAN : rate_scale * (level + 10 * noise + 4 * sin(at / 5)));
        series_push(&s->series.gtt, at, (39.4 + fmin(at / 300, 1) + 0.3 * sin(at / 12)) * CANNED_GIB);
        series_push(&s->series.ram, at, (46.0 + 0.5 * sin(at / 9)) * CANNED_GIB);
        series_push(&s->series.vram, at, 0.2 * CANNED_GIB);
        series_push(&s->series.run, at, at < 60 ? 1 : at < 110 ? 2 : at < 150 ? 3 : 4);
        series_push(&s->series.kv, at, at / 620);
        series_push(&s->series.gen, at, gap ? (double)NAN : rate_scale * (level + 3 * sin(at / 5)));
        series_push(&s->series.wait, at, at < 130 ? 0 : floor(2.5 + 2.4 * sin(at / 7)));
    }
    s->series.seq++;
}

static inline void canned_latency(struct snapshot *s, double t, uint64_t *seed)
{
    int n = (int)(t * 1.6);
    for (int i = 0; i < n; i++) {
        double u = rng_unit(seed), ms = 74 * exp(0.9 * u * u * u + 0.35 * (rng_unit(seed) - 0.3));
        if (rng_unit(seed) > 0.93)
            ms *= 3.4;
        hist_add(&s->hists.ttft, (uint64_t)(ms * 1e6), 1);
    }
    hist_add(&s->hists.ttft_first, 1232000000, 1);
    s->ttft.n = s->hists.ttft.count;
    s->ttft.p50 = hist_quantile(&s->hists.ttft, 0.5) / 1e6;
    s->ttft.p95 = hist_quantile(&s->hists.ttft, 0.95) / 1e6;
    s->ttft.p99 = hist_quantile(&s->hists.ttft, 0.99) / 1e6;
    s->e2e.p50 = 3890;
    s->e2e.p95 = 4930;
    s->e2e.p99 = 5210;
    s->e2e.mean = 3950;
    s->tpot.p50 = 29.4;
    s->tpot.p95 = 31.2;
    s->tpot.p99 = 33.8;
    s->tpot.mean = 29.6;
    s->ttft.mean = hist_mean(&s->hists.ttft) / 1e6;
    for (int i = 0; i < n; i++) {
        double at = 3 + (t - 3) * i / n, u = rng_unit(seed);
        heat_add(&s->hists.ttft_heat, at, (at > 130 ? 300 : 90) * exp(0.8 * (u - 0.4)) * (rng_unit(seed) > 0.95 ? 5 : 1));
        hist_add(&s->hists.e2e, (uint64_t)((3700 + 900 * u) * 1e6), 1);
        hist_add(&s->hists.tpot, (uint64_t)((28.5 + 3 * u) * 1e6), 1);
        for (int k = 0; k < 40; k++)
            hist_add(&s->hists.itl, (uint64_t)((rng_unit(seed) > 0.98 ? 210 : 28 + 4 * rng_unit(seed)) * 1e6), 1);
    }
    s->tpot.n = s->e2e.n = (uint64_t)n;
    s->itl = (struct latency_view){s->hists.itl.count, hist_quantile(&s->hists.itl, 0.5) / 1e6, hist_quantile(&s->hists.itl, 0.95) / 1e6,
                                   hist_quantile(&s->hists.itl, 0.99) / 1e6, hist_mean(&s->hists.itl) / 1e6};
    s->ttft_new = s->ttft;
    s->ttft_new.n = s->ttft.n * 2 / 3;
    s->ttft_cached = (struct latency_view){s->ttft.n / 3, 61.2, 70.9, 88.1, 62.0};
    s->decode_rate = 34.0;
    s->ok = (uint64_t)n;
    s->sent = s->ok + 6;
    s->output_tokens = (uint64_t)n * 128;
}

static const char *const canned_texts[] = {
    "Here is one way to do it: the worker takes a lock, and then the worker returns a pointer to the buffer",
    "fn main() { let mut sum = 0; for i in 0..10 { sum += i; } println!(\"{sum}\"); }",
    "日本語のテキストも幅を守って表示されます。全角文字は二桁です",
    "1. Reduce --max-num-seqs. 2. Watch the GTT pool. 3. Try again with a shorter context, as before",
};

static inline void canned_streams(struct snapshot *s, int n, uint64_t *seed)
{
    s->streams_total = n;
    s->streams_n = (size_t)(n < SNAP_STREAMS ? n : SNAP_STREAMS);
    for (size_t i = 0; i < s->streams_n; i++) {
        struct stream_row *r = &s->streams[i];
        r->id = (int)i + 1;
        r->context = s->target_context;
        r->backoff_s = (double)NAN;
        r->state = i % 6 < 4 ? STREAM_DECODE : STREAM_QUEUED;
        r->output = r->state == STREAM_DECODE ? 10 + (int)(rng_unit(seed) * 110) : 0;
        r->ttft_ms = r->state == STREAM_DECODE ? 80 + 300 * rng_unit(seed) * rng_unit(seed) : (double)NAN;
        r->rate = r->state == STREAM_DECODE ? 32.5 + 2 * rng_unit(seed) : (double)NAN;
        r->wait_s = 0.2 + rng_unit(seed);
        if (r->state == STREAM_DECODE)
            str_copy(r->tail, sizeof r->tail, canned_texts[i % ARRAY_LEN(canned_texts)]);
        s->decoding += r->state == STREAM_DECODE;
        s->queued += r->state == STREAM_QUEUED;
    }
    s->in_flight = s->decoding + s->queued;
}

/* What the server counts, and its page. */
static inline void canned_counts(struct snapshot *s)
{
    struct server_view *v = &s->server;
    v->counts = (struct server_counts){.finished = 307, .preemptions = 2, .prompt_tokens = 641024, .generated_tokens = 39870,
                                       .prefix_hits = 0.41, .accepted = 0.71, .accepted_a_draft = 2.13,
                                       .ttft = {311, 88.4, 81.2, 214.0}, .queue = {311, 12.6, 1.2, 61.0},
                                       .itl = {39560, 29.3, 29.1, 33.8}};
    v->generated_rate = 131.9;
    v->our_rate = 131.2;
    v->prompt_rate = 2110;
    v->kv_tokens = 65536;
    v->kv_blocks = 4096;
    v->kv_block_tokens = 16;
    v->lines = 212;
    v->bad_lines = 0;
}

static inline void canned_page(struct snapshot *s)
{
    s->page.seq = 1;
    s->page.lines = 212;
    str_copy(s->page.text, sizeof s->page.text,
             "vllm:num_requests_running{engine=\"0\",model_name=\"Qwen3-Coder-30B-A3B-Instruct-gptq-4bit\"} 4.0\n"
             "vllm:num_requests_waiting{engine=\"0\",model_name=\"Qwen3-Coder-30B-A3B-Instruct-gptq-4bit\"} 2.0\n"
             "vllm:kv_cache_usage_perc{engine=\"0\",model_name=\"Qwen3-Coder-30B-A3B-Instruct-gptq-4bit\"} 0.31\n"
             "vllm:generation_tokens_total{engine=\"0\",model_name=\"Qwen3-Coder-30B-A3B-Instruct-gptq-4bit\"} 39870.0\n"
             "vllm:time_to_first_token_seconds_bucket{engine=\"0\",model_name=\"Qwen3-Coder-30B\",le=\"0.1\"} 212.0\n"
             "vllm:time_to_first_token_seconds_bucket{engine=\"0\",model_name=\"Qwen3-Coder-30B\",le=\"+Inf\"} 311.0\n"
             "process_resident_memory_bytes 4.3212e+10\n");
}

/* A run in full swing, t seconds after its start. */
static inline struct snapshot *canned_busy_at(double t, int streams)
{
    struct snapshot *s = canned_empty();
    uint64_t seed = 7;
    s->state = RUN_LOAD;
    s->clock_s = t;
    s->elapsed_s = t > 3 ? t - 3 : 0;
    str_copy(s->status, sizeof s->status, "4 streams of 2k context, 128 tokens each");
    str_copy(s->server.model, sizeof s->server.model, "Qwen3-Coder-30B-A3B-Instruct-gptq-4bit");
    str_copy(s->server.kind, sizeof s->server.kind, "vLLM 0.11.2");
    s->server.simulated = true;
    s->server.max_model_len = 16384;
    s->server.running = 4;
    s->server.waiting = 2;
    s->server.kv_used = 0.31;
    s->server.prefix_hits = 0.62;
    canned_counts(s);
    s->target_streams = streams;
    canned_memory(s, t);
    canned_points(s, t, 1);
    canned_latency(s, t, &seed);
    canned_streams(s, streams, &seed);
    const struct series_level *out = &s->series.out.level[SERIES_FINE];
    const struct series_point *newest = series_at(out, out->n > 0 ? out->last : 0);
    s->output_rate = out->n > 0 && newest->count > 0 ? (double)newest->mean : (double)NAN;
    s->output_rate_stream = 33.0;
    s->output_rate_peak = 139.4;
    s->marks_n = 2;
    s->marks[0].at_s = 110;
    str_copy(s->marks[0].text, sizeof s->marks[0].text, "streams 2 → 4");
    s->marks[1].at_s = 150;
    str_copy(s->marks[1].text, sizeof s->marks[1].text, "streams 4 → 6");
    for (int i = 0; i < 5; i++) {
        struct event_line *e = &s->events[s->events_n++];
        e->at_s = 10 + 30 * i;
        e->level = i % 3;
        snprintf(e->text, sizeof e->text, "event number %d, as the engine words it", i + 1);
    }
    return s;
}

/* Eight loads, one of which runs and one of which is hardly known. */
static inline void canned_matrix(struct snapshot *s)
{
    static const int streams[] = {1, 2, 4, 6, 8};
    static const double rates[][5] = {{34.1, 66.8, 131.9, 133.0, 131.2}, {31.0, 58.2, 102.7, 0, 0}};
    for (int r = 0; r < 2; r++)
        for (int k = 0; k < 5; k++) {
            if (rates[r][k] == 0)
                continue;
            struct matrix_cell *c = matrix_put(&s->matrix, streams[k], r == 0 ? 2048 : 8192, 128, 0);
            c->output_rate = rates[r][k];
            c->decode_rate = rates[r][k] / fmin(streams[k], 4);
            c->ttft_p50 = 110 + 300 * r + (streams[k] > 4 ? 900 * (streams[k] - 4) : 12 * streams[k]);
            c->ttft_p95 = c->ttft_p50 * 1.9;
            c->ok = r == 1 && k == 2 ? 4 : 40;
            c->failed = r == 1 && k == 1 ? 2 : 0;
        }
    struct matrix_cell *c = matrix_put(&s->matrix, 6, 2048, 128, 0);
    c->running = true;
}

static inline struct snapshot *canned_busy(void)
{
    return canned_busy_at(192, 6);
}

static inline struct snapshot *canned_trouble(void)
{
    struct snapshot *s = canned_busy_at(192, 40);
    s->failed = 17;
    str_copy(s->last_error, sizeof s->last_error, "http_429 ×12: too many requests, slow down please");
    s->client_limited = true;
    str_copy(s->client_reason, sizeof s->client_reason, "lag p99 7 ms");
    s->output_approx = true;
    s->streams[1].state = STREAM_BACKOFF;
    s->streams[1].backoff_s = 0.8;
    s->streams[0].output_approx = true;
    s->backing_off = 1;
    s->memory.not_server = true;
    s->memory.gtt_used.value = 52.4 * CANNED_GIB;
    s->server.simulated = false;
    str_copy(s->server.address, sizeof s->server.address, "inference.example.org:8443");
    return s;
}

/* The widest numbers there can be. */
static inline struct snapshot *canned_extreme(void)
{
    struct snapshot *s = canned_busy_at(192, 2000);
    canned_points(s, 192, 187);
    s->output_rate = 24453.4;
    s->output_rate_peak = 26000;
    s->output_tokens = 12345678901;
    s->output_approx = true;
    s->sent = 123456789;
    s->ok = 123400000;
    s->failed = 56789;
    s->ttft.p50 = 12345;
    s->ttft.p95 = 183000;
    s->ttft.p99 = 1e7;
    for (uint64_t i = 0; i < 100000; i++)
        hist_add(&s->hists.ttft, 1000000000 + i * 200000000, 1);
    s->planned_s = 86400 * 10;
    s->elapsed_s = 86400 * 9;
    s->server.running = 1024;
    s->server.waiting = 99976;
    s->server.kv_used = 1;
    s->streams[0].output = 1234567;
    s->streams[0].output_approx = true;
    s->streams[0].ttft_ms = 1e6 + 5;
    s->streams[0].context = 1310720;
    s->streams[0].rate = 12345.6;
    s->memory.gtt_total.value = 512 * CANNED_GIB;
    s->memory.gtt_used.value = 480 * CANNED_GIB;
    s->memory.ram_total.value = 1500 * CANNED_GIB;
    s->memory.ram_used.value = 1200 * CANNED_GIB;
    s->target_context = 131072;
    return s;
}

static inline struct snapshot *canned_done(void)
{
    struct snapshot *s = canned_busy();
    s->state = RUN_DONE;
    str_copy(s->status, sizeof s->status, "done");
    s->elapsed_s = 600;
    s->in_flight = s->decoding = s->queued = 0;
    for (size_t i = 0; i < s->streams_n; i++)
        s->streams[i].state = STREAM_IDLE;
    return s;
}

#endif
