/* sim_kv: the simulated KV cache, a pool of blocks of 16 tokens that are counted by reference and found again
 * by hash. A block that nobody uses keeps its content until the pool needs it: least recently freed first.
 * Pure. Memory is touched only as blocks come into use, so a large pool costs nothing until it fills. */
#ifndef TG_SIM_KV_H
#define TG_SIM_KV_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_KV_BLOCK 16

struct sim_kv;

/* blocks: 1 … 2^30.  Without `cache` nothing is ever found again. */
struct sim_kv *sim_kv_new(int64_t blocks, bool cache);
void sim_kv_free(struct sim_kv *kv);

/* A block with one reference, or −1 where every block is in use. */
int32_t sim_kv_take(struct sim_kv *kv);
/* The block that holds what `hash` names, with one reference more, or −1. */
int32_t sim_kv_find(struct sim_kv *kv, uint64_t hash);
/* Makes a block that is in use findable.  Where another one already has that name nothing happens. */
void sim_kv_name(struct sim_kv *kv, int32_t block, uint64_t hash);
/* Gives one reference back. */
void sim_kv_drop(struct sim_kv *kv, int32_t block);

/* Forgets what is in blocks that nobody uses. */
void sim_kv_reset(struct sim_kv *kv);

int64_t sim_kv_used(const struct sim_kv *kv); /* blocks with a reference */
int64_t sim_kv_total(const struct sim_kv *kv);

#endif
