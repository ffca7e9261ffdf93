#include "report/chart.h"
#include "fmt.h"
#include "report/doc.h"
#include "util.h"

#include <math.h>
#include <string.h>

#define PLOT_H 180.0    /* px of the area between the axes */
#define PLOT_W 1000.0   /* units of a path across it; the browser stretches them */
#define ROW_H 16.0      /* px of a row of labels */
#define BELOW_H 42.0    /* px for the labels of the x axis */
#define LETTER_W 6.6    /* px of a letter, about; for keeping labels apart */
#define PAGE_W 560.0    /* px of a plot on a page, at the least … */
#define PHONE_W 280.0   /* … and on a phone */
#define LINES_APART 0.4 /* % of the width between events, at the least */
#define X_TICKS 8
#define Y_TICKS 6
#define VALUES_MAX 1e15
#define HISTOGRAM_VALUES 8 /* fewer show no shape */
#define TIMES_VALUES 3

struct scale {
    double low, high;
    bool log;
    double ticks[CHART_TICKS_MAX];
    size_t n;
};

struct range {
    double low, high, sum;
    size_t n;
};

static bool known(double v)
{
    return isfinite(v) && fabs(v) <= VALUES_MAX;
}

static void range_add(struct range *r, double v)
{
    r->low = r->n == 0 ? v : fmin(r->low, v);
    r->high = r->n == 0 ? v : fmax(r->high, v);
    r->sum += v;
    r->n++;
}

/* ---- scales ---- */

/* Is there anything to see on an axis that begins at 0?  Nothing but zeros is: that it is nothing. */
static bool drawable(double highest)
{
    return highest >= CHART_RANGE_LEAST || highest <= 0;
}

/* From 0 to the first tick that is not below the highest value, which is drawable. */
static struct scale scale_from_zero(double highest, size_t most)
{
    struct scale s = {.high = highest > 0 ? highest : 1};
    s.n = chart_ticks(0, s.high, most - 1, s.ticks);
    double step = s.n > 1 ? s.ticks[1] : s.high;
    if (s.n > 0 && s.high > s.ticks[s.n - 1] + 1e-9 * step) {
        s.ticks[s.n] = (double)s.n * step;
        s.n++;
    }
    if (s.n > 0)
        s.high = s.ticks[s.n - 1];
    return s;
}

/* Where v is, from 0 to 1; what is not on the scale is at its nearer end. */
static double share(const struct scale *s, double v)
{
    double at = s->log ? log(v / s->low) / log(s->high / s->low) : (v - s->low) / (s->high - s->low);
    return fmin(fmax(at, 0), 1); /* NAN becomes 0 */
}

static double percent(const struct scale *s, double v)
{
    return 100 * share(s, v);
}

/* px from the top of the plot */
static double height(const struct scale *s, double v)
{
    return PLOT_H * (1 - share(s, v));
}

/* ---- pieces of SVG ---- */

static char *tick_text(char out[FMT_SIZE], double v, double step)
{
    int decimals = step < 1 ? (int)-floor(log10(step) + 1e-9) : 0;
    return decimals == 0 ? fmt_count(out, v) : fmt_json(out, v, decimals);
}

static double step_at(const struct scale *s, size_t i)
{
    bool even = s->n < 2 || !s->log || s->high / s->low < 10;
    return even && s->n > 1 ? s->ticks[1] - s->ticks[0] : s->ticks[i];
}

static void begin(const struct chart_text *t, double top, struct buf *out)
{
    buf_addf(out,
             "<svg class=\"chart\" role=\"img\" height=\"%.0f\" aria-labelledby=\"%s-t %s-d\">\n<title "
             "id=\"%s-t\">",
             top + PLOT_H + BELOW_H, t->id, t->id, t->id);
    doc_escape_html(out, t->title);
    buf_addf(out, "</title>\n<desc id=\"%s-d\">", t->id);
}

static void describe(struct buf *out, const char *name, const struct range *r, const char *unit)
{
    char low[FMT_SIZE], mean[FMT_SIZE], high[FMT_SIZE];
    doc_escape_html(out, name);
    buf_addf(out, ": from %s to %s, mean %s ", fmt_rate(low, r->low), fmt_rate(high, r->high),
             fmt_rate(mean, r->sum / (double)r->n));
    doc_escape_html(out, unit);
    buf_adds(out, ". ");
}

static void y_axis(const struct scale *y, const char *name, double top, struct buf *out)
{
    buf_adds(out, "</desc>\n<text class=\"axis\" x=\"-56\" y=\"11\">");
    doc_escape_html(out, name);
    buf_adds(out, "</text>\n");
    for (size_t i = 0; i < y->n; i++) {
        char n[FMT_SIZE];
        double at = top + height(y, y->ticks[i]);
        buf_addf(out, "<line class=\"%s\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>", i == 0 ? "base" : "grid",
                 at, at);
        buf_addf(out, "<text class=\"axis end\" x=\"-8\" y=\"%.1f\">%s</text>\n", at + 4,
                 tick_text(n, y->ticks[i], step_at(y, i)));
    }
}

static void x_axis(const struct scale *x, const char *name, double top, struct buf *out)
{
    double base = top + PLOT_H;
    for (size_t i = 0; i < x->n; i++) {
        char n[FMT_SIZE];
        bool spare = x->n > 5 && i % 2 != 0; /* not on a phone */
        buf_addf(out, "<g%s><line class=\"base\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%.1f\" y2=\"%.1f\"/>",
                 spare ? " class=\"wide\"" : "", percent(x, x->ticks[i]), percent(x, x->ticks[i]), base,
                 base + 5);
        buf_addf(out, "<text class=\"axis mid\" x=\"%.2f%%\" y=\"%.1f\">%s</text></g>\n",
                 percent(x, x->ticks[i]), base + 18, tick_text(n, x->ticks[i], step_at(x, i)));
    }
    buf_addf(out, "<text class=\"axis mid\" x=\"50%%\" y=\"%.1f\">", base + 36);
    doc_escape_html(out, name);
    buf_adds(out, "</text>\n");
}

/* Paths are drawn in units that are stretched to the width. */
static void plot_begin(double top, struct buf *out)
{
    buf_addf(out,
             "<svg y=\"%.1f\" width=\"100%%\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" "
             "preserveAspectRatio=\"none\">\n",
             top, PLOT_H, PLOT_W, PLOT_H);
}

/* One row of labels along the x axis that keep clear of each other and of the edges, on a wide page and on a phone. */
struct labels {
    double y, page_end, phone_end; /* px that the last label reaches to */
};

/* Where a label of w px begins that stands beside its line; negative: it has no place. */
static double label_begin(double at, double w, bool left, double width, double last_end)
{
    double begin = at / 100 * width - (left ? w : 0);
    return begin >= last_end && begin + w <= width + 12 ? begin : -1;
}

static void label(struct labels *l, double at, const char *text, struct buf *out)
{
    char cut[32];
    size_t letters = 0;
    str_copy(cut, sizeof cut, text);
    for (const char *p = cut; *p != '\0'; p++)
        letters += (*p & 0xc0) != 0x80;
    double w = (double)letters * LETTER_W + 8;
    double page[2], phone[2]; /* to the right of the line, to the left */
    for (int left = 0; left < 2; left++) {
        page[left] = label_begin(at, w, left, PAGE_W, l->page_end);
        phone[left] = label_begin(at, w, left, PHONE_W, l->phone_end);
    }
    bool left = page[0] < 0 || (phone[0] < 0 && page[1] >= 0 && phone[1] >= 0);
    if (letters == 0 || page[left] < 0)
        return;
    buf_addf(out, "<text class=\"note%s%s\" x=\"%.2f%%\" dx=\"%d\" y=\"%.1f\">", left ? " end" : "",
             phone[left] < 0 ? " wide" : "", at, left ? -4 : 4, l->y);
    doc_escape_html(out, cut);
    buf_adds(out, "</text>\n");
    l->page_end = page[left] + w;
    l->phone_end = phone[left] < 0 ? l->phone_end : phone[left] + w;
}

static void legend(double x, const char *line_class, const char *text, struct buf *out)
{
    buf_addf(out,
             "<line class=\"%s\" x1=\"%.0f\" x2=\"%.0f\" y1=\"7\" y2=\"7\"/><text class=\"note\" x=\"%.0f\" "
             "y=\"11\">",
             line_class, x, x + 22, x + 28);
    doc_escape_html(out, text);
    buf_adds(out, "</text>\n");
}

/* ---- values over time ---- */

struct times_frame {
    struct scale x, y;
    double unit; /* seconds of one unit of the x axis */
    const char *unit_name;
    double top;
    size_t columns; /* 0: each point by itself */
    struct range ranges[CHART_SERIES_MAX];
};

static void time_unit(double seconds, struct times_frame *f)
{
    static const struct {
        double from, unit;
        const char *name;
    } units[] = {{72 * 3600, 86400, "d"}, {180 * 60, 3600, "h"}, {180, 60, "min"}, {0, 1, "s"}};
    size_t i = 0;
    while (seconds < units[i].from)
        i++;
    f->unit = units[i].unit;
    f->unit_name = units[i].name;
}

static bool measure(const struct chart_times *c, struct times_frame *f)
{
    struct range x = {0}, y = {0};
    size_t most = 0;
    for (size_t s = 0; s < c->series_n; s++) {
        const struct chart_series *series = &c->series[s];
        for (size_t i = 0; i < series->n; i++) {
            const struct chart_point *p = &series->points[i];
            if (known(p->x)) /* a gap too: charts of one run have one axis */
                range_add(&x, p->x);
            if (!known(p->x) || !known(p->y))
                continue;
            range_add(&y, p->y);
            range_add(&f->ranges[s], p->y);
        }
        most += series->n;
    }
    if (y.n < TIMES_VALUES || !(x.high - x.low > 1e-6))
        return false;
    if (known(c->level))
        range_add(&y, c->level);
    if (!drawable(y.high))
        return false;
    f->x.low = x.low >= 0 && x.low < x.high / 10 ? 0 : x.low;
    f->x.high = x.high;
    time_unit(x.high - f->x.low, f);
    f->y = scale_from_zero(y.high, Y_TICKS);
    f->columns = most > CHART_POINTS ? CHART_POINTS / 3 / c->series_n : 0;
    return true;
}

/* The x axis counts in its unit, everything else in seconds. */
static void time_axis(const struct times_frame *f, struct buf *out)
{
    struct scale x = {.low = f->x.low / f->unit, .high = f->x.high / f->unit};
    char name[96], each[FMT_SIZE];
    x.n = chart_ticks(x.low, x.high, X_TICKS, x.ticks);
    snprintf(name, sizeof name, "time, %s", f->unit_name);
    if (f->columns > 0)
        snprintf(name, sizeof name, "time, %s (line: mean of %s, band: range)", f->unit_name,
                 fmt_about(each, (f->x.high - f->x.low) / (double)f->columns));
    x_axis(&x, name, f->top, out);
}

static void path_point(const struct times_frame *f, char how, double x, double y, struct buf *out)
{
    buf_addf(out, "%c%.1f %.1f", how, PLOT_W * share(&f->x, x), height(&f->y, y));
}

/* A run of points without a gap.  A point alone is drawn as a dot: a line of no length with round ends. */
static void line_run(const struct times_frame *f, const struct chart_point *p, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++)
        path_point(f, i == 0 ? 'M' : 'L', p[i].x, p[i].y, out);
    if (n == 1)
        buf_adds(out, "h.1");
}

static void area_run(const struct times_frame *f, const struct chart_point *p, size_t n, struct buf *out)
{
    line_run(f, p, n, out);
    path_point(f, 'L', p[n - 1].x, f->y.low, out);
    path_point(f, 'L', p[0].x, f->y.low, out);
    buf_adds(out, "Z");
}

typedef void run_fn(const struct times_frame *f, const struct chart_point *p, size_t n, struct buf *out);

static void runs(const struct times_frame *f, const struct chart_series *s, const char *class, run_fn *each,
                 struct buf *out)
{
    buf_addf(out, "<path class=\"%s\" d=\"", class);
    for (size_t i = 0, end; i < s->n; i = end + 1) {
        for (end = i; end < s->n && known(s->points[end].x) && known(s->points[end].y); end++)
            ;
        if (end > i)
            each(f, s->points + i, end - i, out);
    }
    buf_adds(out, "\"/>\n");
}

static void band(const struct times_frame *f, const struct chart_column *c, size_t n, const char *class,
                 struct buf *out)
{
    buf_addf(out, "<path class=\"%s\" d=\"", class);
    for (size_t i = 0, end; i < n; i = end + 1) {
        for (end = i; end < n && known(c[end].mean); end++)
            ;
        for (size_t k = i; k < end; k++)
            path_point(f, k == i ? 'M' : 'L', c[k].x, c[k].max, out);
        for (size_t k = end; k > i; k--)
            path_point(f, 'L', c[k - 1].x, c[k - 1].min, out);
        buf_adds(out, end > i ? "Z" : "");
    }
    buf_adds(out, "\"/>\n");
}

static void draw_gathered(const struct times_frame *f, const struct chart_series *s, size_t which,
                          struct buf *out)
{
    struct chart_column columns[CHART_POINTS / 3];
    struct chart_point means[CHART_POINTS / 3];
    char class[] = "band s0";
    chart_gather(s->points, s->n, f->x.low, f->x.high, columns, f->columns);
    for (size_t i = 0; i < f->columns; i++)
        means[i] = (struct chart_point){columns[i].x, columns[i].mean};
    class[6] = (char)('0' + which);
    band(f, columns, f->columns, class, out);
    runs(f, &(struct chart_series){NULL, means, f->columns}, class + 5, line_run, out);
}

static void draw_series(const struct chart_times *c, const struct times_frame *f, struct buf *out)
{
    plot_begin(f->top, out);
    for (size_t i = 0; i < c->series_n; i++) {
        char class[] = "s0";
        class[1] = (char)('0' + i);
        if (f->ranges[i].n == 0)
            continue;
        if (f->columns > 0) {
            draw_gathered(f, &c->series[i], i, out);
            continue;
        }
        if (c->series_n == 1)
            runs(f, &c->series[i], "area s0", area_run, out);
        runs(f, &c->series[i], class, line_run, out);
    }
    buf_adds(out, "</svg>\n");
}

/* The share of the width, in %, where an event of that kind is drawn; negative: nowhere, or on top of the last one. */
static double event_at(const struct times_frame *f, const struct chart_event *e, bool marks, double last)
{
    if (e->mark != marks || !known(e->x) || e->x < f->x.low || e->x > f->x.high)
        return -1;
    double at = percent(&f->x, e->x);
    return last >= 0 && fabs(at - last) < LINES_APART ? -1 : at;
}

/* Lines first: a label covers those that it crosses. */
static void draw_events(const struct chart_times *c, const struct times_frame *f, bool marks, double row,
                        struct buf *out)
{
    struct labels l = {.y = row};
    double last = -1, at;
    for (size_t i = 0; i < c->events_n; i++) {
        if ((at = event_at(f, &c->events[i], marks, last)) < 0)
            continue;
        buf_addf(out, "<line class=\"%s\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%.1f\" y2=\"%.1f\"/>\n",
                 marks ? "mark" : "change", at, at, row - 10, f->top + PLOT_H);
        last = at;
    }
    last = -1;
    for (size_t i = 0; i < c->events_n; i++)
        if ((at = event_at(f, &c->events[i], marks, last)) >= 0) {
            label(&l, at, c->events[i].label, out);
            last = at;
        }
}

static bool has_events(const struct chart_times *c, bool marks)
{
    for (size_t i = 0; i < c->events_n; i++)
        if (c->events[i].mark == marks)
            return true;
    return false;
}

static void draw_legend(const struct chart_times *c, const struct times_frame *f, struct buf *out)
{
    static const char *const classes[CHART_SERIES_MAX] = {"s0", "s1", "s2"};
    double x = 0;
    size_t shown = 0;
    for (size_t i = 0; i < c->series_n; i++)
        shown += f->ranges[i].n > 0;
    for (size_t i = 0; i < c->series_n; i++) {
        if (f->ranges[i].n == 0 || (shown == 1 && !known(c->level) && c->series_n == 1))
            continue;
        legend(x, classes[i], c->series[i].name, out);
        x += 46 + LETTER_W * (double)strlen(c->series[i].name);
    }
    if (known(c->level))
        legend(x, "level", c->level_name, out);
}

bool chart_times(const struct chart_times *c, struct buf *out)
{
    struct times_frame f = {0};
    if (c->series_n == 0 || c->series_n > CHART_SERIES_MAX || !measure(c, &f))
        return false;
    bool changes = has_events(c, false), marks = has_events(c, true);
    f.top = 24 + ROW_H * (changes + marks);
    begin(&c->text, f.top, out);
    for (size_t i = 0; i < c->series_n; i++)
        if (f.ranges[i].n > 0)
            describe(out, c->series[i].name, &f.ranges[i], c->text.unit);
    y_axis(&f.y, c->text.unit, f.top, out);
    time_axis(&f, out);
    draw_legend(c, &f, out);
    if (changes)
        draw_events(c, &f, false, 30, out);
    if (marks)
        draw_events(c, &f, true, 30 + ROW_H * changes, out);
    draw_series(c, &f, out);
    if (known(c->level)) {
        double y = f.top + height(&f.y, c->level);
        buf_addf(out, "<line class=\"level\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>\n", y, y);
    }
    buf_adds(out, "</svg>\n");
    return true;
}

/* ---- how often ---- */

static void draw_bars(const struct chart_bins *b, const struct scale *y, double top, struct buf *out)
{
    double w = 100.0 / (double)b->n;
    for (size_t i = 0; i < b->n; i++) {
        if (!(b->count[i] > 0))
            continue;
        double h = fmax(PLOT_H - height(y, b->count[i]), 1.5); /* a few among many are seen all the same */
        buf_addf(out, "<rect class=\"bar\" x=\"%.2f%%\" width=\"%.2f%%\" y=\"%.1f\" height=\"%.1f\"/>\n",
                 ((double)i + 0.05) * w, 0.9 * w, top + PLOT_H - h, h);
    }
}

/* Lines first: a label covers those that it crosses. */
static void draw_guides(const struct chart_histogram *c, const struct scale *x, double top, struct buf *out)
{
    const double first_row = 27;
    for (size_t i = 0; i < CHART_GUIDES; i++)
        if (known(c->guides[i].x))
            buf_addf(out,
                     "<line class=\"guide g%zu\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%.1f\" y2=\"%.1f\"/>\n", i,
                     percent(x, c->guides[i].x), percent(x, c->guides[i].x),
                     first_row + ROW_H * (double)i - 10, top + PLOT_H);
    for (size_t i = 0; i < CHART_GUIDES; i++) {
        char n[FMT_SIZE], text[FMT_SIZE + 16];
        struct labels l = {.y = first_row + ROW_H * (double)i}; /* a row each: they may be close */
        if (!known(c->guides[i].x))
            continue;
        snprintf(text, sizeof text, "%s %s", c->guides[i].name, fmt_ms(n, c->guides[i].x));
        label(&l, percent(x, c->guides[i].x), text, out);
    }
}

bool chart_histogram(const struct chart_histogram *c, struct buf *out)
{
    const struct chart_bins *b = c->bins;
    double most = 0;
    for (size_t i = 0; i < b->n; i++)
        most = fmax(most, b->count[i]);
    if (b->n == 0 || !(b->total >= HISTOGRAM_VALUES) || !known(b->total))
        return false;
    struct scale y = scale_from_zero(most, Y_TICKS), x = {.low = b->low, .high = b->high, .log = true};
    x.n = chart_log_ticks(x.low, x.high, X_TICKS, x.ticks);
    double top = 24 + ROW_H * CHART_GUIDES;
    char total[FMT_SIZE], low[FMT_SIZE], high[FMT_SIZE];
    begin(&c->text, top, out);
    buf_addf(out, "%s values from %s to %s", fmt_count(total, b->total), fmt_ms(low, b->low * 1.05),
             fmt_ms(high, b->high / 1.05));
    for (size_t i = 0; i < CHART_GUIDES; i++)
        if (known(c->guides[i].x))
            buf_addf(out, ", %s %s", c->guides[i].name, fmt_ms(low, c->guides[i].x));
    y_axis(&y, c->text.unit, top, out);
    x_axis(&x, c->text.x_name, top, out);
    draw_bars(b, &y, top, out);
    draw_guides(c, &x, top, out);
    buf_adds(out, "</svg>\n");
    return true;
}

/* ---- one against the other ---- */

#define DOTS_MAX 100

struct placed {
    double x, y; /* %, px */
};

/* Is there no label yet so near? */
static bool place(struct placed *p, size_t *n, double x, double y)
{
    for (size_t i = 0; i < *n; i++)
        if (fabs(p[i].x - x) < 6 && fabs(p[i].y - y) < 13)
            return false;
    p[(*n)++] = (struct placed){x, y};
    return true;
}

static void draw_dots(const struct chart_curve *c, const struct scale *x, const struct scale *y, double top,
                      struct buf *out)
{
    struct placed placed[DOTS_MAX];
    size_t labels = 0, dots = 0;
    for (size_t i = 0; i < c->n && dots < DOTS_MAX; i++) {
        const struct chart_dot *d = &c->dots[i];
        if (!known(d->x) || !known(d->y))
            continue;
        double at = percent(x, d->x), down = top + height(y, d->y);
        buf_addf(out, "<circle class=\"dot\" cx=\"%.2f%%\" cy=\"%.1f\" r=\"4.5\"/>\n", at, down);
        dots++;
        if (!place(placed, &labels, at, down))
            continue;
        buf_addf(out, "<text class=\"note mid strong\" x=\"%.2f%%\" y=\"%.1f\">", at, down - 10);
        doc_escape_html(out, d->label);
        buf_adds(out, "</text>\n");
    }
}

static void join_dots(const struct chart_curve *c, const struct scale *x, const struct scale *y, double top,
                      struct buf *out)
{
    char how = 'M';
    plot_begin(top, out);
    buf_adds(out, "<path class=\"s0 thin\" d=\"");
    for (size_t i = 0, dots = 0; i < c->n && dots < DOTS_MAX; i++)
        if (known(c->dots[i].x) && known(c->dots[i].y)) {
            buf_addf(out, "%c%.1f %.1f", how, PLOT_W * share(x, c->dots[i].x), height(y, c->dots[i].y));
            how = 'L';
            dots++;
        }
    buf_adds(out, "\"/>\n</svg>\n");
}

bool chart_curve(const struct chart_curve *c, struct buf *out)
{
    struct range rx = {0}, ry = {0};
    for (size_t i = 0; i < c->n; i++)
        if (known(c->dots[i].x) && known(c->dots[i].y)) {
            range_add(&rx, c->dots[i].x);
            range_add(&ry, c->dots[i].y);
        }
    if (rx.n < 2 || !drawable(rx.high) || !drawable(ry.high))
        return false;
    const double top = 40;
    struct scale x = scale_from_zero(rx.high, X_TICKS), y = scale_from_zero(ry.high, Y_TICKS);
    char name[96];
    begin(&c->text, top, out);
    buf_addf(out, "%zu points. ", rx.n);
    describe(out, c->text.x_name, &rx, "");
    describe(out, c->y_name, &ry, c->text.unit);
    snprintf(name, sizeof name, "%s, %s", c->y_name, c->text.unit);
    y_axis(&y, name, top, out);
    x_axis(&x, c->text.x_name, top, out);
    buf_adds(out, "<text class=\"note end\" x=\"100%\" y=\"11\">beside each point: ");
    doc_escape_html(out, c->label_name);
    buf_adds(out, "</text>\n");
    if (c->joined)
        join_dots(c, &x, &y, top, out);
    draw_dots(c, &x, &y, top, out);
    buf_adds(out, "</svg>\n");
    return true;
}
