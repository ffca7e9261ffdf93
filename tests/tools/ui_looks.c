/* ui_looks: runs a command in a pseudo-terminal under libvterm until it ends, and prints the screen that it leaves: its
 * text; below, a letter for the look of each cell; and what the letters stand for.  For goldens.
 *
 *     ui_looks W H TERM COMMAND [ARGS…]
 *
 * Exits as the command did.  LC_ALL is C.UTF-8 unless set. */
#include "util.h"

#include <errno.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vterm.h>

#define LOOKS_MOST 52
#define LOOK_SIZE 96
#define SEQUENCE_MOST 128

static VTerm *vt;
static VTermScreen *screen;
static int w, h;

/* ---- what libvterm cannot do ----
 *
 * It knows no dim.  Nothing here is ever italic, so a dim text is made italic on its way in: SGR 2 becomes 3, and with 22,
 * which ends both bold and dim, comes 23.  And a character that is repeated (REP) up to the last but one column takes the
 * next one over the edge: it is written as often instead. */

static struct {
    char seq[SEQUENCE_MOST];
    size_t n;  /* 0: not within an escape sequence */
    char last; /* byte outside of one; ncurses repeats nothing but ASCII */
} in;

/* seq is "ESC [ values m"; values of a colour (38;5;2, 48;2;r;g;b) stay. */
static void feed_sgr(const char *seq)
{
    char out[2 * SEQUENCE_MOST] = "\033[";
    size_t n = 2;
    int skip = 0, last = -1;
    for (const char *p = seq + 2; *p != 'm';) {
        char *end;
        int v = (int)strtol(p, &end, 10), own = v;
        if (last == 38 || last == 48) {
            skip = v == 2 ? 4 : 2; /* this value too */
        } else if (skip == 0 && v == 2) {
            own = 3;
        } else if (skip == 0 && v == 22) {
            n += (size_t)snprintf(out + n, sizeof out - n, "23;");
        }
        last = skip == 0 ? v : -1;
        skip -= skip > 0;
        n += (size_t)snprintf(out + n, sizeof out - n, "%d%c", own, *end);
        p = *end == 'm' ? end : end + 1;
    }
    if (out[n - 1] != 'm')
        out[n++] = 'm';
    vterm_input_write(vt, out, n);
}

static bool only_digits(const char *s, size_t n)
{
    return strspn(s, "0123456789;") == n;
}

static void feed_sequence(void)
{
    in.seq[in.n] = '\0';
    if (in.seq[in.n - 1] == 'm' && in.n >= 3 && only_digits(in.seq + 2, in.n - 3))
        feed_sgr(in.seq);
    else if (in.seq[in.n - 1] == 'b' && in.n >= 4 && only_digits(in.seq + 2, in.n - 3))
        for (int i = atoi(in.seq + 2); i > 0; i--)
            vterm_input_write(vt, &in.last, 1);
    else
        vterm_input_write(vt, in.seq, in.n);
    in.n = 0;
}

static void feed(char byte)
{
    if (in.n == 0 && byte != '\033') {
        vterm_input_write(vt, &byte, 1);
        in.last = byte;
        return;
    }
    in.seq[in.n++] = byte;
    bool going = in.n == 1 || (in.n == 2 && byte == '[') || (in.n > 2 && in.seq[1] == '[' && (byte < 0x40 || byte > 0x7e));
    if (!going || in.n + 1 == sizeof in.seq)
        feed_sequence();
}

/* ---- the picture ---- */

static VTermScreenCell cell_at(int x, int y)
{
    VTermScreenCell cell;
    vterm_screen_get_cell(screen, (VTermPos){.row = y, .col = x}, &cell);
    return cell;
}

static void print_text(void)
{
    for (int y = 0; y < h; y++) {
        int last = w - 1;
        while (last >= 0 && (cell_at(last, y).chars[0] == 0 || cell_at(last, y).chars[0] == ' '))
            last--;
        for (int x = 0; x <= last; x++) {
            VTermScreenCell cell = cell_at(x, y);
            char ch[8];
            if (cell.chars[0] == (uint32_t)-1)
                continue; /* second cell of a wide character */
            utf8_encode(cell.chars[0] != 0 ? cell.chars[0] : ' ', ch);
            fputs(ch, stdout);
        }
        putchar('\n');
    }
}

static void color_text(char *out, size_t size, const VTermColor *c, bool is_default)
{
    if (is_default)
        snprintf(out, size, "-");
    else if (VTERM_COLOR_IS_INDEXED(c))
        snprintf(out, size, "%d", c->indexed.idx);
    else
        snprintf(out, size, "#%02x%02x%02x", c->rgb.red, c->rgb.green, c->rgb.blue);
}

/* "fg 250 on - bold" */
static void look_text(char *out, size_t size, const VTermScreenCell *cell)
{
    char fg[12], bg[12];
    color_text(fg, sizeof fg, &cell->fg, VTERM_COLOR_IS_DEFAULT_FG(&cell->fg));
    color_text(bg, sizeof bg, &cell->bg, VTERM_COLOR_IS_DEFAULT_BG(&cell->bg));
    snprintf(out, size, "%s on %s%s%s%s%s%s", fg, bg, cell->attrs.bold ? " bold" : "", cell->attrs.italic ? " dim" : "",
             cell->attrs.underline ? " underlined" : "", cell->attrs.reverse ? " reversed" : "", cell->attrs.blink ? " blinking" : "");
}

static char looks[LOOKS_MOST][LOOK_SIZE];
static int looks_n;

/* The letter of a cell's look; '.' where nothing is to be seen. */
static char letter_of(const VTermScreenCell *cell)
{
    char text[LOOK_SIZE];
    int i = 0;
    look_text(text, sizeof text, cell);
    if ((cell->chars[0] == 0 || cell->chars[0] == ' ') && VTERM_COLOR_IS_DEFAULT_BG(&cell->bg) && !cell->attrs.reverse &&
        !cell->attrs.underline)
        return '.';
    while (i < looks_n && strcmp(looks[i], text) != 0)
        i++;
    if (i == looks_n && looks_n < LOOKS_MOST)
        str_copy(looks[looks_n++], sizeof looks[0], text);
    return i == LOOKS_MOST ? '?' : (char)(i < 26 ? 'a' + i : 'A' + i - 26);
}

static void print_looks(void)
{
    char line[1024];
    for (int y = 0; y < h; y++) {
        char letter = '.';
        int n = 0;
        for (int x = 0; x < w && x < (int)sizeof line - 1; x++) {
            VTermScreenCell cell = cell_at(x, y);
            if (cell.chars[0] != (uint32_t)-1) /* the second cell of a wide character looks like the first */
                letter = letter_of(&cell);
            line[x] = letter;
            n = letter != '.' ? x + 1 : n;
        }
        printf("%.*s\n", n, line);
    }
    for (int i = 0; i < looks_n; i++)
        printf("%c %s\n", i < 26 ? 'a' + i : 'A' + i - 26, looks[i]);
}

/* ---- the command ---- */

static pid_t start(char **argv, int *master)
{
    struct winsize ws = {.ws_row = (unsigned short)h, .ws_col = (unsigned short)w};
    pid_t child = forkpty(master, NULL, NULL, &ws);
    if (child < 0)
        die("cannot start a process: %s", strerror(errno));
    if (child > 0)
        return child;
    setenv("TERM", argv[3], 1);
    setenv("LC_ALL", "C.UTF-8", 0);
    unsetenv("COLUMNS");
    unsetenv("LINES");
    unsetenv("COLORTERM");
    unsetenv("NO_COLOR");
    execvp(argv[4], argv + 4);
    fprintf(stderr, "ui_looks: cannot run '%s': %s\n", argv[4], strerror(errno));
    _exit(127);
}

int main(int argc, char **argv)
{
    char bytes[65536];
    int master, status;
    if (argc < 5 || (w = atoi(argv[1])) < 1 || (h = atoi(argv[2])) < 1) {
        fputs("usage: ui_looks W H TERM COMMAND [ARGS…]\n", stderr);
        return 2;
    }
    vt = vterm_new(h, w);
    vterm_set_utf8(vt, 1);
    screen = vterm_obtain_screen(vt);
    vterm_screen_enable_altscreen(screen, 1);
    vterm_screen_reset(screen, 1);
    pid_t child = start(argv, &master);
    for (ssize_t n; (n = read(master, bytes, sizeof bytes)) > 0;) /* fails when nobody has the terminal open any more */
        for (ssize_t i = 0; i < n; i++)
            feed(bytes[i]);
    if (waitpid(child, &status, 0) != child)
        die("cannot wait for '%s': %s", argv[4], strerror(errno));
    print_text();
    puts("--");
    print_looks();
    vterm_free(vt);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
