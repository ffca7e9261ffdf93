/* server: which server is this, what may it be asked, what is it called.  One table of kinds. */
#ifndef TG_SERVER_H
#define TG_SERVER_H

#include "load/http.h"

enum tokenize_style { TOKENIZE_NONE, TOKENIZE_VLLM, TOKENIZE_LLAMACPP };

struct server_kind {
    const char *name;      /* "vLLM" */
    int port;              /* where it usually listens, 0: nowhere special */
    const char *owned_by;  /* of /v1/models, NULL: not told apart by that */
    const char *banner;    /* Server header starts so, NULL */
    const char *version_path, *version_key; /* GET → JSON text, NULL: not told */
    const char *limits_path, *limits_key;   /* context length of a sequence, where /v1/models does not have it */
    enum tokenize_style tokenize;
    unsigned fields;       /* body_field bits to begin with; those that it refuses are dropped */
    /* Prometheus names, old and new, NULL: none. */
    const char *running[2], *waiting[2], *kv_used[2], *prefix_hits, *prefix_queries;
    const char *finished;  /* requests that it has ended */
};
extern const struct server_kind server_kinds[]; /* the last one, with port 0, is any other server */

struct server_info {
    const struct server_kind *kind;
    char base[512];     /* "http://127.0.0.1:8000", what stood before /v1 */
    char url[512];      /* base without user and password, to be shown and written */
    char address[96];   /* "127.0.0.1:8000" */
    char model[256];    /* as the API wants it; sanitised it goes on screen */
    char title[64];     /* "vLLM 0.11.2" */
    int64_t max_model_len; /* −1 unknown */
    bool simulated;
    bool local;         /* a loopback address */
    bool no_model_list; /* GET /v1/models gave 404: some servers have none */
};

/* Asks the server at url (NULL: the usual local ports, best known first) what it is and which models it has.  model:
 * the one wanted, NULL the first of its list.  False with one line in e: cannot connect, wrong key, no such model, … */
bool server_find(struct server_info *s, const struct http_settings *http, const char *url, const char *model,
                 const atomic_bool *stop, struct err *e);

/* "…/v1/chat/completions" → "…"; adds http:// where there is no scheme.  False where it is no URL. */
bool server_base(const char *url, char *out, size_t size);

/* Counts tokens with the server's own tokenizer: of a chat message (vLLM) or a text.  −1 where it has none. */
int64_t server_tokenize(const struct server_info *s, const struct http_settings *http, enum endpoint endpoint,
                        const char *text, const atomic_bool *stop);
/* … of a text that the server wrote: no template, no special tokens. */
int64_t server_count_output(const struct server_info *s, const struct http_settings *http, const char *text,
                            const atomic_bool *stop);

#endif
