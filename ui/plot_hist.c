#include "ui/plot.h"

#include "util.h"

#include <math.h>
#include <string.h>

#define NS_PER_MS 1e6
#define BOUNDS_MOST 512

/* Round bounds within a decade, from fine to coarse. */
static const double twelve[] = {1, 1.2, 1.4, 1.7, 2, 2.5, 3, 3.5, 4, 5, 6, 8};
static const double six[] = {1, 1.5, 2, 3, 5, 7};
static const double three[] = {1, 2, 5};
static const double one[] = {1};
static const struct {
    const double *at;
    int n;
} grids[] = {{twelve, 12}, {six, 6}, {three, 3}, {one, 1}};

static double grid_bound(int grid, int i)
{
    int n = grids[grid].n, decade = (int)floor((double)i / n);
    return grids[grid].at[i - decade * n] * pow(10, decade);
}

/* Index of the last bound at or below v (ms, > 0). */
static int bound_below(int grid, double v)
{
    int i = (int)floor(log10(v)) * grids[grid].n - 1;
    while (grid_bound(grid, i + 1) <= v)
        i++;
    return i;
}

/* Smallest and largest value of both, in ms. */
static bool range_of(const struct hist *a, const struct hist *b, double *lo, double *hi)
{
    if (a->count == 0 && b->count == 0)
        return false;
    double min = HUGE_VAL, max = 0;
    if (a->count > 0) {
        min = fmin(min, (double)a->min);
        max = fmax(max, (double)a->max);
    }
    if (b->count > 0) {
        min = fmin(min, (double)b->min);
        max = fmax(max, (double)b->max);
    }
    *lo = fmax(min / NS_PER_MS, 1e-3);
    *hi = fmax(max / NS_PER_MS, *lo);
    return true;
}

static void count_row(struct hist_row *r, const struct hist *warm, const struct hist *cold)
{
    double from = r->open_lo ? -1 : r->lo * NS_PER_MS, to = r->open_hi ? (double)INFINITY : r->hi * NS_PER_MS;
    r->warm = hist_between(warm, from, to);
    r->cold = hist_between(cold, from, to);
}

int plot_hist_rows(const struct hist *warm, const struct hist *cold, int most, struct hist_row *rows)
{
    double lo, hi;
    most = MIN_OF(most, PLOT_ROWS);
    if (most < 1 || !range_of(warm, cold, &lo, &hi))
        return 0;
    int grid = 0, first, n;
    for (;; grid++) {
        first = bound_below(grid, lo);
        n = bound_below(grid, hi) + 1 - first;
        if (n <= most || grid + 1 == (int)ARRAY_LEN(grids))
            break;
    }
    bool folded = n > most; /* even decades are too many: the slowest stay apart, the fastest share a row */
    if (folded) {
        first += n - most;
        n = most;
    }
    for (int i = 0; i < n; i++) {
        rows[i] = (struct hist_row){.lo = grid_bound(grid, first + i), .hi = grid_bound(grid, first + i + 1)};
        rows[i].open_lo = i == 0 && folded;
        /* The ends take what the histogram's own rounding or the least bound put a hair outside. */
        struct hist_row wide = rows[i];
        wide.open_lo = i == 0;
        wide.open_hi = i == n - 1;
        count_row(&wide, warm, cold);
        rows[i].warm = wide.warm;
        rows[i].cold = wide.cold;
    }
    return n;
}

static void row_label(char *out, size_t size, const struct hist_row *r)
{
    const char *unit = r->hi >= 1000 ? "s" : r->hi >= 1 ? "ms" : "µs";
    double f = r->hi >= 1000 ? 1e-3 : r->hi >= 1 ? 1 : 1e3;
    if (r->open_lo)
        snprintf(out, size, "< %.6g %s", r->hi * f, unit);
    else
        snprintf(out, size, "%.6g–%.6g %s", r->lo * f, r->hi * f, unit);
}

static bool holds(const struct hist_row *rows, int n, int i, double v)
{
    return isfinite(v) && (v >= rows[i].lo || i == 0) && (v < rows[i].hi || i == n - 1);
}

/* Warm part, then the cold one in its own colour.  The cell in which they meet has both, as figure and
 * ground. */
static int draw_bar(struct canvas *c, int x, int y, int w, const struct hist_row *r, uint64_t max)
{
    int unit = c->glyphs == GLYPHS_BRAILLE ? 8 : c->glyphs == GLYPHS_BLOCK ? 2 : 1;
    double per = (double)w * unit / (double)max;
    int warm = (int)lround((double)r->warm * per), all = (int)lround((double)(r->warm + r->cold) * per);
    if (r->warm > 0)
        warm = MAX_OF(warm, 1);
    if (r->cold > 0)
        all = MAX_OF(all, warm + 1);
    all = MIN_OF(MAX_OF(all, warm), w * unit);
    int cells = (all + unit - 1) / unit;
    for (int i = 0; i < cells; i++) {
        int a = MIN_OF(MAX_OF(warm - i * unit, 0), unit), b = MIN_OF(MAX_OF(all - i * unit, 0), unit);
        if (a == 0)
            canvas_put(c, x + i, y, 0x2590u - (uint32_t)(b * 8 / unit), ROLE_HIST_COLD);
        else
            canvas_put_bg(c, x + i, y, 0x2590u - (uint32_t)(a * 8 / unit), ROLE_HIST_BAR,
                          b > a ? ROLE_HIST_COLD : ROLE_BACKGROUND);
    }
    return cells;
}

static void draw_markers(struct canvas *c, int x, int y, int w, const struct hist_row *rows, int n, int i,
                         const struct plot_marker *markers, int markers_n)
{
    int used = 0;
    for (int m = 0; m < markers_n; m++) {
        int need = canvas_width(c, markers[m].name) + (used == 0 ? 2 : 1);
        if (!holds(rows, n, i, markers[m].ms) || used + need > w)
            continue;
        if (used == 0)
            canvas_put(c, x, y, 0x25c2, markers[m].role);
        canvas_text(c, x + used + (used == 0 ? 2 : 1), y, w, markers[m].name, markers[m].role);
        used += need;
    }
}

/* Columns to keep behind the longest bar for its markers. */
static int marker_room(const struct canvas *c, const struct plot_marker *markers, int markers_n)
{
    int w = 0;
    for (int m = 0; m < markers_n; m++)
        if (isfinite(markers[m].ms))
            w = MAX_OF(w, canvas_width(c, markers[m].name));
    return w > 0 ? w + 3 : 0;
}

void plot_hist(struct canvas *c, struct rect r, const struct hist_row *rows, int n,
               const struct plot_marker *markers, int markers_n)
{
    uint64_t max = 1;
    int label_w = 0, count_w = 1;
    char text[64];
    n = MIN_OF(n, r.h);
    for (int i = 0; i < n; i++) {
        uint64_t count = rows[i].warm + rows[i].cold;
        max = MAX_OF(max, count);
        row_label(text, sizeof text, &rows[i]);
        label_w = MAX_OF(label_w, canvas_width(c, text));
        snprintf(text, sizeof text, "%llu", (unsigned long long)count);
        count_w = MAX_OF(count_w, (int)strlen(text));
    }
    int x = r.x + label_w + 1, room = r.w - label_w - 1 - count_w - 1;
    int bar_w = MAX_OF(room - marker_room(c, markers, markers_n), 4);
    if (bar_w > room)
        return;
    for (int i = 0; i < n; i++) {
        uint64_t count = rows[i].warm + rows[i].cold;
        row_label(text, sizeof text, &rows[i]);
        canvas_text_right(c, r.x, r.y + i, label_w, text, ROLE_GRAPH_LABEL);
        int used = draw_bar(c, x, r.y + i, bar_w, &rows[i], max);
        draw_markers(c, x + used + (used > 0), r.y + i, room - used - 1, rows, n, i, markers, markers_n);
        snprintf(text, sizeof text, "%llu", (unsigned long long)count);
        canvas_text_right(c, r.x, r.y + i, r.w, text, count > 0 ? ROLE_TEXT : ROLE_TEXT_DIM);
    }
}
