/* sampler: looks at this machine on a thread of its own, twice a second, so that a slow read delays neither the screen
 * nor the load. */
#ifndef TG_SAMPLER_H
#define TG_SAMPLER_H

#include "host/host.h"

#include <stdint.h>

struct host_sample {
    int64_t at; /* monotonic ns, 0: none yet */
    struct host_memory memory;
    char why[48]; /* empty, or why memory is unknown */
};

struct sampler;
struct sampler *sampler_start(void); /* the first sample is there when it returns */
void sampler_get(struct sampler *s, struct host_sample *out);
void sampler_stop(struct sampler *s);

#endif
