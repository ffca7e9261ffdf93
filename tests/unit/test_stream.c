/* The way from bytes to an outcome: sse, chat, timeline, on cases and on streams recorded from real servers; each fed
 * whole, byte by byte, and cut at every place. */
#include "check.h"

#include "measure/chat.h"
#include "measure/sse.h"
#include "measure/timeline.h"
#include "util.h"

#include <strings.h>

/* ---- sse ---- */

struct seen {
    char text[8192];
};

static void note(void *ctx, const struct sse_event *e)
{
    struct seen *s = ctx;
    size_t n = strlen(s->text);
    snprintf(s->text + n, sizeof s->text - n, "%s%.*s|", e->error_line ? "E:" : "", (int)e->n, e->data);
}

static void feed_in_pieces(const char *in, size_t n, size_t cut, size_t piece, struct seen *out)
{
    struct sse s;
    sse_init(&s);
    out->text[0] = '\0';
    if (piece > 0) {
        for (size_t i = 0; i < n; i += piece)
            assert_true(sse_feed(&s, in + i, MIN_OF(piece, n - i), note, out));
    } else {
        assert_true(sse_feed(&s, in, cut, note, out));
        assert_true(sse_feed(&s, in + cut, n - cut, note, out));
    }
    sse_end(&s, note, out);
    sse_release(&s);
}

static void test_sse_cases(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"data: a\n\ndata: b\n\n", "a|b|"},
        {"data:a\r\n\r\ndata:  b\r\n\r\n", "a| b|"},
        {"data: a\r\rdata: b\r\r", "a|b|"},
        {"\xef\xbb\xbf" "data: a\n\n", "a|"},
        {": ping\n\ndata: a\n: note\ndata: b\n\n", "a\nb|"},
        {"data\n\n", "|"},
        {"data: \n\n", "|"},
        {"event: x\nid: 1\nretry: 5\ndata: a\n\n", "a|"},
        {"event: x\n\n", ""},
        {"dataset: no\ndata2: no\n\n", ""},
        {"data: [DONE]", "[DONE]|"},
        {"data: [DONE]\n", "[DONE]|"},
        {"data: a\n", "a|"},
        {"data: {\"cut", ""},
        {"error: {\"code\":400}\n\ndata: [DONE]\n\n", "E:{\"code\":400}|[DONE]|"},
        {"data: a\n\n\n\n\ndata: b\n\n", "a|b|"},
        {"data: a\r\n\ndata: b\n\r\n", "a|b|"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t n = strlen(cases[i].in);
        struct seen s;
        for (size_t cut = 0; cut <= n; cut++) {
            feed_in_pieces(cases[i].in, n, cut, 0, &s);
            assert_string_equal(s.text, cases[i].out);
        }
        feed_in_pieces(cases[i].in, n, 0, 1, &s);
        assert_string_equal(s.text, cases[i].out);
    }
}

static void test_sse_bound(void **state)
{
    (void)state;
    struct sse s;
    struct seen out = {""};
    sse_init(&s);
    char block[4096];
    memset(block, 'x', sizeof block);
    bool ok = sse_feed(&s, "data: ", 6, note, &out);
    size_t fed = 0;
    while (ok && fed < 4 * SSE_MAX) {
        ok = sse_feed(&s, block, sizeof block, note, &out);
        fed += sizeof block;
    }
    assert_false(ok);
    assert_true(fed <= SSE_MAX + sizeof block);
    assert_false(sse_feed(&s, "\n\ndata: a\n\n", 11, note, &out));
    sse_end(&s, note, &out);
    assert_string_equal(out.text, "");
    sse_release(&s);
}

/* ---- chat ---- */

static void decode(const char *json, struct chat_event *e)
{
    chat_decode(json, strlen(json), e);
}

static void test_chat(void **state)
{
    (void)state;
    struct chat_event e;
    decode("{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}],\"usage\":{\"completion_tokens\":0}}", &e);
    assert_true(e.choices && !e.output && !e.usage && !e.finish);
    chat_release(&e);
    decode("{\"choices\":[{\"delta\":{\"content\":null}}]}", &e);
    assert_true(e.choices && !e.output);
    chat_release(&e);
    decode("{\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}", &e);
    assert_true(e.output && !e.answer);
    assert_string_equal(e.text, "hm");
    chat_release(&e);
    /* Half of a surrogate pair: allowed by the grammar, shown as U+FFFD. */
    decode("{\"choices\":[{\"delta\":{\"content\":\"a\\ud83db\\uDE00\\\\ud83d\\ud83d\\ude00\"}}]}", &e);
    assert_true(e.output);
    assert_string_equal(e.text, "a\uFFFDb\uFFFD\\ud83d\U0001F600");
    chat_release(&e);
    decode("{\"choices\":[{\"delta\":{\"content\":\"\\ud8", &e); /* cut off within one */
    assert_true(e.malformed);
    chat_release(&e);
    decode("{\"choices\":[],\"stamp_ns\":1e300,\"ttft_ns\":-1}", &e);
    assert_true(e.stamp_ns == 0 && e.server_ttft_ns == 0);
    chat_release(&e);
    decode("{\"choices\":[{\"delta\":{\"reasoning\":\"hm\"}}]}", &e);
    assert_true(e.output && !e.answer);
    chat_release(&e);
    decode("{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0}]}}]}", &e);
    assert_true(e.output && !e.answer && e.text == NULL);
    chat_release(&e);
    decode("{\"choices\":[{\"text\":\" a\",\"finish_reason\":\"length\"}],\"usage\":{\"prompt_tokens\":5,"
           "\"completion_tokens\":6,\"prompt_tokens_details\":{\"cached_tokens\":1}}}", &e);
    assert_true(e.output && e.answer && e.finish && e.usage);
    assert_int_equal(e.completion_tokens, 6);
    assert_int_equal(e.cached_tokens, 1);
    chat_release(&e);
    decode("{\"choices\":[],\"usage\":{\"prompt_tokens\":-4,\"completion_tokens\":1e300}}", &e);
    assert_true(!e.usage && !e.choices);
    chat_release(&e);
    decode("{\"error\":{\"message\":\"no \\u001b[31m\",\"code\":500}}", &e);
    assert_true(e.error);
    assert_string_equal(e.error_text, "no \xef\xbf\xbd[31m");
    chat_release(&e);
    static const char *const broken[] = {"", "nonsense", "[1]", "\"text\"", "{\"choices\":", "7"};
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        decode(broken[i], &e);
        assert_true(e.malformed);
        chat_release(&e);
    }
    decode("{\"choices\":\"no list\",\"usage\":[],\"stamp_ns\":\"x\"}", &e);
    assert_true(!e.malformed && !e.choices && !e.usage);
    chat_release(&e);
}

static void test_error_text(void **state)
{
    (void)state;
    static const struct {
        const char *body, *text;
    } cases[] = {
        {"{\"error\":{\"message\":\"m\"}}", "m"},
        {"{\"error\":\"plain\"}", "plain"},
        {"{\"object\":\"error\",\"message\":\"old vLLM\"}", "old vLLM"},
        {"{\"detail\":\"Not Found\"}", "Not Found"},
        {"<html><head><title>502 Bad</title></head>\n<body> gone </body></html>", "502 Bad gone"},
        {"", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[64];
        chat_error_text(cases[i].body, strlen(cases[i].body), out, sizeof out);
        assert_string_equal(out, cases[i].text);
    }
}

/* ---- recorded streams ---- */

struct run {
    struct timeline tl;
    int64_t now;
    char text[4096];
};

static void on_event(void *ctx, const struct sse_event *ev)
{
    struct run *r = ctx;
    struct chat_event e;
    bool approx;
    chat_decode(ev->data, ev->n, &e);
    e.error |= ev->error_line;
    timeline_event(&r->tl, r->now += 1000000, &e, &approx);
    if (e.text != NULL)
        strncat(r->text, e.text, sizeof r->text - strlen(r->text) - 1);
    chat_release(&e);
}

/* Takes off the header, and the chunks where they are on the record. */
static size_t body_of(char *raw, size_t n)
{
    char *body = strstr(raw, "\r\n\r\n");
    assert_non_null(body);
    body += 4;
    size_t left = n - (size_t)(body - raw), out = 0;
    bool chunked = strstr(raw, "ransfer-Encoding: chunked") != NULL && strchr("0123456789abcdef", body[0]) != NULL &&
                   strncmp(body, "data", 4) != 0;
    if (!chunked) {
        memmove(raw, body, left);
        return left;
    }
    while (left > 0) {
        char *end;
        unsigned long k = strtoul(body, &end, 16);
        end += 2;
        if (k == 0)
            break;
        left -= (size_t)(end - body) + k + 2;
        memmove(raw + out, end, k);
        out += k;
        body = end + k + 2;
    }
    return out;
}

static void play(const char *body, size_t n, size_t cut, size_t piece, struct run *r)
{
    struct sse s;
    sse_init(&s);
    timeline_init(&r->tl, 1);
    r->tl.sent = r->now = 1000;
    r->text[0] = '\0';
    if (piece > 0)
        for (size_t i = 0; i < n; i += piece)
            sse_feed(&s, body + i, MIN_OF(piece, n - i), on_event, r);
    else
        sse_feed(&s, body, cut, on_event, r), sse_feed(&s, body + cut, n - cut, on_event, r);
    sse_end(&s, on_event, r);
    sse_release(&s);
    timeline_finish(&r->tl, r->now + 1, TR_COMPLETE, 200);
}

static void test_recorded(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        enum outcome outcome;
        int events, output, prompt;
        enum token_source source;
    } cases[] = {
        {"fixtures/llamacpp-2026-chat-usage.raw", OUT_OK, 12, 12, 31, TOK_USAGE},
        {"fixtures/llamacpp-2026-chat.raw", OUT_OK, 4, 4, -1, TOK_EVENTS},
        {"fixtures/llamacpp-2026-completions.raw", OUT_OK, 6, 6, 5, TOK_USAGE},
        {"fixtures/llamacpp-2026-progress.raw", OUT_OK, 3, 3, -1, TOK_EVENTS},
        {"fixtures/llamacpp-2025-chat-usage.raw", OUT_OK, 12, 12, 31, TOK_USAGE},
        {"fixtures/llamacpp-2025-chat.raw", OUT_OK, 4, 4, 31, TOK_USAGE},
        {"fixtures/llamacpp-2025-completions.raw", OUT_OK, 6, 6, 5, TOK_USAGE},
        {"fixtures/llamacpp-2025-error.raw", OUT_ERROR_EVENT, 0, -1, -1, TOK_NONE},
        {"fixtures/openclaw-2026.2-chat.http", OUT_OK, 16, 16, -1, TOK_EVENTS},
        {"fixtures/openclaw-2026.9-chat.http", OUT_OK, 20, 20, 15226, TOK_USAGE},
        {"fixtures/openclaw-2026.2-provider-error.http", OUT_EMPTY, 0, -1, -1, TOK_NONE},
        {"fixtures/openclaw-2026.2-tool-rounds.raw", OUT_OK, 16, 16, -1, TOK_EVENTS},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t n;
        char *raw = read_whole(cases[i].file, &n), first[4096] = "";
        n = body_of(raw, n);
        for (size_t k = 0; k <= n + 1; k++) { /* cut at every place; and, last, byte by byte */
            struct run r;
            play(raw, n, MIN_OF(k, n), k > n ? 1 : 0, &r);
            if (r.tl.outcome != cases[i].outcome || (int)r.tl.events != cases[i].events ||
                r.tl.output_tokens != cases[i].output || r.tl.prompt_tokens != cases[i].prompt ||
                r.tl.source != cases[i].source)
                fail_msg("%s cut at %zu: %s, %d events, %d output, %d prompt, %s", cases[i].file, k,
                         outcome_name(r.tl.outcome), (int)r.tl.events, (int)r.tl.output_tokens, (int)r.tl.prompt_tokens,
                         token_source_name(r.tl.source));
            if (k == 0)
                memcpy(first, r.text, sizeof first);
            assert_string_equal(r.text, first);
            timeline_release(&r.tl);
        }
        free(raw);
    }
}

/* A recording cut off anywhere before its end was announced is never a success. */
static void test_recorded_cut_off(void **state)
{
    (void)state;
    size_t n;
    char *raw = read_whole("fixtures/openclaw-2026.2-chat.http", &n);
    n = body_of(raw, n);
    size_t announced = (size_t)(strstr(raw, "data: [DONE]") - raw) + strlen("data: [DONE]");
    for (size_t k = 0; k < n; k++) {
        struct run r;
        play(raw, k, k, 0, &r);
        bool ok = r.tl.outcome == OUT_OK;
        if (ok != (k >= announced))
            fail_msg("cut at %zu of %zu: %s", k, n, outcome_name(r.tl.outcome));
        timeline_release(&r.tl);
    }
    free(raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sse_cases),  cmocka_unit_test(test_sse_bound), cmocka_unit_test(test_chat),
        cmocka_unit_test(test_error_text), cmocka_unit_test(test_recorded),  cmocka_unit_test(test_recorded_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
