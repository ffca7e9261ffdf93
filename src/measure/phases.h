/* phases: a run as a sequence of stretches with one target each.  Rows come in as requests end; they are counted for the
 * phase in which they were sent, and their tokens for the windows in which they arrived.  A row's tokens are placed only
 * a while after its end, when every worker has reported what it knows about the windows' bounds.  One owner. */
#ifndef TG_PHASES_H
#define TG_PHASES_H

#include "measure/tally.h"

#define PHASES_MAX 128

/* Load without a break under one target. */
struct stretch {
    struct window whole;  /* from its first moment (0: not known yet) to its end or the beginning of the drain */
    struct window steady; /* from when every slot had sent a request in it; from = 0: never */
};

struct phase {
    int id; /* of the target that opened it */
    int streams;
    int64_t context, max_tokens;
    double rate;             /* open loop: requests a second that were aimed at; 0: closed loop */
    int merged;              /* phases that found no room and are counted here, whatever their target */
    bool ended;
    bool repeated;           /* whoever opened it says: all its requests send one and the same prompt */
    int64_t opened;          /* when its target was set; 0: not known yet */
    struct stretch *stretch; /* more than one where pauses lie between */
    size_t stretches;
    struct tally tally;   /* measured requests sent in it */
    struct tally delta;   /* … that ended since the last phases_delta_clear */
};

struct phases {
    struct phase *list[PHASES_MAX];
    int n;
    struct tally total, warmup;
    struct row *settling;
    size_t settling_n, settling_cap;
};

void phases_init(struct phases *p);
void phases_release(struct phases *p);
/* Ends the open phase, if any, and begins one at `now` (0: its beginning is not known yet; see phases_begin).  A phase in
 * which nothing has happened yet gets the new target instead: its time is not lost. */
struct phase_target {
    int id, streams;
    int64_t context, max_tokens;
    double rate;
};
void phases_open(struct phases *p, const struct phase_target *t, int64_t now);
void phases_begin(struct phases *p, int64_t at);
/* The last phase, closed by a pause, goes on: another stretch of it. */
void phases_go_on(struct phases *p, int64_t now);
/* The open stretch is steady since `at`; the first word counts. */
void phases_steady(struct phases *p, int64_t at);
/* Nothing after `at` counts any more, even where a phase was begun later. */
void phases_close(struct phases *p, int64_t at);
/* The same, for good: the next phase does not take this one's place, whatever happened in it. */
void phases_end(struct phases *p, int64_t at);
struct phase *phases_current(struct phases *p); /* NULL where none is open */
/* Takes over the row's gaps.  one: its tally_one. */
void phases_row(struct phases *p, struct row *r, const struct tally *one);
/* Places the tokens of rows that ended before `before`. */
void phases_settle(struct phases *p, int64_t before);
void phases_delta_clear(struct phases *p);

/* May a steady window of so many seconds stand for a load of so many?  It must be a fifth of it at least: a window of
 * milliseconds, as a run of few requests may have, says nothing. */
bool steady_counts(double steady_s, double whole_s);
/* The window of the headline: the steady one where it counts (true), else the whole; 0 seconds: there is none. */
bool phases_headline(const struct phases *p, int64_t now, struct window *w, double *seconds);
/* The same of one phase. */
bool phase_headline(const struct phase *p, int64_t now, struct window *w, double *seconds);
/* One kind of window added up over a phase, and over all phases. */
void phase_window(const struct phase *p, int64_t now, bool steady, struct window *sum, double *seconds);
void phases_windows(const struct phases *p, int64_t now, bool steady, struct window *sum, double *seconds);

#endif
