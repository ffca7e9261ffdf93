/* capacity: the search for the largest load at which 95 % of the requests meet their objectives: doubled until one fails, then
 * halved in between.  Each load is judged by a sequential test, which takes no more requests than it needs.  Pure. */
#ifndef TG_CAPACITY_H
#define TG_CAPACITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PART_CAPACITY "capacity" /* the part of a step that is one of its tries */
#define CAPACITY_TRIES 40
#define CAPACITY_SHARE 0.95
#define CAPACITY_RATE_STEP 1.1 /* a rate is known when the next one that fails is no more than a tenth above it */

enum capacity_verdict { CAPACITY_OPEN, CAPACITY_MEETS, CAPACITY_FAILS, CAPACITY_UNSURE };

/* Wald's sequential probability ratio test (Wald, Sequential Analysis, 1947): do 98 % of all requests meet, or 90 %?  Each of
 * the two is said wrongly with 5 % at the most; in between, at 95 %, either may be said.  35 requests that all meet are enough,
 * and two early ones that do not. */
enum capacity_verdict capacity_test(uint64_t good, uint64_t bad);

/* Does the server keep up with a rate?  Objectives do not tell where none of them is of the wait: where fewer requests end than are
 * sent, those that are not over grow in number without end, however fast each of them is once its turn has come.  So they are
 * counted at marks, each twice as late as the one before. */
enum pace_verdict { PACE_OPEN, PACE_KEPT, PACE_BEHIND };

struct pace {
    enum pace_verdict verdict; /* at the last mark */
    double mark;               /* seconds; 0: none yet */
    double unfinished, due;    /* at that mark */
};

/* s: seconds since the first of them; unfinished: requests in flight, or due and without a stream; due: all up to now; fastest:
 * seconds that the fastest one took (NAN: none has ended): before the fourfold of it the number grows at any rate. */
enum pace_verdict pace_see(struct pace *p, double s, double unfinished, double due, double fastest);

struct capacity_try {
    double load;             /* streams, or requests a second */
    enum capacity_verdict verdict;
    uint64_t good, judged;
    uint64_t missed[8];      /* by objective; SLO_MAX */
    uint64_t failed;         /* of those judged: they missed none, for they have no times */
    double running, waiting; /* the most that the server said; NAN: it says nothing */
    bool guarded;            /* the memory guard ended it */
    bool gone, stopped;      /* unsure: the server was not there; somebody has stopped the run */
    bool blind;              /* unsure: the server does not tell what an objective is about */
    bool behind;             /* by rate: fewer requests ended than were due */
    bool full;               /* … and all streams were busy; unsure: while the server had no queue */
};

struct capacity {
    bool by_rate;
    double low;   /* the largest that meets; 0: none yet */
    double high;  /* the smallest that fails; INFINITY: none yet */
    double most;  /* no more is tried */
    double next;  /* to be tried now */
    bool over, timed_out;
    size_t n;
    struct capacity_try tries[CAPACITY_TRIES];
};

void capacity_begin(struct capacity *c, bool by_rate, double first, double most);
/* A try of c->next has ended; CAPACITY_UNSURE: nothing can be said of it, and the search ends.  Sets next, or over. */
void capacity_tried(struct capacity *c, const struct capacity_try *t);
/* Does one value stand: the largest that meets and, next to it, one that fails? */
bool capacity_sure(const struct capacity *c);
/* The try that failed with the least load; NULL: none did. */
const struct capacity_try *capacity_limit(const struct capacity *c);

#endif
