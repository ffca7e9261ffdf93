#include "report/memory_json.h"
#include "jsonr.h"
#include "util.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static void text(struct jsonw *j, const char *key, const char *s)
{
    jw_str(j, key, s[0] != '\0' ? s : NULL);
}

static void ram(const struct memory_view *m, struct jsonw *j)
{
    jw_num(j, "ram_total", m->ram_total.value, 0);
    jw_num(j, "ram_used", m->ram_used.value, 0);
    jw_num(j, "ram_available", m->ram_available.value, 0);
    jw_bool(j, "ram_simulated", m->ram_used.simulated);
    jw_num(j, "ram_unaccounted", m->stack.unaccounted, 0);
    jw_num(j, "ram_cache", m->stack.cache, 0);
    jw_num(j, "swap_total", m->swap_total.value, 0);
    jw_num(j, "swap_used", m->swap_used.value, 0);
    jw_num(j, "pressure_some_percent", m->pressure_some, 2);
    jw_num(j, "pressure_full_percent", m->pressure_full, 2);
    jw_num(j, "cpu_percent", m->cpu * 100, 1);
    jw_num(j, "guard_ram", m->guard_ram, 0);
    jw_num(j, "full_in_s", m->full_in_s, 0);
    if (m->full_what[0] != '\0')
        jw_str(j, "full_first", m->full_what);
    if (m->container[0] != '\0')
        jw_str(j, "ram_container_view", m->container);
}

#define GAUGES 12
struct gauge_key {
    const char *key;
    size_t at; /* of the gauge in struct memory_view */
    int decimals;
};
#define AT(field) offsetof(struct memory_view, field)

static const struct gauge_key gauges[GAUGES] = {
    {"gtt_total", AT(gtt_total), 0},
    {"gtt_used", AT(gtt_used), 0},
    {"vram_total", AT(vram_total), 0},
    {"vram_used", AT(vram_used), 0},
    {"vram_visible_total", AT(visible_total), 0},
    {"vram_visible_used", AT(visible_used), 0},
    {"gpu_busy_percent", AT(busy), 0},
    {"gpu_sclk_mhz", AT(sclk), 0},
    {"gpu_mclk_mhz", AT(mclk), 0},
    {"gpu_power_w", AT(power), 1},
    {"gpu_power_gfx_w", AT(power_gfx), 1},
    {"gpu_temperature_c", AT(temperature), 1},
};

static void gpu(const struct memory_view *m, struct jsonw *j)
{
    for (size_t i = 0; i < GAUGES; i++)
        jw_num(j, gauges[i].key, ((const struct gauge *)((const char *)m + gauges[i].at))->value, gauges[i].decimals);
    jw_bool(j, "gtt_simulated", m->gtt_used.simulated);
    jw_bool(j, "models_in_vram", m->primary_vram);
    jw_num(j, "gtt_ceiling", m->ceiling, 0);
    text(j, "gtt_ceiling_from", m->ceiling_from);
    text(j, "gtt_from", m->gtt_used.from);
    jw_num(j, "guard_gtt", m->guard_gtt, 0);
    if (m->gpus > 1)
        jw_int(j, "gpus", (int64_t)m->gpus);
    if (m->gpu_others[0] != '\0')
        jw_str(j, "gpus_not_watched", m->gpu_others);
    jw_bool(j, "gpu_asleep", m->gpu_asleep);
    jw_bool(j, "gpu_power_is_package", m->power_is_package);
    jw_num(j, "gpu_limited_percent", m->limited_now ? (double)NAN : m->limited * 100, 1);
    if (m->limited_now && isfinite(m->limited)) /* what holds now is no share of the time */
        jw_bool(j, "gpu_limited_now", m->limited > 0);
    if (m->limited > 0)
        jw_str(j, "gpu_limited_by", m->limited_by);
}

void memory_json(const struct memory_view *m, struct jsonw *j)
{
    ram(m, j);
    if (m->gpu_name[0] != '\0' || isfinite(m->gtt_used.value)) {
        text(j, "gpu", m->gpu_name);
        text(j, "gpu_pci", m->gpu_pci);
        gpu(m, j);
    } else { /* these two are asked for by readers of old files */
        jw_str(j, "gtt_total", NULL);
        jw_str(j, "gtt_used", NULL);
    }
}

void processes_json(const struct memory_view *m, struct jsonw *j)
{
    if (!m->procs_known)
        return;
    jw_open(j, "gpu_processes", '[');
    for (size_t i = 0; i < m->procs_n; i++) {
        const struct process_row *p = &m->procs[i];
        jw_open(j, NULL, '{');
        jw_int(j, "pid", p->pid);
        jw_str(j, "name", p->name);
        jw_num(j, "gtt", p->gtt, 0);
        jw_num(j, "vram", p->vram, 0);
        jw_num(j, "rss", p->rss, 0);
        jw_num(j, "rocm_alloc", p->kfd, 0);
        jw_bool(j, "server", p->server);
        jw_bool(j, "rocm", p->rocm);
        jw_close(j, '}');
    }
    jw_close(j, ']');
    jw_int(j, "gpu_processes_hidden", (int64_t)m->procs_hidden);
    jw_num(j, "gtt_other", m->other_gtt, 0);
    jw_num(j, "vram_other", m->other_vram, 0);
}

/* ---- reading ---- */

/* Files of before it was written tell of the GPU's pool, or of RAM where there is none. */
static const char *full_first(const cJSON *o, double in_s)
{
    static const char *const names[] = {"GTT", "VRAM", "RAM"};
    char name[8];
    json_words(o, "full_first", name, sizeof name);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], name) == 0)
            return names[i];
    if (!isfinite(in_s))
        return "";
    return json_true(o, "models_in_vram") ? "VRAM" : isfinite(json_number(o, "gtt_used")) ? "GTT" : "RAM";
}

static void read_ram(const cJSON *o, struct memory_view *m)
{
    struct gauge *const to[] = {&m->ram_total, &m->ram_used, &m->ram_available, &m->swap_total, &m->swap_used};
    static const char *const keys[] = {"ram_total", "ram_used", "ram_available", "swap_total", "swap_used"};
    for (size_t i = 0; i < ARRAY_LEN(to); i++)
        *to[i] = (struct gauge){.value = json_number(o, keys[i]), .simulated = json_true(o, "ram_simulated")};
    m->pressure_some = json_number(o, "pressure_some_percent");
    m->pressure_full = json_number(o, "pressure_full_percent");
    m->cpu = json_number(o, "cpu_percent") / 100;
    m->guard_ram = json_number(o, "guard_ram");
    m->full_in_s = json_number(o, "full_in_s");
    m->full_what = full_first(o, m->full_in_s);
    json_words(o, "ram_container_view", m->container, sizeof m->container);
}

double limited_read(const cJSON *o, bool *now)
{
    *now = cJSON_IsBool(json_get(o, "gpu_limited_now"));
    return *now ? json_true(o, "gpu_limited_now") : json_number(o, "gpu_limited_percent") / 100;
}

void memory_read(const cJSON *o, struct memory_view *m)
{
    read_ram(o, m);
    for (size_t i = 0; i < GAUGES; i++)
        *(struct gauge *)((char *)m + gauges[i].at) =
            (struct gauge){.value = json_number(o, gauges[i].key), .simulated = json_true(o, "gtt_simulated")};
    json_words(o, "gtt_from", m->gtt_used.from, sizeof m->gtt_used.from);
    json_words(o, "gpu", m->gpu_name, sizeof m->gpu_name);
    json_words(o, "gpu_pci", m->gpu_pci, sizeof m->gpu_pci);
    double gpus = json_number(o, "gpus");
    m->gpus = gpus >= 1 && gpus < 1e4 ? (size_t)gpus : 0;
    json_words(o, "gpus_not_watched", m->gpu_others, sizeof m->gpu_others);
    json_words(o, "gtt_ceiling_from", m->ceiling_from, sizeof m->ceiling_from);
    json_words(o, "gpu_limited_by", m->limited_by, sizeof m->limited_by);
    m->ceiling = json_number(o, "gtt_ceiling");
    m->guard_gtt = json_number(o, "guard_gtt");
    m->limited = limited_read(o, &m->limited_now);
    m->primary_vram = json_true(o, "models_in_vram");
    m->gpu_asleep = json_true(o, "gpu_asleep");
    m->power_is_package = json_true(o, "gpu_power_is_package");
    double gtt = memory_gtt_in_ram(m);
    gtt = isfinite(gtt) ? MIN_OF(gtt, m->ram_used.value) : 0;
    m->stack.gtt = gtt;
    m->stack.unaccounted = json_number(o, "ram_unaccounted");
    m->stack.cache = json_number(o, "ram_cache");
    m->stack.other = m->ram_used.value - gtt - m->stack.unaccounted;
    m->stack.free = m->ram_total.value - m->ram_used.value - m->stack.cache;
}

bool processes_read(const cJSON *o, struct memory_view *m)
{
    const cJSON *list = json_get(o, "gpu_processes"), *p;
    if (!cJSON_IsArray(list))
        return false;
    m->procs_known = true;
    m->procs_n = m->procs_more = 0;
    cJSON_ArrayForEach(p, list)
    {
        if (m->procs_n == SNAP_PROCS)
            break;
        struct process_row *row = &m->procs[m->procs_n++];
        double pid = json_number(p, "pid");
        *row = (struct process_row){.pid = pid >= 0 && pid < 1e9 ? (int)pid : 0, .gtt = json_number(p, "gtt"), .vram = json_number(p, "vram"),
                                    .rss = json_number(p, "rss"), .kfd = json_number(p, "rocm_alloc"), .server = json_true(p, "server"),
                                    .rocm = json_true(p, "rocm")};
        json_words(p, "name", row->name, sizeof row->name);
    }
    double hidden = json_number(o, "gpu_processes_hidden");
    m->procs_hidden = hidden >= 0 && hidden < 1e9 ? (size_t)hidden : 0;
    m->other_gtt = json_number(o, "gtt_other");
    m->other_vram = json_number(o, "vram_other");
    return true;
}
