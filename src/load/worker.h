/* worker: one thread of load: an event loop that drives many transfers, and the slots that they run in.
 * A slot (a stream on screen) keeps one request in flight and belongs to one worker for life: slot i lives on worker
 * i mod count.  Workers share nothing but what struct load_shared lists. */
#ifndef TG_WORKER_H
#define TG_WORKER_H

#include "load/lengths.h"
#include "load/prompt.h"
#include "load/schedule.h"
#include "load/server.h"
#include "load/workload.h"
#include "measure/recorder.h"

#include <pthread.h>
#include <stdatomic.h>

/* What the engine wants.  Written under the lock, read by the workers when they are woken. */
struct load_target {
    unsigned version;   /* changes with every change of anything below */
    int streams;
    int64_t context, max_tokens;          /* mean lengths, as they are shown */
    struct lengths context_of, output_of; /* … and how each request's are drawn */
    double rate;        /* requests a second that the schedule aims at; 0: closed loop */
    int phase;          /* counts up with every change of the above */
    int stretch;        /* … and with every phase, and the end of every pause in one */
    int step;           /* counts up with every step of the run; the next two are its */
    bool open;          /* open loop: requests come from the schedule, not when a stream is free */
    struct workload workload; /* of a closed loop */
    const struct prompt_set *prompts;
    bool paused;        /* send nothing new */
    bool draining;      /* … and never again in this step */
    bool cancel;        /* take back what is in flight */
    bool quit;          /* … and end the thread */
};

struct load_shared {
    const struct run_config *cfg;
    const struct server_info *server;
    const struct http_settings *http;
    char url[600];
    unsigned fields; /* body_field bits that this server takes */
    struct prompt_scale scale; /* words to tokens */
    struct schedule schedule;  /* of an open loop */
    bool keep_text;  /* rows carry the whole output: its tokens have yet to be counted, or it is to be saved */
    atomic_uint_fast64_t next_seq;
    atomic_uint_fast64_t next_conversation; /* with turns: requests and prompts are counted apart */
    atomic_int text_of; /* stream (from 1) whose text somebody reads; 0: none */
    pthread_mutex_t lock;
    struct load_target target; /* under lock */
};

struct worker;
/* Starts the thread.  It has nothing to do until it is woken. */
struct worker *worker_start(struct load_shared *shared, int index, int count);
/* Looks at the target and exchanges its record set; returns at once. */
void worker_wake(struct worker *w);
struct mailbox *worker_mailbox(struct worker *w);
/* After target.quit: waits for the end of the thread; returns its last record set (the caller's, as with mailbox_take). */
struct record_set *worker_join(struct worker *w);
void worker_free(struct worker *w);

#endif
