/* settings: the grid of settings that `tune` goes through, and the command line of each.  Pure. */
#ifndef TG_TUNE_SETTINGS_H
#define TG_TUNE_SETTINGS_H

#include "util.h"

#define TUNE_PARAMS 6
#define TUNE_VALUES 16
#define TUNE_MOST 64 /* settings */
#define TUNE_TEXT 160

struct tune_param {
    char name[40];
    char value[TUNE_VALUES][48]; /* as given */
    size_t n;
};

struct tune_plan {
    struct tune_param param[TUNE_PARAMS];
    size_t n;
};

/* "max_num_seqs=1,2,4" as one more parameter.  False with one line in e. */
bool tune_add(struct tune_plan *p, const char *text, struct err *e);
/* Do the command's {names} and the parameters go together?  {port} is always known.  False with one line in e. */
bool tune_check(const struct tune_plan *p, const char *launch, struct err *e);
/* How many settings there are; 1 without parameters. */
size_t tune_settings(const struct tune_plan *p);
/* Number i as a value of each parameter: the last parameter changes first. */
void tune_values(const struct tune_plan *p, size_t i, size_t at[TUNE_PARAMS]);
/* "max_num_seqs=4 max_model_len=8k" */
void tune_name(const struct tune_plan *p, size_t i, char out[TUNE_TEXT]);
/* The command of a setting; "8k" stands there as 8192.  The caller frees. */
char *tune_command(const struct tune_plan *p, const char *launch, size_t i, int port);
bool tune_wants_port(const char *launch);

#endif
