/* main_tune: what the command `tune` says on the terminal, where there is no dashboard, and at its end. */
#ifndef TG_MAIN_TUNE_H
#define TG_MAIN_TUNE_H

#include "options.h"
#include "tune/tune.h"

#include <signal.h>

/* The same load for every setting: until its rate is known, unless it was said when it ends. */
void tune_settle(struct run_config *r);
/* Its log, and a line a second, until it is over; once *stop is not 0 it is stopped. */
void tune_watch(struct tune *t, const struct options *o, const volatile sig_atomic_t *stop);
/* The ranking, as text or JSON.  False with errno where it could not be written. */
bool tune_tell(const struct tune_result *r, size_t n, enum tune_objective by, const struct options *o);

#endif
