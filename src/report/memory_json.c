#include "report/memory_json.h"

#include <math.h>

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
    if (m->container[0] != '\0')
        jw_str(j, "ram_container_view", m->container);
}

static void gpu(const struct memory_view *m, struct jsonw *j)
{
    const struct {
        const char *key;
        const struct gauge *gauge;
        int decimals;
    } values[] = {
        {"gtt_total", &m->gtt_total, 0},
        {"gtt_used", &m->gtt_used, 0},
        {"vram_total", &m->vram_total, 0},
        {"vram_used", &m->vram_used, 0},
        {"vram_visible_total", &m->visible_total, 0},
        {"vram_visible_used", &m->visible_used, 0},
        {"gpu_busy_percent", &m->busy, 0},
        {"gpu_sclk_mhz", &m->sclk, 0},
        {"gpu_mclk_mhz", &m->mclk, 0},
        {"gpu_power_w", &m->power, 1},
        {"gpu_power_gfx_w", &m->power_gfx, 1},
        {"gpu_temperature_c", &m->temperature, 1},
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        jw_num(j, values[i].key, values[i].gauge->value, values[i].decimals);
    jw_bool(j, "gtt_simulated", m->gtt_used.simulated);
    jw_num(j, "gtt_ceiling", m->ceiling, 0);
    text(j, "gtt_ceiling_from", m->ceiling_from);
    text(j, "gtt_from", m->gtt_used.from);
    if (m->gpu_others[0] != '\0')
        jw_str(j, "gpus_not_watched", m->gpu_others);
    jw_bool(j, "gpu_asleep", m->gpu_asleep);
    jw_num(j, "gpu_limited_percent", m->limited * 100, 1);
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
