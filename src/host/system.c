#include "host/system.h"
#include "host/host.h"
#include "util.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The value behind the first line that begins with `key`, without quotes. */
static void value_of(const char *text, const char *key, char *out, size_t size)
{
    out[0] = '\0';
    for (const char *line = text; line != NULL && *line != '\0';) {
        if (str_starts(line, key)) {
            const char *v = line + strlen(key);
            v += strspn(v, " \t:=\"");
            str_sanitise(out, size, v, strcspn(v, "\"\n"));
            return;
        }
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
}

void system_boot_parameters(const char *cmdline, char *out, size_t size)
{
    static const char *const wanted[] = {"amdgpu.", "ttm.", "amdttm.", "amd_iommu=", "iommu=", "hugepages", "transparent_hugepage="};
    out[0] = '\0';
    for (const char *p = cmdline + strspn(cmdline, " \n"); *p != '\0';) {
        size_t n = strcspn(p, " \n");
        for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
            if (strncmp(p, wanted[i], strlen(wanted[i])) == 0) {
                size_t used = strlen(out);
                if (used + n + 2 < size)
                    snprintf(out + used, size - used, "%s%.*s", used > 0 ? " " : "", (int)n, p);
                break;
            }
        p += n;
        p += strspn(p, " \n");
    }
}

double system_ttm_limit(const char *sys)
{
    /* The driver that AMD gives away apart from the kernel has a module of its own, and the kernel's may be loaded beside it. */
    double pages = sysfs_number(sys, "module/amdttm/parameters/pages_limit", NULL);
    if (isnan(pages))
        pages = sysfs_number(sys, "module/ttm/parameters/pages_limit", NULL);
    return pages > 0 ? pages * (double)sysconf(_SC_PAGESIZE) : (double)NAN; /* 0: no driver has set it up */
}

void system_boot(const char *proc, char *out, size_t size)
{
    char text[8192], boot[1024];
    sysfs_text(proc, "cmdline", text, sizeof text, NULL);
    system_boot_parameters(text, boot, MIN_OF(size, sizeof boot));
    str_sanitise(out, size, boot, strlen(boot));
}

static void describe_gpu(const struct host_roots *roots, const struct gpu_id *id, struct system_facts *s)
{
    char path[96];
    s->gtt = s->vram = (double)NAN;
    if (id == NULL)
        return;
    snprintf(s->gpu, sizeof s->gpu, "%.47s%s%.11s%s, %04x:%04x at %.15s", id->name[0] != '\0' ? id->name : "AMD GPU",
             id->gfx[0] != '\0' ? " (" : "", id->gfx, id->gfx[0] != '\0' ? ")" : "", id->vendor, id->device, id->pci);
    snprintf(path, sizeof path, "bus/pci/devices/%s/mem_info_gtt_total", id->pci);
    s->gtt = sysfs_number(roots->sys, path, NULL);
    snprintf(path, sizeof path, "bus/pci/devices/%s/mem_info_vram_total", id->pci);
    s->vram = sysfs_number(roots->sys, path, NULL);
}

void system_read(const struct host_roots *roots, const struct gpu_id *gpu, struct system_facts *s)
{
    char text[8192];
    *s = (struct system_facts){0};
    if (sysfs_text(roots->proc, "cpuinfo", text, sizeof text, NULL))
        value_of(text, "model name", s->cpu, sizeof s->cpu);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    s->cores = cores > 0 ? (int)cores : 0;
    struct host_memory m;
    host_read_memory(roots->proc, NULL, &m, NULL);
    s->ram = m.total;
    struct utsname u;
    if (uname(&u) == 0)
        snprintf(s->kernel, sizeof s->kernel, "%.20s %.60s", u.sysname, u.release);
    if (sysfs_text("/etc", "os-release", text, sizeof text, NULL))
        value_of(text, "PRETTY_NAME", s->os, sizeof s->os);
    describe_gpu(roots, gpu, s);
    s->ttm = system_ttm_limit(roots->sys);
    system_boot(roots->proc, s->boot, sizeof s->boot);
}
