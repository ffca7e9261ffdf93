/* matrix_tables: a matrix of loads as tables of figures: for the summary in plain text, and for the report. */
#ifndef TG_MATRIX_TABLES_H
#define TG_MATRIX_TABLES_H

#include "buf.h"
#include "matrix.h"
#include "report/doc.h"
#include "report/runfile.h"

/* UTF-8, a table each of output rate, TTFT p95 and (where there are objectives) the share that meets them; the knees. */
void matrix_text(const struct matrix_view *m, struct buf *b);

bool report_is_matrix(const struct run_file *f);
/* Share of the phase's requests, which t counts, that met all objectives; of a load that a search tried, as it was judged: with those
 * that were broken off because they had missed one already.  NAN: there are none. */
double matrix_good_share(const struct run_file *f, const struct run_phase *p, const struct tally *t);
/* cells[i], for each of f->phases_n phases: what the load of phase i had come to by its end, over all of its phases so far: it may have
 * been gone back to. */
void matrix_cells_of_file(const struct run_file *f, struct matrix_cell *cells);
/* What each load of the file came to, those that were left out too. */
void matrix_of_file(const struct run_file *f, struct matrix_view *m);
/* The best load and the knees, as items of an open list; the same as cards. */
void report_matrix_summary(struct doc *d, const struct run_file *f);
void report_matrix_cards(struct doc *d, const struct run_file *f);
/* The section of a report. */
void report_matrix(struct doc *d, const struct run_file *f);

#endif
