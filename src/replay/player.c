#include "replay/player.h"

#include "clock.h"

#include <stdlib.h>

struct player {
    struct replay *replay;
    double at, speed;
    bool paused;
    int64_t asked; /* the clock when `at` was true */
    uint64_t seq;
    bool news;     /* something other than time has changed */
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

static void go_on(struct player *p)
{
    int64_t now = clock_ns();
    double before = p->at;
    if (!p->paused)
        p->at = MIN_OF(p->at + (double)(now - p->asked) / 1e9 * p->speed, replay_end(p->replay));
    p->asked = now;
    p->news |= p->at > before;
}

static bool read_player(void *ctx, struct snapshot *out, uint64_t seen)
{
    struct player *p = ctx;
    go_on(p);
    if (!p->news && seen == p->seq)
        return false;
    snapshot_copy(out, replay_at(p->replay, p->at));
    out->replay = (struct replay_view){true, p->paused || p->at >= replay_end(p->replay), p->speed, replay_end(p->replay)};
    out->seq = ++p->seq;
    p->news = false;
    return true;
}

static void send_player(void *ctx, const struct command *c)
{
    struct player *p = ctx;
    go_on(p);
    if (c->kind == CMD_PAUSE) {
        bool over = p->at >= replay_end(p->replay);
        p->at = over ? 0 : p->at; /* once more */
        p->paused = !over && !p->paused;
    } else if (c->kind == CMD_SEEK) {
        p->at = MIN_OF(MAX_OF(p->at + c->value, 0), replay_end(p->replay));
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
    return (struct snapshot_source){p, read_player, send_player};
}
