/* longrun: makes a long run file of a short one: its load again and again, each time later.
 *
 *   longrun FILE REQUESTS
 *
 * To stdout: FILE's header and phases once, then its requests of the load and its samples as often as it takes for so many
 * requests, their moments moved on by the length of the load each time.  No summary: it is that of another run. */
#include "buf.h"
#include "fmt.h"
#include "jsonr.h"
#include "util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const moments[] = {"\"t\":",          "\"due\":",         "\"free\":",       "\"started\":",    "\"sent\":",      "\"first_byte\":",
                                      "\"first_event\":", "\"first_token\":", "\"first_answer\":", "\"last_token\":", "\"end\":"};

/* The line with every moment that it has moved on. */
static void put_later(const char *line, int64_t by)
{
    while (*line != '\0') {
        const char *found = NULL;
        size_t skip = 0;
        if (*line == '"')
            for (size_t i = 0; i < ARRAY_LEN(moments) && found == NULL; i++)
                if (strncmp(line, moments[i], strlen(moments[i])) == 0) {
                    found = moments[i];
                    skip = strlen(found);
                }
        if (found == NULL) {
            putchar(*line++);
            continue;
        }
        char *end;
        int64_t at = strtoll(line + skip, &end, 10);
        if (end == line + skip) { /* null */
            fwrite(line, 1, skip, stdout);
            line += skip;
        } else {
            printf("%s%" PRId64, found, at + by);
            line = end;
        }
    }
    putchar('\n');
}

int main(int argc, char **argv)
{
    double wanted;
    if (argc != 3 || !parse_double(argv[2], &wanted) || wanted < 1) {
        fputs("usage: longrun FILE REQUESTS\n", stderr);
        return 2;
    }
    FILE *f = fopen(argv[1], "re");
    if (f == NULL)
        die("%s: %s", argv[1], strerror(errno));
    struct buf line;
    buf_init(&line, 1 << 20);
    char **lines = NULL;
    bool *request = NULL;
    size_t n = 0, requests = 0;
    int64_t first = INT64_MAX, last = 0;
    for (bool whole; buf_read_line(f, &line, &whole);) {
        cJSON *o = cJSON_Parse(line.data);
        const char *type = json_text(o, "type"), *part = json_text(o, "part");
        bool of_load = type != NULL && strcmp(type, "request") == 0 && part != NULL && strcmp(part, "load") == 0;
        if (type != NULL && (strcmp(type, "header") == 0 || strcmp(type, "phase") == 0))
            puts(line.data);
        if (of_load || (type != NULL && strcmp(type, "sample") == 0)) {
            lines = xrealloc(lines, (n + 1) * sizeof *lines);
            request = xrealloc(request, (n + 1) * sizeof *request);
            lines[n] = xstrdup(line.data);
            request[n++] = of_load;
            requests += of_load;
            int64_t at = json_whole(o, of_load ? "sent" : "t", 0);
            first = of_load ? MIN_OF(first, at) : first;
            last = MAX_OF(last, at);
        }
        cJSON_Delete(o);
    }
    fclose(f);
    if (requests == 0)
        die("%s has no requests", argv[1]);
    double made = 0;
    for (int64_t by = 0; made < wanted; by += last - first)
        for (size_t i = 0; i < n && made < wanted; i++) {
            put_later(lines[i], by);
            made += request[i];
        }
    for (size_t i = 0; i < n; i++)
        free(lines[i]);
    free(lines);
    free(request);
    buf_release(&line);
    return fflush(stdout) == 0 ? 0 : 1;
}
