/* server_side: what a run file holds of the server's own counters, and what was measured here of the same things. */
#ifndef TG_SERVER_SIDE_H
#define TG_SERVER_SIDE_H

#include "report/doc.h"
#include "report/runfile.h"

struct server_side {
    bool known; /* the server counts anything */
    struct server_counts counts;
    double seconds;      /* from the first look to the last; NAN */
    /* Of the same stretch, by what was sent and received here, warm-up too.  NAN: it cannot be told (an agent's calls went to
     * the server as well, tokens are not told, the counters began in the middle of the load, or nobody has looked). */
    double our_requests, our_tokens;
    double unsure_requests; /* that failed or were cancelled: the server may have counted them or not */
    double unsure_tokens;   /* … theirs, and of those that did not tell how many */
    double kv_most, running_most; /* NAN: not told */
    size_t waited, at_limit;      /* looks with requests waiting; … with as many running as ever */
    double seems_max_num_seqs;    /* NAN: nothing shows */
};
void server_side(const struct run_file *f, struct server_side *out);

/* The section of a report; nothing where the server counts nothing. */
void report_server(struct doc *d, const struct run_file *f);

#endif
