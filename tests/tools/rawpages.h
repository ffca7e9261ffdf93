/* rawpages: what rawserver answers at other paths than the API's: files, read anew for each request, so that a test can change
 * them while a program runs.  A header because only rawserver.c includes it and each .c of this folder is a program of its own. */
#ifndef TG_RAWPAGES_H
#define TG_RAWPAGES_H

#include "buf.h"
#include "util.h"

#include <stdio.h>
#include <string.h>

#define RAWPAGES_MAX 8
#define RAWPAGE_BYTES (64u << 20)

struct rawpage {
    char path[128];
    const char *file;
    bool gzip;    /* says that it is compressed so */
    bool endless; /* the file again and again, up to 1 GiB */
    long late_ms;
};

static struct {
    struct rawpage page[RAWPAGES_MAX];
    size_t n;
    struct rawpage next; /* what holds for those that come later on the command line */
} rawpages;

/* "/metrics=FILE"; false where it is not of that form. */
static inline bool rawpage_add(const char *arg)
{
    const char *eq = strchr(arg, '=');
    if (eq == NULL || rawpages.n == RAWPAGES_MAX || (size_t)(eq - arg) >= sizeof rawpages.page[0].path)
        return false;
    rawpages.page[rawpages.n] = rawpages.next;
    memcpy(rawpages.page[rawpages.n].path, arg, (size_t)(eq - arg));
    rawpages.page[rawpages.n++].file = eq + 1;
    return true;
}

/* What the request with this head is answered with, NULL: no page. */
static inline const struct rawpage *rawpage_find(const char *head)
{
    const char *path = strchr(head, ' ');
    for (size_t i = 0; path != NULL && i < rawpages.n; i++) {
        size_t n = strlen(rawpages.page[i].path);
        if (strncmp(path + 1, rawpages.page[i].path, n) == 0 && path[1 + n] == ' ')
            return &rawpages.page[i];
    }
    return NULL;
}

/* A file that is not there is an empty page. */
static inline void rawpage_read(const char *file, struct buf *out)
{
    char bytes[65536];
    FILE *f = fopen(file, "re");
    buf_init(out, RAWPAGE_BYTES);
    for (size_t n; f != NULL && (n = fread(bytes, 1, sizeof bytes, f)) > 0;)
        buf_add(out, bytes, n);
    if (f != NULL)
        fclose(f);
}

#endif
