/* SPDX-License-Identifier: MIT */
/*
 * Problem: use liburcu from threads that come and go in a process that may fork at any moment.
 *
 * liburcu keeps a registry of reader threads.  After a fork(2) in the middle of a section the child would wait for a
 * reader that does not exist there, for ever.  The fork gate prevents it: a lock that readers hold shared while they
 * are online, and grace periods while they run; the atfork handler takes it exclusively.  So at the instant of a fork
 * no reader is registered and no mutex of liburcu's is held on our behalf, and the child can use the library afresh.
 *
 * Invariants
 *   I1  A thread is registered with liburcu exactly while it holds the gate shared on its own behalf.
 *   I2  No thread blocks while it is online, except on the mutex of a stream, whose holders do not block either.
 *   I3  One grace period at a time: concurrent callers inside liburcu 0.13 may sleep 10 ms on each other.
 */
#include "rcu.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "lock.h"

char tend__rcu_tag;

static pthread_rwlock_t gate;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int setup_result;
static struct tend__lock grace = TEND__LOCK_INIT(TEND__RANK_RCU);
static _Atomic unsigned generation;

/* Writers first, or a stream of readers could keep a fork waiting. */
static void gate_init(void)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&gate, &attr);
	pthread_rwlockattr_destroy(&attr);
}

static void before_fork(void)
{
	pthread_rwlock_wrlock(&gate);
}

static void after_fork_in_parent(void)
{
	pthread_rwlock_unlock(&gate);
}

/* The child has one thread: it makes the locks anew instead of unlocking what other threads' copies may hold. */
static void after_fork_in_child(void)
{
	gate_init();
	tend__lock_init(&grace, TEND__RANK_RCU);
	atomic_fetch_add_explicit(&generation, 1, memory_order_relaxed);
}

static void setup(void)
{
	gate_init();
	setup_result = -pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

int tend__rcu_setup(void)
{
	pthread_once(&once, setup);
	return setup_result;
}

unsigned tend__fork_generation(void)
{
	return atomic_load_explicit(&generation, memory_order_relaxed);
}

void tend__rcu_hold_forks(void)
{
	pthread_rwlock_rdlock(&gate);
}

void tend__rcu_allow_forks(void)
{
	pthread_rwlock_unlock(&gate);
}

void tend__rcu_online(void)
{
	pthread_rwlock_rdlock(&gate);
	urcu_mb_register_thread();
}

void tend__rcu_offline(void)
{
	urcu_mb_unregister_thread();
	pthread_rwlock_unlock(&gate);
}

void tend__rcu_synchronize(void)
{
	if (urcu_mb_read_ongoing())
		abort(); /* it would wait for itself */
	pthread_rwlock_rdlock(&gate);
	tend__lock(&grace);
	urcu_mb_synchronize_rcu();
	TEND__GRACE_OVER(&tend__rcu_tag);
	tend__unlock(&grace);
	pthread_rwlock_unlock(&gate);
}
