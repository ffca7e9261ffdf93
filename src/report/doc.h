/* doc: writes a document in one of two forms, Markdown or one self-contained page of HTML, from one sequence of calls.
 * All text given to it counts as hostile and is escaped here and nowhere else: control and format characters go
 * (str_sanitise), and nothing is left that Markdown or HTML would take for its own.
 *
 *   doc_begin(&d, out, DOC_HTML, "title");
 *   doc_heading(&d, 2, "Load");
 *   doc_paragraph(&d, "%d streams", n);                   // a block of plain text in one call …
 *   doc_item_begin(&d); doc_text(&d, "Output: ");         // … or opened, filled with text, strong, code, and closed
 *   doc_strong(&d, "%s tok/s", rate); doc_item_end(&d);
 *   doc_end(&d);
 */
#ifndef TG_DOC_H
#define TG_DOC_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>

enum doc_form { DOC_MARKDOWN, DOC_HTML };

struct doc_column {
    const char *head; /* "": none; where no column of a table has one, its first column names the rows */
    bool number;      /* aligned to the right */
};

struct doc {
    struct buf *out; /* not owned */
    enum doc_form form;
    bool section;                     /* inside that of a heading of level 2 */
    bool start;                       /* nothing is in this block yet */
    bool cell;                        /* inside a table's cell */
    const struct doc_column *columns; /* of the open table; not owned */
    size_t columns_n, column;
};

/* title: of the page in a browser's tab. */
void doc_begin(struct doc *d, struct buf *out, enum doc_form form, const char *title);
void doc_end(struct doc *d);

/* Level 1 once, at the top.  Level 2 begins a section, which ends with the next one. */
void doc_heading(struct doc *d, int level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

void doc_paragraph(struct doc *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void doc_paragraph_begin(struct doc *d);
void doc_paragraph_end(struct doc *d);

/* What a reader must not miss.  badge: the word that catches the eye, or NULL. */
void doc_warning(struct doc *d, const char *badge, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

void doc_list_begin(struct doc *d);
void doc_item(struct doc *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void doc_item_begin(struct doc *d);
void doc_item_end(struct doc *d);
void doc_list_end(struct doc *d);

/* name: what the table shows, for those who do not see it.  columns must last until doc_table_end. */
void doc_table_begin(struct doc *d, const char *name, const struct doc_column *columns, size_t n);
void doc_row_begin(struct doc *d);
void doc_cell(struct doc *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void doc_cell_begin(struct doc *d);
void doc_cell_end(struct doc *d);
void doc_row_end(struct doc *d);
void doc_table_end(struct doc *d);

/* Lines of a language's source as they are; newlines stay. */
void doc_code_block(struct doc *d, const char *language, const char *text);

/* Inside a paragraph, an item or a cell. */
void doc_text(struct doc *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void doc_strong(struct doc *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void doc_code(struct doc *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void doc_line_break(struct doc *d);

/* A row of key figures at the head of an HTML page.  Markdown has none: the text tells the same. */
void doc_cards_begin(struct doc *d);
/* figure: a number and its unit, "118 ms".  note may be empty. */
void doc_card(struct doc *d, const char *label, const char *figure, const char *note);
void doc_cards_end(struct doc *d);

/* Pictures, HTML's alone too: svg goes out as it is.  wide: not beside another. */
void doc_pictures_begin(struct doc *d);
void doc_picture(struct doc *d, const char *title, bool wide, const char *svg);
void doc_picture_missing(struct doc *d, const char *title, const char *why);
void doc_pictures_end(struct doc *d);

/* s as text of HTML or inside one of its quoted attributes. */
void doc_escape_html(struct buf *out, const char *s);

#endif
