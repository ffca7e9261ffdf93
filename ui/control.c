#include "ui/control.h"
#include "ui/note.h"

#include "fmt.h"
#include "util.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WISH_S 1.5 /* the engine answers within a tick; after this it has refused */
#define TOAST_S 4.0
#define SEEK_STEP_S 10
#define FAR_S 1000000000
#define STREAMS_MOST 100000
#define RATE_MOST 100000000 /* in 1000 s */
#define TOKENS_MOST (16 * 1024 * 1024)

static const struct {
    enum action action;
    enum target target;
    int add, times, divide;
} changes[] = {
    {ACT_STREAMS_LESS, TARGET_STREAMS, -1, 1, 1}, {ACT_STREAMS_MORE, TARGET_STREAMS, 1, 1, 1},
    {ACT_STREAMS_HALF, TARGET_STREAMS, 0, 1, 2},  {ACT_STREAMS_DOUBLE, TARGET_STREAMS, 0, 2, 1},
    {ACT_CONTEXT_HALF, TARGET_CONTEXT, 0, 1, 2},  {ACT_CONTEXT_DOUBLE, TARGET_CONTEXT, 0, 2, 1},
    {ACT_OUTPUT_HALF, TARGET_OUTPUT, 0, 1, 2},    {ACT_OUTPUT_DOUBLE, TARGET_OUTPUT, 0, 2, 1},
    {ACT_RATE_LESS, TARGET_RATE, -1, 1, 1},       {ACT_RATE_MORE, TARGET_RATE, 1, 1, 1},
};

/* Rates go by ten steps to a decade: 1, 1.2, 1.5, 2 … requests a second. */
static int next_rate(int rate, bool up)
{
    static const double steps[] = {1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8};
    int below = 1;
    for (int decade = 1; decade <= RATE_MOST / 10; decade *= 10)
        for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
            int v = (int)lround(steps[i] * decade);
            if (v > rate && up)
                return v;
            if (v < rate)
                below = v;
        }
    return up ? RATE_MOST : below;
}

void control_toast(struct control *ctl, struct ui_state *st, enum role role, const char *text, double now)
{
    str_copy(st->toast, sizeof st->toast, text);
    st->toast_role = role;
    ctl->toast_until = now + TOAST_S;
}

/* The most that a target may be: prompt and answer share the server's context. */
static int most(const struct ui_state *st, const struct snapshot *s, enum target t)
{
    double limit = s->server.max_model_len;
    if (t == TARGET_STREAMS)
        return STREAMS_MOST;
    if (t == TARGET_RATE)
        return RATE_MOST;
    if (!isfinite(limit) || limit < 2 || limit > TOKENS_MOST)
        return TOKENS_MOST;
    int other = state_target(st, s, t == TARGET_CONTEXT ? TARGET_OUTPUT : TARGET_CONTEXT);
    return MAX_OF((int)limit - other, 1);
}

static void send(struct control *ctl, enum command_kind kind, int value)
{
    struct command c = {.kind = kind, .value = value};
    ctl->source->send(ctl->source->ctx, &c);
}

static void change(struct control *ctl, struct ui_state *st, const struct snapshot *s, size_t i, double now)
{
    static const enum command_kind kinds[TARGET_COUNT] = {CMD_STREAMS, CMD_CONTEXT, CMD_MAX_TOKENS, CMD_RATE};
    enum target t = changes[i].target;
    int before = state_target(st, s, t), top = most(st, s, t);
    long long wanted = ((long long)before + changes[i].add) * changes[i].times / changes[i].divide;
    if (t == TARGET_RATE)
        wanted = next_rate(before, changes[i].add > 0);
    int after = (int)MAX_OF(MIN_OF(wanted, top), 1);
    if (wanted > top && t != TARGET_STREAMS && top < TOKENS_MOST) {
        char text[96], n[FMT_SIZE];
        snprintf(text, sizeof text,
                 "context and output together may be %s tokens: the server's max-model-len",
                 fmt_tokens(n, s->server.max_model_len));
        control_toast(ctl, st, ROLE_STATUS_WARN, text, now);
        if (after < before)
            after = before;
    }
    if (after == before)
        return;
    st->target[t] = (struct wish){true, after};
    ctl->wish_until[t] = now + WISH_S;
    send(ctl, kinds[t], after);
}

static bool changes_load(enum action a)
{
    for (size_t i = 0; i < ARRAY_LEN(changes); i++)
        if (changes[i].action == a)
            return true;
    return false;
}

static bool is_load_key(enum action a)
{
    return a == ACT_PAUSE || a == ACT_MARK || a == ACT_NOTE || a == ACT_RESTART || a == ACT_RESET || changes_load(a);
}

static bool is_time_key(enum action a)
{
    return a == ACT_SEEK_BACK || a == ACT_SEEK_ON || a == ACT_SLOWER || a == ACT_FASTER;
}

static void move_in_time(struct control *ctl, enum action a)
{
    if (a == ACT_SEEK_BACK || a == ACT_SEEK_ON)
        send(ctl, CMD_SEEK, a == ACT_SEEK_ON ? SEEK_STEP_S : -SEEK_STEP_S);
    else
        send(ctl, CMD_SPEED, a == ACT_FASTER ? 1 : -1);
}

/* Is it a key that cannot do anything here?  Then it is said why. */
static bool refused(struct control *ctl, struct ui_state *st, const struct snapshot *s, enum action a, double now)
{
    const char *why = NULL;
    if (s->replay.on && is_load_key(a) && a != ACT_PAUSE && a != ACT_RESET)
        why = "a replay: the load was as it was";
    else if (!s->replay.on && is_time_key(a))
        why = "only a replay can go on and back in time";
    else if (s->replay.on || !is_load_key(a))
        return false;
    else if (s->agent && (a == ACT_PAUSE || changes_load(a)))
        why = "the agent sends what it wants: it cannot be paused";
    else if (s->load_fixed && changes_load(a))
        why = "this run decides its load itself: space pauses it";
    else if (s->lengths_fixed && (a == ACT_CONTEXT_HALF || a == ACT_CONTEXT_DOUBLE || a == ACT_OUTPUT_HALF || a == ACT_OUTPUT_DOUBLE))
        why = "the trace decides how long requests are";
    else if (s->state != RUN_WATCH && s->target_context == 0 && (a == ACT_CONTEXT_HALF || a == ACT_CONTEXT_DOUBLE))
        why = "the file of prompts decides how long they are";
    else if ((a == ACT_RATE_LESS || a == ACT_RATE_MORE) && known_target(s, TARGET_RATE) == 0)
        why = s->open_loop ? "the trace decides when requests are sent" : "no rate to change: a request is sent when a stream is free (--rate)";
    else if (s->state == RUN_WATCH && a != ACT_MARK && a != ACT_NOTE && a != ACT_RESET)
        why = "nothing to change: there is no load here";
    else if (s->state == RUN_PREFLIGHT)
        why = "not yet: the load has not begun";
    else if (s->state == RUN_DRAIN && s->load_fixed)
        why = "this load ends just now: space pauses one that runs";
    else if (s->state == RUN_DRAIN || s->state == RUN_DONE || s->state == RUN_FAILED)
        why = "too late: the load has ended"; /* the engine would drop it without a word */
    if (why != NULL)
        control_toast(ctl, st, ROLE_STATUS_WARN, why, now);
    return why != NULL;
}

bool control_act(struct control *ctl, struct ui_state *st, const struct snapshot *s, enum action a,
                 double now)
{
    if (refused(ctl, st, s, a, now))
        return true;
    if (is_time_key(a)) {
        move_in_time(ctl, a);
        return true;
    }
    if (s->replay.on && (a == ACT_HOME || a == ACT_END)) { /* where a view has no list to move in */
        send(ctl, CMD_SEEK, a == ACT_END ? FAR_S : -FAR_S);
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(changes); i++)
        if (changes[i].action == a) {
            change(ctl, st, s, i, now);
            return true;
        }
    if (a == ACT_ZOOM) {
        char text[64];
        st->zoom = (st->zoom + 1) % ZOOM_COUNT;
        snprintf(text, sizeof text, "plots show %s%s", st->zoom == ZOOM_WHOLE ? "the " : "", plot_zoom_names[st->zoom]);
        control_toast(ctl, st, ROLE_TEXT, text, now);
        return true;
    }
    if (a == ACT_PAUSE) {
        st->pause = (struct wish){true, !state_paused(st, s)};
        ctl->pause_until = now + WISH_S;
        send(ctl, CMD_PAUSE, 0);
        return true;
    }
    if (a == ACT_RESET) {
        control_toast(ctl, st, ROLE_HIST_MARK, "percentiles and histograms begin anew; the report has all of the run", now);
        send(ctl, CMD_RESET, 0);
        return true;
    }
    if (a == ACT_NOTE) {
        note_open(st, now);
        return true;
    }
    if (a == ACT_MARK) {
        control_toast(ctl, st, ROLE_HIST_MARK, "▲ marked", now);
        send(ctl, CMD_MARK, 0);
        return true;
    }
    return false;
}

void control_mark(struct control *ctl, struct ui_state *st, double now)
{
    double ago = now - st->note.since;
    struct command c = {.kind = CMD_MARK, .value = (int)(MIN_OF(ago, 3600) * 1000)};
    str_copy(c.text, sizeof c.text, st->note.text);
    ctl->source->send(ctl->source->ctx, &c);
    control_toast(ctl, st, ROLE_HIST_MARK, "▲ marked", now);
}

/* While nobody sees it, nobody has the work of keeping it. */
static void ask_for_text(struct control *ctl, const struct ui_state *st)
{
    int wanted = st->view == &view_streams && st->streams.open ? st->streams.row + 1 : 0;
    if (wanted == ctl->text_of)
        return;
    ctl->text_of = wanted;
    send(ctl, CMD_TEXT, wanted);
}

static void ask_for_page(struct control *ctl, const struct ui_state *st)
{
    bool wanted = st->view == &view_server && st->search.on;
    if (wanted != ctl->page_asked)
        send(ctl, CMD_PAGE, wanted);
    ctl->page_asked = wanted;
}

bool control_settle(struct control *ctl, struct ui_state *st, const struct snapshot *s, double now)
{
    bool changed = false;
    ask_for_text(ctl, st);
    ask_for_page(ctl, st);
    for (enum target t = 0; t < TARGET_COUNT; t++) {
        struct wish *w = &st->target[t];
        int known = known_target(s, t);
        if (!w->on || (known != w->value && now < ctl->wish_until[t]))
            continue;
        changed = changed || known != w->value;
        w->on = false;
    }
    bool paused = s->replay.on ? s->replay.paused : s->paused;
    if (st->pause.on && (paused == (st->pause.value != 0) || now >= ctl->pause_until)) {
        changed = changed || paused != (st->pause.value != 0);
        st->pause.on = false;
    }
    if (st->toast[0] != '\0' && now >= ctl->toast_until) {
        st->toast[0] = '\0';
        changed = true;
    }
    return changed;
}
