/* theme: what a role looks like.  Views name roles; a theme is a table from roles to colours, for true colour
 * (pictures), 256 colours, 8 colours and none (attributes only).  Here are the themes that are compiled in; theme_file.h
 * reads others.  Pure data and lookups. */
#ifndef TG_UI_THEME_H
#define TG_UI_THEME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRAPH_STEPS 12 /* shades of the graph gradient, low to high */

enum role {
    ROLE_BACKGROUND, /* 0: as a background, the terminal's own */
    ROLE_TEXT,
    ROLE_TEXT_DIM,
    ROLE_TEXT_BRIGHT,
    ROLE_PANEL_BORDER,
    ROLE_PANEL_BORDER_FOCUS,
    ROLE_PANEL_TITLE,
    ROLE_KEY_HINT,  /* the key itself */
    ROLE_KEY_LABEL, /* what it does */
    ROLE_SELECTION_FG,
    ROLE_SELECTION_BG,
    ROLE_GRAPH_LOW,
    ROLE_GRAPH_MID,
    ROLE_GRAPH_HIGH,
    ROLE_GRAPH_GRID,
    ROLE_GRAPH_LABEL,
    ROLE_GAUGE_OK,
    ROLE_GAUGE_WARN,
    ROLE_GAUGE_CRIT,
    ROLE_GAUGE_TRACK,
    ROLE_GAUGE_TEXT,
    ROLE_MEM_VRAM,
    ROLE_MEM_GTT,
    ROLE_MEM_RAM,
    ROLE_MEM_POOL,
    ROLE_MEM_CACHE,
    ROLE_HIST_BAR,
    ROLE_HIST_COLD,
    ROLE_HIST_MARK,
    ROLE_SERIES_1,
    ROLE_SERIES_2,
    ROLE_SERIES_3,
    ROLE_SERIES_4,
    ROLE_STATUS_OK,
    ROLE_STATUS_WARN,
    ROLE_STATUS_ERROR,
    ROLE_NAMED, /* the roles above are those a theme file names */
    ROLE_GRAPH_STEP = ROLE_NAMED,
    ROLE_COUNT = ROLE_GRAPH_STEP + GRAPH_STEPS
};

enum attr { ATTR_BOLD = 1, ATTR_DIM = 2, ATTR_REVERSE = 4, ATTR_UNDERLINE = 8 };

#define COLOR_DEFAULT (-1) /* the terminal's own colour */

struct style {
    uint32_t rgb;      /* 0xrrggbb, for pictures */
    int16_t c256, c8;  /* palette index, or COLOR_DEFAULT */
    uint8_t attrs_picture;
    uint8_t attrs;     /* with 256 colours */
    uint8_t attrs_low; /* with 8 colours or none */
};

enum theme_variant { VARIANT_ANY, VARIANT_DARK, VARIANT_LIGHT, VARIANT_COUNT }; /* the grounds that it is for */

#define THEME_NAME 64
#define THEME_DEFAULT "tokgauge-dark"

struct theme {
    char name[THEME_NAME]; /* for people; harmless text */
    enum theme_variant variant;
    struct style style[ROLE_COUNT];
};

/* A built-in theme; name NULL: the default.  False where there is no such theme; *t is then untouched. */
bool theme_load(struct theme *t, const char *name);
/* Names of the built-in themes, NULL after the last. */
const char *theme_builtin(size_t i);
/* The built-in theme for these grounds. */
void theme_load_variant(struct theme *t, enum theme_variant v);
/* Makes the shades of the graph gradient from graph.low, graph.mid and graph.high. */
void theme_make_gradient(struct theme *t);
/* "dark", "light", "any" */
const char *variant_name(enum theme_variant v);
/* "graph.low"; NULL for roles that have no name. */
const char *role_name(enum role r);
/* The index among the 256 colours nearest to an 0xrrggbb (never one of the first 16, which terminals
 * redefine). */
int theme_nearest_256(uint32_t rgb);
/* One of the eight by its hue; COLOR_DEFAULT for greys, which must be seen on any ground. */
int theme_nearest_8(uint32_t rgb);
/* The colour of a palette index, 0 … 255; of the first 16 what xterm makes them. */
uint32_t theme_palette_rgb(int i);
/* Contrast of two colours as WCAG 2 defines it: 1 … 21. */
double theme_contrast(uint32_t a, uint32_t b);

#endif
