#include "host/limits.h"
#include "fmt.h"
#include "util.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define GIB (1024.0 * 1024 * 1024)

static void warn(struct limits *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void warn(struct limits *l, const char *fmt, ...)
{
    if (l->warnings_n == LIMITS_WARNINGS)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(l->warnings[l->warnings_n++], sizeof l->warnings[0], fmt, ap);
    va_end(ap);
}

static void lower(struct limits *l, double v, const char *from)
{
    if (!(v >= l->ceiling)) {
        l->ceiling = v;
        l->ceiling_from = from;
    }
}

static bool asked_for(const struct limits_facts *f, const char *parameter)
{
    return f->boot != NULL && strstr(f->boot, parameter) != NULL;
}

static void contradictions(const struct limits_facts *f, struct limits *l)
{
    char a[FMT_SIZE], b[FMT_SIZE];
    if (f->gtt_total > f->ttm)
        warn(l, "the driver promises %s GiB of GTT, but all graphics memory in RAM is limited to %s GiB: raise ttm.pages_limit",
             fmt_gib(a, f->gtt_total), fmt_gib(b, f->ttm));
    if (f->gtt_total > f->ram_total)
        warn(l, "GTT of %s GiB is more than this machine's %s GiB of RAM: only the RAM can be used", fmt_gib(a, f->gtt_total),
             fmt_gib(b, f->ram_total));
    if (asked_for(f, "amdgpu.gtt_size="))
        warn(l, "the boot parameter amdgpu.gtt_size does not exist and is ignored: use ttm.pages_limit");
    if (asked_for(f, "amdgpu.gttsize=") && !(f->gtt_total > f->ttm))
        warn(l, "the boot parameter amdgpu.gttsize is deprecated: ttm.pages_limit (in pages) alone sets the size of GTT");
    if (f->gtt_used > f->ram_total / 2 && f->ram_available < 4 * GIB)
        warn(l, "more than half of RAM is graphics memory and only %s GiB are left: the driver needs RAM to swap its memory out",
             fmt_gib(a, f->ram_available));
}

void limits_find(const struct limits_facts *f, struct limits *out)
{
    *out = (struct limits){.ceiling = (double)NAN};
    out->primary_gtt = f->apu && f->gtt_total > 0 && !(f->vram_total >= f->gtt_total);
    if (!isfinite(f->gtt_total))
        return;
    lower(out, f->gtt_total, "GTT size");
    if (f->ttm < out->ceiling)
        lower(out, f->ttm, "ttm.pages_limit");
    struct limits_facts seen = *f;
    if (f->gtt_used > f->ram_total) { /* GTT is RAM */
        warn(out, "more GTT is in use than there is RAM: what is told of RAM is the view of a container or a virtual machine");
        seen.ram_total = seen.ram_available = (double)NAN;
    }
    if (seen.ram_total < out->ceiling)
        lower(out, seen.ram_total, "RAM");
    contradictions(&seen, out);
}
