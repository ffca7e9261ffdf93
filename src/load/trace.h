/* trace: a recorded sequence of requests: when each was sent and how long it was, to be sent again in the same rhythm.
 * A JSON object a line, ordered by time:
 *   {"time": 0.5, "context": 2048, "output": 128}                             seconds
 *   {"timestamp": 500, "input_length": 2048, "output_length": 128, …}        milliseconds (the traces of Mooncake and vLLM)
 * Read once, then const. */
#ifndef TG_TRACE_H
#define TG_TRACE_H

#include "util.h"

struct trace_item {
    int64_t at;                  /* ns after the first one */
    int64_t context, max_tokens; /* tokens; 0: not told, as the run has it */
};

struct trace {
    struct trace_item *items;
    size_t n;
};

/* False with one line in e that names file and line: unreadable, not JSON, no time, a time that goes backwards, … */
bool trace_load(struct trace *t, const char *file, struct err *e);
void trace_release(struct trace *t);

#endif
