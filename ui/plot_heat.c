/* The heat map of a latency: how often, when, how long. */
#include "ui/plot.h"

#include "fmt.h"
#include "util.h"

#include <math.h>
#include <stdio.h>

#define LABEL_W 8
#define SHADES 4

/* What is drawn: rows lo … hi of the map, `rows_per` of them in a line, `columns_per` columns in a cell or `wide` cells for
 * a column. */
struct heat_frame {
    struct rect plot;
    int lo, hi, rows_per;
    int columns_per, wide, cells;
    double most;
};

static void used_rows(const struct heat_view *h, int *lo, int *hi)
{
    *lo = HEAT_ROWS;
    *hi = -1;
    for (size_t i = 0; i < h->columns; i++)
        for (int r = 0; r < HEAT_ROWS; r++)
            if (h->count[i][r] > 0) {
                *lo = MIN_OF(*lo, r);
                *hi = MAX_OF(*hi, r);
            }
}

static double cell_sum(const struct heat_view *h, const struct heat_frame *f, int cell, int line)
{
    double sum = 0;
    for (int i = 0; i < f->columns_per; i++)
        for (int k = 0; k < f->rows_per; k++) {
            size_t column = (size_t)cell * (size_t)f->columns_per + (size_t)i;
            int row = f->lo + line * f->rows_per + k;
            if (column < h->columns && row < HEAT_ROWS)
                sum += h->count[column][row];
        }
    return sum;
}

#define COLUMNS_MOST 1000000.0

static bool frame_for(struct rect r, const struct heat_view *h, double now_s, struct heat_frame *f)
{
    f->plot = (struct rect){r.x + LABEL_W, r.y, r.w - LABEL_W, r.h - 1};
    used_rows(h, &f->lo, &f->hi);
    if (f->hi < 0 || f->plot.w < 8 || f->plot.h < 2)
        return false;
    /* The map ends with the last first token that is known, and the axis now: in between nothing came. */
    int n = MAX_OF((int)h->columns, (int)fmin(ceil(now_s / h->step_s), COLUMNS_MOST));
    f->columns_per = (n + f->plot.w - 1) / f->plot.w;
    f->wide = MAX_OF(MIN_OF(f->plot.w / MAX_OF(n, 60), 4), 1);
    f->cells = (n + f->columns_per - 1) / f->columns_per;
    f->rows_per = (f->hi - f->lo + f->plot.h) / f->plot.h;
    f->most = 0;
    for (int i = 0; i < f->cells; i++)
        for (int line = 0; line < f->plot.h; line++)
            f->most = fmax(f->most, cell_sum(h, f, i, line));
    return true;
}

/* By the root, so that one request can be seen beside a hundred. */
static void draw_cell(struct canvas *c, int x, int y, double share)
{
    static const uint32_t looks[SHADES] = {0x2591, 0x2592, 0x2593, 0x2588};
    static const char ascii[SHADES] = ".:*#";
    double root = sqrt(share);
    int shade = MIN_OF((int)(root * SHADES), SHADES - 1);
    enum role role = (enum role)(ROLE_GRAPH_STEP + MIN_OF((int)(root * GRAPH_STEPS), GRAPH_STEPS - 1));
    canvas_put(c, x, y, c->glyphs == GLYPHS_ASCII ? (uint32_t)ascii[shade] : looks[shade], role);
}

static void labels(struct canvas *c, const struct heat_frame *f)
{
    char text[FMT_SIZE];
    for (int line = 0; line < f->plot.h; line += 2) {
        double ms = HEAT_LOW_MS * pow(10, (f->lo + line * f->rows_per) / 4.0);
        if (f->lo + line * f->rows_per > f->hi)
            return;
        canvas_text_right(c, f->plot.x - LABEL_W, f->plot.y + f->plot.h - 1 - line, LABEL_W - 1, fmt_ms(text, ms), ROLE_GRAPH_LABEL);
    }
}

void plot_heat(struct canvas *c, struct rect r, const struct heat_view *h, double now_s)
{
    struct heat_frame f;
    if (!frame_for(r, h, now_s, &f))
        return;
    int left = f.plot.x + f.plot.w - f.cells * f.wide;
    for (int i = 0; i < f.cells; i++)
        for (int line = 0; line < f.plot.h; line++) {
            double v = cell_sum(h, &f, i, line);
            for (int k = 0; v > 0 && k < f.wide; k++)
                draw_cell(c, left + i * f.wide + k, f.plot.y + f.plot.h - 1 - line, v / f.most);
        }
    labels(c, &f);
    char text[FMT_SIZE + 4], t[FMT_SIZE];
    snprintf(text, sizeof text, "-%s", fmt_about(t, now_s));
    int room = f.plot.w - 4, at = MIN_OF(left - f.plot.x, room - canvas_width(c, text)); /* while columns are few, left of "now" */
    canvas_text(c, f.plot.x + MAX_OF(at, 0), f.plot.y + f.plot.h, room, text, ROLE_GRAPH_LABEL);
    canvas_text_right(c, f.plot.x, f.plot.y + f.plot.h, f.plot.w, "now", ROLE_GRAPH_LABEL);
}
