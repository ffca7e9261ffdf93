/* libFuzzer: what other processes of this machine may write into /proc: their command line, their GPU files; and the driver
 * its binary table. */
#include "fuzz/text.h"
#include "host/fdinfo.h"
#include "host/gpu_metrics.h"
#include "host/procfs.h"
#include "host/server_proc.h"
#include "util.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_bytes(double v)
{
    if (!isnan(v) && !(v >= 0 && v < 0x1p60))
        abort();
}

static void play_fdinfo(const char *text)
{
    struct fdinfo f;
    bool known = fdinfo_parse(text, &f);
    if (known != (strcmp(f.driver, "amdgpu") == 0))
        abort();
    check_bytes(f.vram);
    check_bytes(f.gtt);
    check_bytes(f.cpu);
    check_bytes(f.evicted);
}

static void play_command(const char *bytes, size_t n, bool cut)
{
    struct server_proc s = {0};
    server_proc_read_command(bytes, n, cut, &s);
    check_text(s.command);
    if (s.max_num_seqs <= 0 || s.max_model_len <= 0 || s.gpu_memory_utilization <= 0)
        abort();
}

/* The value of an option with such a name is never shown, whatever stands before it. */
static void play_secret(const char *bytes, size_t n)
{
    static const char tail[] = "\0--api-key\0CaNaRy";
    char *all = xmalloc(n + sizeof tail);
    memcpy(all, bytes, n);
    memcpy(all + n, tail, sizeof tail);
    struct server_proc s = {0};
    server_proc_read_command(all, n + sizeof tail, false, &s);
    if (memmem(bytes, n, "CaNaRy", 6) == NULL && strstr(s.command, "CaNaRy") != NULL)
        abort();
    free(all);
}

static void play_metrics(const uint8_t *data, size_t n)
{
    struct gpu_metrics m;
    if (!gpu_metrics_parse(data, n, &m))
        return;
    const double all[] = {m.temperature_gfx, m.socket_power, m.gfx_power, m.gfxclk, m.uclk, m.gfx_activity};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (!isnan(all[i]) && !(all[i] >= 0 && all[i] < 1e10))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    char *text = xmalloc(n); /* the first byte is ours, and the copy ends in NUL */
    memcpy(text, data + 1, n - 1);
    text[n - 1] = '\0';
    play_metrics(data, n);
    play_fdinfo(text);
    procfs_parent(text);
    play_command((const char *)data + 1, n - 1, data[0] % 2 == 0);
    play_secret((const char *)data + 1, n - 1);
    free(text);
    return 0;
}
