/* servercounts: what a server's counters have come to, as the screen and the reports tell it.  Pure. */
#ifndef TG_SERVERCOUNTS_H
#define TG_SERVERCOUNTS_H

#include "measure/counters.h"
#include "snapshot.h"

/* restarts and jumps are the caller's. */
void counts_of(const struct counted *c, struct server_counts *out);

/* The last ten seconds of counters that never shrink (struct counter_track's sum), a value a look. */
#define RECENT_LOOKS 12
struct recent {
    int n;
    double at[RECENT_LOOKS]; /* seconds */
    double generated[RECENT_LOOKS], prompt[RECENT_LOOKS], queries[RECENT_LOOKS], hits[RECENT_LOOKS];
    double ours[RECENT_LOOKS]; /* output tokens that had come here */
};
/* at_end: 1 << CNT_… of those that grow when a request ends: their rate is unknown, for it would be that of what was before. */
void recent_add(struct recent *r, double at_s, const struct counted *sum, unsigned at_end, double ours);
/* Into generated_rate, prompt_rate, our_rate and prefix_hits; unknown where the newest look is older than a few seconds. */
void recent_fill(const struct recent *r, double now_s, struct server_view *v);

#endif
