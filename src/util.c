#include "util.h"
#include "secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static void (*exit_hook)(void);

bool err_set(struct err *e, const char *fmt, ...)
{
    if (e == NULL)
        return false;
    char raw[sizeof e->msg];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(raw, sizeof raw, fmt, ap);
    va_end(ap);
    str_sanitise(e->msg, sizeof e->msg, raw, strlen(raw));
    return false;
}

void die_hook(void (*hook)(void))
{
    exit_hook = hook;
}

void die(const char *fmt, ...)
{
    if (exit_hook != NULL)
        exit_hook();
    va_list ap;
    va_start(ap, fmt);
    fputs("tokgauge: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

void *xmalloc(size_t n)
{
    void *p = malloc(n > 0 ? n : 1);
    if (p == NULL)
        die("out of memory (%zu bytes)", n);
    return p;
}

void *xcalloc(size_t n, size_t size)
{
    void *p = calloc(n > 0 ? n : 1, size > 0 ? size : 1);
    if (p == NULL)
        die("out of memory (%zu × %zu bytes)", n, size);
    return p;
}

void *xrealloc(void *p, size_t n)
{
    void *q = realloc(p, n > 0 ? n : 1);
    if (q == NULL)
        die("out of memory (%zu bytes)", n);
    return q;
}

char *xstrdup(const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(xmalloc(n), s, n);
}

char *xasprintf(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *s = NULL;
    int n = vasprintf(&s, fmt, ap);
    va_end(ap);
    if (n < 0)
        die("out of memory (formatting)");
    return s;
}

size_t utf8_decode(const char *s, size_t n, uint32_t *cp)
{
    const unsigned char *p = (const unsigned char *)s;
    if (p[0] < 0x80) {
        *cp = p[0];
        return 1;
    }
    size_t len = p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc2 ? 2 : 0;
    if (p[0] > 0xf4 || len == 0 || len > n)
        return 0;
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t c = p[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *cp = c;
    return len;
}

size_t utf8_count(const char *s, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += ((unsigned char)s[i] & 0xc0) != 0x80;
    return count;
}

size_t utf8_encode(uint32_t cp, char *out)
{
    size_t n = 0;
    if (cp < 0x80) {
        out[n++] = (char)cp;
    } else if (cp < 0x800) {
        out[n++] = (char)(0xc0 | cp >> 6);
        out[n++] = (char)(0x80 | (cp & 0x3f));
    } else if (cp < 0x10000) {
        out[n++] = (char)(0xe0 | cp >> 12);
        out[n++] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[n++] = (char)(0x80 | (cp & 0x3f));
    } else {
        out[n++] = (char)(0xf0 | cp >> 18);
        out[n++] = (char)(0x80 | (cp >> 12 & 0x3f));
        out[n++] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[n++] = (char)(0x80 | (cp & 0x3f));
    }
    out[n] = '\0';
    return n;
}

void str_copy(char *dst, size_t size, const char *src)
{
    size_t n = strlen(src);
    if (n >= size) {
        n = size - 1;
        while (n > 0 && ((unsigned char)src[n] & 0xc0) == 0x80)
            n--;
    }
    memmove(dst, src, n);
    dst[n] = '\0';
}

bool str_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool utf8_is_format(uint32_t cp)
{
    return cp == 0xad || cp == 0x61c || (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
           (cp >= 0x2060 && cp <= 0x2069) || cp == 0xfeff || (cp >= 0xfff9 && cp <= 0xfffb);
}

void str_sanitise(char *dst, size_t size, const char *src, size_t n)
{
    size_t out = 0;
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        size_t hidden = secret_at(src, n, i);
        if (hidden > 0) {
            if (out + strlen(SECRET_STARS) >= size)
                break;
            memcpy(dst + out, SECRET_STARS, strlen(SECRET_STARS));
            out += strlen(SECRET_STARS);
            i += hidden;
            continue;
        }
        size_t len = utf8_decode(src + i, n - i, &cp);
        if (len == 0) {
            cp = 0xfffd;
            len = 1;
        } else if (cp == '\n' || cp == '\t' || cp == '\r') {
            cp = ' ';
        } else if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0)) {
            cp = 0xfffd;
        }
        i += len;
        if (utf8_is_format(cp))
            continue;
        char enc[5];
        size_t k = utf8_encode(cp, enc);
        if (out + k >= size)
            break;
        memcpy(dst + out, enc, k);
        out += k;
    }
    dst[out] = '\0';
}

uint64_t rng_next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double rng_unit(uint64_t *state)
{
    return (double)(rng_next(state) >> 11) * 0x1p-53;
}

void url_hide_login(const char *url, char *out, size_t size)
{
    const char *scheme = strstr(url, "://");
    const char *host = scheme != NULL ? scheme + 3 : url;
    const char *end = host + strcspn(host, "/?#");
    const char *at = memrchr(host, '@', (size_t)(end - host));
    snprintf(out, size, "%.*s%s", (int)(host - url), url, at != NULL ? at + 1 : host);
}

static rlim_t files_given; /* 0: the limit was never raised */

uint64_t raise_file_limit(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) != 0)
        return UINT64_MAX;
    if (l.rlim_cur < l.rlim_max) {
        rlim_t before = l.rlim_cur;
        files_given = before;
        l.rlim_cur = l.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &l) != 0)
            l.rlim_cur = before;
    }
    return l.rlim_cur;
}

void restore_file_limit(void)
{
    struct rlimit l;
    if (files_given == 0 || getrlimit(RLIMIT_NOFILE, &l) != 0)
        return;
    l.rlim_cur = files_given;
    setrlimit(RLIMIT_NOFILE, &l);
}
