/* control: from an action to what it does to the run.  Keeps what was asked for on screen until the engine
 * confirms it. Time is an argument. */
#ifndef TG_UI_CONTROL_H
#define TG_UI_CONTROL_H

#include "ui/view.h"

#include "snapshot.h"

struct control {
    const struct snapshot_source *source;
    double wish_until[TARGET_COUNT], pause_until, toast_until; /* seconds; when to stop waiting */
    int text_of; /* the stream whose text was asked for; 0: none */
    bool page_asked; /* the server's page of counters was asked for */
};

/* Sends the command of a load action; false where the action is not one. */
bool control_act(struct control *ctl, struct ui_state *st, const struct snapshot *s, enum action a,
                 double now);
/* The mark whose words have been typed. */
void control_mark(struct control *ctl, struct ui_state *st, double now);
/* Drops wishes that came true or were refused, and old messages; true where the picture changes by it.  And asks for the text of
 * the stream that is opened. */
bool control_settle(struct control *ctl, struct ui_state *st, const struct snapshot *s, double now);
void control_toast(struct control *ctl, struct ui_state *st, enum role role, const char *text, double now);

#endif
