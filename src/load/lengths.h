/* lengths: how long a request's prompt and output are: all the same, or drawn.  Pure: request number and seed give the same
 * length on every machine, whichever worker sends it. */
#ifndef TG_LENGTHS_H
#define TG_LENGTHS_H

#include <stdbool.h>
#include <stdint.h>

enum length_kind {
    LENGTH_FIXED,     /* a */
    LENGTH_UNIFORM,   /* a to b, both included */
    LENGTH_NORMAL,    /* mean a, standard deviation b */
    LENGTH_LOGNORMAL  /* the same, of the lengths themselves, not of their logarithms */
};

struct lengths {
    enum length_kind kind;
    double a, b;
};

/* Tokens of request number seq, 1 to most; what is drawn beyond is cut there. */
int64_t lengths_draw(const struct lengths *l, uint64_t seed, uint64_t seq, int64_t most);
/* Its mean, before cutting; at least 1. */
int64_t lengths_mean(const struct lengths *l);
/* The same shape with another mean. */
void lengths_scale(struct lengths *l, int64_t mean);

/* "2048", "4k", "normal:2048,512", "uniform:1k-4k", "lognormal:2k,1k".  False where it is none of these, or one without
 * sense (a deviation of 0 or less, a span that runs backwards). */
bool lengths_parse(const char *s, struct lengths *l);
/* As lengths_parse takes it: "uniform:1024-4096"; out has 64 bytes. */
char *lengths_text(const struct lengths *l, char out[64]);

#endif
