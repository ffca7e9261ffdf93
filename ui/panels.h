/* panels: the pieces of the Overview, each drawn into the box it is given.  Pure. */
#ifndef TG_UI_PANELS_H
#define TG_UI_PANELS_H

#include "ui/panel.h"
#include "ui/view.h"

void draw_output(struct canvas *c, struct rect r, const struct snapshot *s, const struct ui_state *st);
/* Where the plot of the output panel stands inside r: its scale depends on what is seen. */
struct rect output_plot(struct rect r, enum glyph_set glyphs);
/* Any latency as a histogram with its p50 and p95; first: kept apart, may be empty. */
void draw_hist(struct canvas *c, struct rect r, const char *title, const struct hist *h, const struct hist *first,
               const struct latency_view *v, const char *when_empty);
void draw_ttft(struct canvas *c, struct rect r, const struct snapshot *s);
void draw_streams(struct canvas *c, struct rect r, const struct snapshot *s, const struct ui_state *st);
#define GIB (1024.0 * 1024 * 1024)
struct pool {
    const char *name;
    const struct gauge *used;
    double total; /* what can really be used */
    struct curve used_over_time;
    enum role role;
    bool may_be_full; /* it is no alarm */
};
/* "1 of 2 GPUs": what the others hold is in no number. */
void gpus_item(struct items *l, const struct memory_view *m);
/* Bytes that GTT can still grow by: to its ceiling, or until RAM is full; *bound says which ("GTT", "RAM").  "": at most so many, for
 * how much RAM this machine has left is not known. */
double gtt_left(const struct memory_view *m, const char **bound);
/* The pools of memory that are known, RAM last; returns how many. */
int pools_of(struct pool out[3], const struct snapshot *s, enum plot_zoom zoom);
/* A gauge with its numbers; spark: and its history, where there is room; large: numbers of 100 GiB and more. */
void pool_line(struct canvas *c, int x, int y, int w, const struct pool *p, bool spark, bool large);
bool pool_has_history(const struct pool *p); /* worth a line */
void draw_memory(struct canvas *c, struct rect r, const struct snapshot *s, enum plot_zoom zoom, bool with_server);
void draw_server(struct canvas *c, struct rect r, const struct snapshot *s, enum plot_zoom zoom);

/* The Server view's: what it counts, over time and beside what was measured here. */
void draw_counters(struct canvas *c, struct rect r, const struct snapshot *s, enum plot_zoom zoom);

/* The head of a list of streams and one row of it, w columns wide; its text may take more than one line.  With st they are the
 * Streams view's: the order is marked, and where there is room each has its trail; NULL: neither. */
void stream_head(struct canvas *c, int x, int y, int w, const struct snapshot *s, const struct ui_state *st);
void stream_line(struct canvas *c, int x, int y, int w, int lines, const struct snapshot *s, size_t row,
                 const struct ui_state *st);
/* How fast it was lately, TRAIL_POINTS columns. */
void stream_trail(struct canvas *c, int x, int y, const struct trails *t, size_t row);
/* Its output so far in five columns: "≈87", "12345", "123k", "1.2M". */
void stream_output(const struct canvas *c, char *out, size_t size, const struct stream_row *row);
/* What it does, where there are no numbers: "queued 401 ms"; returns the role. */
enum role stream_doing(char *out, size_t size, const struct stream_row *row);
/* One stream in place of the list. */
void draw_stream(struct canvas *c, struct rect r, const struct snapshot *s, const struct ui_state *st);
/* "in flight 4 of 4", "queued 2", … */
void stream_counts(struct items *l, const struct snapshot *s, int target);

#endif
