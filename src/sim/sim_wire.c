#include "sim/sim_wire.h"

#include "util.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http_struct.h>
#include <sys/socket.h>

/* What a client may send while it is being answered; beyond it, it waits. */
#define EARLY_INPUT 65536
#define BLOCK_MAX ((size_t)1 << 20)

static void unlimit_input(struct evhttp_request *req, void *user)
{
    (void)user;
    struct evhttp_connection *con = evhttp_request_get_connection(req);
    if (con != NULL)
        bufferevent_setwatermark(evhttp_connection_get_bufferevent(con), EV_READ, 0, 0);
}

void sim_wire_hold(struct sim_wire *w, struct evhttp_request *req,
                   void (*gone)(struct evhttp_connection *, void *), void *user)
{
    struct evhttp_connection *con = evhttp_request_get_connection(req);
    struct bufferevent *bev = evhttp_connection_get_bufferevent(con);
    *w = (struct sim_wire){.req = req, .con = con, .bev = bev};
    evhttp_connection_set_closecb(con, gone, user);
    evhttp_request_set_on_complete_cb(req, unlimit_input, NULL);
    /* evhttp stops reading until it replies.  Reading goes on here only to notice the end; its own read
     * callback must not run, for it ends the process when a request comes in at this point. */
    bufferevent_data_cb on_write;
    bufferevent_event_cb on_event;
    void *arg;
    bufferevent_getcb(bev, NULL, &on_write, &on_event, &arg);
    bufferevent_setcb(bev, NULL, on_write, on_event, arg);
    bufferevent_setwatermark(bev, EV_READ, 0, EARLY_INPUT);
    bufferevent_enable(bev, EV_READ);
}

void sim_wire_forget(struct sim_wire *w)
{
    evhttp_request_free(w->req);
    *w = (struct sim_wire){0};
}

void sim_wire_begin(struct sim_wire *w)
{
    evhttp_send_reply_start(w->req, 200, "OK");
    w->chunked = w->req->chunked;
    w->begun = true;
}

void sim_wire_frame(const struct sim_wire *w, struct buf *out, const char *data, size_t n)
{
    if (!w->chunked) {
        buf_add(out, data, n);
        return;
    }
    char size[18];
    size_t at = sizeof size;
    size[--at] = '\n';
    size[--at] = '\r';
    for (size_t left = n; left > 0; left /= 16)
        size[--at] = "0123456789abcdef"[left % 16];
    buf_add(out, size + at, sizeof size - at);
    buf_add(out, data, n);
    buf_add(out, "\r\n", 2);
}

/* Sends what the connection's buffer holds.  bufferevents freeze the front of it against this. */
static void flush(struct evbuffer *queue, evutil_socket_t fd)
{
    evbuffer_unfreeze(queue, 1);
    evbuffer_write(queue, fd);
    evbuffer_freeze(queue, 1);
}

void sim_wire_send(struct sim_wire *w, const char *data, size_t n)
{
    struct evbuffer *queue = bufferevent_get_output(w->bev);
    evutil_socket_t fd = bufferevent_getfd(w->bev);
    if (evbuffer_get_length(queue) > 0) {
        evbuffer_add(queue, data, n);
        flush(queue, fd);
        return;
    }
    ssize_t sent = send(fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EINTR)
        return; /* the client is gone: the loop is about to report it */
    if (sent < 0)
        sent = 0;
    if ((size_t)sent < n)
        evbuffer_add(queue, data + sent, n - (size_t)sent);
}

static void leave(struct sim_wire *w)
{
    evhttp_connection_set_closecb(w->con, NULL, NULL);
}

static void forget(struct sim_wire *w)
{
    if (w->timer != NULL)
        event_free(w->timer);
    buf_release(&w->block);
    *w = (struct sim_wire){0};
}

void sim_wire_end(struct sim_wire *w)
{
    leave(w);
    evhttp_send_reply_end(w->req);
    forget(w);
}

static void free_connection(struct bufferevent *bev, void *con)
{
    (void)bev;
    evhttp_connection_free(con);
}

static void free_connection_on(struct bufferevent *bev, short what, void *con)
{
    (void)what;
    free_connection(bev, con);
}

void sim_wire_close(struct sim_wire *w)
{
    leave(w);
    if (w->chunked)
        sim_wire_send(w, "0\r\n\r\n", 5);
    if (evbuffer_get_length(bufferevent_get_output(w->bev)) == 0)
        evhttp_connection_free(w->con);
    else
        bufferevent_setcb(w->bev, NULL, free_connection, free_connection_on, w->con);
    forget(w);
}

void sim_wire_cut(struct sim_wire *w)
{
    leave(w);
    evhttp_connection_free(w->con);
    forget(w);
}

void sim_wire_reset(struct sim_wire *w)
{
    /* Freeing a connection shuts it down first, and the client would see that FIN instead of a reset. */
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    (void)connect(bufferevent_getfd(w->bev), &none, sizeof none);
    sim_wire_cut(w);
}

void sim_wire_reply(struct sim_wire *w, int status, const struct buf *body)
{
    leave(w);
    struct evbuffer *copy = evbuffer_new();
    evbuffer_add(copy, body->data, body->len);
    evhttp_send_reply(w->req, status, NULL, copy);
    evbuffer_free(copy);
    forget(w);
}

/* ---- connections taken over ---- */

static void end_own(struct sim_wire *w)
{
    void (*over)(void *) = w->over;
    w->over = NULL;
    if (over != NULL)
        over(w->user); /* w may be gone */
}

static void on_own_event(struct bufferevent *bev, short what, void *wire)
{
    (void)bev;
    (void)what; /* the end, an error or a timeout */
    end_own(wire);
}

/* The client has taken all there was. */
static void on_own_write(struct bufferevent *bev, void *wire)
{
    struct sim_wire *w = wire;
    if (w->left == 0 && w->timer == NULL && w->block.len > 0) {
        end_own(w);
    } else if (w->left > 0) {
        size_t n = (size_t)MIN_OF(w->left, (uint64_t)w->block.len);
        w->left -= n;
        bufferevent_write(bev, w->block.data, n);
    }
}

void sim_wire_own(struct sim_wire *w, void (*over)(void *user), void *user)
{
    leave(w);
    w->over = over;
    w->user = user;
    buf_init(&w->block, BLOCK_MAX);
    bufferevent_setcb(w->bev, NULL, on_own_write, on_own_event, w);
    bufferevent_enable(w->bev, EV_READ | EV_WRITE);
}

void sim_wire_flood(struct sim_wire *w, const char *block, size_t n, uint64_t total)
{
    buf_add(&w->block, block, n);
    w->left = total;
    on_own_write(w->bev, w);
}

static void on_drip(evutil_socket_t fd, short what, void *wire)
{
    (void)fd;
    (void)what;
    struct sim_wire *w = wire;
    if (w->dripped == w->block.len) {
        end_own(w);
        return;
    }
    struct buf framed;
    buf_init(&framed, 64);
    if (w->begun)
        sim_wire_frame(w, &framed, w->block.data + w->dripped, 1);
    else
        buf_add(&framed, w->block.data + w->dripped, 1);
    w->dripped++;
    sim_wire_send(w, framed.data, framed.len);
    buf_release(&framed);
}

void sim_wire_drip(struct sim_wire *w, const char *data, size_t n)
{
    struct timeval second = {.tv_sec = 1};
    buf_add(&w->block, data, n);
    w->timer = event_new(bufferevent_get_base(w->bev), -1, EV_PERSIST, on_drip, w);
    event_add(w->timer, &second);
    on_drip(-1, 0, w);
}
