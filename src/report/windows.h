/* windows: a run's load cut into stretches of one length, with the means of each; made from the samples alone, so it holds for
 * files without rows too.  Pure. */
#ifndef TG_WINDOWS_H
#define TG_WINDOWS_H

#include "report/runfile.h"

enum window_value { WINDOW_RATE, WINDOW_TTFT, WINDOW_DECODE, WINDOW_GTT, WINDOW_VRAM, WINDOW_RAM, WINDOW_VALUES };

struct run_window {
    double from, to; /* seconds since the start of the run; the last one may be shorter than the others */
    double load_s;   /* … of which the load was on, by intervals between samples */
    double value[WINDOW_VALUES]; /* tok/s of all streams; means over the requests that ended in it, ms and tok/s; means of the
                                  * samples, bytes.  NAN: unknown */
    double ok, failed; /* requests that ended in it */
    bool slept;        /* the machine slept in it: it is not to be judged */
};

/* The first of 10 s, 1 min, 10 min, 1 h … of which the load has `most` or fewer. */
double windows_step(const struct run_file *f, size_t most);
/* From the first sample under load + skip_s to the last one.  Returns how many; the caller frees *out. */
size_t windows_cut(const struct run_file *f, double skip_s, double step_s, struct run_window **out);
/* Seconds from the first to the last sample under load; 0: there are none. */
double windows_load(const struct run_file *f, double *from);

#endif
