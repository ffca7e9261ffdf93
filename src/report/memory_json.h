/* memory_json: this machine, as a screen shows it, in JSON: the same keys in run files and in `watch --json`. */
#ifndef TG_MEMORY_JSON_H
#define TG_MEMORY_JSON_H

#include "jsonw.h"
#include "snapshot.h"

#include <cjson/cJSON.h>

/* Into an object that is open.  Bytes, %, MHz, W, °C, as the keys say; what no GPU tells is left out where there is none. */
void memory_json(const struct memory_view *m, struct jsonw *j);
/* The processes that use the GPU, a list; nothing where they are not known. */
void processes_json(const struct memory_view *m, struct jsonw *j);
/* The other way round; what is not there is unknown.  Texts are sanitised.  memory_read leaves processes alone; processes_read is
 * false, and changes nothing, where the object has none. */
void memory_read(const cJSON *o, struct memory_view *m);
bool processes_read(const cJSON *o, struct memory_view *m);
/* Share of the time that a limit held the GPU back, 0…1; *now: of that moment alone, 1 or 0. */
double limited_read(const cJSON *o, bool *now);

#endif
