/* recorder: what one worker hands to the engine, and the hand-over itself.
 *
 * A worker fills its own record set without a lock.  Ten times a second it exchanges the full set for an empty one in its
 * mailbox; the engine takes the full one, adds it up, clears it and puts it back.  Where the engine was late, the worker
 * goes on filling the set that it has: nothing is lost.  Finished requests travel whole, with the gaps of their events,
 * so that every split (phase, warm-up, cold, cached) is made in one place and failed requests stay out of the figures. */
#ifndef TG_RECORDER_H
#define TG_RECORDER_H

#include "hist.h"
#include "measure/timeline.h"
#include "snapshot.h"

#include <pthread.h>

#define RECORD_TEXT ((SNAP_TEXT - 1) / 3) /* sanitised, a byte may become three */

struct row { /* one finished request */
    struct timeline tl; /* owns its gaps */
    uint64_t seq;
    int stream, phase;
    int turn;           /* of its conversation, from 1; 0: it is none */
    bool warmup;
    bool fixed_length;  /* exactly max_tokens were asked for */
    bool good;          /* it met all objectives (slo_judge); false where there are none */
    bool unjudged;      /* it ended well, and nobody knows whether it met them */
    unsigned missed;    /* … or which it missed, a bit each; of one that was cancelled too */
    int64_t context, max_tokens; /* asked for */
    char error[160];
    char *text;         /* the whole output, where somebody wants it (worker_shared); owned; else NULL */
};

struct record_set {
    uint64_t tokens, approx, events, bytes; /* since the last exchange, live counts */
    uint64_t first;     /* … of the tokens, those of first output events; the others came in … */
    int64_t decode_ns;  /* … so much time of streams between their first token and their last, or now */
    uint64_t sent;
    struct hist lag, batch_delay, stamp_arrival, stamp_ttft; /* ns */
    int64_t cpu_ns, wall_ns;    /* of the thread, while it had requests in flight */
    struct row *rows;           /* rows[i].tl.gaps belongs to whoever takes the set */
    size_t rows_n, rows_cap;

    /* State at the moment of the exchange. */
    int64_t at;
    int active, queued, decoding, backing_off, idle; /* slots */
    unsigned version;           /* of the target that this worker has applied */
    int stretch, step;          /* … and its stretch and step */
    int ready;                  /* slots that have sent a measured request in this stretch */
    int64_t ready_at;           /* … the last of them did at */
    int64_t load_start;         /* first measured request of the step started, 0: not yet */
    int64_t dry_at;             /* the first slot that found no more requests did at, 0: none did */
    struct stream_row *streams; /* streams_n rows */
    size_t streams_n, streams_cap;
    int text_stream;            /* stream (from 1) whose last text follows; 0: none */
    size_t text_n;
    char text[RECORD_TEXT];     /* raw; the first character is whole */
};

void record_set_clear(struct record_set *s); /* keeps the memory; does not free rows' gaps */
void record_set_release(struct record_set *s);
struct row *record_set_add_row(struct record_set *s);

struct mailbox {
    pthread_mutex_t lock;
    struct record_set *full, *empty;
};

void mailbox_init(struct mailbox *m); /* with one empty set in it */
void mailbox_release(struct mailbox *m);
/* Worker: gives `set` away and returns an empty one, or returns `set` itself where the last one was not yet taken. */
struct record_set *mailbox_put(struct mailbox *m, struct record_set *set);
/* Engine: the full set, or NULL; give it back, cleared, with mailbox_return. */
struct record_set *mailbox_take(struct mailbox *m);
void mailbox_return(struct mailbox *m, struct record_set *set);

#endif
