#include "ui/screen.h"

#include "ui/job.h"
#include "util.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <term.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#define PAIRS_MOST 256
#define PAIRS_MOST_8 60 /* some terminals have 64 */
#define RESTORE_MOST 256
#define SIZE_MOST                                                                                            \
    1000 /* columns and lines; a terminal may say that it has more, and ncurses takes minutes then */
#define MOUSE_MOST 8 /* ncurses keeps so many */
#define BUTTON_EITHER(n) NCURSES_MOUSE_MASK(n, NCURSES_BUTTON_PRESSED | NCURSES_BUTTON_RELEASED)
/* All that a terminal may report without being asked for more: after an event that is not wanted ncurses waits for the next
 * input, whatever nodelay() says. */
#define MOUSE_TAKEN                                                                                          \
    (BUTTON_EITHER(1) | BUTTON_EITHER(2) | BUTTON_EITHER(3) | BUTTON_EITHER(4) | BUTTON_EITHER(5))
#define MOUSE_WANTED (BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED)
#define CLOSE_WAIT_MS 500 /* for a terminal that does not read, at the end */

static struct {
    bool open, left; /* left: closed, but screen_finish has something to do */
    bool away;       /* the terminal is somebody else's: nothing is written to it, and no mode is set */
    bool put_back;   /* … and is as that one wants it: ^Z; not so after a stop that could not be caught */
    SCREEN *curses;
    FILE *in, *out;       /* ncurses' own; out's descriptor is the spool while a frame is made */
    int tty;              /* written to; does not block where that could be arranged */
    int spool;            /* memory file that takes ncurses' bytes */
    int real_out;         /* the terminal, to put back under out */
    bool own_in;          /* in is not stdin */
    struct termios saved; /* as it was before */
    enum glyph_set glyphs;
    const struct theme *theme;
    int colors;         /* 256, 8 or 0 */
    struct canvas last; /* what ncurses has been told */
    bool have_last;
    char *pending; /* bytes the terminal has not taken yet */
    size_t pending_n, pending_at;
    unsigned long long bytes;
    bool mouse;     /* it is asked to tell */
    struct mouse mice[MOUSE_MOST]; /* what it did and screen_key has not told yet, the newest first */
    int mice_n;
    int held;       /* a key that came after these; KEYCODE_NONE: none */
    int idle_reads; /* times that input was announced and none came: the end of it */
    struct {
        short fg, bg;
    } pairs[PAIRS_MOST];
    int pairs_n;
    int saved_stderr,
        log; /* stderr goes to a memory file while the screen is up; −1: it was not a terminal */
} scr;

/* What a signal handler needs; written before the handlers are installed. */
static char restore_text[RESTORE_MOST];
static volatile sig_atomic_t restore_n, restore_armed;
/* Every signal that would end the process where nobody else has asked for it. */
static const int fatal[] = {SIGSEGV,   SIGABRT, SIGBUS,  SIGFPE,  SIGILL,  SIGTRAP, SIGSYS, SIGALRM,
                            SIGVTALRM, SIGPROF, SIGXCPU, SIGUSR1, SIGUSR2, SIGIO,   SIGPWR, SIGSTKFLT};
static struct sigaction old_fatal[ARRAY_LEN(fatal)], old_winch;

/* ---- putting the terminal back ---- */

static int to_restore_text(int ch)
{
    if (restore_n < RESTORE_MOST - 1)
        restore_text[restore_n++] = (char)ch;
    return ch;
}

/* As ncurses does it. */
static void put_mouse_off(void)
{
    const char *s = tigetstr("XM");
    if (s == NULL || s == (const char *)-1)
        s = "\033[?1000%?%p1%{1}%=%th%el%;";
    tputs(tiparm(s, 0), 1, to_restore_text);
}

static void prepare_restore(void)
{
    static const char *const caps[] = {"rmkx", "sgr0", "op", "cnorm", "rmcup", "cnorm"}; /* again: see show_cursor */
    restore_n = 0;
    if (scr.mouse)
        put_mouse_off();
    for (size_t i = 0; i < ARRAY_LEN(caps); i++) {
        const char *s = tigetstr(caps[i]);
        if (s != NULL && s != (const char *)-1)
            tputs(s, 1, to_restore_text);
    }
}

/* From signal handlers and from any thread: system calls only. */
static void restore_now(void)
{
    if (!restore_armed)
        return;
    restore_armed = 0;
    if (scr.saved_stderr >= 0)
        dup2(scr.saved_stderr, STDERR_FILENO);
    if (scr.away || !job_has_terminal(scr.real_out))
        return;
    tcsetattr(scr.real_out, TCSANOW, &scr.saved);
    ssize_t ignored = write(scr.tty, restore_text, (size_t)restore_n);
    (void)ignored;
}

static void on_fatal(int sig)
{
    restore_now();
    for (size_t i = 0; i < ARRAY_LEN(fatal); i++)
        if (fatal[i] == sig)
            sigaction(sig, &old_fatal[i], NULL);
    raise(sig); /* delivered when this handler returns, to whoever was there before */
}

static void install_fatal(void)
{
    struct sigaction sa = {.sa_handler = on_fatal, .sa_flags = SA_ONSTACK};
    sigemptyset(&sa.sa_mask);
    for (size_t i = 0; i < ARRAY_LEN(fatal); i++)
        sigaction(fatal[i], &sa, &old_fatal[i]);
}

static void on_winch(int sig)
{
    (void)sig; /* it ends the poll in screen_wait; screen_size does the rest, and not ncurses in between */
}

/* Before newterm, which takes only signals that nobody has. */
static void install_winch(void)
{
    struct sigaction sa = {.sa_handler = on_winch};
    sigemptyset(&sa.sa_mask);
    sigaction(SIGWINCH, &sa, &old_winch);
}

static void remove_fatal(void)
{
    for (size_t i = 0; i < ARRAY_LEN(fatal); i++)
        sigaction(fatal[i], &old_fatal[i], NULL);
}

/* ---- writing ---- */

/* Writes as much of the pending bytes as the terminal takes; nothing while it is not ours. */
static void flush_pending(void)
{
    if (scr.pending_at == scr.pending_n || scr.away || !job_has_terminal(scr.tty))
        return;
    while (scr.pending_at < scr.pending_n) {
        ssize_t n = write(scr.tty, scr.pending + scr.pending_at, scr.pending_n - scr.pending_at);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            scr.pending_at = scr.pending_n; /* gone; screen_wait will say so */
        if (n <= 0)
            return;
        scr.pending_at += (size_t)n;
        scr.bytes += (unsigned long long)n;
    }
}

static void spool_begin(void)
{
    if (ftruncate(scr.spool, 0) != 0 || lseek(scr.spool, 0, SEEK_SET) != 0)
        die("cannot empty the screen's buffer: %s", strerror(errno));
    dup2(scr.spool, fileno(scr.out));
}

static void spool_end(void)
{
    dup2(scr.real_out, fileno(scr.out));
    off_t n = lseek(scr.spool, 0, SEEK_CUR);
    if (n > 0) {
        size_t left = scr.pending_n - scr.pending_at;
        char *all = xmalloc(left + (size_t)n);
        if (left > 0)
            memcpy(all, scr.pending + scr.pending_at, left);
        ssize_t got = pread(scr.spool, all + left, (size_t)n, 0);
        free(scr.pending);
        scr.pending = all;
        scr.pending_at = 0;
        scr.pending_n = left + (got > 0 ? (size_t)got : 0);
    }
    flush_pending();
}

/* ---- opening ---- */

static enum glyph_set choose_glyphs(enum ui_glyphs wanted)
{
    bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    const char *term = getenv("TERM");
    if (!utf8 || wanted == UI_GLYPHS_ASCII)
        return GLYPHS_ASCII;
    if (wanted == UI_GLYPHS_BLOCK)
        return GLYPHS_BLOCK;
    if (wanted == UI_GLYPHS_AUTO && term != NULL && strcmp(term, "linux") == 0)
        return GLYPHS_BLOCK;
    return GLYPHS_BRAILLE;
}

/* ncurses would end the process, or draw nonsense, where the terminal cannot do what is needed. */
bool screen_check(struct err *e)
{
    const char *term = getenv("TERM");
    if (term == NULL || term[0] == '\0')
        return err_set(e, "TERM is not set: use --plain");
    int status = 0;
    if (setupterm(NULL, STDOUT_FILENO, &status) != OK)
        return err_set(e, "terminal type '%s' is not known here: use --plain or another TERM", term);
    const char *move = tigetstr("cup");
    bool ok = move != NULL && move != (const char *)-1;
    del_curterm(cur_term);
    if (!ok)
        return err_set(e, "terminal type '%s' cannot move its cursor: use --plain", term);
    return true;
}

/* The terminal for writing without blocking.  A descriptor of its own: the flag would reach the shell through
 * a shared one. */
static int open_nonblocking(int fd)
{
    char name[128];
    int own = -1;
    if (ttyname_r(fd, name, sizeof name) == 0)
        own = open(name, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return own >= 0 ? own : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

/* Started in the background: the same as for any program that wants the terminal. */
static bool wait_for_terminal(struct err *e)
{
    job_stay_behind();
    return job_has_terminal(scr.tty) || err_set(e, "in the background there is no terminal for the dashboard: use --plain");
}

static bool open_files(struct err *e)
{
    scr.in = stdin;
    scr.own_in = false;
    if (!isatty(STDOUT_FILENO))
        return err_set(e, "standard output is not a terminal: use --plain");
    if (!isatty(STDIN_FILENO)) {
        scr.in = fopen("/dev/tty", "re");
        if (scr.in == NULL)
            return err_set(e, "no terminal to read keys from: use --plain");
        scr.own_in = true;
    }
    int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    scr.real_out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    scr.spool = memfd_create("screen", MFD_CLOEXEC);
    scr.tty = open_nonblocking(STDOUT_FILENO);
    scr.out = out >= 0 ? fdopen(out, "w") : NULL;
    if (scr.out == NULL || scr.real_out < 0 || scr.spool < 0 || scr.tty < 0)
        return err_set(e, "cannot open the screen: %s", strerror(errno));
    if (tcgetattr(scr.real_out, &scr.saved) != 0)
        return err_set(e, "cannot read the terminal's modes: %s", strerror(errno));
    return job_has_terminal(scr.tty) || wait_for_terminal(e);
}

static void close_files(void)
{
    if (scr.own_in)
        fclose(scr.in);
    if (scr.out != NULL)
        fclose(scr.out);
    int fds[] = {scr.real_out, scr.spool, scr.tty};
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static void start_colors(const struct ui_config *config)
{
    const char *no_color = getenv("NO_COLOR");
    scr.colors = 0;
    scr.pairs_n = 1; /* pair 0 is the terminal's own */
    if (config->color == UI_COLOR_NEVER || (no_color != NULL && no_color[0] != '\0') || !has_colors())
        return;
    if (start_color() != OK || use_default_colors() != OK)
        return;
    scr.colors = COLORS >= 256 ? 256 : COLORS >= 8 ? 8 : 0;
}

/* Presses alone: a click is there when the button goes down, and nothing waits for a second one.  Not on the Linux console:
 * there ncurses would ask a daemon, whose events do not come as input. */
static void start_mouse(const struct ui_config *config)
{
    const char *term = getenv("TERM");
    if (config->no_mouse || (term != NULL && strncmp(term, "linux", 5) == 0))
        return;
    mouseinterval(0);
    scr.mouse = mousemask(MOUSE_TAKEN, NULL) != 0;
}

static void set_modes(void)
{
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(25);
    leaveok(stdscr, TRUE);
    typeahead(-1);
    curs_set(0);
}

/* Anything that a library prints would stand in the middle of the screen: it is kept, and told afterwards. */
static void take_stderr(void)
{
    scr.saved_stderr = scr.log = -1;
    if (!isatty(STDERR_FILENO))
        return;
    scr.log = memfd_create("stderr", MFD_CLOEXEC);
    if (scr.log < 0)
        return;
    scr.saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    dup2(scr.log, STDERR_FILENO);
}

static void give_stderr(void)
{
    if (scr.saved_stderr < 0)
        return;
    dup2(scr.saved_stderr, STDERR_FILENO);
    char text[4096];
    ssize_t n = pread(scr.log, text, sizeof text, 0);
    if (n > 0)
        (void)!write(STDERR_FILENO, text, (size_t)n); /* nobody to tell where it fails */
    close(scr.saved_stderr);
    close(scr.log);
    scr.saved_stderr = scr.log = -1;
}

bool screen_open(const struct ui_config *config, const struct theme *theme, struct err *e)
{
    memset(&scr, 0, sizeof scr);
    scr.real_out = scr.spool = scr.tty = scr.saved_stderr = scr.log = -1;
    if (!screen_check(e))
        return false;
    if (!open_files(e)) {
        close_files();
        return false;
    }
    use_env(FALSE);
    use_tioctl(TRUE);
    install_winch();
    job_begin();
    scr.curses = newterm(NULL, scr.out, scr.in);
    if (scr.curses == NULL) {
        sigaction(SIGWINCH, &old_winch, NULL);
        job_end();
        close_files();
        return err_set(e, "cannot use terminal type '%s': use --plain", getenv("TERM"));
    }
    scr.theme = theme;
    scr.glyphs = choose_glyphs(config->glyphs);
    spool_begin();
    start_colors(config);
    dup2(scr.real_out, fileno(scr.out)); /* modes are set on the terminal itself */
    set_modes();
    start_mouse(config);
    prepare_restore();
    spool_end();
    take_stderr();
    restore_armed = 1;
    install_fatal();
    die_hook(restore_now);
    scr.open = true;
    return true;
}

static void drain_at_end(void)
{
    struct timespec nap = {.tv_nsec = 10 * 1000 * 1000};
    flush_pending();
    for (int i = 0; i < CLOSE_WAIT_MS / 10 && scr.pending_at < scr.pending_n; i++) {
        nanosleep(&nap, NULL);
        flush_pending();
    }
}

static int to_spool(int ch)
{
    char c = (char)ch;
    return write(scr.spool, &c, 1) == 1 ? ch : EOF;
}

/* Behind what leaves the alternate screen: some terminals give back the cursor as it was last saved, hidden, which ncurses
 * does where it scrolls. */
static void show_cursor(void)
{
    const char *s = tigetstr("cnorm");
    if (s != NULL && s != (const char *)-1)
        tputs(s, 1, to_spool);
}

/* The terminal as the program found it, with its own screen; ncurses gives us ours again with the next refresh. */
static void put_back(void)
{
    spool_begin();
    endwin();
    show_cursor();
    spool_end();
    drain_at_end();
    tcsetattr(scr.real_out, TCSANOW, &scr.saved); /* ncurses would wait for a terminal that does not read */
}

void screen_close(void)
{
    if (!scr.open)
        return;
    if (!scr.put_back && !job_has_terminal(scr.tty)) {
        scr.away = true;
        job_stay_behind(); /* only what is in front can put it back */
        scr.away = !job_has_terminal(scr.tty);
    }
    if (!scr.away)
        put_back();
    restore_armed = 0;
    die_hook(NULL);
    remove_fatal();
    sigaction(SIGWINCH, &old_winch, NULL);
    job_end();
    delscreen(scr.curses);
    if (scr.have_last)
        canvas_release(&scr.last);
    scr.open = scr.have_last = false;
    scr.left = true;
    if (scr.pending_at == scr.pending_n || scr.away)
        screen_finish();
}

void screen_finish(void)
{
    if (!scr.left)
        return;
    scr.left = false;
    for (; scr.pending_at < scr.pending_n && !scr.away && job_has_terminal(scr.tty); flush_pending())
        if (poll(&(struct pollfd){.fd = scr.tty, .events = POLLOUT}, 1, -1) < 0)
            break; /* by a signal: somebody is tired of waiting */
    close_files();
    give_stderr();
    free(scr.pending);
    scr.pending = NULL;
}

/* ---- showing ---- */

enum glyph_set screen_glyphs(void)
{
    return scr.glyphs;
}

unsigned long long screen_bytes(void)
{
    return scr.bytes;
}

void screen_size(int *w, int *h)
{
    struct winsize ws;
    if (ioctl(scr.real_out, TIOCGWINSZ, &ws) == 0 && ws.ws_row > 0 && ws.ws_col > 0) {
        int h_now = MIN_OF(ws.ws_row, SIZE_MOST), w_now = MIN_OF(ws.ws_col, SIZE_MOST);
        if (h_now != LINES || w_now != COLS) {
            /* Smaller first: ncurses grows what grows before it shrinks the rest, and 1000×3 → 3×1000 would be a
             * million cells for a moment, in each of its windows. */
            resizeterm(MIN_OF(h_now, LINES), MIN_OF(w_now, COLS));
            resizeterm(h_now, w_now);
            screen_redraw();
        }
    }
    *w = MIN_OF(COLS, SIZE_MOST);
    *h = MIN_OF(LINES, SIZE_MOST);
}

void screen_redraw(void)
{
    if (scr.have_last)
        canvas_release(&scr.last);
    scr.have_last = false;
}

void screen_set_theme(const struct theme *theme)
{
    scr.theme = theme;
    scr.pairs_n = 1; /* made again as they are needed: terminals have few */
    screen_redraw();
}

static short pair_for(int fg, int bg)
{
    if (fg == COLOR_DEFAULT && bg == COLOR_DEFAULT)
        return 0;
    for (int i = 1; i < scr.pairs_n; i++)
        if (scr.pairs[i].fg == fg && scr.pairs[i].bg == bg)
            return (short)i;
    if (scr.pairs_n >= (scr.colors == 256 ? PAIRS_MOST : PAIRS_MOST_8) || scr.pairs_n >= COLOR_PAIRS)
        return 0;
    int i = scr.pairs_n++;
    init_extended_pair(i, fg, bg);
    scr.pairs[i].fg = (short)fg;
    scr.pairs[i].bg = (short)bg;
    return (short)i;
}

static attr_t to_curses(uint8_t a)
{
    return (a & ATTR_BOLD ? A_BOLD : 0) | (a & ATTR_DIM ? A_DIM : 0) | (a & ATTR_REVERSE ? A_REVERSE : 0) |
           (a & ATTR_UNDERLINE ? A_UNDERLINE : 0);
}

static void put_cell(int x, int y, const struct cell *cell)
{
    const struct style *fg = &scr.theme->style[cell->role], *bg = &scr.theme->style[cell->bg];
    wchar_t text[2] = {(wchar_t)cell->ch, 0};
    cchar_t out;
    uint8_t attrs = cell->attrs | (scr.colors == 256 ? fg->attrs : fg->attrs_low | bg->attrs_low);
    short pair = scr.colors == 256 ? pair_for(fg->c256, bg->c256)
                 : scr.colors == 8 ? pair_for(fg->c8, bg->c8)
                                   : 0;
    setcchar(&out, text, to_curses(attrs), pair, NULL);
    mvadd_wchnstr(y, x, &out, 1);
}

static bool same(const struct cell *a, const struct cell *b)
{
    return a->ch == b->ch && a->width == b->width && a->role == b->role && a->bg == b->bg &&
           a->attrs == b->attrs;
}

bool screen_show(const struct canvas *c)
{
    flush_pending();
    if (scr.away || scr.pending_at < scr.pending_n)
        return false;
    if (scr.have_last && (scr.last.w != c->w || scr.last.h != c->h))
        screen_redraw();
    bool all = !scr.have_last, changed = all;
    if (all)
        canvas_init(&scr.last, c->w, c->h, c->glyphs);
    scr.have_last = true;
    size_t row_size = (size_t)c->w * sizeof *c->cells;
    for (int y = 0; y < c->h; y++) {
        const struct cell *row = canvas_at(c, 0, y);
        struct cell *before = &scr.last.cells[(size_t)y * (size_t)c->w];
        if (!all && memcmp(row, before, row_size) == 0) /* most are */
            continue;
        for (int x = 0; x < c->w; x++)
            if (row[x].width != 0 && (all || !same(&row[x], &before[x])))
                put_cell(x, y, &row[x]);
        memcpy(before, row, row_size);
        changed = true;
    }
    if (!changed)
        return true;
    spool_begin();
    if (all)
        clearok(curscr, TRUE);
    refresh();
    spool_end();
    return true;
}

/* ---- keys ---- */

/* Input that is announced again and again but never comes is the end of it. */
static bool at_end(short revents)
{
    int n = 0;
    if (revents & (POLLERR | POLLNVAL))
        return true;
    if ((revents & POLLIN) == 0)
        return (revents & POLLHUP) != 0;
    if (ioctl(fileno(scr.in), FIONREAD, &n) != 0)
        return true;
    scr.idle_reads = n > 0 ? 0 : scr.idle_reads + 1;
    return n == 0 && ((revents & POLLHUP) != 0 || scr.idle_reads > 3);
}

/* Does what a stop asks for, or stops in the background: one of them, so that the caller sees what came meanwhile.  False while
 * the terminal is not ours. */
static bool have_terminal(void)
{
    if (job_stop_asked()) {
        if (!scr.away && job_has_terminal(scr.tty)) {
            put_back();
            scr.put_back = true;
        }
        scr.away = true;
        job_stop();
    } else if (job_has_terminal(scr.tty)) {
        return true;
    } else {
        scr.away = true;
        job_stay_behind();
    }
    return job_has_terminal(scr.tty);
}

/* Meanwhile a shell has had the terminal: its modes, and its text in the picture. */
static enum screen_event go_on(void)
{
    if (scr.put_back) {
        tcgetattr(scr.real_out, &scr.saved); /* what the user has changed stays so, afterwards too */
        tcflush(fileno(scr.in), TCIFLUSH);   /* typed for the shell */
    }
    scr.away = scr.put_back = false;
    reset_prog_mode();
    screen_redraw();
    return SCREEN_AGAIN;
}

enum screen_event screen_wait(int wake_fd, int timeout_ms)
{
    bool ours = !scr.away;
    struct pollfd p[3] = {{.fd = ours ? fileno(scr.in) : -1, .events = POLLIN},
                          {.fd = wake_fd > 0 ? wake_fd : -1, .events = POLLIN},
                          {.fd = ours && scr.pending_at < scr.pending_n ? scr.tty : -1, .events = POLLOUT}};
    int ready = poll(p, ARRAY_LEN(p), timeout_ms);
    if (!have_terminal())
        return SCREEN_NOTHING;
    if (job_continued() || scr.away)
        return go_on();
    if (ready <= 0)
        return SCREEN_NOTHING;
    if (p[2].revents & POLLOUT)
        flush_pending();
    if (p[0].revents == 0)
        return SCREEN_NOTHING;
    return at_end(p[0].revents) ? SCREEN_LOST : SCREEN_KEYS;
}

static int translate(int ch)
{
    static const struct {
        int curses, code;
    } table[] = {{KEY_UP, KEYCODE_UP},       {KEY_DOWN, KEYCODE_DOWN},     {KEY_LEFT, KEYCODE_LEFT},
                 {KEY_RIGHT, KEYCODE_RIGHT}, {KEY_PPAGE, KEYCODE_PAGE_UP}, {KEY_NPAGE, KEYCODE_PAGE_DOWN},
                 {KEY_HOME, KEYCODE_HOME},   {KEY_END, KEYCODE_END},       {KEY_BTAB, KEYCODE_BACKTAB},   {KEY_BACKSPACE, KEYCODE_BACKSPACE},
                 {KEY_F(1), KEYCODE_F1},     {KEY_F(5), KEYCODE_F5},       {KEY_F(10), KEYCODE_F10},
                 {KEY_ENTER, KEYCODE_ENTER}};
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (table[i].curses == ch)
            return table[i].code;
    return KEYCODE_FIRST + KEY_MAX; /* a key, but none of ours */
}

/* ncurses announces a run of events at once, or not at all where a key follows them at once; and it gives out the newest
 * first. */
static void take_mouse(void)
{
    MEVENT e;
    while (scr.mice_n < MOUSE_MOST && getmouse(&e) == OK && e.id >= 0) {
        if ((e.bstate & MOUSE_WANTED) == 0)
            continue;
        enum mouse_kind kind = e.bstate & BUTTON4_PRESSED   ? MOUSE_WHEEL_UP
                               : e.bstate & BUTTON5_PRESSED ? MOUSE_WHEEL_DOWN
                                                            : MOUSE_CLICK;
        scr.mice[scr.mice_n++] = (struct mouse){kind, e.x, e.y};
    }
}

/* Behind an ESC that begins nothing that is known: the rest of that sequence, or the key with which Alt was held.  None of it is
 * to be taken for keys: a stray report of a mouse would change the load.  False where nothing follows: the key Esc. */
static bool swallow_sequence(void)
{
    wint_t ch;
    if (get_wch(&ch) == ERR)
        return false;
    if (ch == '[' || ch == 'O')
        while (get_wch(&ch) != ERR && !(ch >= 0x40 && ch <= 0x7e))
            ;
    return true;
}

/* The next key, KEYCODE_NONE, or KEYCODE_MOUSE. */
static int read_key(void)
{
    wint_t ch;
    spool_begin(); /* getch refreshes where ncurses thinks it must */
    int kind = get_wch(&ch);
    while (kind == OK && ch == KEYCODE_ESC && swallow_sequence())
        kind = get_wch(&ch);
    if (scr.mouse)
        take_mouse();
    spool_end();
    if (kind == ERR)
        return KEYCODE_NONE;
    scr.idle_reads = 0;
    if (kind != KEY_CODE_YES)
        return ch == '\r' || ch == '\n' ? KEYCODE_ENTER : (int)ch;
    return ch == KEY_MOUSE ? KEYCODE_MOUSE : translate((int)ch);
}

int screen_key(struct mouse *m)
{
    if (scr.mice_n == 0 && scr.held == KEYCODE_NONE)
        do {
            scr.held = read_key();
        } while (scr.held == KEYCODE_MOUSE && scr.mice_n == 0);
    if (scr.mice_n > 0) {
        *m = scr.mice[--scr.mice_n];
        if (scr.held == KEYCODE_MOUSE)
            scr.held = KEYCODE_NONE;
        return KEYCODE_MOUSE;
    }
    int code = scr.held;
    scr.held = KEYCODE_NONE;
    return code;
}
