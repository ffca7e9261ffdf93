/* live: the output rate of the last second, while a run goes on. */
#ifndef TG_LIVE_H
#define TG_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#define LIVE_RING 32 /* ticks remembered: more than a second */

struct live {
    int64_t start;            /* of the run */
    int64_t at[LIVE_RING];    /* when these counts were true */
    double tokens[LIVE_RING], approx[LIVE_RING], decoding[LIVE_RING];
    int ring_n;
    double total, total_approx, peak;
    int64_t point_at;         /* when the next point of the series is due */
};

void live_init(struct live *l, int64_t start);
/* `tokens` more had come until `at`, `approx` of them counted as events; so many streams decode. */
void live_add(struct live *l, int64_t at, double tokens, double approx, int decoding);
/* Rate over the last second, NAN before there is half a second of it. */
double live_rate(const struct live *l, bool *approx);
/* … of one stream: over the time that streams were decoding; NAN where none was. */
double live_stream_rate(const struct live *l);

#endif
