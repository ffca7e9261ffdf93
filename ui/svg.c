#include "ui/svg.h"

#include "util.h"

#include <string.h>

/* One cell, in px.  The width is that of the usual monospace fonts at this size. */
#define CELL_W 8.43
#define CELL_H 18.0
#define FONT_SIZE 14
#define BASELINE 13.3
#define MARGIN 16.0
#define BAR_H 30.0 /* the window's title bar */

struct picture {
    const struct canvas *c;
    const struct theme *t;
    FILE *f;
};

static double left(int x)
{
    return MARGIN + x * CELL_W;
}

static double top(int y)
{
    return BAR_H + y * CELL_H;
}

static uint8_t attrs_of(const struct picture *p, const struct cell *cell)
{
    return cell->attrs | p->t->style[cell->role].attrs_picture;
}

static uint32_t foreground(const struct picture *p, const struct cell *cell)
{
    bool reverse = (attrs_of(p, cell) & ATTR_REVERSE) != 0;
    return p->t->style[reverse ? cell->bg : cell->role].rgb;
}

static uint32_t background(const struct picture *p, const struct cell *cell)
{
    bool reverse = (attrs_of(p, cell) & ATTR_REVERSE) != 0;
    return p->t->style[reverse ? cell->role : cell->bg].rgb;
}

static void put_escaped(FILE *f, uint32_t ch)
{
    char out[8];
    utf8_encode(ch, out);
    switch (ch) {
    case '&':
        fputs("&amp;", f);
        break;
    case '<':
        fputs("&lt;", f);
        break;
    case '>':
        fputs("&gt;", f);
        break;
    default:
        fputs(out, f);
    }
}

static void write_frame(const struct picture *p, const char *title)
{
    double w = 2 * MARGIN + p->c->w * CELL_W, h = BAR_H + p->c->h * CELL_H + MARGIN;
    fprintf(p->f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.1f "
            "%.1f\">\n"
            "<style>text{font-family:'DejaVu Sans Mono',Menlo,Consolas,'Liberation Mono',monospace;"
            "font-size:%dpx;white-space:pre}</style>\n"
            "<rect x=\".5\" y=\".5\" width=\"%.1f\" height=\"%.1f\" rx=\"10\" fill=\"#%06x\" "
            "stroke=\"#%06x\"/>\n",
            w, h, w, h, FONT_SIZE, w - 1, h - 1, p->t->style[ROLE_BACKGROUND].rgb,
            p->t->style[ROLE_PANEL_BORDER].rgb);
    for (int i = 0; i < 3; i++)
        fprintf(p->f, "<circle cx=\"%d\" cy=\"15\" r=\"5\" fill=\"#%06x\"/>\n", 18 + 17 * i,
                p->t->style[ROLE_PANEL_BORDER].rgb);
    fprintf(p->f, "<text x=\"%.1f\" y=\"19\" text-anchor=\"middle\" fill=\"#%06x\">", w / 2,
            p->t->style[ROLE_TEXT_DIM].rgb);
    while (*title != '\0') {
        uint32_t ch;
        size_t n = utf8_decode(title, strnlen(title, 4), &ch);
        put_escaped(p->f, n > 0 ? ch : 0xfffd);
        title += n > 0 ? n : 1;
    }
    fputs("</text>\n", p->f);
}

/* Grounds, one rectangle per run of equal colour. */
static void write_grounds(const struct picture *p, int y)
{
    uint32_t none = p->t->style[ROLE_BACKGROUND].rgb;
    for (int x = 0, end; x < p->c->w; x = end) {
        uint32_t rgb = background(p, canvas_at(p->c, x, y));
        for (end = x + 1; end < p->c->w && background(p, canvas_at(p->c, end, y)) == rgb; end++)
            ;
        if (rgb != none)
            fprintf(
                p->f,
                "<rect class=\"b\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%.0f\" fill=\"#%06x\"/>\n",
                left(x), top(y), (end - x) * CELL_W, CELL_H, rgb);
    }
}

static bool is_braille(uint32_t ch)
{
    return ch >= 0x2800 && ch < 0x2900;
}

static bool is_block(uint32_t ch)
{
    return ch >= 0x2580 && ch <= 0x2593 && ch != 0x2590;
}

static bool is_line(uint32_t ch)
{
    return (ch >= 0x2500 && ch < 0x2580);
}

/* Bit of the dot in column col (0, 1) and row (0 … 3) of a braille character. */
static bool has_dot(uint32_t ch, int col, int row)
{
    static const uint8_t bit[2][4] = {{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}};
    return is_braille(ch) && (ch & bit[col][row]) != 0;
}

/* One row of dots: a dashed line with round ends for every run of dots of one colour. */
static void write_dots(const struct picture *p, int y, int row)
{
    double cy = top(y) + (row + 0.5) * CELL_H / 4;
    int n = 2 * p->c->w;
    for (int i = 0, end; i < n; i = end) {
        const struct cell *cell = canvas_at(p->c, i / 2, y);
        end = i + 1;
        if (!has_dot(cell->ch, i % 2, row))
            continue;
        uint32_t rgb = foreground(p, cell);
        while (end < n && has_dot(canvas_at(p->c, end / 2, y)->ch, end % 2, row) &&
               foreground(p, canvas_at(p->c, end / 2, y)) == rgb)
            end++;
        fprintf(p->f, "<path class=\"d\" stroke=\"#%06x\" d=\"M%.2f %.2fh%.2f\"/>\n", rgb,
                left(0) + (i + 0.5) * CELL_W / 2, cy, (end - i - 1) * CELL_W / 2 + 0.05);
    }
}

/* The part of its cell that a block element covers. */
static void block_shape(uint32_t ch, double *x, double *y, double *w, double *h)
{
    *x = *y = 0;
    *w = *h = 1;
    if (ch == 0x2580)
        *h = 0.5;
    else if (ch >= 0x2581 && ch <= 0x2588) {
        *h = (ch - 0x2580) / 8.0;
        *y = 1 - *h;
    } else if (ch >= 0x2589 && ch <= 0x258f)
        *w = (0x2590 - ch) / 8.0;
}

static void write_blocks(const struct picture *p, int y)
{
    for (int x = 0, end; x < p->c->w; x = end) {
        const struct cell *cell = canvas_at(p->c, x, y);
        end = x + 1;
        if (!is_block(cell->ch))
            continue;
        while (end < p->c->w && canvas_at(p->c, end, y)->ch == cell->ch && cell->ch != 0x258c &&
               foreground(p, canvas_at(p->c, end, y)) == foreground(p, cell) &&
               !(cell->ch > 0x2588 && cell->ch < 0x2590))
            end++;
        double bx, by, bw, bh;
        block_shape(cell->ch, &bx, &by, &bw, &bh);
        bool shade = cell->ch > 0x2590;
        fprintf(p->f,
                "<rect class=\"b\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"#%06x\"%s/>\n",
                left(x) + bx * CELL_W, top(y) + by * CELL_H, (end - x) * bw * CELL_W, bh * CELL_H,
                foreground(p, cell), shade ? " opacity=\".5\"" : "");
    }
}

/* Which of its four ends a line character reaches: left 1, right 2, up 4, down 8. */
static int line_ends(uint32_t ch)
{
    static const struct {
        uint32_t ch;
        int ends;
    } table[] = {{0x2500, 3},  {0x2502, 12}, {0x250c, 10}, {0x2510, 9}, {0x2514, 6}, {0x2518, 5},
                 {0x251c, 14}, {0x2524, 13}, {0x252c, 11}, {0x2534, 7}, {0x253c, 15}};
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (table[i].ch == ch)
            return table[i].ends;
    return 0;
}

static void write_line_char(const struct picture *p, int x, int y, uint32_t ch)
{
    double cx = left(x) + CELL_W / 2, cy = top(y) + CELL_H / 2, hw = CELL_W / 2, hh = CELL_H / 2;
    int ends = line_ends(ch);
    if (ends & 1)
        fprintf(p->f, "M%.2f %.1fh%.2f", cx - hw, cy, hw);
    if (ends & 2)
        fprintf(p->f, "M%.2f %.1fh%.2f", cx, cy, hw);
    if (ends & 4)
        fprintf(p->f, "M%.2f %.1fv%.1f", cx, cy - hh, hh);
    if (ends & 8)
        fprintf(p->f, "M%.2f %.1fv%.1f", cx, cy, hh);
    if (ch >= 0x256d && ch <= 0x2570) {
        double sx = ch == 0x256d || ch == 0x2570 ? 1 : -1, sy = ch == 0x256d || ch == 0x256e ? 1 : -1;
        fprintf(p->f, "M%.2f %.1fQ%.2f %.1f %.2f %.1fV%.1f", cx + sx * hw, cy, cx, cy, cx, cy + sy * hw,
                cy + sy * hh);
    } else if (ends == 0) { /* dashes */
        fprintf(p->f, "M%.2f %.1fh%.2fm%.2f 0h%.2f", cx - hw + 1, cy, hw - 2, 2.0, hw - 2);
    }
}

static void write_lines(const struct picture *p, int y)
{
    for (int x = 0, end; x < p->c->w; x = end) {
        const struct cell *cell = canvas_at(p->c, x, y);
        end = x + 1;
        if (!is_line(cell->ch))
            continue;
        uint32_t rgb = foreground(p, cell);
        fprintf(p->f, "<path class=\"l\" stroke=\"#%06x\" d=\"", rgb);
        if (cell->ch == 0x2500) {
            while (end < p->c->w && canvas_at(p->c, end, y)->ch == 0x2500 &&
                   foreground(p, canvas_at(p->c, end, y)) == rgb)
                end++;
            fprintf(p->f, "M%.2f %.1fh%.2f", left(x), top(y) + CELL_H / 2, (end - x) * CELL_W);
        } else {
            write_line_char(p, x, y, cell->ch);
        }
        fputs("\"/>\n", p->f);
    }
}

static bool is_letter(uint32_t ch)
{
    return ch != ' ' && ch != 0 && !is_braille(ch) && !is_block(ch) && !is_line(ch);
}

/* Words, each placed by itself, so that a font of another width shifts nothing. */
static void write_words(const struct picture *p, int y)
{
    for (int x = 0, end; x < p->c->w; x = end) {
        const struct cell *cell = canvas_at(p->c, x, y);
        end = x + 1;
        if (!is_letter(cell->ch))
            continue;
        uint32_t rgb = foreground(p, cell);
        uint8_t attrs = attrs_of(p, cell);
        while (cell->width == 1 && end < p->c->w && canvas_at(p->c, end, y)->width == 1 &&
               is_letter(canvas_at(p->c, end, y)->ch) && foreground(p, canvas_at(p->c, end, y)) == rgb &&
               attrs_of(p, canvas_at(p->c, end, y)) == attrs)
            end++;
        int columns = end - x + (cell->width == 2);
        fprintf(p->f,
                "<text x=\"%.2f\" y=\"%.1f\" textLength=\"%.2f\" lengthAdjust=\"spacingAndGlyphs\" "
                "fill=\"#%06x\"%s%s>",
                left(x), top(y) + BASELINE, columns * CELL_W, rgb,
                attrs & ATTR_BOLD ? " font-weight=\"bold\"" : "",
                attrs & ATTR_UNDERLINE ? " text-decoration=\"underline\"" : "");
        for (int i = x; i < end; i++)
            put_escaped(p->f, canvas_at(p->c, i, y)->ch);
        fputs("</text>\n", p->f);
    }
}

void svg_write(const struct canvas *c, const struct theme *t, const char *title, FILE *f)
{
    struct picture p = {c, t, f};
    write_frame(&p, title);
    fprintf(f,
            "<style>.d{fill:none;stroke-width:3.1;stroke-linecap:round;stroke-dasharray:0 %.3f}"
            ".l{fill:none;stroke-width:1.2}.b{shape-rendering:crispEdges}</style>\n",
            CELL_W / 2);
    for (int y = 0; y < c->h; y++) {
        write_grounds(&p, y);
        write_blocks(&p, y);
        for (int row = 0; row < 4; row++)
            write_dots(&p, y, row);
        write_lines(&p, y);
        write_words(&p, y);
    }
    fputs("</svg>\n", f);
}
