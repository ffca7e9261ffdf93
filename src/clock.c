#include "clock.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * NS_PER_SEC + t.tv_nsec;
}

int64_t clock_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_asleep_ns(void)
{
    return read_clock(CLOCK_BOOTTIME) - read_clock(CLOCK_MONOTONIC);
}

int64_t clock_thread_cpu_ns(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

static struct tm utc_now(void)
{
    time_t now = time(NULL);
    struct tm tm;
    gmtime_r(&now, &tm);
    return tm;
}

void clock_wall(char *out, size_t size)
{
    struct tm tm = utc_now();
    strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

void clock_stamp(char *out, size_t size)
{
    struct tm tm = utc_now();
    strftime(out, size, "%Y%m%d-%H%M%S", &tm);
}
