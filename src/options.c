#include "options.h"
#include "options_table.h"
#include "fmt.h"
#include "report/compare.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(ARRAY_LEN(((struct options *)NULL)->files) == COMPARE_RUNS, "options.h has room for all that are compared");

const char *options_name(size_t i)
{
    return i < option_rows_n ? option_rows[i].name : NULL;
}

static void set_defaults(struct options *o, enum command_name command)
{
    *o = (struct options){.command = command, .svg_width = 120, .svg_height = 40, .at_ns = -1, .min_effect = 0.02, .speed = 1};
    o->run = (struct run_config){.max_num_seqs = 4, .context = 1024, .max_tokens = 128, .drain_ns = 30 * INT64_C(1000000000),
                                 .turns = 1, .turn_context = 64, .prefix_count = 1, .budget_ns = 180 * INT64_C(1000000000), .timeout_ns = 600 * INT64_C(1000000000), .stall_ns = 60 * INT64_C(1000000000),
                                 .machine = {.sample_ns = 100 * INT64_C(1000000), .guard = GUARD_DEFAULT, .proc_root = "/proc",
                                             .sysfs_root = "/sys", .dev_root = "/dev"},
                                 .seed = -1, .prompt = "unique", .agent = {.model = "openclaw", .runs = 5}};
    o->load.warmup = WARMUP_PRESET;
    o->tune = (struct tune_config){.start_ns = 600 * INT64_C(1000000000), .stop_ns = 30 * INT64_C(1000000000)};
    sim_config_default(&o->sim);
    if (command == COMMAND_WATCH) {
        o->run.watch = true;
        o->run.context = 64;
        o->run.max_tokens = 32;
        o->run.machine.sample_ns = 250 * INT64_C(1000000); /* as often as there is a frame of it */
    }
}

/* The child of demo does not get it. */
static void drop_sim_args(struct options *o, const struct option *op)
{
    size_t kept = 0, n = strlen(op->name);
    for (size_t i = 0; i < o->sim_args_n; i++) {
        const char *name = o->sim_args[i] + 2; /* behind the dashes */
        if (strncmp(name, op->name, n) == 0 && (name[n] == '=' || name[n] == '\0'))
            free(o->sim_args[i]);
        else
            o->sim_args[kept++] = o->sim_args[i];
    }
    o->sim_args_n = kept;
}

/* What its value takes from its offset on. */
static size_t field_size(enum kind kind)
{
    switch (kind) {
    case FLAG:
    case FLAG_OFF: return sizeof(bool);
    case COUNT:
    case TOKENS:
    case GUARD:
    case DURATION: return sizeof(int64_t);
    case NUMBER:
    case PERCENT: return sizeof(double);
    case PORT:
    case WORD: return sizeof(int);
    case TEXT: return sizeof(const char *);
    case EXTRA: return sizeof(const char *) + sizeof(unsigned); /* and what it drops */
    case HEADER:
    case NOTE:
    case THRESHOLD:
    case GATE: return sizeof(size_t);
    case FAULT: return sizeof ((struct sim_config *)NULL)->fault;
    case SIZE: return 2 * sizeof(int64_t);
    case COUNTS:
    case TOKENS_LIST: return sizeof(struct int_list);
    case PARTS: return sizeof(unsigned);
    case LENGTHS: return sizeof(struct length_list);
    case RATES: return sizeof(struct rate_list);
    case ARRIVAL:
    case RAMP: return sizeof(struct arrival_config);
    case SLO: return sizeof(struct slo);
    case SETTING: return sizeof(struct tune_plan);
    }
    return 0;
}

bool option_is_default(const struct options *o, const struct option *op)
{
    struct options fresh;
    set_defaults(&fresh, o->command);
    return o->origin[op - option_rows] == ORIGIN_DEFAULT ||
           memcmp((const char *)o + op->offset, (const char *)&fresh + op->offset, field_size(op->kind)) == 0;
}

void option_reset(struct options *o, const struct option *op)
{
    struct options fresh;
    set_defaults(&fresh, o->command);
    memcpy((char *)o + op->offset, (const char *)&fresh + op->offset, field_size(op->kind));
    o->origin[op - option_rows] = ORIGIN_DEFAULT;
    drop_sim_args(o, op);
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

const struct option *option_find(const char *name, size_t n, unsigned commands)
{
    for (size_t i = 0; i < option_rows_n; i++)
        if ((option_rows[i].commands & commands) && named(&option_rows[i], name, n, commands))
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
        bool whole = op->kind == TOKENS_LIST ? parse_tokens(one, &v) : parse_count(one, &v);
        if (!whole && one[0] == '-')
            return out_of_range(op, value, "", e);
        if (!whole)
            return err_set(e, "--%s '%s' is not a whole number, nor a list of them (1,2,4)", op->name, value);
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
        return err_set(e, "--header is not 'NAME: VALUE'"); /* what it is may be a key */
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

static bool set_setting(const struct option *op, struct tune_plan *plan, const char *value, struct err *e)
{
    struct err why;
    return tune_add(plan, value, &why) || err_set(e, "--%s: %s", op->name, why.msg);
}

/* One KIND=SHARE of the list; "all" is every kind. */
static bool set_one_fault(struct options *o, const char *item, size_t n, struct err *e)
{
    const char *eq = memchr(item, '=', n);
    char number[32] = "";
    double share;
    size_t name_n = eq != NULL ? (size_t)(eq - item) : 0, number_n = eq != NULL ? n - name_n - 1 : 0;
    bool all = name_n == 3 && memcmp(item, "all", 3) == 0, known = all;
    if (eq != NULL && number_n < sizeof number)
        memcpy(number, eq + 1, number_n);
    bool sane = parse_double(number, &share) && share >= 0 && share <= 1;
    for (int f = SIM_FAULT_NONE + 1; f < SIM_FAULT_COUNT; f++) {
        const char *name = sim_fault_row((enum sim_fault)f)->name;
        bool this = strlen(name) == name_n && memcmp(name, item, name_n) == 0;
        known |= this;
        if (sane && (this || all))
            o->sim.fault[f] = share;
    }
    if (!known)
        return err_set(e, "--sim-fault '%.*s' is not KIND=SHARE with a kind that 'tokgauge sim --list-faults' names, or all", (int)n, item);
    return sane || err_set(e, "--sim-fault '%.*s': the share is a number from 0 to 1", (int)n, item);
}

static bool set_fault(struct options *o, const char *value, struct err *e)
{
    for (const char *item = value;; item++) {
        size_t n = strcspn(item, ",");
        if (!set_one_fault(o, item, n, e))
            return false;
        item += n;
        if (*item == '\0')
            return true;
    }
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
    case LENGTHS: return load_set_lengths(op, field, value, e);
    case RATES: return load_set_rates(op, field, value, e);
    case ARRIVAL: return load_set_arrival(op, field, value, e);
    case RAMP: return load_set_ramp(op, field, value, e);
    case SETTING: return set_setting(op, field, value, e);
    case EXTRA: return load_set_extra(op, o, value, e);
    case SLO: return load_set_slo(op, field, value, e);
    case PERCENT: return load_set_percent(op, field, value, e);
    case TEXT:
        if (value[0] == '\0')
            return err_set(e, "--%s needs %s, not an empty text", op->name, op->arg);
        *(const char **)field = value;
        return true;
    }
    return false;
}

bool option_is_flag(const struct option *op)
{
    return op->kind == FLAG || op->kind == FLAG_OFF;
}

static bool keep_sim_arg(struct options *o, const struct option *op, const char *value, struct err *e)
{
    if (!str_starts(op->name, "sim-"))
        return true;
    if (o->sim_args_n == ARRAY_LEN(o->sim_args))
        return err_set(e, "too many --sim- options");
    o->sim_args[o->sim_args_n++] = option_is_flag(op) ? xasprintf("--%s", op->name) : xasprintf("--%s=%s", op->name, value);
    return true;
}

bool option_set(struct options *o, const struct option *op, const char *value, enum option_origin origin, struct err *e)
{
    const struct options before = *o; /* a list that is half right must not take the place of one that was whole */
    if (!set(o, op, value, e) || !keep_sim_arg(o, op, value, e)) {
        *o = before;
        return false;
    }
    o->origin[op - option_rows] = (unsigned char)origin;
    return true;
}

static bool unknown(const char *arg, size_t n, const struct options *o, struct err *e)
{
    const char *command = "";
    for (size_t i = 0; i < option_commands_n; i++)
        if (option_commands[i].command == o->command)
            command = option_commands[i].name;
    if (option_find(arg, n, COMMAND_ALL) != NULL)
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
        op = option_find(arg + 2, n, o->command);
        if (op == NULL)
            return unknown(arg + 2, n, o, e);
        if (arg[2 + n] == '=')
            value = arg + 3 + n;
    } else {
        op = find_letter(arg[1], o->command);
        if (op == NULL)
            return err_set(e, "there is no option '-%c' (see: tokgauge --help)", arg[1]);
        if (arg[2] != '\0' && option_is_flag(op))
            return err_set(e, "'%s': give each one-letter option by itself", arg);
        value = arg[2] != '\0' ? arg + 2 : NULL;
    }
    if (option_is_flag(op) && value != NULL)
        return err_set(e, "--%s takes no value", op->name);
    if (!option_is_flag(op) && value == NULL) {
        if (*i + 1 >= argc)
            return err_set(e, "--%s needs %s", op->name, op->arg);
        value = argv[++*i];
    }
    return option_set(o, op, value, ORIGIN_COMMAND_LINE, e);
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
    if (o->command == COMMAND_REPORT || o->command == COMMAND_COMPARE || o->command == COMMAND_REPLAY) {
        if (o->files_n == (o->command == COMMAND_COMPARE ? ARRAY_LEN(o->files) : 1))
            return err_set(e, "'%s' is one file too many: %s", word,
                           o->command == COMMAND_REPORT   ? "'report' takes one run file"
                           : o->command == COMMAND_REPLAY ? "'replay' takes one run file"
                                                          : "'compare' takes 16 run files at the most");
        o->files[o->files_n++] = word;
        return true;
    }
    char shown[160];
    url_hide_login(word, shown, sizeof shown);
    if (o->command != COMMAND_RUN && o->command != COMMAND_BENCH && o->command != COMMAND_WATCH && o->command != COMMAND_TUNE)
        return err_set(e, "'%s' is one word too many: '%s' takes no URL", shown,
                       o->command == COMMAND_DEMO ? "demo" : "sim");
    if (o->run.url != NULL) {
        char first[160];
        url_hide_login(o->run.url, first, sizeof first);
        return err_set(e, "'%s' is one URL too many: '%s' was given before", shown, first);
    }
    if (!looks_like_url(word))
        return err_set(e, "'%s' is neither a command (run, demo, sim, bench, watch, tune, replay, report, compare) nor a URL (see: tokgauge --help)", word);
    o->run.url = word;
    return true;
}

/* config: NULL where there is no file. */
static bool take_words(struct options *o, int argc, char **argv, const struct options_config *config, struct err *e)
{
    o->command = COMMAND_RUN;
    int i = argc > 1 && take_command(o, argv[1]) ? 2 : 1;
    bool words_only = false;
    set_defaults(o, o->command);
    if (config != NULL && !options_read_config(o, config, e))
        return false;
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
    return true;
}

bool options_words(struct options *o, int argc, char **argv, struct err *e)
{
    return take_words(o, argc, argv, NULL, e);
}

bool options_parse_with(struct options *o, int argc, char **argv, const struct options_config *config, struct err *e)
{
    return take_words(o, argc, argv, config, e) && options_check(o, e);
}

bool options_parse(struct options *o, int argc, char **argv, struct err *e)
{
    return options_parse_with(o, argc, argv, NULL, e);
}

void options_release(struct options *o)
{
    for (size_t i = 0; i < o->sim_args_n; i++)
        free(o->sim_args[i]);
    o->sim_args_n = 0;
    for (size_t i = 0; i < o->texts_n; i++)
        free(o->texts[i]);
    free(o->texts);
    o->texts = NULL;
    o->texts_n = 0;
}
