/* player: the clock over a replay, and the keys that move it; the screen's source in place of an engine.  No thread of its own:
 * time goes on while the screen asks. */
#ifndef TG_PLAYER_H
#define TG_PLAYER_H

#include "replay/replay.h"

#define PLAYER_SPEED_LEAST 0.125
#define PLAYER_SPEED_MOST 64

struct player;
/* Begins at that many seconds (past the end: at the end) with that speed.  r must outlive it. */
struct player *player_new(struct replay *r, double at, double speed);
/* The file may still grow: what comes is taken in.  Begins at its newest moment, and goes along with that until somebody
 * pauses or goes back; the end of the file so far (End, or having caught up) is the newest moment again.  Ends with the
 * run's summary. */
void player_follow(struct player *p);
struct snapshot_source player_source(struct player *p);
void player_free(struct player *p);

#endif
