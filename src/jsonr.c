#include "jsonr.h"
#include "util.h"

#include <math.h>
#include <string.h>

static bool is_utf8(const char *s, size_t n)
{
    uint32_t cp;
    for (size_t at = 0, len; at < n; at += len)
        if ((len = utf8_decode(s + at, n - at, &cp)) == 0)
            return false;
    return true;
}

cJSON *json_alone(const char *text, size_t n)
{
    const char *end = NULL;
    if (memchr(text, '\0', n) != NULL || !is_utf8(text, n))
        return NULL;
    cJSON *o = cJSON_ParseWithLengthOpts(text, n, &end, false);
    while (o != NULL && end < text + n && strchr(" \t\r\n", *end) != NULL)
        end++;
    if (o == NULL || end == text + n)
        return o;
    cJSON_Delete(o);
    return NULL;
}

const cJSON *json_get(const cJSON *o, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(o, key);
}

double json_number(const cJSON *o, const char *key)
{
    const cJSON *v = json_get(o, key);
    return cJSON_IsNumber(v) && isfinite(v->valuedouble) ? v->valuedouble : (double)NAN;
}

int64_t json_whole(const cJSON *o, const char *key, int64_t missing)
{
    double v = json_number(o, key);
    return v >= -9e15 && v <= 9e15 ? (int64_t)v : missing;
}

const char *json_text(const cJSON *o, const char *key)
{
    const cJSON *v = json_get(o, key);
    return cJSON_IsString(v) ? v->valuestring : NULL;
}

bool json_true(const cJSON *o, const char *key)
{
    return cJSON_IsTrue(json_get(o, key));
}

void json_words(const cJSON *o, const char *key, char *out, size_t size)
{
    const char *s = json_text(o, key);
    str_sanitise(out, size, s != NULL ? s : "", s != NULL ? strlen(s) : 0);
}
