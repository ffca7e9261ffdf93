/* A comparison as text and as JSON. */
#include "report/compare.h"

#include "fmt.h"
#include "jsonw.h"

#include <math.h>
#include <string.h>

static const char *const verdict_names[] = {"win", "lose", "same", "unsure", "none"};

#define CELL (FMT_SIZE + 2)

static char letter(size_t run)
{
    return (char)('A' + run);
}

/* ---- a figure's cells ---- */

static void value_cell(char out[CELL], const struct figure *g, double v)
{
    char n[FMT_SIZE];
    bool time = strncmp(metrics[g->metric].unit, "ms", 2) == 0;
    str_copy(out, CELL, time ? fmt_ms(n, v) : fmt_rate(n, v));
}

static void difference_cell(char out[CELL], const struct figure *g, double v)
{
    char size[CELL];
    value_cell(size, g, fabs(v));
    out[0] = '\0';
    if (v < 0 || v > 0) /* else there is none, or it is unknown */
        str_copy(out, CELL, v < 0 ? "-" : "+");
    str_copy(out + strlen(out), CELL - strlen(out), size);
}

static void change_cell(char out[CELL], double ratio)
{
    if (isfinite(ratio) && fabs(ratio) < 1e6)
        snprintf(out, CELL, "%+.1f %%", (ratio - 1) * 100);
    else
        out[0] = '\0';
}

/* What would settle it; empty where nothing is to be said. */
static void advice(char *out, size_t size, const struct figure *g, const struct comparison *c)
{
    out[0] = '\0';
    if (c->verdict == VERDICT_UNSURE && c->more > 0)
        snprintf(out, size, "about %zu more %s a side would tell", c->more,
                 g->metric == M_OUTPUT_RATE ? "seconds" : "requests");
}

/* ---- text ---- */

/* Right-aligned in so many columns; characters are counted, not bytes. */
static void pad(struct buf *b, const char *cell, int width)
{
    for (const char *p = cell; *p != '\0'; p++)
        width -= ((unsigned char)*p & 0xc0) != 0x80;
    buf_addf(b, "%*s%s", MAX_OF(width, 1), "", cell);
}

static void text_line(const struct figure *g, const struct comparison *c, struct buf *b)
{
    char cell[CELL], more[80];
    buf_addf(b, "  %-18s", g->name);
    value_cell(cell, g, c->a);
    pad(b, cell, 10);
    value_cell(cell, g, c->b);
    pad(b, cell, 10);
    difference_cell(cell, g, c->diff);
    pad(b, cell, 12);
    change_cell(cell, c->ratio);
    pad(b, cell, 11);
    advice(more, sizeof more, g, c);
    buf_addf(b, "  %s%s%s\n", verdict_names[c->verdict], more[0] != '\0' ? ": " : "", more);
}

static void text_one(const struct compare_report *r, size_t run, struct buf *b)
{
    const struct compared *c = &r->with[run - 1];
    char one[2] = {letter(run), '\0'}, is[16];
    snprintf(is, sizeof is, "%c is", letter(run));
    if (r->runs_n > 2)
        buf_addf(b, "%s against A\n", one);
    for (int i = 0; i < c->objections_n; i++)
        buf_addf(b, "  NOT COMPARABLE: %s\n%s", c->objections[i], i + 1 == c->objections_n ? "\n" : "");
    buf_addf(b, "  %-18s%10s%10s%12s%11s  %s\n", "", "A", one, "difference", "change", is);
    for (size_t i = 0; i < FIGURES_N; i++)
        text_line(&figures[i], &c->figures[i], b);
    buf_adds(b, "\n");
}

static void write_text(const struct compare_report *r, struct buf *b)
{
    for (size_t i = 0; i < r->runs_n; i++)
        buf_addf(b, "%c  %s\n", letter(i), r->runs[i]->name);
    buf_adds(b, "\n");
    for (size_t i = 1; i < r->runs_n; i++)
        text_one(r, i, b);
    buf_addf(b, "  win, lose: the 95 %% interval of the difference leaves zero out, and it is %g %% at least.\n",
             r->min_effect * 100);
}

/* ---- JSON ---- */

static void json_figure(const struct figure *g, const struct comparison *c, struct jsonw *j)
{
    jw_open(j, NULL, '{');
    jw_str(j, "figure", g->id);
    jw_str(j, "metric", metrics[g->metric].key);
    jw_num(j, "quantile", g->quantile > 0 ? g->quantile : (double)NAN, 3);
    jw_str(j, "better", metrics[g->metric].better == BETTER_HIGHER ? "higher" : "lower");
    jw_num(j, "a", c->a, 4);
    jw_num(j, "b", c->b, 4);
    jw_num(j, "difference", c->diff, 4);
    jw_num(j, "ratio", c->ratio, 5);
    jw_num(j, "low95", c->lo, 4);
    jw_num(j, "high95", c->hi, 4);
    jw_num(j, "least_effect", c->effect, 4);
    jw_int(j, "n_a", (int64_t)c->n_a);
    jw_int(j, "n_b", (int64_t)c->n_b);
    jw_num(j, "more_needed", c->more > 0 ? (double)c->more : (double)NAN, 0);
    jw_str(j, "verdict", verdict_names[c->verdict]);
    jw_close(j, '}');
}

static void json_one(const struct compare_report *r, size_t run, struct jsonw *j)
{
    const struct compared *c = &r->with[run - 1];
    jw_open(j, NULL, '{');
    jw_str(j, "a", r->runs[0]->name);
    jw_str(j, "b", r->runs[run]->name);
    jw_str(j, "file", r->runs[run]->path);
    jw_bool(j, "comparable", c->objections_n == 0);
    jw_open(j, "objections", '[');
    for (int i = 0; i < c->objections_n; i++)
        jw_str(j, NULL, c->objections[i]);
    jw_close(j, ']');
    jw_open(j, "metrics", '[');
    for (size_t i = 0; i < FIGURES_N; i++)
        json_figure(&figures[i], &c->figures[i], j);
    jw_close(j, ']');
    jw_close(j, '}');
}

static void write_json(const struct compare_report *r, struct buf *out)
{
    struct jsonw j = {.out = out};
    jw_open(&j, NULL, '{');
    jw_str(&j, "baseline", r->runs[0]->name);
    jw_str(&j, "file", r->runs[0]->path);
    jw_num(&j, "min_effect", r->min_effect, 6);
    jw_open(&j, "comparisons", '[');
    for (size_t i = 1; i < r->runs_n; i++)
        json_one(r, i, &j);
    jw_close(&j, ']');
    jw_close(&j, '}');
    buf_adds(out, "\n");
}

void compare_write(const struct compare_report *r, enum compare_format format, struct buf *out)
{
    switch (format) {
    case COMPARE_TEXT: write_text(r, out); break;
    case COMPARE_JSON: write_json(r, out); break;
    }
}
