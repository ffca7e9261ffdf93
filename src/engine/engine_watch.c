/* `watch`: no load; the server is looked at, and probed where that is wanted. */
#include "engine/inside.h"
#include "clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void open_file(struct engine *g)
{
    struct err why;
    if (g->cfg->out == NULL)
        return; /* one who only looks leaves nothing behind */
    g->runlog = runlog_open(g->cfg->out, "watch", &why);
    if (g->runlog == NULL) {
        str_copy(g->result.lost_why, sizeof g->result.lost_why, why.msg);
        return;
    }
    str_copy(g->result.run_file, sizeof g->result.run_file, runlog_path(g->runlog));
    rows_header(g);
}

void engine_begin_watch(struct engine *g, int64_t now)
{
    g->state = RUN_WATCH;
    if (g->cfg->duration_ns > 0)
        g->deadline = now + g->cfg->duration_ns;
    open_file(g);
    g->probe = probe_start(g->cfg, &g->http, &g->prompts);
    if (g->cfg->probe_ns > 0)
        phases_open(&g->result.phases, &(struct phase_target){0, 1, prompt_context(g->cfg), g->cfg->max_tokens, 0}, 0);
}

static void see_server(struct engine *g, int64_t now)
{
    struct preflight found;
    if (!probe_found(g->probe, &found))
        return;
    bool first = !g->server_known;
    if (g->scraper != NULL)
        scraper_stop(g->scraper); /* it reads what is replaced */
    timeline_release(&g->result.pre.first.tl);
    g->result.pre = found;
    g->server_known = true;
    g->view.server.model[0] = '\0';
    g->view.server.max_model_len = (double)NAN;
    engine_forget_facts(g);
    engine_know_server(g);
    engine_fill_memory(g, now);
    rows_server(g);
    g->scraper = scraper_start(&g->result.pre.server, &g->http);
    g->counters.page_seq = 0; /* it counts its own */
    g->server_silent = g->server_answered = false;
    engine_want_page(g, g->counters.page_wanted);
    if (g->cfg->probe_ns > 0) {
        if (first) {
            phases_begin(&g->result.phases, now);
            rows_phase(g, phases_current(&g->result.phases), now);
        }
        rows_request(g, &g->result.pre.first);
    }
}

/* One that was silent for a while and answers again may have been started anew, with another model. */
static void see_return(struct engine *g)
{
    if (g->server.at == 0)
        return; /* a new scraper that has not looked yet: nobody was silent */
    bool answers = isfinite(g->server.running);
    if (g->server_silent && answers)
        probe_again(g->probe);
    g->server_silent = (g->server_silent || g->server_answered) && !answers;
    g->server_answered = answers;
}

static void take_probes(struct engine *g)
{
    struct row row;
    while (probe_take(g->probe, &row)) {
        g->result.sent++;
        engine_take_row(g, &row);
    }
}

void engine_watch_tick(struct engine *g, int64_t now, bool by_look)
{
    see_server(g, now);
    see_return(g);
    take_probes(g);
    phases_settle(&g->result.phases, engine_settled(g, now));
    probe_status(g->probe, g->view.status, sizeof g->view.status);
    if (!by_look && (g->stop_asked || (g->deadline != 0 && now >= g->deadline)))
        engine_end_watch(g);
}

void engine_end_watch(struct engine *g)
{
    probe_stop(g->probe);
    take_probes(g);
    probe_free(g->probe);
    g->probe = NULL;
    phases_settle(&g->result.phases, INT64_MAX);
    if (g->scraper != NULL)
        scraper_stop(g->scraper);
    g->scraper = NULL;
    g->result.end = g->stop_asked ? END_STOPPED : END_DURATION;
    g->result.end_ns = clock_ns();
    rows_sample(g, g->result.end_ns);
    if (g->runlog != NULL)
        g->result.lost_lines = runlog_close(g->runlog, g->result.lost_why, sizeof g->result.lost_why);
    g->runlog = NULL;
    g->state = RUN_DONE;
}
