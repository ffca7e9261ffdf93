#include "measure/slo.h"

#include "fmt.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a person promises; the client's own moments (send skew, connect) are no promise of a server. */
static const enum metric_id known[] = {M_TTFT, M_TTFT_DUE, M_TTFR, M_TTFA, M_TPOT, M_E2E, M_DECODE_RATE, M_E2E_RATE, M_PREFILL_RATE};

static bool unknown(const char *name, size_t n, struct err *e)
{
    char names[160] = "";
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i > 0 ? ", " : "", metrics[known[i]].id);
    }
    return err_set(e, "'%.*s' is no objective: it takes one of %s", (int)MIN_OF(n, (size_t)40), name, names);
}

/* "500ms", "20s", "2m" of a time, "30", "30tok/s" of a rate → the metric's unit. */
static bool read_limit(char *s, const struct metric *m, double *limit)
{
    int64_t ns;
    size_t n = strlen(s), unit = strlen(m->unit);
    if (m->better == BETTER_LOWER) {
        if (!parse_duration(s, &ns) || ns <= 0)
            return false;
        *limit = (double)ns / 1e6;
        return true;
    }
    if (n > unit && strcmp(s + n - unit, m->unit) == 0)
        s[n - unit] = '\0';
    return parse_double(s, limit) && *limit > 0;
}

/* For all other options a bare time is seconds, and objectives are mostly thought of in ms. */
static bool bare_time(const char *s, const struct metric *m)
{
    double v;
    return m->better == BETTER_LOWER && parse_double(s, &v) && v > 0;
}

static bool add(struct slo *s, const char *name, size_t n, struct err *e)
{
    char text[64];
    size_t eq = 0;
    while (eq < n && name[eq] != '=')
        eq++;
    size_t id = ARRAY_LEN(known);
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strlen(metrics[known[i]].id) == eq && strncmp(metrics[known[i]].id, name, eq) == 0)
            id = i;
    if (id == ARRAY_LEN(known))
        return unknown(name, eq, e);
    struct slo_goal g = {.metric = known[id]};
    size_t rest = eq < n ? n - eq - 1 : 0;
    snprintf(text, sizeof text, "%.*s", (int)MIN_OF(rest, sizeof text - 1), name + n - rest);
    const struct metric *m = &metrics[g.metric];
    if (bare_time(text, m))
        return err_set(e, "'%s=%s' is a time without a unit: it takes %s=%sms, or %s=%ss", m->id, text, m->id, text, m->id, text);
    if (rest == 0 || rest >= sizeof text || !read_limit(text, m, &g.limit))
        return err_set(e, "'%.*s' has no limit in %s: it takes %s=%s", (int)MIN_OF(n, (size_t)60), name, m->unit, m->id,
                       m->better == BETTER_LOWER ? "500ms" : "30");
    for (size_t i = 0; i < s->n; i++)
        if (s->goal[i].metric == g.metric)
            return err_set(e, "'%s' is stated twice", metrics[g.metric].id);
    if (s->n == SLO_MAX)
        return err_set(e, "%d objectives are the most", SLO_MAX);
    size_t at = s->n++;
    for (; at > 0 && s->goal[at - 1].metric > g.metric; at--) /* in the order of the metrics, however they are stated */
        s->goal[at] = s->goal[at - 1];
    s->goal[at] = g;
    return true;
}

bool slo_parse(const char *text, struct slo *s, struct err *e)
{
    *s = (struct slo){.n = 0};
    for (const char *p = text; p != NULL;) {
        size_t n = strcspn(p, ",");
        if (!add(s, p, n, e))
            return false;
        p = p[n] == ',' ? p + n + 1 : NULL;
    }
    return true;
}

void slo_goal_text(const struct slo_goal *g, char *out, size_t size)
{
    char n[FMT_SIZE];
    const struct metric *m = &metrics[g->metric];
    if (m->better == BETTER_LOWER)
        snprintf(out, size, "%s ≤ %s", m->id, fmt_ms(n, g->limit));
    else
        snprintf(out, size, "%s ≥ %s %s", m->id, fmt_rate(n, g->limit), m->unit);
}

void slo_text(const struct slo *s, char *out, size_t size)
{
    out[0] = '\0';
    for (size_t i = 0; i < s->n; i++) {
        char one[64];
        size_t used = strlen(out);
        slo_goal_text(&s->goal[i], one, sizeof one);
        snprintf(out + used, size - used, "%s%s", i > 0 ? ", " : "", one);
    }
}

enum judged { MET, MISSED, UNKNOWN };

static enum judged judge(const struct slo_goal *g, double v, const struct timeline *t)
{
    if (isfinite(v))
        return (metrics[g->metric].better == BETTER_LOWER ? v > g->limit : v < g->limit) ? MISSED : MET;
    switch (g->metric) {
    case M_TTFA: return UNKNOWN; /* it thought and came to no answer, or called a tool */
    case M_PREFILL_RATE: return UNKNOWN; /* the server does not tell how much of the prompt it computed */
    case M_TPOT:
    case M_DECODE_RATE: return t->first_tokens < 0 ? UNKNOWN : MET; /* that of a single token is met */
    default: return MET;
    }
}

/* Of one that we took back: what it had missed by then, whatever might have come of it.  Left out, a run that ends while the slow
 * ones are in flight would be one of fast ones. */
static unsigned missed_by_then(const struct slo *s, const struct timeline *t)
{
    double v[M_REQUEST_COUNT_];
    unsigned missed = 0;
    timeline_numbers(t, v);
    for (size_t i = 0; i < s->n; i++) {
        enum metric_id m = s->goal[i].metric;
        double at_least = v[m];
        if (m == M_TTFT_DUE && t->first_token == 0)
            at_least = (double)(t->end - t->due) / 1e6;
        else if ((m == M_TTFT && t->first_token == 0) || (m == M_TTFR && t->first_event == 0))
            at_least = v[M_E2E];
        else if (m == M_TPOT || metrics[m].better != BETTER_LOWER)
            continue; /* it might have caught up */
        missed |= at_least > s->goal[i].limit ? 1u << i : 0;
    }
    return missed;
}

void slo_judge(const struct slo *s, struct row *r)
{
    double v[M_REQUEST_COUNT_];
    r->missed = 0;
    r->unjudged = r->tl.slept && r->tl.outcome == OUT_OK;
    r->good = s->n > 0 && r->tl.outcome == OUT_OK && !r->unjudged;
    if (r->tl.outcome == OUT_CANCELLED && r->tl.sent != 0 && !r->tl.slept)
        r->missed = missed_by_then(s, &r->tl);
    if (!r->good)
        return;
    timeline_numbers(&r->tl, v);
    for (size_t i = 0; i < s->n; i++) {
        enum judged j = judge(&s->goal[i], v[s->goal[i].metric], &r->tl);
        r->missed |= j == MISSED ? 1u << i : 0;
        r->unjudged |= j == UNKNOWN;
    }
    r->unjudged &= r->missed == 0; /* one that is missed is enough */
    r->good = r->missed == 0 && !r->unjudged;
}
