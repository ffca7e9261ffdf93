#include "measure/promtext.h"
#include "util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_MOST 256 /* bytes of a label's value that are looked at */

static bool name_char(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' || (!first && c >= '0' && c <= '9');
}

static size_t name_length(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n && name_char(s[i], i == 0))
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

static size_t blanks(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n && (s[i] == ' ' || s[i] == '\t'))
        i++;
    return i;
}

/* The word at s as a number. */
static bool read_number(const char *s, size_t n, double *v)
{
    char num[64], *end;
    size_t k = 0;
    while (k < n && k + 1 < sizeof num && s[k] != ' ' && s[k] != '\t' && s[k] != '\r')
        k++;
    memcpy(num, s, k);
    num[k] = '\0';
    *v = strtod(num, &end);
    return k > 0 && *end == '\0';
}

static bool read_line(const char *s, size_t n, struct prom_sample *out)
{
    size_t i = name_length(s, n);
    *out = (struct prom_sample){.name = s, .name_n = i};
    if (i == 0)
        return false;
    i += blanks(s + i, n - i);
    if (i < n && s[i] == '{') {
        size_t k = labels_length(s + i, n - i);
        if (k == 0)
            return false;
        out->labels = s + i + 1;
        out->labels_n = k - 2;
        i += k;
    } else if (i == out->name_n) { /* something that is of no name */
        return false;
    }
    i += blanks(s + i, n - i);
    return read_number(s + i, n - i, &out->value);
}

bool prom_next(struct prom_reader *r, struct prom_sample *out)
{
    while (r->pos < r->n) {
        const char *s = r->page + r->pos;
        const char *lf = memchr(s, '\n', r->n - r->pos);
        size_t len = lf != NULL ? (size_t)(lf - s) : r->n - r->pos;
        r->pos += len + (lf != NULL);
        size_t i = blanks(s, len);
        if (i == len || s[i] == '#' || s[i] == '\r')
            continue;
        if (lf != NULL && read_line(s + i, len - i, out)) {
            r->samples++;
            return true;
        }
        r->bad++;
    }
    return false;
}

bool prom_is(const struct prom_sample *s, const char *name)
{
    return strlen(name) == s->name_n && memcmp(s->name, name, s->name_n) == 0;
}

/* The value of a label between its quotes, still escaped; NULL where there is none. */
static const char *find_label(const struct prom_sample *s, const char *label, size_t *n)
{
    size_t want = strlen(label), i = 0;
    while (i < s->labels_n) {
        while (i < s->labels_n && (s->labels[i] == ',' || s->labels[i] == ' '))
            i++;
        size_t from = i;
        while (i < s->labels_n && s->labels[i] != '=')
            i++;
        bool here = i - from == want && memcmp(s->labels + from, label, want) == 0;
        i++;
        if (i >= s->labels_n || s->labels[i] != '"')
            return NULL;
        from = ++i;
        for (; i < s->labels_n && s->labels[i] != '"'; i++)
            i += s->labels[i] == '\\';
        if (i >= s->labels_n)
            return NULL;
        *n = i - from;
        if (here)
            return s->labels + from;
        i++;
    }
    return NULL;
}

bool prom_label(const struct prom_sample *s, const char *label, char *out, size_t size)
{
    char raw[LABEL_MOST];
    size_t n = 0, k = 0;
    const char *v = find_label(s, label, &n);
    out[0] = '\0';
    for (size_t i = 0; v != NULL && i < n && k < sizeof raw; i++) {
        bool escaped = v[i] == '\\' && i + 1 < n;
        i += escaped;
        raw[k++] = escaped && v[i] == 'n' ? '\n' : v[i];
    }
    if (v != NULL)
        str_sanitise(out, size, raw, k);
    return v != NULL;
}

double prom_label_number(const struct prom_sample *s, const char *label)
{
    char text[LABEL_MOST];
    double v;
    return prom_label(s, label, text, sizeof text) && read_number(text, strlen(text), &v) ? v : (double)NAN;
}

bool prom_sum(const char *page, size_t n, const char *name, double *sum)
{
    struct prom_reader r = {.page = page, .n = n};
    struct prom_sample s;
    bool found = false;
    double total = 0;
    while (prom_next(&r, &s))
        if (prom_is(&s, name) && isfinite(s.value)) {
            total += s.value;
            found = true;
        }
    if (found)
        *sum = total;
    return found;
}
