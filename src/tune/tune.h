/* tune: starts the server with each setting of a grid, loads it, stops it, and ranks the settings.  On a thread of its own;
 * the screen sees it as it sees a run (struct snapshot_source). */
#ifndef TG_TUNE_H
#define TG_TUNE_H

#include "capacity.h"
#include "engine/engine.h"
#include "tune/settings.h"

#define TUNE_LINES 5 /* of the server's output that are kept of a setting that failed */

struct tune_config {
    const char *launch; /* with {names} */
    struct tune_plan plan;
    int64_t start_ns;   /* how long a server may take until it answers */
    int64_t stop_ns;    /* … until it has ended, before it is killed */
    const char *folder; /* for the run files and the servers' output; made where it is not there; NULL: beside other runs */
};

enum tune_state {
    TUNE_WAITING,
    TUNE_STARTING,
    TUNE_LOADING,    /* the load runs */
    TUNE_STOPPING,
    TUNE_OK,
    TUNE_NOT_STARTED, /* it ended, or did not answer in time */
    TUNE_GUARDED,     /* the memory guard ended the load */
    TUNE_FAILED,      /* the server refuses us (key, model), or the load failed: it does not fit, no request succeeded, it died */
    TUNE_STOPPED      /* by the user */
};

/* NAN: unknown. */
struct tune_result {
    char name[TUNE_TEXT];    /* "max_num_seqs=4 max_model_len=8k" */
    enum tune_state state;
    char why[240];           /* it is not TUNE_OK */
    char lines[TUNE_LINES * 160 + 8]; /* the server's last ones, then */
    double start_s;          /* until it answered */
    double ram_loaded, gtt_loaded, vram_loaded; /* bytes that it took until then */
    double headroom;         /* bytes that were left of the tightest pool at the peak */
    char headroom_of[8];     /* "GTT" */
    double output_rate, ttft_p95, goodput, good_share;
    struct capacity capacity; /* of --find-capacity; n 0: none was searched */
    uint64_t ok, failed;
    char run_file[512], log_file[512];
};

struct tune;
/* run: the load, which each setting gets (its url may be NULL: {port}, or the usual one).  Both must outlive it.  NULL with one
 * line in e; *usage: exit 2, else 1. */
struct tune *tune_start(const struct tune_config *c, const struct run_config *run, const char *command_line, bool *usage, struct err *e);
struct snapshot_source tune_source(struct tune *t);
void tune_stop(struct tune *t); /* what runs is stopped, its server too; returns at once */
bool tune_over(struct tune *t);
void tune_wait(struct tune *t, int64_t ns); /* up to that long, or until it is over */
/* Lines for a log that were not told yet, at most n; each is told once.  Returns how many. */
size_t tune_notes(struct tune *t, struct event_line *out, size_t n);

enum tune_objective { TUNE_BY_RATE, TUNE_BY_GOODPUT, TUNE_BY_CAPACITY };
/* After the end: all settings, the best first, those that failed last.  Valid until tune_free. */
const struct tune_result *tune_results(struct tune *t, size_t *n, enum tune_objective *by);
void tune_free(struct tune *t);

#endif
