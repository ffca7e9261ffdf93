#include "measure/shown.h"
#include "util.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void shown_init(struct shown *d)
{
    memset(d, 0, sizeof *d);
    tally_init(&d->tally);
}

void shown_release(struct shown *d)
{
    tally_release(&d->tally);
}

uint64_t shown_failure(struct shown *d, struct snapshot *v, const struct row *r)
{
    enum outcome o = r->tl.outcome;
    if (o == OUT_OK || o == OUT_CANCELLED)
        return 0;
    uint64_t n = ++d->failures[o];
    char line[256];
    snprintf(line, sizeof line, "%s ×%" PRIu64 "%s%s", outcome_name(o), n, r->error[0] != '\0' ? ": " : "", r->error);
    str_copy(v->last_error, sizeof v->last_error, line);
    return n;
}

void shown_request(struct shown *d, struct snapshot *v, const struct row *r, const struct tally *one, double first_token_s)
{
    const struct timeline *t = &r->tl;
    if (r->warmup || r->stream == 0)
        return;
    tally_merge(&d->tally, one);
    d->news = true;
    if (t->outcome != OUT_OK || t->first_token == 0 || t->slept)
        return;
    int64_t ttft = t->first_token - t->sent;
    heat_add(&v->hists.ttft_heat, first_token_s, (double)ttft / 1e6);
    v->hists.seq++;
    if (t->cached_tokens >= 0 && t->prompt_tokens > 0)
        hist_add(2 * t->cached_tokens > t->prompt_tokens ? &d->cached : &d->fresh, (uint64_t)MAX_OF(ttft, 0), 1);
}

static struct latency_view latency_of(const struct hist *h, enum metric_id m)
{
    double nan = (double)NAN;
    if (h == NULL || h->count == 0)
        return (struct latency_view){0, nan, nan, nan, nan};
    struct dist d;
    dist_of_hist(&d, h, metrics[m].scale);
    return (struct latency_view){d.n, d.p50, d.p95, d.p99, d.mean};
}

static void copy_hist(struct hist *to, const struct hist *from)
{
    if (from != NULL)
        *to = *from;
    else if (to->count > 0)
        hist_reset(to);
}

static void fill_ttft(const struct shown *d, struct snapshot *v)
{
    const struct hist *finished = d->tally.hist[M_TTFT];
    if (finished == NULL && v->streams_n == 0 && v->hists.ttft.count == 0)
        return;
    hist_reset(&v->hists.ttft);
    if (finished != NULL)
        v->hists.ttft = *finished;
    for (size_t i = 0; i < v->streams_n && v->state != RUN_DONE; i++) { /* at the end what was in flight is cancelled */
        const struct stream_row *s = &v->streams[i];
        if (s->measured && s->state == STREAM_DECODE && isfinite(s->ttft_ms))
            hist_add(&v->hists.ttft, (uint64_t)(s->ttft_ms * 1e6), 1);
    }
    v->ttft = latency_of(&v->hists.ttft, M_TTFT);
    v->hists.seq++;
}

void shown_fill(struct shown *d, struct snapshot *v)
{
    const struct tally *t = &d->tally;
    fill_ttft(d, v);
    if (!d->news)
        return;
    d->news = false;
    v->good_share = v->slo[0] != '\0' ? tally_good_share(t) : (double)NAN;
    v->tpot = latency_of(t->hist[M_TPOT], M_TPOT);
    v->e2e = latency_of(t->hist[M_E2E], M_E2E);
    v->itl = latency_of(t->hist[M_ITL], M_ITL);
    v->ttft_new = latency_of(&d->fresh, M_TTFT);
    v->ttft_cached = latency_of(&d->cached, M_TTFT);
    copy_hist(&v->hists.itl, t->hist[M_ITL]);
    copy_hist(&v->hists.tpot, t->hist[M_TPOT]);
    copy_hist(&v->hists.e2e, t->hist[M_E2E]);
    v->decode_rate = t->hist[M_DECODE_RATE] != NULL ? hist_mean(t->hist[M_DECODE_RATE]) / metrics[M_DECODE_RATE].scale : (double)NAN;
    v->hists.seq++;
}

void shown_reset(struct shown *d, struct snapshot *v, double now_s)
{
    tally_release(&d->tally);
    tally_init(&d->tally);
    hist_reset(&d->fresh);
    hist_reset(&d->cached);
    v->output_rate_peak = (double)NAN;
    v->since_s = now_s;
    d->news = true;
}
