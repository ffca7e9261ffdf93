/* The server's own counters: pages of every kind of server, hostile pages, JSON beside them, and what is added up over restarts. */
#include "check.h"

#include "buf.h"
#include "measure/counters.h"
#include "measure/promtext.h"
#include "measure/servercounts.h"
#include "measure/serverjson.h"
#include "report/counted_json.h"
#include "util.h"
#include "watch/scrape.h"

static const struct server_kind *kind(const char *name)
{
    for (const struct server_kind *k = server_kinds;; k++)
        if (k->port == 0 || strcmp(k->name, name) == 0)
            return k;
}

static void read_text(const char *kind_name, const char *page, struct server_sample *s)
{
    scrape_read(kind(kind_name), page, strlen(page), s);
}

static void read_fixture(const char *kind_name, const char *file, struct server_sample *s)
{
    size_t n;
    char *page = read_whole(file, &n);
    scrape_read(kind(kind_name), page, n, s);
    free(page);
}

/* ---- pages of real servers ---- */

static void test_vllm(void **state)
{
    (void)state;
    struct server_sample s;
    read_fixture("vLLM", "fixtures/vllm-2026-metrics.txt", &s);
    const double *n = s.counted.counter;
    assert_true(s.page);
    assert_int_equal(s.bad_lines, 0);
    assert_near(s.running, 3, 0);
    assert_near(s.waiting, 2, 0); /* not its parts by reason as well */
    assert_near(s.kv_used, 0.3125, 0);
    assert_near(n[CNT_FINISHED], 10, 0);
    assert_near(n[CNT_PREEMPTIONS], 5, 0);
    assert_near(n[CNT_PROMPT], 4096, 0); /* not by source, nor when it was created */
    assert_near(n[CNT_GENERATED], 1000, 0);
    assert_near(n[CNT_PREFIX_QUERIES], 4096, 0);
    assert_near(n[CNT_PREFIX_HITS], 1024, 0);
    assert_near(n[CNT_DRAFTS], 100, 0);
    assert_near(n[CNT_DRAFT_TOKENS], 300, 0);
    assert_near(n[CNT_ACCEPTED], 213, 0); /* not by position */
    assert_near(s.counted.time[TIME_TTFT].count, 10, 0);
    assert_near(s.counted.time[TIME_TTFT].sum, 2.25, 1e-12);
    assert_near(buckets_quantile(&s.counted.time[TIME_TTFT], 0.5), 0.08 + 0.02 * 3 / 4, 1e-12);
    assert_near(s.counted.time[TIME_ITL].count, 990, 0);
    assert_near(s.counted.time[TIME_QUEUE].sum, 1.5, 0);
    assert_near(s.facts.kv_tokens, 463459, 0); /* told: not block size times blocks */
    assert_near(s.facts.kv_blocks, 2450, 0);
    assert_near(s.facts.kv_block_tokens, 16, 0);
    assert_near(s.started, 1.76398e9, 0);
    assert_string_equal(s.model, "Qwen3-30B");
    struct server_counts c;
    counts_of(&s.counted, &c);
    assert_near(c.ttft.mean, 225, 1e-9);
    assert_near(c.prefix_hits, 0.25, 0);
    assert_near(c.accepted, 0.71, 1e-12);
    assert_near(c.accepted_a_draft, 2.13, 1e-12);
    read_fixture("vLLM", "fixtures/vllm-2025-metrics.txt", &s); /* the names of before */
    assert_near(s.kv_used, 0.125, 0);
    assert_near(s.counted.counter[CNT_FINISHED], 5, 0);
    assert_near(s.counted.counter[CNT_PREFIX_QUERIES], 2048, 0);
    assert_near(s.counted.counter[CNT_PREFIX_HITS], 512, 0);
    assert_near(s.counted.time[TIME_ITL].sum, 19.05, 0);
    assert_unknown(s.counted.counter[CNT_DRAFTS]);
    assert_unknown(s.facts.kv_tokens);
    assert_near(s.facts.kv_blocks, 2450, 0);
}

static void test_llamacpp(void **state)
{
    (void)state;
    struct server_sample s;
    read_fixture("llama.cpp", "fixtures/llamacpp-2026-metrics.txt", &s);
    assert_near(s.counted.counter[CNT_GENERATED], 222, 0);
    assert_near(s.counted.counter[CNT_PROMPT], 4019, 0);
    assert_near(s.counted.counter[CNT_PREFIX_QUERIES], 4019 + 323, 0); /* its prompt tokens are without the cached ones */
    assert_near(s.counted.counter[CNT_PREFIX_HITS], 323, 0);
    assert_unknown(s.counted.counter[CNT_FINISHED]);
    assert_unknown(s.kv_used);
    read_fixture("llama.cpp", "fixtures/llamacpp-2025-metrics.txt", &s);
    assert_near(s.kv_used, 0.389526, 0);
    assert_near(s.counted.counter[CNT_GENERATED], 16793, 0);
    assert_unknown(s.counted.counter[CNT_PREFIX_QUERIES]); /* without the cached ones there is no share */
}

static void test_sglang_and_tgi(void **state)
{
    (void)state;
    struct server_sample s;
    read_fixture("SGLang", "fixtures/sglang-2026-metrics.txt", &s);
    assert_near(s.running, 4, 0);
    assert_near(s.waiting, 3, 0);
    assert_near(s.kv_used, 0.25, 0);
    assert_near(s.hit_rate, 0.4, 0);
    assert_near(s.facts.kv_tokens, 32768, 0);
    assert_near(s.counted.counter[CNT_PREFIX_HITS], 1250, 0); /* from all its caches */
    assert_near(s.counted.counter[CNT_PREFIX_QUERIES], 5000, 0);
    assert_near(s.counted.counter[CNT_PROMPT], 5000, 0);
    assert_near(s.counted.counter[CNT_FINISHED], 11, 0);
    assert_near(buckets_mean(&s.counted.time[TIME_QUEUE]), 0.04, 1e-12);
    read_fixture("TGI", "fixtures/tgi-3-metrics.txt", &s);
    assert_near(s.running, 4, 0);
    assert_near(s.waiting, 2, 0);
    assert_near(s.counted.counter[CNT_FINISHED], 10, 0);
    assert_near(s.counted.counter[CNT_GENERATED], 745, 0);
    assert_near(s.counted.counter[CNT_PROMPT], 5120, 0);
    assert_near(buckets_mean(&s.counted.time[TIME_QUEUE]), 0.095, 1e-12);
    assert_unknown(s.counted.time[TIME_ITL].count); /* a mean of means is none */
    read_fixture("OpenAI-compatible server", "fixtures/vllm-2026-metrics.txt", &s); /* by its words */
    assert_near(s.counted.counter[CNT_GENERATED], 1000, 0);
    read_text("OpenAI-compatible server", "go_gc_duration_seconds 1\n", &s);
    assert_false(s.page);
    assert_true(s.note[0] != '\0');
}

/* ---- hostile pages ---- */

static void test_bad_pages(void **state)
{
    (void)state;
    struct server_sample s;
    read_text("vLLM", "<!DOCTYPE html>\n<html><body>no</body></html>\n", &s);
    assert_false(s.page);
    assert_int_equal(s.bad_lines, 2);
    read_text("vLLM", "", &s);
    assert_false(s.page);
    read_text("vLLM", "vllm:generation_tokens_total 1200\nvllm:generation_tokens_total 77\n", &s); /* twice: not 1277 */
    assert_near(s.counted.counter[CNT_GENERATED], 1200, 0);
    assert_int_equal(s.bad_lines, 1);
    read_text("vLLM", "vllm:generation_tokens_total{engine=\"0\"} 1\nvllm:generation_tokens_total{engine=\"1\"} 2\n", &s);
    assert_near(s.counted.counter[CNT_GENERATED], 3, 0);
    read_text("vLLM", "vllm:kv_cache_usage_perc{engine=\"0\"} 0.2\nvllm:kv_cache_usage_perc{engine=\"1\"} 0.6\n", &s);
    assert_near(s.kv_used, 0.4, 1e-12); /* shares do not add up */
    read_text("vLLM", "vllm:gpu_cache_usage_perc 0.9\nvllm:kv_cache_usage_perc 0.2\nvllm:gpu_cache_usage_perc{a=\"\"} 0.8\n", &s);
    assert_near(s.kv_used, 0.2, 0); /* the newer name, wherever it stands */
    read_text("vLLM", "vllm:num_requests_running NaN\nvllm:num_requests_waiting +Inf\nvllm:generation_tokens_total -5\n"
                      "vllm:kv_cache_usage_perc 7\nvllm:prompt_tokens_total 1e300\n", &s);
    assert_unknown(s.running);
    assert_unknown(s.waiting);
    assert_unknown(s.kv_used);
    assert_unknown(s.counted.counter[CNT_GENERATED]);
    assert_unknown(s.counted.counter[CNT_PROMPT]);
    assert_int_equal(s.bad_lines, 0); /* they are of the format */
    read_text("vLLM", "vllm:generation_tokens_total 123\nvllm:prompt_tokens_total 4567", &s); /* cut in a number, perhaps */
    assert_near(s.counted.counter[CNT_GENERATED], 123, 0);
    assert_unknown(s.counted.counter[CNT_PROMPT]);
    assert_int_equal(s.bad_lines, 1);
    read_text("vLLM", "vllm:num_requests_running{model_name=\"a\\\"b\\\\c\033[2J\"} 1\n", &s);
    assert_near(s.running, 1, 0);
    assert_null(strchr(s.model, '\033'));
    assert_int_equal(strncmp(s.model, "a\"b\\c", 5), 0);
}

static void test_bucket_pages(void **state)
{
    (void)state;
    struct server_sample s;
    server_sample_clear(&s);
    const struct buckets *b = &s.counted.time[TIME_TTFT];
    read_text("vLLM", "vllm:time_to_first_token_seconds_bucket{le=\"+Inf\"} 4\nvllm:time_to_first_token_seconds_bucket{le=\"1\"} 3\n"
                      "vllm:time_to_first_token_seconds_bucket{le=\"0.5\"} 1\nvllm:time_to_first_token_seconds_sum 2.5\n", &s);
    assert_int_equal(b->n, 3); /* in any order; and the count is that of the last */
    assert_near(b->count, 4, 0);
    assert_near(buckets_quantile(b, 0.5), 0.75, 1e-12);
    assert_unknown(buckets_quantile(b, 0.9)); /* above the last bound: nobody knows how much */
    read_text("vLLM", "vllm:time_to_first_token_seconds_bucket{le=\"0.5\"} 9\nvllm:time_to_first_token_seconds_bucket{le=\"1\"} 3\n"
                      "vllm:time_to_first_token_seconds_count 9\nvllm:time_to_first_token_seconds_sum 4.5\n", &s);
    assert_int_equal(b->n, 0); /* they contradict each other; sum and count stay */
    assert_near(buckets_mean(b), 0.5, 0);
    assert_unknown(buckets_quantile(b, 0.5));
    assert_int_equal(s.bad_lines, 1);
    char page[16384] = "";
    for (int i = 0; i < 200; i++) {
        size_t n = strlen(page);
        snprintf(page + n, sizeof page - n, "vllm:time_to_first_token_seconds_bucket{le=\"%d\"} %d\n", i, i);
    }
    read_text("vLLM", page, &s); /* more than there is room for */
    assert_true(b->n <= BUCKETS_MAX);
    read_text("vLLM", "vllm:time_to_first_token_seconds_bucket{le=\"x\"} 1\nvllm:time_to_first_token_seconds_bucket 1\n", &s);
    assert_int_equal(b->n, 0);
}

static void test_page_text(void **state)
{
    (void)state;
    static const char page[] = "# HELP a b\na{l=\"\033[1m\"} 1\r\n\nbroken line\nb_total 2\n";
    char out[256];
    assert_int_equal(page_text(page, sizeof page - 1, out, sizeof out), 2);
    assert_null(strchr(out, '\033'));
    assert_null(strchr(out, '\r'));
    assert_non_null(strstr(out, "b_total 2\n"));
    assert_null(strstr(out, "broken"));
    char small[12];
    assert_int_equal(page_text("aaaa 1\nbbbb 2\ncccc 3\n", 21, small, sizeof small), 3); /* whole lines only */
    assert_string_equal(small, "aaaa 1\n");
}

/* ---- JSON ---- */

static void test_json(void **state)
{
    (void)state;
    struct server_facts f;
    static const char slots[] = "[{\"id\":0,\"n_ctx\":4096,\"is_processing\":true},{\"id\":1,\"n_ctx\":4096,\"is_processing\":false}]";
    server_facts_clear(&f);
    assert_true(slots_read(slots, sizeof slots - 1, &f));
    assert_near(f.max_num_seqs, 2, 0);
    assert_near(f.slot_context, 4096, 0);
    assert_near(f.busy, 1, 0);
    server_facts_clear(&f);
    static const char old[] = "[{\"id\":0,\"state\":1,\"n_ctx\":512},{\"id\":1,\"state\":0,\"n_ctx\":512}]";
    assert_true(slots_read(old, sizeof old - 1, &f));
    assert_near(f.busy, 1, 0);
    server_facts_clear(&f);
    static const char props[] = "{\"total_slots\":4,\"default_generation_settings\":{\"n_ctx\":16384},\"build_info\":\"b1\"}";
    assert_true(props_read(props, sizeof props - 1, &f));
    assert_near(f.max_num_seqs, 4, 0);
    assert_near(f.slot_context, 16384, 0);
    static const char ps[] = "{\"models\":[{\"name\":\"other:7b\",\"model\":\"other:7b\",\"size\":1},"
                             "{\"name\":\"qwen3:latest\",\"model\":\"qwen3:latest\",\"size\":20615843020,\"size_vram\":10307921510,"
                             "\"context_length\":8192}]}";
    assert_true(ollama_ps_read(ps, sizeof ps - 1, "qwen3", &f));
    assert_near(f.loaded, 20615843020.0, 0);
    assert_near(f.loaded_vram, 10307921510.0, 0);
    assert_near(f.loaded_context, 8192, 0);
    server_facts_clear(&f);
    assert_true(ollama_ps_read(ps, sizeof ps - 1, "gone", &f)); /* not loaded: nothing of it is in memory */
    assert_near(f.loaded, 0, 0);
    assert_unknown(f.loaded_context);
    static const char info[] = "{\"max_batch_total_tokens\":32000,\"max_batch_size\":null,\"version\":\"3.0\"}";
    assert_true(tgi_info_read(info, sizeof info - 1, &f));
    assert_near(f.kv_tokens, 32000, 0);
    assert_unknown(f.max_num_seqs);
    static const char sglang[] = "{\"max_running_requests\":48,\"max_total_num_tokens\":65536}";
    assert_true(sglang_info_read(sglang, sizeof sglang - 1, &f));
    assert_near(f.max_num_seqs, 48, 0);
    static const char *const bad[] = {"", "null", "[", "{\"models\":7}", "\"text\"", "[[[[[[", "<html>", "{\"total_slots\":-1e400}"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        server_facts_clear(&f);
        slots_read(bad[i], strlen(bad[i]), &f);
        props_read(bad[i], strlen(bad[i]), &f);
        ollama_ps_read(bad[i], strlen(bad[i]), "m", &f);
        tgi_info_read(bad[i], strlen(bad[i]), &f);
        assert_unknown(f.max_num_seqs);
        assert_unknown(f.loaded);
    }
}

static void test_models(void **state)
{
    (void)state;
    static const char list[] = "{\"data\":[{\"id\":\"a\\u001b[1m\"},{\"id\":\"b\"}]}";
    char other[32];
    bool there;
    assert_true(models_read(list, sizeof list - 1, "b", &there, other, sizeof other));
    assert_true(there);
    assert_true(models_read(list, sizeof list - 1, "c", &there, other, sizeof other));
    assert_false(there);
    assert_null(strchr(other, '\033'));
    assert_true(other[0] == 'a');
    assert_false(models_read("{}", 2, "c", &there, other, sizeof other));
}

/* ---- added up ---- */

static struct counted page_of(double generated, double finished)
{
    struct counted c;
    counted_clear(&c);
    c.counter[CNT_GENERATED] = generated;
    c.counter[CNT_FINISHED] = finished;
    return c;
}

static enum track_news add(struct counter_track *t, double generated, double finished, double at_s)
{
    struct counted c = page_of(generated, finished);
    return counter_track_add(t, &c, (double)NAN, at_s);
}

static void test_track(void **state)
{
    (void)state;
    struct counter_track t;
    counter_track_init(&t);
    assert_unknown(t.sum.counter[CNT_GENERATED]);
    assert_int_equal(add(&t, 5000, 40, 0), TRACK_NOTHING);
    assert_near(t.sum.counter[CNT_GENERATED], 0, 0); /* since the first page */
    assert_unknown(t.sum.counter[CNT_PROMPT]);
    add(&t, 5100, 41, 1);
    assert_near(t.sum.counter[CNT_GENERATED], 100, 0);
    assert_int_equal(add(&t, 30, 0, 60), TRACK_RESTART);
    assert_near(t.sum.counter[CNT_GENERATED], 130, 0); /* what came since the new start */
    assert_near(t.sum.counter[CNT_FINISHED], 1, 0);
    add(&t, 70, 2, 61);
    assert_near(t.sum.counter[CNT_GENERATED], 170, 0);
    assert_near(t.sum.counter[CNT_FINISHED], 3, 0);
    assert_int_equal(t.restarts, 1);
    /* One of them grew beyond what it was; that another one fell says that both began anew. */
    struct counted c = page_of(500, 1);
    assert_int_equal(counter_track_add(&t, &c, (double)NAN, 120), TRACK_RESTART);
    assert_near(t.sum.counter[CNT_GENERATED], 670, 0);
    /* A name that is left out once, or comes later. */
    c = page_of((double)NAN, 2);
    c.counter[CNT_PROMPT] = 64;
    assert_int_equal(counter_track_add(&t, &c, (double)NAN, 121), TRACK_NOTHING);
    assert_near(t.sum.counter[CNT_PROMPT], 64, 0);
    assert_int_equal(add(&t, 510, 2, 122), TRACK_NOTHING);
    assert_near(t.sum.counter[CNT_GENERATED], 680, 0);
}

static void test_track_start_time(void **state)
{
    (void)state;
    struct counter_track t;
    struct counted c = page_of(10, 1);
    counter_track_init(&t);
    counter_track_add(&t, &c, 1000, 0);
    c = page_of(50, 5);
    assert_int_equal(counter_track_add(&t, &c, 1000.4, 1), TRACK_NOTHING);
    c = page_of(60, 6);
    assert_int_equal(counter_track_add(&t, &c, 1030, 30), TRACK_RESTART); /* it has caught up, but it is another process */
    assert_near(t.sum.counter[CNT_GENERATED], 40 + 60, 0);
}

/* Two servers behind one address: whatever their counters come to, it is nothing. */
static void test_track_jumps(void **state)
{
    (void)state;
    struct counter_track t;
    enum track_news news = TRACK_NOTHING;
    counter_track_init(&t);
    for (int i = 0; i < 12 && news != TRACK_JUMPS; i++)
        news = add(&t, i % 2 == 0 ? 100 + i : 90000 + i, 1, i);
    assert_int_equal(news, TRACK_JUMPS);
    assert_true(t.jumps);
    assert_unknown(t.sum.counter[CNT_GENERATED]);
    add(&t, 1, 1, 100);
    assert_unknown(t.sum.counter[CNT_GENERATED]);
}

static struct buckets buckets_of(double a, double b, double c, double sum)
{
    struct buckets x;
    buckets_clear(&x);
    buckets_add(&x, 0.1, a);
    buckets_add(&x, 1, a + b);
    buckets_add(&x, (double)INFINITY, a + b + c);
    x.sum = sum;
    assert_true(buckets_close(&x));
    return x;
}

static void test_bucket_growth(void **state)
{
    (void)state;
    struct counter_track t;
    struct counted c = page_of(1, 1);
    counter_track_init(&t);
    c.time[TIME_TTFT] = buckets_of(100, 100, 0, 70);
    counter_track_add(&t, &c, (double)NAN, 0);
    c = page_of(2, 2);
    c.time[TIME_TTFT] = buckets_of(100, 110, 0, 75); /* ten more, all between 0.1 and 1 */
    counter_track_add(&t, &c, (double)NAN, 1);
    const struct buckets *b = &t.sum.time[TIME_TTFT];
    assert_near(b->count, 10, 0);
    assert_near(buckets_mean(b), 0.5, 1e-12);
    assert_near(buckets_quantile(b, 0.5), 0.55, 1e-12);
    c = page_of(1, 1);
    c.time[TIME_TTFT] = buckets_of(30, 0, 0, 1); /* a new start */
    counter_track_add(&t, &c, (double)NAN, 90);
    assert_near(b->count, 40, 0);
    assert_near(b->below[0], 30, 0);
    assert_near(b->below[2], 40, 0);
    struct buckets none;
    buckets_clear(&none);
    assert_unknown(buckets_mean(&none));
    assert_unknown(buckets_quantile(&none, 0.5));
}

static void test_plateau(void **state)
{
    (void)state;
    struct plateau p = {0};
    for (int i = 0; i < 10; i++)
        plateau_add(&p, 8, 0, 0.1);
    assert_unknown(plateau_limit(&p)); /* nobody waited */
    for (int i = 0; i < 4; i++)
        plateau_add(&p, 8, 3, 0.1);
    assert_unknown(plateau_limit(&p)); /* too few looks */
    plateau_add(&p, 8, 3, 0.1);
    assert_near(plateau_limit(&p), 8, 0);
    plateau_add(&p, 9, 0, 0.1); /* so 8 was no limit */
    assert_unknown(plateau_limit(&p));
    p = (struct plateau){0};
    for (int i = 0; i < 20; i++)
        plateau_add(&p, 8, 3, 0.97); /* the cache is full: that is why they wait */
    assert_unknown(plateau_limit(&p));
    p = (struct plateau){0};
    for (int i = 0; i < 20; i++)
        plateau_add(&p, i % 2 == 0 ? 8 : 5, 3, (double)NAN); /* it comes and goes */
    assert_unknown(plateau_limit(&p));
}

static void test_recent(void **state)
{
    (void)state;
    struct recent r = {0};
    struct server_view v = {0};
    recent_fill(&r, 0, &v);
    assert_unknown(v.generated_rate);
    for (int i = 0; i <= 30; i++) {
        struct counted c = page_of(100.0 * i, i);
        c.counter[CNT_PREFIX_QUERIES] = 50.0 * i;
        c.counter[CNT_PREFIX_HITS] = i < 20 ? 0 : 25.0 * (i - 20);
        recent_add(&r, i, &c, 0, 90.0 * i);
    }
    recent_fill(&r, 30.5, &v);
    assert_near(v.generated_rate, 100, 1e-9);
    assert_near(v.our_rate, 90, 1e-9);
    assert_near(v.prefix_hits, 0.5, 0.03); /* of the last ten seconds, not of all */
    assert_unknown(v.prompt_rate);
    recent_fill(&r, 40, &v);
    assert_unknown(v.generated_rate); /* too old to be now */
}

/* One user with long answers: a counter that grows when they end would read 0, and then far too much. */
static void test_recent_at_end(void **state)
{
    (void)state;
    struct recent r = {0};
    struct server_view v = {0};
    struct server_sample s;
    read_fixture("llama.cpp", "fixtures/llamacpp-2026-metrics.txt", &s);
    for (int i = 0; i <= 70; i++) {
        struct counted c = page_of(i < 60 ? 0 : 1800, 1);
        c.counter[CNT_PROMPT] = 20.0 * i;
        recent_add(&r, i, &c, s.at_end, 30.0 * i);
        recent_fill(&r, i, &v);
        assert_unknown(v.generated_rate);
    }
    assert_near(v.our_rate, 30, 1e-9);
    assert_near(v.prompt_rate, 20, 1e-9);
    read_fixture("TGI", "fixtures/tgi-3-metrics.txt", &s);
    assert_int_equal(s.at_end, 1U << CNT_GENERATED);
    read_fixture("SGLang", "fixtures/sglang-2026-metrics.txt", &s);
    assert_int_equal(s.at_end, 1U << CNT_GENERATED | 1U << CNT_PROMPT);
    read_fixture("OpenAI-compatible server", "fixtures/sglang-2026-metrics.txt", &s);
    assert_int_equal(s.at_end, 1U << CNT_GENERATED | 1U << CNT_PROMPT);
    read_fixture("vLLM", "fixtures/vllm-2026-metrics.txt", &s);
    assert_int_equal(s.at_end, 0);
}

/* ---- the run file ---- */

/* What samples say, read back, is what was counted: at any moment, and over a restart. */
static void test_round_trip(void **state)
{
    (void)state;
    struct counter_track t;
    struct counted written, back;
    uint64_t seed = 5;
    counter_track_init(&t);
    counted_clear(&written);
    counted_clear(&back);
    double generated = 1e6, finished = 100, sum = 40, in[3] = {10, 5, 0};
    for (int i = 0; i < 200; i++) {
        if (i == 120)
            generated = finished = sum = in[0] = in[1] = in[2] = 0;
        generated += (double)(rng_next(&seed) % 500);
        finished += (double)(rng_next(&seed) % 2);
        in[rng_next(&seed) % 3]++;
        sum += rng_unit(&seed);
        struct counted c = page_of(generated, finished);
        c.time[TIME_ITL] = buckets_of(in[0], in[1], in[2], sum);
        counter_track_add(&t, &c, (double)NAN, i);
        struct buf b;
        buf_init(&b, 1 << 16);
        struct jsonw j = {.out = &b};
        jw_open(&j, NULL, '{');
        if (i % 3 == 0)
            counted_json(&t.sum, &written, &j);
        jw_close(&j, '}');
        cJSON *line = cJSON_ParseWithLength(b.data, b.len);
        counted_read(line, &back);
        cJSON_Delete(line);
        buf_release(&b);
        if (i % 3 != 0)
            continue;
        assert_near(back.counter[CNT_GENERATED], t.sum.counter[CNT_GENERATED], 0);
        assert_near(back.counter[CNT_FINISHED], t.sum.counter[CNT_FINISHED], 0);
        assert_unknown(back.counter[CNT_PROMPT]);
        assert_near(back.time[TIME_ITL].count, t.sum.time[TIME_ITL].count, 0);
        assert_near(back.time[TIME_ITL].sum, t.sum.time[TIME_ITL].sum, 1e-3);
        for (size_t k = 0; k < 3; k++)
            assert_near(back.time[TIME_ITL].below[k], t.sum.time[TIME_ITL].below[k], 0);
    }
    assert_int_equal(t.restarts, 1);
}

static void test_hostile_samples(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{}", "{\"server_counted\":7}", "{\"server_counted\":{\"finished\":-5,\"generated_tokens\":\"x\",\"itl\":[]}}",
        "{\"server_counted\":{\"itl\":{\"n\":1e400,\"buckets\":[[0,1],[99,1],[-1,1],7,[0],[0,-3]],\"bounds_s\":[1,1,2,null]}}}",
        "{\"server_counted\":{\"ttft\":{\"bounds_s\":[3,2,1],\"buckets\":[[2,1e300],[1,2]]}}}"};
    struct counted c;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        counted_clear(&c);
        cJSON *o = cJSON_Parse(bad[i]);
        counted_read(o, &c);
        cJSON_Delete(o);
        for (int k = 0; k < CNT_COUNT_; k++)
            assert_unknown(c.counter[k]);
        for (int k = 0; k < TIME_COUNT_; k++)
            for (size_t m = 1; m < c.time[k].n; m++) {
                assert_true(c.time[k].bound[m - 1] < c.time[k].bound[m]);
                assert_true(c.time[k].below[m - 1] <= c.time[k].below[m]);
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vllm),       cmocka_unit_test(test_llamacpp),      cmocka_unit_test(test_sglang_and_tgi),
        cmocka_unit_test(test_bad_pages),  cmocka_unit_test(test_bucket_pages),  cmocka_unit_test(test_page_text),
        cmocka_unit_test(test_json),       cmocka_unit_test(test_models),        cmocka_unit_test(test_track),
        cmocka_unit_test(test_track_start_time), cmocka_unit_test(test_track_jumps), cmocka_unit_test(test_bucket_growth),
        cmocka_unit_test(test_plateau),    cmocka_unit_test(test_recent),        cmocka_unit_test(test_recent_at_end),
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_hostile_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
