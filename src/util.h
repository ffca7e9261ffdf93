/* util: errors, memory that cannot fail, small string helpers.  Layer 0: libc only. */
#ifndef TG_UTIL_H
#define TG_UTIL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))

/* A recoverable error, worded by the callee: lower case, what failed first, the subject in quotes, no full stop. */
struct err {
    char msg[512];
};

/* Fills e (may be NULL) and returns false, so that `return err_set(e, …)` reads well.  What it quotes may be anybody's text:
 * the message is sanitised (str_sanitise), so it is one line that a terminal can show. */
bool err_set(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Broken invariant or no memory: runs the hook (which restores the terminal), prints one line, exits 1. */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void die_hook(void (*hook)(void));

/* Never return NULL; the caller frees with free(). */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Copies src into dst[size], cutting at a whole UTF-8 character; dst always ends in NUL. */
void str_copy(char *dst, size_t size, const char *src);
bool str_starts(const char *s, const char *prefix);

/* Makes n bytes of server text harmless for a terminal or a file: writes valid UTF-8 to dst[size] with C0/C1 controls
 * and DEL shown as spaces (newline, tab) or U+FFFD, and invalid bytes as U+FFFD.  Always ends in NUL.  Bidi and other
 * format characters and the line separators (U+00AD, U+061C, U+200B–U+200F, U+2028–U+202E, U+2060–U+2069, U+FEFF,
 * U+FFF9–U+FFFB) are dropped.  A secret that this process uses
 * (secret.h) is shown as "***". */
void str_sanitise(char *dst, size_t size, const char *src, size_t n);

/* Marks of direction, characters of no width, separators of lines: not to be seen, and they change what is. */
bool utf8_is_format(uint32_t cp);
/* Decodes one UTF-8 character of s[0..n): returns its length and sets *cp, or returns 0 where the bytes are invalid
 * or cut short.  n must be > 0. */
size_t utf8_decode(const char *s, size_t n, uint32_t *cp);
/* Characters in s[0..n), of any width. */
size_t utf8_count(const char *s, size_t n);
/* Writes cp as UTF-8 to out (at least 5 bytes, NUL added); returns its length. */
size_t utf8_encode(uint32_t cp, char *out);

/* A small seeded generator (splitmix64): the same seed gives the same sequence on every machine. */
uint64_t rng_next(uint64_t *state);
/* Lets this process have as many files open as its hard limit allows; returns how many that are. */
uint64_t raise_file_limit(void);
/* … as few as it was started with again; for a child between fork and exec. */
void restore_file_limit(void);

/* Uniform in [0, 1). */
double rng_unit(uint64_t *state);

/* "http://user:secret@host/" → "http://host/": what may be shown and written of a URL. */
void url_hide_login(const char *url, char *out, size_t size);

#endif
