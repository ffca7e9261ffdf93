/* insight_inside: what the rules look at, shared by the files that hold them. */
#ifndef TG_INSIGHT_INSIDE_H
#define TG_INSIGHT_INSIDE_H

#include "report/insight.h"
#include "report/server_side.h"

#include <math.h>
#include <stdio.h>

struct group { /* one phase */
    const struct run_phase *phase;
    struct tally tally;
    struct dist ttft, decode;
    double rate;                      /* output tok/s of all its streams */
    double waiting, running, kv_used; /* the highest that the server told; NAN: it told nothing */
    size_t busy;                      /* samples of it in which requests waited */
};

/* What the prefix cache had of a request's prompt. */
enum newness {
    NEWNESS_UNKNOWN,
    FRESH,       /* next to nothing: the server says so, or nobody had sent that prompt before */
    CACHED,      /* most of it: the server says so */
    LOOKS_CACHED /* it was sent before, and the server does not tell */
};

struct facts {
    const struct run_file *file;
    enum newness *newness; /* of each row */
    struct group *group;
    size_t groups;
    struct server_side server;
};

#define SAY(field, ...) snprintf(o->field, sizeof o->field, __VA_ARGS__)

typedef bool insight_fn(const struct facts *d, struct insight *o);

/* *most becomes the larger of the two; NAN: not known. */
static inline void insight_raise(double *most, double v)
{
    if (isfinite(v) && !(*most >= v))
        *most = v;
}

/* insight_memory.c */
insight_fn insight_memory_headroom, insight_kv_growth, insight_memory_growth, insight_gpu_limited;

/* insight_load.c: what the load was, and what was asked of the server. */
insight_fn insight_capacity, insight_objectives, insight_cut_off, insight_overload, insight_turns, insight_context_cost;

/* Does a prompt begin with what others had too: shared prefixes, conversations? */
bool insight_prompts_share(const struct run_file *f);

/* insight_server.c: what the server's own counters say. */
insight_fn insight_server_changed, insight_two_counts, insight_other_clients, insight_server_ttft, insight_queue_time, insight_preemptions,
    insight_kv_full, insight_prefix_unexpected, insight_sequence_limit, insight_drafts;

#endif
