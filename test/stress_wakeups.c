/* SPDX-License-Identifier: MIT */
/*
 * No wake-up is lost where a waiter arms its gate and looks, and a waker changes what it looks for and looks at the
 * gate, both at the same moment: for each round the two threads meet first, and then set off some nanoseconds apart.
 * A store that is not seq_cst waits in a processor's store buffer while the load behind it is done already, so with
 * one that is too weak both see nothing, and sleep for ever.  To be seen this needs two processors, and the real ones:
 * ThreadSanitizer knows nothing of it.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "chan.h"
#include "clock.h"
#include "test.h"
#include "thread.h"

#define MOST_ROUNDS 300000
#define SPINS 2000 /* before a processor is given to whom it may be waiting for */

static struct tend__chan chan;
static struct tend__parker tx, rx;
static _Atomic uint32_t round_of_waiter;

static uint32_t rounds(void)
{
	if (test_under_valgrind())
		return 100;
	return test_under_sanitizer() || getenv("TEST_ROUND") ? MOST_ROUNDS / 30 : MOST_ROUNDS;
}

static struct tend__item item(uint32_t i)
{
	return (struct tend__item){ .size = 1, .offset = i, .sequence = i, .count = 1 };
}

static void meet(uint32_t i)
{
	for (uint32_t spins = 0; atomic_load_explicit(&round_of_waiter, memory_order_relaxed) != i; spins++)
		if (spins >= SPINS)
			sched_yield();
	for (volatile uint32_t delay = i % 97; delay > 0; delay--)
		;
}

static void set_off(uint32_t i)
{
	atomic_store_explicit(&round_of_waiter, i, memory_order_relaxed);
}

static void begin(uint32_t capacity)
{
	tend__parker_init(&tx);
	tend__parker_init(&rx);
	atomic_store_explicit(&round_of_waiter, 0, memory_order_relaxed);
	CHECK_INT(0, tend__chan_init(&chan, capacity, false, &tx, &rx, 0));
}

static void push_each(struct test_thread *t, void *arg)
{
	uint32_t n = rounds();

	(void)arg;
	for (uint32_t i = 1; i <= n; i++) {
		const struct tend__item it = item(i);

		meet(i);
		WORKER_CHECK_INT(t, TEND__PUSHED, tend__chan_push(&chan, &it, NULL));
		tend__chan_wake(&chan);
	}
}

static void consumers_miss_no_push(void)
{
	uint32_t n = rounds(), got = 0;
	struct test_thread t;

	begin(2);
	test_thread_start(&t, push_each, NULL);
	for (uint32_t i = 1; i <= n; i++) {
		struct tend__item it;

		set_off(i);
		got += tend__chan_pop(&chan, &it, TEND__NEVER) == TEND__ITEM && it.sequence == i;
	}
	CHECK_INT(n, got);
	test_thread_join(&t);
	tend__chan_fini(&chan);
}

static void pop_each(struct test_thread *t, void *arg)
{
	uint32_t n = rounds();

	(void)arg;
	for (uint32_t i = 1; i <= n; i++) {
		struct tend__item it;

		meet(i);
		WORKER_CHECK_INT(t, TEND__ITEM, tend__chan_try_pop(&chan, &it));
		WORKER_CHECK_INT(t, i - 1, it.sequence);
	}
}

static void producers_miss_no_room(void)
{
	uint32_t n = rounds();
	struct tend__item it = item(0);
	struct test_thread t;

	begin(1);
	CHECK_INT(TEND__PUSHED, tend__chan_push(&chan, &it, NULL));
	test_thread_start(&t, pop_each, NULL);
	for (uint32_t i = 1; i <= n; i++) {
		it = item(i);
		set_off(i);
		while (tend__chan_push(&chan, &it, NULL) == TEND__FULL)
			if (tend__chan_want_room(&chan))
				tend__park(&tx, TEND__NEVER);
	}
	test_thread_join(&t);
	CHECK_INT(1, tend__chan_fill(&chan));
	tend__chan_fini(&chan);
}

static const struct test tests[] = {
	{ "consumers_miss_no_push", consumers_miss_no_push },
	{ "producers_miss_no_room", producers_miss_no_room },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "stress_wakeups", tests, sizeof tests / sizeof *tests);
}
