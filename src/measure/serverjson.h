/* serverjson: what servers tell of themselves in JSON beside their page of counters: llama.cpp's /slots and /props, Ollama's
 * /api/ps, SGLang's /get_server_info, TGI's /info, and the list of /v1/models.  Pure; what is missing or no sensible number is
 * unknown, and an answer of another shape tells nothing. */
#ifndef TG_SERVERJSON_H
#define TG_SERVERJSON_H

#include <stdbool.h>
#include <stddef.h>

struct server_facts { /* NAN: not told */
    double max_num_seqs;           /* sequences at once: slots, or a limit that it tells */
    double slot_context;           /* tokens of a slot */
    double kv_tokens;              /* that the KV cache can hold */
    double kv_blocks, kv_block_tokens;
    double loaded, loaded_vram;    /* bytes of the model in memory, and of them in VRAM */
    double loaded_context;         /* tokens that it was loaded with */
    double busy;                   /* slots that work on a request */
};
void server_facts_clear(struct server_facts *f);
/* What is known in `more` goes into f. */
void server_facts_merge(struct server_facts *f, const struct server_facts *more);

/* Each adds what an answer tells; false where it is none of that kind. */
bool slots_read(const char *json, size_t n, struct server_facts *f);
bool props_read(const char *json, size_t n, struct server_facts *f);
bool sglang_info_read(const char *json, size_t n, struct server_facts *f);
bool tgi_info_read(const char *json, size_t n, struct server_facts *f);
/* model: as the API wants it; with or without ":latest".  Where it is not loaded nothing of it is in memory. */
bool ollama_ps_read(const char *json, size_t n, const char *model, struct server_facts *f);

/* Is `model` still in the list of /v1/models?  Where it is not, other is the first that is there (sanitised, empty: none).  False
 * where the answer is no such list. */
bool models_read(const char *json, size_t n, const char *model, bool *there, char *other, size_t size);

#endif
