/* SPDX-License-Identifier: MIT */
/*
 * Consumers that take turns at the one slot of a stream while a child writes as fast as it can.  A handover is exact
 * when the slot is free as soon as the old consumer is cancelled, when what each of them saw is contiguous and is
 * what the child wrote at these offsets, and when the new one begins where the old one ended or behind it.  The
 * detach is the call that cancels; the stall is the time from there to the new consumer's first byte.
 */
#include "by_tend.h"

#include <semaphore.h>
#include <string.h>

#include "driver.h"

struct turn {
	sem_t begun;          /* its first chunk has come */
	bool has_begun;       /* the visitor's own */
	uint64_t first, next; /* offsets: of its first byte, and behind its last one */
	int64_t begun_ns;
};

/* The word of 8 bytes at each multiple of 8 is its own offset: the first and the last one are looked at. */
static bool is_as_written(const struct tend_chunk *chunk)
{
	size_t first = (size_t)(-chunk->offset & 7), last;
	uint64_t word;

	if (chunk->size < first + sizeof word)
		return true;
	last = first + ((chunk->size - first) / sizeof word - 1) * sizeof word;
	memcpy(&word, (const char *)chunk->data + first, sizeof word);
	if (word != chunk->offset + first)
		return false;
	memcpy(&word, (const char *)chunk->data + last, sizeof word);
	return word == chunk->offset + last;
}

static enum tend_flow check_chunk(void *self, const struct tend_chunk *chunk)
{
	struct turn *t = self;

	if (!t->has_begun) {
		t->begun_ns = now_ns();
		t->first = t->next = chunk->offset;
	}
	if (chunk->offset != t->next || !is_as_written(chunk))
		fail("a consumer was given bytes of another place");
	t->next += chunk->size;
	if (!t->has_begun)
		sem_post(&t->begun);
	t->has_begun = true;
	return TEND_CONTINUE;
}

static tend_consumer *begin_turn(tend_stream *stream, struct turn *t)
{
	const struct tend_visitor visitor = { .on_chunk = check_chunk, .runs_on = runs_on() };

	*t = (struct turn){ 0 };
	sem_init(&t->begun, 0, 0);
	return consume(stream, &visitor, t); /* it fails where the slot is not free */
}

/* Ends the turn by the books: what it was given is all that it says it was given, and nothing was lost in between. */
static void end_turn(tend_consumer *consumer, struct turn *t)
{
	struct tend_consumed seen;
	struct tend_error err;
	int64_t at = now_ns();

	if (tend_consumer_cancel(consumer, TEND_SECONDS(10), TEND_CANCEL_NOW, &seen, &err) < 0)
		fail("%s", err.message);
	samples_add(now_ns() - at);
	if (seen.ending != TEND_END_CANCELLED || seen.bytes_dropped > 0 || seen.bytes != t->next - t->first)
		fail("the books of a consumer do not add up");
	tend_consumer_free(consumer);
	delivered.bytes += seen.bytes;
	sem_destroy(&t->begun);
}

void tend_handover(void)
{
	const char *const *argv = child_words("numbers", NULL);
	struct tend_stream_options options = stream_options();
	struct tend_spawn how = one_stream(argv, &options);
	uint64_t n = option_number("n", 10000), exact = 0;
	int64_t longest_ns = 0;
	struct turn turns[2];
	tend_consumer *consumer;
	tend_process *process;

	how.out.stream.replay = TEND_REPLAY_NONE;
	samples_reserve(n + 1);
	measure_begin();
	process = start(&how);
	consumer = begin_turn(tend_process_stdout(process), &turns[0]);
	sem_wait(&turns[0].begun);
	for (; exact < n; exact++) {
		struct turn *from = &turns[exact % 2], *to = &turns[(exact + 1) % 2];
		int64_t at = now_ns();

		end_turn(consumer, from);
		consumer = begin_turn(tend_process_stdout(process), to);
		sem_wait(&to->begun);
		if (to->first < from->next)
			fail("a consumer was given bytes that another one had");
		if (to->begun_ns - at > longest_ns)
			longest_ns = to->begun_ns - at;
	}
	end_turn(consumer, &turns[exact % 2]);
	note("read_bytes", (double)tend_stream_stats(tend_process_stdout(process)).bytes_read);
	measure_end();
	note("exact", (double)exact);
	note("longest_stall_us", (double)longest_ns / 1e3);
	if (tend_process_kill(process, TEND_SECONDS(10), NULL, NULL) < 0)
		fail("cannot end the child");
	delivered.exits = 1;
	tend_process_free(process);
}
