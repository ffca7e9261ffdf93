#include "report/report_suite.h"
#include "fmt.h"
#include "load/agent.h"
#include "report/insight.h"
#include "report/pools.h"
#include "report/report.h"
#include "suite.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define RUNS_SHOWN 6
#define ANSWERS_MOST 128

static bool of_part(const struct run_phase *p, enum suite_part part)
{
    return strcmp(p->part, suite_parts[part].name) == 0;
}

static bool has_part(const struct run_file *f, enum suite_part part)
{
    if (part == SUITE_AGENT)
        return f->answers_n > 0;
    for (size_t i = 0; i < f->phases_n; i++)
        if (of_part(&f->phases[i], part))
            return true;
    return false;
}

bool report_is_suite(const struct run_file *f)
{
    for (int part = 0; part < SUITE_PARTS; part++)
        if (has_part(f, (enum suite_part)part))
            return true;
    return false;
}

static double mean_of(const struct tally *t, enum metric_id m)
{
    struct dist d;
    tally_dist(t, m, &d);
    return d.mean;
}

/* ---- interactive speed ---- */

static void number_cells(struct doc *d, double ttft, double decode, double tokens, double e2e)
{
    char n[FMT_SIZE];
    doc_cell(d, "%s", fmt_ms(n, ttft));
    doc_cell(d, "%s", fmt_rate(n, decode));
    doc_cell(d, "%s", fmt_count(n, tokens));
    doc_cell(d, "%s", fmt_ms(n, e2e));
}

/* Mean of the output tokens of those that ended well, of which it is known. */
static double tokens_of_ok(const struct run_file *f, const struct run_phase *p, const struct tally *t)
{
    double sum = 0, n = 0;
    if (!f->rows_whole) /* the samples tell of the sum of all */
        return t->outcome[OUT_OK] > 0 && t->outcome[OUT_OK] == t->requests ? t->output_tokens / (double)t->requests : (double)NAN;
    for (size_t i = 0; i < f->rows_n; i++) {
        const struct row *r = run_file_row(f, i);
        if (r->phase != p->id || r->tl.outcome != OUT_OK || r->tl.output_tokens < 0)
            continue;
        sum += (double)r->tl.output_tokens;
        n++;
    }
    return n > 0 ? sum / n : (double)NAN;
}

static void interactive_rows(struct doc *d, const struct run_file *f, const struct run_phase *p)
{
    int run = 0;
    for (size_t i = 0; i < f->rows_n; i++) {
        const struct row *r = run_file_row(f, i);
        if (r->phase != p->id)
            continue;
        double v[M_REQUEST_COUNT_], nan = (double)NAN;
        bool ok = r->tl.outcome == OUT_OK;
        timeline_numbers(&r->tl, v);
        doc_row_begin(d);
        doc_cell(d, "%s", p->what);
        if (ok)
            doc_cell(d, "%d", ++run);
        else
            doc_cell(d, "%d: %s", ++run, outcome_name(r->tl.outcome));
        number_cells(d, ok ? v[M_TTFT] : nan, ok ? v[M_DECODE_RATE] : nan,
                     r->tl.output_tokens >= 0 ? (double)r->tl.output_tokens : nan, ok ? v[M_E2E] : nan);
        doc_row_end(d);
    }
    struct tally t;
    run_file_phase(f, p->id, &t);
    doc_row_begin(d);
    doc_cell(d, "%s", p->what);
    doc_cell_begin(d);
    doc_strong(d, "mean of %" PRIu64, t.outcome[OUT_OK]);
    doc_cell_end(d);
    number_cells(d, mean_of(&t, M_TTFT), mean_of(&t, M_DECODE_RATE), tokens_of_ok(f, p, &t), mean_of(&t, M_E2E));
    doc_row_end(d);
    tally_release(&t);
}

static void interactive(struct doc *d, const struct run_file *f)
{
    static const struct doc_column columns[] = {{"output", false},      {"run", false},   {"TTFT", true},
                                                {"decode tok/s", true}, {"tokens", true}, {"end to end", true}};
    char n[FMT_SIZE];
    doc_paragraph(d, "One stream; a short prompt, a new one each time. The decode rate is that after the first token; over one token "
                     "there is none.");
    const struct timeline *first = &f->first.tl;
    if (first->first_token != 0)
        doc_paragraph(d, "The first request of all, sent before these and in none of them, waited %s for its first token.",
                      fmt_ms(n, (double)(first->first_token - first->sent) / 1e6));
    doc_table_begin(d, "Interactive speed", columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < f->phases_n; i++)
        if (of_part(&f->phases[i], SUITE_INTERACTIVE))
            interactive_rows(d, f, &f->phases[i]);
    doc_table_end(d);
}

/* ---- memory ---- */

static void memory_row(struct doc *d, const struct run_file *f, const struct run_phase *p, enum pool_kind k)
{
    struct pool_facts m;
    char text[FMT_SIZE];
    pool_facts(f, k, p, &m);
    const double cells[] = {m.idle, m.load, m.load - m.idle, m.peak};
    doc_row_begin(d);
    doc_cell(d, "%s", pool_names[k]);
    for (size_t i = 0; i < ARRAY_LEN(cells); i++)
        doc_cell(d, "%s", fmt_gib(text, cells[i]));
    doc_row_end(d);
}

static void memory(struct doc *d, const struct run_file *f)
{
    static const struct doc_column columns[] = {
        {"GiB", false}, {"before", true}, {"under load", true}, {"difference", true}, {"peak", true}};
    for (size_t i = 0; i < f->phases_n; i++) {
        const struct run_phase *p = &f->phases[i];
        char c[FMT_SIZE], o[FMT_SIZE];
        if (!of_part(p, SUITE_MEMORY))
            continue;
        doc_paragraph(d, "Under load: %d streams of %s + %s tokens, mean over that time.", p->streams,
                      fmt_tokens(c, (double)p->context), fmt_tokens(o, (double)p->max_tokens));
        doc_table_begin(d, "Memory before and under load", columns, ARRAY_LEN(columns));
        for (enum pool_kind k = POOL_RAM; k < POOL_KINDS; k++)
            memory_row(d, f, p, k);
        doc_table_end(d);
    }
}

/* ---- stability ---- */

/* "2.12 s · 1.35 s · 2.13 s" */
static void runs_cell(struct doc *d, const struct run_file *f, const struct run_phase *p)
{
    int shown = 0;
    doc_cell_begin(d);
    for (size_t i = 0; i < f->rows_n; i++) {
        const struct row *r = run_file_row(f, i);
        double v[M_REQUEST_COUNT_];
        char n[FMT_SIZE];
        if (r->phase != p->id || shown > RUNS_SHOWN)
            continue;
        timeline_numbers(&r->tl, v);
        const char *text = shown == RUNS_SHOWN ? "…" : r->tl.outcome == OUT_OK ? fmt_ms(n, v[M_E2E]) : outcome_name(r->tl.outcome);
        doc_text(d, "%s%s", shown > 0 ? " · " : "", text);
        shown++;
    }
    doc_cell_end(d);
}

static void stability_row(struct doc *d, const struct run_file *f, const struct run_phase *p)
{
    struct tally t;
    struct dist e2e;
    char n[FMT_SIZE], why[160];
    run_file_phase(f, p->id, &t);
    tally_dist(&t, M_E2E, &e2e);
    double cv = e2e.n > 1 ? e2e.stddev / e2e.mean : (double)NAN;
    const char *verdict = report_stability(cv);
    insight_variance(f, p, why, sizeof why);
    doc_row_begin(d);
    doc_cell(d, "%s", fmt_tokens(n, (double)p->context));
    doc_cell(d, "%s", p->repeated ? "one, repeated" : "new");
    runs_cell(d, f, p);
    doc_cell(d, "%s", fmt_ms(n, e2e.mean));
    doc_cell(d, "%s", fmt_ms(n, e2e.stddev));
    doc_cell(d, "%s", fmt_percent(n, cv));
    doc_cell(d, "%s", fmt_rate(n, mean_of(&t, M_E2E_RATE)));
    doc_cell(d, "%s", verdict != NULL ? verdict : FMT_UNKNOWN);
    doc_cell(d, "%s", why);
    doc_row_end(d);
    tally_release(&t);
}

static void stability(struct doc *d, const struct run_file *f)
{
    static const struct doc_column columns[] = {{"context", true}, {"prompts", false}, {"end to end, run by run", false},
                                                {"mean", true},    {"sd", true},       {"CV", true},
                                                {"tok/s", true},   {"verdict", false}, {"why", false}};
    doc_paragraph(d, "One stream. New prompts are in no prefix cache; a repeated one is, from its second run on. tok/s: output tokens "
                     "over the end-to-end time. CV: standard deviation over mean; below 30 %% it is STABLE, below 60 %% SOME VARIANCE.");
    doc_table_begin(d, "Stability", columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < f->phases_n; i++)
        if (of_part(&f->phases[i], SUITE_STABILITY))
            stability_row(d, f, &f->phases[i]);
    doc_table_end(d);
}

/* ---- concurrency ---- */

/* Requests that the server ran and queued at the most. */
static void highest(const struct run_file *f, const struct run_phase *p, double *running, double *waiting)
{
    *running = *waiting = (double)NAN;
    for (size_t i = 0; i < f->samples_n; i++) {
        const struct run_sample *s = &f->samples[i];
        if (s->phase != p->id || !s->loading || s->t <= p->t)
            continue;
        *running = fmax(*running, s->running); /* a NAN on one side is left out */
        *waiting = fmax(*waiting, s->waiting);
    }
}

static void concurrency_row(struct doc *d, const struct run_file *f, const struct run_phase *p)
{
    struct tally t;
    struct dist ttft;
    char n[FMT_SIZE];
    double running, waiting;
    run_file_phase(f, p->id, &t);
    tally_dist(&t, M_TTFT, &ttft);
    highest(f, p, &running, &waiting);
    doc_row_begin(d);
    doc_cell(d, "%d", p->streams);
    doc_cell(d, "%s", fmt_rate(n, run_file_phase_rate(f, p->id)));
    doc_cell(d, "%s", fmt_rate(n, mean_of(&t, M_DECODE_RATE)));
    doc_cell(d, "%s", fmt_ms(n, ttft.p50));
    doc_cell(d, "%s", fmt_ms(n, ttft.p95));
    doc_cell(d, "%s", fmt_count(n, running));
    doc_cell(d, "%s", fmt_count(n, waiting));
    doc_cell(d, "%" PRIu64, ttft.n);
    doc_row_end(d);
    tally_release(&t);
}

static void concurrency(struct doc *d, const struct run_file *f)
{
    static const struct doc_column columns[] = {{"streams", true},        {"tok/s, all", true},   {"decode tok/s of one", true},
                                                {"TTFT p50", true},       {"TTFT p95", true},     {"server ran", true},
                                                {"server queued", true},  {"n", true}};
    doc_paragraph(d, "New prompts. What the server ran and queued are its own highest counts, asked for once a second.");
    doc_table_begin(d, "Concurrency", columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < f->phases_n; i++)
        if (of_part(&f->phases[i], SUITE_CONCURRENCY))
            concurrency_row(d, f, &f->phases[i]);
    doc_table_end(d);
}

/* ---- agent ---- */

struct answers { /* of one scenario, from one side */
    double e2e[ANSWERS_MOST], first[ANSWERS_MOST], tokens, bytes, calls; /* sums of the last three; NAN: not told */
    size_t n, all;
};

static void gather_answers(const struct run_file *f, const char *scenario, bool direct, struct answers *a)
{
    *a = (struct answers){.n = 0};
    for (size_t i = 0; i < f->answers_n; i++) {
        const struct run_answer *r = &f->answers[i];
        if (r->warmup || r->direct != direct || strcmp(r->scenario, scenario) != 0 || a->n == ANSWERS_MOST)
            continue;
        a->all++;
        if (r->outcome != OUT_OK)
            continue;
        a->e2e[a->n] = r->e2e_ms;
        a->first[a->n++] = r->first_ms;
        a->tokens += r->tokens;
        a->bytes += r->bytes;
        a->calls += r->calls;
    }
}

static double agent_row(struct doc *d, const struct run_file *f, const char *scenario, bool direct)
{
    struct answers a;
    struct dist e2e, first;
    char n[FMT_SIZE];
    gather_answers(f, scenario, direct, &a);
    dist_of_values(&e2e, a.e2e, a.n);
    dist_of_values(&first, a.first, a.n);
    double some = a.n > 0 ? (double)a.n : (double)NAN;
    const double times[] = {e2e.mean, e2e.min, e2e.p50, e2e.max, first.mean};
    doc_row_begin(d);
    doc_cell(d, "%s", scenario);
    doc_cell(d, "%s", direct ? "model alone" : "agent");
    doc_cell(d, "%zu/%zu", a.n, a.all);
    for (size_t i = 0; i < ARRAY_LEN(times); i++)
        doc_cell(d, "%s", fmt_ms(n, times[i]));
    doc_cell(d, "%s", fmt_count(n, a.tokens / some));
    doc_cell(d, "%s", fmt_count(n, a.bytes / some));
    doc_cell(d, "%s", direct ? "" : fmt_rate(n, a.calls / some));
    doc_row_end(d);
    return e2e.mean;
}

static void agent(struct doc *d, const struct run_file *f)
{
    static const struct doc_column columns[] = {
        {"scenario", false}, {"from", false}, {"ok", true},          {"mean", true},   {"min", true},  {"median", true},
        {"max", true},       {"first text", true}, {"tokens", true}, {"bytes", true}, {"model calls", true}};
    char n[FMT_SIZE];
    const struct run_answer *warm = &f->answers[0];
    doc_paragraph(d, "One at a time, each prompt to the agent's gateway and, alone, to the model's server. Times are end to end, of "
                     "answers that ended well. Model calls are those that the model's server counted in that time, other "
                     "clients' too; a dash: it counts none.");
    if (warm->warmup)
        doc_paragraph(d, "The very first answer of the agent, kept apart: %s.",
                      warm->outcome == OUT_OK ? fmt_ms(n, warm->e2e_ms) : warm->error[0] != '\0' ? warm->error
                                                                                               : outcome_name(warm->outcome));
    double cost[AGENT_SCENARIOS];
    doc_table_begin(d, "Agent end to end", columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < AGENT_SCENARIOS; i++) {
        double with = agent_row(d, f, agent_scenarios[i].name, false);
        cost[i] = with - agent_row(d, f, agent_scenarios[i].name, true);
    }
    doc_table_end(d);
    doc_list_begin(d);
    for (size_t i = 0; i < AGENT_SCENARIOS; i++) {
        doc_item_begin(d);
        doc_text(d, "%s, agent cost (agent − model alone, means): ", agent_scenarios[i].name);
        doc_strong(d, "%s", fmt_ms(n, cost[i]));
        doc_text(d, ". Asked: “%s”", agent_scenarios[i].text);
        doc_item_end(d);
    }
    doc_list_end(d);
}

/* ---- all of it ---- */

static void interactive_figures(const struct run_file *f, struct dist *ttft, struct dist *decode)
{
    struct tally all;
    tally_init(&all);
    for (size_t i = 0; i < f->rows_n; i++)
        for (size_t k = 0; k < f->phases_n; k++)
            if (f->phases[k].id == run_file_row(f, i)->phase && of_part(&f->phases[k], SUITE_INTERACTIVE))
                tally_add(&all, run_file_row(f, i));
    tally_dist(&all, M_TTFT, ttft);
    tally_dist(&all, M_DECODE_RATE, decode);
    tally_release(&all);
}

static void short_interactive(struct doc *d, const struct run_file *f)
{
    struct dist ttft, decode;
    char n[FMT_SIZE], m[FMT_SIZE];
    interactive_figures(f, &ttft, &decode);
    doc_item_begin(d);
    doc_text(d, "One stream: ");
    doc_strong(d, "%s tok/s", fmt_rate(n, decode.p50));
    doc_text(d, " after its first token, which comes after %s (medians, short prompts)", fmt_ms(m, ttft.p50));
    doc_item_end(d);
}

/* The highest rate of all streams together, NAN unknown, and with how many. */
static double best_rate(const struct run_file *f, int *streams)
{
    double best = (double)NAN;
    *streams = 0;
    for (size_t i = 0; i < f->phases_n; i++) {
        bool counts = of_part(&f->phases[i], SUITE_CONCURRENCY);
        double rate = counts ? run_file_phase_rate(f, f->phases[i].id) : (double)NAN;
        if (isfinite(rate) && !(best >= rate)) {
            best = rate;
            *streams = f->phases[i].streams;
        }
    }
    return best;
}

static void short_concurrency(struct doc *d, const struct run_file *f)
{
    int streams;
    char n[FMT_SIZE];
    double best = best_rate(f, &streams);
    doc_item_begin(d);
    doc_text(d, "All streams together: ");
    doc_strong(d, "%s tok/s", fmt_rate(n, best));
    if (streams > 0)
        doc_text(d, " at most, with %d", streams);
    doc_item_end(d);
}

/* How many of the groups that have a verdict are STABLE. */
static int stable_groups(const struct run_file *f, int *groups)
{
    int stable = 0;
    *groups = 0;
    for (size_t i = 0; i < f->phases_n; i++) {
        struct tally t;
        struct dist e2e;
        if (!of_part(&f->phases[i], SUITE_STABILITY))
            continue;
        run_file_phase(f, f->phases[i].id, &t);
        tally_dist(&t, M_E2E, &e2e);
        const char *verdict = report_stability(e2e.n > 1 ? e2e.stddev / e2e.mean : (double)NAN);
        *groups += verdict != NULL;
        stable += verdict != NULL && strcmp(verdict, "STABLE") == 0;
        tally_release(&t);
    }
    return stable;
}

static void short_stability(struct doc *d, const struct run_file *f)
{
    int groups, stable = stable_groups(f, &groups);
    doc_item(d, "Stability: %d of %d groups of equal requests are STABLE", stable, groups);
}

static void interactive_cards(struct doc *d, const struct run_file *f)
{
    struct dist ttft, decode;
    char n[FMT_SIZE], figure[FMT_SIZE + 8];
    interactive_figures(f, &ttft, &decode);
    snprintf(figure, sizeof figure, "%s tok/s", fmt_rate(n, decode.p50));
    doc_card(d, "One stream", figure, "after its first token, median");
    doc_card(d, "First token", fmt_ms(n, ttft.p50), "one stream, short prompts, median");
}

static void concurrency_card(struct doc *d, const struct run_file *f)
{
    int streams;
    char n[FMT_SIZE], figure[FMT_SIZE + 8], note[48] = "";
    snprintf(figure, sizeof figure, "%s tok/s", fmt_rate(n, best_rate(f, &streams)));
    if (streams > 0)
        snprintf(note, sizeof note, "at most, with %d", streams);
    doc_card(d, "All streams", figure, note);
}

void report_suite_cards(struct doc *d, const struct run_file *f)
{
    if (has_part(f, SUITE_INTERACTIVE))
        interactive_cards(d, f);
    if (has_part(f, SUITE_CONCURRENCY))
        concurrency_card(d, f);
    if (has_part(f, SUITE_STABILITY)) {
        char figure[48];
        int groups, stable = stable_groups(f, &groups);
        snprintf(figure, sizeof figure, "%d of %d", stable, groups);
        doc_card(d, "Stable", figure, "groups of equal requests");
    }
}

void report_suite_summary(struct doc *d, const struct run_file *f)
{
    char n[FMT_SIZE];
    doc_heading(d, 2, "Summary");
    doc_list_begin(d);
    if (has_part(f, SUITE_INTERACTIVE))
        short_interactive(d, f);
    if (has_part(f, SUITE_CONCURRENCY))
        short_concurrency(d, f);
    if (has_part(f, SUITE_STABILITY))
        short_stability(d, f);
    if (f->first.tl.first_token != 0)
        doc_item(d, "First request of all: %s to its first token; it is in no other figure",
                 fmt_ms(n, (double)(f->first.tl.first_token - f->first.tl.sent) / 1e6));
    doc_item(d, "Requests: %" PRIu64 " ok, %" PRIu64 " failed, %" PRIu64 " cancelled", f->total.outcome[OUT_OK],
             tally_failed(&f->total), f->total.outcome[OUT_CANCELLED]);
    doc_list_end(d);
}

void report_suite(struct doc *d, const struct run_file *f)
{
    static void (*const sections[SUITE_PARTS])(struct doc *d, const struct run_file *f) = {
        [SUITE_INTERACTIVE] = interactive, [SUITE_MEMORY] = memory, [SUITE_STABILITY] = stability, [SUITE_CONCURRENCY] = concurrency,
        [SUITE_AGENT] = agent};
    for (int part = 0; part < SUITE_PARTS; part++) {
        if (!has_part(f, (enum suite_part)part))
            continue;
        doc_heading(d, 2, "%s", suite_parts[part].title);
        sections[part](d, f);
    }
}

void report_findings(struct doc *d, const struct run_file *f)
{
    struct insight found[INSIGHT_RULES];
    size_t n = insight_find(f, found);
    if (n == 0)
        return;
    doc_heading(d, 2, "Findings");
    doc_list_begin(d);
    for (size_t i = 0; i < n; i++) {
        doc_item_begin(d);
        doc_strong(d, "%s", found[i].sentence);
        doc_text(d, " (%s)%s%s", found[i].evidence, found[i].advice[0] != '\0' ? " " : "", found[i].advice);
        doc_item_end(d);
    }
    doc_list_end(d);
}
