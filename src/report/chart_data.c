/* The numbers behind charts: ticks, columns, bins. */
#include "report/chart.h"
#include "util.h"

#include <math.h>

/* Multiples of step from low to high; a bound that is one but for rounding counts. */
static double multiples(double low, double high, double step, double *first)
{
    *first = ceil(low / step - 1e-9);
    return floor(high / step + 1e-9) - *first + 1;
}

size_t chart_ticks(double low, double high, size_t most, double *ticks)
{
    static const double steps[] = {1, 2, 5};
    if (!(high - low >= CHART_RANGE_LEAST) || !isfinite(high - low) || high - low < 1e-9 * fmax(fabs(low), fabs(high)))
        return 0;
    most = MIN_OF(most, (size_t)CHART_TICKS_MAX);
    double power = pow(10, floor(log10((high - low) / (double)most))), step = power, first;
    for (size_t i = 1; multiples(low, high, step, &first) > (double)most; i++) {
        power *= i % ARRAY_LEN(steps) == 0 ? 10 : 1;
        step = power * steps[i % ARRAY_LEN(steps)];
    }
    size_t n = (size_t)multiples(low, high, step, &first);
    for (size_t i = 0; i < n; i++)
        ticks[i] = (first + (double)i) * step;
    return n;
}

/* 1, 2 and 5 of each decade, or only one of `every` decades; returns how many there are, writes the first `most`. */
static size_t decades(double low, double high, int every, bool between, size_t most, double *ticks)
{
    static const double parts[] = {1, 2, 5};
    size_t n = 0;
    for (int e = (int)floor(log10(low)); e <= (int)ceil(log10(high)); e++)
        for (size_t i = 0; e % every == 0 && i < (between ? ARRAY_LEN(parts) : 1); i++) {
            double v = parts[i] * pow(10, e);
            if (v < low * (1 - 1e-9) || v > high * (1 + 1e-9))
                continue;
            if (n < most)
                ticks[n] = v;
            n++;
        }
    return n;
}

size_t chart_log_ticks(double low, double high, size_t most, double *ticks)
{
    if (!(low > 0) || !(high > low) || !isfinite(high / low))
        return 0;
    most = MIN_OF(most, (size_t)CHART_TICKS_MAX);
    if (high / low < 10)
        return chart_ticks(low, high, most, ticks);
    size_t n = decades(low, high, 1, true, most, ticks);
    for (int every = 1; n > most; every++)
        n = decades(low, high, every, false, most, ticks);
    return n;
}

void chart_gather(const struct chart_point *p, size_t points, double low, double high,
                  struct chart_column *columns, size_t n)
{
    double width = (high - low) / (double)n, count[CHART_POINTS] = {0};
    for (size_t i = 0; i < n; i++)
        columns[i] = (struct chart_column){low + ((double)i + 0.5) * width, (double)NAN, (double)NAN, 0};
    for (size_t i = 0; i < points; i++) {
        if (!isfinite(p[i].y) || !(p[i].x >= low && p[i].x <= high))
            continue;
        size_t at = MIN_OF((size_t)((p[i].x - low) / width), n - 1);
        columns[at].min = fmin(columns[at].min, p[i].y); /* of a number and NAN: the number */
        columns[at].max = fmax(columns[at].max, p[i].y);
        columns[at].mean += p[i].y;
        count[at]++;
    }
    for (size_t i = 0; i < n; i++)
        columns[i].mean = count[i] > 0 ? columns[i].mean / count[i] : (double)NAN;
}

bool chart_bins_init(struct chart_bins *b, double min, double max, double values)
{
    *b = (struct chart_bins){.low = min / 1.05, .high = max * 1.05};
    if (!(min > CHART_RANGE_LEAST) || !(max >= min) || !(max < 1e15) || !(values >= 1))
        return false;
    b->n = (size_t)fmax(10, fmin(CHART_BINS_MAX, ceil(2 * cbrt(values)))); /* Rice's rule */
    return true;
}

static double bin_edge(const struct chart_bins *b, size_t i)
{
    return b->low * pow(b->high / b->low, (double)i / (double)b->n);
}

static size_t bin_of(const struct chart_bins *b, double v)
{
    double at = log(v / b->low) / log(b->high / b->low) * (double)b->n;
    return at > 0 ? MIN_OF((size_t)at, b->n - 1) : 0;
}

void chart_bins_add(struct chart_bins *b, double low, double high, double n)
{
    if (b->n == 0 || !(low > 0) || !(high >= low) || !isfinite(high) || !isfinite(n))
        return;
    b->total += n;
    size_t first = bin_of(b, low), last = bin_of(b, high);
    if (first == last) {
        b->count[first] += n;
        return;
    }
    for (size_t i = first; i <= last; i++) {
        double from = i == first ? low : bin_edge(b, i), to = i == last ? high : bin_edge(b, i + 1);
        b->count[i] += n * fmax(to - from, 0) / (high - low);
    }
}
