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

#endif
