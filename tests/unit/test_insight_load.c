/* Findings about what was asked for: for each rule data that fires it, and data that must not. */
#include "findings.h"

static void begin_with(const char *fields)
{
    begin();
    buf_clear(&file);
    buf_addf(&file, "{\"type\":\"header\",\"format\":1,\"tokgauge\":\"0\",\"model\":\"m\",\"prompt\":\"unique\",%s}\n", fields);
}

/* One request with what a plain one does not have. */
static void odd_request(const char *fields, double ttft_ms, int prompt_tokens)
{
    long long sent = (1 + seq) * 1000000000LL, first = sent + (long long)(ttft_ms * 1e6), last = first + 960000000LL;
    buf_addf(&file, "{\"type\":\"request\",\"seq\":%d,\"stream\":1,\"part\":\"load\",\"phase\":0,\"outcome\":\"ok\",\"http\":200,\"context\":%d,"
                    "\"max_tokens\":33,%s,\"started\":%lld,\"sent\":%lld,\"first_byte\":%lld,\"first_event\":%lld,\"first_token\":%lld,"
                    "\"first_answer\":%lld,\"last_token\":%lld,\"end\":%lld,\"prompt_tokens\":%d,\"output_tokens\":33,\"first_event_tokens\":1,"
                    "\"events\":33,\"tokens_from\":\"usage\"}\n",
             seq, prompt_tokens, fields, sent, sent, first, first, first, first, last, last, prompt_tokens);
    seq++;
}

static void test_objectives(void **state)
{
    (void)state;
    begin_with("\"slo\":{\"ttft_ms\":500,\"tpot_ms\":50}");
    phase(0, 4, 1024, false);
    requests(30, 0, 1024, 0, 400, 30);
    says("objectives", "100 % of the requests met ttft ≤ 500 ms, tpot ≤ 50.0 ms.");
    requests(10, 0, 1024, 0, 700, 30);
    says("objectives", "75 % of the requests met");
    says("objectives", "missed most: ttft ≤ 500 ms, by 10");
    says("objectives", "too few for a promise of 95 %");
    begin_with("\"slo\":{\"ttft_ms\":500}");
    phase(0, 4, 1024, false);
    requests(10, 0, 1024, 0, 700, 30); /* too few to tell */
    silent("objectives");
    begin();
    phase(0, 4, 1024, false);
    requests(40, 0, 1024, 0, 700, 30);
    silent("objectives");
}

/* n of 900 ms or so, and so many that were taken back after `ran` s. */
static void with_cut_off(int n, int cut, int ran)
{
    begin();
    phase(0, 4, 1024, false);
    requests(n, 0, 1024, 0, 400, 30);
    for (int i = 0; i < cut; i++, seq++)
        buf_addf(&file, "{\"type\":\"request\",\"seq\":%d,\"stream\":1,\"part\":\"load\",\"phase\":0,\"outcome\":\"cancelled\",\"context\":1024,"
                        "\"max_tokens\":33,\"started\":1000000000,\"sent\":1000000000,\"end\":%d000000000}\n",
                 seq, 1 + ran);
}

static void test_cut_off(void **state)
{
    (void)state;
    with_cut_off(100, 4, 31);
    says("cut_off", "4 requests were cancelled at the end though they had run longer than 95 % of those that ended");
    says("cut_off", "they had run up to 31.0 s; of 100 that ended");
    with_cut_off(100, 4, 1); /* as any would have */
    silent("cut_off");
    with_cut_off(100, 1, 31);
    silent("cut_off");
    with_cut_off(1000, 4, 31); /* too few to matter */
    silent("cut_off");
    with_cut_off(10, 4, 31);
    silent("cut_off");
}

/* A share is written so that it does not contradict its sentence, and what failed is named where that was the most. */
static void test_objectives_nearly(void **state)
{
    (void)state;
    begin_with("\"slo\":{\"ttft_ms\":500}");
    phase(0, 4, 1024, false);
    requests(946, 0, 1024, 0, 400, 30);
    says("objectives", "946 of 946");
    silent("failures");
    requests(54, 0, 1024, 0, 700, 30);
    says("objectives", "94.6 % of the requests met ttft ≤ 500 ms: too few for a promise of 95 %.");
    begin_with("\"slo\":{\"ttft_ms\":500}");
    phase(0, 4, 1024, false);
    requests(999, 0, 1024, 0, 400, 30);
    requests(1, 0, 1024, 0, 700, 30);
    says("objectives", "99.9 % of the requests met");
    begin_with("\"slo\":{\"ttft_ms\":500}");
    phase(0, 4, 1024, false);
    requests(996, 0, 1024, 0, 400, 30);
    for (int i = 0; i < 4; i++)
        request(&(struct ask){.context = 1024, .ttft_ms = 400, .tpot_ms = 30, .outcome = "http_5xx"});
    says("objectives", "996 of 1000; 4 failed");
    says("failures", "0.4 % of the requests failed");
    request(&(struct ask){.context = 1024, .ttft_ms = 400, .tpot_ms = 30, .outcome = "cancelled"}); /* by us: it has not failed, nor ended well */
    says("failures", "4 of 1000, most as http_5xx");
    requests(3, 0, 1024, 0, 700, 30);
    says("objectives", "996 of 1003; 4 failed, more than missed any objective");
    requests(1, 0, 1024, 0, 700, 30);
    says("objectives", "missed most: ttft ≤ 500 ms, by 4");
}

static void test_capacity(void **state)
{
    (void)state;
    begin();
    phase(0, 4, 1024, false);
    buf_adds(&file, "{\"type\":\"summary\",\"capacity\":{\"answer\":\"4 streams at 1k context meet it\",\"sure\":true,\"tries\":[1,2]}}\n");
    says("capacity", "4 streams at 1k context meet it");
    says("capacity", "2 loads were tried");
    begin();
    buf_adds(&file, "{\"type\":\"summary\",\"capacity\":null}\n");
    silent("capacity");
}

static void test_overload(void **state)
{
    (void)state;
    for (int late = 0; late < 2; late++) {
        begin();
        buf_addf(&file, "{\"type\":\"phase\",\"t\":1000000000,\"phase\":0,\"max_num_seqs\":8,\"context\":1024,\"max_tokens\":33,\"rate\":20}\n");
        for (int i = 0; i < 30; i++) {
            char fields[96];
            long long due = (1 + seq) * 1000000000LL - (late ? 5000000000LL : 0);
            snprintf(fields, sizeof fields, "\"due\":%lld,\"free\":%lld", due < 0 ? 0 : due, (1 + seq) * 1000000000LL);
            odd_request(fields, 100, 1024);
        }
        if (late)
            says("overload", "did not take 20.0 requests a second");
        else
            silent("overload");
    }
}

static void test_turns(void **state)
{
    (void)state;
    static const struct {
        double later;
        const char *words;
    } cases[] = {{900, "costs its whole history"}, {100, "cheap to go on with"}, {320, "about as long"}};
    for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
        begin_with("\"turns\":4");
        phase(0, 2, 1024, false);
        for (int i = 0; i < 12; i++) {
            char fields[48];
            snprintf(fields, sizeof fields, "\"due\":1,\"turn\":%d", i % 4 + 1);
            odd_request(fields, i % 4 == 0 ? 300 : cases[k].later, i % 4 == 0 ? 1024 : 1500);
        }
        says("turns", cases[k].words);
        says("turns", "medians of 3 and 9");
    }
    begin();
    phase(0, 2, 1024, false);
    requests(12, 0, 1024, 0, 300, 30);
    silent("turns");
}

static void test_context_cost(void **state)
{
    (void)state;
    begin();
    phase(0, 1, 1024, false);
    phase(1, 1, 8192, false);
    requests(5, 0, 1024, 0, 100, 30);
    requests(5, 1, 8192, 0, 900, 45);
    says("context_cost", "from 1k to 8k tokens it decodes 33 % slower");
    begin();
    phase(0, 1, 1024, false);
    phase(1, 1, 8192, false);
    requests(5, 0, 1024, 0, 100, 30);
    requests(5, 1, 8192, 0, 900, 30.5);
    says("context_cost", "hardly matters");
    begin();
    phase(0, 1, 1024, false);
    phase(1, 1, 2048, false); /* too near */
    requests(5, 0, 1024, 0, 100, 30);
    requests(5, 1, 2048, 0, 200, 45);
    silent("context_cost");
    begin();
    phase(0, 1, 1024, false);
    phase(1, 2, 8192, false); /* another number of streams too */
    requests(5, 0, 1024, 0, 100, 30);
    requests(5, 1, 8192, 0, 900, 45);
    silent("context_cost");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_objectives), cmocka_unit_test(test_cut_off), cmocka_unit_test(test_objectives_nearly), cmocka_unit_test(test_capacity), cmocka_unit_test(test_overload),
                                       cmocka_unit_test(test_turns), cmocka_unit_test(test_context_cost)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
