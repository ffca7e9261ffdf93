/* chart: charts as inline SVG for a page of HTML: data in, text out.  Pure, no script; colours and lines are classes of
 * the page's style sheet (doc_style.c).  Widths are shares of the page and heights are px, so that text keeps its size on
 * a phone.  Values that are not finite, or beyond 1e15, are gaps and reach no output.  Labels may hold hostile text.
 *
 * A chart with too little data, or with values that are all next to nothing, writes nothing and returns false. */
#ifndef TG_CHART_H
#define TG_CHART_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>

#define CHART_POINTS 600 /* drawn in one chart at the most; more are gathered in columns */
#define CHART_TICKS_MAX 16
#define CHART_SERIES_MAX 3
#define CHART_BINS_MAX 40
#define CHART_GUIDES 3
#define CHART_RANGE_LEAST 1e-12 /* what is less has no ticks: a step of it may round to nothing */

struct chart_point {
    double x, y; /* y NAN: the line is broken here */
};

/* What a chart says of itself.  Texts are not owned. */
struct chart_text {
    const char *id; /* unique in the page, of letters */
    const char *title;
    const char *unit;   /* of y */
    const char *x_name; /* with its unit, but for time */
};

/* ---- values over time ---- */

struct chart_series {
    const char *name;
    const struct chart_point *points; /* x in seconds, ascending */
    size_t n;
};

struct chart_event {
    double x;
    const char *label;
    bool mark; /* set by the user; else a change of the load */
};

struct chart_times {
    struct chart_text text;
    struct chart_series series[CHART_SERIES_MAX];
    size_t series_n;
    const struct chart_event *events;
    size_t events_n;
    double level; /* a line across, NAN: none */
    const char *level_name;
};

bool chart_times(const struct chart_times *c, struct buf *out);

/* ---- how often ---- */

struct chart_bins {
    double low, high; /* of all bins; their bounds form a geometric series */
    double count[CHART_BINS_MAX];
    size_t n;
    double total;
};

/* Bins for about so many values from min to max, both > 0; false where they are not. */
bool chart_bins_init(struct chart_bins *b, double min, double max, double values);
/* n values spread evenly from low to high (which may be the same). */
void chart_bins_add(struct chart_bins *b, double low, double high, double n);

struct chart_guide {
    const char *name; /* "p50" */
    double x;
};

struct chart_histogram {
    struct chart_text text;
    const struct chart_bins *bins;
    struct chart_guide guides[CHART_GUIDES]; /* x NAN: not known */
};

bool chart_histogram(const struct chart_histogram *c, struct buf *out);

/* ---- one against the other ---- */

struct chart_dot {
    double x, y;
    char label[32];
};

struct chart_curve {
    struct chart_text text;
    const char *y_name, *label_name; /* what y and the labels are: "TTFT p95", "streams" */
    const struct chart_dot *dots;
    size_t n;
    bool joined; /* by a line, in their order */
};

bool chart_curve(const struct chart_curve *c, struct buf *out);

/* ---- parts, for tests ---- */

/* Multiples of 1, 2 or 5 times a power of ten from low to high, `most` (2 … CHART_TICKS_MAX) of them at the most; the
 * step is ticks[1] − ticks[0].  Returns how many. */
size_t chart_ticks(double low, double high, size_t most, double *ticks);
/* The same for a logarithmic axis (0 < low < high): 1, 2, 5, 10 … or powers of ten alone; under a decade as chart_ticks
 * does. */
size_t chart_log_ticks(double low, double high, size_t most, double *ticks);

struct chart_column {
    double x, min, max, mean; /* NAN: nothing was known in it */
};

/* Gathers the points, of x from low to high, into n (up to CHART_POINTS) columns of one width; no peak is lost. */
void chart_gather(const struct chart_point *p, size_t points, double low, double high,
                  struct chart_column *columns, size_t n);

#endif
