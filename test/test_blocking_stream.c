/* SPDX-License-Identifier: MIT */
/*
 * Each call about a stream, a subscription or a consumer that may block: asleep for each of its reasons, and released
 * by each of its wakers.  What else there is, and who shows it, stands in doc/BLOCKING.md.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blocked.h"
#include "fault.h"
#include "stream.h"
#include "streams.h"
#include "sub.h"
#include "test.h"

/* A stream in the middle of nothing, one call on it, and what came of that. */
struct call {
	tend_process *p;      /* whose stream it is, where the waker needs one */
	tend_stream *stream;
	int fd;               /* where its bytes come from; -1: closed */
	tend_subscription *sub;
	tend_consumer *consumer;
	tend_duration timeout;
	enum tend_cancel how;
	int r;
	struct tend_event event;
	struct tend_line_found found;
	struct tend_consumed consumed;
};

static struct gate gate;

static void call_next(struct test_thread *t, void *arg)
{
	struct call *c = arg;

	(void)t;
	c->r = tend_subscription_next(c->sub, c->timeout, &c->event);
}

static bool is_wanted(void *arg, const struct tend_line *line)
{
	(void)arg;
	return line->size == 6 && memcmp(line->data, "wanted", 6) == 0;
}

static void call_wait_for_line(struct test_thread *t, void *arg)
{
	static const struct tend_line_options lines = { .max_length = 100, .overflow = TEND_LINE_TRUNCATE };
	struct call *c = arg;

	(void)t;
	c->r = tend_stream_wait_for_line(c->stream, &lines, is_wanted, NULL, c->timeout, &c->found, NULL);
}

static void call_wait(struct test_thread *t, void *arg)
{
	struct call *c = arg;

	(void)t;
	c->r = tend_consumer_wait(c->consumer, c->timeout, &c->consumed, NULL);
}

static void call_cancel(struct test_thread *t, void *arg)
{
	struct call *c = arg;

	(void)t;
	c->r = tend_consumer_cancel(c->consumer, c->timeout, c->how, &c->consumed, NULL);
}

static void call_free_consumer(struct test_thread *t, void *arg)
{
	struct call *c = arg;

	(void)t;
	tend_consumer_free(c->consumer);
}

static void call_free_stream(struct test_thread *t, void *arg)
{
	struct call *c = arg;

	(void)t;
	tend_stream_free(c->stream);
}

/* ---- wakers of those that wait for a stream ---- */

static void bytes_come(struct call *c)
{
	stream_put(c->fd, "wanted\n");
}

static void it_ends(struct call *c)
{
	close(c->fd);
	c->fd = -1;
}

static void reading_fails(struct call *c)
{
	fault_fail_sys_from("read", 1, EIO);
	stream_put(c->fd, "x");
}

static void it_is_freed(struct call *c)
{
	c->stream = tend_stream_free(c->stream);
}

static void process_is_freed(struct call *c)
{
	pid_t pid = tend_process_pid(c->p);

	tend_process_detach(c->p); /* or the stream would live as long as its stop */
	c->p = tend_process_free(c->p);
	c->stream = NULL;
	kill(pid, SIGKILL);
}

static void process_is_killed(struct call *c)
{
	CHECK_INT(0, tend_process_kill(c->p, TEST_PATIENCE, NULL, NULL));
}

static void process_is_released(struct call *c)
{
	struct tend_released released = { .pid = 0 };

	if (!CHECK_INT(0, tend_process_release(c->p, &released)))
		return;
	c->p = NULL;
	c->stream = NULL;
	kill(released.pid, SIGKILL);
	CHECK_INT(released.pid, waitpid(released.pid, NULL, 0));
	close(released.pidfd);
	close(released.out);
	close(released.err);
}

static const struct waker {
	void (*wake)(struct call *c);
	bool is_process; /* the stream is a process's stdout */
	enum tend_next next;
	enum tend_line_outcome outcome;
	enum tend_ending ending;
} wakers[] = {
	{ bytes_come, false, TEND_CHUNK, TEND_LINE_MATCHED, TEND_END_BROKE },
	{ it_ends, false, TEND_EOF, TEND_LINE_STREAM_ENDED, TEND_END_EOF },
	{ reading_fails, false, TEND_READ_ERROR, TEND_LINE_STREAM_ENDED, TEND_END_READ_ERROR },
	{ it_is_freed, false, TEND_DETACHED, TEND_LINE_STREAM_ENDED, TEND_END_DETACHED },
	{ process_is_freed, true, TEND_DETACHED, TEND_LINE_STREAM_ENDED, TEND_END_DETACHED },
	{ process_is_killed, true, TEND_EOF, TEND_LINE_STREAM_ENDED, TEND_END_EOF },
	{ process_is_released, true, TEND_DETACHED, TEND_LINE_STREAM_ENDED, TEND_END_DETACHED },
};
#define N_WAKERS (sizeof wakers / sizeof *wakers)

/* A stream that has nothing to say. */
static bool begin(struct call *c, const struct waker *w)
{
	*c = (struct call){ .fd = -1, .timeout = TEND_FOREVER };
	if (!w || !w->is_process) {
		c->stream = test_pipe_stream(&test_reliable, &c->fd);
	} else {
		c->p = test_spawn(&test_reliable, "sleeper", "3600000", NULL);
		c->stream = c->p ? tend_process_stdout(c->p) : NULL;
	}
	return CHECK(c->stream != NULL);
}

static void end(struct call *c)
{
	fault_reset();
	if (c->fd >= 0)
		close(c->fd);
	if (c->p)
		tend_process_free(c->p);
	else
		tend_stream_free(c->stream);
}

static void next_ends(void)
{
	for (size_t i = 0; i < N_WAKERS; i++) {
		struct blocked b;
		struct call c;

		if (!begin(&c, &wakers[i]))
			return;
		c.sub = stream_subscribe(c.stream);
		blocked_start(&b, call_next, &c);
		blocked_in(&b, ON_WORD_OF(&c.sub->rx_parker));
		wakers[i].wake(&c);
		blocked_end(&b);
		CHECK_INT(0, c.r);
		CHECK_INT(wakers[i].next, c.event.kind);
		tend_subscription_close(c.sub);
		end(&c);
	}
}

static void a_wait_for_a_line_ends(void)
{
	for (size_t i = 0; i < N_WAKERS; i++) {
		struct blocked b;
		struct call c;

		if (!begin(&c, &wakers[i]))
			return;
		blocked_start(&b, call_wait_for_line, &c);
		blocked_in(&b, ON_ANY_WORD);
		wakers[i].wake(&c);
		blocked_end(&b);
		CHECK_INT(0, c.r);
		CHECK_INT(wakers[i].outcome, c.found.outcome);
		end(&c);
	}
}

/* ---- consumers ---- */

static enum tend_flow break_off(void *self, const struct tend_chunk *chunk)
{
	(void)self;
	(void)chunk;
	return TEND_BREAK;
}

static void somebody_cancels(struct call *c)
{
	CHECK_INT(0, tend_consumer_cancel(c->consumer, TEST_PATIENCE, TEND_CANCEL_NOW, NULL, NULL));
}

static void somebody_drains(struct call *c)
{
	CHECK_INT(0, tend_consumer_cancel(c->consumer, TEST_PATIENCE, TEND_CANCEL_DRAIN, NULL, NULL));
}

/* One with a thread, and one that the reader runs; several wait for it. */
static void waits_for_a_consumer_end(void)
{
	static const struct waker cancels[] = { { somebody_cancels, .ending = TEND_END_CANCELLED },
		                                { somebody_drains, .ending = TEND_END_CANCELLED } };

	for (size_t i = 0; i < 2 * (N_WAKERS + 2); i++) {
		const struct waker *w = i / 2 < N_WAKERS ? &wakers[i / 2] : &cancels[i / 2 - N_WAKERS];
		struct tend_visitor visitor = { .on_chunk = break_off,
			                        .runs_on = i % 2 ? TEND_ON_READER : TEND_ON_OWN_THREAD };
		struct blocked b[2];
		struct call c[2];

		if (!begin(&c[0], w) ||
		    !CHECK_INT(0, tend_stream_consume(c[0].stream, &visitor, NULL, &c[0].consumer, NULL)))
			return;
		c[1] = c[0];
		for (int j = 0; j < 2; j++) {
			blocked_start(&b[j], call_wait, &c[j]);
			blocked_in(&b[j], ON_ANY_WORD);
		}
		w->wake(&c[0]);
		for (int j = 0; j < 2; j++) {
			blocked_end(&b[j]);
			CHECK_INT(0, c[j].r);
			CHECK_INT(w->ending, c[j].consumed.ending);
		}
		tend_consumer_free(c[0].consumer);
		end(&c[0]);
	}
}

static enum tend_flow slow_visit(void *self, const struct tend_chunk *chunk)
{
	(void)self;
	(void)chunk;
	gate_hold(&gate);
	return TEND_CONTINUE;
}

static void slow_end(void *self, const struct tend_end *e)
{
	(void)self;
	(void)e;
	gate_hold(&gate);
}

/* Starts one whose visitor is held in its first chunk. */
static bool begin_held(struct call *c, enum tend_runs_on runs_on)
{
	const struct tend_visitor visitor = { .on_chunk = slow_visit, .runs_on = runs_on };

	gate_open(&gate);
	if (!begin(c, NULL) || !CHECK_INT(0, tend_stream_consume(c->stream, &visitor, NULL, &c->consumer, NULL)))
		return false;
	stream_put(c->fd, "x");
	gate_await(&gate);
	return true;
}

static void end_held(struct call *c)
{
	end(c);
	gate_close(&gate);
}

/* The visitor returns: the wait for its consumer, which has been given up on; a cancel of either kind. */
static void a_visitor_returns(void)
{
	for (int i = 0; i < 6; i++) {
		struct blocked b, other;
		struct call c, canceller;
		bool waits = i / 2 == 2;

		if (!begin_held(&c, i % 2 ? TEND_ON_READER : TEND_ON_OWN_THREAD))
			return;
		c.how = i / 2 ? TEND_CANCEL_NOW : TEND_CANCEL_DRAIN;
		blocked_start(&b, waits ? call_wait : call_cancel, &c);
		blocked_in(&b, ON_ANY_WORD);
		if (waits) { /* who is abandoned has not ended: the wait goes on */
			canceller = c;
			canceller.timeout = TEND_AT_ONCE;
			call_cancel(NULL, &canceller);
			CHECK_INT(0, canceller.r);
			CHECK_INT(TEND_END_ABANDONED, canceller.consumed.ending);
			blocked_in(&b, ON_ANY_WORD);
		} else { /* several cancel it */
			canceller = c;
			blocked_start(&other, call_cancel, &canceller);
			blocked_in(&other, ON_ANY_WORD);
		}
		gate_release(&gate);
		blocked_end(&b);
		CHECK_INT(0, c.r);
		CHECK_INT(TEND_END_CANCELLED, c.consumed.ending);
		if (!waits) {
			blocked_end(&other);
			CHECK_INT(TEND_END_CANCELLED, canceller.consumed.ending);
		}
		tend_consumer_free(c.consumer);
		end_held(&c);
	}
}

/* The grace of a cancel is over, and the visitor has not returned. */
static void a_grace_ends_a_cancel(void)
{
	for (int i = 0; i < 4; i++) {
		int64_t began;
		struct call c;

		if (!begin_held(&c, i % 2 ? TEND_ON_READER : TEND_ON_OWN_THREAD))
			return;
		c.how = i / 2 ? TEND_CANCEL_NOW : TEND_CANCEL_DRAIN;
		c.timeout = TEND_MS(40);
		began = test_now_ns();
		call_cancel(NULL, &c);
		CHECK(test_now_ns() - began >= 40000000);
		CHECK_INT(0, c.r);
		CHECK_INT(TEND_END_ABANDONED, c.consumed.ending);
		gate_release(&gate);
		c.timeout = TEND_FOREVER;
		call_wait(NULL, &c);
		CHECK_INT(TEND_END_CANCELLED, c.consumed.ending);
		tend_consumer_free(c.consumer);
		end_held(&c);
	}
}

/* Of one that the reader runs, on_end is called by who cancels or frees it: it returns, and so do they. */
static void an_end_that_they_call_returns(void)
{
	static void (*const calls[])(struct test_thread *t, void *arg) = { call_cancel, call_free_consumer };
	const struct tend_visitor visitor = { .on_chunk = break_off, .on_end = slow_end, .runs_on = TEND_ON_READER };

	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		struct blocked b;
		struct call c;

		gate_open(&gate);
		if (!begin(&c, NULL) ||
		    !CHECK_INT(0, tend_stream_consume(c.stream, &visitor, NULL, &c.consumer, NULL)))
			return;
		c.how = TEND_CANCEL_NOW;
		blocked_start(&b, calls[i], &c);
		gate_await(&gate);
		blocked_in(&b, IN_CALL(SYS_read)); /* in slow_end() */
		gate_release(&gate);
		blocked_end(&b);
		if (calls[i] == call_cancel)
			tend_consumer_free(c.consumer);
		end_held(&c);
	}
}

/* ---- the reader ---- */

/* A visitor that it runs returns. */
static void a_free_waits_for_the_reader(void)
{
	struct asleep_place place;
	struct blocked b;
	struct call c;

	if (!begin_held(&c, TEND_ON_READER))
		return;
	place = IN_JOIN_OF(c.stream->thread);
	blocked_start(&b, call_free_stream, &c);
	blocked_in(&b, place);
	gate_release(&gate);
	blocked_end(&b);
	c.stream = NULL;
	CHECK_INT(0, tend_consumer_wait(c.consumer, TEND_FOREVER, &c.consumed, NULL));
	CHECK_INT(TEND_END_DETACHED, c.consumed.ending);
	tend_consumer_free(c.consumer);
	end_held(&c);
}

/* The thread that reads it: there is but one stream. */
static pid_t reader_of(tend_stream *stream)
{
	return stream ? asleep_find("tend-test:test") : 0;
}

static void room_by_a_pop(struct call *c)
{
	struct tend_event event;

	CHECK_INT(0, tend_subscription_next(c->sub, TEST_PATIENCE, &event)); /* at once, where it is seen to sleep */
	CHECK_INT(TEND_CHUNK, event.kind);
}

static void room_by_a_close(struct call *c)
{
	c->sub = tend_subscription_close(c->sub);
}

/* The reader itself, the only one that waits for subscribers: each way out of its two places. */
static void the_reader_wakes(void)
{
	static void (*const out_of_the_park[])(struct call *c) = { room_by_a_pop, room_by_a_close, it_is_freed };
	static void (*const out_of_poll[])(struct call *c) = { bytes_come, it_ends, it_is_freed };
	struct tend_stream_options one = stream_options(test_reliable, 1, 1);

	for (int i = 0; i < 6; i++) {
		struct call c = { .stream = test_pipe_stream(&one, &c.fd) };

		if (!CHECK(c.stream != NULL))
			return;
		c.sub = stream_subscribe(c.stream);
		if (i < 3) {
			stream_put(c.fd, "abc");
			blocked_thread_in(reader_of(c.stream), ON_WORD_OF(&c.stream->tx_parker));
			out_of_the_park[i](&c);
			if (i == 0) /* for the next byte */
				blocked_thread_in(reader_of(c.stream), ON_WORD_OF(&c.stream->tx_parker));
			if (i == 1)
				await_read(c.stream, 3);
		} else {
			blocked_thread_in(reader_of(c.stream), IN_POLL_OF(c.stream->wake_fd));
			out_of_poll[i - 3](&c);
			if (i == 3)
				await_read(c.stream, 2);
			if (i == 4)
				await_end(c.stream);
		}
		c.stream = tend_stream_free(c.stream); /* which joins it */
		tend_subscription_close(c.sub);
		end(&c);
	}
}

/* ---- deadlines ---- */

static void deadlines_end_all(void)
{
	static void (*const calls[])(struct test_thread *t, void *arg) = { call_next, call_wait_for_line, call_wait };
	const struct tend_visitor visitor = { .on_chunk = break_off };

	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		struct call c;
		int64_t began;

		if (!begin(&c, NULL))
			return;
		c.timeout = TEND_MS(40);
		if (calls[i] == call_next)
			c.sub = stream_subscribe(c.stream);
		if (calls[i] == call_wait)
			CHECK_INT(0, tend_stream_consume(c.stream, &visitor, NULL, &c.consumer, NULL));
		began = test_now_ns();
		calls[i](NULL, &c);
		CHECK(test_now_ns() - began >= 40000000);
		CHECK_INT(0, c.r);
		CHECK(calls[i] != call_next || c.event.kind == TEND_TIMED_OUT);
		CHECK(calls[i] != call_wait_for_line || c.found.outcome == TEND_LINE_TIMED_OUT);
		CHECK(calls[i] != call_wait || c.consumed.ending == TEND_END_NONE);
		tend_subscription_close(c.sub);
		tend_consumer_free(c.consumer);
		end(&c);
	}
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "next_ends", next_ends },
		{ "a_wait_for_a_line_ends", a_wait_for_a_line_ends },
		{ "waits_for_a_consumer_end", waits_for_a_consumer_end },
		{ "a_visitor_returns", a_visitor_returns },
		{ "a_grace_ends_a_cancel", a_grace_ends_a_cancel },
		{ "an_end_that_they_call_returns", an_end_that_they_call_returns },
		{ "a_free_waits_for_the_reader", a_free_waits_for_the_reader },
		{ "the_reader_wakes", the_reader_wakes },
		{ "deadlines_end_all", deadlines_end_all },
	};

	return test_main(argc, argv, "blocking_stream", tests, sizeof tests / sizeof *tests);
}
