/* What happens to a run of many hours: the machine sleeps, the server goes and comes back, the disk is full.  Each is told
 * once when it begins and once when it is over, and none of them ends the run. */
#include "engine/inside.h"
#include "clock.h"
#include "fmt.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define SLEPT_LEAST NS_PER_SEC /* both clocks are read one after the other, and are steered alike */

/* ---- the machine ---- */

static void see_sleep(struct engine *g, int64_t now)
{
    struct soak *k = &g->soak;
    int64_t asleep = clock_asleep_ns(), slept = asleep - k->asleep;
    bool first = k->seen == 0;
    int64_t before = k->seen;
    k->asleep = asleep;
    k->seen = now;
    if (first || slept < SLEPT_LEAST)
        return;
    char t[FMT_SIZE], text[64];
    k->slept_at = before;
    k->slept_until = now;
    fmt_about(t, (double)slept / 1e9);
    engine_note(g, 1, "this machine slept for %s: requests in flight then are in no figure of time", t);
    snprintf(text, sizeof text, "slept for %s", t);
    engine_mark(g, before, text);
}

/* It ran across the sleep: our clock stood still meanwhile, the server's perhaps not. */
static bool slept_through(const struct soak *k, const struct timeline *t)
{
    return k->slept_until != 0 && t->started != 0 && t->started < k->slept_until && t->end > k->slept_at;
}

/* ---- the server ---- */

void engine_soak_row(struct engine *g, struct row *r)
{
    struct soak *k = &g->soak;
    int64_t away = 0;
    uint64_t failures = 0;
    char t[FMT_SIZE];
    /* Woken first, a worker may hand a row over before the tick has seen that the machine slept. */
    see_sleep(g, clock_ns());
    r->tl.slept = slept_through(k, &r->tl);
    switch (outage_row(&k->outage, r, &away, &failures)) {
    case OUTAGE_AWAY:
        engine_note(g, 2, "no answer since %s: %s; the load goes on trying", fmt_clock(t, engine_seconds(g, k->outage.since)),
                    outcome_name(r->tl.outcome));
        break;
    case OUTAGE_BACK:
        engine_note(g, 1, "the server answers again, after %s; %" PRIu64 " requests failed meanwhile", fmt_about(t, (double)away / 1e9), failures);
        if (g->scraper != NULL)
            scraper_ask_again(g->scraper);
        break;
    case OUTAGE_NOTHING:
        break;
    }
}

/* ---- the run file ---- */

static void see_file(struct engine *g, int64_t now)
{
    struct soak *k = &g->soak;
    struct runlog_state s;
    char t[FMT_SIZE];
    if (g->runlog == NULL)
        return;
    runlog_look(g->runlog, &s);
    bool failing = s.waiting > 0;
    if (failing && k->file_failed == 0) {
        k->file_failed = now;
        engine_note(g, 2, "run file: %s; its lines wait in memory", s.why);
    }
    if (s.lost > 0 && k->file_lost == 0)
        engine_note(g, 2, "run file: lines are lost: %s", s.why);
    if (!failing && k->file_failed != 0) {
        engine_note(g, 1, "the run file is written again, after %s; %" PRIu64 " lines are lost", fmt_about(t, (double)(now - k->file_failed) / 1e9),
                    s.lost);
        k->file_failed = 0;
    }
    k->file_lost = s.lost;
    str_copy(g->view.file_trouble, sizeof g->view.file_trouble, failing || s.lost > 0 ? s.why : "");
}

void engine_see_soak(struct engine *g, int64_t now)
{
    see_sleep(g, now);
    see_file(g, now);
}

/* ---- how large the run file can become ---- */

void engine_tell_file(struct engine *g)
{
    const struct run_config *c = g->cfg;
    char a[FMT_SIZE];
    const char *kept = c->rows == ROWS_ALL    ? "a line for each request"
                       : c->rows == ROWS_NONE ? "no line for a request"
                       : c->rows == ROWS_ERRORS ? "a line for each failed request"
                                                : "a line for each request";
    double most = rows_bytes_most(c);
    const char *up_to = c->rows == ROWS_AUTO || c->rows == ROWS_ERRORS ? ", up to 1,000,000" : "";
    if (isfinite(most))
        engine_note(g, 0, "run file: at most %s MiB: %s%s (--rows), and a sample a second", fmt_count(a, ceil(most / 1048576)), kept, up_to);
    else
        engine_note(g, 0, "run file: %s%s (--rows), and at most %d KiB a second beside", kept, up_to, ROWS_BESIDE_A_SECOND / 1024);
}
