/* SPDX-License-Identifier: MIT */
/* The books of a subscription: each byte once, in order, no gap for the reliable, and every byte accounted for. */
#include "streams.h"

#include <string.h>

tend_stream *stream SHARED;
tend_subscription *subs[MAX_SUBS] SHARED;
int pipe_fd SHARED;
uint64_t written SHARED;
_Atomic unsigned turn SHARED;

const struct tend_subscribe newest_lost = {
	.delivery = TEND_LOSSY, .overflow = TEND_DROP_NEWEST, .max_buffered_chunks = 1
};
const struct tend_subscribe oldest_lost = {
	.delivery = TEND_LOSSY, .overflow = TEND_DROP_OLDEST, .max_buffered_chunks = 1
};

struct tend_stream_options reliable(struct tend_replay replay, size_t capacity)
{
	return (struct tend_stream_options){
		.backend = TEND_BROADCAST,
		.delivery = TEND_RELIABLE,
		.replay = replay,
		.read_chunk_size = 2 * PIECE,
		.max_buffered_chunks = capacity,
	};
}

void open_stream_as(struct tend_stream_options options, unsigned pieces, bool ends)
{
	pipe_fd = model_pipe();
	for (unsigned i = 0; i < pieces; i++)
		model_pipe_write(pipe_fd, PIECE);
	if (ends)
		model_pipe_hang_up(pipe_fd);
	written = pieces * PIECE;
	CLAIM(tend_stream_open(pipe_fd, &options, "out", &stream, NULL) == 0);
}

void open_stream(struct tend_replay replay, size_t capacity, unsigned pieces, bool ends)
{
	open_stream_as(reliable(replay, capacity), pieces, ends);
}

void subscribe(int i, const struct tend_subscribe *how)
{
	CLAIM(tend_stream_subscribe(stream, how, &subs[i], NULL) == 0);
}

void close_subscription(int i)
{
	subs[i] = tend_subscription_close(subs[i]);
}

void free_stream(void)
{
	stream = tend_stream_free(stream);
}

static void begin(struct books *b, uint64_t offset)
{
	if (!b->begun)
		b->start = b->next = offset;
	b->begun = true;
}

void note_chunk(struct books *b, const struct tend_chunk *chunk)
{
	const unsigned char *bytes = chunk->data;

	begin(b, chunk->offset);
	CLAIM(chunk->size > 0 && chunk->offset == b->next);
	for (size_t i = 0; i < chunk->size; i++)
		CLAIM(bytes[i] == model_byte(chunk->offset + i));
	b->next += chunk->size;
	b->delivered += chunk->size;
}

void note_gap(struct books *b, const struct tend_gap *gap)
{
	CLAIM(gap->bytes > 0 || gap->at_start);
	CLAIM(b->is_lossy || gap->bytes == 0);
	CLAIM(!gap->at_start || !b->begun);
	CLAIM(gap->before == -1 || gap->before == model_byte(gap->offset - 1));
	begin(b, gap->offset - gap->bytes);
	b->next += gap->bytes;
	b->dropped += gap->bytes;
	CLAIM(b->next == gap->offset);
}

bool take_event(int i, tend_duration timeout, struct books *b)
{
	struct tend_event e;

	CLAIM(tend_subscription_next(subs[i], timeout, &e) == 0);
	CLAIM(e.kind != TEND_READ_ERROR && (e.kind != TEND_TIMED_OUT || timeout != TEND_FOREVER));
	if (e.kind == TEND_CHUNK)
		note_chunk(b, &e.chunk);
	else if (e.kind == TEND_GAP)
		note_gap(b, &e.gap);
	b->last = e.kind;
	b->ending = e.ending;
	return e.kind == TEND_CHUNK || e.kind == TEND_GAP;
}

void follow(int i, struct books *b)
{
	enum tend_next end;

	while (take_event(i, TEND_FOREVER, b))
		;
	end = b->last;
	CLAIM(!take_event(i, TEND_FOREVER, b) && b->last == end);
	CLAIM(b->next - b->start == b->delivered + b->dropped);
}

void check_to_eof(const struct books *b)
{
	CLAIM(b->last == TEND_EOF);
	CLAIM(!b->begun || b->next == written);
}

void check_to_detached(const struct books *b)
{
	CLAIM(b->last == TEND_DETACHED);
	CLAIM(b->next <= written);
}

void await_turn(unsigned n)
{
	model_await_at_least(&turn, n);
	CLAIM(atomic_load_explicit(&turn, memory_order_acquire) >= n);
}

void next_turn(void)
{
	atomic_fetch_add_explicit(&turn, 1, memory_order_release);
}
