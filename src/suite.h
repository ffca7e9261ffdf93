/* suite: the standard benchmark as a list of load steps: interactive speed, memory, stability, concurrency.  Pure. */
#ifndef TG_SUITE_H
#define TG_SUITE_H

#include "load/config.h"

#define SUITE_LIST_MAX 8
#define SUITE_STEPS_MAX 60 /* fewer than a run has phases */

enum suite_part { SUITE_INTERACTIVE, SUITE_MEMORY, SUITE_STABILITY, SUITE_CONCURRENCY, SUITE_AGENT, SUITE_PARTS };

struct suite_part_info {
    const char *name;  /* in options and files: "interactive" */
    const char *title; /* "Interactive speed" */
    const char *asks;  /* the question that it answers */
};
extern const struct suite_part_info suite_parts[SUITE_PARTS];
/* By name, or by letter: a to e.  SUITE_PARTS where there is none (n bytes of s). */
enum suite_part suite_part_find(const char *s, size_t n);

struct int_list {
    int64_t v[SUITE_LIST_MAX];
    size_t n;
};

struct suite_options {
    unsigned parts; /* 1 << enum suite_part; 0: all */
    bool quick, agent;          /* agent: there is a gateway to ask */
    int64_t runs;               /* of each measurement; 0: 3, quick: 2 */
    struct int_list contexts;   /* of the stability part; n = 0: 1k, 2k, 4k (quick: 1k, 4k) */
    struct int_list streams;    /* of the concurrency part; n = 0: 1, 2, 4, 8 */
};

struct suite {
    struct load_step steps[SUITE_STEPS_MAX];
    char what[SUITE_STEPS_MAX][48]; /* the steps' texts */
    size_t n;
};
void suite_build(struct suite *s, const struct suite_options *o);

/* How fast a server seems to be. */
struct suite_speed {
    double prefill_tok_s, tpot_ms;
};
/* Seconds that a step should take; a guess. */
double suite_estimate(const struct load_step *s, const struct suite_speed *v);

#endif
