/* report_time: what a report says of how a run went over time: its drift, and its windows. */
#ifndef TG_REPORT_TIME_H
#define TG_REPORT_TIME_H

#include "jsonw.h"
#include "report/doc.h"
#include "report/runfile.h"

void report_time(const struct run_file *f, struct doc *d);
void report_time_json(const struct run_file *f, struct jsonw *j); /* the keys "drift" and "windows" */

#endif
