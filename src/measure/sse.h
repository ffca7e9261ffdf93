/* sse: server-sent events, decoded as they come (WHATWG HTML, "9.2.6 Interpreting an event stream").
 * Any split of the bytes gives the same events: CR, LF and CRLF end a line, a BOM at the start is skipped, comments and
 * unknown fields are ignored, several data lines are joined by LF, the space after the colon is optional.
 * One extension: old llama.cpp writes a line "error: {json}", which is delivered at once with `error_line` set.
 * Lines and events longer than the bound end the stream: sse_feed returns false from then on. */
#ifndef TG_SSE_H
#define TG_SSE_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>

#define SSE_MAX (1024 * 1024) /* bytes of one line, and of one event's data */

struct sse_event {
    const char *data; /* valid during the call; data[n] may be read, and is NUL or the end of a line */
    size_t n;
    bool error_line;
    bool unended; /* the stream ended without the blank line after it: it may not be all of it */
};
typedef void sse_fn(void *ctx, const struct sse_event *e);

struct sse {
    struct buf line, data;
    const char *held; /* during sse_feed: all of the data so far, where it lies in one piece among the bytes; else NULL */
    size_t held_n;
    bool has_data, after_cr, started, too_large;
    bool seen; /* a comment or an event: these bytes are an event stream */
    bool cut;  /* after sse_end: the stream ended inside a line, and that was dropped */
};

void sse_init(struct sse *s);
void sse_release(struct sse *s);
void sse_reset(struct sse *s); /* for the next stream; keeps small buffers */
/* False where a line or an event exceeds SSE_MAX; nothing more is delivered then. */
bool sse_feed(struct sse *s, const char *bytes, size_t n, sse_fn *fn, void *ctx);
/* The stream has ended.  The standard drops an event that no blank line closed; servers exist that end with a bare
 * "data: [DONE]", so an event whose line was whole is still delivered, and an unfinished line only if it is that. */
void sse_end(struct sse *s, sse_fn *fn, void *ctx);

#endif
