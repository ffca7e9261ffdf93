#include "ui/textline.h"
#include "ui/keys.h"

#include "util.h"

#include <string.h>

static void rub_out(char *text)
{
    size_t len = strlen(text);
    while (len > 0 && ((unsigned char)text[--len] & 0xc0) == 0x80)
        ;
    text[len] = '\0';
}

/* What does not fit any more is left out. */
static void type_char(char *text, size_t size, uint32_t ch)
{
    size_t len = strlen(text);
    char bytes[8];
    size_t more = utf8_encode(ch, bytes);
    if (len + more >= size)
        return;
    memcpy(text + len, bytes, more);
    text[len + more] = '\0';
}

void textline_key(char *text, size_t size, int code)
{
    if (code == KEYCODE_BACKSPACE || code == 8 || code == 127)
        rub_out(text);
    else if (code >= ' ' && code < KEYCODE_FIRST && (code < 0x7f || code >= 0xa0))
        type_char(text, size, (uint32_t)code);
}
