/* Themes: the built-in ones, those of themes/, files of themes with all that can be wrong in them, and contrasts. */
#include "check.h"
#include "ui/theme_file.h"
#include "util.h"

#include <dirent.h>
#include <stdlib.h>

static char said[8192];
static int told;

static void hear(void *ctx, const char *file, int line, const char *text)
{
    size_t n = strlen(said);
    (void)ctx;
    told++;
    snprintf(said + n, sizeof said - n, "%s:%d: %s|", file, line, text);
    for (const char *p = text; *p != '\0'; p++)
        assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
}

static const struct theme_report report = {NULL, hear};

static struct theme_found reads(const char *text, size_t n, struct theme *t)
{
    struct theme_found found = {0, 0};
    FILE *in = fmemopen((void *)(uintptr_t)text, n, "r");
    said[0] = '\0';
    told = 0;
    memset(t, 0, sizeof *t);
    assert_non_null(in);
    if (in != NULL) {
        found = theme_read(in, "f", "stem", t, &report);
        fclose(in);
    }
    return found;
}

/* ---- a line and what becomes of it ---- */

static void test_steps(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        uint32_t rgb;
        int c256, c8;
        uint8_t picture, attrs, low;
    } cases[] = {
        {"text.dim = #ff0000 / 9 / blue", 0xff0000, 9, 4, 0, 0, 0},
        {"text.dim=#FF8700/default/default", 0xff8700, COLOR_DEFAULT, COLOR_DEFAULT, 0, 0, 0},
        /* Steps left out: the nearest, and the attributes of the step before (with few colours the base's too). */
        {"text.dim = #ff8700", 0xff8700, 208, 3, 0, 0, ATTR_DIM},
        {"text.dim = #ff8700+bold", 0xff8700, 208, 3, ATTR_BOLD, ATTR_BOLD, ATTR_BOLD | ATTR_DIM},
        {"text.dim = #808080", 0x808080, 244, COLOR_DEFAULT, 0, 0, ATTR_DIM},
        {"text.dim = #ff8700 / / +bold+underline", 0xff8700, 208, 3, 0, 0, ATTR_BOLD | ATTR_UNDERLINE},
        {"text.dim = / 208", 0xff8700, 208, 3, 0, 0, ATTR_DIM},
        {"text.dim = / 208 / default", 0xff8700, 208, COLOR_DEFAULT, 0, 0, 0},
        {"text.dim = / / red + reverse", 0x7d899a, 245, 1, 0, 0, ATTR_REVERSE},
        {"text.dim = / / +bold", 0x7d899a, 245, COLOR_DEFAULT, 0, 0, ATTR_BOLD},
        {"name = x", 0x7d899a, 245, COLOR_DEFAULT, 0, 0, ATTR_DIM},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct theme t;
        struct theme_found found = reads(cases[i].line, strlen(cases[i].line), &t);
        const struct style *s = &t.style[ROLE_TEXT_DIM];
        if (found.warnings != 0 || s->rgb != cases[i].rgb || s->c256 != cases[i].c256 || s->c8 != cases[i].c8 ||
            s->attrs_picture != cases[i].picture || s->attrs != cases[i].attrs || s->attrs_low != cases[i].low)
            fail_msg("%s: #%06x/%d/%d, attributes %d/%d/%d, %s", cases[i].line, s->rgb, s->c256, s->c8, s->attrs_picture, s->attrs,
                     s->attrs_low, said);
    }
}

static void test_warnings(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"text = #ffffff\n# comment\n\n; comment\n", ""},
        {"txet = #ffffff\n", "f:1: there is no role 'txet'|"},
        {"\ntext = white\n", "f:2: 'white' is no true colour like #a0b1c2|"},
        {"text = #fff\n", "f:1: '#fff' is no true colour like #a0b1c2|"},
        {"text = #gggggg\n", "f:1: '#gggggg' is no true colour like #a0b1c2|"},
        {"text = #0000000\n", "f:1: '#0000000' is no true colour like #a0b1c2|"},
        {"text = #ffffff / 256\n", "f:1: '256' is neither an index from 0 to 255 nor 'default'|"},
        {"text = #ffffff / -1\n", "f:1: '-1' is neither an index from 0 to 255 nor 'default'|"},
        {"text = #ffffff / white\n", "f:1: 'white' is neither an index from 0 to 255 nor 'default'|"},
        {"text = #ffffff / 7 / orange\n",
         "f:1: 'orange' is none of black, red, green, yellow, blue, magenta, cyan, white, default|"},
        {"text = #ffffff / 7 / 7+bald\n",
         "f:1: '7' is none of black, red, green, yellow, blue, magenta, cyan, white, default|"
         "f:1: 'bald' is none of bold, dim, reverse, underline|"},
        {"text = #ffffff+\n", "f:1: '' is none of bold, dim, reverse, underline|"},
        {"text = #ffffff / 7 / white / 3\n", "f:1: 'text' has more than three steps|"},
        {"text =\n", "f:1: 'text' has no colour|"},
        {"text = #ffffff\ntext = #eeeeee\n", "f:2: 'text' stands in line 1 already: this one holds|"},
        {"variant = dusk\n", "f:1: variant 'dusk' is none of dark, light, any|"},
        {"[colours]\ntext = #ffffff\n", "f:2: 'text' stands in a section [colours]: a theme has none|"},
        {"text #ffffff\n", "f:1: not NAME = VALUE|"},
        {"te\033[2Jxt = 1\n", "f:1: there is no role 'te\xef\xbf\xbd[2Jxt'|"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct theme t;
        struct theme_found found = reads(cases[i].text, strlen(cases[i].text), &t);
        assert_string_equal(said, cases[i].wanted);
        assert_int_equal(found.warnings, told);
    }
}

/* What a file does not say is the built-in theme's of its variant; the variant follows from the ground. */
static void test_inherited(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum theme_variant variant;
    } cases[] = {
        {"variant = dark\nbackground = #ffffff\n", VARIANT_DARK}, {"variant = light\n", VARIANT_LIGHT},
        {"background = #fdf6e3\nvariant = any\n", VARIANT_ANY},   {"background = #fdf6e3\n", VARIANT_LIGHT},
        {"background = #202020\n", VARIANT_DARK},                 {"\n", VARIANT_DARK},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct theme t, base;
        struct theme_found found = reads(cases[i].text, strlen(cases[i].text), &t);
        theme_load_variant(&base, cases[i].variant);
        assert_int_equal(found.warnings, 0);
        assert_int_equal(t.variant, cases[i].variant);
        assert_string_equal(t.name, "stem");
        assert_memory_equal(&t.style[ROLE_TEXT], &base.style[ROLE_TEXT], (ROLE_COUNT - ROLE_TEXT) * sizeof t.style[0]);
    }
}

/* ---- hostile files ---- */

static void check_sane(const struct theme *t)
{
    for (int r = 0; r < ROLE_COUNT; r++) {
        const struct style *s = &t->style[r];
        assert_true(s->rgb <= 0xffffff && s->c256 >= -1 && s->c256 <= 255 && s->c8 >= -1 && s->c8 <= 7);
    }
    assert_true(strlen(t->name) < THEME_NAME);
}

static void test_hostile(void **state)
{
    (void)state;
    static const char words[] = "text.dim\0= \0#a0b0c0\0/ \0+bold\0default\0\n\0\0[x]\0variant\0name\0 999 \0\x1b[0m\0\r\n";
    const size_t most = 10 * 1024 * 1024;
    char *text = xmalloc(most);
    uint64_t seed = 7;
    struct theme t;
    for (int round = 0; round < 300; round++) { /* noise, and noise made of the words that it knows */
        size_t n = 1 + rng_next(&seed) % 3000;
        for (size_t i = 0; i < n; i++)
            text[i] = round % 2 == 0 ? (char)rng_next(&seed) : words[rng_next(&seed) % sizeof words];
        reads(text, n, &t);
        check_sane(&t);
        assert_true(told <= 51);
    }
    memset(text, 'a', most); /* one line */
    assert_int_equal(reads(text, most, &t).warnings, 1);
    for (size_t i = 0; i < most; i++) /* millions of wrong lines: told are the first 50, and that there are more */
        text[i] = "a=\n"[i % 3];
    struct theme_found found = reads(text, most, &t);
    assert_true(found.warnings > 3000000);
    assert_int_equal(told, 51);
    check_sane(&t);
    for (size_t i = 0; i < most; i++)
        text[i] = "text=#a0b0c0/7/red+bold\n"[i % 24];
    reads(text, most, &t);
    assert_int_equal(t.style[ROLE_TEXT].rgb, 0xa0b0c0);
    check_sane(&t);
    free(text);
}

/* ---- the themes that there are ---- */

static struct theme_found read_theme(const char *name, struct theme *t)
{
    char path[300];
    struct theme_found found = {0, 0};
    snprintf(path, sizeof path, "themes/%s", name);
    FILE *in = fopen(path, "r");
    said[0] = '\0';
    memset(t, 0, sizeof *t);
    assert_non_null(in);
    if (in != NULL) {
        found = theme_read(in, path, name, t, &report);
        fclose(in);
    }
    return found;
}

static void test_files(void **state)
{
    (void)state;
    DIR *d = opendir("themes");
    int n = 0;
    assert_non_null(d);
    for (const struct dirent *f; (f = readdir(d)) != NULL;) {
        struct theme t;
        if (strstr(f->d_name, ".theme") == NULL)
            continue;
        struct theme_found found = read_theme(f->d_name, &t);
        theme_check_contrast(&t, f->d_name, &report);
        if (found.roles != ROLE_NAMED || said[0] != '\0')
            fail_msg("%s has %u of %d roles; %s", f->d_name, found.roles, ROLE_NAMED, said);
        n++;
    }
    closedir(d);
    assert_true(n >= 8);
}

static void test_builtin(void **state)
{
    (void)state;
    struct theme built, file;
    for (size_t i = 0; theme_builtin(i) != NULL; i++) {
        char name[100];
        snprintf(name, sizeof name, "%s.theme", theme_builtin(i));
        read_theme(name, &file);
        assert_true(theme_load(&built, theme_builtin(i)));
        assert_string_equal(built.name, file.name);
        assert_int_equal(built.variant, file.variant);
        for (int r = 0; r < ROLE_COUNT; r++) {
            const struct style *a = &built.style[r], *b = &file.style[r];
            if (a->rgb != b->rgb || a->c256 != b->c256 || a->c8 != b->c8 || a->attrs_picture != b->attrs_picture ||
                a->attrs != b->attrs || a->attrs_low != b->attrs_low)
                fail_msg("themes/%s and the built-in theme differ in %s", name, r < ROLE_NAMED ? role_name((enum role)r) : "a shade");
        }
    }
}

/* ---- contrast ---- */

static void test_contrast(void **state)
{
    (void)state;
    struct theme t;
    assert_true(theme_contrast(0, 0xffffff) > 20.99 && theme_contrast(0xffffff, 0) < 21.01);
    assert_true(theme_contrast(0x777777, 0xffffff) > 4.47 && theme_contrast(0x777777, 0xffffff) < 4.49); /* WCAG's own example */
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"text = #14191f / default\n", "f:0: text has a contrast of 1.05 to the background in pictures: 4.5 is the least|"},
        {"text = #c5cedb / 232\n", "f:0: text has a contrast of 1.08 to the background with 256 colours: 4.5 is the least|"},
        {"series.1 = #505a66 / 37\n", "f:0: series.1 has a contrast of 2.64 to the background in pictures: 3.0 is the least|"},
        {"selection.bg = #e0e0e0 / 237\n", "f:0: selection.fg has a contrast of 1.24 to selection.bg in pictures: 4.5 is the least|"},
        {"panel.border = #0f141b\ngraph.grid = #0f141b\ngauge.track = #0f141b\n", ""},
        {"background = #0f141b / 233\ntext=#ffffff/default\ntext.bright=#ffffff\ngauge.text=#ffffff\n",
         "f:0: text is the terminal's own colour, but the background is not|"},
        {"graph.mid = #0f141b / 73\n", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        reads(cases[i].text, strlen(cases[i].text), &t);
        unsigned n = theme_check_contrast(&t, "f", &report);
        assert_int_equal(n, told);
        if (cases[i].wanted != NULL)
            assert_string_equal(said, cases[i].wanted);
        else
            assert_non_null(strstr(said, "shade 6 of the graph has a contrast"));
    }
}

static void test_nearest(void **state)
{
    (void)state;
    static const struct {
        uint32_t rgb;
        int c8;
    } cases[] = {{0xff0000, 1}, {0x50fa7b, 2}, {0xf0b95b, 3}, {0x6c9fe0, 4}, {0xff79c6, 5}, {0x34b3ad, 6}, {0xffffff, -1}, {0, -1}, {0x7d899a, -1}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(theme_nearest_8(cases[i].rgb), cases[i].c8);
    for (int i = 16; i < 256; i++)
        assert_true(theme_palette_rgb(theme_nearest_256(theme_palette_rgb(i))) == theme_palette_rgb(i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),   cmocka_unit_test(test_warnings), cmocka_unit_test(test_inherited),
        cmocka_unit_test(test_hostile), cmocka_unit_test(test_files),    cmocka_unit_test(test_builtin),
        cmocka_unit_test(test_contrast), cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
