#include "jsonw.h"
#include "fmt.h"
#include "secret.h"

#include <inttypes.h>
#include <string.h>

static void begin(struct jsonw *j, const char *key)
{
    if (j->comma)
        buf_adds(j->out, ",");
    j->comma = true;
    if (key != NULL) {
        buf_adds(j->out, "\"");
        buf_add_json(j->out, key, strlen(key));
        buf_adds(j->out, "\":");
    }
}

void jw_open(struct jsonw *j, const char *key, char bracket)
{
    begin(j, key);
    buf_add(j->out, &bracket, 1);
    j->comma = false;
}

void jw_close(struct jsonw *j, char bracket)
{
    buf_add(j->out, &bracket, 1);
    j->comma = true;
}

void jw_int(struct jsonw *j, const char *key, int64_t v)
{
    begin(j, key);
    buf_addf(j->out, "%" PRId64, v);
}

void jw_num(struct jsonw *j, const char *key, double v, int decimals)
{
    char num[FMT_SIZE];
    begin(j, key);
    buf_adds(j->out, fmt_json(num, v, decimals));
}

void jw_str(struct jsonw *j, const char *key, const char *s)
{
    begin(j, key);
    if (s == NULL) {
        buf_adds(j->out, "null");
        return;
    }
    buf_adds(j->out, "\"");
    size_t n = strlen(s), from = 0;
    for (size_t i = 0; i < n;) {
        size_t hidden = secret_at(s, n, i);
        if (hidden == 0) {
            i++;
            continue;
        }
        buf_add_json(j->out, s + from, i - from);
        buf_adds(j->out, SECRET_STARS);
        from = i += hidden;
    }
    buf_add_json(j->out, s + from, n - from);
    buf_adds(j->out, "\"");
}

void jw_bool(struct jsonw *j, const char *key, bool v)
{
    begin(j, key);
    buf_adds(j->out, v ? "true" : "false");
}
