#include "measure/jsonmem.h"

#include <cjson/cJSON.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define BLOCK 16384
#define ALIGN alignof(max_align_t)

static _Thread_local struct {
    alignas(max_align_t) char bytes[BLOCK];
    size_t used;
    int depth;
    bool outside; /* something that was made since begin did not fit */
} block;

static void *take(size_t n)
{
    size_t room = (n + ALIGN - 1) / ALIGN * ALIGN;
    if (block.depth == 0 || n > BLOCK || room > BLOCK - block.used) {
        block.outside = true;
        return malloc(n);
    }
    void *p = block.bytes + block.used;
    block.used += room;
    return p;
}

static void give_back(void *p)
{
    uintptr_t at = (uintptr_t)p, from = (uintptr_t)block.bytes;
    if (at < from || at >= from + BLOCK)
        free(p);
}

__attribute__((constructor)) static void set_hooks(void)
{
    cJSON_Hooks hooks = {take, give_back};
    cJSON_InitHooks(&hooks);
}

void jsonmem_begin(void)
{
    if (block.depth++ == 0)
        block.outside = false;
}

void jsonmem_end(void)
{
    if (--block.depth == 0)
        block.used = 0;
}

void jsonmem_delete(cJSON *json)
{
    if (block.outside)
        cJSON_Delete(json);
}
