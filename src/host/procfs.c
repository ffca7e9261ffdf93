#include "host/procfs.h"
#include "util.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIDS_MAX (1u << 20)
#define FDS_MAX (1u << 16) /* of one process; a server with so many connections has its GPU files among the first */

bool procfs_take_number(const char **s, uint64_t *v)
{
    const char *p = *s;
    uint64_t x = 0;
    for (; isdigit((unsigned char)*p); p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (x > (UINT64_MAX - digit) / 10)
            return false;
        x = x * 10 + digit;
    }
    if (p == *s)
        return false;
    *s = p;
    *v = x;
    return true;
}

static int compare_int(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

size_t procfs_pids(const char *folder, int **list)
{
    size_t n = 0, cap = 0;
    *list = NULL;
    DIR *d = opendir(folder);
    if (d == NULL)
        return 0;
    for (struct dirent *e; n < PIDS_MAX && (e = readdir(d)) != NULL;) {
        const char *end = e->d_name;
        uint64_t pid;
        if (!procfs_take_number(&end, &pid) || *end != '\0' || pid == 0 || pid > INT_MAX)
            continue;
        if (n == cap) {
            cap = cap > 0 ? 2 * cap : 512;
            *list = xrealloc(*list, cap * sizeof **list);
        }
        (*list)[n++] = (int)pid;
    }
    closedir(d);
    if (n > 1)
        qsort(*list, n, sizeof **list, compare_int);
    return n;
}

int procfs_open(const char *proc, int pid)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%d", proc, pid);
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

ssize_t procfs_read(int at, const char *path, char *out, size_t size)
{
    out[0] = '\0';
    int fd = openat(at, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -1;
    size_t n = 0;
    ssize_t k = 1;
    while (n + 1 < size && k > 0) {
        k = read(fd, out + n, size - 1 - n);
        if (k < 0 && errno == EINTR)
            k = 1;
        else if (k > 0)
            n += (size_t)k;
    }
    close(fd);
    out[n] = '\0';
    return n == 0 && k < 0 ? -1 : (ssize_t)n;
}

int procfs_each_fd(int process, bool (*fn)(void *ctx, const char *number, const char *target), void *ctx)
{
    int fd = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL) {
        int why = errno;
        if (fd >= 0)
            close(fd);
        return why;
    }
    int why = 0;
    size_t n = 0;
    for (struct dirent *e; n < FDS_MAX && (e = readdir(d)) != NULL;) {
        char target[64]; /* what is longer is none of those we look for */
        if (!isdigit((unsigned char)e->d_name[0]))
            continue;
        n++;
        ssize_t k = readlinkat(fd, e->d_name, target, sizeof target - 1);
        if (k < 0) { /* closed since, or the folder is open to us and what is in it is not */
            why = errno == EACCES || errno == EPERM ? errno : why;
            continue;
        }
        target[k] = '\0';
        if (!fn(ctx, e->d_name, target))
            break;
    }
    closedir(d);
    return why;
}

int procfs_parent(const char *stat)
{
    /* "42 (a ) R 1 (b)) S 7 …": the name may hold anything, what follows it holds no parenthesis. */
    const char *p = strrchr(stat, ')');
    uint64_t parent;
    if (p == NULL || p[1] != ' ' || p[2] == '\0' || p[3] != ' ')
        return -1;
    p += 4;
    return procfs_take_number(&p, &parent) && *p == ' ' && parent <= INT_MAX ? (int)parent : -1;
}
