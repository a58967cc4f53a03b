/* SPDX-License-Identifier: MIT */
/*
 * The life of a consumer: wait, cancel, give up, free, from other threads and from its own visitor.  Gates in the
 * visitor make each order certain.  The ids are those of the requirements and of the peer's tests.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "streams.h"
#include "test.h"

/* A visitor that counts, and can be held inside a callback. */
struct probe {
	_Atomic unsigned chunks, gaps, ends, entered;
	_Atomic uint64_t bytes;
	_Atomic int reason, read_errno;
	_Atomic uint64_t end_offset;
	_Atomic bool hold;         /* on_chunk stays inside while it is set */
	enum tend_flow flow;
	tend_consumer *_Atomic self_consumer;
	_Atomic int own_wait;      /* what waiting for itself returned */
	bool waits_for_itself, frees_itself;
};

static enum tend_flow on_chunk(void *self, const struct tend_chunk *chunk)
{
	struct probe *p = self;

	atomic_fetch_add(&p->entered, 1);
	while (atomic_load(&p->hold))
		sched_yield();
	atomic_fetch_add(&p->bytes, chunk->size);
	atomic_fetch_add(&p->chunks, 1);
	if (p->waits_for_itself || p->frees_itself)
		while (!atomic_load(&p->self_consumer))
			sched_yield();
	if (p->waits_for_itself)
		atomic_store(&p->own_wait,
		             tend_consumer_wait(atomic_load(&p->self_consumer), TEND_FOREVER, NULL, NULL));
	if (p->frees_itself)
		tend_consumer_free(atomic_load(&p->self_consumer));
	return p->flow;
}

static void on_gap(void *self, const struct tend_gap *gap)
{
	struct probe *p = self;

	(void)gap;
	atomic_fetch_add(&p->gaps, 1);
}

static void on_end(void *self, const struct tend_end *end)
{
	struct probe *p = self;

	atomic_store(&p->reason, (int)end->reason);
	atomic_store(&p->read_errno, end->read_errno);
	atomic_store(&p->end_offset, end->offset);
	atomic_fetch_add(&p->ends, 1);
}

static const struct tend_visitor visitor = { .on_chunk = on_chunk, .on_gap = on_gap, .on_end = on_end };

static tend_consumer *consume(tend_stream *stream, struct probe *p)
{
	tend_consumer *c = NULL;
	struct tend_error err;

	CHECK_OK(tend_stream_consume(stream, &visitor, p, &c, &err), &err);
	atomic_store(&p->self_consumer, c);
	return c;
}

static void put(int fd, const char *text)
{
	CHECK_INT((intmax_t)strlen(text), write(fd, text, strlen(text)));
}

static void await(_Atomic unsigned *figure, unsigned n)
{
	while (atomic_load(figure) < n)
		sched_yield();
}

static struct tend_consumed wait_for(tend_consumer *c)
{
	struct tend_consumed seen = { .ending = TEND_END_NONE };
	struct tend_error err;

	CHECK_OK(tend_consumer_wait(c, TEST_PATIENCE, &seen, &err), &err);
	return seen;
}

/* CL-2, CL-3, CL-4: runs to the end; the result stays; on_end once, with the offset. */
static void runs_to_the_end(void)
{
	struct probe p = { .flow = TEND_CONTINUE };
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable, &fd);
	tend_consumer *c = consume(stream, &p);
	struct tend_consumed seen;

	CHECK(!tend_consumer_is_finished(c));
	CHECK_INT(0, tend_consumer_wait(c, TEND_AT_ONCE, &seen, NULL));
	CHECK_INT(TEND_END_NONE, seen.ending);
	put(fd, "hello");
	close(fd);
	for (int i = 0; i < 2; i++) {
		seen = wait_for(c);
		CHECK_INT(TEND_END_EOF, seen.ending);
		CHECK_INT(5, seen.bytes);
		CHECK_INT(0, seen.gaps);
		CHECK(!seen.began_late);
	}
	CHECK(tend_consumer_is_finished(c));
	CHECK_INT(1, atomic_load(&p.ends));
	CHECK_INT(TEND_END_EOF, atomic_load(&p.reason));
	CHECK_INT(5, atomic_load(&p.end_offset));
	tend_consumer_free(c);
	tend_stream_free(stream);
}

/*
 * VS-2; consume_with::consume_with_runs_a_custom_sync_visitor_until_break,
 * consume::consume_runs_a_custom_sync_visitor_until_break
 */
static void breaks_off(void)
{
	struct probe p = { .flow = TEND_BREAK };
	int fd;
	tend_stream *stream = test_pipe_stream(&test_single, &fd);
	tend_consumer *c = consume(stream, &p);

	put(fd, "x");
	CHECK_INT(TEND_END_BROKE, wait_for(c).ending);
	CHECK_INT(1, atomic_load(&p.ends));
	CHECK_INT(0, tend_stream_stats(stream).subscribers); /* the slot is free though the handle is not */
	tend_consumer_free(c);
	close(fd);
	tend_stream_free(stream);
}

/* OE-21: a stream that was freed is told from one that ended. */
static void stream_is_freed_under_it(void)
{
	struct probe p = { .flow = TEND_CONTINUE };
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable, &fd);
	tend_consumer *c = consume(stream, &p);

	put(fd, "x");
	await(&p.chunks, 1);
	tend_stream_free(stream);
	CHECK_INT(TEND_END_DETACHED, wait_for(c).ending);
	CHECK_INT(TEND_END_DETACHED, atomic_load(&p.reason));
	tend_consumer_free(c);
	close(fd);
}

/* SS consumer_lifecycle::cancel_allows_later_collector, CL-5: an idle one ends in time, and the slot is free. */
static void cancel_ends_an_idle_one(void)
{
	int fd;
	tend_stream *stream = test_pipe_stream(&test_single, &fd);

	for (int i = 0; i < 200; i++) {
		struct probe p = { .flow = TEND_CONTINUE };
		tend_consumer *c = consume(stream, &p);
		struct tend_consumed seen;
		struct tend_error err;

		CHECK_OK(tend_consumer_cancel(c, TEST_PATIENCE, i % 2 ? TEND_CANCEL_NOW : TEND_CANCEL_DRAIN, &seen,
		                              &err),
		         &err);
		CHECK_INT(TEND_END_CANCELLED, seen.ending);
		CHECK_INT(1, atomic_load(&p.ends));
		tend_consumer_free(c);
	}
	close(fd);
	tend_stream_free(stream);
}

/* OE-6: what becomes of what is queued is the caller's choice, and always the same. */
static void cancel_says_how(enum tend_cancel how, unsigned expected_chunks)
{
	struct tend_stream_options o = test_single;
	struct probe p = { .flow = TEND_CONTINUE, .hold = true };
	struct tend_consumed seen;
	tend_stream *stream;
	tend_consumer *c;
	int fd;

	o.read_chunk_size = 1;
	stream = test_pipe_stream(&o, &fd);
	c = consume(stream, &p);
	put(fd, "0123456789");
	await_read(stream, 10);
	await(&p.entered, 1); /* one is inside, nine are queued */
	CHECK_INT(0, tend_consumer_cancel(c, TEND_AT_ONCE, how, &seen, NULL));
	CHECK_INT(TEND_END_ABANDONED, seen.ending);
	CHECK_INT(0, tend_stream_stats(stream).subscribers);
	atomic_store(&p.hold, false);
	CHECK_INT(TEND_END_CANCELLED, wait_for(c).ending);
	CHECK_INT(expected_chunks, atomic_load(&p.chunks));
	tend_consumer_free(c);
	close(fd);
	tend_stream_free(stream);
}

static void abandoned_ones_take_no_more(void)
{
	cancel_says_how(TEND_CANCEL_NOW, 1);
	cancel_says_how(TEND_CANCEL_DRAIN, 1); /* its grace was over: it is not drained behind the caller's back */
}

static void *release_soon(void *arg)
{
	struct probe *p = arg;

	await(&p->entered, 1);
	atomic_store(&p->hold, false);
	return NULL;
}

/* Ten queued: all ten come with DRAIN, whoever wins the race. */
static void draining_takes_all_that_is_queued(void)
{
	for (int i = 0; i < 100; i++) {
		struct tend_stream_options o = test_single;
		struct probe p = { .flow = TEND_CONTINUE, .hold = true };
		struct tend_consumed seen;
		tend_stream *stream;
		tend_consumer *c;
		pthread_t t;
		int fd;

		o.read_chunk_size = 1;
		stream = test_pipe_stream(&o, &fd);
		c = consume(stream, &p);
		put(fd, "0123456789");
		await_read(stream, 10);
		await(&p.entered, 1);
		CHECK_INT(0, pthread_create(&t, NULL, release_soon, &p));
		CHECK_INT(0, tend_consumer_cancel(c, TEST_PATIENCE, TEND_CANCEL_DRAIN, &seen, NULL));
		pthread_join(t, NULL);
		CHECK_INT(TEND_END_CANCELLED, seen.ending);
		CHECK_INT(10, seen.chunks);
		tend_consumer_free(c);
		close(fd);
		tend_stream_free(stream);
	}
}

/* Draining comes to an end however fast the child writes. */
static void draining_a_flood_ends(void)
{
	tend_process *child = test_spawn(&test_reliable, "flooder", "100000000000", NULL);
	struct probe p = { .flow = TEND_CONTINUE };
	struct tend_consumed seen;
	struct tend_error err;
	tend_consumer *c;

	if (!child)
		return;
	c = consume(tend_process_stdout(child), &p);
	await(&p.chunks, 20);
	CHECK_OK(tend_consumer_cancel(c, TEST_PATIENCE, TEND_CANCEL_DRAIN, &seen, &err), &err);
	CHECK_INT(TEND_END_CANCELLED, seen.ending);
	tend_consumer_free(c);
	CHECK_OK(tend_process_kill(child, TEST_PATIENCE, NULL, &err), &err);
	tend_process_free(child);
}

/* SS consumer_lifecycle::cancel_aborts_hanging_async_collector_after_timeout; OE-17, OE-26 */
static void stuck_ones_are_abandoned(void)
{
	struct probe stuck = { .flow = TEND_CONTINUE, .hold = true }, next = { .flow = TEND_CONTINUE };
	struct tend_consumed seen;
	int fd;
	tend_stream *stream = test_pipe_stream(&test_single, &fd);
	tend_consumer *c = consume(stream, &stuck), *later;

	put(fd, "x");
	await(&stuck.entered, 1);
	CHECK_INT(0, tend_consumer_wait(c, TEND_MS(5), &seen, NULL));
	CHECK_INT(TEND_END_NONE, seen.ending);
	CHECK_INT(0, tend_consumer_cancel(c, TEND_MS(5), TEND_CANCEL_NOW, &seen, NULL));
	CHECK_INT(TEND_END_ABANDONED, seen.ending);
	CHECK(!tend_consumer_is_finished(c));
	later = consume(stream, &next);
	put(fd, "later");
	close(fd);
	CHECK_INT(TEND_END_EOF, wait_for(later).ending);
	CHECK_INT(5, atomic_load(&next.bytes));
	CHECK_INT(0, atomic_load(&stuck.ends)); /* still inside */
	atomic_store(&stuck.hold, false);
	CHECK_INT(TEND_END_CANCELLED, wait_for(c).ending);
	CHECK_INT(1, atomic_load(&stuck.ends));
	tend_consumer_free(c);
	tend_consumer_free(later);
	tend_stream_free(stream);
}

/*
 * SS consumer_lifecycle::drop_allows_later_collector, CL-8, OE-17: free frees the slot before it returns, a thousand
 * times.
 */
static void free_frees_the_slot(void)
{
	static struct probe probes[1000]; /* alive until on_end */
	int fd;
	tend_stream *stream = test_pipe_stream(&test_single, &fd);

	for (int i = 0; i < 1000; i++) {
		tend_consumer *c;

		memset(&probes[i], 0, sizeof probes[i]);
		c = consume(stream, &probes[i]);
		tend_consumer_free(c);
	}
	for (int i = 0; i < 1000; i++)
		await(&probes[i].ends, 1);
	close(fd);
	tend_stream_free(stream);
}

/* Free does not wait for a callback in progress, and on_end still comes. */
static void free_does_not_wait(void)
{
	struct probe p = { .flow = TEND_CONTINUE, .hold = true };
	int fd;
	tend_stream *stream = test_pipe_stream(&test_single, &fd);
	tend_consumer *c = consume(stream, &p);

	put(fd, "x");
	await(&p.entered, 1);
	tend_consumer_free(c);
	CHECK_INT(0, atomic_load(&p.ends));
	CHECK_INT(0, tend_stream_stats(stream).subscribers);
	atomic_store(&p.hold, false);
	await(&p.ends, 1);
	CHECK_INT(TEND_END_CANCELLED, atomic_load(&p.reason));
	close(fd);
	tend_stream_free(stream);
}

/* Hazards 64, 89: a visitor that waits for itself is told so; one that frees itself does no harm. */
static void visitors_may_call_back(void)
{
	struct probe waits = { .flow = TEND_BREAK, .waits_for_itself = true };
	struct probe frees = { .flow = TEND_CONTINUE, .frees_itself = true };
	int fd;
	tend_stream *stream = test_pipe_stream(&test_single, &fd);
	tend_consumer *c = consume(stream, &waits);

	put(fd, "x");
	CHECK_INT(TEND_END_BROKE, wait_for(c).ending);
	CHECK_INT(-EDEADLK, atomic_load(&waits.own_wait));
	tend_consumer_free(c);
	consume(stream, &frees);
	put(fd, "y");
	await(&frees.ends, 1);
	close(fd);
	tend_stream_free(stream);
}

static void arguments_are_checked(void)
{
	struct probe p = { .flow = TEND_CONTINUE };
	const struct tend_visitor empty = { .on_end = on_end };
	tend_consumer *c = NULL;
	struct tend_error err;
	int fd;
	tend_stream *stream = test_pipe_stream(&test_single, &fd);

	CHECK_INT(-EINVAL, tend_stream_consume(stream, &empty, &p, &c, &err));
	CHECK(strncmp(err.message, "visitor.on_chunk ", 17) == 0);
	CHECK_INT(-EINVAL, tend_stream_consume(stream, NULL, &p, &c, &err));
	c = consume(stream, &p);
	CHECK_INT(-EINVAL, tend_consumer_wait(c, 0, NULL, &err));
	CHECK_INT(-EINVAL, tend_consumer_cancel(c, TEND_MS(1), (enum tend_cancel)0, NULL, &err));
	CHECK_INT(-EINVAL, tend_consumer_cancel(c, 17, TEND_CANCEL_NOW, NULL, &err));
	CHECK(!tend_consumer_is_finished(c));
	CHECK(tend_consumer_free(NULL) == NULL);
	tend_consumer_free(c);
	await(&p.ends, 1);
	close(fd);
	tend_stream_free(stream);
}

/* VS-3, OE-7: gaps reach the visitor and the result, with figures. */
static void losses_are_in_the_result(void)
{
	struct tend_stream_options o = test_single;
	struct probe p = { .flow = TEND_CONTINUE, .hold = true };
	struct tend_consumed seen;
	tend_stream *stream;
	tend_consumer *c;
	int fd;

	o.delivery = TEND_LOSSY;
	o.overflow = TEND_DROP_NEWEST;
	o.read_chunk_size = 1;
	o.max_buffered_chunks = 2;
	stream = test_pipe_stream(&o, &fd);
	c = consume(stream, &p);
	put(fd, "a");
	await(&p.entered, 1);
	put(fd, "bcdefg"); /* b and c are buffered, four are lost */
	await_read(stream, 7);
	close(fd);
	atomic_store(&p.hold, false);
	seen = wait_for(c);
	CHECK_INT(TEND_END_EOF, seen.ending);
	CHECK_INT(3, seen.bytes);
	CHECK_INT(1, seen.gaps);
	CHECK_INT(4, seen.bytes_dropped);
	CHECK_INT(4, seen.chunks_dropped);
	CHECK_INT(1, atomic_load(&p.gaps));
	CHECK_INT(7, atomic_load(&p.end_offset));
	tend_consumer_free(c);
	tend_stream_free(stream);
}

static const struct test tests[] = {
	{ "runs_to_the_end", runs_to_the_end },
	{ "breaks_off", breaks_off },
	{ "stream_is_freed_under_it", stream_is_freed_under_it },
	{ "cancel_ends_an_idle_one", cancel_ends_an_idle_one },
	{ "abandoned_ones_take_no_more", abandoned_ones_take_no_more },
	{ "draining_takes_all_that_is_queued", draining_takes_all_that_is_queued },
	{ "draining_a_flood_ends", draining_a_flood_ends },
	{ "stuck_ones_are_abandoned", stuck_ones_are_abandoned },
	{ "free_frees_the_slot", free_frees_the_slot },
	{ "free_does_not_wait", free_does_not_wait },
	{ "visitors_may_call_back", visitors_may_call_back },
	{ "arguments_are_checked", arguments_are_checked },
	{ "losses_are_in_the_result", losses_are_in_the_result },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "consume", tests, sizeof tests / sizeof *tests);
}
