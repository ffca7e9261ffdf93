#include "report/runfile.h"

#include "buf.h"
#include "jsonr.h"
#include "measure/jsonmem.h"
#include "measure/phases.h"
#include "report/counted_json.h"
#include "report/rowstore.h"
#include "report/runfile_ended.h"
#include "report/runfile_line.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES (16u << 20)

static void take_slo(struct run_file *f, const cJSON *o)
{
    for (int m = 0; m < M_REQUEST_COUNT_ && f->slo.n < SLO_MAX; m++) {
        double limit = json_number(o, metrics[m].key);
        if (isfinite(limit))
            f->slo.goal[f->slo.n++] = (struct slo_goal){(enum metric_id)m, limit};
    }
}

static bool take_header(struct run_file *f, cJSON *line, struct err *e)
{
    const char *type = line != NULL ? json_text(line, "type") : NULL;
    if (type == NULL || strcmp(type, "header") != 0) {
        cJSON_Delete(line);
        return err_set(e, "'%s' is not a run file: its first line is no header", f->path);
    }
    f->header = line;
    if (run_file_crowded(line))
        return err_set(e, "'%s' is not a run file: its header has more than %d keys", f->path, RUN_KEYS);
    f->has_gaps = json_true(line, "chunks");
    f->has_texts = json_true(line, "texts");
    take_slo(f, json_get(line, "slo"));
    const char *rows = json_text(line, "rows");
    f->rows_whole = rows == NULL || strcmp(rows, "all") == 0 || strcmp(rows, "auto") == 0;
    double format = json_number(line, "format");
    if (format == RUNFILE_FORMAT)
        return true;
    return err_set(e, "run file '%s' has format %g, this version reads %d: use the tokgauge that wrote it (%s)", f->path,
                   format, RUNFILE_FORMAT, run_file_text(f, "tokgauge") != NULL ? run_file_text(f, "tokgauge") : "unknown");
}

/* The end of a run that was killed while it wrote. */
static bool is_cut(const struct run_file *f, const cJSON *line, FILE *in)
{
    return line == NULL && f->summary == NULL && feof(in);
}

static bool read_lines(struct run_file *f, FILE *in, struct err *e)
{
    struct buf line;
    static const char request_line[] = "{\"type\":\"request\",";
    bool ok = true, whole;
    buf_init(&line, LINE_MAX_BYTES);
    for (int64_t at = ftello(in); ok && buf_read_line(in, &line, &whole); at = ftello(in)) {
        if (f->growing && feof(in))
            break; /* the rest of this line comes later */
        f->read_to = ftello(in);
        bool request = f->header != NULL && line.len > strlen(request_line) && memcmp(line.data, request_line, strlen(request_line)) == 0;
        if (request) /* there may be a million of them, and nothing of their JSON is kept */
            jsonmem_begin();
        cJSON *o = whole ? cJSON_ParseWithLength(line.data, line.len) : NULL;
        if (f->header == NULL) {
            if (whole && line.data[0] == '{' && is_cut(f, o, in))
                break;
            ok = take_header(f, o, e);
            continue;
        }
        if (is_cut(f, o, in))
            break;
        if (o == NULL || !run_file_line(f, &o, at))
            f->bad_lines++;
        cJSON_Delete(o);
        if (request)
            jsonmem_end();
    }
    buf_release(&line);
    if (ok && ferror(in))
        ok = err_set(e, "cannot read '%s': %s", f->path, strerror(errno));
    else if (ok && f->header == NULL)
        ok = err_set(e, "run file '%s' %s: its run was killed before its first line was written", f->path,
                     f->read_to > 0 ? "ends within that line" : "is empty");
    return ok;
}

static bool ends_with(const char *s, size_t n, const char *ending)
{
    size_t len = strlen(ending);
    return n > len && strncmp(s + n - len, ending, len) == 0;
}

void run_name(char out[RUN_NAME], const char *label, const char *path)
{
    const char *base = strrchr(path, '/');
    const char *name = label != NULL && label[0] != '\0' ? label : base != NULL ? base + 1 : path;
    size_t n = strlen(name);
    if (name != label && ends_with(name, n, ".ndjson"))
        n -= strlen(".ndjson");
    else if (name != label && ends_with(name, n, ".json"))
        n -= strlen(".json");
    str_sanitise(out, RUN_NAME, name, n);
}

const struct row *run_file_row(const struct run_file *f, size_t i)
{
    return rowstore_get(f->rows, i);
}

static struct run_file *read_file(FILE *in, const char *path, bool growing, struct err *e)
{
    struct run_file *f = xcalloc(1, sizeof *f);
    f->path = xstrdup(path);
    f->rows = rowstore_new();
    f->growing = growing;
    tally_init(&f->total);
    counted_clear(&f->counted);
    f->counted_since = (double)NAN;
    server_facts_read(NULL, &f->server);
    if (!read_lines(f, in, e)) {
        run_file_free(f);
        return NULL;
    }
    f->growing = growing && f->summary == NULL;
    ended_settle(f);
    run_name(f->name, run_file_text(f, "label"), f->path);
    return f;
}

static struct run_file *load(const char *path, bool growing, struct err *e)
{
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        err_set(e, "cannot read run file '%s': %s", path, strerror(errno));
        return NULL;
    }
    struct run_file *f = read_file(in, path, growing, e);
    fclose(in);
    return f;
}

struct run_file *run_file_load(const char *path, struct err *e)
{
    return load(path, false, e);
}

struct run_file *run_file_load_growing(const char *path, struct err *e)
{
    return load(path, true, e);
}

struct run_file *run_file_read(FILE *in, const char *path, struct err *e)
{
    return read_file(in, path, false, e);
}

size_t run_file_more(struct run_file *f, FILE *in)
{
    struct buf line;
    bool whole;
    size_t n = 0;
    if (!f->growing)
        return 0;
    clearerr(in);
    if (fseeko(in, (off_t)f->read_to, SEEK_SET) != 0)
        return 0;
    buf_init(&line, LINE_MAX_BYTES);
    while (f->growing && buf_read_line(in, &line, &whole) && !feof(in)) {
        cJSON *o = whole ? cJSON_ParseWithLength(line.data, line.len) : NULL;
        if (o == NULL || !run_file_line(f, &o, f->read_to))
            f->bad_lines++;
        cJSON_Delete(o);
        f->read_to = ftello(in);
        f->growing = f->summary == NULL;
        n++;
    }
    buf_release(&line);
    return n;
}

void run_file_free(struct run_file *f)
{
    if (f == NULL)
        return;
    cJSON_Delete(f->header);
    cJSON_Delete(f->summary);
    tally_release(&f->total);
    ended_release(f);
    for (size_t i = 0; f->details != NULL && i < f->rows_n; i++) {
        free(f->details[i].gap_ns);
        free(f->details[i].text);
    }
    free(f->details);
    rowstore_free(f->rows);
    free(f->samples);
    free(f->marks);
    free(f->events);
    free(f->changes);
    for (size_t i = 0; i < f->processes_n; i++)
        cJSON_Delete(f->processes[i].is);
    free(f->processes);
    free(f->phases);
    free(f->answers);
    free(f->left_out);
    free(f->path);
    free(f);
}

const cJSON *run_file_process(const struct run_file *f)
{
    for (size_t i = f->processes_n; i > 0; i--)
        if (cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(f->processes[i - 1].is, "pid")))
            return f->processes[i - 1].is;
    return cJSON_GetObjectItemCaseSensitive(f->header, "server_process");
}

const char *run_file_text(const struct run_file *f, const char *key)
{
    return json_text(f->header, key);
}

double run_file_number(const struct run_file *f, const char *key)
{
    return json_number(f->header, key);
}

bool run_file_interval(const struct run_file *f, size_t i, double *seconds, double *tokens)
{
    const struct run_sample *a = &f->samples[i], *b = &f->samples[i + 1];
    *seconds = b->t - a->t;
    *tokens = b->live_tokens - a->live_tokens;
    if (f->known_events > 0 && b->live_approx > a->live_approx)
        *tokens += (b->live_approx - a->live_approx) * (f->known_tokens / f->known_events - 1);
    /* What lies between two loads, or holds a pause, is none; a moment in which nothing is in flight is load like any other. */
    return a->loading && b->loading && a->phase == b->phase && a->pauses == b->pauses && *seconds > 0 && isfinite(*tokens);
}

/* A stretch of the load: output tokens a second, and how long it was; NAN: not known. */
struct rated {
    double rate, seconds;
};

static struct rated rated(double tokens, double seconds)
{
    return seconds > 0 ? (struct rated){tokens / seconds, seconds} : (struct rated){(double)NAN, (double)NAN};
}

/* phase −1: of all. */
static struct rated rated_samples(const struct run_file *f, int phase)
{
    double seconds = 0, tokens = 0, s, n;
    for (size_t i = 0; i + 1 < f->samples_n; i++)
        if (run_file_interval(f, i, &s, &n) && (phase == -1 || (f->samples[i].phase == phase && f->samples[i + 1].phase == phase))) {
            seconds += s;
            tokens += n;
        }
    return rated(tokens, seconds);
}

double run_file_output_rate(const struct run_file *f, const char **window)
{
    const char *named = f->summary != NULL ? json_text(f->summary, "window") : NULL;
    if (named != NULL) {
        *window = named;
        return json_number(f->summary, metrics[M_OUTPUT_RATE].key);
    }
    *window = "samples";
    return rated_samples(f, -1).rate;
}

/* Of the window that the summary goes by. */
static double in_summary(const struct run_file *f, int phase, const char *key)
{
    const cJSON *p;
    cJSON_ArrayForEach(p, json_get(f->summary, "phases"))
    {
        if (json_whole(p, "phase", -1) != phase)
            continue;
        const cJSON *all = json_get(p, "whole"), *steady = json_get(p, "steady");
        bool use = steady_counts(json_number(steady, "seconds"), json_number(all, "seconds"));
        return json_number(use ? steady : all, key);
    }
    return (double)NAN;
}

double run_file_phase_goodput(const struct run_file *f, int phase)
{
    return f->summary != NULL && f->slo.n > 0 ? in_summary(f, phase, metrics[M_GOODPUT].key) : (double)NAN;
}

static struct rated rated_phase(const struct run_file *f, int phase)
{
    if (f->summary != NULL)
        return (struct rated){in_summary(f, phase, metrics[M_OUTPUT_RATE].key), in_summary(f, phase, "seconds")};
    if (!f->rows_whole)
        return rated_samples(f, phase);
    int64_t from = INT64_MAX, to = 0, tokens = 0;
    for (size_t i = 0; i < f->rows_n; i++) {
        const struct row *r = run_file_row(f, i);
        const struct timeline *t = &r->tl;
        if (r->phase != phase || t->sent == 0)
            continue;
        from = MIN_OF(from, t->sent);
        to = MAX_OF(to, t->end);
        tokens += MAX_OF(t->output_tokens, 0);
    }
    return rated((double)tokens, to > from ? (double)(to - from) / 1e9 : 0);
}

double run_file_phase_rate(const struct run_file *f, int phase)
{
    return rated_phase(f, phase).rate;
}

double run_file_phase_seconds(const struct run_file *f, int phase)
{
    return rated_phase(f, phase).seconds;
}

double run_file_phase_context(const struct run_file *f, const struct run_phase *p)
{
    if (p->context > 0)
        return (double)p->context;
    struct tally t;
    run_file_phase(f, p->id, &t);
    double mean = t.prompt_n > 0 ? t.prompt_tokens / (double)t.prompt_n : (double)NAN;
    tally_release(&t);
    return mean;
}

bool run_same_number(double a, double b)
{
    return isfinite(a) ? a == b : !isfinite(b);
}

bool run_same_load(const struct run_phase *p, const struct run_phase *q)
{
    return p->streams == q->streams && p->context == q->context && p->max_tokens == q->max_tokens && p->repeated == q->repeated &&
           strcmp(p->part, q->part) == 0 && run_same_number(p->rate, q->rate);
}

bool run_file_has_parts(const struct run_file *f)
{
    return f->phases_n > 0 && f->phases[0].part[0] != '\0';
}

bool run_file_one_load(const struct run_file *f)
{
    for (size_t i = 1; i < f->phases_n; i++)
        if (!run_same_load(&f->phases[0], &f->phases[i]))
            return false;
    return f->phases_n > 0;
}

#define EVEN 1.05 /* times the lowest rate */

void run_file_rates(const struct run_file *f, double *least, double *most)
{
    *least = (double)INFINITY;
    *most = 0;
    for (size_t i = 0; i < f->samples_n; i++) {
        const struct run_sample *s = &f->samples[i];
        if (s->loading && isfinite(s->rate)) {
            *least = fmin(*least, s->rate);
            *most = fmax(*most, s->rate);
        }
    }
}

bool run_file_even_load(const struct run_file *f)
{
    double least, most;
    run_file_rates(f, &least, &most);
    bool trace = json_text(json_get(f->summary, "arrivals"), "trace") != NULL;
    return run_file_one_load(f) && !trace && !(most > EVEN * least);
}

bool run_file_open_loop(const struct run_file *f)
{
    for (size_t i = 0; i < f->phases_n; i++)
        if (f->phases[i].rate > 0)
            return true;
    if (f->rows_n > 0 && run_file_row(f, 0)->tl.free_at != 0) /* of a trace that was killed */
        return true;
    return cJSON_IsObject(json_get(f->summary, "arrivals"));
}

bool run_file_servers_memory(const struct run_file *f)
{
    return json_true(f->header, "simulated") || !cJSON_IsFalse(json_get(json_get(f->header, "system"), "is_the_servers"));
}

void run_file_phase(const struct run_file *f, int phase, struct tally *t)
{
    tally_init(t);
    if (!f->rows_whole) {
        const struct tally *ended = ended_of(f, phase);
        if (ended != NULL)
            tally_merge(t, ended);
        return;
    }
    for (size_t i = 0; i < f->rows_n; i++) {
        const struct row *r = run_file_row(f, i);
        if (r->phase == phase)
            tally_add(t, r);
    }
    for (int m = M_REQUEST_COUNT_; f->phases_n == 1 && m < M_LATENCY_COUNT_; m++)
        if (f->total.hist[m] != NULL) {
            t->hist[m] = xmalloc(sizeof *t->hist[m]);
            *t->hist[m] = *f->total.hist[m];
        }
}
