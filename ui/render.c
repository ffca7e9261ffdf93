/* A frame without a terminal: for pictures in documents and bug reports. */
#include "ui/svg.h"
#include "ui/ui.h"
#include "ui/view.h"

#include <string.h>

bool ui_render(const struct snapshot *s, int w, int h, const char *format, const char *theme_name, FILE *f)
{
    struct theme theme;
    struct ui_state st;
    struct canvas c;
    bool svg = strcmp(format, "svg") == 0;
    if ((!svg && strcmp(format, "txt") != 0) || w < 1 || h < 1 || w > 1000 || h > 1000 ||
        !theme_load(&theme, theme_name))
        return false;
    frame_init(&st);
    canvas_init(&c, w, h, GLYPHS_BRAILLE);
    frame_update(&st, s, w, h, c.glyphs);
    frame_draw(&c, s, &st);
    if (svg)
        svg_write(&c, &theme, "tokgauge", f);
    else
        canvas_dump_text(&c, f);
    canvas_release(&c);
    return fflush(f) == 0 && !ferror(f);
}

bool ui_check_theme(const char *name, struct err *e)
{
    struct theme t;
    if (theme_load(&t, name))
        return true;
    char all[160] = "";
    for (size_t i = 0; theme_builtin(i) != NULL; i++) {
        size_t n = strlen(all);
        snprintf(all + n, sizeof all - n, "%s%s", i > 0 ? ", " : "", theme_builtin(i));
    }
    return err_set(e, "there is no theme '%s': --theme takes %s", name, all);
}
