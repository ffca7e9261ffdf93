#include "report/matrix_tables.h"

#include "capacity.h"
#include "fmt.h"
#include "jsonr.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum figure { FIGURE_RATE, FIGURE_TTFT, FIGURE_DECODE, FIGURE_GOOD, FIGURES };
static const char *const figure_names[FIGURES] = {"output tok/s, all streams", "TTFT p95", "decode tok/s of one stream", "share that meets the objectives"};

/* ---- what both have in common ---- */

static char *load_text(char out[FMT_SIZE], const struct matrix_grid *g, int column)
{
    if (!g->by_rate)
        return fmt_count(out, g->load[column]);
    size_t len = strlen(fmt_number(out, g->load[column]));
    snprintf(out + len, FMT_SIZE - len, "/s");
    return out;
}

static double value_of(const struct matrix_cell *c, enum figure f)
{
    if (c == NULL || c->left_out)
        return (double)NAN;
    return f == FIGURE_RATE ? c->output_rate : f == FIGURE_TTFT ? c->ttft_p95 : f == FIGURE_DECODE ? c->decode_rate : c->good_share;
}

/* "1820", "≈42.0" where few requests make it, "–" where there is none, "too large". */
static void cell_text(char out[FMT_SIZE + 8], const struct matrix_cell *c, enum figure f)
{
    char n[FMT_SIZE];
    double v = value_of(c, f);
    if (c != NULL && c->left_out)
        snprintf(out, FMT_SIZE + 8, "left out");
    else
        snprintf(out, FMT_SIZE + 8, "%s%s", isfinite(v) && !matrix_enough(c) ? "≈" : "",
                 f == FIGURE_TTFT ? fmt_ms(n, v) : f == FIGURE_GOOD ? fmt_percent(n, v) : fmt_rate(n, v));
}

static bool known(const struct matrix_grid *g, enum figure f)
{
    for (int r = 0; r < g->rows; r++)
        for (int k = 0; k < g->columns; k++)
            if (isfinite(value_of(g->at[r][k], f)))
                return true;
    return false;
}

/* "knee at 1k: 4 streams, 1820 tok/s (98 % of the most)"; false where too little was tried. */
static bool knee_text(const struct matrix_grid *g, int row, char *out, size_t size)
{
    char context[FMT_SIZE], load[FMT_SIZE], rate[FMT_SIZE], share[FMT_SIZE];
    int at = matrix_knee(g, row);
    double most = (double)NAN;
    if (at < 0)
        return false;
    for (int k = 0; k < g->columns; k++)
        if (matrix_enough(g->at[row][k]))
            most = fmax(most, g->at[row][k]->output_rate);
    double here = g->at[row][at]->output_rate;
    int last = g->columns - 1;
    while (last > at && !matrix_enough(g->at[row][last]))
        last--;
    fmt_context(context, g->context[row]);
    load_text(load, g, at);
    if (at == last)
        snprintf(out, size, "at context %s the output still grows at %s%s (%s tok/s): no knee yet", context, load, g->by_rate ? "" : " streams",
                 fmt_rate(rate, here));
    else
        snprintf(out, size, "knee at context %s: %s%s, %s tok/s, %s of the most; more of them mostly wait", context, load,
                 g->by_rate ? "" : g->load[at] == 1 ? " stream" : " streams", fmt_rate(rate, here), fmt_percent(share, here / most));
    return true;
}

/* ---- plain text ---- */

static void put(struct buf *b, const char *s, int width)
{
    int n = (int)utf8_count(s, strlen(s));
    buf_addf(b, "%*s%s", n < width ? width - n : 0, "", s);
}

static void text_table(const struct matrix_grid *g, enum figure f, struct buf *b)
{
    char text[FMT_SIZE + 8], n[FMT_SIZE];
    if (!known(g, f))
        return;
    buf_addf(b, "  %s\n", figure_names[f]);
    put(b, g->by_rate ? "context | rate" : "context | streams", 21);
    for (int k = 0; k < g->columns; k++)
        put(b, load_text(n, g, k), 10);
    buf_adds(b, "\n");
    for (int r = 0; r < g->rows; r++) {
        put(b, fmt_context(n, g->context[r]), 21);
        for (int k = 0; k < g->columns; k++) {
            cell_text(text, g->at[r][k], f);
            put(b, text, 10);
        }
        buf_adds(b, "\n");
    }
    buf_adds(b, "\n");
}

void matrix_text(const struct matrix_view *m, struct buf *b)
{
    double outputs[MATRIX_SIDE];
    int n = matrix_outputs(m, outputs);
    for (int i = 0; i < n; i++) {
        struct matrix_grid g;
        char text[160], o[FMT_SIZE];
        matrix_grid(&g, m, outputs[i]);
        if (n > 1)
            buf_addf(b, "  output length %s\n", fmt_tokens(o, outputs[i]));
        for (enum figure f = FIGURE_RATE; f < FIGURES; f++)
            if (f != FIGURE_DECODE)
                text_table(&g, f, b);
        for (int r = 0; r < g.rows; r++)
            if (knee_text(&g, r, text, sizeof text))
                buf_addf(b, "  %s\n", text);
        buf_adds(b, "\n");
    }
}

/* ---- of a run file ---- */

bool report_is_matrix(const struct run_file *f)
{
    return f->phases_n > 0 && (strcmp(f->phases[0].part, PART_MATRIX) == 0 || strcmp(f->phases[0].part, PART_CAPACITY) == 0);
}

static double of_hist(const struct hist *h, enum metric_id m, double quantile)
{
    if (h == NULL || h->count == 0)
        return (double)NAN;
    return (quantile < 0 ? hist_mean(h) : hist_quantile(h, quantile)) / metrics[m].scale;
}

#define LOAD_WRITTEN 6e-5 /* older files have four decimals of a try's load, and six of a phase's rate */

/* What a search said of that load; NULL: none has. */
static const cJSON *try_of(const cJSON *capacity, double load)
{
    const cJSON *one, *found = NULL;
    double off = LOAD_WRITTEN;
    cJSON_ArrayForEach(one, json_get(capacity, "tries"))
    {
        double d = fabs(json_number(one, "load") - load);
        if (d < off) {
            off = d;
            found = one;
        }
    }
    return found;
}

double matrix_good_share(const struct run_file *f, const struct run_phase *p, const struct tally *t)
{
    const cJSON *capacity = json_get(f->summary, "capacity");
    const char *by = json_text(capacity, "by");
    const cJSON *tried = try_of(capacity, by != NULL && strcmp(by, "rate") == 0 ? p->rate : p->streams);
    double judged = json_number(tried, "judged");
    if (tried != NULL)
        return judged > 0 ? json_number(tried, "met") / judged : (double)NAN;
    return f->slo.n > 0 ? tally_good_share(t) : (double)NAN;
}

/* Everything that was measured under one load. */
struct gathered {
    bool used;
    struct tally t;
    double rate_seconds, goodput_seconds; /* that these are of */
    double rate, goodput;                 /* NAN: not known */
};

/* The mean of two rates, each of so many seconds; of an unknown one it is the other. */
static void add_rate(double *rate, double *seconds, double more, double more_seconds)
{
    if (isfinite(more) && isfinite(*rate) && *seconds + more_seconds > 0)
        *rate = (*rate * *seconds + more * more_seconds) / (*seconds + more_seconds);
    else if (isfinite(more))
        *rate = more;
    if (isfinite(more) && more_seconds > 0)
        *seconds += more_seconds;
}

static void gather(struct gathered *g, const struct run_file *f, int phase)
{
    double seconds = run_file_phase_seconds(f, phase);
    struct tally t;
    run_file_phase(f, phase, &t);
    tally_merge(&g->t, &t);
    tally_release(&t);
    add_rate(&g->rate, &g->rate_seconds, run_file_phase_rate(f, phase), seconds);
    add_rate(&g->goodput, &g->goodput_seconds, run_file_phase_goodput(f, phase), seconds);
}

static void fill_cell(struct matrix_cell *c, const struct run_file *f, const struct run_phase *p, const struct gathered *g)
{
    const struct tally *t = &g->t;
    *c = (struct matrix_cell){.streams = p->streams, .context = (double)p->context, .max_tokens = (double)p->max_tokens,
                              .rate = isfinite(p->rate) ? p->rate : 0, .output_rate = g->rate, .goodput = g->goodput,
                              .good_share = matrix_good_share(f, p, t), .ok = t->outcome[OUT_OK], .failed = tally_failed(t),
                              .decode_rate = of_hist(t->hist[M_DECODE_RATE], M_DECODE_RATE, -1),
                              .ttft_p50 = of_hist(t->hist[M_TTFT], M_TTFT, 0.5), .ttft_p95 = of_hist(t->hist[M_TTFT], M_TTFT, 0.95)};
}

void matrix_cells_of_file(const struct run_file *f, struct matrix_cell *cells)
{
    struct gathered *of = xcalloc(f->phases_n + 1, sizeof *of); /* [i]: used where i is the latest phase of its load, as yet */
    for (size_t i = 0; i < f->phases_n; i++) {
        size_t before = i;
        while (before > 0 && !(of[before - 1].used && run_same_load(&f->phases[before - 1], &f->phases[i])))
            before--;
        if (before > 0) {
            of[i] = of[before - 1];
            of[before - 1].used = false;
        } else {
            of[i] = (struct gathered){.used = true, .rate = (double)NAN, .goodput = (double)NAN};
            tally_init(&of[i].t);
        }
        gather(&of[i], f, f->phases[i].id);
        fill_cell(&cells[i], f, &f->phases[i], &of[i]);
    }
    for (size_t i = 0; i < f->phases_n; i++)
        if (of[i].used)
            tally_release(&of[i].t);
    free(of);
}

void matrix_of_file(const struct run_file *f, struct matrix_view *m)
{
    struct matrix_cell *cells = xcalloc(f->phases_n + 1, sizeof *cells);
    matrix_cells_of_file(f, cells);
    m->n = 0;
    for (size_t i = 0; i < f->left_out_n; i++) {
        const struct run_left_out *l = &f->left_out[i];
        matrix_put(m, l->streams, (double)l->context, (double)l->max_tokens, isfinite(l->rate) ? l->rate : 0)->left_out = true;
    }
    for (size_t i = 0; i < f->phases_n; i++)
        *matrix_put(m, cells[i].streams, cells[i].context, cells[i].max_tokens, cells[i].rate) = cells[i];
    free(cells);
}

static void doc_table(struct doc *d, const struct matrix_grid *g, enum figure f)
{
    struct doc_column columns[MATRIX_COLUMNS + 1] = {{"context", true}};
    char heads[MATRIX_COLUMNS][FMT_SIZE + 16], n[FMT_SIZE], text[FMT_SIZE + 8];
    if (!known(g, f))
        return;
    for (int k = 0; k < g->columns; k++) {
        snprintf(heads[k], sizeof heads[k], "%s%s", load_text(n, g, k), g->by_rate ? "" : g->load[k] == 1 ? " stream" : " streams");
        columns[k + 1] = (struct doc_column){heads[k], true};
    }
    doc_paragraph_begin(d);
    doc_strong(d, "%s", figure_names[f]);
    doc_paragraph_end(d);
    doc_table_begin(d, figure_names[f], columns, (size_t)g->columns + 1);
    for (int r = 0; r < g->rows; r++) {
        doc_row_begin(d);
        doc_cell(d, "%s", fmt_context(n, g->context[r]));
        for (int k = 0; k < g->columns; k++) {
            cell_text(text, g->at[r][k], f);
            doc_cell(d, "%s", text);
        }
        doc_row_end(d);
    }
    doc_table_end(d);
}

static void left_out(struct doc *d, const struct run_file *f)
{
    if (f->left_out_n == 0)
        return;
    doc_paragraph(d, "Left out:");
    doc_list_begin(d);
    for (size_t i = 0; i < f->left_out_n; i++) {
        const struct run_left_out *l = &f->left_out[i];
        char a[FMT_SIZE], b[FMT_SIZE];
        doc_item(d, "%d stream%s, context %s, output %s: %s", l->streams, l->streams == 1 ? "" : "s", fmt_context(a, (double)l->context),
                 fmt_tokens(b, (double)l->max_tokens), l->why);
    }
    doc_list_end(d);
}

void report_matrix(struct doc *d, const struct run_file *f)
{
    struct matrix_view *m = xcalloc(1, sizeof *m);
    double outputs[MATRIX_SIDE];
    matrix_of_file(f, m);
    int n = matrix_outputs(m, outputs);
    doc_heading(d, 2, "%s", json_text(json_get(f->summary, "capacity"), "answer") != NULL ? "Loads that were tried" : "Matrix");
    doc_paragraph(d, "Each load by itself, one after the other. ≈: fewer than %d requests ended well.", MATRIX_FEW);
    for (int i = 0; i < n; i++) {
        struct matrix_grid g;
        char text[160], o[FMT_SIZE];
        matrix_grid(&g, m, outputs[i]);
        doc_heading(d, 3, "Output length %s", fmt_tokens(o, outputs[i]));
        for (enum figure k = FIGURE_RATE; k < FIGURES; k++)
            doc_table(d, &g, k);
        doc_list_begin(d);
        for (int r = 0; r < g.rows; r++)
            if (knee_text(&g, r, text, sizeof text))
                doc_item(d, "%s", text);
        doc_list_end(d);
    }
    left_out(d, f);
    free(m);
}

/* The cell with the highest output rate that enough requests were made at; NULL: none. */
static const struct matrix_cell *best_of(const struct matrix_view *m)
{
    const struct matrix_cell *best = NULL;
    for (size_t i = 0; i < m->n; i++)
        if (matrix_enough(&m->cell[i]) && (best == NULL || m->cell[i].output_rate > best->output_rate))
            best = &m->cell[i];
    return best;
}

static void cell_name(const struct matrix_cell *c, char *out, size_t size)
{
    char n[FMT_SIZE], a[FMT_SIZE], b[FMT_SIZE];
    if (c->rate > 0)
        snprintf(out, size, "%s requests/s, context %s, output %s", fmt_number(n, c->rate), fmt_context(a, c->context), fmt_tokens(b, c->max_tokens));
    else
        snprintf(out, size, "%d stream%s, context %s, output %s", c->streams, c->streams == 1 ? "" : "s", fmt_context(a, c->context), fmt_tokens(b, c->max_tokens));
}

/* The answer of a search. */
static void capacity_item(struct doc *d, const struct run_file *f)
{
    const char *answer = json_text(json_get(f->summary, "capacity"), "answer");
    char text[512];
    if (answer == NULL)
        return;
    str_sanitise(text, sizeof text, answer, strlen(answer));
    doc_item_begin(d);
    doc_text(d, "Capacity: ");
    doc_strong(d, "%s", text);
    doc_item_end(d);
}

void report_matrix_summary(struct doc *d, const struct run_file *f)
{
    struct matrix_view *m = xcalloc(1, sizeof *m);
    struct matrix_grid g;
    double outputs[MATRIX_SIDE];
    char text[160], n[FMT_SIZE];
    matrix_of_file(f, m);
    capacity_item(d, f);
    const struct matrix_cell *best = best_of(m);
    if (best != NULL) {
        cell_name(best, text, sizeof text);
        doc_item_begin(d);
        doc_text(d, "Highest output: ");
        doc_strong(d, "%s tok/s", fmt_rate(n, best->output_rate));
        doc_text(d, " at %s", text);
        doc_item_end(d);
    }
    int outputs_n = matrix_outputs(m, outputs);
    for (int i = 0; i < outputs_n; i++) {
        matrix_grid(&g, m, outputs[i]);
        for (int r = 0; r < g.rows; r++)
            if (knee_text(&g, r, text, sizeof text))
                doc_item(d, "Output %s, %s", fmt_tokens(n, outputs[i]), text);
    }
    free(m);
}

void report_matrix_cards(struct doc *d, const struct run_file *f)
{
    struct matrix_view *m = xcalloc(1, sizeof *m);
    char figure[FMT_SIZE + 8], note[128], n[FMT_SIZE];
    matrix_of_file(f, m);
    const struct matrix_cell *best = best_of(m), *least = NULL;
    for (size_t i = 0; i < m->n; i++)
        if (matrix_enough(&m->cell[i]) && isfinite(m->cell[i].ttft_p95) && (least == NULL || m->cell[i].ttft_p95 < least->ttft_p95))
            least = &m->cell[i];
    if (best != NULL) {
        snprintf(figure, sizeof figure, "%s tok/s", fmt_rate(n, best->output_rate));
        cell_name(best, note, sizeof note);
        doc_card(d, "Highest output", figure, note);
    }
    if (least != NULL) {
        cell_name(least, note, sizeof note);
        doc_card(d, "Lowest TTFT p95", fmt_ms(n, least->ttft_p95), note);
    }
    free(m);
}
