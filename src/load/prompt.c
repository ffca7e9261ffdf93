#include "load/prompt.h"

#include "jsonr.h"

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
#define OWN_WORDS 16  /* of a prompt that is shorter than the shared prefix */
#define TURN_SEQ UINT64_C(0x100000000) /* turns of one conversation differ from all first turns */

const struct body_field_name body_field_names[] = {
    {BODY_CONTINUOUS, "continuous_usage_stats"}, {BODY_USAGE, "stream_options"},
    {BODY_MAX_COMPLETION, "max_completion_tokens"}, {BODY_MAX_TOKENS, "max_tokens"},
    {BODY_MIN_TOKENS, "min_tokens"}, {BODY_IGNORE_EOS, "ignore_eos"},
    {BODY_TEMPERATURE, "temperature"}, {0, NULL},
};

size_t prompt_words(const struct prompt_scale *s, int64_t tokens)
{
    double n = round(((double)tokens - s->base) / s->per_word);
    return n < PROMPT_MIN_WORDS ? PROMPT_MIN_WORDS : (size_t)n;
}

size_t prompt_plain_words(const struct prompt_scale *s, int64_t tokens)
{
    return (size_t)MAX_OF(round((double)tokens / s->per_word), 1.0);
}

void prompt_text(const struct prompt_set *p, uint64_t seq, size_t n, struct buf *out)
{
    uint64_t salt = p->seed ^ (p->kind != PROMPT_SHARED ? (seq + 1) * 0xd1342543de82ef95u : 0);
    uint64_t body = p->seed, prefix = ~p->seed ^ (seq % MAX_OF(p->prefix_count, UINT64_C(1)) + 1) * 0x9e3779b97f4a7c15u;
    size_t own = MIN_OF(n, (size_t)OWN_WORDS), shared = seq < TURN_SEQ ? MIN_OF(p->prefix_words, n - own) : 0; /* what follows has it already */
    for (size_t i = 0; i < n; i++) {
        uint64_t *state = i < shared ? &prefix : i < shared + SALT_WORDS ? &salt : &body;
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

/* ---- messages ---- */

static const struct prompt_item *item_of(const struct prompt_set *p, uint64_t seq)
{
    return p->kind == PROMPT_FILE ? &p->items[seq % p->items_n] : NULL;
}

size_t prompt_turns(const struct prompt_set *p, uint64_t seq)
{
    const struct prompt_item *item = item_of(p, seq);
    return item != NULL ? item->more_n + 1 : 0;
}

/* The words need no escaping. */
static void add_text(const struct prompt_set *p, uint64_t seq, size_t words_n, struct buf *out)
{
    buf_add(out, "\"", 1);
    prompt_text(p, seq, words_n, out);
    buf_add(out, "\"", 1);
}

/* What the user says in this turn, as JSON. */
static void add_content(const struct prompt_set *p, const struct body_spec *spec, struct buf *out)
{
    const struct prompt_item *item = item_of(p, spec->seq);
    if (item == NULL)
        add_text(p, spec->seq + TURN_SEQ * (uint64_t)spec->turn, spec->words, out);
    else
        buf_adds(out, spec->turn == 0 ? item->json : item->more[spec->turn - 1]);
}

void prompt_messages(const struct prompt_set *p, const struct body_spec *spec, struct buf *out)
{
    const struct prompt_item *item = item_of(p, spec->seq);
    if (item != NULL && spec->turn == 0 && item->json[0] == '[') {
        buf_add(out, item->json + 1, strlen(item->json) - 2); /* without its brackets */
        return;
    }
    if (p->kind == PROMPT_AGENT && spec->turn == 0)
        buf_addf(out, "{\"role\":\"system\",\"content\":%s},", p->agent_system);
    buf_adds(out, "{\"role\":\"user\",\"content\":");
    add_content(p, spec, out);
    buf_adds(out, "}");
}

static void add_prompt(const struct prompt_set *p, const struct body_spec *spec, struct buf *out)
{
    const struct prompt_item *item = item_of(p, spec->seq);
    const char *tools = p->kind == PROMPT_AGENT ? p->agent_tools : item != NULL ? item->tools : NULL;
    if (spec->endpoint != ENDPOINT_CHAT) {
        buf_adds(out, ",\"prompt\":");
        add_content(p, spec, out);
        return;
    }
    buf_adds(out, ",\"messages\":[");
    if (spec->history != NULL && spec->history[0] != '\0')
        buf_addf(out, "%s,", spec->history);
    prompt_messages(p, spec, out);
    buf_adds(out, "]");
    if (tools != NULL)
        buf_addf(out, ",\"tools\":%s", tools);
}

/* ---- further fields ---- */

bool prompt_check_extra(const char *json, unsigned *drops, struct err *e)
{
    static const char *const own[] = {"model", "messages", "prompt", "stream", "stream_options", "max_tokens", "max_completion_tokens", "min_tokens"};
    static const struct {
        const char *name;
        unsigned bit;
    } ours[] = {{"temperature", BODY_TEMPERATURE}, {"ignore_eos", BODY_IGNORE_EOS}};
    cJSON *root = json_alone(json, strlen(json));
    bool ok = cJSON_IsObject(root);
    *drops = 0;
    if (!ok)
        err_set(e, "is not a JSON object: it takes '{\"top_k\": 20}'");
    for (size_t i = 0; ok && i < ARRAY_LEN(own); i++)
        if (cJSON_GetObjectItemCaseSensitive(root, own[i]) != NULL)
            ok = err_set(e, "\"%s\" is set by tokgauge itself, from other options", own[i]);
    for (size_t i = 0; ok && i < ARRAY_LEN(ours); i++)
        if (cJSON_GetObjectItemCaseSensitive(root, ours[i].name) != NULL)
            *drops |= ours[i].bit;
    cJSON_Delete(root);
    return ok;
}

/* The object's inside; it has been checked. */
static void add_extra(const char *json, struct buf *out)
{
    cJSON *root = cJSON_Parse(json);
    char *text = root != NULL && root->child != NULL ? cJSON_PrintUnformatted(root) : NULL;
    if (text != NULL) {
        buf_adds(out, ",");
        buf_add(out, text + 1, strlen(text) - 2);
    }
    cJSON_free(text);
    cJSON_Delete(root);
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
    if (spec->extra != NULL)
        add_extra(spec->extra, out);
    buf_adds(out, "}");
}
