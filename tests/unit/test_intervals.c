/* What of a run file's samples is one load: where the output rate is taken from, when it is not the summary's. */
#include "made_run.h"

static void sample_at(double t, const char *state, int phase_id, int in_flight, double tokens)
{
    buf_addf(&file, "{\"type\":\"sample\",\"t\":%.0f,\"state\":\"%s\",\"phase\":%d,\"max_num_seqs\":4,\"in_flight\":%d,\"live_tokens\":%.0f}\n", t * 1e9, state, phase_id,
             in_flight, tokens);
}

static double rate_of(void)
{
    const char *window;
    struct run_file *f = made();
    double rate = run_file_output_rate(f, &window);
    assert_string_equal(window, "samples");
    run_file_free(f);
    return rate;
}

/* A light load: at most moments nothing is in flight. */
static void test_idle_moments(void **state)
{
    (void)state;
    begin();
    phase(0, 4, 64, false);
    for (int i = 0; i <= 10; i++)
        sample_at(2 + i, "load", 0, i % 3 == 1, 8 * (i - i % 2));
    assert_near(rate_of(), 80.0 / 10, 1e-9);
}

/* Pauses and other loads begin another phase: the second that holds the change is no one's. */
static void test_changes(void **state)
{
    (void)state;
    begin();
    phase(0, 4, 64, false);
    sample_at(2, "load", 0, 4, 0);
    sample_at(3, "load", 0, 4, 100);
    sample_at(4, "load", 1, 4, 140); /* 0.6 s of a pause in it */
    sample_at(5, "load", 1, 4, 240);
    sample_at(6, "paused", 1, 0, 250);
    sample_at(7, "load", 2, 4, 260);
    sample_at(8, "load", 2, 4, 360);
    sample_at(9, "drain", 2, 4, 400);
    assert_near(rate_of(), 100, 1e-9);
}

/* … or part stretches of one phase. */
static void test_pauses(void **state)
{
    (void)state;
    begin();
    phase(0, 4, 64, false);
    sample_at(2, "load", 0, 4, 0);
    sample_at(3, "load", 0, 4, 100);
    for (int i = 0; i < 2; i++) /* 0.6 s of a pause between 3 and 4 */
        buf_addf(&file, "{\"type\":\"sample\",\"t\":%d000000000,\"state\":\"load\",\"phase\":0,\"pauses\":1,\"max_num_seqs\":4,\"in_flight\":4,\"live_tokens\":%d}\n", 4 + i,
                 140 + 100 * i);
    assert_near(rate_of(), 100, 1e-9);
}

/* The suite's agent comes after the last load, under its number and without a stream. */
static void test_agent(void **state)
{
    (void)state;
    begin();
    phase(0, 4, 64, false);
    sample_at(2, "load", 0, 4, 0);
    sample_at(3, "load", 0, 4, 100);
    sample_at(4, "drain", 0, 0, 120);
    for (int i = 0; i < 10; i++)
        buf_addf(&file, "{\"type\":\"sample\",\"t\":%d000000000,\"state\":\"load\",\"phase\":0,\"max_num_seqs\":0,\"in_flight\":0,\"live_tokens\":120}\n", 5 + i);
    assert_near(rate_of(), 100, 1e-9);
}

static void told(int outputs, int events, const char *from) /* a request whose tokens were known in the end */
{
    buf_addf(&file, "{\"type\":\"request\",\"seq\":%d,\"stream\":1,\"part\":\"load\",\"phase\":0,\"outcome\":\"ok\",\"http\":200,\"sent\":2000000000,"
                    "\"first_token\":2100000000,\"last_token\":3000000000,\"end\":3000000000,\"output_tokens\":%d,\"events\":%d,\"tokens_from\":\"%s\"}\n",
             seq++, outputs, events, from);
}

/* Tokens of several to an event, counted in the end: until then a live count has the events. */
static void test_events(void **state)
{
    (void)state;
    begin();
    phase(0, 4, 64, false);
    for (int i = 0; i < 5; i++)
        buf_addf(&file, "{\"type\":\"sample\",\"t\":%d000000000,\"state\":\"load\",\"phase\":0,\"in_flight\":4,\"live_tokens\":%d,\"live_approx\":%d}\n", 2 + i,
                 i * 30, i * 20); /* each second 10 that were counted as they came, and 20 events */
    assert_near(rate_of(), 30, 1e-9); /* nobody has said what was in them */
    told(90, 30, "usage");
    told(150, 50, "tokenize");
    told(40, 40, "continuous usage");
    assert_near(rate_of(), 10 + 20 * 3, 1e-9);
}

static void rated(int id, double rate)
{
    buf_addf(&file, "{\"type\":\"phase\",\"t\":%d000000000,\"phase\":%d,\"max_num_seqs\":4,\"context\":64,\"max_tokens\":33,\"rate\":%g}\n", 1 + id * 100, id,
             rate);
}

static void due(int t, double rate)
{
    buf_addf(&file, "{\"type\":\"sample\",\"t\":%d000000000,\"state\":\"load\",\"phase\":0,\"rate\":%g}\n", t, rate);
}

static void loads(bool one, bool even)
{
    struct run_file *f = made();
    assert_int_equal(run_file_one_load(f), one);
    assert_int_equal(run_file_even_load(f), even);
    run_file_free(f);
}

static void test_one_load(void **state)
{
    (void)state;
    begin();
    rated(0, 2);
    due(2, 2);
    due(3, 2.02);
    loads(true, true);
    due(4, 4); /* a ramp has one target, and is not even */
    loads(true, false);
    rated(1, 4);
    loads(false, false);
    begin();
    rated(0, 2);
    rated(1, 2); /* a pause */
    loads(true, true);
    buf_adds(&file, "{\"type\":\"summary\",\"arrivals\":{\"trace\":\"day.jsonl\"}}\n");
    loads(true, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_idle_moments), cmocka_unit_test(test_changes), cmocka_unit_test(test_pauses),
                                       cmocka_unit_test(test_agent),    cmocka_unit_test(test_events),
                                       cmocka_unit_test(test_one_load)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
