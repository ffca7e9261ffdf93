#include "report/drift.h"
#include "stats.h"
#include "verdict.h"

#include <math.h>
#include <stdlib.h>

#define WINDOWS_LEAST 8
#define MEMORY_MOST 0.9
#define GIB (1024.0 * 1024 * 1024)

const struct drift_name drift_names[WINDOW_VALUES] = {
    [WINDOW_RATE] = {"Output, tok/s", "output_tok_s", 1},     [WINDOW_TTFT] = {"TTFT, ms", "ttft_ms", 1},
    [WINDOW_DECODE] = {"Decode of a stream, tok/s", "decode_tok_s", 1}, [WINDOW_GTT] = {"GTT, GiB", "gtt_gib", 1 / GIB},
    [WINDOW_VRAM] = {"VRAM, GiB", "vram_gib", 1 / GIB},       [WINDOW_RAM] = {"RAM, GiB", "ram_gib", 1 / GIB},
};

/* Lag-1 autocorrelation of what is left beside the line, freed of most of its bias: a line through n points takes about
 * (2 + 4ρ)/n away from it (Kendall 1954 for a mean, once more for the slope). */
static double memory_of(const double *x, const double *y, size_t n, double mx, double my, double slope)
{
    double own = 0, next = 0, before = 0;
    for (size_t i = 0; i < n; i++) {
        double e = y[i] - my - slope * (x[i] - mx);
        own += e * e;
        if (i > 0)
            next += e * before;
        before = e;
    }
    if (!(own > 0))
        return 0;
    double r = next / own;
    r += (2 + 4 * r) / (double)n;
    return fmin(fmax(r, 0), MEMORY_MOST);
}

/* Neighbours that resemble each other count for less: the interval of a slope widens by √((1+ρ)/(1−ρ)), and there are as many
 * degrees of freedom as independent windows (Bayley & Hammersley 1946). */
void drift_of(const double *hours, const double *y, size_t n, struct drift *d)
{
    double mx = 0, my = 0, nan = (double)NAN;
    d->n = n;
    d->slope = d->margin = d->total = d->mean = nan;
    d->memory = 0;
    d->certain = d->even = false;
    for (size_t i = 0; i < n; i++) {
        mx += hours[i] / (double)n;
        my += y[i] / (double)n;
    }
    if (n > 0)
        d->mean = my;
    struct stats_line l = stats_line(hours, y, n);
    if (n < WINDOWS_LEAST || !isfinite(l.slope))
        return;
    d->memory = memory_of(hours, y, n, mx, my, l.slope);
    double wider = (1 + d->memory) / (1 - d->memory), independent = fmax((double)n / wider, 4);
    double error = l.margin / student_quantile(0.975, (double)(n - 2));
    d->slope = l.slope;
    d->margin = error * sqrt(wider) * student_quantile(0.975, independent - 2);
    d->total = l.slope * (hours[n - 1] - hours[0]) * (double)n / (double)(n - 1);
    d->certain = fabs(d->slope) > d->margin;
    double early = stats_slope(hours, y, n / 2), late = stats_slope(hours + n / 2, y + n / 2, n - n / 2);
    d->even = d->certain && early / l.slope > 0.25 && late / l.slope > 0.25;
}

void drift_find(const struct run_file *f, struct drift out[WINDOW_VALUES])
{
    double load = windows_load(f, NULL), step = fmax(60, (load - DRIFT_SETTLE_S) / DRIFT_WINDOWS);
    struct run_window *w = NULL;
    bool long_enough = run_file_even_load(f) && load >= DRIFT_LEAST_S;
    size_t n = long_enough ? windows_cut(f, DRIFT_SETTLE_S, step, &w) : 0;
    double *x = xcalloc(n + 1, sizeof *x), *y = xcalloc(n + 1, sizeof *y);
    for (int v = 0; v < WINDOW_VALUES; v++) {
        size_t known = 0;
        for (size_t i = 0; i < n; i++) {
            /* Half a window of load is no window; nor is one in which the machine slept. */
            if (!isfinite(w[i].value[v]) || w[i].slept || w[i].load_s < 0.8 * step)
                continue;
            x[known] = (w[i].from + step / 2) / 3600;
            y[known++] = w[i].value[v];
        }
        drift_of(x, y, known, &out[v]);
        out[v].step_s = step;
        out[v].over_s = load - DRIFT_SETTLE_S;
    }
    free(x);
    free(y);
    free(w);
}
