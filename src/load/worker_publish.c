/* What a worker tells the engine ten times a second: its set of figures, and the state of its streams. */
#include "load/worker_inside.h"
#include "clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static enum stream_state state_of(const struct slot *s)
{
    if (s->backoff_until != 0)
        return STREAM_BACKOFF;
    if (!s->active)
        return STREAM_IDLE;
    if (s->t.tl.sent == 0)
        return STREAM_CONNECT;
    return s->t.tl.first_token == 0 ? STREAM_QUEUED : STREAM_DECODE;
}

/* Bytes at the beginning that are the rest of a character: the cut may have gone through one. */
static size_t cut_bytes(const char *text, size_t n)
{
    size_t cut = 0;
    while (cut < n && ((unsigned char)text[cut] & 0xc0) == 0x80)
        cut++;
    return cut;
}

#define SILENT_NS NS_PER_SEC

/* Up to its last token; where that is long ago, and longer than all before it lets expect, the silence counts. */
static int64_t decoding_until(const struct timeline *tl, int64_t now)
{
    double silence = (double)(now - tl->last_token), before = (double)(tl->last_token - tl->first_token);
    return silence > SILENT_NS && silence * (double)tl->events > 4 * before ? now : tl->last_token;
}

static void fill_stream(const struct slot *s, int64_t now, struct stream_row *r)
{
    const struct timeline *tl = &s->t.tl;
    enum stream_state st = state_of(s);
    *r = (struct stream_row){.id = s->id + 1, .measured = !s->item.warmup, .state = st, .context = (int)s->context, .ttft_ms = (double)NAN,
                             .rate = (double)NAN, .backoff_s = (double)NAN, .wait_s = (double)NAN};
    if (st == STREAM_BACKOFF)
        r->backoff_s = (double)(s->backoff_until - now) / 1e9;
    if (!s->made || (st != STREAM_QUEUED && st != STREAM_DECODE))
        return;
    r->output = (int)MIN_OF(s->t.live_tokens, INT32_MAX);
    r->output_approx = s->t.live_approx;
    r->seq = s->item.seq;
    r->sent = tl->sent;
    r->wait_s = (double)(now - tl->sent) / 1e9;
    if (tl->first_token != 0)
        r->ttft_ms = (double)(tl->first_token - tl->sent) / 1e6;
    if (s->t.live_tokens > 1 && tl->last_token > tl->first_token)
        r->rate = (double)(s->t.live_tokens - 1) * 1e9 / (double)(decoding_until(tl, now) - tl->first_token);
    if (!s->t.keep_tail)
        return;
    size_t n = s->t.tail_n, cut = cut_bytes(s->t.tail, n);
    str_sanitise(r->tail, sizeof r->tail, s->t.tail + cut, n - cut);
}

void worker_decoded(struct slot *s, int64_t until)
{
    int64_t from = MAX_OF(s->t.tl.first_token, s->w->told_at);
    s->w->set->decode_ns += MAX_OF(until - from, 0);
}

static void fill_text(const struct worker *w, struct record_set *set)
{
    _Static_assert(RECORD_TEXT >= KEPT_TEXT, "all that is kept can be handed on");
    set->text_stream = w->reading != NULL ? w->reading->id + 1 : 0;
    if (w->reading == NULL)
        return;
    size_t cut = cut_bytes(w->kept.data, w->kept.n);
    set->text_n = w->kept.n - cut;
    memcpy(set->text, w->kept.data + cut, set->text_n);
}

static void fill_state(struct worker *w, struct record_set *set, int64_t now)
{
    int n = worker_slots_wanted(w), rows = MIN_OF(n, SNAP_STREAMS / w->count + 1);
    set->at = now;
    set->active = w->active;
    set->queued = set->decoding = set->backing_off = set->idle = 0;
    if (set->streams_cap < (size_t)rows) {
        set->streams_cap = (size_t)rows;
        set->streams = xrealloc(set->streams, set->streams_cap * sizeof *set->streams);
    }
    set->streams_n = (size_t)rows;
    for (int i = 0; i < w->slots_n; i++) { /* also those that end with their request */
        enum stream_state st = state_of(w->slots[i]);
        if (st == STREAM_DECODE)
            worker_decoded(w->slots[i], now);
        if (i >= n)
            continue;
        set->queued += st == STREAM_QUEUED || st == STREAM_CONNECT;
        set->decoding += st == STREAM_DECODE;
        set->backing_off += st == STREAM_BACKOFF;
        set->idle += st == STREAM_IDLE && !w->slots[i]->starting;
        if (i < rows)
            fill_stream(w->slots[i], now, &set->streams[i]);
    }
    w->told_at = now;
    set->version = w->target.version;
    set->stretch = w->target.stretch;
    set->step = w->target.step;
    set->ready = w->ready;
    set->ready_at = w->ready_at;
    set->load_start = w->load_start;
    set->dry_at = w->dry_at;
}

void worker_publish(struct worker *w)
{
    int64_t now = clock_ns(), cpu = clock_thread_cpu_ns();
    struct record_set *set = w->set;
    set->tokens += w->sink.tokens;
    set->approx += w->sink.approx;
    set->first += w->sink.first;
    set->events += w->sink.events;
    set->bytes += w->sink.bytes;
    w->sink.tokens = w->sink.approx = w->sink.first = w->sink.events = w->sink.bytes = 0;
    struct hist *own[] = {&w->sink.batch_delay, &w->sink.stamp_arrival, &w->sink.stamp_ttft};
    struct hist *out[] = {&set->batch_delay, &set->stamp_arrival, &set->stamp_ttft};
    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        if (own[i]->count > 0) {
            hist_merge(out[i], own[i]);
            hist_reset(own[i]);
        }
    if (w->active > 0) {
        set->cpu_ns += cpu - w->cpu_mark;
        set->wall_ns += now - w->wall_mark;
    }
    w->cpu_mark = cpu;
    w->wall_mark = now;
    fill_state(w, set, now);
    fill_text(w, set);
    w->set = mailbox_put(&w->mailbox, set);
}
