/* The server's own counters: what each look of the scraper means for the snapshot, the log and the run file. */
#include "engine/inside.h"
#include "clock.h"
#include "report/counted_json.h"

#include <math.h>
#include <string.h>

#define FIRST_LOOK_NS (2 * NS_PER_SEC)
#define LAST_LOOK_NS NS_PER_SEC

void engine_init_counters(struct engine *g)
{
    server_sample_clear(&g->server);
    counter_track_init(&g->counters.track);
    counted_clear(&g->counters.written);
}

void engine_first_look(struct engine *g)
{
    g->early = scraper_start(&g->result.pre.server, &g->http);
    scraper_wait(g->early, FIRST_LOOK_NS, &g->stop);
}

static void note_model(struct engine *g, const char *now, const char *before)
{
    engine_note(g, 1, "the server has another model now: '%.60s' in place of '%.60s'", now[0] != '\0' ? now : "none", before);
    rows_change(g, "model", now);
}

/* The page of one server names one model; which one it is need not be what the API calls it. */
static void see_model(struct engine *g)
{
    struct counters *c = &g->counters;
    if (g->server.model[0] != '\0' && !c->track.jumps && strcmp(c->model, g->server.model) != 0) {
        if (c->model[0] != '\0')
            note_model(g, g->server.model, c->model);
        str_copy(c->model, sizeof c->model, g->server.model);
        c->model_told = c->track.restarts;
    }
}

/* One that names none is asked for its list, after a restart. */
static void see_lost_model(struct engine *g)
{
    struct counters *c = &g->counters;
    char other[sizeof g->server.model];
    if (scraper_lost_model(g->scraper, other, sizeof other) && c->model_told < c->track.restarts) /* else it was just said */
        note_model(g, other, g->result.pre.server.model);
}

void engine_forget_facts(struct engine *g)
{
    struct server_view *v = &g->view.server;
    v->lines = v->bad_lines = (double)NAN;
    v->counters_note[0] = '\0';
    v->tokens_at_end = false;
    v->max_num_seqs = v->slot_context = v->kv_tokens = v->kv_blocks = v->kv_block_tokens = (double)NAN;
    v->loaded = v->loaded_vram = v->loaded_context = (double)NAN;
    g->tells_cached = false;
}

static void see_page(struct engine *g, double at_s)
{
    struct counters *c = &g->counters;
    switch (counter_track_add(&c->track, &g->server.counted, g->server.started, at_s)) {
    case TRACK_RESTART:
        engine_note(g, 1, "the server was restarted: its counters began anew");
        rows_change(g, "restart", "");
        engine_forget_facts(g);
        scraper_ask_again(g->scraper);
        if (g->probe != NULL) /* of `watch`: who is it now? */
            probe_again(g->probe);
        break;
    case TRACK_JUMPS:
        engine_note(g, 1, "the server's counters jump back and forth: several servers answer there in turn; what they count is left out");
        rows_change(g, "jumps", "");
        counted_clear(&c->written);
        c->recent.n = 0;
        c->plateau = (struct plateau){0};
        break;
    case TRACK_NOTHING:
        break;
    }
    if (c->track.jumps)
        return;
    recent_add(&c->recent, at_s, &c->track.sum, g->server.at_end, g->live.total);
    plateau_add(&c->plateau, g->server.running, g->server.waiting, g->server.kv_used);
}

static bool same_facts(const struct server_view *a, const struct server_view *b)
{
    struct buf x, y;
    buf_init(&x, 4096);
    buf_init(&y, 4096);
    struct jsonw j = {.out = &x}, k = {.out = &y};
    server_facts_json(a, &j);
    server_facts_json(b, &k);
    bool same = x.len == y.len && (x.len == 0 || memcmp(x.data, y.data, x.len) == 0);
    buf_release(&x);
    buf_release(&y);
    return same;
}

static void keep(double *to, double v)
{
    if (isfinite(v))
        *to = v;
}

/* What one look does not tell stays as it was: an answer that came too late makes no KV cache smaller. */
static void put_facts(struct engine *g, struct server_view *v)
{
    const struct server_facts *f = &g->server.facts;
    keep(&v->max_num_seqs, f->max_num_seqs);
    keep(&v->slot_context, f->slot_context);
    keep(&v->kv_blocks, f->kv_blocks);
    keep(&v->kv_block_tokens, f->kv_block_tokens);
    keep(&v->kv_tokens, isfinite(f->kv_tokens) ? f->kv_tokens : f->kv_blocks * f->kv_block_tokens);
    keep(&v->loaded, f->loaded);
    keep(&v->loaded_vram, f->loaded_vram);
    keep(&v->loaded_context, f->loaded_context);
    if (g->server.page || g->server.lines + g->server.bad_lines > 0) {
        v->lines = (double)g->server.lines;
        v->bad_lines = (double)g->server.bad_lines;
    }
    if (g->server.page)
        v->tokens_at_end = g->server.at_end & 1U << CNT_GENERATED;
    str_copy(v->counters_note, sizeof v->counters_note, g->server.note);
}

void engine_see_counters(struct engine *g)
{
    struct counters *c = &g->counters;
    if (g->scraper == NULL)
        return;
    scraper_get(g->scraper, &g->server);
    if (g->server.at == c->seen_at) {
        see_lost_model(g);
        return;
    }
    c->seen_at = g->server.at;
    struct server_view before = g->view.server;
    if (g->server.page)
        see_page(g, engine_seconds(g, g->server.at));
    see_model(g);
    if (g->server.page && c->since == 0)
        c->since = g->server.at;
    put_facts(g, &g->view.server);
    if (!same_facts(&before, &g->view.server))
        rows_counters(g);
    if (c->page_wanted && scraper_text(g->scraper, &c->page_seq, g->view.page.text, sizeof g->view.page.text, &g->view.page.lines))
        g->view.page.seq++;
}

void engine_fill_counters(struct engine *g, int64_t now)
{
    struct counters *c = &g->counters;
    struct server_view *v = &g->view.server;
    if (g->scraper == NULL)
        return;
    v->running = g->server.running;
    v->waiting = g->server.waiting;
    v->kv_used = g->server.kv_used;
    counts_of(&c->track.sum, &v->counts);
    v->counts.restarts = c->track.restarts;
    v->counts.jumps = c->track.jumps;
    recent_fill(&c->recent, engine_seconds(g, now), v);
    if (isnan(v->prefix_hits))
        v->prefix_hits = g->server.hit_rate;
    if (g->cfg->watch)
        v->our_rate = (double)NAN; /* nothing that is worth a comparison comes from here */
    v->seems_max_num_seqs = plateau_limit(&c->plateau);
    g->result.server = *v;
}

void engine_want_page(struct engine *g, bool wanted)
{
    g->counters.page_wanted = wanted;
    if (g->scraper != NULL)
        scraper_want_text(g->scraper, wanted);
}

void engine_last_look(struct engine *g)
{
    if (g->scraper == NULL)
        return;
    if (g->server.page) /* one that was silent is not waited for */
        scraper_finish(g->scraper, LAST_LOOK_NS);
    struct server_sample last;
    scraper_get(g->scraper, &last);
    if (last.page) /* else what was known before says more */
        engine_see_counters(g);
}
