/* The whole screen: header, status line, the view, footer, help; or, where it is too small, a page that says
 * so. */
#include "ui/layout.h"
#include "ui/note.h"
#include "ui/search.h"
#include "ui/panel.h"
#include "ui/view.h"

#include "fmt.h"
#include "util.h"

#include <math.h>
#include <string.h>

const struct view *const view_table[] = {&view_overview, &view_latency, &view_streams, &view_memory, &view_server, &view_matrix, &view_log, NULL};

void frame_init(struct ui_state *st)
{
    memset(st, 0, sizeof *st);
    st->view = view_table[0];
}

/* In the unit of a wish; 0: there is none that could be changed. */
static int known_rate(const struct snapshot *s)
{
    return s->open_loop && isfinite(s->target_rate) ? (int)lround(MAX_OF(MIN_OF(s->target_rate, 1e6), 0.0) * 1000) : 0;
}

int state_target(const struct ui_state *st, const struct snapshot *s, enum target t)
{
    return st->target[t].on ? st->target[t].value : known_target(s, t);
}

int known_target(const struct snapshot *s, enum target t)
{
    return t == TARGET_STREAMS   ? s->target_streams
           : t == TARGET_CONTEXT ? s->target_context
           : t == TARGET_OUTPUT  ? s->target_max_tokens
                                 : known_rate(s);
}

bool state_paused(const struct ui_state *st, const struct snapshot *s)
{
    return st->pause.on ? st->pause.value != 0 : s->replay.on ? s->replay.paused : s->paused;
}

struct badge {
    const char *glyph, *word;
    enum role role;
};

static struct badge badge_of(const struct ui_state *st, const struct snapshot *s)
{
    bool busy = s->state == RUN_LOAD || s->state == RUN_WARMUP || s->state == RUN_PAUSED;
    if (s->replay.on && s->replay.live)
        return (struct badge){"●", "FOLLOW", ROLE_STATUS_OK};
    if (s->replay.on)
        return state_paused(st, s) ? (struct badge){"○", "REPLAY", ROLE_STATUS_WARN} : (struct badge){"▸", "REPLAY", ROLE_SERIES_2};
    if (busy && state_paused(st, s))
        return (struct badge){"○", "PAUSED", ROLE_STATUS_WARN};
    switch (s->state) {
    case RUN_PREFLIGHT:
        return (struct badge){"○", "PREFLIGHT", ROLE_SERIES_2};
    case RUN_WARMUP:
        return (struct badge){"●", "WARM-UP", ROLE_SERIES_2};
    case RUN_WATCH:
        return (struct badge){"●", "WATCH", ROLE_STATUS_OK};
    case RUN_DRAIN:
        return (struct badge){"○", "DRAIN", ROLE_SERIES_2};
    case RUN_DONE:
        return (struct badge){"✓", "DONE", ROLE_STATUS_OK};
    case RUN_FAILED:
        return (struct badge){"✗", "FAILED", ROLE_STATUS_ERROR};
    case RUN_LOAD:
    case RUN_PAUSED:
        break;
    }
    return (struct badge){"●", "LOAD", ROLE_STATUS_OK};
}

/* "03:12 / 10:00", "00:03:12  312 / 500 requests", or nothing before the load began. */
static void progress_text(char *out, size_t size, const struct snapshot *s)
{
    char elapsed[FMT_SIZE], planned[FMT_SIZE], n[FMT_SIZE], all[FMT_SIZE];
    out[0] = '\0';
    if (s->replay.on) {
        snprintf(out, size, "%s / %s", fmt_clock(elapsed, s->clock_s), fmt_clock(planned, s->replay.end_s));
        return;
    }
    if (!isfinite(s->elapsed_s))
        return;
    fmt_clock(elapsed, s->elapsed_s);
    if (s->suite.parts_n > 0 && isfinite(s->suite.left_s) && s->state != RUN_DONE) {
        snprintf(out, size, "%s  about %s left", elapsed, fmt_about(planned, s->suite.left_s));
    } else if (isfinite(s->planned_s)) {
        fmt_clock(planned, s->planned_s);
        int skip =
            s->planned_s < 3600 && s->elapsed_s < 3600 ? 3 : 0; /* no hours: "00:" of both is left out */
        snprintf(out, size, "%s / %s", elapsed + skip, planned + skip);
    } else if (isfinite(s->planned_requests)) {
        double done = (double)(s->ok + s->failed + s->cancelled);
        snprintf(out, size, "%s  %s / %s requests", elapsed, fmt_count(n, done),
                 fmt_count(all, s->planned_requests));
    } else {
        str_copy(out, size, elapsed);
    }
}

/* What wants attention, the most urgent first. */
struct alert {
    char text[256];
    enum role role;
};
#define ALERTS_MOST 4

static int collect_alerts(struct alert *a, const struct snapshot *s)
{
    int n = 0;
    if (s->state == RUN_FAILED) {
        a[n].role = ROLE_STATUS_ERROR;
        snprintf(a[n++].text, sizeof a->text, "✗ %s", s->status);
    }
    if (s->client_limited) {
        const char *why =
            s->client_reason[0] != '\0' ? s->client_reason : "this machine is too slow for this load";
        a[n].role = ROLE_STATUS_WARN;
        snprintf(a[n++].text, sizeof a->text, "! client-limited: %s", why);
    }
    if (s->file_trouble[0] != '\0') {
        a[n].role = ROLE_STATUS_ERROR;
        snprintf(a[n++].text, sizeof a->text, "✗ run file: %s", s->file_trouble);
    }
    if (s->failed > 0 || s->last_error[0] != '\0') {
        char count[FMT_SIZE];
        a[n].role = ROLE_STATUS_ERROR;
        snprintf(a[n++].text, sizeof a->text, "✗ %s failed%s%s", fmt_count(count, (double)s->failed),
                 s->last_error[0] != '\0' ? ": " : "", s->last_error);
    }
    return n;
}

/* Whole ones as long as they fit; the first one that does not is cut. */
static void draw_alerts(struct canvas *c, int x, int y, int w, const struct alert *a, int n)
{
    int used = 0;
    for (int i = 0; i < n && w - used >= 12; i++)
        used += canvas_text_fit(c, x + used, y, w - used, a[i].text, a[i].role) + 3;
}

/* What the header line says of the server: all of it, or what fits. */
struct identity {
    const char *model, *kind, *address;
    int model_w;
};

/* The path in front of a model's name goes first, then the address (which then stands in the status line), then the
 * kind of server; the rest of the name is cut last. */
static struct identity fit_identity(const struct canvas *c, int w, const struct server_view *v)
{
    struct identity id = {v->model, v->kind, v->address, 0};
    const char *slash = strrchr(v->model, '/');
    int kind = v->kind[0] != '\0' ? canvas_width(c, v->kind) + 2 : 0;
    int address = v->address[0] != '\0' ? canvas_width(c, v->address) + 2 : 0;
    int model = canvas_width(c, v->model) + 2;
    if (model + kind + address > w) {
        id.address = "";
        address = 0;
    }
    if (model + kind > w && slash != NULL && slash[1] != '\0') {
        id.model = slash + 1;
        model = canvas_width(c, id.model) + 2;
    }
    if (MIN_OF(model, 24) + kind > w) {
        id.kind = "";
        kind = 0;
    }
    id.model_w = MIN_OF(model - 2, w - kind - address);
    return id;
}

static int draw_mark(struct canvas *c, int x, int w, const char *text, enum role role)
{
    int n = canvas_text(c, x, 0, w, text, role);
    canvas_ground(c, (struct rect){x, 0, n, 1}, ROLE_BACKGROUND, ATTR_REVERSE);
    return n + 2;
}

static const char tls_mark[] = " TLS NOT VERIFIED ";

/* "tokgauge" and the marks of a server that is simulated, or may be another one; returns the columns used. */
static int draw_program(struct canvas *c, int x, int w, const struct server_view *v)
{
    int used = canvas_text(c, x, 0, w, "tokgauge", ROLE_PANEL_TITLE) + 2;
    if (v->simulated)
        used += draw_mark(c, x + used, w - used, " SIMULATED ", ROLE_STATUS_WARN);
    if (v->unverified)
        used += draw_mark(c, x + used, w - used, tls_mark, ROLE_STATUS_ERROR);
    return used;
}

/* Returns whether the address had room. */
static bool draw_identity(struct canvas *c, int x, int w, const struct server_view *v)
{
    int used = draw_program(c, x, w, v);
    struct identity id = fit_identity(c, w - used, v);
    if (id.model[0] != '\0')
        used += canvas_text_fit(c, x + used, 0, id.model_w, id.model, ROLE_TEXT_BRIGHT) + 2;
    if (id.kind[0] != '\0')
        used += canvas_text(c, x + used, 0, w - used, id.kind, ROLE_TEXT) + 2;
    canvas_text(c, x + used, 0, w - used, id.address, ROLE_TEXT_DIM);
    return id.address[0] != '\0';
}

/* alone: there is no status line, and what is urgent takes the place of the names, and of the clock if it
 * must, but not that of a warning that all this may be of another server.  Returns whether it shows the server's address. */
static bool draw_header(struct canvas *c, const struct snapshot *s, const struct ui_state *st, bool alone)
{
    struct badge b = badge_of(st, s);
    char state[32], progress[96];
    struct alert alerts[ALERTS_MOST];
    int urgent = alone ? collect_alerts(alerts, s) : 0;
    snprintf(state, sizeof state, "%s %s", b.glyph, b.word);
    progress_text(progress, sizeof progress, s);
    if (urgent > 0 &&
        canvas_width(c, alerts[0].text) + canvas_width(c, state) + canvas_width(c, progress) + 8 > c->w)
        progress[0] = '\0';
    int pw = canvas_width(c, progress), sw = canvas_width(c, state);
    int x = c->w - 1 - pw - (pw > 0 ? 2 : 0) - sw;
    canvas_text(c, x, 0, sw, state, b.role);
    canvas_text(c, c->w - 1 - pw, 0, pw, progress, ROLE_TEXT);
    if (urgent == 0)
        return draw_identity(c, 1, x - 3, &s->server);
    int mark = s->server.unverified ? draw_mark(c, 1, x - 3, tls_mark, ROLE_STATUS_ERROR) : 0;
    draw_alerts(c, 1 + mark, 0, x - 3 - mark, alerts, urgent);
    return false;
}

/* A suite's checklist: "✓ interactive  ● stability 4k, new 2/3  ○ concurrency"; returns the columns used. */
static int draw_suite(struct canvas *c, int x, int y, int w, const struct suite_view *v)
{
    static const struct {
        const char *glyph;
        enum role role;
    } looks[] = {[PART_WAITING] = {"○", ROLE_TEXT_DIM},
                 [PART_RUNNING] = {"●", ROLE_TEXT_BRIGHT},
                 [PART_DONE] = {"✓", ROLE_STATUS_OK},
                 [PART_LEFT_OUT] = {"–", ROLE_TEXT_DIM}};
    int used = 0;
    for (size_t i = 0; i < v->parts_n; i++) {
        char text[128], n[FMT_SIZE], all[FMT_SIZE];
        enum part_state state = v->part[i].state;
        int at = snprintf(text, sizeof text, "%s %s", looks[state].glyph, v->part[i].name);
        if (state == PART_RUNNING)
            snprintf(text + at, sizeof text - (size_t)at, " %s %s/%s", v->step, fmt_count(n, (double)v->done),
                     fmt_count(all, (double)v->planned));
        if (canvas_width(c, text) > w - used)
            break;
        used += canvas_text(c, x + used, y, w - used, text, looks[state].role) + 2;
    }
    return used;
}

/* with_address: the header has no room for it; here it stands where nothing is urgent. */
static void draw_status(struct canvas *c, struct rect r, const struct snapshot *s, bool with_address)
{
    struct items totals = {.n = 0};
    struct alert alerts[ALERTS_MOST];
    char n[FMT_SIZE];
    items_add_unit(&totals, fmt_count(n, (double)s->sent), "sent", ROLE_TEXT);
    items_add_unit(&totals, fmt_count(n, (double)s->ok), "ok", ROLE_TEXT);
    items_add_unit(&totals, fmt_count(n, (double)s->failed), "failed",
                   s->failed > 0 ? ROLE_STATUS_ERROR : ROLE_TEXT);
    if (s->cancelled > 0)
        items_add_unit(&totals, fmt_count(n, (double)s->cancelled), "cancelled", ROLE_TEXT);
    bool counted = s->state != RUN_PREFLIGHT && s->state != RUN_FAILED && (s->state != RUN_WATCH || s->sent > 0);
    int used = !counted ? 0 : items_draw_right(c, r.x + r.w / 2, r.y, r.w / 2 - 1, &totals);
    int room = r.w - used - 4;
    int urgent = collect_alerts(alerts, s), x = r.x + 1;
    int suite = counted ? draw_suite(c, x, r.y, room, &s->suite) : 0;
    x += suite;
    room -= suite;
    if (urgent > 0) {
        draw_alerts(c, x, r.y, room, alerts, urgent);
        return;
    }
    if (with_address && s->server.address[0] != '\0' && (suite == 0 || canvas_width(c, s->server.address) <= room))
        x += canvas_text_fit(c, x, r.y, room, s->server.address, ROLE_TEXT_DIM) + 3;
    char goals[sizeof s->slo + 8];
    snprintf(goals, sizeof goals, "slo: %s", s->slo);
    const char *text = s->status[0] == '\0' && s->slo[0] != '\0' ? goals : s->status;
    canvas_text_fit(c, x, r.y, room - (x - r.x - 1 - suite), text, text == goals ? ROLE_TEXT_DIM : ROLE_TEXT);
}

/* One entry of the footer. */
struct hint {
    char keys[32], value[FMT_SIZE + 4];
    const char *word;
    size_t row; /* of the table of keys */
    int rank, width, x;
    bool shown;
};
#define HINTS_MOST 24

static void hint_value(struct hint *h, const struct snapshot *s, const struct ui_state *st)
{
    char n[FMT_SIZE];
    h->value[0] = '\0';
    if (strcmp(h->word, "streams") == 0)
        fmt_count(h->value, state_target(st, s, TARGET_STREAMS));
    else if (strcmp(h->word, "context") == 0)
        fmt_tokens(h->value, state_target(st, s, TARGET_CONTEXT));
    else if (strcmp(h->word, "rate") == 0)
        snprintf(h->value, sizeof h->value, "%s/s", fmt_requests(n, state_target(st, s, TARGET_RATE) / 1000.0));
    else if (strcmp(h->word, "output") == 0)
        fmt_tokens(h->value, state_target(st, s, TARGET_OUTPUT));
    else if (strcmp(h->word, "speed") == 0)
        snprintf(h->value, sizeof h->value, "%g×", s->replay.speed);
    else if (strcmp(h->word, "zoom") == 0)
        str_copy(h->value, sizeof h->value, plot_zoom_names[st->zoom]);
}

/* Without a load there is nothing of it to change, and live time goes its own way. */
static bool is_for(const struct snapshot *s, const char *word)
{
    bool lengths = strcmp(word, "context") == 0 || strcmp(word, "output") == 0, streams = strcmp(word, "streams") == 0;
    bool load = streams || lengths || strcmp(word, "mark") == 0;
    bool pause = strcmp(word, "pause") == 0, time = strcmp(word, "10 s") == 0 || strcmp(word, "speed") == 0;
    if (strcmp(word, "rate") == 0)
        return !s->replay.on && s->open_loop && isfinite(s->target_rate) && !s->load_fixed;
    if (strcmp(word, "context") == 0 && s->target_context == 0)
        return false;
    if ((lengths && s->lengths_fixed) || (streams && s->load_fixed) || (pause && s->agent))
        return false;
    if (s->replay.on)
        return !load;
    return !time && (s->state != RUN_WATCH || strcmp(word, "mark") == 0 || (!load && !pause));
}

#define BOUND_RANK 12 /* of the streams in an open loop: a bound, not the load */

static int collect_hints(const struct canvas *c, const struct snapshot *s, const struct ui_state *st,
                         struct hint *h, int most)
{
    int n = 0;
    for (size_t i = 0, next; i < key_table_n && n < most; i = next) {
        h[n].word = keys_footer(i, h[n].keys, sizeof h[n].keys, &next);
        if (h[n].word == NULL || !is_for(s, h[n].word))
            continue;
        if (strcmp(h[n].word, "pause") == 0 && state_paused(st, s))
            h[n].word = s->replay.on ? "play" : "go on";
        hint_value(&h[n], s, st);
        h[n].row = i;
        h[n].rank = s->open_loop && strcmp(h[n].word, "streams") == 0 ? BOUND_RANK : key_table[i].rank;
        h[n].width = canvas_width(c, h[n].keys) + 1 + canvas_width(c, h[n].word) +
                     (h[n].value[0] != '\0' ? 1 + canvas_width(c, h[n].value) : 0);
        n++;
    }
    return n;
}

/* Takes in the order of rank as long as they fit. */
static void choose_hints(struct hint *h, int n, int w, int gap)
{
    for (int rank = 1; rank < 16; rank++)
        for (int i = 0; i < n; i++)
            if (h[i].rank == rank && h[i].width + gap <= w) {
                h[i].shown = true;
                w -= h[i].width + gap;
            }
}

/* Where the names of the views begin; the width itself where there is no room for them. */
static int tabs_from(const struct canvas *c, int end)
{
    int need = 0;
    for (const struct view *const *v = view_table; *v != NULL; v++)
        need += canvas_width(c, (*v)->name) + 4;
    return need > c->w - end ? c->w : c->w - need;
}

static int place_with_gap(const struct canvas *c, struct hint *h, int n, int gap)
{
    int end = 1;
    for (int i = 0; i < n; i++)
        h[i].shown = false;
    choose_hints(h, n, c->w - 1, gap);
    for (int i = 0; i < n; i++)
        if (h[i].shown) {
            h[i].x = end;
            end += h[i].width + gap;
        }
    return end;
}

/* Chooses and places; returns how many there are, and in *end the column behind the last one that is shown.  They stand closer
 * where that makes room for the names of the views. */
static int place_hints(const struct canvas *c, const struct snapshot *s, const struct ui_state *st, struct hint *h, int *end)
{
    int gap = c->w < 100 ? 1 : c->w < 110 ? 2 : 3, n = collect_hints(c, s, st, h, HINTS_MOST);
    *end = place_with_gap(c, h, n, gap);
    if (gap < 3 || tabs_from(c, *end) < c->w)
        return n;
    *end = place_with_gap(c, h, n, gap - 1);
    if (tabs_from(c, *end) == c->w)
        *end = place_with_gap(c, h, n, gap);
    return n;
}

static void draw_tabs(struct canvas *c, int x, int y, const struct ui_state *st)
{
    for (const struct view *const *v = view_table; *v != NULL && x < c->w; v++) {
        char key[2] = {(*v)->key, '\0'};
        bool here = *v == st->view;
        x += canvas_text(c, x, y, 2, key, here ? ROLE_KEY_HINT : ROLE_TEXT_DIM) + 1;
        x += canvas_text(c, x, y, 20, (*v)->name, here ? ROLE_TEXT_BRIGHT : ROLE_TEXT_DIM) + 2;
    }
}

static void draw_footer(struct canvas *c, struct rect r, const struct snapshot *s, const struct ui_state *st)
{
    if (st->note.on) {
        note_draw(c, r, st);
        return;
    }
    if (st->toast[0] != '\0') {
        canvas_text_fit(c, r.x + 1, r.y, r.w - 2, st->toast, st->toast_role);
        return;
    }
    struct hint h[HINTS_MOST];
    int end, n = place_hints(c, s, st, h, &end);
    for (int i = 0; i < n; i++) {
        if (!h[i].shown)
            continue;
        int x = h[i].x + canvas_text(c, h[i].x, r.y, r.w, h[i].keys, ROLE_KEY_HINT) + 1;
        x += canvas_text(c, x, r.y, r.w, h[i].word, ROLE_KEY_LABEL);
        if (h[i].value[0] != '\0')
            canvas_text(c, x + 1, r.y, r.w, h[i].value, ROLE_TEXT_BRIGHT);
    }
    draw_tabs(c, tabs_from(c, end), r.y, st);
}

enum action frame_footer_at(const struct canvas *c, const struct snapshot *s, const struct ui_state *st, int x,
                            const struct view **view)
{
    struct hint h[HINTS_MOST];
    *view = NULL;
    if (st->toast[0] != '\0')
        return ACT_NONE;
    int end, n = place_hints(c, s, st, h, &end), at = tabs_from(c, end);
    for (int i = 0; i < n; i++)
        if (h[i].shown && x >= h[i].x && x < h[i].x + h[i].width)
            return keys_footer_action(h[i].row, x - h[i].x);
    for (const struct view *const *v = view_table; *v != NULL; v++) {
        int w = canvas_width(c, (*v)->name) + 2;
        if (x >= at && x < at + w)
            *view = *v;
        at += w + 2;
    }
    return ACT_NONE;
}

static void draw_too_small(struct canvas *c)
{
    char text[2][64];
    snprintf(text[0], sizeof text[0], "terminal is %d×%d,", c->w, c->h);
    snprintf(text[1], sizeof text[1], "tokgauge needs %d×%d", LAYOUT_MIN_W, LAYOUT_MIN_H);
    const char *lines[] = {text[0], text[1], "", "q quit   ? help"};
    enum role roles[] = {ROLE_STATUS_WARN, ROLE_TEXT_BRIGHT, ROLE_TEXT, ROLE_TEXT_DIM};
    int top = MAX_OF((c->h - (int)ARRAY_LEN(lines)) / 2, 0);
    for (int i = 0; i < (int)ARRAY_LEN(lines); i++) {
        int w = canvas_width(c, lines[i]);
        canvas_text_fit(c, MAX_OF((c->w - w) / 2, 0), top + i, c->w, lines[i], roles[i]);
    }
}

void frame_update(struct ui_state *st, const struct snapshot *s, int w, int h, enum glyph_set glyphs)
{
    struct rect at[AREA_FRAME_COUNT];
    st->help_top = MAX_OF(MIN_OF(st->help_top, help_lines(w) - help_rows(w, h)), 0);
    themes_update(st, h);
    trails_take(&st->trails, s);
    if (layout_frame(w, h, at) && st->view->update != NULL)
        st->view->update(st, s, at[AREA_BODY], glyphs);
}

void frame_draw(struct canvas *c, const struct snapshot *s, const struct ui_state *st)
{
    struct rect at[AREA_FRAME_COUNT];
    canvas_clear(c);
    if (!layout_frame(c->w, c->h, at)) {
        draw_too_small(c);
    } else {
        bool address = draw_header(c, s, st, at[AREA_STATUS].w == 0);
        if (at[AREA_STATUS].w > 0)
            draw_status(c, at[AREA_STATUS], s, !address);
        st->view->draw(c, at[AREA_BODY], s, st);
        draw_footer(c, at[AREA_FOOTER], s, st);
        if (st->themes.on)
            themes_draw(c, st);
    }
    if (st->help)
        help_draw(c, st);
}

static bool help_act(struct ui_state *st, enum action a, int w, int h)
{
    int page = help_rows(w, h), last = help_lines(w) - page, top = st->help_top;
    if (a == ACT_CLOSE || a == ACT_HELP) {
        st->help = false;
        return true;
    }
    switch (a) {
    case ACT_UP:
        top--;
        break;
    case ACT_DOWN:
        top++;
        break;
    case ACT_PAGE_UP:
        top -= page;
        break;
    case ACT_PAGE_DOWN:
        top += page;
        break;
    case ACT_HOME:
        top = 0;
        break;
    case ACT_END:
        top = last;
        break;
    default:
        return false;
    }
    st->help_top = MAX_OF(MIN_OF(top, last), 0);
    return true;
}

static void step_view(struct ui_state *st, int by)
{
    int n = (int)ARRAY_LEN(view_table) - 1, at = 0;
    for (int i = 0; i < n; i++)
        if (view_table[i] == st->view)
            at = i;
    st->view = view_table[(at + by + n) % n];
}

bool frame_view_key(struct ui_state *st, int code)
{
    for (const struct view *const *v = view_table; *v != NULL; v++)
        if ((*v)->key == code) {
            st->view = *v;
            st->help = false;
            return true;
        }
    return false;
}

bool frame_act(struct ui_state *st, const struct snapshot *s, enum action a, int w, int h)
{
    struct rect at[AREA_FRAME_COUNT];
    if (st->help && help_act(st, a, w, h))
        return true;
    if (st->themes.on && themes_act(st, a, h))
        return true;
    switch (a) {
    case ACT_HELP:
        st->help = true;
        st->help_top = 0;
        return true;
    case ACT_SEARCH:
        search_open(st);
        return true;
    case ACT_VIEW_NEXT:
        step_view(st, 1);
        return true;
    case ACT_VIEW_BACK:
        step_view(st, -1);
        return true;
    default:
        return layout_frame(w, h, at) && st->view->act != NULL && st->view->act(st, s, a, at[AREA_BODY]);
    }
}
