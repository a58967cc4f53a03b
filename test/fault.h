/* SPDX-License-Identifier: MIT */
/*
 * Makes the i-th allocation or system call fail, so that every way out of a function can be walked.  Linked in
 * place of lib/mem.c and lib/sys.c; without a fault armed it does what they do.
 */
#ifndef TEND_TEST_FAULT_H
#define TEND_TEST_FAULT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * From now on, the i-th allocation (from 1) fails, once.  i = 0 disarms.  Frees never fail.
 */
void fault_fail_alloc(unsigned long i);

/*
 * From now on, the i-th call (from 1) of tend__sys_<name>, or of any of them where name is NULL, returns -error
 * instead of doing anything, once.  i = 0 disarms.  A name that fault.c does not know aborts.
 */
void fault_fail_sys(const char *name, unsigned long i, int error);
/* The i-th call and all that come after it.  "alloc" is any allocation here. */
void fault_fail_sys_from(const char *name, unsigned long i, int error);

/* What a call may do that is no error. */
enum fault_twist {
	FAULT_SHORT = 1, /* read, write: one byte */
	FAULT_AGAIN,     /* the same, where the call does not wait: EAGAIN */
	FAULT_SPURIOUS,  /* poll: ready for all, unless it only looks; futex_wait: woken; epoll_wait: nothing; wait: not
	                    yet, where it leaves the status */
	FAULT_THIEF,     /* wait: somebody else in the host has reaped the child a moment before, if it had ended */
	FAULT_INTERRUPT  /* "interrupt", which is any call that a signal can end early: EINTR, below lib/sys.c */
};
/* The i-th call does so, or, where `lasting`, this one and all that come after it. */
void fault_twist(const char *name, unsigned long i, enum fault_twist twist, bool lasting);

/* Whether faults hit only calls made by the thread that armed them; false at start and after fault_reset(). */
void fault_only_this_thread(bool only);

/* From now on, no call of tend__sys_write() writes more than `most` bytes.  0: as many as there is room for. */
void fault_shorten_writes(size_t most);

/* Whether a fault has hit since it was armed. */
bool fault_fired(void);
/* Disarms all of them; writes are not shortened any more. */
void fault_reset(void);

/* How often tend__sys_<name> was called since the program began, by any thread. */
unsigned long fault_sys_calls(const char *name);

/* The name of the i-th call (from 0) that there is, "alloc" and "interrupt" among them; NULL behind the last one. */
const char *fault_call_name(size_t i);

#endif
