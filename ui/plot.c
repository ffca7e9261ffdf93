#include "ui/plot.h"

#include "util.h"

#include <math.h>
#include <string.h>

#define SCALE_LEAST 1e-6 /* tops of an axis; beyond, steps and labels are no numbers any more */
#define SCALE_MOST 1e15
#define DOTS_MOST 1024 /* columns of dots in a plot; wider ones stay empty at their left */

const char *const plot_zoom_names[ZOOM_COUNT] = {"1 min", "5 min", "30 min", "whole run"};

/* A series cut into columns of dots. */
struct columns {
    int n;
    double column_s; /* seconds a column */
    bool gathered;   /* a column stands for several values */
    struct series_point at[DOTS_MOST];
};

static double nice_step(double raw)
{
    double base = pow(10, floor(log10(raw)));
    double f = raw / base;
    return base * (f <= 1 ? 1 : f <= 2 ? 2 : f <= 5 ? 5 : 10);
}

static void scale_for(struct plot_scale *s, double max)
{
    s->step = nice_step(max / 4);
    s->top = s->step * ceil(max * 1.02 / s->step);
}

void plot_scale_fit(struct plot_scale *s, double max)
{
    if (!isfinite(max) || max < SCALE_LEAST)
        max = s->top > 0 ? s->top * 0.9 : 8;
    max = fmin(max, SCALE_MOST);
    if (max > s->top || max < 0.45 * s->top)
        scale_for(s, max);
}

static int dots_wide(enum glyph_set g)
{
    return g == GLYPHS_BRAILLE ? 2 : 1;
}

static int dots_high(enum glyph_set g)
{
    return g == GLYPHS_BRAILLE ? 4 : 2;
}

/* Seconds of a column of dots, of which there are n.  All of a run is shown at a width that grows in steps of a quarter or less:
 * columns that are cut anew with every second would never stand still. */
static double column_seconds(struct curve of, int n)
{
    static const struct {
        double seconds, unit; /* a column is a whole number of the points that reach so far back */
    } zooms[] = {{60, SERIES_STEP_S}, {300, SERIES_STEP_S}, {1800, SERIES_MIDDLE_S}};
    double column = SERIES_STEP_S;
    if (of.zoom < ZOOM_WHOLE)
        return zooms[of.zoom].unit * MAX_OF(ceil(zooms[of.zoom].seconds / zooms[of.zoom].unit / n), 1);
    while (2 * column * n < of.series->end_s)
        column *= 2;
    for (int quarters = 4; quarters < 8; quarters++)
        if (column * quarters / 4 * n >= of.series->end_s)
            return column * quarters / 4;
    return 2 * column;
}

static void cut(struct columns *out, struct curve of, int dots)
{
    out->n = MAX_OF(MIN_OF(dots, DOTS_MOST), 1);
    out->column_s = column_seconds(of, out->n);
    out->gathered = of.zoom != ZOOM_1_MIN && out->column_s > SERIES_STEP_S;
    double newest = floor(of.series->end_s / out->column_s + 1e-6);
    for (int d = 0; d < out->n; d++) {
        double from = (newest - (out->n - 1 - d)) * out->column_s;
        out->at[d] = series_between(of.series, from, from + out->column_s);
    }
}

double plot_visible_max(struct curve of, int columns, enum glyph_set glyphs)
{
    struct columns cols;
    cut(&cols, of, MAX_OF(columns, 1) * dots_wide(glyphs));
    double max = (double)NAN;
    for (int d = 0; d < cols.n; d++) {
        double v = cols.gathered ? (double)cols.at[d].high : (double)cols.at[d].mean; /* the line over the area */
        if (cols.at[d].count > 0 && !(v <= max))
            max = v;
    }
    return max;
}

/* Filled sub-rows of each column of dots; −1 for a gap.  A known value shows one dot at least: zero is not a
 * gap. */
static int level_of(double v, double lo, double hi, int most)
{
    double share = hi > lo ? (v - lo) / (hi - lo) : 0;
    int n = (int)lround(MIN_OF(MAX_OF(share, 0), 1) * most);
    return MAX_OF(n, 1);
}

static void to_levels(const struct columns *cols, double lo, double hi, int most, int *level)
{
    for (int d = 0; d < cols->n; d++)
        level[d] = cols->at[d].count > 0 ? level_of((double)cols->at[d].mean, lo, hi, most) : -1;
}

static uint32_t braille(int left, int right)
{
    static const uint8_t l[5] = {0, 0x40, 0x44, 0x46, 0x47}, r[5] = {0, 0x80, 0xa0, 0xb0, 0xb8};
    return 0x2800u | l[left] | r[right];
}

static int fill_of(int level, int below, int high)
{
    int f = level - below;
    return f < 0 ? 0 : f > high ? high : f;
}

/* The character of one cell of an area; ' ' where it is empty. */
static uint32_t area_char(const struct canvas *c, const int *level, int dots, int x, int below)
{
    if (c->glyphs == GLYPHS_BRAILLE) {
        int right = 2 * x + 1 < dots ? fill_of(level[2 * x + 1], below, 4) : 0;
        uint32_t ch = braille(fill_of(level[2 * x], below, 4), right);
        return ch == 0x2800 ? ' ' : ch;
    }
    int f = fill_of(level[x], below, 2);
    if (c->glyphs == GLYPHS_BLOCK)
        return f == 2 ? 0x2588 : f == 1 ? 0x2584 : ' ';
    return f == 2 ? '#' : f == 1 ? '.' : ' ';
}

static enum role shade(int row_from_bottom, int rows)
{
    int step = rows > 1 ? row_from_bottom * (GRAPH_STEPS - 1) / (rows - 1) : GRAPH_STEPS - 1;
    return (enum role)(ROLE_GRAPH_STEP + step);
}

/* Fills r with the area; role ROLE_COUNT: the gradient by height. */
static void draw_area(struct canvas *c, struct rect r, const struct columns *cols, double lo, double hi,
                      enum role role)
{
    int level[DOTS_MOST];
    int high = dots_high(c->glyphs), wide = dots_wide(c->glyphs);
    to_levels(cols, lo, hi, r.h * high, level);
    int shown = (cols->n + wide - 1) / wide, x0 = r.x + r.w - shown;
    for (int row = 0; row < r.h; row++) {
        int up = r.h - 1 - row;
        enum role look = role == ROLE_COUNT ? shade(up, r.h) : role;
        for (int x = 0; x < shown; x++) {
            uint32_t ch = area_char(c, level, cols->n, x, up * high);
            if (ch != ' ')
                canvas_put(c, x0 + x, r.y + row, ch, look);
        }
    }
}

static void tick_text(char *out, size_t size, double v)
{
    if (v >= 10000)
        snprintf(out, size, "%gk", v / 1000);
    else
        snprintf(out, size, "%g", round(v * 1e6) / 1e6);
}

/* Steps between two labels, so that they stand two rows apart at least. */
static int tick_every(const struct plot_scale *s, int rows)
{
    int n = (int)lround(s->top / s->step);
    for (int k = 1; k < n; k++)
        if (rows * k >= 2 * n && (n % k == 0 || k > 1))
            return k;
    return MAX_OF(n, 1);
}

static int label_width(const struct plot_scale *s, int every)
{
    int w = 1;
    for (int i = 0; i * s->step <= s->top * 1.0001; i += every) {
        char text[32];
        tick_text(text, sizeof text, i * s->step);
        w = MAX_OF(w, (int)strlen(text));
    }
    return w;
}

/* Labels left, and a faint line across the plot at each. */
static void value_axis(struct canvas *c, struct rect plot, int label_w, const struct plot_scale *s, int every)
{
    for (int row = 0; row < plot.h; row++)
        canvas_put(c, plot.x - 1, plot.y + row, 0x2502, ROLE_GRAPH_LABEL);
    for (int i = every; i * s->step <= s->top * 1.0001; i += every) {
        char text[32];
        int row = (int)floor(plot.h * (1 - i * s->step / s->top) + 1e-6);
        tick_text(text, sizeof text, i * s->step);
        canvas_text_right(c, plot.x - 1 - label_w, plot.y + row, label_w, text, ROLE_GRAPH_LABEL);
        canvas_put(c, plot.x - 1, plot.y + row, 0x2524, ROLE_GRAPH_LABEL);
        for (int x = 0; x < plot.w && c->glyphs != GLYPHS_ASCII; x++) /* in ASCII it would look like data */
            canvas_put(c, plot.x + x, plot.y + row, 0x2504, ROLE_GRAPH_GRID);
    }
}

/* The dots of a line in one cell, in braille; it is one dot high, and joins what is higher or lower beside it. */
static uint32_t line_char(const int *level, int dots, int x, int below)
{
    static const uint8_t bit[2][4] = {{0x40, 0x04, 0x02, 0x01}, {0x80, 0x20, 0x10, 0x08}};
    uint32_t ch = 0;
    for (int side = 0; side < 2 && 2 * x + side < dots; side++) {
        int at = level[2 * x + side], d = 2 * x + side;
        if (at < 0)
            continue;
        int before = d > 0 && level[d - 1] >= 0 ? level[d - 1] : at;
        int lo = MIN_OF(at, before + (before < at)), hi = MAX_OF(at, before - (before > at));
        for (int dot = 0; dot < 4; dot++)
            if (below + dot + 1 >= lo && below + dot + 1 <= hi)
                ch |= bit[side][dot];
    }
    return ch;
}

/* The highest values over an area of means: only where the cell is not the area's. */
static void draw_highest(struct canvas *c, struct rect r, const struct columns *cols, double top)
{
    int level[DOTS_MOST] = {0}, high = dots_high(c->glyphs), wide = dots_wide(c->glyphs);
    for (int d = 0; d < cols->n; d++)
        level[d] = cols->at[d].count > 0 ? level_of((double)cols->at[d].high, 0, top, r.h * high) : -1;
    int shown = (cols->n + wide - 1) / wide, x0 = r.x + r.w - shown;
    for (int row = 0; row < r.h; row++)
        for (int x = 0; x < shown; x++) {
            int below = (r.h - 1 - row) * high;
            uint32_t is = canvas_at(c, x0 + x, r.y + row)->ch;
            bool free = is == ' ' || is == 0x2504 || is == 0xb7;
            if (!free)
                continue;
            if (c->glyphs == GLYPHS_BRAILLE) {
                uint32_t dots = line_char(level, cols->n, x, below);
                if (dots != 0)
                    canvas_put(c, x0 + x, r.y + row, 0x2800u | dots, ROLE_SERIES_2);
            } else if (level[x] > below && level[x] <= below + high) {
                canvas_put(c, x0 + x, r.y + row, c->glyphs == GLYPHS_ASCII ? '-' : 0x2580, ROLE_SERIES_2);
            }
        }
}

/* The cell column of a moment `ago` seconds before now; may lie outside. */
static int time_column(const struct canvas *c, struct rect plot, const struct columns *cols, double ago)
{
    int wide = dots_wide(c->glyphs), shown = (cols->n + wide - 1) / wide;
    double dot = cols->n - 1 - ago / cols->column_s;
    return plot.x + plot.w - shown + (int)floor(dot / wide);
}

static double time_step(double seconds_per_cell)
{
    static const double steps[] = {5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        if (steps[i] / seconds_per_cell >= 9)
            return steps[i];
    double days = ceil(9 * seconds_per_cell / 86400);
    return days * 86400;
}

/* "-90 s", "-20 min", "-6 h"; one unit for all ticks of an axis. */
static void ago_text(char *out, size_t size, double ago, double step)
{
    if (step < 60)
        snprintf(out, size, "-%g s", ago);
    else if (step < 1800)
        snprintf(out, size, "-%g min", ago / 60);
    else
        snprintf(out, size, "-%g h", ago / 3600);
}

/* The line below the plot, and the labels below that where there is a row for them. */
static void time_axis(struct canvas *c, struct rect plot, const struct columns *cols, double end_s, bool labels)
{
    int y = plot.y + plot.h;
    for (int x = 0; x < plot.w; x++)
        canvas_put(c, plot.x + x, y, 0x2500, ROLE_GRAPH_LABEL);
    canvas_put(c, plot.x - 1, y, 0x2514, ROLE_GRAPH_LABEL);
    canvas_text_right(c, plot.x - 3, y, 2, "0", ROLE_GRAPH_LABEL);
    double step = time_step(cols->column_s * dots_wide(c->glyphs));
    int free_to = plot.x + plot.w - 4; /* "now" stands there */
    if (labels)
        canvas_text(c, plot.x + plot.w - 3, y + 1, 3, "now", ROLE_GRAPH_LABEL);
    for (int tick = 1; tick * step <= MAX_OF(end_s, 60); tick++) { /* nothing was before the run */
        double ago = tick * step;
        int x = time_column(c, plot, cols, ago);
        if (x < plot.x)
            break;
        canvas_put(c, x, y, 0x2534, ROLE_GRAPH_LABEL);
        char text[24];
        ago_text(text, sizeof text, ago, step);
        int w = (int)strlen(text), at = x - w / 2;
        if (labels && at >= plot.x - 2 && at + w <= free_to) {
            canvas_text(c, at, y + 1, w, text, ROLE_GRAPH_LABEL);
            free_to = at - 1;
        }
    }
}

static void draw_marks(struct canvas *c, struct rect plot, const struct columns *cols,
                       const struct plot_area *p)
{
    for (size_t i = 0; i < p->marks_n; i++) {
        double ago = p->of.series->end_s - p->marks[i].at_s;
        int x = fabs(ago) < 1e6 ? time_column(c, plot, cols, ago) : -1;
        if (x >= plot.x && x < plot.x + plot.w)
            canvas_put(c, x, plot.y + plot.h, 0x25b2, ROLE_HIST_MARK);
    }
}

void plot_area(struct canvas *c, struct rect r, const struct plot_area *p)
{
    bool labels = r.h >= 6;
    int rows = r.h - 1 - labels;
    if (rows < 1 || p->scale->top <= 0)
        return;
    int every = tick_every(p->scale, rows), label_w = label_width(p->scale, every);
    struct rect plot = {r.x + label_w + 1, r.y, r.w - label_w - 1, rows};
    if (plot.w < 4)
        return;
    struct columns cols;
    cut(&cols, p->of, plot.w * dots_wide(c->glyphs));
    value_axis(c, plot, label_w, p->scale, every);
    draw_area(c, plot, &cols, 0, p->scale->top, ROLE_COUNT);
    if (cols.gathered)
        draw_highest(c, plot, &cols, p->scale->top);
    time_axis(c, plot, &cols, p->of.series->end_s, labels);
    draw_marks(c, plot, &cols, p);
}

void plot_history(struct canvas *c, struct rect r, struct curve of, double lo, double hi,
                  enum role role)
{
    if (r.w < 1 || r.h < 1)
        return;
    struct columns cols;
    cut(&cols, of, r.w * dots_wide(c->glyphs));
    draw_area(c, r, &cols, lo, hi, role);
}

void plot_spark(struct canvas *c, int x, int y, int w, struct curve of, double lo, double hi,
                enum role role)
{
    if (w < 1)
        return;
    struct columns cols;
    int level[DOTS_MOST];
    cut(&cols, of, w);
    to_levels(&cols, lo, hi, 8, level);
    for (int d = 0; d < cols.n; d++)
        if (level[d] > 0)
            canvas_put(c, x + w - cols.n + d, y, 0x2580u + (uint32_t)level[d], role);
}

void plot_bounds(struct curve of, double span, double *lo, double *hi)
{
    double min = HUGE_VAL, max = -HUGE_VAL;
    struct columns cols;
    cut(&cols, of, 128); /* how fine does not matter much */
    for (int d = 0; d < cols.n; d++)
        if (cols.at[d].count > 0) {
            min = fmin(min, (double)cols.at[d].mean);
            max = fmax(max, (double)cols.at[d].mean);
        }
    if (!(min <= max))
        min = max = 0;
    double missing = span - (max - min);
    *lo = missing > 0 ? fmax(min - missing / 2, 0) : min;
    *hi = fmax(max, *lo + span);
    *lo = fmax(*lo - (*hi - *lo) / 4, 0); /* the lowest value still has a body */
}

void plot_gauge(struct canvas *c, int x, int y, int w, double share, enum role role)
{
    bool ascii = c->glyphs == GLYPHS_ASCII;
    int unit = c->glyphs == GLYPHS_BRAILLE ? 8 : c->glyphs == GLYPHS_BLOCK ? 2 : 1;
    int filled = 0;
    if (isfinite(share) && share > 0)
        filled = MAX_OF((int)lround(MIN_OF(share, 1) * w * unit), 1);
    for (int i = 0; i < w; i++) {
        int part = MIN_OF(MAX_OF(filled - i * unit, 0), unit);
        uint32_t ch = part == 0 ? (ascii ? '.' : ' ') : 0x2590u - (uint32_t)(part * 8 / unit);
        canvas_put_bg(c, x + i, y, ch, part == 0 ? ROLE_PANEL_BORDER : role, ROLE_GAUGE_TRACK);
    }
}

uint32_t plot_stack_glyph(const struct canvas *c, int i)
{
    static const uint32_t looks[] = {0x2588, 0x2593, 0x2592, 0x2591}; /* told apart without colours too */
    static const char ascii[] = "#%=-";
    int k = MIN_OF(i, (int)ARRAY_LEN(looks) - 1);
    return c->glyphs == GLYPHS_ASCII ? (uint32_t)ascii[k] : looks[k];
}

void plot_stack(struct canvas *c, int x, int y, int w, const struct plot_part *parts, int n, double whole)
{
    int used = 0;
    double sum = 0;
    for (int i = 0; i < n && whole > 0; i++) {
        if (!(parts[i].value > 0))
            continue;
        sum += parts[i].value;
        int end = MIN_OF(MAX_OF((int)lround(MIN_OF(sum / whole, 1) * w), used + 1), w);
        for (; used < end; used++)
            canvas_put_bg(c, x + used, y, plot_stack_glyph(c, i), parts[i].role, ROLE_GAUGE_TRACK);
    }
    for (; used < w; used++)
        canvas_put_bg(c, x + used, y, c->glyphs == GLYPHS_ASCII ? '.' : ' ', ROLE_PANEL_BORDER, ROLE_GAUGE_TRACK);
}
