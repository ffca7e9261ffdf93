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

/* tcpi_bytes_received (RFC 4898 tcpEStatsAppHCThruOctetsReceived), Linux 4.1 and later; 0 unknown. */
static uint64_t received_by(int fd)
{
    struct tcp_info info = {0};
    socklen_t n = sizeof info;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 ? info.tcpi_bytes_received : 0;
}

/* The kernel stamps by the wall clock, which may be set while we look: an age of less than nothing is none.  The other clock
 * is read last, so that the moment comes out too late by that, and never too early. */
static int64_t monotonic_of(const struct timespec *wall)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t age = (now.tv_sec - wall->tv_sec) * NS_PER_SEC + (now.tv_nsec - wall->tv_nsec);
    return age >= 0 ? clock_ns() - age : 0;
}

/* Of several segments recvmsg(2) tells the stamp of the last that it took bytes of, so it must see all of them.  Where no byte
 * waits it would take what waits in their place, as the error of a connection that was reset, and libcurl would not hear of it. */
void rxtime_look(struct rxtime *r, int fd)
{
    char bytes[LOOK_BYTES];
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(struct timespec))];
    } control;
    struct iovec to = {bytes, sizeof bytes};
    struct msghdr m = {.msg_iov = &to, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    int waiting = 0;
    r->fd = -1;
    if (ioctl(fd, SIOCINQ, &waiting) != 0 || waiting <= 0 || waiting >= LOOK_BYTES)
        return;
    r->received = received_by(fd); /* what comes from here on is seen, and then not believed */
    ssize_t n = recvmsg(fd, &m, MSG_PEEK | MSG_DONTWAIT);
    struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
    if (n == sizeof bytes || c == NULL || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS || r->received == 0)
        return;
    struct timespec stamp;
    memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
    r->at = monotonic_of(&stamp);
    r->fd = r->at > 0 ? fd : -1;
}

int64_t rxtime_of(const struct rxtime *r, int64_t now)
{
    return r->fd >= 0 && received_by(r->fd) == r->received ? MIN_OF(r->at, now) : now;
}
