/* SPDX-License-Identifier: MIT */
/*
 * Mutexes with a rank.  A thread takes locks in rising rank only, so no two threads can wait for each other; a build
 * with --enable-debug checks it at every step and aborts on a violation.  No lock is held while a thread blocks in
 * anything else: not across a park, a callback, a grace period, a clone.
 */
#ifndef TEND_LIB_LOCK_H
#define TEND_LIB_LOCK_H

#include <pthread.h>

enum tend__rank {
	TEND__RANK_SETUP = 1, /* starting the reaper */
	TEND__RANK_LIVE,      /* the list of all processes */
	TEND__RANK_GUARD,     /* the guardian's socket */
	TEND__RANK_INPUT,     /* a process's stdin */
	TEND__RANK_PROCESS,   /* signalling against reaping; the stop in progress */
	TEND__RANK_REAPER,    /* the reaper's inbox */
	TEND__RANK_STREAM,    /* replay, slots, end */
	TEND__RANK_RCU        /* one grace period at a time */
};

struct tend__lock {
	pthread_mutex_t mutex;
	enum tend__rank rank;
};
#define TEND__LOCK_INIT(r) { .mutex = PTHREAD_MUTEX_INITIALIZER, .rank = (r) }

/* [any] */
void tend__lock_init(struct tend__lock *lock, enum tend__rank rank);
void tend__lock_destroy(struct tend__lock *lock);
void tend__lock(struct tend__lock *lock);
void tend__unlock(struct tend__lock *lock);

#endif
