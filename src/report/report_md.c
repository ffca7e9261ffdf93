#include "report/report.h"
#include "fmt.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- small things ---- */

/* Text from outside in a table's cell: no control characters, nothing that Markdown or HTML would take for its own. */
static void safe(struct buf *b, const char *s)
{
    char clean[600];
    str_sanitise(clean, sizeof clean, s, strlen(s));
    for (const char *p = clean; *p != '\0'; p++) {
        if (strchr("\\`*_[]<>|#", *p) != NULL)
            buf_add(b, "\\", 1);
        buf_add(b, p, 1);
    }
}

static void fact(struct buf *b, const char *name, const char *value)
{
    buf_addf(b, "| %s | ", name);
    if (value != NULL && value[0] != '\0')
        safe(b, value);
    else
        buf_adds(b, FMT_UNKNOWN);
    buf_adds(b, " |\n");
}

static void fact_number(struct buf *b, const char *name, double v, const char *unit)
{
    char n[FMT_SIZE], text[FMT_SIZE + 16] = "";
    if (isfinite(v))
        snprintf(text, sizeof text, "%s%s", fmt_count(n, v), unit);
    fact(b, name, text);
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

static void head(const struct run_file *f, struct buf *b)
{
    buf_adds(b, "# LLM server benchmark: ");
    safe(b, header_text(f, "model"));
    buf_adds(b, "\n\n");
    if (run_file_text(f, "label") != NULL) {
        safe(b, f->name);
        buf_adds(b, "  \n");
    }
    buf_addf(b, "%s, measured with tokgauge %s\n\n", header_text(f, "started"), header_text(f, "tokgauge"));
    if (flag(f->header, "simulated"))
        buf_adds(b, "> **SIMULATED**: the server was tokgauge's own simulation; these are not figures of a real machine.\n\n");
    if (f->summary == NULL)
        buf_adds(b, "> The run file has no summary: the run was killed or the file was cut. What follows is what it holds.\n\n");
    if (f->summary != NULL && flag(cJSON_GetObjectItemCaseSensitive(f->summary, "client"), "limited"))
        buf_adds(b, "> **CLIENT-LIMITED**: the machine that ran tokgauge was too slow for this load; these figures are its, not "
                    "the server's.\n\n");
}

static void in_short(const struct run_file *f, struct buf *b)
{
    const char *window;
    char n[FMT_SIZE], m[FMT_SIZE];
    double rate = run_file_output_rate(f, &window);
    struct dist ttft, decode, e2e;
    tally_dist(&f->total, M_TTFT, &ttft);
    tally_dist(&f->total, M_DECODE_RATE, &decode);
    tally_dist(&f->total, M_E2E, &e2e);
    buf_adds(b, "## Summary\n\n");
    buf_addf(b, "* Output: **%s tok/s** of all streams together (%s window)\n", fmt_rate(n, rate), window);
    buf_addf(b, "* One stream: %s tok/s after its first token (mean)\n", fmt_rate(n, decode.mean));
    buf_addf(b, "* Time to first token: p50 %s, p95 %s", fmt_ms(n, ttft.p50), fmt_ms(m, ttft.p95));
    double first = ms_between(f->first.tl.sent, f->first.tl.first_token);
    if (isfinite(first))
        buf_addf(b, "; %s for the request before the load, which is in no other figure", fmt_ms(n, first));
    buf_adds(b, "\n");
    const char *stability = report_stability(e2e.n > 1 ? e2e.stddev / e2e.mean : (double)NAN);
    if (stability != NULL)
        buf_addf(b, "* Stability of end-to-end latency: **%s** (coefficient of variation %.2f)\n", stability,
                 e2e.stddev / e2e.mean);
    buf_addf(b, "* Requests: %" PRIu64 " ok, %" PRIu64 " failed, %" PRIu64 " cancelled at the end\n\n",
             f->total.outcome[OUT_OK], tally_failed(&f->total), f->total.outcome[OUT_CANCELLED]);
}

static void facts(const struct run_file *f, const struct report_options *o, struct buf *b)
{
    buf_adds(b, "## Model and server\n\n| | |\n|---|---|\n");
    fact(b, "Model", header_text(f, "model"));
    fact(b, "Server", header_text(f, "server"));
    fact(b, "Address", header_text(f, "url"));
    fact_number(b, "Context limit (max-model-len)", run_file_number(f, "max_model_len"), " tokens");
    for (size_t i = 0; i < o->notes_n; i++) {
        char key[64];
        const char *eq = strchr(o->notes[i], '=');
        snprintf(key, sizeof key, "%.*s", (int)MIN_OF((size_t)(eq - o->notes[i]), sizeof key - 1), o->notes[i]);
        char clean[64];
        str_sanitise(clean, sizeof clean, key, strlen(key));
        for (char *p = clean; *p != '\0'; p++)
            if (*p == '|')
                *p = '/';
        fact(b, clean, eq + 1);
    }
    buf_addf(b, "\n## System\n\n%s\n\n| | |\n|---|---|\n",
             flag(system_of(f), "is_the_servers") ? "The machine of the server, from which the load came too."
                                                  : "The machine that the load came from. The server's own is not known.");
    char n[FMT_SIZE], ram[FMT_SIZE + 8] = "";
    fact(b, "CPU", system_text(f, "cpu"));
    fact_number(b, "Logical cores", system_number(f, "cores"), "");
    if (isfinite(system_number(f, "ram")))
        snprintf(ram, sizeof ram, "%s GiB", fmt_gib(n, system_number(f, "ram")));
    fact(b, "RAM", ram);
    fact(b, "Operating system", system_text(f, "os"));
    fact(b, "Kernel", system_text(f, "kernel"));
    fact(b, "Boot parameters", system_text(f, "boot"));
    buf_adds(b, "\n");
}

typedef char *number_fn(char out[FMT_SIZE], double v);

static void dist_row(struct buf *b, const struct tally *t, enum metric_id m, number_fn *fmt)
{
    struct dist d;
    tally_dist(t, m, &d);
    const double v[] = {d.mean, d.stddev, d.min, d.p50, d.p90, d.p95, d.p99, d.max};
    buf_addf(b, "| %s |", metrics[m].name);
    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        char n[FMT_SIZE];
        buf_addf(b, " %s |", fmt(n, v[i]));
    }
    buf_addf(b, " %" PRIu64 "%s |\n", d.n, d.n > 0 && !d.exact ? " ≈" : "");
}

static void load_of(const struct run_file *f, struct buf *b)
{
    char c[FMT_SIZE], o[FMT_SIZE];
    buf_adds(b, "## Load\n\n");
    if (f->phases_n == 1) {
        const struct run_phase *p = &f->phases[0];
        buf_addf(b, "%d stream%s in flight, context %s tokens, output %s tokens", p->streams, p->streams == 1 ? "" : "s",
                 fmt_tokens(c, (double)p->context), fmt_tokens(o, (double)p->max_tokens));
    } else {
        buf_addf(b, "%zu phases (below)", f->phases_n);
    }
    buf_adds(b, f->rows_n > 0 && f->rows[0].fixed_length ? ", held fixed" : ", at the most");
    buf_addf(b, "; prompts: %s; endpoint: %s.\n\n", header_text(f, "prompt"), header_text(f, "endpoint"));
    if (f->total.prompt_n > 0) {
        buf_addf(b, "Prompts really had %s tokens on average (%" PRId64 " to %" PRId64 "), as the server counted them",
                 fmt_count(c, f->total.prompt_tokens / (double)f->total.prompt_n), f->total.prompt_min, f->total.prompt_max);
        if (f->total.cached_n > 0)
            buf_addf(b, "; %s of them came from the prefix cache", fmt_percent(c, f->total.cached_tokens / f->total.prompt_tokens));
        buf_adds(b, ".\n\n");
    }
}

static void results(const struct run_file *f, struct buf *b)
{
    buf_adds(b, "## Results\n\n| | mean | sd | min | p50 | p90 | p95 | p99 | max | n |\n"
                "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    dist_row(b, &f->total, M_TTFT, fmt_ms);
    dist_row(b, &f->total, M_TPOT, fmt_ms);
    dist_row(b, &f->total, M_ITL, fmt_ms);
    dist_row(b, &f->total, M_E2E, fmt_ms);
    dist_row(b, &f->total, M_DECODE_RATE, fmt_rate);
    dist_row(b, &f->total, M_E2E_RATE, fmt_rate);
    dist_row(b, &f->total, M_PREFILL_RATE, fmt_rate);
    buf_adds(b, "\nTimes are of requests that ended well. ");
    if (f->total.source[TOK_EVENTS] > 0)
        buf_adds(b, "**Output tokens are counted as events (≈)**: the server tells no counts. ");
    buf_adds(b, "≈ behind n: from a histogram, off by 0.8 % at the most.\n\n");
}

static void phases(const struct run_file *f, struct buf *b)
{
    if (f->phases_n < 2)
        return;
    buf_adds(b, "### Phases\n\n| phase | streams | context | output | TTFT p50 | TTFT p95 | decode tok/s | e2e mean | n |\n"
                "|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for (size_t i = 0; i < f->phases_n; i++) {
        const struct run_phase *p = &f->phases[i];
        struct tally t;
        struct dist ttft, decode, e2e;
        char n[FMT_SIZE];
        run_file_phase(f, p->id, &t);
        tally_dist(&t, M_TTFT, &ttft);
        tally_dist(&t, M_DECODE_RATE, &decode);
        tally_dist(&t, M_E2E, &e2e);
        buf_addf(b, "| %d | %d | %s |", p->id, p->streams, fmt_tokens(n, (double)p->context));
        buf_addf(b, " %s |", fmt_tokens(n, (double)p->max_tokens));
        buf_addf(b, " %s |", fmt_ms(n, ttft.p50));
        buf_addf(b, " %s |", fmt_ms(n, ttft.p95));
        buf_addf(b, " %s |", fmt_rate(n, decode.mean));
        buf_addf(b, " %s | %" PRIu64 " |\n", fmt_ms(n, e2e.mean), e2e.n);
        tally_release(&t);
    }
    buf_adds(b, "\n");
}

typedef double sample_fn(const struct run_sample *s);

static double ram_used(const struct run_sample *s)
{
    return s->ram_used;
}

static double ram_total(const struct run_sample *s)
{
    return s->ram_total;
}

static double gtt_used(const struct run_sample *s)
{
    return s->gtt_used;
}

static double gtt_total(const struct run_sample *s)
{
    return s->gtt_total;
}

/* Memory at the start and its peak under load. */
static void memory_row(const struct run_file *f, struct buf *b, const char *name, sample_fn *used, sample_fn *total)
{
    double before = (double)NAN, peak = (double)NAN, all = (double)NAN;
    bool loaded = false;
    for (size_t i = 0; i < f->samples_n; i++) {
        double v = used(&f->samples[i]), t = total(&f->samples[i]);
        loaded |= f->samples[i].loading;
        if (!isfinite(v))
            continue;
        if (!isfinite(before))
            before = v; /* the file's first sample is taken as the load begins */
        if (loaded && !(peak >= v))
            peak = v;
        if (isfinite(t))
            all = t;
    }
    char n[FMT_SIZE];
    buf_addf(b, "| %s | %s |", name, fmt_gib(n, before));
    buf_addf(b, " %s |", fmt_gib(n, peak));
    buf_addf(b, " %s |", fmt_gib(n, peak - before));
    buf_addf(b, " %s |\n", fmt_gib(n, all));
}

static void memory(const struct run_file *f, struct buf *b)
{
    bool simulated = flag(f->header, "simulated");
    buf_adds(b, "## Memory\n\n| GiB | at the start | peak | difference | of |\n|---|--:|--:|--:|--:|\n");
    memory_row(f, b, "RAM", ram_used, ram_total);
    memory_row(f, b, simulated ? "GTT (simulated)" : "GTT", gtt_used, gtt_total);
    if (!flag(system_of(f), "is_the_servers"))
        buf_adds(b, "\nThis is the memory of the machine that the load came from, not the server's.\n");
    buf_adds(b, "\n");
}

static void failures(const struct run_file *f, struct buf *b)
{
    if (tally_failed(&f->total) == 0)
        return;
    buf_adds(b, "## Failed requests\n\n| outcome | n | meaning | for example |\n|---|--:|---|---|\n");
    for (int o = OUT_OK + 1; o < OUT_CANCELLED; o++) {
        if (f->total.outcome[o] == 0)
            continue;
        buf_addf(b, "| `%s` | %" PRIu64 " | ", outcome_name((enum outcome)o), f->total.outcome[o]);
        safe(b, outcome_meaning((enum outcome)o));
        buf_adds(b, " | ");
        for (size_t i = 0; i < f->rows_n; i++)
            if ((int)f->rows[i].tl.outcome == o && f->rows[i].error[0] != '\0') {
                safe(b, f->rows[i].error);
                break;
            }
        buf_adds(b, " |\n");
    }
    buf_adds(b, "\n");
}

static void marks(const struct run_file *f, struct buf *b)
{
    if (f->marks_n == 0)
        return;
    buf_adds(b, "## Marks\n\n");
    for (size_t i = 0; i < f->marks_n; i++) {
        char t[FMT_SIZE];
        buf_addf(b, "* %s ", fmt_clock(t, f->marks[i].t));
        safe(b, f->marks[i].text);
        buf_adds(b, "\n");
    }
    buf_adds(b, "\n");
}

static void repeat(const struct run_file *f, struct buf *b)
{
    buf_adds(b, "## How to repeat\n\n```sh\n");
    char line[1100];
    const char *command = header_text(f, "command");
    str_sanitise(line, sizeof line, command, strlen(command));
    for (char *p = strstr(line, "```"); p != NULL; p = strstr(p, "```")) /* would end the block */
        memcpy(p, "'''", 3);
    buf_adds(b, line);
    char n[FMT_SIZE];
    buf_addf(b, "\n```\n\nSeed of the prompts: %s (`--seed`; the same seed sends the same prompts, which a prefix cache may "
                "still know). ", fmt_json(n, run_file_number(f, "seed"), 0));
    buf_adds(b, "Keys that changed the load are the phases above. Run file: `");
    const char *base = strrchr(f->path, '/');
    char name[256];
    base = base != NULL ? base + 1 : f->path;
    str_sanitise(name, sizeof name, base, strlen(base));
    buf_addf(b, "%s`.\n", name);
}

void report_markdown(const struct run_file *f, const struct report_options *o, struct buf *out)
{
    head(f, out);
    in_short(f, out);
    facts(f, o, out);
    load_of(f, out);
    results(f, out);
    phases(f, out);
    memory(f, out);
    failures(f, out);
    marks(f, out);
    repeat(f, out);
}
