/* shown: what of finished requests the screen shows: counts, percentiles, distributions, the last failure.  Live the engine
 * fills it, a replay fills it from a run file.  Pure. */
#ifndef TG_SHOWN_H
#define TG_SHOWN_H

#include "measure/tally.h"
#include "snapshot.h"

struct shown {
    struct tally tally;        /* measured requests since the statistics on the screen were reset */
    struct hist fresh, cached; /* TTFT in ns of those, by what the prefix cache had of their prompts */
    uint64_t failures[OUT_COUNT];
    bool news;                 /* since shown_fill */
};

void shown_init(struct shown *d);
void shown_release(struct shown *d);
/* Percentiles, distributions and the peak begin anew; counts go on. */
void shown_reset(struct shown *d, struct snapshot *v, double now_s);
/* A failure becomes the snapshot's last one; how many of its kind there were, 0 where it is none. */
uint64_t shown_failure(struct shown *d, struct snapshot *v, const struct row *r);
/* A request with all its numbers, and its tally_one; first_token_s: the moment of its first token, in seconds after the start of the run. */
void shown_request(struct shown *d, struct snapshot *v, const struct row *r, const struct tally *one, double first_token_s);
/* Brings the snapshot's latencies up to date.  Live, a first token counts as soon as it is there, as the snapshot's streams tell:
 * with long answers the finished requests say nothing for minutes.  One that fails later is taken out again, as the summary
 * counts successes alone. */
void shown_fill(struct shown *d, struct snapshot *v);

#endif
