/* report: a run file as a document for people or for another program. */
#ifndef TG_REPORT_H
#define TG_REPORT_H

#include "buf.h"
#include "report/runfile.h"

enum report_format {
    REPORT_MD,   /* Markdown, with everything a reader needs to judge and to repeat the run */
    REPORT_HTML, /* the same with charts, one page that needs nothing else */
    REPORT_CSV,  /* one line a measured request */
    REPORT_JSON, /* header, figures made anew from the requests, whether the file is whole */
    REPORT_VLLM  /* the names of `vllm bench serve --save-result` */
};

struct report_options {
    enum report_format format;
    bool detailed;            /* REPORT_VLLM: the lists with one entry a request */
    const char *const *notes; /* "key=value": what no API tells, such as the quantisation */
    size_t notes_n;
    bool brief;               /* REPORT_MD of a suite: its parts and the findings alone */
};

/* False where out has no room for all of it. */
bool report_write(const struct run_file *f, const struct report_options *o, struct buf *out);

/* Stability of a group of requests by the coefficient of variation of their end-to-end latency (sample standard deviation
 * over mean): "STABLE" below 0.30, "SOME VARIANCE" below 0.60, else "UNSTABLE"; NULL where cv is NAN. */
const char *report_stability(double cv);

/* Markdown as report_write makes it → what a terminal shows well: tables in columns, lines of 100 characters. */
void report_plain(const char *markdown, struct buf *out);

/* The formats, each in its own file. */
void report_markdown(const struct run_file *f, const struct report_options *o, struct buf *out);
void report_html(const struct run_file *f, const struct report_options *o, struct buf *out);
void report_vllm(const struct run_file *f, bool detailed, struct buf *out);

#endif
