#include "engine/inside.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
        v->unverified = g->cfg->insecure;
        if (s->max_model_len > 0)
            v->max_model_len = (double)s->max_model_len;
    }
}

static void fill_goodput(struct engine *g)
{
    struct phases *p = &g->result.phases;
    struct window w;
    double s = 0;
    if (g->cfg->slo.n == 0 || p->n == 0)
        return;
    if (g->view.slo[0] == '\0')
        slo_text(&g->cfg->slo, g->view.slo, sizeof g->view.slo);
    phase_headline(p->list[p->n - 1], engine_settled(g, g->tick_at), &w, &s);
    g->view.goodput = s >= 1 ? tally_goodput(&p->list[p->n - 1]->tally, (double)w.good, s) : (double)NAN;
}

static void fill_results(struct engine *g)
{
    const struct run_result *r = &g->result;
    const struct tally *t = &r->phases.total;
    struct snapshot *v = &g->view;
    v->sent = r->sent;
    v->output_tokens = (uint64_t)g->live.total;
    if (v->hists.ttft_first.count == 0 && r->pre.first.tl.first_token != 0) {
        hist_add(&v->hists.ttft_first, (uint64_t)(r->pre.first.tl.first_token - r->pre.first.tl.sent), 1);
        v->hists.seq++;
    }
    v->ok = t->outcome[OUT_OK];
    v->cancelled = t->outcome[OUT_CANCELLED];
    v->failed = tally_failed(t);
    v->short_output = t->short_output;
    fill_goodput(g);
    shown_fill(&g->shown, v);
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
}

#define OVERDUE_MOST 100000

/* Of an open loop: what is due, what is sent, what waits. */
static void fill_arrivals(struct engine *g, int64_t now)
{
    struct snapshot *v = &g->view;
    struct sent_live *l = &g->sent_live;
    struct load_target *t = &g->shared.target;
    v->open_loop = t->open;
    v->load_fixed = engine_load_fixed(g);
    v->lengths_fixed = v->load_fixed || g->trace.n > 0;
    v->agent = g->agent != NULL;
    if (!t->open)
        return;
    if (l->n == SENT_RING) {
        memmove(l->at, l->at + 1, (SENT_RING - 1) * sizeof l->at[0]);
        memmove(l->sent, l->sent + 1, (SENT_RING - 1) * sizeof l->sent[0]);
        l->n--;
    }
    l->at[l->n] = now;
    l->sent[l->n++] = g->result.sent;
    double s = (double)(now - l->at[0]) / 1e9;
    v->sent_rate = s >= 0.5 ? (double)(g->result.sent - l->sent[0]) / s : (double)NAN;
    v->overdue = engine_loading(g) && g->state != RUN_PAUSED ? schedule_waiting(&g->shared.schedule, now, OVERDUE_MOST) : 0;
    v->target_rate = g->trace.n > 0 ? (double)NAN : schedule_rate_now(&g->shared.schedule, g->state == RUN_PAUSED ? g->paused_since : now);
}

static void fill_series(struct engine *g, int64_t now)
{
    struct snapshot *v = &g->view;
    if (g->workers_n > 0) {
        v->output_rate = live_rate(&g->live, &v->output_approx);
        v->output_rate_stream = live_stream_rate(&g->live);
        if (v->output_rate > v->output_rate_peak || !isfinite(v->output_rate_peak))
            v->output_rate_peak = v->output_rate;
    }
    if (now < g->live.point_at)
        return;
    const int64_t step = (int64_t)(SERIES_STEP_S * 1e9);
    int64_t late = (now - g->live.point_at) / step * step; /* what was slept through is a gap */
    double end = engine_seconds(g, g->live.point_at + late);
    g->live.point_at += late + step;
    series_push(&v->series.out, end, g->workers_n > 0 ? v->output_rate : (double)NAN);
    series_push(&v->series.gtt, end, v->memory.gtt_used.value);
    series_push(&v->series.ram, end, v->memory.ram_used.value);
    series_push(&v->series.vram, end, v->memory.vram_used.value);
    series_push(&v->series.run, end, v->server.running);
    series_push(&v->series.wait, end, v->server.waiting);
    series_push(&v->series.kv, end, v->server.kv_used);
    series_push(&v->series.gen, end, v->server.generated_rate);
    v->series.seq++;
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
    } else if (g->state == RUN_DRAIN && g->waits) {
        str_copy(v->status, sizeof v->status, "the guard waits until memory is back, for 30 s at the most");
    } else if (g->state == RUN_DRAIN) {
        snprintf(v->status, sizeof v->status, "%s: %d requests in flight",
                 g->shared.target.cancel ? "stopping" : "waiting for the last answers", v->in_flight);
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
    fill_streams(g); /* their first tokens count */
    engine_give_way(g);
    fill_status(g);
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
        fill_arrivals(g, now);
        engine_give_way(g);
        fill_results(g);
        engine_give_way(g);
        engine_fill_matrix(g, now);
        engine_fill_suite(g);
    }
    engine_fill_counters(g, now);
    fill_series(g, now);
    v->client_limited = r->client_limited;
    str_copy(v->client_reason, sizeof v->client_reason, r->client_reason);
    v->lag_p99_ms = hist_quantile(&r->lag, 0.99) / 1e6;
}

void engine_tell_news(struct engine *g)
{
    (void)!write(g->news_fd, &(uint64_t){1}, sizeof(uint64_t)); /* fails only where 2^64 have not been read */
}

void engine_publish(struct engine *g)
{
    g->view.seq++;
    engine_give_way(g);
    pthread_mutex_lock(&g->lock);
    snapshot_copy(&g->front, &g->view);
    pthread_mutex_unlock(&g->lock);
    engine_tell_news(g); /* behind the lock, so that who is woken does not wait for it */
}
