/* sim: a simulated LLM server on loopback that speaks HTTP like vLLM: the demo, the test server and the
 * yardstick. Everything that it serves is labelled simulated.  It is seeded: the same requests get the same
 * answers. */
#ifndef TG_SIM_H
#define TG_SIM_H

#include "util.h"

#include <stdbool.h>
#include <stdint.h>

/* What can go wrong with an answer; sim_fault.c has the table.  The order decides what a seed draws: new ones go to the end. */
enum sim_fault {
    SIM_FAULT_NONE, SIM_FAULT_429, SIM_FAULT_500, SIM_FAULT_STALL, SIM_FAULT_RESET, SIM_FAULT_TRUNCATED,
    SIM_FAULT_ERROR_EVENT, SIM_FAULT_MALFORMED, SIM_FAULT_502, SIM_FAULT_503, SIM_FAULT_REDIRECT,
    SIM_FAULT_HTML, SIM_FAULT_GZIP_BOMB, SIM_FAULT_BIG_BODY, SIM_FAULT_SILENT, SIM_FAULT_SLOW_HEADERS,
    SIM_FAULT_RESET_EARLY, SIM_FAULT_RESET_HEADERS, SIM_FAULT_SLOW_BODY, SIM_FAULT_BAD_CHUNK,
    SIM_FAULT_ERROR_END, SIM_FAULT_ERROR_LINE, SIM_FAULT_NESTED, SIM_FAULT_ENDLESS_LINE,
    SIM_FAULT_ENDLESS_STREAM, SIM_FAULT_NUL, SIM_FAULT_BAD_UTF8, SIM_FAULT_ESCAPES, SIM_FAULT_CRUMBS,
    SIM_FAULT_RESET_LATE, SIM_FAULT_RESET_DONE, SIM_FAULT_NO_END, SIM_FAULT_CLOSE, SIM_FAULT_AFTER_DONE,
    SIM_FAULT_DUP_USAGE, SIM_FAULT_HUGE_NUMBERS, SIM_FAULT_ZERO_USAGE, SIM_FAULT_MISSING_USAGE,
    SIM_FAULT_CONTENT_TYPE, SIM_FAULT_JOINED, SIM_FAULT_LENGTH_LONG, SIM_FAULT_LENGTH_SHORT,
    SIM_FAULT_HANG_DONE, SIM_FAULT_COUNT
};
/* Where in an answer's life a fault strikes. */
enum sim_fault_phase {
    SIM_FAULT_NEVER,
    SIM_FAULT_AT_ONCE,    /* instead of an answer; the model never hears of the request */
    SIM_FAULT_MIDSTREAM,  /* after half of the output, at least one token */
    SIM_FAULT_AT_END,     /* with the last token or after it */
    SIM_FAULT_THROUGHOUT, /* the whole answer has another form */
};
struct sim_fault_row {
    const char *name; /* as in --fault; NULL for NONE */
    enum sim_fault_phase phase;
    const char *outcome; /* what a client that is right makes of it, by the name of the outcome */
    const char *help;    /* what the simulator does */
};
const struct sim_fault_row *sim_fault_row(enum sim_fault f);

/* The model.  Times in ms, rates in tokens/s; defaults (sim_config_default) are the machine of a user's
 * report: Strix Halo, a 30B mixture of experts at 34 tok/s. */
struct sim_config {
    const char *host;    /* "127.0.0.1" */
    int port;            /* 0: any free one */
    const char *model;   /* name that /v1/models gives */
    int max_num_seqs;    /* sequences decoded at once */
    int max_model_len;   /* tokens */
    double prefill_rate; /* uncached prompt tokens/s */
    int prefill_chunk;   /* uncached prompt tokens that one step may process: other streams keep moving */
    double step_ms;      /* decode step: base … */
    double step_seq_ms;  /* … plus this for each running sequence */
    double overhead_ms;  /* request in → prefill begins (HTTP, tokenising, scheduling) */
    double cold_ms;      /* added to the first request after start */
    double jitter;       /* relative sd of a step's time, 0 … 0.5 */
    uint64_t seed;
    bool prefix_cache; /* by block of 16 tokens */
    int64_t kv_tokens; /* KV capacity in tokens; 0: enough for max_num_seqs requests of max_model_len */
    double gtt_total_gib, gtt_base_gib, ram_total_gib, ram_base_gib; /* gauges it publishes */
    double kv_gib_per_1k; /* GTT that grows with KV use, GiB per 1024 tokens; 0: allocated at start, as vLLM
                             does */
    double fault[SIM_FAULT_COUNT]; /* probability of each, by request */
    int64_t fault_after;           /* so many generations come first that have none: a run's first look at the server */
    double tokens_per_event;       /* ≥ 1: several tokens in an event, as --stream-interval does */
    bool no_usage;                 /* never sends usage, as some gateways do */
    bool cached_hits_only;         /* leaves cached_tokens out where it is 0, as vLLM does */
    bool close_after;    /* closes after every stream while announcing keep-alive, as llama.cpp does */
    const char *api_key; /* NULL: none asked for; else 401 without it */
    const char *log;     /* NULL, or a file for one JSON row a request: the truth for tests */
};
void sim_config_default(struct sim_config *c);
/* Can there be such a server?  False with one line in e. */
bool sim_check(const struct sim_config *c, struct err *e);

/* Serves until SIGTERM or SIGINT.  Prints one line
 * "listening on http://HOST:PORT" to stdout when it is ready, and flushes.  Returns the exit status; where it
 * cannot start it fills e and returns 1. */
int sim_run(const struct sim_config *c, struct err *e);

#endif
