#include "sim/sim_ask.h"

#include "buf.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EOS_PIECE "<|im_end|>"
#define STOPS_MAX 16
#define NATURAL_LEAST 60
#define NATURAL_MOST 400

bool sim_refuse(struct sim_refusal *r, int status, const char *param, const char *fmt, ...)
{
    r->status = status;
    r->type = status == 404 ? "NotFoundError" : status == 400 ? "BadRequestError" : "InternalServerError";
    r->param = param;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->message, sizeof r->message, fmt, ap);
    va_end(ap);
    return false;
}

/* ---- the prompt ---- */

struct sink {
    sim_piece_fn *piece;
    void *user;
};

static void put_special(const struct sink *to, const char *piece)
{
    to->piece(to->user, piece, strlen(piece));
}

static void put_text(const struct sink *to, const char *text)
{
    sim_tokenise(text, strlen(text), to->piece, to->user);
}

/* A value that is not plain text counts as the JSON that a template would print. */
static void put_json(const struct sink *to, const cJSON *value)
{
    char *text = cJSON_PrintUnformatted(value);
    if (text != NULL)
        put_text(to, text);
    cJSON_free(text);
}

static void put_content(const struct sink *to, const cJSON *content)
{
    if (cJSON_IsString(content)) {
        put_text(to, content->valuestring);
        return;
    }
    const cJSON *part;
    cJSON_ArrayForEach(part, content)
    {
        const cJSON *text = cJSON_GetObjectItemCaseSensitive(part, "text");
        if (cJSON_IsString(text))
            put_text(to, text->valuestring);
    }
}

static void put_message(const struct sink *to, const cJSON *message)
{
    char role[24];
    snprintf(role, sizeof role, "%.16s\n", cJSON_GetObjectItemCaseSensitive(message, "role")->valuestring);
    put_special(to, "<|im_start|>");
    put_special(to, role);
    put_content(to, cJSON_GetObjectItemCaseSensitive(message, "content"));
    const cJSON *calls = cJSON_GetObjectItemCaseSensitive(message, "tool_calls");
    if (cJSON_IsArray(calls))
        put_json(to, calls);
    put_special(to, EOS_PIECE);
    put_special(to, "\n");
}

static bool put_chat(const struct sink *to, const cJSON *root, bool generation_prompt, struct sim_refusal *r)
{
    const cJSON *messages = cJSON_GetObjectItemCaseSensitive(root, "messages");
    if (!cJSON_IsArray(messages) || cJSON_GetArraySize(messages) == 0)
        return sim_refuse(r, 400, "messages", "messages: a list with at least one message is required");
    static const char *const preamble[] = {"<|im_start|>", "system\n", "Be", " helpful", ".",
                                           EOS_PIECE,      "\n"};
    for (size_t i = 0; i < ARRAY_LEN(preamble); i++)
        put_special(to, preamble[i]);
    const cJSON *tools = cJSON_GetObjectItemCaseSensitive(root, "tools");
    if (cJSON_IsArray(tools))
        put_json(to, tools);
    const cJSON *message;
    cJSON_ArrayForEach(message, messages)
    {
        if (!cJSON_IsString(cJSON_GetObjectItemCaseSensitive(message, "role")))
            return sim_refuse(r, 400, "messages", "messages: every message needs a role");
        put_message(to, message);
    }
    if (generation_prompt) {
        put_special(to, "<|im_start|>");
        put_special(to, "assistant\n");
    }
    return true;
}

static bool put_ids(const struct sink *to, const cJSON *ids, const struct sim_vocab *vocab,
                    struct sim_refusal *r)
{
    const cJSON *id;
    cJSON_ArrayForEach(id, ids)
    {
        if (!cJSON_IsNumber(id) || id->valuedouble < 0)
            return sim_refuse(r, 400, "prompt", "prompt: a list must hold token ids only");
        const char *text = sim_vocab_text(vocab, (uint32_t)id->valueint);
        char unknown[16];
        if (text == NULL) {
            snprintf(unknown, sizeof unknown, "#%d", id->valueint);
            text = unknown;
        }
        put_special(to, text);
    }
    return true;
}

static bool put_prompt(const struct sink *to, const cJSON *prompt, const struct sim_vocab *vocab,
                       struct sim_refusal *r)
{
    if (cJSON_IsArray(prompt) && cJSON_GetArraySize(prompt) == 1 && cJSON_IsString(prompt->child))
        prompt = prompt->child;
    if (cJSON_IsString(prompt)) {
        put_text(to, prompt->valuestring);
        return true;
    }
    if (cJSON_IsArray(prompt))
        return put_ids(to, prompt, vocab, r);
    return sim_refuse(r, 400, "prompt", "prompt: a string or a list of token ids is required");
}

bool sim_prompt_pieces(const cJSON *root, bool generation_prompt, const struct sim_vocab *vocab,
                       sim_piece_fn *piece, void *user, struct sim_refusal *r)
{
    struct sink to = {piece, user};
    const cJSON *prompt = cJSON_GetObjectItemCaseSensitive(root, "prompt");
    if (prompt == NULL || cJSON_HasObjectItem(root, "messages"))
        return put_chat(&to, root, generation_prompt, r);
    return put_prompt(&to, prompt, vocab, r);
}

/* Keeps hashes up to a limit and counts on beyond it: a prompt too long is refused with its true length. */
struct prompt_hashes {
    uint64_t *hash;
    size_t n, cap, limit;
};

static void keep_hash(void *user, const char *piece, size_t n)
{
    struct prompt_hashes *p = user;
    if (p->n < p->limit) {
        if (p->n == p->cap) {
            p->cap = MAX_OF(64, p->cap * 2);
            p->hash = xrealloc(p->hash, p->cap * sizeof *p->hash);
        }
        p->hash[p->n] = sim_piece_hash(piece, n);
    }
    p->n++;
}

/* ---- numbers ---- */

/* A whole number within [least, 2^31), `fallback` where it is absent or null. */
static bool read_int(const cJSON *root, const char *name, int least, int fallback, int *out,
                     struct sim_refusal *r)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(root, name);
    *out = fallback;
    if (v == NULL || cJSON_IsNull(v))
        return true;
    if (!cJSON_IsNumber(v) || fabs(v->valuedouble) >= 2147483648.0 || v->valuedouble != trunc(v->valuedouble))
        return sim_refuse(r, 400, name, "%s: Input should be a valid integer", name);
    if (v->valuedouble < least)
        return sim_refuse(r, 400, name, "%s must be at least %d, got %.0f.", name, least, v->valuedouble);
    *out = v->valueint;
    return true;
}

static bool read_bool(const cJSON *root, const char *name)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, name));
}

static bool check_context(int prompt, int max_tokens, const struct sim_config *c, bool chat,
                          struct sim_refusal *r)
{
    const char *what = chat ? "messages" : "prompt";
    if (prompt >= c->max_model_len)
        return sim_refuse(
            r, 400, what,
            "This model's maximum context length is %d tokens. However, you requested %d tokens in the %s, "
            "Please reduce the length of the %s.",
            c->max_model_len, prompt, what, what);
    if (max_tokens > c->max_model_len - prompt)
        return sim_refuse(
            r, 400, "max_tokens",
            "This model's maximum context length is %d tokens. However, you requested %lld tokens (%d in "
            "the %s, %d in the completion). Please reduce the length of the %s or completion.",
            c->max_model_len, (long long)prompt + max_tokens, prompt, what, max_tokens, what);
    return true;
}

/* ---- the answer ---- */

static size_t read_stops(const cJSON *root, const char *stop[STOPS_MAX])
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(root, "stop");
    size_t n = 0;
    if (cJSON_IsString(v) && v->valuestring[0] != '\0')
        stop[n++] = v->valuestring;
    const cJSON *item;
    if (cJSON_IsArray(v))
        cJSON_ArrayForEach(item, v) if (n < STOPS_MAX && cJSON_IsString(item) && item->valuestring[0] != '\0')
            stop[n++] = item->valuestring;
    return n;
}

/* Looks in the text that the last token made longer; the earliest hit wins. */
static const char *find_stop(const char *text, size_t from, const char *const *stop, size_t n, size_t *at)
{
    const char *hit = NULL;
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(stop[i]);
        const char *p = strstr(text + (from >= len ? from - len + 1 : 0), stop[i]);
        if (p != NULL && (hit == NULL || (size_t)(p - text) < *at)) {
            hit = stop[i];
            *at = (size_t)(p - text);
        }
    }
    return hit;
}

/* Says the whole answer once, to know its bytes and where a stop string ends it. */
static void measure_text(struct sim_ask *ask, int min_tokens, const char *const *stop, size_t stops)
{
    struct buf text;
    buf_init(&text, (size_t)ask->output_tokens * SIM_PIECE_MAX + 1);
    char piece[SIM_PIECE_MAX];
    int words = ask->output_tokens - ask->ends_by_eos;
    for (int i = 0; i < words; i++) {
        size_t from = text.len, at = 0;
        buf_add(&text, piece, sim_text_token(ask->text_seed, i, piece));
        const char *hit = i + 1 >= min_tokens ? find_stop(text.data, from, stop, stops, &at) : NULL;
        if (hit != NULL) {
            ask->stop_hit = xstrdup(hit);
            ask->finish = "stop";
            ask->output_tokens = i + 1;
            ask->ends_by_eos = false;
            text.len = at;
            break;
        }
    }
    ask->text_bytes = text.len;
    buf_release(&text);
}

static void plan_answer(struct sim_ask *ask, const cJSON *root, int max_tokens, int min_tokens)
{
    uint64_t state = ask->text_seed;
    int words = NATURAL_LEAST + (int)(rng_next(&state) % (NATURAL_MOST - NATURAL_LEAST + 1));
    words = MAX_OF(words, min_tokens);
    ask->ends_by_eos = !read_bool(root, "ignore_eos") && words < max_tokens;
    ask->output_tokens = ask->ends_by_eos ? words + 1 : max_tokens;
    ask->finish = ask->ends_by_eos ? "stop" : "length";
    const char *stop[STOPS_MAX];
    measure_text(ask, min_tokens, stop, read_stops(root, stop));
}

static bool read_limits(const cJSON *root, bool chat, int *max_tokens, int *min_tokens, struct sim_refusal *r)
{
    if (!read_int(root, "max_tokens", 1, chat ? -1 : 16, max_tokens, r) ||
        (chat && !read_int(root, "max_completion_tokens", 1, *max_tokens, max_tokens, r)) ||
        !read_int(root, "min_tokens", 0, 0, min_tokens, r))
        return false;
    if (*max_tokens > 0 && *min_tokens > *max_tokens)
        return sim_refuse(r, 400, "min_tokens",
                          "min_tokens must be less than or equal to max_tokens=%d, got %d.", *max_tokens,
                          *min_tokens);
    return true;
}

static bool read_form(struct sim_ask *ask, const cJSON *root, const struct sim_config *c,
                      struct sim_refusal *r)
{
    const cJSON *model = cJSON_GetObjectItemCaseSensitive(root, "model");
    if (model != NULL && !cJSON_IsNull(model) &&
        (!cJSON_IsString(model) || strcmp(model->valuestring, c->model) != 0))
        return sim_refuse(r, 404, "model", "The model `%.200s` does not exist.",
                          cJSON_IsString(model) ? model->valuestring : "");
    int n = 1;
    if (!read_int(root, "n", 1, 1, &n, r))
        return false;
    if (n > 1)
        return sim_refuse(r, 400, "n", "n must be 1: the simulator gives one choice, got %d.", n);
    ask->stream = read_bool(root, "stream");
    const cJSON *options = cJSON_GetObjectItemCaseSensitive(root, "stream_options");
    if (options != NULL && !cJSON_IsNull(options) && !ask->stream)
        return sim_refuse(r, 400, "stream_options", "Stream options can only be defined when `stream=True`.");
    ask->include_usage = read_bool(options, "include_usage");
    ask->continuous_usage = ask->include_usage && read_bool(options, "continuous_usage_stats");
    return true;
}

bool sim_ask_read(struct sim_ask *ask, const cJSON *root, bool chat, const struct sim_config *c,
                  const struct sim_vocab *vocab, struct sim_refusal *r)
{
    *ask = (struct sim_ask){.chat = chat};
    int max_tokens, min_tokens;
    if (!read_form(ask, root, c, r) || !read_limits(root, chat, &max_tokens, &min_tokens, r))
        return false;
    if (cJSON_GetObjectItemCaseSensitive(root, chat ? "messages" : "prompt") == NULL)
        return sim_refuse(r, 400, NULL, "%s: Field required", chat ? "messages" : "prompt");
    struct prompt_hashes p = {.limit = (size_t)c->max_model_len};
    bool ok = sim_prompt_pieces(root, true, vocab, keep_hash, &p, r);
    ask->prompt = p.hash;
    ask->prompt_tokens = (int)p.n;
    if (ok && p.hash == NULL)
        ok = sim_refuse(r, 400, "prompt", "The prompt must hold at least one token.");
    if (!ok || ask->prompt == NULL || !check_context(ask->prompt_tokens, max_tokens, c, chat, r)) {
        sim_ask_release(ask);
        return false;
    }
    ask->text_seed = c->seed;
    for (int i = 0; i < ask->prompt_tokens; i++) {
        uint64_t state = ask->text_seed ^ ask->prompt[i];
        ask->text_seed = rng_next(&state);
    }
    int room = c->max_model_len - ask->prompt_tokens;
    plan_answer(ask, root, max_tokens > 0 ? max_tokens : room, MIN_OF(min_tokens, room));
    return true;
}

void sim_ask_release(struct sim_ask *ask)
{
    free(ask->prompt);
    free(ask->stop_hit);
    *ask = (struct sim_ask){0};
}

uint64_t sim_ask_output_hash(const struct sim_ask *ask, int i)
{
    if (ask->ends_by_eos && i == ask->output_tokens - 1)
        return sim_piece_hash(EOS_PIECE, sizeof EOS_PIECE - 1);
    char piece[SIM_PIECE_MAX];
    size_t n = sim_text_token(ask->text_seed, i, piece);
    return sim_piece_hash(piece, n);
}
