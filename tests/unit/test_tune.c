/* The settings that tune goes through, and what it says of them. */
#include "check.h"

#include "clock.h"
#include "tune/launch.h"
#include "tune/settings.h"
#include "tune/tune_print.h"

#include <sched.h>
#include <signal.h>
#include <unistd.h>

static void test_settings(void **state)
{
    (void)state;
    struct tune_plan p = {.n = 0};
    struct err e;
    char name[TUNE_TEXT];
    assert_int_equal(tune_settings(&p), 1);
    assert_true(tune_add(&p, "max_num_seqs=1,4", &e) && tune_add(&p, "max_model_len=8k,16k,full", &e));
    assert_int_equal(tune_settings(&p), 6);
    tune_name(&p, 0, name);
    assert_string_equal(name, "max_num_seqs=1 max_model_len=8k");
    tune_name(&p, 5, name);
    assert_string_equal(name, "max_num_seqs=4 max_model_len=full");
    const char *launch = "serve M --max-num-seqs {max_num_seqs} --len={max_model_len} --json '{\"a\": {\"b\": 1}}' {} {A} --port {port}";
    assert_true(tune_check(&p, launch, &e));
    assert_true(tune_wants_port(launch) && !tune_wants_port("serve {ports}"));
    char *command = tune_command(&p, launch, 4, 1234);
    assert_string_equal(command, "serve M --max-num-seqs 4 --len=16384 --json '{\"a\": {\"b\": 1}}' {} {A} --port 1234");
    free(command);
    assert_false(tune_check(&p, "serve {max_num_seqs}", &e));
    assert_non_null(strstr(e.msg, "{max_model_len} is not in --launch"));
    assert_false(tune_check(&p, "serve {max_num_seqs} {max_model_len} {what}", &e));
    assert_non_null(strstr(e.msg, "{what}"));
    static const char *const bad[] = {"", "x", "=1", "Name=1", "a b=1", "x=", "x=1,,2", "port=1", "max_num_seqs=2"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (tune_add(&p, bad[i], &e))
            fail_msg("'%s' is taken", bad[i]);
    struct tune_plan many = {.n = 0};
    assert_true(tune_add(&many, "a=1,2,3,4,5", &e) && tune_add(&many, "b=1,2,3,4,5", &e) && tune_add(&many, "c=1,2,3", &e));
    assert_false(tune_check(&many, "{a}{b}{c}", &e));
    assert_non_null(strstr(e.msg, "75 settings: 64 are the most"));
}

static void test_print(void **state)
{
    (void)state;
    double nan = (double)NAN;
    struct tune_result r[3] = {
        {.name = "a=1", .state = TUNE_OK, .output_rate = 130, .ttft_p95 = 200, .goodput = nan, .good_share = nan, .headroom = 9.5 * 1073741824, .headroom_of = "GTT",
         .start_s = 41, .ok = 40, .run_file = "/x/01.ndjson"},
        {.name = "a=2", .state = TUNE_OK, .output_rate = 128, .ttft_p95 = 210, .goodput = nan, .good_share = nan, .headroom = nan, .start_s = 40},
        {.name = "a=3", .state = TUNE_NOT_STARTED, .why = "the server ended before it answered (exit status 1)", .lines = "one\ntwo", .output_rate = nan}};
    struct buf b;
    buf_init(&b, 1u << 20);
    tune_print_text(r, 3, TUNE_BY_RATE, "4 streams", true, &b);
    assert_non_null(strstr(b.data, "3 settings of the server, the best first\neach with 4 streams\n"));
    assert_non_null(strstr(b.data, "as good as one another")); /* 1.6 % is no difference */
    assert_non_null(strstr(b.data, "not started: the server ended before it answered (exit status 1)\n      | one\n      | two\n"));
    assert_non_null(strstr(b.data, "9.5 GTT"));
    assert_non_null(strstr(b.data, "/x/01.ndjson"));
    r[1].output_rate = 100;
    buf_clear(&b);
    tune_print_text(r, 2, TUNE_BY_RATE, "", true, &b);
    assert_non_null(strstr(b.data, "a=1 is best: 130.0, 30 % more than a=2"));
    buf_clear(&b);
    tune_print_text(r + 2, 1, TUNE_BY_RATE, "", true, &b);
    assert_non_null(strstr(b.data, "no setting came through"));
    buf_clear(&b);
    tune_print_text(r, 2, TUNE_BY_GOODPUT, "", true, &b);
    assert_non_null(strstr(b.data, "undecided: no request could be judged by the objectives"));
    buf_release(&b);
}

enum { OPEN = -1 }; /* the search was not over when its time was */

/* A search by streams whose largest load that meets is low, and the least that fails high (OPEN: none did). */
static struct tune_result found(const char *name, int low, int high)
{
    struct tune_result r = {.state = TUNE_OK, .headroom = (double)NAN, .output_rate = (double)NAN, .good_share = (double)NAN};
    snprintf(r.name, sizeof r.name, "%s", name);
    capacity_begin(&r.capacity, false, low > 0 ? low : high > 0 ? high : 2, 64);
    if (low > 0)
        capacity_tried(&r.capacity, &(struct capacity_try){.load = low, .verdict = CAPACITY_MEETS});
    if (high > 0)
        capacity_tried(&r.capacity, &(struct capacity_try){.load = high, .verdict = CAPACITY_FAILS});
    if (!r.capacity.over)
        capacity_tried(&r.capacity, &(struct capacity_try){.load = r.capacity.next, .verdict = CAPACITY_UNSURE});
    return r;
}

/* What a search by capacity did not decide is neither met nor missed. */
static void test_capacities(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int range[3][2]; /* low, high; ends at 0, 0 */
        const char *row, *verdict;
    } cases[] = {
        {"nothing was decided", {{0, OPEN}, {0, OPEN}}, "         –",
         "undecided, the time did not suffice: no setting is known to meet the objectives, but these may: a=0 (not known), a=1 (not known); "
         "a longer --budget narrows it down"},
        {"one meets nothing, of the other nothing was decided", {{0, OPEN}, {0, 1}}, "         –",
         "undecided, the time did not suffice: no setting is known to meet the objectives, but these may: a=0 (not known); "},
        {"less than 8 of one, at least 4 of the other", {{4, OPEN}, {0, 8}}, "       ≥ 4",
         "undecided, the time did not suffice: the best is one of these: a=0 (at least 4 streams), a=1 (less than 8 streams); "},
        {"of the second, more is possible", {{8, 9}, {4, OPEN}}, "         8",
         "undecided, the time did not suffice: the best is one of these: a=0 (8 streams), a=1 (at least 4 streams); "},
        {"of the third", {{8, 9}, {4, 5}, {2, OPEN}}, "         8",
         "undecided, the time did not suffice: the best is one of these: a=0 (8 streams), a=2 (at least 2 streams); "},
        {"more of the one is possible", {{4, OPEN}, {4, 5}}, "       ≥ 4",
         "undecided, the time did not suffice: the best is one of these: a=0 (at least 4 streams), a=1 (4 streams); "},
        {"a range", {{4, 7}, {4, 5}}, "       ≥ 4", "the best is one of these: a=0 (at least 4 streams, less than 7), a=1 (4 streams); "},
        {"the others are undecided, but below", {{8, 9}, {4, 7}}, "         8", "a=0 is best: 8 streams; all others are below that\n"},
        {"not known how good, but best", {{8, OPEN}, {4, 5}}, "       ≥ 8", "a=0 is best: at least 8 streams, at least 100 % more than a=1\n"},
        {"decided", {{8, 9}, {4, 5}}, "         8", "a=0 is best: 8 streams, 100 % more than a=1\n"},
        {"the same", {{4, 5}, {4, 5}}, "         4", "a=0 and a=1 are as good as one another: 4 streams and 4 streams; "},
        {"only one meets", {{4, 5}, {0, 1}}, "         4", "a=0 is the only one that met the objectives: 4 streams\n"},
        {"none meets", {{0, 1}, {0, 1}}, "         0", "no setting met the objectives\n"},
        {"one came through", {{4, OPEN}}, "       ≥ 4", "a=0 is the only one that came through\n"},
        {"one that is not decided", {{0, 2}}, "       < 2", "no setting is known to meet the objectives, but these may: a=0 (less than 2 streams); "},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tune_result r[3];
        char name[8], want[320];
        size_t n = 0;
        struct buf b;
        for (; n < 3 && cases[i].range[n][1] != 0; n++) {
            snprintf(name, sizeof name, "a=%zu", n);
            r[n] = found(name, cases[i].range[n][0], cases[i].range[n][1]);
        }
        buf_init(&b, 1u << 20);
        tune_print_text(r, n, TUNE_BY_CAPACITY, "", true, &b);
        snprintf(want, sizeof want, "   1  a=0       %s", cases[i].row);
        if (strstr(b.data, want) == NULL || strstr(b.data, cases[i].verdict) == NULL)
            fail_msg("%s: %s", cases[i].name, b.data);
        buf_release(&b);
    }
}

static void test_capacity_json(void **state)
{
    (void)state;
    const struct tune_result r[4] = {found("a=0", 8, 9), found("a=1", 4, OPEN), found("a=2", 0, OPEN), found("a=3", 0, 1)};
    static const char *const wanted[] = {"\"capacity\":8,\"capacity_fails\":9,\"capacity_sure\":true", "\"capacity\":4,\"capacity_fails\":null,\"capacity_sure\":false",
                                         "\"capacity\":null,\"capacity_fails\":null,\"capacity_sure\":false", "\"capacity\":0,\"capacity_fails\":1,\"capacity_sure\":true"};
    for (size_t i = 0; i < ARRAY_LEN(r); i++) {
        struct buf b;
        struct jsonw j = {.out = &b};
        buf_init(&b, 1u << 20);
        tune_print_json(&r[i], 1, TUNE_BY_CAPACITY, &j);
        if (strstr(b.data, wanted[i]) == NULL)
            fail_msg("%s: %s", r[i].name, b.data);
        buf_release(&b);
    }
}

/* A pipe full of them is still unread when their process has gone. */
static void test_last_words(void **state)
{
    (void)state;
    char folder[] = "/tmp/tokgauge-launch.XXXXXX", file[64], how[64] = "", lines[256] = "";
    struct err e;
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/log", folder);
    for (int i = 0; i < 8; i++) {
        struct launch *l = launch_start("head -c 60000 /dev/zero | tr '\\0' '\\n'; echo out of memory; exit 3", file, &e);
        assert_non_null(l);
        while (launch_running(l, how, sizeof how))
            sched_yield();
        launch_last(l, 2, lines, sizeof lines);
        assert_string_equal(how, "exit status 3");
        assert_string_equal(lines, "out of memory");
        launch_stop(l, NS_PER_SEC);
        unlink(file);
    }
    rmdir(folder);
}

/* A launch that has ended keeps its number until it is stopped: by then another process could have it, and the signal. */
static void test_number_is_kept(void **state)
{
    (void)state;
    char folder[] = "/tmp/tokgauge-launch.XXXXXX", file[64], how[64] = "", number[32] = "";
    struct err e;
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/log", folder);
    struct launch *l = launch_start("echo $$; kill -9 $$", file, &e);
    assert_non_null(l);
    while (launch_running(l, how, sizeof how))
        sched_yield();
    assert_string_equal(how, "killed by signal 9");
    launch_last(l, 1, number, sizeof number);
    pid_t pid = (pid_t)strtol(number, NULL, 10);
    assert_true(pid > 1);
    assert_int_equal(kill(pid, 0), 0);
    launch_stop(l, NS_PER_SEC);
    assert_int_equal(kill(pid, 0), -1);
    unlink(file);
    rmdir(folder);
}

/* What the command starts may leave its group and keep the pipe, and so may the command itself: neither keeps the end waiting. */
static void test_strays(void **state)
{
    (void)state;
    static const char *const commands[] = {
        "setsid sh -c 'while echo away; do sleep 0.01; done' & exec sleep 300",
        "exec perl -e 'setpgrp(0, getpgrp(getppid())) or exit 9; $| = 1; print \"away\\n\"; sleep 300'"};
    char folder[] = "/tmp/tokgauge-launch.XXXXXX", file[64], how[64], line[64];
    struct err e;
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/log", folder);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        struct launch *l = launch_start(commands[i], file, &e);
        assert_non_null(l);
        for (line[0] = '\0'; strcmp(line, "away") != 0; launch_last(l, 1, line, sizeof line))
            assert_true(launch_running(l, how, sizeof how));
        int64_t began = clock_ns();
        assert_true(launch_stop(l, 200 * NS_PER_SEC));
        assert_true(clock_ns() - began < 100 * NS_PER_SEC);
        unlink(file);
    }
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_settings), cmocka_unit_test(test_print), cmocka_unit_test(test_capacities),
                                       cmocka_unit_test(test_capacity_json), cmocka_unit_test(test_last_words),
                                       cmocka_unit_test(test_number_is_kept), cmocka_unit_test(test_strays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
