/* When bytes came that wait in a socket, with a real connection: between two readings of our own clock around the send, however
 * late somebody comes to read them; and unknown wherever it could be anything else. */
#include "check.h"

#include "clock.h"
#include "load/rxtime.h"
#include "util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LATE_NS (20 * NS_PER_MS)
#define CLOCKS_NS (10 * NS_PER_MS) /* much more than two clocks are read apart, on a busy machine too */
#define TRIES 200 /* the kernel begins to stamp some packets after it was asked to */

struct pair {
    int here, there;
};

static void open_pair(struct pair *p)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    p->here = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    rxtime_begin(p->here);
    assert_true(bind(listener, (struct sockaddr *)&at, sizeof at) == 0 && listen(listener, 1) == 0 &&
                getsockname(listener, (struct sockaddr *)&at, &n) == 0 && connect(p->here, (struct sockaddr *)&at, n) == 0);
    p->there = accept(listener, NULL, NULL);
    assert_true(p->there >= 0);
    setsockopt(p->there, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    close(listener);
}

static void close_pair(struct pair *p)
{
    close(p->here);
    close(p->there);
}

static void spend(int64_t ns)
{
    for (int64_t end = clock_ns() + ns; clock_ns() < end;)
        poll(NULL, 0, 1);
}

static int waiting(int fd)
{
    int n = 0;
    assert_int_equal(ioctl(fd, FIONREAD, &n), 0);
    return n;
}

/* Returns when they are there to be read: the moment is between the two that it gives. */
static void send_bytes(struct pair *p, size_t n, int64_t *before, int64_t *after)
{
    static const char bytes[20000];
    int wanted = waiting(p->here) + (int)n;
    *before = clock_ns();
    assert_int_equal(send(p->there, bytes, n, 0), (ssize_t)n);
    while (waiting(p->here) < wanted)
        continue;
    *after = clock_ns();
}

static void take_all(struct pair *p)
{
    char bytes[40000];
    while (recv(p->here, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        continue;
}

static void test_late_reader(void **state)
{
    (void)state;
    struct pair p;
    struct rxtime r;
    int64_t before, after, at = 0, now = 0;
    open_pair(&p);
    for (int i = 0; i < TRIES && at == now; i++) {
        take_all(&p);
        send_bytes(&p, 50, &before, &after);
        spend(LATE_NS);
        rxtime_look(&r, p.here);
        take_all(&p); /* as libcurl does before anybody asks */
        now = clock_ns();
        at = rxtime_of(&r, now);
    }
    assert_true(at >= before && at <= after + CLOCKS_NS && now - at >= LATE_NS - CLOCKS_NS);

    int64_t second;
    send_bytes(&p, 50, &before, &after);
    spend(LATE_NS);
    send_bytes(&p, 50, &second, &after); /* of two, the later one */
    spend(LATE_NS);
    rxtime_look(&r, p.here);
    at = rxtime_of(&r, clock_ns());
    assert_true(at >= second && at <= after + CLOCKS_NS);
    assert_true(rxtime_of(&r, second - 1) == second - 1); /* never later than what its reader says */

    send_bytes(&p, 1, &before, &after); /* more has come since the look */
    assert_true(rxtime_of(&r, 77) == 77 && rxtime_of(&r, INT64_MAX) == INT64_MAX);

    take_all(&p);
    send_bytes(&p, 20000, &before, &after); /* more than a look sees */
    rxtime_look(&r, p.here);
    assert_true(rxtime_of(&r, INT64_MAX) == INT64_MAX);
    close_pair(&p);
}

static int64_t wall_is_set; /* so far from what it was */

/* In place of the C library's. */
int clock_gettime(clockid_t clock, struct timespec *t)
{
    long rc = syscall(SYS_clock_gettime, clock, t);
    if (clock == CLOCK_REALTIME)
        t->tv_sec += wall_is_set;
    return (int)rc;
}

/* A clock that is set between the arrival and the look has no say. */
static void test_wall_clock(void **state)
{
    (void)state;
    static const int64_t steps[] = {1, -1, 3600, -3600};
    struct pair p;
    struct rxtime r = {.fd = -1};
    int64_t before = 0, after = 0;
    open_pair(&p);
    for (int i = 0; i < TRIES && r.fd < 0; i++) {
        take_all(&p);
        send_bytes(&p, 50, &before, &after);
        rxtime_look(&r, p.here);
    }
    assert_true(rxtime_of(&r, INT64_MAX) <= after + CLOCKS_NS);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        wall_is_set = steps[i];
        rxtime_look(&r, p.here);
        assert_true(rxtime_of(&r, INT64_MAX) == INT64_MAX);
    }
    wall_is_set = 0;
    close_pair(&p);
}

static void test_unknown(void **state)
{
    (void)state;
    struct pair p;
    struct rxtime r;
    open_pair(&p);
    rxtime_look(&r, p.here); /* nothing there */
    assert_true(rxtime_of(&r, 5) == 5);
    shutdown(p.there, SHUT_WR);
    poll(&(struct pollfd){.fd = p.here, .events = POLLIN}, 1, -1);
    rxtime_look(&r, p.here); /* the end of it */
    assert_true(rxtime_of(&r, 5) == 5);
    close_pair(&p);

    int64_t before, after;
    open_pair(&p);
    send_bytes(&p, 50, &before, &after);
    shutdown(p.there, SHUT_WR); /* an end that came after them, and has no time */
    while (poll(&(struct pollfd){.fd = p.here, .events = POLLRDHUP}, 1, -1) < 1)
        continue;
    rxtime_look(&r, p.here);
    assert_true(rxtime_of(&r, INT64_MAX) == INT64_MAX);
    close_pair(&p);

    open_pair(&p);
    setsockopt(p.there, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    close(p.there); /* a reset … */
    poll(&(struct pollfd){.fd = p.here, .events = POLLIN}, 1, -1);
    rxtime_look(&r, p.here);
    assert_true(rxtime_of(&r, 5) == 5);
    assert_true(recv(p.here, &(char){0}, 1, MSG_DONTWAIT) < 0 && errno == ECONNRESET); /* … is left to whoever reads */
    close(p.here);

    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    rxtime_begin(ends[0]); /* stamped, but nothing tells whether more has come */
    assert_int_equal(write(ends[1], "x", 1), 1);
    rxtime_look(&r, ends[0]);
    assert_true(rxtime_of(&r, INT64_MAX) == INT64_MAX);
    close(ends[0]);
    close(ends[1]);
    rxtime_begin(-1);
    rxtime_look(&r, -1);
    assert_true(rxtime_of(&r, 5) == 5);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_late_reader),
        cmocka_unit_test(test_wall_clock),
        cmocka_unit_test(test_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
