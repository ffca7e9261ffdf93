#include "fmt.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *unknown(char *out)
{
    return memcpy(out, FMT_UNKNOWN, sizeof FMT_UNKNOWN);
}

char *fmt_ms(char out[FMT_SIZE], double ms)
{
    if (!isfinite(ms))
        return unknown(out);
    double a = fabs(ms);
    if (a < 0.9995)
        snprintf(out, FMT_SIZE, "%.0f µs", ms * 1000);
    else if (a < 9.995)
        snprintf(out, FMT_SIZE, "%.2f ms", ms);
    else if (a < 99.95)
        snprintf(out, FMT_SIZE, "%.1f ms", ms);
    else if (a < 999.5)
        snprintf(out, FMT_SIZE, "%.0f ms", ms);
    else if (a < 9995)
        snprintf(out, FMT_SIZE, "%.2f s", ms / 1000);
    else if (a < 99950)
        snprintf(out, FMT_SIZE, "%.1f s", ms / 1000);
    else {
        double s = round(a / 1000);
        snprintf(out, FMT_SIZE, "%s%.0f m %02.0f s", ms < 0 ? "-" : "", floor(s / 60), fmod(s, 60));
    }
    return out;
}

char *fmt_rate(char out[FMT_SIZE], double v)
{
    if (!isfinite(v))
        return unknown(out);
    double a = fabs(v);
    snprintf(out, FMT_SIZE, a < 9.995 ? "%.2f" : a < 999.95 ? "%.1f" : "%.0f", v);
    return out;
}

char *fmt_count(char out[FMT_SIZE], double n)
{
    if (!isfinite(n) || fabs(n) > 1e15)
        return unknown(out);
    char digits[FMT_SIZE];
    int len = snprintf(digits, sizeof digits, "%.0f", fabs(n));
    size_t o = 0;
    if (n < 0)
        out[o++] = '-';
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[o++] = ' ';
        out[o++] = digits[i];
    }
    out[o] = '\0';
    return out;
}

char *fmt_gib(char out[FMT_SIZE], double bytes)
{
    if (!isfinite(bytes))
        return unknown(out);
    double gib = bytes / (1024.0 * 1024 * 1024);
    snprintf(out, FMT_SIZE, "%.1f", fabs(gib) < 0.05 ? 0 : gib); /* no −0.0 */
    return out;
}

/* Ten times a tenth is a little less than 1. */
static bool all_but_noise(double share)
{
    return fabs(share - 1) < 1e-9;
}

char *fmt_percent(char out[FMT_SIZE], double share)
{
    if (!isfinite(share))
        return unknown(out);
    double p = all_but_noise(share) ? 100 : share * 100;
    bool few = p > 0 && p <= 0.5, most = p >= 99.5 && p < 100;
    if (few && p < 0.05)
        snprintf(out, FMT_SIZE, "< 0.1 %%");
    else if (most && p >= 99.95)
        snprintf(out, FMT_SIZE, "> 99.9 %%");
    else
        snprintf(out, FMT_SIZE, "%.*f %%", few || most ? 1 : 0, p);
    return out;
}

char *fmt_percent_below(char out[FMT_SIZE], double share, double limit)
{
    fmt_percent(out, share);
    if (share < limit && strtod(out, NULL) >= limit * 100)
        snprintf(out, FMT_SIZE, "%.1f %%", share * 100);
    if (share < limit && strtod(out, NULL) >= limit * 100)
        snprintf(out, FMT_SIZE, "< %.4g %%", limit * 100);
    return out;
}

char *fmt_percent_short(char out[FMT_SIZE], double share)
{
    bool few = share > 0 && share <= 0.005, most = share >= 0.995 && share < 1 && !all_but_noise(share);
    if (!few && !most)
        return fmt_percent(out, share);
    snprintf(out, FMT_SIZE, few ? "<1 %%" : ">99 %%");
    return out;
}

char *fmt_tokens(char out[FMT_SIZE], double n)
{
    if (!isfinite(n))
        return unknown(out);
    if (n >= 1024 && n < 1e12 && fmod(n, 1024) == 0)
        snprintf(out, FMT_SIZE, "%.0fk", n / 1024);
    else
        snprintf(out, FMT_SIZE, "%.0f", n);
    return out;
}

char *fmt_context(char out[FMT_SIZE], double n)
{
    return fmt_tokens(out, n > 0 ? n : (double)NAN);
}

char *fmt_clock(char out[FMT_SIZE], double s)
{
    if (!isfinite(s) || s < 0 || s > 1e9)
        return unknown(out);
    long t = (long)s;
    snprintf(out, FMT_SIZE, "%02ld:%02ld:%02ld", t / 3600, t / 60 % 60, t % 60);
    return out;
}

char *fmt_about(char out[FMT_SIZE], double s)
{
    if (!isfinite(s))
        return unknown(out);
    if (s < 9.5)
        snprintf(out, FMT_SIZE, "%.0f s", s < 1 ? 1 : s);
    else if (s < 87.5)
        snprintf(out, FMT_SIZE, "%.0f s", round(s / 5) * 5);
    else if (s < 3570)
        snprintf(out, FMT_SIZE, "%.0f min", round(s / 60));
    else
        snprintf(out, FMT_SIZE, "%.0f h %02d min", floor((s + 30) / 3600), (int)fmod((s + 30) / 60, 60));
    return out;
}

#define DECIMALS_MOST 14 /* with a sign and 15 digits before them they fit */

char *fmt_json(char out[FMT_SIZE], double v, int decimals)
{
    if (!isfinite(v)) {
        memcpy(out, "null", 5);
        return out;
    }
    decimals = decimals < 0 ? 0 : decimals > DECIMALS_MOST ? DECIMALS_MOST : decimals;
    int n = snprintf(out, FMT_SIZE, fabs(v) < 1e15 ? "%.*f" : "%.*e", decimals, v);
    if (decimals > 0 && fabs(v) < 1e15) {
        while (out[n - 1] == '0')
            out[--n] = '\0';
        if (out[n - 1] == '.')
            out[--n] = '\0';
    }
    if (strcmp(out, "-0") == 0)
        memcpy(out, "0", 2);
    return out;
}

char *fmt_number(char out[FMT_SIZE], double v)
{
    if (!isfinite(v))
        return unknown(out);
    return fmt_json(out, v, v != 0 ? 3 - (int)floor(log10(fabs(v))) : 0);
}

char *fmt_requests(char out[FMT_SIZE], double v)
{
    return v > 0 && v < 0.1 ? fmt_number(out, v) : fmt_rate(out, v);
}

/* Reads a plain decimal number (no hex, no inf, no exponent): the only kind a person types as an option. */
static bool take_number(const char **s, double *v)
{
    const char *p = *s;
    size_t digits = 0;
    while (isdigit((unsigned char)*p))
        p++, digits++;
    if (*p == '.')
        for (p++; isdigit((unsigned char)*p); p++)
            digits++;
    if (digits == 0 || digits > 18)
        return false;
    *v = strtod(*s, NULL);
    *s = p;
    return true;
}

bool parse_double(const char *s, double *v)
{
    double sign = 1, x;
    if (*s == '-') {
        sign = -1;
        s++;
    }
    if (!take_number(&s, &x) || *s != '\0')
        return false;
    *v = sign * x;
    return true;
}

struct unit {
    const char *name;
    double factor;
};

/* A number with one of the units (a table that ends in a NULL name; the empty name is the bare number). */
static bool take_with_unit(const char **s, const struct unit *units, double *v)
{
    double x;
    if (!take_number(s, &x))
        return false;
    size_t len = strcspn(*s, "0123456789.");
    for (const struct unit *u = units; u->name != NULL; u++)
        if (strlen(u->name) == len && strncmp(*s, u->name, len) == 0) {
            *v = x * u->factor;
            *s += len;
            return true;
        }
    return false;
}

static bool parse_whole(const char *s, const struct unit *units, int64_t *out)
{
    double v;
    if (!take_with_unit(&s, units, &v) || *s != '\0' || v > 9e15 || v != floor(v))
        return false;
    *out = (int64_t)v;
    return true;
}

bool parse_duration(const char *s, int64_t *ns)
{
    static const struct unit units[] = {{"", 1e9}, {"ns", 1}, {"us", 1e3}, {"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"min", 60e9},
                                        {"h", 3600e9}, {"d", 86400e9}, {NULL, 0}};
    double total = 0, v;
    bool first = true;
    do {
        const char *before = s;
        if (!take_with_unit(&s, units, &v))
            return false;
        bool bare = isdigit((unsigned char)s[-1]) || s[-1] == '.';
        if (bare && (!first || *s != '\0')) /* "1h30" is refused: thirty of what? */
            return false;
        (void)before;
        total += v;
        first = false;
    } while (*s != '\0');
    if (total > 9e18)
        return false;
    *ns = (int64_t)round(total);
    return true;
}

char *fmt_duration(char out[FMT_SIZE], int64_t ns)
{
    static const struct {
        int64_t ns;
        const char *name;
    } units[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "us"}, {1, "ns"}};
    size_t i = 0;
    while (ns % units[i].ns != 0)
        i++;
    snprintf(out, FMT_SIZE, "%" PRId64 "%s", ns / units[i].ns, units[i].name);
    return out;
}

bool parse_tokens(const char *s, int64_t *n)
{
    static const struct unit units[] = {{"", 1}, {"k", 1024}, {"K", 1024}, {NULL, 0}};
    return parse_whole(s, units, n);
}

bool parse_count(const char *s, int64_t *n)
{
    static const struct unit units[] = {{"", 1}, {"k", 1000}, {"K", 1000}, {"M", 1e6}, {NULL, 0}};
    return parse_whole(s, units, n);
}

bool parse_bytes(const char *s, int64_t *bytes)
{
    static const double k = 1024;
    const struct unit units[] = {{"", 1},          {"B", 1},           {"KiB", k},           {"K", k},
                                 {"MiB", k * k},   {"M", k * k},       {"GiB", k * k * k},   {"G", k * k * k},
                                 {"TiB", k * k * k * k}, {"T", k * k * k * k}, {NULL, 0}};
    double v;
    if (!take_with_unit(&s, units, &v) || *s != '\0' || v > 9e15)
        return false;
    *bytes = (int64_t)v;
    return true;
}
