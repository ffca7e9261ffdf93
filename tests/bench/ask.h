/* ask: what the body of a request asks for, found by one cheap walk instead of a JSON parser: the server must
 * cost little.  A header because only blaster.c includes it and each .c of this folder is a program of its
 * own. */
#ifndef TG_ASK_H
#define TG_ASK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct ask {
    int64_t max_tokens, words; /* max_tokens 0: not said */
    bool usage, usage_each;
};

static inline int64_t count_words(const char *s, const char *end)
{
    int64_t n = 0;
    bool inside = false;
    for (; s < end; s++) {
        bool space = *s == ' ';
        if (*s == '\\' && s + 1 < end)
            space = strchr("ntr", *++s) != NULL;
        n += !space && !inside;
        inside = !space;
    }
    return n;
}

static inline bool key_is(const char *key, size_t n, const char *name)
{
    return n == strlen(name) && memcmp(key, name, n) == 0;
}

static inline const char *string_end(const char *s)
{
    while (*s != '\0' && *s != '"')
        s += *s == '\\' && s[1] != '\0' ? 2 : 1;
    return s;
}

/* One walk over the strings of the body: a string before ':' is a key, any other belongs to the last key. */
static inline void scan_body(const char *s, struct ask *ask)
{
    const char *key = "";
    size_t key_len = 0;
    *ask = (struct ask){0};
    while ((s = strchr(s, '"')) != NULL) {
        const char *start = s + 1, *end = string_end(start);
        if (*end == '\0')
            return;
        s = end + 1 + strspn(end + 1, " \t\r\n");
        size_t n = (size_t)(end - start);
        if (*s == ':') {
            key = start;
            key_len = n;
            s += 1 + strspn(s + 1, " \t\r\n");
            if (key_is(key, n, "max_tokens") || key_is(key, n, "max_completion_tokens"))
                ask->max_tokens = strtoll(s, NULL, 10);
            else if (key_is(key, n, "include_usage"))
                ask->usage = *s == 't';
            else if (key_is(key, n, "continuous_usage_stats"))
                ask->usage_each = *s == 't';
        } else if (key_is(key, key_len, "content") || key_is(key, key_len, "text") ||
                   key_is(key, key_len, "prompt")) {
            ask->words += count_words(start, end);
        }
    }
}

#endif
