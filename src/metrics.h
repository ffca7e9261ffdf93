/* metrics: the one table of numbers: id, JSON key with its unit, definition, which way is better.
 * Screen, summary, run file, comparison, thresholds and the manual all read it.  Pure, layer 0. */
#ifndef TG_METRICS_H
#define TG_METRICS_H

#include <stddef.h>

enum metric_id {
    M_TTFT,
    M_TTFT_DUE,
    M_TTFR,
    M_TTFA,
    M_E2E,
    M_TPOT,
    M_DECODE_RATE,
    M_E2E_RATE,
    M_PREFILL_RATE,
    M_SEND_SKEW,
    M_STREAM_WAIT,
    M_CONNECT,
    M_TLS,
    M_REQUEST_COUNT_, /* metrics above are one number a request; below: one a token event */
    M_ITL = M_REQUEST_COUNT_,
    M_CHUNK_GAP,
    M_LATENCY_COUNT_, /* metrics above have distributions; below: one number a run */
    M_OUTPUT_RATE = M_LATENCY_COUNT_,
    M_REQUEST_RATE,
    M_PROMPT_RATE,
    M_GOODPUT,
    M_ERRORS,
    M_LAG,
    M_BATCH_DELAY,
    M_COUNT
};

enum better { BETTER_NONE, BETTER_LOWER, BETTER_HIGHER };

struct metric {
    const char *id;   /* "ttft" */
    const char *key;  /* "ttft_ms": JSON, CSV */
    const char *unit; /* "ms" */
    const char *name; /* "time to first token" */
    const char *definition;
    enum better better;
    double scale; /* a histogram holds value × scale as whole numbers (ns for ms: 1e6) */
};

extern const struct metric metrics[M_COUNT];
/* NULL where there is none of that id. */
const struct metric *metric_find(const char *id);

#endif
