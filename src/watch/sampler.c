#include "watch/sampler.h"
#include "clock.h"
#include "host/system.h"
#include "watch/ticker.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENSORS_NS NS_PER_SEC
#define PROCS_NS (3 * NS_PER_SEC)
#define PATIENCE_NS NS_PER_SEC /* with a read that hangs */
#define FIND_AGAIN 10 /* scans: a server that was started again has another process */

struct sampler {
    struct host_roots roots;
    struct ticker *tickers[3]; /* each may hang without holding up another */
    int64_t memory_ns;
    struct sysfs_file meminfo; /* only the thread of memory */
    bool chosen; /* by the user */

    /* Devices are never closed before the end: another thread may be reading one. */
    _Atomic(struct gpu *) gpu;
    struct gpu *opened[3];
    size_t opened_n;          /* only the thread that opens: main before the threads, then that of the processes */
    struct gpu *sim;

    pthread_mutex_t lock;
    struct host_sample last;  /* under lock, as the next four */
    bool simulated;
    double sim_ram_total, sim_ram_used;
    double zram;

    pthread_mutex_t telling; /* held over the call of looked: not `lock`, which whoever is told wants at once */
    void (*looked)(void *ctx);
    void *looked_ctx;

    /* The thread of the sensors. */
    struct host_cpu cpu;
    struct sysfs_file pressure, stat;
    double ttm;
    char boot[512];

    pthread_mutex_t reading; /* held while a GPU's memory is read */
    pthread_mutex_t looking; /* at processes: held over a whole look, the next three under it */
    struct procs *procs;
    struct server_proc server;
    int scans;
    atomic_int port; /* 0: no server on this machine */
};

static bool lock_within(pthread_mutex_t *m, int64_t ns)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    int64_t at = until.tv_sec * NS_PER_SEC + until.tv_nsec + ns;
    until = (struct timespec){at / NS_PER_SEC, at % NS_PER_SEC};
    return pthread_mutex_timedlock(m, &until) == 0;
}

/* ---- memory ---- */

/* A container that is shown its own share of RAM sees the machine's devices all the same. */
static double held_by_zram(const struct sampler *s)
{
    return s->last.container[0] == '\0' ? host_zram(s->roots.sys) : 0;
}

static void read_ram(struct sampler *s, struct sysfs_file *kept, struct host_memory *m, char why[WHY_SIZE], bool *simulated)
{
    struct err e = {""};
    host_read_memory(s->roots.proc, kept, m, &e);
    pthread_mutex_lock(&s->lock);
    *simulated = s->simulated;
    m->processes += s->zram;
    if (*simulated) {
        host_parse_meminfo("", m);
        m->total = s->sim_ram_total;
        m->used = s->sim_ram_used;
        m->available = m->free = m->total - m->used;
        m->cache = 0;
        m->processes = m->used;
    }
    pthread_mutex_unlock(&s->lock);
    str_copy(why, WHY_SIZE, *simulated ? "" : e.msg);
}

/* kept is the own of the thread of memory; another one that has to step in has none. */
static void sample_ram(struct sampler *s, struct sysfs_file *kept)
{
    struct host_memory m;
    char why[WHY_SIZE];
    bool simulated;
    read_ram(s, kept, &m, why, &simulated);
    int64_t now = clock_ns();
    pthread_mutex_lock(&s->lock);
    struct host_sample *l = &s->last;
    l->memory = m;
    l->memory_simulated = simulated;
    memcpy(l->why, why, sizeof why);
    l->ram_at = now;
    l->seq++;
    pthread_mutex_unlock(&s->lock);
}

/* One at a time: a device's memory is one thread's to read.  False where the one before hangs. */
static bool read_gpu(struct sampler *s, struct gpu *g, struct gpu_reading *r)
{
    if (!lock_within(&s->reading, PATIENCE_NS))
        return false;
    gpu_memory(g, r);
    pthread_mutex_unlock(&s->reading);
    return true;
}

static void sample_gpu(struct sampler *s)
{
    struct gpu_reading r;
    struct gpu *g = atomic_load(&s->gpu);
    gpu_reading_clear(&r);
    if (g != NULL && !read_gpu(s, g, &r))
        return;
    int64_t now = clock_ns();
    pthread_mutex_lock(&s->lock);
    struct host_sample *l = &s->last;
    memcpy(l->reading.v, r.v, GPU_MEMORY_VALUES_ * sizeof r.v[0]);
    l->reading.state = r.state;
    l->has_gpu = g != NULL;
    if (g != NULL)
        l->gpu = *gpu_identity(g);
    l->gpu_at = now;
    l->seq++;
    pthread_mutex_unlock(&s->lock);
}

/* One thread for both: a second one would cost as much as the reading. */
static bool sample_memory(void *ctx, const atomic_bool *stop)
{
    (void)stop;
    struct sampler *s = ctx;
    sample_ram(s, &s->meminfo);
    sample_gpu(s);
    pthread_mutex_lock(&s->telling);
    if (s->looked != NULL)
        s->looked(s->looked_ctx);
    pthread_mutex_unlock(&s->telling);
    return true;
}

/* ---- sensors ---- */

static void find_limits(struct sampler *s, struct host_sample *l)
{
    const struct gauge *v = l->reading.v;
    struct limits_facts f = {.apu = l->gpu.apu, .gtt_total = v[GPU_GTT_TOTAL].value, .gtt_used = v[GPU_GTT_USED].value,
                             .vram_total = v[GPU_VRAM_TOTAL].value, .ram_total = l->memory.total,
                             .ram_available = l->memory.available, .ttm = s->ttm, .boot = s->boot};
    if (l->container[0] != '\0')
        f.ram_total = f.ram_available = (double)NAN;
    if (v[GPU_GTT_TOTAL].simulated) {
        f.ttm = (double)NAN;
        f.boot = "";
    }
    limits_find(&f, &l->limits);
}

static bool sample_sensors(void *ctx, const atomic_bool *stop)
{
    (void)stop;
    struct sampler *s = ctx;
    struct gpu_reading r;
    struct host_pressure p;
    struct host_cpu cpu;
    struct gpu *g = atomic_load(&s->gpu);
    gpu_reading_clear(&r);
    if (g != NULL)
        gpu_sensors(g, clock_ns(), &r);
    host_read_pressure(s->roots.proc, &s->pressure, &p);
    host_read_cpu(s->roots.proc, &s->stat, &cpu);
    pthread_mutex_lock(&s->lock);
    struct host_sample *l = &s->last;
    memcpy(&l->reading.v[GPU_MEMORY_VALUES_], &r.v[GPU_MEMORY_VALUES_], (GPU_VALUES - GPU_MEMORY_VALUES_) * sizeof r.v[0]);
    memcpy(l->reading.limited, r.limited, sizeof r.limited);
    l->reading.limited_most = r.limited_most;
    l->reading.limited_by = r.limited_by;
    l->reading.limited_now = r.limited_now;
    l->reading.limited_others = r.limited_others;
    l->reading.power_is_package = r.power_is_package;
    l->pressure = p;
    l->cpu = host_cpu_share(&s->cpu, &cpu);
    find_limits(s, l);
    l->sensors_at = clock_ns();
    pthread_mutex_unlock(&s->lock);
    s->cpu = cpu;
    return true;
}

/* ---- processes ---- */

static struct gpu *open_gpu(struct sampler *s, const struct gpu_id *id)
{
    for (size_t i = 0; i < s->opened_n; i++)
        if (strcmp(gpu_identity(s->opened[i])->pci, id->pci) == 0)
            return s->opened[i];
    if (s->opened_n == ARRAY_LEN(s->opened))
        return atomic_load(&s->gpu);
    struct gpu *g = gpu_open(&s->roots, id);
    s->opened[s->opened_n++] = g;
    return g;
}

/* With several GPUs, the one that holds the server's memory is the one to watch. */
static void follow_server(struct sampler *s)
{
    struct gpu_id list[GPUS_MAX];
    size_t n = s->chosen || s->server.pid == 0 ? 0 : gpu_list(&s->roots, list, GPUS_MAX);
    const struct gpu_id *best = NULL;
    double most = 0;
    for (size_t i = 0; i < n && n > 1; i++) {
        struct proc_gpu found[SAMPLE_PROCS];
        struct procs_total total;
        size_t found_n = 0;
        procs_scan(s->procs, list[i].pci, s->server.pids, s->server.pids_n, found, SAMPLE_PROCS, &found_n, &total);
        double held = 0;
        for (size_t k = 0; k < found_n; k++)
            if (found[k].server)
                held += (isfinite(found[k].gtt) ? found[k].gtt : 0) + (isfinite(found[k].vram) ? found[k].vram : 0);
        if (held > most) {
            most = held;
            best = &list[i];
        }
    }
    struct gpu *g = best != NULL ? open_gpu(s, best) : NULL;
    if (g == NULL || g == atomic_load(&s->gpu))
        return;
    atomic_store(&s->gpu, g);
    pthread_mutex_lock(&s->lock);
    gpu_reading_clear(&s->last.reading); /* nothing of the other one under its name */
    s->last.gpus = n;
    gpu_others(list, n, best, s->last.others, sizeof s->last.others);
    pthread_mutex_unlock(&s->lock);
}

static bool is_there(const struct sampler *s, int pid)
{
    char path[64], stat[8];
    snprintf(path, sizeof path, "%d/stat", pid);
    return sysfs_text(s->roots.proc, path, stat, sizeof stat, NULL);
}

static void look_for_server(struct sampler *s)
{
    server_proc_find(s->roots.proc, atomic_load(&s->port), &s->server);
    follow_server(s);
}

static bool sample_procs(void *ctx, const atomic_bool *stop)
{
    (void)stop;
    struct sampler *s = ctx;
    pthread_mutex_lock(&s->looking);
    int port = atomic_load(&s->port);
    if (port > 0 && (s->scans % FIND_AGAIN == 0 || s->server.pid == 0 || !is_there(s, s->server.pid)))
        look_for_server(s);
    s->scans++;
    struct gpu *g = atomic_load(&s->gpu);
    bool real = g != NULL && g != s->sim;
    struct proc_gpu found[SAMPLE_PROCS] = {{0}};
    struct procs_total total = {0};
    double zram = held_by_zram(s);
    struct gpu_reading r; /* of the same moment: what nobody is seen to have is the difference */
    size_t n = 0;
    gpu_reading_clear(&r);
    if (real) {
        procs_scan(s->procs, gpu_identity(g)->pci, s->server.pids, s->server.pids_n, found, SAMPLE_PROCS, &n, &total);
        read_gpu(s, g, &r);
    }
    pthread_mutex_lock(&s->lock);
    s->zram = zram;
    memcpy(s->last.procs, found, n * sizeof found[0]);
    s->last.procs_n = n;
    s->last.procs_total = total;
    s->last.procs_gtt = r.v[GPU_GTT_USED].value;
    s->last.procs_vram = r.v[GPU_VRAM_USED].value;
    s->last.server = s->server;
    s->last.procs_at = real ? clock_ns() : 0;
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_unlock(&s->looking);
    return true;
}

/* ---- the outside ---- */

static bool choose_gpu(struct sampler *s, const char *wanted, struct err *e)
{
    struct gpu_id list[GPUS_MAX];
    size_t n = gpu_list(&s->roots, list, GPUS_MAX);
    const struct gpu_id *id = wanted != NULL ? gpu_find(list, n, wanted, e) : gpu_default(&s->roots, list, n);
    s->chosen = wanted != NULL;
    s->last.gpus = n;
    if (id != NULL)
        gpu_others(list, n, id, s->last.others, sizeof s->last.others);
    if (id != NULL)
        atomic_store(&s->gpu, open_gpu(s, id));
    return id != NULL || wanted == NULL;
}

static void free_sampler(struct sampler *s)
{
    for (size_t i = 0; i < s->opened_n; i++)
        gpu_close(s->opened[i]);
    gpu_close(s->sim);
    sysfs_close(&s->meminfo);
    sysfs_close(&s->pressure);
    sysfs_close(&s->stat);
    procs_free(s->procs);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->telling);
    pthread_mutex_destroy(&s->looking);
    pthread_mutex_destroy(&s->reading);
    free(s);
}

struct sampler *sampler_start(const struct sampler_config *c, struct err *e)
{
    struct sampler *s = xcalloc(1, sizeof *s);
    s->roots = c->roots;
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->telling, NULL);
    pthread_mutex_init(&s->looking, NULL);
    pthread_mutex_init(&s->reading, NULL);
    s->sim = gpu_open_sim();
    gpu_reading_clear(&s->last.reading);
    host_read_cpu("", NULL, &s->cpu); /* unknown: the first share is too */
    s->ttm = system_ttm_limit(s->roots.sys);
    system_boot(s->roots.proc, s->boot, sizeof s->boot);
    host_container(s->roots.proc, s->last.container, sizeof s->last.container);
    s->procs = procs_new(s->roots.proc, s->roots.sys);
    s->zram = held_by_zram(s);
    if (!choose_gpu(s, c->gpu, e)) {
        free_sampler(s);
        return NULL;
    }
    sample_memory(s, NULL);
    sample_sensors(s, NULL);
    s->memory_ns = c->memory_ns;
    s->looked = c->looked;
    s->looked_ctx = c->ctx;
    s->tickers[0] = ticker_start("memory", c->memory_ns, sample_memory, s);
    s->tickers[1] = ticker_start("sensors", SENSORS_NS, sample_sensors, s);
    s->tickers[2] = ticker_start("processes", PROCS_NS, sample_procs, s);
    return s;
}

void sampler_get(struct sampler *s, struct host_sample *out)
{
    pthread_mutex_lock(&s->lock);
    bool late = clock_ns() - s->last.ram_at > s->memory_ns + PATIENCE_NS;
    pthread_mutex_unlock(&s->lock);
    if (late) /* the GPU holds that thread up, and now of all times RAM must not be out of sight */
        sample_ram(s, NULL);
    pthread_mutex_lock(&s->lock);
    *out = s->last;
    pthread_mutex_unlock(&s->lock);
}

void sampler_server(struct sampler *s, int port, struct server_proc *out)
{
    struct gpu *before = atomic_load(&s->gpu);
    memset(out, 0, sizeof *out);
    atomic_store(&s->port, port);
    if (!lock_within(&s->looking, PATIENCE_NS))
        return;
    look_for_server(s);
    *out = s->server;
    pthread_mutex_lock(&s->lock);
    s->last.server = s->server; /* else what the last scan saw would be taken for another one */
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_unlock(&s->looking);
    if (atomic_load(&s->gpu) != before)
        sample_gpu(s); /* of the right one, from the first moment on */
}

void sampler_simulate(struct sampler *s, const double gpu[GPU_MEMORY_VALUES_], double ram_total, double ram_used)
{
    gpu_sim_say(s->sim, gpu);
    pthread_mutex_lock(&s->lock);
    s->simulated = true;
    s->sim_ram_total = ram_total;
    s->sim_ram_used = ram_used;
    pthread_mutex_unlock(&s->lock);
    atomic_store(&s->gpu, s->sim);
}

const struct host_roots *sampler_roots(const struct sampler *s)
{
    return &s->roots;
}

void sampler_stop(struct sampler *s)
{
    bool ended = true;
    pthread_mutex_lock(&s->telling);
    s->looked = NULL; /* a thread that is left behind calls nobody who has gone */
    pthread_mutex_unlock(&s->telling);
    for (size_t i = 0; i < ARRAY_LEN(s->tickers); i++)
        ended &= ticker_stop_within(s->tickers[i], PATIENCE_NS);
    if (ended)
        free_sampler(s);
}
