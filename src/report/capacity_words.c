#include "report/capacity_words.h"

#include "fmt.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void add(char *out, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void add(char *out, size_t size, const char *fmt, ...)
{
    size_t n = strlen(out);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(out + n, size - n, fmt, ap);
    va_end(ap);
}

char *capacity_load_text(char out[CAPACITY_LOAD], bool by_rate, double load)
{
    char n[FMT_SIZE];
    if (by_rate)
        snprintf(out, CAPACITY_LOAD, "%s requests/s", fmt_number(n, load));
    else
        snprintf(out, CAPACITY_LOAD, "%.0f stream%s", load, load == 1 ? "" : "s");
    return out;
}

static char *load_text(char out[CAPACITY_LOAD], const struct capacity *c, double load)
{
    return capacity_load_text(out, c->by_rate, load);
}

/* The objective that was missed most; SLO_MAX: none, or more requests failed than missed it. */
static size_t worst(const struct capacity_try *t, const struct slo *slo)
{
    size_t at = SLO_MAX;
    for (size_t i = 0; i < slo->n; i++)
        if (t->missed[i] > 0 && (at == SLO_MAX || t->missed[i] > t->missed[at]))
            at = i;
    return at < SLO_MAX && t->failed > t->missed[at] ? SLO_MAX : at;
}

/* Why the least load that failed did. */
static void limit_words(const struct capacity *c, const struct slo *slo, char *out, size_t size)
{
    const struct capacity_try *t = capacity_limit(c);
    char load[CAPACITY_LOAD];
    if (t == NULL)
        return;
    size_t at = worst(t, slo);
    if (t->guarded)
        add(out, size, "; limited by memory at %s: the guard stopped it", load_text(load, c, t->load));
    else if (t->behind)
        add(out, size, "; limited by throughput at %s: fewer requests end than are due%s", load_text(load, c, t->load),
            t->full && isnan(t->waiting) ? ", with all streams busy: a larger -c may carry more" : "");
    else
        add(out, size, "; limited by %s at %s", at < SLO_MAX ? metrics[slo->goal[at].metric].id : "requests that failed",
            load_text(load, c, t->load));
    if (t->waiting > 0 && t->running > 0)
        add(out, size, ": requests queue above %.0f (the server runs %.0f at once)", t->running, t->running);
}

const char *capacity_end_text(const struct capacity *c)
{
    const struct capacity_try *t = c->n > 0 ? &c->tries[c->n - 1] : NULL;
    if (t != NULL && t->blind)
        return "the server does not tell what an objective is about";
    if (t != NULL && t->full && t->verdict == CAPACITY_UNSURE)
        return "all streams were busy while the server had no queue (a larger -c would tell)";
    return t != NULL && t->gone ? "the server was gone" : t != NULL && t->stopped ? "the search was stopped" : "the time did not suffice";
}

void capacity_words(const struct capacity *c, const struct slo *slo, int64_t context, char *out, size_t size)
{
    char goals[160], low[CAPACITY_LOAD], high[CAPACITY_LOAD], n[FMT_SIZE], at[FMT_SIZE + 16] = "";
    const char *why = capacity_end_text(c);
    out[0] = '\0';
    slo_text(slo, goals, sizeof goals);
    if (context > 0)
        snprintf(at, sizeof at, " at %s context", fmt_tokens(n, (double)context));
    if (c->low > 0 && c->low >= c->most)
        add(out, size, "%s%s meet %s, and no more were tried", load_text(low, c, c->low), at, goals);
    else if (capacity_sure(c) && c->low > 0)
        add(out, size, "%s%s meet %s", load_text(low, c, c->low), at, goals);
    else if (capacity_sure(c))
        add(out, size, "not even %s%s meets %s", load_text(high, c, c->high), at, goals);
    else if (c->low > 0 && isfinite(c->high))
        add(out, size, "unsure, %s: %s%s meet %s, %s %s", why, load_text(low, c, c->low), at, goals, load_text(high, c, c->high),
            capacity_limit(c)->guarded ? "need more memory than there is" : "do not");
    else if (c->low > 0)
        add(out, size, "unsure, %s: at least %s%s meet %s", why, load_text(low, c, c->low), at, goals);
    else if (isfinite(c->high) && capacity_limit(c)->guarded)
        add(out, size, "unsure, %s: %s%s need more memory than there is, less may meet %s", why, load_text(high, c, c->high), at, goals);
    else if (isfinite(c->high))
        add(out, size, "unsure, %s: %s%s do not meet %s, less may", why, load_text(high, c, c->high), at, goals);
    else
        add(out, size, "unsure: %s for one load (%s%s)", why, load_text(high, c, c->n > 0 ? c->tries[0].load : c->next), at);
    limit_words(c, slo, out, size);
}

/* As the file says it; NULL: nothing did, or requests that failed. */
static const char *limited_by(const struct capacity_try *t, const struct slo *slo)
{
    size_t at = t != NULL ? worst(t, slo) : SLO_MAX;
    if (t == NULL)
        return NULL;
    return t->guarded ? "memory" : t->behind ? "throughput" : at < SLO_MAX ? metrics[slo->goal[at].metric].id : NULL;
}

static void json_try(const struct capacity_try *t, const struct slo *slo, struct jsonw *j)
{
    static const char *const verdicts[] = {"open", "meets", "fails", "unsure"};
    jw_open(j, NULL, '{');
    jw_num(j, "load", t->load, 6); /* as a phase has its rate */
    jw_str(j, "verdict", verdicts[t->verdict]);
    jw_int(j, "met", (int64_t)t->good);
    jw_int(j, "judged", (int64_t)t->judged);
    jw_int(j, "failed", (int64_t)t->failed);
    jw_open(j, "missed", '{');
    for (size_t i = 0; i < slo->n; i++)
        jw_int(j, metrics[slo->goal[i].metric].id, (int64_t)t->missed[i]);
    jw_close(j, '}');
    jw_num(j, "server_running", t->running, 0);
    jw_num(j, "server_waiting", t->waiting, 0);
    jw_bool(j, "guarded", t->guarded);
    jw_bool(j, "behind", t->behind);
    jw_bool(j, "streams_full", t->full);
    jw_bool(j, "gone", t->gone);
    jw_bool(j, "blind", t->blind);
    jw_bool(j, "stopped", t->stopped);
    jw_close(j, '}');
}

void capacity_json(const struct capacity *c, const struct slo *slo, int64_t context, struct jsonw *j)
{
    if (c->n == 0) {
        jw_str(j, "capacity", NULL);
        return;
    }
    char words[400];
    capacity_words(c, slo, context, words, sizeof words);
    jw_open(j, "capacity", '{');
    jw_str(j, "by", c->by_rate ? "rate" : "streams");
    jw_num(j, "meets", c->low > 0 ? c->low : (double)NAN, 6);
    jw_num(j, "fails", c->high, 6);
    jw_bool(j, "sure", capacity_sure(c));
    jw_str(j, "limited_by", limited_by(capacity_limit(c), slo));
    jw_str(j, "answer", words);
    jw_open(j, "tries", '[');
    for (size_t i = 0; i < c->n; i++)
        json_try(&c->tries[i], slo, j);
    jw_close(j, ']');
    jw_close(j, '}');
}
