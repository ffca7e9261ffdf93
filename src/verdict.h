/* verdict: is the second of two runs better than the first, or is the difference noise?  Pure, layer 0.
 *
 * A winner is named only where the 95 % interval of the difference leaves zero out, the difference is large enough to
 * count, and there were enough values for such an interval to be trusted.  Each figure compared has its own 5 %: of
 * twenty figures of two equal runs about one has an interval that leaves zero out. */
#ifndef TG_VERDICT_H
#define TG_VERDICT_H

#include <stddef.h>
#include <stdint.h>

#define COMPARE_EFFECT 0.02 /* least difference that counts where the caller has no opinion, a share of |a| */
#define COMPARE_BLOCK 10    /* values a block of a series: ten seconds of one-second rates */
#define COMPARE_MIN 12      /* fewer values on a side never name a winner */
#define COMPARE_BLOCKS 3    /* neither do fewer blocks of a series */
#define COMPARE_MORE 1000000

enum verdict {
    VERDICT_WIN,    /* b is better than a */
    VERDICT_LOSE,   /* b is worse than a */
    VERDICT_SAME,   /* what difference there is does not count */
    VERDICT_UNSURE, /* the values do not tell */
    VERDICT_NONE    /* a side has no value, or so little is known of it that nothing can be said */
};

/* What counts as a difference. */
struct compare_rule {
    int better;        /* +1: higher is better, −1: lower is, 0: neither, so that nobody wins */
    double min_effect; /* share of |a|; NAN or below 0: COMPARE_EFFECT */
    double spread;     /* how far repeats of the same run were seen to lie apart, absolute; NAN or 0: not measured */
};

struct comparison {
    double a, b;        /* the statistic of each side; NAN unknown */
    double diff, ratio; /* b − a, b / a; NAN where undefined */
    double lo, hi;      /* 95 % interval of b − a; NAN where there is none */
    double effect;      /* the least difference that counts, absolute; NAN where a is unknown */
    size_t n_a, n_b;    /* values used */
    size_t more;        /* UNSURE: about so many further values a side should settle it, if the difference stays what it
                         * looks like; at most COMPARE_MORE, which means "that many or more"; 0: cannot be said */
    enum verdict verdict;
};

/* All of these leave the caller's values as they are, drop what is not finite, and fill the whole of c.  Two sides with
 * the very same values are SAME however few they are, with an interval of zero width.  The same seed gives the same
 * answer on every machine.
 *
 * Means, by Welch's interval.  A side of one value has no interval. */
void compare_means(const double *a, size_t na, const double *b, size_t nb, const struct compare_rule *rule,
                   struct comparison *c);
/* The quantile q in [0, 1], by a bootstrap of both sides.  No interval where a side has fewer than COMPARE_MIN values,
 * or too few for the quantile: see compare_quantile_min.  Time grows as na + nb: some 10 ms for 2 × 2048. */
void compare_quantile(const double *a, size_t na, const double *b, size_t nb, double q, uint64_t seed,
                      const struct compare_rule *rule, struct comparison *c);
/* The means of two series, each in time order, whose neighbours depend on each other, as the rates of one second after
 * the other do and the times of requests that waited for one another: a bootstrap of blocks of at least `block` values
 * (0: COMPARE_BLOCK).  No interval where a side has fewer than COMPARE_BLOCKS blocks or COMPARE_MIN
 * values, or is too short for how long its values remember. */
void compare_series_means(const double *a, size_t na, const double *b, size_t nb, size_t block, uint64_t seed,
                   const struct compare_rule *rule, struct comparison *c);
/* The quantile q of two such series: as compare_quantile, of as many values as would tell as much of it if none depended
 * on another.  No interval where that many are too few, or where compare_series_means would have none. */
void compare_series_quantile(const double *a, size_t na, const double *b, size_t nb, double q, size_t block, uint64_t seed,
                             const struct compare_rule *rule, struct comparison *c);
/* Shares: so many of n.  The interval of their difference is Newcombe's (1998, Statistics in Medicine 17, 873: method 10), from
 * Wilson's of each. */
void compare_shares(double hits_a, size_t na, double hits_b, size_t nb, const struct compare_rule *rule, struct comparison *c);
/* Two numbers that nothing is known of but themselves: SAME where equal, else UNSURE; NONE where one is not finite. */
void compare_numbers(double a, double b, const struct compare_rule *rule, struct comparison *c);

/* The fewest values a side from which the quantile q in (0, 1) is compared. */
size_t compare_quantile_min(double q);
/* Quantile p in (0, 1) of Student's t with df > 0 degrees of freedom, to about 1e-8 of itself; NAN outside. */
double student_quantile(double p, double df);

#endif
