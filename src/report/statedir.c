#include "report/statedir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool statedir_path(const char *sub, char *out, size_t size, struct err *e)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int n;
    if (state != NULL && state[0] == '/')
        n = snprintf(out, size, "%s/tokgauge/%s", state, sub);
    else if (home != NULL && home[0] == '/')
        n = snprintf(out, size, "%s/.local/state/tokgauge/%s", home, sub);
    else
        return err_set(e, "neither XDG_STATE_HOME nor HOME names a folder to keep files in");
    return (n > 0 && (size_t)n < size) || err_set(e, "the path that XDG_STATE_HOME or HOME names is too long");
}

bool statedir_make(const char *file, struct err *e)
{
    char *path = xstrdup(file);
    bool ok = true;
    for (char *p = strchr(path + 1, '/'); ok && p != NULL; p = strchr(p + 1, '/')) {
        *p = '\0';
        ok = mkdir(path, 0700) == 0 || errno == EEXIST;
        if (!ok) /* the reason first: paths are long, and what tells of it is short */
            err_set(e, "cannot make a folder: %s: '%s'", strerror(errno), path);
        *p = '/';
    }
    free(path);
    return ok;
}
