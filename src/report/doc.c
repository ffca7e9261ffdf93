#include "report/doc.h"
#include "report/doc_style.h"
#include "util.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- escaping ---- */

static void escape_html(struct buf *out, const char *s)
{
    for (size_t n; *s != '\0'; s += n) {
        n = strcspn(s, "&<>\"'");
        buf_add(out, s, n);
        if (n > 0)
            continue;
        buf_adds(out, *s == '&'   ? "&amp;"
                      : *s == '<' ? "&lt;"
                      : *s == '>' ? "&gt;"
                      : *s == '"' ? "&quot;"
                                  : "&#39;");
        n = 1;
    }
}

/* What Markdown would take at the start of a block for a list, the line under a heading or an indented block. */
static const char *escape_start(struct buf *out, const char *s)
{
    s += strspn(s, " ");
    size_t digits = strspn(s, "0123456789");
    if (digits > 0 && (s[digits] == '.' || s[digits] == ')') &&
        (s[digits + 1] == ' ' || s[digits + 1] == '\0'))
        buf_add(out, s, digits);
    else if (*s != '-' && *s != '+' && *s != '=')
        return s;
    else
        digits = 0;
    buf_add(out, "\\", 1);
    buf_add(out, s + digits, 1);
    return s + digits + 1;
}

static void escape_markdown(struct buf *out, const char *s)
{
    for (; *s != '\0'; s++) {
        if (strchr("\\`*_[]<>|#~&", *s) != NULL)
            buf_add(out, "\\", 1);
        buf_add(out, s, 1);
    }
}

/* Without control characters; the caller frees. */
static char *clean_bytes(const char *s, size_t n)
{
    size_t size = 3 * n + 1; /* a byte that is no UTF-8 becomes three */
    char *clean = xmalloc(size);
    str_sanitise(clean, size, s, n);
    return clean;
}

__attribute__((format(printf, 1, 0))) static char *clean_text(const char *fmt, va_list ap)
{
    char *s;
    int n = vasprintf(&s, fmt, ap);
    if (n < 0)
        die("out of memory");
    char *clean = clean_bytes(s, (size_t)n);
    free(s);
    return clean;
}

void doc_escape_html(struct buf *out, const char *s)
{
    char *clean = clean_bytes(s, strlen(s));
    escape_html(out, clean);
    free(clean);
}

static void put_text(struct doc *d, const char *clean)
{
    if (d->form == DOC_HTML) {
        escape_html(d->out, clean);
        return;
    }
    if (d->start)
        clean = escape_start(d->out, clean);
    d->start = d->start && *clean == '\0';
    escape_markdown(d->out, clean);
}

__attribute__((format(printf, 2, 0))) static void put_text_va(struct doc *d, const char *fmt, va_list ap)
{
    char *clean = clean_text(fmt, ap);
    put_text(d, clean);
    free(clean);
}

/* How many backticks follow each other in s at the most. */
static size_t longest_fence(const char *s)
{
    size_t most = 0;
    for (; *s != '\0'; s++) {
        size_t n = strspn(s, "`");
        most = MAX_OF(most, n);
        s += n > 0 ? n - 1 : 0;
    }
    return most;
}

static void put_fence(struct buf *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_add(out, "`", 1);
}

/* In a code span nothing is escaped, but for the bar in a table's cell; its fence is longer than any inside. */
static void put_code(struct doc *d, const char *clean)
{
    size_t fence = longest_fence(clean) + 1;
    bool space = clean[0] == '`' || (clean[0] != '\0' && clean[strlen(clean) - 1] == '`');
    put_fence(d->out, fence);
    buf_adds(d->out, space ? " " : "");
    for (; *clean != '\0'; clean++) {
        if (d->cell && *clean == '|')
            buf_add(d->out, "\\", 1);
        buf_add(d->out, clean, 1);
    }
    buf_adds(d->out, space ? " " : "");
    put_fence(d->out, fence);
}

/* Opens and closes as the form wants it. */
static void put(struct doc *d, const char *markdown, const char *html)
{
    buf_adds(d->out, d->form == DOC_HTML ? html : markdown);
}

/* ---- inside a block ---- */

void doc_text(struct doc *d, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    put_text_va(d, fmt, ap);
    va_end(ap);
}

void doc_strong(struct doc *d, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    put(d, "**", "<strong>");
    d->start = false;
    put_text_va(d, fmt, ap);
    put(d, "**", "</strong>");
    va_end(ap);
}

void doc_code(struct doc *d, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *clean = clean_text(fmt, ap);
    va_end(ap);
    d->start = false;
    if (d->form == DOC_HTML) {
        buf_adds(d->out, "<code>");
        escape_html(d->out, clean);
        buf_adds(d->out, "</code>");
    } else {
        put_code(d, clean);
    }
    free(clean);
}

void doc_line_break(struct doc *d)
{
    put(d, "  \n", "<br>\n");
    d->start = true;
}

/* ---- blocks of text ---- */

void doc_begin(struct doc *d, struct buf *out, enum doc_form form, const char *title)
{
    *d = (struct doc){.out = out, .form = form};
    if (form != DOC_HTML)
        return;
    buf_adds(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
                  "'unsafe-inline'\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                  "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    doc_text(d, "%s", title);
    buf_adds(out, "</title>\n<style>\n");
    buf_adds(out, doc_style);
    buf_adds(out, "</style>\n</head>\n<body>\n<main>\n");
}

void doc_end(struct doc *d)
{
    if (d->form == DOC_HTML) {
        buf_adds(d->out,
                 d->section ? "</section>\n</main>\n</body>\n</html>\n" : "</main>\n</body>\n</html>\n");
        return;
    }
    struct buf *b = d->out; /* no empty line at the end */
    if (b->len > 1 && b->data[b->len - 1] == '\n' && b->data[b->len - 2] == '\n')
        b->data[--b->len] = '\0';
}

void doc_heading(struct doc *d, int level, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (d->form == DOC_HTML) {
        if (level <= 2 && d->section)
            buf_adds(d->out, "</section>\n");
        if (level == 2)
            buf_adds(d->out, "<section>\n");
        d->section = level == 2 || (level > 2 && d->section);
        buf_addf(d->out, "<h%d>", level);
        put_text_va(d, fmt, ap);
        buf_addf(d->out, "</h%d>\n", level);
    } else {
        buf_addf(d->out, "%.*s ", level, "######");
        put_text_va(d, fmt, ap);
        buf_adds(d->out, "\n\n");
    }
    va_end(ap);
}

void doc_paragraph_begin(struct doc *d)
{
    put(d, "", "<p>");
    d->start = true;
}

void doc_paragraph_end(struct doc *d)
{
    put(d, "\n\n", "</p>\n");
    d->start = false;
}

void doc_paragraph(struct doc *d, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    doc_paragraph_begin(d);
    put_text_va(d, fmt, ap);
    doc_paragraph_end(d);
    va_end(ap);
}

void doc_warning(struct doc *d, const char *badge, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    put(d, "> ", "<p class=\"warning\" role=\"note\">");
    if (badge != NULL) {
        doc_strong(d, "%s", badge);
        put(d, ": ", " ");
    }
    put_text_va(d, fmt, ap);
    doc_paragraph_end(d);
    va_end(ap);
}

void doc_list_begin(struct doc *d)
{
    put(d, "", "<ul>\n");
}

void doc_item_begin(struct doc *d)
{
    put(d, "* ", "<li>");
    d->start = true;
}

void doc_item_end(struct doc *d)
{
    put(d, "\n", "</li>\n");
    d->start = false;
}

void doc_item(struct doc *d, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    doc_item_begin(d);
    put_text_va(d, fmt, ap);
    doc_item_end(d);
    va_end(ap);
}

void doc_list_end(struct doc *d)
{
    put(d, "\n", "</ul>\n");
}

/* Line by line: str_sanitise would make a space of a newline. */
static void clean_lines(struct buf *out, const char *text)
{
    for (size_t n; *text != '\0'; text += n + (text[n] == '\n')) {
        n = strcspn(text, "\n");
        char *clean = clean_bytes(text, n);
        buf_adds(out, clean);
        buf_adds(out, "\n");
        free(clean);
    }
}

void doc_code_block(struct doc *d, const char *language, const char *text)
{
    struct buf lines;
    buf_init(&lines, d->out->max);
    buf_adds(&lines, "");
    clean_lines(&lines, text);
    if (d->form == DOC_HTML) {
        buf_adds(d->out, "<pre tabindex=\"0\"><code>");
        escape_html(d->out, lines.data);
        buf_adds(d->out, "</code></pre>\n");
    } else {
        size_t fence = MAX_OF(longest_fence(lines.data) + 1, (size_t)3);
        put_fence(d->out, fence);
        buf_addf(d->out, "%s\n%s", language, lines.data);
        put_fence(d->out, fence);
        buf_adds(d->out, "\n\n");
    }
    buf_release(&lines);
}

/* ---- tables ---- */

static void head_markdown(struct doc *d)
{
    buf_adds(d->out, "|");
    for (size_t i = 0; i < d->columns_n; i++) {
        buf_adds(d->out, " ");
        doc_text(d, "%s", d->columns[i].head);
        buf_adds(d->out, d->columns[i].head[0] != '\0' ? " |" : "|");
    }
    buf_adds(d->out, "\n|");
    for (size_t i = 0; i < d->columns_n; i++)
        buf_adds(d->out, d->columns[i].number ? "--:|" : "---|");
    buf_adds(d->out, "\n");
}

static void head_html(struct doc *d, const char *name)
{
    bool any = false;
    for (size_t i = 0; i < d->columns_n; i++)
        any |= d->columns[i].head[0] != '\0';
    buf_adds(d->out, "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"");
    doc_escape_html(d->out, name);
    buf_addf(d->out, "\">\n<table%s>\n", any ? "" : " class=\"facts\"");
    if (any)
        buf_adds(d->out, "<thead>\n<tr>");
    for (size_t i = 0; any && i < d->columns_n; i++) {
        buf_adds(d->out, d->columns[i].number ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">");
        doc_text(d, "%s", d->columns[i].head);
        buf_adds(d->out, "</th>");
    }
    buf_adds(d->out, any ? "</tr>\n</thead>\n<tbody>\n" : "<tbody>\n");
}

void doc_table_begin(struct doc *d, const char *name, const struct doc_column *columns, size_t n)
{
    d->columns = columns;
    d->columns_n = n;
    if (d->form == DOC_HTML)
        head_html(d, name);
    else
        head_markdown(d);
}

void doc_row_begin(struct doc *d)
{
    put(d, "|", "<tr>");
    d->column = 0;
}

void doc_cell_begin(struct doc *d)
{
    bool number = d->column < d->columns_n && d->columns[d->column].number;
    put(d, " ", d->column == 0 ? "<th scope=\"row\"" : "<td");
    put(d, "", number ? " class=\"n\">" : ">");
    d->cell = true;
}

void doc_cell_end(struct doc *d)
{
    put(d, " |", d->column == 0 ? "</th>" : "</td>");
    d->cell = false;
    d->column++;
}

void doc_cell(struct doc *d, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    doc_cell_begin(d);
    put_text_va(d, fmt, ap);
    doc_cell_end(d);
    va_end(ap);
}

void doc_row_end(struct doc *d)
{
    put(d, "\n", "</tr>\n");
}

void doc_table_end(struct doc *d)
{
    put(d, "\n", "</tbody>\n</table>\n</div>\n");
    d->columns_n = 0;
}

/* ---- HTML alone ---- */

void doc_cards_begin(struct doc *d)
{
    put(d, "", "<dl class=\"cards\">\n");
}

/* Where the unit of one number begins, "118 ms"; the end of what is none, as "2 048" or "16 m 40 s". */
static size_t unit_of(const char *figure)
{
    const char *space = strrchr(figure, ' ');
    size_t n = space != NULL ? (size_t)(space - figure) : 0;
    bool one =
        n > 0 && strcspn(figure, "abcdefghijklmnopqrstuvwxyz") > n && strspn(space + 1, "0123456789") == 0;
    return one ? n : strlen(figure);
}

void doc_card(struct doc *d, const char *label, const char *figure, const char *note)
{
    if (d->form != DOC_HTML)
        return;
    size_t n = unit_of(figure);
    buf_adds(d->out, "<div><dt>");
    doc_text(d, "%s", label);
    buf_adds(d->out, "</dt><dd>");
    doc_text(d, "%.*s", (int)n, figure);
    if (figure[n] != '\0') {
        buf_adds(d->out, " <span>");
        doc_text(d, "%s", figure + n + 1);
        buf_adds(d->out, "</span>");
    }
    buf_adds(d->out, "</dd>");
    if (note[0] != '\0') {
        buf_adds(d->out, "<dd class=\"note\">");
        doc_text(d, "%s", note);
        buf_adds(d->out, "</dd>");
    }
    buf_adds(d->out, "</div>\n");
}

void doc_cards_end(struct doc *d)
{
    put(d, "", "</dl>\n");
}

void doc_pictures_begin(struct doc *d)
{
    put(d, "", "<div class=\"pictures\">\n");
}

void doc_picture(struct doc *d, const char *title, bool wide, const char *svg)
{
    if (d->form != DOC_HTML)
        return;
    buf_addf(d->out, "<figure%s>\n<figcaption>", wide ? " class=\"wide\"" : "");
    doc_text(d, "%s", title);
    buf_adds(d->out, "</figcaption>\n");
    buf_adds(d->out, svg);
    buf_adds(d->out, "</figure>\n");
}

void doc_picture_missing(struct doc *d, const char *title, const char *why)
{
    if (d->form != DOC_HTML)
        return;
    buf_adds(d->out, "<p class=\"missing\">");
    doc_text(d, "%s: no chart, %s.", title, why);
    buf_adds(d->out, "</p>\n");
}

void doc_pictures_end(struct doc *d)
{
    put(d, "", "</div>\n");
}
