/* Overview: output rate, time to first token, streams, memory and the server's counters on one screen. */
#include "ui/layout.h"
#include "ui/panels.h"
#include "ui/view.h"

static void update(struct ui_state *st, const struct snapshot *s, struct rect body, enum glyph_set glyphs)
{
    struct rect at[PANEL_COUNT];
    layout_overview(body, at);
    int columns = output_plot(at[PANEL_OUTPUT], glyphs).w - 4;
    plot_scale_fit(&st->output_scale, plot_visible_max((struct curve){&s->series.out, st->zoom}, columns, glyphs));
}

static void draw(struct canvas *c, struct rect body, const struct snapshot *s, const struct ui_state *st)
{
    struct rect at[PANEL_COUNT];
    layout_overview(body, at);
    draw_output(c, at[PANEL_OUTPUT], s, st);
    draw_ttft(c, at[PANEL_TTFT], s);
    draw_streams(c, at[PANEL_STREAMS], s, st);
    draw_memory(c, at[PANEL_MEMORY], s, st->zoom, at[PANEL_SERVER].w == 0);
    if (at[PANEL_SERVER].w > 0)
        draw_server(c, at[PANEL_SERVER], s, st->zoom);
}

/* A click on a panel goes to the view that has more of it. */
static bool mouse(struct ui_state *st, const struct snapshot *s, const struct mouse *m, struct rect body)
{
    static const struct view *const more[PANEL_COUNT] = {[PANEL_OUTPUT] = &view_latency,
                                                         [PANEL_TTFT] = &view_latency,
                                                         [PANEL_STREAMS] = &view_streams,
                                                         [PANEL_MEMORY] = &view_memory,
                                                         [PANEL_SERVER] = &view_server};
    struct rect at[PANEL_COUNT];
    (void)s;
    layout_overview(body, at);
    for (int p = 0; m->kind == MOUSE_CLICK && p < PANEL_COUNT; p++)
        if (rect_has(at[p], m->x, m->y))
            st->view = more[p];
    return true;
}

const struct view view_overview = {
    .name = "overview",
    .key = '1',
    .help = "rate, latency, streams, memory, server",
    .update = update,
    .draw = draw,
    .mouse = mouse,
};
