/* host: this machine's memory and load, from /proc.  Unknown is NAN. */
#ifndef TG_HOST_H
#define TG_HOST_H

#include "host/sysfs.h"
#include "util.h"

#include <stdbool.h>
#include <stddef.h>

struct host_memory { /* bytes */
    double total, available, used; /* used = total − available, as the user's report counts it */
    double free, cache;            /* cache: what the kernel would give back, available − free */
    double processes;              /* what processes and the kernel itself are known to hold */
    double swap_total, swap_free;
};

/* Where memory is.  The parts add up to the total. */
struct host_stack {
    double gtt;         /* graphics memory in RAM */
    double other;       /* used by processes and the kernel */
    double unaccounted; /* used, but by nobody known: above all pages that the graphics driver keeps in its pool */
    double cache, free;
};

/* Shares of the last ten seconds in which some, or all, tasks waited for memory (PSI), %. */
struct host_pressure {
    double some, full;
};

struct host_cpu { /* counters since the start of the machine, in ticks */
    double busy, all;
};

/* Pure: reads the text of /proc/meminfo.  What is missing or not a number is NAN. */
void host_parse_meminfo(const char *text, struct host_memory *m);
/* proc: usually "/proc"; kept: its file, or NULL.  False with the reason in e where the file cannot be read; *m is all NAN then. */
bool host_read_memory(const char *proc, struct sysfs_file *kept, struct host_memory *m, struct err *e);

/* Bytes that swap in memory takes, of all devices (mm_stat's mem_used_total: admin-guide/blockdev/zram.rst), which /proc/meminfo
 * does not tell; 0: there is none.  sys: usually "/sys". */
double host_zram(const char *sys);

/* Pure.  gtt: bytes in use, NAN or 0 where there is no such pool in this memory; more than is used at all: it was looked at later. */
void host_stack(const struct host_memory *m, double gtt, struct host_stack *out);

/* NAN where it cannot be read; kept as above. */
void host_read_pressure(const char *proc, struct sysfs_file *kept, struct host_pressure *p);
void host_read_cpu(const char *proc, struct sysfs_file *kept, struct host_cpu *c);
/* Share of all cores that was busy between two readings, 0…1; NAN where nothing can be said. */
double host_cpu_share(const struct host_cpu *before, const struct host_cpu *now);

/* Is what /proc/meminfo tells the view of a container, and not the machine's?  In few words ("lxcfs"), else empty:
 * A container without such a view sees the machine's memory. */
void host_container(const char *proc, char *out, size_t size);

#endif
