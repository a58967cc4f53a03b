/* SPDX-License-Identifier: MIT */
/*
 * Reliable subscribers that stand still: what their stall policy makes of them, what the others get meanwhile, and
 * that the figures name who it is (OE-22).
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "streams.h"
#include "test.h"

/* One chunk of one byte each, so that a buffer of one is full after one byte. */
static tend_stream *open_stream(int *ret_write_fd)
{
	struct tend_stream_options o = stream_options(test_reliable, 1, 1);

	return test_pipe_stream(&o, ret_write_fd);
}

static tend_subscription *subscribe(tend_stream *stream, const char *label, struct tend_stall stall, size_t depth)
{
	struct tend_subscribe how = {
		.stall = stall, .label = label, .max_buffered_chunks = depth, .overflow = TEND_DROP_NEWEST
	};
	tend_subscription *sub = NULL;
	struct tend_error err;

	CHECK_OK(tend_stream_subscribe(stream, &how, &sub, &err), &err);
	return sub;
}

/* Until one of them holds up the reading. */
static struct tend_stream_stats await_stall(tend_stream *stream)
{
	struct tend_stream_stats s;

	while ((s = tend_stream_stats(stream)).stalling == 0)
		sched_yield();
	return s;
}

/* The figures say who stalls and since when; when it takes something, it does no more. */
static void who_stalls_is_named(void)
{
	struct tend_subscriber_stats each[4];
	struct tend_stream_stats s;
	int fd;
	tend_stream *stream = open_stream(&fd);
	tend_subscription *slow = subscribe(stream, "slow", TEND_STALL_WAIT, 1);
	tend_subscription *quick = subscribe(stream, "quick", TEND_STALL_WAIT, 8);

	CHECK_INT(0, tend_stream_stats(stream).stalling);
	stream_put(fd, "abc");
	expect_bytes(quick, "ab"); /* what was read is delivered to the others all the same */
	s = await_stall(stream);
	CHECK_INT(1, s.stalling);
	CHECK_STR("slow", s.stalled_label);
	CHECK(s.stalled_ns > 0);
	CHECK_INT(2, s.bytes_read);
	if (CHECK_INT(2, tend_stream_subscribers(stream, each, 4))) {
		CHECK_STR("quick", each[0].label); /* the newest first */
		CHECK_INT(0, each[0].stalled_ns);
		CHECK_INT(8, each[0].max_buffered);
		CHECK_INT(2, each[0].bytes_delivered);
		CHECK_STR("slow", each[1].label);
		CHECK(each[1].stalled_ns > 0);
		CHECK_INT(1, each[1].buffered);
		CHECK_INT(1, each[1].high_water);
		CHECK_INT(TEND_RELIABLE, each[1].delivery);
	}
	expect_bytes(slow, "abc");
	expect_bytes(quick, "c");
	s = tend_stream_stats(stream);
	CHECK_INT(0, s.stalling);
	CHECK_INT(0, s.stalled_ns);
	CHECK_STR("", s.stalled_label);
	CHECK_INT(6, s.bytes_delivered);
	CHECK_INT(6, s.chunks_delivered);
	close(fd);
	tend_subscription_close(slow);
	CHECK_INT(6, tend_stream_stats(stream).bytes_delivered); /* the past counts */
	CHECK_INT(1, tend_stream_subscribers(stream, NULL, 0));
	tend_subscription_close(quick);
	tend_stream_free(stream);
}

/* The default: however long it takes, nothing is lost, and the child waits. */
static void it_waits(void)
{
	int fd;
	tend_stream *stream = open_stream(&fd);
	tend_subscription *slow = stream_subscribe(stream);

	stream_put(fd, "abc");
	await_stall(stream);
	expect_bytes(slow, "abc");
	close(fd);
	expect_kind(slow, TEND_EOF);
	tend_subscription_close(slow);
	tend_stream_free(stream);
}

/* It turns lossy: the reading goes on without it, and what it lost is told exactly. */
static void it_loses(void)
{
	int fd;
	tend_stream *stream = open_stream(&fd);
	tend_subscription *slow = subscribe(stream, "slow", TEND_STALL_LOSE(TEND_MS(1)), 1);
	struct tend_subscriber_stats s;

	stream_put(fd, "abcde");
	await_read(stream, 5); /* without a wait for it this would be the first event; with one for ever, never */
	close(fd);
	await_end(stream);
	if (CHECK_INT(1, tend_stream_subscribers(stream, &s, 1)))
		CHECK_INT(TEND_LOSSY, s.delivery);
	expect_bytes(slow, "a");
	expect_gap(slow, 4, 4, false);
	expect_kind(slow, TEND_EOF);
	CHECK_INT(4, tend_stream_stats(stream).bytes_dropped);
	CHECK_INT(1, tend_stream_stats(stream).gaps);
	tend_subscription_close(slow);
	tend_stream_free(stream);
}

/* The same with TEND_DROP_OLDEST: reliable until then, evicting from then on. */
static void it_loses_the_oldest(void)
{
	struct tend_subscribe how = { .stall = TEND_STALL_LOSE(TEND_MS(1)), .overflow = TEND_DROP_OLDEST,
		                      .max_buffered_chunks = 2 };
	tend_subscription *slow = NULL;
	struct tend_error err;
	int fd;
	tend_stream *stream = open_stream(&fd);

	if (!CHECK_OK(tend_stream_subscribe(stream, &how, &slow, &err), &err))
		return;
	stream_put(fd, "abcde");
	await_read(stream, 5);
	close(fd);
	await_end(stream);
	expect_gap(slow, 3, 3, false);
	expect_bytes(slow, "de");
	expect_kind(slow, TEND_EOF);
	tend_subscription_close(slow);
	tend_stream_free(stream);
}

/* While it is reliable nothing is evicted, and the pop that makes room wakes the reader. */
static void it_loses_nothing_in_time(void)
{
	struct tend_subscribe how = { .stall = TEND_STALL_LOSE(TEND_SECONDS(86400)), .overflow = TEND_DROP_OLDEST,
		                      .max_buffered_chunks = 2 };
	tend_subscription *slow = NULL;
	struct tend_error err;
	int fd;
	tend_stream *stream = open_stream(&fd);

	if (!CHECK_OK(tend_stream_subscribe(stream, &how, &slow, &err), &err))
		return;
	stream_put(fd, "abcde");
	await_stall(stream);
	expect_bytes(slow, "abcde");
	close(fd);
	expect_kind(slow, TEND_EOF);
	tend_subscription_close(slow);
	tend_stream_free(stream);
}

/* It is detached: it keeps what is buffered, ends in front of what it had no room for, and its slot is free. */
static void it_leaves(void)
{
	struct tend_stream_options o = stream_options(test_single, 1, 1);
	struct tend_event e;
	int fd;
	tend_stream *stream;
	tend_subscription *slow, *next;

	o.stall = TEND_STALL_LEAVE(TEND_MS(1));
	stream = test_pipe_stream(&o, &fd);
	slow = stream_subscribe(stream);
	stream_put(fd, "abcde");
	await_read(stream, 5);
	CHECK_INT(0, tend_stream_stats(stream).subscribers);
	next = stream_subscribe(stream); /* although the first is still open */
	stream_put(fd, "f");
	expect_bytes(slow, "a");
	e = stream_next(slow);
	CHECK_INT(TEND_DETACHED, e.kind);
	CHECK_INT(TEND_END_STALLED, e.ending);
	CHECK_INT(TEND_DETACHED, stream_next(slow).kind); /* for good */
	close(fd);
	expect_gap(next, 0, 0, true);
	expect_bytes(next, "f");
	e = stream_next(next);
	CHECK_INT(TEND_EOF, e.kind);
	CHECK_INT(TEND_END_EOF, e.ending);
	tend_subscription_close(slow);
	tend_subscription_close(next);
	tend_stream_free(stream);
}

/* Whose patience ends first does not matter to those who take their bytes. */
static void others_are_not_concerned(void)
{
	int fd;
	tend_stream *stream = open_stream(&fd);
	tend_subscription *stuck = subscribe(stream, "stuck", TEND_STALL_LEAVE(TEND_MS(1)), 1);
	tend_subscription *lossy = subscribe(stream, "lossy", TEND_STALL_LOSE(TEND_MS(2)), 2);
	tend_subscription *whole = subscribe(stream, "whole", TEND_STALL_WAIT, 64);

	stream_put(fd, "abcdefgh");
	close(fd);
	expect_bytes(whole, "abcdefgh");
	expect_kind(whole, TEND_EOF);
	expect_bytes(stuck, "a");
	expect_kind(stuck, TEND_DETACHED);
	expect_bytes(lossy, "ab");
	expect_gap(lossy, 6, 6, false);
	expect_kind(lossy, TEND_EOF);
	tend_subscription_close(stuck);
	tend_subscription_close(lossy);
	tend_subscription_close(whole);
	tend_stream_free(stream);
}

/* Who has left, or was closed while it was waited for, stalls nobody any more, however long its handle exists. */
static void who_is_gone_is_not_blamed(void)
{
	for (int closed = 0; closed < 2; closed++) {
		int fd;
		tend_stream *stream = open_stream(&fd);
		tend_subscription *a =
			subscribe(stream, "a", closed ? TEND_STALL_WAIT : TEND_STALL_LEAVE(TEND_MS(1)), 1);
		struct tend_stream_stats s;

		stream_put(fd, "abc");
		if (closed) {
			await_stall(stream);
			a = tend_subscription_close(a);
		}
		await_read(stream, 3);
		s = tend_stream_stats(stream);
		CHECK_INT(0, s.stalling);
		CHECK_INT(0, s.stalled_ns);
		CHECK_STR("", s.stalled_label);
		tend_subscription_close(a);
		close(fd);
		tend_stream_free(stream);
	}
}

struct slow_match {
	tend_stream *stream;
	int fd;
	bool saw_half;
};

/*
 * At the first line it lets more be written than is buffered for it, the beginning of a line among it, and stays
 * until it is not waited for any more.  Never the line.
 */
static bool match_slowly(void *arg, const struct tend_line *line)
{
	struct slow_match *m = arg;

	m->saw_half |= line->size > 1;
	if (m->fd >= 0) {
		if (write(m->fd, "errors are rare\n", 16) != 16)
			abort();
		m->fd = -1;
		while (tend_stream_stats(m->stream).subscribers > 0)
			sched_yield();
	}
	return false;
}

/* A wait for a line that was too slow says so, and takes no half line for a line: the stream goes on. */
static void a_wait_for_a_line_leaves(void)
{
	static const struct tend_line_options lines = { .max_length = 80, .overflow = TEND_LINE_TRUNCATE };
	struct tend_stream_options o = stream_options(test_single_all, 5, 1);
	struct slow_match m = { .saw_half = false };
	struct tend_line_found found;
	struct tend_error err;
	int fd;

	o.stall = TEND_STALL_LEAVE(TEND_MS(1));
	m.stream = test_pipe_stream(&o, &m.fd);
	fd = m.fd;
	stream_put(fd, "x\n");
	CHECK_OK(tend_stream_wait_for_line(m.stream, &lines, match_slowly, &m, TEST_PATIENCE, &found, &err), &err);
	CHECK_INT(TEND_LINE_STREAM_ENDED, found.outcome);
	CHECK_INT(TEND_END_STALLED, found.ending);
	CHECK_INT(1, found.lines_seen);
	CHECK(!m.saw_half);
	close(fd);
	tend_stream_free(m.stream);
}

static enum tend_flow block(void *arg, const struct tend_chunk *chunk)
{
	char token;

	(void)chunk;
	return read(*(int *)arg, &token, 1) == 1 ? TEND_CONTINUE : TEND_BREAK;
}

/* A consumer learns why it ended. */
static void a_consumer_is_told(void)
{
	static const struct tend_visitor visitor = { .on_chunk = block };
	struct tend_stream_options o = stream_options(test_reliable, 1, 1);
	struct tend_consumed c;
	struct tend_error err;
	tend_consumer *consumer = NULL;
	int fd, gate[2];
	tend_stream *stream;

	o.stall = TEND_STALL_LEAVE(TEND_MS(1));
	stream = test_pipe_stream(&o, &fd);
	if (!CHECK_INT(0, pipe(gate)) ||
	    !CHECK_OK(tend_stream_consume(stream, &visitor, &gate[0], &consumer, &err), &err))
		return;
	stream_put(fd, "abcde");
	await_read(stream, 5); /* nobody else is there to be waited for */
	stream_put(gate[1], "xxxxx");
	CHECK_OK(tend_consumer_wait(consumer, TEST_PATIENCE, &c, &err), &err);
	CHECK_INT(TEND_END_STALLED, c.ending);
	CHECK_STR("stalled", tend_ending_name(c.ending));
	CHECK_INT(0, c.bytes_dropped);
	tend_consumer_free(consumer);
	tend_stream_free(stream);
	close(fd);
	close(gate[0]);
	close(gate[1]);
}

static void check_refused(const struct tend_subscribe *how, const char *field)
{
	struct tend_error err;
	tend_subscription *sub = NULL;
	int fd;
	tend_stream *stream = open_stream(&fd);

	CHECK_INT(-EINVAL, tend_stream_subscribe(stream, how, &sub, &err));
	CHECK(strstr(err.message, field) != NULL);
	CHECK(sub == NULL);
	close(fd);
	tend_stream_free(stream);
}

static void what_is_not_chosen_is_refused(void)
{
	struct tend_stream_options o = stream_options(test_reliable, 1, 1);
	struct tend_error err;
	tend_stream *stream = NULL;
	int fds[2];

	check_refused(&(struct tend_subscribe){ .stall = { .kind = TEND_STALLED_LEAVES } }, "stall.after");
	check_refused(&(struct tend_subscribe){ .stall = TEND_STALL_LEAVE(TEND_FOREVER) }, "stall.after");
	check_refused(&(struct tend_subscribe){ .stall = { .kind = (enum tend_stall_kind)7 } }, "stall.kind");
	check_refused(&(struct tend_subscribe){ .stall = TEND_STALL_LOSE(TEND_MS(1)) }, "overflow");
	check_refused(&(struct tend_subscribe){ .delivery = TEND_LOSSY }, "overflow");
	o.overflow = TEND_TRUSTED_UNBOUNDED; /* without effect on a reliable stream, but nothing to inherit */
	if (CHECK_INT(0, pipe(fds)) && CHECK_OK(tend_stream_open(fds[0], &o, "x", &stream, &err), &err)) {
		struct tend_subscribe how = { .delivery = TEND_LOSSY };
		tend_subscription *sub = NULL;

		CHECK_INT(-EINVAL, tend_stream_subscribe(stream, &how, &sub, &err));
		CHECK(strstr(err.message, "overflow") != NULL);
		close(fds[1]);
		stream = tend_stream_free(stream);
	}
	o.overflow = (enum tend_overflow)0;
	o.stall = TEND_STALL_LOSE(TEND_MS(1));
	if (CHECK_INT(0, pipe(fds))) {
		CHECK_INT(-EINVAL, tend_stream_open(fds[0], &o, "x", &stream, &err));
		CHECK(strstr(err.message, "overflow") != NULL);
		close(fds[1]);
	}
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "who_stalls_is_named", who_stalls_is_named },
		{ "it_waits", it_waits },
		{ "it_loses", it_loses },
		{ "it_loses_the_oldest", it_loses_the_oldest },
		{ "it_loses_nothing_in_time", it_loses_nothing_in_time },
		{ "it_leaves", it_leaves },
		{ "others_are_not_concerned", others_are_not_concerned },
		{ "who_is_gone_is_not_blamed", who_is_gone_is_not_blamed },
		{ "a_wait_for_a_line_leaves", a_wait_for_a_line_leaves },
		{ "a_consumer_is_told", a_consumer_is_told },
		{ "what_is_not_chosen_is_refused", what_is_not_chosen_is_refused },
	};

	return test_main(argc, argv, "stall", tests, sizeof tests / sizeof *tests);
}
