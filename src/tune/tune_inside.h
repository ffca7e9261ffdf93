/* tune_inside: the state of a tune; for tune*.c only. */
#ifndef TG_TUNE_INSIDE_H
#define TG_TUNE_INSIDE_H

#include "load/http.h"
#include "tune/launch.h"
#include "tune/tune.h"
#include "util.h"
#include "watch/sampler.h"

#include <pthread.h>
#include <stdatomic.h>

struct tune {
    const struct tune_config *c;
    const struct run_config *base;
    char command_line[1024];
    char folder[400], url[256];
    struct http_settings http;
    struct sampler *sampler;
    atomic_bool stop;
    pthread_t thread;
    struct tune_result *results; /* in their order until the end, then ranked */
    size_t n;
    enum tune_objective by;

    pthread_mutex_t lock;
    pthread_cond_t news;
    bool over;              /* under lock, as all that follows */
    struct engine *engine;  /* while a load runs */
    int64_t engine_at;
    struct launch *server;
    uint64_t lines_seen;
    int64_t start;
    uint64_t seq;
    size_t at;              /* the setting that it is at */
    char status[200];
    struct event_line notes[256]; /* at_s since the start */
    size_t notes_n, notes_told;
    struct snapshot *own;   /* what is shown while no load runs */
};

/* tune.c: the log.  The first is called under the lock, `at` as clock_ns() has it; level as in struct event_line. */
void tune_add_note(struct tune *t, int64_t at, int level, const char *text);
void tune_note(struct tune *t, int level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Seconds from the start to then. */
double tune_since_start(const struct tune *t, int64_t at);

/* tune_setting.c: a server, its load, and what came of it, of the setting that t->at names; on the tune's own thread. */
void tune_run_setting(struct tune *t);
/* Is a server there already?  It would be loaded in place of ours.  (With {port} none can be.) */
bool tune_somebody_answers(const struct tune *t);

#endif
