/* inside: the engine's own state, shared by the files of this folder only. */
#ifndef TG_ENGINE_INSIDE_H
#define TG_ENGINE_INSIDE_H

#include "capacity.h"
#include "cohort.h"
#include "engine/engine.h"
#include "engine/guard.h"
#include "engine/live.h"
#include "engine/trend.h"
#include "load/agent.h"
#include "load/counter.h"
#include "load/probe.h"
#include "load/worker.h"
#include "measure/batches.h"
#include "measure/servercounts.h"
#include "measure/outage.h"
#include "measure/shown.h"
#include "report/capacity_words.h"
#include "report/runlog.h"
#include "watch/sampler.h"
#include "watch/scrape.h"

#define COMMANDS_MAX 64
#define SENT_RING 51 /* ticks: five seconds */

/* The server's own counters, as far as the engine has seen them. */
struct counters {
    struct counter_track track;
    struct counted written; /* what the run file has of them */
    struct recent recent;
    struct plateau plateau;
    int64_t since;          /* moment of the first page; 0: none yet */
    int64_t seen_at;        /* of the look that was seen last */
    char model[128];        /* that the pages name */
    int model_told;         /* restarts, when a change of it was told */
    bool page_wanted;
    uint64_t page_seq;
};

struct worker_view { /* what a worker said last */
    int64_t at, ready_at, load_start, dry_at;
    unsigned version;
    int stretch, step, ready, active, queued, decoding, backing_off;
};

struct soak { /* engine_soak.c */
    int64_t asleep, seen;          /* clock_asleep_ns at the last look, and when that was; seen 0: not yet */
    int64_t slept_at, slept_until; /* about the last sleep; 0: none */
    struct outage outage;
    int64_t file_failed;           /* when the run file could not be written; 0: it can */
    uint64_t file_lost;
};

/* How large the run file may become: see rows_bytes_most. */
#define ROWS_MOST 1000000               /* lines of requests; then there are none, unless --rows all */
#define ROWS_LINE_MOST 1024            /* bytes of one, without gaps and text */
#define ROWS_BESIDE_A_SECOND 4096       /* bytes of all other lines, on average */
#define ROWS_BESIDE_ONCE (1 << 20)      /* … and so many for header, summary and what waited until the end */
struct rows_written {
    uint64_t requests, beside; /* lines; bytes */
};

struct engine {
    const struct run_config *cfg;
    struct http_settings http;
    struct prompt_set prompts;
    int streams_most; /* that the limit of open files allows */
    struct run_result result;

    pthread_t thread, preflight_thread;
    pthread_mutex_t lock;
    pthread_cond_t wake, ended;
    struct command commands[COMMANDS_MAX]; /* under lock, as the next four */
    int commands_n;
    struct snapshot front;
    char doing[200]; /* what the preflight is at */
    bool over;
    int news_fd;       /* an eventfd: see struct snapshot_source */

    atomic_bool stop;           /* ends a preflight early */
    atomic_bool preflight_done;
    bool preflight_ok;          /* valid once preflight_done */

    pthread_mutex_t turn; /* held over a tick, by the engine thread, or in `watch` by the one that has looked at memory */

    /* Under turn, from here on. */
    int64_t look_at; /* the last tick by that one */
    struct load_shared shared;
    struct worker **workers;
    struct worker_view views[WORKERS_MAX];
    double view_cpu[WORKERS_MAX]; /* share of a core that each uses, over about 5 s */
    int workers_n;
    struct sampler *sampler;
    struct scraper *scraper;
    struct scraper *early;   /* the preflight thread's until it is done: the scraper to be, which has seen the server idle */
    struct probe *probe;     /* of `watch` */
    bool server_known;       /* result.pre is whole */
    struct counter *counter; /* NULL: the server sends usage, or has no tokenizer */
    struct runlog *runlog;
    struct rows_written written;
    struct soak soak;
    struct host_sample host;
    uint64_t host_seq;  /* the last one that was looked at */
    struct guard guard;
    struct trend gtt_trend, ram_trend;
    char gpu_pci[16];   /* of the GPU whose figures these are */
    int guarded_pools;  /* known_pools when the guard's lines were drawn; 0: not yet */
    bool guard_simulated; /* whose they were then */
    size_t warned;      /* warnings of the limits that are in the log */
    int64_t simulated_at;    /* the scrape that the sampler has of it */
    int64_t procs_written;   /* the look at processes that the run file has */
    struct server_proc proc; /* the server's, as far as it is known */
    struct server_sample server;
    bool tells_cached;       /* an answer has told that tokens of its prompt were cached */
    bool server_answered, server_silent; /* to the last scrape; since one that it had answered */
    struct counters counters;

    enum run_state state;
    bool stop_asked, cancelled;
    int64_t tick_at, woken_at;
    int64_t turn_at, given;          /* see engine_give_way */
    struct load_step only;           /* of a plain run */
    const struct load_step *steps;
    size_t steps_n, step;            /* which one it is at */
    struct agent *agent;             /* NULL: not at that step */
    bool step_begun;                 /* its first measured request has been sent */
    struct trace trace;              /* n = 0: none */
    struct load_step tries[CAPACITY_TRIES]; /* of a search for the capacity: `steps` */
    struct capacity capacity;
    struct capacity_try tried;       /* the one that has ended; its verdict open: not yet */
    struct cohort cohort;            /* its requests */
    int cohort_phase;
    double try_running, try_waiting; /* the most that the server has said in this one */
    struct pace try_pace;            /* by rate: of the phase that began at … */
    int try_phase;
    int64_t try_at;
    int64_t busy_at; /* when all streams were seen busy last; 0: never */
    char try_what[CAPACITY_LOAD];
    bool *left_out;                  /* steps that could not be run; steps_n */
    double guarded_tokens;           /* streams × lengths of the smallest load that the guard has stopped; 0: none */
    int64_t step_at;                 /* when this one began */
    struct batches rates;            /* of this step, a second each */
    double rates_tokens;             /* live tokens at rates_at, when the last second began; 0: not yet */
    int64_t rates_at;
    struct prompt_set *repeated;     /* prompts of the steps that repeat one; steps_n */
    int64_t drain_start, deadline;
    int64_t nothing_since;           /* since when nothing is in flight and nothing left to send; 0: there is */
    bool waits;                      /* between two loads, for memory to come back */
    int64_t paused_since, paused_ns;
    int pauses; /* after which one and the same phase went on */
    int64_t next_sample;
    struct live live;
    struct sent_live { /* of the last seconds */
        int64_t at[SENT_RING];
        uint64_t sent[SENT_RING];
        int n;
    } sent_live;
    int64_t matrix_due;   /* when the Matrix view's cells are looked at again */
    struct matrix_live {  /* of the phase that runs: what had come when it was first seen */
        int phase;
        int64_t at;
        double tokens;
    } matrix_live;
    struct shown shown;
    struct tally one; /* of the request that is taken in */
    struct snapshot view;
    struct stream_row *streams; /* rows of all workers by id; SNAP_STREAMS */
};

/* engine.c: the end of sending, in this step or for good. */
void engine_begin_drain(struct engine *g, int64_t at, enum run_end why);
void engine_count_unsent(struct engine *g, int64_t at); /* sending ends then: what is due and waits for a stream never goes */

/* engine_take.c: what the workers measured. */
/* Requests that ended before that moment are in the windows of their phases; nothing later is, before the run is over. */
int64_t engine_settled(const struct engine *g, int64_t now);
/* engine_capacity.c: a request of a search has ended; known: and its numbers are all there. */
void engine_judged(struct engine *g, const struct row *r, bool known);
/* A request has ended: the row and its gaps are taken over. */
void engine_take_row(struct engine *g, struct row *r);
/* Between two pieces of work: lets whoever waits for this core go first, above all a worker whose tokens are there.  The kernel does
 * not do it by itself while the engine's slice lasts, and a tick is long enough to be seen in a time to first token. */
void engine_give_way(struct engine *g);
void engine_take_sets(struct engine *g);        /* what they have handed over since the last tick */
void engine_take_counted(struct engine *g);     /* rows whose tokens the server's tokenizer has counted meanwhile */
void engine_finish_counting(struct engine *g);  /* … all of them; waits */
void engine_join_workers(struct engine *g);
/* Is it this program that limits? */
void engine_judge_client(struct run_result *r);

/* engine_counters.c: what the server counts itself. */
void engine_init_counters(struct engine *g);
/* On the preflight's thread, at its end: the counters before the load.  Waits two seconds at the most. */
void engine_first_look(struct engine *g);
void engine_see_counters(struct engine *g);              /* the newest look, if there is one */
void engine_fill_counters(struct engine *g, int64_t now); /* … in the snapshot and the result */
void engine_forget_facts(struct engine *g); /* limits and sizes that the server has told: it is another one now */
void engine_want_page(struct engine *g, bool wanted);
/* When nothing is in flight any more; waits a second at the most. */
void engine_last_look(struct engine *g);
/* engine_soak.c: what happens to a run of many hours. */
void engine_see_soak(struct engine *g, int64_t now);
void engine_soak_row(struct engine *g, struct row *r); /* before anything is made of it */
void engine_tell_file(struct engine *g);               /* how large the run file can become */

/* engine_matrix.c */
void engine_fill_matrix(struct engine *g, int64_t now);

/* engine_watch.c: a run without a load. */
void engine_begin_watch(struct engine *g, int64_t now);
void engine_watch_tick(struct engine *g, int64_t now, bool by_look);
void engine_end_watch(struct engine *g);

/* engine_commands.c: the target of the workers, and the commands of the screen. */
void engine_wake_workers(struct engine *g);
void engine_set_target(struct engine *g, const struct load_target *t);
void engine_open_phase(struct engine *g, const struct load_target *t, int64_t now);
bool engine_loading(const struct engine *g); /* warm-up, load or paused */
bool engine_load_fixed(const struct engine *g); /* the load is decided: no key changes it */
/* This step's answers are no longer waited for. */
void engine_cancel_step(struct engine *g);
/* Ends the load at once: what is in flight is cancelled. */
void engine_cancel_all(struct engine *g, int64_t now);
/* Where it is paused, the pause ends now and is no part of the load; returns up to when requests were due. */
int64_t engine_end_pause(struct engine *g, int64_t now);
void engine_take_commands(struct engine *g, int64_t now);
void engine_mark(struct engine *g, int64_t at, const char *text);

/* engine_steps.c: what is sent, one step after the other. */
void engine_plan_steps(struct engine *g);
bool engine_fits(const struct engine *g, const struct load_step *s);
bool engine_can_begin(struct engine *g); /* false with the reason in result.error: nothing fits into the server */
void engine_first_step(struct engine *g, int64_t now);
bool engine_next_step(struct engine *g, int64_t now);  /* false: that was the last, or the end is wanted */
bool engine_must_wait(struct engine *g, int64_t now);  /* after the guard: memory has to come back before the next step */
bool engine_goes_on(const struct engine *g);           /* is there a smaller load that comes after a stop by the guard? */
void engine_note_guarded(struct engine *g);            /* the guard has stopped this step */
void engine_see_rate(struct engine *g, int64_t now);   /* may end a step whose rate is known well enough */
void engine_take_agent(struct engine *g, int64_t now); /* its answers, and its end */
void engine_fill_suite(struct engine *g);              /* the snapshot's checklist */

/* engine_capacity.c: steps that are tries of a search. */
bool engine_searches(const struct engine *g);
void engine_plan_capacity(struct engine *g);
void engine_see_capacity(struct engine *g, int64_t now); /* may end a try */
bool engine_next_try(struct engine *g); /* after a step: adds the next try; false: the search is over */

/* engine_memory.c: this machine in the snapshot and the result, and the guard. */
void engine_watch_machine(struct engine *g);           /* the newest sample of it */
void engine_know_server(struct engine *g);             /* the server is known: whose memory it is, and its process */
void engine_see_guard(struct engine *g, int64_t now);  /* may end the load */
void engine_fill_memory(struct engine *g, int64_t now);
double engine_gtt_headroom(const struct engine *g);     /* bytes, to its ceiling; NAN: not known */

/* engine_view.c: the snapshot. */
void engine_fill_view(struct engine *g, int64_t now);
void engine_tell_news(struct engine *g); /* to whoever waits at news_fd */
void engine_publish(struct engine *g);
double engine_seconds(const struct engine *g, int64_t t); /* since the start of the run */
/* A line for the log view and the run file. */
void engine_note(struct engine *g, int level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* engine_rows.c: lines of the run file; no-ops where there is none. */
/* The most bytes that the run file of such a run can have (of one phase; pauses come on top); NAN: it has no end, or keeps
 * what has no limit. */
double rows_bytes_most(const struct run_config *c);
void rows_header(struct engine *g);
void rows_server(struct engine *g); /* a server that was found after the header was written */
void rows_process(struct engine *g);
void rows_left_out(struct engine *g, const struct load_step *s, const char *why);
void rows_phase(struct engine *g, const struct phase *p, int64_t at);
void rows_request(struct engine *g, const struct row *r);
void rows_agent(struct engine *g, const struct agent_row *r);
void rows_sample(struct engine *g, int64_t now);
void rows_event(struct engine *g, int level, const char *text);
void rows_mark(struct engine *g, int64_t at, const char *text);
void rows_counters(struct engine *g);
/* The server is another one than before: what "restart", "model", "jumps"; model: the one that it has now, or empty. */
void rows_change(struct engine *g, const char *what, const char *model);
void rows_summary(struct engine *g);

#endif
