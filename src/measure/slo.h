/* slo: objectives that every single request has to meet: ttft ≤ 500 ms, tpot ≤ 50 ms.  Goodput is the rate of those that met
 * all.  A number that a request does not have (tpot of one token) is met; one that it has and that the server does not tell
 * (prefill_rate), or ttfa without a word of an answer, leaves it unjudged; a request that failed meets none, and one that we
 * took back (cancelled) has missed what it had missed by then.  Pure. */
#ifndef TG_SLO_H
#define TG_SLO_H

#include "measure/recorder.h"
#include "util.h"

#define SLO_MAX 8

struct slo_goal {
    enum metric_id metric; /* of a request, below M_REQUEST_COUNT_ */
    double limit;          /* in the metric's unit; the least where higher is better, else the most */
};

struct slo {
    struct slo_goal goal[SLO_MAX];
    size_t n; /* 0: none stated */
};

/* "ttft=500ms,tpot=50ms,e2e=2m,decode_rate=30": times with their unit, rates with or without.  False with one line in e that lists the known names. */
bool slo_parse(const char *text, struct slo *s, struct err *e);
/* "TTFT ≤ 500 ms, TPOT ≤ 50.0 ms" */
void slo_text(const struct slo *s, char *out, size_t size);
/* One goal: "ttft ≤ 500 ms". */
void slo_goal_text(const struct slo_goal *g, char *out, size_t size);
/* Sets r->missed, a bit for each goal that was missed, r->unjudged, and r->good: none was, and the request ended well. */
void slo_judge(const struct slo *s, struct row *r);

#endif
