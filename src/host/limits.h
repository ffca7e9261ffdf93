/* limits: how much memory models can really have on this machine, and what contradicts it.  Pure. */
#ifndef TG_LIMITS_H
#define TG_LIMITS_H

#include <stdbool.h>
#include <stddef.h>

struct limits_facts { /* bytes; NAN unknown */
    bool apu;
    double gtt_total, gtt_used, vram_total;
    double ram_total, ram_available; /* of the machine; NAN where only a container's view is known */
    double ttm;         /* ttm.pages_limit in bytes */
    const char *boot;   /* the kernel's command line, or the part of it that matters */
};

#define LIMITS_WARNINGS 4
struct limits {
    bool primary_gtt;  /* models live in GTT (an APU with less VRAM than GTT), else in VRAM */
    double ceiling;    /* of GTT: what can really be used of it */
    const char *ceiling_from; /* "GTT size", "ttm.pages_limit", "RAM" */
    size_t warnings_n;
    char warnings[LIMITS_WARNINGS][200];
};

/* The kernel gives "VRAM" of ROCm out of GTT where an APU's VRAM is the smaller (amdgpu_ttm.c, apu_prefer_gtt). */
void limits_find(const struct limits_facts *f, struct limits *out);

#endif
