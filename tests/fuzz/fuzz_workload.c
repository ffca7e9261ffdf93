/* libFuzzer: files that describe a load: prompts (the first byte's lowest bit: for conversations) and traces.  Taken, or refused
 * with one line; of what was taken every request has a body that is JSON. */
#include "fuzz/text.h"
#include "load/prompt.h"
#include "load/trace.h"
#include "util.h"

#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SENT 4 /* requests */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void send_all(const struct prompt_set *p, bool turns)
{
    struct buf body, history;
    buf_init(&body, 64u << 20);
    buf_init(&history, 64u << 20);
    for (uint64_t seq = 0; seq < SENT; seq++) {
        buf_clear(&history);
        size_t most = turns ? prompt_turns(p, seq) : 1;
        for (int turn = 0; turn < (int)MIN_OF(most, (size_t)3); turn++) {
            struct body_spec spec = {.model = "m", .endpoint = ENDPOINT_CHAT, .fields = BODY_MAX_TOKENS, .max_tokens = 8, .seq = seq,
                                     .words = 16, .turn = turn, .history = history.data};
            buf_clear(&body);
            prompt_body(p, &spec, &body);
            cJSON *o = cJSON_ParseWithLength(body.data, body.len);
            if (!cJSON_IsObject(o) || !cJSON_IsArray(cJSON_GetObjectItem(o, "messages")))
                abort();
            cJSON_Delete(o);
            if (history.len > 0)
                buf_adds(&history, ",");
            prompt_messages(p, &spec, &history);
        }
    }
    buf_release(&body);
    buf_release(&history);
}

static void play_trace(const char *file)
{
    struct trace t = {0};
    struct err e = {.msg = ""};
    if (!trace_load(&t, file, &e)) {
        check_line(e.msg);
        return;
    }
    for (size_t i = 0; i < t.n; i++)
        if (t.items[i].at < (i > 0 ? t.items[i - 1].at : 0) || t.items[i].context < 0 || t.items[i].max_tokens < 0)
            abort();
    trace_release(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    char file[64];
    int fd = memfd_create("workload", 0);
    if (fd < 0 || write(fd, data + 1, n - 1) != (ssize_t)(n - 1))
        abort();
    snprintf(file, sizeof file, "/proc/self/fd/%d", fd);
    bool turns = data[0] % 2 == 1;
    struct prompt_set p = {0};
    struct err e = {.msg = ""};
    if (prompt_load(&p, file, 1, turns ? 4 : 1, &e)) {
        send_all(&p, turns);
        prompt_release(&p);
    } else {
        check_line(e.msg);
    }
    play_trace(file);
    close(fd);
    return 0;
}
