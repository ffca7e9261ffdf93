/* How the screen learns that there is something new: a descriptor that is readable until the snapshot has been read. */
#include "check.h"

#include "engine/engine.h"
#include "gpu_tree.h"
#include "options.h"

#include <poll.h>

#define PATIENCE_MS 30000

static int readable(int fd, int ms)
{
    return poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, ms);
}

static void test_watch(void **state)
{
    (void)state;
    struct tree t;
    struct options o;
    struct err e;
    bool usage;
    char proc[sizeof t.proc + 16], sys[sizeof t.sys + 16];
    tree_make(&t);
    tree_put(&t, "proc/meminfo", "MemTotal: 64382567 kB\nMemFree: 10000000 kB\nMemAvailable: 15728640 kB\nAnonPages: 5000000 kB\n");
    snprintf(proc, sizeof proc, "--proc-root=%s", t.roots.proc);
    snprintf(sys, sizeof sys, "--sysfs-root=%s", t.roots.sys);
    char a0[] = "tokgauge", a1[] = "watch", url[] = "http://127.0.0.1:9", interval[] = "--sample-interval=20ms";
    char *argv[] = {a0, a1, url, proc, sys, interval, NULL}; /* nobody listens there */
    assert_true(options_parse(&o, (int)ARRAY_LEN(argv) - 1, argv, &e));
    struct engine *g = engine_start(&o.run, "tokgauge watch", &usage, &e);
    assert_non_null(g);
    struct snapshot_source source = engine_source(g);
    struct snapshot *s = xcalloc(1, sizeof *s);
    uint64_t seq = 0;
    int soon = 0; /* news that came sooner than a tick would bring it */
    for (int news = 0, looks = 0; news < 20; looks++) {
        double before = s->clock_s;
        assert_int_equal(readable(source.news_fd, PATIENCE_MS), 1);
        assert_int_equal(readable(source.news_fd, 0), 1); /* until it has been read */
        if (source.read(source.ctx, s, seq)) {
            assert_true(s->seq > seq);
            seq = s->seq;
            soon += news++ > 0 && s->clock_s - before < 0.5 * (double)WATCH_TICK_NS / 1e9;
        }
        assert_true(looks <= 2 * news + 1); /* a look in vain is a rare thing: one that came between the news and its telling */
    }
    assert_true(soon >= 3); /* by the looks at memory, of which there are fifty a second */
    assert_near(s->memory.ram_total.value, 64382567 * 1024.0, 0);
    source.send(source.ctx, &(struct command){.kind = CMD_STOP});
    engine_finish(g);
    assert_int_equal(readable(source.news_fd, 0), 1);
    source.read(source.ctx, s, seq);
    assert_int_equal(s->state, RUN_DONE);
    assert_true(engine_over(g));
    assert_int_equal(readable(source.news_fd, 0), 0);
    engine_free(g);
    free(s);
    options_release(&o);
    tree_remove(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_watch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
