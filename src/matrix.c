#include "matrix.h"

#include "util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define KNEE_SHARE 0.9

const struct matrix_cell *matrix_find(const struct matrix_view *m, int streams, double context, double max_tokens, double rate)
{
    for (size_t i = 0; i < m->n; i++) {
        const struct matrix_cell *c = &m->cell[i];
        if (c->streams == streams && c->context == context && c->max_tokens == max_tokens && c->rate == rate)
            return c;
    }
    return NULL;
}

struct matrix_cell *matrix_put(struct matrix_view *m, int streams, double context, double max_tokens, double rate)
{
    double nan = (double)NAN;
    struct matrix_cell one = {.streams = streams, .context = context, .max_tokens = max_tokens, .rate = rate, .output_rate = nan,
                              .decode_rate = nan, .ttft_p50 = nan, .ttft_p95 = nan, .goodput = nan, .good_share = nan};
    const struct matrix_cell *there = matrix_find(m, streams, context, max_tokens, rate);
    size_t at = there != NULL ? (size_t)(there - m->cell) : m->n;
    if (there != NULL)
        one = *there;
    else if (m->n < MATRIX_CELLS)
        m->n++;
    else
        at = 0;
    memmove(m->cell + at, m->cell + at + 1, (m->n - 1 - at) * sizeof m->cell[0]);
    m->cell[m->n - 1] = one;
    return &m->cell[m->n - 1];
}

void matrix_copy(struct matrix_view *to, const struct matrix_view *from)
{
    to->n = from->n;
    memcpy(to->cell, from->cell, from->n * sizeof from->cell[0]);
    memcpy(to->of_columns, from->of_columns, sizeof to->of_columns);
    if (from->of_columns[0] == '\0')
        return;
    memcpy(to->column, from->column, sizeof to->column);
    memcpy(to->row, from->row, sizeof to->row);
}

void matrix_name(struct matrix_view *m, const char *of_columns)
{
    str_copy(m->of_columns, sizeof m->of_columns, of_columns);
}

void matrix_label(struct matrix_view *m, bool column, int at, const char *text)
{
    if (at < 0 || at >= MATRIX_SIDE)
        return;
    if (column)
        str_copy(m->column[at], sizeof m->column[at], text);
    else
        str_copy(m->row[at], sizeof m->row[at], text);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

enum axis { AXIS_LOAD, AXIS_CONTEXT, AXIS_OUTPUT };

static double on_axis(const struct matrix_cell *c, enum axis axis, bool by_rate)
{
    return axis == AXIS_CONTEXT ? c->context : axis == AXIS_OUTPUT ? c->max_tokens : by_rate ? c->rate : (double)c->streams;
}

static bool of_output(const struct matrix_cell *c, double max_tokens)
{
    return !isfinite(max_tokens) || c->max_tokens == max_tokens;
}

/* Distinct values, in order, `most` at the most. */
static int distinct(const struct matrix_view *m, enum axis axis, bool by_rate, double max_tokens, double *out, int most)
{
    double all[MATRIX_CELLS];
    size_t kept = 0;
    int n = 0;
    for (size_t i = 0; i < m->n; i++)
        if (of_output(&m->cell[i], max_tokens) && isfinite(on_axis(&m->cell[i], axis, by_rate)))
            all[kept++] = on_axis(&m->cell[i], axis, by_rate);
    if (kept > 1)
        qsort(all, kept, sizeof all[0], by_size);
    for (size_t i = 0; i < kept && n < most; i++)
        if (n == 0 || all[i] > out[n - 1])
            out[n++] = all[i];
    return n;
}

int matrix_outputs(const struct matrix_view *m, double out[MATRIX_SIDE])
{
    return distinct(m, AXIS_OUTPUT, false, (double)NAN, out, MATRIX_SIDE);
}

void matrix_grid(struct matrix_grid *g, const struct matrix_view *m, double max_tokens)
{
    memset(g, 0, sizeof *g);
    g->names = m->of_columns[0] != '\0' ? m : NULL;
    for (size_t i = 0; i < m->n; i++)
        g->by_rate |= m->cell[i].rate > 0;
    g->rows = distinct(m, AXIS_CONTEXT, g->by_rate, max_tokens, g->context, MATRIX_SIDE);
    g->columns = distinct(m, AXIS_LOAD, g->by_rate, max_tokens, g->load, MATRIX_COLUMNS);
    for (size_t i = 0; i < m->n; i++) /* of several the latest */
        for (int r = 0; r < g->rows && of_output(&m->cell[i], max_tokens); r++)
            for (int k = 0; k < g->columns; k++)
                if (m->cell[i].context == g->context[r] && on_axis(&m->cell[i], AXIS_LOAD, g->by_rate) == g->load[k])
                    g->at[r][k] = &m->cell[i];
}

bool matrix_enough(const struct matrix_cell *c)
{
    return c != NULL && !c->running && !c->waiting && !c->left_out && c->ok >= MATRIX_FEW && isfinite(c->output_rate);
}

int matrix_knee(const struct matrix_grid *g, int row)
{
    double most = (double)NAN;
    int tried = 0;
    for (int k = 0; k < g->columns && g->names == NULL; k++) {
        const struct matrix_cell *c = g->at[row][k];
        if (!matrix_enough(c))
            continue;
        most = fmax(most, c->output_rate);
        tried++;
    }
    for (int k = 0; k < g->columns && tried >= 3; k++) {
        const struct matrix_cell *c = g->at[row][k];
        if (matrix_enough(c) && c->output_rate >= KNEE_SHARE * most)
            return k;
    }
    return -1;
}
