/* What each kind of a run file's lines tells. */
#include "report/runfile_line.h"

#include "hist.h"
#include "jsonr.h"
#include "load/prompt.h"
#include "measure/phases.h"
#include "report/counted_json.h"
#include "report/memory_json.h"
#include "report/rowstore.h"
#include "report/runfile_ended.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- values of a line ---- */

static int small(const cJSON *o, const char *key)
{
    return (int)MAX_OF(MIN_OF(json_whole(o, key, 0), INT64_C(1000000000)), INT64_C(-1));
}

#define TIME_MOST_S 1e9 /* thirty years */

/* When the line was written, in seconds; NAN where that is no time of a run: lists are sized by such times, and they are cast. */
static double time_of(const cJSON *o)
{
    double t = json_number(o, "t") / 1e9;
    return t >= 0 && t <= TIME_MOST_S ? t : (double)NAN;
}

/* A timeline's 0 is "did not happen", a file's 0 the start of the run: all moments of a file are moved by one. */
static int64_t moment(const cJSON *o, const char *key)
{
    int64_t t = json_whole(o, key, -1);
    return t >= 0 ? t + 1 : 0;
}

static bool outcome_of(const char *name, enum outcome *out)
{
    for (int o = 0; name != NULL && o < OUT_COUNT; o++)
        if (strcmp(outcome_name((enum outcome)o), name) == 0) {
            *out = (enum outcome)o;
            return true;
        }
    return false;
}

static enum token_source source_of(const char *name)
{
    for (int s = TOK_NONE; name != NULL && s <= TOK_EVENTS; s++)
        if (strcmp(token_source_name((enum token_source)s), name) == 0)
            return (enum token_source)s;
    return TOK_NONE;
}

/* Makes room for one more in a list that doubles. */
static void *room(void *list, size_t n, size_t size)
{
    return n == 0 || (n & (n - 1)) == 0 ? xrealloc(list, (n == 0 ? 1 : 2 * n) * size) : list;
}

bool run_file_crowded(const cJSON *o)
{
    size_t n = 0;
    for (const cJSON *v = o != NULL ? o->child : NULL; v != NULL && n <= RUN_KEYS; v = v->next)
        n++;
    return n > RUN_KEYS;
}

/* ---- kinds of lines; false where a line of that kind does not read ---- */

static struct run_detail read_detail(const cJSON *o)
{
    struct run_detail d = {0};
    const cJSON *gaps = json_get(o, "gaps"), *v;
    d.gaps_known = cJSON_IsArray(gaps);
    if (d.gaps_known && gaps->child != NULL)
        d.gap_ns = xcalloc((size_t)cJSON_GetArraySize(gaps), sizeof *d.gap_ns);
    cJSON_ArrayForEach(v, gaps)
    {
        if (d.gap_ns != NULL && cJSON_IsNumber(v) && v->valuedouble >= 0 && v->valuedouble < 1e18)
            d.gap_ns[d.gaps_n++] = (float)v->valuedouble;
    }
    const char *s = json_text(o, "text");
    d.text = s != NULL ? xstrdup(s) : NULL;
    return d;
}

static bool read_row(struct run_file *f, const cJSON *o)
{
    struct row r = {.seq = (uint64_t)json_whole(o, "seq", 0), .stream = small(o, "stream"), .phase = small(o, "phase"),
                    .context = json_whole(o, "context", 0), .max_tokens = json_whole(o, "max_tokens", 0)};
    r.fixed_length = json_true(f->header, "fixed_length");
    struct timeline *t = &r.tl;
    timeline_init(t, moment(o, "due"));
    const char *part = json_text(o, "part");
    if (part == NULL || !outcome_of(json_text(o, "outcome"), &t->outcome))
        return false;
    t->free_at = moment(o, "free");
    r.turn = MAX_OF(small(o, "turn"), 0);
    t->started = moment(o, "started");
    t->sent = moment(o, "sent");
    t->first_byte = moment(o, "first_byte");
    t->first_event = moment(o, "first_event");
    t->first_token = moment(o, "first_token");
    t->first_answer = moment(o, "first_answer");
    t->last_token = moment(o, "last_token");
    t->end = moment(o, "end");
    t->connect_ns = json_whole(o, "connect", -1);
    t->tls_ns = json_whole(o, "tls", -1);
    t->http_status = small(o, "http");
    t->events = (uint64_t)json_whole(o, "events", 0);
    t->first_tokens = MAX_OF(json_whole(o, "first_event_tokens", 0), INT64_C(-1));
    t->prompt_tokens = json_whole(o, "prompt_tokens", -1);
    t->cached_tokens = json_whole(o, "cached_tokens", -1);
    t->output_tokens = json_whole(o, "output_tokens", -1);
    t->source = source_of(json_text(o, "tokens_from"));
    t->retried = json_true(o, "retried");
    t->slept = json_true(o, "slept");
    json_words(o, "error", r.error, sizeof r.error);
    slo_judge(&f->slo, &r);
    if (strcmp(part, "preflight") != 0 && t->outcome == OUT_OK && t->output_tokens > 0 && (t->source == TOK_USAGE || t->source == TOK_TOKENIZE)) {
        f->known_tokens += (double)t->output_tokens;
        f->known_events += (double)t->events;
    }
    if (strcmp(part, "preflight") == 0) {
        f->first = r;
    } else if (strcmp(part, "warmup") == 0) {
        f->warmup_n++;
        f->warmup_ok += t->outcome == OUT_OK;
        f->warmup_tokens += (double)MAX_OF(t->output_tokens, 0);
        f->warmup_unsure += t->outcome != OUT_OK || t->source == TOK_EVENTS || t->output_tokens < 0;
    } else if (strcmp(part, "load") == 0 || strcmp(part, "probe") == 0) {
        if (f->has_gaps || f->has_texts) {
            f->details = room(f->details, f->rows_n, sizeof *f->details);
            f->details[f->rows_n] = read_detail(o);
        }
        rowstore_add(f->rows, &r);
        f->rows_n++;
    }
    return true;
}

static void read_counted(struct run_file *f, const cJSON *o, struct run_sample *s)
{
    counted_read(o, &f->counted);
    s->finished = f->counted.counter[CNT_FINISHED];
    s->generated = f->counted.counter[CNT_GENERATED];
    s->preemptions = f->counted.counter[CNT_PREEMPTIONS];
}

/* The newest is what holds; since when there are counters stays. */
static bool read_counters(struct run_file *f, const cJSON *o)
{
    double since = json_number(o, "since");
    if (!isfinite(time_of(o)))
        return false;
    server_facts_read(o, &f->server);
    if (isnan(f->counted_since))
        f->counted_since = since / 1e9;
    return true;
}

static bool read_change(struct run_file *f, const cJSON *o)
{
    static const char *const names[] = {[CHANGE_RESTART] = "restart", [CHANGE_MODEL] = "model", [CHANGE_JUMPS] = "jumps"};
    const char *what = json_text(o, "what");
    size_t i = 0;
    while (i < ARRAY_LEN(names) && (what == NULL || strcmp(what, names[i]) != 0))
        i++;
    double t = time_of(o);
    if (!isfinite(t) || what == NULL)
        return false;
    if (i == ARRAY_LEN(names))
        return true; /* a later version's */
    f->changes = room(f->changes, f->changes_n, sizeof *f->changes);
    struct run_change *c = &f->changes[f->changes_n++];
    *c = (struct run_change){.t = t};
    c->what = i == CHANGE_RESTART ? CHANGE_RESTART : i == CHANGE_MODEL ? CHANGE_MODEL : CHANGE_JUMPS;
    json_words(o, "model", c->model, sizeof c->model);
    if (c->what == CHANGE_JUMPS)
        counted_clear(&f->counted);
    return true;
}

static bool read_sample(struct run_file *f, const cJSON *o, int64_t line_at)
{
    const char *state = json_text(o, "state");
    double t = time_of(o);
    if (state == NULL || !isfinite(t))
        return false;
    f->samples = room(f->samples, f->samples_n, sizeof *f->samples);
    /* Without a stream it is the suite's agent who sends, and what he is answered is in no figure of the load. */
    f->samples[f->samples_n++] = (struct run_sample){
        .t = t, .loading = strcmp(state, "load") == 0 && !(json_number(o, "max_num_seqs") < 1),
        .phase = small(o, "phase"), .pauses = small(o, "pauses"), .streams = small(o, "max_num_seqs"),
        .rate = json_number(o, "rate"), .in_flight = json_number(o, "in_flight"), .live_tokens = json_number(o, "live_tokens"),
        .live_approx = json_number(o, "live_approx"),
        .output_rate = json_number(o, "output_tok_s"), .ttft_p50 = json_number(o, "ttft_p50_ms"), .ttft_p95 = json_number(o, "ttft_p95_ms"),
        .ram_used = json_number(o, "ram_used"), .ram_total = json_number(o, "ram_total"), .gtt_used = json_number(o, "gtt_used"),
        .gtt_total = json_number(o, "gtt_total"), .vram_used = json_number(o, "vram_used"), .vram_total = json_number(o, "vram_total"), .gtt_ceiling = json_number(o, "gtt_ceiling"),
        .running = json_number(o, "server_running"), .waiting = json_number(o, "server_waiting"),
        .kv_used = json_number(o, "server_kv_used"), .server_at = json_number(o, "server_at") / 1e9,
        .server_rate = json_number(o, "server_tok_s"), .line_at = line_at};
    struct run_sample *s = &f->samples[f->samples_n - 1];
    read_counted(f, o, s);
    s->gpu_limited = limited_read(o, &s->gpu_limited_now);
    json_words(o, "gpu_limited_by", s->gpu_limited_by, sizeof s->gpu_limited_by);
    ended_keep(f, o);
    ended_sums(o, s);
    return true;
}

static bool read_mark(struct run_file *f, const cJSON *o)
{
    const char *what = json_text(o, "text");
    double t = time_of(o);
    if (what == NULL || !isfinite(t))
        return false;
    f->marks = room(f->marks, f->marks_n, sizeof *f->marks);
    struct run_mark *m = &f->marks[f->marks_n++];
    m->t = t;
    str_sanitise(m->text, sizeof m->text, what, strlen(what));
    return true;
}

static bool read_event(struct run_file *f, const cJSON *o)
{
    const char *what = json_text(o, "text"), *level = json_text(o, "level");
    double t = time_of(o);
    if (what == NULL || level == NULL || !isfinite(t))
        return false;
    f->events = room(f->events, f->events_n, sizeof *f->events);
    struct run_event *e = &f->events[f->events_n++];
    e->t = t;
    e->level = strcmp(level, "error") == 0 ? 2 : strcmp(level, "warning") == 0 ? 1 : 0;
    str_sanitise(e->text, sizeof e->text, what, strlen(what));
    return true;
}

/* Of prompts of a file nobody has asked for any; older files name one all the same. */
static int64_t asked_context(const struct run_file *f, const cJSON *o)
{
    const char *prompt = json_text(f->header, "prompt");
    return prompt != NULL && prompt_is_file(prompt) ? 0 : json_whole(o, "context", 0);
}

static bool read_phase(struct run_file *f, const cJSON *o)
{
    double t = time_of(o);
    if (!isfinite(t) || f->phases_n == RUN_PHASES)
        return false;
    f->phases = room(f->phases, f->phases_n, sizeof *f->phases);
    struct run_phase *p = &f->phases[f->phases_n++];
    *p = (struct run_phase){.id = small(o, "phase"), .t = t, .streams = small(o, "max_num_seqs"),
                            .context = asked_context(f, o), .max_tokens = json_whole(o, "max_tokens", 0),
                            .repeated = json_true(o, "repeated"), .rate = json_number(o, "rate")};
    const char *part = json_text(o, "part"), *what = json_text(o, "what");
    if (part != NULL)
        str_sanitise(p->part, sizeof p->part, part, strlen(part));
    if (what != NULL)
        str_sanitise(p->what, sizeof p->what, what, strlen(what));
    return true;
}

static bool read_left_out(struct run_file *f, const cJSON *o)
{
    struct run_left_out l = {.streams = small(o, "max_num_seqs"), .context = asked_context(f, o), .max_tokens = json_whole(o, "max_tokens", 0),
                             .rate = json_number(o, "rate")};
    json_words(o, "why", l.why, sizeof l.why);
    f->left_out = room(f->left_out, f->left_out_n, sizeof *f->left_out);
    f->left_out[f->left_out_n++] = l;
    return true;
}

static double ms_from(const cJSON *o, const char *from, const char *to)
{
    return (json_number(o, to) - json_number(o, from)) / 1e6;
}

static bool read_answer(struct run_file *f, const cJSON *o)
{
    struct run_answer a = {.first_ms = ms_from(o, "sent", "first_answer"), .e2e_ms = ms_from(o, "sent", "end"),
                           .tokens = json_number(o, "output_tokens"), .bytes = json_number(o, "answer_bytes"),
                           .calls = json_number(o, "model_calls"), .warmup = json_true(o, "warmup")};
    const char *scenario = json_text(o, "scenario"), *to = json_text(o, "to"), *error = json_text(o, "error");
    if (scenario == NULL || to == NULL || !outcome_of(json_text(o, "outcome"), &a.outcome))
        return false;
    str_sanitise(a.scenario, sizeof a.scenario, scenario, strlen(scenario));
    if (error != NULL)
        str_sanitise(a.error, sizeof a.error, error, strlen(error));
    a.direct = strcmp(to, "server") == 0;
    f->answers = room(f->answers, f->answers_n, sizeof *f->answers);
    f->answers[f->answers_n++] = a;
    return true;
}

static bool read_process(struct run_file *f, cJSON *o)
{
    double t = time_of(o);
    cJSON *is = cJSON_DetachItemFromObjectCaseSensitive(o, "server_process");
    if (!isfinite(t) || !cJSON_IsObject(is)) {
        cJSON_Delete(is);
        return false;
    }
    f->processes = room(f->processes, f->processes_n, sizeof *f->processes);
    f->processes[f->processes_n++] = (struct run_process){t, is};
    return true;
}

/* A server that `watch` found after the header was written: what the line says of it stands in the header then. */
static bool read_server(struct run_file *f, cJSON *line)
{
    const cJSON *before = f->processes_n > 0 ? f->processes[f->processes_n - 1].is : json_get(f->header, "server_process");
    const cJSON *now = json_get(line, "server_process");
    if (run_file_crowded(line) || run_file_crowded(before) || run_file_crowded(f->header) ||
        run_file_crowded(json_get(f->header, "system")))
        return false; /* keys are looked for in these, one after the other */
    f->servers++;
    if (before != NULL && run_same_number(json_number(before, "pid"), json_number(now, "pid")))
        cJSON_DeleteItemFromObjectCaseSensitive(line, "server_process");
    else if (before != NULL && now != NULL)
        read_process(f, line); /* the header keeps the first one */
    for (cJSON *v = line->child, *next; v != NULL; v = next) {
        next = v->next;
        if (v->string == NULL || strcmp(v->string, "type") == 0 || strcmp(v->string, "t") == 0)
            continue;
        cJSON_DetachItemViaPointer(line, v);
        cJSON *system = cJSON_GetObjectItemCaseSensitive(f->header, "system");
        bool local = strcmp(v->string, "is_the_servers") == 0;
        cJSON *into = local && cJSON_IsObject(system) ? system : f->header;
        char *name = xstrdup(v->string);
        cJSON_DeleteItemFromObjectCaseSensitive(into, name);
        if (!cJSON_AddItemToObject(into, name, v))
            cJSON_Delete(v);
        free(name);
    }
    return true;
}

bool run_file_line(struct run_file *f, cJSON **line, int64_t line_at)
{
    const char *type = json_text(*line, "type");
    if (type == NULL)
        return false;
    if (strcmp(type, "request") == 0)
        return read_row(f, *line);
    if (strcmp(type, "server") == 0)
        return read_server(f, *line);
    if (strcmp(type, "agent") == 0)
        return read_answer(f, *line);
    if (strcmp(type, "sample") == 0)
        return read_sample(f, *line, line_at);
    if (strcmp(type, "counters") == 0)
        return read_counters(f, *line);
    if (strcmp(type, "server_change") == 0)
        return read_change(f, *line);
    if (strcmp(type, "process") == 0)
        return read_process(f, *line);
    if (strcmp(type, "event") == 0)
        return read_event(f, *line);
    if (strcmp(type, "mark") == 0)
        return read_mark(f, *line);
    if (strcmp(type, "phase") == 0)
        return read_phase(f, *line);
    if (strcmp(type, "left_out") == 0)
        return read_left_out(f, *line);
    if (strcmp(type, "rows") == 0) /* from here on requests have none */
        f->rows_whole = false;
    if (strcmp(type, "summary") == 0 && f->summary == NULL) {
        f->summary = *line;
        *line = NULL;
    }
    return true; /* a kind that a later version added is no fault */
}
