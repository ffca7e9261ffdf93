#include "sim/sim_metrics.h"

#include "fmt.h"
#include "sim/sim_kv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOUNDS_MAX 24
#define GIB 1073741824.0

static const double ttft_bounds[] = {.001, .005, .01, .02, .04, .06, .08, .1, .25, .5,  .75,
                                     1,    2.5,  5,   7.5, 10,  20,  40,  80, 160, 640, 2560};
static const double token_bounds[] = {.01, .025, .05, .075, .1,  .15, .2, .3, .4, .5,
                                      .75, 1,    2.5, 5,    7.5, 10,  20, 40, 80};
static const double request_bounds[] = {.3, .5, .8, 1,  1.5, 2,   2.5, 5,   10,   15,  20,
                                        30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680};
static const double length_bounds[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5};
static const double iteration_bounds[] = {1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384};

static const struct histogram_row {
    const char *name, *help;
    const double *bound;
    size_t n;
} rows[SIM_H_COUNT] = {
    [SIM_H_TTFT] = {"time_to_first_token_seconds", "Time to first token in seconds.", ttft_bounds,
                    ARRAY_LEN(ttft_bounds)},
    [SIM_H_ITL] = {"inter_token_latency_seconds", "Time between tokens in seconds.", token_bounds,
                   ARRAY_LEN(token_bounds)},
    [SIM_H_TPOT] = {"request_time_per_output_token_seconds",
                    "Mean time per output token of a request in seconds.", token_bounds,
                    ARRAY_LEN(token_bounds)},
    [SIM_H_E2E] = {"e2e_request_latency_seconds", "Whole request in seconds.", request_bounds,
                   ARRAY_LEN(request_bounds)},
    [SIM_H_QUEUE] = {"request_queue_time_seconds", "Time in the waiting queue in seconds.", request_bounds,
                     ARRAY_LEN(request_bounds)},
    [SIM_H_INFERENCE] = {"request_inference_time_seconds", "Time running in seconds.", request_bounds,
                         ARRAY_LEN(request_bounds)},
    [SIM_H_PREFILL] = {"request_prefill_time_seconds", "Time in prefill in seconds.", request_bounds,
                       ARRAY_LEN(request_bounds)},
    [SIM_H_DECODE] = {"request_decode_time_seconds", "Time in decode in seconds.", request_bounds,
                      ARRAY_LEN(request_bounds)},
    [SIM_H_PROMPT_TOKENS] = {"request_prompt_tokens", "Prompt tokens of a request.", length_bounds,
                             ARRAY_LEN(length_bounds)},
    [SIM_H_GENERATION_TOKENS] = {"request_generation_tokens", "Output tokens of a request.", length_bounds,
                                 ARRAY_LEN(length_bounds)},
    [SIM_H_ITERATION_TOKENS] = {"iteration_tokens_total", "Tokens out of one engine step.", iteration_bounds,
                                ARRAY_LEN(iteration_bounds)},
};

static const char *const finish_names[SIM_FINISH_COUNT] = {"stop", "length", "abort"};

struct sim_metrics {
    struct {
        uint64_t bucket[BOUNDS_MAX + 1], count;
        double sum;
    } h[SIM_H_COUNT];
    uint64_t prompt_tokens, generation_tokens, finished[SIM_FINISH_COUNT];
};

struct sim_metrics *sim_metrics_new(void)
{
    return xcalloc(1, sizeof(struct sim_metrics));
}

void sim_metrics_free(struct sim_metrics *x)
{
    free(x);
}

void sim_metrics_observe(struct sim_metrics *x, enum sim_histogram h, double value)
{
    size_t i = 0;
    while (i < rows[h].n && value > rows[h].bound[i])
        i++;
    x->h[h].bucket[i]++;
    x->h[h].count++;
    x->h[h].sum += value;
}

void sim_metrics_prompt(struct sim_metrics *x, int tokens)
{
    x->prompt_tokens += (uint64_t)tokens;
}

void sim_metrics_generated(struct sim_metrics *x, int tokens)
{
    x->generation_tokens += (uint64_t)tokens;
}

void sim_metrics_finished(struct sim_metrics *x, enum sim_finish f)
{
    x->finished[f]++;
}

/* ---- the page ---- */

/* The label set that vLLM puts on everything, as the inside of the braces. */
static void add_labels(struct buf *out, const struct sim_config *c)
{
    buf_adds(out, "engine=\"0\",model_name=\"");
    buf_add_json(out, c->model, strlen(c->model));
    buf_adds(out, "\"");
}

static void add_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_value(struct buf *out, const struct sim_config *c, const char *name, const char *type,
                      const char *help, double value)
{
    char number[FMT_SIZE];
    add_head(out, name, type, help);
    buf_addf(out, "%s{", name);
    add_labels(out, c);
    buf_addf(out, "} %s\n", fmt_json(number, value, 9));
}

static void add_histogram(struct buf *out, const struct sim_metrics *x, const struct sim_config *c,
                          enum sim_histogram h)
{
    const struct histogram_row *row = &rows[h];
    char name[64], number[FMT_SIZE];
    snprintf(name, sizeof name, "vllm:%s", row->name);
    add_head(out, name, "histogram", row->help);
    uint64_t below = 0;
    for (size_t i = 0; i <= row->n; i++) {
        below += x->h[h].bucket[i];
        buf_addf(out, "%s_bucket{", name);
        add_labels(out, c);
        buf_addf(out, ",le=\"%s\"} %" PRIu64 "\n", i < row->n ? fmt_json(number, row->bound[i], 6) : "+Inf",
                 below);
    }
    buf_addf(out, "%s_count{", name);
    add_labels(out, c);
    buf_addf(out, "} %" PRIu64 "\n%s_sum{", x->h[h].count, name);
    add_labels(out, c);
    buf_addf(out, "} %s\n", fmt_json(number, x->h[h].sum, 9));
}

static void add_success(struct buf *out, const struct sim_metrics *x, const struct sim_config *c)
{
    add_head(out, "vllm:request_success_total", "counter", "Requests that ended, by reason.");
    for (int f = 0; f < SIM_FINISH_COUNT; f++) {
        buf_adds(out, "vllm:request_success_total{");
        add_labels(out, c);
        buf_addf(out, ",finished_reason=\"%s\"} %" PRIu64 "\n", finish_names[f], x->finished[f]);
    }
}

static void add_cache_config(struct buf *out, const struct sim_config *c, const struct sim_model_stats *m)
{
    add_head(out, "vllm:cache_config_info", "gauge", "Configuration of the KV cache.");
    buf_addf(out,
             "vllm:cache_config_info{block_size=\"%d\",cache_dtype=\"auto\",enable_prefix_caching=\"%s\","
             "engine=\"0\","
             "num_gpu_blocks=\"%" PRId64 "\"} 1\n",
             SIM_KV_BLOCK, c->prefix_cache ? "True" : "False", m->kv_blocks_total);
}

static void add_memory(struct buf *out, const struct sim_config *c, const struct sim_model_stats *m)
{
    /* GTT is made of system RAM, so what the KV cache takes shows in both. */
    double grown = c->kv_gib_per_1k * (double)(m->kv_blocks_used * SIM_KV_BLOCK) / 1024;
    const struct {
        const char *name, *help;
        double gib;
    } gauge[] = {
        {"tokgauge_sim_gtt_total_bytes", "Simulated GTT pool, size.", c->gtt_total_gib},
        {"tokgauge_sim_gtt_used_bytes", "Simulated GTT pool, used.",
         MIN_OF(c->gtt_base_gib + grown, c->gtt_total_gib)},
        {"tokgauge_sim_ram_total_bytes", "Simulated RAM, size.", c->ram_total_gib},
        {"tokgauge_sim_ram_used_bytes", "Simulated RAM, used.",
         MIN_OF(c->ram_base_gib + grown, c->ram_total_gib)},
    };
    for (size_t i = 0; i < ARRAY_LEN(gauge); i++) {
        add_head(out, gauge[i].name, "gauge", gauge[i].help);
        buf_addf(out, "%s %.0f\n", gauge[i].name, gauge[i].gib * GIB);
    }
}

void sim_metrics_page(const struct sim_metrics *x, const struct sim_config *c,
                      const struct sim_model_stats *m, struct buf *out)
{
    const struct {
        const char *name, *type, *help;
        double value;
    } value[] = {
        {"vllm:num_requests_running", "gauge", "Requests in the running batch.", m->running},
        {"vllm:num_requests_waiting", "gauge", "Requests in the waiting queue.", m->waiting},
        {"vllm:kv_cache_usage_perc", "gauge", "Share of the KV blocks in use, 1 is all of them.",
         (double)m->kv_blocks_used / (double)m->kv_blocks_total},
        {"vllm:prefix_cache_queries_total", "counter", "Prompt tokens looked up in the prefix cache.",
         (double)m->prefix_queries},
        {"vllm:prefix_cache_hits_total", "counter", "Prompt tokens found in the prefix cache.",
         (double)m->prefix_hits},
        {"vllm:num_preemptions_total", "counter", "Requests that had to start again.",
         (double)m->preemptions},
        {"vllm:prompt_tokens_total", "counter", "Prompt tokens processed.", (double)x->prompt_tokens},
        {"vllm:generation_tokens_total", "counter", "Output tokens made.", (double)x->generation_tokens},
    };
    for (size_t i = 0; i < ARRAY_LEN(value); i++)
        add_value(out, c, value[i].name, value[i].type, value[i].help, value[i].value);
    add_success(out, x, c);
    for (int h = 0; h < SIM_H_COUNT; h++)
        add_histogram(out, x, c, (enum sim_histogram)h);
    add_cache_config(out, c, m);
    add_memory(out, c, m);
}
