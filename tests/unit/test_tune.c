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
         .start_s = 41, .ok = 40, .capacity = nan, .run_file = "/x/01.ndjson"},
        {.name = "a=2", .state = TUNE_OK, .output_rate = 128, .ttft_p95 = 210, .goodput = nan, .good_share = nan, .headroom = nan, .start_s = 40, .capacity = nan},
        {.name = "a=3", .state = TUNE_NOT_STARTED, .why = "the server ended before it answered (exit status 1)", .lines = "one\ntwo", .output_rate = nan}};
    struct buf b;
    buf_init(&b, 1u << 20);
    tune_print_text(r, 3, TUNE_BY_RATE, "each with 4 streams", true, &b);
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
    r[0].capacity = r[1].capacity = 4;
    buf_clear(&b);
    tune_print_text(r, 2, TUNE_BY_CAPACITY, "", true, &b);
    assert_non_null(strstr(b.data, "as good as one another: 4.00 and 4.00"));
    r[1].capacity = 0;
    buf_clear(&b);
    tune_print_text(r, 2, TUNE_BY_CAPACITY, "", true, &b);
    assert_non_null(strstr(b.data, "is the only one that met the objectives: 4.00"));
    r[0].capacity = 0;
    buf_clear(&b);
    tune_print_text(r, 2, TUNE_BY_CAPACITY, "", true, &b);
    assert_non_null(strstr(b.data, "no setting met the objectives"));
    buf_release(&b);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_settings), cmocka_unit_test(test_print), cmocka_unit_test(test_last_words),
                                       cmocka_unit_test(test_number_is_kept), cmocka_unit_test(test_strays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
