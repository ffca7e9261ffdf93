/* prompt: what is sent.  Builds prompts of a wanted length in tokens out of common words, each of which is one token in
 * the usual vocabularies, salted so that no prefix cache can help unless that is asked for; or takes them from a JSONL
 * file.  The length is calibrated against the server (struct prompt_scale) because no tokenizer is the same.
 * Pure but for prompt_load; a prompt set is const after it was made and may be read by all threads. */
#ifndef TG_PROMPT_H
#define TG_PROMPT_H

#include "buf.h"
#include "load/config.h"
#include "util.h"

/* tokens(words) = base + per_word × words, as this server counts them. */
struct prompt_scale {
    double base, per_word;
};

struct prompt_set {
    enum prompt_kind kind;
    uint64_t seed;
    char **items; /* PROMPT_FILE: a JSON value each: an array of messages, or a string */
    size_t items_n;
};

/* spec: "unique", "shared", or a JSONL file whose lines hold {"prompt": "…"} or {"messages": […]}.  A file that cannot
 * be read, or a line that is neither, is named with file:line.  Release with prompt_release. */
bool prompt_load(struct prompt_set *p, const char *spec, uint64_t seed, struct err *e);
void prompt_release(struct prompt_set *p);

/* Words to write so that the prompt has `tokens` tokens; at least PROMPT_MIN_WORDS. */
#define PROMPT_MIN_WORDS 8
size_t prompt_words(const struct prompt_scale *s, int64_t tokens);
/* Appends the plain text of prompt number `seq` with that many words (unique and shared kinds). */
void prompt_text(const struct prompt_set *p, uint64_t seq, size_t words, struct buf *out);

/* Fields of a request body that not every server takes. */
enum body_field {
    BODY_USAGE = 1 << 0,          /* stream_options.include_usage */
    BODY_CONTINUOUS = 1 << 1,     /* stream_options.continuous_usage_stats */
    BODY_MAX_TOKENS = 1 << 2,
    BODY_MAX_COMPLETION = 1 << 3, /* max_completion_tokens */
    BODY_MIN_TOKENS = 1 << 4,
    BODY_IGNORE_EOS = 1 << 5,
    BODY_TEMPERATURE = 1 << 6,    /* temperature: 0 */
};
/* The fields' names as they stand in error messages; ends in a zero bit. */
struct body_field_name {
    unsigned bit;
    const char *name;
};
extern const struct body_field_name body_field_names[];

struct body_spec {
    const char *model;
    enum endpoint endpoint;
    unsigned fields; /* body_field bits */
    int64_t max_tokens;
    uint64_t seq;
    size_t words;
};
/* Appends the JSON body of a streamed request. */
void prompt_body(const struct prompt_set *p, const struct body_spec *spec, struct buf *out);

#endif
