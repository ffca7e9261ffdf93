/* grid: a matrix of loads as a list of steps: every number of streams (or rate) with every context and output length.  Pure. */
#ifndef TG_GRID_H
#define TG_GRID_H

#include "load/config.h"
#include "options_load.h"

#define GRID_MOST 100

struct grid {
    struct load_step steps[GRID_MOST];
    char what[GRID_MOST][64]; /* the steps' texts: "4 streams, 4k + 128" */
    size_t n;
};

/* How many cells the lists make; 1: a plain run. */
size_t grid_cells(const struct load_options *l);
/* In the order in which they are run: at random by the seed, so that a drift of the server is not taken for an effect of the
 * load, or as listed.  A cell without a rule when to stop ends when its output rate is known to 3 %, after 10 to 60 s. */
void grid_build(struct grid *g, const struct load_options *l, const struct run_config *c);

#endif
