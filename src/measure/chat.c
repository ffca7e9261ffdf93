#include "measure/chat.h"
#include "measure/jsonmem.h"
#include "util.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

static const cJSON *get(const cJSON *o, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(o, name);
}

/* One walk over an object for all the names that count: this is done for every token.  found[i] is the first item called
 * names[i], NULL where there is none. */
static void pick(const cJSON *o, const char *const names[], const cJSON *found[], int n)
{
    memset(found, 0, (size_t)n * sizeof(const cJSON *));
    const cJSON *item;
    cJSON_ArrayForEach(item, o)
    {
        for (int i = 0; item->string != NULL && i < n; i++)
            if (names[i][0] == item->string[0] && found[i] == NULL && strcmp(names[i], item->string) == 0)
                found[i] = item;
    }
}

static const char *text_of(const cJSON *v)
{
    return v != NULL && cJSON_IsString(v) && v->valuestring[0] != '\0' ? v->valuestring : NULL;
}

static int hex4(const char *p)
{
    int v = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int d = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
        if (d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

static bool high_half(int code)
{
    return code >= 0xd800 && code < 0xdc00;
}

static bool low_half(int code)
{
    return code >= 0xdc00 && code < 0xe000;
}

/* In place: every half of a surrogate pair that stands alone becomes \ufffd.  True where there was one. */
static bool mend_surrogates(char *s, size_t n)
{
    bool mended = false;
    for (size_t i = 0; i + 1 < n; i++) {
        if (s[i] != '\\')
            continue;
        if (s[i + 1] != 'u' || i + 6 > n) {
            i++; /* another escape: its second character is no backslash of its own */
            continue;
        }
        int code = hex4(s + i + 2);
        bool pair = high_half(code) && i + 12 <= n && s[i + 6] == '\\' && s[i + 7] == 'u' && low_half(hex4(s + i + 8));
        if (!pair && (high_half(code) || low_half(code))) {
            s[i + 2] = s[i + 3] = s[i + 4] = 'f';
            s[i + 5] = 'd';
            mended = true;
        }
        i += pair ? 11 : 5;
    }
    return mended;
}

/* JSON's grammar allows half a surrogate pair (an emoji that was cut between two tokens); cJSON refuses the whole text. */
static cJSON *parse(const char *data, size_t n)
{
    if (memchr(data, '\0', n) != NULL) /* cJSON would end a string there, and take the rest for said */
        return NULL;
    cJSON *root = cJSON_ParseWithLength(data, n + 1);
    if (root != NULL || memmem(data, n, "\\u", 2) == NULL)
        return root;
    char *copy = xmalloc(n + 1);
    memcpy(copy, data, n);
    copy[n] = '\0';
    if (mend_surrogates(copy, n))
        root = cJSON_ParseWithLength(copy, n + 1);
    free(copy);
    return root;
}

/* Nanoseconds, 0 where missing or nonsense; a double holds them exactly up to 2^53 = 104 days of uptime. */
static int64_t ns_of(const cJSON *v)
{
    return v != NULL && cJSON_IsNumber(v) && v->valuedouble >= 0 && v->valuedouble < 9e18 ? (int64_t)v->valuedouble : 0;
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
    e->reasoning_tokens = tokens_of(get(usage, "completion_tokens_details"), "reasoning_tokens");
}

static void read_delta(const cJSON *delta, struct chat_event *e)
{
    enum { CONTENT, REASONING, REASONING_CONTENT, TOOL_CALLS, N };
    static const char *const names[N] = {"content", "reasoning", "reasoning_content", "tool_calls"};
    const cJSON *found[N];
    pick(delta, names, found, N);
    const char *text = text_of(found[CONTENT]);
    if (text != NULL)
        e->answer = true;
    if (text == NULL)
        text = text_of(found[REASONING]);
    if (text == NULL)
        text = text_of(found[REASONING_CONTENT]);
    if (text != NULL || cJSON_GetArraySize(found[TOOL_CALLS]) > 0)
        e->output = true;
    if (text != NULL)
        e->text = text;
}

static void read_choice(const cJSON *choice, struct chat_event *e)
{
    enum { DELTA, TEXT, FINISH_REASON, N };
    static const char *const names[N] = {"delta", "text", "finish_reason"};
    const cJSON *found[N];
    pick(choice, names, found, N);
    read_delta(found[DELTA], e);
    const char *text = text_of(found[TEXT]);
    if (text != NULL) {
        e->text = text;
        e->output = e->answer = true;
    }
    if (text_of(found[FINISH_REASON]) != NULL)
        e->finish = true;
}

static bool error_message(const cJSON *root, char *out, size_t size)
{
    const cJSON *err = get(root, "error");
    const char *m = cJSON_IsString(err) ? err->valuestring : text_of(get(err, "message"));
    if (m == NULL)
        m = text_of(get(root, "message"));
    if (m == NULL)
        m = text_of(get(root, "detail"));
    if (m == NULL)
        return false;
    str_sanitise(out, size, m, strlen(m));
    return true;
}

void chat_decode(const char *data, size_t n, struct chat_event *e)
{
    *e = (struct chat_event){.prompt_tokens = -1, .completion_tokens = -1, .cached_tokens = -1, .reasoning_tokens = -1};
    jsonmem_begin();
    if (n == 6 && memcmp(data, "[DONE]", 6) == 0) {
        e->done = true;
        return;
    }
    cJSON *root = parse(data, n);
    e->json = root;
    if (!cJSON_IsObject(root)) {
        e->malformed = true;
        return;
    }
    enum { ERROR, CHOICES, USAGE, STAMP_NS, TTFT_NS, N };
    static const char *const names[N] = {"error", "choices", "usage", "stamp_ns", "ttft_ns"};
    const cJSON *found[N];
    pick(root, names, found, N);
    if (found[ERROR] != NULL && !cJSON_IsNull(found[ERROR])) {
        e->error = true;
        if (!error_message(root, e->error_text, sizeof e->error_text))
            str_copy(e->error_text, sizeof e->error_text, "error without a message");
        return;
    }
    const cJSON *choice;
    cJSON_ArrayForEach(choice, found[CHOICES])
    {
        e->choices = true;
        read_choice(choice, e);
    }
    read_usage(found[USAGE], e);
    e->stamp_ns = ns_of(found[STAMP_NS]);
    e->server_ttft_ns = ns_of(found[TTFT_NS]);
}

void chat_release(struct chat_event *e)
{
    jsonmem_delete(e->json);
    e->json = NULL;
    e->text = NULL;
    jsonmem_end();
}

bool chat_error_message(const char *body, size_t n, char *out, size_t size)
{
    out[0] = '\0';
    cJSON *root = cJSON_ParseWithLength(body, n);
    bool found = cJSON_IsObject(root) && error_message(root, out, size);
    cJSON_Delete(root);
    return found;
}

void chat_error_text(const char *body, size_t n, char *out, size_t size)
{
    if (chat_error_message(body, n, out, size))
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
