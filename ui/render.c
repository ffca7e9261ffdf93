/* A frame without a terminal: for pictures in documents and bug reports. */
#include "ui/svg.h"
#include "ui/theme_find.h"
#include "ui/ui.h"
#include "ui/view.h"

#include <string.h>

bool ui_render(const struct snapshot *s, const struct ui_picture *p, FILE *f)
{
    struct theme_entry theme;
    struct ui_state st;
    struct canvas c;
    bool svg = strcmp(p->format, "svg") == 0;
    if ((!svg && strcmp(p->format, "txt") != 0) || p->width < 1 || p->height < 1 || p->width > 1000 || p->height > 1000 ||
        !theme_open(p->theme, &theme, NULL, NULL))
        return false;
    frame_init(&st);
    if (p->view != 0)
        frame_view_key(&st, p->view);
    int w = p->width, h = p->height;
    canvas_init(&c, w, h, GLYPHS_BRAILLE);
    frame_update(&st, s, w, h, c.glyphs);
    frame_draw(&c, s, &st);
    if (svg)
        svg_write(&c, &theme.theme, "tokgauge", f);
    else
        canvas_dump_text(&c, f);
    canvas_release(&c);
    theme_entry_release(&theme);
    return fflush(f) == 0 && !ferror(f);
}
