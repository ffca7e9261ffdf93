#include "say.h"

#include <langinfo.h>
#include <string.h>

int complain(const struct err *e, int status)
{
    fprintf(stderr, "tokgauge: %s\n", e->msg);
    return status;
}

bool say_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

bool say_buf(const struct buf *b, FILE *f)
{
    return b->len == 0 || (fwrite(b->data, 1, b->len, f) == b->len && fflush(f) == 0);
}
