/* A made-up tree of /proc and /sys in a temporary folder, a new one for each test. */
#ifndef TG_TEST_PROC_TREE_H
#define TG_TEST_PROC_TREE_H

#include "check.h"

#include "util.h"

#include <sys/stat.h>
#include <unistd.h>

#define UNKNOWN ((double)NAN)

static inline void same(double got, double wanted)
{
    if (isnan(wanted))
        assert_unknown(got);
    else
        assert_near(got, wanted, 0);
}

static char root[64], proc[80], sys[80];

static inline int make_tree(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/tokgauge-test-XXXXXX");
    assert_non_null(mkdtemp(root));
    assert_int_equal(chmod(root, 0755), 0); /* another user looks into it */
    snprintf(proc, sizeof proc, "%s/proc", root);
    snprintf(sys, sizeof sys, "%s/sys", root);
    return 0;
}

static inline int drop_tree(void **state)
{
    (void)state;
    char *rm = xasprintf("chmod -R u+rwX %s && rm -rf %s", root, root);
    int status = system(rm);
    free(rm);
    return status;
}

static inline char *path_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Below the root; its folders are made.  The caller frees. */
static inline char *path_of(const char *fmt, ...)
{
    char name[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(name, sizeof name, fmt, ap);
    va_end(ap);
    char *path = xasprintf("%s/%s", root, name);
    for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')) != NULL; p++) {
        *p = '\0';
        mkdir(path, 0755);
        *p = '/';
    }
    return path;
}

static inline void put_bytes(char *path, const char *data, size_t n)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fwrite(data, 1, n, f);
    fclose(f);
    free(path);
}

static inline void put(char *path, const char *text)
{
    put_bytes(path, text, strlen(text));
}

static inline void remove_tree(char *path)
{
    char *rm = xasprintf("rm -rf %s", path);
    assert_int_equal(system(rm), 0);
    free(rm);
    free(path);
}

static inline void make_process(int pid, const char *name, int parent)
{
    char text[300];
    snprintf(text, sizeof text, "%s\n", name);
    put(path_of("proc/%d/comm", pid), text);
    snprintf(text, sizeof text, "%d (%s) S %d 1 1 0 -1 4194560 12 0 0 0\n", pid, name, parent);
    put(path_of("proc/%d/stat", pid), text);
    put(path_of("proc/%d/statm", pid), "1000 250 10 1 0 100 0\n");
    put(path_of("proc/%d/cmdline", pid), name);
    free(path_of("proc/%d/fd/x", pid));
    free(path_of("proc/%d/fdinfo/x", pid));
}

static inline void add_fd(int pid, int fd, const char *target)
{
    char *path = path_of("proc/%d/fd/%d", pid, fd);
    assert_int_equal(symlink(target, path), 0);
    free(path);
}

/* Root may read everything: the scan is done as somebody else. */
static inline bool as_nobody(void)
{
    return geteuid() != 0 || seteuid(65534) == 0;
}

static inline void as_before(void)
{
    assert_int_equal(seteuid(getuid()), 0);
}

static inline void close_fds(int pid)
{
    char *path = path_of("proc/%d/fd", pid);
    assert_int_equal(chmod(path, 0), 0);
    free(path);
}

#define IN_TREE(f) cmocka_unit_test_setup_teardown(f, make_tree, drop_tree)

#endif
