#include "demo.h"
#include "mask.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS 10000

/* The simulator needs no key, and what it is started with can be read in /proc for as long as it lives. */
static void drop_secrets(void)
{
    if (environ == NULL)
        return;
    for (char **v = environ; *v != NULL;) {
        size_t n = strcspn(*v, "=");
        char *name = xasprintf("%.*s", (int)n, *v);
        bool drop = n > 0 && mask_is_secret(name, *v + n + 1);
        if (!drop || unsetenv(name) != 0)
            v++;
        free(name);
    }
}

static void child(pid_t parent, int out, char *const *sim_args, size_t n)
{
    /* It must not outlive a parent that is killed outright, not even one that is killed now.  (Kept over execve.) */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(0);
    char **argv = xcalloc(n + 4, sizeof *argv);
    argv[0] = xstrdup("tokgauge");
    argv[1] = xstrdup("sim");
    argv[2] = xstrdup("--config=/dev/null"); /* what of the settings is for it stands in sim_args */
    for (size_t i = 0; i < n; i++)
        argv[3 + i] = sim_args[i];
    dup2(out, STDOUT_FILENO);
    int null = open("/dev/null", O_RDONLY);
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    drop_secrets();
    setsid(); /* ^C on the terminal is for the parent, which then stops us when it has what it needs */
    execv("/proc/self/exe", argv);
    _exit(127);
}

/* Reads the line "listening on URL". */
static bool read_url(int fd, struct demo *d, struct err *e)
{
    char line[sizeof d->url + 32];
    size_t n = 0;
    struct pollfd p = {fd, POLLIN, 0};
    while (n + 1 < sizeof line) {
        int r = poll(&p, 1, START_MS);
        if (r < 0 && errno == EINTR)
            continue;
        ssize_t k = r > 0 ? read(fd, line + n, 1) : 0;
        if (k <= 0)
            return err_set(e, "the simulated server did not start");
        if (line[n] == '\n')
            break;
        n++;
    }
    line[n] = '\0';
    static const char intro[] = "listening on ";
    if (!str_starts(line, intro))
        return err_set(e, "the simulated server did not start: '%s'", line);
    str_copy(d->url, sizeof d->url, line + strlen(intro));
    return true;
}

bool demo_start(struct demo *d, char *const *sim_args, size_t n, struct err *e)
{
    int fd[2];
    d->pid = -1;
    if (pipe2(fd, O_CLOEXEC) != 0)
        return err_set(e, "cannot make a pipe: %s", strerror(errno));
    pid_t self = getpid();
    d->pid = fork();
    if (d->pid == 0)
        child(self, fd[1], sim_args, n);
    close(fd[1]);
    bool ok = d->pid > 0 ? read_url(fd[0], d, e) : err_set(e, "cannot start the simulated server: %s", strerror(errno));
    close(fd[0]);
    if (!ok)
        demo_stop(d);
    return ok;
}

void demo_stop(struct demo *d)
{
    if (d->pid <= 0)
        return;
    kill(d->pid, SIGTERM);
    for (int i = 0; i < 200; i++) { /* two seconds, then by force */
        if (waitpid(d->pid, NULL, WNOHANG) == d->pid) {
            d->pid = -1;
            return;
        }
        usleep(10000);
    }
    kill(d->pid, SIGKILL);
    waitpid(d->pid, NULL, 0);
    d->pid = -1;
}
