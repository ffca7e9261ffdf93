/* sim_run: configuration, listener, signals and the loop of the simulated server. */
#include "sim/sim.h"

#include "clock.h"
#include "outfile.h"
#include "sim/sim_kv.h"
#include "sim/sim_server.h"

#include <errno.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG 4096
#define KV_MOST (INT64_C(1) << 28)
#define BODY_MAX (INT64_C(64) << 20)
#define HEADERS_MAX 65536
/* evhttp ends a connection that is silent for 50 s; a queued or stalled stream may be silent for longer. */
#define SILENCE_S 86400

void sim_config_default(struct sim_config *c)
{
    *c = (struct sim_config){
        .host = "127.0.0.1",
        .model = "btbtyler09/Qwen3-Coder-30B-A3B-Instruct-gptq-4bit",
        .max_num_seqs = 4,
        .max_model_len = 16384,
        .prefill_rate = 2700,
        .prefill_chunk = 512,
        .step_ms = 29.115,
        .step_seq_ms = 0.297,
        .overhead_ms = 50,
        .cold_ms = 1120,
        .jitter = 0.01,
        .seed = 1,
        .prefix_cache = true,
        .gtt_total_gib = 53.0,
        .gtt_base_gib = 39.7,
        .ram_total_gib = 61.4,
        .ram_base_gib = 46.4,
        .tokens_per_event = 1,
    };
}

/* ---- checks ---- */

static bool check_faults(const struct sim_config *c, struct err *e)
{
    double sum = 0;
    for (int i = 0; i < SIM_FAULT_COUNT; i++) {
        if (!(c->fault[i] >= 0 && c->fault[i] <= 1))
            return err_set(e, "a fault's probability must be from 0 to 1, not %g", c->fault[i]);
        sum += c->fault[i];
    }
    if (sum > 1 + 1e-9)
        return err_set(e, "the faults' probabilities add up to %g, more than 1", sum);
    return true;
}

bool sim_check(const struct sim_config *c, struct err *e)
{
    const struct {
        const char *what;
        double value, least, most;
    } range[] = {
        {"port", c->port, 0, 65535},
        {"max_num_seqs", c->max_num_seqs, 1, 100000},
        {"max_model_len", c->max_model_len, 16, 1 << 24},
        {"prefill_rate", c->prefill_rate, 1e-3, 1e12},
        {"prefill_chunk", c->prefill_chunk, 1, 1 << 24},
        {"step_ms", c->step_ms, 0, 1e6},
        {"step_seq_ms", c->step_seq_ms, 0, 1e6},
        {"overhead_ms", c->overhead_ms, 0, 1e6},
        {"cold_ms", c->cold_ms, 0, 1e7},
        {"jitter", c->jitter, 0, 0.5},
        {"kv_tokens", (double)c->kv_tokens, 0, KV_MOST},
        {"kv_gib_per_1k", c->kv_gib_per_1k, 0, 1e6},
        {"tokens_per_event", c->tokens_per_event, 1, 1e6},
    };
    for (size_t i = 0; i < ARRAY_LEN(range); i++)
        if (!(range[i].value >= range[i].least && range[i].value <= range[i].most))
            return err_set(e, "simulator: %s must be from %g to %g, not %g", range[i].what, range[i].least,
                           range[i].most, range[i].value);
    if (c->kv_tokens != 0 && c->kv_tokens / SIM_KV_BLOCK * SIM_KV_BLOCK < c->max_model_len)
        return err_set(e, "simulator: a KV cache of %" PRId64 " tokens cannot hold one request of %d",
                       c->kv_tokens, c->max_model_len);
    return check_faults(c, e);
}

/* Enough for every running request at its longest, within reason. */
static int64_t kv_capacity(const struct sim_config *c)
{
    if (c->kv_tokens != 0)
        return c->kv_tokens;
    int64_t each = ((int64_t)c->max_model_len + SIM_KV_BLOCK - 1) / SIM_KV_BLOCK * SIM_KV_BLOCK;
    return MIN_OF(each * c->max_num_seqs, KV_MOST);
}

/* ---- set-up ---- */

static bool open_log(struct sim_server *s, struct err *e)
{
    if (s->c.log == NULL)
        return true;
    s->log = outfile_open(s->c.log);
    if (s->log == NULL)
        return err_set(e, "cannot write the simulator's log '%s': %s", s->c.log, outfile_why(errno));
    setvbuf(s->log, NULL, _IOLBF, 0);
    return true;
}

/* Out of file descriptors: accepting again at once would spin. */
static void on_accept_error(struct evconnlistener *l, void *user)
{
    (void)user;
    evconnlistener_disable(l);
    struct timespec pause = {.tv_nsec = 10 * NS_PER_MS};
    nanosleep(&pause, NULL);
    evconnlistener_enable(l);
}

static struct evconnlistener *bind_address(struct sim_server *s, const struct addrinfo *a)
{
    struct evconnlistener *l = evconnlistener_new_bind(
        s->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, BACKLOG,
        a->ai_addr, (int)a->ai_addrlen);
    if (l == NULL)
        return NULL;
    int one = 1; /* what is accepted inherits it */
    setsockopt(evconnlistener_get_fd(l), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return l;
}

static bool start_listening(struct sim_server *s, struct err *e)
{
    char port[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
                    *list = NULL;
    snprintf(port, sizeof port, "%d", s->c.port);
    int failed = getaddrinfo(s->c.host, port, &hints, &list);
    if (failed != 0)
        return err_set(e, "cannot find the address '%s': %s", s->c.host, gai_strerror(failed));
    struct evconnlistener *l = bind_address(s, list);
    int why = errno;
    freeaddrinfo(list);
    if (l == NULL)
        return err_set(e, "cannot listen on '%s' port %s: %s", s->c.host, port, strerror(why));
    if (evhttp_bind_listener(s->http, l) == NULL)
        die("evhttp takes no listener");
    evconnlistener_set_error_cb(l, on_accept_error);
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } at = {.six = {0}};
    socklen_t n = sizeof at;
    if (getsockname(evconnlistener_get_fd(l), &at.any, &n) != 0)
        die("getsockname: %s", strerror(errno));
    s->c.port = ntohs(at.any.sa_family == AF_INET6 ? at.six.sin6_port : at.four.sin_port);
    return true;
}

static void on_signal(evutil_socket_t fd, short what, void *base)
{
    (void)fd;
    (void)what;
    event_base_loopbreak(base);
}

static void create_loop(struct sim_server *s)
{
    struct event_config *cfg = event_config_new();
    event_config_set_flag(cfg, EVENT_BASE_FLAG_PRECISE_TIMER);
    s->base = event_base_new_with_config(cfg);
    event_config_free(cfg);
    if (s->base == NULL)
        die("cannot create an event loop");
    s->http = evhttp_new(s->base);
    evhttp_set_max_body_size(s->http, BODY_MAX);
    evhttp_set_max_headers_size(s->http, HEADERS_MAX);
    evhttp_set_timeout(s->http, SILENCE_S);
    evhttp_set_allowed_methods(s->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
                                            EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
    evhttp_set_gencb(s->http, sim_http_route, s);
    s->timer = evtimer_new(s->base, sim_stream_tick, s);
}

static void create_model(struct sim_server *s)
{
    struct sim_model_config m = {
        .max_num_seqs = s->c.max_num_seqs,
        .prefill_chunk = s->c.prefill_chunk,
        .prefill_rate = s->c.prefill_rate,
        .step_ms = s->c.step_ms,
        .step_seq_ms = s->c.step_seq_ms,
        .overhead_ms = s->c.overhead_ms,
        .cold_ms = s->c.cold_ms,
        .jitter = s->c.jitter,
        .seed = s->c.seed,
        .prefix_cache = s->c.prefix_cache,
        .kv_tokens = kv_capacity(&s->c),
    };
    s->model = sim_model_new(&m);
    s->metrics = sim_metrics_new();
    s->vocab = sim_vocab_new();
    buf_init(&s->event, (size_t)256 << 20);
    buf_init(&s->frames, (size_t)512 << 20);
}

static void release(struct sim_server *s)
{
    sim_stream_end_all(s);
    if (s->timer != NULL)
        event_free(s->timer);
    if (s->http != NULL)
        evhttp_free(s->http);
    if (s->base != NULL)
        event_base_free(s->base);
    sim_model_free(s->model);
    sim_metrics_free(s->metrics);
    sim_vocab_free(s->vocab);
    buf_release(&s->event);
    buf_release(&s->frames);
    if (s->log != NULL)
        fclose(s->log);
}

static void serve(struct sim_server *s)
{
    struct event *term = evsignal_new(s->base, SIGTERM, on_signal, s->base);
    struct event *interrupt = evsignal_new(s->base, SIGINT, on_signal, s->base);
    event_add(term, NULL);
    event_add(interrupt, NULL);
    const char *open = strchr(s->c.host, ':') != NULL ? "[" : "", *close_ = open[0] != '\0' ? "]" : "";
    printf("listening on http://%s%s%s:%d\n", open, s->c.host, close_, s->c.port);
    fflush(stdout);
    event_base_dispatch(s->base);
    event_free(term);
    event_free(interrupt);
}

int sim_run(const struct sim_config *c, struct err *e)
{
    struct sim_server s = {.c = *c, .created = time(NULL)};
    if (!sim_check(c, e) || !open_log(&s, e))
        return 1;
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    create_loop(&s);
    create_model(&s);
    bool up = start_listening(&s, e);
    if (up)
        serve(&s);
    release(&s);
    return up ? 0 : 1;
}
