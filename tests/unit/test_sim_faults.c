/* The simulated server when something ends early: clients that leave, faults on the wire, its own end. */
#include "unit/test_sim_client.h"

#include "measure/timeline.h"
#include "sim/sim_fault.h"

/* --- clients that leave --- */

static void who_leaves_frees_a_slot(void **state)
{
    (void)state;
    struct sim_config c = quick();
    c.max_num_seqs = 1;
    c.step_ms = 10;
    struct server s = start(&c);
    int running = send_chat(&s, "first", 5000);
    assert_true(wait_for(&s, "vllm:num_requests_running", 1) < 5000);
    int queued = send_chat(&s, "second", 5000), last = send_chat(&s, "third", 2);
    assert_true(wait_for(&s, "vllm:num_requests_waiting", 2) < 5000);
    close(queued);
    assert_true(wait_for(&s, "vllm:num_requests_waiting", 1) < 5000);
    close(running);
    int64_t left = clock_ns();
    struct stream t = read_stream(last);
    assert_true(t.first - left < 5000 * NS_PER_MS);
    assert_int_equal(t.completion, 2);
    assert_true(metric(&s, "vllm:kv_cache_usage_perc") == 0);
    assert_true(
        metric(&s, "vllm:request_success_total{engine=\"0\",model_name=\"m\",finished_reason=\"abort\"") ==
        2);
    stop(&s);
}

/* --- faults --- */

static struct reply faulty(const struct server *s, const char *fault)
{
    char *body = chat_body("hello", 6), *header = xasprintf("X-Tokgauge-Fault: %s\r\n", fault);
    int fd = send_request(s->port, "POST", CHAT, header, body);
    struct timeval patience = {.tv_sec = 1};
    if (strcmp(fault, "stall") == 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    free(body);
    free(header);
    return read_reply(fd);
}

static void each_fault_has_its_shape(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int status;
        enum ending ending;
        bool terminated, done;
        int texts, malformed, errors;
    } row[] = {
        {"none", 200, ENDED, true, true, 6, 0, 0},        {"429", 429, ENDED, false, false, 0, 0, 0},
        {"500", 500, ENDED, false, false, 0, 0, 0},       {"stall", 200, SILENT, false, false, 3, 0, 0},
        {"reset", 200, RESET, false, false, 3, 0, 0},     {"truncated", 200, ENDED, false, false, 3, 0, 0},
        {"error-event", 200, ENDED, true, true, 3, 0, 1}, {"malformed", 200, ENDED, true, true, 6, 1, 0},
    };
    struct sim_config c = quick();
    struct server s = start(&c);
    for (size_t i = 0; i < ARRAY_LEN(row); i++) {
        struct reply r = faulty(&s, row[i].name);
        struct stream t = parse_stream(&r);
        if (r.status != row[i].status || r.ending != row[i].ending || r.terminated != row[i].terminated ||
            t.done != row[i].done || t.texts != row[i].texts || t.malformed != row[i].malformed ||
            t.errors != row[i].errors)
            fail_msg("%s: status %d, ending %d, terminated %d, done %d, texts %d, malformed %d, errors %d",
                     row[i].name, r.status, r.ending, r.terminated, t.done, t.texts, t.malformed, t.errors);
        if (r.status == 429)
            assert_non_null(strstr(r.head, "Retry-After: 1"));
        reply_release(&r);
    }
    assert_true(wait_for(&s, "vllm:num_requests_running", 0) < 5000);
    stop(&s);
}

/* The table that options, manual and tests read. */
static void the_table_is_whole(void **state)
{
    (void)state;
    for (int f = SIM_FAULT_NONE; f < SIM_FAULT_COUNT; f++) {
        const struct sim_fault_row *r = sim_fault_row((enum sim_fault)f);
        int outcomes = 0;
        for (int o = 0; o < OUT_COUNT; o++)
            outcomes += r->outcome != NULL && strcmp(outcome_name((enum outcome)o), r->outcome) == 0;
        assert_int_equal(outcomes, 1);
        assert_true(r->help[0] != '\0');
        assert_true((r->phase == SIM_FAULT_NEVER) == (f == SIM_FAULT_NONE));
        enum sim_fault parsed;
        if (f != SIM_FAULT_NONE)
            assert_true(sim_fault_parse(r->name, &parsed) && parsed == (enum sim_fault)f);
    }
}

static void faults_come_by_probability_and_are_logged(void **state)
{
    (void)state;
    char log[] = "/tmp/tg-sim-log-XXXXXX";
    int log_fd = mkstemp(log);
    assert_true(log_fd >= 0);
    struct sim_config c = quick();
    c.log = log;
    c.fault[SIM_FAULT_500] = 0.3;
    c.fault[SIM_FAULT_TRUNCATED] = 0.2;
    struct server s = start(&c);
    int status[40], texts[40], faults = 0;
    for (int i = 0; i < 40; i++) {
        struct reply r = read_reply(send_chat(&s, "hello", 8));
        struct stream t = parse_stream(&r);
        status[i] = r.status;
        texts[i] = t.texts;
        faults += r.status == 500 || !t.done;
        reply_release(&r);
    }
    stop(&s);
    assert_in_range(faults, 8, 32);
    FILE *f = fdopen(log_fd, "r");
    char line[2048];
    for (int i = 0; i < 40; i++) {
        assert_non_null(fgets(line, sizeof line, f));
        cJSON *j = cJSON_Parse(line);
        assert_int_equal(int_at(j, "id"), i + 1);
        assert_int_equal(int_at(j, "status"), status[i]);
        assert_int_equal(int_at(j, "events"), texts[i]);
        assert_int_equal(int_at(j, "output_tokens"), texts[i]);
        assert_string_equal(string_at(j, "outcome"), texts[i] == 8 ? "ok" : "fault");
        assert_string_equal(string_at(j, "finish"), texts[i] == 8 ? "length" : "");
        cJSON_Delete(j);
    }
    assert_null(fgets(line, sizeof line, f));
    fclose(f);
    unlink(log);
}

/* --- life and death --- */

static void many_streams_hold(void **state)
{
    (void)state;
    enum { MANY = 300 };
    struct sim_config c = quick();
    c.max_num_seqs = MANY;
    c.step_ms = 5;
    c.prefill_chunk = 8192;
    struct server s = start(&c);
    int fd[MANY];
    for (int i = 0; i < MANY; i++) {
        char name[24];
        snprintf(name, sizeof name, "stream %d", i);
        fd[i] = send_chat(&s, name, 40);
    }
    for (int i = 0; i < MANY; i++)
        assert_int_equal(read_stream(fd[i]).texts, 40);
    stop(&s);
}

static void a_taken_port_is_said(void **state)
{
    (void)state;
    struct sim_config c = quick();
    struct server s = start(&c);
    c.port = s.port;
    struct err e = {0};
    assert_int_equal(sim_run(&c, &e), 1);
    assert_non_null(strstr(e.msg, "cannot listen on '127.0.0.1'"));
    c.port = 0;
    c.fault[SIM_FAULT_429] = 1.5;
    assert_int_equal(sim_run(&c, &e), 1);
    stop(&s);
}

static void it_dies_with_its_parent(void **state)
{
    (void)state;
    int alive[2];
    assert_int_equal(pipe(alive), 0);
    pid_t parent = fork();
    if (parent == 0) {
        close(alive[0]);
        struct sim_config c = quick();
        start(&c); /* the grandchild keeps the pipe open as long as it lives */
        _exit(0);
    }
    close(alive[1]);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    char byte;
    assert_int_equal(read(alive[0], &byte, 1), 0);
    close(alive[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_leaves_frees_a_slot),
        cmocka_unit_test(each_fault_has_its_shape),
        cmocka_unit_test(the_table_is_whole),
        cmocka_unit_test(faults_come_by_probability_and_are_logged),
        cmocka_unit_test(many_streams_hold),
        cmocka_unit_test(a_taken_port_is_said),
        cmocka_unit_test(it_dies_with_its_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
