/* The loop of the main thread: newest snapshot → frame → screen, keys → commands.  It sleeps in screen_wait;
 * a frame is made only where something changed, FRAME_S after the one before, for a key a little sooner. */
#include "ui/ui.h"

#include "ui/control.h"
#include "ui/note.h"
#include "ui/search.h"
#include "ui/screen.h"
#include "ui/svg.h"
#include "ui/theme_find.h"
#include "ui/view.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FRAME_S 0.1      /* between two frames */
#define SLOW_FRAME_S 0.25 /* … in a pause: as often as memory is looked at */
#define NEWS_S 0.5       /* … at the most, where a snapshot tells by itself that it is there */
#define KEY_FRAME_S 0.03 /* between two frames that keys asked for */
#define SAVE_TRIES 10
#define RESTART_S 4.0

struct ui {
    const struct ui_config *config;
    const struct snapshot_source *source;
    struct theme theme; /* as it is shown */
    struct theme_entry chosen;
    struct theme_list themes;
    struct ui_state st;
    struct control ctl;
    struct snapshot *s;
    struct canvas canvas;
    int w, h;
    bool have_canvas, dirty, hurry; /* hurry: a key waits for its frame */
    double last_frame;
    double restart_until; /* a second R means it */
};

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void fit_canvas(struct ui *u)
{
    int w, h;
    screen_size(&w, &h);
    if (u->have_canvas && w == u->w && h == u->h)
        return;
    if (u->have_canvas)
        canvas_release(&u->canvas);
    canvas_init(&u->canvas, w, h, screen_glyphs());
    u->have_canvas = u->dirty = u->hurry = true;
    u->w = w;
    u->h = h;
}

static void draw(struct ui *u, double now)
{
    frame_update(&u->st, u->s, u->w, u->h, u->canvas.glyphs);
    frame_draw(&u->canvas, u->s, &u->st);
    u->last_frame = now;
    if (screen_show(&u->canvas)) /* else the terminal is behind: this frame, or a newer one, later */
        u->dirty = u->hurry = false;
}

/* ---- saving a picture ---- */

static FILE *create_new(const char *name)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return NULL;
    FILE *f = fdopen(fd, "w");
    if (f == NULL)
        close(fd);
    return f;
}

static bool write_pictures(struct ui *u, const char *base)
{
    char name[96];
    snprintf(name, sizeof name, "%s.svg", base);
    FILE *f = create_new(name);
    if (f == NULL)
        return false;
    svg_write(&u->canvas, &u->theme, "tokgauge", f);
    bool ok = fclose(f) == 0;
    snprintf(name, sizeof name, "%s.txt", base);
    f = create_new(name);
    if (f == NULL)
        return false;
    canvas_dump_text(&u->canvas, f);
    return fclose(f) == 0 && ok;
}

static void save(struct ui *u, double now)
{
    char base[64], text[160];
    time_t t = time(NULL);
    struct tm tm;
    localtime_r(&t, &tm);
    size_t n = strftime(base, sizeof base - 8, "tokgauge-%Y%m%d-%H%M%S", &tm);
    u->st.toast[0] = '\0'; /* not in the picture */
    frame_draw(&u->canvas, u->s, &u->st);
    bool ok = write_pictures(u, base);
    for (int i = 2; !ok && errno == EEXIST && i <= SAVE_TRIES; i++) {
        snprintf(base + n, sizeof base - n, "-%d", i);
        ok = write_pictures(u, base);
    }
    if (ok)
        snprintf(text, sizeof text, "✓ saved %s.svg and .txt", base);
    else
        snprintf(text, sizeof text, "✗ cannot save '%s.svg': %s", base, strerror(errno));
    control_toast(&u->ctl, &u->st, ok ? ROLE_STATUS_OK : ROLE_STATUS_ERROR, text, now);
}

/* ---- themes ---- */

static void show_theme(struct ui *u)
{
    u->theme = u->themes.at[u->st.themes.at].theme;
    screen_set_theme(&u->theme);
}

/* The files are read again, so that whoever writes one sees what it looks like. */
static void open_themes(struct ui *u)
{
    struct theme_picker *p = &u->st.themes;
    theme_list_release(&u->themes);
    theme_list_make(&u->themes);
    p->list = &u->themes;
    p->at = p->kept = (int)theme_list_place(&u->themes, &u->chosen);
    p->on = true;
    u->st.help = false;
    show_theme(u);
}

static void after_themes(struct ui *u, int shown, int kept)
{
    const struct theme_picker *p = &u->st.themes;
    if (p->at != shown)
        show_theme(u);
    if (p->kept == kept)
        return;
    const struct theme_entry *t = &u->themes.at[p->kept];
    theme_entry_release(&u->chosen);
    u->chosen = *t;
    u->chosen.path = t->path != NULL ? xstrdup(t->path) : NULL;
}

/* Attributes only: mono is made for that.  What was asked for is known to be there since the start. */
static bool first_theme(struct ui *u, struct err *e)
{
    const char *no_color = getenv("NO_COLOR");
    bool mono = u->config->color == UI_COLOR_NEVER || (no_color != NULL && no_color[0] != '\0');
    if (!theme_open(mono ? "mono" : u->config->theme, &u->chosen, NULL, e))
        return false;
    u->theme = u->chosen.theme;
    return true;
}

/* ---- keys ---- */

/* Returns how the screen ends by this action, or −1. */
static int on_action(struct ui *u, enum action a, double now)
{
    int shown = u->st.themes.at, kept = u->st.themes.kept;
    switch (a) {
    case ACT_QUIT:
        return UI_QUIT;
    case ACT_INTERRUPT:
        return UI_INTERRUPT;
    case ACT_RESTART:
        if (control_act(&u->ctl, &u->st, u->s, a, now))
            break;
        if (u->config->no_restart) {
            control_toast(&u->ctl, &u->st, ROLE_STATUS_WARN, "there is no new run to begin here", now);
            break;
        }
        if (now < u->restart_until)
            return UI_RESTART;
        u->restart_until = now + RESTART_S;
        control_toast(&u->ctl, &u->st, ROLE_STATUS_WARN, "R again: this run ends with its report, and a new one begins", now);
        break;
    case ACT_REDRAW:
        screen_redraw();
        break;
    case ACT_SAVE:
        save(u, now);
        break;
    default:
        if (frame_act(&u->st, u->s, a, u->w, u->h))
            after_themes(u, shown, kept);
        else if (a == ACT_THEMES)
            open_themes(u);
        else
            control_act(&u->ctl, &u->st, u->s, a, now);
    }
    return -1;
}

static int on_key(struct ui *u, int code, double now)
{
    if (u->st.note.on) {
        if (note_key(&u->st, code) == NOTE_KEPT)
            control_mark(&u->ctl, &u->st, now);
        return -1;
    }
    if (u->st.search.typing && u->st.view == &view_server) {
        search_key(&u->st, u->s, code);
        return -1;
    }
    if (frame_view_key(&u->st, code))
        return -1;
    return on_action(u, keys_action(code), now);
}

static int on_mouse(struct ui *u, const struct mouse *m, double now)
{
    if (u->st.note.on) /* it stands where the footer is */
        return -1;
    int shown = u->st.themes.at, kept = u->st.themes.kept;
    enum action a = frame_mouse(&u->st, u->s, m, &u->canvas);
    after_themes(u, shown, kept);
    return on_action(u, a, now);
}

static int read_keys(struct ui *u)
{
    double now = seconds();
    struct mouse m;
    for (int code; (code = screen_key(&m)) != KEYCODE_NONE;) {
        u->dirty = u->hurry = true;
        int end = code == KEYCODE_MOUSE ? on_mouse(u, &m, now) : on_key(u, code, now);
        if (end >= 0)
            return end;
    }
    return -1;
}

/* ---- the loop ---- */

/* Until the next frame may be made. */
static double frame_wait(const struct ui *u, double now)
{
    return u->last_frame + (u->hurry ? KEY_FRAME_S : u->s->paused ? SLOW_FRAME_S : FRAME_S) - now;
}

/* News that come before the next frame are in it anyway: they wake nobody where one is due, or where they change little. */
static enum screen_event wait_event(const struct ui *u, double now)
{
    double most = u->source->news_fd > 0 ? NEWS_S : FRAME_S, wait = frame_wait(u, now);
    bool deaf = u->dirty || (u->s->paused && wait > 0);
    double ms = ceil((deaf ? MIN_OF(wait, most) : most) * 1000);
    return screen_wait(deaf ? -1 : u->source->news_fd, ms < 1 ? 1 : (int)ms);
}

static int loop(struct ui *u)
{
    bool first = true;
    for (;;) {
        if (u->config->stop != NULL && *u->config->stop)
            return UI_INTERRUPT;
        double now = seconds();
        if (u->source->read(u->source->ctx, u->s, first ? UINT64_MAX : u->s->seq))
            u->dirty = true;
        if (!u->s->replay.on && (u->s->state == RUN_DONE || u->s->state == RUN_FAILED))
            return UI_FINISHED;
        if (control_settle(&u->ctl, &u->st, u->s, now))
            u->dirty = true;
        fit_canvas(u);
        if (u->dirty && (first || frame_wait(u, now) <= 0.001))
            draw(u, now);
        first = false;
        enum screen_event event = wait_event(u, now);
        if (event == SCREEN_LOST)
            return UI_LOST;
        if (event == SCREEN_AGAIN)
            u->dirty = u->hurry = true;
        int end = event == SCREEN_KEYS ? read_keys(u) : -1;
        if (end >= 0)
            return end;
    }
}

void ui_finish(void)
{
    screen_finish();
}

bool ui_check(struct err *e)
{
    return screen_check(e);
}

int ui_run(const struct ui_config *config, const struct snapshot_source *source, struct err *e)
{
    struct ui u = {.config = config, .source = source, .ctl.source = source, .dirty = true};
    if (!first_theme(&u, e))
        return UI_ERROR;
    if (!screen_open(config, &u.theme, e)) {
        theme_entry_release(&u.chosen);
        return UI_ERROR;
    }
    frame_init(&u.st);
    if (config->view != 0)
        frame_view_key(&u.st, config->view);
    u.s = xcalloc(1, sizeof *u.s);
    snapshot_clear(u.s); /* until the engine has said something */
    int end = loop(&u);
    screen_close();
    if (u.have_canvas)
        canvas_release(&u.canvas);
    free(u.s);
    theme_entry_release(&u.chosen);
    theme_list_release(&u.themes);
    return end;
}
