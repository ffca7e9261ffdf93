/* gpu_metrics: the binary table that amdgpu publishes in sysfs (kernel: drivers/gpu/drm/amd/include/kgd_pp_interface.h):
 * versions 1.3 (discrete GPUs), 2.0 to 2.4 and 3.0 (APUs).  Pure. */
#ifndef TG_GPU_METRICS_H
#define TG_GPU_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GPU_METRICS_MAX 4096 /* bytes that a table may have */

/* What keeps the GPU from running faster. */
enum gpu_limit { LIMIT_PROCHOT, LIMIT_SPL, LIMIT_FPPT, LIMIT_SPPT, LIMIT_THM_CORE, LIMIT_THM_GFX, LIMIT_THM_SOC, LIMIT_PPT, LIMIT_CURRENT,
                 GPU_LIMITS };
extern const char *const gpu_limit_names[GPU_LIMITS];

struct gpu_metrics { /* NAN: not told */
    int format, content;             /* 3, 0 */
    double temperature_gfx;          /* °C */
    double socket_power, gfx_power;  /* W; of an APU the socket's has the CPU in it */
    bool whole_watts;                /* socket_power has no fraction */
    double gfxclk, uclk;             /* MHz */
    double gfx_activity;             /* %, NAN where its unit is not sure */
    /* v3.0: ms since the start that each limit was in force; take differences. */
    bool has_residency;
    uint32_t residency[7];           /* LIMIT_PROCHOT … LIMIT_THM_SOC */
    /* v1.3, v2.2 and later: which limits are in force now. */
    bool has_limits;
    bool limits[GPU_LIMITS];
};

/* False where the bytes are no table of a known version, or fewer than it says. */
bool gpu_metrics_parse(const unsigned char *data, size_t n, struct gpu_metrics *out);

#endif
