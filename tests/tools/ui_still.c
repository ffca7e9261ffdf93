/* ui_still: brings one canned frame to the terminal as the dashboard does, and ends without putting the terminal back, so
 * that the frame stays to be looked at.  For the goldens of terminals (ui_looks).
 *
 *     ui_still [VIEW]         the key of a view; otherwise the first
 *
 * Where the dashboard could not be shown it says why, and exits 2. */
#include "unit/test_ui_snapshots.h"

#include "ui/screen.h"
#include "ui/view.h"

#include <locale.h>
#include <unistd.h>

#define LAG_MS 1000

int main(int argc, char **argv)
{
    static struct theme theme;
    const struct ui_config config = {.color = UI_COLOR_AUTO};
    struct err e;
    struct ui_state st;
    struct canvas c;
    int w, h;
    setlocale(LC_CTYPE, "");
    if (!theme_load(&theme, NULL) || !screen_open(&config, &theme, &e)) {
        puts(e.msg);
        return 2;
    }
    struct snapshot *s = canned_trouble();
    frame_init(&st);
    if (argc > 1)
        frame_view_key(&st, argv[1][0]);
    screen_size(&w, &h);
    canvas_init(&c, w, h, screen_glyphs());
    frame_update(&st, s, w, h, c.glyphs);
    frame_draw(&c, s, &st);
    screen_show(&c);
    while (!screen_show(&c)) /* until the terminal has all of it */
        screen_wait(0, LAG_MS);
    _exit(0);
}
