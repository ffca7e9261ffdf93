/* Findings about memory and the GPU: of the server's machine, or none. */
#include "report/insight_inside.h"
#include "fmt.h"
#include "jsonr.h"
#include "report/pools.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define GIB (1024.0 * 1024 * 1024)

/* The pool where models live: the one of the GPU that has more in it. */
static enum pool_kind model_pool(const struct run_file *f)
{
    struct pool_facts gtt, vram;
    pool_facts(f, POOL_GTT, NULL, &gtt);
    pool_facts(f, POOL_VRAM, NULL, &vram);
    return vram.peak > gtt.peak || isnan(gtt.peak) ? POOL_VRAM : POOL_GTT;
}

bool insight_memory_headroom(const struct facts *d, struct insight *o)
{
    const struct run_file *f = d->file;
    enum pool_kind k = model_pool(f);
    double used = (double)NAN, total = (double)NAN, kv = (double)NAN, tokens = 0;
    for (size_t i = 0; i < f->samples_n; i++) {
        insight_raise(&used, pool_used(&f->samples[i], k));
        insight_raise(&total, pool_total(&f->samples[i], k));
    }
    for (size_t i = 0; i < d->groups; i++) {
        const struct group *g = &d->group[i];
        double held = MIN_OF(isfinite(g->running) ? g->running : (double)g->phase->streams, (double)g->phase->streams);
        insight_raise(&kv, g->kv_used);
        tokens = fmax(tokens, held * (run_file_phase_context(f, g->phase) + (double)g->phase->max_tokens));
    }
    if (!isfinite(used) || !(total > 0) || !run_file_servers_memory(f))
        return false;
    if (json_text(f->summary, "guard") != NULL) /* memory was the limit: the report begins with that */
        return false;
    char a[FMT_SIZE], b[FMT_SIZE], c[FMT_SIZE];
    SAY(sentence, "%s GiB of the %s GiB of %s were never used.", fmt_gib(a, total - used), fmt_gib(b, total), pool_names[k]);
    SAY(evidence, "peak %s GiB%s%s", fmt_gib(a, used), isfinite(kv) ? "; KV cache used at most " : "",
        isfinite(kv) ? fmt_percent(c, kv) : "");
    if (kv < 0.5 && isfinite(f->server.kv_tokens))
        SAY(advice, "The KV cache holds %s tokens: there is room for more sequences or a longer context before memory is the limit.",
            fmt_count(a, f->server.kv_tokens));
    else if (kv > 0.005 && kv < 0.5 && tokens > 0)
        SAY(advice, "The KV cache seems to hold about %s tokens: there is room for more sequences or a longer context before memory "
                    "is the limit.", fmt_tokens(a, round(tokens / kv / 1024) * 1024));
    return true;
}

bool insight_kv_growth(const struct facts *d, struct insight *o)
{
    enum pool_kind k = model_pool(d->file);
    struct pool_slope s = pool_per_token(d->file, k);
    char a[FMT_SIZE];
    double mib = s.slope * 1024 / 1048576, margin = s.margin * 1024 / 1048576;
    if (!isfinite(s.slope) || !run_file_servers_memory(d->file))
        return false;
    if (s.slope > s.margin && s.slope * s.over > 0.1 * GIB) {
        SAY(sentence, "%s grows with the tokens in flight: by %.0f MiB for each 1,024.", pool_names[k], mib);
        SAY(advice, "Before more streams or a longer context: multiply, and keep the ceiling in sight.");
    } else if (s.margin * s.over < 0.25 * GIB) {
        SAY(sentence, "%s does not grow with context or streams: the server took its KV cache at start.", pool_names[k]);
    } else {
        return false;
    }
    SAY(evidence, "%.1f ± %.1f MiB for each 1,024 tokens (95 %%), over a difference of %s tokens in flight", mib, margin,
        fmt_tokens(a, round(s.over)));
    return true;
}

bool insight_memory_growth(const struct facts *d, struct insight *o)
{
    for (enum pool_kind k = POOL_RAM; k < POOL_KINDS; k++) {
        struct pool_slope g = pool_growth(d->file, k);
        struct pool_facts p;
        pool_facts(d->file, k, NULL, &p);
        if (!g.even || !(g.slope - g.margin > 0.05 * GIB) || !run_file_servers_memory(d->file))
            continue;
        char a[FMT_SIZE], b[FMT_SIZE];
        SAY(sentence, "%s goes on growing under an even load: %.2f GiB an hour.", pool_names[k], g.slope / GIB);
        SAY(evidence, "± %.2f GiB an hour (95 %%), over %s; %s GiB at the end", g.margin / GIB, fmt_about(a, g.over), fmt_gib(b, p.after));
        SAY(advice, "At this pace it is full in about %s. A cache that is still filling slows down; a leak does not: run it longer.",
            fmt_about(a, (p.total - p.after) / g.slope * 3600));
        return true;
    }
    return false;
}

/* The name that has the most of all samples under load. */
static const char *most_limiting(const struct run_file *f)
{
    struct {
        const char *name;
        double sum;
    } by[24]; /* twice as many as there are: alone, and with others */
    size_t n = 0, most = 0;
    for (size_t i = 0; i < f->samples_n; i++) {
        const struct run_sample *s = &f->samples[i];
        size_t k = 0;
        if (!s->loading || !(s->gpu_limited > 0))
            continue;
        while (k < n && strcmp(by[k].name, s->gpu_limited_by) != 0)
            k++;
        if (k == ARRAY_LEN(by))
            continue;
        if (k == n) {
            by[n].name = s->gpu_limited_by;
            by[n++].sum = 0;
        }
        by[k].sum += s->gpu_limited;
        if (by[k].sum > by[most].sum)
            most = k;
    }
    return n > 0 ? by[most].name : "";
}

bool insight_gpu_limited(const struct facts *d, struct insight *o)
{
    double sum = 0, n = 0, most = 0;
    bool now = false;
    for (size_t i = 0; i < d->file->samples_n; i++) {
        const struct run_sample *s = &d->file->samples[i];
        if (!s->loading || !isfinite(s->gpu_limited))
            continue;
        sum += s->gpu_limited;
        n++;
        now = now || s->gpu_limited_now;
        most = fmax(most, s->gpu_limited);
    }
    if (n < 10 || sum / n < 0.05 || !run_file_servers_memory(d->file))
        return false;
    char a[FMT_SIZE], b[FMT_SIZE];
    SAY(sentence, "The GPU was held back %s %s of the %s, most by %s.", now ? "at" : "for", fmt_percent(a, sum / n), now ? "looks" : "time",
        most_limiting(d->file));
    if (now)
        SAY(evidence, "the driver tells only what holds at the moment: %.0f looks under load, one a second", n);
    else
        SAY(evidence, "the driver's own counters over %.0f s of load; at most %s of a second", n, fmt_percent(b, most));
    SAY(advice, "SPL, FPPT, SPPT and PPT are limits of power, the others of temperature or current: a higher limit or better cooling "
                "makes it faster, other settings of the server may not.");
    return true;
}
