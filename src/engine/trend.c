#include "engine/trend.h"
#include "stats.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

bool trend_add(struct trend *r, double t_s, double v)
{
    if (!isfinite(v) || (r->n > 0 && t_s < r->t[r->n - 1] + 1))
        return false;
    if (r->n == TREND_POINTS) {
        memmove(r->t, r->t + 1, sizeof r->t - sizeof r->t[0]);
        memmove(r->v, r->v + 1, sizeof r->v - sizeof r->v[0]);
        r->n--;
    }
    r->t[r->n] = t_s;
    r->v[r->n++] = v;
    return true;
}

double trend_seconds(const struct trend *r, double room, double least)
{
    if (r->n < 10 || !(room > 0))
        return (double)NAN;
    double seen = r->t[r->n - 1] - r->t[0];
    if (!(stats_slope(r->t, r->v, r->n) * seen >= least)) /* mostly: and a margin costs a hundred times as much */
        return (double)NAN;
    struct stats_line l = stats_line(r->t, r->v, r->n), late = stats_line(r->t + r->n / 2, r->v + r->n / 2, r->n - r->n / 2);
    /* A step (a model was loaded) makes a slope of a minute that is over. */
    bool goes_on = late.slope - late.margin > 0;
    return goes_on && l.slope - l.margin > 0 ? room / l.slope : (double)NAN;
}
