/* fdinfo: what the kernel tells of one open DRM file (/proc/PID/fdinfo/N) of the amdgpu driver.  Pure.
 * Formats: the kernel's Documentation/gpu/drm-usage-stats.rst, since 5.19; before that amdgpu had lines of its own. */
#ifndef TG_FDINFO_H
#define TG_FDINFO_H

#include <stdbool.h>
#include <stdint.h>

struct fdinfo {
    char driver[16];     /* "amdgpu" */
    char pdev[32];       /* "0000:c5:00.0", small letters; empty: not told */
    uint64_t client;     /* files of one client (dup, fork) share it */
    bool client_is_pasid; /* before 5.19 there is only the address space: numbers of another kind */
    double vram, gtt, cpu; /* bytes held in each; NAN: not told */
    double evicted;      /* bytes that belong into VRAM and were pushed out; NAN: not told */
};

/* False where the text is not that of a client of amdgpu, or does not say which client; *out is all unknown then.
 * The text comes from outside: what is not a plain number in a known unit, on a line that ends, is NAN. */
bool fdinfo_parse(const char *text, struct fdinfo *out);

#endif
