/* jsonr: values out of a parsed JSON object, whatever stands there: what is missing or of another kind is unknown. */
#ifndef TG_JSONR_H
#define TG_JSONR_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One JSON text and nothing else, of which text[n] must be readable; the caller deletes it.  NULL: it is none, has something behind it
 * or a NUL or invalid UTF-8 within it. */
cJSON *json_alone(const char *text, size_t n);
const cJSON *json_get(const cJSON *o, const char *key); /* NULL: not there; o may be NULL */
double json_number(const cJSON *o, const char *key);    /* NAN: not there */
int64_t json_whole(const cJSON *o, const char *key, int64_t missing); /* … also where it is beyond what a double holds exactly */
const char *json_text(const cJSON *o, const char *key); /* as it stands in the file, NULL: not there; lives as long as o */
bool json_true(const cJSON *o, const char *key);
/* The text made safe for a screen (str_sanitise); empty where it is not there. */
void json_words(const cJSON *o, const char *key, char *out, size_t size);

#endif
