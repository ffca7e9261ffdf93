#include "host/system.h"
#include "host/host.h"
#include "util.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* As much as fits; empty where it cannot be read. */
static void read_file(const char *root, const char *path, char *out, size_t size)
{
    char full[512];
    snprintf(full, sizeof full, "%s%s", root, path);
    out[0] = '\0';
    int fd = open(full, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t n = read(fd, out, size - 1);
    out[n > 0 ? n : 0] = '\0';
    close(fd);
}

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

/* ---- the GPU, as amdgpu's files in sysfs tell (kernel: Documentation/gpu/amdgpu/driver-misc.rst) ---- */

static double number_in(const char *root, const char *path)
{
    char text[64], *end;
    read_file(root, path, text, sizeof text);
    double v = strtod(text, &end);
    return end > text && v > 0 ? v : (double)NAN;
}

static double or_zero(double v)
{
    return isnan(v) ? 0 : v;
}

static void see_card(const char *root, const char *card, struct system_facts *s)
{
    char path[300], text[2048], driver[32], id[32], slot[32];
    snprintf(path, sizeof path, "/sys/class/drm/%.40s/device/uevent", card);
    read_file(root, path, text, sizeof text);
    value_of(text, "DRIVER=", driver, sizeof driver);
    if (strcmp(driver, "amdgpu") != 0)
        return;
    snprintf(path, sizeof path, "/sys/class/drm/%.40s/device/mem_info_gtt_total", card);
    double gtt = number_in(root, path);
    snprintf(path, sizeof path, "/sys/class/drm/%.40s/device/mem_info_vram_total", card);
    double vram = number_in(root, path);
    if (s->gpu[0] != '\0' && or_zero(gtt) + or_zero(vram) <= or_zero(s->gtt) + or_zero(s->vram))
        return;
    value_of(text, "PCI_ID=", id, sizeof id);
    value_of(text, "PCI_SLOT_NAME=", slot, sizeof slot);
    snprintf(s->gpu, sizeof s->gpu, "amdgpu %s at %s", id, slot);
    s->gtt = gtt;
    s->vram = vram;
}

static void read_gpu(const char *root, struct system_facts *s)
{
    char folder[512];
    snprintf(folder, sizeof folder, "%s/sys/class/drm", root);
    s->gtt = s->vram = (double)NAN;
    DIR *d = opendir(folder);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        if (str_starts(e->d_name, "card") && strchr(e->d_name, '-') == NULL) /* card0; card0-DP-1 is a plug */
            see_card(root, e->d_name, s);
    if (d != NULL)
        closedir(d);
    double pages = number_in(root, "/sys/module/ttm/parameters/pages_limit");
    if (isnan(pages)) /* the driver that AMD gives away apart from the kernel */
        pages = number_in(root, "/sys/module/amdttm/parameters/pages_limit");
    s->ttm = pages * (double)sysconf(_SC_PAGESIZE);
}

void system_read(const char *root, struct system_facts *s)
{
    char text[8192], proc[512];
    *s = (struct system_facts){0};
    read_file(root, "/proc/cpuinfo", text, sizeof text);
    value_of(text, "model name", s->cpu, sizeof s->cpu);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    s->cores = cores > 0 ? (int)cores : 0;
    struct host_memory m;
    snprintf(proc, sizeof proc, "%s/proc", root);
    host_read_memory(proc, &m, NULL);
    s->ram = m.total;
    struct utsname u;
    if (uname(&u) == 0)
        snprintf(s->kernel, sizeof s->kernel, "%.20s %.60s", u.sysname, u.release);
    read_file(root, "/etc/os-release", text, sizeof text);
    value_of(text, "PRETTY_NAME", s->os, sizeof s->os);
    read_gpu(root, s);
    read_file(root, "/proc/cmdline", text, sizeof text);
    char boot[sizeof s->boot];
    system_boot_parameters(text, boot, sizeof boot);
    str_sanitise(s->boot, sizeof s->boot, boot, strlen(boot));
}
