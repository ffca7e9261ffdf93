/* compare: two runs side by side: which is better, by how much, and is that more than noise? */
#ifndef TG_COMPARE_H
#define TG_COMPARE_H

#include "buf.h"
#include "report/runfile.h"

struct compare_options {
    double min_effect; /* share: smaller differences do not count */
    bool json;
};

/* Writes the comparison of b with a; "win" means that b is better. */
void compare_write(const struct run_file *a, const struct run_file *b, const struct compare_options *o, struct buf *out);

#endif
