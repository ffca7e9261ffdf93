#include "stats.h"
#include "verdict.h"

#include <math.h>
#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double stats_quantile(const double *sorted, size_t n, double q)
{
    if (n == 0)
        return (double)NAN;
    double pos = q * (double)(n - 1);
    size_t i = (size_t)floor(pos);
    if (i + 1 >= n)
        return sorted[n - 1];
    return sorted[i] + (sorted[i + 1] - sorted[i]) * (pos - (double)i);
}

struct moments {
    double mx, my, xx, xy; /* means; sums of the squares and products of what is off them */
};

static struct moments moments_of(const double *x, const double *y, size_t n)
{
    struct moments m = {0, 0, 0, 0};
    for (size_t i = 0; i < n; i++) {
        m.mx += x[i] / (double)n;
        m.my += y[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        m.xx += (x[i] - m.mx) * (x[i] - m.mx);
        m.xy += (x[i] - m.mx) * (y[i] - m.my);
    }
    return m;
}

static double slope_of(const struct moments *m, size_t n)
{
    return n < 3 || !(m->xx > 0) ? (double)NAN : m->xy / m->xx;
}

double stats_slope(const double *x, const double *y, size_t n)
{
    struct moments m = moments_of(x, y, n);
    return slope_of(&m, n);
}

struct stats_line stats_line(const double *x, const double *y, size_t n)
{
    struct moments m = moments_of(x, y, n);
    struct stats_line l = {slope_of(&m, n), (double)NAN};
    double rest = 0;
    if (isnan(l.slope))
        return l;
    for (size_t i = 0; i < n; i++) {
        double off = y[i] - m.my - l.slope * (x[i] - m.mx);
        rest += off * off;
    }
    l.margin = student_quantile(0.975, (double)(n - 2)) * sqrt(rest / (double)(n - 2) / m.xx);
    return l;
}

static void unknown(struct dist *d)
{
    double nan = (double)NAN;
    *d = (struct dist){0, nan, nan, nan, nan, nan, nan, nan, nan, nan, false};
}

void dist_of_values(struct dist *d, double *v, size_t n)
{
    unknown(d);
    d->exact = true;
    d->n = n;
    if (n == 0)
        return;
    qsort(v, n, sizeof *v, by_value);
    double sum = 0, sq = 0;
    for (size_t i = 0; i < n; i++)
        sum += v[i];
    d->mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        sq += (v[i] - d->mean) * (v[i] - d->mean);
    d->stddev = n > 1 ? sqrt(sq / (double)(n - 1)) : (double)NAN;
    d->min = v[0];
    d->max = v[n - 1];
    d->p50 = stats_quantile(v, n, 0.5);
    d->p90 = stats_quantile(v, n, 0.9);
    d->p95 = stats_quantile(v, n, 0.95);
    d->p99 = stats_quantile(v, n, 0.99);
    d->p999 = stats_quantile(v, n, 0.999);
}

void dist_of_hist(struct dist *d, const struct hist *h, double scale)
{
    unknown(d);
    d->n = h->count;
    if (h->count == 0)
        return;
    d->mean = hist_mean(h) / scale;
    d->stddev = hist_stddev(h) / scale;
    d->min = (double)h->min / scale;
    d->max = (double)h->max / scale;
    d->p50 = hist_quantile(h, 0.5) / scale;
    d->p90 = hist_quantile(h, 0.9) / scale;
    d->p95 = hist_quantile(h, 0.95) / scale;
    d->p99 = hist_quantile(h, 0.99) / scale;
    d->p999 = hist_quantile(h, 0.999) / scale;
}
