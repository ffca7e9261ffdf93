/* clock: where the program reads time.  Pure code takes time as an argument and never includes this. */
#ifndef TG_CLOCK_H
#define TG_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define NS_PER_SEC INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

/* CLOCK_MONOTONIC in ns; never 0, so 0 can stand for "not yet". */
int64_t clock_ns(void);
/* How long this machine has slept since it was started, in ns: what CLOCK_BOOTTIME counts and clock_ns() does not. */
int64_t clock_asleep_ns(void);
/* CPU time of the calling thread in ns. */
int64_t clock_thread_cpu_ns(void);
/* Wall clock as RFC 3339 UTC with seconds ("2026-02-19T13:05:21Z"); out holds at least 21 bytes. */
void clock_wall(char *out, size_t size);
/* The same for file names: "20260219-130521", at least 16 bytes. */
void clock_stamp(char *out, size_t size);

#endif
