#include "ui/theme.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const role_names[ROLE_NAMED] = {
    [ROLE_BACKGROUND] = "background",     [ROLE_TEXT] = "text",
    [ROLE_TEXT_DIM] = "text.dim",         [ROLE_TEXT_BRIGHT] = "text.bright",
    [ROLE_PANEL_BORDER] = "panel.border", [ROLE_PANEL_BORDER_FOCUS] = "panel.border.focus",
    [ROLE_PANEL_TITLE] = "panel.title",   [ROLE_KEY_HINT] = "key.hint",
    [ROLE_KEY_LABEL] = "key.label",       [ROLE_SELECTION_FG] = "selection.fg",
    [ROLE_SELECTION_BG] = "selection.bg", [ROLE_GRAPH_LOW] = "graph.low",
    [ROLE_GRAPH_MID] = "graph.mid",       [ROLE_GRAPH_HIGH] = "graph.high",
    [ROLE_GRAPH_GRID] = "graph.grid",     [ROLE_GRAPH_LABEL] = "graph.label",
    [ROLE_GAUGE_OK] = "gauge.ok",         [ROLE_GAUGE_WARN] = "gauge.warn",
    [ROLE_GAUGE_CRIT] = "gauge.crit",     [ROLE_GAUGE_TRACK] = "gauge.track",
    [ROLE_GAUGE_TEXT] = "gauge.text",     [ROLE_MEM_VRAM] = "mem.vram",
    [ROLE_MEM_GTT] = "mem.gtt",           [ROLE_MEM_RAM] = "mem.ram",
    [ROLE_MEM_POOL] = "mem.pool",         [ROLE_MEM_CACHE] = "mem.cache",
    [ROLE_HIST_BAR] = "hist.bar",         [ROLE_HIST_COLD] = "hist.cold",
    [ROLE_HIST_MARK] = "hist.mark",       [ROLE_SERIES_1] = "series.1",
    [ROLE_SERIES_2] = "series.2",         [ROLE_SERIES_3] = "series.3",
    [ROLE_SERIES_4] = "series.4",         [ROLE_STATUS_OK] = "status.ok",
    [ROLE_STATUS_WARN] = "status.warn",   [ROLE_STATUS_ERROR] = "status.error",
};

enum ansi { BLACK, RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN, WHITE };

/* One line of a theme.  `near` stands for "the nearest of the 256". */
struct entry {
    enum role role;
    uint32_t rgb;
    int16_t c256, c8;
    uint8_t attrs, attrs_low;
};
#define NEAR (-2)
#define DEF COLOR_DEFAULT
#define GREY_MOST 48 /* parts of a colour that differ by less have no hue to tell */

struct builtin {
    const char *name, *title;
    enum theme_variant variant;
    const struct entry *entries;
    size_t n;
};

/* Calm blue-grey ground, cold to warm-green gradient: height reads as brightness.  Warm colours are kept for
 * what wants attention: marks, cold requests, warnings.  Text is in the terminal's own colour, so that it can
 * be read on a light ground too. */
static const struct entry dark[] = {
    {ROLE_BACKGROUND, 0x0f141b, DEF, DEF, 0, 0},
    {ROLE_TEXT, 0xc5cedb, DEF, DEF, 0, 0},
    {ROLE_TEXT_DIM, 0x7d899a, 245, DEF, 0, ATTR_DIM},
    {ROLE_TEXT_BRIGHT, 0xf5f8fc, DEF, DEF, ATTR_BOLD, ATTR_BOLD},
    {ROLE_PANEL_BORDER, 0x364152, 239, DEF, 0, ATTR_DIM},
    {ROLE_PANEL_BORDER_FOCUS, 0x5b87b8, 67, CYAN, 0, 0},
    {ROLE_PANEL_TITLE, 0x8fb8e0, 110, CYAN, 0, 0},
    {ROLE_KEY_HINT, 0x9fd0c8, 116, CYAN, ATTR_BOLD, ATTR_BOLD},
    {ROLE_KEY_LABEL, 0x8793a4, 246, DEF, 0, 0},
    {ROLE_SELECTION_FG, 0xf5f8fc, 231, DEF, ATTR_BOLD, ATTR_BOLD},
    {ROLE_SELECTION_BG, 0x2a3a52, 237, DEF, 0, ATTR_REVERSE},
    {ROLE_GRAPH_LOW, 0x3a7ca8, NEAR, BLUE, 0, 0},
    {ROLE_GRAPH_MID, 0x34b3ad, NEAR, CYAN, 0, 0},
    {ROLE_GRAPH_HIGH, 0xb5e48c, NEAR, GREEN, 0, 0},
    {ROLE_GRAPH_GRID, 0x28313d, 236, DEF, 0, ATTR_DIM},
    {ROLE_GRAPH_LABEL, 0x748092, 245, DEF, 0, ATTR_DIM},
    {ROLE_GAUGE_OK, 0x4fb3a0, 73, GREEN, 0, 0},
    {ROLE_GAUGE_WARN, 0xf0b95b, 215, YELLOW, 0, ATTR_BOLD},
    {ROLE_GAUGE_CRIT, 0xf2706d, 203, RED, 0, ATTR_BOLD},
    {ROLE_GAUGE_TRACK, 0x222b37, 235, DEF, 0, 0},
    {ROLE_GAUGE_TEXT, 0xdfe6ef, DEF, DEF, 0, 0},
    {ROLE_MEM_VRAM, 0x7aa2f7, 111, BLUE, 0, 0},
    {ROLE_MEM_GTT, 0xb99bf0, 141, MAGENTA, 0, 0},
    {ROLE_MEM_RAM, 0x58b09c, 72, GREEN, 0, 0},
    {ROLE_MEM_POOL, 0x8a7a5c, 101, YELLOW, 0, 0},
    {ROLE_MEM_CACHE, 0x4c6a78, 66, CYAN, 0, ATTR_DIM},
    {ROLE_HIST_BAR, 0x6c9fe0, 74, BLUE, 0, 0},
    {ROLE_HIST_COLD, 0xf0a463, 215, YELLOW, 0, 0},
    {ROLE_HIST_MARK, 0xf2cf7a, 222, YELLOW, 0, ATTR_BOLD},
    {ROLE_SERIES_1, 0x34b3ad, 37, CYAN, 0, 0},
    {ROLE_SERIES_2, 0xf0b95b, 215, YELLOW, 0, 0},
    {ROLE_SERIES_3, 0xb99bf0, 141, MAGENTA, 0, 0},
    {ROLE_SERIES_4, 0xb5e48c, 150, GREEN, 0, 0},
    {ROLE_STATUS_OK, 0x7fd596, 114, GREEN, ATTR_BOLD, ATTR_BOLD},
    {ROLE_STATUS_WARN, 0xf0b95b, 215, YELLOW, ATTR_BOLD, ATTR_BOLD},
    {ROLE_STATUS_ERROR, 0xf7807d, 210, RED, ATTR_BOLD, ATTR_BOLD},
};

/* The same hues on paper, dark enough to be read there.  It paints its own ground where there are 256 colours. */
static const struct entry light[] = {
    {ROLE_BACKGROUND, 0xf7f8fa, 231, DEF, 0, 0},
    {ROLE_TEXT, 0x2b3440, 236, DEF, 0, 0},
    {ROLE_TEXT_DIM, 0x5f6b7a, 241, DEF, 0, ATTR_DIM},
    {ROLE_TEXT_BRIGHT, 0x0b1016, 16, DEF, ATTR_BOLD, ATTR_BOLD},
    {ROLE_PANEL_BORDER, 0xb9c2cd, 250, DEF, 0, ATTR_DIM},
    {ROLE_PANEL_BORDER_FOCUS, 0x3f75b0, 67, BLUE, 0, 0},
    {ROLE_PANEL_TITLE, 0x1f5f9e, 25, BLUE, 0, 0},
    {ROLE_KEY_HINT, 0x0b6b62, 23, BLUE, ATTR_BOLD, ATTR_BOLD},
    {ROLE_KEY_LABEL, 0x566271, 240, DEF, 0, 0},
    {ROLE_SELECTION_FG, 0x0b1016, 16, DEF, ATTR_BOLD, ATTR_BOLD},
    {ROLE_SELECTION_BG, 0xcfdff2, 153, DEF, 0, ATTR_REVERSE},
    {ROLE_GRAPH_LOW, 0x3d87b8, NEAR, BLUE, 0, 0},
    {ROLE_GRAPH_MID, 0x0e807a, NEAR, BLUE, 0, 0},
    {ROLE_GRAPH_HIGH, 0x2c6e1f, NEAR, GREEN, 0, 0},
    {ROLE_GRAPH_GRID, 0xdfe4ea, 254, DEF, 0, ATTR_DIM},
    {ROLE_GRAPH_LABEL, 0x667282, 242, DEF, 0, ATTR_DIM},
    {ROLE_GAUGE_OK, 0x1d7f6c, 29, GREEN, 0, 0},
    {ROLE_GAUGE_WARN, 0xa66300, 130, MAGENTA, 0, ATTR_BOLD},
    {ROLE_GAUGE_CRIT, 0xc22f2c, 160, RED, 0, ATTR_BOLD},
    {ROLE_GAUGE_TRACK, 0xe3e8ee, 255, DEF, 0, 0},
    {ROLE_GAUGE_TEXT, 0x1d242d, 235, DEF, 0, 0},
    {ROLE_MEM_VRAM, 0x2f62d0, 26, BLUE, 0, 0},
    {ROLE_MEM_GTT, 0x7a4fc4, 97, MAGENTA, 0, 0},
    {ROLE_MEM_RAM, 0x25806c, 29, GREEN, 0, 0},
    {ROLE_MEM_POOL, 0x7d6b40, 94, RED, 0, 0},
    {ROLE_MEM_CACHE, 0x5d7f8f, 66, BLUE, 0, ATTR_DIM},
    {ROLE_HIST_BAR, 0x3b74c4, 68, BLUE, 0, 0},
    {ROLE_HIST_COLD, 0xb35a0c, 130, RED, 0, 0},
    {ROLE_HIST_MARK, 0x8f5a00, 94, MAGENTA, 0, ATTR_BOLD},
    {ROLE_SERIES_1, 0x0e807a, 30, BLUE, 0, 0},
    {ROLE_SERIES_2, 0xa66300, 130, RED, 0, 0},
    {ROLE_SERIES_3, 0x7a4fc4, 97, MAGENTA, 0, 0},
    {ROLE_SERIES_4, 0x3f7d22, 64, GREEN, 0, 0},
    {ROLE_STATUS_OK, 0x1a7a33, 28, GREEN, ATTR_BOLD, ATTR_BOLD},
    {ROLE_STATUS_WARN, 0x9a5b00, 94, MAGENTA, ATTR_BOLD, ATTR_BOLD},
    {ROLE_STATUS_ERROR, 0xb92525, 124, RED, ATTR_BOLD, ATTR_BOLD},
};

/* No colour at all: weight tells what matters.  The shades are for pictures only. */
static const struct entry mono[] = {
    {ROLE_BACKGROUND, 0x121212, DEF, DEF, 0, 0},
    {ROLE_TEXT, 0xc8c8c8, DEF, DEF, 0, 0},
    {ROLE_TEXT_DIM, 0x8a8a8a, DEF, DEF, ATTR_DIM, ATTR_DIM},
    {ROLE_TEXT_BRIGHT, 0xffffff, DEF, DEF, ATTR_BOLD, ATTR_BOLD},
    {ROLE_PANEL_BORDER, 0x4a4a4a, DEF, DEF, ATTR_DIM, ATTR_DIM},
    {ROLE_PANEL_BORDER_FOCUS, 0x9a9a9a, DEF, DEF, 0, 0},
    {ROLE_PANEL_TITLE, 0xc8c8c8, DEF, DEF, 0, 0},
    {ROLE_KEY_HINT, 0xffffff, DEF, DEF, ATTR_BOLD, ATTR_BOLD},
    {ROLE_KEY_LABEL, 0xa0a0a0, DEF, DEF, 0, 0},
    {ROLE_SELECTION_FG, 0x121212, DEF, DEF, ATTR_REVERSE, ATTR_REVERSE},
    {ROLE_SELECTION_BG, 0xc8c8c8, DEF, DEF, 0, 0},
    {ROLE_GRAPH_LOW, 0x808080, DEF, DEF, 0, 0},
    {ROLE_GRAPH_MID, 0xa8a8a8, DEF, DEF, 0, 0},
    {ROLE_GRAPH_HIGH, 0xe0e0e0, DEF, DEF, 0, 0},
    {ROLE_GRAPH_GRID, 0x303030, DEF, DEF, ATTR_DIM, ATTR_DIM},
    {ROLE_GRAPH_LABEL, 0x8a8a8a, DEF, DEF, ATTR_DIM, ATTR_DIM},
    {ROLE_GAUGE_OK, 0xb0b0b0, DEF, DEF, 0, 0},
    {ROLE_GAUGE_WARN, 0xe0e0e0, DEF, DEF, ATTR_BOLD, ATTR_BOLD},
    {ROLE_GAUGE_CRIT, 0xffffff, DEF, DEF, ATTR_BOLD, ATTR_BOLD},
    {ROLE_GAUGE_TRACK, 0x2a2a2a, DEF, DEF, 0, 0},
    {ROLE_GAUGE_TEXT, 0xe0e0e0, DEF, DEF, 0, 0},
    {ROLE_MEM_VRAM, 0xb0b0b0, DEF, DEF, 0, 0},
    {ROLE_MEM_GTT, 0xd0d0d0, DEF, DEF, 0, 0},
    {ROLE_MEM_RAM, 0x989898, DEF, DEF, 0, 0},
    {ROLE_MEM_POOL, 0x808080, DEF, DEF, 0, 0},
    {ROLE_MEM_CACHE, 0x6a6a6a, DEF, DEF, ATTR_DIM, ATTR_DIM},
    {ROLE_HIST_BAR, 0xb0b0b0, DEF, DEF, 0, 0},
    {ROLE_HIST_COLD, 0xffffff, DEF, DEF, ATTR_BOLD, ATTR_BOLD},
    {ROLE_HIST_MARK, 0xffffff, DEF, DEF, ATTR_BOLD, ATTR_BOLD},
    {ROLE_SERIES_1, 0xb0b0b0, DEF, DEF, 0, 0},
    {ROLE_SERIES_2, 0xe0e0e0, DEF, DEF, ATTR_BOLD, ATTR_BOLD},
    {ROLE_SERIES_3, 0x909090, DEF, DEF, 0, 0},
    {ROLE_SERIES_4, 0xd0d0d0, DEF, DEF, 0, 0},
    {ROLE_STATUS_OK, 0xffffff, DEF, DEF, ATTR_BOLD, ATTR_BOLD},
    {ROLE_STATUS_WARN, 0xffffff, DEF, DEF, ATTR_BOLD, ATTR_BOLD},
    {ROLE_STATUS_ERROR, 0xffffff, DEF, DEF, ATTR_BOLD | ATTR_UNDERLINE, ATTR_BOLD | ATTR_UNDERLINE},
};

static const struct builtin builtins[] = {
    {THEME_DEFAULT, "tokgauge dark", VARIANT_DARK, dark, sizeof dark / sizeof dark[0]},
    {"tokgauge-light", "tokgauge light", VARIANT_LIGHT, light, sizeof light / sizeof light[0]},
    {"mono", "Monochrome", VARIANT_ANY, mono, sizeof mono / sizeof mono[0]},
};
#define BUILTINS (sizeof builtins / sizeof builtins[0])

const char *role_name(enum role r)
{
    return (unsigned)r < ROLE_NAMED ? role_names[r] : NULL;
}

const char *variant_name(enum theme_variant v)
{
    static const char *const names[VARIANT_COUNT] = {"any", "dark", "light"};
    return (unsigned)v < VARIANT_COUNT ? names[v] : NULL;
}

const char *theme_builtin(size_t i)
{
    return i < BUILTINS ? builtins[i].name : NULL;
}

static int square(int v)
{
    return v * v;
}

static int distance(uint32_t a, uint32_t b)
{
    int d = 0;
    for (int shift = 0; shift <= 16; shift += 8)
        d += square((int)(a >> shift & 255) - (int)(b >> shift & 255));
    return d;
}

uint32_t theme_palette_rgb(int i)
{
    static const uint8_t level[6] = {0, 95, 135, 175, 215, 255};
    static const uint32_t first[16] = {0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5,
                                       0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff};
    if (i < 16)
        return first[i < 0 ? 0 : i];
    if (i >= 232) { /* greys */
        uint32_t g = (uint32_t)(8 + 10 * (i - 232));
        return g << 16 | g << 8 | g;
    }
    i -= 16; /* a cube of 6×6×6 */
    return (uint32_t)level[i / 36] << 16 | (uint32_t)level[i / 6 % 6] << 8 | level[i % 6];
}

int theme_nearest_256(uint32_t rgb)
{
    int best = 16;
    for (int i = 17; i < 256; i++)
        if (distance(theme_palette_rgb(i), rgb) < distance(theme_palette_rgb(best), rgb))
            best = i;
    return best;
}

int theme_nearest_8(uint32_t rgb)
{
    int part[3] = {(int)(rgb >> 16 & 255), (int)(rgb >> 8 & 255), (int)(rgb & 255)};
    int least = part[0], most = part[0], out = 0;
    for (int i = 1; i < 3; i++) {
        least = part[i] < least ? part[i] : least;
        most = part[i] > most ? part[i] : most;
    }
    if (most - least < GREY_MOST)
        return COLOR_DEFAULT;
    for (int i = 0; i < 3; i++)
        if (2 * part[i] > least + most)
            out |= 1 << i;
    return out;
}

/* Light that a colour gives, 0 … 1. */
static double luminance(uint32_t rgb)
{
    static const double weight[3] = {0.0722, 0.7152, 0.2126};
    double sum = 0;
    for (int i = 0; i < 3; i++) {
        double v = (double)(rgb >> 8 * i & 255) / 255;
        sum += weight[i] * (v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4));
    }
    return sum;
}

double theme_contrast(uint32_t a, uint32_t b)
{
    double x = luminance(a) + 0.05, y = luminance(b) + 0.05;
    return x > y ? x / y : y / x;
}

static uint32_t mix(uint32_t a, uint32_t b, int part, int whole)
{
    uint32_t out = 0;
    for (int shift = 0; shift <= 16; shift += 8) {
        int x = (int)(a >> shift & 255), y = (int)(b >> shift & 255);
        out |= (uint32_t)(x + (y - x) * part / whole) << shift;
    }
    return out;
}

void theme_make_gradient(struct theme *t)
{
    const struct style *low = &t->style[ROLE_GRAPH_LOW], *mid = &t->style[ROLE_GRAPH_MID];
    const struct style *high = &t->style[ROLE_GRAPH_HIGH];
    int last = GRAPH_STEPS - 1;
    for (int i = 0; i < GRAPH_STEPS; i++) {
        struct style *s = &t->style[ROLE_GRAPH_STEP + i];
        *s = i * 3 < GRAPH_STEPS ? *low : i * 3 < 2 * GRAPH_STEPS ? *mid : *high;
        s->rgb = 2 * i < last ? mix(low->rgb, mid->rgb, 2 * i, last)
                              : mix(mid->rgb, high->rgb, 2 * i - last, last);
        if (s->c256 != COLOR_DEFAULT && i > 0 && i < last)
            s->c256 = (int16_t)theme_nearest_256(s->rgb);
    }
}

static void load(struct theme *t, const struct builtin *b)
{
    memset(t, 0, sizeof *t);
    snprintf(t->name, sizeof t->name, "%s", b->title);
    t->variant = b->variant;
    for (size_t i = 0; i < b->n; i++) {
        const struct entry *e = &b->entries[i];
        int c256 = e->c256 == NEAR ? theme_nearest_256(e->rgb) : e->c256;
        /* A picture has the colours themselves: nothing must be reversed to be seen. */
        uint8_t picture = e->attrs & (uint8_t)~ATTR_REVERSE;
        t->style[e->role] = (struct style){e->rgb, (int16_t)c256, e->c8, picture, e->attrs, e->attrs_low};
    }
    theme_make_gradient(t);
}

bool theme_load(struct theme *t, const char *name)
{
    for (size_t i = 0; i < BUILTINS; i++)
        if (strcmp(builtins[i].name, name != NULL ? name : THEME_DEFAULT) == 0) {
            load(t, &builtins[i]);
            return true;
        }
    return false;
}

void theme_load_variant(struct theme *t, enum theme_variant v)
{
    for (size_t i = 0; i < BUILTINS; i++)
        if (builtins[i].variant == v)
            load(t, &builtins[i]);
}
