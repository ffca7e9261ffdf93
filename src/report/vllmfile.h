/* vllmfile: what `vllm bench serve --save-result` measures and writes: its definitions, applied to our requests, and
 * its files read back.  The figures of such a file are vLLM's own, and so is its client's part in them. */
#ifndef TG_VLLMFILE_H
#define TG_VLLMFILE_H

#include "report/runfile.h"

/* ---- its definitions ---- */

/* One request, in ms; NAN where undefined. */
struct vllm_request {
    double ttft; /* first token − sent; vLLM's own begins before the connection stands and ends with the first chunk */
    double e2e;  /* last token − sent: TTFT and all gaps behind it */
    double tpot; /* (e2e − TTFT) / (tokens − 1) */
};
/* Of a request of ours. */
struct vllm_request vllm_request(const struct timeline *t);
/* M_TTFT, M_E2E, M_TPOT or M_DECODE_RATE of it; NAN for any other. */
double vllm_request_number(const struct vllm_request *r, enum metric_id m);

struct vllm_totals {
    double seconds; /* from the first start to the last end; NAN unknown */
    double input_tokens, output_tokens; /* of the requests that ended well */
    double completed, failed; /* 0 … 1e15; NAN where a file does not tell how many failed */
};
struct vllm_totals vllm_totals(const struct run_file *f);

/* ---- its files ---- */

struct vllm_file {
    char *path;
    char name[RUN_NAME];           /* its label, or the file's name; sanitised */
    cJSON *root;                   /* never NULL */
    struct vllm_request *requests; /* those that ended well, in the order of the file; NULL: written without details */
    size_t requests_n;
    struct vllm_totals totals;     /* as the file says */
};

/* May this be such a file?  False for a run file, for what is no JSON object, and for what cannot be read twice (a
 * pipe).  Leaves the stream at its beginning. */
bool vllm_file_probe(FILE *in);
/* NULL with one line in e: cannot be read, no such file, or several results in one (--append-result).  The caller
 * frees. */
struct vllm_file *vllm_file_read(FILE *in, const char *path, struct err *e);
void vllm_file_free(struct vllm_file *f);

/* Requests a second that it sent; INFINITY: all at once. */
double vllm_file_rate(const struct vllm_file *f);
/* A figure from the file's summary, in the metric's unit: the quantile q of M_TTFT, M_E2E or M_TPOT, their mean where q
 * is 0, or M_OUTPUT_RATE.  NAN where it does not stand there. */
double vllm_file_figure(const struct vllm_file *f, enum metric_id m, double q);

#endif
