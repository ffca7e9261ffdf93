/* The canvas: text of any kind stays in its grid and in its rectangle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ui/canvas.h"
#include "ui/panel.h"
#include "ui/svg.h"
#include "util.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

static char *dump(const struct canvas *c)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    canvas_dump_text(c, f);
    fclose(f);
    return text;
}

static void expect(const struct canvas *c, const char *wanted)
{
    char *text = dump(c);
    assert_string_equal(text, wanted);
    free(text);
}

/* Every wide character is followed by its second cell, and no second cell stands alone. */
static void check_grid(const struct canvas *c)
{
    for (int y = 0; y < c->h; y++)
        for (int x = 0; x < c->w; x++) {
            const struct cell *cell = canvas_at(c, x, y);
            if (cell->width == 2) {
                assert_true(x + 1 < c->w);
                assert_int_equal(canvas_at(c, x + 1, y)->width, 0);
            }
            if (cell->width == 0) {
                assert_true(x > 0);
                assert_int_equal(canvas_at(c, x - 1, y)->width, 2);
            } else {
                assert_true(cell->ch >= 0x20 && cell->ch != 0x7f && !(cell->ch >= 0x80 && cell->ch < 0xa0));
            }
        }
}

static void test_clip(void **state)
{
    (void)state;
    struct canvas c;
    canvas_init(&c, 10, 3, GLYPHS_BRAILLE);
    assert_int_equal(canvas_text(&c, 0, 0, 5, "abcdefgh", ROLE_TEXT), 5);
    canvas_text(&c, 7, 1, 10, "xyzzy", ROLE_TEXT);
    canvas_text(&c, -2, 2, 10, "outside", ROLE_TEXT);
    canvas_text(&c, 0, 7, 10, "below", ROLE_TEXT);
    canvas_text(&c, 0, -1, 10, "above", ROLE_TEXT);
    expect(&c, "abcde\n       xyz\ntside\n");
    canvas_release(&c);
}

static void test_fit(void **state)
{
    (void)state;
    struct canvas c;
    canvas_init(&c, 8, 4, GLYPHS_BRAILLE);
    canvas_text_fit(&c, 0, 0, 8, "exactly8", ROLE_TEXT);
    canvas_text_fit(&c, 0, 1, 8, "more than eight", ROLE_TEXT);
    canvas_text_tail(&c, 0, 2, 8, "more than eight", ROLE_TEXT);
    assert_int_equal(canvas_text_right(&c, 0, 3, 4, "12345", ROLE_TEXT), 0); /* no half numbers */
    assert_int_equal(canvas_text_right(&c, 0, 3, 8, "12345", ROLE_TEXT), 5);
    expect(&c, "exactly8\nmore th…\n…n eight\n   12345\n");
    canvas_release(&c);
}

static void test_wide(void **state)
{
    (void)state;
    struct canvas c;
    canvas_init(&c, 7, 3, GLYPHS_BRAILLE);
    assert_int_equal(canvas_width(&c, "日本語"), 6);
    assert_int_equal(canvas_text(&c, 0, 0, 5, "日本語", ROLE_TEXT), 4); /* the third does not fit by half */
    canvas_text(&c, 0, 1, 7, "日本語", ROLE_TEXT);
    canvas_put(&c, 1, 1, 'x', ROLE_TEXT);    /* on the second half: the first goes */
    canvas_put(&c, 2, 1, 'y', ROLE_TEXT);    /* on the first half: the second goes */
    canvas_put(&c, 6, 2, 0x8a9e, ROLE_TEXT); /* half outside */
    check_grid(&c);
    expect(&c, "日本\n xy 語\n\n");
    canvas_release(&c);
}

static void test_combining(void **state)
{
    (void)state;
    struct canvas c;
    canvas_init(&c, 12, 1, GLYPHS_BRAILLE);
    assert_int_equal(canvas_width(&c, "e\u0301a\u0308"), 2);
    canvas_text(&c, 0, 0, 12, "e\u0301a\u0308 \u200bz", ROLE_TEXT);
    check_grid(&c);
    expect(&c, "ea z\n");
    canvas_release(&c);
}

static void test_hostile(void **state)
{
    (void)state;
    struct canvas c;
    canvas_init(&c, 40, 6, GLYPHS_BRAILLE);
    canvas_text(&c, 0, 0, 40, "\033[2Jgone\a\r\n\tend", ROLE_TEXT);
    canvas_text(&c, 0, 1, 40, "\xff\xc3(\xe2\x82 cut", ROLE_TEXT);
    canvas_text(&c, 0, 2, 40,
                "\xc2\x9b"
                "2J csi",
                ROLE_TEXT);
    canvas_text(&c, 0, 3, 40, "\xed\xa0\x80 surrogate \xf4\x90\x80\x80", ROLE_TEXT);
    check_grid(&c);
    char *text = dump(&c);
    assert_null(strchr(text, '\033'));
    assert_null(strchr(text, '\a'));
    assert_non_null(strstr(text, "gone"));
    free(text);
    uint64_t seed = 3;
    for (int i = 0; i < 2000; i++) {
        char bytes[24];
        for (size_t k = 0; k < sizeof bytes - 1; k++)
            bytes[k] = (char)(1 + rng_next(&seed) % 255);
        bytes[sizeof bytes - 1] = '\0';
        canvas_text_tail(&c, (int)(rng_next(&seed) % 50) - 5, (int)(rng_next(&seed) % 8) - 1,
                         (int)(rng_next(&seed) % 50), bytes, ROLE_TEXT);
    }
    check_grid(&c);
    canvas_release(&c);
}

/* What has no agreed width must not be written: line separators, unassigned characters; a soft hyphen is a hyphen. */
static void test_unprintable(void **state)
{
    (void)state;
    struct canvas c;
    canvas_init(&c, 8, 1, GLYPHS_BRAILLE);
    assert_int_equal(canvas_text(&c, 0, 0, 8, "a\u2028\u2029\u0378\U0010ffff\u00adb", ROLE_TEXT), 7);
    for (int x = 1; x < 5; x++)
        assert_int_equal(canvas_at(&c, x, 0)->ch, 0xfffd);
    assert_int_equal(canvas_at(&c, 5, 0)->ch, '-');
    assert_int_equal(canvas_at(&c, 6, 0)->ch, 'b');
    canvas_release(&c);
}

static void test_ascii(void **state)
{
    (void)state;
    struct canvas c;
    canvas_init(&c, 20, 4, GLYPHS_ASCII);
    canvas_box(&c, (struct rect){0, 0, 6, 3}, ROLE_TEXT);
    canvas_text(&c, 8, 0, 12, "– ≈4 µs × →", ROLE_TEXT);
    canvas_text(&c, 8, 1, 12, "日é…", ROLE_TEXT);
    char *text = dump(&c);
    assert_string_equal(text, "+----+  - ~4 us x >\n|    |  ??~\n+----+\n\n");
    for (const char *p = text; *p != '\0'; p++)
        assert_true((unsigned char)*p < 0x80);
    free(text);
    canvas_release(&c);
}

static void test_panel(void **state)
{
    (void)state;
    struct canvas c;
    struct items head = {.n = 0};
    canvas_init(&c, 30, 6, GLYPHS_BRAILLE);
    items_add(&head, "p50", "118 ms", ROLE_TEXT_BRIGHT);
    items_add(&head, "p95", "412 ms", ROLE_TEXT_BRIGHT);
    panel_draw(&c, (struct rect){0, 0, 30, 3}, "TTFT", &head, NULL);
    panel_draw(&c, (struct rect){0, 3, 24, 3}, "TTFT", NULL, &head); /* only the first one fits */
    expect(&c,
           "╭─ TTFT ──────── p50 118 ms ─╮\n│                            │\n╰────────────────────────────╯\n"
           "╭─ TTFT ───────────────╮\n│                      │\n╰─ p50 118 ms ─────────╯\n");
    canvas_release(&c);
}

static void test_svg(void **state)
{
    (void)state;
    struct canvas c;
    struct theme t;
    char *svg = NULL;
    size_t n = 0;
    assert_true(theme_load(&t, NULL));
    assert_false(theme_load(&t, "no such theme"));
    canvas_init(&c, 20, 2, GLYPHS_BRAILLE);
    canvas_text(&c, 0, 0, 20, "a<b & \"c\" ⣿█▌│", ROLE_TEXT);
    FILE *f = open_memstream(&svg, &n);
    svg_write(&c, &t, "<title> & co", f);
    fclose(f);
    assert_non_null(strstr(svg, "a&lt;b"));
    assert_non_null(strstr(svg, "&lt;title&gt; &amp; co"));
    assert_null(strstr(svg, "⣿")); /* dots and blocks are shapes */
    assert_null(strstr(svg, "█"));
    assert_string_equal(svg + n - 7, "</svg>\n");
    free(svg);
    canvas_release(&c);
}

static void test_themes(void **state)
{
    (void)state;
    struct theme t;
    for (size_t i = 0; theme_builtin(i) != NULL; i++) {
        assert_true(theme_load(&t, theme_builtin(i)));
        for (int r = 1; r < ROLE_NAMED; r++) {
            assert_non_null(role_name((enum role)r));
            assert_true(t.style[r].rgb != 0); /* every role has a line in every theme */
        }
    }
    assert_int_equal(theme_nearest_256(0xffffff), 231);
    assert_int_equal(theme_nearest_256(0x5f87af), 67);
}

int main(void)
{
    setlocale(LC_CTYPE, "C"); /* what is drawn must not depend on it */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clip),      cmocka_unit_test(test_fit),     cmocka_unit_test(test_wide),
        cmocka_unit_test(test_combining), cmocka_unit_test(test_hostile), cmocka_unit_test(test_unprintable),
        cmocka_unit_test(test_ascii),     cmocka_unit_test(test_panel),   cmocka_unit_test(test_svg),
        cmocka_unit_test(test_themes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
