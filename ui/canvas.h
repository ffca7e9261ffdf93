/* canvas: a screen in memory.  Cells with roles instead of colours; text of any kind is made safe for a grid
 * here: wide characters take two cells, combining ones are dropped, control characters become U+FFFD, and
 * what the glyph set cannot show is replaced by its nearest look.  Everything is clipped; no call can write
 * outside.  Pure. */
#ifndef TG_UI_CANVAS_H
#define TG_UI_CANVAS_H

#include "ui/theme.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum glyph_set {
    GLYPHS_BRAILLE, /* all of Unicode's line, block and braille characters */
    GLYPHS_BLOCK,   /* what the Linux console has: square corners, half blocks */
    GLYPHS_ASCII
};

struct rect {
    int x, y, w, h;
};

struct cell {
    uint32_t ch;   /* 0 in the second cell of a wide character */
    uint8_t width; /* 1 or 2; 0 in that second cell */
    uint8_t role;  /* enum role of the character */
    uint8_t bg;    /* enum role of its ground; ROLE_BACKGROUND: the screen's */
    uint8_t attrs; /* enum attr, added to the role's own */
};

struct canvas {
    int w, h;
    enum glyph_set glyphs;
    struct cell *cells; /* h rows of w */
};

void canvas_init(struct canvas *c, int w, int h, enum glyph_set glyphs); /* cleared */
void canvas_release(struct canvas *c);
void canvas_clear(struct canvas *c);
struct rect canvas_rect(const struct canvas *c);
struct rect rect_inset(struct rect r, int dx, int dy);
bool rect_has(struct rect r, int x, int y);
const struct cell *canvas_at(const struct canvas *c, int x, int y); /* must be inside */

/* Columns that ch takes here: 0 (dropped), 1 or 2. */
int canvas_char_width(const struct canvas *c, uint32_t ch);
int canvas_width(const struct canvas *c, const char *s);

void canvas_put(struct canvas *c, int x, int y, uint32_t ch, enum role role);
void canvas_put_bg(struct canvas *c, int x, int y, uint32_t ch, enum role role, enum role bg);
/* Blanks with a ground; canvas_ground sets the ground alone and leaves the characters. */
void canvas_fill(struct canvas *c, struct rect r, enum role bg);
void canvas_ground(struct canvas *c, struct rect r, enum role bg, uint8_t attrs);
/* Everything in r becomes the bar's, whatever it was. */
void canvas_select(struct canvas *c, struct rect r);

/* All of these draw one line, within w columns from x, and return the columns used.  canvas_text stops at the
 * last whole character; _fit puts "…" where something was cut, _tail cuts the front instead; _right ends at x
 * + w and draws nothing at all where s does not fit: half a number is worse than none. */
int canvas_text(struct canvas *c, int x, int y, int w, const char *s, enum role role);
int canvas_text_fit(struct canvas *c, int x, int y, int w, const char *s, enum role role);
int canvas_text_tail(struct canvas *c, int x, int y, int w, const char *s, enum role role);
int canvas_text_right(struct canvas *c, int x, int y, int w, const char *s, enum role role);

void canvas_box(struct canvas *c, struct rect r, enum role role);

/* UTF-8 text, one line a row, trailing blanks cut. */
void canvas_dump_text(const struct canvas *c, FILE *f);

#endif
