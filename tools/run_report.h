/* SPDX-License-Identifier: MIT */
/* What happened, for programs: one JSON object. */
#ifndef TEND_TOOLS_RUN_REPORT_H
#define TEND_TOOLS_RUN_REPORT_H

#include "run.h"

/* Writes the report to run.files.report.  0 or a negative errno value. */
int run_report_write(struct run *run);

#endif
