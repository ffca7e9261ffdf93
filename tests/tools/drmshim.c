/* drmshim: a library to preload in front of libumockdev-preload, for what that lacks where libdrm_amdgpu uses an
 * emulated /dev/dri node: a duplicate of the descriptor (it would be a plain file, without an ioctl handler), fstat of
 * it (that shows the plain file), and a node that may not be opened, which root cannot have by mode bits.
 *
 * fakegpu sets it up.  FAKEGPU_NO_RENDER in the environment: no /dev/dri node may be opened. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define DRI "/dev/dri/"
#define DRM_MAJOR 226
#define MAX_PATH 4096

/* What open() without a mode becomes in a program built with _FORTIFY_SOURCE. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);

/* Where off_t has 64 bits, a name and its …64 are the same function. */
_Static_assert(sizeof(off_t) == 8 && sizeof(struct stat) == sizeof(struct stat64), "64-bit files only");
#define SAME_AS(name) __attribute__((alias(name)))

/* The next definition of a name: that of libumockdev-preload, or of libc. */
static void find_next(const char *name, void *function)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL) {
        fprintf(stderr, "drmshim: no %s\n", name);
        abort();
    }
    memcpy(function, &found, sizeof found); /* C has no cast from an object's pointer to a function's */
}

static bool starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* ---- descriptors ---- */

/* The "/dev/dri/…" that an emulated descriptor stands for.  By the system call, for readlink() is wrapped as well. */
static bool node_of(int fd, char *node, size_t size)
{
    const char *root = getenv("UMOCKDEV_DIR");
    if (root == NULL)
        return false;
    char link[64], path[MAX_PATH];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int kept = errno;
    long n = syscall(SYS_readlink, link, path, sizeof path - 1);
    errno = kept;
    if (n <= 0)
        return false;
    path[n] = '\0';
    if (!starts(path, root) || !starts(path + strlen(root), DRI))
        return false;
    snprintf(node, size, "%s", path + strlen(root));
    node[strcspn(node, " ")] = '\0'; /* " (deleted)", after an unplug */
    return true;
}

/* A second open has an ioctl connection of its own; F_DUPFD's lower limit is not kept, and nobody here has one. */
static bool duplicate(int fd, int command, int *copy)
{
    char node[MAX_PATH];
    if ((command != F_DUPFD && command != F_DUPFD_CLOEXEC) || !node_of(fd, node, sizeof node))
        return false;
    *copy = open(node, O_RDWR | (command == F_DUPFD_CLOEXEC ? O_CLOEXEC : 0));
    return true;
}

int fcntl(int fd, int command, ...)
{
    static int (*next)(int, int, ...);
    if (next == NULL)
        find_next("fcntl", &next);
    va_list list;
    va_start(list, command);
    void *argument = va_arg(list, void *);
    va_end(list);
    int copy;
    return duplicate(fd, command, &copy) ? copy : next(fd, command, argument);
}
int fcntl64(int fd, int command, ...) SAME_AS("fcntl");

/* Makes what fstat found the character device that the node is; also where the file is gone since. */
static void show_device(int fd, mode_t *mode, dev_t *device)
{
    char node[MAX_PATH];
    if (!node_of(fd, node, sizeof node))
        return;
    unsigned number = (unsigned)strtoul(node + strcspn(node, "0123456789"), NULL, 10);
    *mode = S_IFCHR | (*mode & 0777);
    *device = makedev(DRM_MAJOR, number);
}

int fstat(int fd, struct stat *st)
{
    static int (*next)(int, struct stat *);
    if (next == NULL)
        find_next("fstat", &next);
    int result = next(fd, st);
    if (result == 0)
        show_device(fd, &st->st_mode, &st->st_rdev);
    return result;
}

int fstat64(int fd, struct stat64 *st)
{
    static int (*next)(int, struct stat64 *);
    if (next == NULL)
        find_next("fstat64", &next);
    int result = next(fd, st);
    if (result == 0)
        show_device(fd, &st->st_mode, &st->st_rdev);
    return result;
}

/* ---- no permission ---- */

static bool denied(const char *path)
{
    if (path == NULL || !starts(path, DRI) || getenv("FAKEGPU_NO_RENDER") == NULL)
        return false;
    errno = EACCES;
    return true;
}

/* Only these flags have a third argument; it may not be looked for without them. */
static mode_t mode_of(int flags, va_list list)
{
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(list, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    static int (*next)(const char *, int, ...);
    if (next == NULL)
        find_next("open", &next);
    va_list list;
    va_start(list, flags);
    mode_t mode = mode_of(flags, list);
    va_end(list);
    return denied(path) ? -1 : next(path, flags, mode);
}
int open64(const char *path, int flags, ...) SAME_AS("open");

int openat(int dir, const char *path, int flags, ...)
{
    static int (*next)(int, const char *, int, ...);
    if (next == NULL)
        find_next("openat", &next);
    va_list list;
    va_start(list, flags);
    mode_t mode = mode_of(flags, list);
    va_end(list);
    return denied(path) ? -1 : next(dir, path, flags, mode);
}
int openat64(int dir, const char *path, int flags, ...) SAME_AS("openat");

int __open_2(const char *path, int flags)
{
    static int (*next)(const char *, int);
    if (next == NULL)
        find_next("__open_2", &next);
    return denied(path) ? -1 : next(path, flags);
}
int __open64_2(const char *path, int flags) SAME_AS("__open_2");

/* A program that asks before it opens; looking at it (F_OK) stays allowed. */
int access(const char *path, int mode)
{
    static int (*next)(const char *, int);
    if (next == NULL)
        find_next("access", &next);
    return mode != F_OK && denied(path) ? -1 : next(path, mode);
}
