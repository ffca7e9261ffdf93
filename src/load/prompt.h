/* prompt: what is sent.  Builds prompts of a wanted length in tokens out of common words, each of which is one token in
 * the usual vocabularies, salted so that no prefix cache can help unless that is asked for; or takes them from a JSONL
 * file; or wears the shape of an agent's requests.  The length is calibrated against the server (struct prompt_scale) because
 * no tokenizer is the same.  A conversation is a sequence of turns, each of which carries all that was said before.
 * Pure but for prompt_load; a prompt set is const once the load begins and may be read by all threads. */
#ifndef TG_PROMPT_H
#define TG_PROMPT_H

#include "buf.h"
#include "load/config.h"
#include "util.h"

/* tokens(words) = base + per_word × words, as this server counts them. */
struct prompt_scale {
    double base, per_word;
};

/* A line of a file. */
struct prompt_item {
    char *json;   /* an array of messages, or a string */
    char *tools;  /* a JSON array to go with it; NULL: none */
    char **more;  /* what the user says in the turns that follow: JSON strings (or content arrays) */
    size_t more_n;
};

struct prompt_set {
    enum prompt_kind kind;
    uint64_t seed;
    struct prompt_item *items; /* PROMPT_FILE */
    size_t items_n;
    size_t prefix_words;   /* of unique prompts: the first so many (of short ones fewer) are one of prefix_count texts that all share; 0: none */
    uint64_t prefix_count;
    char *agent_system, *agent_tools; /* PROMPT_AGENT: a JSON string, a JSON array; the same in every request */
};

/* spec: "unique", "shared", "agent", "agent-small", or a JSONL file whose lines hold {"prompt": "…"}, {"messages": […]} (with
 * "tools", where they go with it), or {"conversations": [{"from": "human", "value": "…"}, …]} (ShareGPT).  turns above 1: what
 * a user says later in a conversation is kept for its turns; else a list of messages is sent as it is, of ShareGPT's the first
 * turn.  A file that cannot be read, or a line that is none of these, is named with file:line.  Release with prompt_release. */
bool prompt_load(struct prompt_set *p, const char *spec, uint64_t seed, int64_t turns, struct err *e);
void prompt_release(struct prompt_set *p);
/* Does the spec name a file?  Its prompts are as long as they are. */
bool prompt_is_file(const char *spec);
/* The tokens of context that requests ask for; 0: prompts of a file, nobody asks for any length. */
int64_t prompt_context(const struct run_config *c);

/* Words to write so that the prompt has `tokens` tokens; at least PROMPT_MIN_WORDS. */
#define PROMPT_MIN_WORDS 8
size_t prompt_words(const struct prompt_scale *s, int64_t tokens);
/* … of that many tokens, without a template's share. */
size_t prompt_plain_words(const struct prompt_scale *s, int64_t tokens);
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
    uint64_t seq;    /* of the request, in a conversation of its first turn */
    size_t words;    /* of what the user says now */
    int turn;        /* 0: the first */
    const char *history; /* chat: what was said before, messages parted by commas; NULL, "": nothing */
    const char *extra;   /* further fields: a JSON object; NULL: none */
};
/* How many turns that conversation can have; 0: as many as wanted. */
size_t prompt_turns(const struct prompt_set *p, uint64_t seq);
/* Appends the messages that this turn adds, parted by commas: what goes into the history once it is answered. */
void prompt_messages(const struct prompt_set *p, const struct body_spec *spec, struct buf *out);
/* Is it a JSON object that a request can carry beside our own fields?  False with one line in e.  *drops: body_field bits of
 * ours that it sets itself. */
bool prompt_check_extra(const char *json, unsigned *drops, struct err *e);
/* Appends the JSON body of a streamed request. */
void prompt_body(const struct prompt_set *p, const struct body_spec *spec, struct buf *out);

#endif
