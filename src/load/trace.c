#include "load/trace.h"

#include "buf.h"
#include "jsonr.h"
#include "load/config.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES (1 << 20)
#define ITEMS_MAX (16u << 20)
#define TIME_MAX_S 3.2e8 /* ten years */

struct reader {
    const char *file;
    int line;
    double first, last; /* seconds, as the file has them */
};

/* Tokens by either name; 0: neither is there.  False where it is no number of tokens. */
static bool tokens(const cJSON *o, const char *name, const char *other, int64_t *out)
{
    const cJSON *v = json_get(o, name) != NULL ? json_get(o, name) : json_get(o, other);
    *out = 0;
    if (v == NULL || cJSON_IsNull(v))
        return true;
    if (!cJSON_IsNumber(v) || !(v->valuedouble >= 1 && v->valuedouble <= TOKENS_MAX && v->valuedouble == floor(v->valuedouble)))
        return false;
    *out = (int64_t)v->valuedouble;
    return true;
}

static bool add(struct trace *t, struct reader *r, const cJSON *o, struct err *e)
{
    struct trace_item item = {0};
    double at = json_get(o, "time") != NULL ? json_number(o, "time") : json_number(o, "timestamp") / 1000;
    if (!cJSON_IsObject(o))
        return err_set(e, "%s:%d: not a JSON object", r->file, r->line);
    if (!isfinite(at))
        return err_set(e, "%s:%d: no \"time\" (seconds) or \"timestamp\" (milliseconds)", r->file, r->line);
    if (!(at >= 0 && at < TIME_MAX_S))
        return err_set(e, "%s:%d: a time of %g s is out of range: it takes 0 to ten years", r->file, r->line, at);
    if (t->n > 0 && at < r->last)
        return err_set(e, "%s:%d: time goes backwards: %g s after %g s; sort the trace by time", r->file, r->line, at, r->last);
    if (!tokens(o, "context", "input_length", &item.context) || !tokens(o, "output", "output_length", &item.max_tokens))
        return err_set(e, "%s:%d: \"context\" and \"output\" are whole numbers of tokens from 1 to %d", r->file, r->line, TOKENS_MAX);
    if (t->n == ITEMS_MAX)
        return err_set(e, "'%s' has more than %u requests", r->file, ITEMS_MAX);
    if (t->n == 0)
        r->first = at;
    r->last = at;
    item.at = (int64_t)llround((at - r->first) * 1e9);
    if ((t->n & (t->n - 1)) == 0) /* 0, 1, 2, 4, …: double */
        t->items = xrealloc(t->items, (t->n == 0 ? 1 : 2 * t->n) * sizeof *t->items);
    t->items[t->n++] = item;
    return true;
}

static bool read_lines(struct trace *t, FILE *f, const char *file, struct err *e)
{
    struct reader r = {.file = file};
    struct buf line;
    bool ok = true, whole;
    buf_init(&line, LINE_MAX_BYTES);
    while (ok && buf_read_line(f, &line, &whole)) {
        r.line++;
        if (whole && strspn(line.data, " \t\r\n") == line.len)
            continue;
        cJSON *o = whole ? json_alone(line.data, line.len) : NULL;
        ok = add(t, &r, o, e);
        cJSON_Delete(o);
    }
    buf_release(&line);
    if (ok && ferror(f))
        ok = err_set(e, "cannot read trace '%s': %s", file, strerror(errno));
    else if (ok && t->n == 0)
        ok = err_set(e, "trace '%s' has no requests: one JSON object a line is wanted", file);
    return ok;
}

bool trace_load(struct trace *t, const char *file, struct err *e)
{
    *t = (struct trace){0};
    FILE *f = fopen(file, "re");
    if (f == NULL)
        return err_set(e, "cannot read trace '%s': %s", file, strerror(errno));
    bool ok = read_lines(t, f, file, e);
    fclose(f);
    if (!ok)
        trace_release(t);
    return ok;
}

void trace_release(struct trace *t)
{
    free(t->items);
    *t = (struct trace){0};
}
