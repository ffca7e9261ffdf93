/* mask: command lines as text that may be shown and kept: words quoted as a shell would want them, secrets as "***".
 * Pure; stands on util and buf. */
#ifndef TG_MASK_H
#define TG_MASK_H

#include "buf.h"

#include <stddef.h>

/* The words as one line in out[size], which always ends in NUL; what does not fit is cut and "…" stands in its place.
 * Masked are: values of options and variables named like a secret (--api-key X, --api-key=X, HF_TOKEN=X, also inside a
 * word, as in `sh -c '…'` and JSON), values of headers (-H, --header: the name stays), logins in URLs, and words that
 * look like a key of a known service (hf_…, sk-…).  Names of files and variables that hold a secret are shown.  When in
 * doubt too much is masked.  The words are not sanitised. */
void mask_command_line(char *const *words, size_t n, char *out, size_t size);

/* One word that stands alone, appended to out. */
void mask_word(struct buf *out, const char *word);

/* Is a variable, a header or a field of this name a secret, with this value? */
bool mask_is_secret(const char *name, const char *value);
/* What mask_command_line would hide in the words of this command for a shell becomes a secret (secret.h). */
void mask_learn(const char *command);
/* argv: the arguments of this process, which everybody on this machine can read; words: a copy of them.  In argv secrets are
 * overwritten. */
void mask_arguments(char *const *words, char **argv, size_t n);

#endif
