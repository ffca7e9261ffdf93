/* job: job control, as a program under a shell sees it: whose the terminal is now, ^Z, and going on after a stop.
 *
 * The kernel stops a background process that sets the terminal's modes, but lets it write unless the user has said
 * otherwise (stty tostop), and lets it do both where SIGTTOU is ignored or blocked.  So the screen asks here first.  Nothing
 * here writes.  One set of handlers per process, one thread. */
#ifndef TG_UI_JOB_H
#define TG_UI_JOB_H

#include <stdbool.h>

/* Takes SIGTSTP (unless it is ignored) and SIGCONT.  Before newterm, which takes SIGTSTP where nobody has. */
void job_begin(void);
void job_end(void); /* gives them back */

/* May this process write to this terminal?  True too where it is not the controlling terminal, or is gone: there is no
 * foreground then.  From signal handlers too. */
bool job_has_terminal(int tty);
/* As the kernel does with a background process that may not write: stops the process group, and is back when that goes on
 * (wherever the terminal is then).  Back at once where SIGTTOU is ignored or nobody could make it go on. */
void job_stay_behind(void);

bool job_stop_asked(void); /* by ^Z, and not done yet */
void job_stop(void);       /* does it; back when the process goes on, at once where nobody could make it */
bool job_continued(void);  /* was it stopped, by whatever, since this was last asked? */

#endif
