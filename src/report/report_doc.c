#include "report/report.h"
#include "capacity.h"
#include "fmt.h"
#include "jsonr.h"
#include "load/prompt.h"
#include "report/doc.h"
#include "report/insight.h"
#include "report/matrix_tables.h"
#include "report/pools.h"
#include "report/report_suite.h"
#include "report/report_charts.h"
#include "report/server_side.h"
#include "report/report_time.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GIB (1024.0 * 1024 * 1024)

/* ---- small things ---- */

static void fact(struct doc *d, const char *name, const char *value)
{
    doc_row_begin(d);
    doc_cell(d, "%s", name);
    doc_cell(d, "%s", value != NULL && value[0] != '\0' ? value : FMT_UNKNOWN);
    doc_row_end(d);
}

static void fact_number(struct doc *d, const char *name, double v, const char *unit)
{
    char n[FMT_SIZE], text[FMT_SIZE + 16] = "";
    if (isfinite(v))
        snprintf(text, sizeof text, "%s%s", fmt_count(n, v), unit);
    fact(d, name, text);
}

typedef char *number_fn(char out[FMT_SIZE], double v);

static void cell_number(struct doc *d, number_fn *fmt, double v)
{
    char n[FMT_SIZE];
    doc_cell(d, "%s", fmt(n, v));
}

static const char *header_text(const struct run_file *f, const char *key)
{
    const char *s = run_file_text(f, key);
    return s != NULL ? s : "";
}

static const cJSON *system_of(const struct run_file *f)
{
    return cJSON_GetObjectItemCaseSensitive(f->header, "system");
}

static const char *system_text(const struct run_file *f, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(system_of(f), key);
    return cJSON_IsString(v) ? v->valuestring : NULL;
}

static double system_number(const struct run_file *f, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(system_of(f), key);
    return cJSON_IsNumber(v) ? v->valuedouble : (double)NAN;
}

static bool flag(const cJSON *o, const char *key)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, key));
}

static double ms_between(int64_t from, int64_t to)
{
    return from != 0 && to != 0 ? (double)(to - from) / 1e6 : (double)NAN;
}

/* ---- the sections ---- */

static void head(const struct run_file *f, struct doc *d)
{
    doc_heading(d, 1, "LLM server benchmark: %s", header_text(f, "model"));
    doc_paragraph_begin(d);
    if (run_file_text(f, "label") != NULL) {
        doc_text(d, "%s", f->name);
        doc_line_break(d);
    }
    doc_text(d, "%s, measured with tokgauge %s", header_text(f, "started"), header_text(f, "tokgauge"));
    doc_paragraph_end(d);
    if (flag(f->header, "simulated"))
        doc_warning(d, "SIMULATED",
                    "the server was tokgauge's own simulation; these are not figures of a real machine.");
    if (cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(f->header, "tls_verified")))
        doc_warning(d, "TLS NOT VERIFIED", "with --insecure nobody knows whose figures these are, nor who has read the key.");
    if (flag(f->header, "watch"))
        doc_paragraph(d, "A watch: no load was made. Requests, where there are any, are probes, one at a time.");
    else if (f->summary == NULL)
        doc_warning(
            d, NULL,
            "The run file has no summary: the run was killed or the file was cut. What follows is what "
            "it holds.");
    if (f->summary != NULL && flag(cJSON_GetObjectItemCaseSensitive(f->summary, "client"), "limited"))
        doc_warning(d, "CLIENT-LIMITED",
                    "the machine that ran tokgauge was too slow for this load; these figures are its, "
                    "not the server's.");
    const cJSON *guard = cJSON_GetObjectItemCaseSensitive(f->summary, "guard");
    double lost = json_number(f->summary, "lost_lines");
    if (lost > 0)
        doc_warning(d, "INCOMPLETE", "%.0f lines of this run file were lost as it was written: what follows is what it holds.", lost);
    if (cJSON_IsString(guard)) {
        char why[200];
        str_sanitise(why, sizeof why, guard->valuestring, strlen(guard->valuestring));
        doc_warning(d, "STOPPED", "the memory guard ended the load: %s.", why);
    }
}

static void failed_card(const struct run_file *f, struct doc *d)
{
    char n[FMT_SIZE], all[FMT_SIZE], note[FMT_SIZE + 32];
    snprintf(note, sizeof note, "of %s that ended", fmt_count(all, (double)f->total.requests));
    doc_card(d, "Failed requests", fmt_count(n, (double)tally_failed(&f->total)), note);
}

/* The pool where the model lives: the one that has the most in it. */
static void memory_card(const struct run_file *f, struct doc *d)
{
    struct pool_facts best, p;
    enum pool_kind kind = POOL_RAM;
    pool_facts(f, POOL_RAM, NULL, &best);
    for (enum pool_kind k = POOL_GTT; k < POOL_KINDS; k++) {
        pool_facts(f, k, NULL, &p);
        if (isfinite(p.peak) && (kind == POOL_RAM || p.peak > best.peak)) {
            best = p;
            kind = k;
        }
    }
    char n[FMT_SIZE], peak[FMT_SIZE + 8], note[FMT_SIZE + 48] = "";
    snprintf(peak, sizeof peak, "%s GiB", fmt_gib(n, best.peak));
    if (isfinite(best.peak))
        snprintf(note, sizeof note, "%s%s, of %s GiB", pool_names[kind], flag(f->header, "simulated") ? " (simulated)" : "",
                 fmt_gib(n, best.total));
    doc_card(d, "Memory peak", peak, note);
}

static void load_cards(const struct run_file *f, struct doc *d)
{
    const char *window;
    char n[FMT_SIZE], m[FMT_SIZE], figure[FMT_SIZE + 8], note[96];
    struct dist ttft, tpot, decode;
    tally_dist(&f->total, M_TTFT, &ttft);
    tally_dist(&f->total, M_TPOT, &tpot);
    tally_dist(&f->total, M_DECODE_RATE, &decode);
    snprintf(figure, sizeof figure, "%s tok/s", fmt_rate(n, run_file_output_rate(f, &window)));
    snprintf(note, sizeof note, "all streams, %s window", window);
    doc_card(d, "Output rate", figure, note);
    snprintf(note, sizeof note, "time to first token, mean %s", fmt_ms(n, ttft.mean));
    doc_card(d, "TTFT p50", fmt_ms(m, ttft.p50), note);
    snprintf(note, sizeof note, "p99 %s, highest %s", fmt_ms(n, ttft.p99), fmt_ms(m, ttft.max));
    doc_card(d, "TTFT p95", fmt_ms(m, ttft.p95), note);
    snprintf(note, sizeof note, "time per output token; a stream: %s tok/s", fmt_rate(n, decode.mean));
    doc_card(d, "TPOT mean", fmt_ms(m, tpot.mean), note);
}

/* The key figures at a glance. */
static void cards(const struct run_file *f, struct doc *d)
{
    doc_cards_begin(d);
    if (report_is_suite(f))
        report_suite_cards(d, f);
    else if (report_is_matrix(f))
        report_matrix_cards(d, f);
    else
        load_cards(f, d);
    failed_card(f, d);
    memory_card(f, d);
    doc_cards_end(d);
}

/* How many requests met them, and the rate of those, where the run came to its end. */
static void objectives_item(const struct run_file *f, struct doc *d)
{
    char goals[160], share[FMT_SIZE], n[FMT_SIZE];
    const cJSON *goodput = cJSON_GetObjectItemCaseSensitive(f->summary, metrics[M_GOODPUT].key);
    if (f->slo.n == 0)
        return;
    slo_text(&f->slo, goals, sizeof goals);
    doc_item_begin(d);
    doc_text(d, "Objectives: ");
    doc_strong(d, "%s", fmt_percent_below(share, tally_good_share(&f->total), CAPACITY_SHARE));
    doc_text(d, " of the requests met %s", goals);
    if (cJSON_IsNumber(goodput))
        doc_text(d, "; goodput %s req/s", fmt_requests(n, goodput->valuedouble));
    doc_item_end(d);
}

static void in_short(const struct run_file *f, struct doc *d)
{
    const char *window;
    char n[FMT_SIZE], m[FMT_SIZE];
    double rate = run_file_output_rate(f, &window);
    struct dist ttft, decode, e2e;
    tally_dist(&f->total, M_TTFT, &ttft);
    tally_dist(&f->total, M_DECODE_RATE, &decode);
    tally_dist(&f->total, M_E2E, &e2e);
    doc_heading(d, 2, "Summary");
    doc_list_begin(d);
    doc_item_begin(d);
    doc_text(d, "Output: ");
    doc_strong(d, "%s tok/s", fmt_rate(n, rate));
    doc_text(d, " of all streams together (%s window)", window);
    doc_item_end(d);
    doc_item(d, "One stream: %s tok/s after its first token (median)", fmt_rate(n, decode.p50));
    doc_item_begin(d);
    doc_text(d, "Time to first token: p50 %s, p95 %s", fmt_ms(n, ttft.p50), fmt_ms(m, ttft.p95));
    double first = ms_between(f->first.tl.sent, f->first.tl.first_token);
    if (isfinite(first))
        doc_text(d, "; %s for the request before the load, which is in no other figure", fmt_ms(n, first));
    doc_item_end(d);
    objectives_item(f, d);
    bool alike = run_file_one_load(f) && (!f->rows_whole || insight_one_size(f, NULL));
    const char *stability = report_stability(e2e.n > 1 && alike ? e2e.stddev / e2e.mean : (double)NAN);
    if (stability != NULL) {
        doc_item_begin(d);
        doc_text(d, "Stability of end-to-end latency: ");
        doc_strong(d, "%s", stability);
        doc_text(d, " (coefficient of variation %.2f)", e2e.stddev / e2e.mean);
        doc_item_end(d);
    }
    doc_item(d, "Requests: %" PRIu64 " ok, %" PRIu64 " failed, %" PRIu64 " cancelled at the end",
             f->total.outcome[OUT_OK], tally_failed(&f->total), f->total.outcome[OUT_CANCELLED]);
    doc_list_end(d);
}

/* Figures over different loads are averages of nothing: what counts is the tables. */
static void matrix_in_short(const struct run_file *f, struct doc *d)
{
    doc_heading(d, 2, "Summary");
    doc_list_begin(d);
    report_matrix_summary(d, f);
    doc_item(d, "Requests: %" PRIu64 " ok, %" PRIu64 " failed, %" PRIu64 " cancelled at the end", f->total.outcome[OUT_OK],
             tally_failed(&f->total), f->total.outcome[OUT_CANCELLED]);
    doc_list_end(d);
}

static const struct doc_column fact_columns[] = {{"", false}, {"", false}};

static void one_process(const cJSON *p, struct doc *d)
{
    static const struct {
        const char *key, *name;
    } limits[] = {{"max_num_seqs", "Sequences at once (max-num-seqs)"}, {"gpu_memory_utilization", "Share of GPU memory (gpu-memory-utilization)"}};
    const struct {
        const char *key, *name;
    } texts[] = {{"command", "Launch command"}, {"why", "Process"}, {"proxy", "Reached through"}};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const cJSON *v = cJSON_GetObjectItemCaseSensitive(p, texts[i].key);
        char text[1024];
        if (!cJSON_IsString(v))
            continue;
        str_sanitise(text, sizeof text, v->valuestring, strlen(v->valuestring));
        fact(d, texts[i].name, text);
    }
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        const cJSON *v = cJSON_GetObjectItemCaseSensitive(p, limits[i].key);
        char text[32];
        if (!cJSON_IsNumber(v))
            continue;
        snprintf(text, sizeof text, "%g", v->valuedouble);
        fact(d, limits[i].name, text);
    }
}

/* How it was started, where that could be seen; and started again, while it was measured. */
static void process_facts(const struct run_file *f, struct doc *d)
{
    one_process(cJSON_GetObjectItemCaseSensitive(f->header, "server_process"), d);
    for (size_t i = 0; i < f->processes_n; i++) {
        char text[FMT_SIZE + 32], t[FMT_SIZE];
        const cJSON *is = f->processes[i].is;
        bool there = cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(is, "pid"));
        snprintf(text, sizeof text, "%s from %s on", there ? "another process" : "no process to be seen", fmt_clock(t, f->processes[i].t));
        fact(d, there ? "Started again" : "Gone", text);
        if (there)
            one_process(is, d);
    }
}

static void server_facts(const struct run_file *f, const struct report_options *o, struct doc *d)
{
    doc_heading(d, 2, "Model and server");
    doc_table_begin(d, "Model and server", fact_columns, ARRAY_LEN(fact_columns));
    fact(d, "Model", header_text(f, "model"));
    fact(d, "Server", header_text(f, "server"));
    fact(d, "Address", header_text(f, "url"));
    fact_number(d, "Context limit (max-model-len)", run_file_number(f, "max_model_len"), " tokens");
    process_facts(f, d);
    for (size_t i = 0; i < o->notes_n; i++) {
        char key[64];
        const char *eq = strchr(o->notes[i], '=');
        snprintf(key, sizeof key, "%.*s", (int)MIN_OF((size_t)(eq - o->notes[i]), sizeof key - 1),
                 o->notes[i]);
        fact(d, key, eq + 1);
    }
    doc_table_end(d);
}

static void fact_gib(struct doc *d, const char *name, double bytes)
{
    char n[FMT_SIZE], text[FMT_SIZE + 8] = "";
    if (isfinite(bytes))
        snprintf(text, sizeof text, "%s GiB", fmt_gib(n, bytes));
    fact(d, name, text);
}

static void system_facts(const struct run_file *f, struct doc *d)
{
    doc_heading(d, 2, "System");
    doc_paragraph(d, "%s",
                  flag(system_of(f), "is_the_servers")
                      ? "The machine of the server, from which the load came too."
                      : "The machine that the load came from. The server's own is not known.");
    doc_table_begin(d, "System", fact_columns, ARRAY_LEN(fact_columns));
    fact(d, "CPU", system_text(f, "cpu"));
    fact_number(d, "Logical cores", system_number(f, "cores"), "");
    fact_gib(d, "RAM", system_number(f, "ram"));
    fact(d, "GPU", system_text(f, "gpu"));
    fact_gib(d, "GTT of the GPU", system_number(f, "gtt_total"));
    fact_gib(d, "VRAM of the GPU", system_number(f, "vram_total"));
    fact_gib(d, "Limit of graphics memory in RAM (ttm.pages_limit)", system_number(f, "ttm_limit"));
    fact(d, "Operating system", system_text(f, "os"));
    fact(d, "Kernel", system_text(f, "kernel"));
    fact(d, "Boot parameters", system_text(f, "boot"));
    doc_table_end(d);
}

/* Of an open loop: when requests were sent, and what was left.  A killed run has no summary: then by its samples. */
static void arrivals_of(const struct run_file *f, struct doc *d)
{
    const cJSON *a = json_get(f->summary, "arrivals");
    const char *kind = json_text(a, "kind"), *trace = json_text(a, "trace");
    char n[FMT_SIZE], to[FMT_SIZE];
    double rate = cJSON_IsObject(a) ? json_number(a, "rate") : f->phases_n > 0 ? f->phases[0].rate : (double)NAN, last = json_number(a, "ramp_to");
    if (!cJSON_IsObject(a) && !run_file_even_load(f))
        run_file_rates(f, &rate, &last);
    if (trace != NULL)
        doc_text(d, "Requests were sent when a trace said: %s. ", trace);
    else if (f->phases_n == 1 && rate > 0 && isfinite(last))
        doc_text(d, "From %s to %s requests/s%s%s, whatever the server did. ", fmt_requests(n, rate), fmt_requests(to, last),
                 kind != NULL ? ", " : "", kind != NULL ? kind : "");
    else if (f->phases_n == 1 && rate > 0)
        doc_text(d, "%s requests/s%s%s, whatever the server did. ", fmt_requests(n, rate), kind != NULL ? ", " : "", kind != NULL ? kind : "");
    if (json_number(a, "not_sent") > 0)
        doc_text(d, "%s requests were due and never sent, for want of a free stream: no figure has them. ", fmt_count(n, json_number(a, "not_sent")));
}

static void load_of(const struct run_file *f, struct doc *d)
{
    char c[FMT_SIZE], o[FMT_SIZE];
    bool open = f->phases_n > 0 && f->phases[0].rate > 0;
    const char *prompt = run_file_text(f, "prompt");
    doc_heading(d, 2, "Load");
    doc_paragraph_begin(d);
    arrivals_of(f, d);
    if (f->phases_n == 1) {
        const struct run_phase *p = &f->phases[0];
        doc_text(d, "%s%d stream%s in flight, ", open ? "At most " : "", p->streams, p->streams == 1 ? "" : "s");
        if (prompt == NULL || !prompt_is_file(prompt)) /* else none was asked for */
            doc_text(d, "context %s tokens, ", fmt_tokens(c, (double)p->context));
        doc_text(d, "output %s tokens", fmt_tokens(o, (double)p->max_tokens));
    } else {
        doc_text(d, "%zu phases (below)", f->phases_n);
    }
    doc_text(d, "%s; prompts: %s; endpoint: %s.",
             flag(f->header, "fixed_length") ? ", held fixed" : ", at the most",
             header_text(f, "prompt"), header_text(f, "endpoint"));
    doc_paragraph_end(d);
    if (f->total.prompt_n == 0)
        return;
    doc_paragraph_begin(d);
    doc_text(
        d, "Prompts really had %s tokens on average (%" PRId64 " to %" PRId64 "), as the server counted them",
        fmt_count(c, f->total.prompt_tokens / (double)f->total.prompt_n), f->total.prompt_min,
        f->total.prompt_max);
    if (f->total.cached_n > 0)
        doc_text(d, "; %s of them came from the prefix cache",
                 fmt_percent(c, f->total.cached_tokens / f->total.prompt_tokens));
    doc_text(d, ".");
    doc_paragraph_end(d);
}

static void dist_row(struct doc *d, const struct tally *t, enum metric_id m, number_fn *fmt)
{
    struct dist x;
    tally_dist(t, m, &x);
    const double v[] = {x.mean, x.stddev, x.min, x.p50, x.p90, x.p95, x.p99, x.max};
    doc_row_begin(d);
    doc_cell(d, "%s", metrics[m].name);
    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        cell_number(d, fmt, v[i]);
    doc_cell(d, "%" PRIu64 "%s", x.n, x.n > 0 && !x.exact ? " ≈" : "");
    doc_row_end(d);
}

static void results(const struct run_file *f, struct doc *d)
{
    static const struct doc_column columns[] = {{"", false},   {"mean", true}, {"sd", true},  {"min", true},
                                                {"p50", true}, {"p90", true},  {"p95", true}, {"p99", true},
                                                {"max", true}, {"n", true}};
    doc_heading(d, 2, "Results");
    doc_table_begin(d, "Results", columns, ARRAY_LEN(columns));
    dist_row(d, &f->total, M_TTFT, fmt_ms);
    if (f->total.hist[M_STREAM_WAIT] != NULL) { /* an open loop */
        dist_row(d, &f->total, M_TTFT_DUE, fmt_ms);
        dist_row(d, &f->total, M_STREAM_WAIT, fmt_ms);
    }
    dist_row(d, &f->total, M_TPOT, fmt_ms);
    dist_row(d, &f->total, M_ITL, fmt_ms);
    dist_row(d, &f->total, M_E2E, fmt_ms);
    dist_row(d, &f->total, M_DECODE_RATE, fmt_rate);
    dist_row(d, &f->total, M_E2E_RATE, fmt_rate);
    dist_row(d, &f->total, M_PREFILL_RATE, fmt_rate);
    doc_table_end(d);
    doc_paragraph_begin(d);
    doc_text(d, "Times are of requests that ended well. ");
    if (f->total.source[TOK_EVENTS] > 0) {
        doc_strong(d, "Output tokens are counted as events (≈)");
        doc_text(d, ": the server tells no counts. ");
    }
    doc_text(d, "≈ behind n: from a histogram, off by 0.8 %% at the most.");
    if (!f->rows_whole)
        doc_text(d, " The run file has not a line for each request (--rows): all figures of requests are of that kind, and what needs "
                    "single requests is not in this report.");
    doc_paragraph_end(d);
}

static void phase_row(const struct run_file *f, const struct run_phase *p, bool rates, struct doc *d)
{
    struct tally t;
    struct dist ttft, decode, e2e;
    run_file_phase(f, p->id, &t);
    tally_dist(&t, M_TTFT, &ttft);
    tally_dist(&t, M_DECODE_RATE, &decode);
    tally_dist(&t, M_E2E, &e2e);
    doc_row_begin(d);
    doc_cell(d, "%d", p->id);
    doc_cell(d, "%d", p->streams);
    if (rates)
        cell_number(d, fmt_requests, p->rate);
    cell_number(d, fmt_context, (double)p->context);
    cell_number(d, fmt_tokens, (double)p->max_tokens);
    cell_number(d, fmt_ms, ttft.p50);
    cell_number(d, fmt_ms, ttft.p95);
    cell_number(d, fmt_rate, decode.mean);
    cell_number(d, fmt_ms, e2e.mean);
    doc_cell(d, "%" PRIu64, e2e.n);
    doc_row_end(d);
    tally_release(&t);
}

static void phases(const struct run_file *f, struct doc *d)
{
    static const struct doc_column closed[] = {
        {"phase", true},    {"streams", true},      {"context", true},  {"output", true}, {"TTFT p50", true},
        {"TTFT p95", true}, {"decode tok/s", true}, {"e2e mean", true}, {"n", true}};
    static const struct doc_column open[] = {
        {"phase", true},    {"streams at most", true}, {"requests/s", true}, {"context", true}, {"output", true}, {"TTFT p50", true},
        {"TTFT p95", true}, {"decode tok/s", true},    {"e2e mean", true},   {"n", true}};
    bool rates = false;
    if (f->phases_n < 2)
        return;
    for (size_t i = 0; i < f->phases_n; i++)
        rates = rates || isfinite(f->phases[i].rate);
    doc_heading(d, 3, "Phases");
    doc_table_begin(d, "Phases", rates ? open : closed, rates ? ARRAY_LEN(open) : ARRAY_LEN(closed));
    for (size_t i = 0; i < f->phases_n; i++)
        phase_row(f, &f->phases[i], rates, d);
    doc_table_end(d);
}

static void memory_row(struct doc *d, const struct run_file *f, enum pool_kind k)
{
    struct pool_facts p;
    pool_facts(f, k, NULL, &p);
    if (!isfinite(p.idle) && k == POOL_VRAM)
        return;
    bool simulated = flag(f->header, "simulated");
    doc_row_begin(d);
    doc_cell(d, "%s%s", pool_names[k], simulated ? " (simulated)" : "");
    const double cells[] = {p.idle, p.load, p.peak, p.peak - p.idle, p.after, p.total};
    for (size_t i = 0; i < ARRAY_LEN(cells); i++)
        cell_number(d, fmt_gib, cells[i]);
    doc_row_end(d);
}

/* In long runs: does it grow?  A leak is slow. */
static void growth(const struct run_file *f, struct doc *d)
{
    for (enum pool_kind k = POOL_RAM; k < POOL_KINDS; k++) {
        struct pool_slope g = pool_growth(f, k);
        char t[FMT_SIZE];
        if (!isfinite(g.slope))
            continue;
        if (!g.even && g.moves) {
            doc_paragraph(d, "%s did not stay the same over %s under load, but it did not change evenly either (a step, or a pool that "
                             "has filled): that is no rate.", pool_names[k], fmt_about(t, g.over));
            continue;
        }
        doc_paragraph(d, "%s %s by %.2f ± %.2f GiB an hour (95 %%, over %s under load)%s.", pool_names[k],
                      g.slope < 0 ? "shrank" : "grew", fabs(g.slope) / GIB, g.margin / GIB, fmt_about(t, g.over),
                      fabs(g.slope) <= g.margin ? ": that is not told apart from standing still" : "");
    }
}

static void memory(const struct run_file *f, struct doc *d)
{
    static const struct doc_column columns[] = {{"GiB", false},        {"at the start", true}, {"under load", true}, {"peak", true},
                                                {"peak − start", true}, {"at the end", true},   {"of", true}};
    doc_heading(d, 2, "Memory");
    doc_table_begin(d, "Memory", columns, ARRAY_LEN(columns));
    for (enum pool_kind k = POOL_RAM; k < POOL_KINDS; k++)
        memory_row(d, f, k);
    doc_table_end(d);
    growth(f, d);
    if (!flag(system_of(f), "is_the_servers"))
        doc_paragraph(d, "This is the memory of the machine that the load came from, not the server's.");
}

/* What one of those that ended so said; valid until another row is asked for. */
static const char *example_of(const struct run_file *f, enum outcome o)
{
    for (size_t i = 0; i < f->rows_n; i++) {
        const struct row *r = run_file_row(f, i);
        if (r->tl.outcome == o && r->error[0] != '\0')
            return r->error;
    }
    return "";
}

static void failures(const struct run_file *f, struct doc *d)
{
    static const struct doc_column columns[] = {
        {"outcome", false}, {"n", true}, {"meaning", false}, {"for example", false}};
    if (tally_failed(&f->total) == 0)
        return;
    doc_heading(d, 2, "Failed requests");
    doc_table_begin(d, "Failed requests", columns, ARRAY_LEN(columns));
    for (enum outcome o = OUT_OK + 1; o < OUT_CANCELLED; o++) {
        if (f->total.outcome[o] == 0)
            continue;
        doc_row_begin(d);
        doc_cell_begin(d);
        doc_code(d, "%s", outcome_name(o));
        doc_cell_end(d);
        doc_cell(d, "%" PRIu64, f->total.outcome[o]);
        doc_cell(d, "%s", outcome_meaning(o));
        doc_cell(d, "%s", example_of(f, o));
        doc_row_end(d);
    }
    doc_table_end(d);
}

static void marks(const struct run_file *f, struct doc *d)
{
    if (f->marks_n == 0)
        return;
    doc_heading(d, 2, "Marks");
    doc_list_begin(d);
    for (size_t i = 0; i < f->marks_n; i++) {
        char t[FMT_SIZE];
        doc_item(d, "%s %s", fmt_clock(t, f->marks[i].t), f->marks[i].text);
    }
    doc_list_end(d);
}

static void repeat(const struct run_file *f, struct doc *d)
{
    char n[FMT_SIZE];
    const char *base = strrchr(f->path, '/');
    doc_heading(d, 2, "How to repeat");
    doc_code_block(d, "sh", header_text(f, "command"));
    doc_paragraph_begin(d);
    double seed = run_file_number(f, "seed");
    doc_text(d, "Seed of the prompts: %s (", isfinite(seed) ? fmt_json(n, seed, 0) : FMT_UNKNOWN);
    doc_code(d, "--seed");
    doc_text(d, "; the same seed sends the same prompts, which a prefix cache may still know). Keys that "
                "changed the load are "
                "the phases above. Run file: ");
    doc_code(d, "%s", base != NULL ? base + 1 : f->path);
    doc_text(d, ".");
    doc_paragraph_end(d);
}

static void report_in(enum doc_form form, const struct run_file *f, const struct report_options *o,
                      struct buf *out)
{
    struct doc d;
    char title[256];
    snprintf(title, sizeof title, "tokgauge: %s", header_text(f, "model"));
    doc_begin(&d, out, form, title);
    bool suite = report_is_suite(f), matrix = report_is_matrix(f);
    head(f, &d);
    cards(f, &d);
    if (suite)
        report_suite_summary(&d, f);
    else if (matrix)
        matrix_in_short(f, &d);
    else
        in_short(f, &d);
    report_findings(&d, f);
    report_charts(f, &d);
    if (suite)
        report_suite(&d, f);
    if (matrix)
        report_matrix(&d, f);
    if (!(suite && o->brief)) {
        server_facts(f, o, &d);
        system_facts(f, &d);
        load_of(f, &d);
        if (!suite && !matrix) /* averages over different loads say nothing */
            results(f, &d);
        phases(f, &d);
        if (!suite)
            report_time(f, &d);
        report_server(&d, f);
        memory(f, &d);
    }
    failures(f, &d);
    marks(f, &d);
    if (!o->brief)
        repeat(f, &d);
    doc_end(&d);
}

void report_markdown(const struct run_file *f, const struct report_options *o, struct buf *out)
{
    report_in(DOC_MARKDOWN, f, o, out);
}

void report_html(const struct run_file *f, const struct report_options *o, struct buf *out)
{
    report_in(DOC_HTML, f, o, out);
}
