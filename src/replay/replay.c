#include "replay/replay.h"
#include "capacity.h"

#include "jsonr.h"
#include "measure/servercounts.h"
#include "replay/inside.h"
#include "report/counted_json.h"
#include "report/matrix_tables.h"
#include "report/memory_json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MOST (16u << 20)
#define HOLD_S 1.6        /* a sample holds so long; then the next one is missing */
#define MOST_S 1e9        /* no run is longer */
#define PROCESSES_BACK 8  /* samples: processes are in one of a few */

/* ---- the start ---- */

/* 0 where it is not there. */
static int whole_number(const cJSON *o, const char *key)
{
    int64_t v = json_whole(o, key, 0);
    return v >= 0 && v < INT64_C(1000000000) ? (int)v : 0;
}

/* "https://user@host:8000/v1" → "host:8000". */
static void address(const struct run_file *f, char *out, size_t size)
{
    char url[256];
    json_words(f->header, "url", url, sizeof url);
    char *host = strstr(url, "://");
    host = host != NULL ? host + 3 : url;
    host[strcspn(host, "/")] = '\0';
    char *at = strrchr(host, '@');
    str_copy(out, size, at != NULL ? at + 1 : host);
}

static void put_process(const cJSON *p, struct server_view *v)
{
    json_words(p, "command", v->command, sizeof v->command);
    v->pid = whole_number(p, "pid");
    v->told_max_num_seqs = json_number(p, "max_num_seqs");
    v->told_max_model_len = json_number(p, "max_model_len");
    v->told_memory_share = json_number(p, "gpu_memory_utilization");
}

static void put_server(const struct run_file *f, struct server_view *v)
{
    put_process(json_get(f->header, "server_process"), v);
    json_words(f->header, "model", v->model, sizeof v->model);
    json_words(f->header, "server", v->kind, sizeof v->kind);
    address(f, v->address, sizeof v->address);
    v->simulated = json_true(f->header, "simulated");
    v->unverified = cJSON_IsFalse(json_get(f->header, "tls_verified"));
    v->max_model_len = json_number(f->header, "max_model_len");
}

/* Capacity, limits and what is in memory: as the server told them last. */
static void put_facts(const struct server_view *from, struct server_view *v)
{
    v->max_num_seqs = from->max_num_seqs;
    v->slot_context = from->slot_context;
    v->kv_tokens = from->kv_tokens;
    v->kv_blocks = from->kv_blocks;
    v->kv_block_tokens = from->kv_block_tokens;
    v->loaded = from->loaded;
    v->loaded_vram = from->loaded_vram;
    v->loaded_context = from->loaded_context;
    v->lines = from->lines;
    v->bad_lines = from->bad_lines;
    v->tokens_at_end = from->tokens_at_end;
    str_copy(v->counters_note, sizeof v->counters_note, from->counters_note);
}

/* The beginning of the run. */
void replay_begin(struct replay *r)
{
    const struct run_file *f = r->file;
    uint64_t series = r->view != NULL ? r->view->series.seq : 0, hists = r->view != NULL ? r->view->hists.seq : 0;
    free(r->view);
    shown_release(&r->shown);
    shown_init(&r->shown);
    struct snapshot *v = r->view = xcalloc(1, sizeof *v);
    snapshot_clear(v);
    v->series.seq = series + 1; /* whoever has a copy has another one */
    v->hists.seq = hists + 1;
    put_server(f, &v->server);
    slo_text(&f->slo, v->slo, sizeof v->slo);
    counted_clear(&r->counted);
    r->plateau = (struct plateau){0};
    v->replay = (struct replay_view){.on = true, .speed = 1, .end_s = r->end};
    v->memory.not_server = cJSON_IsFalse(json_get(json_get(f->header, "system"), "is_the_servers"));
    double cold = replay_seconds(f->first.tl.first_token) - replay_seconds(f->first.tl.sent);
    if (cold >= 0)
        hist_add(&v->hists.ttft_first, (uint64_t)(cold * 1e9), 1);
    r->samples = r->rows = r->events = r->marks = r->phases = 0;
    r->shown_from = 0;
    r->at = -1;
}

static double end_of(const struct run_file *f)
{
    double end = 0;
    for (size_t i = 0; i < f->samples_n; i++)
        end = fmax(end, f->samples[i].t);
    for (size_t i = 0; i < f->rows_n; i++)
        end = fmax(end, replay_seconds(run_file_row(f, i)->tl.end));
    for (size_t i = 0; i < f->events_n; i++)
        end = fmax(end, f->events[i].t);
    return end;
}

void replay_measure(struct replay *r)
{
    const struct run_file *f = r->file;
    free(r->cells);
    r->end = end_of(f);
    r->cells = xcalloc(f->phases_n + 1, sizeof *r->cells);
    matrix_cells_of_file(f, r->cells);
    r->load_from = (double)NAN;
    for (size_t i = 0; i < f->rows_n; i++)
        r->load_from = fmin(r->load_from, replay_seconds(run_file_row(f, i)->tl.sent));
    for (size_t i = 0; !f->rows_whole && i < f->samples_n; i++)
        if (f->samples[i].loading)
            r->load_from = fmin(r->load_from, f->samples[i].t);
}

static struct replay *open_file(const char *path, bool growing, struct err *e)
{
    struct run_file *f = growing ? run_file_load_growing(path, e) : run_file_load(path, e);
    if (f == NULL)
        return NULL;
    bool enough = f->samples_n > 0 || f->growing;
    FILE *in = enough ? fopen(path, "re") : NULL;
    if (in == NULL) {
        if (!enough)
            err_set(e, "'%s' has no samples: there is nothing to show", path);
        else
            err_set(e, "cannot read run file '%s': %s", path, strerror(errno));
        run_file_free(f);
        return NULL;
    }
    struct replay *r = xcalloc(1, sizeof *r);
    r->file = f;
    r->in = in;
    buf_init(&r->line, LINE_MOST);
    replay_order(r);
    replay_measure(r);
    replay_begin(r);
    return r;
}

struct replay *replay_open(const char *path, struct err *e)
{
    return open_file(path, false, e);
}

struct replay *replay_open_growing(const char *path, struct err *e)
{
    return open_file(path, true, e);
}

void replay_close(struct replay *r)
{
    run_file_free(r->file);
    fclose(r->in);
    buf_release(&r->line);
    shown_release(&r->shown);
    tally_release(&r->one);
    free(r->view);
    free(r->cells);
    free(r->by_end);
    free(r->by_stream);
    free(r);
}

double replay_end(const struct replay *r)
{
    return r->end;
}

/* ---- samples ---- */

/* NULL where the line cannot be read any more. */
static cJSON *sample_line(struct replay *r, size_t i)
{
    bool whole = false;
    if (fseeko(r->in, (off_t)r->file->samples[i].line_at, SEEK_SET) != 0 || !buf_read_line(r->in, &r->line, &whole) || !whole)
        return NULL;
    return cJSON_ParseWithLength(r->line.data, r->line.len);
}

/* A sample a second, a value of a series each half: the one before holds where it is not too old. */
static void push(struct replay *r, size_t i)
{
    const struct run_sample *s = &r->file->samples[i];
    struct snap_series *v = &r->view->series;
    double before = i > 0 ? r->file->samples[i - 1].t : -HUGE_VAL;
    if (!(s->t >= 0 && s->t < MOST_S && before <= s->t))
        return;
    int64_t last = (int64_t)(s->t / SERIES_STEP_S), first = s->t - before < HOLD_S ? (int64_t)(before / SERIES_STEP_S) + 1 : last;
    for (int64_t k = first; k <= last; k++) {
        double t = (double)k * SERIES_STEP_S;
        series_push(&v->out, t, s->output_rate);
        series_push(&v->gtt, t, s->gtt_used);
        series_push(&v->ram, t, s->ram_used);
        series_push(&v->vram, t, s->vram_used);
        series_push(&v->run, t, s->running);
        series_push(&v->wait, t, s->waiting);
        series_push(&v->kv, t, s->kv_used);
        series_push(&v->gen, t, s->server_rate);
    }
    v->seq++;
}

static enum run_state state_of(const cJSON *o)
{
    static const char *const names[] = {"preflight", "warmup", "load", "paused", "watch", "drain", "done", "failed"};
    const char *state = json_text(o, "state");
    for (size_t i = 0; state != NULL && i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], state) == 0)
            return (enum run_state)i;
    return RUN_LOAD;
}

/* What a sample tells of its moment. */
static void show_sample(struct replay *r, const cJSON *o)
{
    struct snapshot *v = r->view;
    v->state = state_of(o);
    v->paused = v->state == RUN_PAUSED;
    v->phase = whole_number(o, "phase");
    v->target_streams = whole_number(o, "max_num_seqs");
    v->target_context = whole_number(o, "context");
    v->target_max_tokens = whole_number(o, "max_tokens");
    v->open_loop = json_get(o, "waiting_for_stream") != NULL;
    v->target_rate = json_number(o, "rate");
    v->sent_rate = json_number(o, "sent_per_s");
    v->overdue = whole_number(o, "waiting_for_stream");
    v->goodput = json_number(o, metrics[M_GOODPUT].key);
    v->in_flight = whole_number(o, "in_flight");
    v->queued = whole_number(o, "queued");
    v->decoding = whole_number(o, "decoding");
    v->backing_off = whole_number(o, "backing_off");
    v->output_rate = json_number(o, "output_tok_s");
    v->output_rate_stream = json_number(o, "stream_tok_s");
    v->output_approx = json_number(o, "live_approx") > 0;
    double sent = json_number(o, "sent"), tokens = json_number(o, "live_tokens");
    v->sent = sent >= 0 ? (uint64_t)sent : 0;
    v->output_tokens = tokens >= 0 ? (uint64_t)tokens : 0;
    v->lag_p99_ms = json_number(o, "lag_p99_ms");
    v->server.running = json_number(o, "server_running");
    v->server.waiting = json_number(o, "server_waiting");
    v->server.kv_used = json_number(o, "server_kv_used");
    v->server.prefix_hits = json_number(o, "server_prefix_hits");
    v->server.generated_rate = json_number(o, "server_tok_s");
    v->server.prompt_rate = json_number(o, "server_prompt_tok_s");
    v->server.our_rate = json_number(o, "server_our_tok_s");
    memory_read(o, &v->memory);
}

static void show_processes(struct replay *r, size_t last)
{
    r->view->memory.procs_known = false;
    for (size_t back = 0; back <= last && back < PROCESSES_BACK; back++) {
        cJSON *o = sample_line(r, last - back);
        bool there = o != NULL && processes_read(o, &r->view->memory);
        cJSON_Delete(o);
        if (there)
            return;
    }
}

/* Has the server been looked at since the sample before? */
static bool new_look(const struct replay *r, size_t i)
{
    const struct run_sample *s = &r->file->samples[i];
    return isfinite(s->server_at) && (i == 0 || s[-1].server_at != s->server_at);
}

/* What the server told by then. */
static void show_counts(struct replay *r, double t)
{
    struct server_view *v = &r->view->server;
    int restarts = 0;
    bool jumps = false;
    for (size_t i = 0; i < r->file->changes_n && r->file->changes[i].t <= t; i++) {
        restarts += r->file->changes[i].what != CHANGE_MODEL;
        jumps = jumps || r->file->changes[i].what == CHANGE_JUMPS;
    }
    if (jumps)
        counted_clear(&r->counted);
    counts_of(&r->counted, &v->counts);
    v->counts.restarts = restarts;
    v->counts.jumps = jumps;
    v->seems_max_num_seqs = jumps ? (double)NAN : plateau_limit(&r->plateau);
    put_facts(&r->file->server, v);
    for (size_t i = 0; i < r->file->processes_n && r->file->processes[i].t <= t; i++)
        put_process(r->file->processes[i].is, v);
}

/* ---- requests ---- */

/* Each load of a matrix has percentiles of its own, as it had live. */
static void begin_cells(struct replay *r, double t)
{
    const struct run_file *f = r->file;
    for (; r->phases < f->phases_n && f->phases[r->phases].t <= t; r->phases++) {
        const struct run_phase *p = &f->phases[r->phases];
        if (strcmp(p->part, PART_MATRIX) != 0 && strcmp(p->part, PART_CAPACITY) != 0)
            continue;
        shown_reset(&r->shown, r->view, p->t);
        r->shown_from = p->id; /* the next sample tells of the load before as well */
    }
}

static void take_rows(struct replay *r, double t)
{
    struct snapshot *v = r->view;
    for (; r->rows < r->file->rows_n; r->rows++) {
        const struct place *next = &r->by_end[r->rows];
        if (!(replay_seconds(next->at) <= t))
            break;
        begin_cells(r, replay_seconds(next->at));
        const struct row *row = run_file_row(r->file, next->row);
        enum outcome o = row->tl.outcome;
        shown_failure(&r->shown, v, row);
        if (!r->file->rows_whole)
            continue;
        v->ok += o == OUT_OK;
        v->cancelled += o == OUT_CANCELLED;
        v->failed += o != OUT_OK && o != OUT_CANCELLED;
        tally_one(&r->one, row);
        shown_request(&r->shown, v, row, &r->one, replay_seconds(row->tl.first_token));
    }
    begin_cells(r, t);
}

/* Of requests that ended: all that there is of them where the file has not a row for each, else what no row has. */
static void take_ended(struct replay *r, const cJSON *sample)
{
    if (r->file->rows_whole) {
        run_file_ended(sample, r->shown_from, M_ITL, &r->shown.tally);
        return;
    }
    struct tally all;
    tally_init(&all);
    run_file_ended_all(sample, 0, &all);
    r->view->ok += all.outcome[OUT_OK];
    r->view->cancelled += all.outcome[OUT_CANCELLED];
    r->view->failed += tally_failed(&all);
    tally_release(&all);
    run_file_ended_all(sample, r->shown_from, &r->shown.tally);
}

static void take_samples(struct replay *r, double t)
{
    const struct run_file *f = r->file;
    size_t before = r->samples;
    for (; r->samples < f->samples_n && f->samples[r->samples].t <= t; r->samples++) {
        const struct run_sample *s = &f->samples[r->samples];
        take_rows(r, s->t); /* in the order of time, however far it goes at once: a load that begins, begins anew */
        push(r, r->samples);
        if (s->output_rate >= 0 && !(s->output_rate <= r->view->output_rate_peak))
            r->view->output_rate_peak = s->output_rate;
        cJSON *o = sample_line(r, r->samples);
        take_ended(r, o);
        counted_read(o, &r->counted);
        if (new_look(r, r->samples))
            plateau_add(&r->plateau, s->running, s->waiting, s->kv_used);
        r->shown.news = true;
        bool newest = r->samples + 1 == f->samples_n || f->samples[r->samples + 1].t > t;
        if (o != NULL && newest)
            show_sample(r, o);
        cJSON_Delete(o);
    }
    if (r->samples > before)
        show_processes(r, r->samples - 1);
}

/* The row of that stream that began last at t or before; NULL: none. */
static size_t find_row(const struct replay *r, int stream, double t)
{
    size_t lo = 0, hi = r->file->rows_n; /* the first one behind */
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const struct place *p = &r->by_stream[mid];
        if (p->stream < stream || (p->stream == stream && replay_seconds(p->at) <= t))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo > 0 && r->by_stream[lo - 1].stream == stream ? r->by_stream[lo - 1].row : SIZE_MAX;
}

/* The end of what had been said by then, as far as that share of the answer goes; sanitised, a byte may become three. */
static void show_text(const char *all, double share, char *out, size_t size)
{
    size_t n = strlen(all), most = (size - 1) / 3, end = (size_t)((double)n * MIN_OF(MAX_OF(share, 0), 1));
    while (end < n && ((unsigned char)all[end] & 0xc0) == 0x80) /* whole characters */
        end++;
    size_t from = end > most ? end - most : 0;
    while (from < end && ((unsigned char)all[from] & 0xc0) == 0x80)
        from++;
    str_sanitise(out, size, all + from, end - from);
}

static void show_stream(struct replay *r, size_t at, double t, struct stream_row *out)
{
    const struct row *row = run_file_row(r->file, at);
    const struct timeline *l = &row->tl;
    double first = replay_seconds(l->first_token), last = replay_seconds(l->last_token), sent = replay_seconds(l->sent);
    bool busy = replay_seconds(l->end) > t;
    out->context = (int)MIN_OF(row->context, INT64_C(1000000000));
    out->measured = !row->warmup;
    out->state = !busy ? STREAM_IDLE : !(sent <= t) ? STREAM_CONNECT : !(first <= t) ? STREAM_QUEUED : STREAM_DECODE;
    out->wait_s = t - (out->state == STREAM_CONNECT ? replay_seconds(l->started) : sent);
    double share = !(first <= t) ? 0 : last > first ? MIN_OF((t - first) / (last - first), 1) : 1;
    if (out->state == STREAM_DECODE) {
        out->ttft_ms = (first - sent) * 1e3;
        out->output = l->output_tokens > 0 ? 1 + (int)(share * (double)(MIN_OF(l->output_tokens, INT64_C(1000000000)) - 1)) : 0;
        out->output_approx = true;
        if (t > first && out->output > 1)
            out->rate = (out->output - 1) / (t - first);
    }
    const char *all = r->file->details != NULL ? r->file->details[at].text : NULL;
    if (all != NULL)
        show_text(all, share, out->tail, sizeof out->tail);
    if (all != NULL && out->id == r->text_of) {
        r->view->text_stream = out->id;
        show_text(all, share, r->view->text, sizeof r->view->text);
    }
}

/* Of a file that grows: is t within the row that was found, or does a later one of that stream follow? */
static bool known_then(const struct replay *r, size_t at, int stream, double t)
{
    return (at != SIZE_MAX && replay_seconds(run_file_row(r->file, at)->tl.end) > t) || find_row(r, stream, MOST_S) != at;
}

static void show_streams(struct replay *r, double t)
{
    struct snapshot *v = r->view;
    double nan = (double)NAN;
    v->text_stream = 0;
    v->streams_total = v->target_streams;
    v->streams_n = (size_t)MIN_OF(v->streams_total, SNAP_STREAMS);
    for (size_t i = 0; i < v->streams_n; i++) {
        struct stream_row *s = &v->streams[i];
        *s = (struct stream_row){.id = (int)i + 1, .ttft_ms = nan, .rate = nan, .backoff_s = nan, .wait_s = nan};
        size_t at = find_row(r, s->id, t);
        if (r->file->growing && !known_then(r, at, s->id, t)) {
            v->streams_n = 0; /* a request that has not ended has no row: who is at what is not known yet */
            return;
        }
        if (at != SIZE_MAX)
            show_stream(r, at, t, s);
    }
}

/* ---- the rest ---- */

static void take_notes(struct replay *r, double t)
{
    const struct run_file *f = r->file;
    for (;;) { /* both lists in one order: a mark is an event too */
        double event = r->events < f->events_n ? f->events[r->events].t : HUGE_VAL;
        double mark = r->marks < f->marks_n ? f->marks[r->marks].t : HUGE_VAL;
        if (!(MIN_OF(event, mark) <= t))
            break;
        if (event <= mark) {
            const struct run_event *e = &f->events[r->events++];
            snapshot_event(r->view, e->t, e->level, e->text);
        } else {
            const struct run_mark *m = &f->marks[r->marks++];
            snapshot_mark(r->view, m->t, m->text);
        }
    }
}

static void show_status(struct replay *r, double t)
{
    const struct run_file *f = r->file;
    struct snapshot *v = r->view;
    v->status[0] = '\0';
    for (size_t i = 0; i < f->phases_n && f->phases[i].t <= t; i++) {
        const struct run_phase *p = &f->phases[i];
        if (p->part[0] != '\0')
            snprintf(v->status, sizeof v->status, "%s%s%s", p->part, p->what[0] != '\0' ? ": " : "", p->what);
    }
}

/* Tokens that came between the first sample of a phase and the newest, by the second; NAN before there are two. */
static double rate_since(const struct replay *r, double from)
{
    const struct run_sample *all = r->file->samples;
    size_t first = 0;
    while (first < r->samples && all[first].t < from)
        first++;
    if (first + 1 >= r->samples)
        return (double)NAN;
    const struct run_sample *a = &all[first], *b = &all[r->samples - 1];
    return b->t > a->t ? (b->live_tokens - a->live_tokens) / (b->t - a->t) : (double)NAN;
}

/* A phase that is over by then has what it came to; the one that runs has its rate so far. */
static void show_matrix(struct replay *r, double t)
{
    const struct run_file *f = r->file;
    struct matrix_view *m = &r->view->matrix;
    m->n = 0;
    for (size_t i = 0; i < f->phases_n && f->phases[i].t <= t; i++) {
        const struct run_phase *p = &f->phases[i];
        bool running = (i + 1 == f->phases_n || f->phases[i + 1].t > t) && t < r->end;
        if (p->repeated || (!running && r->cells[i].ok + r->cells[i].failed == 0))
            continue;
        double rate = isfinite(p->rate) ? p->rate : 0;
        struct matrix_cell *c = matrix_put(m, p->streams, (double)p->context, (double)p->max_tokens, rate);
        *c = r->cells[i];
        c->running = running;
        if (running) { /* what it will come to is not known yet */
            c->output_rate = rate_since(r, p->t);
            c->decode_rate = c->ttft_p50 = c->ttft_p95 = c->goodput = c->good_share = (double)NAN;
            c->ok = c->failed = 0;
        }
    }
}

const struct snapshot *replay_at(struct replay *r, double t)
{
    t = MIN_OF(MAX_OF(t, 0), r->end);
    if (t < r->at) {
        struct replay_view kept = r->view->replay;
        replay_order_again(r);
        replay_begin(r);
        r->view->replay = kept;
    }
    struct snapshot *v = r->view;
    take_samples(r, t);
    show_counts(r, t);
    take_rows(r, t);
    v->sent = MAX_OF(v->sent, v->ok + v->failed + v->cancelled); /* these are of this moment, the sample may be a second old */
    take_notes(r, t);
    show_status(r, t);
    show_matrix(r, t);
    show_streams(r, t);
    shown_fill(&r->shown, v);
    v->clock_s = t;
    v->replay.live = r->file->growing && t >= r->end;
    v->elapsed_s = t >= r->load_from ? t - r->load_from : (double)NAN;
    r->at = t;
    return v;
}

void replay_reset(struct replay *r)
{
    shown_reset(&r->shown, r->view, r->at);
}

void replay_text(struct replay *r, int stream)
{
    r->text_of = stream;
}
