/* May two runs be compared at all?  Objections are told, and the figures stand all the same. */
#include "report/compare.h"
#include "jsonr.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LENGTHS_APART 0.1 /* share from which mean lengths count as different */
#define CACHED_APART 0.2  /* shares of the prompts that the server had in its cache */
#define WAVE_APART 0.25   /* shares of the requests that all came at once */
#define FEW 12            /* requests whose means say little */

static void object(struct compared *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void object(struct compared *c, const char *fmt, ...)
{
    char raw[512]; /* what it tells of a file may be anybody's text */
    va_list ap;
    if (c->objections_n == COMPARE_OBJECTIONS)
        return;
    va_start(ap, fmt);
    vsnprintf(raw, sizeof raw, fmt, ap);
    va_end(ap);
    str_sanitise(c->objections[c->objections_n++], sizeof c->objections[0], raw, strlen(raw));
}

static bool limited(const struct run_file *f)
{
    const cJSON *client = cJSON_GetObjectItemCaseSensitive(f->summary, "client");
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(client, "limited"));
}

/* ---- two run files ---- */

static enum token_source main_source(const struct run_file *f)
{
    enum token_source best = TOK_NONE;
    for (int s = TOK_NONE; s <= TOK_EVENTS; s++)
        if (f->total.source[s] > f->total.source[best])
            best = (enum token_source)s;
    return best;
}

static const char *file_of(const char *path)
{
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    return slash != NULL ? slash + 1 : path;
}

/* Equal, or neither is there. */
static bool same_words(const char *x, const char *y)
{
    return (x == NULL && y == NULL) || (x != NULL && y != NULL && strcmp(x, y) == 0);
}

static bool same_text(const struct run_file *a, const struct run_file *b, const char *key)
{
    return same_words(run_file_text(a, key), run_file_text(b, key));
}

static const char *rate_text(char out[32], double rate)
{
    snprintf(out, 32, isfinite(rate) ? "%g requests/s" : "no rate", rate);
    return out;
}

/* As its summary names them. */
static const char *kind_text(char out[48], const cJSON *arrivals)
{
    json_words(arrivals, "kind", out, 48);
    return out[0] != '\0' ? out : "others";
}

/* Of an open loop; NULL, NAN: a closed one, or a run that was killed. */
static void object_to_arrivals(const struct run_file *a, const struct run_file *b, struct compared *c)
{
    double x = a->phases[0].rate, y = b->phases[0].rate;
    const cJSON *p = json_get(a->summary, "arrivals"), *q = json_get(b->summary, "arrivals");
    const char *s = file_of(json_text(p, "trace")), *t = file_of(json_text(q, "trace"));
    char n[48], m[48];
    if (!run_same_number(x, y))
        object(c, "different loads: %s against %s", rate_text(n, x), rate_text(m, y));
    else if (a->summary != NULL && b->summary != NULL && cJSON_IsObject(p) != cJSON_IsObject(q))
        object(c, "different loads: one sent requests by the clock, the other when a stream was free");
    else if (run_file_even_load(a) != run_file_even_load(b))
        object(c, "different loads: one followed a trace or a ramp that the other did not");
    else if (!cJSON_IsObject(p) || !cJSON_IsObject(q))
        return;
    else if (!same_words(s, t) || !run_same_number(json_number(p, "ramp_to"), json_number(q, "ramp_to")) ||
             !run_same_number(json_number(p, "ramp_s"), json_number(q, "ramp_s")))
        object(c, "different loads: one followed a trace or a ramp that the other did not");
    else if (!same_words(json_text(p, "kind"), json_text(q, "kind")))
        object(c, "different loads: arrivals were %s against %s", kind_text(n, p), kind_text(m, q));
}

/* What makes prompts begin with what others had too. */
static bool same_prompts(const struct run_file *a, const struct run_file *b)
{
    static const char *const keys[] = {"turns", "think_s", "turn_context", "prefix_tokens", "prefix_count"};
    bool same = true;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        same = same && run_same_number(run_file_number(a, keys[i]), run_file_number(b, keys[i]));
    return same;
}

static uint64_t requests_of(const struct run_file *f, const struct run_phase *p)
{
    struct tally t;
    run_file_phase(f, p->id, &t);
    uint64_t n = t.requests;
    tally_release(&t);
    return n;
}

/* Of two suites or matrices, whose loads may have come in any order: each phase of b belongs to one of a. */
static void object_to_phases(const struct run_file *a, const struct run_file *b, struct compared *c)
{
    bool *taken = xcalloc(b->phases_n + 1, sizeof *taken);
    bool loads = a->phases_n == b->phases_n, shares = true;
    for (size_t i = 0; loads && i < a->phases_n; i++) {
        size_t k = 0;
        while (k < b->phases_n && (taken[k] || !run_same_load(&a->phases[i], &b->phases[k])))
            k++;
        loads = k < b->phases_n;
        if (loads) {
            taken[k] = true;
            shares = shares && requests_of(a, &a->phases[i]) == requests_of(b, &b->phases[k]);
        }
    }
    free(taken);
    if (!loads)
        object(c, "different suites or matrices, or one was ended early");
    else if (!shares)
        object(c, "the same loads with other numbers of requests: what is said of all of them is of another mixture, and each load by itself can be compared");
}

/* Drawn: their means may be the same, and the loads not.  Fixed: exactly so many tokens were asked for. */
static void object_to_lengths(const struct run_file *a, const struct run_file *b, struct compared *c)
{
    static const char *const drawn[] = {"context_drawn", "max_tokens_drawn"};
    for (size_t i = 0; i < ARRAY_LEN(drawn) && a->summary != NULL && b->summary != NULL; i++)
        if (!same_words(json_text(a->summary, drawn[i]), json_text(b->summary, drawn[i]))) {
            object(c, "different loads: lengths were drawn in different ways");
            return;
        }
    if (json_true(a->header, "fixed_length") != json_true(b->header, "fixed_length"))
        object(c, "different loads: one asked for answers of a fixed length, the other for natural ones");
}

/* Both known, and by more than LENGTHS_APART of the larger one. */
static bool apart(double a, double b)
{
    return fabs(a - b) > LENGTHS_APART * fmax(a, b);
}

/* Tokens a request; NAN where the server told none. */
static double mean_tokens(double tokens, double requests)
{
    return tokens > 0 && requests > 0 ? tokens / requests : (double)NAN;
}

/* Answers end where the model ends them. */
static void object_to_answers(const struct run_file *a, const struct run_file *b, struct compared *c)
{
    struct vllm_totals x = vllm_totals(a), y = vllm_totals(b);
    double n = mean_tokens(x.output_tokens, x.completed), m = mean_tokens(y.output_tokens, y.completed);
    bool natural = !json_true(a->header, "fixed_length") && json_text(a->summary, "max_tokens_drawn") == NULL &&
                   json_text(a->summary, "context_drawn") == NULL;
    if (natural && x.completed >= FEW && y.completed >= FEW && apart(n, m))
        object(c, "different answers: %.0f tokens a request against %.0f", n, m);
}

/* Of the prompt tokens, by requests that told it; NAN: none did, or prompts are meant to have a beginning in common. */
static double cached_share(const struct run_file *f)
{
    const char *prompt = run_file_text(f, "prompt");
    bool unique = prompt != NULL && strcmp(prompt, "unique") == 0 && !(run_file_number(f, "turns") > 1) && !(run_file_number(f, "prefix_tokens") > 0);
    return unique && f->total.cached_n > 0 && f->total.prompt_tokens > 0 ? f->total.cached_tokens / f->total.prompt_tokens : (double)NAN;
}

/* The same seed makes the same prompts: the server may know those of the second run by the first. */
static void object_to_cache(const struct run_file *a, const struct run_file *b, struct compared *c)
{
    double x = cached_share(a), y = cached_share(b);
    if (run_file_number(a, "seed") == run_file_number(b, "seed") && fabs(x - y) > CACHED_APART)
        object(c, "the same --seed: the server had %.0f %% of the prompts in its cache in one run, %.0f %% in the other", x * 100, y * 100);
}

/* Of a closed loop: the first request of every stream comes at once, which is no steady load. */
static double wave_share(const struct run_file *f)
{
    double n = (double)f->total.requests, warmup = run_file_number(f, "warmup");
    double wave = (double)f->phases[0].streams - (warmup > 0 ? warmup : 0);
    return n > 0 && !run_file_open_loop(f) ? fmax(fmin(wave, n), 0) / n : 0;
}

static void object_to_sizes(const struct run_file *a, const struct run_file *b, struct compared *c)
{
    double x = wave_share(a), y = wave_share(b);
    if (fabs(x - y) > WAVE_APART)
        object(c, "different loads: of one run %.0f %% of the requests came all at once, as the first of their streams, of the other %.0f %%",
               x * 100, y * 100);
}

static void object_to_loads(const struct run_file *a, const struct run_file *b, struct compared *c)
{
    if (run_file_has_parts(a) && run_file_has_parts(b)) {
        object_to_phases(a, b, c);
        return;
    }
    if (!run_file_one_load(a) || !run_file_one_load(b)) {
        object(c, "the load of one of them was changed while it ran");
        return;
    }
    const struct run_phase *p = &a->phases[0], *q = &b->phases[0];
    if (p->context != q->context || p->max_tokens != q->max_tokens || p->streams != q->streams)
        object(c, "different loads: %d streams, context %lld, output %lld against %d, %lld, %lld", p->streams,
               (long long)p->context, (long long)p->max_tokens, q->streams, (long long)q->context,
               (long long)q->max_tokens);
    object_to_arrivals(a, b, c);
    object_to_lengths(a, b, c);
    object_to_answers(a, b, c);
    object_to_cache(a, b, c);
    object_to_sizes(a, b, c);
}

/* ---- one or two of vLLM's ---- */

/* What both kinds of file tell of a load. */
struct load {
    double streams; /* NAN: no limit, or changed while it ran */
    double rate;    /* requests a second; INFINITY: as fast as they are answered */
    double input, output; /* tokens a request that ended well; NAN unknown */
    bool chat, known;     /* the API, where it is told */
};

static struct load load_of_own(const struct run_file *f)
{
    struct vllm_totals t = vllm_totals(f);
    const char *endpoint = run_file_text(f, "endpoint");
    double rate = f->phases_n == 1 ? f->phases[0].rate : (double)NAN;
    return (struct load){.streams = f->phases_n == 1 ? f->phases[0].streams : (double)NAN, .rate = rate > 0 ? rate : (double)INFINITY,
                         .input = mean_tokens(t.input_tokens, t.completed),
                         .output = mean_tokens(t.output_tokens, t.completed),
                         .chat = endpoint != NULL && strcmp(endpoint, "chat") == 0, .known = endpoint != NULL};
}

static struct load load_of_vllm(const struct vllm_file *f)
{
    const cJSON *streams = cJSON_GetObjectItemCaseSensitive(f->root, "max_concurrency");
    const cJSON *type = cJSON_GetObjectItemCaseSensitive(f->root, "endpoint_type");
    const cJSON *backend = cJSON_GetObjectItemCaseSensitive(f->root, "backend");
    const char *api = cJSON_IsString(type) ? type->valuestring : cJSON_IsString(backend) ? backend->valuestring : NULL;
    return (struct load){.streams = cJSON_IsNumber(streams) ? streams->valuedouble : (double)NAN,
                         .rate = vllm_file_rate(f),
                         .input = mean_tokens(f->totals.input_tokens, f->totals.completed),
                         .output = mean_tokens(f->totals.output_tokens, f->totals.completed),
                         .chat = api != NULL && strstr(api, "chat") != NULL, .known = api != NULL};
}

static struct load load_of(const struct compare_run *r)
{
    return r->own != NULL ? load_of_own(r->own) : load_of_vllm(r->vllm);
}

static const char *streams_text(char out[32], double streams)
{
    if (isnan(streams))
        return "no fixed number";
    snprintf(out, 32, "%.0f", streams);
    return out;
}

static void object_to_vllm(const struct compare_run *a, const struct compare_run *b, struct compared *c)
{
    struct load x = load_of(a), y = load_of(b);
    char n[32], m[32];
    if (a->own != NULL || b->own != NULL)
        object(c, "different definitions: TTFT of 'vllm bench serve' has the connection's set-up in it, and ends with "
                  "the first chunk even where that has no text");
    if (!run_same_number(x.streams, y.streams))
        object(c, "different loads: %s streams against %s", streams_text(n, x.streams), streams_text(m, y.streams));
    if (x.rate < y.rate || x.rate > y.rate)
        object(c, "different loads: requests were sent at different rates");
    if (apart(x.input, y.input))
        object(c, "different prompts: %.0f tokens a request against %.0f", x.input, y.input);
    if (apart(x.output, y.output))
        object(c, "different answers: %.0f tokens a request against %.0f", x.output, y.output);
    if (x.known && y.known && x.chat != y.chat)
        object(c, "different endpoints");
}

/* What could not be written is in no figure. */
static bool lost_lines(const struct run_file *f)
{
    return f != NULL && json_number(f->summary, "lost_lines") > 0;
}

void compare_object(const struct compare_run *a, const struct compare_run *b, struct compared *c)
{
    if (a->own != NULL && b->own != NULL) {
        object_to_loads(a->own, b->own, c);
        if (!same_text(a->own, b->own, "prompt") || !same_text(a->own, b->own, "endpoint") || !same_prompts(a->own, b->own))
            object(c, "different prompts or endpoints");
        if (main_source(a->own) != main_source(b->own))
            object(c, "output tokens were counted in different ways");
    } else {
        object_to_vllm(a, b, c);
    }
    if (lost_lines(a->own) || lost_lines(b->own))
        object(c, "lines of one of the files were lost as it was written");
    if ((a->own != NULL && limited(a->own)) || (b->own != NULL && limited(b->own)))
        object(c, "one of them was limited by its client, not by its server");
}
