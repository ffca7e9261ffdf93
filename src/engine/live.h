/* live: the output rate of the last second, while a run goes on. */
#ifndef TG_LIVE_H
#define TG_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#define LIVE_RING 32 /* ticks remembered: more than a second */

struct live {
    int64_t start;            /* of the run */
    int64_t at[LIVE_RING];    /* when these counts were true */
    double tokens[LIVE_RING], approx[LIVE_RING], later[LIVE_RING], decode_s[LIVE_RING];
    int ring_n;
    double total, total_approx, total_later, total_decode_s;
    int64_t point_at;         /* when the next point of the series is due */
};

void live_init(struct live *l, int64_t start);
/* What had come more until `at`. */
struct live_more {
    double tokens, approx; /* … of which counted as events */
    double first;          /* … of which were a request's first */
    double decode_s;       /* time of streams in which the others came: from a first token to the last, or to now */
};
void live_add(struct live *l, int64_t at, const struct live_more *more);
/* Rate over the last second, NAN before there is half a second of it. */
double live_rate(const struct live *l, bool *approx);
/* … of one stream, while it decodes: its tokens but the first over the time that they came in; NAN where that is next to nothing. */
double live_stream_rate(const struct live *l);

#endif
