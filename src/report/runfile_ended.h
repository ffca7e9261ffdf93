/* runfile_ended: what the samples of a run file tell of the requests that ended; for runfile.c.  They stand in for rows where
 * the file has not one for each request. */
#ifndef TG_RUNFILE_ENDED_H
#define TG_RUNFILE_ENDED_H

#include "report/runfile.h"

/* Of a sample's line, while the file is read. */
void ended_keep(struct run_file *f, const cJSON *sample);
/* What windows need of it. */
void ended_sums(const cJSON *sample, struct run_sample *s);
/* The file is read: makes its total, of rows or of what was kept. */
void ended_settle(struct run_file *f);
/* NULL: nothing ended in that phase, or rows are whole. */
const struct tally *ended_of(const struct run_file *f, int phase);
void ended_release(struct run_file *f);

#endif
