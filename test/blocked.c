/* SPDX-License-Identifier: MIT */
/* Waits for calls to fall asleep, and holds callbacks. */
#include "blocked.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "test.h"

static void run(struct test_thread *t, void *arg)
{
	struct blocked *b = arg;

	atomic_store(&b->tid, gettid());
	b->call(t, b->arg);
	atomic_store(&b->returned, true);
}

void blocked_start(struct blocked *b, void (*call)(struct test_thread *t, void *arg), void *arg)
{
	b->call = call;
	b->arg = arg;
	atomic_init(&b->tid, 0);
	atomic_init(&b->returned, false);
	test_thread_start(&b->thread, run, b);
}

bool blocked_in(struct blocked *b, struct asleep_place place)
{
	bool can_be_known = asleep_can_be_known();

	while (!atomic_load(&b->tid))
		poll(NULL, 0, 1);
	while (can_be_known && !asleep_is(atomic_load(&b->tid), place)) {
		if (atomic_load(&b->returned))
			return test_check(false, "the call did not block", __FILE__, __LINE__);
		poll(NULL, 0, 1);
	}
	return true;
}

bool blocked_thread_in(pid_t tid, struct asleep_place place)
{
	if (!asleep_can_be_known())
		return true;
	if (!CHECK(tid > 0))
		return false;
	while (!asleep_is(tid, place))
		poll(NULL, 0, 1);
	return true;
}

void blocked_end(struct blocked *b)
{
	test_thread_join(&b->thread);
}

/* ---- gates ---- */

void gate_open(struct gate *g)
{
	CHECK_INT(0, pipe2(g->begun, O_CLOEXEC));
	CHECK_INT(0, pipe2(g->go_on, O_CLOEXEC));
}

void gate_hold(struct gate *g)
{
	char byte = 'x';

	if (write(g->begun[1], &byte, 1) != 1 || read(g->go_on[0], &byte, 1) != 1)
		abort(); /* it was closed under us */
}

void gate_await(struct gate *g)
{
	char byte;

	CHECK_INT(1, read(g->begun[0], &byte, 1));
}

void gate_release(struct gate *g)
{
	CHECK_INT(1, write(g->go_on[1], "x", 1));
}

void gate_close(struct gate *g)
{
	for (int i = 0; i < 2; i++) {
		close(g->begun[i]);
		close(g->go_on[i]);
	}
}
