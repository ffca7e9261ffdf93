/* sampler: looks at this machine: its memory ten times a second, sensors once a second, processes every three.  Each has a
 * thread of its own, so that a slow read delays neither the others, nor the screen, nor the load. */
#ifndef TG_SAMPLER_H
#define TG_SAMPLER_H

#include "host/gpu.h"
#include "host/host.h"
#include "host/limits.h"
#include "host/procs.h"
#include "host/server_proc.h"

#include <stdint.h>

#define SAMPLE_PROCS 16

struct sampler_config {
    struct host_roots roots;
    const char *gpu;    /* the device that is wanted; NULL: the server's, or else where a model is, or else the largest */
    int64_t memory_ns;  /* between two looks at memory */
    /* Called after each of them, on a thread of the sampler and until sampler_stop; it must call nothing of the sampler.  NULL:
     * nobody. */
    void (*looked)(void *ctx);
    void *ctx;
};

struct host_sample {
    int64_t ram_at, gpu_at, sensors_at, procs_at; /* monotonic ns; 0: none yet */
    uint64_t seq;                     /* changes with every sample of RAM or of the GPU's memory */
    struct host_memory memory;
    bool memory_simulated;
    char why[WHY_SIZE];               /* empty, or why memory is unknown */
    struct host_pressure pressure;
    double cpu;                       /* share of all cores, 0…1; NAN unknown */
    char container[16];
    bool has_gpu;
    struct gpu_id gpu;
    size_t gpus;                      /* that this machine has */
    char others[160];                 /* those of them that are not watched */
    struct gpu_reading reading;
    struct limits limits;
    size_t procs_n;
    struct proc_gpu procs[SAMPLE_PROCS];
    struct procs_total procs_total;
    double procs_gtt, procs_vram;     /* in use on the device when the processes were looked at; NAN unknown */
    struct server_proc server;        /* pid 0: not known */
};

struct sampler;
/* The first sample of memory and sensors is there when it returns.  NULL with a line in e where the wanted device is not
 * there.  Opens the GPU: call it before anything is drawn. */
struct sampler *sampler_start(const struct sampler_config *c, struct err *e);
/* Reads RAM itself where the thread that should is late. */
void sampler_get(struct sampler *s, struct host_sample *out);
/* The server is on this machine and listens there: its process is looked for, and its GPU is watched, from now on; what was
 * found at once is in *out.  Where another look does not come to an end, it is left to a later one. */
void sampler_server(struct sampler *s, int port, struct server_proc *out);
/* The server is simulated: this is the memory of its machine, from now on.  Bytes; NAN unknown. */
void sampler_simulate(struct sampler *s, const double gpu[GPU_MEMORY_VALUES_], double ram_total, double ram_used);
/* Bytes of the TTM limit and so on, for the header of a run file. */
const struct host_roots *sampler_roots(const struct sampler *s);
/* A read that hangs (a driver that is being reset) is left behind with its thread after a second. */
void sampler_stop(struct sampler *s);

#endif
