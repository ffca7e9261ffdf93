/* What each kind of server calls its numbers on its page of counters; names that a version no longer has stay, behind. */
#include "load/server.h"

const struct page_names page_vllm = {
    .prefix = "vllm:",
    .gauge = {[GAUGE_RUNNING] = {"vllm:num_requests_running"},
              [GAUGE_WAITING] = {"vllm:num_requests_waiting"},
              [GAUGE_KV_USED] = {"vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"},
              [GAUGE_HIT_RATE] = {"vllm:gpu_prefix_cache_hit_rate"}},
    .counter = {[CNT_FINISHED] = {"vllm:request_success_total", "vllm:request_success"},
                [CNT_PREEMPTIONS] = {"vllm:num_preemptions_total", "vllm:num_preemptions"},
                [CNT_PROMPT] = {"vllm:prompt_tokens_total", "vllm:prompt_tokens"},
                [CNT_GENERATED] = {"vllm:generation_tokens_total", "vllm:generation_tokens"},
                [CNT_PREFIX_QUERIES] = {"vllm:prefix_cache_queries_total", "vllm:prefix_cache_queries", "vllm:gpu_prefix_cache_queries_total"},
                [CNT_PREFIX_HITS] = {"vllm:prefix_cache_hits_total", "vllm:prefix_cache_hits", "vllm:gpu_prefix_cache_hits_total"},
                [CNT_DRAFTS] = {"vllm:spec_decode_num_drafts_total", "vllm:spec_decode_num_drafts"},
                [CNT_DRAFT_TOKENS] = {"vllm:spec_decode_num_draft_tokens_total", "vllm:spec_decode_num_draft_tokens"},
                [CNT_ACCEPTED] = {"vllm:spec_decode_num_accepted_tokens_total", "vllm:spec_decode_num_accepted_tokens"}},
    .time = {[TIME_TTFT] = {"vllm:time_to_first_token_seconds"},
             [TIME_QUEUE] = {"vllm:request_queue_time_seconds"},
             [TIME_ITL] = {"vllm:inter_token_latency_seconds", "vllm:time_per_output_token_seconds"}},
    .cache_config = "vllm:cache_config_info",
};

const struct page_names page_llamacpp = {
    .prefix = "llamacpp:",
    .gauge = {[GAUGE_RUNNING] = {"llamacpp:requests_processing"},
              [GAUGE_WAITING] = {"llamacpp:requests_deferred"},
              [GAUGE_KV_USED] = {"llamacpp:kv_cache_usage_ratio"}},
    .counter = {[CNT_PROMPT] = {"llamacpp:prompt_tokens_total"},
                [CNT_GENERATED] = {"llamacpp:tokens_predicted_total"},
                [CNT_PREFIX_QUERIES] = {"llamacpp:prompt_tokens_total"},
                [CNT_PREFIX_HITS] = {"llamacpp:prompt_tokens_cached_total"},
                [CNT_DRAFTS] = {"llamacpp:spec_decode_num_drafts_total"},
                [CNT_DRAFT_TOKENS] = {"llamacpp:spec_decode_num_draft_tokens_total"},
                [CNT_ACCEPTED] = {"llamacpp:spec_decode_num_accepted_tokens_total"}},
    .cached_apart = true,
    .at_end = 1U << CNT_GENERATED,
};

const struct page_names page_sglang = {
    .prefix = "sglang:",
    .gauge = {[GAUGE_RUNNING] = {"sglang:num_running_reqs"},
              [GAUGE_WAITING] = {"sglang:num_queue_reqs"},
              [GAUGE_KV_USED] = {"sglang:token_usage"},
              [GAUGE_HIT_RATE] = {"sglang:cache_hit_rate"},
              [GAUGE_KV_TOKENS] = {"sglang:max_total_num_tokens"}},
    .counter = {[CNT_FINISHED] = {"sglang:num_requests_total"},
                [CNT_PREEMPTIONS] = {"sglang:num_retracted_requests_total"},
                [CNT_PROMPT] = {"sglang:prompt_tokens_total"},
                [CNT_GENERATED] = {"sglang:generation_tokens_total"},
                [CNT_PREFIX_QUERIES] = {"sglang:prompt_tokens_total"},
                [CNT_PREFIX_HITS] = {"sglang:cached_tokens_total"}},
    .time = {[TIME_TTFT] = {"sglang:time_to_first_token_seconds"},
             [TIME_QUEUE] = {"sglang:queue_time_seconds"},
             [TIME_ITL] = {"sglang:inter_token_latency_seconds", "sglang:time_per_output_token_seconds"}},
    .at_end = 1U << CNT_GENERATED | 1U << CNT_PROMPT,
};

/* It has no time per token but a mean of means, which is another number. */
const struct page_names page_tgi = {
    .prefix = "tgi_",
    .gauge = {[GAUGE_RUNNING] = {"tgi_batch_current_size"}, [GAUGE_WAITING] = {"tgi_queue_size"}},
    .counter = {[CNT_FINISHED] = {"tgi_request_success", "tgi_request_success_total"},
                [CNT_PROMPT] = {"tgi_request_input_length_sum"},
                [CNT_GENERATED] = {"tgi_request_generated_tokens_sum"}},
    .time = {[TIME_QUEUE] = {"tgi_request_queue_duration", "tgi_request_queue_duration_seconds"}},
    .at_end = 1U << CNT_GENERATED,
};

const struct page_names *const page_dialects[] = {&page_vllm, &page_llamacpp, &page_sglang, &page_tgi, NULL};
