/* The documents agree with the program: the manual page is what its tables make it, and whatever the README and the
 * manual's own text name (options, command lines, keys, numbers, outcomes) is there.  Runs in the root of the tree. */
#include "check.h"

#include "measure/timeline.h"
#include "metrics.h"
#include "report/insight.h"
#include "options.h"
#include "options_table.h"
#include "report/figures.h"
#include "report/threshold.h"
#include "ui/keys.h"
#include "ui/view.h"
#include "util.h"

#include <ctype.h>
#include <sys/wait.h>
#include <unistd.h>

#define README "README.md"
#define MAN_TEMPLATE "man/tokgauge.1.in"
#define MAN_PAGE "man/tokgauge.1"
#define PAGE_MAX (1 << 20)

/* Options of other programs that the texts may name. */
static const char *const foreign_options[] = {"--", "--save-detailed", NULL}; /* vllm bench serve has it */

static char *slurp(const char *path)
{
    FILE *f = fopen(path, "r");
    if (f == NULL)
        fail_msg("cannot read %s (tests run in the root of the tree)", path);
    char *text = xcalloc(1, PAGE_MAX);
    text[fread(text, 1, PAGE_MAX - 1, f)] = '\0';
    fclose(f);
    return text;
}

static bool listed(const char *const *list, const char *word)
{
    for (; *list != NULL; list++)
        if (strcmp(*list, word) == 0)
            return true;
    return false;
}

static bool name_char(char c)
{
    return islower((unsigned char)c) || isdigit((unsigned char)c) || c == '-';
}

/* Does the whole word stand somewhere in the text? */
static bool has_word(const char *text, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = text; (p = strstr(p, word)) != NULL; p += n)
        if (!name_char(p[n]) && (p == text || !name_char(p[-1])))
            return true;
    return false;
}

/* ---- the page ---- */

static char *generate(void)
{
    char tool[512], *text = xcalloc(1, PAGE_MAX);
    const char *build = getenv("BUILD");
    int fd[2], status = 0;
    snprintf(tool, sizeof tool, "%s/tests/tools/ui_man", build != NULL ? build : "build");
    assert_int_equal(pipe(fd), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(fd[1], STDOUT_FILENO);
        execl(tool, tool, MAN_TEMPLATE, (char *)NULL);
        _exit(127);
    }
    close(fd[1]);
    FILE *f = fdopen(fd[0], "r");
    assert_non_null(f);
    text[fread(text, 1, PAGE_MAX - 1, f)] = '\0';
    fclose(f);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status != 0)
        fail_msg("%s %s fails", tool, MAN_TEMPLATE);
    return text;
}

static void test_page(void **state)
{
    (void)state;
    char *page = slurp(MAN_PAGE), *wanted = generate();
    size_t i = 0, line = 1;
    for (; page[i] != '\0' && page[i] == wanted[i]; i++)
        line += page[i] == '\n';
    if (page[i] != wanted[i])
        fail_msg("%s is out of date from line %zu on: make man", MAN_PAGE, line);
    for (i = 0; page[i] != '\0'; i++)
        assert_true((unsigned char)page[i] < 0x80);
    free(page);
    free(wanted);
}

/* A marker that the generator does not know would stay in the page as it is. */
static void test_sections(void **state)
{
    (void)state;
    static const char *const sections[] = {"NAME",    "SYNOPSIS", "DESCRIPTION", "COMMANDS",    "OPTIONS",
                                           "KEYS",    "METRICS",  "OUTCOMES",    "FINDINGS",    "FILES",       "ENVIRONMENT",
                                           "EXIT STATUS", "EXAMPLES", "NOTES"};
    char *page = slurp(MAN_PAGE);
    for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
        char head[32];
        snprintf(head, sizeof head, "\n.SH %s\n", sections[i]);
        if (strstr(page, head) == NULL)
            fail_msg("%s: no section %s", MAN_PAGE, sections[i]);
    }
    assert_null(strstr(page, "\n@"));
    const char *synopsis = strstr(page, "\n.SH SYNOPSIS\n"), *commands = strstr(page, "\n.SH COMMANDS\n");
    for (size_t i = 0; i < option_commands_n; i++) {
        char usage[32], head[32];
        snprintf(usage, sizeof usage, "\n.B tokgauge %s\n", option_commands[i].name);
        snprintf(head, sizeof head, "\n.TP\n.B %s\n", option_commands[i].name);
        bool preset = option_commands[i].command == COMMAND_RUN; /* it need not be named */
        if ((strstr(synopsis, usage) == NULL && !preset) || strstr(commands, head) == NULL)
            fail_msg("%s: the command %s is not in SYNOPSIS and COMMANDS", MAN_PAGE, option_commands[i].name);
    }
    for (size_t i = 0; i < FIGURES_N; i++)
        if (!has_word(page, figures[i].id))
            fail_msg("%s: no figure %s", MAN_PAGE, figures[i].id);
    for (size_t i = 0; i < M_COUNT; i++) {
        char head[64];
        snprintf(head, sizeof head, "\n.IR %s ,\n", metrics[i].id);
        if (strstr(page, head) == NULL)
            fail_msg("%s: no metric %s", MAN_PAGE, metrics[i].id);
    }
    for (size_t i = 0; i < INSIGHT_RULES; i++) {
        char head[64];
        snprintf(head, sizeof head, "\n.B %s\n", insight_rules[i].name);
        if (strstr(page, head) == NULL)
            fail_msg("%s: no finding %s", MAN_PAGE, insight_rules[i].name);
    }
    free(page);
}

/* ---- options ---- */

/* All that --help says, and the manual's OPTIONS with plain hyphens, which has the aliases. */
static char *help_text(bool with_man)
{
    char *text = NULL, *out;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    for (unsigned command = COMMAND_RUN; command < COMMAND_ALL; command <<= 1)
        options_help(f, command);
    if (with_man)
        options_man(f);
    fclose(f);
    out = text;
    for (const char *p = text; *p != '\0'; p++)
        if (*p != '\\')
            *out++ = *p;
    *out = '\0';
    return text;
}

/* The manual's words for "-" and for names that are set in bold do not hide them. */
static char *plain_roff(const char *path)
{
    char *text = slurp(path), *out = text;
    for (const char *p = text; *p != '\0'; p++)
        if (*p != '\\' || p[1] != '-')
            *out++ = *p;
    *out = '\0';
    return text;
}

static int check_options(const char *path, const char *text, const char *known)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, "--")) != NULL;) {
        char word[64];
        size_t len = 2;
        while (name_char(p[len]) && len + 1 < sizeof word)
            len++;
        snprintf(word, sizeof word, "%.*s", (int)len, p);
        bool option = islower((unsigned char)p[2]) && (p == text || !name_char(p[-1]));
        if (option && !listed(foreign_options, word) && !has_word(known, word))
            fail_msg("%s names %s, which is no option", path, word);
        n += option;
        p += len;
    }
    return n;
}

static void test_options(void **state)
{
    (void)state;
    char *known = help_text(true), *readme = slurp(README), *man = plain_roff(MAN_TEMPLATE);
    assert_true(check_options(README, readme, known) > 5);
    assert_true(check_options(MAN_TEMPLATE, man, known) > 5);
    free(known);
    free(readme);
    free(man);
}

/* Both ways: an option is in the page exactly where it is in --help. */
static void test_help(void **state)
{
    (void)state;
    char *help = help_text(false), *page = plain_roff(MAN_PAGE);
    int shown = 0;
    for (size_t i = 0; options_name(i) != NULL; i++) {
        char word[80], in_sim[80];
        const char *name = options_name(i);
        snprintf(word, sizeof word, "--%s", name);
        snprintf(in_sim, sizeof in_sim, "--%s", str_starts(name, "sim-") ? name + 4 : name);
        bool in_help = has_word(help, word) || has_word(help, in_sim);
        char entry[96];
        snprintf(entry, sizeof entry, "--%s", name);
        if (has_word(page, entry) != in_help)
            fail_msg("--%s: %s", name, in_help ? "in --help, not in the manual" : "hidden, but in the manual");
        shown += in_help;
    }
    assert_true(shown > 30);
    free(help);
    free(page);
}

/* ---- command lines ---- */

/* The next word of a shell's line, without its single quotes; NULL at the end.  Writes into the line. */
static char *next_word(char **line)
{
    char *p = *line + strspn(*line, " \n"), *word = p, *out = p;
    bool quoted = false;
    if (*p == '\0')
        return NULL;
    for (; *p != '\0' && (quoted || strchr(" \n", *p) == NULL); p++) {
        if (*p == '\'')
            quoted = !quoted;
        else
            *out++ = *p;
    }
    *line = p + (*p != '\0');
    *out = '\0';
    return word;
}

/* Splits as a shell does, up to a pipe, a redirection or a comment. */
static int split(char *line, char **argv, int most)
{
    int n = 0;
    while (n < most) {
        line += strspn(line, " \n");
        if (*line != '\0' && strchr("|<>#&", *line) != NULL)
            break;
        argv[n] = next_word(&line);
        if (argv[n] == NULL)
            break;
        n++;
    }
    return n;
}

static int check_commands(const char *path, const char *text)
{
    int n = 0;
    for (const char *p = text; *p != '\0'; p += strcspn(p, "\n"), p += *p == '\n') {
        const char *word = p + strspn(p, " ");
        if (!str_starts(word, "tokgauge "))
            continue;
        char line[256], *argv[24];
        snprintf(line, sizeof line, "%.*s", (int)strcspn(word, "\n"), word);
        int argc = split(line, argv, ARRAY_LEN(argv));
        struct options o;
        struct err e;
        bool ok = options_parse(&o, argc, argv, &e);
        options_release(&o);
        if (!ok)
            fail_msg("%s: '%.*s': %s", path, (int)strcspn(word, "\n"), word, e.msg);
        n++;
    }
    return n;
}

/* Lines of the README's code that begin with the program's name; prose that does is not in code. */
static char *code_blocks(const char *text)
{
    char *out = xcalloc(1, strlen(text) + 1);
    size_t n = 0;
    bool code = false;
    for (const char *p = text; *p != '\0';) {
        size_t len = strcspn(p, "\n");
        if (str_starts(p, "```")) {
            code = !code && str_starts(p, "```sh");
        } else if (code) {
            memcpy(out + n, p, len);
            out[n + len] = '\n';
            n += len + 1;
        }
        p += len + (p[len] == '\n');
    }
    return out;
}

static void test_commands(void **state)
{
    (void)state;
    char *readme = slurp(README), *code = code_blocks(readme), *man = plain_roff(MAN_PAGE);
    const char *examples = strstr(man, ".SH EXAMPLES\n");
    assert_non_null(examples);
    assert_true(check_commands(README, code) >= 4);
    assert_true(check_commands(MAN_PAGE, examples) >= 3);
    free(readme);
    free(code);
    free(man);
}

/* ---- the README's tables ---- */

/* The next span `like this` of a line; false where there is none. */
static bool next_span(const char **p, const char *end, char *out, size_t size)
{
    const char *open = memchr(*p, '`', (size_t)(end - *p));
    const char *close = open != NULL ? memchr(open + 1, '`', (size_t)(end - open - 1)) : NULL;
    if (close == NULL)
        return false;
    snprintf(out, size, "%.*s", (int)(close - open - 1), open + 1);
    *p = close + 1;
    return true;
}

typedef void row_fn(const char *name, const char *text);

/* Calls fn for each row of the table whose first heading is `head`, with the first span of the first cell, and with the
 * second cell.  Returns how many rows there were. */
static int each_row(const char *text, const char *head, row_fn *fn)
{
    char start[64];
    snprintf(start, sizeof start, "\n| %s |", head);
    const char *table = strstr(text, start);
    int n = 0;
    if (table == NULL) {
        fail_msg("%s has no table of %s", README, head);
        return 0;
    }
    const char *p = table + 1 + strcspn(table + 1, "\n");
    for (p += *p == '\n'; *p == '|'; p += strcspn(p, "\n"), p += *p == '\n') {
        const char *bar = strchr(p + 1, '|'), *at = p;
        char name[64], cell[400];
        if (p[1] == '-')
            continue;
        if (!next_span(&at, bar, name, sizeof name))
            fail_msg("%s: a row of %s names nothing: %.40s", README, head, p);
        const char *cell_end = strstr(bar + 1, " |\n");
        assert_non_null(cell_end);
        snprintf(cell, sizeof cell, "%.*s", (int)(cell_end - bar - 2), bar + 2);
        fn(name, cell);
        n++;
    }
    return n;
}

static void key_row(const char *name, const char *text)
{
    for (size_t i = 0; i < key_table_n; i++) {
        if (strcmp(key_table[i].name, name) != 0)
            continue;
        if (!str_starts(key_table[i].help, text))
            fail_msg("%s says of the key %s \"%s\", the table \"%s\"", README, name, text, key_table[i].help);
        return;
    }
    fail_msg("%s: there is no key %s", README, name);
}

static void metric_row(const char *name, const char *text)
{
    (void)text;
    if (metric_find(name) == NULL)
        fail_msg("%s: there is no metric %s", README, name);
}

/* "`1`, `3` and `7` are the views: overview, streams, log." */
static void check_views(const char *readme)
{
    char wanted[200] = "", names[100] = "";
    for (size_t i = 0; view_table[i] != NULL; i++) {
        bool last = view_table[i + 1] == NULL;
        size_t n = strlen(wanted), k = strlen(names);
        snprintf(wanted + n, sizeof wanted - n, "%s`%c`", i == 0 ? "" : last ? " and " : ", ", view_table[i]->key);
        snprintf(names + k, sizeof names - k, "%s%s", i == 0 ? "" : ", ", view_table[i]->name);
    }
    size_t n = strlen(wanted);
    snprintf(wanted + n, sizeof wanted - n, " are the views: %s.", names);
    if (strstr(readme, wanted) == NULL)
        fail_msg("%s does not say: %s", README, wanted);
}

static void test_tables(void **state)
{
    (void)state;
    char *readme = slurp(README);
    assert_int_equal(each_row(readme, "Key", key_row), 6);
    assert_true(each_row(readme, "Number", metric_row) >= 6);
    check_views(readme);
    free(readme);
}

/* ---- names with an underscore: metrics, their keys, outcomes, and what is written as JSON ---- */

static bool is_outcome(const char *word)
{
    for (int o = 0; o < OUT_COUNT; o++)
        if (strcmp(outcome_name((enum outcome)o), word) == 0)
            return true;
    return false;
}

static bool is_metric(const char *word)
{
    for (size_t i = 0; i < M_COUNT; i++)
        if (strcmp(metrics[i].id, word) == 0 || strcmp(metrics[i].key, word) == 0)
            return true;
    /* A figure that a threshold can be about: "ttft_p95". */
    char condition[80];
    struct threshold t;
    snprintf(condition, sizeof condition, "%s > 1", word);
    return threshold_parse(condition, &t, NULL);
}

/* In the sources as a text of its own: "word". */
static bool is_written(const char *word)
{
    static const char *const sources[] = {"src/engine/engine_rows.c", "src/report/summary_json.c", "src/load/prompt.c", "src/report/memory_json.c",
                                          "src/report/counted_json.c", "src/measure/counters.c"};
    char quoted[80];
    bool found = false;
    snprintf(quoted, sizeof quoted, "\"%s\"", word);
    for (size_t i = 0; i < ARRAY_LEN(sources) && !found; i++) {
        char *text = slurp(sources[i]);
        found = strstr(text, quoted) != NULL;
        free(text);
    }
    return found;
}

static int check_names(const char *path, const char *text, const char *const *other)
{
    int n = 0;
    for (const char *p = text; *p != '\0';) {
        size_t len = 0;
        bool underscore = false;
        while (islower((unsigned char)p[len]) || isdigit((unsigned char)p[len]) || (len > 0 && p[len] == '_'))
            underscore |= p[len++] == '_';
        /* A source file's name, and a part of a longer word, are not meant. */
        bool alone = (p == text || (!isalnum((unsigned char)p[-1]) && p[-1] != '_' && p[-1] != '/')) &&
                     !(p[len] == '.' && strchr("ch", p[len + 1]) != NULL && !isalnum((unsigned char)p[len + 2])) &&
                     p[len] != '*' && p[len] != '/';
        char word[64];
        snprintf(word, sizeof word, "%.*s", (int)len, p);
        if (underscore && alone && !listed(other, word)) {
            n++;
            if (!is_metric(word) && !is_outcome(word) && !is_written(word))
                fail_msg("%s names %s, which is neither metric nor outcome nor in any file we write", path, word);
        }
        p += len > 0 ? len : 1;
    }
    return n;
}

static void test_names(void **state)
{
    (void)state;
    static const char *const man_other[] = {"http_proxy", "https_proxy", "all_proxy", "no_proxy", "pages_limit", NULL};
    static const char *const readme_other[] = {"pages_limit", NULL};
    /* The document of the run file's format names functions and modules too. */
    static const char *const architecture_other[] = {"curl_multi", "timeline_finish", "module_verb", "pages_limit", "gpu_amdgpu", "gpu_drm", "gpu_metrics", "server_proc", NULL};
    char *readme = slurp(README), *man = slurp(MAN_TEMPLATE), *architecture = slurp("ARCHITECTURE.md");
    assert_true(check_names(README, readme, readme_other) >= 6);
    assert_true(check_names(MAN_TEMPLATE, man, man_other) >= 1);
    assert_true(check_names("ARCHITECTURE.md", architecture, architecture_other) >= 15);
    free(readme);
    free(man);
    free(architecture);
}

/* ---- the sample ---- */

/* The labels at the left of the README's sample are those that the summary prints. */
static void test_sample(void **state)
{
    (void)state;
    char *readme = slurp(README), *source = slurp("src/report/summary_text.c");
    const char *p = strstr(readme, "<!-- sample: "), *end = strstr(readme, "<!-- end of sample -->");
    assert_non_null(p);
    assert_non_null(end);
    int n = 0;
    for (; p < end; p += strcspn(p, "\n") + 1) {
        if (!str_starts(p, "  ") || p[2] == ' ')
            continue;
        char quoted[64];
        snprintf(quoted, sizeof quoted, "\"%.*s\"", (int)(strstr(p + 2, "  ") - p - 2), p + 2);
        if (strstr(source, quoted) == NULL)
            fail_msg("%s: the sample has %s, which no summary has: make pictures", README, quoted);
        n++;
    }
    assert_true(n >= 10);
    free(readme);
    free(source);
}

/* ---- files that the documents point to ---- */

static void test_pointers(void **state)
{
    (void)state;
    static const char *const documents[] = {README, "ARCHITECTURE.md", "CONTRIBUTING.md"};
    for (size_t d = 0; d < ARRAY_LEN(documents); d++) {
        char *text = slurp(documents[d]), span[256];
        const char *p = text, *end = text + strlen(text);
        int n = 0;
        while (next_span(&p, end, span, sizeof span)) {
            static const char *const roots[] = {"src/", "ui/", "tests/", "docs/", "man/"};
            bool ours = strpbrk(span, "*[ \n") == NULL && (strstr(span, ".md") != NULL || strcmp(span, "LICENSE") == 0);
            for (size_t r = 0; r < ARRAY_LEN(roots); r++)
                ours |= strpbrk(span, "*[ \n") == NULL && str_starts(span, roots[r]);
            FILE *f = ours ? fopen(span, "r") : NULL;
            if (ours && f == NULL && !str_starts(span, "tests/tools/"))
                fail_msg("%s names %s, which is not there", documents[d], span);
            if (f != NULL)
                fclose(f);
            n += ours;
        }
        assert_true(n >= 2);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page),     cmocka_unit_test(test_sections), cmocka_unit_test(test_options),
        cmocka_unit_test(test_help),     cmocka_unit_test(test_commands), cmocka_unit_test(test_tables),
        cmocka_unit_test(test_names),    cmocka_unit_test(test_sample),   cmocka_unit_test(test_pointers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
