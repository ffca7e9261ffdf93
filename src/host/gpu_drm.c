#include "host/gpu_drm.h"

#include <amdgpu.h>
#include <amdgpu_drm.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xf86drm.h>

struct gpu_drm {
    int fd;
    amdgpu_device_handle dev;
};

/* amdgpu_device_initialize crashes where VERSION fails: it is asked for first. */
static bool is_amdgpu(int fd, char *why)
{
    drmVersionPtr v = drmGetVersion(fd);
    bool ok = v != NULL && v->name != NULL && strcmp(v->name, "amdgpu") == 0 && v->version_major == 3;
    if (!ok)
        str_copy(why, WHY_SIZE, v == NULL ? "the driver does not tell its version" : "the driver is not amdgpu 3");
    if (v != NULL)
        drmFreeVersion(v);
    return ok;
}

static void complete(struct gpu_drm *d, struct gpu_id *id)
{
    struct amdgpu_gpu_info info;
    memset(&info, 0, sizeof info);
    if (amdgpu_query_gpu_info(d->dev, &info) == 0)
        id->apu = (info.ids_flags & AMDGPU_IDS_FLAGS_FUSION) != 0;
    const char *name = amdgpu_get_marketing_name(d->dev);
    if (name != NULL && id->name[0] == '\0')
        str_sanitise(id->name, sizeof id->name, name, strlen(name));
}

/* libdrm writes to stderr where a file of names or a feature is missing.  That is nothing for a screen, nor for a line of
 * ours: stderr goes nowhere for so long.  Returns what quiet_end puts back. */
static int quiet_begin(void)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC), kept = null >= 0 ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3) : -1;
    if (kept >= 0)
        dup2(null, STDERR_FILENO);
    if (null >= 0)
        close(null);
    return kept;
}

static void quiet_end(int kept)
{
    if (kept < 0)
        return;
    dup2(kept, STDERR_FILENO);
    close(kept);
}

struct gpu_drm *gpu_drm_open(const char *dev_root, struct gpu_id *id, char *why)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dev_root, id->node);
    int fd = id->node[0] != '\0' ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) {
        sysfs_why(why, id->node[0] != '\0' ? errno : ENOENT);
        return NULL;
    }
    struct gpu_drm d = {.fd = fd};
    uint32_t major, minor;
    bool ok = is_amdgpu(fd, why);
    if (ok) {
        int kept = quiet_begin(), error = amdgpu_device_initialize(fd, &major, &minor, &d.dev);
        quiet_end(kept);
        ok = error == 0;
        if (!ok)
            sysfs_why(why, abs(error));
    }
    if (!ok) {
        close(fd);
        return NULL;
    }
    complete(&d, id);
    struct gpu_drm *out = xmalloc(sizeof *out);
    *out = d;
    return out;
}

void gpu_drm_close(struct gpu_drm *d)
{
    if (d == NULL)
        return;
    amdgpu_device_deinitialize(d->dev);
    close(d->fd);
    free(d);
}

/* A value that somebody else has told stays. */
static void fill(struct gauge *g, double v, int error)
{
    char why[WHY_SIZE] = "";
    if (isfinite(g->value))
        return;
    if (error != 0)
        sysfs_why(why, abs(error));
    gauge_set(g, error == 0 ? v : (double)NAN, "libdrm", why);
}

void gpu_drm_memory(struct gpu_drm *d, struct gpu_reading *out)
{
    struct drm_amdgpu_memory_info m;
    memset(&m, 0, sizeof m);
    int error = amdgpu_query_info(d->dev, AMDGPU_INFO_MEMORY, sizeof m, &m);
    fill(&out->v[GPU_VRAM_TOTAL], (double)m.vram.total_heap_size, error);
    fill(&out->v[GPU_VRAM_USED], (double)m.vram.heap_usage, error);
    fill(&out->v[GPU_VIS_TOTAL], (double)m.cpu_accessible_vram.total_heap_size, error);
    fill(&out->v[GPU_VIS_USED], (double)m.cpu_accessible_vram.heap_usage, error);
    fill(&out->v[GPU_GTT_TOTAL], (double)m.gtt.total_heap_size, error);
    fill(&out->v[GPU_GTT_USED], (double)m.gtt.heap_usage, error);
}

void gpu_drm_sensors(struct gpu_drm *d, struct gpu_reading *out)
{
    static const struct {
        unsigned sensor;
        enum gpu_value value;
        double scale;
    } sensors[] = {{AMDGPU_INFO_SENSOR_GFX_SCLK, GPU_SCLK, 1},       {AMDGPU_INFO_SENSOR_GFX_MCLK, GPU_MCLK, 1},
                   {AMDGPU_INFO_SENSOR_GPU_TEMP, GPU_TEMPERATURE, 1e-3}, {AMDGPU_INFO_SENSOR_GPU_LOAD, GPU_BUSY, 1},
                   {AMDGPU_INFO_SENSOR_GPU_AVG_POWER, GPU_POWER, 1}};
    for (size_t i = 0; i < ARRAY_LEN(sensors); i++) {
        uint32_t v = 0;
        struct gauge *g = &out->v[sensors[i].value];
        if (isfinite(g->value))
            continue;
        int error = amdgpu_query_sensor_info(d->dev, sensors[i].sensor, sizeof v, &v);
        fill(g, v * sensors[i].scale, error);
        if (g == &out->v[GPU_BUSY] && isfinite(g->value))
            gauge_set_load(g, g->value, "libdrm", NULL);
    }
}
