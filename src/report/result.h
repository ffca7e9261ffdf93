/* result: what a run came to: values only, filled by the engine, read by every kind of report. */
#ifndef TG_RESULT_H
#define TG_RESULT_H

#include "capacity.h"
#include "load/config.h"
#include "load/preflight.h"
#include "matrix.h"
#include "measure/phases.h"
#include "snapshot.h"

enum run_end { END_NONE, END_REQUESTS, END_DURATION, END_PRECISION, END_STOPPED, END_GUARD, END_FAILED };

struct span { /* a sampled value over the run; NAN unknown */
    double idle, peak, last; /* before the load, the most under it, the last one */
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
    uint64_t not_sent;      /* open loop: due before the end of sending, and never sent for want of a free stream; at most 10 million are counted */
    struct hist lag, batch_delay, stamp_arrival, stamp_ttft;
    struct hist skew;       /* ns, open loop: this program's part of send_skew */
    double worker_cpu;      /* highest share of a core that a worker thread used while loading; NAN */
    bool client_limited;
    char client_reason[96];
    struct matrix_view matrix; /* of a run of many loads; n = 0 while it runs */
    struct capacity capacity;  /* of a search for it; n = 0: none */
    struct server_view server; /* what it counted and told of itself; counts: since before the load */
    struct span ram, gtt, vram;
    double ram_total, gtt_total, vram_total;
    double gtt_ceiling; /* bytes of GTT that the machine gives at most; NAN unknown */
    bool memory_not_server, gtt_simulated, ram_simulated;
    char guard_why[160];    /* END_GUARD: the numbers at that moment */
    char run_file[1024];    /* empty: none */
    uint64_t lost_lines;
    char lost_why[512];
};

#endif
