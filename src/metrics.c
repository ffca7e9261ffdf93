#include "metrics.h"

#include <string.h>

#define MS 1e6
#define RATE 1e3

const struct metric metrics[M_COUNT] = {
    [M_TTFT] = {"ttft", "ttft_ms", "ms", "time to first token",
                "first output token − request sent (connection set-up and client queue are not in it)",
                BETTER_LOWER, MS},
    [M_TTFT_DUE] = {"ttft_due", "ttft_due_ms", "ms", "time to first token from the due time",
                    "first output token − when the schedule wanted the request sent (client queue and connect are in it)",
                    BETTER_LOWER, MS},
    [M_TTFR] = {"ttfr", "ttfr_ms", "ms", "time to first response event",
                "first event with a non-empty choices list − sent (a role-only chunk counts)", BETTER_LOWER, MS},
    [M_TTFA] = {"ttfa", "ttfa_ms", "ms", "time to first answer token",
                "first event with answer text (after reasoning) − sent", BETTER_LOWER, MS},
    [M_E2E] = {"e2e", "e2e_ms", "ms", "end-to-end latency", "transfer complete − sent", BETTER_LOWER, MS},
    [M_TPOT] = {"tpot", "tpot_ms", "ms/token", "time per output token",
                "(last token − first token) / (output tokens − tokens in the first output event, and those that the model thought "
                "before it and did not send); undefined for one token",
                BETTER_LOWER, MS},
    [M_DECODE_RATE] = {"decode_rate", "decode_rate_tok_s", "tok/s", "decode rate of one stream",
                       "1000 / tpot: speed after the first token", BETTER_HIGHER, RATE},
    [M_E2E_RATE] = {"e2e_rate", "e2e_rate_tok_s", "tok/s", "end-to-end rate of one stream",
                    "output tokens / e2e", BETTER_HIGHER, RATE},
    [M_PREFILL_RATE] = {"prefill_rate", "prefill_rate_tok_s", "tok/s", "prefill rate",
                        "(prompt tokens − cached tokens) / ttft; undefined where the server does not tell cached tokens "
                        "(vLLM leaves 0 out: it is taken as 0 once a hit was told)",
                        BETTER_HIGHER, RATE},
    [M_SEND_SKEW] = {"send_skew", "send_skew_ms", "ms", "send skew", "sent − due: the client's, never the server's",
                     BETTER_LOWER, MS},
    [M_STREAM_WAIT] = {"stream_wait", "stream_wait_ms", "ms", "wait for a free stream",
                       "open loop: when a stream was free − due, 0 where one was; part of ttft_due and send_skew", BETTER_LOWER, MS},
    [M_CONNECT] = {"connect", "connect_ms", "ms", "connect time", "TCP connect, 0 on a reused connection",
                   BETTER_LOWER, MS},
    [M_TLS] = {"tls", "tls_ms", "ms", "TLS handshake time", "after TCP connect, 0 on a reused connection",
               BETTER_LOWER, MS},
    [M_ITL] = {"itl", "itl_ms", "ms/token", "inter-token latency",
               "gap between two output events / tokens of the later one, recorded once a token, where that count is known",
               BETTER_LOWER, MS},
    [M_CHUNK_GAP] = {"chunk_gap", "chunk_gap_ms", "ms", "gap between output events", "as they came",
                     BETTER_LOWER, MS},
    [M_OUTPUT_RATE] = {"output_rate", "output_tok_s", "tok/s", "output rate",
                       "output tokens that arrived in the window / window", BETTER_HIGHER, RATE},
    [M_REQUEST_RATE] = {"request_rate", "requests_per_s", "req/s", "request rate",
                        "requests that ended well in the window / window", BETTER_HIGHER, RATE},
    [M_PROMPT_RATE] = {"prompt_rate", "prompt_tok_s", "tok/s", "prompt rate",
                       "prompt tokens of requests whose first token came in the window / window", BETTER_HIGHER, RATE},
    [M_GOODPUT] = {"goodput", "goodput_per_s", "req/s", "goodput",
                   "requests that met every stated objective (--slo) and ended in the window / window", BETTER_HIGHER, RATE},
    [M_ERRORS] = {"errors", "requests.failed", "requests", "failed requests",
                  "requests that ended neither ok nor cancelled by us", BETTER_LOWER, 1},
    [M_LAG] = {"lag", "lag_ms", "ms", "client lag", "lateness of a 10 ms timer on each worker's loop", BETTER_LOWER, MS},
    [M_BATCH_DELAY] = {"batch_delay", "batch_delay_ms", "ms", "client batch delay",
                       "time of a data callback − first callback of the same loop pass", BETTER_LOWER, MS},
};

const struct metric *metric_find(const char *id)
{
    for (size_t i = 0; i < M_COUNT; i++)
        if (strcmp(metrics[i].id, id) == 0)
            return &metrics[i];
    return NULL;
}
