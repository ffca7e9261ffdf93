#include "load/prompt.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Short and common: one token each, with the space before it, in the vocabularies of GPT, Llama, Qwen and Gemma. */
static const char *const words[] = {
    "time",  "year",  "people", "way",   "day",   "man",   "thing", "woman", "life",  "child", "world", "school",
    "state", "family", "group", "hand",  "part",  "place", "case",  "week",  "system", "number", "night", "point",
    "home",  "water", "room",  "mother", "area",  "money", "story", "fact",  "month", "lot",   "right", "study",
    "book",  "eye",   "job",   "word",  "business", "issue", "side", "kind", "head",  "house", "service", "friend",
    "father", "power", "hour", "game",  "line",  "end",   "member", "law",   "car",   "city",  "name",  "team",
    "minute", "idea", "body",  "back",  "parent", "face", "level", "office", "door",  "health", "person", "art",
    "war",   "history", "party", "result", "change", "morning", "reason", "research", "girl", "guy", "moment", "air",
    "teacher", "force", "order", "foot", "boy",   "age",   "policy", "music", "market", "sense", "nation", "plan",
    "college", "interest", "death", "course", "someone", "report", "effect", "use", "class", "control", "field", "food",
    "light", "table", "paper", "space", "ground", "form", "event", "matter", "center", "couple", "site", "project",
    "star",  "town",  "trade", "tree",  "wall",  "river", "road",  "sound",
};
#define SALT_WORDS 24 /* 7 bits each: more than any prefix cache holds */

const struct body_field_name body_field_names[] = {
    {BODY_CONTINUOUS, "continuous_usage_stats"}, {BODY_USAGE, "stream_options"},
    {BODY_MAX_COMPLETION, "max_completion_tokens"}, {BODY_MAX_TOKENS, "max_tokens"},
    {BODY_MIN_TOKENS, "min_tokens"}, {BODY_IGNORE_EOS, "ignore_eos"},
    {BODY_TEMPERATURE, "temperature"}, {0, NULL},
};

static bool add_item(struct prompt_set *p, const char *line, size_t n, const char *file, int number, struct err *e)
{
    cJSON *root = cJSON_ParseWithLength(line, n);
    cJSON *prompt = cJSON_GetObjectItemCaseSensitive(root, "prompt");
    cJSON *messages = cJSON_GetObjectItemCaseSensitive(root, "messages");
    bool ok = cJSON_IsString(prompt) || (cJSON_IsArray(messages) && cJSON_GetArraySize(messages) > 0);
    if (!ok) {
        err_set(e, "%s:%d: %s", file, number,
                root == NULL ? "not JSON" : "neither a \"prompt\" text nor a \"messages\" list");
    } else {
        p->items = xrealloc(p->items, (p->items_n + 1) * sizeof *p->items);
        p->items[p->items_n++] = cJSON_PrintUnformatted(cJSON_IsString(prompt) ? prompt : messages);
    }
    cJSON_Delete(root);
    return ok;
}

#define LINE_MAX_BYTES (16 << 20)

static bool load_file(struct prompt_set *p, const char *file, struct err *e)
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
            ok = add_item(p, line.data, line.len, file, number, e);
    if (ok && ferror(f))
        ok = err_set(e, "cannot read prompt file '%s': %s", file, strerror(errno));
    else if (ok && p->items_n == 0)
        ok = err_set(e, "prompt file '%s' has no prompts: one JSON object a line is wanted", file);
    buf_release(&line);
    fclose(f);
    return ok;
}

bool prompt_load(struct prompt_set *p, const char *spec, uint64_t seed, struct err *e)
{
    *p = (struct prompt_set){.kind = PROMPT_UNIQUE, .seed = seed};
    if (strcmp(spec, "unique") == 0)
        return true;
    p->kind = PROMPT_SHARED;
    if (strcmp(spec, "shared") == 0)
        return true;
    p->kind = PROMPT_FILE;
    if (load_file(p, spec, e))
        return true;
    prompt_release(p);
    return false;
}

void prompt_release(struct prompt_set *p)
{
    for (size_t i = 0; i < p->items_n; i++)
        free(p->items[i]);
    free(p->items);
    p->items = NULL;
    p->items_n = 0;
}

size_t prompt_words(const struct prompt_scale *s, int64_t tokens)
{
    double n = round(((double)tokens - s->base) / s->per_word);
    return n < PROMPT_MIN_WORDS ? PROMPT_MIN_WORDS : (size_t)n;
}

void prompt_text(const struct prompt_set *p, uint64_t seq, size_t n, struct buf *out)
{
    uint64_t salt = p->seed ^ (p->kind == PROMPT_UNIQUE ? (seq + 1) * 0xd1342543de82ef95u : 0);
    uint64_t body = p->seed;
    for (size_t i = 0; i < n; i++) {
        uint64_t *state = i < SALT_WORDS ? &salt : &body;
        if (i > 0)
            buf_add(out, " ", 1);
        buf_adds(out, words[rng_next(state) % ARRAY_LEN(words)]);
    }
}

static void add_string(struct buf *out, const char *s)
{
    buf_add(out, "\"", 1);
    buf_add_json(out, s, strlen(s));
    buf_add(out, "\"", 1);
}

static void add_prompt(const struct prompt_set *p, const struct body_spec *spec, struct buf *out)
{
    const char *item = p->kind == PROMPT_FILE ? p->items[spec->seq % p->items_n] : NULL;
    bool chat = spec->endpoint == ENDPOINT_CHAT;
    if (item != NULL && item[0] == '[') {
        buf_addf(out, ",\"messages\":%s", item);
        return;
    }
    buf_adds(out, chat ? ",\"messages\":[{\"role\":\"user\",\"content\":" : ",\"prompt\":");
    if (item != NULL) {
        buf_adds(out, item);
    } else { /* the words need no escaping */
        buf_add(out, "\"", 1);
        prompt_text(p, spec->seq, spec->words, out);
        buf_add(out, "\"", 1);
    }
    if (chat)
        buf_adds(out, "}]");
}

void prompt_body(const struct prompt_set *p, const struct body_spec *spec, struct buf *out)
{
    buf_adds(out, "{\"model\":");
    add_string(out, spec->model);
    add_prompt(p, spec, out);
    buf_adds(out, ",\"stream\":true");
    if (spec->fields & BODY_TEMPERATURE)
        buf_adds(out, ",\"temperature\":0");
    if (spec->fields & (BODY_USAGE | BODY_CONTINUOUS))
        buf_addf(out, ",\"stream_options\":{\"include_usage\":true%s}",
                 spec->fields & BODY_CONTINUOUS ? ",\"continuous_usage_stats\":true" : "");
    if (spec->fields & BODY_MAX_TOKENS)
        buf_addf(out, ",\"max_tokens\":%lld", (long long)spec->max_tokens);
    if (spec->fields & BODY_MAX_COMPLETION)
        buf_addf(out, ",\"max_completion_tokens\":%lld", (long long)spec->max_tokens);
    if (spec->fields & BODY_MIN_TOKENS)
        buf_addf(out, ",\"min_tokens\":%lld", (long long)spec->max_tokens);
    if (spec->fields & BODY_IGNORE_EOS)
        buf_adds(out, ",\"ignore_eos\":true");
    buf_adds(out, "}");
}
