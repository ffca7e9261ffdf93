#include "host/fdinfo.h"
#include "host/procfs.h"
#include "util.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

/* More than any machine has; what the kernel prints beyond it is a counter that ran below zero. */
#define BYTES_MAX 0x1p60

/* The value of the first line that begins with "KEY:", without blanks around it, or NULL.  A line without an end may be
 * the begin of a longer one, and its number of a larger one. */
static const char *value_of(const char *text, const char *key, size_t *n)
{
    size_t k = strlen(key);
    for (const char *line = text; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        if (line[length] != '\n')
            return NULL;
        if (length > k && line[k] == ':' && strncmp(line, key, k) == 0) {
            const char *v = line + k + 1, *end = line + length;
            v += strspn(v, " \t");
            while (end > v && strchr(" \t\r", end[-1]) != NULL)
                end--;
            *n = v < end ? (size_t)(end - v) : 0;
            return v;
        }
        line += length + 1;
    }
    return NULL;
}

static bool number_of(const char *text, const char *key, uint64_t *out)
{
    size_t n;
    const char *v = value_of(text, key, &n), *end = v;
    return v != NULL && procfs_take_number(&end, out) && end == v + n;
}

/* "4520 kB", "20 MiB", "2449473536"; NAN where there is no such line or it is something else. */
static double bytes_of(const char *text, const char *key)
{
    static const struct {
        const char *name;
        double factor;
    } units[] = {{"", 1}, {"KiB", 0x1p10}, {"kB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}};
    size_t n;
    const char *v = value_of(text, key, &n), *unit = v;
    uint64_t x;
    if (v == NULL || !procfs_take_number(&unit, &x))
        return (double)NAN;
    unit += strspn(unit, " \t");
    size_t left = unit < v + n ? (size_t)(v + n - unit) : 0;
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (strlen(units[i].name) == left && strncmp(unit, units[i].name, left) == 0)
            return (double)x * units[i].factor < BYTES_MAX ? (double)x * units[i].factor : (double)NAN;
    return (double)NAN;
}

/* "drm-resident-*" is what lies there now; kernels before 6.13 say only "drm-memory-*". */
static double first_of(const char *text, const char *const keys[3])
{
    double v = (double)NAN;
    for (size_t i = 0; i < 3 && isnan(v); i++)
        v = bytes_of(text, keys[i]);
    return v;
}

static void text_of(const char *text, const char *key, char *out, size_t size)
{
    size_t n;
    const char *v = value_of(text, key, &n);
    if (v != NULL)
        str_sanitise(out, size, v, MIN_OF(n, size));
}

bool fdinfo_parse(const char *text, struct fdinfo *out)
{
    static const char *const vram[] = {"drm-resident-vram", "drm-memory-vram", "vram mem"};
    static const char *const gtt[] = {"drm-resident-gtt", "drm-memory-gtt", "gtt mem"};
    static const char *const cpu[] = {"drm-resident-cpu", "drm-memory-cpu", "cpu mem"};
    const struct fdinfo unknown = {.vram = (double)NAN, .gtt = (double)NAN, .cpu = (double)NAN, .evicted = (double)NAN};
    struct fdinfo f = unknown;
    size_t n;
    *out = unknown;
    text_of(text, "drm-driver", f.driver, sizeof f.driver);
    text_of(text, "drm-pdev", f.pdev, sizeof f.pdev);
    f.client_is_pasid = !number_of(text, "drm-client-id", &f.client);
    if (f.client_is_pasid && !number_of(text, "pasid", &f.client))
        return false;
    if (f.driver[0] == '\0' && (value_of(text, vram[2], &n) != NULL || value_of(text, gtt[2], &n) != NULL)) {
        str_copy(f.driver, sizeof f.driver, "amdgpu");
        text_of(text, "pdev", f.pdev, sizeof f.pdev);
    }
    if (strcmp(f.driver, "amdgpu") != 0)
        return false;
    for (char *p = f.pdev; *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    f.vram = first_of(text, vram);
    f.gtt = first_of(text, gtt);
    f.cpu = first_of(text, cpu);
    f.evicted = bytes_of(text, "amd-evicted-vram");
    *out = f;
    return true;
}
