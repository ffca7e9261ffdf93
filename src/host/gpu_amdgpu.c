/* amdgpu by its files in sysfs, and by libdrm for what they do not tell.
 *
 * mem_info_* are counters of the driver: reading them touches no hardware.  All else may wake a sleeping GPU (kernels up to
 * 6.12), and every call of libdrm does, or keeps it from falling asleep.  So the state is read first, a GPU that sleeps is
 * asked for nothing but mem_info_*, and libdrm is asked only for what no file has told.  (Kernel:
 * Documentation/gpu/amdgpu/driver-misc.rst and thermal.rst; drivers/gpu/drm/amd/pm/amdgpu_pm.c.) */
#include "host/gpu.h"
#include "host/gpu_drm.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AMD 0x1002
#define SLOW_EVERY 10 /* looks: totals change only when the driver comes back, or memory is given to the GPU at run time */

struct amdgpu {
    struct host_roots roots;
    struct gpu_id id;
    char base[64];         /* in sysfs: bus/pci/devices/0000:c5:00.0, which stays the same when the driver comes back */
    struct gpu_drm *memory_drm, *sensor_drm; /* one for each thread; NULL: none */
    char drm_why[WHY_SIZE];
    /* The thread of the memory only. */
    struct sysfs_file status, used[GPU_MEMORY_VALUES_];
    struct gauge slow[GPU_MEMORY_VALUES_];
    unsigned looks;
    /* The thread of the sensors only. */
    char hwmon[96];        /* in sysfs; empty: not found */
    struct sysfs_file state, busy, mclk, temperature, power, sclk; /* the last three are in hwmon */
    bool residency_known;
    uint32_t residency[7];
    int64_t residency_at;
};

/* ---- which there are ---- */

static bool value_of(const char *text, const char *key, char *out, size_t size)
{
    for (const char *line = text; line != NULL; line = strchr(line, '\n'), line = line != NULL ? line + 1 : NULL)
        if (str_starts(line, key)) {
            str_sanitise(out, size, line + strlen(key), strcspn(line + strlen(key), "\n"));
            return true;
        }
    out[0] = '\0';
    return false;
}

/* Devices that libdrm's list (amdgpu.ids) has no name for, or only "AMD Radeon Graphics". */
static const struct {
    unsigned device;
    const char *name, *gfx;
} apus[] = {
    {0x1586, "Radeon 8060S", "gfx1151"},      {0x150e, "Radeon 890M", "gfx1150"},  {0x1114, "Radeon 860M", "gfx1152"},
    {0x15bf, "Radeon 780M", "gfx1103"},       {0x15c8, "Radeon 740M", "gfx1103"},  {0x1900, "Radeon 780M", "gfx1103"},
    {0x1901, "Radeon 780M", "gfx1103"},       {0x1681, "Radeon 680M", "gfx1035"},  {0x164e, "Radeon (Raphael)", "gfx1036"},
    {0x13c0, "Radeon (Granite Ridge)", "gfx1036"}, {0x163f, "Van Gogh", "gfx1033"}, {0x1638, "Radeon (Cezanne)", "gfx90c"},
    {0x1636, "Radeon (Renoir)", "gfx90c"},    {0x15d8, "Radeon (Picasso)", "gfx902"}, {0x15dd, "Radeon (Raven)", "gfx902"},
};

static void name_by_table(struct gpu_id *id)
{
    for (size_t i = 0; i < ARRAY_LEN(apus); i++)
        if (id->vendor == AMD && id->device == apus[i].device) {
            str_copy(id->name, sizeof id->name, apus[i].name);
            str_copy(id->gfx, sizeof id->gfx, apus[i].gfx);
            id->apu = true;
        }
}

/* Folder `under` of sysfs has an entry that begins with `prefix` and goes on with a digit: its name. */
static bool entry_of(const char *sys, const char *under, const char *prefix, char *out, size_t size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", sys, under);
    DIR *d = opendir(path);
    out[0] = '\0';
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        if (str_starts(e->d_name, prefix) && isdigit((unsigned char)e->d_name[strlen(prefix)]) && strlen(e->d_name) < size &&
            (out[0] == '\0' || strcmp(e->d_name, out) < 0))
            str_copy(out, size, e->d_name);
    if (d != NULL)
        closedir(d);
    return out[0] != '\0';
}

static bool hwmon_of(const char *sys, const char *base, char *out, size_t size)
{
    char under[80], name[16];
    snprintf(under, sizeof under, "%.64s/hwmon", base);
    if (!entry_of(sys, under, "hwmon", name, sizeof name))
        return false;
    snprintf(out, size, "%s/%s", under, name);
    return true;
}

/* On APUs alone the driver tells the voltage of the north bridge. */
static bool has_vddnb(const char *sys, const char *hwmon)
{
    char path[128], label[16];
    snprintf(path, sizeof path, "%s/in1_label", hwmon);
    return sysfs_text(sys, path, label, sizeof label, NULL) && str_starts(label, "vddnb");
}

static bool see_card(const char *sys, const char *card, struct gpu_id *id)
{
    char path[128], text[2048], v[32];
    *id = (struct gpu_id){0};
    snprintf(path, sizeof path, "class/drm/%.20s/device/uevent", card);
    if (!sysfs_text(sys, path, text, sizeof text, NULL) || !value_of(text, "DRIVER=", v, sizeof v) || strcmp(v, "amdgpu") != 0 ||
        !value_of(text, "PCI_SLOT_NAME=", id->pci, sizeof id->pci))
        return false;
    for (const char *p = id->pci; *p != '\0'; p++) /* it becomes part of a path */
        if (!isxdigit((unsigned char)*p) && *p != ':' && *p != '.')
            return false;
    str_copy(id->card, sizeof id->card, card);
    if (value_of(text, "PCI_ID=", v, sizeof v)) { /* "1002:1586" */
        char *colon;
        id->vendor = (unsigned)strtoul(v, &colon, 16);
        id->device = *colon == ':' ? (unsigned)strtoul(colon + 1, NULL, 16) : 0;
    }
    name_by_table(id);
    char under[64], node[24], hwmon[96];
    snprintf(under, sizeof under, "bus/pci/devices/%s", id->pci);
    if (!id->apu && hwmon_of(sys, under, hwmon, sizeof hwmon))
        id->apu = has_vddnb(sys, hwmon);
    snprintf(under, sizeof under, "bus/pci/devices/%s/drm", id->pci);
    if (entry_of(sys, under, "renderD", node, sizeof node))
        snprintf(id->node, sizeof id->node, "dri/%s", node);
    return true;
}

static int by_pci(const void *a, const void *b)
{
    return strcmp(((const struct gpu_id *)a)->pci, ((const struct gpu_id *)b)->pci);
}

static size_t list(const struct host_roots *roots, struct gpu_id *out, size_t max)
{
    char folder[512];
    size_t n = 0;
    snprintf(folder, sizeof folder, "%s/class/drm", roots->sys);
    DIR *d = opendir(folder);
    for (struct dirent *e; d != NULL && n < max && (e = readdir(d)) != NULL;)
        if (str_starts(e->d_name, "card") && isdigit((unsigned char)e->d_name[4]) && strchr(e->d_name, '-') == NULL)
            n += see_card(roots->sys, e->d_name, &out[n]);
    if (d != NULL)
        closedir(d);
    if (n > 0)
        qsort(out, n, sizeof *out, by_pci);
    return n;
}

/* ---- opening ---- */

static double file(struct amdgpu *g, struct sysfs_file *kept, const char *folder, const char *name, char *why)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return sysfs_number_kept(kept, g->roots.sys, path, why);
}

static enum gpu_power_state state_of(struct amdgpu *g, struct sysfs_file *kept)
{
    char path[128], text[32];
    snprintf(path, sizeof path, "%s/power/runtime_status", g->base);
    if (sysfs_value(kept, g->roots.sys, path, text, sizeof text, NULL))
        return str_starts(text, "suspend") ? GPU_ASLEEP : GPU_AWAKE;
    snprintf(path, sizeof path, "%s/uevent", g->base);
    return sysfs_text(g->roots.sys, path, text, sizeof text, NULL) ? GPU_AWAKE : GPU_GONE;
}

/* "gfx1151" from the compute driver's list, where it has this render node (110501 is 11.5.1; the last figure is hex). */
static void gfx_by_kfd(const char *sys, struct gpu_id *id)
{
    if (id->node[0] == '\0')
        return;
    long minor = strtol(id->node + strlen("dri/renderD"), NULL, 10);
    for (int node = 0; node < 64; node++) {
        char path[96], text[4096], v[32];
        snprintf(path, sizeof path, "class/kfd/kfd/topology/nodes/%d/properties", node);
        if (!sysfs_text(sys, path, text, sizeof text, NULL))
            return;
        if (!value_of(text, "drm_render_minor ", v, sizeof v) || strtol(v, NULL, 10) != minor ||
            !value_of(text, "gfx_target_version ", v, sizeof v))
            continue;
        unsigned version = (unsigned)strtoul(v, NULL, 10);
        if (version > 0)
            snprintf(id->gfx, sizeof id->gfx, "gfx%u%u%x", version / 10000 % 100, version / 100 % 100, version % 100);
        return;
    }
}

static void *open_device(const struct host_roots *roots, struct gpu_id *id)
{
    struct amdgpu *g = xcalloc(1, sizeof *g);
    g->roots = *roots;
    snprintf(g->base, sizeof g->base, "bus/pci/devices/%s", id->pci);
    gfx_by_kfd(roots->sys, id);
    if (state_of(g, NULL) == GPU_AWAKE) {
        g->memory_drm = gpu_drm_open(roots->dev, id, g->drm_why);
        g->sensor_drm = g->memory_drm != NULL ? gpu_drm_open(roots->dev, id, g->drm_why) : NULL;
    } else {
        str_copy(g->drm_why, sizeof g->drm_why, "the GPU is asleep");
    }
    if (g->memory_drm == NULL)
        snprintf(id->note, sizeof id->note, "/dev/%.20s: %.40s: values from sysfs only", id->node[0] != '\0' ? id->node : "dri", g->drm_why);
    if (id->name[0] == '\0')
        snprintf(id->name, sizeof id->name, "AMD GPU %04x:%04x", id->vendor, id->device);
    g->id = *id;
    return g;
}

static void close_device(void *dev)
{
    struct amdgpu *g = dev;
    struct sysfs_file *const kept[] = {&g->status, &g->state, &g->busy, &g->mclk, &g->temperature, &g->power, &g->sclk};
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        sysfs_close(kept[i]);
    for (int i = 0; i < GPU_MEMORY_VALUES_; i++)
        sysfs_close(&g->used[i]);
    gpu_drm_close(g->memory_drm);
    gpu_drm_close(g->sensor_drm);
    free(g);
}

/* ---- memory ---- */

static void read_memory(void *dev, struct gpu_reading *out)
{
    static const char *const names[GPU_MEMORY_VALUES_] = {
        [GPU_VRAM_TOTAL] = "mem_info_vram_total",    [GPU_VRAM_USED] = "mem_info_vram_used",
        [GPU_VIS_TOTAL] = "mem_info_vis_vram_total", [GPU_VIS_USED] = "mem_info_vis_vram_used",
        [GPU_GTT_TOTAL] = "mem_info_gtt_total",      [GPU_GTT_USED] = "mem_info_gtt_used",
    };
    struct amdgpu *g = dev;
    bool missing = false;
    bool again = g->looks++ % SLOW_EVERY == 0;
    out->state = state_of(g, &g->status);
    for (int i = 0; i < GPU_MEMORY_VALUES_; i++) {
        char why[WHY_SIZE] = "";
        bool fast = i == GPU_VRAM_USED || i == GPU_GTT_USED; /* what moves, and what the guard looks at */
        if (!fast && !again && out->state != GPU_GONE && isfinite(g->slow[i].value)) {
            out->v[i] = g->slow[i];
            continue;
        }
        gauge_set(&out->v[i], file(g, fast ? &g->used[i] : NULL, g->base, names[i], why), "sysfs", out->state == GPU_GONE ? "the device is gone" : why);
        missing = missing || !isfinite(out->v[i].value);
        g->slow[i] = out->v[i];
    }
    if (missing && out->state == GPU_AWAKE && g->memory_drm != NULL)
        gpu_drm_memory(g->memory_drm, out);
}

/* ---- sensors ---- */

/* Asleep, not forbidden: from 6.13 on the driver refuses to wake the GPU for a sensor (amdgpu_pm_get_access_if_active). */
static const char *reason(const char *why)
{
    return strcmp(why, "operation not permitted") == 0 ? "asleep" : why;
}

static void set(struct gauge *g, double v, const char *why)
{
    gauge_set(g, v, "sysfs", reason(why));
}

/* The clock of the level that is in force: "1: 1600Mhz *". */
static double current_clock(struct amdgpu *g, struct sysfs_file *kept, const char *name, char *why)
{
    char path[128], text[2048];
    snprintf(path, sizeof path, "%s/%s", g->base, name);
    if (!sysfs_value(kept, g->roots.sys, path, text, sizeof text, why))
        return (double)NAN;
    for (char *line = text, *next; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        const char *colon = strchr(line, ':');
        char *end;
        double mhz = colon != NULL ? strtod(colon + 1, &end) : (double)NAN;
        if (colon != NULL && strchr(line, '*') != NULL && end != colon + 1 && mhz >= 0 && mhz < 1e5)
            return mhz;
    }
    str_copy(why, WHY_SIZE, "no level is marked");
    return (double)NAN;
}

/* The folder's number may be another one after the driver has come back: then nothing is there by the old one. */
static double read_temperature(struct amdgpu *g, char *why)
{
    double v = g->hwmon[0] != '\0' ? file(g, &g->temperature, g->hwmon, "temp1_input", why) : (double)NAN;
    if (isfinite(v))
        return v;
    sysfs_close(&g->temperature);
    sysfs_close(&g->power);
    sysfs_close(&g->sclk);
    if (hwmon_of(g->roots.sys, g->base, g->hwmon, sizeof g->hwmon))
        return file(g, &g->temperature, g->hwmon, "temp1_input", why);
    g->hwmon[0] = '\0';
    return v;
}

static void read_hwmon(struct amdgpu *g, struct gpu_reading *out)
{
    char why[WHY_SIZE] = "";
    double temperature = read_temperature(g, why);
    if (g->hwmon[0] == '\0') {
        str_copy(why, sizeof why, "no hwmon");
        set(&out->v[GPU_TEMPERATURE], (double)NAN, why);
        set(&out->v[GPU_POWER], (double)NAN, why);
        set(&out->v[GPU_SCLK], (double)NAN, why);
        return;
    }
    set(&out->v[GPU_TEMPERATURE], temperature / 1e3, why);
    double power = file(g, &g->power, g->hwmon, "power1_average", why);
    if (!isfinite(power))
        power = file(g, NULL, g->hwmon, "power1_input", why);
    /* The driver's fraction is not one of a watt (45.67 W is published as 45067000 µW): only whole watts are real. */
    set(&out->v[GPU_POWER], floor(power / 1e6), why);
    out->power_is_package = g->id.apu;
    set(&out->v[GPU_SCLK], file(g, &g->sclk, g->hwmon, "freq1_input", why) / 1e6, why);
}

static void set_limit(struct gpu_reading *out, enum gpu_limit l, double share)
{
    out->limited[l] = share;
    if (!(out->limited_most >= share)) {
        out->limited_most = share;
        out->limited_by = gpu_limit_names[l];
    }
}

/* The counters are ms; a driver that came back begins anew, and a reading more than a minute old says nothing of now. */
static void take_residency(struct amdgpu *g, const struct gpu_metrics *m, int64_t now, struct gpu_reading *out)
{
    double ms = (double)(now - g->residency_at) / 1e6;
    bool use = g->residency_known && ms > 0 && ms < 60e3;
    for (int i = 0; i < 7 && use; i++)
        use = m->residency[i] >= g->residency[i];
    for (int i = 0; i < 7 && use; i++)
        set_limit(out, (enum gpu_limit)i, MIN_OF((double)(m->residency[i] - g->residency[i]) / ms, 1.0));
    memcpy(g->residency, m->residency, sizeof g->residency);
    g->residency_at = now;
    g->residency_known = true;
}

/* Bits, of this moment alone. */
static void take_limits(const struct gpu_metrics *m, struct gpu_reading *out)
{
    int n = 0;
    for (int i = 0; i < GPU_LIMITS; i++) {
        set_limit(out, (enum gpu_limit)i, m->limits[i] ? 1 : 0);
        n += m->limits[i];
    }
    out->limited_now = true;
    out->limited_others = n > 1;
}

static void or_else(struct gauge *g, double v)
{
    if (!isfinite(g->value) && isfinite(v))
        gauge_set(g, v, "metrics", NULL);
}

static void read_metrics(struct amdgpu *g, int64_t now, struct gpu_reading *out)
{
    char path[128], why[WHY_SIZE] = "";
    unsigned char data[GPU_METRICS_MAX];
    struct gpu_metrics m;
    snprintf(path, sizeof path, "%s/gpu_metrics", g->base);
    long n = sysfs_bytes(g->roots.sys, path, data, sizeof data, why);
    bool known = n > 0 && gpu_metrics_parse(data, (size_t)n, &m);
    if (n >= 0 && !known)
        str_copy(why, sizeof why, n == 0 ? "the file is empty" : "a table of an unknown version");
    gauge_set(&out->v[GPU_POWER_GFX], known ? m.gfx_power : (double)NAN, "metrics", known ? "the driver does not tell" : reason(why));
    if (!known)
        return;
    or_else(&out->v[GPU_TEMPERATURE], m.temperature_gfx);
    or_else(&out->v[GPU_SCLK], m.gfxclk);
    or_else(&out->v[GPU_MCLK], m.uclk);
    if (isfinite(m.socket_power) && (!m.whole_watts || !isfinite(out->v[GPU_POWER].value)))
        gauge_set(&out->v[GPU_POWER], m.socket_power, "metrics", NULL);
    if (m.has_residency)
        take_residency(g, &m, now, out);
    if (m.has_limits)
        take_limits(&m, out);
}

static void read_sensors(void *dev, int64_t now, struct gpu_reading *out)
{
    struct amdgpu *g = dev;
    char why[WHY_SIZE] = "";
    out->state = state_of(g, &g->state);
    out->limited_most = (double)NAN;
    out->limited_by = NULL;
    out->limited_now = out->limited_others = false;
    for (int i = 0; i < GPU_LIMITS; i++)
        out->limited[i] = (double)NAN;
    if (out->state != GPU_AWAKE) {
        for (int i = GPU_MEMORY_VALUES_; i < GPU_VALUES; i++)
            set(&out->v[i], (double)NAN, out->state == GPU_ASLEEP ? "asleep" : "the device is gone");
        g->residency_known = false;
        return;
    }
    double busy = file(g, &g->busy, g->base, "gpu_busy_percent", why);
    gauge_set_load(&out->v[GPU_BUSY], busy, "sysfs", reason(why));
    read_hwmon(g, out);
    if (!isfinite(out->v[GPU_SCLK].value))
        set(&out->v[GPU_SCLK], current_clock(g, NULL, "pp_dpm_sclk", why), why);
    set(&out->v[GPU_MCLK], current_clock(g, &g->mclk, "pp_dpm_mclk", why), why);
    read_metrics(g, now, out);
    if (g->sensor_drm != NULL)
        gpu_drm_sensors(g->sensor_drm, out);
}

const struct gpu_backend gpu_backend_amdgpu = {"amdgpu", list, open_device, read_memory, read_sensors, close_device};
