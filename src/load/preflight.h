/* preflight: everything that is asked of the server before the load.  Finds the server and its model, learns how it
 * counts prompt tokens, and sends one real request, so that a wrong key, path, model or length, or a server that is still
 * loading, becomes one line.  That request is measured: it is the `first` of the run, with the server's start-up costs
 * in it. */
#ifndef TG_PREFLIGHT_H
#define TG_PREFLIGHT_H

#include "load/prompt.h"
#include "load/server.h"
#include "measure/recorder.h"

#define PREFLIGHT_TOKENS 8 /* output tokens asked for, at most */

struct preflight {
    struct server_info server;
    struct prompt_scale scale;
    unsigned fields;    /* body_field bits that it takes */
    bool tokenized;     /* the scale comes from the server's own tokenizer */
    struct row first;   /* the request; its gaps are the caller's to release */
};

/* `say` is told what is being done, for the screen.  False with one line in e; "stopped" where *stop became true. */
bool preflight_run(const struct run_config *c, const struct http_settings *http, const struct prompt_set *prompts,
                   const atomic_bool *stop, void (*say)(void *ctx, const char *what), void *ctx, struct preflight *p,
                   struct err *e);

#endif
