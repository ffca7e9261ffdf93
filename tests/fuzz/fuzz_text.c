/* libFuzzer: the other texts that come from outside: Prometheus pages, error bodies, URLs, units. */
#include "fmt.h"
#include "fuzz/text.h"
#include "load/server.h"
#include "measure/chat.h"
#include "measure/promtext.h"
#include "util.h"
#include "watch/scrape.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *text = xmalloc(n + 1);
    memcpy(text, data, n);
    text[n] = '\0';
    struct server_sample sample;
    for (const struct server_kind *k = server_kinds; k->port != 0; k++)
        scrape_read(k, text, n, &sample);
    char small[32], large[600];
    chat_error_text(text, n, small, sizeof small);
    chat_error_text(text, n, large, sizeof large);
    check_text(large);
    server_base(text, small, sizeof small);
    server_base(text, large, sizeof large);
    url_hide_login(text, large, sizeof large);
    free(text);
    return 0;
}
