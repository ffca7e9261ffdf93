/* sim: a simulated LLM server on loopback that speaks HTTP like vLLM: the demo, the test server and the
 * yardstick. Everything that it serves is labelled simulated.  It is seeded: the same requests get the same
 * answers. */
#ifndef TG_SIM_H
#define TG_SIM_H

#include "util.h"

#include <stdbool.h>
#include <stdint.h>

enum sim_fault {
    SIM_FAULT_NONE,
    SIM_FAULT_429,         /* HTTP 429 with Retry-After: 1 */
    SIM_FAULT_500,         /* HTTP 500, JSON error */
    SIM_FAULT_STALL,       /* stops in the middle of the stream, keeps the connection */
    SIM_FAULT_RESET,       /* RST in the middle of the stream */
    SIM_FAULT_TRUNCATED,   /* clean FIN in the middle, no terminator */
    SIM_FAULT_ERROR_EVENT, /* data: {"error":…}, data: [DONE], HTTP 200 */
    SIM_FAULT_MALFORMED,   /* one event that is not JSON */
    SIM_FAULT_COUNT
};
/* "429", "500", "stall", "reset", "truncated", "error-event", "malformed"; NULL for NONE. */
const char *sim_fault_name(enum sim_fault f);

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
    double tokens_per_event;       /* ≥ 1: several tokens in an event, as --stream-interval does */
    bool no_usage;                 /* never sends usage, as some gateways do */
    bool close_after;    /* closes after every stream while announcing keep-alive, as llama.cpp does */
    const char *api_key; /* NULL: none asked for; else 401 without it */
    const char *log;     /* NULL, or a file for one JSON row a request: the truth for tests */
};
void sim_config_default(struct sim_config *c);

/* Serves until SIGTERM or SIGINT.  Prints one line
 * "listening on http://HOST:PORT" to stdout when it is ready, and flushes.  Returns the exit status; where it
 * cannot start it fills e and returns 1. */
int sim_run(const struct sim_config *c, struct err *e);

#endif
