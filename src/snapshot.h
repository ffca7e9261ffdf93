/* snapshot: everything that a screen may show, at one moment.  Plain data, filled by the engine ten times a second and
 * copied out whole, so that a reader never waits for a writer and never sees half a state.  Unknown numbers are NAN,
 * unknown texts are empty.  Text that came from a server is already sanitised (str_sanitise). */
#ifndef TG_SNAPSHOT_H
#define TG_SNAPSHOT_H

#include "hist.h"
#include "matrix.h"
#include "series.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SNAP_STREAMS 1024 /* stream rows carried; `streams_total` says how many there are */
#define SNAP_TAIL 256     /* bytes of a stream's last text */
#define SNAP_TEXT 12289   /* of the text of the one stream that CMD_TEXT names */
#define SNAP_MARKS 16
#define SNAP_EVENTS 64
#define SNAP_PAGE (128 * 1024) /* bytes of the server's page of counters */

enum run_state {
    RUN_PREFLIGHT, /* looking at the server, calibrating the prompt */
    RUN_WARMUP,
    RUN_LOAD,
    RUN_PAUSED,
    RUN_WATCH, /* no load at all */
    RUN_DRAIN, /* no new requests, waiting for those in flight */
    RUN_DONE,
    RUN_FAILED /* `status` says why */
};

enum stream_state {
    STREAM_IDLE,    /* nothing to do (paused, drained) */
    STREAM_BACKOFF, /* waiting after a failure */
    STREAM_CONNECT, /* the request is not yet on the wire */
    STREAM_QUEUED,  /* sent, no output yet: queued at the server or in prefill */
    STREAM_DECODE   /* output is coming */
};

struct stream_row {
    int id; /* from 1; 0: nothing known of it yet */
    bool measured;       /* its request counts: no warm-up */
    uint64_t seq;        /* … its number, where it is in flight */
    int64_t sent;        /* … and when it was sent, monotonic ns; 0: not yet, or nobody knows */
    enum stream_state state;
    int context;         /* prompt tokens asked for; 0: prompts of a file */
    int output;          /* output tokens so far of this request */
    bool output_approx;  /* events counted, not tokens */
    double ttft_ms;      /* NAN until known */
    double wait_s;       /* in this state for so long */
    double rate;         /* tok/s since the first token, NAN until two tokens */
    double backoff_s;    /* left to wait, NAN unless STREAM_BACKOFF */
    char tail[SNAP_TAIL];
};

struct mark {
    double at_s; /* seconds after the start of the run */
    char text[64];
};

struct event_line {
    double at_s;
    int level; /* 0 information, 1 warning, 2 error */
    char text[160];
};

/* A sampled value with its validity: NAN where unknown, and then `why` may say why. */
struct gauge {
    double value;
    bool simulated;
    char from[8]; /* "sysfs", "libdrm", "proc" … */
    char why[48];
};

#define SNAP_PROCS 8
#define SNAP_WARNINGS 4

/* A process that uses the GPU; bytes, NAN unknown. */
struct process_row {
    int pid;
    char name[32];
    double gtt, vram, rss;
    double kfd;  /* what ROCm asked for as VRAM, wherever it lies: not to be added */
    bool server; /* the one that is measured, or a child of it */
    bool rocm;   /* computes by ROCm */
};

struct memory_view { /* bytes */
    struct gauge ram_total, ram_used, ram_available;
    struct gauge swap_total, swap_used;
    struct gauge gtt_total, gtt_used;
    struct gauge vram_total, vram_used;
    struct gauge visible_total, visible_used; /* VRAM that the CPU reaches */
    struct {                                  /* of all RAM; the parts add up to it */
        double gtt, other, unaccounted, cache, free;
    } stack;
    double ceiling;          /* of GTT: what can really be used */
    char ceiling_from[24];   /* "ttm.pages_limit" */
    double full_in_s;        /* until the ceiling at the present slope; NAN: it does not grow */
    const char *full_what;   /* … which of them is full first: "GTT", "VRAM" or "RAM"; "" */
    bool primary_vram;       /* models live in VRAM, not in GTT */
    double pressure_some, pressure_full; /* %, of the last 10 s */
    double cpu;              /* share of all cores, 0…1 */
    char container[16];      /* "lxcfs": RAM is what a container is shown; empty: the machine's */
    char gpu_name[64];       /* empty: no GPU known */
    char gpu_pci[16];
    size_t gpus;             /* of this machine; 0: not known */
    char gpu_others[160];    /* those of them that are not watched */
    char gpu_note[96];       /* what could not be used of it, and why */
    bool gpu_asleep;
    struct gauge busy;                /* % */
    struct gauge sclk, mclk;          /* MHz */
    struct gauge power, power_gfx;    /* W */
    bool power_is_package;            /* power has the CPU in it */
    struct gauge temperature;         /* °C */
    double limited;                   /* share of the last second that a limit held the GPU back; NAN unknown */
    bool limited_now;                 /* the driver tells no share, but whether one does at the moment: 1 or 0 */
    char limited_by[32];              /* "SPPT"; "PPT and others" */
    size_t warnings_n;
    char warnings[SNAP_WARNINGS][200];
    size_t procs_n, procs_more, procs_hidden; /* more: visible, but not in the list; hidden: processes that may not be looked at */
    bool procs_known;
    struct process_row procs[SNAP_PROCS]; /* the largest */
    double other_gtt, other_vram;     /* in use by nobody that is seen */
    double guard_ram, guard_gtt;      /* bytes: least headroom that the guard allows; NAN: not armed */
    bool not_server;    /* remote URL, or a tunnel: this machine's memory, not the server's */
};

/* Bytes of GTT that can really be used: its size, or less where a limit of the kernel is below it. */
double memory_gtt_room(const struct memory_view *m);
/* Bytes of GTT that are in use and in RAM as it is told; NAN where a container's view is: what the GPU holds is not counted there. */
double memory_gtt_in_ram(const struct memory_view *m);

/* Times that the server took itself, ms; n 0: none. */
struct server_time {
    double n, mean, p50, p95; /* percentiles by its buckets, linear within one */
};

/* What the server counted since a moment, over restarts.  NAN: it does not tell. */
struct server_counts {
    double finished, preemptions; /* requests */
    double prompt_tokens, generated_tokens;
    double prefix_hits;           /* share of prompt tokens found in the prefix cache, 0…1 */
    double accepted;              /* speculative decoding: share of the drafted tokens that were accepted, 0…1 */
    double accepted_a_draft;      /* … and how many of each draft */
    struct server_time ttft, queue, itl;
    int restarts;
    bool jumps;                   /* several servers answer in turn: all this is unknown */
};

struct server_view {
    char model[128];
    char kind[64];    /* "vLLM 0.11.2" */
    char address[96]; /* "127.0.0.1:8000" */
    bool simulated;
    bool unverified; /* its TLS certificate is not looked at (--insecure) */
    double max_model_len;
    double running, waiting; /* requests, from the server's own counters */
    double kv_used;          /* share 0…1 */
    int pid;                 /* 0: not known */
    char process_note[96];   /* why it is not known, or what stands between */
    char command[512];       /* its command line, secrets masked */
    double told_max_num_seqs, told_max_model_len, told_memory_share; /* by that command line; NAN: not in it */
    double prefix_hits;      /* share of prompt tokens found in the prefix cache over the last 10 s, 0…1 */
    struct server_counts counts;         /* since before the load; watch: since it was seen first */
    double generated_rate, prompt_rate;  /* tok/s by its counters, over the last 10 s */
    double our_rate;                     /* … and those that came here in the same time */
    bool tokens_at_end;      /* it counts a request's output when that ends: no generated_rate can be known */
    double max_num_seqs;                 /* sequences at once, as its API tells; slots */
    double seems_max_num_seqs;           /* it ran no more while others waited */
    double kv_tokens, kv_blocks, kv_block_tokens; /* capacity of its KV cache */
    double slot_context;                 /* tokens of a slot */
    double loaded, loaded_vram;          /* bytes of the model in memory, and of them in VRAM */
    double loaded_context;               /* tokens that it was loaded with */
    double lines, bad_lines;             /* of its page of counters: samples, and lines that are none */
    char counters_note[128];             /* why there are no counters */
};

/* Percentiles of the measured requests (warm-up and preflight left out) of the run so far. */
struct latency_view {
    uint64_t n;
    double p50, p95, p99, mean;
};

/* How often a latency was met, over time (columns of step_s seconds from the start of the run) and height (a quarter of a
 * decade a row, the lowest from HEAT_LOW_MS on; what lies outside is in the first or last row). */
#define HEAT_COLUMNS 240
#define HEAT_ROWS 24
#define HEAT_LOW_MS 1.0
struct heat_view {
    double step_s; /* 0: nothing yet */
    size_t columns;
    uint16_t count[HEAT_COLUMNS][HEAT_ROWS];
};

/* Over time; seq changes with every value. */
struct snap_series {
    uint64_t seq;
    struct series out;            /* tok/s */
    struct series gtt, ram, vram; /* bytes used */
    struct series run, wait;      /* requests that the server runs, and that wait there */
    struct series kv;             /* share */
    struct series gen;            /* tok/s, by the server's own count */
};

/* Distributions, ns; seq changes whenever one does. */
struct snap_hists {
    uint64_t seq;
    struct hist ttft;       /* measured requests, without the first */
    struct hist ttft_first; /* requests sent before the first one had completed: server start-up costs */
    struct hist itl, tpot, e2e;
    struct heat_view ttft_heat; /* by the moment of the first token */
};

/* The server's page of counters as it came, where it has been asked for (CMD_PAGE): "name{labels} value", a line each. */
struct server_page {
    uint64_t seq;  /* changes with the text; 0: there is none */
    size_t lines;  /* of all of it; the text may hold fewer */
    char text[SNAP_PAGE];
};

/* A run file that is played: the moment is clock_s. */
struct replay_view {
    bool on, paused;
    bool live; /* of a run that goes on: it shows what is newest */
    double speed, end_s;
};

#define SNAP_PARTS 8

enum part_state { PART_WAITING, PART_RUNNING, PART_DONE, PART_LEFT_OUT };

/* A suite's checklist; parts_n = 0: a plain run. */
struct suite_view {
    size_t parts_n;
    struct {
        char name[24];
        enum part_state state;
    } part[SNAP_PARTS];
    char step[64];          /* what it is at: "4k, repeated" */
    uint64_t done, planned; /* requests of this step */
    double left_s;          /* of the whole suite; a guess */
};

struct snapshot {
    uint64_t seq; /* changes whenever anything else does */
    enum run_state state;
    bool paused;
    double elapsed_s;      /* since the load began (NAN before) */
    double clock_s;        /* since the start of the run: the time axis of series, marks and events */
    double planned_s;      /* NAN: until stopped */
    double planned_requests; /* NAN: not limited */
    char status[200];      /* one line: what it is doing, or why it failed */

    struct replay_view replay;
    struct suite_view suite;
    struct server_view server;
    struct memory_view memory;

    int target_streams, target_context, target_max_tokens; /* context 0: none is asked for */
    bool load_fixed;       /* a suite, a matrix, a search or tune decides the load: no key changes it */
    bool lengths_fixed;    /* … or a trace the lengths */
    bool agent;            /* an agent sends what it wants now: it cannot be paused */
    bool open_loop;        /* requests are sent when they are due, not when a stream is free; the next three are its */
    double target_rate;    /* requests a second that are due now; NAN: a trace says */
    double sent_rate;      /* … that were sent, over the last 5 s; NAN: not known yet */
    int overdue;           /* open loop: requests that are due and wait for a free stream */
    int phase;             /* counts up with every change of target */

    /* live, over the last second */
    double output_rate;        /* tok/s, all streams */
    double output_rate_stream; /* tok/s per stream, while it decodes */
    double output_rate_peak;   /* highest output_rate so far */
    bool output_approx;        /* the rate counts events, not tokens */
    int in_flight, queued, decoding, backing_off; /* streams */

    /* totals of measured requests */
    uint64_t sent, ok, failed, cancelled, short_output;
    uint64_t output_tokens;
    char last_error[160];  /* "http_429 ×3: too many requests" */

    double since_s; /* distributions, percentiles and the peak count from here on (reset); NAN: from the beginning */
    struct latency_view ttft, tpot, e2e; /* ms */
    char slo[160];             /* the stated objectives: "ttft ≤ 500 ms, …"; empty: none, and the next two are unknown */
    double goodput;            /* requests a second that met them, of this phase */
    double good_share;         /* … of the requests that ended, 0…1 */
    double decode_rate;        /* tok/s per stream, mean of finished requests */
    struct latency_view itl;             /* ms */
    struct latency_view ttft_new, ttft_cached; /* by what the prefix cache had of the prompt, where the server tells */

    bool client_limited;
    char client_reason[96];    /* "lag p99 7 ms" */
    double lag_p99_ms;
    char file_trouble[128];    /* why lines of the run file wait or are lost; empty: all is well */

    size_t marks_n, events_n;
    int text_stream;       /* id of the stream that `text` is of; 0: of none */
    int streams_total;
    size_t streams_n;

    /* What is large is copied as far as there is something in it, or only where it has changed (snapshot_copy). */
    struct mark marks[SNAP_MARKS];
    struct event_line events[SNAP_EVENTS]; /* newest last */
    char text[SNAP_TEXT];  /* the last text of that stream: more than its tail, where it has been asked for long enough */
    struct matrix_view matrix;
    struct snap_series series;
    struct snap_hists hists;
    struct server_page page;
    struct stream_row streams[SNAP_STREAMS]; /* by id */
};

/* Everything unknown; s: all zero. */
void snapshot_clear(struct snapshot *s);
/* to: all zero, or an earlier copy of the same source. */
void snapshot_copy(struct snapshot *to, const struct snapshot *from);
/* A copy is to become one of another source. */
void snapshot_forget(struct snapshot *copy);
void snapshot_event(struct snapshot *s, double at_s, int level, const char *text);
void snapshot_mark(struct snapshot *s, double at_s, const char *text); /* with its line among the events */
/* One more value at t_s seconds; columns are put together in pairs when there are too many. */
void heat_add(struct heat_view *h, double t_s, double ms);

enum command_kind {
    CMD_STREAMS,    /* value: new number of streams */
    CMD_CONTEXT,    /* value: tokens */
    CMD_MAX_TOKENS, /* value: tokens */
    CMD_RATE,       /* value: requests in 1000 s; of an open loop */
    CMD_PAUSE,      /* toggles */
    CMD_MARK,       /* text, may be empty; of the moment so many ms (value) ago */
    CMD_RESET,      /* percentiles, distributions and the peak begin anew */
    CMD_SEEK,       /* a replay: value seconds on, or back */
    CMD_SPEED,      /* a replay: twice as fast (value 1), half (−1) */
    CMD_TEXT,       /* value: id of the stream whose text is wanted; 0: of none */
    CMD_PAGE,       /* value: 1 the server's page of counters is wanted, 0 no longer */
    CMD_STOP        /* cancel what runs, finish the run */
};

struct command {
    enum command_kind kind;
    int value;
    char text[64];
};

/* The screen's only way to the engine.  Both may be called from the screen's thread at any time and return at once. */
struct snapshot_source {
    void *ctx;
    /* Copies the newest snapshot to *out and returns true, or returns false where its seq is still `seen`. */
    bool (*read)(void *ctx, struct snapshot *out, uint64_t seen);
    void (*send)(void *ctx, const struct command *c);
    int news_fd; /* readable soon after there is a newer snapshot, until the next read; ≤ 0: none, look now and then */
};

#endif
