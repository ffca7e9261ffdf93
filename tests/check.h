/* What every unit test includes: cmocka and its prerequisites, and where the test files are. */
#ifndef TG_TEST_CHECK_H
#define TG_TEST_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>

#include <cmocka.h>

#define assert_near(a, b, eps)                                                                              \
    do {                                                                                                    \
        double a_ = (a), b_ = (b);                                                                          \
        if (!(fabs(a_ - b_) <= (eps)))                                                                      \
            fail_msg("%s = %.9g, wanted %.9g ± %.3g", #a, a_, b_, (double)(eps));                           \
    } while (0)
#define assert_unknown(a) assert_true(isnan(a))

static inline const char *tests_path(const char *name)
{
    static char path[512];
    const char *dir = getenv("TESTS_DIR");
    snprintf(path, sizeof path, "%s/%s", dir != NULL ? dir : "tests", name);
    return path;
}

/* The whole file; the caller frees.  A missing file fails the test. */
static inline char *read_whole(const char *name, size_t *n)
{
    FILE *f = fopen(tests_path(name), "rb");
    if (f == NULL) {
        fail_msg("cannot read %s", tests_path(name));
        *n = 0;
        return NULL; /* for those who do not know that it does not come back */
    }
    char *data = malloc(1 << 20);
    *n = fread(data, 1, (1 << 20) - 1, f);
    data[*n] = '\0';
    fclose(f);
    return data;
}

#endif
