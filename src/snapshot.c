#include "snapshot.h"
#include "util.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void clear_server(struct server_view *v)
{
    double nan = (double)NAN;
    struct server_time none = {0, nan, nan, nan};
    v->told_max_num_seqs = v->told_max_model_len = v->told_memory_share = nan;
    v->max_model_len = v->running = v->waiting = v->kv_used = v->prefix_hits = nan;
    v->generated_rate = v->prompt_rate = v->our_rate = v->max_num_seqs = v->seems_max_num_seqs = nan;
    v->kv_tokens = v->kv_blocks = v->kv_block_tokens = v->slot_context = nan;
    v->loaded = v->loaded_vram = v->loaded_context = v->lines = v->bad_lines = nan;
    v->counts = (struct server_counts){nan, nan, nan, nan, nan, nan, nan, none, none, none, 0, false};
}

double memory_gtt_room(const struct memory_view *m)
{
    return m->ceiling < m->gtt_total.value ? m->ceiling : m->gtt_total.value;
}

double memory_gtt_in_ram(const struct memory_view *m)
{
    return m->container[0] == '\0' ? m->gtt_used.value : (double)NAN;
}

void snapshot_clear(struct snapshot *s)
{
    memset(s, 0, offsetof(struct snapshot, series));
    double nan = (double)NAN;
    s->since_s = s->elapsed_s = s->planned_s = s->planned_requests = s->target_rate = s->sent_rate = s->goodput = s->good_share = nan;
    clear_server(&s->server);
    s->memory.full_what = "";
    struct memory_view *m = &s->memory;
    struct gauge *g[] = {&m->ram_total, &m->ram_used,   &m->ram_available, &m->swap_total, &m->swap_used,   &m->gtt_total,
                         &m->gtt_used,  &m->vram_total, &m->vram_used,     &m->busy,       &m->visible_total, &m->visible_used,
                         &m->sclk,      &m->mclk,       &m->power,         &m->power_gfx,  &m->temperature};
    for (size_t i = 0; i < ARRAY_LEN(g); i++)
        g[i]->value = nan;
    m->stack.gtt = m->stack.other = m->stack.unaccounted = m->stack.cache = m->stack.free = nan;
    m->ceiling = m->full_in_s = m->pressure_some = m->pressure_full = m->cpu = m->limited = nan;
    m->other_gtt = m->other_vram = m->guard_ram = m->guard_gtt = nan;
    s->output_rate = s->output_rate_stream = s->output_rate_peak = s->decode_rate = s->lag_p99_ms = nan;
    struct latency_view *v[] = {&s->ttft, &s->tpot, &s->e2e, &s->itl, &s->ttft_new, &s->ttft_cached};
    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        *v[i] = (struct latency_view){0, nan, nan, nan, nan};
}

void snapshot_copy(struct snapshot *to, const struct snapshot *from)
{
    memcpy(to, from, offsetof(struct snapshot, marks));
    memcpy(to->marks, from->marks, from->marks_n * sizeof from->marks[0]);
    memcpy(to->events, from->events, from->events_n * sizeof from->events[0]);
    str_copy(to->text, sizeof to->text, from->text);
    matrix_copy(&to->matrix, &from->matrix);
    if (to->series.seq != from->series.seq) {
        struct series *const into[] = {&to->series.out, &to->series.gtt,  &to->series.ram, &to->series.vram,
                                       &to->series.run, &to->series.wait, &to->series.kv, &to->series.gen};
        const struct series *const of[] = {&from->series.out, &from->series.gtt,  &from->series.ram, &from->series.vram,
                                           &from->series.run, &from->series.wait, &from->series.kv, &from->series.gen};
        for (size_t i = 0; i < ARRAY_LEN(of); i++)
            series_copy(into[i], of[i]);
        to->series.seq = from->series.seq;
    }
    if (to->hists.seq != from->hists.seq)
        to->hists = from->hists;
    if (to->page.seq != from->page.seq) {
        to->page.seq = from->page.seq;
        to->page.lines = from->page.lines;
        str_copy(to->page.text, sizeof to->page.text, from->page.text);
    }
    memcpy(to->streams, from->streams, from->streams_n * sizeof from->streams[0]);
}

void snapshot_forget(struct snapshot *copy)
{
    memset(&copy->series, 0, sizeof copy->series);
    memset(&copy->hists, 0, sizeof copy->hists);
    copy->page.seq = copy->page.lines = 0;
    copy->page.text[0] = '\0';
}

static void pair_columns(struct heat_view *h)
{
    for (size_t i = 0; i < HEAT_COLUMNS; i++)
        for (size_t r = 0; r < HEAT_ROWS; r++) {
            uint32_t sum = 2 * i + 1 < HEAT_COLUMNS ? (uint32_t)h->count[2 * i][r] + h->count[2 * i + 1][r] : 0;
            h->count[i][r] = (uint16_t)MIN_OF(sum, UINT32_C(65535));
        }
    h->step_s *= 2;
    h->columns = (h->columns + 1) / 2;
}

void heat_add(struct heat_view *h, double t_s, double ms)
{
    if (!(t_s >= 0) || !(ms >= 0))
        return;
    if (h->step_s <= 0)
        h->step_s = 1;
    while (t_s / h->step_s >= HEAT_COLUMNS)
        pair_columns(h);
    size_t column = (size_t)(t_s / h->step_s);
    double row = ms > HEAT_LOW_MS ? floor(4 * log10(ms / HEAT_LOW_MS)) : 0;
    uint16_t *cell = &h->count[column][(size_t)MIN_OF(row, (double)(HEAT_ROWS - 1))];
    *cell += *cell < UINT16_MAX;
    h->columns = MAX_OF(h->columns, column + 1);
}

void snapshot_event(struct snapshot *s, double at_s, int level, const char *text)
{
    if (s->events_n == SNAP_EVENTS) {
        memmove(s->events, s->events + 1, sizeof s->events - sizeof s->events[0]);
        s->events_n--;
    }
    struct event_line *e = &s->events[s->events_n++];
    e->at_s = at_s;
    e->level = level;
    str_copy(e->text, sizeof e->text, text);
}

void snapshot_mark(struct snapshot *s, double at_s, const char *text)
{
    if (s->marks_n == SNAP_MARKS) {
        memmove(s->marks, s->marks + 1, sizeof s->marks - sizeof s->marks[0]);
        s->marks_n--;
    }
    struct mark *m = &s->marks[s->marks_n++];
    m->at_s = at_s;
    str_copy(m->text, sizeof m->text, text);
    char line[80];
    snprintf(line, sizeof line, "▲ %s", text);
    snapshot_event(s, at_s, 0, line);
}
