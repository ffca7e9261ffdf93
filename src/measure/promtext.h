/* promtext: Prometheus text, as far as it is needed: the samples of a page, one by one.  Pure; malformed lines are
 * skipped. */
#ifndef TG_PROMTEXT_H
#define TG_PROMTEXT_H

#include <stdbool.h>
#include <stddef.h>

struct prom_sample {
    const char *name; /* not ended by NUL */
    size_t name_n;
    const char *labels; /* between the braces */
    size_t labels_n;
    double value;
};

/* Reads the next sample at *pos of page[n] and moves *pos on.  False at the end. */
bool prom_next(const char *page, size_t n, size_t *pos, struct prom_sample *out);
/* Sum of all samples of that name over their labels; false (and *sum alone) where there is none. */
bool prom_sum(const char *page, size_t n, const char *name, double *sum);

#endif
