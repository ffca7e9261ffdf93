/* probe: what `watch` asks of a server: who it is, and now and then one short stream, to see how fast it is under other
 * people's load.  A server that is not there yet is looked for again.  Runs on a thread of its own. */
#ifndef TG_PROBE_H
#define TG_PROBE_H

#include "load/preflight.h"

struct probe;
/* With c->probe_ns = 0 no request is sent.  All must outlive it. */
struct probe *probe_start(const struct run_config *c, const struct http_settings *http, const struct prompt_set *prompts);
/* The server may be another one now: it is looked for again. */
void probe_again(struct probe *p);
/* True once each time that a server has been found. */
bool probe_found(struct probe *p, struct preflight *out);
/* What it is at, or why there is no server; empty: nothing to tell. */
void probe_status(struct probe *p, char *out, size_t size);
/* The next finished stream; the caller owns its gaps.  False where there is none at the moment. */
bool probe_take(struct probe *p, struct row *out);
void probe_stop(struct probe *p); /* cancels what is in flight, waits; what has ended can still be taken */
void probe_free(struct probe *p); /* after probe_stop */

#endif
