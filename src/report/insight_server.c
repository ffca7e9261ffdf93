/* Rules that rest on the server's own counters.  They cover all of the run: what the server had to do in the drain and for the
 * warm-up is in them too. */
#include "report/insight_inside.h"
#include "fmt.h"

#include <math.h>
#include <string.h>

#define REQUESTS_LEAST 5

bool insight_server_changed(const struct facts *d, struct insight *o)
{
    const struct run_file *f = d->file;
    const struct run_change *model = NULL, *first = NULL;
    for (size_t i = 0; i < f->changes_n; i++) {
        const struct run_change *c = &f->changes[i];
        first = first == NULL ? c : first;
        model = c->what == CHANGE_MODEL ? c : model;
    }
    if (first == NULL)
        return false;
    char t[FMT_SIZE], n[FMT_SIZE];
    if (d->server.counts.jumps)
        SAY(sentence, "Several servers answer at this address in turn: what one of them counts says nothing about all.");
    else if (model != NULL)
        SAY(sentence, "The server's model changed in the middle of the run: these figures are of two models.");
    else
        SAY(sentence, "The server was restarted in the middle of the run: these figures are of a warm server and of a cold one.");
    SAY(evidence, "%s restart%s seen by its counters; the first change at %s%s%s", fmt_count(n, d->server.counts.restarts),
        d->server.counts.restarts == 1 ? "" : "s", fmt_clock(t, first->t), model != NULL ? "; the model then: " : "",
        model == NULL ? "" : model->model[0] != '\0' ? model->model : "none");
    SAY(advice, "%s", d->server.counts.jumps ? "Measure one of them by its own address."
                                             : "Look into the server's log for the reason, and measure again.");
    return true;
}

/* Is there more than what is unsure, and a request or two at the edges? */
static double beyond(double server, double ours, double unsure, double edge)
{
    if (server > ours + unsure)
        return server - ours - unsure > edge ? server - ours - unsure : 0;
    return ours > server && ours - server > edge ? server - ours : 0;
}

static double requests_beyond(const struct server_side *s)
{
    return beyond(s->counts.finished, s->our_requests, s->unsure_requests, 1 + 0.01 * s->our_requests);
}

static double tokens_beyond(const struct server_side *s)
{
    return beyond(s->counts.generated_tokens, s->our_tokens, s->unsure_tokens, 8 + s->our_requests);
}

bool insight_two_counts(const struct facts *d, struct insight *o)
{
    const struct server_side *s = &d->server;
    double more = tokens_beyond(s);
    if (!(s->our_requests >= REQUESTS_LEAST) || isnan(s->our_tokens) || isnan(s->counts.generated_tokens) || s->counts.restarts > 0 ||
        more == 0 || (more > 0 && requests_beyond(s) > 0)) /* the last: other clients, another rule */
        return false;
    char a[FMT_SIZE], b[FMT_SIZE], c[FMT_SIZE];
    if (more > 0)
        SAY(sentence, "The server counts more output tokens than came here: it works for others too, or makes tokens that it does not send.");
    else
        SAY(sentence, "The server counts fewer output tokens than its answers claim: one of the two counts is wrong.");
    SAY(evidence, "%s by its counter, %s by its answers to %s requests", fmt_count(a, s->counts.generated_tokens),
        fmt_count(b, s->our_tokens), fmt_count(c, s->our_requests));
    if (s->unsure_tokens > 0) {
        size_t n = strlen(o->evidence);
        snprintf(o->evidence + n, sizeof o->evidence - n, "; requests that failed or were cancelled explain %s at the most",
                 fmt_count(c, s->unsure_tokens));
    }
    SAY(advice, "Until that is cleared up, trust neither rate by more than that difference.");
    return true;
}

bool insight_other_clients(const struct facts *d, struct insight *o)
{
    const struct server_side *s = &d->server;
    double more = requests_beyond(s);
    if (!(more > 0) || s->counts.restarts > 0)
        return false;
    char a[FMT_SIZE], b[FMT_SIZE], c[FMT_SIZE];
    SAY(sentence, "Other clients loaded the server at the same time: these figures are of what they left.");
    SAY(evidence, "the server ended %s requests, %s of them came from here%s", fmt_count(a, s->counts.finished),
        fmt_count(b, s->our_requests + s->unsure_requests), s->unsure_requests > 0 ? " at the most" : "");
    if (s->counts.generated_tokens > s->our_tokens) {
        size_t n = strlen(o->evidence);
        snprintf(o->evidence + n, sizeof o->evidence - n, "; it made %s output tokens, %s of them for us",
                 fmt_count(a, s->counts.generated_tokens), fmt_count(c, s->our_tokens));
    }
    SAY(advice, "Measure again when nobody else uses it.");
    return true;
}

/* Are the server's times those of our requests? */
static bool same_requests(const struct facts *d, const struct server_time *t)
{
    const struct server_side *s = &d->server;
    double ours = s->our_requests;
    return ours >= REQUESTS_LEAST && t->n >= 0.8 * ours && t->n <= 1.2 * (ours + s->unsure_requests) && s->counts.restarts == 0;
}

bool insight_server_ttft(const struct facts *d, struct insight *o)
{
    const struct server_time *t = &d->server.counts.ttft;
    struct dist ours;
    tally_dist(&d->file->total, M_TTFT, &ours);
    double between = ours.mean - t->mean;
    if (!same_requests(d, t) || ours.n < REQUESTS_LEAST || !(between > 20) || !(between > 0.2 * ours.mean))
        return false;
    char a[FMT_SIZE], b[FMT_SIZE], c[FMT_SIZE];
    SAY(sentence, "%s of the time to the first token pass outside the server's engine: on the way, in its HTTP front, or in a proxy.",
        fmt_ms(a, between));
    SAY(evidence, "mean TTFT %s here, %s by the server's own clock (%.0f requests)", fmt_ms(b, ours.mean), fmt_ms(c, t->mean), t->n);
    SAY(advice, "Load from the server's own machine tells the network from the server; vLLM: --api-server-count gives its HTTP front more "
                "processes.");
    return true;
}

bool insight_queue_time(const struct facts *d, struct insight *o)
{
    const struct server_counts *k = &d->server.counts;
    if (!(k->queue.n >= REQUESTS_LEAST) || !(k->ttft.n >= REQUESTS_LEAST) || !(k->queue.mean > 50) || !(k->queue.mean > 0.3 * k->ttft.mean))
        return false;
    char a[FMT_SIZE], b[FMT_SIZE], c[FMT_SIZE];
    SAY(sentence, "Requests wait in the server's queue for %s of the time to their first token.",
        fmt_percent(a, fmin(k->queue.mean / k->ttft.mean, 1)));
    SAY(evidence, "by the server's own clock: queue %s, first token %s (means of all its requests%s)", fmt_ms(b, k->queue.mean),
        fmt_ms(c, k->ttft.mean), d->server.counts.restarts > 0 ? ", over its restart" : "");
    SAY(advice, "Fewer streams, or a higher limit of sequences at the server, shorten TTFT; faster prefill does not.");
    return true;
}

bool insight_preemptions(const struct facts *d, struct insight *o)
{
    double n = d->server.counts.preemptions;
    char a[FMT_SIZE], b[FMT_SIZE];
    if (!(n >= 1))
        return false;
    SAY(sentence, "The KV cache was too small for this load: the server put sequences back %s time%s and computed them anew.", fmt_count(a, n),
        n == 1 ? "" : "s");
    SAY(evidence, "its counter of preemptions; KV cache in use at most %s%s%s", fmt_percent(a, d->server.kv_most),
        isfinite(d->file->server.kv_tokens) ? ", of tokens: " : "",
        isfinite(d->file->server.kv_tokens) ? fmt_count(b, d->file->server.kv_tokens) : "");
    SAY(advice, "Fewer sequences (vLLM: --max-num-seqs), a shorter context, more memory (--gpu-memory-utilization), or a smaller "
                "--kv-cache-dtype.");
    return true;
}

bool insight_kv_full(const struct facts *d, struct insight *o)
{
    double most = d->server.kv_most, tokens = d->file->server.kv_tokens;
    char a[FMT_SIZE], b[FMT_SIZE];
    if (!(most >= 0.95) || d->server.counts.preemptions >= 1) /* the latter says so, and more */
        return false;
    SAY(sentence, "The KV cache was full: it, not the limit of sequences, decides how many run at once.");
    SAY(evidence, "in use at most %s%s%s", fmt_percent(a, most), isfinite(tokens) ? ", of tokens: " : "", isfinite(tokens) ? fmt_count(b, tokens) : "");
    SAY(advice, "A shorter context or more memory for it lets more run; more streams only wait.");
    return true;
}

bool insight_prefix_unexpected(const struct facts *d, struct insight *o)
{
    const struct run_file *f = d->file;
    const double *n = f->counted.counter;
    const char *prompt = run_file_text(f, "prompt");
    double requests = d->server.our_requests + d->server.unsure_requests;
    for (size_t i = 0; i < f->phases_n; i++)
        if (f->phases[i].repeated)
            return false;
    /* A chat template has a few tokens in common; and others' requests are not ours. */
    if (prompt == NULL || strcmp(prompt, "unique") != 0 || insight_prompts_share(f) || !(d->server.counts.prefix_hits > 0.1) || !(requests >= REQUESTS_LEAST) ||
        !(n[CNT_PREFIX_HITS] > 64 * requests) || requests_beyond(&d->server) > 0)
        return false;
    char a[FMT_SIZE], b[FMT_SIZE], c[FMT_SIZE];
    SAY(sentence, "Prompts that were meant to be new were partly in the server's prefix cache: TTFT is better than it is for new ones.");
    SAY(evidence, "%s of %s prompt tokens were found there (%s)", fmt_count(a, n[CNT_PREFIX_HITS]), fmt_count(b, n[CNT_PREFIX_QUERIES]),
        fmt_percent(c, d->server.counts.prefix_hits));
    SAY(advice, "A --seed that was used before sends the same prompts again: leave it out, or empty the cache with --reset-prefix-cache.");
    return true;
}

static bool limit_is_told(const struct run_file *f)
{
    const cJSON *process = run_file_process(f);
    return isfinite(f->server.max_num_seqs) || cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(process, "max_num_seqs"));
}

bool insight_sequence_limit(const struct facts *d, struct insight *o)
{
    const struct server_side *s = &d->server;
    char n[FMT_SIZE];
    if (!isfinite(s->seems_max_num_seqs) || limit_is_told(d->file))
        return false;
    SAY(sentence, "The server seems to run %s sequences at once at the most (inferred: it does not tell its limit).",
        fmt_count(n, s->seems_max_num_seqs));
    SAY(evidence, "in %zu of %zu looks with requests waiting it ran exactly so many, and never more; the KV cache was not full",
        s->at_limit, s->waited);
    SAY(advice, "vLLM: --max-num-seqs, llama.cpp: --parallel, SGLang: --max-running-requests.");
    return true;
}

bool insight_drafts(const struct facts *d, struct insight *o)
{
    const struct server_counts *k = &d->server.counts;
    double drafted = d->file->counted.counter[CNT_DRAFT_TOKENS];
    char a[FMT_SIZE], b[FMT_SIZE], c[FMT_SIZE];
    if (!(drafted >= 200) || isnan(k->accepted))
        return false;
    SAY(sentence, "Speculative decoding: %s of the drafted tokens were accepted%s.", fmt_percent(a, k->accepted),
        k->accepted < 0.3 ? "; so few hardly pay for the drafting" : "");
    SAY(evidence, "%s of %s drafted tokens, %s of each draft", fmt_count(a, d->file->counted.counter[CNT_ACCEPTED]), fmt_count(b, drafted),
        fmt_rate(c, k->accepted_a_draft));
    if (k->accepted < 0.3)
        SAY(advice, "Compare with a run without it, or with fewer tokens a draft. Made-up prompts are harder to guess than real ones.");
    return true;
}
