/* ui_frame: what one frame of the dashboard costs, and how many bytes of it go to the terminal.
 *
 *   ui_frame [FRAMES]       10,000 of each kind; one JSON line on stdout
 *
 * The snapshot changes between two frames as it does live, ten times a second: numbers, series, histograms, texts.  Making
 * it is not counted.  Time is CPU time of the thread that draws, so that a busy machine changes little; what is drawn to a
 * terminal is read and thrown away by another process. */
#include "unit/test_ui_snapshots.h"

#include "ui/screen.h"
#include "ui/view.h"

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_S 300.0 /* of the run: series are as long as they get */
#define FRAME_S 0.1
#define STREAMS 16
#define STILL_FRAMES 1000
#define SEARCH_FRAMES 500 /* to find the view that costs most */
#define LAG_MS 1000       /* what reads the terminal is never so late */

static const struct winsize sizes[] = {{.ws_col = 120, .ws_row = 40}, {.ws_col = 200, .ws_row = 60}};

/* ---- a snapshot that lives ---- */

struct life {
    struct snapshot *s;
    uint64_t seed;
    int frame;
};

static void live_begin(struct life *l, int streams)
{
    *l = (struct life){.s = canned_busy_at(START_S, streams), .seed = 11};
    canned_machine(l->s);
}

/* Two tokens a frame: the text runs through, as the tail of an answer does. */
static void live_text(struct stream_row *r, int frame)
{
    const char *text = canned_texts[(size_t)r->id % ARRAY_LEN(canned_texts)];
    size_t n = strlen(text), from = (size_t)frame * 7 % n;
    char both[2 * SNAP_TAIL + 2];
    while (from > 0 && (text[from] & 0xc0) == 0x80) /* whole characters */
        from--;
    snprintf(both, sizeof both, "%s %.*s", text + from, (int)from, text);
    str_copy(r->tail, sizeof r->tail, both);
}

static void live_stream(struct life *l, struct stream_row *r)
{
    r->output += 3;
    r->wait_s += FRAME_S;
    r->rate = 32 + 3 * rng_unit(&l->seed);
    if (r->state == STREAM_DECODE)
        live_text(r, l->frame);
    if (r->output < 300)
        return;
    /* the next request: for a while it waits */
    r->output = 0;
    r->wait_s = 0;
    r->ttft_ms = 80 + 300 * rng_unit(&l->seed);
    r->state = r->state == STREAM_DECODE ? STREAM_QUEUED : STREAM_DECODE;
    hist_add(&l->s->hists.ttft, (uint64_t)(r->ttft_ms * 1e6), 1);
    l->s->ok++;
    l->s->sent++;
}

static void live_latency(struct snapshot *s, uint64_t *seed)
{
    for (int i = 0; i < 10; i++)
        hist_add(&s->hists.itl, (uint64_t)((28 + 4 * rng_unit(seed)) * 1e6), 1);
    heat_add(&s->hists.ttft_heat, s->clock_s, 90 + 200 * rng_unit(seed));
    s->ttft.n = s->hists.ttft.count;
    s->itl.n = s->hists.itl.count;
    struct latency_view *const all[] = {&s->ttft, &s->itl, &s->tpot, &s->e2e};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        all[i]->mean *= 0.999 + 0.002 * rng_unit(seed);
        all[i]->p95 *= 0.999 + 0.002 * rng_unit(seed);
    }
}

static void live_points(struct snapshot *s, double t, uint64_t *seed)
{
    struct series *const all[] = {&s->series.out, &s->series.gtt,  &s->series.ram, &s->series.vram,
                                  &s->series.run, &s->series.wait, &s->series.kv};
    const double top[] = {130, 40 * CANNED_GIB, 46 * CANNED_GIB, 0.2 * CANNED_GIB, 4, 3, 0.4};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        series_push(all[i], t, top[i] * (0.9 + 0.1 * rng_unit(seed)));
    s->series.seq++;
}

static void live_step(struct life *l)
{
    struct snapshot *s = l->s;
    double t = START_S + ++l->frame * FRAME_S;
    s->seq++;
    s->clock_s = t;
    s->elapsed_s = t - 3;
    if (l->frame % 5 == 0)
        live_points(s, t, &l->seed);
    for (size_t i = 0; i < s->streams_n; i++)
        live_stream(l, &s->streams[i]);
    s->output_rate = 130 + 20 * rng_unit(&l->seed);
    s->output_rate_stream = 32 + 3 * rng_unit(&l->seed);
    s->output_tokens += 13;
    s->server.running = 4 + (int)(3 * rng_unit(&l->seed));
    s->server.kv_used = 0.3 + 0.1 * rng_unit(&l->seed);
    s->memory.gtt_used.value += CANNED_GIB * (rng_unit(&l->seed) - 0.5) / 50;
    s->memory.ram_used.value += CANNED_GIB * (rng_unit(&l->seed) - 0.5) / 50;
    s->memory.busy.value = 90 + 9 * rng_unit(&l->seed);
    s->memory.power.value = 80 + 9 * rng_unit(&l->seed);
    live_latency(s, &l->seed);
}

/* ---- frames in memory ---- */

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* CPU of one frame, ms */
static double draw_cost(const struct view *view, int w, int h, int streams, int frames)
{
    struct ui_state st;
    struct canvas c;
    struct life l;
    double sum = 0;
    frame_init(&st);
    st.view = view;
    canvas_init(&c, w, h, GLYPHS_BRAILLE);
    live_begin(&l, streams);
    for (int i = 0; i < frames; i++) {
        live_step(&l);
        double before = cpu_ms();
        frame_update(&st, l.s, w, h, c.glyphs);
        frame_draw(&c, l.s, &st);
        sum += cpu_ms() - before;
    }
    canvas_release(&c);
    free(l.s);
    return sum / frames;
}

/* The view that costs most, of those that are not the first one */
static const struct view *dearest_other(void)
{
    const struct view *found = NULL;
    double most = -1;
    for (const struct view *const *v = view_table + 1; *v != NULL; v++) {
        double ms = draw_cost(*v, sizes[1].ws_col, sizes[1].ws_row, STREAMS, SEARCH_FRAMES);
        if (ms > most) {
            most = ms;
            found = *v;
        }
    }
    return found;
}

/* ---- frames on a terminal ---- */

struct shown {
    double ms, bytes, still_bytes;
};

/* Until the terminal has taken this frame and all before it. */
static void show(const struct canvas *c)
{
    while (!screen_show(c))
        screen_wait(0, LAG_MS);
}

/* In the process that has the terminal. */
static struct shown show_frames(const struct view *view, int frames)
{
    static struct theme theme;
    struct err e;
    struct ui_state st;
    struct canvas c;
    struct life l;
    struct shown r = {0, 0, 0};
    int w, h;
    if (!theme_load(&theme, NULL) || !screen_open(&(struct ui_config){.color = UI_COLOR_AUTO}, &theme, &e))
        die("no screen: %s", e.msg);
    screen_size(&w, &h);
    canvas_init(&c, w, h, screen_glyphs());
    frame_init(&st);
    st.view = view;
    live_begin(&l, STREAMS);
    for (int i = 0; i < frames + 1; i++) { /* the first paints everything: it does not count */
        live_step(&l);
        if (i == 1)
            r = (struct shown){0, (double)screen_bytes(), 0};
        double before = cpu_ms();
        frame_update(&st, l.s, w, h, c.glyphs);
        frame_draw(&c, l.s, &st);
        show(&c);
        r.ms += cpu_ms() - before;
        if (i == 0)
            show(&c); /* waits until all of it is written */
    }
    show(&c);
    r.bytes = ((double)screen_bytes() - r.bytes) / frames;
    r.ms /= frames;
    double still = (double)screen_bytes();
    for (int i = 0; i < STILL_FRAMES; i++) {
        frame_update(&st, l.s, w, h, c.glyphs);
        frame_draw(&c, l.s, &st);
        show(&c);
    }
    r.still_bytes = ((double)screen_bytes() - still) / STILL_FRAMES;
    screen_close();
    screen_finish();
    return r;
}

static struct shown shown_cost(const struct view *view, const struct winsize *size, int frames)
{
    struct shown r;
    int result[2], terminal, status;
    char bytes[65536];
    if (pipe(result) != 0)
        die("pipe: %s", strerror(errno));
    pid_t child = forkpty(&terminal, NULL, NULL, size);
    if (child < 0)
        die("forkpty: %s", strerror(errno));
    if (child == 0) {
        setenv("TERM", "xterm-256color", 1);
        r = show_frames(view, frames);
        _exit(write(result[1], &r, sizeof r) == (ssize_t)sizeof r ? 0 : 1);
    }
    close(result[1]);
    while (read(terminal, bytes, sizeof bytes) > 0)
        ;
    if (waitpid(child, &status, 0) != child || status != 0 || read(result[0], &r, sizeof r) != (ssize_t)sizeof r)
        die("the process with the terminal failed");
    close(result[0]);
    close(terminal);
    return r;
}

/* ---- all of it ---- */

static void measure(const char *name, const struct view *view, int frames)
{
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        int w = sizes[i].ws_col, h = sizes[i].ws_row;
        struct shown r = shown_cost(view, &sizes[i], frames);
        printf("\"%s_%dx%d\":{\"draw_ms\":%.4f,\"shown_ms\":%.4f,\"bytes\":%.1f,\"still_bytes\":%.3f},", name, w, h,
               draw_cost(view, w, h, STREAMS, frames), r.ms, r.bytes, r.still_bytes);
    }
}

int main(int argc, char **argv)
{
    int frames = argc > 1 ? atoi(argv[1]) : 10000;
    setlocale(LC_CTYPE, "");
    if (frames < 1 || argc > 2) {
        fputs("usage: ui_frame [FRAMES]\n", stderr);
        return 2;
    }
    const struct view *other = dearest_other();
    printf("{\"frames\":%d,\"other\":\"%s\",", frames, other->name);
    measure("overview", &view_overview, frames);
    measure("other", other, frames);
    /* A low screen, which both fill. */
    printf("\"streams_20_ms\":%.4f,\"streams_1000_ms\":%.4f}\n", draw_cost(&view_streams, 120, 22, 20, frames),
           draw_cost(&view_streams, 120, 22, 1000, frames));
    return 0;
}
