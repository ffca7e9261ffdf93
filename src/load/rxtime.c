#include "load/rxtime.h"
#include "clock.h"
#include "util.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#define LOOK_BYTES 16384 /* more than all that comes before a first token */
#define TICKS_NS (20 * NS_PER_MS)
#define ESTABLISHED 1 /* TCP_ESTABLISHED of netinet/tcp.h, which does not go with linux/tcp.h */

static void stamp(int fd)
{
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

/* The kernel begins to stamp a while after the first socket of the machine asked for it, and ends after the last: it changes its own
 * code for that (net_enable_timestamp in net/core/dev.c).  One that stays open spares it that at each connection. */
static void keep_stamping(void)
{
    stamp(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

void rxtime_begin(int fd)
{
    static pthread_once_t kept = PTHREAD_ONCE_INIT;
    pthread_once(&kept, keep_stamping);
    stamp(fd);
}

/* False where nothing can be said of it.  (RFC 4898 has the names; a kernel before 4.1 tells of no bytes.) */
static bool connection(int fd, struct tcp_info *info)
{
    socklen_t n = sizeof *info;
    memset(info, 0, sizeof *info);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &n) == 0 && info->tcpi_bytes_received > 0;
}

/* The kernel stamps by the wall clock.  The other one is read last: if this thread is held up between the two the moment comes out
 * too late, and never too early; of two attempts the earlier one is nearer. */
static int64_t monotonic_of(const struct timespec *wall)
{
    int64_t at = INT64_MAX;
    for (int i = 0; i < 2; i++) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        int64_t age = (now.tv_sec - wall->tv_sec) * NS_PER_SEC + (now.tv_nsec - wall->tv_nsec);
        at = MIN_OF(at, clock_ns() - age);
    }
    return at;
}

/* Of several segments recvmsg(2) tells the stamp of the last that it took bytes of, so it must see all of them.  Where no byte
 * waits it would take what waits in their place, as the error of a connection that was reset, and libcurl would not hear of it. */
static int64_t last_stamp(int fd)
{
    char bytes[LOOK_BYTES];
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(struct timespec))];
    } control;
    struct iovec to = {bytes, sizeof bytes};
    struct msghdr m = {.msg_iov = &to, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    ssize_t n = recvmsg(fd, &m, MSG_PEEK | MSG_DONTWAIT);
    struct cmsghdr *c = n > 0 && n < (ssize_t)sizeof bytes ? CMSG_FIRSTHDR(&m) : NULL;
    if (c == NULL || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
        return 0;
    struct timespec stamp;
    memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
    return monotonic_of(&stamp);
}

/* Not believed:
 *  - after a segment came out of its order (Linux 5.4 tells): what waited for the missing one has an earlier stamp than that;
 *  - after the end of the stream: that has no stamp;
 *  - where the kernel's other record, in ticks of up to 10 ms and of a clock that nobody sets, has the last segment come later: the
 *    wall clock was set meanwhile, or the machine slept. */
void rxtime_look(struct rxtime *r, int fd)
{
    struct tcp_info info;
    int waiting = 0;
    int64_t began = clock_ns(); /* this thread may be held up here too */
    r->fd = -1;
    if (ioctl(fd, SIOCINQ, &waiting) != 0 || waiting <= 0 || waiting >= LOOK_BYTES || !connection(fd, &info) ||
        info.tcpi_rcv_ooopack != 0 || info.tcpi_state != ESTABLISHED)
        return;
    r->received = info.tcpi_bytes_received; /* what comes from here on is seen, and then not believed */
    r->at = last_stamp(fd);
    if (r->at > 0 && r->at <= clock_ns() && began - r->at <= info.tcpi_last_data_recv * NS_PER_MS + TICKS_NS)
        r->fd = fd;
}

int64_t rxtime_of(const struct rxtime *r, int64_t now)
{
    struct tcp_info info;
    return r->fd >= 0 && connection(r->fd, &info) && info.tcpi_bytes_received == r->received ? MIN_OF(r->at, now) : now;
}
