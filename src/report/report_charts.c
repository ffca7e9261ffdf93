#include "report/report_charts.h"
#include "report/pools.h"
#include "fmt.h"
#include "report/chart.h"
#include "report/matrix_tables.h"
#include "report/report_suite.h"
#include "report/windows.h"
#include "suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GIB 1073741824.0
#define EVENTS_MAX 1000
#define WINDOWS_LEAST_S 120

/* Writes the chart that is in svg, or says why there is none. */
static void picture(struct doc *d, bool drawn, const char *title, bool wide, struct buf *svg,
                    const char *too_little)
{
    if (drawn)
        doc_picture(d, title, wide, svg->data);
    else
        doc_picture_missing(d, title, too_little);
    buf_release(svg);
}

/* ---- values over time ---- */

static const char *phase_label(const struct run_phase *p, char *out, size_t size)
{
    if (p->what[0] != '\0')
        str_copy(out, size, p->what);
    else
        snprintf(out, size, "%d stream%s", p->streams, p->streams == 1 ? "" : "s");
    return out;
}

/* Changes of the load and marks; the caller frees. */
static struct chart_event *events_of(const struct run_file *f, char (*labels)[64], size_t *n)
{
    struct chart_event *events = xcalloc(EVENTS_MAX, sizeof *events);
    *n = 0;
    for (size_t i = 0; f->phases_n > 1 && i < f->phases_n && *n < EVENTS_MAX; i++, (*n)++)
        events[*n] = (struct chart_event){f->phases[i].t,
                                          phase_label(&f->phases[i], labels[*n], sizeof labels[*n]), false};
    for (size_t i = 0; i < f->marks_n && *n < EVENTS_MAX; i++, (*n)++)
        events[*n] = (struct chart_event){f->marks[i].t, f->marks[i].text, true};
    return events;
}

static struct chart_point *points_for(size_t n)
{
    return xcalloc(n + 1, sizeof(struct chart_point));
}

/* Tokens that came between two samples over the time between them. */
static void rate_chart(const struct run_file *f, const struct chart_event *events, size_t events_n,
                       struct doc *d)
{
    const char *window;
    char name[64], n[FMT_SIZE];
    struct chart_point *p = points_for(f->samples_n);
    for (size_t i = 0; i < f->samples_n; i++) {
        double seconds, tokens;
        p[i] = (struct chart_point){f->samples[i].t, (double)NAN};
        if (i + 1 == f->samples_n)
            break;
        bool load = run_file_interval(f, i, &seconds, &tokens);
        p[i] = (struct chart_point){(f->samples[i].t + f->samples[i + 1].t) / 2,
                                    load ? tokens / seconds : (double)NAN};
    }
    struct chart_times c = {.text = {"rate", "Output over time", "tok/s", NULL},
                            .series = {{"each second", p, f->samples_n}},
                            .series_n = 1,
                            .events = events,
                            .events_n = events_n};
    c.level = run_file_output_rate(f, &window);
    if (report_is_suite(f) || report_is_matrix(f)) /* an average over different loads says nothing */
        c.level = (double)NAN;
    snprintf(name, sizeof name, "%s window: %s", window, fmt_rate(n, c.level));
    c.level_name = name;
    struct buf svg;
    buf_init(&svg, 1u << 20);
    picture(d, chart_times(&c, &svg), c.text.title, true, &svg,
            "fewer than three seconds of load were sampled");
    free(p);
}

#define WINDOWS_DRAWN 200

/* Means of the requests that ended in each window. */
static void latency_chart(const struct run_file *f, const struct chart_event *events, size_t events_n, struct doc *d)
{
    struct run_window *w;
    char step[FMT_SIZE], name[FMT_SIZE + 24];
    double seconds = windows_step(f, WINDOWS_DRAWN);
    size_t n = windows_cut(f, 0, seconds, &w);
    struct chart_point *p = points_for(n);
    for (size_t i = 0; i < n; i++)
        p[i] = (struct chart_point){(w[i].from + w[i].to) / 2, w[i].value[WINDOW_TTFT]};
    snprintf(name, sizeof name, "mean of each %s", fmt_about(step, seconds));
    const struct chart_times c = {.text = {"ttft_times", "Time to first token over time", "ms", NULL},
                                  .series = {{name, p, n}},
                                  .series_n = 1,
                                  .events = events,
                                  .events_n = events_n,
                                  .level = (double)NAN};
    struct buf svg;
    buf_init(&svg, 1u << 20);
    picture(d, chart_times(&c, &svg), c.text.title, true, &svg, "fewer than three windows of load have requests");
    free(p);
    free(w);
}

static void memory_chart(const struct run_file *f, const struct chart_event *events, size_t events_n,
                         struct doc *d)
{
    bool simulated = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(f->header, "simulated"));
    struct chart_times c = {.text = {"memory", "Memory over time", "GiB", NULL},
                            .events = events,
                            .events_n = events_n,
                            .level = (double)NAN};
    struct chart_point *points[POOL_KINDS];
    char names[POOL_KINDS][32];
    for (enum pool_kind k = POOL_RAM; k < POOL_KINDS; k++) {
        struct pool_facts p;
        pool_facts(f, k, NULL, &p);
        points[k] = points_for(f->samples_n);
        for (size_t i = 0; i < f->samples_n; i++)
            points[k][i] = (struct chart_point){f->samples[i].t, pool_used(&f->samples[i], k) / GIB};
        snprintf(names[k], sizeof names[k], "%s used%s", pool_names[k], simulated ? " (simulated)" : "");
        if (k == POOL_VRAM && !(p.total >= 2 * GIB)) /* what an APU keeps for itself is no line worth drawing */
            continue;
        c.series[c.series_n++] = (struct chart_series){names[k], points[k], f->samples_n};
    }
    struct buf svg;
    buf_init(&svg, 1u << 20);
    picture(d, chart_times(&c, &svg), c.text.title, true, &svg, "fewer than three samples know it");
    for (enum pool_kind k = POOL_RAM; k < POOL_KINDS; k++)
        free(points[k]);
}

/* ---- how often ---- */

static void histogram(const struct run_file *f, enum metric_id m, const struct chart_bins *bins,
                      const char *title, const char *unit, struct doc *d)
{
    struct dist x;
    tally_dist(&f->total, m, &x);
    const struct chart_histogram c = {.text = {metrics[m].id, title, unit, "ms, logarithmic"},
                                      .bins = bins,
                                      .guides = {{"p50", x.p50}, {"p95", x.p95}, {"p99", x.p99}}};
    struct buf svg;
    buf_init(&svg, 1u << 20);
    picture(d, chart_histogram(&c, &svg), title, false, &svg, "too few values to show a shape");
}

static double ttft_of(const struct row *r)
{
    double v[M_REQUEST_COUNT_];
    timeline_numbers(&r->tl, v);
    return r->tl.outcome == OUT_OK ? v[M_TTFT] : (double)NAN;
}

/* The bins of a distribution; without any where there is none. */
static void bins_of_hist(const struct run_file *f, enum metric_id m, struct chart_bins *bins)
{
    static const struct hist none;
    const struct hist *h = f->total.hist[m] != NULL ? f->total.hist[m] : &none;
    double scale = metrics[m].scale;
    if (!chart_bins_init(bins, (double)MAX_OF(h->min, 1) / scale, (double)h->max / scale, (double)h->count))
        return;
    for (size_t i = h->lo; i < h->hi; i++)
        if (h->bucket[i] > 0)
            chart_bins_add(bins, (double)MAX_OF(hist_low(i), 1) / scale, (double)hist_high(i) / scale, (double)h->bucket[i]);
}

static void bins_of_rows(const struct run_file *f, struct chart_bins *bins)
{
    double min = (double)NAN, max = (double)NAN, n = 0;
    for (size_t i = 0; i < f->rows_n; i++) {
        double v = ttft_of(run_file_row(f, i));
        min = fmin(min, v);
        max = fmax(max, v);
        n += isfinite(v);
    }
    if (chart_bins_init(bins, min, max, n))
        for (size_t i = 0; i < f->rows_n; i++)
            chart_bins_add(bins, ttft_of(run_file_row(f, i)), ttft_of(run_file_row(f, i)), 1);
}

static void ttft_chart(const struct run_file *f, struct doc *d)
{
    struct chart_bins bins;
    if (f->rows_whole)
        bins_of_rows(f, &bins);
    else
        bins_of_hist(f, M_TTFT, &bins);
    histogram(f, M_TTFT, &bins, "Time to first token", "requests", d);
}

static void itl_chart(const struct run_file *f, struct doc *d)
{
    struct chart_bins bins;
    bins_of_hist(f, M_ITL, &bins);
    histogram(f, M_ITL, &bins, "Inter-token latency", "gaps", d);
}

/* ---- throughput against latency ---- */

/* Of a suite only the part that asks for it: the others differ in more than the number of streams. */
static bool on_curve(const struct run_file *f, const struct run_phase *p)
{
    const char *part = suite_parts[SUITE_CONCURRENCY].name;
    for (size_t i = 0; i < f->phases_n; i++)
        if (f->phases[i].part[0] != '\0')
            return strcmp(p->part, part) == 0;
    return true;
}

#define CURVES_MOST 12

static bool dot_of(const struct run_file *f, const struct run_phase *p, struct chart_dot *dot)
{
    struct tally t;
    struct dist ttft;
    run_file_phase(f, p->id, &t);
    tally_dist(&t, M_TTFT, &ttft);
    tally_release(&t);
    *dot = (struct chart_dot){run_file_phase_rate(f, p->id), ttft.p95, ""};
    snprintf(dot->label, sizeof dot->label, "%d", p->streams);
    return isfinite(dot->x) && isfinite(dot->y);
}

static void curve_chart(const struct run_file *f, struct doc *d)
{
    if (f->phases_n < 2)
        return;
    struct chart_dot *dots = xcalloc(f->phases_n, sizeof *dots);
    const struct run_phase *first = NULL;
    bool alike = true;
    int streams = 0;
    size_t n = 0;
    for (size_t i = 0; i < f->phases_n; i++) {
        const struct run_phase *p = &f->phases[i];
        if (!on_curve(f, p) || !dot_of(f, p, &dots[n]))
            continue;
        first = first != NULL ? first : p;
        alike = alike && p->context == first->context && p->max_tokens == first->max_tokens &&
                p->streams > streams;
        streams = p->streams;
        n++;
    }
    const struct chart_curve c = {.text = {"curve", "Throughput and latency", "ms", "output, tok/s"},
                                  .y_name = "TTFT p95",
                                  .label_name = "streams",
                                  .dots = dots,
                                  .n = n,
                                  .joined = alike};
    struct buf svg;
    buf_init(&svg, 1u << 20);
    picture(d, chart_curve(&c, &svg), c.text.title, true, &svg,
            "fewer than two phases have requests that ended well");
    free(dots);
}

/* Of a matrix: a curve for each context. */
static void matrix_curves(const struct run_file *f, struct doc *d)
{
    struct matrix_view *m = xcalloc(1, sizeof *m);
    struct matrix_grid g;
    double outputs[MATRIX_SIDE];
    matrix_of_file(f, m);
    int outputs_n = matrix_outputs(m, outputs);
    for (int i = 0, number = 0; i < outputs_n; i++) {
        matrix_grid(&g, m, outputs[i]);
        for (int r = 0; r < g.rows && number < CURVES_MOST; r++, number++) {
            struct chart_dot dots[MATRIX_COLUMNS];
            char title[96], id[16], a[FMT_SIZE], b[FMT_SIZE];
            size_t n = 0;
            for (int k = 0; k < g.columns; k++) {
                const struct matrix_cell *c = g.at[r][k];
                if (c == NULL || !isfinite(c->output_rate) || !isfinite(c->ttft_p95))
                    continue;
                dots[n] = (struct chart_dot){c->output_rate, c->ttft_p95, ""};
                fmt_number(dots[n++].label, g.load[k]);
            }
            snprintf(title, sizeof title, "Throughput and latency, context %s, output %s", fmt_context(a, g.context[r]), fmt_tokens(b, outputs[i]));
            snprintf(id, sizeof id, "curve%c", 'a' + number);
            const struct chart_curve c = {.text = {id, title, "ms", "output, tok/s"}, .y_name = "TTFT p95", .label_name = g.by_rate ? "requests/s" : "streams",
                                          .dots = dots, .n = n, .joined = true};
            struct buf svg;
            buf_init(&svg, 1u << 20);
            picture(d, chart_curve(&c, &svg), title, false, &svg, "fewer than two loads have requests that ended well");
        }
    }
    free(m);
}

void report_charts(const struct run_file *f, struct doc *d)
{
    if (d->form != DOC_HTML)
        return;
    char(*labels)[64] = xcalloc(EVENTS_MAX, sizeof *labels);
    size_t events_n;
    struct chart_event *events = events_of(f, labels, &events_n);
    doc_heading(d, 2, "Charts");
    doc_pictures_begin(d);
    rate_chart(f, events, events_n, d);
    if (windows_load(f, NULL) >= WINDOWS_LEAST_S)
        latency_chart(f, events, events_n, d);
    memory_chart(f, events, events_n, d);
    if (!report_is_suite(f) && !report_is_matrix(f)) {
        ttft_chart(f, d);
        itl_chart(f, d);
    }
    if (report_is_matrix(f))
        matrix_curves(f, d);
    else
        curve_chart(f, d);
    doc_pictures_end(d);
    free(events);
    free(labels);
}
