/* SPDX-License-Identifier: MIT */
/* Runs a stop plan for one process: asks the table what to do, does it, and keeps the report. */
#ifndef TEND_LIB_STOPPER_H
#define TEND_LIB_STOPPER_H

#include "process.h"

/*
 * All [reaper].  Each returns whether the stop is over; if so its report is published.
 * begin: a plan was put into p->stopping.  kill: SIGKILL is wanted at once.  look: time has passed, or the child
 * exited.
 */
bool tend__stopper_begin(tend_process *p);
bool tend__stopper_kill(tend_process *p);
bool tend__stopper_look(tend_process *p);
/* Somebody joined who waits longer for SIGKILL to work. */
void tend__stopper_extend(tend_process *p);
/* When to look again at the latest. */
int64_t tend__stopper_next(const tend_process *p);

#endif
