#include "host/procs.h"
#include "host/fdinfo.h"
#include "host/procfs.h"
#include "util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define INDEX_EVERY 4
#define CLIENTS_MAX 65536
#define BYTES_MAX (UINT64_C(1) << 60)
#define TEXT_SIZE 8192 /* of one fdinfo; the kernel writes 2 KiB at the most */

struct client {
    char pdev[32];
    uint64_t id;
    bool is_pasid;
    size_t rank; /* place in server_pids; behind all of them: not the server's */
    int pid;
    double vram, gtt;
};

struct list {
    int *v;
    size_t n, cap;
};

struct procs {
    char *proc, *sys;
    unsigned scans;
    size_t hidden;
    struct list known; /* held DRM or KFD files the last time; ascending */
};

/* One scan. */
struct scan {
    const struct procs *p;
    const char *pci;
    const int *server_pids;
    size_t server_n;
    struct list kfd; /* processes of KFD, ascending */
    char kfd_file[32]; /* the one that is about this GPU; empty: all */
    struct client *clients;
    size_t clients_n, clients_cap;
    struct proc_gpu *rows; /* by pid, ascending */
    size_t rows_n, rows_cap;
    bool *owns; /* beside rows: a client is counted for it */
    size_t hidden;
};

struct procs *procs_new(const char *proc, const char *sys)
{
    struct procs *p = xcalloc(1, sizeof *p);
    p->proc = xstrdup(proc);
    p->sys = xstrdup(sys);
    return p;
}

void procs_free(struct procs *p)
{
    if (p == NULL)
        return;
    free(p->proc);
    free(p->sys);
    free(p->known.v);
    free(p);
}

static int compare_int(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

static void list_add(struct list *l, const int *pids, size_t n)
{
    if (l->n + n > l->cap) {
        l->cap = 2 * (l->n + n);
        l->v = xrealloc(l->v, l->cap * sizeof *l->v);
    }
    for (size_t i = 0; i < n; i++)
        l->v[l->n++] = pids[i];
}

static void list_sort(struct list *l)
{
    size_t n = 0;
    if (l->n > 1)
        qsort(l->v, l->n, sizeof *l->v, compare_int);
    for (size_t i = 0; i < l->n; i++)
        if (n == 0 || l->v[n - 1] != l->v[i])
            l->v[n++] = l->v[i];
    l->n = n;
}

static bool list_has(const struct list *l, int pid)
{
    return l->n > 0 && bsearch(&pid, l->v, l->n, sizeof *l->v, compare_int) != NULL;
}

/* ---- KFD ---- */

static bool number_in(const char *path, const char *key, uint64_t *out)
{
    char text[4096];
    if (procfs_read(AT_FDCWD, path, text, sizeof text) <= 0)
        return false;
    const char *at = text;
    size_t k = strlen(key);
    while (k > 0 && at != NULL && (strncmp(at, key, k) != 0 || at[k] != ' ')) {
        at = strchr(at, '\n');
        at = at != NULL ? at + 1 : NULL;
    }
    if (at == NULL)
        return false;
    at += k + (k > 0);
    return procfs_take_number(&at, out) && (*at == '\n' || *at == '\0');
}

/* "0000:c5:00.0" as KFD counts it; false where it is none. */
static bool place_of(const char *pci, uint64_t *domain, uint64_t *location)
{
    static const char after[] = {':', ':', '.', '\0'};
    unsigned long v[4];
    for (size_t i = 0; i < 4; i++) {
        char *end;
        v[i] = strtoul(pci, &end, 16);
        if (end == pci || *end != after[i])
            return false;
        pci = end + 1;
    }
    *domain = v[0];
    *location = v[1] << 8 | v[2] << 3 | v[3];
    return true;
}

/* KFD names a GPU by a number of its own; its topology says where that one sits.  Leaves kfd_file empty where there is
 * no such node. */
static void find_kfd_gpu(struct scan *s)
{
    uint64_t domain, location, v;
    s->kfd_file[0] = '\0';
    if (s->pci == NULL || !place_of(s->pci, &domain, &location))
        return;
    char nodes[512], path[800];
    snprintf(nodes, sizeof nodes, "%s/class/kfd/kfd/topology/nodes", s->p->sys);
    DIR *d = opendir(nodes);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        snprintf(path, sizeof path, "%s/%s/properties", nodes, e->d_name);
        if (e->d_name[0] == '.' || !number_in(path, "location_id", &v) || v != location || (number_in(path, "domain", &v) && v != domain))
            continue;
        snprintf(path, sizeof path, "%s/%s/gpu_id", nodes, e->d_name);
        if (number_in(path, "", &v) && v != 0) /* 0: the CPUs */
            snprintf(s->kfd_file, sizeof s->kfd_file, "vram_%llu", (unsigned long long)v);
    }
    if (d != NULL)
        closedir(d);
}

static double kfd_bytes(const struct scan *s, int pid)
{
    char folder[512], path[800];
    double sum = (double)NAN;
    uint64_t v;
    snprintf(folder, sizeof folder, "%s/class/kfd/kfd/proc/%d", s->p->sys, pid);
    DIR *d = opendir(folder);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        bool wanted = s->kfd_file[0] != '\0' ? strcmp(e->d_name, s->kfd_file) == 0 : str_starts(e->d_name, "vram_");
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (wanted && number_in(path, "", &v) && v < BYTES_MAX)
            sum = (isnan(sum) ? 0 : sum) + (double)v;
    }
    if (d != NULL)
        closedir(d);
    return sum;
}

/* ---- one process ---- */

struct look {
    struct scan *scan;
    int process; /* its folder */
    int pid;
    bool drm, kfd;
};

static size_t rank_of(const struct scan *s, int pid)
{
    for (size_t i = 0; i < s->server_n; i++)
        if (s->server_pids[i] == pid)
            return i;
    return s->server_n;
}

static void add_client(struct scan *s, int pid, const struct fdinfo *f)
{
    if (s->clients_n == CLIENTS_MAX || (s->pci != NULL && strcasecmp(s->pci, f->pdev) != 0))
        return;
    if (s->clients_n == s->clients_cap) {
        s->clients_cap = s->clients_cap > 0 ? 2 * s->clients_cap : 64;
        s->clients = xrealloc(s->clients, s->clients_cap * sizeof *s->clients);
    }
    struct client *c = &s->clients[s->clients_n++];
    *c = (struct client){.id = f->client, .is_pasid = f->client_is_pasid, .rank = rank_of(s, pid), .pid = pid,
                         .vram = f->vram, .gtt = f->gtt};
    str_copy(c->pdev, sizeof c->pdev, f->pdev);
}

static bool see_fd(void *ctx, const char *number, const char *target)
{
    struct look *l = ctx;
    l->kfd |= strcmp(target, "/dev/kfd") == 0;
    if (!str_starts(target, "/dev/dri/"))
        return true;
    char path[300], text[TEXT_SIZE];
    struct fdinfo f;
    l->drm = true;
    snprintf(path, sizeof path, "fdinfo/%s", number);
    if (procfs_read(l->process, path, text, sizeof text) > 0 && fdinfo_parse(text, &f))
        add_client(l->scan, l->pid, &f);
    return true;
}

/* Resident memory; 0 where there is none at all (the kernel's own threads, the dead), NAN where it cannot be read. */
static double resident(int process)
{
    char text[128];
    const char *p = text;
    uint64_t size, pages;
    if (procfs_read(process, "statm", text, sizeof text) <= 0 || !procfs_take_number(&p, &size) || *p++ != ' ' ||
        !procfs_take_number(&p, &pages) || pages > BYTES_MAX >> 12)
        return (double)NAN;
    return size > 0 ? (double)pages * (double)sysconf(_SC_PAGESIZE) : 0;
}

static void add_row(const struct look *l, double rss, double kfd)
{
    struct scan *s = l->scan;
    if (s->rows_n == s->rows_cap) {
        s->rows_cap = s->rows_cap > 0 ? 2 * s->rows_cap : 32;
        s->rows = xrealloc(s->rows, s->rows_cap * sizeof *s->rows);
    }
    struct proc_gpu *r = &s->rows[s->rows_n++];
    *r = (struct proc_gpu){.pid = l->pid, .vram = (double)NAN, .gtt = (double)NAN, .rss = rss, .kfd = kfd,
                           .rocm = l->kfd || !isnan(kfd), .server = rank_of(s, l->pid) < s->server_n};
    char name[64];
    ssize_t n = procfs_read(l->process, "comm", name, sizeof name);
    while (n > 0 && name[n - 1] == '\n')
        n--;
    str_sanitise(r->name, sizeof r->name, name, n > 0 ? (size_t)n : 0);
}

static void see_process(struct scan *s, int pid)
{
    struct look l = {.scan = s, .process = procfs_open(s->p->proc, pid), .pid = pid};
    if (l.process < 0)
        return;
    int why = procfs_each_fd(l.process, see_fd, &l);
    bool closed = why == EACCES || why == EPERM;
    double rss = resident(l.process);
    s->hidden += closed && !(rss <= 0 && !isnan(rss));
    /* KFD's list counts pids as the host does: in a container they may be other processes', which do not hold its file. */
    bool rocm = (l.kfd || closed) && list_has(&s->kfd, pid);
    double kfd = rocm ? kfd_bytes(s, pid) : (double)NAN;
    if (l.drm || l.kfd || !isnan(kfd))
        add_row(&l, rss, kfd);
    close(l.process);
}

/* ---- all of them ---- */

/* Files of one client stand together, and the process that it is counted for before the others. */
static int compare_clients(const void *a, const void *b)
{
    const struct client *x = a, *y = b;
    int pdev = strcmp(x->pdev, y->pdev);
    if (pdev != 0)
        return pdev;
    if (x->is_pasid != y->is_pasid)
        return x->is_pasid ? 1 : -1;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return (x->pid > y->pid) - (x->pid < y->pid);
}

static bool same_client(const struct client *x, const struct client *y)
{
    return x->id == y->id && x->is_pasid == y->is_pasid && strcmp(x->pdev, y->pdev) == 0;
}

static void add_known(double *sum, double v)
{
    if (!isnan(v))
        *sum = (isnan(*sum) ? 0 : *sum) + v;
}

static int compare_row_pid(const void *key, const void *row)
{
    int pid = *(const int *)key, other = ((const struct proc_gpu *)row)->pid;
    return (pid > other) - (pid < other);
}

static void count_clients(struct scan *s, struct procs_total *total)
{
    s->owns = xcalloc(s->rows_n, sizeof *s->owns);
    if (s->clients_n == 0)
        return;
    qsort(s->clients, s->clients_n, sizeof *s->clients, compare_clients);
    total->vram = total->gtt = (double)NAN;
    for (size_t i = 0; i < s->clients_n; i++) {
        const struct client *c = &s->clients[i];
        if (i > 0 && same_client(c, c - 1))
            continue;
        struct proc_gpu *r = bsearch(&c->pid, s->rows, s->rows_n, sizeof *r, compare_row_pid);
        if (r == NULL)
            continue;
        s->owns[r - s->rows] = true;
        add_known(&r->vram, c->vram);
        add_known(&r->gtt, c->gtt);
        add_known(&total->vram, c->vram);
        add_known(&total->gtt, c->gtt);
    }
}

/* By what is known of its memory; what only KFD tells of stands in for it. */
static double size_of(const struct proc_gpu *r)
{
    double size = (double)NAN;
    add_known(&size, r->vram);
    add_known(&size, r->gtt);
    if (isnan(size))
        size = r->kfd;
    return isnan(size) ? 0 : size;
}

static int compare_rows(const void *a, const void *b)
{
    const struct proc_gpu *x = a, *y = b;
    double dx = size_of(x), dy = size_of(y);
    if (dx < dy || dx > dy)
        return dx > dy ? -1 : 1;
    if (x->server != y->server)
        return x->server ? -1 : 1;
    return (x->pid > y->pid) - (x->pid < y->pid);
}

/* Those that hold no memory of this GPU go: they only have its files from a parent, or use another one. */
static void keep_users(struct scan *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->rows_n; i++)
        if (s->owns[i] || s->rows[i].kfd > 0)
            s->rows[n++] = s->rows[i];
    s->rows_n = n;
    if (n > 1)
        qsort(s->rows, n, sizeof *s->rows, compare_rows);
}

static void see_all(struct scan *s, struct procs *p)
{
    char folder[512];
    bool index = p->scans++ % INDEX_EVERY == 0;
    struct list pids = {0};
    snprintf(folder, sizeof folder, "%s/class/kfd/kfd/proc", p->sys);
    s->kfd.n = s->kfd.cap = procfs_pids(folder, &s->kfd.v);
    find_kfd_gpu(s);
    if (index) {
        pids.n = pids.cap = procfs_pids(p->proc, &pids.v);
    } else {
        list_add(&pids, p->known.v, p->known.n);
        list_add(&pids, s->server_pids, s->server_n);
        list_add(&pids, s->kfd.v, s->kfd.n);
        list_sort(&pids);
    }
    for (size_t i = 0; i < pids.n; i++)
        see_process(s, pids.v[i]);
    if (index)
        p->hidden = s->hidden;
    p->known.n = 0;
    for (size_t i = 0; i < s->rows_n; i++)
        list_add(&p->known, &s->rows[i].pid, 1);
    free(pids.v);
}

void procs_scan(struct procs *p, const char *pci, const int *server_pids, size_t n, struct proc_gpu *out, size_t max,
                size_t *n_out, struct procs_total *total)
{
    struct scan s = {.p = p, .pci = pci, .server_pids = server_pids, .server_n = n};
    *total = (struct procs_total){0};
    see_all(&s, p);
    count_clients(&s, total);
    keep_users(&s);
    total->count = s.rows_n;
    total->hidden = p->hidden;
    *n_out = MIN_OF(max, s.rows_n);
    for (size_t i = 0; i < *n_out; i++)
        out[i] = s.rows[i];
    free(s.kfd.v);
    free(s.clients);
    free(s.rows);
    free(s.owns);
}
