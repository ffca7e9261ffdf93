/* ui_pty: runs a command in a pseudo-terminal under libvterm, a real terminal's screen in memory, and plays a script to
 * it.  For end-to-end tests.
 *
 *     ui_pty W H TERM COMMAND [ARGS…] < script
 *
 * One step a line; TEXT is a word, or "in quotes"; # starts a comment.  Everything has a deadline; nothing waits for quiet.
 *
 *     wait TEXT [SECONDS]     until TEXT is on the screen (30 s)
 *     gone TEXT [SECONDS]     until it is not
 *     key K…                  characters, or Tab Enter Esc Space Up Down Left Right PgUp PgDn Home End F1 F5 F10 C-x
 *     type TEXT               as it is
 *     click TEXT [RIGHT DOWN] the mouse's button, pressed and released on the first cell of this text, or so far from there,
 *                             as soon as it is on the screen
 *     wheel up|down TEXT [N]  the mouse's wheel, N times (1), there
 *                             (as the terminal tells it once the program has asked for it: else nothing is sent)
 *     resize W H
 *     signal NAME             TERM INT HUP QUIT SEGV ABRT TSTP STOP CONT WINCH KILL USR1
 *     sleep SECONDS           reading goes on
 *     until COMMAND           until this shell command succeeds (30 s); reading goes on; $CHILD is the program's process
 *     silent SECONDS          fails where the program writes anything meanwhile
 *     quiet SECONDS           until it has written nothing for so long (20 s)
 *     frames SECONDS MOST     fails where it writes more often than that in a second: bursts, 20 ms and more apart
 *     bytes                   prints how many bytes it has written
 *     save FILE               all of these bytes so far
 *     block, unblock          stop and go on reading, as ^S does
 *     hangup                  the terminal is gone
 *     dump                    prints the screen
 *     random SECONDS SEED     sizes and keys at random, but for keys that end the program; prints how many of each
 *     repaint                 ^L, and fails where that gives another picture than what changes have made: nothing may live
 *     restored                until the terminal is as it was at first (5 s): screen, cursor, mouse, modes
 *     expect-exit N [SECONDS] waits for the end (30 s); N is 128 + the signal where one ended it
 *
 * Exits 0, 1 where a step failed (the screen is then on stderr), or 2 for a wrong script.  LC_ALL is C.UTF-8 unless set. */
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>
#include <vterm.h>

#define DEADLINE_S 30.0
#define RESTORED_S 5.0

static struct {
    int master;
    pid_t child;
    int w, h, line;
    int status; /* of the child; −1: still running */
    bool reading, altscreen, cursor;
    bool mouse; /* the program wants to be told of it */
    struct termios modes; /* as they were at first */
    unsigned long long bytes;
    FILE *all; /* these bytes */
    VTerm *vt;
    VTermScreen *screen;
} t;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* ---- the screen ---- */

static char *screen_text(void)
{
    size_t size = (size_t)t.h * ((size_t)t.w * 5 + 1) + 1, n = 0;
    char *out = xmalloc(size);
    for (int y = 0; y < t.h; y++) {
        size_t last = n;
        for (int x = 0; x < t.w; x++) {
            VTermScreenCell cell;
            vterm_screen_get_cell(t.screen, (VTermPos){.row = y, .col = x}, &cell);
            if (cell.chars[0] == (uint32_t)-1)
                continue; /* second cell of a wide character */
            n += utf8_encode(cell.chars[0] != 0 ? cell.chars[0] : ' ', out + n);
            if (cell.chars[0] != 0 && cell.chars[0] != ' ')
                last = n;
        }
        n = last;
        out[n++] = '\n';
    }
    out[n] = '\0';
    return out;
}

static void print_screen(FILE *f)
{
    char *text = screen_text();
    fprintf(f, "-- %d×%d, %llu bytes --\n%s--\n", t.w, t.h, t.bytes, text);
    free(text);
}

static void fail(const char *what, const char *text)
{
    fprintf(stderr, "ui_pty: line %d: %s%s%s\n", t.line, what, text != NULL ? ": " : "",
            text != NULL ? text : "");
    print_screen(stderr);
    if (t.status < 0)
        kill(t.child, SIGKILL);
    exit(1);
}

static void to_child(const char *s, size_t n, void *user)
{
    (void)user;
    while (n > 0 && t.master >= 0) {
        ssize_t done = write(t.master, s, n);
        if (done < 0 && errno != EINTR && errno != EAGAIN)
            return;
        if (done > 0) {
            s += done;
            n -= (size_t)done;
        }
    }
}

static int on_property(VTermProp prop, VTermValue *v, void *user)
{
    (void)user;
    if (prop == VTERM_PROP_ALTSCREEN)
        t.altscreen = v->boolean;
    if (prop == VTERM_PROP_CURSORVISIBLE)
        t.cursor = v->boolean;
    return 1;
}

/* Looks for ESC [ ? … 1000 … h or l: libvterm 0.1 sees but the first of several modes. */
static void watch_mouse(const char *s, size_t n)
{
    static enum { TEXT, ESCAPE, BRACKET, MODES } at;
    static int mode;
    static bool found;
    for (; n > 0; s++, n--) {
        if (at == MODES && *s >= '0' && *s <= '9') {
            mode = MIN_OF(mode * 10 + (*s - '0'), 9999);
            continue;
        }
        found = at == MODES && (found || mode == 1000);
        mode = 0;
        if (found && (*s == 'h' || *s == 'l'))
            t.mouse = *s == 'h';
        at = *s == '\033'                     ? ESCAPE
             : at == ESCAPE && *s == '['      ? BRACKET
             : at == BRACKET && *s == '?'     ? MODES
             : at == MODES && *s == ';'       ? MODES
                                              : TEXT;
    }
}

/* Reads for at most ms, or until something came.  False: nothing did. */
static bool pump(int ms)
{
    char buf[65536];
    struct pollfd p = {.fd = t.reading ? t.master : -1, .events = POLLIN};
    if (poll(&p, 1, ms) <= 0)
        return false;
    ssize_t n = read(t.master, buf, sizeof buf);
    if (n <= 0) { /* the last process that had it open is gone */
        close(t.master);
        t.master = -1;
        return false;
    }
    t.bytes += (unsigned long long)n;
    fwrite(buf, 1, (size_t)n, t.all);
    watch_mouse(buf, (size_t)n);
    vterm_input_write(t.vt, buf, (size_t)n);
    return true;
}

static void pump_for(double s)
{
    for (double end = seconds() + s; seconds() < end;)
        pump(10);
}

/* ---- steps ---- */

/* Takes a word or a quoted text off *s; NULL where there is none. */
static char *take(char **s)
{
    char *p = *s + strspn(*s, " \t");
    if (*p == '\0')
        return NULL;
    char stop = *p == '"' ? '"' : ' ';
    if (stop == '"')
        p++;
    char *end = strchr(p, stop);
    *s = end != NULL ? end + 1 : p + strlen(p);
    if (end != NULL)
        *end = '\0';
    return p;
}

static double take_seconds(char **s, double otherwise)
{
    char *word = take(s);
    return word != NULL ? atof(word) : otherwise;
}

static void step_wait(char *args, bool wanted)
{
    char *text = take(&args);
    if (text == NULL)
        fail("a text is missing", NULL);
    double end = seconds() + take_seconds(&args, DEADLINE_S);
    for (;;) {
        char *now = screen_text();
        bool there = strstr(now, text) != NULL;
        free(now);
        if (there == wanted)
            return;
        if (seconds() >= end)
            fail(wanted ? "not on the screen" : "still on the screen", text);
        pump(20);
    }
}

static void press(const char *name)
{
    static const struct {
        const char *name, *bytes;
    } keys[] = {{"Tab", "\t"},       {"Enter", "\r"},     {"Esc", "\033"},     {"Space", " "},
                {"Up", "\033OA"},    {"Down", "\033OB"},  {"Right", "\033OC"}, {"Left", "\033OD"},
                {"PgUp", "\033[5~"}, {"PgDn", "\033[6~"}, {"Home", "\033OH"},  {"End", "\033OF"},
                {"F1", "\033OP"},    {"F5", "\033[15~"},  {"F10", "\033[21~"}};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (strcmp(keys[i].name, name) == 0) {
            to_child(keys[i].bytes, strlen(keys[i].bytes), NULL);
            return;
        }
    if (strncmp(name, "C-", 2) == 0 && name[2] != '\0') {
        char c = (char)(name[2] & 0x1f);
        to_child(&c, 1, NULL);
        return;
    }
    to_child(name, strlen(name), NULL);
}

static void step_key(char *args)
{
    for (char *k; (k = take(&args)) != NULL;)
        press(k);
}

/* The characters of a row, and in column[i] where byte i of them stands. */
static void row_text(int y, char *out, int *column)
{
    size_t n = 0;
    for (int x = 0; x < t.w; x++) {
        VTermScreenCell cell;
        vterm_screen_get_cell(t.screen, (VTermPos){.row = y, .col = x}, &cell);
        if (cell.chars[0] == (uint32_t)-1)
            continue;
        size_t used = utf8_encode(cell.chars[0] != 0 ? cell.chars[0] : ' ', out + n);
        for (size_t i = 0; i < used; i++)
            column[n + i] = x;
        n += used;
    }
    out[n] = '\0';
}

/* Moves the mouse to the first place where the screen has this text; false where it has not. */
static bool point_at(const char *text, int right, int down)
{
    char *row = xmalloc((size_t)t.w * 5 + 1);
    int *column = xmalloc((size_t)t.w * 5 * sizeof *column);
    bool found = false;
    for (int y = 0; y < t.h && !found; y++) {
        row_text(y, row, column);
        const char *at = strstr(row, text);
        found = at != NULL;
        if (found)
            vterm_mouse_move(t.vt, y + down, column[at - row] + right, VTERM_MOD_NONE);
    }
    free(row);
    free(column);
    return found;
}

static void point(const char *text, int right, int down)
{
    if (text == NULL)
        fail("a text is missing", NULL);
    for (double end = seconds() + DEADLINE_S; !point_at(text, right, down); pump(20))
        if (seconds() >= end)
            fail("nowhere on the screen", text);
}

/* libvterm 0.1 tells of buttons whether or not somebody has asked for it; a terminal does not. */
static void button(int which, bool pressed)
{
    if (t.mouse)
        vterm_mouse_button(t.vt, which, pressed, VTERM_MOD_NONE);
}

static void step_click(char *args)
{
    const char *text = take(&args);
    int right = (int)take_seconds(&args, 0), down = (int)take_seconds(&args, 0);
    point(text, right, down);
    button(1, true);
    button(1, false);
}

static void step_wheel(char *args)
{
    const char *way = take(&args), *text = take(&args);
    point(text, 0, 0);
    for (int n = (int)take_seconds(&args, 1); n > 0; n--)
        button(strcmp(way, "up") == 0 ? 4 : 5, true);
}

static void set_size(int w, int h)
{
    struct winsize ws = {.ws_row = (unsigned short)h, .ws_col = (unsigned short)w};
    t.w = w;
    t.h = h;
    vterm_set_size(t.vt, h, w);
    ioctl(t.master, TIOCSWINSZ, &ws);
}

static void step_resize(char *args)
{
    int w = (int)take_seconds(&args, 0), h = (int)take_seconds(&args, 0);
    if (w < 1 || h < 1)
        fail("a size is missing", NULL);
    set_size(w, h);
}

static void step_signal(char *args)
{
    static const struct {
        const char *name;
        int number;
    } names[] = {{"TERM", SIGTERM},   {"INT", SIGINT},   {"HUP", SIGHUP},   {"QUIT", SIGQUIT},
                 {"SEGV", SIGSEGV},   {"ABRT", SIGABRT}, {"TSTP", SIGTSTP}, {"CONT", SIGCONT},
                 {"WINCH", SIGWINCH}, {"KILL", SIGKILL}, {"USR1", SIGUSR1}, {"STOP", SIGSTOP}};
    const char *name = take(&args);
    for (size_t i = 0; name != NULL && i < ARRAY_LEN(names); i++)
        if (strcmp(names[i].name, name) == 0) {
            kill(t.child, names[i].number);
            return;
        }
    fail("no such signal", name);
}

static void step_silent(char *args)
{
    unsigned long long before = t.bytes;
    pump_for(take_seconds(&args, 1));
    if (t.bytes != before) {
        char text[64];
        snprintf(text, sizeof text, "%llu bytes", t.bytes - before);
        fail("it was not silent", text);
    }
}

static void step_quiet(char *args)
{
    double span = take_seconds(&args, 1), since = seconds(), end = since + 2 * DEADLINE_S;
    while (seconds() - since < span) {
        if (pump(10))
            since = seconds();
        if (seconds() >= end)
            fail("it never was silent for so long", NULL);
    }
}

/* True where it does.  Asked again and again: it must be quick. */
static bool succeeds(const char *command)
{
    int raw = system(command);
    return WIFEXITED(raw) && WEXITSTATUS(raw) == 0;
}

static void step_until(const char *command)
{
    for (double end = seconds() + 3 * DEADLINE_S; !succeeds(command); pump_for(0.02))
        if (seconds() >= end)
            fail("this did not come true", command);
}

static void step_frames(char *args)
{
    double span = take_seconds(&args, 1), most = take_seconds(&args, 10), last = 0;
    int bursts = 0;
    for (double end = seconds() + span; seconds() < end;) {
        if (!pump(5))
            continue;
        if (seconds() - last >= 0.02)
            bursts++;
        last = seconds();
    }
    if (bursts > most * span + 1) {
        char text[64];
        snprintf(text, sizeof text, "%d in %g s", bursts, span);
        fail("too many frames", text);
    }
}

static void step_save(char *args)
{
    char buf[4096], *name = take(&args);
    FILE *f = name != NULL ? fopen(name, "w") : NULL;
    if (f == NULL)
        fail("cannot write", name);
    rewind(t.all);
    for (size_t n; (n = fread(buf, 1, sizeof buf, t.all)) > 0;)
        fwrite(buf, 1, n, f);
    fclose(f);
    fseek(t.all, 0, SEEK_END);
}

/* ---- at random ---- */

/* Fails where the program has ended. */
static void check_alive(void)
{
    int raw;
    if (t.status >= 0 || waitpid(t.child, &raw, WNOHANG) != t.child)
        return;
    while (t.master >= 0 && pump(20)) /* what it said */
        ;
    t.status = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
    char text[32];
    snprintf(text, sizeof text, "%d", t.status);
    fail("it ended with", text);
}

static void random_resize(uint64_t *seed)
{
    int w = 60 + (int)(rng_next(seed) % 100), h = 16 + (int)(rng_next(seed) % 34);
    switch (rng_next(seed) % 10) {
    case 0:
        w = 1 + (int)(rng_next(seed) % 70);
        h = 1 + (int)(rng_next(seed) % 20);
        break;
    case 1:
        w = 1 + (int)(rng_next(seed) % 300);
        h = 1 + (int)(rng_next(seed) % 100);
        break;
    default:
        break;
    }
    set_size(w, h);
}

static void random_key(uint64_t *seed)
{
    static const char *const keys[] = {"-", "+", "_", "*", "[", "]", "{", "}", "p", "m", "Tab", "\033[Z", "Up", "Down", "Left", "Right",
                                       "PgUp", "PgDn", "Home", "End", "S", "t", "t", "Enter", "C-l", "F5", "?", "F1", "Esc", "1",
                                       "2", "3", "4", "5", "6", "7", "8", "9", "z", "é", "日", "\033[99~", "\033[", "\377", "C-a"};
    press(keys[rng_next(seed) % ARRAY_LEN(keys)]);
}

static void step_random(char *args)
{
    double span = take_seconds(&args, 10);
    uint64_t seed = (uint64_t)take_seconds(&args, 1);
    unsigned long long resizes = 0, keys = 0, before = t.bytes;
    for (double end = seconds() + span; seconds() < end;) {
        check_alive();
        switch (rng_next(&seed) % 32) {
        case 0:
        case 1:
        case 2:
        case 3:
            random_resize(&seed);
            resizes++;
            break;
        case 4: /* a terminal that is slow */
            t.reading = false;
            pump((int)(rng_next(&seed) % 100));
            t.reading = true;
            break;
        default:
            random_key(&seed);
            keys++;
        }
        pump((int)(rng_next(&seed) % 20));
    }
    printf("%llu %llu %llu\n", resizes, keys, t.bytes - before);
    fflush(stdout);
}

static void step_repaint(void)
{
    while (pump(100)) /* no half of a frame */
        ;
    char *before = screen_text();
    unsigned long long bytes = t.bytes;
    press("C-l");
    for (double end = seconds() + DEADLINE_S;;) {
        char *now = screen_text();
        bool done = t.bytes > bytes && strcmp(before, now) == 0;
        free(now);
        if (done)
            break;
        if (seconds() >= end) {
            fprintf(stderr, "-- before --\n%s", before);
            fail("painted anew it is another picture", NULL);
        }
        pump(20);
    }
    free(before);
}

static bool same_modes(const struct termios *a, const struct termios *b)
{
    return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_cflag == b->c_cflag &&
           a->c_lflag == b->c_lflag && memcmp(a->c_cc, b->c_cc, sizeof a->c_cc) == 0;
}

/* NULL, or what is not as it was. */
static const char *disorder(void)
{
    struct termios m;
    if (t.altscreen)
        return "the alternate screen is still shown";
    if (!t.cursor)
        return "the cursor is still hidden";
    if (t.mouse)
        return "the mouse is still the program's";
    if (t.master >= 0 && tcgetattr(t.master, &m) == 0 && !same_modes(&m, &t.modes))
        return "the terminal is still in the program's mode";
    return NULL;
}

static void step_restored(void)
{
    const char *what;
    for (double end = seconds() + RESTORED_S; (what = disorder()) != NULL; pump(20))
        if (seconds() >= end)
            fail(what, NULL);
}

static void step_exit(char *args)
{
    int wanted = (int)take_seconds(&args, 0), raw;
    for (double end = seconds() + take_seconds(&args, DEADLINE_S); t.status < 0;) {
        pump(10);
        if (waitpid(t.child, &raw, WNOHANG) == t.child)
            t.status = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
        else if (seconds() >= end)
            fail("it is still running", NULL);
    }
    while (t.master >= 0 && pump(20)) /* what it said at the end */
        ;
    if (t.status != wanted) {
        char text[64];
        snprintf(text, sizeof text, "%d instead of %d", t.status, wanted);
        fail("it ended with", text);
    }
}

static void step(char *line)
{
    char *args = line;
    const char *name = take(&args);
    if (name == NULL || name[0] == '#')
        return;
    if (strcmp(name, "wait") == 0)
        step_wait(args, true);
    else if (strcmp(name, "gone") == 0)
        step_wait(args, false);
    else if (strcmp(name, "key") == 0)
        step_key(args);
    else if (strcmp(name, "type") == 0)
        to_child(args, strlen(args), NULL);
    else if (strcmp(name, "click") == 0)
        step_click(args);
    else if (strcmp(name, "wheel") == 0)
        step_wheel(args);
    else if (strcmp(name, "resize") == 0)
        step_resize(args);
    else if (strcmp(name, "signal") == 0)
        step_signal(args);
    else if (strcmp(name, "sleep") == 0)
        pump_for(take_seconds(&args, 1));
    else if (strcmp(name, "until") == 0)
        step_until(args);
    else if (strcmp(name, "silent") == 0)
        step_silent(args);
    else if (strcmp(name, "quiet") == 0)
        step_quiet(args);
    else if (strcmp(name, "frames") == 0)
        step_frames(args);
    else if (strcmp(name, "random") == 0)
        step_random(args);
    else if (strcmp(name, "repaint") == 0)
        step_repaint();
    else if (strcmp(name, "save") == 0)
        step_save(args);
    else if (strcmp(name, "bytes") == 0)
        printf("%llu\n", t.bytes);
    else if (strcmp(name, "block") == 0 || strcmp(name, "unblock") == 0)
        t.reading = name[0] == 'u';
    else if (strcmp(name, "hangup") == 0) {
        close(t.master);
        t.master = -1;
    } else if (strcmp(name, "dump") == 0)
        print_screen(stdout);
    else if (strcmp(name, "restored") == 0)
        step_restored();
    else if (strcmp(name, "expect-exit") == 0)
        step_exit(args);
    else {
        fprintf(stderr, "ui_pty: line %d: no such step: %s\n", t.line, name);
        kill(t.child, SIGKILL);
        exit(2);
    }
}

static void start(char **argv)
{
    struct winsize ws = {.ws_row = (unsigned short)t.h, .ws_col = (unsigned short)t.w};
    int slave;
    if (openpty(&t.master, &slave, NULL, NULL, &ws) != 0 || tcgetattr(slave, &t.modes) != 0)
        die("cannot open a pseudo-terminal: %s", strerror(errno));
    t.child = fork();
    if (t.child < 0)
        die("cannot start a process: %s", strerror(errno));
    if (t.child == 0) {
        close(t.master);
        login_tty(slave);
        setenv("TERM", argv[3], 1);
        setenv("LC_ALL", "C.UTF-8", 0);
        unsetenv("COLUMNS");
        unsetenv("LINES");
        unsetenv("COLORTERM");
        execvp(argv[4], argv + 4);
        fprintf(stderr, "ui_pty: cannot run '%s': %s\n", argv[4], strerror(errno));
        _exit(127);
    }
    close(slave);
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)t.child);
    setenv("CHILD", pid, 1);
    fcntl(t.master, F_SETFD, FD_CLOEXEC);
}

int main(int argc, char **argv)
{
    static const VTermScreenCallbacks callbacks = {.settermprop = on_property};
    char line[4096];
    t.status = -1;
    t.reading = t.cursor = true;
    if (argc < 5 || (t.w = atoi(argv[1])) < 1 || (t.h = atoi(argv[2])) < 1) {
        fputs("usage: ui_pty W H TERM COMMAND [ARGS…] < script\n", stderr);
        return 2;
    }
    t.all = tmpfile();
    if (t.all == NULL)
        die("cannot make a temporary file: %s", strerror(errno));
    start(argv);
    t.vt = vterm_new(t.h, t.w);
    vterm_set_utf8(t.vt, 1);
    vterm_output_set_callback(t.vt, to_child, NULL);
    t.screen = vterm_obtain_screen(t.vt);
    vterm_screen_set_callbacks(t.screen, &callbacks, NULL);
    vterm_screen_enable_altscreen(t.screen, 1);
    vterm_screen_reset(t.screen, 1);
    while (fgets(line, sizeof line, stdin) != NULL) {
        t.line++;
        line[strcspn(line, "\n")] = '\0';
        step(line);
    }
    if (t.status < 0)
        kill(t.child, SIGKILL);
    vterm_free(t.vt);
    return 0;
}
