#include "load/lengths.h"

#include "fmt.h"
#include "util.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {"fixed", "uniform", "normal", "lognormal"};

/* Two draws of [0, 1) that belong to this request alone. */
static double standard_normal(uint64_t *rng) /* Box and Muller 1958 */
{
    double r = sqrt(-2 * log1p(-rng_unit(rng)));
    return r * cos(2 * acos(-1.0) * rng_unit(rng));
}

int64_t lengths_draw(const struct lengths *l, uint64_t seed, uint64_t seq, int64_t most)
{
    uint64_t rng = seed ^ (seq + 1) * 0x9e6c63d0876a9a47u;
    double v = l->a;
    if (l->kind == LENGTH_UNIFORM) {
        v = l->a + floor(rng_unit(&rng) * (l->b - l->a + 1));
    } else if (l->kind == LENGTH_NORMAL) {
        v = l->a + l->b * standard_normal(&rng);
    } else if (l->kind == LENGTH_LOGNORMAL) {
        /* mean m and deviation s of the lengths: σ² = ln(1 + s²/m²), µ = ln m − σ²/2 */
        double sigma2 = log1p(l->b * l->b / (l->a * l->a));
        v = exp(log(l->a) - sigma2 / 2 + sqrt(sigma2) * standard_normal(&rng));
    }
    double top = (double)MAX_OF(most, INT64_C(1));
    return (int64_t)llround(MAX_OF(MIN_OF(v, top), 1.0));
}

int64_t lengths_mean(const struct lengths *l)
{
    double m = l->kind == LENGTH_UNIFORM ? (l->a + l->b) / 2 : l->a;
    return (int64_t)llround(MAX_OF(m, 1.0));
}

void lengths_scale(struct lengths *l, int64_t mean)
{
    double now = l->kind == LENGTH_UNIFORM ? (l->a + l->b) / 2 : l->a, by = (double)mean / now;
    l->a *= by;
    l->b *= by;
    if (l->kind == LENGTH_UNIFORM) { /* whole tokens at both ends */
        l->a = MAX_OF(round(l->a), 1.0);
        l->b = MAX_OF(round(l->b), l->a);
    }
}

/* "FIRST<sign>SECOND", both in tokens. */
static bool two(const char *s, char sign, double *a, double *b)
{
    const char *at = strchr(s, sign);
    char first[32];
    int64_t x, y;
    if (at == NULL || (size_t)(at - s) >= sizeof first)
        return false;
    memcpy(first, s, (size_t)(at - s));
    first[at - s] = '\0';
    if (!parse_tokens(first, &x) || !parse_tokens(at + 1, &y))
        return false;
    *a = (double)x;
    *b = (double)y;
    return true;
}

bool lengths_parse(const char *s, struct lengths *l)
{
    int64_t n;
    struct lengths out = {.kind = LENGTH_FIXED};
    size_t colon = strcspn(s, ":");
    if (s[colon] != ':') {
        if (!parse_tokens(s, &n) || n < 1)
            return false;
        *l = (struct lengths){.a = (double)n};
        return true;
    }
    for (int k = LENGTH_UNIFORM; k <= LENGTH_LOGNORMAL; k++)
        if (strlen(names[k]) == colon && strncmp(s, names[k], colon) == 0)
            out.kind = (enum length_kind)k;
    bool span = out.kind == LENGTH_UNIFORM;
    if (out.kind == LENGTH_FIXED || !two(s + colon + 1, span ? '-' : ',', &out.a, &out.b))
        return false;
    if (!(out.a >= 1) || (span ? out.b < out.a : !(out.b > 0)))
        return false;
    *l = out;
    return true;
}

char *lengths_text(const struct lengths *l, char out[64])
{
    if (l->kind == LENGTH_FIXED)
        snprintf(out, 64, "%.0f", l->a);
    else
        snprintf(out, 64, "%s:%.0f%c%.0f", names[l->kind], l->a, l->kind == LENGTH_UNIFORM ? '-' : ',', l->b);
    return out;
}
