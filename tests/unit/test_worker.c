/* What a worker's loop promises, without a load: whoever asks for his turn gets it in the next pass, however busy the loop is. */
#include "check.h"

#include "load/worker_inside.h"

#include <event2/event.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct rig {
    struct event *timer;
    int passes, turns;
};

static void on_socket(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    struct rig *r = ctx;
    r->passes++;
    worker_soon(r->timer); /* as each answer does that has to rest */
}

static void on_turn(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    ((struct rig *)ctx)->turns++;
}

static void test_soon(void **state)
{
    (void)state;
    struct event_config *c = event_config_new();
    event_config_set_flag(c, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_NO_CACHE_TIME);
    struct event_base *base = event_base_new_with_config(c);
    event_config_free(c);
    int fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK); /* always readable */
    struct rig r = {0};
    struct event *always = event_new(base, fd, EV_READ | EV_PERSIST, on_socket, &r);
    r.timer = evtimer_new(base, on_turn, &r);
    event_add(always, NULL);
    for (int i = 0; i < 100; i++)
        event_base_loop(base, EVLOOP_ONCE);
    assert_true(r.passes >= 50);
    assert_true(r.turns >= r.passes / 3 && r.turns <= r.passes + 1);
    event_free(always);
    event_free(r.timer);
    event_base_free(base);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_soon)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
