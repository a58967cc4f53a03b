/* SPDX-License-Identifier: MIT */
/* What happened, for programs: one JSON object, or a list of them. */
#ifndef TEND_TOOLS_RUN_REPORT_H
#define TEND_TOOLS_RUN_REPORT_H

#include "run.h"

/* Without an LF at its end; the caller frees it.  NULL: no memory. */
char *run_report_text(struct run *run);
char *run_report_list_text(struct run *runs, size_t n);

#endif
