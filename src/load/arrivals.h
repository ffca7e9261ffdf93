/* arrivals: when requests are due in an open loop, whatever the server does: at a rate, with a ramp to another one, and at a
 * new rate from any moment on.  Pure: the same seed gives the same moments.
 *
 * Gaps of mean 1 are drawn in "expected requests" and carried over to time by the integral of the rate, so that every kind
 * of gap goes with every ramp (time change of a renewal process; for exponential gaps that is the inhomogeneous Poisson
 * process: Çinlar, Introduction to Stochastic Processes, ch. 4.7). */
#ifndef TG_ARRIVALS_H
#define TG_ARRIVALS_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_MIN 0.001 /* requests a second */
#define RATE_MAX 100000.0

enum arrival_kind {
    ARRIVE_POISSON,  /* exponential gaps: many people who know nothing of each other */
    ARRIVE_CONSTANT, /* all gaps are equal */
    ARRIVE_GAMMA,    /* gamma gaps of a shape: under 1 burstier than Poisson, above 1 more even */
    ARRIVE_BURST     /* so many at once, then a pause */
};

struct arrival_config {
    enum arrival_kind kind;
    double shape;    /* of gamma gaps; size of a burst; else unused */
    double rate;     /* requests a second; 0: closed loop, there are no arrivals */
    double rate_end; /* the rate goes there in a straight line within ramp_ns, and stays; unused where ramp_ns is 0 */
    int64_t ramp_ns;
};

struct arrivals {
    struct arrival_config c;
    uint64_t rng, n; /* n: how many have come */
    double sum;      /* expected requests up to the last one */
    double begun;    /* … and up to the moment from which times are counted */
};

void arrivals_init(struct arrivals *a, const struct arrival_config *c, uint64_t seed);
/* The next one: ns after the beginning.  A constant rate's first one is due at 0. */
int64_t arrivals_next(struct arrivals *a);
/* When the one is due up to which so many requests (a sum) are expected: ns after the beginning; 0: before it. */
int64_t arrivals_time(const struct arrivals *a, double sum);
/* After t ns the rate is another one, and times count from there.  Of a gap that has begun the same share is left, at the new
 * rate: whoever changes it often neither adds a request nor puts one off. */
void arrivals_change(struct arrivals *a, const struct arrival_config *c, int64_t t);
/* The rate wanted t ns after the beginning, requests a second. */
double arrivals_rate(const struct arrival_config *c, int64_t t);

/* "poisson", "constant", "gamma:0.5", "burst:8" → kind and shape.  False where it is none of these. */
bool arrivals_parse_kind(const char *s, struct arrival_config *c);
/* As a person reads it: "20 requests/s (poisson)", "1 to 20 requests/s within 60 s (constant)"; out has 96 bytes. */
char *arrivals_text(const struct arrival_config *c, char out[96]);
/* As arrivals_parse_kind takes it; out has 32 bytes. */
char *arrivals_kind_text(const struct arrival_config *c, char out[32]);
/* "1:20:60s" → a ramp from 1 to 20 requests a second within a minute.  False where it is none. */
bool arrivals_parse_ramp(const char *s, struct arrival_config *c);

#endif
