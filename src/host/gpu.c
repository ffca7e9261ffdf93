#include "host/gpu.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MODEL_LEAST 1e9 /* bytes: less is no model, but a desktop */

static const struct gpu_backend *const backends[] = {&gpu_backend_amdgpu, &gpu_backend_sim};

struct gpu {
    const struct gpu_backend *backend;
    struct gpu_id id;
    void *dev;
};

void gauge_set(struct gauge *g, double v, const char *from, const char *why)
{
    *g = (struct gauge){.value = v};
    str_copy(g->from, sizeof g->from, isfinite(v) ? from : "");
    str_copy(g->why, sizeof g->why, isfinite(v) || why == NULL ? "" : why);
}

void gauge_set_load(struct gauge *g, double v, const char *from, const char *why)
{
    bool none = v > 100;
    gauge_set(g, none ? (double)NAN : v, from, none ? "more than 100 %" : why);
}

void gpu_reading_clear(struct gpu_reading *r)
{
    *r = (struct gpu_reading){.limited_most = (double)NAN};
    for (int i = 0; i < GPU_VALUES; i++)
        r->v[i].value = (double)NAN;
    for (int i = 0; i < GPU_LIMITS; i++)
        r->limited[i] = (double)NAN;
}

size_t gpu_list(const struct host_roots *roots, struct gpu_id *out, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(backends); i++)
        n += backends[i]->list(roots, out + n, max - n);
    return n;
}

const struct gpu_id *gpu_find(const struct gpu_id *list, size_t n, const char *wanted, struct err *e)
{
    char *end;
    unsigned long number = strtoul(wanted, &end, 10);
    if (end != wanted && *end == '\0' && number < n)
        return &list[number];
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(list[i].pci, wanted) == 0 || (strlen(list[i].pci) > 5 && strcasecmp(list[i].pci + 5, wanted) == 0))
            return &list[i];
    char there[384] = "this machine has none that can be read";
    for (size_t i = 0, used = 0; i < n && used < sizeof there; i++)
        used += (size_t)snprintf(there + used, sizeof there - used, "%s%zu %s %s", i > 0 ? ", " : "there is ", i, list[i].pci,
                                 list[i].name);
    err_set(e, "there is no GPU '%s': %s", wanted, there);
    return NULL;
}

static double or_zero(double v)
{
    return isfinite(v) ? v : 0;
}

static double memory_of(const struct host_roots *roots, const struct gpu_id *id, const char *which)
{
    char path[96];
    snprintf(path, sizeof path, "bus/pci/devices/%s/mem_info_vram_%s", id->pci, which);
    double size = or_zero(sysfs_number(roots->sys, path, NULL));
    snprintf(path, sizeof path, "bus/pci/devices/%s/mem_info_gtt_%s", id->pci, which);
    /* A discrete GPU reaches system memory too, but no model should live there. */
    return id->apu ? size + or_zero(sysfs_number(roots->sys, path, NULL)) : size;
}

const struct gpu_id *gpu_default(const struct host_roots *roots, const struct gpu_id *list, size_t n)
{
    const struct gpu_id *best = NULL;
    double most = -1;
    for (size_t i = 0; i < n; i++) {
        double used = memory_of(roots, &list[i], "used");
        double rank = used >= MODEL_LEAST ? 1e18 + used : memory_of(roots, &list[i], "total");
        if (rank > most) {
            most = rank;
            best = &list[i];
        }
    }
    return best;
}

void gpu_others(const struct gpu_id *list, size_t n, const struct gpu_id *but, char *out, size_t size)
{
    out[0] = '\0';
    for (size_t i = 0, used = 0; i < n && used < size; i++)
        if (&list[i] != but)
            used += (size_t)snprintf(out + used, size - used, "%s%s %s", used > 0 ? ", " : "", list[i].pci,
                                     list[i].name[0] != '\0' ? list[i].name : "AMD GPU");
}

static struct gpu *open_by(const struct gpu_backend *b, const struct host_roots *roots, const struct gpu_id *id)
{
    struct gpu *g = xcalloc(1, sizeof *g);
    g->backend = b;
    g->id = *id;
    g->dev = b->open(roots, &g->id);
    return g;
}

struct gpu *gpu_open(const struct host_roots *roots, const struct gpu_id *id)
{
    return open_by(&gpu_backend_amdgpu, roots, id);
}

const struct gpu_id *gpu_identity(const struct gpu *g)
{
    return &g->id;
}

void gpu_memory(struct gpu *g, struct gpu_reading *out)
{
    g->backend->memory(g->dev, out);
}

void gpu_sensors(struct gpu *g, int64_t now, struct gpu_reading *out)
{
    g->backend->sensors(g->dev, now, out);
}

void gpu_close(struct gpu *g)
{
    if (g == NULL)
        return;
    g->backend->close(g->dev);
    free(g);
}

/* ---- simulated ---- */

struct sim_device {
    pthread_mutex_t lock;
    double memory[GPU_MEMORY_VALUES_]; /* under lock */
};

/* It is there only when a simulated server was found; then it is opened by gpu_open_sim. */
static size_t sim_list(const struct host_roots *roots, struct gpu_id *out, size_t max)
{
    (void)roots, (void)out, (void)max;
    return 0;
}

static void *sim_open(const struct host_roots *roots, struct gpu_id *id)
{
    (void)roots, (void)id;
    struct sim_device *d = xcalloc(1, sizeof *d);
    pthread_mutex_init(&d->lock, NULL);
    for (int i = 0; i < GPU_MEMORY_VALUES_; i++)
        d->memory[i] = (double)NAN;
    return d;
}

static void sim_memory(void *dev, struct gpu_reading *out)
{
    struct sim_device *d = dev;
    pthread_mutex_lock(&d->lock);
    for (int i = 0; i < GPU_MEMORY_VALUES_; i++) {
        gauge_set(&out->v[i], d->memory[i], "sim", NULL);
        out->v[i].simulated = isfinite(d->memory[i]);
    }
    pthread_mutex_unlock(&d->lock);
    out->state = GPU_AWAKE;
}

static void sim_sensors(void *dev, int64_t now, struct gpu_reading *out)
{
    (void)dev, (void)now;
    for (int i = GPU_MEMORY_VALUES_; i < GPU_VALUES; i++)
        gauge_set(&out->v[i], (double)NAN, "", "the simulation has none");
}

static void sim_close(void *dev)
{
    struct sim_device *d = dev;
    pthread_mutex_destroy(&d->lock);
    free(d);
}

const struct gpu_backend gpu_backend_sim = {"sim", sim_list, sim_open, sim_memory, sim_sensors, sim_close};

struct gpu *gpu_open_sim(void)
{
    struct gpu_id id = {.name = "simulated", .apu = true};
    return open_by(&gpu_backend_sim, NULL, &id);
}

void gpu_sim_say(struct gpu *g, const double memory[GPU_MEMORY_VALUES_])
{
    struct sim_device *d = g->dev;
    pthread_mutex_lock(&d->lock);
    memcpy(d->memory, memory, sizeof d->memory);
    pthread_mutex_unlock(&d->lock);
}
