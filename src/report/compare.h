/* compare: runs beside a first one, the baseline: which is better, by how much, and is that more than noise?
 *
 * Besides run files it takes what `vllm bench serve --save-result` writes.  Where one of two runs is such, the figures
 * of both are taken by vLLM's definitions (vllmfile.h), and that TTFT means two things is an objection where the other
 * is not.  What such a file tells only as one number is shown, and has no verdict: nothing is known of its spread.  So are the
 * requests of an open loop without rows: they depend on each other, and nobody knows how they followed each other. */
#ifndef TG_COMPARE_H
#define TG_COMPARE_H

#include "buf.h"
#include "report/figures.h"
#include "report/vllmfile.h"
#include "verdict.h"

#define COMPARE_RUNS 16 /* named A to P */
#define COMPARE_OBJECTIONS 6

struct compare_run {
    struct run_file *own; /* one of these; the other is NULL */
    struct vllm_file *vllm;
};

/* Memory: told, not judged, for a run has one peak. */
#define COMPARE_POOLS 2
extern const char *const compare_pools[COMPARE_POOLS]; /* "RAM peak" */

/* One run beside the baseline. */
struct compared {
    bool by_vllm; /* whose definitions the figures follow */
    char objections[COMPARE_OBJECTIONS][160]; /* why they should not be compared; the figures stand all the same */
    int objections_n;
    double peak_a[COMPARE_POOLS], peak_b[COMPARE_POOLS]; /* bytes of memory under load; NAN unknown */
    struct comparison figures[FIGURES_N]; /* "win": the run is better than the baseline */
    struct comparison failed; /* share of the requests that failed, of those that were not cancelled: the figures are of the others */
};

/* False with one line in e: no such file, or one in which no request ended well.  compare_run_release in both cases. */
bool compare_run_load(struct compare_run *r, const char *path, struct err *e);
void compare_run_release(struct compare_run *r);
/* Is there anything to compare?  False with one line in e where no request of the run ended well. */
bool compare_run_usable(const struct compare_run *r, struct err *e);
/* Its name, which the caller may change. */
char *compare_run_name(const struct compare_run *r);
const char *compare_run_path(const struct compare_run *r);

/* Fills c with b beside a.  min_effect: share; smaller differences do not count. */
void compare_runs(const struct compare_run *a, const struct compare_run *b, double min_effect, struct compared *c);

/* One load that both runs had: of a matrix or a suite. */
struct compared_load {
    const struct run_phase *load; /* of the baseline's file: valid as long as that is */
    struct comparison figures[FIGURES_N];
    struct comparison failed;
};
struct compared_loads {
    struct compared_load *list; /* owned; a suite's in its order, of others the shorter context and the lower load first */
    size_t n;
};
/* The same load by load, by our definitions.  n = 0: they are not two such runs, they have one load alone, or none in common.
 * compared_loads_release. */
void compare_loads(const struct compare_run *a, const struct compare_run *b, double min_effect, struct compared_loads *out);
void compared_loads_release(struct compared_loads *l);

/* Objections to comparing b with a, into c. */
void compare_object(const struct compare_run *a, const struct compare_run *b, struct compared *c);

struct compare_report {
    const struct compare_run *runs; /* the baseline first */
    size_t runs_n;                  /* 2 to COMPARE_RUNS */
    const struct compared *with;    /* runs_n − 1: of those behind the baseline */
    const struct compared_loads *loads; /* as many; NULL: none */
    double min_effect;
};

enum compare_format { /* in the order of the words of --format */
    COMPARE_TEXT,     /* for a terminal */
    COMPARE_MD,       /* Markdown tables; names from files are escaped */
    COMPARE_JSON
};
void compare_write(const struct compare_report *r, enum compare_format format, struct buf *out);

#endif
