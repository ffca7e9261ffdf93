/* sim_kv: blocks are indices.  Unused blocks that were used before stand in one doubly linked list, oldest
 * first; blocks never used before are beyond `fresh`.  Names hang in a chained hash table. */
#include "sim/sim_kv.h"

#include "util.h"

#include <stdlib.h>

#define NIL (-1)

struct block {
    uint64_t hash;
    int32_t refs;
    int32_t prev, next; /* in the list of unused blocks */
    int32_t chain;      /* next of the same bucket, as index + 1, so that zeroed memory is a valid table */
    bool named;
};

struct sim_kv {
    struct block *block;
    int32_t *bucket; /* index + 1 */
    uint64_t mask;
    int32_t total, fresh, used;
    int32_t oldest, newest;
    bool cache;
};

struct sim_kv *sim_kv_new(int64_t blocks, bool cache)
{
    if (blocks < 1 || blocks > INT32_C(1) << 30)
        die("KV pool of %lld blocks", (long long)blocks);
    struct sim_kv *kv = xcalloc(1, sizeof *kv);
    uint64_t buckets = 64;
    while (buckets < (uint64_t)blocks)
        buckets *= 2;
    kv->block = xcalloc((size_t)blocks, sizeof *kv->block);
    kv->bucket = xcalloc((size_t)buckets, sizeof *kv->bucket);
    kv->mask = buckets - 1;
    kv->total = (int32_t)blocks;
    kv->oldest = kv->newest = NIL;
    kv->cache = cache;
    return kv;
}

void sim_kv_free(struct sim_kv *kv)
{
    if (kv == NULL)
        return;
    free(kv->block);
    free(kv->bucket);
    free(kv);
}

static void list_remove(struct sim_kv *kv, int32_t i)
{
    struct block *b = &kv->block[i];
    if (b->prev != NIL)
        kv->block[b->prev].next = b->next;
    else
        kv->oldest = b->next;
    if (b->next != NIL)
        kv->block[b->next].prev = b->prev;
    else
        kv->newest = b->prev;
}

static void list_append(struct sim_kv *kv, int32_t i)
{
    struct block *b = &kv->block[i];
    b->prev = kv->newest;
    b->next = NIL;
    if (kv->newest != NIL)
        kv->block[kv->newest].next = i;
    else
        kv->oldest = i;
    kv->newest = i;
}

static int32_t *bucket_of(struct sim_kv *kv, uint64_t hash)
{
    return &kv->bucket[hash & kv->mask];
}

static int32_t lookup(struct sim_kv *kv, uint64_t hash)
{
    for (int32_t link = *bucket_of(kv, hash); link != 0; link = kv->block[link - 1].chain)
        if (kv->block[link - 1].hash == hash)
            return link - 1;
    return NIL;
}

static void forget(struct sim_kv *kv, int32_t i)
{
    struct block *b = &kv->block[i];
    if (!b->named)
        return;
    int32_t *link = bucket_of(kv, b->hash);
    while (*link != i + 1)
        link = &kv->block[*link - 1].chain;
    *link = b->chain;
    b->named = false;
}

int32_t sim_kv_take(struct sim_kv *kv)
{
    int32_t i;
    if (kv->fresh < kv->total) {
        i = kv->fresh++;
    } else if (kv->oldest != NIL) {
        i = kv->oldest;
        list_remove(kv, i);
        forget(kv, i);
    } else {
        return NIL;
    }
    kv->block[i].refs = 1;
    kv->used++;
    return i;
}

int32_t sim_kv_find(struct sim_kv *kv, uint64_t hash)
{
    int32_t i = lookup(kv, hash);
    if (i == NIL)
        return NIL;
    if (kv->block[i].refs++ == 0) {
        list_remove(kv, i);
        kv->used++;
    }
    return i;
}

void sim_kv_name(struct sim_kv *kv, int32_t block, uint64_t hash)
{
    struct block *b = &kv->block[block];
    if (!kv->cache || b->named || lookup(kv, hash) != NIL)
        return;
    int32_t *head = bucket_of(kv, hash);
    b->hash = hash;
    b->named = true;
    b->chain = *head;
    *head = block + 1;
}

void sim_kv_drop(struct sim_kv *kv, int32_t block)
{
    if (--kv->block[block].refs > 0)
        return;
    kv->used--;
    list_append(kv, block);
}

void sim_kv_reset(struct sim_kv *kv)
{
    for (int32_t i = kv->oldest; i != NIL; i = kv->block[i].next)
        forget(kv, i);
}

int64_t sim_kv_used(const struct sim_kv *kv)
{
    return kv->used;
}

int64_t sim_kv_total(const struct sim_kv *kv)
{
    return kv->total;
}
