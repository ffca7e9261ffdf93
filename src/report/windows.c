#include "report/windows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WINDOWS_MOST 100000

double windows_load(const struct run_file *f, double *from)
{
    double first = (double)NAN, last = (double)NAN;
    for (size_t i = 0; i < f->samples_n; i++)
        if (f->samples[i].loading) {
            first = isnan(first) ? f->samples[i].t : first;
            last = f->samples[i].t;
        }
    if (from != NULL)
        *from = first;
    return last > first ? last - first : 0;
}

double windows_step(const struct run_file *f, size_t most)
{
    static const double steps[] = {10, 60, 600, 3600, 6 * 3600.0, 24 * 3600.0};
    double load = windows_load(f, NULL);
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(steps) && load > steps[i] * (double)most)
        i++;
    return steps[i];
}

/* Sums while a window is filled; value[] becomes the means in the end. */
struct filling {
    double sum[WINDOW_VALUES], n[WINDOW_VALUES];
};

static void put(struct filling *s, enum window_value v, double sum, double n)
{
    if (!isfinite(sum) || !(n > 0))
        return;
    s->sum[v] += sum;
    s->n[v] += n;
}

static void add_sample(struct run_window *w, struct filling *s, const struct run_sample *x)
{
    w->ok += x->ended_ok;
    w->failed += x->ended_failed;
    put(s, WINDOW_TTFT, x->ttft_sum, x->ttft_n);
    put(s, WINDOW_DECODE, x->decode_sum, x->decode_n);
    put(s, WINDOW_GTT, x->gtt_used, 1);
    put(s, WINDOW_VRAM, x->vram_used, 1);
    put(s, WINDOW_RAM, x->ram_used, 1);
}

/* Tokens between two samples belong to the windows by time: an interval may lie across a bound. */
static void add_interval(struct run_window *w, struct filling *s, size_t n, double step, const double at[2], double tokens)
{
    for (size_t k = at[0] > w[0].from ? (size_t)((at[0] - w[0].from) / step) : 0; k < n && w[k].from < at[1]; k++) {
        double part = fmin(at[1], w[k].from + step) - fmax(at[0], w[k].from);
        if (part <= 0)
            continue;
        w[k].load_s += part;
        put(&s[k], WINDOW_RATE, tokens * part / (at[1] - at[0]), part);
    }
}

static void mark_sleeps(const struct run_file *f, struct run_window *w, size_t n, double step)
{
    for (size_t i = 0; i < f->events_n; i++) {
        double at = f->events[i].t - w[0].from;
        if (strstr(f->events[i].text, "this machine slept") != NULL && at >= 0 && at / step < (double)n)
            w[(size_t)(at / step)].slept = true;
    }
}

size_t windows_cut(const struct run_file *f, double skip_s, double step_s, struct run_window **out)
{
    double first, load = windows_load(f, &first) - skip_s, from = first + skip_s;
    size_t n = load > 0 && step_s > 0 ? (size_t)fmin(ceil(load / step_s - 1e-9), WINDOWS_MOST) : 0;
    struct run_window *w = *out = xcalloc(n + 1, sizeof *w);
    struct filling *s = xcalloc(n + 1, sizeof *s);
    for (size_t k = 0; k < n; k++) {
        w[k].from = from + (double)k * step_s;
        w[k].to = fmin(w[k].from + step_s, from + load);
    }
    for (size_t i = 0; i < f->samples_n && n > 0; i++) {
        const struct run_sample *x = &f->samples[i];
        double seconds, tokens;
        if (x->loading && x->t >= from && x->t <= from + load)
            add_sample(&w[MIN_OF((size_t)((x->t - from) / step_s), n - 1)], &s[MIN_OF((size_t)((x->t - from) / step_s), n - 1)], x);
        if (i + 1 < f->samples_n && run_file_interval(f, i, &seconds, &tokens))
            add_interval(w, s, n, step_s, (const double[2]){x->t, f->samples[i + 1].t}, tokens);
    }
    for (size_t k = 0; k < n; k++)
        for (int v = 0; v < WINDOW_VALUES; v++)
            w[k].value[v] = s[k].n[v] > 0 ? s[k].sum[v] / s[k].n[v] : (double)NAN;
    free(s);
    if (n > 0)
        mark_sleeps(f, w, n, step_s);
    return n;
}
