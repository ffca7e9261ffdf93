/* sim_model: see the header for what is simulated.  `running` is an array in the order of admission; `queue`
 * is a list. */
#include "sim/sim_model.h"

#include "sim/sim_kv.h"
#include "util.h"

#include <stdlib.h>
#include <string.h>

struct sim_seq {
    struct sim_seq *prev, *next; /* in the queue, or (next) among the unused */
    struct sim_job job;          /* .prompt is not kept */
    int64_t ready, admitted;     /* admitted: 0 until it happens */
    int computed;                /* tokens whose KV is there */
    int goal; /* tokens to compute before the next token comes: prompt, or more after a preemption */
    int generated;
    int cached; /* −1 until looked up */
    int chunk;  /* tokens of this step's work; 0: not in this step */
    bool running;
    int32_t *block;
    int blocks, blocks_cap;
    uint64_t *hash; /* of each full block, chained */
    int hashes, hashes_cap;
    int named;     /* blocks that are findable */
    uint64_t tail; /* chain of the block that is filling … */
    int tail_n;    /* … and the tokens in it */
};

struct sim_model {
    struct sim_model_config c;
    struct sim_kv *kv;
    struct sim_seq **running;
    int n_running;
    struct sim_seq *head, *tail; /* the queue */
    struct sim_seq *unused;
    bool stepping, preempted;
    int64_t began, ends; /* of the step in progress, or of the last one */
    uint64_t rng;
    uint64_t queries, hits, preemptions, steps;
    struct sim_token *token;
};

static int64_t ns_of_ms(double ms)
{
    return (int64_t)(ms * 1e6 + 0.5);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t state = a ^ (b * UINT64_C(0x9e3779b97f4a7c15));
    return rng_next(&state);
}

struct sim_model *sim_model_new(const struct sim_model_config *c)
{
    struct sim_model *m = xcalloc(1, sizeof *m);
    m->c = *c;
    m->rng = c->seed;
    m->kv = sim_kv_new(c->kv_tokens / SIM_KV_BLOCK, c->prefix_cache);
    m->running = xcalloc((size_t)c->max_num_seqs, sizeof(struct sim_seq *));
    m->token = xcalloc((size_t)c->max_num_seqs, sizeof *m->token);
    return m;
}

static void seq_free(struct sim_seq *s)
{
    free(s->block);
    free(s->hash);
    free(s);
}

static void list_free(struct sim_seq *s)
{
    while (s != NULL) {
        struct sim_seq *next = s->next;
        seq_free(s);
        s = next;
    }
}

void sim_model_free(struct sim_model *m)
{
    if (m == NULL)
        return;
    for (int i = 0; i < m->n_running; i++)
        seq_free(m->running[i]);
    list_free(m->head);
    list_free(m->unused);
    sim_kv_free(m->kv);
    free(m->running);
    free(m->token);
    free(m);
}

/* ---- the queue ---- */

static void queue_append(struct sim_model *m, struct sim_seq *s)
{
    s->prev = m->tail;
    s->next = NULL;
    if (m->tail != NULL)
        m->tail->next = s;
    else
        m->head = s;
    m->tail = s;
}

static void queue_prepend(struct sim_model *m, struct sim_seq *s)
{
    s->prev = NULL;
    s->next = m->head;
    if (m->head != NULL)
        m->head->prev = s;
    else
        m->tail = s;
    m->head = s;
}

static void queue_remove(struct sim_model *m, struct sim_seq *s)
{
    if (s->prev != NULL)
        s->prev->next = s->next;
    else
        m->head = s->next;
    if (s->next != NULL)
        s->next->prev = s->prev;
    else
        m->tail = s->prev;
}

/* ---- blocks ---- */

/* Chains one token on; a block that is full gets its hash. */
static void chain_token(struct sim_seq *s, uint64_t token)
{
    s->tail = mix(s->tail, token);
    if (++s->tail_n < SIM_KV_BLOCK)
        return;
    s->tail_n = 0;
    if (s->hashes == s->hashes_cap) {
        s->hashes_cap = MAX_OF(16, s->hashes_cap * 2);
        s->hash = xrealloc(s->hash, (size_t)s->hashes_cap * sizeof *s->hash);
    }
    s->hash[s->hashes++] = s->tail;
}

static void release_blocks(struct sim_model *m, struct sim_seq *s)
{
    /* Last block first: the end of a prompt is worth less than its beginning, so it must be the first to be
     * evicted. */
    while (s->blocks > 0)
        sim_kv_drop(m->kv, s->block[--s->blocks]);
    s->named = 0;
}

static void push_block(struct sim_seq *s, int32_t b)
{
    if (s->blocks == s->blocks_cap) {
        s->blocks_cap = MAX_OF(16, s->blocks_cap * 2);
        s->block = xrealloc(s->block, (size_t)s->blocks_cap * sizeof *s->block);
    }
    s->block[s->blocks++] = b;
}

/* Room for `tokens` in all.  False, and nothing changed, where the pool has not enough. */
static bool grow(struct sim_model *m, struct sim_seq *s, int tokens)
{
    int need = (tokens + SIM_KV_BLOCK - 1) / SIM_KV_BLOCK;
    int had = s->blocks;
    while (s->blocks < need) {
        int32_t b = sim_kv_take(m->kv);
        if (b < 0) {
            while (s->blocks > had)
                sim_kv_drop(m->kv, s->block[--s->blocks]);
            return false;
        }
        push_block(s, b);
    }
    int full = MIN_OF(tokens / SIM_KV_BLOCK, s->hashes);
    for (; s->named < full; s->named++)
        sim_kv_name(m->kv, s->block[s->named], s->hash[s->named]);
    return true;
}

/* Takes what the cache has of the prompt; at least one token is left to compute. */
static void reuse_prefix(struct sim_model *m, struct sim_seq *s)
{
    int most = MIN_OF((s->goal - 1) / SIM_KV_BLOCK, s->hashes);
    while (s->blocks < most) {
        int32_t b = sim_kv_find(m->kv, s->hash[s->blocks]);
        if (b < 0)
            break;
        push_block(s, b);
    }
    s->named = s->blocks;
    s->computed = s->blocks * SIM_KV_BLOCK;
}

/* ---- requests ---- */

struct sim_seq *sim_model_submit(struct sim_model *m, int64_t now, const struct sim_job *job)
{
    int64_t need = (int64_t)job->prompt_tokens + job->output_tokens;
    if ((need + SIM_KV_BLOCK - 1) / SIM_KV_BLOCK > sim_kv_total(m->kv))
        return NULL;
    struct sim_seq *s = m->unused;
    if (s != NULL)
        m->unused = s->next;
    else
        s = xcalloc(1, sizeof *s);
    *s = (struct sim_seq){
        .job = *job,
        .ready = now + ns_of_ms(m->c.overhead_ms),
        .goal = job->prompt_tokens,
        .cached = -1,
        .block = s->block,
        .blocks_cap = s->blocks_cap,
        .hash = s->hash,
        .hashes_cap = s->hashes_cap,
    };
    s->job.prompt = NULL;
    for (int i = 0; i < job->prompt_tokens; i++)
        chain_token(s, job->prompt[i]);
    queue_append(m, s);
    return s;
}

static void recycle(struct sim_model *m, struct sim_seq *s)
{
    release_blocks(m, s);
    s->next = m->unused;
    m->unused = s;
}

static void running_remove(struct sim_model *m, int i)
{
    m->n_running--;
    memmove(&m->running[i], &m->running[i + 1], (size_t)(m->n_running - i) * sizeof(struct sim_seq *));
}

void sim_model_abort(struct sim_model *m, struct sim_seq *s)
{
    if (!s->running) {
        queue_remove(m, s);
    } else {
        int i = 0;
        while (m->running[i] != s)
            i++;
        running_remove(m, i);
    }
    recycle(m, s);
}

/* ---- a step ---- */

static void preempt_last(struct sim_model *m)
{
    struct sim_seq *s = m->running[--m->n_running];
    release_blocks(m, s);
    s->running = false;
    s->computed = 0;
    s->chunk = 0;
    s->goal = s->job.prompt_tokens + s->generated;
    queue_prepend(m, s);
    m->preempted = true;
    m->preemptions++;
}

/* Makes room for what s computes in this step, at the cost of those that came last; false where s itself had
 * to go. */
static bool make_room(struct sim_model *m, struct sim_seq *s)
{
    while (!grow(m, s, s->computed + s->chunk)) {
        preempt_last(m);
        if (!s->running)
            return false;
    }
    return true;
}

/* Work for those that run already.  Returns how many of them decode; takes prompt tokens off the budget. */
static int plan_running(struct sim_model *m, int *budget)
{
    int decoding = 0;
    for (int i = 0; i < m->n_running; i++) {
        struct sim_seq *s = m->running[i];
        int left = s->goal - s->computed;
        s->chunk = left > 0 ? MIN_OF(left, *budget) : 1;
        if (s->chunk == 0 || !make_room(m, s))
            continue;
        if (left > 0)
            *budget -= s->chunk;
        else
            decoding++;
    }
    return decoding;
}

static bool admit(struct sim_model *m, struct sim_seq *s, int budget)
{
    reuse_prefix(m, s);
    s->chunk = MIN_OF(s->goal - s->computed, budget);
    if (!grow(m, s, s->computed + s->chunk)) {
        release_blocks(m, s);
        s->computed = s->chunk = 0;
        return false;
    }
    if (s->cached < 0) {
        s->cached = s->computed;
        s->admitted = m->began;
        m->queries += (uint64_t)s->goal;
        m->hits += (uint64_t)s->cached;
    }
    queue_remove(m, s);
    s->running = true;
    m->running[m->n_running++] = s;
    return true;
}

static double step_noise(struct sim_model *m)
{
    if (m->c.jitter <= 0)
        return 1;
    double normal = -6; /* the sum of twelve uniform values is normal enough, and needs no libm */
    for (int i = 0; i < 12; i++)
        normal += rng_unit(&m->rng);
    return MAX_OF(0.1, 1 + m->c.jitter * normal);
}

static void plan_step(struct sim_model *m)
{
    int budget = m->c.prefill_chunk;
    m->preempted = false;
    int decoding = plan_running(m, &budget);
    while (!m->preempted && budget > 0 && m->n_running < m->c.max_num_seqs && m->head != NULL &&
           m->head->ready <= m->began) {
        struct sim_seq *s = m->head;
        if (!admit(m, s, budget))
            break;
        budget -= s->chunk;
    }
    int prefill = m->c.prefill_chunk - budget;
    double ms = m->c.step_ms + m->c.step_seq_ms * decoding + 1000.0 * prefill / m->c.prefill_rate;
    ms *= step_noise(m);
    if (m->steps++ == 0)
        ms += m->c.cold_ms;
    m->ends = m->began + MAX_OF(1, ns_of_ms(ms));
    m->stepping = true;
}

/* The work of the step is done: tokens come out, finished requests leave. */
static void end_step(struct sim_model *m, struct sim_tick *tick)
{
    int kept = 0;
    size_t n = 0;
    for (int i = 0; i < m->n_running; i++) {
        struct sim_seq *s = m->running[i];
        m->running[kept++] = s;
        if (s->chunk == 0)
            continue;
        s->computed += s->chunk;
        s->chunk = 0;
        if (s->computed < s->goal)
            continue;
        if (s->job.output != NULL)
            chain_token(s, s->job.output(s->job.user, s->generated));
        bool last = ++s->generated == s->job.output_tokens;
        m->token[n++] = (struct sim_token){.user = s->job.user,
                                           .index = s->generated - 1,
                                           .last = last,
                                           .cached = s->cached,
                                           .ready = s->ready,
                                           .admitted = s->admitted};
        if (last) {
            recycle(m, s);
            kept--;
        }
    }
    m->n_running = kept;
    m->stepping = false;
    *tick = (struct sim_tick){.at = m->ends, .n = n, .token = m->token};
}

/* When the next step begins, if it is not in progress. */
static int64_t next_begin(const struct sim_model *m)
{
    if (m->n_running > 0)
        return m->ends;
    return m->head != NULL ? MAX_OF(m->ends, m->head->ready) : SIM_NEVER;
}

int64_t sim_model_due(const struct sim_model *m)
{
    return m->stepping ? m->ends : next_begin(m);
}

bool sim_model_step(struct sim_model *m, int64_t now, struct sim_tick *tick)
{
    for (;;) {
        if (!m->stepping) {
            int64_t begin = next_begin(m);
            if (begin > now)
                return false;
            m->began = begin;
            plan_step(m);
        }
        if (m->ends > now)
            return false;
        end_step(m, tick);
        if (tick->n > 0)
            return true;
    }
}

void sim_model_reset_cache(struct sim_model *m)
{
    sim_kv_reset(m->kv);
}

void sim_model_stats(const struct sim_model *m, struct sim_model_stats *out)
{
    *out = (struct sim_model_stats){
        .running = m->n_running,
        .kv_blocks_used = sim_kv_used(m->kv),
        .kv_blocks_total = sim_kv_total(m->kv),
        .prefix_queries = m->queries,
        .prefix_hits = m->hits,
        .preemptions = m->preemptions,
        .steps = m->steps,
    };
    for (const struct sim_seq *s = m->head; s != NULL && s->ready <= m->began; s = s->next)
        out->waiting++;
}
