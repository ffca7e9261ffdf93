/* sim_stream: one generation between its request and its log row, as sim_stream.c (its life) and sim_answer.c
 * (what it writes) share it. */
#ifndef TG_SIM_STREAM_H
#define TG_SIM_STREAM_H

#include "sim/sim_event.h"
#include "sim/sim_server.h"
#include "sim/sim_wire.h"

struct sim_stream {
    struct sim_stream *prev, *next;
    struct sim_server *server;
    struct sim_seq *seq; /* NULL when the model is done with it */
    struct sim_wire wire;
    struct sim_ask ask;
    struct sim_voice voice;
    uint64_t id;
    char name[40]; /* the id that the client sees */
    bool stamped;
    enum sim_fault fault;
    int fault_at;       /* strikes when that many tokens are out; 0: not in the middle */
    bool struck;        /* it has */
    int made, sent;     /* tokens from the model; tokens on the wire */
    double next_send;   /* tokens that have to be there for the next event */
    struct buf pending; /* text that waits for its event */
    size_t said;        /* bytes of text that were ever pending */
    int events;         /* that carried text */
    int cached;
    int64_t arrived, first_ns, last_ns;                           /* real time */
    int64_t arrived_at, ready_at, admitted_at, first_at, last_at; /* the model's time */
};

/* ---- sim_stream: its end ---- */

/* Logs, takes out of the list and frees; the connection must be somebody else's by now. */
void sim_stream_retire(struct sim_stream *r, int status, const char *outcome, enum sim_finish finish);
void sim_stream_leave_model(struct sim_stream *r);

/* ---- sim_answer: writing; nothing here ends the stream's life ---- */

/* Adds output token `index` to what waits for an event. */
void sim_answer_say(struct sim_stream *r, int index);
/* What waits leaves as one event, now; the first one brings headers and role, the last one finish, usage and
 * [DONE]. */
void sim_answer_output(struct sim_stream *r, bool last);
void sim_answer_error_event(struct sim_stream *r);
void sim_answer_malformed_event(struct sim_stream *r, bool nested);
/* The same for an answer in one piece.  Each but the half one ends the exchange on the wire. */
void sim_answer_whole(struct sim_stream *r);
void sim_answer_half(struct sim_stream *r); /* headers, and half of the bytes that they promise */
void sim_answer_error(struct sim_stream *r);
void sim_answer_malformed(struct sim_stream *r);

#endif
