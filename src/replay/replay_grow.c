#include "replay/inside.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

double replay_seconds(int64_t moment)
{
    return moment > 0 ? (double)(moment - 1) / 1e9 : (double)NAN;
}

/* ---- the order of rows ---- */

static int by_end(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return x->at != y->at ? (x->at < y->at ? -1 : 1) : x->row < y->row ? -1 : x->row > y->row;
}

static int by_stream(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return x->stream != y->stream ? (x->stream < y->stream ? -1 : 1) : by_end(a, b);
}

static void sort(struct place *list, size_t n, int (*how)(const void *, const void *))
{
    if (n > 1)
        qsort(list, n, sizeof *list, how);
}

/* Two lists that are in order become one: the second stands behind the first, and is as short as what a second brings. */
static void merge(struct place *list, size_t n, size_t more)
{
    struct place *tail = xmalloc((more + 1) * sizeof *tail);
    size_t i = n, k = more;
    memcpy(tail, list + n, more * sizeof *tail);
    for (size_t to = n + more; k > 0;)
        list[--to] = i > 0 && by_stream(&list[i - 1], &tail[k - 1]) > 0 ? list[--i] : tail[--k];
    free(tail);
}

void replay_order(struct replay *r)
{
    const struct run_file *f = r->file;
    size_t n = r->ordered, more = f->rows_n - n;
    if (more == 0 && r->by_end != NULL)
        return;
    r->by_end = xrealloc(r->by_end, (f->rows_n + 1) * sizeof *r->by_end);
    r->by_stream = xrealloc(r->by_stream, (f->rows_n + 1) * sizeof *r->by_stream);
    for (size_t i = n; i < f->rows_n; i++) {
        const struct row *row = run_file_row(f, i);
        r->by_end[i] = (struct place){row->tl.end, row->stream, i};
        r->by_stream[i] = (struct place){row->tl.started, row->stream, i};
    }
    sort(r->by_end + n, more, by_end);
    sort(r->by_stream + n, more, by_stream);
    merge(r->by_stream, n, more);
    r->by_arrival = n > 0; /* one that ended a little before what the view has already is taken as it comes */
    r->ordered = f->rows_n;
}

void replay_order_again(struct replay *r)
{
    if (r->by_arrival)
        sort(r->by_end, r->file->rows_n, by_end);
    r->by_arrival = false;
}

/* Is it the file that was opened, and has it what was read of it? */
static bool still_there(const struct replay *r, struct err *e)
{
    struct stat named, ours;
    const char *path = r->file->path;
    if (fstat(fileno(r->in), &ours) != 0 || stat(path, &named) != 0)
        return err_set(e, "'%s' is gone: %s", path, strerror(errno));
    if (named.st_dev != ours.st_dev || named.st_ino != ours.st_ino)
        return err_set(e, "'%s' is another file now", path);
    if (ours.st_size < r->file->read_to)
        return err_set(e, "'%s' was cut: it is shorter than it was", path);
    return true;
}

enum replay_growth replay_grow(struct replay *r, struct err *e)
{
    struct run_file *f = r->file;
    size_t phases = f->phases_n, servers = f->servers;
    bool whole = f->rows_whole, first = f->first.tl.sent != 0;
    if (!f->growing)
        return REPLAY_OVER;
    if (!still_there(r, e))
        return REPLAY_BROKEN;
    if (run_file_more(f, r->in) == 0)
        return REPLAY_SAME;
    replay_order(r);
    if (f->phases_n != phases || !f->growing || isnan(r->load_from))
        replay_measure(r);
    if (f->samples_n > 0)
        r->end = fmax(r->end, f->samples[f->samples_n - 1].t);
    /* What a view begins with; or what it has counted was made of rows. */
    if (f->rows_whole != whole || f->servers != servers || (f->first.tl.sent != 0) != first)
        replay_begin(r);
    r->view->replay.end_s = r->end;
    return f->growing ? REPLAY_GREW : REPLAY_OVER;
}
