/* report_charts: the charts of a run file.  They are HTML's alone: Markdown has no pictures of its own. */
#ifndef TG_REPORT_CHARTS_H
#define TG_REPORT_CHARTS_H

#include "report/doc.h"
#include "report/runfile.h"

/* A section of its own; writes nothing in Markdown. */
void report_charts(const struct run_file *f, struct doc *d);

#endif
