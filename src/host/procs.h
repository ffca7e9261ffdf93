/* procs: which processes use the GPU, and how much of its memory.  From /proc/PID/fdinfo of their DRM files and from
 * what KFD (ROCm) tells of its processes.  One thread at a time; a scan reads thousands of small files at the most. */
#ifndef TG_PROCS_H
#define TG_PROCS_H

#include <stdbool.h>
#include <stddef.h>

struct proc_gpu {
    int pid;
    char name[64];         /* sanitised */
    double vram, gtt, rss; /* bytes; NAN: unknown */
    double kfd;            /* bytes that ROCm asked for as VRAM, wherever they lie; not to be added to gtt */
    bool rocm;             /* holds /dev/kfd */
    bool server;           /* one of server_pids */
};

struct procs_total {
    double vram, gtt; /* sums of all that is visible, each client once; NAN where clients are seen but nothing is told */
    size_t count;     /* processes, also those that did not fit */
    size_t hidden;    /* processes whose files may not be read, as of the last look at all of them */
};

struct procs;

/* proc: usually "/proc", sys: usually "/sys". */
struct procs *procs_new(const char *proc, const char *sys);
void procs_free(struct procs *p);

/* pci: only this GPU ("0000:c5:00.0"); NULL: all.  server_pids: the server's own first, then its descendants.  Fills
 * at most max rows of out, the largest first, and the total.  All processes are looked at in every fourth call only;
 * in between those of the server and those that held DRM or KFD files the last time.  A client that several processes
 * share is counted once: for the first of them in server_pids, else for the one with the lowest pid. */
void procs_scan(struct procs *p, const char *pci, const int *server_pids, size_t n, struct proc_gpu *out, size_t max,
                size_t *n_out, struct procs_total *total);

#endif
