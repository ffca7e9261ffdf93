/* Layout and frame at many sizes: panels never overlap, nothing is drawn over a border. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "test_ui_snapshots.h"
#include "ui/layout.h"
#include "ui/view.h"

#define SIZES 500

static const int edges[][2] = {{60, 16}, {61, 17}, {60, 90},  {300, 16}, {300, 90}, {80, 24},
                               {79, 19}, {80, 20}, {120, 40}, {159, 40}, {160, 40}, {200, 60}};

static void size_at(int i, uint64_t *seed, int *w, int *h)
{
    if (i < (int)ARRAY_LEN(edges)) {
        *w = edges[i][0];
        *h = edges[i][1];
        return;
    }
    *w = 60 + (int)(rng_next(seed) % 241);
    *h = 16 + (int)(rng_next(seed) % 75);
}

/* Marks the cells of r; each may be marked once, and must be inside. */
static void mark_cells(unsigned char *map, int w, int h, struct rect r)
{
    assert_true(r.x >= 0 && r.y >= 0 && r.w > 0 && r.h > 0 && r.x + r.w <= w && r.y + r.h <= h);
    for (int y = r.y; y < r.y + r.h; y++)
        for (int x = r.x; x < r.x + r.w; x++)
            assert_int_equal(map[y * w + x]++, 0);
}

static void check_layout(int w, int h)
{
    struct rect frame[AREA_FRAME_COUNT], at[PANEL_COUNT];
    unsigned char *map = xcalloc((size_t)w, (size_t)h);
    assert_true(layout_frame(w, h, frame));
    layout_overview(frame[AREA_BODY], at);
    mark_cells(map, w, h, frame[AREA_HEADER]);
    mark_cells(map, w, h, frame[AREA_FOOTER]);
    if (frame[AREA_STATUS].w > 0)
        mark_cells(map, w, h, frame[AREA_STATUS]);
    for (int p = 0; p < PANEL_COUNT; p++) {
        if (at[p].w == 0) {
            assert_int_equal(p, PANEL_SERVER); /* the others are always there */
            continue;
        }
        assert_true(at[p].w >= 28 && at[p].h >= 5);
        mark_cells(map, w, h, at[p]);
    }
    for (int i = 0; i < w * h; i++)
        assert_int_equal(map[i], 1); /* and nothing is left over */
    free(map);
}

static void check_memory_layout(int w, int h)
{
    struct rect frame[AREA_FRAME_COUNT], at[MEMORY_COUNT];
    unsigned char *map = xcalloc((size_t)w, (size_t)h);
    int cells = 0;
    assert_true(layout_frame(w, h, frame));
    layout_memory(frame[AREA_BODY], at);
    for (int p = 0; p < MEMORY_COUNT; p++) {
        if (at[p].w == 0) {
            assert_int_equal(p, MEMORY_GPU); /* the others are always there */
            continue;
        }
        assert_true(at[p].w >= 34 && at[p].h >= 4);
        mark_cells(map, w, h, at[p]);
        cells += at[p].w * at[p].h;
    }
    assert_int_equal(cells, frame[AREA_BODY].w * frame[AREA_BODY].h); /* and nothing is left over */
    free(map);
}

static void check_latency_layout(int w, int h)
{
    struct rect frame[AREA_FRAME_COUNT], at[LATENCY_COUNT];
    unsigned char *map = xcalloc((size_t)w, (size_t)h);
    int cells = 0;
    assert_true(layout_frame(w, h, frame));
    layout_latency(frame[AREA_BODY], at);
    assert_true(at[LATENCY_TABLE].w > 0 && at[LATENCY_TTFT].w > 0);
    struct rect two[SERVER_COUNT];
    layout_server(frame[AREA_BODY], two);
    assert_int_equal(two[0].w * two[0].h + two[1].w * two[1].h, frame[AREA_BODY].w * frame[AREA_BODY].h);
    assert_true(two[0].h >= 7 && two[1].h >= 7 && two[0].w >= 45 && two[1].w >= 45);
    layout_matrix(frame[AREA_BODY], two);
    assert_int_equal(two[0].w * two[0].h + two[1].w * two[1].h, frame[AREA_BODY].w * frame[AREA_BODY].h);
    assert_true(two[0].h >= 7 && two[0].w >= 58 && (two[1].w == 0 || (two[1].h >= 7 && two[1].w >= 58)));
    for (int p = 0; p < LATENCY_COUNT; p++) {
        if (at[p].w == 0)
            continue;
        assert_true(at[p].w >= 38 && at[p].h >= 6);
        mark_cells(map, w, h, at[p]);
        cells += at[p].w * at[p].h;
    }
    assert_int_equal(cells, frame[AREA_BODY].w * frame[AREA_BODY].h); /* and nothing is left over */
    free(map);
}

static void test_layout(void **state)
{
    (void)state;
    uint64_t seed = 42;
    for (int i = 0; i < SIZES; i++) {
        int w, h;
        size_at(i, &seed, &w, &h);
        check_layout(w, h);
        check_memory_layout(w, h);
        check_latency_layout(w, h);
    }
    struct rect frame[AREA_FRAME_COUNT];
    assert_false(layout_frame(59, 16, frame));
    assert_false(layout_frame(60, 15, frame));
    assert_false(layout_frame(1, 1, frame));
}

static bool is_border(uint32_t ch)
{
    return ch == 0x2502 || ch == 0x256d || ch == 0x256e || ch == 0x256f || ch == 0x2570;
}

/* Left and right border of every panel, in every row of the body. */
static void check_borders(const struct canvas *c, const struct view *view)
{
    struct rect frame[AREA_FRAME_COUNT], at[PANEL_COUNT];
    layout_frame(c->w, c->h, frame);
    struct rect whole[1] = {frame[AREA_BODY]}, *panels = whole;
    int n = 1;
    if (view == &view_overview) {
        layout_overview(frame[AREA_BODY], at);
        panels = at;
        n = PANEL_COUNT;
    }
    for (int p = 0; p < n; p++)
        for (int y = panels[p].y; panels[p].w > 0 && y < panels[p].y + panels[p].h; y++) {
            assert_true(is_border(canvas_at(c, panels[p].x, y)->ch));
            assert_true(is_border(canvas_at(c, panels[p].x + panels[p].w - 1, y)->ch));
        }
}

static void test_frames(void **state)
{
    (void)state;
    struct snapshot *snaps[] = {canned_empty(), canned_busy(), canned_trouble(), canned_done(),
                                canned_extreme()};
    struct ui_state st;
    uint64_t seed = 5;
    size_t views = 1; /* there is one at least */
    while (view_table[views] != NULL)
        views++;
    canned_matrix(snaps[1]);
    frame_init(&st);
    for (int i = 0; i < SIZES; i++) {
        int w, h;
        struct canvas c;
        size_at(i, &seed, &w, &h);
        st.view = view_table[(size_t)i % views];
        canvas_init(&c, w, h, GLYPHS_BRAILLE);
        frame_update(&st, snaps[i % 5], w, h, c.glyphs);
        frame_draw(&c, snaps[i % 5], &st);
        check_borders(&c, st.view);
        canvas_release(&c);
    }
    for (size_t i = 0; i < ARRAY_LEN(snaps); i++)
        free(snaps[i]);
}

/* Too small, with and without help: it must say so and not fall over, down to one cell. */
static void test_tiny(void **state)
{
    (void)state;
    struct snapshot *s = canned_busy();
    struct ui_state st;
    frame_init(&st);
    for (int w = 1; w < 70; w += 3)
        for (int h = 1; h < 20; h++)
            for (int help = 0; help < 2; help++) {
                struct canvas c;
                st.help = help;
                canvas_init(&c, w, h, GLYPHS_BRAILLE);
                frame_update(&st, s, w, h, c.glyphs);
                frame_draw(&c, s, &st);
                frame_act(&st, s, ACT_PAGE_DOWN, w, h);
                canvas_release(&c);
            }
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_tiny),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
