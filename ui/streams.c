#include "ui/streams.h"

#include "util.h"

#include <math.h>
#include <stdlib.h>

#define SORT_EVERY_S 1.0

const char *const stream_sort_names[SORT_COUNT] = {
    [SORT_NUMBER] = "number", [SORT_STATE] = "state",   [SORT_OUTPUT] = "output",
    [SORT_TTFT] = "TTFT",     [SORT_RATE] = "tok/s", [SORT_WAIT] = "waiting time",
};

struct sort_key {
    double key; /* the lowest first; HUGE_VAL: not known */
    uint16_t row;
};

static double state_key(enum stream_state state)
{
    static const double keys[] = {[STREAM_BACKOFF] = 0, [STREAM_CONNECT] = 1, [STREAM_QUEUED] = 2, [STREAM_DECODE] = 3, [STREAM_IDLE] = 4};
    return keys[state];
}

static double key_of(const struct stream_row *r, enum stream_sort by)
{
    double value = (double)NAN;
    bool asked = r->state == STREAM_QUEUED || r->state == STREAM_DECODE;
    switch (by) {
    case SORT_NUMBER:
    case SORT_COUNT:
        return 0;
    case SORT_STATE:
        return r->id < 1 ? HUGE_VAL : state_key(r->state);
    case SORT_OUTPUT:
        value = asked ? r->output : (double)NAN;
        break;
    case SORT_TTFT:
        value = r->state == STREAM_DECODE ? r->ttft_ms : (double)NAN;
        break;
    case SORT_RATE:
        value = r->state == STREAM_DECODE ? r->rate : (double)NAN;
        break;
    case SORT_WAIT:
        value = r->state == STREAM_QUEUED ? r->wait_s : r->state == STREAM_DECODE ? r->ttft_ms / 1000 : (double)NAN;
        break;
    }
    return r->id < 1 || !isfinite(value) ? HUGE_VAL : -value;
}

static int compare(const void *a, const void *b)
{
    const struct sort_key *x = a, *y = b;
    if (x->key < y->key || x->key > y->key)
        return x->key < y->key ? -1 : 1;
    return (int)x->row - (int)y->row;
}

void streams_sort(uint16_t *order, size_t n, const struct stream_row *rows, enum stream_sort by)
{
    struct sort_key keys[SNAP_STREAMS];
    for (size_t i = 0; i < n; i++)
        keys[i] = (struct sort_key){key_of(&rows[i], by), (uint16_t)i};
    if (by != SORT_NUMBER)
        qsort(keys, n, sizeof *keys, compare);
    for (size_t i = 0; i < n; i++)
        order[i] = keys[i].row;
}

void streams_move(struct stream_list *l, int at)
{
    l->at = MAX_OF(MIN_OF(at, l->n - 1), 0);
    l->row = l->n > 0 ? l->order[l->at] : 0;
}

static void sort(struct stream_list *l, const struct snapshot *s)
{
    l->n = (int)MIN_OF(s->streams_n, (size_t)SNAP_STREAMS);
    streams_sort(l->order, (size_t)l->n, s->streams, l->by);
    l->sorted = true;
    l->sorted_s = s->clock_s;
}

/* A stream that is gone gives its place to the one that is there now. */
static void find_bar(struct stream_list *l)
{
    int at = l->at;
    for (int i = 0; i < l->n && (l->at > 0 || l->open); i++)
        if (l->order[i] == l->row)
            at = i;
    streams_move(l, at);
}

void streams_update(struct stream_list *l, const struct snapshot *s, int seen)
{
    double age = s->clock_s - l->sorted_s;
    if (!l->sorted || l->n != (int)MIN_OF(s->streams_n, (size_t)SNAP_STREAMS) || age >= SORT_EVERY_S || age < 0) {
        sort(l, s);
        if (l->row >= l->n)
            l->open = false;
        find_bar(l);
    }
    if (l->at < l->top)
        l->top = l->at;
    if (l->at >= l->top + seen)
        l->top = l->at - seen + 1;
    l->top = MAX_OF(MIN_OF(l->top, l->n - seen), 0);
}

void streams_scroll(struct stream_list *l, int by, int seen)
{
    l->top = MAX_OF(MIN_OF(l->top + by, l->n - seen), 0);
    streams_move(l, MAX_OF(MIN_OF(l->at, l->top + seen - 1), l->top));
}

void streams_next_sort(struct stream_list *l, const struct snapshot *s)
{
    l->by = (enum stream_sort)((l->by + 1) % SORT_COUNT);
    sort(l, s);
    l->top = 0;
    if (!l->open)
        streams_move(l, 0);
    find_bar(l);
}
