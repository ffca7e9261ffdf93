/* panel: a box with a title left, its headline right, and short facts in its bottom line; and the small
 * pieces that panels are made of.  Items are drawn whole or not at all, the first ones first.  Pure. */
#ifndef TG_UI_PANEL_H
#define TG_UI_PANEL_H

#include "ui/canvas.h"

#include "fmt.h"

struct item {
    char label[28];
    char value[80];
    enum role role;   /* of the value */
    bool value_first; /* "34.0 tok/s" rather than "p50 118 ms" */
};

struct items {
    struct item at[8];
    int n;
};

/* Adds where the value is not empty.  The texts are copied. */
void items_add(struct items *l, const char *label, const char *value, enum role role);
/* The same with the label behind. */
void items_add_unit(struct items *l, const char *value, const char *label, enum role role);

/* The columns that the first n items take, with `gap` columns between. */
int items_width(const struct canvas *c, const struct items *l, int n, int gap);
/* Draws as many items as fit into w columns; returns the columns used.  _right ends at x + w. */
int items_draw(struct canvas *c, int x, int y, int w, const struct items *l);
int items_draw_right(struct canvas *c, int x, int y, int w, const struct items *l);

/* The box; title, headline and footer may be NULL.  Returns the inside, with a column free left and right. */
struct rect panel_draw(struct canvas *c, struct rect r, const char *title, const struct items *headline,
                       const struct items *footer);

/* As fmt_ms, but in seven columns at the most: "1000 s" rather than "16 m 40 s". */
char *short_ms(char out[FMT_SIZE], double ms);

#endif
