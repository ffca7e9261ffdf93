#include "ui/theme_file.h"

#include "inifile.h"
#include "util.h"

#include <stdlib.h>
#include <string.h>

#define WARNINGS_MOST 50 /* that are told */
#define LIGHT_FROM 9.0   /* a ground with this contrast to black is a light one */
#define TEXT_CONTRAST 4.5
#define MARK_CONTRAST 3.0

enum { STEP_RGB, STEP_256, STEP_8, STEPS };

/* One step of a role, as the file has it. */
struct step {
    bool has_color, has_attrs; /* neither: it is left out */
    int32_t color;
    uint8_t attrs;
};

struct reading {
    const char *file;
    const struct theme_report *report;
    struct theme_found found;
    char name[THEME_NAME];
    enum theme_variant variant;
    bool has_variant;
    int at[ROLE_NAMED]; /* the line of each role; 0: not there */
    struct step step[ROLE_NAMED][STEPS];
};

static void warn(struct reading *r, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void warn(struct reading *r, int line, const char *fmt, ...)
{
    char raw[512], text[512];
    va_list ap;
    if (r->found.warnings++ > WARNINGS_MOST)
        return;
    va_start(ap, fmt);
    vsnprintf(raw, sizeof raw, fmt, ap);
    va_end(ap);
    str_sanitise(text, sizeof text, raw, strlen(raw));
    if (r->found.warnings <= WARNINGS_MOST)
        r->report->warn(r->report->ctx, r->file, line, text);
    else
        r->report->warn(r->report->ctx, r->file, line, "and more");
}

static char *trim(char *s)
{
    s += strspn(s, " \t");
    size_t n = strlen(s);
    while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
        s[--n] = '\0';
    return s;
}

/* ---- a role's line ---- */

static bool parse_rgb(const char *s, int32_t *v)
{
    if (s[0] != '#' || strlen(s) != 7 || strspn(s + 1, "0123456789abcdefABCDEF") != 6)
        return false;
    *v = (int32_t)strtol(s + 1, NULL, 16);
    return true;
}

static bool parse_index(const char *s, int32_t *v)
{
    size_t n = strlen(s);
    if (n == 0 || n > 3 || strspn(s, "0123456789") != n)
        return false;
    *v = (int32_t)strtol(s, NULL, 10);
    return *v <= 255;
}

static bool parse_ansi(const char *s, int32_t *v)
{
    static const char *const names[] = {"black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], s) == 0) {
            *v = (int32_t)i;
            return true;
        }
    return false;
}

static bool parse_color(int kind, const char *s, int32_t *v)
{
    if (kind == STEP_RGB)
        return parse_rgb(s, v);
    if (strcmp(s, "default") == 0) {
        *v = COLOR_DEFAULT;
        return true;
    }
    return kind == STEP_256 ? parse_index(s, v) : parse_ansi(s, v);
}

static uint8_t parse_attr(const char *s)
{
    static const struct {
        const char *name;
        uint8_t attr;
    } table[] = {{"bold", ATTR_BOLD}, {"dim", ATTR_DIM}, {"reverse", ATTR_REVERSE}, {"underline", ATTR_UNDERLINE}};
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (strcmp(table[i].name, s) == 0)
            return table[i].attr;
    return 0;
}

/* "#a89984+bold+dim", or parts of it, or nothing. */
static void parse_step(struct reading *r, int line, int kind, char *text, struct step *out)
{
    static const char *const wanted[STEPS] = {
        [STEP_RGB] = "no true colour like #a0b1c2",
        [STEP_256] = "neither an index from 0 to 255 nor 'default'",
        [STEP_8] = "none of black, red, green, yellow, blue, magenta, cyan, white, default",
    };
    char *rest = text;
    char *color = trim(strsep(&rest, "+"));
    if (color[0] != '\0') {
        out->has_color = parse_color(kind, color, &out->color);
        if (!out->has_color)
            warn(r, line, "'%s' is %s", color, wanted[kind]);
    }
    while (rest != NULL) {
        char *word = trim(strsep(&rest, "+"));
        uint8_t attr = parse_attr(word);
        if (attr == 0)
            warn(r, line, "'%s' is none of bold, dim, reverse, underline", word);
        out->attrs |= attr;
        out->has_attrs = out->has_attrs || attr != 0;
    }
    out->has_attrs = out->has_attrs || out->has_color;
}

static void set_role(struct reading *r, int line, enum role role, const char *value)
{
    char text[1024];
    char *rest = text;
    str_copy(text, sizeof text, value);
    if (r->at[role] != 0)
        warn(r, line, "'%s' stands in line %d already: this one holds", role_name(role), r->at[role]);
    else
        r->found.roles++;
    r->at[role] = line;
    memset(r->step[role], 0, sizeof r->step[role]);
    for (int kind = 0; kind < STEPS && rest != NULL; kind++)
        parse_step(r, line, kind, strsep(&rest, "/"), &r->step[role][kind]);
    if (rest != NULL)
        warn(r, line, "'%s' has more than three steps", role_name(role));
    if (trim(text)[0] == '\0' && strchr(value, '/') == NULL)
        warn(r, line, "'%s' has no colour", role_name(role));
}

static void set_variant(struct reading *r, int line, const char *value)
{
    for (int v = 0; v < VARIANT_COUNT; v++)
        if (strcmp(variant_name((enum theme_variant)v), value) == 0) {
            r->variant = (enum theme_variant)v;
            r->has_variant = true;
            return;
        }
    warn(r, line, "variant '%s' is none of dark, light, any", value);
}

static void on_set(void *ctx, int line, const char *section, const char *name, const char *value)
{
    struct reading *r = ctx;
    if (section[0] != '\0') {
        warn(r, line, "'%s' stands in a section [%s]: a theme has none", name, section);
        return;
    }
    if (strcmp(name, "name") == 0) {
        str_sanitise(r->name, sizeof r->name, value, strlen(value));
        return;
    }
    if (strcmp(name, "variant") == 0) {
        set_variant(r, line, value);
        return;
    }
    for (enum role i = 0; i < ROLE_NAMED; i++)
        if (strcmp(role_name(i), name) == 0) {
            set_role(r, line, i, value);
            return;
        }
    warn(r, line, "there is no role '%s'", name);
}

static void on_bad(void *ctx, int line, const char *why)
{
    warn(ctx, line, "%s", why);
}

/* ---- what becomes of it ---- */

/* s is the base's, and becomes the file's. */
static void apply(const struct step step[STEPS], struct style *s)
{
    const struct step *rgb = &step[STEP_RGB], *c256 = &step[STEP_256], *c8 = &step[STEP_8];
    bool own = rgb->has_color || c256->has_color;
    if (rgb->has_color)
        s->rgb = (uint32_t)rgb->color;
    else if (c256->has_color && c256->color != COLOR_DEFAULT)
        s->rgb = theme_palette_rgb(c256->color);
    if (c256->has_color)
        s->c256 = (int16_t)c256->color;
    else if (own)
        s->c256 = (int16_t)theme_nearest_256(s->rgb);
    if (c8->has_color)
        s->c8 = (int16_t)c8->color;
    else if (own)
        s->c8 = (int16_t)theme_nearest_8(s->rgb);
    if (rgb->has_attrs)
        s->attrs_picture = rgb->attrs;
    if (c256->has_attrs || rgb->has_attrs)
        s->attrs = c256->has_attrs ? c256->attrs : rgb->attrs;
    /* With few colours weight says what hue cannot: the base's stays where the file has no word of it. */
    if (c8->has_attrs)
        s->attrs_low = c8->attrs;
    else if (c256->has_attrs || rgb->has_attrs)
        s->attrs_low |= c256->has_attrs ? c256->attrs : rgb->attrs;
}

/* Where the file does not say: by its ground, if that has a colour. */
static enum theme_variant guess_variant(const struct reading *r)
{
    const struct step *ground = r->step[ROLE_BACKGROUND];
    struct style s = {.rgb = 0};
    apply(ground, &s);
    return theme_contrast(s.rgb, 0) > LIGHT_FROM ? VARIANT_LIGHT : VARIANT_DARK;
}

struct theme_found theme_read(FILE *in, const char *file, const char *name, struct theme *t, const struct theme_report *report)
{
    struct reading *r = xcalloc(1, sizeof *r);
    r->file = file;
    r->report = report;
    str_sanitise(r->name, sizeof r->name, name, strlen(name));
    inifile_read(in, &(struct inifile_use){r, on_set, on_bad});
    if (!r->has_variant)
        r->variant = guess_variant(r);
    theme_load_variant(t, r->variant);
    str_copy(t->name, sizeof t->name, r->name);
    for (int i = 0; i < ROLE_NAMED; i++)
        if (r->at[i] != 0)
            apply(r->step[i], &t->style[i]);
    /* Among eight colours there is none that all the others can be read on: grounds are the terminal's own, unless named. */
    static const enum role grounds[] = {ROLE_BACKGROUND, ROLE_SELECTION_BG};
    for (size_t i = 0; i < ARRAY_LEN(grounds); i++)
        if (!r->step[grounds[i]][STEP_8].has_color)
            t->style[grounds[i]].c8 = COLOR_DEFAULT;
    theme_make_gradient(t);
    struct theme_found found = r->found;
    free(r);
    return found;
}

/* ---- contrast ---- */

/* The least contrast of a role; 0: any will do. */
static double least(enum role r)
{
    switch (r) {
    case ROLE_BACKGROUND:
    case ROLE_PANEL_BORDER:
    case ROLE_PANEL_BORDER_FOCUS:
    case ROLE_SELECTION_BG:
    case ROLE_GRAPH_GRID:
    case ROLE_GAUGE_TRACK:
        return 0;
    case ROLE_TEXT:
    case ROLE_TEXT_DIM:
    case ROLE_TEXT_BRIGHT:
    case ROLE_PANEL_TITLE:
    case ROLE_KEY_HINT:
    case ROLE_KEY_LABEL:
    case ROLE_SELECTION_FG:
    case ROLE_GRAPH_LABEL:
    case ROLE_GAUGE_TEXT:
        return TEXT_CONTRAST;
    default:
        return MARK_CONTRAST;
    }
}

static void name_of(enum role r, char *out, size_t size)
{
    if (role_name(r) != NULL)
        str_copy(out, size, role_name(r));
    else
        snprintf(out, size, "shade %d of the graph", (int)(r - ROLE_GRAPH_STEP) + 1);
}

/* Of one role on its ground; false where there is no telling, as both are the terminal's own. */
static bool contrast(const struct theme *t, enum role role, bool picture, double *v)
{
    const struct style *fg = &t->style[role];
    const struct style *bg = &t->style[role == ROLE_SELECTION_FG ? ROLE_SELECTION_BG : ROLE_BACKGROUND];
    uint32_t a = fg->rgb, b = bg->rgb;
    if (!picture) {
        if (fg->c256 == COLOR_DEFAULT && bg->c256 == COLOR_DEFAULT)
            return false;
        a = fg->c256 == COLOR_DEFAULT ? fg->rgb : theme_palette_rgb(fg->c256);
        b = bg->c256 == COLOR_DEFAULT ? bg->rgb : theme_palette_rgb(bg->c256);
    }
    *v = theme_contrast(a, b);
    return true;
}

unsigned theme_check_contrast(const struct theme *t, const char *file, const struct theme_report *r)
{
    unsigned n = 0;
    for (enum role role = 0; role < ROLE_COUNT; role++)
        for (int picture = 1; picture >= 0 && least(role) > 0; picture--) {
            char name[64], text[256];
            double v;
            const char *where = picture ? "in pictures" : "with 256 colours";
            const char *ground = role == ROLE_SELECTION_FG ? "selection.bg" : "the background";
            name_of(role, name, sizeof name);
            if (!picture && t->style[role].c256 == COLOR_DEFAULT && t->style[ROLE_BACKGROUND].c256 != COLOR_DEFAULT)
                snprintf(text, sizeof text, "%s is the terminal's own colour, but the background is not", name);
            else if (contrast(t, role, picture, &v) && v < least(role))
                snprintf(text, sizeof text, "%s has a contrast of %.2f to %s %s: %.1f is the least", name, v, ground, where,
                         least(role));
            else
                continue;
            r->warn(r->ctx, file, 0, text);
            n++;
        }
    return n;
}
