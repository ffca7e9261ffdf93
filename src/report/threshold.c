#include "report/threshold.h"

#include "fmt.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const stat_names[] = {
    [STAT_VALUE] = "", [STAT_MEAN] = "mean", [STAT_MIN] = "min", [STAT_P50] = "p50", [STAT_P90] = "p90",
    [STAT_P95] = "p95", [STAT_P99] = "p99", [STAT_P999] = "p999", [STAT_MAX] = "max",
};

static bool is(const char *name, const char *s, size_t n)
{
    return strlen(name) == n && strncmp(name, s, n) == 0;
}

static bool find_metric(const char *s, size_t n, enum metric_id *m)
{
    for (int i = 0; i < M_COUNT; i++)
        if (is(metrics[i].id, s, n) || is(metrics[i].key, s, n)) {
            *m = (enum metric_id)i;
            return true;
        }
    return false;
}

static bool has_distribution(enum metric_id m)
{
    return m < M_LATENCY_COUNT_ || m == M_LAG || m == M_BATCH_DELAY;
}

bool threshold_figure(const char *name, size_t n, enum metric_id *m, enum statistic *s)
{
    if (find_metric(name, n, m)) {
        *s = STAT_VALUE;
        return !has_distribution(*m);
    }
    size_t cut = n;
    while (cut > 0 && name[cut - 1] != '_')
        cut--;
    if (cut == 0 || !find_metric(name, cut - 1, m) || !has_distribution(*m))
        return false;
    for (int i = STAT_MEAN; i <= STAT_MAX; i++)
        if (is(stat_names[i], name + cut, n - cut)) {
            *s = (enum statistic)i;
            return true;
        }
    return false;
}

/* As --slo and all other times have it, but that a blank may stand before the unit. */
static bool read_time(const char *s, double *ms)
{
    char text[64];
    int64_t ns;
    size_t n = strcspn(s, " ");
    if (strlen(s) >= sizeof text)
        return false;
    snprintf(text, sizeof text, "%.*s%s", (int)n, s, s + n + strspn(s + n, " "));
    if (!parse_duration(text, &ns))
        return false;
    *ms = (double)ns / 1e6;
    return true;
}

/* A bare number is in the metric's unit, which may be written out. */
static bool read_limit(const char *s, const struct metric *m, double *limit)
{
    char *end;
    double v = strtod(s, &end);
    if (end == s || !isfinite(v))
        return false;
    end += strspn(end, " ");
    if (*end != '\0' && strcmp(end, m->unit) != 0)
        return strncmp(m->unit, "ms", 2) == 0 && read_time(s, limit);
    *limit = v;
    return true;
}

bool threshold_parse(const char *text, struct threshold *t, struct err *e)
{
    *t = (struct threshold){.text = text};
    const char *name = text + strspn(text, " ");
    const char *op = name + strcspn(name, "<>");
    size_t n = (size_t)(op - name);
    while (n > 0 && name[n - 1] == ' ')
        n--;
    if (*op == '\0' || n == 0)
        return err_set(e, "'%s' is no condition: it takes NAME > VALUE or NAME < VALUE, as in 'ttft_p95 > 500ms'", text);
    if (!threshold_figure(name, n, &t->metric, &t->stat))
        return err_set(e, "'%.*s' is no figure to judge by: it takes output_tok_s, errors, or a distribution with its statistic "
                          "(ttft_p95, tpot_mean, e2e_max; the manual lists the metrics)",
                       (int)MIN_OF(n, (size_t)64), name);
    t->above = *op == '>';
    t->equal = op[1] == '=';
    const char *value = op + (t->equal ? 2 : 1);
    if (!read_limit(value + strspn(value, " "), &metrics[t->metric], &t->limit))
        return err_set(e, "'%s' has no value in %s behind %c", text, metrics[t->metric].unit, *op);
    return true;
}

static double pick(const struct dist *d, enum statistic s)
{
    switch (s) {
    case STAT_MEAN: return d->mean;
    case STAT_MIN: return d->min;
    case STAT_P50: return d->p50;
    case STAT_P90: return d->p90;
    case STAT_P95: return d->p95;
    case STAT_P99: return d->p99;
    case STAT_P999: return d->p999;
    case STAT_MAX: return d->max;
    case STAT_VALUE: break;
    }
    return (double)NAN;
}

static double rate(const struct run_result *r, enum metric_id m)
{
    struct window w;
    double s;
    phases_headline(&r->phases, r->end_ns, &w, &s);
    if (!(s > 0))
        return (double)NAN;
    if (m == M_GOODPUT && r->cfg->slo.n == 0)
        return (double)NAN;
    if (m == M_GOODPUT)
        return tally_goodput(&r->phases.total, (double)w.good, s);
    return (m == M_OUTPUT_RATE ? w.tokens : m == M_PROMPT_RATE ? w.prompt_tokens : (double)w.ok) / s;
}

double threshold_value(const struct threshold *t, const struct run_result *r)
{
    struct dist d;
    switch (t->metric) {
    case M_OUTPUT_RATE:
    case M_REQUEST_RATE:
    case M_GOODPUT:
    case M_PROMPT_RATE: return rate(r, t->metric);
    case M_ERRORS: return (double)tally_failed(&r->phases.total);
    case M_LAG: dist_of_hist(&d, &r->lag, metrics[M_LAG].scale); break;
    case M_BATCH_DELAY: dist_of_hist(&d, &r->batch_delay, metrics[M_BATCH_DELAY].scale); break;
    default: tally_dist(&r->phases.total, t->metric, &d);
    }
    return pick(&d, t->stat);
}

bool threshold_broken(const struct threshold *t, double value)
{
    if (isnan(value))
        return true;
    if (t->equal && value == t->limit)
        return true;
    return t->above ? value > t->limit : value < t->limit;
}
