/* worker_inside: a worker's own state; for worker*.c only. */
#ifndef TG_WORKER_INSIDE_H
#define TG_WORKER_INSIDE_H

#include "load/transfer.h"
#include "load/worker.h"

#include <event2/event.h>

#define HELD_UP_NS (300 * NS_PER_MS) /* so late is no loop that was not stopped */

struct slot {
    struct transfer t; /* first, so that a transfer's address is its slot's */
    struct worker *w;
    int id;            /* 0-based, over all workers */
    bool made, active, starting;
    bool retired;      /* beyond the target: starts nothing */
    int ready_stretch; /* last stretch in which it sent a measured request */
    int ready_step;    /* … and last step */
    int failures;      /* in a row */
    int64_t backoff_until, free_at;
    struct event *timer;
    struct workload_item item;
    int phase;         /* of the request in flight */
    int64_t context, max_tokens;
    uint64_t conversation; /* its number, which says what is asked in it; without turns that of the request */
    int turn;              /* of the request in flight or, between two, of the next one; 0: a new conversation begins */
    bool thinking;         /* the user is, before the next turn */
    struct buf history;    /* what was said in it, messages parted by commas */
};

struct worker {
    pthread_t thread;
    struct load_shared *shared;
    int index, count;
    struct event_base *base;
    CURLM *multi;
    int wake_fd;
    struct event *wake, *curl_timer, *lag_timer, *starter, *resumer, *due_timer;
    int lag_fd, due_fd;
    int64_t lag_due; /* of its next tick, 0: it does not run */
    int64_t patient_until; /* nothing is overdue before: this thread was held up, and what came meanwhile may not have been read */
    struct mailbox mailbox;
    struct record_set *set;
    struct token_sink sink;
    struct load_target target;
    struct slot **slots;
    int slots_n, active;
    int found_dead; /* requests that met a connection which the server had closed */
    struct slot **queue; /* ring of slots about to start */
    int queue_cap, queue_head, queue_n;
    bool holds;              /* open loop: a request that is not due yet, */
    struct scheduled held;   /* … this one */
    int64_t due_clock;       /* when the clock of the open loop rings; 0: it is off */
    int busy_below;          /* all slots before this one are active */
    int ready;
    int64_t ready_at, load_start, dry_at;
    int64_t cpu_mark, wall_mark;
    int64_t told_at;         /* when the streams were last looked at */
    struct slot *reading; /* whose text is kept, or NULL */
    struct kept_text kept;
};

/* worker_open.c, the open loop: sends what is due, as far as streams are free, and sets the clock for the next. */
void worker_pump(struct worker *w);
/* That clock has rung. */
void worker_clock_rang(struct worker *w);
/* A request has ended: there may be one that waits for its slot. */
void worker_slot_free(struct worker *w, const struct slot *s);
/* The target has changed: what is held goes back, for whoever may send it now. */
void worker_let_go(struct worker *w);

/* worker_turns.c, conversations: an answer has come, or failed: what is next in this slot. */
void worker_turn_over(struct slot *s, bool ok);
/* Another step begins: its first requests are of its own lengths.  Nothing is in flight. */
void worker_end_turns(struct worker *w);

/* worker.c: what both loops stand on. */
bool worker_may_send(const struct worker *w);
/* Sends s->item, of these lengths (0: as the target has them); free_at: see struct timeline. */
void worker_send(struct slot *s, int64_t context, int64_t max_tokens, int64_t free_at);
/* There is nothing left to send. */
void worker_note_dry(struct slot *s, int64_t now);
/* Its request is over: what it came to is handed on, and the slot goes on with what is next. */
void worker_finish(struct slot *s, CURLcode code, enum transport how);
/* It starts as soon as its turn comes. */
void worker_enqueue(struct slot *s);
void worker_set_lag_timer(struct worker *w); /* runs while there is something to be late with */
/* Calls the timer's function in the next pass of the loop, after it has looked at the sockets. */
void worker_soon(struct event *timer);

/* worker_target.c, what the engine wants of it. */
int worker_slots_wanted(const struct worker *w); /* how many of the target's streams are this worker's */
void worker_apply_target(struct worker *w);
void worker_check_timeouts(struct worker *w, int64_t now);
/* Keeps the text of the stream that somebody reads, where it is one of this worker's. */
void worker_follow_text(struct worker *w);
/* worker_publish.c */
/* Fills the set and exchanges it; on the worker's own thread. */
void worker_publish(struct worker *w);
/* It has been decoding until then, since its first token or since that was last counted. */
void worker_decoded(struct slot *s, int64_t until);

#endif
