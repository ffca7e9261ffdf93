#include "ui/trails.h"

#include "util.h"

#include <math.h>
#include <string.h>

#define TOLD_S 0.3 /* what a stream tells may be older than the snapshot by so much */

/* Rows that are seen for the first time have no past. */
static void grow(struct trails *t, int rows)
{
    for (; t->rows < rows; t->rows++) {
        for (int i = 0; i < TRAIL_POINTS; i++)
            t->rate[t->rows][i] = NAN;
        t->last[t->rows].output = -1;
    }
}

/* Is it the request that was there at the last point?  Then it is older by as much as has passed; workers tell ten times a
 * second. */
static bool same_request(const struct trails *t, int i, const struct stream_row *r, double span_s)
{
    return r->state == STREAM_DECODE && t->last[i].output >= 0 && r->output >= t->last[i].output &&
           fabs(r->wait_s - (double)t->last[i].wait_s - span_s) < TOLD_S;
}

/* The tokens since the last point; of a request that is newer than that, what it has had from its first token on. */
static float rate_of(const struct trails *t, int i, const struct stream_row *r, double span_s)
{
    if (r->state != STREAM_DECODE)
        return NAN;
    return same_request(t, i, r, span_s) ? (float)((r->output - t->last[i].output) / span_s) : (float)r->rate;
}

/* A point is a second.  Of several that passed at once only the mean is known, and only of a request that was there all the time. */
static void add_points(struct trails *t, const struct snapshot *s, int rows, double span_s)
{
    static const struct stream_row gone = {.state = STREAM_IDLE};
    int n = MAX_OF((int)fmin(floor(span_s / TRAIL_STEP_S), TRAIL_POINTS), 1);
    for (int k = 0; k < n; k++, t->head = (t->head + 1) % TRAIL_POINTS) {
        float most = NAN;
        for (int i = 0; i < t->rows; i++) {
            const struct stream_row *r = i < rows ? &s->streams[i] : &gone;
            float rate = k == n - 1 || same_request(t, i, r, span_s) ? rate_of(t, i, r, span_s) : NAN;
            t->rate[i][t->head] = rate;
            most = fmaxf(most, rate);
        }
        t->most[t->head] = most;
    }
}

void trails_take(struct trails *t, const struct snapshot *s)
{
    int rows = (int)MIN_OF(s->streams_n, (size_t)SNAP_STREAMS);
    double span_s = s->clock_s - t->at_s;
    if (span_s < 0) /* another run, or back in this one: what was seen is yet to come */
        memset(t, 0, sizeof *t);
    bool due = t->rows == 0 || span_s >= TRAIL_STEP_S;
    grow(t, rows);
    if (!due || t->rows == 0)
        return;
    add_points(t, s, rows, span_s);
    for (int i = 0; i < t->rows; i++) {
        const struct stream_row *r = i < rows ? &s->streams[i] : NULL;
        t->last[i].output = r != NULL && r->state == STREAM_DECODE ? r->output : -1;
        t->last[i].wait_s = r != NULL ? (float)r->wait_s : NAN;
    }
    t->at_s = s->clock_s;
}

void trails_of(const struct trails *t, size_t row, float out[TRAIL_POINTS])
{
    for (int i = 0; i < TRAIL_POINTS; i++)
        out[i] = (int)row < t->rows ? t->rate[row][(t->head + i) % TRAIL_POINTS] : NAN;
}

double trails_most(const struct trails *t)
{
    double most = (double)NAN;
    for (int i = 0; i < TRAIL_POINTS; i++)
        if (t->most[i] > 0)
            most = fmax(most, (double)t->most[i]);
    return most;
}
