/* sim_text: sentences from templates of twelve slots, a tokeniser by character class, and a table of pieces.
 */
#include "sim/sim_text.h"

#include "util.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 12
#define WORD_CHARS 8
#define SPACE_RUN 32

/* Words of 8 letters at most, so that each is one piece. */
static const char *const determiners[] = {"the", "this", "every", "each", "that", "our", "one", "their"};
static const char *const adjectives[] = {"small",  "quiet",  "bright", "early",  "open",  "steady",
                                         "narrow", "simple", "warm",   "old",    "clear", "second",
                                         "large",  "local",  "recent", "careful"};
static const char *const nouns[] = {"river",  "machine", "garden",  "letter",  "window",  "signal",
                                    "market", "engine",  "street",  "pattern", "answer",  "season",
                                    "table",  "memory",  "teacher", "bridge",  "model",   "number",
                                    "forest", "story",   "city",    "system",  "morning", "question"};
static const char *const verbs[] = {"carries", "follows", "shows",  "changes",  "keeps", "finds",
                                    "moves",   "reads",   "leaves", "measures", "holds", "brings",
                                    "builds",  "reaches", "needs",  "explains"};
static const char *const prepositions[] = {"under", "near",   "behind", "across",
                                           "after", "before", "with",   "through"};
static const char *const adverbs[] = {"slowly", "again",   "together", "quickly",
                                      "often",  "clearly", "twice",    "well"};
static const char *const conjunctions[] = {"and", "but", "while", "because"};

static const struct slot_words {
    char slot;
    const char *const *word;
    size_t n;
} classes[] = {
    {'D', determiners, ARRAY_LEN(determiners)},
    {'A', adjectives, ARRAY_LEN(adjectives)},
    {'N', nouns, ARRAY_LEN(nouns)},
    {'V', verbs, ARRAY_LEN(verbs)},
    {'P', prepositions, ARRAY_LEN(prepositions)},
    {'R', adverbs, ARRAY_LEN(adverbs)},
    {'C', conjunctions, ARRAY_LEN(conjunctions)},
};

static const char *const templates[] = {"DANVDANPDAN.", "PDN,DANVDNR.", "DNVRCDNVDAN.", "DANPDNVDANR."};

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t state = a ^ ((b + 1) * UINT64_C(0x9e3779b97f4a7c15));
    return rng_next(&state);
}

static const char *word_for(char slot, uint64_t r)
{
    for (size_t i = 0; i < ARRAY_LEN(classes); i++)
        if (classes[i].slot == slot)
            return classes[i].word[r % classes[i].n];
    return NULL;
}

size_t sim_text_token(uint64_t seed, int i, char out[SIM_PIECE_MAX])
{
    uint64_t sentence = (uint64_t)(i / SLOTS);
    const char *template = templates[mix(seed, sentence) % ARRAY_LEN(templates)];
    char slot = template[i % SLOTS];
    const char *word = word_for(slot, mix(~seed, (uint64_t)i));
    if (word == NULL) {
        out[0] = slot;
        out[1] = '\0';
        return 1;
    }
    size_t space = i > 0;
    out[0] = ' ';
    str_copy(out + space, SIM_PIECE_MAX - space, word);
    if (i % SLOTS == 0)
        out[space] = (char)(out[space] - 'a' + 'A');
    return strlen(out);
}

/* ---- tokeniser ---- */

static bool is_word(char c)
{
    unsigned char u = (unsigned char)c;
    return u >= 0x80 || u == '_' || isalnum(u);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Length of the word piece at s: at most WORD_CHARS characters, never ending inside a UTF-8 sequence of sane
 * length. */
static size_t word_length(const char *s, size_t n)
{
    size_t len = 0, chars = 0;
    while (len < n && is_word(s[len])) {
        bool continuation = ((unsigned char)s[len] & 0xc0) == 0x80;
        if (!continuation && chars == WORD_CHARS)
            break;
        if (!continuation)
            chars++;
        len++;
        if (len >= SIM_PIECE_MAX - 2)
            break;
    }
    return len;
}

static size_t piece_length(const char *s, size_t n)
{
    size_t space = s[0] == ' ' && n > 1 && !is_space(s[1]);
    if (is_word(s[space]))
        return space + word_length(s + space, n - space);
    if (!is_space(s[space]))
        return space + 1;
    size_t len = 0;
    while (len < n && len < SPACE_RUN && is_space(s[len]))
        len++;
    /* The last space of a run belongs to the word after it. */
    if (len > 1 && len < n && s[len - 1] == ' ' && !is_space(s[len]))
        len--;
    return len;
}

void sim_tokenise(const char *text, size_t n, sim_piece_fn *piece, void *user)
{
    while (n > 0) {
        size_t len = piece_length(text, n);
        piece(user, text, len);
        text += len;
        n -= len;
    }
}

uint64_t sim_piece_hash(const char *piece, size_t n)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)piece[i]) * UINT64_C(0x100000001b3);
    return mix(h, n);
}

/* ---- ids ---- */

#define VOCAB_SIZE 131072 /* a power of two */
#define VOCAB_FIRST 1000  /* the ids below look like special ones, and are never given out */
#define VOCAB_PROBES 16

struct sim_vocab {
    char text[VOCAB_SIZE][SIM_PIECE_MAX];
};

struct sim_vocab *sim_vocab_new(void)
{
    return xcalloc(1, sizeof(struct sim_vocab));
}

void sim_vocab_free(struct sim_vocab *v)
{
    free(v);
}

uint32_t sim_vocab_id(struct sim_vocab *v, const char *piece, size_t n)
{
    char key[SIM_PIECE_MAX];
    n = MIN_OF(n, sizeof key - 1);
    memcpy(key, piece, n);
    key[n] = '\0';
    uint32_t home = (uint32_t)(sim_piece_hash(key, n) % VOCAB_SIZE);
    for (uint32_t i = 0; i < VOCAB_PROBES; i++) {
        uint32_t at = (home + i) % VOCAB_SIZE;
        if (v->text[at][0] == '\0')
            memcpy(v->text[at], key, n + 1);
        if (strcmp(v->text[at], key) == 0)
            return VOCAB_FIRST + at;
    }
    memcpy(v->text[home], key, n + 1);
    return VOCAB_FIRST + home;
}

const char *sim_vocab_text(const struct sim_vocab *v, uint32_t id)
{
    if (id < VOCAB_FIRST || id - VOCAB_FIRST >= VOCAB_SIZE)
        return NULL;
    const char *text = v->text[id - VOCAB_FIRST];
    return text[0] != '\0' ? text : NULL;
}
