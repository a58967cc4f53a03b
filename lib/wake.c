/* SPDX-License-Identifier: MIT */
/*
 * Problem: a thread must be able to sleep until another one has something for it, with no wake-up lost, no lock, and
 * next to no cost for a waker when nobody sleeps.
 *
 * Threads: parker: one sleeper, any number of wakers.  Gate: one waiter, any number of wakers.  Event: any of both.
 *
 * State
 *   parker.word       0 empty, 1 notified, ~0 parked.  Sleeper: 0 -> ~0, 1 -> 0, ~0 -> 0 (time over).  Wakers: any ->
 *                   1.
 *   parker.fd         sleeper, before it arms a gate; read by the wakers who found the gate armed.
 *   gate.armed        waiter: 1 before it looks, 0 after; waker: 1 -> 0.
 *   event.generation  wakers: + 1.  event.waiters: sleepers: + 1, - 1.
 *
 * Invariants
 *   I1  All changes of parker.word are read-modify-writes of one word.  So an unpark either finds `parked` and wakes,
 *       or leaves `notified`, which the park finds.  No order of the two loses the wake-up.
 *   I2  Gate (Dekker): the waiter stores armed and then loads the condition; the waker stores the condition and then
 *       loads armed; all four are seq_cst.  In their single total order at least one of the two sees the other's store.
 *   I3  Event: the generation read before the predicate is compared by the kernel before it puts the thread to sleep.
 *       waiters is raised before the generation is read, and the generation before waiters is read, all seq_cst: a
 *       signaller that sees no waiter has raised the generation before that waiter reads it.
 *
 * Exclusion
 *               park  unpark  arm/disarm  notify
 *   park         X      -         -          -       X: one thread at a time
 *   arm/disarm   -      -         X          -
 *
 * Ordering pairs
 *   (U) what was written before an unpark is visible after the park that takes its token.
 *   (G) armed against the waiter's condition; the condition's own accesses are the user's, seq_cst.
 *   (E) generation, and what was written before a signal; (W) waiters against generation.
 *
 * No fences: ThreadSanitizer does not model them.
 * Progress: unpark, notify and signal are wait-free but for the system call.
 * Reclamation: a waker may touch the futex word after the sleeper has gone on and freed it; it is a mere key then.  A
 * parker with an eventfd must outlive its wakers.
 * Not promised: fairness; that a return from park means anything.
 */
#include "wake.h"

#include <errno.h>
#include <limits.h>

#include "sys.h"

enum { EMPTY = 0, NOTIFIED = 1 };
#define PARKED UINT32_MAX

void tend__parker_init(struct tend__parker *p)
{
	atomic_init(&p->word, EMPTY);
	atomic_init(&p->fd, -1);
}

void tend__parker_set_fd(struct tend__parker *p, int eventfd)
{
	atomic_store_explicit(&p->fd, eventfd, memory_order_relaxed); /* the gate orders it */
}

void tend__unpark(struct tend__parker *p)
{
	int fd = atomic_load_explicit(&p->fd, memory_order_relaxed); /* first: see Reclamation */

	/* (U) pairs with (U) in tend__park: all that was written before */
	if (atomic_exchange_explicit(&p->word, NOTIFIED, memory_order_release) == PARKED)
		tend__sys_futex_wake(&p->word, 1);
	if (fd >= 0)
		tend__sys_ring(fd);
}

bool tend__park(struct tend__parker *p, int64_t deadline)
{
	/* (U) pairs with (U) in tend__unpark: NOTIFIED -> EMPTY, or EMPTY -> PARKED */
	if (atomic_fetch_sub_explicit(&p->word, 1, memory_order_acquire) == NOTIFIED)
		return true;
	for (;;) {
		bool time_over = tend__sys_futex_wait(&p->word, PARKED, deadline) == -ETIMEDOUT;
		uint32_t seen = NOTIFIED;

		/* (U) pairs with (U) in tend__unpark: takes the token */
		if (atomic_compare_exchange_strong_explicit(&p->word, &seen, EMPTY, memory_order_acquire,
		                                            memory_order_relaxed))
			return true;
		if (time_over)
			/* (U) pairs with (U) in tend__unpark: one may have come just now */
			return atomic_exchange_explicit(&p->word, EMPTY, memory_order_acquire) == NOTIFIED;
	}
}

void tend__gate_init(struct tend__gate *g)
{
	atomic_init(&g->armed, 0);
}

void tend__gate_arm(struct tend__gate *g)
{
	/* (G) pairs with (G) in tend__gate_notify: armed before the condition is looked at */
	atomic_store_explicit(&g->armed, 1, memory_order_seq_cst);
}

void tend__gate_disarm(struct tend__gate *g)
{
	atomic_store_explicit(&g->armed, 0, memory_order_relaxed);
}

void tend__gate_notify(struct tend__gate *g, struct tend__parker *p)
{
	/* (G) pairs with (G) in tend__gate_arm: the condition was stored before armed is looked at */
	if (!atomic_load_explicit(&g->armed, memory_order_seq_cst))
		return;
	/* (G) pairs with (G) in tend__gate_arm: the parker's eventfd.  Of several wakers one is enough. */
	if (atomic_exchange_explicit(&g->armed, 0, memory_order_acquire))
		tend__unpark(p);
}

void tend__event_init(struct tend__event *e)
{
	atomic_init(&e->generation, 0);
	atomic_init(&e->waiters, 0);
}

uint32_t tend__event_begin(struct tend__event *e)
{
	/* (W) pairs with (W) in tend__event_signal: counted before the generation is read */
	atomic_fetch_add_explicit(&e->waiters, 1, memory_order_seq_cst);
	return tend__event_again(e);
}

uint32_t tend__event_again(struct tend__event *e)
{
	/* (E) pairs with (E) in tend__event_signal: read before the predicate */
	return atomic_load_explicit(&e->generation, memory_order_seq_cst);
}

bool tend__event_sleep(struct tend__event *e, uint32_t generation, int64_t deadline)
{
	return tend__sys_futex_wait(&e->generation, generation, deadline) != -ETIMEDOUT;
}

void tend__event_end(struct tend__event *e)
{
	atomic_fetch_sub_explicit(&e->waiters, 1, memory_order_relaxed);
}

void tend__event_signal(struct tend__event *e)
{
	/* (E) pairs with (E) in tend__event_again: the change was made before */
	atomic_fetch_add_explicit(&e->generation, 1, memory_order_seq_cst);
	/* (W) pairs with (W) in tend__event_begin */
	if (atomic_load_explicit(&e->waiters, memory_order_seq_cst))
		tend__sys_futex_wake(&e->generation, INT_MAX);
}
