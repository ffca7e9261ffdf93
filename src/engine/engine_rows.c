/* The run file's lines.  Times are ns since the start of the run; a moment that did not happen is null.  Samples carry
 * what ended since the sample before, as sparse histograms [[bucket, count], …] by phase, so that adding them up gives
 * the histograms of the run, however the file was cut. */
#include "engine/inside.h"
#include "host/system.h"
#include "jsonw.h"
#include "report/counted_json.h"
#include "report/memory_json.h"
#include "report/summary.h"
#include "version.h"

#include <math.h>
#include <string.h>

#define LINE_MAX_BYTES (16u << 20)
/* What of one request is kept with --save-chunks and --save-text at most; a line holds both, however it is escaped. */
#define GAPS_MAX 300000
#define TEXT_MAX (1u << 20)

static struct jsonw begin(struct buf *b, const char *type)
{
    buf_init(b, LINE_MAX_BYTES);
    struct jsonw j = {.out = b};
    jw_open(&j, NULL, '{');
    jw_str(&j, "type", type);
    return j;
}

static void put(struct engine *g, struct jsonw *j, struct buf *b)
{
    jw_close(j, '}');
    runlog_add(g->runlog, b);
    buf_release(b);
}

static void end(struct engine *g, struct jsonw *j, struct buf *b)
{
    g->written.beside += b->len + 2; /* with what closes it */
    put(g, j, b);
}

double rows_bytes_most(const struct run_config *c)
{
    bool all = c->rows == ROWS_ALL, details = c->save_chunks || c->save_text;
    if (c->duration_ns == 0 || (all && c->requests == 0) || (details && c->rows != ROWS_NONE))
        return (double)NAN;
    double requests = c->rows == ROWS_NONE ? 0 : c->requests > 0 ? (double)(c->requests + c->warmup) : (double)ROWS_MOST;
    if (!all)
        requests = fmin(requests, ROWS_MOST);
    double seconds = (double)(c->duration_ns + c->drain_ns) / 1e9;
    return (requests + 1) * ROWS_LINE_MOST + seconds * ROWS_BESIDE_A_SECOND + ROWS_BESIDE_ONCE;
}

static void jw_moment(struct jsonw *j, const char *key, const struct engine *g, int64_t t)
{
    if (t != 0)
        jw_int(j, key, t - g->result.start_ns);
    else
        jw_str(j, key, NULL);
}

static void jw_known(struct jsonw *j, const char *key, int64_t v)
{
    if (v >= 0)
        jw_int(j, key, v);
    else
        jw_str(j, key, NULL);
}

static void jw_text(struct jsonw *j, const char *key, const char *s)
{
    jw_str(j, key, s[0] != '\0' ? s : NULL);
}

/* Is the machine that the load comes from the server's?  Not known before the server is. */
static bool is_the_servers(const struct engine *g)
{
    return g->server_known && !g->result.memory_not_server;
}

/* Of the machine that the load comes from. */
static void jw_system(struct jsonw *j, const struct engine *g)
{
    struct system_facts s;
    bool gpu = g->host.has_gpu && !g->host.reading.v[GPU_GTT_TOTAL].simulated;
    system_read(sampler_roots(g->sampler), gpu ? &g->host.gpu : NULL, &s);
    jw_open(j, "system", '{');
    jw_bool(j, "is_the_servers", is_the_servers(g));
    jw_text(j, "cpu", s.cpu);
    jw_num(j, "cores", s.cores > 0 ? s.cores : (double)NAN, 0);
    jw_num(j, "ram", s.ram, 0);
    jw_text(j, "kernel", s.kernel);
    jw_text(j, "os", s.os);
    jw_text(j, "gpu", s.gpu);
    jw_num(j, "gtt_total", s.gtt, 0);
    jw_num(j, "vram_total", s.vram, 0);
    jw_num(j, "ttm_limit", s.ttm, 0);
    jw_text(j, "boot", s.boot);
    jw_close(j, '}');
}

/* The server's own process: how it was started, and what that says of its limits. */
static void jw_process(struct jsonw *j, const struct engine *g)
{
    const struct server_proc *p = &g->proc;
    jw_open(j, "server_process", '{');
    jw_num(j, "pid", p->pid != 0 ? p->pid : (double)NAN, 0);
    jw_text(j, "why", p->why);
    jw_text(j, "proxy", p->proxy);
    jw_text(j, "command", p->command);
    jw_num(j, "max_num_seqs", p->max_num_seqs, 0);
    jw_num(j, "max_model_len", p->max_model_len, 0);
    jw_num(j, "gpu_memory_utilization", p->gpu_memory_utilization, 4);
    jw_close(j, '}');
}

static void jw_server(struct jsonw *j, const struct server_info *s)
{
    jw_str(j, "url", s->url);
    jw_str(j, "model", s->model);
    jw_str(j, "server", s->title);
    jw_known(j, "max_model_len", s->max_model_len > 0 ? s->max_model_len : -1);
}

void rows_server(struct engine *g)
{
    if (g->runlog == NULL)
        return;
    struct buf b;
    struct jsonw j = begin(&b, "server");
    jw_moment(&j, "t", g, g->tick_at);
    jw_server(&j, &g->result.pre.server);
    jw_bool(&j, "simulated", g->result.pre.server.simulated);
    jw_bool(&j, "is_the_servers", is_the_servers(g));
    if (g->proc.pid != 0 || g->proc.why[0] != '\0')
        jw_process(&j, g);
    end(g, &j, &b);
}

static void rows_slo(struct jsonw *j, const struct slo *s)
{
    if (s->n == 0)
        return;
    jw_open(j, "slo", '{');
    for (size_t i = 0; i < s->n; i++)
        jw_num(j, metrics[s->goal[i].metric].key, s->goal[i].limit, 6);
    jw_close(j, '}');
}

void rows_header(struct engine *g)
{
    if (g->runlog == NULL)
        return;
    const struct run_result *r = &g->result;
    const struct server_info *s = &r->pre.server;
    struct buf b;
    struct jsonw j = begin(&b, "header");
    jw_int(&j, "format", 1);
    jw_str(&j, "tokgauge", TOKGAUGE_VERSION);
    jw_str(&j, "started", r->started);
    jw_str(&j, "command", r->command);
    jw_str(&j, "label", g->cfg->label);
    jw_bool(&j, "simulated", s->simulated);
    jw_bool(&j, "watch", g->cfg->watch);
    jw_server(&j, s);
    jw_str(&j, "endpoint", g->cfg->endpoint == ENDPOINT_CHAT ? "chat" : "completions");
    jw_str(&j, "prompt", g->cfg->prompt);
    if (g->cfg->turns > 1) {
        jw_int(&j, "turns", g->cfg->turns);
        jw_num(&j, "think_s", (double)g->cfg->think_ns / 1e9, 3);
        jw_int(&j, "turn_context", g->cfg->turn_context);
    }
    if (g->cfg->prefix_tokens > 0) {
        jw_int(&j, "prefix_tokens", g->cfg->prefix_tokens);
        jw_int(&j, "prefix_count", g->cfg->prefix_count);
    }
    jw_bool(&j, "fixed_length", (r->pre.fields & (BODY_IGNORE_EOS | BODY_MIN_TOKENS)) != 0);
    rows_slo(&j, &g->cfg->slo);
    jw_int(&j, "seed", g->cfg->seed);
    jw_int(&j, "warmup", g->cfg->warmup);
    static const char *const kept[] = {"auto", "all", "errors", "none"};
    jw_str(&j, "rows", kept[g->cfg->rows]);
    jw_bool(&j, "chunks", g->cfg->save_chunks);
    jw_bool(&j, "texts", g->cfg->save_text);
    jw_num(&j, "prompt_base_tokens", r->pre.scale.base, 3);
    jw_num(&j, "prompt_tokens_per_word", r->pre.scale.per_word, 6);
    jw_bool(&j, "tls_verified", !g->cfg->insecure);
    jw_system(&j, g);
    if (g->proc.pid != 0 || g->proc.why[0] != '\0')
        jw_process(&j, g);
    end(g, &j, &b);
}

void rows_process(struct engine *g)
{
    if (g->runlog == NULL)
        return;
    struct buf b;
    struct jsonw j = begin(&b, "process");
    jw_moment(&j, "t", g, g->tick_at);
    jw_process(&j, g);
    end(g, &j, &b);
}

void rows_phase(struct engine *g, const struct phase *p, int64_t at)
{
    if (g->runlog == NULL || p == NULL)
        return;
    struct buf b;
    struct jsonw j = begin(&b, "phase");
    jw_moment(&j, "t", g, at);
    jw_int(&j, "phase", p->id);
    jw_int(&j, "max_num_seqs", p->streams);
    jw_num(&j, "context", p->context > 0 ? (double)p->context : (double)NAN, 0);
    jw_int(&j, "max_tokens", p->max_tokens);
    if (p->rate > 0)
        jw_num(&j, "rate", p->rate, 6);
    const struct load_step *s = &g->steps[g->step];
    if (s->part != NULL) {
        jw_str(&j, "part", s->part);
        jw_str(&j, "what", s->what);
        jw_bool(&j, "repeated", s->repeated);
    }
    end(g, &j, &b);
}

static void jw_load(struct jsonw *j, const struct load_step *s)
{
    jw_int(j, "max_num_seqs", s->streams);
    jw_num(j, "context", s->context > 0 ? (double)s->context : (double)NAN, 0);
    jw_int(j, "max_tokens", s->max_tokens);
    if (s->arrival.rate > 0)
        jw_num(j, "rate", s->arrival.rate, 6);
}

void rows_left_out(struct engine *g, const struct load_step *s, const char *why)
{
    if (g->runlog == NULL)
        return;
    struct buf b;
    struct jsonw j = begin(&b, "left_out");
    jw_moment(&j, "t", g, g->tick_at);
    jw_load(&j, s);
    jw_str(&j, "part", s->part);
    jw_str(&j, "why", why);
    end(g, &j, &b);
}

/* The time between each output event and the next; null where that is too much for a line. */
static void jw_gaps(struct jsonw *j, const struct timeline *t)
{
    if (t->gaps_n > GAPS_MAX) {
        jw_str(j, "gaps", NULL);
        return;
    }
    jw_open(j, "gaps", '[');
    for (size_t i = 1; i < t->gaps_n; i++)
        jw_num(j, NULL, (double)t->gaps[i].gap_ns, 0);
    jw_close(j, ']');
}

/* Is a line of this request wanted?  Where the last one has been written that may be, that is told. */
static bool row_wanted(struct engine *g, const struct row *r)
{
    int kept = g->cfg->rows;
    if (r->stream == 0 || kept == ROWS_ALL)
        return true;
    if (kept == ROWS_NONE || (kept == ROWS_ERRORS && r->tl.outcome == OUT_OK) || g->written.requests > ROWS_MOST)
        return false;
    if (g->written.requests++ < ROWS_MOST)
        return true;
    struct buf b;
    struct jsonw j = begin(&b, "rows");
    jw_moment(&j, "t", g, g->tick_at);
    jw_str(&j, "kept", "none");
    end(g, &j, &b);
    engine_note(g, 0, "run file: 1,000,000 requests have a line; later ones have none (--rows)");
    return false;
}

void rows_request(struct engine *g, const struct row *r)
{
    if (g->runlog == NULL || !row_wanted(g, r))
        return;
    const struct timeline *t = &r->tl;
    struct buf b;
    struct jsonw j = begin(&b, "request");
    if (r->stream > 0)
        jw_int(&j, "seq", (int64_t)r->seq);
    jw_int(&j, "stream", r->stream);
    jw_str(&j, "part", r->stream == 0 ? "preflight" : r->warmup ? "warmup" : g->cfg->watch ? "probe" : "load");
    jw_int(&j, "phase", r->phase);
    jw_str(&j, "outcome", outcome_name(t->outcome));
    jw_int(&j, "http", t->http_status);
    jw_num(&j, "context", r->context > 0 ? (double)r->context : (double)NAN, 0);
    jw_int(&j, "max_tokens", r->max_tokens);
    jw_moment(&j, "due", g, t->due);
    if (t->free_at != 0)
        jw_moment(&j, "free", g, t->free_at);
    jw_moment(&j, "started", g, t->started);
    jw_moment(&j, "sent", g, t->sent);
    jw_moment(&j, "first_byte", g, t->first_byte);
    jw_moment(&j, "first_event", g, t->first_event);
    jw_moment(&j, "first_token", g, t->first_token);
    jw_moment(&j, "first_answer", g, t->first_answer);
    jw_moment(&j, "last_token", g, t->last_token);
    jw_moment(&j, "end", g, t->end);
    jw_known(&j, "prompt_tokens", t->prompt_tokens);
    jw_known(&j, "cached_tokens", t->cached_tokens);
    jw_known(&j, "output_tokens", t->output_tokens);
    if (t->first_tokens < 0)
        jw_int(&j, "first_event_tokens", -1);
    else
        jw_known(&j, "first_event_tokens", t->first_tokens > 0 ? t->first_tokens : -1);
    jw_int(&j, "events", (int64_t)t->events);
    jw_str(&j, "tokens_from", token_source_name(t->source));
    jw_known(&j, "connect", t->connect_ns);
    jw_known(&j, "tls", t->tls_ns);
    if (r->turn > 0)
        jw_int(&j, "turn", r->turn);
    if (t->retried)
        jw_bool(&j, "retried", true);
    if (t->slept)
        jw_bool(&j, "slept", true);
    if (r->error[0] != '\0')
        jw_str(&j, "error", r->error);
    if (g->cfg->save_chunks && r->stream > 0)
        jw_gaps(&j, t);
    if (g->cfg->save_text && r->stream > 0)
        jw_str(&j, "text", r->text == NULL ? "" : strlen(r->text) <= TEXT_MAX ? r->text : NULL);
    put(g, &j, &b);
}

void rows_agent(struct engine *g, const struct agent_row *r)
{
    if (g->runlog == NULL)
        return;
    const struct timeline *t = &r->tl;
    struct buf b;
    struct jsonw j = begin(&b, "agent");
    jw_str(&j, "scenario", r->scenario);
    jw_int(&j, "texts", AGENT_TEXTS);
    jw_str(&j, "to", r->direct ? "server" : "agent");
    jw_bool(&j, "warmup", r->warmup);
    jw_str(&j, "outcome", outcome_name(t->outcome));
    jw_int(&j, "http", t->http_status);
    jw_moment(&j, "sent", g, t->sent);
    jw_moment(&j, "first_token", g, t->first_token);
    jw_moment(&j, "first_answer", g, t->first_answer);
    jw_moment(&j, "end", g, t->end);
    jw_known(&j, "output_tokens", t->source == TOK_EVENTS ? -1 : t->output_tokens);
    jw_int(&j, "events", (int64_t)t->events);
    jw_int(&j, "answer_bytes", r->answer_bytes);
    jw_known(&j, "model_calls", r->calls);
    if (r->error[0] != '\0')
        jw_str(&j, "error", r->error);
    end(g, &j, &b);
}

static void jw_hist(struct jsonw *j, const char *key, const struct hist *h)
{
    jw_open(j, key, '[');
    for (size_t i = h->lo; i < h->hi; i++) {
        if (h->bucket[i] == 0)
            continue;
        jw_open(j, NULL, '[');
        jw_int(j, NULL, (int64_t)i);
        jw_int(j, NULL, (int64_t)h->bucket[i]);
        jw_close(j, ']');
    }
    jw_close(j, ']');
}

/* What reports tell of requests beside their figures. */
static void jw_prompts(struct jsonw *j, const struct tally *t)
{
    if (t->prompt_n > 0) {
        jw_int(j, "prompts", (int64_t)t->prompt_n);
        jw_num(j, "prompt_tokens", t->prompt_tokens, 0);
        jw_int(j, "prompt_tokens_min", t->prompt_min);
        jw_int(j, "prompt_tokens_max", t->prompt_max);
    }
    if (t->cached_n > 0) {
        jw_int(j, "cached_told", (int64_t)t->cached_n);
        jw_num(j, "cached_tokens", t->cached_tokens, 0);
    }
    jw_open(j, "tokens_from", '{');
    for (int s = TOK_NONE; s <= TOK_EVENTS; s++)
        if (t->source[s] > 0)
            jw_int(j, token_source_name((enum token_source)s), (int64_t)t->source[s]);
    jw_close(j, '}');
    if (t->short_output > 0)
        jw_int(j, "short", (int64_t)t->short_output);
    if (t->retried > 0)
        jw_int(j, "retried", (int64_t)t->retried);
}

static void jw_delta(struct jsonw *j, const struct phase *p, const struct slo *slo)
{
    const struct tally *t = &p->delta;
    jw_open(j, NULL, '{');
    jw_int(j, "phase", p->id);
    jw_open(j, "outcomes", '{');
    for (int o = 0; o < OUT_COUNT; o++)
        if (t->outcome[o] > 0)
            jw_int(j, outcome_name((enum outcome)o), (int64_t)t->outcome[o]);
    jw_close(j, '}');
    jw_num(j, "output_tokens", t->output_tokens, 0);
    jw_prompts(j, t);
    if (slo->n > 0) {
        jw_int(j, "met", (int64_t)t->good);
        if (t->unjudged > 0)
            jw_int(j, "unjudged", (int64_t)t->unjudged);
        if (t->late > 0)
            jw_int(j, "late", (int64_t)t->late);
        jw_open(j, "missed", '[');
        for (size_t i = 0; i < slo->n; i++)
            jw_int(j, NULL, (int64_t)t->missed[i]);
        jw_close(j, ']');
    }
    if (t->hist[M_TTFT] != NULL && t->hist[M_TTFT]->count > 0)
        jw_num(j, "ttft_sum_ms", t->hist[M_TTFT]->sum / metrics[M_TTFT].scale, 3);
    if (t->hist[M_DECODE_RATE] != NULL && t->hist[M_DECODE_RATE]->count > 0)
        jw_num(j, "decode_sum_tok_s", t->hist[M_DECODE_RATE]->sum / metrics[M_DECODE_RATE].scale, 3);
    for (int m = 0; m < M_LATENCY_COUNT_; m++)
        if (t->hist[m] != NULL && t->hist[m]->count > 0)
            jw_hist(j, metrics[m].id, t->hist[m]);
    jw_close(j, '}');
}

static void jw_gauges(struct jsonw *j, const struct engine *g)
{
    const struct snapshot *v = &g->view;
    memory_json(&v->memory, j);
    jw_num(j, "server_running", v->server.running, 0);
    jw_num(j, "server_waiting", v->server.waiting, 0);
    jw_num(j, "server_kv_used", v->server.kv_used, 4);
    jw_num(j, "server_prefix_hits", v->server.prefix_hits, 4);
    jw_num(j, "server_tok_s", v->server.generated_rate, 2);
    jw_num(j, "server_prompt_tok_s", v->server.prompt_rate, 2);
    jw_num(j, "server_our_tok_s", v->server.our_rate, 2);
}

/* Distributions may be large.  Where they would make the file grow faster than it may, they wait for a later sample: nothing
 * is lost by it but when in these seconds a request ended. */
static bool may_tell_ended(const struct engine *g, int64_t now)
{
    double seconds = (double)(now - g->result.start_ns) / 1e9;
    return g->state == RUN_DONE || (double)g->written.beside <= (seconds + 10) * ROWS_BESIDE_A_SECOND;
}

static const char *const state_names[] = {"preflight", "warmup", "load", "paused", "watch", "drain", "done", "failed"};

void rows_sample(struct engine *g, int64_t now)
{
    if (g->runlog == NULL)
        return;
    const struct snapshot *v = &g->view;
    struct buf b;
    struct jsonw j = begin(&b, "sample");
    jw_moment(&j, "t", g, now);
    jw_str(&j, "state", state_names[g->state]);
    jw_int(&j, "phase", v->phase);
    if (g->pauses > 0)
        jw_int(&j, "pauses", g->pauses);
    jw_int(&j, "max_num_seqs", v->target_streams);
    jw_num(&j, "context", v->target_context > 0 ? (double)v->target_context : (double)NAN, 0);
    jw_int(&j, "max_tokens", v->target_max_tokens);
    if (v->open_loop) {
        jw_num(&j, "rate", v->target_rate, 4);
        jw_num(&j, "sent_per_s", v->sent_rate, 3);
        jw_int(&j, "waiting_for_stream", v->overdue);
    }
    jw_int(&j, "in_flight", v->in_flight);
    jw_int(&j, "queued", v->queued);
    jw_int(&j, "decoding", v->decoding);
    jw_int(&j, "backing_off", v->backing_off);
    jw_int(&j, "sent", (int64_t)g->result.sent);
    jw_num(&j, "live_tokens", g->live.total, 0);
    jw_num(&j, "live_approx", g->live.total_approx, 0);
    jw_num(&j, "output_tok_s", v->output_rate, 2);
    jw_num(&j, "stream_tok_s", v->output_rate_stream, 2);
    jw_num(&j, "ttft_p50_ms", v->ttft.p50, 3);
    jw_num(&j, "ttft_p95_ms", v->ttft.p95, 3);
    if (v->slo[0] != '\0')
        jw_num(&j, metrics[M_GOODPUT].key, v->goodput, 4);
    jw_gauges(&j, g);
    jw_moment(&j, "server_at", g, g->counters.seen_at);
    counted_json(&g->counters.track.sum, &g->counters.written, &j);
    if (g->host.procs_at != g->procs_written) { /* they are looked at less often */
        g->procs_written = g->host.procs_at;
        processes_json(&v->memory, &j);
    }
    jw_num(&j, "lag_p99_ms", v->lag_p99_ms, 3);
    bool tell = may_tell_ended(g, now);
    jw_open(&j, "ended", '[');
    for (int i = 0; tell && i < g->result.phases.n; i++)
        if (g->result.phases.list[i]->delta.requests > 0)
            jw_delta(&j, g->result.phases.list[i], &g->cfg->slo);
    jw_close(&j, ']');
    end(g, &j, &b);
    if (tell)
        phases_delta_clear(&g->result.phases);
}

void rows_counters(struct engine *g)
{
    if (g->runlog == NULL)
        return;
    struct buf b;
    struct jsonw j = begin(&b, "counters");
    jw_moment(&j, "t", g, g->tick_at);
    jw_moment(&j, "since", g, g->counters.since);
    server_facts_json(&g->view.server, &j);
    end(g, &j, &b);
}

void rows_change(struct engine *g, const char *what, const char *model)
{
    if (g->runlog == NULL)
        return;
    struct buf b;
    struct jsonw j = begin(&b, "server_change");
    jw_moment(&j, "t", g, g->tick_at);
    jw_str(&j, "what", what);
    jw_text(&j, "model", model);
    end(g, &j, &b);
}

void rows_event(struct engine *g, int level, const char *text)
{
    if (g->runlog == NULL)
        return;
    static const char *const levels[] = {"info", "warning", "error"};
    struct buf b;
    struct jsonw j = begin(&b, "event");
    jw_moment(&j, "t", g, g->tick_at);
    jw_str(&j, "level", levels[level]);
    jw_str(&j, "text", text);
    end(g, &j, &b);
}

void rows_mark(struct engine *g, int64_t at, const char *text)
{
    if (g->runlog == NULL)
        return;
    struct buf b;
    struct jsonw j = begin(&b, "mark");
    jw_moment(&j, "t", g, at);
    jw_str(&j, "text", text);
    end(g, &j, &b);
}

void rows_summary(struct engine *g)
{
    if (g->runlog == NULL)
        return;
    struct buf b;
    struct jsonw j = begin(&b, "summary");
    jw_moment(&j, "t", g, g->result.end_ns);
    summary_json(&g->result, &j);
    end(g, &j, &b);
}
