/* sim_event: the bytes of a streamed answer, shaped as vLLM's.  Pure.  What is the same in every event of a
 * request is made once, so that an event costs a few copies. */
#ifndef TG_SIM_EVENT_H
#define TG_SIM_EVENT_H

#include "buf.h"

#include <stdbool.h>
#include <stdint.h>

struct sim_voice {
    char *head; /* data: {"id":…,"object":…,"created":…,"model":…, */
    size_t head_n;
    bool chat;
};

struct sim_usage {
    int prompt, completion;
    int cached; /* −1: do not tell */
};

/* What every event may carry besides its choice. */
struct sim_extra {
    const struct sim_usage *usage; /* NULL: none */
    int64_t stamp_ns;              /* 0: none */
};

void sim_voice_init(struct sim_voice *v, bool chat, const char *id, int64_t created, const char *model);
void sim_voice_release(struct sim_voice *v);

/* Each adds one whole event, blank line included. */
void sim_event_role(struct buf *out, const struct sim_voice *v, const struct sim_extra *x);
/* `text` must need no escape in JSON.  finish: NULL, "stop" or "length"; stop_hit: the stop string, or NULL.
 */
void sim_event_text(struct buf *out, const struct sim_voice *v, const char *text, size_t n,
                    const char *finish, const char *stop_hit, const struct sim_extra *x);
void sim_event_usage(struct buf *out, const struct sim_voice *v, const struct sim_extra *x);
void sim_event_error(struct buf *out, bool old); /* old: as old llama.cpp has it, a line of its own kind */
void sim_event_malformed(struct buf *out, const struct sim_voice *v);
void sim_event_nested(struct buf *out, const struct sim_voice *v);     /* 100,000 deep */
void sim_event_huge_usage(struct buf *out, const struct sim_voice *v); /* counts that cannot be */
void sim_event_done(struct buf *out);

/* "usage":{…} without a comma. */
void sim_add_usage(struct buf *out, const struct sim_usage *u);
/* "s", escaped, or null for NULL. */
void sim_add_string(struct buf *out, const char *s);

#endif
