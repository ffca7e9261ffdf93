#include "report/report.h"
#include "fmt.h"
#include "report/insight.h"
#include "report/report_time.h"
#include "report/summary.h"
#include "version.h"

#include <math.h>
#include <stdlib.h>

const char *report_stability(double cv)
{
    if (isnan(cv))
        return NULL;
    return cv < 0.30 ? "STABLE" : cv < 0.60 ? "SOME VARIANCE" : "UNSTABLE";
}

static void csv_int(struct buf *out, int64_t v)
{
    if (v >= 0)
        buf_addf(out, ",%lld", (long long)v);
    else
        buf_adds(out, ",");
}

static void write_csv(const struct run_file *f, struct buf *out)
{
    buf_adds(out, "seq,stream,phase,outcome,http,context,max_tokens,prompt_tokens,cached_tokens,output_tokens,tokens_from");
    for (int m = 0; m < M_REQUEST_COUNT_; m++)
        buf_addf(out, ",%s", metrics[m].key);
    buf_adds(out, "\n");
    for (size_t i = 0; i < f->rows_n; i++) {
        const struct row *r = run_file_row(f, i);
        double v[M_REQUEST_COUNT_];
        timeline_numbers(&r->tl, v);
        buf_addf(out, "%llu,%d,%d,%s,%d,%lld,%lld", (unsigned long long)r->seq, r->stream, r->phase,
                 outcome_name(r->tl.outcome), r->tl.http_status, (long long)r->context, (long long)r->max_tokens);
        csv_int(out, r->tl.prompt_tokens);
        csv_int(out, r->tl.cached_tokens);
        csv_int(out, r->tl.output_tokens);
        buf_addf(out, ",%s", token_source_name(r->tl.source));
        for (int m = 0; m < M_REQUEST_COUNT_; m++) {
            char n[FMT_SIZE];
            bool known = isfinite(v[m]) && r->tl.outcome == OUT_OK; /* errors are in no latency figure, here neither */
            buf_addf(out, ",%s", known ? fmt_json(n, v[m], 4) : "");
        }
        buf_adds(out, "\n");
    }
}

static void json_phase(const struct run_file *f, const struct run_phase *p, struct jsonw *j)
{
    struct tally t;
    run_file_phase(f, p->id, &t);
    jw_open(j, NULL, '{');
    jw_int(j, "phase", p->id);
    jw_int(j, "max_num_seqs", p->streams);
    jw_num(j, "context", p->context > 0 ? (double)p->context : (double)NAN, 0);
    jw_int(j, "max_tokens", p->max_tokens);
    if (p->part[0] != '\0') {
        jw_str(j, "part", p->part);
        jw_str(j, "what", p->what);
        jw_bool(j, "repeated", p->repeated);
        jw_num(j, metrics[M_OUTPUT_RATE].key, run_file_phase_rate(f, p->id), 3);
    }
    summary_json_tally(&t, j);
    jw_close(j, '}');
    tally_release(&t);
}

static void write_json(const struct run_file *f, struct buf *out)
{
    const char *window;
    struct jsonw j = {.out = out};
    double rate = run_file_output_rate(f, &window);
    jw_open(&j, NULL, '{');
    jw_str(&j, "tokgauge", TOKGAUGE_VERSION);
    jw_str(&j, "name", f->name);
    jw_bool(&j, "whole", f->summary != NULL);
    jw_bool(&j, "rows_whole", f->rows_whole);
    jw_int(&j, "unreadable_lines", (int64_t)f->bad_lines);
    char *header = cJSON_PrintUnformatted(f->header);
    buf_adds(out, ",\"header\":");
    buf_add_escaped(out, header != NULL ? header : "null");
    cJSON_free(header);
    jw_num(&j, metrics[M_OUTPUT_RATE].key, rate, 3);
    jw_str(&j, "window", isfinite(rate) ? window : NULL);
    summary_json_tally(&f->total, &j);
    struct insight found[INSIGHT_RULES];
    size_t n = insight_find(f, found);
    jw_open(&j, "findings", '[');
    for (size_t i = 0; i < n; i++) {
        jw_open(&j, NULL, '{');
        jw_str(&j, "rule", found[i].rule);
        jw_str(&j, "sentence", found[i].sentence);
        jw_str(&j, "evidence", found[i].evidence);
        jw_str(&j, "advice", found[i].advice[0] != '\0' ? found[i].advice : NULL);
        jw_close(&j, '}');
    }
    jw_close(&j, ']');
    jw_open(&j, "phases", '[');
    for (size_t i = 0; i < f->phases_n; i++)
        json_phase(f, &f->phases[i], &j);
    jw_close(&j, ']');
    report_time_json(f, &j);
    jw_close(&j, '}');
    buf_adds(out, "\n");
}

bool report_write(const struct run_file *f, const struct report_options *o, struct buf *out)
{
    switch (o->format) {
    case REPORT_MD: report_markdown(f, o, out); break;
    case REPORT_HTML: report_html(f, o, out); break;
    case REPORT_CSV: write_csv(f, out); break;
    case REPORT_JSON: write_json(f, out); break;
    case REPORT_VLLM: report_vllm(f, o->detailed, out); break;
    }
    return !out->cut;
}
