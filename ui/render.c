/* A frame without a terminal: for pictures in documents and bug reports. */
#include "ui/svg.h"
#include "ui/theme_find.h"
#include "ui/ui.h"
#include "ui/view.h"

#include <string.h>

bool ui_render(const struct snapshot *s, int w, int h, const char *format, const char *theme_name, FILE *f)
{
    struct theme_entry theme;
    struct ui_state st;
    struct canvas c;
    bool svg = strcmp(format, "svg") == 0;
    if ((!svg && strcmp(format, "txt") != 0) || w < 1 || h < 1 || w > 1000 || h > 1000 ||
        !theme_open(theme_name, &theme, NULL, NULL))
        return false;
    frame_init(&st);
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
