#include "load/worker.h"
#include "clock.h"
#include "load/worker_inside.h"

#include <event2/event.h>
#include <math.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#define STARTS_PER_PASS 8 /* a burst of connects in one loop pass would delay the streams that already run */
#define DEAD_ENOUGH 3 /* such requests, then connections are not reused at all */
#define HISTORY_MAX (64u << 20) /* more than what is kept, with one more turn */
#define TURN_BYTES (16u << 10) /* some sixty events: others wait a tenth of a millisecond */
#define LAG_NS (10 * NS_PER_MS)
#define LOOKS_A_TICK 40 /* 4,000 a second cost a hundredth of a core, or two … */
#define LOOKS_MOST 2000 /* … and a batch of a thousand sequences sends its tokens all at once */

static void make_body(const struct slot *slot, struct buf *out)
{
    const struct worker *w = slot->w;
    const struct load_shared *s = w->shared;
    buf_clear(out);
    prompt_body(w->target.prompts,
                &(struct body_spec){.model = s->server->model, .endpoint = s->cfg->endpoint, .fields = s->fields,
                                    .max_tokens = slot->max_tokens, .seq = slot->conversation, .turn = slot->turn,
                                    .history = slot->history.data, .extra = s->cfg->extra_body,
                                    .words = slot->turn == 0 ? prompt_words(&s->scale, slot->context)
                                                             : prompt_plain_words(&s->scale, s->cfg->turn_context)},
                out);
}

/* How long this request is; what is drawn has room in the server's context. */
static void set_lengths(struct slot *s, int64_t context, int64_t max_tokens)
{
    const struct load_target *t = &s->w->target;
    const struct load_shared *sh = s->w->shared;
    uint64_t seed = (uint64_t)sh->cfg->seed;
    int64_t room = sh->server->max_model_len > 1 ? sh->server->max_model_len : 2 * (int64_t)TOKENS_MAX;
    s->max_tokens = max_tokens > 0 ? max_tokens : lengths_draw(&t->output_of, ~seed, s->item.seq, TOKENS_MAX);
    s->context = context > 0 ? context : lengths_draw(&t->context_of, seed, s->item.seq, TOKENS_MAX);
    if (t->prompts->kind == PROMPT_FILE) /* as long as they are */
        s->context = 0;
    if (t->output_of.kind != LENGTH_FIXED)
        s->max_tokens = MIN_OF(s->max_tokens, room - 1);
    if (s->context > 0 && (t->context_of.kind != LENGTH_FIXED || t->output_of.kind != LENGTH_FIXED))
        s->context = MAX_OF(MIN_OF(s->context, room - s->max_tokens), 1);
}

static void arm(struct event *timer, int64_t ns)
{
    struct timeval tv = {ns / NS_PER_SEC, ns % NS_PER_SEC / 1000};
    evtimer_add(timer, &tv);
}

/* In the next pass of the loop, after it has looked at the sockets.  (event_active would run it in this pass, as often as
 * it is called: no answer would be read until the last of a thousand requests has been started.) */
void worker_soon(struct event *timer)
{
    struct timeval now = {0, 0};
    if (!evtimer_pending(timer, NULL)) /* else it would be put off, again in each pass that has anything to read */
        evtimer_add(timer, &now);
}

/* ---- starting ---- */

void worker_enqueue(struct slot *s)
{
    struct worker *w = s->w;
    if (s->starting || s->active)
        return;
    s->starting = true;
    w->queue[(w->queue_head + w->queue_n++) % w->queue_cap] = s;
    worker_soon(w->starter);
}

bool worker_may_send(const struct worker *w)
{
    return !w->target.paused && !w->target.draining && !w->target.cancel;
}

/* Every tick counts, those too that were due while the loop was held up. */
static void count_ticks(struct worker *w)
{
    int64_t now = clock_ns();
    uint64_t ticks;
    if (read(w->lag_fd, &ticks, sizeof ticks) != (ssize_t)sizeof ticks)
        return;
    for (; ticks > 0 && w->lag_due != 0; ticks--, w->lag_due += LAG_NS) {
        hist_add(&w->set->lag, now > w->lag_due ? (uint64_t)(now - w->lag_due) : 0, 1);
        w->sink.looks = MIN_OF(w->sink.looks + LOOKS_A_TICK, LOOKS_MOST);
        if (now - w->lag_due > HELD_UP_NS)
            w->patient_until = now + NS_PER_SEC;
    }
}

/* The lag clock is a timerfd that ticks by itself while there are transfers: libevent's precise timers would cost a
 * timerfd_settime in every pass of the loop, an eighth of all that a token costs. */
void worker_set_lag_timer(struct worker *w)
{
    if ((w->active > 0) == (w->lag_due != 0))
        return;
    struct itimerspec tick = {{0, LAG_NS}, {0, LAG_NS}}, off = {{0, 0}, {0, 0}};
    if (w->active == 0)
        count_ticks(w); /* a tick may be due and not yet seen: the last answers came first after a stop */
    w->lag_due = w->active > 0 ? clock_ns() + LAG_NS : 0;
    timerfd_settime(w->lag_fd, 0, w->active > 0 ? &tick : &off, NULL);
}

static void on_lag(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    count_ticks(ctx);
}

static void mark_ready(struct slot *s, int64_t now)
{
    struct worker *w = s->w;
    if (s->item.warmup)
        return;
    if (w->load_start == 0)
        w->load_start = now;
    s->ready_step = w->target.step;
    if (s->ready_stretch != w->target.stretch) {
        s->ready_stretch = w->target.stretch;
        w->ready++;
        w->ready_at = now;
    }
}

/* Takes a number; the workload says whether there is a request for it. */
static bool next_item(struct slot *s)
{
    struct load_shared *sh = s->w->shared;
    uint64_t seq = atomic_load(&sh->next_seq);
    do {
        if (!workload_next(&s->w->target.workload, seq, s->free_at, &s->item))
            return false;
    } while (!atomic_compare_exchange_weak(&sh->next_seq, &seq, seq + 1));
    return true;
}

/* There is nothing left to send.  A slot that had no measured request of this step (fewer requests than streams) ends
 * nothing. */
void worker_note_dry(struct slot *s, int64_t now)
{
    if (s->w->dry_at == 0 && s->ready_step == s->w->target.step)
        s->w->dry_at = now;
}

void worker_send(struct slot *s, int64_t context, int64_t max_tokens, int64_t free_at)
{
    struct worker *w = s->w;
    if (!s->made) {
        transfer_init(&s->t, w->shared->http, w->shared->url, &w->sink);
        transfer_share(&s->t, w->target.streams);
        s->t.keep_text = w->shared->keep_text;
        s->t.keep_tail = w->shared->cfg->watched;
        s->t.keep_answer = w->shared->cfg->turns > 1;
        buf_init(&s->history, HISTORY_MAX);
        s->made = true;
    }
    s->phase = w->target.phase;
    int64_t before = s->context;
    set_lengths(s, context, max_tokens);
    if (s->turn > 0) { /* what was said decides */
        int64_t room = w->shared->server->max_model_len;
        s->context = before;
        s->max_tokens = room > before ? MIN_OF(s->max_tokens, room - before) : s->max_tokens;
    } else {
        s->conversation = w->shared->cfg->turns > 1 ? atomic_fetch_add(&w->shared->next_conversation, 1) : s->item.seq;
    }
    make_body(s, &s->t.body);
    int64_t now = clock_ns();
    transfer_reuse(&s->t, w->found_dead < DEAD_ENOUGH);
    transfer_start(&s->t, s->max_tokens, s->item.due, now);
    s->t.tl.free_at = free_at;
    mark_ready(s, free_at != 0 ? free_at : now); /* open loop: the load begins when it is due */
    s->active = true;
    w->active++;
    w->set->sent += s->item.warmup ? 0 : 1;
    curl_multi_add_handle(w->multi, s->t.easy);
    worker_set_lag_timer(w);
}

static void start(struct slot *s)
{
    if (s->retired || !worker_may_send(s->w))
        return;
    if (next_item(s))
        worker_send(s, 0, 0, 0);
    else
        worker_note_dry(s, clock_ns());
}

static void on_starter(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    struct worker *w = ctx;
    if (w->target.open) {
        worker_pump(w);
        return;
    }
    for (int i = 0; i < STARTS_PER_PASS && w->queue_n > 0; i++) {
        struct slot *s = w->queue[w->queue_head];
        w->queue_head = (w->queue_head + 1) % w->queue_cap;
        w->queue_n--;
        s->starting = false;
        start(s);
    }
    if (w->queue_n > 0)
        worker_soon(w->starter);
}

/* ---- ending ---- */

static void on_backoff(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    struct slot *s = ctx;
    s->backoff_until = 0;
    s->thinking = false;
    s->free_at = clock_ns();
    worker_enqueue(s);
}

static void back_off(struct slot *s, int64_t now)
{
    int64_t wait = transfer_back_off(&s->t, s->failures++);
    s->backoff_until = now + wait;
    if (s->timer == NULL)
        s->timer = evtimer_new(s->w->base, on_backoff, s);
    arm(s->timer, wait);
}

/* The user reads the answer and writes the next question. */
static void think(struct slot *s)
{
    s->thinking = true;
    if (s->timer == NULL)
        s->timer = evtimer_new(s->w->base, on_backoff, s);
    arm(s->timer, s->w->shared->cfg->think_ns);
}

static void hand_row(struct slot *s)
{
    struct worker *w = s->w;
    struct row *r = record_set_add_row(w->set);
    *r = (struct row){.tl = s->t.tl, .seq = s->item.seq, .stream = s->id + 1, .phase = s->phase,
                      .turn = w->shared->cfg->turns > 1 ? s->turn + 1 : 0, .warmup = s->item.warmup, .context = s->context, .max_tokens = s->max_tokens,
                      .fixed_length = (w->shared->fields & (BODY_IGNORE_EOS | BODY_MIN_TOKENS)) != 0};
    str_copy(r->error, sizeof r->error, s->t.error);
    if (s->t.keep_text && s->t.text.len > 0)
        r->text = xstrdup(s->t.text.data);
    s->t.tl.gaps = NULL; /* the row owns them now */
    s->t.tl.gaps_n = s->t.tl.gaps_cap = 0;
}

/* Servers that close after every answer while announcing keep-alive (llama.cpp) leave dead connections behind.  libcurl
 * tries another one when it meets one, five at the most, and all may be dead: then a fresh one it is, and no error. */
static bool resent(struct slot *s, CURLcode code, enum transport how)
{
    if (how != TR_COMPLETE || !transfer_found_dead(&s->t, code))
        return false;
    transfer_again(&s->t);
    curl_multi_add_handle(s->w->multi, s->t.easy);
    return true;
}

static bool anything_left(const struct worker *w)
{
    struct workload_item item;
    return workload_next(&w->target.workload, atomic_load(&w->shared->next_seq), 0, &item);
}

void worker_finish(struct slot *s, CURLcode code, enum transport how)
{
    struct worker *w = s->w;
    int64_t now = clock_ns();
    curl_multi_remove_handle(w->multi, s->t.easy);
    if (resent(s, code, how))
        return;
    transfer_finish(&s->t, now, code, how);
    if (s->t.tl.first_token != 0)
        worker_decoded(s, s->t.tl.last_token);
    s->active = false;
    w->active--;
    w->found_dead += s->t.tl.retried;
    hand_row(s);
    s->free_at = now;
    enum outcome o = s->t.tl.outcome;
    if (o == OUT_OK || o == OUT_CANCELLED)
        s->failures = 0;
    if (w->shared->cfg->turns > 1)
        worker_turn_over(s, o == OUT_OK);
    worker_slot_free(w, s);
    if (!w->target.open && !s->retired && worker_may_send(w)) { /* in an open loop a failure stops no arrivals */
        if (!anything_left(w)) /* nobody waits for nothing: the wait would be in the window */
            worker_note_dry(s, now);
        else if (s->turn > 0 && w->shared->cfg->think_ns > 0)
            think(s);
        else if (o == OUT_OK || o == OUT_CANCELLED)
            worker_enqueue(s);
        else
            back_off(s, now);
    }
}

/* After libcurl was at work. */
static void reap(struct worker *w)
{
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(w->multi, &left)) != NULL) {
        if (m->msg != CURLMSG_DONE)
            continue;
        struct slot *s = NULL;
        CURLcode code = m->data.result; /* m is gone once its handle is removed */
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&s);
        worker_finish(s, code, TR_COMPLETE);
    }
    if (!TAILQ_EMPTY(&w->sink.resting))
        worker_soon(w->resumer);
    worker_set_lag_timer(w);
}

static void on_resume(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    struct worker *w = ctx;
    struct transfer *last = TAILQ_LAST(&w->sink.resting, resting), *t = NULL;
    while (t != last && !TAILQ_EMPTY(&w->sink.resting)) { /* those behind the last rest since now */
        t = TAILQ_FIRST(&w->sink.resting);
        CURLcode code = transfer_go_on(t);
        if (code != CURLE_OK)
            worker_finish((struct slot *)t, code, TR_COMPLETE);
    }
    reap(w);
}

/* ---- curl on libevent ---- */

static void on_socket(evutil_socket_t fd, short what, void *ctx)
{
    struct worker *w = ctx;
    int running, flags = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
    curl_multi_socket_action(w->multi, fd, flags, &running);
    reap(w);
}

static void on_stream_socket(evutil_socket_t fd, short what, void *ctx)
{
    struct slot *s = ctx;
    transfer_look(&s->t, (int)fd);
    on_socket(fd, what, s->w);
    transfer_looked(&s->t);
}

/* Some handles are libcurl's own, with no slot. */
static void watch_socket(struct worker *w, struct event *ev, int fd, short mask, struct slot *s)
{
    if (s == NULL) {
        event_assign(ev, w->base, fd, mask, on_socket, w);
        return;
    }
    s->t.socket = fd;
    event_assign(ev, w->base, fd, mask, on_stream_socket, s);
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    struct worker *w = ctx;
    struct event *ev = socket_ctx;
    struct slot *s = NULL;
    if (ev != NULL)
        event_del(ev);
    if (what == CURL_POLL_REMOVE) {
        if (ev != NULL)
            event_free(ev);
        curl_multi_assign(w->multi, fd, NULL);
        return 0;
    }
    short mask = (short)(EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));
    if (ev == NULL) {
        ev = event_new(w->base, fd, mask, on_socket, w);
        curl_multi_assign(w->multi, fd, ev);
    }
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&s);
    watch_socket(w, ev, fd, mask, s);
    event_add(ev, NULL);
    return 0;
}

static void on_curl_timer(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    struct worker *w = ctx;
    int running;
    curl_multi_socket_action(w->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    reap(w);
}

static int want_timer(CURLM *multi, long ms, void *ctx)
{
    (void)multi;
    struct worker *w = ctx;
    if (ms < 0)
        evtimer_del(w->curl_timer);
    else
        arm(w->curl_timer, (int64_t)ms * NS_PER_MS);
    return 0;
}

/* ---- what wakes it ---- */

static void on_wake(evutil_socket_t fd, short what, void *ctx)
{
    (void)what;
    struct worker *w = ctx;
    uint64_t n;
    if (read((int)fd, &n, sizeof n) < 0)
        return;
    worker_apply_target(w);
    worker_check_timeouts(w, clock_ns());
    worker_follow_text(w);
    worker_publish(w);
}

static void on_due(evutil_socket_t fd, short what, void *ctx)
{
    (void)what;
    uint64_t ticks;
    if (read((int)fd, &ticks, sizeof ticks) == (ssize_t)sizeof ticks)
        worker_clock_rang(ctx);
}

/* ---- the thread ---- */

static void make_loop(struct worker *w)
{
    struct event_config *c = event_config_new();
    event_config_set_flag(c, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_NO_CACHE_TIME); /* or a timer would count from the
                                                                                         pass's start */
    w->base = event_base_new_with_config(c);
    event_config_free(c);
    w->multi = curl_multi_init();
    if (w->base == NULL || w->multi == NULL)
        die("cannot make an event loop");
    curl_multi_setopt(w->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(w->multi, CURLMOPT_SOCKETDATA, w);
    curl_multi_setopt(w->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(w->multi, CURLMOPT_TIMERDATA, w);
    curl_multi_setopt(w->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    w->curl_timer = evtimer_new(w->base, on_curl_timer, w);
    w->lag_timer = event_new(w->base, w->lag_fd, EV_READ | EV_PERSIST, on_lag, w);
    event_add(w->lag_timer, NULL);
    w->starter = evtimer_new(w->base, on_starter, w);
    w->resumer = evtimer_new(w->base, on_resume, w);
    w->sink.turn_most = TURN_BYTES;
    TAILQ_INIT(&w->sink.resting);
    w->due_timer = event_new(w->base, w->due_fd, EV_READ | EV_PERSIST, on_due, w);
    event_add(w->due_timer, NULL);
    w->wake = event_new(w->base, w->wake_fd, EV_READ | EV_PERSIST, on_wake, w);
    event_add(w->wake, NULL);
}

static void drop_slots(struct worker *w)
{
    for (int i = 0; i < w->slots_n; i++) {
        struct slot *s = w->slots[i];
        if (s->timer != NULL)
            event_free(s->timer);
        if (s->made)
            transfer_release(&s->t);
        buf_release(&s->history);
        free(s);
    }
    free(w->slots);
    free(w->queue);
}

static void *run(void *ctx)
{
    struct worker *w = ctx;
    prctl(PR_SET_TIMERSLACK, 1UL);
    w->wall_mark = clock_ns();
    w->cpu_mark = clock_thread_cpu_ns();
    while (!w->target.quit) {
        w->sink.pass_start = 0;
        event_base_loop(w->base, EVLOOP_ONCE);
    }
    drop_slots(w);
    curl_multi_cleanup(w->multi);
    event_free(w->wake);
    event_free(w->starter);
    event_free(w->resumer);
    event_free(w->due_timer);
    event_free(w->lag_timer);
    event_free(w->curl_timer);
    event_base_free(w->base);
    return NULL;
}

struct worker *worker_start(struct load_shared *shared, int index, int count)
{
    struct worker *w = xcalloc(1, sizeof *w);
    w->shared = shared;
    w->index = index;
    w->count = count;
    w->set = xcalloc(1, sizeof *w->set);
    mailbox_init(&w->mailbox);
    w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->lag_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    w->due_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (w->wake_fd < 0 || w->lag_fd < 0 || w->due_fd < 0)
        die("cannot make an eventfd or a timerfd: %s", strerror(errno));
    make_loop(w);
    if (pthread_create(&w->thread, NULL, run, w) != 0)
        die("cannot start a worker thread");
    return w;
}

void worker_wake(struct worker *w)
{
    uint64_t one = 1;
    if (write(w->wake_fd, &one, sizeof one) < 0)
        return; /* the counter is full: a wake-up is pending anyway */
}

struct mailbox *worker_mailbox(struct worker *w)
{
    return &w->mailbox;
}

struct record_set *worker_join(struct worker *w)
{
    pthread_join(w->thread, NULL);
    return w->set;
}

void worker_free(struct worker *w)
{
    mailbox_release(&w->mailbox);
    record_set_release(w->set);
    free(w->set);
    close(w->wake_fd);
    close(w->lag_fd);
    close(w->due_fd);
    free(w);
}
