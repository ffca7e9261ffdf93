/* sim_wire: a streamed reply on an evhttp connection whose bytes leave at the moment of the call.
 *
 * evhttp only queues: its bytes leave when the loop comes round again, a long time after a stamp where many
 * streams write in one pass.  So this writes to the socket itself, and falls back to the connection's own
 * buffer for what the socket does not take; as long as that buffer holds anything, everything goes through
 * it, so the order is kept. */
#ifndef TG_SIM_WIRE_H
#define TG_SIM_WIRE_H

#include "buf.h"

#include <event2/http.h>
#include <stdbool.h>

struct sim_wire {
    struct evhttp_request *req;
    struct evhttp_connection *con;
    struct bufferevent *bev;
    bool begun, chunked;
    /* Of a connection that was taken over (sim_wire_own). */
    void (*over)(void *user);
    void *user;
    struct buf block;    /* what is sent again and again, or byte by byte */
    uint64_t left;       /* bytes of a flood that are still to come */
    struct event *timer; /* of a drip */
    size_t dripped;
};

/* Takes the request over before anything is answered.  From here a client that leaves is noticed at once, and
 * `gone` is called, after which only sim_wire_forget may be. */
void sim_wire_hold(struct sim_wire *w, struct evhttp_request *req,
                   void (*gone)(struct evhttp_connection *, void *), void *user);
/* After `gone`: the request lost its connection and is freed. */
void sim_wire_forget(struct sim_wire *w);

/* Status and headers of a streamed reply; they leave with the first bytes. */
void sim_wire_begin(struct sim_wire *w);
/* Adds `n` bytes to `out` as one HTTP chunk, or bare where the client speaks HTTP/1.0. */
void sim_wire_frame(const struct sim_wire *w, struct buf *out, const char *data, size_t n);
/* Sends framed bytes now. */
void sim_wire_send(struct sim_wire *w, const char *data, size_t n);

/* Takes the connection over: evhttp has no say in it any more.  `over` is called once, when the client has left or
 * what was to be sent is out; the owner then ends the exchange by sim_wire_cut or sim_wire_reset.  `w` must not move. */
void sim_wire_own(struct sim_wire *w, void (*over)(void *user), void *user);
/* Owned only: `block` again and again as fast as the client takes it, `total` bytes in all, then `over`. */
void sim_wire_flood(struct sim_wire *w, const char *block, size_t n, uint64_t total);
/* Owned only: a byte a second, framed where headers are out, then `over`. */
void sim_wire_drip(struct sim_wire *w, const char *data, size_t n);

/* Each ends the exchange; `w` is dead afterwards. */
void sim_wire_end(struct sim_wire *w);   /* terminator, connection kept */
void sim_wire_close(struct sim_wire *w); /* terminator, then FIN */
void sim_wire_cut(struct sim_wire *w);   /* FIN now, no terminator */
void sim_wire_reset(struct sim_wire *w); /* RST now */
/* A whole reply that evhttp sends; takes nothing over from `body`. */
void sim_wire_reply(struct sim_wire *w, int status, const struct buf *body);

#endif
