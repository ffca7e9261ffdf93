#include "measure/serverjson.h"
#include "jsonr.h"
#include "util.h"

#include <math.h>
#include <string.h>

#define MOST 1e15

void server_facts_clear(struct server_facts *f)
{
    double nan = (double)NAN;
    *f = (struct server_facts){nan, nan, nan, nan, nan, nan, nan, nan, nan};
}

static void take(double *to, double v)
{
    if (v >= 0 && v < MOST)
        *to = v;
}

void server_facts_merge(struct server_facts *f, const struct server_facts *more)
{
    take(&f->max_num_seqs, more->max_num_seqs);
    take(&f->slot_context, more->slot_context);
    take(&f->kv_tokens, more->kv_tokens);
    take(&f->kv_blocks, more->kv_blocks);
    take(&f->kv_block_tokens, more->kv_block_tokens);
    take(&f->loaded, more->loaded);
    take(&f->loaded_vram, more->loaded_vram);
    take(&f->loaded_context, more->loaded_context);
    take(&f->busy, more->busy);
}

static cJSON *parse(const char *json, size_t n)
{
    return n > 0 ? cJSON_ParseWithLength(json, n) : NULL;
}

bool slots_read(const char *json, size_t n, struct server_facts *f)
{
    cJSON *root = parse(json, n);
    const cJSON *slot;
    double slots = 0, busy = 0;
    bool ok = cJSON_IsArray(root), told = true;
    const cJSON *list = ok ? root : NULL;
    cJSON_ArrayForEach(slot, list)
    {
        const cJSON *is = json_get(slot, "is_processing");
        double state = json_number(slot, "state"); /* before 2025: 0 is idle */
        told = told && (cJSON_IsBool(is) || isfinite(state));
        busy += cJSON_IsTrue(is) || (!cJSON_IsBool(is) && state > 0);
        take(&f->slot_context, json_number(slot, "n_ctx"));
        slots++;
    }
    if (slots > 0) {
        take(&f->max_num_seqs, slots);
        if (told)
            take(&f->busy, busy);
    }
    cJSON_Delete(root);
    return ok;
}

bool props_read(const char *json, size_t n, struct server_facts *f)
{
    cJSON *root = parse(json, n);
    bool ok = cJSON_IsObject(root);
    take(&f->max_num_seqs, json_number(root, "total_slots"));
    take(&f->slot_context, json_number(json_get(root, "default_generation_settings"), "n_ctx"));
    take(&f->slot_context, json_number(root, "n_ctx"));
    cJSON_Delete(root);
    return ok;
}

bool sglang_info_read(const char *json, size_t n, struct server_facts *f)
{
    cJSON *root = parse(json, n);
    bool ok = cJSON_IsObject(root);
    take(&f->kv_tokens, json_number(root, "max_total_num_tokens"));
    take(&f->max_num_seqs, json_number(root, "max_running_requests"));
    const cJSON *state = cJSON_GetArrayItem(json_get(root, "internal_states"), 0); /* where newer versions tell them */
    take(&f->kv_tokens, json_number(state, "max_total_num_tokens"));
    cJSON_Delete(root);
    return ok;
}

bool tgi_info_read(const char *json, size_t n, struct server_facts *f)
{
    cJSON *root = parse(json, n);
    bool ok = cJSON_IsObject(root);
    take(&f->kv_tokens, json_number(root, "max_batch_total_tokens"));
    take(&f->max_num_seqs, json_number(root, "max_batch_size"));
    cJSON_Delete(root);
    return ok;
}

static bool same_model(const char *a, const char *b)
{
    static const char tag[] = ":latest";
    size_t k = sizeof tag - 1, n = strlen(a), m = strlen(b);
    if (n > k && strcmp(a + n - k, tag) == 0)
        n -= k;
    if (m > k && strcmp(b + m - k, tag) == 0)
        m -= k;
    return n == m && memcmp(a, b, n) == 0;
}

bool ollama_ps_read(const char *json, size_t n, const char *model, struct server_facts *f)
{
    cJSON *root = parse(json, n);
    const cJSON *all = json_get(root, "models"), *list = cJSON_IsArray(all) ? all : NULL, *m;
    bool ok = list != NULL;
    if (ok)
        f->loaded = f->loaded_vram = 0;
    cJSON_ArrayForEach(m, list)
    {
        const char *name = json_text(m, "model") != NULL ? json_text(m, "model") : json_text(m, "name");
        if (name == NULL || !same_model(name, model))
            continue;
        take(&f->loaded, json_number(m, "size"));
        take(&f->loaded_vram, json_number(m, "size_vram"));
        take(&f->loaded_context, json_number(m, "context_length"));
    }
    cJSON_Delete(root);
    return ok;
}

bool models_read(const char *json, size_t n, const char *model, bool *there, char *other, size_t size)
{
    cJSON *root = parse(json, n);
    const cJSON *all = json_get(root, "data"), *list = cJSON_IsArray(all) ? all : NULL, *m;
    bool ok = list != NULL;
    *there = false;
    other[0] = '\0';
    cJSON_ArrayForEach(m, list)
    {
        const char *id = json_text(m, "id");
        *there = *there || (id != NULL && strcmp(id, model) == 0);
        if (id != NULL && other[0] == '\0')
            str_sanitise(other, size, id, strlen(id));
    }
    cJSON_Delete(root);
    return ok;
}
