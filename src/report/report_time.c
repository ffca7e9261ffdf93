#include "report/report_time.h"
#include "fmt.h"
#include "report/drift.h"

#include <math.h>
#include <stdlib.h>

#define TABLE_MOST 24   /* rows for people */
#define LIST_MOST 200   /* windows in JSON */
#define TABLE_LEAST_S 120

static bool known(const struct drift *d)
{
    return isfinite(d->slope);
}

/* "+0.0123", in as many figures as tell it from its margin. */
static void cell_signed(struct doc *d, double v, double margin)
{
    int decimals = margin > 0 ? (int)fmin(fmax(1 - floor(log10(margin)), 0), 6) : 2;
    doc_cell(d, "%+.*f ± %.*f", decimals, v, decimals, margin);
}

static void drift_table(const struct drift all[WINDOW_VALUES], struct doc *d)
{
    static const struct doc_column columns[] = {{"", false}, {"mean", true}, {"change an hour (95 %)", true}, {"over the load", true}, {"n", true}, {"", false}};
    const struct drift *any = NULL;
    for (int v = 0; v < WINDOW_VALUES; v++)
        any = known(&all[v]) ? &all[v] : any;
    if (any == NULL)
        return;
    doc_heading(d, 3, "Drift");
    doc_table_begin(d, "Drift", columns, ARRAY_LEN(columns));
    for (int v = 0; v < WINDOW_VALUES; v++) {
        const struct drift *x = &all[v];
        double unit = drift_names[v].unit;
        char n[FMT_SIZE];
        if (!known(x))
            continue;
        doc_row_begin(d);
        doc_cell(d, "%s", drift_names[v].name);
        doc_cell(d, "%s", fmt_rate(n, x->mean * unit));
        cell_signed(d, x->slope * unit, x->margin * unit);
        doc_cell(d, "%+.1f %%", x->total / x->mean * 100);
        doc_cell(d, "%zu", x->n);
        doc_cell(d, "%s", x->even ? "changes" : x->certain ? "changed, not evenly" : "not told apart from standing still");
        doc_row_end(d);
    }
    doc_table_end(d);
    char a[FMT_SIZE], b[FMT_SIZE];
    doc_paragraph(d, "A straight line through the means of n windows of %s, over %s of one load (its first two minutes are left out). The "
                     "interval is widened by what neighbouring windows remember of each other.", fmt_about(a, any->step_s), fmt_about(b, any->over_s));
}

static void window_row(const struct run_window *w, bool gtt, struct doc *d)
{
    char n[FMT_SIZE], m[FMT_SIZE];
    doc_row_begin(d);
    doc_cell(d, "%s%s", fmt_clock(n, w->from), w->slept ? " (slept)" : "");
    doc_cell(d, "%s", fmt_rate(n, w->value[WINDOW_RATE]));
    doc_cell(d, "%s", fmt_ms(n, w->value[WINDOW_TTFT]));
    doc_cell(d, "%s", fmt_rate(n, w->value[WINDOW_DECODE]));
    doc_cell(d, "%s", fmt_count(n, w->ok));
    doc_cell(d, "%s", fmt_count(n, w->failed));
    doc_cell(d, "%s", fmt_gib(m, w->value[gtt ? WINDOW_GTT : WINDOW_VRAM]));
    doc_cell(d, "%s", fmt_gib(n, w->value[WINDOW_RAM]));
    doc_row_end(d);
}

static void window_table(const struct run_file *f, struct doc *d)
{
    if (windows_load(f, NULL) < TABLE_LEAST_S)
        return;
    double step = windows_step(f, TABLE_MOST);
    struct run_window *w;
    size_t n = windows_cut(f, 0, step, &w);
    bool gtt = n == 0 || isfinite(w[0].value[WINDOW_GTT]) || !isfinite(w[0].value[WINDOW_VRAM]);
    const struct doc_column columns[] = {{"from", false}, {"tok/s", true}, {"TTFT", true}, {"decode tok/s", true}, {"ok", true},
                                         {"failed", true}, {gtt ? "GTT GiB" : "VRAM GiB", true}, {"RAM GiB", true}};
    char t[FMT_SIZE], title[FMT_SIZE + 24];
    snprintf(title, sizeof title, "Each %s", fmt_about(t, step));
    doc_heading(d, 3, "%s", title);
    doc_table_begin(d, title, columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < n; i++)
        window_row(&w[i], gtt, d);
    doc_table_end(d);
    doc_paragraph(d, "Means of the requests that ended in each of these stretches, and of its samples.");
    free(w);
}

void report_time(const struct run_file *f, struct doc *d)
{
    struct drift all[WINDOW_VALUES];
    if (!run_file_one_load(f) || windows_load(f, NULL) < TABLE_LEAST_S)
        return;
    drift_find(f, all);
    doc_heading(d, 2, "Over time");
    drift_table(all, d);
    window_table(f, d);
}

static void json_drift(const struct run_file *f, struct jsonw *j)
{
    struct drift all[WINDOW_VALUES];
    drift_find(f, all);
    jw_open(j, "drift", '{');
    for (int v = 0; v < WINDOW_VALUES; v++) {
        const struct drift *x = &all[v];
        double unit = drift_names[v].unit;
        if (!known(x))
            continue;
        jw_open(j, drift_names[v].key, '{');
        jw_num(j, "mean", x->mean * unit, 4);
        jw_num(j, "per_hour", x->slope * unit, 6);
        jw_num(j, "margin95", x->margin * unit, 6);
        jw_num(j, "over_the_load", x->total * unit, 6);
        jw_int(j, "windows", (int64_t)x->n);
        jw_num(j, "window_s", x->step_s, 1);
        jw_num(j, "autocorrelation", x->memory, 3);
        jw_bool(j, "certain", x->certain);
        jw_bool(j, "even", x->even);
        jw_close(j, '}');
    }
    jw_close(j, '}');
}

void report_time_json(const struct run_file *f, struct jsonw *j)
{
    struct run_window *w;
    double step = windows_step(f, LIST_MOST);
    size_t n = windows_cut(f, 0, step, &w);
    json_drift(f, j);
    jw_num(j, "window_s", step, 0);
    jw_open(j, "windows", '[');
    for (size_t i = 0; i < n; i++) {
        jw_open(j, NULL, '{');
        jw_num(j, "from_s", w[i].from, 3);
        jw_num(j, "load_s", w[i].load_s, 3);
        for (int v = 0; v < WINDOW_VALUES; v++)
            jw_num(j, drift_names[v].key, w[i].value[v] * drift_names[v].unit, 4);
        jw_num(j, "ok", w[i].ok, 0);
        jw_num(j, "failed", w[i].failed, 0);
        jw_bool(j, "slept", w[i].slept);
        jw_close(j, '}');
    }
    jw_close(j, ']');
    free(w);
}
