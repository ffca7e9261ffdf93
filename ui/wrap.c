#include "ui/wrap.h"

#include "util.h"

#include <string.h>

#define LINES_MOST 256

struct piece {
    const char *at, *end;
};

static uint32_t take(const char **s)
{
    uint32_t ch;
    size_t n = utf8_decode(*s, strnlen(*s, 4), &ch);
    *s += n > 0 ? n : 1;
    return n > 0 ? ch : 0xfffd;
}

/* Cuts a line off *s. */
static struct piece next_line(const struct canvas *c, const char **s, int w)
{
    const char *at = *s, *p = at, *blank = NULL;
    for (int used = 0; *p != '\0';) {
        const char *q = p;
        uint32_t ch = take(&q);
        int cw = canvas_char_width(c, ch);
        if (ch == ' ') { /* may hang over the edge: it is not drawn there */
            blank = p;
        } else if (used + cw > w && p > at) {
            const char *end = blank != NULL ? blank : p;
            *s = blank != NULL ? blank + 1 : p;
            return (struct piece){at, end};
        }
        used += cw;
        p = q;
    }
    *s = p;
    return (struct piece){at, p};
}

static void draw_line(struct canvas *c, int x, int y, int w, struct piece line, enum role role)
{
    int used = 0;
    for (const char *p = line.at; p < line.end;) {
        uint32_t ch = take(&p);
        int cw = canvas_char_width(c, ch);
        if (used + cw > w)
            return;
        if (cw > 0)
            canvas_put(c, x + used, y, ch, role);
        used += cw;
    }
}

void wrap_text(struct canvas *c, struct rect r, const char *s, enum role role)
{
    struct piece lines[LINES_MOST];
    int room = MIN_OF(r.h, LINES_MOST), n = 0;
    if (r.w < 2 || room < 1)
        return;
    for (; *s != '\0'; n++) {
        struct piece line = next_line(c, &s, r.w);
        lines[n % room] = line; /* a ring of the last ones */
    }
    int first = MAX_OF(n - room, 0);
    for (int i = first; i < n; i++)
        draw_line(c, r.x, r.y + i - first, r.w, lines[i % room], role);
    if (first > 0)
        canvas_put(c, r.x, r.y, 0x2026, role);
}
