#include "host/gpu_metrics.h"

#include <math.h>
#include <string.h>

const char *const gpu_limit_names[GPU_LIMITS] = {"PROCHOT", "SPL",     "FPPT", "SPPT",   "core temperature", "GPU temperature",
                                                 "SoC temperature", "PPT", "current"};

/* The tables are little endian and naturally aligned, as the driver's machine is. */
static uint16_t u16(const unsigned char *p, size_t at)
{
    return (uint16_t)(p[at] | p[at + 1] << 8);
}

static uint32_t u32(const unsigned char *p, size_t at)
{
    return (uint32_t)u16(p, at) | (uint32_t)u16(p, at + 2) << 16;
}

static uint64_t u64(const unsigned char *p, size_t at)
{
    return u32(p, at) | (uint64_t)u32(p, at + 4) << 32;
}

/* All bits set: not available. */
static double small(const unsigned char *p, size_t at, double scale)
{
    uint16_t v = u16(p, at);
    return v == UINT16_MAX ? (double)NAN : v * scale;
}

static double large(const unsigned char *p, size_t at, double scale)
{
    uint32_t v = u32(p, at);
    return v == UINT32_MAX ? (double)NAN : v * scale;
}

/* Bits of indep_throttle_status (kernel: amdgpu_smu.h, SMU_THROTTLER_*_BIT). */
static void read_limits(struct gpu_metrics *m, uint64_t bits)
{
    static const struct {
        int from, to;
        enum gpu_limit limit;
    } ranges[] = {{0, 3, LIMIT_PPT},       {4, 4, LIMIT_SPL},       {5, 5, LIMIT_FPPT},      {6, 7, LIMIT_SPPT},
                  {16, 23, LIMIT_CURRENT}, {32, 32, LIMIT_THM_GFX}, {33, 33, LIMIT_THM_CORE}, {34, 36, LIMIT_THM_GFX},
                  {37, 37, LIMIT_THM_SOC}, {38, 38, LIMIT_THM_GFX}, {39, 45, LIMIT_THM_SOC},  {46, 47, LIMIT_PROCHOT}};
    if (bits == UINT64_MAX)
        return;
    m->has_limits = true;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        for (int b = ranges[i].from; b <= ranges[i].to; b++)
            m->limits[ranges[i].limit] |= (bits >> b & 1) != 0;
}

static void parse_1_3(const unsigned char *p, struct gpu_metrics *m)
{
    m->temperature_gfx = small(p, 4, 1);
    m->gfx_activity = small(p, 16, 1);
    m->socket_power = small(p, 22, 1);
    m->whole_watts = true;
    m->gfxclk = small(p, 54, 1);
    m->uclk = small(p, 58, 1);
    read_limits(m, u64(p, 112));
}

/* Some firmware of Renoir, Cezanne and Raphael fills in W where the table's word is mW; an APU does not run on less than
 * half a watt, and none takes 500 W.  In 2.0 the clock counter stands before the temperatures. */
static void parse_2(const unsigned char *p, struct gpu_metrics *m)
{
    size_t early = m->content == 0 ? 12 : 0, late = m->content == 0 ? 4 : 0;
    m->temperature_gfx = small(p, early + 4, 0.01);
    m->gfx_activity = small(p, early + 28, 0.01);
    double socket = small(p, late + 40, 1);
    m->whole_watts = socket < 500;
    m->socket_power = m->whole_watts ? socket : socket / 1000;
    m->gfx_power = m->whole_watts ? (double)NAN : small(p, late + 46, 0.001);
    m->gfxclk = small(p, late + 76, 1);
    m->uclk = small(p, late + 80, 1);
    if (m->content >= 2) /* the older ones have the bits of their own kind of chip only */
        read_limits(m, u64(p, 120));
}

/* The activity's unit depends on the firmware: not taken. */
static void parse_3_0(const unsigned char *p, struct gpu_metrics *m)
{
    m->temperature_gfx = small(p, 4, 0.01);
    m->socket_power = large(p, 112, 0.001);
    m->gfx_power = large(p, 124, 0.001);
    m->gfxclk = small(p, 174, 1);
    m->uclk = small(p, 186, 1);
    m->has_residency = true;
    for (size_t i = 0; i < 7; i++) {
        m->residency[i] = u32(p, 228 + 4 * i);
        m->has_residency = m->has_residency && m->residency[i] != UINT32_MAX;
    }
}

bool gpu_metrics_parse(const unsigned char *data, size_t n, struct gpu_metrics *m)
{
    static const struct {
        int format, content;
        size_t size;
        void (*parse)(const unsigned char *p, struct gpu_metrics *m);
    } versions[] = {{1, 3, 120, parse_1_3}, {2, 0, 120, parse_2}, {2, 1, 120, parse_2}, {2, 2, 128, parse_2},
                    {2, 3, 152, parse_2},   {2, 4, 168, parse_2}, {3, 0, 264, parse_3_0}};
    double nan = (double)NAN;
    *m = (struct gpu_metrics){.temperature_gfx = nan, .socket_power = nan, .gfx_power = nan, .gfxclk = nan, .uclk = nan,
                              .gfx_activity = nan};
    if (n < 4)
        return false;
    m->format = data[2];
    m->content = data[3];
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++)
        if (versions[i].format == m->format && versions[i].content == m->content) {
            size_t told = u16(data, 0);
            if (told < versions[i].size || n < versions[i].size)
                return false;
            versions[i].parse(data, m);
            return true;
        }
    return false;
}
