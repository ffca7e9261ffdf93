/* sim_http: the routes of the simulated server, and the answers that need no engine. */
#include "sim/sim_server.h"

#include "clock.h"
#include "sim/sim_event.h"
#include "sim/sim_fault.h"
#include "sim/sim_strike.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define REPLY_MAX ((size_t)128 << 20)
#define JSON_TYPE "application/json"

void sim_http_headers(struct evhttp_request *req, const char *content_type)
{
    struct evkeyvalq *h = evhttp_request_get_output_headers(req);
    evhttp_add_header(h, "Server", "uvicorn");
    evhttp_add_header(h, "X-Tokgauge-Sim", "1");
    evhttp_add_header(h, "Content-Type", content_type);
}

static void reply(struct evhttp_request *req, int status, const char *type, const char *data, size_t n)
{
    struct evbuffer *body = evbuffer_new();
    sim_http_headers(req, type);
    evbuffer_add(body, data, n);
    evhttp_send_reply(req, status, NULL, body);
    evbuffer_free(body);
}

static void reply_buf(struct evhttp_request *req, struct buf *b)
{
    reply(req, 200, JSON_TYPE, b->data, b->len);
    buf_release(b);
}

/* ---- errors ---- */

void sim_add_error(struct buf *out, const struct sim_refusal *r)
{
    buf_adds(out, "{\"error\":{\"message\":");
    sim_add_string(out, r->message);
    buf_adds(out, ",\"type\":");
    sim_add_string(out, r->type);
    buf_adds(out, ",\"param\":");
    sim_add_string(out, r->param);
    buf_addf(out, ",\"code\":%d}}", r->status);
}

static void reply_refusal(struct evhttp_request *req, const struct sim_refusal *r)
{
    struct buf b;
    buf_init(&b, 8192);
    sim_add_error(&b, r);
    reply(req, r->status, JSON_TYPE, b.data, b.len);
    buf_release(&b);
}

/* What the web framework says, rather than the engine: the type is the status's phrase. */
static void reply_status(struct evhttp_request *req, int status, const char *phrase)
{
    struct sim_refusal r = {0};
    sim_refuse(&r, status, NULL, "%s", phrase);
    r.type = phrase;
    reply_refusal(req, &r);
}

/* The body as a JSON object, or NULL with the refusal filled. */
static cJSON *read_body(struct evhttp_request *req, struct sim_refusal *r)
{
    struct evbuffer *in = evhttp_request_get_input_buffer(req);
    size_t n = evbuffer_get_length(in);
    const char *text = n > 0 ? (const char *)evbuffer_pullup(in, -1) : "";
    cJSON *root = cJSON_ParseWithLength(text, n);
    if (cJSON_IsObject(root))
        return root;
    cJSON_Delete(root);
    sim_refuse(r, 400, NULL, "[{'type': 'json_invalid', 'loc': ('body', 0), 'msg': 'JSON decode error'}]");
    r->type = "Bad Request";
    return NULL;
}

/* ---- generation ---- */

static enum sim_fault choose_fault(const struct sim_server *s, struct evhttp_request *req, uint64_t id)
{
    enum sim_fault f = SIM_FAULT_NONE;
    const char *forced = evhttp_find_header(evhttp_request_get_input_headers(req), "X-Tokgauge-Fault");
    if (forced != NULL && sim_fault_parse(forced, &f))
        return f;
    return sim_fault_draw(&s->c, id);
}

static void generate(struct sim_server *s, struct evhttp_request *req, bool chat)
{
    int64_t arrived = clock_ns();
    uint64_t id = ++s->next_id;
    enum sim_fault fault = choose_fault(s, req, id);
    if (sim_fault_row(fault)->phase == SIM_FAULT_AT_ONCE) {
        sim_strike_at_once(s, req, fault, id, chat, arrived);
        return;
    }
    struct sim_refusal refusal = {0};
    struct sim_ask ask;
    cJSON *root = read_body(req, &refusal);
    if (root != NULL && sim_ask_read(&ask, root, chat, &s->c, s->vocab, &refusal)) {
        sim_stream_start(s, req, &ask, fault, id, arrived);
    } else {
        sim_stream_refused(s, id, chat, refusal.status, SIM_FAULT_NONE, arrived);
        reply_refusal(req, &refusal);
    }
    cJSON_Delete(root);
}

static void chat_completions(struct sim_server *s, struct evhttp_request *req)
{
    generate(s, req, true);
}

static void completions(struct sim_server *s, struct evhttp_request *req)
{
    generate(s, req, false);
}

/* ---- tokens ---- */

struct ids {
    struct sim_vocab *vocab;
    struct buf list, strings;
    size_t n;
    bool with_strings, full;
};

static void add_id(void *user, const char *piece, size_t n)
{
    struct ids *t = user;
    t->full |= !buf_addf(&t->list, t->n > 0 ? ",%" PRIu32 : "%" PRIu32, sim_vocab_id(t->vocab, piece, n));
    t->n++;
    if (!t->with_strings)
        return;
    buf_adds(&t->strings, t->strings.len > 0 ? ",\"" : "\"");
    buf_add_json(&t->strings, piece, n);
    t->full |= !buf_adds(&t->strings, "\"");
}

static void reply_ids(struct evhttp_request *req, const struct sim_config *c, const struct ids *t)
{
    struct buf b;
    buf_init(&b, REPLY_MAX * 2);
    buf_addf(&b, "{\"count\":%zu,\"max_model_len\":%d,\"tokens\":[", t->n, c->max_model_len);
    buf_add(&b, t->list.data, t->list.len);
    buf_adds(&b, "],\"token_strs\":");
    if (t->with_strings) {
        buf_adds(&b, "[");
        buf_add(&b, t->strings.data, t->strings.len);
        buf_adds(&b, "]}");
    } else {
        buf_adds(&b, "null}");
    }
    reply_buf(req, &b);
}

static void tokenize(struct sim_server *s, struct evhttp_request *req)
{
    struct sim_refusal refusal = {0};
    cJSON *root = read_body(req, &refusal);
    if (root == NULL) {
        reply_refusal(req, &refusal);
        return;
    }
    struct ids t = {.vocab = s->vocab};
    buf_init(&t.list, REPLY_MAX);
    buf_init(&t.strings, REPLY_MAX);
    t.with_strings = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "return_token_strs"));
    bool generation = !cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(root, "add_generation_prompt"));
    bool ok = sim_prompt_pieces(root, generation, s->vocab, add_id, &t, &refusal);
    if (ok && t.full)
        ok = sim_refuse(&refusal, 400, "prompt", "The prompt is too long to tokenize.");
    if (ok)
        reply_ids(req, &s->c, &t);
    else
        reply_refusal(req, &refusal);
    buf_release(&t.list);
    buf_release(&t.strings);
    cJSON_Delete(root);
}

static void detokenize(struct sim_server *s, struct evhttp_request *req)
{
    struct sim_refusal refusal = {0};
    cJSON *root = read_body(req, &refusal);
    const cJSON *tokens = cJSON_GetObjectItemCaseSensitive(root, "tokens"), *id;
    if (root != NULL && !cJSON_IsArray(tokens))
        sim_refuse(&refusal, 400, "tokens", "tokens: a list of token ids is required");
    if (refusal.status != 0) {
        reply_refusal(req, &refusal);
        cJSON_Delete(root);
        return;
    }
    struct buf b;
    buf_init(&b, REPLY_MAX * 8);
    buf_adds(&b, "{\"prompt\":\"");
    cJSON_ArrayForEach(id, tokens)
    {
        const char *text =
            cJSON_IsNumber(id) && id->valueint >= 0 ? sim_vocab_text(s->vocab, (uint32_t)id->valueint) : NULL;
        if (text != NULL)
            buf_add_json(&b, text, strlen(text));
    }
    buf_adds(&b, "\"}");
    reply_buf(req, &b);
    cJSON_Delete(root);
}

/* ---- the rest ---- */

static void models(struct sim_server *s, struct evhttp_request *req)
{
    struct buf b;
    buf_init(&b, 65536);
    buf_adds(&b, "{\"object\":\"list\",\"data\":[{\"id\":");
    sim_add_string(&b, s->c.model);
    buf_addf(&b, ",\"object\":\"model\",\"created\":%" PRId64 ",\"owned_by\":\"vllm\",\"root\":", s->created);
    sim_add_string(&b, s->c.model);
    buf_addf(&b, ",\"parent\":null,\"max_model_len\":%d,\"permission\":[]}]}", s->c.max_model_len);
    reply_buf(req, &b);
}

static void health(struct sim_server *s, struct evhttp_request *req)
{
    (void)s;
    reply(req, 200, JSON_TYPE, "", 0);
}

static void version(struct sim_server *s, struct evhttp_request *req)
{
    (void)s;
    static const char text[] = "{\"version\":\"0.11.2\",\"simulator\":\"tokgauge\"}";
    reply(req, 200, JSON_TYPE, text, sizeof text - 1);
}

static void metrics(struct sim_server *s, struct evhttp_request *req)
{
    struct buf b;
    struct sim_model_stats m;
    buf_init(&b, 1 << 20);
    sim_model_stats(s->model, &m);
    sim_metrics_page(s->metrics, &s->c, &m, &b);
    reply(req, 200, "text/plain; version=0.0.4; charset=utf-8", b.data, b.len);
    buf_release(&b);
}

/* As vLLM in its development mode. */
static void reset_prefix_cache(struct sim_server *s, struct evhttp_request *req)
{
    sim_model_reset_cache(s->model);
    reply(req, 200, JSON_TYPE, "", 0);
}

static const struct route {
    enum evhttp_cmd_type method;
    const char *path;
    void (*answer)(struct sim_server *, struct evhttp_request *);
} routes[] = {
    {EVHTTP_REQ_POST, "/v1/chat/completions", chat_completions},
    {EVHTTP_REQ_POST, "/v1/completions", completions},
    {EVHTTP_REQ_GET, "/v1/models", models},
    {EVHTTP_REQ_POST, "/tokenize", tokenize},
    {EVHTTP_REQ_POST, "/detokenize", detokenize},
    {EVHTTP_REQ_POST, "/reset_prefix_cache", reset_prefix_cache},
    {EVHTTP_REQ_GET, "/health", health},
    {EVHTTP_REQ_GET, "/version", version},
    {EVHTTP_REQ_GET, "/metrics", metrics},
};

/* As in vLLM, only what is under /v1 asks for the key. */
static bool authorised(const struct sim_server *s, struct evhttp_request *req, const char *path)
{
    if (s->c.api_key == NULL || !str_starts(path, "/v1"))
        return true;
    const char *given = evhttp_find_header(evhttp_request_get_input_headers(req), "Authorization");
    return given != NULL && str_starts(given, "Bearer ") && strcmp(given + 7, s->c.api_key) == 0;
}

void sim_http_route(struct evhttp_request *req, void *server)
{
    struct sim_server *s = server;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
    const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;
    if (path == NULL)
        path = "/";
    if (!authorised(s, req, path)) {
        static const char text[] = "{\"error\":\"Unauthorized\"}";
        reply(req, 401, JSON_TYPE, text, sizeof text - 1);
        return;
    }
    bool known = false;
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (strcmp(routes[i].path, path) != 0)
            continue;
        known = true;
        if (routes[i].method == evhttp_request_get_command(req)) {
            routes[i].answer(s, req);
            return;
        }
    }
    reply_status(req, known ? 405 : 404, known ? "Method Not Allowed" : "Not Found");
}
