/* streams: the list of the Streams view: in which order its rows stand, which one the bar is on, and which are seen.
 * Pure. */
#ifndef TG_UI_STREAMS_H
#define TG_UI_STREAMS_H

#include "snapshot.h"

enum stream_sort {
    SORT_NUMBER,
    SORT_STATE,  /* what wants attention first */
    SORT_OUTPUT, /* this and what follows: the highest first, what is not known last */
    SORT_TTFT,
    SORT_RATE,
    SORT_WAIT,   /* for the first token of its request: so far, or as long as it took */
    SORT_COUNT
};
extern const char *const stream_sort_names[SORT_COUNT];

/* Rows 0 … n−1 in this order; rows that are equal stay in that of their numbers.  O(n log n). */
void streams_sort(uint16_t *order, size_t n, const struct stream_row *rows, enum stream_sort by);

/* Zeroed: by number, the bar on the first. */
struct stream_list {
    enum stream_sort by;
    uint16_t order[SNAP_STREAMS];
    int n;               /* of these */
    bool sorted;         /* by `by`, at `sorted_s` */
    double sorted_s;
    int at, top;         /* places in the order: the bar's, and the first that is seen */
    int row;             /* the bar's stream: its row in the snapshot */
    bool open;           /* that stream alone is shown */
};

/* Brings the list into line with a snapshot, `seen` rows of it at once.  The order is made anew once a second: rows that change
 * places ten times a second cannot be read.  The bar stays on its stream; in the first place it stays there. */
void streams_update(struct stream_list *l, const struct snapshot *s, int seen);
/* Puts the bar on this place, or the nearest there is. */
void streams_move(struct stream_list *l, int at);
/* Moves what is seen by so many rows; the bar stays where it is as long as it is seen. */
void streams_scroll(struct stream_list *l, int by, int seen);
/* The next order; the bar goes to the first place. */
void streams_next_sort(struct stream_list *l, const struct snapshot *s);

#endif
