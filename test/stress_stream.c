/* SPDX-License-Identifier: MIT */
/*
 * Streams of random kinds, under subscribers of random kinds that come and go, some streams freed in the middle. 
 * Whoever sees the end must have books that balance to the byte; nobody sees a wrong byte, a gap on a reliable
 * stream, or hangs.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "test.h"
#include "thread.h"

#define ROUNDS 60
#define THREADS 4

struct round {
	tend_stream *stream;
	struct tend_stream_options options;
	int fd;
	size_t bytes;
	unsigned seed;
	_Atomic unsigned through;
};

static unsigned char byte_at(uint64_t offset)
{
	return (unsigned char)(offset * 7 + (offset >> 8));
}

static void writer(struct test_thread *t, void *arg)
{
	struct round *r = arg;
	unsigned char piece[5000];
	unsigned seed = r->seed;
	size_t at = 0;

	while (at < r->bytes) {
		size_t n = 1 + (size_t)rand_r(&seed) % sizeof piece;
		ssize_t written;

		n = n < r->bytes - at ? n : r->bytes - at;
		for (size_t i = 0; i < n; i++)
			piece[i] = byte_at(at + i);
		written = write(r->fd, piece, n);
		if (written < 0)
			break; /* EPIPE: the stream was freed; SIGPIPE is ignored in this program */
		at += (size_t)written;
	}
	WORKER_CHECK(t, at > 0);
	close(r->fd);
}

struct books {
	uint64_t next, delivered, dropped, start;
	bool has_start;
};

static void begin_books(struct books *b, uint64_t offset)
{
	if (b->has_start)
		return;
	b->has_start = true;
	b->start = b->next = offset;
}

static bool take_event(struct test_thread *t, const struct tend_event *e, struct books *b, bool is_lossy)
{
	const unsigned char *p = e->chunk.data;

	if (e->kind == TEND_GAP) {
		WORKER_CHECK(t, e->gap.bytes > 0 || e->gap.at_start);
		WORKER_CHECK(t, is_lossy || e->gap.bytes == 0);
		begin_books(b, e->gap.offset - e->gap.bytes);
		b->next += e->gap.bytes;
		b->dropped += e->gap.bytes;
		return WORKER_CHECK_INT(t, (intmax_t)b->next, (intmax_t)e->gap.offset);
	}
	begin_books(b, e->chunk.offset);
	if (!WORKER_CHECK_INT(t, (intmax_t)b->next, (intmax_t)e->chunk.offset))
		return false;
	for (size_t i = 0; i < e->chunk.size; i++)
		if (p[i] != byte_at(b->next + i))
			return WORKER_CHECK(t, false && "the byte that was written");
	b->next += e->chunk.size;
	b->delivered += e->chunk.size;
	return true;
}

/* To the end, or `most` events. */
static void follow(struct test_thread *t, struct round *r, tend_subscription *sub, unsigned most, bool is_lossy)
{
	struct books b = { .next = 0 };
	struct tend_event e;

	while (most-- > 0) {
		if (!WORKER_CHECK_INT(t, 0, tend_subscription_next(sub, TEST_PATIENCE, &e)))
			return;
		if (!WORKER_CHECK(t, e.kind != TEND_TIMED_OUT && e.kind != TEND_READ_ERROR))
			return;
		if (e.kind == TEND_EOF && b.has_start)
			WORKER_CHECK_INT(t, (intmax_t)r->bytes, (intmax_t)(b.start + b.delivered + b.dropped));
		if (e.kind == TEND_EOF || e.kind == TEND_DETACHED)
			return;
		if (!take_event(t, &e, &b, is_lossy))
			return;
	}
}

static void subscriber(struct test_thread *t, void *arg)
{
	struct round *r = arg;
	unsigned seed = r->seed + 100 * atomic_fetch_add_explicit(&r->through, 1, memory_order_relaxed);
	unsigned visits = 1 + (unsigned)rand_r(&seed) % 12;

	while (visits-- > 0) {
		struct tend_subscribe how = {
			.delivery = (unsigned)rand_r(&seed) % 2 ? TEND_LOSSY : TEND_RELIABLE,
			.overflow = (unsigned)rand_r(&seed) % 2 ? TEND_DROP_NEWEST : TEND_DROP_OLDEST,
			.max_buffered_chunks = 1 + (size_t)rand_r(&seed) % 20,
		};
		unsigned most = visits == 0 ? UINT32_MAX : (unsigned)rand_r(&seed) % 60;
		tend_subscription *sub = NULL;
		struct tend_error err;
		int e = tend_stream_subscribe(r->stream, &how, &sub, &err);

		if (r->options.backend == TEND_SINGLE_SUBSCRIBER && e == -EBUSY) {
			sched_yield();
			continue;
		}
		if (WORKER_CHECK_INT(t, 0, e))
			follow(t, r, sub, most, how.delivery == TEND_LOSSY);
		tend_subscription_close(sub);
	}
}

static struct tend_stream_options random_options(unsigned *seed)
{
	static const struct tend_replay replays[] = {
		{ TEND_RETAIN_NONE, 0 }, { TEND_RETAIN_CHUNKS, 3 }, { TEND_RETAIN_BYTES, 10000 }, { TEND_RETAIN_ALL, 0 }
	};
	static const size_t sizes[] = { 1, 3, 100, 4096, 65536 };

	return (struct tend_stream_options){
		.backend = (unsigned)rand_r(seed) % 4 ? TEND_BROADCAST : TEND_SINGLE_SUBSCRIBER,
		.delivery = TEND_RELIABLE,
		.replay = replays[(unsigned)rand_r(seed) % 4],
		.read_chunk_size = sizes[(unsigned)rand_r(seed) % 5],
		.max_buffered_chunks = 1 + (size_t)rand_r(seed) % 64,
	};
}

static void run_round(unsigned number)
{
	unsigned seed = number;
	struct round r = { .seed = number * 31 + 1 };
	struct test_thread w, threads[THREADS];

	r.options = random_options(&seed);
	r.bytes = r.options.read_chunk_size < 100 ? 20000 : 400000;
	if (test_under_valgrind() || test_under_sanitizer())
		r.bytes /= 4;
	r.stream = test_pipe_stream(&r.options, &r.fd);
	test_thread_start(&w, writer, &r);
	for (unsigned i = 0; i < THREADS; i++)
		test_thread_start(&threads[i], subscriber, &r);
	if (number % 5 == 4)
		tend_stream_seal_replay(r.stream);
	for (unsigned i = 0; i < THREADS; i++)
		test_thread_join(&threads[i]);
	if (number % 3 == 2)
		r.stream = tend_stream_free(r.stream); /* while it is written to, or behind its end */
	test_thread_join(&w);
	tend_stream_free(r.stream);
}

static void books_balance(void)
{
	const char *round = getenv("TEST_ROUND");
	unsigned rounds = test_under_valgrind() ? 6 : ROUNDS, first = 0;

	if (round) { /* check-loop plays others in each round */
		rounds = ROUNDS / 6;
		first = (unsigned)atoi(round) * rounds;
	}
	for (unsigned i = 0; i < rounds; i++)
		run_round(first + i);
}

/* A subscriber that sleeps in next() is released by the end of the stream object, many times over. */
static void free_waiter(struct test_thread *t, void *arg)
{
	tend_subscription *sub = arg;
	struct tend_event e;

	WORKER_CHECK_INT(t, 0, tend_subscription_next(sub, TEST_PATIENCE, &e));
	WORKER_CHECK_INT(t, TEND_DETACHED, e.kind);
	tend_subscription_close(sub);
}

static void free_releases_waiters(void)
{
	for (int i = 0; i < 200; i++) {
		struct test_thread threads[2];
		tend_subscription *subs[2];
		struct tend_error err;
		int fd;
		tend_stream *stream = test_pipe_stream(&test_reliable, &fd);

		for (int k = 0; k < 2; k++) {
			CHECK_OK(tend_stream_subscribe(stream, NULL, &subs[k], &err), &err);
			test_thread_start(&threads[k], free_waiter, subs[k]);
		}
		tend_stream_free(stream);
		for (int k = 0; k < 2; k++)
			test_thread_join(&threads[k]);
		close(fd);
	}
}

static const struct test tests[] = {
	{ "books_balance", books_balance },
	{ "free_releases_waiters", free_releases_waiters },
};

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	return test_main(argc, argv, "stress_stream", tests, sizeof tests / sizeof *tests);
}
