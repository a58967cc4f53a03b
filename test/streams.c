/* SPDX-License-Identifier: MIT */
#include "streams.h"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

struct tend_stream_options stream_options(struct tend_stream_options o, size_t chunk, size_t depth)
{
	o.read_chunk_size = chunk;
	o.max_buffered_chunks = depth;
	return o;
}

struct tend_stream_options stream_lossy(enum tend_overflow overflow, size_t chunk, size_t depth)
{
	struct tend_stream_options o = stream_options(test_reliable, chunk, depth);

	o.delivery = TEND_LOSSY;
	o.overflow = overflow;
	return o;
}

struct tend_stream_options stream_retaining(struct tend_replay replay, size_t chunk, size_t depth)
{
	struct tend_stream_options o = stream_options(test_single, chunk, depth);

	o.replay = replay;
	return o;
}

void stream_put(int fd, const char *text)
{
	CHECK_INT((intmax_t)strlen(text), write(fd, text, strlen(text)));
}

tend_subscription *stream_subscribe(tend_stream *stream)
{
	tend_subscription *sub = NULL;
	struct tend_error err;

	CHECK_OK(tend_stream_subscribe(stream, NULL, &sub, &err), &err);
	return sub;
}

/*
 * The figure, or the end, comes first, then the history, then the subscribers.  Only then the reader goes offline for
 * RCU, to wait or to read on; and that is what a fork waits for (rcu.c).
 */
static void await_readers(void)
{
	pid_t copy = fork();

	if (copy == 0)
		_exit(0);
	CHECK_INT(copy, waitpid(copy, NULL, 0));
}

void await_read(tend_stream *stream, uint64_t bytes)
{
	while (tend_stream_stats(stream).bytes_read < bytes)
		sched_yield();
	await_readers();
}

void await_end(tend_stream *stream)
{
	while (tend_stream_stats(stream).end == TEND_END_NONE)
		sched_yield();
	await_readers();
}

struct tend_event stream_next(tend_subscription *sub)
{
	struct tend_event e = { .kind = TEND_TIMED_OUT };

	CHECK_INT(0, tend_subscription_next(sub, TEST_PATIENCE, &e));
	return e;
}

void expect_chunk(tend_subscription *sub, const char *text)
{
	struct tend_event e = stream_next(sub);

	if (CHECK_INT(TEND_CHUNK, e.kind))
		CHECK_MEM(text, strlen(text), e.chunk.data, e.chunk.size);
}

/* The bytes that come next, however they are cut. */
void expect_bytes(tend_subscription *sub, const char *text)
{
	size_t n = strlen(text), at = 0;

	while (at < n) {
		struct tend_event e = stream_next(sub);

		if (!CHECK_INT(TEND_CHUNK, e.kind) || !CHECK(e.chunk.size <= n - at))
			return;
		CHECK_MEM(text + at, e.chunk.size, e.chunk.data, e.chunk.size);
		at += e.chunk.size;
	}
}

void expect_kind(tend_subscription *sub, enum tend_next kind)
{
	CHECK_INT(kind, stream_next(sub).kind);
}

void expect_gap(tend_subscription *sub, uint64_t bytes, uint64_t chunks, bool at_start)
{
	struct tend_event e = stream_next(sub);

	if (!CHECK_INT(TEND_GAP, e.kind))
		return;
	CHECK_INT(bytes, e.gap.bytes);
	CHECK_INT(chunks, e.gap.chunks);
	CHECK_INT(at_start, e.gap.at_start);
}
