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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_idle_moments), cmocka_unit_test(test_changes), cmocka_unit_test(test_pauses),
                                       cmocka_unit_test(test_agent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
