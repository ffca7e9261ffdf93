/* gpu: the GPUs of this machine: a table of backends, and one list of values that each fills in as far as it can.  A value
 * that cannot be had is NAN with the reason; it never takes another with it. */
#ifndef TG_GPU_H
#define TG_GPU_H

#include "host/gpu_metrics.h"
#include "host/sysfs.h"
#include "snapshot.h"
#include "util.h"

#define GPUS_MAX 16

enum gpu_value {
    GPU_VRAM_TOTAL, GPU_VRAM_USED, GPU_VIS_TOTAL, GPU_VIS_USED, GPU_GTT_TOTAL, GPU_GTT_USED, /* bytes */
    GPU_MEMORY_VALUES_,
    GPU_BUSY = GPU_MEMORY_VALUES_, /* % */
    GPU_SCLK, GPU_MCLK,            /* MHz */
    GPU_POWER,                     /* W; of an APU the whole package's, with the CPU */
    GPU_POWER_GFX,                 /* W; of the graphics part alone */
    GPU_TEMPERATURE,               /* °C */
    GPU_VALUES
};

enum gpu_power_state { GPU_AWAKE, GPU_ASLEEP, GPU_GONE };

struct gpu_id {
    char pci[16];   /* "0000:c5:00.0" */
    char name[48];  /* "Radeon 8060S" */
    char gfx[12];   /* "gfx1151"; empty: unknown */
    char card[16];  /* "card1" */
    char node[32];  /* "dri/renderD128"; empty: none */
    unsigned vendor, device, revision;
    bool apu;
    char note[96];  /* what could not be used, and why; empty: nothing */
};

struct gpu_reading {
    enum gpu_power_state state;
    struct gauge v[GPU_VALUES];
    bool power_is_package;      /* GPU_POWER has the CPU in it */
    double limited[GPU_LIMITS]; /* share of the time since the last reading that the limit was in force; NAN unknown */
    double limited_most;        /* the largest of them; NAN unknown */
    const char *limited_by;     /* its name; NULL */
    bool limited_now;           /* the driver tells no shares, but what is in force at this moment: 1 or 0 */
    bool limited_others;        /* … and it is more than limited_by */
};

struct gpu; /* one device, opened; memory and sensors may be read by two threads at once */

struct gpu_backend {
    const char *name;
    /* The devices there are, into out; opens nothing that could wake one. */
    size_t (*list)(const struct host_roots *roots, struct gpu_id *out, size_t max);
    void *(*open)(const struct host_roots *roots, struct gpu_id *id); /* completes the id; prints nothing */
    void (*memory)(void *dev, struct gpu_reading *out);               /* the memory values and the state */
    void (*sensors)(void *dev, int64_t now, struct gpu_reading *out); /* the others; now: monotonic ns */
    void (*close)(void *dev);
};
extern const struct gpu_backend gpu_backend_amdgpu, gpu_backend_sim;

void gpu_reading_clear(struct gpu_reading *r);
/* v, or NAN with the reason. */
void gauge_set(struct gauge *g, double v, const char *from, const char *why);
/* The same of a load in %: above 100 it is none (655: a driver that takes "not available" for a number). */
void gauge_set_load(struct gauge *g, double v, const char *from, const char *why);

/* All devices of all backends. */
size_t gpu_list(const struct host_roots *roots, struct gpu_id *out, size_t max);
/* The one that is meant: by PCI address, with or without the domain, or by number in the list; NULL with a line in e that
 * names those there are. */
const struct gpu_id *gpu_find(const struct gpu_id *list, size_t n, const char *wanted, struct err *e);
/* The one that has a model's weight in it already, the most where several do; else the one with the most room for one. */
const struct gpu_id *gpu_default(const struct host_roots *roots, const struct gpu_id *list, size_t n);

/* The others of the list, for one line: "0000:03:00.0 Radeon RX 9060 XT, …". */
void gpu_others(const struct gpu_id *list, size_t n, const struct gpu_id *but, char *out, size_t size);

struct gpu *gpu_open(const struct host_roots *roots, const struct gpu_id *id);
const struct gpu_id *gpu_identity(const struct gpu *g);
void gpu_memory(struct gpu *g, struct gpu_reading *out);
void gpu_sensors(struct gpu *g, int64_t now, struct gpu_reading *out);
void gpu_close(struct gpu *g); /* NULL: nothing */

/* The simulated machine's GPU: what it reads is what was said last, by any thread. */
struct gpu *gpu_open_sim(void);
void gpu_sim_say(struct gpu *g, const double memory[GPU_MEMORY_VALUES_]);

#endif
