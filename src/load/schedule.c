#include "load/schedule.h"

#include "util.h"

#include <string.h>

void schedule_init(struct schedule *s)
{
    memset(s, 0, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
}

void schedule_release(struct schedule *s)
{
    pthread_mutex_destroy(&s->lock);
}

static bool over(const struct schedule *s)
{
    struct workload_item item;
    if (s->trace != NULL && s->seq - s->bounds.first >= s->trace->n)
        return true;
    return !workload_next(&s->bounds, s->seq, 0, &item);
}

/* The changes of the rate that come before the next one. */
static void pass_changes(struct schedule *s)
{
    while (s->changes_n > 0 && s->next_due > s->changes[0].at) {
        struct schedule_change *c = &s->changes[0];
        arrivals_change(&s->arrivals, &c->c, c->at - s->origin);
        s->origin = c->at;
        s->next_due = s->origin + arrivals_time(&s->arrivals, s->arrivals.sum);
        memmove(c, c + 1, (size_t)--s->changes_n * sizeof *c);
    }
}

static void draw_next(struct schedule *s)
{
    if (s->trace == NULL) {
        s->next_due = s->origin + arrivals_next(&s->arrivals);
        pass_changes(s);
    } else if (s->seq - s->bounds.first < s->trace->n) {
        s->next_due = s->origin + s->trace->items[s->seq - s->bounds.first].at;
    }
}

void schedule_begin(struct schedule *s, const struct arrival_config *c, const struct trace *trace, uint64_t seed, struct workload bounds, int64_t now)
{
    pthread_mutex_lock(&s->lock);
    s->bounds = bounds;
    s->trace = trace;
    s->origin = now;
    s->bounds.first = s->seq;
    s->held = s->back_n = s->changes_n = 0;
    s->until = INT64_MAX;
    arrivals_init(&s->arrivals, c, seed);
    draw_next(s);
    pthread_mutex_unlock(&s->lock);
}

void schedule_rate(struct schedule *s, const struct arrival_config *c, int64_t now)
{
    pthread_mutex_lock(&s->lock);
    if (s->trace == NULL) {
        if (s->changes_n == SCHEDULE_CHANGES)
            s->changes[SCHEDULE_CHANGES - 1].c = *c;
        else
            s->changes[s->changes_n++] = (struct schedule_change){*c, now};
        pass_changes(s);
    }
    pthread_mutex_unlock(&s->lock);
}

void schedule_shift(struct schedule *s, int64_t ns)
{
    pthread_mutex_lock(&s->lock);
    s->origin += ns;
    for (int i = 0; i < s->changes_n; i++)
        s->changes[i].at += ns;
    s->next_due += ns;
    if (s->until != INT64_MAX)
        s->until += ns;
    for (int i = 0; i < s->back_n; i++)
        s->back[i].item.due += ns;
    pthread_mutex_unlock(&s->lock);
}

void schedule_until(struct schedule *s, int64_t until)
{
    pthread_mutex_lock(&s->lock);
    s->until = until;
    pthread_mutex_unlock(&s->lock);
}

static void take_new(struct schedule *s, struct scheduled *out)
{
    *out = (struct scheduled){.sum = s->arrivals.sum};
    workload_next(&s->bounds, s->seq, s->next_due, &out->item);
    if (s->trace != NULL) {
        const struct trace_item *t = &s->trace->items[s->seq - s->bounds.first];
        out->context = t->context;
        out->max_tokens = t->max_tokens;
    }
    s->seq++;
    draw_next(s);
}

/* When one that was given back is due at the rate that holds now.  What comes before the present rate's 0 was due by then. */
static int64_t due_of(const struct schedule *s, const struct scheduled *r)
{
    if (s->trace != NULL)
        return r->item.due;
    return r->sum > s->arrivals.begun ? s->origin + arrivals_time(&s->arrivals, r->sum) : MIN_OF(r->item.due, s->origin);
}

/* The one that is due first of those that were given back. */
static void take_back(struct schedule *s, struct scheduled *out)
{
    int first = 0;
    for (int i = 1; i < s->back_n; i++)
        if (s->back[i].item.seq < s->back[first].item.seq)
            first = i;
    *out = s->back[first];
    s->back[first] = s->back[--s->back_n];
    out->item.due = due_of(s, out);
}

bool schedule_take(struct schedule *s, struct scheduled *out)
{
    pthread_mutex_lock(&s->lock);
    bool some = s->back_n > 0 || (!over(s) && s->next_due < s->until);
    if (s->back_n > 0)
        take_back(s, out);
    else if (some)
        take_new(s, out);
    s->held += some;
    pthread_mutex_unlock(&s->lock);
    return some;
}

void schedule_give_back(struct schedule *s, const struct scheduled *r)
{
    pthread_mutex_lock(&s->lock);
    s->held--;
    if (s->back_n < SCHEDULE_HELD && r->item.seq >= s->bounds.first)
        s->back[s->back_n++] = *r;
    pthread_mutex_unlock(&s->lock);
}

bool schedule_may_send(struct schedule *s, const struct scheduled *r)
{
    pthread_mutex_lock(&s->lock);
    bool may = r->item.due < s->until;
    s->held -= !may;
    pthread_mutex_unlock(&s->lock);
    return may;
}

bool schedule_sent(struct schedule *s)
{
    pthread_mutex_lock(&s->lock);
    s->held--;
    bool last = s->held == 0 && s->back_n == 0 && over(s);
    pthread_mutex_unlock(&s->lock);
    return last;
}

double schedule_rate_now(struct schedule *s, int64_t now)
{
    pthread_mutex_lock(&s->lock);
    const struct schedule_change *last = s->changes_n > 0 ? &s->changes[s->changes_n - 1] : NULL;
    double rate = last != NULL ? arrivals_rate(&last->c, MAX_OF(now - last->at, INT64_C(0)))
                               : arrivals_rate(&s->arrivals.c, MAX_OF(now - s->origin, INT64_C(0)));
    pthread_mutex_unlock(&s->lock);
    return rate;
}

int schedule_waiting(struct schedule *s, int64_t now, int most)
{
    int n = 0;
    pthread_mutex_lock(&s->lock);
    struct schedule ahead = *s; /* looks ahead in a copy: what it draws is drawn again when it is taken */
    pthread_mutex_unlock(&s->lock);
    for (int i = 0; i < ahead.back_n; i++)
        n += due_of(&ahead, &ahead.back[i]) <= now;
    for (; n < most && !over(&ahead) && ahead.next_due <= now; n++) {
        ahead.seq++;
        draw_next(&ahead);
    }
    return n;
}
