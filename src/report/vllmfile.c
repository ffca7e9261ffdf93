#include "report/vllmfile.h"

#include "buf.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES (128u << 20) /* cJSON takes some five times as much */
#define PROBE_BYTES 65536
#define COUNT_MOST 1e15

/* ---- definitions ---- */

static double between(int64_t from, int64_t to)
{
    return from != 0 && to != 0 ? (double)(to - from) / 1e6 : (double)NAN;
}

static struct vllm_request request_of(double ttft, double e2e, double tokens)
{
    struct vllm_request r = {ttft, e2e, (double)NAN};
    if (tokens > 1)
        r.tpot = (e2e - ttft) / (tokens - 1);
    return r;
}

struct vllm_request vllm_request(const struct timeline *t)
{
    if (t->slept) /* its moments say nothing */
        return (struct vllm_request){(double)NAN, (double)NAN, (double)NAN};
    return request_of(between(t->sent, t->first_token), between(t->sent, t->last_token), (double)t->output_tokens);
}

double vllm_request_number(const struct vllm_request *r, enum metric_id m)
{
    switch (m) {
    case M_TTFT: return r->ttft;
    case M_E2E: return r->e2e;
    case M_TPOT: return r->tpot;
    case M_DECODE_RATE: return r->tpot > 0 ? 1000 / r->tpot : (double)NAN;
    default: return (double)NAN;
    }
}

struct vllm_totals vllm_totals(const struct run_file *f)
{
    struct vllm_totals s = {.seconds = (double)NAN};
    int64_t from = 0, to = 0;
    for (size_t i = 0; i < f->rows_n; i++) {
        const struct timeline *t = &run_file_row(f, i)->tl;
        if (t->started != 0 && (from == 0 || t->started < from))
            from = t->started;
        to = MAX_OF(to, t->end);
        if (t->outcome != OUT_OK) {
            s.failed++;
            continue;
        }
        s.completed++;
        s.input_tokens += t->prompt_tokens >= 0 ? (double)t->prompt_tokens : (double)NAN; /* not told of one: of all it is not known */
        s.output_tokens += t->output_tokens > 0 ? (double)t->output_tokens : 0;
    }
    if (to > from)
        s.seconds = (double)(to - from) / 1e9;
    return s;
}

/* ---- values of a file ---- */

static double number_in(const cJSON *v)
{
    double x = cJSON_GetNumberValue(v); /* NAN where it is none */
    return isfinite(x) ? x : (double)NAN;
}

static double number(const struct vllm_file *f, const char *key)
{
    return number_in(cJSON_GetObjectItemCaseSensitive(f->root, key));
}

/* Seconds in the file, whole ns as our own files have them; NAN where they are none. */
static double ms_of(double seconds)
{
    return seconds >= 0 && seconds < 1e9 ? round(seconds * 1e9) / 1e6 : (double)NAN;
}

static double sum_of(const cJSON *list)
{
    double sum = 0;
    const cJSON *v;
    if (!cJSON_IsArray(list))
        return (double)NAN;
    cJSON_ArrayForEach(v, list)
    {
        sum += number_in(v);
    }
    return sum;
}

/* ---- lists with an entry a request ---- */

enum list { TTFTS, ITLS, E2ELS, OUTPUT_LENS, ERRORS, LISTS };
static const char *const list_names[LISTS] = {
    [TTFTS] = "ttfts", [ITLS] = "itls", [E2ELS] = "e2els" /* ours alone has it */, [OUTPUT_LENS] = "output_lens",
    [ERRORS] = "errors",
};

/* vLLM's lists have the failed requests too, with an error and a TTFT of 0. */
static bool ended_well(const cJSON *const at[LISTS])
{
    const char *error = cJSON_GetStringValue(at[ERRORS]);
    return (error == NULL || error[0] == '\0') && !(number_in(at[TTFTS]) <= 0);
}

static struct vllm_request read_request(const cJSON *const at[LISTS])
{
    double ttft = number_in(at[TTFTS]);
    double e2e = at[E2ELS] != NULL ? number_in(at[E2ELS]) : ttft + sum_of(at[ITLS]);
    return request_of(ms_of(ttft), ms_of(e2e), number_in(at[OUTPUT_LENS]));
}

/* The first entry of each list, NULL where it is not there; false where they are not of one length. */
static bool open_lists(const struct vllm_file *f, const cJSON *at[LISTS], int *n, struct err *e)
{
    for (int i = 0; i < LISTS; i++) {
        const cJSON *list = cJSON_GetObjectItemCaseSensitive(f->root, list_names[i]);
        int entries = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0;
        at[i] = entries > 0 ? list->child : NULL;
        if (i == TTFTS)
            *n = entries;
        else if (*n > 0 && cJSON_IsArray(list) && entries != *n)
            return err_set(e, "the lists of '%s' do not fit together: %d %s, %d %s", f->path, *n, list_names[TTFTS],
                           entries, list_names[i]);
    }
    return true;
}

static bool read_requests(struct vllm_file *f, struct err *e)
{
    const cJSON *at[LISTS] = {NULL};
    int n = 0;
    if (!open_lists(f, at, &n, e))
        return false;
    bool listed = n > 0;
    double failed = 0, asked = number(f, "num_prompts");
    f->requests = listed ? xcalloc((size_t)n, sizeof *f->requests) : NULL;
    for (; n > 0; n--) {
        if (ended_well(at))
            f->requests[f->requests_n++] = read_request(at);
        else
            failed++;
        for (int i = 0; i < LISTS; i++)
            at[i] = at[i] != NULL ? at[i]->next : NULL;
    }
    struct vllm_totals *t = &f->totals; /* not every version says how many failed */
    if (isnan(t->failed) && asked >= t->completed && asked <= COUNT_MOST)
        t->failed = asked - t->completed;
    else if (isnan(t->failed) && listed)
        t->failed = failed;
    return true;
}

/* ---- the file ---- */

bool vllm_file_probe(FILE *in)
{
    if (fseeko(in, 0, SEEK_CUR) != 0)
        return false;
    char *text = xcalloc(1, PROBE_BYTES + 1);
    size_t n = fread(text, 1, PROBE_BYTES, in);
    rewind(in);
    cJSON *line = cJSON_ParseWithLength(text, strcspn(text, "\n"));
    bool told_apart = cJSON_IsString(cJSON_GetObjectItemCaseSensitive(line, "type")); /* as lines of a run file are */
    bool object = n > 0 && text[strspn(text, " \t\r\n")] == '{';
    cJSON_Delete(line);
    free(text);
    return object && !told_apart;
}

static bool read_all(FILE *in, const char *path, struct buf *b, struct err *e)
{
    char part[65536];
    size_t n;
    while ((n = fread(part, 1, sizeof part, in)) > 0)
        if (!buf_add(b, part, n))
            return err_set(e, "'%s' is longer than %u MiB", path, FILE_MAX_BYTES >> 20);
    return ferror(in) == 0 || err_set(e, "cannot read '%s': %s", path, strerror(errno));
}

static bool not_such(const char *path, struct err *e)
{
    return err_set(e, "'%s' is neither a run file nor what 'vllm bench serve --save-result' writes", path);
}

/* An unknown number is in order. */
static bool is_count(const struct vllm_file *f, const char *name, double n, struct err *e)
{
    return isnan(n) || (n >= 0 && n <= COUNT_MOST) || err_set(e, "'%s' in '%s' is %g: no number of requests", name, f->path, n);
}

static bool parse(struct vllm_file *f, const struct buf *b, struct err *e)
{
    const char *end = NULL;
    f->root = cJSON_ParseWithLengthOpts(b->data, b->len, &end, false);
    f->totals = (struct vllm_totals){.seconds = number(f, "duration"), .input_tokens = number(f, "total_input_tokens"),
                                     .output_tokens = number(f, "total_output_tokens"),
                                     .completed = number(f, "completed"), .failed = number(f, "failed")};
    const struct vllm_totals *t = &f->totals;
    if (isnan(t->seconds) || isnan(t->output_tokens) || isnan(t->completed))
        return not_such(f->path, e);
    if (!is_count(f, "completed", t->completed, e) || !is_count(f, "failed", t->failed, e))
        return false;
    for (; end < b->data + b->len; end++)
        if (strchr(" \t\r\n", *end) == NULL)
            return *end == '{' ? err_set(e, "'%s' holds several results (--append-result): each needs its own file", f->path)
                               : not_such(f->path, e);
    return true;
}

struct vllm_file *vllm_file_read(FILE *in, const char *path, struct err *e)
{
    struct vllm_file *f = xcalloc(1, sizeof *f);
    struct buf text;
    f->path = xstrdup(path);
    buf_init(&text, FILE_MAX_BYTES);
    bool ok = read_all(in, path, &text, e) && (text.len > 0 || not_such(path, e)) && parse(f, &text, e) &&
              read_requests(f, e);
    buf_release(&text);
    if (!ok) {
        vllm_file_free(f);
        return NULL;
    }
    const cJSON *label = cJSON_GetObjectItemCaseSensitive(f->root, "label");
    run_name(f->name, cJSON_IsString(label) ? label->valuestring : NULL, path);
    return f;
}

void vllm_file_free(struct vllm_file *f)
{
    if (f == NULL)
        return;
    cJSON_Delete(f->root);
    free(f->requests);
    free(f->path);
    free(f);
}

double vllm_file_rate(const struct vllm_file *f)
{
    double rate = number(f, "request_rate"); /* "inf" is a word there */
    return rate > 0 ? rate : (double)INFINITY;
}

double vllm_file_figure(const struct vllm_file *f, enum metric_id m, double q)
{
    const char *name = m == M_TTFT ? "ttft" : m == M_TPOT ? "tpot" : m == M_E2E ? "e2el" : NULL;
    char key[32];
    if (m == M_OUTPUT_RATE)
        return number(f, "output_throughput");
    if (name == NULL)
        return (double)NAN;
    if (q > 0 && (q < 0.5 || q > 0.5))
        snprintf(key, sizeof key, "p%.15g_%s_ms", q * 100, name); /* p95, p99.9: as vLLM writes them */
    else
        snprintf(key, sizeof key, "%s_%s_ms", q > 0 ? "median" : "mean", name);
    return number(f, key);
}
