/* Findings in words: for each rule data that fires it, and data that must not. */
#include "findings.h"

#include <math.h>

/* ---- the rules ---- */

static void test_nothing(void **state)
{
    (void)state;
    begin();
    for (size_t i = 0; i < INSIGHT_RULES; i++)
        silent(insight_rules[i].name);
    phase(0, 1, 1024, false);
    requests(1, 0, 1024, 0, 500, 30); /* one request says nothing either */
    for (size_t i = 0; i < INSIGHT_RULES; i++)
        silent(insight_rules[i].name);
}

static void test_cold_start(void **state)
{
    (void)state;
    begin();
    first_request(1232);
    phase(0, 1, 64, false);
    requests(3, 0, 64, 0, 110, 29);
    says("cold_start", "first request 1.23 s; later ones 110 ms (median of 3)");
    begin();
    first_request(300); /* three times as long, but who would mind */
    phase(0, 1, 64, false);
    requests(3, 0, 64, 0, 90, 29);
    silent("cold_start");
    begin();
    first_request(1800); /* it was as long as the others */
    phase(0, 1, 4096, false);
    requests(3, 0, 4096, 0, 1790, 29);
    silent("cold_start");
}

/* With a prompt out of a file, which nobody asked a length of. */
static void request_of_file(int prompt_tokens, int cached, int ttft_ms)
{
    long long sent = (2 + seq) * 1000000000LL, first = sent + ttft_ms * 1000000LL;
    buf_addf(&file, "{\"type\":\"request\",\"seq\":%d,\"stream\":1,\"part\":\"load\",\"phase\":0,\"outcome\":\"ok\","
                    "\"context\":null,\"max_tokens\":33,\"sent\":%lld,\"first_token\":%lld,\"last_token\":%lld,\"end\":%lld,\"prompt_tokens\":%d,"
                    "\"cached_tokens\":%d,\"output_tokens\":33,\"events\":33,\"tokens_from\":\"usage\"}\n",
             seq++, sent, first, first + 900000000, first + 900000000, prompt_tokens, cached);
}

static void test_prefix_cache(void **state)
{
    (void)state;
    begin();
    phase(0, 1, 4096, false);
    requests(3, 0, 4096, 0, 1800, 29);
    phase(1, 1, 4096, true);
    requests(1, 1, 4096, 0, 1800, 29);
    requests(2, 1, 4096, 4000, 90, 29);
    says("prefix_cache", "4k of context: first token after 90.0 ms");
    begin();
    phase(0, 1, 4096, false);
    requests(3, 0, 4096, 0, 1800, 29);
    phase(1, 1, 4096, true);
    requests(1, 1, 4096, -1, 1800, 29);
    requests(2, 1, 4096, -1, 90, 29); /* the server does not tell */
    says("prefix_cache", "so it seems");
    begin();
    phase(1, 1, 4096, true);
    requests(3, 1, 4096, -1, 1800, 29); /* repeated and no faster: it has no prefix cache */
    silent("prefix_cache");
    begin();
    phase(0, 16, 4096, false);
    requests(16, 0, 4096, -1, 1800, 29); /* new ones are slow among many others: no wonder */
    phase(1, 1, 4096, true);
    requests(3, 1, 4096, -1, 270, 29);
    silent("prefix_cache");
    begin();
    phase(1, 1, 4096, false);
    requests(1, 1, 4096, -1, 1800, 29);
    requests(3, 1, 4096, -1, 90, 29); /* fast, and nobody knows why */
    silent("prefix_cache");
    begin();
    phase(1, 1, 4096, true);
    requests(1, 1, 4096, 0, 100, 29);
    requests(2, 1, 4096, 4000, 90, 29); /* cached, but no faster */
    silent("prefix_cache");
    begin();
    phase(0, 1, 0, false); /* prompts of a file: a short one and long ones are no repeated prompt */
    for (int i = 0; i < 4; i++)
        request_of_file(i == 0 ? 300 : 8000, i == 0 ? 250 : 0, i == 0 ? 90 : 1800);
    silent("prefix_cache");
}

static void concurrency(double ttft_8, double rate_8, double waiting)
{
    begin();
    for (int i = 0; i < 4; i++)
        phase(i, 1 << i, 512, false);
    static const double ttft[] = {270, 365, 572}, tpot[] = {29.4, 31.7, 36.3};
    for (int i = 0; i < 3; i++) {
        requests(3 << i, i, 512, 0, ttft[i], tpot[i]);
        sample(i, 0, &(struct look){0, 0, 1 << i, 0.01 * (1 << i), 40});
        sample(i, 5, &(struct look){100, 0, 1 << i, 0.01 * (1 << i), 40});
    }
    requests(24, 3, 512, 0, ttft_8, 42.4);
    sample(3, 0, &(struct look){0, waiting, 4, 0.04, 40});
    sample(3, 5, &(struct look){100, waiting, 4, 0.04, 40});
    buf_addf(&file, "{\"type\":\"summary\",\"client\":{\"limited\":false},\"phases\":["
                    "{\"phase\":0,\"whole\":{\"seconds\":10,\"output_tok_s\":29.1},\"steady\":{\"seconds\":10,\"output_tok_s\":29.1}},"
                    "{\"phase\":1,\"whole\":{\"seconds\":10,\"output_tok_s\":51.5},\"steady\":{\"seconds\":10,\"output_tok_s\":51.5}},"
                    "{\"phase\":2,\"whole\":{\"seconds\":10,\"output_tok_s\":83.5},\"steady\":{\"seconds\":10,\"output_tok_s\":83.5}},"
                    "{\"phase\":3,\"whole\":{\"seconds\":10,\"output_tok_s\":%.1f},\"steady\":{\"seconds\":0,\"output_tok_s\":null}}]}\n",
             rate_8);
}

static void test_queueing(void **state)
{
    (void)state;
    concurrency(2430, 85.2, 4);
    says("queueing", "Above 4 streams requests queue at the server (it ran 4 at once)");
    says("queueing", "the server's own limit (vLLM: --max-num-seqs)");
    says("queueing", "572 ms → 2.43 s");
    buf_adds(&file, "{\"type\":\"server\",\"server_process\":{\"max_num_seqs\":4}}\n");
    says("queueing", "the server's own limit (4, by its command line)");
    concurrency(800, 85.2, 4); /* it waits less than half as long again */
    silent("queueing");
    concurrency(2430, 150, 4); /* the output grows */
    silent("queueing");
    concurrency(2430, 85.2, 0); /* the server says that nobody waits */
    silent("queueing");
}

static void test_decode_scaling(void **state)
{
    (void)state;
    concurrency(2430, 85.2, 4);
    says("decode_scaling", "up to 4 of them share the work"); /* 8 streams queue: they say nothing about decoding */
    begin();
    phase(0, 1, 512, false);
    phase(1, 4, 512, false);
    requests(3, 0, 512, 0, 200, 20);
    requests(12, 1, 512, 0, 200, 78);
    buf_adds(&file, "{\"type\":\"summary\",\"phases\":[{\"phase\":0,\"whole\":{\"seconds\":10,\"output_tok_s\":45},\"steady\":{}},"
                    "{\"phase\":1,\"whole\":{\"seconds\":10,\"output_tok_s\":47},\"steady\":{}}]}\n");
    says("decode_scaling", "only share what one of them had");
    static const struct {
        double tpot, rate; /* of four streams; one has 33 ms and 20 tok/s */
        const char *says;
    } cases[] = {{50, 24, "hardly more than one: most of the time goes into prefill"},
                 {50, 42, "4 of them give 2.1 times the output of one"},
                 {36, 74, "up to 4 of them share the work"},
                 {36, 50, "4 of them give 2.5 times the output of one"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        begin();
        phase(0, 1, 512, false);
        phase(1, 4, 512, false);
        requests(3, 0, 512, 0, 200, 33);
        requests(12, 1, 512, 0, 200, cases[i].tpot);
        buf_addf(&file, "{\"type\":\"summary\",\"phases\":[{\"phase\":0,\"whole\":{\"seconds\":10,\"output_tok_s\":20},\"steady\":{}},"
                        "{\"phase\":1,\"whole\":{\"seconds\":10,\"output_tok_s\":%.0f},\"steady\":{}}]}\n", cases[i].rate);
        says("decode_scaling", cases[i].says);
    }
    begin();
    phase(0, 1, 512, false);
    phase(1, 4, 2048, false); /* another load */
    requests(3, 0, 512, 0, 200, 20);
    requests(12, 1, 2048, 0, 200, 78);
    silent("decode_scaling");
}

static void test_prefill(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < 3; i++) {
        phase(i, 1, 1024 << i, false);
        requests(3, i, 1024 << i, 0, 80 + (1024 << i) * 0.42, 29);
    }
    says("prefill_linear", "about 2381 tok/s");
    says("prefill_linear", "A new prompt of 16k would take about 6.96 s");
    begin();
    buf_clear(&file);
    buf_adds(&file, "{\"type\":\"header\",\"format\":1,\"tokgauge\":\"0\",\"model\":\"m\",\"prompt\":\"unique\"}\n");
    for (int i = 0; i < 3; i++) {
        phase(i, 1, 1024 << i, false);
        requests(3, i, 1024 << i, -1, 80 + (1024 << i) * 0.42, 29); /* not told, but all prompts were new */
    }
    says("prefill_linear", "about 2381 tok/s");
    begin();
    phase(0, 1, 1024, false);
    requests(9, 0, 1024, 0, 500, 29); /* one length gives no line */
    silent("prefill_linear");
    begin();
    for (int i = 0; i < 3; i++) {
        phase(i, 1, 1024 << i, false);
        requests(3, i, 1024 << i, 0, i == 1 ? 2000 : 500, 29); /* neither do these */
    }
    silent("prefill_linear");
    begin();
    for (int i = 0; i < 3; i++) {
        phase(i, 8, 1024 << i, false); /* many streams: waiting is in it */
        requests(3, i, 1024 << i, 0, 80 + (1024 << i) * 0.42, 29);
    }
    silent("prefill_linear");
}

static void request_slept(int seconds)
{
    long long sent = (2 + seq) * 1000000000LL, end = sent + seconds * 1000000000LL;
    buf_addf(&file, "{\"type\":\"request\",\"seq\":%d,\"stream\":1,\"part\":\"load\",\"phase\":0,\"outcome\":\"ok\","
                    "\"context\":4096,\"max_tokens\":33,\"sent\":%lld,\"first_token\":%lld,\"last_token\":%lld,\"end\":%lld,"
                    "\"prompt_tokens\":4096,\"output_tokens\":33,\"events\":33,\"tokens_from\":\"usage\",\"slept\":true}\n",
             seq++, sent, sent + 1, end, end);
}

static void test_variance(void **state)
{
    (void)state;
    begin();
    phase(0, 1, 4096, true);
    requests(1, 0, 4096, 0, 1800, 30);
    requests(2, 0, 4096, 4000, 90, 30);
    says("variance", "the first was new to the prefix cache, the later ones were in it");
    begin();
    phase(0, 1, 4096, false);
    requests(1, 0, 4096, 0, 300, 30);
    requests(1, 0, 4096, 0, 3000, 30);
    requests(1, 0, 4096, 0, 300, 30);
    says("variance", "nothing here shows why");
    begin();
    phase(0, 1, 4096, false);
    requests(3, 0, 4096, 0, 300, 30);
    silent("variance");
    begin();
    phase(0, 1, 4096, false);
    for (int i = 1; i <= 3; i++)
        requests(1, 0, 4096, 0, 300, 30 * i);
    says("variance", "each decoded slower than the one before (33.3 → 11.1 tok/s)");
    begin();
    phase(0, 1, 4096, true);
    for (int i = 0; i < 3; i++) /* the cache explains more than a decode speed that falls a little */
        requests(1, 0, 4096, i == 0 ? 0 : 4000, i == 0 ? 4000 : 90, 30 + 2 * i);
    says("variance", "the first was new to the prefix cache");
    begin();
    phase(0, 1, 4096, false);
    for (int i = 1; i <= 4; i++)
        requests(1, 0, 4096, 0, 300, i == 3 ? 30 : 30 * i);
    says("variance", "nothing here shows why");
}

/* What the user broke off is no failure, and hides no reason. */
static void test_variance_cancelled(void **state)
{
    (void)state;
    begin();
    phase(0, 1, 4096, false);
    for (int i = 1; i <= 3; i++)
        requests(1, 0, 4096, 0, 300, 30 * i);
    request(&(struct ask){0, 4096, 0, 300, 10, "cancelled", NULL, 5, 0});
    says("variance", "each decoded slower than the one before (33.3 → 11.1 tok/s)");
    request(&(struct ask){0, 4096, 0, 300, 10, "reset", NULL, 5, 0});
    says("variance", "1 failed");
}

/* What this machine slept through has no time. */
static void test_variance_slept(void **state)
{
    (void)state;
    begin();
    phase(0, 1, 4096, false);
    request_slept(3600);
    for (int i = 1; i <= 3; i++)
        requests(1, 0, 4096, 0, 300, 30 * i);
    request_slept(1);
    says("variance", "each decoded slower than the one before (33.3 → 11.1 tok/s)");
}

/* Answers of other lengths take other times. */
static void test_other_sizes(void **state)
{
    (void)state;
    begin();
    phase(0, 1, 4096, false);
    for (int i = 0; i < 6; i++)
        request(&(struct ask){0, 4096, 0, 300, 30, NULL, NULL, i % 2 == 0 ? 15 : 128, 0});
    silent("variance");
}

static void falling(double last, int seconds, double noise)
{
    begin();
    phase(0, 2, 512, false);
    double tokens = 0;
    for (int i = 0; i <= seconds; i++) {
        sample(0, i, &(struct look){tokens, 0, 2, 0.02, 0});
        tokens += 60 + (last - 60) * i / seconds + (i % 2 == 0 ? noise : -noise);
    }
}

static void test_throttling(void **state)
{
    (void)state;
    falling(45, 90, 3);
    says("throttling", "power or temperature");
    falling(59, 90, 3); /* within a tenth */
    silent("throttling");
    falling(45, 30, 3); /* too short */
    silent("throttling");
    falling(50, 90, 40); /* noise as large as the fall */
    silent("throttling");
}

static void test_memory(void **state)
{
    (void)state;
    concurrency(2430, 85.2, 4);
    says("memory_headroom", "13.0 GiB of the 53.0 GiB of GTT were never used");
    says("memory_headroom", "KV cache used at most 4 %");
    falling(60, 5, 0); /* no GTT known */
    silent("memory_headroom");
    concurrency(2430, 85.2, 4);
    for (int i = 0; i < 2; i++) { /* what this machine has says nothing of a server that is elsewhere, but where it is simulated */
        buf_addf(&file, "{\"type\":\"server\",\"is_the_servers\":false,\"simulated\":%s}\n", i == 0 ? "false" : "true");
        if (i == 0)
            silent("memory_headroom");
        else
            says("memory_headroom", "13.0 GiB");
    }
}

/* Three loads of 1, 2 and 4 streams of 4,096 + 33 tokens; GTT takes so many GiB for each 1,024 in flight. */
static void growing_kv(double gib_per_1k, double noise)
{
    begin();
    for (int p = 0; p < 3; p++) {
        int streams = 1 << p;
        phase(p, streams, 4096, false);
        for (int i = 0; i < 20; i++) {
            double gtt = 30 + gib_per_1k * streams * 4129 / 1024 + noise * (p == 1 ? 1 : -1);
            sample(p, i, &(struct look){i * 30.0, 0, streams, 0.1, gtt});
        }
    }
}

static void test_guarded(void **state)
{
    (void)state;
    growing_kv(0.1, 0);
    says("memory_headroom", "were never used");
    buf_adds(&file, "{\"type\":\"summary\",\"ended_by\":\"guard\",\"guard\":\"3.9 GiB of RAM available\"}\n");
    silent("memory_headroom");
}

static void test_kv_growth(void **state)
{
    (void)state;
    growing_kv(0.25, 0);
    says("kv_growth", "GTT grows with the tokens in flight: by 256 MiB for each 1,024");
    growing_kv(0, 0.001);
    says("kv_growth", "does not grow with context or streams");
    growing_kv(0, 0.6); /* neither can be said */
    silent("kv_growth");
    begin();
    for (int p = 0; p < 3; p++) { /* a moment's peak is no growth */
        phase(p, 1 << p, 4096, false);
        for (int i = 0; i < 80; i++)
            sample(p, i, &(struct look){i * 30.0, 0, 1 << p, 0.1, i == 5 ? 30 + (1 << p) : 30});
    }
    says("kv_growth", "does not grow with context or streams");
    begin();
    phase(0, 1, 4096, false);
    for (int i = 0; i < 20; i++)
        sample(0, i, &(struct look){i * 30.0, 0, 1, 0.1, 30});
    silent("kv_growth"); /* one load tells nothing of that */
}

static void growing(int seconds, double gib_an_hour, double noise)
{
    uint64_t seed = 3;
    begin();
    phase(0, 1, 512, false);
    for (int i = 0; i < seconds; i++)
        sample(0, i, &(struct look){i * 30.0, 0, 1, 0.1, 30 + gib_an_hour * i / 3600 + noise * (rng_unit(&seed) - 0.5)});
}

static void test_memory_growth(void **state)
{
    (void)state;
    growing(1800, 1.8, 0.1);
    says("memory_growth", "GTT goes on growing under an even load: 1.8");
    says("memory_growth", "full in about 12 h");
    growing(1800, 0, 1);
    silent("memory_growth");
    growing(1800, -1.8, 0.1);
    silent("memory_growth");
    growing(400, 1.8, 0); /* too short */
    silent("memory_growth");
}

static void limited_sample(int i, const char *keys)
{
    buf_addf(&file, "{\"type\":\"sample\",\"t\":%d500000000,\"state\":\"load\",\"phase\":0,\"in_flight\":1,\"live_tokens\":%d,%s}\n", i + 1, i,
             keys);
}

static void limited(double percent, int seconds)
{
    char keys[80];
    begin();
    phase(0, 1, 512, false);
    snprintf(keys, sizeof keys, "\"gpu_limited_percent\":%.1f,\"gpu_limited_by\":\"SPPT\"", percent);
    for (int i = 0; i < seconds; i++)
        limited_sample(i, keys);
}

/* A driver that tells only what holds at the moment: 1 look PPT, 8 current and others, 11 nothing. */
static void limited_now(void)
{
    begin();
    phase(0, 1, 512, false);
    for (int i = 0; i < 20; i++)
        limited_sample(i, i > 8    ? "\"gpu_limited_percent\":null,\"gpu_limited_now\":false"
                          : i == 0 ? "\"gpu_limited_percent\":null,\"gpu_limited_now\":true,\"gpu_limited_by\":\"PPT\""
                                   : "\"gpu_limited_percent\":null,\"gpu_limited_now\":true,\"gpu_limited_by\":\"current and others\"");
}

static void test_limited(void **state)
{
    (void)state;
    limited(12, 30);
    says("gpu_limited", "held back for 12 % of the time, most by SPPT");
    limited(4, 30);
    silent("gpu_limited");
    limited(100, 9); /* too short */
    silent("gpu_limited");
    limited_now();
    says("gpu_limited", "held back at 45 % of the looks, most by current and others");
    says("gpu_limited", "20 looks under load, one a second");
}

static void test_client(void **state)
{
    (void)state;
    begin();
    buf_adds(&file, "{\"type\":\"summary\",\"client\":{\"limited\":true,\"reason\":\"lag p99 9.0 ms (limit 5)\"}}\n");
    says("client_limited", "lag p99 9.0 ms");
    begin();
    phase(0, 1, 4096, true);
    requests(1, 0, 4096, 0, 1800, 30);
    requests(2, 0, 4096, 4000, 90, 30);
    buf_adds(&file, "{\"type\":\"summary\",\"client\":{\"limited\":true,\"reason\":\"lag\"}}\n");
    says("variance", "this client was the limit");
    begin();
    buf_adds(&file, "{\"type\":\"summary\",\"client\":{\"limited\":false,\"reason\":null}}\n");
    silent("client_limited");
}

static void test_failures(void **state)
{
    (void)state;
    begin();
    phase(0, 1, 512, false);
    requests(3, 0, 512, 0, 200, 20);
    silent("failures");
    silent("tool_parser");
    request(&(struct ask){.context = 512, .ttft_ms = 200, .tpot_ms = 20, .outcome = "http_4xx",
                          .error = "auto tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set"});
    says("failures", "1 of 4, most as http_4xx");
    says("tool_parser", "The model is not at fault");
    begin();
    phase(0, 1, 512, false);
    requests(3, 0, 512, 0, 200, 20);
    request(&(struct ask){.context = 512, .ttft_ms = 200, .tpot_ms = 20, .outcome = "http_5xx", .error = "out of memory"});
    says("failures", "25 %");
    silent("tool_parser");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),        cmocka_unit_test(test_cold_start), cmocka_unit_test(test_prefix_cache),
        cmocka_unit_test(test_queueing),       cmocka_unit_test(test_decode_scaling), cmocka_unit_test(test_prefill),
        cmocka_unit_test(test_variance),       cmocka_unit_test(test_variance_cancelled), cmocka_unit_test(test_variance_slept),
        cmocka_unit_test(test_other_sizes),
             cmocka_unit_test(test_throttling), cmocka_unit_test(test_memory), cmocka_unit_test(test_guarded),
        cmocka_unit_test(test_kv_growth),      cmocka_unit_test(test_memory_growth), cmocka_unit_test(test_limited),
        cmocka_unit_test(test_client),         cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
