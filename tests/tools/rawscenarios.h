/* rawscenarios: what rawserver can answer.  One row a scenario; a header because only rawserver.c includes it
 * and each .c of this folder is a program of its own. */
#ifndef TG_RAWSCENARIOS_H
#define TG_RAWSCENARIOS_H

#include "util.h"

#include <stdio.h>
#include <string.h>

enum framing {
    FRAMING_CHUNKED,   /* each piece of the body is one HTTP chunk */
    FRAMING_LENGTH,    /* Content-Length, off by length_off */
    FRAMING_NONE,      /* the body ends when the connection does */
    FRAMING_BAD_CHUNK, /* says chunked; the body brings its own, broken, framing */
};
enum ending {
    END_KEEP,  /* ended properly; the connection stays */
    END_CUT,   /* closed without the end of the body */
    END_HOLD,  /* says nothing more until the client leaves */
};
enum {
    NO_HEAD = 1,   /* not one byte of headers */
    ALL_PATHS = 2, /* GET requests get the same answer */
    REFUSE = 4,    /* closed as soon as accepted */
};

struct scenario {
    const char *name;
    const char *head;    /* status line and headers without framing; NULL: 200, text/event-stream */
    const char *body;    /* CUT stands between pieces */
    const char *eol;     /* NULL: \n */
    const char *endless; /* sent again and again after the body, up to 1 GiB */
    enum framing framing;
    enum ending end;
    int length_off; /* added to the true Content-Length */
    unsigned flags;
    long bad; /* how many requests are answered so, 0: all */
};

#define CUT "\036"
#define HEAD_SSE "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
#define HEAD_JSON(status) "HTTP/1.1 " status "\r\nContent-Type: application/json\r\n"
#define HEAD_HTML(status) "HTTP/1.1 " status "\r\nContent-Type: text/html; charset=utf-8\r\n"

#define OBJ_TAIL(choices, tail)                                                                              \
    "{\"id\":\"chatcmpl-raw\",\"object\":\"chat.completion.chunk\",\"created\":1771500000,\"model\":"        \
    "\"raw\","                                                                                               \
    "\"choices\":[" choices "]" tail "}"
#define CHOICE(delta, finish) "{\"index\":0,\"delta\":{" delta "},\"finish_reason\":" finish "}"
#define USAGE_OF(p, c) ",\"usage\":{\"prompt_tokens\":" p ",\"completion_tokens\":" c ",\"total_tokens\":0}"
#define EVENT(json) "data: " json "\n\n" CUT
#define DELTA(delta) EVENT(OBJ_TAIL(CHOICE(delta, "null"), ""))
#define TOKEN(text) DELTA("\"content\":\"" text "\"")
#define ROLE DELTA("\"role\":\"assistant\",\"content\":\"\"")
#define FINISH EVENT(OBJ_TAIL(CHOICE("", "\"length\""), ""))
#define USAGE EVENT(OBJ_TAIL("", USAGE_OF("9", "3")))
#define DONE "data: [DONE]\n\n"

#define THREE TOKEN(" one") TOKEN(" two") TOKEN(" three")
#define LATE "data: " OBJ_TAIL(CHOICE("\"content\":\" late\"", "null"), "") "\n\n"
#define PAUSE EIGHT EIGHT EIGHT EIGHT /* 32 gaps */
#define EIGHT CUT CUT CUT CUT CUT CUT CUT CUT
#define WHOLE ROLE THREE FINISH USAGE DONE
#define ERROR_JSON(code, text) "{\"error\":{\"code\":" code ",\"message\":\"" text "\",\"type\":\"test\"}}"
#define ZERO_TOKEN(text) EVENT(OBJ_TAIL(CHOICE("\"content\":\"" text "\"", "null"), USAGE_OF("0", "0")))
#define HTML                                                                                                 \
    "<!DOCTYPE html>\n<html><head><title>nginx</title></head><body>This is not the API.</body></html>\n"

static const struct scenario scenarios[] = {
    {.name = "ok", .body = WHOLE},
    /* The connection. */
    {.name = "refuse", .body = "", .flags = REFUSE | ALL_PATHS},
    {.name = "no-answer", .body = "", .flags = NO_HEAD, .end = END_HOLD},
    {.name = "close-before-first-byte", .body = "", .flags = NO_HEAD, .end = END_CUT},
    {.name = "headers-then-close", .body = "", .end = END_CUT},
    {.name = "headers-then-hold", .body = "", .end = END_HOLD},
    {.name = "stall", .body = ROLE THREE, .end = END_HOLD},
    {.name = "truncated-clean", .body = ROLE THREE},
    {.name = "cut-in-event",
     .body = ROLE TOKEN(" one") "data: {\"id\":\"chatcmpl-raw\",\"cho",
     .end = END_CUT},
    {.name = "until-close", .body = WHOLE, .framing = FRAMING_NONE},
    /* Framing. */
    {.name = "bad-chunk-size",
     .body = "ffffffffffffffffff\r\ndata: {}\r\n",
     .framing = FRAMING_BAD_CHUNK,
     .end = END_HOLD},
    /* What was promised comes, and more of it while the client waits for something else on the same connection. */
    {.name = "length-short",
     .body = ROLE TOKEN(" one") PAUSE LATE,
     .framing = FRAMING_LENGTH,
     .length_off = 1 - (int)sizeof LATE,
     .bad = 1},
    {.name = "bad-status-line", .head = "HTTP/9.9 what\r\n", .body = "", .end = END_CUT},
    /* HTTP statuses. */
    {.name = "401",
     .head = HEAD_JSON("401 Unauthorized"),
     .body = ERROR_JSON("401", "Invalid API Key"),
     .framing = FRAMING_LENGTH,
     .flags = ALL_PATHS},
    {.name = "404", .head = HEAD_HTML("404 Not Found"), .body = HTML, .framing = FRAMING_LENGTH},
    {.name = "404-model",
     .head = HEAD_JSON("404 Not Found"),
     .body = ERROR_JSON("404", "The model `x` does not exist."),
     .framing = FRAMING_LENGTH},
    {.name = "400-context",
     .head = HEAD_JSON("400 Bad Request"),
     .body = ERROR_JSON("400", "request (9000 tokens) exceeds the available context size (4096 tokens)"),
     .framing = FRAMING_LENGTH},
    {.name = "429",
     .head = HEAD_JSON("429 Too Many Requests") "Retry-After: 1\r\n",
     .body = ERROR_JSON("429", "slow down"),
     .framing = FRAMING_LENGTH},
    {.name = "500",
     .head = HEAD_JSON("500 Internal Server Error"),
     .body = ERROR_JSON("500", "it broke"),
     .framing = FRAMING_LENGTH},
    {.name = "503-loading",
     .head = HEAD_JSON("503 Service Unavailable"),
     .body = "{\"error\":{\"message\":\"Loading model\",\"type\":\"unavailable_error\",\"code\":503}}",
     .framing = FRAMING_LENGTH,
     .bad = 3},
    {.name = "302",
     .head = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/elsewhere\r\n",
     .body = "",
     .framing = FRAMING_LENGTH},
    {.name = "101",
     .head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: Upgrade\r\n",
     .body = "what is this\n",
     .framing = FRAMING_NONE,
     .end = END_CUT},
    {.name = "only-pings", .body = ": ping\n\n" CUT ": ping\n\n" CUT ": ping\n\n"},
    {.name = "endless-models",
     .head = HEAD_JSON("200 OK"),
     .body = "{\"data\":[",
     .endless = "{\"id\":\"a\"},",
     .flags = ALL_PATHS},
    {.name = "html", .head = HEAD_HTML("200 OK"), .body = HTML, .framing = FRAMING_LENGTH},
    {.name = "json",
     .head = HEAD_JSON("200 OK"),
     .body = "{\"id\":\"chatcmpl-raw\",\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{"
             "\"role\":"
             "\"assistant\",\"content\":\" one two three\"},\"finish_reason\":\"stop\"}]}",
     .framing = FRAMING_LENGTH},
    {.name = "error-200",
     .head = HEAD_JSON("200 OK"),
     .body = ERROR_JSON("500", "the engine is not up"),
     .framing = FRAMING_LENGTH},
    /* Errors and nonsense inside a 200 stream. */
    {.name = "error-event-old",
     .body = ROLE TOKEN(" one") "error: " ERROR_JSON("500", "context full") "\n\n" CUT DONE},
    {.name = "empty", .body = DONE},
    {.name = "nothing", .body = ""},
    {.name = "no-output", .body = ROLE FINISH USAGE DONE},
    /* Hostile text. */
    {.name = "escapes",
     .body = ROLE TOKEN("\\u001b[2J\\u001b]0;owned\\u0007") TOKEN("\\u0000\\u009b31m\\u202e")
         TOKEN(" \\ud83d\\ude00") FINISH USAGE DONE},
    {.name = "controls",
     .body = ROLE TOKEN("\033[31mred") TOKEN("\007\b\001") TOKEN(" three") FINISH USAGE DONE},
    {.name = "bad-utf8",
     .body = ROLE TOKEN("\377\376 one") TOKEN("\303") TOKEN("\240\200") FINISH USAGE DONE},
    {.name = "half-surrogate", .body = ROLE TOKEN("\\ud800") TOKEN(" two") TOKEN(" three") FINISH USAGE DONE},
    /* Usage and ends, as real servers have them. */
    {.name = "usage-zero",
     .body = ZERO_TOKEN(" one") ZERO_TOKEN(" two") ZERO_TOKEN(" three") FINISH USAGE DONE},
    {.name = "usage-on-finish",
     .body = THREE EVENT(OBJ_TAIL(CHOICE("", "\"stop\""), USAGE_OF("9", "3"))) DONE},
    {.name = "no-usage", .body = ROLE THREE FINISH DONE},
    {.name = "done-only", .body = ROLE THREE DONE},
    {.name = "finish-only", .body = ROLE THREE FINISH},
    {.name = "reasoning",
     .body = ROLE DELTA("\"reasoning_content\":\" hm\"") DELTA("\"reasoning\":\" so\"") TOKEN(" three")
         FINISH USAGE DONE},
    /* The SSE format. */
    {.name = "crlf", .body = WHOLE, .eol = "\r\n"},
    {.name = "cr", .body = WHOLE, .eol = "\r"},
    {.name = "bom", .body = "\357\273\277" WHOLE},
    {.name = "pings",
     .body = ":\n\n" CUT ": ping\n\n" CUT ROLE ":\n\n" CUT TOKEN(
         " one") "event: ping\nid: 7\nretry: 100\n\n" CUT TOKEN(" two") ":\n\n" TOKEN(" three")
         FINISH USAGE DONE},
    {.name = "multi-line",
     .body = ROLE TOKEN(" one") TOKEN(" two") "data: {\"choices\":[{\"index\":0,\ndata: \"delta\":\n"
                                              "data: {\"content\":\" three\"}}]}\n\n" CUT FINISH USAGE DONE},
    {.name = "no-space",
     .body = "data:" OBJ_TAIL(CHOICE("\"content\":\" one\"", "null"), "") "\n\n" CUT TOKEN(" two")
         TOKEN(" three") FINISH USAGE "data:[DONE]\n\n"},
    {.name = "no-last-blank", .body = ROLE THREE FINISH USAGE "data: [DONE]"},
};

static inline const struct scenario *scenario_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(scenarios); i++)
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    fprintf(stderr, "rawserver: no scenario \"%s\" (see --list)\n", name);
    return NULL;
}

static inline void scenario_list(void)
{
    for (size_t i = 0; i < ARRAY_LEN(scenarios); i++)
        puts(scenarios[i].name);
}

#endif
