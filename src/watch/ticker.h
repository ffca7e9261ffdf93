/* ticker: calls a function at a steady interval on a thread of its own, and ends at once when told to. */
#ifndef TG_TICKER_H
#define TG_TICKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ticker;
/* fn returns false to end the thread early; it should return soon once *stop is set. */
typedef bool ticker_fn(void *ctx, const atomic_bool *stop);
/* name: of the thread, as tools show it; 15 bytes at the most. */
struct ticker *ticker_start(const char *name, int64_t every_ns, ticker_fn *fn, void *ctx);
void ticker_stop(struct ticker *t); /* waits for the thread, frees */
/* … but waits no longer than that.  False: fn has not returned (a read of a device that hangs); the thread and *t are left
 * behind, and what ctx points to must stay. */
bool ticker_stop_within(struct ticker *t, int64_t ns);

#endif
