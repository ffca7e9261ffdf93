#include "ui/canvas.h"

#include "util.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define REPLACEMENT 0xfffd

/* How a character looks where the glyph set lacks it. */
struct fallback {
    uint32_t ch, block;
    char ascii;
};

static const struct fallback fallbacks[] = {
    {0xb0, 0xb0, 'o'},     {0xb5, 0xb5, 'u'},     {0xb7, 0xb7, '.'},     {0xd7, 0xd7, 'x'},
    {0x2010, '-', '-'},    {0x2011, '-', '-'},    {0x2013, '-', '-'},    {0x2014, '-', '-'},
    {0x2018, '\'', '\''},  {0x2019, '\'', '\''},  {0x201c, '"', '"'},    {0x201d, '"', '"'},
    {0x2022, 0x2022, '*'}, {0x2026, '~', '~'},    {0x2190, 0x2190, '<'}, {0x2191, 0x2191, '^'},
    {0x2212, '-', '-'},
    {0x2192, 0x2192, '>'}, {0x2193, 0x2193, 'v'}, {0x2248, 0x2248, '~'}, {0x2264, 0x2264, '<'},
    {0x2265, 0x2265, '>'}, {0x2500, 0x2500, '-'}, {0x2502, 0x2502, '|'}, {0x2504, 0xb7, '.'},
    {0x250c, 0x250c, '+'}, {0x2510, 0x2510, '+'}, {0x2514, 0x2514, '+'}, {0x2518, 0x2518, '+'},
    {0x251c, 0x251c, '+'}, {0x2524, 0x2524, '+'}, {0x252c, 0x252c, '+'}, {0x2534, 0x2534, '+'},
    {0x253c, 0x253c, '+'}, {0x256d, 0x250c, '+'}, {0x256e, 0x2510, '+'}, {0x256f, 0x2518, '+'},
    {0x2570, 0x2514, '+'}, {0x2580, 0x2580, '"'}, {0x2581, '_', '_'},    {0x2582, '_', '.'},
    {0x2583, 0x2584, '-'}, {0x2584, 0x2584, '='}, {0x2585, 0x2584, '+'}, {0x2586, 0x2584, '*'},
    {0x2587, 0x2588, '#'}, {0x2588, 0x2588, '#'}, {0x2589, 0x2588, '#'}, {0x258a, 0x258c, '#'},
    {0x258b, 0x258c, '#'}, {0x258c, 0x258c, '#'}, {0x258d, 0x258c, '#'}, {0x258e, 0x258c, '|'},
    {0x258f, 0x258c, '|'}, {0x2592, 0x2592, ':'}, {0x25a0, 0x25a0, '+'}, {0x25b2, 0x25b2, '^'}, {0x25b8, 0x25ba, '>'},
    {0x25be, 0x25bc, 'v'}, {0x25c2, 0x25c4, '<'}, {0x25cb, 0x25cb, 'o'}, {0x25cf, 0x2022, '*'}, {0x2713, 0x221a, '+'},
    {0x2717, 'x', 'x'},
};

static uint32_t look(const struct canvas *c, uint32_t ch)
{
    if (ch == 0xad) /* some terminals give the soft hyphen no column at all */
        return '-';
    if (c->glyphs == GLYPHS_BRAILLE || ch < 0x80)
        return ch;
    for (size_t i = 0; i < ARRAY_LEN(fallbacks); i++)
        if (fallbacks[i].ch == ch)
            return c->glyphs == GLYPHS_BLOCK ? fallbacks[i].block : (uint32_t)fallbacks[i].ascii;
    return c->glyphs == GLYPHS_ASCII ? '?' : ch;
}

/* The width of a character must not depend on the user's locale, or a picture would. */
static int unicode_width(uint32_t ch)
{
    static locale_t utf8;
    if (utf8 == NULL)
        utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
    if (utf8 == NULL)
        return 1;
    locale_t before = uselocale(utf8);
    int w = wcwidth((wchar_t)ch);
    uselocale(before);
    return w;
}

static bool is_control(uint32_t ch)
{
    return ch < 0x20 || (ch >= 0x7f && ch < 0xa0) || ch > 0x10ffff || (ch >= 0xd800 && ch < 0xe000);
}

/* Its width; −1 where it is not printable: a control, or unassigned, to which each terminal gives another width. */
static int printed_width(uint32_t ch)
{
    if (is_control(ch))
        return -1;
    if (ch < 0x300 || (ch >= 0x2500 && ch < 0x25a0) || (ch >= 0x2800 && ch < 0x2900))
        return 1;
    return unicode_width(ch);
}

/* How a character looks on this canvas, and its columns (0: it would join the one before, and is left out). */
struct glyph {
    uint32_t ch;
    int w;
};

static inline struct glyph glyph_of(const struct canvas *c, uint32_t ch)
{
    if (ch >= 0x20 && ch < 0x7f) /* nearly all */
        return (struct glyph){ch, 1};
    int w = printed_width(ch);
    if (w < 0)
        return (struct glyph){look(c, REPLACEMENT), 1};
    return (struct glyph){look(c, ch), c->glyphs == GLYPHS_ASCII && w > 1 ? 1 : w};
}

int canvas_char_width(const struct canvas *c, uint32_t ch)
{
    return glyph_of(c, ch).w;
}

/* Takes the next character of *s; invalid bytes give U+FFFD, one at a time. */
static inline uint32_t take_char(const char **s)
{
    uint32_t ch = (unsigned char)**s;
    if (ch < 0x80) {
        *s += 1;
        return ch;
    }
    size_t n = utf8_decode(*s, strnlen(*s, 4), &ch);
    if (n == 0) {
        *s += 1;
        return REPLACEMENT;
    }
    *s += n;
    return ch;
}

int canvas_width(const struct canvas *c, const char *s)
{
    int w = 0;
    while (*s != '\0')
        w += canvas_char_width(c, take_char(&s));
    return w;
}

void canvas_init(struct canvas *c, int w, int h, enum glyph_set glyphs)
{
    if (w < 1 || h < 1 || w > 4096 || h > 4096)
        die("canvas of %d×%d", w, h);
    *c = (struct canvas){.w = w, .h = h, .glyphs = glyphs};
    c->cells = xcalloc((size_t)w * (size_t)h, sizeof *c->cells);
    canvas_clear(c);
}

void canvas_release(struct canvas *c)
{
    free(c->cells);
    c->cells = NULL;
}

void canvas_clear(struct canvas *c)
{
    canvas_fill(c, canvas_rect(c), ROLE_BACKGROUND);
}

struct rect canvas_rect(const struct canvas *c)
{
    return (struct rect){0, 0, c->w, c->h};
}

struct rect rect_inset(struct rect r, int dx, int dy)
{
    r.x += dx;
    r.y += dy;
    r.w = MAX_OF(r.w - 2 * dx, 0);
    r.h = MAX_OF(r.h - 2 * dy, 0);
    return r;
}

bool rect_has(struct rect r, int x, int y)
{
    return x >= r.x && x < r.x + r.w && y >= r.y && y < r.y + r.h;
}

const struct cell *canvas_at(const struct canvas *c, int x, int y)
{
    return &c->cells[(size_t)y * (size_t)c->w + (size_t)x];
}

static struct cell *cell_at(struct canvas *c, int x, int y)
{
    return &c->cells[(size_t)y * (size_t)c->w + (size_t)x];
}

static const struct cell blank = {' ', 1, ROLE_TEXT, ROLE_BACKGROUND, 0};

/* Before a cell is overwritten: half a wide character must not stay. */
static void break_wide(struct canvas *c, int x, int y)
{
    struct cell *cell = cell_at(c, x, y);
    uint8_t bg = cell->bg;
    if (cell->width == 0 && x > 0) {
        cell[-1] = blank;
        cell[-1].bg = bg;
    } else if (cell->width == 2 && x + 1 < c->w) {
        cell[1] = blank;
        cell[1].bg = bg;
    }
}

#define BG_AS_IT_IS (-1)

/* bg: a role, or BG_AS_IT_IS. */
static void put_glyph(struct canvas *c, int x, int y, struct glyph g, enum role role, int bg)
{
    if (x < 0 || y < 0 || x + g.w > c->w || y >= c->h || g.w == 0)
        return;
    struct cell *cell = cell_at(c, x, y);
    if (bg == BG_AS_IT_IS)
        bg = cell->bg;
    if (cell->width != 1) /* rarely */
        break_wide(c, x, y);
    cell[0] = (struct cell){g.ch, (uint8_t)g.w, (uint8_t)role, (uint8_t)bg, 0};
    if (g.w == 2) {
        break_wide(c, x + 1, y);
        cell[1] = (struct cell){0, 0, (uint8_t)role, (uint8_t)bg, 0};
    }
}

void canvas_put_bg(struct canvas *c, int x, int y, uint32_t ch, enum role role, enum role bg)
{
    put_glyph(c, x, y, glyph_of(c, ch), role, (int)bg);
}

void canvas_put(struct canvas *c, int x, int y, uint32_t ch, enum role role)
{
    put_glyph(c, x, y, glyph_of(c, ch), role, BG_AS_IT_IS);
}

static struct rect clip(const struct canvas *c, struct rect r)
{
    int x1 = MIN_OF(r.x + r.w, c->w), y1 = MIN_OF(r.y + r.h, c->h);
    r.x = MAX_OF(r.x, 0);
    r.y = MAX_OF(r.y, 0);
    r.w = MAX_OF(x1 - r.x, 0);
    r.h = MAX_OF(y1 - r.y, 0);
    return r;
}

void canvas_fill(struct canvas *c, struct rect r, enum role bg)
{
    struct cell ground = blank;
    ground.bg = (uint8_t)bg;
    r = clip(c, r);
    if (r.w == 0 || r.h == 0)
        return;
    for (int y = r.y; y < r.y + r.h; y++) {
        break_wide(c, r.x, y);
        break_wide(c, r.x + r.w - 1, y);
    }
    struct cell *first = cell_at(c, r.x, r.y);
    for (int x = 0; x < r.w; x++)
        first[x] = ground;
    for (int y = r.y + 1; y < r.y + r.h; y++)
        memcpy(cell_at(c, r.x, y), first, (size_t)r.w * sizeof *first);
}

void canvas_ground(struct canvas *c, struct rect r, enum role bg, uint8_t attrs)
{
    r = clip(c, r);
    for (int y = r.y; y < r.y + r.h; y++)
        for (int x = r.x; x < r.x + r.w; x++) {
            cell_at(c, x, y)->bg = (uint8_t)bg;
            cell_at(c, x, y)->attrs |= attrs;
        }
}

void canvas_select(struct canvas *c, struct rect r)
{
    r = clip(c, r);
    for (int y = r.y; y < r.y + r.h; y++)
        for (int x = r.x; x < r.x + r.w; x++) {
            cell_at(c, x, y)->role = ROLE_SELECTION_FG; /* blanks too: where there is no colour they are reversed */
            cell_at(c, x, y)->bg = ROLE_SELECTION_BG;
        }
}

int canvas_text(struct canvas *c, int x, int y, int w, const char *s, enum role role)
{
    int used = 0;
    while (*s != '\0') {
        struct glyph g = glyph_of(c, take_char(&s));
        if (used + g.w > w)
            break;
        put_glyph(c, x + used, y, g, role, BG_AS_IT_IS);
        used += g.w;
    }
    return used;
}

int canvas_text_fit(struct canvas *c, int x, int y, int w, const char *s, enum role role)
{
    if (w <= 0)
        return 0;
    if (canvas_width(c, s) <= w)
        return canvas_text(c, x, y, w, s, role);
    int used = canvas_text(c, x, y, w - 1, s, role);
    canvas_put(c, x + used, y, 0x2026, role);
    return used + 1;
}

int canvas_text_tail(struct canvas *c, int x, int y, int w, const char *s, enum role role)
{
    if (w <= 0)
        return 0;
    int total = canvas_width(c, s);
    if (total <= w)
        return canvas_text(c, x, y, w, s, role);
    while (*s != '\0' && total > w - 1)
        total -= canvas_char_width(c, take_char(&s));
    canvas_put(c, x, y, 0x2026, role);
    return 1 + canvas_text(c, x + 1, y, w - 1, s, role);
}

int canvas_text_right(struct canvas *c, int x, int y, int w, const char *s, enum role role)
{
    int used = canvas_width(c, s);
    if (used > w)
        return 0;
    return canvas_text(c, x + w - used, y, used, s, role);
}

void canvas_box(struct canvas *c, struct rect r, enum role role)
{
    if (r.w < 2 || r.h < 2)
        return;
    int x1 = r.x + r.w - 1, y1 = r.y + r.h - 1;
    struct glyph across = glyph_of(c, 0x2500), down = glyph_of(c, 0x2502);
    for (int x = r.x + 1; x < x1; x++) {
        put_glyph(c, x, r.y, across, role, BG_AS_IT_IS);
        put_glyph(c, x, y1, across, role, BG_AS_IT_IS);
    }
    for (int y = r.y + 1; y < y1; y++) {
        put_glyph(c, r.x, y, down, role, BG_AS_IT_IS);
        put_glyph(c, x1, y, down, role, BG_AS_IT_IS);
    }
    canvas_put(c, r.x, r.y, 0x256d, role);
    canvas_put(c, x1, r.y, 0x256e, role);
    canvas_put(c, r.x, y1, 0x2570, role);
    canvas_put(c, x1, y1, 0x256f, role);
}

void canvas_dump_text(const struct canvas *c, FILE *f)
{
    for (int y = 0; y < c->h; y++) {
        int last = c->w - 1;
        while (last >= 0 && canvas_at(c, last, y)->ch == ' ')
            last--;
        for (int x = 0; x <= last; x++) {
            char out[8];
            if (canvas_at(c, x, y)->width > 0) {
                utf8_encode(canvas_at(c, x, y)->ch, out);
                fputs(out, f);
            }
        }
        fputc('\n', f);
    }
}
