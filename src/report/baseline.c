#include "report/baseline.h"

#include "buf.h"
#include "report/statedir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "baselines"
#define ENDING ".ndjson"
#define NAME_MAX_BYTES 64

bool baseline_name(const char *name, struct err *e)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    if (n > 0 && n <= NAME_MAX_BYTES && name[n] == '\0' && name[0] != '.')
        return true;
    return err_set(e, "'%.80s' is no name for a baseline: it takes up to %d letters, digits, '.', '_' and '-', "
                      "the first no dot", name, NAME_MAX_BYTES);
}

static bool path_of(const char *name, char path[BASELINE_PATH], struct err *e)
{
    char folder[BASELINE_PATH - NAME_MAX_BYTES - sizeof ENDING - 16]; /* room for a copy's name on its way, too */
    if (!statedir_path(FOLDER, folder, sizeof folder, e))
        return false;
    snprintf(path, BASELINE_PATH, "%s/%.*s%s", folder, NAME_MAX_BYTES, name, ENDING);
    return true;
}

static bool is_file(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* ---- which there are ---- */

static int is_baseline(const struct dirent *d)
{
    char name[NAME_MAX_BYTES + sizeof ENDING];
    size_t n = strlen(d->d_name), ending = strlen(ENDING);
    if (n <= ending || n >= sizeof name || strcmp(d->d_name + n - ending, ENDING) != 0)
        return 0;
    snprintf(name, sizeof name, "%.*s", (int)(n - ending), d->d_name);
    return baseline_name(name, NULL);
}

/* Their names in order, with commas between; returns how many found no room. */
static int list_them(struct buf *out)
{
    char folder[BASELINE_PATH];
    struct dirent **found = NULL;
    int n = statedir_path(FOLDER, folder, sizeof folder, NULL) ? scandir(folder, &found, is_baseline, alphasort) : 0;
    int left = 0;
    for (int i = 0; i < n; i++) {
        int len = (int)(strlen(found[i]->d_name) - strlen(ENDING));
        if (left > 0 || !buf_addf(out, "%s%.*s", out->len > 0 ? ", " : "", len, found[i]->d_name))
            left++;
        free(found[i]);
    }
    free(found);
    return left;
}

bool baseline_find(const char *name, char path[BASELINE_PATH], struct err *e)
{
    struct buf known;
    char more[32] = "";
    if (!baseline_name(name, e) || !path_of(name, path, e))
        return false;
    if (is_file(path))
        return true;
    buf_init(&known, 300); /* so that the line stays one */
    int left = list_them(&known);
    if (left > 0)
        snprintf(more, sizeof more, " and %d more", left);
    if (known.len == 0)
        err_set(e, "there is no baseline '%s', nor any other: tokgauge compare RUNFILE --save-baseline %s", name, name);
    else
        err_set(e, "there is no baseline '%s'; there are: %s%s", name, known.data, more);
    buf_release(&known);
    return false;
}

/* ---- keeping one ---- */

/* False with errno set. */
static bool copy_bytes(FILE *in, FILE *out)
{
    char part[65536];
    size_t n;
    while ((n = fread(part, 1, sizeof part, in)) > 0)
        if (fwrite(part, 1, n, out) != n)
            return false;
    return ferror(in) == 0 && fflush(out) == 0 && fsync(fileno(out)) == 0;
}

/* By way of a new file beside it, which takes its place when it is whole. */
static bool replace(FILE *in, const char *path, struct err *e)
{
    char new[BASELINE_PATH + 16];
    const char *base = strrchr(path, '/') + 1;
    snprintf(new, sizeof new, "%.*s.%s.XXXXXX", (int)(base - path), path, base); /* a dot first: no baseline's name */
    int fd = mkostemp(new, O_CLOEXEC);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool ok = out != NULL && fchmod(fd, 0600) == 0 && copy_bytes(in, out);
    ok = ok && rename(new, path) == 0;
    if (!ok) {
        err_set(e, "cannot write baseline '%s': %s", path, strerror(errno));
        if (fd >= 0)
            unlink(new);
    }
    if (out != NULL)
        fclose(out); /* all of it is on the disk, or has failed */
    else if (fd >= 0)
        close(fd);
    return ok;
}

/* A regular one only: opening a pipe would wait for somebody to write. */
static FILE *open_file(const char *path, struct err *e)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool regular = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    FILE *f = regular ? fdopen(fd, "r") : NULL;
    if (f == NULL) {
        const char *why = regular || fd < 0 ? strerror(errno) : "it is no regular file";
        err_set(e, "cannot keep '%s' as a baseline: %s", path, why);
        if (fd >= 0)
            close(fd);
    }
    return f;
}

bool baseline_save(const char *name, const char *file, char path[BASELINE_PATH], bool *replaced, struct err *e)
{
    struct stat st;
    if (!baseline_name(name, e) || !path_of(name, path, e) || !statedir_make(path, e))
        return false;
    *replaced = lstat(path, &st) == 0;
    if (*replaced && !S_ISREG(st.st_mode))
        return err_set(e, "cannot write baseline '%s': there is something else of that name", path);
    FILE *in = open_file(file, e);
    bool ok = in != NULL && replace(in, path, e);
    if (in != NULL)
        fclose(in);
    return ok;
}
