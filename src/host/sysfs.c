#include "host/sysfs.h"
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct host_roots host_roots_real = {"/proc", "/sys", "/dev"};

void sysfs_why(char *why, int error)
{
    if (why == NULL)
        return;
    char text[WHY_SIZE];
    const char *words = strerror_r(error, text, sizeof text);
    str_copy(why, WHY_SIZE, words);
    if (why[0] >= 'A' && why[0] <= 'Z')
        why[0] = (char)(why[0] - 'A' + 'a');
}

/* Reads until the file is at its end or `size` is full; once: what one read gives. */
static long read_file(const char *root, const char *path, void *out, size_t size, bool once, char *why)
{
    char full[1024];
    if (snprintf(full, sizeof full, "%s/%s", root, path) >= (int)sizeof full) {
        errno = ENAMETOOLONG;
        sysfs_why(why, errno);
        return -1;
    }
    /* Not to be held up by what is no file of the kernel. */
    int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    size_t n = 0;
    ssize_t got = fd < 0 ? -1 : 1;
    while (got > 0 && n < size) {
        got = read(fd, (char *)out + n, size - n);
        n += got > 0 ? (size_t)got : 0;
        if (once)
            break;
    }
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (got >= 0)
        return (long)n;
    sysfs_why(why, error);
    errno = error;
    return -1;
}

long sysfs_bytes(const char *root, const char *path, void *out, size_t size, char *why)
{
    return read_file(root, path, out, size, false, why);
}

bool sysfs_value(const char *root, const char *path, char *out, size_t size, char *why)
{
    long n = read_file(root, path, out, size - 1, true, why);
    out[n > 0 ? n : 0] = '\0';
    return n >= 0;
}

bool sysfs_text(const char *root, const char *path, char *out, size_t size, char *why)
{
    long n = sysfs_bytes(root, path, out, size - 1, why);
    out[n > 0 ? n : 0] = '\0';
    return n >= 0;
}

double sysfs_number(const char *root, const char *path, char *why)
{
    char text[64], *end;
    if (!sysfs_value(root, path, text, sizeof text, why))
        return (double)NAN;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (end == text || errno != 0 || v < 0 || end[strspn(end, " \t\n")] != '\0') {
        if (why != NULL)
            str_copy(why, WHY_SIZE, text[0] == '\0' ? "the file is empty" : "not a number");
        errno = EINVAL;
        return (double)NAN;
    }
    return (double)v;
}
