#include "options.h"
#include "options_table.h"
#include "fmt.h"
#include "report/baseline.h"
#include "report/compare.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(ARRAY_LEN(((struct options *)NULL)->files) == COMPARE_RUNS, "options.h has room for all that are compared");

#define RUN COMMAND_RUN
#define LOAD (COMMAND_RUN | COMMAND_DEMO)
#define LOADS (LOAD | COMMAND_BENCH)
#define WATCH COMMAND_WATCH
#define LOOKS (LOADS | WATCH)
#define ASKS (COMMAND_RUN | COMMAND_BENCH | WATCH)
#define SIM (COMMAND_SIM | COMMAND_DEMO)
#define ALL COMMAND_ALL
#define AT(field) offsetof(struct options, field)
#define YEAR 31536000.0

const struct option option_rows[] = {
    {"max-num-seqs", 'c', "concurrency", LOAD, COUNT, AT(run.max_num_seqs), 1, STREAMS_MAX, "N", "4",
     "number of sequences kept in flight (streams)", false},
    {"context", 0, NULL, LOAD, TOKENS, AT(run.context), 1, TOKENS_MAX, "TOKENS", "1k",
     "prompt length; k is 1024", false},
    {"max-tokens", 0, NULL, LOAD, TOKENS, AT(run.max_tokens), 1, TOKENS_MAX, "TOKENS", "128",
     "output length, held fixed where the server can", false},
    {"requests", 'n', NULL, LOAD, COUNT, AT(run.requests), 1, 1e12, "N", NULL,
     "stop after so many measured requests", false},
    {"duration", 'd', NULL, LOAD | WATCH, DURATION, AT(run.duration_ns), 0.1, 10 * YEAR, "TIME", NULL,
     "stop sending after so long (30s, 5m, 24h); without --requests and --duration the dashboard runs until q, a run "
     "without a terminal 60 s (demo: 20 s)", false},
    {"warmup", 0, NULL, LOAD, COUNT, AT(run.warmup), 0, 1e9, "N", "0", "send N requests first that are not measured",
     false},
    {"drain", 0, NULL, LOAD, DURATION, AT(run.drain_ns), 0, 10 * YEAR, "TIME", "30s",
     "at the end wait so long for answers in flight, then cancel them", false},
    {"prompt", 0, NULL, LOAD, TEXT, AT(run.prompt), 0, 0, "unique|shared|FILE.jsonl", "unique",
     "unique: no prefix cache helps; shared: all requests send the same; FILE: lines of {\"prompt\":…} or "
     "{\"messages\":[…]}", false},
    {"natural-length", 0, NULL, LOOKS, FLAG, AT(run.natural_length), 0, 0, NULL, NULL,
     "let the model end by itself: --max-tokens is only a limit", false},
    {"endpoint", 0, NULL, LOOKS, WORD, AT(run.endpoint), 0, 0, "chat|completions", "chat", "which API to load", false},
    {"model", 'm', NULL, ASKS, TEXT, AT(run.model), 0, 0, "NAME", NULL, "default: the first that the server lists", false},
    {"api-key-env", 0, NULL, LOOKS, TEXT, AT(run.api_key_env), 0, 0, "VARIABLE", NULL,
     "environment variable that holds the API key", false},
    {"api-key-file", 0, NULL, LOOKS, TEXT, AT(run.api_key_file), 0, 0, "FILE", NULL,
     "file whose first line is the API key", false},
    {"header", 'H', NULL, LOOKS, HEADER, 0, 0, 0, "'NAME: VALUE'", NULL,
     "send this header too; may be given several times", false},
    {"ca-file", 0, NULL, ASKS, TEXT, AT(run.ca_file), 0, 0, "FILE", NULL,
     "certificates (PEM) to trust instead of the system's", false},
    {"insecure", 0, NULL, ASKS, FLAG, AT(run.insecure), 0, 0, NULL, NULL, "do not verify the server's TLS certificate",
     false},
    {"timeout", 0, NULL, LOOKS, DURATION, AT(run.timeout_ns), 0.01, YEAR, "TIME", "600s",
     "a request fails when its first byte takes longer", false},
    {"stall", 0, NULL, LOOKS, DURATION, AT(run.stall_ns), 0.01, YEAR, "TIME", "60s",
     "a stream fails when no byte comes for so long", false},
    {"workers", 0, NULL, LOADS, COUNT, AT(run.workers), 0, WORKERS_MAX, "N", "0",
     "threads that drive the load; 0: one less than cores, at most 4", false},
    {"seed", 0, NULL, LOOKS, COUNT, AT(run.seed), 0, 9e15, "N", NULL,
     "seed of the prompts (default: another one in each run, so that no prefix cache knows them from the last run)", false},
    {"label", 0, NULL, LOOKS, TEXT, AT(run.label), 0, 0, "TEXT", NULL, "a name for this run, in its file and its summary",
     false},
    {"out", 'o', NULL, LOOKS, TEXT, AT(run.out), 0, 0, "FILE", NULL,
     "run file to write (default: a new one in $XDG_STATE_HOME/tokgauge/runs)", false},
    {"save-chunks", 0, NULL, LOADS, FLAG, AT(run.save_chunks), 0, 0, NULL, NULL,
     "keep every gap between chunks in the run file: some 10 bytes a chunk", false},
    {"save-text", 0, NULL, LOADS, FLAG, AT(run.save_text), 0, 0, NULL, NULL, "keep every answer's text in the run file", false},
    {"fail-if", 0, NULL, LOAD, THRESHOLD, 0, 0, 0, "'NAME OP VALUE'", NULL,
     "exit with status 3 when this is so at the end: 'ttft_p95 > 500ms', 'output_tok_s < 30', 'errors > 0'; may be given "
     "several times", false},
    {"plain", 0, NULL, LOOKS, FLAG, AT(plain), 0, 0, NULL, NULL,
     "no dashboard: a progress line a second, a summary at the end", false},
    {"json", 0, NULL, LOOKS, FLAG, AT(json), 0, 0, NULL, NULL, "no dashboard: one JSON summary on stdout", false},
    {"glyphs", 0, NULL, LOOKS, WORD, AT(glyphs), 0, 0, "auto|braille|block|ascii", "auto", "what plots are drawn with",
     false},
    {"color", 0, NULL, LOOKS, WORD, AT(color), 0, 0, "auto|never", "auto", "NO_COLOR is honoured too", false},
    {"theme", 0, NULL, LOOKS, TEXT, AT(theme), 0, 0, "NAME", NULL, "colours of the dashboard: tokgauge-dark, mono", false},
    {"svg", 0, NULL, LOAD, TEXT, AT(svg), 0, 0, "FILE", NULL, "write a picture of the dashboard at the end of the load",
     false},
    {"svg-size", 0, NULL, LOAD, SIZE, AT(svg_width), 60, 300, "COLUMNSxROWS", "120x40", "its size in characters", false},
    {"stamps", 0, NULL, LOAD, FLAG, AT(run.stamps), 0, 0, NULL, NULL,
     "compare arrival times with the stamps of the simulator", true},

    {"probe", 0, NULL, WATCH, DURATION, AT(run.probe_ns), 0.1, YEAR, "TIME", NULL,
     "send one short stream each so long, to see how fast the server is under other people's load", false},
    {"context", 0, NULL, WATCH, TOKENS, AT(run.context), 1, TOKENS_MAX, "TOKENS", "64", "prompt length of a probe", false},
    {"max-tokens", 0, NULL, WATCH, TOKENS, AT(run.max_tokens), 1, TOKENS_MAX, "TOKENS", "32", "output length of a probe", false},
    {"once", 0, NULL, WATCH, FLAG, AT(once), 0, 0, NULL, NULL, "one look, then the end: as text, or as JSON with --json", false},
    {"gpu", 0, NULL, LOOKS, TEXT, AT(run.machine.gpu), 0, 0, "PCI|N", NULL,
     "the GPU to watch, by PCI address or number (default: the server's, or the one with the most memory)", false},
    {"sample-interval", 0, NULL, LOOKS, DURATION, AT(run.machine.sample_ns), 0.02, 3600, "TIME", "100ms",
     "time between two looks at this machine's memory", false},
    {"guard", 0, NULL, LOADS, GUARD, AT(run.machine.guard), 1, 1e15, "BYTES|off", NULL,
     "stop the load, with exit status 4, when less RAM or GTT is left than this (2GiB, 512MiB); default: 1 GiB, or 2 % of RAM "
     "where that is more; only for a server on this machine", false},
    {"proc-root", 0, NULL, LOOKS, TEXT, AT(run.machine.proc_root), 0, 0, "FOLDER", NULL, "in place of /proc", true},
    {"sysfs-root", 0, NULL, LOOKS, TEXT, AT(run.machine.sysfs_root), 0, 0, "FOLDER", NULL, "in place of /sys", true},
    {"dev-root", 0, NULL, LOOKS, TEXT, AT(run.machine.dev_root), 0, 0, "FOLDER", NULL, "in place of /dev", true},

    {"only", 0, NULL, COMMAND_BENCH, PARTS, AT(suite.parts), 0, 0, "PART,…", NULL,
     "these parts only: a interactive, b memory, c stability, d concurrency, e agent", false},
    {"quick", 0, NULL, COMMAND_BENCH, FLAG, AT(suite.quick), 0, 0, NULL, NULL,
     "fewer and shorter requests: about a minute at 30 tok/s", false},
    {"runs", 0, NULL, COMMAND_BENCH, COUNT, AT(suite.runs), 1, 1000, "N", "3", "repeats of each measurement (quick: 2)", false},
    {"context", 0, NULL, COMMAND_BENCH, TOKENS_LIST, AT(suite.contexts), 1, TOKENS_MAX, "TOKENS,…", "1k,2k,4k",
     "prompt lengths of the stability part", false},
    {"max-num-seqs", 'c', "concurrency", COMMAND_BENCH, COUNTS, AT(suite.streams), 1, 1000, "N,…", "1,2,4,8",
     "numbers of streams of the concurrency part", false},

    {"agent-url", 0, NULL, COMMAND_BENCH, TEXT, AT(run.agent.url), 0, 0, "URL", NULL,
     "measure the agent gateway there too: its chat completions, with this server as its model", false},
    {"agent-token-env", 0, NULL, COMMAND_BENCH, TEXT, AT(run.agent.token_env), 0, 0, "VARIABLE", NULL,
     "environment variable that holds the gateway's token", false},
    {"agent-token-file", 0, NULL, COMMAND_BENCH, TEXT, AT(run.agent.token_file), 0, 0, "FILE", NULL,
     "file whose first line is the gateway's token", false},
    {"agent-model", 0, NULL, COMMAND_BENCH, TEXT, AT(run.agent.model), 0, 0, "NAME", "openclaw", "model name for the gateway", false},
    {"agent-runs", 0, NULL, COMMAND_BENCH, COUNT, AT(run.agent.runs), 1, 100, "N", "5", "repeats of each of its scenarios", false},

    {"sim-port", 0, NULL, COMMAND_SIM, PORT, AT(sim.port), 0, 65535, "PORT", "0", "0: any free one", false},
    {"sim-host", 0, NULL, COMMAND_SIM, TEXT, AT(sim.host), 0, 0, "ADDRESS", "127.0.0.1", "address to listen on", false},
    {"sim-model", 0, NULL, SIM, TEXT, AT(sim.model), 0, 0, "NAME", NULL, "model name that it serves", false},
    {"sim-max-num-seqs", 0, NULL, SIM, PORT, AT(sim.max_num_seqs), 1, 100000, "N", "4", "sequences that it decodes at once",
     false},
    {"sim-max-model-len", 0, NULL, SIM, PORT, AT(sim.max_model_len), 64, 1e8, "TOKENS", "16384", "context + output limit",
     false},
    {"sim-prefill-rate", 0, NULL, SIM, NUMBER, AT(sim.prefill_rate), 1, 1e9, "TOK/S", NULL, "uncached prompt tokens a second",
     false},
    {"sim-step", 0, NULL, SIM, NUMBER, AT(sim.step_ms), 0.01, 1e5, "MS", NULL, "time of a decode step", false},
    {"sim-step-seq", 0, NULL, SIM, NUMBER, AT(sim.step_seq_ms), 0, 1e4, "MS", NULL, "further time of it for each running sequence",
     false},
    {"sim-overhead", 0, NULL, SIM, NUMBER, AT(sim.overhead_ms), 0, 1e5, "MS", NULL, "request received to prefill", false},
    {"sim-cold", 0, NULL, SIM, NUMBER, AT(sim.cold_ms), 0, 1e6, "MS", NULL, "extra time of the first request", false},
    {"sim-jitter", 0, NULL, SIM, NUMBER, AT(sim.jitter), 0, 0.5, "SHARE", NULL, "relative spread of a step's time", false},
    {"sim-seed", 0, NULL, SIM, COUNT, AT(sim.seed), 0, 9e15, "N", NULL, "seed of its text, lengths, jitter and faults", false},
    {"sim-no-prefix-cache", 0, NULL, SIM, FLAG_OFF, AT(sim.prefix_cache), 0, 0, NULL, NULL, "recompute every prompt", false},
    {"sim-kv-tokens", 0, NULL, SIM, COUNT, AT(sim.kv_tokens), 64, 1e12, "TOKENS", NULL, "KV cache capacity", false},
    {"sim-kv-gib-per-1k", 0, NULL, SIM, NUMBER, AT(sim.kv_gib_per_1k), 0, 1000, "GIB", "0",
     "GTT that grows with KV use; 0: all taken at start", false},
    {"sim-tokens-per-event", 0, NULL, SIM, NUMBER, AT(sim.tokens_per_event), 1, 1000, "N", "1", "tokens in one event", false},
    {"sim-no-usage", 0, NULL, SIM, FLAG, AT(sim.no_usage), 0, 0, NULL, NULL, "never tell token counts", false},
    {"sim-close-after", 0, NULL, SIM, FLAG, AT(sim.close_after), 0, 0, NULL, NULL,
     "close after every stream though keep-alive was announced, as llama.cpp does", false},
    {"sim-fault", 0, NULL, SIM, FAULT, 0, 0, 1, "KIND=SHARE", NULL,
     "let a share of requests fail: 429, 500, stall, reset, truncated, error-event, malformed; may be repeated", false},
    {"sim-api-key", 0, NULL, COMMAND_SIM, TEXT, AT(sim.api_key), 0, 0, "KEY", NULL, "ask for this key", true},
    {"sim-log", 0, NULL, SIM, TEXT, AT(sim.log), 0, 0, "FILE", NULL, "write one JSON line a request: what really happened",
     false},


    {"format", 0, NULL, COMMAND_REPORT, WORD, AT(format), 0, 0, "md|html|csv|json|vllm", "md",
     "Markdown; a page for a browser; a line a request; figures; or what 'vllm bench serve --save-result' writes", false},
    {"out", 'o', NULL, COMMAND_REPORT, TEXT, AT(report_out), 0, 0, "FILE", NULL, "write there (default: standard output)",
     false},
    {"note", 0, NULL, COMMAND_REPORT | COMMAND_BENCH, NOTE, 0, 0, 0, "KEY=VALUE", NULL,
     "a fact that no API tells (quantisation, launch command); may be given several times", false},
    {"detailed", 0, NULL, COMMAND_REPORT, FLAG, AT(detailed), 0, 0, NULL, NULL,
     "with vllm: the lists with one entry a request too; gaps and texts only of a run with --save-chunks and --save-text", false},

    {"min-effect", 0, NULL, COMMAND_COMPARE, NUMBER, AT(min_effect), 0, 1, "SHARE", "0.02",
     "smaller differences do not count", false},
    {"baseline", 0, NULL, COMMAND_COMPARE, TEXT, AT(baseline), 0, 0, "NAME", NULL,
     "compare with the run that was kept under this name", false},
    {"save-baseline", 0, NULL, COMMAND_COMPARE, TEXT, AT(save_baseline), 0, 0, "NAME", NULL,
     "keep a copy of one run file under this name, in place of one that has it, and compare nothing", false},
    {"fail-if", 0, NULL, COMMAND_COMPARE, GATE, 0, 0, 0, "'NAME worse'", NULL,
     "exit with status 3 when this is so of one of the other runs: 'ttft_p95 worse', 'any worse', 'ttft_p95 > +10%', "
     "'output_tok_s < -5%'; a difference that may be noise (unsure) or does not count (same) never fails, runs that "
     "are not comparable always do; may be given several times", false},
    {"format", 0, NULL, COMMAND_COMPARE, WORD, AT(format), 0, 0, "text|md|json", "text",
     "tables for a terminal; Markdown, to paste in an issue; JSON", false},
    {"json", 0, NULL, COMMAND_COMPARE, FLAG, AT(json), 0, 0, NULL, NULL, "the same as --format json", false},

    {"help", 'h', NULL, ALL, FLAG, AT(help), 0, 0, NULL, NULL, "this list", false},
    {"version", 'V', NULL, ALL, FLAG, AT(version), 0, 0, NULL, NULL, "print the version", false},
};
const size_t option_rows_n = ARRAY_LEN(option_rows);

const struct option_command option_commands[] = {
    {"run", COMMAND_RUN, "[URL]", "load a server and measure it; without a URL the usual local ports are tried"},
    {"demo", COMMAND_DEMO, "", "the same against a simulated server: needs no server and no GPU"},
    {"sim", COMMAND_SIM, "", "the simulated server alone"},
    {"bench", COMMAND_BENCH, "[URL]", "the standard suite: interactive speed, memory, stability, concurrency; writes a report"},
    {"watch", COMMAND_WATCH, "[URL]", "no load: memory, GPU and the server's own counters"},
    {"report", COMMAND_REPORT, "RUNFILE", "a run file as a document, or as data for another program"},
    {"compare", COMMAND_COMPARE, "RUNFILE RUNFILE…", "are the other runs better than the first, or is it noise?"},
};
const size_t option_commands_n = ARRAY_LEN(option_commands);

const char *options_name(size_t i)
{
    return i < option_rows_n ? option_rows[i].name : NULL;
}

static void set_defaults(struct options *o)
{
    *o = (struct options){.command = COMMAND_RUN, .svg_width = 120, .svg_height = 40, .min_effect = 0.02};
    o->run = (struct run_config){.max_num_seqs = 4, .context = 1024, .max_tokens = 128, .drain_ns = 30 * INT64_C(1000000000),
                                 .timeout_ns = 600 * INT64_C(1000000000), .stall_ns = 60 * INT64_C(1000000000),
                                 .machine = {.sample_ns = 100 * INT64_C(1000000), .guard = GUARD_DEFAULT, .proc_root = "/proc",
                                             .sysfs_root = "/sys", .dev_root = "/dev"},
                                 .seed = -1, .prompt = "unique", .agent = {.model = "openclaw", .runs = 5}};
    sim_config_default(&o->sim);
}

static bool named(const struct option *op, const char *name, size_t n, unsigned command)
{
    if (strlen(op->name) == n && strncmp(op->name, name, n) == 0)
        return true;
    if (op->alias != NULL && strlen(op->alias) == n && strncmp(op->alias, name, n) == 0)
        return true;
    /* `tokgauge sim --port` is `--sim-port`: there is no other server there. */
    return command == COMMAND_SIM && str_starts(op->name, "sim-") && strlen(op->name) - 4 == n &&
           strncmp(op->name + 4, name, n) == 0;
}

static const struct option *find(const char *name, size_t n, unsigned command)
{
    for (size_t i = 0; i < option_rows_n; i++)
        if ((option_rows[i].commands & command) && named(&option_rows[i], name, n, command))
            return &option_rows[i];
    return NULL;
}

static const struct option *find_letter(char c, unsigned command)
{
    for (size_t i = 0; i < option_rows_n; i++)
        if ((option_rows[i].commands & command) && option_rows[i].letter == c)
            return &option_rows[i];
    return NULL;
}

static bool out_of_range(const struct option *op, const char *value, const char *unit, struct err *e)
{
    return err_set(e, "--%s '%s' is out of range: it takes %.15g to %.15g%s", op->name, value, op->min, op->max, unit);
}

static bool set_whole(const struct option *op, void *field, const char *value, struct err *e)
{
    int64_t v;
    bool ok = op->kind == TOKENS ? parse_tokens(value, &v) : parse_count(value, &v);
    if (!ok && value[0] == '-')
        return out_of_range(op, value, "", e);
    if (!ok)
        return err_set(e, "--%s '%s' is not a whole number%s", op->name, value,
                       op->kind == TOKENS ? " of tokens (4096, 4k)" : "");
    if ((double)v < op->min || (double)v > op->max)
        return out_of_range(op, value, "", e);
    if (op->kind == PORT)
        *(int *)field = (int)v;
    else
        *(int64_t *)field = v;
    return true;
}

static bool set_list(const struct option *op, struct int_list *list, const char *value, struct err *e)
{
    list->n = 0;
    for (const char *p = value; p != NULL;) {
        size_t n = strcspn(p, ",");
        char one[32] = "";
        int64_t v;
        if (n < sizeof one)
            memcpy(one, p, n);
        if (!(op->kind == TOKENS_LIST ? parse_tokens(one, &v) : parse_count(one, &v)))
            return err_set(e, "--%s '%s' is not a list like %s", op->name, value, op->preset);
        if ((double)v < op->min || (double)v > op->max)
            return out_of_range(op, value, "", e);
        if (list->n == SUITE_LIST_MAX)
            return err_set(e, "--%s '%s' is too long: it takes %d numbers", op->name, value, SUITE_LIST_MAX);
        list->v[list->n++] = v;
        p = p[n] == ',' ? p + n + 1 : NULL;
    }
    return true;
}

static bool set_parts(const struct option *op, unsigned *parts, const char *value, struct err *e)
{
    *parts = 0;
    for (const char *p = value; p != NULL;) {
        size_t n = strcspn(p, ",");
        enum suite_part part = suite_part_find(p, n);
        if (part == SUITE_PARTS)
            return err_set(e, "--%s '%s': there is no part '%.*s': a interactive, b memory, c stability, d concurrency, e agent", op->name,
                           value, (int)MIN_OF(n, (size_t)40), p);
        *parts |= 1u << part;
        p = p[n] == ',' ? p + n + 1 : NULL;
    }
    return true;
}

static bool set_duration(const struct option *op, void *field, const char *value, struct err *e)
{
    int64_t ns;
    if (!parse_duration(value, &ns))
        return err_set(e, "--%s '%s' is not a time: it takes 500ms, 30s, 5m, 24h", op->name, value);
    if ((double)ns / 1e9 < op->min || (double)ns / 1e9 > op->max)
        return out_of_range(op, value, " seconds", e);
    *(int64_t *)field = ns;
    return true;
}

static bool set_guard(const struct option *op, void *field, const char *value, struct err *e)
{
    int64_t v = GUARD_NONE;
    if (strcmp(value, "off") != 0 && !parse_bytes(value, &v))
        return err_set(e, "--%s '%s' is neither a size (2GiB, 512MiB) nor 'off'", op->name, value);
    if (v != GUARD_NONE && ((double)v < op->min || (double)v > op->max))
        return out_of_range(op, value, " bytes", e);
    *(int64_t *)field = v;
    return true;
}

static bool set_number(const struct option *op, void *field, const char *value, struct err *e)
{
    double v;
    if (!parse_double(value, &v))
        return err_set(e, "--%s '%s' is not a number", op->name, value);
    if (v < op->min || v > op->max)
        return out_of_range(op, value, "", e);
    *(double *)field = v;
    return true;
}

static bool set_word(const struct option *op, void *field, const char *value, struct err *e)
{
    int i = 0;
    for (const char *w = op->arg; w != NULL; i++) {
        size_t n = strcspn(w, "|");
        if (strlen(value) == n && strncmp(w, value, n) == 0) {
            *(int *)field = i;
            return true;
        }
        w = w[n] == '|' ? w + n + 1 : NULL;
    }
    return err_set(e, "--%s '%s' is not one of %s", op->name, value, op->arg);
}

static bool set_header(struct options *o, const char *value, struct err *e)
{
    const char *colon = strchr(value, ':');
    if (colon == NULL || colon == value || strpbrk(value, "\r\n") != NULL)
        return err_set(e, "--header '%s' is not 'NAME: VALUE'", value);
    if (o->run.headers_n == HEADERS_MAX)
        return err_set(e, "--header may be given %d times at most", HEADERS_MAX);
    o->run.headers[o->run.headers_n++] = value;
    return true;
}

static bool set_note(struct options *o, const char *value, struct err *e)
{
    const char *eq = strchr(value, '=');
    if (eq == NULL || eq == value || eq[1] == '\0')
        return err_set(e, "--note '%s' is not KEY=VALUE", value);
    if (o->notes_n == ARRAY_LEN(o->notes))
        return err_set(e, "--note may be given %zu times at most", ARRAY_LEN(o->notes));
    o->notes[o->notes_n++] = value;
    return true;
}

static bool set_fail_if(struct options *o, const char *value, struct err *e)
{
    struct err why;
    if (o->fail_if_n == ARRAY_LEN(o->fail_if))
        return err_set(e, "--fail-if may be given %zu times at most", ARRAY_LEN(o->fail_if));
    if (!threshold_parse(value, &o->fail_if[o->fail_if_n], &why))
        return err_set(e, "--fail-if: %s", why.msg);
    o->fail_if_n++;
    return true;
}

static bool set_gate(struct options *o, const char *value, struct err *e)
{
    struct err why;
    if (o->gates_n == ARRAY_LEN(o->gates))
        return err_set(e, "--fail-if may be given %zu times at most", ARRAY_LEN(o->gates));
    if (!gate_parse(value, &o->gates[o->gates_n], &why))
        return err_set(e, "--fail-if: %s", why.msg);
    o->gates_n++;
    return true;
}

static bool set_fault(struct options *o, const char *value, struct err *e)
{
    const char *eq = strchr(value, '=');
    double share;
    for (int f = SIM_FAULT_NONE + 1; eq != NULL && f < SIM_FAULT_COUNT; f++) {
        const char *name = sim_fault_name((enum sim_fault)f);
        if (strlen(name) != (size_t)(eq - value) || strncmp(name, value, strlen(name)) != 0)
            continue;
        if (!parse_double(eq + 1, &share) || share < 0 || share > 1)
            return err_set(e, "--sim-fault '%s': the share is a number from 0 to 1", value);
        o->sim.fault[f] = share;
        return true;
    }
    return err_set(e, "--sim-fault '%s' is not KIND=SHARE with one of 429, 500, stall, reset, truncated, error-event, "
                      "malformed", value);
}

static bool set_size(const struct option *op, struct options *o, const char *value, struct err *e)
{
    const char *x = strchr(value, 'x');
    char columns[16] = "";
    int64_t w, h;
    if (x != NULL && (size_t)(x - value) < sizeof columns)
        memcpy(columns, value, (size_t)(x - value));
    if (x == NULL || !parse_count(columns, &w) || !parse_count(x + 1, &h))
        return err_set(e, "--%s '%s' is not COLUMNSxROWS", op->name, value);
    if (w < 60 || w > 300 || h < 16 || h > 90)
        return err_set(e, "--%s '%s' is out of range: 60x16 to 300x90", op->name, value);
    o->svg_width = w;
    o->svg_height = h;
    return true;
}

static bool set(struct options *o, const struct option *op, const char *value, struct err *e)
{
    void *field = (char *)o + op->offset;
    switch (op->kind) {
    case FLAG: *(bool *)field = true; return true;
    case FLAG_OFF: *(bool *)field = false; return true;
    case COUNT:
    case TOKENS:
    case PORT: return set_whole(op, field, value, e);
    case DURATION: return set_duration(op, field, value, e);
    case NUMBER: return set_number(op, field, value, e);
    case WORD: return set_word(op, field, value, e);
    case HEADER: return set_header(o, value, e);
    case THRESHOLD: return set_fail_if(o, value, e);
    case GATE: return set_gate(o, value, e);
    case NOTE: return set_note(o, value, e);
    case FAULT: return set_fault(o, value, e);
    case SIZE: return set_size(op, o, value, e);
    case COUNTS:
    case TOKENS_LIST: return set_list(op, field, value, e);
    case GUARD: return set_guard(op, field, value, e);
    case PARTS: return set_parts(op, field, value, e);
    case TEXT:
        if (value[0] == '\0')
            return err_set(e, "--%s needs %s, not an empty text", op->name, op->arg);
        *(const char **)field = value;
        return true;
    }
    return false;
}

static bool is_flag(const struct option *op)
{
    return op->kind == FLAG || op->kind == FLAG_OFF;
}

static bool keep_sim_arg(struct options *o, const struct option *op, const char *value, struct err *e)
{
    if (!str_starts(op->name, "sim-"))
        return true;
    if (o->sim_args_n == ARRAY_LEN(o->sim_args))
        return err_set(e, "too many --sim- options");
    o->sim_args[o->sim_args_n++] = is_flag(op) ? xasprintf("--%s", op->name) : xasprintf("--%s=%s", op->name, value);
    return true;
}

static bool unknown(const char *arg, size_t n, const struct options *o, struct err *e)
{
    const char *command = "";
    for (size_t i = 0; i < option_commands_n; i++)
        if (option_commands[i].command == o->command)
            command = option_commands[i].name;
    if (find(arg, n, ALL) != NULL)
        return err_set(e, "--%.*s does not belong to '%s' (see: tokgauge %s --help)", (int)n, arg, command, command);
    return err_set(e, "there is no option '--%.*s' (see: tokgauge %s --help)", (int)n, arg, command);
}

/* One option at argv[*i], with its value there or in the next word. */
static bool take_option(struct options *o, int argc, char **argv, int *i, struct err *e)
{
    const char *arg = argv[*i], *value = NULL;
    const struct option *op;
    if (arg[1] == '-') {
        size_t n = strcspn(arg + 2, "=");
        op = find(arg + 2, n, o->command);
        if (op == NULL)
            return unknown(arg + 2, n, o, e);
        if (arg[2 + n] == '=')
            value = arg + 3 + n;
    } else {
        op = find_letter(arg[1], o->command);
        if (op == NULL)
            return err_set(e, "there is no option '-%c' (see: tokgauge --help)", arg[1]);
        if (arg[2] != '\0' && is_flag(op))
            return err_set(e, "'%s': give each one-letter option by itself", arg);
        value = arg[2] != '\0' ? arg + 2 : NULL;
    }
    if (is_flag(op) && value != NULL)
        return err_set(e, "--%s takes no value", op->name);
    if (!is_flag(op) && value == NULL) {
        if (*i + 1 >= argc)
            return err_set(e, "--%s needs %s", op->name, op->arg);
        value = argv[++*i];
    }
    return set(o, op, value, e) && keep_sim_arg(o, op, value, e);
}

static bool take_command(struct options *o, const char *word)
{
    for (size_t i = 0; i < option_commands_n; i++)
        if (strcmp(option_commands[i].name, word) == 0) {
            o->command = option_commands[i].command;
            return true;
        }
    return false;
}

static bool looks_like_url(const char *s)
{
    return strstr(s, "://") != NULL || strchr(s, ':') != NULL || strchr(s, '.') != NULL || strcmp(s, "localhost") == 0;
}

static bool take_word(struct options *o, const char *word, struct err *e)
{
    if (o->command == COMMAND_REPORT || o->command == COMMAND_COMPARE) {
        bool report = o->command == COMMAND_REPORT;
        if (o->files_n == (report ? 1 : ARRAY_LEN(o->files)))
            return err_set(e, "'%s' is one file too many: %s", word,
                           report ? "'report' takes one run file" : "'compare' takes 16 run files at the most");
        o->files[o->files_n++] = word;
        return true;
    }
    if (o->command != COMMAND_RUN && o->command != COMMAND_BENCH && o->command != COMMAND_WATCH)
        return err_set(e, "'%s' is one word too many: '%s' takes no URL", word,
                       o->command == COMMAND_DEMO ? "demo" : "sim");
    if (o->run.url != NULL) {
        char second[160], first[160];
        url_hide_login(word, second, sizeof second);
        url_hide_login(o->run.url, first, sizeof first);
        return err_set(e, "'%s' is one URL too many: '%s' was given before", second, first);
    }
    if (!looks_like_url(word))
        return err_set(e, "'%s' is neither a command (run, demo, sim, bench, watch, report, compare) nor a URL (see: tokgauge --help)", word);
    o->run.url = word;
    return true;
}

static bool check_compare(const struct options *o, struct err *e)
{
    struct err why;
    const char *name = o->save_baseline != NULL ? o->save_baseline : o->baseline;
    if (name != NULL && !baseline_name(name, &why))
        return err_set(e, "--%s: %s", o->save_baseline != NULL ? "save-baseline" : "baseline", why.msg);
    if (o->json && o->format == COMPARE_MD)
        return err_set(e, "--json and --format md exclude each other");
    bool compares = o->baseline != NULL || o->gates_n > 0 || o->json || o->format != COMPARE_TEXT;
    if (o->save_baseline != NULL && (o->files_n != 1 || compares))
        return err_set(e, "--save-baseline takes one run file and no other option: it compares nothing");
    if (o->save_baseline == NULL && o->baseline != NULL && o->files_n == 0)
        return err_set(e, "'compare' needs a run file to compare with the baseline '%s'", o->baseline);
    if (o->save_baseline == NULL && o->baseline == NULL && o->files_n < 2)
        return err_set(e, "'compare' needs two run files or more: the baseline first");
    if (o->baseline != NULL && o->files_n == ARRAY_LEN(o->files))
        return err_set(e, "'%s' is one file too many: 'compare' takes 16 run files, the baseline among them",
                       o->files[o->files_n - 1]);
    return true;
}

static bool check_together(const struct options *o, struct err *e)
{
    if (o->command == COMMAND_REPORT && o->files_n == 0 && !o->help && !o->version)
        return err_set(e, "'report' needs a run file (they are in $XDG_STATE_HOME/tokgauge/runs unless --out named one)");
    if (o->command == COMMAND_COMPARE && !o->help && !o->version && !check_compare(o, e))
        return false;
    if (o->run.agent.token_env != NULL && o->run.agent.token_file != NULL)
        return err_set(e, "--agent-token-env and --agent-token-file exclude each other");
    if (o->run.agent.url == NULL && (o->suite.parts & 1u << SUITE_AGENT))
        return err_set(e, "--only: the part 'agent' needs --agent-url");
    if (o->once && o->run.probe_ns > 0)
        return err_set(e, "--once and --probe exclude each other: a look sends nothing");
    if (o->plain && o->json)
        return err_set(e, "--plain and --json exclude each other");
    if (o->run.api_key_env != NULL && o->run.api_key_file != NULL)
        return err_set(e, "--api-key-env and --api-key-file exclude each other");
    return true;
}

bool options_parse(struct options *o, int argc, char **argv, struct err *e)
{
    set_defaults(o);
    int i = 1;
    if (argc > 1 && take_command(o, argv[1]))
        i = 2;
    bool words_only = false;
    if (o->command == COMMAND_WATCH) {
        o->run.watch = true;
        o->run.context = 64;
        o->run.max_tokens = 32;
    }
    for (; i < argc; i++) {
        bool ok = true;
        if (!words_only && strcmp(argv[i], "--") == 0)
            words_only = true;
        else if (!words_only && argv[i][0] == '-' && argv[i][1] != '\0')
            ok = take_option(o, argc, argv, &i, e);
        else
            ok = take_word(o, argv[i], e);
        if (!ok)
            return false;
    }
    return check_together(o, e);
}

void options_release(struct options *o)
{
    for (size_t i = 0; i < o->sim_args_n; i++)
        free(o->sim_args[i]);
    o->sim_args_n = 0;
}
