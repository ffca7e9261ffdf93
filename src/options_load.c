#include "options_load.h"

#include "fmt.h"
#include "grid.h"
#include "load/prompt.h"
#include "options.h"
#include "options_table.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define OPEN_STREAMS 256 /* in flight at the most where nothing else is said: arrivals should not wait for this program */

/* ---- words ---- */

/* The next of a list that is parted by commas; empty where it is too long to be a number. */
static const char *next_of(const char *p, char one[32])
{
    size_t n = strcspn(p, ",");
    one[0] = '\0';
    if (n < 32) {
        memcpy(one, p, n);
        one[n] = '\0';
    }
    return p[n] == ',' ? p + n + 1 : NULL;
}

static bool too_long(const struct option *op, const char *value, struct err *e)
{
    return err_set(e, "--%s '%s' is too long: it takes %d numbers", op->name, value, SUITE_LIST_MAX);
}

static bool one_length(const struct option *op, const char *text, const char *value, struct lengths *l, struct err *e)
{
    int64_t n;
    if (!parse_tokens(text, &n) && text[0] != '-')
        return err_set(e, "--%s '%s' is not a whole number of tokens (4096, 4k), nor a list of them, nor one of normal:MEAN,DEVIATION, "
                          "uniform:LEAST-MOST, lognormal:MEAN,DEVIATION", op->name, value);
    if (text[0] == '-' || (double)n < op->min || (double)n > op->max)
        return err_set(e, "--%s '%s' is out of range: it takes %.15g to %.15g", op->name, value, op->min, op->max);
    *l = (struct lengths){.a = (double)n};
    return true;
}

bool load_set_lengths(const struct option *op, struct length_list *list, const char *value, struct err *e)
{
    struct length_list out = {.n = 0};
    if (strchr(value, ':') != NULL) {
        if (!lengths_parse(value, &out.v[out.n++]))
            return err_set(e, "--%s '%s' is none of normal:MEAN,DEVIATION, uniform:LEAST-MOST, lognormal:MEAN,DEVIATION in tokens "
                              "(normal:2k,512), with a deviation above 0 and a span that runs forwards", op->name, value);
        if (out.v[0].a > op->max || (out.v[0].kind == LENGTH_UNIFORM && out.v[0].b > op->max))
            return err_set(e, "--%s '%s' is out of range: it takes %.15g to %.15g", op->name, value, op->min, op->max);
        *list = out;
        return true;
    }
    for (const char *p = value; p != NULL;) {
        char one[32];
        p = next_of(p, one);
        if (out.n == SUITE_LIST_MAX)
            return too_long(op, value, e);
        if (!one_length(op, one, value, &out.v[out.n++], e))
            return false;
    }
    *list = out;
    return true;
}

bool load_set_rates(const struct option *op, struct rate_list *list, const char *value, struct err *e)
{
    struct rate_list out = {.n = 0};
    for (const char *p = value; p != NULL;) {
        char one[32];
        double v;
        p = next_of(p, one);
        if (!parse_double(one, &v))
            return err_set(e, "--%s '%s' is not a number of requests a second, nor a list of them", op->name, value);
        if (!(v >= op->min && v <= op->max))
            return err_set(e, "--%s '%s' is out of range: it takes %.15g to %.15g requests a second", op->name, value, op->min, op->max);
        if (out.n == SUITE_LIST_MAX)
            return too_long(op, value, e);
        out.v[out.n++] = v;
    }
    *list = out;
    return true;
}

bool load_set_arrival(const struct option *op, struct arrival_config *c, const char *value, struct err *e)
{
    return arrivals_parse_kind(value, c) || err_set(e, "--%s '%s' is none of poisson, constant, gamma:SHAPE (0.01 to 1000), burst:N (1 to 100000)", op->name, value);
}

bool load_set_ramp(const struct option *op, struct arrival_config *c, const char *value, struct err *e)
{
    return arrivals_parse_ramp(value, c) ||
           err_set(e, "--%s '%s' is not FROM:TO:TIME in requests a second, %g to %g (1:20:60s)", op->name, value, RATE_MIN, RATE_MAX);
}

bool load_set_percent(const struct option *op, double *share, const char *value, struct err *e)
{
    char text[32];
    double v;
    size_t n = strlen(value);
    bool percent = n > 1 && n < sizeof text && value[n - 1] == '%';
    str_copy(text, sizeof text, value);
    if (percent)
        text[n - 1] = '\0';
    if (!parse_double(text, &v))
        return err_set(e, "--%s '%s' is not a share: it takes 3%% or 0.03", op->name, value);
    v = percent ? v / 100 : v;
    if (!(v >= op->min && v <= op->max))
        return err_set(e, "--%s '%s' is out of range: it takes %.15g%% to %.15g%%", op->name, value, op->min * 100, op->max * 100);
    *share = v;
    return true;
}

bool load_set_extra(const struct option *op, struct options *o, const char *value, struct err *e)
{
    struct err why;
    if (!prompt_check_extra(value, &o->run.extra_drops, &why))
        return err_set(e, "--%s: %s", op->name, why.msg);
    o->run.extra_body = value;
    return true;
}

bool load_set_slo(const struct option *op, struct slo *s, const char *value, struct err *e)
{
    struct err why;
    return slo_parse(value, s, &why) || err_set(e, "--%s: %s", op->name, why.msg);
}

void load_put_slo(FILE *f, const struct slo *s)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct metric *m = &metrics[s->goal[i].metric];
        char text[FMT_SIZE];
        if (m->better == BETTER_LOWER)
            fmt_duration(text, llround(s->goal[i].limit * 1e6));
        else
            snprintf(text, sizeof text, "%.15g", s->goal[i].limit);
        fprintf(f, "%s%s=%s", i > 0 ? "," : "", m->id, text);
    }
}

void load_put_lengths(FILE *f, const struct length_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        char text[64];
        fprintf(f, "%s%s", i > 0 ? "," : "", lengths_text(&list->v[i], text));
    }
}

void load_put_rates(FILE *f, const struct rate_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        fprintf(f, "%s%.15g", i > 0 ? "," : "", list->v[i]);
}

void load_put_arrival(FILE *f, const struct arrival_config *c)
{
    char text[32];
    fputs(arrivals_kind_text(c, text), f);
}

void load_put_ramp(FILE *f, const struct arrival_config *c)
{
    char time[FMT_SIZE];
    if (c->rate > 0)
        fprintf(f, "%.15g:%.15g:%s", c->rate, c->rate_end, fmt_duration(time, c->ramp_ns));
}

/* ---- together ---- */

static bool open_loop(const struct options *o)
{
    return o->load.rate.n > 0 || o->load.ramp.rate > 0 || o->run.trace != NULL;
}

/* The load of a tune is the same for all settings: as many streams as the largest of them runs at once.  0: not known. */
static int64_t most_tuned(const struct tune_plan *p)
{
    int64_t most = 0, v;
    for (size_t i = 0; i < p->n; i++)
        for (size_t k = 0; strcmp(p->param[i].name, "max_num_seqs") == 0 && k < p->param[i].n; k++)
            if (parse_count(p->param[i].value[k], &v) && v <= 1000)
                most = MAX_OF(most, v);
    return most;
}

static void set_length(struct lengths *of, int64_t *mean, const struct length_list *list, int64_t preset)
{
    *of = list->n > 0 ? list->v[0] : (struct lengths){.a = (double)preset};
    *mean = lengths_mean(of);
}

/* Each setting of a tune is a server that has just started; a search warms up by itself, and in an open loop none is to come all at
 * once. */
static int64_t warmup_of(const struct options *o)
{
    if (o->load.warmup != WARMUP_PRESET)
        return o->load.warmup;
    return o->command == COMMAND_TUNE && !open_loop(o) && !o->run.find_capacity ? o->run.max_num_seqs : 0;
}

void load_settle(struct options *o)
{
    struct load_options *l = &o->load;
    struct run_config *r = &o->run;
    r->max_num_seqs = l->streams.n > 0 ? l->streams.v[0] : open_loop(o) ? OPEN_STREAMS : MAX_OF(most_tuned(&o->tune.plan), INT64_C(4));
    set_length(&r->context_of, &r->context, &l->context, LOAD_CONTEXT);
    set_length(&r->output_of, &r->max_tokens, &l->max_tokens, r->find_capacity ? 32 : 128);
    r->until_ci = l->until_ci;
    r->warmup = warmup_of(o);
    r->arrival = l->ramp;
    if (l->rate.n > 0)
        r->arrival.rate = l->rate.v[0];
    if (r->arrival.rate > 0) {
        r->arrival.kind = l->arrival.kind;
        r->arrival.shape = l->arrival.shape;
    }
}

int64_t load_preset_ns(const struct options *o)
{
    const struct run_config *r = &o->run;
    if (r->find_capacity || r->requests > 0 || r->duration_ns > 0 || r->trace != NULL || grid_cells(&o->load) > 1)
        return 0;
    return MAX_OF((o->command == COMMAND_DEMO ? 20 : 60) * INT64_C(1000000000), r->arrival.ramp_ns);
}
