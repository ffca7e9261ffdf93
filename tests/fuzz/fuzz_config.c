/* libFuzzer: a file of settings; the first byte says for which command.  A line that is wrong is told in words that a terminal
 * can show; what was taken can be written as such a file, and read from that it says the same. */
#include "fuzz/text.h"
#include "options.h"
#include "util.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool may_warn;

static void warn(const char *line)
{
    if (!may_warn)
        abort();
    check_line(line);
}

/* What the settings in text come to, as a file of its own (to be freed); NULL: they do not go together. */
static char *read_and_print(char *command, const char *text, size_t n)
{
    char *argv[] = {(char[]){"tokgauge"}, command, NULL}, *out = NULL;
    size_t size;
    FILE *in = n > 0 ? fmemopen((void *)(uintptr_t)text, n, "r") : fopen("/dev/null", "r");
    if (in == NULL)
        abort();
    struct options o;
    struct err e;
    if (options_parse_with(&o, 2, argv, &(struct options_config){in, "config", warn}, &e)) {
        FILE *f = open_memstream(&out, &size);
        options_print_config(f, &o);
        fclose(f);
    }
    options_release(&o);
    fclose(in);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static char commands[][8] = {"run", "demo", "sim", "bench", "watch", "tune", "report", "compare", "replay"};
    if (n == 0)
        return 0;
    char *command = commands[data[0] % ARRAY_LEN(commands)];
    may_warn = true;
    char *first = read_and_print(command, (const char *)data + 1, n - 1);
    if (first == NULL)
        return 0;
    may_warn = false;
    char *second = read_and_print(command, first, strlen(first));
    if (second == NULL || strcmp(first, second) != 0) {
        fprintf(stderr, "---- first\n%s---- second\n%s", first, second != NULL ? second : "(refused)\n");
        abort();
    }
    free(first);
    free(second);
    return 0;
}
