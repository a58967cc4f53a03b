/* SPDX-License-Identifier: MIT */
/*
 * The channel's and the parker's promises, each as a scenario of two or three threads on the code that ships
 * (lib/chan.c, lib/wake.c), explored over all schedules.  Indices start just below the wrap.
 */
#include <string.h>

#include "../lib/chan.h"
#include "../lib/clock.h"
#include "explore.h"

#define FIRST_INDEX 0xffffffffu
#define ITEM_SIZE 10
#define SOME_DEADLINE 1 /* the explorer lets a deadline pass whenever it likes */

static struct tend__parker tx SHARED, rx SHARED, rx2 SHARED;
static struct tend__chan a SHARED, b SHARED;
static _Atomic uint32_t control SHARED;

/* In place of slabs: the channel carries pointers, and what they point to. */
#define N_SLABS 16
static uint64_t slabs[N_SLABS] SHARED;

static struct tend__slab *slab_of(uint64_t i)
{
	return (struct tend__slab *)(void *)&slabs[i % N_SLABS];
}

static struct tend__item item(uint64_t i)
{
	return (struct tend__item){
		.slab = slab_of(i),
		.size = ITEM_SIZE,
		.offset = i * ITEM_SIZE,
		.sequence = i,
		.count = 1,
		.before = -1,
	};
}

/* The same with its bytes, which the reader writes once. */
static struct tend__item new_item(uint64_t i)
{
	slabs[i % N_SLABS] = i + 1;
	return item(i);
}

static bool is_item(const struct tend__item *it, uint64_t i)
{
	return it->slab == slab_of(i) && slabs[i % N_SLABS] == i + 1 && it->size == ITEM_SIZE &&
	       it->offset == i * ITEM_SIZE && it->sequence == i && it->count == 1 && it->before == -1;
}

static void set_up(struct tend__chan *c, uint32_t capacity, bool evicting, struct tend__parker *rx_parker)
{
	tend__parker_init(rx_parker);
	tend__chan_init(c, capacity, evicting, &tx, rx_parker, FIRST_INDEX);
}

static void begin(void)
{
	tend__parker_init(&tx);
	atomic_init(&control, 0);
}

static void one_slot(void) { begin(); set_up(&a, 1, false, &rx); }
static void two_slots(void) { begin(); set_up(&a, 2, false, &rx); }
static void three_slots(void) { begin(); set_up(&a, 3, false, &rx); }
static void six_slots(void) { begin(); set_up(&a, 6, false, &rx); }
static void evicting_one(void) { begin(); set_up(&a, 1, true, &rx); }
static void evicting_two(void) { begin(); set_up(&a, 2, true, &rx); }
static void two_channels(void) { one_slot(); set_up(&b, 1, false, &rx2); }

static void one_channel_over(void)
{
	CLAIM(tend__chan_check(&a));
	tend__chan_fini(&a);
}

static void two_channels_over(void)
{
	one_channel_over();
	CLAIM(tend__chan_check(&b));
	tend__chan_fini(&b);
}

static void finish(uint64_t n)
{
	const struct tend__terminal t = { .ending = 1, .offset = n * ITEM_SIZE, .sequence = n };

	tend__chan_finish(&a, &t);
}

/* What a producer that waited for room came back for, besides the results of a push. */
enum { INTERRUPTED = 100, TIME_OVER };

/* Waits for room as the reader does: asks for it, looks for commands, parks. */
static int push_until(struct tend__chan *c, uint64_t i, int64_t deadline)
{
	struct tend__item it = new_item(i), evicted;

	for (;;) {
		enum tend__push r = tend__chan_push(c, &it, &evicted);

		if (r != TEND__FULL) {
			tend__chan_wake(c);
			return (int)r;
		}
		if (!tend__chan_want_room(c))
			continue;
		if (atomic_load_explicit(&control, memory_order_acquire))
			return INTERRUPTED;
		if (!tend__park(&tx, deadline))
			return TIME_OVER;
	}
}

static int push_waiting(struct tend__chan *c, uint64_t i)
{
	return push_until(c, i, TEND__NEVER);
}

static void expect_items(uint64_t from, uint64_t to)
{
	struct tend__item it;

	for (uint64_t i = from; i < to; i++) {
		CLAIM(tend__chan_pop(&a, &it, TEND__NEVER) == TEND__ITEM);
		CLAIM(is_item(&it, i));
	}
}

static void expect_end(uint64_t n)
{
	struct tend__item it;

	CLAIM(tend__chan_pop(&a, &it, TEND__NEVER) == TEND__END);
	CLAIM(a.terminal.offset == n * ITEM_SIZE);
	CLAIM(tend__chan_pop(&a, &it, TEND__NEVER) == TEND__END); /* for ever */
}

/* ---- reliable: all of it, in order, then the end ---- */

#define N_RELIABLE 3
static void reliable_producer(void)
{
	for (uint64_t i = 0; i < N_RELIABLE; i++)
		CLAIM(push_waiting(&a, i) == TEND__PUSHED);
	finish(N_RELIABLE);
}
static void reliable_consumer(void)
{
	expect_items(0, N_RELIABLE);
	expect_end(N_RELIABLE);
}

static void two_producer(void)
{
	for (uint64_t i = 0; i < 2; i++)
		CLAIM(push_waiting(&a, i) == TEND__PUSHED);
}
static void two_consumer(void) { expect_items(0, 2); }

/* ---- a larger ring, where the producer is woken at half empty ---- */

#define N_HYSTERESIS 9
static void hysteresis_producer(void)
{
	for (uint64_t i = 0; i < N_HYSTERESIS; i++)
		CLAIM(push_waiting(&a, i) == TEND__PUSHED);
}
static void hysteresis_consumer(void) { expect_items(0, N_HYSTERESIS); }

/* ---- the consumer closes: the producer does not hang ---- */

static void closed_on_producer(void)
{
	for (uint64_t i = 0; i < 3; i++) {
		int r = push_waiting(&a, i);

		CLAIM(r == TEND__PUSHED || r == TEND__RX_CLOSED);
		if (r == TEND__RX_CLOSED)
			return;
	}
}
static void closing_consumer(void)
{
	expect_items(0, 1);
	tend__chan_close(&a);
}
static void closing_at_once(void) { tend__chan_close(&a); }

/* ---- cancel: the consumer returns; what was pushed before is there first, unless `now` ---- */

static void push_one(void) { CLAIM(push_waiting(&a, 0) == TEND__PUSHED); }
static void cancel(void) { tend__chan_cancel(&a, false); }
static void cancel_now(void) { tend__chan_cancel(&a, true); }
static void cancelled_consumer(void)
{
	struct tend__item it;
	enum tend__pop r = tend__chan_pop(&a, &it, TEND__NEVER);

	CLAIM(r == TEND__CANCELLED || (r == TEND__ITEM && is_item(&it, 0)));
	if (r == TEND__ITEM)
		CLAIM(tend__chan_pop(&a, &it, TEND__NEVER) == TEND__CANCELLED);
}
static void push_then_cancel(void)
{
	push_one();
	cancel();
}
static void draining_consumer(void)
{
	struct tend__item it;

	expect_items(0, 1);
	CLAIM(tend__chan_pop(&a, &it, TEND__NEVER) == TEND__CANCELLED);
}
static void only_cancelled_consumer(void)
{
	struct tend__item it;

	CLAIM(tend__chan_pop(&a, &it, TEND__NEVER) == TEND__CANCELLED);
}
static void one_item_inside(void)
{
	struct tend__item it = new_item(0), evicted;

	one_slot();
	tend__chan_push(&a, &it, &evicted);
}
static void stopped_consumer(void)
{
	struct tend__item it;
	enum tend__pop r = tend__chan_pop(&a, &it, TEND__NEVER);

	CLAIM(r == TEND__ITEM || r == TEND__CANCELLED);
	CLAIM(tend__chan_pop(&a, &it, TEND__NEVER) == TEND__CANCELLED);
}

/* ---- a command for a producer that waits for room ---- */

static void commanded_producer(void)
{
	CLAIM(push_waiting(&a, 0) == TEND__PUSHED);
	for (uint64_t i = 1; i < 3; i++) {
		int r = push_waiting(&a, i);

		CLAIM(r == TEND__PUSHED || r == INTERRUPTED);
		if (r == INTERRUPTED)
			return;
	}
	CLAIM(false && "two items fit into one slot");
}
static void commander(void)
{
	atomic_store_explicit(&control, 1, memory_order_release);
	tend__unpark(&tx);
}
static void idle_consumer(void)
{
	struct tend__item it;
	enum tend__pop r = tend__chan_try_pop(&a, &it);

	CLAIM(r == TEND__EMPTY || (r == TEND__ITEM && is_item(&it, 0)));
}

/* ---- deadlines: one that passes loses nothing ---- */

static void late_consumer(void)
{
	struct tend__item it;
	enum tend__pop r = tend__chan_pop(&a, &it, SOME_DEADLINE);

	CLAIM(r == TEND__LATE || r == TEND__ITEM);
	if (r == TEND__LATE)
		r = tend__chan_pop(&a, &it, TEND__NEVER);
	CLAIM(r == TEND__ITEM && is_item(&it, 0));
}
static void late_producer(void)
{
	int r;

	push_one();
	r = push_until(&a, 1, SOME_DEADLINE);
	CLAIM(r == TEND__PUSHED || r == TIME_OVER);
}
static void taking_consumer(void) { expect_items(0, 1); }

/* ---- lossy: what is lost shows in the offsets, up to the end ---- */

#define N_LOSSY 3
static void lossy_producer(void)
{
	for (uint64_t i = 0; i < N_LOSSY; i++) {
		struct tend__item it = new_item(i), evicted;
		enum tend__push r = tend__chan_push(&a, &it, &evicted);

		CLAIM(r == TEND__PUSHED || (i > 0 && r == TEND__FULL));
		tend__chan_wake(&a);
	}
	finish(N_LOSSY);
}
static void lossy_consumer(void)
{
	struct tend__item it;
	uint64_t next = 0;

	while (tend__chan_pop(&a, &it, TEND__NEVER) == TEND__ITEM) {
		CLAIM(it.sequence >= next && is_item(&it, it.sequence));
		next = it.sequence + 1;
	}
	CLAIM(next > 0 && a.terminal.sequence == N_LOSSY && next <= N_LOSSY);
}

/* ---- evicting: each item comes out once, here or there, in order; the last one is never lost ---- */

#define N_EVICTING 4
static unsigned char fate[N_EVICTING] SHARED;
static void no_fate(void) { memset(fate, 0, sizeof fate); }
static void evicting_one_set_up(void) { evicting_one(); no_fate(); }
static void evicting_two_set_up(void) { evicting_two(); no_fate(); }
static void evicting_producer(void)
{
	for (uint64_t i = 0; i < N_EVICTING; i++) {
		struct tend__item it = new_item(i), evicted;
		enum tend__push r = tend__chan_push(&a, &it, &evicted);

		CLAIM(r == TEND__PUSHED || r == TEND__PUSHED_EVICTING);
		if (r == TEND__PUSHED_EVICTING) {
			CLAIM(is_item(&evicted, evicted.sequence) && evicted.sequence < i);
			fate[evicted.sequence]++;
		}
		tend__chan_wake(&a);
	}
	finish(N_EVICTING);
}
static void evicting_consumer(void)
{
	struct tend__item it;
	uint64_t next = 0;

	while (tend__chan_pop(&a, &it, TEND__NEVER) == TEND__ITEM) {
		CLAIM(it.sequence >= next && is_item(&it, it.sequence));
		next = it.sequence + 1;
		fate[it.sequence]++;
	}
	CLAIM(next == N_EVICTING);
}
static void each_once(void)
{
	for (int i = 0; i < N_EVICTING; i++)
		CLAIM(fate[i] == 1);
	one_channel_over();
}

/* ---- two channels, one producer's parker ---- */

/* As the reader offers an item: whether the channel is through with it; if not, it will unpark us when it has room. */
static bool offer(struct tend__chan *c, const struct tend__item *it)
{
	struct tend__item evicted;

	while (tend__chan_push(c, it, &evicted) == TEND__FULL)
		if (tend__chan_want_room(c))
			return false;
	return true;
}

/* As the reader publishes: to both, and one park for whichever had no room. */
static void producer_of_two(void)
{
	for (uint64_t i = 0; i < 2; i++) {
		struct tend__item it = new_item(i);
		bool in_a = false, in_b = false;

		for (;;) {
			in_a = in_a || offer(&a, &it);
			in_b = in_b || offer(&b, &it);
			tend__chan_wake(&a);
			tend__chan_wake(&b);
			if (in_a && in_b)
				break;
			tend__park(&tx, TEND__NEVER);
		}
	}
}
/* The one that takes does not depend on the one that does not: b's second item comes although nobody takes from a. */
static void two_from_b(void)
{
	struct tend__item it;

	for (uint64_t i = 0; i < 2; i++)
		CLAIM(tend__chan_pop(&b, &it, TEND__NEVER) == TEND__ITEM && is_item(&it, i));
	tend__chan_close(&a);
}
static void one_from_a(void) { expect_items(0, 1); }
static void one_from_b(void)
{
	struct tend__item it;

	CLAIM(tend__chan_pop(&b, &it, TEND__NEVER) == TEND__ITEM && is_item(&it, 0));
}

/* ---- pushes without wake-ups, one wake-up before the producer blocks ---- */

static void quiet_producer(void)
{
	for (uint64_t i = 0; i < 3; i++) {
		struct tend__item it = new_item(i), evicted;

		while (tend__chan_push(&a, &it, &evicted) == TEND__FULL) {
			tend__chan_wake(&a);
			if (tend__chan_want_room(&a))
				tend__park(&tx, TEND__NEVER);
		}
	}
	tend__chan_wake(&a);
}
static void quiet_consumer(void) { expect_items(0, 3); }

/* ---- the end alone ---- */

static void finish_only(void) { finish(0); }
static void expect_end_only(void) { expect_end(0); }

/* ---- what was written before an unpark is known behind the park ---- */

static unsigned plain SHARED;
static void teller(void)
{
	plain = 1;
	tend__unpark(&tx);
}
static void listener(void)
{
	if (tend__park(&tx, SOME_DEADLINE))
		CLAIM(plain == 1);
}

/* ---- an event with two waiters ---- */

static struct tend__event event SHARED;
static _Atomic uint32_t state SHARED;
static void event_set_up(void)
{
	begin();
	tend__event_init(&event);
	atomic_init(&state, 0);
}
static void event_waiter(void)
{
	uint32_t g = tend__event_begin(&event);

	while (!atomic_load_explicit(&state, memory_order_acquire)) {
		tend__event_sleep(&event, g, TEND__NEVER);
		g = tend__event_again(&event);
	}
	tend__event_end(&event);
}
static void event_signaller(void)
{
	atomic_store_explicit(&state, 1, memory_order_release);
	tend__event_signal(&event);
}

#define ALL MODEL_ALL
static const struct scenario scenarios[] = {
	{ "reliable, capacity 1", one_slot, one_channel_over, { reliable_producer, reliable_consumer }, ALL, 3 },
	{ "reliable, capacity 2", two_slots, one_channel_over, { reliable_producer, reliable_consumer }, ALL, 3 },
	{ "reliable, capacity 3", three_slots, one_channel_over, { reliable_producer, reliable_consumer }, ALL, 3 },
	{ "reliable, relaxed stores late", one_slot, one_channel_over, { two_producer, two_consumer }, 4, 2,
	  .weak_points = true, .weak_delays = true },
	{ "woken at half empty", six_slots, one_channel_over, { hysteresis_producer, hysteresis_consumer }, ALL, 2 },
	{ "close after one", one_slot, one_channel_over, { closed_on_producer, closing_consumer }, ALL, 4 },
	{ "close at once", one_slot, one_channel_over, { closed_on_producer, closing_at_once }, ALL, ALL },
	{ "cancel against push", one_slot, one_channel_over, { push_one, cancelled_consumer, cancel }, ALL, 3 },
	{ "cancel behind push", one_slot, one_channel_over, { push_then_cancel, draining_consumer }, ALL, ALL },
	{ "cancel alone", one_slot, one_channel_over, { cancel, only_cancelled_consumer }, ALL, ALL },
	{ "cancel now", one_item_inside, one_channel_over, { cancel_now, stopped_consumer }, ALL, ALL },
	{ "command to a waiting producer", one_slot, one_channel_over, { commanded_producer, idle_consumer, commander },
	  ALL, 3 },
	{ "deadline of the consumer", one_slot, one_channel_over, { push_one, late_consumer }, ALL, ALL },
	{ "deadline of the producer", one_slot, one_channel_over, { late_producer, taking_consumer }, ALL, ALL },
	{ "lossy, capacity 1", one_slot, one_channel_over, { lossy_producer, lossy_consumer }, ALL, 4 },
	{ "evicting, capacity 1", evicting_one_set_up, each_once, { evicting_producer, evicting_consumer }, ALL, 2,
	  .weak_points = true },
	{ "evicting, capacity 2", evicting_two_set_up, each_once, { evicting_producer, evicting_consumer }, ALL, 2,
	  .weak_points = true },
	{ "two channels, one parker", two_channels, two_channels_over, { producer_of_two, one_from_a, one_from_b },
	  ALL, 2 },
	{ "one of two takes nothing", two_channels, two_channels_over, { producer_of_two, two_from_b }, ALL, 3 },
	{ "one wake-up for a batch", two_slots, one_channel_over, { quiet_producer, quiet_consumer }, ALL, 3 },
	{ "the end alone", one_slot, one_channel_over, { finish_only, expect_end_only }, ALL, ALL },
	{ "news with an unpark", begin, NULL, { teller, listener }, ALL, ALL, .weak_points = true },
	{ "event, two waiters", event_set_up, NULL, { event_waiter, event_waiter, event_signaller }, ALL, 3 },
};

int main(int argc, char **argv)
{
	return model_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
