#include "inifile.h"

#include <ini.h>
#include <string.h>

#define LINE_MAX_BYTES 1024

struct reader {
    FILE *in;
    const struct inifile_use *use;
    int line;
};

/* Reads to the end of the line; true where it all fitted and has no NUL in it. */
static bool whole_line(FILE *in, char *out, size_t size, bool *end)
{
    size_t n = 0;
    int c;
    bool fits = true;
    while ((c = getc(in)) != EOF && c != '\n') {
        fits = fits && n + 2 < size && c != '\0';
        if (fits)
            out[n++] = (char)c;
    }
    *end = c == EOF && n == 0 && fits;
    if (n > 0 && out[n - 1] == '\r')
        n--;
    out[n++] = '\n';
    out[n] = '\0';
    return fits;
}

/* Why inih must not see this line; NULL: it may. */
static const char *wrong_with(const char *text, bool fits)
{
    size_t indent = strspn(text, " \t");
    if (!fits)
        return "the line is too long, or no text";
    if (text[indent] == '\n' || text[0] == '#' || text[0] == ';')
        return NULL;
    if (indent > 0)
        return "the line is indented";
    if (text[0] == '[')
        return strchr(text, ']') != NULL ? NULL : "the section has no ']'";
    return strchr(text, '=') != NULL ? NULL : "not NAME = VALUE";
}

/* For inih: the next line, at most n bytes with the NUL. */
static char *next_line(char *out, int n, void *stream)
{
    struct reader *r = stream;
    char text[LINE_MAX_BYTES];
    bool end;
    bool fits = whole_line(r->in, text, sizeof text, &end);
    if (end)
        return NULL;
    r->line++;
    const char *why = wrong_with(text, fits && strlen(text) < (size_t)n);
    if (why != NULL)
        r->use->bad(r->use->ctx, r->line, why);
    snprintf(out, (size_t)n, "%s", why == NULL && text[0] != '#' ? text : "\n"); /* it fits */
    return out;
}

static int on_setting(void *user, const char *section, const char *name, const char *value)
{
    const struct reader *r = user;
    if (name[0] == '\0')
        r->use->bad(r->use->ctx, r->line, "not NAME = VALUE");
    else
        r->use->set(r->use->ctx, r->line, section, name, value);
    return 1;
}

void inifile_read(FILE *in, const struct inifile_use *use)
{
    struct reader r = {in, use, 0};
    ini_parse_stream(next_line, &r, on_setting, &r);
}
