/* chat: one event of an OpenAI-style stream (chat completions or completions), decoded: what does it carry?
 * Reads the variants of vLLM, llama.cpp, SGLang, TGI, Ollama and agent gateways: `reasoning` and `reasoning_content`,
 * `content` null or missing, usage with or without choices, an error in place of a chunk.  Pure. */
#ifndef TG_CHAT_H
#define TG_CHAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chat_event {
    bool done;      /* "[DONE]" */
    bool malformed; /* not a JSON object */
    bool error;     /* an error object; error_text has its message, sanitised */
    bool choices;   /* non-empty `choices` */
    bool output;    /* carries output: content, text, reasoning or tool calls, non-empty */
    bool answer;    /* … and it is content or text */
    bool finish;    /* a finish_reason */
    bool usage;     /* a usage object with completion_tokens > 0 (zeroed usage counts as none) */
    int64_t prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens; /* −1: not told */
    int64_t stamp_ns, server_ttft_ns; /* when a test server wrote this, and its own request-to-token time; 0: none */
    const char *text; /* the output text, NULL where there is none; valid until chat_release */
    char error_text[160];
    void *json; /* owned; chat_release frees it */
};

/* data[n] must be NUL or the end of a line.  Never fails: what cannot be read is `malformed`.  Each needs its chat_release, on this thread. */
void chat_decode(const char *data, size_t n, struct chat_event *e);
void chat_release(struct chat_event *e);

/* Finds the message of an error body ({"error":{"message":…}}, {"error":"…"}, {"message":…}, {"detail":…}).  False, and an empty
 * text, where there is none.  Sanitised. */
bool chat_error_message(const char *body, size_t n, char *out, size_t size);
/* … and where there is none, the first words of the text (HTML tags cut). */
void chat_error_text(const char *body, size_t n, char *out, size_t size);

#endif
