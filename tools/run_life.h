/* SPDX-License-Identifier: MIT */
/* A run from its first start to its last end. */
#ifndef TEND_TOOLS_RUN_LIFE_H
#define TEND_TOOLS_RUN_LIFE_H

#include "run.h"

/*
 * Starts the program, sees it to its end, and starts it again as its policy says.  The exit status that tend takes from
 * it.  `on_start` is called when it runs for the first time (NULL: nobody wants to know) and returns 0, or a status
 * after saying what has failed: then the program is killed.  The thread that calls is the run's owner.
 */
int run_life(struct run *run, int (*on_start)(struct run *run));

/* The process has exited: nobody but its owner uses it any more.  Owner only. */
bool run_is_gone(struct run *run);

/* "exit code 3", "ended by SIGTERM": of a run that has a result.  Returns `how`. */
#define RUN_HOW_SIZE 64
const char *run_how(const struct run *run, char how[RUN_HOW_SIZE]);

#endif
