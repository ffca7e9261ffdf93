/* counters: what a server counts itself, and what that has come to since a moment, over restarts of the server.  Pure.
 *
 * A counter only grows while its server runs.  One that falls says that the server was started anew: then all of them
 * count from zero again, and what they say is what has come since.  Nothing that is added up here ever shrinks. */
#ifndef TG_COUNTERS_H
#define TG_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>

enum server_counter {
    CNT_FINISHED,       /* requests that ended */
    CNT_PREEMPTIONS,    /* sequences that were put back for want of KV cache */
    CNT_PROMPT,         /* prompt tokens */
    CNT_GENERATED,      /* output tokens */
    CNT_PREFIX_QUERIES, /* prompt tokens looked up in the prefix cache */
    CNT_PREFIX_HITS,    /* … found there */
    CNT_DRAFTS,         /* speculative decoding: steps, tokens drafted, tokens of them that were accepted */
    CNT_DRAFT_TOKENS,
    CNT_ACCEPTED,
    CNT_COUNT_
};

enum counted_time { TIME_TTFT, TIME_QUEUE, TIME_ITL, TIME_COUNT_ };

extern const char *const counter_keys[CNT_COUNT_];  /* in the run file */
extern const char *const counted_time_keys[TIME_COUNT_];

/* Times in seconds, by buckets as Prometheus has them. */
#define BUCKETS_MAX 64
struct buckets {
    double sum, count;         /* NAN: not told */
    size_t n;                  /* 0: no buckets */
    double bound[BUCKETS_MAX]; /* ascending; the last one is infinite */
    double below[BUCKETS_MAX]; /* how many were at most so long */
};

void buckets_clear(struct buckets *b); /* nothing known */
/* `count` more at most `bound` long; in any order, equal bounds add up.  False where there is no room. */
bool buckets_add(struct buckets *b, double bound, double count);
/* What was added, made whole: an infinite bucket at the end.  Those that contradict themselves are dropped (n = 0, false). */
bool buckets_close(struct buckets *b);
double buckets_mean(const struct buckets *b); /* s; NAN: none */
/* s, linear within a bucket as Prometheus does it.  NAN where there are none, or where it lies above the last finite bound. */
double buckets_quantile(const struct buckets *b, double q);
/* Adds what `to` has more than `from`; from nothing known: all of it. */
void buckets_grow(struct buckets *sum, const struct buckets *from, const struct buckets *to);

struct counted {
    double counter[CNT_COUNT_]; /* NAN: not told */
    struct buckets time[TIME_COUNT_];
};
void counted_clear(struct counted *c);
/* Adds what has come between two pages; from nothing known: since the server's start. */
void counted_grow(struct counted *sum, const struct counted *from, const struct counted *to);

enum track_news {
    TRACK_NOTHING,
    TRACK_RESTART, /* the counters began anew */
    TRACK_JUMPS    /* they fell again and again: several servers answer in turn; what was added up is unknown from now on */
};

struct counter_track {
    bool any;           /* a page has been seen */
    struct counted last; /* of the newest page */
    struct counted sum; /* grown since the first page */
    double started;     /* when the server's process began, as it tells; NAN */
    int restarts;
    double fell_at[2];  /* seconds: the last times that they fell */
    bool jumps;
};
void counter_track_init(struct counter_track *t);
/* One more page, of the moment at_s; started: NAN where it is not told. */
enum track_news counter_track_add(struct counter_track *t, const struct counted *page, double started, double at_s);

/* The limit of sequences that a server shows without telling it: how many it runs while others wait. */
struct plateau {
    double most;         /* running, ever */
    unsigned at_most, n; /* looks with requests waiting: at that number, in all */
};
/* kv_used: a full cache makes requests wait too, and says nothing. */
void plateau_add(struct plateau *p, double running, double waiting, double kv_used);
double plateau_limit(const struct plateau *p); /* NAN: nothing shows */

#endif
