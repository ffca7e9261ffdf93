/* sim_strike: carries the faults of the table (sim_fault.c) out.  What the fault only changes in the bytes of an answer
 * that goes on to its end (usage, framing) is in sim_answer, which writes it. */
#ifndef TG_SIM_STRIKE_H
#define TG_SIM_STRIKE_H

#include "sim/sim_stream.h"

/* A fault that takes the place of an answer: replies, logs and takes the request over. */
void sim_strike_at_once(struct sim_server *s, struct evhttp_request *req, enum sim_fault f, uint64_t id, bool chat,
                        int64_t arrived);

/* Before anything of an answer: the headers that the fault changes. */
void sim_strike_headers(struct sim_stream *r, struct evhttp_request *req);
/* Before the event in the middle leaves: the text that takes the place of its own. */
void sim_strike_text(struct sim_stream *r);
/* After it.  True where the stream goes on; else it has been retired, or waits for its client to leave. */
bool sim_strike_stream(struct sim_stream *r);
/* The same for an answer in one piece: what comes nearest; it never goes on. */
void sim_strike_whole(struct sim_stream *r);
/* The last token is out: ends the exchange on the wire as the fault wants it.  False where it does not end at all. */
bool sim_strike_end(struct sim_stream *r);

#endif
