/* buf: a growing byte buffer that is born with its maximum.  A server that streams without end becomes an error row,
 * not memory. */
#ifndef TG_BUF_H
#define TG_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct buf {
    char *data; /* NUL after len, once anything was put in; NULL before */
    size_t len, cap, max;
    bool cut; /* something had no room since it was empty: for who looks once, when all is put in */
};

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b);
void buf_clear(struct buf *b); /* keeps the memory */
/* As buf_clear, but keeps little memory (BUF_KEPT): of thousands of buffers each would keep the most that ever was in it. */
#define BUF_KEPT 1024
void buf_forget(struct buf *b);
/* False (and the buffer unchanged) where the result would be longer than max. */
bool buf_add(struct buf *b, const void *data, size_t n);
bool buf_adds(struct buf *b, const char *s);
bool buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* s as the inside of a JSON string, without the quotes.  Invalid UTF-8 becomes U+FFFD; control characters, C1 too, and those
 * that are not to be seen (utf8_is_format) are written as \u…, so that the text may be shown on a terminal as it is. */
bool buf_add_json(struct buf *b, const char *s, size_t n);
/* JSON as another writer has made it, with the same characters written as \u… */
bool buf_add_escaped(struct buf *b, const char *json);
/* Drops the first n bytes. */
void buf_drop(struct buf *b, size_t n);

/* Reads one line, without its end; false at the end of the file or on an error.  *whole is false where the line exceeds
 * the buffer's bound: it is cut short then, and the next call goes on inside it. */
bool buf_read_line(FILE *f, struct buf *line, bool *whole);

#endif
