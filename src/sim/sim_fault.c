#include "sim/sim_fault.h"

#include <string.h>

#define AT_ONCE SIM_FAULT_AT_ONCE
#define MIDSTREAM SIM_FAULT_MIDSTREAM
#define AT_END SIM_FAULT_AT_END
#define THROUGHOUT SIM_FAULT_THROUGHOUT

static const struct sim_fault_row rows[SIM_FAULT_COUNT] = {
    [SIM_FAULT_NONE] = {NULL, SIM_FAULT_NEVER, "ok", "a healthy answer"},
    [SIM_FAULT_429] = {"429", AT_ONCE, "http_429", "HTTP 429 with Retry-After: 1"},
    [SIM_FAULT_500] = {"500", AT_ONCE, "http_5xx", "HTTP 500 with an error as JSON"},
    [SIM_FAULT_STALL] = {"stall", MIDSTREAM, "stalled",
                         "falls silent in the middle of the stream, and keeps the connection"},
    [SIM_FAULT_RESET] = {"reset", MIDSTREAM, "reset", "resets the connection in the middle of the stream"},
    [SIM_FAULT_TRUNCATED] = {"truncated", MIDSTREAM, "truncated", "closes the connection in the middle of the stream"},
    [SIM_FAULT_ERROR_EVENT] = {"error-event", MIDSTREAM, "error_event", "an error as an event, then [DONE], as vLLM has it"},
    [SIM_FAULT_MALFORMED] = {"malformed", MIDSTREAM, "malformed", "an event that is not JSON; the stream goes on"},
    [SIM_FAULT_502] = {"502", AT_ONCE, "http_5xx", "HTTP 502 with a page of HTML, as a proxy has it whose server is gone"},
    [SIM_FAULT_503] = {"503", AT_ONCE, "http_5xx", "HTTP 503: the model is still being loaded"},
    [SIM_FAULT_REDIRECT] = {"redirect", AT_ONCE, "http_3xx", "HTTP 307 to another path"},
    [SIM_FAULT_HTML] = {"html", AT_ONCE, "malformed", "HTTP 200 with a page of HTML"},
    [SIM_FAULT_GZIP_BOMB] = {"gzip-bomb", AT_ONCE, "malformed",
                             "HTTP 200, gzip that nobody asked for; unpacked it is 1 GiB"},
    [SIM_FAULT_BIG_BODY] = {"big-body", AT_ONCE, "too_large", "HTTP 200 with 1 GiB of comments and not one event"},
    [SIM_FAULT_SILENT] = {"silent", AT_ONCE, "timeout", "takes the request and says nothing"},
    [SIM_FAULT_SLOW_HEADERS] = {"slow-headers", AT_ONCE, "timeout", "its headers come at a byte a second"},
    [SIM_FAULT_RESET_EARLY] = {"reset-early", AT_ONCE, "reset",
                               "resets the connection before its headers (on one that had been kept the client tries again)"},
    [SIM_FAULT_RESET_HEADERS] = {"reset-headers", AT_ONCE, "reset", "resets the connection after its headers"},
    [SIM_FAULT_SLOW_BODY] = {"slow-body", MIDSTREAM, "stalled", "goes on at a byte a second"},
    [SIM_FAULT_BAD_CHUNK] = {"bad-chunk", MIDSTREAM, "malformed", "a chunk whose size is no number"},
    [SIM_FAULT_ERROR_END] = {"error-end", MIDSTREAM, "error_event",
                             "an error as an event, then a clean end without [DONE], as llama.cpp has it"},
    [SIM_FAULT_ERROR_LINE] = {"error-line", MIDSTREAM, "error_event",
                              "an error as a line \"error: {…}\", then [DONE], as old llama.cpp has it"},
    [SIM_FAULT_NESTED] = {"nested", MIDSTREAM, "malformed", "an event nested 100,000 deep; the stream goes on"},
    [SIM_FAULT_ENDLESS_LINE] = {"endless-line", MIDSTREAM, "too_large", "an event that does not end"},
    [SIM_FAULT_ENDLESS_STREAM] = {"endless-stream", MIDSTREAM, "too_large", "text without end, whatever was asked for"},
    [SIM_FAULT_NUL] = {"nul", MIDSTREAM, "malformed", "NUL bytes inside an event; the stream goes on"},
    [SIM_FAULT_BAD_UTF8] = {"bad-utf8", MIDSTREAM, "ok", "text that is not UTF-8"},
    [SIM_FAULT_ESCAPES] = {"escapes", MIDSTREAM, "ok", "text with escape sequences for terminals"},
    [SIM_FAULT_CRUMBS] = {"crumbs", MIDSTREAM, "ok", "one event in more than 1,000 chunks of a byte"},
    [SIM_FAULT_RESET_LATE] = {"reset-late", AT_END, "reset", "resets the connection after the last token, before [DONE]"},
    [SIM_FAULT_RESET_DONE] = {"reset-done", AT_END, "ok", "resets the connection after [DONE]"},
    [SIM_FAULT_HANG_DONE] = {"hang-done", AT_END, "ok", "falls silent after [DONE], and neither ends the answer nor closes"},
    [SIM_FAULT_NO_END] = {"no-end", AT_END, "truncated", "closes the connection after the last token, before [DONE]"},
    [SIM_FAULT_CLOSE] = {"close", AT_END, "ok", "closes the connection after the end though keep-alive was announced"},
    [SIM_FAULT_AFTER_DONE] = {"after-done", AT_END, "ok", "text and another usage after [DONE]; they count for nothing"},
    [SIM_FAULT_DUP_USAGE] = {"dup-usage", AT_END, "ok", "usage twice; it counts once"},
    [SIM_FAULT_HUGE_NUMBERS] = {"huge-numbers", AT_END, "ok", "usage with numbers that cannot be; it is not believed"},
    [SIM_FAULT_ZERO_USAGE] = {"zero-usage", THROUGHOUT, "ok", "usage of 0 tokens; it is taken as none"},
    [SIM_FAULT_MISSING_USAGE] = {"missing-usage", THROUGHOUT, "ok", "no usage though it was asked for"},
    [SIM_FAULT_CONTENT_TYPE] = {"content-type", THROUGHOUT, "ok", "the stream is called text/html; what it holds decides"},
    [SIM_FAULT_JOINED] = {"joined", THROUGHOUT, "ok", "two events in one chunk"},
    [SIM_FAULT_LENGTH_LONG] = {"length-long", THROUGHOUT, "ok", "Content-Length promises more than comes; [DONE] was there"},
    [SIM_FAULT_LENGTH_SHORT] = {"length-short", THROUGHOUT, "truncated", "Content-Length is less than what comes"},
};

const struct sim_fault_row *sim_fault_row(enum sim_fault f)
{
    return &rows[f];
}

bool sim_fault_parse(const char *name, enum sim_fault *f)
{
    if (strcmp(name, "none") == 0) {
        *f = SIM_FAULT_NONE;
        return true;
    }
    for (int i = SIM_FAULT_NONE + 1; i < SIM_FAULT_COUNT; i++) {
        if (strcmp(name, rows[i].name) == 0) {
            *f = (enum sim_fault)i;
            return true;
        }
    }
    return false;
}

enum sim_fault sim_fault_draw(const struct sim_config *c, uint64_t n)
{
    if (n <= (uint64_t)c->fault_after)
        return SIM_FAULT_NONE;
    uint64_t state = c->seed ^ (n * UINT64_C(0xd1342543de82ef95));
    rng_next(&state);
    double r = rng_unit(&state);
    for (int i = SIM_FAULT_NONE + 1; i < SIM_FAULT_COUNT; i++) {
        if (r < c->fault[i])
            return (enum sim_fault)i;
        r -= c->fault[i];
    }
    return SIM_FAULT_NONE;
}
