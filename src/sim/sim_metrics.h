/* sim_metrics: the simulated server's counters and its /metrics page, with vLLM's names.  Pure. */
#ifndef TG_SIM_METRICS_H
#define TG_SIM_METRICS_H

#include "buf.h"
#include "sim/sim.h"
#include "sim/sim_model.h"

enum sim_histogram {
    SIM_H_TTFT,
    SIM_H_ITL,
    SIM_H_TPOT,
    SIM_H_E2E,
    SIM_H_QUEUE,
    SIM_H_INFERENCE,
    SIM_H_PREFILL,
    SIM_H_DECODE,
    SIM_H_PROMPT_TOKENS,
    SIM_H_GENERATION_TOKENS,
    SIM_H_ITERATION_TOKENS,
    SIM_H_COUNT
};

enum sim_finish { SIM_FINISH_STOP, SIM_FINISH_LENGTH, SIM_FINISH_ABORT, SIM_FINISH_COUNT };

struct sim_metrics;
struct sim_metrics *sim_metrics_new(void);
void sim_metrics_free(struct sim_metrics *x);

void sim_metrics_observe(struct sim_metrics *x, enum sim_histogram h, double value);
void sim_metrics_prompt(struct sim_metrics *x, int tokens); /* when a prompt's first token is out */
void sim_metrics_generated(struct sim_metrics *x, int tokens);
void sim_metrics_finished(struct sim_metrics *x, enum sim_finish f);

/* Adds the whole page to `out`. */
void sim_metrics_page(const struct sim_metrics *x, const struct sim_config *c,
                      const struct sim_model_stats *m, struct buf *out);

#endif
