#include "replay/player.h"

#include "clock.h"

#include <stdlib.h>

#define LOOK_NS (NS_PER_SEC / 4) /* a file grows once a second */

struct player {
    struct replay *replay;
    double at, speed;
    bool paused;
    int64_t asked; /* the clock when `at` was true */
    uint64_t seq;
    bool news;     /* something other than time has changed */
    bool follow, live; /* the file grows; `at` is its end */
    int64_t looked;
    struct err broken; /* why it is not followed any more; empty: all is well */
};

struct player *player_new(struct replay *r, double at, double speed)
{
    struct player *p = xcalloc(1, sizeof *p);
    *p = (struct player){.replay = r, .at = MIN_OF(MAX_OF(at, 0), replay_end(r)), .speed = speed, .asked = clock_ns(), .news = true};
    return p;
}

void player_free(struct player *p)
{
    free(p);
}

void player_follow(struct player *p)
{
    p->follow = p->live = true;
    p->at = replay_end(p->replay);
}

static void look(struct player *p, int64_t now)
{
    if (!p->follow || now - p->looked < LOOK_NS)
        return;
    p->looked = now;
    enum replay_growth g = replay_grow(p->replay, &p->broken);
    p->news |= g != REPLAY_SAME;
    if (p->live)
        p->at = replay_end(p->replay);
    p->follow = g == REPLAY_SAME || g == REPLAY_GREW;
    p->live &= p->follow;
}

#define ASKED_NS NS_PER_SEC /* nobody asked for longer: the program was stopped, and what it plays with it */

static void go_on(struct player *p)
{
    int64_t now = clock_ns();
    look(p, now);
    double before = p->at, passed = (double)MIN_OF(now - p->asked, ASKED_NS) / 1e9;
    if (!p->paused && !p->live)
        p->at = MIN_OF(p->at + passed * p->speed, replay_end(p->replay));
    p->asked = now;
    p->news |= p->at > before;
    p->live |= p->follow && !p->paused && p->at >= replay_end(p->replay);
}

static bool read_player(void *ctx, struct snapshot *out, uint64_t seen)
{
    struct player *p = ctx;
    go_on(p);
    if (!p->news && seen == p->seq)
        return false;
    snapshot_copy(out, replay_at(p->replay, p->at));
    bool over = !p->follow && p->at >= replay_end(p->replay);
    out->replay = (struct replay_view){.on = true, .paused = p->paused || over, .live = p->live, .speed = p->speed, .end_s = replay_end(p->replay)};
    str_copy(out->file_trouble, sizeof out->file_trouble, p->broken.msg);
    out->seq = ++p->seq;
    p->news = false;
    return true;
}

static void send_player(void *ctx, const struct command *c)
{
    struct player *p = ctx;
    go_on(p);
    if (c->kind == CMD_PAUSE) {
        bool over = !p->follow && p->at >= replay_end(p->replay);
        p->at = over ? 0 : p->at; /* once more */
        p->paused = !over && !p->paused;
        p->live = false;
    } else if (c->kind == CMD_SEEK) {
        p->at = MIN_OF(MAX_OF(p->at + c->value, 0), replay_end(p->replay));
        p->live = p->follow && p->at >= replay_end(p->replay);
        p->paused &= !p->live;
    } else if (c->kind == CMD_SPEED) {
        p->speed = MIN_OF(MAX_OF(p->speed * (c->value > 0 ? 2 : 0.5), PLAYER_SPEED_LEAST), PLAYER_SPEED_MOST);
    } else if (c->kind == CMD_RESET) {
        replay_reset(p->replay);
    } else if (c->kind == CMD_TEXT) {
        replay_text(p->replay, c->value);
    }
    p->news = true;
}

struct snapshot_source player_source(struct player *p)
{
    return (struct snapshot_source){.ctx = p, .read = read_player, .send = send_player};
}
