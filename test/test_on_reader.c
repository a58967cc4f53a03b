/* SPDX-License-Identifier: MIT */
/*
 * Visitors that the stream's reader runs: the same promises as on a thread of their own, without one, and nothing lost
 * to them however small the buffer is.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"
#include "streams.h"
#include "test.h"
#include "thread.h"

/* What a visitor saw.  All under the lock, as the main thread looks at it while the reader is at work. */
struct seen {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	char text[256];
	size_t size;
	unsigned gaps, ends;
	struct tend_end end;
	char thread[16];
	size_t break_at;        /* 0: never */
	int enter[2], gate[2];  /* pipes; with `gated` on_chunk says that it is in, and waits to be let out */
	bool gated, should_stop;
	void (*act)(struct seen *s);
	tend_stream *stream;
	tend_consumer *consumer;
	tend_process *process;
};

static void seen_init(struct seen *s)
{
	*s = (struct seen){ .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
	CHECK_INT(0, pipe(s->enter));
	CHECK_INT(0, pipe(s->gate));
}

static void seen_fini(struct seen *s)
{
	for (int i = 0; i < 2; i++) {
		close(s->enter[i]);
		close(s->gate[i]);
	}
}

static void pass(struct seen *s)
{
	char token = 'x';

	if (write(s->enter[1], &token, 1) != 1 || read(s->gate[0], &token, 1) != 1)
		abort();
	s->should_stop = tend_visitor_should_stop();
}

static enum tend_flow on_chunk(void *self, const struct tend_chunk *chunk)
{
	struct seen *s = self;
	enum tend_flow flow;

	if (s->gated)
		pass(s);
	if (s->act) {
		pthread_mutex_lock(&s->lock); /* until the main thread has stored the handle */
		pthread_mutex_unlock(&s->lock);
		s->act(s);
	}
	pthread_mutex_lock(&s->lock);
	if (s->size + chunk->size < sizeof s->text) {
		memcpy(s->text + s->size, chunk->data, chunk->size);
		s->size += chunk->size;
	}
	prctl(PR_GET_NAME, s->thread);
	flow = s->break_at && s->size >= s->break_at ? TEND_BREAK : TEND_CONTINUE;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return flow;
}

static void on_gap(void *self, const struct tend_gap *gap)
{
	struct seen *s = self;

	(void)gap;
	s->gaps++;
}

static void on_end(void *self, const struct tend_end *end)
{
	struct seen *s = self;

	pthread_mutex_lock(&s->lock);
	s->ends++;
	s->end = *end;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static const struct tend_visitor on_reader = {
	.on_chunk = on_chunk, .on_gap = on_gap, .on_end = on_end, .runs_on = TEND_ON_READER
};

static tend_consumer *consume(tend_stream *stream, struct seen *s)
{
	struct tend_error err;
	tend_consumer *consumer;

	s->stream = stream;
	pthread_mutex_lock(&s->lock);
	CHECK_OK(tend_stream_consume(stream, &on_reader, s, &s->consumer, &err), &err);
	consumer = s->consumer;
	pthread_mutex_unlock(&s->lock);
	return consumer;
}

static void await_text(struct seen *s, const char *text)
{
	pthread_mutex_lock(&s->lock);
	while (s->size < strlen(text))
		pthread_cond_wait(&s->changed, &s->lock);
	CHECK_MEM(text, strlen(text), s->text, s->size);
	pthread_mutex_unlock(&s->lock);
}

static void check_ended(struct seen *s, tend_consumer *consumer, enum tend_ending reason)
{
	struct tend_consumed c = { 0 };
	struct tend_error err;

	CHECK_OK(tend_consumer_wait(consumer, TEST_PATIENCE, &c, &err), &err);
	CHECK_INT(reason, c.ending);
	CHECK_INT(1, s->ends);
	CHECK_INT(reason, s->end.reason);
	CHECK_INT(s->size, c.bytes);
}

/* ---- what it gets ---- */

/* In order, at once, without a thread more, and without loss where another would have to lose. */
static void gets_all(void)
{
	struct tend_stream_options o = stream_lossy(TEND_DROP_NEWEST, 1, 1);
	struct tend_subscriber_stats figures;
	struct seen s;
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);
	tend_consumer *consumer;

	seen_init(&s);
	consumer = consume(stream, &s);
	if (CHECK_INT(1, tend_stream_subscribers(stream, &figures, 1)))
		CHECK_STR("visitor", figures.label);
	stream_put(fd, "abcdefghijklmnopqrstuvwxyz");
	await_text(&s, "abcdefghijklmnopqrstuvwxyz");
	CHECK(strncmp(s.thread, "tend-", 5) == 0 && strncmp(s.thread, "tend-use", 8) != 0);
	close(fd);
	check_ended(&s, consumer, TEND_END_EOF);
	CHECK_INT(0, s.gaps);
	CHECK_INT(26, s.end.offset);
	tend_consumer_free(consumer);
	tend_stream_free(stream);
	seen_fini(&s);
}

/* What was retained comes at once, not with the next chunk; and each byte once. */
static void gets_the_past(void)
{
	struct tend_stream_options o = stream_retaining(TEND_REPLAY_ALL, 2, 1);
	struct seen s;
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);
	tend_consumer *consumer;

	seen_init(&s);
	stream_put(fd, "old,");
	await_read(stream, 4);
	consumer = consume(stream, &s);
	await_text(&s, "old,");
	stream_put(fd, "new");
	await_text(&s, "old,new");
	close(fd);
	check_ended(&s, consumer, TEND_END_EOF);
	tend_consumer_free(consumer);
	tend_stream_free(stream);
	seen_fini(&s);
}

/* After the end there is no reader; the visitor gets everything all the same. */
static void comes_after_the_end(void)
{
	struct tend_stream_options o = stream_retaining(TEND_REPLAY_ALL, 2, 1);
	struct seen s;
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);
	tend_consumer *consumer;

	seen_init(&s);
	stream_put(fd, "old");
	close(fd);
	await_end(stream);
	consumer = consume(stream, &s);
	check_ended(&s, consumer, TEND_END_EOF);
	await_text(&s, "old");
	CHECK(strncmp(s.thread, "tend-use", 8) == 0);
	tend_consumer_free(consumer);
	tend_stream_free(stream);
	seen_fini(&s);
}

/* It begins in the middle with a discontinuity, as everybody does. */
static void comes_late(void)
{
	struct seen s;
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable, &fd);
	struct tend_consumed c;
	tend_consumer *consumer;

	seen_init(&s);
	stream_put(fd, "old");
	await_read(stream, 3);
	consumer = consume(stream, &s);
	stream_put(fd, "new");
	await_text(&s, "new");
	CHECK_INT(1, s.gaps);
	CHECK_INT(0, tend_consumer_wait(consumer, TEND_AT_ONCE, &c, NULL));
	CHECK_INT(TEND_END_NONE, c.ending);
	CHECK(c.began_late);
	CHECK_INT(3, c.first_offset);
	tend_stream_free(stream);
	check_ended(&s, consumer, TEND_END_DETACHED);
	tend_consumer_free(consumer);
	close(fd);
	seen_fini(&s);
}

/* A read error is told, and what came before it is kept. */
static void read_error(void)
{
	struct seen s;
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable, &fd);
	tend_consumer *consumer;
	struct tend_consumed c;

	seen_init(&s);
	consumer = consume(stream, &s);
	stream_put(fd, "some");
	await_text(&s, "some");
	fault_fail_sys_from("read", 1, EIO);
	stream_put(fd, "more");
	check_ended(&s, consumer, TEND_END_READ_ERROR);
	fault_reset();
	CHECK_INT(0, tend_consumer_wait(consumer, TEND_AT_ONCE, &c, NULL));
	CHECK_INT(EIO, c.read_errno);
	CHECK_INT(EIO, s.end.read_errno);
	tend_consumer_free(consumer);
	tend_stream_free(stream);
	close(fd);
	seen_fini(&s);
}

/* A subscriber that stands still holds up the reading, not what the visitor is owed of what was read. */
static void is_not_held_up(void)
{
	struct tend_stream_options o = stream_options(test_reliable, 1, 1);
	struct seen s;
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);
	tend_subscription *slow = stream_subscribe(stream);
	tend_consumer *consumer;

	seen_init(&s);
	consumer = consume(stream, &s);
	stream_put(fd, "abc");
	await_text(&s, "ab"); /* "a" is buffered for the other, "b" is what it has no room for */
	while (tend_stream_stats(stream).stalling == 0)
		sched_yield();
	CHECK_INT(2, tend_stream_stats(stream).bytes_read);
	expect_bytes(slow, "abc");
	await_text(&s, "abc");
	close(fd);
	check_ended(&s, consumer, TEND_END_EOF);
	tend_consumer_free(consumer);
	tend_subscription_close(slow);
	tend_stream_free(stream);
	seen_fini(&s);
}

/* ---- how it ends ---- */

static void breaks(void)
{
	struct tend_stream_options o = stream_options(test_single, 1, 1);
	struct seen s;
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);
	tend_subscription *next;
	tend_consumer *consumer;

	seen_init(&s);
	s.break_at = 2;
	consumer = consume(stream, &s);
	stream_put(fd, "abc");
	check_ended(&s, consumer, TEND_END_BROKE);
	await_text(&s, "ab");
	await_read(stream, 3);
	next = stream_subscribe(stream); /* its slot is free */
	stream_put(fd, "d");
	expect_gap(next, 0, 0, true);
	expect_bytes(next, "d");
	tend_subscription_close(next);
	tend_consumer_free(consumer);
	close(fd);
	tend_stream_free(stream);
	seen_fini(&s);
}

/* While no callback runs, whoever cancels or frees it ends it, at once. */
static void cancelled_while_idle(void)
{
	for (int freed = 0; freed < 2; freed++) {
		struct tend_stream_options o = stream_options(test_single, 1, 1);
		struct seen s;
		int fd;
		tend_stream *stream = test_pipe_stream(&o, &fd);
		tend_consumer *consumer;
		struct tend_consumed c;

		seen_init(&s);
		consumer = consume(stream, &s);
		stream_put(fd, "a");
		await_text(&s, "a");
		if (!freed) {
			CHECK_INT(0, tend_consumer_cancel(consumer, TEST_PATIENCE, TEND_CANCEL_NOW, &c, NULL));
			CHECK_INT(TEND_END_CANCELLED, c.ending);
			check_ended(&s, consumer, TEND_END_CANCELLED);
			CHECK_INT(0, tend_stream_stats(stream).subscribers);
		}
		tend_consumer_free(consumer);
		CHECK_INT(0, tend_stream_stats(stream).subscribers);
		tend_stream_free(stream); /* joins the reader, which may have been on its way out of on_chunk */
		CHECK_INT(1, s.ends);
		CHECK_INT(TEND_END_CANCELLED, s.end.reason);
		close(fd);
		seen_fini(&s);
	}
}

/* While a callback hangs it is given up on after the grace; its slot is free; it ends when the callback returns. */
static void cancelled_while_stuck(void)
{
	struct seen s;
	char token;
	int fd;
	tend_stream *stream = test_pipe_stream(&test_single, &fd);
	tend_consumer *consumer;
	struct tend_consumed c;

	seen_init(&s);
	s.gated = true;
	consumer = consume(stream, &s);
	stream_put(fd, "a");
	CHECK_INT(1, read(s.enter[0], &token, 1));
	CHECK(!tend_visitor_should_stop()); /* nobody's callback */
	CHECK_INT(0, tend_consumer_cancel(consumer, TEND_MS(1), TEND_CANCEL_DRAIN, &c, NULL));
	CHECK_INT(TEND_END_ABANDONED, c.ending);
	CHECK_INT(0, s.ends);
	CHECK_INT(0, tend_stream_stats(stream).subscribers);
	stream_put(s.gate[1], "x");
	check_ended(&s, consumer, TEND_END_CANCELLED);
	CHECK(s.should_stop);
	tend_consumer_free(consumer);
	tend_stream_free(stream);
	close(fd);
	seen_fini(&s);
}

/* TEND_CANCEL_DRAIN: what is owed is given first, here by the reader, which is still at it. */
static void drained(void)
{
	struct tend_stream_options o = stream_retaining(TEND_REPLAY_ALL, 1, 1);
	struct tend_consumed c;
	struct seen s;
	char token;
	int fd;
	tend_stream *stream = test_pipe_stream(&o, &fd);
	tend_consumer *consumer;

	seen_init(&s);
	stream_put(fd, "abc");
	await_read(stream, 3);
	s.gated = true;
	consumer = consume(stream, &s);
	CHECK_INT(1, read(s.enter[0], &token, 1));
	stream_put(s.gate[1], "xxx");
	CHECK_INT(0, tend_consumer_cancel(consumer, TEST_PATIENCE, TEND_CANCEL_DRAIN, &c, NULL));
	CHECK_INT(TEND_END_CANCELLED, c.ending);
	await_text(&s, "abc");
	CHECK(!s.should_stop);
	tend_consumer_free(consumer);
	tend_stream_free(stream);
	close(fd);
	seen_fini(&s);
}

/* ---- what it may call ---- */

static void free_itself(struct seen *s)
{
	s->consumer = tend_consumer_free(s->consumer);
}

static void free_the_stream(struct seen *s)
{
	s->stream = tend_stream_free(s->stream);
}

static void attach_another(struct seen *s)
{
	tend_subscription *sub = NULL;

	if (tend_stream_subscribe(s->stream, NULL, &sub, NULL) < 0)
		abort();
	tend_subscription_close(sub);
}

static bool never(void *arg, const struct tend_line *line)
{
	(void)arg, (void)line;
	return false;
}

static void wait_for_oneself(struct seen *s)
{
	static const struct tend_line_options line = { .max_length = 80, .overflow = TEND_LINE_TRUNCATE };
	struct tend_line_found found;
	struct tend_event e;
	tend_subscription *sub = NULL;

	if (tend_consumer_wait(s->consumer, TEND_FOREVER, NULL, NULL) != -EDEADLK ||
	    tend_consumer_cancel(s->consumer, TEND_FOREVER, TEND_CANCEL_NOW, NULL, NULL) != -EDEADLK ||
	    tend_stream_wait_for_line(s->stream, &line, never, NULL, TEND_FOREVER, &found, NULL) != -EDEADLK ||
	    tend_stream_subscribe(s->stream, NULL, &sub, NULL) < 0 ||
	    tend_subscription_next(sub, TEND_FOREVER, &e) != -EDEADLK ||
	    tend_subscription_next(sub, TEND_AT_ONCE, &e) != 0 || e.kind != TEND_TIMED_OUT)
		abort();
	tend_subscription_close(sub);
	s->act = NULL;
}

/* Freed from inside: by itself, with its stream; a grace period waited for; a wait for itself refused. */
static void acts_from_inside(void)
{
	static void (*const acts[])(struct seen *) = { free_itself, free_the_stream, attach_another, wait_for_oneself };

	for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
		struct seen s;
		int fd;
		tend_stream *stream = test_pipe_stream(&test_reliable, &fd);

		seen_init(&s);
		s.act = acts[i];
		consume(stream, &s);
		stream_put(fd, "a");
		await_text(&s, "a");
		if (acts[i] == free_itself || acts[i] == free_the_stream) {
			pthread_mutex_lock(&s.lock);
			while (!s.ends)
				pthread_cond_wait(&s.changed, &s.lock);
			CHECK_INT(acts[i] == free_itself ? TEND_END_CANCELLED : TEND_END_DETACHED, s.end.reason);
			pthread_mutex_unlock(&s.lock);
		}
		tend_consumer_free(s.consumer);
		tend_stream_free(s.stream);
		close(fd);
		seen_fini(&s);
	}
}

/* A process handle may be freed by a visitor on one of its readers; a wait for its end is refused there. */
static void complete_inside(struct seen *s)
{
	struct tend_complete o = { .timeout = TEND_FOREVER,
		                   .drain = { .idle = TEND_MS(1), .total = TEND_MS(1) } };
	struct tend_result r;

	if (tend_process_complete(s->process, &o, &r, NULL) != -EDEADLK)
		abort();
	tend_process_free(s->process);
	s->act = NULL;
}

static void frees_the_process(void)
{
	tend_process *p = test_spawn(&test_reliable_all, "obedient", NULL);
	tend_consumer *consumer = NULL;
	struct tend_error err;
	struct seen s;

	if (!p)
		return;
	seen_init(&s);
	s.act = complete_inside;
	s.process = p;
	CHECK_OK(tend_stream_consume(tend_process_stdout(p), &on_reader, &s, &consumer, &err), &err);
	pthread_mutex_lock(&s.lock);
	while (!s.ends)
		pthread_cond_wait(&s.changed, &s.lock);
	pthread_mutex_unlock(&s.lock);
	tend_consumer_free(consumer);
	seen_fini(&s);
}

/* ---- one inside the other ---- */

struct pair {
	tend_consumer *a, *b;
	int result, in, out;    /* what b's end was told; pipes */
};

static enum tend_flow end_b(void *arg, const struct tend_chunk *chunk)
{
	struct pair *p = arg;
	char token;

	(void)chunk;
	if (read(p->in, &token, 1) != 1) /* the handles are stored */
		abort();
	p->b = tend_consumer_free(p->b);
	if (write(p->out, "x", 1) != 1)
		abort();
	return TEND_CONTINUE;
}

static enum tend_flow go_on(void *arg, const struct tend_chunk *chunk)
{
	(void)arg, (void)chunk;
	return TEND_CONTINUE;
}

static void wait_for_a(void *arg, const struct tend_end *end)
{
	struct pair *p = arg;

	(void)end;
	p->result = tend_consumer_cancel(p->a, TEND_FOREVER, TEND_CANCEL_NOW, NULL, NULL);
}

/* A's callback ends B, whose on_end waits for A: that is A waiting for itself, wherever A runs. */
static void inside_each_other(void)
{
	for (int where = TEND_ON_OWN_THREAD; where <= TEND_ON_READER; where++) {
		const struct tend_visitor a = { .on_chunk = end_b, .runs_on = (enum tend_runs_on)where };
		const struct tend_visitor b = { .on_chunk = go_on, .on_end = wait_for_a, .runs_on = TEND_ON_READER };
		int fd, in[2], out[2];
		tend_stream *stream = test_pipe_stream(&test_reliable, &fd);
		struct tend_error err;
		struct pair p = { .result = 1 };
		char token;

		if (!CHECK_INT(0, pipe(in)) || !CHECK_INT(0, pipe(out)))
			return;
		p.in = in[0];
		p.out = out[1];
		CHECK_OK(tend_stream_consume(stream, &a, &p, &p.a, &err), &err);
		CHECK_OK(tend_stream_consume(stream, &b, &p, &p.b, &err), &err);
		stream_put(fd, "a");
		stream_put(in[1], "x");
		CHECK_INT(1, read(out[0], &token, 1));
		close(fd);
		CHECK_OK(tend_consumer_wait(p.a, TEST_PATIENCE, NULL, &err), &err);
		CHECK_INT(-EDEADLK, p.result);
		tend_consumer_free(p.a);
		tend_stream_free(stream);
		for (int i = 0; i < 2; i++) {
			close(in[i]);
			close(out[i]);
		}
	}
}

static void free_in_end(void *arg, const struct tend_end *end)
{
	tend_consumer **c = arg;

	(void)end;
	*c = tend_consumer_free(*c);
}

/* on_end frees the handle while the cancel that calls it is still at work. */
static void freed_in_its_end(void)
{
	const struct tend_visitor v = { .on_chunk = go_on, .on_end = free_in_end, .runs_on = TEND_ON_READER };
	struct tend_consumed seen = { .ending = TEND_END_NONE };
	struct tend_error err;
	tend_consumer *c = NULL;
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable, &fd);

	CHECK_OK(tend_stream_consume(stream, &v, &c, &c, &err), &err);
	CHECK_OK(tend_consumer_cancel(c, TEST_PATIENCE, TEND_CANCEL_NOW, &seen, &err), &err);
	CHECK_INT(TEND_END_CANCELLED, seen.ending);
	CHECK(c == NULL);
	close(fd);
	tend_stream_free(stream);
}

/* The grace bounds what a canceller gives to the visitor itself, too: here none, of a thousand chunks. */
static enum tend_flow count_chunk(void *arg, const struct tend_chunk *chunk)
{
	unsigned *n = arg;

	(void)chunk;
	++*n;
	return TEND_CONTINUE;
}

static enum tend_flow enter_and_wait(void *arg, const struct tend_chunk *chunk)
{
	struct seen *s = arg;

	(void)chunk;
	pass(s);
	return TEND_BREAK;
}

static void grace_bounds_the_rest(void)
{
	const struct tend_visitor stuck = { .on_chunk = enter_and_wait, .runs_on = TEND_ON_READER };
	const struct tend_visitor late = { .on_chunk = count_chunk, .runs_on = TEND_ON_READER };
	struct tend_stream_options o = stream_options(test_reliable_all, 1, 1);
	struct tend_consumed seen;
	struct tend_error err;
	tend_consumer *a = NULL, *b = NULL;
	unsigned n = 0;
	struct seen s;
	char token;
	int fd;
	tend_stream *stream;

	o.replay = TEND_REPLAY_CHUNKS(1000);
	stream = test_pipe_stream(&o, &fd);
	seen_init(&s);
	for (int i = 0; i < 1000; i++)
		stream_put(fd, "x");
	await_read(stream, 1000);
	CHECK_OK(tend_stream_consume(stream, &stuck, &s, &a, &err), &err);
	CHECK_INT(1, read(s.enter[0], &token, 1)); /* the reader is in there */
	CHECK_OK(tend_stream_consume(stream, &late, &n, &b, &err), &err);
	CHECK_OK(tend_consumer_cancel(b, TEND_AT_ONCE, TEND_CANCEL_DRAIN, &seen, &err), &err);
	CHECK_INT(TEND_END_CANCELLED, seen.ending);
	CHECK(n <= 1);
	CHECK_INT(n, seen.bytes);
	stream_put(s.gate[1], "x");
	tend_consumer_free(b);
	tend_consumer_free(a);
	close(fd);
	tend_stream_free(stream);
	seen_fini(&s);
}

/* ---- host threads that are cancelled ---- */

static void *cancel_it(void *arg)
{
	struct seen *s = arg;

	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL);
	tend_consumer_cancel(s->consumer, TEND_FOREVER, TEND_CANCEL_NOW, NULL, NULL);
	pthread_testcancel();
	return NULL;
}

static void pass_end(void *arg, const struct tend_end *end)
{
	struct seen *s = arg;

	pass(s); /* write(2) and read(2) are cancellation points */
	on_end(s, end);
}

/* A thread that is cancelled in an on_end that its own tend_consumer_cancel() calls goes on to the end of that call. */
static void a_cancelled_canceller(void)
{
	const struct tend_visitor v = { .on_chunk = go_on, .on_end = pass_end, .runs_on = TEND_ON_READER };
	struct tend_error err;
	struct seen s;
	pthread_t t;
	void *result;
	char token;
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable, &fd);

	seen_init(&s);
	CHECK_OK(tend_stream_consume(stream, &v, &s, &s.consumer, &err), &err);
	if (!CHECK_INT(0, pthread_create(&t, NULL, cancel_it, &s)))
		return;
	CHECK_INT(1, read(s.enter[0], &token, 1));
	CHECK_INT(0, pthread_cancel(t));
	stream_put(s.gate[1], "x");
	CHECK_INT(0, pthread_join(t, &result));
	CHECK(result == PTHREAD_CANCELED);
	check_ended(&s, s.consumer, TEND_END_CANCELLED);
	tend_consumer_free(s.consumer);
	CHECK_INT(0, tend_stream_subscribers(stream, NULL, 0));
	close(fd);
	tend_stream_free(stream);
	seen_fini(&s);
}

/* ---- books ---- */

/* They begin where it subscribed, also when it was never given anything. */
static void books_of_one_that_got_nothing(void)
{
	for (int where = TEND_ON_OWN_THREAD; where <= TEND_ON_READER; where++) {
		struct tend_visitor v = on_reader;
		struct tend_consumed c;
		struct tend_error err;
		struct seen s;
		int fd;
		tend_stream *stream = test_pipe_stream(&test_reliable, &fd);

		seen_init(&s);
		v.runs_on = (enum tend_runs_on)where;
		stream_put(fd, "0123456789");
		await_read(stream, 10);
		CHECK_OK(tend_stream_consume(stream, &v, &s, &s.consumer, &err), &err);
		CHECK_INT(0, tend_consumer_cancel(s.consumer, TEST_PATIENCE, TEND_CANCEL_DRAIN, &c, NULL));
		CHECK(c.began_late);
		CHECK_INT(10, c.first_offset);
		CHECK_INT(10, s.end.offset);
		tend_consumer_free(s.consumer);
		close(fd);
		tend_stream_free(stream);
		seen_fini(&s);
	}
}

/*
 * As many attach as it takes to wrap a counter of 16 bits while the reader is busy: the next one gets its past at
 * once.
 */
static void many_attach_unseen(void)
{
	const struct tend_visitor stuck = { .on_chunk = enter_and_wait, .runs_on = TEND_ON_READER };
	const struct tend_visitor idle = { .on_chunk = go_on, .runs_on = TEND_ON_READER };
	unsigned n = test_under_valgrind() || test_under_sanitizer() ? 100 : 65535;
	struct tend_error err;
	tend_consumer *a = NULL, *c = NULL, *first = NULL;
	struct seen s, last;
	char token;
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable_all, &fd);

	seen_init(&s);
	seen_init(&last);
	stream_put(fd, "past");
	await_read(stream, 4);
	CHECK_OK(tend_stream_consume(stream, &idle, NULL, &first, &err), &err);
	CHECK_OK(tend_stream_consume(stream, &stuck, &s, &a, &err), &err);
	CHECK_INT(1, read(s.enter[0], &token, 1));
	for (unsigned i = 0; i < n; i++) {
		if (tend_stream_consume(stream, &idle, NULL, &c, &err) < 0 && !CHECK_OK(-1, &err))
			break;
		tend_consumer_free(c);
	}
	tend_consumer_free(first); /* the last one takes its slot, which the reader has been to already */
	consume(stream, &last);
	stream_put(s.gate[1], "x");
	await_text(&last, "past");
	tend_consumer_free(last.consumer);
	tend_consumer_free(a);
	close(fd);
	tend_stream_free(stream);
	seen_fini(&s);
	seen_fini(&last);
}

/* ---- a fork inside ---- */

static void dawdle(struct seen *s)
{
	(void)s;
	usleep(50000); /* gives whoever does not wait for this the time to be early */
}

static void use_afresh(struct seen *s)
{
	struct seen mine;
	int fd, status = 1;
	pid_t pid = fork();

	s->act = NULL;
	if (pid == 0) {
		tend_stream *stream = test_pipe_stream(&test_reliable, &fd);
		char token;

		seen_init(&mine);
		mine.gated = true;
		mine.act = dawdle;
		consume(stream, &mine);
		stream_put(fd, "a");
		if (read(mine.enter[0], &token, 1) != 1)
			_exit(1);
		stream_put(mine.gate[1], "x");
		tend_stream_free(stream);        /* joins, as this is no reader's thread here */
		_exit(mine.size == 1 ? 0 : 2);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		abort();
}

/*
 * A process forked by a visitor on the reader is no reader: it may use the library afresh, and waits where it has to.
 */
static void a_fork_inside(void)
{
	struct seen s;
	int fd;
	tend_stream *stream;

	if (test_under_sanitizer())
		return; /* their run-time does not survive a fork of a process with threads for certain */
	stream = test_pipe_stream(&test_reliable, &fd);
	seen_init(&s);
	s.act = use_afresh;
	consume(stream, &s);
	stream_put(fd, "a");
	await_text(&s, "a");
	close(fd);
	check_ended(&s, s.consumer, TEND_END_EOF);
	tend_consumer_free(s.consumer);
	tend_stream_free(stream);
	seen_fini(&s);
}

/* ---- ready-made ones ---- */

/* A collector is run by the reader unless it is told otherwise, and needs no thread. */
static void collectors_need_no_thread(void)
{
	struct tend_collect how = TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED);
	unsigned long threads = fault_sys_calls("thread");
	struct tend_collected kept;
	struct tend_error err;
	tend_consumer *c = NULL;
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable, &fd);

	CHECK_INT(threads + 1, fault_sys_calls("thread")); /* the reader */
	if (!CHECK_OK(tend_stream_collect(stream, &how, &c, &err), &err))
		return;
	CHECK_INT(threads + 1, fault_sys_calls("thread"));
	stream_put(fd, "all of it");
	close(fd);
	CHECK_OK(tend_consumer_wait(c, TEST_PATIENCE, NULL, &err), &err);
	if (CHECK_OK(tend_consumer_collected(c, &kept, &err), &err))
		CHECK_STR("all of it", kept.data);
	tend_consumer_free(c);
	tend_stream_free(stream);
}

/* What an inspector was told, in order: lines with "|", gaps as "^", the end as "$". */
struct told {
	char text[64];
	char thread[16];
};

static void tell(void *arg, const char *what, size_t size, const char *mark)
{
	struct told *t = arg;
	size_t n = strlen(t->text);

	snprintf(t->text + n, sizeof t->text - n, "%.*s%s", (int)size, what, mark);
	prctl(PR_GET_NAME, t->thread);
}

static enum tend_flow tell_line(void *arg, const struct tend_line *line)
{
	tell(arg, line->data, line->size, "|");
	return TEND_CONTINUE;
}

static enum tend_flow tell_chunk(void *arg, const struct tend_chunk *chunk)
{
	tell(arg, chunk->data, chunk->size, "|");
	return TEND_CONTINUE;
}

static void tell_gap(void *arg, const struct tend_gap *gap)
{
	(void)gap;
	tell(arg, "", 0, "^");
}

static void tell_end(void *arg, const struct tend_end *end)
{
	(void)end;
	tell(arg, "", 0, "$");
}

/* An inspector hears of gaps (OE-7) and of the end, behind the last line, on the thread that it asked for. */
static void inspectors_are_told_all(void)
{
	for (int where = TEND_ON_OWN_THREAD; where <= TEND_ON_READER; where++) {
		struct tend_inspect o = {
			.on_line = tell_line, .on_gap = tell_gap, .on_end = tell_end,
			.line = { .max_length = 80, .overflow = TEND_LINE_TRUNCATE },
			.runs_on = (enum tend_runs_on)where, .subscribe = { .label = "teller" },
		};
		struct tend_subscriber_stats figures;
		struct told told = { .text = "" };
		struct tend_error err;
		tend_consumer *c = NULL;
		int fd;
		tend_stream *stream = test_pipe_stream(&test_reliable, &fd);

		stream_put(fd, "before\n");
		await_read(stream, 7);
		CHECK_OK(tend_stream_inspect(stream, &o, &told, &c, &err), &err);
		if (CHECK_INT(1, tend_stream_subscribers(stream, &figures, 1)))
			CHECK_STR("teller", figures.label);
		stream_put(fd, "one\ntwo");
		close(fd);
		CHECK_OK(tend_consumer_wait(c, TEST_PATIENCE, NULL, &err), &err);
		CHECK_STR("^one|two|$", told.text);
		CHECK_INT(where == TEND_ON_OWN_THREAD, strncmp(told.thread, "tend-use", 8) == 0);
		tend_consumer_free(c);
		tend_stream_free(stream);
	}
}

static void check_inspect_refused(tend_stream *stream, struct tend_inspect o, const char *field)
{
	struct tend_error err;
	tend_consumer *c = NULL;

	CHECK_INT(-EINVAL, tend_stream_inspect(stream, &o, NULL, &c, &err));
	CHECK(strstr(err.message, field) != NULL);
	CHECK(c == NULL);
}

static void inspectors_check_their_options(void)
{
	const struct tend_line_options line = { .max_length = 80, .overflow = TEND_LINE_TRUNCATE };
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable, &fd);

	check_inspect_refused(stream, (struct tend_inspect){ .line = line }, "on_chunk");
	check_inspect_refused(stream, (struct tend_inspect){ .on_line = tell_line, .on_chunk = tell_chunk }, "on_line");
	check_inspect_refused(stream, (struct tend_inspect){ .on_line = tell_line }, "line.max_length");
	check_inspect_refused(stream, (struct tend_inspect){ .on_chunk = tell_chunk, .runs_on = (enum tend_runs_on)9 },
	                      "runs_on");
	close(fd);
	tend_stream_free(stream);
}

static void refusals(void)
{
	struct tend_collect how = TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED);
	struct tend_visitor v = on_reader;
	struct tend_error err;
	tend_consumer *c = NULL;
	struct seen s = { .size = 0 };
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable, &fd);

	v.runs_on = (enum tend_runs_on)3;
	CHECK_INT(-EINVAL, tend_stream_consume(stream, &v, &s, &c, &err));
	CHECK(strstr(err.message, "runs_on") != NULL);
	how.runs_on = (enum tend_runs_on)3;
	CHECK_INT(-EINVAL, tend_stream_collect(stream, &how, &c, &err));
	CHECK(strstr(err.message, "runs_on") != NULL);
	v.runs_on = TEND_ON_READER;
	v.subscribe.delivery = (enum tend_delivery)9;
	CHECK_INT(-EINVAL, tend_stream_consume(stream, &v, &s, &c, &err));
	CHECK(strstr(err.message, "delivery") != NULL);
	close(fd);
	tend_stream_free(stream);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "gets_all", gets_all },
		{ "gets_the_past", gets_the_past },
		{ "comes_after_the_end", comes_after_the_end },
		{ "comes_late", comes_late },
		{ "read_error", read_error },
		{ "is_not_held_up", is_not_held_up },
		{ "breaks", breaks },
		{ "cancelled_while_idle", cancelled_while_idle },
		{ "cancelled_while_stuck", cancelled_while_stuck },
		{ "drained", drained },
		{ "acts_from_inside", acts_from_inside },
		{ "frees_the_process", frees_the_process },
		{ "inside_each_other", inside_each_other },
		{ "freed_in_its_end", freed_in_its_end },
		{ "grace_bounds_the_rest", grace_bounds_the_rest },
		{ "a_cancelled_canceller", a_cancelled_canceller },
		{ "books_of_one_that_got_nothing", books_of_one_that_got_nothing },
		{ "many_attach_unseen", many_attach_unseen },
		{ "a_fork_inside", a_fork_inside },
		{ "collectors_need_no_thread", collectors_need_no_thread },
		{ "inspectors_are_told_all", inspectors_are_told_all },
		{ "inspectors_check_their_options", inspectors_check_their_options },
		{ "refusals", refusals },
	};

	return test_main(argc, argv, "on_reader", tests, sizeof tests / sizeof *tests);
}
