/* libFuzzer: a command line, one argument a line.  It is taken, or refused with one line that a terminal can show; and what
 * was taken can be typed again, without its secrets. */
#include "fuzz/text.h"
#include "options.h"
#include "util.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARGS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *text = xmalloc(n + 1), *argv[ARGS_MAX + 2] = {(char[]){"tokgauge"}};
    memcpy(text, data, n);
    text[n] = '\0';
    int argc = 1;
    char *rest = text;
    for (char *arg; argc <= ARGS_MAX && (arg = strsep(&rest, "\n")) != NULL;)
        argv[argc++] = arg;
    struct options o;
    struct err e = {.msg = ""};
    char typed[2048];
    if (options_parse(&o, argc, argv, &e)) {
        options_command_line(argc, argv, typed, sizeof typed);
        if (memchr(typed, '\0', sizeof typed) == NULL)
            abort();
    } else {
        check_line(e.msg);
    }
    options_release(&o);
    free(text);
    return 0;
}
