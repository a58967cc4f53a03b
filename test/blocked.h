/* SPDX-License-Identifier: MIT */
/* A call that blocks on a thread of its own, and is known to be asleep before its waker acts.  On the main thread. */
#ifndef TEND_TEST_BLOCKED_H
#define TEND_TEST_BLOCKED_H

#include <stdatomic.h>
#include <stdbool.h>

#include "asleep.h"
#include "thread.h"

struct blocked {
	struct test_thread thread;
	void (*call)(struct test_thread *t, void *arg);
	void *arg;
	_Atomic pid_t tid;
	_Atomic bool returned;
};

/* Runs call(t, arg) on a thread of its own; `call` checks what comes out of it with WORKER_CHECK. */
void blocked_start(struct blocked *b, void (*call)(struct test_thread *t, void *arg), void *arg);

/*
 * Waits until the call sleeps there; records a failure when it returns instead.  Where the kernel does not tell (under
 * valgrind), only until it has begun.
 */
bool blocked_in(struct blocked *b, struct asleep_place place);

/* The same for any other thread. */
bool blocked_thread_in(pid_t tid, struct asleep_place place);

/* Where a callback is held on purpose, until the test lets it go. */
struct gate {
	int begun[2], go_on[2]; /* pipes */
};

void gate_open(struct gate *g);
/* In the callback: says that it has begun, and waits to be let go.  Any thread. */
void gate_hold(struct gate *g);
/* Waits until a callback has begun; lets one go. */
void gate_await(struct gate *g);
void gate_release(struct gate *g);
void gate_close(struct gate *g);

/* The call returns, or the runner's watchdog shows where it still is. */
void blocked_end(struct blocked *b);

#endif
