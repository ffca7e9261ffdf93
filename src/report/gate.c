#include "report/gate.h"

#include "fmt.h"
#include "report/threshold.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading one ---- */

/* The quantile of a statistic as the table of figures has it; NAN: none that is compared. */
static double quantile_of(enum statistic s)
{
    switch (s) {
    case STAT_VALUE:
    case STAT_MEAN: return 0;
    case STAT_P50: return 0.5;
    case STAT_P95: return 0.95;
    default: return (double)NAN;
    }
}

static const struct figure *find_figure(const char *name, size_t n)
{
    enum metric_id m;
    enum statistic s;
    if (!threshold_figure(name, n, &m, &s))
        return NULL;
    double q = quantile_of(s);
    for (size_t i = 0; i < FIGURES_N; i++)
        if (figures[i].metric == m && figures[i].quantile == q)
            return &figures[i];
    return NULL;
}

static bool unknown_figure(const char *name, size_t n, struct err *e)
{
    char known[256] = "any";
    for (size_t i = 0; i < FIGURES_N; i++) {
        size_t len = strlen(known);
        snprintf(known + len, sizeof known - len, ", %s", figures[i].id);
    }
    return err_set(e, "'%.*s' is not compared: it takes %s", (int)MIN_OF(n, (size_t)64), name, known);
}

static bool is_word(const char *s, const char *word)
{
    size_t n = strlen(word);
    return str_starts(s, word) && s[n + strspn(s + n, " ")] == '\0';
}

/* "> +10%".  A limit on the wrong side of nothing is a slip of the pen: every run would fail. */
static bool read_size(const char *s, struct gate *g, struct err *e)
{
    char *end;
    g->above = *s == '>';
    g->equal = s[1] == '=';
    s += g->equal ? 2 : 1;
    double v = strtod(s, &end);
    if (end == s || !isfinite(v) || !is_word(end + strspn(end, " "), "%"))
        return err_set(e, "'%s' has no change in per cent behind %c, as in 'ttft_p95 > +10%%'", g->text,
                       g->above ? '>' : '<');
    g->limit = v / 100;
    bool always = g->above ? v < 0 : v > 0;
    if (always || (g->equal && v == 0))
        return err_set(e, "'%s' is so where nothing changes: a decrease is '< -5%%', an increase '> +5%%'", g->text);
    return true;
}

bool gate_parse(const char *text, struct gate *g, struct err *e)
{
    *g = (struct gate){.text = text};
    const char *name = text + strspn(text, " ");
    size_t n = strcspn(name, " <>");
    const char *what = name + n + strspn(name + n, " ");
    bool any = n == 3 && strncmp(name, "any", 3) == 0;
    g->worse = is_word(what, "worse");
    if (n == 0 || (!g->worse && *what != '<' && *what != '>'))
        return err_set(e, "'%s' is no condition on a comparison: it takes NAME worse, NAME > CHANGE or NAME < CHANGE, "
                          "as in 'ttft_p95 worse' or 'output_tok_s < -5%%'",
                       text);
    g->figure = any ? NULL : find_figure(name, n);
    if (g->figure == NULL && !any)
        return unknown_figure(name, n, e);
    if (any && !g->worse)
        return err_set(e, "'%s': of any figure only 'any worse' can be told: more is better of some, worse of others",
                       text);
    return g->worse || read_size(what, g, e);
}

/* ---- judging by it ---- */

static double change(const struct comparison *c)
{
    return c->ratio - 1;
}

static bool beyond(const struct gate *g, double v)
{
    if (g->equal && v == g->limit)
        return true;
    return g->above ? v > g->limit : v < g->limit;
}

static bool any_passes(const struct gate *g, const char *run, const struct comparison *compared, const struct comparison *failed,
                       struct err *e)
{
    char list[256] = "";
    bool judged = false;
    if (failed->verdict == VERDICT_LOSE)
        snprintf(list, sizeof list, "%.2f %% of the requests failed against %.2f %%", failed->b * 100, failed->a * 100);
    for (size_t i = 0; i < FIGURES_N; i++) {
        size_t len = strlen(list);
        judged = judged || compared[i].verdict != VERDICT_NONE;
        if (compared[i].verdict == VERDICT_LOSE)
            snprintf(list + len, sizeof list - len, "%s%s %+.1f %%", len > 0 ? ", " : "", figures[i].id,
                     change(&compared[i]) * 100);
    }
    if (list[0] == '\0' && !judged)
        return err_set(e, "threshold '%s' cannot be judged of '%s': too little is known of every figure", g->text, run);
    if (list[0] == '\0')
        return true;
    return err_set(e, "threshold broken: '%s' is so of '%s' (%s)", g->text, run, list);
}

bool gate_passes(const struct gate *g, const char *run, const struct comparison *compared, const struct comparison *failed, struct err *e)
{
    if (g->figure == NULL)
        return any_passes(g, run, compared, failed, e);
    char a[FMT_SIZE], b[FMT_SIZE];
    const struct comparison *c = &compared[g->figure - figures];
    if (c->verdict == VERDICT_NONE)
        return err_set(e, "threshold '%s' cannot be judged of '%s': too little is known of that figure", g->text, run);
    bool counts = c->verdict == VERDICT_WIN || c->verdict == VERDICT_LOSE;
    bool broken = g->worse ? c->verdict == VERDICT_LOSE : counts && beyond(g, change(c));
    if (!broken)
        return true;
    return err_set(e, "threshold broken: '%s' is so of '%s' (%s against %s %s, %+.1f %%)", g->text, run, fmt_number(b, c->b), fmt_number(a, c->a),
                   metrics[g->figure->metric].unit, change(c) * 100);
}
