/* The screen on a pseudo-terminal of its own, where a run of the program cannot provoke it: a failure inside the program
 * while the screen is up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ui/screen.h"

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#define WAIT_MS 20000

struct ended {
    char text[65536]; /* all that was written */
    size_t n;
    int status;
    struct termios before, after;
};

static void open_screen(void)
{
    static struct theme theme;
    const struct ui_config config = {.color = UI_COLOR_AUTO};
    struct err e;
    setlocale(LC_CTYPE, "");
    if (!theme_load(&theme, NULL) || !screen_open(&config, &theme, &e))
        _exit(99);
    struct canvas c;
    int w, h;
    screen_size(&w, &h);
    canvas_init(&c, w, h, screen_glyphs());
    canvas_text(&c, 0, 0, w, "on the screen", ROLE_TEXT);
    screen_show(&c);
    canvas_release(&c);
}

/* Runs f in a child that has a terminal, until it ends. */
static void run(void (*f)(void), struct ended *r)
{
    int master, slave;
    assert_int_equal(openpty(&master, &slave, NULL, NULL, &(struct winsize){.ws_row = 24, .ws_col = 80}), 0);
    assert_int_equal(tcgetattr(slave, &r->before), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(master);
        login_tty(slave);
        setenv("TERM", "xterm-256color", 1);
        f();
        _exit(98);
    }
    r->n = 0;
    /* The slave end stays open here: nothing that was written is lost, and its modes can be asked for. */
    for (;;) {
        bool over = waitpid(pid, &r->status, WNOHANG) == pid;
        struct pollfd p = {.fd = master, .events = POLLIN};
        while (poll(&p, 1, over ? 0 : 10) > 0 && r->n < sizeof r->text - 1) {
            ssize_t n = read(master, r->text + r->n, sizeof r->text - 1 - r->n);
            if (n <= 0)
                break;
            r->n += (size_t)n;
        }
        if (over)
            break;
    }
    r->text[r->n] = '\0';
    assert_int_equal(tcgetattr(slave, &r->after), 0);
    close(slave);
    close(master);
}

static void check_restored(const struct ended *r)
{
    const char *on = strstr(r->text, "\033[?1049h"), *shown = strstr(r->text, "on the screen"), *off;
    assert_non_null(on);
    assert_non_null(shown);
    off = strstr(shown, "\033[?1049l");
    assert_non_null(off);
    assert_null(strstr(off, "\033[?1049h"));
    assert_non_null(strstr(off, "\033[?25h")); /* the cursor; some terminals hide it again as they leave that screen */
    assert_non_null(strstr(r->text, "\033[?1006;1000h"));
    assert_non_null(strstr(shown, "\033[?1006;1000l")); /* the mouse */
    assert_int_equal(r->before.c_lflag, r->after.c_lflag);
    assert_int_equal(r->before.c_iflag, r->after.c_iflag);
    assert_int_equal(r->before.c_oflag, r->after.c_oflag);
}

static void fail_inside(void)
{
    open_screen();
    die("something is %s", "wrong");
}

static void test_die(void **state)
{
    (void)state;
    struct ended r;
    run(fail_inside, &r);
    check_restored(&r);
    assert_true(WIFEXITED(r.status));
    assert_int_equal(WEXITSTATUS(r.status), 1);
    const char *off = strstr(r.text, "\033[?1049l"), *said = strstr(r.text, "tokgauge: something is wrong");
    assert_non_null(said);
    assert_true(said > off); /* on the screen that stays */
}

static void leave(void)
{
    open_screen();
    fputs("from a library\n", stderr);
    screen_close();
    screen_finish();
    puts("the report");
    fflush(stdout);
    _exit(0);
}

static void test_close(void **state)
{
    (void)state;
    struct ended r;
    run(leave, &r);
    check_restored(&r);
    const char *off = strstr(r.text, "\033[?1049l"), *said = strstr(r.text, "from a library");
    assert_non_null(said); /* kept while the screen was up, told afterwards */
    assert_true(said > off);
    assert_true(strstr(r.text, "the report") > said);
}

static void crash(void)
{
    signal(SIGFPE, SIG_DFL); /* the test program's own is for its parent */
    open_screen();
    raise(SIGFPE);
}

static void test_crash(void **state)
{
    (void)state;
    struct ended r;
    run(crash, &r);
    check_restored(&r);
    assert_true(WIFSIGNALED(r.status));
    assert_int_equal(WTERMSIG(r.status), SIGFPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_die),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_crash),
    };
    alarm(WAIT_MS / 1000);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
