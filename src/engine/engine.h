/* engine: one run from its first look at the server to its summary, on a thread of its own.
 * Ticks ten times a second: takes what the workers measured, applies the schedule and commands, fills the snapshot,
 * writes the run file.  Knows nothing of any screen. */
#ifndef TG_ENGINE_H
#define TG_ENGINE_H

#include "engine/phases.h"
#include "load/config.h"
#include "load/preflight.h"
#include "snapshot.h"

#define TICK_NS INT64_C(100000000)

enum run_end { END_NONE, END_REQUESTS, END_DURATION, END_STOPPED, END_FAILED };

struct span { /* a sampled value over the run; NAN unknown */
    double idle, peak, last;
};

/* What a run came to.  Filled when it is over; until then only the engine's thread touches it. */
struct run_result {
    const struct run_config *cfg;
    char command[1024];     /* the command line, for repeating it */
    char started[32];       /* wall clock, RFC 3339 */
    int64_t start_ns, load_start, load_end, end_ns; /* monotonic; 0: did not happen */
    enum run_end end;
    struct err error;       /* END_FAILED: one line */
    struct preflight pre;   /* server facts and the first request */
    struct phases phases;
    uint64_t sent;
    struct hist lag, batch_delay, stamp_arrival, stamp_ttft;
    double worker_cpu;      /* highest share of a core that a worker thread used while loading; NAN */
    bool client_limited;
    char client_reason[96];
    struct span ram, gtt, vram;
    double ram_total, gtt_total, vram_total;
    bool memory_not_server, gtt_simulated;
    char run_file[1024];    /* empty: none */
    uint64_t lost_lines;
    char lost_why[128];
};

struct engine;

/* cfg must outlive the engine and have passed options checks.  Reads prompts and key files and checks that the run file
 * can be made; NULL with one line in e where that fails: *usage tells a wrong request (exit 2) from a failing file (1). */
struct engine *engine_start(const struct run_config *cfg, const char *command_line, bool *usage, struct err *e);
struct snapshot_source engine_source(struct engine *g);
void engine_send(struct engine *g, const struct command *c);
/* True when the run is over (its thread may still be finishing; engine_finish waits). */
bool engine_over(struct engine *g);
/* Waits up to that long for a new snapshot or the end. */
void engine_wait(struct engine *g, int64_t ns);
/* Waits for the end of the run, which must have been asked for or come by itself. */
const struct run_result *engine_finish(struct engine *g);
void engine_free(struct engine *g);

#endif
