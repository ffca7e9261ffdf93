#include "verdict.h"

#include "stats.h"
#include "util.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define RESAMPLES 2000
#define TAIL 0.025       /* of the 95 % interval, at each end */
#define Z_TAIL 1.959964  /* the normal quantile at 1 − TAIL */
#define Z_POWER 1.281552 /* the normal quantile at 0.9 */
#define MAX_BLOCKS 12    /* of a series: see block_length */
#define MAX_LOST 0.75    /* see blocks_init */

/* ---- Student's t ---- */

/* I_x(p, q), the regularised incomplete beta function, for x below about (p+1)/(p+q+2), by its continued fraction
 * (DLMF 8.17.22), summed from the back.  Terms needed grow as the root of the larger argument. */
static double beta_fraction(double x, double p, double q)
{
    double tail = 1;
    for (int m = 40 + (int)(4 * sqrt(MAX_OF(p, q))); m > 0; m--) {
        double even = m * (q - m) * x / ((p + 2 * m - 1) * (p + 2 * m));
        double k = m - 1;
        double odd = -(p + k) * (p + q + k) * x / ((p + 2 * k) * (p + 2 * k + 1));
        tail = 1 + odd / (1 + even / tail);
    }
    double log_beta = lgamma(p) + lgamma(q) - lgamma(p + q);
    return exp(p * log(x) + q * log1p(-x) - log_beta) / (p * tail);
}

/* P(T > t) for t > 0: half of I_x(df/2, 1/2) at x = df / (df + t²) (Abramowitz & Stegun 26.7.1 with 26.5.27). */
static double student_tail(double t, double df)
{
    double x = df / (df + t * t), p = df / 2;
    if (x < (p + 1) / (p + 2.5))
        return beta_fraction(x, p, 0.5) / 2;
    return (1 - beta_fraction(t * t / (df + t * t), 0.5, p)) / 2; /* I_x(p, q) = 1 − I_{1−x}(q, p) */
}

double student_quantile(double p, double df)
{
    if (!(p > 0 && p < 1 && df > 0))
        return (double)NAN;
    if (p < 0.5)
        return -student_quantile(1 - p, df);
    if (!(p > 0.5))
        return 0;
    df = fmin(df, 1e7); /* from here on it is the normal distribution's, to 3e-7 at 97.5 % */
    double low = 0, high = 1;
    while (student_tail(high, df) > 1 - p && high < 1e150) {
        low = high;
        high *= 2;
    }
    while (high - low > 1e-9 * high) {
        double mid = (low + high) / 2;
        if (student_tail(mid, df) > 1 - p)
            low = mid;
        else
            high = mid;
    }
    return (low + high) / 2;
}

/* Degrees of freedom of the sum of two variances, each estimated with its own (Welch 1947, Satterthwaite 1946). */
static double satterthwaite(double var_a, double df_a, double var_b, double df_b)
{
    double sum = var_a + var_b;
    if (!(sum > 0))
        return df_a + df_b;
    double x = var_a / sum, y = var_b / sum; /* shares of the sum: squares of tiny variances would vanish */
    return 1 / (x * x / df_a + y * y / df_b);
}

/* ---- from interval to verdict ---- */

/* The values of both sides that can be used, in their order. */
struct sides {
    double *a, *b;
    size_t na, nb;
};

static double *finite_values(const double *v, size_t n, size_t *kept)
{
    double *out = xmalloc((n + 1) * sizeof *out);
    *kept = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(v[i]))
            out[(*kept)++] = v[i];
    return out;
}

static void sides_take(struct sides *s, const double *a, size_t na, const double *b, size_t nb)
{
    s->a = finite_values(a, na, &s->na);
    s->b = finite_values(b, nb, &s->nb);
}

static void sides_release(struct sides *s)
{
    free(s->a);
    free(s->b);
}

static size_t sides_min(const struct sides *s)
{
    return MIN_OF(s->na, s->nb);
}

static bool all_equal(const double *v, size_t n, double to)
{
    for (size_t i = 0; i < n; i++)
        if (v[i] < to || v[i] > to)
            return false;
    return true;
}

/* A run against itself, or one and the same value throughout. */
static bool sides_identical(const struct sides *s)
{
    if (s->na == 0 || s->nb == 0)
        return false;
    if (s->na == s->nb && memcmp(s->a, s->b, s->na * sizeof *s->a) == 0)
        return true;
    return all_equal(s->a, s->na, s->a[0]) && all_equal(s->b, s->nb, s->a[0]);
}

static double least_effect(double a, const struct compare_rule *rule)
{
    double share = rule->min_effect >= 0 ? rule->min_effect : COMPARE_EFFECT;
    double effect = share * fabs(a);
    return rule->spread > effect ? rule->spread : effect;
}

/* Both statistics, no interval yet. */
static void point(struct comparison *c, double a, size_t na, double b, size_t nb, const struct compare_rule *rule)
{
    double nan = (double)NAN;
    *c = (struct comparison){.a = a, .b = b, .diff = b - a, .ratio = a < 0 || a > 0 ? b / a : nan, .lo = nan, .hi = nan,
                             .n_a = na, .n_b = nb, .verdict = na == 0 || nb == 0 ? VERDICT_NONE : VERDICT_UNSURE};
    c->effect = isnan(a) ? nan : least_effect(a, rule);
}

static void same_values(struct comparison *c)
{
    c->verdict = VERDICT_SAME;
    c->diff = c->lo = c->hi = 0; /* not −0, and not what rounding leaves of sums of unequal length */
}

static size_t at_least(size_t have, size_t need)
{
    return need > have ? MIN_OF(need - have, COMPARE_MORE) : 0;
}

/* Two leading digits, upwards: a plan has no more. */
static size_t round_up(double n)
{
    if (n >= COMPARE_MORE)
        return COMPARE_MORE;
    size_t unit = 1, k = (size_t)ceil(n);
    while (k / unit >= 100)
        unit *= 10;
    return (k + unit - 1) / unit * unit;
}

/* How many further values each side needs, if the difference d stays what it looks like.
 *
 * The half width h of the interval goes as s·√(1/na + 1/nb).  Which width w would settle it?  Where |d| ≥ effect, one
 * that leaves zero out: |d|.  Where |d| < effect, one that stays inside ± effect: effect − |d|, but no finer than half
 * the effect, or a difference just short of it would ask for values without end.  A d below its own standard error says
 * nothing of where the difference lies; then 0 is as good a guess, and the width is the effect.
 * At just that width the longer run would still miss it half the time, for d itself moves; so w is made smaller by
 * z(0.975) / (z(0.975) + z(0.9)) = 0.60: the usual sample size formula, for 90 % power against one end of the interval
 * and 80 % where both ends count.
 *
 * Adding k to both sides: 1/(na+k) + 1/(nb+k) = r with r = (w/h)² (1/na + 1/nb).  With m and e the half sum and the
 * half difference of na and nb, and y = m + k, that is 2y = r (y² − e²), so y = (1 + √(1 + r²e²)) / r. */
static size_t further(const struct comparison *c)
{
    double d = fabs(c->diff), h = (c->hi - c->lo) / 2;
    if (d < h / Z_TAIL)
        d = 0;
    double w = d >= c->effect ? d : fmax(c->effect - d, c->effect / 2);
    w *= Z_TAIL / (Z_TAIL + Z_POWER);
    if (!(w > 0 && h > 0))
        return 0;
    double na = (double)c->n_a, nb = (double)c->n_b;
    double r = (w / h) * (w / h) * (1 / na + 1 / nb), e = (na - nb) / 2;
    return round_up(fmax((1 + sqrt(1 + r * e * r * e)) / r - (na + nb) / 2, 1));
}

/* The interval is known: what it says. */
static void judge(struct comparison *c, const struct compare_rule *rule)
{
    size_t n = MIN_OF(c->n_a, c->n_b);
    bool up = c->lo > 0 && c->diff >= c->effect, down = c->hi < 0 && c->diff <= -c->effect;
    c->verdict = VERDICT_UNSURE;
    if (n < COMPARE_MIN)
        c->more = MAX_OF(further(c), at_least(n, COMPARE_MIN));
    else if ((up || down) && rule->better != 0)
        c->verdict = up == (rule->better > 0) ? VERDICT_WIN : VERDICT_LOSE;
    else if (c->lo >= -c->effect && c->hi <= c->effect)
        c->verdict = VERDICT_SAME;
    else if (!up && !down) /* else it is plain that they differ, and nobody said which is better */
        c->more = further(c);
}

void compare_numbers(double a, double b, const struct compare_rule *rule, struct comparison *c)
{
    struct sides s;
    sides_take(&s, &a, 1, &b, 1);
    point(c, s.na > 0 ? a : (double)NAN, s.na, s.nb > 0 ? b : (double)NAN, s.nb, rule);
    if (sides_identical(&s))
        same_values(c);
    sides_release(&s);
}

/* ---- shares ---- */

/* Wilson's interval of a share: half its width below and above p. */
static void wilson(double p, double n, double *below, double *above)
{
    double zz = Z_TAIL * Z_TAIL, centre = (p + zz / (2 * n)) / (1 + zz / n);
    double half = Z_TAIL * sqrt(p * (1 - p) / n + zz / (4 * n * n)) / (1 + zz / n);
    *below = p - (centre - half);
    *above = centre + half - p;
}

void compare_shares(double hits_a, size_t na, double hits_b, size_t nb, const struct compare_rule *rule, struct comparison *c)
{
    double a = hits_a / (double)na, b = hits_b / (double)nb, below_a, above_a, below_b, above_b;
    point(c, a, na, b, nb, rule);
    if (na == 0 || nb == 0)
        return;
    if ((hits_a <= 0 && hits_b <= 0) || (na == nb && !(hits_a < hits_b) && !(hits_a > hits_b))) {
        same_values(c);
        return;
    }
    wilson(a, (double)na, &below_a, &above_a);
    wilson(b, (double)nb, &below_b, &above_b);
    c->lo = c->diff - hypot(below_b, above_a);
    c->hi = c->diff + hypot(above_b, below_a);
    judge(c, rule);
}

/* ---- means ---- */

void compare_means(const double *a, size_t na, const double *b, size_t nb, const struct compare_rule *rule,
                   struct comparison *c)
{
    struct sides s;
    struct dist da, db;
    sides_take(&s, a, na, b, nb);
    bool identical = sides_identical(&s);
    dist_of_values(&da, s.a, s.na);
    dist_of_values(&db, s.b, s.nb);
    point(c, da.mean, s.na, db.mean, s.nb, rule);
    if (identical) {
        same_values(c);
    } else if (sides_min(&s) == 1) {
        c->more = at_least(1, COMPARE_MIN);
    } else if (sides_min(&s) > 1) {
        double var_a = da.stddev * da.stddev / (double)s.na, var_b = db.stddev * db.stddev / (double)s.nb;
        double df = satterthwaite(var_a, (double)(s.na - 1), var_b, (double)(s.nb - 1));
        double half = student_quantile(1 - TAIL, df) * sqrt(var_a + var_b);
        c->lo = c->diff - half;
        c->hi = c->diff + half;
        judge(c, rule);
    }
    sides_release(&s);
}

/* ---- quantiles ---- */

/* Above the largest of n values the quantile q still lies with probability qⁿ.  Where that is more than a tail of the
 * interval, the sample holds no upper bound for it, and resampling cannot invent one (the order-statistic interval for
 * a quantile does not exist: David & Nagaraja, Order Statistics, 7.1).  The same at the lower end. */
size_t compare_quantile_min(double q)
{
    double rare = fmin(q, 1 - q);
    double n = rare > 0 ? ceil(log(TAIL) / log1p(-rare)) : COMPARE_MORE;
    return n < COMPARE_MORE ? MAX_OF((size_t)n, COMPARE_MIN) : COMPARE_MORE;
}

/* One side of quantiles that are compared: its values, and how many would tell as much if none depended on another. */
struct ranked {
    const double *v; /* sorted by the time that it is drawn from */
    size_t n, independent;
    size_t need; /* independent is 0: the values it takes to know */
};

/* The quantile of so many values drawn with replacement.  Counting the draws spares sorting them. */
static double resampled_quantile(const struct ranked *r, uint32_t *count, double q, uint64_t *rng)
{
    const double *sorted = r->v;
    size_t n = r->n, draws = r->independent;
    memset(count, 0, n * sizeof *count);
    for (size_t i = 0; i < draws; i += 2) { /* two draws of 32 bits each from one number */
        uint64_t bits = rng_next(rng);
        count[((bits >> 32) * n) >> 32]++;
        if (i + 1 < draws)
            count[((bits & UINT32_MAX) * n) >> 32]++;
    }
    double pos = q * (double)(draws - 1);
    size_t rank = (size_t)pos, i = 0, seen = count[0];
    while (seen <= rank)
        seen += count[++i];
    double low = sorted[i], high = low;
    if (seen == rank + 1 && rank + 1 < draws) { /* the next in rank is another value */
        while (count[++i] == 0)
            continue;
        high = sorted[i];
    }
    return low + (high - low) * (pos - (double)rank);
}

/* The percentile interval (Efron & Tibshirani, An Introduction to the Bootstrap, 13.3); sorts v. */
static void percentile_interval(double *v, struct comparison *c)
{
    struct dist d;
    dist_of_values(&d, v, RESAMPLES);
    c->lo = stats_quantile(v, RESAMPLES, TAIL);
    c->hi = stats_quantile(v, RESAMPLES, 1 - TAIL);
}

static void quantile_bootstrap(const struct ranked *a, const struct ranked *b, double q, uint64_t seed, struct comparison *c)
{
    double diff[RESAMPLES];
    uint32_t *count = xcalloc(MAX_OF(a->n, b->n), sizeof *count);
    for (int i = 0; i < RESAMPLES; i++) {
        double of_a = resampled_quantile(a, count, q, &seed);
        diff[i] = resampled_quantile(b, count, q, &seed) - of_a;
    }
    free(count);
    percentile_interval(diff, c);
}

/* So many more values, of which a share tells something new. */
static size_t more_of(const struct ranked *r, size_t need)
{
    if (r->independent == 0)
        return at_least(r->n, MAX_OF(r->need, need));
    double each = (double)r->n / (double)r->independent;
    return r->independent < r->n ? round_up((double)at_least(r->independent, need) * each) : at_least(r->n, need);
}

/* Sorts both sides. */
static void compare_ranked(struct sides *s, struct ranked *a, struct ranked *b, double q, uint64_t seed,
                           const struct compare_rule *rule, struct comparison *c)
{
    struct dist unused;
    size_t need = compare_quantile_min(q);
    bool identical = sides_identical(s);
    dist_of_values(&unused, s->a, s->na);
    dist_of_values(&unused, s->b, s->nb);
    point(c, stats_quantile(s->a, s->na, q), s->na, stats_quantile(s->b, s->nb, q), s->nb, rule);
    if (identical) {
        same_values(c);
    } else if (MIN_OF(a->independent, b->independent) >= need) {
        quantile_bootstrap(a, b, q, seed, c);
        judge(c, rule);
    } else if (sides_min(s) > 0) {
        size_t more_a = more_of(a, need), more_b = more_of(b, need);
        c->more = MAX_OF(more_a, more_b);
    }
}

void compare_quantile(const double *a, size_t na, const double *b, size_t nb, double q, uint64_t seed,
                      const struct compare_rule *rule, struct comparison *c)
{
    struct sides s;
    sides_take(&s, a, na, b, nb);
    struct ranked ra = {s.a, s.na, s.na, 0}, rb = {s.b, s.nb, s.nb, 0};
    compare_ranked(&s, &ra, &rb, q, seed, rule, c);
    sides_release(&s);
}

/* ---- series ---- */

/* Exact where all values are equal: what rounding leaves would look like a series in step with itself. */
static double mean_of(const double *v, size_t n)
{
    double sum = 0;
    if (n > 0 && all_equal(v, n, v[0]))
        return v[0];
    for (size_t i = 0; i < n; i++)
        sum += v[i];
    return n > 0 ? sum / (double)n : (double)NAN;
}

/* A series made ready for drawing blocks of it. */
struct blocks {
    double *sum; /* of the first i values of the series twice over: a block may run past its end into its beginning */
    size_t n, length, draws;
    double mean;
    double widen; /* what a resampled mean's distance from the mean is to be multiplied by */
    double df;
    size_t need; /* the values it takes for an interval */
};

/* Longer series get longer blocks, not only more of them: dependence that outlives a block is lost, and some ten blocks
 * are enough for a t interval (Schmeiser 1982, Batch size effects in the analysis of simulation output). */
static size_t block_length(size_t n, size_t block)
{
    size_t least = block > 0 ? block : COMPARE_BLOCK;
    return MAX_OF(least, (n + MAX_BLOCKS - 1) / MAX_BLOCKS);
}

/* Correlation of neighbours, with what a short series hides of it added (Kendall 1954, Marriott & Pope 1954:
 * E r ≈ φ − (1 + 3φ) / n). */
static double neighbour_correlation(const double *v, size_t n, double mean)
{
    double with_next = 0, with_self = 0;
    for (size_t i = 0; i < n; i++) {
        with_self += (v[i] - mean) * (v[i] - mean);
        if (i + 1 < n)
            with_next += (v[i] - mean) * (v[i + 1] - mean);
    }
    if (!(with_self > 0))
        return 0;
    double r = with_next / with_self;
    return fmin(fmax(r + (1 + 3 * r) / (double)n, 0), 0.99);
}

/* Blocks taken for independent miss what reaches from one into the next.  If values remember as a first-order
 * autoregression does (correlation φ^k at distance k), n times the variance of the mean is in the long run
 * (1+φ)/(1−φ) times that of a value, but only (1+φ)/(1−φ) − 2φ(1−φ^l) / (l(1−φ)²) within blocks of l (the sum of
 * (1−|k|/l) φ^|k| over |k| < l).  The quotient. */
static double beyond_blocks(double phi, size_t length)
{
    double l = (double)length, whole = (1 + phi) / (1 - phi);
    return whole / (whole - 2 * phi * (1 - pow(phi, l)) / (l * (1 - phi) * (1 - phi)));
}

/* False where the series is too short for its own memory. */
static bool blocks_init(struct blocks *k, const double *v, size_t n, size_t block)
{
    *k = (struct blocks){.n = n, .length = block_length(n, block)};
    k->sum = xcalloc(2 * n + 1, sizeof *k->sum);
    k->need = MAX_OF(COMPARE_BLOCKS * k->length, COMPARE_MIN);
    if (n < k->need)
        return false;
    k->mean = mean_of(v, n);
    for (size_t i = 0; i < 2 * n; i++) /* distances from the mean, or rounding would grow with the sum */
        k->sum[i + 1] = k->sum[i] + (v[i % n] - k->mean);
    k->draws = (n + k->length - 1) / k->length;

    /* Blocks vary around the mean of their own series, which itself varies with them: of the variance v of a block,
     * v·(1 − lost) is left, lost being what the mean has of it.  With f the quotient above and `number` blocks that is
     * f/number; for independent values it is the n/(n−1) of every variance. */
    double number = (double)n / (double)k->length;
    double f = beyond_blocks(neighbour_correlation(v, n, k->mean), k->length), lost = f / number;
    if (lost > MAX_LOST) {
        k->need = (size_t)(f / MAX_LOST * (double)k->length) + 1;
        return false;
    }
    /* The last block drawn is whole, so a few more values may be drawn than there are: undone by draws/number. */
    k->widen = sqrt(f / (1 - lost) * (double)k->draws / number);
    k->df = number - 1;
    return true;
}

/* A resampled mean's distance from the mean, by the circular block bootstrap (Politis & Romano 1992). */
static double resampled_distance(const struct blocks *k, uint64_t *rng)
{
    double sum = 0;
    for (size_t i = 0; i < k->draws; i++) {
        size_t from = (size_t)(rng_unit(rng) * (double)k->n);
        sum += k->sum[from + k->length] - k->sum[from];
    }
    return k->widen * sum / (double)(k->draws * k->length);
}

/* The percentile interval, wider by t/z: the normal-like spread of resampled means knows nothing of how uncertain a
 * variance from so few blocks is. */
static void series_bootstrap(const struct blocks *a, const struct blocks *b, uint64_t seed, struct comparison *c)
{
    double diff[RESAMPLES], var_a = 0, var_b = 0;
    for (int i = 0; i < RESAMPLES; i++) {
        double of_a = resampled_distance(a, &seed), of_b = resampled_distance(b, &seed);
        var_a += of_a * of_a / RESAMPLES;
        var_b += of_b * of_b / RESAMPLES;
        diff[i] = of_b - of_a;
    }
    percentile_interval(diff, c);
    double wider = student_quantile(1 - TAIL, satterthwaite(var_a, a->df, var_b, b->df)) / Z_TAIL;
    c->lo = c->diff + c->lo * wider;
    c->hi = c->diff + c->hi * wider;
}

void compare_series_means(const double *a, size_t na, const double *b, size_t nb, size_t block, uint64_t seed,
                   const struct compare_rule *rule, struct comparison *c)
{
    struct sides s;
    struct blocks ka, kb;
    sides_take(&s, a, na, b, nb);
    point(c, mean_of(s.a, s.na), s.na, mean_of(s.b, s.nb), s.nb, rule);
    bool long_a = blocks_init(&ka, s.a, s.na, block), long_b = blocks_init(&kb, s.b, s.nb, block);
    if (sides_identical(&s)) {
        same_values(c);
    } else if (long_a && long_b) {
        series_bootstrap(&ka, &kb, seed, c);
        judge(c, rule);
    } else if (sides_min(&s) > 0) {
        size_t more_a = at_least(s.na, ka.need), more_b = at_least(s.nb, kb.need);
        c->more = MAX_OF(more_a, more_b);
    }
    free(ka.sum);
    free(kb.sum);
    sides_release(&s);
}

/* The variance of a resampled mean, over all blocks there are, as the bootstrap would have it. */
static double resampled_variance(const struct blocks *k)
{
    double sum = 0, length = (double)k->length;
    for (size_t from = 0; from < k->n; from++) {
        double distance = (k->sum[from + k->length] - k->sum[from]) / length;
        sum += distance * distance;
    }
    return k->widen * k->widen * sum / (double)k->n / (double)k->draws;
}

/* A quantile is as uncertain as the share of values above it (Bahadur 1966): of how many independent values would that
 * share be known as well? */
static struct ranked ranked_series(const double *v, size_t n, double q, size_t block)
{
    struct blocks k;
    struct dist unused;
    double *copy = finite_values(v, n, &n), above = 0;
    dist_of_values(&unused, copy, n); /* sorts */
    double quantile = stats_quantile(copy, n, q);
    for (size_t i = 0; i < n; i++) {
        copy[i] = v[i] > quantile;
        above += copy[i] / (double)n;
    }
    bool known = blocks_init(&k, copy, n, block);
    struct ranked r = {v, n, known ? n : 0, k.need};
    if (known && above > 0) {
        double wider = student_quantile(1 - TAIL, k.df) / Z_TAIL; /* see series_bootstrap */
        double independent = above * (1 - above) / (resampled_variance(&k) * wider * wider);
        r.independent = independent < (double)n ? (size_t)independent : n; /* NAN: nothing varies */
    }
    free(k.sum);
    free(copy);
    return r;
}

void compare_series_quantile(const double *a, size_t na, const double *b, size_t nb, double q, size_t block, uint64_t seed,
                             const struct compare_rule *rule, struct comparison *c)
{
    struct sides s;
    sides_take(&s, a, na, b, nb);
    struct ranked ra = ranked_series(s.a, s.na, q, block), rb = ranked_series(s.b, s.nb, q, block);
    compare_ranked(&s, &ra, &rb, q, seed, rule, c);
    sides_release(&s);
}
