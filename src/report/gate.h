/* gate: a condition on a comparison that makes a build fail: "ttft_p95 worse", "output_tok_s < -5%".
 *
 * Only a difference that counts can break it: one whose verdict is win or lose.  What may be noise (unsure) and what is
 * too small to count (same) never does, whatever the figures look like.  A figure of which too little is known (none)
 * breaks its own conditions, for what was not measured was not met, but not "any worse". */
#ifndef TG_GATE_H
#define TG_GATE_H

#include "report/figures.h"
#include "util.h"
#include "verdict.h"

struct gate {
    const char *text;            /* as given; not owned */
    const struct figure *figure; /* NULL: any */
    bool worse;                  /* broken where the verdict is lose; else by the size of the change: */
    bool above, equal;           /* where it is > (>=) the limit; else < (<=) */
    double limit;                /* share of the baseline's figure */
};

/* NAME "worse", or NAME OP CHANGE, blanks optional: NAME a figure that is compared, as threshold_parse takes it, or
 * "any" (with "worse" only); OP one of < <= > >=; CHANGE in per cent of the baseline's figure, with its sign for a
 * decrease.  False with the reason in e. */
bool gate_parse(const char *text, struct gate *g, struct err *e);

/* False with one line in e that names the run: the condition is so, or cannot be judged.  compared: FIGURES_N; failed: the share of
 * requests that failed, which is a figure for "any worse". */
bool gate_passes(const struct gate *g, const char *run, const struct comparison *compared, const struct comparison *failed, struct err *e);

#endif
