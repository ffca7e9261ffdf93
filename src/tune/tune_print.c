#include "tune/tune_print.h"

#include "fmt.h"
#include "report/summary.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define COUNTS 0.03 /* a difference that is smaller may be noise */

static const char *const state_names[] = {"waiting", "starting", "loading", "stopping", "ok", "not started", "stopped by the guard", "failed", "stopped"};
static const char *const by_names[] = {"output tok/s", "goodput req/s", "capacity"};

double tune_figure(const struct tune_result *r, enum tune_objective by)
{
    if (r->state != TUNE_OK)
        return (double)NAN;
    return by == TUNE_BY_CAPACITY ? r->capacity : by == TUNE_BY_GOODPUT ? r->goodput : r->output_rate;
}

static void cell(struct buf *b, const char *s, int width)
{
    int n = (int)utf8_count(s, strlen(s));
    buf_addf(b, "%*s%s", n < width ? width - n : 0, "", s);
}

static void row(const struct tune_result *r, enum tune_objective by, int name_w, int number, struct buf *b)
{
    char n[FMT_SIZE];
    buf_addf(b, "  %2d  %-*s", number, name_w, r->name);
    if (r->state != TUNE_OK) {
        if (r->state == TUNE_STOPPED) /* the reason says that it was */
            buf_addf(b, "  %s\n", r->why);
        else
            buf_addf(b, "  %s: %s\n", state_names[r->state], r->why);
        for (const char *line = r->lines; *line != '\0';) {
            size_t len = strcspn(line, "\n");
            buf_addf(b, "      | %.*s\n", (int)len, line);
            line += len + (line[len] == '\n');
        }
        return;
    }
    if (by == TUNE_BY_CAPACITY)
        buf_addf(b, "%*s%s", r->capacity_sure ? 10 : 9, fmt_number(n, r->capacity), r->capacity_sure ? "" : "?");
    else
        cell(b, fmt_rate(n, tune_figure(r, by)), 10);
    cell(b, fmt_rate(n, r->output_rate), 10);
    cell(b, fmt_ms(n, r->ttft_p95), 11);
    cell(b, fmt_percent(n, r->good_share), 9);
    cell(b, fmt_gib(n, r->headroom), 10);
    buf_addf(b, " %s", r->headroom_of);
    cell(b, fmt_ms(n, r->start_s * 1000), 10);
    buf_addf(b, "%s\n", r->failed > 0 ? "  ! requests failed" : "");
}

/* "max_num_seqs=8 is best: 262.1, 4 % more than …" */
static void verdict(const struct tune_result *r, size_t n, enum tune_objective by, struct buf *b)
{
    char x[FMT_SIZE], y[FMT_SIZE];
    double best = n > 0 ? tune_figure(&r[0], by) : (double)NAN, next = n > 1 ? tune_figure(&r[1], by) : (double)NAN;
    if (!isfinite(best)) {
        buf_adds(b, "\nno setting came through\n");
        return;
    }
    if (!(best > 0))
        buf_adds(b, "\nno setting met the objectives\n");
    else if (!isfinite(next))
        buf_addf(b, "\n%s is the only one that came through\n", r[0].name);
    else if (!(next > 0))
        buf_addf(b, "\n%s is the only one that met the objectives: %s\n", r[0].name, fmt_rate(x, best));
    else if (by == TUNE_BY_CAPACITY ? best == next : best < next * (1 + COUNTS))
        buf_addf(b, "\n%s and %s are as good as one another: %s and %s; choose by what is left of memory\n", r[0].name, r[1].name, fmt_rate(x, best), fmt_rate(y, next));
    else
        buf_addf(b, "\n%s is best: %s, %s more than %s\n", r[0].name, fmt_rate(x, best), fmt_percent(y, best / next - 1), r[1].name);
}

void tune_print_text(const struct tune_result *r, size_t n, enum tune_objective by, const char *load, bool utf8, struct buf *b)
{
    int name_w = 10;
    for (size_t i = 0; i < n; i++)
        name_w = MAX_OF(name_w, (int)strlen(r[i].name));
    buf_addf(b, "%zu setting%s of the server, %s%s\n\n  %2s  %-*s", n, n == 1 ? "" : "s", load, n == 1 ? "" : ", the best first", "", name_w, "setting");
    cell(b, by_names[by], by == TUNE_BY_RATE ? 12 : 13);
    buf_adds(b, "     tok/s   TTFT p95  in slo   GiB left     starts in\n");
    for (size_t i = 0; i < n; i++)
        row(&r[i], by, name_w, (int)i + 1, b);
    verdict(r, n, by, b);
    buf_adds(b, "\nrun files, for 'tokgauge report' and 'tokgauge compare':\n");
    for (size_t i = 0; i < n; i++)
        if (r[i].run_file[0] != '\0')
            buf_addf(b, "  %s\n", r[i].run_file);
    if (!utf8)
        summary_to_ascii(b);
}

void tune_print_json(const struct tune_result *r, size_t n, enum tune_objective by, struct jsonw *j)
{
    static const char *const keys[] = {"output_tok_s", "goodput_per_s", "capacity"};
    jw_str(j, "ranked_by", keys[by]);
    jw_open(j, "settings", '[');
    for (size_t i = 0; i < n; i++) {
        const struct tune_result *s = &r[i];
        jw_open(j, NULL, '{');
        jw_str(j, "setting", s->name);
        jw_str(j, "state", state_names[s->state]);
        jw_str(j, "why", s->why[0] != '\0' ? s->why : NULL);
        jw_str(j, "last_lines", s->lines[0] != '\0' ? s->lines : NULL);
        jw_num(j, "start_s", s->start_s, 2);
        jw_num(j, "output_tok_s", s->output_rate, 3);
        jw_num(j, "ttft_p95_ms", s->ttft_p95, 3);
        jw_num(j, "goodput_per_s", s->goodput, 4);
        jw_num(j, "slo_met_share", s->good_share, 4);
        jw_num(j, "capacity", s->capacity, 4);
        jw_bool(j, "capacity_sure", s->capacity_sure);
        jw_int(j, "ok", (int64_t)s->ok);
        jw_int(j, "failed", (int64_t)s->failed);
        jw_num(j, "ram_loaded", s->ram_loaded, 0);
        jw_num(j, "gtt_loaded", s->gtt_loaded, 0);
        jw_num(j, "vram_loaded", s->vram_loaded, 0);
        jw_num(j, "headroom", s->headroom, 0);
        jw_str(j, "headroom_of", s->headroom_of[0] != '\0' ? s->headroom_of : NULL);
        jw_str(j, "run_file", s->run_file[0] != '\0' ? s->run_file : NULL);
        jw_str(j, "server_log", s->log_file[0] != '\0' ? s->log_file : NULL);
        jw_close(j, '}');
    }
    jw_close(j, ']');
}
