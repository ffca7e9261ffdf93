/* counter: counts the output tokens of answers whose server sent no usage, with the server's own tokenizer, after their
 * end and on a thread of its own, so that the load does not wait for it. */
#ifndef TG_COUNTER_H
#define TG_COUNTER_H

#include "load/server.h"
#include "measure/recorder.h"

struct counter;
struct counter *counter_start(const struct server_info *server, const struct http_settings *http);
/* Takes the row and its text over. */
void counter_put(struct counter *c, const struct row *r);
/* A row that is counted, or could not be, or whose request ended before `before` and is not waited for any longer, in *r;
 * false where there is none at the moment.  Its text is the caller's. */
bool counter_take(struct counter *c, int64_t before, struct row *r);
/* Rows put in and not yet taken out. */
size_t counter_pending(struct counter *c);
/* What is still waiting comes out uncounted by counter_take; then counter_free. */
void counter_stop(struct counter *c);
void counter_free(struct counter *c);

#endif
