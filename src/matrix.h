/* matrix: what a run came to at each load that it has had, as a grid, and where the knee is.  Pure, layer 0; screen, summary and
 * report read it. */
#ifndef TG_MATRIX_H
#define TG_MATRIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MATRIX_CELLS 128
#define MATRIX_FEW 10  /* requests; what fewer came to is not to be built on */

/* NAN: unknown. */
struct matrix_cell {
    int streams;
    double context, max_tokens;    /* as asked for */
    double rate;                   /* of an open loop, requests a second; 0: closed loop */
    bool running;                  /* the rate is of what has come so far */
    bool waiting, left_out;        /* of a planned matrix: its turn comes; it does not fit */
    double output_rate;            /* tok/s, all streams */
    double decode_rate;            /* tok/s, of one stream */
    double ttft_p50, ttft_p95;     /* ms */
    double goodput, good_share;    /* NAN: no objectives */
    uint64_t ok, failed;
};

#define MATRIX_SIDE 16    /* rows of a grid, at the most */
#define MATRIX_COLUMNS 40 /* … and columns: a search tries that many loads */
#define MATRIX_NAME 24

/* Of loads, unless it has names of its own: then streams and context of a cell are numbers of a column and a row. */
struct matrix_view {
    size_t n;
    struct matrix_cell cell[MATRIX_CELLS]; /* no two of one load; the latest last */
    char of_columns[MATRIX_NAME];          /* what they are of; empty: loads */
    char column[MATRIX_SIDE][MATRIX_NAME], row[MATRIX_SIDE][MATRIX_NAME * 2];
};

/* As far as there is something in it. */
void matrix_copy(struct matrix_view *to, const struct matrix_view *from);
/* It is of other things than loads. */
void matrix_name(struct matrix_view *m, const char *of_columns);
void matrix_label(struct matrix_view *m, bool column, int at, const char *text);

/* The cell of that load; NULL: there is none yet. */
const struct matrix_cell *matrix_find(const struct matrix_view *m, int streams, double context, double max_tokens, double rate);
/* … made where there is none yet and put last; the oldest one makes room. */
struct matrix_cell *matrix_put(struct matrix_view *m, int streams, double context, double max_tokens, double rate);

/* The cells in order: rows of contexts, columns of streams (or rates, where there is an open loop). */
struct matrix_grid {
    int rows, columns;
    bool by_rate;
    double context[MATRIX_SIDE];
    double load[MATRIX_COLUMNS];
    const struct matrix_cell *at[MATRIX_SIDE][MATRIX_COLUMNS]; /* into the view; NULL: not tried */
    const struct matrix_view *names; /* of other things than loads: whose rows and columns have names; else NULL */
};
/* max_tokens: of cells of that output length; NAN: of all, and of several the latest.  Where there are too many rows or columns
 * the largest are left out. */
void matrix_grid(struct matrix_grid *g, const struct matrix_view *m, double max_tokens);
/* The output lengths that there are, in order; returns how many. */
int matrix_outputs(const struct matrix_view *m, double out[MATRIX_SIDE]);

/* Is it over, with enough requests to tell something? */
bool matrix_enough(const struct matrix_cell *c);
/* Column of the least load that gives nearly (nine tenths of) the highest output rate of the row: what more than that adds
 * mostly waits.  −1: fewer than three cells are enough to tell. */
int matrix_knee(const struct matrix_grid *g, int row);

#endif
