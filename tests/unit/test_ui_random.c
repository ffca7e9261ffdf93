/* Random sizes and random keys over all views, the help and the list of themes, in every glyph set, on canned and on wild
 * snapshots: nothing faults, nothing is drawn outside, no half of a wide character stays.  SEED=N repeats a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "test_ui_wild.h"
#include "ui/control.h"
#include "ui/layout.h"
#include "ui/svg.h"
#include "ui/view.h"

#include <sys/random.h>

#define RESIZES 1000
#define KEYS_A_SIZE 10
#define CANNED 5
#define SNAPSHOTS 30
#define THEMES 40
#define GUARD 512 /* cells before and after the canvas */
#define MARGIN 2  /* cells around a view's body */

static uint64_t first_seed(void)
{
    const char *given = getenv("SEED");
    uint64_t seed = 0;
    if (given != NULL)
        return strtoull(given, NULL, 10);
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        die("no random seed");
    return seed >> 40; /* short enough to be typed */
}

/* ---- what is looked at ---- */

struct rig {
    uint64_t seed;
    struct snapshot *snaps[SNAPSHOTS];
    const struct snapshot *s;
    bool canned;
    struct theme_entry entries[THEMES];
    struct theme_list themes;
    struct theme theme;
    struct ui_state st;
    struct control ctl;
    struct canvas c;
    struct cell *memory; /* of the canvas, with its guards */
    double now;
    int frames;
};

static int below(struct rig *r, int n)
{
    return wild_below(&r->seed, n);
}

static void bad(const struct rig *r, const char *what, int x, int y)
{
    fail_msg("%s at %d,%d of %d×%d, glyphs %d, view %s%s%s, snapshot %s", what, x, y, r->c.w, r->c.h, (int)r->c.glyphs,
             r->st.view->name, r->st.help ? ", help" : "", r->st.themes.on ? ", themes" : "", r->canned ? "canned" : "wild");
}

static void check_cell(const struct rig *r, int x, int y)
{
    const struct canvas *c = &r->c;
    const struct cell *cell = canvas_at(c, x, y);
    if (cell->role >= ROLE_COUNT || cell->bg >= ROLE_COUNT)
        bad(r, "a role that is none", x, y);
    switch (cell->width) {
    case 0:
        if (cell->ch != 0 || x == 0 || cell[-1].width != 2)
            bad(r, "the second half of a wide character alone", x, y);
        return;
    case 2:
        if (x + 1 >= c->w || cell[1].width != 0)
            bad(r, "the first half of a wide character alone", x, y);
        break;
    case 1:
        break;
    default:
        bad(r, "a cell of no width", x, y);
    }
    if (canvas_char_width(c, cell->ch) != cell->width || cell->ch < 0x20 || (cell->ch >= 0x7f && cell->ch < 0xa0))
        bad(r, "a character that is not what it says", x, y);
    if (c->glyphs == GLYPHS_ASCII && cell->ch > 0x7e)
        bad(r, "more than ASCII", x, y);
    if (c->glyphs == GLYPHS_BLOCK && r->canned && cell->ch >= 0x2800 && cell->ch < 0x2900)
        bad(r, "braille among blocks", x, y);
}

static void check_canvas(const struct rig *r)
{
    const unsigned char *bytes = (const unsigned char *)r->memory;
    size_t guard = GUARD * sizeof(struct cell), size = (size_t)r->c.w * (size_t)r->c.h * sizeof(struct cell);
    for (size_t i = 0; i < guard; i++)
        if (bytes[i] != 0xa5 || bytes[guard + size + i] != 0xa5)
            bad(r, "written outside", 0, 0);
    for (int y = 0; y < r->c.h; y++)
        for (int x = 0; x < r->c.w; x++)
            check_cell(r, x, y);
}

/* A canvas whose memory is watched on both sides. */
static void new_canvas(struct rig *r, int w, int h, enum glyph_set glyphs)
{
    size_t n = (size_t)w * (size_t)h;
    free(r->memory);
    r->memory = xmalloc((n + 2 * GUARD) * sizeof *r->memory);
    memset(r->memory, 0xa5, (n + 2 * GUARD) * sizeof *r->memory);
    r->c = (struct canvas){.w = w, .h = h, .glyphs = glyphs, .cells = r->memory + GUARD};
    memset(r->c.cells, 0, n * sizeof *r->memory);
    canvas_clear(&r->c);
}

/* ---- what is done ---- */

static void draw(struct rig *r)
{
    frame_update(&r->st, r->s, r->c.w, r->c.h, r->c.glyphs);
    frame_draw(&r->c, r->s, &r->st);
    check_canvas(r);
    r->frames++;
}

/* The view alone, with a margin on all sides: what stands around its body must stay. */
static void draw_body(struct rig *r)
{
    struct rect at[AREA_FRAME_COUNT], b;
    const struct view *v = r->st.view;
    if (!layout_frame(r->c.w - 2 * MARGIN, r->c.h - 2 * MARGIN, at))
        return;
    b = at[AREA_BODY];
    b.x += MARGIN;
    b.y += MARGIN;
    canvas_clear(&r->c);
    for (int y = 0; y < r->c.h; y++)
        for (int x = 0; x < r->c.w; x++)
            canvas_put(&r->c, x, y, '~', ROLE_TEXT);
    if (v->update != NULL)
        v->update(&r->st, r->s, b, r->c.glyphs);
    v->draw(&r->c, b, r->s, &r->st);
    check_canvas(r);
    for (int y = 0; y < r->c.h; y++)
        for (int x = 0; x < r->c.w; x++) {
            const struct cell *cell = canvas_at(&r->c, x, y);
            bool inside = x >= b.x && x < b.x + b.w && y >= b.y && y < b.y + b.h;
            if (!inside && (cell->ch != '~' || cell->bg != ROLE_BACKGROUND || cell->attrs != 0))
                bad(r, "drawn outside of the body", x, y);
        }
}

/* What the key S writes: XML takes no control characters. */
static void picture(struct rig *r)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    assert_non_null(f);
    svg_write(&r->c, &r->theme, "tokgauge", f);
    canvas_dump_text(&r->c, f);
    fclose(f);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 0x20 && text[i] != '\n')
            bad(r, "a control character in the picture", (int)i, 0);
    free(text);
}

static int random_key(struct rig *r)
{
    const struct key *k = &key_table[(size_t)below(r, (int)key_table_n)];
    int n = 1; /* codes of this key */
    switch (below(r, 8)) {
    case 0:
        return '0' + below(r, 10);
    case 1:
        return below(r, 2) ? below(r, 0x110000) : KEYCODE_FIRST + below(r, 600);
    default:
        while (n < (int)ARRAY_LEN(k->codes) && k->codes[n] != 0)
            n++;
        return k->codes[below(r, n)];
    }
}

/* As the loop of the screen does it. */
static void press(struct rig *r, int code)
{
    if (frame_view_key(&r->st, code))
        return;
    enum action a = keys_action(code);
    if (frame_act(&r->st, r->s, a, r->c.w, r->c.h))
        return;
    if (a == ACT_THEMES) {
        r->st.themes.on = true;
        r->st.themes.list = &r->themes;
        r->st.themes.at = r->st.themes.kept = below(r, THEMES);
        r->st.help = false;
    } else {
        control_act(&r->ctl, &r->st, r->s, a, r->now);
    }
}

static void random_size(struct rig *r)
{
    enum glyph_set glyphs = (enum glyph_set)below(r, GLYPHS_ASCII + 1);
    switch (below(r, 40)) {
    case 0:
        new_canvas(r, 1 + below(r, 1000), 1 + below(r, 20), glyphs);
        break;
    case 1:
        new_canvas(r, 1 + below(r, 70), 1 + below(r, 400), glyphs);
        break;
    case 2:
        new_canvas(r, 200 + below(r, 100), 60 + below(r, 40), glyphs);
        break;
    case 3:
    case 4:
    case 5:
        new_canvas(r, 1 + below(r, 60), 1 + below(r, 16), glyphs);
        break;
    default:
        new_canvas(r, 60 + below(r, 70), 16 + below(r, 26), glyphs);
    }
}

/* ---- the tests ---- */

static void on_command(void *ctx, const struct command *c)
{
    (void)ctx;
    if (c->kind == CMD_STREAMS || c->kind == CMD_CONTEXT || c->kind == CMD_MAX_TOKENS)
        assert_true(c->value > 0);
}

static const struct snapshot_source source = {.send = on_command};

static void make_themes(struct rig *r)
{
    struct wild w = {rng_next(&r->seed), 0.5};
    assert_true(theme_load(&r->theme, NULL));
    for (size_t i = 0; i < THEMES; i++) {
        struct theme_entry *t = &r->entries[i];
        t->theme = r->theme;
        wild_text(&w, t->name, sizeof t->name);
        wild_text(&w, t->theme.name, sizeof t->theme.name);
    }
    r->themes = (struct theme_list){r->entries, THEMES};
}

static struct rig *make_rig(void)
{
    struct rig *r = xcalloc(1, sizeof *r);
    r->seed = first_seed();
    print_message("# SEED=%llu\n", (unsigned long long)r->seed);
    struct snapshot *canned[CANNED] = {canned_empty(), canned_busy(), canned_trouble(), canned_done(), canned_extreme()};
    for (size_t i = 0; i < SNAPSHOTS; i++)
        r->snaps[i] = i < CANNED ? canned[i] : wild_snapshot(rng_next(&r->seed), i % 2 ? 1 : 0.2);
    make_themes(r);
    r->ctl.source = &source;
    frame_init(&r->st);
    return r;
}

static void drop_rig(struct rig *r)
{
    for (size_t i = 0; i < SNAPSHOTS; i++)
        free(r->snaps[i]);
    free(r->memory);
    free(r);
}

static void pick_snapshot(struct rig *r)
{
    int i = below(r, SNAPSHOTS);
    r->s = r->snaps[i];
    r->canned = i < CANNED;
}

static void test_random(void **state)
{
    (void)state;
    struct rig *r = make_rig();
    for (int i = 0; i < RESIZES; i++) {
        pick_snapshot(r);
        random_size(r);
        draw(r);
        for (int k = 0; k < KEYS_A_SIZE; k++) {
            r->now += rng_unit(&r->seed);
            press(r, random_key(r));
            if (below(r, 4) == 0)
                pick_snapshot(r);
            control_settle(&r->ctl, &r->st, r->s, r->now);
            if (below(r, 3) == 0)
                draw(r);
        }
        draw_body(r);
        if (i % 16 == 0)
            picture(r);
    }
    print_message("# %d frames\n", r->frames);
    drop_rig(r);
}

/* ---- what it has found ---- */

static void test_scale(void **state)
{
    (void)state;
    static const double tops[] = {DBL_MAX, DBL_TRUE_MIN, 1e-300, 1e300, (double)INFINITY, (double)NAN, -5, 0, 1e15, 1e-6, 42};
    for (size_t i = 0; i < ARRAY_LEN(tops); i++) {
        struct plot_scale s = {0, 0};
        plot_scale_fit(&s, tops[i]);
        assert_true(isfinite(s.top) && s.step > 0);
        assert_true(s.top / s.step >= 1 && s.top / s.step <= 12); /* so many labels */
        assert_true(tops[i] > 1e14 || !(tops[i] > s.top));
    }
}

/* A run that has just begun: one column, at the right edge. */
static void test_young_heat(void **state)
{
    (void)state;
    struct heat_view h = {.step_s = 1, .columns = 1};
    struct canvas c;
    char *text = NULL;
    size_t n = 0;
    h.count[0][8] = 1;
    canvas_init(&c, 44, 8, GLYPHS_BRAILLE);
    plot_heat(&c, (struct rect){2, 1, 40, 6}, &h, 8);
    for (int y = 0; y < c.h; y++)
        for (int x = 0; x < c.w; x++)
            if (x < 2 || x >= 42 || y < 1 || y >= 7)
                assert_int_equal(canvas_at(&c, x, y)->ch, ' ');
    FILE *f = open_memstream(&text, &n);
    canvas_dump_text(&c, f);
    fclose(f);
    assert_non_null(strstr(text, "-8 s now"));
    free(text);
    canvas_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_scale), cmocka_unit_test(test_young_heat), cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
