/* What options say together: those that exclude each other, that need each other, and that would change nothing. */
#include "grid.h"
#include "load/prompt.h"
#include "options.h"
#include "options_table.h"
#include "report/baseline.h"
#include "report/compare.h"
#include "report/report.h"

#include <inttypes.h>
#include <string.h>

#define LOAD (COMMAND_RUN | COMMAND_DEMO | COMMAND_TUNE)
#define OWN_LEAST 16 /* tokens of a prompt that are its own, beside a shared prefix: fewer words make no prompt */

/* ---- what goes before the other ---- */

static const struct option *row_of(const struct options *o, const char *name)
{
    return option_find(name, strlen(name), o->command);
}

static enum option_origin origin_of(const struct options *o, const char *name)
{
    const struct option *op = row_of(o, name);
    return op != NULL ? (enum option_origin)o->origin[op - option_rows] : ORIGIN_DEFAULT;
}

/* Did the command line say that?  What stands in the settings file is meant for other runs too. */
static bool said(const struct options *o, const char *name)
{
    return origin_of(o, name) == ORIGIN_COMMAND_LINE;
}

static bool in_force(const struct options *o, const char *name)
{
    const struct option *op = row_of(o, name);
    return op != NULL && !option_is_default(o, op);
}

/* Of two that do not go together: a section of the file goes before what holds for all commands, and the command line before both; the
 * other one is put back to its default.  a NULL: the command, which the section names too.  False where both come from the same place:
 * then they are to be refused.  The strongest have their say first, and the others wait: one that is put back itself pushes nothing out. */
static bool give_way(struct options *o, const char *a, const char *b)
{
    enum option_origin of_a = a != NULL ? origin_of(o, a) : ORIGIN_SECTION, of_b = origin_of(o, b);
    const char *weaker = of_a < of_b ? a : b;
    if (MAX_OF(of_a, of_b) < o->settling)
        return true;
    if (of_a == of_b || MIN_OF(of_a, of_b) == ORIGIN_DEFAULT || weaker == NULL)
        return false;
    option_reset(o, row_of(o, weaker));
    return true;
}

/* ---- those that exclude each other ---- */

#define APART "--rate, --ramp and --trace exclude each other: each says when requests are sent"
#define STREAMS "--turns goes with streams, not with --rate, --ramp or --trace: a turn is sent when its stream has thought"
#define SEARCH "--find-capacity decides the load and its length: --requests, --duration, --until-ci, --ramp, --trace and lists do not go with it"
#define KEEPS "--save-baseline takes one run file and no other option: it compares nothing"

static bool exclude_pairs(struct options *o, struct err *e)
{
    static const struct {
        const char *a, *b, *why;
    } pairs[] = {
        {"plain", "json", "--plain and --json exclude each other"},
        {"api-key-env", "api-key-file", "--api-key-env and --api-key-file exclude each other"},
        {"agent-token-env", "agent-token-file", "--agent-token-env and --agent-token-file exclude each other"},
        {"once", "probe", "--once and --probe exclude each other: a look sends nothing"},
        {"rate", "ramp", APART},
        {"rate", "trace", APART},
        {"ramp", "trace", APART},
        {"turns", "rate", STREAMS},
        {"turns", "ramp", STREAMS},
        {"turns", "trace", STREAMS},
        {"find-capacity", "requests", SEARCH},
        {"find-capacity", "duration", SEARCH},
        {"find-capacity", "until-ci", SEARCH},
        {"find-capacity", "ramp", SEARCH},
        {"find-capacity", "trace", SEARCH},
        {"save-baseline", "baseline", KEEPS},
        {"save-baseline", "fail-if", KEEPS},
        {"save-baseline", "json", KEEPS},
        {"save-baseline", "format", KEEPS},
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        if (in_force(o, pairs[i].a) && in_force(o, pairs[i].b) && !give_way(o, pairs[i].a, pairs[i].b))
            return err_set(e, "%s", pairs[i].why);
    return true;
}

/* Lists make a matrix, and some options (NULL: the command) go with one load only. */
static bool one_load(struct options *o, const char *by, const char *why, struct err *e)
{
    static const char *const lists[] = {"max-num-seqs", "context", "max-tokens", "rate"};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        const size_t n[ARRAY_LEN(lists)] = {o->load.streams.n, o->load.context.n, o->load.max_tokens.n, o->load.rate.n};
        if ((by == NULL || in_force(o, by)) && n[i] > 1 && !give_way(o, by, lists[i]))
            return err_set(e, "%s", why);
    }
    return true;
}

static bool check_cells(struct options *o, struct err *e)
{
    if ((o->command == COMMAND_TUNE && !one_load(o, NULL, "'tune' has one load for all settings: lists do not go with it", e)) ||
        !one_load(o, "ramp", "--ramp goes with one load, not with a matrix", e) ||
        !one_load(o, "trace", "--trace goes with one load, not with a matrix", e) || !one_load(o, "find-capacity", SEARCH, e))
        return false;
    return true;
}

static bool check_prefix(struct options *o, struct err *e)
{
    struct length_list *list = &o->load.context;
    if (o->run.prefix_tokens > 0 && strcmp(o->run.prompt, "unique") != 0 && !give_way(o, "prefix-tokens", "prompt"))
        return err_set(e, "--prefix-tokens goes with --prompt unique: '%s' is what it is", o->run.prompt);
    for (size_t i = 0; o->run.prefix_tokens > 0 && i < MAX_OF(list->n, (size_t)1); i++) {
        int64_t context = list->n > 0 ? lengths_mean(&list->v[i]) : LOAD_CONTEXT;
        if (o->run.prefix_tokens <= context - OWN_LEAST)
            continue;
        size_t before = list->n;
        if (give_way(o, "prefix-tokens", "context"))
            return list->n == before || check_prefix(o, e); /* what it is now may be too little, too */
        return err_set(e, "--prefix-tokens %" PRId64 " leaves too little of --context %" PRId64 " for what is new in each prompt: %d tokens at the least",
                           o->run.prefix_tokens, context, OWN_LEAST);
    }
    return true;
}

static bool settle_load(struct options *o, struct err *e)
{
    const struct run_config *r = &o->run;
    if (!check_cells(o, e))
        return false;
    if (r->endpoint == ENDPOINT_COMPLETIONS && r->turns > 1 && !give_way(o, "endpoint", "turns"))
        return err_set(e, "--turns needs messages, which --endpoint completions cannot send");
    bool agent = !prompt_is_file(r->prompt) && strncmp(r->prompt, "agent", 5) == 0;
    if (r->endpoint == ENDPOINT_COMPLETIONS && agent && !give_way(o, "endpoint", "prompt"))
        return err_set(e, "--prompt agent needs messages, which --endpoint completions cannot send");
    if (!check_prefix(o, e))
        return false;
    if (prompt_is_file(r->prompt))
        give_way(o, "context", "prompt");
    if (r->rows == ROWS_NONE && r->save_chunks)
        give_way(o, "save-chunks", "rows");
    if (r->rows == ROWS_NONE && r->save_text)
        give_way(o, "save-text", "rows");
    return true;
}

/* ---- those that need each other ---- */

static bool check_compare(const struct options *o, struct err *e)
{
    struct err why;
    const char *name = o->save_baseline != NULL ? o->save_baseline : o->baseline;
    if (name != NULL && !baseline_name(name, &why))
        return err_set(e, "--%s: %s", o->save_baseline != NULL ? "save-baseline" : "baseline", why.msg);
    if (o->save_baseline != NULL && o->files_n != 1)
        return err_set(e, KEEPS);
    if (o->save_baseline == NULL && o->baseline != NULL && o->files_n == 0)
        return err_set(e, "'compare' needs a run file to compare with the baseline '%s'", o->baseline);
    if (o->save_baseline == NULL && o->baseline == NULL && o->files_n < 2)
        return err_set(e, "'compare' needs two run files or more: the baseline first");
    if (o->baseline != NULL && o->files_n == ARRAY_LEN(o->files))
        return err_set(e, "'%s' is one file too many: 'compare' takes 16 run files, the baseline among them",
                       o->files[o->files_n - 1]);
    return true;
}

static bool check_needs(const struct options *o, struct err *e)
{
    if ((o->command == COMMAND_REPORT || o->command == COMMAND_REPLAY) && o->files_n == 0)
        return err_set(e, "'%s' needs a run file (they are in $XDG_STATE_HOME/tokgauge/runs unless --out named one)",
                       o->command == COMMAND_REPORT ? "report" : "replay");
    if (o->command == COMMAND_COMPARE && !check_compare(o, e))
        return false;
    if (o->run.agent.url == NULL && (o->suite.parts & 1u << SUITE_AGENT))
        return err_set(e, "--only: the part 'agent' needs --agent-url");
    if (o->command == COMMAND_TUNE && o->tune.launch == NULL)
        return err_set(e, "'tune' needs --launch: how to start the server (--launch 'vllm serve M --max-num-seqs {max_num_seqs}' --set max_num_seqs=1,2,4)");
    if (o->command == COMMAND_TUNE && o->run.url != NULL && tune_wants_port(o->tune.launch))
        return err_set(e, "--launch has {port}, which is another free one for each setting: a URL does not go with it");
    if (o->run.find_capacity && o->run.slo.n == 0)
        return err_set(e, "--find-capacity needs objectives: --slo ttft=500ms,tpot=50ms");
    return !(o->command & (COMMAND_SIM | COMMAND_DEMO)) || sim_check(&o->sim, e);
}

/* ---- those that change nothing ---- */

/* What would change nothing is a mistake, and shall not be found out from the figures. */
static bool check_idle(const struct options *o, struct err *e)
{
    const struct run_config *r = &o->run;
    const struct load_options *l = &o->load;
    bool file = prompt_is_file(r->prompt), talks = r->turns > 1, many = grid_cells(l) > 1, probes = r->probe_ns > 0, agent = r->agent.url != NULL;
    const struct {
        unsigned commands;
        const char *name;
        bool works;
        const char *why;
    } rules[] = {
        {LOAD, "arrival", l->arrival.kind == ARRIVE_POISSON || l->rate.n > 0 || l->ramp.rate > 0,
         "goes with --rate or --ramp: without them a request is sent when a stream is free"},
        {LOAD, "budget", r->find_capacity, "goes with --find-capacity"},
        {LOAD, "think", talks, "goes with --turns"},
        {LOAD, "turn-context", talks, "goes with --turns"}, /* with a file too: it tells how long the next turn may be */
        {LOAD, "context", !file, "goes with prompts that are made here: those of a file are as they are"},
        {LOAD, "order", many, "goes with a matrix: more than one value of --max-num-seqs, --context, --max-tokens or --rate"},
        {LOAD, "prefix-count", r->prefix_tokens > 0, "goes with --prefix-tokens"},
        {LOAD, "save-chunks", r->rows != ROWS_NONE, "goes with the lines of requests that --rows none leaves out"},
        {LOAD, "save-text", r->rows != ROWS_NONE, "goes with the lines of requests that --rows none leaves out"},
        {COMMAND_WATCH, "context", probes, "goes with --probe: nothing else is sent"},
        {COMMAND_WATCH, "max-tokens", probes, "goes with --probe: nothing else is sent"},
        {COMMAND_BENCH, "agent-model", agent, "goes with --agent-url"},
        {COMMAND_BENCH, "agent-runs", agent, "goes with --agent-url"},
        {COMMAND_BENCH, "agent-token-env", agent, "goes with --agent-url"},
        {COMMAND_BENCH, "agent-token-file", agent, "goes with --agent-url"},
        {COMMAND_REPORT, "detailed", o->format == REPORT_VLLM, "goes with --format vllm"},
        {COMMAND_RUN | COMMAND_DEMO, "svg-size", o->svg != NULL, "goes with --svg"},
        {COMMAND_REPLAY, "svg-size", o->svg != NULL || o->txt != NULL, "goes with --svg or --txt"},
        {COMMAND_ALL, "ca-file", !r->insecure, "goes with certificates that are verified, which --insecure leaves out"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if ((rules[i].commands & o->command) && !rules[i].works && said(o, rules[i].name))
            return err_set(e, "--%s %s", rules[i].name, rules[i].why);
    return true;
}

/* ---- all of it ---- */

static bool settle(struct options *o, struct err *e)
{
    if (!exclude_pairs(o, e))
        return false;
    if (o->command == COMMAND_COMPARE && o->json && o->format == COMPARE_MD && !give_way(o, "json", "format"))
        return err_set(e, "--json and --format md exclude each other");
    if (o->run.insecure && o->run.ca_file != NULL)
        give_way(o, "ca-file", "insecure");
    return !(o->command & LOAD) || settle_load(o, e);
}

bool options_check(struct options *o, struct err *e)
{
    static const enum option_origin ranks[] = {ORIGIN_COMMAND_LINE, ORIGIN_SECTION, ORIGIN_CONFIG};
    if (o->help || o->version || o->completions > 0)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(ranks); i++) {
        o->settling = ranks[i];
        if (!settle(o, e))
            return false;
    }
    if ((o->command & LOAD) && grid_cells(&o->load) > GRID_MOST)
        return err_set(e, "the lists make a matrix of %zu cells: %d are the most", grid_cells(&o->load), GRID_MOST);
    if (o->command & LOAD)
        load_settle(o);
    return o->print_config || o->list_themes || o->check_theme != NULL || (check_needs(o, e) && check_idle(o, e));
}
