#include "measure/chat.h"
#include "util.h"

#include <cjson/cJSON.h>
#include <string.h>

static const cJSON *get(const cJSON *o, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(o, name);
}

static const char *text_of(const cJSON *o, const char *name)
{
    const cJSON *v = get(o, name);
    return cJSON_IsString(v) && v->valuestring[0] != '\0' ? v->valuestring : NULL;
}

/* A whole number of tokens, −1 where it is missing or out of any sensible range. */
static int64_t tokens_of(const cJSON *o, const char *name)
{
    const cJSON *v = get(o, name);
    if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0 && v->valuedouble <= 1e12))
        return -1;
    return (int64_t)v->valuedouble;
}

static void read_usage(const cJSON *usage, struct chat_event *e)
{
    if (!cJSON_IsObject(usage))
        return;
    int64_t out = tokens_of(usage, "completion_tokens");
    if (out <= 0)
        return;
    e->usage = true;
    e->completion_tokens = out;
    e->prompt_tokens = tokens_of(usage, "prompt_tokens");
    e->cached_tokens = tokens_of(get(usage, "prompt_tokens_details"), "cached_tokens");
}

static void read_delta(const cJSON *delta, struct chat_event *e)
{
    const char *text = text_of(delta, "content");
    if (text != NULL) {
        e->answer = true;
    } else {
        text = text_of(delta, "reasoning");
        if (text == NULL)
            text = text_of(delta, "reasoning_content");
    }
    const cJSON *tools = get(delta, "tool_calls");
    if (text != NULL || cJSON_GetArraySize(tools) > 0)
        e->output = true;
    if (text != NULL)
        e->text = text;
}

static void read_choice(const cJSON *choice, struct chat_event *e)
{
    const cJSON *delta = get(choice, "delta");
    if (delta != NULL)
        read_delta(delta, e);
    const char *text = text_of(choice, "text");
    if (text != NULL) {
        e->text = text;
        e->output = e->answer = true;
    }
    if (text_of(choice, "finish_reason") != NULL)
        e->finish = true;
}

static bool error_message(const cJSON *root, char *out, size_t size)
{
    const cJSON *err = get(root, "error");
    const char *m = cJSON_IsString(err) ? err->valuestring : text_of(err, "message");
    if (m == NULL)
        m = text_of(root, "message");
    if (m == NULL)
        m = text_of(root, "detail");
    if (m == NULL)
        return false;
    str_sanitise(out, size, m, strlen(m));
    return true;
}

void chat_decode(const char *data, size_t n, struct chat_event *e)
{
    *e = (struct chat_event){.prompt_tokens = -1, .completion_tokens = -1, .cached_tokens = -1};
    if (n == 6 && memcmp(data, "[DONE]", 6) == 0) {
        e->done = true;
        return;
    }
    cJSON *root = cJSON_ParseWithLength(data, n + 1);
    e->json = root;
    if (!cJSON_IsObject(root)) {
        e->malformed = true;
        return;
    }
    const cJSON *err = get(root, "error");
    if (err != NULL && !cJSON_IsNull(err)) {
        e->error = true;
        if (!error_message(root, e->error_text, sizeof e->error_text))
            str_copy(e->error_text, sizeof e->error_text, "error without a message");
        return;
    }
    const cJSON *choice, *choices = get(root, "choices");
    cJSON_ArrayForEach(choice, choices)
    {
        e->choices = true;
        read_choice(choice, e);
    }
    read_usage(get(root, "usage"), e);
    const cJSON *stamp = get(root, "stamp_ns");
    if (cJSON_IsNumber(stamp))
        e->stamp_ns = (int64_t)stamp->valuedouble; /* exact up to 2^53 ns = 104 days of uptime */
    const cJSON *ttft = stamp != NULL ? get(root, "ttft_ns") : NULL;
    if (cJSON_IsNumber(ttft))
        e->server_ttft_ns = (int64_t)ttft->valuedouble;
}

void chat_release(struct chat_event *e)
{
    cJSON_Delete(e->json);
    e->json = NULL;
    e->text = NULL;
}

void chat_error_text(const char *body, size_t n, char *out, size_t size)
{
    out[0] = '\0';
    cJSON *root = cJSON_ParseWithLength(body, n);
    bool found = cJSON_IsObject(root) && error_message(root, out, size);
    cJSON_Delete(root);
    if (found)
        return;
    char plain[512];
    size_t o = 0;
    bool tag = false, space = true;
    for (size_t i = 0; i < n && o + 1 < sizeof plain; i++) {
        char c = body[i];
        bool was_tag = tag;
        tag = c == '<' || (tag && c != '>');
        if (tag || was_tag)
            c = ' ';
        bool blank = c == ' ' || c == '\n' || c == '\r' || c == '\t';
        if (!blank || !space)
            plain[o++] = blank ? ' ' : c;
        space = blank;
    }
    while (o > 0 && plain[o - 1] == ' ')
        o--;
    str_sanitise(out, size, plain, o);
}
