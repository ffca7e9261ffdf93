#include "tune/tune_print.h"

#include "fmt.h"
#include "report/capacity_words.h"
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
    if (by == TUNE_BY_CAPACITY)
        return r->capacity.n > 0 ? r->capacity.low : (double)NAN;
    return by == TUNE_BY_GOODPUT ? r->goodput : r->output_rate;
}

static void cell(struct buf *b, const char *s, int width)
{
    int n = (int)utf8_count(s, strlen(s));
    buf_addf(b, "%*s%s", n < width ? width - n : 0, "", s);
}

/* Is more than its `low` possible? */
static bool open_above(const struct capacity *c)
{
    return !capacity_sure(c) || !isfinite(c->high);
}

/* "8", "≥ 4", "< 2"; unknown where no load was decided about. */
static char *capacity_short(const struct capacity *c, char out[FMT_SIZE + 8])
{
    char n[FMT_SIZE];
    bool below = c->low == 0 && !capacity_sure(c);
    snprintf(out, FMT_SIZE + 8, "%s%s", below ? isfinite(c->high) ? "< " : "" : open_above(c) ? "≥ " : "",
             fmt_number(n, !below ? c->low : isfinite(c->high) ? c->high : (double)NAN));
    return out;
}

/* Of two of the objectives, tokens or requests a second. */
static char *objective_text(enum tune_objective by, char out[FMT_SIZE], double v)
{
    return by == TUNE_BY_GOODPUT ? fmt_requests(out, v) : fmt_rate(out, v);
}

static void row(const struct tune_result *r, enum tune_objective by, int name_w, int number, struct buf *b)
{
    char n[FMT_SIZE], bound[FMT_SIZE + 8];
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
    cell(b, by == TUNE_BY_CAPACITY ? capacity_short(&r->capacity, bound) : objective_text(by, n, tune_figure(r, by)), 10);
    cell(b, fmt_rate(n, r->output_rate), 10);
    cell(b, fmt_ms(n, r->ttft_p95), 11);
    cell(b, fmt_percent(n, r->good_share), 9);
    cell(b, fmt_gib(n, r->headroom), 10);
    buf_addf(b, " %s", r->headroom_of);
    cell(b, fmt_ms(n, r->start_s * 1000), 10);
    buf_addf(b, "%s\n", r->failed > 0 ? "  ! requests failed" : "");
}

static bool searched(const struct tune_result *r)
{
    return isfinite(tune_figure(r, TUNE_BY_CAPACITY));
}

/* "8 streams", "at least 4 streams, less than 7", "less than 2 streams" */
static void add_capacity(const struct capacity *c, struct buf *b)
{
    char load[CAPACITY_LOAD], n[FMT_SIZE];
    bool bounded = !capacity_sure(c) && isfinite(c->high);
    if (c->low > 0) {
        buf_addf(b, "%s%s", open_above(c) ? "at least " : "", capacity_load_text(load, c->by_rate, c->low));
        if (bounded)
            buf_addf(b, ", less than %s", fmt_number(n, c->high));
    } else if (bounded) {
        buf_addf(b, "less than %s", capacity_load_text(load, c->by_rate, c->high));
    } else {
        buf_adds(b, "not known");
    }
}

/* By what is known, may its capacity be that of the best, which is `low` at the least? */
static bool contends(const struct tune_result *r, double low)
{
    return searched(r) && (low > 0 ? r->capacity.high > low : !capacity_sure(&r->capacity));
}

#define NAMED 6 /* settings, at the most */

/* open: a search of one of them that was not over */
static void undecided(const struct tune_result *r, size_t n, const struct capacity *open, struct buf *b)
{
    double low = r[0].capacity.low;
    const struct capacity_try *last = &open->tries[open->n - 1];
    size_t named = 0, more = 0;
    buf_addf(b, "\nundecided, %s: %s: ", capacity_end_text(open),
             low > 0 ? "the best is one of these" : "no setting is known to meet the objectives, but these may");
    for (size_t i = 0; i < n; i++) {
        if (!contends(&r[i], low))
            continue;
        if (named == NAMED) {
            more++;
            continue;
        }
        buf_addf(b, "%s%s (", named++ > 0 ? ", " : "", r[i].name);
        add_capacity(&r[i].capacity, b);
        buf_adds(b, ")");
    }
    if (more > 0)
        buf_addf(b, ", and %zu more", more);
    buf_addf(b, "%s\n", last->blind || last->full || last->gone || last->stopped ? "" : "; a longer --budget narrows it down");
}

static void best_by_capacity(const struct tune_result *r, size_t n, struct buf *b)
{
    const struct capacity *best = &r[0].capacity, *next = &r[1].capacity;
    bool sure = true, more = false;
    char share[FMT_SIZE];
    for (size_t i = 1; i < n && searched(&r[i]); i++) {
        sure = sure && capacity_sure(&r[i].capacity);
        more = more || !capacity_sure(&r[i].capacity) || r[i].capacity.low > 0;
    }
    buf_addf(b, "\n%s is %s: ", r[0].name, more ? "best" : "the only one that met the objectives");
    add_capacity(best, b);
    if (more && sure)
        buf_addf(b, ", %s%s more than %s", open_above(best) ? "at least " : "", fmt_percent(share, best->low / next->low - 1), r[1].name);
    else if (more)
        buf_adds(b, "; all others are below that");
    buf_adds(b, "\n");
}

/* What a search has not decided is neither met nor missed: a setting is best where no other can be as good. */
static void verdict_by_capacity(const struct tune_result *r, size_t n, struct buf *b)
{
    double low = r[0].capacity.low;
    const struct capacity *open = NULL;
    size_t ok = 0, rival = 0;
    for (size_t i = 0; i < n; i++) {
        bool contender = contends(&r[i], low);
        ok += searched(&r[i]);
        if (contender && open == NULL && !capacity_sure(&r[i].capacity))
            open = &r[i].capacity;
        if (contender && i > 0 && rival == 0)
            rival = i;
    }
    if (low > 0 && ok == 1)
        buf_addf(b, "\n%s is the only one that came through\n", r[0].name);
    else if (low > 0 && rival == 0)
        best_by_capacity(r, n, b);
    else if (open != NULL)
        undecided(r, n, open, b);
    else if (!(low > 0))
        buf_adds(b, "\nno setting met the objectives\n");
    else {
        buf_addf(b, "\n%s and %s are as good as one another: ", r[0].name, r[rival].name);
        add_capacity(&r[0].capacity, b);
        buf_adds(b, " and ");
        add_capacity(&r[rival].capacity, b);
        buf_adds(b, "; choose by what is left of memory\n");
    }
}

/* "max_num_seqs=8 is best: 262.1, 4 % more than …" */
static void verdict(const struct tune_result *r, size_t n, enum tune_objective by, struct buf *b)
{
    char x[FMT_SIZE], y[FMT_SIZE];
    double best = n > 0 ? tune_figure(&r[0], by) : (double)NAN, next = n > 1 ? tune_figure(&r[1], by) : (double)NAN;
    if (!isfinite(best)) {
        bool came = false;
        for (size_t i = 0; i < n; i++)
            came = came || r[i].state == TUNE_OK;
        buf_adds(b, came ? "\nundecided: no request could be judged by the objectives\n" : "\nno setting came through\n");
        return;
    }
    if (by == TUNE_BY_CAPACITY)
        verdict_by_capacity(r, n, b);
    else if (!(best > 0))
        buf_adds(b, "\nno setting met the objectives\n");
    else if (!isfinite(next))
        buf_addf(b, "\n%s is the only one that came through\n", r[0].name);
    else if (!(next > 0))
        buf_addf(b, "\n%s is the only one that met the objectives: %s\n", r[0].name, objective_text(by, x, best));
    else if (best < next * (1 + COUNTS))
        buf_addf(b, "\n%s and %s are as good as one another: %s and %s; choose by what is left of memory\n", r[0].name, r[1].name,
                 objective_text(by, x, best), objective_text(by, y, next));
    else
        buf_addf(b, "\n%s is best: %s, %s more than %s\n", r[0].name, objective_text(by, x, best), fmt_percent(y, best / next - 1), r[1].name);
}

void tune_print_text(const struct tune_result *r, size_t n, enum tune_objective by, const char *load, bool utf8, struct buf *b)
{
    int name_w = 10;
    bool sure = true;
    for (size_t i = 0; i < n; i++) {
        name_w = MAX_OF(name_w, (int)strlen(r[i].name));
        sure = sure && (by != TUNE_BY_CAPACITY || !searched(&r[i]) || capacity_sure(&r[i].capacity));
    }
    buf_addf(b, "%zu setting%s of the server%s%s\n%swith %s\n\n  %2s  %-*s", n, n == 1 ? "" : "s", n == 1 ? "" : ", the best first",
             n == 1 || sure ? "" : " as far as that is known", n == 1 ? "" : "each ", load, "", name_w, "setting");
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
        const struct capacity *c = &s->capacity;
        bool known = c->n > 0 && (c->low > 0 || capacity_sure(c)); /* 0: no load meets */
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
        jw_num(j, "capacity", known ? c->low : (double)NAN, 6);
        jw_num(j, "capacity_fails", c->n > 0 ? c->high : (double)NAN, 6);
        jw_bool(j, "capacity_sure", c->n > 0 && capacity_sure(c));
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
