#include "sim/sim_event.h"

#include "util.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_MAX 16384
#define DEPTH 100000
#define LITERAL(out, s) buf_add((out), (s), sizeof(s) - 1)

void sim_add_string(struct buf *out, const char *s)
{
    if (s == NULL) {
        LITERAL(out, "null");
        return;
    }
    LITERAL(out, "\"");
    buf_add_json(out, s, strlen(s));
    LITERAL(out, "\"");
}

void sim_voice_init(struct sim_voice *v, bool chat, const char *id, int64_t created, const char *model)
{
    struct buf b;
    buf_init(&b, HEAD_MAX);
    buf_addf(&b, "data: {\"id\":\"%s\",\"object\":\"%s\",\"created\":%" PRId64 ",\"model\":", id,
             chat ? "chat.completion.chunk" : "text_completion", created);
    sim_add_string(&b, model);
    LITERAL(&b, ",\"choices\":[");
    *v = (struct sim_voice){.head = b.data, .head_n = b.len, .chat = chat};
}

void sim_voice_release(struct sim_voice *v)
{
    free(v->head);
    v->head = NULL;
}

void sim_add_usage(struct buf *out, const struct sim_usage *u)
{
    buf_addf(out, "\"usage\":{\"prompt_tokens\":%d,\"total_tokens\":%d,\"completion_tokens\":%d", u->prompt,
             u->prompt + u->completion, u->completion);
    if (u->cached >= 0)
        buf_addf(out, ",\"prompt_tokens_details\":{\"cached_tokens\":%d}", u->cached);
    LITERAL(out, "}");
}

/* From the end of the choices to the end of the event. */
static void close_event(struct buf *out, const struct sim_extra *x)
{
    LITERAL(out, "]");
    if (x->usage != NULL) {
        LITERAL(out, ",");
        sim_add_usage(out, x->usage);
    }
    if (x->stamp_ns != 0)
        buf_addf(out, ",\"stamp_ns\":%" PRId64, x->stamp_ns);
    LITERAL(out, "}\n\n");
}

void sim_event_role(struct buf *out, const struct sim_voice *v, const struct sim_extra *x)
{
    buf_add(out, v->head, v->head_n);
    LITERAL(out, "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,"
                 "\"finish_reason\":null}");
    close_event(out, x);
}

void sim_event_text(struct buf *out, const struct sim_voice *v, const char *text, size_t n,
                    const char *finish, const char *stop_hit, const struct sim_extra *x)
{
    buf_add(out, v->head, v->head_n);
    if (v->chat)
        LITERAL(out, "{\"index\":0,\"delta\":{\"content\":\"");
    else
        LITERAL(out, "{\"index\":0,\"text\":\"");
    buf_add(out, text, n);
    if (v->chat)
        LITERAL(out, "\"},\"logprobs\":null,\"finish_reason\":");
    else
        LITERAL(out, "\",\"logprobs\":null,\"finish_reason\":");
    sim_add_string(out, finish);
    if (finish != NULL || !v->chat) {
        LITERAL(out, ",\"stop_reason\":");
        sim_add_string(out, stop_hit);
    }
    LITERAL(out, "}");
    close_event(out, x);
}

void sim_event_usage(struct buf *out, const struct sim_voice *v, const struct sim_extra *x)
{
    buf_add(out, v->head, v->head_n);
    close_event(out, x);
}

void sim_event_error(struct buf *out, bool old)
{
    if (old)
        LITERAL(out, "error: ");
    else
        LITERAL(out, "data: {\"error\":");
    LITERAL(out, "{\"message\":\"simulated failure of the engine\",\"type\":\"InternalServerError\","
                 "\"param\":null,\"code\":500}");
    if (!old)
        LITERAL(out, "}");
    LITERAL(out, "\n\n");
}

void sim_event_nested(struct buf *out, const struct sim_voice *v)
{
    buf_add(out, v->head, v->head_n);
    for (int i = 0; i < DEPTH; i++)
        LITERAL(out, "[");
    LITERAL(out, "\n\n");
}

void sim_event_huge_usage(struct buf *out, const struct sim_voice *v)
{
    buf_add(out, v->head, v->head_n);
    LITERAL(out, "],\"usage\":{\"prompt_tokens\":900000000000,\"total_tokens\":1e999,\"completion_tokens\":900000000000,"
                 "\"prompt_tokens_details\":{\"cached_tokens\":950000000000}}}\n\n");
}

void sim_event_malformed(struct buf *out, const struct sim_voice *v)
{
    buf_add(out, v->head, v->head_n);
    LITERAL(out, "{\"index\":0,\"delta\":{\"content\":\" broken\n\n");
}

void sim_event_done(struct buf *out)
{
    LITERAL(out, "data: [DONE]\n\n");
}
