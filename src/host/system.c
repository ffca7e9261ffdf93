#include "host/system.h"
#include "host/host.h"
#include "util.h"

#include <fcntl.h>
#include <stdio.h>
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
    read_file(root, "/proc/cmdline", text, sizeof text);
    char boot[sizeof s->boot];
    system_boot_parameters(text, boot, sizeof boot);
    str_sanitise(s->boot, sizeof s->boot, boot, strlen(boot));
}
