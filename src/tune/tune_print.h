/* tune_print: what `tune` came to, as text for a terminal and as JSON.  Pure. */
#ifndef TG_TUNE_PRINT_H
#define TG_TUNE_PRINT_H

#include "buf.h"
#include "jsonw.h"
#include "tune/tune.h"

/* The figure that the settings are ranked by; NAN: this one has none. */
double tune_figure(const struct tune_result *r, enum tune_objective by);
/* load: what each setting gets, as summary_load has it. */
void tune_print_text(const struct tune_result *r, size_t n, enum tune_objective by, const char *load, bool utf8, struct buf *b);
void tune_print_json(const struct tune_result *r, size_t n, enum tune_objective by, struct jsonw *j);

#endif
