#include "ui/theme_find.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".theme"
#define FOLDERS_MOST 32
#define THEMES_MOST 200
#define FILE_MOST (1024 * 1024)

static void say_nothing(void *ctx, const char *file, int line, const char *text)
{
    (void)ctx, (void)file, (void)line, (void)text;
}

static const struct theme_report silent = {NULL, say_nothing};

/* ---- folders ---- */

struct folders {
    char *at[FOLDERS_MOST];
    int n;
};

static void folders_release(struct folders *f)
{
    for (int i = 0; i < f->n; i++)
        free(f->at[i]);
}

/* Adds base[0..len) + tail; a path that is not absolute is no folder of XDG's. */
static void add(struct folders *f, const char *base, size_t len, const char *tail)
{
    if (len > 0 && base[0] == '/' && len < PATH_MAX && f->n < FOLDERS_MOST)
        f->at[f->n++] = xasprintf("%.*s%s", (int)len, base, tail);
}

/* $variable, or what stands for it in the home folder. */
static void add_home(struct folders *f, const char *variable, const char *instead)
{
    const char *value = getenv(variable), *home = getenv("HOME");
    if (value != NULL && value[0] == '/') {
        add(f, value, strlen(value), "/tokgauge/themes");
    } else if (home != NULL) {
        char tail[64];
        snprintf(tail, sizeof tail, "/%s/tokgauge/themes", instead);
        add(f, home, strlen(home), tail);
    }
}

static void add_beside_program(struct folders *f)
{
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n <= 0)
        return;
    exe[n] = '\0';
    char *slash = strrchr(exe, '/');
    if (slash == NULL)
        return;
    add(f, exe, (size_t)(slash - exe), "/themes");
    *slash = '\0';
    slash = strrchr(exe, '/');
    if (slash != NULL && strcmp(slash, "/bin") == 0)
        add(f, exe, (size_t)(slash - exe), "/share/tokgauge/themes");
}

static void folders_find(struct folders *f)
{
    f->n = 0;
    add_home(f, "XDG_CONFIG_HOME", ".config");
    add_home(f, "XDG_DATA_HOME", ".local/share");
    const char *dirs = getenv("XDG_DATA_DIRS");
    if (dirs == NULL || dirs[0] == '\0')
        dirs = "/usr/local/share:/usr/share";
    for (const char *p = dirs; *p != '\0'; p += p[strcspn(p, ":")] == ':' ? strcspn(p, ":") + 1 : strlen(p))
        add(f, p, strcspn(p, ":"), "/tokgauge/themes");
    add_beside_program(f);
}

/* ---- one file ---- */

/* Only a plain file of a sensible size: a device or a pipe would never end. */
static FILE *open_file(const char *path, struct err *e)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    FILE *in = NULL;
    if (fd < 0 || fstat(fd, &st) != 0)
        err_set(e, "cannot read theme '%s': %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        err_set(e, "cannot read theme '%s': it is no plain file", path);
    else if (st.st_size > FILE_MOST)
        err_set(e, "cannot read theme '%s': a theme has 1 MiB at the most", path);
    else if ((in = fdopen(fd, "r")) == NULL)
        err_set(e, "cannot read theme '%s': %s", path, strerror(errno));
    if (in == NULL && fd >= 0)
        close(fd);
    return in;
}

/* "…/nord.theme" → "nord"; false where that is too long, or no text. */
static bool stem(const char *path, char out[THEME_NAME])
{
    const char *slash = strrchr(path, '/'), *file = slash != NULL ? slash + 1 : path;
    size_t n = strlen(file), suffix = strlen(SUFFIX);
    if (n > suffix && strcmp(file + n - suffix, SUFFIX) == 0)
        n -= suffix;
    str_sanitise(out, THEME_NAME, file, n);
    return n > 0 && strlen(out) == n && memcmp(out, file, n) == 0;
}

static bool load_file(const char *path, struct theme_entry *out, const struct theme_report *r, struct err *e)
{
    FILE *in = open_file(path, e);
    if (in == NULL)
        return false;
    stem(path, out->name);
    out->path = xstrdup(path);
    out->found = theme_read(in, path, out->name, &out->theme, r);
    bool ok = ferror(in) == 0;
    fclose(in);
    if (ok)
        return true;
    theme_entry_release(out);
    return err_set(e, "cannot read theme '%s': reading failed", path);
}

static bool load_builtin(const char *name, struct theme_entry *out)
{
    if (!theme_load(&out->theme, name))
        return false;
    str_copy(out->name, sizeof out->name, name);
    return true;
}

void theme_entry_release(struct theme_entry *t)
{
    free(t->path);
    t->path = NULL;
}

/* ---- all of them ---- */

static bool listed(const struct theme_list *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->at[i].name, name) == 0)
            return true;
    return false;
}

static bool is_theme_file(const char *name)
{
    size_t n = strlen(name), suffix = strlen(SUFFIX);
    return n > suffix && strcmp(name + n - suffix, SUFFIX) == 0;
}

static void add_folder(struct theme_list *l, const char *folder)
{
    DIR *d = opendir(folder);
    if (d == NULL)
        return;
    for (const struct dirent *f; (f = readdir(d)) != NULL && l->n < THEMES_MOST;) {
        char name[THEME_NAME];
        struct theme_entry t = {.path = NULL};
        if (!is_theme_file(f->d_name) || !stem(f->d_name, name) || listed(l, name))
            continue;
        char *path = xasprintf("%s/%s", folder, f->d_name);
        if (load_file(path, &t, &silent, NULL))
            l->at[l->n++] = t;
        free(path);
    }
    closedir(d);
}

static int by_name(const void *a, const void *b)
{
    const struct theme_entry *x = a, *y = b;
    bool first = strcmp(x->name, THEME_DEFAULT) == 0, second = strcmp(y->name, THEME_DEFAULT) == 0;
    return first != second ? (int)second - (int)first : strcmp(x->name, y->name);
}

void theme_list_make(struct theme_list *l)
{
    struct folders f;
    l->n = 0;
    l->at = xcalloc(THEMES_MOST + 8, sizeof *l->at); /* room for the built-in ones, and for one that is placed */
    folders_find(&f);
    for (int i = 0; i < f.n; i++)
        add_folder(l, f.at[i]);
    folders_release(&f);
    for (size_t i = 0; theme_builtin(i) != NULL; i++)
        if (!listed(l, theme_builtin(i)))
            load_builtin(theme_builtin(i), &l->at[l->n++]);
    qsort(l->at, l->n, sizeof *l->at, by_name);
}

void theme_list_release(struct theme_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        theme_entry_release(&l->at[i]);
    free(l->at);
    *l = (struct theme_list){NULL, 0};
}

size_t theme_list_place(struct theme_list *l, const struct theme_entry *t)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct theme_entry *x = &l->at[i];
        if (strcmp(x->name, t->name) == 0 && (t->path == NULL || (x->path != NULL && strcmp(x->path, t->path) == 0)))
            return i;
    }
    memmove(l->at + 1, l->at, l->n * sizeof *l->at);
    l->n++;
    l->at[0] = *t;
    l->at[0].path = t->path != NULL ? xstrdup(t->path) : NULL;
    return 0;
}

/* ---- by name ---- */

static bool no_such(const char *name, struct err *e)
{
    struct theme_list l;
    char all[360] = "";
    theme_list_make(&l);
    for (size_t i = 0; i < l.n; i++) {
        size_t n = strlen(all);
        if (n + strlen(l.at[i].name) + 8 > sizeof all) {
            str_copy(all + n, sizeof all - n, ", …");
            break;
        }
        snprintf(all + n, sizeof all - n, "%s%s", i > 0 ? ", " : "", l.at[i].name);
    }
    theme_list_release(&l);
    return err_set(e, "there is no theme '%.80s': --theme takes a file or %s", name, all);
}

/* 1: found, 0: not there, −1: there, but it cannot be read. */
static int look_in_folders(const char *name, struct theme_entry *out, const struct theme_report *r, struct err *e)
{
    struct folders f;
    int result = 0;
    folders_find(&f);
    for (int i = 0; i < f.n && result == 0; i++) {
        char *path = xasprintf("%s/%s" SUFFIX, f.at[i], name);
        if (load_file(path, out, r, e))
            result = 1;
        else if (access(path, F_OK) == 0)
            result = -1;
        free(path);
    }
    folders_release(&f);
    return result;
}

bool theme_open(const char *name, struct theme_entry *out, const struct theme_report *r, struct err *e)
{
    const struct theme_report *report = r != NULL ? r : &silent;
    const char *wanted = name != NULL ? name : THEME_DEFAULT;
    *out = (struct theme_entry){.path = NULL};
    if (strchr(wanted, '/') != NULL || is_theme_file(wanted))
        return load_file(wanted, out, report, e);
    int found = look_in_folders(wanted, out, report, e);
    if (found > 0)
        return true;
    if ((found == 0 || name == NULL) && load_builtin(wanted, out))
        return true;
    return found < 0 ? false : no_such(wanted, e);
}
