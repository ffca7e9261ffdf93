/* wrap: text of any length in a box.  Pure. */
#ifndef TG_UI_WRAP_H
#define TG_UI_WRAP_H

#include "ui/canvas.h"

/* Breaks at blanks, within words that are longer than a line, and never within a wide character.  Where there are more lines
 * than r has, the last ones, with "…" in front. */
void wrap_text(struct canvas *c, struct rect r, const char *s, enum role role);

#endif
