/* libFuzzer: whatever a server sends as an event stream.  The first byte says in pieces of which size it arrives; the
 * outcome must not depend on that. */
#include "fuzz/text.h"
#include "measure/chat.h"
#include "measure/sse.h"
#include "measure/timeline.h"
#include "util.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct reader {
    struct timeline tl;
    int64_t now;
    uint64_t text; /* a checksum of it */
};

static void on_event(void *ctx, const struct sse_event *ev)
{
    struct reader *r = ctx;
    struct chat_event e;
    bool approx;
    chat_decode(ev->data, ev->n, &e);
    e.error |= ev->error_line;
    timeline_event(&r->tl, r->now += 1000, &e, &approx);
    for (const char *p = e.text; p != NULL && *p != '\0'; p++)
        r->text = r->text * 31 + (unsigned char)*p;
    char shown[64];
    str_sanitise(shown, sizeof shown, ev->data, ev->n);
    check_text(shown);
    chat_release(&e);
}

static void play(const char *data, size_t n, size_t piece, struct reader *r)
{
    struct sse s;
    sse_init(&s);
    timeline_init(&r->tl, 1);
    r->tl.sent = r->now = 1;
    r->text = 0;
    bool fits = true;
    for (size_t i = 0; i < n && fits; i += piece)
        fits = sse_feed(&s, data + i, MIN_OF(piece, n - i), on_event, r);
    sse_end(&s, on_event, r);
    sse_release(&s);
    timeline_finish(&r->tl, r->now + 1, fits ? TR_COMPLETE : TR_TOO_LARGE, 200);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    struct reader whole, pieces;
    double v[M_REQUEST_COUNT_];
    play((const char *)data + 1, n - 1, n, &whole);
    play((const char *)data + 1, n - 1, 1 + data[0] % 16, &pieces);
    timeline_numbers(&whole.tl, v);
    if (whole.tl.outcome != pieces.tl.outcome || whole.tl.output_tokens != pieces.tl.output_tokens ||
        whole.tl.events != pieces.tl.events || whole.text != pieces.text)
        abort();
    timeline_release(&whole.tl);
    timeline_release(&pieces.tl);
    return 0;
}
