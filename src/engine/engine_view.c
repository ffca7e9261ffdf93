#include "engine/inside.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

double engine_seconds(const struct engine *g, int64_t t)
{
    return (double)(t - g->result.start_ns) / 1e9;
}

void engine_note(struct engine *g, int level, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    snapshot_event(&g->view, engine_seconds(g, g->tick_at), level, text);
    rows_event(g, level, text);
}

static void fill_server(struct engine *g)
{
    const struct server_info *s = &g->result.pre.server;
    struct server_view *v = &g->view.server;
    if (v->model[0] == '\0') {
        str_sanitise(v->model, sizeof v->model, s->model, strlen(s->model));
        str_copy(v->kind, sizeof v->kind, s->title);
        str_copy(v->address, sizeof v->address, s->address);
        v->simulated = s->simulated;
        if (s->max_model_len > 0)
            v->max_model_len = (double)s->max_model_len;
    }
    v->running = g->server.running;
    v->waiting = g->server.waiting;
    v->kv_used = g->server.kv_used;
}

/* Hits of the last ten seconds, from two counters that only grow; a server that was restarted begins anew. */
static void fill_prefix_hits(struct engine *g)
{
    double *h = g->prefix_hits, *q = g->prefix_queries;
    if (!isfinite(g->server.prefix_queries))
        return;
    int n = g->prefix_n;
    if (n > 0 && g->server.prefix_queries < q[n - 1])
        n = 0;
    if (n == PREFIX_RING) {
        memmove(h, h + 1, (PREFIX_RING - 1) * sizeof *h);
        memmove(q, q + 1, (PREFIX_RING - 1) * sizeof *q);
        n--;
    }
    h[n] = g->server.prefix_hits;
    q[n] = g->server.prefix_queries;
    g->prefix_n = n + 1;
    double asked = q[n] - q[0];
    g->view.server.prefix_hits = asked > 0 ? (h[n] - h[0]) / asked : (double)NAN;
}

static struct latency_view latency_of(const struct hist *h, enum metric_id m)
{
    double nan = (double)NAN;
    if (h == NULL || h->count == 0)
        return (struct latency_view){0, nan, nan, nan, nan};
    struct dist d;
    dist_of_hist(&d, h, metrics[m].scale);
    return (struct latency_view){d.n, d.p50, d.p95, d.p99, d.mean};
}

/* Live, a first token counts as soon as it is there: with long answers the finished requests say nothing for minutes.
 * One that fails later is taken out again, as the summary counts successes alone. */
static void fill_ttft(struct engine *g)
{
    struct snapshot *v = &g->view;
    const struct hist *finished = g->result.phases.total.hist[M_TTFT];
    if (finished != NULL)
        v->ttft_hist = *finished;
    else
        hist_reset(&v->ttft_hist);
    for (size_t i = 0; g->workers_n > 0 && i < (size_t)MIN_OF(g->shared.target.streams, SNAP_STREAMS); i++) {
        const struct stream_row *s = &g->streams[i];
        if (s->measured && s->state == STREAM_DECODE && isfinite(s->ttft_ms))
            hist_add(&v->ttft_hist, (uint64_t)(s->ttft_ms * 1e6), 1);
    }
    v->ttft = latency_of(&v->ttft_hist, M_TTFT);
}

void engine_see_latency(struct engine *g, const struct row *r)
{
    const struct timeline *t = &r->tl;
    if (r->warmup || r->stream == 0 || t->outcome != OUT_OK || t->first_token == 0)
        return;
    int64_t ttft = t->first_token - t->sent;
    heat_add(&g->view.ttft_heat, engine_seconds(g, t->first_token), (double)ttft / 1e6);
    if (t->cached_tokens < 0 || t->prompt_tokens <= 0)
        return;
    hist_add(2 * t->cached_tokens > t->prompt_tokens ? &g->ttft_cached : &g->ttft_new, (uint64_t)MAX_OF(ttft, 0), 1);
}

static void copy_hist(struct hist *to, const struct hist *from)
{
    if (from != NULL)
        *to = *from;
}

static void fill_results(struct engine *g)
{
    const struct run_result *r = &g->result;
    const struct tally *t = &r->phases.total;
    struct snapshot *v = &g->view;
    fill_ttft(g);
    bool news = t->requests != v->ok + v->failed + v->cancelled;
    v->sent = r->sent;
    v->output_tokens = (uint64_t)g->live.total;
    if (v->ttft_first.count == 0 && r->pre.first.tl.first_token != 0)
        hist_add(&v->ttft_first, (uint64_t)(r->pre.first.tl.first_token - r->pre.first.tl.sent), 1);
    if (!news)
        return;
    v->ok = t->outcome[OUT_OK];
    v->cancelled = t->outcome[OUT_CANCELLED];
    v->failed = tally_failed(t);
    v->short_output = t->short_output;
    v->tpot = latency_of(t->hist[M_TPOT], M_TPOT);
    v->e2e = latency_of(t->hist[M_E2E], M_E2E);
    v->itl = latency_of(t->hist[M_ITL], M_ITL);
    v->ttft_new = latency_of(&g->ttft_new, M_TTFT);
    v->ttft_cached = latency_of(&g->ttft_cached, M_TTFT);
    copy_hist(&v->itl_hist, t->hist[M_ITL]);
    copy_hist(&v->tpot_hist, t->hist[M_TPOT]);
    copy_hist(&v->e2e_hist, t->hist[M_E2E]);
    if (t->hist[M_DECODE_RATE] != NULL)
        v->decode_rate = hist_mean(t->hist[M_DECODE_RATE]) / metrics[M_DECODE_RATE].scale;
}

static void fill_streams(struct engine *g)
{
    struct snapshot *v = &g->view;
    v->in_flight = v->queued = v->decoding = v->backing_off = 0;
    for (int i = 0; i < g->workers_n; i++) {
        v->in_flight += g->views[i].active;
        v->queued += g->views[i].queued;
        v->decoding += g->views[i].decoding;
        v->backing_off += g->views[i].backing_off;
    }
    if (g->workers_n == 0)
        return;
    v->streams_total = g->shared.target.streams;
    v->streams_n = (size_t)MIN_OF(v->streams_total, SNAP_STREAMS);
    memcpy(v->streams, g->streams, v->streams_n * sizeof *v->streams);
    double sum = 0;
    int n = 0;
    for (size_t i = 0; i < v->streams_n; i++)
        if (v->streams[i].state == STREAM_DECODE && isfinite(v->streams[i].rate)) {
            sum += v->streams[i].rate;
            n++;
        }
    v->output_rate_stream = n > 0 ? sum / n : (double)NAN;
}

static void fill_series(struct engine *g, int64_t now)
{
    struct snapshot *v = &g->view;
    if (g->workers_n > 0) {
        v->output_rate = live_rate(&g->live, &v->output_approx);
        if (v->output_rate > v->output_rate_peak || !isfinite(v->output_rate_peak))
            v->output_rate_peak = v->output_rate;
    }
    if (now < g->live.point_at)
        return;
    g->live.point_at += (int64_t)(SNAP_STEP_S * 1e9);
    if (g->live.point_at < now) /* the machine slept: begin anew */
        g->live.point_at = now + (int64_t)(SNAP_STEP_S * 1e9);
    double end = engine_seconds(g, now);
    series_push(&v->out_series, end, g->workers_n > 0 ? v->output_rate : (double)NAN);
    series_push(&v->gtt_series, end, v->memory.gtt_used.value);
    series_push(&v->ram_series, end, v->memory.ram_used.value);
    series_push(&v->vram_series, end, v->memory.vram_used.value);
    series_push(&v->run_series, end, v->server.running);
    series_push(&v->wait_series, end, v->server.waiting);
    series_push(&v->kv_series, end, v->server.kv_used);
}

static void fill_status(struct engine *g)
{
    struct snapshot *v = &g->view;
    v->state = g->state;
    v->paused = g->state == RUN_PAUSED;
    if (g->state == RUN_PREFLIGHT) {
        pthread_mutex_lock(&g->lock);
        str_copy(v->status, sizeof v->status, g->doing);
        pthread_mutex_unlock(&g->lock);
    } else if (g->state == RUN_DRAIN) {
        snprintf(v->status, sizeof v->status, "%s: %d requests in flight",
                 g->cancelled ? "stopping" : "waiting for the last answers", v->in_flight);
    } else if (g->state != RUN_FAILED && g->state != RUN_WATCH) {
        v->status[0] = '\0';
    }
}

void engine_fill_view(struct engine *g, int64_t now)
{
    struct snapshot *v = &g->view;
    const struct run_result *r = &g->result;
    v->clock_s = engine_seconds(g, now);
    if (r->load_start != 0)
        v->elapsed_s = (double)((r->load_end != 0 ? r->load_end : g->state == RUN_PAUSED ? g->paused_since : now) -
                                r->load_start - g->paused_ns) / 1e9;
    if (g->only.duration_ns > 0)
        v->planned_s = (double)g->only.duration_ns / 1e9;
    if (g->only.requests > 0)
        v->planned_requests = (double)g->only.requests;
    if (g->cfg->watch) {
        v->elapsed_s = v->clock_s;
        if (g->server_known)
            fill_server(g);
        fill_results(g);
    } else if (g->workers_n > 0 || g->state == RUN_DONE) {
        fill_server(g);
        v->target_streams = g->shared.target.streams;
        v->target_context = (int)g->shared.target.context;
        v->target_max_tokens = (int)g->shared.target.max_tokens;
        v->phase = g->shared.target.phase;
        fill_results(g);
        engine_fill_suite(g);
    }
    if (g->scraper != NULL && v->clock_s >= g->prefix_due) {
        g->prefix_due = v->clock_s + 1;
        fill_prefix_hits(g);
    }
    fill_streams(g);
    fill_series(g, now);
    fill_status(g);
    v->client_limited = r->client_limited;
    str_copy(v->client_reason, sizeof v->client_reason, r->client_reason);
    v->lag_p99_ms = hist_quantile(&r->lag, 0.99) / 1e6;
}

void engine_publish(struct engine *g)
{
    g->view.seq++;
    pthread_mutex_lock(&g->lock);
    size_t rows = g->view.streams_n * sizeof g->view.streams[0];
    memcpy(&g->front, &g->view, offsetof(struct snapshot, streams) + rows);
    pthread_cond_broadcast(&g->news);
    pthread_mutex_unlock(&g->lock);
}
