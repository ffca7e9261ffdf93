/* host: this machine's memory, from /proc. */
#ifndef TG_HOST_H
#define TG_HOST_H

#include "util.h"

#include <stdbool.h>
#include <stddef.h>

struct host_memory { /* bytes; NAN unknown */
    double total, available, used; /* used = total − available, as the user's report counts it */
    double swap_total, swap_free;
};

/* Pure: reads the text of /proc/meminfo.  What is missing or not a number is NAN. */
void host_parse_meminfo(const char *text, struct host_memory *m);
/* proc: usually "/proc".  False with the reason in e where the file cannot be read; *m is all NAN then. */
bool host_read_memory(const char *proc, struct host_memory *m, struct err *e);

#endif
