/* sim_model: the simulated engine's scheduler in virtual time.  Pure: no clock, no I/O; every time is an
 * argument in ns, and the same calls give the same results.
 *
 * Continuous batching by steps.  Requests wait first come, first served, and at most max_num_seqs run.  A
 * step gives one token to each running request whose prompt is done, and works off at most prefill_chunk
 * uncached prompt tokens of the others; the request whose prompt ends in a step gets its first token at the
 * end of that step.
 *
 *     step time = (step_ms + step_seq_ms × decoding requests + prompt tokens / prefill_rate) × (1 ± jitter)
 *
 * A step begins where the one before it ended, or when a request becomes ready.  Prompts are found again in
 * the KV pool by whole blocks, except for their last token, which is always computed.  Where the pool is full
 * the request that was let in last goes back to the head of the queue and starts again later. */
#ifndef TG_SIM_MODEL_H
#define TG_SIM_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_NEVER INT64_MAX

struct sim_model_config {
    int max_num_seqs;    /* ≥ 1 */
    int prefill_chunk;   /* ≥ 1, uncached prompt tokens in one step */
    double prefill_rate; /* tokens/s, > 0 */
    double step_ms, step_seq_ms;
    double overhead_ms; /* submitted → ready; takes no slot */
    double cold_ms;     /* added to the first step of all */
    double jitter;      /* relative sd of a step's time */
    uint64_t seed;
    bool prefix_cache;
    int64_t kv_tokens; /* ≥ 16 */
};

struct sim_job {
    const uint64_t *prompt; /* hash of each token; read during submit only */
    int prompt_tokens;      /* ≥ 1 */
    int output_tokens;      /* ≥ 1 */
    /* Hash of output token i, so that an answer is found in the cache when it comes back in a prompt; may be
     * NULL. */
    uint64_t (*output)(void *user, int i);
    void *user;
};

struct sim_token {
    void *user;
    int index;               /* 0 for the first */
    bool last;               /* the request is gone from the model: its handle is dead */
    int cached;              /* prompt tokens that were found in the cache */
    int64_t ready, admitted; /* when it joined the queue, when it left it for the first time */
};

/* What one step brought.  The array belongs to the model and holds until the next call to it. */
struct sim_tick {
    int64_t at;
    size_t n;
    const struct sim_token *token;
};

struct sim_model_stats {
    int running, waiting;
    int64_t kv_blocks_used, kv_blocks_total;
    uint64_t prefix_queries, prefix_hits; /* tokens */
    uint64_t preemptions, steps;
};

struct sim_model;
struct sim_seq;

struct sim_model *sim_model_new(const struct sim_model_config *c);
void sim_model_free(struct sim_model *m);

/* NULL where prompt and output could never fit into the pool.  `now` never goes back. */
struct sim_seq *sim_model_submit(struct sim_model *m, int64_t now, const struct sim_job *job);
/* Takes a request out, waiting or running; its slot is free for the next step. */
void sim_model_abort(struct sim_model *m, struct sim_seq *s);

/* When sim_model_step will next have something to do; SIM_NEVER while there are no requests. */
int64_t sim_model_due(const struct sim_model *m);
/* Goes on to the next end of a step, at `now` at the latest, that brought tokens.  False: none until `now`.
 */
bool sim_model_step(struct sim_model *m, int64_t now, struct sim_tick *tick);

/* Empties the prefix cache, but for what running sequences use. */
void sim_model_reset_cache(struct sim_model *m);
void sim_model_stats(const struct sim_model *m, struct sim_model_stats *out);

#endif
