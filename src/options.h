/* options: the one table of options behind parsing, --help, the manual and the completions. */
#ifndef TG_OPTIONS_H
#define TG_OPTIONS_H

#include "load/config.h"
#include "options_load.h"
#include "report/gate.h"
#include "report/threshold.h"
#include "sim/sim.h"
#include "suite.h"
#include "tune/tune.h"
#include "util.h"

#include <stdio.h>

enum command_name { COMMAND_RUN = 1, COMMAND_DEMO = 2, COMMAND_SIM = 4, COMMAND_REPORT = 8, COMMAND_COMPARE = 16, COMMAND_BENCH = 32,
                    COMMAND_WATCH = 64, COMMAND_REPLAY = 128, COMMAND_TUNE = 256, COMMAND_ALL = 511 };

#define OPTIONS_MAX 192 /* rows of the table, at the most */
/* Who said it; the later ones go before the others. */
enum option_origin { ORIGIN_DEFAULT, ORIGIN_CONFIG, ORIGIN_SECTION, ORIGIN_COMMAND_LINE };

struct options {
    enum command_name command;
    struct run_config run;
    struct sim_config sim;
    struct suite_options suite;
    struct load_options load; /* run, demo, tune */
    struct tune_config tune;
    bool seed_drawn;       /* not the user's */
    enum option_origin settling; /* while options are checked: whose word it is that others give way to */
    bool plain, json, once, help, version;
    int glyphs; /* 0 auto, 1 braille, 2 block, 3 ascii */
    int color;  /* 0 auto, 1 never */
    bool no_mouse;
    const char *theme;     /* name or file; NULL: the default */
    bool list_themes, list_faults;
    const char *check_theme; /* name or file; NULL: none */
    const char *svg;       /* file for a picture of the screen at the end of the load */
    int64_t svg_width, svg_height;
    const char *txt;       /* replay: the same as text */
    int view;              /* 0: the command's own; else the views in order */
    int64_t at_ns;         /* replay: where to begin; below 0: not given, and of a picture the end */
    double speed;
    bool follow;           /* replay: the run still goes on */
    struct threshold fail_if[16];
    size_t fail_if_n;
    const char *baseline;  /* compare: name of the one that stands before the files; NULL: none */
    const char *save_baseline; /* compare: keep the one file under this name; NULL: compare */
    struct gate gates[16]; /* compare: --fail-if */
    size_t gates_n;
    double min_effect;     /* compare: share */
    const char *files[16]; /* report, replay: the run file; compare: the baseline first */
    size_t files_n;
    int format;            /* report: an enum report_format; compare: an enum compare_format */
    bool detailed;
    const char *notes[32]; /* report: KEY=VALUE */
    size_t notes_n;
    const char *report_out; /* NULL: stdout */
    const char *config;    /* --config: the file of settings; NULL: the default one, where there is one */
    bool print_config;
    int completions;       /* --completions: 0 none, 1 bash, 2 zsh, 3 fish */
    char *sim_args[64];    /* --sim-… as given, for the child of demo; owned */
    size_t sim_args_n;
    unsigned char origin[OPTIONS_MAX]; /* an enum option_origin for each row of the table */
    char **texts;          /* from the file of settings; owned */
    size_t texts_n;
};

/* Fills o with the defaults and then from argv.  False with one line in e: what is wrong with which option, and what it
 * takes.  Strings point into argv.  Touches no network and no file. */
bool options_parse(struct options *o, int argc, char **argv, struct err *e);
/* The same, but for what goes together: a file of settings may have what is missing. */
bool options_words(struct options *o, int argc, char **argv, struct err *e);
/* As options_parse, with a file of settings between the defaults and the command line (NULL: there is none).  A line that is
 * wrong is told by warn, one line each with file and line number, and left out. */
struct options_config {
    FILE *in;
    const char *name;
    void (*warn)(const char *line);
};
bool options_parse_with(struct options *o, int argc, char **argv, const struct options_config *config, struct err *e);
void options_release(struct options *o);
/* Where the default file of settings is; false where no home is known. */
bool options_config_path(char *out, size_t size);
/* A file of settings with all that holds for o's command now: what is a default stands as a comment. */
void options_print_config(FILE *f, const struct options *o);

/* --help for one command; 0: the overview of all. */
void options_help(FILE *f, unsigned command);
/* The manual's options section, in man(7) macros. */
void options_man(FILE *f);
/* The script that lets a shell complete our command lines: 1 bash, 2 zsh, 3 fish. */
void options_completions(FILE *f, int shell);
/* The command line as it could be typed again, secrets masked (mask.h). */
void options_command_line(int argc, char **argv, char *out, size_t size);

/* For tests: option names one by one, NULL at the end. */
const char *options_name(size_t i);

#endif
