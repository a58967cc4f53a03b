/* SPDX-License-Identifier: MIT */
/*
 * Several subscribers of one stream, several streams at once, and that the two backends differ in how many may
 * subscribe and in nothing else.  The ids are those of doc/REQUIREMENTS.md.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

#include "fault.h"
#include "streams.h"
#include "test.h"
#include "thread.h"

/* ---- choices ---- */

static const struct tend_replay replays[] = {
	{ .kind = TEND_RETAIN_NONE },
	{ .kind = TEND_RETAIN_CHUNKS, .amount = 64 },
	{ .kind = TEND_RETAIN_BYTES, .amount = 4096 },
	{ .kind = TEND_RETAIN_ALL },
};
#define N_REPLAYS (sizeof replays / sizeof *replays)

/* Reliable, and lossy with either overflow. */
static const struct {
	enum tend_delivery delivery;
	enum tend_overflow overflow;
} deliveries[] = {
	{ TEND_RELIABLE, 0 },
	{ TEND_LOSSY, TEND_DROP_NEWEST },
	{ TEND_LOSSY, TEND_DROP_OLDEST },
};
#define N_DELIVERIES (sizeof deliveries / sizeof *deliveries)

static void check_options(const struct tend_stream_options *o)
{
	int fd;
	tend_stream *stream = test_pipe_stream(o, &fd);
	const struct tend_stream_options *got = tend_stream_options(stream);
	tend_subscription *sub = stream_subscribe(stream);

	CHECK_INT(o->backend, got->backend);
	CHECK_INT(o->delivery, got->delivery);
	CHECK_INT(o->overflow, got->overflow);
	CHECK_INT(o->replay.kind, got->replay.kind);
	CHECK_INT(o->replay.amount, got->replay.amount);
	CHECK_INT(o->read_chunk_size, got->read_chunk_size);
	CHECK_INT(o->max_buffered_chunks, got->max_buffered_chunks);
	CHECK_INT(o->replay.kind != TEND_RETAIN_NONE, tend_stream_stats(stream).replay_enabled);
	stream_put(fd, "hello world");
	expect_bytes(sub, "hello world");
	close(fd);
	expect_kind(sub, TEND_EOF);
	tend_subscription_close(sub);
	tend_stream_free(stream);
}

/*
 * CF-1, CF-2, CF-3, CF-10; config::builder_creates_expected_delivery_and_replay_configs,
 * one_config_constructs_both_stream_backends; backend_selection::default_broadcast_uses_tokio_broadcast_fast_backend,
 * typed_best_effort_no_replay_uses_tokio_broadcast_fast_backend, reliable_no_replay_uses_fanout_replay_backend,
 * reliable_replay_uses_fanout_replay_backend, replay_enabled_best_effort_uses_fanout_replay_backend: there is one
 * implementation, and every combination of choices is read back as it was made, and works.
 */
static void every_combination_of_choices_works(void)
{
	for (enum tend_backend backend = TEND_SINGLE_SUBSCRIBER; backend <= TEND_BROADCAST; backend++)
		for (size_t d = 0; d < N_DELIVERIES; d++)
			for (size_t r = 0; r < N_REPLAYS; r++)
				check_options(&(struct tend_stream_options){
					.backend = backend,
					.delivery = deliveries[d].delivery,
					.overflow = deliveries[d].overflow,
					.replay = replays[r],
					.read_chunk_size = 4 + d,
					.max_buffered_chunks = 64 + r,
				});
}

static void check_refused(struct tend_stream_options o, const char *field)
{
	size_t n = strlen(field);
	tend_stream *stream = NULL;
	struct tend_error err;
	int fds[2];

	CHECK_INT(0, pipe(fds));
	CHECK_INT(-EINVAL, tend_stream_open(fds[0], &o, "refused", &stream, &err));
	CHECK(strncmp(err.message, field, n) == 0 && err.message[n] == ' ');
	CHECK(stream == NULL);
	CHECK_INT(-1, fcntl(fds[0], F_GETFD)); /* it was taken all the same */
	close(fds[1]);
}

#define CHECK_REFUSED(field, value)                                                                                    \
	do {                                                                                                           \
		struct tend_stream_options with_ = test_single_all;                                                    \
		with_.field = value;                                                                                   \
		check_refused(with_, #field);                                                                          \
	} while (0)

/*
 * CF-5, CF-6; SS::from_stream_panics_on_zero_read_chunk_size, SS::from_stream_panics_on_zero_max_buffered_chunks: what
 * is wrapped as a stream is checked as what a child is spawned with.
 */
static void open_refuses_what_was_not_chosen(void)
{
	CHECK_REFUSED(backend, 0);
	CHECK_REFUSED(delivery, 0);
	CHECK_REFUSED(replay.kind, 0);
	CHECK_REFUSED(read_chunk_size, 0);
	CHECK_REFUSED(read_chunk_size, TEND_MAX_READ_CHUNK_SIZE + 1);
	CHECK_REFUSED(max_buffered_chunks, 0);
	CHECK_REFUSED(max_buffered_chunks, TEND_MAX_MAX_BUFFERED_CHUNKS + 1);
}

static void check_overflow(enum tend_backend backend, struct tend_replay replay, enum tend_overflow overflow,
                           size_t depth)
{
	struct tend_stream_options o = stream_lossy(overflow, 1, depth);
	static const char text[] = "abcdefghij";
	char kept[16];
	size_t lost = 10 - depth;
	int fd;
	tend_stream *stream;
	tend_subscription *stalled;

	o.backend = backend;
	o.replay = replay;
	stream = test_pipe_stream(&o, &fd);
	stalled = stream_subscribe(stream);
	stream_put(fd, text);
	close(fd);
	await_end(stream);
	memcpy(kept, overflow == TEND_DROP_OLDEST ? text + lost : text, depth);
	kept[depth] = '\0';
	if (overflow == TEND_DROP_OLDEST)
		expect_gap(stalled, lost, lost, false);
	expect_bytes(stalled, kept);
	if (overflow == TEND_DROP_NEWEST)
		expect_gap(stalled, lost, lost, false);
	expect_kind(stalled, TEND_EOF);
	tend_subscription_close(stalled);
	tend_stream_free(stream);
}

/*
 * CF-3, BC-3, BC-4, BC-8, BC-13, OE-31; state::best_effort_queue_emits_one_gap_after_overflow,
 * subscription::slow_best_effort_subscriber_observes_gap_then_newer_tail: what a stalled subscriber finds depends on
 * its overflow and on N, exactly, and neither on the backend nor on the replay.
 */
static void overflow_means_the_same_everywhere(void)
{
	for (enum tend_backend backend = TEND_SINGLE_SUBSCRIBER; backend <= TEND_BROADCAST; backend++)
		for (size_t r = 0; r < N_REPLAYS; r++)
			for (size_t depth = 1; depth <= 5; depth++) {
				check_overflow(backend, replays[r], TEND_DROP_NEWEST, depth);
				check_overflow(backend, replays[r], TEND_DROP_OLDEST, depth);
			}
}

/* ---- several subscribers ---- */

/* Until the reader has read so much and waits for the one that is stuck: what was read before has been given out. */
static void await_stall_at(tend_stream *stream, uint64_t bytes)
{
	struct tend_stream_stats s;

	do
		s = tend_stream_stats(stream);
	while ((s.bytes_read < bytes || s.stalling == 0) && sched_yield() == 0);
}

/*
 * BC-2, RP-11: without a history each begins with what was not given out yet when it came, and is told that it begins
 * late.
 */
static void each_begins_where_it_came(void)
{
	const struct tend_subscribe roomy = { .max_buffered_chunks = 64 };
	struct tend_stream_options o = stream_options(test_reliable, 1, 1);
	tend_subscription *subs[3] = { NULL, NULL, NULL };
	struct tend_error err;
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);

	subs[0] = stream_subscribe(stream);
	stream_put(fd, "abcdef");
	await_stall_at(stream, 2);
	CHECK_OK(tend_stream_subscribe(stream, &roomy, &subs[1], &err), &err);
	expect_bytes(subs[0], "a");
	await_stall_at(stream, 3);
	CHECK_OK(tend_stream_subscribe(stream, &roomy, &subs[2], &err), &err);
	close(fd);
	expect_bytes(subs[0], "bcdef");
	expect_gap(subs[1], 0, 0, true);
	expect_bytes(subs[1], "bcdef");
	expect_gap(subs[2], 0, 0, true);
	expect_bytes(subs[2], "cdef");
	for (int i = 0; i < 3; i++) {
		expect_kind(subs[i], TEND_EOF);
		tend_subscription_close(subs[i]);
	}
	tend_stream_free(stream);
}

/* BC-5, BC-12: one that loses everything costs the others nothing, and they cost it nothing. */
static void a_slow_lossy_one_harms_nobody(void)
{
	const struct tend_subscribe loses = {
		.delivery = TEND_LOSSY, .overflow = TEND_DROP_NEWEST, .max_buffered_chunks = 1
	};
	struct tend_stream_options o = stream_options(test_reliable, 10, 2);
	char text[1001] = "";
	tend_subscription *stuck = NULL, *quick;
	struct tend_error err;
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);

	CHECK_OK(tend_stream_subscribe(stream, &loses, &stuck, &err), &err);
	quick = stream_subscribe(stream);
	for (int i = 0; i < 100; i++)
		memcpy(text + 10 * i, "0123456789", 11);
	stream_put(fd, text);
	close(fd);
	expect_bytes(quick, text);
	expect_kind(quick, TEND_EOF);
	expect_bytes(stuck, "0123456789");
	expect_gap(stuck, 990, 99, false);
	expect_kind(stuck, TEND_EOF);
	tend_subscription_close(stuck);
	tend_subscription_close(quick);
	tend_stream_free(stream);
}

static void expect_error(tend_subscription *sub, int error)
{
	struct tend_event e = stream_next(sub);

	CHECK_INT(TEND_READ_ERROR, e.kind);
	CHECK_INT(error, e.read_errno);
}

/* Two are there when the read fails, and one comes later. */
static void check_error_for_each(const struct tend_stream_options *o)
{
	bool replayed = o->replay.kind != TEND_RETAIN_NONE;
	tend_subscription *subs[3];
	int fd;
	tend_stream *stream = test_pipe_stream(o, &fd);

	subs[0] = stream_subscribe(stream);
	subs[1] = stream_subscribe(stream);
	stream_put(fd, "data");
	await_read(stream, 4);
	fault_fail_sys_from("read", 1, EIO);
	close(fd);
	await_end(stream);
	fault_reset();
	subs[2] = stream_subscribe(stream);
	for (int i = 0; i < 3; i++) {
		if (i < 2 || replayed)
			expect_bytes(subs[i], "data");
		expect_error(subs[i], EIO);
		expect_error(subs[i], EIO); /* once and for all: nothing else follows */
		tend_subscription_close(subs[i]);
	}
	tend_stream_free(stream);
}

/*
 * BC-6, BC-7, EV-3; subscription::no_replay_late_subscriber_observes_terminal_read_error,
 * replay_late_subscriber_observes_retained_output_then_read_error
 */
static void each_learns_of_a_read_error(void)
{
	struct tend_stream_options lossy_all = stream_lossy(TEND_DROP_OLDEST, 16, 16);

	lossy_all.replay = TEND_REPLAY_ALL;
	check_error_for_each(&test_reliable);
	check_error_for_each(&test_reliable_all);
	check_error_for_each(&lossy_all);
}

/* A consumer that counts, and begins when the gate is opened. */
struct counter {
	sem_t *gate;
	uint64_t bytes;
	bool has_begun;
};

static enum tend_flow count(void *self, const struct tend_chunk *chunk)
{
	struct counter *c = self;

	if (!c->has_begun)
		while (sem_wait(c->gate) < 0)
			;
	c->has_begun = true;
	c->bytes += chunk->size;
	return TEND_CONTINUE;
}

struct writing {
	int fd;
	size_t bytes;
	unsigned char tag;
};

/* Byte i is tag + i. */
static void write_tagged(struct test_thread *t, void *arg)
{
	struct writing *w = arg;
	unsigned char piece[1000];

	for (size_t at = 0; at < w->bytes; at += sizeof piece) {
		for (size_t i = 0; i < sizeof piece; i++)
			piece[i] = (unsigned char)(w->tag + at + i);
		if (!WORKER_CHECK(t, write(w->fd, piece, sizeof piece) == sizeof piece))
			break;
	}
	close(w->fd);
}

/*
 * reliable_delivery::block_until_subscribers_catch_up_gated_multi_subscriber_collection_completes: nothing is lost
 * while both stand still, however much is written.
 */
static void gated_consumers_get_everything(void)
{
	static const struct tend_visitor visitor = { .on_chunk = count };
	struct tend_stream_options o = stream_options(test_reliable, 4096, 4);
	struct writing w = { .bytes = 512000 };
	struct counter counters[2];
	tend_consumer *consumers[2] = { NULL, NULL };
	struct test_thread writer;
	struct tend_consumed seen;
	struct tend_error err;
	sem_t gate;
	tend_stream *stream = test_pipe_stream(&o, &w.fd);

	sem_init(&gate, 0, 0);
	for (int i = 0; i < 2; i++) {
		counters[i] = (struct counter){ .gate = &gate };
		CHECK_OK(tend_stream_consume(stream, &visitor, &counters[i], &consumers[i], &err), &err);
	}
	test_thread_start(&writer, write_tagged, &w);
	while (tend_stream_stats(stream).stalling < 2)
		sched_yield();
	sem_post(&gate);
	sem_post(&gate);
	for (int i = 0; i < 2; i++) {
		CHECK_OK(tend_consumer_wait(consumers[i], TEST_PATIENCE, &seen, &err), &err);
		CHECK_INT(TEND_END_EOF, seen.ending);
		CHECK_INT(0, seen.gaps);
		CHECK_INT(w.bytes, counters[i].bytes);
		tend_consumer_free(consumers[i]);
	}
	test_thread_join(&writer);
	tend_stream_free(stream);
	sem_destroy(&gate);
}

/* reliable_delivery::block_until_subscribers_catch_up_preserves_all_output_for_active_subscribers */
static void small_buffers_lose_no_line(void)
{
	struct tend_collect how = TEND_COLLECT_LINES(.overflow = TEND_TRUSTED_UNBOUNDED);
	struct tend_stream_options o = stream_options(test_reliable, 2, 1);
	struct tend_collected what;
	tend_consumer *consumers[2] = { NULL, NULL };
	struct tend_error err;
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);

	for (int i = 0; i < 2; i++) {
		how.runs_on = i ? TEND_ON_READER : TEND_ON_OWN_THREAD;
		CHECK_OK(tend_stream_collect(stream, &how, &consumers[i], &err), &err);
	}
	stream_put(fd, "first\nsecond\nthird\n");
	close(fd);
	for (int i = 0; i < 2; i++) {
		CHECK_OK(tend_consumer_wait(consumers[i], TEST_PATIENCE, NULL, &err), &err);
		CHECK_OK(tend_consumer_collected(consumers[i], &what, &err), &err);
		CHECK(what.complete);
		if (CHECK_INT(3, what.n_lines)) {
			CHECK_STR("first", what.lines[0].data);
			CHECK_STR("second", what.lines[1].data);
			CHECK_STR("third", what.lines[2].data);
		}
		tend_consumer_free(consumers[i]);
	}
	tend_stream_free(stream);
}

/* ---- the end of the stream object ---- */

static bool is_never(void *arg, const struct tend_line *line)
{
	(void)arg, (void)line;
	return false;
}

static void wait_for_nothing(struct test_thread *t, void *arg)
{
	static const struct tend_line_options usual = { .max_length = TEND_DEFAULT_MAX_LINE_LENGTH,
							.overflow = TEND_LINE_TRUNCATE };
	struct tend_line_found found = { .outcome = 0 };

	WORKER_CHECK_INT(t, 0, tend_stream_wait_for_line(arg, &usual, is_never, NULL, TEST_PATIENCE, &found, NULL));
	WORKER_CHECK_INT(t, TEND_LINE_STREAM_ENDED, found.outcome);
	WORKER_CHECK_INT(t, TEND_END_DETACHED, found.ending);
}

/*
 * VS-27, BC-18; drop_lifecycle::dropping_fast_stream_closes_waiting_subscribers,
 * dropping_fanout_replay_stream_closes_waiting_subscribers; line_waiter::stream_drop_closes_waiting_line_waiters: a
 * wait that has subscribed is ended by the end of the stream object, and says which end it was.
 */
static void free_ends_waits(void)
{
	struct tend_stream_options all[] = { stream_lossy(TEND_DROP_OLDEST, 16, 16), test_reliable_all, test_single };

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct test_thread waiter;
		int fd;
		tend_stream *stream = test_pipe_stream(&all[i], &fd);

		test_thread_start(&waiter, wait_for_nothing, stream);
		while (tend_stream_stats(stream).subscribers == 0)
			sched_yield();
		tend_stream_free(stream);
		test_thread_join(&waiter);
		close(fd);
	}
}

/* BC-18: of several, each gets what is buffered for it. */
static void free_leaves_what_is_buffered(void)
{
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable, &fd);
	tend_subscription *subs[3];

	for (int i = 0; i < 3; i++)
		subs[i] = stream_subscribe(stream);
	stream_put(fd, "last");
	expect_bytes(subs[0], "last"); /* so it has been offered to all */
	await_read(stream, 4);
	tend_stream_free(stream);
	for (int i = 0; i < 3; i++) {
		if (i > 0)
			expect_bytes(subs[i], "last");
		expect_kind(subs[i], TEND_DETACHED);
		tend_subscription_close(subs[i]);
	}
	close(fd);
}

/* ---- several streams ---- */

struct pair {
	struct writing w;
	tend_stream *stream;
};

static void read_tagged(struct test_thread *t, void *arg)
{
	struct pair *p = arg;
	tend_subscription *sub = NULL;
	struct tend_event e = { .kind = TEND_CHUNK };
	uint64_t at = 0;

	if (!WORKER_CHECK_INT(t, 0, tend_stream_subscribe(p->stream, NULL, &sub, NULL)))
		return;
	while (WORKER_CHECK_INT(t, 0, tend_subscription_next(sub, TEST_PATIENCE, &e)) && e.kind == TEND_CHUNK) {
		const unsigned char *data = e.chunk.data;
		size_t i = 0;

		while (i < e.chunk.size && data[i] == (unsigned char)(p->w.tag + at + i))
			i++;
		if (!WORKER_CHECK_INT(t, (intmax_t)e.chunk.size, (intmax_t)i))
			break;
		at += i;
	}
	WORKER_CHECK_INT(t, TEND_EOF, e.kind);
	WORKER_CHECK_INT(t, (intmax_t)p->w.bytes, (intmax_t)at);
	tend_subscription_close(sub);
}

/* Streams that are read at the same time, each by two, share nothing. */
static void streams_do_not_mix(void)
{
	enum { STREAMS = 6 };
	struct test_thread writers[STREAMS], readers[2 * STREAMS];
	struct pair pairs[STREAMS];

	for (int i = 0; i < STREAMS; i++) {
		struct tend_stream_options o = stream_options(test_reliable_all, (size_t)1 << 2 * i, 1 + (size_t)i);

		pairs[i].w = (struct writing){ .bytes = i < 2 ? 5000 : 100000, .tag = (unsigned char)(i * 41) };
		pairs[i].stream = test_pipe_stream(&o, &pairs[i].w.fd);
	}
	for (int i = 0; i < STREAMS; i++) {
		test_thread_start(&readers[2 * i], read_tagged, &pairs[i]);
		test_thread_start(&readers[2 * i + 1], read_tagged, &pairs[i]);
		test_thread_start(&writers[i], write_tagged, &pairs[i].w);
	}
	for (int i = 0; i < STREAMS; i++) {
		test_thread_join(&readers[2 * i]);
		test_thread_join(&readers[2 * i + 1]);
		test_thread_join(&writers[i]);
		tend_stream_free(pairs[i].stream);
	}
}

static const struct test tests[] = {
	{ "every_combination_of_choices_works", every_combination_of_choices_works },
	{ "open_refuses_what_was_not_chosen", open_refuses_what_was_not_chosen },
	{ "overflow_means_the_same_everywhere", overflow_means_the_same_everywhere },
	{ "each_begins_where_it_came", each_begins_where_it_came },
	{ "a_slow_lossy_one_harms_nobody", a_slow_lossy_one_harms_nobody },
	{ "each_learns_of_a_read_error", each_learns_of_a_read_error },
	{ "gated_consumers_get_everything", gated_consumers_get_everything },
	{ "small_buffers_lose_no_line", small_buffers_lose_no_line },
	{ "free_ends_waits", free_ends_waits },
	{ "free_leaves_what_is_buffered", free_leaves_what_is_buffered },
	{ "streams_do_not_mix", streams_do_not_mix },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "broadcast", tests, sizeof tests / sizeof *tests);
}
