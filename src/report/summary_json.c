#include "report/summary.h"
#include "report/capacity_words.h"
#include "report/counted_json.h"
#include "version.h"

#include <math.h>
#include <string.h>

static const char *const end_names[] = {"none", "requests", "duration", "precision", "stopped", "guard", "failed"};

static void json_dist(struct jsonw *j, const char *key, const struct dist *d)
{
    if (d->n == 0) {
        jw_str(j, key, NULL);
        return;
    }
    jw_open(j, key, '{');
    jw_int(j, "n", (int64_t)d->n);
    jw_num(j, "mean", d->mean, 4);
    jw_num(j, "stddev", d->stddev, 4);
    jw_num(j, "min", d->min, 4);
    jw_num(j, "p50", d->p50, 4);
    jw_num(j, "p90", d->p90, 4);
    jw_num(j, "p95", d->p95, 4);
    jw_num(j, "p99", d->p99, 4);
    jw_num(j, "p999", d->p999, 4);
    jw_num(j, "max", d->max, 4);
    jw_bool(j, "exact", d->exact);
    jw_close(j, '}');
}

static void json_hist(struct jsonw *j, const char *key, const struct hist *h, double scale)
{
    struct dist d;
    dist_of_hist(&d, h, scale);
    json_dist(j, key, &d);
}

static void json_requests(struct jsonw *j, const struct tally *t)
{
    jw_open(j, "requests", '{');
    jw_int(j, "ended", (int64_t)t->requests);
    jw_int(j, "ok", (int64_t)t->outcome[OUT_OK]);
    jw_int(j, "failed", (int64_t)tally_failed(t));
    jw_int(j, "cancelled", (int64_t)t->outcome[OUT_CANCELLED]);
    jw_int(j, "short", (int64_t)t->short_output);
    jw_int(j, "retried", (int64_t)t->retried);
    jw_open(j, "by_outcome", '{');
    for (int o = 0; o < OUT_COUNT; o++)
        if (t->outcome[o] > 0)
            jw_int(j, outcome_name((enum outcome)o), (int64_t)t->outcome[o]);
    jw_close(j, '}');
    jw_close(j, '}');
}

static void json_tokens(struct jsonw *j, const struct tally *t)
{
    double nan = (double)NAN, n = (double)t->prompt_n;
    jw_open(j, "tokens", '{');
    jw_num(j, "output", t->output_tokens, 0);
    jw_num(j, "prompt", t->prompt_n > 0 ? t->prompt_tokens : nan, 0);
    jw_num(j, "cached", t->cached_n > 0 ? t->cached_tokens : nan, 0);
    jw_num(j, "context_mean", t->prompt_n > 0 ? t->prompt_tokens / n : nan, 1);
    jw_num(j, "context_min", t->prompt_n > 0 ? (double)t->prompt_min : nan, 0);
    jw_num(j, "context_max", t->prompt_n > 0 ? (double)t->prompt_max : nan, 0);
    jw_open(j, "by_source", '{');
    for (int s = TOK_CONTINUOUS; s <= TOK_EVENTS; s++)
        if (t->source[s] > 0)
            jw_int(j, token_source_name((enum token_source)s), (int64_t)t->source[s]);
    jw_close(j, '}');
    jw_close(j, '}');
}

static void json_metrics(struct jsonw *j, const struct tally *t)
{
    struct dist d;
    for (int m = 0; m < M_LATENCY_COUNT_; m++) {
        tally_dist(t, (enum metric_id)m, &d);
        json_dist(j, metrics[m].key, &d);
    }
}

void summary_json_tally(const struct tally *t, struct jsonw *j)
{
    json_requests(j, t);
    json_tokens(j, t);
    json_metrics(j, t);
}

/* t: of the same requests, where objectives were stated; else NULL */
static void json_window(struct jsonw *j, const struct window *w, double seconds, const struct tally *t)
{
    bool some = seconds > 0;
    double nan = (double)NAN;
    jw_num(j, "seconds", some ? seconds : nan, 3);
    jw_num(j, metrics[M_OUTPUT_RATE].key, some ? w->tokens / seconds : nan, 3);
    jw_num(j, metrics[M_REQUEST_RATE].key, some ? (double)w->ok / seconds : nan, 4);
    jw_num(j, metrics[M_PROMPT_RATE].key, some ? w->prompt_tokens / seconds : nan, 3);
    jw_num(j, metrics[M_GOODPUT].key, some && t != NULL ? tally_goodput(t, (double)w->good, seconds) : nan, 4);
    jw_num(j, "output_tokens", some ? w->tokens : nan, 1);
    jw_bool(j, "output_approx", w->approx_tokens > 0);
}

/* How the requests stand to the objectives; null: none were stated. */
static void json_slo(struct jsonw *j, const struct slo *s, const struct tally *t)
{
    if (s->n == 0) {
        jw_str(j, "slo", NULL);
        return;
    }
    jw_open(j, "slo", '{');
    for (size_t i = 0; i < s->n; i++)
        jw_num(j, metrics[s->goal[i].metric].key, s->goal[i].limit, 6);
    jw_int(j, "met", (int64_t)t->good);
    jw_int(j, "unjudged", (int64_t)t->unjudged);
    jw_int(j, "cancelled_late", (int64_t)t->late);
    jw_num(j, "met_share", tally_good_share(t), 4);
    jw_open(j, "missed", '{');
    for (size_t i = 0; i < s->n; i++)
        jw_int(j, metrics[s->goal[i].metric].id, (int64_t)t->missed[i]);
    jw_close(j, '}');
    jw_close(j, '}');
}

static void json_phase(struct jsonw *j, const struct phase *p, const struct slo *slo, int64_t now)
{
    jw_open(j, NULL, '{');
    jw_int(j, "phase", p->id);
    jw_int(j, "max_num_seqs", p->streams);
    jw_num(j, "context", p->context > 0 ? (double)p->context : (double)NAN, 0);
    jw_int(j, "max_tokens", p->max_tokens);
    jw_num(j, "rate", p->rate > 0 ? p->rate : (double)NAN, 6);
    jw_int(j, "merged", p->merged);
    for (int steady = 0; steady < 2; steady++) {
        struct window w;
        double s;
        phase_window(p, now, steady, &w, &s);
        jw_open(j, steady ? "steady" : "whole", '{');
        json_window(j, &w, s, slo->n > 0 ? &p->tally : NULL);
        jw_close(j, '}');
    }
    json_slo(j, slo, &p->tally);
    summary_json_tally(&p->tally, j);
    jw_close(j, '}');
}

static void json_windows(struct jsonw *j, const struct run_result *r)
{
    struct window whole, steady, head;
    double whole_s, steady_s, s;
    phases_windows(&r->phases, r->end_ns, false, &whole, &whole_s);
    phases_windows(&r->phases, r->end_ns, true, &steady, &steady_s);
    bool use_steady = phases_headline(&r->phases, r->end_ns, &head, &s);
    const struct window *w = &head;
    double nan = (double)NAN;
    jw_str(j, "window", s > 0 ? use_steady ? "steady" : "whole" : NULL);
    jw_num(j, metrics[M_OUTPUT_RATE].key, s > 0 ? w->tokens / s : nan, 3);
    jw_num(j, metrics[M_REQUEST_RATE].key, s > 0 ? (double)w->ok / s : nan, 4);
    jw_num(j, metrics[M_PROMPT_RATE].key, s > 0 ? w->prompt_tokens / s : nan, 3);
    const struct tally *judged = r->cfg->slo.n > 0 ? &r->phases.total : NULL;
    jw_num(j, metrics[M_GOODPUT].key, judged != NULL ? tally_goodput(judged, (double)w->good, s) : nan, 4);
    jw_bool(j, "output_approx", w->approx_tokens > 0);
    jw_open(j, "whole", '{');
    json_window(j, &whole, whole_s, judged);
    jw_close(j, '}');
    jw_open(j, "steady", '{');
    json_window(j, &steady, steady_s, judged);
    jw_close(j, '}');
}

static double known(int64_t n)
{
    return n >= 0 ? (double)n : (double)NAN;
}

static void json_first(struct jsonw *j, const struct run_result *r)
{
    double v[M_REQUEST_COUNT_];
    timeline_numbers(&r->pre.first.tl, v);
    jw_open(j, "first", '{');
    jw_num(j, metrics[M_TTFT].key, v[M_TTFT], 4);
    jw_num(j, metrics[M_E2E].key, v[M_E2E], 4);
    jw_num(j, "output_tokens", known(r->pre.first.tl.output_tokens), 0);
    jw_num(j, "prompt_tokens", known(r->pre.first.tl.prompt_tokens), 0);
    jw_close(j, '}');
}

#define GIB (1024.0 * 1024 * 1024)

static void json_span(struct jsonw *j, const char *key, const struct span *s, double total)
{
    jw_open(j, key, '{');
    jw_num(j, "total", total / GIB, 3);
    jw_num(j, "idle", s->idle / GIB, 3);
    jw_num(j, "peak", s->peak / GIB, 3);
    jw_num(j, "last", s->last / GIB, 3);
    jw_close(j, '}');
}

static void json_client(struct jsonw *j, const struct run_result *r)
{
    jw_open(j, "client", '{');
    jw_bool(j, "limited", r->client_limited);
    jw_str(j, "reason", r->client_limited ? r->client_reason : NULL);
    json_hist(j, metrics[M_LAG].key, &r->lag, 1e6);
    json_hist(j, metrics[M_BATCH_DELAY].key, &r->batch_delay, 1e6);
    json_hist(j, "skew_ms", &r->skew, 1e6);
    jw_num(j, "worker_cpu_peak", r->worker_cpu, 4);
    jw_close(j, '}');
}

static void json_phases(struct jsonw *j, const struct run_result *r)
{
    jw_open(j, "phases", '[');
    for (int i = 0; i < r->phases.n; i++)
        if (r->phases.list[i]->tally.requests > 0)
            json_phase(j, r->phases.list[i], &r->cfg->slo, r->end_ns);
    jw_close(j, ']');
}

/* null: all are of one length. */
static void json_drawn(struct jsonw *j, const char *key, const struct lengths *l)
{
    char text[64];
    jw_str(j, key, l->kind != LENGTH_FIXED ? lengths_text(l, text) : NULL);
}

/* null: closed loop. */
static void json_arrivals(struct jsonw *j, const struct run_result *r)
{
    const struct run_config *c = r->cfg;
    char kind[32];
    if (c->trace == NULL && c->arrival.rate <= 0) {
        jw_str(j, "arrivals", NULL);
        return;
    }
    jw_open(j, "arrivals", '{');
    jw_str(j, "trace", c->trace);
    jw_str(j, "kind", c->trace == NULL ? arrivals_kind_text(&c->arrival, kind) : NULL);
    jw_num(j, "rate", c->trace == NULL ? c->arrival.rate : (double)NAN, 6);
    jw_num(j, "ramp_to", c->arrival.ramp_ns > 0 ? c->arrival.rate_end : (double)NAN, 6);
    jw_num(j, "ramp_s", c->arrival.ramp_ns > 0 ? (double)c->arrival.ramp_ns / 1e9 : (double)NAN, 3);
    jw_int(j, "not_sent", (int64_t)r->not_sent);
    jw_close(j, '}');
}

static void json_head(struct jsonw *j, const struct run_result *r)
{
    const struct run_config *c = r->cfg;
    const struct server_info *s = &r->pre.server;
    jw_str(j, "tokgauge", TOKGAUGE_VERSION);
    jw_bool(j, "simulated", s->simulated);
    jw_str(j, "label", c->label);
    jw_str(j, "started", r->started);
    jw_str(j, "url", s->url);
    jw_str(j, "model", s->model);
    jw_str(j, "server", s->title);
    jw_num(j, "max_model_len", s->max_model_len > 0 ? (double)s->max_model_len : (double)NAN, 0);
    jw_str(j, "endpoint", c->endpoint == ENDPOINT_CHAT ? "chat" : "completions");
    jw_str(j, "prompt", c->prompt);
    jw_int(j, "max_num_seqs", c->max_num_seqs);
    jw_num(j, "context", prompt_context(c) > 0 ? (double)prompt_context(c) : (double)NAN, 0);
    jw_int(j, "max_tokens", c->max_tokens);
    json_drawn(j, "context_drawn", &c->context_of);
    json_drawn(j, "max_tokens_drawn", &c->output_of);
    json_arrivals(j, r);
    jw_int(j, "warmup", c->warmup);
    jw_int(j, "seed", c->seed);
    jw_bool(j, "tls_verified", !c->insecure);
    jw_str(j, "ended_by", end_names[r->end]);
    if (r->end == END_GUARD)
        jw_str(j, "guard", r->guard_why);
}

void summary_json(const struct run_result *r, struct jsonw *j)
{
    const struct tally *t = &r->phases.total;
    json_head(j, r);
    json_requests(j, t);
    json_tokens(j, t);
    json_windows(j, r);
    json_slo(j, &r->cfg->slo, t);
    capacity_json(&r->capacity, &r->cfg->slo, prompt_context(r->cfg), j);
    json_metrics(j, t);
    json_first(j, r);
    json_client(j, r);
    server_counts_json("server_counts", &r->server.counts, j);
    jw_open(j, "server_facts", '{');
    server_facts_json(&r->server, j);
    jw_num(j, "seems_max_num_seqs", r->server.seems_max_num_seqs, 0);
    jw_close(j, '}');
    jw_open(j, "memory_gib", '{');
    json_span(j, "ram", &r->ram, r->ram_total);
    json_span(j, "gtt", &r->gtt, r->gtt_total);
    jw_num(j, "gtt_ceiling", r->gtt_ceiling / GIB, 3);
    json_span(j, "vram", &r->vram, r->vram_total);
    jw_bool(j, "ram_simulated", r->ram_simulated);
    jw_bool(j, "gtt_simulated", r->gtt_simulated);
    jw_bool(j, "not_the_servers", r->memory_not_server);
    jw_close(j, '}');
    if (r->cfg->stamps) {
        jw_open(j, "stamps", '{');
        json_hist(j, "arrival_us", &r->stamp_arrival, 1e3);
        json_hist(j, "ttft_error_us", &r->stamp_ttft, 1e3);
        jw_close(j, '}');
    }
    json_phases(j, r);
    jw_str(j, "run_file", r->run_file[0] != '\0' ? r->run_file : NULL);
    jw_int(j, "lost_lines", (int64_t)r->lost_lines);
}
