/* summary: what a run came to, as JSON and as text for a person.  One set of figures behind both. */
#ifndef TG_SUMMARY_H
#define TG_SUMMARY_H

#include "jsonw.h"
#include "report/result.h"
#include "snapshot.h"

/* Members "requests", "tokens" and the distributions of a tally: of a run, a phase, or rows read back from a file. */
void summary_json_tally(const struct tally *t, struct jsonw *j);
/* Members of the summary object, without its braces: names are those of the metric table, units are in the names. */
void summary_json(const struct run_result *r, struct jsonw *j);
/* "20 requests/s (poisson), at most 4 streams · context 1k · output 128 tokens" */
void summary_load(const struct run_config *c, int64_t streams, int64_t context, int64_t max_tokens, struct buf *b);
/* A page of text for 80 columns; utf8 false: ASCII only. */
void summary_text(const struct run_result *r, bool utf8, struct buf *out);
/* For a terminal that has no UTF-8: the signs that texts here use become ASCII, all others ?. */
void summary_to_ascii(struct buf *b);
/* The lines of the log after that moment (seconds of the run); returns the moment of the last one. */
double summary_notes(const struct snapshot *s, double after, bool utf8, struct buf *out);
/* "load 00:00:12 …": the progress line of headless runs. */
void summary_progress(const struct snapshot *s, bool utf8, struct buf *out);

#endif
