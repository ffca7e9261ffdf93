/* config: what a run was asked to do.  Plain data, filled by options.c, const from the start of the run on. */
#ifndef TG_CONFIG_H
#define TG_CONFIG_H

#include "load/arrivals.h"
#include "load/lengths.h"
#include "measure/slo.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAMS_MAX 100000
#define CAPACITY_STREAMS 1024 /* no more are tried: so many are seen one by one */
#define TOKENS_MAX (16 * 1024 * 1024)
#define WORKERS_MAX 64
#define HEADERS_MAX 32

enum endpoint { ENDPOINT_CHAT, ENDPOINT_COMPLETIONS };
enum prompt_kind { PROMPT_UNIQUE, PROMPT_SHARED, PROMPT_FILE, PROMPT_AGENT };

#define PART_MATRIX "matrix" /* the part of a step that is a cell of a matrix */
/* Of which requests the run file has a line; AUTO: of all, up to a million. */
enum rows_kept { ROWS_AUTO, ROWS_ALL, ROWS_ERRORS, ROWS_NONE };

/* A stretch of load with a beginning and an end: a plain run is one, a suite is many, one after the other. */
struct load_step {
    const char *part, *what; /* of a suite: which part it belongs to, and what it is there; NULL: a plain run */
    int64_t streams, context, max_tokens;
    struct lengths context_of, output_of; /* how lengths are drawn; a = 0: as the two above say */
    struct arrival_config arrival; /* rate 0: closed loop */
    int64_t requests;    /* measured; 0: not limited */
    int64_t duration_ns; /* 0: not limited */
    double until_ci;     /* ends when the output rate's 95 % interval is within this share of it; 0: does not */
    int64_t warmup;      /* requests before them */
    bool agent;          /* no load: the agent gateway is asked, see agent.h */
    bool repeated;       /* all its requests send one and the same prompt, which no other step sends */
};

/* This machine, and how closely it is looked at. */
struct machine_config {
    const char *gpu;         /* the device to watch: PCI address or number; NULL: the server's, or the largest */
    int64_t sample_ns;       /* between two looks at memory */
    int64_t guard;           /* bytes that must stay free under load; GUARD_DEFAULT, GUARD_NONE */
    const char *proc_root, *sysfs_root, *dev_root; /* for tests */
};
#define GUARD_DEFAULT INT64_C(-1)
#define GUARD_NONE INT64_C(-2)

/* An agent gateway that is measured too. */
struct agent_config {
    const char *url; /* of its chat completions; NULL: none */
    const char *token_env, *token_file, *model;
    int64_t runs; /* of each scenario */
};

struct run_config {
    const char *url; /* NULL: look at the usual local ports */
    const char *model;
    const char *api_key_env, *api_key_file;
    const char *headers[HEADERS_MAX];
    size_t headers_n;
    enum endpoint endpoint;

    int64_t max_num_seqs; /* streams kept in flight; open loop: at the most */
    int64_t context;      /* prompt tokens, their mean */
    int64_t max_tokens;   /* output tokens, their mean */
    struct lengths context_of, output_of; /* how they are drawn */
    struct arrival_config arrival; /* rate 0: closed loop */
    bool find_capacity;   /* search for the largest load that meets them, from this one on */
    int64_t budget_ns;    /* … within so long */
    struct slo slo;       /* objectives; n = 0: none */
    const char *trace;    /* file of a recorded sequence of requests; NULL: none */
    int64_t requests;     /* 0: not limited */
    int64_t duration_ns;  /* 0: not limited */
    double until_ci;      /* as in a step; 0: not */
    int64_t warmup;       /* requests sent before measuring */
    int64_t drain_ns;     /* how long to wait for requests in flight at the end */
    int64_t workers;      /* 0: min(cores - 1, 4), at least 1 */
    int64_t timeout_ns, stall_ns;
    int64_t seed;         /* of the prompts; -1 until the run has drawn one */
    const char *prompt;   /* "unique", "shared", "agent", "agent-small" or a file */
    int64_t turns;        /* of a conversation; 1: none */
    int64_t think_ns;     /* between an answer and the next turn */
    int64_t turn_context; /* tokens of what the user says in each turn but the first */
    int64_t prefix_tokens, prefix_count; /* unique prompts begin with one of so many shared texts of this length; 0: they do not */
    const char *extra_body; /* further fields of each request, a JSON object; NULL: none */
    unsigned extra_drops;   /* body_field bits that it sets itself */
    const char *ca_file;  /* certificates to trust, NULL: the system's */
    bool insecure;        /* do not verify TLS */
    bool natural_length;  /* let the model end by itself */
    bool watched;         /* somebody sees the streams' text: a dashboard or a picture */
    bool save_chunks;     /* the run file keeps every gap between chunks */
    bool save_text;       /* … and every answer's text */
    bool reset_prefix_cache; /* before the load */
    bool stamps;          /* compare with the time stamps that the simulator and the test servers put in their chunks */
    int rows;             /* an enum rows_kept */
    const char *out;      /* run file; NULL: the default folder */
    const char *label;
    const struct load_step *steps; /* of a suite, in place of the six fields of the load above; else NULL */
    size_t steps_n;
    bool load_fixed; /* what this run came to is set against others: no key changes its load */
    struct machine_config machine;
    bool watch;            /* no load: look only */
    int64_t probe_ns;      /* … but for one short request each so long; 0: none */
    struct agent_config agent;     /* for the step that has `agent` set */
};

#endif
