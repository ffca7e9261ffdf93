/* libasleep: stands before libc in a process, and lets the machine seem to have slept: CLOCK_BOOTTIME is ahead by as many
 * seconds as the file $ASLEEP holds, while CLOCK_MONOTONIC goes on as it was; and with $SYNC_FAILS set a disk cannot keep what
 * the kernel has taken for it; with $DNS_SILENT no name server answers for so many seconds, with $DNS_LATE it takes so many
 * milliseconds to say that a name is this machine's.  For end-to-end tests. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **list)
{
    static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    const char *silent = getenv("DNS_SILENT"), *late = getenv("DNS_LATE");
    if (late != NULL) {
        usleep((useconds_t)strtoul(late, NULL, 10) * 1000);
        return real("127.0.0.1", service, hints, list);
    }
    if (silent == NULL)
        return real(node, service, hints, list);
    sleep((unsigned)strtoul(silent, NULL, 10));
    return EAI_AGAIN;
}

int fdatasync(int fd)
{
    static int (*real)(int);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
    if (getenv("SYNC_FAILS") == NULL)
        return real(fd);
    errno = EDQUOT;
    return -1;
}

int clock_gettime(clockid_t id, struct timespec *t)
{
    static int (*real)(clockid_t, struct timespec *);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int status = real(id, t);
    const char *name = id == CLOCK_BOOTTIME ? getenv("ASLEEP") : NULL;
    if (status != 0 || name == NULL)
        return status;
    char text[32] = "";
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (n > 0)
        t->tv_sec += strtol(text, NULL, 10);
    return 0;
}
