/* system: facts about this machine that a report needs to be repeatable: from /proc, /sys, /etc/os-release and uname.
 * None of the files that are read wakes a sleeping GPU. */
#ifndef TG_SYSTEM_H
#define TG_SYSTEM_H

#include "host/gpu.h"

#include <stddef.h>

struct system_facts { /* empty, NAN: unknown */
    char cpu[96];     /* "AMD RYZEN AI MAX+ 395 w/ Radeon 8060S" */
    int cores;        /* logical, 0 unknown */
    double ram;       /* bytes, NAN unknown */
    char kernel[96];  /* "Linux 6.12.10-200.fc41.x86_64" */
    char os[96];      /* "Fedora Linux 41" */
    char gpu[96];     /* "Radeon 8060S (gfx1151), 1002:1586 at 0000:c4:00.0" */
    double gtt, vram; /* bytes that it may use, by its driver */
    double ttm;       /* bytes that graphics memory in RAM is limited to, of all GPUs (ttm.pages_limit) */
    char boot[256];   /* boot parameters that matter for GPU memory: amdgpu.*, ttm.*, amdttm.*, iommu, … */
};

/* gpu: the one that is watched, NULL: none. */
void system_read(const struct host_roots *roots, const struct gpu_id *gpu, struct system_facts *s);
/* Bytes that all graphics memory in RAM is limited to (ttm.pages_limit); NAN unknown. */
double system_ttm_limit(const char *sys);
/* The parameters of this machine's kernel that matter. */
void system_boot(const char *proc, char *out, size_t size);
/* Pure: the parameters of a kernel command line that matter, parted by spaces. */
void system_boot_parameters(const char *cmdline, char *out, size_t size);

#endif
