/* SPDX-License-Identifier: MIT */
/* All processes that the library knows of, for the end of the host. */
#ifndef TEND_LIB_LIVE_H
#define TEND_LIB_LIVE_H

#include "process.h"

/* A spawn under way: its child has no handle yet.  Guarded by the lock of the list. */
struct tend__flight {
	tend_process *p;
	void (*close_in_copy)(struct tend__flight *f); /* in a fork of the host: what of the spawn is nobody's there */
	bool is_armed;                                 /* the child is to end with the host */
	bool is_up;
	struct tend__flight *prev, *next;
};

/* [any] 0, or -ESHUTDOWN: nothing is started any more. */
int tend__live_check(struct tend_error *err);
/*
 * [any] Before the first descriptor of a spawn, and behind the last one: the end of the host waits for what is in
 * between, for a bounded time, and ends a child that has not executed by then.  0, or -ESHUTDOWN.
 */
int tend__live_take_off(struct tend__flight *f, struct tend_error *err);
void tend__live_land(struct tend__flight *f);
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
