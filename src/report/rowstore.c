#include "report/rowstore.h"

#include "util.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK 64       /* rows that are packed one by the other: the first of them by nothing */
#define OPEN 16        /* blocks that are unpacked at once: a replay shows rows of many streams */
#define ROW_MOST 512   /* bytes that one row takes packed, at the most: 10 for each field, and the mask */
#define ERRORS_BACK 64 /* an error's text is looked for among the last so many that are kept */

#define AT(member) offsetof(struct row, member), sizeof(((struct row *)0)->member)
enum { NONE = -1, SENT, DUE, STARTED, FIRST_BYTE, FIRST_EVENT, FIRST_TOKEN, FIRST_ANSWER, LAST_TOKEN, END };

/* What changes most often comes first, so that the mask is short.  A moment is told by another one that is near. */
static const struct field {
    size_t at, size;
    int near; /* field that it is the difference from */
} fields[] = {
    [SENT] = {AT(tl.sent), NONE},
    [DUE] = {AT(tl.due), SENT},
    [STARTED] = {AT(tl.started), DUE},
    [FIRST_BYTE] = {AT(tl.first_byte), SENT},
    [FIRST_EVENT] = {AT(tl.first_event), FIRST_BYTE},
    [FIRST_TOKEN] = {AT(tl.first_token), FIRST_EVENT},
    [FIRST_ANSWER] = {AT(tl.first_answer), FIRST_TOKEN},
    [LAST_TOKEN] = {AT(tl.last_token), FIRST_TOKEN},
    [END] = {AT(tl.end), LAST_TOKEN},
    {AT(seq), NONE},
    {AT(stream), NONE},
    {AT(tl.free_at), NONE},
    {AT(tl.output_tokens), NONE},
    {AT(tl.events), NONE},
    {AT(tl.prompt_tokens), NONE},
    {AT(tl.cached_tokens), NONE},
    {AT(tl.first_tokens), NONE},
    {AT(tl.connect_ns), NONE},
    {AT(tl.tls_ns), NONE},
    {AT(context), NONE},
    {AT(max_tokens), NONE},
    {AT(phase), NONE},
    {AT(turn), NONE},
    {AT(good), NONE},
    {AT(unjudged), NONE},
    {AT(missed), NONE},
    {AT(warmup), NONE},
    {AT(fixed_length), NONE},
    {AT(tl.outcome), NONE},
    {AT(tl.http_status), NONE},
    {AT(tl.source), NONE},
    {AT(tl.slept), NONE},
    {AT(tl.retried), NONE},
    {AT(tl.done), NONE},
    {AT(tl.finish), NONE},
    {AT(tl.error), NONE},
    {AT(tl.malformed), NONE},
    {AT(tl.cut), NONE},
    {AT(tl.usage_fell), NONE},
    {AT(tl.counted), NONE},
    {AT(tl.usage_seen), NONE},
    {AT(tl.usage_given), NONE},
};
#define FIELDS ARRAY_LEN(fields)
#define ERROR FIELDS /* one more: the number of its text, from 1; 0: none */

struct values {
    uint64_t v[FIELDS + 1];
};

struct rowstore {
    unsigned char *data;
    size_t used, cap;
    size_t *block; /* where each begins */
    size_t rows;
    char **errors; /* distinct but for what is further apart than ERRORS_BACK */
    size_t errors_n;
    struct values last; /* of the row that was added last */
    struct open_block {
        size_t block, rows; /* rows 0: none is unpacked here */
        struct row row[BLOCK];
    } open[OPEN]; /* block i at i mod OPEN */
};

struct rowstore *rowstore_new(void)
{
    return xcalloc(1, sizeof(struct rowstore));
}

void rowstore_free(struct rowstore *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->errors_n; i++)
        free(s->errors[i]);
    free(s->errors);
    free(s->block);
    free(s->data);
    free(s);
}

/* ---- one field ---- */

static uint64_t load(const struct row *r, const struct field *f)
{
    const char *at = (const char *)r + f->at;
    uint64_t wide = 0;
    uint32_t word = 0;
    bool flag = false;
    switch (f->size) {
    case sizeof flag: memcpy(&flag, at, sizeof flag); return flag;
    case sizeof word: memcpy(&word, at, sizeof word); return word;
    default: memcpy(&wide, at, sizeof wide); return wide;
    }
}

static void store(struct row *r, const struct field *f, uint64_t v)
{
    char *at = (char *)r + f->at;
    uint32_t word = (uint32_t)v;
    bool flag = v != 0;
    switch (f->size) {
    case sizeof flag: memcpy(at, &flag, sizeof flag); break;
    case sizeof word: memcpy(at, &word, sizeof word); break;
    default: memcpy(at, &v, sizeof v);
    }
}

/* Seven bits a byte, the low ones first; the top bit says that more follow. */
static unsigned char *put(unsigned char *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (unsigned char)(v | 0x80);
    *p++ = (unsigned char)v;
    return p;
}

static const unsigned char *get(const unsigned char *p, uint64_t *v)
{
    *v = 0;
    for (unsigned shift = 0;; shift += 7) {
        *v |= (uint64_t)(*p & 0x7f) << shift;
        if (!(*p++ & 0x80))
            return p;
    }
}

/* Differences that are small, whatever their sign, become small numbers (modulo 2^64, so that any can be told). */
static uint64_t fold(uint64_t difference)
{
    return difference << 1 ^ (0 - (difference >> 63));
}

static uint64_t unfold(uint64_t v)
{
    return v >> 1 ^ (0 - (v & 1));
}

/* ---- rows ---- */

static uint64_t keep_error(struct rowstore *s, const char *text)
{
    if (*text == '\0')
        return 0;
    for (size_t i = s->errors_n; i > 0 && s->errors_n - i < ERRORS_BACK; i--)
        if (strcmp(s->errors[i - 1], text) == 0)
            return i;
    s->errors = xrealloc(s->errors, (s->errors_n + 1) * sizeof *s->errors);
    s->errors[s->errors_n++] = xstrdup(text);
    return s->errors_n;
}

static void read_values(struct rowstore *s, const struct row *r, struct values *out)
{
    for (size_t i = 0; i < FIELDS; i++)
        out->v[i] = load(r, &fields[i]) - (fields[i].near != NONE ? load(r, &fields[fields[i].near]) : 0);
    out->v[ERROR] = keep_error(s, r->error);
}

static void make_row(const struct rowstore *s, const struct values *in, struct row *r)
{
    *r = (struct row){0};
    for (size_t i = 0; i < FIELDS; i++) /* what a field is told by comes before it */
        store(r, &fields[i], in->v[i] + (fields[i].near != NONE ? load(r, &fields[fields[i].near]) : 0));
    if (in->v[ERROR] > 0)
        str_copy(r->error, sizeof r->error, s->errors[in->v[ERROR] - 1]);
}

void rowstore_add(struct rowstore *s, const struct row *r)
{
    if (s->rows % BLOCK == 0) {
        s->block = xrealloc(s->block, (s->rows / BLOCK + 1) * sizeof *s->block);
        s->block[s->rows / BLOCK] = s->used;
        s->last = (struct values){0};
    }
    if (s->cap - s->used < ROW_MOST) {
        s->cap = MAX_OF(s->cap * 2, (size_t)1 << 16);
        s->data = xrealloc(s->data, s->cap);
    }
    struct values now;
    read_values(s, r, &now);
    uint64_t mask = 0;
    for (size_t i = 0; i <= FIELDS; i++)
        mask |= (uint64_t)(now.v[i] != s->last.v[i]) << i;
    unsigned char *p = put(s->data + s->used, mask);
    for (size_t i = 0; i <= FIELDS; i++)
        if (mask >> i & 1)
            p = put(p, fold(now.v[i] - s->last.v[i]));
    s->used = (size_t)(p - s->data);
    s->last = now;
    struct open_block *open = &s->open[s->rows / BLOCK % OPEN];
    if (open->block == s->rows / BLOCK)
        open->rows = 0; /* it has grown */
    s->rows++;
}

static void unpack(const struct rowstore *s, size_t block, struct open_block *out)
{
    const unsigned char *p = s->data + s->block[block];
    struct values v = {0};
    out->block = block;
    out->rows = MIN_OF(s->rows - block * BLOCK, (size_t)BLOCK);
    for (size_t i = 0; i < out->rows; i++) {
        uint64_t mask, change;
        p = get(p, &mask);
        for (; mask != 0; mask &= mask - 1) { /* its lowest bit goes */
            p = get(p, &change);
            v.v[__builtin_ctzll(mask)] += unfold(change);
        }
        make_row(s, &v, &out->row[i]);
    }
}

const struct row *rowstore_get(struct rowstore *s, size_t i)
{
    struct open_block *open = &s->open[i / BLOCK % OPEN];
    if (open->rows == 0 || open->block != i / BLOCK)
        unpack(s, i / BLOCK, open);
    return &open->row[i % BLOCK];
}

size_t rowstore_bytes(const struct rowstore *s)
{
    return s->used;
}
