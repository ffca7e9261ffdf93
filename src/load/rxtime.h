/* rxtime: when bytes came that have not been read yet, by the stamps that the kernel gives to what it receives
 * (SO_TIMESTAMPNS, socket(7)).  What held up this thread or this process since then is not the server's. */
#ifndef TG_RXTIME_H
#define TG_RXTIME_H

#include <stdint.h>

struct rxtime {
    int fd;            /* −1: nothing is known */
    int64_t at;        /* monotonic ns: when the last of what is to be read came */
    uint64_t received; /* bytes that the connection had received by then */
};

/* From now on, or soon, what this socket receives is stamped; where the kernel cannot, nothing is known of it. */
void rxtime_begin(int fd);
/* Looks at what waits in a TCP socket, and leaves it there.  What is read before the next look … */
void rxtime_look(struct rxtime *r, int fd);
/* … was all there at that moment, if nothing has come since: its time, else `now`.  Never later than `now`. */
int64_t rxtime_of(const struct rxtime *r, int64_t now);

#endif
