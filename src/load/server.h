/* server: which server is this, what may it be asked, what is it called.  One table of kinds. */
#ifndef TG_SERVER_H
#define TG_SERVER_H

#include "load/http.h"
#include "measure/counters.h"

/* What a server tells of itself besides the API: bits of server_kind.tells. */
enum {
    TELLS_METRICS = 1 << 0, /* a page of counters at /metrics, in the words of `page` */
    TELLS_SLOTS = 1 << 1,   /* llama.cpp's /slots */
    TELLS_PROPS = 1 << 2,   /* … and /props */
    TELLS_PS = 1 << 3,      /* Ollama's /api/ps */
    TELLS_SGLANG = 1 << 4,  /* SGLang's /get_server_info */
    TELLS_TGI = 1 << 5      /* TGI's /info */
};

enum page_gauge { GAUGE_RUNNING, GAUGE_WAITING, GAUGE_KV_USED, GAUGE_HIT_RATE, GAUGE_KV_TOKENS, GAUGE_COUNT_ };

/* The names on a page of counters, the newest first, NULL after the last: the first one that a page has counts. */
#define NAMES_MOST 3
struct page_names {
    const char *prefix; /* all its own names begin so */
    const char *gauge[GAUGE_COUNT_][NAMES_MOST];
    const char *counter[CNT_COUNT_][NAMES_MOST];
    const char *time[TIME_COUNT_][NAMES_MOST]; /* without _sum, _count and _bucket */
    const char *cache_config;                  /* its labels tell the size of the KV cache */
    bool cached_apart; /* tokens found in the prefix cache are not among the prompt tokens */
    unsigned at_end;   /* 1 << CNT_…: a request is counted whole when it ends, so that there is no rate of what goes on */
};
/* server_names.c */
extern const struct page_names page_vllm, page_llamacpp, page_sglang, page_tgi;
extern const struct page_names *const page_dialects[]; /* NULL after the last */

enum tokenize_style { TOKENIZE_NONE, TOKENIZE_VLLM, TOKENIZE_LLAMACPP };

struct server_kind {
    const char *name;      /* "vLLM" */
    int port;              /* where it usually listens, −1: nowhere special, 0: the last of the table */
    const char *owned_by;  /* of /v1/models, NULL: not told apart by that */
    bool owner_is_model;   /* it gives the model's name there */
    const char *banner;    /* Server header starts so, NULL */
    const char *version_path, *version_key; /* GET → JSON text, NULL: not told */
    const char *limits_path, *limits_key;   /* context length of a sequence, where /v1/models does not have it */
    enum tokenize_style tokenize;
    unsigned fields;       /* body_field bits to begin with; those that it refuses are dropped */
    unsigned tells;
    const struct page_names *page; /* NULL with TELLS_METRICS: by what the page has */
    const char *page_advice; /* where it has no page: what to do, NULL */
    const char *reset_path;  /* POST: its prefix cache is emptied, NULL: it cannot */
    const char *reset_advice; /* where it refuses that */
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
    bool local;         /* on this machine, by its name or its address */
    bool no_model_list; /* GET /v1/models gave 404: some servers have none */
    bool answered;      /* something spoke HTTP there, whatever it said */
    bool refuses;       /* … and will say so the next time too: a wrong key, a model that it does not have */
};

/* Asks the server at url (NULL: the usual local ports, best known first) what it is and which models it has.  model:
 * the one wanted, NULL the first of its list.  False with one line in e: cannot connect, wrong key, no such model, … */
bool server_find(struct server_info *s, const struct http_settings *http, const char *url, const char *model,
                 const atomic_bool *stop, struct err *e);

/* Of one that was found: can it answer?  False with one line in e where it says at /health that it cannot yet: llama.cpp lists its
 * model while it loads it. */
bool server_ready(const struct server_info *s, const struct http_settings *http, const atomic_bool *stop, struct err *e);

/* "…/v1/chat/completions" → "…"; adds http:// where there is no scheme.  False where it is no URL. */
bool server_base(const char *url, char *out, size_t size);

/* Counts tokens with the server's own tokenizer: of a chat message (vLLM) or a text.  −1 where it has none. */
int64_t server_tokenize(const struct server_info *s, const struct http_settings *http, enum endpoint endpoint,
                        const char *text, const atomic_bool *stop);
/* … of a text that the server wrote: no template, no special tokens. */
int64_t server_count_output(const struct server_info *s, const struct http_settings *http, const char *text,
                            const atomic_bool *stop);

/* Empties its prefix cache.  False with one line in e that says what to do. */
bool server_reset_cache(const struct server_info *s, const struct http_settings *http, const atomic_bool *stop, struct err *e);

#endif
