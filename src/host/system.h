/* system: facts about this machine that a report needs to be repeatable: from /proc, /sys, /etc/os-release and uname.
 * None of the files that are read wakes a sleeping GPU. */
#ifndef TG_SYSTEM_H
#define TG_SYSTEM_H

#include <stddef.h>

struct system_facts { /* empty, NAN: unknown */
    char cpu[96];     /* "AMD RYZEN AI MAX+ 395 w/ Radeon 8060S" */
    int cores;        /* logical, 0 unknown */
    double ram;       /* bytes, NAN unknown */
    char kernel[96];  /* "Linux 6.12.10-200.fc41.x86_64" */
    char os[96];      /* "Fedora Linux 41" */
    char gpu[96];     /* "amdgpu 1002:1586 at 0000:c4:00.0": the one with the most memory of its own and of the system's */
    double gtt, vram; /* bytes that it may use, by its driver */
    double ttm;       /* bytes that graphics memory in RAM is limited to, of all GPUs (ttm.pages_limit) */
    char boot[256];   /* boot parameters that matter for GPU memory: amdgpu.*, ttm.*, amdttm.*, iommu, … */
};

/* root: usually "" (then /proc and /etc); a tree of files in tests. */
void system_read(const char *root, struct system_facts *s);
/* Pure: the parameters of a kernel command line that matter, parted by spaces. */
void system_boot_parameters(const char *cmdline, char *out, size_t size);

#endif
