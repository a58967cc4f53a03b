/* SPDX-License-Identifier: MIT */
/*
 * Sleeping and waking: the only way in which a library call blocks, but for poll and epoll in the reader and the
 * reaper.
 *
 * A *parker* is one thread's place to sleep, with a token: an unpark that comes first makes the next park return at
 * once.  A *gate* is a flag in front of a parker that says "somebody waits for this condition", so that the common
 * case, nobody waits, costs the waker one load.  An *event* lets any number of threads wait for a state to change.
 * A return for no reason is always legal; everybody loops on a predicate of its own.
 */
#ifndef TEND_LIB_WAKE_H
#define TEND_LIB_WAKE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct tend__parker {
	_Atomic uint32_t word; /* empty, notified, parked; written by the sleeper and every waker */
	_Atomic int32_t fd;    /* an eventfd that every unpark rings as well, -1: none */
};

/* [any] */
void tend__parker_init(struct tend__parker *p);
/* [sleeper] From the next gate that it arms on, its wakers ring the eventfd too: for a sleeper in poll(2). */
void tend__parker_set_fd(struct tend__parker *p, int eventfd);
/* [any] Everything before it happens before the park that takes the token returns. */
void tend__unpark(struct tend__parker *p);
/* [sleeper] True: a token was taken.  False: the deadline (see clock.h) has passed and there was none. */
bool tend__park(struct tend__parker *p, int64_t deadline);

struct tend__gate {
	_Atomic uint32_t armed; /* set by the waiter, cleared by whoever is first */
};

/* [waiter] Arm, look at every reason to go on (with seq_cst loads), then park or disarm. */
void tend__gate_init(struct tend__gate *g);
void tend__gate_arm(struct tend__gate *g);
void tend__gate_disarm(struct tend__gate *g);
/* [any] After the change (a seq_cst store): wakes the waiter if the gate is armed. */
void tend__gate_notify(struct tend__gate *g, struct tend__parker *p);

struct tend__event {
	_Atomic uint32_t generation; /* raised at every signal */
	_Atomic uint32_t waiters;
};

/* [any] for (g = begin; !predicate; g = again) if (!sleep(g)) break; end */
void tend__event_init(struct tend__event *e);
uint32_t tend__event_begin(struct tend__event *e);
uint32_t tend__event_again(struct tend__event *e);
/* False: the deadline has passed; the predicate is then to be looked at once more. */
bool tend__event_sleep(struct tend__event *e, uint32_t generation, int64_t deadline);
void tend__event_end(struct tend__event *e);
/* [any] After the change. */
void tend__event_signal(struct tend__event *e);

#endif
