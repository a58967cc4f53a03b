/* SPDX-License-Identifier: MIT */
/* All processes that the library knows of, for the end of the host. */
#ifndef TEND_LIB_LIVE_H
#define TEND_LIB_LIVE_H

#include "process.h"

/* [any] 0, or -ESHUTDOWN: nothing is started any more. */
int tend__live_check(struct tend_error *err);
/*
 * [any] Once for each process that runs: from then on exit(3) ends it, if it is armed.  0, or -ESHUTDOWN: that is over
 * already, and nobody else will end it.
 */
int tend__live_add(tend_process *p, struct tend_error *err);
/* [any] Whether the host is ending. */
bool tend__live_is_over(void);
/* [last owner] */
void tend__live_remove(tend_process *p);

#endif
