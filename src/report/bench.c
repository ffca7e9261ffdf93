#include "report/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static bool write_new(const char *path, const struct buf *b, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool ok = f != NULL && fwrite(b->data, 1, b->len, f) == b->len && fflush(f) == 0;
    int why = errno;
    if (f != NULL && fclose(f) != 0 && ok) {
        ok = false;
        why = errno;
    }
    return ok || err_set(e, "cannot write the report '%s': %s", path, strerror(why));
}

static void beside(const char *run_file, const char *ending, char *path, size_t size)
{
    static const char own[] = ".ndjson";
    size_t n = strlen(run_file), k = sizeof own - 1;
    bool cut = n > k && strcmp(run_file + n - k, own) == 0;
    snprintf(path, size, "%.*s%s", (int)(cut ? n - k : n), run_file, ending);
}

#define REPORT_MOST (64u << 20)

static bool write_report(const struct run_file *f, const struct report_options *o, struct buf *b, struct err *e)
{
    return report_write(f, o, b) || err_set(e, "the report of '%s' is longer than %u MiB: nothing of it is written", f->path,
                                            REPORT_MOST >> 20);
}

static bool keep(const struct run_file *f, const char *run_file, const struct report_options *o, const char *ending,
                 struct buf *out, struct err *e)
{
    char path[PATH_MAX];
    struct buf b;
    buf_init(&b, REPORT_MOST);
    beside(run_file, ending, path, sizeof path);
    bool ok = write_report(f, o, &b, e) && write_new(path, &b, e);
    if (ok && out != NULL)
        buf_addf(out, "Report: %s\n", path);
    buf_release(&b);
    return ok;
}

bool bench_report(const char *run_file, bool json, const char *const *notes, size_t notes_n, struct buf *out, struct err *e)
{
    struct run_file *f = run_file_load(run_file, e);
    if (f == NULL)
        return false;
    struct report_options o = {.format = json ? REPORT_JSON : REPORT_MD, .notes = notes, .notes_n = notes_n, .brief = !json};
    struct buf b;
    buf_init(&b, REPORT_MOST);
    bool ok = write_report(f, &o, &b, e);
    if (ok && json)
        buf_add(out, b.data, b.len);
    else if (ok)
        report_plain(b.data, out);
    buf_release(&b);
    o.brief = false;
    struct buf *told = json ? NULL : out;
    if (!json)
        buf_adds(out, "\n");
    o.format = REPORT_MD;
    ok = keep(f, run_file, &o, ".md", told, e) && ok;
    o.format = REPORT_HTML;
    ok = keep(f, run_file, &o, ".html", told, e) && ok;
    if (!json)
        buf_addf(out, "Run file: %s\n", run_file);
    run_file_free(f);
    return ok;
}
