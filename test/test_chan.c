/* SPDX-License-Identifier: MIT */
/*
 * The channel on one thread: capacity, order, the end, eviction, cancel.  What needs two threads is in model/ and
 * stress_chan.c.
 */
#include "chan.h"

#include <errno.h>

#include "clock.h"
#include "test.h"

#define JUST_BELOW_THE_WRAP 0xfffffffeu

static struct tend__parker tx, rx;

static struct tend__item item(uint64_t i)
{
	return (struct tend__item){
		.slab = (struct tend__slab *)(uintptr_t)(64 * (i + 1)),
		.at = (uint32_t)i + 1,
		.size = 10,
		.offset = i * 10,
		.sequence = i,
		.count = 1,
		.before = i ? (int32_t)i : -1,
	};
}

static void open_chan(struct tend__chan *c, uint32_t capacity, bool evicting, uint32_t first_index)
{
	tend__parker_init(&tx);
	tend__parker_init(&rx);
	memset(c, 0, sizeof *c);
	CHECK_INT(0, tend__chan_init(c, capacity, evicting, &tx, &rx, first_index));
}

static enum tend__push push(struct tend__chan *c, uint64_t i)
{
	struct tend__item it = item(i), evicted;

	return tend__chan_push(c, &it, &evicted);
}

static void check_pop(struct tend__chan *c, uint64_t i)
{
	struct tend__item it, want = item(i);

	memset(&it, 0, sizeof it);
	CHECK_INT(TEND__ITEM, tend__chan_try_pop(c, &it));
	CHECK(it.slab == want.slab && it.at == want.at && it.size == want.size && it.offset == want.offset);
	CHECK(it.sequence == want.sequence && it.count == 1 && it.before == want.before);
}

static void finish(struct tend__chan *c, uint64_t n)
{
	const struct tend__terminal t = { .ending = 1, .error = 5, .offset = n * 10, .sequence = n };

	tend__chan_finish(c, &t);
}

/* OE-31: capacity is exact, whatever the power of two above it; the end takes none of it. */
static void capacity_is_exact(void)
{
	for (uint32_t capacity = 1; capacity <= 9; capacity++) {
		struct tend__chan c;
		struct tend__item it;

		open_chan(&c, capacity, false, JUST_BELOW_THE_WRAP);
		for (uint32_t i = 0; i < capacity; i++)
			CHECK_INT(TEND__PUSHED, push(&c, i));
		CHECK_INT(TEND__FULL, push(&c, capacity));
		finish(&c, capacity);
		CHECK(tend__chan_check(&c));
		for (uint32_t i = 0; i < capacity; i++)
			check_pop(&c, i);
		CHECK_INT(TEND__END, tend__chan_try_pop(&c, &it));
		CHECK_INT(TEND__END, tend__chan_try_pop(&c, &it));
		CHECK_INT(5, c.terminal.error);
		CHECK_INT(capacity * 10, c.terminal.offset);
		tend__chan_fini(&c);
	}
}

static void indices_wrap(void)
{
	struct tend__chan c;

	open_chan(&c, 3, false, JUST_BELOW_THE_WRAP - 100);
	for (uint64_t i = 0; i < 1000; i++) {
		CHECK_INT(TEND__PUSHED, push(&c, 2 * i));
		CHECK_INT(TEND__PUSHED, push(&c, 2 * i + 1));
		CHECK(tend__chan_check(&c));
		check_pop(&c, 2 * i);
		check_pop(&c, 2 * i + 1);
	}
	tend__chan_fini(&c);
}

static void evicting_keeps_the_newest(void)
{
	for (uint32_t capacity = 1; capacity <= 5; capacity++) {
		struct tend__chan c;

		open_chan(&c, capacity, true, JUST_BELOW_THE_WRAP);
		for (uint64_t i = 0; i < 20; i++) {
			struct tend__item it = item(i), evicted = { .size = 0 };
			enum tend__push r = tend__chan_push(&c, &it, &evicted);

			CHECK_INT(i < capacity ? TEND__PUSHED : TEND__PUSHED_EVICTING, r);
			if (r == TEND__PUSHED_EVICTING)
				CHECK_INT(i - capacity, evicted.sequence);
			CHECK(tend__chan_check(&c));
		}
		for (uint64_t i = 20 - capacity; i < 20; i++)
			check_pop(&c, i);
		CHECK_INT(0, c.start_sequence); /* the books begin where the first item was, evicted or not */
		tend__chan_fini(&c);
	}
}

static void start_is_set_once(void)
{
	struct tend__chan c;

	open_chan(&c, 2, false, 0);
	tend__chan_start(&c, 70, 7);
	push(&c, 9);
	CHECK_INT(70, c.start_offset);
	CHECK_INT(7, c.start_sequence);
	tend__chan_fini(&c);
}

static void closed_takes_no_more(void)
{
	struct tend__chan c;
	struct tend__item it;

	open_chan(&c, 4, false, 0);
	push(&c, 0);
	push(&c, 1);
	tend__chan_close(&c);
	CHECK_INT(TEND__RX_CLOSED, push(&c, 2));
	CHECK(tend__chan_drain(&c, &it) && it.sequence == 0);
	CHECK(tend__chan_drain(&c, &it) && it.sequence == 1);
	CHECK(!tend__chan_drain(&c, &it));
	tend__chan_fini(&c);
}

/* What was not pushed into it any more would look lost in front of an end that is further on. */
static void closed_hears_of_no_end(void)
{
	struct tend__chan c;
	struct tend__item it;

	open_chan(&c, 4, false, 0);
	push(&c, 0);
	tend__chan_close(&c);
	CHECK_INT(TEND__RX_CLOSED, push(&c, 1));
	finish(&c, 2);
	CHECK_INT(TEND__ITEM, tend__chan_pop(&c, &it, 0));
	CHECK_INT(TEND__LATE, tend__chan_pop(&c, &it, 0));
	tend__chan_cancel(&c, false);
	CHECK_INT(TEND__CANCELLED, tend__chan_pop(&c, &it, TEND__NEVER));
	tend__chan_fini(&c);
}

/* Completion, then data, then cancel, then deadline: always in this order (CL-6, CL-9, OE-6, OE-13). */
static void priorities_are_fixed(void)
{
	struct tend__chan c;
	struct tend__item it;

	for (int round = 0; round < 200; round++) {
		open_chan(&c, 4, round % 2, 0);
		push(&c, 0);
		tend__chan_cancel(&c, false);
		CHECK_INT(TEND__ITEM, tend__chan_pop(&c, &it, 0));
		CHECK_INT(TEND__CANCELLED, tend__chan_pop(&c, &it, 0));
		finish(&c, 1);
		CHECK_INT(TEND__END, tend__chan_pop(&c, &it, 0));
		tend__chan_cancel(&c, true);
		CHECK_INT(TEND__CANCELLED, tend__chan_pop(&c, &it, TEND__NEVER));
		tend__chan_fini(&c);
	}
	open_chan(&c, 1, false, 0);
	CHECK_INT(TEND__LATE, tend__chan_pop(&c, &it, 0));
	CHECK_INT(TEND__LATE, tend__chan_pop(&c, &it, tend__now_ns() + 1000000));
	push(&c, 0);
	CHECK_INT(TEND__ITEM, tend__chan_pop(&c, &it, 1)); /* long past */
	tend__chan_fini(&c);
}

/* A producer that asked for room is unparked by the pop that makes it, and by a close. */
static void wanted_room_unparks(void)
{
	struct tend__chan c;
	struct tend__item it;

	open_chan(&c, 1, false, 0);
	CHECK(!tend__chan_want_room(&c)); /* there is room */
	push(&c, 0);
	CHECK(tend__chan_want_room(&c));
	CHECK(!tend__park(&tx, 0));
	tend__chan_try_pop(&c, &it);
	CHECK(tend__park(&tx, 0));
	push(&c, 1);
	CHECK(tend__chan_want_room(&c));
	tend__chan_close(&c);
	CHECK(tend__park(&tx, 0));
	CHECK(!tend__chan_want_room(&c));
	CHECK(tend__chan_drain(&c, &it));
	tend__chan_fini(&c);
}

/* Also when the producer has not needed to look at how far the consumer is. */
static void half_full_means_now(void)
{
	struct tend__chan c;

	open_chan(&c, 8, false, JUST_BELOW_THE_WRAP);
	for (uint64_t i = 0; i < 8; i++) {
		push(&c, i);
		CHECK_INT(i >= 3, tend__chan_is_half_full(&c));
	}
	for (uint64_t i = 0; i < 7; i++)
		check_pop(&c, i);
	CHECK(!tend__chan_is_half_full(&c));
	for (uint64_t i = 8; i < 11; i++) {
		CHECK(!tend__chan_is_half_full(&c));
		push(&c, i);
	}
	CHECK(tend__chan_is_half_full(&c));
	tend__chan_fini(&c);
}

/* A consumer that has taken all it was woken for is left asleep until there is another item, or the end. */
static void wakes_once_for_an_item(void)
{
	struct tend__chan c;

	open_chan(&c, 4, false, JUST_BELOW_THE_WRAP);
	for (uint64_t i = 0; i < 8; i++) {
		CHECK(tend__chan_watch(&c));
		tend__chan_wake(&c);
		CHECK(!tend__park(&rx, 0));
		push(&c, i);
		tend__chan_wake(&c);
		CHECK(tend__park(&rx, 0));
		check_pop(&c, i);
	}
	CHECK(tend__chan_watch(&c));
	finish(&c, 8);
	CHECK(tend__park(&rx, 0));
	tend__chan_fini(&c);
}

static void parker_keeps_one_token(void)
{
	struct tend__parker p;

	tend__parker_init(&p);
	tend__unpark(&p);
	tend__unpark(&p);
	CHECK(tend__park(&p, TEND__NEVER));
	CHECK(!tend__park(&p, 0));
	CHECK(!tend__park(&p, tend__now_ns() + 1000000));
	tend__unpark(&p);
	CHECK(tend__park(&p, 0));
}

static const struct test tests[] = {
	{ "capacity_is_exact", capacity_is_exact },
	{ "indices_wrap", indices_wrap },
	{ "evicting_keeps_the_newest", evicting_keeps_the_newest },
	{ "start_is_set_once", start_is_set_once },
	{ "closed_takes_no_more", closed_takes_no_more },
	{ "closed_hears_of_no_end", closed_hears_of_no_end },
	{ "priorities_are_fixed", priorities_are_fixed },
	{ "wanted_room_unparks", wanted_room_unparks },
	{ "half_full_means_now", half_full_means_now },
	{ "wakes_once_for_an_item", wakes_once_for_an_item },
	{ "parker_keeps_one_token", parker_keeps_one_token },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "chan", tests, sizeof tests / sizeof *tests);
}
