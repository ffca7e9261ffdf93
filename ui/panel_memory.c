/* Memory of the machine, and the server's own counters. */
#include "ui/panels.h"

#include "fmt.h"
#include "util.h"

#include <math.h>
#include <string.h>

#define WARN_AT 0.90
#define CRIT_AT 0.97

static double share_of(const struct pool *p)
{
    double t = p->total;
    return t > 0 ? p->used->value / t : (double)NAN;
}

static enum role share_role(double share, enum role calm)
{
    return share >= CRIT_AT ? ROLE_GAUGE_CRIT : share >= WARN_AT ? ROLE_GAUGE_WARN : calm;
}

/* Widths of one gauge line; 0: left out.  large: numbers of 100 GiB and more. */
struct gauge_line {
    int label, bar, numbers, percent, spark;
    bool unit;
};

static struct gauge_line line_for(int w, bool spark, bool large)
{
    struct gauge_line g = {.label = 5, .percent = 6};
    g.unit = w >= 36;
    g.numbers = (g.unit ? 17 : 10) + (large ? 4 : 0);
    if (spark && w >= 56)
        g.spark = MIN_OF(w / 5, 24);
    g.bar = w - g.label - g.numbers - g.percent - (g.spark > 0 ? g.spark + 2 : 0);
    return g;
}

static void pool_numbers(char *out, size_t size, const struct pool *p, bool unit)
{
    char used[FMT_SIZE], total[FMT_SIZE];
    fmt_gib(used, p->used->value);
    fmt_gib(total, p->total);
    if (unit)
        snprintf(out, size, "%s / %s GiB", used, total);
    else
        snprintf(out, size, "%s/%s", used, total);
}

void pool_line(struct canvas *c, int x, int y, int w, const struct pool *p, bool spark, bool large)
{
    struct gauge_line g = line_for(w, spark, large);
    char text[FMT_SIZE * 3];
    canvas_text(c, x, y, g.label, p->name, ROLE_TEXT_DIM);
    if (!isfinite(p->used->value)) {
        canvas_text_fit(c, x + g.label, y, w - g.label, p->used->why[0] != '\0' ? p->used->why : FMT_UNKNOWN,
                        ROLE_TEXT_DIM);
        return;
    }
    enum role role = p->may_be_full ? p->role : share_role(share_of(p), p->role);
    plot_gauge(c, x + g.label, y, g.bar, share_of(p), role);
    x += g.label + g.bar;
    pool_numbers(text, sizeof text, p, g.unit);
    canvas_text_right(c, x, y, g.numbers, text, ROLE_GAUGE_TEXT);
    x += g.numbers;
    fmt_percent_short(text, share_of(p));
    canvas_text_right(c, x, y, g.percent, text, role == p->role ? ROLE_TEXT_BRIGHT : role);
    if (role != p->role)
        canvas_put(c, x, y, '!', role);
    if (g.spark > 0) {
        double lo, hi;
        plot_bounds(p->used_over_time, 0.02 * fmax(p->total, 1), &lo, &hi);
        plot_spark(c, x + g.percent + 2, y, g.spark, p->used_over_time, lo, hi, p->role);
    }
}

static void server_lines(struct canvas *c, struct rect r, const struct server_view *v)
{
    char text[FMT_SIZE];
    struct gauge_line g = line_for(r.w, false, false);
    int bar = r.w - g.label - g.percent;
    canvas_text(c, r.x, r.y, g.label, "KV", ROLE_TEXT_DIM);
    plot_gauge(c, r.x + g.label, r.y, bar, v->kv_used, share_role(v->kv_used, ROLE_GAUGE_OK));
    canvas_text_right(c, r.x + r.w - g.percent, r.y, g.percent, fmt_percent_short(text, v->kv_used),
                      ROLE_TEXT_BRIGHT);
    if (r.h < 2)
        return;
    struct items l = {.n = 0};
    items_add(&l, "run", fmt_count(text, v->running), ROLE_TEXT_BRIGHT);
    items_add(&l, "wait", fmt_count(text, v->waiting), v->waiting > 0 ? ROLE_STATUS_WARN : ROLE_TEXT_BRIGHT);
    items_add(&l, "hits", fmt_percent(text, v->prefix_hits), ROLE_TEXT);
    items_draw(c, r.x, r.y + 1, r.w, &l);
}

static bool any_simulated(const struct memory_view *m)
{
    return m->gtt_used.simulated || m->vram_used.simulated || m->ram_used.simulated;
}

/* Whose memory it is must be said at any width; the unit, where the numbers have no room for it. */
static const char *title_for(int w, bool not_server)
{
    if (not_server)
        return w >= 52 ? "memory of this machine, not the server" : "memory: not server's";
    return line_for(w - 4, false, false).unit ? "memory" : "memory GiB";
}

void gpus_item(struct items *l, const struct memory_view *m)
{
    char text[32];
    if (m->gpus < 2 || m->gpu_name[0] == '\0')
        return;
    snprintf(text, sizeof text, "1 of %zu GPUs", m->gpus);
    items_add(l, "", text, ROLE_TEXT);
}

static void memory_items(struct items *head, struct items *foot, const struct memory_view *m)
{
    char text[FMT_SIZE + 8], n[FMT_SIZE];
    if (any_simulated(m))
        items_add(head, "", "simulated", ROLE_STATUS_WARN);
    gpus_item(head, m);
    items_add(head, "", m->gpu_name, ROLE_TEXT);
    const char *bound;
    double left = gtt_left(m, &bound);
    if (isfinite(left)) {
        snprintf(text, sizeof text, "%s GiB", fmt_gib(n, left));
        items_add(foot, bound[0] != '\0' ? "GTT left" : "GTT left, at most", text, ROLE_TEXT);
    }
    if (isfinite(m->ram_available.value)) {
        snprintf(text, sizeof text, "%s GiB", fmt_gib(n, m->ram_available.value));
        items_add(foot, "RAM left", text, ROLE_TEXT);
    }
}

/* The half GiB of "VRAM" that an APU keeps for itself has no history worth a line. */
bool pool_has_history(const struct pool *p)
{
    return isfinite(p->used->value) && p->total >= 2 * GIB;
}

double gtt_left(const struct memory_view *m, const char **bound)
{
    double left = memory_gtt_room(m) - m->gtt_used.value;
    double ram = m->container[0] == '\0' ? m->ram_available.value : (double)NAN; /* GTT is RAM, and not a container's */
    *bound = isnan(ram) ? "" : ram < left ? "RAM" : "GTT";
    return ram < left ? ram : left;
}

/* The pool where models live comes first. */
int pools_of(struct pool out[3], const struct snapshot *s, enum plot_zoom zoom)
{
    const struct memory_view *m = &s->memory;
    const struct pool gtt = {"GTT", &m->gtt_used, memory_gtt_room(m), {&s->series.gtt, zoom}, ROLE_MEM_GTT, false};
    /* Where models live in GTT, VRAM is what an APU keeps for itself, and its driver fills that first. */
    const struct pool vram = {"VRAM", &m->vram_used, m->vram_total.value, {&s->series.vram, zoom}, ROLE_MEM_VRAM, !m->primary_vram};
    int n = 0;
    bool gpu = m->gpu_name[0] != '\0' || isfinite(m->gtt_used.value) || isfinite(m->vram_used.value);
    bool with_vram = isfinite(m->vram_used.value) || m->vram_used.why[0] != '\0';
    if (gpu && m->primary_vram)
        out[n++] = vram;
    if (gpu || m->gtt_used.why[0] != '\0')
        out[n++] = gtt;
    if (n > 0 && with_vram && !m->primary_vram)
        out[n++] = vram;
    out[n++] = (struct pool){"RAM", &m->ram_used, m->ram_total.value, {&s->series.ram, zoom}, ROLE_MEM_RAM, false};
    return n;
}

void draw_memory(struct canvas *c, struct rect r, const struct snapshot *s, enum plot_zoom zoom, bool with_server)
{
    struct items head = {.n = 0}, foot = {.n = 0};
    struct pool pools[3];
    memory_items(&head, &foot, &s->memory);
    struct rect in = panel_draw(c, r, title_for(r.w, s->memory.not_server), &head, &foot);
    int n = pools_of(pools, s, zoom), extra = in.h - n - (with_server ? 2 : 0), curves = 0, y = in.y;
    bool large = false;
    for (int i = 0; i < n; i++) {
        curves += pool_has_history(&pools[i]);
        large = large || pools[i].total >= 99.95 * GIB;
    }
    int history = curves > 0 ? MIN_OF(MAX_OF(extra, 0) / curves, 6) : 0;
    if (history < 2) /* one line of it says nothing, and without a blank line two bars look like one */
        history = 0;
    int gap = history == 0 && extra >= n ? 1 : 0;
    for (int i = 0; i < n && y < in.y + in.h; i++) {
        pool_line(c, in.x, y, in.w, &pools[i], history == 0, large);
        y += 1 + gap;
        if (history == 0 || !pool_has_history(&pools[i]))
            continue;
        double lo, hi;
        plot_bounds(pools[i].used_over_time, 0.02 * fmax(pools[i].total, GIB), &lo, &hi);
        plot_history(c, (struct rect){in.x + 5, y, in.w - 5, history}, pools[i].used_over_time, lo, hi,
                     pools[i].role);
        y += history;
    }
    if (with_server && y < in.y + in.h)
        server_lines(c, (struct rect){in.x, y, in.w, in.y + in.h - y}, &s->server);
}

/* "running  4  ▂▃▄": the number and its history over `rows` lines. */
static void counter_rows(struct canvas *c, struct rect r, const char *name, double v,
                         struct curve of, enum role role)
{
    char text[FMT_SIZE];
    double lo, hi;
    canvas_text(c, r.x, r.y, 12, name, ROLE_TEXT_DIM);
    canvas_text_right(c, r.x + 8, r.y, 8, fmt_count(text, v), ROLE_TEXT_BRIGHT);
    plot_bounds(of, 4, &lo, &hi);
    lo = 0;
    if (r.h > 1)
        plot_history(c, (struct rect){r.x + 18, r.y, r.w - 18, r.h}, of, lo, hi, role);
    else
        plot_spark(c, r.x + 18, r.y, r.w - 18, of, lo, hi, role);
}

static void share_row(struct canvas *c, int x, int y, int w, const char *name, double share, bool bar)
{
    char text[FMT_SIZE];
    canvas_text(c, x, y, 12, name, ROLE_TEXT_DIM);
    canvas_text_right(c, x + 10, y, 6, fmt_percent_short(text, share), ROLE_TEXT_BRIGHT);
    if (bar)
        plot_gauge(c, x + 18, y, w - 18, share, share_role(share, ROLE_GAUGE_OK));
}

void draw_server(struct canvas *c, struct rect r, const struct snapshot *s, enum plot_zoom zoom)
{
    struct items head = {.n = 0};
    char text[FMT_SIZE];
    items_add(&head, "", s->server.kind, ROLE_TEXT);
    if (isfinite(s->server.max_model_len))
        items_add(&head, "max", fmt_tokens(text, s->server.max_model_len), ROLE_TEXT);
    struct rect in = panel_draw(c, r, "server", &head, NULL);
    int gap = in.h >= 5 && in.h % 2 != 0, high = MAX_OF((in.h - 2 - gap) / 2, 1), y = in.y;
    counter_rows(c, (struct rect){in.x, y, in.w, high}, "running", s->server.running, (struct curve){&s->series.run, zoom},
                 ROLE_SERIES_1);
    y += high;
    counter_rows(c, (struct rect){in.x, y, in.w, high}, "waiting", s->server.waiting, (struct curve){&s->series.wait, zoom},
                 ROLE_SERIES_2);
    y += high;
    share_row(c, in.x, y, in.w, "KV cache", s->server.kv_used, true);
    share_row(c, in.x, y + 1 + gap, in.w, "prefix hits", s->server.prefix_hits,
              gap > 0); /* two bars would look like one */
}
