/* What the mouse does: from a cell of the screen to a view, a key's action, or a line further. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "test_ui_snapshots.h"
#include "ui/layout.h"
#include "ui/view.h"

static struct ui_state st;
static struct canvas c;

static void begin(int w, int h, enum glyph_set glyphs)
{
    frame_init(&st);
    canvas_init(&c, w, h, glyphs);
}

static void show(const struct snapshot *s)
{
    frame_update(&st, s, c.w, c.h, c.glyphs);
    frame_draw(&c, s, &st);
}

static enum action mouse(const struct snapshot *s, enum mouse_kind kind, int x, int y)
{
    const struct mouse m = {kind, x, y};
    enum action a = frame_mouse(&st, s, &m, &c);
    frame_update(&st, s, c.w, c.h, c.glyphs);
    return a;
}

/* The column where the last line has this text, from column x on; −1: nowhere. */
static int footer_column(const char *text, int x)
{
    for (; x < c.w; x++) {
        int i = 0;
        while (text[i] != '\0' && x + i < c.w && canvas_at(&c, x + i, c.h - 1)->ch == (uint32_t)text[i])
            i++;
        if (text[i] == '\0')
            return x;
    }
    return -1;
}

static void test_panels(void **state)
{
    (void)state;
    static const int sizes[][2] = {{60, 16}, {80, 24}, {120, 40}, {200, 60}};
    static const struct view *const wanted[PANEL_COUNT] = {&view_latency, &view_latency, &view_streams, &view_memory, &view_server};
    struct snapshot *s = canned_busy();
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct rect frame[AREA_FRAME_COUNT], at[PANEL_COUNT];
        layout_frame(sizes[i][0], sizes[i][1], frame);
        layout_overview(frame[AREA_BODY], at);
        for (int p = 0; p < PANEL_COUNT; p++) {
            const int corners[][2] = {{at[p].x, at[p].y}, {at[p].x + at[p].w - 1, at[p].y + at[p].h - 1}};
            for (size_t k = 0; at[p].w > 0 && k < ARRAY_LEN(corners); k++) {
                begin(sizes[i][0], sizes[i][1], GLYPHS_BRAILLE);
                assert_int_equal(mouse(s, MOUSE_WHEEL_DOWN, corners[k][0], corners[k][1]), ACT_NONE);
                assert_ptr_equal(st.view, &view_overview); /* the wheel goes nowhere */
                assert_int_equal(mouse(s, MOUSE_CLICK, corners[k][0], corners[k][1]), ACT_NONE);
                assert_ptr_equal(st.view, wanted[p]);
                canvas_release(&c);
            }
        }
        begin(sizes[i][0], sizes[i][1], GLYPHS_BRAILLE);
        mouse(s, MOUSE_CLICK, 5, 0);
        assert_ptr_equal(st.view, &view_overview); /* the header is no panel */
        canvas_release(&c);
    }
    free(s);
}

/* Each word of the footer, where it stands; its first and its last column; and between two words nothing. */
static void check_footer(const struct snapshot *s)
{
    static const struct {
        const char *text;
        enum action first, last;
    } entries[] = {{"-/+ streams 6", ACT_STREAMS_LESS, ACT_STREAMS_MORE},
                   {"[/] context 2k", ACT_CONTEXT_HALF, ACT_CONTEXT_DOUBLE},
                   {"{/} output 128", ACT_OUTPUT_HALF, ACT_OUTPUT_DOUBLE},
                   {"space pause", ACT_PAUSE, ACT_PAUSE},
                   {"m mark", ACT_MARK, ACT_MARK},
                   {"tab view", ACT_VIEW_NEXT, ACT_VIEW_NEXT},
                   {"S save", ACT_SAVE, ACT_SAVE},
                   {"t theme", ACT_THEMES, ACT_THEMES},
                   {"? help", ACT_HELP, ACT_HELP},
                   {"q quit", ACT_QUIT, ACT_QUIT}};
    int found = 0;
    show(s);
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        int x = footer_column(entries[i].text, 0), end = x + (int)strlen(entries[i].text);
        if (x < 0)
            continue;
        found++;
        assert_int_equal(mouse(s, MOUSE_CLICK, x, c.h - 1), entries[i].first);
        assert_int_equal(mouse(s, MOUSE_CLICK, x + 2, c.h - 1), entries[i].last);
        assert_int_equal(mouse(s, MOUSE_CLICK, end - 1, c.h - 1), entries[i].last);
        assert_int_equal(mouse(s, MOUSE_CLICK, end, c.h - 1), ACT_NONE);
    }
    assert_true(found >= 4);
    assert_int_equal(mouse(s, MOUSE_CLICK, 0, c.h - 1), ACT_NONE);
    assert_ptr_equal(st.view, &view_overview);
}

static void test_footer(void **state)
{
    (void)state;
    struct snapshot *s = canned_busy();
    for (int w = 60; w <= 240; w += 3) {
        begin(w, 24, w % 2 ? GLYPHS_BRAILLE : GLYPHS_ASCII);
        check_footer(s);
        canvas_release(&c);
    }
    begin(200, 60, GLYPHS_BRAILLE);
    show(s);
    for (const struct view *const *v = view_table; *v != NULL; v++) {
        char tab[32];
        snprintf(tab, sizeof tab, "%c %s", (*v)->key, (*v)->name);
        int x = footer_column(tab, 0);
        assert_true(x > 0);
        assert_int_equal(mouse(s, MOUSE_CLICK, x, 59), ACT_NONE);
        assert_ptr_equal(st.view, *v);
        st.view = &view_overview;
        mouse(s, MOUSE_CLICK, x + (int)strlen(tab) - 1, 59);
        assert_ptr_equal(st.view, *v);
    }
    str_copy(st.toast, sizeof st.toast, "▲ marked"); /* stands in the footer's place */
    st.view = &view_log;
    for (int x = 0; x < 200; x++)
        assert_int_equal(mouse(s, MOUSE_CLICK, x, 59), ACT_NONE);
    assert_ptr_equal(st.view, &view_log);
    canvas_release(&c);
    free(s);
}

/* A replay has words of its own, and keys whose names are words. */
static void test_footer_of_replay(void **state)
{
    (void)state;
    struct snapshot *s = canned_busy();
    s->replay = (struct replay_view){.on = true, .speed = 2, .end_s = 300};
    begin(120, 24, GLYPHS_BRAILLE);
    show(s);
    int x = footer_column("left/right 10 s", 0);
    assert_true(x > 0);
    assert_int_equal(mouse(s, MOUSE_CLICK, x + 3, 23), ACT_SEEK_BACK);
    assert_int_equal(mouse(s, MOUSE_CLICK, x + 5, 23), ACT_SEEK_ON);
    assert_int_equal(mouse(s, MOUSE_CLICK, x + 14, 23), ACT_SEEK_ON);
    x = footer_column("</> speed", 0);
    assert_int_equal(mouse(s, MOUSE_CLICK, x, 23), ACT_SLOWER);
    assert_int_equal(mouse(s, MOUSE_CLICK, x + 2, 23), ACT_FASTER);
    canvas_release(&c);
    free(s);
}

/* Where there is no load, its words are not there, and the others are still hit. */
static void test_footer_of_watch(void **state)
{
    (void)state;
    struct snapshot *s = canned_busy();
    s->state = RUN_WATCH;
    begin(120, 24, GLYPHS_BRAILLE);
    show(s);
    assert_int_equal(footer_column("/+ streams", 0), -1);
    assert_int_equal(mouse(s, MOUSE_CLICK, footer_column("m mark", 0), 23), ACT_MARK);
    assert_int_equal(mouse(s, MOUSE_CLICK, footer_column("q quit", 0), 23), ACT_QUIT);
    canvas_release(&c);
    free(s);
}

static void test_wheel(void **state)
{
    (void)state;
    struct snapshot *s = canned_trouble();
    for (int i = 0; i < SNAP_EVENTS; i++)
        snapshot_event(s, 100 + i, 0, "and one more");
    begin(80, 24, GLYPHS_BRAILLE);
    st.view = &view_log;
    show(s);
    assert_int_equal(mouse(s, MOUSE_WHEEL_UP, 40, 10), ACT_NONE);
    assert_int_equal(st.log_up, 3);
    mouse(s, MOUSE_WHEEL_UP, 40, 0); /* wherever the mouse is */
    assert_int_equal(st.log_up, 6);
    mouse(s, MOUSE_WHEEL_DOWN, 40, 10);
    assert_int_equal(st.log_up, 3);
    mouse(s, MOUSE_WHEEL_DOWN, 40, 10);
    mouse(s, MOUSE_WHEEL_DOWN, 40, 10);
    assert_int_equal(st.log_up, 0);
    st.help = true;
    mouse(s, MOUSE_WHEEL_DOWN, 40, 10); /* the help lies above */
    assert_int_equal(st.help_top, 3);
    assert_int_equal(st.log_up, 0);
    mouse(s, MOUSE_WHEEL_UP, 40, 10);
    assert_int_equal(st.help_top, 0);
    assert_true(st.help);
    mouse(s, MOUSE_CLICK, 40, 23);
    assert_false(st.help); /* and is closed by a click, whatever is under it */
    canvas_release(&c);
    free(s);
}

static void test_themes(void **state)
{
    (void)state;
    static struct theme_entry at[30];
    const struct theme_list list = {at, ARRAY_LEN(at)};
    struct snapshot *s = canned_busy();
    begin(80, 24, GLYPHS_BRAILLE);
    st.themes = (struct theme_picker){.on = true, .list = &list};
    show(s);
    /* 18 rows from line 2 on, 44 columns from 34 on. */
    assert_int_equal(mouse(s, MOUSE_CLICK, 40, 2 + 4), ACT_NONE);
    assert_int_equal(st.themes.at, 4);
    mouse(s, MOUSE_WHEEL_DOWN, 5, 5);
    assert_int_equal(st.themes.at, 7);
    for (int i = 0; i < 20; i++)
        mouse(s, MOUSE_WHEEL_DOWN, 40, 5);
    assert_int_equal(st.themes.at, 29);
    assert_int_equal(st.themes.top, 12);
    mouse(s, MOUSE_CLICK, 40, 2 + 1);
    assert_int_equal(st.themes.at, 13);
    mouse(s, MOUSE_CLICK, 40, 1); /* its frame */
    mouse(s, MOUSE_CLICK, 5, 8);  /* a panel beside it */
    assert_true(st.themes.on);
    assert_int_equal(st.themes.at, 13);
    assert_int_equal(mouse(s, MOUSE_CLICK, footer_column("q quit", 0), 23), ACT_QUIT);
    mouse(s, MOUSE_CLICK, 50, 2 + 1);
    assert_false(st.themes.on);
    assert_int_equal(st.themes.kept, 13);
    canvas_release(&c);
    free(s);
}

/* Everywhere, at sizes that are too small too, and outside: nothing falls over. */
static void test_anywhere(void **state)
{
    (void)state;
    struct snapshot *s = canned_trouble();
    static const int sizes[][2] = {{1, 1}, {59, 16}, {60, 16}, {80, 24}};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        begin(sizes[i][0], sizes[i][1], GLYPHS_BRAILLE);
        for (int y = -1; y <= c.h + 1; y++)
            for (int x = -1; x <= c.w + 1; x++)
                for (int kind = MOUSE_CLICK; kind <= MOUSE_WHEEL_DOWN; kind++)
                    mouse(s, (enum mouse_kind)kind, x, y);
        canvas_release(&c);
    }
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_panels), cmocka_unit_test(test_footer), cmocka_unit_test(test_footer_of_watch),
        cmocka_unit_test(test_footer_of_replay),
        cmocka_unit_test(test_wheel),  cmocka_unit_test(test_themes), cmocka_unit_test(test_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
