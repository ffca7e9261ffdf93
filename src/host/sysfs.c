#include "host/sysfs.h"
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

static int open_file(const char *root, const char *path)
{
    char full[1024];
    if (snprintf(full, sizeof full, "%s/%s", root, path) >= (int)sizeof full) {
        errno = ENAMETOOLONG;
        return -1;
    }
    /* Not to be held up by what is no file of the kernel. */
    return open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

long sysfs_bytes(const char *root, const char *path, void *out, size_t size, char *why)
{
    int fd = open_file(root, path);
    size_t n = 0;
    ssize_t got = fd < 0 ? -1 : 1;
    while (got > 0 && n < size) {
        got = read(fd, (char *)out + n, size - n);
        n += got > 0 ? (size_t)got : 0;
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

void sysfs_close(struct sysfs_file *kept)
{
    if (kept->is_open)
        close(kept->fd);
    kept->is_open = false;
}

/* The file of a device that has gone gives ENODEV for good, also when there is one of the same name again. */
static ssize_t read_kept(struct sysfs_file *kept, char *out, size_t size)
{
    struct stat now;
    ssize_t n = -1;
    if (kept->is_open && fstat(kept->fd, &now) == 0 && now.st_nlink > 0)
        n = pread(kept->fd, out, size, 0);
    if (n < 0)
        sysfs_close(kept);
    return n;
}

bool sysfs_value(struct sysfs_file *kept, const char *root, const char *path, char *out, size_t size, char *why)
{
    struct sysfs_file once = {.is_open = false}, *f = kept != NULL ? kept : &once;
    ssize_t n = read_kept(f, out, size - 1);
    if (n < 0) {
        f->fd = open_file(root, path);
        f->is_open = f->fd >= 0;
        n = f->is_open ? read(f->fd, out, size - 1) : -1;
        if (n < 0)
            sysfs_why(why, errno);
    }
    sysfs_close(&once);
    out[n > 0 ? n : 0] = '\0';
    return n >= 0;
}

bool sysfs_text(const char *root, const char *path, char *out, size_t size, char *why)
{
    long n = sysfs_bytes(root, path, out, size - 1, why);
    out[n > 0 ? n : 0] = '\0';
    return n >= 0;
}

double sysfs_number_kept(struct sysfs_file *kept, const char *root, const char *path, char *why)
{
    char text[64], *end;
    if (!sysfs_value(kept, root, path, text, sizeof text, why))
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

double sysfs_number(const char *root, const char *path, char *why)
{
    return sysfs_number_kept(NULL, root, path, why);
}
