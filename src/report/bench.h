/* bench: what stands at the end of a suite: its report beside the run file, and what is printed of it. */
#ifndef TG_BENCH_H
#define TG_BENCH_H

#include "report/report.h"

/* Makes the report from the run file and keeps it beside it as Markdown and HTML ("x.ndjson" → "x.md", "x.html"; a file that
 * is there is not written over).  Appends to out what is for stdout: JSON, or text for a terminal.  False with the last
 * reason in e where something could not be read or written; out holds what could be made all the same. */
bool bench_report(const char *run_file, bool json, const char *const *notes, size_t notes_n, struct buf *out, struct err *e);

#endif
