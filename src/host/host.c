#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

void host_parse_meminfo(const char *text, struct host_memory *m)
{
    m->total = field(text, "MemTotal");
    m->available = field(text, "MemAvailable");
    m->used = m->total - m->available;
    m->swap_total = field(text, "SwapTotal");
    m->swap_free = field(text, "SwapFree");
}

bool host_read_memory(const char *proc, struct host_memory *m, struct err *e)
{
    host_parse_meminfo("", m);
    char path[512], text[8192];
    snprintf(path, sizeof path, "%s/meminfo", proc);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, "cannot read '%s': %s", path, strerror(errno));
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n < 0)
        return err_set(e, "cannot read '%s': %s", path, strerror(errno));
    text[n] = '\0';
    host_parse_meminfo(text, m);
    return true;
}
