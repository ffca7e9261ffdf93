#include "outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RUN_FILE_BEGIN "{\"type\":\"header\""

/* Root's links are the system's. */
static bool is_foreign_link(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && st.st_uid != geteuid() && st.st_uid != 0;
}

/* Without waiting for anybody, where it is a pipe. */
static bool is_run_file(const char *path)
{
    char begin[sizeof RUN_FILE_BEGIN - 1];
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd >= 0 ? read(fd, begin, sizeof begin) : -1;
    if (fd >= 0)
        close(fd);
    return n == (ssize_t)sizeof begin && memcmp(begin, RUN_FILE_BEGIN, sizeof begin) == 0;
}

FILE *outfile_open(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST) {
        if (is_foreign_link(path))
            errno = ELOOP;
        else if (is_run_file(path))
            errno = EEXIST;
        else
            fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    }
    if (fd < 0)
        return NULL;
    FILE *f = fdopen(fd, "w");
    if (f == NULL)
        close(fd);
    return f;
}

const char *outfile_why(int error)
{
    return error == EEXIST  ? "it is a run file, which is never overwritten"
           : error == ELOOP ? "it is a link that belongs to somebody else"
                            : strerror(error);
}
