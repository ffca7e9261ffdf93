/* The option table: parsing, refusals, and that the documents agree with it. */
#include "check.h"

#include "main_tune.h"
#include "options.h"

static bool parse(struct options *o, struct err *e, const char *line)
{
    static char copy[1024];
    static char *argv[64];
    int argc = 0;
    snprintf(copy, sizeof copy, "%s", line);
    e->msg[0] = '\0';
    for (char *w = strtok(copy, " "); w != NULL; w = strtok(NULL, " "))
        argv[argc++] = w;
    argv[argc] = NULL;
    bool ok = options_parse(o, argc, argv, e);
    options_release(o);
    return ok;
}

static void test_good(void **state)
{
    (void)state;
    struct options o;
    struct err e;
    assert_true(parse(&o, &e, "tokgauge"));
    assert_int_equal(o.command, COMMAND_RUN);
    assert_null(o.run.url);
    assert_int_equal(o.run.max_num_seqs, 4);
    assert_true(parse(&o, &e, "tokgauge run http://h:1 -c 8 --context=4k --max-tokens 32 -n 10 -d 1m --warmup 2 --json"));
    assert_string_equal(o.run.url, "http://h:1");
    assert_int_equal(o.run.max_num_seqs, 8);
    assert_int_equal(o.run.context, 4096);
    assert_int_equal(o.run.requests, 10);
    assert_int_equal(o.run.duration_ns, 60000000000);
    assert_true(o.json);
    assert_true(parse(&o, &e, "tokgauge 127.0.0.1:8000 --concurrency 3 --endpoint completions -H a:b --header c:d"));
    assert_int_equal(o.run.max_num_seqs, 3);
    assert_int_equal(o.run.endpoint, ENDPOINT_COMPLETIONS);
    assert_int_equal(o.run.headers_n, 2);
    assert_true(parse(&o, &e, "tokgauge sim --port 9000 --max-num-seqs 7 --sim-fault all=0.01,reset=0.25 --no-prefix-cache"));
    assert_int_equal(o.sim.port, 9000);
    assert_int_equal(o.sim.max_num_seqs, 7);
    assert_near(o.sim.fault[SIM_FAULT_RESET], 0.25, 0);
    assert_near(o.sim.fault[SIM_FAULT_COUNT - 1], 0.01, 0);
    assert_false(o.sim.prefix_cache);
    assert_true(parse(&o, &e, "tokgauge run --prompt agent_prompts.jsonl --endpoint completions")); /* a file */
    assert_true(parse(&o, &e, "tokgauge demo --max-num-seqs 9 --sim-max-num-seqs 2"));
    assert_int_equal(o.run.max_num_seqs, 9);
    assert_int_equal(o.sim.max_num_seqs, 2);
}

static void test_bad(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"tokgauge run --max-num-seqs 0", "--max-num-seqs '0' is out of range: it takes 1 to 100000"},
        {"tokgauge run --max-num-seqs -3", "--max-num-seqs '-3' is out of range"},
        {"tokgauge run --max-num-seqs 4x", "--max-num-seqs '4x' is not a whole number"},
        {"tokgauge run --context 1.0001k", "--context '1.0001k' is not a whole number of tokens"},
        {"tokgauge run --duration 5parsecs", "--duration '5parsecs' is not a time"},
        {"tokgauge run --duration 0", "--duration '0' is out of range"},
        {"tokgauge run --duration", "--duration needs TIME"},
        {"tokgauge run --endpoint telepathy", "--endpoint 'telepathy' is not one of chat|completions"},
        {"tokgauge run --nonsense", "there is no option '--nonsense'"},
        {"tokgauge run -Z", "there is no option '-Z'"},
        {"tokgauge run --sim-cold 5", "--sim-cold does not belong to 'run'"},
        {"tokgauge run --json=yes", "--json takes no value"},
        {"tokgauge run --plain --json", "exclude each other"},
        {"tokgauge run http://a http://b", "one URL too many"},
        {"tokgauge frobnicate", "neither a command"},
        {"tokgauge demo http://a", "'demo' takes no URL"},
        {"tokgauge run --header nocolon", "--header is not 'NAME: VALUE'"},
        {"tokgauge sim --fault meteor=1", "is not KIND=SHARE"},
        {"tokgauge sim --fault reset=2", "the share is a number from 0 to 1"},
        {"tokgauge sim --fault 429=0.1,", "'' is not KIND=SHARE"},
        {"tokgauge sim --fault 429=0.1,reset=x", "'reset=x': the share"},
        {"tokgauge sim --fault all=0.03", "add up to 1.26, more than 1"},
        {"tokgauge demo --sim-fault reset=0.6,500=0.6", "add up to 1.2, more than 1"},
        {"tokgauge sim --kv-tokens 100", "a KV cache of 100 tokens cannot hold one request of 16384"},
        {"tokgauge sim --max-model-len 99999999", "--sim-max-model-len '99999999' is out of range"},
        {"tokgauge run --prompt agent-small --endpoint completions", "needs messages"},
        {"tokgauge tune http://a --launch serve{port}", "a URL does not go with it"},
        {"tokgauge watch --context 64", "--context goes with --probe"},
        {"tokgauge watch --max-tokens 8", "--max-tokens goes with --probe"},
        {"tokgauge bench --agent-model m", "--agent-model goes with --agent-url"},
        {"tokgauge bench --agent-runs 2", "--agent-runs goes with --agent-url"},
        {"tokgauge bench --agent-token-env V", "--agent-token-env goes with --agent-url"},
        {"tokgauge bench --agent-token-file F", "--agent-token-file goes with --agent-url"},
        {"tokgauge report a.ndjson --detailed", "--detailed goes with --format vllm"},
        {"tokgauge run --svg-size 80x24", "--svg-size goes with --svg"},
        {"tokgauge replay a.ndjson --svg-size 80x24", "--svg-size goes with --svg or --txt"},
        {"tokgauge run --ca-file a.pem --insecure", "--ca-file goes with certificates"},
        {"tokgauge demo --svg-size 10x10", "out of range"},
        {"tokgauge run --api-key-env A --api-key-file B", "exclude each other"},
        {"tokgauge run --workers 65", "out of range"},
        {"tokgauge run --seed 1e5", "not a whole number"},
        {"tokgauge run --max-tokens 99999999999999999999", "not a whole number"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct options o;
        struct err e;
        if (parse(&o, &e, cases[i].line))
            fail_msg("accepted: %s", cases[i].line);
        if (strstr(e.msg, cases[i].says) == NULL)
            fail_msg("%s\n says: %s\n wanted: %s", cases[i].line, e.msg, cases[i].says);
        assert_null(strchr(e.msg, '\n'));
    }
}

static void test_warmup(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int64_t warmup;
    } cases[] = {
        {"tokgauge run -c 8", 0},
        {"tokgauge run --warmup 3", 3},
        {"tokgauge tune --launch x -c 8", 8},
        {"tokgauge tune --launch x -c 8 --warmup 0", 0},
        {"tokgauge tune --launch x --trace a.jsonl", 0}, /* nothing of it is warm-up */
        {"tokgauge tune --launch x --rate 2", 0},
        {"tokgauge tune --launch x --slo ttft=1s --find-capacity", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct options o;
        struct err e;
        assert_true(parse(&o, &e, cases[i].line));
        assert_int_equal(o.run.warmup, cases[i].warmup);
    }
}

/* When a run ends that nobody watches, in seconds; 0: by itself. */
static void test_preset(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int64_t s;
    } cases[] = {
        {"tokgauge run", 60},
        {"tokgauge demo", 20},
        {"tokgauge run --rate 2", 60},
        {"tokgauge run --ramp 1:20:5m", 300},
        {"tokgauge run --ramp 1:20:5s", 60},
        {"tokgauge run --trace a.jsonl", 0},
        {"tokgauge run -n 5", 0},
        {"tokgauge run -c 1,2", 0},
        {"tokgauge run --slo ttft=1s --find-capacity", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct options o;
        struct err e;
        assert_true(parse(&o, &e, cases[i].line));
        assert_int_equal(load_preset_ns(&o), cases[i].s * 1000000000);
    }
    struct run_config ramp = {.arrival = {.rate = 1, .rate_end = 20, .ramp_ns = INT64_C(300000000000)}}, plain = {.max_num_seqs = 4};
    tune_settle(&ramp);
    tune_settle(&plain);
    assert_true(ramp.duration_ns == ramp.arrival.ramp_ns && ramp.until_ci == 0);
    assert_true(plain.duration_ns == INT64_C(60000000000) && plain.until_ci == 0.03);
}

static void test_command_line(void **state)
{
    (void)state;
    char out[256], a0[] = "./tokgauge", a1[] = "run", a2[] = "-H", a3[] = "Authorization: Bearer canary", a4[] = "--label",
              a5[] = "it's new", a6[] = "--header=X-Key: canary";
    char *argv[] = {a0, a1, a2, a3, a4, a5, a6, NULL};
    options_command_line(7, argv, out, sizeof out);
    assert_string_equal(out, "tokgauge run -H 'Authorization: ***' --label 'it'\\''s new' '--header=X-Key: ***'");
    char small[20];
    options_command_line(7, argv, small, sizeof small);
    assert_true(strlen(small) < sizeof small);
}

/* Every option that is not hidden is in --help of some command; each is found under its name. */
static void test_help_agrees(void **state)
{
    (void)state;
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    options_help(f, 0);
    for (unsigned command = 1; command < COMMAND_ALL; command <<= 1)
        options_help(f, command);
    options_man(f);
    fclose(f);
    for (size_t i = 0; options_name(i) != NULL; i++) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "--%s ", options_name(i));
        const char *name = options_name(i), *root = strstr(name, "-root"); /* where tests keep their /proc */
        bool hidden = strcmp(name, "stamps") == 0 || strcmp(name, "sim-api-key") == 0 || root != NULL;
        const char *plain = str_starts(options_name(i), "sim-") ? options_name(i) + 4 : options_name(i);
        char in_sim[64];
        snprintf(in_sim, sizeof in_sim, "--%s ", plain);
        if ((strstr(text, wanted) == NULL && strstr(text, in_sim) == NULL) != hidden)
            fail_msg("--%s in the help: %s", options_name(i), hidden ? "shown though hidden" : "missing");
    }
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
        if (line[0] == ' ' && strlen(line) > 110)
            fail_msg("too long: %s", line);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_warmup),
        cmocka_unit_test(test_preset),
        cmocka_unit_test(test_command_line),
        cmocka_unit_test(test_help_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
