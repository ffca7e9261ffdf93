/* secret: the keys that this process uses, known to whatever makes text of what a server said, so that a key which the server
 * says again (in an error, in a model's name, in an answer) gets to no screen and no file.  Layer 0; all calls from any thread.
 *
 * What a server hides on purpose (backwards, a letter a line) is not found: it has the key already. */
#ifndef TG_SECRET_H
#define TG_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#define SECRET_LEAST 6   /* bytes; shorter ones ("EMPTY", "none") are no secrets, and words that texts are full of */
#define SECRET_STARS "***"

/* From now on s[0..n) is one, for good; once is enough; a word that people give where none is needed ("ollama") is none.  The first one also keeps this process from leaving a core file, which
 * would hold it: a debugger that is attached sees everything still.  What is too short is left out, and so are those after the
 * first 64. */
void secret_add(const char *s, size_t n);

/* How many bytes of s[0..n) from s[at] on belong to a secret that begins there: SECRET_STARS stand in their place.  0: none.
 * Where the text begins with the end of one, or ends with its beginning, for it was cut or is still coming, SECRET_LEAST
 * bytes of it count as well. */
size_t secret_at(const char *s, size_t n, size_t at);

/* In a child, before it becomes another program: it may leave core files again if this process could. */
void secret_child(void);

#endif
