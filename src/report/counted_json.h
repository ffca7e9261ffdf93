/* counted_json: the server's counters in the run file, both ways: what they have grown by since the line before, so that adding
 * up gives what the server had counted at any moment, however often it was started anew; and what it tells of itself besides. */
#ifndef TG_COUNTED_JSON_H
#define TG_COUNTED_JSON_H

#include "jsonw.h"
#include "measure/counters.h"
#include "snapshot.h"

#include <cjson/cJSON.h>

/* As "server_counted" where there is anything new to say: *written then holds what the file has, and sum what there is.  A number
 * that is named is known from there on; where it is not named again it has not grown. */
void counted_json(const struct counted *sum, struct counted *written, struct jsonw *j);
/* Adds what a sample says; false where it says nothing. */
bool counted_read(const cJSON *sample, struct counted *sum);

/* The fields of a line "counters", and of a summary: capacity and limits, what is in memory, lines of the page. */
void server_facts_json(const struct server_view *v, struct jsonw *j);
void server_facts_read(const cJSON *o, struct server_view *v);

/* For a summary: what server_counts has, as an object. */
void server_counts_json(const char *key, const struct server_counts *c, struct jsonw *j);

#endif
