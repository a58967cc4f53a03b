/* SPDX-License-Identifier: MIT */
/*
 * Exactly once: 10,000 subscribers come and go while a reliable stream that retains everything is written to.  Each
 * has to see the bytes from offset 0 on, contiguous over the seam between what was retained and what came live.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "test.h"
#include "thread.h"

#define ROUNDS 50
#define THREADS 4
#define SUBSCRIBERS_PER_THREAD 50
#define PIECES_PER_SUBSCRIBER 8

static unsigned char pattern[1 << 20];
static tend_stream *stream;
static _Atomic unsigned begun;  /* subscribers of this round */
static _Atomic unsigned ended;  /* threads that are through */
static _Atomic unsigned total;

static void make_pattern(void)
{
	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] = (unsigned char)(i * 131 + (i >> 8) * 17);
}

/* Writes on while subscribers come, some pieces for each, so that there is always something live. */
static void writer(struct test_thread *t, void *arg)
{
	int fd = *(const int *)arg;
	unsigned seed = 7, pieces = 0;
	size_t at = 0;

	while (atomic_load_explicit(&ended, memory_order_relaxed) < THREADS) {
		size_t n = 1 + (size_t)rand_r(&seed) % 100;

		if (pieces > PIECES_PER_SUBSCRIBER * atomic_load_explicit(&begun, memory_order_relaxed)) {
			sched_yield();
			continue;
		}
		if (!WORKER_CHECK(t, at + n <= sizeof pattern && write(fd, pattern + at, n) == (ssize_t)n))
			break;
		at += n;
		pieces++;
	}
	close(fd);
}

static bool check_chunk(struct test_thread *t, const struct tend_chunk *c, uint64_t expected)
{
	return WORKER_CHECK_INT(t, (intmax_t)expected, (intmax_t)c->offset) &&
	       WORKER_CHECK(t, memcmp(c->data, pattern + c->offset, c->size) == 0);
}

/* Reads to the seam and some bytes past it, if they come. */
static void read_some(struct test_thread *t, tend_subscription *sub, uint64_t target)
{
	struct tend_event e;
	uint64_t at = 0;

	while (at < target) {
		if (!WORKER_CHECK_INT(t, 0, tend_subscription_next(sub, TEND_MS(20), &e)))
			return;
		if (e.kind == TEND_TIMED_OUT || e.kind == TEND_EOF)
			return;
		if (!WORKER_CHECK_INT(t, TEND_CHUNK, e.kind) || !check_chunk(t, &e.chunk, at))
			return;
		at += e.chunk.size;
	}
}

static void subscriber(struct test_thread *t, void *arg)
{
	unsigned seed = *(const unsigned *)arg;

	for (int i = 0; i < SUBSCRIBERS_PER_THREAD; i++) {
		tend_subscription *sub = NULL;
		struct tend_error err;

		atomic_fetch_add_explicit(&begun, 1, memory_order_relaxed);
		if (WORKER_CHECK_INT(t, 0, tend_stream_subscribe(stream, NULL, &sub, &err)))
			read_some(t, sub, tend_stream_stats(stream).bytes_read + (uint64_t)rand_r(&seed) % 60);
		tend_subscription_close(sub);
		atomic_fetch_add_explicit(&total, 1, memory_order_relaxed);
	}
	atomic_fetch_add_explicit(&ended, 1, memory_order_relaxed);
}

/* The one that stays sees all of it, and the end once. */
static void check_whole(tend_subscription *sub)
{
	struct tend_event e = { .kind = TEND_CHUNK };
	uint64_t at = 0;

	while (tend_subscription_next(sub, TEST_PATIENCE, &e) == 0 && e.kind == TEND_CHUNK) {
		CHECK_INT(at, e.chunk.offset);
		CHECK(memcmp(e.chunk.data, pattern + at, e.chunk.size) == 0);
		at += e.chunk.size;
	}
	CHECK_INT(TEND_EOF, e.kind);
	CHECK_INT(tend_stream_stats(stream).bytes_read, at);
}

static void run_round(unsigned round)
{
	struct tend_stream_options options = test_reliable_all;
	struct test_thread w, threads[THREADS];
	unsigned seeds[THREADS];
	tend_subscription *late = NULL;
	struct tend_error err;
	int fd;

	options.read_chunk_size = round % 3 == 0 ? 16 : round % 3 == 1 ? 100 : 65536;
	options.max_buffered_chunks = 1 + round % 5;
	atomic_store_explicit(&begun, 0, memory_order_relaxed);
	atomic_store_explicit(&ended, 0, memory_order_relaxed);
	stream = test_pipe_stream(&options, &fd);
	test_thread_start(&w, writer, &fd);
	for (unsigned i = 0; i < THREADS; i++) {
		seeds[i] = round * THREADS + i;
		test_thread_start(&threads[i], subscriber, &seeds[i]);
	}
	for (unsigned i = 0; i < THREADS; i++)
		test_thread_join(&threads[i]);
	CHECK_OK(tend_stream_subscribe(stream, NULL, &late, &err), &err);
	check_whole(late); /* before the join: a writer may be waiting for this one */
	test_thread_join(&w);
	tend_subscription_close(late);
	tend_stream_free(stream);
}

static void ten_thousand_subscribers(void)
{
	unsigned rounds = test_under_valgrind() ? 2 : getenv("TEST_ROUND") ? ROUNDS / 5 : ROUNDS;

	make_pattern();
	for (unsigned i = 0; i < rounds; i++)
		run_round(i);
	CHECK_INT(rounds * THREADS * SUBSCRIBERS_PER_THREAD, atomic_load_explicit(&total, memory_order_relaxed));
}

static const struct test tests[] = {
	{ "ten_thousand_subscribers", ten_thousand_subscribers },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "stress_handover", tests, sizeof tests / sizeof *tests);
}
