/* svg: a canvas as a picture, in a theme's true colours.  Lines, blocks and braille dots are drawn as shapes,
 * so that only letters need a font.  Pure. */
#ifndef TG_UI_SVG_H
#define TG_UI_SVG_H

#include "ui/canvas.h"

#include <stdio.h>

void svg_write(const struct canvas *c, const struct theme *t, const char *title, FILE *f);

#endif
