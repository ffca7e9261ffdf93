/* http: what all requests of this program have in common, and a small synchronous client for everything that is not
 * load (model list, tokenize, server counters).  TLS is verified unless told otherwise; loopback never uses a proxy. */
#ifndef TG_HTTP_H
#define TG_HTTP_H

#include "buf.h"
#include "load/config.h"
#include "util.h"

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdbool.h>

/* Const after http_settings_init; may be read by all threads. */
struct http_settings {
    struct curl_slist *headers; /* content type, the user's, the key, an empty Expect */
    bool insecure;
    const char *ca_file; /* certificates to trust, NULL: the system's */
    char *no_proxy;      /* what is asked directly: the user's no_proxy, and this machine */
};
/* Reads the API key from the environment or file that the configuration names.  The key goes nowhere else; it, and what
 * else of the configuration is secret, is made known to secret.h. */
bool http_settings_init(struct http_settings *s, const struct run_config *c, struct err *e);
void http_settings_release(struct http_settings *s);

/* Is its host an address, or this machine? */
bool http_has_one_address(const char *url);
/* Is it written as an address, and no name at all? */
bool http_is_address(const char *url);
/* Is its host this machine by its very name: localhost, 127.…, ::1, or the address that stands for all (0.0.0.0, ::)? */
bool http_is_loopback(const char *url);
/* The options every handle has.  `error` is a CURL_ERROR_SIZE buffer that lives as long as the handle. */
void http_setup(CURL *easy, const struct http_settings *s, const char *url, char *error);

#define HTTP_BODY_MAX (4 * 1024 * 1024)
#define HTTP_CONNECT_MS 10000L /* a connection may take so long, TLS and all */

struct http_reply {
    long status;
    CURLcode code;        /* why http_call returned false */
    struct buf body;      /* at most HTTP_BODY_MAX */
    char server[64];      /* Server header, sanitised */
    bool simulated;       /* the server says that it is a simulation */
    bool same_machine;    /* its address is one of this machine's (or of a machine that forwards: nobody can tell) */
};
void http_reply_release(struct http_reply *r);

/* GET (json NULL) or POST of json.  True where any HTTP answer came, whatever its status; false where none did, and
 * then e has one line that says what could not be done.  Ends early, with false, when *stop becomes true (stop may be
 * NULL). */
bool http_call(const struct http_settings *s, const char *url, const char *json, int64_t timeout_ns,
               const atomic_bool *stop, struct http_reply *r, struct err *e);

/* One line for a failed transfer: "connection to 127.0.0.1:8000 refused: is the server running?". */
void http_explain(CURLcode code, const char *detail, const char *url, struct err *e);

/* Puts the system's reason into `error` (of CURL_ERROR_SIZE) where there is no connection: it was refused, or could not be made for
 * want of something on this machine (then it returns true).  no_socket: errno where not even a socket could be had, else 0. */
bool http_name_refusal(CURL *easy, CURLcode code, int no_socket, char *error);

/* Runs one prepared handle to its end on this thread, looking at *stop 20 times a second.  As often, where there is a watch: it is
 * asked whether to give up, after everything that had come was read, and told that what comes now is about to be. */
struct http_watch {
    bool (*give_up)(void *ctx);
    void (*before_reading)(void *ctx);
    void *ctx;
};
CURLcode http_perform(CURL *easy, const atomic_bool *stop, const struct http_watch *watch);

#endif
