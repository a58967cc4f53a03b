/* SPDX-License-Identifier: MIT */
/* The channel between two running threads: every item once, in order, its bytes intact; under TSan, its orders. */
#include <stdlib.h>

#include "chan.h"
#include "clock.h"
#include "test.h"
#include "thread.h"

#define SLAB 256
#define MOST_ITEMS 200000

static struct tend__chan chan;
static struct tend__parker tx, rx;
static struct tend__pool *pool;
static uint64_t n_items;
static bool evicting, waits;
static uint64_t evicted_bytes, refused_bytes;

static void check_item(struct test_thread *t, const struct tend__item *item)
{
	for (uint32_t i = 0; i < item->size; i++)
		if (item->slab->data[item->at + i] != (unsigned char)(item->offset + i)) {
			WORKER_CHECK(t, false && "the byte that was written");
			return;
		}
}

static void push_one(struct test_thread *t, const struct tend__item *item)
{
	struct tend__item evicted;

	for (;;) {
		switch (tend__chan_push(&chan, item, &evicted)) {
		case TEND__PUSHED_EVICTING:
			check_item(t, &evicted);
			evicted_bytes += evicted.size;
			tend__slab_unref(evicted.slab);
			return;
		case TEND__PUSHED:
			return;
		case TEND__FULL:
			break;
		default:
			WORKER_CHECK(t, false && "nobody closes it");
			return;
		}
		if (!waits) {
			refused_bytes += item->size;
			tend__slab_unref(item->slab);
			return;
		}
		tend__chan_wake(&chan);
		if (tend__chan_want_room(&chan))
			tend__park(&tx, TEND__NEVER);
	}
}

static void producer(struct test_thread *t, void *arg)
{
	struct tend__terminal end = { .ending = 1 };
	unsigned seed = *(const unsigned *)arg;

	for (uint64_t i = 0; i < n_items; i++) {
		struct tend__slab *slab = tend__slab_new(pool);
		uint32_t size = 1 + (uint32_t)rand_r(&seed) % SLAB;
		struct tend__item item = {
			.slab = slab, .size = size, .offset = end.offset, .sequence = i, .count = 1
		};

		for (uint32_t k = 0; k < size; k++)
			slab->data[k] = (unsigned char)(end.offset + k);
		push_one(t, &item);
		if (i % 8 == 7 || tend__chan_is_half_full(&chan))
			tend__chan_wake(&chan);
		end.offset += size;
		end.sequence++;
	}
	tend__chan_finish(&chan, &end);
}

static void consume(struct test_thread *t)
{
	uint64_t got = 0, lost = 0;
	struct tend__item item;
	enum tend__pop r;

	while ((r = tend__chan_pop(&chan, &item, TEND__NEVER)) == TEND__ITEM) {
		if (!WORKER_CHECK(t, item.offset >= got + lost))
			break;
		lost = item.offset - got;
		got += item.size;
		check_item(t, &item);
		tend__slab_unref(item.slab);
	}
	WORKER_CHECK(t, r == TEND__END);
	lost = chan.terminal.offset - got;
	WORKER_CHECK_INT(t, (intmax_t)(evicted_bytes + refused_bytes), (intmax_t)lost);
}

static void consumer(struct test_thread *t, void *arg)
{
	(void)arg;
	consume(t);
}

static void run(uint32_t capacity, bool is_evicting, bool does_wait)
{
	struct test_thread p, c;
	unsigned seed = capacity;

	n_items = test_under_valgrind()                            ? MOST_ITEMS / 100
	          : test_under_sanitizer() || getenv("TEST_ROUND") ? MOST_ITEMS / 10
	                                                           : MOST_ITEMS;
	evicting = is_evicting;
	waits = does_wait;
	evicted_bytes = refused_bytes = 0;
	pool = tend__pool_new(SLAB, 8);
	tend__parker_init(&tx);
	tend__parker_init(&rx);
	CHECK_INT(0, tend__chan_init(&chan, capacity, evicting, &tx, &rx, UINT32_MAX - 5));
	test_thread_start(&c, consumer, NULL);
	test_thread_start(&p, producer, &seed);
	test_thread_join(&p);
	test_thread_join(&c);
	CHECK(tend__chan_check(&chan));
	CHECK(!does_wait || evicted_bytes + refused_bytes == 0);
	tend__chan_fini(&chan);
	tend__pool_close(pool);
}

static void reliable_loses_nothing(void)
{
	static const uint32_t capacities[] = { 1, 2, 5, 64 };

	for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++)
		run(capacities[i], false, true);
}

static void refusing_accounts_for_all(void)
{
	run(1, false, false);
	run(7, false, false);
}

static void evicting_accounts_for_all(void)
{
	run(1, true, false);
	run(7, true, false);
}

static const struct test tests[] = {
	{ "reliable_loses_nothing", reliable_loses_nothing },
	{ "refusing_accounts_for_all", refusing_accounts_for_all },
	{ "evicting_accounts_for_all", evicting_accounts_for_all },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "stress_chan", tests, sizeof tests / sizeof *tests);
}
