/* The output rate: the number that everybody looks for first, and its last minutes. */
#include "ui/panels.h"

#include "fmt.h"
#include "util.h"

#include <math.h>
#include <string.h>

#define BIG_ROWS 3 /* of a large digit */
#define BIG_FROM_W 46
#define BIG_FROM_H 14

/* Digits of half blocks, three columns wide. */
static const char *const digits[10][BIG_ROWS] = {
    {"█▀█", "█ █", "▀▀▀"}, {"▀█ ", " █ ", "▀▀▀"}, {"▀▀█", "█▀▀", "▀▀▀"}, {"▀▀█", " ▀█", "▀▀▀"},
    {"█ █", "▀▀█", "  ▀"}, {"█▀▀", "▀▀█", "▀▀▀"}, {"█▀▀", "█▀█", "▀▀▀"}, {"▀▀█", "  █", "  ▀"},
    {"█▀█", "█▀█", "▀▀▀"}, {"█▀█", "▀▀█", "▀▀▀"},
};

/* Draws a number of digits and points; anything else in it takes one line.  Returns the columns used. */
static int big_number(struct canvas *c, int x, int y, const char *s, enum role role)
{
    int used = 0;
    if (strspn(s, "0123456789.") != strlen(s))
        return canvas_text(c, x, y + 1, 12, s, role);
    for (; *s != '\0'; s++) {
        if (*s == '.') {
            canvas_put(c, x + used, y + BIG_ROWS - 1, 0x2580, role);
            used += 2;
            continue;
        }
        for (int row = 0; row < BIG_ROWS; row++)
            canvas_text(c, x + used, y + row, 3, digits[*s - '0'][row], role);
        used += 4;
    }
    return used;
}

static bool has_big(struct rect inside, enum glyph_set glyphs)
{
    return glyphs != GLYPHS_ASCII && inside.w >= BIG_FROM_W && inside.h >= BIG_FROM_H;
}

struct rect output_plot(struct rect r, enum glyph_set glyphs)
{
    struct rect in = rect_inset(r, 2, 1);
    if (has_big(in, glyphs)) {
        in.y += BIG_ROWS + 1;
        in.h -= BIG_ROWS + 1;
    }
    return in;
}

static void rate_text(char *out, size_t size, bool approx, double v)
{
    char n[FMT_SIZE];
    snprintf(out, size, "%s%s", approx && isfinite(v) ? "≈" : "", fmt_rate(n, v));
}

static void facts(struct items *l, const struct snapshot *s)
{
    char text[80];
    rate_text(text, sizeof text, s->output_approx, s->output_rate_stream);
    items_add_unit(l, text, "per stream", ROLE_TEXT);
    rate_text(text, sizeof text, s->output_approx, s->output_rate_peak);
    items_add(l, "peak", text, ROLE_TEXT);
    if (s->marks_n > 0) {
        const struct mark *m = &s->marks[s->marks_n - 1];
        snprintf(text, sizeof text, "▲ %s", m->text[0] != '\0' ? m->text : "mark");
        items_add(l, "", text, ROLE_HIST_MARK);
    }
}

static void big_line(struct canvas *c, struct rect in, const struct snapshot *s)
{
    char rate[FMT_SIZE], text[64];
    int used = 0;
    fmt_rate(rate, s->output_rate);
    if (s->output_approx && isfinite(s->output_rate))
        used += canvas_text(c, in.x, in.y + 1, 2, "≈ ", ROLE_TEXT_BRIGHT);
    used += big_number(c, in.x + used, in.y, rate, ROLE_TEXT_BRIGHT);
    int x = in.x + used + 1, w = in.w - used - 1;
    canvas_text(c, x, in.y + BIG_ROWS - 1, w, "tok/s", ROLE_TEXT_DIM);
    struct items l = {.n = 0};
    fmt_count(text, (double)s->output_tokens);
    items_add_unit(&l, text, "tokens", ROLE_TEXT);
    items_draw_right(c, x, in.y, w, &l);
}

void draw_output(struct canvas *c, struct rect r, const struct snapshot *s, const struct ui_state *st)
{
    struct items head = {.n = 0}, foot = {.n = 0};
    char text[64];
    bool big = has_big(rect_inset(r, 2, 1), c->glyphs);
    rate_text(text, sizeof text, s->output_approx, s->output_rate);
    if (!big)
        items_add_unit(&head, text, "tok/s", ROLE_TEXT_BRIGHT);
    facts(&foot, s);
    struct rect in = panel_draw(c, r, "output", &head, &foot);
    if (big)
        big_line(c, in, s);
    struct plot_area p = {{&s->series.out, st->zoom}, &st->output_scale, s->marks, s->marks_n};
    plot_area(c, output_plot(r, c->glyphs), &p);
}
