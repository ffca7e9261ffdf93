/* lindley: queueing theory as the judge of a whole run over sockets.
 *
 *   lindley LOG RUN RATE LATE
 *
 * LOG is that of a simulator with one sequence at once (`tokgauge sim --max-num-seqs 1 --overhead 0 --log LOG`), RUN the file
 * of one open-loop run against it, RATE what that run was asked for, in requests a second, LATE what `lateness` saw of the machine
 * in the same time.  One JSON line on stdout, times in ms.
 *
 * First the server by its own log: the wait of each customer, admission − arrival, beside Lindley's recursion on the arrivals and
 * services of that log (Lindley 1952; Kleinrock, Queueing Systems I (1975), 8.1).
 *
 *     W(n+1) = max(0, W(n) + S(n) − A(n))
 *
 * Then the client by that: the wait that our TTFT tells (less the shortest time to a first token of the log) beside Lindley's for
 * the same customer, and our TTFT from the due time beside arrival → first token there.  One is served after the other, so that the
 * n-th first token here is the n-th there.  Of those that are off, how many had no core wake late for them meanwhile: a machine
 * that stood still for some ms had nobody on it who could have measured better.
 * Then the client by theory: our TTFT beside what the same recursion makes of our own moments of sending; of the log it has the
 * service time and the shortest time to a first token alone.  And the mean wait beside M/D/1. */
#include "jsonr.h"
#include "fmt.h"
#include "stats.h"
#include "util.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCHES 20
#define STUDENT 2.093 /* 95 %, BATCHES − 1 degrees of freedom */
#define WITHIN_MS 2.0

struct served { /* by the server's log, ns */
    int64_t arrived, admitted, served, first_token;
};

struct asked { /* by the run file, ns */
    int64_t due, sent, first_token;
};

struct late { /* a core stood still, ns */
    int64_t from, to;
};

struct list {
    void *items;
    size_t n, cap;
};

static void *list_add(struct list *l, size_t size)
{
    if (l->n == l->cap) {
        l->cap = MAX_OF(l->cap * 2, (size_t)1024);
        l->items = xrealloc(l->items, l->cap * size);
    }
    return (char *)l->items + size * l->n++;
}

/* ---- the two files ---- */

static int64_t moment(const cJSON *o, const char *key, const char *path)
{
    int64_t at = json_whole(o, key, 0);
    if (at <= 0)
        die("%s: a request without '%s'", path, key);
    return at;
}

static void take_log(const cJSON *o, const char *path, struct list *out)
{
    const cJSON *outcome = json_get(o, "outcome");
    if (!cJSON_IsString(outcome) || strcmp(outcome->valuestring, "ok") != 0)
        die("%s: a request that did not end well", path);
    struct served s = {moment(o, "arrived_ns", path), moment(o, "admitted_ns", path),
                       moment(o, "served_ns", path), moment(o, "first_token_ns", path)};
    *(struct served *)list_add(out, sizeof s) = s;
}

static void take_run(const cJSON *o, const char *path, struct list *out)
{
    const char *type = json_text(o, "type"), *part = json_text(o, "part"), *outcome = json_text(o, "outcome");
    if (type == NULL || strcmp(type, "request") != 0 || part == NULL || strcmp(part, "load") != 0)
        return;
    if (outcome == NULL || strcmp(outcome, "ok") != 0)
        die("%s: a request that did not end well", path);
    struct asked a = {moment(o, "due", path), moment(o, "sent", path), moment(o, "first_token", path)};
    *(struct asked *)list_add(out, sizeof a) = a;
}

static void take_late(const cJSON *o, const char *path, struct list *out)
{
    if (json_get(o, "due_ns") == NULL)
        return; /* the line of all of them */
    int64_t due = moment(o, "due_ns", path);
    struct late l = {due, due + moment(o, "late_ns", path)};
    *(struct late *)list_add(out, sizeof l) = l;
}

static struct list read_lines(const char *path, void (*take)(const cJSON *, const char *, struct list *))
{
    struct list out = {0};
    FILE *f = fopen(path, "re");
    if (f == NULL)
        die("%s: %s", path, strerror(errno));
    char *line = NULL;
    size_t cap = 0;
    while (getline(&line, &cap, f) > 0) {
        cJSON *o = cJSON_Parse(line);
        if (o == NULL)
            die("%s: a line is not JSON", path);
        take(o, path, &out);
        cJSON_Delete(o);
    }
    free(line);
    fclose(f);
    return out;
}

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int by_arrival(const void *a, const void *b)
{
    return compare(((const struct served *)a)->arrived, ((const struct served *)b)->arrived);
}

static int by_first_token(const void *a, const void *b)
{
    return compare(((const struct asked *)a)->first_token, ((const struct asked *)b)->first_token);
}

/* ---- what is told ---- */

static double ms(int64_t ns)
{
    return (double)ns / 1e6;
}

/* ,"NAME":{…} of differences, by their size; error[] is sorted.  excused, or NULL: where the machine itself was late. */
static void tell_errors(const char *name, double *error, const bool *excused, size_t n)
{
    size_t beyond = 0, ours = 0;
    for (size_t i = 0; i < n; i++) {
        error[i] = fabs(error[i]);
        beyond += error[i] > WITHIN_MS;
        ours += error[i] > WITHIN_MS && (excused == NULL || !excused[i]);
    }
    struct dist d;
    dist_of_values(&d, error, n);
    char p50[FMT_SIZE], p99[FMT_SIZE], max[FMT_SIZE];
    printf(",\"%s\":{\"p50\":%s,\"p99\":%s,\"max\":%s,\"beyond\":%zu,\"ours\":%zu}", name, fmt_json(p50, d.p50, 6),
           fmt_json(p99, d.p99, 6), fmt_json(max, d.max, 6), beyond, ours);
}

/* Lindley's recursion on the log: the wait of each customer, ns. */
static int64_t *lindley_waits(const struct served *s, size_t n)
{
    int64_t *wait = xcalloc(n, sizeof *wait);
    for (size_t i = 1; i < n; i++)
        wait[i] = MAX_OF(INT64_C(0),
                         wait[i - 1] + (s[i - 1].served - s[i - 1].admitted) - (s[i].arrived - s[i - 1].arrived));
    return wait;
}

/* The server's scheduler, by its own log: the customers of the load and those before it. */
static void judge_waits(const struct served *s, const int64_t *wait, size_t n)
{
    double *error = xcalloc(n, sizeof *error);
    for (size_t i = 0; i < n; i++)
        error[i] = ms(s[i].admitted - s[i].arrived - wait[i]);
    tell_errors("server_wait", error, NULL, n);
    free(error);
}

/* Where a core was late between the due time of a request and its first token.  The run file's clock is not the log's: the
 * shortest way of a request from here to there is taken for none. */
static bool *find_excused(const struct served *s, const struct asked *a, size_t n, const struct late *late, size_t lates)
{
    bool *excused = xcalloc(n, sizeof *excused);
    int64_t between = INT64_MAX;
    for (size_t i = 0; i < n; i++)
        between = MIN_OF(between, s[i].arrived - a[i].sent);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < lates && !excused[i]; k++)
            excused[i] = late[k].from < a[i].first_token + between && late[k].to > a[i].due + between;
    return excused;
}

/* Our stamps: what the wire and both loops add is in it. */
static void judge_stamps(const struct served *s, const struct asked *a, const int64_t *lindley, const bool *excused, size_t n,
                         double to_first)
{
    double *wait = xcalloc(n, sizeof *wait), *due = xcalloc(n, sizeof *due);
    for (size_t i = 0; i < n; i++) {
        wait[i] = ms(a[i].first_token - a[i].sent) - to_first - ms(lindley[i]);
        due[i] = ms(a[i].first_token - a[i].due) - ms(s[i].first_token - s[i].arrived);
    }
    tell_errors("our_wait", wait, excused, n);
    tell_errors("ttft_due_by_log", due, excused, n);
    free(wait);
    free(due);
}

/* Our TTFT by theory: in the order in which they were served, which is that of their first tokens. */
static void judge_ttft(const struct asked *a, const bool *excused, size_t n, double service, double to_first)
{
    double *error = xcalloc(n, sizeof *error), wait = 0;
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            wait = MAX_OF(0.0, wait + service - ms(a[i].sent - a[i - 1].sent));
        error[i] = ms(a[i].first_token - a[i].sent) - (wait + to_first);
    }
    tell_errors("ttft_by_lindley", error, excused, n);
    free(error);
}

/* Pollaczek 1930 and Khinchine 1932 for services of one length.  Waits of neighbours resemble each other: the margin is that
 * of the means of batches. */
static void judge_mean(const struct served *s, size_t n, double rate, double service)
{
    double sum = 0, batch[BATCHES] = {0}, rest = 0, rho = rate * service / 1e3;
    size_t each = n / BATCHES;
    for (size_t i = 0; i < each * BATCHES; i++) {
        double wait = ms(s[i].admitted - s[i].arrived);
        sum += wait;
        batch[i / each] += wait / (double)each;
    }
    double mean = sum / (double)(each * BATCHES);
    for (int b = 0; b < BATCHES; b++)
        rest += pow(batch[b] - mean, 2);
    printf(",\"rho\":%.4f,\"wait_mean\":%.4f,\"wait_margin\":%.4f,\"wait_theory\":%.4f", rho, mean,
           STUDENT * sqrt(rest / (BATCHES - 1) / BATCHES), rho * service / (2 * (1 - rho)));
}

int main(int argc, char **argv)
{
    double rate;
    if (argc != 5 || !parse_double(argv[3], &rate) || rate <= 0) {
        fputs("usage: lindley LOG RUN RATE LATE\n", stderr);
        return 2;
    }
    struct list log = read_lines(argv[1], take_log), run = read_lines(argv[2], take_run), late = read_lines(argv[4], take_late);
    if (run.n < 10 * (size_t)BATCHES || log.n < run.n)
        die("%s has %zu requests and %s %zu: too few", argv[1], log.n, argv[2], run.n);
    struct served *all = log.items, *s = all + (log.n - run.n); /* without those before the load */
    qsort(all, log.n, sizeof *all, by_arrival);
    qsort(run.items, run.n, sizeof(struct asked), by_first_token);
    double service = ms(s->served - s->admitted), shortest = service,
           to_first = ms(s->first_token - s->arrived);
    for (size_t i = 0; i < run.n; i++) {
        shortest = MIN_OF(shortest, ms(s[i].served - s[i].admitted));
        service = MAX_OF(service, ms(s[i].served - s[i].admitted));
        to_first = MIN_OF(to_first, ms(s[i].first_token - s[i].arrived));
    }
    int64_t *wait = lindley_waits(all, log.n);
    bool *excused = find_excused(s, run.items, run.n, late.items, late.n);
    size_t excused_n = 0;
    for (size_t i = 0; i < run.n; i++)
        excused_n += excused[i];
    printf("{\"requests\":%zu,\"service\":%.6f,\"service_min\":%.6f,\"excused\":%zu", run.n, service, shortest, excused_n);
    judge_waits(all, wait, log.n);
    judge_stamps(s, run.items, wait + (log.n - run.n), excused, run.n, to_first);
    judge_ttft(run.items, excused, run.n, service, to_first);
    judge_mean(s, run.n, rate, service);
    puts("}");
    free(wait);
    free(excused);
    free(log.items);
    free(run.items);
    free(late.items);
    return 0;
}
