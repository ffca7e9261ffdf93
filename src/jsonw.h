/* jsonw: writes JSON into a buf.  NAN becomes null, text is escaped, with secrets (secret.h) as "***", numbers know no locale.  Layer 0. */
#ifndef TG_JSONW_H
#define TG_JSONW_H

#include "buf.h"

#include <stdbool.h>
#include <stdint.h>

struct jsonw {
    struct buf *out;
    bool comma;
};

/* key may be NULL: a list's element, or the outermost value. */
void jw_open(struct jsonw *j, const char *key, char bracket); /* '{' or '[' */
void jw_close(struct jsonw *j, char bracket);                 /* '}' or ']' */
void jw_int(struct jsonw *j, const char *key, int64_t v);
void jw_num(struct jsonw *j, const char *key, double v, int decimals);
void jw_str(struct jsonw *j, const char *key, const char *s); /* NULL: null */
void jw_bool(struct jsonw *j, const char *key, bool v);

#endif
