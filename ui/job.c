#include "ui/job.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static struct sigaction old_stop, old_cont;
static volatile sig_atomic_t stop_asked, continued;

static void on_stop(int sig)
{
    (void)sig;
    stop_asked = 1; /* it ends the poll in screen_wait, which leaves the terminal in order first */
}

static void on_cont(int sig)
{
    (void)sig;
    continued = 1;
}

static void take(int sig, void (*handler)(int), struct sigaction *old)
{
    struct sigaction sa = {.sa_handler = handler};
    sigemptyset(&sa.sa_mask);
    sigaction(sig, &sa, old);
}

void job_begin(void)
{
    stop_asked = continued = 0;
    sigaction(SIGTSTP, NULL, &old_stop);
    if (old_stop.sa_handler != SIG_IGN)
        take(SIGTSTP, on_stop, NULL);
    take(SIGCONT, on_cont, &old_cont);
}

void job_end(void)
{
    sigaction(SIGTSTP, &old_stop, NULL);
    sigaction(SIGCONT, &old_cont, NULL);
}

bool job_has_terminal(int tty)
{
    pid_t front = tcgetpgrp(tty);
    return front <= 0 || front == getpgrp(); /* 0: a group that cannot be seen from this pid namespace */
}

void job_stay_behind(void)
{
    kill(0, SIGTTOU);
}

bool job_stop_asked(void)
{
    return stop_asked != 0;
}

void job_stop(void)
{
    struct sigaction own;
    stop_asked = 0;
    take(SIGTSTP, SIG_DFL, &own);
    kill(getpid(), SIGTSTP);
    sigaction(SIGTSTP, &own, NULL);
}

bool job_continued(void)
{
    bool was = continued != 0;
    continued = 0;
    return was;
}
