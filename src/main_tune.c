#include "main_tune.h"

#include "clock.h"
#include "fmt.h"
#include "report/summary.h"
#include "say.h"
#include "tune/tune_print.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define LOOK_NS (20 * NS_PER_MS) /* how soon a signal is noticed */
#define TUNE_CI 0.03
#define TUNE_MOST_NS (60 * NS_PER_SEC)

void tune_settle(struct run_config *r)
{
    bool ruled = r->requests > 0 || r->duration_ns > 0 || r->until_ci > 0 || r->find_capacity || r->trace != NULL;
    if (!ruled && r->arrival.ramp_ns == 0) /* along a ramp no rate is the run's */
        r->until_ci = TUNE_CI;
    if ((!ruled || r->until_ci > 0) && r->duration_ns == 0)
        r->duration_ns = MAX_OF(TUNE_MOST_NS, r->arrival.ramp_ns);
}

void tune_watch(struct tune *t, const struct options *o, const volatile sig_atomic_t *stop)
{
    struct snapshot_source source = tune_source(t);
    struct snapshot *s = xcalloc(1, sizeof *s);
    FILE *out = o->json ? stderr : stdout;
    int64_t start = clock_ns(), next = start + NS_PER_SEC;
    for (bool over = false; !over;) {
        struct event_line notes[32];
        struct buf b;
        over = tune_over(t);
        tune_wait(t, LOOK_NS);
        if (*stop)
            tune_stop(t);
        buf_init(&b, 1u << 20);
        for (size_t n = tune_notes(t, notes, ARRAY_LEN(notes)); n > 0; n = tune_notes(t, notes, ARRAY_LEN(notes)))
            for (size_t i = 0; i < n; i++) {
                char at[32];
                buf_addf(&b, "%s %s %s\n", fmt_clock(at, notes[i].at_s), notes[i].level == 0 ? "--" : "!!", notes[i].text);
            }
        if (clock_ns() >= next && source.read(source.ctx, s, s->seq)) {
            next += NS_PER_SEC;
            s->clock_s = (double)(clock_ns() - start) / 1e9; /* of all settings */
            summary_progress(s, say_utf8(), &b);
        }
        if (b.len > 0)
            say_buf(&b, out);
        buf_release(&b);
    }
    free(s);
}

/* What each setting gets; of a search this is what it begins with. */
static void tell_load(const struct run_config *r, struct buf *b)
{
    if (r->find_capacity)
        buf_adds(b, "a search for the capacity from ");
    summary_load(r, r->max_num_seqs, prompt_context(r), r->max_tokens, b);
}

bool tune_tell(const struct tune_result *r, size_t n, enum tune_objective by, const struct options *o)
{
    struct buf b, load;
    buf_init(&b, 16u << 20);
    buf_init(&load, 1u << 10);
    if (o->json) {
        struct jsonw j = {.out = &b};
        jw_open(&j, NULL, '{');
        tune_print_json(r, n, by, &j);
        jw_close(&j, '}');
        buf_adds(&b, "\n");
    } else {
        tell_load(&o->run, &load);
        buf_adds(&b, "\n");
        tune_print_text(r, n, by, load.data, say_utf8(), &b);
    }
    bool ok = say_buf(&b, stdout) || errno == EPIPE;
    buf_release(&b);
    buf_release(&load);
    return ok;
}
