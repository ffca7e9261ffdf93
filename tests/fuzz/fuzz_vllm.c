/* libFuzzer: a file that `vllm bench serve --save-result` is said to have written, beside itself. */
#include "report/compare.h"
#include "report/vllmfile.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 2)
        return 0;
    FILE *in = fmemopen((void *)(uintptr_t)(data + 1), n - 1, "r");
    struct err e;
    struct vllm_file *f = in != NULL ? vllm_file_read(in, "fuzzed", &e) : NULL;
    if (in != NULL)
        fclose(in);
    if (f == NULL)
        return 0;
    const struct compare_run runs[2] = {{NULL, f}, {NULL, f}};
    struct compared c;
    struct buf out;
    compare_runs(&runs[0], &runs[1], 0.02, &c);
    for (size_t i = 0; i < FIGURES_N; i++) /* a run is never better or worse than itself */
        if (c.figures[i].verdict == VERDICT_WIN || c.figures[i].verdict == VERDICT_LOSE)
            abort();
    buf_init(&out, 64u << 20);
    compare_write(&(struct compare_report){runs, 2, &c, NULL, 0.02}, (enum compare_format)(data[0] % 3), &out);
    buf_release(&out);
    vllm_file_free(f);
    return 0;
}
