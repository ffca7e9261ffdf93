/* libFuzzer: a run file that somebody sent: every report of it, its findings, and their form for a terminal. */
#include "report/report.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void report(const struct run_file *f, enum report_format format)
{
    struct buf out, plain;
    buf_init(&out, 64u << 20);
    buf_init(&plain, 64u << 20);
    const char *const notes[] = {"key|`=value*"};
    report_write(f, &(struct report_options){.format = format, .detailed = true, .notes = notes, .notes_n = 1}, &out);
    if (out.data == NULL || strlen(out.data) != out.len)
        abort();
    for (const char *p = out.data; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 && *p != '\n')
            abort();
    if (format == REPORT_MD)
        report_plain(out.data, &plain);
    buf_release(&out);
    buf_release(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 2)
        return 0;
    FILE *in = fmemopen((void *)(uintptr_t)(data + 1), n - 1, "r");
    struct err e;
    struct run_file *f = in != NULL ? run_file_read(in, "fuzzed", &e) : NULL;
    if (in != NULL)
        fclose(in);
    if (f == NULL)
        return 0;
    static const enum report_format formats[] = {REPORT_MD, REPORT_HTML, REPORT_CSV, REPORT_JSON, REPORT_VLLM};
    report(f, formats[data[0] % 5]);
    run_file_free(f);
    return 0;
}
