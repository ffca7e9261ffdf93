/* inside: a replay's own state, shared by the files of this folder only. */
#ifndef TG_REPLAY_INSIDE_H
#define TG_REPLAY_INSIDE_H

#include "buf.h"
#include "measure/servercounts.h"
#include "measure/shown.h"
#include "replay/replay.h"
#include "report/runfile.h"

struct place { /* of a row in an order */
    int64_t at;    /* its end, or when it was started */
    int stream;
    size_t row;
};

struct replay {
    struct run_file *file;
    FILE *in; /* for the lines of samples */
    struct place *by_end, *by_stream; /* rows by their end; by stream and start */
    size_t ordered;             /* rows that are in both */
    bool by_arrival;            /* of a file that grows: by_end has its later rows in the order in which they came */
    double end, load_from;
    struct matrix_cell *cells; /* what each phase came to in the end */
    struct buf line;

    struct snapshot *view;
    struct shown shown;
    int shown_from; /* the first phase that its percentiles are of */
    struct tally one; /* of the request that is shown */
    struct counted counted; /* by the server, until then */
    struct plateau plateau;
    double at; /* of the view */
    int text_of; /* stream whose text is wanted */
    size_t samples, rows, events, marks, phases; /* that the view has */
};

/* replay.c */
void replay_begin(struct replay *r); /* the view is that of the start */
void replay_measure(struct replay *r); /* what is made of the whole file: its end, and what each phase came to */

/* replay_grow.c */
double replay_seconds(int64_t moment); /* of a row, after the start of the run; NAN: it did not happen */
void replay_order(struct replay *r);   /* rows that are new */
void replay_order_again(struct replay *r); /* … as if they all had been there at first */

#endif
