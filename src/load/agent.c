#include "load/agent.h"
#include "clock.h"
#include "load/prompt.h"
#include "load/transfer.h"
#include "measure/promtext.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CONNECT_MS 5000L
#define FIRST_NS (120 * NS_PER_SEC)
#define TOTAL_NS (180 * NS_PER_SEC)
#define REST_NS (20 * NS_PER_SEC) /* after a failure: a gateway goes on working on what nobody waits for any longer */
#define METRICS_NS (5 * NS_PER_SEC)
#define DIRECT_TOKENS 1024
#define KEEP_MAX 1024

#define SIMPLE "Reply with exactly: OK"
#define REASONING                                                                                                          \
    "A train leaves at 14:35 and arrives at 17:20. It stops for 25 minutes on the way. For how many minutes does it move? " \
    "Give the number and one sentence that shows how."
#define MULTI_STEP "Call session_status, then agents_list, then summarise in two sentences."
#define MESSAGES(text) "[{\"role\":\"user\",\"content\":\"" text "\"}]"

const struct agent_scenario agent_scenarios[AGENT_SCENARIOS] = {
    {"simple", SIMPLE}, {"reasoning", REASONING}, {"multi-step", MULTI_STEP}};
static char simple[] = MESSAGES(SIMPLE), reasoning[] = MESSAGES(REASONING), multi_step[] = MESSAGES(MULTI_STEP);
static char *messages[AGENT_SCENARIOS] = {simple, reasoning, multi_step}; /* never written to: a prompt set owns its own */

struct agent {
    pthread_t thread;
    const struct run_config *c;
    const struct http_settings *direct_http;
    struct http_settings http; /* the gateway's */
    struct run_config keyed;   /* only what http_settings_init reads */
    const struct server_info *server;
    unsigned fields;
    const atomic_bool *stop;
    atomic_bool enough;
    int failures[2];           /* in a row, of the gateway and of the model's server */
    int64_t not_before[2];     /* when the next request may go there */
    char url[600], direct_url[600];
    pthread_mutex_t lock;
    struct agent_row rows[KEEP_MAX]; /* under lock, as all that follows */
    size_t head, n;
    char what[64];
    uint64_t done, planned;
    bool over;
};

static bool stopped(const struct agent *a)
{
    return atomic_load(a->stop);
}

/* … or told to send no more? */
static bool ends(const struct agent *a)
{
    return stopped(a) || atomic_load(&a->enough);
}

static void wait_until(const struct agent *a, int64_t until)
{
    struct timespec nap = {0, 50 * NS_PER_MS};
    while (clock_ns() < until && !ends(a))
        nanosleep(&nap, NULL);
}

/* Requests that the model's server has finished since its start; −1: it does not tell. */
static int64_t finished(const struct agent *a)
{
    char url[600];
    double sum;
    struct http_reply r;
    const char *name = a->server->kind->page != NULL ? a->server->kind->page->counter[CNT_FINISHED][0] : NULL;
    if (name == NULL)
        return -1;
    snprintf(url, sizeof url, "%s/metrics", a->server->base);
    bool ok = http_call(a->direct_http, url, NULL, METRICS_NS, a->stop, &r, NULL) && r.status == 200 && r.body.len > 0 &&
              prom_sum(r.body.data, r.body.len, name, &sum);
    http_reply_release(&r);
    return ok && sum >= 0 && sum < 1e15 ? (int64_t)sum : -1;
}

/* ---- one answer ---- */

static enum transport overdue(const struct transfer *t, const void *ctx)
{
    (void)ctx;
    int64_t now = clock_ns(), waited = now - t->tl.started;
    enum transport how = transfer_overdue(t, now, FIRST_NS, TOTAL_NS);
    bool late = waited > TOTAL_NS || (t->tl.first_token == 0 && waited > FIRST_NS);
    return late && how != TR_LEFT_OPEN ? TR_TIMEOUT : how;
}

/* What a gateway writes as an answer when the model behind it failed. */
static bool says_failure(const struct buf *text)
{
    static const char *const words[] = {"Connection error.", "Error: internal error", "No response from OpenClaw."};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (text->len > 0 && strncmp(text->data, words[i], strlen(words[i])) == 0 && text->len <= strlen(words[i]) + 2)
            return true;
    return false;
}

static void send_one(struct agent *a, struct transfer *t, size_t scenario, bool direct, struct agent_row *row)
{
    struct prompt_item items[AGENT_SCENARIOS];
    for (size_t i = 0; i < AGENT_SCENARIOS; i++)
        items[i] = (struct prompt_item){.json = messages[i]};
    const struct prompt_set prompts = {.kind = PROMPT_FILE, .items = items, .items_n = AGENT_SCENARIOS};
    unsigned fields = direct ? a->fields & ~(unsigned)(BODY_IGNORE_EOS | BODY_MIN_TOKENS) : BODY_USAGE;
    buf_clear(&t->body);
    prompt_body(&prompts, &(struct body_spec){.model = direct ? a->server->model : a->c->agent.model, .endpoint = ENDPOINT_CHAT,
                                              .fields = fields, .max_tokens = DIRECT_TOKENS, .seq = scenario,
                                              .extra = direct ? a->c->extra_body : NULL},
                &t->body);
    int64_t now = clock_ns(), before = direct ? -1 : finished(a);
    transfer_start(t, direct ? DIRECT_TOKENS : 0, now, clock_ns());
    transfer_perform(t, a->stop, overdue, NULL);
    int64_t after = before >= 0 ? finished(a) : -1;
    *row = (struct agent_row){.scenario = agent_scenarios[scenario].name, .direct = direct, .tl = t->tl,
                              .answer_bytes = (int64_t)t->text.len, .calls = after >= before && before >= 0 ? after - before : -1};
    row->tl.gaps = NULL;
    row->tl.gaps_n = row->tl.gaps_cap = 0;
    str_copy(row->error, sizeof row->error, t->error);
    if (row->tl.outcome == OUT_OK && says_failure(&t->text)) {
        row->tl.outcome = OUT_ERROR_EVENT;
        str_sanitise(row->error, sizeof row->error, t->text.data, t->text.len);
    }
}

/* As a stream of a load does; and what a gateway still works on keeps the model's server busy too. */
static void rest_after(struct agent *a, const struct transfer *t, bool direct, enum outcome o)
{
    int64_t now = clock_ns();
    if (o == OUT_OK || o == OUT_CANCELLED)
        a->failures[direct] = 0;
    else
        a->not_before[direct] = now + transfer_back_off(t, a->failures[direct]++);
    if (o == OUT_TIMEOUT || o == OUT_EMPTY)
        a->not_before[0] = a->not_before[1] = now + REST_NS;
}

static void hand_over(struct agent *a, const struct agent_row *row)
{
    pthread_mutex_lock(&a->lock);
    if (a->n < KEEP_MAX)
        a->rows[(a->head + a->n++) % KEEP_MAX] = *row;
    a->done++;
    pthread_mutex_unlock(&a->lock);
}

static void place(struct agent *a, const char *scenario, bool direct, int64_t run)
{
    pthread_mutex_lock(&a->lock);
    snprintf(a->what, sizeof a->what, "%s%s %" PRId64 "/%" PRId64, scenario, direct ? " without the agent" : "", run + 1,
             a->c->agent.runs);
    pthread_mutex_unlock(&a->lock);
}

static void run_scenario(struct agent *a, struct transfer *t, size_t scenario, bool direct)
{
    for (int64_t i = 0; i < a->c->agent.runs; i++) {
        struct agent_row row;
        place(a, agent_scenarios[scenario].name, direct, i);
        wait_until(a, a->not_before[direct]);
        if (ends(a))
            return;
        send_one(a, t, scenario, direct, &row);
        hand_over(a, &row);
        rest_after(a, t, direct, row.tl.outcome);
    }
}

static void prepare(struct agent *a, struct transfer *t, struct token_sink *sink, bool direct)
{
    transfer_init(t, direct ? a->direct_http : &a->http, direct ? a->direct_url : a->url, sink);
    t->keep_text = true;
    curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
}

/* A wrong address or token will be so the next time too. */
static bool hopeless(enum outcome o)
{
    return o == OUT_DNS || o == OUT_CONNECT || o == OUT_TLS || o == OUT_HTTP_3XX || o == OUT_HTTP_4XX;
}

static void *run(void *ctx)
{
    struct agent *a = ctx;
    struct token_sink *sinks = xcalloc(2, sizeof *sinks); /* too large for the stack */
    struct transfer gateway, direct;
    struct agent_row row;
    prepare(a, &gateway, &sinks[0], false);
    prepare(a, &direct, &sinks[1], true);
    send_one(a, &gateway, 0, false, &row);
    row.warmup = true;
    hand_over(a, &row);
    rest_after(a, &gateway, false, row.tl.outcome);
    for (size_t s = 0; s < AGENT_SCENARIOS && !ends(a) && !hopeless(row.tl.outcome); s++) {
        run_scenario(a, &gateway, s, false);
        run_scenario(a, &direct, s, true);
    }
    transfer_release(&gateway);
    transfer_release(&direct);
    free(sinks);
    pthread_mutex_lock(&a->lock);
    a->over = true;
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

/* ---- the outside ---- */

struct agent *agent_start(const struct run_config *c, const struct http_settings *http, const struct server_info *server,
                          unsigned fields, const atomic_bool *stop, struct err *e)
{
    struct agent *a = xcalloc(1, sizeof *a);
    a->c = c;
    a->direct_http = http;
    a->server = server;
    a->fields = fields;
    a->stop = stop;
    str_copy(a->what, sizeof a->what, "warm-up");
    a->planned = 1 + 2 * AGENT_SCENARIOS * (uint64_t)c->agent.runs;
    a->keyed = (struct run_config){.api_key_env = c->agent.token_env, .api_key_file = c->agent.token_file, .ca_file = c->ca_file,
                                   .insecure = c->insecure};
    if (!http_settings_init(&a->http, &a->keyed, e)) {
        free(a);
        return NULL;
    }
    const char *host = strstr(c->agent.url, "://"), *path = strchr(host != NULL ? host + 3 : c->agent.url, '/');
    bool bare = path == NULL || path[1] == '\0';
    snprintf(a->url, sizeof a->url, "%.*s%s", (int)(bare && path != NULL ? path - c->agent.url : 500), c->agent.url,
             bare ? "/v1/chat/completions" : "");
    snprintf(a->direct_url, sizeof a->direct_url, "%s/v1/chat/completions", server->base);
    pthread_mutex_init(&a->lock, NULL);
    if (pthread_create(&a->thread, NULL, run, a) != 0)
        die("cannot start the agent's thread");
    return a;
}

bool agent_take(struct agent *a, struct agent_row *out)
{
    pthread_mutex_lock(&a->lock);
    bool some = a->n > 0;
    if (some) {
        *out = a->rows[a->head];
        a->head = (a->head + 1) % KEEP_MAX;
        a->n--;
    }
    pthread_mutex_unlock(&a->lock);
    return some;
}

void agent_place(struct agent *a, char *what, size_t size, uint64_t *done, uint64_t *planned)
{
    pthread_mutex_lock(&a->lock);
    str_copy(what, size, a->what);
    *done = a->done;
    *planned = a->planned;
    pthread_mutex_unlock(&a->lock);
}

void agent_enough(struct agent *a)
{
    atomic_store(&a->enough, true);
}

bool agent_over(struct agent *a)
{
    pthread_mutex_lock(&a->lock);
    bool over = a->over && a->n == 0;
    pthread_mutex_unlock(&a->lock);
    return over;
}

void agent_free(struct agent *a)
{
    pthread_join(a->thread, NULL);
    http_settings_release(&a->http);
    pthread_mutex_destroy(&a->lock);
    free(a);
}
