/* The open loop of a worker: requests come when they are due, not when a stream is free.  The next one is taken from the
 * schedule as long as a stream is free for it, held until it is due, and sent on time by a clock of its own: libevent's timers
 * are late by milliseconds. */
#include "load/worker_inside.h"
#include "clock.h"

#include <sys/timerfd.h>

#define SENT_PER_PASS 8 /* as in the closed loop: a burst must not delay the streams that run */

/* The one with the lowest number, so that a low rate keeps to the first rows of the screen.  NULL: all are busy. */
static struct slot *free_slot(struct worker *w)
{
    int n = worker_slots_wanted(w);
    while (w->busy_below < n && w->slots[w->busy_below]->active)
        w->busy_below++;
    return w->busy_below < n ? w->slots[w->busy_below] : NULL;
}

/* A clock that is right already is left alone: that saves a system call a request. */
static void set_clock(struct worker *w, int64_t at)
{
    if (w->due_clock == at)
        return;
    w->due_clock = at;
    struct itimerspec t = {.it_value = {at / NS_PER_SEC, at % NS_PER_SEC}}; /* 0, 0: off */
    timerfd_settime(w->due_fd, TFD_TIMER_ABSTIME, &t, NULL);
}

void worker_slot_free(struct worker *w, const struct slot *s)
{
    w->busy_below = MIN_OF(w->busy_below, s->id / w->count);
    if (w->target.open && w->due_clock == 0) /* else the clock comes first: what is held is not due yet */
        worker_soon(w->starter);
}

void worker_clock_rang(struct worker *w)
{
    w->due_clock = 0;
    worker_pump(w);
}

void worker_let_go(struct worker *w)
{
    if (w->holds)
        schedule_give_back(&w->shared->schedule, &w->held);
    w->holds = false;
    set_clock(w, 0);
}

/* True where there is a request that is due, and a stream for it. */
static bool next_due(struct worker *w, struct slot **s)
{
    *s = worker_may_send(w) ? free_slot(w) : NULL;
    if (*s == NULL)
        return false;
    if (!w->holds)
        w->holds = schedule_take(&w->shared->schedule, &w->held);
    if (!w->holds)
        return false;
    if (w->held.item.due <= clock_ns())
        return w->holds = schedule_may_send(&w->shared->schedule, &w->held); /* what follows is due later still */
    set_clock(w, w->held.item.due);
    return false;
}

static void send_held(struct worker *w, struct slot *s)
{
    const struct scheduled r = w->held;
    w->holds = false;
    s->item = r.item;
    worker_send(s, r.context, r.max_tokens, MAX_OF(r.item.due, s->free_at));
    if (schedule_sent(&w->shared->schedule))
        worker_note_dry(s, s->t.tl.free_at); /* when it could be sent, however late this program was */
}

void worker_pump(struct worker *w)
{
    struct slot *s;
    if (!w->target.open)
        return;
    for (int i = 0; next_due(w, &s); i++) {
        if (i == SENT_PER_PASS) {
            worker_soon(w->starter);
            return;
        }
        send_held(w, s);
    }
}
