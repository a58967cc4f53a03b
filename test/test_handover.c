/* SPDX-License-Identifier: MIT */
/*
 * Subscribers that come and go while the reader has a chunk in its hands, or is about to end: each byte once.
 *
 * What makes these moments certain: a reliable subscriber without room parks the reader between the recording of a
 * chunk and the giving out of it, for as long as the test likes; and a log function that does not return holds it
 * behind a chunk of which something was lost.  stress_handover.c looks for the moments in between.  The ids are those
 * of doc/REQUIREMENTS.md.
 */
#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

#include "streams.h"
#include "test.h"
#include "thread.h"

static const char text[] = "abcdefgh";
#define N (sizeof text - 1)

/* Chunks of one byte, one of them buffered for a subscriber. */
static struct tend_stream_options narrow(struct tend_stream_options o)
{
	return stream_options(o, 1, 1);
}

/* Until the reader has chunk number `bytes` - 1 in its hands, recorded, and no room for it. */
static void await_parked(tend_stream *stream, uint64_t bytes)
{
	struct tend_stream_stats s;

	do
		s = tend_stream_stats(stream);
	while ((s.bytes_read < bytes || s.stalling == 0) && sched_yield() == 0);
}

static tend_subscription *subscribe_roomy(tend_stream *stream)
{
	const struct tend_subscribe roomy = { .max_buffered_chunks = 64 };
	tend_subscription *sub = NULL;
	struct tend_error err;

	CHECK_OK(tend_stream_subscribe(stream, &roomy, &sub, &err), &err);
	return sub;
}

/*
 * OE-2, OE-4, RD-15, RD-16, RD-22, BC-11: one comes at each chunk of a batch, after it was recorded and before it is
 * given out: it has it from the history, and not once more.
 */
static void each_chunk_once_whenever_one_comes(void)
{
	struct tend_stream_options o = narrow(test_reliable_all);
	tend_subscription *first, *later[N];
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);

	first = stream_subscribe(stream);
	stream_put(fd, text);
	close(fd);
	for (size_t i = 1; i < N; i++) {
		await_parked(stream, i + 1);
		later[i] = subscribe_roomy(stream);
		expect_chunk(first, (const char[]){ text[i - 1], '\0' });
	}
	expect_bytes(first, text + N - 1);
	expect_kind(first, TEND_EOF);
	tend_subscription_close(first);
	for (size_t i = 1; i < N; i++) {
		expect_bytes(later[i], text);
		expect_kind(later[i], TEND_EOF);
		tend_subscription_close(later[i]);
	}
	tend_stream_free(stream);
}

/*
 * OE-4, RD-23: the one that the reader waits for leaves, and another takes its place: it gets the chunk that the
 * reader has in its hands once, with a history from there, without one as the first, or never.
 */
static void a_successor_gets_no_chunk_twice(void)
{
	for (int i = 0; i < 300; i++) {
		bool retains = i % 2;
		struct tend_stream_options o = narrow(retains ? test_single_all : test_single);
		struct tend_event e;
		uint64_t at = 0;
		int fd;
		tend_stream *stream = test_pipe_stream(&o, &fd);
		tend_subscription *sub = stream_subscribe(stream);

		stream_put(fd, text);
		await_parked(stream, 2);
		close(fd);
		tend_subscription_close(sub); /* with text[0] still buffered */
		sub = stream_subscribe(stream);
		e = stream_next(sub);
		if (!retains && e.kind == TEND_GAP) {
			CHECK(e.gap.at_start && e.gap.offset > 0 && e.gap.bytes == 0);
			at = e.gap.offset;
			e = stream_next(sub);
		}
		for (; e.kind == TEND_CHUNK; e = stream_next(sub)) {
			CHECK_INT(at, e.chunk.offset);
			CHECK_INT(text[at], *(const char *)e.chunk.data);
			at++;
		}
		CHECK_INT(TEND_EOF, e.kind);
		CHECK(at == N || (!retains && at == 0));
		tend_subscription_close(sub);
		tend_stream_free(stream);
	}
}

/* One generation after the other, each at the reader's next chunk: the history grows, and nobody misses anything. */
static void successors_in_a_row(void)
{
	struct tend_stream_options o = narrow(test_single_all);
	tend_subscription *sub;
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);

	stream_put(fd, text);
	for (size_t i = 1; i < N; i++) {
		char begin[N] = "";

		sub = stream_subscribe(stream);
		memcpy(begin, text, i);
		expect_bytes(sub, begin); /* what is retained by now and what is given out; the rest is left behind */
		tend_subscription_close(sub);
	}
	close(fd);
	await_end(stream);
	sub = stream_subscribe(stream);
	expect_bytes(sub, text);
	expect_kind(sub, TEND_EOF);
	tend_subscription_close(sub);
	tend_stream_free(stream);
}

/* The one that held the reader up leaves in the middle of a chunk that the others have already got: not once more. */
static void leaving_repeats_nothing_for_the_others(void)
{
	struct tend_stream_options o = narrow(test_reliable);
	tend_subscription *stuck, *other;
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);

	stuck = stream_subscribe(stream);
	other = subscribe_roomy(stream);
	stream_put(fd, text);
	close(fd);
	await_parked(stream, 2);
	expect_bytes(other, "ab"); /* although it is not through */
	tend_subscription_close(stuck);
	expect_bytes(other, text + 2);
	expect_kind(other, TEND_EOF);
	tend_subscription_close(other);
	tend_stream_free(stream);
}

/* ---- against the end ---- */

static struct {
	sem_t held, go_on;
	_Atomic bool holds;
} gate;

static void hold_once(void *arg, const struct tend_log_event *event)
{
	(void)arg;
	if (strcmp(event->event, "gap") != 0 || !atomic_exchange(&gate.holds, false))
		return;
	sem_post(&gate.held);
	while (sem_wait(&gate.go_on) < 0)
		;
}

/* A stream whose reader is held behind its second chunk, which `loser` did not get, until gate.go_on. */
static tend_stream *open_held(struct tend_replay replay, int *ret_fd, tend_subscription **ret_loser)
{
	struct tend_stream_options o = stream_lossy(TEND_DROP_NEWEST, 1, 1);
	tend_stream *stream;

	o.replay = replay;
	stream = test_pipe_stream(&o, ret_fd);
	*ret_loser = stream_subscribe(stream);
	stream_put(*ret_fd, "ab");
	while (sem_wait(&gate.held) < 0)
		;
	return stream;
}

/*
 * OE-5, BC-6, RD-6: who subscribes while the reader is on its way to the end, and the pipe is closed already, is told
 * of the end; with the history, or of what it has missed.
 */
static void check_end_for_who_came_in_front_of_it(struct tend_replay replay)
{
	bool retains = replay.kind != TEND_RETAIN_NONE;
	tend_subscription *loser, *late[8];
	int fd;
	tend_stream *stream;

	atomic_store(&gate.holds, true);
	stream = open_held(replay, &fd, &loser);
	close(fd);
	for (int i = 0; i < 8; i++)
		late[i] = stream_subscribe(stream);
	CHECK_INT(TEND_END_NONE, tend_stream_stats(stream).end);
	sem_post(&gate.go_on);
	for (int i = 0; i < 8; i++) {
		if (retains)
			expect_bytes(late[i], "ab");
		expect_kind(late[i], TEND_EOF);
		tend_subscription_close(late[i]);
	}
	expect_bytes(loser, "a");
	expect_gap(loser, 1, 1, false);
	expect_kind(loser, TEND_EOF);
	tend_subscription_close(loser);
	tend_stream_free(stream);
}

static void who_comes_in_front_of_the_end_is_told(void)
{
	test_keeps_allocations(2); /* log targets */
	sem_init(&gate.held, 0, 0);
	sem_init(&gate.go_on, 0, 0);
	CHECK_INT(0, tend_set_log(hold_once, NULL, TEND_LOG_WARNING));
	check_end_for_who_came_in_front_of_it(TEND_REPLAY_NONE);
	check_end_for_who_came_in_front_of_it(TEND_REPLAY_ALL);
	CHECK_INT(0, tend_set_log(NULL, NULL, TEND_LOG_WARNING));
}

static void take_until_detached(struct test_thread *t, void *arg)
{
	tend_subscription *sub = arg;
	struct tend_event e = { .kind = TEND_CHUNK };

	while (e.kind == TEND_CHUNK)
		if (!WORKER_CHECK_INT(t, 0, tend_subscription_next(sub, TEST_PATIENCE, &e)))
			break;
	WORKER_CHECK_INT(t, TEND_DETACHED, e.kind);
}

/* RD-10, RD-11: an abort that finds the reader with a chunk in its hands ends both who has it and who has not. */
static void an_abort_in_the_middle_of_a_chunk(void)
{
	struct tend_stream_options o = narrow(test_reliable);
	struct test_thread waiter;
	tend_subscription *stuck, *other;
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);

	stuck = stream_subscribe(stream);
	other = subscribe_roomy(stream);
	stream_put(fd, text);
	await_parked(stream, 2);
	test_thread_start(&waiter, take_until_detached, other);
	tend_stream_free(stream);
	test_thread_join(&waiter);
	expect_bytes(stuck, "a");
	expect_kind(stuck, TEND_DETACHED); /* no gap: it ends in front of what it did not get */
	tend_subscription_close(stuck);
	tend_subscription_close(other);
	close(fd);
}

static const struct test tests[] = {
	{ "each_chunk_once_whenever_one_comes", each_chunk_once_whenever_one_comes },
	{ "a_successor_gets_no_chunk_twice", a_successor_gets_no_chunk_twice },
	{ "successors_in_a_row", successors_in_a_row },
	{ "leaving_repeats_nothing_for_the_others", leaving_repeats_nothing_for_the_others },
	{ "who_comes_in_front_of_the_end_is_told", who_comes_in_front_of_the_end_is_told },
	{ "an_abort_in_the_middle_of_a_chunk", an_abort_in_the_middle_of_a_chunk },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "handover", tests, sizeof tests / sizeof *tests);
}
