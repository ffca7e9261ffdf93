#include "measure/sse.h"
#include "util.h"

#include <string.h>

void sse_init(struct sse *s)
{
    *s = (struct sse){0};
    buf_init(&s->line, SSE_MAX);
    buf_init(&s->data, SSE_MAX);
}

void sse_release(struct sse *s)
{
    buf_release(&s->line);
    buf_release(&s->data);
}


void sse_reset(struct sse *s)
{
    buf_forget(&s->line);
    buf_forget(&s->data);
    s->held = NULL;
    s->has_data = s->after_cr = s->started = s->too_large = s->seen = s->cut = false;
}

static void dispatch(struct sse *s, bool unended, sse_fn *fn, void *ctx)
{
    if (!s->has_data)
        return;
    struct sse_event e = {.data = s->data.data != NULL ? s->data.data : "", .n = s->data.len, .unended = unended};
    if (s->held != NULL) {
        e.data = s->held;
        e.n = s->held_n;
    }
    fn(ctx, &e);
    s->held = NULL;
    s->has_data = false;
    buf_clear(&s->data);
}

/* What is held goes with the bytes that it lies among. */
static bool keep_held(struct sse *s)
{
    const char *held = s->held;
    s->held = NULL;
    return held == NULL || buf_add(&s->data, held, s->held_n);
}

/* Most events are one line and come whole: they are delivered from where they lie.  A copy in each stream's own memory would be
 * that much more which is in no cache when the next token comes. */
static bool take_data(struct sse *s, const char *v, size_t n, bool stays)
{
    if (!s->has_data && stays && n <= SSE_MAX) {
        s->held = v;
        s->held_n = n;
        s->has_data = true;
        return true;
    }
    if (!keep_held(s) || (s->has_data && !buf_add(&s->data, "\n", 1)))
        return false;
    s->has_data = true;
    return buf_add(&s->data, v, n);
}

/* Returns the value of a line "field[:[ ]value]" where its field has that name, else NULL. */
static const char *field_value(const char *line, size_t n, const char *field, size_t *value_n)
{
    size_t k = strlen(field);
    if (n < k || memcmp(line, field, k) != 0)
        return NULL;
    if (n > k && line[k] != ':')
        return NULL;
    size_t skip = n > k ? k + 1 : k;
    if (n > skip && line[skip] == ' ')
        skip++;
    *value_n = n - skip;
    return line + skip;
}

/* How many bytes of the stream's first line are a BOM. */
static size_t skip_bom(struct sse *s, const char *line, size_t n)
{
    bool first = !s->started;
    s->started = true;
    return first && n >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

/* stays: the line will be there until the end of sse_feed. */
static bool take_line(struct sse *s, const char *line, size_t n, bool stays, sse_fn *fn, void *ctx)
{
    size_t bom = skip_bom(s, line, n);
    line += bom;
    n -= bom;
    if (n == 0) {
        dispatch(s, false, fn, ctx);
        return true;
    }
    size_t vn;
    const char *v = field_value(line, n, "data", &vn);
    s->seen |= v != NULL || line[0] == ':';
    if (v != NULL)
        return take_data(s, v, vn, stays);
    v = field_value(line, n, "error", &vn);
    if (v != NULL && vn > 0 && v[0] == '{') {
        s->seen = true;
        struct buf whole;
        buf_init(&whole, SSE_MAX);
        if (buf_add(&whole, v, vn))
            fn(ctx, &(struct sse_event){.data = whole.data, .n = vn, .error_line = true});
        buf_release(&whole);
    }
    return true;
}

static size_t find_line_end(const char *p, size_t n)
{
    const char *lf = memchr(p, '\n', n);
    size_t k = lf != NULL ? (size_t)(lf - p) : n;
    const char *cr = memchr(p, '\r', k);
    return cr != NULL ? (size_t)(cr - p) : k;
}

bool sse_feed(struct sse *s, const char *bytes, size_t n, sse_fn *fn, void *ctx)
{
    while (n > 0 && !s->too_large) {
        if (s->after_cr) {
            s->after_cr = false;
            if (bytes[0] == '\n') {
                bytes++;
                n--;
                continue;
            }
        }
        size_t k = find_line_end(bytes, n);
        bool ends = k < n;
        bool ok;
        if (!ends) {
            ok = buf_add(&s->line, bytes, k);
        } else if (s->line.len > 0) {
            ok = buf_add(&s->line, bytes, k) && take_line(s, s->line.data, s->line.len, false, fn, ctx);
            buf_clear(&s->line);
        } else {
            ok = take_line(s, bytes, k, true, fn, ctx);
        }
        if (!ok) {
            s->too_large = true;
            break;
        }
        s->after_cr = ends && bytes[k] == '\r';
        bytes += k + ends;
        n -= k + ends;
    }
    s->too_large |= !keep_held(s);
    return !s->too_large;
}

/* Could these first bytes of a line go on as a line of an event stream? */
static bool begins_line(const char *line, size_t n)
{
    static const char *const fields[] = {"data:", "error:", "event:", "id:", "retry:", ":", "\xef\xbb\xbf"};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (memcmp(line, fields[i], MIN_OF(n, strlen(fields[i]))) == 0)
            return true;
    return false;
}

void sse_end(struct sse *s, sse_fn *fn, void *ctx)
{
    if (s->too_large)
        return;
    size_t n = s->line.len, vn;
    if (n > 0) {
        size_t bom = skip_bom(s, s->line.data, n);
        const char *line = s->line.data + bom, *v = field_value(line, n - bom, "data", &vn);
        if (v != NULL && vn == 6 && memcmp(v, "[DONE]", 6) == 0) {
            dispatch(s, true, fn, ctx);
            take_line(s, line, n - bom, false, fn, ctx);
        } else {
            s->cut = begins_line(line, n - bom);
            s->seen |= s->cut;
        }
    }
    dispatch(s, true, fn, ctx);
}
