/* SPDX-License-Identifier: MIT */
/*
 * What each acquire and release carries, pair by pair: the letters are those of doc/CONCURRENCY.md.
 *
 * In each test one thread writes, or is done with, something plain; the other one then reads it, overwrites it or frees
 * it.  Between the two there is the pair in question and nothing else that orders anything: they wait for each other
 * with relaxed accesses alone, and never through a lock, a join or another pair.  So, under ThreadSanitizer, a
 * pair that is too weak is a data race in every run and not in an unlucky one; check-orders.sh weakens one after the
 * other to see that.  Elsewhere these tests say that the values arrive.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "chan.h"
#include "clock.h"
#include "mem.h"
#include "replay.h"
#include "slots.h"
#include "stream.h"
#include "streams.h"
#include "sub.h"
#include "test.h"
#include "thread.h"
#include "wake.h"

#define SLABS 3
#define SLAB_SIZE 64

/* Of one test after the other; `plain` is what a pair has to carry, `turn` orders nothing. */
static int plain;
static _Atomic uint32_t turn;

static uint32_t look(const _Atomic uint32_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static void await(const _Atomic uint32_t *word, uint32_t value)
{
	while (look(word) != value)
		sched_yield();
}

static void set(_Atomic uint32_t *word, uint32_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

static void begin(struct test_thread *t, void (*fn)(struct test_thread *t, void *arg), void *arg)
{
	plain = 0;
	set(&turn, 0);
	test_thread_start(t, fn, arg);
}

/* ---- (U) parkers, (E) events ---- */

static struct tend__parker parker;

static void unpark_first(struct test_thread *t, void *arg)
{
	(void)t, (void)arg;
	plain = 1;
	tend__unpark(&parker);
	set(&turn, 1);
}

static void a_token_carries(void)
{
	struct test_thread t;

	tend__parker_init(&parker);
	begin(&t, unpark_first, NULL);
	await(&turn, 1);
	CHECK(tend__park(&parker, TEND__NEVER));
	CHECK_INT(1, plain);
	test_thread_join(&t);
}

static void unpark_parked(struct test_thread *t, void *arg)
{
	(void)t, (void)arg;
	await(&parker.word, UINT32_MAX);
	plain = 1;
	tend__unpark(&parker);
}

static void waking_carries(void)
{
	struct test_thread t;

	tend__parker_init(&parker);
	begin(&t, unpark_parked, NULL);
	CHECK(tend__park(&parker, TEND__NEVER));
	CHECK_INT(1, plain);
	test_thread_join(&t);
}

#define MOST_ROUNDS 20000
static uint32_t carried[MOST_ROUNDS + 1]; /* one for each round: nothing orders what is read against the next round */

static uint32_t late_rounds(void)
{
	return test_under_valgrind() ? MOST_ROUNDS / 100 : getenv("TEST_ROUND") ? MOST_ROUNDS / 10 : MOST_ROUNDS;
}

static void unpark_at_odd_moments(struct test_thread *t, void *arg)
{
	uint32_t n = late_rounds();

	(void)t, (void)arg;
	for (uint32_t i = 1; i <= n; i++) {
		await(&turn, i);
		while (!test_under_valgrind() && look(&parker.word) != UINT32_MAX)
			;
		for (volatile uint32_t delay = i % 61; delay > 0; delay--)
			;
		carried[i] = i;
		tend__unpark(&parker);
	}
}

/* The time is always over, so a token comes before, behind or, in some rounds, in the middle of the last look. */
static void a_token_at_the_last_moment_carries(void)
{
	uint32_t n = late_rounds(), wrong = 0;
	struct test_thread t;

	tend__parker_init(&parker);
	begin(&t, unpark_at_odd_moments, NULL);
	for (uint32_t i = 1; i <= n; i++) {
		set(&turn, i);
		while (!tend__park(&parker, 1))
			;
		wrong += carried[i] != i;
	}
	CHECK_INT(0, wrong);
	test_thread_join(&t);
}

static struct tend__event event;

static void signal_event(struct test_thread *t, void *arg)
{
	(void)t, (void)arg;
	plain = 1;
	tend__event_signal(&event);
}

static void a_generation_carries(void)
{
	struct test_thread t;
	uint32_t g;

	tend__event_init(&event);
	g = tend__event_begin(&event);
	begin(&t, signal_event, NULL);
	while (tend__event_again(&event) == g)
		sched_yield();
	CHECK_INT(1, plain);
	tend__event_end(&event);
	test_thread_join(&t);
}

/* ---- (T), (H), (C): channels ---- */

#define ITEMS 1000

static struct tend__chan chan;
static struct tend__parker tx, rx;
static struct tend__slab *bytes;

static void open_chan(uint32_t capacity, bool evicting)
{
	tend__parker_init(&tx);
	tend__parker_init(&rx);
	CHECK_INT(0, tend__chan_init(&chan, capacity, evicting, &tx, &rx, UINT32_MAX));
}

static enum tend__pop pop(struct tend__item *ret_item)
{
	enum tend__pop r;

	while ((r = tend__chan_try_pop(&chan, ret_item)) == TEND__EMPTY)
		sched_yield();
	return r;
}

static void push_bytes(struct test_thread *t, void *arg)
{
	struct tend__item item = { .slab = bytes, .size = 1, .count = 1 };

	(void)arg;
	bytes->data[0] = 7;
	WORKER_CHECK_INT(t, TEND__PUSHED, tend__chan_push(&chan, &item, NULL));
}

static void a_push_carries_its_bytes(void)
{
	struct tend__pool *pool = tend__pool_new(SLAB_SIZE, 0);
	struct tend__item item;
	struct test_thread t;

	bytes = tend__slab_new(pool);
	open_chan(1, false);
	begin(&t, push_bytes, NULL);
	CHECK_INT(TEND__ITEM, pop(&item));
	CHECK_INT(7, item.slab->data[0]);
	test_thread_join(&t);
	tend__chan_fini(&chan);
	tend__slab_unref(bytes);
	tend__pool_close(pool);
}

/* Their slab is touched by nobody: what goes through the channel is the slots alone. */
static void push_items(struct test_thread *t, void *arg)
{
	struct tend__item item = { .slab = bytes, .size = 1, .count = 1 };

	(void)arg;
	for (; item.sequence < ITEMS; item.sequence++, item.offset++) {
		enum tend__push r;

		while ((r = tend__chan_push(&chan, &item, NULL)) == TEND__FULL)
			sched_yield();
		WORKER_CHECK_INT(t, TEND__PUSHED, r);
	}
}

static void slots_are_used_again(bool evicting)
{
	struct tend__item item;
	struct test_thread t;

	open_chan(2, evicting);
	begin(&t, push_items, NULL);
	for (uint64_t i = 0; i < ITEMS; i++) {
		CHECK_INT(TEND__ITEM, pop(&item));
		CHECK_INT(i, item.sequence);
	}
	test_thread_join(&t);
	tend__chan_fini(&chan);
}

static void a_pop_gives_its_slot_back(void)
{
	slots_are_used_again(false);
}

/* From a channel that could evict, and does not while its subscriber is reliable. */
static void a_pop_gives_its_slot_back_while_reliable(void)
{
	slots_are_used_again(true);
}

static void finish_chan(struct test_thread *t, void *arg)
{
	const struct tend__terminal terminal = { .ending = 1, .offset = 7 };

	(void)t, (void)arg;
	tend__chan_finish(&chan, &terminal);
}

static void an_end_carries_its_terminal(void)
{
	struct tend__item item;
	struct test_thread t;

	open_chan(1, false);
	begin(&t, finish_chan, NULL);
	CHECK_INT(TEND__END, pop(&item));
	CHECK_INT(7, chan.terminal.offset);
	test_thread_join(&t);
	tend__chan_fini(&chan);
}

/* ---- (R), (F), (P): slabs and their pool ---- */

static struct tend__slab *slabs[SLABS];

static struct tend__pool *open_pool(uint32_t cached)
{
	struct tend__pool *pool = tend__pool_new(SLAB_SIZE, cached);

	for (int i = 0; i < SLABS; i++)
		slabs[i] = tend__slab_new(pool);
	return pool;
}

static void read_and_unref(struct test_thread *t, void *arg)
{
	(void)arg;
	for (int i = 0; i < SLABS; i++) {
		WORKER_CHECK_INT(t, 7, slabs[i]->data[0]);
		tend__slab_unref(slabs[i]);
	}
	set(&turn, 1);
}

static void share_slabs(struct test_thread *t)
{
	for (int i = 0; i < SLABS; i++) {
		slabs[i]->data[0] = 7;
		tend__slab_ref(slabs[i]);
	}
	begin(t, read_and_unref, NULL);
}

static void a_sole_owner_may_write(void)
{
	struct tend__pool *pool = open_pool(0);
	struct test_thread t;

	share_slabs(&t);
	for (int i = 0; i < SLABS; i++) {
		while (!tend__slab_is_sole(slabs[i]))
			sched_yield();
		slabs[i]->data[0] = 8;
	}
	test_thread_join(&t);
	for (int i = 0; i < SLABS; i++)
		tend__slab_unref(slabs[i]);
	tend__pool_close(pool);
}

static void a_last_owner_may_free(void)
{
	struct tend__pool *pool = open_pool(0);
	struct test_thread t;

	share_slabs(&t);
	await(&turn, 1);
	for (int i = 0; i < SLABS; i++)
		tend__slab_unref(slabs[i]);
	test_thread_join(&t);
	tend__pool_close(pool);
}

static void give_back(struct test_thread *t, void *arg)
{
	(void)t, (void)arg;
	for (int i = 0; i < SLABS; i++)
		tend__slab_unref(slabs[i]);
	set(&turn, 1);
}

static struct tend__pool *open_returned(struct test_thread *t)
{
	struct tend__pool *pool = open_pool(SLABS);

	begin(t, give_back, NULL);
	await(&turn, 1);
	return pool;
}

static void returned_slabs_are_taken(void)
{
	struct test_thread t;
	struct tend__pool *pool = open_returned(&t);

	for (int i = 0; i < SLABS; i++)
		slabs[i] = tend__slab_new(pool);
	CHECK_INT(SLABS * SLAB_SIZE, tend__pool_bytes(pool));
	test_thread_join(&t);
	for (int i = 0; i < SLABS; i++)
		tend__slab_unref(slabs[i]);
	tend__pool_close(pool);
}

static void returned_slabs_are_trimmed(void)
{
	struct test_thread t;
	struct tend__pool *pool = open_returned(&t);

	tend__pool_trim(pool);
	CHECK_INT(0, tend__pool_bytes(pool));
	test_thread_join(&t);
	tend__pool_close(pool);
}

static void returned_slabs_are_closed(void)
{
	struct test_thread t;

	tend__pool_close(open_returned(&t));
	test_thread_join(&t);
}

static void leave_pool(struct test_thread *t, void *arg)
{
	WORKER_CHECK_INT(t, 0, tend__pool_bytes(arg));
	tend__pool_unref(arg);
	set(&turn, 1);
}

static void a_pool_is_freed_by_its_last_owner(void)
{
	struct tend__pool *pool = tend__pool_new(SLAB_SIZE, 0);
	struct test_thread t;

	tend__pool_ref(pool);
	begin(&t, leave_pool, pool);
	await(&turn, 1);
	tend__pool_close(pool);
	test_thread_join(&t);
}

/* ---- (S), (Z): the subscribers of a stream ---- */

static struct tend__slots slots;

static void put(struct test_thread *t, void *arg)
{
	(void)t;
	plain = 1;
	tend__slots_put(&slots, arg);
}

static void a_slot_carries_its_subscriber(void)
{
	struct tend_subscription *const subscriber = (struct tend_subscription *)(void *)&plain;
	struct test_thread t;

	CHECK_INT(0, tend__slots_init(&slots, 4));
	begin(&t, put, subscriber);
	while (!tend__set_at(tend__slots_look(&slots), 0))
		sched_yield();
	CHECK_INT(1, plain);
	test_thread_join(&t);
	tend__slots_fini(&slots);
}

static void grow(struct test_thread *t, void *arg)
{
	struct tend__set **ret_old = arg;

	(void)t;
	*ret_old = tend__slots_grow(&slots, tend__set_new(8));
}

static void a_set_carries_its_slots(void)
{
	struct tend__set *seen, *set, *old;
	struct test_thread t;

	CHECK_INT(0, tend__slots_init(&slots, 4));
	seen = tend__slots_look(&slots);
	begin(&t, grow, &old);
	while ((set = tend__slots_look(&slots)) == seen)
		sched_yield();
	CHECK_INT(8, set->capacity);
	test_thread_join(&t);
	tend__free(old);
	tend__slots_fini(&slots);
}

/* ---- (I): segments of what is retained ---- */

static struct tend__replay replay;
static struct tend__snapshot snapshot;

static void retain(int i)
{
	const struct tend__item item = { .slab = slabs[i], .size = 1, .count = 1 };

	CHECK_INT(0, tend__replay_append(&replay, &item));
}

/* A snapshot of a segment with all slabs in it; the rule has then dropped the first of them. */
static struct tend__pool *open_replay(void)
{
	const struct tend_replay rule = { .kind = TEND_RETAIN_CHUNKS, .amount = SLABS };
	struct tend__pool *pool = open_pool(0);

	tend__replay_init(&replay, &rule, SLAB_SIZE);
	for (int i = 0; i < SLABS; i++)
		retain(i);
	tend__replay_snapshot(&replay, tend__malloc(sizeof(struct tend__segment *)), &snapshot);
	retain(0);
	return pool;
}

static void close_replay(struct tend__pool *pool)
{
	tend__replay_fini(&replay);
	for (int i = 0; i < SLABS; i++)
		tend__slab_unref(slabs[i]);
	tend__pool_close(pool);
}

/* `released` belongs to whoever is alone: it must not have changed before the snapshot is gone. */
static void look_and_let_go(struct test_thread *t, void *arg)
{
	(void)arg;
	WORKER_CHECK_INT(t, 0, snapshot.segments[0]->released);
	tend__snapshot_fini(&snapshot);
}

/* More than once, as ThreadSanitizer does not remember each read of a word that several threads have looked at. */
static void a_sole_segment_lets_go(void)
{
	for (int i = 0; i < 20; i++) {
		struct tend__pool *pool = open_replay();
		struct test_thread t;

		begin(&t, look_and_let_go, NULL);
		await(&replay.first->refs, 1);
		tend__replay_release(&replay);
		CHECK_INT(1, replay.first->released);
		test_thread_join(&t);
		close_replay(pool);
	}
}

static void walk(struct test_thread *t, void *arg)
{
	struct tend__item item;

	(void)arg;
	for (int i = 0; i < SLABS; i++)
		WORKER_CHECK(t, tend__snapshot_next(&snapshot, &item) && item.slab == slabs[i]);
	set(&turn, 1);
}

/* What the walk took is kept until after the join: the slabs' own counts order nothing before. */
static void a_segment_is_freed_by_its_last_owner(void)
{
	struct tend__pool *pool = open_replay();
	struct test_thread t;

	begin(&t, walk, NULL);
	await(&turn, 1);
	tend__replay_seal(&replay);
	test_thread_join(&t);
	for (int i = 0; i < SLABS; i++)
		tend__slab_unref(slabs[i]);
	close_replay(pool);
}

/* ---- (B), (N), (D): subscriptions and streams ---- */

static void leave_subscription(struct test_thread *t, void *arg)
{
	(void)t;
	tend__sub_unref(arg);
	set(&turn, 1);
}

static void a_subscription_is_freed_by_its_last_owner(void)
{
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable, &fd);
	tend_subscription *sub = stream_subscribe(stream);
	struct test_thread t;

	tend__sub_ref(sub);
	begin(&t, leave_subscription, sub);
	await(&turn, 1);
	tend_subscription_close(sub);
	test_thread_join(&t);
	close(fd);
	tend_stream_free(stream);
}

static void leave_stream(struct test_thread *t, void *arg)
{
	(void)t;
	tend__stream_unref(arg);
	set(&turn, 1);
}

static void a_stream_is_freed_by_its_last_owner(void)
{
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable, &fd);
	struct test_thread t;

	tend__stream_ref(stream);
	begin(&t, leave_stream, stream);
	await(&turn, 1);
	tend_stream_free(stream);
	test_thread_join(&t);
	close(fd);
}

/* Who finds the reader gone without having seen the event that follows; that is a matter of luck, hence the rounds. */
static void who_is_gone_has_said_who_held_the_pipe(void)
{
	for (int i = 0; i < (test_under_valgrind() ? 2 : 40); i++) {
		int fd;
		tend_stream *stream = test_pipe_stream(&test_reliable, &fd);

		tend__stream_drain(stream, 0, 1);
		while (!tend__stream_wait_gone(stream, 1))
			;
		CHECK_INT(0, stream->n_held_by); /* this process does not count */
		close(fd);
		tend_stream_free(stream);
	}
}

/* ---- (J), (V), (Y): consumers ---- */

static enum tend_flow on_chunk(void *self, const struct tend_chunk *chunk)
{
	(void)self, (void)chunk;
	return TEND_CONTINUE;
}

static void on_end(void *self, const struct tend_end *end)
{
	(void)self, (void)end;
	plain = 1;
}

static tend_consumer *consume(tend_stream *stream, enum tend_runs_on where)
{
	const struct tend_visitor visitor = { .on_chunk = on_chunk, .on_end = on_end, .runs_on = where };
	tend_consumer *consumer = NULL;
	struct tend_error err;

	plain = 0;
	CHECK_OK(tend_stream_consume(stream, &visitor, NULL, &consumer, &err), &err);
	return consumer;
}

static void a_finished_consumer_has_ended(void)
{
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable, &fd);
	tend_consumer *consumer = consume(stream, TEND_ON_OWN_THREAD);

	close(fd);
	while (!tend_consumer_is_finished(consumer))
		sched_yield();
	CHECK_INT(1, plain);
	tend_consumer_free(consumer);
	tend_stream_free(stream);
}

/* Its thread and whoever frees it are through with it at about the same time. */
static void a_consumer_is_freed_by_its_last_owner(void)
{
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable, &fd);
	tend_consumer *consumer = consume(stream, TEND_ON_OWN_THREAD);

	close(fd);
	while (!tend_consumer_is_finished(consumer))
		sched_yield();
	tend_consumer_free(consumer);
	tend_stream_free(stream);
}

static void serve(const tend_subscription *sub)
{
	sub->server->hold(sub->served);
	sub->server->serve(sub->served);
}

static void serve_first(struct test_thread *t, void *arg)
{
	(void)t;
	serve(arg);
	set(&turn, 1);
}

/* The reader, which sleeps, and somebody who cancels, take turns in the same way. */
static void a_server_begins_where_the_last_one_ended(void)
{
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable, &fd);
	tend_consumer *consumer = consume(stream, TEND_ON_READER);
	tend_subscription *sub = stream->subscriptions;
	struct test_thread t;

	begin(&t, serve_first, sub);
	await(&turn, 1);
	serve(sub);
	test_thread_join(&t);
	close(fd);
	tend_consumer_free(consumer);
	tend_stream_free(stream);
}

/* ---- grace periods ---- */

static void follow(tend_subscription *sub, int fd, bool comes_late)
{
	stream_put(fd, "x");
	if (comes_late)
		expect_gap(sub, 0, 0, true);
	expect_chunk(sub, "x");
}

/* What the reader did to it inside a section, behind the push, comes before the free. */
static void a_subscription_outlives_the_section(void)
{
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable, &fd);

	for (int i = 0; i < 50; i++) {
		tend_subscription *sub = stream_subscribe(stream);

		follow(sub, fd, i > 0);
		tend_subscription_close(sub);
	}
	close(fd);
	tend_stream_free(stream);
}

static void a_set_outlives_the_section(void)
{
	for (int round = 0; round < 20; round++) {
		tend_subscription *subs[5];
		int fd;
		tend_stream *stream = test_pipe_stream(&test_reliable, &fd);

		for (int i = 0; i < 5; i++) {
			subs[i] = stream_subscribe(stream);
			follow(subs[0], fd, false);
		}
		for (int i = 0; i < 5; i++)
			tend_subscription_close(subs[i]);
		close(fd);
		tend_stream_free(stream);
	}
}

#define TEST(name) { #name, name }
static const struct test tests[] = {
	TEST(a_token_carries),
	TEST(waking_carries),
	TEST(a_token_at_the_last_moment_carries),
	TEST(a_generation_carries),
	TEST(a_push_carries_its_bytes),
	TEST(a_pop_gives_its_slot_back),
	TEST(a_pop_gives_its_slot_back_while_reliable),
	TEST(an_end_carries_its_terminal),
	TEST(a_sole_owner_may_write),
	TEST(a_last_owner_may_free),
	TEST(returned_slabs_are_taken),
	TEST(returned_slabs_are_trimmed),
	TEST(returned_slabs_are_closed),
	TEST(a_pool_is_freed_by_its_last_owner),
	TEST(a_slot_carries_its_subscriber),
	TEST(a_set_carries_its_slots),
	TEST(a_sole_segment_lets_go),
	TEST(a_segment_is_freed_by_its_last_owner),
	TEST(a_subscription_is_freed_by_its_last_owner),
	TEST(a_stream_is_freed_by_its_last_owner),
	TEST(who_is_gone_has_said_who_held_the_pipe),
	TEST(a_finished_consumer_has_ended),
	TEST(a_consumer_is_freed_by_its_last_owner),
	TEST(a_server_begins_where_the_last_one_ended),
	TEST(a_subscription_outlives_the_section),
	TEST(a_set_outlives_the_section),
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "stress_orders", tests, sizeof tests / sizeof *tests);
}
