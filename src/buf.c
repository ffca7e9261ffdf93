#include "buf.h"
#include "util.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_release(struct buf *b)
{
    free(b->data);
    *b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->cut = false;
    if (b->data != NULL)
        b->data[0] = '\0';
}

void buf_forget(struct buf *b)
{
    if (b->cap > BUF_KEPT)
        buf_release(b);
    else
        buf_clear(b);
}

static bool reserve(struct buf *b, size_t extra)
{
    assert(b->max > 0); /* buf_init */
    if (extra > b->max - b->len) {
        b->cut = true;
        return false;
    }
    size_t need = b->len + extra + 1;
    if (need <= b->cap)
        return true;
    size_t cap = b->cap > 0 ? b->cap * 2 : 128;
    while (cap < need)
        cap *= 2;
    b->data = xrealloc(b->data, cap);
    b->cap = cap;
    return true;
}

bool buf_add(struct buf *b, const void *data, size_t n)
{
    if (!reserve(b, n))
        return false;
    if (n > 0)
        memcpy(b->data + b->len, data, n);
    b->len += n;
    b->data[b->len] = '\0';
    return true;
}

bool buf_adds(struct buf *b, const char *s)
{
    return buf_add(b, s, strlen(s));
}

bool buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *s = NULL;
    int n = vasprintf(&s, fmt, ap);
    va_end(ap);
    if (n < 0)
        die("out of memory (formatting)");
    bool ok = buf_add(b, s, (size_t)n);
    free(s);
    return ok;
}

static bool add_escaped(struct buf *b, const char *s, size_t n, bool raw)
{
    size_t before = b->len;
    bool ok = true;
    for (size_t i = 0; i < n && ok;) {
        unsigned char c = (unsigned char)s[i];
        uint32_t cp;
        size_t len = utf8_decode(s + i, n - i, &cp);
        if (len == 0) {
            ok = buf_adds(b, "\xef\xbf\xbd");
            i++;
            continue;
        }
        if (raw && (c == '"' || c == '\\'))
            ok = buf_add(b, (char[]){'\\', (char)c}, 2);
        else if ((raw && c < 0x20) || (cp >= 0x7f && cp < 0xa0) || utf8_is_format(cp))
            ok = buf_addf(b, "\\u%04x", (unsigned)cp);
        else
            ok = buf_add(b, s + i, len);
        i += len;
    }
    if (!ok) {
        b->len = before;
        if (b->data != NULL)
            b->data[before] = '\0';
    }
    return ok;
}

bool buf_add_json(struct buf *b, const char *s, size_t n)
{
    return add_escaped(b, s, n, true);
}

bool buf_add_escaped(struct buf *b, const char *json)
{
    return add_escaped(b, json, strlen(json), false);
}

void buf_drop(struct buf *b, size_t n)
{
    if (n >= b->len) {
        buf_clear(b);
        return;
    }
    memmove(b->data, b->data + n, b->len - n + 1);
    b->len -= n;
}

bool buf_read_line(FILE *f, struct buf *line, bool *whole)
{
    char part[4096];
    size_t n = 0;
    int c = 0;
    buf_clear(line);
    *whole = true;
    flockfile(f);
    while (*whole && c != '\n' && (c = getc_unlocked(f)) != EOF) {
        if (c != '\n')
            part[n++] = (char)c;
        if (n < sizeof part && c != '\n')
            continue;
        *whole = buf_add(line, part, n);
        n = 0;
    }
    funlockfile(f);
    if (*whole)
        *whole = buf_add(line, part, n);
    return c != EOF || line->len > 0;
}
