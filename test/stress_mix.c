/* SPDX-License-Identifier: MIT */
/*
 * One stream, 1 GiB, and eight threads whose subscribers of every kind attach, detach, are cancelled, given up on and
 * freed at random while it flows: pulled and polled ones, visitors on threads and on the reader, reliable, lossy by
 * either end, impatient.  Each one's books balance to the byte, and each byte that it gets is the right one.
 * STRESS_MIB sets another amount.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "books.h"
#include "test.h"
#include "thread.h"

#define THREADS 8

struct flow {
	tend_stream *stream;
	int fd;
	uint64_t bytes;
	_Atomic unsigned through;
};

static void write_all(struct test_thread *t, void *arg)
{
	struct flow *f = arg;
	uint64_t at = 0;

	while (at < f->bytes) {
		size_t n = f->bytes - at < BOOKS_PIECE ? (size_t)(f->bytes - at) : BOOKS_PIECE;
		ssize_t written = write(f->fd, books_pattern(at), n);

		if (!WORKER_CHECK(t, written > 0))
			break;
		at += (uint64_t)written;
	}
	close(f->fd);
}

/* ---- one subscriber's books ---- */

static void close_books(struct test_thread *t, const struct books *b, uint64_t end)
{
	WORKER_CHECK_INT(t, 0, b->wrong);
	WORKER_CHECK(t, books_balance(b, end));
}

/* ---- those who pull ---- */

static struct tend_subscribe random_policy(unsigned *seed, struct books *b)
{
	struct tend_subscribe how = {
		.delivery = (unsigned)rand_r(seed) % 2 ? TEND_RELIABLE : TEND_LOSSY,
		.overflow = (unsigned)rand_r(seed) % 2 ? TEND_DROP_NEWEST : TEND_DROP_OLDEST,
		.max_buffered_chunks = 1 + (size_t)rand_r(seed) % 24,
		.label = "stress",
	};

	switch ((unsigned)rand_r(seed) % 4) {
	case 0:
		how.stall = TEND_STALL_LOSE(TEND_US(100));
		break;
	case 1:
		how.stall = TEND_STALL_LEAVE(TEND_US(100));
		break;
	default:
		break;
	}
	b->is_lossy = how.delivery == TEND_LOSSY || how.stall.kind == TEND_STALLED_LOSES;
	return how;
}

/* True: go on. */
static bool enter(struct test_thread *t, const struct flow *f, struct books *b, const struct tend_event *e)
{
	switch (e->kind) {
	case TEND_CHUNK:
		books_enter_chunk(b, &e->chunk);
		return true;
	case TEND_GAP:
		books_enter_gap(b, &e->gap);
		return true;
	case TEND_EOF:
		close_books(t, b, f->bytes);
		return false;
	default:
		WORKER_CHECK(t, e->kind == TEND_DETACHED && e->ending == TEND_END_STALLED);
		close_books(t, b, b->next);
		return false;
	}
}

static void pull(struct test_thread *t, struct flow *f, unsigned *seed, bool polls)
{
	struct books b = { .next = 0 };
	struct tend_subscribe how = random_policy(seed, &b);
	unsigned most = (unsigned)rand_r(seed) % 3000;
	tend_subscription *sub = NULL;
	struct tend_event e;

	if (!WORKER_CHECK_INT(t, 0, tend_stream_subscribe(f->stream, &how, &sub, NULL)))
		return;
	do {
		struct pollfd p = { .fd = polls ? tend_subscription_fd(sub) : -1, .events = POLLIN };

		if (polls && poll(&p, 1, -1) < 0)
			continue;
		if (!WORKER_CHECK_INT(t, 0, tend_subscription_next(sub, polls ? TEND_AT_ONCE : TEST_PATIENCE, &e)))
			break;
		if (polls && e.kind == TEND_TIMED_OUT)
			continue;
		if (!enter(t, f, &b, &e))
			break;
	} while (most-- > 0);
	WORKER_CHECK_INT(t, 0, b.wrong);
	tend_subscription_close(sub);
}

/* ---- those who are called ---- */

struct called {
	_Atomic unsigned owners;  /* the thread, on_end */
	struct books b;
	unsigned most;
	unsigned ends;
	uint64_t end;
};

static void let_go(struct called *c)
{
	if (atomic_fetch_sub_explicit(&c->owners, 1, memory_order_acq_rel) == 1)
		free(c);
}

static enum tend_flow on_chunk(void *self, const struct tend_chunk *chunk)
{
	struct called *c = self;

	books_enter_chunk(&c->b, chunk);
	return c->most-- > 0 ? TEND_CONTINUE : TEND_BREAK;
}

static void on_gap(void *self, const struct tend_gap *gap)
{
	struct called *c = self;

	books_enter_gap(&c->b, gap);
}

static void on_end(void *self, const struct tend_end *end)
{
	struct called *c = self;

	c->ends++;
	c->end = end->offset;
	if (!books_balance(&c->b, end->offset))
		abort(); /* nobody may be left to be told */
	let_go(c);
}

/* What its books say, and what the library's say. */
static void check_consumed(struct test_thread *t, const struct called *c, const struct tend_consumed *seen)
{
	WORKER_CHECK_INT(t, 1, c->ends);
	close_books(t, &c->b, c->end);
	WORKER_CHECK_INT(t, (intmax_t)c->b.delivered, (intmax_t)seen->bytes);
	WORKER_CHECK_INT(t, (intmax_t)c->b.dropped, (intmax_t)seen->bytes_dropped);
	if (c->b.has_start)
		WORKER_CHECK_INT(t, (intmax_t)c->b.start, (intmax_t)seen->first_offset);
}

static void be_called(struct test_thread *t, struct flow *f, unsigned *seed, enum tend_runs_on where)
{
	struct called *c = calloc(1, sizeof *c);
	struct tend_visitor v = { .on_chunk = on_chunk, .on_gap = on_gap, .on_end = on_end, .runs_on = where };
	tend_consumer *consumer = NULL;
	struct tend_consumed seen = { .ending = TEND_END_NONE };

	if (!WORKER_CHECK(t, c != NULL))
		return;
	v.subscribe = random_policy(seed, &c->b);
	c->most = 1 + (unsigned)rand_r(seed) % 3000;
	atomic_init(&c->owners, 2);
	if (!WORKER_CHECK_INT(t, 0, tend_stream_consume(f->stream, &v, c, &consumer, NULL))) {
		free(c);
		return;
	}
	switch ((unsigned)rand_r(seed) % 4) {
	case 0:
		WORKER_CHECK_INT(t, 0, tend_consumer_wait(consumer, TEST_PATIENCE, &seen, NULL));
		break;
	case 1:
		WORKER_CHECK_INT(t, 0, tend_consumer_wait(consumer, TEND_US(200), NULL, NULL));
		WORKER_CHECK_INT(t, 0, tend_consumer_cancel(consumer, TEST_PATIENCE, TEND_CANCEL_DRAIN, &seen, NULL));
		break;
	case 2:
		WORKER_CHECK_INT(t, 0, tend_consumer_cancel(consumer, TEST_PATIENCE, TEND_CANCEL_NOW, &seen, NULL));
		break;
	default:
		break; /* freed as it runs */
	}
	if (seen.ending != TEND_END_NONE)
		check_consumed(t, c, &seen);
	tend_consumer_free(consumer);
	let_go(c);
}

/* ---- all of it ---- */

static void visitor(struct test_thread *t, void *arg)
{
	struct flow *f = arg;
	unsigned n = atomic_fetch_add_explicit(&f->through, 1, memory_order_relaxed), seed = 977 * n + 5;

	while (tend_stream_stats(f->stream).end == TEND_END_NONE) {
		switch ((unsigned)rand_r(&seed) % 4) {
		case 0:
			pull(t, f, &seed, false);
			break;
		case 1:
			pull(t, f, &seed, true);
			break;
		case 2:
			be_called(t, f, &seed, TEND_ON_OWN_THREAD);
			break;
		default:
			be_called(t, f, &seed, TEND_ON_READER);
		}
	}
}

static uint64_t amount(void)
{
	const char *mib = getenv("STRESS_MIB");

	if (mib)
		return (uint64_t)strtoull(mib, NULL, 10) << 20;
	return (uint64_t)(test_under_valgrind() ? 16 : getenv("TEST_ROUND") ? 128 : 1024) << 20;
}

static void everything_at_once(void)
{
	struct tend_stream_options o = test_reliable;
	struct flow f = { .bytes = amount() };
	struct test_thread writer, threads[THREADS];
	struct tend_stream_stats s;

	o.replay = TEND_REPLAY_BYTES(256 << 10);
	f.stream = test_pipe_stream(&o, &f.fd);
	test_thread_start(&writer, write_all, &f);
	for (unsigned i = 0; i < THREADS; i++)
		test_thread_start(&threads[i], visitor, &f);
	for (unsigned i = 0; i < THREADS; i++)
		test_thread_join(&threads[i]);
	test_thread_join(&writer);
	s = tend_stream_stats(f.stream);
	CHECK_INT(f.bytes, s.bytes_read);
	CHECK_INT(TEND_END_EOF, s.end);
	CHECK_INT(0, s.subscribers);
	CHECK_INT(0, s.stalling);
	tend_stream_free(f.stream);
}

static const struct test tests[] = {
	{ "everything_at_once", everything_at_once },
};

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	return test_main(argc, argv, "stress_mix", tests, sizeof tests / sizeof *tests);
}
