/* Matrix: what each load of the run came to, as a grid of streams by context, and rate against latency as a curve. */
#include "ui/layout.h"
#include "ui/panel.h"
#include "ui/view.h"

#include "fmt.h"
#include "util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIDE_MOST 16   /* rows and columns of the grid */
#define LABEL_W 9
#define CELL_W 11
#define FEW 10         /* requests; what fewer came to is not to be built on */
#define KNEE_SHARE 0.9 /* of the highest rate: more streams than it takes for this mostly wait */

enum matrix_value { MATRIX_RATE, MATRIX_TTFT, MATRIX_DECODE, MATRIX_VALUES };
static const char *const value_names[MATRIX_VALUES] = {"output tok/s", "TTFT p95", "decode tok/s of one stream"};

/* The cells in order: which rows and columns there are, and what stands where. */
struct grid {
    int rows, columns;
    double context[SIDE_MOST];
    int streams[SIDE_MOST];
    const struct matrix_cell *at[SIDE_MOST][SIDE_MOST]; /* NULL: not tried */
};

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Distinct values, in order; the largest are left out where there are too many. */
static int distinct(const struct matrix_view *m, bool streams, double out[SIDE_MOST])
{
    double all[MATRIX_CELLS];
    int n = 0;
    for (size_t i = 0; i < m->n; i++)
        all[i] = streams ? m->cell[i].streams : m->cell[i].context;
    if (m->n > 1)
        qsort(all, m->n, sizeof all[0], by_size);
    for (size_t i = 0; i < m->n && n < SIDE_MOST; i++)
        if (n == 0 || all[i] > out[n - 1])
            out[n++] = all[i];
    return n;
}

static void make_grid(struct grid *g, const struct matrix_view *m)
{
    double streams[SIDE_MOST];
    memset(g, 0, sizeof *g);
    g->rows = distinct(m, false, g->context);
    g->columns = distinct(m, true, streams);
    for (int k = 0; k < g->columns; k++)
        g->streams[k] = (int)streams[k];
    for (size_t i = 0; i < m->n; i++) /* of several output lengths the latest */
        for (int r = 0; r < g->rows; r++)
            for (int k = 0; k < g->columns; k++)
                if (m->cell[i].context == g->context[r] && m->cell[i].streams == g->streams[k])
                    g->at[r][k] = &m->cell[i];
}

static double value_of(const struct matrix_cell *c, enum matrix_value v)
{
    if (c == NULL)
        return (double)NAN;
    return v == MATRIX_RATE ? c->output_rate : v == MATRIX_TTFT ? c->ttft_p95 : c->decode_rate;
}

static double highest(const struct grid *g, enum matrix_value v)
{
    double most = (double)NAN;
    for (int r = 0; r < g->rows; r++)
        for (int k = 0; k < g->columns; k++)
            most = fmax(most, value_of(g->at[r][k], v));
    return most;
}

static bool enough(const struct matrix_cell *c)
{
    return c != NULL && !c->running && c->ok >= FEW && isfinite(c->output_rate);
}

/* The fewest streams that give nearly the highest rate of their row; −1: too little was tried. */
static int knee_of(const struct grid *g, int row)
{
    double most = (double)NAN;
    int tried = 0;
    for (int k = 0; k < g->columns; k++) {
        const struct matrix_cell *c = g->at[row][k];
        if (!enough(c))
            continue;
        most = fmax(most, c->output_rate);
        tried++;
    }
    for (int k = 0; k < g->columns && tried >= 3; k++) {
        const struct matrix_cell *c = g->at[row][k];
        if (enough(c) && c->output_rate >= KNEE_SHARE * most)
            return k;
    }
    return -1;
}

static void draw_cell(struct canvas *c, int x, int y, int lines, const struct matrix_cell *cell, enum matrix_value v, double most, bool knee)
{
    char text[FMT_SIZE + 8], n[FMT_SIZE];
    double value = value_of(cell, v);
    if (cell == NULL)
        return;
    const char *shown = v == MATRIX_TTFT ? short_ms(n, value) : fmt_rate(n, value);
    snprintf(text, sizeof text, "%s%s%s", cell->running ? "● " : cell->failed > 0 ? "! " : enough(cell) ? "" : "≈", shown, knee && v == MATRIX_RATE ? " ◂" : "");
    canvas_text_right(c, x, y, CELL_W - 1, text,
                      cell->failed > 0 ? ROLE_STATUS_ERROR : cell->running ? ROLE_SERIES_2 : enough(cell) ? ROLE_TEXT_BRIGHT : ROLE_TEXT_DIM);
    if (lines > 1)
        plot_gauge(c, x + 2, y + 1, CELL_W - 3, value / most, v == MATRIX_TTFT ? ROLE_SERIES_3 : ROLE_SERIES_1);
}

static void draw_cells(struct canvas *c, struct rect in, const struct grid *g, enum matrix_value v)
{
    char text[FMT_SIZE];
    int columns = MIN_OF((in.w - LABEL_W) / CELL_W, g->columns), from = g->columns - columns; /* the largest loads */
    int lines = in.h - 1 >= g->rows * 3 ? 3 : in.h - 1 >= g->rows * 2 ? 2 : 1, rows = MIN_OF((in.h - 1) / lines, g->rows);
    double most = highest(g, v);
    canvas_text(c, in.x, in.y, LABEL_W, "context", ROLE_TEXT_DIM);
    for (int k = 0; k < columns; k++)
        canvas_text_right(c, in.x + LABEL_W + k * CELL_W, in.y, CELL_W - 1, fmt_count(text, g->streams[from + k]), ROLE_TEXT_DIM);
    for (int r = 0; r < rows; r++) {
        int y = in.y + 1 + r * lines, knee = knee_of(g, r);
        canvas_text_right(c, in.x, y, LABEL_W - 2, fmt_tokens(text, g->context[r]), ROLE_TEXT_DIM);
        for (int k = 0; k < columns; k++)
            draw_cell(c, in.x + LABEL_W + k * CELL_W, y, lines, g->at[r][from + k], v, most, from + k == knee);
    }
}

static void knee_items(struct items *l, const struct grid *g)
{
    for (int r = 0; r < g->rows; r++) {
        char text[80], n[FMT_SIZE], rate[FMT_SIZE];
        int k = knee_of(g, r);
        if (k < 0)
            continue;
        snprintf(text, sizeof text, "%d streams at %s: %s tok/s", g->streams[k], fmt_tokens(n, g->context[r]),
                 fmt_rate(rate, g->at[r][k]->output_rate));
        items_add(l, "◂ knee", text, ROLE_TEXT);
    }
}

static void draw_grid(struct canvas *c, struct rect r, const struct snapshot *s, const struct grid *g, enum matrix_value v)
{
    struct items head = {.n = 0}, foot = {.n = 0};
    items_add(&head, "v", value_names[v], ROLE_TEXT_BRIGHT);
    knee_items(&foot, g);
    for (size_t i = 0; i < s->matrix.n; i++)
        if (!s->matrix.cell[i].running && !enough(&s->matrix.cell[i])) {
            items_add(&foot, "≈", "fewer than 10 requests", ROLE_TEXT_DIM);
            break;
        }
    struct rect in = panel_draw(c, r, "streams × context", &head, &foot);
    if (g->rows == 0)
        canvas_text_fit(c, in.x, in.y, in.w,
                        s->state == RUN_WATCH ? "no load, no matrix" : "each load that is tried has a cell here: keys - + [ ] change it", ROLE_TEXT_DIM);
    else
        draw_cells(c, in, g, v);
}

/* ---- rate against latency ---- */

#define CURVES 3
static const enum role curve_roles[CURVES] = {ROLE_SERIES_1, ROLE_SERIES_2, ROLE_SERIES_3};

struct axes {
    struct rect plot;
    double rate, ttft; /* at the far ends */
};

static void draw_axes(struct canvas *c, struct rect in, const struct axes *a)
{
    char text[FMT_SIZE + 8], n[FMT_SIZE];
    const struct rect *p = &a->plot;
    for (int y = 0; y < p->h; y++)
        canvas_put(c, p->x - 1, p->y + y, 0x2502, ROLE_GRAPH_LABEL);
    for (int x = 0; x < p->w; x++)
        canvas_put(c, p->x + x, p->y + p->h, 0x2500, ROLE_GRAPH_LABEL);
    canvas_put(c, p->x - 1, p->y + p->h, 0x2514, ROLE_GRAPH_LABEL);
    canvas_text_right(c, in.x, p->y, p->x - 2 - in.x, short_ms(n, a->ttft), ROLE_GRAPH_LABEL);
    canvas_text_right(c, in.x, p->y + p->h, p->x - 2 - in.x, "0", ROLE_GRAPH_LABEL);
    snprintf(text, sizeof text, "%s tok/s", fmt_rate(n, a->rate));
    canvas_text_right(c, p->x, p->y + p->h + 1, p->w, text, ROLE_GRAPH_LABEL);
}

/* Where the point of a cell stands; false where it is not known. */
static bool point_of(const struct axes *a, const struct matrix_cell *cell, int *x, int *y)
{
    bool known = cell != NULL && cell->output_rate >= 0 && cell->output_rate <= a->rate && cell->ttft_p95 >= 0 && cell->ttft_p95 <= a->ttft;
    if (!known)
        return false;
    *x = a->plot.x + (int)lround(cell->output_rate / a->rate * (a->plot.w - 4));
    *y = a->plot.y + a->plot.h - 1 - (int)lround(cell->ttft_p95 / a->ttft * (a->plot.h - 1));
    return true;
}

/* A point for each number of streams, a row of the grid in a look of its own; and that number, where no point is in its way. */
static void draw_points(struct canvas *c, const struct axes *a, const struct grid *g, int row, bool labels)
{
    static const uint32_t glyphs[] = {0x25cf, 0x25cb, 0x25a0};
    for (int k = 0, x, y; k < g->columns; k++) {
        char text[FMT_SIZE];
        if (!point_of(a, g->at[row][k], &x, &y))
            continue;
        if (!labels)
            canvas_put(c, x, y, c->glyphs == GLYPHS_ASCII ? (uint32_t)"*o+"[row] : glyphs[row], curve_roles[row]);
        else if (canvas_at(c, x + 1, y)->ch == ' ')
            canvas_text(c, x + 1, y, 3, fmt_count(text, g->streams[k]), ROLE_TEXT);
    }
}

static void draw_curve(struct canvas *c, struct rect r, const struct grid *g)
{
    struct items foot = {.n = 0};
    char n[FMT_SIZE];
    int rows = MIN_OF(g->rows, CURVES);
    for (int row = 0; row < rows; row++)
        items_add(&foot, row == 0 ? "● context" : row == 1 ? "○" : "■", fmt_tokens(n, g->context[row]), curve_roles[row]);
    struct rect in = panel_draw(c, r, "TTFT p95 by output rate", NULL, g->rows > 0 ? &foot : NULL);
    struct axes a = {{in.x + 9, in.y, in.w - 9, in.h - 2}, highest(g, MATRIX_RATE), highest(g, MATRIX_TTFT)};
    if (!(a.rate > 0 && isfinite(a.rate)) || !(a.ttft > 0 && isfinite(a.ttft)) || a.plot.w < 12 || a.plot.h < 3) {
        canvas_text_fit(c, in.x, in.y, in.w, "no load has come to an end yet", ROLE_TEXT_DIM);
        return;
    }
    draw_axes(c, in, &a);
    for (int labels = 0; labels < 2; labels++)
        for (int row = 0; row < rows; row++)
            draw_points(c, &a, g, row, labels);
}

static void draw(struct canvas *c, struct rect body, const struct snapshot *s, const struct ui_state *st)
{
    struct rect at[MATRIX_COUNT];
    struct grid g;
    layout_matrix(body, at);
    make_grid(&g, &s->matrix);
    draw_grid(c, at[MATRIX_GRID], s, &g, (enum matrix_value)st->matrix_value);
    if (at[MATRIX_CURVE].w > 0)
        draw_curve(c, at[MATRIX_CURVE], &g);
}

static bool act(struct ui_state *st, const struct snapshot *s, enum action a, struct rect body)
{
    (void)s;
    (void)body;
    if (a != ACT_VALUE)
        return false;
    st->matrix_value = (st->matrix_value + 1) % MATRIX_VALUES;
    return true;
}

const struct view view_matrix = {
    .name = "matrix",
    .key = '6',
    .help = "each load that was tried: rate, TTFT, knee",
    .draw = draw,
    .act = act,
};
