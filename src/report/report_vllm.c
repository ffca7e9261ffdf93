/* The JSON of `vllm bench serve --save-result`, so that tools made for it can read our runs.  Its names, its units (ms;
 * seconds in the lists), its definitions where they differ from ours (vllmfile.h). */
#include "report/report.h"
#include "fmt.h"
#include "jsonr.h"
#include "jsonw.h"
#include "report/vllmfile.h"
#include "stats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One number of a request, NAN where it has none. */
typedef double number_fn(const struct row *r);

static double ttft(const struct row *r)
{
    return vllm_request(&r->tl).ttft;
}

static double e2el(const struct row *r)
{
    return vllm_request(&r->tl).e2e;
}

static double tpot(const struct row *r)
{
    return vllm_request(&r->tl).tpot;
}

static double queue_time(const struct row *r)
{
    return r->tl.due != 0 && r->tl.sent != 0 && !r->tl.slept ? (double)(r->tl.sent - r->tl.due) / 1e6 : (double)NAN;
}

static void stats_of(const struct run_file *f, const char *name, number_fn *number, struct jsonw *j)
{
    double *v = xcalloc(f->rows_n + 1, sizeof *v);
    size_t n = 0;
    for (size_t i = 0; i < f->rows_n; i++) {
        double x = run_file_row(f, i)->tl.outcome == OUT_OK ? number(run_file_row(f, i)) : (double)NAN;
        if (isfinite(x))
            v[n++] = x;
    }
    struct dist d;
    dist_of_values(&d, v, n);
    free(v);
    const struct {
        const char *what;
        double value;
    } all[] = {{"mean", d.mean}, {"median", d.p50}, {"std", d.stddev}, {"p99", d.p99}};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        char key[48];
        snprintf(key, sizeof key, "%s_%s_ms", all[i].what, name);
        jw_num(j, key, all[i].value, 6);
    }
}

/* vLLM's ITL are the gaps between chunks, as they came: ours from the samples' histogram. */
static void itl_of(const struct run_file *f, struct jsonw *j)
{
    struct dist d;
    tally_dist(&f->total, M_CHUNK_GAP, &d);
    jw_num(j, "mean_itl_ms", d.mean, 6);
    jw_num(j, "median_itl_ms", d.p50, 6);
    jw_num(j, "std_itl_ms", d.stddev, 6);
    jw_num(j, "p99_itl_ms", d.p99, 6);
}

/* vLLM's lists have all requests, the failed ones with zeros and their error; ours null where it is not known. */
static void list(const struct run_file *f, const char *name, number_fn *number, double unit, struct jsonw *j)
{
    jw_open(j, name, '[');
    for (size_t i = 0; i < f->rows_n; i++)
        jw_num(j, NULL, run_file_row(f, i)->tl.outcome == OUT_OK ? number(run_file_row(f, i)) / unit : 0, 9);
    jw_close(j, ']');
}

static double prompt_tokens(const struct row *r)
{
    return r->tl.prompt_tokens >= 0 ? (double)r->tl.prompt_tokens : (double)NAN;
}

static double output_tokens(const struct row *r)
{
    return r->tl.output_tokens >= 0 ? (double)r->tl.output_tokens : (double)NAN;
}

static double start_time(const struct row *r)
{
    return (double)r->tl.sent / 1e6;
}

static void errors(const struct run_file *f, struct jsonw *j)
{
    jw_open(j, "errors", '[');
    for (size_t i = 0; i < f->rows_n; i++) {
        const struct row *r = run_file_row(f, i);
        jw_str(j, NULL, r->tl.outcome == OUT_OK ? "" : r->error[0] != '\0' ? r->error : outcome_name(r->tl.outcome));
    }
    jw_close(j, ']');
}

static void gaps(const struct run_file *f, struct jsonw *j)
{
    jw_open(j, "itls", '[');
    for (size_t i = 0; i < f->rows_n; i++) {
        const struct run_detail *d = &f->details[i];
        if (!d->gaps_known || run_file_row(f, i)->tl.slept) {
            jw_str(j, NULL, NULL);
            continue;
        }
        jw_open(j, NULL, '[');
        for (size_t k = 0; k < d->gaps_n && run_file_row(f, i)->tl.outcome == OUT_OK; k++)
            jw_num(j, NULL, (double)d->gap_ns[k] / 1e9, 9);
        jw_close(j, ']');
    }
    jw_close(j, ']');
}

static void texts(const struct run_file *f, struct jsonw *j)
{
    jw_open(j, "generated_texts", '[');
    for (size_t i = 0; i < f->rows_n; i++)
        jw_str(j, NULL, f->details[i].text);
    jw_close(j, ']');
}

/* "2026-02-19T13:05:21Z" → "20260219-130521". */
static void compact_date(const char *started, char out[16])
{
    size_t n = 0;
    for (const char *p = started; *p != '\0' && n < 15; p++) {
        if (*p >= '0' && *p <= '9')
            out[n++] = *p;
        else if (*p == 'T')
            out[n++] = '-';
    }
    out[n] = '\0';
}

/* Theirs are gamma gaps of a mean, 1 being Poisson; of a trace, a ramp, bursts or even gaps it has no word: the rate then is what
 * it was. */
static void arrivals(const struct run_file *f, const struct vllm_totals *s, struct jsonw *j)
{
    const cJSON *a = json_get(f->summary, "arrivals");
    const char *kind = json_text(a, "kind");
    double rate = cJSON_IsObject(a) ? json_number(a, "rate") : f->phases_n > 0 ? f->phases[0].rate : (double)NAN, shape = 1;
    bool own = cJSON_IsObject(a) && (json_text(a, "trace") != NULL || isfinite(json_number(a, "ramp_to")));
    if (own)
        rate = (double)f->rows_n / s->seconds;
    if (kind != NULL && strncmp(kind, "gamma:", 6) == 0 && !parse_double(kind + 6, &shape))
        shape = 1;
    else if (own || (kind != NULL && strcmp(kind, "poisson") != 0 && strncmp(kind, "gamma:", 6) != 0))
        shape = (double)NAN;
    if (rate > 0)
        jw_num(j, "request_rate", rate, 6);
    else
        jw_str(j, "request_rate", "inf");
    jw_num(j, "burstiness", shape, 6);
}

void report_vllm(const struct run_file *f, bool detailed, struct buf *out)
{
    struct jsonw j = {.out = out};
    struct vllm_totals s = vllm_totals(f);
    char date[16] = "";
    const char *started = run_file_text(f, "started"), *label = run_file_text(f, "label");
    const char *endpoint = run_file_text(f, "endpoint");
    bool chat = endpoint == NULL || strcmp(endpoint, "chat") == 0;
    if (started != NULL)
        compact_date(started, date);
    jw_open(&j, NULL, '{');
    jw_str(&j, "date", date);
    jw_str(&j, "endpoint_type", chat ? "openai-chat" : "openai");
    jw_str(&j, "backend", chat ? "openai-chat" : "openai");
    jw_str(&j, "label", label);
    jw_str(&j, "model_id", run_file_text(f, "model"));
    jw_str(&j, "tokenizer_id", run_file_text(f, "model"));
    jw_int(&j, "num_prompts", (int64_t)f->rows_n);
    arrivals(f, &s, &j);
    jw_int(&j, "max_concurrency", f->phases_n > 0 ? f->phases[0].streams : 0);
    jw_num(&j, "duration", s.seconds, 6);
    jw_int(&j, "completed", (int64_t)s.completed);
    jw_int(&j, "failed", (int64_t)s.failed);
    jw_num(&j, "total_input_tokens", s.input_tokens, 0);
    jw_num(&j, "total_output_tokens", s.output_tokens, 0);
    jw_num(&j, "request_throughput", s.completed / s.seconds, 6);
    jw_num(&j, "request_goodput", f->slo.n > 0 ? tally_goodput(&f->total, (double)f->total.good, s.seconds) : (double)NAN, 6);
    jw_num(&j, "output_throughput", s.output_tokens / s.seconds, 6);
    jw_num(&j, "total_token_throughput", (s.input_tokens + s.output_tokens) / s.seconds, 6);
    if (detailed) {
        list(f, "input_lens", prompt_tokens, 1, &j);
        list(f, "output_lens", output_tokens, 1, &j);
        list(f, "ttfts", ttft, 1e3, &j); /* seconds */
        list(f, "start_times", start_time, 1e3, &j);
        list(f, "e2els", e2el, 1e3, &j); /* ours alone has it: "itls" add up to it, but need not be there */
        errors(f, &j);
        if (f->has_gaps)
            gaps(f, &j);
        if (f->has_texts)
            texts(f, &j);
    }
    stats_of(f, "ttft", ttft, &j);
    stats_of(f, "tpot", tpot, &j);
    itl_of(f, &j);
    stats_of(f, "e2el", e2el, &j);
    stats_of(f, "client_queue_time", queue_time, &j);
    jw_close(&j, '}');
    buf_adds(out, "\n");
}
