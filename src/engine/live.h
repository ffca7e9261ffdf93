/* live: the output rate of the last second, while a run goes on. */
#ifndef TG_LIVE_H
#define TG_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#define LIVE_RING 32 /* ticks remembered: more than a second */

struct live {
    int64_t start;            /* of the run */
    int64_t at[LIVE_RING];    /* when these counts were true */
    double tokens[LIVE_RING], approx[LIVE_RING];
    int ring_n;
    double total, total_approx, peak;
    int64_t point_at;         /* when the next point of the series is due */
};

void live_init(struct live *l, int64_t start);
/* `tokens` more had come until `at`, `approx` of them counted as events. */
void live_add(struct live *l, int64_t at, double tokens, double approx);
/* Rate over the last second, NAN before there is half a second of it. */
double live_rate(const struct live *l, bool *approx);

#endif
