/* engine: one run from its first look at the server to its summary, on a thread of its own.
 * Ticks ten times a second (`watch`: with each look at memory, in the thread that has looked): takes what the workers measured, applies the schedule and
 * commands, fills the snapshot, writes the run file.  Knows nothing of any screen. */
#ifndef TG_ENGINE_H
#define TG_ENGINE_H

#include "load/config.h"
#include "report/result.h"
#include "snapshot.h"

#define TICK_NS INT64_C(100000000)
#define WATCH_TICK_NS INT64_C(300000000) /* `watch`: at the latest; sooner with each look at memory */

struct engine;

/* cfg must outlive the engine and have passed options checks.  Reads prompts and key files and checks that the run file
 * can be made; NULL with one line in e where that fails: *usage tells a wrong request (exit 2) from a failing file (1). */
struct engine *engine_start(const struct run_config *cfg, const char *command_line, bool *usage, struct err *e);
struct snapshot_source engine_source(struct engine *g);
void engine_send(struct engine *g, const struct command *c);
/* True when the run is over (its thread may still be finishing; engine_finish waits). */
bool engine_over(struct engine *g);
/* Waits up to that long for that.  (Where the snapshots are read, the source's news_fd tells of it too.) */
void engine_wait(struct engine *g, int64_t ns);
/* Waits for the end of the run, which must have been asked for or come by itself. */
const struct run_result *engine_finish(struct engine *g);
void engine_free(struct engine *g);

#endif
