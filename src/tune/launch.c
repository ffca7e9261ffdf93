#include "tune/launch.h"

#include "buf.h"
#include "clock.h"
#include "mask.h"
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FILE_MOST (64u << 20)
#define PENDING_MOST 65536u
#define STEP_NS (10 * NS_PER_MS)
#define LAST_WORDS_NS NS_PER_SEC
#define KILLED_NS (10 * NS_PER_SEC)

struct launch {
    pid_t pid; /* also of the group */
    bool ended; /* and not waited for before launch_stop: until then nobody else can have its number */
    bool reaped;
    siginfo_t how;
    int out, file;
    size_t written;
    pthread_t reader;
    atomic_bool stop, over; /* over: the reader has all that was written */
    bool waited;            /* … and was waited for */
    pthread_mutex_t lock;
    char lines[LAUNCH_KEPT][LAUNCH_LINE]; /* under lock, as the next two: a ring */
    int64_t at[LAUNCH_KEPT];
    uint64_t n; /* that have come */
    char part[LAUNCH_LINE * 2]; /* of the line that has not ended; the reader's */
    size_t part_n;
    struct buf pending; /* what is not in the file yet: a secret may be cut; the reader's */
};

/* ---- what it writes ---- */

static void keep_line(struct launch *l)
{
    if (l->part_n == 0)
        return;
    pthread_mutex_lock(&l->lock);
    str_sanitise(l->lines[l->n % LAUNCH_KEPT], LAUNCH_LINE, l->part, l->part_n);
    l->at[l->n % LAUNCH_KEPT] = clock_ns();
    l->n++;
    pthread_mutex_unlock(&l->lock);
    l->part_n = 0;
}

static void write_part(struct launch *l, const char *data, size_t n)
{
    size_t most = MIN_OF(n, FILE_MOST - l->written);
    if (most > 0 && write(l->file, data, most) == (ssize_t)most)
        l->written += most;
}

/* The lines of the file that are whole, or all that there is; without the secrets that a server likes to tell among its
 * arguments. */
static void write_file(struct launch *l, bool all)
{
    const char *s = l->pending.data;
    size_t n = l->pending.len, from = 0;
    while (!all && n < PENDING_MOST && n > 0 && s[n - 1] != '\n' && s[n - 1] != '\r')
        n--;
    for (size_t i = 0; i < n;) {
        size_t hidden = secret_at(s, n, i);
        if (hidden == 0) {
            i++;
            continue;
        }
        write_part(l, s + from, i - from);
        write_part(l, SECRET_STARS, strlen(SECRET_STARS));
        from = i += hidden;
    }
    if (n > from)
        write_part(l, s + from, n - from);
    if (n > 0)
        buf_drop(&l->pending, n);
}

static void take(struct launch *l, const char *data, size_t n)
{
    buf_add(&l->pending, data, n);
    write_file(l, false);
    for (size_t i = 0; i < n; i++) {
        if (data[i] == '\n' || data[i] == '\r') /* bars of progress draw over themselves */
            keep_line(l);
        else if (l->part_n < sizeof l->part)
            l->part[l->part_n++] = data[i];
    }
}

static void *read_output(void *ctx)
{
    struct launch *l = ctx;
    char data[4096];
    struct pollfd p = {l->out, POLLIN, 0};
    for (int64_t until = INT64_MAX; clock_ns() < until;) {
        if (until == INT64_MAX && atomic_load(&l->stop)) /* what left the group and still holds the pipe may write for ever */
            until = clock_ns() + LAST_WORDS_NS;
        int ready = poll(&p, 1, 50);
        if (ready < 0 && errno != EINTR)
            break;
        ssize_t n = ready > 0 ? read(l->out, data, sizeof data) : -1;
        if (ready > 0 && n <= 0 && !(n < 0 && errno == EINTR))
            break; /* all of the group have closed it */
        if (n > 0)
            take(l, data, (size_t)n);
        else if (ready == 0 && until != INT64_MAX)
            break; /* … or say nothing */
    }
    keep_line(l);
    write_file(l, true);
    atomic_store(&l->over, true);
    return NULL;
}

/* ---- the process ---- */

static void child(pid_t parent, int out, const char *command)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* it must not outlive a parent that is killed outright */
    if (getppid() != parent)
        _exit(0);
    setpgid(0, 0); /* ^C is for the parent's group, and what it starts is stopped with it */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    secret_child();
    restore_file_limit(); /* all servers have the same, whichever was started before the first load */
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

/* What the command says of keys, and what the variables hold that it is started with: a server may tell both. */
static void learn_secrets(const char *command)
{
    mask_learn(command);
    for (char **v = environ; v != NULL && *v != NULL; v++) {
        char name[128];
        const char *value = strchr(*v, '=');
        if (value == NULL || value[1] == '/' || (size_t)(value - *v) >= sizeof name) /* a path: SSH_AUTH_SOCK */
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(value - *v), *v);
        if (mask_is_secret(name, value + 1))
            secret_add(value + 1, strlen(value + 1));
    }
}

struct launch *launch_start(const char *command, const char *file, struct err *e)
{
    learn_secrets(command);
    int fd[2], log = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (log < 0) {
        err_set(e, "cannot write the server's output to '%s': %s", file, strerror(errno));
        return NULL;
    }
    if (pipe2(fd, O_CLOEXEC) != 0) {
        err_set(e, "cannot make a pipe: %s", strerror(errno));
        close(log);
        return NULL;
    }
    pid_t self = getpid(), pid = fork();
    if (pid == 0)
        child(self, fd[1], command);
    if (pid > 0)
        setpgid(pid, pid); /* whichever of the two is first */
    close(fd[1]);
    if (pid < 0) {
        err_set(e, "cannot start the server's command: %s", strerror(errno));
        close(fd[0]);
        close(log);
        return NULL;
    }
    struct launch *l = xcalloc(1, sizeof *l);
    l->pid = pid;
    l->out = fd[0];
    l->file = log;
    buf_init(&l->pending, 2 * PENDING_MOST);
    pthread_mutex_init(&l->lock, NULL);
    if (pthread_create(&l->reader, NULL, read_output, l) != 0)
        die("cannot start a thread");
    return l;
}

static bool has_ended(struct launch *l)
{
    siginfo_t how = {0};
    if (!l->ended && waitid(P_PID, (id_t)l->pid, &how, WEXITED | WNOHANG | WNOWAIT) == 0 && how.si_pid == l->pid) {
        l->ended = true;
        l->how = how;
    }
    return l->ended;
}

/* The last words of a process are still in the pipe when it has ended; of those that it leaves behind there may come more for
 * ever. */
static void wait_for_reader(struct launch *l)
{
    struct timespec nap = {0, STEP_NS};
    for (int64_t until = clock_ns() + LAST_WORDS_NS; !l->waited && !atomic_load(&l->over) && clock_ns() < until;)
        nanosleep(&nap, NULL);
    l->waited = true;
}

bool launch_running(struct launch *l, char *how, size_t size)
{
    if (!has_ended(l))
        return true;
    wait_for_reader(l);
    snprintf(how, size, l->how.si_code == CLD_EXITED ? "exit status %d" : "killed by signal %d", l->how.si_status);
    return false;
}

size_t launch_lines(struct launch *l, uint64_t *seen, char out[LAUNCH_KEPT][LAUNCH_LINE], int64_t at[LAUNCH_KEPT])
{
    size_t n = 0;
    pthread_mutex_lock(&l->lock);
    if (l->n > LAUNCH_KEPT && *seen < l->n - LAUNCH_KEPT)
        *seen = l->n - LAUNCH_KEPT;
    for (; *seen < l->n; (*seen)++, n++) {
        memcpy(out[n], l->lines[*seen % LAUNCH_KEPT], LAUNCH_LINE);
        at[n] = l->at[*seen % LAUNCH_KEPT];
    }
    pthread_mutex_unlock(&l->lock);
    return n;
}

void launch_last(struct launch *l, size_t n, char *out, size_t size)
{
    out[0] = '\0';
    pthread_mutex_lock(&l->lock);
    uint64_t kept = MIN_OF(l->n, (uint64_t)MIN_OF(n, (size_t)LAUNCH_KEPT));
    for (uint64_t i = l->n - kept; i < l->n; i++) {
        size_t used = strlen(out);
        snprintf(out + used, size - used, "%s%s", used > 0 ? "\n" : "", l->lines[i % LAUNCH_KEPT]);
    }
    pthread_mutex_unlock(&l->lock);
}

/* Is it, or anyone of the group, left?  So long nobody else can have its number. */
static bool any_lives(struct launch *l)
{
    l->reaped = l->reaped || waitpid(l->pid, NULL, WNOHANG) == l->pid;
    return !l->reaped || kill(-l->pid, 0) == 0 || errno == EPERM;
}

static void signal_all(const struct launch *l, int signal)
{
    kill(-l->pid, signal);
    if (!l->reaped && getpgid(l->pid) != l->pid) /* it has gone to another group */
        kill(l->pid, signal);
}

static bool wait_for_end(struct launch *l, int64_t ns)
{
    struct timespec nap = {0, STEP_NS};
    int64_t until = clock_ns() + ns;
    while (any_lives(l)) {
        if (clock_ns() >= until)
            return false;
        nanosleep(&nap, NULL);
    }
    return true;
}

bool launch_stop(struct launch *l, int64_t grace_ns)
{
    signal_all(l, SIGTERM);
    bool gone = wait_for_end(l, grace_ns);
    if (!gone) {
        signal_all(l, SIGKILL);
        gone = wait_for_end(l, KILLED_NS); /* no signal ends one that waits for a device that hangs */
    }
    atomic_store(&l->stop, true);
    pthread_join(l->reader, NULL);
    close(l->out);
    close(l->file);
    buf_release(&l->pending);
    pthread_mutex_destroy(&l->lock);
    free(l);
    return gone;
}
