/* The option table as completions for shells. */
#include "options.h"
#include "options_table.h"

#include <string.h>

static bool shown(const struct option *op, unsigned command)
{
    return (op->commands & command) && !op->hidden;
}

static bool takes_file(const struct option *op)
{
    return op->kind == TEXT && (strstr(op->arg, "FILE") != NULL || strstr(op->arg, "FOLDER") != NULL);
}

static bool wants_files(unsigned command)
{
    return command == COMMAND_REPORT || command == COMMAND_COMPARE || command == COMMAND_REPLAY;
}

/* `tokgauge sim --port` is `--sim-port`. */
static const char *name_in(const struct option *op, unsigned command)
{
    return command == COMMAND_SIM && str_starts(op->name, "sim-") ? op->name + 4 : op->name;
}

/* The words of a WORD, parted by blanks. */
static void put_words(FILE *f, const char *words)
{
    for (; *words != '\0'; words++)
        fputc(*words == '|' ? ' ' : *words, f);
}

/* In a shell's single quotes. */
static void put_quoted(FILE *f, const char *text, const char *escape)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputs("'\\''", f);
        else if (strchr(escape, *text) != NULL)
            fprintf(f, "\\%c", *text);
        else
            fputc(*text, f);
    }
}

static void put_commands(FILE *f)
{
    for (size_t i = 0; i < option_commands_n; i++)
        fprintf(f, "%s%s", i > 0 ? " " : "", option_commands[i].name);
}

/* ---- bash ---- */

static void bash_command(FILE *f, const struct option_command *c)
{
    fprintf(f, "    %s)\n        case $prev in\n", c->name);
    for (size_t i = 0; i < option_rows_n; i++) {
        const struct option *op = &option_rows[i];
        if (!shown(op, c->command) || option_is_flag(op))
            continue;
        fprintf(f, "        --%s", name_in(op, c->command));
        if (op->letter != 0)
            fprintf(f, " | -%c", op->letter);
        if (op->kind == WORD) {
            fputs(") COMPREPLY=($(compgen -W \"", f);
            put_words(f, op->arg);
            fputs("\" -- \"$cur\")) ;;\n", f);
        } else {
            fputs(takes_file(op) ? ") COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n" : ") ;;\n", f);
        }
    }
    fputs("        *)\n            case $cur in\n            -*) COMPREPLY=($(compgen -W \"", f);
    for (size_t i = 0; i < option_rows_n; i++)
        if (shown(&option_rows[i], c->command))
            fprintf(f, "--%s ", name_in(&option_rows[i], c->command));
    fputs("\" -- \"$cur\")) ;;\n", f);
    if (wants_files(c->command))
        fputs("            *) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n", f);
    fputs("            esac ;;\n        esac ;;\n", f);
}

static void bash(FILE *f)
{
    fputs("# bash completion for tokgauge, made by: tokgauge --completions bash\n"
          "_tokgauge() {\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=run\n"
          "    COMPREPLY=()\n"
          "    if [ \"$COMP_CWORD\" -gt 1 ]; then\n"
          "        case ${COMP_WORDS[1]} in\n        ", f);
    for (size_t i = 0; i < option_commands_n; i++)
        fprintf(f, "%s%s", i > 0 ? " | " : "", option_commands[i].name);
    fputs(") command=${COMP_WORDS[1]} ;;\n        esac\n"
          "    elif [ \"${cur#-}\" = \"$cur\" ]; then\n"
          "        COMPREPLY=($(compgen -W \"", f);
    put_commands(f);
    fputs("\" -- \"$cur\"))\n        return\n    fi\n    case $command in\n", f);
    for (size_t i = 0; i < option_commands_n; i++)
        bash_command(f, &option_commands[i]);
    fputs("    esac\n}\ncomplete -F _tokgauge tokgauge\n", f);
}

/* ---- zsh ---- */

static void zsh_value(FILE *f, const struct option *op)
{
    if (option_is_flag(op))
        return;
    fputc(':', f);
    put_quoted(f, op->kind == WORD ? op->name : op->arg, ":[]");
    fputc(':', f);
    if (op->kind == WORD) {
        fputc('(', f);
        put_words(f, op->arg);
        fputc(')', f);
    } else if (takes_file(op)) {
        fputs("_files", f);
    }
}

static void zsh(FILE *f)
{
    fputs("#compdef tokgauge\n# zsh completion for tokgauge, made by: tokgauge --completions zsh\n"
          "local command=run\nlocal -a commands=(", f);
    put_commands(f);
    fputs(")\nif (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n    compadd -a commands\n    return\nfi\n"
          "(( ${commands[(Ie)$words[2]]} )) && command=$words[2] && shift words && (( CURRENT-- ))\n"
          "case $command in\n", f);
    for (size_t i = 0; i < option_commands_n; i++) {
        const struct option_command *c = &option_commands[i];
        fprintf(f, "%s)\n    _arguments", c->name);
        for (size_t k = 0; k < option_rows_n; k++) {
            const struct option *op = &option_rows[k];
            if (!shown(op, c->command))
                continue;
            fprintf(f, " \\\n        '--%s%s[", name_in(op, c->command), option_is_flag(op) ? "" : "=");
            put_quoted(f, op->help, ":[]");
            fputc(']', f);
            zsh_value(f, op);
            fputc('\'', f);
        }
        fputs(wants_files(c->command) ? " \\\n        '*:run file:_files'\n    ;;\n" : " \\\n        '*:URL:_urls'\n    ;;\n", f);
    }
    fputs("esac\n", f);
}

/* ---- fish ---- */

static void fish(FILE *f)
{
    fputs("# fish completion for tokgauge, made by: tokgauge --completions fish\ncomplete -c tokgauge -f\n", f);
    for (size_t i = 0; i < option_commands_n; i++) {
        const struct option_command *c = &option_commands[i];
        fprintf(f, "complete -c tokgauge -n __fish_use_subcommand -a %s -d '", c->name);
        put_quoted(f, c->help, "\\");
        fputs("'\n", f);
        for (size_t k = 0; k < option_rows_n; k++) {
            const struct option *op = &option_rows[k];
            if (!shown(op, c->command))
                continue;
            fprintf(f, "complete -c tokgauge -n '__fish_seen_subcommand_from %s' -l %s", c->name, name_in(op, c->command));
            if (op->letter != 0)
                fprintf(f, " -s %c", op->letter);
            if (!option_is_flag(op))
                fputs(takes_file(op) ? " -r -F" : " -x", f);
            if (op->kind == WORD) {
                fputs(" -a '", f);
                put_words(f, op->arg);
                fputc('\'', f);
            }
            fputs(" -d '", f);
            put_quoted(f, op->help, "\\");
            fputs("'\n", f);
        }
        if (wants_files(c->command))
            fprintf(f, "complete -c tokgauge -n '__fish_seen_subcommand_from %s' -F\n", c->name);
    }
}

void options_completions(FILE *f, int shell)
{
    if (shell == 1)
        bash(f);
    else if (shell == 2)
        zsh(f);
    else
        fish(f);
}
