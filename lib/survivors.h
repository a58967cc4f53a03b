/* SPDX-License-Identifier: MIT */
/* What becomes of those that a child leaves behind when it exits by itself. */
#ifndef TEND_LIB_SURVIVORS_H
#define TEND_LIB_SURVIVORS_H

#include "process.h"

/* [reaper] The child's exit has just been seen: acts as the policy says. */
void tend__survivors_look(tend_process *p);
/* [any] Whether that is to stop them, in the case of this result. */
bool tend__survivors_are_stopped(const tend_process *p, const struct tend_result *result);
/*
 * [any] For a result: who was alive behind the exit, and, where the policy is to stop them, that stop's report, whose
 * end is waited for.
 */
void tend__survivors_report(tend_process *p, struct tend_result *result);

#endif
