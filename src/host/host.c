#include "host/host.h"
#include "host/sysfs.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of /proc/meminfo. */
enum { TOTAL, FREE, AVAILABLE, ANON, SWAP_TOTAL, SWAP_FREE, SHMEM /* from here on: held, too; a kernel may lack it */ };
#define NAME(s) {s, sizeof(s) - 1}
static const struct {
    const char *name;
    size_t n;
} fields[] = {[TOTAL] = NAME("MemTotal"),       [FREE] = NAME("MemFree"),       [AVAILABLE] = NAME("MemAvailable"),
                    [ANON] = NAME("AnonPages"),       [SWAP_TOTAL] = NAME("SwapTotal"), [SWAP_FREE] = NAME("SwapFree"),
                    [SHMEM] = NAME("Shmem"),          NAME("SUnreclaim"),             NAME("KernelStack"),
                    NAME("PageTables"),               NAME("SecPageTables"),          NAME("Percpu"),
                    NAME("Hugetlb"),                  NAME("Zswap")};
#define FIELDS ARRAY_LEN(fields)

/* "       64312345 kB" → bytes. */
static double kib_value(const char *text)
{
    char *end;
    double kib = strtod(text, &end);
    bool none = end == text;
    end += strspn(end, " ");
    return !none && str_starts(end, "kB") && kib >= 0 ? kib * 1024 : (double)NAN;
}

/* "MemTotal:       64312345 kB", one line after the other: once over it all, as it is read many times a second. */
static void read_fields(const char *text, double v[FIELDS])
{
    for (size_t i = 0; i < FIELDS; i++)
        v[i] = (double)NAN;
    for (const char *line = text, *next; *line != '\0'; line = next) {
        next = strchrnul(line, '\n');
        const char *colon = memchr(line, ':', (size_t)(next - line));
        size_t n = colon != NULL ? (size_t)(colon - line) : 0;
        for (size_t i = 0; i < FIELDS; i++)
            if (n == fields[i].n && memcmp(line, fields[i].name, n) == 0)
                v[i] = kib_value(colon + 1);
        next += *next != '\0';
    }
}

void host_parse_meminfo(const char *text, struct host_memory *m)
{
    double v[FIELDS];
    read_fields(text, v);
    m->total = v[TOTAL];
    m->available = v[AVAILABLE];
    m->used = m->total - m->available;
    m->free = v[FREE];
    m->cache = m->available > m->free ? m->available - m->free : isfinite(m->available - m->free) ? 0 : (double)NAN;
    m->processes = v[ANON];
    for (size_t i = SHMEM; i < FIELDS; i++)
        m->processes += isfinite(v[i]) ? v[i] : 0;
    m->swap_total = v[SWAP_TOTAL];
    m->swap_free = v[SWAP_FREE];
}

void host_stack(const struct host_memory *m, double gtt, struct host_stack *out)
{
    double used = m->used;
    out->cache = m->cache;
    out->free = m->total - m->used - m->cache;
    out->gtt = isfinite(gtt) ? MIN_OF(gtt, used) : 0;
    double rest = used - out->gtt;
    out->unaccounted = rest > m->processes ? rest - m->processes : 0;
    out->other = rest - out->unaccounted;
}

bool host_read_memory(const char *proc, struct sysfs_file *kept, struct host_memory *m, struct err *e)
{
    char text[8192], why[WHY_SIZE];
    bool ok = sysfs_value(kept, proc, "meminfo", text, sizeof text, why);
    host_parse_meminfo(ok ? text : "", m);
    return ok || err_set(e, "cannot read '%s/meminfo': %s", proc, why);
}

static double third_number(const char *text)
{
    double v = 0;
    for (int i = 0; i < 3; i++) {
        char *end;
        v = strtod(text, &end);
        if (end == text || !(v >= 0 && v < 1e15))
            return 0;
        text = end;
    }
    return v;
}

double host_zram(const char *sys)
{
    char path[512], text[256];
    double sum = 0;
    snprintf(path, sizeof path, "%s/block", sys);
    DIR *d = opendir(path);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        snprintf(path, sizeof path, "block/%.200s/mm_stat", e->d_name);
        if (str_starts(e->d_name, "zram") && sysfs_text(sys, path, text, sizeof text, NULL))
            sum += third_number(text);
    }
    if (d != NULL)
        closedir(d);
    return sum;
}

static double average_of(const char *text, const char *line)
{
    const char *p = strstr(text, line), *value = p != NULL ? strstr(p, "avg10=") : NULL;
    char *end;
    if (value == NULL)
        return (double)NAN;
    value += strlen("avg10=");
    double v = strtod(value, &end);
    return end != value && v >= 0 && v <= 100 ? v : (double)NAN;
}

void host_read_pressure(const char *proc, struct sysfs_file *kept, struct host_pressure *p)
{
    char text[512];
    sysfs_value(kept, proc, "pressure/memory", text, sizeof text, NULL);
    p->some = average_of(text, "some");
    p->full = average_of(text, "full");
}

/* "cpu  user nice system idle iowait irq softirq steal guest guest_nice": guests are in user already (proc(5)). */
void host_read_cpu(const char *proc, struct sysfs_file *kept, struct host_cpu *c)
{
    char text[256];
    double v[8] = {0}, all = 0;
    size_t n = 0;
    c->busy = c->all = (double)NAN;
    if (!sysfs_value(kept, proc, "stat", text, sizeof text, NULL) || !str_starts(text, "cpu "))
        return;
    for (char *p = text + strlen("cpu"), *end; n < ARRAY_LEN(v); n++, p = end) {
        v[n] = strtod(p, &end);
        if (end == p || *end == '\0' || !(v[n] >= 0))
            break;
        all += v[n];
    }
    if (n < 4)
        return;
    c->all = all;
    c->busy = all - v[3] - v[4];
}

double host_cpu_share(const struct host_cpu *before, const struct host_cpu *now)
{
    double all = now->all - before->all, busy = now->busy - before->busy;
    return all > 0 && busy >= 0 ? MIN_OF(busy / all, 1.0) : (double)NAN;
}

void host_container(const char *proc, char *out, size_t size)
{
    char text[65536], *line;
    out[0] = '\0';
    if (!sysfs_text(proc, "self/mounts", text, sizeof text, NULL))
        return;
    for (char *rest = text; (line = strsep(&rest, "\n")) != NULL;) {
        char *field = line, *from = strsep(&field, " "), *on = strsep(&field, " "), *type = strsep(&field, " ");
        if (from != NULL && on != NULL && type != NULL && strcmp(on, "/proc/meminfo") == 0)
            str_copy(out, size, str_starts(type, "fuse.") ? type + strlen("fuse.") : type);
    }
}
