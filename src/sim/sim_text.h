/* sim_text: what the simulated model says and how it counts.  Pure.
 *
 * The tokeniser cuts text into pieces whose concatenation is the text: a word of letters, digits and
 * non-ASCII characters, with one space before it if there is one, in pieces of at most 8 characters; or one
 * punctuation mark, likewise with its space; or a run of other white space.  So a common English word is one
 * token, and an answer that is tokenised again has as many tokens as were counted when it was made. */
#ifndef TG_SIM_TEXT_H
#define TG_SIM_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define SIM_PIECE_MAX 40 /* bytes of the longest piece, NUL included */

/* Token i of the answer with this seed: readable English, one piece, no character that JSON would escape.
 * Returns its length; out always ends in NUL. */
size_t sim_text_token(uint64_t seed, int i, char out[SIM_PIECE_MAX]);

typedef void sim_piece_fn(void *user, const char *piece, size_t n);
void sim_tokenise(const char *text, size_t n, sim_piece_fn *piece, void *user);

uint64_t sim_piece_hash(const char *piece, size_t n);

/* Token ids: made from hashes, remembered so that they can be turned back into text.  Bounded: when the table
 * is crowded around a piece an older one is forgotten. */
struct sim_vocab;
struct sim_vocab *sim_vocab_new(void);
void sim_vocab_free(struct sim_vocab *v);
uint32_t sim_vocab_id(struct sim_vocab *v, const char *piece, size_t n);
/* NULL for an id that was never given out. */
const char *sim_vocab_text(const struct sim_vocab *v, uint32_t id);

#endif
