#include "load/arrivals.h"

#include "fmt.h"
#include "util.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SECOND 1e9

void arrivals_init(struct arrivals *a, const struct arrival_config *c, uint64_t seed)
{
    *a = (struct arrivals){.c = *c, .rng = seed};
}

/* ---- gaps of mean 1 ---- */

static double exponential(uint64_t *rng)
{
    return -log1p(-rng_unit(rng));
}

static double normal(uint64_t *rng) /* Box and Muller 1958 */
{
    double r = sqrt(2 * exponential(rng));
    return r * cos(2 * acos(-1.0) * rng_unit(rng));
}

/* Marsaglia and Tsang, "A simple method for generating gamma variables", 2000; mean = shape. */
static double gamma_of(uint64_t *rng, double shape)
{
    if (shape < 1) { /* their section 6 */
        double u = 1 - rng_unit(rng);
        return gamma_of(rng, shape + 1) * pow(u, 1 / shape);
    }
    double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = normal(rng), v = 1 + c * x;
        if (v <= 0)
            continue;
        v = v * v * v;
        double u = 1 - rng_unit(rng);
        if (log(u) < x * x / 2 + d - d * v + d * log(v))
            return d * v;
    }
}

static double gap(struct arrivals *a)
{
    switch (a->c.kind) {
    case ARRIVE_POISSON: return exponential(&a->rng);
    case ARRIVE_GAMMA: return gamma_of(&a->rng, a->c.shape) / a->c.shape;
    case ARRIVE_CONSTANT: return a->n > 0 ? 1 : 0;
    case ARRIVE_BURST: return a->n > 0 && a->n % (uint64_t)a->c.shape == 0 ? a->c.shape : 0;
    }
    return 1;
}

/* ---- expected requests and time ---- */

double arrivals_rate(const struct arrival_config *c, int64_t t)
{
    if (c->ramp_ns <= 0)
        return c->rate;
    double share = MIN_OF((double)t / (double)c->ramp_ns, 1.0);
    return c->rate + (c->rate_end - c->rate) * share;
}

/* Seconds after which so many requests are expected: where the integral of the rate is `sum`. */
static double time_of(const struct arrival_config *c, double sum)
{
    if (c->ramp_ns <= 0)
        return sum / c->rate;
    double ramp = (double)c->ramp_ns / SECOND, in_ramp = (c->rate + c->rate_end) / 2 * ramp;
    if (sum >= in_ramp)
        return ramp + (sum - in_ramp) / c->rate_end;
    /* rate·t + slope·t²/2 = sum, in the form that has no cancellation where the slope is next to nothing */
    double slope = (c->rate_end - c->rate) / ramp;
    return 2 * sum / (c->rate + sqrt(c->rate * c->rate + 2 * slope * sum));
}

/* The integral of the rate over the first t seconds. */
static double expected(const struct arrival_config *c, double t)
{
    double ramp = (double)c->ramp_ns / SECOND;
    if (c->ramp_ns <= 0)
        return c->rate * t;
    if (t >= ramp)
        return (c->rate + c->rate_end) / 2 * ramp + c->rate_end * (t - ramp);
    return c->rate * t + (c->rate_end - c->rate) / ramp * t * t / 2;
}

int64_t arrivals_time(const struct arrivals *a, double sum)
{
    return sum > a->begun ? (int64_t)llround(time_of(&a->c, sum - a->begun) * SECOND) : 0;
}

int64_t arrivals_next(struct arrivals *a)
{
    a->sum += gap(a);
    a->n++;
    return arrivals_time(a, a->sum);
}

void arrivals_change(struct arrivals *a, const struct arrival_config *c, int64_t t)
{
    a->begun += expected(&a->c, MAX_OF((double)t / SECOND, 0.0));
    a->c = *c;
}

/* ---- words ---- */

static const struct {
    const char *name;
    enum arrival_kind kind;
    double least, most; /* of the number after the colon; 0: there is none */
} kinds[] = {[ARRIVE_POISSON] = {"poisson", ARRIVE_POISSON, 0, 0},
             [ARRIVE_CONSTANT] = {"constant", ARRIVE_CONSTANT, 0, 0},
             [ARRIVE_GAMMA] = {"gamma", ARRIVE_GAMMA, 0.01, 1000},
             [ARRIVE_BURST] = {"burst", ARRIVE_BURST, 1, 100000}};

char *arrivals_kind_text(const struct arrival_config *c, char out[32])
{
    if (kinds[c->kind].most > 0)
        snprintf(out, 32, "%s:%.15g", kinds[c->kind].name, c->shape);
    else
        snprintf(out, 32, "%s", kinds[c->kind].name);
    return out;
}

char *arrivals_text(const struct arrival_config *c, char out[96])
{
    char kind[32], within[FMT_SIZE];
    arrivals_kind_text(c, kind);
    if (c->ramp_ns > 0)
        snprintf(out, 96, "%.6g to %.6g requests/s within %s (%s)", c->rate, c->rate_end, fmt_ms(within, (double)c->ramp_ns / 1e6), kind);
    else
        snprintf(out, 96, "%.6g requests/s (%s)", c->rate, kind);
    return out;
}

bool arrivals_parse_kind(const char *s, struct arrival_config *c)
{
    size_t n = strcspn(s, ":");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        double v = 0;
        if (strlen(kinds[i].name) != n || strncmp(s, kinds[i].name, n) != 0)
            continue;
        if ((s[n] == ':') != (kinds[i].most > 0))
            return false;
        if (s[n] == ':' && (!parse_double(s + n + 1, &v) || !(v >= kinds[i].least && v <= kinds[i].most)))
            return false;
        if (kinds[i].kind == ARRIVE_BURST && v != floor(v))
            return false;
        c->kind = kinds[i].kind;
        c->shape = v;
        return true;
    }
    return false;
}

/* A number that ends at a colon. */
static const char *rate_of(const char *s, double *rate)
{
    char text[32];
    size_t n = strcspn(s, ":");
    if (s[n] != ':' || n >= sizeof text)
        return NULL;
    memcpy(text, s, n);
    text[n] = '\0';
    return parse_double(text, rate) && *rate >= RATE_MIN && *rate <= RATE_MAX ? s + n + 1 : NULL;
}

bool arrivals_parse_ramp(const char *s, struct arrival_config *c)
{
    double from, to;
    int64_t ns;
    s = rate_of(s, &from);
    s = s != NULL ? rate_of(s, &to) : NULL;
    if (s == NULL || !parse_duration(s, &ns) || ns < INT64_C(1000000))
        return false;
    c->rate = from;
    c->rate_end = to;
    c->ramp_ns = ns;
    return true;
}
