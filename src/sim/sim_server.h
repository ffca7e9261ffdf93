/* sim_server: what the parts of the simulated server share: the routes (sim_http), the life of a generation
 * (sim_stream) and the set-up (sim_run).  One thread, one event loop; nothing here is locked. */
#ifndef TG_SIM_SERVER_H
#define TG_SIM_SERVER_H

#include "buf.h"
#include "sim/sim.h"
#include "sim/sim_ask.h"
#include "sim/sim_metrics.h"
#include "sim/sim_model.h"
#include "sim/sim_text.h"

#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>

struct sim_stream;

struct sim_server {
    struct sim_config c;
    struct event_base *base;
    struct evhttp *http;
    struct event *timer; /* the model's next due moment */
    int64_t skew;        /* real − virtual time: grows where the process was kept from running */
    struct sim_model *model;
    struct sim_metrics *metrics;
    struct sim_vocab *vocab;
    struct sim_stream *streams; /* every request that is not finished */
    struct buf event, frames;   /* scratch of one write */
    uint64_t next_id;
    int64_t created; /* unix seconds of the start */
    FILE *log;
};

/* ---- sim_stream ---- */

/* Takes the request and what `ask` owns over, and answers in its own time. */
void sim_stream_start(struct sim_server *s, struct evhttp_request *req, struct sim_ask *ask,
                      enum sim_fault fault, uint64_t id, int64_t arrived);
/* The log row of a generation that was refused before it became a stream. */
void sim_stream_refused(struct sim_server *s, uint64_t id, bool chat, int status, enum sim_fault fault, int64_t arrived);
/* A request that the model never hears of: for faults that take the place of an answer. */
struct sim_stream *sim_stream_hold(struct sim_server *s, struct evhttp_request *req, enum sim_fault fault, uint64_t id,
                                   bool chat, int64_t arrived);
/* Drops and logs all that are unfinished: the server ends. */
void sim_stream_end_all(struct sim_server *s);
/* Timer callback: brings the model up to now. */
void sim_stream_tick(evutil_socket_t fd, short what, void *server);

/* ---- sim_http ---- */

/* evhttp's callback for every path. */
void sim_http_route(struct evhttp_request *req, void *server);
void sim_http_headers(struct evhttp_request *req, const char *content_type);

/* ---- wording of errors, shared by both ---- */
void sim_add_error(struct buf *out, const struct sim_refusal *r);

#endif
