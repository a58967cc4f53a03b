/* SPDX-License-Identifier: MIT */
/*
 * Full buffers, and what happens at the end of a stream when one is full: who waits, what is lost, what is told.  The
 * ids are those of doc/REQUIREMENTS.md.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "fault.h"
#include "streams.h"
#include "test.h"

#define PAGE 4096

/* ---- who waits ---- */

static void await_stall(tend_stream *stream)
{
	while (tend_stream_stats(stream).stalling == 0)
		sched_yield();
}

/* Takes so many bytes, which must come without a gap. */
static void take_bytes(tend_subscription *sub, uint64_t bytes)
{
	uint64_t at = 0;

	while (at < bytes) {
		struct tend_event e = stream_next(sub);

		if (!CHECK_INT(TEND_CHUNK, e.kind) || !CHECK_INT(at, e.chunk.offset))
			return;
		at += e.chunk.size;
	}
	CHECK_INT(bytes, at);
}

/*
 * RD-24, RD-25; broadcast state::reliable_append_waits_for_slow_subscriber_capacity: a subscriber that takes nothing
 * stops the child: N chunks are buffered for it, one is in the reader's hands, and then only what the pipe holds can
 * still be written.
 */
static void a_full_buffer_stops_the_writer(void)
{
	struct tend_stream_options o = stream_options(test_reliable, PAGE, 2);
	static const char page[PAGE];
	uint64_t written = 0;
	ssize_t n;
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);
	tend_subscription *stuck = stream_subscribe(stream);

	for (int i = 0; i < 3; i++)
		CHECK_INT(PAGE, write(fd, page, PAGE));
	await_stall(stream);
	CHECK_INT(0, fcntl(fd, F_SETFL, O_NONBLOCK));
	while ((n = write(fd, page, PAGE)) > 0)
		written += (uint64_t)n;
	CHECK_INT(EAGAIN, errno);
	CHECK_INT(tend_stream_stats(stream).pipe_size, written);
	CHECK_INT(3 * PAGE, tend_stream_stats(stream).bytes_read);
	take_bytes(stuck, 3 * PAGE + written);
	CHECK_INT(PAGE, write(fd, page, PAGE)); /* and it can go on */
	close(fd);
	CHECK_INT(0, tend_stream_stats(stream).bytes_dropped);
	tend_subscription_close(stuck);
	tend_stream_free(stream);
}

/* Takes all there is up to the end; returns the bytes of chunks, and those of gaps in *ret_lost. */
static uint64_t take_all(tend_subscription *sub, uint64_t *ret_lost)
{
	uint64_t got = 0;

	for (;;) {
		struct tend_event e = stream_next(sub);

		if (e.kind == TEND_CHUNK)
			got += e.chunk.size;
		else if (e.kind == TEND_GAP)
			*ret_lost += e.gap.bytes;
		else
			return CHECK_INT(TEND_EOF, e.kind) ? got : 0;
	}
}

/* BC-1, RD-28: nothing that a lossy subscriber does or does not do holds the child up. */
static void a_lossy_buffer_never_stops_the_writer(void)
{
	static const char much[1 << 20];

	for (enum tend_overflow overflow = TEND_DROP_NEWEST; overflow <= TEND_DROP_OLDEST; overflow++) {
		struct tend_stream_options o = stream_lossy(overflow, PAGE, 2);
		uint64_t lost = 0, got;
		int fd;
		tend_stream *stream = test_pipe_stream(&o, &fd);
		tend_subscription *stuck = stream_subscribe(stream);

		CHECK_INT(sizeof much, write(fd, much, sizeof much)); /* does not hang */
		close(fd);
		await_end(stream);
		got = take_all(stuck, &lost);
		CHECK(got <= 2 * PAGE);
		CHECK_INT(sizeof much, got + lost);
		CHECK_INT(lost, tend_stream_stats(stream).bytes_dropped);
		tend_subscription_close(stuck);
		tend_stream_free(stream);
	}
}

/* ---- what is lost ---- */

struct account {
	uint64_t got, lost;
	bool last_was_gap;
};

/* Takes at most `most` events that are there; whether the end was among them. */
static bool take_some(tend_subscription *sub, unsigned most, struct account *a)
{
	while (most-- > 0) {
		struct tend_event e = { .kind = TEND_TIMED_OUT };

		CHECK_INT(0, tend_subscription_next(sub, TEND_AT_ONCE, &e));
		if (e.kind == TEND_TIMED_OUT)
			return false;
		if (e.kind == TEND_EOF)
			return true;
		if (e.kind == TEND_GAP) {
			CHECK(!a->last_was_gap && e.gap.bytes > 0);
			a->lost += e.gap.bytes;
			CHECK_INT(a->got + a->lost, e.gap.offset);
		} else if (CHECK_INT(TEND_CHUNK, e.kind)) {
			CHECK_INT(a->got + a->lost, e.chunk.offset);
			a->got += e.chunk.size;
		}
		a->last_was_gap = e.kind == TEND_GAP;
	}
	return false;
}

/* Bursts of different lengths, and between them a subscriber that takes more or less of what is there. */
static void check_account(enum tend_overflow overflow, size_t depth)
{
	struct tend_stream_options o = stream_lossy(overflow, 1, depth);
	struct account a = { .got = 0 };
	struct tend_stream_stats s;
	uint64_t written = 0;
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);
	tend_subscription *sub = stream_subscribe(stream);

	for (unsigned i = 0; i < 60; i++) {
		const char *burst = &"abcdefg"[i * 5 % 7];

		stream_put(fd, burst);
		await_read(stream, written += strlen(burst));
		take_some(sub, i * 3 % 5, &a);
	}
	close(fd);
	await_end(stream);
	CHECK(take_some(sub, UINT32_MAX, &a));
	s = tend_stream_stats(stream);
	CHECK(a.lost > 0);
	CHECK_INT(written, a.got + a.lost);
	CHECK_INT(s.bytes_read, a.got + a.lost);
	CHECK_INT(s.bytes_delivered, a.got);
	CHECK_INT(s.bytes_dropped, a.lost);
	tend_subscription_close(sub);
	tend_stream_free(stream);
}

/* RD-36, OE-16, EV-6, BC-14: each byte is delivered or in one gap, and behind a gap comes data or the end. */
static void losses_are_exact_and_no_two_gaps_meet(void)
{
	for (size_t depth = 1; depth <= 3; depth++) {
		check_account(TEND_DROP_NEWEST, depth);
		check_account(TEND_DROP_OLDEST, depth);
	}
}

static _Atomic unsigned gaps_logged;

static void count_gaps(void *arg, const struct tend_log_event *event)
{
	(void)arg;
	if (strcmp(event->event, "gap") == 0)
		atomic_fetch_add(&gaps_logged, 1);
}

/*
 * OE-16, RD-36; reader_backpressure::handles_backpressure_by_dropping_newer_chunks_after_channel_buffer_filled_up: that
 * a subscriber has begun to lose is said when it does, once for each.
 */
static void loss_is_logged_once_for_each(void)
{
	struct tend_stream_options o = stream_lossy(TEND_DROP_NEWEST, 1, 2);
	tend_subscription *slow, *slow_too;
	int fd;
	tend_stream *stream;

	test_keeps_allocations(2); /* a log target is kept for good */
	CHECK_INT(0, tend_set_log(count_gaps, NULL, TEND_LOG_WARNING));
	stream = test_pipe_stream(&o, &fd);
	slow = stream_subscribe(stream);
	stream_put(fd, "abcdefgh");
	await_read(stream, 8); /* the first loss was several chunks ago, and told before the next was read */
	CHECK_INT(1, atomic_load(&gaps_logged));
	expect_bytes(slow, "ab");
	slow_too = stream_subscribe(stream);
	stream_put(fd, "ijklmnop");
	close(fd);
	await_end(stream);
	CHECK_INT(2, atomic_load(&gaps_logged));
	CHECK_INT(0, tend_set_log(NULL, NULL, TEND_LOG_WARNING));
	tend_subscription_close(slow);
	tend_subscription_close(slow_too);
	tend_stream_free(stream);
}

/* A new subscriber's account begins with it, whatever the one before it has lost (RD-27). */
static void losses_are_not_inherited(void)
{
	struct tend_stream_options o = stream_lossy(TEND_DROP_NEWEST, 1, 1);
	tend_subscription *first, *second;
	int fd;
	tend_stream *stream;

	o.backend = TEND_SINGLE_SUBSCRIBER;
	stream = test_pipe_stream(&o, &fd);
	first = stream_subscribe(stream);
	stream_put(fd, "abc");
	await_read(stream, 3);
	tend_subscription_close(first);
	second = stream_subscribe(stream);
	stream_put(fd, "d");
	close(fd);
	expect_gap(second, 0, 0, true); /* it begins in the middle, and has lost nothing */
	expect_bytes(second, "d");
	expect_kind(second, TEND_EOF);
	CHECK_INT(0, tend_stream_stats(stream).gaps);
	tend_subscription_close(second);
	tend_stream_free(stream);
}

/* ---- losses in what is collected ---- */

#define LINE 8 /* bytes, with the LF */

static void put_and_await(tend_stream *stream, int fd, const char *text, uint64_t delivered)
{
	stream_put(fd, text);
	while (tend_stream_stats(stream).bytes_delivered < delivered)
		sched_yield();
}

/* Writes numbered lines, the first so that it is not lost, until the subscriber has lost some; how many bytes. */
static uint64_t write_until_lost(tend_stream *stream, int fd)
{
	char lines[100 * LINE + 1];
	unsigned number = 1;

	put_and_await(stream, fd, "00000", 5);
	put_and_await(stream, fd, "00\n", LINE);
	do {
		for (int i = 0; i < 100; i++)
			snprintf(lines + i * LINE, LINE + 1, "%07u\n", number++ % 10000000);
		stream_put(fd, lines);
	} while (tend_stream_stats(stream).bytes_dropped == 0);
	return (uint64_t)number * LINE;
}

/* A collector, on a thread of its own, of a stream that it cannot keep up with; `what` was collected in the end. */
static tend_consumer *collect_with_losses(struct tend_collect how, struct tend_collected *what, uint64_t *ret_written)
{
	struct tend_stream_options o = stream_lossy(TEND_DROP_NEWEST, 5, 1);
	tend_consumer *c = NULL;
	struct tend_error err;
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);

	memset(what, 0, sizeof *what);
	how.runs_on = TEND_ON_OWN_THREAD;
	if (CHECK_OK(tend_stream_collect(stream, &how, &c, &err), &err)) {
		*ret_written = write_until_lost(stream, fd);
		close(fd);
		CHECK_OK(tend_consumer_wait(c, TEST_PATIENCE, NULL, &err), &err);
		CHECK_OK(tend_consumer_collected(c, what, &err), &err);
	}
	tend_stream_free(stream);
	return c;
}

/* OE-7, VS-13: a collection with a hole in it says so, with figures, and is not complete; no limit has cut it. */
static void a_collection_tells_its_losses(void)
{
	struct tend_collected what;
	uint64_t written = 0;
	tend_consumer *c = collect_with_losses(TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED), &what, &written);

	CHECK_INT(TEND_END_EOF, what.consumed.ending);
	CHECK(what.consumed.gaps > 0 && what.consumed.bytes_dropped > 0 && what.consumed.chunks_dropped > 0);
	CHECK_INT(written, what.size + what.consumed.bytes_dropped);
	CHECK(!what.complete && !what.truncated);
	CHECK_INT(0, what.bytes_left_out);
	tend_consumer_free(c);
}

/* LP-10, LP-15; collect::collectors_skip_gaps_and_keep_final_unterminated_line: no line is joined over a hole. */
static void collected_lines_are_whole(void)
{
	struct tend_collected what;
	uint64_t written = 0;
	tend_consumer *c = collect_with_losses(TEND_COLLECT_LINES(.overflow = TEND_TRUSTED_UNBOUNDED), &what, &written);
	char expected[LINE + 1];
	bool whole = true;

	CHECK(what.consumed.gaps > 0 && !what.complete && !what.truncated);
	CHECK(what.n_lines > 0 && what.n_lines < written / LINE);
	for (size_t i = 0; i < what.n_lines; i++) {
		const struct tend_line *line = &what.lines[i];

		snprintf(expected, sizeof expected, "%07ju", (uintmax_t)line->offset / LINE % 10000000);
		whole &= line->size == LINE - 1 && memcmp(expected, line->data, LINE - 1) == 0;
		whole &= i == 0 || line->flags == TEND_LINE_AFTER_GAP || line->offset == line[-1].offset + LINE;
	}
	CHECK(whole);
	tend_consumer_free(c);
}

/* ---- the end ---- */

static tend_stream *open_pipe(const struct tend_stream_options *o, int *ret_write_fd, int *ret_read_fd)
{
	tend_stream *stream = NULL;
	struct tend_error err;
	int fds[2];

	CHECK_INT(0, pipe2(fds, O_CLOEXEC));
	CHECK_OK(tend_stream_open(fds[0], o, "test", &stream, &err), &err);
	*ret_read_fd = fds[0];
	*ret_write_fd = fds[1];
	return stream;
}

/* Until the reader has let go of its descriptor: it has nothing to do any more. */
static void await_closed(int fd)
{
	while (fcntl(fd, F_GETFD) >= 0)
		sched_yield();
}

/* `text` comes, and then the end: clean, or `error` of a read. */
static void end_stream(tend_stream *stream, int fd, const char *text, int error)
{
	stream_put(fd, text);
	await_read(stream, strlen(text));
	if (error)
		fault_fail_sys_from("read", 1, error);
	close(fd);
	await_end(stream); /* although nobody takes anything */
	fault_reset();
}

static void expect_end(tend_subscription *sub, int error)
{
	struct tend_event e = stream_next(sub);

	CHECK_INT(error ? TEND_READ_ERROR : TEND_EOF, e.kind);
	CHECK_INT(error ? TEND_END_READ_ERROR : TEND_END_EOF, e.ending);
	CHECK_INT(error, e.read_errno);
}

/* One slot, and it is full. */
static void check_end_without_room(enum tend_delivery delivery, enum tend_overflow overflow, int error)
{
	struct tend_stream_options o = stream_lossy(overflow, 2, 1);
	int fd, read_fd;
	tend_stream *stream;
	tend_subscription *stuck;

	o.delivery = delivery;
	stream = open_pipe(&o, &fd, &read_fd);
	stuck = stream_subscribe(stream);
	end_stream(stream, fd, delivery == TEND_RELIABLE ? "aa" : "aabbcc", error);
	await_closed(read_fd);
	if (delivery == TEND_LOSSY && overflow == TEND_DROP_OLDEST)
		expect_gap(stuck, 4, 2, false);
	expect_chunk(stuck, delivery == TEND_LOSSY && overflow == TEND_DROP_OLDEST ? "cc" : "aa");
	if (delivery == TEND_LOSSY && overflow == TEND_DROP_NEWEST)
		expect_gap(stuck, 4, 2, false);
	expect_end(stuck, error);
	expect_end(stuck, error); /* and that is all */
	tend_subscription_close(stuck);
	tend_stream_free(stream);
}

/*
 * RD-26, RD-33, RD-35, OE-36; reader_backpressure::configured_reader_sends_pending_gap_before_terminal_eof,
 * configured_reader_records_eof_while_active_queue_is_full: the end takes no room, and what was lost is told before it.
 */
static void the_end_needs_no_room(void)
{
	check_end_without_room(TEND_RELIABLE, TEND_DROP_NEWEST, 0);
	check_end_without_room(TEND_LOSSY, TEND_DROP_NEWEST, 0);
	check_end_without_room(TEND_LOSSY, TEND_DROP_OLDEST, 0);
}

/* RD-34; reader_errors::configured_reader_records_read_error_while_active_queue_is_full */
static void a_read_error_needs_no_room(void)
{
	check_end_without_room(TEND_RELIABLE, TEND_DROP_NEWEST, EIO);
	check_end_without_room(TEND_LOSSY, TEND_DROP_NEWEST, EIO);
	check_end_without_room(TEND_LOSSY, TEND_DROP_OLDEST, EIO);
}

/* A visitor that stands still in its first chunk. */
struct held {
	sem_t entered, go_on;
	uint64_t bytes;
	unsigned ends;
	struct tend_end end;
};

static enum tend_flow hold(void *self, const struct tend_chunk *chunk)
{
	struct held *h = self;

	if (h->bytes == 0) {
		sem_post(&h->entered);
		while (sem_wait(&h->go_on) < 0)
			;
	}
	h->bytes += chunk->size;
	return TEND_CONTINUE;
}

static void note_end(void *self, const struct tend_end *end)
{
	struct held *h = self;

	h->end = *end;
	h->ends++;
}

/* VS-2, RD-26: a consumer that hangs keeps nobody from knowing of the error, and learns of it when it goes on. */
static void a_stuck_consumer_learns_of_the_error(void)
{
	static const struct tend_visitor visitor = { .on_chunk = hold, .on_end = note_end };
	struct tend_stream_options o = stream_options(test_single, 1, 1);
	struct tend_consumed seen = { .ending = TEND_END_NONE };
	struct held h = { .bytes = 0 };
	tend_consumer *c = NULL;
	struct tend_error err;
	int fd, read_fd;
	tend_stream *stream = open_pipe(&o, &fd, &read_fd);

	sem_init(&h.entered, 0, 0);
	sem_init(&h.go_on, 0, 0);
	CHECK_OK(tend_stream_consume(stream, &visitor, &h, &c, &err), &err);
	stream_put(fd, "a");
	while (sem_wait(&h.entered) < 0)
		;
	stream_put(fd, "b"); /* takes the only slot */
	await_read(stream, 2);
	fault_fail_sys_from("read", 1, EIO);
	close(fd);
	await_end(stream);
	await_closed(read_fd);
	fault_reset();
	CHECK_INT(EIO, tend_stream_stats(stream).read_errno);
	sem_post(&h.go_on);
	CHECK_OK(tend_consumer_wait(c, TEST_PATIENCE, &seen, &err), &err);
	CHECK_INT(TEND_END_READ_ERROR, seen.ending);
	CHECK_INT(EIO, seen.read_errno);
	CHECK_INT(2, h.bytes);
	CHECK_INT(1, h.ends);
	CHECK_INT(TEND_END_READ_ERROR, h.end.reason);
	CHECK_INT(2, h.end.offset);
	tend_consumer_free(c);
	tend_stream_free(stream);
	sem_destroy(&h.entered);
	sem_destroy(&h.go_on);
}

/* RD-21: a read that had nothing after all is neither an end nor an error. */
static void a_read_of_nothing_is_no_end(void)
{
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable, &fd);
	tend_subscription *sub = stream_subscribe(stream);

	fault_fail_sys("read", 1, EAGAIN);
	stream_put(fd, "x");
	expect_bytes(sub, "x");
	CHECK(fault_fired());
	fault_reset();
	close(fd);
	expect_kind(sub, TEND_EOF);
	tend_subscription_close(sub);
	tend_stream_free(stream);
}

/* The reader's i-th allocation fails; whether it had as many. */
static bool read_with_fault(unsigned long i)
{
	struct tend_stream_options o = stream_options(test_reliable_all, 2, 8);
	struct tend_event e;
	uint64_t at = 0;
	bool fired;
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);
	tend_subscription *sub = stream_subscribe(stream), *late;

	fault_fail_alloc(i);
	stream_put(fd, "aabbcc");
	close(fd);
	while ((e = stream_next(sub)).kind == TEND_CHUNK) {
		CHECK_INT(at, e.chunk.offset);
		at += e.chunk.size;
	}
	await_end(stream);
	fired = fault_fired();
	fault_reset();
	CHECK_INT(fired ? TEND_READ_ERROR : TEND_EOF, e.kind);
	CHECK_INT(fired ? ENOMEM : 0, e.read_errno);
	CHECK(fired || at == 6);
	CHECK_INT(fired ? TEND_END_READ_ERROR : TEND_END_EOF, tend_stream_stats(stream).end);
	late = stream_subscribe(stream);
	while ((e = stream_next(late)).kind == TEND_CHUNK)
		;
	CHECK_INT(fired ? TEND_READ_ERROR : TEND_EOF, e.kind);
	tend_subscription_close(late);
	tend_subscription_close(sub);
	tend_stream_free(stream);
	return fired;
}

/* OE-32, CF-7: a reader that cannot go on ends its stream for everybody, those who come later included. */
static void a_reader_without_memory_says_so(void)
{
	unsigned long i = 1;

	while (read_with_fault(i) && i < 100)
		i++;
	CHECK(i > 3 && i < 100);
}

/* ---- how much is read at once ---- */

/* All that is waiting comes in chunks of the full size; a pipe may be too small for that. */
static void check_full_reads(size_t size, size_t n)
{
	struct tend_stream_options o = stream_options(test_reliable_all, size, n);
	static const char zeros[PAGE];
	tend_stream *stream = NULL;
	tend_subscription *sub;
	struct tend_error err;
	int fds[2];

	CHECK_INT(0, pipe2(fds, O_CLOEXEC));
	if (fcntl(fds[1], F_GETPIPE_SZ) < (int)(size * n) && fcntl(fds[1], F_SETPIPE_SZ, (int)(size * n)) < 0) {
		CHECK_INT(EPERM, errno); /* this user's quota is used up */
		close(fds[0]);
		close(fds[1]);
		return;
	}
	for (size_t i = 0; i < size * n; i += PAGE)
		CHECK_INT(PAGE, write(fds[1], zeros, PAGE));
	close(fds[1]);
	CHECK_OK(tend_stream_open(fds[0], &o, "full", &stream, &err), &err);
	sub = stream_subscribe(stream);
	for (size_t i = 0; i < n; i++) {
		struct tend_event e = stream_next(sub);

		if (!CHECK_INT(TEND_CHUNK, e.kind) || !CHECK_INT(size, e.chunk.size))
			break;
	}
	expect_kind(sub, TEND_EOF);
	tend_subscription_close(sub);
	tend_stream_free(stream);
}

/* RD-19, OE-33: reads are not cut where a buffer ends, and a large chunk size is used. */
static void full_reads_are_not_fragmented(void)
{
	check_full_reads(1024, 8);
	check_full_reads(256 << 10, 2);
}

static const struct test tests[] = {
	{ "a_full_buffer_stops_the_writer", a_full_buffer_stops_the_writer },
	{ "a_lossy_buffer_never_stops_the_writer", a_lossy_buffer_never_stops_the_writer },
	{ "losses_are_exact_and_no_two_gaps_meet", losses_are_exact_and_no_two_gaps_meet },
	{ "loss_is_logged_once_for_each", loss_is_logged_once_for_each },
	{ "losses_are_not_inherited", losses_are_not_inherited },
	{ "a_collection_tells_its_losses", a_collection_tells_its_losses },
	{ "collected_lines_are_whole", collected_lines_are_whole },
	{ "the_end_needs_no_room", the_end_needs_no_room },
	{ "a_read_error_needs_no_room", a_read_error_needs_no_room },
	{ "a_stuck_consumer_learns_of_the_error", a_stuck_consumer_learns_of_the_error },
	{ "a_read_of_nothing_is_no_end", a_read_of_nothing_is_no_end },
	{ "a_reader_without_memory_says_so", a_reader_without_memory_says_so },
	{ "full_reads_are_not_fragmented", full_reads_are_not_fragmented },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "backpressure", tests, sizeof tests / sizeof *tests);
}
