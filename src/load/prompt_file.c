/* Prompts from a file, and the shape of an agent's requests. */
#include "load/prompt.h"

#include "jsonr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES (16 << 20)

/* ---- lines ---- */

/* "human" → "user" … NULL: unknown. */
static const char *role_of(const char *from)
{
    static const char *const pairs[][2] = {{"human", "user"}, {"user", "user"},   {"gpt", "assistant"}, {"chatgpt", "assistant"},
                                           {"assistant", "assistant"}, {"bing", "assistant"}, {"bard", "assistant"}, {"system", "system"}};
    for (size_t i = 0; from != NULL && i < ARRAY_LEN(pairs); i++)
        if (strcmp(from, pairs[i][0]) == 0)
            return pairs[i][1];
    return NULL;
}

/* ShareGPT's list of turns as messages.  NULL: it is none. */
static cJSON *messages_of(const cJSON *conversations)
{
    cJSON *out = cJSON_CreateArray();
    const cJSON *turn;
    cJSON_ArrayForEach(turn, conversations)
    {
        const char *role = role_of(json_text(turn, "from")), *value = json_text(turn, "value");
        if (role == NULL || value == NULL) {
            cJSON_Delete(out);
            return NULL;
        }
        cJSON *m = cJSON_CreateObject();
        cJSON_AddStringToObject(m, "role", role);
        cJSON_AddStringToObject(m, "content", value);
        cJSON_AddItemToArray(out, m);
    }
    return out;
}

static bool is_user(const cJSON *message)
{
    const char *role = json_text(message, "role");
    return role != NULL && strcmp(role, "user") == 0;
}

/* What the user says first stays, with what stands before it; what he says later are the turns that follow. */
static bool split_turns(struct prompt_item *item, cJSON *messages)
{
    int first = 0, n = cJSON_GetArraySize(messages);
    while (first < n && !is_user(cJSON_GetArrayItem(messages, first)))
        first++;
    while (cJSON_GetArraySize(messages) > first + 1) {
        cJSON *m = cJSON_DetachItemFromArray(messages, first + 1);
        const cJSON *content = json_get(m, "content");
        if (is_user(m) && content != NULL) {
            item->more = xrealloc(item->more, (item->more_n + 1) * sizeof *item->more);
            item->more[item->more_n++] = cJSON_PrintUnformatted(content);
        }
        cJSON_Delete(m);
    }
    return first < n;
}

/* NULL, or why it is nothing that can be sent. */
static const char *read_item(struct prompt_item *item, cJSON *root, bool turns)
{
    *item = (struct prompt_item){0};
    const cJSON *prompt = json_get(root, "prompt"), *tools = json_get(root, "tools");
    cJSON *messages = cJSON_GetObjectItemCaseSensitive(root, "messages"), *shared = NULL;
    if (cJSON_IsString(prompt)) {
        item->json = cJSON_PrintUnformatted(prompt);
        return NULL;
    }
    bool share = cJSON_IsArray(json_get(root, "conversations"));
    if (share)
        messages = shared = messages_of(json_get(root, "conversations"));
    if (share && messages == NULL)
        return "a turn of \"conversations\" has no \"value\", or its \"from\" is none of human, user, gpt, chatgpt, bing, bard, assistant, system";
    bool ok = cJSON_IsArray(messages) && cJSON_GetArraySize(messages) > 0 && (!(turns || share) || split_turns(item, messages));
    if (ok) {
        item->json = cJSON_PrintUnformatted(messages);
        item->tools = cJSON_IsArray(tools) ? cJSON_PrintUnformatted(tools) : NULL;
    }
    cJSON_Delete(shared);
    return ok ? NULL : "neither a \"prompt\" text nor a \"messages\" list nor ShareGPT's \"conversations\"";
}

static void release_item(struct prompt_item *item)
{
    for (size_t i = 0; i < item->more_n; i++)
        free(item->more[i]);
    free(item->more);
    free(item->json);
    free(item->tools);
}

static bool add_item(struct prompt_set *p, const char *line, size_t n, bool turns, const char *file, int number, struct err *e)
{
    cJSON *root = json_alone(line, n);
    struct prompt_item item = {0};
    const char *why = root != NULL ? read_item(&item, root, turns) : "not JSON, or not only that";
    if (why == NULL) {
        p->items = xrealloc(p->items, (p->items_n + 1) * sizeof *p->items);
        p->items[p->items_n++] = item;
    } else {
        release_item(&item);
        err_set(e, "%s:%d: %s", file, number, why);
    }
    cJSON_Delete(root);
    return why == NULL;
}

static bool load_file(struct prompt_set *p, const char *file, bool turns, struct err *e)
{
    FILE *f = fopen(file, "re");
    if (f == NULL)
        return err_set(e, "cannot read prompt file '%s': %s", file, strerror(errno));
    struct buf line;
    bool ok = true, whole;
    buf_init(&line, LINE_MAX_BYTES);
    for (int number = 1; ok && buf_read_line(f, &line, &whole); number++)
        if (!whole)
            ok = err_set(e, "'%s' line %d is longer than %d MiB: one JSON object a line is wanted", file, number,
                         LINE_MAX_BYTES >> 20);
        else if (strspn(line.data, " \t\r\n") < line.len)
            ok = add_item(p, line.data, line.len, turns, file, number, e);
    if (ok && ferror(f))
        ok = err_set(e, "cannot read prompt file '%s': %s", file, strerror(errno));
    else if (ok && p->items_n == 0)
        ok = err_set(e, "prompt file '%s' has no prompts: one JSON object a line is wanted", file);
    buf_release(&line);
    fclose(f);
    return ok;
}

/* ---- an agent's requests ---- */

/* Sizes in characters as those of real agents' requests, a large and a small one; the text is ours.  It is the same in every
 * request of every run: that is what agents send, and what a prefix cache lives on. */
static const struct agent_shape {
    const char *name;
    size_t system;
    size_t tools[24]; /* 0 after the last */
} shapes[] = {
    {"agent", 26383, {816, 856, 562, 1435, 1223, 3483, 941, 1860, 3690, 4688, 495, 968, 265, 400, 326, 497, 799, 423, 426, 1216, 641, 597, 400}},
    {"agent-small", 10000, {816, 562, 1435}},
};

static void add_words(struct buf *out, size_t chars, uint64_t seed)
{
    const struct prompt_set words = {.kind = PROMPT_SHARED, .seed = seed};
    struct buf text;
    buf_init(&text, 1u << 20);
    prompt_text(&words, 0, chars / 4 + 1, &text); /* no word is shorter than three letters and a blank */
    buf_add(out, text.data, MIN_OF(chars, text.len));
    buf_release(&text);
}

#define TOOL_FRAME 190 /* characters that a tool has around its description */

static void make_agent(struct prompt_set *p, const struct agent_shape *s)
{
    struct buf b;
    buf_init(&b, 1u << 20);
    buf_adds(&b, "\"You are an agent that works with tools. ");
    add_words(&b, s->system, 1);
    buf_adds(&b, "\"");
    p->agent_system = xstrdup(b.data);
    buf_clear(&b);
    buf_adds(&b, "[");
    for (size_t i = 0; i < ARRAY_LEN(s->tools) && s->tools[i] > 0; i++) {
        buf_addf(&b, "%s{\"type\":\"function\",\"function\":{\"name\":\"tool_%zu\",\"description\":\"", i > 0 ? "," : "", i + 1);
        add_words(&b, s->tools[i] > TOOL_FRAME ? s->tools[i] - TOOL_FRAME : 40, i + 2);
        buf_adds(&b, "\",\"parameters\":{\"type\":\"object\",\"properties\":{\"what\":{\"type\":\"string\"}},\"required\":[\"what\"]}}}");
    }
    buf_adds(&b, "]");
    p->agent_tools = xstrdup(b.data);
    buf_release(&b);
}

/* ---- all kinds ---- */

bool prompt_is_file(const char *spec)
{
    bool made = strcmp(spec, "unique") == 0 || strcmp(spec, "shared") == 0;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
        made |= strcmp(spec, shapes[i].name) == 0;
    return !made;
}

int64_t prompt_context(const struct run_config *c)
{
    return prompt_is_file(c->prompt) ? 0 : c->context;
}

bool prompt_load(struct prompt_set *p, const char *spec, uint64_t seed, int64_t turns, struct err *e)
{
    *p = (struct prompt_set){.kind = PROMPT_UNIQUE, .seed = seed};
    if (strcmp(spec, "unique") == 0)
        return true;
    p->kind = PROMPT_SHARED;
    if (strcmp(spec, "shared") == 0)
        return true;
    p->kind = PROMPT_AGENT;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
        if (strcmp(spec, shapes[i].name) == 0) {
            make_agent(p, &shapes[i]);
            return true;
        }
    p->kind = PROMPT_FILE;
    if (load_file(p, spec, turns > 1, e))
        return true;
    prompt_release(p);
    return false;
}

void prompt_release(struct prompt_set *p)
{
    for (size_t i = 0; i < p->items_n; i++)
        release_item(&p->items[i]);
    free(p->items);
    free(p->agent_system);
    free(p->agent_tools);
    p->items = NULL;
    p->items_n = 0;
    p->agent_system = p->agent_tools = NULL;
}
