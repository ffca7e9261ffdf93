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

static void shrink(struct buf *b)
{
    if (b->cap > 16 * 1024)
        buf_release(b);
    else
        buf_clear(b);
}

void sse_reset(struct sse *s)
{
    shrink(&s->line);
    shrink(&s->data);
    s->has_data = s->after_cr = s->started = s->too_large = s->seen = false;
}

static void dispatch(struct sse *s, sse_fn *fn, void *ctx)
{
    if (!s->has_data)
        return;
    fn(ctx, &(struct sse_event){.data = s->data.data != NULL ? s->data.data : "", .n = s->data.len});
    s->has_data = false;
    buf_clear(&s->data);
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

static bool take_line(struct sse *s, const char *line, size_t n, sse_fn *fn, void *ctx)
{
    if (!s->started) {
        s->started = true;
        if (n >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
            line += 3;
            n -= 3;
        }
    }
    if (n == 0) {
        dispatch(s, fn, ctx);
        return true;
    }
    size_t vn;
    const char *v = field_value(line, n, "data", &vn);
    s->seen |= v != NULL || line[0] == ':';
    if (v != NULL) {
        if (s->has_data && !buf_add(&s->data, "\n", 1))
            return false;
        s->has_data = true;
        return buf_add(&s->data, v, vn);
    }
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
            ok = buf_add(&s->line, bytes, k) && take_line(s, s->line.data, s->line.len, fn, ctx);
            buf_clear(&s->line);
        } else {
            ok = take_line(s, bytes, k, fn, ctx);
        }
        if (!ok) {
            s->too_large = true;
            break;
        }
        s->after_cr = ends && bytes[k] == '\r';
        bytes += k + ends;
        n -= k + ends;
    }
    return !s->too_large;
}

void sse_end(struct sse *s, sse_fn *fn, void *ctx)
{
    if (s->too_large)
        return;
    size_t vn;
    const char *v = s->line.len > 0 ? field_value(s->line.data, s->line.len, "data", &vn) : NULL;
    if (v != NULL && vn == 6 && memcmp(v, "[DONE]", 6) == 0) {
        dispatch(s, fn, ctx);
        take_line(s, s->line.data, s->line.len, fn, ctx);
    }
    dispatch(s, fn, ctx);
}
