/* textline: a line of text that is being typed.  Pure. */
#ifndef TG_UI_TEXTLINE_H
#define TG_UI_TEXTLINE_H

#include <stddef.h>

/* A character is put at the end of text, where it fits whole; backspace takes the last one away; other keys do nothing. */
void textline_key(char *text, size_t size, int code);

#endif
