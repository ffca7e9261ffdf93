#include "inifile.h"

#include "util.h"

#include <ini.h>
#include <string.h>

#define LINE_MAX_BYTES 1024

struct reader {
    FILE *in;
    const struct inifile_use *use;
    int line;
    char value[LINE_MAX_BYTES]; /* of the setting that this line is */
    bool setting;
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
    return text[strcspn(text, "=:;#")] == '=' ? NULL : "not NAME = VALUE"; /* inih would end the name at any of them */
}

/* Takes the value out of a setting, without the blanks around it. */
static void keep_value(struct reader *r, char *text)
{
    char *behind = strchr(text, '=') + 1;
    str_copy(r->value, sizeof r->value, behind + strspn(behind, " \t"));
    size_t n = strlen(r->value);
    while (n > 0 && strchr(" \t\r\n", r->value[n - 1]) != NULL)
        n--;
    r->value[n] = '\0';
    str_copy(behind, 2, "\n");
}

/* For inih: the next line, at most n bytes with the NUL.  Of a setting it sees the name alone: how it was built decides how long a
 * line may be and whether a value ends at a " ;". */
static char *next_line(char *out, int n, void *stream)
{
    struct reader *r = stream;
    char text[LINE_MAX_BYTES];
    bool end;
    bool fits = whole_line(r->in, text, sizeof text, &end);
    if (end)
        return NULL;
    if (r->line++ == 0 && str_starts(text, "\xef\xbb\xbf")) /* as some editors begin a file */
        memmove(text, text + 3, strlen(text + 3) + 1);
    const char *why = wrong_with(text, fits);
    bool comment = text[0] == '#' || text[0] == ';';
    r->setting = why == NULL && !comment && text[0] != '[' && strchr(text, '=') != NULL;
    if (r->setting)
        keep_value(r, text);
    if (why == NULL && !comment && strlen(text) >= (size_t)n)
        why = "the line is too long, or no text";
    if (why != NULL)
        r->use->bad(r->use->ctx, r->line, why);
    snprintf(out, (size_t)n, "%s", why == NULL && !comment ? text : "\n"); /* it fits */
    return out;
}

static int on_setting(void *user, const char *section, const char *name, const char *value)
{
    (void)value;
    const struct reader *r = user;
    if (r->setting && name[0] == '\0')
        r->use->bad(r->use->ctx, r->line, "not NAME = VALUE");
    else if (r->setting)
        r->use->set(r->use->ctx, r->line, section, name, r->value);
    return 1;
}

void inifile_read(FILE *in, const struct inifile_use *use)
{
    struct reader r = {.in = in, .use = use};
    ini_parse_stream(next_line, &r, on_setting, &r);
}
