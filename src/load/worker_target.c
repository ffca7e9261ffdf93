/* A worker, woken by the engine: how many streams it has now, which requests are over their time, whose text is read. */
#include "load/worker_inside.h"
#include "clock.h"

#include <stdlib.h>

int worker_slots_wanted(const struct worker *w)
{
    return w->target.streams / w->count + (w->index < w->target.streams % w->count ? 1 : 0);
}

static void grow(struct worker *w, int n)
{
    if (n <= w->slots_n)
        return;
    w->slots = xrealloc(w->slots, (size_t)n * sizeof(struct slot *));
    for (int i = w->slots_n; i < n; i++) {
        w->slots[i] = xcalloc(1, sizeof(struct slot));
        w->slots[i]->w = w;
        w->slots[i]->id = i * w->count + w->index;
        w->slots[i]->retired = true;
        w->slots[i]->ready_stretch = w->slots[i]->ready_step = -1;
    }
    w->slots_n = n;
    struct slot **ring = xcalloc((size_t)n, sizeof(struct slot *));
    for (int i = 0; i < w->queue_n; i++)
        ring[i] = w->queue[(w->queue_head + i) % w->queue_cap];
    free(w->queue);
    w->queue = ring;
    w->queue_cap = n;
    w->queue_head = 0;
}

static void stop_waiting(struct slot *s)
{
    if (s->backoff_until != 0 || s->thinking)
        evtimer_del(s->timer);
    s->backoff_until = 0;
    s->thinking = false;
}

static void apply_slot(struct slot *s, bool wanted, int64_t now)
{
    struct worker *w = s->w;
    if (wanted && s->retired) /* a request that waited for it did so until now */
        s->free_at = now;
    s->retired = !wanted;
    if (s->active && (s->retired || w->target.cancel))
        worker_finish(s, CURLE_OK, TR_CANCELLED);
    if (s->retired || !worker_may_send(w) || w->target.open) {
        stop_waiting(s);
    } else if (!s->active && !s->starting && s->backoff_until == 0 && !s->thinking) {
        s->free_at = now;
        worker_enqueue(s);
    }
}

void worker_apply_target(struct worker *w)
{
    struct load_target before = w->target;
    pthread_mutex_lock(&w->shared->lock);
    w->target = w->shared->target;
    pthread_mutex_unlock(&w->shared->lock);
    if (before.version == w->target.version)
        return;
    if (before.stretch != w->target.stretch) {
        w->ready = 0;
        w->ready_at = 0;
    }
    if (before.step != w->target.step) {
        w->load_start = w->dry_at = 0;
        worker_end_turns(w);
    }
    int n = worker_slots_wanted(w);
    grow(w, n);
    curl_multi_setopt(w->multi, CURLMOPT_MAXCONNECTS, (long)MAX_OF(n, 4));
    int64_t now = clock_ns();
    worker_let_go(w);
    for (int i = 0; i < w->slots_n; i++)
        apply_slot(w->slots[i], i < n, now);
    bool begins = w->target.open && (before.step != w->target.step || !before.open);
    for (int i = 0; i < n && begins; i++) /* nothing that this step sends has waited for them */
        w->slots[i]->free_at = w->slots[i]->active ? w->slots[i]->free_at : 1;
    if (w->target.open)
        worker_soon(w->starter);
    worker_set_lag_timer(w);
}

void worker_check_timeouts(struct worker *w, int64_t now)
{
    const struct run_config *c = w->shared->cfg;
    if (w->lag_due != 0 && now - w->lag_due > HELD_UP_NS)
        w->patient_until = now + NS_PER_SEC;
    if (now < w->patient_until)
        return;
    for (int i = 0; i < w->slots_n; i++) {
        struct slot *s = w->slots[i];
        enum transport how = s->active ? transfer_overdue(&s->t, now, c->timeout_ns, c->stall_ns) : TR_COMPLETE;
        if (how != TR_COMPLETE)
            worker_finish(s, CURLE_OK, how);
    }
}

void worker_follow_text(struct worker *w)
{
    int id = atomic_load(&w->shared->text_of) - 1;
    bool mine = id >= 0 && id % w->count == w->index && id / w->count < w->slots_n;
    struct slot *s = mine ? w->slots[id / w->count] : NULL;
    if (w->reading != NULL && w->reading != s)
        transfer_keep(&w->reading->t, NULL);
    w->reading = s != NULL && s->made ? s : NULL;
    if (w->reading != NULL)
        transfer_keep(&s->t, &w->kept);
}
