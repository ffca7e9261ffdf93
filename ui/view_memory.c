/* Memory and GPU: where this machine's RAM is, the pools of the GPU with their ceilings, its sensors, and who uses it. */
#include "ui/layout.h"
#include "ui/panels.h"
#include "ui/view.h"

#include "fmt.h"
#include "util.h"

#include <math.h>
#include <string.h>

/* ---- RAM ---- */

static const char *ram_title(const struct memory_view *m)
{
    if (m->not_server)
        return "RAM of this machine, not the server";
    return m->container[0] != '\0' ? "RAM as a container sees it" : "RAM";
}

static void gib(char *out, size_t size, double bytes)
{
    char n[FMT_SIZE];
    snprintf(out, size, "%s GiB", fmt_gib(n, bytes));
}

/* When this pool is full, where it is the first. */
static void full_item(struct items *l, const struct memory_view *m, const char *pool)
{
    char text[FMT_SIZE + 12], t[FMT_SIZE];
    if (!isfinite(m->full_in_s) || strcmp(m->full_what, pool) != 0)
        return;
    snprintf(text, sizeof text, "in about %s", fmt_about(t, m->full_in_s));
    items_add(l, "full", text, ROLE_STATUS_WARN);
}

/* "█ GTT 39.7  ▓ other 6.1  …": whole entries, as many as fit. */
static void legend(struct canvas *c, int x, int y, int w, const struct plot_part *parts, const char *const *names, int n)
{
    int used = 0;
    for (int i = 0; i < n; i++) {
        char text[64], v[FMT_SIZE];
        if (!(parts[i].value > 0))
            continue;
        snprintf(text, sizeof text, "%s %s", names[i], fmt_gib(v, parts[i].value));
        if (used + canvas_width(c, text) + 4 > w)
            return;
        canvas_put_bg(c, x + used, y, plot_stack_glyph(c, i), parts[i].role, ROLE_BACKGROUND);
        used += 2;
        used += canvas_text(c, x + used, y, w - used, text, ROLE_TEXT) + 2;
    }
}

static void draw_ram(struct canvas *c, struct rect r, const struct snapshot *s)
{
    static const char *const names[] = {"GTT", "other", "unaccounted", "cache", "free"};
    const struct memory_view *m = &s->memory;
    struct items head = {.n = 0}, foot = {.n = 0};
    char text[FMT_SIZE + 24], n[FMT_SIZE], total[FMT_SIZE];
    if (m->ram_used.simulated)
        items_add(&head, "", "simulated", ROLE_STATUS_WARN);
    if (isfinite(m->ram_used.value)) {
        snprintf(text, sizeof text, "%s / %s GiB", fmt_gib(n, m->ram_used.value), fmt_gib(total, m->ram_total.value));
        items_add(&head, "", text, ROLE_TEXT_BRIGHT);
    }
    full_item(&head, m, "RAM");
    if (m->primary_vram && isfinite(m->guard_ram)) { /* else it stands with the pool where models live */
        char line[FMT_SIZE + 12];
        snprintf(line, sizeof line, "at %s left", fmt_gib(n, m->guard_ram));
        items_add(&head, "guard", line, ROLE_TEXT);
    }
    if (m->swap_total.value > 0) {
        snprintf(text, sizeof text, "%s/%s", fmt_gib(n, m->swap_used.value), fmt_gib(total, m->swap_total.value));
        items_add(&foot, "swap", text, ROLE_TEXT);
    }
    if (isfinite(m->pressure_some)) {
        snprintf(text, sizeof text, "%.0f %%", m->pressure_some);
        items_add(&foot, "waiting for memory", text, m->pressure_some >= 10 ? ROLE_STATUS_WARN : ROLE_TEXT);
    }
    if (isfinite(m->cpu))
        items_add(&foot, "CPU", fmt_percent(n, m->cpu), ROLE_TEXT);
    struct rect in = panel_draw(c, r, ram_title(m), &head, &foot);
    if (!isfinite(m->ram_used.value)) {
        canvas_text_fit(c, in.x, in.y, in.w, m->ram_used.why[0] != '\0' ? m->ram_used.why : FMT_UNKNOWN, ROLE_TEXT_DIM);
        return;
    }
    const struct plot_part parts[] = {{m->stack.gtt, ROLE_MEM_GTT},
                                      {m->stack.other, ROLE_MEM_RAM},
                                      {m->stack.unaccounted, ROLE_MEM_POOL},
                                      {m->stack.cache, ROLE_MEM_CACHE}};
    int bars = MAX_OF(in.h - 1, 1);
    for (int i = 0; i < bars; i++)
        plot_stack(c, in.x, in.y + i, in.w, parts, (int)ARRAY_LEN(parts), m->ram_total.value);
    legend(c, in.x, in.y + bars, in.w, parts, names, (int)ARRAY_LEN(parts));
    gib(text, sizeof text, m->stack.free);
    char free_text[FMT_SIZE + 32];
    snprintf(free_text, sizeof free_text, "free %s", text);
    if (in.w >= 76)
        canvas_text_right(c, in.x, in.y + bars, in.w, free_text, ROLE_TEXT);
}

/* ---- the pools ---- */

/* The sensors in one line, where they have no panel. */
static void sensor_items(struct items *l, const struct memory_view *m)
{
    char text[FMT_SIZE];
    if (m->gpu_asleep)
        items_add(l, "GPU", "asleep", ROLE_TEXT);
    const struct {
        const struct gauge *gauge;
        const char *label, *unit;
    } all[] = {{&m->busy, "GPU", "%"}, {&m->power, "", "W"}, {&m->temperature, "", "°C"}, {&m->sclk, "", "MHz"}};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (!isfinite(all[i].gauge->value))
            continue;
        snprintf(text, sizeof text, "%.0f %s", all[i].gauge->value, all[i].unit);
        items_add(l, all[i].label, text, ROLE_TEXT);
    }
}

/* What bounds GTT: where the ceiling comes from, the guard's line, when it is full. */
static void bound_items(struct items *l, const struct memory_view *m)
{
    char text[FMT_SIZE + 40], n[FMT_SIZE];
    if (isfinite(m->ceiling)) {
        snprintf(text, sizeof text, "%s by %s", fmt_gib(n, m->ceiling), m->ceiling_from);
        items_add(l, "ceiling", text, m->ceiling < m->gtt_total.value ? ROLE_STATUS_WARN : ROLE_TEXT);
        const char *bound;
        gib(text, sizeof text, gtt_left(m, &bound));
        items_add(l, bound[0] == 'R' ? "left by RAM" : bound[0] == 'G' ? "left" : "left, at most", text,
                  bound[0] != '\0' ? ROLE_TEXT_BRIGHT : ROLE_TEXT);
    }
    if (isfinite(m->guard_gtt)) {
        snprintf(text, sizeof text, "at %s left", fmt_gib(n, m->guard_gtt));
        items_add(l, "guard", text, ROLE_TEXT);
    } else if (isfinite(m->guard_ram)) {
        snprintf(text, sizeof text, "at %s RAM left", fmt_gib(n, m->guard_ram));
        items_add(l, "guard", text, ROLE_TEXT);
    }
    full_item(l, m, "GTT");
}

/* … and VRAM, where models live there. */
static void vram_items(struct items *l, const struct memory_view *m)
{
    char text[FMT_SIZE + 40];
    gib(text, sizeof text, m->vram_total.value - m->vram_used.value);
    items_add(l, "left", text, ROLE_TEXT_BRIGHT);
    full_item(l, m, "VRAM");
}

static int warnings(struct canvas *c, struct rect r, const struct memory_view *m)
{
    int n = MIN_OF((int)m->warnings_n, r.h);
    for (int i = 0; i < n; i++) {
        canvas_text(c, r.x, r.y + r.h - n + i, 2, "!", ROLE_STATUS_WARN);
        canvas_text_fit(c, r.x + 2, r.y + r.h - n + i, r.w - 2, m->warnings[i], ROLE_TEXT);
    }
    return n;
}

static void draw_pools(struct canvas *c, struct rect r, const struct snapshot *s, enum plot_zoom zoom, bool with_sensors)
{
    const struct memory_view *m = &s->memory;
    struct items head = {.n = 0}, foot = {.n = 0};
    struct pool pools[3];
    int n = pools_of(pools, s, zoom) - 1; /* RAM has its own panel */
    if (m->gtt_used.simulated)
        items_add(&head, "", "simulated", ROLE_STATUS_WARN);
    if (with_sensors) {
        gpus_item(&head, m);
        items_add(&head, "", m->gpu_name, ROLE_TEXT);
        sensor_items(&foot, m);
    } else {
        full_item(&head, m, m->primary_vram ? "VRAM" : "GTT");
    }
    struct rect in = panel_draw(c, r, m->primary_vram ? "VRAM and GTT" : "GTT and VRAM", &head, &foot);
    if (n == 0) {
        canvas_text_fit(c, in.x, in.y, in.w, "no GPU whose memory can be read (amdgpu)", ROLE_TEXT_DIM);
        return;
    }
    struct items bounds = {.n = 0};
    (m->primary_vram ? vram_items : bound_items)(&bounds, m);
    int said = in.h > n + 1 ? warnings(c, (struct rect){in.x, in.y + n + 1, in.w, in.h - n - 1}, m) : 0;
    int room = in.h - n - 1 - said, y = in.y, curves = 0;
    for (int i = 0; i < n; i++)
        curves += pool_has_history(&pools[i]);
    int history = curves > 0 && room >= 2 ? MIN_OF(room / curves, 12) : 0;
    for (int i = 0; i < n && y < in.y + in.h; i++) {
        pool_line(c, in.x, y++, in.w, &pools[i], history == 0, pools[i].total >= 99.95 * GIB);
        if (i == 0 && y < in.y + in.h)
            items_draw(c, in.x, y++, in.w, &bounds);
        if (history == 0 || !pool_has_history(&pools[i]))
            continue;
        double lo = 0, hi = pools[i].total; /* with room, how full it is; in a few lines, how it moves */
        if (history < 4 || !(hi > 0))
            plot_bounds(pools[i].used_over_time, 0.02 * fmax(pools[i].total, GIB), &lo, &hi);
        plot_history(c, (struct rect){in.x, y, in.w, history}, pools[i].used_over_time, lo, hi, pools[i].role);
        y += history;
    }
}

/* ---- sensors ---- */

static int sensor(struct canvas *c, struct rect in, int row, const char *label, const struct gauge *g, const char *unit, int decimals)
{
    char text[64];
    if (row >= in.h)
        return row;
    canvas_text(c, in.x, in.y + row, 14, label, ROLE_TEXT_DIM);
    if (isfinite(g->value))
        snprintf(text, sizeof text, "%.*f %s", decimals, g->value, unit);
    canvas_text_fit(c, in.x + 15, in.y + row, in.w - 15, isfinite(g->value) ? text : g->why[0] != '\0' ? g->why : FMT_UNKNOWN,
                    isfinite(g->value) ? ROLE_TEXT_BRIGHT : ROLE_TEXT_DIM);
    if (isfinite(g->value) && in.w >= 34)
        canvas_text_right(c, in.x, in.y + row, in.w, g->from, ROLE_TEXT_DIM);
    return row + 1;
}

static void limited(char *out, size_t size, const struct memory_view *m)
{
    if (!(m->limited > 0.005))
        str_copy(out, size, m->limited_now ? "not now" : "no");
    else if (m->limited_now)
        snprintf(out, size, "now by %s", m->limited_by);
    else
        snprintf(out, size, "%.0f %% of the time by %s", m->limited * 100, m->limited_by);
}

/* From the bottom up, as far as the sensors leave room. */
static void gpu_notes(struct canvas *c, struct rect in, int row, const struct memory_view *m)
{
    char others[sizeof m->gpu_others + 16] = "";
    if (m->gpu_others[0] != '\0')
        snprintf(others, sizeof others, "not watched: %s", m->gpu_others);
    const struct {
        const char *text;
        enum role role;
    } notes[] = {{others, ROLE_TEXT}, {m->gpu_note, ROLE_TEXT_DIM}};
    int y = in.h;
    for (size_t i = 0; i < ARRAY_LEN(notes); i++)
        if (notes[i].text[0] != '\0' && y > row)
            canvas_text_fit(c, in.x, in.y + --y, in.w, notes[i].text, notes[i].role);
}

static void draw_gpu(struct canvas *c, struct rect r, const struct memory_view *m)
{
    struct items head = {.n = 0};
    items_add(&head, "", m->gpu_asleep ? "asleep" : m->gpu_pci, m->gpu_asleep ? ROLE_STATUS_WARN : ROLE_TEXT);
    struct rect in = panel_draw(c, r, m->gpu_name[0] != '\0' ? m->gpu_name : "GPU", &head, NULL);
    if (m->gpu_name[0] == '\0') {
        canvas_text_fit(c, in.x, in.y, in.w, m->gtt_used.simulated ? "the simulation has no sensors" : "none that can be read (amdgpu)",
                        ROLE_TEXT_DIM);
        return;
    }
    int row = sensor(c, in, 0, "busy", &m->busy, "%", 0);
    row = sensor(c, in, row, m->power_is_package ? "package power" : "power", &m->power, "W", m->power.from[0] == 'm' ? 1 : 0);
    row = sensor(c, in, row, "temperature", &m->temperature, "°C", 0);
    row = sensor(c, in, row, "core clock", &m->sclk, "MHz", 0);
    row = sensor(c, in, row, "memory clock", &m->mclk, "MHz", 0);
    if (isfinite(m->limited) && row < in.h) {
        char text[64];
        limited(text, sizeof text, m);
        canvas_text(c, in.x, in.y + row, 14, "limited", ROLE_TEXT_DIM);
        canvas_text_fit(c, in.x + 15, in.y + row++, in.w - 15, text, m->limited > 0.005 ? ROLE_STATUS_WARN : ROLE_TEXT);
    }
    row = sensor(c, in, row, "GPU power", &m->power_gfx, "W", 1);
    gpu_notes(c, in, row, m);
}

/* ---- processes ---- */

static void process(struct canvas *c, struct rect in, int row, const char *pid, const char *name, double gtt, double vram, double rss,
                    enum role role)
{
    char n[FMT_SIZE];
    int y = in.y + row, numbers = in.x + in.w - 27;
    canvas_text_right(c, in.x, y, 7, pid, ROLE_TEXT_DIM);
    canvas_text_fit(c, in.x + 8, y, numbers - in.x - 9, name, role);
    canvas_text_right(c, numbers, y, 9, fmt_gib(n, gtt), role);
    canvas_text_right(c, numbers + 9, y, 9, fmt_gib(n, vram), role);
    canvas_text_right(c, numbers + 18, y, 9, fmt_gib(n, rss), role);
}

static void draw_procs(struct canvas *c, struct rect r, const struct snapshot *s)
{
    const struct memory_view *m = &s->memory;
    struct items head = {.n = 0}, foot = {.n = 0};
    char text[FMT_SIZE];
    items_add(&head, "", m->procs_known ? "GiB" : "", ROLE_TEXT_DIM);
    if (m->procs_hidden > 0)
        items_add_unit(&foot, fmt_count(text, (double)m->procs_hidden), "may not be looked at", ROLE_TEXT);
    if (s->server.process_note[0] != '\0')
        items_add(&foot, "", s->server.process_note, ROLE_STATUS_WARN);
    struct rect in = panel_draw(c, r, "processes on the GPU", &head, &foot);
    if (!m->procs_known) {
        canvas_text_fit(c, in.x, in.y, in.w, m->gtt_used.simulated ? "the simulation has none" : "not known", ROLE_TEXT_DIM);
        return;
    }
    canvas_text_right(c, in.x, in.y, 7, "pid", ROLE_TEXT_DIM);
    canvas_text(c, in.x + 8, in.y, 10, "name", ROLE_TEXT_DIM);
    static const char *const columns[] = {"GTT", "VRAM", "RSS"};
    for (int i = 0; i < 3; i++)
        canvas_text_right(c, in.x + in.w - 27 + 9 * i, in.y, 9, columns[i], ROLE_TEXT_DIM);
    double gtt = m->other_gtt, vram = m->other_vram;
    int shown = MIN_OF((int)m->procs_n, in.h - 2), row = 1;
    for (int i = shown; i < (int)m->procs_n; i++) { /* those without room are others too */
        gtt += isfinite(m->procs[i].gtt) ? m->procs[i].gtt : 0;
        vram += isfinite(m->procs[i].vram) ? m->procs[i].vram : 0;
    }
    for (int i = 0; i < shown; i++, row++) {
        const struct process_row *p = &m->procs[i];
        char pid[16], name[96];
        snprintf(pid, sizeof pid, "%d", p->pid);
        char rocm[48] = "", n[FMT_SIZE];
        if (isfinite(p->kfd))
            snprintf(rocm, sizeof rocm, " (ROCm asked for %s)", fmt_gib(n, p->kfd));
        else if (p->rocm)
            str_copy(rocm, sizeof rocm, " (ROCm)");
        snprintf(name, sizeof name, "%s%s%s", p->name, p->server ? " ◂ the server" : "", rocm);
        process(c, in, row, pid, name, p->gtt, p->vram, p->rss, p->server ? ROLE_TEXT_BRIGHT : ROLE_TEXT);
    }
    char rest[64] = "other, or not visible";
    size_t more = m->procs_more + m->procs_n - (size_t)MAX_OF(shown, 0);
    if (more > 0)
        snprintf(rest, sizeof rest, "%zu more, others, not visible", more);
    if (row < in.h)
        process(c, in, row, "", rest, gtt, vram, (double)NAN, ROLE_TEXT_DIM);
}

static void draw(struct canvas *c, struct rect body, const struct snapshot *s, const struct ui_state *st)
{
    struct rect at[MEMORY_COUNT];
    layout_memory(body, at);
    draw_ram(c, at[MEMORY_RAM], s);
    draw_pools(c, at[MEMORY_POOLS], s, st->zoom, at[MEMORY_GPU].w == 0);
    if (at[MEMORY_GPU].w > 0)
        draw_gpu(c, at[MEMORY_GPU], &s->memory);
    draw_procs(c, at[MEMORY_PROCS], s);
}

const struct view view_memory = {
    .name = "memory",
    .key = '4',
    .help = "RAM, GTT and VRAM, sensors, processes",
    .draw = draw,
};
