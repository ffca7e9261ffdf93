#include "load/server.h"
#include "clock.h"
#include "load/prompt.h"
#include "measure/chat.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_NS (10 * NS_PER_SEC)
#define PROBE_NS (1500 * NS_PER_MS)
#define ANY (BODY_USAGE | BODY_MAX_TOKENS | BODY_TEMPERATURE)

const struct server_kind server_kinds[] = {
    {.name = "vLLM", .port = 8000, .owned_by = "vllm", .version_path = "/version", .version_key = "version",
     .tokenize = TOKENIZE_VLLM,
     .fields = ANY | BODY_CONTINUOUS | BODY_MIN_TOKENS | BODY_IGNORE_EOS, .tells = TELLS_METRICS, .page = &page_vllm,
     .reset_path = "/reset_prefix_cache", .reset_advice = "start it with VLLM_SERVER_DEV_MODE=1 in its environment"},
    {.name = "llama.cpp", .port = 8080, .owned_by = "llamacpp", .banner = "llama.cpp", .version_path = "/props",
     .version_key = "build_info", .limits_path = "/props", .limits_key = "n_ctx", .tokenize = TOKENIZE_LLAMACPP,
     .fields = ANY | BODY_IGNORE_EOS, .tells = TELLS_METRICS | TELLS_SLOTS | TELLS_PROPS, .page = &page_llamacpp,
     .page_advice = "start it with --metrics"},
    {.name = "Ollama", .port = 11434, .owned_by = "library", .version_path = "/api/version", .version_key = "version",
     .fields = ANY, .tells = TELLS_PS},
    {.name = "SGLang", .port = 30000, .owned_by = "sglang", .version_path = "/get_server_info",
     .version_key = "version", .fields = ANY | BODY_IGNORE_EOS | BODY_MIN_TOKENS, .tells = TELLS_METRICS | TELLS_SGLANG,
     .page = &page_sglang, .page_advice = "start it with --enable-metrics",
     .reset_path = "/flush_cache", .reset_advice = "nothing else may be running there"},
    {.name = "LM Studio", .port = 1234, .owned_by = "organization_owner", .fields = ANY},
    {.name = "TGI", .port = -1, .owner_is_model = true, .version_path = "/info", .version_key = "version",
     .limits_path = "/info", .limits_key = "max_total_tokens", .fields = ANY, .tells = TELLS_METRICS | TELLS_TGI, .page = &page_tgi},
    {.name = "OpenAI-compatible server", .fields = ANY, .tells = TELLS_METRICS},
};

bool server_base(const char *url, char *out, size_t size)
{
    const char *scheme = strstr(url, "://");
    if (scheme != NULL && !str_starts(url, "http://") && !str_starts(url, "https://"))
        return false;
    const char *host = scheme != NULL ? scheme + 3 : url;
    if (strcspn(host, "/?# \t") == 0 || strpbrk(host, " \t\r\n") != NULL)
        return false;
    int n = snprintf(out, size, "%s%s", scheme != NULL ? "" : "http://", url);
    if (n < 0 || (size_t)n >= size)
        return false;
    char *path = strchr(strstr(out, "://") + 3, '/');
    if (path == NULL)
        return true;
    /* A path before /v1 (a proxy's prefix) stays. */
    char *v1 = strstr(path, "/v1");
    if (v1 != NULL && (v1[3] == '\0' || v1[3] == '/'))
        *v1 = '\0';
    size_t len = strlen(out);
    while (len > 0 && out[len - 1] == '/')
        out[--len] = '\0';
    return true;
}

static void set_address(struct server_info *s)
{
    url_hide_login(s->base, s->url, sizeof s->url);
    const char *host = strstr(s->url, "://") + 3;
    str_sanitise(s->address, sizeof s->address, host, strcspn(host, "/"));
    s->local = http_is_loopback(s->base);
}

static cJSON *ask_json(const struct server_info *s, const struct http_settings *http, const char *path,
                       const char *body, const atomic_bool *stop)
{
    char url[600];
    snprintf(url, sizeof url, "%s%s", s->base, path);
    struct http_reply r;
    cJSON *root = NULL;
    if (http_call(http, url, body, ASK_NS, stop, &r, NULL) && r.status == 200)
        root = cJSON_ParseWithLength(r.body.data != NULL ? r.body.data : "", r.body.len);
    http_reply_release(&r);
    return root;
}

/* A member by name, at the top or one level down ("n_ctx" of llama.cpp stands in default_generation_settings). */
static const cJSON *find_member(const cJSON *root, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(root, key), *child;
    if (v != NULL)
        return v;
    cJSON_ArrayForEach(child, root) if (cJSON_IsObject(child) &&
                                        (v = cJSON_GetObjectItemCaseSensitive(child, key)) != NULL) return v;
    return NULL;
}

static void ask_version(struct server_info *s, const struct http_settings *http, const atomic_bool *stop)
{
    const struct server_kind *k = s->kind;
    str_copy(s->title, sizeof s->title, k->name);
    if (k->version_path != NULL) {
        cJSON *root = ask_json(s, http, k->version_path, NULL, stop);
        const cJSON *v = find_member(root, k->version_key);
        if (cJSON_IsString(v)) {
            char version[40];
            str_sanitise(version, sizeof version, v->valuestring, strlen(v->valuestring));
            snprintf(s->title, sizeof s->title, "%s %s", k->name, version);
        }
        cJSON_Delete(root);
    }
    if (k->limits_path != NULL && s->max_model_len < 0) {
        cJSON *root = ask_json(s, http, k->limits_path, NULL, stop);
        const cJSON *v = find_member(root, k->limits_key);
        if (cJSON_IsNumber(v) && v->valuedouble > 0 && v->valuedouble < 1e12)
            s->max_model_len = (int64_t)v->valuedouble;
        cJSON_Delete(root);
    }
}

static const struct server_kind *kind_of(const char *owned_by, const char *banner, const char *model)
{
    const struct server_kind *k = server_kinds;
    for (; k->port != 0; k++) {
        if (k->owner_is_model && owned_by != NULL && model != NULL && strcmp(owned_by, model) == 0)
            return k;
        if (k->owned_by != NULL && owned_by != NULL && strcmp(k->owned_by, owned_by) == 0)
            return k;
        if (k->banner != NULL && str_starts(banner, k->banner))
            return k;
    }
    return k;
}

static const char *text_member(const cJSON *o, const char *name)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
    return cJSON_IsString(v) ? v->valuestring : NULL;
}

static void list_models(const cJSON *data, char *out, size_t size)
{
    const cJSON *m;
    size_t n = 0;
    out[0] = '\0';
    cJSON_ArrayForEach(m, data)
    {
        const char *id = text_member(m, "id");
        if (id == NULL || n + 8 >= size)
            continue;
        char clean[128];
        str_sanitise(clean, sizeof clean, id, strlen(id));
        int k = snprintf(out + n, size - n, "%s'%s'", n > 0 ? ", " : "", clean);
        n = k < 0 || (size_t)k >= size - n ? size - 1 : n + (size_t)k;
    }
}

/* Reads the answer of GET /v1/models. */
static bool read_models(struct server_info *s, const cJSON *root, const char *banner, const char *wanted, struct err *e)
{
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(root, "data"), *m, *found = NULL;
    if (!cJSON_IsArray(data))
        return err_set(e, "'%s' does not look like an OpenAI-compatible server: /v1/models has no list", s->address);
    cJSON_ArrayForEach(m, data)
    {
        const char *id = text_member(m, "id");
        if (id != NULL && found == NULL && (wanted == NULL || strcmp(wanted, id) == 0))
            found = m;
    }
    const cJSON *one = found != NULL ? found : data->child;
    s->kind = kind_of(text_member(one, "owned_by"), banner, text_member(one, "id"));
    if (found == NULL && wanted == NULL)
        return err_set(e, "'%s' has no model loaded: its /v1/models list is empty", s->address);
    if (found == NULL) {
        char names[300];
        list_models(data, names, sizeof names);
        s->refuses = names[0] != '\0'; /* an empty list may yet be filled */
        return err_set(e, "model '%s' is not on '%s': it has %s", wanted, s->address, names[0] != '\0' ? names : "none");
    }
    str_copy(s->model, sizeof s->model, text_member(found, "id"));
    const cJSON *len = cJSON_GetObjectItemCaseSensitive(found, "max_model_len");
    if (cJSON_IsNumber(len) && len->valuedouble > 0 && len->valuedouble < 1e12)
        s->max_model_len = (int64_t)len->valuedouble;
    return true;
}

static bool explain_status(const struct server_info *s, const struct http_reply *r, struct err *e)
{
    char why[160];
    chat_error_text(r->body.data != NULL ? r->body.data : "", r->body.len, why, sizeof why);
    if (r->status == 401 || r->status == 403)
        return err_set(e, "'%s' refuses the API key (HTTP %ld%s%s): name it with --api-key-env or --api-key-file",
                       s->address, r->status, why[0] ? ": " : "", why);
    if (r->status == 503)
        return err_set(e, "'%s' is still loading its model (HTTP 503%s%s): try again when it is ready", s->address,
                       why[0] ? ": " : "", why);
    return err_set(e, "'%s' answers GET /v1/models with HTTP %ld%s%s", s->address, r->status, why[0] ? ": " : "", why);
}

static bool look(struct server_info *s, const struct http_settings *http, const char *model, int64_t timeout_ns,
                 const atomic_bool *stop, struct err *e)
{
    set_address(s);
    s->max_model_len = -1;
    char url[600];
    snprintf(url, sizeof url, "%s/v1/models", s->base);
    struct http_reply r;
    bool ok = http_call(http, url, NULL, timeout_ns, stop, &r, e);
    s->answered = ok;
    s->refuses = ok && (r.status == 401 || r.status == 403);
    s->local |= ok && r.same_machine;
    if (ok && r.status == 404 && model != NULL) {
        s->no_model_list = true;
        s->kind = kind_of(NULL, r.server, NULL);
        str_copy(s->model, sizeof s->model, model);
    } else if (ok && r.status == 404) {
        ok = err_set(e, "'%s' has no /v1/models (HTTP 404): is the URL right? Where it is, name the --model", s->address);
    } else if (ok && r.status != 200) {
        ok = explain_status(s, &r, e);
    } else if (ok) {
        cJSON *root = cJSON_ParseWithLength(r.body.data != NULL ? r.body.data : "", r.body.len);
        ok = read_models(s, root, r.server, model, e);
        cJSON_Delete(root);
    }
    s->simulated = r.simulated;
    http_reply_release(&r);
    if (ok)
        ask_version(s, http, stop);
    return ok;
}

static bool look_around(struct server_info *s, const struct http_settings *http, const char *model,
                        const atomic_bool *stop, struct err *e)
{
    char ports[128] = "";
    for (const struct server_kind *k = server_kinds; k->port != 0; k++) {
        if (k->port < 0)
            continue;
        snprintf(s->base, sizeof s->base, "http://127.0.0.1:%d", k->port);
        struct err why;
        if (look(s, http, model, PROBE_NS, stop, &why))
            return true;
        if (strstr(why.msg, "cannot connect") == NULL) { /* somebody is there: what it says matters */
            *e = why;
            return false;
        }
        size_t n = strlen(ports);
        snprintf(ports + n, sizeof ports - n, "%s%d (%s)", n > 0 ? ", " : "", k->port, k->name);
    }
    return err_set(e, "no server on 127.0.0.1 at the usual ports %s: give its URL, or try 'tokgauge demo'", ports);
}

bool server_find(struct server_info *s, const struct http_settings *http, const char *url, const char *model,
                 const atomic_bool *stop, struct err *e)
{
    *s = (struct server_info){.max_model_len = -1};
    if (url == NULL)
        return look_around(s, http, model, stop, e);
    if (!server_base(url, s->base, sizeof s->base))
        return err_set(e, "'%s' is not an http or https URL", url);
    return look(s, http, model, ASK_NS, stop, e);
}

bool server_ready(const struct server_info *s, const struct http_settings *http, const atomic_bool *stop, struct err *e)
{
    char url[600];
    struct http_reply r;
    snprintf(url, sizeof url, "%s/health", s->base);
    bool ok = http_call(http, url, NULL, ASK_NS, stop, &r, e);
    if (ok && r.status == 503) /* any other answer, 404 too, says nothing against it */
        ok = explain_status(s, &r, e);
    http_reply_release(&r);
    return ok;
}

static char *tokenize_request(const struct server_info *s, const char *text, bool message, bool special)
{
    cJSON *o = cJSON_CreateObject();
    if (s->kind->tokenize == TOKENIZE_LLAMACPP) {
        cJSON_AddStringToObject(o, "content", text);
    } else {
        cJSON_AddStringToObject(o, "model", s->model);
        if (message) {
            cJSON *m = cJSON_CreateObject();
            cJSON_AddStringToObject(m, "role", "user");
            cJSON_AddStringToObject(m, "content", text);
            cJSON_AddItemToArray(cJSON_AddArrayToObject(o, "messages"), m);
        } else {
            cJSON_AddStringToObject(o, "prompt", text);
            if (!special)
                cJSON_AddFalseToObject(o, "add_special_tokens");
        }
    }
    char *json = cJSON_PrintUnformatted(o);
    cJSON_Delete(o);
    return json;
}

static int64_t tokenize(const struct server_info *s, const struct http_settings *http, const char *text, bool message,
                        bool special, const atomic_bool *stop)
{
    if (s->kind->tokenize == TOKENIZE_NONE)
        return -1;
    char *json = tokenize_request(s, text, message, special);
    cJSON *root = ask_json(s, http, "/tokenize", json, stop);
    free(json);
    const cJSON *count = cJSON_GetObjectItemCaseSensitive(root, "count");
    const cJSON *tokens = cJSON_GetObjectItemCaseSensitive(root, "tokens");
    int64_t n = -1;
    if (cJSON_IsNumber(count) && count->valuedouble >= 0 && count->valuedouble < 1e12)
        n = (int64_t)count->valuedouble;
    else if (cJSON_IsArray(tokens))
        n = cJSON_GetArraySize(tokens);
    cJSON_Delete(root);
    return n;
}

int64_t server_tokenize(const struct server_info *s, const struct http_settings *http, enum endpoint endpoint,
                        const char *text, const atomic_bool *stop)
{
    return tokenize(s, http, text, endpoint == ENDPOINT_CHAT, true, stop);
}

int64_t server_count_output(const struct server_info *s, const struct http_settings *http, const char *text,
                            const atomic_bool *stop)
{
    return tokenize(s, http, text, false, false, stop);
}

bool server_reset_cache(const struct server_info *s, const struct http_settings *http, const atomic_bool *stop, struct err *e)
{
    const struct server_kind *k = s->kind;
    if (k->reset_path == NULL)
        return err_set(e, "%s at '%s' has no way to empty its prefix cache: leave --reset-prefix-cache out (prompts are new to "
                          "it in each run, but for --prompt shared, a FILE, or the same --seed), or start the server anew",
                       k->name, s->address);
    char url[600], why[160];
    snprintf(url, sizeof url, "%s%s", s->base, k->reset_path);
    struct http_reply r;
    bool ok = http_call(http, url, "", ASK_NS, stop, &r, e);
    if (ok && r.status != 200) {
        chat_error_text(r.body.data != NULL ? r.body.data : "", r.body.len, why, sizeof why);
        ok = err_set(e, "%s at '%s' does not empty its prefix cache (POST %s: HTTP %ld%s%s): %s, or leave --reset-prefix-cache out",
                     k->name, s->address, k->reset_path, r.status, why[0] != '\0' ? ": " : "", why, k->reset_advice);
    }
    http_reply_release(&r);
    return ok;
}
