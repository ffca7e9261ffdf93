/* plot: numbers to shapes on a canvas.  Pure: what is drawn depends on the arguments alone.
 *
 * Time runs to the right, the newest point at the right edge.  A column of dots stands for a whole number of
 * points, cut at fixed moments of the run, so that a shape moves but never changes as it moves.  A gap stays a
 * gap.  Where a column stands for several values its height is their mean. */
#ifndef TG_UI_PLOT_H
#define TG_UI_PLOT_H

#include "ui/canvas.h"

#include "hist.h"
#include "snapshot.h"

/* How much of the time a plot shows, at least. */
enum plot_zoom { ZOOM_1_MIN, ZOOM_5_MIN, ZOOM_30_MIN, ZOOM_WHOLE, ZOOM_COUNT };
extern const char *const plot_zoom_names[ZOOM_COUNT];

#define PLOT_ROWS 64      /* most rows of a histogram */

/* What is plotted: a series, and how much of it. */
struct curve {
    const struct series *series;
    enum plot_zoom zoom;
};

/* The top of a value axis, kept by the caller between frames so that the scale does not jump: it grows as
 * soon as it must, and shrinks only where the data would fill less than half of it.  Zeroed: not yet known.
 */
struct plot_scale {
    double top, step; /* a multiple of step, which is 1, 2 or 5 times a power of ten */
};
void plot_scale_fit(struct plot_scale *s, double max);

/* Highest value that a plot of so many columns shows; NAN where there is none. */
double plot_visible_max(struct curve of, int columns, enum glyph_set glyphs);

struct plot_area {
    struct curve of;
    const struct plot_scale *scale;
    const struct mark *marks;
    size_t marks_n;
};
/* Area with value axis left, time axis below and marks on it; where a column stands for more than a few values, a line above it
 * shows the highest of them. */
void plot_area(struct canvas *c, struct rect r, const struct plot_area *p);

/* Area without axes between lo and hi, in one role. */
void plot_history(struct canvas *c, struct rect r, struct curve of, double lo, double hi,
                  enum role role);
/* One line of eighth blocks. */
void plot_spark(struct canvas *c, int x, int y, int w, struct curve of, double lo, double hi,
                enum role role);
/* Bounds for a history of values that change little: what is seen, but at least `span` apart. */
void plot_bounds(struct curve of, double span, double *lo, double *hi);

/* A bar for a share of 0 … 1 with its track; NAN draws the track alone. */
void plot_gauge(struct canvas *c, int x, int y, int w, double share, enum role role);

/* Parts of a whole next to each other, each with a look of its own; what is left of `whole` stays empty.  Parts that are
 * not known or not positive take no room, others at least a cell. */
struct plot_part {
    double value;
    enum role role;
};
void plot_stack(struct canvas *c, int x, int y, int w, const struct plot_part *parts, int n, double whole);
/* The look of part i, for a legend. */
uint32_t plot_stack_glyph(const struct canvas *c, int i);

/* A heat map: time to the right, the newest at the edge; latency upwards, a quarter of a decade a row, or more where there
 * are fewer rows; the darkest cell has the most.  With labels left and a time axis below. */
void plot_heat(struct canvas *c, struct rect r, const struct heat_view *h, double now_s);

/* A row of a histogram: values in [lo, hi), in ms; the first may be open below, the last open above. */
struct hist_row {
    double lo, hi;
    bool open_lo, open_hi;
    uint64_t warm, cold;
};
/* Cuts both histograms (ns) at round bounds into at most `most` rows (≤ PLOT_ROWS): as fine as fits, every
 * value in exactly one row.  Returns how many, 0 where both are empty. */
int plot_hist_rows(const struct hist *warm, const struct hist *cold, int most, struct hist_row *rows);

struct plot_marker {
    const char *name;
    double ms; /* NAN: not drawn */
    enum role role;
};
/* Horizontal bars, one a row, with "◂ name" behind the bar that holds a marker's value. */
void plot_hist(struct canvas *c, struct rect r, const struct hist_row *rows, int n,
               const struct plot_marker *markers, int markers_n);

#endif
