#include "measure/batches.h"

#include "util.h"
#include "verdict.h"

#include <math.h>
#include <string.h>

#define FREE 0.1 /* autocorrelation of neighbours; more of it makes an interval too narrow */

/* … where each makes up for the one before: answers that come in waves. */
#define MAKES_UP (-0.3)

void batches_clear(struct batches *b)
{
    *b = (struct batches){.per = 1};
}

/* Means of neighbours; an odd one at the end is left for the next. */
static int pair(double *v, int n)
{
    for (int i = 0; i + 1 < n; i += 2)
        v[i / 2] = (v[i] + v[i + 1]) / 2;
    return n / 2;
}

void batches_add(struct batches *b, double value)
{
    b->open += value;
    if (++b->open_n < b->per)
        return;
    b->mean[b->n++] = b->open / b->open_n;
    b->open = 0;
    b->open_n = 0;
    if (b->n < BATCHES_MOST)
        return;
    b->n = pair(b->mean, b->n);
    b->per *= 2;
}

static double mean_of(const double *v, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += v[i];
    return sum / n;
}

/* Of neighbours, and the variance (n − 1) in *var. */
static double autocorrelation(const double *v, int n, double *var)
{
    double m = mean_of(v, n), squares = 0, products = 0;
    for (int i = 0; i < n; i++) {
        squares += (v[i] - m) * (v[i] - m);
        if (i > 0)
            products += (v[i] - m) * (v[i - 1] - m);
    }
    *var = squares / (n - 1);
    return squares > 0 ? products / squares : 0;
}

struct batch_interval batches_interval(const struct batches *b)
{
    struct batch_interval out = {(double)NAN, (double)NAN, 0};
    double v[BATCHES_MOST], var;
    int n = b->n;
    if (n == 0)
        return out;
    memcpy(v, b->mean, sizeof v);
    out.mean = mean_of(v, n);
    for (; n >= BATCHES_LEAST; n = pair(v, n)) {
        double r = autocorrelation(v, n, &var);
        if (r > FREE)
            continue;
        out.margin = student_quantile(0.975, n - 1) * sqrt(var / n);
        out.batches = n;
        if (r >= MAKES_UP) /* else it is right, but much too wide: longer ones may do */
            return out;
    }
    return out;
}
