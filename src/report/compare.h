/* compare: runs beside a first one, the baseline: which is better, by how much, and is that more than noise? */
#ifndef TG_COMPARE_H
#define TG_COMPARE_H

#include "buf.h"
#include "report/figures.h"
#include "report/runfile.h"
#include "verdict.h"

#define COMPARE_RUNS 16 /* named A to P */
#define COMPARE_OBJECTIONS 6

/* One run beside the baseline. */
struct compared {
    char objections[COMPARE_OBJECTIONS][160]; /* why they should not be compared; the figures stand all the same */
    int objections_n;
    struct comparison figures[FIGURES_N]; /* "win": the run is better than the baseline */
};

/* Is there anything to compare?  False with one line in e where no request of the run ended well. */
bool compare_usable(const struct run_file *f, struct err *e);
/* Fills c with b beside a.  min_effect: share; smaller differences do not count. */
void compare_runs(const struct run_file *a, const struct run_file *b, double min_effect, struct compared *c);

struct compare_report {
    const struct run_file *const *runs; /* the baseline first */
    size_t runs_n;                      /* 2 to COMPARE_RUNS */
    const struct compared *with;        /* runs_n − 1: of those behind the baseline */
    double min_effect;
};

enum compare_format { /* in the order of the words of --format */
    COMPARE_TEXT,     /* for a terminal */
    COMPARE_MD,       /* Markdown tables; names from files are escaped */
    COMPARE_JSON
};
void compare_write(const struct compare_report *r, enum compare_format format, struct buf *out);

#endif
