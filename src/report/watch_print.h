/* watch_print: what `watch` prints without a screen: an object a line, a line, or a page. */
#ifndef TG_WATCH_PRINT_H
#define TG_WATCH_PRINT_H

#include "buf.h"
#include "snapshot.h"

/* time: wall clock, RFC 3339. */
void watch_print_json(const struct snapshot *s, const char *time, struct buf *out);
void watch_print_line(const struct snapshot *s, bool utf8, struct buf *out);
void watch_print_page(const struct snapshot *s, bool utf8, struct buf *out);

#endif
