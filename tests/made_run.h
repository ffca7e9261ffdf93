/* made_run: run files made up in memory, line by line: what a report or a finding makes of them is known beforehand. */
#ifndef TG_MADE_RUN_H
#define TG_MADE_RUN_H

#include "buf.h"
#include "check.h"
#include "report/runfile.h"

#include <stdio.h>

static struct buf file; /* the lines so far */
static int seq;

static inline void begin(void)
{
    buf_release(&file);
    buf_init(&file, 16 << 20);
    seq = 0;
    buf_adds(&file, "{\"type\":\"header\",\"format\":1,\"tokgauge\":\"0\",\"model\":\"m\",\"system\":{\"is_the_servers\":true}}\n");
}

static inline void phase(int id, int streams, int context, bool repeated)
{
    buf_addf(&file, "{\"type\":\"phase\",\"t\":%d000000000,\"phase\":%d,\"max_num_seqs\":%d,\"context\":%d,\"max_tokens\":33,"
                    "\"repeated\":%s}\n", 1 + id * 100, id, streams, context, repeated ? "true" : "false");
}

/* A phase of a suite. */
static inline void part_phase(int id, const char *part, const char *what, int streams, int context, int max_tokens, bool repeated)
{
    buf_addf(&file, "{\"type\":\"phase\",\"t\":%d000000000,\"phase\":%d,\"max_num_seqs\":%d,\"context\":%d,\"max_tokens\":%d,"
                    "\"part\":\"%s\",\"what\":\"%s\",\"repeated\":%s}\n", 1 + id * 100, id, streams, context, max_tokens, part, what,
             repeated ? "true" : "false");
}

struct ask {
    int phase, context, cached; /* cached −1: not told */
    double ttft_ms, tpot_ms;
    const char *outcome, *error;
    int tokens;   /* 0: 33 */
    double e2e_ms; /* 0: as TTFT and TPOT make it */
};

/* Each a second after the one before. */
static inline void request(const struct ask *a)
{
    long long sent = (1 + a->phase * 100 + seq) * 1000000000LL, first = sent + (long long)(a->ttft_ms * 1e6);
    int tokens = a->tokens > 0 ? a->tokens : 33;
    long long last = first + (long long)(a->tpot_ms * (tokens - 1) * 1e6);
    long long end = a->e2e_ms > 0 ? sent + (long long)(a->e2e_ms * 1e6) : last;
    char cached[16] = "null";
    if (a->cached >= 0)
        snprintf(cached, sizeof cached, "%d", a->cached);
    buf_addf(&file, "{\"type\":\"request\",\"seq\":%d,\"stream\":1,\"part\":\"load\",\"phase\":%d,\"outcome\":\"%s\",\"http\":200,"
                    "\"context\":%d,\"max_tokens\":33,\"due\":%lld,\"started\":%lld,\"sent\":%lld,\"first_byte\":%lld,\"first_event\":%lld,"
                    "\"first_token\":%lld,\"first_answer\":%lld,\"last_token\":%lld,\"end\":%lld,\"prompt_tokens\":%d,\"cached_tokens\":%s,"
                    "\"output_tokens\":%d,\"first_event_tokens\":1,\"events\":%d,\"tokens_from\":\"usage\",\"error\":\"%s\"}\n",
             seq++, a->phase, a->outcome != NULL ? a->outcome : "ok", a->context, sent, sent, sent, first, first, first, first, last,
             end, a->context, cached, tokens, tokens, a->error != NULL ? a->error : "");
}

static inline void requests(int n, int phase_id, int context, int cached, double ttft_ms, double tpot_ms)
{
    for (int i = 0; i < n; i++)
        request(&(struct ask){phase_id, context, cached, ttft_ms + i * 0.01, tpot_ms, NULL, NULL, 0, 0});
}

static inline void first_request(double ttft_ms)
{
    buf_addf(&file, "{\"type\":\"request\",\"stream\":0,\"part\":\"preflight\",\"phase\":-1,\"outcome\":\"ok\",\"http\":200,\"context\":64,"
                    "\"max_tokens\":33,\"due\":1,\"started\":1,\"sent\":1,\"first_byte\":2,\"first_event\":2,\"first_token\":%lld,"
                    "\"last_token\":%lld,\"end\":%lld,\"prompt_tokens\":64,\"cached_tokens\":0,\"output_tokens\":2,\"events\":2,"
                    "\"tokens_from\":\"usage\"}\n",
             (long long)(ttft_ms * 1e6) + 1, (long long)(ttft_ms * 1e6) + 2, (long long)(ttft_ms * 1e6) + 3);
}

struct look {
    double tokens; /* in all, so far */
    double waiting, running, kv, gtt;
};

static inline void sample(int phase_id, int second, const struct look *l)
{
    buf_addf(&file, "{\"type\":\"sample\",\"t\":%d500000000,\"state\":\"load\",\"phase\":%d,\"in_flight\":1,\"live_tokens\":%.1f,"
                    "\"server_waiting\":%.0f,\"server_running\":%.0f,\"server_kv_used\":%.3f,\"gtt_used\":%.0f,\"gtt_total\":%.0f}\n",
             1 + phase_id * 100 + second, phase_id, l->tokens, l->waiting, l->running, l->kv, l->gtt * 1073741824.0,
             l->gtt > 0 ? 53 * 1073741824.0 : 0.0);
}

static inline struct run_file *made(void)
{
    struct err e = {""};
    FILE *in = fmemopen(file.data, file.len, "r");
    struct run_file *f = run_file_read(in, "made-up", &e);
    fclose(in);
    if (f == NULL)
        fail_msg("%s", e.msg);
    else
        assert_int_equal(f->bad_lines, 0);
    return f;
}

#endif
