/* This machine: what the sampler saw, in the snapshot and in the result; and the guard over it. */
#include "engine/inside.h"
#include "fmt.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STALE_NS (3 * INT64_C(1000000000)) /* a value that is older is not known, where it should have come more often */
#define PROCS_STALE_NS (15 * INT64_C(1000000000)) /* looked at every three seconds, and a look may take some */
#define GROWTH_LEAST (64.0 * 1024 * 1024)  /* bytes a minute: less is no trend */
#define DAY_S 86400.0

void engine_watch_machine(struct engine *g)
{
    const struct server_sample *s = &g->server;
    /* A simulated server that has gone takes its machine with it. */
    if ((isfinite(s->gtt_used) || g->simulated_at != 0) && s->at != g->simulated_at) {
        double nan = (double)NAN;
        double memory[GPU_MEMORY_VALUES_] = {nan, nan, nan, nan, nan, nan};
        memory[GPU_GTT_TOTAL] = s->gtt_total;
        memory[GPU_GTT_USED] = s->gtt_used;
        sampler_simulate(g->sampler, memory, s->ram_total, s->ram_used);
        g->simulated_at = s->at;
    }
    sampler_get(g->sampler, &g->host);
}

/* ---- whose memory ---- */

static int port_of(const char *base)
{
    const char *host = strstr(base, "://");
    host = host != NULL ? host + 3 : base;
    const char *at = strrchr(host, '@'), *end = at != NULL ? at + 1 : host;
    end += strcspn(end, "/");
    const char *colon = end;
    while (colon > host && *colon != ':' && *colon != ']')
        colon--;
    if (*colon == ':' && colon > host)
        return (int)strtol(colon + 1, NULL, 10);
    return str_starts(base, "https:") ? 443 : 80;
}

static void show_process(struct engine *g)
{
    const struct server_proc *p = &g->proc;
    struct server_view *v = &g->view.server;
    v->pid = p->pid;
    str_copy(v->command, sizeof v->command, p->command);
    bool known = p->pid != 0;
    v->told_max_num_seqs = known ? p->max_num_seqs : (double)NAN;
    v->told_max_model_len = known ? p->max_model_len : (double)NAN;
    v->told_memory_share = known ? p->gpu_memory_utilization : (double)NAN;
    v->process_note[0] = '\0';
    if (p->pid == 0)
        str_copy(v->process_note, sizeof v->process_note, p->why);
    else if (p->proxy[0] != '\0')
        snprintf(v->process_note, sizeof v->process_note, "behind %.31s: the server itself runs in a container", p->proxy);
    if (p->pid != 0)
        engine_note(g, 0, "the server is process %d: %s", p->pid, p->command);
    if (v->process_note[0] != '\0')
        engine_note(g, 0, "%s", v->process_note);
}

void engine_know_server(struct engine *g)
{
    const struct server_info *s = &g->result.pre.server;
    g->result.memory_not_server = !s->local;
    if (!s->local || s->simulated)
        return;
    sampler_server(g->sampler, port_of(s->base), &g->proc);
    g->result.memory_not_server = g->proc.elsewhere;
    sampler_get(g->sampler, &g->host); /* perhaps of another GPU now */
    engine_fill_memory(g, g->tick_at);
    show_process(g);
}

/* It was started again, or has gone; or only now it is seen that the way there is a tunnel. */
static void see_process(struct engine *g)
{
    const struct server_proc *now = &g->host.server;
    bool known = now->pid != 0 || now->why[0] != '\0', tunnel = now->elsewhere && !g->proc.elsewhere;
    if (!known || (now->pid == g->proc.pid && !tunnel))
        return;
    bool other = now->pid != 0;
    g->proc = *now;
    show_process(g);
    if (now->elsewhere != g->result.memory_not_server) {
        g->result.memory_not_server = g->view.memory.not_server = now->elsewhere;
        rows_server(g); /* whose memory it is stands there */
    } else {
        rows_process(g);
    }
    if (other && g->scraper != NULL)
        scraper_ask_again(g->scraper);
    if (other && g->probe != NULL)
        probe_again(g->probe); /* perhaps with another model */
}

/* ---- the snapshot ---- */

static void put(struct gauge *out, const struct gauge *in, bool stale)
{
    *out = *in;
    if (stale && isfinite(in->value)) {
        out->value = (double)NAN;
        str_copy(out->why, sizeof out->why, "no answer for some seconds");
    }
}

static void put_ram(struct engine *g, bool stale)
{
    const struct host_memory *h = &g->host.memory;
    struct memory_view *m = &g->view.memory;
    const struct {
        struct gauge *gauge;
        double value;
    } all[] = {{&m->ram_total, h->total}, {&m->ram_used, h->used}, {&m->ram_available, h->available},
               {&m->swap_total, h->swap_total}, {&m->swap_used, h->swap_total - h->swap_free}};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct gauge v;
        gauge_set(&v, all[i].value, g->host.memory_simulated ? "sim" : "proc", g->host.why);
        v.simulated = g->host.memory_simulated && isfinite(all[i].value);
        put(all[i].gauge, &v, stale);
    }
}

static void put_gpu(struct engine *g, bool stale, bool sensors_stale)
{
    const struct gpu_reading *r = &g->host.reading;
    struct memory_view *m = &g->view.memory;
    struct gauge *const to[GPU_VALUES] = {
        [GPU_VRAM_TOTAL] = &m->vram_total, [GPU_VRAM_USED] = &m->vram_used, [GPU_VIS_TOTAL] = &m->visible_total,
        [GPU_VIS_USED] = &m->visible_used, [GPU_GTT_TOTAL] = &m->gtt_total, [GPU_GTT_USED] = &m->gtt_used,
        [GPU_BUSY] = &m->busy,             [GPU_SCLK] = &m->sclk,           [GPU_MCLK] = &m->mclk,
        [GPU_POWER] = &m->power,           [GPU_POWER_GFX] = &m->power_gfx, [GPU_TEMPERATURE] = &m->temperature,
    };
    for (int i = 0; i < GPU_VALUES; i++)
        put(to[i], &r->v[i], i < GPU_MEMORY_VALUES_ ? stale : sensors_stale);
    m->gpu_asleep = g->host.has_gpu && r->state == GPU_ASLEEP;
    m->power_is_package = r->power_is_package;
    m->limited = sensors_stale ? (double)NAN : r->limited_most;
    m->limited_now = r->limited_now;
    snprintf(m->limited_by, sizeof m->limited_by, "%s%s", r->limited_by != NULL ? r->limited_by : "", r->limited_others ? " and others" : "");
    const struct gpu_id *id = &g->host.gpu;
    m->gpu_name[0] = '\0';
    if (g->host.has_gpu && !m->gtt_total.simulated)
        snprintf(m->gpu_name, sizeof m->gpu_name, "%s%s%s", id->name, id->gfx[0] != '\0' ? " " : "", id->gfx);
    str_copy(m->gpu_pci, sizeof m->gpu_pci, id->pci);
    m->gpus = g->host.gpus;
    str_copy(m->gpu_others, sizeof m->gpu_others, g->host.others);
    str_copy(m->gpu_note, sizeof m->gpu_note, id->note);
}

static void put_limits(struct engine *g)
{
    const struct limits *l = &g->host.limits;
    struct memory_view *m = &g->view.memory;
    m->ceiling = l->ceiling;
    str_copy(m->ceiling_from, sizeof m->ceiling_from, l->ceiling_from != NULL ? l->ceiling_from : "");
    m->primary_vram = g->host.has_gpu && !l->primary_gtt && m->vram_total.value > 0;
    for (; g->warned < l->warnings_n; g->warned++) /* a new one is worth a line of the log */
        engine_note(g, 1, "%s", l->warnings[g->warned]);
    m->warnings_n = l->warnings_n;
    for (size_t i = 0; i < l->warnings_n; i++)
        str_copy(m->warnings[i], sizeof m->warnings[i], l->warnings[i]);
}

static double left_of(double used, double seen)
{
    double left = used - seen;
    return left > 0 ? left : isfinite(left) ? 0 : left;
}

static void put_proc(struct memory_view *m, const struct proc_gpu *p, double *gtt, double *vram)
{
    struct process_row *row = &m->procs[m->procs_n++];
    *row = (struct process_row){.pid = p->pid, .gtt = p->gtt, .vram = p->vram, .rss = p->rss, .kfd = p->kfd, .server = p->server,
                                .rocm = p->rocm};
    str_copy(row->name, sizeof row->name, p->name);
    *gtt += isfinite(p->gtt) ? p->gtt : 0;
    *vram += isfinite(p->vram) ? p->vram : 0;
}

/* The server's own first, however small; then the largest.  Both sides of the difference are of one moment. */
static void put_procs(struct engine *g, int64_t now)
{
    const struct host_sample *h = &g->host;
    struct memory_view *m = &g->view.memory;
    double gtt = 0, vram = 0; /* of those that are shown */
    m->procs_known = h->procs_at != 0 && now - h->procs_at < PROCS_STALE_NS;
    m->procs_n = m->procs_more = m->procs_hidden = 0;
    m->other_gtt = m->other_vram = (double)NAN;
    if (!m->procs_known)
        return;
    m->procs_hidden = h->procs_total.hidden;
    for (int turn = 0; turn < 2; turn++)
        for (size_t i = 0; i < h->procs_n && m->procs_n < SNAP_PROCS; i++)
            if (h->procs[i].server == (turn == 0))
                put_proc(m, &h->procs[i], &gtt, &vram);
    m->procs_more = h->procs_total.count > m->procs_n ? h->procs_total.count - m->procs_n : 0;
    m->other_gtt = left_of(h->procs_gtt, gtt);
    m->other_vram = left_of(h->procs_vram, vram);
}

double engine_gtt_headroom(const struct engine *g)
{
    const struct memory_view *m = &g->view.memory;
    return m->ceiling - m->gtt_used.value;
}

static void put_trend(struct engine *g, int64_t now)
{
    struct memory_view *m = &g->view.memory;
    double t = engine_seconds(g, now);
    double gpu_used = m->primary_vram ? m->vram_used.value : m->gtt_used.value;
    bool gpu_news = trend_add(&g->gtt_trend, t, gpu_used), ram_news = trend_add(&g->ram_trend, t, m->ram_used.value);
    bool known = isfinite(gpu_used) || isfinite(m->ram_used.value);
    if (known && !gpu_news && !ram_news) /* four quantiles of Student's distribution would be the dearest of a tick */
        return;
    double room = m->primary_vram ? m->vram_total.value - m->vram_used.value : engine_gtt_headroom(g);
    double gpu = trend_seconds(&g->gtt_trend, room, GROWTH_LEAST), ram = trend_seconds(&g->ram_trend, m->ram_available.value, GROWTH_LEAST);
    bool gpu_first = !(gpu > ram) && isfinite(gpu);
    double s = gpu_first ? gpu : ram;
    m->full_in_s = s < DAY_S ? s : (double)NAN;
    m->full_what = !(s < DAY_S) ? "" : !gpu_first ? "RAM" : m->primary_vram ? "VRAM" : "GTT";
}

static void track(struct span *s, const struct gauge *g, bool loading)
{
    double v = g->value;
    if (!isfinite(v))
        return;
    if (!loading || (g->simulated && !isfinite(s->idle))) /* a simulated machine is known a moment later: by what it was before */
        s->idle = v;
    if (!(s->peak >= v))
        s->peak = v;
    s->last = v;
}

static void put_result(struct engine *g)
{
    const struct memory_view *m = &g->view.memory;
    struct run_result *r = &g->result;
    bool load = !g->cfg->watch && g->state != RUN_PREFLIGHT; /* warm-up is load: "before" is before all of it */
    const struct span unknown = {(double)NAN, (double)NAN, (double)NAN};
    if (m->gtt_used.simulated && !r->gtt_simulated) /* what was seen before was another machine's */
        r->gtt = r->vram = unknown;
    if (m->ram_used.simulated && !r->ram_simulated)
        r->ram = unknown;
    r->gtt_simulated |= m->gtt_used.simulated;
    r->ram_simulated |= m->ram_used.simulated;
    track(&r->ram, &m->ram_used, load);
    track(&r->gtt, &m->gtt_used, load);
    track(&r->vram, &m->vram_used, load);
    if (isfinite(m->ram_total.value))
        r->ram_total = m->ram_total.value;
    if (isfinite(m->gtt_total.value))
        r->gtt_total = m->gtt_total.value;
    r->gtt_ceiling = m->ceiling;
    if (isfinite(m->vram_total.value))
        r->vram_total = m->vram_total.value;
}

/* Another GPU than before: nothing of the old one goes on under its name. */
static void see_gpu(struct engine *g)
{
    double nan = (double)NAN;
    if (!g->host.has_gpu || strcmp(g->gpu_pci, g->host.gpu.pci) == 0)
        return;
    bool other = g->gpu_pci[0] != '\0';
    str_copy(g->gpu_pci, sizeof g->gpu_pci, g->host.gpu.pci);
    if (!other || g->host.gpu.pci[0] == '\0')
        return;
    g->gtt_trend = (struct trend){.n = 0};
    g->result.gtt = g->result.vram = (struct span){nan, nan, nan};
    g->result.gtt_total = g->result.vram_total = nan;
    if (g->guard.done == GUARD_NOTHING)
        guard_off(&g->guard);
    g->guarded_pools = 0;
    engine_note(g, g->result.load_start != 0 ? 1 : 0, "now watching the GPU at %s, %s: the server uses it", g->host.gpu.pci, g->host.gpu.name);
}

void engine_fill_memory(struct engine *g, int64_t now)
{
    struct memory_view *m = &g->view.memory;
    /* A simulated server's machine is simulated: until it has told its memory, this machine's does not stand in for it. */
    bool mixed = g->server_known && g->result.pre.server.simulated && !g->host.memory_simulated;
    see_gpu(g);
    int64_t most = MAX_OF(STALE_NS, 3 * g->cfg->machine.sample_ns);
    bool gpu_stale = mixed || now - g->host.gpu_at > most, ram_stale = mixed || now - g->host.ram_at > most;
    bool sensors_stale = mixed || now - g->host.sensors_at > STALE_NS;
    put_ram(g, ram_stale);
    put_gpu(g, gpu_stale, sensors_stale);
    put_limits(g);
    put_procs(g, now);
    str_copy(m->container, sizeof m->container, g->host.memory_simulated ? "" : g->host.container);
    struct host_stack stack;
    struct host_memory unknown;
    host_parse_meminfo("", &unknown);
    host_stack(ram_stale ? &unknown : &g->host.memory, memory_gtt_in_ram(m), &stack);
    m->stack.gtt = stack.gtt;
    m->stack.other = stack.other;
    m->stack.unaccounted = stack.unaccounted;
    m->stack.cache = stack.cache;
    m->stack.free = stack.free;
    bool host_stale = now - g->host.sensors_at > STALE_NS; /* of this machine, whatever is simulated */
    m->pressure_some = host_stale ? (double)NAN : g->host.pressure.some;
    m->pressure_full = host_stale ? (double)NAN : g->host.pressure.full;
    m->cpu = host_stale ? (double)NAN : g->host.cpu;
    m->not_server = g->result.memory_not_server;
    m->guard_ram = g->guard.ram_line;
    m->guard_gtt = g->guard.gtt_line;
    see_process(g);
    put_trend(g, now);
    put_result(g);
}

/* ---- the guard ---- */

/* Which pools are known, and whose they are: with another answer the lines are drawn anew. */
static int known_pools(const struct engine *g)
{
    const struct memory_view *m = &g->view.memory;
    return 1 | isfinite(m->ram_available.value) << 1 | isfinite(engine_gtt_headroom(g)) << 2 | m->ram_available.simulated << 3 |
           m->gtt_used.simulated << 4;
}

static void arm_guard(struct engine *g, bool other_source)
{
    const struct machine_config *c = &g->cfg->machine;
    const struct memory_view *m = &g->view.memory;
    char note[200];
    double line = c->guard == GUARD_DEFAULT ? guard_default(m->ram_total.value) : (double)c->guard;
    /* A line stays where it was drawn, also where its pool could not be read for a while: else one that is nearly full by
     * then would be taken for one that was so from the start. */
    struct guard before = g->guard;
    bool ram = !other_source && isfinite(before.ram_line), gtt = !other_source && isfinite(before.gtt_line);
    guard_arm(&g->guard, line, ram ? (double)NAN : m->ram_available.value, gtt ? (double)NAN : engine_gtt_headroom(g), note, sizeof note);
    if (ram)
        g->guard.ram_line = before.ram_line;
    if (gtt)
        g->guard.gtt_line = before.gtt_line;
    if (note[0] != '\0')
        engine_note(g, 1, "%s", note);
}

void engine_see_guard(struct engine *g, int64_t now)
{
    if (g->host.seq == g->host_seq || g->cfg->machine.guard == GUARD_NONE || g->result.memory_not_server)
        return;
    g->host_seq = g->host.seq;
    if (g->guard.done == GUARD_NOTHING && known_pools(g) != g->guarded_pools) {
        bool other_source = (g->host.memory_simulated || g->host.reading.v[GPU_GTT_USED].simulated) != g->guard_simulated;
        g->guard_simulated = g->host.memory_simulated || g->host.reading.v[GPU_GTT_USED].simulated;
        g->guarded_pools = known_pools(g);
        arm_guard(g, other_source);
    }
    const struct memory_view *m = &g->view.memory;
    enum guard_act act = guard_see(&g->guard, engine_seconds(g, now), m->ram_available.value, engine_gtt_headroom(g));
    if (act == GUARD_NOTHING)
        return;
    str_copy(g->result.guard_why, sizeof g->result.guard_why, g->guard.why);
    if (act == GUARD_STOP_ADDING) {
        engine_note(g, 2, "guard: %s: no more requests are sent", g->guard.why);
        engine_mark(g, now, "guard");
        if (g->agent != NULL) /* it knows no target */
            agent_enough(g->agent);
        if (g->state != RUN_DRAIN)
            engine_begin_drain(g, now, END_GUARD);
        engine_note_guarded(g);
    } else {
        if (g->view.in_flight > 0 && !g->cancelled)
            g->result.end = END_GUARD; /* also where the load had ended by itself: answers are lost */
        if (g->view.in_flight > 0)
            engine_note(g, 2, "guard: memory is still short: what is in flight is cancelled");
        if (engine_goes_on(g)) { /* a smaller load may fit */
            engine_cancel_step(g);
            return;
        }
        atomic_store(&g->stop, true); /* an agent's too */
        engine_cancel_all(g, now);
    }
}
