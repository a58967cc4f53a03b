/* SPDX-License-Identifier: MIT */
/* Ranked mutexes: plain ones, and in debug builds a per-thread record of the ranks held. */
#include "lock.h"

#include <stdlib.h>

#ifdef TEND_DEBUG
static _Thread_local unsigned held; /* bit r: a lock of rank r is held by this thread */

static void note_lock(enum tend__rank rank)
{
	if (held >> rank)
		abort(); /* a lock of this rank or a higher one is held already */
	held |= 1u << rank;
}

static void note_unlock(enum tend__rank rank)
{
	held &= ~(1u << rank);
}
#else
static void note_lock(enum tend__rank rank)
{
	(void)rank;
}

static void note_unlock(enum tend__rank rank)
{
	(void)rank;
}
#endif

void tend__lock_init(struct tend__lock *lock, enum tend__rank rank)
{
	pthread_mutex_init(&lock->mutex, NULL);
	lock->rank = rank;
}

void tend__lock_destroy(struct tend__lock *lock)
{
	pthread_mutex_destroy(&lock->mutex);
}

void tend__lock(struct tend__lock *lock)
{
	note_lock(lock->rank);
	pthread_mutex_lock(&lock->mutex);
}

void tend__unlock(struct tend__lock *lock)
{
	note_unlock(lock->rank);
	pthread_mutex_unlock(&lock->mutex);
}
