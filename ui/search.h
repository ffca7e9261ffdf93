/* search: the server's page of counters as it came, with only those lines that hold what is typed.  It lies over the Server view. */
#ifndef TG_UI_SEARCH_H
#define TG_UI_SEARCH_H

#include "ui/view.h"

void search_open(struct ui_state *st); /* on the Server view; typing begins */
/* While something is typed every key is the line's, but for those that scroll.  Enter ends the typing, Esc the search. */
void search_key(struct ui_state *st, const struct snapshot *s, int code);
/* After the typing: moves, Esc, and typing again; false where the action is not for it. */
bool search_act(struct ui_state *st, const struct snapshot *s, enum action a, struct rect body);
void search_update(struct ui_state *st, const struct snapshot *s, struct rect body);
void search_draw(struct canvas *c, struct rect body, const struct snapshot *s, const struct ui_state *st);

/* The next line of text from *at on that holds every word of filter, in any case; NULL after the last.  *n: its length. */
const char *search_next(const char *text, const char *filter, size_t *at, size_t *n);

#endif
