#include "main_files.h"
#include "buf.h"
#include "outfile.h"
#include "report/baseline.h"
#include "report/compare.h"
#include "report/report.h"
#include "report/summary.h"
#include "say.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* False where the format cannot do without what is not there. */
static bool rows_suffice(const struct run_file *f, enum report_format format, struct err *e)
{
    if (f->rows_whole)
        return true;
    if (format == REPORT_VLLM)
        return err_set(e, "'%s' has not a line for each request (--rows): --format vllm is made of those", f->path);
    if (format == REPORT_CSV)
        fprintf(stderr, "tokgauge: '%s' has not a line for each request (--rows): %zu of %llu are here\n", f->path, f->rows_n,
                (unsigned long long)f->total.requests);
    return true;
}

/* To the file that was named, or to standard output, whose reader may have what it wanted (`| head`). */
static bool put_report(const char *path, const struct buf *b, struct err *e)
{
    FILE *out = path != NULL ? outfile_open(path) : stdout;
    bool ok = out != NULL && say_buf(b, out);
    if (!ok && out == stdout && errno == EPIPE)
        return true;
    if (out != NULL && out != stdout && fclose(out) != 0)
        ok = false;
    return ok || err_set(e, "cannot write '%s': %s", path != NULL ? path : "standard output", outfile_why(errno));
}

#define REPORT_MOST (1u << 30)

static bool write_report(const struct options *o, const struct run_file *f, struct err *e)
{
    const struct report_options r = {.format = (enum report_format)o->format, .detailed = o->detailed, .notes = o->notes,
                                     .notes_n = o->notes_n};
    struct buf b;
    if (!rows_suffice(f, r.format, e))
        return false;
    buf_init(&b, REPORT_MOST);
    bool ok = report_write(f, &r, &b) || err_set(e, "the report of '%s' is longer than %u MiB: nothing of it is written", f->path,
                                                 REPORT_MOST >> 20);
    ok = ok && put_report(o->report_out, &b, e);
    buf_release(&b);
    if (f->bad_lines > 0)
        fprintf(stderr, "tokgauge: %zu lines of '%s' could not be read\n", f->bad_lines, f->path);
    return ok;
}

int files_report(const struct options *o)
{
    struct err e;
    struct run_file *f = run_file_load(o->files[0], &e);
    bool ok = f != NULL && write_report(o, f, &e);
    run_file_free(f);
    return ok ? EXIT_DONE : complain(&e, EXIT_FAILED);
}

/* The kept baseline, where one was named, and all files: how many, 0 with one line in e where one of them fails. */
static size_t load_runs(const struct options *o, struct compare_run *runs, struct err *e)
{
    size_t n = 0;
    if (o->baseline != NULL) {
        char path[BASELINE_PATH];
        if (!baseline_find(o->baseline, path, e) || !compare_run_load(&runs[n], path, e))
            return 0;
        str_copy(compare_run_name(&runs[n]), RUN_NAME, o->baseline);
        n++;
    }
    for (size_t i = 0; i < o->files_n; i++, n++)
        if (!compare_run_load(&runs[n], o->files[i], e))
            return 0;
    return n;
}

static int save_baseline(const struct options *o)
{
    struct err e;
    char path[BASELINE_PATH];
    bool replaced;
    struct compare_run run;
    bool ok = compare_run_load(&run, o->files[0], &e) &&
              baseline_save(o->save_baseline, o->files[0], path, &replaced, &e);
    if (ok)
        printf("baseline '%s' %s: %s\n", o->save_baseline, replaced ? "replaced" : "kept", path);
    compare_run_release(&run);
    return ok ? EXIT_DONE : complain(&e, EXIT_FAILED);
}

static bool print_comparison(const struct compare_report *r, enum compare_format format, struct err *e)
{
    struct buf out;
    buf_init(&out, 1u << 20);
    compare_write(r, format, &out);
    if (format == COMPARE_TEXT && !say_utf8())
        summary_to_ascii(&out);
    bool ok = say_buf(&out, stdout) || errno == EPIPE;
    if (!ok)
        err_set(e, "cannot write the comparison: %s", strerror(errno));
    buf_release(&out);
    return ok;
}

/* One line for each condition that is broken, and for each run of which none can be judged. */
static bool gates_pass(const struct compare_report *r, const struct options *o)
{
    bool pass = true;
    struct err why;
    for (size_t i = 1; i < r->runs_n && o->gates_n > 0; i++) {
        const struct compared *c = &r->with[i - 1];
        const char *name = compare_run_name(&r->runs[i]);
        if (c->objections_n > 0) {
            err_set(&why, "thresholds cannot be judged: '%s' is not comparable with '%s': %s", name,
                    compare_run_name(&r->runs[0]), c->objections[0]);
            complain(&why, EXIT_THRESHOLD);
            pass = false;
            continue;
        }
        for (size_t k = 0; k < o->gates_n; k++)
            if (!gate_passes(&o->gates[k], name, c->figures, &c->failed, &why)) {
                complain(&why, EXIT_THRESHOLD);
                pass = false;
            }
    }
    return pass;
}

int files_compare(const struct options *o)
{
    if (o->save_baseline != NULL)
        return save_baseline(o);
    struct err e;
    struct compare_run runs[COMPARE_RUNS] = {{NULL, NULL}};
    struct compared *with = xcalloc(COMPARE_RUNS - 1, sizeof *with);
    struct compared_loads loads[COMPARE_RUNS - 1] = {{NULL, 0}};
    int status = EXIT_DONE;
    size_t n = load_runs(o, runs, &e);
    for (size_t i = 1; i < n; i++) {
        compare_runs(&runs[0], &runs[i], o->min_effect, &with[i - 1]);
        compare_loads(&runs[0], &runs[i], o->min_effect, &loads[i - 1]);
    }
    const struct compare_report r = {runs, n, with, loads, o->min_effect};
    if (n == 0 || !print_comparison(&r, o->json ? COMPARE_JSON : (enum compare_format)o->format, &e))
        status = complain(&e, EXIT_FAILED);
    if (!gates_pass(&r, o))
        status = EXIT_THRESHOLD;
    for (size_t i = 0; i < COMPARE_RUNS - 1; i++)
        compared_loads_release(&loads[i]);
    for (size_t i = 0; i < COMPARE_RUNS; i++)
        compare_run_release(&runs[i]);
    free(with);
    return status;
}
