/* ui_man: prints the manual page: man/tokgauge.1.in with the lines @OPTIONS@, @KEYS@, @METRICS@, @OUTCOMES@, @FAULTS@ and
 * @FINDINGS@, and @ROLES@ in a line, replaced by what the program's own tables say.   ui_man man/tokgauge.1.in >man/tokgauge.1   (make man) */
#include "measure/timeline.h"
#include "metrics.h"
#include "options.h"
#include "report/insight.h"
#include "sim/sim.h"
#include "ui/keys.h"
#include "ui/view.h"
#include "util.h"
#include "version.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(FILE *out, const char *s)
{
    for (; *s != '\0'; s++)
        fputs(*s == '-' ? "\\-" : *s == '\\' ? "\\e" : (char[]){*s, '\0'}, out);
}

static void item(FILE *out, const char *head, const char *text)
{
    fputs(".TP\n.B ", out);
    put(out, head);
    fputc('\n', out);
    put(out, text);
}

static void print_keys(FILE *out)
{
    keys_print_man(out);
    fputs(".SS Views\n", out);
    for (const struct view *const *v = view_table; *v != NULL; v++) {
        item(out, (char[]){(*v)->key, '\0'}, (*v)->name);
        fputs(": ", out);
        put(out, (*v)->help);
        fputc('\n', out);
    }
}

static void print_metrics(FILE *out)
{
    for (size_t i = 0; i < M_COUNT; i++) {
        const struct metric *m = &metrics[i];
        static const char *const better[] = {"", "; lower is better", "; higher is better"};
        item(out, m->key, m->name);
        fprintf(out, " (id\n.IR %s ,\n", m->id);
        put(out, m->unit);
        fputs(better[m->better], out);
        fputs("):\n", out);
        put(out, m->definition);
        fputs(".\n", out);
    }
}

static void print_outcomes(FILE *out)
{
    for (int o = 0; o < OUT_COUNT; o++) {
        item(out, outcome_name((enum outcome)o), outcome_meaning((enum outcome)o));
        fputs(".\n", out);
        put(out, outcome_advice((enum outcome)o));
        fputs(outcome_advice((enum outcome)o)[0] != '\0' ? "\n" : "", out);
    }
}

static void print_faults(FILE *out)
{
    for (int f = SIM_FAULT_NONE + 1; f < SIM_FAULT_COUNT; f++) {
        const struct sim_fault_row *r = sim_fault_row((enum sim_fault)f);
        item(out, r->name, r->help);
        fputs(":\n.BR ", out);
        put(out, r->outcome);
        fputs(" .\n", out);
    }
}

static void print_roles(FILE *out)
{
    for (enum role r = 0; r < ROLE_NAMED; r++)
        fprintf(out, "%s%s", r > 0 ? ", " : "", role_name(r));
}

static void print_findings(FILE *out)
{
    for (size_t i = 0; i < INSIGHT_RULES; i++) {
        item(out, insight_rules[i].name, insight_rules[i].looks_for);
        fputs(".\n", out);
    }
}

/* Every character beyond ASCII by its number: then no reader needs to be told the page's encoding. */
static void print_ascii(const char *s)
{
    for (const unsigned char *p = (const unsigned char *)s; *p != '\0';) {
        int more = *p < 0x80 ? 0 : *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : 1;
        unsigned c = more == 0 ? *p : *p & (0x3fu >> more);
        for (p++; more > 0 && (*p & 0xc0) == 0x80; more--)
            c = c << 6 | (*p++ & 0x3fu);
        if (c < 0x80)
            putchar((int)c);
        else
            printf("\\[u%04X]", c);
    }
}

static void print_line(FILE *out, const char *line)
{
    if (strcmp(line, "@OPTIONS@\n") == 0)
        options_man(out);
    else if (strcmp(line, "@KEYS@\n") == 0)
        print_keys(out);
    else if (strcmp(line, "@METRICS@\n") == 0)
        print_metrics(out);
    else if (strcmp(line, "@OUTCOMES@\n") == 0)
        print_outcomes(out);
    else if (strcmp(line, "@FAULTS@\n") == 0)
        print_faults(out);
    else if (strcmp(line, "@FINDINGS@\n") == 0)
        print_findings(out);
    else if (strcmp(line, "Roles: @ROLES@.\n") == 0) {
        fputs("Roles: ", out);
        print_roles(out);
        fputs(".\n", out);
    } else if (str_starts(line, ".TH "))
        fprintf(out, ".TH TOKGAUGE 1 \"\" \"tokgauge " TOKGAUGE_VERSION "\" \"User Commands\"\n");
    else
        fputs(line, out);
}

int main(int argc, char **argv)
{
    FILE *f = argc == 2 ? fopen(argv[1], "re") : NULL;
    if (f == NULL)
        die("usage: ui_man PAGE.in%s%s", argc == 2 ? ": " : "", argc == 2 ? strerror(errno) : "");
    char *line = NULL, *page = NULL;
    size_t cap = 0, n = 0;
    FILE *out = open_memstream(&page, &n);
    while (getline(&line, &cap, f) > 0)
        print_line(out, line);
    fclose(out);
    print_ascii(page);
    free(page);
    free(line);
    fclose(f);
    return fflush(stdout) == 0 ? 0 : 1;
}
