/* lateness: how late this machine wakes a thread that does nothing but sleep; the yardstick of figures that are a few
 * milliseconds.  What it was late for is not the fault of a program that was measured in the same moment.
 *
 *   lateness OUT
 *
 * On each core a thread that wants to be woken every millisecond, until SIGTERM.  OUT gets a JSON line for each time it was
 * woken more than LATE_NS late, {"core":…,"due_ns":…,"late_ns":…} (CLOCK_MONOTONIC), and at the end one of all of them,
 * {"wakes":…,"late":…,"p99_ms":…,"max_ms":…}. */
#include "clock.h"
#include "hist.h"
#include "util.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EVERY_NS NS_PER_MS
#define LATE_NS (NS_PER_MS / 2)
#define CORES_MOST 64

static struct core {
    int number;
    pthread_t thread;
    struct hist late; /* ns */
    int64_t beyond;
} cores[CORES_MOST];

static atomic_bool stop;
static FILE *out; /* stdio locks it: a line at a time */

static void *watch_core(void *arg)
{
    struct core *c = arg;
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(c->number, &only);
    if (pthread_setaffinity_np(pthread_self(), sizeof only, &only) != 0)
        return NULL; /* a core that we may not use: nobody that we measure is there either */
    int64_t due = clock_ns();
    while (!atomic_load(&stop)) {
        due += EVERY_NS;
        struct timespec at = {.tv_sec = due / NS_PER_SEC, .tv_nsec = due % NS_PER_SEC};
        if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0)
            continue;
        int64_t late = clock_ns() - due;
        hist_add(&c->late, (uint64_t)MAX_OF(late, INT64_C(0)), 1);
        if (late > LATE_NS) {
            c->beyond++;
            fprintf(out, "{\"core\":%d,\"due_ns\":%lld,\"late_ns\":%lld}\n", c->number, (long long)due, (long long)late);
            due += late / EVERY_NS * EVERY_NS; /* those that were missed meanwhile are this one's */
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: lateness OUT\n", stderr);
        return 2;
    }
    out = fopen(argv[1], "we");
    if (out == NULL)
        die("%s: %s", argv[1], strerror(errno));
    sigset_t end;
    sigemptyset(&end);
    sigaddset(&end, SIGTERM);
    sigaddset(&end, SIGINT);
    pthread_sigmask(SIG_BLOCK, &end, NULL);
    int n = (int)MIN_OF(sysconf(_SC_NPROCESSORS_CONF), (long)CORES_MOST), signal_no;
    for (int i = 0; i < n; i++) {
        cores[i].number = i;
        if (pthread_create(&cores[i].thread, NULL, watch_core, &cores[i]) != 0)
            die("no thread");
    }
    puts("watching");
    fflush(stdout);
    sigwait(&end, &signal_no);
    atomic_store(&stop, true);
    static struct hist all;
    int64_t late = 0;
    for (int i = 0; i < n; i++) {
        pthread_join(cores[i].thread, NULL);
        hist_merge(&all, &cores[i].late);
        late += cores[i].beyond;
    }
    fprintf(out, "{\"wakes\":%lld,\"late\":%lld,\"p99_ms\":%.4f,\"max_ms\":%.4f}\n", (long long)all.count,
            (long long)late, hist_quantile(&all, 0.99) / 1e6, (double)all.max / 1e6);
    return fclose(out) == 0 ? 0 : 1;
}
