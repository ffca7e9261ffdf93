/* killafter: starts a command and kills it outright, by SIGKILL, after a given time.
 *
 *   killafter MS COMMAND…
 *
 * Prints "BEGUN KILLED LATE": the moments when it was started and when it was about to be killed, by the monotonic clock that
 * the simulator's log has too, and by how much this process woke up late; all in nanoseconds.  The command's output goes
 * nowhere.  Fails where the command ended by itself. */
#include "clock.h"
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void child(char **command)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
    execvp(command[0], command);
    _exit(127);
}

int main(int argc, char **argv)
{
    char *end = NULL;
    long ms = argc > 2 ? strtol(argv[1], &end, 10) : -1;
    if (ms < 0 || *end != '\0') {
        fputs("usage: killafter MS COMMAND…\n", stderr);
        return 2;
    }
    int64_t begun = clock_ns(), due = begun + ms * NS_PER_MS;
    pid_t pid = fork();
    if (pid == 0)
        child(argv + 2);
    if (pid < 0)
        die("cannot start '%s'", argv[2]);
    const struct timespec at = {due / NS_PER_SEC, due % NS_PER_SEC};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        ;
    int64_t killed = clock_ns();
    int status;
    kill(pid, SIGKILL);
    if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        fprintf(stderr, "killafter: '%s' ended by itself\n", argv[2]);
        return 1;
    }
    printf("%" PRId64 " %" PRId64 " %" PRId64 "\n", begun, killed, killed - due);
    return 0;
}
