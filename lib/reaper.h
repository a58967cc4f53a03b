/* SPDX-License-Identifier: MIT */
/* The one thread that sees children exit, reaps them, and drives stops by their deadlines. */
#ifndef TEND_LIB_REAPER_H
#define TEND_LIB_REAPER_H

#include "process.h"

/* [any] Starts the reaper unless it runs.  0, or an error: -EMFILE, -ENOMEM, -EAGAIN. */
int tend__reaper_start(struct tend_error *err);
/* [any] Watches p->pidfd; takes a reference until the exit has been seen.  0, or -ENOMEM, -ENOSPC. */
int tend__reaper_watch(tend_process *p);
/*
 * [any, locked] p->stopping has a new plan (or kill_asked), or the process was released: the reaper will look at it.
 * Takes a reference until the stop has ended.
 */
void tend__reaper_notify_locked(tend_process *p);
/* [any] Whether this is the reaper's own thread, which nobody may make wait for the reaper. */
bool tend__is_reaper(void);

#endif
