/* promtext: Prometheus text, as far as it is needed: the samples of a page, one by one.  Pure; malformed lines are skipped
 * and counted.  A last line that is not ended may be cut in the middle of its number: it is taken for malformed. */
#ifndef TG_PROMTEXT_H
#define TG_PROMTEXT_H

#include <stdbool.h>
#include <stddef.h>

struct prom_sample {
    const char *name; /* not ended by NUL */
    size_t name_n;
    const char *labels; /* between the braces */
    size_t labels_n;
    double value;     /* NAN and infinities too: they are of the format */
};

/* {.page = p, .n = length}: at its beginning. */
struct prom_reader {
    const char *page;
    size_t n, pos;
    size_t samples, bad; /* lines so far; comments and empty lines are in neither */
};

/* The next sample.  False at the end. */
bool prom_next(struct prom_reader *r, struct prom_sample *out);
bool prom_is(const struct prom_sample *s, const char *name);
/* The value of that label, its escapes undone; sanitised.  False (and out empty) where there is none. */
bool prom_label(const struct prom_sample *s, const char *label, char *out, size_t size);
/* … as a number; NAN where it is none.  "+Inf" is one. */
double prom_label_number(const struct prom_sample *s, const char *label);
/* Sum of all samples of that name over their labels; false (and *sum alone) where there is none. */
bool prom_sum(const char *page, size_t n, const char *name, double *sum);

#endif
