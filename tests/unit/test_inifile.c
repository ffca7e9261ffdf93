/* Files of settings: what is read, and that nothing is left out in silence. */
#include "check.h"
#include "inifile.h"
#include "util.h"

static char said[4096];

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
    size_t n = strlen(said);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(said + n, sizeof said - n, fmt, ap);
    va_end(ap);
}

static void set(void *ctx, int line, const char *section, const char *name, const char *value)
{
    (void)ctx;
    say("%d [%s] %s=%s|", line, section, name, value);
}

static void bad(void *ctx, int line, const char *why)
{
    (void)ctx;
    say("%d !%s|", line, why);
}

static const char *reads(const char *text, size_t n)
{
    FILE *in = fmemopen((void *)(uintptr_t)text, n, "r");
    said[0] = '\0';
    if (in != NULL) {
        inifile_read(in, &(struct inifile_use){NULL, set, bad});
        fclose(in);
    }
    return said;
}

static void test_lines(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"a = 1\n", "1 [] a=1|"},
        {"a=1\r\nb =  two words  \n", "1 [] a=1|2 [] b=two words|"},
        {"# c\n; d\n\n   \na = 1", "5 [] a=1|"},
        {"a = #fff / 223 # not a comment\n", "1 [] a=#fff / 223 # not a comment|"},
        {"a = cd /srv ; serve --port {port} ;x\n", "1 [] a=cd /srv ; serve --port {port} ;x|"},
        {"a = http://b:1/?c=d\n", "1 [] a=http://b:1/?c=d|"},
        {"a ;b = c\na #b = c\na:b = c\n", "1 !not NAME = VALUE|2 !not NAME = VALUE|3 !not NAME = VALUE|"},
        {"[bench]\na = 1\n[run]\nb = 2\n", "2 [bench] a=1|4 [run] b=2|"},
        {"a = 1\n  b = 2\n", "1 [] a=1|2 !the line is indented|"},
        {"nonsense\na = 1\n", "1 !not NAME = VALUE|2 [] a=1|"},
        {"[open\na = 1\n", "1 !the section has no ']'|2 [] a=1|"},
        {"= 5\n", "1 !not NAME = VALUE|"},
        {"a =\n", "1 [] a=|"},
        {"", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(reads(cases[i].text, strlen(cases[i].text)), cases[i].wanted);
}

static void test_hostile(void **state)
{
    (void)state;
    char text[5000];
    int length = snprintf(text, sizeof text, "a = %04000d\nb = 2\n", 0);
    assert_string_equal(reads(text, (size_t)length), "1 !the line is too long, or no text|2 [] b=2|");
    for (int n = 150; n < 1000; n++) { /* a whole value, also beyond inih's own bound */
        length = snprintf(text, sizeof text, "a = %0*d\n", n, 0);
        assert_int_equal(strlen(reads(text, (size_t)length)), strlen("1 [] a=|") + (size_t)n);
    }
    for (int n = 150; n < 260; n++) { /* a name about that bound: one setting, or none, but not two */
        length = snprintf(text, sizeof text, "%0*d = 1\n", n, 0);
        const char *got = reads(text, (size_t)length);
        assert_true(strchr(got, '|') == got + strlen(got) - 1);
    }
    assert_string_equal(reads("a = 1\0b = 2\nc = 3\n", 18), "1 !the line is too long, or no text|2 [] c=3|");
    uint64_t seed = 9;
    for (int k = 0; k < 2000; k++) {
        for (size_t i = 0; i < 200; i++)
            text[i] = "=[]#;: \t\n\r\0ab\x80\xff"[rng_next(&seed) % 15];
        reads(text, 200);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines), cmocka_unit_test(test_hostile)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
