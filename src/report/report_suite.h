/* report_suite: the parts of a document that a suite's run has beside the others, and the findings of any run. */
#ifndef TG_REPORT_SUITE_H
#define TG_REPORT_SUITE_H

#include "report/doc.h"
#include "report/runfile.h"

/* Cards of its key figures; the caller begins and ends the row. */
void report_suite_cards(struct doc *d, const struct run_file *f);
/* Its few figures at the head. */
void report_suite_summary(struct doc *d, const struct run_file *f);
/* One section a part; nothing where the run is no suite. */
void report_suite(struct doc *d, const struct run_file *f);
bool report_is_suite(const struct run_file *f);
/* What the run shows, in words; nothing where no rule has anything to say. */
void report_findings(struct doc *d, const struct run_file *f);

#endif
