#include "report/summary.h"
#include "fmt.h"
#include "load/prompt.h"
#include "report/capacity_words.h"
#include "report/matrix_tables.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Text is written once, in UTF-8; for an ASCII terminal the few signs that it uses are put into ASCII at the end. */
static const struct {
    const char *utf8, *ascii;
} signs[] = {{"–", "-"}, {"≈", "~"}, {"µ", "u"}, {"·", "|"}, {"×", "x"}, {"≥", ">="}, {"…", "..."}, {"→", "->"}, {"↑", "^"}, {"↓", "v"},
             {"≤", "<="}, {"“", "\""}, {"”", "\""}, {"²", "2"}, {"−", "-"}};

void summary_to_ascii(struct buf *b)
{
    struct buf out;
    buf_init(&out, b->max);
    for (const char *p = b->data != NULL ? b->data : ""; *p != '\0';) {
        size_t i = 0;
        while (i < ARRAY_LEN(signs) && !str_starts(p, signs[i].utf8))
            i++;
        if (i < ARRAY_LEN(signs)) {
            buf_adds(&out, signs[i].ascii);
            p += strlen(signs[i].utf8);
        } else {
            buf_add(&out, (unsigned char)*p < 0x80 ? p : "?", 1);
            p++;
            while (((unsigned char)*p & 0xc0) == 0x80)
                p++;
        }
    }
    buf_release(b);
    *b = out;
}

/* Pads to a width in characters, not bytes. */
static void cell(struct buf *b, const char *s, int width)
{
    int n = (int)utf8_count(s, strlen(s));
    buf_addf(b, "%*s%s", n < width ? width - n : 0, "", s);
}

static void label(struct buf *b, const char *s)
{
    buf_addf(b, "  %-15s", s);
}

#define WAIT_NOTED_NS 1000000 /* a millisecond is no wait */

static bool drawn(const struct lengths *l)
{
    return l->kind != LENGTH_FIXED;
}

typedef char *number_fn(char out[FMT_SIZE], double v);

static void dist_line(struct buf *b, const char *name, const struct tally *t, enum metric_id m, number_fn *fmt)
{
    struct dist d;
    tally_dist(t, m, &d);
    label(b, name);
    const double v[] = {d.mean, d.stddev, d.p50, d.p95, d.p99, d.max};
    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        char num[FMT_SIZE];
        cell(b, fmt(num, v[i]), 9);
    }
    buf_addf(b, "  %" PRIu64 "%s\n", d.n, d.n > 0 && !d.exact ? " ≈" : "");
}

static const char *prompts_text(const char *prompt)
{
    static const char *const kinds[][2] = {{"unique", "unique"}, {"shared", "shared (prefix cache may help)"}, {"agent", "of an agent"},
                                           {"agent-small", "of an agent"}};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(prompt, kinds[i][0]) == 0)
            return kinds[i][1];
    return "from a file";
}

/* Those of which a request has ended; one that was asked for twice has one cell. */
static size_t loads_run(const struct run_result *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->cfg->steps_n; i++) {
        const struct load_step *s = &r->cfg->steps[i];
        const struct matrix_cell *c = matrix_find(&r->matrix, (int)s->streams, (double)s->context, (double)s->max_tokens, s->arrival.rate);
        n += c != NULL && c->ok + c->failed > 0;
    }
    return n;
}

static bool is_matrix(const struct run_result *r)
{
    const struct run_config *c = r->cfg;
    return c->steps_n > 0 && c->steps[0].part != NULL && strcmp(c->steps[0].part, PART_MATRIX) == 0;
}

/* "20 requests/s (poisson), at most " 4 streams */
static void open_loop(const struct run_config *c, struct buf *b)
{
    char text[96];
    if (c->trace != NULL)
        buf_adds(b, "as a trace says, at most ");
    else if (c->arrival.rate > 0)
        buf_addf(b, "%s, at most ", arrivals_text(&c->arrival, text));
}

/* " · context 1.0k · output 128 tokens" */
static void lengths(const struct run_config *c, int64_t context, int64_t max_tokens, struct buf *b)
{
    char n[FMT_SIZE], m[FMT_SIZE];
    if (c->trace != NULL) {
        buf_addf(b, " · lengths as it says, where it says none context %s, output %s", fmt_context(n, (double)context), fmt_tokens(m, (double)max_tokens));
        return;
    }
    if (!prompt_is_file(c->prompt))
        buf_addf(b, " · context %s%s", drawn(&c->context_of) ? "about " : "", fmt_tokens(n, (double)context));
    buf_addf(b, " · output %s%s tokens", drawn(&c->output_of) ? "about " : "", fmt_tokens(n, (double)max_tokens));
}

void summary_load(const struct run_config *c, int64_t streams, int64_t context, int64_t max_tokens, struct buf *b)
{
    open_loop(c, b);
    buf_addf(b, "%" PRId64 " stream%s", streams, streams == 1 ? "" : "s");
    lengths(c, context, max_tokens, b);
}

static void head(const struct run_result *r, struct buf *b)
{
    const struct run_config *c = r->cfg;
    char model[160];
    str_sanitise(model, sizeof model, r->pre.server.model, strlen(r->pre.server.model));
    buf_addf(b, "%s\n%s · %s%s%s\n", model, r->pre.server.title, r->pre.server.address,
             r->pre.server.simulated ? " · SIMULATED" : "", c->insecure ? " · TLS NOT VERIFIED" : "");
    if (c->label != NULL) {
        char label_text[160];
        str_sanitise(label_text, sizeof label_text, c->label, strlen(c->label));
        buf_addf(b, "%s\n", label_text);
    }
    const struct phases *p = &r->phases;
    if (r->capacity.n > 0) {
        buf_addf(b, "a search for the capacity: %zu loads were tried\n\n", r->capacity.n);
    } else if (is_matrix(r)) {
        buf_addf(b, "a matrix of %zu loads, %zu of which were run\n\n", c->steps_n, loads_run(r));
    } else if (p->n == 1) {
        summary_load(c, p->list[0]->streams, p->list[0]->context, p->list[0]->max_tokens, b);
        buf_addf(b, " · prompts %s\n\n", prompts_text(c->prompt));
    } else {
        buf_addf(b, "%d phases (the target was changed while it ran)\n\n", p->n);
    }
}

static void goodput(const struct run_result *r, struct buf *b, double per_s)
{
    const struct slo *s = &r->cfg->slo;
    const struct tally *t = &r->phases.total;
    char text[160], n[FMT_SIZE], share[FMT_SIZE];
    if (s->n == 0)
        return;
    slo_text(s, text, sizeof text);
    label(b, "goodput");
    buf_addf(b, "%s req/s met %s: %s of the requests", fmt_requests(n, per_s), text, fmt_percent_below(share, tally_good_share(t), CAPACITY_SHARE));
    for (size_t i = 0; i < s->n; i++)
        if (t->missed[i] > 0)
            buf_addf(b, "; %" PRIu64 " missed %s", t->missed[i], metrics[s->goal[i].metric].id);
    if (tally_failed(t) > 0)
        buf_addf(b, "; %" PRIu64 " failed", tally_failed(t));
    if (t->unjudged > 0)
        buf_addf(b, "; of %" PRIu64 " nobody knows", t->unjudged);
    if (t->late > 0)
        buf_addf(b, "; %" PRIu64 " that were cancelled had missed one by then", t->late);
    buf_adds(b, "\n");
}

static void rates(const struct run_result *r, struct buf *b)
{
    struct window whole, head;
    double ws, s;
    char a[FMT_SIZE], c[FMT_SIZE];
    phases_windows(&r->phases, r->end_ns, false, &whole, &ws);
    bool use = phases_headline(&r->phases, r->end_ns, &head, &s);
    const struct window *w = &head;
    label(b, "output rate");
    buf_addf(b, "%s%s tok/s over the %s %.1f s", w->approx_tokens > 0 ? "≈" : "",
             fmt_rate(a, s > 0 ? w->tokens / s : (double)NAN), use ? "steady" : "whole", s);
    if (use)
        buf_addf(b, " (%s over all %.1f s)", fmt_rate(c, ws > 0 ? whole.tokens / ws : (double)NAN), ws);
    buf_adds(b, "\n");
    label(b, "request rate");
    buf_addf(b, "%s req/s ended well in that time\n", fmt_requests(a, s > 0 ? (double)w->ok / s : (double)NAN));
    goodput(r, b, tally_goodput(&r->phases.total, (double)w->good, s));
}

/* Of an open loop: was the rate kept, and what waited? */
static void arrivals(const struct run_result *r, struct buf *b)
{
    const struct tally *t = &r->phases.total;
    const struct hist *wait = t->hist[M_STREAM_WAIT];
    if (wait == NULL)
        return;
    char n[FMT_SIZE], p[FMT_SIZE];
    label(b, "sent");
    buf_addf(b, "skew p99 %s (this program's lateness)", fmt_ms(n, hist_quantile(&r->skew, 0.99) / 1e6));
    uint64_t waited = hist_between(wait, WAIT_NOTED_NS, 1e18);
    if (waited > 0)
        buf_addf(b, "; %s waited for a free stream, p95 %s: in ttft_due, not in TTFT", fmt_percent(p, (double)waited / (double)wait->count),
                 fmt_ms(n, hist_quantile(wait, 0.95) / 1e6));
    if (r->not_sent > 0)
        buf_addf(b, "; %s more were due and never sent: no figure has them", fmt_count(n, (double)r->not_sent));
    buf_adds(b, "\n");
}

static void counts(const struct run_result *r, struct buf *b)
{
    const struct tally *t = &r->phases.total;
    char n[FMT_SIZE];
    label(b, "requests");
    buf_addf(b, "%" PRIu64 " ok, %" PRIu64 " failed, %" PRIu64 " cancelled at the end", t->outcome[OUT_OK],
             tally_failed(t), t->outcome[OUT_CANCELLED]);
    if (t->short_output > 0)
        buf_addf(b, ", %" PRIu64 " shorter than asked", t->short_output);
    buf_adds(b, "\n");
    for (int o = OUT_OK + 1; o < OUT_CANCELLED; o++)
        if (t->outcome[o] > 0) {
            label(b, "");
            buf_addf(b, "%" PRIu64 " × %s: %s\n", t->outcome[o], outcome_name((enum outcome)o),
                     outcome_meaning((enum outcome)o));
        }
    label(b, "tokens");
    buf_addf(b, "%s out", fmt_count(n, t->output_tokens));
    if (t->prompt_n > 0) {
        double pn = (double)t->prompt_n;
        buf_addf(b, ", %s in", fmt_count(n, t->prompt_tokens));
        buf_addf(b, " (context %s", fmt_count(n, t->prompt_tokens / pn));
        if (t->cached_n > 0 && t->prompt_tokens > 0)
            buf_addf(b, ", %s from the prefix cache", fmt_percent(n, t->cached_tokens / t->prompt_tokens));
        buf_adds(b, ")");
    }
    buf_adds(b, "\n");
    label(b, "counted by");
    const char *comma = "";
    for (int s = TOK_CONTINUOUS; s <= TOK_EVENTS; s++)
        if (t->source[s] > 0) {
            buf_addf(b, "%s%s", comma, token_source_name((enum token_source)s));
            comma = ", ";
        }
    buf_adds(b, "\n\n");
}

static void table(const struct run_result *r, struct buf *b)
{
    static const char *const heads[] = {"mean", "sd", "p50", "p95", "p99", "max"};
    const struct tally *t = &r->phases.total;
    label(b, "");
    for (size_t i = 0; i < ARRAY_LEN(heads); i++)
        cell(b, heads[i], 9);
    buf_adds(b, "  n\n");
    dist_line(b, "TTFT", t, M_TTFT, fmt_ms);
    if (t->hist[M_STREAM_WAIT] != NULL)
        dist_line(b, "TTFT from due", t, M_TTFT_DUE, fmt_ms);
    dist_line(b, "TPOT", t, M_TPOT, fmt_ms);
    dist_line(b, "ITL", t, M_ITL, fmt_ms);
    dist_line(b, "end to end", t, M_E2E, fmt_ms);
    dist_line(b, "decode tok/s", t, M_DECODE_RATE, fmt_rate);
    buf_adds(b, "\n");
}

static void cold(const struct run_result *r, struct buf *b)
{
    double v[M_REQUEST_COUNT_];
    char n[FMT_SIZE];
    timeline_numbers(&r->pre.first.tl, v);
    label(b, "first request");
    buf_addf(b, "TTFT %s; sent before the load, in no figure above\n", fmt_ms(n, v[M_TTFT]));
}

/* What the server says of the same. */
static void server_line(const struct run_result *r, struct buf *b)
{
    const struct server_counts *k = &r->server.counts;
    char n[FMT_SIZE], m[FMT_SIZE];
    if (!(k->ttft.n > 0) && !(k->generated_tokens > 0))
        return;
    const char *comma = "";
    label(b, "by the server");
    if (k->ttft.n > 0) {
        buf_addf(b, "TTFT %s mean", fmt_ms(n, k->ttft.mean));
        comma = ", ";
    }
    if (k->queue.n > 0) {
        buf_addf(b, "%squeue %s", comma, fmt_ms(n, k->queue.mean));
        comma = ", ";
    }
    if (k->generated_tokens > 0) {
        buf_addf(b, "%s%s tokens out", comma, fmt_count(n, k->generated_tokens));
        comma = ", ";
    }
    if (k->preemptions > 0)
        buf_addf(b, "%s%s preemptions", comma, fmt_count(m, k->preemptions));
    buf_addf(b, " (all its requests)\n");
    if (k->restarts == 0)
        return;
    label(b, "RESTARTED");
    buf_addf(b, "the server was restarted %s time%s in the run\n", fmt_count(n, k->restarts), k->restarts == 1 ? "" : "s");
}

static void memory_line(struct buf *b, const char *name, const struct span *s, double total, const char *note)
{
    char a[FMT_SIZE], c[FMT_SIZE], d[FMT_SIZE];
    if (!isfinite(s->last))
        return;
    label(b, name);
    buf_addf(b, "%s GiB before, %s peak, of %s GiB%s\n", fmt_gib(a, s->idle), fmt_gib(c, s->peak), fmt_gib(d, total), note);
}

static void phases_table(const struct run_result *r, struct buf *b)
{
    if (r->phases.n < 2)
        return;
    buf_adds(b, "  phase  streams  context  output    tok/s  TTFT p50  TTFT p95   TPOT p50     n\n");
    bool unsteady = false;
    for (int i = 0; i < r->phases.n; i++) {
        const struct phase *p = r->phases.list[i];
        if (p->tally.requests == 0)
            continue;
        struct window w;
        double s;
        bool steady = phase_headline(p, r->end_ns, &w, &s);
        struct dist ttft, tpot;
        tally_dist(&p->tally, M_TTFT, &ttft);
        tally_dist(&p->tally, M_TPOT, &tpot);
        char n[FMT_SIZE];
        buf_addf(b, "  %5d  %7d", p->id, p->streams);
        cell(b, fmt_context(n, (double)p->context), 9);
        cell(b, fmt_tokens(n, (double)p->max_tokens), 8);
        cell(b, fmt_rate(n, s > 0 ? w.tokens / s : (double)NAN), 9);
        cell(b, fmt_ms(n, ttft.p50), 10);
        cell(b, fmt_ms(n, ttft.p95), 10);
        cell(b, fmt_ms(n, tpot.p50), 11);
        buf_addf(b, "  %4" PRIu64 "%s\n", ttft.n, steady ? "" : "*");
        unsteady |= !steady;
    }
    if (unsteady)
        buf_adds(b, "  * of all of it: every stream had sent a request of it too late or never\n");
    int merged = r->phases.list[r->phases.n - 1]->merged;
    if (merged > 0)
        buf_addf(b, "  (the last phase holds %d more changes of the target)\n", merged);
    buf_adds(b, "\n");
}

static void capacity(const struct run_result *r, struct buf *b)
{
    char words[400], load[FMT_SIZE], share[FMT_SIZE];
    const struct capacity *c = &r->capacity;
    capacity_words(c, &r->cfg->slo, prompt_context(r->cfg), words, sizeof words);
    label(b, "CAPACITY");
    buf_addf(b, "%s\n", words);
    for (size_t i = 0; i < c->n; i++) {
        static const char *const verdicts[] = {"open", "meets", "fails", "unsure"};
        const struct capacity_try *t = &c->tries[i];
        label(b, i == 0 ? "tried" : "");
        buf_addf(b, "%s%s: %s, ", fmt_number(load, t->load), c->by_rate ? "/s" : t->load == 1 ? " stream" : " streams", verdicts[t->verdict]);
        if (t->judged == 0)
            buf_addf(b, "%s\n", t->guarded ? "the guard stopped it" : "no request was judged");
        else
            buf_addf(b, "%s of %" PRIu64 " requests met all\n", fmt_percent_below(share, (double)t->good / (double)t->judged, CAPACITY_SHARE), t->judged);
    }
}

static void client(const struct run_result *r, struct buf *b)
{
    char lag[FMT_SIZE], batch[FMT_SIZE], cpu[FMT_SIZE];
    label(b, "this client");
    if (r->client_limited) {
        buf_addf(b, "CLIENT-LIMITED: %s\n", r->client_reason);
        label(b, "");
        buf_adds(b, "the figures above are this machine's, not the server's\n");
        return;
    }
    buf_addf(b, "healthy: lag p99 %s, batch delay p99 %s, thread CPU %s\n",
             fmt_ms(lag, hist_quantile(&r->lag, 0.99) / 1e6), fmt_ms(batch, hist_quantile(&r->batch_delay, 0.99) / 1e6),
             fmt_percent(cpu, r->worker_cpu));
}

static void stamps(const struct run_result *r, struct buf *b)
{
    if (!r->cfg->stamps || r->stamp_arrival.count == 0)
        return;
    char x[FMT_SIZE], y[FMT_SIZE], z[FMT_SIZE];
    label(b, "against stamps");
    buf_addf(b, "arrival p50 %s, p99 %s after the server's write; TTFT error p99 %s\n",
             fmt_ms(x, hist_quantile(&r->stamp_arrival, 0.5) / 1e6), fmt_ms(y, hist_quantile(&r->stamp_arrival, 0.99) / 1e6),
             fmt_ms(z, hist_quantile(&r->stamp_ttft, 0.99) / 1e6));
}

void summary_text(const struct run_result *r, bool utf8, struct buf *b)
{
    head(r, b);
    if (r->load_start != 0 && r->capacity.n > 0) {
        capacity(r, b);
        counts(r, b);
        matrix_text(&r->matrix, b);
    } else if (r->load_start != 0 && is_matrix(r)) { /* averages over different loads would say nothing */
        counts(r, b);
        arrivals(r, b);
        matrix_text(&r->matrix, b);
    } else if (r->load_start != 0) {
        rates(r, b);
        arrivals(r, b);
        counts(r, b);
        table(r, b);
        phases_table(r, b);
    } else {
        buf_adds(b, "  stopped before anything was measured\n");
    }
    cold(r, b);
    server_line(r, b);
    memory_line(b, "RAM", &r->ram, r->ram_total,
                r->memory_not_server ? " (this machine, not the server)" : r->ram_simulated ? " (simulated)" : "");
    memory_line(b, "GTT", &r->gtt, fmin(r->gtt_total, r->gtt_ceiling), r->gtt_simulated ? " (simulated)" : "");
    memory_line(b, "VRAM", &r->vram, r->vram_total, "");
    if (r->end == END_GUARD) {
        label(b, "GUARD");
        buf_addf(b, "stopped: %s\n", r->guard_why);
    }
    client(r, b);
    stamps(r, b);
    if (r->lost_lines > 0) {
        label(b, "RUN FILE");
        buf_addf(b, "%" PRIu64 " lines were lost: %s\n", r->lost_lines, r->lost_why);
    }
    label(b, "run file");
    if (r->run_file[0] != '\0')
        buf_addf(b, "%s\n", r->run_file);
    else
        buf_addf(b, "none: %s\n", r->lost_why);
    if (!utf8)
        summary_to_ascii(b);
}

/* The suite's place: "stability 4k, new 2/3, about 35 s left". */
static void suite_place(const struct suite_view *v, struct buf *b)
{
    if (v->parts_n == 0)
        return;
    char left[FMT_SIZE];
    for (size_t i = 0; i < v->parts_n; i++)
        if (v->part[i].state == PART_RUNNING)
            buf_addf(b, " %s %s %" PRIu64 "/%" PRIu64, v->part[i].name, v->step, v->done, v->planned);
    if (isfinite(v->left_s))
        buf_addf(b, ", about %s left ", fmt_about(left, v->left_s));
}

double summary_notes(const struct snapshot *s, double after, bool utf8, struct buf *b)
{
    double last = after;
    for (size_t i = 0; i < s->events_n; i++) {
        const struct event_line *e = &s->events[i];
        char t[FMT_SIZE];
        if (e->at_s <= after)
            continue;
        last = fmax(last, e->at_s); /* a mark may be of an earlier moment than the line before it */
        buf_addf(b, "%s %s %s\n", fmt_clock(t, e->at_s), e->level == 0 ? "--" : "!!", e->text);
    }
    if (!utf8)
        summary_to_ascii(b);
    return last;
}

/* An agent: there is no load to tell of. */
static bool is_asking(const struct suite_view *v)
{
    for (size_t i = 0; i < v->parts_n; i++)
        if (v->part[i].state == PART_RUNNING && strcmp(v->part[i].name, "agent") == 0)
            return true;
    return false;
}

void summary_progress(const struct snapshot *s, bool utf8, struct buf *b)
{
    static const char *const states[] = {"preflight", "warm-up", "load", "paused", "watch", "drain", "done", "failed"};
    char t[FMT_SIZE], r[FMT_SIZE], p[FMT_SIZE], q[FMT_SIZE];
    buf_addf(b, "%s %-9s", fmt_clock(t, s->clock_s), states[s->state]);
    if (s->state == RUN_PREFLIGHT || s->state == RUN_FAILED) {
        buf_addf(b, " %s", s->status);
    } else {
        suite_place(&s->suite, b);
    }
    bool asking = is_asking(&s->suite);
    if (s->state != RUN_PREFLIGHT && s->state != RUN_FAILED && !asking) {
        cell(b, fmt_rate(r, s->output_rate), 9);
        buf_addf(b, " %stok/s  ", s->output_approx ? "≈" : "");
        if (s->open_loop)
            buf_addf(b, "%s sent/s  ", fmt_requests(p, s->sent_rate));
        if (s->overdue > 0)
            buf_addf(b, "%s wait for a stream  ", fmt_count(p, s->overdue));
        buf_addf(b, "in flight %d (%d waiting)  TTFT p50 %s p95 %s  ok %" PRIu64 " failed %" PRIu64, s->in_flight, s->queued,
                 fmt_ms(p, s->ttft.p50), fmt_ms(q, s->ttft.p95), s->ok, s->failed);
        bool vram = s->memory.primary_vram; /* where models live */
        const struct gauge *used = vram ? &s->memory.vram_used : &s->memory.gtt_used;
        double total = vram ? s->memory.vram_total.value : memory_gtt_room(&s->memory);
        if (isfinite(used->value))
            buf_addf(b, "  %s %s/%s GiB%s", vram ? "VRAM" : "GTT", fmt_gib(p, used->value), fmt_gib(q, total),
                     used->simulated ? " (simulated)" : "");
        if (s->failed > 0)
            buf_addf(b, "  last: %s", s->last_error);
    }
    buf_adds(b, "\n");
    if (!utf8)
        summary_to_ascii(b);
}
