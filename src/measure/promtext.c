#include "measure/promtext.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t name_length(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n && s[i] != '{' && s[i] != ' ' && s[i] != '\t')
        i++;
    return i;
}

/* Length of {…} with the braces; quoted values may hold braces and escaped quotes.  0 where it does not end. */
static size_t labels_length(const char *s, size_t n)
{
    bool quoted = false;
    for (size_t i = 1; i < n; i++) {
        if (quoted && s[i] == '\\')
            i++;
        else if (s[i] == '"')
            quoted = !quoted;
        else if (s[i] == '}' && !quoted)
            return i + 1;
    }
    return 0;
}

static bool read_line(const char *s, size_t n, struct prom_sample *out)
{
    if (n == 0 || s[0] == '#')
        return false;
    out->name = s;
    out->name_n = name_length(s, n);
    out->labels = NULL;
    out->labels_n = 0;
    size_t i = out->name_n;
    if (i == 0)
        return false;
    if (i < n && s[i] == '{') {
        size_t k = labels_length(s + i, n - i);
        if (k == 0)
            return false;
        out->labels = s + i + 1;
        out->labels_n = k - 2;
        i += k;
    }
    while (i < n && (s[i] == ' ' || s[i] == '\t'))
        i++;
    char num[64];
    size_t k = 0;
    while (i + k < n && k + 1 < sizeof num && s[i + k] != ' ' && s[i + k] != '\t' && s[i + k] != '\r')
        k++;
    memcpy(num, s + i, k);
    num[k] = '\0';
    char *end;
    out->value = strtod(num, &end);
    return k > 0 && *end == '\0';
}

bool prom_next(const char *page, size_t n, size_t *pos, struct prom_sample *out)
{
    while (*pos < n) {
        const char *s = page + *pos;
        const char *lf = memchr(s, '\n', n - *pos);
        size_t len = lf != NULL ? (size_t)(lf - s) : n - *pos;
        *pos += len + (lf != NULL);
        if (read_line(s, len, out))
            return true;
    }
    return false;
}

bool prom_sum(const char *page, size_t n, const char *name, double *sum)
{
    size_t want = strlen(name), pos = 0;
    struct prom_sample s;
    bool found = false;
    double total = 0;
    while (prom_next(page, n, &pos, &s))
        if (s.name_n == want && memcmp(s.name, name, want) == 0 && isfinite(s.value)) {
            total += s.value;
            found = true;
        }
    if (found)
        *sum = total;
    return found;
}
