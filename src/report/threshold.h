/* threshold: a condition on a figure of the run that makes it fail, for use in scripts: "ttft_p95 > 500ms". */
#ifndef TG_THRESHOLD_H
#define TG_THRESHOLD_H

#include "report/result.h"

enum statistic { STAT_VALUE, STAT_MEAN, STAT_MIN, STAT_P50, STAT_P90, STAT_P95, STAT_P99, STAT_P999, STAT_MAX };

struct threshold {
    const char *text; /* as given; not owned */
    enum metric_id metric;
    enum statistic stat; /* STAT_VALUE for a metric that is one number a run */
    bool above, equal;   /* broken where the figure is > (>=) the limit; else < (<=) */
    double limit;        /* in the metric's own unit */
};

/* NAME OP VALUE, blanks optional: NAME a metric's id or JSON key, of one with a distribution followed by _mean, _min, _p50,
 * _p90, _p95, _p99, _p999 or _max; OP one of < <= > >=; VALUE a number in the metric's unit (a bare time
 * is in ms, as its JSON key says), or a time with its unit.
 * False with the reason in e. */
bool threshold_parse(const char *text, struct threshold *t, struct err *e);

/* n bytes that name a figure as above: "ttft_p95", "output_tok_s".  False where there is none. */
bool threshold_figure(const char *name, size_t n, enum metric_id *m, enum statistic *s);

/* The figure that it is about; NAN unknown. */
double threshold_value(const struct threshold *t, const struct run_result *r);
/* Is it broken by this figure?  An unknown figure breaks every threshold: what was not measured was not met. */
bool threshold_broken(const struct threshold *t, double value);

#endif
