/* The one table of options. */
#include "options_table.h"

#define RUN COMMAND_RUN
#define LOAD (COMMAND_RUN | COMMAND_DEMO | COMMAND_TUNE)
#define ONE (COMMAND_RUN | COMMAND_DEMO)
#define TUNE COMMAND_TUNE
#define LOADS (LOAD | COMMAND_BENCH)
#define WATCH COMMAND_WATCH
#define LOOKS (LOADS | WATCH)
#define REPLAY COMMAND_REPLAY
#define SHOWS (LOOKS | REPLAY)
#define ASKS (COMMAND_RUN | COMMAND_BENCH | WATCH | COMMAND_TUNE)
#define SIM (COMMAND_SIM | COMMAND_DEMO)
#define ALL COMMAND_ALL
#define AT(field) offsetof(struct options, field)
#define YEAR 31536000.0

const struct option option_rows[] = {
    {"max-num-seqs", 'c', "concurrency", LOAD, COUNTS, AT(load.streams), 1, STREAMS_MAX, "N", "4",
     "number of sequences kept in flight (streams); a list (1,2,4,8), as those of --context, --max-tokens and --rate, makes a "
     "matrix; with --rate, --ramp or --trace: at the most (default then 256)", false},
    {"context", 0, NULL, LOAD, LENGTHS, AT(load.context), 1, TOKENS_MAX, "TOKENS", "1k",
     "prompt length; k is 1024; or drawn for each request: normal:MEAN,DEVIATION, uniform:LEAST-MOST, lognormal:MEAN,DEVIATION", false},
    {"max-tokens", 0, NULL, LOAD, LENGTHS, AT(load.max_tokens), 1, TOKENS_MAX, "TOKENS", "128",
     "output length, held fixed where the server can; or drawn, as with --context", false},
    {"rate", 0, NULL, LOAD, RATES, AT(load.rate), RATE_MIN, RATE_MAX, "REQUESTS/S", NULL,
     "open loop: send so many requests a second, however fast the answers come; those that find no free stream wait, and their "
     "wait is in ttft_due", false},
    {"arrival", 0, NULL, LOAD, ARRIVAL, AT(load.arrival), 0, 0, "poisson|constant|gamma:SHAPE|burst:N", "poisson",
     "how they are spread: as many people do who know nothing of each other; evenly; in between (a shape above 1) or burstier (below "
     "1); N at once", false},
    {"ramp", 0, NULL, LOAD, RAMP, AT(load.ramp), 0, 0, "FROM:TO:TIME", NULL,
     "open loop whose rate goes from one to another within that time and stays there (1:20:60s)", false},
    {"trace", 0, NULL, LOAD, TEXT, AT(run.trace), 0, 0, "FILE.jsonl", NULL,
     "open loop that sends what a file says, when it says: lines of {\"time\": seconds, \"context\": tokens, \"output\": tokens}, or "
     "with timestamp (ms), input_length, output_length", false},
    {"requests", 'n', NULL, LOAD, COUNT, AT(run.requests), 1, 1e12, "N", NULL,
     "stop after so many measured requests", false},
    {"duration", 'd', NULL, LOAD | WATCH, DURATION, AT(run.duration_ns), 0.1, 10 * YEAR, "TIME", NULL,
     "stop sending after so long (30s, 5m, 24h); without --requests and --duration the dashboard runs until q, a run "
     "without a terminal 60 s (demo: 20 s), but a ramp to its top, and a trace to its end", false},
    {"until-ci", 0, NULL, LOAD, PERCENT, AT(load.until_ci), 0.001, 0.5, "SHARE", NULL,
     "stop when the output rate is known that well: when its 95 % interval is within 3% of it, after 10 s at the least, after "
     "--duration at the most; the rule of a matrix that has no other (3%, 60s)", false},
    {"order", 0, NULL, LOAD, WORD, AT(load.order), 0, 0, "random|listed", "random",
     "in which order a matrix is gone through; at random a server that slows down does not look like one that minds the load", false},
    {"warmup", 0, NULL, LOAD, COUNT, AT(load.warmup), 0, 1e9, "N", NULL,
     "send N requests first that are not measured, in a matrix before each cell (default: 0; in a matrix and in tune one for each "
     "stream, in a matrix of rates those of two seconds)", false},
    {"drain", 0, NULL, LOAD, DURATION, AT(run.drain_ns), 0, 10 * YEAR, "TIME", "30s",
     "at the end wait so long for answers in flight, then cancel them", false},
    {"prompt", 0, NULL, LOAD, TEXT, AT(run.prompt), 0, 0, "unique|shared|agent|agent-small|FILE.jsonl", "unique",
     "unique: no prefix cache helps; shared: all requests send the same; agent: those of an agent, the same 6k tokens of "
     "instructions and 23 tools of 6k tokens before --context of its own (agent-small: 2k and 3 tools); FILE: lines of "
     "{\"prompt\":…}, {\"messages\":[…]} (with \"tools\") or ShareGPT's {\"conversations\":[…]}", false},
    {"prefix-tokens", 0, NULL, LOAD, TOKENS, AT(run.prefix_tokens), 0, TOKENS_MAX, "TOKENS", "0",
     "unique prompts begin with a text of this length (part of --context) that others have too: what a prefix cache can find", false},
    {"prefix-count", 0, NULL, LOAD, COUNT, AT(run.prefix_count), 1, 1e9, "N", "1", "… with one of so many texts, in turn", false},
    {"turns", 0, NULL, LOAD, COUNT, AT(run.turns), 1, 1000, "N", "1",
     "conversations of so many turns in each stream, every one carrying what was said before; of a FILE: as many as the user has "
     "there", false},
    {"think", 0, NULL, LOAD, DURATION, AT(run.think_ns), 0, YEAR, "TIME", "0s", "pause between an answer and the next turn", false},
    {"turn-context", 0, NULL, LOAD, TOKENS, AT(run.turn_context), 1, TOKENS_MAX, "TOKENS", "64",
     "length of what the user says in each turn after the first", false},
    {"extra-body", 0, NULL, LOADS, EXTRA, AT(run.extra_body), 0, 0, "JSON", NULL,
     "further fields for each request: '{\"top_k\": 20}'", false},
    {"reset-prefix-cache", 0, NULL, LOADS, FLAG, AT(run.reset_prefix_cache), 0, 0, NULL, NULL,
     "empty the server's prefix cache before the load (vLLM with VLLM_SERVER_DEV_MODE=1, SGLang)", false},
    {"natural-length", 0, NULL, LOOKS, FLAG, AT(run.natural_length), 0, 0, NULL, NULL,
     "let the model end by itself: --max-tokens is only a limit", false},
    {"endpoint", 0, NULL, LOOKS, WORD, AT(run.endpoint), 0, 0, "chat|completions", "chat", "which API to load", false},
    {"model", 'm', NULL, ASKS, TEXT, AT(run.model), 0, 0, "NAME", NULL, "default: the first that the server lists", false},
    {"api-key-env", 0, NULL, LOOKS, TEXT, AT(run.api_key_env), 0, 0, "VARIABLE", NULL,
     "environment variable that holds the API key", false},
    {"api-key-file", 0, NULL, LOOKS, TEXT, AT(run.api_key_file), 0, 0, "FILE", NULL,
     "file whose first line is the API key", false},
    {"header", 'H', NULL, LOOKS, HEADER, AT(run.headers_n), 0, 0, "'NAME: VALUE'", NULL,
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
    {"out", 'o', NULL, ONE | COMMAND_BENCH | WATCH, TEXT, AT(run.out), 0, 0, "FILE", NULL,
     "run file to write (default: a new one in $XDG_STATE_HOME/tokgauge/runs)", false},
    {"rows", 0, NULL, LOAD, WORD, AT(run.rows), 0, 0, "auto|all|errors|none", "auto",
     "of which requests the run file has a line; auto: of all, up to 1,000,000; without them reports are made from its "
     "histograms (off by 0.8 % at the most)", false},
    {"save-chunks", 0, NULL, LOADS, FLAG, AT(run.save_chunks), 0, 0, NULL, NULL,
     "keep every gap between chunks in the run file: some 10 bytes a chunk", false},
    {"save-text", 0, NULL, LOADS, FLAG, AT(run.save_text), 0, 0, NULL, NULL, "keep every answer's text in the run file", false},
    {"slo", 0, NULL, LOAD, SLO, AT(run.slo), 0, 0, "NAME=LIMIT,…", NULL,
     "objectives that each request has to meet: ttft=500ms,tpot=50ms,e2e=20s, times with their unit, decode_rate=30 in tok/s; the rate "
     "of those that meet all is the goodput", false},
    {"find-capacity", 0, NULL, LOAD, FLAG, AT(run.find_capacity), 0, 0, NULL, NULL,
     "search for the largest number of streams (with --rate: of requests a second, which the server has to keep up "
     "with too) at which 95 % of the requests meet --slo, from "
     "--max-num-seqs (--rate) on by doubling and halving; output length 32 unless --max-tokens says otherwise", false},
    {"budget", 0, NULL, LOAD, DURATION, AT(run.budget_ns), 1, YEAR, "TIME", "180s", "of --find-capacity: end after so long, unsure where that was not enough", false},
    {"fail-if", 0, NULL, ONE, THRESHOLD, AT(fail_if_n), 0, 0, "'NAME OP VALUE'", NULL,
     "exit with status 3 when this is so at the end: 'ttft_p95 > 500ms', 'output_tok_s < 30', 'errors > 0'; a bare number is in "
     "the metric's unit (times: ms); may be given several times", false},
    {"plain", 0, NULL, LOOKS, FLAG, AT(plain), 0, 0, NULL, NULL,
     "no dashboard: a progress line a second, a summary at the end", false},
    {"json", 0, NULL, LOOKS, FLAG, AT(json), 0, 0, NULL, NULL, "no dashboard: one JSON summary on stdout", false},
    {"glyphs", 0, NULL, SHOWS, WORD, AT(glyphs), 0, 0, "auto|braille|block|ascii", "auto", "what plots are drawn with",
     false},
    {"color", 0, NULL, SHOWS, WORD, AT(color), 0, 0, "auto|never", "auto", "NO_COLOR is honoured too", false},
    {"no-mouse", 0, NULL, SHOWS, FLAG, AT(no_mouse), 0, 0, NULL, NULL,
     "leave the mouse to the terminal, to select text without holding shift", false},
    {"theme", 0, NULL, SHOWS, TEXT, AT(theme), 0, 0, "NAME|FILE", "tokgauge-dark",
     "colours of the dashboard and of pictures; a FILE has a / or ends in .theme", false},
    {"list-themes", 0, NULL, SHOWS, FLAG, AT(list_themes), 0, 0, NULL, NULL,
     "print the themes that can be found, with the ground they are for and where they are, and end", false},
    {"check-theme", 0, NULL, SHOWS, TEXT, AT(check_theme), 0, 0, "FILE", NULL,
     "print what is wrong with a theme's file and which contrasts are too low, and end: with exit status 1 where anything is",
     false},
    {"view", 0, NULL, SHOWS, WORD, AT(view), 0, 0, "auto|overview|latency|streams|memory|server|matrix|log", "auto",
     "the view to begin with, and that of pictures", false},
    {"svg", 0, NULL, ONE, TEXT, AT(svg), 0, 0, "FILE", NULL, "write a picture of the dashboard at the end of the load",
     false},
    {"svg", 0, NULL, REPLAY, TEXT, AT(svg), 0, 0, "FILE", NULL, "write a picture of the moment --at, or of the end, and end", false},
    {"txt", 0, NULL, REPLAY, TEXT, AT(txt), 0, 0, "FILE", NULL, "the same as text", false},
    {"follow", 0, NULL, REPLAY, FLAG, AT(follow), 0, 0, NULL, NULL,
     "the run still goes on: show it as it comes, until its end; space and keys of time leave the newest moment, End goes back to it", false},
    {"at", 0, NULL, REPLAY, DURATION, AT(at_ns), 0, 100 * YEAR, "TIME", NULL, "begin there (90s, 1h)", false},
    {"speed", 0, NULL, REPLAY, NUMBER, AT(speed), 0.125, 64, "TIMES", "1", "how fast it plays", false},
    {"svg-size", 0, NULL, ONE | REPLAY, SIZE, AT(svg_width), 60, 300, "COLUMNSxROWS", "120x40", "its size in characters", false},
    {"stamps", 0, NULL, LOAD, FLAG, AT(run.stamps), 0, 0, NULL, NULL,
     "compare arrival times with the stamps of the simulator", true},

    {"launch", 0, NULL, TUNE, TEXT, AT(tune.launch), 0, 0, "COMMAND", NULL,
     "how to start the server, by /bin/sh; {name} stands for a value of --set, {port} for a free port", false},
    {"set", 0, NULL, TUNE, SETTING, AT(tune.plan), 0, 0, "NAME=VALUE,…", NULL,
     "values to go through; 8k is put in as 8192; given several times, all are combined", false},
    {"start-timeout", 0, NULL, TUNE, DURATION, AT(tune.start_ns), 1, YEAR, "TIME", "600s", "a server that does not answer until then has failed", false},
    {"stop-timeout", 0, NULL, TUNE, DURATION, AT(tune.stop_ns), 0.1, YEAR, "TIME", "30s", "one that has not ended until then is killed", false},
    {"out", 'o', NULL, TUNE, TEXT, AT(tune.folder), 0, 0, "FOLDER", NULL,
     "for the run file and the server's output of each setting (default: a new one in $XDG_STATE_HOME/tokgauge/runs)", false},
    {"probe", 0, NULL, WATCH, DURATION, AT(run.probe_ns), 0.1, YEAR, "TIME", NULL,
     "send one short stream each so long, to see how fast the server is under other people's load", false},
    {"context", 0, NULL, WATCH, TOKENS, AT(run.context), 1, TOKENS_MAX, "TOKENS", "64", "prompt length of a probe", false},
    {"max-tokens", 0, NULL, WATCH, TOKENS, AT(run.max_tokens), 1, TOKENS_MAX, "TOKENS", "32", "output length of a probe", false},
    {"once", 0, NULL, WATCH, FLAG, AT(once), 0, 0, NULL, NULL, "one look, then the end: as text, or as JSON with --json", false},
    {"gpu", 0, NULL, LOOKS, TEXT, AT(run.machine.gpu), 0, 0, "PCI|N", NULL,
     "the GPU to watch, by PCI address or number (default: the server's, or the one with the most memory)", false},
    {"sample-interval", 0, NULL, LOADS, DURATION, AT(run.machine.sample_ns), 0.02, 3600, "TIME", "100ms",
     "time between two looks at this machine's memory", false},
    {"sample-interval", 0, NULL, WATCH, DURATION, AT(run.machine.sample_ns), 0.02, 3600, "TIME", "250ms",
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
    {"sim-max-model-len", 0, NULL, SIM, PORT, AT(sim.max_model_len), 64, TOKENS_MAX, "TOKENS", "16384", "context + output limit",
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
    {"sim-kv-tokens", 0, NULL, SIM, COUNT, AT(sim.kv_tokens), 64, 1 << 28, "TOKENS", NULL, "KV cache capacity", false},
    {"sim-kv-gib-per-1k", 0, NULL, SIM, NUMBER, AT(sim.kv_gib_per_1k), 0, 1000, "GIB", "0",
     "GTT that grows with KV use; 0: all taken at start", false},
    {"sim-tokens-per-event", 0, NULL, SIM, NUMBER, AT(sim.tokens_per_event), 1, 1000, "N", "1", "tokens in one event", false},
    {"sim-no-usage", 0, NULL, SIM, FLAG, AT(sim.no_usage), 0, 0, NULL, NULL, "never tell token counts", false},
    {"sim-close-after", 0, NULL, SIM, FLAG, AT(sim.close_after), 0, 0, NULL, NULL,
     "close after every stream though keep-alive was announced, as llama.cpp does", false},
    {"sim-fault", 0, NULL, SIM, FAULT, AT(sim.fault), 0, 1, "KIND=SHARE,…", NULL,
     "let a share of the requests fail; the kinds are those of FAULTS in the manual and of --list-faults, and all for each of them; may be "
     "repeated", false},
    {"sim-fault-after", 0, NULL, SIM, COUNT, AT(sim.fault_after), 0, 1e12, "N", "0",
     "the first N requests have no fault (a load that finds no healthy server does not begin)", false},
    {"list-faults", 0, NULL, COMMAND_SIM, FLAG, AT(list_faults), 0, 0, NULL, NULL,
     "print the kinds of --fault: a line each with its name, the outcome that a request then has, and what the server does", false},
    {"sim-api-key", 0, NULL, COMMAND_SIM, TEXT, AT(sim.api_key), 0, 0, "KEY", NULL, "ask for this key", true},
    {"sim-log", 0, NULL, SIM, TEXT, AT(sim.log), 0, 0, "FILE", NULL, "write one JSON line a request: what really happened",
     false},


    {"format", 0, NULL, COMMAND_REPORT, WORD, AT(format), 0, 0, "md|html|csv|json|vllm", "md",
     "Markdown; a page for a browser; a line a request; figures; or what 'vllm bench serve --save-result' writes", false},
    {"out", 'o', NULL, COMMAND_REPORT, TEXT, AT(report_out), 0, 0, "FILE", NULL, "write there (default: standard output)",
     false},
    {"note", 0, NULL, COMMAND_REPORT | COMMAND_BENCH, NOTE, AT(notes_n), 0, 0, "KEY=VALUE", NULL,
     "a fact that no API tells (quantisation, launch command); may be given several times", false},
    {"detailed", 0, NULL, COMMAND_REPORT, FLAG, AT(detailed), 0, 0, NULL, NULL,
     "with vllm: the lists with one entry a request too; gaps and texts only of a run with --save-chunks and --save-text", false},

    {"min-effect", 0, NULL, COMMAND_COMPARE, NUMBER, AT(min_effect), 0, 1, "SHARE", "0.02",
     "smaller differences do not count", false},
    {"baseline", 0, NULL, COMMAND_COMPARE, TEXT, AT(baseline), 0, 0, "NAME", NULL,
     "compare with the run that was kept under this name", false},
    {"save-baseline", 0, NULL, COMMAND_COMPARE, TEXT, AT(save_baseline), 0, 0, "NAME", NULL,
     "keep a copy of one run file under this name, in place of one that has it, and compare nothing", false},
    {"fail-if", 0, NULL, COMMAND_COMPARE, GATE, AT(gates_n), 0, 0, "'NAME worse'", NULL,
     "exit with status 3 when this is so of one of the other runs: 'ttft_p95 worse', 'any worse', 'ttft_p95 > +10%', "
     "'output_tok_s < -5%'; a difference that may be noise (unsure) or does not count (same) never fails, runs that "
     "are not comparable always do; may be given several times", false},
    {"format", 0, NULL, COMMAND_COMPARE, WORD, AT(format), 0, 0, "text|md|json", "text",
     "tables for a terminal; Markdown, to paste in an issue; JSON", false},
    {"json", 0, NULL, COMMAND_COMPARE, FLAG, AT(json), 0, 0, NULL, NULL, "the same as --format json", false},

    {"config", 0, NULL, ALL, TEXT, AT(config), 0, 0, "FILE", NULL,
     "settings to read first (default: $XDG_CONFIG_HOME/tokgauge/config, where there is one)", false},
    {"print-config", 0, NULL, ALL, FLAG, AT(print_config), 0, 0, NULL, NULL,
     "print such a file with all settings that hold for this command, and end", false},
    {"completions", 0, NULL, ALL, WORD, AT(completions), 0, 0, "none|bash|zsh|fish", NULL,
     "print the script that lets this shell complete command lines, and end", false},
    {"help", 'h', NULL, ALL, FLAG, AT(help), 0, 0, NULL, NULL, "this list", false},
    {"version", 'V', NULL, ALL, FLAG, AT(version), 0, 0, NULL, NULL, "print the version", false},
};
const size_t option_rows_n = ARRAY_LEN(option_rows);
_Static_assert(ARRAY_LEN(option_rows) <= OPTIONS_MAX, "options.h has room for the origin of each");

const struct option_command option_commands[] = {
    {"run", COMMAND_RUN, "[URL]", "load a server and measure it; without a URL the usual local ports are tried"},
    {"demo", COMMAND_DEMO, "", "the same against a simulated server: needs no server and no GPU"},
    {"sim", COMMAND_SIM, "", "the simulated server alone"},
    {"bench", COMMAND_BENCH, "[URL]", "the standard suite: interactive speed, memory, stability, concurrency; writes a report"},
    {"watch", COMMAND_WATCH, "[URL]", "no load: memory, GPU and the server's own counters"},
    {"tune", COMMAND_TUNE, "[URL]", "start the server with each setting of a grid, load it, stop it, and rank the settings"},
    {"replay", COMMAND_REPLAY, "RUNFILE", "a run file on the dashboard, or a picture of one of its moments"},
    {"report", COMMAND_REPORT, "RUNFILE", "a run file as a document, or as data for another program"},
    {"compare", COMMAND_COMPARE, "RUNFILE RUNFILE…", "are the other runs better than the first, or is it noise?"},
};
const size_t option_commands_n = ARRAY_LEN(option_commands);
