/* main_files: the commands that work on run files alone.  Both return the exit status. */
#ifndef TG_MAIN_FILES_H
#define TG_MAIN_FILES_H

#include "options.h"

int files_report(const struct options *o);
/* … or keeps a baseline. */
int files_compare(const struct options *o);

#endif
