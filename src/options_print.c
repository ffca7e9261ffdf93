/* The option table as text: --help and the manual; and the command line for the run file. */
#include "options.h"
#include "mask.h"
#include "options_table.h"

#include <stdlib.h>
#include <string.h>

static void wrap(FILE *f, const char *text, int indent)
{
    int column = indent;
    while (*text != '\0') {
        size_t n = strcspn(text, " ");
        if (column + (int)n > 78 && column > indent) {
            fprintf(f, "\n%*s", indent, "");
            column = indent;
        }
        fprintf(f, "%s%.*s", column > indent ? " " : "", (int)n, text);
        column += (int)n + 1;
        text += n;
        text += strspn(text, " ");
    }
}

static void help_line(FILE *f, const struct option *op, unsigned command)
{
    char left[96];
    const char *name = command == COMMAND_SIM && str_starts(op->name, "sim-") ? op->name + 4 : op->name;
    if (op->letter != 0)
        snprintf(left, sizeof left, "  -%c, --%s %s", op->letter, name, op->arg != NULL ? op->arg : "");
    else
        snprintf(left, sizeof left, "      --%s %s", name, op->arg != NULL ? op->arg : "");
    fprintf(f, "%-34s", left);
    if (strlen(left) > 33)
        fprintf(f, "\n%34s", "");
    char text[512];
    snprintf(text, sizeof text, "%s%s%s%s", op->help, op->preset != NULL ? " (default " : "",
             op->preset != NULL ? op->preset : "", op->preset != NULL ? ")" : "");
    wrap(f, text, 34);
    fputc('\n', f);
}

void options_help(FILE *f, unsigned command)
{
    if (command == 0) {
        fputs("tokgauge loads, watches and judges LLM servers that speak the OpenAI API.\n\n"
              "usage: tokgauge [COMMAND] [OPTIONS] [URL]\n\n", f);
        for (size_t i = 0; i < option_commands_n; i++)
            fprintf(f, "  %-5s %-6s %s\n", option_commands[i].name, option_commands[i].args, option_commands[i].help);
        fputs("\nWithout a command it is 'run'.  'tokgauge COMMAND --help' lists the options.\n"
              "Try 'tokgauge demo'.\n", f);
        return;
    }
    for (size_t i = 0; i < option_commands_n; i++)
        if (option_commands[i].command == command)
            fprintf(f, "usage: tokgauge %s [OPTIONS]%s%s\n%s\n\n", option_commands[i].name, option_commands[i].args[0] != '\0' ? " " : "",
                    option_commands[i].args, option_commands[i].help);
    for (size_t i = 0; i < option_rows_n; i++)
        if ((option_rows[i].commands & command) && !option_rows[i].hidden)
            help_line(f, &option_rows[i], command);
}

static void man_text(FILE *f, const char *s)
{
    for (; *s != '\0'; s++)
        fputs(*s == '-' ? "\\-" : (char[]){*s, '\0'}, f);
}

static void man_option(FILE *f, const struct option *op)
{
    fputs(".TP\n.B ", f);
    if (op->letter != 0)
        fprintf(f, "\\-%c, ", op->letter);
    fputs("\\-\\-", f);
    man_text(f, op->name);
    if (op->alias != NULL) {
        fputs(", \\-\\-", f);
        man_text(f, op->alias);
    }
    if (op->arg != NULL) {
        fputc(' ', f);
        man_text(f, op->arg);
    }
    fputc('\n', f);
    man_text(f, op->help);
    if (op->preset != NULL) {
        fputs(" (default ", f);
        man_text(f, op->preset);
        fputc(')', f);
    }
    fputs(".\n", f);
}

/* Options of the commands `in` that those of `not_in` do not have; in 0: options of all commands. */
static void man_section(FILE *f, const char *title, unsigned in, unsigned not_in)
{
    fprintf(f, ".SS %s\n", title);
    for (size_t i = 0; i < option_rows_n; i++) {
        const struct option *op = &option_rows[i];
        bool listed = in != 0 ? (op->commands & in) && !(op->commands & not_in) : op->commands == COMMAND_ALL;
        if (listed && !op->hidden)
            man_option(f, op);
    }
}

void options_man(FILE *f)
{
    man_section(f, "run and demo", COMMAND_RUN, COMMAND_SIM);
    man_section(f, "The simulated server (sim, and demo; 'tokgauge sim' takes them without sim\\-, too)", COMMAND_SIM,
                COMMAND_RUN);
    man_section(f, "bench (most of run's too: those that say how to reach the server and how to show the run)", COMMAND_BENCH, COMMAND_RUN);
    man_section(f, "watch (most of run's too: those that say how to reach the server)", COMMAND_WATCH, COMMAND_RUN);
    man_section(f, "tune (most of run's too: those that say what the load is)", COMMAND_TUNE, COMMAND_RUN);
    man_section(f, "replay", COMMAND_REPLAY, COMMAND_RUN);
    man_section(f, "report", COMMAND_REPORT, COMMAND_RUN | COMMAND_BENCH);
    man_section(f, "compare", COMMAND_COMPARE, COMMAND_RUN);
    man_section(f, "Everywhere", 0, 0);
}

void options_command_line(int argc, char **argv, char *out, size_t size)
{
    static char program[] = "tokgauge"; /* wherever it lies */
    char **words = xcalloc((size_t)MAX_OF(argc, 1), sizeof *words);
    words[0] = program;
    for (int i = 1; i < argc; i++)
        words[i] = argv[i];
    mask_command_line(words, (size_t)MAX_OF(argc, 0), out, size);
    free(words);
}
