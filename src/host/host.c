#include "host/host.h"
#include "host/sysfs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "MemTotal:       64312345 kB" → bytes. */
static double field(const char *text, const char *name)
{
    size_t n = strlen(name);
    for (const char *line = text; line != NULL && *line != '\0';) {
        if (strncmp(line, name, n) == 0 && line[n] == ':') {
            char *end;
            double kib = strtod(line + n + 1, &end);
            while (*end == ' ')
                end++;
            return end != line + n + 1 && str_starts(end, "kB") && kib >= 0 ? kib * 1024 : (double)NAN;
        }
        line = strchr(line, '\n');
        if (line != NULL)
            line++;
    }
    return (double)NAN;
}

/* A field that kernels may lack counts as nothing. */
static double field_or_zero(const char *text, const char *name)
{
    double v = field(text, name);
    return isfinite(v) ? v : 0;
}

void host_parse_meminfo(const char *text, struct host_memory *m)
{
    static const char *const held[] = {"AnonPages", "Shmem", "SUnreclaim", "KernelStack", "PageTables", "SecPageTables", "Percpu"};
    m->total = field(text, "MemTotal");
    m->available = field(text, "MemAvailable");
    m->used = m->total - m->available;
    m->free = field(text, "MemFree");
    m->cache = m->available > m->free ? m->available - m->free : isfinite(m->available - m->free) ? 0 : (double)NAN;
    m->processes = field(text, "AnonPages");
    for (size_t i = 1; i < ARRAY_LEN(held); i++)
        m->processes += field_or_zero(text, held[i]);
    m->swap_total = field(text, "SwapTotal");
    m->swap_free = field(text, "SwapFree");
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

void host_read_pressure(const char *proc, struct host_pressure *p)
{
    char text[512];
    if (!sysfs_text(proc, "pressure/memory", text, sizeof text, NULL))
        text[0] = '\0';
    p->some = average_of(text, "some");
    p->full = average_of(text, "full");
}

/* "cpu  user nice system idle iowait irq softirq steal guest guest_nice": guests are in user already (proc(5)). */
void host_read_cpu(const char *proc, struct host_cpu *c)
{
    char text[256];
    double v[8] = {0}, all = 0;
    size_t n = 0;
    c->busy = c->all = (double)NAN;
    if (!sysfs_text(proc, "stat", text, sizeof text, NULL) || !str_starts(text, "cpu "))
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
