/* gpu_tree: a made-up machine as a tree of files: <root>/proc, <root>/sys, <root>/dev. */
#ifndef TG_GPU_TREE_H
#define TG_GPU_TREE_H

#include "check.h"
#include "host/sysfs.h"
#include "util.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct tree {
    char root[64], proc[80], sys[80], dev[80];
    struct host_roots roots;
};

static inline void tree_make(struct tree *t)
{
    str_copy(t->root, sizeof t->root, "/tmp/tokgauge-tree-XXXXXX");
    assert_non_null(mkdtemp(t->root));
    snprintf(t->proc, sizeof t->proc, "%s/proc", t->root);
    snprintf(t->sys, sizeof t->sys, "%s/sys", t->root);
    snprintf(t->dev, sizeof t->dev, "%s/dev", t->root);
    t->roots = (struct host_roots){t->proc, t->sys, t->dev};
}

static inline void tree_shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline void tree_shell(const char *fmt, ...)
{
    char command[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(command, sizeof command, fmt, ap);
    va_end(ap);
    assert_int_equal(system(command), 0);
}

static inline void tree_remove(struct tree *t)
{
    tree_shell("rm -rf %s", t->root);
}

static inline void tree_put_bytes(const struct tree *t, const char *path, const void *data, size_t n)
{
    char full[512];
    snprintf(full, sizeof full, "%s/%s", t->root, path);
    for (char *p = full + strlen(t->root) + 1; (p = strchr(p, '/')) != NULL; p++) {
        *p = '\0';
        mkdir(full, 0755);
        *p = '/';
    }
    FILE *f = fopen(full, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    fclose(f);
}

static inline void tree_put(const struct tree *t, const char *path, const char *text)
{
    tree_put_bytes(t, path, text, strlen(text));
}

static inline void tree_delete(const struct tree *t, const char *path)
{
    tree_shell("rm -rf %s/%s", t->root, path);
}

static inline void tree_link(const struct tree *t, const char *path, const char *target)
{
    char full[512];
    tree_put(t, path, "");
    snprintf(full, sizeof full, "%s/%s", t->root, path);
    unlink(full);
    assert_int_equal(symlink(target, full), 0);
}

/* A GPU of amdgpu: cardN at this PCI address, with nothing but its identity. */
static inline void tree_gpu(const struct tree *t, int card, const char *pci, const char *device)
{
    char path[256], text[256];
    snprintf(path, sizeof path, "sys/bus/pci/devices/%s/uevent", pci);
    snprintf(text, sizeof text, "DRIVER=amdgpu\nPCI_CLASS=38000\nPCI_ID=1002:%s\nPCI_SLOT_NAME=%s\n", device, pci);
    tree_put(t, path, text);
    snprintf(path, sizeof path, "sys/bus/pci/devices/%s/power/runtime_status", pci);
    tree_put(t, path, "active\n");
    snprintf(path, sizeof path, "sys/bus/pci/devices/%s/drm/renderD%d/dev", pci, 127 + card);
    tree_put(t, path, "226:128\n");
    snprintf(path, sizeof path, "sys/class/drm/card%d/device", card);
    snprintf(text, sizeof text, "../../../bus/pci/devices/%s", pci);
    tree_link(t, path, text);
}

static inline void tree_gpu_file(const struct tree *t, const char *pci, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "sys/bus/pci/devices/%s/%s", pci, name);
    tree_put(t, path, text);
}

static inline void tree_gpu_number(const struct tree *t, const char *pci, const char *name, double v)
{
    char text[64];
    snprintf(text, sizeof text, "%.0f\n", v);
    tree_gpu_file(t, pci, name, text);
}

#endif
