/* The file of settings: the option table as NAME = VALUE lines, read and written. */
#include "fmt.h"
#include "inifile.h"
#include "mask.h"
#include "options.h"
#include "options_table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

struct config_read {
    struct options *o;
    const struct options_config *config;
};

static void config_bad(void *ctx, int line, const char *why)
{
    const struct config_read *r = ctx;
    char text[800];
    snprintf(text, sizeof text, "%s:%d: %s; the line is left out", r->config->name, line, why);
    r->config->warn(text);
}

static bool switched(const char *value, bool *on)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(value, words[i]) == 0) {
            *on = i % 2 == 1;
            return true;
        }
    return false;
}

static const char *keep_text(struct options *o, const char *text)
{
    o->texts = xrealloc(o->texts, (o->texts_n + 1) * sizeof *o->texts);
    o->texts[o->texts_n] = xstrdup(text);
    return o->texts[o->texts_n++];
}

static unsigned command_named(const char *name)
{
    for (size_t i = 0; i < option_commands_n; i++)
        if (strcmp(option_commands[i].name, name) == 0)
            return option_commands[i].command;
    return 0;
}

/* What ends at once is no setting. */
static bool config_knows(const struct option *op)
{
    static const char *const not[] = {"help", "version", "config", "print-config", "completions", "list-themes", "list-faults", "check-theme"};
    bool known = op != NULL && !op->hidden;
    for (size_t i = 0; known && i < ARRAY_LEN(not); i++)
        known = strcmp(op->name, not[i]) != 0;
    return known;
}

/* The command's option of that name.  What holds for all commands means the load: the simulator has short names only in a section of
 * its own. */
static const struct option *config_find(const char *name, unsigned scope, unsigned command)
{
    const struct option *op = option_find(name, strlen(name), scope & command);
    bool shortened = op != NULL && str_starts(op->name, "sim-") && !str_starts(name, "sim-");
    return shortened && scope != COMMAND_SIM ? NULL : op;
}

static bool config_apply(struct options *o, const struct option *op, const char *value, enum option_origin origin, struct err *e)
{
    bool on = true;
    if (option_is_flag(op) && !switched(value, &on))
        return err_set(e, "'%s = %s' is neither yes nor no", op->name, value);
    if (!on) {
        option_reset(o, op); /* a line before this one may have switched it on */
        return true;
    }
    return option_set(o, op, keep_text(o, value), origin, e);
}

static void config_set(void *ctx, int line, const char *section, const char *name, const char *value)
{
    const struct config_read *r = ctx;
    unsigned scope = section[0] != '\0' ? command_named(section) : COMMAND_ALL;
    struct err e;
    if (scope == 0) {
        err_set(&e, "there is no command '%s'", section);
        config_bad(ctx, line, e.msg);
        return;
    }
    const struct option *any = option_find(name, strlen(name), scope), *op = config_find(name, scope, r->o->command);
    if (!config_knows(any)) {
        err_set(&e, "there is no setting '%s'%s%s", name, section[0] != '\0' ? " of " : "", section);
        config_bad(ctx, line, e.msg);
    } else if (op != NULL && !config_apply(r->o, op, value, section[0] != '\0' ? ORIGIN_SECTION : ORIGIN_CONFIG, &e)) {
        config_bad(ctx, line, e.msg);
    }
}

bool options_config_path(char *out, size_t size)
{
    const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (base != NULL && base[0] == '/')
        return snprintf(out, size, "%s/tokgauge/config", base) < (int)size;
    return home != NULL && home[0] == '/' && snprintf(out, size, "%s/.config/tokgauge/config", home) < (int)size;
}

bool options_read_config(struct options *o, const struct options_config *config, struct err *e)
{
    struct config_read read = {o, config};
    errno = 0;
    inifile_read(config->in, &(struct inifile_use){&read, config_set, config_bad});
    return !ferror(config->in) || err_set(e, "cannot read the settings '%s': %s", config->name, strerror(errno));
}

/* ---- writing ---- */

static void put_ints(FILE *f, const struct int_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        fprintf(f, "%s%" PRId64, i > 0 ? "," : "", list->v[i]);
}

static void put_duration(FILE *f, int64_t ns)
{
    char text[FMT_SIZE];
    fputs(fmt_duration(text, ns), f);
}

static void put_word(FILE *f, const char *words, int i)
{
    for (; i > 0 && words != NULL; i--) {
        words = strchr(words, '|');
        words = words != NULL ? words + 1 : NULL;
    }
    if (words != NULL)
        fprintf(f, "%.*s", (int)strcspn(words, "|"), words);
}

/* A URL's login, a key in a command or in JSON is not printed, nor what is more than a line. */
static bool put_text(FILE *f, const char *text)
{
    struct buf masked;
    buf_init(&masked, 1u << 20);
    mask_word(&masked, text != NULL ? text : "");
    bool harmless = text == NULL || masked.data == NULL || (strcmp(masked.data, text) == 0 && strpbrk(text, "\r\n") == NULL);
    buf_release(&masked);
    if (harmless && text != NULL)
        fputs(text, f);
    return harmless;
}

/* Never with an exponent, which no option takes. */
static void put_number(FILE *f, double v)
{
    char text[FMT_SIZE];
    snprintf(text, sizeof text, "%.15g", v);
    fputs(strchr(text, 'e') == NULL ? text : fmt_json(text, v, 17), f);
}

static void put_parts(FILE *f, unsigned parts)
{
    const char *comma = "";
    for (int p = 0; p < SUITE_PARTS; p++)
        if (parts & 1u << p) {
            fprintf(f, "%s%s", comma, suite_parts[p].name);
            comma = ",";
        }
}

static void put_param(FILE *f, const struct tune_param *p)
{
    fprintf(f, "%s=", p->name);
    for (size_t i = 0; i < p->n; i++)
        fprintf(f, "%s%s", i > 0 ? "," : "", p->value[i]);
}

/* Fault i of the table; 0: all of them, where they are as likely.  False where there is nothing to say. */
static bool put_fault(FILE *f, const double fault[SIM_FAULT_COUNT], size_t i)
{
    bool alike = true;
    for (size_t k = 2; k < SIM_FAULT_COUNT; k++)
        alike = alike && fault[k] == fault[1];
    double share = fault[i > 0 ? i : 1];
    if (share == 0 || alike != (i == 0))
        return false;
    fprintf(f, "%s=", i == 0 ? "all" : sim_fault_row((enum sim_fault)i)->name);
    put_number(f, share);
    return true;
}

/* How many lines it takes at the most: one that may be given several times has one for each. */
static size_t lines_of(const struct options *o, const struct option *op)
{
    switch (op->kind) {
    case NOTE: return o->notes_n;
    case THRESHOLD: return o->fail_if_n;
    case GATE: return o->gates_n;
    case SETTING: return o->tune.plan.n;
    case FAULT: return SIM_FAULT_COUNT;
    default: return 1;
    }
}

/* Line i of it, as it could be written into the file; false where it has no value of its own to print. */
static bool put_value(FILE *f, const struct options *o, const struct option *op, size_t i)
{
    const void *field = (const char *)o + op->offset;
    switch (op->kind) {
    case FLAG: fputs(*(const bool *)field ? "yes" : "no", f); return true;
    case FLAG_OFF: fputs(*(const bool *)field ? "no" : "yes", f); return true;
    case COUNT:
    case TOKENS: fprintf(f, "%" PRId64, *(const int64_t *)field); return true;
    case PORT: fprintf(f, "%d", *(const int *)field); return true;
    case DURATION: put_duration(f, *(const int64_t *)field); return true;
    case NUMBER: put_number(f, *(const double *)field); return true;
    case WORD: put_word(f, op->arg, *(const int *)field); return true;
    case EXTRA:
    case TEXT: return put_text(f, *(const char *const *)field);
    case COUNTS:
    case TOKENS_LIST: put_ints(f, field); return true;
    case LENGTHS: load_put_lengths(f, field); return true;
    case RATES: load_put_rates(f, field); return true;
    case ARRIVAL: load_put_arrival(f, field); return true;
    case RAMP: load_put_ramp(f, field); return true;
    case SLO: load_put_slo(f, field); return true;
    case PERCENT: fprintf(f, "%.15g%%", *(const double *)field * 100); return true;
    case SIZE: fprintf(f, "%" PRId64 "x%" PRId64, o->svg_width, o->svg_height); return true;
    case PARTS: put_parts(f, *(const unsigned *)field); return true;
    case NOTE: return put_text(f, o->notes[i]);
    case THRESHOLD: return put_text(f, o->fail_if[i].text);
    case GATE: return put_text(f, o->gates[i].text);
    case SETTING: put_param(f, &o->tune.plan.param[i]); return true;
    case FAULT: return put_fault(f, field, i);
    case GUARD:
        if (*(const int64_t *)field == GUARD_NONE)
            fputs("off", f);
        else
            fprintf(f, "%" PRId64, *(const int64_t *)field);
        return true;
    case HEADER: return false; /* may hold a secret */
    }
    return false;
}

/* What was given, line by line; false where nothing was, or it must not be printed. */
static bool put_given(FILE *f, const struct options *o, const struct option *op)
{
    bool any = false;
    for (size_t i = 0; o->origin[op - option_rows] != ORIGIN_DEFAULT && i < lines_of(o, op); i++) {
        char *text = NULL;
        size_t n = 0;
        FILE *value = open_memstream(&text, &n);
        bool has = put_value(value, o, op, i);
        fclose(value);
        if (has)
            fprintf(f, "%s = %s\n", op->name, text);
        any = any || has;
        free(text);
    }
    return any;
}

#define COMMENT_MOST 96 /* bytes: a line of 1024 would be left out (inifile.h) */

static void put_comment(FILE *f, const char *text)
{
    size_t used = COMMENT_MOST;
    fputc('\n', f);
    for (const char *p = text; *p != '\0';) {
        size_t n = strcspn(p, " ");
        bool fresh = used + n + 1 > COMMENT_MOST;
        fprintf(f, "%s%.*s", !fresh ? " " : p == text ? "# " : "\n# ", (int)n, p);
        used = fresh ? n + 2 : used + n + 1;
        p += n;
        p += strspn(p, " ");
    }
    fputc('\n', f);
}

void options_print_config(FILE *f, const struct options *o)
{
    for (size_t i = 0; i < option_commands_n; i++)
        if (option_commands[i].command == o->command)
            fprintf(f, "# Settings of tokgauge %s.  Those that are defaults stand as comments.\n[%s]\n", option_commands[i].name,
                    option_commands[i].name);
    for (size_t i = 0; i < option_rows_n; i++) {
        const struct option *op = &option_rows[i];
        if (!(op->commands & o->command) || !config_knows(op))
            continue;
        put_comment(f, op->help);
        if (!put_given(f, o, op))
            fprintf(f, "#%s = %s\n", op->name, op->preset != NULL ? op->preset : option_is_flag(op) ? "no" : op->arg != NULL ? op->arg : "");
    }
}
