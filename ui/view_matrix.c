/* Matrix: what each load of the run came to, as a grid of streams by context, and rate against latency as a curve. */
#include "ui/layout.h"
#include "ui/panel.h"
#include "ui/view.h"

#include "fmt.h"
#include "util.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LABEL_W 9
#define CELL_W 11
enum matrix_value { MATRIX_RATE, MATRIX_TTFT, MATRIX_DECODE, MATRIX_GOOD, MATRIX_VALUES };
static const char *const value_names[MATRIX_VALUES] = {"output tok/s", "TTFT p95", "decode tok/s of one stream", "share that meets the slo"};

static double value_of(const struct matrix_cell *c, enum matrix_value v)
{
    if (c == NULL)
        return (double)NAN;
    return v == MATRIX_RATE ? c->output_rate : v == MATRIX_TTFT ? c->ttft_p95 : v == MATRIX_GOOD ? c->good_share : c->decode_rate;
}

static double highest(const struct matrix_grid *g, enum matrix_value v)
{
    double most = (double)NAN;
    for (int r = 0; r < g->rows; r++)
        for (int k = 0; k < g->columns; k++)
            most = fmax(most, value_of(g->at[r][k], v));
    return most;
}

/* "8", or "2.5/s" */
static const char *load_text(char out[FMT_SIZE], const struct matrix_grid *g, int column)
{
    int at = (int)g->load[column];
    if (g->names != NULL) {
        str_copy(out, FMT_SIZE, at >= 0 && at < MATRIX_SIDE ? g->names->column[at] : "");
        return out;
    }
    if (!g->by_rate)
        return fmt_count(out, g->load[column]);
    size_t len = strlen(fmt_number(out, g->load[column]));
    snprintf(out + len, FMT_SIZE - len, "/s");
    return out;
}

static void draw_cell(struct canvas *c, int x, int y, int lines, const struct matrix_grid *g, const struct matrix_cell *cell, enum matrix_value v, double most, bool knee)
{
    char text[FMT_SIZE + 8], n[FMT_SIZE];
    double value = value_of(cell, v);
    if (cell == NULL)
        return;
    if (cell->left_out || (cell->waiting && cell->ok + cell->failed == 0)) {
        canvas_text_right(c, x, y, CELL_W - 1, cell->left_out ? (g->names != NULL ? "failed" : "too large") : "·", ROLE_TEXT_DIM);
        return;
    }
    const char *shown = v == MATRIX_TTFT ? short_ms(n, value) : v == MATRIX_GOOD ? fmt_percent(n, value) : fmt_rate(n, value);
    snprintf(text, sizeof text, "%s%s%s", cell->running ? "● " : cell->failed > 0 ? "! " : matrix_enough(cell) ? "" : "≈", shown, knee && v == MATRIX_RATE ? " ◂" : "");
    canvas_text_right(c, x, y, CELL_W - 1, text,
                      cell->failed > 0 ? ROLE_STATUS_ERROR : cell->running ? ROLE_SERIES_2 : matrix_enough(cell) ? ROLE_TEXT_BRIGHT : ROLE_TEXT_DIM);
    if (lines > 1)
        plot_gauge(c, x + 2, y + 1, CELL_W - 3, value / most, v == MATRIX_TTFT ? ROLE_SERIES_3 : ROLE_SERIES_1);
}

static const char *row_name(const struct matrix_grid *g, int row)
{
    int at = (int)g->context[row];
    return at >= 0 && at < MATRIX_SIDE ? g->names->row[at] : "";
}

/* Of what stands before a row. */
static int label_width(const struct canvas *c, struct rect in, const struct matrix_grid *g)
{
    if (g->names == NULL)
        return LABEL_W;
    int w = canvas_width(c, g->names->of_columns) + 2;
    for (int r = 0; r < g->rows; r++)
        w = MAX_OF(w, canvas_width(c, row_name(g, r)) + 2);
    return MAX_OF(MIN_OF(w, in.w / 2), LABEL_W);
}

static void draw_cells(struct canvas *c, struct rect in, const struct matrix_grid *g, enum matrix_value v)
{
    char text[FMT_SIZE];
    int label = label_width(c, in, g), columns = MAX_OF(MIN_OF((in.w - label) / CELL_W, g->columns), 0), from = g->columns - columns; /* the largest loads */
    int lines = in.h - 1 >= g->rows * 3 ? 3 : in.h - 1 >= g->rows * 2 ? 2 : 1, rows = MIN_OF((in.h - 1) / lines, g->rows);
    double most = highest(g, v);
    canvas_text_fit(c, in.x, in.y, label - 1, g->names != NULL ? g->names->of_columns : "context", ROLE_TEXT_DIM);
    for (int k = 0; k < columns; k++)
        canvas_text_right(c, in.x + label + k * CELL_W, in.y, CELL_W - 1, load_text(text, g, from + k), ROLE_TEXT_DIM);
    for (int r = 0; r < rows; r++) {
        int y = in.y + 1 + r * lines, knee = matrix_knee(g, r);
        if (g->names != NULL)
            canvas_text_fit(c, in.x, y, label - 2, row_name(g, r), ROLE_TEXT_DIM);
        else
            canvas_text_right(c, in.x, y, label - 2, fmt_context(text, g->context[r]), ROLE_TEXT_DIM);
        for (int k = 0; k < columns; k++)
            draw_cell(c, in.x + label + k * CELL_W, y, lines, g, g->at[r][from + k], v, most, from + k == knee);
    }
}

static void knee_items(struct items *l, const struct matrix_grid *g)
{
    for (int r = 0; r < g->rows; r++) {
        char text[112], n[FMT_SIZE], rate[FMT_SIZE], load[FMT_SIZE];
        int k = matrix_knee(g, r);
        if (k < 0)
            continue;
        snprintf(text, sizeof text, "%s%s at %s: %s tok/s", load_text(load, g, k), g->by_rate ? "" : " streams", fmt_context(n, g->context[r]),
                 fmt_rate(rate, g->at[r][k]->output_rate));
        items_add(l, "◂ knee", text, ROLE_TEXT);
    }
}

static bool few(const struct matrix_cell *c)
{
    return !c->running && !c->waiting && !c->left_out && !matrix_enough(c);
}

static void draw_grid(struct canvas *c, struct rect r, const struct snapshot *s, const struct matrix_grid *g, enum matrix_value v)
{
    struct items head = {.n = 0}, foot = {.n = 0};
    items_add(&head, "v", value_names[v], ROLE_TEXT_BRIGHT);
    knee_items(&foot, g);
    for (size_t i = 0; i < s->matrix.n; i++)
        if (few(&s->matrix.cell[i])) {
            items_add(&foot, "≈", "fewer than 10 requests", ROLE_TEXT_DIM);
            break;
        }
    struct rect in = panel_draw(c, r, g->names != NULL ? "settings of the server" : g->by_rate ? "requests/s × context" : "streams × context", &head, &foot);
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

static bool is_free(const struct canvas *c, int x, int y, int w)
{
    for (int i = 0; i < w; i++)
        if (canvas_at(c, x + i, y)->ch != ' ')
            return false;
    return true;
}

/* Behind the point at x, or before it at the right edge; not where something is in its way. */
static void draw_label(struct canvas *c, const struct rect *plot, int x, int y, const char *text)
{
    int w = canvas_width(c, text), at = x + 1 + w <= plot->x + plot->w ? x + 1 : x - w;
    if (at >= plot->x && is_free(c, at, y, w))
        canvas_text(c, at, y, w, text, ROLE_TEXT);
}

/* A point for each number of streams, a row of the grid in a look of its own; and that number. */
static void draw_points(struct canvas *c, const struct axes *a, const struct matrix_grid *g, int row, bool labels)
{
    static const uint32_t glyphs[] = {0x25cf, 0x25cb, 0x25a0};
    for (int k = 0, x, y; k < g->columns; k++) {
        char text[FMT_SIZE];
        if (!point_of(a, g->at[row][k], &x, &y))
            continue;
        if (!labels)
            canvas_put(c, x, y, c->glyphs == GLYPHS_ASCII ? (uint32_t)"*o+"[row] : glyphs[row], curve_roles[row]);
        else
            draw_label(c, &a->plot, x, y, fmt_number(text, g->load[k]));
    }
}

static void draw_curve(struct canvas *c, struct rect r, const struct matrix_grid *g)
{
    struct items foot = {.n = 0};
    char n[FMT_SIZE];
    int rows = MIN_OF(g->rows, CURVES);
    for (int row = 0; row < rows; row++)
        items_add(&foot, row == 0 ? "● context" : row == 1 ? "○" : "■", fmt_context(n, g->context[row]), curve_roles[row]);
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
    struct matrix_grid g;
    layout_matrix(body, at);
    matrix_grid(&g, &s->matrix, (double)NAN);
    draw_grid(c, g.names != NULL ? body : at[MATRIX_GRID], s, &g, (enum matrix_value)st->matrix_value);
    if (at[MATRIX_CURVE].w > 0 && g.names == NULL)
        draw_curve(c, at[MATRIX_CURVE], &g);
}

static bool act(struct ui_state *st, const struct snapshot *s, enum action a, struct rect body)
{
    (void)body;
    if (a != ACT_VALUE)
        return false;
    int values = s->slo[0] != '\0' ? MATRIX_VALUES : MATRIX_GOOD;
    st->matrix_value = (st->matrix_value + 1) % values;
    return true;
}

const struct view view_matrix = {
    .name = "matrix",
    .key = '6',
    .help = "each load that was tried: rate, TTFT, knee",
    .draw = draw,
    .act = act,
};
