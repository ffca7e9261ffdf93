/* Markdown as doc.c writes it, made readable on a terminal: tables in columns, no marks.  A function of text alone. */
#include "report/report.h"

#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 16
#define CELL_MAX 400
#define LINE_WIDTH 100

/* Without ** ` and the backslashes of escapes; returns the length. */
static size_t bare(const char *s, size_t n, char out[CELL_MAX])
{
    size_t k = 0;
    for (size_t i = 0; i < n && k + 1 < CELL_MAX; i++) {
        if (s[i] == '\\' && i + 1 < n)
            out[k++] = s[++i];
        else if (s[i] == '*' && i + 1 < n && s[i + 1] == '*')
            i++;
        else if (s[i] != '`')
            out[k++] = s[i];
    }
    out[k] = '\0';
    return k;
}

/* The next cell of a row at *p, "| a | b |"; false at the end. */
static bool next_cell(const char **p, const char *end, const char **cell, size_t *n)
{
    const char *s = *p + 1;
    if (*p >= end || s >= end)
        return false;
    const char *e = s;
    while (e < end && *e != '|')
        e += *e == '\\' && e + 1 < end ? 2 : 1;
    if (e >= end)
        return false;
    *p = e;
    while (s < e && *s == ' ')
        s++;
    while (e > s && e[-1] == ' ')
        e--;
    *cell = s;
    *n = (size_t)(e - s);
    return true;
}

struct table {
    size_t width[COLUMNS_MAX];
    bool right[COLUMNS_MAX];
};

static bool is_rule(const char *line, const char *end)
{
    return end - line > 3 && strspn(line, "|-: ") >= (size_t)(end - line);
}

static const char *line_end(const char *s)
{
    const char *e = strchr(s, '\n');
    return e != NULL ? e : s + strlen(s);
}

static void measure(struct table *t, const char *from)
{
    *t = (struct table){{0}, {false}};
    for (const char *line = from, *end; *line == '|'; line = *end == '\n' ? end + 1 : end) {
        end = line_end(line);
        const char *p = line, *cell;
        size_t n, c = 0;
        for (; c < COLUMNS_MAX && next_cell(&p, end, &cell, &n); c++) {
            char text[CELL_MAX];
            size_t k = bare(cell, n, text);
            if (is_rule(line, end))
                t->right[c] = n > 0 && cell[n - 1] == ':';
            else
                t->width[c] = MAX_OF(t->width[c], utf8_count(text, k));
        }
    }
}

static void put_row(const struct table *t, const char *line, const char *end, struct buf *out)
{
    const char *p = line, *cell;
    size_t n, c = 0, pad = 2;
    for (; c < COLUMNS_MAX && next_cell(&p, end, &cell, &n); c++) {
        char text[CELL_MAX];
        size_t k = bare(cell, n, text), gap = t->width[c] - MIN_OF(t->width[c], utf8_count(text, k));
        buf_addf(out, "%*s%s", (int)(pad + (t->right[c] ? gap : 0)), "", text);
        pad = 2 + (t->right[c] ? 0 : gap);
    }
    while (out->len > 0 && out->data[out->len - 1] == ' ') /* an empty last cell */
        out->data[--out->len] = '\0';
    buf_adds(out, "\n");
}

static const char *put_table(const char *line, struct buf *out)
{
    struct table t;
    measure(&t, line);
    while (*line == '|') {
        const char *end = line_end(line);
        if (!is_rule(line, end))
            put_row(&t, line, end, out);
        line = *end == '\n' ? end + 1 : end;
    }
    return line;
}

/* At most `most` columns a line; later lines of a list's item are set in. */
static void put_wrapped(const char *s, size_t n, size_t most, struct buf *out)
{
    size_t indent = n > 1 && s[0] == '*' && s[1] == ' ' ? 2 : 0, at = 0;
    for (size_t i = 0; i < n;) {
        size_t word = 0;
        while (i + word < n && s[i + word] != ' ')
            word++;
        size_t w = utf8_count(s + i, word);
        if (at > indent && at + 1 + w > most) {
            buf_addf(out, "\n%*s", (int)indent, "");
            at = indent;
        } else if (at > 0 && i > 0) {
            buf_adds(out, " ");
            at++;
        }
        buf_add(out, s + i, word);
        at += w;
        i += word + 1;
    }
    buf_adds(out, "\n");
}

/* A line of text, its marks gone; `scratch` is as long as the whole document. */
static void put_line(const char *line, size_t n, char *scratch, struct buf *out)
{
    size_t hashes = strspn(line, "#"), k = 0;
    if (hashes > 0 && line[hashes] == ' ')
        hashes++;
    for (size_t i = hashes; i < n;) { /* in pieces, since bare() takes no more */
        char part[CELL_MAX];
        size_t take = MIN_OF(n - i, (size_t)CELL_MAX - 1);
        while (take > 1 && i + take < n && (line[i + take - 1] == '\\' || line[i + take - 1] == '*'))
            take--;
        size_t got = bare(line + i, take, part);
        memcpy(scratch + k, part, got);
        k += got;
        i += take;
    }
    put_wrapped(scratch, k, hashes > 0 ? SIZE_MAX : LINE_WIDTH, out);
}

void report_plain(const char *markdown, struct buf *out)
{
    char *scratch = xmalloc(strlen(markdown) + 1);
    for (const char *line = markdown; *line != '\0';) {
        if (*line == '|') {
            line = put_table(line, out);
            continue;
        }
        const char *end = line_end(line);
        put_line(line, (size_t)(end - line), scratch, out);
        line = *end == '\n' ? end + 1 : end;
    }
    free(scratch);
}
