/* libFuzzer: files of themes.  Whatever is in one, the theme has only colours that there are, and warnings are text. */
#include "ui/theme_file.h"
#include "util.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void hear(void *ctx, const char *file, int line, const char *text)
{
    (void)ctx, (void)file, (void)line;
    for (const char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const struct theme_report report = {NULL, hear};
    struct theme t;
    if (n < 2) /* the seeds have a byte of the target's own before them */
        return 0;
    FILE *in = fmemopen((void *)(uintptr_t)(data + 1), n - 1, "r");
    if (in == NULL)
        return 0;
    theme_read(in, "file", "name", &t, &report);
    fclose(in);
    theme_check_contrast(&t, "file", &report);
    for (int r = 0; r < ROLE_COUNT; r++)
        if (t.style[r].rgb > 0xffffff || t.style[r].c256 < -1 || t.style[r].c256 > 255 || t.style[r].c8 < -1 || t.style[r].c8 > 7)
            abort();
    return 0;
}
