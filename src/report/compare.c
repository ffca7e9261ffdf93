#include "report/compare.h"
#include "fmt.h"
#include "jsonw.h"
#include "verdict.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED 1 /* of the bootstrap: the same files give the same verdict */

/* What is compared, in the order of the table. */
static const struct line {
    enum metric_id metric;
    double q; /* quantile, 0: the mean */
    const char *name;
} lines[] = {
    {M_OUTPUT_RATE, 0, "output rate"},      {M_TTFT, 0, "TTFT mean"},   {M_TTFT, 0.5, "TTFT p50"},
    {M_TTFT, 0.95, "TTFT p95"},             {M_TPOT, 0, "TPOT mean"},   {M_TPOT, 0.95, "TPOT p95"},
    {M_DECODE_RATE, 0, "decode rate mean"}, {M_E2E, 0, "e2e mean"},     {M_E2E, 0.95, "e2e p95"},
};

struct values {
    double *v;
    size_t n;
};

/* Of the requests that ended well, in the order in which they ended. */
static struct values of_requests(const struct run_file *f, enum metric_id m)
{
    struct values out = {xcalloc(f->rows_n + 1, sizeof(double)), 0};
    for (size_t i = 0; i < f->rows_n; i++) {
        double v[M_REQUEST_COUNT_];
        if (f->rows[i].tl.outcome != OUT_OK)
            continue;
        timeline_numbers(&f->rows[i].tl, v);
        if (isfinite(v[m]))
            out.v[out.n++] = v[m];
    }
    return out;
}

/* Tokens a second between samples that lie within the load. */
static struct values of_samples(const struct run_file *f)
{
    struct values out = {xcalloc(f->samples_n + 1, sizeof(double)), 0};
    double seconds, tokens;
    for (size_t i = 0; i + 1 < f->samples_n; i++)
        if (run_file_interval(f, i, &seconds, &tokens))
            out.v[out.n++] = tokens / seconds;
    return out;
}

static void compare_line(const struct line *l, const struct run_file *a, const struct run_file *b, double min_effect,
                         struct comparison *c)
{
    const struct compare_rule rule = {metrics[l->metric].better == BETTER_HIGHER ? 1 : -1, min_effect, (double)NAN};
    bool rate = l->metric == M_OUTPUT_RATE;
    struct values x = rate ? of_samples(a) : of_requests(a, l->metric);
    struct values y = rate ? of_samples(b) : of_requests(b, l->metric);
    if (rate)
        compare_rates(x.v, x.n, y.v, y.n, COMPARE_BLOCK, SEED, &rule, c);
    else if (l->q > 0)
        compare_quantile(x.v, x.n, y.v, y.n, l->q, SEED, &rule, c);
    else
        compare_means(x.v, x.n, y.v, y.n, &rule, c);
    free(x.v);
    free(y.v);
}

/* ---- may they be compared at all? ---- */

static bool limited(const struct run_file *f)
{
    const cJSON *client = cJSON_GetObjectItemCaseSensitive(f->summary, "client");
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(client, "limited"));
}

static enum token_source main_source(const struct run_file *f)
{
    enum token_source best = TOK_NONE;
    for (int s = TOK_NONE; s <= TOK_EVENTS; s++)
        if (f->total.source[s] > f->total.source[best])
            best = (enum token_source)s;
    return best;
}

static bool same_text(const struct run_file *a, const struct run_file *b, const char *key)
{
    const char *x = run_file_text(a, key), *y = run_file_text(b, key);
    return (x == NULL && y == NULL) || (x != NULL && y != NULL && strcmp(x, y) == 0);
}

static void object(char list[4][160], int *n, const char *text)
{
    if (*n < 4)
        str_copy(list[(*n)++], 160, text);
}

/* Reasons against it; they are told, and the table stands all the same. */
static int objections(const struct run_file *a, const struct run_file *b, char list[4][160])
{
    int n = 0;
    char text[160];
    if (a->phases_n != 1 || b->phases_n != 1) {
        object(list, &n, "the load of one of them was changed while it ran");
    } else if (a->phases[0].context != b->phases[0].context || a->phases[0].max_tokens != b->phases[0].max_tokens ||
               a->phases[0].streams != b->phases[0].streams) {
        const struct run_phase *p = &a->phases[0], *q = &b->phases[0];
        snprintf(text, sizeof text, "different loads: %d streams, context %lld, output %lld against %d, %lld, %lld", p->streams,
                 (long long)p->context, (long long)p->max_tokens, q->streams, (long long)q->context, (long long)q->max_tokens);
        object(list, &n, text);
    }
    if (!same_text(a, b, "prompt") || !same_text(a, b, "endpoint"))
        object(list, &n, "different prompts or endpoints");
    if (main_source(a) != main_source(b))
        object(list, &n, "output tokens were counted in different ways");
    if (limited(a) || limited(b))
        object(list, &n, "one of them was limited by its client, not by its server");
    return n;
}

/* ---- text and JSON ---- */

static const char *const verdict_names[] = {"win", "lose", "same", "unsure", "none"};

static void number(struct buf *b, const struct line *l, double v)
{
    char n[FMT_SIZE];
    if (strncmp(metrics[l->metric].unit, "ms", 2) == 0)
        fmt_ms(n, v);
    else
        fmt_rate(n, v);
    int width = 0;
    for (const char *p = n; *p != '\0'; p++)
        width += ((unsigned char)*p & 0xc0) != 0x80;
    buf_addf(b, "%*s%s", width < 10 ? 10 - width : 1, "", n);
}

static void text_line(struct buf *b, const struct line *l, const struct comparison *c)
{
    buf_addf(b, "  %-18s", l->name);
    number(b, l, c->a);
    number(b, l, c->b);
    if (isfinite(c->ratio))
        buf_addf(b, "  %+7.1f %%", (c->ratio - 1) * 100);
    else
        buf_addf(b, "  %9s", "");
    buf_addf(b, "  %s", verdict_names[c->verdict]);
    if (c->verdict == VERDICT_UNSURE && c->more > 0)
        buf_addf(b, ": about %zu more %s a side would tell", c->more, l->metric == M_OUTPUT_RATE ? "seconds" : "requests");
    buf_adds(b, "\n");
}

static void json_line(struct jsonw *j, const struct line *l, const struct comparison *c)
{
    jw_open(j, NULL, '{');
    jw_str(j, "metric", metrics[l->metric].key);
    jw_num(j, "quantile", l->q > 0 ? l->q : (double)NAN, 3);
    jw_str(j, "better", metrics[l->metric].better == BETTER_HIGHER ? "higher" : "lower");
    jw_num(j, "a", c->a, 4);
    jw_num(j, "b", c->b, 4);
    jw_num(j, "difference", c->diff, 4);
    jw_num(j, "ratio", c->ratio, 5);
    jw_num(j, "low95", c->lo, 4);
    jw_num(j, "high95", c->hi, 4);
    jw_num(j, "least_effect", c->effect, 4);
    jw_int(j, "n_a", (int64_t)c->n_a);
    jw_int(j, "n_b", (int64_t)c->n_b);
    jw_num(j, "more_needed", c->more > 0 ? (double)c->more : (double)NAN, 0);
    jw_str(j, "verdict", verdict_names[c->verdict]);
    jw_close(j, '}');
}

void compare_write(const struct run_file *a, const struct run_file *b, const struct compare_options *o, struct buf *out)
{
    char why[4][160];
    int n = objections(a, b, why);
    struct jsonw j = {.out = out};
    if (o->json) {
        jw_open(&j, NULL, '{');
        jw_str(&j, "a", a->name);
        jw_str(&j, "b", b->name);
        jw_bool(&j, "comparable", n == 0);
        jw_open(&j, "objections", '[');
        for (int i = 0; i < n; i++)
            jw_str(&j, NULL, why[i]);
        jw_close(&j, ']');
        jw_open(&j, "metrics", '[');
    } else {
        buf_addf(out, "A  %s\nB  %s\n\n", a->name, b->name);
        for (int i = 0; i < n; i++)
            buf_addf(out, "  NOT COMPARABLE: %s\n%s", why[i], i + 1 == n ? "\n" : "");
        buf_addf(out, "  %-18s%10s%10s  %9s  B is\n", "", "A", "B", "change");
    }
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct comparison c;
        compare_line(&lines[i], a, b, o->min_effect, &c);
        if (o->json)
            json_line(&j, &lines[i], &c);
        else
            text_line(out, &lines[i], &c);
    }
    if (o->json) {
        jw_close(&j, ']');
        jw_close(&j, '}');
        buf_adds(out, "\n");
    } else {
        buf_addf(out, "\n  win, lose: the 95 %% interval of the difference leaves zero out, and it is %g %% at least.\n",
                 o->min_effect * 100);
    }
}
