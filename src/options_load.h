/* options_load: the load's options, and the load that they make: lists of numbers that make a matrix, lengths, rates, objectives. */
#ifndef TG_OPTIONS_LOAD_H
#define TG_OPTIONS_LOAD_H

#include "load/arrivals.h"
#include "load/lengths.h"
#include "measure/slo.h"
#include "suite.h"
#include "util.h"

#include <stdio.h>

#define WARMUP_PRESET INT64_C(-1)
#define LOAD_CONTEXT 1024 /* tokens of a prompt where nothing else is said */

struct length_list { /* of more than one, all are fixed */
    struct lengths v[SUITE_LIST_MAX];
    size_t n; /* 0: not given */
};

struct rate_list {
    double v[SUITE_LIST_MAX];
    size_t n; /* 0: closed loop, unless there is a ramp or a trace */
};

struct load_options {
    struct int_list streams; /* n = 0: not given */
    struct length_list context, max_tokens;
    struct rate_list rate;
    struct arrival_config arrival; /* its kind and shape */
    struct arrival_config ramp;    /* its ramp; rate 0: none */
    double until_ci;               /* share; 0: not given */
    int64_t warmup;                /* requests; WARMUP_PRESET: not given */
    int order;                     /* of a matrix: 0 random, 1 as listed */
};

struct option;
struct options;

/* "1k,4k", or one distribution. */
bool load_set_lengths(const struct option *op, struct length_list *list, const char *value, struct err *e);
bool load_set_rates(const struct option *op, struct rate_list *list, const char *value, struct err *e);
bool load_set_arrival(const struct option *op, struct arrival_config *c, const char *value, struct err *e);
bool load_set_ramp(const struct option *op, struct arrival_config *c, const char *value, struct err *e);
bool load_set_percent(const struct option *op, double *share, const char *value, struct err *e);
bool load_set_extra(const struct option *op, struct options *o, const char *value, struct err *e);
bool load_set_slo(const struct option *op, struct slo *s, const char *value, struct err *e);
void load_put_slo(FILE *f, const struct slo *s);
void load_put_lengths(FILE *f, const struct length_list *list);
void load_put_rates(FILE *f, const struct rate_list *list);
void load_put_arrival(FILE *f, const struct arrival_config *c);
void load_put_ramp(FILE *f, const struct arrival_config *c);

/* All options are read, and go together: fills the load of o->run; the first of each list where there are more. */
void load_settle(struct options *o);
/* How long a run without a terminal sends where nothing says when to stop; 0: it stops by itself. */
int64_t load_preset_ns(const struct options *o);

#endif
