#include "report/watch_print.h"
#include "fmt.h"
#include "jsonw.h"
#include "report/counted_json.h"
#include "report/memory_json.h"
#include "report/summary.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* ---- JSON ---- */

static void server(const struct snapshot *s, struct jsonw *j)
{
    const struct server_view *v = &s->server;
    if (v->address[0] == '\0') {
        jw_str(j, "server", NULL);
        return;
    }
    jw_open(j, "server", '{');
    jw_str(j, "address", v->address);
    jw_str(j, "kind", v->kind);
    jw_str(j, "model", v->model);
    jw_bool(j, "simulated", v->simulated);
    jw_bool(j, "tls_verified", !v->unverified);
    jw_num(j, "max_model_len", v->max_model_len, 0);
    jw_num(j, "pid", v->pid != 0 ? v->pid : (double)NAN, 0);
    jw_str(j, "command", v->command[0] != '\0' ? v->command : NULL);
    jw_num(j, "running", v->running, 0);
    jw_num(j, "waiting", v->waiting, 0);
    jw_num(j, "kv_used", v->kv_used, 4);
    jw_num(j, "prefix_hits", v->prefix_hits, 4);
    jw_num(j, "generated_tok_s", v->generated_rate, 2);
    jw_num(j, "prompt_tok_s", v->prompt_rate, 2);
    server_facts_json(v, j);
    server_counts_json("since_seen", &v->counts, j);
    jw_close(j, '}');
}

static void probes(const struct snapshot *s, struct jsonw *j)
{
    if (s->sent == 0)
        return;
    jw_open(j, "probes", '{');
    jw_int(j, "ok", (int64_t)s->ok);
    jw_int(j, "failed", (int64_t)s->failed);
    jw_num(j, "ttft_p50_ms", s->ttft.p50, 3);
    jw_num(j, "ttft_p95_ms", s->ttft.p95, 3);
    jw_num(j, "decode_tok_s", s->decode_rate, 2);
    if (s->last_error[0] != '\0')
        jw_str(j, "last_error", s->last_error);
    jw_close(j, '}');
}

void watch_print_json(const struct snapshot *s, const char *time, struct buf *out)
{
    struct jsonw j = {.out = out};
    jw_open(&j, NULL, '{');
    jw_str(&j, "time", time);
    jw_num(&j, "seconds", s->clock_s, 3);
    memory_json(&s->memory, &j);
    processes_json(&s->memory, &j);
    jw_open(&j, "warnings", '[');
    for (size_t i = 0; i < s->memory.warnings_n; i++)
        jw_str(&j, NULL, s->memory.warnings[i]);
    jw_close(&j, ']');
    server(s, &j);
    probes(s, &j);
    jw_close(&j, '}');
    buf_adds(out, "\n");
}

/* ---- text ---- */

/* total: bytes that can really be used */
static void pool(struct buf *b, const char *name, const struct gauge *used, double total)
{
    char x[FMT_SIZE], y[FMT_SIZE];
    if (!isfinite(used->value))
        return;
    buf_addf(b, "  %s %s/", name, fmt_gib(x, used->value));
    buf_addf(b, "%s GiB%s", fmt_gib(y, total), used->simulated ? " (simulated)" : "");
}

static void sensors(const struct memory_view *m, struct buf *b)
{
    if (m->gpu_asleep)
        buf_adds(b, "  GPU asleep");
    if (isfinite(m->busy.value))
        buf_addf(b, "  GPU %.0f %%", m->busy.value);
    if (isfinite(m->sclk.value))
        buf_addf(b, " %.0f MHz", m->sclk.value);
    if (isfinite(m->power.value))
        buf_addf(b, " %.0f W", m->power.value);
    if (isfinite(m->temperature.value))
        buf_addf(b, " %.0f °C", m->temperature.value);
    if (m->limited_now && m->limited > 0)
        buf_addf(b, " limited now by %s", m->limited_by);
    else if (m->limited > 0.005)
        buf_addf(b, " limited by %s %.0f %%", m->limited_by, m->limited * 100);
}

void watch_print_line(const struct snapshot *s, bool utf8, struct buf *b)
{
    char t[FMT_SIZE], p[FMT_SIZE], q[FMT_SIZE];
    const struct memory_view *m = &s->memory;
    buf_addf(b, "%s", fmt_clock(t, s->clock_s));
    pool(b, "GTT", &m->gtt_used, memory_gtt_room(m));
    pool(b, "VRAM", &m->vram_used, m->vram_total.value);
    pool(b, "RAM", &m->ram_used, m->ram_total.value);
    sensors(m, b);
    if (isfinite(s->server.running))
        buf_addf(b, "  run %.0f wait %.0f", s->server.running, s->server.waiting);
    if (isfinite(s->server.kv_used))
        buf_addf(b, "  KV %s", fmt_percent(p, s->server.kv_used));
    if (isfinite(s->server.generated_rate))
        buf_addf(b, "  out %s tok/s", fmt_rate(p, s->server.generated_rate));
    if (s->sent > 0) {
        buf_addf(b, "  probes %" PRIu64, s->ok);
        if (s->failed > 0)
            buf_addf(b, " (%" PRIu64 " failed)", s->failed);
        buf_addf(b, " TTFT p50 %s", fmt_ms(p, s->ttft.p50));
        buf_addf(b, " decode %s tok/s", fmt_rate(q, s->decode_rate));
    }
    if (s->status[0] != '\0')
        buf_addf(b, "  %s", s->status);
    buf_adds(b, "\n");
    if (!utf8)
        summary_to_ascii(b);
}

static void fact(struct buf *b, const char *label, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void fact(struct buf *b, const char *label, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_addf(b, "  %-14s %s\n", label, text);
}

static void page_pool(struct buf *b, const char *name, const struct gauge *used, double total)
{
    char x[FMT_SIZE], y[FMT_SIZE], z[FMT_SIZE];
    if (isfinite(used->value))
        fact(b, name, "%s of %s GiB, %s%s%s", fmt_gib(x, used->value), fmt_gib(y, total),
             fmt_percent(z, used->value / total), used->simulated ? ", simulated" : ", by ", used->simulated ? "" : used->from);
    else if (used->why[0] != '\0')
        fact(b, name, "%s %s", FMT_UNKNOWN, used->why);
}

static void page_sensor(struct buf *b, const char *name, const struct gauge *g, const char *unit, int decimals)
{
    if (isfinite(g->value))
        fact(b, name, "%.*f %s, by %s", decimals, g->value, unit, g->from);
    else if (g->why[0] != '\0')
        fact(b, name, "%s %s", FMT_UNKNOWN, g->why);
}

static void page_gpu(const struct memory_view *m, struct buf *b)
{
    char x[FMT_SIZE];
    if (m->gpu_name[0] == '\0' && !isfinite(m->gtt_used.value)) {
        fact(b, "GPU", "none that can be read (amdgpu)");
        return;
    }
    if (m->gpu_name[0] != '\0')
        fact(b, "GPU", "%s at %s%s", m->gpu_name, m->gpu_pci, m->gpu_asleep ? ", asleep" : "");
    if (m->gpu_note[0] != '\0')
        fact(b, "", "%s", m->gpu_note);
    if (m->gpu_others[0] != '\0')
        fact(b, "", "not watched: %s (--gpu)", m->gpu_others);
    if (m->primary_vram)
        page_pool(b, "VRAM", &m->vram_used, m->vram_total.value);
    page_pool(b, "GTT", &m->gtt_used, memory_gtt_room(m));
    if (isfinite(m->ceiling) && m->ceiling < m->gtt_total.value)
        fact(b, "", "%s GiB by its size, but no more is to be had: %s", fmt_gib(x, m->gtt_total.value), m->ceiling_from);
    if (!m->primary_vram)
        page_pool(b, "VRAM", &m->vram_used, m->vram_total.value);
    if (m->gpu_name[0] == '\0')
        return;
    page_sensor(b, "busy", &m->busy, "%", 0);
    page_sensor(b, "core clock", &m->sclk, "MHz", 0);
    page_sensor(b, "memory clock", &m->mclk, "MHz", 0);
    page_sensor(b, m->power_is_package ? "package power" : "power", &m->power, "W", 0);
    page_sensor(b, "GPU power", &m->power_gfx, "W", 1);
    page_sensor(b, "temperature", &m->temperature, "°C", 0);
}

static void page_procs(const struct memory_view *m, struct buf *b)
{
    char x[FMT_SIZE], y[FMT_SIZE], z[FMT_SIZE];
    if (!m->procs_known)
        return;
    for (size_t i = 0; i < m->procs_n; i++) {
        const struct process_row *p = &m->procs[i];
        char rocm[64] = "", n[FMT_SIZE];
        if (isfinite(p->kfd))
            snprintf(rocm, sizeof rocm, ", ROCm asked for %s", fmt_gib(n, p->kfd));
        fact(b, i == 0 ? "processes" : "", "%7d %-16s GTT %s  VRAM %s  RSS %s GiB%s%s", p->pid, p->name, fmt_gib(x, p->gtt),
             fmt_gib(y, p->vram), fmt_gib(z, p->rss), rocm, p->server ? "  (the server)" : "");
    }
    char hidden[64] = "";
    if (m->procs_hidden > 0)
        snprintf(hidden, sizeof hidden, "; %zu processes may not be looked at", m->procs_hidden);
    fact(b, m->procs_n == 0 ? "processes" : "", "other, or not visible: GTT %s  VRAM %s GiB%s", fmt_gib(x, m->other_gtt),
         fmt_gib(y, m->other_vram), hidden);
}

static void page_server(const struct snapshot *s, struct buf *b)
{
    const struct server_view *v = &s->server;
    char x[FMT_SIZE], y[FMT_SIZE], z[FMT_SIZE];
    if (v->address[0] == '\0') {
        fact(b, "server", "%s", s->status[0] != '\0' ? s->status : "not known");
        return;
    }
    fact(b, "server", "%s at %s, model %s%s", v->kind, v->address, v->model, v->simulated ? ", SIMULATED" : "");
    if (v->unverified)
        fact(b, "TLS", "NOT VERIFIED (--insecure): it may be another server");
    if (v->pid != 0)
        fact(b, "", "process %d: %s", v->pid, v->command);
    if (v->process_note[0] != '\0')
        fact(b, "", "%s", v->process_note);
    if (isfinite(v->running))
        fact(b, "", "running %s, waiting %s, KV cache %s", fmt_count(x, v->running), fmt_count(y, v->waiting),
             fmt_percent(z, v->kv_used));
    if (isfinite(v->kv_tokens))
        fact(b, "", "KV cache of %s tokens", fmt_count(x, v->kv_tokens));
    if (isfinite(v->loaded))
        fact(b, "", "in memory %s GiB, %s of them in VRAM", fmt_gib(x, v->loaded), fmt_gib(y, v->loaded_vram));
    if (v->counters_note[0] != '\0')
        fact(b, "", "%s", v->counters_note);
}

void watch_print_page(const struct snapshot *s, bool utf8, struct buf *b)
{
    const struct memory_view *m = &s->memory;
    char x[FMT_SIZE];
    if (m->not_server)
        buf_adds(b, "This machine; the server is another one.\n");
    page_server(s, b);
    page_gpu(m, b);
    page_pool(b, "RAM", &m->ram_used, m->ram_total.value);
    if (isfinite(m->ram_available.value))
        fact(b, "", "%s GiB available%s%s", fmt_gib(x, m->ram_available.value), m->container[0] != '\0' ? "; the view of a container: " : "",
             m->container);
    if (m->swap_total.value > 0)
        page_pool(b, "swap", &m->swap_used, m->swap_total.value);
    page_procs(m, b);
    for (size_t i = 0; i < m->warnings_n; i++)
        buf_addf(b, "! %s\n", m->warnings[i]);
    if (!utf8)
        summary_to_ascii(b);
}
