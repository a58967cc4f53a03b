/* SPDX-License-Identifier: MIT */
/*
 * Problem: a child that dies with its parent (PR_SET_PDEATHSIG) gets the signal when the *thread* that cloned it ends,
 * prctl(2), and the host's threads come and go.
 *
 * So such children are cloned by one thread of the library's, which is started with the first of them and lives as long
 * as the host.  It sleeps on `changed`, which every request signals; the requester sleeps on the same event until its
 * request, which lies on its own stack, is done.  One clone at a time: the requests are served in their order.
 *
 * In a forked child there is no spawner: the state is made anew.
 *
 * Ordering pairs
 *   (E) what the clone left in the request before `done`.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "clock.h"
#include "lock.h"
#include "spawn.h"
#include "sys.h"
#include "wake.h"

#define SPAWNER_STACK ((size_t)64 << 10)

struct request {
	void (*clone_it)(struct tend__spawning *s);
	struct tend__spawning *s;
	_Atomic uint32_t done;
	struct request *next;
};

static struct {
	struct tend__lock lock; /* guards all but `changed` */
	bool running, has_atfork;
	struct request *first, **last;
	struct tend__event changed; /* first; any request's done */
} spawner = {
	.lock = TEND__LOCK_INIT(TEND__RANK_SETUP),
	.last = &spawner.first,
};

static struct request *take(void)
{
	struct request *r;

	tend__lock(&spawner.lock);
	r = spawner.first;
	if (r) {
		spawner.first = r->next;
		if (!spawner.first)
			spawner.last = &spawner.first;
	}
	tend__unlock(&spawner.lock);
	return r;
}

static void *run(void *arg)
{
	(void)arg;
	tend__sys_name_thread("tend-spawner");
	for (;;) {
		uint32_t g = tend__event_begin(&spawner.changed);
		struct request *r;

		while (!(r = take())) {
			tend__event_sleep(&spawner.changed, g, TEND__NEVER);
			g = tend__event_again(&spawner.changed);
		}
		tend__event_end(&spawner.changed);
		r->clone_it(r->s);
		/* (E) pairs with (E) in is_done */
		atomic_store_explicit(&r->done, 1, memory_order_release);
		tend__event_signal(&spawner.changed); /* the request may be gone by now */
	}
	return NULL;
}

static void after_fork_in_child(void)
{
	tend__lock_init(&spawner.lock, TEND__RANK_SETUP);
	tend__event_init(&spawner.changed);
	spawner.running = false;
	spawner.first = NULL;
	spawner.last = &spawner.first;
}

/* [locked] */
static int start(void)
{
	pthread_t thread;
	int r;

	if (!spawner.has_atfork) {
		r = -pthread_atfork(NULL, NULL, after_fork_in_child);
		if (r < 0)
			return r;
		spawner.has_atfork = true;
	}
	r = tend__sys_thread(&thread, SPAWNER_STACK, run, NULL);
	if (r == 0)
		pthread_detach(thread);
	spawner.running = r == 0;
	return r;
}

static bool is_done(struct request *r)
{
	/* (E) pairs with (E) in run */
	return atomic_load_explicit(&r->done, memory_order_acquire);
}

static void await(struct request *r)
{
	uint32_t g = tend__event_begin(&spawner.changed);

	while (!is_done(r)) {
		tend__event_sleep(&spawner.changed, g, TEND__NEVER);
		g = tend__event_again(&spawner.changed);
	}
	tend__event_end(&spawner.changed);
}

int tend__spawner_run(void (*clone_it)(struct tend__spawning *s), struct tend__spawning *s)
{
	struct request request = { .clone_it = clone_it, .s = s };
	int r = 0;

	atomic_init(&request.done, 0);
	tend__lock(&spawner.lock);
	if (!spawner.running)
		r = start();
	if (r == 0) {
		*spawner.last = &request;
		spawner.last = &request.next;
	}
	tend__unlock(&spawner.lock);
	if (r < 0)
		return r;
	tend__event_signal(&spawner.changed);
	await(&request);
	return 0;
}
