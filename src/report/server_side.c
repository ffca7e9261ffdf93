#include "report/server_side.h"
#include "fmt.h"
#include "measure/servercounts.h"

#include <math.h>
#include <stdio.h>

/* ---- both sides ---- */

static double end_s(const struct row *r)
{
    return (double)(r->tl.end - 1) / 1e9;
}

static void add_rows(const struct run_file *f, double until_s, struct server_side *o)
{
    double most = 0;
    size_t untold = 0;
    for (size_t i = 0; i < f->rows_n; i++) {
        const struct row *r = run_file_row(f, i);
        if (r->tl.sent == 0)
            continue;
        bool ended = r->tl.outcome == OUT_OK && end_s(r) <= until_s;
        bool sure = ended && r->tl.source != TOK_EVENTS && r->tl.output_tokens >= 0;
        most = fmax(most, (double)r->max_tokens);
        untold += r->tl.outcome == OUT_OK && (r->tl.source == TOK_EVENTS || r->tl.output_tokens < 0);
        o->our_requests += ended; /* it need not be known of how many tokens */
        o->our_tokens += sure ? (double)r->tl.output_tokens : 0;
        o->unsure_requests += !ended;
        o->unsure_tokens += sure ? 0 : fmax((double)r->max_tokens, (double)r->tl.output_tokens);
    }
    o->our_requests += (double)f->warmup_ok;
    o->our_tokens += f->warmup_tokens;
    o->unsure_requests += (double)(f->warmup_n - f->warmup_ok);
    o->unsure_tokens += (double)f->warmup_unsure * most;
    if (untold > 0)
        o->our_tokens = (double)NAN;
}

static bool began_idle(const struct run_file *f)
{
    for (size_t i = 0; i < f->rows_n; i++) {
        int64_t sent = run_file_row(f, i)->tl.sent;
        if (sent != 0 && (double)sent / 1e9 < f->counted_since)
            return false;
    }
    return isfinite(f->counted_since);
}

static void add_looks(const struct run_file *f, struct server_side *o, double *until_s)
{
    struct plateau p = {0};
    double before = (double)NAN;
    o->kv_most = o->running_most = (double)NAN;
    for (size_t i = 0; i < f->samples_n; i++) {
        const struct run_sample *s = &f->samples[i];
        if (!isfinite(s->server_at) || s->server_at == before)
            continue;
        before = s->server_at;
        plateau_add(&p, s->running, s->waiting, s->kv_used);
        o->kv_most = fmax(o->kv_most, s->kv_used); /* fmax leaves NAN out */
        o->running_most = fmax(o->running_most, s->running);
    }
    *until_s = before;
    o->waited = p.n;
    o->at_limit = p.at_most;
    o->seems_max_num_seqs = plateau_limit(&p);
}

void server_side(const struct run_file *f, struct server_side *o)
{
    double until_s;
    *o = (struct server_side){0};
    counts_of(&f->counted, &o->counts);
    for (size_t i = 0; i < f->changes_n; i++) {
        o->counts.restarts += f->changes[i].what != CHANGE_MODEL;
        o->counts.jumps = o->counts.jumps || f->changes[i].what == CHANGE_JUMPS;
    }
    for (int i = 0; i < CNT_COUNT_; i++)
        o->known = o->known || isfinite(f->counted.counter[i]);
    add_looks(f, o, &until_s);
    if (o->counts.jumps)
        o->seems_max_num_seqs = (double)NAN;
    o->seconds = until_s - f->counted_since;
    add_rows(f, until_s, o);
    /* Without a row for each request, or without a look, it is not known which of them the server had counted by the last. */
    bool countable = isfinite(until_s) && f->rows_whole && began_idle(f);
    if (!countable || f->answers_n > 0 || cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(f->header, "watch")))
        o->our_requests = o->our_tokens = (double)NAN;
}

/* ---- the section ---- */

typedef char *number_fn(char out[FMT_SIZE], double v);

/* approx: out of the server's buckets, which are wide. */
static void row_of(struct doc *d, const char *name, number_fn *fmt, double server, double here, bool approx)
{
    char n[FMT_SIZE];
    if (!isfinite(server))
        return;
    doc_row_begin(d);
    doc_cell(d, "%s", name);
    doc_cell(d, "%s%s", approx ? "≈" : "", fmt(n, server));
    doc_cell(d, "%s", isfinite(here) ? fmt(n, here) : "");
    doc_row_end(d);
}

static void row(struct doc *d, const char *name, number_fn *fmt, double server, double here)
{
    row_of(d, name, fmt, server, here, false);
}

static void times(struct doc *d, const char *name, const struct server_time *t, const struct dist *here)
{
    char label[48];
    const struct {
        const char *what;
        double server, ours;
    } rows[] = {{"mean", t->mean, here != NULL ? here->mean : (double)NAN},
                {"p50", t->p50, here != NULL ? here->p50 : (double)NAN},
                {"p95", t->p95, here != NULL ? here->p95 : (double)NAN}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        snprintf(label, sizeof label, "%s, %s", name, rows[i].what);
        row_of(d, label, fmt_ms, rows[i].server, rows[i].ours, i > 0);
    }
}

static void facts(struct doc *d, const struct run_file *f, const struct server_side *o)
{
    const struct server_view *v = &f->server;
    char n[FMT_SIZE], m[FMT_SIZE];
    if (isfinite(v->kv_tokens))
        doc_item(d, "KV cache: %s tokens%s", fmt_count(n, v->kv_tokens), v->kv_blocks * v->kv_block_tokens == v->kv_tokens ? ", by its blocks" : "");
    if (isfinite(v->max_num_seqs))
        doc_item(d, "Sequences at once: %s, by its API", fmt_count(n, v->max_num_seqs));
    else if (isfinite(o->seems_max_num_seqs))
        doc_item(d, "Sequences at once: %s, inferred: it ran no more while others waited", fmt_count(n, o->seems_max_num_seqs));
    if (isfinite(v->slot_context))
        doc_item(d, "Context of a slot: %s tokens", fmt_count(n, v->slot_context));
    if (isfinite(v->loaded))
        doc_item(d, "Model in memory: %s GiB, %s GiB of it in VRAM", fmt_gib(n, v->loaded), fmt_gib(m, v->loaded_vram));
    if (isfinite(v->loaded_context))
        doc_item(d, "Context that it was loaded with: %s tokens", fmt_count(n, v->loaded_context));
    if (v->bad_lines > 0)
        doc_item(d, "Lines of its page of counters that could not be read: %s (%s could)", fmt_count(n, v->bad_lines), fmt_count(m, v->lines));
    for (size_t i = 0; i < f->changes_n; i++) {
        const struct run_change *c = &f->changes[i];
        if (c->what == CHANGE_MODEL)
            doc_item(d, "%s: another model: %s", fmt_clock(n, c->t), c->model[0] != '\0' ? c->model : "none");
        else
            doc_item(d, "%s: %s", fmt_clock(n, c->t), c->what == CHANGE_JUMPS ? "several servers answer in turn: what they count is left out"
                                                                       : "the server was restarted; its counters are added up over it");
    }
}

static bool any_facts(const struct run_file *f, const struct server_side *o)
{
    const struct server_view *v = &f->server;
    return isfinite(v->kv_tokens) || isfinite(v->max_num_seqs) || isfinite(o->seems_max_num_seqs) || isfinite(v->slot_context) ||
           isfinite(v->loaded) || isfinite(v->loaded_context) || v->bad_lines > 0 || f->changes_n > 0;
}

void report_server(struct doc *d, const struct run_file *f)
{
    static const struct doc_column columns[] = {{"", false}, {"server", true}, {"here", true}};
    struct server_side o;
    struct dist ttft, itl;
    server_side(f, &o);
    if (!o.known && !any_facts(f, &o))
        return;
    const struct server_counts *k = &o.counts;
    double cached = f->total.cached_n > 0 && f->total.prompt_tokens > 0 ? f->total.cached_tokens / f->total.prompt_tokens : (double)NAN;
    tally_dist(&f->total, M_TTFT, &ttft);
    tally_dist(&f->total, M_ITL, &itl);
    doc_heading(d, 2, "Server counters");
    if (o.known) {
        doc_table_begin(d, "Server counters", columns, ARRAY_LEN(columns));
        times(d, "TTFT", &k->ttft, &ttft);
        times(d, "Queue time", &k->queue, NULL);
        times(d, "ITL", &k->itl, &itl);
        row(d, "Requests that ended", fmt_count, k->finished, o.our_requests);
        row(d, "Output tokens", fmt_count, k->generated_tokens, o.our_tokens);
        row(d, "Prompt tokens", fmt_count, k->prompt_tokens, (double)NAN);
        row(d, "Prompt tokens from the prefix cache", fmt_percent, k->prefix_hits, cached);
        row(d, "Preemptions", fmt_count, k->preemptions, (double)NAN);
        row(d, "Drafted tokens that were accepted", fmt_percent, k->accepted, (double)NAN);
        row(d, "KV cache in use, at most", fmt_percent, o.kv_most, (double)NAN);
        row(d, "Requests running, at most", fmt_count, o.running_most, (double)NAN);
        doc_table_end(d);
        doc_paragraph(d, "What the server counted from before the load to after its last answer: every request that it had, warm-up and "
                         "other clients' too. ≈: linear within a bucket of its own, which are wide. Here: times of measured requests; requests that "
                         "ended well, and tokens, with the warm-up.");
    }
    if (any_facts(f, &o)) {
        doc_list_begin(d);
        facts(d, f, &o);
        doc_list_end(d);
    }
}
