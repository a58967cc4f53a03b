/* SPDX-License-Identifier: MIT */
/*
 * Streams and subscriptions over real pipes: order, gaps, the end, replay, sealing, who may subscribe and when.  The
 * ids are those of the requirements and of the peer's tests that a test here answers to.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "stream.h"
#include "streams.h"
#include "test.h"
#include "thread.h"

/* ---- chunks and the end ---- */

/*
 * RD-20; reader_chunking::
 * configured_reader_does_not_terminate_when_first_read_can_fill_the_entire_bytes_mut_buffer,
 * fast::fast_reader_splits_input_into_configured_chunks_and_eof,
 * fanout::fanout_reader_splits_input_into_configured_chunks_and_eof: every chunk has 1..K bytes; a full buffer is not
 * the end.
 */
static void chunks_are_cut_to_size(void)
{
	struct tend_stream_options o = stream_options(test_reliable_all, 2, 64);
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);
	tend_subscription *sub = stream_subscribe(stream);

	stream_put(fd, "hello world");
	close(fd);
	expect_chunk(sub, "he");
	expect_chunk(sub, "ll");
	expect_chunk(sub, "o ");
	expect_chunk(sub, "wo");
	expect_chunk(sub, "rl");
	expect_chunk(sub, "d");
	expect_kind(sub, TEND_EOF);
	expect_kind(sub, TEND_EOF); /* RD-10, doc != code: the end stays the end */
	tend_subscription_close(sub);
	tend_stream_free(stream);
}

static void offsets_and_sequences_are_absolute(void)
{
	int fd;
	struct tend_stream_options o = stream_options(test_reliable, 3, 16);
	tend_stream *stream = test_pipe_stream(&o, &fd);
	tend_subscription *sub = stream_subscribe(stream);
	uint64_t offset = 0;

	stream_put(fd, "abcdefgh");
	for (uint64_t i = 0; offset < 8; i++) {
		struct tend_event e = stream_next(sub);

		CHECK_INT(TEND_CHUNK, e.kind);
		CHECK_INT(offset, e.chunk.offset);
		CHECK_INT(i, e.chunk.sequence);
		offset += e.chunk.size;
	}
	tend_subscription_close(sub);
	close(fd);
	tend_stream_free(stream);
}

/* A timeout is an outcome, and data that is there goes before it. */
static void next_times_out(void)
{
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable, &fd);
	tend_subscription *sub = stream_subscribe(stream);
	struct tend_event e;

	CHECK_INT(0, tend_subscription_next(sub, TEND_AT_ONCE, &e));
	CHECK_INT(TEND_TIMED_OUT, e.kind);
	CHECK_INT(0, tend_subscription_next(sub, TEND_MS(5), &e));
	CHECK_INT(TEND_TIMED_OUT, e.kind);
	CHECK_INT(-EINVAL, tend_subscription_next(sub, 0, &e));
	CHECK_INT(-EINVAL, tend_subscription_next(sub, 1000, &e)); /* a plain number is no duration */
	stream_put(fd, "x");
	expect_bytes(sub, "x");
	tend_subscription_close(sub);
	close(fd);
	tend_stream_free(stream);
}

/* RD-11, OE-21: the end of the stream object is not the end of the stream. */
static void free_is_told_from_eof(void)
{
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable, &fd);
	tend_subscription *sub = stream_subscribe(stream);

	stream_put(fd, "last");
	await_read(stream, 4);
	tend_stream_free(stream);
	expect_bytes(sub, "last");
	expect_kind(sub, TEND_DETACHED);
	expect_kind(sub, TEND_DETACHED);
	tend_subscription_close(sub);
	close(fd);
}

/* SS reader_errors::configured_reader_publishes_read_error_without_panicking (EV-3): a socket that is reset. */
static void read_error_is_told_from_eof(void)
{
	tend_stream *stream = NULL;
	struct tend_error err;
	tend_subscription *sub;
	struct tend_event e;
	int fds[2];

	CHECK_INT(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	/* Data that the peer has not read when it closes makes our next read fail with ECONNRESET (unix(7)). */
	CHECK_INT(1, write(fds[0], "x", 1));
	CHECK_INT(0, close(fds[1]));
	CHECK_OK(tend_stream_open(fds[0], &test_reliable_all, "sock", &stream, &err), &err);
	sub = stream_subscribe(stream);
	e = stream_next(sub);
	CHECK_INT(TEND_READ_ERROR, e.kind);
	CHECK_INT(ECONNRESET, e.read_errno);
	tend_subscription_close(sub);
	await_end(stream);
	CHECK_INT(TEND_END_READ_ERROR, tend_stream_stats(stream).end);
	CHECK_INT(ECONNRESET, tend_stream_stats(stream).read_errno);
	/* SS replay::later_consumer_observes_read_error */
	sub = stream_subscribe(stream);
	expect_kind(sub, TEND_READ_ERROR);
	tend_subscription_close(sub);
	tend_stream_free(stream);
}

/* ---- reliable ---- */

/*
 * RD-24: a slow subscriber holds the reading up, and loses nothing; what a broadcast's others were given stays given.
 */
static void reliable_waits(void)
{
	struct tend_stream_options o = stream_options(test_reliable, 1, 1);
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);
	tend_subscription *slow = stream_subscribe(stream), *quick = stream_subscribe(stream);

	stream_put(fd, "abcdef");
	expect_chunk(quick, "a");
	expect_chunk(quick, "b"); /* offered to all that have room, although slow has none */
	await_read(stream, 2);
	expect_bytes(slow, "a");
	expect_bytes(quick, "c");
	expect_bytes(slow, "bc");
	tend_subscription_close(slow); /* and the reader goes on */
	expect_bytes(quick, "def");
	close(fd);
	expect_kind(quick, TEND_EOF);
	CHECK_INT(0, tend_stream_stats(stream).bytes_dropped);
	tend_subscription_close(quick);
	tend_stream_free(stream);
}

/* RD-18, SS reader_drain::reader_drains_after_consumer_drop: nobody there, nobody blocked. */
static void unobserved_child_is_not_blocked(void)
{
	struct tend_stream_options o = stream_options(test_single, 16, 1);
	static char big[1 << 18];
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);

	tend_subscription_close(stream_subscribe(stream));
	CHECK_INT(sizeof big, write(fd, big, sizeof big)); /* more than a pipe holds */
	await_read(stream, sizeof big);
	close(fd);
	tend_stream_free(stream);
}

/* ---- lossy ---- */

/* RD-30, BC-3, OE-31: which end is lost, with N exact and the end not counted; OE-36: the end needs no room. */
static void newest_are_dropped(void)
{
	for (size_t depth = 1; depth <= 4; depth++) {
		struct tend_stream_options o = stream_lossy(TEND_DROP_NEWEST, 1, depth);
		int fd;
		tend_stream *stream = test_pipe_stream(&o, &fd);
		tend_subscription *sub = stream_subscribe(stream);

		stream_put(fd, "abcdefghij");
		close(fd);
		await_end(stream); /* although nobody reads */
		for (size_t i = 0; i < depth; i++)
			expect_chunk(sub, (const char[]){ (char)('a' + i), '\0' });
		expect_gap(sub, 10 - depth, 10 - depth, false);
		expect_kind(sub, TEND_EOF);
		CHECK_INT(10 - depth, tend_stream_stats(stream).bytes_dropped);
		tend_subscription_close(sub);
		tend_stream_free(stream);
	}
}

static void oldest_are_dropped(void)
{
	for (size_t depth = 1; depth <= 4; depth++) {
		struct tend_stream_options o = stream_lossy(TEND_DROP_OLDEST, 1, depth);
		int fd;
		tend_stream *stream = test_pipe_stream(&o, &fd);
		tend_subscription *sub = stream_subscribe(stream);

		stream_put(fd, "abcdefghij");
		close(fd);
		await_end(stream);
		expect_gap(sub, 10 - depth, 10 - depth, false);
		for (size_t i = 10 - depth; i < 10; i++)
			expect_chunk(sub, (const char[]){ (char)('a' + i), '\0' });
		expect_kind(sub, TEND_EOF);
		tend_subscription_close(sub);
		tend_stream_free(stream);
	}
}

/* OE-3: with N = 1 a subscriber that keeps up after an overflow gets data again, one gap in between. */
static void one_slot_recovers(void)
{
	struct tend_stream_options o = stream_lossy(TEND_DROP_NEWEST, 1, 1);
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);
	tend_subscription *sub = stream_subscribe(stream);

	stream_put(fd, "abc");
	await_read(stream, 3);
	expect_chunk(sub, "a");
	stream_put(fd, "d");
	expect_gap(sub, 2, 2, false);
	expect_chunk(sub, "d");
	for (const char *p = "efghijk"; *p; p++) {
		stream_put(fd, (const char[]){ *p, '\0' });
		expect_chunk(sub, (const char[]){ *p, '\0' });
	}
	close(fd);
	expect_kind(sub, TEND_EOF);
	tend_subscription_close(sub);
	tend_stream_free(stream);
}

/* SS reader_backpressure::configured_reader_sends_pending_gap_before_resumed_chunk_delivery */
static void gap_goes_before_what_follows(void)
{
	struct tend_stream_options o = stream_lossy(TEND_DROP_NEWEST, 2, 2);
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);
	tend_subscription *sub = stream_subscribe(stream);
	struct tend_event e;

	stream_put(fd, "aabbc\n");
	await_read(stream, 6);
	expect_chunk(sub, "aa");
	expect_chunk(sub, "bb");
	stream_put(fd, "dd");
	e = stream_next(sub);
	CHECK_INT(TEND_GAP, e.kind);
	CHECK_INT(6, e.gap.offset);
	CHECK_INT('\n', e.gap.before); /* what is known of the byte in front */
	expect_chunk(sub, "dd");
	close(fd);
	expect_kind(sub, TEND_EOF);
	tend_subscription_close(sub);
	tend_stream_free(stream);
}

/* The choice of a single subscription goes before the stream's. */
static void each_may_want_another_delivery(void)
{
	struct tend_stream_options o = stream_options(test_reliable, 1, 8);
	const struct tend_subscribe loses = {
		.delivery = TEND_LOSSY, .overflow = TEND_DROP_OLDEST, .max_buffered_chunks = 2
	};
	const struct tend_subscribe unspecified = { .delivery = TEND_LOSSY };
	tend_subscription *lossy_one = NULL, *reliable_one;
	struct tend_error err;
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);

	CHECK_INT(-EINVAL, tend_stream_subscribe(stream, &unspecified, &lossy_one, &err));
	CHECK(strncmp(err.message, "overflow ", 9) == 0);
	CHECK_OK(tend_stream_subscribe(stream, &loses, &lossy_one, &err), &err);
	reliable_one = stream_subscribe(stream);
	stream_put(fd, "abcde");
	expect_bytes(reliable_one, "abcde");
	close(fd);
	expect_kind(reliable_one, TEND_EOF);
	expect_gap(lossy_one, 3, 3, false);
	expect_bytes(lossy_one, "de");
	expect_kind(lossy_one, TEND_EOF);
	tend_subscription_close(lossy_one);
	tend_subscription_close(reliable_one);
	tend_stream_free(stream);
}

/* ---- who may subscribe ---- */

/*
 * RD-6, RD-8, OE-17; SS active_consumer::multiple_subscribers_are_not_possible,
 * SS subscription::drop_clears_active_backend_registration: freed before close returns.
 */
static void single_means_one(void)
{
	int fd;
	tend_stream *stream = test_pipe_stream(&test_single, &fd);
	tend_subscription *second = NULL;
	struct tend_error err;

	for (int i = 0; i < 1000; i++) {
		tend_subscription *first = stream_subscribe(stream);

		memset(&err, 0, sizeof err);
		CHECK_INT(-EBUSY, tend_stream_subscribe(stream, NULL, &second, &err));
		CHECK_INT(TEND_STEP_SUBSCRIBE, err.step);
		CHECK(second == NULL);
		CHECK_INT(1, tend_stream_stats(stream).subscribers);
		tend_subscription_close(first);
	}
	CHECK_INT(0, tend_stream_stats(stream).subscribers);
	close(fd);
	tend_stream_free(stream);
}

/* SS active_consumer::configured_second_subscriber_error_does_not_poison_state_or_stop_reader */
static void refusal_harms_nobody(void)
{
	int fd;
	tend_stream *stream = test_pipe_stream(&test_single_all, &fd);
	tend_subscription *first = stream_subscribe(stream), *second = NULL;

	CHECK_INT(-EBUSY, tend_stream_subscribe(stream, NULL, &second, NULL));
	stream_put(fd, "live");
	expect_bytes(first, "live");
	CHECK(!tend_stream_stats(stream).replay_sealed);
	tend_subscription_close(first);
	close(fd);
	tend_stream_free(stream);
}

/* More subscribers than there are slots at first. */
static void broadcast_grows(void)
{
	enum { MANY = 40 };
	tend_subscription *subs[MANY];
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable, &fd);

	for (int i = 0; i < MANY; i++)
		subs[i] = stream_subscribe(stream);
	CHECK_INT(MANY, tend_stream_stats(stream).subscribers);
	stream_put(fd, "to all");
	for (int i = 0; i < MANY; i++)
		expect_bytes(subs[i], "to all");
	for (int i = 0; i < MANY; i += 2)
		tend_subscription_close(subs[i]);
	CHECK_INT(MANY / 2, tend_stream_stats(stream).subscribers);
	stream_put(fd, "half");
	for (int i = 1; i < MANY; i += 2) {
		expect_bytes(subs[i], "half");
		tend_subscription_close(subs[i]);
	}
	close(fd);
	tend_stream_free(stream);
}

/* ---- replay ---- */

/* SS replay::typed_no_replay_starts_consumer_at_live_output; RP-11 and OE-8: it begins with a discontinuity. */
static void no_replay_starts_live(void)
{
	int fd;
	tend_stream *stream = test_pipe_stream(&test_single, &fd);
	tend_subscription *sub;
	struct tend_event e;

	stream_put(fd, "old");
	await_read(stream, 3);
	sub = stream_subscribe(stream);
	stream_put(fd, "live");
	e = stream_next(sub);
	CHECK_INT(TEND_GAP, e.kind);
	CHECK(e.gap.at_start);
	CHECK_INT(0, e.gap.bytes);
	CHECK_INT(3, e.gap.offset);
	CHECK_INT('d', e.gap.before);
	expect_bytes(sub, "live");
	tend_subscription_close(sub);
	close(fd);
	tend_stream_free(stream);
}

/* SS replay::typed_replay_all_delivers_pre_consumer_output_before_live_output, RP-12, RP-13 */
static void all_is_replayed_to_each(void)
{
	int fd;
	tend_stream *stream = test_pipe_stream(&test_single_all, &fd);

	stream_put(fd, "old");
	await_read(stream, 3);
	for (int i = 0; i < 3; i++) {
		tend_subscription *sub = stream_subscribe(stream);

		expect_bytes(sub, "old");
		tend_subscription_close(sub);
	}
	tend_subscription *sub = stream_subscribe(stream);
	stream_put(fd, "live");
	expect_bytes(sub, "oldlive");
	CHECK_INT(7, tend_stream_stats(stream).bytes_retained);
	tend_subscription_close(sub);
	close(fd);
	tend_stream_free(stream);
}

/* SS replay::replay_retention_limits_later_consumer */
static void last_chunks_limit_what_comes(void)
{
	struct tend_stream_options o = stream_retaining(TEND_REPLAY_CHUNKS(1), 4, 8);
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);
	tend_subscription *sub;

	stream_put(fd, "aaaa");
	await_read(stream, 4);
	stream_put(fd, "cc");
	await_read(stream, 6);
	sub = stream_subscribe(stream);
	expect_gap(sub, 0, 0, true);
	expect_bytes(sub, "cc");
	tend_subscription_close(sub);
	close(fd);
	tend_stream_free(stream);
}

/*
 * RP-10, EV-4; SS replay::later_consumer_observes_eof,
 * SS subscription::emits_terminal_event_after_replay_and_closes_live_receiver: one end, behind the data, for whoever
 * comes late
 */
static void late_subscribers_get_the_end(void)
{
	int fd;
	tend_stream *stream = test_pipe_stream(&test_single_all, &fd), *empty;
	tend_subscription *sub;

	stream_put(fd, "tail");
	close(fd);
	await_end(stream);
	for (int i = 0; i < 2; i++) {
		sub = stream_subscribe(stream);
		expect_bytes(sub, "tail");
		expect_kind(sub, TEND_EOF);
		expect_kind(sub, TEND_EOF);
		tend_subscription_close(sub);
	}
	tend_stream_free(stream);

	empty = test_pipe_stream(&test_single, &fd);
	stream_put(fd, "gone");
	close(fd);
	await_end(empty);
	sub = stream_subscribe(empty);
	expect_kind(sub, TEND_EOF);
	tend_subscription_close(sub);
	tend_stream_free(empty);
}

/* OE-5: attaching against the end, from many threads, hangs nobody. */
static void late_attacher(struct test_thread *t, void *arg)
{
	tend_stream *stream = arg;
	tend_subscription *sub = NULL;
	struct tend_event e = { .kind = TEND_CHUNK };

	WORKER_CHECK_INT(t, 0, tend_stream_subscribe(stream, NULL, &sub, NULL));
	while (e.kind == TEND_CHUNK || e.kind == TEND_GAP)
		if (!WORKER_CHECK_INT(t, 0, tend_subscription_next(sub, TEST_PATIENCE, &e)))
			break;
	WORKER_CHECK_INT(t, TEND_EOF, e.kind);
	tend_subscription_close(sub);
}

static void attaching_against_the_end_hangs_nobody(void)
{
	for (int i = 0; i < 300; i++) {
		struct test_thread t;
		int fd;
		tend_stream *stream = test_pipe_stream(i % 2 ? &test_reliable : &test_reliable_all, &fd);

		test_thread_start(&t, late_attacher, stream);
		close(fd);
		test_thread_join(&t);
		tend_stream_free(stream);
	}
}

/* OE-1: loss of a slow subscriber makes no hole in the history. */
static void history_has_no_holes(void)
{
	struct tend_stream_options o = stream_lossy(TEND_DROP_NEWEST, 2, 1);
	static const char text[] = "0123456789012345678901234567890123456789";
	tend_subscription *slow, *late;
	int fd;
	tend_stream *stream;

	o.replay = TEND_REPLAY_ALL;
	stream = test_pipe_stream(&o, &fd);
	slow = stream_subscribe(stream);
	stream_put(fd, text);
	await_read(stream, 40);
	late = stream_subscribe(stream);
	expect_bytes(late, text);
	CHECK_INT(40, tend_stream_stats(stream).bytes_retained);
	expect_chunk(slow, "01");
	close(fd);
	expect_gap(slow, 38, 19, false);
	tend_subscription_close(slow);
	tend_subscription_close(late);
	tend_stream_free(stream);
}

/* RP-7, RP-9; SS replay::configured_subscription_after_seal_starts_live_with_empty_shared_replay */
static void seal_forgets_for_those_to_come(void)
{
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable_all, &fd);
	tend_subscription *before, *after;

	stream_put(fd, "ready\n");
	await_read(stream, 6);
	before = stream_subscribe(stream);
	CHECK_INT(0, tend_stream_seal_replay(stream));
	CHECK_INT(0, tend_stream_seal_replay(stream));
	CHECK(tend_stream_stats(stream).replay_sealed);
	CHECK_INT(0, tend_stream_stats(stream).bytes_retained);
	after = stream_subscribe(stream);
	stream_put(fd, "live");
	expect_bytes(before, "ready\nlive");
	expect_gap(after, 0, 0, true);
	expect_bytes(after, "live");
	tend_subscription_close(before);
	tend_subscription_close(after);
	close(fd);
	tend_stream_free(stream);
}

/* ---- chunks that are kept ---- */

static void kept_chunks_outlive_everything(void)
{
	struct tend_chunk kept[3], foreign = { .data = "x", .size = 1 };
	int fd;
	struct tend_stream_options o = stream_options(test_reliable, 4, 16);
	tend_stream *stream = test_pipe_stream(&o, &fd);
	tend_subscription *sub = stream_subscribe(stream);

	stream_put(fd, "aaaabbbbcccc");
	for (int i = 0; i < 3; i++) {
		struct tend_event e = stream_next(sub);

		CHECK_INT(TEND_CHUNK, e.kind);
		CHECK_INT(0, tend_chunk_ref(&e.chunk, &kept[i]));
	}
	CHECK_INT(-EINVAL, tend_chunk_ref(&foreign, &kept[0]));
	tend_subscription_close(sub);
	close(fd);
	tend_stream_free(stream);
	CHECK_MEM("aaaa", 4, kept[0].data, kept[0].size);
	CHECK_MEM("bbbb", 4, kept[1].data, kept[1].size);
	CHECK_MEM("cccc", 4, kept[2].data, kept[2].size);
	for (int i = 0; i < 3; i++)
		tend_chunk_unref(&kept[i]);
	tend_chunk_unref(&kept[0]); /* already given back: nothing happens */
	tend_chunk_unref(NULL);
}

/* ---- opening ---- */

static void open_refuses_what_cannot_be_read(void)
{
	tend_stream *stream = NULL;
	struct tend_error err;
	int fds[2];

	CHECK_INT(-EBADF, tend_stream_open(-1, &test_reliable, "x", &stream, &err));
	CHECK_INT(0, pipe2(fds, O_CLOEXEC));
	CHECK_INT(-EBADF, tend_stream_open(fds[1], &test_reliable, "x", &stream, &err)); /* and it is closed */
	CHECK_INT(-1, fcntl(fds[1], F_GETFD));
	CHECK_INT(-EINVAL, tend_stream_open(fds[0], NULL, "x", &stream, &err));
	CHECK_INT(-1, fcntl(fds[0], F_GETFD));
	CHECK(stream == NULL);
	CHECK(tend_stream_free(NULL) == NULL);
	CHECK(tend_subscription_close(NULL) == NULL);
}

/* What of a message does not fit into a chunk is gone, and an empty one looks like the end: so there are none. */
static void open_refuses_messages(void)
{
	static const int types[] = { SOCK_DGRAM, SOCK_SEQPACKET };
	tend_stream *stream = NULL;
	struct tend_error err;
	int fds[2];

	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		CHECK_INT(0, socketpair(AF_UNIX, types[i] | SOCK_CLOEXEC, 0, fds));
		CHECK_INT(-EPROTOTYPE, tend_stream_open(fds[0], &test_reliable, "x", &stream, &err));
		CHECK_INT(TEND_STEP_OPTIONS, err.step);
		CHECK_INT(-1, fcntl(fds[0], F_GETFD));
		close(fds[1]);
	}
	CHECK(stream == NULL);
}

/* Hazard 15: the flags of a descriptor that the host gave are not touched. */
static void flags_of_the_host_stay(void)
{
	int fds[2], copy, flags;
	tend_stream *stream = NULL;
	struct tend_error err;

	CHECK_INT(0, pipe2(fds, O_CLOEXEC));
	copy = fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
	flags = fcntl(copy, F_GETFL);
	CHECK_OK(tend_stream_open(fds[0], &test_reliable_all, "host", &stream, &err), &err);
	stream_put(fds[1], "x");
	await_read(stream, 1);
	CHECK_INT(flags, fcntl(copy, F_GETFL));
	close(copy);
	close(fds[1]);
	await_end(stream);
	tend_stream_free(stream);
}

/* CF-1, CF-4: what was chosen is what there is. */
static void options_are_read_back(void)
{
	struct tend_stream_options o = stream_retaining(TEND_REPLAY_BYTES(4242), 42, 43);
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);
	const struct tend_stream_options *got = tend_stream_options(stream);

	CHECK_INT(TEND_SINGLE_SUBSCRIBER, got->backend);
	CHECK_INT(TEND_RELIABLE, got->delivery);
	CHECK_INT(TEND_RETAIN_BYTES, got->replay.kind);
	CHECK_INT(4242, got->replay.amount);
	CHECK_INT(42, got->read_chunk_size);
	CHECK_INT(43, got->max_buffered_chunks);
	CHECK(tend_stream_stats(stream).replay_enabled);
	CHECK_STR("test", tend_stream_label(stream));
	close(fd);
	tend_stream_free(stream);
}

/* Hazard 69, and the abort of a reader that waits for bytes or for room. */
static void free_stops_a_reader_wherever_it_is(void)
{
	struct tend_stream_options o = stream_options(test_reliable, 1, 1);

	for (int i = 0; i < 50; i++) {
		int fd;
		tend_stream *stream = test_pipe_stream(&o, &fd);
		tend_subscription *sub = stream_subscribe(stream);

		if (i % 2) {
			stream_put(fd, "abc");
			await_read(stream, 2); /* the second finds no room */
		}
		tend_stream_free(stream);
		if (i % 2)
			expect_chunk(sub, "a"); /* I5: it ends in front of what it did not get, without a gap */
		expect_kind(sub, TEND_DETACHED);
		tend_subscription_close(sub);
		close(fd);
	}
}

/* RP-6, OE-12 from the outside: what is pinned is bounded and told. */
static void pinned_memory_is_bounded(void)
{
	struct tend_stream_options o = stream_retaining(TEND_REPLAY_BYTES(1 << 16), 4096, 4);
	int fd, n = test_under_valgrind() ? 20000 : 100000;
	tend_stream *stream = test_pipe_stream(&o, &fd);

	for (int i = 0; i < n; i++)
		CHECK_INT(1, write(fd, "x", 1));
	await_read(stream, (uint64_t)n);
	CHECK(tend_stream_stats(stream).bytes_retained >= (n < 1 << 16 ? (uint64_t)n : 1 << 16));
	CHECK(tend_stream_stats(stream).bytes_pinned <= (4 * (1 << 16)) / 3 + 8 * 4096);
	close(fd);
	tend_stream_free(stream);
}

/* An idle stream gives back what it does not need; nobody asks it to. */
static void idle_streams_keep_little(void)
{
	static const char block[1 << 15];
	struct tend_stream_options o = stream_options(test_reliable, 1 << 15, 8);
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);

	CHECK_INT(sizeof block, write(fd, block, sizeof block));
	await_read(stream, sizeof block);
	while (tend_stream_stats(stream).bytes_pinned > 0)
		poll(NULL, 0, 1);
	stream_put(fd, "x"); /* and it reads on */
	await_read(stream, sizeof block + 1);
	close(fd);
	tend_stream_free(stream);
}

/*
 * Each small message of a child's is one poll(2) and one read(2), and not one more that finds nothing.  A descriptor
 * that is the host's is never read without being asked first.
 */
static void small_messages_cost_two_calls(void)
{
	struct tend_stream_options o = stream_options(test_reliable, 1 << 16, 8);
	unsigned long polls = fault_sys_calls("poll"), reads = fault_sys_calls("read");
	tend_stream *stream = NULL;
	tend_subscription *sub;
	struct tend_error e;
	int fds[2], fd;

	CHECK_INT(0, pipe2(fds, O_CLOEXEC));
	if (!CHECK_OK(tend__stream_new(fds[0], true, &o, "test", "test", &stream, &e), &e))
		return;
	fd = fds[1];
	sub = stream_subscribe(stream);
	for (int i = 0; i < 20; i++) {
		stream_put(fd, "message");
		expect_chunk(sub, "message");
	}
	CHECK_INT(20, fault_sys_calls("read") - reads);
	CHECK(fault_sys_calls("poll") - polls <= 21); /* it may wait again by now */
	tend_subscription_close(sub);
	close(fd);
	tend_stream_free(stream);
}

struct looking {
	tend_stream *stream;
	_Atomic pid_t tid;
	struct tend_stream_stats seen;
};

static void look(struct test_thread *t, void *arg)
{
	struct looking *l = arg;

	(void)t;
	atomic_store(&l->tid, gettid());
	l->seen = tend_stream_stats(l->stream);
}

static bool is_asleep(pid_t tid)
{
	char path[64], state = '?';
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)tid);
	f = fopen(path, "re");
	if (f && fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = '?';
	if (f)
		fclose(f);
	return state == 'S';
}

/*
 * Who is told of the end is told the final figures.  The lock is held here, and the end made by hand under it, as the
 * reader makes it, while somebody waits for the lock to look.
 */
static void figures_are_final_with_the_end(void)
{
	struct looking l = { .stream = NULL };
	struct test_thread thread;
	int fd;

	l.stream = test_pipe_stream(&test_reliable, &fd);
	tend__lock(&l.stream->lock);
	test_thread_start(&thread, look, &l);
	while (atomic_load(&l.tid) == 0 || !is_asleep(atomic_load(&l.tid)))
		sched_yield();
	atomic_store(&l.stream->bytes_read, 77);
	l.stream->ended = true;
	l.stream->terminal.ending = TEND_END_EOF;
	tend__unlock(&l.stream->lock);
	test_thread_join(&thread);
	CHECK_INT(TEND_END_EOF, l.seen.end);
	CHECK_INT(77, (intmax_t)l.seen.bytes_read);
	tend__lock(&l.stream->lock);
	atomic_store(&l.stream->bytes_read, 0);
	l.stream->ended = false;
	l.stream->terminal.ending = TEND_END_NONE;
	tend__unlock(&l.stream->lock);
	close(fd);
	tend_stream_free(l.stream);
}

static const struct test tests[] = {
	{ "chunks_are_cut_to_size", chunks_are_cut_to_size },
	{ "offsets_and_sequences_are_absolute", offsets_and_sequences_are_absolute },
	{ "next_times_out", next_times_out },
	{ "free_is_told_from_eof", free_is_told_from_eof },
	{ "read_error_is_told_from_eof", read_error_is_told_from_eof },
	{ "reliable_waits", reliable_waits },
	{ "unobserved_child_is_not_blocked", unobserved_child_is_not_blocked },
	{ "newest_are_dropped", newest_are_dropped },
	{ "oldest_are_dropped", oldest_are_dropped },
	{ "one_slot_recovers", one_slot_recovers },
	{ "gap_goes_before_what_follows", gap_goes_before_what_follows },
	{ "each_may_want_another_delivery", each_may_want_another_delivery },
	{ "single_means_one", single_means_one },
	{ "refusal_harms_nobody", refusal_harms_nobody },
	{ "broadcast_grows", broadcast_grows },
	{ "no_replay_starts_live", no_replay_starts_live },
	{ "all_is_replayed_to_each", all_is_replayed_to_each },
	{ "last_chunks_limit_what_comes", last_chunks_limit_what_comes },
	{ "late_subscribers_get_the_end", late_subscribers_get_the_end },
	{ "attaching_against_the_end_hangs_nobody", attaching_against_the_end_hangs_nobody },
	{ "history_has_no_holes", history_has_no_holes },
	{ "seal_forgets_for_those_to_come", seal_forgets_for_those_to_come },
	{ "kept_chunks_outlive_everything", kept_chunks_outlive_everything },
	{ "open_refuses_what_cannot_be_read", open_refuses_what_cannot_be_read },
	{ "open_refuses_messages", open_refuses_messages },
	{ "flags_of_the_host_stay", flags_of_the_host_stay },
	{ "options_are_read_back", options_are_read_back },
	{ "free_stops_a_reader_wherever_it_is", free_stops_a_reader_wherever_it_is },
	{ "pinned_memory_is_bounded", pinned_memory_is_bounded },
	{ "idle_streams_keep_little", idle_streams_keep_little },
	{ "small_messages_cost_two_calls", small_messages_cost_two_calls },
	{ "figures_are_final_with_the_end", figures_are_final_with_the_end },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "stream", tests, sizeof tests / sizeof *tests);
}
