#include "engine/guard.h"
#include "fmt.h"
#include "util.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define FALLS_ON (64.0 * 1024 * 1024) /* bytes: less is the machine's own unrest */
#define GIB (1024.0 * 1024 * 1024)

double guard_default(double ram_total)
{
    return ram_total * 0.02 > GIB ? ram_total * 0.02 : GIB;
}

void guard_off(struct guard *g)
{
    double nan = (double)NAN;
    *g = (struct guard){.ram_line = nan, .gtt_line = nan, .ram_then = nan, .gtt_then = nan};
}

static double line_for(const char *pool, double line, double headroom, char *note, size_t size)
{
    char a[FMT_SIZE], b[FMT_SIZE];
    if (!isfinite(headroom) || headroom > line)
        return isfinite(headroom) ? line : (double)NAN;
    size_t used = strlen(note);
    if (!(headroom > 0)) {
        snprintf(note + used, size - used, "%s%s has nothing left at the start: the guard does not watch it", used > 0 ? "; " : "", pool);
        return (double)NAN;
    }
    double half = headroom / 2;
    snprintf(note + used, size - used, "%s%s has only %s GiB left at the start: the guard stops the load at %s GiB",
             used > 0 ? "; " : "", pool, fmt_gib(a, headroom), fmt_gib(b, half));
    return half;
}

void guard_arm(struct guard *g, double line, double ram_headroom, double gtt_headroom, char *note, size_t size)
{
    guard_off(g);
    note[0] = '\0';
    g->ram_line = line_for("RAM", line, ram_headroom, note, size);
    g->gtt_line = line_for("GTT", line, gtt_headroom, note, size);
}

static void explain(struct guard *g, const char *pool, double headroom, double line)
{
    char a[FMT_SIZE], b[FMT_SIZE];
    snprintf(g->why, sizeof g->why, "%s has %s GiB left, less than the %s GiB that --guard keeps free", pool, fmt_gib(a, headroom),
             fmt_gib(b, line));
}

enum guard_act guard_see(struct guard *g, double t, double ram, double gtt)
{
    enum guard_act before = g->done;
    bool ram_low = ram < g->ram_line, gtt_low = gtt < g->gtt_line; /* false where a side is NAN */
    if ((!ram_low && !gtt_low) || before == GUARD_CANCEL)
        return GUARD_NOTHING;
    if (before == GUARD_NOTHING) {
        g->done = GUARD_STOP_ADDING;
        g->acted = t;
        explain(g, gtt_low ? "GTT" : "RAM", gtt_low ? gtt : ram, gtt_low ? g->gtt_line : g->ram_line);
        g->ram_then = ram;
        g->gtt_then = gtt;
    } else if ((ram_low && ram < g->ram_then - FALLS_ON) || (gtt_low && gtt < g->gtt_then - FALLS_ON) || t - g->acted > GUARD_PATIENCE_S) {
        g->done = GUARD_CANCEL;
    }
    return g->done != before ? g->done : GUARD_NOTHING;
}
