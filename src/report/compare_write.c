/* A comparison as text, as Markdown and as JSON. */
#include "report/compare.h"

#include "fmt.h"
#include "jsonw.h"
#include "report/doc.h"

#include <math.h>
#include <string.h>

static const char *const verdict_names[] = {"win", "lose", "same", "unsure", "none"};

#define CELL (FMT_SIZE + 2)

static char letter(size_t run)
{
    return (char)('A' + run);
}

/* ---- a figure's cells ---- */

static bool is_time(const struct figure *g)
{
    return strncmp(metrics[g->metric].unit, "ms", 2) == 0;
}

static void value_cell(char out[CELL], const struct figure *g, double v)
{
    char n[FMT_SIZE];
    str_copy(out, CELL, is_time(g) ? fmt_ms(n, v) : fmt_rate(n, v));
}

static void difference_cell(char out[CELL], const struct figure *g, double v)
{
    char size[CELL];
    value_cell(size, g, fabs(v));
    out[0] = '\0';
    if (strpbrk(size, "123456789") != NULL) /* else it is unknown, or nothing that can be seen */
        str_copy(out, CELL, v < 0 ? "-" : "+");
    str_copy(out + strlen(out), CELL - strlen(out), size);
}

static void change_cell(char out[CELL], double ratio)
{
    if (isfinite(ratio) && fabs(ratio) < 1e6)
        snprintf(out, CELL, "%+.1f %%", fabs(ratio - 1) < 0.0005 ? 0 : (ratio - 1) * 100);
    else
        out[0] = '\0';
}

static const char vllm_note[] = "by the definitions of 'vllm bench serve': e2e ends with the last token, "
                                "TPOT is (e2e − TTFT) / (tokens − 1)";

static const char *maker(const struct compare_run *run)
{
    return run->vllm != NULL ? "vllm" : "tokgauge";
}

/* What would settle it, or why nothing can; empty where nothing is to be said. */
static void advice(char *out, size_t size, const struct figure *g, const struct comparison *c)
{
    out[0] = '\0';
    if (c->verdict == VERDICT_UNSURE && c->more > 0)
        snprintf(out, size, "about %zu more %s%s a side would tell", c->more, g->metric == M_OUTPUT_RATE ? "second" : "request",
                 c->more == 1 ? "" : "s");
    else if (c->verdict == VERDICT_NONE && isfinite(c->diff))
        str_copy(out, size, "too little is known of its spread");
}

/* ---- load by load ---- */

static const char *const load_figures[] = {"output_tok_s", "ttft_mean", "tpot_mean", "e2e_mean"}; /* those that fit beside each other; JSON has all */

static const struct figure *load_figure(size_t i)
{
    size_t k = 0;
    while (strcmp(figures[k].id, load_figures[i]) != 0)
        k++;
    return &figures[k];
}

#define LOAD_NAME 80

/* "4 streams, 1k + 128", "2.5/s, 1k + 128", "concurrency, 4 streams". */
static void load_name(char out[LOAD_NAME], const struct run_phase *p)
{
    char load[FMT_SIZE + 16], context[FMT_SIZE], output[FMT_SIZE], n[FMT_SIZE];
    if (strcmp(p->part, PART_MATRIX) != 0) {
        snprintf(out, LOAD_NAME, "%s%s%s", p->part, p->what[0] != '\0' ? ", " : "", p->what);
        return;
    }
    if (p->rate > 0)
        snprintf(load, sizeof load, "%s/s", fmt_number(n, p->rate));
    else
        snprintf(load, sizeof load, "%s stream%s", fmt_count(n, p->streams), p->streams == 1 ? "" : "s");
    snprintf(out, LOAD_NAME, "%s, %s%s%s", load, p->context > 0 ? fmt_context(context, (double)p->context) : "", p->context > 0 ? " + " : "output ",
             fmt_tokens(output, (double)p->max_tokens));
}

/* "+11.9 % ", and the verdict goes behind it; empty where nothing is known. */
static void load_change(char out[CELL + 1], const struct comparison *c)
{
    change_cell(out, c->ratio);
    if (out[0] != '\0')
        str_copy(out + strlen(out), 2, " ");
}

static const struct compared_loads *loads_of(const struct compare_report *r, size_t run)
{
    return r->loads != NULL && r->loads[run - 1].n > 0 ? &r->loads[run - 1] : NULL;
}

static const char loads_note[] = "Load by load, each verdict has its own 5 %: of two equal runs up to one in twenty names a winner.";

/* ---- text ---- */

/* Right-aligned in so many columns; characters are counted, not bytes. */
static void pad(struct buf *b, const char *cell, int width)
{
    int left = width - (int)utf8_count(cell, strlen(cell));
    buf_addf(b, "%*s%s", MAX_OF(left, 1), "", cell);
}

#define NAME_WIDTH 25

static void name_cell(struct buf *b, const char *name)
{
    int left = NAME_WIDTH - (int)utf8_count(name, strlen(name));
    buf_addf(b, "  %s%*s", name, MAX_OF(left, 1), "");
}

static const char *direction(const struct figure *g)
{
    return metrics[g->metric].better == BETTER_HIGHER ? "↑" : "↓";
}

static void text_line(const struct figure *g, const struct comparison *c, struct buf *b)
{
    char cell[CELL], more[80], name[64];
    bool rate = !is_time(g); /* times have their unit beside them */
    snprintf(name, sizeof name, "%s%s%s %s", g->name, rate ? ", " : "", rate ? metrics[g->metric].unit : "", direction(g));
    name_cell(b, name);
    value_cell(cell, g, c->a);
    pad(b, cell, 10);
    value_cell(cell, g, c->b);
    pad(b, cell, 10);
    difference_cell(cell, g, c->diff);
    pad(b, cell, 12);
    change_cell(cell, c->ratio);
    pad(b, cell, 11);
    advice(more, sizeof more, g, c);
    buf_addf(b, "  %s%s%s\n", verdict_names[c->verdict], more[0] != '\0' ? ": " : "", more);
}

/* A share in per cent; not shown where nothing failed. */
static bool some_failed(const struct compared *c)
{
    return c->failed.a > 0 || c->failed.b > 0;
}

static void share_cell(char out[CELL], double share, bool sign)
{
    snprintf(out, CELL, sign ? "%+.2f" : "%.2f", share * 100);
}

static void text_failed(const struct compared *c, struct buf *b)
{
    char cell[CELL];
    name_cell(b, "failed, % of requests ↓");
    share_cell(cell, c->failed.a, false);
    pad(b, cell, 10);
    share_cell(cell, c->failed.b, false);
    pad(b, cell, 10);
    share_cell(cell, c->failed.diff, true);
    pad(b, cell, 12);
    change_cell(cell, c->failed.ratio);
    pad(b, cell, 11);
    buf_addf(b, "  %s\n", verdict_names[c->failed.verdict]);
}

static void gib_cell(char out[CELL], double bytes, bool sign)
{
    char n[FMT_SIZE];
    snprintf(out, CELL, "%s%s", sign && bytes > 0 ? "+" : "", fmt_gib(n, bytes));
}

static bool knows_peaks(const struct compared *c, int pool)
{
    return isfinite(c->peak_a[pool]) && isfinite(c->peak_b[pool]);
}

static void text_memory(const struct compared *c, struct buf *b)
{
    for (int k = 0; k < COMPARE_POOLS; k++) {
        char cell[CELL], name[40];
        if (!knows_peaks(c, k))
            continue;
        snprintf(name, sizeof name, "%s, GiB", compare_pools[k]);
        name_cell(b, name);
        gib_cell(cell, c->peak_a[k], false);
        pad(b, cell, 10);
        gib_cell(cell, c->peak_b[k], false);
        pad(b, cell, 10);
        gib_cell(cell, c->peak_b[k] - c->peak_a[k], true);
        pad(b, cell, 12);
        change_cell(cell, c->peak_b[k] / c->peak_a[k]);
        pad(b, cell, 11);
        buf_adds(b, "\n");
    }
}

#define LOAD_CELL 18

static void text_loads(const struct compared_loads *l, struct buf *b)
{
    char name[LOAD_NAME], change[CELL + 1], cell[2 * CELL];
    int width = NAME_WIDTH;
    for (size_t i = 0; i < l->n; i++) {
        load_name(name, l->list[i].load);
        width = MAX_OF(width, (int)utf8_count(name, strlen(name)));
    }
    buf_addf(b, "\n  %-*s", width, "load by load");
    for (size_t k = 0; k < ARRAY_LEN(load_figures); k++) {
        snprintf(cell, sizeof cell, "%s %s", load_figure(k)->name, direction(load_figure(k)));
        pad(b, cell, LOAD_CELL);
    }
    buf_adds(b, "\n");
    for (size_t i = 0; i < l->n; i++) {
        load_name(name, l->list[i].load);
        buf_addf(b, "  %s%*s", name, width - (int)utf8_count(name, strlen(name)), "");
        for (size_t k = 0; k < ARRAY_LEN(load_figures); k++) {
            const struct comparison *c = &l->list[i].figures[load_figure(k) - figures];
            load_change(change, c);
            snprintf(cell, sizeof cell, "%s%s", change, verdict_names[c->verdict]);
            pad(b, cell, LOAD_CELL);
        }
        buf_adds(b, "\n");
    }
}

static void text_one(const struct compare_report *r, size_t run, struct buf *b)
{
    const struct compared *c = &r->with[run - 1];
    char one[2] = {letter(run), '\0'}, is[16];
    snprintf(is, sizeof is, "%c is", letter(run));
    if (r->runs_n > 2)
        buf_addf(b, "%s against A\n", one);
    for (int i = 0; i < c->objections_n; i++)
        buf_addf(b, "  NOT COMPARABLE: %s\n%s", c->objections[i], i + 1 == c->objections_n ? "\n" : "");
    buf_addf(b, "  %-*s%10s%10s%12s%11s  %s\n", NAME_WIDTH, "", "A", one, "difference", "change", is);
    for (size_t i = 0; i < FIGURES_N; i++)
        text_line(&figures[i], &c->figures[i], b);
    if (some_failed(c))
        text_failed(c, b);
    text_memory(c, b);
    if (loads_of(r, run) != NULL)
        text_loads(loads_of(r, run), b);
    if (c->by_vllm)
        buf_addf(b, "  %s\n", vllm_note);
    buf_adds(b, "\n");
}

static void write_text(const struct compare_report *r, struct buf *b)
{
    for (size_t i = 0; i < r->runs_n; i++)
        buf_addf(b, "%c  %s%s\n", letter(i), compare_run_name(&r->runs[i]),
                 r->runs[i].vllm != NULL ? "  (measured by vllm bench serve)" : "");
    buf_adds(b, "\n");
    bool loads = false;
    for (size_t i = 1; i < r->runs_n; i++) {
        text_one(r, i, b);
        loads = loads || loads_of(r, i) != NULL;
    }
    buf_adds(b, "  ↑ higher is better, ↓ lower is better\n");
    buf_addf(b, "  win, lose: the 95 %% interval of the difference leaves zero out, and it is %g %% at least.\n",
             r->min_effect * 100);
    if (loads)
        buf_addf(b, "  %s\n", loads_note);
}

/* ---- Markdown, to be pasted where people talk about the runs ---- */

static void verdict_cell(struct doc *d, enum verdict v)
{
    if (v == VERDICT_WIN || v == VERDICT_LOSE)
        doc_strong(d, "%s", verdict_names[v]);
    else
        doc_text(d, "%s", verdict_names[v]);
}

static void md_row(const struct figure *g, const struct comparison *c, struct doc *d)
{
    char cell[CELL], more[80];
    bool rate = !is_time(g); /* times have their unit beside them */
    doc_row_begin(d);
    doc_cell(d, "%s%s%s %s", g->name, rate ? ", " : "", rate ? metrics[g->metric].unit : "", direction(g));
    value_cell(cell, g, c->a);
    doc_cell(d, "%s", cell);
    value_cell(cell, g, c->b);
    doc_cell(d, "%s", cell);
    difference_cell(cell, g, c->diff);
    doc_cell(d, "%s", cell);
    change_cell(cell, c->ratio);
    doc_cell(d, "%s", cell);
    doc_cell_begin(d);
    verdict_cell(d, c->verdict);
    advice(more, sizeof more, g, c);
    doc_text(d, "%s%s", more[0] != '\0' ? ": " : "", more);
    doc_cell_end(d);
    doc_row_end(d);
}

static void md_failed(const struct compared *c, struct doc *d)
{
    char cell[CELL];
    doc_row_begin(d);
    doc_cell(d, "failed, %% of requests ↓");
    share_cell(cell, c->failed.a, false);
    doc_cell(d, "%s", cell);
    share_cell(cell, c->failed.b, false);
    doc_cell(d, "%s", cell);
    share_cell(cell, c->failed.diff, true);
    doc_cell(d, "%s", cell);
    change_cell(cell, c->failed.ratio);
    doc_cell(d, "%s", cell);
    doc_cell_begin(d);
    verdict_cell(d, c->failed.verdict);
    doc_cell_end(d);
    doc_row_end(d);
}

static void md_memory(const struct compared *c, struct doc *d)
{
    for (int k = 0; k < COMPARE_POOLS; k++) {
        char cell[CELL];
        if (!knows_peaks(c, k))
            continue;
        doc_row_begin(d);
        doc_cell(d, "%s, GiB", compare_pools[k]);
        gib_cell(cell, c->peak_a[k], false);
        doc_cell(d, "%s", cell);
        gib_cell(cell, c->peak_b[k], false);
        doc_cell(d, "%s", cell);
        gib_cell(cell, c->peak_b[k] - c->peak_a[k], true);
        doc_cell(d, "%s", cell);
        change_cell(cell, c->peak_b[k] / c->peak_a[k]);
        doc_cell(d, "%s", cell);
        doc_cell(d, "%s", "");
        doc_row_end(d);
    }
}

static void md_loads(const struct compared_loads *l, struct doc *d)
{
    char name[LOAD_NAME], change[CELL + 1], heads[ARRAY_LEN(load_figures)][40];
    struct doc_column columns[1 + ARRAY_LEN(load_figures)] = {{"load by load", false}};
    for (size_t k = 0; k < ARRAY_LEN(load_figures); k++) {
        snprintf(heads[k], sizeof heads[k], "%s %s", load_figure(k)->name, direction(load_figure(k)));
        columns[1 + k] = (struct doc_column){heads[k], true};
    }
    doc_table_begin(d, "loads", columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < l->n; i++) {
        load_name(name, l->list[i].load);
        doc_row_begin(d);
        doc_cell(d, "%s", name);
        for (size_t k = 0; k < ARRAY_LEN(load_figures); k++) {
            const struct comparison *c = &l->list[i].figures[load_figure(k) - figures];
            load_change(change, c);
            doc_cell_begin(d);
            doc_text(d, "%s", change);
            verdict_cell(d, c->verdict);
            doc_cell_end(d);
        }
        doc_row_end(d);
    }
    doc_table_end(d);
    doc_paragraph(d, "%s", loads_note);
}

static void md_one(const struct compare_report *r, size_t run, struct doc *d)
{
    const struct compared *c = &r->with[run - 1];
    char one[2] = {letter(run), '\0'}, is[16];
    snprintf(is, sizeof is, "%c is", letter(run));
    const struct doc_column columns[] = {{"", false},          {"A", true},      {one, true},
                                         {"difference", true}, {"change", true}, {is, false}};
    if (r->runs_n > 2)
        doc_heading(d, 3, "%s against A", one);
    for (int i = 0; i < c->objections_n; i++)
        doc_warning(d, "Not comparable", "%s", c->objections[i]);
    doc_table_begin(d, "comparison", columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < FIGURES_N; i++)
        md_row(&figures[i], &c->figures[i], d);
    if (some_failed(c))
        md_failed(c, d);
    md_memory(c, d);
    doc_table_end(d);
    if (loads_of(r, run) != NULL)
        md_loads(loads_of(r, run), d);
    if (c->by_vllm)
        doc_paragraph(d, "%s", vllm_note);
}

static void write_markdown(const struct compare_report *r, struct buf *out)
{
    struct doc d;
    doc_begin(&d, out, DOC_MARKDOWN, "tokgauge compare");
    doc_list_begin(&d);
    for (size_t i = 0; i < r->runs_n; i++) {
        doc_item_begin(&d);
        doc_text(&d, "%c: ", letter(i));
        doc_code(&d, "%s", compare_run_name(&r->runs[i])); /* as code: @someone would call that person */
        doc_text(&d, "%s", r->runs[i].vllm != NULL ? ", measured by vllm bench serve" : "");
        doc_item_end(&d);
    }
    doc_list_end(&d);
    for (size_t i = 1; i < r->runs_n; i++)
        md_one(r, i, &d);
    doc_paragraph(&d, "↑ higher is better, ↓ lower is better");
    doc_paragraph(&d, "win, lose: the 95 %% interval of the difference leaves zero out, and it is %g %% at least.",
                  r->min_effect * 100);
    doc_end(&d);
}

/* ---- JSON ---- */

static void json_figure(const struct figure *g, const struct comparison *c, struct jsonw *j)
{
    jw_open(j, NULL, '{');
    jw_str(j, "figure", g->id);
    jw_str(j, "metric", metrics[g->metric].key);
    jw_num(j, "quantile", g->quantile > 0 ? g->quantile : (double)NAN, 3);
    jw_str(j, "better", metrics[g->metric].better == BETTER_HIGHER ? "higher" : "lower");
    jw_num(j, "a", c->a, 4);
    jw_num(j, "b", c->b, 4);
    jw_num(j, "difference", c->diff, 4);
    jw_num(j, "ratio", c->ratio, 5);
    jw_num(j, "low95", c->lo, 4);
    jw_num(j, "high95", c->hi, 4);
    jw_num(j, "least_effect", c->effect, 4);
    jw_int(j, "n_a", (int64_t)c->n_a);
    jw_int(j, "n_b", (int64_t)c->n_b);
    jw_num(j, "more_needed", c->more > 0 ? (double)c->more : (double)NAN, 0);
    jw_str(j, "verdict", verdict_names[c->verdict]);
    jw_close(j, '}');
}

/* Shares of the requests that were not cancelled. */
static void json_failed(const struct comparison *c, struct jsonw *j)
{
    jw_open(j, "failed", '{');
    jw_num(j, "a", c->a, 6);
    jw_num(j, "b", c->b, 6);
    jw_num(j, "difference", c->diff, 6);
    jw_num(j, "low95", c->lo, 6);
    jw_num(j, "high95", c->hi, 6);
    jw_int(j, "n_a", (int64_t)c->n_a);
    jw_int(j, "n_b", (int64_t)c->n_b);
    jw_str(j, "verdict", verdict_names[c->verdict]);
    jw_close(j, '}');
}

static void json_figures(const struct comparison each[FIGURES_N], struct jsonw *j)
{
    jw_open(j, "metrics", '[');
    for (size_t i = 0; i < FIGURES_N; i++)
        json_figure(&figures[i], &each[i], j);
    jw_close(j, ']');
}

static void json_load(const struct compared_load *l, struct jsonw *j)
{
    char name[LOAD_NAME];
    load_name(name, l->load);
    jw_open(j, NULL, '{');
    jw_str(j, "load", name);
    jw_str(j, "part", l->load->part);
    jw_int(j, "max_num_seqs", l->load->streams);
    jw_num(j, "rate", l->load->rate, 6);
    jw_num(j, "context", l->load->context > 0 ? (double)l->load->context : (double)NAN, 0);
    jw_int(j, "max_tokens", l->load->max_tokens);
    json_failed(&l->failed, j);
    json_figures(l->figures, j);
    jw_close(j, '}');
}

static void json_one(const struct compare_report *r, size_t run, struct jsonw *j)
{
    const struct compared *c = &r->with[run - 1];
    jw_open(j, NULL, '{');
    jw_str(j, "a", compare_run_name(&r->runs[0]));
    jw_str(j, "b", compare_run_name(&r->runs[run]));
    jw_str(j, "file", compare_run_path(&r->runs[run]));
    jw_str(j, "measured_by", maker(&r->runs[run]));
    jw_str(j, "definitions", c->by_vllm ? "vllm" : "tokgauge");
    jw_bool(j, "comparable", c->objections_n == 0);
    jw_open(j, "objections", '[');
    for (int i = 0; i < c->objections_n; i++)
        jw_str(j, NULL, c->objections[i]);
    jw_close(j, ']');
    static const char *const pools[COMPARE_POOLS] = {"ram_peak", "gtt_peak"};
    static const double gib = 1024.0 * 1024 * 1024;
    jw_open(j, "memory_gib", '{');
    for (int k = 0; k < COMPARE_POOLS; k++) {
        jw_open(j, pools[k], '{');
        jw_num(j, "a", c->peak_a[k] / gib, 3);
        jw_num(j, "b", c->peak_b[k] / gib, 3);
        jw_num(j, "difference", (c->peak_b[k] - c->peak_a[k]) / gib, 3);
        jw_close(j, '}');
    }
    jw_close(j, '}');
    json_failed(&c->failed, j);
    json_figures(c->figures, j);
    jw_open(j, "loads", '[');
    for (size_t i = 0; loads_of(r, run) != NULL && i < loads_of(r, run)->n; i++)
        json_load(&loads_of(r, run)->list[i], j);
    jw_close(j, ']');
    jw_close(j, '}');
}

static void write_json(const struct compare_report *r, struct buf *out)
{
    struct jsonw j = {.out = out};
    jw_open(&j, NULL, '{');
    jw_str(&j, "baseline", compare_run_name(&r->runs[0]));
    jw_str(&j, "file", compare_run_path(&r->runs[0]));
    jw_str(&j, "measured_by", maker(&r->runs[0]));
    jw_num(&j, "min_effect", r->min_effect, 6);
    jw_open(&j, "comparisons", '[');
    for (size_t i = 1; i < r->runs_n; i++)
        json_one(r, i, &j);
    jw_close(&j, ']');
    jw_close(&j, '}');
    buf_adds(out, "\n");
}

void compare_write(const struct compare_report *r, enum compare_format format, struct buf *out)
{
    switch (format) {
    case COMPARE_TEXT: write_text(r, out); break;
    case COMPARE_MD: write_markdown(r, out); break;
    case COMPARE_JSON: write_json(r, out); break;
    }
}
