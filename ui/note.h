/* note: the line in the footer's place where the words of a mark are typed.  The mark is of the moment when the line was opened,
 * however long the typing takes. */
#ifndef TG_UI_NOTE_H
#define TG_UI_NOTE_H

#include "ui/view.h"

enum note_event { NOTE_TYPED, NOTE_KEPT, NOTE_DROPPED };

void note_open(struct ui_state *st, double now);
/* Every key is the line's while it is open. */
enum note_event note_key(struct ui_state *st, int code);
void note_draw(struct canvas *c, struct rect r, const struct ui_state *st);

#endif
