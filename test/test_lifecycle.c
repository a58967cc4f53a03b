/* SPDX-License-Identifier: MIT */
/*
 * How consumers leave the one place of a single-subscriber stream to the next, whatever kind they are and however they
 * end; and what their end is called when several things happen at once.  The ids are those of doc/REQUIREMENTS.md.
 */
#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

#include "fault.h"
#include "streams.h"
#include "test.h"
#include "thread.h"

static const struct tend_line_options usual = { .max_length = TEND_DEFAULT_MAX_LINE_LENGTH,
						.overflow = TEND_LINE_TRUNCATE };

/* A callback that stands still in its first call, if it is told to. */
struct gate {
	bool holds;
	sem_t entered, go_on;
	_Atomic unsigned calls, inside, most_inside, ends;
	_Atomic uint64_t bytes;
	_Atomic int reason;
};

static void gate_open(struct gate *g, bool holds)
{
	memset(g, 0, sizeof *g);
	g->holds = holds;
	sem_init(&g->entered, 0, 0);
	sem_init(&g->go_on, 0, 0);
}

static void gate_close(struct gate *g)
{
	sem_destroy(&g->entered);
	sem_destroy(&g->go_on);
}

static enum tend_flow pass(struct gate *g, size_t size)
{
	unsigned inside = atomic_fetch_add(&g->inside, 1) + 1;

	if (inside > atomic_load(&g->most_inside))
		atomic_store(&g->most_inside, inside);
	if (atomic_fetch_add(&g->calls, 1) == 0 && g->holds) {
		sem_post(&g->entered);
		while (sem_wait(&g->go_on) < 0)
			;
	}
	atomic_fetch_add(&g->bytes, size);
	atomic_fetch_sub(&g->inside, 1);
	return TEND_CONTINUE;
}

static enum tend_flow pass_chunk(void *arg, const struct tend_chunk *chunk)
{
	return pass(arg, chunk->size);
}

static enum tend_flow pass_line(void *arg, const struct tend_line *line)
{
	return pass(arg, line->size);
}

static void note_end(void *arg, const struct tend_end *end)
{
	struct gate *g = arg;

	atomic_store(&g->reason, (int)end->reason);
	atomic_fetch_add(&g->ends, 1);
}

/* ---- one after the other ---- */

enum kind { VISITOR, SERVED, CHUNKS, LINES, BYTES_KEPT, LINES_KEPT, N_KINDS };

static bool tells_its_end(enum kind kind)
{
	return kind == VISITOR || kind == SERVED;
}

static int start(enum kind kind, tend_stream *stream, struct gate *g, tend_consumer **ret_consumer,
                 struct tend_error *err)
{
	static const struct tend_visitor visitor = { .on_chunk = pass_chunk, .on_end = note_end };
	static const struct tend_visitor served = {
		.on_chunk = pass_chunk, .on_end = note_end, .runs_on = TEND_ON_READER
	};

	switch (kind) {
	case VISITOR:
	case SERVED:
		return tend_stream_consume(stream, kind == SERVED ? &served : &visitor, g, ret_consumer, err);
	case CHUNKS:
		return tend_stream_inspect_chunks(stream, pass_chunk, g, ret_consumer, err);
	case LINES:
		return tend_stream_inspect_lines(stream, &usual, pass_line, g, ret_consumer, err);
	case BYTES_KEPT:
		return tend_stream_collect(stream, &TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED),
		                           ret_consumer, err);
	default:
		return tend_stream_collect(stream, &TEND_COLLECT_LINES(.overflow = TEND_TRUSTED_UNBOUNDED),
		                           ret_consumer, err);
	}
}

static tend_consumer *begin(enum kind kind, tend_stream *stream, struct gate *g)
{
	tend_consumer *c = NULL;
	struct tend_error err;

	CHECK_OK(start(kind, stream, g, &c, &err), &err);
	return c;
}

/* The place is free now, and who takes it gets what comes from now on. */
static void check_later_collector(tend_stream *stream, int fd)
{
	struct tend_collected what = { .kind = TEND_COLLECTION_NONE };
	struct tend_error err;
	tend_consumer *c;

	CHECK_INT(0, tend_stream_stats(stream).subscribers);
	c = begin(BYTES_KEPT, stream, NULL);
	CHECK_INT(1, tend_stream_stats(stream).subscribers);
	stream_put(fd, "later");
	close(fd);
	CHECK_OK(tend_consumer_wait(c, TEST_PATIENCE, NULL, &err), &err);
	if (CHECK_OK(tend_consumer_collected(c, &what, &err), &err))
		CHECK_STR("later", what.data);
	tend_consumer_free(c);
}

/*
 * CL-1, CL-8, OE-17; consumer_lifecycle::drop_allows_later_collector,
 * consumer_unit_lifecycle::drop_allows_later_collector, active_consumer::multiple_subscribers_are_not_possible
 */
static void freed_ones_leave_their_place(void)
{
	for (enum kind kind = 0; kind < N_KINDS; kind++) {
		tend_consumer *c, *second = NULL;
		struct gate g;
		int fd;
		tend_stream *stream = test_pipe_stream(&test_single, &fd);

		gate_open(&g, false);
		c = begin(kind, stream, &g);
		for (enum kind other = 0; other < N_KINDS; other++)
			CHECK_INT(-EBUSY, start(other, stream, &g, &second, NULL));
		tend_consumer_free(c);
		check_later_collector(stream, fd);
		while (tells_its_end(kind) && atomic_load(&g.ends) == 0)
			sched_yield();
		tend_stream_free(stream);
		gate_close(&g);
	}
}

/*
 * CL-5; consumer_lifecycle::cancel_allows_later_collector, consumer::cancel_returns_cancelled_when_cooperative,
 * inspect::cancel_returns_cancelled_when_cooperative
 */
static void cancelled_ones_leave_their_place(void)
{
	for (enum kind kind = 0; kind < N_KINDS; kind++) {
		struct tend_consumed seen;
		struct tend_error err;
		tend_consumer *c;
		struct gate g;
		int fd;
		tend_stream *stream = test_pipe_stream(&test_single, &fd);

		gate_open(&g, false);
		c = begin(kind, stream, &g);
		CHECK_OK(tend_consumer_cancel(c, TEST_PATIENCE, TEND_CANCEL_DRAIN, &seen, &err), &err);
		CHECK_INT(TEND_END_CANCELLED, seen.ending);
		CHECK_INT(0, seen.bytes);
		check_later_collector(stream, fd);
		tend_consumer_free(c);
		tend_stream_free(stream);
		gate_close(&g);
	}
}

/* How to get rid of one that does not come back. */
enum way { ABANDON, FREE, WAIT_THEN_FREE, N_WAYS };

static tend_consumer *get_rid(tend_consumer *c, enum way way)
{
	struct tend_consumed seen = { .ending = TEND_END_EOF };
	struct tend_error err;

	if (way == WAIT_THEN_FREE) {
		CHECK_OK(tend_consumer_wait(c, TEND_MS(5), &seen, &err), &err);
		CHECK_INT(TEND_END_NONE, seen.ending); /* a wait that is given up changes nothing */
		CHECK(!tend_consumer_is_finished(c));
	}
	if (way != ABANDON)
		return tend_consumer_free(c);
	CHECK_OK(tend_consumer_cancel(c, TEND_MS(5), TEND_CANCEL_NOW, &seen, &err), &err);
	CHECK_INT(TEND_END_ABANDONED, seen.ending);
	return c;
}

static void check_stuck_one(enum kind kind, enum way way)
{
	tend_consumer *c;
	struct gate g;
	int fd;
	tend_stream *stream = test_pipe_stream(&test_single, &fd);

	gate_open(&g, true);
	c = begin(kind, stream, &g);
	stream_put(fd, "stuck\n");
	while (sem_wait(&g.entered) < 0)
		;
	c = get_rid(c, way);
	check_later_collector(stream, fd); /* although the first is still inside */
	CHECK_INT(1, atomic_load(&g.inside));
	sem_post(&g.go_on);
	while (atomic_load(&g.inside) > 0 || (tells_its_end(kind) && atomic_load(&g.ends) == 0))
		sched_yield();
	CHECK_INT(1, atomic_load(&g.calls)); /* and it was given nothing more */
	if (c) {
		CHECK_INT(0, tend_consumer_wait(c, TEST_PATIENCE, NULL, NULL));
		tend_consumer_free(c);
	}
	tend_stream_free(stream);
	gate_close(&g);
}

/*
 * CL-3, CL-7, OE-26; consumer_lifecycle::wait_cancellation_releases_single_subscriber_claim,
 * consumer_lifecycle::cancel_aborts_hanging_async_collector_after_timeout,
 * consumer_lifecycle::abort_releases_single_subscriber_claim,
 * consumer_unit_lifecycle::wait_cancellation_releases_single_subscriber_claim,
 * consumer_unit_lifecycle::cancel_aborts_hanging_async_callback_after_timeout,
 * consumer_unit_lifecycle::abort_releases_single_subscriber_claim
 */
static void stuck_ones_leave_their_place(void)
{
	for (enum way way = 0; way < N_WAYS; way++) {
		check_stuck_one(VISITOR, way);
		check_stuck_one(CHUNKS, way);
		check_stuck_one(LINES, way);
	}
}

static bool is_never(void *arg, const struct tend_line *line)
{
	(void)arg, (void)line;
	return false;
}

/* VS-25, OE-10; line_waiter::timeout_allows_later_collector: a wait that is over holds nothing up any more. */
static void waits_leave_their_place(void)
{
	struct tend_line_found found;
	struct tend_error err;
	int fd;
	tend_stream *stream = test_pipe_stream(&test_single, &fd);

	CHECK_OK(tend_stream_wait_for_line(stream, &usual, is_never, NULL, TEND_MS(5), &found, &err), &err);
	CHECK_INT(TEND_LINE_TIMED_OUT, found.outcome);
	check_later_collector(stream, fd);
	tend_stream_free(stream);
}

static void wait_for_line(struct test_thread *t, void *arg)
{
	struct tend_line_found found = { .outcome = 0 };

	WORKER_CHECK_INT(t, 0,
	                 tend_stream_wait_for_line(arg, &usual, is_never, NULL, TEST_PATIENCE, &found, NULL));
	WORKER_CHECK_INT(t, TEND_LINE_STREAM_ENDED, found.outcome);
}

/* VS-24; active_consumer::wait_for_line_claims_receiver_before_polling: one that waits has the place. */
static void a_wait_takes_the_place(void)
{
	struct tend_line_found found;
	tend_consumer *c = NULL;
	struct test_thread waiter;
	int fd;
	tend_stream *stream = test_pipe_stream(&test_single, &fd);

	test_thread_start(&waiter, wait_for_line, stream);
	while (tend_stream_stats(stream).subscribers == 0)
		sched_yield();
	CHECK_INT(-EBUSY,
	          tend_stream_wait_for_line(stream, &usual, is_never, NULL, TEND_AT_ONCE, &found, NULL));
	CHECK_INT(-EBUSY, start(LINES_KEPT, stream, NULL, &c, NULL));
	close(fd);
	test_thread_join(&waiter);
	tend_stream_free(stream);
}

/* RD-9: the end does not give the place of a subscription free; its close does. */
static void the_end_leaves_the_place_taken(void)
{
	int fd;
	tend_stream *stream = test_pipe_stream(&test_single, &fd);
	tend_subscription *first = stream_subscribe(stream), *second = NULL;

	close(fd);
	expect_kind(first, TEND_EOF);
	CHECK_INT(-EBUSY, tend_stream_subscribe(stream, NULL, &second, NULL));
	tend_subscription_close(first);
	second = stream_subscribe(stream);
	expect_kind(second, TEND_EOF);
	tend_subscription_close(second);
	tend_stream_free(stream);
}

static enum tend_flow break_off(void *arg, const struct tend_chunk *chunk)
{
	(void)arg, (void)chunk;
	return TEND_BREAK;
}

/* RD-2, RD-3: who is freed long after it has left does not take its successor's place away. */
static void a_late_free_leaves_the_successor_alone(void)
{
	tend_consumer *first = NULL;
	tend_subscription *second, *third = NULL;
	struct tend_error err;
	int fd;
	tend_stream *stream = test_pipe_stream(&test_single, &fd);

	CHECK_OK(tend_stream_inspect_chunks(stream, break_off, NULL, &first, &err), &err);
	stream_put(fd, "x");
	CHECK_OK(tend_consumer_wait(first, TEST_PATIENCE, NULL, &err), &err);
	second = stream_subscribe(stream);
	tend_consumer_free(first);
	CHECK_INT(1, tend_stream_stats(stream).subscribers);
	CHECK_INT(-EBUSY, tend_stream_subscribe(stream, NULL, &third, NULL));
	stream_put(fd, "y");
	expect_gap(second, 0, 0, true);
	expect_bytes(second, "y");
	tend_subscription_close(second);
	close(fd);
	tend_stream_free(stream);
}

/*
 * RD-18; reader_drain::reader_drains_after_consumer_drop: what nobody is there for is read all the same, and is not
 * kept for who comes later.
 */
static void a_deserted_stream_is_read_on(void)
{
	struct tend_stream_options o = stream_options(test_single, 16, 1);
	static const char much[4096];
	tend_consumer *c;
	struct gate g;
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);

	gate_open(&g, true);
	c = begin(CHUNKS, stream, &g);
	CHECK_INT(sizeof much, write(fd, much, sizeof much));
	while (sem_wait(&g.entered) < 0)
		;
	while (tend_stream_stats(stream).stalling == 0)
		sched_yield();
	tend_consumer_free(c); /* the reader was waiting for it */
	sem_post(&g.go_on);
	while (atomic_load(&g.inside) > 0)
		sched_yield();
	await_read(stream, sizeof much);
	check_later_collector(stream, fd);
	tend_stream_free(stream);
	gate_close(&g);
}

/* ---- what the end is called ---- */

/* CL-5: an end that came before the cancel is told, not the cancel. */
static void an_end_that_came_first_is_told(void)
{
	for (int fails = 0; fails < 2; fails++) {
		struct tend_consumed seen;
		struct gate g;
		int fd;
		tend_stream *stream = test_pipe_stream(&test_single, &fd);
		tend_consumer *c;

		gate_open(&g, false);
		c = begin(VISITOR, stream, &g);
		if (fails)
			fault_fail_sys_from("read", 1, EIO);
		close(fd);
		CHECK_INT(0, tend_consumer_wait(c, TEST_PATIENCE, NULL, NULL));
		fault_reset();
		for (enum tend_cancel how = TEND_CANCEL_DRAIN; how <= TEND_CANCEL_NOW; how++) {
			CHECK_INT(0, tend_consumer_cancel(c, TEND_AT_ONCE, how, &seen, NULL));
			CHECK_INT(fails ? TEND_END_READ_ERROR : TEND_END_EOF, seen.ending);
			CHECK_INT(fails ? EIO : 0, seen.read_errno);
		}
		CHECK_INT(1, atomic_load(&g.ends));
		tend_consumer_free(c);
		tend_stream_free(stream);
		gate_close(&g);
	}
}

/* CL-2, CL-9, OE-13: for one that has ended no time is too short, however often it is asked. */
static void who_has_ended_is_never_late(void)
{
	struct tend_consumed seen;
	struct gate g;
	int fd;
	tend_stream *stream = test_pipe_stream(&test_single, &fd);
	tend_consumer *c;

	gate_open(&g, false);
	c = begin(VISITOR, stream, &g);
	stream_put(fd, "last");
	close(fd);
	while (!tend_consumer_is_finished(c))
		sched_yield();
	for (int i = 0; i < 200; i++) {
		CHECK_INT(0, tend_consumer_wait(c, i % 2 ? TEND_AT_ONCE : TEND_NS(1), &seen, NULL));
		CHECK_INT(TEND_END_EOF, seen.ending);
		CHECK_INT(4, seen.bytes);
	}
	tend_consumer_free(c);
	tend_stream_free(stream);
	gate_close(&g);
}

static void check_calls(enum kind kind)
{
	struct tend_stream_options o = stream_options(test_single, 1, 4);
	static const char much[5000];
	struct gate g;
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);
	tend_consumer *c;

	gate_open(&g, false);
	c = begin(kind, stream, &g);
	CHECK_INT(sizeof much, write(fd, much, sizeof much));
	close(fd);
	CHECK_INT(0, tend_consumer_wait(c, TEST_PATIENCE, NULL, NULL));
	CHECK_INT(sizeof much, atomic_load(&g.calls));
	CHECK_INT(sizeof much, atomic_load(&g.bytes));
	CHECK_INT(1, atomic_load(&g.most_inside));
	CHECK_INT(1, atomic_load(&g.ends));
	CHECK_INT(TEND_END_EOF, atomic_load(&g.reason));
	tend_consumer_free(c);
	tend_stream_free(stream);
	gate_close(&g);
}

/* VS-1, VS-2: one call after the other, and the end last. */
static void calls_come_one_by_one(void)
{
	check_calls(VISITOR);
	check_calls(SERVED);
}

#define FORWARDED 300000 /* bytes */

struct copy {
	int fd;
};

static enum tend_flow forward(void *self, const struct tend_chunk *chunk)
{
	const struct copy *to = self;

	return write(to->fd, chunk->data, chunk->size) == (ssize_t)chunk->size ? TEND_CONTINUE : TEND_BREAK;
}

static void close_copy(void *self, const struct tend_end *end)
{
	const struct copy *to = self;

	(void)end;
	close(to->fd);
}

static unsigned char byte_at(uint64_t i)
{
	return (unsigned char)(i * 7 + (i >> 8));
}

static void write_pattern(struct test_thread *t, void *arg)
{
	unsigned char piece[1000];

	for (uint64_t at = 0; at < FORWARDED; at += sizeof piece) {
		for (size_t i = 0; i < sizeof piece; i++)
			piece[i] = byte_at(at + i);
		if (!WORKER_CHECK(t, write(*(const int *)arg, piece, sizeof piece) == sizeof piece))
			break;
	}
	close(*(const int *)arg);
}

/*
 * consume_with::consume_with_async_runs_a_custom_async_visitor_to_eof,
 * consume::consume_async_runs_a_custom_async_visitor_to_eof: a visitor that forwards all it gets, and blocks now and
 * then.
 */
static void a_visitor_forwards_all_to_the_end(void)
{
	static const struct tend_visitor visitor = { .on_chunk = forward, .on_end = close_copy };
	struct tend_stream_options o = stream_options(test_reliable, 5000, 3);
	struct test_thread writer;
	unsigned char got[4096];
	tend_consumer *c = NULL;
	struct tend_error err;
	uint64_t at = 0;
	struct copy to;
	int fd, fds[2];
	ssize_t n;
	tend_stream *stream = test_pipe_stream(&o, &fd);

	CHECK_INT(0, pipe(fds));
	to.fd = fds[1];
	CHECK_OK(tend_stream_consume(stream, &visitor, &to, &c, &err), &err);
	test_thread_start(&writer, write_pattern, &fd);
	while ((n = read(fds[0], got, sizeof got)) > 0)
		for (ssize_t i = 0; i < n; i++, at++)
			if (got[i] != byte_at(at))
				CHECK_INT(byte_at(at), got[i]);
	CHECK_INT(0, n);
	CHECK_INT(FORWARDED, at);
	test_thread_join(&writer);
	close(fds[0]);
	tend_consumer_free(c);
	tend_stream_free(stream);
}

static const struct test tests[] = {
	{ "freed_ones_leave_their_place", freed_ones_leave_their_place },
	{ "cancelled_ones_leave_their_place", cancelled_ones_leave_their_place },
	{ "stuck_ones_leave_their_place", stuck_ones_leave_their_place },
	{ "waits_leave_their_place", waits_leave_their_place },
	{ "a_wait_takes_the_place", a_wait_takes_the_place },
	{ "the_end_leaves_the_place_taken", the_end_leaves_the_place_taken },
	{ "a_late_free_leaves_the_successor_alone", a_late_free_leaves_the_successor_alone },
	{ "a_deserted_stream_is_read_on", a_deserted_stream_is_read_on },
	{ "an_end_that_came_first_is_told", an_end_that_came_first_is_told },
	{ "who_has_ended_is_never_late", who_has_ended_is_never_late },
	{ "calls_come_one_by_one", calls_come_one_by_one },
	{ "a_visitor_forwards_all_to_the_end", a_visitor_forwards_all_to_the_end },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "lifecycle", tests, sizeof tests / sizeof *tests);
}
