#include "load/http.h"
#include "mask.h"
#include "secret.h"

#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define KEY_MAX 8192

static bool add_header(struct http_settings *s, const char *line)
{
    struct curl_slist *l = curl_slist_append(s->headers, line);
    if (l == NULL)
        die("out of memory (headers)");
    s->headers = l;
    return true;
}

static bool add_key(struct http_settings *s, const char *key, const char *from, struct err *e)
{
    size_t n = strcspn(key, "\r\n");
    while (n > 0 && isspace((unsigned char)key[n - 1]))
        n--;
    if (n == 0)
        return err_set(e, "the API key from '%s' is empty", from);
    secret_add(key, n);
    char *line = xasprintf("Authorization: Bearer %.*s", (int)n, key);
    bool ok = add_header(s, line);
    explicit_bzero(line, strlen(line));
    free(line);
    return ok;
}

/* Somebody may have written the key where its variable's name belongs: only what can hardly be one is shown. */
static bool no_variable(const char *name, struct err *e)
{
    if (strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(name))
        return err_set(e, "environment variable '%s' (--api-key-env) is not set", name);
    return err_set(e, "no environment variable of the name that --api-key-env has is set: it takes the variable's name, not the key");
}

static bool key_from_file(struct http_settings *s, const char *path, struct err *e)
{
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        int why = errno;
        struct buf shown; /* here, too, the key itself may stand */
        buf_init(&shown, 4096);
        mask_word(&shown, path);
        err_set(e, "cannot read API key file '%s': %s", shown.data != NULL ? shown.data : "", strerror(why));
        buf_release(&shown);
        return false;
    }
    char key[KEY_MAX];
    size_t n = fread(key, 1, sizeof key - 1, f);
    fclose(f);
    key[n] = '\0';
    bool ok = add_key(s, key, path, e);
    explicit_bzero(key, sizeof key);
    return ok;
}

static void base64(const char *s, size_t n, char *out, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t o = 0;
    for (size_t i = 0; i < n && o + 5 <= size; i += 3) {
        uint32_t v = (uint32_t)(unsigned char)s[i] << 16 | (i + 1 < n ? (uint32_t)(unsigned char)s[i + 1] << 8 : 0) |
                     (i + 2 < n ? (unsigned char)s[i + 2] : 0);
        for (size_t k = 0; k < 4; k++)
            out[o++] = i + k <= n ? digits[v >> (18 - 6 * k) & 63] : '=';
    }
    out[o] = '\0';
}

/* What the user's own headers hold: "Authorization: Bearer KEY", "X-Api-Key: KEY". */
static void learn_header(const char *line)
{
    const char *value = strchr(line, ':');
    char name[64];
    if (value == NULL)
        return;
    snprintf(name, sizeof name, "%.*s", (int)(value - line), line);
    value += 1 + strspn(value + 1, " \t");
    if (!mask_is_secret(name, value) && strcasecmp(name, "cookie") != 0)
        return;
    const char *space = strrchr(value, ' ');
    secret_add(value, strlen(value));
    if (space != NULL) /* the method stands before it */
        secret_add(space + 1, strlen(space + 1));
}

/* The password in a URL, as it is written there and as it is meant, and what becomes of the login on its way. */
static void learn_login(const char *url)
{
    CURLU *u = curl_url();
    char *user = NULL, *password = NULL, *raw = NULL;
    if (u != NULL && curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_PASSWORD, &password, CURLU_URLDECODE) == CURLUE_OK) {
        secret_add(password, strlen(password));
        if (curl_url_get(u, CURLUPART_PASSWORD, &raw, 0) == CURLUE_OK)
            secret_add(raw, strlen(raw));
        bool named = curl_url_get(u, CURLUPART_USER, &user, CURLU_URLDECODE) == CURLUE_OK;
        char *login = xasprintf("%s:%s", named ? user : "", password);
        char sent[2048];
        base64(login, strlen(login), sent, sizeof sent);
        secret_add(sent, strlen(sent));
        free(login);
    }
    curl_free(user);
    curl_free(password);
    curl_free(raw);
    curl_url_cleanup(u);
}

static void learn_field(const cJSON *o)
{
    const cJSON *field;
    cJSON_ArrayForEach(field, o)
    {
        if (cJSON_IsString(field) && field->string != NULL && mask_is_secret(field->string, field->valuestring))
            secret_add(field->valuestring, strlen(field->valuestring));
        learn_field(field);
    }
}

/* {"api_key": "KEY"}: a key for a gateway may stand in the request itself. */
static void learn_fields(const char *json)
{
    cJSON *root = cJSON_Parse(json);
    learn_field(root);
    cJSON_Delete(root);
}

/* libcurl takes what it is told in place of the environment's, not beside it; "*" (all) must stand alone. */
static char *direct_hosts(void)
{
    static const char here[] = "localhost,127.0.0.1,::1,[::1],0.0.0.0";
    const char *wanted = getenv("no_proxy");
    if (wanted == NULL || wanted[0] == '\0')
        wanted = getenv("NO_PROXY");
    if (wanted == NULL || strcmp(wanted, "*") == 0)
        return xstrdup(wanted != NULL ? wanted : here);
    return xasprintf("%s,%s", here, wanted);
}

bool http_settings_init(struct http_settings *s, const struct run_config *c, struct err *e)
{
    *s = (struct http_settings){.insecure = c->insecure, .ca_file = c->ca_file};
    if (c->ca_file != NULL && access(c->ca_file, R_OK) != 0)
        return err_set(e, "cannot read --ca-file '%s': %s", c->ca_file, strerror(errno));
    s->no_proxy = direct_hosts();
    add_header(s, "Content-Type: application/json");
    add_header(s, "Expect:");
    if (c->stamps)
        add_header(s, "X-Tokgauge-Stamp: 1");
    for (size_t i = 0; i < c->headers_n; i++) {
        add_header(s, c->headers[i]);
        learn_header(c->headers[i]);
    }
    if (c->url != NULL)
        learn_login(c->url);
    if (c->agent.url != NULL)
        learn_login(c->agent.url);
    if (c->extra_body != NULL)
        learn_fields(c->extra_body);
    bool ok = true;
    if (c->api_key_file != NULL) {
        ok = key_from_file(s, c->api_key_file, e);
    } else if (c->api_key_env != NULL) {
        const char *key = getenv(c->api_key_env);
        ok = key != NULL ? add_key(s, key, c->api_key_env, e) : no_variable(c->api_key_env, e);
    }
    if (!ok)
        http_settings_release(s);
    return ok;
}

void http_settings_release(struct http_settings *s)
{
    curl_slist_free_all(s->headers);
    free(s->no_proxy);
    s->headers = NULL;
    s->no_proxy = NULL;
}

/* Without the brackets of IPv6; "": it has none. */
static void host_of(const char *url, char *out, size_t size)
{
    CURLU *u = curl_url();
    char *host = NULL;
    out[0] = '\0';
    if (u != NULL && curl_url_set(u, CURLUPART_URL, url, CURLU_DEFAULT_SCHEME) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK)
        str_copy(out, size, host + (host[0] == '['));
    size_t n = strlen(out);
    if (n > 0 && out[n - 1] == ']')
        out[n - 1] = '\0';
    curl_free(host);
    curl_url_cleanup(u);
}

bool http_is_address(const char *url)
{
    char host[256];
    struct in6_addr a;
    host_of(url, host, sizeof host);
    return inet_pton(AF_INET, host, &a) == 1 || inet_pton(AF_INET6, host, &a) == 1;
}

bool http_has_one_address(const char *url)
{
    char host[256];
    host_of(url, host, sizeof host);
    return strcmp(host, "localhost") == 0 || http_is_address(url);
}

bool http_is_loopback(const char *url)
{
    char host[256];
    struct in_addr four;
    struct in6_addr six;
    host_of(url, host, sizeof host);
    if (inet_pton(AF_INET, host, &four) == 1)
        return ntohl(four.s_addr) >> 24 == IN_LOOPBACKNET || four.s_addr == INADDR_ANY;
    if (inet_pton(AF_INET6, host, &six) == 1)
        return IN6_IS_ADDR_LOOPBACK(&six) || IN6_IS_ADDR_UNSPECIFIED(&six);
    return strcasecmp(host, "localhost") == 0;
}

void http_setup(CURL *easy, const struct http_settings *s, const char *url, char *error)
{
    error[0] = '\0';
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, s->headers);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
    /* Who gives a transfer up does not wait for a name server that is silent: else no time limit holds, and a worker stands still. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, s->no_proxy);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "tokgauge");
    if (s->ca_file != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, s->ca_file);
    if (s->insecure) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
    struct http_reply *r = ctx;
    return buf_add(&r->body, p, size * n) ? size * n : 0;
}

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
    struct http_reply *r = ctx;
    size_t len = size * n;
    if (len > 7 && strncasecmp(p, "server:", 7) == 0) {
        size_t i = 7;
        while (i < len && p[i] == ' ')
            i++;
        while (len > i && isspace((unsigned char)p[len - 1]))
            len--;
        str_sanitise(r->server, sizeof r->server, p + i, len - i);
    } else if (len > 15 && strncasecmp(p, "x-tokgauge-sim:", 15) == 0) {
        r->simulated = true;
    }
    return size * n;
}

void http_reply_release(struct http_reply *r)
{
    buf_release(&r->body);
}

CURLcode http_perform(CURL *easy, const atomic_bool *stop, const struct http_watch *watch)
{
    CURLM *multi = curl_multi_init();
    if (multi == NULL)
        die("out of memory (curl)");
    curl_multi_add_handle(multi, easy);
    CURLcode code = CURLE_ABORTED_BY_CALLBACK;
    for (int running = 1;;) {
        curl_multi_perform(multi, &running);
        int left;
        CURLMsg *m = curl_multi_info_read(multi, &left);
        if (m != NULL && m->msg == CURLMSG_DONE) {
            code = m->data.result;
            break;
        }
        if (running == 0 || (stop != NULL && atomic_load(stop)) || (watch != NULL && watch->give_up(watch->ctx)))
            break;
        curl_multi_poll(multi, NULL, 0, 50, NULL);
        if (watch != NULL)
            watch->before_reading(watch->ctx);
    }
    curl_multi_remove_handle(multi, easy);
    curl_multi_cleanup(multi);
    return code;
}

/* Is that one of the addresses of the URL's host?  Else it is a proxy's. */
static bool belongs_to(const char *ip, const char *url)
{
    char host[256], one[64];
    struct addrinfo *list = NULL;
    bool found = false;
    host_of(url, host, sizeof host);
    if (getaddrinfo(host, NULL, &(struct addrinfo){.ai_socktype = SOCK_STREAM}, &list) != 0)
        return false;
    for (const struct addrinfo *a = list; a != NULL && !found; a = a->ai_next)
        found = getnameinfo(a->ai_addr, a->ai_addrlen, one, sizeof one, NULL, 0, NI_NUMERICHOST) == 0 && strcmp(one, ip) == 0;
    freeaddrinfo(list);
    return found;
}

/* Who connects to an address of the machine that it is on comes from the same address, or goes to a loopback one (Debian gives the
 * machine's own name 127.0.1.1). */
static bool is_same_machine(CURL *easy, const char *url)
{
    char *there = NULL, *here = NULL;
    if (curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &there) != CURLE_OK || there == NULL || there[0] == '\0' ||
        curl_easy_getinfo(easy, CURLINFO_LOCAL_IP, &here) != CURLE_OK || here == NULL)
        return false;
    return (strcmp(there, here) == 0 || str_starts(there, "127.") || strcmp(there, "::1") == 0) && belongs_to(there, url);
}

bool http_call(const struct http_settings *s, const char *url, const char *json, int64_t timeout_ns,
               const atomic_bool *stop, struct http_reply *r, struct err *e)
{
    *r = (struct http_reply){0};
    buf_init(&r->body, HTTP_BODY_MAX);
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        die("out of memory (curl)");
    char error[CURL_ERROR_SIZE];
    http_setup(easy, s, url, error);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, HTTP_CONNECT_MS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(timeout_ns / 1000000));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, r);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "identity"); /* what is compressed all the same is unpacked, up to the bound */
    if (json != NULL) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(json));
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, json);
    }
    r->code = http_perform(easy, stop, NULL);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &r->status);
    r->same_machine = is_same_machine(easy, url);
    bool ok = r->code == CURLE_OK && r->status != 0;
    http_name_refusal(easy, r->code, 0, error);
    if (!ok)
        http_explain(r->code, error, url, e);
    curl_easy_cleanup(easy);
    return ok;
}

/* "http://user:secret@host:port/path" → "host:port". */
static void address_of(const char *url, char *out, size_t size)
{
    char plain[600];
    url_hide_login(url, plain, sizeof plain);
    const char *p = strstr(plain, "://");
    p = p != NULL ? p + 3 : plain;
    str_sanitise(out, size, p, strcspn(p, "/?#"));
}

/* What this machine itself has run out of, by connect(2) and socket(2); NULL: it is the other side that will not. */
static const char *shortage(long os)
{
    switch (os) {
    case EADDRNOTAVAIL: return "this machine has no port left for another connection (net.ipv4.ip_local_port_range)";
    case EMFILE:
    case ENFILE: return "this machine has no file left for another connection (ulimit -n)";
    case ENOBUFS:
    case ENOMEM: return "this machine has no memory left for another connection";
    default: return NULL;
    }
}

/* libcurl's own text says less, at greater length. */
bool http_name_refusal(CURL *easy, CURLcode code, int no_socket, char *error)
{
    long os = 0;
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os);
    if (no_socket != 0)
        os = no_socket;
    if (code != CURLE_COULDNT_CONNECT || os == 0)
        return false;
    const char *ours = shortage(os);
    str_copy(error, CURL_ERROR_SIZE, ours != NULL ? ours : strerror((int)os));
    return ours != NULL;
}

void http_explain(CURLcode code, const char *detail, const char *url, struct err *e)
{
    char at[128], why[192];
    address_of(url, at, sizeof at);
    str_sanitise(why, sizeof why, detail, strlen(detail));
    if (why[0] == '\0')
        str_copy(why, sizeof why, curl_easy_strerror(code));
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        err_set(e, "cannot find host '%s': check the URL's spelling or the name server", at);
        break;
    case CURLE_COULDNT_CONNECT:
        err_set(e, "cannot connect to '%s': %s: is the server running there?", at, why);
        break;
    case CURLE_OPERATION_TIMEDOUT:
        err_set(e, "no answer from '%s' in time: %s", at, why);
        break;
    case CURLE_PEER_FAILED_VERIFICATION:
        err_set(e, "TLS certificate of '%s' is not accepted: %s (--ca-file names another authority, --insecure skips the check)", at, why);
        break;
    case CURLE_SSL_CONNECT_ERROR:
        err_set(e, "TLS with '%s' failed: %s: does the server speak https?", at, why);
        break;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        err_set(e, "'%s' is not an http or https URL", at);
        break;
    case CURLE_WRITE_ERROR:
        err_set(e, "'%s' answers at more length than is taken (%d MiB): is it the right URL?", at, HTTP_BODY_MAX >> 20);
        break;
    case CURLE_ABORTED_BY_CALLBACK:
        err_set(e, "stopped");
        break;
    default:
        err_set(e, "talking to '%s' failed: %s", at, why);
    }
}
