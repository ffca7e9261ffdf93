#include "report/runlog.h"
#include "clock.h"
#include "report/statedir.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define QUEUE_MAX (32u << 20) /* of each of two: what comes in, and what is being written */
#define QUEUE_EARLY (1u << 20) /* so much is written before its second is over */
#define SYNC_S 5

struct runlog {
    pthread_t thread;
    int fd;
    char path[1024];
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool torn; /* only the thread: part of a line is in the file and could not be taken back */
    struct buf queue; /* under lock, as all below */
    bool closing, hurry, begun;
    uint64_t written; /* lines */
    uint64_t unsynced; /* … of which so many may not be on the disk yet */
    bool removed;     /* nobody has a name for the file any more: what was written is gone with it */
    size_t writing; /* bytes that the thread has taken and not told of yet */
    struct runlog_state state;
};

static void safe_name(char *dst, size_t size, const char *name)
{
    char src[256]; /* a server may name its model as it likes: with a key in it, too */
    str_sanitise(src, sizeof src, name, strlen(name));
    const char *base = strrchr(src, '/');
    size_t n = 0;
    for (const char *p = base != NULL ? base + 1 : src; *p != '\0' && n + 1 < size; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '-' ||
                     *p == '_' || (*p == '.' && n > 0);
        dst[n++] = plain ? *p : '_';
    }
    dst[n] = '\0';
}

static bool default_path(char *out, size_t size, const char *name, int attempt, struct err *e)
{
    char folder[700], stamp[32], safe[80], again[16] = "";
    if (!statedir_path("runs", folder, sizeof folder, e))
        return false;
    clock_stamp(stamp, sizeof stamp);
    safe_name(safe, sizeof safe, name);
    if (attempt > 0)
        snprintf(again, sizeof again, "-%d", attempt);
    snprintf(out, size, "%s/%s-%s%s.ndjson", folder, stamp, safe, again);
    return statedir_make(out, e);
}

static int create(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_APPEND, 0600);
}

static bool open_file(struct runlog *r, const char *path, const char *name, struct err *e)
{
    if (path != NULL) {
        str_copy(r->path, sizeof r->path, path);
        r->fd = create(r->path);
    } else {
        r->fd = -1;
        errno = EEXIST;
        for (int attempt = 0; r->fd < 0 && errno == EEXIST && attempt < 100; attempt++) {
            if (!default_path(r->path, sizeof r->path, name, attempt, e))
                return false;
            r->fd = create(r->path);
        }
    }
    if (r->fd >= 0)
        return true;
    return err_set(e, "cannot write run file '%s': %s%s", r->path, strerror(errno),
                   errno == EEXIST ? " (a run file is never overwritten)" : "");
}

bool runlog_check(const char *path, struct err *e)
{
    struct stat st;
    if (lstat(path, &st) == 0)
        return err_set(e, "run file '%s' exists already (a run file is never overwritten)", path);
    const char *slash = strrchr(path, '/');
    char folder[1024] = ".";
    if (slash != NULL)
        snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    if (access(folder, W_OK | X_OK) != 0)
        return err_set(e, "cannot write run file '%s': %s", path, strerror(errno));
    return true;
}

/* Part of a line has been written: it is taken back, so that what comes later stands on a line of its own.  Returns
 * where the first line begins that is not there. */
static size_t take_back(struct runlog *r, const char *data, size_t done)
{
    size_t whole = done;
    while (whole > 0 && data[whole - 1] != '\n')
        whole--;
    off_t end = lseek(r->fd, 0, SEEK_END);
    if (whole < done && (end < 0 || ftruncate(r->fd, end - (off_t)(done - whole)) != 0))
        r->torn = true;
    return whole;
}

/* Returns how much of b was written, in whole lines; the reason for less is in errno. */
static size_t write_lines(struct runlog *r, const struct buf *b)
{
    size_t done = 0;
    if (b->len > 0 && r->torn && write(r->fd, "\n", 1) != 1)
        return 0;
    r->torn = r->torn && b->len == 0;
    while (done < b->len) {
        ssize_t n = write(r->fd, b->data + done, b->len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int why = errno;
            done = take_back(r, b->data, done);
            errno = why;
            return done;
        }
        done += (size_t)n;
    }
    return done;
}

static uint64_t lines(const char *data, size_t n)
{
    uint64_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += data[i] == '\n';
    return count;
}

/* What could not be written stays in b for the next time; at the end it is lost. */
static void write_out(struct runlog *r, struct buf *b, bool last)
{
    struct stat st;
    errno = 0;
    size_t done = write_lines(r, b);
    int why = errno;
    bool removed = fstat(r->fd, &st) == 0 && st.st_nlink == 0;
    pthread_mutex_lock(&r->lock);
    struct runlog_state *s = &r->state;
    s->bytes += done;
    r->written += lines(b->data, done);
    r->unsynced += lines(b->data, done);
    r->removed = r->removed || removed;
    s->waiting = b->len - done;
    s->memory = b->cap;
    r->writing = 0;
    if (s->waiting > 0)
        str_copy(s->why, sizeof s->why, strerror(why));
    if (last)
        s->lost += lines(b->data + done, b->len - done);
    if (r->removed && r->written > 0) {
        s->lost += r->written;
        r->written = 0;
        str_copy(s->why, sizeof s->why, "the file was removed");
    }
    pthread_mutex_unlock(&r->lock);
    buf_drop(b, done);
}

/* What the kernel took it may still fail to put on the disk: a full one over NFS, a quota, a device that is gone.  It tells so once. */
static void sync_file(struct runlog *r)
{
    int why = fdatasync(r->fd) == 0 ? 0 : errno;
    bool lost = why != 0 && why != EINVAL && why != ENOSYS; /* these: not a file that can be synced */
    pthread_mutex_lock(&r->lock);
    if (lost && r->unsynced > 0) {
        r->state.lost += r->unsynced;
        r->written -= MIN_OF(r->unsynced, r->written);
        str_copy(r->state.why, sizeof r->state.why, strerror(why));
    }
    r->unsynced = 0;
    pthread_mutex_unlock(&r->lock);
}

static void *run(void *ctx)
{
    struct runlog *r = ctx;
    struct buf mine;
    buf_init(&mine, QUEUE_MAX);
    bool closing = false;
    time_t sync_due = 0;
    while (!closing) {
        struct timespec next;
        clock_gettime(CLOCK_MONOTONIC, &next);
        if (sync_due == 0)
            sync_due = next.tv_sec + SYNC_S;
        next.tv_sec++;
        pthread_mutex_lock(&r->lock);
        while (!r->closing && !r->hurry && (r->queue.len < QUEUE_EARLY || mine.len > 0) &&
               pthread_cond_timedwait(&r->wake, &r->lock, &next) != ETIMEDOUT)
            ;
        closing = r->closing;
        r->hurry = false;
        bool waited = mine.len > 0;
        if (!waited) {
            struct buf full = r->queue;
            r->queue = mine;
            mine = full;
            r->writing = mine.len;
        }
        pthread_mutex_unlock(&r->lock);
        write_out(r, &mine, closing);
        if (closing && waited) { /* the disk has not taken the earlier lines until now */
            write_out(r, &r->queue, true);
        }
        if (closing || next.tv_sec > sync_due) {
            sync_file(r);
            sync_due = 0;
        }
    }
    buf_release(&mine);
    return NULL;
}

struct runlog *runlog_open(const char *path, const char *name, struct err *e)
{
    struct runlog *r = xcalloc(1, sizeof *r);
    if (!open_file(r, path, name, e)) {
        free(r);
        return NULL;
    }
    buf_init(&r->queue, QUEUE_MAX);
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&r->wake, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&r->thread, NULL, run, r) != 0)
        die("cannot start the run-file thread");
    return r;
}

void runlog_add(struct runlog *r, const struct buf *line)
{
    pthread_mutex_lock(&r->lock);
    size_t before = r->queue.len;
    if (!buf_add(&r->queue, line->data, line->len) || !buf_add(&r->queue, "\n", 1)) {
        r->queue.len = before;
        r->state.lost++;
        if (r->state.waiting == 0)
            str_copy(r->state.why, sizeof r->state.why, "the disk is too slow");
    }
    r->hurry = r->hurry || !r->begun; /* the header: a file without it is none, however soon the run is killed */
    r->begun = true;
    if (r->hurry || r->queue.len >= QUEUE_EARLY)
        pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
}

const char *runlog_path(const struct runlog *r)
{
    return r->path;
}

void runlog_look(struct runlog *r, struct runlog_state *out)
{
    pthread_mutex_lock(&r->lock);
    *out = r->state;
    out->queued = r->queue.len + r->writing;
    out->memory += r->queue.cap;
    pthread_mutex_unlock(&r->lock);
}

uint64_t runlog_close(struct runlog *r, char *why, size_t size)
{
    pthread_mutex_lock(&r->lock);
    r->closing = true;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    uint64_t lost = r->state.lost;
    str_copy(why, size, lost > 0 ? r->state.why : "");
    close(r->fd);
    buf_release(&r->queue);
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->lock);
    free(r);
    return lost;
}
