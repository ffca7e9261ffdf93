#include "ui/keys.h"

#include "util.h"

#include <string.h>

const struct key key_table[] = {
    {{'-'}, "-", ACT_STREAMS_LESS, "one stream fewer", "Load", "streams", 1},
    {{'+', '='}, "+", ACT_STREAMS_MORE, "one stream more (also =)", "Load", "streams", 1},
    {{'_'}, "_", ACT_STREAMS_HALF, "half as many streams", "Load", NULL, 0},
    {{'*'}, "*", ACT_STREAMS_DOUBLE, "twice as many streams", "Load", NULL, 0},
    {{'['}, "[", ACT_CONTEXT_HALF, "half the context (prompt tokens)", "Load", "context", 2},
    {{']'}, "]", ACT_CONTEXT_DOUBLE, "twice the context", "Load", "context", 2},
    {{'{'}, "{", ACT_OUTPUT_HALF, "half the output length", "Load", "output", 5},
    {{'}'}, "}", ACT_OUTPUT_DOUBLE, "twice the output length", "Load", "output", 5},
    {{'('}, "(", ACT_RATE_LESS, "a lower rate (open loop)", "Load", "rate", 2},
    {{')'}, ")", ACT_RATE_MORE, "a higher rate (open loop)", "Load", "rate", 2},
    {{' ', 'p'}, "space", ACT_PAUSE, "pause and go on (also p)", "Load", "pause", 6},
    {{'m'}, "m", ACT_MARK, "put a mark into the run and the plot", "Load", "mark", 9},
    {{'M'}, "M", ACT_NOTE, "the same with a note", "Load", NULL, 0},
    {{'R'}, "R", ACT_RESTART, "twice: end this run, begin a new one", "Load", NULL, 0},
    {{'r'}, "r", ACT_RESET, "percentiles and histograms begin anew", "Load", NULL, 0},
    {{KEYCODE_LEFT}, "left", ACT_SEEK_BACK, "10 s back", "Replay", "10 s", 4},
    {{KEYCODE_RIGHT}, "right", ACT_SEEK_ON, "10 s on", "Replay", "10 s", 4},
    {{'<', ','}, "<", ACT_SLOWER, "half as fast (also ,)", "Replay", "speed", 5},
    {{'>', '.'}, ">", ACT_FASTER, "twice as fast (also .)", "Replay", "speed", 5},
    {{'z'}, "z", ACT_ZOOM, "plots of 1, 5 or 30 min, or the whole run", "Screen", "zoom", 11},
    {{'v'}, "v", ACT_VALUE, "matrix: output rate, TTFT, decode rate", "Screen", NULL, 0},
    {{KEYCODE_TAB}, "tab", ACT_VIEW_NEXT, "next view", "Screen", "view", 8},
    {{KEYCODE_BACKTAB}, "S-tab", ACT_VIEW_BACK, "view before", "Screen", NULL, 0},
    {{KEYCODE_UP, 'k'}, "↑", ACT_UP, "up one line (also k)", "Screen", NULL, 0},
    {{KEYCODE_DOWN, 'j'}, "↓", ACT_DOWN, "down one line (also j)", "Screen", NULL, 0},
    {{KEYCODE_PAGE_UP}, "PgUp", ACT_PAGE_UP, "up one page", "Screen", NULL, 0},
    {{KEYCODE_PAGE_DOWN}, "PgDn", ACT_PAGE_DOWN, "down one page", "Screen", NULL, 0},
    {{KEYCODE_HOME, 'g'}, "Home", ACT_HOME, "to the first line (also g)", "Screen", NULL, 0},
    {{KEYCODE_END, 'G'}, "End", ACT_END, "to the last line (also G)", "Screen", NULL, 0},
    {{'S'}, "S", ACT_SAVE, "save the screen: tokgauge-TIME.svg, .txt", "Screen", "save", 7},
    {{'t'}, "t", ACT_THEMES, "choose a theme; again: the next one", "Screen", "theme", 10},
    {{'o'}, "o", ACT_SORT, "sort the streams by what comes next", "Screen", NULL, 0},
    {{KEYCODE_ENTER}, "Enter", ACT_ENTER, "open the stream; keep the theme", "Screen", NULL, 0},
    {{'/'}, "/", ACT_SEARCH, "search the server's page of counters", "Screen", NULL, 0},
    {{KEYCODE_CTRL_L, KEYCODE_F5}, "^L", ACT_REDRAW, "draw everything again (also F5)", "Screen", NULL, 0},
    {{'?', KEYCODE_F1}, "?", ACT_HELP, "this help (also F1)", "Program", "help", 3},
    {{KEYCODE_ESC}, "Esc", ACT_CLOSE, "close what is open; back to the theme before", "Program", NULL, 0},
    {{'q', 'Q', KEYCODE_F10},
     "q",
     ACT_QUIT,
     "stop the run and print its report (also F10)",
     "Program",
     "quit",
     4},
    {{KEYCODE_CTRL_C}, "^C", ACT_INTERRUPT, "the same, with exit status 130", "Program", NULL, 0},
};
const size_t key_table_n = ARRAY_LEN(key_table);

const struct mouse_hint mouse_table[] = {
    {"click", "a panel: its view; a row; the footer's keys"},
    {"again", "the same row: open it, keep the theme"},
    {"wheel", "up and down by three lines"},
    {"shift", "held: select text, as without tokgauge"},
};
const size_t mouse_table_n = ARRAY_LEN(mouse_table);

enum action keys_action(int code)
{
    if (code == KEYCODE_NONE)
        return ACT_NONE;
    for (size_t i = 0; i < key_table_n; i++)
        for (size_t k = 0; k < ARRAY_LEN(key_table[i].codes); k++)
            if (key_table[i].codes[k] == code)
                return key_table[i].action;
    return ACT_NONE;
}

const char *keys_footer(size_t i, char *out, size_t size, size_t *next)
{
    const char *word = key_table[i].footer;
    *next = i + 1;
    if (word == NULL)
        return NULL;
    str_copy(out, size, key_table[i].name);
    for (; *next < key_table_n; (*next)++) {
        const struct key *k = &key_table[*next];
        if (k->footer == NULL || strcmp(k->footer, word) != 0)
            break;
        size_t used = strlen(out);
        snprintf(out + used, size - used, "/%s", k->name);
    }
    return word;
}

/* None of them is wide. */
static int characters(const char *s)
{
    int n = 0;
    for (; *s != '\0'; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

enum action keys_footer_action(size_t i, int x)
{
    char keys[64];
    size_t next, row = i;
    if (keys_footer(i, keys, sizeof keys, &next) == NULL)
        return ACT_NONE;
    for (int at = 0; row + 1 < next; row++) {
        at += characters(key_table[row].name) + 1; /* a / is between them */
        if (x < at)
            break;
    }
    return key_table[row].action;
}

/* man(7) needs its own words for what it would take as requests or turn into hyphens. */
static void put_man(FILE *f, const char *s)
{
    for (; *s != '\0'; s++) {
        if (*s == '-')
            fputs("\\-", f);
        else if (*s == '^')
            fputs("\\(ha", f);
        else if (*s == '\\')
            fputs("\\e", f);
        else
            fputc(*s, f);
    }
}

static void put_man_entry(FILE *f, const char *name, const char *help)
{
    fputs(".TP\n.B \\&", f);
    put_man(f, name);
    fputc('\n', f);
    put_man(f, help);
    fputc('\n', f);
}

void keys_print_man(FILE *f)
{
    fputs(".SH KEYS\n", f);
    const char *group = "";
    for (size_t i = 0; i < key_table_n; i++) {
        const struct key *k = &key_table[i];
        if (strcmp(group, k->group) != 0) {
            group = k->group;
            fprintf(f, ".SS %s\n", group);
        }
        put_man_entry(f, k->name, k->help);
    }
    fputs(".SS Mouse\n", f);
    for (size_t i = 0; i < mouse_table_n; i++)
        put_man_entry(f, mouse_table[i].name, mouse_table[i].help);
}
