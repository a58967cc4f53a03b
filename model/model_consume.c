/* SPDX-License-Identifier: MIT */
/*
 * Visitors (lib/consume.c), each with a thread of its own or on the reader, which are waited for, cancelled, drained,
 * broken off and freed while the stream is read: each sees its end once, as the last of its callbacks; who waits for it
 * sees all that it has done; nobody sleeps for ever.
 *
 * As in model_attach.c the reader and all behind it are those that ship.
 */
#include "../lib/stream.h"
#include "streams.h"

static tend_consumer *consumer SHARED;
static struct books visited SHARED;
static unsigned ends SHARED;

static enum tend_flow on_chunk(void *self, const struct tend_chunk *chunk)
{
	note_chunk(self, chunk);
	CLAIM(ends == 0);
	return TEND_CONTINUE;
}

static void on_gap(void *self, const struct tend_gap *gap)
{
	note_gap(self, gap);
	CLAIM(ends == 0);
}

static void on_end(void *self, const struct tend_end *end)
{
	const struct books *b = self;

	CLAIM(ends++ == 0);
	CLAIM(!b->begun || end->offset == b->next);
}

static enum tend_flow break_at_once(void *self, const struct tend_chunk *chunk)
{
	on_chunk(self, chunk);
	return TEND_BREAK;
}

static enum tend_flow on_chunk_in_turn(void *self, const struct tend_chunk *chunk)
{
	enum tend_flow flow = on_chunk(self, chunk);

	next_turn();
	return flow;
}

static void consume(enum tend_runs_on runs_on)
{
	const struct tend_visitor v = {
		.on_chunk = runs_on == TEND_ON_READER ? on_chunk_in_turn : on_chunk,
		.on_gap = on_gap,
		.on_end = on_end,
		.runs_on = runs_on
	};

	CLAIM(tend_stream_consume(stream, &v, &visited, &consumer, NULL) == 0);
}

static void consumed_one(enum tend_runs_on runs_on, bool ends_too)
{
	open_stream(TEND_REPLAY_NONE, 1, 1, ends_too);
	consume(runs_on);
}

static void own_thread(void) { consumed_one(TEND_ON_OWN_THREAD, true); }
static void own_thread_open(void) { consumed_one(TEND_ON_OWN_THREAD, false); }

/* Its books begin when it comes, and not with the first chunk that it gets. */
static void own_thread_retaining(void)
{
	open_stream(TEND_REPLAY_ALL, 1, 1, true);
	consume(TEND_ON_OWN_THREAD);
}

static void on_reader(void) { consumed_one(TEND_ON_READER, true); }
static void on_reader_open(void) { consumed_one(TEND_ON_READER, false); }

/* All has been given, and the visitor's state is visible. */
static void wait_for_consumer(void)
{
	struct tend_consumed c;

	CLAIM(tend_consumer_wait(consumer, TEND_FOREVER, &c, NULL) == 0);
	CLAIM(c.ending == TEND_END_EOF && c.bytes == written);
	CLAIM(visited.delivered == written && ends == 1);
	consumer = tend_consumer_free(consumer);
}

static void cancel(enum tend_cancel how)
{
	struct tend_consumed c;

	CLAIM(tend_consumer_cancel(consumer, TEND_FOREVER, how, &c, NULL) == 0);
	CLAIM(c.ending == TEND_END_CANCELLED || c.ending == TEND_END_EOF);
	CLAIM(visited.delivered == c.bytes && ends == 1);
	consumer = tend_consumer_free(consumer);
}

static void cancel_now(void)
{
	cancel(TEND_CANCEL_NOW);
	free_stream();
}

static void cancel_drain(void)
{
	cancel(TEND_CANCEL_DRAIN);
	free_stream();
}

/* One that is through is not waited for, although nobody has freed it yet. */
static void own_thread_breaks(void)
{
	const struct tend_visitor v = { .on_chunk = break_at_once, .on_end = on_end };

	open_stream(TEND_REPLAY_NONE, 1, 3, true);
	CLAIM(tend_stream_consume(stream, &v, &visited, &consumer, NULL) == 0);
}

static void wait_for_reader(void)
{
	CLAIM(tend__stream_wait_gone(stream, INT64_MAX));
	consumer = tend_consumer_free(consumer);
	free_stream();
}

static void free_consumer(void) { consumer = tend_consumer_free(consumer); }

static void free_consumer_and_stream(void)
{
	free_consumer();
	free_stream();
}

static void check_ended_once(void) { CLAIM(ends == 1); }

static void ended_once(void)
{
	CLAIM(ends == 1);
	free_stream();
}

/* What is retained is there for a consumer on the reader although no more is read. */
static void retained_and_open(void) { open_stream(TEND_REPLAY_ALL, 1, 1, false); }

static void consume_what_is_retained(void)
{
	model_await_read(pipe_fd, PIECE);
	consume(TEND_ON_READER);
	await_turn(1);
	CLAIM(visited.delivered == PIECE);
	consumer = tend_consumer_free(consumer);
	free_stream();
}

/* The same while the reader is parked for another one; and it does not stay awake because it was asked once. */
static void full_retaining(void)
{
	open_stream(TEND_REPLAY_ALL, 1, 2, false);
	subscribe(0, NULL);
}

static void consume_beside_full(void)
{
	consume(TEND_ON_READER);
	await_turn(2);
	CLAIM(visited.delivered == written);
	close_subscription(0);
	consumer = tend_consumer_free(consumer);
	free_stream();
}

#define READER model_first_thread
#define OWN_THREAD model_second_thread
#define ALL MODEL_ALL
static const struct scenario scenarios[] = {
	{ "a consumer, waited for", own_thread, free_stream, { READER, OWN_THREAD, wait_for_consumer }, 2, 1 },
	{ "a consumer, cancelled now", own_thread_open, NULL, { READER, OWN_THREAD, cancel_now }, 2, 1 },
	{ "a consumer, drained", own_thread, NULL, { READER, OWN_THREAD, cancel_drain }, 1, 0 },
	{ "a consumer, drained from the first byte on", own_thread_retaining, NULL,
	  { READER, OWN_THREAD, cancel_drain }, 2, 0 },
	{ "a consumer, freed", own_thread_open, check_ended_once,
	  { READER, OWN_THREAD, free_consumer_and_stream }, 1, 0 },
	{ "a consumer, broken off", own_thread_breaks, NULL, { READER, OWN_THREAD, wait_for_reader }, 1, 0 },
	{ "a consumer on the reader, waited for", on_reader, free_stream, { READER, wait_for_consumer }, ALL, ALL },
	{ "a consumer on the reader, cancelled now", on_reader_open, NULL, { READER, cancel_now }, ALL, 2 },
	{ "a consumer on the reader, drained", on_reader, NULL, { READER, cancel_drain }, ALL, 1 },
	{ "a consumer on the reader, freed", on_reader, ended_once, { READER, free_consumer }, ALL, 2 },
	{ "a consumer on the reader, of what is retained", retained_and_open, NULL,
	  { READER, consume_what_is_retained }, ALL, 2 },
	{ "a consumer on the reader, which is parked", full_retaining, NULL, { READER, consume_beside_full }, ALL, 1 },
};

int main(int argc, char **argv)
{
	return model_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
