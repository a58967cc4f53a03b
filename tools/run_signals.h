/* SPDX-License-Identifier: MIT */
/* Signals that tend gets itself. */
#ifndef TEND_TOOLS_RUN_SIGNALS_H
#define TEND_TOOLS_RUN_SIGNALS_H

#include "run.h"

/*
 * Blocks every signal but those that a fault raises, in this thread and all that it starts from here on.  What was
 * ignored when tend was started stays ignored (nohup(1)).  The child is not affected: the library gives it an
 * empty mask.
 */
void run_signals_block(void);

/*
 * Where no thread takes them: from here on, also those that are pending, they do to tend what they do to any program.
 * Only those that a write raises stay blocked: its error tells the same.  Main only.
 */
void run_signals_unblock(void);

/*
 * Starts the thread that takes them, for these runs: 0 or a negative errno value.  Ends it, where it was started.  Main
 * only.
 */
int run_signals_start(struct run *list, size_t n);
void run_signals_stop(void);

#endif
