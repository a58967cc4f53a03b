/* SPDX-License-Identifier: MIT */
/*
 * What a stream retains, as those who come later see it: after consumers that left, after overflow, after the end, and
 * after sealing.  The ids are those of doc/REQUIREMENTS.md.
 */
#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <unistd.h>

#include "fault.h"
#include "streams.h"
#include "test.h"
#include "thread.h"

static const struct tend_line_options usual = { .max_length = TEND_DEFAULT_MAX_LINE_LENGTH,
						.overflow = TEND_LINE_TRUNCATE };

static bool is_line(void *arg, const struct tend_line *line)
{
	return line->size == strlen(arg) && memcmp(line->data, arg, line->size) == 0;
}

static struct tend_line_found wait_for(tend_stream *stream, const char *text, tend_duration timeout)
{
	struct tend_line_found found = { .outcome = 0 };
	struct tend_error err;

	CHECK_OK(tend_stream_wait_for_line(stream, &usual, is_line, (void *)(uintptr_t)text, timeout, &found, &err),
	         &err);
	return found;
}

static tend_consumer *collect(tend_stream *stream)
{
	tend_consumer *c = NULL;
	struct tend_error err;

	CHECK_OK(tend_stream_collect(stream, &TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED), &c, &err), &err);
	return c;
}

/* What it has collected by the end of the stream; frees it. */
static void check_collected(tend_consumer *c, const char *text, bool complete)
{
	struct tend_collected what = { .kind = TEND_COLLECTION_NONE };
	struct tend_error err;

	CHECK_OK(tend_consumer_wait(c, TEST_PATIENCE, NULL, &err), &err);
	if (CHECK_OK(tend_consumer_collected(c, &what, &err), &err)) {
		CHECK_MEM(text, strlen(text), what.data, what.size);
		CHECK_INT(TEND_END_EOF, what.consumed.ending);
		CHECK_INT(complete, what.complete);
	}
	tend_consumer_free(c);
}

static tend_consumer *cancel(tend_consumer *c)
{
	struct tend_consumed seen;
	struct tend_error err;

	CHECK_OK(tend_consumer_cancel(c, TEST_PATIENCE, TEND_CANCEL_DRAIN, &seen, &err), &err);
	CHECK_INT(TEND_END_CANCELLED, seen.ending);
	return tend_consumer_free(c);
}

/* ---- between consumers ---- */

/*
 * RD-18, RP-12; replay::no_replay_discards_output_between_consumers, replay::replay_retains_output_between_consumers,
 * replay::later_consumer_observes_eof
 */
static void output_between_consumers(void)
{
	static const struct {
		const struct tend_stream_options *options;
		const char *later;
	} cases[] = {
		{ &test_single, "" },
		{ &test_single_all, "idle" },
		{ &test_reliable, "" },
		{ &test_reliable_all, "idle" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int fd;
		tend_stream *stream = test_pipe_stream(cases[i].options, &fd);

		cancel(collect(stream));
		stream_put(fd, "idle");
		close(fd);
		await_end(stream);
		check_collected(collect(stream), cases[i].later, *cases[i].later != '\0');
		tend_stream_free(stream);
	}
}

/* RD-8, RP-13: what was buffered for a subscriber that is closed goes with it, and stays in the history. */
static void what_was_buffered_goes_with_the_subscription(void)
{
	for (int retains = 0; retains < 2; retains++) {
		struct tend_stream_options o = stream_options(retains ? test_single_all : test_single, 1, 8);
		int fd;
		tend_stream *stream = test_pipe_stream(&o, &fd);
		tend_subscription *sub = stream_subscribe(stream);

		stream_put(fd, "abc");
		expect_bytes(sub, "a");
		close(fd);
		await_end(stream); /* "b" and "c" are buffered for it */
		tend_subscription_close(sub);
		sub = stream_subscribe(stream);
		if (retains)
			expect_bytes(sub, "abc");
		expect_kind(sub, TEND_EOF);
		tend_subscription_close(sub);
		tend_stream_free(stream);
	}
}

/* RD-7, RD-12; subscription::emits_replay_before_live_events, active_subscription_does_not_duplicate_live_handoff */
static void history_then_live_then_the_end(void)
{
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable_all, &fd);
	tend_subscription *sub;

	stream_put(fd, "old");
	await_read(stream, 3);
	sub = stream_subscribe(stream);
	stream_put(fd, "live");
	close(fd);
	expect_bytes(sub, "oldlive");
	expect_kind(sub, TEND_EOF);
	tend_subscription_close(sub);
	tend_stream_free(stream);
}

/*
 * RP-3, RP-4, RP-5; broadcast state::replay_last_chunks_starts_at_retention_boundary: each rule through a stream, of
 * which the chunks are 2 bytes each.
 */
static void each_rule_limits_what_comes_later(void)
{
	static const struct {
		struct tend_replay rule;
		const char *later;
	} cases[] = {
		{ { TEND_RETAIN_CHUNKS, 1 }, "dd" },
		{ { TEND_RETAIN_CHUNKS, 3 }, "bbccdd" },
		{ { TEND_RETAIN_BYTES, 1 }, "dd" },
		{ { TEND_RETAIN_BYTES, 3 }, "ccdd" },
		{ { TEND_RETAIN_BYTES, 4 }, "ccdd" },
		{ { TEND_RETAIN_BYTES, 100 }, "aabbccdd" },
		{ { TEND_RETAIN_ALL, 0 }, "aabbccdd" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tend_stream_options o = stream_retaining(cases[i].rule, 2, 8);
		size_t n = strlen(cases[i].later);
		int fd;
		tend_stream *stream = test_pipe_stream(&o, &fd);
		tend_subscription *sub;

		stream_put(fd, "aabbccdd");
		close(fd);
		await_end(stream);
		CHECK_INT(n, tend_stream_stats(stream).bytes_retained);
		CHECK_INT(n / 2, tend_stream_stats(stream).chunks_retained);
		for (int again = 0; again < 2; again++) { /* the end of the stream does not end the history */
			sub = stream_subscribe(stream);
			if (n < 8)
				expect_gap(sub, 0, 0, true); /* it begins in the middle */
			expect_bytes(sub, cases[i].later);
			expect_kind(sub, TEND_EOF);
			tend_subscription_close(sub);
		}
		tend_stream_free(stream);
	}
}

/* ---- after overflow ---- */

/*
 * OE-1, RP-14, BC-16, RD-29;
 * replay::late_best_effort_replay_subscriber_receives_retained_history_after_active_overflow,
 * replay::slow_best_effort_replay_subscriber_observes_gap_then_newer_live_data,
 * replay::best_effort_replay_delivers_terminal_after_pending_gap: what a slow one loses is retained all the same.
 */
static void what_is_lost_is_retained(void)
{
	for (enum tend_overflow overflow = TEND_DROP_NEWEST; overflow <= TEND_DROP_OLDEST; overflow++) {
		struct tend_stream_options o = stream_lossy(overflow, 1, 2);
		tend_subscription *slow, *late;
		int fd;
		tend_stream *stream;

		o.replay = TEND_REPLAY_ALL;
		stream = test_pipe_stream(&o, &fd);
		slow = stream_subscribe(stream);
		stream_put(fd, "abcde");
		close(fd);
		await_end(stream);
		late = stream_subscribe(stream);
		expect_bytes(late, "abcde");
		expect_kind(late, TEND_EOF);
		if (overflow == TEND_DROP_NEWEST)
			expect_bytes(slow, "ab");
		expect_gap(slow, 3, 3, false);
		if (overflow == TEND_DROP_OLDEST)
			expect_bytes(slow, "de");
		expect_kind(slow, TEND_EOF);
		CHECK_INT(3, tend_stream_stats(stream).bytes_dropped);
		CHECK_INT(5, tend_stream_stats(stream).bytes_retained);
		tend_subscription_close(slow);
		tend_subscription_close(late);
		tend_stream_free(stream);
	}
}

/* The same where only one may subscribe: it comes again and gets what it had lost. */
static void who_comes_again_gets_what_it_had_lost(void)
{
	struct tend_stream_options o = stream_lossy(TEND_DROP_NEWEST, 2, 1);
	static const char text[] = "0123456789012345678901234567890123456789";
	tend_subscription *sub;
	int fd;
	tend_stream *stream;

	o.backend = TEND_SINGLE_SUBSCRIBER;
	o.replay = TEND_REPLAY_ALL;
	stream = test_pipe_stream(&o, &fd);
	sub = stream_subscribe(stream);
	stream_put(fd, text);
	close(fd);
	await_end(stream);
	expect_bytes(sub, "01");
	expect_gap(sub, 38, 19, false);
	tend_subscription_close(sub);
	sub = stream_subscribe(stream);
	expect_bytes(sub, text);
	expect_kind(sub, TEND_EOF);
	tend_subscription_close(sub);
	tend_stream_free(stream);
}

/* ---- sealing ---- */

/*
 * RP-2, RP-7, RP-10; state::eof_is_stored_as_terminal_state_not_replay_chunk,
 * state::seal_trims_replay_without_touching_terminal,
 * subscription::eof_is_replayed_to_late_subscribers_before_seal
 */
static void sealing_keeps_the_end(void)
{
	const struct tend_stream_options *all[] = { &test_single_all, &test_reliable_all };

	for (size_t i = 0; i < 2; i++) {
		int fd;
		tend_stream *stream = test_pipe_stream(all[i], &fd);
		tend_subscription *sub;

		stream_put(fd, "tail");
		close(fd);
		await_end(stream);
		sub = stream_subscribe(stream);
		expect_bytes(sub, "tail");
		expect_kind(sub, TEND_EOF);
		tend_subscription_close(sub);
		CHECK_INT(0, tend_stream_seal_replay(stream));
		CHECK_INT(0, tend_stream_stats(stream).bytes_retained);
		CHECK_INT(0, tend_stream_stats(stream).chunks_retained);
		CHECK_INT(TEND_END_EOF, tend_stream_stats(stream).end);
		sub = stream_subscribe(stream);
		expect_kind(sub, TEND_EOF);
		tend_subscription_close(sub);
		tend_stream_free(stream);
	}
}

/* RP-2; state::read_error_is_stored_as_terminal_state_not_replay_chunk: the same for an error; it is no chunk. */
static void sealing_keeps_the_error(void)
{
	int fd;
	tend_stream *stream = test_pipe_stream(&test_single_all, &fd);
	tend_subscription *sub;

	stream_put(fd, "tail");
	await_read(stream, 4);
	fault_fail_sys_from("read", 1, EIO);
	close(fd);
	await_end(stream);
	fault_reset();
	CHECK_INT(4, tend_stream_stats(stream).bytes_retained);
	CHECK_INT(1, tend_stream_stats(stream).chunks_retained);
	CHECK_INT(0, tend_stream_seal_replay(stream));
	sub = stream_subscribe(stream);
	CHECK_INT(EIO, stream_next(sub).read_errno);
	tend_subscription_close(sub);
	tend_stream_free(stream);
}

/* CF-10: what retains nothing can be sealed, which changes nothing. */
static void sealing_nothing_does_no_harm(void)
{
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable, &fd);
	tend_subscription *sub = stream_subscribe(stream);

	CHECK_INT(-EINVAL, tend_stream_seal_replay(NULL));
	CHECK(!tend_stream_stats(stream).replay_enabled);
	CHECK_INT(0, tend_stream_seal_replay(stream));
	stream_put(fd, "live");
	expect_bytes(sub, "live");
	close(fd);
	expect_kind(sub, TEND_EOF);
	tend_subscription_close(sub);
	tend_stream_free(stream);
}

/*
 * replay::seal_replay_drops_old_history_for_future_subscribers,
 * replay::explicit_replay_after_seal_ignores_history_retained_for_active_subscribers: though one who came before still
 * has the line.
 */
static void a_sealed_line_is_not_found_again(void)
{
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable_all, &fd);
	tend_subscription *before = stream_subscribe(stream);

	stream_put(fd, "ready\n");
	await_read(stream, 6);
	CHECK_INT(TEND_LINE_MATCHED, wait_for(stream, "ready", TEND_AT_ONCE).outcome);
	CHECK_INT(0, tend_stream_seal_replay(stream));
	expect_bytes(before, "ready\n"); /* so it has been given out to those who were there */
	CHECK_INT(TEND_LINE_TIMED_OUT, wait_for(stream, "ready", TEND_AT_ONCE).outcome);
	tend_subscription_close(before);
	close(fd);
	tend_stream_free(stream);
}

struct writing {
	tend_stream *stream;
	int fd;
	const char *text;
};

/* Writes once somebody has subscribed. */
static void write_when_waited_for(struct test_thread *t, void *arg)
{
	const struct writing *w = arg;
	size_t n = strlen(w->text);

	while (tend_stream_stats(w->stream).subscribers == 0)
		sched_yield();
	WORKER_CHECK(t, write(w->fd, w->text, n) == (ssize_t)n);
}

/*
 * VS-28; replay::typed_wait_after_seal_starts_live, replay::subscriber_created_after_seal_starts_live_by_default,
 * replay::late_subscriber_receives_startup_line_with_replay_all, line_waiter::subscribes_before_polling
 */
static void a_wait_sees_the_history_or_what_comes(void)
{
	const struct tend_stream_options *all[] = { &test_single_all, &test_reliable_all };

	for (size_t i = 0; i < 2; i++) {
		struct writing w = { .text = "live\n" };
		struct tend_line_found found;
		struct test_thread writer;

		w.stream = test_pipe_stream(all[i], &w.fd);
		stream_put(w.fd, "ready\n");
		await_read(w.stream, 6);
		CHECK_INT(TEND_LINE_MATCHED, wait_for(w.stream, "ready", TEND_AT_ONCE).outcome);
		CHECK_INT(0, tend_stream_seal_replay(w.stream));
		test_thread_start(&writer, write_when_waited_for, &w);
		found = wait_for(w.stream, "live", TEST_PATIENCE);
		test_thread_join(&writer);
		CHECK_INT(TEND_LINE_MATCHED, found.outcome);
		CHECK_INT(1, found.lines_seen);
		CHECK_INT(6, found.offset);
		close(w.fd);
		tend_stream_free(w.stream);
	}
}

/* Counts lines, and stands still in the first. */
struct gated {
	sem_t entered, go_on;
	int n_ready, n;
};

static enum tend_flow see_line(void *arg, const struct tend_line *line)
{
	struct gated *g = arg;

	if (g->n++ == 0) {
		sem_post(&g->entered);
		while (sem_wait(&g->go_on) < 0)
			;
	}
	g->n_ready += line->size == 5 && memcmp(line->data, "ready", 5) == 0;
	return TEND_CONTINUE;
}

/*
 * RP-7, RP-9; replay::waiter_created_before_seal_can_match_replayed_startup_line,
 * replay::active_subscribers_still_receive_unread_tail_data_after_seal: who was there before the seal keeps what it has
 * not looked at yet, history and live.
 */
static void who_came_before_the_seal_keeps_what_it_has(void)
{
	struct tend_stream_options o = stream_options(test_reliable_all, 6, 8);
	struct gated g = { .n = 0 };
	tend_consumer *c = NULL;
	struct tend_consumed seen;
	struct tend_error err;
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);

	sem_init(&g.entered, 0, 0);
	sem_init(&g.go_on, 0, 0);
	stream_put(fd, "first\nready\n");
	await_read(stream, 12);
	CHECK_OK(tend_stream_inspect_lines(stream, &usual, see_line, &g, &c, &err), &err);
	while (sem_wait(&g.entered) < 0)
		;
	stream_put(fd, "ready\n");
	await_read(stream, 18);
	CHECK_INT(0, tend_stream_seal_replay(stream));
	CHECK_INT(0, tend_stream_stats(stream).bytes_retained);
	sem_post(&g.go_on);
	stream_put(fd, "tail\n");
	close(fd);
	CHECK_OK(tend_consumer_wait(c, TEST_PATIENCE, &seen, &err), &err);
	CHECK_INT(TEND_END_EOF, seen.ending);
	CHECK_INT(0, seen.gaps);
	CHECK_INT(4, g.n);
	CHECK_INT(2, g.n_ready); /* each once */
	tend_consumer_free(c);
	tend_stream_free(stream);
	sem_destroy(&g.entered);
	sem_destroy(&g.go_on);
}

/* replay::configured_subscription_snapshots_replay_buffer_from_shared_state: looking at it takes nothing out of it. */
static void history_is_not_used_up(void)
{
	int fd;
	tend_stream *stream = test_pipe_stream(&test_single_all, &fd);
	tend_subscription *sub;

	stream_put(fd, "old");
	await_read(stream, 3);
	sub = stream_subscribe(stream);
	CHECK_INT(3, tend_stream_stats(stream).bytes_retained);
	expect_bytes(sub, "old");
	CHECK_INT(3, tend_stream_stats(stream).bytes_retained);
	tend_subscription_close(sub);
	CHECK_INT(3, tend_stream_stats(stream).bytes_retained);
	close(fd);
	tend_stream_free(stream);
}

/* ---- behind a match ---- */

/* OE-11, VS-29: what a wait did not look at is found where it says, by whoever comes next. */
static void the_rest_is_found_behind_the_match(void)
{
	static const char text[] = "booting\nready\nthe rest\nof it";
	struct tend_line_found found;
	tend_subscription *next;
	char rest[64] = "";
	size_t n = 0;
	int fd;
	tend_stream *stream = test_pipe_stream(&test_single_all, &fd);

	stream_put(fd, text);
	close(fd);
	found = wait_for(stream, "ready", TEST_PATIENCE);
	CHECK_INT(TEND_LINE_MATCHED, found.outcome);
	next = stream_subscribe(stream);
	for (;;) {
		struct tend_event e = stream_next(next);
		uint64_t skip = e.chunk.offset < found.resume_offset ? found.resume_offset - e.chunk.offset : 0;

		if (e.kind != TEND_CHUNK)
			break;
		if (skip > e.chunk.size)
			skip = e.chunk.size;
		memcpy(rest + n, (const char *)e.chunk.data + skip, e.chunk.size - skip);
		n += e.chunk.size - skip;
	}
	CHECK_STR("the rest\nof it", rest);
	tend_subscription_close(next);
	tend_stream_free(stream);
}

static const struct test tests[] = {
	{ "output_between_consumers", output_between_consumers },
	{ "what_was_buffered_goes_with_the_subscription", what_was_buffered_goes_with_the_subscription },
	{ "history_then_live_then_the_end", history_then_live_then_the_end },
	{ "each_rule_limits_what_comes_later", each_rule_limits_what_comes_later },
	{ "what_is_lost_is_retained", what_is_lost_is_retained },
	{ "who_comes_again_gets_what_it_had_lost", who_comes_again_gets_what_it_had_lost },
	{ "sealing_keeps_the_end", sealing_keeps_the_end },
	{ "sealing_keeps_the_error", sealing_keeps_the_error },
	{ "sealing_nothing_does_no_harm", sealing_nothing_does_no_harm },
	{ "a_sealed_line_is_not_found_again", a_sealed_line_is_not_found_again },
	{ "a_wait_sees_the_history_or_what_comes", a_wait_sees_the_history_or_what_comes },
	{ "who_came_before_the_seal_keeps_what_it_has", who_came_before_the_seal_keeps_what_it_has },
	{ "history_is_not_used_up", history_is_not_used_up },
	{ "the_rest_is_found_behind_the_match", the_rest_is_found_behind_the_match },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "replay_stream", tests, sizeof tests / sizeof *tests);
}
