/* insight: what a run file shows, in words: a table of rules, each with a condition, a sentence, the figures that it rests
 * on and what to try.  A rule with too little data is silent.  Pure. */
#ifndef TG_INSIGHT_H
#define TG_INSIGHT_H

#include "report/runfile.h"

struct insight {
    const char *rule;   /* its name in the table */
    char sentence[320]; /* what is so */
    char evidence[320]; /* the figures */
    char advice[320];   /* what to try; may be empty */
};

struct insight_rule {
    const char *name;
    const char *looks_for; /* for the manual */
};
#define INSIGHT_RULES 31
extern const struct insight_rule insight_rules[INSIGHT_RULES];

/* Fills out (room for INSIGHT_RULES) in the order of the table; returns how many there are. */
size_t insight_find(const struct run_file *f, struct insight *out);

/* Why the end-to-end times of one phase differ among themselves, where the data shows it; else empty. */
void insight_variance(const struct run_file *f, const struct run_phase *p, char *out, size_t size);

/* Do the requests of a phase (NULL: of the run) have as many tokens as one another, in and out?  A spread of their times says
 * something of the server only then. */
bool insight_one_size(const struct run_file *f, const struct run_phase *p);

#endif
