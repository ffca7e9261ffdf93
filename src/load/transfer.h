/* transfer: one streamed request from its body to its outcome; every curl callback of the load lives here.
 * A transfer belongs to one thread.  The handle and the buffers are used again for the next request. */
#ifndef TG_TRANSFER_H
#define TG_TRANSFER_H

#include "buf.h"
#include "hist.h"
#include "load/http.h"
#include "load/rxtime.h"
#include "measure/sse.h"
#include "measure/timeline.h"

#include <sys/queue.h>

#define TRANSFER_TAIL 256

/* Counters of one thread that the callbacks add to; the owner reads and clears them. */
struct token_sink {
    int64_t pass_start;   /* time of the first data callback of this loop pass, 0: none yet (the loop clears it) */
    uint64_t tokens;      /* live count; see timeline_event */
    uint64_t approx;      /* … of which counted as events */
    uint64_t first;       /* … of which were a request's first */
    uint64_t events, bytes;
    int looks;            /* into a socket that the owner can still afford, beyond those for first tokens */
    struct hist batch_delay;             /* ns */
    struct hist stamp_arrival, stamp_ttft; /* ns: arrival − stamp; |measured TTFT − the server's| (with stamps only) */
    /* An answer that comes as fast as it can be read must not keep the others waiting: after so many bytes in one pass of the
     * loop it rests until the owner calls transfer_go_on.  0: it never does, and `resting` needs no TAILQ_INIT. */
    size_t turn_most;
    TAILQ_HEAD(resting, transfer) resting; /* the longest first */
};

/* The last text of one stream, much more than a tail; whoever wants it owns it. */
#define KEPT_TEXT 4096
struct kept_text {
    size_t n;
    char data[KEPT_TEXT]; /* raw */
};

struct transfer {
    /* What every token touches stands together: of thousands of streams none is in the cache when its token comes, and each line
     * of it that is fetched costs as much as the parsing of some ten characters. */
    CURL *easy;
    struct token_sink *sink;
    int64_t turn_of;       /* the sink's pass_start when … */
    size_t turn_got;       /* … so many bytes came */
    int64_t last_came;     /* the newest moment at which any of it came */
    int64_t last_line;     /* end of the last whole line, up to [DONE], or first byte: without one nothing moves on */
    uint64_t got;          /* bytes of the answer */
    int64_t live_tokens;   /* of this request so far */
    bool live_approx;
    bool rests;
    bool any_event;
    bool head_ended;       /* the blank line after the answer's headers came */
    bool keep_tail;        /* the caller wants the last text in `tail` */
    bool keep_text;        /* … the whole output in `text` */
    bool keep_answer;      /* … and what of it is answer, not reasoning, in `answer` */
    bool fresh;            /* no connection is reused */
    struct kept_text *kept; /* NULL: nobody wants more than the tail; not owned */
    struct sse sse;
    struct timeline tl;

    struct buf body;       /* the request; the caller fills it before transfer_start */
    struct buf head;       /* first bytes of an answer that is no event stream */
    struct buf text, answer;
    char tail[TRANSFER_TAIL]; /* raw */
    size_t tail_n;
    TAILQ_ENTRY(transfer) next_resting;
    int64_t connecting;    /* since when it has tried to get the connection that it waits for; 0: it has one */
    int socket;            /* that libcurl waits for, −1: none; the owner of its loop sets it */
    struct rxtime rx;      /* … and when came what libcurl reads from it now */
    int no_socket;         /* errno where none could be had; 0 */
    long retry_after_s;    /* Retry-After header, 0: none */
    char error[160];       /* after transfer_finish: why it was not ok, sanitised; else empty */
    char curl_error[CURL_ERROR_SIZE];
};

/* The text goes there from now on, beginning with what is known of this request; NULL: nowhere. */
void transfer_keep(struct transfer *t, struct kept_text *kept);
void transfer_init(struct transfer *t, const struct http_settings *s, const char *url, struct token_sink *sink);
/* One of so many, before its first request: together they receive into 1 MiB, or a page each where that is more.  Of a larger buffer
 * a token touches one page, and an answer that comes at once all of them: what is resident would grow for hours, answer by answer. */
void transfer_share(struct transfer *t, int streams);
void transfer_release(struct transfer *t);

/* Before transfer_start: may a connection that is open already be used, and be kept afterwards?  One is kept only when
 * its answer came to its end: what a server that cut it short still has to say would be taken for the next answer. */
void transfer_reuse(struct transfer *t, bool reuse);
/* The handle is done with this code: did it meet nothing but dead connections that had been kept?  Then transfer_again
 * makes it ready to be run on a fresh one, with the same moments up to `started`. */
bool transfer_found_dead(const struct transfer *t, CURLcode code);
void transfer_again(struct transfer *t);
/* Makes the handle ready to be run with the bytes in t->body, which ask for so many output tokens (0: nobody knows). */
void transfer_start(struct transfer *t, int64_t max_tokens, int64_t due, int64_t now);
/* Before libcurl reads from this socket, and after it: then the moments are those when the bytes came to this machine, not when
 * this thread came to read them.  A look costs half of what a token costs: up to the first token there always is one, and then
 * as long as the sink has any left. */
void transfer_look(struct transfer *t, int fd);
void transfer_looked(struct transfer *t);
/* A transfer of the sink's `resting` takes its next turn.  Other than CURLE_OK: its handle is done with this code. */
CURLcode transfer_go_on(struct transfer *t);
/* Waited for too long?  TR_CONNECT without a connection after HTTP_CONNECT_MS, TR_TIMEOUT before the first byte, TR_STALLED where no
 * line has ended since and it does not rest, TR_LEFT_OPEN where [DONE] came a while ago and no end after it, else TR_COMPLETE.  All
 * in ns. */
enum transport transfer_overdue(const struct transfer *t, int64_t now, int64_t timeout, int64_t stall);
/* The same now, by the limits of a struct run_config; for transfer_perform. */
enum transport transfer_overdue_now(const struct transfer *t, const void *config);
/* How long whoever sends them rests after so many failures in a row before this last one: as its Retry-After says, or 100 ms,
 * doubling to 5 s.  In ns. */
int64_t transfer_back_off(const struct transfer *t, int failures);
/* The handle is done (or was taken out, `how` saying why where it was our doing; else TR_COMPLETE and `code` decides).
 * After this t->tl has outcome and counts. */
void transfer_finish(struct transfer *t, int64_t now, CURLcode code, enum transport how);
/* Runs one that was started to its end on this thread, without a loop of the caller's, and finishes it.  It is given up where *stop is
 * set, or where overdue(t, ctx), asked 20 times a second, says anything but TR_COMPLETE. */
void transfer_perform(struct transfer *t, const atomic_bool *stop, enum transport (*overdue)(const struct transfer *t, const void *ctx),
                      const void *ctx);

#endif
