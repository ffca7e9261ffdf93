#include "tune/tune_inside.h"

#include "clock.h"
#include "report/statedir.h"
#include "tune/tune_print.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define USUAL_URL "http://127.0.0.1:8000"

/* ---- what is told ---- */

double tune_since_start(const struct tune *t, int64_t at)
{
    return (double)(at - t->start) / 1e9;
}

void tune_add_note(struct tune *t, int64_t at, int level, const char *text)
{
    if (t->notes_n == ARRAY_LEN(t->notes)) {
        memmove(t->notes, t->notes + 1, (t->notes_n - 1) * sizeof t->notes[0]);
        t->notes_n--;
        t->notes_told -= t->notes_told > 0;
    }
    struct event_line *e = &t->notes[t->notes_n++];
    *e = (struct event_line){.at_s = tune_since_start(t, at), .level = level};
    str_copy(e->text, sizeof e->text, text);
    t->seq++;
}

void tune_note(struct tune *t, int level, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    pthread_mutex_lock(&t->lock);
    tune_add_note(t, clock_ns(), level, text);
    pthread_cond_broadcast(&t->news);
    pthread_mutex_unlock(&t->lock);
}

/* ---- all of them ---- */

static enum tune_objective ranking; /* qsort has no argument for it; set by the one thread that sorts */

static int better_first(const void *a, const void *b)
{
    const struct tune_result *x = a, *y = b;
    double fx = tune_figure(x, ranking), fy = tune_figure(y, ranking);
    if (isfinite(fx) != isfinite(fy))
        return isfinite(fx) ? -1 : 1;
    if (isfinite(fx) && fx != fy)
        return fx > fy ? -1 : 1;
    if (ranking == TUNE_BY_CAPACITY && x->capacity.high != y->capacity.high) /* it may be more */
        return x->capacity.high > y->capacity.high ? -1 : 1;
    return strcmp(x->name, y->name);
}

static void *tune_main(void *ctx)
{
    struct tune *t = ctx;
    for (size_t i = 0; i < t->n && !atomic_load(&t->stop); i++) {
        pthread_mutex_lock(&t->lock);
        t->at = i;
        pthread_mutex_unlock(&t->lock);
        tune_run_setting(t);
    }
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < t->n; i++)
        if (t->results[i].state == TUNE_WAITING) {
            t->results[i].state = TUNE_STOPPED;
            str_copy(t->results[i].why, sizeof t->results[i].why, "not tried: stopped by the user");
        }
    t->over = true;
    t->seq++;
    pthread_cond_broadcast(&t->news);
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

static bool make_folder(struct tune *t, struct err *e)
{
    char base[300], name[64];
    time_t now = time(NULL);
    struct tm tm;
    if (t->c->folder != NULL) {
        str_copy(t->folder, sizeof t->folder, t->c->folder);
    } else {
        if (!statedir_path("runs", base, sizeof base, e))
            return false;
        localtime_r(&now, &tm);
        strftime(name, sizeof name, "%Y%m%d-%H%M%S", &tm);
        snprintf(t->folder, sizeof t->folder, "%s/%s-tune", base, name);
    }
    if (!statedir_make(t->folder, e))
        return false;
    size_t n = strlen(t->folder);
    int made = mkdir(t->folder, 0700);
    for (int again = 1; made != 0 && errno == EEXIST && t->c->folder == NULL && again < 100; again++) { /* two in one second */
        snprintf(t->folder + n, sizeof t->folder - n, "-%d", again);
        made = mkdir(t->folder, 0700);
    }
    if (made != 0 && !(errno == EEXIST && t->c->folder != NULL))
        return err_set(e, "cannot make the folder '%s': %s", t->folder, strerror(errno));
    char first[sizeof t->folder + 16];
    snprintf(first, sizeof first, "%s/01.log", t->folder);
    int fd = open(first, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600); /* before a server has been started for nothing */
    if (fd < 0 && errno == EEXIST)
        return err_set(e, "'%s' exists already: --out must name a folder without an earlier tune", first);
    if (fd < 0)
        return err_set(e, "cannot write in the folder '%s': %s", t->folder, strerror(errno));
    close(fd);
    unlink(first);
    return true;
}

static bool check_nobody(struct tune *t, struct err *e)
{
    char shown[256];
    if (!tune_wants_port(t->c->launch) || t->base->url != NULL)
        str_copy(t->url, sizeof t->url, t->base->url != NULL ? t->base->url : USUAL_URL);
    if (!tune_somebody_answers(t))
        return true;
    url_hide_login(t->url, shown, sizeof shown);
    return err_set(e, "something answers at '%s' already: stop it first, or let {port} stand in --launch, without a URL", shown);
}

static void init_results(struct tune *t)
{
    double nan = (double)NAN;
    t->n = tune_settings(&t->c->plan);
    t->results = xcalloc(t->n, sizeof *t->results);
    for (size_t i = 0; i < t->n; i++) {
        struct tune_result *r = &t->results[i];
        tune_name(&t->c->plan, i, r->name);
        r->start_s = r->ram_loaded = r->gtt_loaded = r->vram_loaded = r->headroom = r->output_rate = r->ttft_p95 = r->goodput = r->good_share = nan;
    }
    t->by = t->base->find_capacity ? TUNE_BY_CAPACITY : t->base->slo.n > 0 ? TUNE_BY_GOODPUT : TUNE_BY_RATE;
}

struct tune *tune_start(const struct tune_config *c, const struct run_config *run, const char *command_line, bool *usage, struct err *e)
{
    struct tune *t = xcalloc(1, sizeof *t);
    const struct machine_config *m = &run->machine;
    const struct sampler_config s = {.roots = {m->proc_root, m->sysfs_root, m->dev_root}, .gpu = m->gpu, .memory_ns = m->sample_ns};
    t->c = c;
    t->base = run;
    str_copy(t->command_line, sizeof t->command_line, command_line);
    *usage = true;
    if (!tune_check(&c->plan, c->launch, e) || !http_settings_init(&t->http, run, e) || (t->sampler = sampler_start(&s, e)) == NULL) {
        http_settings_release(&t->http);
        free(t);
        return NULL;
    }
    *usage = false;
    if (!check_nobody(t, e) || !make_folder(t, e)) {
        sampler_stop(t->sampler);
        http_settings_release(&t->http);
        free(t);
        return NULL;
    }
    t->start = clock_ns();
    t->seq = 1;
    t->own = xcalloc(1, sizeof *t->own);
    snapshot_clear(t->own);
    init_results(t);
    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&t->news, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&t->thread, NULL, tune_main, t) != 0)
        die("cannot start a thread");
    return t;
}

/* ---- the outside ---- */

void tune_stop(struct tune *t)
{
    atomic_store(&t->stop, true);
}

bool tune_over(struct tune *t)
{
    pthread_mutex_lock(&t->lock);
    bool over = t->over;
    pthread_mutex_unlock(&t->lock);
    return over;
}

void tune_wait(struct tune *t, int64_t ns)
{
    int64_t until = clock_ns() + ns;
    struct timespec at = {until / NS_PER_SEC, until % NS_PER_SEC};
    pthread_mutex_lock(&t->lock);
    if (!t->over)
        pthread_cond_timedwait(&t->news, &t->lock, &at);
    pthread_mutex_unlock(&t->lock);
}

size_t tune_notes(struct tune *t, struct event_line *out, size_t n)
{
    size_t told = 0;
    pthread_mutex_lock(&t->lock);
    for (; told < n && t->notes_told < t->notes_n; t->notes_told++)
        out[told++] = t->notes[t->notes_told];
    pthread_mutex_unlock(&t->lock);
    return told;
}

const struct tune_result *tune_results(struct tune *t, size_t *n, enum tune_objective *by)
{
    pthread_join(t->thread, NULL);
    ranking = *by = t->by;
    qsort(t->results, t->n, sizeof *t->results, better_first);
    *n = t->n;
    return t->results;
}

void tune_free(struct tune *t)
{
    sampler_stop(t->sampler);
    http_settings_release(&t->http);
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->news);
    free(t->own);
    free(t->results);
    free(t);
}
