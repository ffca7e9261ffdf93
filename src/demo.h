/* demo: the simulated server as a child process, so that its CPU is not ours.  It dies with its parent. */
#ifndef TG_DEMO_H
#define TG_DEMO_H

#include "util.h"

#include <sys/types.h>

struct demo {
    pid_t pid;
    char url[128];
};

/* Runs this very program as `tokgauge sim` with those options and waits until it listens (10 s at most). */
bool demo_start(struct demo *d, char *const *sim_args, size_t n, struct err *e);
void demo_stop(struct demo *d);

#endif
