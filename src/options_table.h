/* options_table: the rows behind options.h; for options.c, which parses, and options_print.c, which lists them. */
#ifndef TG_OPTIONS_TABLE_H
#define TG_OPTIONS_TABLE_H

#include "options.h"

enum kind { FLAG, FLAG_OFF, COUNT, TOKENS, DURATION, NUMBER, PORT, TEXT, WORD, HEADER, NOTE, THRESHOLD, GATE, FAULT, SIZE, COUNTS, TOKENS_LIST, PARTS, GUARD,
            LENGTHS, RATES, ARRIVAL, RAMP, PERCENT, SLO, EXTRA, SETTING };

struct option {
    const char *name;  /* without the dashes */
    char letter;       /* 0: none */
    const char *alias; /* NULL: none */
    unsigned commands;
    enum kind kind;
    size_t offset;     /* of its field in struct options; of one that is collected, of how many there are */
    double min, max;   /* of numbers; durations in seconds */
    const char *arg;   /* what it takes, for the help; a WORD lists its words, separated by | */
    const char *preset;/* its default, for the help; NULL: none to tell */
    const char *help;
    bool hidden;
};
extern const struct option option_rows[];
/* By its name, alias, or name without "sim-" (of `sim`), among those of these commands; NULL: none. */
const struct option *option_find(const char *name, size_t n, unsigned commands);
/* Sets it; value is kept, not copied. */
bool option_set(struct options *o, const struct option *op, const char *value, enum option_origin origin, struct err *e);
/* Back to its default, as if nobody had given it. */
void option_reset(struct options *o, const struct option *op);
bool option_is_default(const struct options *o, const struct option *op);
/* All words are read: what of them goes together.  Where they contradict each other, what goes before the other (enum option_origin)
 * puts that back to its default.  False with one line in e; else the load is settled (load_settle). */
bool options_check(struct options *o, struct err *e);
/* False where the file cannot be read to its end. */
bool options_read_config(struct options *o, const struct options_config *config, struct err *e);
/* Is it switched on or off, without a value? */
bool option_is_flag(const struct option *op);
extern const size_t option_rows_n;

struct option_command {
    const char *name;
    enum command_name command;
    const char *args, *help;
};
extern const struct option_command option_commands[];
extern const size_t option_commands_n;

#endif
