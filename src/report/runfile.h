/* runfile: reads a run file back: what every report and comparison is made from.  A file that was cut anywhere (a killed
 * run, a full disk) gives what it holds. */
#ifndef TG_RUNFILE_H
#define TG_RUNFILE_H

#include "load/config.h"
#include "measure/slo.h"
#include "measure/counters.h"
#include "measure/tally.h"
#include "snapshot.h"
#include "util.h"

#include <cjson/cJSON.h>
#include <stdio.h>

#define RUNFILE_FORMAT 1
#define RUN_NAME 128
#define RUN_PHASES 1024 /* kept of a file, which may say that it has any number; further ones are bad lines */
#define RUN_KEYS 256    /* of a header, which is searched for each line: one with more is no run file's */

/* One line a second.  NAN: unknown.  Times are seconds since the start of the run. */
struct run_sample {
    double t;
    bool loading; /* state "load" */
    int phase, streams;
    int pauses;   /* so many have parted a phase by then */
    double rate;  /* requests a second that are due; NAN: a closed loop, or a trace */
    double in_flight, live_tokens, output_rate, ttft_p50, ttft_p95;
    double live_approx; /* so many of live_tokens are events, whose tokens were not known as they came */
    double ram_used, ram_total, gtt_used, gtt_total, vram_used, vram_total, gtt_ceiling; /* bytes */
    double gpu_limited; /* share of the time in which a limit held the GPU back */
    bool gpu_limited_now; /* no share: whether one did at the moment, 1 or 0 */
    char gpu_limited_by[32];
    double running, waiting, kv_used;
    double server_at;  /* when the server was looked at */
    double finished, generated, preemptions; /* by its own count since before the load, over its restarts */
    double server_rate; /* output tok/s by its count */
    double ended_ok, ended_failed; /* requests that ended since the sample before */
    double ttft_sum, ttft_n, decode_sum, decode_n; /* of those, ms and tok/s added up, and how many have them */
    int64_t line_at; /* where its line begins in the file, in bytes; −1: not from a file */
};

/* The server became another one in the middle. */
struct run_change {
    double t;
    enum { CHANGE_RESTART, CHANGE_MODEL, CHANGE_JUMPS } what;
    char model[128]; /* that it has now, sanitised; empty: none */
};

struct run_event {
    double t;
    int level; /* as in a snapshot */
    char text[160];
};

struct run_mark {
    double t;
    char text[64];
};

struct run_phase { /* as asked for */
    int id;
    double t;
    int streams;
    int64_t context, max_tokens;
    double rate;             /* of an open loop, requests a second; NAN: closed loop */
    char part[24], what[48]; /* of a suite (suite.h); else empty */
    bool repeated;           /* all its requests sent one and the same prompt */
};

/* An answer of the agent gateway, or of the model's server to the same prompt (direct). */
struct run_answer {
    char scenario[24];
    bool direct, warmup;
    enum outcome outcome;
    double first_ms, e2e_ms; /* to the first text of the answer; NAN: unknown */
    double tokens, bytes, calls;
    char error[160];
};

/* Of one request, in a file of --save-chunks or --save-text. */
struct run_detail {
    bool gaps_known;
    float *gap_ns; /* between an output event and the next */
    size_t gaps_n;
    char *text;    /* as it came, not sanitised; NULL: not kept */
};

struct run_process { /* the server's own process is another one from then on */
    double t;
    cJSON *is; /* as the header's "server_process" */
};

struct run_left_out { /* a load of a matrix that was not run */
    int streams;
    int64_t context, max_tokens;
    double rate; /* NAN: closed loop */
    char why[128];
};

struct run_ended {
    int phase;
    struct tally tally;
};

struct run_file {
    char *path;
    char name[RUN_NAME]; /* its label, or the file's name without folder and extension; sanitised */
    cJSON *header;      /* never NULL */
    cJSON *summary;     /* NULL: the run was killed, or the file was cut */
    struct rowstore *rows; /* measured requests in the order of the file: run_file_row */
    size_t rows_n;
    bool rows_whole;    /* every measured request has a row; else (--rows) `total` and run_file_phase are made from the samples'
                         * histograms, and are off by 0.8 % at the most */
    struct run_ended *ended; /* what samples tell of requests that ended, by phase; NULL where rows are whole */
    size_t ended_n;
    struct run_detail *details; /* one a row; NULL: the file has neither gaps nor texts */
    bool has_gaps, has_texts;
    struct slo slo;     /* stated objectives; the rows are judged by them */
    struct row first;   /* the request before the load; first.tl.sent = 0: none in the file */
    struct run_sample *samples;
    size_t samples_n;
    struct run_mark *marks;
    size_t marks_n;
    struct run_event *events;
    size_t events_n;
    struct run_phase *phases;
    size_t phases_n;
    struct run_left_out *left_out;
    size_t left_out_n;
    struct run_answer *answers; /* of the suite's agent part */
    size_t answers_n;
    struct run_change *changes;
    size_t changes_n;
    struct run_process *processes; /* after the one of the header */
    size_t processes_n;
    struct counted counted;     /* by the server, since counted_since, over its restarts */
    double counted_since;       /* NAN: it tells nothing */
    struct server_view server;  /* what it told of itself; only what server_facts_read has */
    double known_tokens, known_events; /* of the requests whose tokens were told in the end only */
    double warmup_tokens;       /* output tokens of requests that are in no row: warm-up */
    uint64_t warmup_n, warmup_ok; /* … how many there were, and ended well */
    uint64_t warmup_unsure;       /* … whose tokens are not known for certain */
    struct tally total; /* of all measured requests, with the ITL of the samples */
    bool growing;       /* by run_file_load_growing, and no summary has come yet */
    int64_t read_to;    /* … so many bytes have been read: whole lines */
    size_t servers;     /* lines that told of a server and changed the header */
    size_t bad_lines;   /* lines that could not be read, but for the last one of a killed run, which may be cut */
};

/* NULL with one line in e: cannot be read, not a run file, or one of another version.  The caller frees. */
struct run_file *run_file_load(const char *path, struct err *e);
/* Of a run that still goes on: what is behind the last whole line waits.  `total` and what is made of it are of this moment. */
struct run_file *run_file_load_growing(const char *path, struct err *e);
/* Reads the whole lines that have come since, from the same file; returns how many.  Pointers into its lists are void then. */
size_t run_file_more(struct run_file *f, FILE *in);
/* The same as run_file_load from an open stream, which stays open; path is for names and messages. */
struct run_file *run_file_read(FILE *in, const char *path, struct err *e);
void run_file_free(struct run_file *f);

/* The measured request i, in the order of the file; its moments are ns with an origin of its own; no gaps.  Valid until the next
 * call: who looks at two keeps a copy.  Cheapest in order (rowstore.h). */
const struct row *run_file_row(const struct run_file *f, size_t i);

/* Of a sample's line: the distribution of m of the requests that had ended since the sample before, added to t; those of phases
 * before `from` are left out. */
void run_file_ended(const cJSON *sample, int from, enum metric_id m, struct tally *t);
/* … and all that it tells of them. */
void run_file_ended_all(const cJSON *sample, int from, struct tally *t);

/* What a run is called: its label, or (NULL, empty) its file's name without folder and ending; sanitised. */
void run_name(char out[RUN_NAME], const char *label, const char *path);

/* Of the header: NULL or NAN where it is not there. */
const char *run_file_text(const struct run_file *f, const char *key);
double run_file_number(const struct run_file *f, const char *key);

/* Between sample i and the next (i + 1 < samples_n): its length and the tokens that came, events with as many tokens as the
 * requests that have ended had in each; true where all of it is one load. */
bool run_file_interval(const struct run_file *f, size_t i, double *seconds, double *tokens);
/* Output tokens a second over the load: the summary's where there is one (with the window it took), else from the
 * samples.  NAN where it is not known. */
double run_file_output_rate(const struct run_file *f, const char **window);

/* Output tokens a second in one phase: by its window where there is a summary, else by its requests, from the first one
 * sent to the last one ended (by samples where it has not all of them).  NAN: not known. */
double run_file_phase_rate(const struct run_file *f, int phase);
/* … and the seconds that this rate is of. */
double run_file_phase_seconds(const struct run_file *f, int phase);

/* Requests a second that met all objectives, in one phase; NAN: there are none, or the run did not come to its end. */
double run_file_phase_goodput(const struct run_file *f, int phase);

/* The server's process that was seen last; NULL: the file tells of none. */
const cJSON *run_file_process(const struct run_file *f);
/* The tokens of context of its requests: that were asked for, else the mean of what the server has counted; NAN: not known. */
double run_file_phase_context(const struct run_file *f, const struct run_phase *p);
/* Equal, or both not known (NAN). */
bool run_same_number(double a, double b);
/* The same target: streams, rate, lengths, part. */
bool run_same_load(const struct run_phase *p, const struct run_phase *q);
/* Did a suite, a matrix or a search decide its loads? */
bool run_file_has_parts(const struct run_file *f);
/* Have all phases one and the same target?  (Then pauses parted them.) */
bool run_file_one_load(const struct run_file *f);
/* … and does it stay the same from the beginning to the end, as a ramp and a trace do not? */
bool run_file_even_load(const struct run_file *f);
/* The lowest and the highest rate of its schedule under load, requests/s; INFINITY and 0 in a closed loop. */
void run_file_rates(const struct run_file *f, double *least, double *most);
/* Was a request sent when it was due, whether others were answered or not?  (Then those of a busy server wait for each other.) */
bool run_file_open_loop(const struct run_file *f);
/* Was the memory that the samples tell of the server's?  False: its machine is another one. */
bool run_file_servers_memory(const struct run_file *f);

/* The requests of one phase added up; t is made by tally_init here, tally_release by the caller.  ITL is in it only where the
 * file has one phase, or rows are not whole. */
void run_file_phase(const struct run_file *f, int phase, struct tally *t);

#endif
