/* sim_ask: what a request asks for, read from its JSON and checked as vLLM checks it, and what the answer
 * will be: how many tokens, how it ends.  Pure. */
#ifndef TG_SIM_ASK_H
#define TG_SIM_ASK_H

#include "sim/sim.h"
#include "sim/sim_text.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why a request is refused; status 0 while it is not. */
struct sim_refusal {
    int status;
    const char *type;
    const char *param; /* or NULL */
    char message[512];
};
/* Returns false, so that `return sim_refuse(…)` reads well. */
bool sim_refuse(struct sim_refusal *r, int status, const char *param, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The pieces of a prompt as the model sees it, chat template included: exactly what /tokenize counts and
 * usage says. */
bool sim_prompt_pieces(const cJSON *root, bool generation_prompt, const struct sim_vocab *vocab,
                       sim_piece_fn *piece, void *user, struct sim_refusal *r);

struct sim_ask {
    bool chat, stream;
    bool include_usage, continuous_usage;
    uint64_t *prompt; /* hash of each token */
    int prompt_tokens;
    uint64_t text_seed; /* decides the words and the natural length */
    int output_tokens;  /* the end-of-text token included, where there is one */
    bool ends_by_eos;   /* the last token is one, and carries no text */
    size_t text_bytes;  /* of the whole answer; less than the words have where a stop string cut them */
    const char *finish; /* "stop" or "length" */
    char *stop_hit;     /* the stop string that ended it, or NULL */
};

/* Fills `ask` or `r`.  `root` must be a JSON object. */
bool sim_ask_read(struct sim_ask *ask, const cJSON *root, bool chat, const struct sim_config *c,
                  const struct sim_vocab *vocab, struct sim_refusal *r);
void sim_ask_release(struct sim_ask *ask);

/* Hash of output token i, as it will have in a later prompt. */
uint64_t sim_ask_output_hash(const struct sim_ask *ask, int i);

#endif
