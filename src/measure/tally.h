/* tally: finished requests added up: distributions, outcomes, token counts.  Pure; one owner at a time. */
#ifndef TG_TALLY_H
#define TG_TALLY_H

#include "measure/recorder.h"
#include "stats.h"

#define TALLY_KEPT 2048 /* up to so many requests every value is kept and percentiles are exact */

struct tally {
    uint64_t requests;
    uint64_t outcome[OUT_COUNT];
    uint64_t source[TOK_EVENTS + 1]; /* requests by token source */
    uint64_t short_output;  /* ok, but fewer tokens than a fixed-length run asked for */
    uint64_t retried;
    uint64_t good;          /* requests that met all objectives */
    uint64_t unjudged;      /* … and that ended well, but nobody knows whether they did */
    uint64_t missed[8];     /* … and how many missed which; SLO_MAX */
    uint64_t late;          /* … and were cancelled when they had missed one already */
    double output_tokens;   /* of all requests, ended well or not */
    double prompt_tokens;   /* of requests that told them */
    uint64_t prompt_n, cached_n; /* … how many did */
    double cached_tokens;
    int64_t prompt_min, prompt_max; /* achieved context; valid where prompt_n > 0 */
    struct hist *hist[M_LATENCY_COUNT_]; /* made at the first value */
    double *kept[M_REQUEST_COUNT_];
    size_t kept_n[M_REQUEST_COUNT_];
};

void tally_init(struct tally *t);
void tally_release(struct tally *t);
void tally_clear(struct tally *t); /* empty, but keeps the memory of its histograms */
void tally_add(struct tally *t, const struct row *r);
/* Of this request alone: each of its gaps is looked at once, however many tallies it is merged into. */
void tally_one(struct tally *t, const struct row *r);
/* Adds the figures of another one; percentiles stay exact where both have kept every value and there is room. */
void tally_merge(struct tally *into, const struct tally *from);
/* Of the requests that ended well. */
void tally_dist(const struct tally *t, enum metric_id m, struct dist *d);
/* Share of the requests which met all objectives, those left out that were cancelled by us in time; NAN where there are none. */
double tally_good_share(const struct tally *t);
uint64_t tally_judged(const struct tally *t); /* … of how many that is the share */
/* A rate of requests that met all objectives, good in so many seconds; NAN where not one of t could be judged: 0 would be a claim. */
double tally_goodput(const struct tally *t, double good, double seconds);
uint64_t tally_failed(const struct tally *t); /* neither ok nor cancelled */

/* A stretch of time and what arrived in it. */
struct window {
    int64_t from, to; /* ns; to = 0: still open */
    double tokens, approx_tokens, prompt_tokens;
    uint64_t ok, good;
};
/* Adds what of the request falls into the window: tokens by the time of their events (a count known only at the end is
 * spread over the events), the prompt by its first token, the request by its end. */
void window_add(struct window *w, const struct row *r);
double window_seconds(const struct window *w, int64_t now); /* up to now, or its end; NAN: it has not begun */

#endif
