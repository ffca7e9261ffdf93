/* capacity_words: the answer of a search for the capacity, in words and as JSON.  Pure. */
#ifndef TG_CAPACITY_WORDS_H
#define TG_CAPACITY_WORDS_H

#include "capacity.h"
#include "jsonw.h"
#include "measure/slo.h"

#define CAPACITY_LOAD 48

/* "4 streams", "12.5 requests/s" */
char *capacity_load_text(char out[CAPACITY_LOAD], bool by_rate, double load);
/* Why one that is not sure ended: "the time did not suffice". */
const char *capacity_end_text(const struct capacity *c);
/* "4 streams at 2k context meet ttft ≤ 500 ms; limited by ttft at 5: requests queue above 4 (the server runs 4 at once)" */
void capacity_words(const struct capacity *c, const struct slo *slo, int64_t context, char *out, size_t size);
/* An object "capacity"; null where nothing was searched. */
void capacity_json(const struct capacity *c, const struct slo *slo, int64_t context, struct jsonw *j);

#endif
