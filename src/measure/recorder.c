#include "measure/recorder.h"
#include "util.h"

#include <stdlib.h>

void record_set_clear(struct record_set *s)
{
    s->tokens = s->approx = s->events = s->bytes = s->first = s->sent = 0;
    s->decode_ns = 0;
    hist_reset(&s->lag);
    hist_reset(&s->batch_delay);
    hist_reset(&s->stamp_arrival);
    hist_reset(&s->stamp_ttft);
    s->cpu_ns = s->wall_ns = 0;
    s->rows_n = s->streams_n = 0;
    s->text_stream = 0;
}

void record_set_release(struct record_set *s)
{
    free(s->rows);
    free(s->streams);
    *s = (struct record_set){0};
}

struct row *record_set_add_row(struct record_set *s)
{
    if (s->rows_n == s->rows_cap) {
        s->rows_cap = s->rows_cap > 0 ? s->rows_cap * 2 : 16;
        s->rows = xrealloc(s->rows, s->rows_cap * sizeof *s->rows);
    }
    return &s->rows[s->rows_n++];
}

void mailbox_init(struct mailbox *m)
{
    pthread_mutex_init(&m->lock, NULL);
    m->full = NULL;
    m->empty = xcalloc(1, sizeof *m->empty);
}

static void free_set(struct record_set *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->rows_n; i++)
        timeline_release(&s->rows[i].tl), free(s->rows[i].text);
    record_set_release(s);
    free(s);
}

void mailbox_release(struct mailbox *m)
{
    free_set(m->full);
    free_set(m->empty);
    pthread_mutex_destroy(&m->lock);
}

struct record_set *mailbox_put(struct mailbox *m, struct record_set *set)
{
    pthread_mutex_lock(&m->lock);
    struct record_set *next = set;
    if (m->full == NULL && m->empty != NULL) {
        m->full = set;
        next = m->empty;
        m->empty = NULL;
    }
    pthread_mutex_unlock(&m->lock);
    return next;
}

struct record_set *mailbox_take(struct mailbox *m)
{
    pthread_mutex_lock(&m->lock);
    struct record_set *s = m->full;
    m->full = NULL;
    pthread_mutex_unlock(&m->lock);
    return s;
}

void mailbox_return(struct mailbox *m, struct record_set *set)
{
    pthread_mutex_lock(&m->lock);
    m->empty = set;
    pthread_mutex_unlock(&m->lock);
}
