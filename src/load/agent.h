/* agent: end-to-end latency of an agent gateway, any endpoint that speaks the OpenAI API and works with tools and models
 * behind it.  Fixed prompts, one at a time, each also sent straight to the model's own server: the difference is what
 * the agent costs.  Runs on a thread of its own. */
#ifndef TG_AGENT_H
#define TG_AGENT_H

#include "load/server.h"
#include "measure/timeline.h"

struct agent_scenario {
    const char *name;
    const char *text; /* what the user says */
};
#define AGENT_SCENARIOS 3
#define AGENT_TEXTS 1 /* version of the texts: figures of two versions cannot be compared */
extern const struct agent_scenario agent_scenarios[AGENT_SCENARIOS];

struct agent_row { /* one answer */
    const char *scenario;
    bool direct;          /* from the model's server */
    bool warmup;          /* the very first: kept apart */
    struct timeline tl;   /* no gaps */
    int64_t answer_bytes; /* of text */
    int64_t calls;        /* requests that the model's server counted meanwhile, its other clients' too; −1: it counts none */
    char error[160];
};

struct agent;
/* server: the model's own; *stop true ends it early.  All must outlive it.  NULL with the reason in e where the token
 * cannot be read. */
struct agent *agent_start(const struct run_config *c, const struct http_settings *http, const struct server_info *server,
                          unsigned fields, const atomic_bool *stop, struct err *e);
/* The next answer; false where there is none at the moment. */
bool agent_take(struct agent *a, struct agent_row *out);
/* Where it is: what ("simple 2/5"), how many answers of how many there are. */
void agent_place(struct agent *a, char *what, size_t size, uint64_t *done, uint64_t *planned);
/* No more requests after the one that it is at, whose answer is waited for. */
void agent_enough(struct agent *a);
bool agent_over(struct agent *a); /* and nothing is left to take */
void agent_free(struct agent *a); /* waits for the thread; soon where *stop is true */

#endif
